//! Whose bearer tokens are taken beside ours?

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use access::identity::AppName;
use access::jwt::Trust;

/// Those whose tokens are taken, by `iss`.
pub type Issuers = HashMap<String, Arc<Issuer>>;

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuer {
    /// Its name here.
    pub name: String,
    /// What is asked of its tokens.
    pub trust: Trust,
    /// Where its keys are.
    pub keys: KeySource,
    /// The apps that its tokens open.
    pub apps: Vec<AppName>,
}

/// Where an issuer's keys are, as a JWK set (RFC 7517).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySource {
    /// A file.
    File(PathBuf),
    /// Asked over HTTPS, or over HTTP on this machine.
    Url {
        /// Where.
        url: String,
        /// A private CA, PEM.
        ca_file: Option<PathBuf>,
    },
}
