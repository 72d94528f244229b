//! How messages leave, as the couriers need it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// The couriers that there are.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CourierSettings {
    /// For mail; without it none leaves.
    pub email: Option<MailServer>,
    /// For text messages.
    pub sms: Option<HttpCourier>,
    /// For voice calls.
    pub voice: Option<HttpCourier>,
}

/// A service that takes messages by HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpCourier {
    /// Where a request goes, for each message one; `{to}` and the like stand for themselves.
    pub url: String,
    /// Its fields.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
    /// How what is filled into the body is written there.
    pub form: BodyForm,
    /// The file with what `{secret}` stands for.
    pub secret_file: Option<PathBuf>,
    /// A private CA, PEM.
    pub ca_file: Option<PathBuf>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Messages within a day, whoever they go to.
    pub per_day: NonZeroU32,
}

/// How what is filled into a body is written there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyForm {
    /// Within a string of JSON.
    Json,
    /// As a value of `application/x-www-form-urlencoded`.
    Form,
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
