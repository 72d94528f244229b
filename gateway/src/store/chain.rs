//! Was the audit trail touched? Numbers, hashes and the head.
//!
//! Entries are numbered from one without gaps. Each row carries a BLAKE3 hash, under a key that lies outside the store,
//! over the hash before it, its number, its time and its bytes. The head (how many, and the last hash) is kept under a MAC
//! in a row of [`Table::Meta`](super::Table::Meta) that is written in the same transaction, so that cutting off the tail
//! is noticed too. What can't be noticed from within: the whole file replaced by an older copy of itself.
//!
//! A head that does not fit its rows when the store is opened leaves a number out, for good: the next rows are no excuse
//! for those that are missing.

use access::Timestamp;
use zeroize::Zeroize;

use super::{Row, StoreError};
use crate::audit::{Entry, Stored};

/// The row of the meta table that holds the head.
pub(super) const HEAD: &[u8] = b"audit";

/// What the chain is keyed with.
#[derive(Clone)]
pub struct AuditKey([u8; 32]);

impl AuditKey {
    /// From thirty-two random or derived bytes.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditKey(…)")
    }
}

impl Drop for AuditKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The end of the chain, where the next entry is linked.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    key: AuditKey,
    count: u64,
    hash: [u8; 32],
}

/// One row: time, hash, and the entry's JSON.
pub(super) struct Link<'a> {
    at: Timestamp,
    hash: [u8; 32],
    entry: &'a [u8],
}

impl Chain {
    /// An empty chain.
    pub(super) fn new(key: AuditKey) -> Self {
        Self { key, count: 0, hash: [0; 32] }
    }

    /// Where a stored chain ends: `head` is the value of its meta row, which every store has, `last` its last row.
    pub(super) fn recover(key: AuditKey, head: Option<&[u8]>, last: Option<&Row>) -> Self {
        let start = Self::new(key);
        let (last_number, last_hash) =
            last.and_then(|row| Some((number(&row.key)?, Link::read(&row.value)?.hash))).unwrap_or((0, [0; 32]));
        match head.and_then(|head| start.read_head(head)) {
            Some(head) if head.count >= last_number => head,
            // Lost or forged: the number that is left out is what `verify` finds.
            _ => Self { count: last_number + 1, hash: last_hash, ..start },
        }
    }

    /// Links an entry; returns the key and the value of its row.
    pub(super) fn link(&mut self, at: Timestamp, entry: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.count += 1;
        self.hash = self.hash_of(self.count, at, entry);
        let value = [at.millis().to_be_bytes().as_slice(), &self.hash, entry].concat();
        (self.count.to_be_bytes().to_vec(), value)
    }

    /// How many entries.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The value of the meta row that vouches for this end.
    pub(super) fn head(&self) -> Vec<u8> {
        [self.count.to_be_bytes().as_slice(), &self.hash, &self.mac()].concat()
    }

    /// The hash of what would follow this end under a number.
    fn hash_of(&self, number: u64, at: Timestamp, entry: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key.0);
        hasher.update(&self.hash).update(&number.to_be_bytes()).update(&at.millis().to_be_bytes()).update(entry);
        hasher.finalize().into()
    }

    fn mac(&self) -> [u8; 32] {
        let mut key = blake3::derive_key("vestibule 2026-11 audit head", &self.key.0);
        let mac = blake3::Hasher::new_keyed(&key).update(&self.count.to_be_bytes()).update(&self.hash).finalize();
        key.zeroize();
        mac.into()
    }

    fn read_head(&self, head: &[u8]) -> Option<Self> {
        let (count, rest) = head.split_first_chunk::<8>()?;
        let (hash, mac) = rest.split_first_chunk::<32>()?;
        let read = Self { key: self.key.clone(), count: u64::from_be_bytes(*count), hash: *hash };
        bool::from(subtle::ConstantTimeEq::ct_eq(read.mac().as_slice(), mac)).then_some(read)
    }
}

impl<'a> Link<'a> {
    fn read(value: &'a [u8]) -> Option<Self> {
        let (at, rest) = value.split_first_chunk::<8>()?;
        let (hash, entry) = rest.split_first_chunk::<32>()?;
        Some(Self { at: Timestamp::from_millis(u64::from_be_bytes(*at)), hash: *hash, entry })
    }
}

/// A row as it is shown. Errors: [`StoreError::Corrupt`].
pub(super) fn read(row: &Row) -> Result<Stored, StoreError> {
    let damaged = || StoreError::Corrupt(format!("audit row {:?} can't be read", number(&row.key)));
    let number = number(&row.key).ok_or_else(damaged)?;
    let link = Link::read(&row.value).ok_or_else(damaged)?;
    let entry: Entry = serde_json::from_slice(link.entry).map_err(|_| damaged())?;
    Ok(Stored { number, at: link.at.millis(), entry, hash: data_encoding::HEXLOWER.encode(&link.hash) })
}

fn number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// Walks the chain from its first row and stops at the first that does not fit.
pub(super) struct Walker(Chain);

impl Walker {
    pub(super) fn new(key: AuditKey) -> Self {
        Self(Chain::new(key))
    }

    /// How many rows fit so far.
    pub(super) const fn rows(&self) -> u64 {
        self.0.count
    }

    /// One more row. `Err`: the number that does not fit, and why.
    pub(super) fn step(&mut self, row: &Row) -> Result<(), (u64, String)> {
        let expected = self.0.count + 1;
        let Some(found) = number(&row.key) else {
            return Err((expected, "a row of the audit table has no number".to_owned()));
        };
        if found != expected {
            return Err((expected, format!("row {expected} is missing; the next one is {found}")));
        }
        let link = Link::read(&row.value).ok_or_else(|| (found, "the row is too short".to_owned()))?;
        let hash = self.0.hash_of(found, link.at, link.entry);
        if hash != link.hash {
            return Err((found, "the row, or one before it, was changed".to_owned()));
        }
        self.0.count = found;
        self.0.hash = hash;
        Ok(())
    }

    /// All rows were walked: does the head agree? `Ok(false)`: it knows of more than was walked.
    pub(super) fn finish(&self, head: Option<&[u8]>) -> Result<bool, (u64, String)> {
        let next = self.0.count + 1;
        let head = head.ok_or_else(|| (next, "the row that tells the end is missing".to_owned()))?;
        match self.0.read_head(head) {
            None => Err((next, "the row that tells the end was changed".to_owned())),
            Some(head) if head.count > self.0.count => Ok(false),
            Some(head) if head.count < self.0.count => {
                Err((head.count + 1, format!("the chain ends at {}, yet rows follow", head.count)))
            }
            Some(head) if head.hash != self.0.hash => {
                Err((self.0.count, "the last row is not the one that was written last".to_owned()))
            }
            Some(_) => Ok(true),
        }
    }
}
