//! Names, e-mail addresses and ids.
#![no_main]

use access::identity::{Email, LoginName, SessionId, UserName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = UserName::parse(text) {
        assert!(name.as_str().is_ascii() && name.as_str().len() <= 64);
        assert_eq!(UserName::parse(name.as_str()), Ok(name.clone()), "canonical once and for all");
        assert_eq!(UserName::parse(&format!(" {} ", name.as_str().to_uppercase())), Ok(name.clone()));
        assert_eq!(LoginName::parse(text), Ok(LoginName::Name(name)));
    }
    if let Ok(email) = Email::parse(text) {
        assert!(email.as_str().is_ascii() && email.as_str().len() <= 254);
        assert_eq!(email.as_str().matches('@').count(), 1);
        assert_eq!(Email::parse(email.as_str()), Ok(email.clone()), "canonical once and for all");
        assert_eq!(LoginName::parse(text), Ok(LoginName::Email(email)));
    }
    if let Some(id) = SessionId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
});
