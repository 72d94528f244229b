//! Bearer tokens: checked before forwarding, and what a program reads when they don't fit (A5, A7; RFC 6750).

use std::time::Duration;

use harness::gateway::{Factor, TestGateway, by_test};
use harness::wire::{Answer, CAFE};
use vestibule::store::vault::Force;

#[tokio::test]
async fn a_token_reaches_the_api_and_the_app_learns_whose_it_is_but_not_the_token() {
    let gateway = with_ana().await;
    let token = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let answer = gateway.get("crm", "/api/x").with("Authorization", &format!("{scheme} {token}")).send().await;
        assert_eq!(answer.status, 200, "{scheme}: {}", answer.text());
    }
    let seen = gateway.crm().last();
    assert_eq!(seen.header("remote-user"), Some("ana"));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn a_token_that_does_not_fit_is_refused_with_a_problem_and_a_challenge_never_a_redirect() {
    let gateway = with_ana().await;
    let good = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    let elsewhere = gateway.token("ana", &["mail"], &["crm.read"], &[], DAY).await;
    let unscoped = gateway.token("ana", &["crm"], &["crm.write"], &[], DAY).await;
    let from_afar = gateway.token("ana", &["crm"], &["crm.read"], &["127.0.7.7"], DAY).await;
    let brief = gateway.token("ana", &["crm"], &["crm.read"], &[], Duration::from_secs(60)).await;
    gateway.clock().advance(Duration::from_secs(61));
    let revoked = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    assert_eq!(ask(&gateway, &revoked).await.status, 200);
    let (id, _) = access::token::parse(&revoked).expect("a token");
    assert!(gateway.gate().vault().revoke_token(id, by_test("token.revoke")).await.expect("the store answers"));
    gateway.catch_up().await;
    for (token, status, code, challenge) in [
        (brief.as_str(), 401, "token_expired", "error=\"invalid_token\""),
        (&revoked, 401, "token_invalid", "error=\"invalid_token\""),
        (&elsewhere, 403, "token_not_for_app", "error=\"insufficient_scope\""),
        (&unscoped, 403, "not_allowed", "error=\"insufficient_scope\""),
        (&from_afar, 403, "address_not_allowed", "error=\"insufficient_scope\""),
        ("x", 401, "token_invalid", "error=\"invalid_token\""),
        ("vst_", 401, "token_invalid", "error=\"invalid_token\""),
        (&good[..good.len() - 1], 401, "token_invalid", "error=\"invalid_token\""),
        (&format!("{good}0"), 401, "token_invalid", "error=\"invalid_token\""),
        (&good.to_uppercase(), 401, "token_invalid", "error=\"invalid_token\""),
        (&good.replacen("vst_", "vsd_", 1), 401, "token_invalid", "error=\"invalid_token\""),
    ] {
        let answer = ask(&gateway, token).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{token}");
        let header = answer.header("www-authenticate").expect("a challenge");
        assert!(header.starts_with("Bearer realm=\"Acme\"") && header.contains(challenge), "{header}");
        assert_eq!(answer.header("location"), None);
    }
    // In a browser's clothes it is still a program's request (A7).
    let answer = gateway.get("crm", "/api/x").bearer("x").by_browser().send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "token_invalid"));
    // RFC 6750 §3.1: without any credentials there is no error code.
    let answer = gateway.get("crm", "/api/x").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "token_required"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"Acme\""));
}

#[tokio::test]
async fn a_token_is_refused_from_an_unlisted_address_and_where_its_own_list_ends() {
    let gateway = with_ana().await;
    let token = gateway.token("ana", &["crm"], &["crm.read"], &["office"], DAY).await;
    assert_eq!(ask(&gateway, &token).await.status, 200);
    let answer = gateway.get("crm", "/api/x").from(CAFE).bearer(&token).send().await;
    assert_eq!(answer.json()["title"], "Access denied from this IP address");
    // The network's name is resolved under the configuration in force; a name that is gone admits from nowhere.
    gateway.set_policy("organization: { allow_from: [127.0.0.1] }\ngroups: { sales: {} }\n").await;
    assert_eq!(ask(&gateway, &token).await.problem(), "address_not_allowed");
}

#[tokio::test]
async fn a_token_dies_with_its_owners_standing_and_lives_through_their_sign_out() {
    let gateway = with_ana().await;
    let token = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    let vault = gateway.gate().vault();
    vault.sign_out_person(gateway.id("ana"), by_test("user.sign_out")).await.expect("done");
    gateway.catch_up().await;
    assert_eq!(ask(&gateway, &token).await.status, 200, "ending sessions leaves tokens alone (D2)");
    vault.disable_person(gateway.id("ana"), Force::Yes, by_test("user.disable")).await.expect("done");
    gateway.catch_up().await;
    assert_eq!(ask(&gateway, &token).await.problem(), "token_revoked");
    vault.delete_person(gateway.id("ana"), Force::Yes, by_test("user.delete")).await.expect("done");
    gateway.catch_up().await;
    assert_eq!(ask(&gateway, &token).await.problem(), "token_invalid");
}

#[tokio::test]
async fn a_rule_for_tokens_admits_no_person_and_a_token_with_scopes_enters_nowhere_else() {
    let gateway = with_ana().await;
    let device = gateway.device("ana").await;
    assert_eq!(ask(&gateway, &device).await.problem(), "not_allowed", "a device's sign-in is a person's session");
    let scoped = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    assert_eq!(gateway.get("crm", "/").bearer(&scoped).send().await.problem(), "not_allowed");
    let plain = gateway.token("ana", &["crm"], &[], &[], DAY).await;
    assert_eq!(gateway.get("crm", "/").bearer(&plain).send().await.status, 200, "what its owner may");
    let posted = gateway.ask("POST", "crm", "/api/x").bearer(&scoped).body(b"").send().await;
    assert_eq!(posted.problem(), "method_not_allowed");
}

#[tokio::test]
async fn a_wrong_token_on_a_public_path_is_the_apps_business() {
    let gateway = with_ana().await;
    let answer = gateway.get("crm", "/status").bearer("whatever").send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(gateway.crm().last().header("remote-user"), None);
}

#[tokio::test]
async fn two_authorizations_or_a_token_in_the_address_are_no_way_in() {
    let gateway = with_ana().await;
    let token = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    let answer = gateway.get("crm", "/api/x").bearer(&token).bearer(&token).send().await;
    assert_eq!(answer.problem(), "bad_request");
    let answer = gateway.get("crm", &format!("/api/x?access_token={token}")).send().await;
    assert_eq!(answer.problem(), "token_required");
    assert!(!gateway.access_log().contains(&token), "the query is not logged");
}

#[tokio::test]
async fn checks_are_counted_by_result() {
    let gateway = with_ana().await;
    let token = gateway.token("ana", &["crm"], &["crm.read"], &[], DAY).await;
    ask(&gateway, &token).await;
    ask(&gateway, "x").await;
    assert_eq!(gateway.metric("vestibule_token_checks_total{kind=\"token\",result=\"allowed\"}").await, 1.0);
    assert_eq!(gateway.metric("vestibule_token_checks_total{kind=\"token\",result=\"token_invalid\"}").await, 1.0);
}

async fn with_ana() -> TestGateway {
    TestGateway::start().await.with_user("ana", Factor::Totp).await
}

async fn ask(gateway: &TestGateway, token: &str) -> Answer {
    gateway.get("crm", "/api/x").bearer(token).send().await
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
