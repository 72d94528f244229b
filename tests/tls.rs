//! TLS in front: certificates by name, verified by another program, replaced without a restart (O7, ASVS 12.1).

use std::path::Path;
use std::process::Command;

use harness::certificates;
use harness::gateway::{HOSTS, Setup, TestGateway};
use harness::openssl::OpenSsl;
use vestibule::store::vault::Force;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_verifies_reaches_an_app_and_cookies_are_for_https() {
    let gateway = secure().await;
    for (version, expected) in [("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200")] {
        let answer = curl(&gateway, "crm", "/status", &gateway.file("tls/chain.pem"), &[version]);
        assert!(answer.contains(expected), "{answer}");
    }
    let page = curl(&gateway, "login", "/sign-in", &gateway.file("tls/chain.pem"), &[]);
    assert!(page.contains("strict-transport-security: max-age=31536000"), "{page}");
    assert_eq!(gateway.crm().last().header("x-forwarded-proto"), Some("https"));
}

#[tokio::test(flavor = "multi_thread")]
async fn old_protocols_and_unknown_names_get_no_handshake() {
    let gateway = secure().await;
    let chain = gateway.file("tls/chain.pem");
    assert!(curl(&gateway, "crm", "/status", &chain, &["--tls-max", "1.1"]).is_empty());
    assert!(curl(&gateway, "unknown", "/", &chain, &["-k"]).is_empty());
    assert!(curl(&gateway, "crm", "/status", &chain, &["--tls-max", "1.2"]).contains("200"));
    assert!(curl(&gateway, "crm", "/status", &chain, &["--tlsv1.3"]).contains("200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_comes_into_force_and_a_bad_one_leaves_the_old() {
    let gateway = secure().await;
    let (chain, key) = (gateway.file("tls/chain.pem"), gateway.file("tls/key.pem"));
    let old = gateway.file("old.pem");
    std::fs::copy(&chain, &old).expect("copied");
    let reload = async || gateway.running().reloader().reload(Force::No).await;

    std::fs::write(&chain, "not a certificate").expect("writable");
    let faults = reload().await.expect_err("refused");
    assert!(faults.0.iter().any(|fault| fault.code == "bad_certificate"), "{faults}");
    certificates::write(&chain, &key, &["login.localhost", "crm.localhost"]);
    let faults = reload().await.expect_err("refused: mail has none");
    assert!(faults.0.iter().any(|fault| fault.code == "no_certificate_for_host"), "{faults}");
    assert!(curl(&gateway, "crm", "/status", &old, &[]).contains("200"), "the old one is in force");

    // A connection that is open stays, with what it was opened with.
    let mut open = OpenSsl::connect(gateway.port(), "crm.localhost", &[]);
    assert_eq!(open.get("crm.localhost", "/status").expect("an answer").0, 200);
    certificates::write(&chain, &key, HOSTS);
    reload().await.expect("accepted");
    assert_eq!(open.get("crm.localhost", "/status").expect("an answer").0, 200);
    assert!(curl(&gateway, "crm", "/status", &old, &[]).is_empty());
    assert!(curl(&gateway, "crm", "/status", &chain, &[]).contains("200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_only_the_host_that_its_handshake_named() {
    let gateway = secure().await;
    let chain = gateway.file("tls/chain.pem");
    // One certificate for all three names: browsers would share an HTTP/2 connection among them (A09).
    for version in ["--http1.1", "--http2"] {
        for (host, expected) in [
            ("crm.localhost", " 200"),
            ("CRM.localhost.", " 200"),
            ("mail.localhost", " 421"),
            ("login.localhost", " 421"),
            ("unknown.localhost", " 421"),
        ] {
            let answer = curl(&gateway, "crm", "/status", &chain, &[version, "--header", &format!("Host: {host}")]);
            let status = answer.lines().next().unwrap_or_default();
            assert!(status.contains(expected), "{version} {host}: {answer}");
            if expected == " 421" {
                assert!(answer.contains("\"code\":\"misdirected\""), "{answer}");
            }
        }
    }
    assert_eq!(gateway.mail().connections(), 0);
    assert_eq!(gateway.crm().seen().len(), 4);
    // From outside the perimeter not even that is said.
    let outside = ["--interface", "127.0.0.66", "--header", "Host: mail.localhost"];
    assert!(curl(&gateway, "crm", "/status", &chain, &outside).contains("Access denied from this IP address"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_finds_tls_1_2_and_1_3_with_forward_secrecy_and_nothing_else() {
    let gateway = secure().await;
    let target = format!("127.0.0.1:{}", gateway.port());
    let output = Command::new("sslscan")
        .args(["--xml=-", "--no-groups", "--sni-name=crm.localhost", &target])
        .output()
        .expect("sslscan is there: sh deploy/setup.sh --tests installs it");
    let report = String::from_utf8_lossy(&output.stdout);
    let elements = |name: &str| {
        let tag = format!("<{name} ");
        report.lines().map(str::trim).filter(|line| line.starts_with(&tag)).map(str::to_owned).collect::<Vec<_>>()
    };
    let attribute = |element: &str, name: &str| {
        let (_, rest) = element.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("{name} in {element}"));
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let protocols: Vec<_> = elements("protocol")
        .iter()
        .map(|one| ([attribute(one, "type"), attribute(one, "version")].concat(), attribute(one, "enabled") == "1"))
        .collect();
    let expected =
        [("ssl2", false), ("ssl3", false), ("tls1.0", false), ("tls1.1", false), ("tls1.2", true), ("tls1.3", true)];
    assert_eq!(protocols, expected.map(|(name, enabled)| (name.to_owned(), enabled)), "{report}");
    let ciphers: Vec<_> =
        elements("cipher").iter().map(|one| (attribute(one, "sslversion"), attribute(one, "cipher"))).collect();
    assert!(ciphers.iter().any(|(version, _)| version == "TLSv1.2"), "{report}");
    for (version, cipher) in &ciphers {
        // All of TLS 1.3 has forward secrecy; in TLS 1.2 it is what ECDHE stands for.
        assert!(version == "TLSv1.3" || (version == "TLSv1.2" && cipher.starts_with("ECDHE-")), "{version} {cipher}");
    }
    assert!(report.contains("<heartbleed") && !report.contains("vulnerable=\"1\""), "{report}");
    assert!(!report.contains("<compression supported=\"1\""), "{report}");
}

async fn secure() -> TestGateway {
    TestGateway::with(Setup { https: true, ..Setup::default() }).await
}

/// What curl prints, header included, when it trusts only `chain`; nothing if it can't connect.
fn curl(gateway: &TestGateway, host: &str, path: &str, chain: &Path, more: &[&str]) -> String {
    curl_at(gateway.port(), host, path, chain, more)
}

/// The same, at a port in front of the gateway's own.
pub(crate) fn curl_at(port: u16, host: &str, path: &str, chain: &Path, more: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--include", "--max-time", "10", "--resolve", &format!("{host}.localhost:{port}:127.0.0.1")])
        .arg("--cacert")
        .arg(chain)
        .args(more)
        .arg(format!("https://{host}.localhost:{port}{path}"))
        .output()
        .expect("curl is there: sh deploy/setup.sh installs it");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
