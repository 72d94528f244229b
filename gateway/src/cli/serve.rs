//! `serve`: from the first socket to the last request.

use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Style, misconfigured, trouble};
use crate::admin::{AdminError, Code};
use crate::clock::Clock;
use crate::server::{Bound, Options, Server, Start, StartError};
use crate::store::StoreError;
use crate::store::vault::Force;

/// Runs a gateway until it is told to end, or until another process has taken over.
pub(super) async fn serve(config: PathBuf, start: Start, style: Style) -> u8 {
    let options = Options {
        config_dir: config.clone(),
        clock: Clock::system(),
        bound: Bound::default(),
        start,
        access_log: Some(Box::new(std::io::stdout())),
        banner: None,
    };
    let (Ok(mut told), Ok(mut hang_up)) = (Told::listen(), signal(SignalKind::hangup())) else {
        return trouble(&AdminError::new(Code::Failed, "signals can't be listened to"), style);
    };
    let mut server = match Server::start(options).await {
        Ok(server) => server,
        Err(error) => {
            trouble(&why(&error, &config, start), style);
            return error.exit_code();
        }
    };
    let addresses = server.addresses();
    tracing::info!(
        http = addresses.http.map(tracing::field::display),
        https = addresses.https.map(tracing::field::display),
        admin = %addresses.admin,
        "vestibule {} is ready",
        env!("CARGO_PKG_VERSION")
    );
    loop {
        tokio::select! {
            () = told.once_more() => {
                // First, so that it is true when it is said.
                server.take_nobody_new();
                tracing::info!("ending: no new connections, {} seconds for those that are open", limit(&server).as_secs());
                break;
            }
            () = server.handed_over() => {
                tracing::info!("handed over: {} seconds for the connections that are open", limit(&server).as_secs());
                break;
            }
            // The outcome is logged, counted and noted by the reload itself.
            _ = hang_up.recv() => drop(server.reloader().reload(Force::No).await),
        }
    }
    let limit = limit(&server);
    tokio::select! {
        () = server.drain(limit) => {}
        () = told.once_more() => tracing::info!("told to end at once: what is open is cut"),
    }
    server.end().await;
    0
}

/// The signals that tell it to end.
struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn once_more(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn why(error: &StartError, config: &std::path::Path, start: Start) -> AdminError {
    let told = AdminError::new(Code::Failed, error.to_string());
    match error {
        StartError::Config(faults) => misconfigured(config, faults),
        StartError::Store(StoreError::InUse) if start == Start::Alone => told.help(
            "If that is a running gateway: `vestibule serve --take-over` takes over from it, and nobody notices.",
        ),
        _ => told,
    }
}

/// How long what is under way may take to end: as the configuration says that is in force now.
fn limit(server: &Server) -> Duration {
    server.reloader().in_force().settings.limits.drain
}
