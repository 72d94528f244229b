//! Certificates for a test, made on the spot.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Writes a self-signed certificate for these names, and its key with mode 0600.
pub fn write(chain: impl AsRef<Path>, key: impl AsRef<Path>, names: &[&str]) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("names are well formed");
    std::fs::write(chain, made.cert.pem()).expect("writable");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("writable");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("ours");
}

/// Somebody who signs clients' certificates.
#[derive(Debug)]
pub struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// A new one; its own certificate goes to this file.
    pub fn new(name: &str, file: impl AsRef<Path>) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("random");
        std::fs::write(file, params.self_signed(&key).expect("well-formed").pem()).expect("writable");
        Self(Issuer::new(params, key))
    }

    /// A client's certificate with its key, both in this file, good until that year begins.
    pub fn sign(&self, name: &str, until: i32, file: impl AsRef<Path>) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("random");
        let certificate = params.signed_by(&key, &self.0).expect("well-formed");
        std::fs::write(file, [certificate.pem(), key.serialize_pem()].concat()).expect("writable");
    }
}
