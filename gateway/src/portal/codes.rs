//! `/second-step/send`, `/set-up/send`: a code by text message, by a call or by mail, and the pages around it (S1–S3, S12).
//!
//! A link never sends anything: mail scanners and browsers that look ahead follow links. The form does.

use std::sync::Arc;

use access::login::Stage;
use access::policy::Method;
use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Form as Fields};
use http::HeaderMap;
use serde::Deserialize;

use super::asking::{Asking, Posted, Proven};
use super::cookies::{our_cookie, set_cookie};
use super::forms::{self, Form, Sent};
use super::pages::{self, CodeWay, Done, Problem, SendCode, SentCode};
use super::respond::{frame, page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{
    FLOW_COOKIE, FLOW_SECONDS, caller, left_until, not_ours, nothing_under_way, over, status_of, trouble,
};
use super::{Banner, Visit, passkeys};
use crate::gate::Gate;
use crate::gate::login::method_word;
use crate::store::StoreError;
use crate::store::vault::{HeldFlow, PersonRecord, Sending, SessionKind};

#[derive(Deserialize)]
pub(super) struct SendFields {
    form: String,
    method: String,
    #[serde(default)]
    phone: String,
}

/// `POST /second-step/send`, `POST /set-up/send`.
pub(super) async fn send(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<SendFields>,
) -> Response {
    let Ok(Fields(fields)) = fields else { return not_ours(&gate, &visit) };
    let ours = forms::is_ours(&gate, &headers, visit.in_force.settings.portal.origin(), &fields.form);
    let (true, Some(method)) = (ours, way(&fields.method)) else { return not_ours(&gate, &visit) };
    let flow = our_cookie(&headers, FLOW_COOKIE).unwrap_or_default();
    let (held, person) = match gate.under_way(flow).await {
        Ok(Some(found)) => found,
        Ok(None) => return nothing_under_way(&gate, &visit, &banner, &headers).await,
        Err(error) => return trouble(&gate, &visit, &error.into()),
    };
    let caller = caller(&visit, &headers, SessionKind::Portal);
    let (left, until);
    let problem = match gate.send_code(&caller, flow, method.1, &fields.phone).await {
        Ok(Some(Sending::Done)) => return see_other(&visit.in_force, &page_of(&held, method.0)),
        Ok(Some(Sending::Gone)) => return over(&gate, &visit, &banner, &headers, &held),
        Ok(Some(Sending::Wait(welcome))) => {
            (left, until) = left_until(&gate, welcome);
            Problem::SentEnough { left, until: &until }
        }
        Ok(None) if held.flow.stage == Stage::SetUp && method.0 != pages::Method::Email => Problem::NoPhone,
        // It is no way of theirs; the page says which are.
        Ok(None) => return see_other(&visit.in_force, &page_of(&held, pages::Method::Recovery)),
        Err(error) => return trouble(&gate, &visit, &error),
    };
    ask(&gate, &visit, &banner, &headers, &held, &person, method, &fields.phone, Some(problem)).await
}

/// The page of a way by which codes are sent: before one was, or `again`, that sends one; else that asks for it.
#[expect(clippy::too_many_arguments, reason = "the page's parts, each from elsewhere")]
pub(super) async fn page(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    method: pages::Method,
    again: bool,
) -> Response {
    let Some(method) = way(method.as_str()) else { return not_ours(gate, visit) };
    let was_sent = held.sent.as_ref().is_some_and(|sent| sent.method == method.1);
    if was_sent && !again {
        return entry(gate, visit, banner, headers, held, person, method.0, None);
    }
    ask(gate, visit, banner, headers, held, person, method, "", None).await
}

/// The page that asks for a code that was sent. Without one: to the page that sends it.
#[expect(clippy::too_many_arguments, reason = "the page's parts, each from elsewhere")]
pub(super) fn entry(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    method: pages::Method,
    error: Option<Problem<'_>>,
) -> Response {
    let sent = held.sent.as_ref().filter(|sent| method_word(sent.method) == method.as_str());
    let Some(sent) = sent else { return see_other(&visit.in_force, &page_of(held, method)) };
    let mut others = passkeys::ways(held, person);
    others.retain(|way| *way != method);
    let form = Form::of(gate, headers);
    let shown = SentCode {
        frame: frame(&visit.in_force, banner),
        method,
        to: &sent.to.masked(),
        is_set_up: held.flow.stage == Stage::SetUp,
        others: &others,
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, origin(visit, held).as_deref());
    form.keep(&mut answer);
    answer
}

/// The page that sends a code.
#[expect(clippy::too_many_arguments, reason = "the page's parts, each from elsewhere")]
async fn ask(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    held: &HeldFlow,
    person: &PersonRecord,
    (method, by): (pages::Method, Method),
    phone: &str,
    error: Option<Problem<'_>>,
) -> Response {
    let is_set_up = held.flow.stage == Stage::SetUp;
    let to = match gate.code_goes_to(person, by).await {
        Ok(to) => to.filter(|_| !is_set_up),
        Err(error) => return trouble(gate, visit, &error.into()),
    };
    let mut others = passkeys::ways(held, person);
    others.retain(|way| *way != method);
    let form = Form::of(gate, headers);
    let shown = SendCode {
        frame: frame(&visit.in_force, banner),
        method,
        to: to.as_deref(),
        phone,
        others: &others,
        has_choice: is_set_up && gate.to_set_up(&visit.in_force, held).len() > 1,
        username: person.person.name.as_str(),
        error,
        form: form.token(),
    };
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, origin(visit, held).as_deref());
    form.keep(&mut answer);
    answer
}

