//! What must never be shown? Values that no log line, page or comparison may touch by accident.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroize;

/// A value that is wiped when dropped and that can't be printed, serialized or compared with `==` (which is not
/// constant-time). `Debug` prints only its kind.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call is a place to look at in a review.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// For filling it in place.
    pub(crate) const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Constant-time comparison of the bytes; the lengths may be learned.
    pub fn matches(&self, other: &[u8]) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_ref(), other).into()
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Eighty random bits for people to type: sixteen letters of a 32-letter alphabet (Crockford's, no I, L, O, U), shown in
/// groups of four, read with or without spaces and dashes and in either case (A2, S11).
#[derive(Clone, Debug)]
pub struct TypedSecret(Secret<[u8; 10]>);

impl TypedSecret {
    /// From ten random bytes.
    pub const fn from_random(bytes: [u8; 10]) -> Self {
        Self(Secret::new(bytes))
    }

    /// What the person typed; `None` unless it is sixteen letters of the alphabet (I, L read as 1; O as 0).
    /// Full-width letters are folded first: input methods leave them behind.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut bits = Secret::new(0_u128);
        let mut letters = 0;
        for c in typed.nfkc().filter(|c| !is_separator(*c)) {
            letters += 1;
            if letters > LETTERS {
                return None;
            }
            bits.0 = bits.0 << 5 | value(c)?;
        }
        if letters < LETTERS {
            return None;
        }
        let mut bytes = [0; 10];
        let mut wide = bits.0.to_be_bytes();
        bytes.copy_from_slice(&wide[6..]);
        wide.zeroize();
        Some(Self::from_random(bytes))
    }

    /// In groups of four, for showing once: `7XQK-M2NC-…`.
    pub fn grouped(&self) -> String {
        let mut wide = [0; 16];
        wide[6..].copy_from_slice(self.bytes());
        let mut bits = u128::from_be_bytes(wide);
        // All at once: a string that grows leaves copies of its beginning behind.
        let mut text = String::with_capacity(LETTERS + LETTERS / 4 - 1);
        for letter in 0..LETTERS {
            if letter > 0 && letter % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[(bits >> (5 * (LETTERS - 1 - letter)) & 31) as usize]));
        }
        wide.zeroize();
        bits.zeroize();
        text
    }

    /// The eighty bits, for digesting.
    pub const fn bytes(&self) -> &[u8; 10] {
        self.0.expose()
    }
}

fn is_separator(c: char) -> bool {
    // U+2010 to U+2015 are the dashes that word processors put in place of `-`.
    c.is_whitespace() || c == '-' || ('\u{2010}'..='\u{2015}').contains(&c)
}

fn value(letter: char) -> Option<u128> {
    let letter = match letter.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    ALPHABET.iter().position(|known| char::from(*known) == letter).map(|position| position as u128)
}

const LETTERS: usize = 16;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(…)");
        assert_eq!(format!("{:?}", TypedSecret::from_random([7; 10])), "TypedSecret(Secret(…))");
    }

    #[test]
    fn a_secret_matches_its_own_bytes_only() {
        let secret = Secret::new("hunter2".to_owned());
        assert!(secret.matches(b"hunter2"));
        assert!(secret.clone().matches(b"hunter2"));
        for other in [&b""[..], b"hunter", b"hunter3", b"hunter22"] {
            assert!(!secret.matches(other), "{other:?}");
        }
    }

    #[test]
    fn a_typed_secret_is_read_however_it_was_typed() {
        let shown = "0123-4567-89AB-CDEF";
        let secret = TypedSecret::parse(shown).expect("sixteen letters");
        assert_eq!(secret.grouped(), shown);
        for typed in [
            "0123456789ABCDEF",
            "0123456789abcdef",
            " 0123 4567 89ab cdef ",
            "O123 4567 89AB CDEF",
            "oI23-4567-89ab-cdef",
            "0l23-4567-89ab-cdef",
            "0123–4567–89ab–cdef",
            "０１２３４５６７８９ａｂｃｄｅｆ",
        ] {
            let read = TypedSecret::parse(typed).map(|secret| *secret.bytes());
            assert_eq!(read, Some(*secret.bytes()), "{typed:?}");
        }
    }

    #[test]
    fn what_is_not_sixteen_letters_is_no_typed_secret() {
        for typed in [
            "",
            "0123",
            "0123-4567-89AB-CDE",
            "0123-4567-89AB-CDEF0",
            "U123-4567-89AB-CDEF",
            "0123_4567_89AB_CDEF",
            "٠123-4567-89AB-CDEF",
        ] {
            assert!(TypedSecret::parse(typed).is_none(), "{typed:?}");
        }
    }

    #[test]
    fn every_bit_of_a_typed_secret_is_shown() {
        for bit in 0..80 {
            let mut bytes = [0; 10];
            bytes[bit / 8] = 1 << (bit % 8);
            let secret = TypedSecret::from_random(bytes);
            let read = TypedSecret::parse(&secret.grouped()).expect("what is shown can be typed");
            assert_eq!(read.bytes(), &bytes);
        }
    }
}
