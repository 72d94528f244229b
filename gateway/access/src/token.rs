//! What is a bearer token's text?
//!
//! `vst_<id>_<secret>_<check>`: 32 hexadecimal digits, 43 characters of base64url (256 bits), 6 hexadecimal digits of
//! an unkeyed BLAKE3 over what stands before them. The check tells a mistyped or cut-off token from a revoked one without
//! a look-up, and lets secret scanners be sure. Exactly one text stands for one token.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

use crate::Secret;
use crate::identity::TokenId;

/// The id and the secret, from exactly the text that was handed out; anything else is `None`.
pub fn parse(text: &str) -> Option<(TokenId, Secret<[u8; 32]>)> {
    if text.len() != LENGTH || !text.is_ascii() {
        return None;
    }
    let (body, check) = text.rsplit_once('_')?;
    if check != checksum(body) {
        return None;
    }
    let rest = body.strip_prefix(PREFIX)?;
    let (id, secret) = rest.split_at_checked(ID_LENGTH)?;
    let secret = secret.strip_prefix('_')?;
    // Strict: no padding, and no bits beyond the thirty-two bytes.
    let secret = Zeroizing::new(BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?);
    Some((TokenId::parse(id)?, Secret::new(secret.as_slice().try_into().ok()?)))
}

/// The text that stands for them, to be shown once.
pub fn write(id: TokenId, secret: &[u8; 32]) -> Secret<String> {
    let secret = Zeroizing::new(BASE64URL_NOPAD.encode(secret));
    let body = Zeroizing::new(format!("{PREFIX}{id}_{}", *secret));
    Secret::new(format!("{}_{}", *body, checksum(&body)))
}

fn checksum(body: &str) -> String {
    HEXLOWER.encode(&blake3::hash(body.as_bytes()).as_bytes()[..3])
}

/// What a token begins with, for people and secret scanners to recognise.
pub const PREFIX: &str = "vst_";
const ID_LENGTH: usize = 32;
/// Prefix, id, secret, check, and the two lines between them.
const LENGTH: usize = PREFIX.len() + ID_LENGTH + 1 + 43 + 1 + 6;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exactly_one_text_stands_for_a_token() {
        let text = write(TokenId([0xa5; 16]), &[0x5a; 32]);
        let text = text.expose();
        assert_eq!(text.len(), 87);
        assert!(parse(text).is_some_and(|(id, secret)| id == TokenId([0xa5; 16]) && secret.matches(&[0x5a; 32])));
        for place in 0..text.len() {
            for replacement in ["A", "a", "0", "_", "-", " ", "é", ""] {
                let mut changed = text.clone();
                changed.replace_range(place..=place, replacement);
                assert!(changed == *text || parse(&changed).is_none(), "{place} {replacement:?}");
            }
        }
        for changed in [text.to_uppercase(), format!(" {text}"), format!("{text}\n"), text[..86].to_owned()] {
            assert!(parse(&changed).is_none(), "{changed:?}");
        }
        assert!(parse("").is_none());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,120}") {
            prop_assert!(parse(&text).is_none());
        }

        #[test]
        fn no_text_of_the_right_shape_makes_the_parser_panic(text in "vst_[0-9a-f]{32}_[A-Za-z0-9_-]{43}_[0-9a-f]{6}") {
            let _ = parse(&text);
        }
    }
}
