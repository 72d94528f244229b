//! `/forgot` and `/reset`: another password for whoever forgot theirs (P1–P3, P7).
//!
//! The link of a mail is opened by people and by scanners: opening it consumes nothing, puts its secret into a cookie and
//! leaves an address without it (A36). Every page here says the same whether an account has the address or not.

use std::sync::Arc;

use access::Secret;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, Form as Fields};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::cookies::{DONE_COOKIE, DONE_SECONDS, PASSWORD_RESET, clear_cookie, our_cookie, set_cookie};
use super::forms::{self, Form, Sent};
use super::invitation::{least, problem};
use super::pages::{EndBox, Forgot, Impact, LinkSent, Problem, ResetGone, ResetPassword, When};
use super::respond::{frame, page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{caller, left_until, not_ours, status_of, trouble, with_wait};
use super::{Banner, Visit, refusal};
use crate::gate::Gate;
use crate::gate::recovery::{Asked, Chosen, Reset, Resettable};
use crate::store::vault::{Ends, RESET_LIFE, SessionKind};

/// `GET /forgot`.
pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
) -> Response {
    ask(&gate, &visit, &banner, &headers, "", None)
}

#[derive(Deserialize)]
pub(super) struct Forgotten {
    email: String,
    form: String,
}

/// `POST /forgot`.
pub(super) async fn submit(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<Forgotten>,
) -> Response {
    let Ok(Fields(Forgotten { email, form })) = fields else { return not_ours(&gate, &visit) };
    if !gate.sends_mail(&visit.in_force)
        || !forms::is_ours(&gate, &headers, visit.in_force.settings.portal.origin(), &form)
    {
        return not_ours(&gate, &visit);
    }
    let email = email.trim();
    match gate.forgot_password(email, visit.resolved.client).await {
        Ok(Asked::Noted) => {
            let minutes = RESET_LIFE.as_secs() / 60;
            let shown = LinkSent { frame: frame(&visit.in_force, &banner), email, minutes };
            answer_page(&visit.in_force, StatusCode::OK, &shown, None)
        }
        Ok(Asked::Wait(until)) => {
            with_wait(&gate, until, |problem| ask(&gate, &visit, &banner, &headers, email, Some(problem)))
        }
        Err(error) => trouble(&gate, &visit, &error.into()),
    }
}

/// `GET /reset/{secret}`: out of the address with it.
pub(super) async fn open(Extension(visit): Extension<Visit>, Path(secret): Path<String>) -> Response {
    let mut answer = see_other(&visit.in_force, &ReturnTo::Query(RESET.to_owned()));
    if is_one(&secret) {
        set_cookie(&mut answer, RESET_COOKIE, &secret, RESET_LIFE.as_secs());
    }
    answer
}

/// `GET /reset`.
pub(super) async fn reset_page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
) -> Response {
    choose(&gate, &visit, &banner, &headers, Ends::default(), None).await
}

#[derive(Deserialize)]
pub(super) struct ResetFields {
    form: String,
    password: String,
    again: String,
    tokens: Option<String>,
    app_passwords: Option<String>,
    #[serde(default)]
    answer1: String,
    #[serde(default)]
    answer2: String,
}

