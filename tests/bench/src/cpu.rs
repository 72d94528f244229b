//! What did a server spend? Read from /proc, because wall time is what a busy machine makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use rustix::thread::CpuSet;

/// The nanoseconds that each thread of some processes has been on a core.
pub(crate) struct Meter {
    processes: Vec<u32>,
    at_start: BTreeMap<String, u64>,
}

impl Meter {
    /// From now on.
    pub(crate) fn start(processes: &[u32]) -> Self {
        Self { processes: processes.to_vec(), at_start: read(processes) }
    }

    /// Nanoseconds since the start. Threads that ended meanwhile are not known any more; new ones count from zero.
    pub(crate) fn spent(&self) -> u64 {
        let now = read(&self.processes);
        now.iter().map(|(thread, ns)| ns.saturating_sub(self.at_start.get(thread).copied().unwrap_or(0))).sum()
    }
}

fn read(processes: &[u32]) -> BTreeMap<String, u64> {
    let mut threads = BTreeMap::new();
    for process in processes {
        let folder = format!("/proc/{process}/task");
        let Ok(tasks) = fs::read_dir(&folder) else { panic!("process {process} is gone") };
        for task in tasks.flatten() {
            let file = task.path().join("schedstat");
            // A thread may end between the two reads.
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let ns = text.split(' ').next().and_then(|first| first.parse().ok());
            threads.insert(task.file_name().to_string_lossy().into_owned(), ns.expect("nanoseconds come first"));
        }
    }
    threads
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

/// Ties the calling thread, and what it starts, to one core.
pub(crate) fn pin_to(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).expect("the machine has that core");
}

/// Lets every other thread of this core go first, as soon as it wants to: a low priority alone keeps its core for the rest
/// of its slice, up to four milliseconds.
pub(crate) fn give_way() {
    schedule("--idle", "0", this_thread());
}

/// Lets a thread, or a process of one, go before all others of its core, and before what the machine does for itself there.
pub(crate) fn go_first(thread: u32) {
    schedule("--fifo", "1", thread);
}

/// As everybody else again.
pub(crate) fn go_with_others(thread: u32) {
    schedule("--other", "0", thread);
}

/// The calling thread, as the system counts it.
pub(crate) fn this_thread() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

fn schedule(policy: &str, priority: &str, thread: u32) {
    let status = Command::new("chrt").args([policy, "--pid", priority, &thread.to_string()]).status();
    assert!(status.expect("chrt (util-linux)").success(), "chrt {policy}: the bench has to run as root");
}

/// Where what is measured runs.
pub(crate) const SERVER_CORE: usize = 0;
/// Where load and upstream run.
pub(crate) const LOAD_CORE: usize = 1;
