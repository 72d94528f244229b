//! How far is this sign-in? A state machine that only moves forward (S1–S6; A20–A29).
//!
//! Start → (password right) → second step | set-up | second step, then set-up | done. Every step begins from a stored [`Flow`] and one [`Input`];
//! nothing can be skipped, replayed or continued by another person, because the flow row is consumed or replaced in the
//! same transaction that acts on the answer. Only this module makes a [`Proved`], and only with one is a session opened.

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
    /// A second step by one of the person's methods, none of which counts any longer; the set-up of one that does
    /// follows. Without it a stolen password could set up a second step beside the one it lacks.
    SecondStepThenSetUp {
        /// What they have set up.
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

    /// The same without the password: the session that it goes on from was opened by a passkey alone.
    pub const fn without_password(self) -> Self {
        Self { factors: self.factors.without(Method::Password), ..self }
    }

    /// When it was completed.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// After a right password. A person with an enrolled second step is asked for it whether or not policy demands one; one
/// who has none that counts, and must have, sets one up; all others are done.
pub fn begin(person: UserId, situation: Situation, now: Timestamp) -> Next {
    let enrolled = situation.enrolled.and(Methods::SECOND_STEPS);
    let usable = enrolled.and(situation.demanded.unwrap_or(Methods::SECOND_STEPS));
    let stage = if !usable.is_empty() {
        Stage::SecondStep { methods: usable }
    } else if !enrolled.is_empty() {
        Stage::SecondStepThenSetUp { methods: enrolled }
    } else if situation.demanded.is_some() {
        Stage::SetUp
    } else {
        return Next::Done(Proved { person, factors: PASSWORD, at: now });
    };
    Next::Ask(Flow { person, started: now, stage, wrong: 0 })
}

/// After a right passkey with user verification, which is both steps at once (S4). Where policy names methods and the
/// passkey is not among them it is [`Next::Misplaced`]: the sign-in begins with the password.
pub fn begin_with_passkey(person: UserId, situation: Situation, now: Timestamp) -> Next {
    if situation.demanded.is_none_or(|methods| methods.has(Method::Passkey)) {
        Next::Done(Proved { person, factors: Methods::NONE.with(Method::Passkey), at: now })
    } else {
        Next::Misplaced
    }
}

/// From a stored flow, with what was just checked.
pub fn advance(flow: &Flow, input: Input, now: Timestamp) -> Next {
    if now.since(flow.started) >= FLOW_LIFE || flow.wrong >= CODES_PER_FLOW {
        return Next::Over;
    }
    let done = |method| Next::Done(Proved { person: flow.person, factors: PASSWORD.with(method), at: now });
    match (flow.stage, input) {
        (_, Input::Wrong) if flow.wrong + 1 == CODES_PER_FLOW => Next::Over,
        (_, Input::Wrong) => Next::Ask(Flow { wrong: flow.wrong + 1, ..flow.clone() }),
        (Stage::SecondStep { methods }, Input::SecondStepRight(method)) if is_asked(methods, method) => done(method),
        (Stage::SecondStepThenSetUp { methods }, Input::SecondStepRight(method)) if is_asked(methods, method) => {
            Next::Ask(Flow { stage: Stage::SetUp, ..flow.clone() })
        }
        // Recovery codes come with a method, they are none that is set up.
        (Stage::SetUp, Input::SetUpRight(method))
            if is_asked(Methods::SECOND_STEPS, method) && method != Method::Recovery =>
        {
            done(method)
        }
        _ => Next::Misplaced,
    }
}

/// May one second step go, so that these remain (S7)? Not where policy demands some and none of them would be left. Recovery
/// codes don't count: they stand in for a method, they are none.
pub fn may_go(remaining: Methods, demanded: Option<Methods>) -> bool {
    let counted = Methods::SECOND_STEPS.without(Method::Recovery);
    demanded.is_none_or(|methods| !methods.and(remaining).and(counted).is_empty())
}

/// A flow comes from the store; whatever it says there, a password is no second step.
fn is_asked(methods: Methods, method: Method) -> bool {
    methods.and(Methods::SECOND_STEPS).has(method)
}

const PASSWORD: Methods = Methods::NONE.with(Method::Password);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_password_comes_what_the_person_has_and_policy_demands() {
        use Method::*;
        use Stage::*;
        for (enrolled, demanded, expected) in [
            (&[][..], None, None),
            (&[], Some(&[Passkey, Totp][..]), Some(SetUp)),
            (&[], Some(&[]), Some(SetUp)),
            (&[Totp], None, Some(SecondStep { methods: of(&[Totp]) })),
            (&[Totp, Sms, Recovery], None, Some(SecondStep { methods: of(&[Totp, Sms, Recovery]) })),
            (&[Email], None, Some(SecondStep { methods: of(&[Email]) })),
            (&[Totp, Sms], Some(&[Totp, Passkey]), Some(SecondStep { methods: of(&[Totp]) })),
            (&[Sms, Recovery], Some(&[Passkey]), Some(SecondStepThenSetUp { methods: of(&[Sms, Recovery]) })),
            // Asking for the password a second time is no second step.
            (&[Password], None, None),
            (&[Password], Some(&[Password]), Some(SetUp)),
            (&[Password, Totp], Some(&[Password]), Some(SecondStepThenSetUp { methods: of(&[Totp]) })),
        ] {
            let situation = Situation { enrolled: of(enrolled), demanded: demanded.map(of) };
            let next = begin(ANA, situation, at(0));
            match expected {
                Some(stage) => assert_eq!(asked(&next), Some(&Flow { person: ANA, started: at(0), stage, wrong: 0 })),
                None => assert_eq!(proved(&next), Some((ANA, of(&[Password]), at(0))), "{situation:?}"),
            }
        }
    }

    #[test]
    fn a_passkey_signs_in_alone_unless_policy_names_other_methods() {
        use Method::*;
        for (demanded, suffices) in
            [(None, true), (Some(&[Passkey, Totp][..]), true), (Some(&[Totp]), false), (Some(&[]), false)]
        {
            let situation = Situation { enrolled: of(&[Passkey]), demanded: demanded.map(of) };
            let next = begin_with_passkey(ANA, situation, at(7));
            let expected = suffices.then_some((ANA, of(&[Passkey]), at(7)));
            assert_eq!(proved(&next), expected, "{situation:?}");
            assert!(suffices || matches!(next, Next::Misplaced));
        }
    }

    #[test]
    fn the_last_second_step_that_counts_stays_where_policy_demands_one() {
        use Method::*;
        for (remaining, demanded, may) in [
            (&[][..], None, true),
            (&[Recovery], None, true),
            (&[Totp, Recovery], Some(&[Totp, Passkey][..]), true),
            (&[Passkey], Some(&[Passkey]), true),
            (&[Totp], Some(&[Passkey]), false),
            (&[Recovery], Some(&[Totp, Recovery]), false),
            (&[Password], Some(&[Password, Totp]), false),
            (&[], Some(&[]), false),
        ] {
            assert_eq!(may_go(of(remaining), demanded.map(of)), may, "{remaining:?} of {demanded:?}");
        }
    }

    /// Every stage with every input: done, asked for a stage, or misplaced.
    #[test]
    fn a_stage_takes_only_its_own_answer() {
        use Input::*;
        use Stage::*;
        let all = [
            Method::Password,
            Method::Totp,
            Method::Recovery,
            Method::Passkey,
            Method::Sms,
            Method::Voice,
            Method::Email,
        ];
        let sets =
            [of(&[]), of(&[Method::Totp, Method::Recovery]), of(&[Method::Email]), of(&all), Methods::from_bits(255)];
        let stages = sets
            .into_iter()
            .flat_map(|methods| [SecondStep { methods }, SecondStepThenSetUp { methods }])
            .chain(std::iter::once(SetUp));
        for stage in stages {
            let flow = Flow { person: ANA, started: at(0), stage, wrong: 2 };
            for method in all {
                let second = advance(&flow, SecondStepRight(method), at(9));
                let listed = |methods: Methods| methods.has(method) && method != Method::Password;
                match stage {
                    SecondStep { methods } if listed(methods) => {
                        assert_eq!(proved(&second), Some((ANA, of(&[Method::Password, method]), at(9))));
                    }
                    SecondStepThenSetUp { methods } if listed(methods) => {
                        assert_eq!(asked(&second), Some(&Flow { stage: SetUp, ..flow.clone() }));
                    }
                    _ => assert!(matches!(second, Next::Misplaced), "{stage:?} took {method:?}"),
                }
                let set_up = advance(&flow, SetUpRight(method), at(9));
                if stage == SetUp && !matches!(method, Method::Password | Method::Recovery) {
                    assert_eq!(proved(&set_up), Some((ANA, of(&[Method::Password, method]), at(9))));
                } else {
                    assert!(matches!(set_up, Next::Misplaced), "{stage:?} took the set-up of {method:?}");
                }
            }
            let wrong = advance(&flow, Wrong, at(9));
            assert_eq!(asked(&wrong), Some(&Flow { wrong: 3, ..flow.clone() }));
        }
    }

    #[test]
    fn five_wrong_codes_end_the_flow() {
        let mut flow = flow();
        for wrong in 1..CODES_PER_FLOW {
            let Next::Ask(next) = advance(&flow, Input::Wrong, at(1)) else {
                panic!("{wrong} wrong codes are not too many")
            };
            assert_eq!(next.wrong, wrong);
            flow = next;
        }
        assert!(matches!(advance(&flow, Input::SecondStepRight(Method::Totp), at(1)), Next::Done(_)));
        assert!(matches!(advance(&flow, Input::Wrong, at(1)), Next::Over));
    }

    #[test]
    fn a_flow_that_is_over_takes_nothing_more() {
        let right = Input::SecondStepRight(Method::Totp);
        let fresh = flow();
        let worn_out = Flow { wrong: CODES_PER_FLOW, ..flow() };
        let overflowing = Flow { wrong: u8::MAX, ..flow() };
        for (flow, now, over) in [
            (&fresh, at(599), false),
            (&fresh, at(600), true),
            (&fresh, at(86_400), true),
            (&worn_out, at(1), true),
            (&overflowing, at(1), true),
        ] {
            for input in [right, Input::SetUpRight(Method::Totp), Input::Wrong] {
                let next = advance(flow, input, now);
                assert_eq!(matches!(next, Next::Over), over, "{flow:?} with {input:?} at {now:?} is {next:?}");
            }
        }
    }

    #[test]
    fn setting_up_does_not_refill_the_tries() {
        let flow = Flow {
            stage: Stage::SecondStepThenSetUp { methods: of(&[Method::Sms]) },
            wrong: CODES_PER_FLOW - 1,
            ..flow()
        };
        let Next::Ask(next) = advance(&flow, Input::SecondStepRight(Method::Sms), at(1)) else {
            panic!("it was right")
        };
        assert!(matches!(advance(&next, Input::Wrong, at(1)), Next::Over));
    }

    fn asked(next: &Next) -> Option<&Flow> {
        if let Next::Ask(flow) = next { Some(flow) } else { None }
    }

    fn proved(next: &Next) -> Option<(UserId, Methods, Timestamp)> {
        if let Next::Done(proved) = next { Some((proved.person(), proved.factors(), proved.at())) } else { None }
    }

    fn flow() -> Flow {
        Flow { person: ANA, started: at(0), stage: Stage::SecondStep { methods: of(&[Method::Totp]) }, wrong: 0 }
    }

    fn of(methods: &[Method]) -> Methods {
        methods.iter().fold(Methods::NONE, |set, method| set.with(*method))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    const ANA: UserId = UserId([1; 16]);
}
