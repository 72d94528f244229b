//! How long does the store take? Each of the five verbs is timed here, in one place, for every implementation.

use std::sync::OnceLock;

use access::Timestamp;
use prometheus::{Histogram, HistogramVec};

use super::movable::{Between, Movable};
use super::{Applied, Batch, Cursor, Feed, Row, Store, StoreError, Table};
use crate::clock::Clock;

/// A store that is timed as soon as somebody wants to know.
#[derive(Debug)]
pub(super) struct Timed {
    store: Movable,
    clock: Clock,
    seconds: OnceLock<Seconds>,
}

/// One histogram a verb, found once: a look-up by label would cost as much as reading a row from memory.
#[derive(Debug)]
struct Seconds {
    get: Histogram,
    scan: Histogram,
    apply: Histogram,
    feed: Histogram,
    sweep: Histogram,
}

impl Timed {
    pub(super) fn new(store: Movable, clock: Clock) -> Self {
        Self { store, clock, seconds: OnceLock::new() }
    }

    /// From now on every call is observed under its verb, also one that fails. Said twice, the first counts.
    pub(super) fn time_into(&self, seconds: &HistogramVec) {
        let of = |verb: &str| seconds.with_label_values(&[verb]);
        self.seconds.get_or_init(|| Seconds {
            get: of("get"),
            scan: of("scan"),
            apply: of("apply"),
            feed: of("feed"),
            sweep: of("sweep"),
        });
    }

    /// The store itself, for another process that asks through this one. Not timed.
    pub(super) fn untimed(&self) -> Movable {
        self.store.clone()
    }

    /// Closes it, for another process to open; see [`Movable::leave`].
    pub(super) async fn leave(&self) -> Between {
        self.store.leave().await
    }

    /// Where the last notice is.
    pub(super) fn latest(&self) -> Cursor {
        self.store.latest()
    }

    /// Waits until something after `cursor` was published; that is no work of the store's and is not timed.
    pub(super) async fn changed_after(&self, cursor: Cursor) {
        self.store.changed_after(cursor).await;
    }

    async fn timed<T>(&self, verb: fn(&Seconds) -> &Histogram, work: impl Future<Output = T> + Send) -> T {
        let Some(seconds) = self.seconds.get() else { return work.await };
        let began = self.clock.moment();
        let answer = work.await;
        verb(seconds).observe(self.clock.moment().since(began).as_secs_f64());
        answer
    }
}

impl Store for Timed {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.timed(|seconds| &seconds.get, self.store.get(table, key)).await
    }

    async fn scan(&self, table: Table, from: &[u8], to: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        self.timed(|seconds| &seconds.scan, self.store.scan(table, from, to, max)).await
    }

    async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        self.timed(|seconds| &seconds.apply, self.store.apply(batch)).await
    }

    async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        self.timed(|seconds| &seconds.feed, self.store.feed(after)).await
    }

    async fn sweep(&self, table: Table, before: Timestamp, max: usize) -> Result<usize, StoreError> {
        self.timed(|seconds| &seconds.sweep, self.store.sweep(table, before, max)).await
    }
}
