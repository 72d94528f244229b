//! `/sign-in`, `/second-step`, `/set-up`: the morning's pages (S1–S6, S11–S13).

use std::sync::Arc;
use std::time::Duration;

use access::login::Stage;
use access::policy::{Method, Need};
use access::{Secret, Timestamp};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::{Extension, Form as Fields};
use http::header::USER_AGENT;
use http::{HeaderMap, StatusCode};
use jiff::Zoned;
use serde::Deserialize;

use super::cookies::{COOKIE_NAME, DONE_COOKIE, PASSWORD_RESET, clear_cookie, our_cookie, set_cookie};
use super::forms::{self, Asked, Form, Sent};
use super::home::{Known, known, signed_in};
use super::pages::{self, ChooseMethod, Pause, Problem, Qr, RecoveryCodes, SecondStep, SetUp, SignIn as SignInPage};
use super::respond::{frame, page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::{Banner, Visit, codes, device, passkeys, refusal};
use crate::gate::login::{Caller, LoginError, Opened, SignIn, method_word};
use crate::gate::{Gate, Visitor};
use crate::store::vault::{HeldFlow, PersonRecord, SessionKind};

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    again: String,
}

/// `GET /sign-in`.
pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    query: Asked<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let return_to = ReturnTo::parse(&visit.in_force.settings, &query.return_to);
    if query.start == "again" {
        if let Some(flow) = our_cookie(&headers, FLOW_COOKIE)
            && let Err(error) = gate.vault().drop_flow(flow).await
        {
            return trouble(&gate, &visit, &error.into());
        }
        let reset = our_cookie(&headers, DONE_COOKIE).filter(|done| *done == PASSWORD_RESET);
        let notice = reset.map(|_| Problem::PasswordReset);
        let mut answer = sign_in_page(&gate, &visit, &banner, &headers, &return_to, "", notice);
        clear_cookie(&mut answer, FLOW_COOKIE);
        if notice.is_some() {
            clear_cookie(&mut answer, DONE_COOKIE);
        }
        return answer;
    }
    let had_session = our_cookie(&headers, COOKIE_NAME).is_some();
    match known(&gate, &visit, &headers).await {
        Ok(Known::SignedIn(_)) => see_other(&visit.in_force, &return_to),
        Ok(once @ (Known::Once(_) | Known::Nobody)) => {
            let over = had_session.then(|| match once {
                Known::Once(visitor) if is_idle(&gate, &visit, &visitor) => Problem::SessionOver,
                _ => Problem::SessionEnded,
            });
            let mut answer = sign_in_page(&gate, &visit, &banner, &headers, &return_to, "", over);
            if had_session {
                // R23: a dead cookie does not survive the sign-in page.
                clear_cookie(&mut answer, COOKIE_NAME);
            }
            answer
        }
        Err(refused) => refused,
    }
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    username: String,
    password: String,
    form: String,
    #[serde(default)]
    return_to: String,
}

/// `POST /sign-in`.
pub(super) async fn submit(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<Credentials>,
) -> Response {
    let Ok(Fields(fields)) = fields else { return not_ours(&gate, &visit) };
    let password = Secret::new(fields.password);
    if !forms::is_ours(&gate, &headers, visit.in_force.settings.portal.origin(), &fields.form) {
        return not_ours(&gate, &visit);
    }
    let return_to = ReturnTo::parse(&visit.in_force.settings, &fields.return_to);
    let caller = caller(&visit, &headers, SessionKind::Portal);
    let step = match gate.sign_in(&caller, &fields.username, password, Some(return_to.as_field())).await {
        Ok(step) => step,
        Err(error) => return trouble(&gate, &visit, &error),
    };
    let username = fields.username.trim();
    match step {
        SignIn::WrongPassword | SignIn::WrongCode | SignIn::UsedCode => {
            sign_in_page(&gate, &visit, &banner, &headers, &return_to, username, Some(Problem::Wrong))
        }
        SignIn::Wait(until) => with_wait(&gate, until, |problem| {
            sign_in_page(&gate, &visit, &banner, &headers, &return_to, username, Some(problem))
        }),
        SignIn::Over => {
            sign_in_page(&gate, &visit, &banner, &headers, &return_to, username, Some(Problem::TookTooLong))
        }
        other => {
            if let SignIn::SecondStep { flow: Some(flow), .. } = &other {
                codes::send_at_once(&gate, &visit, &headers, flow.expose()).await;
            }
            onward(&gate, &visit, &banner, &headers, other).await
        }
    }
}

