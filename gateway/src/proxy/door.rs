//! Everything up to the decision: from where, to what, with what, and then the gate.
//!
//! The answer is a [`Permit`](crate::gate::Permit) in the request's context, or a response of our own: a refusal, the way to
//! the sign-in, a page of the portal. The perimeter is asked before anything else is said, also to requests that make no
//! sense.

use std::sync::Arc;

use access::network::{Believed, Claims, Resolved};
use access::policy::{Certificate, Goal};
use access::target::{CanonicalPath, HostName};
use bytes::Bytes;
use http::header::ORIGIN;
use http::{HeaderMap, Response};
use pingora::http::RequestHeader;
use pingora::protocols::Digest;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use super::asked::{self, Asked, Claimed, Unclear};
use super::connection::Facts;
use super::log::Who;
use super::routes::{Route, Snapshot};
use super::{Context, Label, LiveGauge, Proxy, Seen, answer, cuttable, opening};
use crate::config::{AppSettings, ClientCertificate, InForce};
use crate::gate::{Admission, Ask, Coming, Gate, OfApp, Permit, Shown, need_code};
use crate::portal::refusal::{self, Addressee};
use crate::portal::{CHANGE_PASSWORD, COOKIE_NAME, GO_COOKIE, Visit, language, our_cookie};

/// A request's header, whoever read it, and what is known about the connection it came on.
#[derive(Clone, Copy)]
pub(super) struct Came<'a> {
    pub(super) header: &'a RequestHeader,
    /// As it came, where the protocol has lines.
    pub(super) raw: Option<&'a [u8]>,
    pub(super) digest: Option<&'a Digest>,
}

/// What becomes of a request at the door.
pub(super) enum Entered {
    /// It is admitted: a permit is in the context.
    In,
    /// We answer it. `last`: nothing else may follow on this connection.
    Answered { answer: Response<Bytes>, last: bool },
    /// It is for the portal's pages, or our own few on an app's host.
    Ours { visit: Visit, on: Option<Arc<AppSettings>> },
}

impl Came<'_> {
    /// Who is at the other end of the connection.
    fn peer(&self) -> Option<std::net::IpAddr> {
        let digest = self.digest?.socket_digest.as_ref()?;
        Some(digest.peer_addr()?.as_inet()?.ip())
    }
}

impl Entered {
    const fn answered(answer: Response<Bytes>) -> Self {
        Self::Answered { answer, last: false }
    }
}

