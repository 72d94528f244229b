//! HTTP/2 in, HTTP/1.1 out: nothing that means one thing in frames may mean another in lines (A17).
//!
//! The claims are those of `smuggling`: at the recording app, no more requests than were admitted, each readable in one way
//! only, none of them the one that hides inside.

use harness::frames::{Frame, Frames, Outcome, block, flag, kind, literal, request};
use harness::gateway::{Factor, Setup, TestGateway};
use harness::recorder::{Recorded, Recorder};

/// What must become of an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    /// A stream or connection error, or a 4xx; nothing whole at the app.
    Refused,
    /// The stream is reset once the body turns out to be another, unless its answer was out by then; the app saw at most the
    /// header, and no body.
    Reset,
    /// Exactly one request at the app.
    Forwarded,
}

use Expected::{Forwarded, Refused, Reset};

type Fields = &'static [(&'static [u8], &'static [u8])];

struct Case {
    name: &'static str,
    expected: Expected,
    /// Instead of the usual pseudo-fields, if any are named here; else behind them.
    fields: Fields,
    body: Option<&'static [u8]>,
}

const fn case(expected: Expected, name: &'static str, fields: Fields) -> Case {
    Case { name, expected, fields, body: None }
}

const fn with_body(expected: Expected, name: &'static str, fields: Fields, body: &'static [u8]) -> Case {
    Case { name, expected, fields, body: Some(body) }
}

const INNER: &[u8] = b"0\r\n\r\nGET /private?smuggled=yes HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";

