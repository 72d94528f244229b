//! How many messages are too many? So many within a span of time, for a number, a person, a source or everybody.
//!
//! Unlike failed attempts these are right ones: there is no growing wait, only an end until the span is over. The rows' keys
//! tell neither numbers nor addresses.

use std::time::Duration;

use access::Timestamp;

use super::Vault;
use super::act::Act;
use super::records::StoredCount;
use crate::store::{StoreError, Table};

/// So many within a span that begins with the first.
#[derive(Clone, Copy)]
pub(super) struct Budget<'a> {
    /// Of what, in words that nothing else uses.
    pub(super) what: &'static str,
    /// Of whom or to what.
    pub(super) whose: &'a [u8],
    /// How many.
    pub(super) most: u32,
    /// Within.
    pub(super) within: Duration,
}

impl Vault {
    /// Takes one within an act. `Err(until)`: it is used up; the act must not be committed.
    pub(super) async fn take(
        &self,
        act: &mut Act<'_>,
        budget: Budget<'_>,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        let Budget { what, whose, most, within } = budget;
        let key = [b"b".as_slice(), &self.keys().digest("budget", &[what.as_bytes(), &[0], whose]).0].concat();
        let read = self.read::<StoredCount>(Table::Counter, &key).await?;
        let (taken, ends) = match &read {
            Some(read) => (read.value.failures, read.expires.unwrap_or(Timestamp::NEVER)),
            None => (0, self.now() + within),
        };
        if taken >= most {
            return Ok(Err(ends));
        }
        act.as_read(Table::Counter, &key, read.as_ref());
        let count = StoredCount { failures: taken + 1, last: self.now().millis() };
        act.put(Table::Counter, &key, &count, Some(ends))?;
        Ok(Ok(()))
    }
}
