//! Bearer tokens that somebody else made: by their keys, never by their word (A6, A41, A42, A44; RFC 8725).

use std::process::Command;
use std::time::Duration;

use harness::backend::Spoken;
use harness::gateway::{Factor, MORNING, POLICY, Setup, TestGateway, by_test};
use harness::issuer::{Says, Signer, TestIssuer, message, set_of};
use harness::wire::{Answer, CAFE};
use serde_json::{Value, json};
use vestibule::gate::Gate;
use vestibule::store::vault::{Force, PersonRecord};

#[tokio::test]
async fn a_token_reaches_the_api_as_its_person_and_the_app_does_not_see_it() {
    let (gateway, issuer, key) = scene().await;
    let token = key.token(&claims());
    let answer = ask(&gateway, &token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = gateway.crm().last();
    assert_eq!(seen.header("remote-user"), Some("ana"));
    assert_eq!(seen.header("authorization"), None);
    for _ in 0..3 {
        assert_eq!(ask(&gateway, &token).await.status, 200);
    }
    assert_eq!(gateway.metric("vestibule_token_checks_total{kind=\"jwt\",result=\"allowed\"}").await, 4.0);
    assert_eq!(issuer.asked(), 1, "no request asks the issuer");
    until("they were logged", || gateway.access_log().matches("\"user\":\"ana\"").count() == 4).await;
    assert!(!gateway.access_log().contains("eyJ"), "{}", gateway.access_log());
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_with_a_problem_and_a_challenge() {
    let (gateway, _issuer, key) = scene().await;
    let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "one" });
    let headed = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        key.with(&header, &claims())
    };
    let good = key.token(&claims());
    let (rest, signature) = good.rsplit_once('.').expect("three parts");
    let unsigned = |alg: &str| format!("{}.", message(&json!({ "alg": alg, "typ": "JWT", "kid": "one" }), &claims()));
    let hmac = {
        // The public key as a shared secret, as whoever verifies with either might take it.
        let message = message(&json!({ "alg": "HS256", "typ": "JWT", "kid": "one" }), &claims());
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.jwk().to_string().as_bytes());
        let tag = ring::hmac::sign(&secret, message.as_bytes());
        format!("{message}.{}", data_encoding::BASE64URL_NOPAD.encode(tag.as_ref()))
    };
    let stranger = Signer::new("one");
    let with_its_own_key = stranger.with(
        &json!({ "alg": "ES256", "typ": "JWT", "kid": "one", "jwk": stranger.jwk(), "jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/" }),
        &claims(),
    );
    for (what, token) in [
        ("no algorithm", unsigned("none")),
        ("nOnE", unsigned("nOnE")),
        ("an empty signature", unsigned("ES256")),
        ("a shared secret", hmac),
        ("another's key", stranger.token(&claims())),
        ("a key that it brings", with_its_own_key),
        ("an unknown key", headed("kid", json!("two"))),
        ("a path as a key", headed("kid", json!("../../one"))),
        ("SQL as a key", headed("kid", json!("x' UNION SELECT 'one"))),
        ("a very long key", headed("kid", json!("k".repeat(10_000)))),
        ("no text as a key", headed("kid", json!(["one"]))),
        ("crit", headed("crit", json!(["exp"]))),
        ("an ID token", headed("typ", json!("ID"))),
        ("a logout token", headed("typ", json!("logout+jwt"))),
        ("another algorithm", headed("alg", json!("RS256"))),
        ("r and s are zero", format!("{rest}.{}", "A".repeat(86))),
        ("a longer signature", format!("{good}AA")),
        ("a shorter one", good[..good.len() - 2].to_owned()),
        ("another part", format!("{good}.{signature}")),
        ("one in one", key.with(&headed_cty(), &json!({ "iss": ISSUER, "aud": "gate", "nested": good }))),
        ("another issuer", key.token(&claim("iss", json!("https://other.example")))),
        ("a longer issuer", key.token(&claim("iss", json!(format!("{ISSUER}/"))))),
        ("no audience", key.token(&claim("aud", Value::Null))),
        ("another audience", key.token(&claim("aud", json!(["crm", "gateway"])))),
        ("no end", key.token(&claim("exp", Value::Null))),
        ("an end that is a fraction", key.token(&claim("exp", json!(now() as f64 + 60.5)))),
        ("an end before the epoch", key.token(&claim("exp", json!(-1)))),
        ("an end beyond all time", key.token(&claim("exp", json!(u64::MAX)))),
        ("a later beginning", key.token(&claim("nbf", json!(now() + 61)))),
        ("made in the future", key.token(&claim("iat", json!(now() + 61)))),
        ("nobody of ours", key.token(&claim("preferred_username", json!("eve")))),
        ("written otherwise", key.token(&claim("preferred_username", json!("Ana")))),
        ("nothing", "eyJ".to_owned()),
    ] {
        let answer = ask(&gateway, &token).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "token_invalid"), "{what}: {token}");
        let header = answer.header("www-authenticate").expect("a challenge");
        assert!(header.starts_with("Bearer realm=\"Acme\"") && header.contains("error=\"invalid_token\""), "{header}");
        assert_eq!(answer.header("location"), None);
    }
    assert_eq!(ask(&gateway, &good).await.status, 200);
    assert_eq!(gateway.crm().seen().len(), 1, "nothing else reached the app");
    assert_eq!(gateway.get("crm", &format!("/api/x?access_token={good}")).send().await.problem(), "token_required");
}

