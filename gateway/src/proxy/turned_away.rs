//! How is somebody turned away whom no rule could let in? With as little work as an attacker deserves.
//!
//! Before a connection reaches pingora its address is known, and often that alone is the answer (N11). Then the plainest
//! requests, a script's `GET` or `HEAD` that shows nothing, are answered from here: read, refused by the same
//! `access::decide`, counted, logged and given a reference like every other, but without a proxy's machinery around it. Every
//! answer from here is a no. Whatever is not that plain, or not refused any more, goes on to the proxy byte by byte.

use std::sync::Arc;

use access::ClientAddr;
use access::network::{Believed, Claims};
use access::policy::{Certificate, Goal};
use access::target::CanonicalPath;
use arc_swap::ArcSwap;
use bytes::{Buf, BytesMut};
use http::Method;
use pingora::protocols::IO;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Label;
use super::connection::Facts;
use super::log::{AccessLog, Line, PATH};
use super::routes::{Route, Snapshot};
use super::strict::Framer;
use super::{answer, asked};
use crate::clock::Moment;
use crate::gate::{Ask, Denied, Gate, OfApp, Shown};
use crate::portal::{Reader, Visit, refusal};
use crate::words::Language;

/// Answers those who are turned away, for one worker.
pub(crate) struct TurnedAway {
    gate: Arc<Gate>,
    current: Arc<ArcSwap<Snapshot>>,
    log: AccessLog,
}

/// What became of a connection.
pub(crate) enum Next {
    /// It is over.
    Over,
    /// The proxy's turn, beginning with these bytes.
    Proxy(BytesMut),
}

impl TurnedAway {
    /// Over the same gate and configuration as the proxy.
    pub(crate) const fn new(gate: Arc<Gate>, current: Arc<ArcSwap<Snapshot>>, log: AccessLog) -> Self {
        Self { gate, current, log }
    }

    /// Serves the connection for as long as it is about refusals. `stopping`: is the next answer to be the last?
    pub(crate) async fn serve<S: IO>(
        &self,
        stream: &mut S,
        peer: std::net::IpAddr,
        facts: &Facts,
        stopping: impl Fn() -> bool,
    ) -> Next {
        let mut read = BytesMut::new();
        let mut told = None;
        loop {
            let Some(address) = self.refused_address(peer, facts) else { return Next::Proxy(read) };
            facts.pulse.next_outside();
            let end = loop {
                if let Some(end) = header_end(&read) {
                    break end;
                }
                if read.len() > LARGEST || has_bare_line_end(&read) {
                    return Next::Proxy(read);
                }
                match stream.read_buf(&mut read).await {
                    Ok(length) if length > 0 => {}
                    _ => return Next::Over,
                }
            };
            if stopping() {
                // The proxy's answer says that it is the last one.
                return Next::Proxy(read);
            }
            let began = self.gate.clock().moment();
            let snapshot = self.current.load_full();
            let Some(plain) = Plain::read(&read[..end], &snapshot) else { return Next::Proxy(read) };
            let Some(denied) = self.refuse(&plain, &snapshot, address) else { return Next::Proxy(read) };
            let Some(told) = Told::about(&mut told, &plain, &snapshot, address, &denied, self.gate.clock().now())
            else {
                return Next::Proxy(read);
            };
            let answer = told.answer(&plain);
            // Counted first: whoever has read the answer finds it counted.
            self.note(&plain, address, &denied, answer.len(), began);
            if stream.write_all(answer).await.is_err() || stream.flush().await.is_err() {
                return Next::Over;
            }
            read.advance(end);
        }
    }

    /// The address, if it could let nobody in and nothing on this connection can claim another.
    fn refused_address(&self, peer: std::net::IpAddr, facts: &Facts) -> Option<ClientAddr> {
        let snapshot = self.current.load();
        let settings = &snapshot.in_force.settings;
        let speaks_for_others =
            |ip| settings.trusted_proxies.contains_ip(ip) || settings.proxy_protocol.contains_ip(ip);
        if facts.opening.proxied().is_some() || speaks_for_others(peer) {
            return None;
        }
        let address = ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).ok()?.client;
        self.gate.turns_away(&snapshot.in_force, address).then_some(address)
    }

    /// Asks the rules, as for every request. `None`: they do not say what was expected, and the proxy asks them itself.
    fn refuse(&self, plain: &Plain<'_>, snapshot: &Snapshot, address: ClientAddr) -> Option<Denied> {
        let route = &plain.route;
        let ask = Ask {
            in_force: &snapshot.in_force,
            address,
            certificate: Certificate::NotShown,
            goal: Goal::App { app: &route.app.name, method: plain.method.as_str(), path: &plain.path },
            shown: Shown::Nothing,
            app: Some(OfApp { counts: &route.metrics, limits: &route.app.limits }),
            hold: None,
        };
        self.gate.refuse_address(&ask)
    }

    fn note(&self, plain: &Plain<'_>, address: ClientAddr, denied: &Denied, bytes: usize, began: Moment) {
        let took = self.gate.clock().moment().since(began);
        plain.route.metrics.answered(403, took);
        self.log.write(|| Line {
            at: self.gate.clock().now(),
            app: Label::App(Arc::clone(&plain.route.label)),
            host: Some(plain.route.app.host.clone()),
            method: plain.method.clone(),
            path: plain.target.as_bytes()[..plain.target.len().min(PATH)].into(),
            status: 403,
            bytes,
            took,
            client: Some(address),
            who: None,
            decision: denied.cause.code(),
            rule: None,
            reference: Some(denied.reference.to_string()),
            error: None,
        });
    }
}

