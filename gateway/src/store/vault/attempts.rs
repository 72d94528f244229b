//! May this be tried at all? Counters of failed attempts, per account and per source.
//!
//! Both counters move together, committed before the caller looks at any secret, so that parallel guesses are counted one
//! by one. The rows' keys tell neither account nor address.

use std::time::Duration;

use access::lockout::{ACCOUNT, Count, SOURCE};
use access::{ClientAddr, Timestamp};

use super::Vault;
use super::act::{Read, Tries};
use super::budgets::Budget;
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
        self.reserve(self.counters(account, source)).await
    }

    /// As [`reserve_attempt`](Self::reserve_attempt), for programs that show app passwords: apart from people who sign in, so
    /// that calendars with an old password keep nobody else out, and for each source alone, since letters can't be guessed.
    pub async fn reserve_program(
        &self,
        account: &str,
        source: ClientAddr,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        self.reserve(self.program_counters(account, source)).await
    }

    /// Gives it back: the letters were right.
    pub async fn forgive_program(&self, account: &str, source: ClientAddr) -> Result<(), StoreError> {
        self.forgive(self.program_counters(account, source)).await
    }

    async fn reserve(&self, keys: [Vec<u8>; 2]) -> Result<Result<(), Timestamp>, StoreError> {
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
        self.forgive(self.counters(account, source)).await
    }

    async fn forgive(&self, keys: [Vec<u8>; 2]) -> Result<(), StoreError> {
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

    /// Counts one request for a message, whoever it would go to, for the source that asks: sixty an hour, which an office may
    /// need. `Err(until)`: too many; wait.
    pub async fn reserve_request(&self, source: ClientAddr) -> Result<Result<(), Timestamp>, StoreError> {
        let whose = source.source().to_string();
        let budget = Budget { what: "requests from a source", whose: whose.as_bytes(), most: 60, within: HOUR };
        let mut tries = Tries::new();
        loop {
            let mut act = self.act();
            if let Err(until) = self.take(&mut act, budget).await? {
                return Ok(Err(until));
            }
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

    fn program_counters(&self, account: &str, source: ClientAddr) -> [Vec<u8>; 2] {
        let source = source.source().to_string();
        let of_source = self.digest("source of programs", source.as_bytes());
        [self.account_counter(&format!("{account} from {source}")), [b"p".as_slice(), &of_source.0].concat()]
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
const HOUR: Duration = Duration::from_secs(60 * 60);
