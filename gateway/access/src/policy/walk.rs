//! The walk through the rules, for [`decide`](super::decide) and [`explain`](super::explain) alike.
//!
//! A rule is looked at in one place only, [`Trace::check`]. Untold, the first no ends the walk and no sentence is ever
//! written. Told, the walk goes on after a no as if it had been a yes, so that the rules behind it can be listed as not
//! reached; the first no remains the answer.

use std::fmt::Display;
use std::ops::ControlFlow;

use super::{
    Allowed, App, AppPasswordFacts, Attempt, Certificate, Decision, Generations, Goal, Grant, Listed, Need, PathRule,
    Person, Place, Policy, Proof, Reason, Refusal, SessionFacts, Standing, TokenFacts, Unscoped,
};
use crate::Timestamp;
use crate::identity::AppName;
use crate::protocol::Protocol;
use crate::target::CanonicalPath;

/// `Continue` is the yes, `Break` everything else.
pub(super) fn walk<T: Trace>(
    policy: &Policy,
    attempt: &Attempt<'_>,
    now: Timestamp,
    trace: &mut T,
) -> ControlFlow<Decision, Grant> {
    let mut walker = Walker { policy, attempt, now, trace };
    walker.perimeter()?;
    match attempt.goal {
        Goal::SignIn => ControlFlow::Continue(grant(None, &policy.rules.organization.place)),
        Goal::Portal => walker.portal(),
        Goal::App { app, method, path } => walker.app(app, method, path),
    }
}

/// Who listens to the walk?
pub(super) trait Trace {
    /// One rule was looked at: it lets through, or the walk ends with `no`.
    fn check(
        &mut self,
        passes: bool,
        told: impl FnOnce() -> Told,
        no: impl FnOnce() -> Decision,
    ) -> ControlFlow<Decision>;

    /// One rule lets nobody through, and what would come behind it can only be named. The answer of the whole walk.
    fn end(&mut self, told: impl FnOnce() -> Told, no: impl FnOnce() -> Decision, behind: &[&str]) -> Decision;
}

/// What is told of one rule.
pub(super) struct Told {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) place: Option<Place>,
}

/// Nobody listens.
pub(super) struct Untold;

impl Trace for Untold {
    fn check(
        &mut self,
        passes: bool,
        _: impl FnOnce() -> Told,
        no: impl FnOnce() -> Decision,
    ) -> ControlFlow<Decision> {
        if passes { ControlFlow::Continue(()) } else { ControlFlow::Break(no()) }
    }

    fn end(&mut self, _: impl FnOnce() -> Told, no: impl FnOnce() -> Decision, _: &[&str]) -> Decision {
        no()
    }
}

struct Walker<'a, T> {
    policy: &'a Policy,
    attempt: &'a Attempt<'a>,
    now: Timestamp,
    trace: &'a mut T,
}

impl<'a, T: Trace> Walker<'a, T> {
    fn perimeter(&mut self) -> ControlFlow<Decision> {
        let address = self.attempt.address;
        let organization = &self.policy.rules.organization;
        let blocked = || organization.blocked.as_ref().filter(|blocked| blocked.set.contains(address));
        let place = || match (blocked(), &organization.allow_from) {
            (Some(listed), _) | (None, Some(listed)) => &listed.place,
            (None, None) => &organization.place,
        };
        let passes = self.policy.perimeter.contains(address);
        let told = || {
            let text = match blocked() {
                Some(blocked) => format!("{address} is blocked, being in {}", blocked.names),
                None if passes => format!("somebody may come from {address}"),
                None => format!("nobody may come from {address}"),
            };
            told("perimeter", text, Some(place()))
        };
        self.trace.check(passes, told, || refuse(Reason::AddressNotAllowed, Some(place())))
    }

    fn portal(&mut self) -> ControlFlow<Decision, Grant> {
        match self.attempt.proof {
            Proof::Nobody => ControlFlow::Break(self.unknown(Need::Credentials)),
            Proof::Token { .. } => ControlFlow::Break(self.trace.end(
                || told("token", "the portal is for people: a token does not open it", None),
                || refuse(Reason::NotAllowed, None),
                &["second step", "address"],
            )),
            Proof::AppPassword { .. } => ControlFlow::Break(self.trace.end(
                || told("app password", "the portal is for people: an app password does not open it", None),
                || refuse(Reason::NotAllowed, None),
                &["second step", "address"],
            )),
            Proof::Session { person, session } => {
                self.session(person, session)?;
                self.second_step(person, session, None, None)?;
                self.address(person)?;
                ControlFlow::Continue(grant(Some(person), &self.policy.rules.organization.place))
            }
        }
    }

