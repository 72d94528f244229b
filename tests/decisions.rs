//! Do the explanation and the door say the same? (Z4, Z5)
//!
//! Ten thousand attempts in worlds that chance made: people, lists, apps with path rules, sessions and tokens and app
//! passwords of every age and kind. What [`access::explain`] says of the facts as this test knows them is compared with what [`Gate::admit`] does
//! with a secret that it has to find out about itself, from memory or from the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use access::identity::{AppName, GroupName, RoleName, Scope, SessionId, UserId, UserName};
use access::login::{self, Input, Next, Proved, Situation};
use access::network::{Believed, Claims};
use access::policy::{
    AppPasswordFacts, Attempt, Certificate, Decision, Generations, Goal, Method, Methods, Need, Place, Proof, Reason,
    SessionFacts, TokenFacts, Unscoped,
};
use access::protocol::{Protocol, Protocols};
use access::target::CanonicalPath;
use access::{ClientAddr, Timestamp};
use data_encoding::BASE64;
use harness::dice::Dice;
use harness::gateway::{Factor, MORNING, Setup, TestGateway, by_test};
use serde_json::Value;
use vestibule::admin::{self, Command};
use vestibule::clock::Clock;
use vestibule::config::{self, InForce};
use vestibule::gate::{Admission, Ask, Cause, Gate, Shown, need_code};
use vestibule::metrics::Metrics;
use vestibule::store::vault::{
    After, AppPasswordRecord, Backing, Force, Ground, NewAppPassword, NewPerson, NewToken, Opening, Outcome,
    PersonRecord, SessionKind, SessionRecord, Spend, TokenRecord, Vault,
};

#[tokio::test]
async fn the_explanation_and_the_door_agree_ten_thousand_times() {
    let seed = Clock::system().now().millis();
    println!("seed {seed}");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..WORLDS {
        let mut world = World::new(Dice::new(seed, number)).await;
        for _ in 0..ATTEMPTS {
            *seen.entry(world.attempt(seed, number).await).or_default() += 1;
        }
    }
    println!("{seen:#?}");
    let mut expected: BTreeSet<String> = Reason::ALL.iter().map(|reason| reason.code().to_owned()).collect();
    for word in
        ["somebody", "anybody", "sign_in_required", "second_step_required", "fresh_proof_required", "token_required"]
    {
        expected.insert(word.to_owned());
    }
    expected.extend(["token_invalid", "app_password_invalid"].map(str::to_owned));
    // Not without TLS, which these worlds have none of: see `client_certificates`.
    expected.remove("client_certificate_required");
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), expected, "every answer occurred");
}

