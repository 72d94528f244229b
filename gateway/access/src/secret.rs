//! What must never be shown? Values that no log line, page or comparison may touch by accident.

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
#[derive(Clone)]
pub struct TypedSecret([u8; 10]);

impl TypedSecret {
    /// From ten random bytes.
    pub const fn from_random(bytes: [u8; 10]) -> Self {
        Self(bytes)
    }

    /// What the person typed; `None` unless it is sixteen letters of the alphabet (I, L read as 1; O as 0).
    pub fn parse(_typed: &str) -> Option<Self> {
        unimplemented!()
    }

    /// In groups of four, for showing once: `7XQK-M2NC-…`.
    pub fn grouped(&self) -> String {
        unimplemented!()
    }

    /// The eighty bits, for digesting.
    pub const fn bytes(&self) -> &[u8; 10] {
        &self.0
    }
}
