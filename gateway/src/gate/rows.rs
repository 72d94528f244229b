//! Which row belongs to this digest? A table of so many rows at most, in which a row is found in one place of memory.
//!
//! A request that shows a session's cookie looks here, among a million rows of which each is as far away as memory is. A
//! cache built upon a hash map comes to a row by way of three such places; here a row lies where its digest says, or just
//! behind (linear probing). That is safe because nobody can choose a digest: it is the keyed hash of a secret of ours, and
//! only secrets that were found in the store have rows.
//!
//! When it is full, of a few rows the one goes that was of no use for longest.

use std::sync::{PoisonError, RwLock};

use access::Timestamp;

use super::ahead;
use crate::store::vault::Digest;

/// What can be kept here.
pub(super) trait Kept {
    /// When it was last of use; what is of none any more: the beginning of time.
    fn last_of_use(&self) -> Timestamp;
}

/// Rows by digest. Sharded: whoever puts one in keeps hardly anybody waiting, and not for long when a shard grows.
pub(super) struct Rows<R>(Box<[RwLock<Shard<R>>]>);

/// Half a digest: as much as an id has. Among a million rows, a guess meets one with a chance of 2^-108.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Key([u8; 16]);

struct Shard<R> {
    /// A fifth of them at least is free.
    slots: Box<[Option<(Key, R)>]>,
    taken: usize,
    most: usize,
    /// Where rows were looked at last when one had to go.
    hand: usize,
}

impl<R: Kept> Rows<R> {
    /// Room for about `usual` rows. They are not spread evenly, so a shard has room for a sixteenth more than its share.
    pub(super) fn new(usual: usize) -> Self {
        let share = usual / SHARDS;
        Self((0..SHARDS).map(|_| RwLock::new(Shard::new(share + share / SLACK))).collect())
    }

    /// What `look` takes from the row of this digest, if there is one.
    pub(super) fn find<T>(&self, digest: &Digest, look: impl FnOnce(&R) -> T) -> Option<T> {
        let key = Key::of(digest);
        let shard = self.0[key.shard()].read().unwrap_or_else(PoisonError::into_inner);
        shard.get(key).map(look)
    }

    /// Has the place fetched where it is looked for: two lines of memory, behind which a row seldom lies.
    pub(super) fn fetch(&self, digest: &Digest) {
        let key = Key::of(digest);
        let places = {
            let shard = self.0[key.shard()].read().unwrap_or_else(PoisonError::into_inner);
            let home = key.home(shard.slots.len());
            [home, home + 2].map(|slot| shard.slots.get(slot).map(std::ptr::from_ref))
        };
        places.into_iter().flatten().for_each(ahead::fetch);
    }

    /// Keeps it, in the place of what was kept for this digest.
    pub(super) fn insert(&self, digest: &Digest, row: R) {
        let key = Key::of(digest);
        let mut shard = self.0[key.shard()].write().unwrap_or_else(PoisonError::into_inner);
        let gone = shard.insert(key, row);
        // Nobody waits for its memory to be given back.
        drop(shard);
        drop(gone);
    }
}

impl Key {
    const fn of(digest: &Digest) -> Self {
        let (half, _) = digest.0.as_slice().split_first_chunk().expect("it has 32 bytes");
        Self(*half)
    }

    /// It is its own hash: one byte says the shard.
    const fn shard(self) -> usize {
        self.0[0] as usize % SHARDS
    }

    /// Where it is at home among so many slots: as far from the first as the next four bytes say.
    const fn home(self, slots: usize) -> usize {
        let Self([_, a, b, c, d, ..]) = self;
        ((u32::from_be_bytes([a, b, c, d]) as u64 * slots as u64) >> 32) as usize
    }
}

impl<R: Kept> Shard<R> {
    fn new(most: usize) -> Self {
        Self { slots: Box::default(), taken: 0, most: most.max(1), hand: 0 }
    }

    fn get(&self, key: Key) -> Option<&R> {
        let at = self.place(key).ok()?;
        self.slots[at].as_ref().map(|(_, row)| row)
    }

    /// Returns what gave way.
    fn insert(&mut self, key: Key, row: R) -> Option<R> {
        let mut gone = None;
        if self.place(key).is_err() {
            if self.taken == self.most {
                gone = self.let_one_go();
            }
            if (self.taken + 1) * 5 > self.slots.len() * 4 {
                self.grow();
            }
        }
        match self.place(key) {
            Ok(at) => self.slots[at].replace((key, row)).map(|(_, before)| before),
            Err(at) => {
                self.slots[at] = Some((key, row));
                self.taken += 1;
                gone
            }
        }
    }

    /// Where this key is; `Err`: where it would be.
    fn place(&self, key: Key) -> Result<usize, usize> {
        let mut at = key.home(self.slots.len());
        loop {
            match self.slots.get(at) {
                Some(Some((there, _))) if *there == key => return Ok(at),
                Some(Some(_)) => at = self.after(at),
                Some(None) | None => return Err(at),
            }
        }
    }

    /// The slot after this one; after the last, the first.
    const fn after(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }

