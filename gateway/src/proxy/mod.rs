//! pingora's HTTP phases, and nothing else.
//!
//! `request_filter` resolves the true address, reads host and path once, asks the gate, and either answers itself (a
//! refusal, the way to the sign-in, the portal's pages) or leaves a [`Permit`] in the context. Without one `upstream_peer`
//! knows no address. `upstream_request_filter` seals the headers; `logging` counts.

mod answer;
mod asked;
mod cuttable;
mod headers;
mod log;
mod routes;
mod upgrade;

use std::sync::Arc;

use access::policy::Goal;
use access::target::CanonicalPath;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::{FailToProxy, HttpProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

pub(crate) use cuttable::Cuttable;
pub use log::AccessLog;
pub use routes::Snapshot;

use crate::clock::Moment;
use crate::gate::{Admission, Ask, Gate, Permit, Shown, need_code};
use crate::portal::{COOKIE_NAME, GO_COOKIE, Portal, Reader, Visit, our_cookie, refusal};
use asked::Asked;
use log::Line;
use routes::Route;

/// The data plane of one gateway.
pub struct Proxy {
    gate: Arc<Gate>,
    portal: Portal,
    current: Arc<ArcSwap<Snapshot>>,
    log: AccessLog,
}

/// What one request carries from phase to phase.
pub struct Context {
    began: Moment,
    visit: Option<Visit>,
    host: String,
    route: Option<Arc<Route>>,
    permit: Option<Permit>,
    label: Label,
    decision: &'static str,
    reference: Option<String>,
    live: Option<LiveGauge>,
}

/// The app a request counts for.
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
    /// A data plane that serves whatever `current` holds.
    pub fn new(gate: Arc<Gate>, portal: Portal, current: Arc<ArcSwap<Snapshot>>, log: AccessLog) -> Self {
        Self { gate, portal, current, log }
    }

    /// The pingora app, ready to be given connections.
    pub(crate) fn into_app(self) -> Arc<Cuttable<HttpProxy<Self>>> {
        let conf = pingora::server::configuration::ServerConf {
            // Churning connections double the cost of a request (facts: an upstream pool of 4 instead of 128).
            upstream_keepalive_pool_size: 1024,
            ..Default::default()
        };
        let mut app = HttpProxy::new(self, Arc::new(conf));
        app.handle_init_modules();
        Arc::new(Cuttable(Arc::new(app)))
    }

    /// Everything up to the decision. `Ok(None)`: admitted, a permit is in the context.
    async fn enter(&self, session: &mut Session, context: &mut Context) -> pingora::Result<Option<Response<Bytes>>> {
        let snapshot = self.current.load_full();
        let peer = session.client_addr().and_then(|address| address.as_inet()).map(|address| address.ip());
        let request = session.req_header();
        let reader = asked::reader(&request.headers);
        let in_force = Arc::clone(&snapshot.in_force);
        let Some(peer) = peer else {
            // Only a socket without an address; there is none among our listeners.
            return Ok(Some(refusal::internal(&in_force, reader, &self.gate.reference())));
        };
        let claims = asked::claims(&request.headers);
        let resolved = match Gate::client(peer, &in_force.settings.trusted_proxies, &claims) {
            Ok(resolved) => resolved,
            Err(error) => {
                tracing::warn!(%peer, "refused a request: {error}");
                context.decision = "address_unknown";
                return Ok(Some(refusal::bad_request(
                    &in_force,
                    reader,
                    "The client's address could not be determined.",
                    &self.gate.reference(),
                )));
            }
        };
        drop(claims);
        let visit = Visit { in_force, resolved, reader };
        context.visit = Some(visit.clone());
        let raw = session.as_http1().map(pingora::protocols::http::v1::server::HttpSession::get_headers_raw_bytes);
        let asked = match Asked::read(request, raw.as_deref()) {
            Ok(asked) => asked,
            Err(unclear) => {
                if let Some(refused) = self.outside(&visit, context).await {
                    return Ok(Some(refused));
                }
                context.decision = "bad_request";
                let reference = self.gate.reference();
                return Ok(Some(if unclear == asked::Unclear::Method {
                    refusal::method_not_served(&visit, &reference)
                } else {
                    refusal::bad_request(&visit.in_force, reader, &sentence(&unclear.to_string()), &reference)
                }));
            }
        };
        asked.host.as_str().clone_into(&mut context.host);
        let portal_host = asked.host == *visit.in_force.settings.portal.host();
        let route = snapshot.route(&asked.host).cloned();
        if is_in_the_clear(session, &visit, peer) {
            let portal = portal_host.then(|| visit.in_force.settings.portal.origin());
            if let Some(origin) = portal.or_else(|| route.as_ref().map(|route| route.app.origin.as_str())) {
                if let Some(refused) = self.outside(&visit, context).await {
                    return Ok(Some(refused));
                }
                context.decision = "https_required";
                let to = is_repeatable(request).then(|| back_to(request, origin));
                return Ok(Some(refusal::in_the_clear(&visit, to.as_deref(), &self.gate.reference())));
            }
        }
        let ours = asked.path.as_str().starts_with(OUR_PATHS);
        let path = match (&route, portal_host || ours) {
            (Some(_), false) => asked.path.into_owned(),
            (None, false) => {
                if let Some(refused) = self.outside(&visit, context).await {
                    return Ok(Some(refused));
                }
                context.decision = "unknown_host";
                return Ok(Some(refusal::unknown_host(&visit, &self.gate.reference())));
            }
            (_, true) => {
                let on = if portal_host { None } else { route.as_ref().map(|route| Arc::clone(&route.app)) };
                if !portal_host && on.is_none() {
                    context.decision = "unknown_host";
                    if let Some(refused) = self.outside(&visit, context).await {
                        return Ok(Some(refused));
                    }
                    return Ok(Some(refusal::unknown_host(&visit, &self.gate.reference())));
                }
                return self.ours(session, context, &visit, on, snapshot.portal_authority()).await.map(Some);
            }
        };
        let Some(route) = route else { return Ok(Some(refusal::unknown_host(&visit, &self.gate.reference()))) };
        context.label = Label::App(Arc::clone(&route.label));
        Ok(self.admit(session, context, &visit, &route, &path).await)
    }

    /// Is the address outside the perimeter? Then the refusal.
    async fn outside(&self, visit: &Visit, context: &mut Context) -> Option<Response<Bytes>> {
        let ask = Ask {
            in_force: &visit.in_force,
            address: visit.resolved.client,
            goal: Goal::SignIn,
            shown: Shown::Nothing,
            cut: None,
        };
        match self.gate.admit(ask).await {
            Admission::Enter(_) => {
                context.decision = "allow";
                None
            }
            Admission::SignIn { need, .. } => {
                context.decision = need_code(need);
                Some(refusal::internal(&visit.in_force, visit.reader, &self.gate.reference()))
            }
            Admission::Refuse(denied) => {
                context.decision = denied.cause.code();
                context.reference = Some(denied.reference.to_string());
                Some(refusal::denied(visit, None, &denied))
            }
        }
    }

    /// The portal's pages, and our own few on app hosts. The perimeter first; the pages ask for the rest themselves.
    async fn ours(
        &self,
        session: &mut Session,
        context: &mut Context,
        visit: &Visit,
        on: Option<Arc<crate::config::AppSettings>>,
        portal_authority: &HeaderValue,
    ) -> pingora::Result<Response<Bytes>> {
        context.label = Label::Portal;
        if let Some(refused) = self.outside(visit, context).await {
            return Ok(refused);
        }
        let body = match answer::read_body(session).await? {
            Ok(body) => body,
            Err(answer::TooMuch) => {
                context.decision = "too_large";
                return Ok(refusal::too_large(visit, &self.gate.reference()));
            }
        };
        let request = answer::to_http(session.req_header(), portal_authority, body);
        Ok(self.portal.answer(request, visit.clone(), on).await)
    }

    /// An app: with cookie, bearer token or nothing.
    async fn admit(
        &self,
        session: &Session,
        context: &mut Context,
        visit: &Visit,
        route: &Arc<Route>,
        path: &CanonicalPath<'_>,
    ) -> Option<Response<Bytes>> {
        let request = session.req_header();
        let shown = shown(&request.headers, &route.app);
        let goal = Goal::App { app: &route.app.name, method: request.method.as_str(), path };
        let ask =
            Ask { in_force: &visit.in_force, address: visit.resolved.client, goal, shown, cut: cuttable::current() };
        match self.gate.admit(ask.clone()).await {
            Admission::Enter(permit) => {
                if asked::wants_upgrade(&request.headers) {
                    // A cookie travels with every page's WebSocket, whoever wrote the page (CSWSH, A24).
                    if matches!(shown, Shown::AppCookie(..))
                        && permit.visitor().is_some()
                        && !is_same_origin(&request.headers, &route.app.origin)
                    {
                        context.decision = "cross_site";
                        return Some(refusal::cross_site(visit, &self.gate.reference()));
                    }
                    let gauge = self.gate.metrics().live_connections.with_label_values(&["websocket"]);
                    context.live = Some(LiveGauge::up(gauge));
                }
                context.decision = "allow";
                context.permit = Some(permit);
                context.route = Some(Arc::clone(route));
                None
            }
            Admission::SignIn { need, visitor } => {
                context.decision = need_code(need);
                let back = back_to(request, &route.app.origin);
                let knows = our_cookie(&request.headers, GO_COOKIE);
                Some(refusal::sign_in(visit, &route.app, need, visitor.as_deref(), &back, knows, &self.gate))
            }
            Admission::Refuse(denied) => {
                context.decision = denied.cause.code();
                context.reference = Some(denied.reference.to_string());
                Some(refusal::denied(visit, Some(&route.app), &denied))
            }
        }
    }

    async fn send(&self, session: &mut Session, answer: Response<Bytes>) -> pingora::Result<()> {
        answer::write(session, answer).await
    }

    fn line(&self, session: &Session, context: &Context, status: u16, error: Option<&Error>) -> Line {
        let request = session.req_header();
        let visitor = context.permit.as_ref().and_then(Permit::visitor);
        let path = request.raw_path().split(|byte| *byte == b'?').next().unwrap_or_default();
        Line {
            ts: self.gate.clock().now().millis(),
            app: context.label.as_str().into(),
            host: context.host.clone(),
            method: request.method.as_str().chars().take(LOGGED_METHOD).collect(),
            path: match context.label {
                // Nobody's, it may still be a link of ours with a slip in it, such as `//invitation/…`.
                Label::Portal | Label::None => without_secrets(&String::from_utf8_lossy(path)),
                Label::App(_) => String::from_utf8_lossy(&path[..path.len().min(500)]).into_owned(),
            },
            status,
            bytes: session.body_bytes_sent(),
            duration_ms: u64::try_from(self.gate.clock().moment().since(context.began).as_millis()).unwrap_or(u64::MAX),
            client: context.visit.as_ref().map(|visit| visit.resolved.client.ip()),
            user: visitor.map(|visitor| visitor.person().name.to_string()),
            session: visitor.and_then(|visitor| {
                let session = visitor.session().map(|session| session.id.to_string());
                session.or_else(|| visitor.token().map(|token| token.id.to_string()))
            }),
            decision: context.decision,
            rule: context.permit.as_ref().map(|permit| format!("{}:{}", permit.rule().file, permit.rule().line)),
            reference: context.reference.clone(),
            error: error.map(|error| error.etype().as_str().to_owned()),
        }
    }
}

