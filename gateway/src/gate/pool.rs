//! How many passwords may be hashed at once? As many as there are cores; a bounded queue waits; beyond that "busy".
//!
//! One hash costs 19 MiB and tens of milliseconds. Without a bound, five hundred sign-ins at once are an outage (A31). A
//! place is taken before anything is done for a sign-in, so that whoever finds none costs nothing more. The threads are the
//! pool's own and stand back: whenever a request of somebody who is inside wants the core, it goes first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::back::stand_back;
use crate::clock::Clock;
use crate::metrics::Metrics;

/// Runs password hashes on threads of its own, a few at a time.
#[derive(Debug)]
pub(super) struct HashPool {
    jobs: mpsc::Sender<Job>,
    waiting: Arc<AtomicUsize>,
    patience: Semaphore,
    /// Whose turn it is to be told.
    turns: AtomicUsize,
    clock: Clock,
    metrics: Arc<Metrics>,
}

type Job = Box<dyn FnOnce() + Send>;

/// The queue is full. The person is asked to try again in a few seconds (503).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy;

impl HashPool {
    /// Starts the threads; they end with the pool. Errors: the system gives none.
    pub(super) fn new(clock: Clock, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name(format!("hash {number}")).spawn(move || work(&queue))?;
        }
        Ok(Self {
            jobs,
            waiting: Arc::default(),
            patience: Semaphore::new(PATIENT),
            turns: AtomicUsize::new(0),
            clock,
            metrics,
        })
    }

    /// A place for one hash. Errors: [`Busy`] if there are [`QUEUE`] already.
    pub(super) fn place(&self) -> Result<Place, Busy> {
        Place::take(&self.waiting)
    }

    /// A place, or a no after a while: five hundred who ask again as soon as they are answered would keep this machine busy
    /// with saying no. They are told one after the other, also if they came at once: whoever is inside would wait for all of
    /// these answers. Only so many are kept waiting; beyond [`PATIENT`] it is said at once, so that there is room for those
    /// who want another page.
    pub(super) async fn place_or_patience(&self) -> Result<Place, Busy> {
        if let Ok(place) = self.place() {
            return Ok(place);
        }
        if let Ok(_patience) = self.patience.try_acquire() {
            let turn = self.turns.fetch_add(1, Ordering::Relaxed) % PATIENT;
            tokio::time::sleep(told_after(turn)).await;
        }
        Err(Busy)
    }

    /// Runs `work` when it is its turn. Errors: [`Busy`] if it panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (clock, metrics) = (self.clock.clone(), Arc::clone(&self.metrics));
        let (tell, told) = oneshot::channel();
        let job = move || {
            // Whoever went away while waiting is not worked for.
            if !tell.is_closed() {
                let began = clock.moment();
                let done = work();
                metrics.password_hash.observe(clock.moment().since(began).as_secs_f64());
                drop(place);
                let _ = tell.send(done);
            }
        };
        self.jobs.send(Box::new(job)).map_err(|_ended| Busy)?;
        told.await.map_err(|_panicked| Busy)
    }
}

fn told_after(turn: usize) -> Duration {
    TOLD_AFTER + APART * u32::try_from(turn).unwrap_or_default()
}

/// Does one job after the other until the pool is gone.
fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    stand_back();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A panic in one hash is that one's failure: its sender is dropped, and the next one gets its turn.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
            tracing::error!("a password hash panicked");
        }
    }
}

/// A place in the queue. It goes over to the job, and does not stay with who waits for it: also a job that nobody waits for
/// any more lies in the queue until a thread has taken it.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, Busy> {
        let place = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::AcqRel) >= QUEUE { Err(Busy) } else { Ok(place) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Hashes running, waiting and being prepared together: at 60 ms each on two cores the last waits about two seconds.
pub(super) const QUEUE: usize = 64;
/// Refused for want of a place and not told yet: half of the portal's answers under way.
const PATIENT: usize = 512;
/// So long nobody is told that there is no place.
const TOLD_AFTER: Duration = Duration::from_secs(1);
/// Between one who is told and the next.
const APART: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::back::stands_back;
    use access::Timestamp;

    fn pool() -> Arc<HashPool> {
        let clock = Clock::manual(Timestamp::default());
        Arc::new(HashPool::new(clock, Arc::new(Metrics::new())).expect("threads"))
    }

    /// Keeps every thread of the pool at work until the sender is dropped.
    fn hold(pool: &Arc<HashPool>) -> Vec<mpsc::Sender<()>> {
        let senders = (0..std::thread::available_parallelism().map_or(1, usize::from)).map(|_| {
            let ((release, wait), (started, start)) = (mpsc::channel::<()>(), mpsc::channel());
            pool.jobs
                .send(Box::new(move || {
                    started.send(()).expect("awaited below");
                    let _ = wait.recv();
                }))
                .expect("it runs");
            start.recv().expect("it starts");
            release
        });
        senders.collect()
    }

    #[tokio::test]
    async fn the_sixty_fifth_is_told_to_come_back_and_the_places_are_given_back() {
        let pool = pool();
        let holding = hold(&pool);
        let mut waiting: Vec<_> = (0..QUEUE)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.run(pool.place()?, || ()).await })
            })
            .collect();
        while pool.waiting.load(Ordering::Acquire) < QUEUE {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.place().err(), Some(Busy));
        drop(holding);
        for task in waiting.drain(..) {
            assert_eq!(task.await.expect("not cancelled"), Ok(()));
        }
        assert_eq!(pool.run(pool.place().expect("free"), || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn only_so_many_are_kept_waiting_for_their_no() {
        let pool = pool();
        let taken: Vec<_> = (0..QUEUE).map(|_| pool.place().expect("free")).collect();
        let mut kept: Vec<_> = (0..PATIENT).map(|_| Box::pin(pool.place_or_patience())).collect();
        for one in &mut kept {
            assert!(futures_util::poll!(one).is_pending());
        }
        let told_at_once = futures_util::poll!(Box::pin(pool.place_or_patience()));
        assert!(matches!(told_at_once, std::task::Poll::Ready(Err(Busy))));
        drop(taken);
        assert!(pool.place_or_patience().await.is_ok(), "who finds a place does not wait");
    }

    #[test]
    fn they_are_told_one_after_the_other_and_before_they_are_asked_to_come_again() {
        let told: Vec<_> = (0..PATIENT).map(told_after).collect();
        assert!(told.windows(2).all(|two| two[1] > two[0]));
        assert!(told[0] >= Duration::from_secs(1) && told[PATIENT - 1] < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_a_place_only_when_the_job_has_left_the_queue() {
        let pool = pool();
        let holding = hold(&pool);
        let mut leaving: Vec<_> = (0..QUEUE).map(|_| Box::pin(pool.run(pool.place().expect("free"), || ()))).collect();
        for one in &mut leaving {
            assert!(futures_util::poll!(one).is_pending());
        }
        drop(leaving);
        assert_eq!(pool.place().err(), Some(Busy), "the jobs still lie there");
        drop(holding);
        while pool.waiting.load(Ordering::Acquire) > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(pool.place().expect("free"), || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_hash_that_panics_is_busy_for_one_and_nothing_for_the_next() {
        let pool = pool();
        assert_eq!(pool.run(pool.place().expect("free"), || -> () { panic!("as a test") }).await, Err(Busy));
        assert_eq!(pool.run(pool.place().expect("free"), || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn hashes_yield_to_everybody_else() {
        let pool = pool();
        let stands_back = pool.run(pool.place().expect("free"), stands_back).await.expect("not busy");
        assert!(stands_back);
    }
}
