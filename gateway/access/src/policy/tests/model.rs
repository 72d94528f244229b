//! The walk against the list at the head of `policy`, told anew: plain lists, sentence after sentence, written without looking at the walk.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestRunner};

use super::attempts::{address, app, group, listed, now, of, place, role, user};
use crate::Timestamp;
use crate::identity::{Scope, UserId};
use crate::policy::*;
use crate::protocol::{Protocol, Protocols};
use crate::target::{CanonicalPath, PathPattern, Unusual, UnusualPaths};

#[test]
fn decide_and_explain_answer_as_the_design_says() {
    let seen = RefCell::new(BTreeSet::new());
    let config = Config { cases: 2_500, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(any::<u8>(), 700), |bytes| {
        let mut tape = Tape { bytes: &bytes, at: 0 };
        let rules = tape.rules();
        let policy = Policy::new(rules.clone());
        for _ in 0..8 {
            let (person, session, token) = (tape.person(), tape.session(), tape.token());
            let password = tape.app_password();
            let path = tape.one_of(&PATHS);
            let canonical = CanonicalPath::parse_unusual(path.as_bytes(), UnusualPaths::ALL).expect(path);
            let (app, method) = (app(tape.one_of(&APPS)), tape.one_of(&["GET", "POST"]));
            let goal = match tape.below(8) {
                0 => Goal::SignIn,
                1 => Goal::Portal,
                _ => Goal::App { app: &app, method, path: &canonical },
            };
            let proof = match tape.below(7) {
                0 => Proof::Nobody,
                1 | 2 => Proof::Session { person: &person, session: &session },
                3 | 4 => Proof::AppPassword { person: &person, password: &password },
                _ => Proof::Token { person: &person, token: &token },
            };
            let from = tape.one_of(&ADDRESSES);
            let certificate = if tape.rarely(3) { Certificate::Shown } else { Certificate::NotShown };
            let generations = Generations::default();
            let attempt = Attempt { address: address(from), certificate, goal, proof, generations };

            let decision = decide(&policy, &attempt, now());
            let expected = model(&rules, &attempt, from, path);
            assert_eq!(Outcome::of(&decision), expected, "{attempt:?} under {rules:#?}");

            let walk = explain(&policy, &attempt, now());
            assert_eq!(Outcome::of(&walk.decision), expected);
            assert_eq!(refusing_rule(&walk.decision), refusing_rule(&decision));
            let fails = walk.steps.iter().filter(|step| step.mark == Mark::Fail).count();
            assert_eq!(fails, usize::from(!matches!(decision, Decision::Allow(_))), "{walk:#?}");
            let end = walk.steps.iter().position(|step| step.mark != Mark::Pass).unwrap_or(walk.steps.len());
            assert!(walk.steps.iter().skip(end + 1).all(|step| step.mark == Mark::NotReached), "{walk:#?}");
            seen.borrow_mut().insert(expected.kind());
        }
        Ok(())
    });
    outcome.expect("the walk and the design agree");

    let mut expected: BTreeSet<String> = Reason::ALL.iter().map(|reason| format!("{reason:?}")).collect();
    expected
        .extend(["Allow somebody", "Allow nobody", "Credentials", "SecondStep", "Fresh", "Token"].map(str::to_owned));
    assert_eq!(seen.into_inner(), expected, "every answer occurred");
}

#[derive(PartialEq, Debug)]
enum Outcome {
    Allow(Option<UserId>, u32),
    SignIn(Need),
    Refuse(Reason),
}

impl Outcome {
    fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Allow(grant) => Self::Allow(grant.person(), grant.rule().line),
            Decision::SignIn(need) => Self::SignIn(*need),
            Decision::Refuse(refusal) => Self::Refuse(refusal.reason),
        }
    }

    fn kind(&self) -> String {
        match self {
            Self::Allow(Some(_), _) => "Allow somebody".to_owned(),
            Self::Allow(None, _) => "Allow nobody".to_owned(),
            Self::SignIn(Need::SecondStep(_)) => "SecondStep".to_owned(),
            Self::SignIn(need) => format!("{need:?}"),
            Self::Refuse(reason) => format!("{reason:?}"),
        }
    }
}

