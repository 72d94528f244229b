//! What do the files say? From YAML as written to one immutable value that is ready to use.
//!
//! [`load`] reads `gateway.yaml` and every `*.yaml` of the policies folder, checks all of it, and answers with either a
//! [`Loaded`] or every fault at once, each with file, line, column, the source line, what was expected and one fix. Nothing
//! is half loaded; a missing security setting is the strict value or an error.

mod app;
mod check;
mod couriers;
mod decode;
mod deviations;
mod fault;
mod file;
mod issuers;
mod meaning;
mod passwords;
mod read;
mod reload;
mod schema;
mod show;
mod words;
mod written;
mod yaml;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use access::identity::NetworkName;
use access::network::AddressSet;
use access::policy::{Listed, Method, Place};
use access::target::HostName;
use access::{Policy, Timestamp};

pub use app::{AppLimits, AppSettings, Balance, ClientCertificate, Health, InStep, Rate, Scheme, Timeouts, Upstream};
pub use couriers::{BodyForm, CourierSettings, HttpCourier, MailServer, MailTls, Service, Template, Twilio};
pub use deviations::Deviation;
pub use fault::Severity;
pub use issuers::{Issuer, Issuers, KeySource};
pub use passwords::{BreachedFile, Passwords};
pub use reload::{ClientAuthority, InForce};

/// Everything the files say, ready to use. Immutable; swapped whole.
#[derive(Debug)]
pub struct Settings {
    /// Shown on pages and in authenticator apps.
    pub organization: String,
    /// Where people sign in.
    pub portal: PublicUrl,
    /// Where we listen. Needs a restart.
    pub listen: Listen,
    /// Peers that begin every connection with a PROXY header, and nobody else does.
    pub proxy_protocol: AddressSet,
    /// What people's connections may use up.
    pub limits: Limits,
    /// Certificates by SNI; empty when `listen.https` is absent.
    pub certificates: Vec<CertificateFiles>,
    /// Who signs clients' certificates; there is one if an app demands them.
    pub client_ca: Option<CaFile>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: AddressSet,
    /// The redb file. Needs a restart.
    pub store: PathBuf,
    /// Its key file: `<store>.key` unless given. Needs a restart.
    pub store_key: PathBuf,
    /// How messages to people leave.
    pub couriers: CourierSettings,
    /// Whose bearer tokens are taken beside ours.
    pub issuers: Issuers,
    /// By host.
    pub apps: HashMap<HostName, Arc<AppSettings>>,
    /// Networks by name, for tokens' `only_from`.
    pub networks: HashMap<NetworkName, Arc<AddressSet>>,
    /// The second steps that people can set up, in the order in which they are offered.
    pub methods: Vec<Method>,
    /// What holds for passwords.
    pub passwords: Passwords,
    /// Are security questions set, and asked when a password was forgotten?
    pub security_questions: bool,
    /// The rules.
    pub policy: Policy,
}

/// Where we listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    /// Plain HTTP: behind a TLS terminator, or on `*.localhost`.
    pub http: Option<SocketAddr>,
    /// HTTPS.
    pub https: Option<SocketAddr>,
    /// `/metrics`, `/healthz`, `/readyz`.
    pub admin: SocketAddr,
    /// Threads that serve people's connections.
    pub workers: NonZeroU32,
}

/// What people's connections may use up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections at a time, all listeners together. Needs a restart.
    pub connections: NonZeroU32,
    /// At a time from one address, of IPv6 from one /64; trusted proxies and `proxy_protocol` peers are not counted.
    pub connections_per_address: NonZeroU32,
    /// From the first byte of a request to the end of its header; also for the TLS handshake.
    pub header_time: Duration,
    /// Bytes a second: uploads and downloads that stay below it for 30 s are ended.
    pub slowest: NonZeroU64,
    /// How long requests, WebSockets and streams may take to end when the gateway stops or hands over.
    pub drain: Duration,
}

/// Certificates of authorities, PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaFile {
    /// The file.
    pub file: PathBuf,
    /// Where it stands, for faults found when it is read.
    pub place: Place,
}

/// A certificate chain and its key, PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFiles {
    /// Leaf first.
    pub chain: PathBuf,
    /// Readable by nobody else.
    pub key: PathBuf,
    /// Where it stands, for faults found when it is read.
    pub place: Place,
}

/// The base of every link we send: `https://login.acme.example`, with a port if it is not the scheme's own. Plain `http`
/// only for `localhost` and `*.localhost`, where browsers keep `__Host-` cookies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicUrl {
    origin: String,
    host: HostName,
    port: Option<u16>,
    secure: bool,
}

