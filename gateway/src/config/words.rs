//! The single values of the files: words of a fixed few, and texts of which each kind says what it expects.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident),+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(inline)]
        pub(super) enum $name { $($(#[$word_doc])* $word),+ }
    )+};
}

words! {
    /// Must everybody have a second step?
    TwoStepWord {
        /// Everybody, everywhere.
        #[default]
        Required,
        /// Who has one uses it.
        Optional
    }
    /// What has to come out.
    Expect {
        /// They get in.
        Allow,
        /// They don't.
        #[default]
        Refuse,
        /// Something more has to be shown: a sign-in, a second step, a fresh proof.
        SignIn
    }
    /// Was the second step taken?
    SecondStepWord {
        /// Yes.
        #[default]
        Satisfied,
        /// No.
        Missing
    }
    /// Did the client show a certificate?
    CertificateWord {
        /// Yes.
        #[default]
        Shown,
        /// No.
        Missing
    }
    /// Which of several upstreams is next?
    BalanceWord {
        /// One after the other.
        #[default]
        RoundRobin,
        /// The one with the fewest requests under way.
        LeastConnections
    }
    /// Does an app demand a client's certificate?
    ClientCertificateWord {
        /// Yes.
        #[default]
        Required
    }
    /// How is the way to the mail server protected?
    MailTlsWord {
        /// The connection begins in the clear and must turn to TLS before anything is said.
        #[default]
        Starttls,
        /// TLS from the first byte.
        Implicit,
        /// Not at all: on this machine only.
        None
    }
    /// What is shown to an app by HTTP Basic?
    BasicWord {
        /// A user name and an app password.
        #[default]
        AppPasswords
    }
    /// What telephones and computers keep in step with an app.
    SyncWord {
        /// Calendars (RFC 4791).
        #[default]
        Caldav,
        /// Contacts (RFC 6352).
        Carddav,
        /// Mail, calendars and contacts, as Exchange has them.
        Activesync
    }
    /// What programs read differently in a path.
    UnusualWord {
        /// `%2F`
        #[default]
        EncodedSlash,
        /// `\`, also encoded.
        Backslash,
        /// `;`
        Semicolon,
        /// `.` and `..`, also encoded.
        DotSegments,
        /// `//`
        EmptySegments
    }
}

/// The expectation of a plain text, for which quotes are the fix.
pub(super) const TEXT: &str = "a text";

/// The expectation of a size, which may be a plain number as well.
pub(super) const SIZE: &str = "a size such as 64KiB, 1MiB or 1GiB, or a number of bytes";

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $expected:expr),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
        pub(super) struct $name(pub(super) String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<$name, D::Error> {
                        String::deserialize(inner).map($name)
                    }
                }
                // The reader tells this name as what it expected.
                deserializer.deserialize_newtype_struct($expected, Visitor)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                if $expected == SIZE {
                    return json_schema!({ "type": ["string", "integer"] });
                }
                json_schema!({ "type": "string" })
            }
        }
    )+};
}

texts! {
    /// Any text.
    Text = TEXT,
    /// An address, prefix, range or the name of a network.
    Address = "an address, a prefix such as 203.0.113.0/24, or the name of a network",
    /// An address with a port.
    SocketText = "an address with a port such as \"0.0.0.0:443\"",
    /// A URL.
    Url = "a URL such as https://crm.acme.example",
    /// A host name.
    HostText = "a host name such as crm.acme.example",
    /// A file or folder.
    FilePath = "the name of a file or folder",
    /// A time span.
    TimeSpan = "a time span such as 30m, 12h or 7d",
    /// Whom a rule allows.
    AllowText = "`everyone`, `public`, or an entry such as `group sales`",
    /// A second step.
    MethodWord = "a second step such as totp",
    /// A way to sign tokens.
    AlgorithmWord = "an algorithm such as ES256",
    /// An HTTP method.
    HttpMethod = "a method such as GET",
    /// A path or a pattern of paths.
    PathText = "a path such as /status or /api/*",
    /// A path, perhaps with a query.
    TargetText = "a path such as /healthz",
    /// A size.
    SizeText = SIZE,
    /// A mail server.
    ServerText = "a server with a port such as smtp.acme.example:587",
    /// A mailbox, perhaps with a name.
    MailboxText = "an address such as \"Acme sign-in <login@acme.example>\"",
    /// So many in a span of time.
    RateText = "a rate such as 50/s, 100/m or 1000/h",
}

/// A demand for a second step. Both words say the same; there is no way to take a demand back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Demand {
    #[default]
    Required,
    True,
}

impl JsonSchema for Demand {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Demand".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["required", true] })
    }
}
