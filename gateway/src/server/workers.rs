//! Who serves connections? Threads, each with a runtime of its own that no other thread takes work from.
//!
//! A connection stays on the thread that accepted it, and so do its upstream connections: no lock, no shared queue and no
//! waking of another core on a request's path. All accept from the same sockets; whoever is idle comes first. What takes
//! long (password hashes, files) happens elsewhere.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::sync::watch;

/// The running threads. Dropping it ends them at once, with whatever they serve.
#[derive(Debug)]
pub(super) struct Workers {
    /// Gone: end at once.
    alive: Option<watch::Sender<()>>,
    /// Closed when the last thread has ended.
    ended: tokio::sync::mpsc::Receiver<()>,
}

/// What a worker does, made on its own thread.
pub(super) type Work = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

impl Workers {
    /// One thread for each piece of work. Errors: the system gives no thread or no runtime.
    pub(super) fn start(works: Vec<Work>) -> io::Result<Self> {
        let (alive, watching) = watch::channel(());
        let (tell, ended) = tokio::sync::mpsc::channel(1);
        for (number, work) in works.into_iter().enumerate() {
            let runtime =
                tokio::runtime::Builder::new_current_thread().event_interval(LOOKS_AFTER).enable_all().build()?;
            let (mut alive, tell) = (watching.clone(), tell.clone());
            std::thread::Builder::new().name(format!("worker {number}")).spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = work() => {}
                        // Nothing is ever sent: it ends when the owner is gone.
                        _ = alive.changed() => {}
                    }
                });
                // Tasks that are left are dropped with it; a hash under way is not waited for.
                runtime.shutdown_background();
                drop(tell);
            })?;
        }
        Ok(Self { alive: Some(alive), ended })
    }

    /// Returns when all of them have done their work.
    pub(super) async fn ended(&mut self) {
        while self.ended.recv().await.is_some() {}
    }

    /// Ends them at once, with whatever they serve, and waits until they are gone.
    pub(super) async fn shutdown(&mut self) {
        self.alive = None;
        self.ended().await;
    }
}

/// So many tasks run before a worker looks who else has something to do: half of tokio's 61. Whoever comes begins one at a
/// time (`newcomers`), so a flood is no longer hundreds of tasks in a row; and each look is a system call, which at 8 was
/// one and a half percent of what a request costs.
const LOOKS_AFTER: u32 = 32;
