//! The program itself, as a process of its own: started, asked, told to end, killed.
//!
//! A [`Program`] is a folder with a configuration on free ports and the path of the built program; [`Program::run`] types a
//! command and waits for its end, [`Program::serve`] starts a gateway and waits until it says that it is ready. What a
//! process writes is read as it comes and can be looked at afterwards. Nothing that was started outlives its value.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::Secret;
use access::identity::{GroupName, RoleName, UserId, UserName};
use access::password::Password;
use access::secret::TypedSecret;
use access::totp::TotpSecret;
use tokio::sync::watch;
use vestibule::admin::wire::{ask, socket_path};
use vestibule::admin::{self, AdminError};
use vestibule::clock::Clock;
use vestibule::demo::visitor::Visitor;
use vestibule::store::vault::{Backing, NewPerson, Vault};

use crate::app::TestApp;
use crate::gateway::{APPS, PASSWORD, POLICY, by_test};
use crate::wire::Request;

/// The program and a folder to run it on, with two apps behind it.
#[derive(Debug)]
pub struct Program {
    path: &'static str,
    dir: tempfile::TempDir,
    http: u16,
    admin: u16,
    crm: TestApp,
    mail: TestApp,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
pub struct Told {
    /// `None`: by a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Known {
    /// What they are called; their password is [`PASSWORD`].
    pub name: String,
    /// Their id.
    pub id: UserId,
    /// The key in their authenticator app.
    pub totp: TotpSecret,
    /// Their recovery codes.
    pub recovery: Vec<TypedSecret>,
}

impl Told {
    /// What was said as JSON. Panics with all of it if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code; shows what was said if it is another.
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }
}

impl Program {
    /// On a folder with the usual apps and policy.
    pub async fn new(path: &'static str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (crm, mail) = (TestApp::start().await, TestApp::start().await);
        let program = Self { path, dir, http: free_port(), admin: free_port(), crm, mail };
        std::fs::create_dir(program.file("policies")).expect("writable");
        program.write("gateway.yaml", &program.settings());
        program.write("policies/organization.yaml", POLICY);
        program
    }

    /// The text of the usual `gateway.yaml`.
    pub fn settings(&self) -> String {
        let apps =
            APPS.replace("{crm}", &self.crm.address().to_string()).replace("{mail}", &self.mail.address().to_string());
        let Self { http, admin, .. } = self;
        format!(
            "version: 1\norganization: Acme\nportal: http://login.localhost:{http}\nlisten: {{ http: \"127.0.0.1:{http}\", admin: \"127.0.0.1:{admin}\" }}\nstore: {{ redb: store.redb }}\npolicies: policies\nsign_in: {{ two_step: required }}\n{apps}"
        )
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("writable");
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The built program's file.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The port that people reach.
    pub const fn port(&self) -> u16 {
        self.http
    }

    /// The port for metrics and health.
    pub const fn admin_port(&self) -> u16 {
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

    /// The address of a path on `login`, `crm` or `mail`.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.http)
    }

    /// A request to `login`, `crm` or `mail`.
    pub fn request(&self, method: &str, host: &str, target: &str) -> Request {
        Request::new(self.http, method, host, target)
    }

    /// Somebody with a browser of their own.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(Clock::system())
    }

    /// The program with these arguments behind `--config`, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_on(self.dir.path(), arguments)
    }

    /// The same, on another folder.
    pub fn command_on(&self, dir: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path);
        command.arg("--config").arg(dir).args(arguments);
        command.env_remove("VESTIBULE_CONFIG").env_remove("VESTIBULE_LOG").env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    /// Types a command and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Told {
        told(self.command(arguments)).await
    }

    /// Types a command with `--json`; its answer. Panics unless it ends with 0.
    pub async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let told = self.run(&[&["--json"], arguments].concat()).await;
        told.ended(0).json()
    }

    /// Starts a gateway and waits until it is ready. Panics with what it said if it ends instead.
    pub async fn serve(&self) -> Serving {
        self.serve_with(&[]).await
    }

    /// Starts a gateway with further variables.
    pub async fn serve_with(&self, variables: &[(&str, &str)]) -> Serving {
        let mut command = self.command(&["serve"]);
        command.envs(variables.iter().copied());
        let serving = Serving::start(command);
        serving.said("is ready").await;
        serving
    }

    /// Starts a gateway that takes over from the one that runs, and waits until it is ready.
    pub async fn take_over(&self) -> Serving {
        let serving = Serving::start(self.command(&["serve", "--take-over"]));
        serving.said("is ready").await;
        serving
    }

    /// Asks the running gateway through its socket. Panics if nobody listens there.
    pub async fn admin(&self, command: admin::Command) -> Result<serde_json::Value, AdminError> {
        let socket = socket_path(&self.file("store.redb"));
        ask(&socket, command).await.unwrap_or_else(|error| panic!("the gateway can't be asked: {error}"))
    }

    /// The store, opened in this process while no gateway runs on it.
    pub async fn vault(&self) -> Vault {
        let backing = Backing::Redb { file: self.file("store.redb"), key_file: self.file("store.redb.key") };
        Vault::open(&backing, Clock::system()).await.expect("nobody else has it open")
    }

    /// Puts people into the store who have a password, an authenticator app and recovery codes. No gateway may run.
    pub async fn with_people(&self, names: &[&str]) -> Vec<Known> {
        let vault = self.vault().await;
        let password = Password::parse(Secret::new(PASSWORD.to_owned())).expect("a password");
        // One hash for all: making it is what takes long.
        let hash = password.hash([7; 16]);
        let mut people = Vec::new();
        for name in names {
            let new = NewPerson {
                name: UserName::parse(name).expect("a name"),
                full_name: format!("{} Example", name.to_uppercase()),
                email: None,
                roles: if *name == "ada" { vec![RoleName::parse("admin").expect("a role")] } else { Vec::new() },
                groups: vec![GroupName::parse("sales").expect("a group")],
            };
            let (record, _invitation) = vault.add_person(new, by_test("user.add")).await.expect("added");
            let id = record.person.id;
            vault.set_password(id, hash.clone(), by_test("password.set")).await.expect("set");
            let mut bytes = [0; 20];
            getrandom::fill(&mut bytes).expect("random");
            let totp = TotpSecret::from_random(bytes);
            let recovery = vault.enrol_totp(id, &totp, by_test("totp.enrol")).await.expect("enrolled");
            people.push(Known { name: (*name).to_owned(), id, totp, recovery });
        }
        people
    }
}

