//! How a mail reaches its server, and what happens when it does not. (A32; RFC 3207, RFC 4954, RFC 8314)
//!
//! The other side is aiosmtpd, which speaks STARTTLS, TLS from the first byte and AUTH, and does what a test tells it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::gateway::{Factor, Setup, TestGateway};
use harness::program::free_port;
use vestibule::demo::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_over_starttls_or_tls_with_name_and_password() {
    for tls in ["starttls", "implicit"] {
        let server = MailServer::start(tls, "").await;
        let gateway = gateway(&server, tls, "user: login, password_file: smtp-password, ca_file: ca.pem").await;
        ask(&gateway).await;
        let seen = server.next("mail");
        assert_eq!(seen, "mail tls=True user=login from=login@acme.example to=ana@acme.example", "{tls}");
        sent(&gateway, "sent", 1.0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_is_said_to_a_server_without_tls_or_with_a_certificate_of_somebody_else() {
    // It offers no STARTTLS at all.
    let server = MailServer::start("none", "").await;
    let gateway = gateway(&server, "starttls", "user: login, password_file: smtp-password").await;
    ask(&gateway).await;
    sent(&gateway, "failed", 1.0).await;
    assert!(!server.saw("mail") && !server.saw("auth"), "nothing was said: {:?}", server.seen());

    // Its certificate is not of a CA that we know.
    let server = MailServer::start("starttls", "").await;
    let gateway = self::gateway(&server, "starttls", "user: login, password_file: smtp-password").await;
    ask(&gateway).await;
    sent(&gateway, "failed", 1.0).await;
    assert!(!server.saw("mail") && !server.saw("auth"), "nothing was said: {:?}", server.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_asked_again_and_one_that_says_no_is_not() {
    let server = MailServer::start("none", "451 4.3.0 not now,550 5.1.1 nobody here").await;
    let gateway = gateway(&server, "none", "").await;
    ask(&gateway).await;
    sent(&gateway, "failed", 1.0).await;
    gateway.clock().advance(Duration::from_secs(6));
    sent(&gateway, "refused", 1.0).await;
    assert!(
        gateway.gate().vault().errands(vestibule::store::vault::By::Mail, 10).await.expect("readable").is_empty(),
        "it is given up"
    );
    ask(&gateway).await;
    sent(&gateway, "sent", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_is_sent_after_a_restart_and_not_when_its_link_is_too_old() {
    let server = MailServer::start("none", "451 4.3.0 not now,451 4.3.0 not now").await;
    let mut gateway = gateway(&server, "none", "").await;
    ask(&gateway).await;
    sent(&gateway, "failed", 1.0).await;
    gateway.restart().await;
    gateway.clock().advance(Duration::from_secs(6));
    sent(&gateway, "failed", 1.0).await;
    gateway.clock().advance(Duration::from_secs(21));
    sent(&gateway, "sent", 1.0).await;
    assert!(server.saw("mail"));

    let server = MailServer::start("none", "451 4.3.0 not now").await;
    let gateway = self::gateway(&server, "none", "").await;
    ask(&gateway).await;
    sent(&gateway, "failed", 1.0).await;
    gateway.clock().advance(Duration::from_secs(31 * 60));
    ask(&gateway).await;
    sent(&gateway, "sent", 1.0).await;
    assert_eq!(
        server.seen().iter().filter(|line| line.starts_with("mail")).count(),
        1,
        "the first is not sent any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_no_reason_to_give_a_mail_up() {
    let server = MailServer::start("starttls", "").await;
    let gateway = gateway(&server, "starttls", "user: login, password_file: smtp-password, ca_file: ca.pem").await;
    std::fs::write(gateway.file("smtp-password"), "an old one\n").expect("writable");
    ask(&gateway).await;
    sent(&gateway, "failed", 1.0).await;
    // The new one is read without a reload.
    std::fs::write(gateway.file("smtp-password"), format!("{SECRET}\n")).expect("writable");
    gateway.clock().advance(Duration::from_secs(6));
    sent(&gateway, "sent", 1.0).await;
}

async fn gateway(server: &MailServer, tls: &str, more: &str) -> TestGateway {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let extra = format!(
        "couriers: {{ email: {{ smtp: \"localhost:{}\", tls: {tls}, from: login@acme.example{more} }} }}",
        server.port
    );
    let files = vec![("smtp-password".to_owned(), format!("{SECRET}\n")), ("ca.pem".to_owned(), server.ca())];
    let gateway =
        TestGateway::with(Setup { extra, files, private: vec!["smtp-password".to_owned()], ..Setup::default() }).await;
    gateway.with_user("ana", Factor::Totp).await
}

async fn ask(gateway: &TestGateway) {
    let mut visitor = Visitor::new(gateway.clock().clone());
    visitor.get(&gateway.portal("/forgot")).await.expect("a page");
    let page = visitor.submit(&[("email", "ana@acme.example")]).await.expect("a page");
    assert_eq!(page.heading().as_deref(), Some("Look into your mail"));
}

/// Until so many messages came to this end.
async fn sent(gateway: &TestGateway, result: &str, count: f64) {
    let name = format!("vestibule_messages_total{{channel=\"email\",result=\"{result}\"}}");
    for _ in 0..1_000 {
        if gateway.metric(&name).await >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no message was {result}:\n{}", gateway.metrics().await);
}

/// aiosmtpd with a certificate of its own.
struct MailServer {
    process: Child,
    port: u16,
    dir: tempfile::TempDir,
    seen: std::sync::mpsc::Receiver<String>,
    all: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl MailServer {
    /// `answers` are what it says to the first messages, by commas.
    async fn start(tls: &str, answers: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        harness::certificates::write(dir.path().join("chain.pem"), dir.path().join("key.pem"), &["localhost"]);
        let port = free_port();
        let mut process = Command::new("/usr/bin/python3")
            .args(["-u", "-c", SERVER, &port.to_string(), tls, answers, SECRET])
            .arg(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = lines.next().and_then(Result::ok);
        if first.as_deref() != Some("ready") {
            let _ = process.kill();
            let told = process.wait_with_output().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
            panic!("aiosmtpd does not start; install it: sh deploy/setup.sh --tests\n{}", told.unwrap_or_default());
        }
        let (tell, seen) = std::sync::mpsc::channel();
        let all = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
        let keep = std::sync::Arc::clone(&all);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keep.lock().expect("nothing panicked").push(line.clone());
                let _ = tell.send(line);
            }
        });
        Self { process, port, dir, seen, all }
    }

    fn ca(&self) -> String {
        std::fs::read_to_string(Path::new(self.dir.path()).join("chain.pem")).expect("readable")
    }

    /// The next thing of this kind that it saw.
    fn next(&self, kind: &str) -> String {
        loop {
            let line = self.seen.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("no {kind} came"));
            if line.starts_with(kind) {
                return line;
            }
        }
    }

    fn seen(&self) -> Vec<String> {
        self.all.lock().expect("nothing panicked").clone()
    }

    fn saw(&self, kind: &str) -> bool {
        self.seen().iter().any(|line| line.starts_with(kind))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const SECRET: &str = "the mail server's own";

const SERVER: &str = r#"
import ssl, sys, time, warnings
warnings.simplefilter("ignore")
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP
port, tls, answers, secret, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5]
answers = [answer for answer in answers.split(",") if answer]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/chain.pem", folder + "/key.pem")
def check(server, session, envelope, mechanism, data):
    right = data.login == b"login" and data.password == secret.encode()
    print("auth", mechanism, right)
    return AuthResult(success=right, auth_data=data)
class Handler:
    async def handle_DATA(self, server, session, envelope):
        if answers:
            answer = answers.pop(0)
            print("no", answer)
            return answer
        name = session.auth_data.login.decode() if session.auth_data else None
        print(f"mail tls={session.ssl is not None or tls == 'implicit'} user={name} from={envelope.mail_from} to={','.join(envelope.rcpt_tos)}")
        return "250 2.0.0 OK"
class Server(Controller):
    def factory(self):
        starttls = tls == "starttls"
        needs = tls != "none"
        return SMTP(Handler(), hostname="localhost", tls_context=context if starttls else None, require_starttls=starttls,
                    authenticator=check if needs else None, auth_required=needs, auth_require_tls=starttls)
Server(Handler(), hostname="127.0.0.1", port=port, ssl_context=context if tls == "implicit" else None).start()
print("ready")
while True:
    time.sleep(60)
"#;
