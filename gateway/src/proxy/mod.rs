//! pingora's HTTP phases, and the straight way past its proxy.
//!
//! `request_filter` resolves the true address, reads host and path once, asks the gate, and either answers itself (a
//! refusal, the way to the sign-in, the portal's pages) or leaves a [`Permit`] in the context. Without one `upstream_peer`
//! knows no address. What only reads is forwarded there and then, if it can be (`straight`); for the rest
//! `upstream_request_filter` seals the headers. `logging` counts.
//!
//! Most requests never come so far: what is plain is served beside all this, by the same functions (`lane`).

mod answer;
mod asked;
mod connection;
mod cuttable;
mod door;
mod headers;
mod health;
mod journey;
mod kept;
mod lane;
mod log;
mod opening;
mod outcome;
mod plain;
mod pool;
mod routes;
mod sieve;
mod slow;
mod straight;
mod strict;
mod turned_away;
mod upgrade;
mod websocket;

use std::any::Any;
use std::sync::Arc;

use access::Timestamp;
use access::network::Resolved;
use access::target::HostName;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v1::server::HttpSession;
use pingora::proxy::{FailToProxy, HttpProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

pub(crate) use connection::{Connection, Facts, Stage};
pub(crate) use cuttable::{Cuttable, until_cut};
pub(crate) use health::{Checks, EVERY as CHECK_EVERY};
pub(crate) use kept::Kept;
pub use log::AccessLog;
pub use routes::Snapshot;
pub(crate) use sieve::sieve;
pub(crate) use slow::{EVERY as WATCH_EVERY, Place as WatchPlace, Watch};
pub(crate) use turned_away::{Next, TurnedAway};

use crate::clock::Moment;
use crate::gate::{Coming, Gate, Permit};
use crate::portal::refusal::{self, Addressee};
use crate::portal::{Portal, Visit, language};
use door::{Came, Entered};
use journey::Journey;
use log::Who;
use routes::Route;
use straight::Sent;

/// The data plane of one gateway. Cheap to clone.
#[derive(Clone)]
pub struct Proxy {
    gate: Arc<Gate>,
    portal: Portal,
    current: Arc<ArcSwap<Snapshot>>,
    /// One queue, for pingora's half and the lane: a connection's lines stay in order.
    log: Arc<AccessLog>,
    kept: Arc<Kept>,
}

/// What one request carries from phase to phase.
pub struct Context {
    began: Moment,
    /// The same on the wall's clock.
    at: Timestamp,
    coming: Option<Coming>,
    seen: Option<Seen>,
    host: Option<HostName>,
    route: Option<Arc<Route>>,
    permit: Option<Permit>,
    /// Who holds it, for the log.
    who: Option<Who>,
    label: Label,
    decision: &'static str,
    reference: Option<String>,
    live: Option<LiveGauge>,
    journey: Journey,
    handed: Option<Box<Handed>>,
}

/// How far a request had come when the lane left it to pingora.
enum Handed {
    /// It is answered by us.
    Entered(Entered),
    /// No connection to its app was kept.
    Admitted,
    /// It was sent.
    Sent(Sent),
    /// It can't be served.
    Failed(Box<Error>),
}

/// Under what a request is served, and from where it came.
struct Seen {
    snapshot: Arc<Snapshot>,
    resolved: Resolved,
}

impl Context {
    /// The circumstances, for pages and refusals; `None`: the address could not be known.
    fn visit(&self, headers: &HeaderMap) -> Option<Visit> {
        let Seen { snapshot, resolved } = self.seen.as_ref()?;
        let in_force = Arc::clone(&snapshot.in_force);
        let (reader, language) = (asked::reader(headers), language::of(headers));
        Some(Visit { in_force, resolved: resolved.clone(), reader, language })
    }
}

/// The app a request counts for.
#[derive(Clone, Debug)]
enum Label {
    None,
    Portal,
    App(Arc<str>),
}

impl Label {
    fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Portal => "portal",
            Self::App(name) => name,
        }
    }
}

