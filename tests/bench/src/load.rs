//! Load: so many connections, one thread, each connection sends its next request as soon as the last is answered.
//!
//! Every answer's status is compared with what is expected, bodies are read to their end, and whatever else happens counts
//! as a failure. Cheap, because it shares a core with the upstream.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use vestibule::clock::{Clock, Moment};

use crate::answer::{Answer, Read as Answered};
use crate::pauses::Pause;

/// What to send, and to whom.
#[derive(Clone)]
pub(crate) struct Load {
    /// Where the server listens.
    pub(crate) to: SocketAddr,
    /// The addresses to come from, one connection after the other.
    pub(crate) from: Vec<IpAddr>,
    /// TLS, for this host.
    pub(crate) tls: Option<Tls>,
    /// At a time.
    pub(crate) connections: usize,
    /// Closed after each answer?
    pub(crate) reuse: Reuse,
    /// The bytes of the requests.
    pub(crate) requests: Requests,
    /// The only right answer; `None`: any is, and they are only counted.
    pub(crate) status: Option<u16>,
}

/// How a client speaks TLS.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) host: ServerName<'static>,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// The next request.
    KeepAlive,
    /// Closed; the next request has a new one.
    Never,
}

/// The bytes of the requests.
#[derive(Clone)]
pub(crate) enum Requests {
    /// Always the same.
    One(Arc<[u8]>),
    /// With one of many secrets between the two parts.
    Many {
        before: Arc<[u8]>,
        secrets: Arc<[String]>,
        after: Arc<[u8]>,
        order: Order,
        /// How many were sent: every turn goes on where the last one ended.
        sent: Arc<AtomicU64>,
    },
}

/// Whose turn is next.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    /// How many requests each sends before it is the next one's turn.
    pub(crate) in_a_row: u64,
    /// How far away the next one is.
    pub(crate) stride: u64,
}

impl Order {
    /// All in turn, as they were made.
    pub(crate) const AS_MADE: Self = Self { in_a_row: 1, stride: 1 };

    /// In an order that no cache foresees: somebody else's, and far away from the last in the memory of whoever heard all of
    /// them as they were made. The stride is near the golden section of a million and divides none of our sizes, nor do
    /// its remainders, so everybody has a turn.
    pub(crate) const fn jumping(in_a_row: u64) -> Self {
        Self { in_a_row, stride: 618_033 }
    }

    fn whose(self, number: u64, many: usize) -> usize {
        let many = many as u64;
        usize::try_from(number / self.in_a_row % many * self.stride % many).unwrap_or(0)
    }
}

/// When it is over.
#[derive(Clone)]
pub(crate) enum Until {
    /// So many requests are answered or have failed.
    Requests(u64),
    /// Somebody says so.
    Told(Arc<AtomicBool>),
}

/// How fast.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As fast as answers come.
    Closed,
    /// So many a second, whatever comes back; latency counts from when a request was due, so that a slow server can't hide
    /// by slowing the clients down.
    PerSecond(u32),
}

/// What came of it.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) wall: Duration,
    /// How often each was answered.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Microseconds, as they came.
    pub(crate) latencies: Vec<u32>,
    /// When each of them came.
    pub(crate) came: Vec<Moment>,
    /// The first failure in words.
    pub(crate) first_failure: Option<String>,
}

impl Outcome {
    /// Another turn of the same.
    pub(crate) fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.wall += other.wall;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.latencies.extend(other.latencies);
        self.came.extend(other.came);
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }

    /// Without those who waited while the machine stood still.
    pub(crate) fn undisturbed(&self, pauses: &[Pause]) -> Self {
        let waited = |(took, came): (&u32, &Moment)| {
            let took = Duration::from_micros((*took).into());
            !pauses.iter().any(|(begin, end)| came >= begin && came.since(*end) <= took)
        };
        let all = self.latencies.iter().zip(&self.came);
        let latencies: Vec<_> = all.filter(|one| waited(*one)).map(|(took, _)| *took).collect();
        Self { answered: latencies.len() as u64, latencies, ..Self::default() }
    }

    /// The latency that `share` of all answers don't exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let Some(last) = sorted.len().checked_sub(1) else { return Duration::ZERO };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let at = (last as f64 * share).round() as usize;
        Duration::from_micros(u64::from(sorted[at.min(last)]))
    }
}

/// A thread's worth of open connections.
pub(crate) struct Generator {
    load: Load,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    clock: Clock,
    sent: u64,
    opened: usize,
    outcome: Outcome,
    failures_in_a_row: u32,
}

