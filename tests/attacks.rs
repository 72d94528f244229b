//! Attacks that were tried on this gateway, each with what stands against it now.

use std::time::Duration;

use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use harness::wire::{Answer, CAFE, OFFICE};

#[tokio::test]
async fn a_method_of_a_megabyte_is_refused_and_kept_nowhere() {
    let gateway = TestGateway::start().await;
    let method = "M".repeat(900 * 1024);
    for (from, problem) in [(CAFE, "address_not_allowed"), (OFFICE, "method_not_served")] {
        let answer = gateway.ask(&method, "crm", "/").from(from).send().await;
        assert_eq!(answer.problem(), problem, "from {from}");
    }
    let log = logged(&gateway, 2).await;
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
    let log = logged(&gateway, 4).await;
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

/// The access log, once it has so many lines.
async fn logged(gateway: &TestGateway, lines: usize) -> String {
    loop {
        let log = gateway.access_log();
        if log.lines().count() >= lines {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