const CASES: &[Case] = &[
    case(Forwarded, "a plain request", &[(b"accept", b"*/*")]),
    with_body(Forwarded, "a body without a length", &[], b"hello"),
    with_body(Forwarded, "a body with its length", &[(b"content-length", b"5")], b"hello"),
    with_body(Forwarded, "a body that looks like chunks and a request", &[], INNER),
    with_body(Refused, "a length that is too short", &[(b"content-length", b"3")], INNER),
    with_body(Reset, "a length of zero and a body", &[(b"content-length", b"0")], INNER),
    with_body(Refused, "a length that is too long", &[(b"content-length", b"500")], INNER),
    with_body(Refused, "two lengths", &[(b"content-length", b"5"), (b"content-length", b"6")], b"hello"),
    with_body(Refused, "the same length twice", &[(b"content-length", b"5"), (b"content-length", b"5")], b"hello"),
    with_body(Refused, "a list of lengths", &[(b"content-length", b"5, 5")], b"hello"),
    with_body(Refused, "a length with a sign", &[(b"content-length", b"+5")], b"hello"),
    with_body(Refused, "a length in hexadecimal", &[(b"content-length", b"0x5")], b"hello"),
    with_body(Refused, "an empty length", &[(b"content-length", b"")], b"hello"),
    with_body(Refused, "an alias of the length", &[(b"content_length", b"5")], INNER),
    with_body(Refused, "an alias of the transfer coding", &[(b"transfer_encoding", b"chunked")], INNER),
    with_body(Refused, "an alias with a dot", &[(b"transfer.encoding", b"chunked")], INNER),
    with_body(Refused, "transfer-encoding", &[(b"transfer-encoding", b"chunked")], INNER),
    with_body(Refused, "transfer-encoding: identity", &[(b"transfer-encoding", b"identity")], INNER),
    with_body(
        Refused,
        "transfer-encoding and length",
        &[(b"transfer-encoding", b"chunked"), (b"content-length", b"63")],
        INNER,
    ),
    case(Refused, "connection", &[(b"connection", b"close")]),
    case(Refused, "connection that nominates", &[(b"connection", b"remote-user")]),
    case(Refused, "keep-alive", &[(b"keep-alive", b"5")]),
    case(Refused, "proxy-connection", &[(b"proxy-connection", b"keep-alive")]),
    case(Refused, "upgrade", &[(b"upgrade", b"websocket")]),
    case(Refused, "upgrade to h2c", &[(b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABkAAQAAP__")]),
    case(Refused, "te with anything but trailers", &[(b"te", b"chunked")]),
    case(Forwarded, "te: trailers", &[(b"te", b"trailers")]),
    case(Refused, "a name with a colon", &[(b"x:y", b"z")]),
    case(Refused, "a name with a space", &[(b"x y", b"z")]),
    case(Refused, "a name with a line end", &[(b"x\r\ny", b"z")]),
    case(Refused, "a name with a line feed", &[(b"x\ny", b"z")]),
    case(Refused, "a name with a NUL", &[(b"x\0", b"z")]),
    case(Refused, "a name in capitals", &[(b"X-Upper", b"z")]),
    case(Refused, "an empty name", &[(b"", b"z")]),
    case(Refused, "a name outside ASCII", &[(b"x\xe9", b"z")]),
    case(Refused, "a name that is a request", &[(b"x: y\r\n\r\nget /private?smuggled=yes http/1.1\r\nz", b"1")]),
    case(Refused, "a value with a line end", &[(b"x", b"y\r\nremote-user: smuggled")]),
    case(Refused, "a value with a line feed", &[(b"x", b"y\nremote-user: smuggled")]),
    case(Refused, "a value with a carriage return", &[(b"x", b"y\rremote-user: smuggled")]),
    case(Refused, "a value with a NUL", &[(b"x", b"y\0z")]),
    case(
        Refused,
        "a value with a request",
        &[(b"x", b"y\r\n\r\nGET /private?smuggled=yes HTTP/1.1\r\nHost: a\r\n\r\n")],
    ),
    case(Forwarded, "a value with white space around it", &[(b"x", b" y ")]),
    case(Refused, "a pseudo-field nobody knows", &[(b":smuggled", b"1")]),
    case(Refused, "a pseudo-field of answers", &[(b":status", b"200")]),
    case(
        Refused,
        "a pseudo-field behind a field",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b"x", b"y"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "two methods",
        &[
            (b":method", b"GET"),
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "two paths",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status"),
            (b":path", b"/private?smuggled"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "two schemes",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":scheme", b"http"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "two authorities",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost"),
            (b":authority", b"login.localhost"),
        ],
    ),
    case(Refused, "no method", &[(b":scheme", b"https"), (b":path", b"/status"), (b":authority", b"crm.localhost")]),
    case(Refused, "no scheme", &[(b":method", b"GET"), (b":path", b"/status"), (b":authority", b"crm.localhost")]),
    case(Refused, "no path", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"crm.localhost")]),
    case(Refused, "no authority and no host", &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status")]),
    case(
        Forwarded,
        "a host instead of an authority",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status"), (b"host", b"crm.localhost")],
    ),
    case(Refused, "an authority and another host", &[(b"host", b"login.localhost")]),
    case(Refused, "two hosts", &[(b"host", b"crm.localhost"), (b"host", b"crm.localhost")]),
    case(
        Refused,
        "an authority with a user",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status"), (b":authority", b"x@crm.localhost")],
    ),
    case(
        Refused,
        "an authority with a path",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost/private"),
        ],
    ),
    case(
        Refused,
        "an authority with a line end",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost\r\nx: smuggled"),
        ],
    ),
    case(
        Refused,
        "an empty authority",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status"), (b":authority", b"")],
    ),
    case(
        Refused,
        "an empty path",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b""), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a path with a space",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status HTTP/1.1"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "a path with a request",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status HTTP/1.1\r\nx: smuggled\r\n\r\n"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "a path with a carriage return",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status\rx"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a path with a line feed",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status\nx"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a path with a tab",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status\tx"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a path with a NUL",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status?\0"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a query with a space",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status?x y"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a query outside ASCII",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status?\xc3\xa9"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Forwarded,
        "a fragment, which is cut off before anybody looks",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/status?x#y"), (b":authority", b"crm.localhost")],
    ),
    case(
        Forwarded,
        "a fragment in the path, which is cut off before anybody looks",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/status#/private"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "a path without a slash",
        &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"status"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "an absolute path",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"https://login.localhost/status"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "an asterisk",
        &[(b":method", b"OPTIONS"), (b":scheme", b"https"), (b":path", b"*"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a path with two slashes",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"//login.localhost/status"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "a method with a space",
        &[
            (b":method", b"GET /private?smuggled HTTP/1.1"),
            (b":scheme", b"https"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(
        Refused,
        "a method with a line end",
        &[(b":method", b"GET\r\n"), (b":scheme", b"https"), (b":path", b"/status"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "an empty method",
        &[(b":method", b""), (b":scheme", b"https"), (b":path", b"/status"), (b":authority", b"crm.localhost")],
    ),
    case(
        Refused,
        "a scheme with a path",
        &[
            (b":method", b"GET"),
            (b":scheme", b"https://crm.localhost/private?smuggled"),
            (b":path", b"/status"),
            (b":authority", b"crm.localhost"),
        ],
    ),
    case(Refused, "CONNECT", &[(b":method", b"CONNECT"), (b":authority", b"crm.localhost:443")]),
    case(
        Refused,
        "TRACE",
        &[(b":method", b"TRACE"), (b":scheme", b"https"), (b":path", b"/status"), (b":authority", b"crm.localhost")],
    ),
    case(
        Forwarded,
        "reserved names",
        &[
            (b"remote-user", b"smuggled"),
            (b"remote_user", b"smuggled"),
            (b"x-forwarded-for", b"smuggled"),
            (b"x.forwarded.for", b"smuggled"),
        ],
    ),
    case(Refused, "two credentials", &[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]),
    case(Refused, "an expectation nobody knows", &[(b"expect", b"200-ok")]),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_frames_say_is_what_lines_say() {
    let (gateway, app) = scene().await;
    let mut failed = Vec::new();
    for case in CASES {
        if let Err(why) = attempt(&gateway, &app, case).await {
            failed.push(format!("{:?} {}: {why}", case.expected, case.name));
        }
    }
    println!("{} inputs, {} failed", CASES.len(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_of_a_client_reach_nobody() {
    let (gateway, app) = scene().await;
    let mut frames = open(&gateway).await;
    let fields = block(&request("POST", "/status", &[]));
    frames.send(&Frame::new(kind::HEADERS, flag::END_HEADERS, 1, fields)).await;
    frames.send(&Frame::new(kind::DATA, 0, 1, b"hello".to_vec())).await;
    let trailers = block(&[("remote-user", "smuggled"), ("content-length", "9"), ("x-end", "smuggled")]);
    frames.send(&Frame::new(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, trailers)).await;
    let outcome = frames.outcome(1).await;
    for request in app.requests() {
        assert!(request.fields.iter().all(|(_, value)| value != b"smuggled"), "{request:?}");
        assert_eq!(request.body, b"hello");
    }
    assert!(app.faults().iter().all(|(_, fault)| fault.0.contains("cut off")), "{outcome:?} {:?}", app.faults());
    assert!(frames.is_served(3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_in_several_fields_become_one_without_ours() {
    let (gateway, app) = scene().await;
    let mut frames = open(&gateway).await;
    let cookies = [
        ("cookie", "a=1"),
        ("cookie", "__Host-vestibule=secret"),
        ("cookie", "b=2; c=3"),
        ("cookie", "__host-VESTIBULE-go=x"),
    ];
    frames.ask(1, &request("GET", "/status", &cookies)).await;
    assert_eq!(frames.outcome(1).await, Outcome::Answered(200));
    let seen = app.requests().pop().expect("it reached the app");
    assert_eq!(seen.all("cookie"), [b"a=1; b=2; c=3"]);
    assert_eq!(seen.all("host"), [format!("crm.localhost:{}", gateway.port()).as_bytes()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_that_the_app_did_not_open_carries_nothing() {
    let (gateway, app) = scene().await;
    for answer in ["/status", "/status?answer=unauthorized", "/status?answer=not_modified"] {
        let before = app.requests().len();
        let mut frames = open(&gateway).await;
        let mut fields = request("CONNECT", answer, &[("sec-websocket-version", "13")]);
        fields.insert(1, (":protocol", "websocket"));
        frames.send(&Frame::new(kind::HEADERS, flag::END_HEADERS, 1, block(&fields))).await;
        let inner = b"GET /private?smuggled=yes HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
        frames.send(&Frame::new(kind::DATA, flag::END_STREAM, 1, inner)).await;
        let outcome = frames.outcome(1).await;
        assert!(!matches!(outcome, Outcome::Answered(200..300)), "{answer}: {outcome:?} would say that it is open");
        assert!(open(&gateway).await.is_served(1).await);
        let seen = app.requests().split_off(before);
        assert!(seen.iter().all(|request| request.target.starts_with(b"/status")), "{answer}: {seen:?}");
        assert_eq!(app.faults(), [], "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_of_a_connection_is_decided_on_for_itself() {
    let (gateway, app) = scene().await;
    let gateway = gateway.with_user("ana", Factor::Totp).await;
    let mut frames = open(&gateway).await;
    let public = request("GET", "/status", &[]);
    let private = request("GET", "/private", &[]);
    for (stream, fields, expected) in [(1, &public, 200), (3, &private, 401), (5, &public, 200), (7, &private, 401)] {
        frames.ask(stream, fields).await;
        assert_eq!(frames.outcome(stream).await, Outcome::Answered(expected));
    }
    // A connection was made for one host.
    let mut other = request("GET", "/status", &[]);
    other[2].1 = "login.localhost";
    frames.ask(9, &other).await;
    assert_eq!(frames.outcome(9).await, Outcome::Answered(421));
    other[2].1 = "evil.example";
    frames.ask(11, &other).await;
    assert_eq!(frames.outcome(11).await, Outcome::Answered(421));
    assert_eq!(app.requests().len(), 2);
}

async fn attempt(gateway: &TestGateway, app: &Recorder, case: &Case) -> Result<(), String> {
    let before = app.requests().len();
    let faults_before = app.faults().len();
    let mut frames = open(gateway).await;
    let mut fields = Vec::new();
    if !case.fields.iter().any(|(name, _)| matches!(*name, b":method" | b":scheme" | b":path" | b":authority")) {
        let method = if case.body.is_some() { "POST" } else { "GET" };
        fields = block(&request(method, "/status", &[]));
    }
    for (name, value) in case.fields {
        literal(&mut fields, name, value);
    }
    let end = if case.body.is_none() { flag::END_STREAM } else { 0 };
    frames.send(&Frame::new(kind::HEADERS, flag::END_HEADERS | end, 1, fields)).await;
    if let Some(body) = case.body {
        frames.send(&Frame::new(kind::DATA, flag::END_STREAM, 1, body)).await;
    }
    let outcome = frames.outcome(1).await;
    let mut next = open(gateway).await;
    if !next.is_served(1).await {
        return Err(format!("nobody else is served after {outcome:?}"));
    }
    let mut seen = app.requests().split_off(before);
    seen.retain(|request| request.target != b"/status?still=here");
    let faults = app.faults().split_off(faults_before);
    if faults.iter().any(|(_, fault)| !fault.0.contains("cut off")) {
        return Err(format!("the app got what can be read in two ways: {faults:?}"));
    }
    let smuggled = |request: &Recorded| {
        let target = String::from_utf8_lossy(&request.target);
        let fields = request.fields.iter().any(|(_, value)| String::from_utf8_lossy(value).contains("smuggled"));
        target.contains("private") || target.contains("smuggled") || fields
    };
    if seen.iter().any(smuggled) {
        return Err(format!("smuggled: {seen:?}"));
    }
    let holds = match case.expected {
        Refused => seen.is_empty() && !matches!(outcome, Outcome::Answered(..400 | 500..)),
        Reset => {
            let body = seen.iter().any(|request| !request.body.is_empty());
            seen.len() <= 1 && !body && matches!(outcome, Outcome::Reset(_) | Outcome::Answered(200))
        }
        Forwarded => {
            let body = seen.first().is_some_and(|request| request.body == case.body.unwrap_or_default());
            seen.len() == 1 && body && outcome == Outcome::Answered(200)
        }
    };
    if holds { Ok(()) } else { Err(format!("{outcome:?}, the app saw {} requests", seen.len())) }
}

async fn scene() -> (TestGateway, Recorder) {
    let app = Recorder::start().await;
    let apps = format!(
        "apps:\n  crm:\n    host: crm.localhost\n    upstream: http://{}\n    allow: everyone\n    paths:\n      - {{ path: /status, allow: public }}\n",
        app.address()
    );
    (TestGateway::with(Setup { apps: Some(apps), https: true, ..Setup::default() }).await, app)
}

async fn open(gateway: &TestGateway) -> Frames {
    Frames::open(gateway.port(), "crm.localhost", &gateway.file("tls/chain.pem")).await
}
