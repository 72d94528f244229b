//! Whoever is turned away from the first line on gets the same answer as everybody who is refused, only sooner (N5, N11).

use std::time::Duration;

use harness::gateway::{POLICY, Setup, TestGateway};
use harness::wire::{Answer, CAFE, Wire};

fn plain(method: &str, more: &str) -> String {
    format!("{method} /list?x=1 HTTP/1.1\r\nHost: crm.localhost\r\nAccept: */*\r\n{more}\r\n")
}

/// Everything but what changes from answer to answer.
fn lasting(answer: &Answer) -> (u16, Vec<(String, String)>, serde_json::Value) {
    let mut headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !["date", "connection"].contains(&name.as_str())).cloned().collect();
    headers.sort();
    let mut problem = answer.json();
    assert!(problem["reference"].is_string(), "{problem}");
    problem["reference"] = serde_json::Value::Null;
    (answer.status, headers, problem)
}

#[tokio::test]
async fn the_quick_answer_is_the_usual_answer() {
    let gateway = TestGateway::start().await;
    let mut wire = Wire::open(gateway.port(), CAFE).await;
    wire.send(plain("GET", "").as_bytes()).await;
    let quick = wire.answer().await.expect("an answer");
    // A cookie is looked at, so this one goes the whole way.
    wire.send(plain("GET", "Cookie: a=1\r\n").as_bytes()).await;
    let usual = wire.answer().await.expect("the same connection answers");
    assert_eq!(lasting(&quick), lasting(&usual));
    assert_eq!(quick.json()["title"], "Access denied from this IP address");
    assert_ne!(quick.json()["reference"], usual.json()["reference"]);
    assert!(gateway.crm().seen().is_empty());
}

#[tokio::test]
async fn each_of_many_on_one_connection_is_refused_counted_logged_and_remembered() {
    let gateway = TestGateway::start().await;
    let mut wire = Wire::open(gateway.port(), CAFE).await;
    wire.send(plain("GET", "").repeat(3).as_bytes()).await;
    let mut references = Vec::new();
    for _ in 0..3 {
        let answer = wire.answer().await.expect("an answer");
        references.push(answer.json()["reference"].as_str().expect("a code").to_owned());
    }
    references.dedup();
    assert_eq!(references.len(), 3);
    for reference in references {
        let reference = vestibule::gate::Reference::parse(&reference).expect("a code");
        let denial = gateway.gate().denial(&reference).expect("it is remembered");
        assert_eq!((denial.code, denial.path.as_str()), ("address_not_allowed", "/list"));
    }
    assert_eq!(gateway.metric(r#"vestibule_requests_total{app="crm",code="403"}"#).await, 3.0);
    let decisions = r#"vestibule_decisions_total{app="crm",decision="refuse",reason="address_not_allowed"}"#;
    assert_eq!(gateway.metric(decisions).await, 3.0);
    let written = async {
        while gateway.access_log().matches(r#""path":"/list","status":403"#).count() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.expect("three lines in the access log");
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let gateway = TestGateway::start().await;
    let mut wire = Wire::open(gateway.port(), CAFE).await;
    wire.send(plain("HEAD", "").as_bytes()).await;
    let head = wire.header().await.expect("a header");
    wire.send(plain("GET", "").as_bytes()).await;
    let get = wire.answer().await.expect("what follows is the next answer's header");
    assert_eq!((head.status, get.status), (403, 403));
    assert_eq!(head.header("content-length"), get.header("content-length"));
}

#[tokio::test]
async fn whoever_is_listed_meanwhile_comes_in_on_the_same_connection_and_the_other_way_round() {
    let gateway = TestGateway::start().await;
    let mut wire = Wire::open(gateway.port(), CAFE).await;
    let ask = "GET /status HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    let mut next = async || {
        wire.send(ask.as_bytes()).await;
        wire.answer().await.map(|answer| answer.status)
    };
    assert_eq!(next().await, Some(403));
    gateway.set_policy(&POLICY.replace("127.0.0.1", "127.0.0.0/24")).await;
    assert_eq!((next().await, next().await), (Some(200), Some(200)));
    gateway.set_policy(POLICY).await;
    assert_eq!(next().await, Some(403));
}

#[tokio::test]
async fn whoever_is_listed_while_the_connection_waits_is_counted_once_and_charged_once() {
    let apps = "apps:
  crm:
    title: CRM
    host: crm.localhost
    upstream: http://{crm}
    allow: everyone
    limits: { requests: 2/m }
    paths: [{ path: /status, allow: public }]
  mail:
    host: mail.localhost
    upstream: http://{mail}
    allow: everyone
";
    let gateway = TestGateway::with(Setup { apps: Some(apps.to_owned()), ..Setup::default() }).await;
    let mut wire = Wire::open(gateway.port(), CAFE).await;
    let ask = "GET /status HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    wire.send(ask.as_bytes()).await;
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(403));
    // Half of the next one is here when the address is listed.
    wire.send(&ask.as_bytes()[..20]).await;
    gateway.set_policy(&POLICY.replace("127.0.0.1", "127.0.0.0/24")).await;
    wire.send(&ask.as_bytes()[20..]).await;
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
    let allowed = r#"vestibule_decisions_total{app="crm",decision="allow",reason="allowed"}"#;
    let refused = r#"vestibule_decisions_total{app="crm",decision="refuse",reason="address_not_allowed"}"#;
    assert_eq!((gateway.metric(allowed).await, gateway.metric(refused).await), (1.0, 1.0));
    let mut next = async || {
        wire.send(ask.as_bytes()).await;
        wire.answer().await.map(|answer| answer.status)
    };
    assert_eq!((next().await, next().await), (Some(200), Some(429)), "two a minute, not one");
}

#[tokio::test]
async fn what_is_not_plain_is_refused_all_the_same_and_nothing_in_it_is_a_request_of_its_own() {
    let gateway = TestGateway::start().await;
    let smuggled = "GET /status HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    for (bytes, expected) in [
        (
            format!(
                "POST /list HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: {}\r\n\r\n{smuggled}",
                smuggled.len()
            ),
            403,
        ),
        (
            format!(
                "GET /list HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: {}\r\n\r\n{smuggled}",
                smuggled.len()
            ),
            403,
        ),
        ("GET /list HTTP/1.1\r\nHost: unknown.localhost\r\n\r\n".to_owned(), 403),
        ("GET /list HTTP/1.1\r\nHost: crm.localhost\r\nHost: crm.localhost\r\n\r\n".to_owned(), 403),
        ("GET /list HTTP/1.0\r\nHost: crm.localhost\r\n\r\n".to_owned(), 403),
        ("GET //list HTTP/1.1\r\nHost: crm.localhost\r\n\r\n".to_owned(), 403),
        ("GET /list HTTP/1.1\nHost: crm.localhost\n\n".to_owned(), 400),
    ] {
        let mut wire = Wire::open(gateway.port(), CAFE).await;
        wire.send(bytes.as_bytes()).await;
        let answer = wire.answer().await;
        let status = answer.as_ref().map(|answer| answer.status);
        assert!(status == Some(expected) || (status == Some(400) && expected == 403), "{bytes:?}: {status:?}");
    }
    assert!(gateway.crm().seen().is_empty());
}

#[tokio::test]
async fn a_browser_reads_the_page() {
    let gateway = TestGateway::start().await;
    let answer = gateway.get("crm", "/list").from(CAFE).by_browser().send().await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<h1") && answer.text().contains("Access denied from this IP address"));
}
