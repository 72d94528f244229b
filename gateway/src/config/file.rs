//! What can be written? The shapes of `gateway.yaml` and of policy files, as written.
//!
//! The comment of each field is its description in the JSON Schema, so editors show it; `config/gateway.yaml` says the
//! same with examples, and a test keeps the keys of both alike. Values are texts here; [`super::check`] makes them into
//! what they mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{
    Address, AlgorithmWord, AllowText, BalanceWord, BasicWord, CertificateWord, ClientCertificateWord, Demand, Expect,
    FilePath, HostText, HttpMethod, MailTlsWord, MailboxText, MethodWord, PathText, RateText, SecondStepWord,
    ServerText, SizeText, SocketText, SyncWord, TargetText, Text, TimeSpan, TwoStepWord, UnusualWord, Url,
};
use super::written::{At, Named, OneOrMany};

/// Vestibule: gateway.yaml
///
/// Where the gateway listens, what stands behind it and who may use it. Secrets are never written here, only the names of their files.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    /// The version of this format: 1.
    pub(super) version: At<u32>,
    /// The name people see on pages and in their authenticator app.
    pub(super) organization: At<Text>,
    /// Where people sign in, and the base of every link we send: https and a host name. Plain http only for localhost and *.localhost.
    pub(super) portal: At<Url>,
    /// Where the gateway listens. A change needs a restart.
    pub(super) listen: At<Listen>,
    /// What people's connections may use up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<At<Limits>>,
    /// Certificates for `listen.https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<At<Tls>>,
    /// Proxies in front of the gateway whose X-Forwarded-For and Forwarded headers are believed: addresses, prefixes or names of networks. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trusted_proxies: Option<At<OneOrMany<Address>>>,
    /// Where people, sessions and tokens are kept. A change needs a restart.
    pub(super) store: At<Store>,
    /// The folder with policy files. Every *.yaml and *.yml in it is read.
    pub(super) policies: At<FilePath>,
    /// How people sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sign_in: Option<At<SignIn>>,
    /// How messages to people leave. Default: none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) couriers: Option<At<Couriers>>,
    /// Others whose bearer tokens (JWT) are taken beside ours, by name. Default: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issuers: Option<At<Named<Issuer>>>,
    /// What stands behind the gateway, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) apps: Option<At<Named<App>>>,
}

/// Where the gateway listens.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    /// Plain HTTP: behind something that ends TLS, or for localhost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http: Option<At<SocketText>>,
    /// HTTPS, with the certificates of `tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) https: Option<At<SocketText>>,
    /// /metrics, /healthz and /readyz, for machines only. Default: 127.0.0.1:9400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<At<SocketText>>,
    /// Peers that begin every connection with a PROXY header, version 1 or 2: addresses, prefixes or names of networks. From them it is required, from others it is an error. Taken over without a restart. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proxy_protocol: Option<At<OneOrMany<Address>>>,
    /// Threads that serve people's connections. Default: one a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workers: Option<At<u32>>,
}

/// What people's connections may use up.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// Connections at a time, all listeners together. A change needs a restart. Default: 16384.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connections: Option<At<u32>>,
    /// Connections at a time from one address, of IPv6 from one /64; `trusted_proxies` and `proxy_protocol` peers are not counted. Default: 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connections_per_address: Option<At<u32>>,
    /// From the first byte of a request to the end of its header; also for the TLS handshake. Default: 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) header_time: Option<At<TimeSpan>>,
    /// Bytes a second: uploads and downloads that stay below it for 30 s are ended. Default: 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slowest: Option<At<SizeText>>,
    /// How long requests, WebSockets and streams may take to end when the gateway stops or hands over. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) drain: Option<At<TimeSpan>>,
}

