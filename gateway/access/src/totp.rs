//! Is this the code the authenticator app shows now? (RFC 6238)
//!
//! SHA-1, six digits, 30 s, which is what every app understands. The present step and the one before it are accepted
//! (RFC 6238 §5.2 allows one; ASVS 6.5.5). That a step is used only once is the store's part: the answer names the step.

use unicode_normalization::UnicodeNormalization;

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
    pub fn parse(typed: &str) -> Option<Self> {
        let mut digits = String::with_capacity(DIGITS);
        for c in typed.nfkc().filter(|c| !c.is_whitespace() && *c != '-') {
            // NFKC folds full-width digits only: those of other scripts are refused (A28).
            if !c.is_ascii_digit() || digits.len() == DIGITS {
                return None;
            }
            digits.push(c);
        }
        (digits.len() == DIGITS).then(|| Self(Secret::new(digits)))
    }

    /// The six digits.
    pub const fn digits(&self) -> &Secret<String> {
        &self.0
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
    pub fn step_of(&self, code: &Code, now: Timestamp) -> Option<Step> {
        let present = now.seconds() / STEP_SECONDS;
        let mut found = None;
        // Both are always looked at, so that time does not tell which one it was.
        for step in [present.checked_sub(1), Some(present)].into_iter().flatten() {
            if code.0.matches(self.code_of(Step(step)).expose().as_bytes()) {
                found = Some(Step(step));
            }
        }
        found
    }

    /// The code for a moment: for the demo and for tests, which play the phone.
    pub fn code_at(&self, at: Timestamp) -> String {
        self.code_of(Step(at.seconds() / STEP_SECONDS)).expose().clone()
    }

    /// Base32 without padding in groups of four, for typing into an app.
    pub fn grouped(&self) -> String {
        let letters = Secret::new(totp_rs::Secret::from(*self.bytes()).to_base32());
        let mut text = String::with_capacity(letters.expose().len() * 5 / 4);
        for (at, letter) in letters.expose().chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                text.push(' ');
            }
            text.push(letter);
        }
        text
    }

    /// `otpauth://totp/Issuer:account?secret=…&issuer=…` for the QR code. A `:` in either name becomes a space.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (issuer.replace(':', " "), account.replace(':', " "));
        // Apps refuse an empty label.
        let account = if account.is_empty() { "-".to_owned() } else { account };
        let totp = self.builder().with_issuer(Some(issuer)).with_account_name(account).build_noncompliant();
        totp.to_url().expect("the account has no colon and is not empty")
    }

    fn code_of(&self, step: Step) -> Secret<String> {
        let totp = self.builder().build_noncompliant();
        Secret::new(totp.generate(step.0.saturating_mul(STEP_SECONDS)).to_string())
    }

    /// What every app understands. Built without its checks: they ask for a secret of 128 bits or more, and this has 160.
    fn builder(&self) -> totp_rs::Builder {
        totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(STEP_SECONDS)
            .with_secret(*self.bytes())
    }
}

const DIGITS: usize = 6;
const STEP_SECONDS: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1, the last six of its eight digits.
    const VECTORS: [(u64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        for (seconds, code) in VECTORS {
            assert_eq!(secret().code_at(at(seconds)), code, "at {seconds}");
            assert_eq!(secret().step_of(&typed(code), at(seconds)), Some(Step(seconds / 30)), "at {seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_its_own_step_and_the_next() {
        for (seconds, code) in VECTORS {
            let step = seconds / 30;
            for (now, found) in [
                (step * 30 - 1, None),
                (step * 30, Some(Step(step))),
                (step * 30 + 29, Some(Step(step))),
                (step * 30 + 30, Some(Step(step))),
                (step * 30 + 59, Some(Step(step))),
                (step * 30 + 60, None),
                ((step * 30).saturating_sub(60), None),
            ] {
                assert_eq!(secret().step_of(&typed(code), at(now)), found, "the code of {seconds} at {now}");
            }
        }
    }

    #[test]
    fn the_first_step_of_all_has_none_before_it() {
        let code = secret().code_at(at(0));
        assert_eq!(secret().step_of(&typed(&code), at(0)), Some(Step(0)));
        assert_eq!(secret().step_of(&typed("000000"), at(0)), None);
        assert_eq!(secret().code_at(Timestamp::NEVER).len(), 6);
    }

    #[test]
    fn a_code_is_read_however_it_was_typed() {
        for text in ["287082", "287 082", " 28 70 82 ", "287-082", "２８７０８２", "287\u{3000}082", "287\u{a0}082"]
        {
            let code = Code::parse(text).expect(text);
            assert_eq!(secret().step_of(&code, at(59)), Some(Step(1)), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_six_digits_is_no_code() {
        for text in ["", "28708", "2870822", "28708a", "+87082", "٢٨٧٠٨٢", "२८७०८२", "287.082", "287082\0"]
        {
            assert!(Code::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn the_key_is_shown_in_groups_of_four() {
        assert_eq!(secret().grouped(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }

    #[test]
    fn an_app_can_be_set_up_by_the_address() {
        for (issuer, account, expected) in [
            ("Acme", "ana", "otpauth://totp/Acme:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme"),
            (
                "Acme: Tools & Co",
                "a:b",
                "otpauth://totp/Acme%20%20Tools%20%26%20Co:a%20b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%20Tools%20%26%20Co",
            ),
            ("Acme", "", "otpauth://totp/Acme:-?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme"),
        ] {
            assert_eq!(secret().uri(issuer, account), expected);
        }
    }

    #[test]
    fn neither_key_nor_code_is_printed() {
        assert_eq!(format!("{:?} {:?}", secret(), typed("287082")), "TotpSecret(Secret(…)) Code(Secret(…))");
    }

    fn secret() -> TotpSecret {
        TotpSecret::from_random(*b"12345678901234567890")
    }

    fn typed(text: &str) -> Code {
        Code::parse(text).expect("six digits")
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }
}
