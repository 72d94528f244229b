//! Is HTTP/2 spoken as RFC 9113 and RFC 7541 want it? About ninety cases by section, in the order in which h2spec asks.
//!
//! The same cases are put to the gateway and to pingora alone. What pingora alone gets wrong is pingora's; the gateway may
//! add nothing to it.

mod cases;

use std::time::Duration;

use harness::bare::Bare;
use harness::frames::{Frames, Outcome, code, kind};
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
    let cases = cases::cases();
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
    tokio::time::timeout(Duration::from_secs(5), waiting).await.ok()
}

/// No stream has this number: waiting for it waits for the connection.
const NOBODYS: u32 = 0x7fff_fffe;