/// `GET /second-step`.
pub(super) async fn second_step_page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    query: Asked<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let PageQuery { method: asked, again, .. } = query.map(|Query(query)| query).unwrap_or_default();
    match under_way(&gate, &visit, &headers).await {
        Ok(Some((held, person))) => match held.flow.stage {
            Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => {
                let ways = passkeys::ways(&held, &person);
                let asked = ways.iter().find(|way| way.as_str() == asked).or(ways.first()).copied();
                let method = asked.unwrap_or(pages::Method::Totp);
                if method == pages::Method::Passkey {
                    return passkeys::step_page(&gate, &visit, &banner, &headers, &held, &person, None).await;
                }
                if codes::way(method.as_str()).is_some() {
                    let again = !again.is_empty();
                    return codes::page(&gate, &visit, &banner, &headers, &held, &person, method, again).await;
                }
                code_page(&gate, &visit, &banner, &headers, &held, &person, method, None)
            }
            Stage::SetUp => see_other(&visit.in_force, &ReturnTo::Query("/set-up".to_owned())),
        },
        Ok(None) => see_other(&visit.in_force, &ReturnTo::Query("/sign-in".to_owned())),
        Err(answer) => answer,
    }
}

#[derive(Deserialize)]
pub(super) struct CodeFields {
    code: String,
    form: String,
    #[serde(default)]
    method: String,
}

/// `POST /second-step`.
pub(super) async fn second_step(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<CodeFields>,
) -> Response {
    code(gate, visit, banner, headers, fields).await
}

/// `GET /set-up`.
pub(super) async fn set_up_page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    query: Asked<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let PageQuery { method: asked, again, .. } = query.map(|Query(query)| query).unwrap_or_default();
    match under_way(&gate, &visit, &headers).await {
        Ok(Some((held, person))) => match held.flow.stage {
            Stage::SetUp => {
                let offered = gate.to_set_up(&visit.in_force, &held);
                let chosen = offered.iter().find(|method| offered.len() == 1 || method_word(**method) == asked);
                match chosen {
                    Some(Method::Passkey) => {
                        passkeys::set_up_page(&gate, &visit, &banner, &headers, &held, &person, "", None).await
                    }
                    Some(method) if let Some((method, _)) = codes::way(method_word(*method)) => {
                        let again = !again.is_empty();
                        codes::page(&gate, &visit, &banner, &headers, &held, &person, method, again).await
                    }
                    Some(_) => introduce(&gate, &visit, &banner, &headers, &held, &person, None),
                    None => choose(&visit, &banner, &offered),
                }
            }
            Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => {
                see_other(&visit.in_force, &ReturnTo::Query("/second-step".to_owned()))
            }
        },
        Ok(None) => see_other(&visit.in_force, &ReturnTo::Query("/sign-in".to_owned())),
        Err(answer) => answer,
    }
}

/// `POST /set-up`.
pub(super) async fn set_up(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<CodeFields>,
) -> Response {
    code(gate, visit, banner, headers, fields).await
}

