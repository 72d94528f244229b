//! Tokens of other issuers: any text, and any header and claims, signed or not.
#![no_main]

use access::Timestamp;
use access::jwt::{Algorithm, Scopes, Subject, Trust, Unverified};
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A header and claims, a line each; what follows is the signature.
fn token(bytes: &[u8]) -> Option<(String, [&[u8]; 3])> {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let parts = [parts.next()?, parts.next()?, parts.next()?];
    let [header, claims, signature] = parts.map(|part| BASE64URL_NOPAD.encode(part));
    Some((format!("{header}.{claims}.{signature}"), parts))
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Unverified::parse(text);
    }
    let Some((text, [header, claims, signature])) = token(bytes) else { return };
    let Ok(read) = Unverified::parse(&text) else { return };
    let trust = Trust {
        issuer: "i".to_owned(),
        audience: vec!["a".to_owned()],
        algorithms: vec![Algorithm::Es256, Algorithm::EdDsa],
        claims: vec![("c".to_owned(), "x".to_owned())],
        subject: Subject::Claim("sub".to_owned()),
        scopes: Scopes::Claim("scope".to_owned()),
    };
    let now = Timestamp::from_millis(1_800_000_000_000);
    assert!(read.clone().accept(&trust, now, |_, _, _| false).is_err(), "nobody signed it");
    let dot = text.rfind('.').expect("a token has two");
    let Ok(accepted) = read.accept(&trust, now, |algorithm, signed, mark| {
        assert!(trust.algorithms.contains(&algorithm), "a way that nobody chose is never asked");
        assert_eq!((signed, mark), (&text.as_bytes()[..dot], signature), "all of it is what was signed");
        true
    }) else {
        return;
    };
    // Another reader finds the same in it.
    let header: Value = serde_json::from_slice(header).expect("it was read");
    let claims: Value = serde_json::from_slice(claims).expect("it was read");
    assert!(["ES256", "EdDSA", "Ed25519"].iter().any(|word| header["alg"] == *word));
    assert_eq!((&claims["iss"], &claims["c"]), (&Value::from("i"), &Value::from("x")));
    assert!(claims["aud"] == "a" || claims["aud"].as_array().is_some_and(|names| names.contains(&Value::from("a"))));
    let access::identity::LoginName::Name(name) = accepted.person else { panic!("no address was asked for") };
    assert_eq!(claims["sub"], name.as_str());
    assert_eq!(claims["exp"].as_u64().map(|seconds| seconds * 1000), Some(accepted.expires.millis()));
    assert_eq!(accepted.subject, name.as_str());
    for begin in ["nbf", "iat"].map(|name| claims[name].as_u64()).into_iter().flatten() {
        assert!(begin * 1000 <= now.millis() + 60_000, "not before its time");
    }
    let is_access_token = header["typ"].as_str().is_some_and(|kind| kind.to_ascii_lowercase().ends_with("at+jwt"));
    let others: &[&str] = if is_access_token { &["events", "cnf"] } else { &["events", "cnf", "nonce", "at_hash", "c_hash"] };
    assert!(others.iter().all(|name| claims.get(name).is_none()), "it is another kind of token");
    let scopes = claims["scope"].to_string();
    assert!(accepted.scopes.iter().all(|scope| scopes.contains(scope.as_str())), "none that it does not name");
});
