//! `/sign-in/passkey`, `/second-step/passkey`, `/set-up/passkey`: passkeys and security keys in a sign-in (S4, S6, S12).
//!
//! A page holds what the browser is to ask for, and a form that carries the answer back; what it is checked against, a cookie
//! leads to. The script only stands between the two.

use access::login::Stage;
use access::policy::{Method, Methods};
use axum::extract::Query;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use super::Visit;
use super::asking::{Filled, Inquiry, proven};
use super::cookies::{our_cookie, set_cookie};
use super::forms::Asked as AskedFields;
use super::home::{Known, known};
use super::pages::{self, PasskeySetUp, PasskeySignIn, Problem, SecondStep};
use super::respond::see_other;
use super::return_to::ReturnTo;
use super::sign_in::{left_until, onward, over, still_under_way};
use crate::gate::login::SignIn;
use crate::gate::passkeys::{Answer, Asked};
use crate::store::vault::{HeldFlow, PersonRecord};

#[derive(Default, Deserialize)]
pub(super) struct DoorQuery {
    #[serde(default)]
    return_to: String,
}

/// `GET /sign-in/passkey`.
pub(super) async fn door_page(inquiry: Inquiry, query: AskedFields<DoorQuery>) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let return_to = ReturnTo::parse(&visit.in_force.settings, &query.return_to);
    if !is_offered(visit) {
        return inquiry.see("/sign-in");
    }
    match known(gate, visit, headers).await {
        Ok(Known::SignedIn(_)) => see_other(&visit.in_force, &return_to),
        Ok(Known::Once(_) | Known::Nobody) => ask(&inquiry, &return_to, None).await,
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
pub(super) async fn door(Filled { inquiry, fields }: Filled<KeyFields>) -> Response {
    let return_to = ReturnTo::parse(&inquiry.visit.in_force.settings, &fields.return_to);
    let answer = answer_of(&inquiry.headers, &fields);
    match inquiry.gate.sign_in_with_passkey(&inquiry.caller(), answer, Some(return_to.as_field())).await {
        Ok(SignIn::Wait(until)) => {
            let (left, until) = left_until(&inquiry.gate, until);
            ask(&inquiry, &return_to, Some(Problem::Wait { left, until: &until })).await
        }
        Ok(step @ (SignIn::Done(_) | SignIn::Refused(_))) => onward(&inquiry, step).await,
        // Whatever was wrong with it, this is the answer.
        Ok(_) => ask(&inquiry, &return_to, Some(Problem::PasskeyRefused)).await,
        Err(error) => inquiry.trouble(error),
    }
}

/// The question at the door.
async fn ask(inquiry: &Inquiry, return_to: &ReturnTo, error: Option<Problem<'_>>) -> Response {
    let asked = match inquiry.gate.ask_at_the_door(&inquiry.visit.in_force).await {
        Ok(asked) => asked,
        Err(error) => return inquiry.trouble(error),
    };
    let form = inquiry.form();
    let field = return_to.as_field();
    let shown = PasskeySignIn {
        frame: inquiry.frame(),
        app: return_to.app().map(|app| app.title.as_str()),
        error,
        options: &asked.options,
        form: form.token(),
        return_to: &field,
        back: &with_return("/sign-in", return_to),
    };
    let origin = return_to.app().map(|app| app.origin.as_str());
    let mut answer = inquiry.show(&shown, error, &form, origin);
    keep(&mut answer, &asked);
    answer
}

/// Where to sign in with a passkey, for the page that asks for a password; `None` where that is not offered.
pub(super) fn way_in(visit: &Visit, return_to: &ReturnTo) -> Option<String> {
    is_offered(visit).then(|| with_return("/sign-in/passkey", return_to))
}

/// The ways to take the second step but this one, the last used first.
pub(super) fn other_ways(held: &HeldFlow, person: &PersonRecord, method: pages::Method) -> Vec<pages::Method> {
    let mut others = ways(held, person);
    others.retain(|way| *way != method);
    others
}

/// The ways to take the second step, the last used first.
pub(super) fn ways(held: &HeldFlow, person: &PersonRecord) -> Vec<pages::Method> {
    let methods = match held.flow.stage {
        Stage::SecondStep { methods } | Stage::SecondStepThenSetUp { methods } => methods,
        Stage::SetUp => Methods::NONE,
    };
    let mut ways: Vec<_> = WAYS.into_iter().filter(|way| methods.has((*way).into())).collect();
    // A recovery code is for the day on which everything else is lost.
    ways.sort_by_key(|way| (*way == pages::Method::Recovery, !person.last_shown.has((*way).into())));
    ways
}

/// The question to one of the person's keys, on the page of the second step.
pub(super) async fn step_page(
    inquiry: &Inquiry,
    held: &HeldFlow,
    person: &PersonRecord,
    error: Option<Problem<'_>>,
) -> Response {
    let Inquiry { gate, visit, .. } = inquiry;
    let asked = match gate.ask_for_passkey(&visit.in_force, held).await {
        Ok(asked) => asked,
        Err(error) => return inquiry.trouble(error),
    };
    let form = inquiry.form();
    let return_to = ReturnTo::of(&visit.in_force.settings, held.return_to.as_deref());
    let others = other_ways(held, person, pages::Method::Passkey);
    let shown = SecondStep {
        frame: inquiry.frame(),
        app: return_to.app().map(|app| app.title.as_str()),
        method: pages::Method::Passkey,
        others: &others,
        options: &asked.options,
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    let origin = return_to.app().map(|app| app.origin.as_str());
    let mut answer = inquiry.show(&shown, error, &form, origin);
    keep(&mut answer, &asked);
    answer
}

/// The question for a new key, in a sign-in.
pub(super) async fn set_up_page(
    inquiry: &Inquiry,
    held: &HeldFlow,
    person: &PersonRecord,
    name: &str,
    error: Option<Problem<'_>>,
) -> Response {
    let Inquiry { gate, visit, .. } = inquiry;
    let asked = match gate.ask_to_set_up_passkey(&visit.in_force, held, person).await {
        Ok(asked) => asked,
        Err(error) => return inquiry.trouble(error),
    };
    let form = inquiry.form();
    let shown = PasskeySetUp {
        frame: inquiry.frame(),
        is_first_day: true,
        has_choice: gate.to_set_up(&visit.in_force, held).len() > 1,
        name,
        error,
        options: &asked.options,
        form: form.token(),
    };
    let mut answer = inquiry.show(&shown, error, &form, None);
    keep(&mut answer, &asked);
    answer
}

/// `POST /second-step/passkey` and `POST /set-up/passkey`.
pub(super) async fn step(Filled { inquiry, fields }: Filled<KeyFields>) -> Response {
    let Inquiry { gate, headers, .. } = &inquiry;
    let (flow, held, person) = match still_under_way(&inquiry).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let step = match gate.second_step_with_passkey(&inquiry.caller(), flow, answer_of(headers, &fields)).await {
        Ok(step) => step,
        Err(error) => return inquiry.trouble(error),
    };
    let problem = match step {
        SignIn::WrongCode | SignIn::WrongPassword | SignIn::UsedCode if held.flow.stage == Stage::SetUp => {
            Problem::PasskeyNotAdded
        }
        SignIn::WrongCode | SignIn::WrongPassword | SignIn::UsedCode => Problem::PasskeyRefused,
        SignIn::Wait(until) => {
            let (left, until) = left_until(gate, until);
            let problem = Problem::Wait { left, until: &until };
            return again(&inquiry, &held, &person, &fields.name, problem).await;
        }
        SignIn::Over => return over(&inquiry, &held),
        other => return onward(&inquiry, other).await,
    };
    again(&inquiry, &held, &person, &fields.name, problem).await
}

async fn again(
    inquiry: &Inquiry,
    held: &HeldFlow,
    person: &PersonRecord,
    name: &str,
    problem: Problem<'_>,
) -> Response {
    match held.flow.stage {
        Stage::SetUp => set_up_page(inquiry, held, person, name, Some(problem)).await,
        Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. } => {
            step_page(inquiry, held, person, Some(problem)).await
        }
    }
}

/// Can people set passkeys up, and sign in with one alone?
pub(super) fn is_offered(visit: &Visit) -> bool {
    visit.in_force.settings.methods.contains(&Method::Passkey)
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

proven!(KeyFields);

const KEY_COOKIE: &str = "__Host-vestibule-key";
/// As long as the question is open.
const KEY_SECONDS: u64 = 5 * 60;
/// The strongest first.
const WAYS: [pages::Method; 6] = [
    pages::Method::Passkey,
    pages::Method::Totp,
    pages::Method::Sms,
    pages::Method::Voice,
    pages::Method::Email,
    pages::Method::Recovery,
];
