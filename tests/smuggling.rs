//! Does anything reach an app that was not decided on? Bytes in, and every byte that reached a recording app out (A12–A16).
//!
//! The claim for every input: the app saw no more requests than were admitted, each could be read in one way only, none was
//! the one that hides inside, and the next visitor got the answer to their own request.

mod corpus;

use std::time::Duration;

use corpus::{Case, Expected, INNER};
use harness::gateway::{Setup, TestGateway};
use harness::recorder::{Fault, Recorder};
use harness::wire::{Answer, OFFICE, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_one_length() {
    try_all(corpus::LENGTHS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_transfer_coding() {
    try_all(corpus::CODINGS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_read_strictly_and_written_anew() {
    try_all(corpus::CHUNKS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_names_are_what_everybody_reads() {
    try_all(corpus::LINES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_line_has_three_words_and_is_not_repaired() {
    try_all(corpus::TARGETS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_host_and_one_credential() {
    try_all(corpus::HOSTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_one_request_is_never_another() {
    try_all(corpus::LEFT_OVERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_can_be_read_in_two_ways_reaches_nobody_else() {
    try_all(corpus::ANSWERS).await;
}

/// A gateway, the app behind it, and the next number.
struct Scene {
    gateway: TestGateway,
    app: Recorder,
    number: usize,
}

async fn try_all(cases: &[Case]) {
    let app = Recorder::start().await;
    let apps = format!(
        "apps:\n  crm:\n    host: crm.localhost\n    upstream: http://{}\n    allow: everyone\n    paths:\n      - {{ path: /status, allow: public }}\n",
        app.address()
    );
    let gateway = TestGateway::with(Setup { apps: Some(apps), ..Setup::default() }).await;
    let mut scene = Scene { gateway, app, number: 0 };
    let mut failed = Vec::new();
    for case in cases {
        if let Err(why) = scene.attempt(case).await {
            failed.push(format!("{:?} {}: {why}", case.expected, case.name));
        }
    }
    println!("{} inputs, {} failed", cases.len(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

impl Scene {
    async fn attempt(&mut self, case: &Case) -> Result<(), String> {
        self.number += 1;
        let before = self.app.requests().len();
        let faults_before = self.app.faults().len();
        let admitted_before = self.admitted().await;
        let mut wire = Wire::open(self.gateway.port(), OFFICE).await;
        wire.send(&self.bytes(case)).await;
        // Answers without a body may say how long it would be.
        let has_body = !case.bytes.starts_with(b"HEAD") && !find(case.bytes, b"answer=body_of_204");
        let answer = if has_body { within(wire.answer()).await } else { within(wire.header()).await };
        let answer = answer.ok_or("no answer")?;
        if !matches!(case.expected, Expected::Forwarded | Expected::Elsewhere) {
            within(wire.ended()).await.ok_or_else(|| format!("left open after {:?}", status(answer.as_ref())))?;
        }
        drop(wire);
        // The next visitor: whoever waits in the pool is found here.
        let next = self.gateway.get("crm", &format!("/status?next={}", self.number)).send().await;
        let echo = format!("GET /status?next={}", self.number);
        if (next.status, next.text().as_str()) != (200, &echo) {
            return Err(format!("the next visitor got {} {}", next.status, next.text()));
        }
        let mut seen = self.app.requests().split_off(before);
        seen.retain(|request| request.target != format!("/status?next={}", self.number).into_bytes());
        let targets: Vec<_> =
            seen.iter().map(|request| String::from_utf8_lossy(&request.target).into_owned()).collect();
        let faults = self.app.faults().split_off(faults_before);
        let admitted = self.admitted().await - admitted_before - 1;
        if faults.iter().any(|(_, fault)| !is_cut_off(*fault)) {
            return Err(format!("the app got what can be read in two ways: {faults:?}"));
        }
        if targets.iter().any(|target| target.contains("private") || target.contains("smuggled")) {
            return Err(format!("smuggled: {targets:?}"));
        }
        if seen.iter().any(|request| request.fields.iter().any(|(_, value)| find(value, b"smuggled"))) {
            return Err("a header was smuggled".to_owned());
        }
        if seen.len() > admitted {
            return Err(format!("{} requests for {admitted} decisions: {targets:?}", seen.len()));
        }
        match case.expected {
            Expected::Refused => check(targets.is_empty() && faults.is_empty() && is_refusal(answer.as_ref()), || {
                format!("not refused: {:?}, the app saw {targets:?} {faults:?}", status(answer.as_ref()))
            }),
            Expected::Cut => {
                check(targets.is_empty() && status(answer.as_ref()).is_none_or(|code| code >= 400), || {
                    format!("not cut: {:?}, the app saw {targets:?}", status(answer.as_ref()))
                })
            }
            Expected::Elsewhere => check(targets.is_empty() && status(answer.as_ref()) == Some(421), || {
                format!("not sent elsewhere: {:?}, the app saw {targets:?}", status(answer.as_ref()))
            }),
            Expected::Denied => check(targets.is_empty() && status(answer.as_ref()) == Some(401), || {
                format!("not denied: {:?}, the app saw {targets:?}", status(answer.as_ref()))
            }),
            Expected::Forwarded => check(targets.len() == 1 && self.is_mine(&targets[0]), || {
                format!("not forwarded: {:?}, the app saw {targets:?} {faults:?}", answer)
            }),
        }?;
        check(answer.is_none_or(|answer| !find(&answer.body, b"SMUGGLED")), || "an answer was smuggled".to_owned())
    }

    fn bytes(&self, case: &Case) -> Vec<u8> {
        let long = "x".repeat(70_000);
        let mut bytes = case.bytes.to_vec();
        for (name, value) in [("{id}", self.number.to_string().as_str()), ("{inner}", INNER), ("{long}", &long)] {
            while let Some(at) = bytes.windows(name.len()).position(|window| window == name.as_bytes()) {
                bytes.splice(at..at + name.len(), value.bytes());
            }
        }
        bytes
    }

    fn is_mine(&self, target: &str) -> bool {
        let id = format!("/status?id={}", self.number);
        target.strip_prefix(&id).is_some_and(|rest| rest.is_empty() || rest.starts_with('&'))
    }

    /// How many requests for the app were let in so far.
    async fn admitted(&self) -> usize {
        let allowed = self.gateway.metrics().await;
        let lines = allowed.lines().filter(|line| {
            line.starts_with("vestibule_decisions_total{")
                && line.contains("app=\"crm\"")
                && line.contains("decision=\"allow\"")
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as usize
    }
}

/// A request that stops in the middle is no request, and not ambiguous either.
fn is_cut_off(fault: Fault) -> bool {
    fault.0.contains("cut off") || fault.0.contains("without an end")
}

/// Refused in words, or, where the bytes are not even HTTP/1.1, by the connection's end.
fn is_refusal(answer: Option<&Answer>) -> bool {
    answer.is_none_or(|answer| [400, 405, 411, 413, 417, 421, 431, 501, 505].contains(&answer.status))
}

fn status(answer: Option<&Answer>) -> Option<u16> {
    answer.map(|answer| answer.status)
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Whatever should happen at once; `None` if it has not by now.
async fn within<T>(waiting: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(PATIENCE, waiting).await.ok()
}

const PATIENCE: Duration = Duration::from_secs(3);

fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
