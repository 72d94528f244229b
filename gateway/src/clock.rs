//! What time is it? Wall time and monotonic time, each a type of its own, from a clock that is handed in.
//!
//! Only this file reads the machine's clocks; everything else is given a [`Clock`], so tests move time instead of sleeping.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use access::Timestamp;

/// Tells wall time and monotonic time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { origin: Instant },
    Manual { start: Timestamp, moved: Arc<AtomicU64> },
}

/// A moment on the monotonic clock: only good for measuring spans within this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(Duration);

impl Clock {
    /// The machine's clocks.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn system() -> Self {
        Self(Source::System { origin: Instant::now() })
    }

    /// A clock that stands still until [`Clock::advance`] moves it; clones move together.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual { start, moved: Arc::new(AtomicU64::new(0)) })
    }

    /// Wall time. A machine whose clock stands before 1970 is at the epoch.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Timestamp::default() + since
            }
            Source::Manual { start, moved } => *start + Duration::from_millis(moved.load(Ordering::Acquire)),
        }
    }

    /// Monotonic time.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn moment(&self) -> Moment {
        match &self.0 {
            Source::System { origin } => Moment(origin.elapsed()),
            Source::Manual { moved, .. } => Moment(Duration::from_millis(moved.load(Ordering::Acquire))),
        }
    }

    /// Moves a manual clock forward. Panics on the machine's clock, which nobody moves.
    pub fn advance(&self, span: Duration) {
        match &self.0 {
            Source::System { .. } => panic!("the machine's clock can't be moved"),
            Source::Manual { moved, .. } => {
                moved.fetch_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
            }
        }
    }
}

impl Moment {
    /// Microseconds of this clock, which began with the process.
    pub fn micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }

    /// The span since an earlier moment; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
