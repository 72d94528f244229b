//! Attempts for the tables: who tries what, from where, under which rules.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::{AppName, GroupName, RoleName, Scope, UserId, UserName};
use crate::network::{Believed, Claims, Network};
use crate::policy::*;
use crate::protocol::{Protocol, Protocols};
use crate::target::{CanonicalPath, PathPattern, UnusualPaths};
use crate::{ClientAddr, Timestamp};

pub(super) const OFFICE: &str = "203.0.113.9";
pub(super) const BLOCKED: &str = "203.0.113.66";
pub(super) const VPN: &str = "10.8.0.1";
pub(super) const FIELD: &str = "198.51.100.7";
pub(super) const ANAS: &str = "192.0.2.44";
pub(super) const NOWHERE: &str = "192.0.2.99";

/// One attempt, by default from the office, with nothing shown and with the rules of [`rules`].
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) rules: Rules,
    from: &'static str,
    certificate: Certificate,
    goal: Option<(Option<AppName>, &'static str)>,
    method: &'static str,
    proof: Shown,
    pub(super) person: Person,
    pub(super) session: SessionFacts,
    pub(super) token: TokenFacts,
    pub(super) app_password: AppPasswordFacts,
}

#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    Session,
    Token,
    AppPassword,
}

impl Try {
    pub(super) fn sign_in() -> Self {
        let session = SessionFacts {
            factors: of(&[Method::Password, Method::Totp]),
            opened: now(),
            proved: now(),
            used: now(),
            generations: GENERATIONS,
        };
        let token = TokenFacts {
            apps: vec![app("crm"), app("wiki")],
            scopes: vec![],
            unscoped: Unscoped::Owner,
            only_from: None,
            expires: Timestamp::NEVER,
            generations: GENERATIONS,
        };
        let app_password = AppPasswordFacts {
            protocols: Protocols::NONE.with(Protocol::Web),
            only_from: None,
            expires: Timestamp::NEVER,
            generations: GENERATIONS,
        };
        Self {
            rules: rules(),
            from: OFFICE,
            certificate: Certificate::NotShown,
            goal: None,
            method: "GET",
            proof: Shown::Nothing,
            person: person("ana"),
            session,
            token,
            app_password,
        }
    }

    pub(super) fn portal() -> Self {
        Self { goal: Some((None, "")), ..Self::sign_in() }
    }

    pub(super) fn get(name: &str, path: &'static str) -> Self {
        Self { goal: Some((Some(app(name)), path)), ..Self::sign_in() }
    }

    pub(super) fn with_certificate(&self) -> Self {
        Self { certificate: Certificate::Shown, ..self.clone() }
    }

    pub(super) fn method(&self, method: &'static str) -> Self {
        Self { method, ..self.clone() }
    }

    pub(super) fn from(&self, from: &'static str) -> Self {
        Self { from, ..self.clone() }
    }

    pub(super) fn session(&self, name: &str) -> Self {
        Self { proof: Shown::Session, person: person(name), ..self.clone() }
    }

    pub(super) fn shown(&self, methods: &[Method]) -> Self {
        let mut shown = self.clone();
        shown.session.factors = of(methods);
        shown
    }

    pub(super) fn token(&self, name: &str, scopes: &[&str]) -> Self {
        let mut shown = Self { proof: Shown::Token, person: person(name), ..self.clone() };
        shown.token.scopes = scopes.iter().map(|scope| Scope::parse(scope).expect(scope)).collect();
        shown
    }

    pub(super) fn app_password(&self, name: &str) -> Self {
        Self { proof: Shown::AppPassword, person: person(name), ..self.clone() }
    }

    pub(super) fn under(&self, edit: impl Fn(&mut Rules)) -> Self {
        let mut under = self.clone();
        edit(&mut under.rules);
        under
    }

