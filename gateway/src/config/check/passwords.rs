//! What holds for passwords.

use std::path::Path;
use std::sync::Arc;

use super::{gateway, scalars};
use crate::breached::{Breached, BreachedError};
use crate::config::fault::{Page, shown};
use crate::config::file::Gateway;
use crate::config::passwords::{BAD_BREACHED_FILE, BUILD_IT};
use crate::config::words::FilePath;
use crate::config::written::At;
use crate::config::{BreachedFile, Passwords};

/// `None`: the page says why. Of the file with breached passwords only the header is read here: every command loads the
/// configuration, and the file may be gigabytes.
pub(super) fn check(page: Page<'_>, written: &Gateway, dir: &Path) -> Option<Passwords> {
    let passwords = written.sign_in.as_ref().and_then(|sign_in| sign_in.value.passwords.as_ref());
    let Some(At { value: passwords, .. }) = passwords else { return Some(Passwords::default()) };
    let max_age = passwords
        .max_age
        .as_ref()
        .filter(|written| written.value.0 != NEVER)
        .map(|written| scalars::time_span(page, written));
    let breached = passwords.breached_file.as_ref().map(|written| breached(page, written, dir));
    match (breached, max_age) {
        // What was written and not understood is not as good as not written.
        (Some(None), _) | (_, Some(None)) => None,
        (breached, max_age) => Some(Passwords { breached: breached.flatten(), max_age: max_age.flatten() }),
    }
}

/// The word for no age at all.
pub(in crate::config) const NEVER: &str = "never";

fn breached(page: Page<'_>, written: &At<FilePath>, dir: &Path) -> Option<BreachedFile> {
    if !gateway::is_readable(page, written, dir) {
        return None;
    }
    let path = dir.join(&written.value.0);
    match Breached::open(&path) {
        Ok(known) => Some(BreachedFile { known: Arc::new(known), path, place: page.place(written.spot) }),
        Err(error @ (BreachedError::Unreadable(_) | BreachedError::Foreign | BreachedError::Damaged(_))) => {
            let name = shown(&written.value.0);
            let message = format!("the file of breached passwords `{name}` can't be used: {error}");
            page.refuse(BAD_BREACHED_FILE, written.spot, message, BUILD_IT);
            None
        }
    }
}
