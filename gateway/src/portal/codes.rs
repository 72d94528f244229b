//! `/second-step/send`, `/set-up/send`: a code by text message, by a call or by mail, and the pages around it (S1–S3, S12).
//!
//! A link never sends anything: mail scanners and browsers that look ahead follow links. The form does.

use access::login::Stage;
use access::policy::Method;
use axum::response::Response;
use serde::Deserialize;

use super::asking::{Asking, Filled, Inquiry, Posted, proven};
use super::cookies::set_cookie;
use super::pages::{self, CodeWay, Done, Problem, SendCode, SentCode};
use super::respond::see_other;
use super::return_to::ReturnTo;
use super::sign_in::{FLOW_COOKIE, FLOW_SECONDS, left_until, over, still_under_way};
use super::{Visit, passkeys};
use crate::gate::login::method_word;
use crate::gate::passkeys::StepRemoved;
use crate::store::StoreError;
use crate::store::vault::{HeldFlow, PersonRecord, Sending};

#[derive(Deserialize)]
pub(super) struct SendFields {
    form: String,
    method: String,
    #[serde(default)]
    phone: String,
}

/// `POST /second-step/send`, `POST /set-up/send`.
pub(super) async fn send(Filled { inquiry, fields }: Filled<SendFields>) -> Response {
    let Inquiry { gate, visit, .. } = &inquiry;
    let Some(method) = way(&fields.method) else { return inquiry.not_ours() };
    let (flow, held, person) = match still_under_way(&inquiry).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let (left, until);
    let problem = match gate.send_code(&inquiry.caller(), flow, method.into(), &fields.phone).await {
        Ok(Some(Sending::Done)) => return see_other(&visit.in_force, &page_of(&held, method)),
        Ok(Some(Sending::Gone)) => return over(&inquiry, &held),
        Ok(Some(Sending::Wait(welcome))) => {
            (left, until) = left_until(gate, welcome);
            Problem::SentEnough { left, until: &until }
        }
        Ok(None) if held.flow.stage == Stage::SetUp && method != pages::Method::Email => Problem::NoPhone,
        // It is no way of theirs; the page says which are.
        Ok(None) => return see_other(&visit.in_force, &page_of(&held, pages::Method::Recovery)),
        Err(error) => return inquiry.trouble(error),
    };
    ask(&inquiry, &held, &person, method, &fields.phone, Some(problem)).await
}

/// The page of a way by which codes are sent: before one was, or `again`, that sends one; else that asks for it.
pub(super) async fn page(
    inquiry: &Inquiry,
    held: &HeldFlow,
    person: &PersonRecord,
    method: pages::Method,
    again: bool,
) -> Response {
    let Some(method) = way(method.as_str()) else { return inquiry.not_ours() };
    let was_sent = held.sent.as_ref().is_some_and(|sent| sent.method == method.into());
    if was_sent && !again {
        return entry(inquiry, held, person, method, None);
    }
    ask(inquiry, held, person, method, "", None).await
}

