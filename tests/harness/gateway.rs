//! A real gateway in this process: its own folder, store, ports and clock, with two apps behind it.
//!
//! The listed network is 127.0.0.1; any other loopback address, 127.0.0.66 say, is a café. The portal is
//! `login.localhost`, the apps are `crm.localhost` (open to the group sales, its API to the token scope `crm.read`) and
//! `mail.localhost` (open to everyone who signed in).

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::identity::{GroupName, LoginName, RoleName, UserId, UserName};
use access::password::Password;
use access::secret::TypedSecret;
use access::totp::TotpSecret;
use access::{Secret, Timestamp};
use tokio::sync::watch;
use vestibule::audit::{Actor, Entry};
use vestibule::clock::Clock;
use vestibule::demo::postbox::Postbox;
use vestibule::gate::Gate;
use vestibule::server::{Bound, Options, Server, Start};
use vestibule::store::vault::{Force, NewPerson, NewToken, PersonRecord};

use crate::app::TestApp;

/// A moment like any other: Monday 2026-11-23, 08:00 UTC.
pub const MORNING: Timestamp = Timestamp::from_millis(1_795_420_800_000);

/// The password of everybody whom [`TestGateway::with_user`] adds.
pub const PASSWORD: &str = "correct horse battery staple";

/// What a person of a test has as a second step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Factor {
    /// None yet.
    None,
    /// An authenticator app.
    Totp,
}

/// How a test's gateway differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Replaces the policy file. `{port}` is not known here; policies name none.
    pub policy: Option<String>,
    /// Replaces what stands under `apps:`; `{crm}` and `{mail}` become the upstreams.
    pub apps: Option<String>,
    /// Added to gateway.yaml.
    pub extra: String,
    /// Replaces the `sign_in:` line.
    pub sign_in: Option<String>,
    /// The machine's clock instead of one that stands still.
    pub real_time: bool,
    /// HTTPS instead of plain HTTP, with a certificate of its own for every host: `tls/chain.pem`.
    pub https: bool,
    /// Added to what stands in `listen:`, with a comma before it.
    pub listen: String,
    /// Added to what stands in `tls:`, with a comma before it.
    pub tls: String,
    /// Which of them only their owner may read.
    pub private: Vec<String>,
    /// Are there a mail server and services that reach telephones?
    pub mail: bool,
    /// Files that lie in the configuration folder from the start, by name.
    pub files: Vec<(String, String)>,
}

/// Everybody of a test by name: their id, their phone, and the codes they keep in a drawer.
type People = HashMap<String, (UserId, Option<TotpSecret>, Vec<TypedSecret>)>;

/// A running gateway.
pub struct TestGateway {
    server: Option<Server>,
    dir: tempfile::TempDir,
    clock: Clock,
    http: SocketAddr,
    admin: SocketAddr,
    crm: TestApp,
    mail: TestApp,
    postbox: Option<Postbox>,
    log: Log,
    https: bool,
    people: Mutex<People>,
}