/// After a right password: where codes are what was used last, one is on its way before the page is there.
pub(super) async fn send_at_once(gate: &Gate, visit: &Visit, headers: &HeaderMap, flow: &str) {
    let Ok(Some((held, person))) = gate.under_way(flow).await else { return };
    let Some((_, method)) = passkeys::ways(&held, &person).first().and_then(|first| way(first.as_str())) else {
        return;
    };
    let caller = caller(visit, headers, SessionKind::Portal);
    // The page says what is the matter if none was sent.
    if let Err(error) = gate.send_code(&caller, flow, method, "").await {
        tracing::warn!(%error, "a code could not be sent");
    }
}

/// What the account page tells of codes that are sent: what is set up, and what could be.
pub(super) async fn ways(asking: &Asking) -> Result<Vec<CodeWay>, StoreError> {
    let Asking { gate, visit, visitor, .. } = asking;
    let (person, settings) = (visitor.record(), &visit.in_force.settings);
    let demanded = settings.policy.second_step(visitor.person());
    let mut ways = Vec::new();
    for word in ["sms", "voice", "email"] {
        let Some((method, by)) = way(word) else { continue };
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

impl Proven for WayFields {
    fn form_token(&self) -> &str {
        &self.form
    }
}

/// `POST /account/codes/set-up`: on to the page that sends the first one.
pub(super) async fn begin(Posted { asking, fields }: Posted<WayFields>) -> Response {
    let Asking { gate, visit, visitor, .. } = &asking;
    let Some((method, by)) = way(&fields.method) else { return not_ours(gate, visit) };
    if !visit.in_force.settings.methods.contains(&by) {
        return not_ours(gate, visit);
    }
    match gate.begin_authenticator(visitor, ACCOUNT.to_owned()).await {
        Ok(Some(flow)) => {
            let to = ReturnTo::Query(format!("/set-up?method={}", method.as_str()));
            let mut answer = see_other(&visit.in_force, &to);
            set_cookie(&mut answer, FLOW_COOKIE, flow.expose(), FLOW_SECONDS);
            answer
        }
        Ok(None) => asking.again(ACCOUNT).await,
        Err(error) => trouble(gate, visit, &error.into()),
    }
}

/// `POST /account/codes/end`.
pub(super) async fn end(Posted { asking, fields }: Posted<WayFields>) -> Response {
    let Asking { gate, visit, headers, visitor, .. } = &asking;
    let Some((_, method)) = way(&fields.method) else { return not_ours(gate, visit) };
    if !gate.is_fresh(visitor) {
        return asking.again(ACCOUNT).await;
    }
    match gate.end_codes(&caller(visit, headers, SessionKind::Portal), visitor, method).await {
        Ok(true) => asking.to_account(Done::Codes),
        // The page offers only what may go.
        Ok(false) => see_other(&visit.in_force, &ReturnTo::Portal(ACCOUNT)),
        Err(error) => trouble(gate, visit, &error),
    }
}

/// A way by which codes are sent, on the page and to the gate.
pub(super) fn way(word: &str) -> Option<(pages::Method, Method)> {
    match word {
        "sms" => Some((pages::Method::Sms, Method::Sms)),
        "voice" => Some((pages::Method::Voice, Method::Voice)),
        "email" => Some((pages::Method::Email, Method::Email)),
        _ => None,
    }
}

fn page_of(held: &HeldFlow, method: pages::Method) -> ReturnTo {
    let page = if held.flow.stage == Stage::SetUp { "/set-up" } else { "/second-step" };
    ReturnTo::Query(format!("{page}?method={}", method.as_str()))
}

fn origin(visit: &Visit, held: &HeldFlow) -> Option<String> {
    let return_to = ReturnTo::parse(&visit.in_force.settings, held.return_to.as_deref().unwrap_or("/"));
    return_to.app().map(|app| app.origin.clone())
}

const ACCOUNT: &str = "/account";
