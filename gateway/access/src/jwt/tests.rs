//! Every way in which a token of another issuer is none (A41), by table. What is signed is the caller's business: here the
//! answer is brought.

use proptest::prelude::*;

use super::*;

#[test]
fn a_token_of_the_issuer_for_us_is_accepted() {
    let accepted = ask(&token(HEADER, CLAIMS), &trust()).expect("good");
    assert_eq!(accepted.person, name("ana"));
    assert_eq!(accepted.subject, "248289761001");
    assert_eq!(accepted.scopes, [scope("crm.read"), scope("openid")]);
    assert_eq!(accepted.unscoped, Unscoped::Nothing);
    assert_eq!(accepted.expires, Timestamp::from_millis(2_000_000_100_000));
}

#[test]
fn a_header_says_how_it_was_signed_and_nothing_that_we_do_not_know() {
    use Fault::{Algorithm as Way, Form, Kind};
    for (header, answer) in [
        (r#"{"alg":"ES256"}"#, Ok(())),
        (r#"{"alg":"ES256","typ":"JWT","kid":"a"}"#, Ok(())),
        (r#"{"alg":"ES256","typ":"jwt"}"#, Ok(())),
        (r#"{"alg":"ES256","typ":"at+jwt"}"#, Ok(())),
        (r#"{"alg":"ES256","typ":"application/at+JWT"}"#, Ok(())),
        // Where its keys would be is not looked at: the caller's answer counts.
        (r#"{"alg":"ES256","jku":"https://evil.example","x5u":"x","jwk":{"kty":"oct","k":"AA"},"x5c":[]}"#, Ok(())),
        (r#"{"alg":"ES384"}"#, Err(Way)),
        (r#"{"alg":"none"}"#, Err(Way)),
        (r#"{"alg":"nOnE"}"#, Err(Way)),
        (r#"{"alg":"es256"}"#, Err(Way)),
        (r#"{"alg":"HS256"}"#, Err(Way)),
        (r#"{"alg":""}"#, Err(Way)),
        (r#"{"typ":"JWT"}"#, Err(Way)),
        (r#"{"alg":null}"#, Err(Form)),
        (r#"{"alg":["ES256"]}"#, Err(Form)),
        (r#"{"alg":"ES256","alg":"none"}"#, Err(Form)),
        (r#"{"alg":"ES256","\u0061lg":"ES256"}"#, Err(Form)),
        (r#"{"alg":"ES256","kid":7}"#, Err(Form)),
        (r#"{"alg":"ES256","kid":"a","kid":"b"}"#, Err(Form)),
        (r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, Err(Form)),
        (r#"{"alg":"ES256","crit":[]}"#, Err(Form)),
        (r#"{"alg":"ES256","b64":true}"#, Err(Form)),
        (r#"{"alg":"ES256","cty":"JWT"}"#, Err(Form)),
        (r#"{"alg":"ES256","zip":"DEF"}"#, Err(Form)),
        (r#"{"alg":"ES256","enc":"A128GCM"}"#, Err(Form)),
        (r#"{"alg":"ES256","typ":"logout+jwt"}"#, Err(Kind)),
        (r#"{"alg":"ES256","typ":"ID"}"#, Err(Kind)),
        (r#"{"alg":"ES256","typ":"dpop+jwt"}"#, Err(Kind)),
        (r#"{"alg":"ES256","typ":""}"#, Err(Kind)),
        (r#"{"alg":"ES256","typ":1}"#, Err(Form)),
        (r#"{"alg":"ES256"} {}"#, Err(Form)),
        (r#"{"alg":"ES256"}x"#, Err(Form)),
        (r#"["ES256"]"#, Err(Form)),
        ("\u{feff}{\"alg\":\"ES256\"}", Err(Form)),
        ("", Err(Form)),
    ] {
        assert_eq!(ask(&token(header, CLAIMS), &trust()).map(drop), answer, "{header}");
    }
    let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257));
    assert_eq!(ask(&token(&long, CLAIMS), &trust()), Err(Form));
}

#[test]
fn claims_are_compared_letter_by_letter_and_nothing_is_guessed() {
    use Fault::{Audience, Early, Form, Issuer, Kind, Subject, Times};
    for (from, to, answer) in [
        (r#""https://id.example""#, r#""https://id.example/""#, Err(Issuer)),
        (r#""https://id.example""#, r#""https://id.example.evil""#, Err(Issuer)),
        (r#""https://id.example""#, r#""https://ID.example""#, Err(Issuer)),
        (r#""https://id.example""#, r#"["https://id.example"]"#, Err(Issuer)),
        (r#""iss""#, r#""iss2""#, Err(Issuer)),
        (r#""gate""#, r#"["other","gate"]"#, Ok(())),
        (r#""gate""#, r#""door""#, Ok(())),
        (r#""gate""#, r#""gateway""#, Err(Audience)),
        (r#""gate""#, r#""gat""#, Err(Audience)),
        (r#""gate""#, r#"[]"#, Err(Audience)),
        (r#""gate""#, r#"["gate",1]"#, Err(Audience)),
        (r#""gate""#, r#"[["gate"]]"#, Err(Audience)),
        (r#""gate""#, r#"{"gate":true}"#, Err(Audience)),
        (r#""aud""#, r#""aud2""#, Err(Audience)),
        (r#""exp":2000000100"#, r#""exp":1"#, Ok(())),
        (r#""exp":2000000100"#, r#""exp":"2000000100""#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":2000000100.5"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":2e9"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":-1"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":-0"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":253402300800"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":18446744073709551616"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":99999999999999999999999999"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":null"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp2":2000000100"#, Err(Times)),
        (r#""exp":2000000100"#, r#""exp":2000000100,"exp":2000000900"#, Err(Form)),
        (r#""iat":2000000000"#, r#""iat":2000000060"#, Ok(())),
        (r#""iat":2000000000"#, r#""iat":2000000061"#, Err(Early)),
        (r#""iat":2000000000"#, r#""nbf":2000000060"#, Ok(())),
        (r#""iat":2000000000"#, r#""nbf":2000000061"#, Err(Early)),
        (r#""iat":2000000000"#, r#""nbf":"2000000000""#, Err(Times)),
        (r#""iat":2000000000"#, r#""iat":1.5"#, Err(Times)),
        (r#""iat":2000000000"#, r#""nonce":"n""#, Err(Kind)),
        (r#""iat":2000000000"#, r#""at_hash":"n""#, Err(Kind)),
        (r#""iat":2000000000"#, r#""events":{}"#, Err(Kind)),
        (r#""iat":2000000000"#, r#""cnf":{"jkt":"x"}"#, Err(Kind)),
        (r#""iat":2000000000"#, r#""typ":"ID""#, Err(Kind)),
        (r#""iat":2000000000"#, r#""typ":"Bearer""#, Ok(())),
        (r#""ana""#, r#""ANA""#, Err(Subject)),
        (r#""ana""#, r#"" ana""#, Err(Subject)),
        (r#""ana""#, "\"\u{ff41}na\"", Err(Subject)),
        (r#""ana""#, r#""ana@acme.example""#, Err(Subject)),
        (r#""ana""#, r#""""#, Err(Subject)),
        (r#""ana""#, r#"7"#, Err(Subject)),
        (r#""ana""#, r#"["ana"]"#, Err(Subject)),
        (r#""name""#, r#""name2""#, Err(Subject)),
        (r#""ana""#, "\"a\\ud800\"", Err(Form)),
        (r#""crm.read openid""#, r#"7"#, Err(Fault::Claim)),
        (r#""crm.read openid""#, r#"["crm.read",7]"#, Err(Fault::Claim)),
    ] {
        assert!(CLAIMS.contains(from), "{from}");
        let claims = CLAIMS.replacen(from, to, 1);
        assert_eq!(ask(&token(HEADER, &claims), &trust()).map(drop), answer, "{from} became {to}");
    }
    let access_token = HEADER.replace("JWT", "at+jwt");
    let with_nonce = CLAIMS.replace(r#""iat""#, r#""nonce":"n","iat""#);
    assert_eq!(ask(&token(&access_token, &with_nonce), &trust()).map(drop), Ok(()), "its type says what it is");
    let bound = CLAIMS.replace(r#""iat""#, r#""cnf":{},"iat""#);
    assert_eq!(ask(&token(&access_token, &bound), &trust()), Err(Kind), "a bound one never comes alone");
}

#[test]
fn scopes_are_those_that_are_written_as_ours() {
    for (written, scopes) in [
        (r#""crm.read crm.write""#, &["crm.read", "crm.write"][..]),
        (r#"["crm.read","crm.write"]"#, &["crm.read", "crm.write"]),
        (r#""CRM.READ openid https://graph.example/mail.read""#, &["openid"]),
        (r#""""#, &[]),
        (r#"[]"#, &[]),
    ] {
        let claims = CLAIMS.replace(r#""crm.read openid""#, written);
        let accepted = ask(&token(HEADER, &claims), &trust()).expect("good");
        let scopes: Vec<_> = scopes.iter().map(|name| scope(name)).collect();
        assert_eq!((accepted.scopes, accepted.unscoped), (scopes, Unscoped::Nothing), "{written}");
    }
    let none = CLAIMS.replace(r#""scope""#, r#""scp""#);
    let accepted = ask(&token(HEADER, &none), &trust()).expect("good");
    assert_eq!((accepted.scopes, accepted.unscoped), (vec![], Unscoped::Nothing), "absent is not everything");
    let everything = Trust { scopes: Scopes::Everything, ..trust() };
    let accepted = ask(&token(HEADER, CLAIMS), &everything).expect("good");
    assert_eq!((accepted.scopes, accepted.unscoped), (vec![], Unscoped::Owner));
}

#[test]
fn an_address_counts_if_its_issuer_verified_it() {
    let trust = Trust { subject: Subject::Claim("email".to_owned()), ..trust() };
    let email = |text: &str| Email::parse(text).map(LoginName::Email).expect("an address");
    for (claims, person) in [
        (r#""email":"Ana@Acme.example","email_verified":true"#, Ok(email("ana@acme.example"))),
        (r#""email":"ana@acme.example","email_verified":false"#, Err(Fault::Subject)),
        (r#""email":"ana@acme.example","email_verified":"true""#, Err(Fault::Subject)),
        (r#""email":"ana@acme.example""#, Err(Fault::Subject)),
        ("\"email\":\"\u{ff41}na@acme.example\",\"email_verified\":true", Err(Fault::Subject)),
        (r#""email":"ana","email_verified":true"#, Err(Fault::Subject)),
    ] {
        let claims = CLAIMS.replace(r#""name":"ana""#, claims);
        assert_eq!(ask(&token(HEADER, &claims), &trust).map(|accepted| accepted.person), person, "{claims}");
    }
}

#[test]
fn a_services_tokens_are_those_with_its_claims() {
    let service = UserName::parse("ci-bot").expect("a name");
    let claims = vec![("repository".to_owned(), "acme/crm".to_owned())];
    let trust = Trust { subject: Subject::Service(service), claims, ..trust() };
    for (claim, answer) in [
        (r#""repository":"acme/crm""#, Ok(name("ci-bot"))),
        (r#""repository":"acme/crm2""#, Err(Fault::Claim)),
        (r#""repository":"Acme/crm""#, Err(Fault::Claim)),
        (r#""repository":["acme/crm"]"#, Err(Fault::Claim)),
        (r#""other":"acme/crm""#, Err(Fault::Claim)),
    ] {
        let claims = CLAIMS.replace(r#""name":"ana""#, claim);
        assert_eq!(ask(&token(HEADER, &claims), &trust).map(|accepted| accepted.person), answer, "{claim}");
    }
}

#[test]
fn the_text_has_three_parts_of_strict_base64url_and_nothing_else() {
    let good = token(HEADER, CLAIMS);
    let (rest, signature) = good.rsplit_once('.').expect("three parts");
    for text in [
        String::new(),
        "eyJ".to_owned(),
        rest.to_owned(),
        format!("{good}."),
        format!("{good}.AAAA"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{rest}.AB"),
        format!("{rest}.A+/A"),
        format!("{rest}..{signature}"),
        format!(".{rest}"),
        format!("{rest}.{}", "A".repeat(LONGEST)),
    ] {
        assert!(ask(&text, &trust()).is_err(), "{text}");
    }
    assert_eq!(ask(&format!("{rest}."), &trust()).map(drop), Ok(()), "an empty signature is the caller's to refuse");
    let nested = token(HEADER, &format!("\"{good}\""));
    assert_eq!(ask(&nested, &trust()), Err(Fault::Form));
}

#[test]
fn who_signed_is_asked_before_anything_is_believed_and_only_for_a_chosen_algorithm() {
    let text = token(HEADER, CLAIMS);
    let (rest, _) = text.rsplit_once('.').expect("three parts");
    let read = Unverified::parse(&text).expect("well formed");
    assert_eq!((read.issuer(), read.key_id()), (Some("https://id.example"), Some("key-1")));
    assert!(read.is_meant_for(&trust()));
    let answer = read.accept(&trust(), now(), |algorithm, message, signature| {
        assert_eq!((algorithm, message, signature), (Algorithm::Es256, rest.as_bytes(), &b"signature"[..]));
        false
    });
    assert_eq!(answer, Err(Fault::Signature));
    let foreign = token(HEADER, &CLAIMS.replace("gate", "elsewhere"));
    let foreign = Unverified::parse(&foreign).expect("well formed");
    assert!(!foreign.is_meant_for(&trust()));
    assert_eq!(foreign.accept(&trust(), now(), |_, _, _| false), Err(Fault::Signature), "before the audience");
    let other = Trust { algorithms: vec![Algorithm::Rs256], ..trust() };
    let read = Unverified::parse(&text).expect("well formed");
    assert_eq!(read.accept(&other, now(), |_, _, _| panic!("asked")), Err(Fault::Algorithm));
}

#[test]
fn every_algorithm_has_one_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
    }
    assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::EdDsa));
    for word in ["", "none", "HS256", "ES512", "ES256K", "es256", "Ed448"] {
        assert_eq!(Algorithm::parse(word), None, "{word}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = Unverified::parse(&text);
    }

    #[test]
    fn no_json_makes_it_panic_or_lets_it_in_unsigned(header in "\\PC{0,60}", claims in "\\PC{0,120}") {
        if let Ok(token) = Unverified::parse(&token(&header, &claims)) {
            prop_assert!(token.accept(&trust(), now(), |_, _, _| false).is_err());
        }
    }

    #[test]
    fn a_changed_letter_is_another_message_or_another_signature(at in 0..200_usize, letter in "[A-Za-z0-9_-]") {
        let good = token(HEADER, CLAIMS);
        let mut changed = good.clone();
        changed.replace_range(at..=at, &letter);
        prop_assume!(changed != good);
        if let Ok(token) = Unverified::parse(&changed) {
            let (rest, _) = good.rsplit_once('.').expect("three parts");
            let is_signed = |_: Algorithm, message: &[u8], signature: &[u8]| message == rest.as_bytes() && signature == b"signature";
            prop_assert!(token.accept(&trust(), now(), is_signed).is_err());
        }
    }

    #[test]
    fn it_begins_within_a_minute_of_its_word_whatever_it_says(nbf in 0..4_000_000_000_u64, iat in 0..4_000_000_000_u64) {
        let claims = CLAIMS.replace(r#""iat":2000000000"#, &format!(r#""iat":{iat},"nbf":{nbf}"#));
        let is_early = nbf.max(iat) > NOW + LEEWAY.as_secs();
        prop_assert_eq!(ask(&token(HEADER, &claims), &trust()).err(), is_early.then_some(Fault::Early));
    }
}

fn ask(text: &str, trust: &Trust) -> Result<Accepted, Fault> {
    Unverified::parse(text)?.accept(trust, now(), |_, _, _| true)
}

fn token(header: &str, claims: &str) -> String {
    let part = |text: &[u8]| BASE64URL_NOPAD.encode(text);
    format!("{}.{}.{}", part(header.as_bytes()), part(claims.as_bytes()), part(b"signature"))
}

fn trust() -> Trust {
    Trust {
        issuer: "https://id.example".to_owned(),
        audience: vec!["gate".to_owned(), "door".to_owned()],
        algorithms: vec![Algorithm::Es256],
        claims: vec![],
        subject: Subject::Claim("name".to_owned()),
        scopes: Scopes::Claim("scope".to_owned()),
    }
}

fn name(text: &str) -> LoginName {
    UserName::parse(text).map(LoginName::Name).expect("a name")
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).expect("a scope")
}

const fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

const NOW: u64 = 2_000_000_000;
const HEADER: &str = r#"{"alg":"ES256","typ":"JWT","kid":"key-1"}"#;
const CLAIMS: &str = r#"{"iss":"https://id.example","aud":"gate","sub":"248289761001","name":"ana","scope":"crm.read openid","iat":2000000000,"exp":2000000100}"#;
