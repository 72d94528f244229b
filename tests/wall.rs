//! The network wall: who may come from where (N1–N12).

use harness::gateway::{Factor, Setup, TestGateway};
use harness::wire::{CAFE, OFFICE};
use std::time::Duration;

const TITLE: &str = "Access denied from this IP address";

#[tokio::test]
async fn from_an_unlisted_address_everything_answers_403_and_no_upstream_hears_of_it() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let token = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    let device = gateway.device("ana").await;
    let before = (gateway.crm().connections(), gateway.mail().connections());
    for (host, path) in [
        ("crm", "/"),
        ("crm", "/status"),
        ("crm", "/api/x"),
        ("mail", "/"),
        ("login", "/"),
        ("login", "/sign-in"),
        ("login", "/whoami"),
        ("login", "/.well-known/jwks.json"),
        ("login", "/assets/anything.css"),
        ("crm", "/.vestibule/hand-off?ticket=a&to=/"),
        ("unknown", "/"),
    ] {
        for credentials in [None, Some(&token), Some(&device)] {
            let mut request = gateway.get(host, path).from(CAFE);
            if let Some(token) = credentials {
                request = request.bearer(token);
            }
            let answer = request.send().await;
            assert_eq!(answer.status, 403, "{host}{path}");
            assert_eq!(answer.problem(), "address_not_allowed");
            assert_eq!(answer.json()["title"], TITLE);
        }
        let page = gateway.get(host, path).from(CAFE).by_browser().send().await;
        assert_eq!(page.status, 403, "{host}{path}");
        assert!(page.text().contains(&format!("<title>{TITLE}</title>")), "{}", page.text());
        assert!(page.text().contains(CAFE));
    }
    let sign_in = serde_json::json!({ "username": "ana", "password": "x" });
    let answer = gateway.ask("POST", "login", "/api/v1/sign-in").from(CAFE).json(&sign_in).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "address_not_allowed"));
    assert_eq!((gateway.crm().connections(), gateway.mail().connections()), before);
}

#[tokio::test]
async fn a_malformed_request_from_an_unlisted_address_learns_nothing_either() {
    let gateway = TestGateway::start().await;
    for target in ["/%2e%2e/x", "//x", "/a;b", "/\\x"] {
        let answer = gateway.get("crm", target).from(CAFE).send().await;
        assert_eq!(answer.problem(), "address_not_allowed", "{target}");
    }
}

