//! `/sign-in/passkey`, `/second-step/passkey`, `/set-up/passkey`: passkeys and security keys in a sign-in (S4, S6, S12).
//!
//! A page holds what the browser is to ask for, and a form that carries the answer back; what it is checked against, a cookie
//! leads to. The script only stands between the two.

use std::sync::Arc;

use access::login::Stage;
use access::policy::{Method, Methods};
use axum::extract::{Query, State};
use axum::response::Response;
use axum::{Extension, Form as Fields};
use http::HeaderMap;
use serde::Deserialize;

use super::cookies::{our_cookie, set_cookie};
use super::forms::{self, Asked as AskedFields, Form, Sent};
use super::home::{Known, known};
use super::pages::{self, PasskeySetUp, PasskeySignIn, Problem, SecondStep};
use super::respond::{frame, page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{FLOW_COOKIE, caller, left_until, not_ours, nothing_under_way, onward, over, status_of, trouble};
use super::{Banner, Visit};
use crate::gate::Gate;
use crate::gate::login::SignIn;
use crate::gate::passkeys::{Answer, Asked};
use crate::store::vault::{HeldFlow, PersonRecord, SessionKind};

/// Who asks at the door, and with what around them.
struct Door {
    gate: Arc<Gate>,
    visit: Visit,
    banner: Banner,
    headers: HeaderMap,
}

#[derive(Default, Deserialize)]
pub(super) struct DoorQuery {
    #[serde(default)]
    return_to: String,
}

/// `GET /sign-in/passkey`.
pub(super) async fn door_page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    query: AskedFields<DoorQuery>,
    headers: HeaderMap,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let return_to = ReturnTo::parse(&visit.in_force.settings, &query.return_to);
    if !is_offered(&visit) {
        return see_other(&visit.in_force, &ReturnTo::Query("/sign-in".to_owned()));
    }
    match known(&gate, &visit, &headers).await {
        Ok(Known::SignedIn(_)) => see_other(&visit.in_force, &return_to),
        Ok(Known::Once(_) | Known::Nobody) => Door { gate, visit, banner, headers }.ask(&return_to, None).await,
        Err(refused) => refused,
    }
}

#[derive(Deserialize)]
pub(super) struct KeyFields {
    pub(super) form: String,
    #[serde(default)]
    credential: String,
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    pub(super) name: String,
}

/// `POST /sign-in/passkey`.
pub(super) async fn door(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<KeyFields>,
) -> Response {
    let fields = match ours(&gate, &visit, &headers, fields) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    let door = Door { gate, visit, banner, headers };
    let return_to = ReturnTo::parse(&door.visit.in_force.settings, &fields.return_to);
    let caller = caller(&door.visit, &door.headers, SessionKind::Portal);
    let answer = answer_of(&door.headers, &fields);
    match door.gate.sign_in_with_passkey(&caller, answer, Some(return_to.as_field())).await {
        Ok(SignIn::Wait(until)) => {
            let (left, until) = left_until(&door.gate, until);
            door.ask(&return_to, Some(Problem::Wait { left, until: &until })).await
        }
        Ok(step @ (SignIn::Done(_) | SignIn::Refused(_))) => {
            onward(&door.gate, &door.visit, &door.banner, &door.headers, step).await
        }
        // Whatever was wrong with it, this is the answer.
        Ok(_) => door.ask(&return_to, Some(Problem::PasskeyRefused)).await,
        Err(error) => trouble(&door.gate, &door.visit, &error),
    }
}

impl Door {
    async fn ask(&self, return_to: &ReturnTo, error: Option<Problem<'_>>) -> Response {
        let Self { gate, visit, banner, headers } = self;
        let asked = match gate.ask_at_the_door(&visit.in_force).await {
            Ok(asked) => asked,
            Err(error) => return trouble(gate, visit, &error),
        };
        let form = Form::of(gate, headers);
        let field = return_to.as_field();
        let shown = PasskeySignIn {
            frame: frame(&visit.in_force, banner),
            app: return_to.app().map(|app| app.title.as_str()),
            error,
            options: &asked.options,
            form: form.token(),
            return_to: &field,
            back: &with_return("/sign-in", return_to),
        };
        let origin = return_to.app().map(|app| app.origin.as_str());
        let mut answer = answer_page(&visit.in_force, status_of(error), &shown, origin);
        form.keep(&mut answer);
        keep(&mut answer, &asked);
        answer
    }
}

/// Where to sign in with a passkey, for the page that asks for a password; `None` where that is not offered.
pub(super) fn way_in(visit: &Visit, return_to: &ReturnTo) -> Option<String> {
    is_offered(visit).then(|| with_return("/sign-in/passkey", return_to))
}

/// The other ways to take the second step, the last used first.
pub(super) fn ways(held: &HeldFlow, person: &PersonRecord) -> Vec<pages::Method> {
    let methods = match held.flow.stage {
        Stage::SecondStep { methods } | Stage::SecondStepThenSetUp { methods } => methods,
        Stage::SetUp => Methods::NONE,
    };
    let known = [
        (Method::Passkey, pages::Method::Passkey),
        (Method::Totp, pages::Method::Totp),
        (Method::Sms, pages::Method::Sms),
        (Method::Voice, pages::Method::Voice),
        (Method::Email, pages::Method::Email),
        (Method::Recovery, pages::Method::Recovery),
    ];
    let mut ways: Vec<_> = known.into_iter().filter(|(method, _)| methods.has(*method)).collect();
    // A recovery code is for the day on which everything else is lost.
    ways.sort_by_key(|(method, _)| (*method == Method::Recovery, !person.last_shown.has(*method)));
    ways.into_iter().map(|(_, way)| way).collect()
}