/// One more live connection, as long as it lives; also when it is cut and no later phase runs.
struct LiveGauge(prometheus::IntGauge);

impl LiveGauge {
    fn up(gauge: prometheus::IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for LiveGauge {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Proxy {
    /// A data plane that serves whatever `current` holds, over connections to apps that are kept in `kept`.
    pub(crate) fn new(
        gate: Arc<Gate>,
        portal: Portal,
        current: Arc<ArcSwap<Snapshot>>,
        log: AccessLog,
        kept: Arc<Kept>,
    ) -> Self {
        Self { gate, portal, current, log: Arc::new(log), kept }
    }

    /// The pingora app, ready to be given connections.
    pub(crate) fn into_app(self) -> Arc<Cuttable<HttpProxy<Self>>> {
        let conf = pingora::server::configuration::ServerConf {
            // Churning connections double the cost of a request (measured with room for 4 instead of 128).
            upstream_keepalive_pool_size: 1024,
            ..Default::default()
        };
        let mut app = HttpProxy::new(self.clone(), Arc::new(conf));
        app.handle_init_modules();
        Arc::new(Cuttable::around(app, self))
    }
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context {
            began: self.gate.clock().moment(),
            at: self.gate.clock().now(),
            coming: None,
            seen: None,
            host: None,
            route: None,
            permit: None,
            who: None,
            label: Label::None,
            decision: "refuse",
            reference: None,
            live: None,
            journey: Journey::default(),
            handed: None,
        }
    }

    /// A request that began in the lane.
    fn on_connection_reuse(&self, _session: &mut Session, context: &mut Context, begun: Box<dyn Any + Send + Sync>) {
        if let Ok(begun) = begun.downcast() {
            *context = *begun;
        }
    }

    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {
        // None: pingora's default compresses, which the apps do themselves.
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> pingora::Result<bool> {
        let entered = match context.handed.take().map(|handed| *handed) {
            None => self.come_in(session, context).await?,
            Some(Handed::Entered(entered)) => entered,
            Some(Handed::Admitted) => return go_long(session),
            Some(Handed::Sent(sent)) => {
                return if self.bring_back(session, context, sent).await? { Ok(true) } else { go_long(session) };
            }
            Some(Handed::Failed(error)) => return Err(error),
        };
        if context.live.is_some() {
            // What took over the connection may be silent for as long towards its client as towards its app.
            session.set_read_timeout(Some(upgrade::QUIET));
        }
        let answer = match entered {
            Entered::In => self.beyond(session.req_header(), context),
            Entered::Answered { answer, last } => {
                if last {
                    session.set_keepalive(None);
                }
                Some(answer)
            }
            Entered::Ours { visit, on } => Some(self.ours(session, context, visit, on).await?),
        };
        if let Some(answer) = answer {
            answer::write(session, answer).await?;
            return Ok(true);
        }
        if self.go_straight(session, context).await? {
            return Ok(true);
        }
        go_long(session)
    }

    async fn upstream_peer(&self, session: &mut Session, context: &mut Context) -> pingora::Result<Box<HttpPeer>> {
        let (Some(permit), Some(route)) = (&context.permit, &context.route) else {
            return Err(Error::explain(ErrorType::InternalError, "no permit, no upstream"));
        };
        let peer = context.journey.next(route.pool(permit), session)?;
        if asked::wants_upgrade(&session.req_header().headers) {
            return Ok(upgrade::for_upgrade(peer, route.app.timeouts.connect));
        }
        Ok(context.journey.over(&self.kept, peer))
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        peer: &HttpPeer,
        context: &mut Context,
        error: Box<Error>,
    ) -> Box<Error> {
        let error = error.more_context(peer.to_string());
        let Some(route) = &context.route else { return error };
        context.journey.not_connected(&route.pool, error)
    }

    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        context: &mut Context,
        kept: bool,
    ) -> Box<Error> {
        context.journey.broken(session, error, kept).more_context(peer.to_string())
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        context: &mut Context,
    ) -> pingora::Result<()> {
        let end = end || body.is_none();
        cuttable::body_came(body.as_ref().map_or(0, Bytes::len), end);
        if let Some(facts) = Facts::of(session.digest()).filter(|_| end) {
            facts.pulse.expect_body(false);
        }
        match (&context.route, body) {
            // What comes after an upgrade is no request's body.
            (Some(route), Some(piece)) if !session.was_upgraded() => {
                context.journey.upload(piece.len(), route.app.limits.body)
            }
            _ => Ok(()),
        }
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        context: &mut Context,
    ) -> pingora::Result<()> {
        change(upstream, |fields| {
            let mut sealed = HeaderMap::with_capacity(fields.len() + headers::OURS);
            self.seal(Facts::of(session.digest()), fields, context, &mut sealed)?;
            *fields = sealed;
            Ok(())
        })
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        _context: &mut Context,
    ) -> pingora::Result<()> {
        headers::seal_answer(response, asked::wants_upgrade(&session.req_header().headers))
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, context: &mut Context) -> FailToProxy {
        let status = outcome::failure(error);
        let written = session.response_written().is_some();
        if let (Some(status), false) = (status, written) {
            let reference = self.gate.reference();
            context.reference = Some(reference.to_string());
            let visit = context.visit(&session.req_header().headers);
            let answer = match (&visit, &context.route) {
                (Some(visit), Some(_)) if status == StatusCode::PAYLOAD_TOO_LARGE => {
                    context.decision = "too_large";
                    refusal::too_large(visit, &reference)
                }
                (Some(visit), _) if status.is_client_error() => {
                    let to = Addressee::from(visit);
                    refusal::bad_request(to, &to.say("request-not-forwarded"), &reference)
                }
                (Some(visit), Some(route)) => refusal::app_down(visit, &route.app, status, &reference),
                (Some(visit), None) => refusal::internal(visit.into(), &reference),
                (None, _) => refusal::internal(Addressee::program(&self.current.load().in_force), &reference),
            };
            session.set_keepalive(None);
            if let Err(error) = answer::write(session, answer).await {
                tracing::debug!(%error, "the client was gone before it could be told");
            }
        }
        FailToProxy { error_code: status.map_or(0, |status| status.as_u16()), can_reuse_downstream: false }
    }

    fn suppress_error_log(&self, _session: &Session, _context: &Context, error: &Error) -> bool {
        // Clients that go away are everyday; what is full or down was told when it became so.
        *error.esource() == ErrorSource::Downstream || matches!(error.etype(), ErrorType::HTTPStatus(_))
    }

    /// For pingora's own error lines. Without the query, which holds secrets of apps, and without paths of ours.
    fn request_summary(&self, session: &Session, context: &Context) -> String {
        self.summary(session.req_header(), context)
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, context: &mut Context) {
        let status = session.response_written().map_or(0, |response| response.status.as_u16());
        self.account(session.req_header(), context, status, session.body_bytes_sent(), error);
        // Whoever is told that it has ended finds its place free.
        context.journey = Journey::default();
    }
}

impl Proxy {
    /// A request that pingora has read, up to the decision.
    async fn come_in(&self, session: &mut Session, context: &mut Context) -> pingora::Result<Entered> {
        let has_body = !session.as_downstream_mut().is_body_empty();
        let slowest = self.current.load().in_force.settings.limits.slowest.get();
        cuttable::header_is_here(session, has_body, slowest);
        if asked::wants_upgrade(&session.req_header().headers) {
            // From here on the bytes are no longer read as HTTP (`strict`): nothing else may follow on this connection.
            session.set_keepalive(None);
        }
        let raw = session.as_http1().map(HttpSession::get_headers_raw_bytes);
        let came = Came { header: session.req_header(), raw: raw.as_deref(), digest: session.digest() };
        self.enter(came, context).await
    }

    /// What the app is told: the client's header without what only we may say, and with it. Errors: there is no permit, or
    /// no assertion could be signed.
    fn seal(
        &self,
        facts: Option<&Arc<Facts>>,
        from: &HeaderMap,
        context: &Context,
        to: &mut impl headers::Fields,
    ) -> pingora::Result<()> {
        let (Some(permit), Some(route), Some(seen)) = (&context.permit, &context.route, &context.seen) else {
            return Err(Error::explain(ErrorType::InternalError, "no permit, no upstream"));
        };
        let in_force = &seen.snapshot.in_force;
        let introduction = match permit.visitor() {
            None => None,
            // As of now: since it was admitted it may have waited for an upstream, and this may be the next one.
            Some(visitor) => match self.gate.introduce(in_force, visitor, &route.app.name) {
                Ok(introduction) => Some(introduction),
                Err(error) => {
                    tracing::error!(%error, "an assertion could not be signed; the request is refused");
                    return Err(Error::explain(ErrorType::InternalError, "no assertion"));
                }
            },
        };
        let Some(facts) = facts else {
            return Err(Error::explain(ErrorType::InternalError, "a connection nothing is known about"));
        };
        let scheme = if in_force.settings.portal.secure() { "https" } else { "http" };
        let forwarding = facts.forwarding(seen.resolved.client, scheme, &route.authority);
        let said = headers::Said {
            visitor: introduction.as_ref().map(|introduction| introduction.identity()),
            forwarding: &forwarding,
            takes_app_passwords: route.app.takes_app_passwords,
            pass_authorization: route.app.pass_authorization,
        };
        headers::seal(from, said, to);
        Ok(())
    }

    /// An admitted request that is more than its app takes: too large a body, or one too many at a time.
    fn beyond(&self, request: &RequestHeader, context: &mut Context) -> Option<Response<Bytes>> {
        let route = context.route.as_ref()?;
        let too_large = |most| {
            let told = request.headers.get(CONTENT_LENGTH);
            told.and_then(|told| told.to_str().ok()?.parse::<u64>().ok()).is_some_and(|length| length > most)
        };
        let (decision, status) = if route.app.limits.body.is_some_and(too_large) {
            ("too_large", StatusCode::PAYLOAD_TOO_LARGE)
        } else if !context.journey.begin(&route.pool) {
            ("too_many", StatusCode::SERVICE_UNAVAILABLE)
        } else {
            return None;
        };
        context.decision = decision;
        let reference = self.gate.reference();
        let visit = context.visit(&request.headers);
        let answer = match &visit {
            None => refusal::internal(Addressee::program(&self.current.load().in_force), &reference),
            Some(visit) if status == StatusCode::PAYLOAD_TOO_LARGE => refusal::too_large(visit, &reference),
            Some(visit) => refusal::app_down(visit, &route.app, status, &reference),
        };
        context.reference = Some(reference.to_string());
        Some(answer)
    }
}

/// On with pingora's proxy.
fn go_long(session: &mut Session) -> pingora::Result<bool> {
    if session.req_header().has_case() {
        change(session.req_header_mut(), |_| Ok(()))?;
    }
    Ok(false)
}

/// Changes a header's fields at once. pingora would read a name for each change and keep a second table of names with their
/// case; from here on they have none, as in HTTP/2 (RFC 9110 §5.1: names are compared without it). Errors: the target is
/// none that is written from its URI again; such requests were refused before.
fn change(
    header: &mut RequestHeader,
    change: impl FnOnce(&mut HeaderMap) -> pingora::Result<()>,
) -> pingora::Result<()> {
    if header.uri.path_and_query().is_none_or(|path| path.as_str().as_bytes() != header.raw_path()) {
        return Err(Error::explain(ErrorType::InternalError, "a target that was not read"));
    }
    let ends = header.send_end_stream();
    let (empty, ()) = http::Request::new(()).into_parts();
    let mut parts: http::request::Parts = std::mem::replace(header, empty.into()).into();
    change(&mut parts.headers)?;
    *header = parts.into();
    if let Some(ends) = ends {
        header.set_send_end_stream(ends);
    }
    Ok(())
}
