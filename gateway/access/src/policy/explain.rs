//! Why? The walk told step by step, for administrators (Z4).

use std::ops::ControlFlow;

use super::walk::{self, Told, Trace};
use super::{Attempt, Decision, Place, Policy};
use crate::Timestamp;

/// The same walk as [`decide`](super::decide), told step by step. Both run the same code; a property test holds them
/// together.
pub fn explain(policy: &Policy, attempt: &Attempt<'_>, now: Timestamp) -> Walk {
    let mut record = Record::default();
    let end = walk::walk(policy, attempt, now, &mut record);
    let decision = match (record.no, end) {
        (Some(no), _) | (None, ControlFlow::Break(no)) => no,
        (None, ControlFlow::Continue(grant)) => Decision::Allow(grant),
    };
    Walk { steps: record.steps, decision }
}

/// A decision and how it came about (Z4).
#[derive(Debug)]
pub struct Walk {
    /// In order; what was not reached is there as [`Mark::NotReached`].
    pub steps: Vec<WalkStep>,
    /// The end of it.
    pub decision: Decision,
}

/// One rule that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalkStep {
    /// Which: `perimeter`, `app`, `session`, `token`, `app password`, `second step`, `address`, `role admin`, `path rule`…
    pub name: String,
    /// How it went.
    pub mark: Mark,
    /// A sentence for an administrator: `10.8.3.4 is not in office`.
    pub text: String,
    /// Where the rule stands.
    pub place: Option<Place>,
}

/// How one rule went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It lets through.
    Pass,
    /// It ended the walk.
    Fail,
    /// The walk ended before.
    NotReached,
}

/// Writes down every rule and remembers the first no.
#[derive(Default)]
struct Record {
    steps: Vec<WalkStep>,
    ended: bool,
    no: Option<Decision>,
}

impl Record {
    fn write(&mut self, passes: bool, Told { name, text, place }: Told) {
        let mark = match (self.ended, passes) {
            (true, _) => Mark::NotReached,
            (false, true) => Mark::Pass,
            (false, false) => Mark::Fail,
        };
        self.ended |= !passes;
        self.steps.push(WalkStep { name, mark, text, place });
    }
}

impl Trace for Record {
    fn check(
        &mut self,
        passes: bool,
        told: impl FnOnce() -> Told,
        no: impl FnOnce() -> Decision,
    ) -> ControlFlow<Decision> {
        if !passes && !self.ended {
            self.no = Some(no());
        }
        self.write(passes, told());
        ControlFlow::Continue(())
    }

    fn end(&mut self, told: impl FnOnce() -> Told, no: impl FnOnce() -> Decision, behind: &[&str]) -> Decision {
        self.write(false, told());
        for name in behind {
            self.write(false, Told { name: (*name).to_owned(), text: "not reached".to_owned(), place: None });
        }
        self.no.take().unwrap_or_else(no)
    }
}
