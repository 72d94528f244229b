//! A fair comparison: everybody in the same minutes, in turns whose order rotates, so many requests each turn.
//!
//! The first figure is CPU time a request, from /proc: on a busy machine wall time says more about the machine. Each
//! round gives every row one ratio to the bare proxy of that very round; reported are medians, and for the ratio the
//! quartiles and extremes of the rounds.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::cpu::{LOAD_CORE, Meter, pin_to};
use crate::load::{Generator, Load, Outcome, Pace, Reuse, Until};
use crate::peers::Ground;

/// One row of a table: a server and what is asked of it.
pub(crate) struct Contender {
    /// As it stands in the table.
    pub(crate) name: String,
    /// Whose CPU time counts.
    pub(crate) processes: Vec<u32>,
    /// What is asked.
    pub(crate) load: Driver,
}

/// Who asks.
pub(crate) enum Driver {
    /// Our own connections, HTTP/1.1.
    Http1(Load),
    /// h2load, HTTP/2 over TLS.
    Http2 {
        /// Where.
        to: SocketAddr,
        /// The path.
        path: &'static str,
        /// Header fields, `name: value`.
        headers: Vec<String>,
    },
}

/// How long a contest is.
#[derive(Clone, Copy)]
pub(crate) struct Length {
    /// Turns of everybody.
    pub(crate) rounds: usize,
    /// Requests a turn.
    pub(crate) requests: u64,
}

/// A row with its figures.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Nanoseconds a request, by round.
    pub(crate) cpu: Vec<f64>,
    /// Requests a second, by round.
    pub(crate) rate: Vec<f64>,
    pub(crate) failed: u64,
    pub(crate) first_failure: Option<String>,
}

/// Runs it. The first contender is the one that others are compared with.
pub(crate) fn run(ground: &Ground, contenders: &[Contender], length: Length) -> Vec<Row> {
    let mut rows: Vec<Row> = contenders
        .iter()
        .map(|contender| Row {
            name: contender.name.clone(),
            cpu: Vec::new(),
            rate: Vec::new(),
            failed: 0,
            first_failure: None,
        })
        .collect();
    // Once for nothing: pools fill, pages come into memory.
    for contender in contenders {
        let _ = turn(ground, contender, length.requests / 4 + 1);
    }
    for round in 0..length.rounds {
        for place in 0..contenders.len() {
            let at = (round + place) % contenders.len();
            let (outcome, ns) = turn(ground, &contenders[at], length.requests);
            let row = &mut rows[at];
            row.failed += outcome.failed;
            row.first_failure = row.first_failure.take().or(outcome.first_failure);
            let all = (outcome.answered + outcome.failed) as f64;
            row.cpu.push(ns as f64 / all);
            row.rate.push(all / outcome.wall.as_secs_f64());
        }
    }
    rows
}

fn turn(ground: &Ground, contender: &Contender, requests: u64) -> (Outcome, u64) {
    match &contender.load {
        Driver::Http1(load) => on_load_core(|| {
            // A few each: also the server's connections to the upstream are open before anything counts.
            let warm_up = if load.reuse == Reuse::KeepAlive { 4 } else { 0 };
            let mut generator = Generator::open(load.clone(), warm_up);
            let meter = Meter::start(&contender.processes);
            let outcome = generator.run(&Until::Requests(requests), Pace::Closed);
            (outcome, meter.spent())
        }),
        Driver::Http2 { to, path, headers } => {
            let meter = Meter::start(&contender.processes);
            let outcome = h2load(ground, *to, path, headers, requests);
            (outcome, meter.spent())
        }
    }
}

/// On a thread that stays on the load's core.
pub(crate) fn on_load_core<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            pin_to(LOAD_CORE);
            work()
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn h2load(ground: &Ground, to: SocketAddr, path: &str, headers: &[String], requests: u64) -> Outcome {
    let log = ground.file("h2load.log");
    let mut command = Command::new("taskset");
    command.args(["-c", &LOAD_CORE.to_string(), "h2load", "-n", &requests.to_string(), "-c", "8", "-m", "8"]);
    command.arg(format!("--connect-to={to}")).arg(format!("--log-file={}", log.display()));
    for header in headers {
        command.args(["-H", header]);
    }
    let _ = std::fs::remove_file(&log);
    let done = command.arg(format!("https://{}:{}{path}", crate::ours::APP_HOST, to.port())).output();
    let done = done.expect("h2load is installed (nghttp2-client)");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let mut outcome = Outcome::default();
    assert!(text.contains("Application protocol: h2"), "HTTP/2 was not spoken:\n{text}");
    // "requests: 100 total, 100 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout"
    let line = text.lines().find(|line| line.starts_with("requests: ")).unwrap_or_default();
    let succeeded = line.split(", ").find_map(|part| part.strip_suffix(" succeeded")).and_then(|n| n.parse().ok());
    outcome.answered = succeeded.unwrap_or_else(|| panic!("h2load said something else:\n{text}"));
    outcome.failed = requests - outcome.answered;
    if outcome.failed > 0 {
        outcome.first_failure = text.lines().find(|line| line.starts_with("status codes")).map(str::to_owned);
    }
    // "finished in 1.02s, …"; each request's line in the log holds its microseconds.
    let finished = text.lines().find_map(|line| line.strip_prefix("finished in ")?.split(',').next());
    outcome.wall = finished.and_then(seconds).unwrap_or_else(|| panic!("h2load said something else:\n{text}"));
    outcome
}

/// "1.02s", "123.45ms", "12us".
fn seconds(text: &str) -> Option<std::time::Duration> {
    for (unit, divisor) in [("us", 1e6), ("ms", 1e3), ("s", 1.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Some(std::time::Duration::from_secs_f64(number.parse::<f64>().ok()? / divisor));
        }
    }
    None
}

/// Is HTTP/2 offered there?
pub(crate) fn speaks_http2(to: SocketAddr) -> bool {
    let done = Command::new("h2load")
        .args(["-n", "1", "-c", "1", &format!("--connect-to={to}")])
        .arg(format!("https://{}:{}/", crate::ours::APP_HOST, to.port()))
        .output()
        .expect("h2load is installed (nghttp2-client)");
    String::from_utf8_lossy(&done.stdout).contains("Application protocol: h2")
}

/// Is a program there?
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).exists())
}
