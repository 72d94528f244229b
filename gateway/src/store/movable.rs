//! Which process holds the store: this one, nobody for a moment, or the one that took over?
//!
//! Every verb goes through here. A hand-over waits until the verbs under way have been answered, closes the store, and
//! while nobody holds it new verbs wait, [`PATIENCE`] at most, then they fail and their request is refused. Afterwards the
//! same verbs reach the store where it is: over there, or here again if the other process did not take it.
//!
//! Each holder has a stream of notices of its own. A cursor of the one before is a gap: what was cached is forgotten, since
//! nobody can tell what was published meanwhile.

use std::sync::Arc;
use std::time::Duration;

use access::Timestamp;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, watch};

use super::feed::Bell;
use super::{AnyStore, Applied, Batch, Cursor, Feed, Row, Store, StoreError, Table};

/// A store that can move to another process. Clones move together.
#[derive(Clone, Debug)]
pub(super) struct Movable {
    /// Absent while nobody holds it.
    place: Arc<RwLock<Option<AnyStore>>>,
    /// Of whoever holds it: what can be known without waiting.
    bell: watch::Sender<Bell>,
}

/// Nobody holds the store, and every verb waits. Dropped without [`Between::settle`], the verbs fail from then on.
#[derive(Debug)]
pub(super) struct Between {
    place: OwnedRwLockWriteGuard<Option<AnyStore>>,
    bell: watch::Sender<Bell>,
}

impl Movable {
    pub(super) fn new(store: AnyStore) -> Self {
        let bell = watch::Sender::new(store.bell());
        Self { place: Arc::new(RwLock::new(Some(store))), bell }
    }

    /// Answers what is under way, then closes the store: what was queued is written, and its lock is released.
    pub(super) async fn leave(&self) -> Between {
        let mut place = Arc::clone(&self.place).write_owned().await;
        let store = place.take();
        // The writer's thread is waited for. If it panicked, the store is closed all the same.
        let _ = tokio::task::spawn_blocking(move || drop(store)).await;
        Between { place, bell: self.bell.clone() }
    }

    /// Where the last notice is.
    pub(super) fn latest(&self) -> Cursor {
        self.bell.borrow().latest()
    }

    /// Waits until something after `cursor` was published, or the store has moved since. Never misses a notice.
    pub(super) async fn changed_after(&self, cursor: Cursor) {
        let mut bells = self.bell.subscribe();
        loop {
            let bell = bells.borrow_and_update().clone();
            tokio::select! {
                () = bell.changed_after(cursor) => return,
                // The sender is a field of `self`.
                _ = bells.changed() => {}
            }
        }
    }

    /// Waits while nobody holds the store.
    async fn enter(&self) -> Result<RwLockReadGuard<'_, AnyStore>, StoreError> {
        let place = match self.place.try_read() {
            Ok(place) => place,
            Err(_) => tokio::time::timeout(PATIENCE, self.place.read())
                .await
                .map_err(|_late| StoreError::Unavailable("it is being handed over to another process".to_owned()))?,
        };
        RwLockReadGuard::try_map(place, Option::as_ref)
            .map_err(|_| StoreError::Unavailable("it was closed and not opened again".to_owned()))
    }
}

impl Between {
    /// The store is to be found there from now on, and the verbs go on.
    pub(super) fn settle(mut self, store: AnyStore) {
        let bell = store.bell();
        *self.place = Some(store);
        // First the verbs, then those who wait for a change and then ask.
        drop(self.place);
        self.bell.send_replace(bell);
    }
}

impl Store for Movable {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.enter().await?.get(table, key).await
    }

    async fn scan(&self, table: Table, from: &[u8], to: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        self.enter().await?.scan(table, from, to, max).await
    }

    async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        self.enter().await?.apply(batch).await
    }

    async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        self.enter().await?.feed(after).await
    }

    async fn sweep(&self, table: Table, before: Timestamp, max: usize) -> Result<usize, StoreError> {
        self.enter().await?.sweep(table, before, max).await
    }
}

/// How long a verb waits while nobody holds the store.
const PATIENCE: Duration = Duration::from_secs(5);
