//! What does the door cost: who it is, the decision, what the app is told? For one session that asks again and again, and for
//! sessions in an order that no cache foresees. The difference is what places of memory cost that are far away.
//!
//! `cargo bench --profile fast-build -p vestibule --bench door`.

use std::hint::black_box;
use std::sync::Arc;

use access::ClientAddr;
use access::identity::{AppName, GroupName, UserName};
use access::login::{self, Next, Situation};
use access::network::{Believed, Claims};
use access::policy::{Certificate, Goal};
use access::target::CanonicalPath;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use vestibule::audit::{Actor, Entry};
use vestibule::clock::Clock;
use vestibule::config::{self, InForce};
use vestibule::gate::{Admission, Ask, Gate, Shown};
use vestibule::metrics::Metrics;
use vestibule::store::vault::{After, Backing, Ground, NewPerson, Opening, Outcome, SessionKind, Spend, Vault};

/// As the program has it: where things lie is what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn door(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let house = runtime.block_on(House::build());
    let mut wire = Vec::with_capacity(4096);
    // Once each: what is read from the store and signed is not measured.
    for cookie in &house.cookies {
        runtime.block_on(house.pass(cookie, &mut wire));
    }
    let mut group = criterion.benchmark_group("door");
    group.bench_function("the same session", |bencher| {
        bencher.iter_batched(|| house.cookies[7].clone(), |cookie| house.pass_at_once(&cookie, &mut wire), FEW);
    });
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    group.bench_function(format!("another of {SESSIONS} sessions"), |bencher| {
        let somebody = || {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            house.cookies[usize::try_from(random % SESSIONS as u64).expect("it fits")].clone()
        };
        bencher.iter_batched(somebody, |cookie| house.pass_at_once(&cookie, &mut wire), FEW);
    });
    group.finish();
}

/// A gateway with many people inside.
struct House {
    gate: Gate,
    in_force: InForce,
    app: AppName,
    path: CanonicalPath<'static>,
    cookies: Vec<String>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn build() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
        std::fs::create_dir(folder.path().join("policies")).expect("writable");
        write("policies/organization.yaml", "organization: { allow_from: [127.0.0.0/8] }\ngroups: { sales: {} }\n");
        write("gateway.yaml", SETTINGS);
        // By hand: an assertion made in the first pass is used in all others.
        let clock = Clock::manual(access::Timestamp::from_millis(1_800_000_000_000));
        let loaded = config::load(folder.path(), clock.now()).expect("a sound configuration");
        let in_force =
            InForce { settings: loaded.settings, generation: 1, digest: loaded.digest, client_authority: None };
        let (file, key_file) = (in_force.settings.store.clone(), in_force.settings.store_key.clone());
        let vault = Vault::open(&Backing::Redb { file, key_file }, clock.clone()).await.expect("a new store");
        let app = AppName::parse("crm").expect("a name");
        let mut tasks = tokio::task::JoinSet::new();
        for first in 0..TOGETHER {
            let (vault, app, now) = (vault.clone(), app.clone(), clock.now());
            tasks.spawn(async move {
                let mut cookies = Vec::new();
                for number in (first..PEOPLE).step_by(TOGETHER) {
                    cookies.extend(sign_in(&vault, number, &app, now).await);
                }
                cookies
            });
        }
        let mut cookies = Vec::with_capacity(SESSIONS);
        while let Some(opened) = tasks.join_next().await {
            cookies.extend(opened.expect("sessions are opened"));
        }
        let gate = Gate::open(vault, clock, Arc::new(Metrics::new())).await.expect("it opens");
        let path = CanonicalPath::parse(b"/list").expect("a path").into_owned();
        Self { gate, in_force, app, path, cookies, _folder: folder }
    }

    async fn pass(&self, cookie: &str, wire: &mut Vec<u8>) {
        let ask = Ask {
            in_force: &self.in_force,
            address: office(),
            certificate: Certificate::NotShown,
            goal: Goal::App { app: &self.app, method: "GET", path: &self.path },
            shown: Shown::AppCookie(&self.app, self.gate.expect(cookie)),
            app: None,
            hold: None,
        };
        let Admission::Enter(permit) = self.gate.admit(ask).await else { panic!("nobody is refused here") };
        let visitor = permit.visitor().expect("somebody");
        let introduction = self.gate.introduce(&self.in_force, visitor, &self.app).expect("it is signed");
        wire.clear();
        wire.extend_from_slice(introduction.identity().lines());
        black_box(wire);
    }

    /// Everything is in memory: there is nothing to wait for.
    fn pass_at_once(&self, cookie: &str, wire: &mut Vec<u8>) {
        self.pass(cookie, wire).now_or_never().expect("it is in memory");
    }
}

async fn sign_in(vault: &Vault, number: usize, app: &AppName, now: access::Timestamp) -> Vec<String> {
    let new = NewPerson {
        name: UserName::parse(&format!("person{number}")).expect("a name"),
        full_name: format!("Person {number}"),
        email: None,
        roles: Vec::new(),
        groups: vec![GroupName::parse("sales").expect("a group")],
    };
    let (person, _) = vault.add_person(new, entry("user.add")).await.expect("added");
    let mut cookies = Vec::new();
    for _ in 0..SESSIONS / PEOPLE {
        let opening = Opening {
            address: office(),
            device: "Firefox on Linux".to_owned(),
            kind: SessionKind::App(app.clone()),
            expires: now + std::time::Duration::from_secs(24 * 60 * 60),
            wish: None,
        };
        let situation = Situation { enrolled: person.enrolled, demanded: None };
        let Next::Done(proved) = login::begin(person.person.id, situation, now) else {
            panic!("nobody demands a second step here")
        };
        let after = After::Password(Ground::of(&person));
        match vault.open_session(proved, after, Spend::Nothing, opening, entry("session.open")).await {
            Ok(Outcome::Done((secret, _))) => cookies.push(secret.expose().clone()),
            _ => panic!("a session could not be opened"),
        }
    }
    cookies
}

fn entry(act: &str) -> Entry {
    Entry::new(Actor::Console, act)
}

fn office() -> ClientAddr {
    let claims = Claims::default();
    ClientAddr::resolve([127, 0, 0, 1].into(), &Believed::default(), &claims).expect("no proxy is involved").client
}

const SETTINGS: &str = "version: 1
organization: Acme
portal: http://login.localhost:8080
listen: { http: \"127.0.0.1:8080\" }
store: { redb: store.redb }
policies: policies
sign_in: { two_step: optional }
apps:
  crm: { host: crm.localhost, upstream: \"http://127.0.0.1:1\", allow: [group sales] }
";
/// So many cookies are at hand at a time, as if they had just come.
const FEW: BatchSize = BatchSize::NumIterations(50);
/// As many as may wait for the store's writer at once, with room to spare.
const TOGETHER: usize = 1_000;
const PEOPLE: usize = 20_000;
const SESSIONS: usize = 100_000;

criterion_group!(benches, door);
criterion_main!(benches);
