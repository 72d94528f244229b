//! `/forgot` and `/reset`: another password for whoever forgot theirs (P1–P3, P7).
//!
//! The link of a mail is opened by people and by scanners: opening it consumes nothing, puts its secret into a cookie and
//! leaves an address without it (A36). Every page here says the same whether an account has the address or not.

use access::Secret;
use axum::Form as Fields;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::asking::{Filled, Inquiry, proven};
use super::cookies::{DONE_COOKIE, DONE_SECONDS, PASSWORD_RESET, clear_cookie, our_cookie, set_cookie};
use super::forms::Sent;
use super::invitation::{least, problem};
use super::pages::{EndBox, Forgot, Impact, LinkSent, Problem, ResetGone, ResetPassword, When};
use super::refusal::{self, Addressee};
use super::respond::{page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{left_until, with_wait};
use crate::gate::recovery::{Asked, Chosen, Reset, Resettable};
use crate::store::vault::{Ends, RESET_LIFE};

/// `GET /forgot`.
pub(super) async fn page(inquiry: Inquiry) -> Response {
    ask(&inquiry, "", None)
}

#[derive(Deserialize)]
pub(super) struct Forgotten {
    email: String,
    form: String,
}

/// `POST /forgot`.
pub(super) async fn submit(Filled { inquiry, fields }: Filled<Forgotten>) -> Response {
    let Inquiry { gate, visit, .. } = &inquiry;
    if !gate.sends_mail(&visit.in_force) {
        return inquiry.not_ours();
    }
    let email = fields.email.trim();
    match gate.forgot_password(email, visit.resolved.client).await {
        Ok(Asked::Noted) => {
            let minutes = RESET_LIFE.as_secs() / 60;
            let shown = LinkSent { frame: inquiry.frame(), email, minutes };
            answer_page(&visit.in_force, StatusCode::OK, &shown, None)
        }
        Ok(Asked::Wait(until)) => with_wait(gate, until, |problem| ask(&inquiry, email, Some(problem))),
        Err(error) => inquiry.trouble(error),
    }
}

/// `GET /reset/{secret}`: out of the address with it.
pub(super) async fn open(inquiry: Inquiry, Path(secret): Path<String>) -> Response {
    let Inquiry { visit, .. } = &inquiry;
    let mut answer = see_other(&visit.in_force, &ReturnTo::Query(RESET.to_owned()));
    if is_one(&secret) {
        set_cookie(&mut answer, RESET_COOKIE, &secret, RESET_LIFE.as_secs());
    }
    answer
}

/// `GET /reset`.
pub(super) async fn reset_page(inquiry: Inquiry) -> Response {
    choose(&inquiry, Ends::default(), None).await
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
pub(super) async fn reset(inquiry: Inquiry, fields: Sent<ResetFields>) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let Some(Fields(fields)) = fields.ok().filter(|Fields(fields)| inquiry.is_ours(&fields.form)) else {
        let to = Addressee::from(visit);
        return refusal::bad_request(to, &to.say("form-not-ours-open-mail"), &gate.reference()).map(Body::from);
    };
    let ResetFields { password, again, tokens, app_passwords, answer1, answer2, .. } = fields;
    let answers = [answer1, answer2].map(Secret::new).into();
    let Some(secret) = our_cookie(headers, RESET_COOKIE) else { return gone(&inquiry) };
    let ends = Ends { tokens: tokens.is_some(), app_passwords: app_passwords.is_some(), ..Ends::default() };
    let chosen = Chosen { new: Secret::new(password), again: Secret::new(again), ends, answers };
    let caller = inquiry.caller();
    match gate.reset_password(&caller, secret, chosen).await {
        Ok(Reset::Done(_)) => {
            let mut answer = inquiry.see("/sign-in?start=again");
            clear_cookie(&mut answer, RESET_COOKIE);
            set_cookie(&mut answer, DONE_COOKIE, PASSWORD_RESET, DONE_SECONDS);
            answer
        }
        Ok(Reset::Gone) => gone(&inquiry),
        Ok(Reset::Fault(fault)) => choose(&inquiry, ends, Some(problem(fault))).await,
        Ok(Reset::WrongAnswer) => choose(&inquiry, ends, Some(Problem::WrongAnswer)).await,
        Ok(Reset::Wait(welcome)) => {
            let (left, until) = left_until(gate, welcome);
            choose(&inquiry, ends, Some(Problem::Wait { left, until: &until })).await
        }
        Err(error) => inquiry.trouble(error),
    }
}

/// The form that asks for an address.
fn ask(inquiry: &Inquiry, email: &str, error: Option<Problem<'_>>) -> Response {
    let Inquiry { gate, visit, .. } = inquiry;
    let form = inquiry.form();
    let sends = gate.sends_mail(&visit.in_force);
    let shown = Forgot { frame: inquiry.frame(), sends, email, error, form: form.token() };
    inquiry.show(&shown, error, &form, None)
}

/// The form for a new password.
async fn choose(inquiry: &Inquiry, ends: Ends, error: Option<Problem<'_>>) -> Response {
    let Inquiry { gate, visit, headers, .. } = inquiry;
    let Some(secret) = our_cookie(headers, RESET_COOKIE).filter(|secret| is_one(secret)) else {
        return gone(inquiry);
    };
    let Resettable { person, tokens, app_passwords } = match gate.resettable(secret).await {
        Ok(Some(found)) => found,
        Ok(None) => return gone(inquiry),
        Err(error) => return inquiry.trouble(error),
    };
    let questions = match gate.questions_of(&visit.in_force, &person).await {
        Ok(questions) => questions.into_iter().map(|question| question.text).collect::<Vec<_>>(),
        Err(error) => return inquiry.trouble(error),
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
    let form = inquiry.form();
    let shown = ResetPassword {
        frame: inquiry.frame(),
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
    inquiry.show(&shown, error, &form, None)
}

fn gone(inquiry: &Inquiry) -> Response {
    let Inquiry { visit, .. } = inquiry;
    let mut answer = answer_page(&visit.in_force, StatusCode::GONE, &ResetGone { frame: inquiry.frame() }, None);
    clear_cookie(&mut answer, RESET_COOKIE);
    answer
}

/// Could this be a link's secret? 256 bits of base64url.
fn is_one(secret: &str) -> bool {
    secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

proven!(Forgotten);

const RESET: &str = "/reset";
const RESET_COOKIE: &str = "__Host-vestibule-reset";