impl Proxy {
    /// Everything up to the decision.
    pub(super) async fn enter(&self, came: Came<'_>, context: &mut Context) -> pingora::Result<Entered> {
        let snapshot = self.current.load_full();
        let headers = &came.header.headers;
        context.coming = our_cookie(headers, COOKIE_NAME).map(|cookie| self.gate.expect(cookie));
        let resolved = match self.resolve(came, &snapshot.in_force) {
            Ok(resolved) => resolved,
            Err(answer) => {
                context.decision = "address_unknown";
                return Ok(Entered::Answered { answer, last: true });
            }
        };
        let in_the_clear = is_in_the_clear(came.digest, &snapshot, &resolved);
        context.seen = Some(Seen { snapshot: Arc::clone(&snapshot), resolved });
        self.draw_nearer(context);
        let known = |authority: &[u8]| snapshot.host(authority);
        let mut route = None;
        let tolerated = |host: &HostName| {
            route = snapshot.route(host);
            route.map(|route| route.app.paths_may_contain).unwrap_or_default()
        };
        let asked = match Asked::read(came.header, came.raw, known, tolerated) {
            Ok(asked) => asked,
            Err(unclear) => {
                let visit = context.visit(headers).ok_or_else(unseen)?;
                let answer = self.unclear(&visit, context, unclear).await;
                // Who disagrees with us about this request may disagree about where the next one begins.
                return Ok(Entered::Answered { answer, last: true });
            }
        };
        self.draw_nearer(context);
        context.host = Some(asked.host.clone());
        if !opening::serves(came.digest, &asked.host) {
            let visit = context.visit(headers).ok_or_else(unseen)?;
            return Ok(Entered::answered(self.misdirected(&visit, context).await));
        }
        // Also if only one reading of the path is ours: the app must not answer there.
        let is_ours = asked.path.readings().any(|reading| reading.starts_with(OUR_PATHS) || reading == CHANGE_PASSWORD);
        if let Some(route) = route.filter(|_| !is_ours && !in_the_clear) {
            let certificate = match route.app.client_certificate {
                ClientCertificate::NotAsked => Some(Certificate::NotShown),
                ClientCertificate::Required => opening::certificate(came.digest, snapshot.certificates().authority()),
            };
            let Some(certificate) = certificate else {
                let visit = context.visit(headers).ok_or_else(unseen)?;
                return Ok(Entered::answered(self.misdirected(&visit, context).await));
            };
            context.label = Label::App(Arc::clone(&route.label));
            let refused = self.admit(came, context, &snapshot, route, certificate, &asked.path).await?;
            return Ok(refused.map_or(Entered::In, Entered::answered));
        }
        let portal = &snapshot.in_force.settings.portal;
        let at_portal = asked.host == *portal.host();
        let visit = context.visit(headers).ok_or_else(unseen)?;
        let origin = if at_portal { Some(portal.origin()) } else { route.map(|route| route.app.origin.as_str()) };
        if let Some(origin) = origin.filter(|_| in_the_clear) {
            return Ok(Entered::answered(self.in_the_clear(came.header, &visit, context, origin).await));
        }
        if at_portal || route.is_some() {
            let on = route.filter(|_| !at_portal).map(|route| Arc::clone(&route.app));
            return Ok(Entered::Ours { visit, on });
        }
        let refused = self.outside(&visit, context).await;
        Ok(Entered::answered(refused.unwrap_or_else(|| {
            context.decision = "unknown_host";
            refusal::unknown_host(&visit, &self.gate.reference())
        })))
    }

    fn draw_nearer(&self, context: &mut Context) {
        if let Some(coming) = &mut context.coming {
            self.gate.draw_nearer(coming);
        }
    }

    /// The request's true address. `Err`: it can't be known, and that is a refusal.
    fn resolve(&self, came: Came<'_>, in_force: &Arc<InForce>) -> Result<Resolved, Response<Bytes>> {
        let headers = &came.header.headers;
        let refused = || {
            let to = Addressee::of(in_force, asked::reader(headers), language::of(headers));
            refusal::bad_request(to, &to.say("client-address-unknown"), &self.gate.reference())
        };
        let peer = came.peer().ok_or_else(refused)?;
        let settings = &in_force.settings;
        let believed = Believed {
            proxy_protocol: Some(&settings.proxy_protocol),
            trusted_proxies: Some(&settings.trusted_proxies),
        };
        let proxied = Facts::of(came.digest).and_then(|facts| facts.opening.proxied());
        let claims = Claims { proxied, headers: Some(&Claimed(headers)) };
        Gate::client(peer, &believed, &claims).map_err(|error| {
            tracing::warn!(%peer, "refused a request: {error}");
            refused()
        })
    }

    /// The request could be read in two ways. From outside the perimeter not even that is said.
    async fn unclear(&self, visit: &Visit, context: &mut Context, unclear: Unclear) -> Response<Bytes> {
        if let Some(refused) = self.outside(visit, context).await {
            return refused;
        }
        context.decision = "bad_request";
        let reference = self.gate.reference();
        match unclear {
            Unclear::Method => refusal::method_not_served(visit, &reference),
            Unclear::Large => refusal::header_too_large(visit, &reference),
            other => refusal::unclear(visit.into(), &sentence(&other.to_string()), &reference),
        }
    }

    /// A request for one host on a connection that was opened to another. The perimeter first, then come again.
    async fn misdirected(&self, visit: &Visit, context: &mut Context) -> Response<Bytes> {
        if let Some(refused) = self.outside(visit, context).await {
            return refused;
        }
        context.decision = "misdirected";
        refusal::misdirected(visit, &self.gate.reference())
    }