    fn app(&mut self, name: &AppName, method: &str, path: &CanonicalPath<'_>) -> ControlFlow<Decision, Grant> {
        let policy = self.policy;
        let Some(app) = policy.rules.apps.get(name) else {
            return ControlFlow::Break(self.trace.end(
                || told("app", format!("there is no app {name}"), None),
                || refuse(Reason::NotAllowed, None),
                &["session", "second step", "address", "path rule"],
            ));
        };
        self.inside(format_args!("app {name}"), app.only_from.as_ref())?;
        let selected = Selected::by(app, path);
        let rule = selected.rule();
        if let Some(rule) = rule {
            self.inside(format_args!("path rule {}", rule.pattern), rule.only_from.as_ref())?;
        }
        self.certificate(app)?;
        if let Some(rule) = rule.filter(|rule| rule.allow.contains(&Allowed::Public)) {
            self.allowed(rule, true)?;
            self.method(rule, method)?;
            return ControlFlow::Continue(grant(None, &rule.place));
        }
        let person = match self.attempt.proof {
            Proof::Nobody => {
                let tokens_only = rule.is_some_and(|rule| {
                    !rule.allow.is_empty() && rule.allow.iter().all(|allowed| matches!(allowed, Allowed::Token(_)))
                });
                return ControlFlow::Break(self.unknown(if tokens_only { Need::Token } else { Need::Credentials }));
            }
            Proof::Session { person, session } => {
                self.session(person, session)?;
                self.second_step(person, session, Some(app), rule)?;
                self.fresh(session, app, rule)?;
                self.address(person)?;
                person
            }
            Proof::Token { person, token } => {
                self.token(person, token, name)?;
                self.address(person)?;
                self.inside("token addresses", token.only_from.as_ref())?;
                person
            }
            Proof::AppPassword { person, password } => {
                self.app_password(person, password, name, app)?;
                self.address(person)?;
                self.inside("app password addresses", password.only_from.as_ref())?;
                person
            }
        };
        let Some(rule) = rule else {
            let (reason, text) = match selected {
                Selected::Unlike => {
                    let count = path.readings().count();
                    let text = format!("{} can be read in {count} ways, and one rule does not fit all", path.as_str());
                    (Reason::AmbiguousPath, text)
                }
                Selected::Untolerated => {
                    let text = format!("{} contains what {name} does not take (paths_may_contain)", path.as_str());
                    (Reason::AmbiguousPath, text)
                }
                _ => (Reason::NotAllowed, format!("no rule of {name} covers {}", path.as_str())),
            };
            return ControlFlow::Break(self.trace.end(
                || told("path rule", text, Some(&app.place)),
                || refuse(reason, Some(&app.place)),
                &["method"],
            ));
        };
        self.allowed(rule, may_use(app, rule, &self.attempt.proof))?;
        self.method(rule, method)?;
        ControlFlow::Continue(grant(Some(person), &rule.place))
    }

    fn certificate(&mut self, app: &App) -> ControlFlow<Decision> {
        let Some(place) = &app.client_certificate else { return ControlFlow::Continue(()) };
        let passes = self.attempt.certificate == Certificate::Shown;
        let told = || {
            let text = if passes { "the client showed a certificate" } else { "the client showed no certificate" };
            told("client certificate", text, Some(place))
        };
        self.trace.check(passes, told, || refuse(Reason::ClientCertificateRequired, Some(place)))
    }

    /// Nobody has shown anything: the walk ends here.
    fn unknown(&mut self, need: Need) -> Decision {
        let text = match need {
            Need::Token => "only bearer tokens may come here, and none was shown",
            _ => "nobody has signed in",
        };
        self.trace.end(
            || told("session", text, None),
            || Decision::SignIn(need),
            &["second step", "address", "path rule"],
        )
    }

    fn session(&mut self, person: &Person, session: &SessionFacts) -> ControlFlow<Decision> {
        let limits = self.policy.rules.organization.session;
        let over = if person.standing == Standing::Disabled {
            Some("its person is disabled")
        } else if session.generations != self.attempt.generations {
            Some("it was opened before all sessions were ended")
        } else if self.now.since(session.used) >= limits.idle {
            Some("it was idle for too long")
        } else if self.now.since(session.opened) >= limits.absolute {
            Some("it was opened too long ago")
        } else {
            None
        };
        let told = || {
            let text = match over {
                Some(why) => format!("the session of {} is over: {why}", person.name),
                None => format!("the session of {} is alive", person.name),
            };
            told("session", text, Some(&self.policy.rules.organization.place))
        };
        self.trace.check(over.is_none(), told, || Decision::SignIn(Need::Credentials))
    }