/// A gateway in a process of its own. Dropping it kills it.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    out: Heard,
    err: Heard,
}

impl Serving {
    /// Starts a command whose output is listened to.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program was built");
        let out = Heard::from(child.stdout.take().expect("it was asked for as a pipe"));
        let err = Heard::from(child.stderr.take().expect("it was asked for as a pipe"));
        Self { child, out, err }
    }

    /// Waits until it says these words in its log. Panics with the log if it ends before, or takes too long.
    pub async fn said(&self, words: &str) {
        self.err.wait_for(words).await;
    }

    /// Waits until a line of the access log has these words.
    pub async fn logged(&self, words: &str) {
        self.out.wait_for(words).await;
    }

    /// Waits until there are so many more lines in its log than now.
    pub async fn more_lines(&self, more: usize) {
        let enough = self.err.text().lines().count() + more;
        self.err.wait_until(&format!("no {more} more lines were said"), |text| text.lines().count() >= enough).await;
    }

    /// The access log so far.
    pub fn access_log(&self) -> String {
        self.out.text()
    }

    /// What it said of itself so far.
    pub fn log(&self) -> String {
        self.err.text()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `TERM`: end, after the requests under way.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// `HUP`: read the files again.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    /// `KILL`: gone, in the middle of whatever it was doing.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Is it still there?
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_none()
    }

    /// Waits for its end and hears everything it said. Panics if it takes too long.
    pub async fn ended(mut self) -> Told {
        let status = self.wait().await;
        self.out.wait_for_end().await;
        self.err.wait_for_end().await;
        Told { code: status.code(), out: self.out.text(), err: self.err.text() }
    }

    async fn wait(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it is ours") {
                    return status;
                }
                // Its pipes end with it; a process that gave them away is looked at again.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        ended.unwrap_or_else(|_| panic!("it did not end:\n{}", self.err.text()))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("every system has kill").success(), "no process of that number");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes out of a pipe, as it comes.
#[derive(Clone, Debug)]
struct Heard {
    text: Arc<Mutex<String>>,
    /// How much, and whether that is all.
    heard: watch::Receiver<(usize, bool)>,
}

impl Heard {
    fn from(pipe: impl Read + Send + 'static) -> Self {
        let (tell, heard) = watch::channel((0, false));
        let text = Arc::new(Mutex::new(String::new()));
        let so_far = Arc::clone(&text);
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let mut text = so_far.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&String::from_utf8_lossy(&line));
                line.clear();
                let length = text.len();
                drop(text);
                tell.send_replace((length, false));
            }
            tell.send_modify(|(_, over)| *over = true);
        });
        Self { text, heard }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn wait_for(&self, words: &str) {
        self.wait_until(&format!("\"{words}\" was never said"), |text| text.contains(words)).await;
    }

    /// Waits until its text is as it should be; `otherwise` is what went wrong.
    async fn wait_until(&self, otherwise: &str, is_so: impl Fn(&str) -> bool) {
        let mut heard = self.heard.clone();
        let found = async {
            loop {
                let (_, over) = *heard.borrow_and_update();
                if is_so(&self.text()) {
                    return true;
                }
                if over || heard.changed().await.is_err() {
                    return is_so(&self.text());
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert_eq!(found, Ok(true), "{otherwise}:\n{}", self.text());
    }

    async fn wait_for_end(&self) {
        let mut heard = self.heard.clone();
        let over = tokio::time::timeout(PATIENCE, heard.wait_for(|(_, over)| *over)).await;
        assert!(over.is_ok(), "its pipe stayed open");
    }
}

/// Runs a command to its end.
pub async fn told(command: Command) -> Told {
    let ran = tokio::task::spawn_blocking(move || {
        let mut command = command;
        command.output().expect("the program was built")
    });
    let output = ran.await.expect("no panic");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// A free port of 127.0.0.1, for a process that binds it itself. It lies below those that the system hands out, so that
/// nobody who asks for any port is given this one between our look and the program's.
pub fn free_port() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let lowest = range.split_whitespace().next().and_then(|lowest| lowest.parse().ok()).unwrap_or(32_768_u16);
    for _ in 0..100 {
        let mut bytes = [0; 2];
        getrandom::fill(&mut bytes).expect("random");
        let port = 10_000 + u16::from_be_bytes(bytes) % lowest.saturating_sub(10_000).max(1);
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 10000 and {lowest}");
}

/// For whatever a process does. Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(30);
