//! Whole configurations, from files in a folder to settings or faults.

use super::*;

#[test]
fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    std::fs::create_dir(root.join("tls")).unwrap();
    std::fs::write(root.join("tls/acme.pem"), "").unwrap();
    std::fs::write(root.join("tls/acme.key"), "").unwrap();
    let _ = std::process::Command::new("chmod").arg("600").arg(root.join("tls/acme.key")).status();
    std::fs::create_dir(root.join("policies")).unwrap();
    let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::copy(repo.join("config/minimal.yaml"), root.join("gateway.yaml")).unwrap();
    std::fs::copy(repo.join("policies/organization.yaml"), root.join("policies/x.yaml")).unwrap();
    match load(root, Timestamp::from_millis(1)) {
        Ok(loaded) => println!("{loaded:#?}"),
        Err(faults) => panic!("{faults}"),
    }
}
