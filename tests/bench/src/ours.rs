//! The gateway under test: the program as people run it, with folder, store, access log, admin listener and people.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use access::identity::{AppName, GroupName, Scope, UserName};
use access::login::{self, Next, Proved, Situation};
use access::{ClientAddr, network::Believed, network::Claims};
use vestibule::audit::{Actor, Entry};
use vestibule::clock::Clock;
use vestibule::store::vault::{
    After, Backing, NewPerson, NewToken, Opening, Outcome, PersonRecord, SessionKind, Spend, Vault,
};

use crate::cpu::SERVER_CORE;
use crate::peers::{Ground, Peer, Running, free};

/// Where the app is found.
pub(crate) const APP_HOST: &str = "crm.localhost";
/// Where people sign in.
pub(crate) const PORTAL_HOST: &str = "login.localhost";

/// How a gateway differs from the least.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    /// Also its portal.
    pub(crate) https: bool,
    /// Listed beside the one that load comes from.
    pub(crate) networks: usize,
    /// Open before it starts.
    pub(crate) sessions: usize,
    /// Their idle limit; a twelfth of it passes between two notes of a use.
    pub(crate) idle: &'static str,
}

impl Setup {
    /// An office and one session.
    pub(crate) const LEAST: Self = Self { https: false, networks: 10, sessions: 1, idle: "24h" };
}

/// A running gateway and what opens it.
pub(crate) struct Gateway {
    /// To be measured.
    pub(crate) peer: Peer,
    /// Of its admin listener.
    pub(crate) admin: SocketAddr,
    /// Where its configuration lies.
    pub(crate) folder: PathBuf,
    /// App cookies of live sessions.
    pub(crate) cookies: Arc<[String]>,
    /// A bearer token.
    pub(crate) token: String,
    /// What it took to open the sessions in the store.
    pub(crate) opened: Duration,
    /// From start to the first connection.
    pub(crate) start: Duration,
    setup: Setup,
}

impl Gateway {
    /// Writes the folder, fills the store, starts the program and waits until it serves.
    pub(crate) fn start(ground: &Ground, name: &'static str, setup: Setup) -> Self {
        let folder = new_folder(ground);
        let furnished = furnish(&folder, setup.sessions);
        Self::serve(ground, name, setup, folder, &furnished)
    }

    /// Several alike: each serves a copy of the same store.
    pub(crate) fn start_alike(ground: &Ground, name: &'static str, setup: Setup, count: usize) -> Vec<Self> {
        let first = new_folder(ground);
        let furnished = furnish(&first, setup.sessions);
        let mut folders = vec![first];
        for _ in 1..count {
            let folder = new_folder(ground);
            for file in [STORE, STORE_KEY] {
                fs::copy(folders[0].join(file), folder.join(file)).expect("a copy of the store");
            }
            folders.push(folder);
        }
        let serve = |folder| Self::serve(ground, name, setup, folder, &furnished);
        folders.into_iter().map(serve).collect()
    }

    fn serve(ground: &Ground, name: &'static str, setup: Setup, folder: PathBuf, furnished: &Furnished) -> Self {
        let policies = folder.join("policies");
        fs::create_dir_all(&policies).expect("a writable folder");
        write_policy(&policies, setup.networks, 0);
        // Ports last: filling a store takes minutes, and a port that nobody has now may be somebody's then.
        let (people, admin) = (free(), free());
        fs::write(folder.join("gateway.yaml"), settings(ground, setup, people, admin)).expect("writable");

        let said = folder.join("said.log");
        let log = fs::File::create(folder.join("access.log")).expect("writable");
        let config = folder.to_str().expect("a plain path").to_owned();
        let clock = Clock::system();
        let began = clock.moment();
        let arguments = ["--config", config.as_str(), "serve"];
        let mut running = Running::start(SERVER_CORE, &ground.vestibule, &arguments, Stdio::from(log), &said);
        running.wait_for(people, &said);
        let start = clock.moment().since(began);
        let peer = Peer::new(name, people, people, vec![running]);
        let Furnished { cookies, token, took } = furnished;
        let (cookies, token) = (Arc::clone(cookies), token.clone());
        Self { peer, admin, folder, cookies, token, opened: *took, start, setup }
    }

