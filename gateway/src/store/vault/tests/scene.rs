//! A vault on each backing, a clock to move, and people to fill it with.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use access::identity::{AppName, Email, RoleName, Scope, UserId, UserName};
use access::login::{self, Flow, Input, Next, Proved, Situation};
use access::network::{Believed, Claims};
use access::password::PasswordHash;
use access::policy::{Method, Methods};
use access::protocol::{Protocol, Protocols};
use access::{ClientAddr, Timestamp};
use tempfile::TempDir;

use crate::audit::{Actor, Entry};
use crate::clock::Clock;
use crate::store::vault::{
    After, Backing, Bearer, Ground, HeldFlow, NewAppPassword, NewPerson, NewToken, Opening, Outcome, PersonRecord,
    SessionKind, SessionRecord, Spend, Vault,
};

/// A vault and what it stands on.
pub(super) struct Scene {
    pub(super) vault: Vault,
    pub(super) clock: Clock,
    pub(super) backing: Backing,
    _folder: TempDir,
}

/// One scene for each backing, in turn.
pub(super) async fn scenes() -> Vec<Scene> {
    vec![Scene::memory().await, Scene::redb().await]
}

impl Scene {
    pub(super) async fn memory() -> Self {
        Self::on(Backing::Memory, tempfile::tempdir().unwrap()).await
    }

    pub(super) async fn redb() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backing =
            Backing::Redb { file: folder.path().join("vestibule.redb"), key_file: folder.path().join("vestibule.key") };
        Self::on(backing, folder).await
    }

    async fn on(backing: Backing, folder: TempDir) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let vault = Vault::open(&backing, clock.clone()).await.unwrap();
        Self { vault, clock, backing, _folder: folder }
    }

    /// Closes the vault; until it is opened again there is an empty one in its place.
    pub(super) async fn close(&mut self) {
        self.vault = Vault::open(&Backing::Memory, self.clock.clone()).await.unwrap();
    }

    /// Closes the vault and opens it again.
    pub(super) async fn reopen(&mut self) {
        self.close().await;
        self.vault = Vault::open(&self.backing, self.clock.clone()).await.unwrap();
    }

    /// Puts a key file where it was.
    pub(super) fn write_key(path: &Path, text: &[u8]) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) async fn add(&self, name: &str) -> PersonRecord {
        self.vault.add_person(someone(name, &[]), entry()).await.unwrap().0
    }

    pub(super) async fn add_administrator(&self, name: &str) -> PersonRecord {
        self.vault.add_person(someone(name, &["admin"]), entry()).await.unwrap().0
    }

    /// A sign-in by password alone.
    pub(super) async fn sign_in(&self, user: UserId) -> (Bearer, SessionRecord) {
        let proved = self.proof(user);
        let after = After::Password(self.ground(user).await);
        done(self.vault.open_session(proved, after, Spend::Nothing, self.opening(), entry()).await.unwrap())
    }

    pub(super) fn opening(&self) -> Opening {
        Opening {
            address: address(7),
            device: "Firefox on a desk".to_owned(),
            kind: SessionKind::Portal,
            expires: self.clock.now() + Duration::from_secs(24 * 60 * 60),
            wish: None,
        }
    }

    /// The proof of a sign-in by password alone.
    pub(super) fn proof(&self, user: UserId) -> Proved {
        match login::begin(user, Situation { enrolled: Methods::NONE, demanded: None }, self.clock.now()) {
            Next::Done(proved) => proved,
            other => panic!("{other:?}"),
        }
    }

    /// A flow that asks for a second step.
    pub(super) fn flow(&self, user: UserId) -> Flow {
        let enrolled = Methods::NONE.with(Method::Totp).with(Method::Recovery);
        match login::begin(user, Situation { enrolled, demanded: None }, self.clock.now()) {
            Next::Ask(flow) => flow,
            other => panic!("{other:?}"),
        }
    }

    /// What a sign-in stands on that begins now with the right password.
    pub(super) async fn ground(&self, user: UserId) -> Ground {
        Ground::of(&self.vault.person(user).await.unwrap().unwrap())
    }

    /// A flow under way that was tried once.
    pub(super) async fn tried(&self, user: UserId) -> HeldFlow {
        let secret = self.vault.begin_flow(self.flow(user), self.ground(user).await, None, None).await.unwrap();
        self.vault.try_flow(secret.expose()).await.unwrap().unwrap()
    }

    /// Signs in by a flow that was tried and what it was passed with.
    pub(super) async fn pass_second(
        &self,
        held: HeldFlow,
        method: Method,
        spend: Spend,
    ) -> Outcome<(Bearer, SessionRecord)> {
        let proved = self.second(&held.flow, method);
        self.vault.open_session(proved, After::Flow(held), spend, self.opening(), entry()).await.unwrap()
    }

    /// The proof of a sign-in by password and this method.
    pub(super) fn second(&self, flow: &Flow, method: Method) -> Proved {
        match login::advance(flow, Input::SecondStepRight(method), self.clock.now()) {
            Next::Done(proved) => proved,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn someone(name: &str, roles: &[&str]) -> NewPerson {
    NewPerson {
        name: UserName::parse(name).unwrap(),
        full_name: format!("{name} of the house"),
        email: Some(Email::parse(&format!("{name}@acme.example")).unwrap()),
        roles: roles.iter().map(|role| RoleName::parse(role).unwrap()).collect(),
        groups: Vec::new(),
    }
}

pub(super) fn entry() -> Entry {
    Entry::new(Actor::Gateway, "test")
}

pub(super) fn address(last: u8) -> ClientAddr {
    let peer = IpAddr::V4(Ipv4Addr::new(203, 0, 113, last));
    ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).unwrap().client
}

/// A hash that nobody computed, of the form that the store expects.
pub(super) fn cheap_hash(memory: u32, tag: char) -> PasswordHash {
    let hash = tag.to_string().repeat(42);
    PasswordHash::from_phc(format!("$argon2id$v=19$m={memory},t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA${hash}A")).unwrap()
}

pub(super) fn is_gone<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Outcome::Gone)
}

pub(super) fn done<T>(outcome: Outcome<T>) -> T {
    match outcome {
        Outcome::Done(value) => value,
        Outcome::Gone => panic!("it is gone"),
    }
}

pub(super) fn new_token(scene: &Scene, owner: UserId) -> NewToken {
    NewToken {
        owner,
        name: "backup job".to_owned(),
        apps: vec![AppName::parse("crm").unwrap()],
        scopes: vec![Scope::parse("crm.read").unwrap()],
        only_from: vec!["203.0.113.0/24".to_owned()],
        expires: scene.clock.now() + Duration::from_secs(60),
    }
}

pub(super) fn new_app_password(owner: UserId) -> NewAppPassword {
    NewAppPassword {
        owner,
        name: "calendar".to_owned(),
        protocols: Protocols::NONE.with(Protocol::Web),
        only_from: vec!["203.0.113.0/24".to_owned()],
        expires: Timestamp::NEVER,
    }
}

/// Runs them at the same time; answers in the order of their numbers.
pub(super) async fn together<F>(many: usize, work: impl Fn(usize) -> F) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let tasks: Vec<_> = (0..many).map(|n| tokio::spawn(work(n))).collect();
    let mut answers = Vec::with_capacity(many);
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
