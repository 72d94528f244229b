//! Who is inside right now, and may they still be? (N12, D5)
//!
//! Every admitted request is registered for as long as it runs. When a fact or the policy changes, each is asked again
//! with what it came with; a no cuts the connection: WebSockets, streams and long downloads end within the second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use access::ClientAddr;
use access::identity::AppName;
use access::target::CanonicalPath;

use super::cut::Hold;
use super::facts::Visitor;
use crate::store::vault::Digest;

/// One admitted request, with what it came with.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) address: ClientAddr,
    pub(super) app: AppName,
    pub(super) method: Box<str>,
    pub(super) path: CanonicalPath<'static>,
    pub(super) visitor: Option<Arc<Visitor>>,
    pub(super) digest: Option<Digest>,
    pub(super) hold: Hold,
}

/// Everyone inside. Sharded: admitting one request waits for no other for longer than a push.
#[derive(Debug)]
pub(super) struct Live {
    shards: Box<[Mutex<Shard>]>,
    next: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    places: Vec<Option<Arc<Inside>>>,
    free: Vec<usize>,
}

/// A place in the register, given up on drop.
pub(super) struct Registration {
    live: Arc<Live>,
    shard: usize,
    place: usize,
}

impl Live {
    pub(super) fn new() -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Arc::new(Self { shards, next: AtomicUsize::new(0) })
    }

    pub(super) fn register(self: &Arc<Self>, inside: Inside) -> Registration {
        let shard = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let mut places = self.lock(shard);
        let place = places.free.pop().unwrap_or_else(|| {
            places.places.push(None);
            places.places.len() - 1
        });
        places.places[place] = Some(Arc::new(inside));
        drop(places);
        Registration { live: Arc::clone(self), shard, place }
    }

    /// Everyone inside at this moment.
    pub(super) fn everyone(&self) -> Vec<Arc<Inside>> {
        (0..SHARDS).flat_map(|shard| self.lock(shard).places.iter().flatten().cloned().collect::<Vec<_>>()).collect()
    }

    fn lock(&self, shard: usize) -> std::sync::MutexGuard<'_, Shard> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut shard = self.live.lock(self.shard);
        let left = shard.places[self.place].take();
        shard.free.push(self.place);
        drop(shard);
        drop(left);
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registration({}, {})", self.shard, self.place)
    }
}

const SHARDS: usize = 32;
