//! Which refusal does this reference code belong to? (N5, Z4)
//!
//! Whoever is refused gets eight letters and nothing about the rules; an administrator gets the walk that led there, with
//! `vestibule why CODE`. The latest refusals are kept in memory, as facts: the walk is taken again when it is asked for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use access::Secret;
use access::Timestamp;
use access::identity::AppName;

use super::Origin;
use super::facts::Visitor;

/// Eight letters of Crockford's alphabet, shown as `7F3K-9QX2`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference(String);

impl Reference {
    /// From five random bytes.
    pub(super) fn from_random(bytes: [u8; 5]) -> Self {
        let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let mut text: String =
            (0..8).map(|at| char::from(ALPHABET[usize::try_from(bits >> (35 - at * 5) & 31).unwrap_or(0)])).collect();
        text.insert(4, '-');
        Self(text)
    }

    /// What somebody typed: any case, with or without the dash, O for 0, I and L for 1.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut text = String::with_capacity(9);
        for letter in typed.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if !letter.is_ascii() || !ALPHABET.contains(&(letter as u8)) || text.len() == 9 {
                return None;
            }
            if text.len() == 4 {
                text.push('-');
            }
            text.push(letter);
        }
        (text.len() == 9).then_some(Self(text))
    }

    /// As it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A refusal as it is remembered.
#[derive(Clone, Debug)]
pub struct Denial {
    /// What the person was shown.
    pub reference: Reference,
    /// When.
    pub at: Timestamp,
    /// The word for why.
    pub code: &'static str,
    /// From where, with which certificate.
    pub origin: Origin,
    /// To which app; `None`: the portal or an unknown host.
    pub app: Option<AppName>,
    /// With which method.
    pub method: String,
    /// To which path, cut at 200 bytes; never the query.
    pub path: String,
    /// Who and with what, as far as a right secret said.
    pub visitor: Option<Arc<Visitor>>,
}

/// Makes references: nobody can tell the next one from those before, and no system call is made for it.
#[derive(Debug)]
pub(super) struct References {
    key: Secret<[u8; 32]>,
    made: AtomicU64,
}

impl References {
    /// From fresh random bytes.
    pub(super) const fn new(key: Secret<[u8; 32]>) -> Self {
        Self { key, made: AtomicU64::new(0) }
    }

    /// The next one.
    pub(super) fn next(&self) -> Reference {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let digest = blake3::keyed_hash(self.key.expose(), &number.to_le_bytes());
        let [a, b, c, d, e, ..] = *digest.as_bytes();
        Reference::from_random([a, b, c, d, e])
    }
}

/// The latest refusals, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Denials(Mutex<VecDeque<Denial>>);

impl Denials {
    pub(super) fn remember(&self, denial: Denial) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == KEPT {
            latest.pop_front();
        }
        latest.push_back(denial);
    }

    pub(super) fn find(&self, reference: &Reference) -> Option<Denial> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().rev().find(|denial| denial.reference == *reference).cloned()
    }
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// About two megabytes.
const KEPT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_however_it_is_typed() {
        let reference = Reference::from_random([0xff, 0x00, 0x12, 0x34, 0x56]);
        for typed in
            [reference.as_str().to_owned(), reference.as_str().to_lowercase(), reference.as_str().replace('-', "")]
        {
            assert_eq!(Reference::parse(&typed), Some(reference.clone()), "{typed}");
        }
        for wrong in ["", "7F3K-9QX", "7F3K-9QX22", "7F3K-9QU2", "ééééé"] {
            assert_eq!(Reference::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_latest_refusals_are_kept() {
        let denials = Denials::default();
        let denial = |n: usize| Denial {
            reference: Reference::from_random([
                0,
                0,
                0,
                u8::try_from(n >> 8).unwrap_or(0),
                u8::try_from(n & 255).unwrap_or(0),
            ]),
            at: Timestamp::default(),
            code: "not_allowed",
            origin: Origin { address: address(), certificate: access::policy::Certificate::NotShown },
            app: None,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            visitor: None,
        };
        for n in 0..=KEPT {
            denials.remember(denial(n));
        }
        assert!(denials.find(&denial(0).reference).is_none());
        assert!(denials.find(&denial(1).reference).is_some());
        assert!(denials.find(&denial(KEPT).reference).is_some());
    }

    fn address() -> access::ClientAddr {
        let peer = std::net::IpAddr::from([192, 0, 2, 1]);
        access::ClientAddr::resolve(peer, &access::network::Believed::default(), &access::network::Claims::default())
            .expect("no headers, no error")
            .client
    }
}
