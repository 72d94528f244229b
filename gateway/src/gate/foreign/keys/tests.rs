//! Which keys check what. The signatures in `vectors.json` were made with PyJWT; nobody kept the private keys.

use serde_json::{Value, json};

use super::*;

#[test]
fn every_algorithm_is_checked_by_its_kind_of_key_and_no_other() {
    let vectors = vectors();
    for algorithm in Algorithm::ALL {
        let vector = &vectors["signed"][algorithm.as_str()];
        let (message, signature) = vector["token"].as_str().and_then(|token| token.rsplit_once('.')).unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        for (name, key) in vectors["keys"].as_object().unwrap() {
            let Ok(set) = read(json!([key])) else { continue };
            for other in Algorithm::ALL {
                let found = set.find(None, other);
                let verified = found.is_some_and(|key| key.has_signed(other, message.as_bytes(), &signature));
                assert_eq!(
                    verified,
                    vector["key"] == *name && other == algorithm,
                    "{name}, {algorithm:?} as {other:?}"
                );
            }
        }
    }
}

#[test]
fn a_signature_that_is_changed_cut_or_nothing_is_none() {
    let vectors = vectors();
    for algorithm in Algorithm::ALL {
        let vector = &vectors["signed"][algorithm.as_str()];
        let (message, signature) = vector["token"].as_str().and_then(|token| token.rsplit_once('.')).unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        let set = read(json!([vectors["keys"][vector["key"].as_str().unwrap()]])).unwrap();
        let key = set.find(None, algorithm).unwrap();
        let says = |message: &str, signature: &[u8]| key.has_signed(algorithm, message.as_bytes(), signature);
        assert!(says(message, &signature));
        assert!(!says(&message.replacen('e', "f", 1), &signature));
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(!says(message, &changed), "{algorithm:?} at {at}");
        }
        let zeros = vec![0; signature.len()];
        for wrong in
            [&[][..], &signature[1..], &signature[..signature.len() - 1], &zeros, &[&signature[..], &[0]].concat()]
        {
            assert!(!says(message, wrong), "{algorithm:?} {}", wrong.len());
        }
    }
}

#[test]
fn a_key_that_is_not_for_checking_signatures_is_left_out() {
    let vectors = vectors();
    let good = &vectors["keys"]["P-256"];
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let usable = [
        with("use", json!("sig")),
        with("key_ops", json!(["verify"])),
        with("alg", json!("ES256")),
        with("x5u", json!(7)),
    ];
    for key in usable {
        assert!(read(json!([key])).is_ok(), "{key}");
    }
    let (short, long) = (BASE64URL_NOPAD.encode(&[1; 31]), BASE64URL_NOPAD.encode(&[0; 33]));
    for key in [
        with("use", json!("enc")),
        with("use", json!(["sig"])),
        with("key_ops", json!(["sign"])),
        with("key_ops", json!("verify")),
        with("alg", json!("ES384")),
        with("alg", json!("RS256")),
        with("alg", json!("ECDH-ES")),
        with("alg", json!(null)),
        with("kid", json!(1)),
        with("d", json!("AA")),
        with("kty", json!("RSA")),
        with("kty", json!("oct")),
        with("crv", json!("P-384")),
        with("crv", json!("P-521")),
        with("x", json!(short)),
        with("y", json!(long)),
        with("x", json!("not base64!")),
        with("x", json!(null)),
        vectors["keys"]["RSA-1024"].clone(),
        vectors["keys"]["secp256k1"].clone(),
        json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256" }),
        json!({ "kty": "RSA", "n": "", "e": "AQAB" }),
        json!({}),
        json!("key"),
        json!(null),
    ] {
        assert_eq!(read(json!([key])), Err(KeysFault::Empty), "{key}");
        let set = read(json!([key, good])).unwrap();
        assert_eq!((set.count(), set.left_out), (1, 1), "{key}");
    }
    // On no curve: ring says so when it is to check something.
    let nowhere = read(json!([with("y", good["x"].clone())])).unwrap();
    let vector = vectors["signed"]["ES256"]["token"].as_str().and_then(|token| token.rsplit_once('.')).unwrap();
    let signature = BASE64URL_NOPAD.decode(vector.1.as_bytes()).unwrap();
    let key = nowhere.find(None, Algorithm::Es256).unwrap();
    assert!(!key.has_signed(Algorithm::Es256, vector.0.as_bytes(), &signature));
}

