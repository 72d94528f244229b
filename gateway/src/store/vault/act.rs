//! One act: what is read before it, and the batch that it becomes.
//!
//! Everything the vault stores passes through here, so everything is sealed; only marks, whose key says it all, have no
//! value. An act whose guards find the rows moved is built again from what they are now, a bounded number of times.

use access::identity::{SessionId, UserId};
use access::{Secret, Timestamp};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::records::Record;
use super::{Bearer, Digest, Vault};
use crate::audit::Entry;
use crate::store::seal::random;
use crate::store::{Applied, Batch, Guard, Notice, Row, Store, StoreError, Table, Write};

/// A row that was read and opened.
#[derive(Clone)]
pub(super) struct Read<T> {
    pub(super) value: T,
    pub(super) version: u64,
    pub(super) expires: Option<Timestamp>,
}

/// A batch in the making.
pub(super) struct Act<'v> {
    vault: &'v Vault,
    batch: Batch,
    /// Is there something to be sent in it?
    sends: bool,
}

impl Vault {
    /// The opened row, if it is there and has not expired.
    pub(super) async fn read<T: Record>(&self, table: Table, key: &[u8]) -> Result<Option<Read<T>>, StoreError> {
        self.store().get(table, key).await?.map(|row| self.opened(table, &row)).transpose()
    }

    /// Opens a row. Errors: [`StoreError::Corrupt`].
    pub(super) fn opened<T: Record>(&self, table: Table, row: &Row) -> Result<Read<T>, StoreError> {
        let plain = self.keys().open(table, &row.key, &row.value)?;
        let stored = serde_json::from_slice(&plain).ok();
        let value = stored.and_then(|stored| T::from_stored(&row.key, stored)).ok_or_else(|| {
            let key = data_encoding::HEXLOWER.encode(&row.key);
            StoreError::Corrupt(format!("table {table:?}, row {key}: it opens, but is not what belongs there"))
        })?;
        Ok(Read { value, version: row.version, expires: row.expires })
    }

    /// Every live row whose key begins with `prefix`, at most `max`, read in pages.
    pub(super) async fn rows(&self, table: Table, prefix: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        let (mut from, to) = (prefix.to_vec(), end_of(prefix));
        let mut rows = Vec::new();
        while rows.len() < max {
            let wanted = (max - rows.len()).min(PAGE);
            let page = self.store().scan(table, &from, &to, wanted).await?;
            if let Some(last) = page.last() {
                from = after(&last.key);
            }
            let is_last = page.len() < wanted;
            rows.extend(page);
            if is_last {
                break;
            }
        }
        Ok(rows)
    }

    /// How many live rows a table has. A page at a time, so that a million of them neither fill the memory nor hold a
    /// thread.
    pub(super) async fn count(&self, table: Table) -> Result<usize, StoreError> {
        let (mut from, to) = (Vec::new(), end_of(&[]));
        let mut rows = 0;
        loop {
            let page = self.store().scan(table, &from, &to, PAGE).await?;
            rows += page.len();
            match page.last() {
                Some(last) if page.len() == PAGE => from = after(&last.key),
                _ => return Ok(rows),
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn act(&self) -> Act<'_> {
        Act { vault: self, batch: Batch::default(), sends: false }
    }
}

impl Act<'_> {
    /// The row must still be as it was read. Returns the guard's place.
    pub(super) fn unmoved(&mut self, table: Table, key: &[u8], version: u64) -> usize {
        self.batch.guards.push(Guard::Version(table, key.to_vec(), version));
        self.batch.guards.len() - 1
    }

    /// There must be no such row. Returns the guard's place.
    pub(super) fn absent(&mut self, table: Table, key: &[u8]) -> usize {
        self.batch.guards.push(Guard::Absent(table, key.to_vec()));
        self.batch.guards.len() - 1
    }

    /// The row must still be as it was read, or still be absent if it was.
    pub(super) fn as_read<T>(&mut self, table: Table, key: &[u8], read: Option<&Read<T>>) -> usize {
        match read {
            Some(read) => self.unmoved(table, key, read.version),
            None => self.absent(table, key),
        }
    }

    /// Stores a value, sealed.
    pub(super) fn put<T: Record>(
        &mut self,
        table: Table,
        key: &[u8],
        value: &T,
        expires: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_vec(&value.to_stored())
            .map(Zeroizing::new)
            .map_err(|error| StoreError::Unavailable(format!("table {table:?}: a value has no JSON: {error}")))?;
        let value = self.vault.keys().seal(table, key, &json)?;
        self.batch.writes.push(Write::Put { table, key: key.to_vec(), expires, value });
        Ok(())
    }

    /// Stores a row whose presence says everything.
    pub(super) fn mark(&mut self, table: Table, key: &[u8], expires: Option<Timestamp>) {
        self.batch.writes.push(Write::Put { table, key: key.to_vec(), expires, value: Vec::new() });
    }

    pub(super) fn delete(&mut self, table: Table, key: &[u8]) {
        self.batch.writes.push(Write::Delete { table, key: key.to_vec() });
    }

    pub(super) fn audit(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let json = serde_json::to_vec(entry)
            .map_err(|error| StoreError::Unavailable(format!("an audit entry has no JSON: {error}")))?;
        self.batch.audit.push(json);
        Ok(())
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.batch.notices.push(notice);
    }

    /// There is something for the couriers, once this has happened.
    pub(super) const fn wakes_couriers(&mut self) {
        self.sends = true;
    }

    pub(super) const fn vault(&self) -> &Vault {
        self.vault
    }

    pub(super) async fn commit(self) -> Result<Applied, StoreError> {
        let applied = self.vault.store().apply(self.batch).await?;
        if self.sends && matches!(applied, Applied::Done { .. }) {
            self.vault.wake_couriers();
        }
        Ok(applied)
    }
}

/// How often an act may still be built again.
pub(super) struct Tries(u32);

impl Tries {
    pub(super) const fn new() -> Self {
        Self(TRIES)
    }

    /// Lets others go first. Errors: the last try was the last one.
    pub(super) async fn again(&mut self, what: &str) -> Result<(), StoreError> {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 {
            return Err(StoreError::Unavailable(format!("{what} was changed by others {TRIES} times in a row")));
        }
        tokio::task::yield_now().await;
        Ok(())
    }
}

/// Two hundred and fifty-six random bits for a cookie or a link.
pub(super) fn bearer() -> Result<Bearer, StoreError> {
    let bytes = Zeroizing::new(random::<32>()?);
    Ok(Secret::new(BASE64URL_NOPAD.encode(bytes.as_slice())))
}

/// The key of a secret or mark that belongs to a person.
pub(super) fn of_person(id: UserId, kind: &str, rest: &[u8]) -> Vec<u8> {
    [id.0.as_slice(), kind.as_bytes(), rest].concat()
}

/// The key by which the rows of a session are found.
pub(super) fn of_session(user: UserId, id: SessionId, digest: Digest) -> Vec<u8> {
    [user.0.as_slice(), &id.0, &digest.0].concat()
}

/// Reads what [`of_session`] wrote, less the person.
pub(super) fn session_of(key: &[u8]) -> Option<(SessionId, Digest)> {
    let (id, digest) = key.get(16..)?.split_first_chunk::<16>()?;
    Some((SessionId(*id), Digest(digest.try_into().ok()?)))
}

/// The first key behind a key.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The first key behind every key with this prefix.
fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // No key is longer than this.
    vec![u8::MAX; 256]
}

/// Rows read at once.
const PAGE: usize = 1_000;
/// Enough for two hundred callers that all want the same row: each round one of them succeeds.
const TRIES: u32 = 512;
