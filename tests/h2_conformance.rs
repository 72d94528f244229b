//! Is HTTP/2 spoken as RFC 9113 and RFC 7541 want it? About ninety cases by section, in the order in which h2spec asks.
//!
//! The same cases are put to the gateway and to pingora alone. What pingora alone gets wrong is pingora's; the gateway may
//! add nothing to it.

use std::time::Duration;

use harness::bare::Bare;
use harness::frames::{Frame, Frames, Outcome, PREFACE, block, code, flag, integer, kind, literal, request, setting};
use harness::gateway::{Setup, TestGateway};

enum Step {
    /// These bytes.
    Send(Vec<u8>),
    /// Wait until this stream has been answered.
    Await(u32),
}

enum Expected {
    /// A connection error with one of these codes, or the end of the connection.
    Connection(&'static [u32]),
    /// An error of this stream with one of these codes, or a connection error with one of them.
    Stream(u32, &'static [u32]),
    /// An error of this stream, or a 4xx: it is the request that is malformed.
    Malformed(u32),
    /// This stream is answered, as usual.
    Answered(u32),
    /// A frame of this type, with these flags and this payload.
    Frame(u8, u8, Vec<u8>),
    /// The first DATA of stream 1 has this length.
    FirstData(usize),
}

struct Case {
    section: &'static str,
    name: &'static str,
    /// Without a preface and settings.
    raw: bool,
    steps: Vec<Step>,
    expected: Expected,
}

use Expected::{Answered, Connection, FirstData, Malformed, Stream};
use Step::{Await, Send};

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_speaks_http_2_no_worse_than_pingora_alone() {
    let apps = "apps: { crm: { host: crm.localhost, upstream: \"http://{crm}\", allow: public }, mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: public } }";
    let gateway = TestGateway::with(Setup { apps: Some(apps.to_owned()), https: true, ..Setup::default() }).await;
    let (chain, key) = (gateway.file("tls/chain.pem"), gateway.file("tls/key.pem"));
    let bare = Bare::start(gateway.crm().address(), &chain, &key).await;
    let cases = cases();
    let (mut ours, mut theirs) = (0, 0);
    let mut worse = Vec::new();
    for case in &cases {
        let (at_gateway, at_bare) = (run(case, gateway.port(), &chain).await, run(case, bare.port(), &chain).await);
        ours += usize::from(at_gateway.is_err());
        theirs += usize::from(at_bare.is_err());
        println!("{:<14} {:<66} {:<9} {}", case.section, case.name, word(&at_gateway), word(&at_bare));
        if let (Err(why), Ok(())) = (&at_gateway, &at_bare) {
            worse.push(format!("{} {}: {why}", case.section, case.name));
        }
        if let (Err(why), Err(_)) = (&at_gateway, &at_bare) {
            println!("{:<14} {why}", "");
        }
    }
    println!("{} cases; failures: gateway {ours}, pingora alone {theirs}", cases.len());
    assert!(worse.is_empty(), "worse than pingora alone:\n{}", worse.join("\n"));
    // So that the suite can't pass by talking to nobody. Most of what fails ends the connection as it should, with the
    // general code where RFC 9113 §7 has a more particular one.
    assert!(ours < cases.len() / 4, "{ours} of {} failed", cases.len());
}

const fn word(result: &Result<(), String>) -> &'static str {
    if result.is_ok() { "ok" } else { "FAILS" }
}

async fn run(case: &Case, port: u16, chain: &std::path::Path) -> Result<(), String> {
    let mut frames = if case.raw {
        Frames::connect(port, "crm.localhost", chain).await
    } else {
        Frames::open(port, "crm.localhost", chain).await
    };
    for step in &case.steps {
        match step {
            Send(bytes) => frames.send_bytes(bytes).await,
            Await(stream) => {
                within(frames.outcome(*stream)).await.ok_or("no answer on the way")?;
            }
        }
    }
    let outcome = |outcome: Option<Outcome>, holds: bool| if holds { Ok(()) } else { Err(format!("{outcome:?}")) };
    match &case.expected {
        Connection(codes) => {
            let end = within(frames.outcome(NOBODYS)).await;
            outcome(end, end.is_some_and(|end| end.ends_connection(codes)))
        }
        Stream(stream, codes) => {
            let end = within(frames.outcome(*stream)).await;
            outcome(end, end.is_some_and(|end| end.ends_stream(codes)))
        }
        Malformed(stream) => {
            let end = within(frames.outcome(*stream)).await;
            let refused = matches!(end, Some(Outcome::Answered(400..500)));
            outcome(end, refused || end.is_some_and(|end| end.ends_stream(&[code::PROTOCOL])))
        }
        Answered(stream) => {
            let end = within(frames.outcome(*stream)).await;
            outcome(end, matches!(end, Some(Outcome::Answered(200))))
        }
        Expected::Frame(kind, flags, payload) => loop {
            match within(frames.frame()).await.flatten() {
                Some(frame) if frame.kind == *kind && frame.flags == *flags && frame.payload == *payload => {
                    return Ok(());
                }
                Some(_) => {}
                None => return Err("it never came".to_owned()),
            }
        },
        FirstData(length) => loop {
            match within(frames.frame()).await.flatten() {
                Some(frame) if frame.kind == kind::DATA => {
                    let came = frame.payload.len();
                    return if came == *length { Ok(()) } else { Err(format!("{came} bytes")) };
                }
                Some(_) => {}
                None => return Err("no DATA".to_owned()),
            }
        },
    }
}

/// What should happen at once; `None` if it has not by now.
async fn within<T>(waiting: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(2), waiting).await.ok()
}