/// A code was sent, from either page.
async fn code(gate: Arc<Gate>, visit: Visit, banner: Banner, headers: HeaderMap, fields: Sent<CodeFields>) -> Response {
    let Ok(Fields(fields)) = fields else { return not_ours(&gate, &visit) };
    if !forms::is_ours(&gate, &headers, visit.in_force.settings.portal.origin(), &fields.form) {
        return not_ours(&gate, &visit);
    }
    let method = method_of(&fields.method);
    let flow = our_cookie(&headers, FLOW_COOKIE).unwrap_or_default();
    let (held, person) = match gate.under_way(flow).await {
        Ok(Some(found)) => found,
        Ok(None) => return nothing_under_way(&gate, &visit, &banner, &headers).await,
        Err(error) => return trouble(&gate, &visit, &error.into()),
    };
    let caller = caller(&visit, &headers, SessionKind::Portal);
    let by = match method {
        pages::Method::Totp | pages::Method::Passkey => Method::Totp,
        pages::Method::Recovery => Method::Recovery,
        pages::Method::Sms => Method::Sms,
        pages::Method::Voice => Method::Voice,
        pages::Method::Email => Method::Email,
    };
    let step = match gate.second_step(&caller, flow, by, &fields.code).await {
        Ok(step) => step,
        Err(error) => return trouble(&gate, &visit, &error),
    };
    let is_sent = codes::way(method.as_str()).is_some();
    let again = |problem: Problem<'_>| match held.flow.stage {
        _ if is_sent => codes::entry(&gate, &visit, &banner, &headers, &held, &person, method, Some(problem)),
        Stage::SetUp => introduce(&gate, &visit, &banner, &headers, &held, &person, Some(problem)),
        Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => {
            code_page(&gate, &visit, &banner, &headers, &held, &person, method, Some(problem))
        }
    };
    match step {
        SignIn::WrongCode | SignIn::WrongPassword => again(match method {
            pages::Method::Totp | pages::Method::Passkey => Problem::WrongCode,
            pages::Method::Recovery => Problem::WrongRecoveryCode,
            pages::Method::Sms | pages::Method::Voice | pages::Method::Email => Problem::WrongSentCode,
        }),
        SignIn::UsedCode => again(match method {
            pages::Method::Totp | pages::Method::Passkey => Problem::UsedCode,
            pages::Method::Recovery => Problem::UsedRecoveryCode,
            pages::Method::Sms | pages::Method::Voice | pages::Method::Email => Problem::WrongSentCode,
        }),
        SignIn::Wait(until) => with_wait(&gate, until, again),
        SignIn::Over => over(&gate, &visit, &banner, &headers, &held),
        other => onward(&gate, &visit, &banner, &headers, other).await,
    }
}

/// A sign-in that was too long under way, or had too many wrong codes.
pub(super) fn over(gate: &Gate, visit: &Visit, banner: &Banner, headers: &HeaderMap, held: &HeldFlow) -> Response {
    let late = gate.clock().now().since(held.flow.started) >= access::login::FLOW_LIFE;
    let why = if late { Problem::TookTooLong } else { Problem::TooManyCodes };
    let return_to = ReturnTo::parse(&visit.in_force.settings, held.return_to.as_deref().unwrap_or("/"));
    start_again(gate, visit, banner, headers, &return_to, why)
}

/// Somebody who is signed in has to show more: a second step, a set-up, or the password once more.
pub(super) async fn asked_again(
    gate: &Arc<Gate>,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    visitor: &Visitor,
    need: Need,
    return_to: &ReturnTo,
) -> Response {
    let demanded = match need {
        Need::SecondStep(methods) => Some(methods),
        Need::Credentials | Need::Fresh | Need::Token => None,
    };
    match gate.ask_again(visitor, demanded, Some(return_to.as_field())).await {
        // Nobody has a second step to show: the password is the proof.
        Ok(SignIn::Over) => sign_in_page(gate, visit, banner, headers, return_to, visitor.person().name.as_str(), None),
        Ok(step) => onward(gate, visit, banner, headers, step).await,
        Err(error) => trouble(gate, visit, &error),
    }
}

fn is_idle(gate: &Gate, visit: &Visit, visitor: &Visitor) -> bool {
    let limit = visit.in_force.settings.policy.rules().organization.session.idle;
    gate.clock().now().since(visitor.last_used()) >= limit
}

/// What follows a step that went well.
pub(super) async fn onward(
    gate: &Arc<Gate>,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    step: SignIn,
) -> Response {
    match step {
        SignIn::SecondStep { flow, .. } => {
            let mut answer = see_other(&visit.in_force, &ReturnTo::Query("/second-step".to_owned()));
            if let Some(flow) = flow {
                set_cookie(&mut answer, FLOW_COOKIE, flow.expose(), FLOW_SECONDS);
            }
            answer
        }
        SignIn::SetUp { flow } => {
            let mut answer = see_other(&visit.in_force, &ReturnTo::Query("/set-up".to_owned()));
            if let Some(flow) = flow {
                set_cookie(&mut answer, FLOW_COOKIE, flow.expose(), FLOW_SECONDS);
            }
            answer
        }
        SignIn::Done(opened) => welcome(gate, visit, banner, headers, *opened).await,
        SignIn::Refused(denied) => refusal::denied(visit, None, &denied).map(Body::from),
        SignIn::WrongPassword
        | SignIn::PasswordTooOld
        | SignIn::WrongCode
        | SignIn::UsedCode
        | SignIn::Wait(_)
        | SignIn::Over => start_again(gate, visit, banner, headers, &ReturnTo::Portal("/"), Problem::TookTooLong),
    }
}