#[test]
fn a_key_of_the_broken_generator_is_left_out() {
    let modulus =
        vectors()["keys"]["RSA"]["n"].as_str().map(|n| BASE64URL_NOPAD.decode(n.as_bytes()).unwrap()).unwrap();
    assert!(!is_roca(&modulus));
    // One is 65537 to the power of zero modulo all of them, and so is one more than a multiple of their product.
    let mut product = vec![1_u8];
    let times = |number: &mut Vec<u8>, factor: u32| {
        let mut carry = 0;
        for digit in number.iter_mut().rev() {
            carry += u32::from(*digit) * factor;
            *digit = (carry & 255) as u8;
            carry >>= 8;
        }
        if carry > 0 {
            number.insert(0, carry as u8);
        }
    };
    SMALL_PRIMES.iter().for_each(|prime| times(&mut product, *prime));
    while product.len() < 256 {
        times(&mut product, 250);
    }
    *product.last_mut().unwrap() += 1;
    assert!(product.last().unwrap() & 1 == 1 && is_roca(&product));
    let key = |n: &[u8]| json!([{ "kty": "RSA", "n": BASE64URL_NOPAD.encode(n), "e": "AQAB" }]);
    assert_eq!(read(key(&product)), Err(KeysFault::Empty));
    assert!(read(key(&modulus)).is_ok());
    assert_eq!(read(key(&[&[0], &modulus[..]].concat())), read(key(&modulus)), "a zero in front changes nothing");
}

#[test]
fn a_key_is_found_by_its_id_or_by_being_the_only_one() {
    let vectors = vectors();
    let named = |name: &str, id: &str| {
        let mut key = vectors["keys"][name].clone();
        key["kid"] = json!(id);
        key
    };
    let set =
        read(json!([named("P-256", "a"), named("RSA", "a"), named("P-256", "b"), vectors["keys"]["Ed25519"]])).unwrap();
    for (id, algorithm, is_found) in [
        (Some("a"), Algorithm::Es256, true),
        (Some("a"), Algorithm::Ps256, true),
        (Some("b"), Algorithm::Es256, true),
        (Some("b"), Algorithm::Rs256, false),
        (Some("c"), Algorithm::Es256, false),
        (Some(""), Algorithm::Es256, false),
        (Some("../a"), Algorithm::Es256, false),
        (Some("a' OR 1=1 --"), Algorithm::Es256, false),
        (Some("a"), Algorithm::EdDsa, false),
        (None, Algorithm::EdDsa, true),
        (None, Algorithm::Rs256, true),
        // Two could be it.
        (None, Algorithm::Es256, false),
    ] {
        assert_eq!(set.find(id, algorithm).is_some(), is_found, "{id:?} {algorithm:?}");
    }
}

#[test]
fn a_set_is_read_strictly_and_is_not_endless() {
    let key = vectors()["keys"]["P-256"].to_string();
    for (text, fault) in [
        (String::new(), KeysFault::Form),
        ("<html>".to_owned(), KeysFault::Form),
        ("[]".to_owned(), KeysFault::Form),
        ("{}".to_owned(), KeysFault::Form),
        (format!(r#"{{"keys":{key}}}"#), KeysFault::Form),
        (format!(r#"{{"keys":[{key}],"keys":[]}}"#), KeysFault::Form),
        (format!(r#"{{"keys":[{}]}}"#, key.replacen('{', r#"{"kty":"EC","#, 1)), KeysFault::Form),
        (format!(r#"{{"keys":[{key}]}} more"#), KeysFault::Form),
        (r#"{"keys":[]}"#.to_owned(), KeysFault::Empty),
        (format!(r#"{{"keys":[{}]}}"#, vec![key.clone(); 101].join(",")), KeysFault::TooMany),
    ] {
        assert_eq!(KeySet::read(text.as_bytes()), Err(fault), "{}", text.get(..80).unwrap_or(&text));
    }
    assert!(KeySet::read(format!(r#"{{"keys":[{}]}}"#, vec![key; 100].join(",")).as_bytes()).is_ok());
}

fn read(keys: Value) -> Result<KeySet, KeysFault> {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}