/// No stream has this number: waiting for it waits for the connection.
const NOBODYS: u32 = 0x7fff_fffe;

fn frame(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Vec<u8> {
    Frame::new(kind, flags, stream, payload).bytes()
}

/// A request without a body.
fn get(stream: u32) -> Vec<u8> {
    get_with(stream, &[])
}

/// A request that the app takes its time with: the stream stays open on its side.
fn get_slow(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, WHOLE, stream, block(&request("GET", "/slow", &[])))
}

fn get_with(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, WHOLE, stream, block(&request("GET", "/status", more)))
}

/// A request of these fields alone.
fn of(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, WHOLE, 1, block(fields))
}

/// A request whose body is still to come.
fn post(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS, stream, block(&request("POST", "/status", &[])))
}

/// A request with this appended to its header block.
fn get_and(bytes: &[u8]) -> Vec<u8> {
    frame(kind::HEADERS, WHOLE, 1, [&block(&request("GET", "/status", &[])), bytes].concat())
}

const WHOLE: u8 = flag::END_HEADERS | flag::END_STREAM;

fn cases() -> Vec<Case> {
    [starts(), framing(), states(), frames_by_type(), flow(), semantics(), compression()]
        .into_iter()
        .flatten()
        .collect()
}

fn case(section: &'static str, name: &'static str, steps: Vec<Vec<u8>>, expected: Expected) -> Case {
    Case { section, name, raw: false, steps: steps.into_iter().map(Send).collect(), expected }
}

fn steps(section: &'static str, name: &'static str, steps: Vec<Step>, expected: Expected) -> Case {
    Case { section, name, raw: false, steps, expected }
}

fn raw(section: &'static str, name: &'static str, bytes: Vec<u8>, expected: Expected) -> Case {
    Case { section, name, raw: true, steps: vec![Send(bytes)], expected }
}