    fn token(&mut self, person: &Person, token: &TokenFacts, app: &AppName) -> ControlFlow<Decision> {
        let (made, current) = (token.generations, self.attempt.generations);
        let fault = if person.standing == Standing::Disabled {
            Some((Reason::TokenRevoked, "its owner is disabled"))
        } else if !is_of_this_house(made, current) {
            Some((Reason::TokenRevoked, "it was made before all tokens were revoked"))
        } else if self.now >= token.expires {
            Some((Reason::TokenExpired, "it has expired"))
        } else if !token.apps.contains(app) {
            Some((Reason::TokenNotForApp, "it is for other apps"))
        } else {
            None
        };
        let told = || {
            let text = match fault {
                Some((_, why)) => format!("the token of {} does not open {app}: {why}", person.name),
                None => format!("the token of {} is good for {app}", person.name),
            };
            told("token", text, None)
        };
        // Only asked for after a no, where there is a fault.
        let reason = fault.map_or(Reason::TokenRevoked, |(reason, _)| reason);
        self.trace.check(fault.is_none(), told, || refuse(reason, None))
    }

    fn app_password(
        &mut self,
        person: &Person,
        password: &AppPasswordFacts,
        name: &AppName,
        app: &App,
    ) -> ControlFlow<Decision> {
        let fault = if person.standing == Standing::Disabled {
            Some((Reason::AppPasswordRevoked, "its owner is disabled"))
        } else if !is_of_this_house(password.generations, self.attempt.generations) {
            Some((Reason::AppPasswordRevoked, "it was made before all app passwords were revoked"))
        } else if self.now >= password.expires {
            Some((Reason::AppPasswordExpired, "it has expired"))
        } else if !app.takes_app_passwords {
            Some((Reason::AppPasswordNotForApp, "the app takes no app passwords"))
        } else if !password.protocols.has(Protocol::Web) {
            Some((Reason::AppPasswordNotForApp, "it is not for the web"))
        } else {
            None
        };
        let told = || {
            let text = match fault {
                Some((_, why)) => format!("the app password of {} does not open {name}: {why}", person.name),
                None => format!("the app password of {} is good for {name}", person.name),
            };
            told("app password", text, Some(&app.place))
        };
        // Only asked for after a no, where there is a fault.
        let reason = fault.map_or(Reason::AppPasswordRevoked, |(reason, _)| reason);
        self.trace.check(fault.is_none(), told, || refuse(reason, None))
    }

    fn second_step(
        &mut self,
        person: &Person,
        session: &SessionFacts,
        app: Option<&App>,
        rule: Option<&PathRule>,
    ) -> ControlFlow<Decision> {
        let demand = self
            .policy
            .demand(person)
            .any_if(app.is_some_and(|app| app.two_step))
            .one_of(app.and_then(|app| app.second_step))
            .one_of(rule.and_then(|rule| rule.second_step));
        let shown = session.factors;
        let told = || {
            let text = match demand.methods() {
                Some(methods) => format!("one of these is demanded: {methods}; shown: {shown}"),
                None => format!("none is demanded; shown: {shown}"),
            };
            // The most particular of the rules that demand.
            let place = rule
                .filter(|rule| rule.second_step.is_some())
                .map(|rule| &rule.place)
                .or_else(|| app.filter(|app| app.two_step || app.second_step.is_some()).map(|app| &app.place))
                .or_else(|| self.policy.demanding_level(person).map(|level| &level.place))
                .unwrap_or(&self.policy.rules.organization.place);
            told("second step", text, Some(place))
        };
        let no = || Decision::SignIn(Need::SecondStep(demand.methods().unwrap_or_default()));
        self.trace.check(demand.is_met_by(shown), told, no)
    }

    fn fresh(&mut self, session: &SessionFacts, app: &App, rule: Option<&PathRule>) -> ControlFlow<Decision> {
        let of_rule = rule.and_then(|rule| Some((rule.fresh?, &rule.place)));
        let of_app = app.fresh.map(|limit| (limit, &app.place));
        let Some((limit, place)) = of_rule.into_iter().chain(of_app).min_by_key(|(limit, _)| *limit) else {
            return ControlFlow::Continue(());
        };
        let age = self.now.since(session.proved);
        let told = || {
            let (age, limit) = (age.as_secs(), limit.as_secs());
            told("fresh", format!("the last proof is {age} s old; it must be younger than {limit} s"), Some(place))
        };
        self.trace.check(age < limit, told, || Decision::SignIn(Need::Fresh))
    }

    fn address(&mut self, person: &'a Person) -> ControlFlow<Decision> {
        let (policy, address) = (self.policy, self.attempt.address);
        let listing = policy.listings(person).find(|(_, listed)| listed.set.contains(address));
        let organization = &policy.rules.organization;
        let nowhere = organization.allow_from.as_ref().map_or(&organization.place, |listed| &listed.place);
        let told = || match listing {
            Some((holder, listed)) => {
                told("address", format!("{address} is in {}, listed for {holder}", listed.names), Some(&listed.place))
            }
            None => told("address", format!("{address} is not listed for {}", person.name), Some(nowhere)),
        };
        self.trace.check(listing.is_some(), told, || refuse(Reason::AddressNotAllowed, Some(nowhere)))?;
        for (holder, level) in policy.levels(person) {
            self.inside(holder, level.only_from.as_ref())?;
        }
        ControlFlow::Continue(())
    }

