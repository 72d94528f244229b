//! Which new passwords are taken, and how long may one be used?

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::policy::Place;

use super::{Fault, Faults, Settings};
use crate::breached::Breached;

/// What holds for passwords beside length and the bundled list.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    /// Those that have leaked. `None`: nobody looks.
    pub breached: Option<BreachedFile>,
    /// Who signs in with an older one chooses another first. `None`: never by age alone (NIST SP 800-63B-4 §3.1.1.2).
    pub max_age: Option<Duration>,
}

/// A file of breached passwords, open, and where it is named.
#[derive(Clone, Debug)]
pub struct BreachedFile {
    /// What it says.
    pub known: Arc<Breached>,
    /// The file.
    pub path: PathBuf,
    /// Where it stands.
    pub place: Place,
}

impl Settings {
    /// Reads the file of breached passwords from end to end, unless it is the one of `before`: what was sound is. Takes a
    /// second or two a gigabyte. Errors: it is damaged.
    pub fn verify_breached(&self, before: Option<&Self>) -> Result<(), Faults> {
        let Some(BreachedFile { known, path, place }) = &self.passwords.breached else { return Ok(()) };
        let verified = before.and_then(|before| before.passwords.breached.as_ref());
        if verified.is_some_and(|before| before.known.is_same(known)) {
            return Ok(());
        }
        known.verify().map_err(|error| {
            Faults(vec![Fault {
                code: BAD_BREACHED_FILE,
                file: place.file.to_string(),
                line: place.line,
                column: 1,
                source: String::new(),
                message: format!("the file of breached passwords `{}` can't be used: {error}", path.display()),
                help: Some(BUILD_IT.to_owned()),
            }])
        })
    }
}

pub(super) const BAD_BREACHED_FILE: &str = "bad_breached_file";
pub(super) const BUILD_IT: &str =
    "make it anew with `vestibule breached build`, or delete the key: passwords are not held against it then";