impl PublicUrl {
    /// Scheme, host and port, without a trailing slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host alone.
    pub const fn host(&self) -> &HostName {
        &self.host
    }

    /// Is it https?
    pub const fn secure(&self) -> bool {
        self.secure
    }

    /// The origin of another host reached the same way: same scheme, same port.
    pub fn sibling(&self, host: &HostName) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }

    /// An address on this origin; `path` begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// A configuration that was accepted.
#[derive(Debug)]
pub struct Loaded {
    /// What is in force from now on.
    pub settings: Settings,
    /// What is allowed and perhaps not meant: `open_to_world`, `unreachable_rule`.
    pub warnings: Vec<Fault>,
    /// The content of all files that were read, as a BLAKE3 digest: the same files, the same digest.
    pub digest: [u8; 32],
    /// How many `cases:` were run; all held.
    pub cases: usize,
}

/// One thing wrong with the files, in words a person can act on.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Fault {
    /// A stable word: `unknown_key`, `host_bits`, `duplicate_key`…
    pub code: &'static str,
    /// Relative to the configuration folder.
    pub file: String,
    /// From one; zero if it is about the file as a whole.
    pub line: u32,
    /// From one.
    pub column: u32,
    /// The source line.
    pub source: String,
    /// What was found and what was expected.
    pub message: String,
    /// One fix, or "did you mean".
    pub help: Option<String>,
}

/// Every fault of a configuration. `Display` prints them all, in the order of files and lines.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

/// Reads, checks and runs the cases. `dir` holds `gateway.yaml`. Errors: every fault found.
pub fn load(dir: &Path, now: Timestamp) -> Result<Loaded, Faults> {
    let report = RefCell::default();
    let files = read::Files::read(dir, &report);
    let checked = check::check(&files, dir, now, &report);
    let digest = files.digest(dir);
    let warnings = report.into_inner().close()?;
    match checked {
        Some(check::Checked { settings, cases }) => Ok(Loaded { settings, warnings, digest, cases }),
        // Can't happen: whoever finds no settings has written down why. Refusing is right all the same.
        None => Err(Faults(Vec::new())),
    }
}

/// The digest [`load`] would report, without checking anything; what can't be read counts as empty.
pub fn digest(dir: &Path) -> [u8; 32] {
    read::digest(dir)
}

/// Resolves a list as it stands in a token's `only_from`: names of networks, addresses, prefixes, ranges. `None`: the
/// list is empty, so there is no limit. Errors: a sentence.
pub fn resolve_list(
    networks: &HashMap<NetworkName, Arc<AddressSet>>,
    entries: &[String],
) -> Result<Option<Listed>, String> {
    check::addresses::resolve_words(networks, entries)
}

/// Which settings differ that only a restart brings into force: `listen`, `limits.connections`, `store`.
pub fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let mut changed = Vec::new();
    if old.listen != new.listen {
        changed.push("listen");
    }
    if old.limits.connections != new.limits.connections {
        changed.push("limits.connections");
    }
    if old.store != new.store || old.store_key != new.store_key {
        changed.push("store");
    }
    changed
}

/// The JSON Schemas for editors: `{"gateway": …, "policy": …}`, for `gateway.yaml` and for policy files.
pub fn schema() -> serde_json::Value {
    schema::both()
}

/// The settings in force as YAML, defaults filled in, no secrets: `gateway.yaml`, then the policy files, as documents of
/// one stream. Errors: every fault; cases are not run.
pub fn show(dir: &Path) -> Result<String, Faults> {
    let report = RefCell::default();
    let files = read::Files::read(dir, &report);
    let _settings = check::check_without_cases(&files, dir, &report);
    report.into_inner().close()?;
    Ok(show::effective(&files))
}

/// What the configuration does otherwise than OWASP ASVS 5.0 asks. Errors: every fault; cases are not run.
pub fn policy_report(dir: &Path) -> Result<Vec<Deviation>, Faults> {
    let report = RefCell::default();
    let files = read::Files::read(dir, &report);
    let _settings = check::check_without_cases(&files, dir, &report);
    let page = fault::Page { source: &files.gateway.source, report: &report };
    let deviations = deviations::deviations(page, &files.gateway.content);
    report.into_inner().close()?;
    Ok(deviations)
}

const GATEWAY_FILE: &str = "gateway.yaml";
