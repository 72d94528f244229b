//! Which sessions, tokens and app passwords were used? Told to the store some at a time.
//!
//! A use is noted at most every few minutes for a session and every hour for a token or an app password; a million sessions
//! make many of them all the same. They come together here and go to the store twice a second, hundreds in one commit. What
//! is lost when the program dies costs a little of an idle limit.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use access::Timestamp;
use access::identity::{SessionId, TokenId};

use super::facts::Use;
use crate::store::vault::{AppPasswordKey, CLIENT_LENGTH, LastUse, Vault};

/// Uses that the store was not told of yet.
#[derive(Debug, Default)]
pub(super) struct Uses(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    sessions: Vec<(SessionId, Timestamp)>,
    tokens: Vec<(TokenId, Timestamp, IpAddr)>,
    app_passwords: Vec<(AppPasswordKey, LastUse)>,
}

impl Uses {
    /// One more; beyond [`KEPT`] it is let go; a later one of the same is noted.
    pub(super) fn note(&self, used: Use, at: Timestamp, from: IpAddr, client: &str) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.sessions.len() + noted.tokens.len() + noted.app_passwords.len() < KEPT {
            match used {
                Use::Session(id) => noted.sessions.push((id, at)),
                Use::Token(id) => noted.tokens.push((id, at, from)),
                Use::AppPassword(key) => {
                    let client = client.chars().take(CLIENT_LENGTH).collect();
                    noted.app_passwords.push((key, LastUse { at, from, client }));
                }
            }
        }
    }

    /// Tells the store. Failures are only logged.
    pub(super) async fn tell(&self, vault: &Vault) {
        let Noted { sessions, tokens, app_passwords } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let told = async {
            vault.touch_sessions(&sessions).await?;
            vault.touch_tokens(&tokens).await?;
            vault.touch_app_passwords(app_passwords).await
        };
        // A store that fails once is not asked for the rest: each question could wait for as long as the first.
        if let Err(error) = told.await {
            tracing::warn!(%error, "last uses could not be noted");
        }
    }
}

/// A few megabytes.
const KEPT: usize = 65_536;