fn starts() -> Vec<Case> {
    let settings = || frame(kind::SETTINGS, 0, 0, []);
    vec![
        raw(
            "9113 3.4",
            "settings are acknowledged",
            [PREFACE, &settings()].concat(),
            Expected::Frame(kind::SETTINGS, flag::ACK, vec![]),
        ),
        raw(
            "9113 3.4",
            "a preface that is none",
            b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n".to_vec(),
            Connection(&[code::PROTOCOL]),
        ),
        raw(
            "9113 3.4",
            "HTTP/1.1 after ALPN h2",
            b"GET / HTTP/1.1\r\nHost: crm.localhost\r\n\r\n".to_vec(),
            Connection(&[code::PROTOCOL]),
        ),
        raw(
            "9113 3.4",
            "a preface without settings",
            [PREFACE, &frame(kind::PING, 0, 0, [0; 8])].concat(),
            Connection(&[code::PROTOCOL]),
        ),
        raw(
            "9113 3.4",
            "a request at once, before the peer's settings came",
            [PREFACE, &settings(), &get(1)].concat(),
            Answered(1),
        ),
        case("9113 8.1", "GET", vec![get(1)], Answered(1)),
        case("9113 8.1", "HEAD", vec![of(&request("HEAD", "/status", &[]))], Answered(1)),
        case("9113 8.1", "POST", vec![post(1), frame(kind::DATA, flag::END_STREAM, 1, *b"test")], Answered(1)),
        case(
            "9113 8.1",
            "POST with trailers",
            vec![post(1), frame(kind::DATA, 0, 1, *b"test"), frame(kind::HEADERS, WHOLE, 1, block(&[("x-end", "1")]))],
            Answered(1),
        ),
        case(
            "9113 6.2",
            "HEADERS with padding",
            vec![frame(
                kind::HEADERS,
                WHOLE | flag::PADDED,
                1,
                [&[4][..], &block(&request("GET", "/status", &[])), &[0; 4]].concat(),
            )],
            Answered(1),
        ),
        case(
            "9113 6.2",
            "HEADERS with priority",
            vec![frame(
                kind::HEADERS,
                WHOLE | flag::PRIORITY,
                1,
                [&[0, 0, 0, 0, 15][..], &block(&request("GET", "/status", &[]))].concat(),
            )],
            Answered(1),
        ),
        case(
            "9113 6.1",
            "DATA with padding",
            vec![post(1), frame(kind::DATA, flag::END_STREAM | flag::PADDED, 1, *b"\x02test\0\0")],
            Answered(1),
        ),
        case(
            "9113 6.1",
            "DATA in several frames, one empty",
            vec![
                post(1),
                frame(kind::DATA, 0, 1, *b"te"),
                frame(kind::DATA, 0, 1, []),
                frame(kind::DATA, flag::END_STREAM, 1, *b"st"),
            ],
            Answered(1),
        ),
        case("9113 6.10", "one CONTINUATION", vec![split(1, 1)], Answered(1)),
        case("9113 6.10", "several CONTINUATIONs", vec![split(1, 3)], Answered(1)),
        case("9113 6.3", "PRIORITY", vec![frame(kind::PRIORITY, 0, 1, [0, 0, 0, 0, 1]), get(1)], Answered(1)),
        case(
            "9113 6.7",
            "PING is answered",
            vec![frame(kind::PING, 0, 0, *b"h2 cases")],
            Expected::Frame(kind::PING, flag::ACK, b"h2 cases".to_vec()),
        ),
        case(
            "9113 6.9",
            "WINDOW_UPDATE of connection and stream",
            vec![
                frame(kind::WINDOW_UPDATE, 0, 0, [0, 0, 0, 1]),
                post(1),
                frame(kind::WINDOW_UPDATE, 0, 1, [0, 0, 0, 1]),
                frame(kind::DATA, flag::END_STREAM, 1, *b"test"),
            ],
            Answered(1),
        ),
        case(
            "9113 6.4",
            "RST_STREAM, and another stream",
            vec![post(1), frame(kind::RST_STREAM, 0, 1, [0, 0, 0, 8]), get(3)],
            Answered(3),
        ),
    ]
}

/// A header block in so many CONTINUATION frames.
fn split(stream: u32, pieces: usize) -> Vec<u8> {
    let block = block(&request("GET", "/status", &[("x-pad", "0123456789012345678901234567890123456789")]));
    let size = block.len() / (pieces + 1) + 1;
    let mut bytes = Vec::new();
    let count = block.chunks(size).count();
    for (index, piece) in block.chunks(size).enumerate() {
        let last = if index + 1 == count { flag::END_HEADERS } else { 0 };
        bytes.extend(match index {
            0 => frame(kind::HEADERS, flag::END_STREAM | last, stream, piece),
            _ => frame(kind::CONTINUATION, last, stream, piece),
        });
    }
    bytes
}

