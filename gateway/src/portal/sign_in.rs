//! `/sign-in`, `/second-step`, `/set-up`: the morning's pages (S1–S6, S11–S13).

use std::time::Duration;

use access::login::Stage;
use access::policy::{Method, Need};
use access::{Secret, Timestamp};
use axum::body::Body;
use axum::extract::Query;
use axum::response::Response;
use http::header::USER_AGENT;
use http::{HeaderMap, StatusCode};
use jiff::Zoned;
use serde::Deserialize;

use super::asking::{Filled, Inquiry, proven};
use super::cookies::{COOKIE_NAME, DONE_COOKIE, PASSWORD_RESET, clear_cookie, our_cookie, set_cookie};
use super::forms::Asked;
use super::home::{Known, known, signed_in};
use super::pages::{self, ChooseMethod, Pause, Problem, Qr, RecoveryCodes, SecondStep, SetUp, SignIn as SignInPage};
use super::refusal::{self, Addressee};
use super::respond::{page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::{Reader, Visit, codes, device, language, passkeys};
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
pub(super) async fn page(inquiry: Inquiry, query: Asked<PageQuery>) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let return_to = ReturnTo::parse(&visit.in_force.settings, &query.return_to);
    if query.start == "again" {
        if let Some(flow) = our_cookie(headers, FLOW_COOKIE)
            && let Err(error) = gate.vault().drop_flow(flow).await
        {
            return inquiry.trouble(error);
        }
        let reset = our_cookie(headers, DONE_COOKIE).filter(|done| *done == PASSWORD_RESET);
        let notice = reset.map(|_| Problem::PasswordReset);
        let mut answer = sign_in_page(&inquiry, &return_to, "", notice);
        clear_cookie(&mut answer, FLOW_COOKIE);
        if notice.is_some() {
            clear_cookie(&mut answer, DONE_COOKIE);
        }
        return answer;
    }
    let had_session = our_cookie(headers, COOKIE_NAME).is_some();
    match known(gate, visit, headers).await {
        Ok(Known::SignedIn(_)) => see_other(&visit.in_force, &return_to),
        Ok(once @ (Known::Once(_) | Known::Nobody)) => {
            let over = had_session.then(|| match once {
                Known::Once(visitor) if is_idle(gate, visit, &visitor) => Problem::SessionOver,
                _ => Problem::SessionEnded,
            });
            let mut answer = sign_in_page(&inquiry, &return_to, "", over);
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
pub(super) async fn submit(Filled { inquiry, fields }: Filled<Credentials>) -> Response {
    let Inquiry { gate, visit, .. } = &inquiry;
    let password = Secret::new(fields.password);
    let return_to = ReturnTo::parse(&visit.in_force.settings, &fields.return_to);
    let caller = inquiry.caller();
    let step = match gate.sign_in(&caller, &fields.username, password, Some(return_to.as_field())).await {
        Ok(step) => step,
        Err(error) => return inquiry.trouble(error),
    };
    let username = fields.username.trim();
    match step {
        SignIn::WrongPassword | SignIn::WrongCode | SignIn::UsedCode => {
            sign_in_page(&inquiry, &return_to, username, Some(Problem::Wrong))
        }
        SignIn::Wait(until) => {
            with_wait(gate, until, |problem| sign_in_page(&inquiry, &return_to, username, Some(problem)))
        }
        SignIn::Over => sign_in_page(&inquiry, &return_to, username, Some(Problem::TookTooLong)),
        other => {
            if let SignIn::SecondStep { flow: Some(flow), .. } = &other {
                codes::send_at_once(&inquiry, flow.expose()).await;
            }
            onward(&inquiry, other).await
        }
    }
}

/// `GET /second-step`.
pub(super) async fn second_step_page(inquiry: Inquiry, query: Asked<PageQuery>) -> Response {
    let PageQuery { method: asked, again, .. } = query.map(|Query(query)| query).unwrap_or_default();
    match under_way(&inquiry).await {
        Ok(Some((held, person))) => match held.flow.stage {
            Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => {
                let ways = passkeys::ways(&held, &person);
                let asked = ways.iter().find(|way| way.as_str() == asked).or(ways.first()).copied();
                let method = asked.unwrap_or(pages::Method::Totp);
                if method == pages::Method::Passkey {
                    return passkeys::step_page(&inquiry, &held, &person, None).await;
                }
                if codes::way(method.as_str()).is_some() {
                    let again = !again.is_empty();
                    return codes::page(&inquiry, &held, &person, method, again).await;
                }
                code_page(&inquiry, &held, &person, method, None)
            }
            Stage::SetUp => inquiry.see("/set-up"),
        },
        Ok(None) => inquiry.see("/sign-in"),
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

/// `GET /set-up`.
pub(super) async fn set_up_page(inquiry: Inquiry, query: Asked<PageQuery>) -> Response {
    let Inquiry { gate, visit, .. } = &inquiry;
    let PageQuery { method: asked, again, .. } = query.map(|Query(query)| query).unwrap_or_default();
    match under_way(&inquiry).await {
        Ok(Some((held, person))) => match held.flow.stage {
            Stage::SetUp => {
                let offered = gate.to_set_up(&visit.in_force, &held);
                let chosen = offered.iter().find(|method| offered.len() == 1 || method_word(**method) == asked);
                match chosen {
                    Some(Method::Passkey) => passkeys::set_up_page(&inquiry, &held, &person, "", None).await,
                    Some(method) if let Some(method) = codes::way(method_word(*method)) => {
                        let again = !again.is_empty();
                        codes::page(&inquiry, &held, &person, method, again).await
                    }
                    Some(_) => introduce(&inquiry, &held, &person, None),
                    None => choose(&inquiry, &offered),
                }
            }
            Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => inquiry.see("/second-step"),
        },
        Ok(None) => inquiry.see("/sign-in"),
        Err(answer) => answer,
    }
}

/// `POST /second-step`, `POST /set-up`: a code was typed, on either page.
pub(super) async fn code(Filled { inquiry, fields }: Filled<CodeFields>) -> Response {
    let method = method_of(&fields.method);
    let (flow, held, person) = match still_under_way(&inquiry).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    // A key is answered elsewhere; what comes here with its word is looked at as an app's code.
    let by = if method == pages::Method::Passkey { Method::Totp } else { method.into() };
    let step = match inquiry.gate.second_step(&inquiry.caller(), flow, by, &fields.code).await {
        Ok(step) => step,
        Err(error) => return inquiry.trouble(error),
    };
    let is_sent = codes::way(method.as_str()).is_some();
    let again = |problem: Problem<'_>| match held.flow.stage {
        _ if is_sent => codes::entry(&inquiry, &held, &person, method, Some(problem)),
        Stage::SetUp => introduce(&inquiry, &held, &person, Some(problem)),
        Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => {
            code_page(&inquiry, &held, &person, method, Some(problem))
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
        SignIn::Wait(until) => with_wait(&inquiry.gate, until, again),
        SignIn::Over => over(&inquiry, &held),
        other => onward(&inquiry, other).await,
    }
}

/// A sign-in that was too long under way, or had too many wrong codes.
pub(super) fn over(inquiry: &Inquiry, held: &HeldFlow) -> Response {
    let Inquiry { gate, visit, .. } = inquiry;
    let late = gate.clock().now().since(held.flow.started) >= access::login::FLOW_LIFE;
    let why = if late { Problem::TookTooLong } else { Problem::TooManyCodes };
    let return_to = ReturnTo::of(&visit.in_force.settings, held.return_to.as_deref());
    start_again(inquiry, &return_to, why)
}

/// Somebody who is signed in has to show more: a second step, a set-up, or the password once more.
pub(super) async fn asked_again(inquiry: &Inquiry, visitor: &Visitor, need: Need, return_to: &ReturnTo) -> Response {
    let Inquiry { gate, .. } = inquiry;
    let demanded = match need {
        Need::SecondStep(methods) => Some(methods),
        Need::Credentials | Need::Fresh | Need::Token => None,
    };
    match gate.ask_again(visitor, demanded, Some(return_to.as_field())).await {
        // Nobody has a second step to show: the password is the proof.
        Ok(SignIn::Over) => sign_in_page(inquiry, return_to, visitor.person().name.as_str(), None),
        Ok(step) => onward(inquiry, step).await,
        Err(error) => inquiry.trouble(error),
    }
}

fn is_idle(gate: &Gate, visit: &Visit, visitor: &Visitor) -> bool {
    let limit = visit.in_force.settings.policy.rules().organization.session.idle;
    gate.clock().now().since(visitor.last_used()) >= limit
}

/// What follows a step that went well.
pub(super) async fn onward(inquiry: &Inquiry, step: SignIn) -> Response {
    let Inquiry { visit, .. } = inquiry;
    match step {
        SignIn::SecondStep { flow, .. } => {
            let mut answer = inquiry.see("/second-step");
            if let Some(flow) = flow {
                set_cookie(&mut answer, FLOW_COOKIE, flow.expose(), FLOW_SECONDS);
            }
            answer
        }
        SignIn::SetUp { flow } => {
            let mut answer = inquiry.see("/set-up");
            if let Some(flow) = flow {
                set_cookie(&mut answer, FLOW_COOKIE, flow.expose(), FLOW_SECONDS);
            }
            answer
        }
        SignIn::Done(opened) => welcome(inquiry, *opened).await,
        SignIn::Refused(denied) => refusal::denied(visit, None, &denied).map(Body::from),
        SignIn::WrongPassword
        | SignIn::PasswordTooOld
        | SignIn::WrongCode
        | SignIn::UsedCode
        | SignIn::Wait(_)
        | SignIn::Over => start_again(inquiry, &ReturnTo::Portal("/"), Problem::TookTooLong),
    }
}

/// Signed in: the cookie, and on. A session this browser had before is ended (a new id at each change of privilege, D3).
async fn welcome(inquiry: &Inquiry, opened: Opened) -> Response {
    let Inquiry { gate, visit, headers, .. } = inquiry;
    if let Ok(Some(before)) = signed_in(gate, visit, headers).await
        && let Some(session) = before.session()
        && let Err(error) = gate.sign_out(&visit.in_force, before.record(), session.id, visit.resolved.client).await
    {
        return inquiry.trouble(error);
    }
    let return_to = ReturnTo::of(&visit.in_force.settings, opened.return_to.as_deref());
    let mut answer = if opened.recovery.is_empty() {
        see_other(&visit.in_force, &return_to)
    } else {
        let codes: Vec<String> = opened.recovery.iter().map(access::secret::TypedSecret::grouped).collect();
        let continue_to = return_to.location(&visit.in_force.settings.portal);
        let shown = RecoveryCodes { frame: inquiry.frame(), codes: &codes, continue_to: &continue_to };
        answer_page(&visit.in_force, StatusCode::OK, &shown, None)
    };
    let life = opened.expires.since(gate.clock().now());
    set_cookie(&mut answer, COOKIE_NAME, opened.secret.expose(), life.as_secs());
    clear_cookie(&mut answer, FLOW_COOKIE);
    answer
}

fn sign_in_page(inquiry: &Inquiry, return_to: &ReturnTo, username: &str, error: Option<Problem<'_>>) -> Response {
    let Inquiry { visit, .. } = inquiry;
    let form = inquiry.form();
    let field = return_to.as_field();
    let passkey = passkeys::way_in(visit, return_to);
    let shown = SignInPage {
        frame: inquiry.frame(),
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

fn code_page(
    inquiry: &Inquiry,
    held: &HeldFlow,
    person: &PersonRecord,
    method: pages::Method,
    error: Option<Problem<'_>>,
) -> Response {
    let Inquiry { visit, .. } = inquiry;
    let form = inquiry.form();
    let return_to = ReturnTo::of(&visit.in_force.settings, held.return_to.as_deref());
    let others = passkeys::other_ways(held, person, method);
    let shown = SecondStep {
        frame: inquiry.frame(),
        app: return_to.app().map(|app| app.title.as_str()),
        method,
        others: &others,
        options: "",
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    let origin = return_to.app().map(|app| app.origin.as_str());
    inquiry.show(&shown, error, &form, origin)
}

/// Which method is to be set up?
fn choose(inquiry: &Inquiry, offered: &[Method]) -> Response {
    let Inquiry { visit, .. } = inquiry;
    let methods: Vec<_> = offered.iter().copied().filter_map(pages::Method::of).collect();
    let shown = ChooseMethod { frame: inquiry.frame(), methods: &methods };
    answer_page(&visit.in_force, StatusCode::OK, &shown, None)
}

fn introduce(inquiry: &Inquiry, held: &HeldFlow, person: &PersonRecord, error: Option<Problem<'_>>) -> Response {
    let Inquiry { gate, visit, .. } = inquiry;
    let Some(secret) = &held.pending_totp else {
        return start_again(inquiry, &ReturnTo::Portal("/"), Problem::TookTooLong);
    };
    let username = person.person.name.as_str();
    let uri = secret.uri(&visit.in_force.settings.organization, username);
    let Ok(qr) = Qr::of(&uri) else {
        return refusal::internal(visit.into(), &gate.reference()).map(Body::from);
    };
    let form = inquiry.form();
    let grouped = secret.grouped();
    let shown = SetUp {
        frame: inquiry.frame(),
        username,
        qr: &qr,
        secret: &grouped,
        has_choice: gate.to_set_up(&visit.in_force, held).len() > 1,
        uri: &uri,
        error,
        form: form.token(),
    };
    inquiry.show(&shown, error, &form, None)
}

/// A code without a sign-in: it took too long, or the page of one that is done was loaded again or its button pressed
/// twice. Whoever is signed in by now goes on.
async fn nothing_under_way(inquiry: &Inquiry) -> Response {
    let Inquiry { gate, visit, headers, .. } = inquiry;
    let front = ReturnTo::Portal("/");
    match signed_in(gate, visit, headers).await {
        Ok(Some(_)) => see_other(&visit.in_force, &front),
        Ok(None) => start_again(inquiry, &front, Problem::TookTooLong),
        Err(refused) => refused,
    }
}

fn start_again(inquiry: &Inquiry, return_to: &ReturnTo, why: Problem<'_>) -> Response {
    let mut answer = sign_in_page(inquiry, return_to, "", Some(why));
    clear_cookie(&mut answer, FLOW_COOKIE);
    answer
}

async fn under_way(inquiry: &Inquiry) -> Result<Option<(HeldFlow, PersonRecord)>, Response> {
    let Some(flow) = our_cookie(&inquiry.headers, FLOW_COOKIE) else { return Ok(None) };
    inquiry.gate.under_way(flow).await.map_err(|error| inquiry.trouble(error))
}

/// The sign-in that a form goes on with, and what leads to it. `Err`: it is not under way any more, and this is the answer.
pub(super) async fn still_under_way(inquiry: &Inquiry) -> Result<(&str, HeldFlow, PersonRecord), Response> {
    match under_way(inquiry).await? {
        Some((held, person)) => Ok((our_cookie(&inquiry.headers, FLOW_COOKIE).unwrap_or_default(), held, person)),
        None => Err(nothing_under_way(inquiry).await),
    }
}

/// From where and with what a request signs in.
pub(super) fn caller<'a>(visit: &'a Visit, headers: &HeaderMap, kind: SessionKind) -> Caller<'a> {
    Caller {
        in_force: &visit.in_force,
        address: visit.resolved.client,
        device: device::words(headers.get(USER_AGENT)),
        kind,
        wish: language::wish(headers).filter(|_| visit.reader == Reader::Browser),
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
    let to = Addressee::from(visit);
    refusal::bad_request(to, &to.say("form-not-ours"), &gate.reference()).map(Body::from)
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
        Some(method) => method,
        None if word == "recovery" => pages::Method::Recovery,
        None => pages::Method::Totp,
    }
}

proven!(Credentials, CodeFields);

pub(super) const FLOW_COOKIE: &str = "__Host-vestibule-flow";
/// Ten minutes, as long as the flow itself lives.
pub(super) const FLOW_SECONDS: u64 = access::login::FLOW_LIFE.as_secs();
