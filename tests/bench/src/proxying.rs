//! The plain question: what does one request cost, by cookie, by token, public, refused, beside everybody else?

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use crate::Options;
use crate::contest::{self, Contender, Driver, is_installed};
use crate::load::{Load, Requests, Reuse, Tls};
use crate::ours::{APP_HOST, Gateway, Setup};
use crate::peers::{Ground, Peer};
use crate::table;

/// HTTP/1.1, keep-alive.
pub(crate) fn http1(ground: &Ground, options: &Options) -> String {
    let gateway = Gateway::start(ground, "ours", Setup::LEAST);
    let peers = rivals(ground, options);
    let mut text = "## HTTP/1.1, keep-alive\n\n".to_owned();
    for size in sizes(options) {
        let contenders = contenders(
            &gateway,
            &peers,
            options,
            |name, to, asked| {
                let load = plain(options, to, asked);
                (name.to_owned(), Driver::Http1(load))
            },
            size,
        );
        let rows = contest::run(ground, &contenders, options.length(size.requests));
        text += &table::contest(size.title, &rows);
        text.push('\n');
    }
    text
}

/// HTTP/1.1 over TLS: keep-alive, then a new connection for each request.
pub(crate) fn tls(ground: &Ground, options: &Options) -> String {
    let gateway = Gateway::start(ground, "ours", Setup { https: true, ..Setup::LEAST });
    let peers = rivals(ground, options);
    let tls = client(ground, &[b"http/1.1"]);
    let mut text = "## HTTP/1.1 over TLS\n\n".to_owned();
    let turns = sizes(options).iter().map(|size| (size, Reuse::KeepAlive)).chain([(&NEW, Reuse::Never)]);
    for (size, reuse) in turns {
        let contenders = contenders(
            &gateway,
            &peers,
            options,
            |name, to, asked| {
                let from = if reuse == Reuse::Never { many_sources() } else { vec![asked.from] };
                let load = Load { tls: Some(tls.clone()), reuse, from, ..plain(options, to, asked) };
                (name.to_owned(), Driver::Http1(load))
            },
            size,
        );
        let rows = contest::run(ground, &contenders, options.length(size.requests));
        text += &table::contest(size.title, &rows);
        text.push('\n');
    }
    text
}

/// HTTP/2 over TLS.
pub(crate) fn http2(ground: &Ground, options: &Options) -> String {
    let mut text = "## HTTP/2 over TLS\n\n".to_owned();
    if !is_installed("h2load") {
        text.push_str("Not measured: h2load (nghttp2-client) is not installed.\n");
        return text;
    }
    let gateway = Gateway::start(ground, "ours", Setup { https: true, ..Setup::LEAST });
    let ours = contest::speaks_http2(gateway.peer.https);
    if !ours {
        text.push_str("The gateway does not offer HTTP/2, so it is missing here.\n\n");
    }
    let peers = rivals(ground, options);
    for size in sizes(options) {
        let mut contenders = contenders(
            &gateway,
            &peers,
            options,
            |name, to, asked| {
                let headers = asked.fields.clone();
                (name.to_owned(), Driver::Http2 { to, path: asked.path, headers })
            },
            size,
        );
        contenders.retain(|contender| ours || !contender.name.starts_with("ours"));
        let rows = contest::run(ground, &contenders, options.length(size.requests));
        text += &table::contest(size.title, &rows);
        text.push('\n');
    }
    text
}

/// How large, how often.
pub(crate) struct Size {
    title: &'static str,
    large: bool,
    requests: u64,
}

const SMALL: Size = Size { title: "100 bytes", large: false, requests: 30_000 };
const LARGE: Size = Size { title: "16 KiB", large: true, requests: 15_000 };
const NEW: Size = Size { title: "100 bytes, a new connection for each request", large: false, requests: 2_000 };

fn sizes(options: &Options) -> &'static [Size] {
    const BOTH: &[Size] = &[SMALL, LARGE];
    if options.quick { &BOTH[..1] } else { BOTH }
}

/// One request.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: &'static str,
    pub(crate) fields: Vec<String>,
    pub(crate) from: IpAddr,
    pub(crate) status: u16,
}

