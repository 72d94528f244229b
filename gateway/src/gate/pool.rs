//! How many passwords may be hashed at once? As many as there are cores; a bounded queue waits; beyond that "busy".
//!
//! One hash costs 19 MiB and tens of milliseconds. Without a bound, five hundred sign-ins at once are an outage (A31). The
//! threads are the pool's own and stand back: whenever a request of somebody who is inside wants the core, it goes first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::metrics::Metrics;

/// Runs password hashes on threads of its own, a few at a time.
#[derive(Debug)]
pub(super) struct HashPool {
    jobs: mpsc::Sender<Job>,
    waiting: Arc<AtomicUsize>,
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
        Ok(Self { jobs, waiting: Arc::default(), clock, metrics })
    }

    /// Runs `work` when it is its turn. Errors: [`Busy`] if [`QUEUE`] others wait already.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let place = Place::take(&self.waiting)?;
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

/// Does work that can wait on a thread that stands back, and waits for it: reading a large configuration must not slow down
/// whoever is served meanwhile. Blocks; panics as the work does.
pub(crate) fn standing_back<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            stand_back();
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// This thread yields to every other of the machine; a core that nobody wants is its own.
fn stand_back() {
    let this = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(this), LEAST) {
        tracing::debug!(%error, "the hash threads have the same priority as all others");
    }
}

/// A place in the queue. It belongs to the job, not to who waits for it: also a job that nobody waits for any more lies in
/// the queue until a thread has taken it.
struct Place(Arc<AtomicUsize>);

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

/// As low as Linux knows: a fifteenth of the weight of everybody else.
const LEAST: i32 = 19;
/// Hashes running and waiting together: at 60 ms each on two cores the last waits about two seconds.
pub(super) const QUEUE: usize = 64;

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;
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
    }

    #[tokio::test]
    async fn who_goes_away_leaves_a_place_only_when_the_job_has_left_the_queue() {
        let pool = pool();
        let holding = hold(&pool);
        let mut leaving: Vec<_> = (0..QUEUE).map(|_| Box::pin(pool.run(|| ()))).collect();
        for one in &mut leaving {
            assert!(futures_util::poll!(one).is_pending());
        }
        drop(leaving);
        let mut one_more = Box::pin(pool.run(|| ()));
        assert_eq!(futures_util::poll!(&mut one_more), Poll::Ready(Err(Busy)), "the jobs still lie there");
        drop(holding);
        while pool.waiting.load(Ordering::Acquire) > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_hash_that_panics_is_busy_for_one_and_nothing_for_the_next() {
        let pool = pool();
        assert_eq!(pool.run(|| -> () { panic!("as a test") }).await, Err(Busy));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn hashes_yield_to_everybody_else() {
        let niceness = || rustix::process::getpriority_process(Some(rustix::thread::gettid()));
        let ours = niceness().expect("every thread has one");
        let theirs = pool().run(niceness).await.expect("not busy").expect("every thread has one");
        assert!(theirs > ours, "{theirs} and {ours}");
    }
}
