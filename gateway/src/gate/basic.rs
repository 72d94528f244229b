//! Who shows a user name and an app password, by HTTP Basic (RFC 7617; A1, S14, S15)?
//!
//! Calendars and the like show theirs with every request: what was right a moment ago is known in memory, without the store
//! and without being counted. Everything else is counted, committed, before it is compared; of a name that nobody has, too,
//! and then compared all the same. What one client shows again and again is one guess, however often: a calendar with an
//! old password locks nobody out. App passwords are counted apart from the web password of the same person, for the same
//! reason. The web password is never even looked at here.

use std::time::Duration;

use access::ClientAddr;
use access::identity::{LoginName, UserId};
use access::secret::TypedSecret;
use data_encoding::BASE64;
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{Cause, Found, Gate};
use crate::audit::{Actor, Entry};
use crate::store::StoreError;
use crate::store::vault::Digest;

/// Guesses, each a digest of the name, the letters and the source.
pub(super) struct Guesses {
    /// Those that were wrong and were counted.
    counted: Cache<Digest, ()>,
    /// Who makes the same guess at the same time waits for the first: a program that opens four connections at once has made
    /// one guess. By the digest's first byte, which nobody can choose.
    turns: [Mutex<()>; 256],
}

impl Default for Guesses {
    fn default() -> Self {
        Self { counted: Cache::new(REMEMBERED), turns: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Gate {
    /// Who it is, if name and letters belong together.
    pub(super) async fn identify_basic(&self, credentials: &str, from: ClientAddr) -> Result<Found, StoreError> {
        // What can't be right is told so, and nothing is learned from it: no secret was looked at.
        let Some((login, secret)) = read(credentials) else { return Ok(Found::Wrong(Cause::AppPasswordInvalid)) };
        let shown = self.vault.basic_digest(&login, &secret);
        let known = || self.facts.shown_before(shown).filter(|visitor| visitor.is_current());
        if let Some(visitor) = known() {
            return Ok(Found::Visitor(visitor, None));
        }
        let guess = self.vault.digest("guess", &[&shown.0, from.source().to_string().as_bytes()].concat());
        let _turn = self.guesses.turns[usize::from(guess.0[0])].lock().await;
        if let Some(visitor) = known() {
            return Ok(Found::Visitor(visitor, None));
        }
        // No more than the id: what else is read of somebody would take time that nobody's name does not take.
        let owner = self.vault.id_called(&login).await?;
        let account = account(&login, owner);
        // What was right before and has changed since, or was counted before, tells a guesser nothing new.
        let counts = self.facts.shown_before(shown).is_none() && self.guesses.counted.get(&guess).is_none();
        if counts && let Err(until) = self.vault.reserve_attempt(&account, from).await? {
            return Ok(Found::Wrong(Cause::TooManyTries(until.since(self.clock.now()).max(SHORTEST_WAIT))));
        }
        let owner = owner.unwrap_or(NOBODY);
        let key = (owner, self.vault.app_password_digest(owner, &secret));
        let visitor = self.facts.app_password(key, &login, shown).await?;
        match visitor {
            Some(visitor) => {
                if counts {
                    self.vault.forgive_attempt(&account, from).await?;
                }
                Ok(Found::Visitor(visitor, None))
            }
            None => {
                if counts {
                    self.guesses.counted.insert(guess, ());
                    // Without the name: people type passwords into that field.
                    self.vault.note(Entry::new(Actor::Anonymous, "app_password.wrong").from(from.ip())).await?;
                }
                Ok(Found::Wrong(Cause::AppPasswordInvalid))
            }
        }
    }
}

/// One bucket a person, however they are called, and one for each name that nobody has.
fn account(login: &LoginName, owner: Option<UserId>) -> String {
    match (owner, login) {
        (Some(id), _) => format!("app password:{id}"),
        (None, LoginName::Name(name)) => format!("app password of nobody:{name}"),
        (None, LoginName::Email(email)) => format!("app password of nobody:{email}"),
    }
}

/// The name and the letters, in exactly the one base64 there is of them. `None`: these can't be an app password's.
fn read(credentials: &str) -> Option<(LoginName, TypedSecret)> {
    if credentials.len() > LONGEST {
        return None;
    }
    let decoded = Zeroizing::new(BASE64.decode(credentials.as_bytes()).ok()?);
    // RFC 7617 §2: the first colon ends the user-id.
    let (name, letters) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((LoginName::parse(name).ok()?, TypedSecret::parse(letters)?))
}

/// In whose place nobody is looked up. Ids are random; this one is nobody's.
const NOBODY: UserId = UserId([0; 16]);
/// Characters of base64 that are looked at: a name, an address at most, and sixteen letters typed generously.
const LONGEST: usize = 1_024;
/// Wrong guesses that are remembered as counted, a few megabytes; what falls out counts once more.
const REMEMBERED: usize = 65_536;
/// A wait that ends this moment is told all the same.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_credentials_make_the_reader_panic(text in ".{0,60}", decoded in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&text);
            let _ = read(&BASE64.encode(&decoded));
        }
    }

    #[test]
    fn credentials_are_read_in_one_way_only() {
        let encoded = |text: &str| BASE64.encode(text.as_bytes());
        let secret = TypedSecret::parse("0123-4567-89AB-CDEF").unwrap();
        for (text, login) in [
            ("ana:0123456789ABCDEF", "ana"),
            ("Ana:0123-4567-89ab-cdef", "ana"),
            ("ana@acme.example:0123 4567 89ab cdef", "ana@acme.example"),
        ] {
            let (read_login, read_secret) = read(&encoded(text)).expect(text);
            assert_eq!(read_login, LoginName::parse(login).unwrap(), "{text}");
            assert!(read_secret.bytes() == secret.bytes(), "{text}");
        }
        for text in ["", "ana", ":", "ana:", ":0123456789ABCDEF", "ana:0123456789ABCDEF:", "a b:0123456789ABCDEF"] {
            assert!(read(&encoded(text)).is_none(), "{text}");
        }
        let whole = encoded("ana:0123456789ABCDEF");
        assert!(whole.ends_with('='), "with padding");
        for broken in [
            whole.trim_end_matches('=').to_owned(),
            format!("{whole}="),
            format!(" {whole}"),
            whole.replace('=', "A"),
            encoded(&format!("ana:{}0123456789ABCDEF", " ".repeat(LONGEST))),
            BASE64.encode(b"ana:\xff123456789ABCDEF"),
        ] {
            assert!(read(&broken).is_none(), "{broken}");
        }
    }
}
