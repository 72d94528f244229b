//! Whose work can wait? That of threads that stand back: whoever else wants their core goes first.
//!
//! The threads that serve connections only read, decide and write. What takes long for people who are not inside yet, pages
//! of the sign-in and password hashes, and what nobody waits for, a large configuration, is done on these. They have the
//! lowest priority (nice 19) and no lower policy: with `SCHED_IDLE` a worker that wakes waits hardly less for its core (0.21
//! ms instead of 0.26 ms at the 99th percentile of a flood), and where somebody else wants that core throughout, sign-ins fail.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::Busy;

/// Runs tasks on threads that stand back, a bounded number at a time. Dropping it ends them.
#[derive(Debug)]
pub struct BackRoom {
    /// Absent only while it is dropped.
    runtime: Option<Runtime>,
    places: Arc<Semaphore>,
}

impl BackRoom {
    /// Starts as many threads as there are cores; `most` tasks at a time find room. Errors: the system gives no thread.
    pub fn new(name: &str, most: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(1, usize::from))
            .thread_name(name)
            .on_thread_start(stand_back)
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime), places: Arc::new(Semaphore::new(most)) })
    }

    /// Does `work` there and waits for it. Whoever goes away ends it. Errors: [`Busy`] if it has no room, or is being
    /// dropped. Panics as the work does.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| Busy)?;
        let runtime = self.runtime.as_ref().ok_or(Busy)?;
        // A set of one: it ends what is in it when it is dropped.
        let mut task = JoinSet::new();
        let work = async move {
            let done = work.await;
            drop(place);
            done
        };
        task.spawn_on(work, runtime.handle());
        match task.join_next().await {
            Some(Ok(done)) => Ok(done),
            Some(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Some(Err(_)) | None => Err(Busy),
        }
    }
}

impl Drop for BackRoom {
    fn drop(&mut self) {
        // Waiting for the threads is not allowed where tasks run, and the last owner may be one.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Does blocking work on a thread that stands back: reading a large configuration must not slow down whoever is served
/// meanwhile. Errors: it panicked.
pub(crate) async fn standing_back<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // A thread of its own: it can't come forward again, and those of the runtime are for others afterwards.
    let blocking = || {
        let thread = std::thread::Builder::new().name("back".to_owned()).spawn(|| {
            stand_back();
            work()
        });
        match thread.map(std::thread::JoinHandle::join) {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
        }
    };
    tokio::task::spawn_blocking(blocking).await
}

/// From now on this thread yields to every other of the machine; a core that nobody wants is its own.
pub(super) fn stand_back() {
    // On Linux a priority belongs to a thread.
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LEAST) {
        tracing::debug!(%error, "a thread that should stand back has the same priority as all others");
    }
}

/// Does the calling thread stand back?
#[cfg(test)]
pub(crate) fn stands_back() -> bool {
    rustix::process::getpriority_process(Some(rustix::thread::gettid())) == Ok(LEAST)
}

/// As low as Linux knows: a sixty-eighth of the weight of everybody else.
const LEAST: i32 = 19;

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn who_works_in_the_back_room_stands_back_and_who_waits_for_it_does_not() {
        let room = BackRoom::new("back", 1).expect("threads");
        let there = room.run(async { stands_back() }).await.expect("there is room");
        assert!(there);
        // Also what blocks.
        let blocking = room.run(async { tokio::task::spawn_blocking(stands_back).await }).await.expect("there is room");
        assert!(blocking.expect("no panic"));
        assert!(standing_back(stands_back).await.expect("no panic"));
        assert!(!stands_back());
    }

    #[tokio::test]
    async fn whom_it_has_no_room_for_is_told_at_once_and_who_goes_away_makes_room() {
        let room = BackRoom::new("back", 1).expect("threads");
        let (never, wait) = oneshot::channel::<()>();
        let mut first = Box::pin(room.run(wait));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(room.run(async {}).await, Err(Busy));
        drop(first);
        // The task is ended, and with it what it waited for.
        let mut never = never;
        never.closed().await;
        while room.run(async {}).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    #[should_panic(expected = "as a test")]
    async fn a_panic_there_is_a_panic_here() {
        let room = BackRoom::new("back", 1).expect("threads");
        let _ = room.run(async { panic!("as a test") }).await;
    }
}
