//! The administrators' way into a running gateway: a Unix socket beside the store.
//!
//! Whoever connects must be root or the gateway's own user. The verbs are those of [`crate::admin`]; here they get what only
//! a running gateway has: its latest refusals, its reload, and the certainty that a change is in force before it is
//! acknowledged.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use access::policy::Goal;
use access::target::CanonicalPath;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::hand_over::Giver;
use super::reload::Reloader;
use crate::admin::{self, AdminError, Command, wire};
use crate::gate::{Gate, Reference};
use crate::store::vault::Force;

/// The socket's name, removed on drop unless it has come to be another process'.
pub(super) struct Path {
    path: PathBuf,
    /// What it is called until it is [published](Path::publish).
    fresh: PathBuf,
    identity: Option<(u64, u64)>,
}

/// Binds the socket under a name that nobody asks, beside the right one.
pub(super) fn bind(path: PathBuf) -> std::io::Result<(UnixListener, Path)> {
    let fresh = path.with_file_name(format!(".{}.sock", std::process::id()));
    match std::fs::remove_file(&fresh) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = UnixListener::bind(&fresh)?;
    let identity = identity(&fresh);
    let bound = Path { path, fresh, identity };
    std::fs::set_permissions(&bound.fresh, std::fs::Permissions::from_mode(0o600))?;
    Ok((socket, bound))
}

impl Path {
    /// From now on it is this process that is asked. Replaces in one step what a dead process left behind or what belongs to
    /// the one that was taken over from: there is no moment without a socket.
    pub(super) fn publish(&self) -> std::io::Result<()> {
        std::fs::rename(&self.fresh, &self.path)
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        for name in [&self.fresh, &self.path] {
            if self.identity.is_some() && identity(name) == self.identity {
                // Best effort: what is left behind is replaced at the next start.
                let _ = std::fs::remove_file(name);
            }
        }
    }
}

fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    path.symlink_metadata().ok().map(|found| (found.dev(), found.ino()))
}

pub(super) async fn serve(socket: UnixListener, gate: Arc<Gate>, reloader: Arc<Reloader>, giver: Arc<Giver>) {
    let places = Arc::new(Semaphore::new(COMMANDS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match socket.accept().await {
            Ok((stream, _)) => {
                let (gate, reloader, giver) = (Arc::clone(&gate), Arc::clone(&reloader), Arc::clone(&giver));
                tokio::spawn(async move {
                    if let Err(error) = one(stream, &gate, &reloader, &giver).await {
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

async fn one(stream: UnixStream, gate: &Gate, reloader: &Reloader, giver: &Giver) -> std::io::Result<()> {
    let Some(asked) = wire::hear(stream).await? else { return Ok(()) };
    if matches!(asked.command, Command::HandOver { .. }) {
        return giver.give(asked).await;
    }
    let answer = perform(gate, reloader, asked.command.clone()).await;
    asked.answer(answer).await?.shutdown().await
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
