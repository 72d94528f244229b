//! What does somebody read who is not let in? A page for people, a problem document for programs, nothing for attackers.
//!
//! The rules, the names of others and what exists behind the gateway appear in none of them. Each carries a reference code
//! that leads an administrator to the whole story (N5, Z4, A7).

use std::sync::Arc;
use std::time::Duration;

use access::policy::{Need, Reason};
use axum::body::Body;
use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use super::app_host::GO_COOKIE;
use super::cookies::set_cookie;
use super::pages::{
    ADDRESS_REFUSED, AppDown, BadRequest, CertificateRequired, Frame, NotAllowed, Page, Pause, Refused, Style,
    TokenOnly, Unavailable,
};
use super::respond::{Problem, dress, protect};
use super::return_to::{Go, Target};
use super::{Reader, Visit};
use crate::config::{AppSettings, InForce};
use crate::gate::{Cause, Denied, Gate, Reference, Visitor, random_secret};
use crate::store::vault::Digest;
use crate::words::{Language, Said};

/// A no from the gate, at an app (`Some`) or at the portal.
pub fn denied(visit: &Visit, app: Option<&AppSettings>, denied: &Denied) -> Response<Bytes> {
    let settings = &visit.in_force.settings;
    let reference = denied.reference.as_str();
    let told = Told::of(denied.cause, visit);
    let by_token = denied.visitor.as_ref().is_some_and(|visitor| visitor.token_id().is_some());
    if visit.reader == Reader::Program || by_token {
        let mut problem = Problem::new(told.status, denied.cause.code(), told.title, &told.detail);
        problem.reference = Some(reference);
        let mut answer = problem.answer(&settings.portal);
        if told.status == StatusCode::UNAUTHORIZED || (by_token && told.status == StatusCode::FORBIDDEN) {
            challenge(&mut answer, visit, told.bearer_error);
        }
        if told.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if let Cause::TooMany(wait) | Cause::TooManyTries(wait) = denied.cause {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        return answer;
    }
    let frame = frame(visit);
    match denied.cause {
        Cause::Rules(Reason::ClientCertificateRequired) => {
            let unnamed = frame.say("unnamed-page-at-start").plain();
            let app = app.map_or(unnamed.as_str(), |app| app.title.as_str());
            html(visit, told.status, &CertificateRequired { frame, app, reference })
        }
        Cause::TooMany(wait) | Cause::TooManyTries(wait) => {
            let seconds = whole_seconds(wait);
            let mut answer =
                html(visit, told.status, &Unavailable { frame, why: Pause::TooMany { seconds }, reference });
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            answer
        }
        Cause::Rules(Reason::AddressNotAllowed) => {
            html(visit, told.status, &Refused { frame, address: visit.resolved.client.ip(), reference })
        }
        Cause::Unavailable => html(visit, told.status, &Unavailable { frame, why: Pause::Store, reference }),
        Cause::Rules(_) | Cause::TokenInvalid | Cause::AppPasswordInvalid => {
            let switch = settings.portal.join("/sign-in?start=again");
            let unnamed = frame.say("unnamed-page").plain();
            let page = NotAllowed {
                frame,
                username: denied.visitor.as_ref().map_or("", |visitor| visitor.person().name.as_str()),
                app: app.map_or(unnamed.as_str(), |app| app.title.as_str()),
                reference,
                switch: &switch,
                home: &settings.portal.join("/"),
            };
            html(visit, told.status, &page)
        }
    }
}

/// What has to be shown first: browsers are sent to the portal, programs are told.
pub fn sign_in(
    visit: &Visit,
    app: &Arc<AppSettings>,
    need: Need,
    visitor: Option<&Visitor>,
    back_to: &str,
    browser: Option<&str>,
    gate: &Gate,
) -> Response<Bytes> {
    let settings = &visit.in_force.settings;
    if visit.reader == Reader::Browser && need != Need::Token {
        return to_portal(visit, app, back_to, browser, gate);
    }
    let reference = gate.reference();
    if visit.reader == Reader::Browser {
        let page = TokenOnly { frame: frame(visit), app: &app.title, reference: reference.as_str() };
        return html(visit, StatusCode::UNAUTHORIZED, &page);
    }
    let by_app_password = format!(
        "Sign in in a browser, send a bearer token, or show your user name and an app password. {}",
        where_made(visit)
    );
    let (title, detail) = match need {
        Need::Credentials if app.takes_app_passwords => ("Sign-in required", by_app_password.as_str()),
        Need::Credentials => ("Sign-in required", "Sign in in a browser, or send a bearer token."),
        Need::SecondStep(_) => ("Second step required", "This needs a second sign-in step, in a browser."),
        Need::Fresh => ("Fresh sign-in required", "This needs a proof younger than the one at hand, in a browser."),
        Need::Token => ("Token required", "Only bearer tokens are admitted here."),
    };
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, crate::gate::need_code(need), title, detail);
    problem.reference = Some(reference.as_str());
    problem.sign_in = (need != Need::Token && visitor.is_none_or(|visitor| visitor.token_id().is_none()))
        .then(|| settings.portal.join("/sign-in"));
    let mut answer = problem.answer(&settings.portal);
    challenge(&mut answer, visit, None);
    answer
}

