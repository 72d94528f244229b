//! A vault on each backing, a clock to move, and people to fill it with.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use access::identity::{Email, RoleName, UserId, UserName};
use access::login::{self, Flow, Input, Next, Proved, Situation};
use access::network::{AddressSet, Claims};
use access::password::{Password, PasswordHash};
use access::policy::{Method, Methods};
use access::{ClientAddr, Secret, Timestamp};
use tempfile::TempDir;

use crate::audit::{Actor, Entry};
use crate::clock::Clock;
use crate::store::vault::{Backing, NewPerson, Opening, Outcome, PersonRecord, SessionKind, Vault};

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

    /// Closes the vault and opens it again.
    pub(super) async fn reopen(&mut self) {
        self.vault = Vault::open(&Backing::Memory, self.clock.clone()).await.unwrap();
        self.vault = Vault::open(&self.backing, self.clock.clone()).await.unwrap();
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
    pub(super) async fn sign_in(&self, user: UserId) -> (Secret<String>, super::super::SessionRecord) {
        let proved = self.proof(user);
        let spend = super::super::Spend::Nothing;
        done(self.vault.open_session(proved, None, spend, self.opening(), entry()).await.unwrap())
    }

    pub(super) fn opening(&self) -> Opening {
        Opening {
            address: address(7),
            device: "Firefox on a desk".to_owned(),
            kind: SessionKind::Portal,
            expires: self.clock.now() + Duration::from_secs(24 * 60 * 60),
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
    ClientAddr::resolve(peer, &AddressSet::default(), &Claims::default()).unwrap().client
}

/// Costs one Argon2.
pub(super) fn hash(password: &str) -> PasswordHash {
    Password::parse(Secret::new(password.to_owned())).unwrap().hash([7; 16])
}

/// A hash that nobody computed, of the form that the store expects.
pub(super) fn cheap_hash(memory: u32, tag: char) -> PasswordHash {
    let hash = tag.to_string().repeat(42);
    PasswordHash::from_phc(format!("$argon2id$v=19$m={memory},t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA${hash}A")).unwrap()
}

pub(super) fn done<T>(outcome: Outcome<T>) -> T {
    match outcome {
        Outcome::Done(value) => value,
        Outcome::Gone => panic!("it is gone"),
    }
}