#[tokio::test]
async fn what_a_token_may_the_rules_say_with_every_request() {
    let (gateway, _issuer, key) = scene().await;
    let token = key.token(&claims());
    assert_eq!(ask(&gateway, &token).await.status, 200);
    for (what, answer, status, code) in [
        ("no scope", ask(&gateway, &key.token(&claim("scope", Value::Null))).await, 403, "not_allowed"),
        ("another scope", ask(&gateway, &key.token(&claim("scope", json!("crm.write")))).await, 403, "not_allowed"),
        ("no rule", gateway.get("crm", "/").bearer(&token).send().await, 403, "not_allowed"),
        (
            "without any scope",
            gateway.get("crm", "/").bearer(&key.token(&claim("scope", json!("")))).send().await,
            403,
            "not_allowed",
        ),
        (
            "another method",
            gateway.ask("POST", "crm", "/api/x").bearer(&token).body(b"").send().await,
            403,
            "method_not_allowed",
        ),
        ("another app", gateway.get("mail", "/").bearer(&token).send().await, 403, "token_not_for_app"),
    ] {
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{what}");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains("insufficient_scope"), "{what}: {challenge}");
    }
    let answer = gateway.get("crm", "/api/x").from(CAFE).bearer(&token).send().await;
    assert_eq!(answer.json()["title"], "Access denied from this IP address");
    gateway.set_policy(&POLICY.replace("groups:", "users: { ana: { only_from: [127.0.0.9] } }\ngroups:")).await;
    assert_eq!(ask(&gateway, &token).await.problem(), "address_not_allowed");
    gateway.set_policy(POLICY).await;
    assert_eq!(ask(&gateway, &token).await.status, 200);
    // The person's standing, on the next request, remembered or not.
    let vault = gateway.gate().vault();
    vault.disable_person(gateway.id("ana"), Force::Yes, by_test("user.disable")).await.expect("done");
    gateway.catch_up().await;
    let answer = ask(&gateway, &token).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "token_revoked"));
    vault.delete_person(gateway.id("ana"), Force::Yes, by_test("user.delete")).await.expect("done");
    gateway.catch_up().await;
    assert_eq!(ask(&gateway, &token).await.problem(), "token_invalid");
    gateway.add_user("ana", Factor::None, &[], &[]).await;
    assert_eq!(ask(&gateway, &token).await.status, 200, "a name is a name: whoever has it now");
}

#[tokio::test]
async fn a_token_ends_when_it_says_and_begins_within_a_minute_of_its_word() {
    let (gateway, _issuer, key) = scene().await;
    let token = key.token(&claim("exp", json!(now() + 30)));
    let later = key.token(&claim("nbf", json!(now() + 60)));
    assert_eq!((ask(&gateway, &token).await.status, ask(&gateway, &later).await.status), (200, 200));
    gateway.clock().advance(Duration::from_secs(29));
    assert_eq!(ask(&gateway, &token).await.status, 200);
    gateway.clock().advance(Duration::from_secs(1));
    let answer = ask(&gateway, &token).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "token_expired"));
    assert!(answer.header("www-authenticate").is_some_and(|header| header.contains("invalid_token")));
}

