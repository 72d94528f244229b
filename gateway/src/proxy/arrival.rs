//! How did a connection come? What was learned before its first request, for all of its requests.
//!
//! It travels where pingora keeps what a stream brings along, so that it survives TLS and is there for every stream of an
//! HTTP/2 connection.

use std::sync::OnceLock;

use access::network::proxy_protocol::Source;
use access::target::HostName;
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{Digest, GetProxyDigest, Ssl};

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// What its PROXY header said, if it began with one.
    pub(super) proxied: Option<Source>,
    /// The host that the client asked for in its TLS handshake (SNI), once that is over.
    server_name: OnceLock<HostName>,
}

impl Arrival {
    /// Of a connection that began with this PROXY header, or with none.
    pub(crate) const fn new(proxied: Option<Source>) -> Self {
        Self { proxied, server_name: OnceLock::new() }
    }

    /// As a stream takes it along. Errors: none that a fixed status code could cause.
    pub(crate) fn into_digest(self) -> pingora::Result<ProxyDigest> {
        // pingora means the answer of a proxy in front of an upstream; there is none here.
        let response = ResponseHeader::build(200, Some(0))?;
        Ok(ProxyDigest::new(Box::new(response), Some(Box::new(self))))
    }

    /// Notes which host the client asked for. Called once, after the handshake.
    pub(crate) fn note_server_name(stream: &(impl Ssl + GetProxyDigest)) {
        let Some(digest) = stream.get_proxy_digest() else { return };
        let name = stream.get_ssl().and_then(|tls| HostName::parse(tls.server_name()?).ok());
        if let (Some(arrival), Some(name)) = (Self::within(&digest), name) {
            // There is one handshake a connection.
            let _ = arrival.server_name.set(name);
        }
    }

    /// Of the connection that a request came on.
    pub(super) fn of(digest: Option<&Digest>) -> Option<&Self> {
        Self::within(digest?.proxy_digest.as_deref()?)
    }

    fn within(digest: &ProxyDigest) -> Option<&Self> {
        digest.user_data.as_ref()?.downcast_ref()
    }

    /// May a request for this host come on the connection? Over TLS only for the name that the handshake was about: the
    /// client's certificate, and whether one was asked for, belong to that name (RFC 9110 §7.4).
    pub(super) fn serves(digest: Option<&Digest>, host: &HostName) -> bool {
        let encrypted = digest.is_some_and(|digest| digest.ssl_digest.is_some());
        !encrypted || Self::of(digest).is_some_and(|arrival| arrival.server_name.get() == Some(host))
    }
}
