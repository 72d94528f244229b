//! Who signed in with a password that is too old chooses another before anything else opens (`sign_in.passwords.max_age`);
//! who has to have security questions sets them (`sign_in.security_questions`).
//!
//! Every way onward from the portal asks here: the front page, the way to an app, and all pages of one's account but the one
//! on which a password is chosen. An app's own session begins at the portal, so that this keeps apps closed too.

use super::Visit;
use super::account::PASSWORD;
use super::questions::QUESTIONS;
use crate::gate::{Gate, Visitor};

/// To the page on which a password is chosen, or security questions are set, if that has to be done first.
pub(super) fn choose_first(gate: &Gate, visit: &Visit, visitor: &Visitor) -> Option<&'static str> {
    if gate.has_to_choose(&visit.in_force, visitor) {
        return Some(PASSWORD);
    }
    gate.has_to_set_questions(&visit.in_force, visitor).then_some(QUESTIONS)
}
