//! `serve`: from the first socket to the last request.

use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::{Style, misconfigured, trouble};
use crate::admin::{AdminError, Code};
use crate::clock::Clock;
use crate::server::{Bound, Options, Server, StartError};
use crate::store::vault::Force;

/// Runs a gateway until it is told to end.
pub(super) async fn serve(config: PathBuf, style: Style) -> u8 {
    let options = Options {
        config_dir: config.clone(),
        clock: Clock::system(),
        bound: Bound::default(),
        access_log: Some(Box::new(std::io::stdout())),
        banner: None,
    };
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hang_up)) = signals else {
        return trouble(&AdminError::new(Code::Failed, "signals can't be listened to"), style);
    };
    let server = match Server::start(options).await {
        Ok(server) => server,
        Err(error) => {
            let told = match &error {
                StartError::Config(faults) => misconfigured(&config, faults),
                other => AdminError::new(Code::Failed, other.to_string()),
            };
            trouble(&told, style);
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
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // The outcome is logged, counted and noted by the reload itself.
            _ = hang_up.recv() => drop(server.reloader().reload(Force::No).await),
        }
    }
    tracing::info!("ending: no new connections, {} seconds for those that are open", GRACE.as_secs());
    server.stop(GRACE).await;
    0
}

/// How long requests may take to end: below the ten seconds after which containers are killed.
const GRACE: Duration = Duration::from_secs(8);
