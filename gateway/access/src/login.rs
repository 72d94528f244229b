//! How far is this sign-in? A state machine that only moves forward (S1–S6; A20–A29).
//!
//! Start → (password right) → second step | set-up | done. Every step begins from a stored [`Flow`] and one [`Input`];
//! nothing can be skipped, replayed or continued by another person, because the flow row is consumed or replaced in the
//! same transaction that acts on the answer. Only [`advance`] makes a [`Proved`], and only with one is a session opened.

use std::time::Duration;

use crate::Timestamp;
use crate::identity::UserId;
use crate::policy::{Method, Methods};

/// How long a sign-in may take from its first step (S13).
pub const FLOW_LIFE: Duration = Duration::from_secs(10 * 60);
/// Wrong codes within one sign-in before it has to start anew.
pub const CODES_PER_FLOW: u8 = 5;

/// A sign-in under way, as it is stored after the password was right. Before that there is nothing to store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// Whose.
    pub person: UserId,
    /// When the password was right.
    pub started: Timestamp,
    /// What is asked for.
    pub stage: Stage,
    /// Wrong codes so far.
    pub wrong: u8,
}

/// What a sign-in under way asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A second step by one of the person's methods.
    SecondStep {
        /// What they have set up and what counts.
        methods: Methods,
    },
    /// The set-up of a method, confirmed by its first code (S6).
    SetUp,
}

/// What the person has and must have, gathered before [`begin`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Situation {
    /// Second steps set up.
    pub enrolled: Methods,
    /// What policy demands: `None` nothing, else the methods that count.
    pub demanded: Option<Methods>,
}

/// What was just checked, by the code that owns the secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// A code or key of an enrolled method was right and had not been used.
    SecondStepRight(Method),
    /// The first code of a method being set up was right.
    SetUpRight(Method),
    /// It was wrong, or had been used.
    Wrong,
}

/// What comes next.
#[derive(Debug)]
#[must_use]
pub enum Next {
    /// Store this flow and ask.
    Ask(Flow),
    /// All that policy demands was shown.
    Done(Proved),
    /// The flow is over (ten minutes, or five wrong codes): begin anew.
    Over,
    /// The input does not belong to this stage: nothing changes, the same question is asked again.
    Misplaced,
}

/// The proof that a sign-in was completed. Opening a session consumes it.
#[derive(Debug)]
#[must_use]
pub struct Proved {
    person: UserId,
    factors: Methods,
    at: Timestamp,
}

impl Proved {
    /// Who.
    pub const fn person(&self) -> UserId {
        self.person
    }

    /// What was shown.
    pub const fn factors(&self) -> Methods {
        self.factors
    }

    /// When it was completed.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// After a right password. A person with an enrolled second step is asked for it whether or not policy demands one; one
/// who has none that counts, and must have, sets one up; all others are done.
pub fn begin(_person: UserId, _situation: Situation, _now: Timestamp) -> Next {
    unimplemented!()
}

/// From a stored flow, with what was just checked.
pub fn advance(_flow: &Flow, _input: Input, _now: Timestamp) -> Next {
    let _ = |p: Proved| (p.person, p.factors, p.at);
    unimplemented!()
}