fn framing() -> Vec<Case> {
    let whole = || block(&request("GET", "/status", &[]));
    let unfinished = || frame(kind::HEADERS, flag::END_STREAM, 1, whole());
    vec![
        case("9113 4.1", "a frame of a type nobody knows", vec![frame(0x16, 0, 0, [0; 8]), get(1)], Answered(1)),
        case(
            "9113 4.1",
            "a flag nobody knows",
            vec![frame(kind::PING, 0x16, 0, *b"h2 cases")],
            Expected::Frame(kind::PING, flag::ACK, b"h2 cases".to_vec()),
        ),
        case(
            "9113 4.1",
            "the reserved bit",
            vec![frame(kind::PING, 0, 0x8000_0000, *b"h2 cases")],
            Expected::Frame(kind::PING, flag::ACK, b"h2 cases".to_vec()),
        ),
        case(
            "9113 4.2",
            "DATA of 2^14 bytes",
            vec![post(1), frame(kind::DATA, flag::END_STREAM, 1, vec![0; 1 << 14])],
            Answered(1),
        ),
        case(
            "9113 4.2",
            "DATA that is larger",
            vec![post(1), frame(kind::DATA, flag::END_STREAM, 1, vec![0; (1 << 14) + 1])],
            Stream(1, &[code::FRAME_SIZE]),
        ),
        case(
            "9113 4.2",
            "HEADERS that is larger",
            vec![frame(kind::HEADERS, WHOLE, 1, [whole(), vec![0; 1 << 14]].concat())],
            Connection(&[code::FRAME_SIZE]),
        ),
        case(
            "9113 4.2",
            "SETTINGS that is larger",
            vec![frame(kind::SETTINGS, 0, 0, setting(3, 1).repeat(3000))],
            Connection(&[code::FRAME_SIZE]),
        ),
        case(
            "9113 4.3",
            "a header block that is none",
            vec![frame(kind::HEADERS, WHOLE, 1, [0x40])],
            Connection(&[code::COMPRESSION]),
        ),
        case(
            "9113 4.3",
            "PRIORITY inside a header block",
            vec![unfinished(), frame(kind::PRIORITY, 0, 1, [0, 0, 0, 0, 1])],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 4.3",
            "another stream's HEADERS inside a header block",
            vec![unfinished(), get(3)],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 5.5",
            "an unknown frame inside a header block",
            vec![unfinished(), frame(0x16, 0, 0, [0; 8])],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.10",
            "DATA inside a header block",
            vec![unfinished(), frame(kind::DATA, flag::END_STREAM, 1, *b"x")],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.10",
            "CONTINUATION of stream zero",
            vec![unfinished(), frame(kind::CONTINUATION, flag::END_HEADERS, 0, [])],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.10",
            "CONTINUATION of another stream",
            vec![unfinished(), frame(kind::CONTINUATION, flag::END_HEADERS, 3, [])],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.10",
            "CONTINUATION behind END_HEADERS",
            vec![
                frame(kind::HEADERS, flag::END_HEADERS, 1, whole()),
                frame(kind::CONTINUATION, flag::END_HEADERS, 1, []),
            ],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.10",
            "CONTINUATION behind a CONTINUATION with END_HEADERS",
            vec![
                unfinished(),
                frame(kind::CONTINUATION, flag::END_HEADERS, 1, []),
                frame(kind::CONTINUATION, flag::END_HEADERS, 1, []),
            ],
            Connection(&[code::PROTOCOL, code::STREAM_CLOSED]),
        ),
        case(
            "9113 6.10",
            "CONTINUATION behind DATA",
            vec![post(1), frame(kind::DATA, 0, 1, *b"x"), frame(kind::CONTINUATION, flag::END_HEADERS, 1, [])],
            Connection(&[code::PROTOCOL]),
        ),
    ]
}

