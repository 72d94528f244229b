//! What came before HTTP on a connection? A balancer's PROXY header and the TLS handshake, for every request that follows.

use std::sync::OnceLock;

use access::network::proxy_protocol::Source;
use access::target::HostName;
use pingora::protocols::{Digest, Ssl};

use super::connection::Facts;

/// What was learned before the first request. Each part is noted once, by the connection's own task.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    proxied: OnceLock<Source>,
    server_name: OnceLock<HostName>,
}

impl Opening {
    /// The PROXY header was read.
    pub(crate) fn note_source(&self, source: Source) {
        // There is one a connection: what follows it is TLS or HTTP.
        let _ = self.proxied.set(source);
    }

    /// The TLS handshake is over: for which host was it (SNI)?
    pub(crate) fn note_handshake(&self, stream: &impl Ssl) {
        let name = stream.get_ssl().and_then(|tls| HostName::parse(tls.server_name()?).ok());
        if let Some(name) = name {
            let _ = self.server_name.set(name);
        }
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
    !encrypted || Facts::of(digest).is_some_and(|facts| facts.opening.server_name.get() == Some(host))
}
