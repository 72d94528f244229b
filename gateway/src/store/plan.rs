//! What would this batch do? Pure: the caller reads, and carries out what comes back.
//!
//! All implementations that hold their rows themselves ask here, so that guards, expiry, versions and counters mean the
//! same everywhere. Guards see the rows as they were before the batch; writes see the writes before them.

use std::collections::BTreeMap;

use access::Timestamp;

use super::{Batch, Guard, Row, StoreError, Table, Write};

/// The answer.
pub(super) enum Plan {
    /// Every guard holds.
    Go {
        /// Rows as they will be; `None`: removed.
        rows: BTreeMap<(Table, Vec<u8>), Option<Row>>,
        /// What the `Add`s came to, in order.
        sums: Vec<i64>,
    },
    /// This guard does not hold.
    Refused {
        /// Its place.
        guard: usize,
    },
}

/// `read` finds the row as it lies there, expired or not. Errors: those of `read`; a batch that is too large or writes to
/// the audit table; a counter that is none. Nothing has happened then.
pub(super) fn plan(
    batch: &Batch,
    now: Timestamp,
    mut read: impl FnMut(Table, &[u8]) -> Result<Option<Row>, StoreError>,
) -> Result<Plan, StoreError> {
    admissible(batch)?;
    for (place, guard) in batch.guards.iter().enumerate() {
        let holds = match guard {
            Guard::Absent(table, key) => live(read(*table, key)?, now).is_none(),
            Guard::Version(table, key, version) => {
                live(read(*table, key)?, now).is_some_and(|row| row.version == *version)
            }
        };
        if !holds {
            return Ok(Plan::Refused { guard: place });
        }
    }

    let mut rows: BTreeMap<(Table, Vec<u8>), Option<Row>> = BTreeMap::new();
    let mut sums = Vec::new();
    for write in &batch.writes {
        let (table, key) = target(write);
        let place = (table, key.to_vec());
        let row = match rows.get(&place) {
            Some(planned) => planned.clone(),
            None => read(table, key)?,
        };
        let row = live(row, now);
        let version = row.as_ref().map_or(1, |row| row.version + 1);
        let next = match write {
            Write::Delete { .. } => None,
            Write::Put { expires, value, .. } => {
                Some(Row { key: key.to_vec(), version, expires: bounded(*expires), value: value.clone() })
            }
            Write::Add { by, floor, window, .. } => {
                let counter = row.as_ref().map(Counter::read).transpose()?;
                let counter = counter.filter(|counter| now < counter.started + *window);
                let Counter { started, sum } = counter.unwrap_or(Counter { started: now, sum: 0 });
                let sum = sum.saturating_add(*by).max(*floor);
                sums.push(sum);
                let value = Counter { started, sum }.write();
                Some(Row { key: key.to_vec(), version, expires: bounded(Some(started + *window)), value })
            }
        };
        rows.insert(place, next);
    }
    Ok(Plan::Go { rows, sums })
}

fn admissible(batch: &Batch) -> Result<(), StoreError> {
    let size = batch.guards.len() + batch.writes.len();
    if size > Batch::LIMIT {
        let limit = Batch::LIMIT;
        return Err(StoreError::Unavailable(format!(
            "a batch has {size} guards and writes; at most {limit} are allowed"
        )));
    }
    if batch.writes.iter().any(|write| target(write).0 == Table::Audit) {
        return Err(StoreError::Unavailable("a batch writes to the audit table by itself".to_owned()));
    }
    Ok(())
}

fn target(write: &Write) -> (Table, &[u8]) {
    match write {
        Write::Put { table, key, .. } | Write::Delete { table, key } | Write::Add { table, key, .. } => (*table, key),
    }
}

fn live(row: Option<Row>, now: Timestamp) -> Option<Row> {
    row.filter(|row| row.is_live(now))
}

/// "Never" is written in one way only.
fn bounded(expires: Option<Timestamp>) -> Option<Timestamp> {
    expires.filter(|expires| *expires != Timestamp::NEVER)
}

/// A counter's value: when it was started, and its sum; sixteen bytes.
struct Counter {
    started: Timestamp,
    sum: i64,
}

impl Counter {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let (started, sum) = row
            .value
            .split_first_chunk::<8>()
            .and_then(|(started, sum)| Some((*started, <[u8; 8]>::try_from(sum).ok()?)))
            .ok_or_else(|| StoreError::Corrupt(format!("a counter has {} bytes, not 16", row.value.len())))?;
        Ok(Self { started: Timestamp::from_millis(u64::from_be_bytes(started)), sum: i64::from_be_bytes(sum) })
    }

    fn write(&self) -> Vec<u8> {
        [self.started.millis().to_be_bytes(), self.sum.to_be_bytes()].concat()
    }
}
