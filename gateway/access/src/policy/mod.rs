//! The rules as they are in force, and the one function that says yes.
//!
//! `decide` walks, in this order, and the first no ends the walk:
//!
//! 1. *Perimeter.* A blocked address, or one from which nobody at all could enter, is refused before anybody is asked
//!    anything (N1, N11). An app's or path rule's `only_from` belongs here too: it speaks of no person. So does the
//!    certificate that an app may demand of the client: it opens nothing, and without it nothing opens.
//! 2. *Goal.* The sign-in pages need no more than the perimeter. For an app the first path rule that matches counts; a
//!    `public` rule admits anonymously, if its methods allow. Everybody without a proof is asked to sign in, whether or
//!    not a rule would match, so that rules don't tell what exists.
//! 3. *Proof.* A session must be alive (idle, absolute, generations, owner active); a token alive, for this app;
//!    an app password alive, for the web, where the app takes app passwords.
//! 4. *Second step* (sessions only), where the organization, a role, a group, the person, the app or the path demands it
//!    or names methods; then `fresh`.
//! 5. *Address.* Listed for the organization, a role, a group or the person; and inside every `only_from` that applies.
//! 6. *Rule.* Someone the rule allows; a method it allows. No rule, no entry (Z1).
//!
//! Tokens carry no second step: they enter where a rule names one of their scopes, or, if they have no scopes and
//! their owner made them so, where their owner may enter and the app and path ask neither for methods nor for freshness.
//! App passwords enter as such tokens do.

mod attempt;
mod explain;
mod methods;
mod rules;
mod walk;

use std::ops::ControlFlow;

pub use attempt::{
    AppPasswordFacts, Attempt, Certificate, Decision, Generations, Goal, Grant, Need, Person, Proof, Reason, Refusal,
    SessionFacts, Standing, TokenFacts, Unscoped,
};
pub use explain::{Mark, Walk, WalkStep, explain};
pub use methods::{Method, Methods};
pub use rules::{Allowed, App, Level, Listed, Organization, PathRule, Place, Rules, SessionLimits, TwoStep};

use crate::Timestamp;
use crate::network::AddressSet;
use methods::Demand;
use rules::Holder;

/// May this be let in? Pure; allocates nothing: an answer shares the rule's place.
pub fn decide(policy: &Policy, attempt: &Attempt<'_>, now: Timestamp) -> Decision {
    match walk::walk(policy, attempt, now, &mut walk::Untold) {
        ControlFlow::Continue(grant) => Decision::Allow(grant),
        ControlFlow::Break(decision) => decision,
    }
}

/// The rules in force, with what can be known beforehand. Immutable.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Rules,
    perimeter: AddressSet,
}

impl Policy {
    /// Prepares the rules: the perimeter is everything anybody could enter from, less what is blocked.
    pub fn new(rules: Rules) -> Self {
        let levels = rules.roles.values().chain(rules.groups.values()).chain(rules.users.values());
        let listed = levels.filter_map(|level| level.allow_from.as_ref()).chain(&rules.organization.allow_from);
        let perimeter = rules.organization.less_blocked(listed.map(|listed| &*listed.set).collect());
        Self { rules, perimeter }
    }

    /// The rules as given.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Every address from which anybody at all could enter.
    pub const fn perimeter(&self) -> &AddressSet {
        &self.perimeter
    }

    /// From where this person could enter the portal: listed for them, inside every `only_from`, not blocked.
    pub fn reach(&self, person: &Person) -> AddressSet {
        let listed = self.listings(person).map(|(_, listed)| &*listed.set).collect();
        let only = self.levels(person).filter_map(|(_, level)| level.only_from.as_ref());
        self.rules.organization.less_blocked(only.fold(listed, |reach, only| reach.intersection(&only.set)))
    }

    /// What this person must show as a second step before anything opens: `None` if nothing demands one; else the
    /// methods that count (all second steps, or those that roles, groups and the person's own rule leave). An empty set
    /// means that the rules contradict each other: nothing the person could show would do.
    pub fn second_step(&self, person: &Person) -> Option<Methods> {
        self.demand(person).methods()
    }

    /// The rules of the person's roles, of their groups and their own.
    fn levels<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = (Holder<'a>, &'a Level)> {
        let Rules { roles, groups, users, .. } = &self.rules;
        let of_roles = person.roles.iter().filter_map(|role| Some((Holder::Role(role), roles.get(role)?)));
        let of_groups = person.groups.iter().filter_map(|group| Some((Holder::Group(group), groups.get(group)?)));
        let own = users.get(&person.name).map(|level| (Holder::User(&person.name), level));
        of_roles.chain(of_groups).chain(own)
    }

    /// Every list that says from where the person may come.
    fn listings<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = (Holder<'a>, &'a Listed)> {
        let everybody = self.rules.organization.allow_from.as_ref().map(|listed| (Holder::Organization, listed));
        let levels = self.levels(person);
        everybody.into_iter().chain(levels.filter_map(|(holder, level)| Some((holder, level.allow_from.as_ref()?))))
    }

    /// The most particular of the person's rules that demand a second step.
    fn demanding_level<'a>(&'a self, person: &'a Person) -> Option<&'a Level> {
        let levels = self.levels(person).map(|(_, level)| level);
        levels.filter(|level| level.two_step || level.second_step.is_some()).last()
    }

    fn demand(&self, person: &Person) -> Demand {
        let organization = Demand::NOTHING.any_if(self.rules.organization.two_step == TwoStep::Required);
        self.levels(person)
            .fold(organization, |demand, (_, level)| demand.any_if(level.two_step).one_of(level.second_step))
    }
}

#[cfg(test)]
mod tests;
