//! The house's own: the key that signs assertions, the audit trail, the feed, and sweeping.

use access::Secret;

use super::Vault;
use super::act::{Tries, after};
use super::open::SCHEMA_ROW;
use super::records::StoredSecret;
use crate::audit::{Entry, Stored, Verified};
use crate::store::chain::{self, Walker};
use crate::store::seal::random;
use crate::store::{Applied, Cursor, Feed, Store, StoreError, Table};

impl Vault {
    /// Does the store answer? Reads one row. Errors: why not.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.store().get(Table::Meta, SCHEMA_ROW).await.map(drop)
    }

    /// The ES256 key that signs assertions, as PKCS#8 PEM; made at first use.
    pub async fn assertion_key(&self) -> Result<Secret<String>, StoreError> {
        let mut tries = Tries::new();
        loop {
            if let Some(read) = self.read::<StoredSecret>(Table::Key, ASSERTION).await? {
                return Ok(read.value.text());
            }
            let pem = make_assertion_key()?;
            let mut act = self.act();
            act.absent(Table::Key, ASSERTION);
            act.put(Table::Key, ASSERTION, &StoredSecret::of_text(pem.expose()), None)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(pem),
                Applied::Refused { .. } => tries.again("the assertion key").await?,
            }
        }
    }

    /// Appends an entry that belongs to no other change.
    pub async fn note(&self, entry: Entry) -> Result<(), StoreError> {
        let mut act = self.act();
        act.audit(&entry)?;
        act.commit().await.map(drop)
    }

    /// Audit rows from a sequence number on, at most `max`: number, and the stored JSON with its chain hash.
    pub async fn audit_rows(&self, from: u64, max: usize) -> Result<Vec<Stored>, StoreError> {
        let rows = self.store().scan(Table::Audit, &from.to_be_bytes(), AUDIT_END, max).await?;
        rows.iter().map(chain::read).collect()
    }

    /// Walks the whole chain. `Err`: the store; inside: the first number that does not fit.
    pub async fn verify_audit(&self) -> Result<Verified, StoreError> {
        let mut walker = Walker::new(self.keys().audit());
        let broken = |walker: &Walker, fault| Ok(Verified { rows: walker.rows(), broken: Some(fault) });
        let mut from = Vec::new();
        let mut is_short = false;
        loop {
            let rows = self.store().scan(Table::Audit, &from, AUDIT_END, PAGE).await?;
            for row in &rows {
                if let Err(fault) = walker.step(row) {
                    return broken(&walker, fault);
                }
                from = after(&row.key);
            }
            if !rows.is_empty() {
                is_short = false;
                continue;
            }
            let head = self.store().get(Table::Meta, chain::HEAD).await?;
            match walker.finish(head.as_ref().map(|row| row.value.as_slice())) {
                Ok(true) => return Ok(Verified { rows: walker.rows(), broken: None }),
                // Rows may have come since the last page was read; those that are not there now are missing.
                Ok(false) if !is_short => is_short = true,
                Ok(false) => {
                    let next = walker.rows() + 1;
                    return broken(&walker, (next, format!("row {next} and what followed it are missing")));
                }
                Err(fault) => return broken(&walker, fault),
            }
        }
    }

    /// What changed after a cursor. Never waits.
    pub async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        self.store().feed(after).await
    }

    /// Where the feed is now: what is published later comes after it.
    pub fn latest(&self) -> Cursor {
        self.store().latest()
    }

    /// Wakes whenever something is published from now on. What is published between a look at the feed and this call does
    /// not wake; [`changed_after`](Self::changed_after) has no such gap.
    pub async fn changed(&self) {
        self.changed_after(self.latest()).await;
    }

    /// Wakes as soon as there is something in the feed after the cursor; at once if there is already.
    pub async fn changed_after(&self, cursor: Cursor) {
        self.store().changed_after(cursor).await;
    }

    /// Removes what has expired, a little of each table; returns how many rows.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let now = self.now();
        let mut swept = 0;
        for table in Table::ALL {
            if !matches!(table, Table::Meta | Table::Key | Table::Audit) {
                swept += self.store().sweep(table, now, SWEPT_AT_ONCE).await?;
            }
        }
        Ok(swept)
    }
}

/// Thirty-two random bytes are a P-256 key unless they are zero or not below the curve's order: one in 2³² draws.
fn make_assertion_key() -> Result<Secret<String>, StoreError> {
    use p256::pkcs8::{EncodePrivateKey, LineEnding};

    let failed = |error: String| StoreError::Unavailable(format!("no assertion key could be made: {error}"));
    let bytes = zeroize::Zeroizing::new(random::<32>()?);
    let key = p256::SecretKey::from_slice(bytes.as_slice()).map_err(|error| failed(error.to_string()))?;
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| failed(error.to_string()))?;
    Ok(Secret::new(pem.to_string()))
}

const ASSERTION: &[u8] = b"assertion";
/// Behind every number.
const AUDIT_END: &[u8] = &[u8::MAX; 9];
/// Rows read at once.
const PAGE: usize = 500;
/// Rows of one table removed at once.
pub const SWEPT_AT_ONCE: usize = 1_000;