fn states() -> Vec<Case> {
    let reset = || frame(kind::RST_STREAM, 0, 1, [0, 0, 0, 8]);
    let answered = |bytes: Vec<u8>| vec![Send(get(1)), Await(1), Send(bytes)];
    let closed: &[u32] = &[code::STREAM_CLOSED];
    let many: Vec<u8> = (0..=100).flat_map(|n| post(2 * n + 1)).collect();
    vec![
        case(
            "9113 5.1",
            "idle: DATA",
            vec![frame(kind::DATA, flag::END_STREAM, 1, *b"x")],
            Connection(&[code::PROTOCOL]),
        ),
        case("9113 5.1", "idle: RST_STREAM", vec![reset()], Connection(&[code::PROTOCOL])),
        case(
            "9113 5.1",
            "idle: WINDOW_UPDATE",
            vec![frame(kind::WINDOW_UPDATE, 0, 1, [0, 0, 0, 9])],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 5.1",
            "idle: CONTINUATION",
            vec![frame(kind::CONTINUATION, flag::END_HEADERS, 1, block(&request("GET", "/status", &[])))],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 5.1",
            "half-closed: DATA",
            vec![get_slow(1), frame(kind::DATA, flag::END_STREAM, 1, *b"x")],
            Stream(1, closed),
        ),
        case("9113 5.1", "half-closed: HEADERS", vec![get_slow(1), get(1)], Stream(1, closed)),
        case(
            "9113 5.1",
            "half-closed: CONTINUATION",
            vec![get_slow(1), frame(kind::CONTINUATION, flag::END_HEADERS, 1, [])],
            Stream(1, &[code::STREAM_CLOSED, code::PROTOCOL]),
        ),
        case(
            "9113 5.1",
            "reset by the client: DATA",
            vec![post(1), reset(), frame(kind::DATA, flag::END_STREAM, 1, *b"x")],
            Stream(1, closed),
        ),
        case("9113 5.1", "reset by the client: HEADERS", vec![post(1), reset(), get(1)], Stream(1, closed)),
        case(
            "9113 5.1",
            "reset by the client: CONTINUATION",
            vec![post(1), reset(), frame(kind::CONTINUATION, flag::END_HEADERS, 1, [])],
            Stream(1, &[code::STREAM_CLOSED, code::PROTOCOL]),
        ),
        steps("9113 5.1", "closed: DATA", answered(frame(kind::DATA, flag::END_STREAM, 1, *b"x")), Stream(1, closed)),
        steps("9113 5.1", "closed: HEADERS", answered(get(1)), Connection(closed)),
        steps(
            "9113 5.1",
            "closed: CONTINUATION",
            answered(frame(kind::CONTINUATION, flag::END_HEADERS, 1, [])),
            Connection(&[code::STREAM_CLOSED, code::PROTOCOL]),
        ),
        steps(
            "9113 5.1",
            "closed: WINDOW_UPDATE is ignored",
            vec![Send(get(1)), Await(1), Send(frame(kind::WINDOW_UPDATE, 0, 1, [0, 0, 0, 9])), Send(get(3))],
            Answered(3),
        ),
        steps(
            "9113 5.1",
            "closed: RST_STREAM is ignored",
            vec![Send(get(1)), Await(1), Send(reset()), Send(get(3))],
            Answered(3),
        ),
        case("9113 5.1.1", "an even number", vec![get(2)], Connection(&[code::PROTOCOL])),
        steps(
            "9113 5.1.1",
            "a number that is smaller than the last",
            vec![Send(get(5)), Await(5), Send(get(3))],
            Connection(&[code::PROTOCOL, code::STREAM_CLOSED]),
        ),
        case("9113 5.1.2", "more streams than are allowed", vec![many], Stream(201, &[code::PROTOCOL, code::REFUSED])),
        case(
            "9113 5.4.1",
            "a connection error ends the connection",
            vec![frame(kind::PING, 0, 0, [0; 6])],
            Connection(&[code::FRAME_SIZE]),
        ),
    ]
}