/// Certificates for `listen.https`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// One entry a certificate; which one is shown depends on the host that is asked for.
    pub(super) certificates: At<Vec<At<Certificate>>>,
    /// A file with the CAs that sign clients' certificates (PEM). Asked for only on hosts of apps with `client_certificate: required`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_ca: Option<At<FilePath>>,
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    /// The file with the certificate and what leads to its root, the certificate first.
    pub(super) chain: At<FilePath>,
    /// The file with the private key; nobody but the gateway may be able to read it (chmod 600).
    pub(super) key_file: At<FilePath>,
}

/// Where people, sessions and tokens are kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    /// The database file; made if it is not there.
    pub(super) redb: At<FilePath>,
    /// The file with the key that secrets in the database are sealed with; made if it is not there. Keep a copy elsewhere. Default: the database's name and .key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_file: Option<At<FilePath>>,
}

/// How people sign in.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// Must everybody have a second step? `required` or `optional`; where it is optional, roles, groups, users and apps can still demand it. Default: required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) two_step: Option<At<TwoStepWord>>,
    /// The second steps people can set up, in the order in which they are offered: `passkey`, `totp`, `sms`, `voice`, `email`. Default: [totp].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) methods: Option<At<OneOrMany<MethodWord>>>,
    /// How long a session lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<At<Session>>,
    /// What holds for passwords beside their length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) passwords: Option<At<Passwords>>,
    /// Does everybody set two security questions, which are asked beside the link of a mail when a password was forgotten? Discouraged. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) security_questions: Option<At<bool>>,
}

/// What holds for passwords beside their length.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Passwords {
    /// A file of passwords that have leaked, made by `vestibule breached build`: none of them is taken as a new one. It is asked on this machine; nothing leaves it. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) breached_file: Option<At<FilePath>>,
    /// Who signs in with an older password has to choose another before anything opens: a time span, or `never`. Discouraged (NIST SP 800-63B-4, ASVS 6.2.10): it makes people choose worse ones. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_age: Option<At<TimeSpan>>,
}

/// How long a session lives.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// Without any request. Default: 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idle: Option<At<TimeSpan>>,
    /// In all, from the sign-in. Default: 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) absolute: Option<At<TimeSpan>>,
}

/// Somebody else whose bearer tokens are taken: JWT, signed with a key that the issuer publishes (RFC 7519, RFC 8725).
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    /// The `iss` of its tokens, letter by letter.
    pub(super) issuer: At<Url>,
    /// Where its public keys are (a JWK set): https, or http on this machine. Asked every ten minutes. Either this or `jwks_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwks_url: Option<At<Url>>,
    /// A file with its public keys (a JWK set), instead of `jwks_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwks_file: Option<At<FilePath>>,
    /// A file with the CA that signed the certificate of `jwks_url` (PEM). Default: the CAs of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<At<FilePath>>,
    /// The `aud` of tokens that are for us: one or a list, of which a token must name one.
    pub(super) audience: At<OneOrMany<Text>>,
    /// How its tokens are signed: ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512. Default: [ES256, ES384, EdDSA, RS256, PS256].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) algorithms: Option<At<OneOrMany<AlgorithmWord>>>,
    /// Claims that a token must have, with these texts. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claims: Option<At<Named<Text>>>,
    /// The claim that names whose token it is: `sub`, `preferred_username` or another with a user name of ours, or `email`, if the issuer verified it. Either this or `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<At<Text>>,
    /// The user of ours that all its tokens are, a service; `claims` says which tokens are its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service: Option<At<Text>>,
    /// The claim that lists what a token may do, for rules such as `token crm.read`; without any scope it may do nothing. Or the word `everything`: what its user may. Default: scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<At<Text>>,
    /// The apps that its tokens open.
    pub(super) apps: At<OneOrMany<Text>>,
}

/// How messages to people leave.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Couriers {
    /// The mail server. Without it nobody can reset a forgotten password, and nobody is told of changes to their account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<At<Email>>,
    /// Who sends text messages. Needed for `sms` in `sign_in.methods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sms: Option<At<Sms>>,
    /// Who makes calls and says the code. Needed for `voice` in `sign_in.methods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voice: Option<At<Voice>>,
}

