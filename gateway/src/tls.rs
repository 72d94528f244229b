//! Which certificate, and when does it run out?
//!
//! Certificates are read when a configuration is loaded and live in the snapshot: one that can't be read, or that fits none
//! of the hosts, refuses the whole configuration. TLS 1.2 and 1.3 with forward secrecy, ring, nothing older (ASVS 12.1).

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use access::target::HostName;
use pingora::listeners::tls::Acceptor;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{WrappedX509, parse_x509};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::{Fault, Settings};

/// The certificates in force, by the host they serve.
#[derive(Debug, Default)]
pub struct Certificates {
    by_host: HashMap<String, Arc<CertifiedKey>>,
    /// When each runs out, seconds since the epoch.
    expiry: Vec<(String, i64)>,
}

impl Certificates {
    /// Reads every pair of files; each host of the configuration gets the first certificate that is valid for its name.
    /// Errors: every file that can't be used and every host that none fits.
    pub fn load(settings: &Settings) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut read = Vec::new();
        for files in &settings.certificates {
            let fault = |code, message, help: &str| Fault {
                code,
                file: files.place.file.to_string(),
                line: files.place.line,
                column: 1,
                source: String::new(),
                message,
                help: Some(help.to_owned()),
            };
            match read_pair(&files.chain, &files.key) {
                Ok(key) => read.push(Arc::new(key)),
                Err(Unusable::Readable(mode)) => faults.push(fault(
                    "secret_readable",
                    format!("the key {} can be read by others (mode {mode:o})", files.key.display()),
                    &format!("chmod 600 {}", files.key.display()),
                )),
                Err(Unusable::Broken(message)) => {
                    faults.push(fault(
                        "bad_certificate",
                        message,
                        "the chain is PEM, leaf first; the key is the leaf's own",
                    ));
                }
            }
        }
        let mut made = Self::default();
        if settings.listen.https.is_some() {
            let hosts = settings.apps.keys().chain([settings.portal.host()]);
            for host in hosts {
                match read.iter().find(|key| fits(key, host)) {
                    Some(key) => {
                        if let Some(ends) = ends(key) {
                            made.expiry.push((host.to_string(), ends));
                        }
                        made.by_host.insert(host.to_string(), Arc::clone(key));
                    }
                    None if faults.is_empty() => faults.push(Fault {
                        code: "no_certificate_for_host",
                        file: "gateway.yaml".to_owned(),
                        line: settings.certificates.first().map_or(0, |files| files.place.line),
                        column: 1,
                        source: String::new(),
                        message: format!("no certificate is valid for {host}"),
                        help: Some("add one under tls.certificates whose names include it".to_owned()),
                    }),
                    None => {}
                }
            }
        }
        if faults.is_empty() { Ok(made) } else { Err(faults) }
    }

    /// When each host's certificate runs out, seconds since the epoch.
    pub fn expiry(&self) -> &[(String, i64)] {
        &self.expiry
    }
}

/// Accepts TLS with whatever certificates `in_force` says are in force at that moment.
pub(crate) fn acceptor(
    in_force: impl Fn() -> Arc<Certificates> + Send + Sync + 'static,
) -> Result<Acceptor, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(BySni(Box::new(in_force))));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Early data could be replayed, and it arrives before the client's address is proved (A08).
    config.max_early_data_size = 0;
    Ok(Acceptor::from_server_config(Arc::new(config)))
}

/// Trusts only this authority for an upstream. Errors: a sentence.
pub(crate) fn trust(peer: &mut HttpPeer, ca_file: &Path) -> Result<(), String> {
    let chain = read_chain(ca_file)?;
    let authorities = chain.into_iter().map(|der| {
        x509_parser::parse_x509_certificate(&der).map_err(|error| format!("{}: {error}", ca_file.display()))?;
        Ok(WrappedX509::new(der.to_vec(), parse_x509))
    });
    peer.options.ca = Some(authorities.collect::<Result<Vec<_>, String>>()?.into());
    Ok(())
}

struct BySni(Box<dyn Fn() -> Arc<Certificates> + Send + Sync>);

impl std::fmt::Debug for BySni {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BySni")
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        (self.0)().by_host.get(name.trim_end_matches('.')).cloned()
    }
}

enum Unusable {
    Readable(u32),
    Broken(String),
}

fn read_pair(chain: &Path, key: &Path) -> Result<CertifiedKey, Unusable> {
    let broken = |error: &dyn std::fmt::Display| Unusable::Broken(error.to_string());
    let certificates = read_chain(chain).map_err(|error| broken(&error))?;
    let about_key = |error: &dyn std::fmt::Display| Unusable::Broken(format!("{}: {error}", key.display()));
    let mode = std::fs::metadata(key).map_err(|error| about_key(&error))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Unusable::Readable(mode));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| about_key(&error))?;
    let made = CertifiedKey::from_der(certificates, secret, &ring::default_provider());
    made.map_err(|error| broken(&format!("{} and {}: {error}", chain.display(), key.display())))
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let about = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(|error| about(&error))?
        .collect::<Result<_, _>>()
        .map_err(|error| about(&error))?;
    if chain.is_empty() { Err(about(&"there is no certificate in it")) } else { Ok(chain) }
}

fn fits(key: &CertifiedKey, host: &HostName) -> bool {
    let Some(leaf) = key.cert.first() else { return false };
    let Ok(name) = ServerName::try_from(host.as_str()) else { return false };
    ParsedCertificate::try_from(leaf).is_ok_and(|leaf| rustls::client::verify_server_name(&leaf, &name).is_ok())
}

fn ends(key: &CertifiedKey) -> Option<i64> {
    let (_, leaf) = x509_parser::parse_x509_certificate(key.cert.first()?).ok()?;
    Some(leaf.validity().not_after.timestamp())
}
