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
    /// Which one, and so what it is sent.
    pub service: Service,
    /// The file with its secret.
    pub secret_file: Option<PathBuf>,
    /// A private CA, PEM.
    pub ca_file: Option<PathBuf>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Messages within a day, whoever they go to.
    pub per_day: NonZeroU32,
}

/// A service that takes messages, and so what it is sent: one POST a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Service {
    /// One that the configuration describes.
    Described(Template),
    /// Twilio, for text messages.
    TwilioMessages(Twilio),
    /// Twilio, for calls.
    TwilioCalls(Twilio),
    /// Vonage, for text messages.
    Vonage {
        /// The key of its API, which is no secret.
        account: String,
        /// Who sends: a number or a name.
        from: String,
    },
    /// MessageBird, for text messages.
    Messagebird {
        /// Who sends: a number or a name.
        from: String,
    },
}

/// A request as the configuration describes it; `{to}` and the like stand for themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// Where it goes.
    pub url: String,
    /// Its fields.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
    /// How what is filled into the body is written there.
    pub form: BodyForm,
}

/// An account at Twilio.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Twilio {
    /// Where its API is: scheme and host, without a slash behind.
    pub api: String,
    /// The SID of the account.
    pub account: String,
    /// Whose the secret is: the account's SID, or that of a key of its API.
    pub user: String,
    /// Who sends: a number; for text messages perhaps a name.
    pub from: String,
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