fn frames_by_type() -> Vec<Case> {
    let settings = |payload: Vec<u8>| frame(kind::SETTINGS, 0, 0, payload);
    vec![
        case(
            "9113 6.1",
            "DATA of stream zero",
            vec![frame(kind::DATA, flag::END_STREAM, 0, *b"x")],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.1",
            "DATA with more padding than bytes",
            vec![post(1), frame(kind::DATA, flag::END_STREAM | flag::PADDED, 1, *b"\x06test")],
            Connection(&[code::PROTOCOL]),
        ),
        case("9113 6.2", "HEADERS of stream zero", vec![get(0)], Connection(&[code::PROTOCOL])),
        case(
            "9113 6.2",
            "HEADERS with more padding than bytes",
            vec![frame(kind::HEADERS, WHOLE | flag::PADDED, 1, [&[255][..], &block(&[(":method", "GET")])].concat())],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.3",
            "PRIORITY of stream zero",
            vec![frame(kind::PRIORITY, 0, 0, [0, 0, 0, 0, 1])],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.3",
            "PRIORITY of four bytes",
            vec![post(1), frame(kind::PRIORITY, 0, 1, [0, 0, 0, 1])],
            Stream(1, &[code::FRAME_SIZE]),
        ),
        case(
            "9113 6.4",
            "RST_STREAM of stream zero",
            vec![frame(kind::RST_STREAM, 0, 0, [0, 0, 0, 8])],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.4",
            "RST_STREAM of three bytes",
            vec![post(1), frame(kind::RST_STREAM, 0, 1, [0, 0, 8])],
            Connection(&[code::FRAME_SIZE]),
        ),
        case(
            "9113 6.5",
            "an acknowledgement with a payload",
            vec![frame(kind::SETTINGS, flag::ACK, 0, setting(3, 1))],
            Connection(&[code::FRAME_SIZE]),
        ),
        case(
            "9113 6.5",
            "SETTINGS of a stream",
            vec![frame(kind::SETTINGS, 0, 1, setting(3, 100))],
            Connection(&[code::PROTOCOL]),
        ),
        case("9113 6.5", "SETTINGS of three bytes", vec![settings(vec![0, 3, 0])], Connection(&[code::FRAME_SIZE])),
        case("9113 6.5.2", "ENABLE_PUSH of two", vec![settings(setting(2, 2))], Connection(&[code::PROTOCOL])),
        case(
            "9113 6.5.2",
            "INITIAL_WINDOW_SIZE of 2^31",
            vec![settings(setting(4, 1 << 31))],
            Connection(&[code::FLOW_CONTROL]),
        ),
        case(
            "9113 6.5.2",
            "MAX_FRAME_SIZE below 2^14",
            vec![settings(setting(5, (1 << 14) - 1))],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.5.2",
            "MAX_FRAME_SIZE of 2^24",
            vec![settings(setting(5, 1 << 24))],
            Connection(&[code::PROTOCOL]),
        ),
        case("9113 6.5.2", "a setting nobody knows", vec![settings(setting(0xff, 1)), get(1)], Answered(1)),
        case(
            "9113 6.5.3",
            "a setting twice: the last counts",
            vec![settings([setting(4, 100), setting(4, 1)].concat()), get(1)],
            FirstData(1),
        ),
        case(
            "9113 6.6",
            "PUSH_PROMISE from a client",
            vec![frame(
                kind::PUSH_PROMISE,
                flag::END_HEADERS,
                1,
                [&[0, 0, 0, 2][..], &block(&request("GET", "/status", &[]))].concat(),
            )],
            Connection(&[code::PROTOCOL]),
        ),
        case(
            "9113 6.7",
            "an acknowledgement nobody asked for",
            vec![frame(kind::PING, flag::ACK, 0, *b"h2 cases"), get(1)],
            Answered(1),
        ),
        case("9113 6.7", "PING of a stream", vec![frame(kind::PING, 0, 1, [0; 8])], Connection(&[code::PROTOCOL])),
        case("9113 6.7", "PING of six bytes", vec![frame(kind::PING, 0, 0, [0; 6])], Connection(&[code::FRAME_SIZE])),
        case("9113 6.8", "GOAWAY of a stream", vec![frame(kind::GOAWAY, 0, 1, [0; 8])], Connection(&[code::PROTOCOL])),
        case(
            "9113 7",
            "RST_STREAM with a code nobody knows",
            vec![post(1), frame(kind::RST_STREAM, 0, 1, [0, 0, 0, 0xff]), get(3)],
            Answered(3),
        ),
    ]
}

