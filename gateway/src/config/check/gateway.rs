//! The gateway itself: portal, listeners, certificates, store, sign-in.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::network::AddressSet;
use access::policy::{Method, Methods, SessionLimits, TwoStep};

use super::addresses::{self, For, Networks};
use super::scalars::{self, Origin};
use crate::config::fault::{Page, shown};
use crate::config::file::{self, Gateway};
use crate::config::words::{Address, FilePath, SocketText, TwoStepWord, Url};
use crate::config::written::{At, OneOrMany};
use crate::config::{CaFile, CertificateFiles, Limits, Listen, PublicUrl, Scheme};

/// What `gateway.yaml` says apart from its apps.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) organization: String,
    pub(super) portal: PublicUrl,
    pub(super) listen: Listen,
    pub(super) proxy_protocol: AddressSet,
    pub(super) limits: Limits,
    pub(super) certificates: Vec<CertificateFiles>,
    pub(super) client_ca: Option<CaFile>,
    pub(super) trusted_proxies: AddressSet,
    pub(super) store: PathBuf,
    pub(super) store_key: PathBuf,
    pub(super) two_step: TwoStep,
    pub(super) session: SessionLimits,
    pub(super) methods: Vec<Method>,
    pub(super) security_questions: bool,
}

/// `None`: the page says why.
pub(super) fn check(page: Page<'_>, gateway: &Gateway, dir: &Path, networks: &Networks) -> Option<Ready> {
    if gateway.version.value != 1 {
        page.refuse(
            "unknown_version",
            gateway.version.spot,
            format!("this gateway reads version 1 of the format, found {}", gateway.version.value),
            "write `version: 1`",
        );
    }
    let organization = gateway.organization.value.0.trim();
    if organization.is_empty() || organization.chars().count() > 100 || organization.chars().any(char::is_control) {
        page.refuse(
            "bad_name",
            gateway.organization.spot,
            "the organization's name is empty, longer than 100 characters, or has a line break",
            "write the name people know",
        );
    }
    let portal = portal(page, &gateway.portal);
    let listen = listen(page, gateway, portal.as_ref());
    let certificates = certificates(page, gateway, dir);
    let client_ca = client_ca(page, gateway, dir);
    let limits = limits(page, gateway.limits.as_ref().map(|limits| &limits.value));
    let proxies = |written: Option<&At<OneOrMany<Address>>>| {
        let listed = written.and_then(|written| addresses::list(page, networks, written, For::Proxies));
        listed.map(|listed| AddressSet::clone(&listed.set)).unwrap_or_default()
    };
    let trusted_proxies = proxies(gateway.trusted_proxies.as_ref());
    let proxy_protocol = proxies(gateway.listen.value.proxy_protocol.as_ref());
    let (two_step, session) = sign_in(page, gateway);
    let methods = methods(page, gateway);
    let store = dir.join(&gateway.store.value.redb.value.0);
    let store_key = match &gateway.store.value.key_file {
        Some(written) => dir.join(&written.value.0),
        None => {
            let mut name = store.clone().into_os_string();
            name.push(".key");
            name.into()
        }
    };
    is_file_name(page, &gateway.store.value.redb);
    Some(Ready {
        organization: organization.to_owned(),
        portal: portal?,
        listen: listen?,
        proxy_protocol,
        limits: limits?,
        certificates,
        client_ca,
        trusted_proxies,
        store,
        store_key,
        two_step,
        session: session?,
        methods: methods?,
        security_questions: asks_questions(gateway),
    })
}

