//! May this be tried at all? Counters of failed attempts, per account and per source.
//!
//! Both counters move together, committed before the caller looks at any secret, so that parallel guesses are counted one
//! by one. The rows' keys tell neither account nor address.

use std::time::Duration;

use access::lockout::{ACCOUNT, Count, SOURCE};
use access::{ClientAddr, Timestamp};

use super::Vault;
use super::act::{Read, Tries};
use super::records::StoredCount;
use crate::store::{Applied, StoreError, Table};

impl Vault {
    /// Counts one attempt for the account (a canonical name, also of nobody) and one for the source, both or neither,
    /// before any secret is looked at. `Err(until)`: too many; wait.
    pub async fn reserve_attempt(
        &self,
        account: &str,
        source: ClientAddr,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        let keys = self.counters(account, source);
        let mut tries = Tries::new();
        loop {
            let now = self.now();
            let [of_account, of_source] = self.counts(&keys).await?;
            let account = count(of_account.as_ref()).reserve(ACCOUNT, now);
            let source = count(of_source.as_ref()).reserve(SOURCE, now);
            let (account, source) = match (account, source) {
                (Ok(account), Ok(source)) => (account, source),
                (Err(one), Err(other)) => return Ok(Err(one.max(other))),
                (Err(until), Ok(_)) | (Ok(_), Err(until)) => return Ok(Err(until)),
            };
            if self.write_counts(&keys, &[of_account, of_source], [account, source]).await? {
                return Ok(Ok(()));
            }
            tries.again("the counter of attempts").await?;
        }
    }

    /// Gives it back: the secret was right. One attempt each, no more: whoever knows one secret could otherwise reset the
    /// count between guesses at another.
    pub async fn forgive_attempt(&self, account: &str, source: ClientAddr) -> Result<(), StoreError> {
        let keys = self.counters(account, source);
        let mut tries = Tries::new();
        loop {
            let read = self.counts(&keys).await?;
            if read.iter().all(Option::is_none) {
                return Ok(());
            }
            let forgiven = [&read[0], &read[1]].map(|read| count(read.as_ref()).forgive());
            if self.write_counts(&keys, &read, forgiven).await? {
                return Ok(());
            }
            tries.again("the counter of attempts").await?;
        }
    }

    /// Counts one request for a message, whoever it would go to, for the source that asks. `Err(until)`: too many; wait.
    pub async fn reserve_request(&self, source: ClientAddr) -> Result<Result<(), Timestamp>, StoreError> {
        let key = [b"m".as_slice(), &self.digest("source", source.source().to_string().as_bytes()).0].concat();
        let mut tries = Tries::new();
        loop {
            let read = self.read(Table::Counter, &key).await?;
            let count = match count(read.as_ref()).reserve(SOURCE, self.now()) {
                Ok(count) => count,
                Err(until) => return Ok(Err(until)),
            };
            let mut act = self.act();
            act.as_read(Table::Counter, &key, read.as_ref());
            act.put(Table::Counter, &key, &stored(count), Some(self.now() + KEPT))?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Ok(())),
                Applied::Refused { .. } => tries.again("the counter of requests").await?,
            }
        }
    }

    /// An account whose sign-in was completed starts again from zero.
    pub async fn forget_attempts(&self, account: &str) -> Result<(), StoreError> {
        let mut act = self.act();
        act.delete(Table::Counter, &self.account_counter(account));
        act.commit().await.map(drop)
    }

    async fn counts(&self, keys: &[Vec<u8>; 2]) -> Result<[Option<Read<StoredCount>>; 2], StoreError> {
        Ok([self.read(Table::Counter, &keys[0]).await?, self.read(Table::Counter, &keys[1]).await?])
    }

    /// Both or neither; false if one moved meanwhile.
    async fn write_counts(
        &self,
        keys: &[Vec<u8>; 2],
        read: &[Option<Read<StoredCount>>; 2],
        counts: [Count; 2],
    ) -> Result<bool, StoreError> {
        let mut act = self.act();
        for ((key, read), count) in keys.iter().zip(read).zip(counts) {
            act.as_read(Table::Counter, key, read.as_ref());
            if count.failures == 0 {
                act.delete(Table::Counter, key);
            } else {
                act.put(Table::Counter, key, &stored(count), Some(self.now() + KEPT))?;
            }
        }
        Ok(matches!(act.commit().await?, Applied::Done { .. }))
    }

    fn counters(&self, account: &str, source: ClientAddr) -> [Vec<u8>; 2] {
        let source = self.digest("source", source.source().to_string().as_bytes());
        [self.account_counter(account), [b"s".as_slice(), &source.0].concat()]
    }

    fn account_counter(&self, account: &str) -> Vec<u8> {
        [b"a".as_slice(), &self.digest("account", account.as_bytes()).0].concat()
    }
}

fn count(read: Option<&Read<StoredCount>>) -> Count {
    read.map_or_else(Count::default, |read| Count {
        failures: read.value.failures,
        last: Timestamp::from_millis(read.value.last),
    })
}

fn stored(count: Count) -> StoredCount {
    StoredCount { failures: count.failures, last: count.last.millis() }
}

/// A day without failures forgets them.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