/// Who sends text messages: one of these.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sms {
    /// Twilio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) twilio: Option<At<Twilio>>,
    /// Vonage, by its SMS API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vonage: Option<At<Vonage>>,
    /// MessageBird, now Bird, by its classic REST API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) messagebird: Option<At<Messagebird>>,
    /// Any other service that takes messages by HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http: Option<At<HttpCourier>>,
}

/// Who makes calls: one of these.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Voice {
    /// Twilio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) twilio: Option<At<Twilio>>,
    /// Any other service that takes messages by HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http: Option<At<HttpCourier>>,
}

/// An account at Twilio.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Twilio {
    /// The SID of the account: AC and 32 digits.
    pub(super) account: At<Text>,
    /// The SID of a key of the API, if `secret_file` holds the secret of one: SK and 32 digits. Default: the account, with its auth token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<At<Text>>,
    /// Who sends: a number of the account, "+34600123456"; for text messages also a short code, or a name of at most eleven letters, digits and spaces.
    pub(super) from: At<Text>,
    /// The file with the auth token, or with the secret of the key that `user` names; nobody but the gateway may be able to read it (chmod 600).
    pub(super) secret_file: At<FilePath>,
    /// Where the API is, for regions such as https://api.dublin.ie1.twilio.com, which have keys of their own. Default: https://api.twilio.com.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<At<Url>>,
    /// How long the service may take to answer. Default: 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<At<TimeSpan>>,
    /// Messages within a day, whoever they go to; more are not sent. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) per_day: Option<At<u32>>,
}

/// An account at Vonage.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Vonage {
    /// The key of the API; it is no secret.
    pub(super) account: At<Text>,
    /// Who sends: a number, "+34600123456", a short code, or a name of at most eleven letters, digits and spaces.
    pub(super) from: At<Text>,
    /// The file with the secret of the API; nobody but the gateway may be able to read it (chmod 600).
    pub(super) secret_file: At<FilePath>,
    /// How long the service may take to answer. Default: 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<At<TimeSpan>>,
    /// Messages within a day, whoever they go to; more are not sent. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) per_day: Option<At<u32>>,
}

/// An account at MessageBird.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Messagebird {
    /// Who sends: a number, "+34600123456", a short code, or a name of at most eleven letters, digits and spaces.
    pub(super) from: At<Text>,
    /// The file with the access key; nobody but the gateway may be able to read it (chmod 600).
    pub(super) secret_file: At<FilePath>,
    /// How long the service may take to answer. Default: 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<At<TimeSpan>>,
    /// Messages within a day, whoever they go to; more are not sent. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) per_day: Option<At<u32>>,
}

/// A service that takes messages by HTTP: one POST a message. In `url`, `headers` and `body` stand `{to}` for the number, `{text}` for what it says, `{code}` for the code alone, `{language}` for the language of what it says (en, es, ja), `{secret}` for the content of `secret_file`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpCourier {
    /// Where: https, or http on this machine.
    pub(super) url: At<Url>,
    /// Fields of its header, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) headers: Option<At<Named<Text>>>,
    /// Its body: JSON if it begins with a brace, else name=value&….
    pub(super) body: At<Text>,
    /// The file with the service's secret, such as a token; nobody but the gateway may be able to read it (chmod 600).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret_file: Option<At<FilePath>>,
    /// A file with the CA that signed the service's certificate (PEM). Default: the CAs of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<At<FilePath>>,
    /// How long the service may take to answer. Default: 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<At<TimeSpan>>,
    /// Messages within a day, whoever they go to; more are not sent. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) per_day: Option<At<u32>>,
}