/// `POST /reset`.
pub(super) async fn reset(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<ResetFields>,
) -> Response {
    let ours =
        |fields: &ResetFields| forms::is_ours(&gate, &headers, visit.in_force.settings.portal.origin(), &fields.form);
    let Some(Fields(fields)) = fields.ok().filter(|Fields(fields)| ours(fields)) else {
        let sentence = "This form is too old or came from elsewhere. Open the link of your mail again.";
        return refusal::bad_request(&visit.in_force, visit.reader, sentence, &gate.reference()).map(Body::from);
    };
    let ResetFields { password, again, tokens, app_passwords, answer1, answer2, .. } = fields;
    let answers = [answer1, answer2].map(Secret::new).into();
    let Some(secret) = our_cookie(&headers, RESET_COOKIE) else { return gone(&visit, &banner) };
    let ends = Ends { tokens: tokens.is_some(), app_passwords: app_passwords.is_some(), ..Ends::default() };
    let chosen = Chosen { new: Secret::new(password), again: Secret::new(again), ends, answers };
    let caller = caller(&visit, &headers, SessionKind::Portal);
    match gate.reset_password(&caller, secret, chosen).await {
        Ok(Reset::Done(_)) => {
            let mut answer = see_other(&visit.in_force, &ReturnTo::Query("/sign-in?start=again".to_owned()));
            clear_cookie(&mut answer, RESET_COOKIE);
            set_cookie(&mut answer, DONE_COOKIE, PASSWORD_RESET, DONE_SECONDS);
            answer
        }
        Ok(Reset::Gone) => gone(&visit, &banner),
        Ok(Reset::Fault(fault)) => choose(&gate, &visit, &banner, &headers, ends, Some(problem(fault))).await,
        Ok(Reset::WrongAnswer) => choose(&gate, &visit, &banner, &headers, ends, Some(Problem::WrongAnswer)).await,
        Ok(Reset::Wait(welcome)) => {
            let (left, until) = left_until(&gate, welcome);
            choose(&gate, &visit, &banner, &headers, ends, Some(Problem::Wait { left, until: &until })).await
        }
        Err(error) => trouble(&gate, &visit, &error),
    }
}

/// The form that asks for an address.
fn ask(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    email: &str,
    error: Option<Problem<'_>>,
) -> Response {
    let form = Form::of(gate, headers);
    let sends = gate.sends_mail(&visit.in_force);
    let shown = Forgot { frame: frame(&visit.in_force, banner), sends, email, error, form: form.token() };
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, None);
    form.keep(&mut answer);
    answer
}

/// The form for a new password.
async fn choose(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    ends: Ends,
    error: Option<Problem<'_>>,
) -> Response {
    let Some(secret) = our_cookie(headers, RESET_COOKIE).filter(|secret| is_one(secret)) else {
        return gone(visit, banner);
    };
    let Resettable { person, tokens, app_passwords } = match gate.resettable(secret).await {
        Ok(Some(found)) => found,
        Ok(None) => return gone(visit, banner),
        Err(error) => return trouble(gate, visit, &error.into()),
    };
    let questions = match gate.questions_of(&visit.in_force, &person).await {
        Ok(questions) => questions.into_iter().map(|question| question.text).collect::<Vec<_>>(),
        Err(error) => return trouble(gate, visit, &error),
    };
    let now = gate.clock().now();
    let stops = tokens
        .into_iter()
        .map(|token| Impact { name: token.name, used: token.last_used.map(|(at, _)| When::of(at, now)) })
        .collect();
    let app_passwords = app_passwords
        .into_iter()
        .map(|one| Impact { name: one.name, used: one.last_used.map(|last| When::of(last.at, now)) })
        .collect();
    let form = Form::of(gate, headers);
    let shown = ResetPassword {
        frame: frame(&visit.in_force, banner),
        username: person.person.name.as_str(),
        least: least(gate, visit, &person),
        questions: &questions,
        boxes: &[
            EndBox { name: "tokens", ticked: ends.tokens, stops },
            EndBox { name: "app_passwords", ticked: ends.app_passwords, stops: app_passwords },
        ],
        error,
        form: form.token(),
    };
    let mut answer = answer_page(&visit.in_force, status_of(error), &shown, None);
    form.keep(&mut answer);
    answer
}

fn gone(visit: &Visit, banner: &Banner) -> Response {
    let mut answer =
        answer_page(&visit.in_force, StatusCode::GONE, &ResetGone { frame: frame(&visit.in_force, banner) }, None);
    clear_cookie(&mut answer, RESET_COOKIE);
    answer
}

/// Could this be a link's secret? 256 bits of base64url.
fn is_one(secret: &str) -> bool {
    secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

const RESET: &str = "/reset";
const RESET_COOKIE: &str = "__Host-vestibule-reset";
