//! Bearer tokens: any text, and the text of a token with one byte changed.
#![no_main]

use access::identity::TokenId;
use access::token::{parse, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some((id, secret)) = parse(text)
    {
        assert_eq!(write(id, secret.expose()).expose(), text, "one text a token");
    }
    let (Some((id, rest)), Some(changed)) = (bytes.split_first_chunk::<16>(), bytes.last()) else { return };
    let Some((secret, rest)) = rest.split_first_chunk::<32>() else { return };
    let text = write(TokenId(*id), secret);
    let (found, found_secret) = parse(text.expose()).expect("what was written can be read");
    assert!(found == TokenId(*id) && found_secret.matches(secret));
    let mut other = text.expose().clone().into_bytes();
    let place = usize::from(rest.first().copied().unwrap_or_default()) % other.len();
    if other[place] != *changed {
        other[place] = *changed;
        // Twenty-four bits of check: what passes them is a token by itself, and a different one.
        if let Some((id, secret)) = std::str::from_utf8(&other).ok().and_then(parse) {
            assert!(id != found || !found_secret.matches(secret.expose()));
        }
    }
});
