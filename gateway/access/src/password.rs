//! Is this the password, and is it a good one?
//!
//! Argon2id, 19 MiB, t=2, p=1 (OWASP; ASVS 11.4.2), stored as a PHC string and verified with the parameters stored in it.
//! NFC first (NIST SP 800-63B-4 §3.1.1.2), then every byte counts; at most 1,024 bytes. Salt comes from the caller.
//! One hash costs tens of milliseconds and 19 MiB: callers hold a permit of the hash pool.

use crate::Secret;

/// A password as typed, NFC, 1–1,024 bytes.
pub struct Password(Secret<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a text can't be a password at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordError {
    /// Nothing typed.
    #[error("type your password")]
    Empty,
    /// More than 1,024 bytes.
    #[error("a password has at most 1,024 bytes")]
    TooLong,
}

/// Why a password is not accepted as a new one; the sentences are for the person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Weakness {
    /// Fewer characters than asked for.
    #[error("Use at least {least} characters. A few words in a row are easy to remember.")]
    TooShort {
        /// The least number of characters.
        least: usize,
    },
    /// On the list of passwords that are tried first.
    #[error("This password is on every attacker's list. Choose another.")]
    Common,
    /// Made of the person's or the organization's own words.
    #[error("This password is made of your name or your organization's. Choose another.")]
    Personal,
}

/// Does the account have a second step? It decides the least length: 8 characters with one, 15 without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strength {
    /// With a second step: at least 8 characters.
    WithSecondStep,
    /// Alone: at least 15 characters.
    Alone,
}

/// The answer to "is this the password?".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Yes.
    Right,
    /// Yes, and the stored hash is weaker than today's parameters: store a new one.
    RightButOld,
    /// No.
    Wrong,
}

/// An Argon2id hash in PHC form. Not secret enough to hide, too secret to print.
#[derive(Clone)]
pub struct PasswordHash(String);

impl Password {
    /// Normalises and bounds. Errors: [`PasswordError`].
    pub fn parse(_typed: Secret<String>) -> Result<Self, PasswordError> {
        unimplemented!()
    }

    /// May this become somebody's password? `words` are the person's and the organization's own; the whole password is
    /// compared, so a phrase that merely contains one passes.
    pub fn accept(&self, _strength: Strength, _words: &[&str]) -> Result<(), Weakness> {
        unimplemented!()
    }

    /// Hashes with today's parameters and the caller's random salt.
    pub fn hash(&self, _salt: [u8; 16]) -> PasswordHash {
        unimplemented!()
    }

    /// Compares with a stored hash; with `None` does the same work against a decoy and answers [`Verdict::Wrong`].
    pub fn verify(&self, _stored: Option<&PasswordHash>) -> Verdict {
        let _ = &self.0;
        unimplemented!()
    }
}

impl PasswordHash {
    /// From the store. `None` if it is no PHC string of Argon2id.
    pub fn from_phc(_text: String) -> Option<Self> {
        unimplemented!()
    }

    /// The PHC string, for the store.
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
