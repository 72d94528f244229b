//! May what was read of this row still be believed? Until a notice says that the row changed.
//!
//! Whoever reads a row takes its [`Place`] *before* the store is read, and puts what it read there afterwards. A notice
//! kills what is on the shelf. One that came in between finds nothing yet, but it is counted, and what was read meanwhile
//! is dead from the start. So of each row at most one fact is alive, and that one is where the next notice finds it.
//!
//! The key is in the fact, so a place is one pointer: about twenty bytes for each of a million. Nothing here is looked at
//! while a fact is in memory and alive.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that was read of one row.
pub(super) trait Fact {
    /// The row's id.
    fn key(&self) -> &[u8; 16];
    /// From now on nobody believes it. For good.
    fn kill(&self);
}

/// What is believed of one kind of row.
pub(super) struct Shelf<F>(Mutex<Facts<F>>);

/// Where a fact is put that has yet to be read.
#[must_use]
pub(super) struct Place {
    key: [u8; 16],
    kills: u64,
}

struct Facts<F> {
    alive: HashSet<ByKey<F>>,
    /// How often something was killed, by the key's first byte: a notice about one row spoils the reading of few others.
    kills: [u64; CLASSES],
    /// So many can be in use, about.
    usual: usize,
    /// What nobody uses any more is let go at this many.
    prune_at: usize,
}

struct ByKey<F>(Arc<F>);

impl<F: Fact> Shelf<F> {
    /// An empty one, for about `usual` facts that are remembered elsewhere.
    pub(super) fn new(usual: usize) -> Self {
        let prune_at = usual + usual / SLACK;
        Self(Mutex::new(Facts { alive: HashSet::new(), kills: [0; CLASSES], usual, prune_at }))
    }

    /// The place of what will be read from now on.
    pub(super) fn place(&self, key: &[u8; 16]) -> Place {
        Place { key: *key, kills: self.lock().kills[class(key)] }
    }

    /// What is alive there.
    pub(super) fn get(&self, key: &[u8; 16]) -> Option<Arc<F>> {
        self.lock().alive.get(key).map(|kept| Arc::clone(&kept.0))
    }

    /// Puts what was read since the place was taken; `read` may choose what is there already instead. Whatever gives way is
    /// dead from then on.
    pub(super) fn put(&self, place: &Place, read: impl FnOnce(Option<&Arc<F>>) -> Arc<F>) -> Arc<F> {
        let mut facts = self.lock();
        if facts.kills[class(&place.key)] != place.kills {
            // Perhaps of this very row: it serves whoever asked before that, and nobody after.
            let fact = read(None);
            fact.kill();
            return fact;
        }
        let fact = read(facts.alive.get(&place.key).map(|kept| &kept.0));
        debug_assert_eq!(fact.key(), &place.key, "a fact is put where its row's id leads");
        if let Some(before) = facts.alive.replace(ByKey(Arc::clone(&fact)))
            && !Arc::ptr_eq(&before.0, &fact)
        {
            before.0.kill();
        }
        facts.prune();
        fact
    }

    /// The row changed.
    pub(super) fn kill(&self, key: &[u8; 16]) {
        let mut facts = self.lock();
        facts.kills[class(key)] += 1;
        if let Some(gone) = facts.alive.take(key) {
            gone.0.kill();
        }
    }