fn refusing_rule(decision: &Decision) -> Option<&Place> {
    if let Decision::Refuse(refusal) = decision { refusal.rule.as_ref() } else { None }
}

fn model(rules: &Rules, attempt: &Attempt<'_>, from: &str, path: &str) -> Outcome {
    use Outcome::{Allow, Refuse, SignIn};
    let organization = &rules.organization;

    // "A `blocked` address never passes; nothing listed means nobody."
    let mut everybodys_lists = vec![&organization.allow_from];
    everybodys_lists.extend(rules.roles.values().map(|level| &level.allow_from));
    everybodys_lists.extend(rules.groups.values().map(|level| &level.allow_from));
    everybodys_lists.extend(rules.users.values().map(|level| &level.allow_from));
    if is_in(&organization.blocked, from) || !everybodys_lists.iter().any(|list| is_in(list, from)) {
        return Refuse(Reason::AddressNotAllowed);
    }
    if matches!(attempt.goal, Goal::SignIn) {
        return Allow(None, organization.place.line);
    }

    // "First matching path rule wins." Where an app or a path is closed to the address nobody is asked anything.
    let mut target = None;
    let mut is_ambiguous = false;
    if let Goal::App { app, method, .. } = attempt.goal {
        let Some(app) = rules.apps.get(app) else { return Refuse(Reason::NotAllowed) };
        // A path that programs read differently selects a rule only if all of them select it.
        let readings = if path == "/a//b" { vec!["/a//b", "/a/b"] } else { vec![path] };
        let by = |reading: &&str| app.paths.iter().position(|rule| covers(&rule.pattern, reading));
        let chosen: BTreeSet<_> = readings.iter().map(by).collect();
        let tolerated = readings.len() == 1 || app.paths_may_contain.has(Unusual::EmptySegments);
        is_ambiguous = !tolerated || chosen.len() > 1;
        let rule = chosen.first().copied().flatten().filter(|_| !is_ambiguous).map(|index| &app.paths[index]);
        for only in [&app.only_from, rule.map_or(&None, |rule| &rule.only_from)] {
            if only.is_some() && !is_in(only, from) {
                return Refuse(Reason::AddressNotAllowed);
            }
        }
        // "Signed by a CA of `tls.client_ca`, or nothing is served."
        if app.client_certificate.is_some() && attempt.certificate == Certificate::NotShown {
            return Refuse(Reason::ClientCertificateRequired);
        }
        if let Some(rule) = rule
            && rule.allow.contains(&Allowed::Public)
        {
            let allowed = method_allowed(rule, method);
            return if allowed { Allow(None, rule.place.line) } else { Refuse(Reason::MethodNotAllowed) };
        }
        target = Some((app, rule, method));
    }
    let rule = target.and_then(|(_, rule, _)| rule);

    let person = match attempt.proof {
        Proof::Nobody => {
            let for_tokens = rule.is_some_and(|rule| {
                let tokens = rule.allow.iter().filter(|allowed| matches!(allowed, Allowed::Token(_))).count();
                tokens > 0 && tokens == rule.allow.len()
            });
            return SignIn(if for_tokens { Need::Token } else { Need::Credentials });
        }
        Proof::Session { person, session } => {
            let idle = now().millis() - session.used.millis();
            let age = now().millis() - session.opened.millis();
            if person.standing == Standing::Disabled
                || session.generations != attempt.generations
                || idle >= organization.session.idle.as_millis() as u64
                || age >= organization.session.absolute.as_millis() as u64
            {
                return SignIn(Need::Credentials);
            }
            person
        }
        Proof::Token { .. } if target.is_none() => return Refuse(Reason::NotAllowed),
        Proof::Token { person, token } => {
            let Goal::App { app, .. } = attempt.goal else { unreachable!("it was looked at above") };
            if person.standing == Standing::Disabled
                || token.generations.organization != attempt.generations.organization
                || token.generations.store != attempt.generations.store
            {
                return Refuse(Reason::TokenRevoked);
            }
            if token.expires <= now() {
                return Refuse(Reason::TokenExpired);
            }
            if !token.apps.contains(app) {
                return Refuse(Reason::TokenNotForApp);
            }
            person
        }
        Proof::AppPassword { person, password } => {
            let Some((app, _, _)) = target else { return Refuse(Reason::NotAllowed) };
            if person.standing == Standing::Disabled
                || password.generations.organization != attempt.generations.organization
                || password.generations.store != attempt.generations.store
            {
                return Refuse(Reason::AppPasswordRevoked);
            }
            if password.expires <= now() {
                return Refuse(Reason::AppPasswordExpired);
            }
            if !(app.takes_app_passwords && password.protocols.has(Protocol::Web)) {
                return Refuse(Reason::AppPasswordNotForApp);
            }
            person
        }
    };
    let mut levels: Vec<&Level> = person.roles.iter().filter_map(|role| rules.roles.get(role)).collect();
    levels.extend(person.groups.iter().filter_map(|group| rules.groups.get(group)));
    levels.extend(rules.users.get(&person.name));

    if let Proof::Session { session, .. } = attempt.proof {
        let mut lists: Vec<Methods> = levels.iter().filter_map(|level| level.second_step).collect();
        lists.extend(target.and_then(|(app, _, _)| app.second_step));
        lists.extend(rule.and_then(|rule| rule.second_step));
        let demanded = !lists.is_empty()
            || organization.two_step == TwoStep::Required
            || levels.iter().any(|level| level.two_step)
            || target.is_some_and(|(app, _, _)| app.two_step);
        // "E-mail codes never satisfy a rule that names methods", nor do recovery codes.
        let counts = |method: Method| match method {
            Method::Password => false,
            Method::Recovery | Method::Email => lists.is_empty(),
            _ => lists.iter().all(|list| list.has(method)),
        };
        if demanded && !ALL.into_iter().any(|method| counts(method) && session.factors.has(method)) {
            return SignIn(Need::SecondStep(of(&ALL.into_iter().filter(|method| counts(*method)).collect::<Vec<_>>())));
        }
        let age = now().since(session.proved);
        let limits = [target.and_then(|(app, _, _)| app.fresh), rule.and_then(|rule| rule.fresh)];
        if limits.into_iter().flatten().any(|limit| age >= limit) {
            return SignIn(Need::Fresh);
        }
    }

    // "A person may come from an address that is listed […]; every `only_from` that applies must contain it too."
    let is_listed = is_in(&organization.allow_from, from) || levels.iter().any(|level| is_in(&level.allow_from, from));
    let mut narrow: Vec<&Option<Listed>> = levels.iter().map(|level| &level.only_from).collect();
    if let Proof::Token { token, .. } = &attempt.proof {
        narrow.push(&token.only_from);
    }
    if let Proof::AppPassword { password, .. } = &attempt.proof {
        narrow.push(&password.only_from);
    }
    if !is_listed || narrow.iter().any(|only| only.is_some() && !is_in(only, from)) {
        return Refuse(Reason::AddressNotAllowed);
    }

    let Some((app, rule, method)) = target else { return Allow(Some(person.id), organization.place.line) };
    // "No match refuses."
    let Some(rule) = rule else {
        return Refuse(if is_ambiguous { Reason::AmbiguousPath } else { Reason::NotAllowed });
    };
    let person_allowed = rule.allow.iter().any(|allowed| match allowed {
        Allowed::Public | Allowed::Everyone => true,
        Allowed::User(name) => person.name == *name,
        Allowed::Role(name) => person.roles.iter().any(|role| role == name),
        Allowed::Group(name) => person.groups.iter().any(|group| group == name),
        Allowed::Token(_) => false,
    });
    // "Tokens carry no second step", nor do app passwords.
    let is_plain =
        app.second_step.is_none() && rule.second_step.is_none() && app.fresh.is_none() && rule.fresh.is_none();
    let allowed = match &attempt.proof {
        Proof::Token { token, .. } if token.scopes.is_empty() => {
            token.unscoped == Unscoped::Owner && is_plain && person_allowed
        }
        Proof::AppPassword { .. } => is_plain && person_allowed,
        Proof::Token { token, .. } => {
            token.scopes.iter().any(|scope| rule.allow.contains(&Allowed::Token(scope.clone())))
        }
        _ => person_allowed,
    };
    match (allowed, method_allowed(rule, method)) {
        (false, _) => Refuse(Reason::NotAllowed),
        (true, false) => Refuse(Reason::MethodNotAllowed),
        (true, true) => Allow(Some(person.id), rule.place.line),
    }
}