/// The portal's URL. `None`: the page says why.
pub(super) fn portal(page: Page<'_>, written: &At<Url>) -> Option<PublicUrl> {
    let origin = Origin::parse(page, written, "https://login.acme.example")?;
    let host = scalars::host(page, &origin.host.to_string(), written.spot)?;
    let secure = origin.scheme == Scheme::Https;
    if !secure && !scalars::is_localhost(&host) {
        page.refuse(
            "plain_http_portal",
            written.spot,
            format!("people would send their passwords to {host} without encryption"),
            format!("write https://{host}; where something in front of the gateway ends TLS, the portal is still https. Plain http is for localhost and *.localhost"),
        );
        return None;
    }
    let scheme = origin.scheme.as_str();
    let text = match origin.port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    };
    Some(PublicUrl { origin: text, host, port: origin.port, secure })
}

fn listen(page: Page<'_>, gateway: &Gateway, portal: Option<&PublicUrl>) -> Option<Listen> {
    let written = &gateway.listen.value;
    let socket = |written: &Option<At<SocketText>>| match written {
        Some(written) => scalars::socket(page, written).map(Some),
        None => Some(None),
    };
    let (http, https, admin) = (socket(&written.http), socket(&written.https), socket(&written.admin));
    if written.http.is_none() && written.https.is_none() {
        page.refuse(
            "no_listener",
            gateway.listen.spot,
            "the gateway listens nowhere for people",
            "add `https: \"0.0.0.0:443\"`, or `http:` behind something that ends TLS",
        );
    }
    if let (Some(https), None) = (&written.https, &gateway.tls) {
        page.refuse(
            "https_without_certificate",
            https.spot,
            "there is no certificate for https",
            "add `tls: { certificates: [{ chain: tls/acme.pem, key_file: tls/acme.key }] }`",
        );
    }
    if let (None, Some(_), Some(portal)) = (&written.http, &written.https, portal)
        && !portal.secure()
    {
        page.refuse(
            "no_listener",
            gateway.portal.spot,
            format!("people would be sent to {}, and the gateway listens for https only", portal.origin()),
            "write https in `portal`, or add `listen: { http: … }`",
        );
    }
    let workers = scalars::limit_or(page, written.workers.as_ref(), default_workers())?;
    let admin = admin?.unwrap_or(ADMIN);
    let (http, https) = (http?, https?);
    let spots =
        [("http", http, &written.http), ("https", https, &written.https), ("admin", Some(admin), &written.admin)];
    for (index, (name, socket, at)) in spots.iter().enumerate() {
        let taken = spots[..index].iter().find(|(_, other, _)| clash(*other, *socket));
        if let Some((other, ..)) = taken {
            page.refuse(
                "same_socket_twice",
                at.as_ref().map_or(gateway.listen.spot, |at| at.spot),
                format!("`{name}` listens where `{other}` does already"),
                "give it a port of its own",
            );
        }
    }
    Some(Listen { http, https, admin, workers })
}

fn certificates(page: Page<'_>, gateway: &Gateway, dir: &Path) -> Vec<CertificateFiles> {
    let Some(tls) = &gateway.tls else { return Vec::new() };
    let written = &tls.value.certificates;
    if written.value.is_empty() {
        page.refuse(
            "empty_list",
            written.spot,
            "there is no certificate in the list",
            "add `{ chain: tls/acme.pem, key_file: tls/acme.key }`, or delete `tls`",
        );
    }
    if gateway.listen.value.https.is_none() {
        page.warn(
            "unused_certificate",
            tls.spot,
            "certificates are given, and the gateway does not listen for https",
            "add `listen: { https: \"0.0.0.0:443\" }`, or delete `tls`",
        );
    }
    let mut certificates = Vec::new();
    for At { value: certificate, spot } in &written.value {
        let chain = is_readable(page, &certificate.chain, dir);
        let key = is_readable(page, &certificate.key_file, dir);
        if key {
            is_private(page, &certificate.key_file, dir);
        }
        if chain && key {
            certificates.push(CertificateFiles {
                chain: dir.join(&certificate.chain.value.0),
                key: dir.join(&certificate.key_file.value.0),
                place: page.place(*spot),
            });
        }
    }
    // Read and checked all the same: what is wrong is told now and not on the day they are needed.
    if gateway.listen.value.https.is_none() { Vec::new() } else { certificates }
}

