//! The administrators' way into a running gateway: a Unix socket beside the store.
//!
//! Whoever connects must be root or the gateway's own user. The verbs are those of [`crate::admin`]; here they get what only
//! a running gateway has: its latest refusals, its reload, and the certainty that a change is in force before it is
//! acknowledged.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use access::policy::Goal;
use access::target::CanonicalPath;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;

use super::reload::Reloader;
use crate::admin::{self, AdminError, Command, wire};
use crate::gate::{Gate, Reference};
use crate::store::vault::Force;

/// Binds the socket, replacing one that a dead process left behind.
pub(super) fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

pub(super) async fn serve(socket: UnixListener, gate: Arc<Gate>, reloader: Arc<Reloader>) {
    let places = Arc::new(Semaphore::new(COMMANDS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match socket.accept().await {
            Ok((stream, _)) => {
                let (gate, reloader) = (Arc::clone(&gate), Arc::clone(&reloader));
                tokio::spawn(async move {
                    let answered = wire::serve_one(stream, |command| perform(&gate, &reloader, command)).await;
                    if let Err(error) = answered {
                        tracing::warn!("an administrative command was not answered: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket could not accept");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn perform(gate: &Gate, reloader: &Reloader, command: Command) -> Result<serde_json::Value, AdminError> {
    let in_force = reloader.in_force();
    match command {
        Command::Reload { force } => {
            let force = if force { Force::Yes } else { Force::No };
            let reloaded = reloader.reload(force).await.map_err(|faults| AdminError::config(&faults))?;
            Ok(serde_json::json!({
                "generation": reloaded.generation,
                "cases": reloaded.cases,
                "cut": reloaded.cut,
                "warnings": reloaded.warnings,
                "needs_restart": reloaded.needs_restart,
            }))
        }
        Command::Why { code } => why(gate, reloader, &code),
        other => {
            let done = admin::perform(gate.vault(), &in_force, gate.clock(), other).await;
            // Also after a failure: what was done before it is in force when the answer arrives.
            gate.catch_up(&in_force).await.map_err(AdminError::from)?;
            done
        }
    }
}

/// The story behind a reference code: what was asked, and the walk through the rules as they are now.
fn why(gate: &Gate, reloader: &Reloader, code: &str) -> Result<serde_json::Value, AdminError> {
    let unknown = || AdminError::unknown("refusal with this code", code);
    let reference = Reference::parse(code).ok_or_else(unknown)?;
    let denial = gate.denial(&reference).ok_or_else(unknown)?;
    let in_force = reloader.in_force();
    let app = denial.app.as_ref().and_then(|app| in_force.settings.policy.rules().apps.get(app));
    let tolerated = app.map(|app| app.paths_may_contain).unwrap_or_default();
    let path = if denial.path.is_empty() { b"/" } else { denial.path.as_bytes() };
    let path = CanonicalPath::parse_unusual(path, tolerated);
    let goal = match (&denial.app, &path) {
        (Some(app), Ok(path)) => Goal::App { app, method: &denial.method, path },
        _ if denial.visitor.is_some() => Goal::Portal,
        _ => Goal::SignIn,
    };
    let walk = gate.explain(&in_force, denial.origin, goal, denial.visitor.as_ref());
    Ok(serde_json::json!({
        "reference": denial.reference.as_str(),
        "at": denial.at.millis(),
        "code": denial.code,
        "address": denial.origin.address.ip(),
        "app": denial.app.as_ref().map(ToString::to_string),
        "method": denial.method,
        "path": denial.path,
        "user": denial.visitor.as_ref().map(|visitor| visitor.person().name.to_string()),
        "walk": admin::walk_json(&walk),
    }))
}

/// Administrative commands at a time.
const COMMANDS: usize = 8;
