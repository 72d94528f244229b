//! A store in one file of this machine.
use std::path::Path;

use access::Timestamp;

use super::chain::AuditKey;
use super::{Applied, Batch, Cursor, Feed, Row, Store, StoreError, Table};
use crate::clock::Clock;

/// A redb file.
#[derive(Debug)]
pub struct RedbStore {}

impl RedbStore {
    /// Opens.
    pub fn open(_file: &Path, _clock: Clock, _key: AuditKey) -> Result<Self, StoreError> {
        Err(StoreError::Unavailable("not yet built".to_owned()))
    }
    /// Waits.
    pub async fn changed_after(&self, _cursor: Cursor) {}
    /// The last.
    pub fn latest(&self) -> Cursor {
        Cursor::default()
    }
}

impl Store for RedbStore {
    async fn get(&self, _: Table, _: &[u8]) -> Result<Option<Row>, StoreError> {
        Ok(None)
    }
    async fn scan(&self, _: Table, _: &[u8], _: &[u8], _: usize) -> Result<Vec<Row>, StoreError> {
        Ok(Vec::new())
    }
    async fn apply(&self, _: Batch) -> Result<Applied, StoreError> {
        Err(StoreError::Unavailable("not yet built".to_owned()))
    }
    async fn feed(&self, _: Cursor) -> Result<Feed, StoreError> {
        Ok(Feed { cursor: Cursor::default(), notices: Vec::new(), gap: false })
    }
    async fn sweep(&self, _: Table, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}
