//! Who asked for what, and what became of it? One JSON line a request, written off the path.
//!
//! A thread that serves puts its lines into a queue of its own; another thread puts them into words and writes them, some
//! milliseconds later. When it can't keep up, lines are dropped and counted; requests never wait for a log. The query is
//! not logged: it holds secrets of apps.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use access::identity::{SessionId, UserName};
use access::policy::Place;
use access::target::HostName;
use access::{ClientAddr, Timestamp};
use http::Method;
use pingora::http::RequestHeader;

use super::Label;
use crate::gate::Visitor;
use crate::metrics::Metrics;

/// One request, as it is handed over: what is shared stays shared, and nothing is put into words yet.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) app: Label,
    pub(super) host: Option<HostName>,
    pub(super) method: Method,
    /// As it came, without the query; cut at [`PATH`] bytes.
    pub(super) path: Box<[u8]>,
    pub(super) status: u16,
    pub(super) bytes: usize,
    pub(super) took: Duration,
    pub(super) client: Option<ClientAddr>,
    pub(super) who: Option<Who>,
    /// `allow`, `sign_in`, or the code of the refusal.
    pub(super) decision: &'static str,
    pub(super) rule: Option<Place>,
    pub(super) reference: Option<String>,
    pub(super) error: Option<Cow<'static, str>>,
}

/// Who it was, written down when they were admitted: among a million people, once the app has answered they are far away.
#[derive(Debug)]
pub(super) struct Who {
    name: UserName,
    /// The public id of what was shown.
    shown: [u8; 16],
}

impl Who {
    pub(super) fn of(visitor: &Visitor) -> Self {
        Self { name: visitor.person().name.clone(), shown: *visitor.shown() }
    }
}

/// As much of a path as is logged.
pub(super) const PATH: usize = 500;

impl Line {
    /// Puts it into words: one JSON object and a line's end. Milliseconds since the epoch, UTC; the session or token by its
    /// public id, never its secret. Written out by hand: it is done for every request.
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object { out, first: true };
        object.number("ts", self.at.millis());
        object.text("app", self.app.as_str());
        object.text("host", self.host.as_ref().map_or("", HostName::as_str));
        object.text("method", &short(&self.method));
        object.text("path", &shown(&self.path, &self.app));
        object.number("status", u64::from(self.status));
        object.number("bytes", self.bytes as u64);
        object.number("duration_ms", u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX));
        if let Some(client) = self.client {
            object.address("client", client);
        }
        if let Some(who) = &self.who {
            object.text("user", who.name.as_str());
            // All ids are written alike.
            object.shown("session", SessionId(who.shown));
        }
        object.text("decision", self.decision);
        if let Some(rule) = &self.rule {
            object.place("rule", rule);
        }
        if let Some(reference) = &self.reference {
            object.text("reference", reference);
        }
        if let Some(error) = &self.error {
            object.text("error", error);
        }
        out.extend_from_slice(b"}\n");
    }
}

/// Method and path of a request as they may be written down.
pub(super) fn asked(request: &RequestHeader, app: &Label) -> String {
    let target = request.raw_path();
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    format!("{} {}", short(&request.method), shown(&path[..path.len().min(PATH)], app))
}

/// What is longer than a method was not served.
fn short(method: &Method) -> Cow<'_, str> {
    match method.as_str() {
        short if short.len() <= METHOD => short.into(),
        long => long.chars().take(METHOD).collect::<String>().into(),
    }
}

/// A path without secrets of ours.
fn shown<'a>(path: &'a [u8], app: &Label) -> Cow<'a, str> {
    let path = String::from_utf8_lossy(path);
    match app {
        Label::App(_) => path,
        // Nobody's, it may still be a link of ours with a slip in it, such as `//invitation/…`.
        Label::Portal | Label::None => without_secrets(&path).into(),
    }
}