/// What was shown to an app: our token, else our cookie. A bearer token that is not one of ours beside a cookie belongs
/// to the app (its own scripts send it); without a cookie it is a wrong token of ours.
fn shown<'a>(headers: &'a HeaderMap, app: &'a crate::config::AppSettings) -> Shown<'a> {
    let cookie = our_cookie(headers, COOKIE_NAME);
    match (asked::bearer(headers), cookie) {
        (Some(token), Some(cookie)) if !is_ours(token) => Shown::AppCookie(&app.name, cookie),
        (Some(token), _) => Shown::Bearer(token),
        (None, Some(cookie)) => Shown::AppCookie(&app.name, cookie),
        (None, None) => Shown::Nothing,
    }
}

fn is_ours(token: &str) -> bool {
    token.starts_with("vst_") || token.starts_with(crate::gate::DEVICE_PREFIX)
}

fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    headers.get(ORIGIN).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
}

/// Did it come without TLS, past whatever could have ended it, to a gateway that offers TLS itself? Only a trusted proxy
/// speaks plain HTTP for people who don't.
fn is_in_the_clear(session: &Session, visit: &Visit, peer: std::net::IpAddr) -> bool {
    let settings = &visit.in_force.settings;
    let encrypted = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
    !encrypted
        && settings.portal.secure()
        && settings.listen.https.is_some()
        && !settings.trusted_proxies.contains_ip(peer)
}