/// The question to one of the person's keys, on the page of the second step.
pub(super) async fn step_page(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    error: Option<Problem<'_>>,
) -> Response {
    let asked = match gate.ask_for_passkey(&visit.in_force, held).await {
        Ok(asked) => asked,
        Err(error) => return trouble(gate, visit, &error),
    };
    let form = Form::of(gate, headers);
    let return_to = ReturnTo::parse(&visit.in_force.settings, held.return_to.as_deref().unwrap_or("/"));
    let mut others = ways(held, person);
    others.retain(|way| *way != pages::Method::Passkey);
    let shown = SecondStep {
        frame: frame(&visit.in_force, banner),
        app: return_to.app().map(|app| app.title.as_str()),
        method: pages::Method::Passkey,
        others: &others,
        options: &asked.options,
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    let origin = return_to.app().map(|app| app.origin.as_str());
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, origin);
    form.keep(&mut answer);
    keep(&mut answer, &asked);
    answer
}

/// The question for a new key, in a sign-in.
#[expect(clippy::too_many_arguments, reason = "the page's parts, each from elsewhere")]
pub(super) async fn set_up_page(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    name: &str,
    error: Option<Problem<'_>>,
) -> Response {
    let asked = match gate.ask_to_set_up_passkey(&visit.in_force, held, person).await {
        Ok(asked) => asked,
        Err(error) => return trouble(gate, visit, &error),
    };
    let form = Form::of(gate, headers);
    let shown = PasskeySetUp {
        frame: frame(&visit.in_force, banner),
        is_first_day: true,
        has_choice: gate.to_set_up(&visit.in_force, held).len() > 1,
        name,
        error,
        options: &asked.options,
        form: form.token(),
    };
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, None);
    form.keep(&mut answer);
    keep(&mut answer, &asked);
    answer
}

/// `POST /second-step/passkey` and `POST /set-up/passkey`.
pub(super) async fn step(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<KeyFields>,
) -> Response {
    let fields = match ours(&gate, &visit, &headers, fields) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    let flow = our_cookie(&headers, FLOW_COOKIE).unwrap_or_default();
    let (held, person) = match gate.under_way(flow).await {
        Ok(Some(found)) => found,
        Ok(None) => return nothing_under_way(&gate, &visit, &banner, &headers).await,
        Err(error) => return trouble(&gate, &visit, &error.into()),
    };
    let caller = caller(&visit, &headers, SessionKind::Portal);
    let step = match gate.second_step_with_passkey(&caller, flow, answer_of(&headers, &fields)).await {
        Ok(step) => step,
        Err(error) => return trouble(&gate, &visit, &error),
    };
    let problem = match step {
        SignIn::WrongCode | SignIn::WrongPassword | SignIn::UsedCode if held.flow.stage == Stage::SetUp => {
            Problem::PasskeyNotAdded
        }
        SignIn::WrongCode | SignIn::WrongPassword | SignIn::UsedCode => Problem::PasskeyRefused,
        SignIn::Wait(until) => {
            let (left, until) = left_until(&gate, until);
            let problem = Problem::Wait { left, until: &until };
            return again(&gate, &visit, &banner, &headers, &held, &person, &fields.name, problem).await;
        }
        SignIn::Over => return over(&gate, &visit, &banner, &headers, &held),
        other => return onward(&gate, &visit, &banner, &headers, other).await,
    };
    again(&gate, &visit, &banner, &headers, &held, &person, &fields.name, problem).await
}

#[expect(clippy::too_many_arguments, reason = "the page's parts, each from elsewhere")]
async fn again(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    name: &str,
    problem: Problem<'_>,
) -> Response {
    match held.flow.stage {
        Stage::SetUp => set_up_page(gate, visit, banner, headers, held, person, name, Some(problem)).await,
        Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => {
            step_page(gate, visit, banner, headers, held, person, Some(problem)).await
        }
    }
}

/// Can people set passkeys up, and sign in with one alone?
pub(super) fn is_offered(visit: &Visit) -> bool {
    visit.in_force.settings.methods.contains(&Method::Passkey)
}

fn ours(gate: &Gate, visit: &Visit, headers: &HeaderMap, fields: Sent<KeyFields>) -> Result<KeyFields, Response> {
    let Ok(Fields(fields)) = fields else { return Err(not_ours(gate, visit)) };
    if forms::is_ours(gate, headers, visit.in_force.settings.portal.origin(), &fields.form) {
        Ok(fields)
    } else {
        Err(not_ours(gate, visit))
    }
}

pub(super) fn answer_of<'a>(headers: &'a HeaderMap, fields: &'a KeyFields) -> Answer<'a> {
    let ceremony = our_cookie(headers, KEY_COOKIE).unwrap_or_default();
    Answer { ceremony, sent: &fields.credential, name: &fields.name }
}

/// Gives the browser what leads to the question it was asked.
pub(super) fn keep(answer: &mut Response, asked: &Asked) {
    set_cookie(answer, KEY_COOKIE, asked.secret.expose(), KEY_SECONDS);
}

fn with_return(path: &str, return_to: &ReturnTo) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.append_pair("return_to", &return_to.as_field()).finish())
}

const KEY_COOKIE: &str = "__Host-vestibule-key";
/// As long as the question is open.
const KEY_SECONDS: u64 = 5 * 60;