/// A mail server that takes our messages (RFC 6409).
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Email {
    /// Its name or address and its port.
    pub(super) smtp: At<ServerText>,
    /// `starttls`, `implicit` for TLS from the first byte, or `none` for a server on this machine. Default: implicit for port 465, starttls for all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<At<MailTlsWord>>,
    /// Who sends: the one address that all our mails come from.
    pub(super) from: At<MailboxText>,
    /// The name we sign in with there. Default: we don't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<At<Text>>,
    /// The file with the password that belongs to `user`; nobody but the gateway may be able to read it (chmod 600).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_file: Option<At<FilePath>>,
    /// A file with the CA that signed the server's certificate (PEM). Default: the CAs of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<At<FilePath>>,
}

/// Something behind the gateway.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct App {
    /// What people call it. Default: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<At<Text>>,
    /// The host name under which people reach it; one host, one app.
    pub(super) host: At<HostText>,
    /// Where its traffic goes: http, https or h2c (HTTP/2 without TLS, for gRPC), a host and perhaps a port. One, or a list of one scheme.
    pub(super) upstream: At<OneOrMany<Url>>,
    /// Which of several upstreams is next: `round_robin`, or `least_connections` for the one with the fewest requests under way. Default: round_robin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) balance: Option<At<BalanceWord>>,
    /// Asks each upstream again and again whether it works; one that does not is left out. Default: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health: Option<At<Health>>,
    /// How long its upstreams may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeouts: Option<At<Timeouts>>,
    /// A file with the CA that signed the upstream's certificate (PEM). Default: the CAs of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<At<FilePath>>,
    /// Who may use it, once signed in: `everyone`, or a list of `user ana`, `group sales`, `role admin`, `token crm.read`; `public` asks nobody. Default: nobody but those whom `paths` allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allow: Option<At<OneOrMany<AllowText>>>,
    /// Only from there, whoever it is: names of networks, addresses, prefixes. Default: wherever the person may come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) only_from: Option<At<OneOrMany<Address>>>,
    /// `required`: nobody without a second step, also where it is optional for the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) two_step: Option<At<Demand>>,
    /// Only these second steps count here: [totp]. Default: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_step: Option<At<OneOrMany<MethodWord>>>,
    /// Who proved themselves longer ago has to do it again. Default: the session's length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fresh: Option<At<TimeSpan>>,
    /// `app_passwords`: programs that know only a user name and a password, such as calendars, show an app password by HTTP Basic. Default: not; `Authorization: Basic` is between them and the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) basic: Option<At<BasicWord>>,
    /// What telephones and computers keep in step with it, by app password: `caldav`, `carddav`, `activesync`. Whoever makes an app password is given a configuration profile for Apple's systems. Default: none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) syncs: Option<At<OneOrMany<SyncWord>>>,
    /// Does the app see the bearer token, or the app password, that the gateway checked? Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pass_authorization: Option<At<bool>>,
    /// `required`: only connections with a certificate that a CA of `tls.client_ca` signed. Default: none is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_certificate: Option<At<ClientCertificateWord>>,
    /// What requests to it may use up. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<At<AppLimits>>,
    /// What paths may contain although programs read it differently: `encoded_slash`, `backslash`, `semicolon`, `dot_segments`, `empty_segments`. Default: none of them; such requests are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths_may_contain: Option<At<OneOrMany<UnusualWord>>>,
    /// Rules for some paths. The first that matches counts; paths that none matches follow `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<At<Vec<At<PathEntry>>>>,
}

/// How upstreams are asked whether they work.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// What is asked for, with GET; an answer from 200 to 399 is a good one. Default: /.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<At<TargetText>>,
    /// From one question to the next. Default: 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) every: Option<At<TimeSpan>>,
    /// How long the answer may take. Default: 2s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<At<TimeSpan>>,
    /// After so many bad answers in a row it is left out. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fall: Option<At<u32>>,
    /// After so many good answers in a row it is back. Default: 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rise: Option<At<u32>>,
}

/// How long an app's upstreams may take.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Timeouts {
    /// Until the connection stands, with TLS. Default: 3s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connect: Option<At<TimeSpan>>,
    /// Until the first byte of the answer, and between two reads of it. Default: 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<At<TimeSpan>>,
}