impl Generator {
    /// Opens the connections and sends `warm_up` requests over each, which count for nothing.
    pub(crate) fn open(load: Load, warm_up: u64) -> Self {
        let connections = load.connections;
        let mut generator = Self {
            poll: Poll::new().expect("epoll"),
            events: Events::with_capacity(1024),
            connections: Vec::with_capacity(connections),
            idle: VecDeque::new(),
            clock: Clock::system(),
            sent: 0,
            opened: 0,
            outcome: Outcome::default(),
            failures_in_a_row: 0,
            load,
        };
        for at in 0..connections {
            let connection = generator.connect(at);
            generator.connections.push(connection);
            generator.idle.push_back(at);
        }
        if generator.load.reuse == Reuse::KeepAlive && warm_up > 0 {
            let outcome = generator.run(&Until::Requests(warm_up * connections as u64), Pace::Closed);
            if let Some(failure) = outcome.first_failure {
                panic!("{} of {} first requests failed: {failure}", outcome.failed, outcome.answered + outcome.failed);
            }
        }
        generator
    }

    /// By which it measures.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Sends until it is over.
    pub(crate) fn run(&mut self, until: &Until, pace: Pace) -> Outcome {
        self.outcome = Outcome::default();
        self.sent = 0;
        let began = self.clock.moment();
        let mut ready = Vec::with_capacity(1024);
        loop {
            let now = self.clock.moment();
            self.send_what_is_due(until, pace, began, now);
            if self.idle.len() == self.connections.len() && is_over(until, self.sent) {
                break;
            }
            // A paced load sleeps at most a millisecond: what is due must not wait for an answer to somebody else.
            let wait = if matches!(pace, Pace::Closed) { Duration::from_secs(10) } else { Duration::from_millis(1) };
            match self.poll.poll(&mut self.events, Some(wait)) {
                Ok(()) => {}
                // A signal, or the machine was stopped and goes on.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("epoll: {error}"),
            }
            ready.clear();
            ready.extend(self.events.iter().map(|event| event.token().0));
            if ready.is_empty() && matches!(pace, Pace::Closed) {
                panic!(
                    "no answer for {} s, {} of {} connections wait",
                    wait.as_secs(),
                    self.connections.len() - self.idle.len(),
                    self.connections.len()
                );
            }
            for at in &ready {
                self.drive(*at, Reads::Now);
            }
        }
        self.outcome.wall = self.clock.moment().since(began);
        std::mem::take(&mut self.outcome)
    }

    fn send_what_is_due(&mut self, until: &Until, pace: Pace, began: Moment, now: Moment) {
        while !self.idle.is_empty() && !is_over(until, self.sent) {
            let late = match pace {
                Pace::Closed => Duration::ZERO,
                // How long ago it should have been sent.
                Pace::PerSecond(rate) => match now.since(began).checked_sub(Duration::from_secs(self.sent) / rate) {
                    Some(late) => late,
                    None => return,
                },
            };
            let Some(at) = self.idle.pop_front() else { return };
            self.load.requests.write(&mut self.connections[at].out);
            self.sent += 1;
            let connection = &mut self.connections[at];
            connection.late = late;
            connection.began = now;
            connection.answer.begin();
            connection.is_busy = true;
            // Nothing can have come yet: a read now would be one system call too many.
            self.drive(at, Reads::Later);
        }
    }

    /// Writes and reads what can be, as often as a connection is ready.
    fn drive(&mut self, at: usize, reads: Reads) {
        let connection = &mut self.connections[at];
        match connection.drive(reads) {
            Ok(false) => {}
            Ok(true) if !connection.is_busy => {}
            Ok(true) => {
                connection.is_busy = false;
                let now = self.clock.moment();
                let took = now.since(connection.began) + connection.late;
                let status = connection.answer.status;
                let reopen = self.load.reuse == Reuse::Never || connection.answer.closes;
                *self.outcome.statuses.entry(status).or_default() += 1;
                match self.load.status {
                    Some(right) if status != right => self.fail(format!("status {status} instead of {right}")),
                    _ => {
                        self.outcome.answered += 1;
                        self.outcome.latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
                        self.outcome.came.push(now);
                        self.failures_in_a_row = 0;
                    }
                }
                if reopen {
                    self.connections[at] = self.connect(at);
                }
                self.idle.push_back(at);
            }
            Err(error) => {
                let was_busy = connection.is_busy;
                // Between two requests the server may close as it likes.
                if was_busy {
                    self.fail(error.to_string());
                    self.idle.push_back(at);
                }
                self.connections[at] = self.connect(at);
            }
        }
    }

