//! A store in one file of this machine.
//!
//! One redb table for each [`Table`]; a row is `version ‖ expires ‖ value`. Reads are made where they are asked for: they
//! take microseconds and see the last commit. Writes queue for the one writer thread ([`writer`]), which commits them in
//! groups, each commit durable and in two phases. A second process can't open the file.

mod rows;
mod writer;

use std::fmt::Debug;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use access::Timestamp;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, TableHandle};
use tokio::sync::oneshot;

use super::chain::{self, AuditKey, Chain};
use super::feed::{Bell, Notices};
use super::seal::sync_name;
use super::{Applied, Batch, Cursor, Feed, Row, Store, StoreError, Table};
use crate::clock::Clock;
use rows::{definition, read_row, write_row};
use writer::{Job, Writer};

/// A redb file, held open by this process alone.
#[derive(Debug)]
pub struct RedbStore {
    shared: Arc<Shared>,
    queue: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
}

/// What readers and the writer have in common.
struct Shared {
    opener: Opener,
    key: AuditKey,
    clock: Clock,
    notices: Notices,
    /// Absent after a failure, until the writer could open it again.
    database: RwLock<Option<Database>>,
}

/// How the database is opened, now and after a failure.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

impl RedbStore {
    /// Opens the file, or makes it with mode 0600. Expiry is judged by `clock`; the audit chain is keyed with `key`.
    /// Errors: [`StoreError::InUse`]; [`StoreError::Corrupt`] if it is something else; [`StoreError::Unavailable`] if the
    /// system says no.
    pub fn open(file: &Path, clock: Clock, key: AuditKey) -> Result<Self, StoreError> {
        let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file);
        let made = made.and_then(|made| if made.metadata()?.len() == 0 { sync_name(file) } else { Ok(()) });
        made.map_err(|error| StoreError::Unavailable(format!("{}: {error}", file.display())))?;
        let file: PathBuf = file.to_owned();
        let open = move || Database::builder().set_cache_size(CACHE).create(&file);
        Self::open_with(Box::new(open), clock, key)
    }

    pub(super) fn open_with(opener: Opener, clock: Clock, key: AuditKey) -> Result<Self, StoreError> {
        let (database, chain) = open_database(&opener, &key)?;
        let database = RwLock::new(Some(database));
        let shared = Arc::new(Shared { opener, key, clock, notices: Notices::new()?, database });
        let (queue, jobs) = sync_channel(QUEUE);
        let writer = Writer::new(Arc::clone(&shared), chain);
        let thread = std::thread::Builder::new().name("store writer".to_owned()).spawn(move || writer.work(&jobs));
        let thread = thread
            .map_err(|error| StoreError::Unavailable(format!("the writer's thread can't be started: {error}")))?;
        Ok(Self { shared, queue: Some(queue), writer: Some(thread) })
    }

    /// Rings when something is published.
    pub(super) fn bell(&self) -> Bell {
        self.shared.notices.bell()
    }

    fn read<T>(&self, look: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let database = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed);
        let found = database.and_then(|database| look(&database.begin_read()?));
        found.map_err(failure).inspect_err(|failure| {
            // Whoever only reads would meet the same failure for ever. If the queue is full, the writer is at it already.
            if let (StoreError::Unavailable(_), Some(queue)) = (failure, &self.queue) {
                let _ = queue.try_send(Job::Heal);
            }
        })
    }

    /// Hands a job to the writer and waits for its answer.
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(|| StoreError::Unavailable("it is being closed".to_owned()))?;
        queue.try_send(job(reply)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Unavailable(format!("{QUEUE} changes are waiting already")),
            TrySendError::Disconnected(_) => StoreError::Unavailable("its writer has stopped".to_owned()),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Unknown("its writer stopped meanwhile".to_owned())))
    }
}

impl Store for RedbStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let now = self.shared.clock.now();
        let row = self.read(|transaction| {
            let rows = transaction.open_table(definition(table))?;
            rows.get(key)?.map(|value| read_row(key, value.value())).transpose()
        })?;
        Ok(row.filter(|row| row.is_live(now)))
    }

    async fn scan(&self, table: Table, from: &[u8], to: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let now = self.shared.clock.now();
        self.read(|transaction| {
            let mut found = Vec::new();
            for entry in transaction.open_table(definition(table))?.range(from..to)? {
                if found.len() == max {
                    break;
                }
                let (key, value) = entry?;
                found.extend(Some(read_row(key.value(), value.value())?).filter(|row| row.is_live(now)));
            }
            Ok(found)
        })
    }

    async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        self.ask(|reply| Job::Apply { batch, reply }).await
    }

    async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        Ok(self.shared.notices.after(after))
    }

    async fn sweep(&self, table: Table, before: Timestamp, max: usize) -> Result<usize, StoreError> {
        self.ask(|reply| Job::Sweep { table, before, max, reply }).await
    }
}

impl Drop for RedbStore {
    /// What is queued is still written; then the file is closed, so that it can be opened again at once.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared(…)")
    }
}

/// Opens the database, makes what a new one needs, and finds the end of its audit chain.
fn open_database(opener: &Opener, key: &AuditKey) -> Result<(Database, Chain), StoreError> {
    let database = opener().map_err(|error| failure(error.into()))?;
    let chain = prepare(&database, key).map_err(failure)?;
    Ok((database, chain))
}

fn prepare(database: &Database, key: &AuditKey) -> Result<Chain, redb::Error> {
    if database.begin_read()?.list_tables()?.next().is_none() {
        let chain = Chain::new(key.clone());
        let transaction = writer::begin(database)?;
        for table in Table::ALL {
            transaction.open_table(definition(table))?;
        }
        let head = write_row(1, None, &chain.head());
        transaction.open_table(definition(Table::Meta))?.insert(chain::HEAD, head.as_slice())?;
        transaction.commit()?;
        return Ok(chain);
    }
    add_new_tables(database)?;
    let transaction = database.begin_read()?;
    let head = transaction.open_table(definition(Table::Meta))?.get(chain::HEAD)?;
    let head = head.map(|value| read_row(chain::HEAD, value.value())).transpose()?;
    let entries = transaction.open_table(definition(Table::Audit))?;
    let last = entries.last()?;
    let last = last.map(|(key, value)| read_row(key.value(), value.value())).transpose()?;
    Ok(Chain::recover(key.clone(), head.as_ref().map(|row| row.value.as_slice()), last.as_ref()))
}

/// Makes the tables that the program that wrote this database did not know yet.
fn add_new_tables(database: &Database) -> Result<(), redb::Error> {
    let known: Vec<_> = database.begin_read()?.list_tables()?.map(|table| table.name().to_owned()).collect();
    let is_new = |table: &Table| !known.iter().any(|name| name == definition(*table).name());
    let new: Vec<_> = Table::ALL.into_iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(());
    }
    let transaction = writer::begin(database)?;
    for table in new {
        transaction.open_table(definition(table))?;
    }
    transaction.commit()?;
    Ok(())
}

/// redb's failures in the store's words. Nothing happened, unless a commit failed; that is told apart by the writer.
fn failure(error: redb::Error) -> StoreError {
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => StoreError::InUse,
        redb::Error::Corrupted(why) => StoreError::Corrupt(why),
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            StoreError::Corrupt(format!("it is no redb file: {error}"))
        }
        redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_) => StoreError::Corrupt(format!("it is not one of ours: {error}")),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Changes that may wait for the writer.
const QUEUE: usize = 4_096;
/// Bytes of pages kept in memory; the system caches the file as well.
const CACHE: usize = 64 << 20;

#[cfg(test)]
mod tests;
