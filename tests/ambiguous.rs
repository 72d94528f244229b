//! Requests that could be read in two ways are refused, not repaired (A09–A16): input bytes in, refusal out, nothing at the app.

use harness::gateway::TestGateway;
use harness::wire::{OFFICE, Wire};

/// Sends bytes with `{port}` filled in; the status, or 0 if the connection just ended.
async fn status_of(gateway: &TestGateway, bytes: &[u8]) -> u16 {
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    wire.send(bytes).await;
    wire.answer().await.map_or(0, |answer| answer.status)
}

#[tokio::test]
async fn a_request_has_one_host_and_it_is_ours() {
    let gateway = TestGateway::start().await;
    let host = format!("crm.localhost:{}", gateway.port());
    for (header, expected) in [
        (format!("Host: {host}"), 200),
        (format!("Host: CRM.localhost:{}", gateway.port()), 200),
        (format!("Host: crm.localhost.:{}", gateway.port()), 200),
        ("Host: crm.localhost".to_owned(), 200),
        ("X-None: 1".to_owned(), 400),
        ("Host:".to_owned(), 400),
        (format!("Host: {host}\r\nHost: {host}"), 400),
        (format!("Host: {host}, {host}"), 400),
        (format!("Host: x@{host}"), 400),
        ("Host: crm.localhost:99999".to_owned(), 400),
        ("Host: crm.localhost:80:80".to_owned(), 400),
        ("Host: crm..localhost".to_owned(), 400),
        ("Host: other.localhost".to_owned(), 421),
        ("Host: 127.0.0.1".to_owned(), 421),
    ] {
        let bytes = format!("GET /status HTTP/1.1\r\n{header}\r\n\r\n");
        assert_eq!(status_of(&gateway, bytes.as_bytes()).await, expected, "{header}");
    }
}

#[tokio::test]
async fn a_path_that_programs_read_differently_is_refused() {
    let gateway = TestGateway::start().await;
    let before = gateway.crm().seen().len();
    for path in [
        "//status",
        "/./status",
        "/x/../status",
        "/%2e%2e/status",
        "/status%2f",
        "/%5cstatus",
        "/a\\b",
        "/status;x",
        "/status%00",
        "/%c0%ae",
        "/%2561",
        "/status%zz",
        "/status%",
        "/a\u{e9}",
        "/status/%2E",
    ] {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n");
        let status = status_of(&gateway, bytes.as_bytes()).await;
        assert_eq!(status, 400, "{path}");
    }
    assert_eq!(gateway.crm().seen().len(), before, "nothing reached the app");
    // Most programs resolve an escape that nobody needs, some compare it as it is: it may not choose the rule.
    assert_eq!(status_of(&gateway, b"GET /%73tatus HTTP/1.1\r\nHost: crm.localhost\r\n\r\n").await, 401);
    assert_eq!(gateway.crm().seen().len(), before, "nothing reached the app");
    // The query is not the path (R07).
    assert_eq!(status_of(&gateway, b"GET /private?x=/status HTTP/1.1\r\nHost: crm.localhost\r\n\r\n").await, 401);
}

#[tokio::test]
async fn a_body_has_one_length() {
    let gateway = TestGateway::start().await;
    let before = gateway.crm().seen().len();
    for header in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5,5",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ] {
        let bytes = format!(
            "POST /status HTTP/1.1\r\nHost: crm.localhost\r\n{header}\r\n\r\n0\r\n\r\nGET /status HTTP/1.1\r\nHost: crm.localhost\r\n\r\n"
        );
        let status = status_of(&gateway, bytes.as_bytes()).await;
        assert!(status == 400 || status == 0, "{header}: {status}");
    }
    assert_eq!(gateway.crm().seen().len(), before, "nothing reached the app");
}

#[tokio::test]
async fn connect_and_trace_are_not_served() {
    let gateway = TestGateway::start().await;
    for (line, expected) in [("TRACE /status", 405), ("CONNECT crm.localhost:443", 405)] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n");
        let status = status_of(&gateway, bytes.as_bytes()).await;
        assert!(status == expected || status == 400, "{line}: {status}");
    }
}

#[tokio::test]
async fn what_is_left_of_a_refused_requests_body_is_never_the_next_request() {
    let gateway = TestGateway::start().await;
    let before = gateway.crm().seen().len();
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    let smuggled = "GET /status HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    let outer = format!(
        "POST /private HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    );
    wire.send(outer.as_bytes()).await;
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(401));
    wire.ended().await;
    assert_eq!(gateway.crm().seen().len(), before);
}

#[tokio::test]
async fn forms_and_documents_for_the_portal_are_small_and_come_in_time() {
    let gateway = TestGateway::start().await;
    let fits = "x".repeat(16 * 1024);
    let answer = gateway.ask("POST", "login", "/sign-in").body(fits.as_bytes()).send().await;
    assert_ne!(answer.status, 413);
    let too_large = "x".repeat(16 * 1024 + 1);
    let answer = gateway.ask("POST", "login", "/sign-in").body(too_large.as_bytes()).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "too_large"));
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    let chunk = format!("4001\r\n{}\r\n0\r\n\r\n", "x".repeat(0x4001));
    wire.send(
        format!("POST /sign-in HTTP/1.1\r\nHost: login.localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")
            .as_bytes(),
    )
    .await;
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(413));
}

#[tokio::test]
async fn a_header_has_at_most_64_kib_and_256_fields() {
    let gateway = TestGateway::start().await;
    let with = |fields: &str| format!("GET /status HTTP/1.1\r\nHost: crm.localhost\r\n{fields}\r\n");
    let padding = |length: usize| with(&format!("X-Padding: {}\r\n", "x".repeat(length)));
    let spare = padding(0).len();
    assert_eq!(status_of(&gateway, padding(64 * 1024 - spare).as_bytes()).await, 200);
    assert_eq!(status_of(&gateway, padding(64 * 1024 - spare + 1).as_bytes()).await, 431);
    let many = |count: usize| with(&(0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>());
    // The app behind takes a hundred.
    assert_eq!(status_of(&gateway, many(80).as_bytes()).await, 200);
    let beyond = status_of(&gateway, many(300).as_bytes()).await;
    assert!(beyond == 400 || beyond == 0, "{beyond}");
}
