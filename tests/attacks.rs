//! Attacks that were tried on this gateway, each with what stands against it now.

use std::time::Duration;

use harness::gateway::TestGateway;
use harness::wire::{CAFE, OFFICE};

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
