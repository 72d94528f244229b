//! How do an issuer's keys come here? From a file, or asked over HTTPS: no redirect is followed, no proxy asked, at most
//! [`LARGEST`] bytes are read, and all of it takes [`LONGEST`] at most.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;

use super::keys::{KeySet, KeysFault};
use crate::config::KeySource;
use crate::outgoing;

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
    let said = |error: reqwest::Error| FetchError::Http(outgoing::in_full(&error.without_url()));
    let client = outgoing::client(ca_file, LONGEST).await.map_err(FetchError::Http)?;
    let mut answer = client.get(url).send().await.map_err(said)?;
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

/// Of an answer or a file.
const LARGEST: usize = 256 * 1024;
/// For everything together.
const LONGEST: Duration = Duration::from_secs(5);
