//! Attacks that were tried on this gateway, each with what stands against it now.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use access::totp::TotpSecret;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway, by_test};
use harness::wire::{Answer, CAFE, OFFICE, Request};
use vestibule::store::vault::Force;

#[tokio::test]
async fn a_method_of_a_megabyte_is_refused_and_kept_nowhere() {
    let gateway = TestGateway::start().await;
    let method = "M".repeat(900 * 1024);
    for (from, problem) in [(CAFE, "address_not_allowed"), (OFFICE, "method_not_served")] {
        let answer = gateway.ask(&method, "crm", "/").from(from).send().await;
        assert_eq!(answer.problem(), problem, "from {from}");
    }
    let log = gateway.logged(2).await;
    assert!(log.len() < 4096, "the access log has {} bytes", log.len());
    let code = gateway.ask("M", "crm", "/").from(CAFE).send().await.json()["reference"].clone();
    assert!(code.is_string(), "a short method nobody knows is a method all the same");
}

#[tokio::test]
async fn a_link_of_ours_with_a_slip_in_it_is_not_logged_with_its_secret() {
    let gateway = TestGateway::start().await;
    let invitation = gateway.invite("zoe", "Zoe Example").await;
    let secret = invitation.rsplit('/').next().expect("a path").to_owned();
    for target in [format!("/{invitation}"), format!("{invitation};"), format!("{invitation}/%2e")] {
        assert_eq!(gateway.get("login", &target).send().await.problem(), "bad_request");
    }
    let elsewhere = gateway.get("logim", &invitation).send().await;
    assert_eq!(elsewhere.problem(), "unknown_host");
    let log = gateway.logged(4).await;
    assert!(log.contains("/invitation/"), "{log}");
    assert!(!log.contains(&secret), "{log}");
}

#[tokio::test]
async fn a_code_that_was_right_at_a_refused_address_is_used() {
    let policy = "networks: { office: [127.0.0.1] }
organization: { allow_from: [office] }
groups: { field: { allow_from: [127.0.0.66] } }
";
    let setup = Setup { policy: Some(policy.to_owned()), ..Setup::default() };
    let gateway = TestGateway::with(setup).await.with_user("ana", Factor::Totp).await;
    for (method, code) in [("totp", gateway.totp("ana")), ("recovery", gateway.recovery_code("ana", 0))] {
        let flow = first_step(&gateway, CAFE).await;
        assert_eq!(second_step(&gateway, CAFE, &flow, method, &code).await.problem(), "address_not_allowed");
        assert_eq!(second_step(&gateway, OFFICE, &flow, method, &code).await.problem(), "flow_over");
        // Who looked over her shoulder sits in the office.
        let flow = first_step(&gateway, OFFICE).await;
        let answer = second_step(&gateway, OFFICE, &flow, method, &code).await;
        assert!(["used_code", "wrong_code"].contains(&answer.problem().as_str()), "{method}: {}", answer.text());
    }
    let flow = first_step(&gateway, OFFICE).await;
    let code = gateway.recovery_code("ana", 1);
    assert_eq!(second_step(&gateway, OFFICE, &flow, "recovery", &code).await.status, 200);
}

#[tokio::test]
async fn a_second_step_is_set_up_with_a_fresh_proof_only() {
    let gateway = with_crm("two_step: required", "two_step: optional").await.with_user("ana", Factor::None).await;
    let mut tab = Tab::signed_in(&gateway, "ana").await;
    assert_eq!(tab.get(&gateway, &go(&gateway)).await.header("location"), Some(&*gateway.portal("/set-up")));
    gateway.clock().advance(Duration::from_secs(5 * 60));
    let asked = tab.get(&gateway, &go(&gateway)).await;
    assert_eq!(asked.status, 200, "{:?}", asked.headers);
    assert!(asked.text().contains("name=\"password\""), "{}", asked.text());
    let shown = tab.password(&gateway, "ana", &go(&gateway)).await;
    assert_eq!(shown.header("location"), Some(&*gateway.portal(&go(&gateway))));
    assert_eq!(tab.get(&gateway, &go(&gateway)).await.header("location"), Some(&*gateway.portal("/set-up")));
}

