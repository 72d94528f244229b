//! What changed since? The notices of this process, in commit order, and a bell.
//!
//! A ring of the last [`KEPT`] notices; who reads too slowly is told of the gap and drops everything it cached. A cursor
//! names the stream, a random number made when the store was opened, and counts its notices from one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::seal::random;
use super::{Cursor, Feed, Notice, StoreError};

/// How many notices are kept for those who are behind.
pub(super) const KEPT: usize = 65_536;

/// The ring and the bell.
#[derive(Debug)]
pub(super) struct Notices {
    stream: u64,
    ring: Mutex<Ring>,
    bell: Bell,
}

#[derive(Default, Debug)]
struct Ring {
    last: u64,
    notices: VecDeque<Notice>,
}

impl Notices {
    /// Errors: the system gives no random bytes.
    pub(super) fn new() -> Result<Self, StoreError> {
        let stream = u64::from_be_bytes(random()?).max(1);
        let bell = Bell::new(Cursor { stream, number: 0 });
        Ok(Self { stream, ring: Mutex::default(), bell })
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
        self.bell.ring(Cursor { stream: self.stream, number: ring.last });
    }

    /// What was published after a cursor. One of another stream, or that lies ahead, is a gap.
    pub(super) fn after(&self, after: Cursor) -> Feed {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = ring.last - ring.notices.len() as u64;
        let is_other = after != Cursor::START && after.stream != self.stream;
        let gap = is_other || after.number < forgotten || after.number > ring.last;
        let seen = if gap { 0 } else { usize::try_from(after.number - forgotten).unwrap_or(usize::MAX) };
        let cursor = Cursor { stream: self.stream, number: ring.last };
        Feed { cursor, notices: ring.notices.iter().skip(seen).cloned().collect(), gap }
    }

    /// Rings for these notices; it can be held by who may not hold the store.
    pub(super) fn bell(&self) -> Bell {
        self.bell.clone()
    }
}

/// Rings when something was published. Clones ring together, and outlive the store without keeping it open.
#[derive(Clone, Debug)]
pub(super) struct Bell(watch::Sender<Cursor>);

impl Bell {
    pub(super) fn new(latest: Cursor) -> Self {
        Self(watch::Sender::new(latest))
    }

    /// Where the last notice is.
    pub(super) fn latest(&self) -> Cursor {
        *self.0.borrow()
    }

    /// The last notice is here now. An older one of the same stream changes nothing.
    pub(super) fn ring(&self, latest: Cursor) {
        self.0.send_if_modified(|known| {
            let is_newer = latest.stream != known.stream || latest.number > known.number;
            if is_newer {
                *known = latest;
            }
            is_newer
        });
    }

    /// Returns as soon as there is something after the cursor, or another stream than the cursor's.
    pub(super) async fn changed_after(&self, after: Cursor) {
        let is_past = |latest: &Cursor| {
            let is_other = after != Cursor::START && after.stream != latest.stream;
            is_other || latest.number > after.number
        };
        // The sender is a field of `self`, so waiting can't fail; if it did, returning only makes the caller look.
        let _ = self.0.subscribe().wait_for(is_past).await;
    }
}