/// 303 to the portal, which sends the browser back with a hand-off that only this browser can use.
fn to_portal(
    visit: &Visit,
    app: &Arc<AppSettings>,
    back_to: &str,
    browser: Option<&str>,
    gate: &Gate,
) -> Response<Bytes> {
    let settings = &visit.in_force.settings;
    let (nonce, fresh) = match browser {
        Some(nonce) => (nonce.to_owned(), false),
        None => (random_secret().expose().clone(), true),
    };
    let Digest(digest) = gate.vault().digest("browser", nonce.as_bytes());
    let target =
        Target::parse(settings, back_to).unwrap_or_else(|| Target { app: Arc::clone(app), path: "/".to_owned() });
    let go = Go { target, browser: data_encoding::HEXLOWER.encode(&digest) };
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::try_from(settings.portal.join(&go.path())) {
        answer.headers_mut().insert(LOCATION, location);
    }
    protect(answer.headers_mut(), &settings.portal);
    if fresh {
        set_cookie(&mut answer, GO_COOKIE, &nonce, 15 * 60);
    }
    answer.map(|_| Bytes::new())
}

/// Who is answered, under which configuration and in which language, also where their address is not known.
#[derive(Clone, Copy)]
pub struct Addressee<'a> {
    in_force: &'a InForce,
    reader: Reader,
    language: Language,
}

impl<'a> Addressee<'a> {
    /// Whoever sent these.
    pub fn of(in_force: &'a InForce, reader: Reader, language: Language) -> Self {
        Self { in_force, reader, language }
    }

    /// Nobody knows who.
    pub fn program(in_force: &'a InForce) -> Self {
        Self { in_force, reader: Reader::Program, language: Language::English }
    }

    /// A sentence for them: people have it in their language, programs in English.
    pub fn say(self, id: &'static str) -> Said {
        match self.reader {
            Reader::Browser => self.language.say(id),
            Reader::Program => Language::English.say(id),
        }
    }

    fn frame(self) -> Frame<'a> {
        Frame {
            organization: &self.in_force.settings.organization,
            style: Style::Inline,
            banner: None,
            language: self.language,
            can_switch: false,
        }
    }
}

impl<'a> From<&'a Visit> for Addressee<'a> {
    fn from(visit: &'a Visit) -> Self {
        Self { in_force: &visit.in_force, reader: visit.reader, language: visit.language }
    }
}

/// The request makes no sense, or its form is not ours. `sentence`: as [`Addressee::say`] says it.
pub fn bad_request(to: Addressee<'_>, sentence: &Said, reference: &Reference) -> Response<Bytes> {
    let kind = Kind { status: StatusCode::BAD_REQUEST, code: "bad_request", title: "Bad request" };
    sentence_of_ours(to, kind, sentence, reference)
}

/// The request could be read in two ways. `sentence` is English: what reads requests speaks nothing else.
pub fn unclear(to: Addressee<'_>, sentence: &str, reference: &Reference) -> Response<Bytes> {
    let kind = Kind { status: StatusCode::BAD_REQUEST, code: "bad_request", title: "Bad request" };
    one_sentence(to, kind, sentence, Language::English, reference)
}

