//! `/not-me/…`: signs out everywhere, without signing in, for whoever did not make a sign-in that a mail told of (D4).
//!
//! Opening the link ends nothing: mail scanners open links. Sending the form does.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::asking::{Filled, Inquiry, proven};
use super::pages::{NotMe, NotMeDone, When};
use super::respond::page as answer_page;
use crate::audit::{Actor, Entry};
use crate::store::vault::Outcome;

/// `GET /not-me/{secret}`.
pub(super) async fn page(inquiry: Inquiry, Path(secret): Path<String>) -> Response {
    let Inquiry { gate, .. } = &inquiry;
    let told = match gate.vault().not_me(&secret).await {
        Ok(Some(told)) => told,
        Ok(None) => return done(&inquiry, StatusCode::GONE, false),
        Err(error) => return inquiry.trouble(error),
    };
    let form = inquiry.form();
    let shown = NotMe {
        frame: inquiry.frame(),
        device: &told.device,
        address: told.address,
        since: &When::of(told.at, gate.clock().now()),
        secret: &secret,
        form: form.token(),
    };
    inquiry.show(&shown, None, &form, None)
}

#[derive(Deserialize)]
pub(super) struct EndFields {
    form: String,
    secret: String,
}

/// `POST /not-me`.
pub(super) async fn end(Filled { inquiry, fields }: Filled<EndFields>) -> Response {
    let Inquiry { gate, visit, .. } = &inquiry;
    let entry = Entry::new(Actor::Anonymous, "user.sign-out").from(visit.resolved.client.ip());
    match gate.end_not_me(&visit.in_force, &fields.secret, entry.detail("by the link of a mail")).await {
        Ok(Outcome::Done(())) => done(&inquiry, StatusCode::OK, true),
        Ok(Outcome::Gone) => done(&inquiry, StatusCode::GONE, false),
        Err(error) => inquiry.trouble(error),
    }
}

fn done(inquiry: &Inquiry, status: StatusCode, has_ended: bool) -> Response {
    let Inquiry { visit, .. } = inquiry;
    answer_page(&visit.in_force, status, &NotMeDone { frame: inquiry.frame(), has_ended }, None)
}

proven!(EndFields);
