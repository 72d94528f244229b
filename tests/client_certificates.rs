//! Apps that open only to clients who show a certificate, and everything else, where nobody is asked for one.

use std::process::{Command, Stdio};

use harness::certificates::Authority;
use harness::gateway::{Setup, TestGateway};
use harness::openssl::OpenSsl;
use harness::wire::CAFE;
use vestibule::server::Reloaded;
use vestibule::store::vault::Force;

use crate::tls::curl_at;

#[tokio::test(flavor = "multi_thread")]
async fn an_app_opens_only_to_who_shows_a_certificate() {
    let scene = Scene::start().await;
    for version in [["--tls-max", "1.2", "--http1.1"], ["--tls-max", "1.2", "--http2"], ["--tls-max", "1.3", "--http2"]]
    {
        let answer = scene.curl("crm", "/status", &[&version[..], &["--cert", &scene.file("ana.pem")]].concat());
        assert!(answer.lines().next().is_some_and(|status| status.contains(" 200")), "{version:?}: {answer}");
        let answer = scene.curl("crm", "/status", &version);
        assert!(answer.lines().next().is_some_and(|status| status.contains(" 403")), "{version:?}: {answer}");
        assert!(answer.contains("\"code\":\"client_certificate_required\""), "{answer}");
    }
    assert_eq!(scene.gateway.crm().seen().len(), 3);
    let page = scene.curl("crm", "/status", &["--header", "Accept: text/html"]);
    assert!(page.contains("A certificate is missing") && page.contains("CRM"), "{page}");
    // A certificate opens nothing by itself.
    let certificate = ["--cert", &*scene.file("ana.pem")];
    assert!(scene.curl("crm", "/", &certificate).contains("\"code\":\"sign_in_required\""));
    // The address comes first.
    let outside = [&certificate[..], &["--interface", CAFE]].concat();
    assert!(scene.curl("crm", "/status", &outside).contains("\"code\":\"address_not_allowed\""));
    assert!(scene.curl("crm", "/status", &["--interface", CAFE]).contains("\"code\":\"address_not_allowed\""));
    let refused = scene
        .gateway
        .metric("vestibule_decisions_total{app=\"crm\",decision=\"refuse\",reason=\"client_certificate_required\"}");
    assert_eq!(refused.await, 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_hosts_that_demand_a_certificate_ask_for_one() {
    let scene = Scene::start().await;
    for (host, asks) in [("crm", true), ("mail", false), ("login", false)] {
        for version in ["-tls1_2", "-tls1_3"] {
            let told = scene.handshake(host, version);
            assert_eq!(told.contains("CN = Our clients"), asks, "{host} {version}: {told}");
            assert_eq!(told.contains("No client certificate CA names sent"), !asks, "{host} {version}: {told}");
        }
    }
    // Whoever shows one there all the same is served as everybody else.
    assert!(scene.curl("mail", "/status", &["--cert", &scene.file("ana.pem")]).contains(" 200"));
    assert!(scene.curl("mail", "/status", &[]).contains(" 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_by_somebody_else_or_past_its_end_gets_no_handshake() {
    let scene = Scene::start().await;
    Authority::new("Our clients", scene.gateway.file("other-ca.pem")).sign("eve", 2100, scene.gateway.file("eve.pem"));
    scene.authority.sign("old", 2021, scene.gateway.file("old.pem"));
    for certificate in ["eve.pem", "old.pem"] {
        for version in ["1.2", "1.3"] {
            let answer = scene.curl("crm", "/status", &["--tls-max", version, "--cert", &scene.file(certificate)]);
            assert_eq!(answer, "", "{certificate} {version}");
        }
    }
    assert_eq!(scene.gateway.crm().connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_comes_into_force_without_a_restart_also_for_open_connections() {
    let scene = Scene::start().await;
    let host = "crm.localhost";
    let mut open = OpenSsl::connect(
        scene.gateway.port(),
        host,
        &["-cert", &scene.file("ana.pem"), "-key", &scene.file("ana.pem")],
    );
    let mut other = OpenSsl::connect(scene.gateway.port(), "mail.localhost", &[]);
    assert_eq!(open.get(host, "/status").expect("an answer").0, 200);
    assert_eq!(other.get("mail.localhost", "/status").expect("an answer").0, 200);

    let new = Authority::new("Our clients", scene.gateway.file("tls/clients.pem"));
    new.sign("ana", 2100, scene.gateway.file("new.pem"));
    scene.reload().await;
    // On a connection of its own it would be asked again. Cut, if its first request was still being put away.
    assert!(open.get(host, "/status").is_none_or(|(status, _)| status == 421));
    assert_eq!(other.get("mail.localhost", "/status").expect("an answer").0, 200, "it was asked for nothing");
    assert_eq!(scene.curl("crm", "/status", &["--cert", &scene.file("ana.pem")]), "");
    assert!(scene.curl("crm", "/status", &["--cert", &scene.file("new.pem")]).contains(" 200"));

    // What is no certificate leaves the old one in force.
    std::fs::write(scene.gateway.file("tls/clients.pem"), "nothing").expect("writable");
    let faults = scene.gateway.running().reloader().reload(Force::No).await.expect_err("refused");
    assert!(faults.0.iter().any(|fault| fault.code == "bad_certificate"), "{faults}");
    assert!(scene.curl("crm", "/status", &["--cert", &scene.file("new.pem")]).contains(" 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_ends_what_the_old_one_opened_and_nothing_else() {
    let scene = Scene::start().await;
    let ana = scene.file("ana.pem");
    let mut hers = OpenSsl::connect(scene.gateway.port(), "crm.localhost", &["-cert", &ana, "-key", &ana]);
    let mut anybodys = OpenSsl::connect(scene.gateway.port(), "mail.localhost", &[]);
    assert_eq!(hers.begin("crm.localhost", "/stream"), Some(200));
    assert_eq!(anybodys.begin("mail.localhost", "/stream"), Some(200));
    assert_eq!(scene.reload().await.cut, 0, "the same authority");

    Authority::new("Our clients", scene.gateway.file("tls/clients.pem"));
    assert_eq!(scene.reload().await.cut, 1);
    hers.rest();
    let mut on_its_own = OpenSsl::connect(scene.gateway.port(), "mail.localhost", &[]);
    assert_eq!(on_its_own.get("mail.localhost", "/status").expect("an answer").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_never_asked_opens_no_app_that_demands_one_since() {
    let scene = Scene::start().await;
    let host = "mail.localhost";
    let session = scene.file("session.pem");
    let mut open = OpenSsl::connect(scene.gateway.port(), host, &["-tls1_2", "-sess_out", &session]);
    assert_eq!(open.get(host, "/status").expect("an answer").0, 200);
    let written = std::fs::read_to_string(scene.gateway.file("gateway.yaml")).expect("readable");
    let demanding = written.replace("title: Mail", "title: Mail\n    client_certificate: required");
    std::fs::write(scene.gateway.file("gateway.yaml"), demanding).expect("writable");
    scene.reload().await;
    // Cut, if its first request was still being put away when everyone inside was asked again; else sent elsewhere.
    assert!(open.get(host, "/status").is_none_or(|(status, _)| status == 421));
    // Nor does a session that is resumed: there is a full handshake, and the question.
    let mut resumed = OpenSsl::connect(scene.gateway.port(), host, &["-tls1_2", "-sess_in", &session]);
    assert_eq!(resumed.get(host, "/status").expect("an answer").0, 403);
    assert!(scene.curl("mail", "/status", &["--cert", &scene.file("ana.pem")]).contains(" 200"));
}

/// A gateway whose CRM demands a certificate, and `ana.pem`, which is a good one.
struct Scene {
    gateway: TestGateway,
    authority: Authority,
}

impl Scene {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new("Our clients", dir.path().join("clients.pem"));
        let ca = std::fs::read_to_string(dir.path().join("clients.pem")).expect("written");
        let apps = "apps:
  crm:
    title: CRM
    host: crm.localhost
    upstream: http://{crm}
    client_certificate: required
    allow: everyone
    paths: [{ path: /status, allow: public }, { path: /stream, allow: public }]
  mail:
    title: Mail
    host: mail.localhost
    upstream: http://{mail}
    allow: public
";
        let setup = Setup {
            https: true,
            tls: ", client_ca: tls/clients.pem".to_owned(),
            files: vec![("tls/clients.pem".to_owned(), ca)],
            apps: Some(apps.to_owned()),
            ..Setup::default()
        };
        let gateway = TestGateway::with(setup).await;
        authority.sign("ana", 2100, gateway.file("ana.pem"));
        Self { gateway, authority }
    }

    fn file(&self, name: &str) -> String {
        self.gateway.file(name).to_string_lossy().into_owned()
    }

    fn curl(&self, host: &str, path: &str, more: &[&str]) -> String {
        curl_at(self.gateway.port(), host, path, &self.gateway.file("tls/chain.pem"), more)
    }

    async fn reload(&self) -> Reloaded {
        let reloaded = self.gateway.running().reloader().reload(Force::No).await;
        reloaded.unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// What openssl tells of a handshake.
    fn handshake(&self, host: &str, version: &str) -> String {
        let told = Command::new("openssl")
            .args(["s_client", version, "-connect", &format!("127.0.0.1:{}", self.gateway.port())])
            .args(["-servername", &format!("{host}.localhost")])
            .stdin(Stdio::null())
            .output()
            .expect("openssl is there");
        String::from_utf8_lossy(&told.stdout).into_owned()
    }
}
