//! One thread writes. What waits when a commit begins becomes part of it, up to [`GROUP`] batches.
//!
//! Within the group each batch sees those before it. A batch is weighed before anything of it is written, so one that is
//! refused leaves its neighbours alone. Nobody is answered before the commit is durable. If it fails, everybody in the
//! group is told that, and the file is opened anew: redb refuses all further writes after a failed one, and what the file
//! holds then is the truth.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};

use access::Timestamp;
use redb::{Database, Durability, ReadableTable, WriteTransaction};
use tokio::sync::oneshot;
use tracing::{error, info};

use super::rows::{definition, expiry, read_row, write_row};
use super::{Shared, failure, open_database};
use crate::store::chain::{self, Chain};
use crate::store::plan::{Plan, plan};
use crate::store::{Applied, Batch, Notice, Row, StoreError, Table};

/// Something for the writer to do.
pub(super) enum Job {
    /// All of it or nothing.
    Apply {
        /// What.
        batch: Batch,
        /// Who waits.
        reply: oneshot::Sender<Result<Applied, StoreError>>,
    },
    /// Remove what has expired.
    Sweep {
        /// Where.
        table: Table,
        /// Long enough ago.
        before: Timestamp,
        /// So many at most.
        max: usize,
        /// Who waits.
        reply: oneshot::Sender<Result<usize, StoreError>>,
    },
    /// A read has failed: open the file anew.
    Heal,
}

/// A job's answer, held back until the commit.
enum Answer {
    Applied(Result<Applied, StoreError>),
    Swept(usize),
    Healed,
}

/// The thread's own.
pub(super) struct Writer {
    shared: Arc<Shared>,
    chain: Chain,
    /// Where the next sweep of each table goes on.
    swept_to: [Vec<u8>; Table::ALL.len()],
}

