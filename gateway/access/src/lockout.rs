//! Lockout: how long must this account, or this source, wait after failed sign-ins?
//!
//! Five free failures, then 2^n seconds, at most 15 minutes; a day without failures forgets them (NIST SP 800-63B-4
//! §3.2.2 asks for a limit, not for this curve). An attempt is counted before its secret is looked at, and given back when
//! the secret was right. Pure: the caller brings `now` and stores what comes back, guarded by the version it read.

use crate::Timestamp;

/// What is remembered of one account or source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Attempts that were not given back.
    pub failures: u32,
    /// When the last one was counted.
    pub last: Timestamp,
}

/// How patient one kind of counter is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Attempts without any wait.
    pub free: u32,
}

/// For one account: five free failures.
pub const ACCOUNT: Patience = Patience { free: 5 };
/// For one source address, which an office shares: fifty.
pub const SOURCE: Patience = Patience { free: 50 };

impl Count {
    /// Counts an attempt that is about to be checked. Errors: the moment from which the next one is welcome.
    pub fn reserve(self, _patience: Patience, _now: Timestamp) -> Result<Self, Timestamp> {
        unimplemented!()
    }

    /// Gives one attempt back, because its secret was right; an account starts again from zero.
    pub fn forgive(self) -> Self {
        unimplemented!()
    }

    /// From when the next attempt is welcome; in the past if it is now.
    pub fn wait_until(self, _patience: Patience) -> Timestamp {
        unimplemented!()
    }
}