fn flow() -> Vec<Case> {
    let update = |stream, by: u32| frame(kind::WINDOW_UPDATE, 0, stream, by.to_be_bytes());
    vec![
        case("9113 6.9", "WINDOW_UPDATE by zero, connection", vec![update(0, 0)], Connection(&[code::PROTOCOL])),
        case("9113 6.9", "WINDOW_UPDATE by zero, stream", vec![post(1), update(1, 0)], Stream(1, &[code::PROTOCOL])),
        case(
            "9113 6.9",
            "WINDOW_UPDATE of three bytes",
            vec![frame(kind::WINDOW_UPDATE, 0, 0, [0, 0, 1])],
            Connection(&[code::FRAME_SIZE]),
        ),
        case(
            "9113 6.9.1",
            "a window beyond 2^31 - 1, connection",
            vec![update(0, 0x7fff_ffff), update(0, 0x7fff_ffff)],
            Connection(&[code::FLOW_CONTROL]),
        ),
        case(
            "9113 6.9.1",
            "a window beyond 2^31 - 1, stream",
            vec![post(1), update(1, 0x7fff_ffff), update(1, 0x7fff_ffff)],
            Stream(1, &[code::FLOW_CONTROL]),
        ),
        case(
            "9113 6.9.1",
            "a window of one byte is kept",
            vec![frame(kind::SETTINGS, 0, 0, setting(4, 1)), get(1)],
            FirstData(1),
        ),
        case(
            "9113 6.9.2",
            "a window that grows while a stream waits",
            vec![frame(kind::SETTINGS, 0, 0, setting(4, 0)), get(1), frame(kind::SETTINGS, 0, 0, setting(4, 1))],
            FirstData(1),
        ),
        case(
            "9113 6.9.2",
            "a window that shrinks below zero",
            vec![
                frame(kind::SETTINGS, 0, 0, setting(4, 3)),
                get(1),
                frame(kind::SETTINGS, 0, 0, setting(4, 2)),
                update(1, 100_000),
                update(0, 100_000),
            ],
            Answered(1),
        ),
        case(
            "9113 6.9.2",
            "a window that settings push beyond 2^31 - 1",
            vec![post(1), update(1, 0x7fff_0000), frame(kind::SETTINGS, 0, 0, setting(4, 0x7fff_ffff))],
            Connection(&[code::FLOW_CONTROL]),
        ),
    ]
}

fn semantics() -> Vec<Case> {
    let malformed = |section, name, fields: &[(&str, &str)]| case(section, name, vec![of(fields)], Malformed(1));
    let pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/status"), (":authority", "crm.localhost")];
    let without = |name: &str| pseudo.into_iter().filter(|(other, _)| *other != name).collect::<Vec<_>>();
    let twice = |name: &str| {
        pseudo
            .into_iter()
            .flat_map(|field| std::iter::repeat_n(field, 1 + usize::from(field.0 == name)))
            .collect::<Vec<_>>()
    };
    let with_length = |length| {
        frame(kind::HEADERS, flag::END_HEADERS, 1, block(&request("POST", "/status", &[("content-length", length)])))
    };
    vec![
        case(
            "9113 8.1",
            "a second HEADERS that does not end the stream",
            vec![
                post(1),
                frame(kind::HEADERS, flag::END_HEADERS, 1, block(&[("x-end", "1")])),
                frame(kind::DATA, flag::END_STREAM, 1, *b"x"),
            ],
            Malformed(1),
        ),
        malformed("9113 8.2.1", "a name in capitals", &request("GET", "/status", &[("X-Test", "1")])),
        malformed("9113 8.2.1", "a name with a space", &request("GET", "/status", &[("x test", "1")])),
        malformed("9113 8.2.1", "a value with a line feed", &request("GET", "/status", &[("x-test", "1\n2")])),
        malformed("9113 8.2.2", "connection", &request("GET", "/status", &[("connection", "keep-alive")])),
        malformed(
            "9113 8.2.2",
            "te with anything but trailers",
            &request("GET", "/status", &[("te", "trailers, deflate")]),
        ),
        malformed("9113 8.3", "a pseudo-field nobody knows", &request("GET", "/status", &[(":test", "1")])),
        malformed("9113 8.3", "a pseudo-field of answers", &request("GET", "/status", &[(":status", "200")])),
        malformed(
            "9113 8.3",
            "a pseudo-field behind a field",
            &[
                (":method", "GET"),
                (":scheme", "https"),
                (":path", "/status"),
                ("x", "y"),
                (":authority", "crm.localhost"),
            ],
        ),
        case(
            "9113 8.3",
            "a pseudo-field as a trailer",
            vec![post(1), frame(kind::HEADERS, WHOLE, 1, block(&[(":method", "200")]))],
            Malformed(1),
        ),
        malformed("9113 8.3.1", "an empty :path", &request("GET", "", &[])),
        malformed("9113 8.3.1", "no :method", &without(":method")),
        malformed("9113 8.3.1", "no :scheme", &without(":scheme")),
        malformed("9113 8.3.1", "no :path", &without(":path")),
        malformed("9113 8.3.1", "two :method", &twice(":method")),
        malformed("9113 8.3.1", "two :scheme", &twice(":scheme")),
        malformed("9113 8.3.1", "two :path", &twice(":path")),
        malformed("9113 8.3.1", "two :authority", &twice(":authority")),
        case(
            "9113 8.1.1",
            "content-length that is not the DATA's",
            vec![with_length("1"), frame(kind::DATA, flag::END_STREAM, 1, *b"test")],
            Malformed(1),
        ),
        case(
            "9113 8.1.1",
            "content-length that is not that of several DATA",
            vec![with_length("1"), frame(kind::DATA, 0, 1, *b"te"), frame(kind::DATA, flag::END_STREAM, 1, *b"st")],
            Malformed(1),
        ),
        case(
            "9113 8.1.1",
            "content-length that is never reached",
            vec![with_length("9"), frame(kind::DATA, flag::END_STREAM, 1, *b"test")],
            Malformed(1),
        ),
    ]
}