    /// No secret may travel so: the perimeter first, then where to come instead.
    async fn in_the_clear(
        &self,
        request: &RequestHeader,
        visit: &Visit,
        context: &mut Context,
        origin: &str,
    ) -> Response<Bytes> {
        if let Some(refused) = self.outside(visit, context).await {
            return refused;
        }
        context.decision = "https_required";
        let to = is_repeatable(request).then(|| back_to(request, origin));
        refusal::in_the_clear(visit, to.as_deref(), &self.gate.reference())
    }

    /// Is the address outside the perimeter? Then the refusal.
    async fn outside(&self, visit: &Visit, context: &mut Context) -> Option<Response<Bytes>> {
        let ask = Ask {
            in_force: &visit.in_force,
            address: visit.resolved.client,
            certificate: Certificate::NotShown,
            goal: Goal::SignIn,
            shown: Shown::Nothing,
            app: None,
            hold: None,
        };
        match self.gate.admit(ask).await {
            Admission::Enter(_) => {
                context.decision = "allow";
                None
            }
            Admission::SignIn { need, .. } => {
                context.decision = need_code(need);
                Some(refusal::internal(visit.into(), &self.gate.reference()))
            }
            Admission::Refuse(denied) => {
                context.decision = denied.cause.code();
                context.reference = Some(denied.reference.to_string());
                Some(refusal::denied(visit, None, &denied))
            }
        }
    }

    /// The portal's pages, and our own few on app hosts. The perimeter first; the pages ask for the rest themselves.
    pub(super) async fn ours(
        &self,
        session: &mut Session,
        context: &mut Context,
        visit: Visit,
        on: Option<Arc<AppSettings>>,
    ) -> pingora::Result<Response<Bytes>> {
        context.label = Label::Portal;
        let snapshot = Arc::clone(&context.seen.as_ref().ok_or_else(unseen)?.snapshot);
        if let Some(refused) = self.outside(&visit, context).await {
            return Ok(refused);
        }
        let body = match answer::read_body(session).await? {
            Ok(body) => body,
            Err(answer::TooMuch) => {
                context.decision = "too_large";
                return Ok(refusal::too_large(&visit, &self.gate.reference()));
            }
        };
        let request = answer::to_http(session.req_header(), snapshot.portal_authority(), body);
        Ok(self.portal.answer(request, visit, on).await)
    }

    /// An app: with cookie, bearer token or nothing.
    async fn admit(
        &self,
        came: Came<'_>,
        context: &mut Context,
        snapshot: &Snapshot,
        route: &Arc<Route>,
        certificate: Certificate,
        path: &CanonicalPath<'_>,
    ) -> pingora::Result<Option<Response<Bytes>>> {
        let request = came.header;
        let shown = shown(&request.headers, context.coming, &route.app, &snapshot.in_force);
        let address = context.seen.as_ref().ok_or_else(unseen)?.resolved.client;
        let ask = Ask {
            in_force: &snapshot.in_force,
            address,
            certificate,
            goal: Goal::App { app: &route.app.name, method: request.method.as_str(), path },
            shown,
            app: Some(OfApp { counts: &route.metrics, limits: &route.app.limits }),
            hold: cuttable::hold(Facts::of(came.digest)),
        };
        match self.gate.admit(ask).await {
            Admission::Enter(permit) => self.let_in(request, context, route, shown, permit),
            Admission::SignIn { need, visitor } => {
                context.decision = need_code(need);
                let visit = context.visit(&request.headers).ok_or_else(unseen)?;
                let back = back_to(request, &route.app.origin);
                let knows = our_cookie(&request.headers, GO_COOKIE);
                let answer = refusal::sign_in(&visit, &route.app, need, visitor.as_deref(), &back, knows, &self.gate);
                Ok(Some(offering_basic(answer, &request.headers, route, &visit)))
            }
            Admission::Refuse(denied) => {
                context.decision = denied.cause.code();
                context.reference = Some(denied.reference.to_string());
                let visit = context.visit(&request.headers).ok_or_else(unseen)?;
                let answer = refusal::denied(&visit, Some(&route.app), &denied);
                Ok(Some(offering_basic(answer, &request.headers, route, &visit)))
            }
        }
    }