    pub(super) fn with<R>(&self, act: impl FnOnce(&Policy, &Attempt<'_>) -> R) -> R {
        let raw = self.goal.as_ref().map_or("", |(_, path)| path);
        let path = CanonicalPath::parse_unusual(if raw.is_empty() { b"/" } else { raw.as_bytes() }, UnusualPaths::ALL)
            .expect(raw);
        let goal = match &self.goal {
            None => Goal::SignIn,
            Some((None, _)) => Goal::Portal,
            Some((Some(app), _)) => Goal::App { app, method: self.method, path: &path },
        };
        let proof = match self.proof {
            Shown::Nothing => Proof::Nobody,
            Shown::Session => Proof::Session { person: &self.person, session: &self.session },
            Shown::Token => Proof::Token { person: &self.person, token: &self.token },
            Shown::AppPassword => Proof::AppPassword { person: &self.person, password: &self.app_password },
        };
        let attempt = Attempt {
            address: address(self.from),
            certificate: self.certificate,
            goal,
            proof,
            generations: GENERATIONS,
        };
        act(&Policy::new(self.rules.clone()), &attempt)
    }

    pub(super) fn answer(&self) -> String {
        self.with(|policy, attempt| say(&decide(policy, attempt, now())))
    }

    pub(super) fn told(&self) -> Vec<String> {
        self.with(|policy, attempt| {
            let steps = explain(policy, attempt, now()).steps.into_iter();
            let line = |place: &Option<Place>| place.as_ref().map_or("none".to_owned(), |place| place.line.to_string());
            steps.map(|step| format!("{:?} {}: {} ({})", step.mark, step.name, step.text, line(&step.place))).collect()
        })
    }

    pub(super) fn answer_told(&self) -> Vec<String> {
        self.with(|policy, attempt| {
            let walk = explain(policy, attempt, now());
            let steps = walk.steps.iter().map(|step| format!("{:?} {}", step.mark, step.name));
            std::iter::once(say(&walk.decision)).chain(steps).collect()
        })
    }
}

/// The decision in words: `allow ana by 14`.
pub(super) fn say(decision: &Decision) -> String {
    let by = |place: Option<&Place>| place.map_or("by none".to_owned(), |place| format!("by {}", place.line));
    match decision {
        Decision::Allow(grant) => {
            let name = grant.person().map(|id| NAMES.into_iter().find(|name| person(name).id == id));
            format!("allow {} {}", name.map_or("nobody", |name| name.expect("a known person")), by(Some(grant.rule())))
        }
        Decision::SignIn(Need::Credentials) => "sign in".to_owned(),
        Decision::SignIn(Need::SecondStep(methods)) => format!("sign in: second step by {methods}"),
        Decision::SignIn(Need::Fresh) => "sign in: fresh".to_owned(),
        Decision::SignIn(Need::Token) => "sign in: token".to_owned(),
        Decision::Refuse(refusal) => format!("refuse {} {}", refusal.reason.code(), by(refusal.rule.as_ref())),
    }
}

/// Ana is an administrator and in sales, Bob is in the field, Eve is in sales. The wiki takes app passwords.
pub(super) fn rules() -> Rules {
    let level = |line, allow_from: Option<&str>| Level {
        allow_from: allow_from.map(|networks| listed(networks, line)),
        only_from: None,
        two_step: false,
        second_step: None,
        place: place(line),
    };
    let sales_and_admins = vec![Allowed::Group(group("sales")), Allowed::Role(role("admin"))];
    let crm = [
        rule("/status", vec![Allowed::Public], 11),
        rule("/api/*", vec![Allowed::Token(Scope::parse("crm.read").expect("a scope"))], 12),
        rule("/admin/*", vec![Allowed::Role(role("admin"))], 13),
        rule("/*", sales_and_admins, 14),
    ];
    let app_of = |paths: &[PathRule], line| App {
        only_from: None,
        client_certificate: None,
        takes_app_passwords: line == 20,
        two_step: false,
        second_step: None,
        fresh: None,
        paths: paths.to_vec(),
        paths_may_contain: UnusualPaths::default(),
        place: place(line),
    };
    Rules {
        organization: Organization {
            allow_from: Some(listed("203.0.113.0/24, 10.8.0.0/16", 2)),
            blocked: Some(listed("203.0.113.66", 3)),
            two_step: TwoStep::Optional,
            session: SessionLimits { idle: Duration::from_secs(3_600), absolute: Duration::from_secs(86_400) },
            place: place(1),
        },
        roles: HashMap::from([(role("admin"), level(4, None))]),
        groups: HashMap::from([(group("sales"), level(5, None)), (group("field"), level(6, Some("198.51.100.0/24")))]),
        users: HashMap::from([(user("ana"), level(7, Some("192.0.2.44")))]),
        apps: HashMap::from([
            (app("crm"), app_of(&crm, 10)),
            (app("wiki"), app_of(&[rule("/*", vec![Allowed::Everyone], 21)], 20)),
        ]),
    }
}

pub(super) fn crm(rules: &mut Rules) -> &mut App {
    rules.apps.get_mut(&app("crm")).expect("crm is an app")
}

/// A level that holds for Ana, and for Bob none.
pub(super) fn level_of<'a>(rules: &'a mut Rules, whose: &str) -> &'a mut Level {
    match whose {
        "role" => rules.roles.get_mut(&role("admin")),
        "group" => rules.groups.get_mut(&group("sales")),
        _ => rules.users.get_mut(&user("ana")),
    }
    .expect("it stands in the rules")
}

pub(super) fn rule(pattern: &str, allow: Vec<Allowed>, line: u32) -> PathRule {
    let pattern = PathPattern::parse(pattern).expect(pattern);
    PathRule { pattern, allow, methods: None, only_from: None, second_step: None, fresh: None, place: place(line) }
}

pub(super) fn listed(networks: &str, line: u32) -> Listed {
    let set = networks.split(", ").map(|network| network.parse::<Network>().expect(network)).collect();
    Listed { set: Arc::new(set), names: networks.into(), place: place(line) }
}

pub(super) fn place(line: u32) -> Place {
    Place { file: "organization.yaml".into(), line }
}

pub(super) fn person(name: &str) -> Person {
    let id = NAMES.iter().position(|known| *known == name).expect(name);
    let (roles, groups) = match name {
        "ana" => (vec![role("admin")], vec![group("sales")]),
        "bob" => (vec![role("unheard-of")], vec![group("field")]),
        _ => (vec![], vec![group("sales")]),
    };
    let id = UserId([id as u8; 16]);
    Person { id, name: user(name), roles: roles.into(), groups: groups.into(), standing: Standing::Active }
}

pub(super) fn address(text: &str) -> ClientAddr {
    let peer = text.parse().expect(text);
    ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).expect("no header, no fault").client
}

pub(super) fn of(methods: &[Method]) -> Methods {
    methods.iter().fold(Methods::NONE, |set, method| set.with(*method))
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

pub(super) fn ago(span: Duration) -> Timestamp {
    Timestamp::from_millis(now().millis() - span.as_millis() as u64)
}

pub(super) fn app(name: &str) -> AppName {
    AppName::parse(name).expect(name)
}

pub(super) fn role(name: &str) -> RoleName {
    RoleName::parse(name).expect(name)
}

pub(super) fn group(name: &str) -> GroupName {
    GroupName::parse(name).expect(name)
}

pub(super) fn user(name: &str) -> UserName {
    UserName::parse(name).expect(name)
}

const NAMES: [&str; 3] = ["ana", "bob", "eve"];
const GENERATIONS: Generations = Generations { person: 3, organization: 5, store: 7 };
