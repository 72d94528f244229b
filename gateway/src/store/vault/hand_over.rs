//! How does the store pass to another process, and back if that one does not take it?
//!
//! The file can be open in one process only, so it is closed here before it is opened there, and every verb waits for those
//! milliseconds ([`Movable`](crate::store::movable::Movable)). From then on the verbs of this process are answered by the
//! other one. The keys never travel: the other process reads the key file itself.

use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::watch;

use super::open::{SCHEMA, is_ours};
use super::{Backing, Vault};
use crate::store::forwarded::{self, frame};
use crate::store::movable::Between;
use crate::store::{AnyStore, ForwardedStore, RedbStore, StoreError};

/// The store is closed and its lock released; every verb of this process waits until it is known who has it.
#[derive(Debug)]
pub struct HandingOver {
    vault: Vault,
    between: Between,
}

impl Vault {
    /// What two processes must have in common to share a store: how its rows are laid out, and how they ask each other.
    pub const LAYOUT: (u32, u32) = (SCHEMA, frame::FORMAT);

    /// Writes what is queued and closes the store, so that another process can open it. Errors: it lies in memory, or with
    /// another process already.
    pub async fn hand_over(&self) -> Result<HandingOver, StoreError> {
        if self.0.backing.file().is_none() {
            return Err(StoreError::Unavailable("a store in memory can't be handed over".to_owned()));
        }
        Ok(HandingOver { vault: self.clone(), between: self.store().leave().await })
    }

    /// Answers the process whose store this was, until it is gone. Errors: it can't be understood, or the connection's own.
    pub async fn serve_predecessor(&self, stream: UnixStream) -> std::io::Result<()> {
        forwarded::serve(stream, self.store().untimed()).await
    }
}

impl HandingOver {
    /// The other process has it, and is asked over this connection from now on. What comes back becomes true when that
    /// process is gone: then nothing is answered any more.
    pub fn settle_there(self, stream: UnixStream) -> watch::Receiver<bool> {
        let store = ForwardedStore::over(stream);
        let ended = store.ended();
        self.between.settle(AnyStore::Forwarded(store));
        ended
    }

    /// The other process did not take it: opens it again, as soon as that process has let go of it. Whatever may have
    /// happened to it meanwhile, nothing is served from a store that is not the one that was closed. Errors: it never will be.
    pub async fn take_back(self) -> Result<(), StoreError> {
        loop {
            match self.open_again().await {
                Ok(store) => {
                    self.between.settle(store);
                    return Ok(());
                }
                Err(StoreError::InUse) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(error @ (StoreError::Corrupt(_) | StoreError::TooNew { .. })) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "the store can't be opened again yet: {error}");
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    async fn open_again(&self) -> Result<AnyStore, StoreError> {
        let inner = &self.vault.0;
        let gone = || StoreError::Corrupt("it is not there any more".to_owned());
        let file = inner.backing.file().filter(|file| file.exists()).ok_or_else(gone)?;
        let store = AnyStore::Redb(RedbStore::open(file, inner.clock.clone(), inner.keys.audit())?);
        if is_ours(&store, &inner.keys).await? { Ok(store) } else { Err(gone()) }
    }
}

impl Backing {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Redb { file, .. } => Some(file),
        }
    }
}

/// How soon it is looked again whether the other process has let go.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