/// CONNECT and TRACE.
pub fn method_not_served(visit: &Visit, reference: &Reference) -> Response<Bytes> {
    let to = Addressee::from(visit);
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let kind = Kind { status, code: "method_not_served", title: "Method not served" };
    sentence_of_ours(to, kind, &to.say("method-not-served"), reference)
}

/// More header than is looked at (RFC 6585 §5).
pub fn header_too_large(visit: &Visit, reference: &Reference) -> Response<Bytes> {
    let to = Addressee::from(visit);
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let kind = Kind { status, code: "header_too_large", title: "Header too large" };
    sentence_of_ours(to, kind, &to.say("header-too-large"), reference)
}

/// Nothing is served without TLS, and no password taken: a browser that only looks is sent to `to`, everything else is told
/// (ASVS 4.1.2: a program whose token went over the wire must notice).
pub fn in_the_clear(visit: &Visit, to: Option<&str>, reference: &Reference) -> Response<Bytes> {
    let settings = &visit.in_force.settings;
    if let (Reader::Browser, Some(Ok(location))) = (visit.reader, to.map(HeaderValue::try_from)) {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
        answer.headers_mut().insert(LOCATION, location);
        protect(answer.headers_mut(), &settings.portal);
        return answer;
    }
    let to = Addressee::from(visit);
    let kind = Kind { status: StatusCode::FORBIDDEN, code: "https_required", title: "https required" };
    sentence_of_ours(to, kind, &to.say("https-only"), reference)
}

/// Nothing of ours has this host name (RFC 9110 §15.5.20).
pub fn unknown_host(visit: &Visit, reference: &Reference) -> Response<Bytes> {
    let to = Addressee::from(visit);
    let kind = Kind { status: StatusCode::MISDIRECTED_REQUEST, code: "unknown_host", title: "No such host" };
    sentence_of_ours(to, kind, &to.say("no-app-of-this-name"), reference)
}

/// The request came on a connection that was opened to another of our hosts, whose TLS handshake says nothing about this
/// one. Browsers that share connections open one of its own and ask again (RFC 9110 §15.5.20).
pub fn misdirected(visit: &Visit, reference: &Reference) -> Response<Bytes> {
    let to = Addressee::from(visit);
    let kind = Kind { status: StatusCode::MISDIRECTED_REQUEST, code: "misdirected", title: "Wrong connection" };
    sentence_of_ours(to, kind, &to.say("connection-to-another-host"), reference)
}

/// A form or document beyond what the portal takes.
pub fn too_large(visit: &Visit, reference: &Reference) -> Response<Bytes> {
    let to = Addressee::from(visit);
    let kind = Kind { status: StatusCode::PAYLOAD_TOO_LARGE, code: "too_large", title: "Too large" };
    sentence_of_ours(to, kind, &to.say("sent-too-large"), reference)
}

/// A WebSocket that another site's page opened with this browser's cookie (RFC 6455 §10.2).
pub fn cross_site(visit: &Visit, reference: &Reference) -> Response<Bytes> {
    let detail = "The Origin of this WebSocket is not the app's own.";
    let mut problem = Problem::new(StatusCode::FORBIDDEN, "cross_site", "Cross-site connection", detail);
    problem.reference = Some(reference.as_str());
    problem.answer(&visit.in_force.settings.portal)
}

/// The app doesn't answer: 502, 503 or 504, and which app.
pub fn app_down(visit: &Visit, app: &AppSettings, status: StatusCode, reference: &Reference) -> Response<Bytes> {
    let what = match status {
        StatusCode::GATEWAY_TIMEOUT => "takes too long to answer",
        StatusCode::SERVICE_UNAVAILABLE => "can't take more requests at the moment",
        _ => "does not answer",
    };
    let detail = format!("{} {what}.", app.title);
    let kind = Kind { status, code: "app_unavailable", title: "App not available" };
    let mut answer = both(visit.into(), kind, &detail, reference, |frame| {
        AppDown { frame, app: &app.title, status: status.as_u16(), reference: reference.as_str() }.html()
    });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    answer
}