    fn fail(&mut self, why: String) {
        self.outcome.failed += 1;
        self.failures_in_a_row += 1;
        assert!(self.failures_in_a_row < 10_000, "ten thousand failures in a row, the last: {why}");
        self.outcome.first_failure.get_or_insert(why);
    }

    fn connect(&mut self, at: usize) -> Connection {
        let from = self.load.from[self.opened % self.load.from.len()];
        self.opened += 1;
        let mut socket = connect(from, self.load.to);
        self.poll
            .registry()
            .register(&mut socket, Token(at), Interest::READABLE | Interest::WRITABLE)
            .expect("a fresh socket");
        let tls = self.load.tls.as_ref().map(|tls| {
            let mut client =
                ClientConnection::new(Arc::clone(&tls.config), tls.host.clone()).expect("a sound configuration");
            client.set_buffer_limit(None);
            Box::new(client)
        });
        Connection {
            socket,
            tls,
            out: Vec::with_capacity(512),
            written: 0,
            answer: Answer::default(),
            is_busy: false,
            began: self.clock.moment(),
            late: Duration::ZERO,
        }
    }
}

/// Opens a non-blocking connection that comes from `from`.
fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::for_address(to), socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::new(from, 0).into()).expect("a free port of a loopback address");
    socket.set_nonblocking(true).expect("a socket");
    socket.set_tcp_nodelay(true).expect("a socket");
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(IN_PROGRESS) => {}
        Err(error) => panic!("{from} can't connect to {to}: {error}"),
    }
    TcpStream::from_std(socket.into())
}

fn is_over(until: &Until, sent: u64) -> bool {
    match until {
        Until::Requests(wanted) => sent >= *wanted,
        Until::Told(told) => told.load(Ordering::Acquire),
    }
}

/// Is there any point in reading?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Now,
    Later,
}

struct Connection {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    out: Vec<u8>,
    written: usize,
    answer: Answer,
    is_busy: bool,
    began: Moment,
    late: Duration,
}

impl Connection {
    /// True once an answer is complete. Errors: the connection is of no more use.
    fn drive(&mut self, reads: Reads) -> io::Result<bool> {
        match self.tls.take() {
            None => self.drive_plain(reads),
            Some(mut tls) => {
                let outcome = self.drive_tls(&mut tls, reads);
                self.tls = Some(tls);
                outcome
            }
        }
    }

    fn drive_plain(&mut self, reads: Reads) -> io::Result<bool> {
        while self.written < self.out.len() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(wrote) => self.written += wrote,
                // Not connected is what a socket says that is still connecting.
                Err(error) if is_later(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        if reads == Reads::Later {
            return Ok(false);
        }
        let mut buffer = [0; 32 * 1024];
        loop {
            let read = match self.socket.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if is_later(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            if self.answer.take(&buffer[..read])? == Answered::Whole {
                return Ok(true);
            }
            // Less than asked for: the socket is empty, and the edge will be told again (epoll(7)).
            if read < buffer.len() {
                return Ok(false);
            }
        }
    }

    fn drive_tls(&mut self, tls: &mut ClientConnection, reads: Reads) -> io::Result<bool> {
        if !self.out.is_empty() {
            tls.writer().write_all(&self.out)?;
            self.out.clear();
        }
        loop {
            while tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(error) if is_later(&error) => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            if reads == Reads::Later {
                return Ok(false);
            }
            match tls.read_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if is_later(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let mut left = state.plaintext_bytes_to_read();
            let mut buffer = [0; 16 * 1024];
            while left > 0 {
                let read = tls.reader().read(&mut buffer)?;
                left -= read;
                if self.answer.take(&buffer[..read])? == Answered::Whole {
                    return Ok(true);
                }
            }
        }
    }
}

impl Requests {
    /// With each of these secrets in turn between the two parts.
    pub(crate) fn many(before: String, secrets: Arc<[String]>, order: Order, after: String) -> Self {
        let (before, after) = (before.into_bytes().into(), after.into_bytes().into());
        Self::Many { before, secrets, after, order, sent: Arc::default() }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::One(bytes) => out.extend_from_slice(bytes),
            Self::Many { before, secrets, after, order, sent } => {
                let whose = order.whose(sent.fetch_add(1, Ordering::Relaxed), secrets.len());
                out.extend_from_slice(before);
                out.extend_from_slice(secrets[whose].as_bytes());
                out.extend_from_slice(after);
            }
        }
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

/// EINPROGRESS.
const IN_PROGRESS: i32 = 115;
