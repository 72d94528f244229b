//! Is this the password, and is it a good one?
//!
//! Argon2id, 19 MiB, t=2, p=1 (OWASP; ASVS 11.4.2), stored as a PHC string and verified with the parameters stored in it.
//! NFC first (NIST SP 800-63B-4 §3.1.1.2), then every byte counts; at most 1,024 bytes. Salt comes from the caller.
//! One hash costs tens of milliseconds and 19 MiB: callers hold a permit of the hash pool.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use sha1::{Digest, Sha1};
use unicode_normalization::UnicodeNormalization;

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
    /// In a file of passwords that have leaked; whoever has that file says so.
    #[error("This password has appeared in a leak of passwords. Choose another.")]
    Breached,
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
    pub fn parse(typed: Secret<String>) -> Result<Self, PasswordError> {
        let text = typed.expose();
        // NFC makes a text at most three times shorter (Unicode UAX #15 §9): what is longer stays too long, and a
        // megabyte is refused without being looked at.
        if text.len() > 3 * LONGEST {
            return Err(PasswordError::TooLong);
        }
        // Room for all of it, as NFC makes a text at most three times longer too: a string that grows leaves copies behind.
        let mut normal = Secret::new(String::with_capacity(3 * text.len()));
        normal.expose_mut().extend(text.nfc());
        match normal.expose().len() {
            0 => Err(PasswordError::Empty),
            length if length > LONGEST => Err(PasswordError::TooLong),
            _ => Ok(Self(normal)),
        }
    }

    /// May this become somebody's password? `words` are the person's and the organization's own; the whole password is
    /// compared, so a phrase that merely contains one passes. Digits and punctuation don't make such a word better.
    pub fn accept(&self, strength: Strength, words: &[&str]) -> Result<(), Weakness> {
        let least = match strength {
            Strength::WithSecondStep => 8,
            Strength::Alone => 15,
        };
        if self.0.expose().chars().count() < least {
            return Err(Weakness::TooShort { least });
        }
        let lower = Secret::new(self.0.expose().to_lowercase());
        if COMMON.lines().any(|common| common == lower.expose()) {
            return Err(Weakness::Common);
        }
        let letters = Secret::new(lower.expose().chars().filter(|c| c.is_alphabetic()).collect::<String>());
        if is_made_of(letters.expose(), words) { Err(Weakness::Personal) } else { Ok(()) }
    }

    /// What lists of breached passwords know it by. Too fast to keep a password by: never stored.
    pub fn sha1(&self) -> [u8; 20] {
        Sha1::digest(self.0.expose().as_bytes()).into()
    }

    /// Hashes with today's parameters and the caller's random salt.
    pub fn hash(&self, salt: [u8; 16]) -> PasswordHash {
        let hash = today()
            .hash_password_with_salt(self.0.expose().as_bytes(), &salt)
            .expect("salt, password and parameters are within Argon2's bounds");
        PasswordHash(hash.to_string())
    }

    /// Compares with a stored hash; with `None` does the same work against a decoy and answers [`Verdict::Wrong`].
    pub fn verify(&self, stored: Option<&PasswordHash>) -> Verdict {
        let phc = stored.map_or(DECOY, PasswordHash::as_phc);
        // Everything that can go wrong here says no: a hash that can't be read opens nothing.
        let right = PasswordVerifier::<str>::verify_password(&today(), self.0.expose().as_bytes(), phc).is_ok();
        match stored {
            Some(hash) if right && hash.is_old() => Verdict::RightButOld,
            Some(_) if right => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

impl PasswordHash {
    /// From the store. `None` if it is no PHC string of Argon2id.
    pub fn from_phc(text: String) -> Option<Self> {
        let hash = phc::PasswordHash::new(&text).ok()?;
        let complete = hash.salt.is_some() && hash.hash.is_some() && Params::try_from(&hash).is_ok();
        let is_argon2id = hash.algorithm == Algorithm::Argon2id.ident();
        (is_argon2id && complete).then_some(Self(text))
    }

    /// The PHC string, for the store.
    pub fn as_phc(&self) -> &str {
        &self.0
    }

    /// Weaker than today's: less memory, less work in all, a shorter hash or an older version.
    fn is_old(&self) -> bool {
        let Ok(hash) = phc::PasswordHash::new(&self.0) else { return true };
        let Ok(params) = Params::try_from(&hash) else { return true };
        let work = |memory: u32, passes: u32| u64::from(memory) * u64::from(passes);
        params.m_cost() < MEMORY_KIB
            || work(params.m_cost(), params.t_cost()) < work(MEMORY_KIB, PASSES)
            || hash.hash.is_none_or(|output| output.len() < HASH_BYTES)
            || hash.version != Some(Version::V0x13.into())
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

fn today() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_BYTES)).expect("constants within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Are the letters one of the words or several of them in a row, in any order?
fn is_made_of(letters: &str, words: &[&str]) -> bool {
    let words: Vec<String> =
        words.iter().flat_map(|word| word.split(|c: char| !c.is_alphabetic())).map(str::to_lowercase).collect();
    // `reached[at]`: the letters up to the byte `at` are words.
    let mut reached = vec![false; letters.len() + 1];
    reached[0] = true;
    for at in 0..letters.len() {
        if reached[at] {
            for word in words.iter().filter(|word| !word.is_empty() && letters[at..].starts_with(&***word)) {
                reached[at + word.len()] = true;
            }
        }
    }
    !letters.is_empty() && reached[letters.len()]
}

const LONGEST: usize = 1_024;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const HASH_BYTES: usize = 32;

/// Nobody's hash, with today's parameters. Written down, not computed at the first use, which would take twice as long
/// and show that nobody was found.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$VmVzdGlidWxlIGRlY295IQ$Tm9ib2R5J3MgcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXM";

/// Well-known passwords of eight characters and more, lower case: shorter ones are too short anyway.
const COMMON: &str = include_str!("common_passwords.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_between_one_and_1024_bytes() {
        for (text, expected) in [
            (String::new(), Some(PasswordError::Empty)),
            ("a".to_owned(), None),
            (" ".to_owned(), None),
            ("\0".to_owned(), None),
            ("a".repeat(1_024), None),
            ("a".repeat(1_025), Some(PasswordError::TooLong)),
            ("e\u{301}".repeat(512), None),
            ("e\u{301}".repeat(513), Some(PasswordError::TooLong)),
            ("a".repeat(1 << 20), Some(PasswordError::TooLong)),
        ] {
            assert_eq!(Password::parse(Secret::new(text.clone())).err(), expected, "{} bytes", text.len());
        }
    }

    #[test]
    fn a_new_password_has_eight_characters_with_a_second_step_and_fifteen_without() {
        for (text, strength, expected) in [
            ("xkqzvwp", Strength::WithSecondStep, Err(Weakness::TooShort { least: 8 })),
            ("xkqzvwpj", Strength::WithSecondStep, Ok(())),
            ("éééééééé", Strength::WithSecondStep, Ok(())),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", Strength::WithSecondStep, Err(Weakness::TooShort { least: 8 })),
            ("xkqzvwpjxkqzvw", Strength::Alone, Err(Weakness::TooShort { least: 15 })),
            ("xkqzvwpjxkqzvwp", Strength::Alone, Ok(())),
        ] {
            assert_eq!(password(text).accept(strength, &[]), expected, "{text:?}");
        }
    }

    #[test]
    fn a_password_that_everybody_tries_first_is_refused_in_any_case() {
        for text in
            ["password", "Password1", "PASSWORD123", "12345678", "qwertyuiop", "iloveyou", "correcthorsebatterystaple"]
        {
            assert_eq!(password(text).accept(Strength::WithSecondStep, &[]), Err(Weakness::Common), "{text:?}");
        }
        assert_eq!(password("password of my aunt").accept(Strength::Alone, &[]), Ok(()));
    }

    #[test]
    fn a_password_of_ones_own_words_is_refused_and_one_that_contains_them_is_not() {
        let words = ["ana.lopez", "Acme", "Gateway", "München", ""];
        for (text, expected) in [
            ("AnaLopez", Err(Weakness::Personal)),
            ("lopez_ana", Err(Weakness::Personal)),
            ("AcmeGateway2026!", Err(Weakness::Personal)),
            ("acme-acme-1", Err(Weakness::Personal)),
            ("1!acme!gateway", Err(Weakness::Personal)),
            ("MÜNCHEN1234", Err(Weakness::Personal)),
            ("acme roadrunner", Ok(())),
            ("my acme gateway", Ok(())),
            ("acmegatewa", Ok(())),
            ("84920573", Ok(())),
            ("!!!!!!!!", Ok(())),
        ] {
            assert_eq!(password(text).accept(Strength::WithSecondStep, &words), expected, "{text:?}");
        }
        assert_eq!(password("anything at all").accept(Strength::Alone, &[]), Ok(()));
    }

    #[test]
    fn lists_of_breached_passwords_know_a_password_by_its_sha1() {
        for (text, sha1) in [
            ("password", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"),
            ("Pass\u{e9}", "311f08d7fb4c2d8dfe40d7e35a0644deb952729f"),
        ] {
            let found = data_encoding::HEXLOWER.encode(&password(text).sha1());
            assert_eq!(found, sha1, "{text}");
        }
        assert_eq!(password("Passe\u{301}").sha1(), password("Pass\u{e9}").sha1(), "NFC first");
    }

    #[test]
    fn only_the_very_same_password_is_right() {
        let stored = password("correct horse é").hash([7; 16]);
        for (text, verdict) in [
            ("correct horse é", Verdict::Right),
            ("correct horse e\u{301}", Verdict::Right),
            ("correct horse e", Verdict::Wrong),
            ("Correct horse é", Verdict::Wrong),
            ("correct horse é ", Verdict::Wrong),
            ("correct horse é\0", Verdict::Wrong),
        ] {
            assert_eq!(password(text).verify(Some(&stored)), verdict, "{text:?}");
        }
    }

    #[test]
    fn every_byte_of_a_long_password_counts() {
        let mut text = "a".repeat(1_024);
        let stored = password(&text).hash([7; 16]);
        text.replace_range(1_023.., "b");
        assert_eq!(password(&text).verify(Some(&stored)), Verdict::Wrong);
    }

    #[test]
    fn a_weaker_hash_is_right_but_old() {
        let old = |memory, passes, version, length| {
            let params = Params::new(memory, passes, 1, Some(length)).expect("within bounds");
            let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
            let hash = argon2.hash_password_with_salt(b"correct horse", &[7; 16]).expect("within bounds");
            PasswordHash::from_phc(hash.to_string()).expect("a PHC string of Argon2id")
        };
        let now = Version::V0x13;
        for (hash, verdict) in [
            (old(19_456, 2, now, 32), Verdict::Right),
            (old(65_536, 3, now, 32), Verdict::Right),
            (old(38_912, 1, now, 32), Verdict::Right),
            (old(19_456, 1, now, 32), Verdict::RightButOld),
            (old(7_168, 5, now, 32), Verdict::RightButOld),
            (old(8, 10_000, now, 32), Verdict::RightButOld),
            (old(19_456, 2, now, 16), Verdict::RightButOld),
            (old(19_456, 2, Version::V0x10, 32), Verdict::RightButOld),
        ] {
            assert_eq!(password("correct horse").verify(Some(&hash)), verdict, "{}", hash.as_phc());
            assert_eq!(password("wrong horse").verify(Some(&hash)), Verdict::Wrong, "{}", hash.as_phc());
        }
    }

    #[test]
    fn a_hash_is_kept_as_a_phc_string_and_read_back() {
        let hash = password("correct horse").hash([7; 16]);
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"));
        let read = PasswordHash::from_phc(hash.as_phc().to_owned()).expect("what was written can be read");
        assert_eq!(password("correct horse").verify(Some(&read)), Verdict::Right);
    }

    #[test]
    fn what_is_no_argon2id_hash_is_not_taken_from_the_store() {
        for text in [
            "",
            "correct horse",
            "$2b$12$abcdefghijklmnopqrstuuPWvhBXWfqJ4zZkVJvJv9e7fVnJ6Y5bq",
            "$argon2i$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$Tm9ib2R5J3MgcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXM",
            "$argon2d$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$Tm9ib2R5J3MgcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXM",
            "$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=1,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$Tm9ib2R5J3MgcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXM",
            "$argon2id",
        ] {
            assert!(PasswordHash::from_phc(text.to_owned()).is_none(), "{text:?}");
        }
    }

    #[test]
    fn nobody_costs_the_same_work_and_is_always_wrong() {
        let decoy = PasswordHash::from_phc(DECOY.to_owned()).expect("a PHC string of Argon2id");
        assert!(!decoy.is_old());
        let parameters = |phc: &str| {
            phc.rsplit_once('$').and_then(|(rest, _)| rest.rsplit_once('$')).map(|(rest, _)| rest.to_owned())
        };
        assert_eq!(parameters(DECOY), parameters(password("x").hash([7; 16]).as_phc()));
        assert_eq!(DECOY.len(), password("x").hash([7; 16]).as_phc().len());
        assert_eq!(password("correct horse").verify(None), Verdict::Wrong);
    }

    #[test]
    fn the_bundled_list_is_ready_for_comparing() {
        let mut seen = std::collections::HashSet::new();
        for line in COMMON.lines() {
            assert!(line.chars().count() >= 8, "{line:?} would be too short anyway");
            assert_eq!(line, line.to_lowercase().trim(), "compared in lower case");
            assert!(seen.insert(line), "{line:?} stands there twice");
        }
        assert!(seen.len() >= 300);
    }

    #[test]
    fn neither_password_nor_hash_is_printed() {
        let shown = format!("{:?} {:?}", password("correct horse"), password("x").hash([7; 16]));
        assert_eq!(shown, "Password(…) PasswordHash(…)");
    }

    fn password(text: &str) -> Password {
        Password::parse(Secret::new(text.to_owned())).expect("a password")
    }
}
