//! When did the machine itself stand still?
//!
//! A virtual machine's core can be taken away for milliseconds, about once a second on some: whoever is served then waits, and
//! no program can help it. A thread on each core that goes before all others sleeps a millisecond at a time and notes when
//! it slept much longer (jHiccup's method). Whoever waited meanwhile is told apart from all others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use vestibule::clock::{Clock, Moment};

use crate::cpu::{LOAD_CORE, SERVER_CORE, go_first, pin_to, this_thread};

/// A span in which a core was away.
pub(crate) type Pause = (Moment, Moment);

/// The watch over both cores.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Pause>>>,
}

impl Watch {
    /// From now on, by this clock.
    pub(crate) fn begin(clock: &Clock) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = [SERVER_CORE, LOAD_CORE].map(|core| {
            let (clock, stop) = (clock.clone(), Arc::clone(&stop));
            std::thread::spawn(move || {
                pin_to(core);
                go_first(this_thread());
                let mut pauses = Vec::new();
                while !stop.load(Ordering::Acquire) {
                    let before = clock.moment();
                    std::thread::sleep(TICK);
                    let after = clock.moment();
                    if after.since(before) > TICK + LATE {
                        pauses.push((before, after));
                    }
                }
                pauses
            })
        });
        Self { stop, threads: threads.into() }
    }

    /// What it saw.
    pub(crate) fn end(self) -> Vec<Pause> {
        self.stop.store(true, Ordering::Release);
        let seen = self.threads.into_iter().map(|thread| thread.join().expect("it only watches"));
        seen.flatten().collect()
    }
}

const TICK: Duration = Duration::from_millis(1);
/// A core that is there wakes whoever goes first within a tenth of that.
const LATE: Duration = Duration::from_millis(1);
