//! `/not-me/…`: ends a sign-in that a mail told of, without signing in (D4).
//!
//! Opening the link ends nothing: mail scanners open links. Sending the form does.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, Form as Fields};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::forms::{self, Form, Sent};
use super::pages::{NotMe, NotMeDone, When};
use super::respond::{frame, page as answer_page};
use super::sign_in::{not_ours, trouble};
use super::{Banner, Visit};
use crate::audit::{Actor, Entry};
use crate::gate::Gate;
use crate::store::vault::Outcome;

/// `GET /not-me/{secret}`.
pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Response {
    let session = match gate.vault().not_me(&secret).await {
        Ok(Some(session)) => session,
        Ok(None) => return done(&visit, &banner, StatusCode::GONE, false),
        Err(error) => return trouble(&gate, &visit, &error.into()),
    };
    let form = Form::of(&gate, &headers);
    let shown = NotMe {
        frame: frame(&visit.in_force, &banner),
        device: &session.device,
        address: session.address,
        since: &When::of(session.opened, gate.clock().now()),
        secret: &secret,
        form: form.token(),
    };
    let mut answer = answer_page(&visit.in_force, StatusCode::OK, &shown, None);
    form.keep(&mut answer);
    answer
}

#[derive(Deserialize)]
pub(super) struct EndFields {
    form: String,
    secret: String,
}

/// `POST /not-me`.
pub(super) async fn end(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(banner): Extension<Banner>,
    headers: HeaderMap,
    fields: Sent<EndFields>,
) -> Response {
    let Ok(Fields(EndFields { form, secret })) = fields else { return not_ours(&gate, &visit) };
    if !forms::is_ours(&gate, &headers, visit.in_force.settings.portal.origin(), &form) {
        return not_ours(&gate, &visit);
    }
    let entry = Entry::new(Actor::Anonymous, "session.end").from(visit.resolved.client.ip());
    match gate.end_not_me(&visit.in_force, &secret, entry.detail("by the link of a mail")).await {
        Ok(Outcome::Done(())) => done(&visit, &banner, StatusCode::OK, true),
        Ok(Outcome::Gone) => done(&visit, &banner, StatusCode::GONE, false),
        Err(error) => trouble(&gate, &visit, &error.into()),
    }
}

fn done(visit: &Visit, banner: &Banner, status: StatusCode, has_ended: bool) -> Response {
    answer_page(&visit.in_force, status, &NotMeDone { frame: frame(&visit.in_force, banner), has_ended }, None)
}
