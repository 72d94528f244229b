//! TLS in front: certificates by name, verified by another program, replaced without a restart (O7, ASVS 12.1).

use std::path::Path;
use std::process::Command;

use harness::certificates;
use harness::gateway::{HOSTS, Setup, TestGateway};
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

    certificates::write(&chain, &key, HOSTS);
    reload().await.expect("accepted");
    assert!(curl(&gateway, "crm", "/status", &old, &[]).is_empty());
    assert!(curl(&gateway, "crm", "/status", &chain, &[]).contains("200"));
}

async fn secure() -> TestGateway {
    TestGateway::with(Setup { https: true, ..Setup::default() }).await
}

/// What curl prints, header included, when it trusts only `chain`; nothing if it can't connect.
fn curl(gateway: &TestGateway, host: &str, path: &str, chain: &Path, more: &[&str]) -> String {
    let port = gateway.port();
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