/// The servers beside ours; the bare proxy first.
fn rivals(ground: &Ground, options: &Options) -> Vec<Peer> {
    let mut peers = vec![Peer::bare(ground, true)];
    if options.wants_row("bare pingora, no work stealing") {
        peers.push(Peer::bare(ground, false));
    }
    if options.wants_row("nginx") {
        peers.push(Peer::nginx(ground, false));
    }
    if options.wants_row("nginx + auth_request") {
        peers.push(Peer::nginx(ground, true));
    }
    if options.wants_row("HAProxy") {
        peers.push(Peer::haproxy(ground));
    }
    peers
}

fn contenders(
    gateway: &Gateway,
    peers: &[Peer],
    options: &Options,
    driver: impl Fn(&str, SocketAddr, &Asked) -> (String, Driver),
    size: &Size,
) -> Vec<Contender> {
    let secure = gateway.is_https();
    let cookie = cookie(&gateway.cookies[0]);
    let by_cookie = asked(if size.large { "/large" } else { "/list" }, Some(&cookie));
    let mut found = Vec::new();
    // What the others are asked is the same to the byte.
    let to = |peer: &Peer| if secure { peer.https } else { peer.http };
    for (at, peer) in peers.iter().enumerate() {
        let (name, load) = driver(peer.name, to(peer), &by_cookie);
        found.push(Contender { name, processes: peer.processes(), load });
        if at > 0 {
            continue;
        }
        let bearer = format!("authorization: Bearer {}", gateway.token);
        let refused = |field| Asked { from: OUTSIDE.into(), status: 403, ..asked("/list", field) };
        let rows = [
            ("ours, cookie", asked(by_cookie.path, Some(&cookie))),
            ("ours, bearer token", asked(if size.large { "/api/large" } else { "/api/list" }, Some(&bearer))),
            ("ours, public path", asked(if size.large { "/status/large" } else { "/status/list" }, None)),
            ("ours, refused by address", refused(None)),
            ("ours, refused by address with a cookie", refused(Some(&cookie))),
        ];
        for (name, asked) in rows {
            // h2load can't choose where it comes from, and a refusal has one size.
            let is_refusal = asked.status != 200;
            if !options.wants_row(name) || is_refusal && (size.large || size.title == NEW.title) {
                continue;
            }
            let (name, load) = driver(name, to(&gateway.peer), &asked);
            if is_refusal && matches!(load, Driver::Http2 { .. }) {
                continue;
            }
            found.push(Contender { name, processes: gateway.peer.processes(), load });
        }
    }
    found
}

/// A GET with at most one field beside those that every client sends.
pub(crate) fn asked(path: &'static str, field: Option<&str>) -> Asked {
    let mut fields = vec!["user-agent: bench/1.0".to_owned(), "accept: */*".to_owned()];
    fields.extend(field.map(str::to_owned));
    Asked { path, fields, from: OFFICE.into(), status: 200 }
}

/// The field with our cookie.
pub(crate) fn cookie(secret: &str) -> String {
    format!("cookie: {}={secret}", vestibule::portal::COOKIE_NAME)
}

/// Over plain HTTP/1.1, keep-alive.
pub(crate) fn plain(options: &Options, to: SocketAddr, asked: &Asked) -> Load {
    let text = format!(
        "GET {} HTTP/1.1\r\nhost: {APP_HOST}:{}\r\n{}\r\n\r\n",
        asked.path,
        to.port(),
        asked.fields.join("\r\n")
    );
    Load {
        to,
        from: vec![asked.from],
        tls: None,
        connections: options.connections,
        reuse: Reuse::KeepAlive,
        requests: Requests::One(text.into_bytes().into()),
        status: Some(asked.status),
    }
}

/// A client that believes the certificate of this run and resumes no session.
pub(crate) fn client(ground: &Ground, protocols: &[&[u8]]) -> Tls {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ground.chain()).expect("ours");
    roots.add(certificate).expect("ours");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("ring knows them").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.resumption = rustls::client::Resumption::disabled();
    Tls { config: Arc::new(config), host: ServerName::try_from(APP_HOST).expect("a name") }
}

/// Listed addresses, so many that none runs out of ports.
pub(crate) fn many_sources() -> Vec<IpAddr> {
    (1..=200).map(|last| IpAddr::from([127, 0, 1, last])).collect()
}

/// Listed.
pub(crate) const OFFICE: [u8; 4] = [127, 0, 0, 1];
/// Not listed.
pub(crate) const OUTSIDE: [u8; 4] = [127, 66, 0, 1];