    /// Any row may have changed.
    pub(super) fn kill_all(&self) {
        let mut facts = self.lock();
        facts.kills.iter_mut().for_each(|kills| *kills += 1);
        for gone in facts.alive.drain() {
            gone.0.kill();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Facts<F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fact> Facts<F> {
    /// Lets go of what is remembered nowhere else. Nobody can be taking it up at this moment: that is done under the lock.
    fn prune(&mut self) {
        if self.alive.len() >= self.prune_at {
            self.alive.retain(|kept| Arc::strong_count(&kept.0) > 1);
            self.prune_at = self.alive.len().max(self.usual) + self.usual / SLACK;
        }
    }
}

impl<F: Fact> Borrow<[u8; 16]> for ByKey<F> {
    fn borrow(&self) -> &[u8; 16] {
        self.0.key()
    }
}

impl<F: Fact> Hash for ByKey<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl<F: Fact> PartialEq for ByKey<F> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<F: Fact> Eq for ByKey<F> {}

/// Ids are random, or nearly so.
fn class(key: &[u8; 16]) -> usize {
    usize::from(key[15])
}

const CLASSES: usize = 256;
/// A sixteenth more than usual is kept before it is looked through.
const SLACK: usize = 16;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;

    #[test]
    fn what_was_read_before_a_notice_is_never_believed_after_it() {
        let shelf = Shelf::new(100);
        let place = shelf.place(&key(1));
        shelf.kill(&key(1));
        let read = shelf.put(&place, fresh(1));
        assert!(read.is_dead() && shelf.get(&key(1)).is_none());
        let place = shelf.place(&key(1));
        shelf.kill_all();
        assert!(shelf.put(&place, fresh(1)).is_dead());
        let read = shelf.put(&shelf.place(&key(1)), fresh(1));
        assert!(!read.is_dead());
        shelf.kill(&key(1));
        assert!(read.is_dead() && shelf.get(&key(1)).is_none());
    }

    #[test]
    fn a_reading_that_a_notice_spoiled_does_no_harm_to_one_that_came_after_it() {
        let shelf = Shelf::new(100);
        let spoiled = shelf.place(&key(1));
        shelf.kill(&key(1));
        let good = shelf.put(&shelf.place(&key(1)), fresh(1));
        assert!(shelf.put(&spoiled, fresh(1)).is_dead());
        assert!(!good.is_dead());
        assert!(shelf.get(&key(1)).is_some_and(|kept| Arc::ptr_eq(&kept, &good)));
    }

    #[test]
    fn of_one_row_only_one_fact_is_alive() {
        let shelf = Shelf::new(100);
        let (first, second) = (shelf.place(&key(1)), shelf.place(&key(1)));
        let old = shelf.put(&first, fresh(1));
        let same = shelf.put(&second, |there| Arc::clone(there.expect("it was put there")));
        assert!(Arc::ptr_eq(&old, &same) && !old.is_dead());
        let new = shelf.put(&second, fresh(1));
        assert!(old.is_dead() && !new.is_dead());
        let other = shelf.put(&shelf.place(&key(2)), fresh(2));
        assert!(!new.is_dead() && !other.is_dead());
    }

    #[test]
    fn what_nobody_remembers_is_let_go_and_what_somebody_does_is_not() {
        let shelf = Shelf::new(32);
        let kept: Vec<_> = (0..40).map(|number| shelf.put(&shelf.place(&key(number)), fresh(number))).collect();
        for number in 40..=u8::MAX {
            drop(shelf.put(&shelf.place(&key(number)), fresh(number)));
        }
        assert!(shelf.lock().alive.len() <= 44, "{}", shelf.lock().alive.len());
        assert!(kept.iter().all(|fact| !fact.is_dead() && shelf.get(&fact.key).is_some()));
    }

    #[test]
    fn after_a_notice_nobody_believes_what_was_there_before_it_however_many_read_at_once() {
        let (shelf, row) = (Shelf::new(100), AtomicU64::new(0));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Acquire) {
                        let place = shelf.place(&key(1));
                        let read = Read { key: key(1), row: row.load(Ordering::Acquire), ..Read::default() };
                        drop(shelf.put(&place, |there| there.map_or_else(|| Arc::new(read), Arc::clone)));
                    }
                });
            }
            for version in 1..20_000 {
                let before = shelf.get(&key(1));
                row.store(version, Ordering::Release);
                shelf.kill(&key(1));
                assert!(before.is_none_or(|before| before.is_dead()));
                assert!(shelf.get(&key(1)).is_none_or(|now| now.row >= version));
            }
            is_over.store(true, Ordering::Release);
        });
    }

    #[derive(Default)]
    struct Read {
        key: [u8; 16],
        row: u64,
        dead: AtomicBool,
    }

    impl Read {
        fn is_dead(&self) -> bool {
            self.dead.load(Ordering::Acquire)
        }
    }

    impl Fact for Read {
        fn key(&self) -> &[u8; 16] {
            &self.key
        }

        fn kill(&self) {
            self.dead.store(true, Ordering::Release);
        }
    }

    fn key(number: u8) -> [u8; 16] {
        [number; 16]
    }

    fn fresh(number: u8) -> impl FnOnce(Option<&Arc<Read>>) -> Arc<Read> {
        move |_| Arc::new(Read { key: key(number), ..Read::default() })
    }
}