fn compression() -> Vec<Case> {
    let broken =
        |name, bytes: &[u8], section| case(section, name, vec![get_and(bytes)], Connection(&[code::COMPRESSION]));
    let mut indexed = vec![0x40];
    for text in [&b"x-test"[..], b"1"] {
        integer(&mut indexed, 7, 0, text.len());
        indexed.extend_from_slice(text);
    }
    // Static entry 2 is `:method GET`; entry 62 is the newest of the dynamic table, which is not used unless asked for.
    let static_table = || {
        let mut fields = vec![0x82, 0x87];
        literal(&mut fields, b":path", b"/status");
        literal(&mut fields, b":authority", b"crm.localhost");
        fields
    };
    let dynamic = [
        frame(kind::HEADERS, WHOLE, 1, [&static_table(), &indexed[..]].concat()),
        frame(kind::HEADERS, WHOLE, 3, [&static_table()[..], &[0x80 | 62]].concat()),
    ];
    vec![
        case(
            "7541 6.1",
            "fields of the static table",
            vec![frame(kind::HEADERS, WHOLE, 1, static_table())],
            Answered(1),
        ),
        case("7541 2.3.2", "a field of the dynamic table", dynamic.to_vec(), Answered(3)),
        case("7541 6.2.2", "a literal without indexing", vec![get_and(b"\x00\x06x-test\x011")], Answered(1)),
        case("7541 6.2.3", "a literal never indexed", vec![get_and(b"\x10\x06x-test\x011")], Answered(1)),
        case("7541 5.2", "a literal in Huffman's code", vec![get_and(b"\x00\x06x-test\x81\x0f")], Answered(1)),
        case(
            "7541 6.3",
            "a new size of the dynamic table",
            vec![frame(kind::HEADERS, WHOLE, 1, [&[0x3f, 0xe1, 0x1f][..], &static_table()].concat())],
            Answered(1),
        ),
        broken("an index beyond both tables", &[0x80 | 70], "7541 2.3.3"),
        broken("a name's index beyond both tables", &[0x40 | 62, 1, b'1'], "7541 2.3.3"),
        broken("an index of zero", &[0x80], "7541 6.1"),
        broken("a new table size at the end of a block", &[0x20], "7541 4.2"),
        broken("padding of more than seven bits", b"\x00\x86\x19\x62\x54\xcf\xff\xff\x011", "7541 5.2"),
        broken("padding of zeros", b"\x00\x01x\x81\x08", "7541 5.2"),
        broken("EOS within a literal", b"\x00\x01x\x84\xff\xff\xff\xff", "7541 5.2"),
        broken("an integer without an end", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "7541 5.1"),
        broken("a literal that is cut off", b"\x00\x06x-te", "7541 5.2"),
        case(
            "7541 6.3",
            "a table that is larger than allowed",
            vec![frame(kind::HEADERS, WHOLE, 1, [&[0x3f, 0xe2, 0x1f][..], &static_table()].concat())],
            Connection(&[code::COMPRESSION]),
        ),
    ]
}