fn is_repeatable(request: &RequestHeader) -> bool {
    request.method == http::Method::GET || request.method == http::Method::HEAD
}

/// Where to return after the sign-in: the same address for what can be repeated, the app's front page for the rest.
fn back_to(request: &RequestHeader, origin: &str) -> String {
    let repeatable = is_repeatable(request);
    let target = std::str::from_utf8(request.raw_path()).ok().filter(|path| repeatable && path.len() <= 2000);
    format!("{origin}{}", target.filter(|path| path.starts_with('/')).unwrap_or("/"))
}

/// Our own links carry secrets in their paths (invitations, flows): whatever is as long as one is not written down.
fn without_secrets(path: &str) -> String {
    let shown = path.split('/').map(|segment| if segment.len() > 32 { "…" } else { segment });
    shown.collect::<Vec<_>>().join("/").chars().take(200).collect()
}

/// A message with a capital and a full stop, for a page.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context {
            began: self.gate.clock().moment(),
            visit: None,
            host: String::new(),
            route: None,
            permit: None,
            label: Label::None,
            decision: "refuse",
            reference: None,
            live: None,
        }
    }

    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {
        // None: pingora's default compresses, which the apps do themselves.
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> pingora::Result<bool> {
        match self.enter(session, context).await? {
            None => Ok(false),
            Some(answer) => {
                self.send(session, answer).await?;
                Ok(true)
            }
        }
    }

    async fn upstream_peer(&self, session: &mut Session, context: &mut Context) -> pingora::Result<Box<HttpPeer>> {
        let (Some(permit), Some(route)) = (&context.permit, &context.route) else {
            return Err(Error::explain(ErrorType::InternalError, "no permit, no upstream"));
        };
        let peer = route
            .peer(permit)
            .ok_or_else(|| Error::explain(ErrorType::ConnectError, "the upstream's name can't be found").into_up())?;
        let upgrade = asked::wants_upgrade(&session.req_header().headers);
        Ok(if upgrade { upgrade::for_upgrade(peer) } else { peer })
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        upstream: &mut RequestHeader,
        context: &mut Context,
    ) -> pingora::Result<()> {
        let (Some(permit), Some(route), Some(visit)) = (&context.permit, &context.route, &context.visit) else {
            return Err(Error::explain(ErrorType::InternalError, "no permit, no upstream"));
        };
        let assertion = match permit.visitor() {
            None => None,
            Some(visitor) => match self.gate.assertion(&visit.in_force, visitor, &route.app.name) {
                Ok(assertion) => Some(assertion),
                Err(error) => {
                    tracing::error!(%error, "an assertion could not be signed; the request is refused");
                    return Err(Error::explain(ErrorType::InternalError, "no assertion"));
                }
            },
        };
        let said = headers::Said {
            visitor: permit.visitor().map(AsRef::as_ref),
            assertion,
            address: visit.resolved.client,
            scheme: if visit.in_force.settings.portal.secure() { "https" } else { "http" },
            authority: &route.authority,
            pass_authorization: route.app.pass_authorization,
        };
        headers::seal(upstream, &said);
        upstream.insert_header(HOST, route.authority.clone())?;
        Ok(())
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        _context: &mut Context,
    ) -> pingora::Result<()> {
        if let Some(kept) = headers::seal_answer(&response.headers) {
            response.remove_header(&SET_COOKIE);
            for cookie in kept {
                response.append_header(SET_COOKIE, cookie)?;
            }
        }
        Ok(())
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, context: &mut Context) -> FailToProxy {
        let status = failure(error);
        let written = session.response_written().is_some();
        if let (Some(status), false) = (status, written) {
            let reference = self.gate.reference();
            context.reference = Some(reference.to_string());
            let answer = match (&context.visit, &context.route) {
                (Some(visit), _) if status.is_client_error() => {
                    let sentence = "This request could not be forwarded as it is.";
                    refusal::bad_request(&visit.in_force, visit.reader, sentence, &reference)
                }
                (Some(visit), Some(route)) => refusal::app_down(visit, &route.app, status, &reference),
                (Some(visit), None) => refusal::internal(&visit.in_force, visit.reader, &reference),
                (None, _) => refusal::internal(&self.current.load().in_force, Reader::Program, &reference),
            };
            session.set_keepalive(None);
            if let Err(error) = self.send(session, answer).await {
                tracing::debug!(%error, "the client was gone before it could be told");
            }
        }
        FailToProxy { error_code: status.map_or(0, |status| status.as_u16()), can_reuse_downstream: false }
    }

    fn suppress_error_log(&self, _session: &Session, _context: &Context, error: &Error) -> bool {
        // Clients that go away are everyday.
        *error.esource() == ErrorSource::Downstream
    }

    /// For pingora's own error lines. Without the query, which holds secrets of apps, and without paths of ours.
    fn request_summary(&self, session: &Session, context: &Context) -> String {
        let line = self.line(session, context, 0, None);
        format!("{} {}, Host: {}", line.method, line.path, line.host)
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, context: &mut Context) {
        let status = session.response_written().map_or(0, |response| response.status.as_u16());
        let metrics = self.gate.metrics();
        metrics.requests.with_label_values(&[context.label.as_str(), code_label(status)]).inc();
        let took = self.gate.clock().moment().since(context.began).as_secs_f64();
        match &context.route {
            Some(route) => route.duration.observe(took),
            None => metrics.request_duration.with_label_values(&[context.label.as_str()]).observe(took),
        }
        self.log.write(|| self.line(session, context, status, error));
    }
}