#[tokio::test]
async fn a_set_up_ends_with_the_session_that_asked_for_it() {
    let gateway = with_crm("two_step: required", "two_step: optional").await.with_user("ana", Factor::None).await;
    let mut tab = Tab::signed_in(&gateway, "ana").await;
    tab.get(&gateway, &go(&gateway)).await;
    let page = tab.get(&gateway, "/set-up").await.text();
    let key = page.split("secret=").nth(1).and_then(|rest| rest.split('&').next()).expect("a key").to_owned();
    let bytes = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("base32");
    let code = TotpSecret::from_random(bytes.try_into().expect("twenty")).code_at(gateway.clock().now());
    let session = gateway.gate().vault().sessions(Some(gateway.id("ana"))).await.expect("answers").pop().expect("hers");
    assert!(gateway.gate().vault().end_session(session.id, by_test("session.end")).await.expect("answers"));
    gateway.catch_up().await;
    let answer = tab.post(&gateway, "/set-up", &[("code", &code)]).await;
    assert_eq!(answer.cookie("__Host-vestibule"), None, "{}", answer.text());
    assert!(gateway.record("ana").await.enrolled.is_empty());
}

#[tokio::test]
async fn a_fresh_proof_does_not_prolong_the_day() {
    let gateway = with_crm("fresh: 5m", "two_step: required, session: { idle: 24h, absolute: 24h }")
        .await
        .with_user("ana", Factor::Totp)
        .await;
    let mut tab = Tab::signed_in(&gateway, "ana").await;
    tab.post(&gateway, "/second-step", &[("code", &gateway.totp("ana"))]).await;
    gateway.clock().advance(Duration::from_secs(23 * 60 * 60));
    tab.get(&gateway, &go(&gateway)).await;
    tab.get(&gateway, "/second-step").await;
    let answer = tab.post(&gateway, "/second-step", &[("code", &gateway.totp("ana"))]).await;
    assert!(answer.cookie("__Host-vestibule").is_some(), "{}", answer.text());
    assert_eq!(tab.get(&gateway, "/").await.status, 200);
    gateway.clock().advance(Duration::from_secs(60 * 60));
    assert_eq!(tab.get(&gateway, "/").await.header("location"), Some(&*gateway.portal("/sign-in")));
}

#[tokio::test]
async fn a_hand_off_that_comes_to_a_browser_without_the_nonce_is_burnt() {
    let gateway = with_crm("title: CRM", "two_step: optional").await.with_user("ana", Factor::None).await;
    // Mallory's browser is on its way; Ana, who is signed in, is made to follow his link.
    let his = gateway.get("crm", "/").by_browser().send().await;
    let nonce = his.cookie("__Host-vestibule-go").expect("a nonce");
    let link = his.header("location").expect("to the portal").replace(&gateway.portal(""), "");
    let hers = Tab::signed_in(&gateway, "ana").await.get(&gateway, &link).await;
    let hand_off = hers.header("location").expect("to the app").replace(&gateway.app("crm", ""), "");
    assert!(hand_off.starts_with("/.vestibule/hand-off?ticket="), "{hand_off}");
    assert_eq!(gateway.get("crm", &hand_off).by_browser().send().await.status, 400);
    // Whatever showed him the address she was sent to comes too late.
    let cookie = format!("__Host-vestibule-go={nonce}");
    let answer = gateway.get("crm", &hand_off).by_browser().with("Cookie", &cookie).send().await;
    assert_eq!((answer.status, answer.cookie("__Host-vestibule")), (303, None));
}

