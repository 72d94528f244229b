//! What an app gets to see, and what it can not do (Z3; A12, A13, A18, R10, R11).

use std::process::Command;
use std::time::Duration;

use harness::gateway::{Factor, TestGateway};
use harness::wire::Request;

#[tokio::test]
async fn an_app_sees_our_identity_headers_and_none_of_the_clients() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let spellings = [
        "Remote-User",
        "remote-user",
        "REMOTE-USER",
        "Remote_User",
        "Remote.User",
        "Remote~User",
        "Remote-Groups",
        "remote_groups",
        "Remote-Name",
        "Remote-Email",
        "remote.email",
        "X-Vestibule-Assertion",
        "X_Vestibule_Assertion",
        "X-Forwarded-User",
        "X-Forwarded-For",
        "x_forwarded_for",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Real-IP",
        "True-Client-IP",
        "X-Original-URL",
        "X-HTTP-Method-Override",
        "Script_Name",
        "SCRIPT-NAME",
        "Path_Info",
        "Proxy",
    ];
    let forged = |request: Request| spellings.iter().fold(request, |request, name| request.with(name, "forged"));
    for (request, user) in
        [(gateway.get("mail", "/").bearer(&device), Some("ana")), (gateway.get("crm", "/status"), None)]
    {
        let answer = forged(request).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains("forged"), "{}", answer.text());
        let seen = if user.is_some() { gateway.mail().last() } else { gateway.crm().last() };
        assert_eq!(seen.header("remote-user"), user);
        assert_eq!(seen.header("remote-groups"), user.map(|_| "sales"));
        assert_eq!(seen.header("remote-email"), user.map(|_| "ana@acme.example"));
        assert_eq!(seen.header("x-vestibule-assertion").is_some(), user.is_some());
        assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    }
}

#[tokio::test]
async fn a_connection_field_can_not_take_our_headers_away() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    for nominated in ["Remote-User", "close, REMOTE-USER, x-vestibule-assertion"] {
        let answer = gateway.get("mail", "/").bearer(&device).with("Connection", nominated).send().await;
        assert_eq!(answer.status, 200);
        let seen = gateway.mail().last();
        assert_eq!(seen.header("remote-user"), Some("ana"), "Connection: {nominated}");
        assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
        assert!(seen.header("x-vestibule-assertion").is_some());
    }
    let before = gateway.mail().seen().len();
    for nominated in ["X-Forwarded-For", "x-forwarded-proto"] {
        let answer = gateway.get("mail", "/").bearer(&device).with("Connection", nominated).send().await;
        assert_eq!(answer.problem(), "bad_request", "Connection: {nominated}");
    }
    assert_eq!(gateway.mail().seen().len(), before);
    gateway
        .get("mail", "/")
        .bearer(&device)
        .with("Connection", "x-mine")
        .with("X-Mine", "1")
        .with("TE", "trailers")
        .with("Keep-Alive", "5")
        .send()
        .await;
    let seen = gateway.mail().last();
    for hop in ["x-mine", "te", "keep-alive"] {
        assert_eq!(seen.header(hop), None, "{hop} is for the hop, not for the app");
    }
}

#[tokio::test]
async fn an_app_sees_its_own_cookies_but_never_ours_and_can_not_set_ours() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let answer = gateway
        .get("mail", "/set-cookie")
        .bearer(&device)
        .with("Cookie", "a=1; __Host-vestibule=x; b=2")
        .with("Cookie", "__Host-vestibule-form=y; c=3")
        .send()
        .await;
    assert_eq!(gateway.mail().last().header("cookie"), Some("a=1; b=2; c=3"));
    assert_eq!(answer.cookie("app"), Some("1".to_owned()));
    assert_eq!(answer.cookie("__Host-vestibule"), None);
}

#[tokio::test]
async fn the_access_log_tells_who_was_admitted_by_their_session_and_of_nobody_else() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let sessions = gateway.gate().vault().sessions(Some(gateway.id("ana"))).await.expect("the store answers");
    gateway.get("mail", "/hers").bearer(&device).send().await;
    gateway.get("mail", "/nobodys").send().await;
    let line = async |path: &str| {
        let is_it = |line: &serde_json::Value| line["path"] == path;
        for lines in 1.. {
            let log = gateway.logged(lines).await;
            let mut all = log.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
            if let Some(line) = all.find(is_it) {
                return line;
            }
        }
        unreachable!("the log ran out of patience first")
    };
    let hers = line("/hers").await;
    assert_eq!((&hers["user"], &hers["session"]), (&"ana".into(), &sessions[0].id.to_string().into()));
    let nobodys = line("/nobodys").await;
    assert!(nobodys.get("user").is_none() && nobodys.get("session").is_none(), "{nobodys}");
}

#[tokio::test]
async fn the_assertion_verifies_with_another_library_against_the_public_keys() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    gateway.get("mail", "/").bearer(&device).send().await;
    let assertion = gateway.mail().last().header("x-vestibule-assertion").expect("an assertion").to_owned();
    let keys = gateway.get("login", "/.well-known/jwks.json").send().await.json();
    let claims = verify(&assertion, &keys, "mail", &gateway.portal("")).expect("it verifies");
    assert_eq!(claims["preferred_username"], "ana");
    assert_eq!(claims["email"], "ana@acme.example");
    assert_eq!(claims["groups"], serde_json::json!(["sales"]));
    assert_eq!(claims["amr"], serde_json::json!(["password", "totp"]));
    assert_eq!(claims["exp"].as_u64().zip(claims["iat"].as_u64()).map(|(end, start)| end - start), Some(60));
    // For this app only, and not with another signature.
    assert!(verify(&assertion, &keys, "crm", &gateway.portal("")).is_err());
    let forged = format!("{}A{}", &assertion[..assertion.len() - 10], &assertion[assertion.len() - 9..]);
    assert!(verify(&forged, &keys, "mail", &gateway.portal("")).is_err() || forged == assertion);
}

