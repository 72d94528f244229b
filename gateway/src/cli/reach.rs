//! Which way to the store? Through the running gateway if there is one, else straight.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::misconfigured;
use crate::admin::wire::{ConnectError, ask, socket_path};
use crate::admin::{self, AdminError, Code, Command};
use crate::clock::Clock;
use crate::config::{self, InForce, Loaded};
use crate::store::StoreError;
use crate::store::vault::{Backing, Vault};

/// Where commands go, found once and used for each of them.
pub(super) struct Reach {
    socket: PathBuf,
    clock: Clock,
    /// Without it only a running gateway can be asked.
    loaded: Option<Loaded>,
    straight: Option<(Vault, InForce)>,
}

impl Reach {
    /// From the configuration, or from the store's name where that is given because the configuration can't be read.
    pub(super) fn find(config: &Path, store: Option<&Path>) -> Result<Self, AdminError> {
        let clock = Clock::system();
        let loaded = config::load(config, clock.now());
        match (loaded, store) {
            (Ok(loaded), _) => {
                let socket = socket_path(store.unwrap_or(&loaded.settings.store));
                Ok(Self { socket, clock, loaded: Some(loaded), straight: None })
            }
            (Err(_), Some(store)) => Ok(Self { socket: socket_path(store), clock, loaded: None, straight: None }),
            (Err(faults), None) => {
                let error = misconfigured(config, &faults);
                Err(if error.help.is_some() {
                    error
                } else {
                    error.help("A gateway that runs on the files as they were can still be reached with --store FILE.")
                })
            }
        }
    }

    /// Performs a command wherever it can be performed.
    pub(super) async fn perform(&mut self, command: Command) -> Result<Value, AdminError> {
        if let Some((vault, in_force)) = &self.straight {
            return admin::perform(vault, in_force, &self.clock, command).await;
        }
        match ask(&self.socket, command.clone()).await {
            Ok(answer) => return answer,
            Err(ConnectError::NobodyListens(_)) => {}
            Err(error @ (ConnectError::NotPermitted(_) | ConnectError::Broken(_))) => {
                return Err(AdminError::new(Code::Unavailable, error.to_string()));
            }
        }
        // Nothing has to be opened to say so.
        match command {
            Command::Why { .. } => return Err(AdminError::needs_gateway("why")),
            Command::Reload { .. } => return Err(AdminError::needs_gateway("reload")),
            _ => {}
        }
        let Some(Loaded { settings, digest, .. }) = self.loaded.take() else {
            return Err(AdminError::new(Code::Unavailable, format!("no gateway listens at {}", self.socket.display()))
                .help("without one, the configuration has to be right: `vestibule check`"));
        };
        let backing = Backing::Redb { file: settings.store.clone(), key_file: settings.store_key.clone() };
        let vault = open(&backing, &self.clock).await?;
        let in_force = InForce { settings, generation: 1, digest, client_authority: None };
        vault.tell_changes(in_force.settings.couriers.email.is_some());
        let (vault, in_force) = self.straight.insert((vault, in_force));
        admin::perform(vault, in_force, &self.clock, command).await
    }
}

/// Another command may have it open for a moment: that is worth a second's patience.
async fn open(backing: &Backing, clock: &Clock) -> Result<Vault, StoreError> {
    for _ in 0..10 {
        match Vault::open(backing, clock.clone()).await {
            Err(StoreError::InUse) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            opened => return opened,
        }
    }
    Vault::open(backing, clock.clone()).await
}
