//! Is this the code the authenticator app shows now? (RFC 6238)
//!
//! SHA-1, six digits, 30 s, which is what every app understands. The present step and the one before it are accepted
//! (RFC 6238 §5.2 allows one; ASVS 6.5.5). That a step is used only once is the store's part: the answer names the step.

use crate::{Secret, Timestamp};

/// A shared key of 160 bits.
#[derive(Clone, Debug)]
pub struct TotpSecret(Secret<[u8; 20]>);

/// The 30-second step a code belongs to: seconds since the epoch / 30.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Step(pub u64);

/// Six digits as typed: NFKC, without spaces and dashes.
#[derive(Clone, Debug)]
pub struct Code(Secret<String>);

impl Code {
    /// `None` unless six digits remain after full-width digits were folded and spaces and dashes dropped.
    pub fn parse(_typed: &str) -> Option<Self> {
        let _ = |code: &Self| code.0.expose().len();
        unimplemented!()
    }
}

impl TotpSecret {
    /// From twenty random bytes.
    pub const fn from_random(bytes: [u8; 20]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The key, for sealing into the store.
    pub const fn bytes(&self) -> &[u8; 20] {
        self.0.expose()
    }

    /// Which of the accepted steps the code belongs to, if any. Constant-time in the code.
    pub fn step_of(&self, _code: &Code, _now: Timestamp) -> Option<Step> {
        unimplemented!()
    }

    /// The code for a moment: for the demo and for tests, which play the phone.
    pub fn code_at(&self, _at: Timestamp) -> String {
        unimplemented!()
    }

    /// Base32 without padding in groups of four, for typing into an app.
    pub fn grouped(&self) -> String {
        unimplemented!()
    }

    /// `otpauth://totp/Issuer:account?secret=…&issuer=…` for the QR code. A `:` in either name becomes a space.
    pub fn uri(&self, _issuer: &str, _account: &str) -> String {
        unimplemented!()
    }
}