#[tokio::test]
async fn an_assertion_is_renewed_before_it_runs_out_and_when_the_person_changes() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let next = async || {
        gateway.get("mail", "/").bearer(&device).send().await;
        gateway.mail().last().header("x-vestibule-assertion").expect("an assertion").to_owned()
    };
    let first = next().await;
    gateway.clock().advance(Duration::from_secs(44));
    assert_eq!(next().await, first, "signing costs more than forwarding");
    gateway.clock().advance(Duration::from_secs(1));
    let second = next().await;
    assert_ne!(second, first);
    let add = |record: &mut vestibule::store::vault::PersonRecord| {
        let field = access::identity::GroupName::parse("field").expect("a name");
        record.person.groups = record.person.groups.iter().chain([&field]).cloned().collect();
    };
    let force = vestibule::store::vault::Force::No;
    gateway
        .gate()
        .vault()
        .change_person(gateway.id("ana"), force, add, harness::gateway::by_test("user.change"))
        .await
        .expect("done");
    gateway.catch_up().await;
    assert_ne!(next().await, second, "the app learns of the new group at once");
    assert_eq!(gateway.mail().last().header("remote-groups"), Some("sales,field"));
}

#[tokio::test]
async fn each_app_and_each_proof_has_its_own_assertion_however_they_take_turns() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let token = gateway.token("ana", &["mail", "crm"], &[], &[], Duration::from_secs(3600)).await;
    let keys = gateway.get("login", "/.well-known/jwks.json").send().await.json();
    let mut told = Vec::new();
    for _ in 0..3 {
        for (app, upstream) in [("mail", gateway.mail()), ("crm", gateway.crm())] {
            for (bearer, amr) in [(&device, vec!["password", "totp"]), (&token, vec!["token"])] {
                gateway.get(app, "/").bearer(bearer).send().await;
                let assertion = upstream.last().header("x-vestibule-assertion").expect("an assertion").to_owned();
                let claims = verify(&assertion, &keys, app, &gateway.portal("")).expect("it is for this app");
                assert_eq!(claims["amr"], serde_json::json!(amr));
                told.push(assertion);
            }
        }
    }
    assert_eq!((&told[..4], &told[..4]), (&told[4..8], &told[8..]), "each was signed once");
}

#[tokio::test]
async fn the_authorization_reaches_the_app_only_if_it_is_the_apps_own() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    gateway.get("crm", "/status").with("Authorization", "Basic YTpi").send().await;
    assert_eq!(gateway.crm().last().header("authorization"), Some("Basic YTpi"));
    gateway.get("crm", "/status").with("Authorization", "Bearer apps-own").send().await;
    assert_eq!(gateway.crm().last().header("authorization"), None);
}

#[tokio::test]
async fn bodies_and_queries_pass_as_they_are() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let body: Vec<u8> = (0..300_000_u32).map(|n| b'a' + u8::try_from(n % 26).expect("small")).collect();
    let answer = gateway.ask("PUT", "mail", "/x%20y/?a=b%2Fc&d").bearer(&device).body(&body).send().await;
    assert_eq!(answer.status, 200);
    let seen = gateway.mail().last();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("PUT", "/x%20y/?a=b%2Fc&d"));
    assert_eq!(seen.body, body);
}

#[tokio::test]
async fn an_app_that_is_down_is_named_and_the_gateway_goes_on() {
    let apps = "apps:
  crm: { title: The CRM, host: crm.localhost, upstream: \"http://127.0.0.1:1\", allow: public }
  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: public }
";
    let setup = harness::gateway::Setup { apps: Some(apps.to_owned()), ..Default::default() };
    let gateway = TestGateway::with(setup).await;
    let answer = gateway.get("crm", "/").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (502, "app_unavailable"));
    let page = gateway.get("crm", "/").by_browser().send().await;
    assert_eq!(page.status, 502);
    assert!(page.text().contains("The CRM"), "{}", page.text());
    assert_eq!(gateway.get("mail", "/").send().await.status, 200);
}

/// The claims, if PyJWT believes the assertion.
fn verify(
    assertion: &str,
    keys: &serde_json::Value,
    audience: &str,
    issuer: &str,
) -> Result<serde_json::Value, String> {
    let script = "import json, sys, jwt
token, keys, audience, issuer = sys.argv[1:]
kid = jwt.get_unverified_header(token)['kid']
key = next(jwt.PyJWK(k).key for k in json.loads(keys)['keys'] if k['kid'] == kid)
print(json.dumps(jwt.decode(token, key, algorithms=['ES256'], audience=audience, issuer=issuer, options={'verify_exp': False, 'verify_iat': False})))";
    let output = Command::new("/usr/bin/python3")
        .args(["-c", script, assertion, &keys.to_string(), audience, issuer])
        .output()
        .expect("python3 is there: sh deploy/setup.sh --tests installs it");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!errors.contains("ModuleNotFoundError"), "PyJWT is missing: run sh deploy/setup.sh --tests\n{errors}");
    if !output.status.success() {
        return Err(errors);
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