/// Signed in: the cookie, and on. A session this browser had before is ended (a new id at each change of privilege, D3).
async fn welcome(gate: &Gate, visit: &Visit, banner: &Banner, headers: &HeaderMap, opened: Opened) -> Response {
    if let Ok(Some(before)) = signed_in(gate, visit, headers).await
        && let Some(session) = before.session()
        && let Err(error) = gate.sign_out(&visit.in_force, before.record(), session.id, visit.resolved.client).await
    {
        return trouble(gate, visit, &error.into());
    }
    let return_to = ReturnTo::parse(&visit.in_force.settings, opened.return_to.as_deref().unwrap_or("/"));
    let mut answer = if opened.recovery.is_empty() {
        see_other(&visit.in_force, &return_to)
    } else {
        let codes: Vec<String> = opened.recovery.iter().map(access::secret::TypedSecret::grouped).collect();
        let continue_to = return_to.location(&visit.in_force.settings.portal);
        let shown = RecoveryCodes { frame: frame(&visit.in_force, banner), codes: &codes, continue_to: &continue_to };
        answer_page(&visit.in_force, StatusCode::OK, &shown, None)
    };
    let life = opened.expires.since(gate.clock().now());
    set_cookie(&mut answer, COOKIE_NAME, opened.secret.expose(), life.as_secs());
    clear_cookie(&mut answer, FLOW_COOKIE);
    answer
}

fn sign_in_page(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    return_to: &ReturnTo,
    username: &str,
    error: Option<Problem<'_>>,
) -> Response {
    let form = Form::of(gate, headers);
    let field = return_to.as_field();
    let passkey = passkeys::way_in(visit, return_to);
    let shown = SignInPage {
        frame: frame(&visit.in_force, banner),
        app: return_to.app().map(|app| app.title.as_str()),
        username,
        error,
        form: form.token(),
        return_to: &field,
        passkey: passkey.as_deref(),
    };
    let status = status_of(error);
    let mut answer = answer_page(&visit.in_force, status, &shown, return_to.app().map(|app| app.origin.as_str()));
    form.keep(&mut answer);
    answer
}

#[expect(clippy::too_many_arguments, reason = "the page's parts, each from elsewhere")]
fn code_page(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    method: pages::Method,
    error: Option<Problem<'_>>,
) -> Response {
    let form = Form::of(gate, headers);
    let return_to = ReturnTo::parse(&visit.in_force.settings, held.return_to.as_deref().unwrap_or("/"));
    let mut others = passkeys::ways(held, person);
    others.retain(|way| *way != method);
    let shown = SecondStep {
        frame: frame(&visit.in_force, banner),
        app: return_to.app().map(|app| app.title.as_str()),
        method,
        others: &others,
        options: "",
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    let origin = return_to.app().map(|app| app.origin.as_str());
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, origin);
    form.keep(&mut answer);
    answer
}

/// Which method is to be set up?
fn choose(visit: &Visit, banner: &Banner, offered: &[Method]) -> Response {
    let methods: Vec<_> = offered
        .iter()
        .filter_map(|method| match method {
            Method::Passkey => Some(pages::Method::Passkey),
            Method::Totp => Some(pages::Method::Totp),
            Method::Sms => Some(pages::Method::Sms),
            Method::Voice => Some(pages::Method::Voice),
            Method::Email => Some(pages::Method::Email),
            Method::Password | Method::Recovery => None,
        })
        .collect();
    let shown = ChooseMethod { frame: frame(&visit.in_force, banner), methods: &methods };
    answer_page(&visit.in_force, StatusCode::OK, &shown, None)
}

fn introduce(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    error: Option<Problem<'_>>,
) -> Response {
    let Some(secret) = &held.pending_totp else {
        return start_again(gate, visit, banner, headers, &ReturnTo::Portal("/"), Problem::TookTooLong);
    };
    let username = person.person.name.as_str();
    let uri = secret.uri(&visit.in_force.settings.organization, username);
    let Ok(qr) = Qr::of(&uri) else {
        return refusal::internal(&visit.in_force, visit.reader, &gate.reference()).map(Body::from);
    };
    let form = Form::of(gate, headers);
    let grouped = secret.grouped();
    let shown = SetUp {
        frame: frame(&visit.in_force, banner),
        username,
        qr: &qr,
        secret: &grouped,
        has_choice: gate.to_set_up(&visit.in_force, held).len() > 1,
        uri: &uri,
        error,
        form: form.token(),
    };
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, None);
    form.keep(&mut answer);
    answer
}