#[tokio::test]
async fn the_explanation_and_the_wire_agree() {
    let policy = "networks: { office: [127.0.0.1, 127.0.0.2], field: [127.0.1.0/24] }
organization: { allow_from: [office], blocked: [127.0.0.2] }
groups: { sales: {}, field: { allow_from: [field] } }
roles: { admin: { only_from: [127.0.0.1] } }
";
    let apps = "apps:
  crm:
    host: crm.localhost
    upstream: http://{crm}
    allow: [group sales]
    paths:
      - { path: /status, allow: public, methods: [GET] }
      - { path: /api/*, allow: [token crm.read], methods: [GET] }
      - { path: /admin/*, allow: [role admin], second_step: [totp] }
      - { path: /field, allow: everyone, only_from: [field] }
      - { path: /fresh, allow: everyone, fresh: 5m }
  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, only_from: [office] }
";
    let setup = Setup { policy: Some(policy.to_owned()), apps: Some(apps.to_owned()), ..Setup::default() };
    let gateway = TestGateway::with(setup).await;
    gateway.add_user("ana", Factor::Totp, &["admin"], &["sales"]).await;
    gateway.add_user("bo", Factor::Totp, &[], &["sales", "field"]).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let shown = [
        (None, None, None),
        (Some("ana"), None, Some(gateway.device("ana").await)),
        (Some("bo"), None, Some(gateway.device("bo").await)),
        (None, Some("ana"), Some(gateway.token("ana", &["crm"], &["crm.read"], &[], day).await)),
        (None, Some("bo"), Some(gateway.token("bo", &["crm", "mail"], &[], &["field"], day).await)),
    ];
    let tokens = gateway.gate().vault().tokens(None).await.expect("the store answers");
    let in_force = gateway.running().reloader().in_force();
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for (user, owner, bearer) in &shown {
        let token = owner.map(|owner| tokens.iter().find(|token| token.owner == gateway.id(owner)).expect("made").id);
        for from in ["127.0.0.1", "127.0.0.2", "127.0.1.7", "127.0.2.7"] {
            for (app, path) in [
                ("crm", "/"),
                ("crm", "/status"),
                ("crm", "/api/x"),
                ("crm", "/admin/x"),
                ("crm", "/field"),
                ("crm", "/fresh"),
                ("mail", "/"),
            ] {
                for method in ["GET", "POST"] {
                    let asked = Command::Explain {
                        user: user.map(str::to_owned),
                        token: token.map(|token| token.to_string()),
                        app_password: None,
                        app: Some(app.to_owned()),
                        ip: from.parse().expect("an address"),
                        path: path.to_owned(),
                        method: method.to_owned(),
                    };
                    let told = admin::perform(gateway.gate().vault(), &in_force, gateway.clock(), asked).await;
                    let told = told.expect("explained");
                    let mut request = gateway.ask(method, app, path).from(from).body(b"");
                    if let Some(bearer) = bearer {
                        request = request.bearer(bearer);
                    }
                    let answer = request.send().await;
                    let said = if answer.status == 200 { "allowed".to_owned() } else { answer.problem() };
                    assert_eq!(
                        told["reason"],
                        Value::String(said.clone()),
                        "{user:?}{owner:?} from {from}: {method} {app}{path}: {told:#}"
                    );
                    *answers.entry(said).or_default() += 1;
                }
            }
        }
    }
    assert!(answers.len() >= 6, "{answers:?}");
}

/// Everything that can be answered, as far as it can be compared.
#[derive(PartialEq, Debug)]
enum Answer {
    Allow(Option<UserId>, Place),
    SignIn(Need),
    Refuse(Reason, Option<Place>),
    TokenInvalid,
    AppPasswordInvalid,
}

impl Answer {
    fn word(&self) -> String {
        match self {
            Self::Allow(Some(_), _) => "somebody",
            Self::Allow(None, _) => "anybody",
            Self::SignIn(need) => need_code(*need),
            Self::Refuse(reason, _) => reason.code(),
            Self::TokenInvalid => "token_invalid",
            Self::AppPasswordInvalid => "app_password_invalid",
        }
        .to_owned()
    }
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow(grant) => Self::Allow(grant.person(), grant.rule().clone()),
            Decision::SignIn(need) => Self::SignIn(need),
            Decision::Refuse(refusal) => Self::Refuse(refusal.reason, refusal.rule),
        }
    }
}

impl From<Admission> for Answer {
    fn from(admission: Admission) -> Self {
        match admission {
            Admission::Enter(permit) => {
                Self::Allow(permit.visitor().map(|visitor| visitor.person().id), permit.rule().clone())
            }
            Admission::SignIn { need, .. } => Self::SignIn(need),
            Admission::Refuse(denied) => match denied.cause {
                Cause::Rules(reason) => Self::Refuse(reason, denied.rule),
                Cause::TokenInvalid => Self::TokenInvalid,
                Cause::Unavailable => panic!("a store in memory is always there"),
                Cause::TooMany(_) => panic!("these worlds have no limits"),
                // A guess too many is not looked at, and would not have been right.
                Cause::AppPasswordInvalid | Cause::TooManyTries(_) => Self::AppPasswordInvalid,
            },
        }
    }
}

/// A secret, with what this test knows about it.
enum Held {
    Session(String, SessionRecord),
    Token(String, TokenRecord),
    /// As HTTP Basic sends it.
    AppPassword(String, AppPasswordRecord),
    Nonsense(&'static str),
}

struct World {
    dice: Dice,
    clock: Clock,
    gate: Gate,
    in_force: InForce,
    held: Vec<Held>,
    /// When each sign-in was last used, all its rows together.
    used: BTreeMap<SessionId, Timestamp>,
}

impl World {
    async fn new(mut dice: Dice) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let in_force = rules(&mut dice, dir.path());
        let clock = Clock::manual(MORNING);
        let vault = Vault::open(&Backing::Memory, clock.clone()).await.expect("in memory");
        let gate = Gate::open(vault, clock.clone(), Arc::new(Metrics::new())).await.expect("a key");
        let mut world = Self { dice, clock, gate, in_force, held: Vec::new(), used: BTreeMap::new() };
        let mut people = Vec::new();
        for name in PEOPLE {
            people.push(world.person(name).await);
        }
        // From the oldest to the youngest: what is ended by the absolute limit, the idle one, freshness, and nothing.
        for minutes in [0, 23 * 60, 40, 25, 4] {
            world.clock.advance(Duration::from_secs(minutes * 60));
            for person in &people {
                if world.dice.below(3) > 0 {
                    world.session(person).await;
                }
                if world.dice.rarely(2) {
                    world.token(person).await;
                }
                if world.dice.rarely(3) {
                    world.app_password(person).await;
                }
            }
        }
        for person in &people {
            world.fate(person).await;
        }
        world.held.extend(["", "x", "vst_", "vsd_x", "vst_00_x_000000"].map(Held::Nonsense));
        world.gate.catch_up(&world.in_force).await.expect("in memory");
        world
    }

    async fn person(&mut self, name: &str) -> PersonRecord {
        let new = NewPerson {
            name: UserName::parse(name).expect("a name"),
            full_name: name.to_owned(),
            email: None,
            roles: self.dice.some_of(&ROLES).into_iter().map(|role| RoleName::parse(role).expect("a role")).collect(),
            groups: self
                .dice
                .some_of(&GROUPS)
                .into_iter()
                .map(|group| GroupName::parse(group).expect("a group"))
                .collect(),
        };
        self.gate.vault().add_person(new, by_test("user.add")).await.expect("added").0
    }

    /// A sign-in: a device's, or a browser's with the apps it went on to.
    async fn session(&mut self, person: &PersonRecord) {
        let now = self.clock.now();
        let second = *self.dice.one_of(&[
            None,
            None,
            Some(Method::Totp),
            Some(Method::Totp),
            Some(Method::Recovery),
            Some(Method::Email),
            Some(Method::Passkey),
        ]);
        let kind = if self.dice.rarely(2) { SessionKind::Device } else { SessionKind::Portal };
        let opening = Opening {
            address: address(ADDRESSES[0]),
            device: "a test".to_owned(),
            kind: kind.clone(),
            expires: now + Duration::from_secs(24 * 60 * 60),
            wish: None,
        };
        let vault = self.gate.vault();
        let proved = proved(person.person.id, second, now);
        let after = After::Password(Ground::of(person));
        let opened = vault.open_session(proved, after, Spend::Nothing, opening, by_test("session.open")).await;
        let Outcome::Done((secret, record)) = opened.expect("in memory") else { panic!("nothing was spent") };
        if kind == SessionKind::Portal {
            for app in APPS {
                if self.dice.rarely(3) {
                    continue;
                }
                let app = AppName::parse(app).expect("a name");
                let parent = vault.digest("session", secret.expose().as_bytes());
                let browser = vault.digest("browser", b"a nonce");
                let ticket = vault.issue_hand_off(parent, app.clone(), browser).await.expect("in memory");
                let taken = vault.take_hand_off(ticket.expose(), &app, browser).await.expect("in memory");
                let Outcome::Done((secret, record)) = taken else { panic!("it was just issued") };
                self.held.push(Held::Session(secret.expose().clone(), record));
            }
        }
        self.used.insert(record.id, now);
        self.held.push(Held::Session(secret.expose().clone(), record));
    }

    async fn token(&mut self, person: &PersonRecord) {
        let scopes = if self.dice.rarely(2) { self.dice.some_of(&SCOPES) } else { Vec::new() };
        let only_from = if self.dice.rarely(4) {
            vec![(*self.dice.one_of(&["near", "far", "127.0.0.3"])).to_owned()]
        } else {
            Vec::new()
        };
        let new = NewToken {
            owner: person.person.id,
            name: "a test".to_owned(),
            apps: APPS
                .iter()
                .filter(|_| !self.dice.rarely(3))
                .map(|app| AppName::parse(app).expect("a name"))
                .collect(),
            scopes: scopes.into_iter().map(|scope| Scope::parse(scope).expect("a scope")).collect(),
            only_from,
            expires: self.clock.now()
                + Duration::from_secs(*self.dice.one_of(&[60, 60 * 60, 48 * 60 * 60, 48 * 60 * 60])),
        };
        let (record, text) = self.gate.vault().add_token(new, by_test("token.add")).await.expect("added");
        if self.dice.rarely(8) {
            assert!(self.gate.vault().revoke_token(record.id, by_test("token.revoke")).await.expect("in memory"));
        }
        self.held.push(Held::Token(text.expose().clone(), record));
    }

    async fn app_password(&mut self, person: &PersonRecord) {
        let web = if self.dice.rarely(5) { Protocols::NONE } else { Protocols::NONE.with(Protocol::Web) };
        let only_from = if self.dice.rarely(4) {
            vec![(*self.dice.one_of(&["near", "far", "127.0.0.3"])).to_owned()]
        } else {
            Vec::new()
        };
        let new = NewAppPassword {
            owner: person.person.id,
            name: "a test".to_owned(),
            protocols: web.with(Protocol::Imap),
            only_from,
            expires: if self.dice.rarely(3) {
                self.clock.now() + Duration::from_secs(*self.dice.one_of(&[60, 60 * 60]))
            } else {
                Timestamp::NEVER
            },
        };
        let made = self.gate.vault().add_app_password(new, by_test("app_password.add")).await.expect("added");
        let (record, letters) = made.expect("there is room");
        let credentials = BASE64.encode(format!("{}:{}", person.person.name, letters.grouped()).as_bytes());
        self.held.push(Held::AppPassword(credentials, record));
    }

    /// What befalls people after they signed in.
    async fn fate(&mut self, person: &PersonRecord) {
        let (vault, id) = (self.gate.vault(), person.person.id);
        match self.dice.below(10) {
            0 => drop(vault.disable_person(id, Force::Yes, by_test("user.disable")).await.expect("done")),
            1 => drop(vault.sign_out_person(id, by_test("user.sign_out")).await.expect("done")),
            2 => {
                let change = |record: &mut PersonRecord| {
                    record.person.roles = [].into();
                    record.person.groups = [].into();
                };
                vault.change_person(id, Force::Yes, change, by_test("user.set_roles")).await.expect("done");
            }
            3 if self.dice.rarely(2) => {
                vault.delete_person(id, Force::Yes, by_test("user.delete")).await.expect("done")
            }
            _ => {}
        }
    }

    /// One attempt, answered twice; the word for the answer.
    async fn attempt(&mut self, seed: u64, number: u64) -> String {
        if self.dice.rarely(20) {
            self.clock.advance(Duration::from_secs(*self.dice.one_of(&[1, 60, 299])));
        }
        let apps = ["crm", "crm", "wiki", "wiki", "nowhere"].map(|app| AppName::parse(app).expect("a name"));
        let app = self.dice.one_of(&apps).clone();
        let path = *self.dice.one_of(&PATHS);
        let path = CanonicalPath::parse(path.as_bytes()).expect("a path");
        let method = *self.dice.one_of(&["GET", "GET", "POST"]);
        let goal = match self.dice.below(12) {
            0 => Goal::SignIn,
            1 | 2 => Goal::Portal,
            _ => Goal::App { app: &app, method, path: &path },
        };
        let from = *self.dice.one_of(&ADDRESSES);
        let which = self.dice.below(self.held.len() + self.held.len() / 8);
        let as_cookie = self.dice.below(4);

        let held = self.held.get(which);
        let bearer;
        let shown = match held {
            None => Shown::Nothing,
            Some(Held::Token(text, _)) => Shown::Bearer(text),
            Some(Held::AppPassword(text, _)) => Shown::Basic { credentials: text, client: "a test" },
            Some(Held::Nonsense(text)) => match as_cookie {
                0 => Shown::PortalCookie(text),
                1 => Shown::AppCookie(&app, self.gate.expect(text)),
                2 => Shown::Basic { credentials: text, client: "" },
                _ => Shown::Bearer(text),
            },
            // Mostly where it belongs.
            Some(Held::Session(secret, record)) => match (&record.kind, as_cookie) {
                (_, 0) => Shown::AppCookie(&app, self.gate.expect(secret)),
                (SessionKind::Portal, _) => Shown::PortalCookie(secret),
                (SessionKind::App(of), 1..3) => Shown::AppCookie(of, self.gate.expect(secret)),
                (SessionKind::App(_), _) => Shown::AppCookie(&app, self.gate.expect(secret)),
                (SessionKind::Device, _) => {
                    bearer = format!("vsd_{secret}");
                    Shown::Bearer(&bearer)
                }
            },
        };

        let (expected, used) = self.explained(held, shown, from, goal).await;
        let ask = Ask {
            in_force: &self.in_force,
            address: address(from),
            certificate: Certificate::NotShown,
            goal,
            shown,
            app: None,
            hold: None,
        };
        let answered = Answer::from(self.gate.admit(ask).await);
        assert_eq!(answered, expected, "seed {seed}, world {number}: {goal:?} from {from} with {shown:?}");
        if let (Answer::Allow(Some(_), _), Some(id)) = (&answered, used) {
            self.used.insert(id, self.clock.now());
        }
        answered.word()
    }

    /// What the rules say of the facts as they were written down here, and which session is in use if they say yes.
    async fn explained(
        &self,
        held: Option<&Held>,
        shown: Shown<'_>,
        from: &str,
        goal: Goal<'_>,
    ) -> (Answer, Option<SessionId>) {
        let (vault, policy, now) = (self.gate.vault(), &self.in_force.settings.policy, self.clock.now());
        let house = vault.generations();
        let explain = |proof, generations| {
            let attempt =
                Attempt { address: address(from), certificate: Certificate::NotShown, goal, proof, generations };
            Answer::from(access::explain(policy, &attempt, now).decision)
        };
        let in_vain = || match (explain(Proof::Nobody, house), shown) {
            (Answer::SignIn(_), Shown::Bearer(_)) => (Answer::TokenInvalid, None),
            (Answer::SignIn(_), Shown::Basic { .. }) => (Answer::AppPasswordInvalid, None),
            (answer, _) => (answer, None),
        };
        match held {
            None | Some(Held::Nonsense(_)) => in_vain(),
            Some(Held::Session(secret, record)) => {
                let fits = match (&record.kind, shown) {
                    (SessionKind::Portal, Shown::PortalCookie(_)) | (SessionKind::Device, Shown::Bearer(_)) => true,
                    (SessionKind::App(of), Shown::AppCookie(app, _)) => of == app,
                    _ => false,
                };
                let digest = vault.digest("session", secret.as_bytes());
                let kept = vault.session(digest).await.expect("in memory");
                let person = vault.person(record.user).await.expect("in memory");
                let (true, Some(_), Some(person)) = (fits, kept, person) else { return in_vain() };
                let session = SessionFacts {
                    factors: record.factors,
                    opened: record.opened,
                    proved: record.proved,
                    used: self.used[&record.id],
                    generations: record.generations,
                };
                let generations = Generations { person: person.generation, ..house };
                (explain(Proof::Session { person: &person.person, session: &session }, generations), Some(record.id))
            }
            Some(Held::Token(_, record)) => {
                let kept = vault.token(record.id).await.expect("in memory");
                let owner = vault.person(record.owner).await.expect("in memory");
                let (Some(_), Some(owner)) = (kept, owner) else { return in_vain() };
                let networks = &self.in_force.settings.networks;
                let token = TokenFacts {
                    apps: record.apps.clone(),
                    scopes: record.scopes.clone(),
                    unscoped: Unscoped::Owner,
                    only_from: config::resolve_list(networks, &record.only_from).expect("known networks"),
                    expires: record.expires,
                    generations: record.generations,
                };
                let generations = Generations { person: owner.generation, ..house };
                (explain(Proof::Token { person: &owner.person, token: &token }, generations), None)
            }
            Some(Held::AppPassword(_, record)) => {
                let kept = vault.app_password((record.owner, record.digest)).await.expect("in memory");
                let owner = vault.person(record.owner).await.expect("in memory");
                let (Some(_), Some(owner)) = (kept, owner) else { return in_vain() };
                let networks = &self.in_force.settings.networks;
                let password = AppPasswordFacts {
                    protocols: record.protocols,
                    only_from: config::resolve_list(networks, &record.only_from).expect("known networks"),
                    expires: record.expires,
                    generations: record.generations,
                };
                let generations = Generations { person: owner.generation, ..house };
                (explain(Proof::AppPassword { person: &owner.person, password: &password }, generations), None)
            }
        }
    }
}

/// What a person showed, through the one door there is to it.
fn proved(person: UserId, second: Option<Method>, now: Timestamp) -> Proved {
    let enrolled = second.map_or(Methods::NONE, |method| Methods::NONE.with(method));
    let next = match (login::begin(person, Situation { enrolled, demanded: None }, now), second) {
        (Next::Ask(flow), Some(method)) => login::advance(&flow, Input::SecondStepRight(method), now),
        (next, _) => next,
    };
    let Next::Done(proved) = next else { panic!("all that was asked for was shown: {next:?}") };
    proved
}

/// A configuration that chance made, read from files as every configuration is.
fn rules(dice: &mut Dice, dir: &Path) -> InForce {
    let list = |dice: &mut Dice| {
        let mut members = dice.some_of(&ADDRESSES);
        members.push(*dice.one_of(&ADDRESSES));
        members.sort_unstable();
        members.dedup();
        format!("[{}]", members.join(", "))
    };
    let level = |dice: &mut Dice| {
        let mut parts = Vec::new();
        if dice.rarely(2) {
            parts.push(format!("allow_from: {}", list(dice)));
        }
        if dice.rarely(6) {
            parts.push(format!("only_from: {}", list(dice)));
        }
        if dice.rarely(8) {
            parts.push((*dice.one_of(&["two_step: required", "second_step: [totp]"])).to_owned());
        }
        format!("{{ {} }}", parts.join(", "))
    };
    let demands = |dice: &mut Dice| {
        let mut parts = String::new();
        if dice.rarely(6) {
            parts.push_str(&format!(", only_from: {}", list(dice)));
        }
        if dice.rarely(6) {
            parts.push_str(", second_step: [totp]");
        }
        if dice.rarely(5) {
            parts.push_str(&format!(", fresh: {}", dice.one_of(&["5m", "30m"])));
        }
        parts
    };
    let allow =
        ["everyone", "everyone", "[user ana]", "[role admin]", "[group sales]", "[group sales, token crm.read]"];
    let mut settings = format!(
        "version: 1\norganization: Acme\nportal: http://login.localhost:8080\nlisten: {{ http: \"127.0.0.1:8080\" }}\nstore: {{ redb: x.redb }}\npolicies: policies\nsign_in: {{ two_step: {}, session: {{ idle: 1h, absolute: 24h }} }}\napps:\n",
        dice.one_of(&["optional", "optional", "required"])
    );
    for app in APPS {
        let mut paths = Vec::new();
        for pattern in ["/a", "/a/*", "/b", "/*"] {
            let methods = if dice.rarely(3) { ", methods: [GET]" } else { "" };
            match dice.below(5) {
                0 => paths.push(format!("{{ path: {pattern}, allow: public{methods} }}")),
                1 => paths.push(format!("{{ path: {pattern}, allow: [token crm.read]{methods}{} }}", demands(dice))),
                2 => paths.push(format!(
                    "{{ path: {pattern}, allow: {}{methods}{} }}",
                    dice.one_of(&allow),
                    demands(dice)
                )),
                _ => {}
            }
        }
        let two_step = if dice.rarely(8) { ", two_step: required" } else { "" };
        let basic = if dice.rarely(4) { "" } else { ", basic: app_passwords" };
        let last = if paths.is_empty() || !dice.rarely(4) {
            format!(", allow: {}", dice.one_of(&allow))
        } else {
            String::new()
        };
        settings.push_str(&format!(
            "  {app}: {{ host: {app}.localhost, upstream: \"http://127.0.0.1:1\"{last}{two_step}{basic}{}, paths: [{}] }}\n",
            demands(dice),
            paths.join(", ")
        ));
    }
    let settings = settings.replace(", paths: []", "");
    let blocked = if dice.rarely(4) { format!(", blocked: [{}]", dice.one_of(&ADDRESSES)) } else { String::new() };
    let policy = format!(
        "networks: {{ near: [127.0.0.1, 127.0.0.2], far: [127.0.1.0/24] }}\norganization: {{ allow_from: {}{blocked} }}\nroles: {{ admin: {}, auditor: {} }}\ngroups: {{ sales: {}, field: {} }}\nusers: {{ ana: {} }}\n",
        list(dice),
        level(dice),
        level(dice),
        level(dice),
        level(dice),
        level(dice),
    );
    std::fs::create_dir(dir.join("policies")).expect("writable");
    std::fs::write(dir.join("gateway.yaml"), &settings).expect("writable");
    std::fs::write(dir.join("policies/p.yaml"), &policy).expect("writable");
    let loaded = config::load(dir, MORNING).unwrap_or_else(|faults| panic!("{faults}\n{settings}\n{policy}"));
    InForce { settings: loaded.settings, generation: 1, digest: loaded.digest, client_authority: None }
}

fn address(text: &str) -> ClientAddr {
    let resolved = ClientAddr::resolve(text.parse().expect("an address"), &Believed::default(), &Claims::default());
    resolved.expect("no headers, no error").client
}

const WORLDS: u64 = 50;
const ATTEMPTS: usize = 200;
const PEOPLE: [&str; 4] = ["ana", "bob", "cy", "di"];
const ROLES: [&str; 2] = ["admin", "auditor"];
const GROUPS: [&str; 2] = ["sales", "field"];
const APPS: [&str; 2] = ["crm", "wiki"];
const SCOPES: [&str; 2] = ["crm.read", "crm.write"];
const ADDRESSES: [&str; 5] = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.1.1", "127.0.1.2"];
const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/b", "/c", "/%61"];