/// The page that asks for a code that was sent. Without one: to the page that sends it.
pub(super) fn entry(
    inquiry: &Inquiry,
    held: &HeldFlow,
    person: &PersonRecord,
    method: pages::Method,
    error: Option<Problem<'_>>,
) -> Response {
    let Inquiry { visit, .. } = inquiry;
    let sent = held.sent.as_ref().filter(|sent| method_word(sent.method) == method.as_str());
    let Some(sent) = sent else { return see_other(&visit.in_force, &page_of(held, method)) };
    let others = passkeys::other_ways(held, person, method);
    let form = inquiry.form();
    let shown = SentCode {
        frame: inquiry.frame(),
        method,
        to: &sent.to.masked(),
        is_set_up: held.flow.stage == Stage::SetUp,
        others: &others,
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    inquiry.show(&shown, error, &form, origin(visit, held).as_deref())
}

/// The page that sends a code.
async fn ask(
    inquiry: &Inquiry,
    held: &HeldFlow,
    person: &PersonRecord,
    method: pages::Method,
    phone: &str,
    error: Option<Problem<'_>>,
) -> Response {
    let Inquiry { gate, visit, .. } = inquiry;
    let is_set_up = held.flow.stage == Stage::SetUp;
    let to = match gate.code_goes_to(person, method.into()).await {
        Ok(to) => to.filter(|_| !is_set_up),
        Err(error) => return inquiry.trouble(error),
    };
    let others = passkeys::other_ways(held, person, method);
    let form = inquiry.form();
    let shown = SendCode {
        frame: inquiry.frame(),
        method,
        to: to.as_deref(),
        phone,
        others: &others,
        has_choice: is_set_up && gate.to_set_up(&visit.in_force, held).len() > 1,
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    inquiry.show(&shown, error, &form, origin(visit, held).as_deref())
}

/// After a right password: where codes are what was used last, one is on its way before the page is there.
pub(super) async fn send_at_once(inquiry: &Inquiry, flow: &str) {
    let gate = &inquiry.gate;
    let Ok(Some((held, person))) = gate.under_way(flow).await else { return };
    let Some(method) = passkeys::ways(&held, &person).first().and_then(|first| way(first.as_str())) else { return };
    // The page says what is the matter if none was sent.
    if let Err(error) = gate.send_code(&inquiry.caller(), flow, method.into(), "").await {
        tracing::warn!(%error, "a code could not be sent");
    }
}

/// What the account page tells of codes that are sent: what is set up, and what could be.
pub(super) async fn ways(asking: &Asking) -> Result<Vec<CodeWay>, StoreError> {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let (person, settings) = (visitor.record(), &visit.in_force.settings);
    let demanded = settings.policy.second_step(visitor.person());
    let mut ways = Vec::new();
    for word in ["sms", "voice", "email"] {
        let Some(method) = way(word) else { continue };
        let by = Method::from(method);
        let to = gate.code_goes_to(person, by).await?;
        if to.is_some() || settings.methods.contains(&by) {
            let may_go = access::login::may_go(person.enrolled.without(by), demanded);
            ways.push(CodeWay { method, to, may_go });
        }
    }
    Ok(ways)
}

#[derive(Deserialize)]
pub(super) struct WayFields {
    form: String,
    method: String,
}

/// `POST /account/codes/set-up`: on to the page that sends the first one.
pub(super) async fn begin(Posted { asking, fields }: Posted<WayFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let Some(method) = way(&fields.method) else { return asking.not_ours() };
    if !visit.in_force.settings.methods.contains(&method.into()) {
        return asking.not_ours();
    }
    match gate.begin_authenticator(visitor, ACCOUNT.to_owned()).await {
        Ok(Some(flow)) => {
            let to = ReturnTo::Query(format!("/set-up?method={}", method.as_str()));
            let mut answer = see_other(&visit.in_force, &to);
            set_cookie(&mut answer, FLOW_COOKIE, flow.expose(), FLOW_SECONDS);
            answer
        }
        Ok(None) => asking.again(ACCOUNT).await,
        Err(error) => asking.trouble(error),
    }
}

/// `POST /account/codes/end`.
pub(super) async fn end(Posted { asking, fields }: Posted<WayFields>) -> Response {
    let (Inquiry { gate, .. }, visitor) = asking.parts();
    let Some(method) = way(&fields.method) else { return asking.not_ours() };
    match gate.end_codes(&asking.caller(), visitor, method.into()).await {
        Ok(StepRemoved::Done) => asking.to_account(Done::Codes),
        Ok(StepRemoved::Stale) => asking.again(ACCOUNT).await,
        // The page offers only what may go.
        Ok(StepRemoved::Gone | StepRemoved::Last) => asking.back_to_account(None),
        Err(error) => asking.trouble(error),
    }
}

/// A way by which codes are sent.
pub(super) fn way(word: &str) -> Option<pages::Method> {
    match word {
        "sms" => Some(pages::Method::Sms),
        "voice" => Some(pages::Method::Voice),
        "email" => Some(pages::Method::Email),
        _ => None,
    }
}

fn page_of(held: &HeldFlow, method: pages::Method) -> ReturnTo {
    let page = if held.flow.stage == Stage::SetUp { "/set-up" } else { "/second-step" };
    ReturnTo::Query(format!("{page}?method={}", method.as_str()))
}

fn origin(visit: &Visit, held: &HeldFlow) -> Option<String> {
    let return_to = ReturnTo::of(&visit.in_force.settings, held.return_to.as_deref());
    return_to.app().map(|app| app.origin.clone())
}

proven!(WayFields, SendFields);

const ACCOUNT: &str = "/account";
