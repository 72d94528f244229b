//! How messages leave, as the couriers need it.

use std::path::PathBuf;

/// The couriers that there are.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CourierSettings {
    /// For mail; without it none leaves.
    pub email: Option<MailServer>,
}

/// A mail server that takes our messages (RFC 6409).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailServer {
    /// A host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is protected.
    pub tls: MailTls,
    /// Who sends, as it stands in `From`.
    pub from: String,
    /// The name we sign in with there, and the file with its password.
    pub account: Option<(String, PathBuf)>,
    /// A private CA, PEM.
    pub ca_file: Option<PathBuf>,
}

/// How the way to a mail server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailTls {
    /// It must turn to TLS before anything is said (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Not at all, on this machine.
    None,
}