    /// The permit goes into the context.
    fn let_in(
        &self,
        request: &RequestHeader,
        context: &mut Context,
        route: &Arc<Route>,
        shown: Shown<'_>,
        permit: Permit,
    ) -> pingora::Result<Option<Response<Bytes>>> {
        if asked::wants_upgrade(&request.headers) {
            // A cookie travels with every page's WebSocket, whoever wrote the page (CSWSH, A24). So does a password that a
            // browser keeps; programs send no Origin.
            let travels = match shown {
                Shown::AppCookie(..) => true,
                Shown::Basic { .. } => request.headers.contains_key(ORIGIN),
                Shown::Nothing | Shown::PortalCookie(_) | Shown::Bearer(_) => false,
            };
            if travels && permit.visitor().is_some() && !is_same_origin(&request.headers, &route.app.origin) {
                context.decision = "cross_site";
                let visit = context.visit(&request.headers).ok_or_else(unseen)?;
                return Ok(Some(refusal::cross_site(&visit, &self.gate.reference())));
            }
            let gauge = self.gate.metrics().live_connections.with_label_values(&["websocket"]);
            context.live = Some(LiveGauge::up(gauge));
        }
        context.decision = "allow";
        if let Some(visitor) = permit.visitor() {
            self.gate.expect_introduction(visitor);
            context.who = Some(Who::of(visitor));
        }
        context.permit = Some(permit);
        context.route = Some(Arc::clone(route));
        Ok(None)
    }
}

/// A refusal with the offer to show an app password, where the app takes them and a program asks. A browser would put up a
/// window in which people type the password that is never accepted.
fn offering_basic(mut answer: Response<Bytes>, headers: &HeaderMap, route: &Route, visit: &Visit) -> Response<Bytes> {
    if route.app.takes_app_passwords && !asked::is_of_a_browser(headers) {
        refusal::offer_basic(&mut answer, visit);
    }
    answer
}

/// What was shown to an app: an app password where it takes them, a token for us, else our cookie. A bearer token that is
/// not for us beside a cookie belongs to the app (its own scripts send it); without a cookie it is a wrong token of ours.
fn shown<'a>(headers: &'a HeaderMap, cookie: Option<Coming>, app: &'a AppSettings, in_force: &InForce) -> Shown<'a> {
    if app.takes_app_passwords
        && let Some(credentials) = asked::basic(headers)
    {
        return Shown::Basic { credentials, client: asked::client(headers) };
    }
    match (asked::bearer(headers), cookie) {
        (Some(token), Some(cookie)) if !Gate::is_for_us(in_force, token) => Shown::AppCookie(&app.name, cookie),
        (Some(token), _) => Shown::Bearer(token),
        (None, Some(cookie)) => Shown::AppCookie(&app.name, cookie),
        (None, None) => Shown::Nothing,
    }
}

fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    headers.get(ORIGIN).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
}

/// Did it come without TLS, past whatever could have ended it, to a gateway that offers TLS itself? Only a trusted proxy
/// speaks plain HTTP for people who don't.
fn is_in_the_clear(digest: Option<&Digest>, snapshot: &Snapshot, resolved: &Resolved) -> bool {
    let settings = &snapshot.in_force.settings;
    let encrypted = digest.is_some_and(|digest| digest.ssl_digest.is_some());
    !encrypted && !resolved.by_trusted_proxy() && settings.portal.secure() && settings.listen.https.is_some()
}

/// The context was filled in a line above; without it nobody is let in.
fn unseen() -> Box<Error> {
    Error::explain(ErrorType::InternalError, "a request whose circumstances are not known")
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

/// A message with a capital and a full stop, for a page.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// On an app's host, everything below this is ours and never the app's.
const OUR_PATHS: &str = "/.vestibule/";