#[tokio::test]
async fn lists_of_users_roles_and_groups_each_let_exactly_their_people_in() {
    let policy = "networks: { office: [127.0.0.1] }
organization: { allow_from: [office] }
users: { ana: { allow_from: [127.0.1.1] } }
roles: { keeper: { allow_from: [127.0.1.2] }, guest: { only_from: [127.0.1.3, 127.0.0.1] } }
groups: { field: { allow_from: [127.0.1.3] } }
";
    let gateway = TestGateway::with(Setup { policy: Some(policy.to_owned()), ..Setup::default() }).await;
    gateway.add_user("ana", Factor::Totp, &[], &[]).await;
    gateway.add_user("bo", Factor::Totp, &["keeper"], &[]).await;
    gateway.add_user("cy", Factor::Totp, &[], &["field"]).await;
    gateway.add_user("di", Factor::Totp, &["guest"], &["field"]).await;
    gateway.add_user("ed", Factor::Totp, &["keeper", "guest"], &[]).await;
    let addresses = [OFFICE, "127.0.1.1", "127.0.1.2", "127.0.1.3", CAFE];
    for (name, allowed) in [
        ("ana", [true, true, false, false, false]),
        ("bo", [true, false, true, false, false]),
        ("cy", [true, false, false, true, false]),
        ("di", [true, false, false, true, false]),
        // A keeper may come from 127.0.1.2, a guest from nowhere but the office and 127.0.1.3: the narrower holds.
        ("ed", [true, false, false, false, false]),
    ] {
        let device = gateway.device(name).await;
        for (address, allowed) in addresses.into_iter().zip(allowed) {
            let answer = gateway.get("mail", "/").from(address).bearer(&device).send().await;
            let expected = if allowed { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{name} from {address}: {}", answer.text());
            if !allowed {
                assert_eq!(answer.json()["title"], TITLE);
            }
        }
    }
}

#[tokio::test]
async fn a_blocked_address_never_passes_and_an_app_may_narrow_but_not_widen() {
    let policy = "networks: { office: [127.0.0.0/24], lab: [127.0.2.0/24] }
organization: { allow_from: [office, lab], blocked: [127.0.0.13] }
";
    let apps = "apps:
  crm: { host: crm.localhost, upstream: \"http://{crm}\", allow: everyone, only_from: [office] }
  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: public, only_from: [127.9.9.9, lab] }
";
    let setup = Setup { policy: Some(policy.to_owned()), apps: Some(apps.to_owned()), ..Setup::default() };
    let gateway = TestGateway::with(setup).await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    for (host, address, status) in [
        ("crm", "127.0.0.7", 200),
        ("crm", "127.0.0.13", 403),
        ("crm", "127.0.2.7", 403),
        ("mail", "127.0.2.7", 200),
        ("mail", "127.0.0.7", 403),
        // Listed for the app, but not for the organization: the one list covers every app (N10).
        ("mail", "127.9.9.9", 403),
    ] {
        let answer = gateway.get(host, "/").from(address).bearer(&device).send().await;
        assert_eq!(answer.status, status, "{host} from {address}: {}", answer.text());
    }
    // Where nobody could use the app from, nobody is asked to sign in (N11).
    let answer = gateway.get("crm", "/").from("127.0.2.7").by_browser().send().await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn nothing_listed_means_nobody_and_anywhere_must_be_written() {
    let nobody = Setup { policy: Some("groups: { sales: {} }\n".to_owned()), ..Setup::default() };
    let gateway = TestGateway::with(nobody).await;
    assert_eq!(gateway.get("crm", "/status").send().await.problem(), "address_not_allowed");
    gateway.set_policy("organization: { allow_from: anywhere }\ngroups: { sales: {} }\n").await;
    assert_eq!(gateway.get("crm", "/status").from(CAFE).send().await.status, 200);
}

#[tokio::test]
async fn forwarding_headers_count_only_from_listed_proxies_and_are_walked_right_to_left() {
    let extra = "trusted_proxies: [127.0.5.5, 127.0.5.6]".to_owned();
    let gateway = TestGateway::with(Setup { extra, ..Setup::default() }).await;
    for (peer, fields, status) in [
        // An untrusted peer's claims are ignored, whatever they are (A01, A07).
        (
            CAFE,
            &[("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")][..],
            403,
        ),
        (OFFICE, &[("X-Forwarded-For", "127.0.0.66")], 200),
        (OFFICE, &[("X-Forwarded-For", "garbage")], 200),
        ("127.0.5.5", &[("X-Forwarded-For", "127.0.0.1")], 200),
        ("127.0.5.5", &[("X-Forwarded-For", "127.0.0.66")], 403),
        // The leftmost is the attacker's own word (A02).
        ("127.0.5.5", &[("X-Forwarded-For", "127.0.0.1, 127.0.0.66")], 403),
        ("127.0.5.5", &[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "127.0.0.66, 127.0.5.6")], 403),
        ("127.0.5.5", &[("X-Forwarded-For", "127.0.0.66, 127.0.0.1, 127.0.5.6")], 200),
        ("127.0.5.5", &[("Forwarded", "for=127.0.0.1;proto=https")], 200),
        ("127.0.5.5", &[("Forwarded", "for=127.0.0.1"), ("X-Forwarded-For", "127.0.0.66")], 400),
        // Unparsable from a proxy that is believed: refused, never skipped (A03).
        ("127.0.5.5", &[("X-Forwarded-For", "unknown")], 400),
        ("127.0.5.5", &[("X-Forwarded-For", "127.0.0.01")], 400),
        ("127.0.5.5", &[("X-Forwarded-For", "127.0.0.1:99999")], 400),
        ("127.0.5.5", &[("X-Forwarded-For", "")], 400),
    ] {
        let request = fields
            .iter()
            .fold(gateway.get("crm", "/status").from(peer), |request, (name, value)| request.with(name, value));
        let answer = request.send().await;
        assert_eq!(answer.status, status, "{peer} {fields:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn whoami_shows_the_way_a_request_came() {
    let extra = "trusted_proxies: [127.0.5.5]".to_owned();
    let gateway = TestGateway::with(Setup { extra, ..Setup::default() }).await;
    let answer =
        gateway.get("login", "/whoami").from("127.0.5.5").with("X-Forwarded-For", "10.9.9.9, 127.0.0.1").send().await;
    let expected = serde_json::json!([
        { "address": "127.0.5.5", "trusted": true },
        { "address": "127.0.0.1", "trusted": false },
    ]);
    assert_eq!(answer.json()["hops"], expected);
    assert_eq!(answer.json()["client"], "127.0.0.1");
    assert_eq!(answer.json()["peer"], "127.0.5.5");
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
