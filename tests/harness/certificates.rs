//! Certificates for a test, made on the spot.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a self-signed certificate for these names, and its key with mode 0600.
pub fn write(chain: impl AsRef<Path>, key: impl AsRef<Path>, names: &[&str]) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("names are well formed");
    std::fs::write(chain, made.cert.pem()).expect("writable");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("writable");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("ours");
}
