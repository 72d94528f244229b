//! Who is inside right now, and may they still be? (N12, D5)
//!
//! Every admitted request is registered for as long as it runs. When a fact or the policy changes, each is asked again
//! with what it came with; a no cuts the connection: WebSockets, streams and long downloads end within the second.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use access::identity::AppName;
use access::target::CanonicalPath;
use slab::Slab;

use super::Origin;
use super::cut::Hold;
use super::facts::Visitor;
use crate::config::ClientAuthority;
use crate::store::vault::Digest;

/// One admitted request, with what it came with.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) origin: Origin,
    /// By whose signature certificates were good at that time: with another it counts as not shown.
    pub(super) client_authority: Option<ClientAuthority>,
    pub(super) app: AppName,
    pub(super) method: Cow<'static, str>,
    pub(super) path: CanonicalPath<'static>,
    pub(super) visitor: Option<Arc<Visitor>>,
    pub(super) digest: Option<Digest>,
    pub(super) hold: Hold,
}

/// Everyone inside. Sharded: admitting one request waits for no other for longer than a push.
#[derive(Debug)]
pub(super) struct Live {
    shards: Box<[Mutex<Slab<Arc<Inside>>>]>,
    next: AtomicUsize,
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
        // A thread that serves has a shard of its own, and with it what it needs in its own cache.
        let shard = SHARD.with(|own| *own.get_or_init(|| self.next.fetch_add(1, Ordering::Relaxed) % SHARDS));
        let inside = Arc::new(inside);
        let place = self.lock(shard).insert(inside);
        Registration { live: Arc::clone(self), shard, place }
    }

    /// Everyone inside at this moment.
    pub(super) fn everyone(&self) -> Vec<Arc<Inside>> {
        (0..SHARDS)
            .flat_map(|shard| self.lock(shard).iter().map(|(_, inside)| Arc::clone(inside)).collect::<Vec<_>>())
            .collect()
    }

    fn lock(&self, shard: usize) -> std::sync::MutexGuard<'_, Slab<Arc<Inside>>> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Dropped after the lock is given back.
        let left = self.live.lock(self.shard).remove(self.place);
        drop(left);
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registration({}, {})", self.shard, self.place)
    }
}

thread_local! {
    static SHARD: OnceCell<usize> = const { OnceCell::new() };
}

const SHARDS: usize = 32;

/// A method, without an allocation for the everyday ones.
pub(super) fn kept(method: &str) -> Cow<'static, str> {
    match METHODS.iter().find(|known| **known == method) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(method.to_owned()),
    }
}

const METHODS: [&str; 8] = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
