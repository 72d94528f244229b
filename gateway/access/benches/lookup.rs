//! How long does a look-up take, and a decision? The promise: under 100 ns among a million prefixes.
//!
//! `cargo bench -p access`. Addresses are looked up in a fixed random order, so that large sets miss the caches as they
//! would in service.

use std::collections::HashMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use access::Timestamp;
use access::identity::{AppName, GroupName, RoleName, UserId, UserName};
use access::network::{AddressSet, Believed, Claims, ClientAddr, Network};
use access::policy::{
    Allowed, App, Attempt, Certificate, Decision, Generations, Goal, Level, Listed, Method, Methods, Organization,
    PathRule, Person, Place, Policy, Proof, Rules, SessionFacts, SessionLimits, Standing, TwoStep, decide,
};
use access::target::{CanonicalPath, PathPattern, UnusualPaths};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ipnet::IpNet;

fn look_ups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("contains");
    for prefixes in [10, 1_000, 100_000, 1_000_000] {
        let mut random = Random(prefixes);
        // /20 to /32: short prefixes would swallow the others.
        let set = (0..prefixes).map(|_| network(random.v4(), 20 + random.below(13))).collect();
        look_up(&mut group, "v4", prefixes, &set, || random.v4());
    }
    let mut random = Random(6);
    // /32 to /64 within 2000::/3, where all of today's addresses lie.
    let set = (0..1_000_000).map(|_| network(random.v6(), 32 + random.below(33))).collect();
    look_up(&mut group, "v6", 1_000_000, &set, || random.v6());
    group.finish();
}

fn look_up(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    family: &str,
    prefixes: u64,
    set: &AddressSet,
    mut address: impl FnMut() -> IpAddr,
) {
    let addresses: Vec<ClientAddr> = (0..1 << 16).map(|_| client(address())).collect();
    let mut next = addresses.iter().cycle();
    group.bench_function(BenchmarkId::new(family, prefixes), |bencher| {
        bencher.iter(|| set.contains(black_box(*next.next().expect("a cycle has no end"))));
    });
}

fn decisions(criterion: &mut Criterion) {
    let policy = policy();
    let person = Person {
        id: UserId([1; 16]),
        name: UserName::parse("ana").expect("a name"),
        roles: [RoleName::parse("admin").expect("a name")].into(),
        groups: [GroupName::parse("sales").expect("a name"), GroupName::parse("field").expect("a name")].into(),
        standing: Standing::Active,
    };
    let now = Timestamp::from_millis(1_800_000_000_000);
    let session = SessionFacts {
        factors: Methods::NONE.with(Method::Password).with(Method::Totp),
        opened: now,
        proved: now,
        used: now,
        generations: Generations::default(),
    };
    let app = AppName::parse("crm").expect("a name");
    let path = CanonicalPath::parse(b"/customers/4711").expect("a path");
    let attempt = Attempt {
        address: client(Ipv4Addr::new(203, 0, 113, 9).into()),
        certificate: Certificate::NotShown,
        goal: Goal::App { app: &app, method: "GET", path: &path },
        proof: Proof::Session { person: &person, session: &session },
        generations: Generations::default(),
    };
    assert!(matches!(decide(&policy, &attempt, now), Decision::Allow(_)));
    criterion.bench_function("decide/session", |bencher| {
        bencher.iter(|| decide(black_box(&policy), black_box(&attempt), now));
    });
}

/// A role, two groups, an app with four path rules; the organization's list is long.
fn policy() -> Policy {
    let mut random = Random(4);
    let many = (0..1_000).map(|_| network(random.v4(), 24)).chain([network(Ipv4Addr::new(203, 0, 113, 0).into(), 24)]);
    let everywhere = listed(many.collect());
    let level = || Level {
        allow_from: None,
        only_from: Some(everywhere.clone()),
        two_step: true,
        second_step: None,
        place: place(),
    };
    let rule = |pattern: &str| PathRule {
        pattern: PathPattern::parse(pattern).expect(pattern),
        allow: vec![Allowed::Role(RoleName::parse("none").expect("a name")), Allowed::Everyone],
        methods: Some(vec!["GET".into(), "POST".into()]),
        only_from: None,
        second_step: None,
        fresh: None,
        place: place(),
    };
    let app = App {
        only_from: Some(everywhere.clone()),
        client_certificate: None,
        takes_app_passwords: false,
        two_step: true,
        second_step: None,
        fresh: None,
        paths: ["/status", "/api/*", "/admin/*", "/*"].map(rule).into(),
        paths_may_contain: UnusualPaths::default(),
        place: place(),
    };
    Policy::new(Rules {
        organization: Organization {
            allow_from: Some(everywhere.clone()),
            blocked: None,
            two_step: TwoStep::Required,
            session: SessionLimits { idle: Duration::from_secs(3_600), absolute: Duration::from_secs(86_400) },
            place: place(),
        },
        roles: HashMap::from([(RoleName::parse("admin").expect("a name"), level())]),
        groups: ["sales", "field"].map(|name| (GroupName::parse(name).expect(name), level())).into(),
        users: HashMap::new(),
        apps: HashMap::from([(AppName::parse("crm").expect("a name"), app)]),
    })
}

fn listed(set: AddressSet) -> Listed {
    Listed { set: Arc::new(set), names: "many".into(), place: place() }
}

fn place() -> Place {
    Place { file: "organization.yaml".into(), line: 1 }
}

fn network(address: IpAddr, length: u8) -> Network {
    Network::Prefix(IpNet::new_assert(address, length).trunc())
}

fn client(address: IpAddr) -> ClientAddr {
    ClientAddr::resolve(address, &Believed::default(), &Claims::default()).expect("no header, no fault").client
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers at every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, n: u64) -> u8 {
        u8::try_from(self.next() % n).unwrap_or(u8::MAX)
    }

    fn v4(&mut self) -> IpAddr {
        Ipv4Addr::from_bits((self.next() >> 32) as u32).into()
    }

    fn v6(&mut self) -> IpAddr {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        Ipv6Addr::from_bits(bits >> 3 | 1 << 125).into()
    }
}

criterion_group!(benches, look_ups, decisions);
criterion_main!(benches);