    fn inside(&mut self, name: impl Display, only: Option<&Listed>) -> ControlFlow<Decision> {
        let Some(only) = only else { return ControlFlow::Continue(()) };
        let address = self.attempt.address;
        let passes = only.set.contains(address);
        let told = || {
            let is = if passes { "is" } else { "is not" };
            told(name, format!("{address} {is} in {}", only.names), Some(&only.place))
        };
        self.trace.check(passes, told, || refuse(Reason::AddressNotAllowed, Some(&only.place)))
    }

    fn allowed(&mut self, rule: &PathRule, passes: bool) -> ControlFlow<Decision> {
        let told = || {
            let allow = rule.allow.iter().map(Allowed::to_string).collect::<Vec<_>>().join(", ");
            told("path rule", format!("{} is for {allow}", rule.pattern), Some(&rule.place))
        };
        self.trace.check(passes, told, || refuse(Reason::NotAllowed, Some(&rule.place)))
    }

    fn method(&mut self, rule: &PathRule, method: &str) -> ControlFlow<Decision> {
        let Some(methods) = &rule.methods else { return ControlFlow::Continue(()) };
        let passes = methods.iter().any(|allowed| **allowed == *method);
        let told = || told("method", format!("{method}; allowed: {}", methods.join(", ")), Some(&rule.place));
        self.trace.check(passes, told, || refuse(Reason::MethodNotAllowed, Some(&rule.place)))
    }
}

/// The rule that a path selects, however it is read.
#[derive(Clone, Copy)]
enum Selected<'a> {
    Rule(&'a PathRule),
    None,
    /// One reading selects this rule, another that one.
    Unlike,
    /// The path contains what the app does not take.
    Untolerated,
}

impl<'a> Selected<'a> {
    fn by(app: &'a App, path: &CanonicalPath<'_>) -> Self {
        if !app.paths_may_contain.covers(path.needs()) {
            return Self::Untolerated;
        }
        // The first rule that covers a reading is the one.
        let index = |reading: &str| app.paths.iter().position(|rule| rule.pattern.covers(reading));
        let mut indices = path.readings().map(index);
        let first = indices.next().flatten();
        if indices.any(|other| other != first) {
            return Self::Unlike;
        }
        first.map_or(Self::None, |index| Self::Rule(&app.paths[index]))
    }

    const fn rule(self) -> Option<&'a PathRule> {
        match self {
            Self::Rule(rule) => Some(rule),
            Self::None | Self::Unlike | Self::Untolerated => None,
        }
    }
}

fn may_use(app: &App, rule: &PathRule, proof: &Proof<'_>) -> bool {
    let allows = |person: &Person| {
        rule.allow.iter().any(|allowed| match allowed {
            Allowed::Public | Allowed::Everyone => true,
            Allowed::User(name) => *name == person.name,
            Allowed::Role(role) => person.roles.contains(role),
            Allowed::Group(group) => person.groups.contains(group),
            Allowed::Token(_) => false,
        })
    };
    // What programs show is neither a second step nor a recent proof.
    let asks_for_more = || {
        [app.second_step, rule.second_step].iter().any(Option::is_some)
            || [app.fresh, rule.fresh].iter().any(Option::is_some)
    };
    match proof {
        Proof::Nobody => false,
        Proof::Session { person, .. } => allows(person),
        Proof::Token { person, token } if token.scopes.is_empty() && token.unscoped == Unscoped::Owner => {
            !asks_for_more() && allows(person)
        }
        Proof::AppPassword { person, .. } => !asks_for_more() && allows(person),
        Proof::Token { token, .. } => {
            rule.allow.iter().any(|allowed| matches!(allowed, Allowed::Token(scope) if token.scopes.contains(scope)))
        }
    }
}

/// Nothing that ends everything came in between. The person's own generation is not looked at: it ends sessions (D2).
fn is_of_this_house(made: Generations, current: Generations) -> bool {
    made.organization == current.organization && made.store == current.store
}

fn told(name: impl Display, text: impl Into<String>, place: Option<&Place>) -> Told {
    Told { name: name.to_string(), text: text.into(), place: place.cloned() }
}

fn grant(person: Option<&Person>, rule: &Place) -> Grant {
    Grant { person: person.map(|person| person.id), rule: rule.clone() }
}

fn refuse(reason: Reason, rule: Option<&Place>) -> Decision {
    Decision::Refuse(Refusal { reason, rule: rule.cloned() })
}
