//! Lockout: how long must this account, or this source, wait after failed sign-ins?
//!
//! Five free failures, then 2^n seconds (1, 2, 4…), at most 15 minutes; a day without failures forgets them (NIST SP
//! 800-63B-4 §3.2.2 asks for a limit, not for this curve). An attempt is counted before its secret is looked at, and given back when
//! the secret was right. A source, behind which a whole office may sit, forgets one failure a minute: a morning's slips of
//! the finger must not keep everybody out at noon. Pure: the caller brings `now` and stores what comes back, guarded by the version it read.

use std::time::Duration;

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
    /// One failure is forgotten each time so long has passed; `None`: only all of them, after a day.
    pub forgets: Option<Duration>,
}

/// For one account: five free failures.
pub const ACCOUNT: Patience = Patience { free: 5, forgets: None };
/// For one source address, which an office shares: fifty, and one a minute is forgotten.
pub const SOURCE: Patience = Patience { free: 50, forgets: Some(Duration::from_secs(60)) };

impl Count {
    /// Counts an attempt that is about to be checked. Errors: the moment from which the next one is welcome.
    pub fn reserve(self, patience: Patience, now: Timestamp) -> Result<Self, Timestamp> {
        let wait_until = self.wait_until(patience);
        if now < wait_until {
            return Err(wait_until);
        }
        let Self { failures, last } = self.healed(patience, now);
        let forgotten = now.since(self.last) >= FORGOTTEN_AFTER;
        let failures = if forgotten { 0 } else { failures };
        // What is left of a span goes on towards the next failure to be forgotten.
        let last = if failures == 0 || patience.forgets.is_none() { now } else { last };
        Ok(Self { failures: failures.saturating_add(1), last })
    }

    /// Less what was forgotten since the last one, by whole spans.
    fn healed(self, patience: Patience, now: Timestamp) -> Self {
        let Some(every) = patience.forgets else { return self };
        let spans = now.since(self.last).as_millis() / every.as_millis().max(1);
        let spans = u32::try_from(spans).unwrap_or(u32::MAX);
        let healed = spans.min(self.failures);
        Self { failures: self.failures - healed, last: self.last + every.saturating_mul(spans) }
    }

    /// Gives one attempt back, because its secret was right; no more than one, or whoever knows one secret could reset
    /// the count between guesses at another. An account whose sign-in was completed starts again from zero, which is
    /// `Count::default()`.
    #[must_use]
    pub fn forgive(self) -> Self {
        Self { failures: self.failures.saturating_sub(1), ..self }
    }

    /// From when the next attempt is welcome; in the past if it is now.
    pub fn wait_until(self, patience: Patience) -> Timestamp {
        match self.failures.checked_sub(patience.free) {
            // Not `last`: should the clock have been set back, a first failure must not cost anything.
            None => Timestamp::default(),
            Some(n) => self.last + LONGEST_WAIT.min(Duration::from_secs(1_u64.checked_shl(n).unwrap_or(u64::MAX))),
        }
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_are_free_then_each_costs_twice_the_last_up_to_fifteen_minutes() {
        for (failures, seconds) in [
            (5, 1),
            (6, 2),
            (7, 4),
            (8, 8),
            (9, 16),
            (10, 32),
            (11, 64),
            (12, 128),
            (13, 256),
            (14, 512),
            (15, 900),
            (16, 900),
            (68, 900),
            (69, 900),
            (u32::MAX, 900),
        ] {
            let count = Count { failures, last: at(1_000) };
            assert_eq!(count.wait_until(ACCOUNT), at(1_000 + seconds), "after {failures}");
            assert_eq!(count.reserve(ACCOUNT, at(999 + seconds)), Err(at(1_000 + seconds)));
            assert!(count.reserve(ACCOUNT, at(1_000 + seconds)).is_ok());
        }
    }

    #[test]
    fn the_free_attempts_may_come_at_once() {
        for patience in [ACCOUNT, SOURCE] {
            let mut count = Count::default();
            for attempt in 1..=patience.free {
                count = count.reserve(patience, at(1_000)).expect("it is free");
                assert_eq!(count, Count { failures: attempt, last: at(1_000) });
            }
            assert_eq!(count.reserve(patience, at(1_000)), Err(at(1_001)));
        }
    }

    #[test]
    fn a_refused_attempt_is_not_counted_and_does_not_prolong_the_wait() {
        let count = Count { failures: 9, last: at(1_000) };
        assert_eq!(count.reserve(ACCOUNT, at(1_001)), Err(at(1_016)));
        assert_eq!(count.reserve(ACCOUNT, at(1_015)), Err(at(1_016)));
        assert_eq!(count.reserve(ACCOUNT, at(1_016)), Ok(Count { failures: 10, last: at(1_016) }));
    }

    #[test]
    fn a_right_secret_gives_one_attempt_back() {
        let count = Count::default().reserve(ACCOUNT, at(1)).expect("the first is free");
        assert_eq!(count.forgive().failures, 0);
        assert_eq!(count.forgive().forgive().failures, 0);
        assert_eq!(Count { failures: 9, last: at(1) }.forgive(), Count { failures: 8, last: at(1) });
    }

    #[test]
    fn a_day_without_failures_forgets_them() {
        let day = 24 * 60 * 60;
        let count = Count { failures: 20, last: at(1_000) };
        assert_eq!(count.reserve(ACCOUNT, at(999 + day)).map(|count| count.failures), Ok(21));
        assert_eq!(count.reserve(ACCOUNT, at(1_000 + day)).map(|count| count.failures), Ok(1));
    }

    #[test]
    fn a_source_forgets_one_failure_a_minute_however_busy_it_is() {
        // An office in which somebody errs every two minutes, and twenty others don't.
        let mut count = Count::default();
        for second in (0..36_000).step_by(6) {
            count = count.reserve(SOURCE, at(1_000 + second)).expect("nobody waits");
            if second % 120 != 0 {
                count = count.forgive();
            }
        }
        assert!(count.failures <= 3, "{count:?}");
        // A guesser gets fifty at once, and one a minute from then on.
        let mut count = Count::default();
        let mut guesses = 0;
        for second in 0..36_000 {
            if let Ok(next) = count.reserve(SOURCE, at(1_000 + second)) {
                (count, guesses) = (next, guesses + 1);
            }
        }
        assert!((600..=680).contains(&guesses), "{guesses} in ten hours");
    }

    #[test]
    fn counting_never_overflows() {
        let count = Count { failures: u32::MAX, last: Timestamp::NEVER };
        assert_eq!(count.wait_until(ACCOUNT), Timestamp::NEVER);
        assert_eq!(count.reserve(ACCOUNT, Timestamp::NEVER).map(|count| count.failures), Ok(u32::MAX));
    }

    #[test]
    fn a_clock_set_back_does_not_lock_out_whoever_failed_once() {
        let count = Count { failures: 1, last: at(5_000) };
        assert!(count.reserve(ACCOUNT, at(1_000)).is_ok());
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }
}
