//! A real calendar with a real server behind the gateway: vdirsyncer, Radicale, and an app password between them (A1, O2).

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use access::Timestamp;
use access::protocol::{Protocol, Protocols};
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway, by_test};
use harness::servers::Server;
use vestibule::demo::visitor::{Form, Visitor};
use vestibule::store::vault::NewAppPassword;

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_kept_in_step_through_the_gateway_until_its_app_password_is_revoked() {
    let kept = tempfile::tempdir().expect("a temporary folder");
    let server = Server::radicale(kept.path());
    let gateway = TestGateway::with(Setup { apps: Some(apps(server.port())), ..Setup::default() }).await;
    let gateway = gateway.with_user("ana", Factor::Totp).await.with_user("bo", Factor::Totp).await;
    let vault = gateway.gate().vault();
    let new = NewAppPassword {
        owner: gateway.id("ana"),
        name: "vdirsyncer".to_owned(),
        protocols: Protocols::NONE.with(Protocol::Web),
        only_from: Vec::new(),
        expires: Timestamp::NEVER,
    };
    let made = vault.add_app_password(new, by_test("app_password.add")).await.expect("made");
    gateway.catch_up().await;
    let (record, letters) = made.expect("there is room");
    let letters = letters.grouped();

    // Her telephone makes the calendar and puts an appointment into it; her computer finds it there.
    let telephone = Calendar::of(&gateway, "ana", &letters);
    telephone.write("lunch.ics", &appointment("lunch", "Lunch with Bo"));
    telephone.run("discover", "y\n").await.expect("discovered");
    telephone.run("sync", "").await.expect("in step");
    let computer = Calendar::of(&gateway, "ana@acme.example", &letters.replace('-', "").to_lowercase());
    computer.run("discover", "y\n").await.expect("discovered");
    computer.run("sync", "").await.expect("in step");
    assert!(computer.holds("Lunch with Bo"), "it came over");
    assert!(kept.path().join("collection-root/ana/home").is_dir(), "Radicale knows whose it is");
    // And back again, changed.
    computer.change("Lunch with Bo", "Lunch with Cai");
    computer.run("sync", "").await.expect("in step");
    telephone.run("sync", "").await.expect("in step");
    assert!(telephone.holds("Lunch with Cai"), "it came back");

    // Neither somebody else's name nor her own password does.
    for (name, password) in [("bo", letters.as_str()), ("ana", PASSWORD)] {
        let said = Calendar::of(&gateway, name, password).run("discover", "y\n").await.expect_err("nobody gets in");
        assert!(said.contains("401"), "{said}");
    }
    gateway.gate().tell_uses().await;
    let used = vault.app_passwords(Some(gateway.id("ana"))).await.expect("the store answers")[0].last_used.clone();
    assert!(used.is_some_and(|last| last.client.starts_with("vdirsyncer/")), "by which client");

    // Revoked: at once, for both, and what they hold stays theirs.
    let key = (record.owner, record.digest);
    assert!(vault.revoke_app_password(key, by_test("app_password.revoke")).await.expect("the store answers"));
    gateway.catch_up().await;
    for calendar in [&telephone, &computer] {
        let said = calendar.run("sync", "").await.expect_err("revoked");
        assert!(said.contains("401"), "{said}");
        assert!(calendar.holds("Lunch with Cai"), "its own copy is not lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_sets_a_telephone_up_without_typing() {
    let kept = tempfile::tempdir().expect("a temporary folder");
    let server = Server::radicale(kept.path());
    let apps = apps(server.port()).replace("app_passwords }", "app_passwords, syncs: [caldav, carddav, activesync] }");
    let gateway = TestGateway::with(Setup { apps: Some(apps), ..Setup::default() }).await;
    let gateway = gateway.with_user("ana", Factor::Totp).await;
    let mut ana = Visitor::new(gateway.clock().clone());
    ana.get(&gateway.portal("/sign-in")).await.expect("a page");
    ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("a page");
    ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("a page");
    ana.get(&gateway.portal("/account/app-passwords/new")).await.expect("a page");
    ana.submit(&[("name", "Telephone"), ("life", "never")]).await.expect("a page");
    let page = ana.submit(&[("app_password", "")]).await;
    assert!(page.is_ok_and(|page| page.status.is_client_error()), "what is no app password is none");

    ana.get(&gateway.portal("/account/app-passwords/new")).await.expect("a page");
    let page = ana.submit(&[("name", "Telephone"), ("life", "never")]).await.expect("a page");
    let form = Form::all(&page.text()).into_iter().find(|form| form.has("app_password")).expect("the profile's form");
    let letters = form.filled(&[]).find(|(name, _)| *name == "app_password").expect("filled in").1.to_owned();
    let page = ana.submit(&[("app_password", &letters)]).await.expect("a file");
    assert_eq!(page.header("content-type"), Some("application/x-apple-aspen-config"));
    assert_eq!(page.header("content-disposition"), Some("attachment; filename=\"vestibule.mobileconfig\""));
    assert_eq!(page.header("cache-control"), Some("no-store"));

    // Read by somebody who knows such files, and used as it says.
    let profile = read_plist(&page.body);
    let accounts = profile["PayloadContent"].as_array().expect("accounts");
    let kinds: Vec<_> = accounts.iter().map(|account| account["PayloadType"].as_str().expect("a kind")).collect();
    // Exchange accounts know no port: there is none at this one.
    assert_eq!(kinds, ["com.apple.caldav.account", "com.apple.carddav.account"]);
    let ids: BTreeSet<_> = accounts.iter().map(|account| account["PayloadUUID"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    let calendar = &accounts[0];
    assert_eq!(calendar["CalDAVHostName"], "localhost");
    assert_eq!((&calendar["CalDAVPort"], &calendar["CalDAVUseSSL"]), (&gateway.port().into(), &false.into()));
    let text = |key: &str| calendar[key].as_str().expect("a text").to_owned();
    let telephone = Calendar::of(&gateway, &text("CalDAVUsername"), &text("CalDAVPassword"));
    telephone.write("lunch.ics", &appointment("lunch", "Lunch with Bo"));
    telephone.run("discover", "y\n").await.expect("discovered");
    telephone.run("sync", "").await.expect("in step");
}

/// By Python's own reader of property lists.
fn read_plist(bytes: &[u8]) -> serde_json::Value {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::io::Write::write_all(&mut file, bytes).expect("writable");
    let script = "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let read = Command::new("python3").args(["-c", script]).arg(file.path()).output().expect("python3");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).expect("JSON")
}

/// A calendar of somebody's on a folder of its own, kept in step by vdirsyncer.
pub(super) struct Calendar(tempfile::TempDir);

impl Calendar {
    pub(super) fn of(gateway: &TestGateway, name: &str, password: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(dir.path().join("local/home")).expect("writable");
        let at = dir.path().display();
        let config = format!(
            "[general]\nstatus_path = \"{at}/status/\"\n
[pair calendars]\na = \"local\"\nb = \"remote\"\ncollections = [\"home\"]\n
[storage local]\ntype = \"filesystem\"\npath = \"{at}/local/\"\nfileext = \".ics\"\n
[storage remote]\ntype = \"caldav\"\nurl = \"http://localhost:{}/\"\nusername = \"{name}\"\npassword = \"{password}\"\n",
            gateway.port()
        );
        std::fs::write(dir.path().join("config"), config).expect("writable");
        Self(dir)
    }

    /// Runs vdirsyncer, which may ask something. Errors: what it said.
    pub(super) async fn run(&self, verb: &str, typed: &'static str) -> Result<(), String> {
        let mut command = Command::new("/usr/bin/vdirsyncer");
        command.arg("--config").arg(self.0.path().join("config")).args(["--verbosity", "INFO", verb]);
        command.env("HOME", self.0.path()).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = move || {
            let mut child = command.spawn().expect("vdirsyncer: run sh deploy/setup.sh --tests");
            let mut input = child.stdin.take().expect("it was asked for as a pipe");
            // It may have ended without asking.
            let _ = std::io::Write::write_all(&mut input, typed.as_bytes());
            drop(input);
            child.wait_with_output().expect("a child of ours")
        };
        let output = tokio::task::spawn_blocking(running).await.expect("it did not panic");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home().join(name), text).expect("writable");
    }

    pub(super) fn holds(&self, words: &str) -> bool {
        self.appointments().iter().any(|file| std::fs::read_to_string(file).expect("readable").contains(words))
    }

    fn change(&self, from: &str, to: &str) {
        for file in self.appointments() {
            let text = std::fs::read_to_string(&file).expect("readable");
            std::fs::write(file, text.replace(from, to)).expect("writable");
        }
    }

    fn appointments(&self) -> Vec<std::path::PathBuf> {
        let files = std::fs::read_dir(self.home()).expect("readable");
        let files = files.map(|file| file.expect("readable").path());
        files.filter(|file| file.extension().is_some_and(|ending| ending == "ics")).collect()
    }

    fn home(&self) -> std::path::PathBuf {
        Path::new(self.0.path()).join("local/home")
    }
}

pub(super) fn appointment(id: &str, words: &str) -> String {
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Acme//EN",
        "BEGIN:VEVENT",
        &format!("UID:{id}@acme.example"),
        "DTSTAMP:20261123T080000Z",
        "DTSTART:20261124T120000Z",
        "DTEND:20261124T130000Z",
        &format!("SUMMARY:{words}"),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    .join("\r\n")
}

/// The calendar's host is one that every program finds.
pub(super) fn apps(server: u16) -> String {
    format!(
        "apps:\n  calendar: {{ host: localhost, upstream: \"http://127.0.0.1:{server}\", allow: everyone, basic: app_passwords }}\n"
    )
}