fn client_ca(page: Page<'_>, gateway: &Gateway, dir: &Path) -> Option<CaFile> {
    let written = gateway.tls.as_ref()?.value.client_ca.as_ref()?;
    let demanding = gateway.apps.iter().flat_map(|apps| &apps.value.0);
    if !demanding.into_iter().any(|(_, app)| app.value.client_certificate.is_some()) {
        page.warn(
            "unused_certificate",
            written.spot,
            "a CA for clients' certificates is given, and no app demands one",
            "write `client_certificate: required` at an app, or delete `client_ca`",
        );
    }
    is_readable(page, written, dir)
        .then(|| CaFile { file: dir.join(&written.value.0), place: page.place(written.spot) })
}

/// `None`: a value could not be read, and the page says why.
fn limits(page: Page<'_>, written: Option<&file::Limits>) -> Option<Limits> {
    let connections = written.and_then(|written| written.connections.as_ref());
    let per_address = written.and_then(|written| written.connections_per_address.as_ref());
    let connections = scalars::limit_or(page, connections, CONNECTIONS);
    let connections_per_address = scalars::limit_or(page, per_address, CONNECTIONS_PER_ADDRESS);
    let header_time = written.and_then(|written| written.header_time.as_ref());
    let header_time = scalars::time_span_or(page, header_time, HEADER_TIME);
    let slowest = written.and_then(|written| written.slowest.as_ref());
    let slowest = slowest.map_or(Some(SLOWEST), |written| scalars::size(page, written).and_then(NonZeroU64::new));
    let drain = scalars::time_span_or(page, written.and_then(|written| written.drain.as_ref()), DRAIN);
    Some(Limits {
        connections: connections?,
        connections_per_address: connections_per_address?,
        header_time: header_time?,
        slowest: slowest?,
        drain: drain?,
    })
}

/// One a core.
pub(in crate::config) fn default_workers() -> NonZeroU32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    u32::try_from(cores).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

fn asks_questions(gateway: &Gateway) -> bool {
    let sign_in = gateway.sign_in.as_ref().map(|sign_in| &sign_in.value);
    sign_in.and_then(|sign_in| sign_in.security_questions.as_ref()).is_some_and(|at| at.value)
}

/// In the order in which they are written. `None`: the page says why.
fn methods(page: Page<'_>, gateway: &Gateway) -> Option<Vec<Method>> {
    let written = gateway.sign_in.as_ref().and_then(|sign_in| sign_in.value.methods.as_ref());
    let Some(written) = written else { return Some(vec![Method::Totp]) };
    let mut methods = scalars::method_list(page, written)?;
    let mut seen = Methods::NONE;
    methods.retain(|method| {
        let is_new = !seen.has(*method);
        seen = seen.with(*method);
        is_new
    });
    let couriers = gateway.couriers.as_ref().map(|couriers| &couriers.value);
    let ways = [
        (Method::Sms, "sms", couriers.is_some_and(|couriers| couriers.sms.is_some())),
        (Method::Voice, "voice", couriers.is_some_and(|couriers| couriers.voice.is_some())),
        (Method::Email, "email", couriers.is_some_and(|couriers| couriers.email.is_some())),
    ];
    for (_, word, _) in ways.iter().filter(|(method, _, is_there)| seen.has(*method) && !is_there) {
        page.refuse(
            "method_without_courier",
            written.spot,
            format!("codes by `{word}` are offered, and nothing brings them"),
            format!("add `couriers: {{ {word}: … }}`, or delete `{word}` here"),
        );
    }
    if seen.and(Methods::NONE.with(Method::Totp).with(Method::Passkey)).is_empty() {
        page.refuse(
            "weak_methods_alone",
            written.spot,
            "codes that are sent can be caught on their way, and nothing better is offered (ASVS 6.6.1)",
            "add `passkey` or `totp`, and put it first",
        );
    }
    Some(methods)
}