/// Something of ours failed. Nothing was let through.
pub fn internal(to: Addressee<'_>, reference: &Reference) -> Response<Bytes> {
    let kind = Kind { status: StatusCode::INTERNAL_SERVER_ERROR, code: "internal", title: "Internal error" };
    let detail = "The gateway could not serve this request.";
    both(to, kind, detail, reference, |frame| {
        Unavailable { frame, why: Pause::Store, reference: reference.as_str() }.html()
    })
}

/// The gateway itself can't serve now.
pub(super) fn unavailable(visit: &Visit, why: Pause, reference: &Reference) -> Response<Bytes> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let (code, detail) = match why {
        Pause::Store => {
            ("unavailable", "The gateway can't check who you are at the moment. Try again in a few seconds.")
        }
        Pause::Busy => ("busy", "Many people are signing in. Try again in a few seconds."),
        Pause::TooMany { .. } => ("too_many_requests", "Too many requests came from here. Try again in a few seconds."),
    };
    let kind = Kind { status, code, title: "Try again in a moment" };
    let mut answer = both(visit.into(), kind, detail, reference, |frame| {
        Unavailable { frame, why, reference: reference.as_str() }.html()
    });
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// What each cause is called towards the one who is refused.
struct Told {
    status: StatusCode,
    title: &'static str,
    detail: String,
    bearer_error: Option<&'static str>,
}

impl Told {
    fn of(cause: Cause, visit: &Visit) -> Self {
        let address = visit.resolved.client;
        let told =
            |status, title, detail: &str, bearer_error| Self { status, title, detail: detail.to_owned(), bearer_error };
        let (denied, unknown) = (StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED);
        match cause {
            Cause::Rules(Reason::AddressNotAllowed) => {
                let detail =
                    format!("Requests from {address} are not admitted. An administrator can look up the reference.");
                told(denied, ADDRESS_REFUSED, &detail, Some("insufficient_scope"))
            }
            Cause::Rules(Reason::ClientCertificateRequired) => {
                let detail = "This opens only to clients that show a certificate by the organization's authority.";
                let detail = format!("{detail} Install one, open a new connection and try again.");
                told(denied, "Client certificate required", &detail, None)
            }
            Cause::TooMany(wait) => {
                let detail = format!("More requests came than are allowed. Try again in {} s.", whole_seconds(wait));
                told(StatusCode::TOO_MANY_REQUESTS, "Too many requests", &detail, None)
            }
            Cause::Rules(Reason::NotAllowed) => {
                told(denied, "Not allowed", "This is not open to you.", Some("insufficient_scope"))
            }
            Cause::Rules(Reason::MethodNotAllowed) => {
                told(denied, "Method not allowed", "This method is not open to you here.", Some("insufficient_scope"))
            }
            Cause::Rules(Reason::AmbiguousPath) => {
                let detail = "This path can be read in several ways, and not all of them lead to the same rule.";
                told(StatusCode::BAD_REQUEST, "Ambiguous path", detail, None)
            }
            Cause::Rules(Reason::TokenNotForApp) => {
                told(denied, "Token not valid here", "This token does not open this app.", Some("insufficient_scope"))
            }
            Cause::Rules(Reason::TokenExpired) => {
                told(unknown, "Token expired", "This token is past its date. Ask for a new one.", Some("invalid_token"))
            }
            Cause::Rules(Reason::TokenRevoked) => {
                told(unknown, "Token revoked", "This token is not valid any more.", Some("invalid_token"))
            }
            Cause::TokenInvalid => told(unknown, "Token not valid", "This token is not valid.", Some("invalid_token")),
            Cause::AppPasswordInvalid => {
                let detail = "User name and app password don't belong together. Your own password is not taken here.";
                told(unknown, "App password not valid", &format!("{detail} {}", where_made(visit)), None)
            }
            Cause::Rules(Reason::AppPasswordExpired) => {
                let detail = format!("This app password is past its date. {}", where_made(visit));
                told(unknown, "App password expired", &detail, None)
            }
            Cause::Rules(Reason::AppPasswordRevoked) => {
                told(unknown, "App password revoked", "This app password is not valid any more.", None)
            }
            Cause::Rules(Reason::AppPasswordNotForApp) => {
                told(denied, "App password not valid here", "This app password does not open this app.", None)
            }
            Cause::TooManyTries(wait) => {
                let detail = format!("Too many wrong app passwords. Try again in {} s.", whole_seconds(wait));
                told(StatusCode::TOO_MANY_REQUESTS, "Too many tries", &detail, None)
            }
            Cause::Unavailable => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "Try again in a moment",
                "The gateway can't check who you are at the moment.",
                None,
            ),
        }
    }
}

