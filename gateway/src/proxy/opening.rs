//! What came before HTTP on a connection? A balancer's PROXY header and the TLS handshake, for every request that follows.

use std::sync::OnceLock;

use access::network::proxy_protocol::Source;
use access::policy::Certificate;
use access::target::HostName;
use pingora::protocols::{Digest, Ssl};

use super::connection::Facts;
use crate::tls::Authority;

/// What was learned before the first request. Each part is noted once, by the connection's own task.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    proxied: OnceLock<Source>,
    handshake: OnceLock<Handshake>,
}

/// What a TLS handshake was about.
#[derive(Debug)]
struct Handshake {
    /// The host that the client asked for (SNI).
    host: HostName,
    /// Whose certificate was asked of the client.
    asked: Option<Authority>,
    /// Did it show one? A bad one would have been the end.
    shown: bool,
}

impl Opening {
    /// The PROXY header was read.
    pub(crate) fn note_source(&self, source: Source) {
        // There is one a connection: what follows it is TLS or HTTP.
        let _ = self.proxied.set(source);
    }

    /// The TLS handshake is over; `asked`: whose certificate was asked of the client.
    pub(crate) fn note_handshake(&self, stream: &impl Ssl, asked: Option<Authority>) {
        let Some(tls) = stream.get_ssl() else { return };
        let host = tls.server_name().and_then(|name| HostName::parse(name).ok());
        if let Some(host) = host {
            let shown = asked.is_some() && tls.peer_certificate_der().is_some();
            let _ = self.handshake.set(Handshake { host, asked, shown });
        }
    }

    fn is_for(&self, host: &HostName) -> bool {
        self.handshake.get().is_some_and(|handshake| handshake.host == *host)
    }

    /// What the PROXY header said, if the connection began with one.
    pub(super) fn proxied(&self) -> Option<Source> {
        self.proxied.get().copied()
    }
}

/// May a request for this host come on this connection? Over TLS only for the name that the handshake was about: whether a
/// certificate was asked of the client, and which one it saw, belongs to that name (RFC 9110 §7.4).
pub(super) fn serves(digest: Option<&Digest>, host: &HostName) -> bool {
    let encrypted = digest.is_some_and(|digest| digest.ssl_digest.is_some());
    !encrypted || Facts::of(digest).is_some_and(|facts| facts.opening.is_for(host))
}

/// Was the client's certificate shown, for an app that demands one by this authority? `None`: the handshake did not ask, or
/// asked for another's, as before a reload; on another connection it would.
pub(super) fn certificate(digest: Option<&Digest>, authority: Option<Authority>) -> Option<Certificate> {
    let handshake = Facts::of(digest).and_then(|facts| facts.opening.handshake.get());
    // Without TLS no connection could ask: a proxy in between keeps the certificate to itself.
    let Some(handshake) = handshake else { return Some(Certificate::NotShown) };
    let shown = if handshake.shown { Certificate::Shown } else { Certificate::NotShown };
    (handshake.asked.is_some() && handshake.asked == authority).then_some(shown)
}