    /// How many slots it is from one to the other, forwards.
    const fn way(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.slots.len() - from }
    }

    fn grow(&mut self) {
        let room = (self.slots.len() * 2).max(LEAST);
        let before = std::mem::replace(&mut self.slots, std::iter::repeat_with(|| None).take(room).collect());
        for (key, row) in before.into_iter().flatten() {
            if let Err(at) = self.place(key) {
                self.slots[at] = Some((key, row));
            }
        }
    }

    /// Of the next [`LOOKED_AT`] rows the one that was of no use for longest.
    fn let_one_go(&mut self) -> Option<R> {
        let mut oldest = None;
        let mut looked_at = 0;
        while looked_at < LOOKED_AT {
            self.hand = self.after(self.hand);
            let Some((_, row)) = &self.slots[self.hand] else { continue };
            looked_at += 1;
            let used = row.last_of_use();
            if oldest.is_none_or(|(than, _)| used < than) {
                oldest = Some((used, self.hand));
            }
        }
        oldest.and_then(|(_, at)| self.take(at))
    }

    /// Takes one out and lets those behind it move up that would be missed by whoever stops at a gap.
    fn take(&mut self, at: usize) -> Option<R> {
        let (_, gone) = self.slots[at].take()?;
        self.taken -= 1;
        let (mut gap, mut at) = (at, at);
        loop {
            at = self.after(at);
            let Some((key, _)) = &self.slots[at] else { return Some(gone) };
            if self.way(key.home(self.slots.len()), at) >= self.way(gap, at) {
                self.slots.swap(gap, at);
                gap = at;
            }
        }
    }
}

const SHARDS: usize = 256;
/// A sixteenth more than its share is kept by a shard.
const SLACK: usize = 16;
/// Slots of a shard that has any. Doubled again and again, they take three times a power of two of bytes: a size that the
/// allocator keeps apart, and that requests are hardly ever served with. Each of 256 shards leaves a block of each size behind
/// when it grows. Were they of a size that requests need, these would from then on go round all of the blocks, over
/// megabytes of memory that is cold.
pub(super) const LEAST: usize = 24;
/// Rows that are looked at when one has to go.
const LOOKED_AT: usize = 8;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// What it is, and when it was last of use.
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Thing(u16, u64);

    impl Kept for Thing {
        fn last_of_use(&self) -> Timestamp {
            Timestamp::from_millis(self.1)
        }
    }

    /// A key whose home is one of few, at the table's beginning and at its end.
    fn key(home: u8, number: u8) -> Key {
        let mut bytes = [0; 16];
        (bytes[1], bytes[15]) = (home.wrapping_sub(4), number);
        Key(bytes)
    }

    proptest! {
        /// As a map, however keys crowd, whatever is taken out in between.
        #[test]
        fn a_shard_is_a_map(acts in prop::collection::vec((0..8_u8, 0..12_u8, any::<u16>(), 0..4_u8), 0..300)) {
            let mut shard = Shard::new(1000);
            let mut model = HashMap::new();
            for (home, number, thing, act) in acts {
                let key = key(home, number);
                if act == 0 {
                    let taken = shard.place(key).ok().and_then(|at| shard.take(at));
                    prop_assert_eq!(taken, model.remove(&key.0));
                } else {
                    let thing = Thing(thing, 0);
                    prop_assert_eq!(shard.insert(key, thing), model.insert(key.0, thing));
                }
                prop_assert_eq!(shard.taken, model.len());
                prop_assert!(shard.taken * 5 <= shard.slots.len() * 4);
                prop_assert!(shard.slots.is_empty() || (shard.slots.len() / LEAST).is_power_of_two());
                prop_assert_eq!(shard.slots.len() % LEAST, 0);
            }
            for home in 0..8 {
                for number in 0..12 {
                    let key = key(home, number);
                    prop_assert_eq!(shard.get(key), model.get(&key.0));
                }
            }
        }

        /// Never more than it has room for; what it still has is what was put there.
        #[test]
        fn a_full_shard_lets_one_go_for_each_that_comes(
            most in 1..40_usize,
            acts in prop::collection::vec((0..8_u8, 0..12_u8, any::<u16>(), 0..100_u64), 0..300),
        ) {
            let mut shard = Shard::new(most);
            let mut model = HashMap::new();
            for (home, number, thing, used) in acts {
                let key = key(home, number);
                shard.insert(key, Thing(thing, used));
                model.insert(key.0, Thing(thing, used));
                prop_assert_eq!(shard.get(key), model.get(&key.0));
                prop_assert!(shard.taken <= most);
                let there: Vec<_> = shard.slots.iter().flatten().collect();
                prop_assert_eq!(there.len(), shard.taken);
                for (key, thing) in there {
                    prop_assert_eq!(Some(thing), model.get(&key.0));
                    prop_assert_eq!(shard.get(*key), Some(thing), "it is found");
                }
            }
        }
    }

    #[test]
    fn what_was_of_no_use_for_longest_goes() {
        let mut shard = Shard::new(LOOKED_AT);
        for number in 0..LOOKED_AT as u8 {
            shard.insert(key(number, number), Thing(number.into(), 100 + u64::from(number * 5 % 8)));
        }
        // It is no longer of any.
        shard.insert(key(3, 3), Thing(3, 0));
        assert_eq!(shard.insert(key(0, 99), Thing(99, 200)), Some(Thing(3, 0)));
        assert_eq!(shard.insert(key(0, 98), Thing(98, 200)), Some(Thing(0, 100)));
        assert_eq!(shard.taken, LOOKED_AT);
    }

    #[test]
    fn rows_are_found_by_their_digest_and_are_bounded() {
        let rows = Rows::new(16_000);
        let digest = |number: u32| Digest(*blake3::hash(&number.to_le_bytes()).as_bytes());
        for number in 0..40_000 {
            rows.insert(&digest(number), Thing(number as u16, number.into()));
            assert_eq!(rows.find(&digest(number), |thing| *thing), Some(Thing(number as u16, number.into())));
        }
        let kept = |numbers: std::ops::Range<u32>| {
            numbers.filter(|number| rows.find(&digest(*number), |_| ()).is_some()).count()
        };
        let all = kept(0..40_000);
        assert!((15_000..=17_000).contains(&all), "{all}");
        assert!(kept(24_000..40_000) > all * 8 / 10, "mostly the latest");
        assert_eq!(rows.find(&digest(40_000), |thing| *thing), None);
    }
}
