//! `/invitation/…`: the first sign-in of a new person, who chooses a password (ASVS 6.4.1).
//!
//! Opening the link consumes nothing: mail scanners open links. Sending the form does, once.

use std::sync::Arc;

use access::Secret;
use access::password::{PasswordError, Strength, Weakness};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, Form as Fields};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::forms::{self, Form, Sent};
use super::pages::{Invitation, InvitationGone, Problem};
use super::respond::{frame, page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{caller, trouble};
use super::{Banner, Visit, refusal};
use crate::gate::Gate;
use crate::gate::login::{Invited, PasswordFault};
use crate::store::vault::{PersonRecord, SessionKind};

/// `GET /invitation/{secret}`.
pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Response {
    match gate.vault().invited(&secret).await {
        Ok(Some(person)) => choose(&gate, &visit, &banner, &headers, &person, &secret, None),
        Ok(None) => gone(&visit, &banner),
        Err(error) => trouble(&gate, &visit, &error.into()),
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
pub(super) async fn submit(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<Chosen>,
) -> Response {
    let ours = |fields: &Chosen| forms::is_ours(&gate, &headers, visit.in_force.settings.portal.origin(), &fields.form);
    let Some(Fields(fields)) = fields.ok().filter(|Fields(fields)| ours(fields)) else {
        let sentence = "This form is too old or came from elsewhere. Open your invitation again.";
        return refusal::bad_request(&visit.in_force, visit.reader, sentence, &gate.reference()).map(Body::from);
    };
    let Chosen { password, again, invitation, .. } = fields;
    let (password, again) = (Secret::new(password), Secret::new(again));
    let caller = caller(&visit, &headers, SessionKind::Portal);
    match gate.accept_invitation(&caller, &invitation, password, &again).await {
        Ok(Invited::Done(_)) => see_other(&visit.in_force, &ReturnTo::Query("/sign-in?start=again".to_owned())),
        Ok(Invited::Gone) => gone(&visit, &banner),
        Ok(Invited::Fault(fault)) => match gate.vault().invited(&invitation).await {
            Ok(Some(person)) => choose(&gate, &visit, &banner, &headers, &person, &invitation, Some(problem(fault))),
            Ok(None) => gone(&visit, &banner),
            Err(error) => trouble(&gate, &visit, &error.into()),
        },
        Err(error) => trouble(&gate, &visit, &error),
    }
}

fn choose(
    gate: &Gate,
    visit: &Visit,
    banner: &Banner,
    headers: &HeaderMap,
    person: &PersonRecord,
    invitation: &str,
    error: Option<Problem<'_>>,
) -> Response {
    let form = Form::of(gate, headers);
    let shown = Invitation {
        frame: frame(&visit.in_force, banner),
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

fn gone(visit: &Visit, banner: &Banner) -> Response {
    answer_page(&visit.in_force, StatusCode::GONE, &InvitationGone { frame: frame(&visit.in_force, banner) }, None)
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