/// By the text, not by the set: the sets have their own model.
fn is_in(list: &Option<Listed>, from: &str) -> bool {
    list.as_ref().is_some_and(|list| list.names.split(", ").any(|name| name == from))
}

fn covers(pattern: &PathPattern, path: &str) -> bool {
    match pattern.to_string().strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => pattern.to_string() == path,
    }
}

fn method_allowed(rule: &PathRule, method: &str) -> bool {
    rule.methods.as_ref().is_none_or(|methods| methods.iter().any(|allowed| &**allowed == method))
}

/// Random bytes read as choices. Zeros, to which proptest shrinks, are the plainest ones.
struct Tape<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Tape<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.at += 1;
        usize::from(self.bytes.get(self.at - 1).copied().unwrap_or(0)) % n
    }

    /// Once in `n` times.
    fn rarely(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    fn some<T: Copy>(&mut self, items: &[T]) -> Vec<T> {
        items.iter().copied().filter(|_| self.below(2) == 1).collect()
    }

    fn rules(&mut self) -> Rules {
        Rules {
            organization: Organization {
                allow_from: if self.rarely(6) { None } else { self.list(2) },
                blocked: if self.rarely(6) { self.list(3) } else { None },
                two_step: if self.rarely(3) { TwoStep::Required } else { TwoStep::Optional },
                session: SessionLimits { idle: SECOND * 60, absolute: SECOND * 600 },
                place: place(1),
            },
            roles: ROLES.into_iter().map(|name| (role(name), self.level(4))).collect(),
            groups: GROUPS.into_iter().map(|name| (group(name), self.level(5))).collect(),
            users: HashMap::from([(user(USERS[0]), self.level(6))]),
            apps: APPS.into_iter().take(2).map(|name| (app(name), self.app())).collect(),
        }
    }

    fn list(&mut self, line: u32) -> Option<Listed> {
        let mut members = self.some(&ADDRESSES);
        members.push(self.one_of(&ADDRESSES));
        Some(listed(&members.join(", "), line))
    }

    fn level(&mut self, line: u32) -> Level {
        Level {
            allow_from: if self.rarely(3) { self.list(line) } else { None },
            only_from: if self.rarely(8) { self.list(line) } else { None },
            two_step: self.rarely(8),
            second_step: if self.rarely(8) { Some(self.methods()) } else { None },
            place: place(line),
        }
    }

    fn app(&mut self) -> App {
        let rules = 1 + self.below(4);
        App {
            only_from: if self.rarely(8) { self.list(10) } else { None },
            client_certificate: self.rarely(8).then(|| place(9)),
            takes_app_passwords: !self.rarely(4),
            two_step: self.rarely(8),
            second_step: if self.rarely(8) { Some(self.methods()) } else { None },
            fresh: if self.rarely(6) { Some(SECOND * 30) } else { None },
            paths: (0..rules).map(|at| self.path_rule(11 + at as u32)).collect(),
            paths_may_contain: if self.rarely(2) {
                UnusualPaths::default().with(Unusual::EmptySegments)
            } else {
                UnusualPaths::default()
            },
            place: place(10),
        }
    }

    fn path_rule(&mut self, line: u32) -> PathRule {
        let pattern = self.one_of(&["/*", "/a", "/a/*", "/b", "/a/b"]);
        let allowed = self.below(3);
        PathRule {
            pattern: PathPattern::parse(pattern).expect(pattern),
            allow: (0..allowed).map(|_| self.allowed()).collect(),
            methods: if self.rarely(4) { Some(vec!["GET".into()]) } else { None },
            only_from: if self.rarely(8) { self.list(line) } else { None },
            second_step: if self.rarely(8) { Some(self.methods()) } else { None },
            fresh: if self.rarely(6) { Some(SECOND * 20) } else { None },
            place: place(line),
        }
    }

    fn allowed(&mut self) -> Allowed {
        match self.below(7) {
            0 | 1 => Allowed::Everyone,
            2 => Allowed::User(user(self.one_of(&USERS))),
            3 => Allowed::Role(role(self.one_of(&ROLES))),
            4 => Allowed::Group(group(self.one_of(&GROUPS))),
            5 => Allowed::Token(scope(self.one_of(&SCOPES))),
            _ => Allowed::Public,
        }
    }

    fn methods(&mut self) -> Methods {
        of(&self.some(&ALL))
    }

    fn person(&mut self) -> Person {
        let id = self.below(USERS.len());
        Person {
            id: UserId([id as u8; 16]),
            name: user(USERS[id]),
            roles: self.some(&ROLES).into_iter().map(role).collect(),
            groups: self.some(&GROUPS).into_iter().map(group).collect(),
            standing: if self.rarely(16) { Standing::Disabled } else { Standing::Active },
        }
    }

    /// Ages at and around the limits.
    fn session(&mut self) -> SessionFacts {
        SessionFacts {
            factors: self.methods(),
            opened: self.moment(&[0, 0, 599_999, 600_000]),
            proved: self.moment(&[0, 19_999, 20_000, 29_999, 30_000]),
            used: self.moment(&[0, 0, 0, 59_999, 60_000]),
            generations: self.generations(),
        }
    }

    fn token(&mut self) -> TokenFacts {
        TokenFacts {
            apps: APPS.into_iter().filter(|_| !self.rarely(4)).map(app).collect(),
            scopes: if self.rarely(2) { self.some(&SCOPES).into_iter().map(scope).collect() } else { vec![] },
            unscoped: if self.rarely(4) { Unscoped::Nothing } else { Unscoped::Owner },
            only_from: if self.rarely(6) { self.list(50) } else { None },
            expires: if self.rarely(8) { now() } else { now() + Duration::from_millis(1) },
            generations: self.generations(),
        }
    }

    fn app_password(&mut self) -> AppPasswordFacts {
        let web = if self.rarely(4) { Protocols::NONE } else { Protocols::NONE.with(Protocol::Web) };
        AppPasswordFacts {
            protocols: if self.rarely(2) { web } else { web.with(Protocol::Imap) },
            only_from: if self.rarely(6) { self.list(51) } else { None },
            expires: if self.rarely(8) { now() } else { now() + Duration::from_millis(1) },
            generations: self.generations(),
        }
    }

    fn generations(&mut self) -> Generations {
        let mut generations = Generations::default();
        match self.below(24) {
            21 => generations.person = 1,
            22 => generations.organization = 1,
            23 => generations.store = 1,
            _ => (),
        }
        generations
    }

    fn moment(&mut self, millis_ago: &[u64]) -> Timestamp {
        Timestamp::from_millis(now().millis() - self.one_of(millis_ago))
    }
}

fn scope(name: &str) -> Scope {
    Scope::parse(name).expect(name)
}

const SECOND: Duration = Duration::from_secs(1);
const ADDRESSES: [&str; 5] = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1", "2001:db8::1"];
const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/a/c", "/b", "/a//b"];
const USERS: [&str; 2] = ["ana", "bob"];
const ROLES: [&str; 2] = ["admin", "auditor"];
const GROUPS: [&str; 2] = ["sales", "field"];
/// The last one is not in the rules.
const APPS: [&str; 3] = ["crm", "wiki", "unknown"];
const SCOPES: [&str; 2] = ["crm.read", "crm.write"];
const ALL: [Method; 7] =
    [Method::Password, Method::Totp, Method::Recovery, Method::Passkey, Method::Sms, Method::Voice, Method::Email];