/// A code without a sign-in: it took too long, or the page of one that is done was loaded again or its button pressed
/// twice. Whoever is signed in by now goes on.
pub(super) async fn nothing_under_way(gate: &Gate, visit: &Visit, banner: &Banner, headers: &HeaderMap) -> Response {
    let front = ReturnTo::Portal("/");
    match signed_in(gate, visit, headers).await {
        Ok(Some(_)) => see_other(&visit.in_force, &front),
        Ok(None) => start_again(gate, visit, banner, headers, &front, Problem::TookTooLong),
        Err(refused) => refused,
    }
}

fn start_again(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    return_to: &ReturnTo,
    why: Problem<'_>,
) -> Response {
    let mut answer = sign_in_page(gate, visit, banner, headers, return_to, "", Some(why));
    clear_cookie(&mut answer, FLOW_COOKIE);
    answer
}

async fn under_way(
    gate: &Gate,
    visit: &Visit,
    headers: &HeaderMap,
) -> Result<Option<(HeldFlow, PersonRecord)>, Response> {
    let Some(flow) = our_cookie(headers, FLOW_COOKIE) else { return Ok(None) };
    gate.under_way(flow).await.map_err(|error| trouble(gate, visit, &error.into()))
}

/// From where and with what a request signs in.
pub(super) fn caller<'a>(visit: &'a Visit, headers: &HeaderMap, kind: SessionKind) -> Caller<'a> {
    Caller {
        in_force: &visit.in_force,
        address: visit.resolved.client,
        device: device::words(headers.get(USER_AGENT)),
        kind,
    }
}

/// The store is away, or too many sign in at once.
pub(super) fn trouble(gate: &Gate, visit: &Visit, error: &LoginError) -> Response {
    let why = match error {
        LoginError::Store(error) => {
            tracing::error!(%error, "a page could not be served");
            Pause::Store
        }
        LoginError::Busy(_) => Pause::Busy,
    };
    refusal::unavailable(visit, why, &gate.reference()).map(Body::from)
}

pub(super) fn not_ours(gate: &Gate, visit: &Visit) -> Response {
    let sentence = "This form is too old or came from elsewhere. Go back, reload the page and try again.";
    refusal::bad_request(&visit.in_force, visit.reader, sentence, &gate.reference()).map(Body::from)
}

/// Shows when the next try is welcome, as a span and on the clock.
pub(super) fn with_wait(gate: &Gate, until: Timestamp, page: impl FnOnce(Problem<'_>) -> Response) -> Response {
    let (left, until) = left_until(gate, until);
    page(Problem::Wait { left, until: &until })
}

/// How long it is until then, and then on the clock.
pub(super) fn left_until(gate: &Gate, until: Timestamp) -> (Duration, Zoned) {
    let left = until.since(gate.clock().now()).max(Duration::from_secs(1));
    let moment = i64::try_from(until.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    (left, moment.unwrap_or_default().to_zoned(jiff::tz::TimeZone::system()))
}

/// A wrong password is no authentication scheme's 401 (RFC 9110 §15.5.2 wants a challenge): 422, or 429 when it has to wait.
pub(super) const fn status_of(problem: Option<Problem<'_>>) -> StatusCode {
    match problem {
        None
        | Some(Problem::SessionOver | Problem::SessionEnded | Problem::PasswordReset | Problem::PasswordTooOld) => {
            StatusCode::OK
        }
        Some(Problem::Wait { .. } | Problem::SentEnough { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn method_of(word: &str) -> pages::Method {
    match codes::way(word) {
        Some((method, _)) => method,
        None if word == "recovery" => pages::Method::Recovery,
        None => pages::Method::Totp,
    }
}

pub(super) const FLOW_COOKIE: &str = "__Host-vestibule-flow";
/// Ten minutes, as long as the flow itself lives.
pub(super) const FLOW_SECONDS: u64 = access::login::FLOW_LIFE.as_secs();
