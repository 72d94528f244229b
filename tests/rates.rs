//! How often may an app be asked? By everybody, one person, one token, one address; and what the others notice of it.

use std::time::Duration;

use harness::gateway::{Factor, Setup, TestGateway};
use harness::wire::{Answer, OFFICE, Request};

#[tokio::test]
async fn an_app_is_asked_by_everybody_together_only_so_often() {
    let gateway = limited("requests: 3/s").await;
    for from in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        assert_eq!(gateway.get("crm", "/status").from(from).send().await.status, 200);
    }
    refused(&gateway, &gateway.get("crm", "/status").from("127.0.0.4"), 1).await;
    assert_eq!(gateway.get("mail", "/status").send().await.status, 200, "another app");
    gateway.clock().advance(Duration::from_millis(334));
    assert_eq!(gateway.get("crm", "/status").send().await.status, 200);
    refused(&gateway, &gateway.get("crm", "/status"), 1).await;
}

#[tokio::test]
async fn an_address_is_served_only_so_often() {
    let gateway = limited("address: 2/m").await;
    let asks = |from| gateway.get("crm", "/status").from(from);
    assert_eq!((asks(OFFICE).send().await.status, asks(OFFICE).send().await.status), (200, 200));
    refused(&gateway, &asks(OFFICE), 30).await;
    assert_eq!(asks("127.0.0.2").send().await.status, 200, "another address");
    gateway.clock().advance(Duration::from_secs(29));
    refused(&gateway, &asks(OFFICE), 1).await;
    gateway.clock().advance(Duration::from_secs(1));
    assert_eq!(asks(OFFICE).send().await.status, 200, "Retry-After was honest");
    refused(&gateway, &asks(OFFICE), 30).await;
}

#[tokio::test]
async fn a_person_is_served_only_so_often_whatever_they_come_with() {
    let gateway =
        limited("person: 2/s").await.with_user("ana", Factor::Totp).await.with_user("ben", Factor::Totp).await;
    let (phone, ben) = (gateway.device("ana").await, gateway.device("ben").await);
    let token = gateway.token("ana", &["crm"], &[], &[], Duration::from_secs(3600)).await;
    let asks = |token: &str| gateway.get("crm", "/").bearer(token);
    assert_eq!((asks(&phone).send().await.status, asks(&token).send().await.status), (200, 200));
    refused(&gateway, &asks(&phone), 1).await;
    refused(&gateway, &asks(&token).from("127.0.0.2"), 1).await;
    assert_eq!(asks(&ben).send().await.status, 200, "another person");
    assert_eq!(gateway.get("crm", "/status").send().await.status, 200, "nobody in particular");
    assert_eq!(gateway.get("mail", "/").bearer(&phone).send().await.status, 200, "another app");
}

#[tokio::test]
async fn a_token_is_served_only_so_often() {
    let gateway = limited("token: 1/s").await.with_user("ana", Factor::Totp).await;
    let phone = gateway.device("ana").await;
    let hour = Duration::from_secs(3600);
    let (one, other) =
        (gateway.token("ana", &["crm"], &[], &[], hour).await, gateway.token("ana", &["crm"], &[], &[], hour).await);
    let asks = |token: &str| gateway.get("crm", "/").bearer(token);
    assert_eq!(asks(&one).send().await.status, 200);
    refused(&gateway, &asks(&one), 1).await;
    assert_eq!((asks(&other).send().await.status, asks(&phone).send().await.status), (200, 200));
}

#[tokio::test]
async fn only_who_was_admitted_is_counted() {
    let gateway = limited("requests: 1/s").await;
    for _ in 0..10 {
        assert_eq!(gateway.get("crm", "/").send().await.problem(), "sign_in_required");
        assert_eq!(gateway.get("crm", "/status").from("127.1.0.1").send().await.problem(), "address_not_allowed");
    }
    assert_eq!(gateway.get("crm", "/status").send().await.status, 200);
    let page = gateway.get("crm", "/status").by_browser().send().await;
    assert_eq!((page.status, page.header("retry-after")), (429, Some("1")));
    assert!(page.text().contains("Try again in 1 second."), "{}", page.text());
    let limited = "vestibule_decisions_total{app=\"crm\",decision=\"refuse\",reason=\"rate_limited\"}";
    assert_eq!(gateway.metric(limited).await, 1.0);
    let admitted = "vestibule_decisions_total{app=\"crm\",decision=\"allow\",reason=\"allowed\"}";
    assert_eq!(gateway.metric(admitted).await, 1.0);
}

/// A gateway whose CRM has these limits. The whole of 127.0.0.0/24 may come.
async fn limited(limits: &str) -> TestGateway {
    let apps = format!(
        "apps:
  crm:
    title: CRM
    host: crm.localhost
    upstream: http://{{crm}}
    allow: everyone
    limits: {{ {limits} }}
    paths: [{{ path: /status, allow: public }}]
  mail:
    host: mail.localhost
    upstream: http://{{mail}}
    allow: everyone
    paths: [{{ path: /status, allow: public }}]
"
    );
    let policy = "organization: { allow_from: [127.0.0.0/24] }\ngroups: { sales: {} }\n".to_owned();
    TestGateway::with(Setup { apps: Some(apps), policy: Some(policy), ..Setup::default() }).await
}

/// Sends it and asserts that it is refused, for so many seconds, and reaches no app.
async fn refused(gateway: &TestGateway, request: &Request, seconds: u32) {
    let before = gateway.crm().seen().len();
    let answer: Answer = request.send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some(&*seconds.to_string())), "{request:?}");
    assert_eq!(answer.problem(), "too_many_requests");
    assert_eq!(gateway.crm().seen().len(), before, "nothing reached the app");
}
