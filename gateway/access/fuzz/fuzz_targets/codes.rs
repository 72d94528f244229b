//! What people type: one-time codes, recovery codes and app passwords, passwords.
#![no_main]

use access::Secret;
use access::Timestamp;
use access::password::{Password, PasswordHash, Strength};
use access::secret::TypedSecret;
use access::totp::{Code, TotpSecret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(code) = Code::parse(text) {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let step = TotpSecret::from_random([7; 20]).step_of(&code, now);
        assert!(step.is_none_or(|step| now.seconds() / 30 - step.0 <= 1));
    }
    if let Some(secret) = TypedSecret::parse(text) {
        let again = TypedSecret::parse(&secret.grouped()).expect("what is shown can be typed");
        assert_eq!(again.bytes(), secret.bytes());
    }
    if let Ok(password) = Password::parse(Secret::new(text.to_owned())) {
        let _ = password.accept(Strength::WithSecondStep, &[text, "acme"]);
    }
    if let Some(hash) = PasswordHash::from_phc(text.to_owned()) {
        assert_eq!(hash.as_phc(), text);
    }
    let uri = TotpSecret::from_random([7; 20]).uri(text, text);
    assert!(uri.starts_with("otpauth://totp/") && uri.is_ascii());
});
