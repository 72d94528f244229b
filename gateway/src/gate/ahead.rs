//! What will be needed soon is asked of memory now.
//!
//! Among a million sessions, each piece of what is known about one lies as far away as memory is, and behind each is the
//! next: the row, who it belongs to, the person. A request that waits for one after the other waits longer than for all
//! of its rules. So a cookie's digest is computed as soon as the header is there, and while the rest of the header is read, each
//! look at it draws the next piece near. Nothing is decided by it, and nothing is wrong if it never comes.

use std::ops::Range;

use prefetch_index::prefetch_index;

use super::Gate;
use super::facts::{FactCache, Visitor};
use crate::store::vault::Digest;

/// A session's cookie, known by its digest alone, whose row is on its way from memory.
#[derive(Clone, Copy)]
pub struct Coming {
    pub(super) digest: Digest,
    next: Piece,
}

#[derive(Clone, Copy)]
enum Piece {
    Visitor,
    Person,
    Nothing,
}

impl Gate {
    /// A session's cookie is there: what is known about it will be asked for, and is on its way from memory.
    pub fn expect(&self, cookie: &str) -> Coming {
        Coming::begin(&self.facts, self.session_digest(cookie))
    }

    /// Has the next piece fetched of what is known about it. Between two calls there should be something else to do.
    pub fn draw_nearer(&self, coming: &mut Coming) {
        coming.draw_nearer(&self.facts);
    }

    /// Whoever was admitted will be introduced.
    pub fn expect_introduction(&self, visitor: &Visitor) {
        let introduction = visitor.known_person().introduced.load().as_ptr();
        fetch(introduction);
    }

    /// And now what the app will be told.
    pub fn expect_identity(&self, visitor: &Visitor) {
        let introduction = visitor.known_person().introduced.load().upgrade();
        let lines = introduction.map(|introduction| introduction.identity().lines().as_ptr_range());
        fetch_all(lines.unwrap_or_default());
    }
}

impl Coming {
    pub(super) fn begin(facts: &FactCache, digest: Digest) -> Self {
        facts.fetch_row(&digest);
        Self { digest, next: Piece::Visitor }
    }

    pub(super) fn draw_nearer(&mut self, facts: &FactCache) {
        self.next = match self.next {
            Piece::Visitor => {
                facts.fetch_visitor(&self.digest);
                Piece::Person
            }
            Piece::Person => {
                facts.fetch_person(&self.digest);
                Piece::Nothing
            }
            Piece::Nothing => Piece::Nothing,
        };
    }
}

impl std::fmt::Debug for Coming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Coming(…)")
    }
}

/// Has the line of memory fetched in which this is, by its address alone: to fetch is not to look.
///
/// Not while a lock is held or a count about to change: what is atomic waits until it is known where the line is, and that
/// is most of what the line costs. Behind it there should be work for as long.
pub(super) fn fetch<T>(of: *const T) {
    let here: &[u8] = &[];
    prefetch_index(here, of.addr().wrapping_sub(here.as_ptr().addr()));
}

/// Has all of it fetched.
pub(super) fn fetch_all(bytes: Range<*const u8>) {
    let mut at = bytes.start;
    while at < bytes.end {
        fetch(at);
        at = at.wrapping_byte_add(LINE);
    }
}

/// Bytes of memory that come together.
const LINE: usize = 64;