/// A group that was carried out.
struct Group {
    answers: Vec<Answer>,
    notices: Vec<Notice>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, chain: Chain) -> Self {
        Self { shared, chain, swept_to: Default::default() }
    }

    /// Until the store is dropped.
    pub(super) fn work(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut jobs = vec![first];
            jobs.extend(queue.try_iter().take(GROUP - 1));
            self.serve(jobs);
        }
    }

    fn serve(&mut self, jobs: Vec<Job>) {
        if self.needs_opening(&jobs) {
            self.open_anew();
        }
        // redb asserts much; a panic of its must not end the only thread that writes.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.carry_out(&jobs)));
        let outcome = outcome.unwrap_or_else(|_| Err(StoreError::Unknown("the write panicked".to_owned())));
        match outcome {
            Ok(Group { answers, notices }) => {
                self.shared.notices.publish(notices);
                for (job, answer) in jobs.into_iter().zip(answers) {
                    job.answer(answer);
                }
            }
            Err(failure) => {
                error!(%failure, waiting = jobs.len(), "a group of changes could not be stored: {failure}");
                self.open_anew();
                // What was cached may be older than what the file holds now.
                if matches!(failure, StoreError::Unknown(_)) {
                    self.shared.notices.publish(vec![Notice::All]);
                }
                for job in jobs {
                    job.fail(&failure);
                }
            }
        }
    }

    fn carry_out(&mut self, jobs: &[Job]) -> Result<Group, StoreError> {
        let shared = Arc::clone(&self.shared);
        let database = shared.database.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || StoreError::Unavailable("the file could not be opened again after a failure".to_owned());
        let database = database.as_ref().ok_or_else(closed)?;
        let transaction = begin(database).map_err(failure)?;
        let mut chain = self.chain.clone();
        let mut group = Group { answers: Vec::with_capacity(jobs.len()), notices: Vec::new() };
        let mut is_changed = false;

        for job in jobs {
            let answer = match job {
                Job::Apply { batch, .. } => {
                    let applied = self.apply(&transaction, batch, &mut chain).map_err(failure)?;
                    if matches!(applied, Ok(Applied::Done { .. })) {
                        group.notices.extend_from_slice(&batch.notices);
                        is_changed |= !batch.writes.is_empty() || !batch.audit.is_empty();
                    }
                    Answer::Applied(applied)
                }
                Job::Sweep { table, before, max, .. } => {
                    let swept = self.sweep(&transaction, *table, *before, *max).map_err(failure)?;
                    is_changed |= swept > 0;
                    Answer::Swept(swept)
                }
                Job::Heal => Answer::Healed,
            };
            group.answers.push(answer);
        }
        if !is_changed {
            transaction.abort().map_err(|error| failure(error.into()))?;
            return Ok(group);
        }
        if chain.count() > self.chain.count() {
            put(&transaction, Table::Meta, chain::HEAD, &chain.head()).map_err(failure)?;
        }
        transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))?;
        self.chain = chain;
        Ok(group)
    }

    /// The outer error ends the group; the inner one is this batch's own.
    fn apply(
        &self,
        transaction: &WriteTransaction,
        batch: &Batch,
        chain: &mut Chain,
    ) -> Result<Result<Applied, StoreError>, redb::Error> {
        let now = self.shared.clock.now();
        let planned = plan(batch, now, |table, key| get(transaction, table, key).map_err(failure));
        let (rows, sums) = match planned {
            Err(error) => return Ok(Err(error)),
            Ok(Plan::Refused { guard }) => return Ok(Ok(Applied::Refused { guard })),
            Ok(Plan::Go { rows, sums }) => (rows, sums),
        };
        for ((table, key), row) in rows {
            let mut stored = transaction.open_table(definition(table))?;
            match row {
                Some(Row { version, expires, value, .. }) => {
                    stored.insert(key.as_slice(), write_row(version, expires, &value).as_slice())?;
                }
                None => {
                    stored.remove(key.as_slice())?;
                }
            }
        }
        for entry in &batch.audit {
            let (key, value) = chain.link(now, entry);
            put(transaction, Table::Audit, &key, &value)?;
        }
        Ok(Ok(Applied::Done { sums }))
    }

    /// Looks at no more than [`EXAMINED`] rows, from where the last sweep of this table ended, and round.
    fn sweep(
        &mut self,
        transaction: &WriteTransaction,
        table: Table,
        before: Timestamp,
        max: usize,
    ) -> Result<usize, redb::Error> {
        let before = before.min(self.shared.clock.now());
        let mut stored = transaction.open_table(definition(table))?;
        let start = std::mem::take(&mut self.swept_to[table as usize]);
        let mut over = Vec::new();
        let mut examined = 0;
        let mut stopped_at = None;
        {
            let behind = stored.range(start.as_slice()..)?;
            let around = stored.range(..start.as_slice())?;
            for entry in behind.chain(around) {
                let (key, value) = entry?;
                if examined == EXAMINED || over.len() == max {
                    stopped_at = Some(key.value().to_vec());
                    break;
                }
                examined += 1;
                if expiry(value.value()).is_some_and(|expires| expires < before) {
                    over.push(key.value().to_vec());
                }
            }
        }
        for key in &over {
            stored.remove(key.as_slice())?;
        }
        self.swept_to[table as usize] = stopped_at.unwrap_or_default();
        Ok(over.len())
    }

    fn needs_opening(&self, jobs: &[Job]) -> bool {
        let is_closed = self.shared.database.read().unwrap_or_else(PoisonError::into_inner).is_none();
        is_closed || jobs.iter().any(|job| matches!(job, Job::Heal))
    }

    /// Closes the file and opens it again. If that fails it stays closed, and the next job tries once more.
    fn open_anew(&mut self) {
        let mut database = self.shared.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        match open_database(&self.shared.opener, &self.shared.key) {
            Ok((opened, chain)) => {
                info!("the store was opened again after a failure");
                self.chain = chain;
                *database = Some(opened);
            }
            Err(failure) => error!(%failure, "the store could not be opened again: {failure}"),
        }
    }
}

impl Job {
    fn answer(self, answer: Answer) {
        // Who has stopped waiting needs no answer.
        match (self, answer) {
            (Self::Apply { reply, .. }, Answer::Applied(answer)) => drop(reply.send(answer)),
            (Self::Sweep { reply, .. }, Answer::Swept(count)) => drop(reply.send(Ok(count))),
            _ => {}
        }
    }

    fn fail(self, failure: &StoreError) {
        match self {
            Self::Apply { reply, .. } => drop(reply.send(Err(failure.clone()))),
            Self::Sweep { reply, .. } => drop(reply.send(Err(failure.clone()))),
            Self::Heal => {}
        }
    }
}

/// A write that will be durable when it is committed. Two phases: redb's changelog (4.2, 4.3) tells of one-phase commits
/// that two crashes in a row could roll back.
pub(super) fn begin(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

fn get(transaction: &WriteTransaction, table: Table, key: &[u8]) -> Result<Option<Row>, redb::Error> {
    let rows = transaction.open_table(definition(table))?;
    rows.get(key)?.map(|value| read_row(key, value.value())).transpose()
}

/// A row of the chain's own: no guard, never expires.
fn put(transaction: &WriteTransaction, table: Table, key: &[u8], value: &[u8]) -> Result<(), redb::Error> {
    let version = get(transaction, table, key)?.map_or(1, |row| row.version + 1);
    let mut rows = transaction.open_table(definition(table))?;
    rows.insert(key, write_row(version, None, value).as_slice())?;
    Ok(())
}

/// Batches in one commit.
const GROUP: usize = 1_024;
/// Rows a sweep looks at, so that a large table does not hold up the writes behind it.
const EXAMINED: usize = 16_384;