impl TestGateway {
    /// The usual one.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// One that differs.
    pub async fn with(setup: Setup) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (crm, mail) = (TestApp::start().await, TestApp::start().await);
        let http = TcpListener::bind("0.0.0.0:0").expect("a free port");
        let admin = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = http.local_addr().expect("bound").port();
        let apps = setup.apps.unwrap_or_else(|| APPS.to_owned());
        let apps = apps.replace("{crm}", &crm.address().to_string()).replace("{mail}", &mail.address().to_string());
        let postbox = if setup.mail { Some(Postbox::start().await.expect("free ports")) } else { None };
        let couriers = postbox.as_ref().map(|postbox| {
            let (smtp, page) = (postbox.smtp(), postbox.page());
            let http = |way: &str| {
                format!("{way}: {{ http: {{ url: \"http://{page}/{way}\", body: '{{\"to\":\"{{to}}\",\"text\":\"{{text}}\"}}' }} }}")
            };
            let email = format!("email: {{ smtp: \"{smtp}\", tls: none, from: \"Acme sign-in <login@acme.example>\" }}");
            format!("couriers: {{ {email}, {}, {} }}", http("sms"), http("voice"))
        });
        let couriers = couriers.unwrap_or_default();
        let sign_in = setup.sign_in.unwrap_or_else(|| "sign_in: { two_step: required }".to_owned());
        let tls = if setup.https {
            std::fs::create_dir(dir.path().join("tls")).expect("writable");
            crate::certificates::write(dir.path().join("tls/chain.pem"), dir.path().join("tls/key.pem"), HOSTS);
            format!("tls: {{ certificates: [{{ chain: tls/chain.pem, key_file: tls/key.pem }}]{} }}", setup.tls)
        } else {
            String::new()
        };
        let scheme = if setup.https { "https" } else { "http" };
        let settings = format!(
            "version: 1\norganization: Acme\nportal: {scheme}://login.localhost:{port}\nlisten: {{ {scheme}: \"0.0.0.0:{port}\", admin: \"{}\"{} }}\nstore: {{ redb: store.redb }}\npolicies: policies\n{tls}\n{couriers}\n{sign_in}\n{}\n{apps}",
            admin.local_addr().expect("bound"),
            setup.listen,
            setup.extra,
        );
        std::fs::write(dir.path().join("gateway.yaml"), settings).expect("writable");
        for (name, content) in &setup.files {
            std::fs::write(dir.path().join(name), content).expect("writable");
        }
        for name in &setup.private {
            let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(dir.path().join(name), only_ours).expect("ours");
        }
        std::fs::create_dir(dir.path().join("policies")).expect("writable");
        let policy = setup.policy.unwrap_or_else(|| POLICY.to_owned());
        std::fs::write(dir.path().join("policies/organization.yaml"), policy).expect("writable");
        let clock = if setup.real_time { Clock::system() } else { Clock::manual(MORNING) };
        let log = Log::default();
        let (http_address, admin_address) = (http.local_addr().expect("bound"), admin.local_addr().expect("bound"));
        let bound = bound(setup.https, http, admin);
        let server = start(dir.path(), clock.clone(), bound, log.clone()).await;
        Self {
            server: Some(server),
            dir,
            clock,
            http: http_address,
            admin: admin_address,
            crm,
            mail,
            postbox,
            log,
            https: setup.https,
            people: Mutex::default(),
        }
    }

    /// Adds a person in the group `sales` who has a password, and perhaps an authenticator app.
    pub async fn with_user(self, name: &str, factor: Factor) -> Self {
        self.add_user(name, factor, &[], &["sales"]).await;
        self
    }

    /// Adds an administrator with an authenticator app.
    pub async fn with_admin(self, name: &str) -> Self {
        self.add_user(name, Factor::Totp, &["admin"], &["sales"]).await;
        self
    }

    /// Adds a person with roles and groups; their password is [`PASSWORD`].
    pub async fn add_user(&self, name: &str, factor: Factor, roles: &[&str], groups: &[&str]) -> UserId {
        let vault = self.gate().vault();
        let new = NewPerson {
            name: UserName::parse(name).expect("a name"),
            full_name: format!("{} Example", name.to_uppercase()),
            email: Some(access::identity::Email::parse(&format!("{name}@acme.example")).expect("an address")),
            roles: roles.iter().map(|role| RoleName::parse(role).expect("a role")).collect(),
            groups: groups.iter().map(|group| GroupName::parse(group).expect("a group")).collect(),
        };
        let (record, _invitation) = vault.add_person(new, by_test("user.add")).await.expect("added");
        let id = record.person.id;
        let hash = Password::parse(Secret::new(PASSWORD.to_owned())).expect("a password").hash([7; 16]);
        vault.set_password(id, hash, by_test("password.set")).await.expect("set");
        let (secret, recovery) = match factor {
            Factor::None => (None, Vec::new()),
            Factor::Totp => {
                let mut bytes = [0; 20];
                getrandom::fill(&mut bytes).expect("random");
                let secret = TotpSecret::from_random(bytes);
                let recovery = vault.enrol_totp(id, &secret, by_test("totp.enrol")).await.expect("enrolled");
                (Some(secret), recovery)
            }
        };
        self.catch_up().await;
        self.people().insert(name.to_owned(), (id, secret, recovery));
        id
    }

    /// Adds a person in the group `sales` who has nothing yet, and returns the path of their invitation on the portal.
    pub async fn invite(&self, name: &str, full_name: &str) -> String {
        let new = NewPerson {
            name: UserName::parse(name).expect("a name"),
            full_name: full_name.to_owned(),
            email: None,
            roles: Vec::new(),
            groups: vec![GroupName::parse("sales").expect("a group")],
        };
        let (record, secret) = self.gate().vault().add_person(new, by_test("user.add")).await.expect("added");
        self.catch_up().await;
        self.people().insert(name.to_owned(), (record.person.id, None, Vec::new()));
        format!("/invitation/{}", secret.expose())
    }

    /// The code that the person's authenticator app shows now.
    pub fn totp(&self, name: &str) -> String {
        let people = self.people();
        let (_, secret, _) = people.get(name).expect("a person of this test");
        secret.as_ref().expect("an authenticator app").code_at(self.clock.now())
    }

    /// One of the ten recovery codes, counted from zero.
    pub fn recovery_code(&self, name: &str, which: usize) -> String {
        self.people().get(name).expect("a person of this test").2[which].grouped()
    }

    /// The person's id.
    pub fn id(&self, name: &str) -> UserId {
        self.people().get(name).expect("a person of this test").0
    }

    /// The person as stored.
    pub async fn record(&self, name: &str) -> PersonRecord {
        let login = LoginName::parse(name).expect("a name");
        self.gate().vault().person_called(&login).await.expect("the store answers").expect("there is such a person")
    }

    /// A bearer token: its text.
    pub async fn token(
        &self,
        owner: &str,
        apps: &[&str],
        scopes: &[&str],
        only_from: &[&str],
        life: Duration,
    ) -> String {
        let new = NewToken {
            owner: self.id(owner),
            name: "a script".to_owned(),
            apps: apps.iter().map(|app| access::identity::AppName::parse(app).expect("a name")).collect(),
            scopes: scopes.iter().map(|scope| access::identity::Scope::parse(scope).expect("a scope")).collect(),
            only_from: only_from.iter().map(|entry| (*entry).to_owned()).collect(),
            expires: self.clock.now() + life,
        };
        let (_, text) = self.gate().vault().add_token(new, by_test("token.add")).await.expect("made");
        self.catch_up().await;
        text.expose().clone()
    }

    /// Signs the person in as a native app does, through both steps, and returns the device's token.
    pub async fn device(&self, name: &str) -> String {
        let first = serde_json::json!({ "username": name, "password": PASSWORD, "device": "a phone" });
        let asked = self.ask("POST", "login", "/api/v1/sign-in").json(&first).send().await;
        assert_eq!(asked.status, 200, "{}", asked.text());
        let flow = asked.json()["flow"].as_str().expect("a flow").to_owned();
        let second = serde_json::json!({ "method": "totp", "code": self.totp(name) });
        let done = self.ask("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(&second).send().await;
        assert_eq!(done.status, 200, "{}", done.text());
        done.json()["token"].as_str().expect("a token").to_owned()
    }

    /// The address of a path on the portal.
    pub fn portal(&self, path: &str) -> String {
        format!("http://login.localhost:{}{path}", self.http.port())
    }

    /// The address of a path on an app: `crm` or `mail`.
    pub fn app(&self, app: &str, path: &str) -> String {
        format!("http://{app}.localhost:{}{path}", self.http.port())
    }

    /// The port that people reach.
    pub const fn port(&self) -> u16 {
        self.http.port()
    }

    /// The admin listener.
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The upstream of `crm`.
    pub const fn crm(&self) -> &TestApp {
        &self.crm
    }

    /// The upstream of `mail`.
    pub const fn mail(&self) -> &TestApp {
        &self.mail
    }

    /// Everything that is sent, where the set-up has couriers.
    pub const fn postbox(&self) -> &Postbox {
        self.postbox.as_ref().expect("a mail server in the set-up")
    }

    /// The clock; stands still unless the set-up says otherwise.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The gate inside, for what a test arranges rather than shows.
    pub fn gate(&self) -> &Arc<Gate> {
        self.running().gate()
    }

    /// The server inside.
    pub fn running(&self) -> &Server {
        self.server.as_ref().expect("running")
    }

    /// The configuration folder.
    pub fn config_dir(&self) -> &Path {
        self.dir.path()
    }

    /// A file of the configuration folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The access log, once it has so many lines.
    pub async fn logged(&self, lines: usize) -> String {
        let mut log = self.log.0.subscribe();
        let enough = log.wait_for(|text| text.iter().filter(|byte| **byte == b'\n').count() >= lines);
        let enough = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(enough, "no {lines} lines: {}", self.access_log());
        self.access_log()
    }

    /// Everything that was logged as access, a JSON line a request.
    pub fn access_log(&self) -> String {
        self.log.text()
    }

    /// Replaces the policy file, without reloading.
    pub fn write_policy(&self, text: &str) {
        std::fs::write(self.file("policies/organization.yaml"), text).expect("writable");
    }

    /// Replaces the policy file and brings it into force. Panics if it is refused.
    pub async fn set_policy(&self, text: &str) {
        self.write_policy(text);
        self.running().reloader().reload(Force::No).await.unwrap_or_else(|faults| panic!("{faults}"));
    }

    /// Makes everything that was changed through the vault known to the gate.
    pub async fn catch_up(&self) {
        let in_force = self.running().reloader().in_force();
        self.gate().catch_up(&in_force).await.expect("the store answers");
    }

    /// Stops the gateway and starts another on the same folder, store and port.
    pub async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop(Duration::from_millis(200)).await;
        }
        // The port was ours a moment ago; SO_REUSEADDR is what std sets on Unix.
        let http = TcpListener::bind(self.http).expect("the same port again");
        let admin = TcpListener::bind(self.admin).expect("the same port again");
        let bound = bound(self.https, http, admin);
        self.server = Some(start(self.dir.path(), self.clock.clone(), bound, self.log.clone()).await);
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> String {
        String::from_utf8(self.gate().metrics().text()).expect("UTF-8")
    }

    /// The value of one metric with its labels, as it stands in the text; zero if it is not there.
    pub async fn metric(&self, name_and_labels: &str) -> f64 {
        let text = self.metrics().await;
        let line =
            text.lines().find(|line| line.strip_prefix(name_and_labels).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    fn people(&self) -> std::sync::MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An audit entry by a test that arranges something.
pub fn by_test(act: &str) -> Entry {
    Entry::new(Actor::Console, act)
}

fn bound(https: bool, people: TcpListener, admin: TcpListener) -> Bound {
    let (plain, tls) = if https { (None, Some(people)) } else { (Some(people), None) };
    Bound { http: plain, https: tls, admin: Some(admin) }
}

async fn start(dir: &Path, clock: Clock, bound: Bound, log: Log) -> Server {
    let options = Options {
        config_dir: dir.to_owned(),
        clock,
        bound,
        start: Start::Alone,
        access_log: Some(Box::new(log)),
        banner: None,
    };
    match Server::start(options).await {
        Ok(server) => server,
        Err(error) => panic!("the gateway did not start: {error}"),
    }
}

/// Text that several hands write and a test reads.
#[derive(Clone, Debug, Default)]
struct Log(Arc<watch::Sender<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send_modify(|text| text.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// For what is always there at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// The hosts that a test's certificate is for.
pub const HOSTS: &[&str] = &["login.localhost", "crm.localhost", "mail.localhost"];

/// What stands under `apps:` unless a test says otherwise.
pub const APPS: &str = "apps:
  crm:
    title: CRM
    host: crm.localhost
    upstream: http://{crm}
    allow: [group sales, role admin]
    paths:
      - { path: /status, allow: public }
      - { path: /api/*, allow: [token crm.read], methods: [GET] }
  mail:
    title: Mail
    host: mail.localhost
    upstream: http://{mail}
    allow: everyone
";

/// The policy unless a test says otherwise.
pub const POLICY: &str = "networks: { office: [127.0.0.1] }
organization: { allow_from: [office] }
groups: { sales: {} }
roles: { admin: {} }
";
