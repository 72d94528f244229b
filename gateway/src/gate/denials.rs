//! Which refusal does this reference code belong to? (N5, Z4)
//!
//! Whoever is refused gets eight letters and nothing about the rules; an administrator gets the walk that led there, with
//! `vestibule why CODE`. The latest refusals are kept in memory, as facts: the walk is taken again when it is asked for.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use access::Secret;
use access::Timestamp;
use access::identity::AppName;

use super::Origin;
use super::facts::Visitor;

/// Eight letters of Crockford's alphabet, shown as `7F3K-9QX2`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference([u8; 9]);

impl Reference {
    /// From five random bytes.
    pub(super) fn from_random(bytes: [u8; 5]) -> Self {
        let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let letter = |at: usize| ALPHABET[usize::try_from(bits >> (35 - at * 5) & 31).unwrap_or(0)];
        let mut text = [b'-'; 9];
        for at in 0..8 {
            text[at + at / 4] = letter(at);
        }
        Self(text)
    }

    /// What somebody typed: any case, with or without the dash, O for 0, I and L for 1.
    pub fn parse(typed: &str) -> Option<Self> {
        let (mut text, mut at) = ([b'-'; 9], 0);
        for letter in typed.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let letter = u8::try_from(letter).ok().filter(|letter| ALPHABET.contains(letter))?;
            *text.get_mut(at + at / 4)? = letter;
            at += 1;
        }
        (at == 8).then_some(Self(text))
    }

    /// As it is shown.
    pub fn as_str(&self) -> &str {
        // Letters, digits and a dash.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
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
    pub method: Cow<'static, str>,
    /// To which path, its first 200 characters; never the query.
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
    /// One more, made of the part of the path that is kept. It takes over the room of the one that is forgotten: whoever
    /// is refused a million times costs no memory that has to be looked for each time.
    pub(super) fn remember(&self, path: &str, denial: impl FnOnce(String) -> Denial) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oldest = if latest.len() == KEPT { latest.pop_front() } else { None };
        let mut room = oldest.as_mut().map(|denial| std::mem::take(&mut denial.path)).unwrap_or_default();
        room.clear();
        room.push_str(beginning(path));
        latest.push_back(denial(room));
        drop(latest);
        // Whoever was refused then may be gone for good with it: not while others wait.
        drop(oldest);
    }

    pub(super) fn find(&self, reference: &Reference) -> Option<Denial> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().rev().find(|denial| denial.reference == *reference).cloned()
    }
}

/// As much of a path as is kept.
fn beginning(path: &str) -> &str {
    if path.len() <= PATH {
        return path;
    }
    path.char_indices().nth(PATH).map_or(path, |(end, _)| &path[..end])
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// About two megabytes.
const KEPT: usize = 4096;
/// Characters.
const PATH: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_however_it_is_typed() {
        let reference = Reference::from_random([0xff, 0x00, 0x12, 0x34, 0x56]);
        for typed in
            [reference.as_str().to_owned(), reference.as_str().to_lowercase(), reference.as_str().replace('-', "")]
        {
            assert_eq!(Reference::parse(&typed), Some(reference), "{typed}");
        }
        for wrong in ["", "7F3K-9QX", "7F3K-9QX22", "7F3K-9QU2", "ééééé"] {
            assert_eq!(Reference::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_latest_refusals_are_kept() {
        let denials = Denials::default();
        let reference = |n: usize| {
            Reference::from_random([0, 0, 0, u8::try_from(n >> 8).unwrap_or(0), u8::try_from(n & 255).unwrap_or(0)])
        };
        let denial = |n: usize, path| Denial {
            reference: reference(n),
            at: Timestamp::default(),
            code: "not_allowed",
            origin: Origin { address: address(), certificate: access::policy::Certificate::NotShown },
            app: None,
            method: "GET".into(),
            path,
            visitor: None,
        };
        for n in 0..=KEPT + 1 {
            denials.remember(&format!("/{n}"), |path| denial(n, path));
        }
        assert!(denials.find(&reference(0)).is_none() && denials.find(&reference(1)).is_none());
        for n in [2, KEPT, KEPT + 1] {
            assert_eq!(denials.find(&reference(n)).map(|denial| denial.path), Some(format!("/{n}")));
        }
    }

    #[test]
    fn two_hundred_characters_of_a_path_are_kept() {
        for (path, kept) in [
            ("/a".to_owned(), "/a".to_owned()),
            ("a".repeat(200), "a".repeat(200)),
            ("a".repeat(201), "a".repeat(200)),
            ("\u{e9}".repeat(200), "\u{e9}".repeat(200)),
            ("\u{e9}".repeat(201), "\u{e9}".repeat(200)),
        ] {
            assert_eq!(beginning(&path), kept);
        }
    }

    fn address() -> access::ClientAddr {
        let peer = std::net::IpAddr::from([192, 0, 2, 1]);
        access::ClientAddr::resolve(peer, &access::network::Believed::default(), &access::network::Claims::default())
            .expect("no headers, no error")
            .client
    }
}