#[tokio::test]
async fn beside_https_nothing_is_served_in_the_clear_but_to_proxies() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let hosts = ["login.localhost", "crm.localhost", "mail.localhost"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(hosts).expect("made");
    std::fs::write(gateway.file("chain.pem"), made.cert.pem()).expect("writable");
    std::fs::write(gateway.file("key.pem"), made.signing_key.serialize_pem()).expect("writable");
    std::fs::set_permissions(gateway.file("key.pem"), Permissions::from_mode(0o600)).expect("ours");
    let written = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("readable");
    let https = written
        .replace("portal: http://login.localhost:", "portal: https://login.localhost:")
        .replace("listen: { http:", "listen: { https: \"127.0.0.1:1\", http:")
        .replace("policies:", "tls: { certificates: [{ chain: chain.pem, key_file: key.pem }] }\npolicies:");
    let bring = |text: &str| {
        std::fs::write(gateway.file("gateway.yaml"), text).expect("writable");
        gateway.running().reloader().reload(Force::No)
    };
    bring(&https).await.unwrap_or_else(|faults| panic!("{faults}"));
    for (host, path) in [("login", "/sign-in?return_to=/whoami"), ("crm", "/a?b=c")] {
        let page = gateway.get(host, path).by_browser().send().await;
        let there = format!("https://{host}.localhost:{}{path}", gateway.port());
        assert_eq!((page.status, page.header("location")), (308, Some(&*there)));
        assert_eq!(gateway.get(host, path).by_browser().from(CAFE).send().await.status, 403);
    }
    let before = gateway.mail().seen().len();
    let sign_in = serde_json::json!({ "username": "ana", "password": PASSWORD });
    let answer = gateway.ask("POST", "login", "/api/v1/sign-in").json(&sign_in).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "https_required"));
    assert_eq!(gateway.get("mail", "/").bearer(&device).send().await.problem(), "https_required");
    assert_eq!(gateway.ask("POST", "login", "/sign-in").by_browser().body(b"x=y").send().await.status, 403);
    assert_eq!(gateway.mail().seen().len(), before);
    bring(&format!("{https}\ntrusted_proxies: [127.0.0.1]\n")).await.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(gateway.get("mail", "/").bearer(&device).send().await.status, 200);
}

/// A gateway whose CRM asks for more than the portal.
async fn with_crm(more: &str, sign_in: &str) -> TestGateway {
    let apps =
        format!("apps:\n  crm: {{ host: crm.localhost, upstream: \"http://{{crm}}\", allow: everyone, {more} }}\n");
    let sign_in = Some(format!("sign_in: {{ {sign_in} }}"));
    TestGateway::with(Setup { apps: Some(apps), sign_in, ..Setup::default() }).await
}

/// The way from the CRM's host to a hand-off.
fn go(gateway: &TestGateway) -> String {
    let port = gateway.port();
    format!("/go?to=http%3A%2F%2Fcrm.localhost%3A{port}%2F&browser={}", "0".repeat(64))
}

/// As much of a browser as these attacks need.
#[derive(Default)]
struct Tab {
    cookies: Vec<(String, String)>,
    form: String,
}

impl Tab {
    /// Past the password, and signed in if that is all that is asked for.
    async fn signed_in(gateway: &TestGateway, name: &str) -> Self {
        let mut tab = Self::default();
        tab.get(gateway, "/sign-in").await;
        assert_eq!(tab.password(gateway, name, "/").await.status, 303);
        tab
    }

    async fn password(&mut self, gateway: &TestGateway, name: &str, return_to: &str) -> Answer {
        let fields = [("username", name), ("password", PASSWORD), ("return_to", return_to)];
        self.post(gateway, "/sign-in", &fields).await
    }

    async fn get(&mut self, gateway: &TestGateway, target: &str) -> Answer {
        self.send(gateway.get("login", target)).await
    }

    async fn post(&mut self, gateway: &TestGateway, target: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = format!("form={}", self.form);
        for (name, value) in fields {
            let value = value.replace('%', "%25").replace('&', "%26").replace(' ', "+");
            body.push_str(&format!("&{name}={value}"));
        }
        let request = gateway.ask("POST", "login", target).body(body.as_bytes());
        self.send(request.with("Content-Type", "application/x-www-form-urlencoded")).await
    }

    async fn send(&mut self, request: Request) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.by_browser().with("Cookie", &cookies.join("; ")).send().await;
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        if let Some((_, rest)) = answer.text().split_once("name=\"form\" value=\"") {
            rest.split('"').next().unwrap_or_default().clone_into(&mut self.form);
        }
        answer
    }
}

/// Ana's password by the API; the flow.
async fn first_step(gateway: &TestGateway, from: &str) -> String {
    let first = serde_json::json!({ "username": "ana", "password": PASSWORD });
    let asked = gateway.ask("POST", "login", "/api/v1/sign-in").from(from).json(&first).send().await;
    asked.json()["flow"].as_str().expect("a flow").to_owned()
}

async fn second_step(gateway: &TestGateway, from: &str, flow: &str, method: &str, code: &str) -> Answer {
    let second = serde_json::json!({ "method": method, "code": code });
    gateway.ask("POST", "login", &format!("/api/v1/sign-in/{flow}")).from(from).json(&second).send().await
}