/// RFC 9110 §10.2.3: in whole seconds, and not one too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_micros().div_ceil(1_000_000).try_into().unwrap_or(u64::MAX)
}

/// Where people make an app password.
fn where_made(visit: &Visit) -> String {
    let portal = &visit.in_force.settings.portal;
    format!("App passwords are made at {}.", portal.join("/account/app-passwords/new"))
}

/// RFC 7617 §2: with a 401 it is told that a user name and an app password would do. As the first of its challenges, for
/// programs that look no further.
pub fn offer_basic(answer: &mut Response<Bytes>, visit: &Visit) {
    if answer.status() != StatusCode::UNAUTHORIZED {
        return;
    }
    let realm = realm(visit);
    let Ok(basic) = HeaderValue::try_from(format!("Basic realm=\"{realm}\", charset=\"UTF-8\"")) else { return };
    let others = answer.headers_mut().insert(WWW_AUTHENTICATE, basic);
    if let Some(bearer) = others {
        answer.headers_mut().append(WWW_AUTHENTICATE, bearer);
    }
}

/// RFC 6750 §3: every 401 says how to do better.
fn challenge(answer: &mut Response<Bytes>, visit: &Visit, error: Option<&str>) {
    let realm = realm(visit);
    let value = match error {
        Some(error) => format!("Bearer realm=\"{realm}\", error=\"{error}\""),
        None => format!("Bearer realm=\"{realm}\""),
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        answer.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}

fn realm(visit: &Visit) -> String {
    let letters = visit.in_force.settings.organization.chars();
    letters.filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')).collect()
}

fn frame(visit: &Visit) -> Frame<'_> {
    Addressee::from(visit).frame()
}

fn html(visit: &Visit, status: StatusCode, page: &impl Page) -> Response<Bytes> {
    page_answer(&visit.in_force, status, page.html())
}

fn page_answer(in_force: &InForce, status: StatusCode, html: String) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(html));
    *answer.status_mut() = status;
    dress(answer.headers_mut(), &in_force.settings.portal, Style::Inline, None);
    answer
}

/// What an answer is called towards programs.
#[derive(Clone, Copy)]
struct Kind<'a> {
    status: StatusCode,
    code: &'a str,
    title: &'a str,
}

/// The same sentence for people and programs, in the language of each.
fn sentence_of_ours(to: Addressee<'_>, kind: Kind<'_>, sentence: &Said, reference: &Reference) -> Response<Bytes> {
    one_sentence(to, kind, &sentence.plain(), to.language, reference)
}

/// `said_in` is what the sentence is said in, if a person reads it.
fn one_sentence(
    to: Addressee<'_>,
    kind: Kind<'_>,
    sentence: &str,
    said_in: Language,
    reference: &Reference,
) -> Response<Bytes> {
    both(to, kind, sentence, reference, |frame| {
        BadRequest { frame, sentence, said_in, reference: reference.as_str() }.html()
    })
}

/// A page for people; a document that says `detail` for programs.
fn both<'a>(
    to: Addressee<'a>,
    kind: Kind<'_>,
    detail: &str,
    reference: &Reference,
    page: impl FnOnce(Frame<'a>) -> String,
) -> Response<Bytes> {
    match to.reader {
        Reader::Browser => page_answer(to.in_force, kind.status, page(to.frame())),
        Reader::Program => {
            let mut problem = Problem::new(kind.status, kind.code, kind.title, detail);
            problem.reference = Some(reference.as_str());
            problem.answer(&to.in_force.settings.portal)
        }
    }
}
