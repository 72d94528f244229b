//! Who signed in with a password that is too old chooses another before anything else opens (`sign_in.passwords.max_age`).
//!
//! Every way onward from the portal asks here: the front page, the way to an app, and all pages of one's account but the one
//! on which a password is chosen. An app's own session begins at the portal, so that this keeps apps closed too.

use axum::response::Response;

use super::Visit;
use super::account::PASSWORD;
use super::respond::see_other;
use super::return_to::ReturnTo;
use crate::gate::{Gate, Visitor};

/// To the page on which a password is chosen, if one has to be.
pub(super) fn choose_first(gate: &Gate, visit: &Visit, visitor: &Visitor) -> Option<Response> {
    gate.has_to_choose(&visit.in_force, visitor).then(|| see_other(&visit.in_force, &ReturnTo::Portal(PASSWORD)))
}