/// A request there is nothing to think about: `GET` or `HEAD` of an app, HTTP/1.1, no body, no proof, no person reading.
struct Plain<'a> {
    method: Method,
    /// Without the query.
    target: &'a str,
    path: CanonicalPath<'a>,
    route: Arc<Route>,
}

impl<'a> Plain<'a> {
    /// `header` from the request line to the empty line.
    fn read(header: &'a [u8], snapshot: &Snapshot) -> Option<Self> {
        Framer::new().feed(header).ok()?;
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(header) {
            Ok(httparse::Status::Complete(length)) if length == header.len() => {}
            _ => return None,
        }
        let method = match request.method? {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            _ => return None,
        };
        let whole = request.path?;
        let target = whole.split('?').next().unwrap_or(whole);
        let (mut host, mut accepted) = (None, "");
        for field in request.headers.iter() {
            let is = |names: &[&str]| names.iter().any(|name| field.name.eq_ignore_ascii_case(name));
            if is(&["host"]) {
                if host.replace(field.value).is_some() {
                    return None;
                }
            } else if is(&["accept"]) {
                accepted = std::str::from_utf8(field.value).ok()?;
            } else if is(MORE) {
                return None;
            }
        }
        let host = snapshot.host(host?)?;
        let is_plain = request.version == Some(1) && !asked::prefers_html(accepted);
        let route = snapshot.route(&host).filter(|_| is_plain)?;
        // On every host these are ours, and the portal's are not here.
        let path =
            CanonicalPath::parse(target.as_bytes()).ok().filter(|path| !path.as_str().starts_with("/.vestibule/"))?;
        Some(Self { method, target, path, route: Arc::clone(route) })
    }
}

/// The answer as it was given last on this connection: only its reference and date change.
struct Told {
    generation: u64,
    app: Arc<Route>,
    bytes: Vec<u8>,
    /// Where the body begins.
    body: usize,
    reference: usize,
    date: usize,
    second: u64,
}

impl Told {
    /// The last one with this reference, or a new one. `None`: the page is not the one that is known here.
    fn about<'t>(
        last: &'t mut Option<Self>,
        plain: &Plain<'_>,
        snapshot: &Snapshot,
        address: ClientAddr,
        denied: &Denied,
        now: access::Timestamp,
    ) -> Option<&'t mut Self> {
        let generation = snapshot.in_force.generation;
        let same = |told: &Self| told.generation == generation && Arc::ptr_eq(&told.app, &plain.route);
        if !last.as_ref().is_some_and(same) {
            *last = Some(Self::new(plain, snapshot, address, denied)?);
        }
        let told = last.as_mut()?;
        let reference = denied.reference.as_str().as_bytes();
        told.bytes[told.reference..told.reference + reference.len()].copy_from_slice(reference);
        if told.second != now.seconds() {
            told.second = now.seconds();
            let second = i64::try_from(told.second).ok()?;
            // RFC 9110 §5.6.7: always 29 characters.
            let date = jiff::Timestamp::from_second(second).ok()?.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            told.bytes.get_mut(told.date..told.date + date.len())?.copy_from_slice(date.as_bytes());
        }
        Some(told)
    }

    fn new(plain: &Plain<'_>, snapshot: &Snapshot, address: ClientAddr, denied: &Denied) -> Option<Self> {
        let peer = address.ip();
        let resolved = ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).ok()?;
        let in_force = Arc::clone(&snapshot.in_force);
        let visit = Visit { in_force, resolved, reader: Reader::Program, language: Language::English };
        let answer = refusal::denied(&visit, Some(&plain.route.app), denied);
        let (bytes, page) = (answer::to_lines(&answer), answer.body());
        let body = bytes.len() - page.len();
        let date = memchr::memmem::find(&bytes[..body], DATE)? + DATE.len();
        let wanted = denied.reference.as_str().as_bytes();
        let reference = body + page.windows(wanted.len()).position(|part| part == wanted)?;
        let app = Arc::clone(&plain.route);
        Some(Self { generation: snapshot.in_force.generation, app, bytes, body, reference, date, second: 0 })
    }

    fn answer(&self, plain: &Plain<'_>) -> &[u8] {
        if plain.method == Method::HEAD { &self.bytes[..self.body] } else { &self.bytes }
    }
}

/// Where the header that begins the bytes ends, if it does.
fn header_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

/// Is there a line that would never end the header? It is told so at once, by the proxy.
fn has_bare_line_end(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes).any(|at| at == 0 || bytes[at - 1] != b'\r')
}

/// In front of when an answer was given.
const DATE: &[u8] = b"\r\nDate: ";
/// Larger headers are the proxy's.
const LARGEST: usize = 8 * 1024;
const FIELDS: usize = 32;
/// With one of these a request is not plain any more.
const MORE: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "sec-fetch-mode",
    "transfer-encoding",
    "upgrade",
];
