//! How do an issuer's keys come here? From a file, or asked over HTTPS: no redirect is followed, no proxy asked, at most
//! [`LARGEST`] bytes are read, and all of it takes [`LONGEST`] at most.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::keys::{KeySet, KeysFault};
use crate::config::KeySource;

/// Why there are no new keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0}")]
    Http(String),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("it is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("the CA can't be used: {0}")]
    Authority(String),
    #[error(transparent)]
    Keys(#[from] KeysFault),
}

/// The keys as they are now. Errors: [`FetchError`].
pub(super) async fn keys(source: &KeySource) -> Result<KeySet, FetchError> {
    let bytes = match source {
        KeySource::File(file) => from_file(file).await?,
        KeySource::Url { url, ca_file } => from_url(url, ca_file.as_deref()).await?,
    };
    Ok(KeySet::read(&bytes)?)
}

async fn from_file(file: &Path) -> Result<Vec<u8>, FetchError> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    tokio::fs::File::open(file).await?.take(LARGEST as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > LARGEST { Err(FetchError::TooLarge) } else { Ok(bytes) }
}

async fn from_url(url: &str, ca_file: Option<&Path>) -> Result<Vec<u8>, FetchError> {
    let said = |error: reqwest::Error| FetchError::Http(in_full(&error.without_url()));
    let mut answer = client(ca_file).await?.get(url).send().await.map_err(said)?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(said)? {
        if bytes.len() + piece.len() > LARGEST {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn client(ca_file: Option<&Path>) -> Result<Client, FetchError> {
    let authority = |error: &dyn std::fmt::Display| FetchError::Authority(error.to_string());
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let pem = tokio::fs::read(file).await?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| authority(&error))?;
                roots.add(certificate).map_err(|error| authority(&error))?;
            }
        }
        None => {
            let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            roots.add_parsable_certificates(found.map_err(|error| authority(&error))?.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| authority(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(LONGEST)
        .timeout(LONGEST)
        .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| FetchError::Http(in_full(&error)))
}

/// The error and what it came from.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// Of an answer or a file.
const LARGEST: usize = 256 * 1024;
/// For everything together.
const LONGEST: Duration = Duration::from_secs(5);