/// A JSON object that is being written; whoever made it closes it.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    /// `name` needs no escape.
    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if std::mem::take(&mut self.first) { b"{\"" } else { b",\"" });
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        push_number(self.out, value);
    }

    fn address(&mut self, name: &str, address: ClientAddr) {
        let IpAddr::V4(v4) = address.ip() else { return self.shown(name, address) };
        self.name(name);
        for (at, octet) in v4.octets().into_iter().enumerate() {
            self.out.push(if at == 0 { b'"' } else { b'.' });
            push_number(self.out, octet.into());
        }
        self.out.push(b'"');
    }

    /// `file:line`.
    fn place(&mut self, name: &str, place: &Place) {
        self.text(name, &place.file);
        self.out.pop();
        self.out.push(b':');
        push_number(self.out, u64::from(place.line));
        self.out.push(b'"');
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        if value.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.out.push(b'"');
            self.out.extend_from_slice(value.as_bytes());
            self.out.push(b'"');
        } else {
            let _ = serde_json::to_writer(&mut *self.out, value);
        }
    }

    /// Addresses and ids hold nothing that needs an escape.
    fn shown(&mut self, name: &str, value: impl std::fmt::Display) {
        self.name(name);
        // A Vec takes everything.
        let _ = write!(self.out, "\"{value}\"");
    }
}

/// In decimal digits; several stand in every line, and `fmt` takes four times as long.
fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[from..]);
}

/// Our own links carry secrets in their paths (invitations, flows): whatever is as long as one is not written down.
fn without_secrets(path: &str) -> String {
    let shown = path.split('/').map(|segment| if segment.len() > 32 { "…" } else { segment });
    shown.collect::<Vec<_>>().join("/").chars().take(200).collect()
}

/// Where lines go. Cheap to clone; each clone has a queue of its own, so that no two threads meet at one.
#[derive(Debug)]
pub struct AccessLog {
    desk: Option<Arc<Desk>>,
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
}

/// What one clone has handed over and the writer has not taken yet.
#[derive(Debug, Default)]
struct Queue(Mutex<Vec<Line>>);

/// Where the writer sits.
#[derive(Debug, Default)]
struct Desk {
    queues: Mutex<Vec<Arc<Queue>>>,
    writer: OnceLock<Thread>,
    /// Does the writer wait to be called?
    asleep: AtomicBool,
}

impl AccessLog {
    /// Lines go to `out`, from a thread that ends with the last clone.
    pub fn to(out: impl Write + Send + 'static, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let at_desk = Arc::clone(&desk);
        let spawned =
            std::thread::Builder::new().name("access log".to_owned()).spawn(move || write_all(&at_desk, out))?;
        // Nobody else sets it.
        let _ = desk.writer.set(spawned.thread().clone());
        let log = Self { desk: Some(desk), queue: Arc::default(), metrics };
        log.enlist();
        Ok(log)
    }

    /// Lines go nowhere.
    pub fn off(metrics: Arc<Metrics>) -> Self {
        Self { desk: None, queue: Arc::default(), metrics }
    }

    pub(super) fn write(&self, line: impl FnOnce() -> Line) {
        let Some(desk) = &self.desk else { return };
        let mut lines = self.queue.lock();
        if lines.len() == QUEUE {
            drop(lines);
            self.metrics.access_log_dropped.inc();
            return;
        }
        lines.push(line());
        // The writer looks again by itself as long as there is something; only then does it sleep until it is called.
        let calls = lines.len() == QUEUE / 2 || lines.len() == 1 && desk.asleep.load(Ordering::SeqCst);
        drop(lines);
        if calls && let Some(writer) = desk.writer.get() {
            writer.unpark();
        }
    }

    fn enlist(&self) {
        if let Some(desk) = &self.desk {
            desk.lock().push(Arc::clone(&self.queue));
        }
    }
}

impl Clone for AccessLog {
    fn clone(&self) -> Self {
        let new = Self { desk: self.desk.clone(), queue: Arc::default(), metrics: Arc::clone(&self.metrics) };
        new.enlist();
        new
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        // Given back before the writer is called: after the last one it finds itself alone, and ends.
        let writer = self.desk.take().and_then(|desk| desk.writer.get().cloned());
        if let Some(writer) = writer {
            writer.unpark();
        }
    }
}

/// Writes until it is alone at the desk: takes what there is, waits a little so that more comes together, looks again.
fn write_all(desk: &Arc<Desk>, mut out: impl Write) {
    let mut words = Vec::with_capacity(WRITTEN);
    let mut taken = Vec::new();
    loop {
        // Looked at first: what was handed over before the last one left is still taken below.
        let alone = Arc::strong_count(desk) == 1;
        let queues: Vec<_> = {
            let mut queues = desk.lock();
            queues.retain(|queue| Arc::strong_count(queue) > 1 || !queue.lock().is_empty());
            queues.clone()
        };
        let mut any = false;
        for queue in queues {
            std::mem::swap(&mut *queue.lock(), &mut taken);
            any |= !taken.is_empty();
            for line in taken.drain(..) {
                line.write(&mut words);
                if words.len() >= WRITTEN - LARGEST {
                    pass_on(&mut words, &mut out);
                }
            }
        }
        pass_on(&mut words, &mut out);
        match (alone, any) {
            (true, _) => return,
            (false, true) => {
                desk.asleep.store(false, Ordering::SeqCst);
                std::thread::park_timeout(GATHER);
            }
            // Once more: what was handed over before this was said has called nobody.
            (false, false) if !desk.asleep.swap(true, Ordering::SeqCst) => {}
            (false, false) => std::thread::park(),
        }
    }
}