/// What requests to an app may use up.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppLimits {
    /// The size of a request's body: `64KiB`, `1GiB`; a larger one is refused (413). Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<At<SizeText>>,
    /// Requests at a time; more are refused (503). Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrent: Option<At<u32>>,
    /// Requests in all: `1000/s`, `100/m`; more are refused (429). Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requests: Option<At<RateText>>,
    /// Requests of one person who signed in. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<At<RateText>>,
    /// Requests with one bearer token. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<At<RateText>>,
    /// Requests from one address, of IPv6 from one /64. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<At<RateText>>,
}

/// A rule for some paths.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PathEntry {
    /// `/status`: that path alone. `/api/*`: everything below. `/*`: everything.
    pub(super) path: At<PathText>,
    /// Who may use it; as for the app.
    pub(super) allow: At<OneOrMany<AllowText>>,
    /// Only these methods, upper case. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) methods: Option<At<OneOrMany<HttpMethod>>>,
    /// Only from there, on top of the app's own `only_from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) only_from: Option<At<OneOrMany<Address>>>,
    /// Only these second steps count here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_step: Option<At<OneOrMany<MethodWord>>>,
    /// Who proved themselves longer ago has to do it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fresh: Option<At<TimeSpan>>,
}

/// Vestibule: policy file
///
/// Who may come from where. All files of the policies folder together are the policy; a name stands in one of them.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    /// Named sets of addresses: `203.0.113.7`, `203.0.113.0/24`, `"2001:db8::/48"`, `203.0.113.10-203.0.113.20`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) networks: Option<At<Named<OneOrMany<Address>>>>,
    /// What holds for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<At<Everybody>>,
    /// What holds for people who have a role, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) roles: Option<At<Named<Level>>>,
    /// What holds for people in a group, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<At<Named<Level>>>,
    /// What holds for one person, by user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) users: Option<At<Named<Level>>>,
    /// Questions with their answers. They are asked before a policy comes into force; one wrong answer keeps it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cases: Option<At<Vec<At<Case>>>>,
}

/// What holds for everybody.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Everybody {
    /// From where everybody may come: names of networks, addresses, prefixes, ranges; or the word `anywhere`. Default: from nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allow_from: Option<At<OneOrMany<Address>>>,
    /// From where nobody may come, whatever else is listed. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blocked: Option<At<OneOrMany<Address>>>,
}

/// What holds for a role, a group or one person.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Level {
    /// More places from where they may come. Default: none but the organization's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allow_from: Option<At<OneOrMany<Address>>>,
    /// They may come from nowhere else, whatever else is listed. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) only_from: Option<At<OneOrMany<Address>>>,
    /// `required`: they need a second step, also where it is optional for the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) two_step: Option<At<Demand>>,
    /// Only these second steps count for them: [totp]. Default: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_step: Option<At<OneOrMany<MethodWord>>>,
}

/// A question and its answer.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// Who asks. Default: nobody who has signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<At<Text>>,
    /// The roles they have. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) roles: Option<At<OneOrMany<Text>>>,
    /// The groups they are in. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<At<OneOrMany<Text>>>,
    /// From which address.
    pub(super) from: At<Address>,
    /// For which app. Default: the sign-in portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<At<Text>>,
    /// For which path. Default: /.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<At<PathText>>,
    /// By which method. Default: GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<At<HttpMethod>>,
    /// With a bearer token of the user instead of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<At<CaseToken>>,
    /// `app_passwords`: with an app password of the user, by HTTP Basic, instead of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) basic: Option<At<BasicWord>>,
    /// Was the second step taken? `satisfied` or `missing`. Default: satisfied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_step: Option<At<SecondStepWord>>,
    /// Did the client show a certificate, where the app demands one? `shown` or `missing`. Default: shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_certificate: Option<At<CertificateWord>>,
    /// What has to come out: `allow`, `refuse`, or `sign_in` where something more has to be shown.
    pub(super) expect: At<Expect>,
}

