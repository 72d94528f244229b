//! How many passwords may be hashed at once? As many as there are cores; a bounded queue waits; beyond that "busy".
//!
//! One hash costs 19 MiB and tens of milliseconds. Without a bound, five hundred sign-ins at once are an outage (A31).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::metrics::Metrics;

/// Runs password hashes on blocking threads, a few at a time.
#[derive(Debug)]
pub(super) struct HashPool {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// The queue is full. The person is asked to try again in a few seconds (503).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy;

impl HashPool {
    pub(super) fn new(clock: Clock, metrics: Arc<Metrics>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { running: Arc::new(Semaphore::new(cores)), waiting: AtomicUsize::new(0), clock, metrics }
    }

    /// Runs `work` when it is its turn. Errors: [`Busy`] if [`QUEUE`] others wait already.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let _place = Place::take(&self.waiting)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_closed| Busy)?;
        let began = self.clock.moment();
        let done = tokio::task::spawn_blocking(move || {
            let answer = work();
            drop(permit);
            answer
        })
        .await
        .map_err(|_panicked| Busy)?;
        self.metrics.password_hash.observe(self.clock.moment().since(began).as_secs_f64());
        Ok(done)
    }
}

/// A place in the queue, given back on drop: also when the visitor goes away while waiting.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, Busy> {
        if waiting.fetch_add(1, Ordering::AcqRel) >= QUEUE {
            waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(Busy);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Hashes running and waiting together: at 60 ms each on two cores the last waits about two seconds.
pub(super) const QUEUE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use access::Timestamp;

    #[tokio::test]
    async fn the_sixty_fifth_is_told_to_come_back_and_the_places_are_given_back() {
        let pool = Arc::new(HashPool::new(Clock::manual(Timestamp::default()), Arc::new(Metrics::new())));
        let gate = Arc::new(std::sync::Barrier::new(2));
        let (held, blocker) = (Arc::clone(&pool.running), Arc::clone(&gate));
        let all = u32::try_from(held.available_permits()).expect("few cores");
        let holding = held.acquire_many(all).await.expect("open");
        let mut waiting: Vec<_> = (0..QUEUE)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.run(|| ()).await })
            })
            .collect();
        while pool.waiting.load(Ordering::Acquire) < QUEUE {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| ()).await, Err(Busy));
        drop(holding);
        for task in waiting.drain(..) {
            assert_eq!(task.await.expect("not cancelled"), Ok(()));
        }
        assert_eq!(pool.run(|| 7).await, Ok(7));
        drop(blocker);
    }
}
