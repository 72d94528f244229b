//! Which certificate, and when does it run out?
//!
//! Certificates are read when a configuration is loaded and live in the snapshot: one that can't be read, or that fits none
//! of the hosts, refuses the whole configuration. TLS 1.2 and 1.3 with forward secrecy, ring, nothing older (ASVS 12.1).

mod clients;

use std::cell::Cell;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use access::target::HostName;
use arc_swap::ArcSwap;
use pingora::listeners::tls::Acceptor as Handshaker;
use pingora::protocols::IO;
use pingora::protocols::tls::TlsStream;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{WrappedX509, parse_x509};
use pingora::{ErrorType, OrErr};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::{ClientCertificate, Fault, Settings};
use clients::{ClientCa, HANDSHAKE, Handshake, Sessions};

pub(crate) use clients::Authority;

/// The certificates in force, by the host they serve.
#[derive(Debug, Default)]
pub struct Certificates {
    by_host: HashMap<String, Served>,
    /// Who signs clients' certificates.
    client_ca: Option<ClientCa>,
    /// When each runs out, seconds since the epoch.
    expiry: Vec<(String, i64)>,
}

/// What a handshake for a host is answered with.
#[derive(Debug)]
struct Served {
    key: Arc<CertifiedKey>,
    demands_certificate: bool,
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
                        let app = settings.apps.get(host);
                        let demands_certificate =
                            app.is_some_and(|app| app.client_certificate == ClientCertificate::Required);
                        made.by_host.insert(host.to_string(), Served { key: Arc::clone(key), demands_certificate });
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
        if let Some(ca) = &settings.client_ca {
            match read_chain(&ca.file).and_then(ClientCa::new) {
                Ok(client_ca) => made.client_ca = Some(client_ca),
                Err(message) => faults.push(Fault {
                    code: "bad_certificate",
                    file: ca.place.file.to_string(),
                    line: ca.place.line,
                    column: 1,
                    source: String::new(),
                    message,
                    help: Some("the file holds the certificates of authorities, PEM".to_owned()),
                }),
            }
        }
        if faults.is_empty() { Ok(made) } else { Err(faults) }
    }

    /// Whose certificates count for clients now.
    pub(crate) fn authority(&self) -> Option<Authority> {
        self.client_ca.as_ref().map(|ca| ca.authority)
    }

    /// When each host's certificate runs out, seconds since the epoch.
    pub fn expiry(&self) -> &[(String, i64)] {
        &self.expiry
    }
}

/// Accepts TLS with whatever is in force at that moment.
pub(crate) struct Acceptor {
    in_force: Box<dyn Fn() -> Arc<Certificates> + Send + Sync>,
    made: ArcSwap<Made>,
}

/// What stays as long as the clients' authority does, with the sessions that can be resumed.
struct Made {
    authority: Option<Authority>,
    handshaker: Handshaker,
}

impl Acceptor {
    /// Errors: rustls doesn't take the settings.
    pub(crate) fn new(in_force: impl Fn() -> Arc<Certificates> + Send + Sync + 'static) -> Result<Self, rustls::Error> {
        let made = Made::new(in_force().client_ca.as_ref())?;
        Ok(Self { in_force: Box::new(in_force), made: ArcSwap::from_pointee(made) })
    }

    /// One handshake, and by which authority's names the client was asked for a certificate, if it was. Errors: there is no
    /// certificate for the name, the client's is bad, or the two don't understand each other.
    pub(crate) async fn handshake<S: IO + 'static>(
        &self,
        stream: S,
    ) -> pingora::Result<(TlsStream<S>, Option<Authority>)> {
        let certificates = (self.in_force)();
        let authority = certificates.authority();
        let mut made = self.made.load_full();
        if made.authority != authority {
            let new = Made::new(certificates.client_ca.as_ref());
            made = Arc::new(new.or_err(ErrorType::TLSHandshakeFailure, "the client's authority can't be used")?);
            self.made.store(Arc::clone(&made));
        }
        let handshake = async {
            let stream = made.handshaker.tls_handshake(stream).await?;
            let demanded = HANDSHAKE.with(|handshake| handshake.demands.get()) == Some(true);
            Ok((stream, authority.filter(|_| demanded)))
        };
        HANDSHAKE.scope(Handshake { certificates, demands: Cell::new(None) }, handshake).await
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Made {
    fn new(client_ca: Option<&ClientCa>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => builder.with_client_cert_verifier(ca.verifier()),
        };
        let mut config = builder.with_cert_resolver(Arc::new(BySni));
        if client_ca.is_some() {
            config.session_storage = Sessions::new();
        }
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Early data could be replayed, and it arrives before the client's address is proved (A08).
        config.max_early_data_size = 0;
        let authority = client_ca.map(|ca| ca.authority);
        Ok(Self { authority, handshaker: Handshaker::from_server_config(Arc::new(config)) })
    }
}

/// Trusts only this authority for an upstream. Errors: a sentence.
pub(crate) fn trust(peer: &mut HttpPeer, ca_file: &Path) -> Result<(), String> {
    let chain = read_chain(ca_file)?;
    let mut hasher = blake3::Hasher::new();
    let authorities = chain.into_iter().map(|der| {
        x509_parser::parse_x509_certificate(&der).map_err(|error| format!("{}: {error}", ca_file.display()))?;
        hasher.update(&der);
        Ok(WrappedX509::new(der.to_vec(), parse_x509))
    });
    peer.options.ca = Some(authorities.collect::<Result<Vec<_>, String>>()?.into());
    // pingora keeps connections by address, name and group, not by whom they trust: what was verified by another authority,
    // or by one that has been replaced, must not be taken.
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    peer.group_key = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    Ok(())
}

/// The certificate of the host that the handshake is for.
#[derive(Debug)]
struct BySni;

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        let found = HANDSHAKE.try_with(|handshake| {
            let served = handshake.certificates.by_host.get(name.trim_end_matches('.'))?;
            handshake.demands.set(Some(served.demands_certificate));
            Some(Arc::clone(&served.key))
        });
        found.ok().flatten()
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
