//! `check` and `config show`: what do the files say, and is it right?

use std::path::Path;

use serde_json::json;

use super::{Style, misconfigured, print, trouble};
use crate::clock::Clock;
use crate::config::{self, Faults, Loaded, Severity};
use crate::tls::Certificates;

/// Reads everything that `serve` would read, also the certificates.
pub(super) fn check(dir: &Path, style: Style) -> u8 {
    let loaded = config::load(dir, Clock::system().now());
    let loaded = loaded.and_then(|loaded| {
        Certificates::load(&loaded.settings).map_err(Faults)?;
        loaded.settings.verify_breached(None)?;
        Ok(loaded)
    });
    match (loaded, style) {
        (Ok(Loaded { warnings, cases, .. }), Style::Json) => {
            print::out(&format!("{:#}", json!({ "ok": true, "cases": cases, "warnings": warnings })));
            0
        }
        (Ok(Loaded { warnings, cases, .. }), Style::Words) => {
            for warning in &warnings {
                print::err(&warning.told_as(Severity::Warning).to_string());
            }
            let held = match cases {
                0 => "The configuration is right. It has no cases yet: `cases:` in a policy file prove what it says."
                    .into(),
                1 => "The configuration is right; its one case held.".to_owned(),
                cases => format!("The configuration is right; {cases} cases held."),
            };
            print::out(&held);
            0
        }
        (Err(faults), Style::Json) => {
            print::out(&format!("{:#}", json!({ "ok": false, "faults": faults.0 })));
            78
        }
        (Err(faults), Style::Words) => trouble(&misconfigured(dir, &faults), style),
    }
}

/// The configuration with its defaults.
pub(super) fn show(dir: &Path, style: Style) -> u8 {
    match config::show(dir) {
        Ok(yaml) => {
            print::out(&yaml);
            0
        }
        Err(faults) => trouble(&misconfigured(dir, &faults), style),
    }
}