/// What a failed request is answered with; `None`: the client is gone.
fn failure(error: &Error) -> Option<StatusCode> {
    match (error.etype(), error.esource()) {
        (ErrorType::HTTPStatus(code), _) => StatusCode::from_u16(*code).ok(),
        (
            ErrorType::ConnectTimedout | ErrorType::ReadTimedout | ErrorType::TLSHandshakeTimedout,
            ErrorSource::Upstream,
        ) => Some(StatusCode::GATEWAY_TIMEOUT),
        (_, ErrorSource::Upstream) => Some(StatusCode::BAD_GATEWAY),
        (ErrorType::WriteError | ErrorType::ReadError | ErrorType::ConnectionClosed, ErrorSource::Downstream) => None,
        (_, ErrorSource::Downstream) => Some(StatusCode::BAD_REQUEST),
        (_, ErrorSource::Internal | ErrorSource::Unset) => Some(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Codes that apps make up don't make series.
fn code_label(status: u16) -> &'static str {
    match status {
        0 => "none",
        101 => "101",
        200 => "200",
        204 => "204",
        206 => "206",
        301 => "301",
        302 => "302",
        303 => "303",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        413 => "413",
        421 => "421",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

impl headers::Headers for RequestHeader {
    fn map(&self) -> &HeaderMap {
        &self.headers
    }

    fn remove(&mut self, name: &HeaderName) {
        self.remove_header(name);
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.insert_header(name, value).expect("names and values are valid already");
    }
}

/// As much of a method as is logged; what is longer was not served.
const LOGGED_METHOD: usize = 32;
/// On an app's host, everything below this is ours and never the app's.
const OUR_PATHS: &str = "/.vestibule/";