/// A bearer token in a case.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseToken {
    /// What it may do. Default: all that its owner may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<At<OneOrMany<Text>>>,
    /// The apps it opens. Default: the app of the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) apps: Option<At<OneOrMany<Text>>>,
}

/// What a required key could look like, for its fault; `beside` are the keys that can stand beside it.
pub(super) fn example(field: &str, beside: &[&str]) -> Option<&'static str> {
    Some(match field {
        "version" => "1",
        "organization" => "Acme",
        "portal" => "https://login.acme.example",
        "listen" => "{ https: \"0.0.0.0:443\" }",
        "store" => "{ redb: /var/lib/vestibule/vestibule.redb }",
        "redb" => "/var/lib/vestibule/vestibule.redb",
        "policies" => "/etc/vestibule/policies",
        "host" => "crm.acme.example",
        "upstream" => "http://10.0.3.7:8080",
        "path" => "/api/*",
        "allow" => "everyone",
        "certificates" => "[{ chain: tls/acme.pem, key_file: tls/acme.key }]",
        "chain" => "tls/acme.pem",
        "key_file" => "tls/acme.key",
        "from" if beside.contains(&"smtp") => "\"Acme sign-in <login@acme.example>\"",
        "from" if beside.contains(&"secret_file") => "\"+34600123456\"",
        "from" => "203.0.113.9",
        "account" if beside.contains(&"user") => "AC0123456789abcdef0123456789abcdef",
        "account" => "abcd1234",
        "secret_file" => "secrets/sms",
        "expect" => "allow",
        "smtp" => "smtp.acme.example:587",
        "url" => "https://sms.example/messages",
        "issuer" => "https://id.acme.example",
        "audience" => "vestibule",
        "apps" if beside.contains(&"audience") => "[crm]",
        "body" if beside.contains(&"url") => "'{\"to\":\"{to}\",\"text\":\"{text}\"}'",
        _ => return None,
    })
}

/// Is this the name of a secret? Secrets are only ever named by file.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    !key.ends_with("_file")
        && (["password", "passwd", "secret", "passphrase", "credential", "api_key", "apikey", "private_key"]
            .iter()
            .any(|word| key.contains(word))
            || key == "key")
}

/// Where a key belongs that exists, but not here; or when it will exist.
pub(super) fn elsewhere(key: &str, known: &[&str]) -> Option<&'static str> {
    let is_policy = known.contains(&"networks");
    let is_gateway = known.contains(&"portal");
    match key {
        "networks" | "roles" | "groups" | "users" | "cases" if is_gateway => {
            Some("it belongs in a policy file, in the folder that `policies:` names")
        }
        "allow_from" | "blocked" if is_gateway => {
            Some("it belongs in a policy file, under `organization:`, in the folder that `policies:` names")
        }
        "apps" | "issuers" | "couriers" | "portal" | "listen" | "limits" | "tls" | "store" | "sign_in"
        | "trusted_proxies" | "policies" | "version"
            if is_policy =>
        {
            Some("it belongs in gateway.yaml")
        }
        "allow_from" if known.contains(&"upstream") || known.contains(&"path") => {
            Some("an app can narrow from where people come and never widen it: `only_from:`")
        }
        "mail" | "dav" | "directory" | "federation" | "forward_auth" if is_gateway => {
            Some("it is not available in this version; delete it for now")
        }
        "url" | "headers" | "body" if known.contains(&"from") && known.contains(&"secret_file") => {
            Some("what this service is sent is known; a request of your own stands under `http:`")
        }
        "postgres" if known.contains(&"redb") => Some("it is not available in this version; use `redb`"),
        "proxy_protocol" | "workers" if is_gateway => Some("it belongs under `listen:`"),
        "client_ca" if is_gateway || known.contains(&"upstream") => Some("it belongs under `tls:`"),
        "roles" | "groups" if known.contains(&"allow_from") => Some(
            "who has a role or is in a group is kept in the store: `vestibule user`; here stands what holds for them",
        ),
        _ => None,
    }
}
