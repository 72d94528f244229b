//! How do we ask other people's servers? Over HTTPS that is verified, straight, and only where we were told to: no redirect
//! is followed, no proxy of the environment asked.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A client whose requests take `longest` at most. It believes the CAs in that file and no others; without one, the system's.
/// Errors: what can't be read or used, in words.
pub async fn client(ca_file: Option<&Path>, longest: Duration) -> Result<Client, String> {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| in_full(&error))?
        .with_root_certificates(roots(ca_file).await?)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(longest)
        .timeout(longest)
        .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| in_full(&error))
}

async fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca_file else {
        let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
        let found = found.map_err(|error| format!("the system's CAs can't be read: {error}"))?;
        roots.add_parsable_certificates(found.certs);
        return Ok(roots);
    };
    let pem = tokio::fs::read(file).await.map_err(|error| format!("the CA can't be read: {error}"))?;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("the CA can't be read: {error}"))?;
        roots.add(certificate).map_err(|error| format!("the CA can't be used: {error}"))?;
    }
    Ok(roots)
}

/// An error with what led to it.
pub fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
