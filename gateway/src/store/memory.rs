//! A store that is gone with the process: for the demo, for tests, and as the model that the others are compared with.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use access::Timestamp;

use super::chain::{self, AuditKey, Chain};
use super::feed::{Bell, Notices};
use super::plan::{Plan, plan};
use super::{Applied, Batch, Cursor, Feed, Row, Store, StoreError, Table};
use crate::clock::Clock;

/// Ordered maps behind a lock.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Clock,
    state: Mutex<Box<State>>,
    notices: Notices,
}

#[derive(Debug)]
struct State {
    tables: [BTreeMap<Vec<u8>, Row>; Table::ALL.len()],
    chain: Chain,
}

impl MemoryStore {
    /// Empty. Expiry is judged by `clock`; the audit chain is keyed with `key`. Errors: the system gives no random bytes.
    pub fn new(clock: Clock, key: AuditKey) -> Result<Self, StoreError> {
        let mut state = State { tables: Default::default(), chain: Chain::new(key) };
        let head = state.chain.head();
        state.put(Table::Meta, chain::HEAD.to_vec(), head);
        Ok(Self { clock, state: Mutex::new(Box::new(state)), notices: Notices::new()? })
    }

    /// Rings when something is published.
    pub(super) fn bell(&self) -> Bell {
        self.notices.bell()
    }

    fn state(&self) -> MutexGuard<'_, Box<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let now = self.clock.now();
        Ok(self.state().rows(table).get(key).filter(|row| row.is_live(now)).cloned())
    }

    async fn scan(&self, table: Table, from: &[u8], to: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let range = (Bound::Included(from), Bound::Excluded(to));
        let state = self.state();
        let rows = state.rows(table).range::<[u8], _>(range).map(|(_, row)| row);
        Ok(rows.filter(|row| row.is_live(now)).take(max).cloned().collect())
    }

    async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        let planned = plan(&batch, now, |table, key| Ok(state.rows(table).get(key).cloned()))?;
        let (rows, sums) = match planned {
            Plan::Refused { guard } => return Ok(Applied::Refused { guard }),
            Plan::Go { rows, sums } => (rows, sums),
        };
        for ((table, key), row) in rows {
            match row {
                Some(row) => state.tables[table as usize].insert(key, row),
                None => state.tables[table as usize].remove(&key),
            };
        }
        for entry in &batch.audit {
            let (key, value) = state.chain.link(now, entry);
            state.put(Table::Audit, key, value);
        }
        if !batch.audit.is_empty() {
            let head = state.chain.head();
            state.put(Table::Meta, chain::HEAD.to_vec(), head);
        }
        // Under the lock, so that notices come in commit order.
        self.notices.publish(batch.notices);
        Ok(Applied::Done { sums })
    }

    async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        Ok(self.notices.after(after))
    }

    async fn sweep(&self, table: Table, before: Timestamp, max: usize) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        let over = |row: &&Row| !row.is_live(now) && row.expires.is_some_and(|expires| expires < before);
        let keys: Vec<_> = state.rows(table).values().filter(over).take(max).map(|row| row.key.clone()).collect();
        for key in &keys {
            state.tables[table as usize].remove(key);
        }
        Ok(keys.len())
    }
}

impl State {
    fn rows(&self, table: Table) -> &BTreeMap<Vec<u8>, Row> {
        &self.tables[table as usize]
    }

    /// A row of the chain's own: no guard, never expires.
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        let rows = &mut self.tables[table as usize];
        let version = rows.get(&key).map_or(1, |row| row.version + 1);
        rows.insert(key.clone(), Row { key, version, expires: None, value });
    }
}