fn sign_in(page: Page<'_>, gateway: &Gateway) -> (TwoStep, Option<SessionLimits>) {
    let written = gateway.sign_in.as_ref().map(|sign_in| &sign_in.value);
    let two_step = match written.and_then(|sign_in| sign_in.two_step.as_ref()).map(|at| at.value) {
        Some(TwoStepWord::Optional) => TwoStep::Optional,
        Some(TwoStepWord::Required) | None => TwoStep::Required,
    };
    let session = written.and_then(|sign_in| sign_in.session.as_ref()).map(|session| &session.value);
    let idle = session.and_then(|session| session.idle.as_ref());
    let absolute = session.and_then(|session| session.absolute.as_ref());
    let idle_limit = idle.map_or(Some(IDLE), |written| scalars::time_span(page, written));
    let absolute_limit = absolute.map_or(Some(ABSOLUTE), |written| scalars::time_span(page, written));
    let (Some(idle_limit), Some(absolute_limit)) = (idle_limit, absolute_limit) else { return (two_step, None) };
    if let (true, Some(spot)) = (idle_limit > absolute_limit, idle.or(absolute).map(|written| written.spot)) {
        let text = |written: Option<&At<_>>, default: &str| match written {
            Some(At { value: crate::config::words::TimeSpan(text), .. }) => shown(text),
            None => format!("{default}, the default"),
        };
        page.refuse(
            "idle_longer_than_absolute",
            spot,
            format!("`idle` ({}) is longer than `absolute` ({})", text(idle, "1h"), text(absolute, "24h")),
            "a session ends at the earlier of the two; make `idle` the shorter one",
        );
    }
    (two_step, Some(SessionLimits { idle: idle_limit, absolute: absolute_limit }))
}

/// Can the file be opened? Says so if not.
pub(super) fn is_readable(page: Page<'_>, written: &At<FilePath>, dir: &Path) -> bool {
    let opened = is_file_name(page, written).then(|| std::fs::File::open(dir.join(&written.value.0)));
    match opened {
        None => false,
        Some(Ok(_)) => true,
        Some(Err(error)) => {
            page.refuse(
                "unreadable_file",
                written.spot,
                format!("the file `{}` can't be read: {error}", shown(&written.value.0)),
                "it must exist and be readable by the user the gateway runs as; a relative name begins at the folder of gateway.yaml",
            );
            false
        }
    }
}

fn is_file_name(page: Page<'_>, written: &At<FilePath>) -> bool {
    let text = &written.value.0;
    let fits = !text.trim().is_empty() && !text.contains('\0');
    if !fits {
        page.refuse(
            "bad_path",
            written.spot,
            "expected the name of a file, found an empty text",
            "write the file's name",
        );
    }
    fits
}

/// Can anybody but its owner read the key? Says so.
pub(super) fn is_private(page: Page<'_>, written: &At<FilePath>, dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.join(&written.value.0);
    let mode = std::fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        page.refuse(
            "secret_readable",
            written.spot,
            format!("others on this machine can read `{}` (mode {:o})", shown(&written.value.0), mode & 0o777),
            format!("chmod 600 {}", path.display()),
        );
    }
}

/// Port 0 is another one each time.
fn clash(one: Option<SocketAddr>, other: Option<SocketAddr>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            let same_address = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
            one.port() != 0 && one.port() == other.port() && same_address
        }
        _ => false,
    }
}

const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9400);
const IDLE: Duration = Duration::from_secs(3600);
const ABSOLUTE: Duration = Duration::from_secs(24 * 3600);
const CONNECTIONS: NonZeroU32 = NonZeroU32::new(16_384).expect("not zero");
const CONNECTIONS_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(1024).expect("not zero");
const HEADER_TIME: Duration = Duration::from_secs(10);
const SLOWEST: NonZeroU64 = NonZeroU64::new(500).expect("not zero");
const DRAIN: Duration = Duration::from_secs(30);