    /// Does it serve HTTPS?
    pub(crate) const fn is_https(&self) -> bool {
        self.setup.https
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.peer.processes()[0]
    }

    /// Writes other networks, as many as before; `vestibule reload` brings them into force.
    pub(crate) fn edit_networks(&self, edition: usize) {
        write_policy(&self.folder.join("policies"), self.setup.networks, edition);
    }

    /// A figure of its own metrics; zero if it is not there.
    pub(crate) fn metric(&self, name_and_labels: &str) -> f64 {
        let mut stream = TcpStream::connect(self.admin).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        let line = text.lines().find_map(|line| line.strip_prefix(name_and_labels)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    }

    /// Runs a command of ours on it. Panics if it fails.
    pub(crate) fn command(&self, ground: &Ground, arguments: &[&str]) {
        let done = Command::new(&ground.vestibule).arg("--config").arg(&self.folder).args(arguments).output();
        let done = done.expect("the program runs");
        assert!(done.status.success(), "vestibule {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

fn settings(ground: &Ground, setup: Setup, people: SocketAddr, admin: SocketAddr) -> String {
    let Setup { https, idle, .. } = setup;
    let scheme = if https { "https" } else { "http" };
    let tls = if https {
        let (chain, key) = (ground.chain(), ground.key());
        format!("tls: {{ certificates: [{{ chain: {}, key_file: {} }}] }}\n", chain.display(), key.display())
    } else {
        String::new()
    };
    let workers = if knows_workers(ground) { ", workers: 1" } else { "" };
    format!(
        "version: 1
organization: Acme
portal: {scheme}://{PORTAL_HOST}:{}
listen: {{ {scheme}: \"{people}\", admin: \"{admin}\"{workers} }}
{tls}store: {{ redb: {STORE} }}
policies: policies
sign_in: {{ two_step: optional, session: {{ idle: {idle}, absolute: 24h }} }}
apps:
  crm:
    host: {APP_HOST}
    upstream: http://{}
    allow: [group sales]
    paths:
      - {{ path: /status/*, allow: public }}
      - {{ path: /api/*, allow: [token crm.read], methods: [GET] }}
",
        people.port(),
        ground.upstream,
    )
}

/// Older programs take as many threads as they may use cores, which is one here as well.
fn knows_workers(ground: &Ground) -> bool {
    let schema = Command::new(&ground.vestibule).args(["config", "schema"]).output().expect("the program runs");
    String::from_utf8_lossy(&schema.stdout).contains("\"workers\"")
}

/// The office from which load comes, and so many other networks, a few of which change from edition to edition. In several
/// files: one may have 16 MiB.
fn write_policy(folder: &Path, networks: usize, edition: usize) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut names = String::new();
    for (file, from) in (0..networks).step_by(NETWORKS_A_FILE).enumerate() {
        let mut text = format!("networks:\n  listed{file}:\n");
        for number in from..networks.min(from + NETWORKS_A_FILE) {
            // xorshift64: the same networks in every run.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let bytes = random.to_be_bytes();
            let edited = if number < EDITED { edition } else { 0 };
            // Public addresses, /25 to /32, never loopback.
            let prefix = 25 + bytes[4] % 8;
            let address = u32::from_be_bytes([20 + bytes[0] % 80, bytes[1], bytes[2], bytes[3]]);
            let address = address.wrapping_add(u32::try_from(edited * 256).unwrap_or(0)) & (u32::MAX << (32 - prefix));
            text.push_str(&format!("    - {}/{prefix}\n", std::net::Ipv4Addr::from(address)));
        }
        // Those that no edition changes are written once.
        let path = folder.join(format!("listed{file}.yaml"));
        if from < EDITED || !path.exists() {
            fs::write(path, text).expect("a writable folder");
        }
        names.push_str(&format!(", listed{file}"));
    }
    let text = format!(
        "networks: {{ office: [127.0.0.0/16] }}\norganization: {{ allow_from: [office{names}] }}\ngroups: {{ sales: {{}} }}\n"
    );
    fs::write(folder.join("organization.yaml"), text).expect("a writable folder");
}

fn new_folder(ground: &Ground) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let folder = ground.file(&format!("gateway-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&folder).expect("a new folder");
    folder
}

const STORE: &str = "store.redb";
const STORE_KEY: &str = "store.redb.key";

/// What was put into a store.
struct Furnished {
    cookies: Arc<[String]>,
    token: String,
    took: Duration,
}

/// People, sessions and a token, straight into the store.
fn furnish(folder: &Path, sessions: usize) -> Furnished {
    let clock = Clock::system();
    let began = clock.moment();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let backing = Backing::Redb { file: folder.join(STORE), key_file: folder.join(STORE_KEY) };
    let (cookies, token) = runtime.block_on(async {
        let vault = Vault::open(&backing, Clock::system()).await.expect("a new store");
        // Sessions of one person are opened one after the other, those of different people together.
        let many = sessions.clamp(1, PEOPLE);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..many {
            let (vault, share) = (vault.clone(), sessions / many + usize::from(number < sessions % many));
            tasks.spawn(async move {
                let person = add(&vault, number).await;
                let mut cookies = Vec::with_capacity(share);
                for _ in 0..share {
                    cookies.push(open(&vault, &person).await);
                }
                (person, cookies)
            });
        }
        let mut cookies = Vec::with_capacity(sessions);
        let mut somebody = None;
        while let Some(done) = tasks.join_next().await {
            let (person, of_person) = done.expect("sessions are opened");
            cookies.extend(of_person);
            somebody = Some(person);
        }
        let new = NewToken {
            owner: somebody.expect("at least one person").person.id,
            name: "a script".to_owned(),
            apps: vec![AppName::parse("crm").expect("a name")],
            scopes: vec![Scope::parse("crm.read").expect("a scope")],
            only_from: Vec::new(),
            expires: Clock::system().now() + DAY,
        };
        let (_, token) = vault.add_token(new, entry("token.add")).await.expect("made");
        (cookies, token.expose().clone())
    });
    Furnished { cookies: cookies.into(), token, took: clock.moment().since(began) }
}

async fn add(vault: &Vault, number: usize) -> PersonRecord {
    let new = NewPerson {
        name: UserName::parse(&format!("person{number}")).expect("a name"),
        full_name: format!("Person {number}"),
        email: None,
        roles: Vec::new(),
        groups: vec![GroupName::parse("sales").expect("a group")],
    };
    vault.add_person(new, entry("user.add")).await.expect("added").0
}

async fn open(vault: &Vault, person: &PersonRecord) -> String {
    let opening = Opening {
        address: office(),
        device: "Firefox on Linux".to_owned(),
        kind: SessionKind::App(AppName::parse("crm").expect("a name")),
        expires: Clock::system().now() + DAY,
        wish: None,
    };
    let after = After::Password(vestibule::store::vault::Ground::of(person));
    let opened = vault.open_session(proved(person), after, Spend::Nothing, opening, entry("session.open")).await;
    match opened.expect("the store answers") {
        Outcome::Done((secret, _)) => secret.expose().clone(),
        Outcome::Gone => panic!("a session could not be opened"),
    }
}

fn proved(person: &PersonRecord) -> Proved {
    let situation = Situation { enrolled: person.enrolled, demanded: None };
    match login::begin(person.person.id, situation, Clock::system().now()) {
        Next::Done(proved) => proved,
        _ => panic!("nobody demands a second step here"),
    }
}

fn office() -> ClientAddr {
    let claims = Claims::default();
    ClientAddr::resolve([127, 0, 0, 1].into(), &Believed::default(), &claims).expect("no proxy is involved").client
}

fn entry(act: &str) -> Entry {
    Entry::new(Actor::Console, act)
}

/// As many as may wait for the store's writer at once, with room to spare.
const PEOPLE: usize = 2_000;
const NETWORKS_A_FILE: usize = 250_000;
/// Networks that every edition changes.
const EDITED: usize = 10;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
