//! An app as the data plane needs it: where its traffic goes, how long that may take, how much of it may come.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use access::identity::AppName;
use access::target::{HostName, UnusualPaths};

/// An app as the data plane needs it.
#[derive(Debug)]
pub struct AppSettings {
    /// Its name in rules, metrics and logs.
    pub name: AppName,
    /// For pages: `title:` or the name.
    pub title: String,
    /// Its host.
    pub host: HostName,
    /// Scheme, host and port as the browser sees them.
    pub origin: String,
    /// Where the traffic goes: at least one, all of one scheme, none twice.
    pub upstreams: Vec<Upstream>,
    /// Which of them is next.
    pub balance: Balance,
    /// How they are asked whether they work; `None`: they are not.
    pub health: Option<Health>,
    /// How long they may take.
    pub timeouts: Timeouts,
    /// Does it take app passwords, by HTTP Basic?
    pub takes_app_passwords: bool,
    /// What telephones keep in step with it, in the order in which it is written and once each.
    pub syncs: Vec<InStep>,
    /// Does the app see the bearer token, or the app password?
    pub pass_authorization: bool,
    /// Does a connection need a client's certificate?
    pub client_certificate: ClientCertificate,
    /// What requests may use up.
    pub limits: AppLimits,
    /// What paths may contain although programs read it differently.
    pub paths_may_contain: UnusualPaths,
}

/// What telephones and computers keep in step with an app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InStep {
    /// Calendars (RFC 4791).
    Caldav,
    /// Contacts (RFC 6352).
    Carddav,
    /// Mail, calendars and contacts, as Exchange has them.
    ActiveSync,
}

/// Where an app's traffic goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Upstream {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// A host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// A private CA, PEM.
    pub ca_file: Option<PathBuf>,
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// HTTP/1.1 without TLS.
    Http,
    /// TLS, verified against the system's roots or the app's `ca_file`; HTTP/2 where the upstream offers it.
    Https,
    /// HTTP/2 without TLS.
    H2c,
}

impl Scheme {
    /// As it is written in URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
        }
    }
}

impl std::fmt::Display for Upstream {
    /// Host and port, as configured.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Which of several upstreams is next?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest requests under way.
    LeastConnections,
}

/// How upstreams are asked whether they work.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Health {
    /// Path and query that are asked for with GET; 200 to 399 is a good answer.
    pub path: String,
    /// From one question to the next.
    pub every: Duration,
    /// How long the answer may take, with the connection.
    pub timeout: Duration,
    /// So many bad answers in a row take it out.
    pub fall: NonZeroU32,
    /// So many good answers in a row bring it back.
    pub rise: NonZeroU32,
}

/// How long an app's upstreams may take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timeouts {
    /// Until the connection stands, with TLS.
    pub connect: Duration,
    /// Until the first byte of the answer, and between two reads of it.
    pub response: Duration,
}

/// Does a connection need a client's certificate?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientCertificate {
    /// It is not even asked for.
    #[default]
    NotAsked,
    /// Signed by a CA of `tls.client_ca`, or nothing is served.
    Required,
}

/// What requests to an app may use up. `None`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AppLimits {
    /// Bytes of a request's body.
    pub body: Option<u64>,
    /// Requests at a time.
    pub concurrent: Option<NonZeroU32>,
    /// Requests of everybody together.
    pub requests: Option<Rate>,
    /// Of one person.
    pub person: Option<Rate>,
    /// With one bearer token.
    pub token: Option<Rate>,
    /// From one address; of IPv6 from one /64.
    pub address: Option<Rate>,
}

/// So many in a span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how long: a second, a minute, an hour.
    pub per: Duration,
}