#[tokio::test]
async fn what_one_token_may_is_never_another_ones() {
    let (gateway, _issuer, key) = scene().await;
    let gateway = gateway.with_user("bo", Factor::None).await;
    let (hers, his) = (key.token(&claims()), key.token(&claim("preferred_username", json!("bo"))));
    for (token, who) in [(&hers, "ana"), (&his, "bo"), (&hers, "ana"), (&his, "bo")] {
        assert_eq!(ask(&gateway, token).await.status, 200);
        assert_eq!(gateway.crm().last().header("remote-user"), Some(who));
    }
    let (rest, _) = hers.rsplit_once('.').expect("three parts");
    let (_, signature) = his.rsplit_once('.').expect("three parts");
    assert_eq!(ask(&gateway, &format!("{rest}.{signature}")).await.problem(), "token_invalid");
    let narrow = key.token(&claim("scope", json!("crm.write")));
    for _ in 0..2 {
        assert_eq!(ask(&gateway, &narrow).await.problem(), "not_allowed");
        assert_eq!(ask(&gateway, &hers).await.status, 200);
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_within_the_minute_and_a_key_that_is_gone_opens_nothing() {
    let (gateway, issuer, old) = scene().await;
    let new = Signer::new("two");
    let long = claim("exp", json!(now() + 3600));
    let (with_old, with_new) = (old.token(&long), new.token(&long));
    assert_eq!(ask(&gateway, &with_old).await.status, 200);
    issuer.publishes(&[&old, &new]);
    assert_eq!(ask(&gateway, &with_new).await.problem(), "token_invalid", "nobody waits for the issuer");
    gateway.running().ask_issuers().await;
    assert_eq!((ask(&gateway, &with_new).await.status, issuer.asked()), (401, 1), "a minute has not passed");
    gateway.clock().advance(Duration::from_secs(60));
    settle(&gateway, &with_new, 200).await;
    assert_eq!((ask(&gateway, &with_old).await.status, issuer.asked()), (200, 2), "both keys hold");
    issuer.publishes(&[&new]);
    gateway.clock().advance(Duration::from_secs(600));
    settle(&gateway, &with_old, 401).await;
    assert_eq!((ask(&gateway, &with_new).await.status, issuer.asked()), (200, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_inside_leaves_with_the_key_the_issuer_or_the_standing_that_let_them_in() {
    for end in ["key", "issuer", "standing", "time"] {
        let (gateway, issuer, key) = scene_with("scopes: everything, ").await;
        let token = key.token(&claim("exp", json!(now() + 3600)));
        let mut stream = gateway.get("crm", "/stream").bearer(&token).start().await;
        assert_eq!(stream.header().await.map(|answer| answer.status), Some(200), "{end}");
        assert!(stream.more().await.is_some());
        match end {
            "key" => {
                issuer.publishes(&[&Signer::new("two")]);
                gateway.clock().advance(Duration::from_secs(600));
            }
            "issuer" => reload_with(&gateway, |text| text.replace("id.example", "other.example")).await,
            "standing" => {
                let leave = |record: &mut PersonRecord| record.person.groups = [].into();
                let vault = gateway.gate().vault();
                let changed = vault.change_person(gateway.id("ana"), Force::No, leave, by_test("user.set_groups"));
                changed.await.expect("done");
            }
            _ => gateway.clock().advance(Duration::from_secs(3600)),
        }
        stream.ended().await;
    }
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_issuer_once_a_minute() {
    let (gateway, issuer, key) = scene().await;
    let token = key.token(&claims());
    for minute in 1..=3 {
        gateway.clock().advance(Duration::from_secs(60));
        for number in 0..50 {
            let unknown = key.with(&json!({ "alg": "ES256", "kid": format!("{minute}-{number}") }), &claims());
            assert_eq!(ask(&gateway, &unknown).await.status, 401);
            gateway.running().ask_issuers().await;
        }
        until("it was asked", || issuer.asked() > minute).await;
        assert_eq!((issuer.asked(), ask(&gateway, &token).await.status), (1 + minute, 200));
    }
}

#[tokio::test]
async fn while_the_issuer_is_ill_its_last_keys_hold_for_a_day_and_no_request_waits() {
    let (gateway, issuer, key) = scene().await;
    let fresh = Signer::new("two");
    issuer.publishes(&[&fresh]);
    let long = claim("exp", json!(now() + 200_000));
    let (known, unknown) = (key.token(&long), fresh.token(&long));
    let many: Vec<_> = (0..101).map(|number| Signer::new(&number.to_string())).collect();
    let many = set_of(&many.iter().chain([&fresh]).collect::<Vec<_>>()).to_string();
    for says in [
        Says::Much,
        Says::Elsewhere,
        Says::Text(500, set_of(&[&fresh]).to_string()),
        Says::Text(204, String::new()),
        Says::Text(200, "<html>".to_owned()),
        Says::Text(200, "{\"keys\":[]}".to_owned()),
        Says::Text(200, many),
        Says::Nothing,
        Says::Slowly,
    ] {
        let before = issuer.asked();
        issuer.says(says.clone());
        gateway.clock().advance(Duration::from_secs(600));
        gateway.running().ask_issuers().await;
        until("it was asked", || issuer.asked() > before).await;
        for _ in 0..3 {
            assert_eq!(ask(&gateway, &known).await.status, 200);
            let answer = ask(&gateway, &unknown).await;
            assert_eq!((answer.status, answer.problem().as_str()), (401, "token_invalid"));
        }
        gateway.running().ask_issuers().await;
        assert_eq!(issuer.asked(), before + 1, "after a failure it has a minute's rest");
    }
    assert!(!issuer.was_followed());
    gateway.clock().advance(Duration::from_secs(24 * 60 * 60));
    for token in [&known, &unknown] {
        let answer = ask(&gateway, token).await;
        assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"));
    }
    issuer.says(Says::Keys);
    gateway.clock().advance(Duration::from_secs(60));
    settle(&gateway, &unknown, 200).await;
    assert_eq!(ask(&gateway, &known).await.status, 401);
}

#[tokio::test]
async fn an_issuer_that_never_answered_lets_nobody_in_and_stops_nobody_else() {
    let key = Signer::new("one");
    let issuer = TestIssuer::start(&[&key]).await;
    issuer.says(Says::Text(503, String::new()));
    let gateway = gateway(&issuer.url(), "").await;
    until("it was asked", || issuer.asked() == 1).await;
    let token = key.token(&claims());
    let answer = ask(&gateway, &token).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"));
    assert_eq!(ask(&gateway, &key.token(&claim("iss", json!("https://other.example")))).await.status, 401);
    assert_eq!(gateway.get("crm", "/status").bearer(&token).send().await.status, 200, "what is public is public");
    let ours = gateway.token("ana", &["crm"], &["crm.read"], &[], Duration::from_secs(60)).await;
    assert_eq!(ask(&gateway, &ours).await.status, 200);
    issuer.says(Says::Keys);
    gateway.clock().advance(Duration::from_secs(60));
    settle(&gateway, &token, 200).await;
}

#[tokio::test]
async fn issuers_come_and_go_with_a_reload_and_stay_through_a_restart() {
    let (mut gateway, issuer, key) = scene().await;
    let token = key.token(&claims());
    assert_eq!(ask(&gateway, &token).await.status, 200);
    let asked = issuer.asked();
    reload_with(&gateway, |text| text.replace("apps: [crm]", "apps: [mail]")).await;
    assert_eq!(ask(&gateway, &token).await.problem(), "token_not_for_app");
    reload_with(&gateway, |text| text.replace("apps: [mail]", "apps: [crm]")).await;
    assert_eq!((ask(&gateway, &token).await.status, issuer.asked()), (200, asked), "the keys were here already");
    reload_with(&gateway, |text| text.replace(ISSUER, "https://other.example")).await;
    assert_eq!(ask(&gateway, &token).await.problem(), "token_invalid");
    reload_with(&gateway, |text| text.replace("https://other.example", ISSUER)).await;
    assert_eq!(ask(&gateway, &token).await.status, 200);
    let text = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("there");
    let without: String = text
        .lines()
        .filter(|line| !line.contains("jwks_url") && !line.starts_with("issuers:"))
        .map(|line| format!("{line}\n"))
        .collect();
    reload_with(&gateway, |_| without).await;
    assert_eq!(ask(&gateway, &token).await.problem(), "token_invalid");
    reload_with(&gateway, |_| text).await;
    settle(&gateway, &token, 200).await;
    gateway.restart().await;
    settle(&gateway, &token, 200).await;
}

#[tokio::test]
async fn a_service_is_known_by_its_claims_and_its_keys_may_come_from_a_file() {
    let (key, other) = (Signer::new("one"), Signer::new("one"));
    let issuers = "issuers:\n  ci: { issuer: \"https://ci.example\", jwks_file: ci.json, audience: gate, service: ci-bot, claims: { repository: acme/crm }, apps: [crm] }\n";
    let setup = Setup {
        extra: issuers.to_owned(),
        files: vec![("ci.json".to_owned(), set_of(&[&key]).to_string())],
        ..Setup::default()
    };
    let gateway = TestGateway::with(setup).await.with_user("ana", Factor::None).await;
    let of = |repository: &str| json!({ "iss": "https://ci.example", "aud": "gate", "exp": now() + 600, "sub": "ana", "repository": repository, "scope": "crm.read" });
    let token = key.token(&of("acme/crm"));
    let nobody = async {
        // Its keys are here as soon as it says something else than that there are none.
        while ask(&gateway, &token).await.status == 503 {
            tokio::task::yield_now().await;
        }
    };
    patience(nobody).await;
    assert_eq!(ask(&gateway, &token).await.problem(), "token_invalid", "there is no ci-bot");
    gateway.add_user("ci-bot", Factor::None, &[], &[]).await;
    assert_eq!(ask(&gateway, &token).await.status, 200);
    assert_eq!(gateway.crm().last().header("remote-user"), Some("ci-bot"));
    assert_eq!(ask(&gateway, &key.token(&of("acme/wiki"))).await.problem(), "token_invalid");
    std::fs::write(gateway.file("ci.json"), set_of(&[&other]).to_string()).expect("writable");
    gateway.running().reloader().reload(Force::No).await.expect("accepted");
    settle(&gateway, &token, 401).await;
    assert_eq!(ask(&gateway, &other.token(&of("acme/crm"))).await.status, 200);
}

#[tokio::test]
async fn keys_come_over_tls_from_whom_the_configuration_trusts() {
    let key = Signer::new("one");
    let issuer = TestIssuer::speaking(Spoken::Tls("localhost"), &[&key]).await;
    let url = format!("https://localhost:{}/keys", issuer.port());
    let setup = |ca_file: &str| Setup {
        extra: issuers(&url, ca_file),
        files: vec![("ca.pem".to_owned(), issuer.authority())],
        ..Setup::default()
    };
    let token = key.token(&claims());
    let trusting = TestGateway::with(setup("ca_file: ca.pem, ")).await.with_user("ana", Factor::None).await;
    settle(&trusting, &token, 200).await;
    let asked = issuer.asked();
    let other = TestGateway::with(setup("")).await.with_user("ana", Factor::None).await;
    other.running().ask_issuers().await;
    assert_eq!((ask(&other, &token).await.status, issuer.asked()), (503, asked), "nothing was asked of a stranger");
}

#[tokio::test]
async fn a_token_that_was_not_made_for_us_is_the_apps_beside_a_cookie() {
    let (gateway, _issuer, key) = scene().await;
    let in_force = gateway.running().reloader().in_force();
    for (token, is_for_us) in [
        (key.token(&claims()), true),
        (Signer::new("x").token(&claims()), true),
        (key.token(&claim("aud", json!("crm-frontend"))), false),
        (key.token(&claim("iss", json!("https://other.example"))), false),
        ("eyJ".to_owned(), false),
        ("vst_x".to_owned(), true),
    ] {
        assert_eq!(Gate::is_for_us(&in_force, &token), is_for_us, "{token}");
    }
}

#[tokio::test]
async fn tokens_made_by_pyjwt_are_read_as_they_are_meant() {
    let script = r#"
import base64, json, sys, time, jwt
from cryptography.hazmat.primitives.asymmetric import rsa, ec, ed25519
from jwt.algorithms import RSAAlgorithm, ECAlgorithm, OKPAlgorithm
claims = json.loads(sys.argv[1])
keys = {"RS256": (rsa.generate_private_key(65537, 2048), RSAAlgorithm), "PS256": (rsa.generate_private_key(65537, 3072), RSAAlgorithm),
        "ES256": (ec.generate_private_key(ec.SECP256R1()), None), "ES384": (ec.generate_private_key(ec.SECP384R1()), None),
        "EdDSA": (ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm), "RS512": (rsa.generate_private_key(65537, 2048), RSAAlgorithm),
        "weak": (rsa.generate_private_key(65537, 1024), RSAAlgorithm)}
def number(value, length):
    return base64.urlsafe_b64encode(value.to_bytes(length, "big")).rstrip(b"=").decode()
jwks, tokens = [], {}
for name, (key, kind) in keys.items():
    public = key.public_key()
    if kind is None:
        n, length = public.public_numbers(), (public.curve.key_size + 7) // 8
        jwk = {"kty": "EC", "crv": "P-%d" % public.curve.key_size, "x": number(n.x, length), "y": number(n.y, length)}
    else:
        jwk = json.loads(kind.to_jwk(public))
    jwk["kid"] = name
    jwks.append(jwk)
    tokens[name] = jwt.encode(claims, key, algorithm="RS256" if name == "weak" else name, headers={"kid": name})
print(json.dumps({"jwks": {"keys": jwks}, "tokens": tokens}))
"#;
    let made = Command::new("/usr/bin/python3").args(["-c", script, &claims().to_string()]).output().expect("python3");
    assert!(made.status.success(), "{}: run sh deploy/setup.sh --tests", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let issuer = TestIssuer::start(&[]).await;
    issuer.says(Says::Text(200, made["jwks"].to_string()));
    let gateway = gateway(&issuer.url(), "").await;
    settle(&gateway, made["tokens"]["ES256"].as_str().expect("a token"), 200).await;
    for (name, status) in
        [("RS256", 200), ("PS256", 200), ("ES256", 200), ("ES384", 200), ("EdDSA", 200), ("RS512", 401), ("weak", 401)]
    {
        let answer = ask(&gateway, made["tokens"][name].as_str().expect("a token")).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
}

async fn scene() -> (TestGateway, TestIssuer, Signer) {
    scene_with("").await
}

/// A gateway, an issuer whose keys are here, and its key.
async fn scene_with(more: &str) -> (TestGateway, TestIssuer, Signer) {
    let key = Signer::new("one");
    let issuer = TestIssuer::start(&[&key]).await;
    let gateway = gateway(&issuer.url(), more).await;
    // A token of nobody: as long as there are no keys, it is not even judged.
    let nobody = key.token(&claim("preferred_username", json!("nobody")));
    settle(&gateway, &nobody, 401).await;
    (gateway, issuer, key)
}

async fn gateway(url: &str, more: &str) -> TestGateway {
    let setup = Setup { extra: issuers(url, more), ..Setup::default() };
    TestGateway::with(setup).await.with_user("ana", Factor::None).await
}

fn issuers(url: &str, more: &str) -> String {
    format!(
        "issuers:\n  corp: {{ issuer: \"{ISSUER}\", jwks_url: \"{url}\", audience: gate, user: preferred_username, {more}apps: [crm] }}\n"
    )
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": ["gate", "other"], "sub": "4711", "preferred_username": "ana", "scope": "openid crm.read",
        "iat": now(), "exp": now() + 600,
    })
}

/// The usual claims with another value of one; null: without it.
fn claim(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn headed_cty() -> Value {
    json!({ "alg": "ES256", "typ": "JWT", "cty": "JWT", "kid": "one" })
}

async fn ask(gateway: &TestGateway, token: &str) -> Answer {
    gateway.get("crm", "/api/x").bearer(token).send().await
}

/// Waits until this token is answered so: its issuer is asked beside the requests.
async fn settle(gateway: &TestGateway, token: &str, status: u16) {
    let answered = async {
        gateway.running().ask_issuers().await;
        while ask(gateway, token).await.status != status {
            tokio::task::yield_now().await;
        }
    };
    patience(answered).await;
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let so = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, so).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

async fn patience<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

async fn reload_with(gateway: &TestGateway, edit: impl FnOnce(String) -> String) {
    let file = gateway.file("gateway.yaml");
    let text = std::fs::read_to_string(&file).expect("there");
    std::fs::write(&file, edit(text)).expect("writable");
    gateway.running().reloader().reload(Force::No).await.unwrap_or_else(|faults| panic!("{faults}"));
}

fn now() -> u64 {
    MORNING.seconds()
}

const ISSUER: &str = "https://id.example";
const PATIENCE: Duration = Duration::from_secs(20);
