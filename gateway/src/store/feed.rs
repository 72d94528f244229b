//! What changed since? The notices of this process, in commit order, and a bell.
//!
//! A ring of the last [`KEPT`] notices; who reads too slowly is told of the gap and drops everything it cached. A cursor
//! is the number of a notice, counted from one since the store was opened.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::{Cursor, Feed, Notice};

/// How many notices are kept for those who are behind.
pub(super) const KEPT: usize = 65_536;

/// The ring and the bell.
#[derive(Debug)]
pub(super) struct Notices {
    ring: Mutex<Ring>,
    latest: watch::Sender<u64>,
}

#[derive(Default, Debug)]
struct Ring {
    last: u64,
    notices: VecDeque<Notice>,
}

impl Notices {
    pub(super) fn new() -> Self {
        Self { ring: Mutex::default(), latest: watch::Sender::new(0) }
    }

    /// Adds what was committed, then rings.
    pub(super) fn publish(&self, notices: Vec<Notice>) {
        if notices.is_empty() {
            return;
        }
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.last += notices.len() as u64;
        ring.notices.extend(notices);
        let surplus = ring.notices.len().saturating_sub(KEPT);
        ring.notices.drain(..surplus);
        self.latest.send_replace(ring.last);
    }

    /// What was published after a cursor. One that lies ahead is of another process: a gap.
    pub(super) fn after(&self, Cursor(after): Cursor) -> Feed {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = ring.last - ring.notices.len() as u64;
        let gap = after < forgotten || after > ring.last;
        let seen = if gap { 0 } else { usize::try_from(after - forgotten).unwrap_or(usize::MAX) };
        Feed { cursor: Cursor(ring.last), notices: ring.notices.iter().skip(seen).cloned().collect(), gap }
    }

    pub(super) fn latest(&self) -> Cursor {
        Cursor(*self.latest.borrow())
    }

    /// Returns as soon as there is something after the cursor.
    pub(super) async fn changed_after(&self, Cursor(after): Cursor) {
        let mut latest = self.latest.subscribe();
        // The sender is a field of `self`, so waiting can't fail; if it did, returning only makes the caller look.
        let _ = latest.wait_for(|last| *last > after).await;
    }
}
