//! `/invitation/…`: the first sign-in of a new person, who chooses a password (ASVS 6.4.1).
//!
//! Opening the link consumes nothing: mail scanners open links. Sending the form does, once.

use access::Secret;
use access::password::{PasswordError, Strength, Weakness};
use axum::Form as Fields;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::Visit;
use super::asking::Inquiry;
use super::forms::Sent;
use super::pages::{Invitation, InvitationGone, Problem};
use super::refusal::{self, Addressee};
use super::respond::page as answer_page;
use crate::gate::Gate;
use crate::gate::login::{Invited, PasswordFault};
use crate::store::vault::PersonRecord;

/// `GET /invitation/{secret}`.
pub(super) async fn page(inquiry: Inquiry, Path(secret): Path<String>) -> Response {
    let Inquiry { gate, .. } = &inquiry;
    match gate.vault().invited(&secret).await {
        Ok(Some(person)) => choose(&inquiry, &person, &secret, None),
        Ok(None) => gone(&inquiry),
        Err(error) => inquiry.trouble(error),
    }
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    password: String,
    again: String,
    form: String,
    invitation: String,
}

/// `POST /invitation`.
pub(super) async fn submit(inquiry: Inquiry, fields: Sent<Chosen>) -> Response {
    let Inquiry { gate, visit, .. } = &inquiry;
    let Some(Fields(fields)) = fields.ok().filter(|Fields(fields)| inquiry.is_ours(&fields.form)) else {
        let to = Addressee::from(visit);
        return refusal::bad_request(to, &to.say("form-not-ours-open-invitation"), &gate.reference()).map(Body::from);
    };
    let Chosen { password, again, invitation, .. } = fields;
    let (password, again) = (Secret::new(password), Secret::new(again));
    let caller = inquiry.caller();
    match gate.accept_invitation(&caller, &invitation, password, &again).await {
        Ok(Invited::Done(_)) => inquiry.see("/sign-in?start=again"),
        Ok(Invited::Gone) => gone(&inquiry),
        Ok(Invited::Fault(fault)) => match gate.vault().invited(&invitation).await {
            Ok(Some(person)) => choose(&inquiry, &person, &invitation, Some(problem(fault))),
            Ok(None) => gone(&inquiry),
            Err(error) => inquiry.trouble(error),
        },
        Err(error) => inquiry.trouble(error),
    }
}

fn choose(inquiry: &Inquiry, person: &PersonRecord, invitation: &str, error: Option<Problem<'_>>) -> Response {
    let Inquiry { gate, visit, .. } = inquiry;
    let form = inquiry.form();
    let shown = Invitation {
        frame: inquiry.frame(),
        username: person.person.name.as_str(),
        full_name: &person.full_name,
        least: least(gate, visit, person),
        error,
        form: form.token(),
        invitation,
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut answer = answer_page(&visit.in_force, status, &shown, None);
    form.keep(&mut answer);
    answer
}

fn gone(inquiry: &Inquiry) -> Response {
    let Inquiry { visit, .. } = inquiry;
    answer_page(&visit.in_force, StatusCode::GONE, &InvitationGone { frame: inquiry.frame() }, None)
}

/// Characters that a password of theirs must have.
pub(super) fn least(gate: &Gate, visit: &Visit, person: &PersonRecord) -> usize {
    match gate.least_strength(&visit.in_force, person) {
        Strength::WithSecondStep => 8,
        Strength::Alone => 15,
    }
}

/// Why a new password was not taken, as the pages say it.
pub(super) const fn problem(fault: PasswordFault) -> Problem<'static> {
    match fault {
        PasswordFault::Differ => Problem::Differ,
        PasswordFault::Same => Problem::SamePassword,
        PasswordFault::Form(PasswordError::Empty) => Problem::TooShort { least: 8 },
        PasswordFault::Form(PasswordError::TooLong) => Problem::PasswordTooLong,
        PasswordFault::Weak(Weakness::TooShort { least }) => Problem::TooShort { least },
        PasswordFault::Weak(Weakness::Breached) => Problem::Breached,
        PasswordFault::Weak(Weakness::Common | Weakness::Personal) => Problem::TooCommon,
    }
}