/// A pipe that nobody reads any more is no reason to stop serving.
fn pass_on(words: &mut Vec<u8>, out: &mut impl Write) {
    if !words.is_empty() {
        let _ = out.write_all(words).and_then(|()| out.flush());
        words.clear();
    }
}

/// Lines of one thread that wait at most: a few megabytes.
const QUEUE: usize = 8192;
/// Bytes that are written at once.
const WRITTEN: usize = 64 * 1024;
/// Longer than any line, so that none makes the buffer grow.
const LARGEST: usize = 8 * 1024;
/// How long lines come together before they are written, unless there are many.
const GATHER: Duration = Duration::from_millis(50);
/// As much of a method as is logged.
const METHOD: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line(path: &str) -> Line {
        Line {
            at: Timestamp::default(),
            app: Label::None,
            host: None,
            method: Method::GET,
            path: path.as_bytes().into(),
            status: 200,
            bytes: 0,
            took: Duration::ZERO,
            client: None,
            who: None,
            decision: "allow",
            rule: None,
            reference: None,
            error: None,
        }
    }

    #[test]
    fn every_line_of_every_thread_is_written_before_the_log_ends() {
        let out = Out::default();
        let log = AccessLog::to(out.clone(), Arc::new(Metrics::new())).expect("a thread");
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let log = log.clone();
                std::thread::spawn(move || (0..500).for_each(|n| log.write(|| line(&format!("/{thread}/{n}")))))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        let desk = Arc::downgrade(log.desk.as_ref().expect("it writes"));
        drop(log);
        while desk.strong_count() > 0 {
            std::thread::yield_now();
        }
        let text = String::from_utf8(out.0.lock().expect("no panic").clone()).expect("JSON");
        assert_eq!(text.lines().count(), 2000);
        for (thread, n) in [(0, 0), (3, 499)] {
            assert!(text.contains(&format!("\"path\":\"/{thread}/{n}\"")));
        }
    }

    #[test]
    fn a_line_is_json_whatever_stands_in_it() {
        let words = |line: &Line| {
            let mut words = Vec::new();
            line.write(&mut words);
            assert_eq!(words.pop(), Some(b'\n'));
            assert!(!words.contains(&b'\n'));
            serde_json::from_slice::<serde_json::Value>(&words).expect("JSON")
        };
        let plain = serde_json::json!({
            "ts": 0, "app": "none", "host": "", "method": "GET", "path": "/a", "status": 200, "bytes": 0, "duration_ms": 0,
            "decision": "allow",
        });
        assert_eq!(words(&line("/a")), plain);
        for path in ["/\"", "/\\", "/\u{1b}[31m", "/\u{7f}", "/\r\n\"x\":1", "/\u{e9}\u{2028}"] {
            let line = Line { app: Label::App("crm".into()), reference: Some(path.to_owned()), ..line(path) };
            assert_eq!((&words(&line)["path"], &words(&line)["reference"]), (&path.into(), &path.into()));
        }
        let rule = Some(Place { file: "a\"b.yaml".into(), line: 7 });
        assert_eq!(words(&Line { rule, ..line("/") })["rule"], "a\"b.yaml:7");
        let who = Who { name: UserName::parse("ana").expect("a name"), shown: [0xab; 16] };
        let told = words(&Line { who: Some(who), ..line("/") });
        assert_eq!((&told["user"], &told["session"]), (&"ana".into(), &"ab".repeat(16).into()));
    }

    #[test]
    fn what_the_writer_can_not_take_is_dropped_and_counted() {
        let metrics = Arc::new(Metrics::new());
        let desk = Arc::new(Desk::default());
        let log = AccessLog { desk: Some(desk), queue: Arc::default(), metrics: Arc::clone(&metrics) };
        (0..QUEUE + 3).for_each(|_| log.write(|| line("/")));
        assert_eq!(metrics.access_log_dropped.get(), 3);
        assert_eq!(log.queue.lock().len(), QUEUE);
    }
}
