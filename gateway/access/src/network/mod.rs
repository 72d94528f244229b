//! From where? The client's true address and the sets it may lie in (N1, N13).
//!
//! v4-mapped IPv6 (`::ffff:a.b.c.d`) is IPv4 everywhere; no other embedding is. Addresses in configuration are strict:
//! no leading zeros, no host bits, no zone ids; a bare address is one address; `a-b` is an inclusive range.

mod entry;
mod forwarded;
pub mod proxy_protocol;
mod set;

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub use entry::{Network, NetworkError};
pub use set::AddressSet;

use proxy_protocol::Source;

/// The address that counts, canonical. Rules, throttles and audit take this type, never an [`IpAddr`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientAddr(IpAddr);

impl ClientAddr {
    /// The only constructor: who is really at the other end, given the TCP peer, whom we believe and what is claimed? The
    /// peer speaks in its PROXY header, if its kind has to; the address reached so far speaks in the forwarding headers, if
    /// it is a trusted proxy. Their hops are walked right to left and the first one that is not trusted is the client; if
    /// all are trusted it is the leftmost. Every element has to be an address, also left of the client. Without forwarding
    /// headers nothing is allocated. Errors: [`AddressError`]; the caller refuses.
    pub fn resolve(peer: IpAddr, believed: &Believed<'_>, claims: &Claims<'_>) -> Result<Resolved, AddressError> {
        let peer = peer.to_canonical();
        let begins_with_header = contains(believed.proxy_protocol, peer);
        let proxied = match (begins_with_header, claims.proxied) {
            (false, None) | (true, Some(Source::Itself)) => None,
            (true, Some(Source::Client(client))) => Some(client.to_canonical()),
            (true, Some(Source::Unknown)) => return Err(AddressError::SourceUnknown),
            (true, None) => return Err(AddressError::HeaderMissing),
            (false, Some(_)) => return Err(AddressError::HeaderUnexpected),
        };
        let mut resolved = Resolved::at(peer, contains(believed.trusted_proxies, peer));
        if let Some(client) = proxied {
            // The balancer was believed about its client; whether that one is believed is another question.
            resolved.balancer = Some(peer);
            resolved.reach(client, contains(believed.trusted_proxies, client));
        }
        let (Some(trusted), Some(headers), true) = (believed.trusted_proxies, claims.headers, resolved.client_speaks)
        else {
            return Ok(resolved);
        };
        let by_x_forwarded_for = forwarded::x_forwarded_for(&headers.lines(Field::XForwardedFor))?;
        let by_forwarded = forwarded::forwarded(&headers.lines(Field::Forwarded))?;
        match (by_x_forwarded_for, by_forwarded) {
            (Some(one), Some(other)) => {
                let (one, other) = (resolved.clone().walk(&one, trusted), resolved.walk(&other, trusted));
                if one.client == other.client { Ok(one) } else { Err(AddressError::Disagree) }
            }
            (Some(hops), None) | (None, Some(hops)) => Ok(resolved.walk(&hops, trusted)),
            (None, None) => Ok(resolved),
        }
    }

    /// The address, for sockets and output.
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// The network that counts as one source for throttling: the address itself for IPv4, its /64 for IPv6.
    pub fn source(self) -> IpNet {
        match self.0 {
            IpAddr::V4(v4) => IpNet::V4(Ipv4Net::from(v4)),
            IpAddr::V6(v6) => {
                let network = Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64);
                IpNet::V6(Ipv6Net::new_assert(network, 64))
            }
        }
    }
}

impl std::fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Who is believed when they speak for others? By default nobody.
#[derive(Clone, Copy, Default, Debug)]
pub struct Believed<'a> {
    /// Peers that begin every connection with a PROXY header: it is required from them and an error from others.
    pub proxy_protocol: Option<&'a AddressSet>,
    /// Proxies whose forwarding headers count.
    pub trusted_proxies: Option<&'a AddressSet>,
}

/// What is claimed about one request's origin. By default nothing.
#[derive(Clone, Copy, Default)]
pub struct Claims<'a> {
    /// The PROXY header at the beginning of the connection, if there was one.
    pub proxied: Option<Source>,
    /// The request's header; looked at only if somebody who is believed may have written it.
    pub headers: Option<&'a dyn Headers>,
}

/// A request's forwarding headers.
pub trait Headers {
    /// The lines of a field as they came, in order.
    fn lines(&self, field: Field) -> Vec<&[u8]>;
}

/// A forwarding header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The client and the way it came, for `/whoami` (N17).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// The address that counts.
    pub client: ClientAddr,
    /// Is the client itself a trusted proxy?
    client_speaks: bool,
    /// Was it a trusted proxy that spoke HTTP to us?
    by_proxy: bool,
    /// The TCP peer, if it spoke for another in a PROXY header.
    balancer: Option<IpAddr>,
    /// The trusted proxies before the client, the nearest to us first.
    proxies: Vec<IpAddr>,
}

impl Resolved {
    fn at(peer: IpAddr, speaks: bool) -> Self {
        Self { client: ClientAddr(peer), client_speaks: speaks, by_proxy: speaks, balancer: None, proxies: Vec::new() }
    }

    fn reach(&mut self, client: IpAddr, speaks: bool) {
        self.client = ClientAddr(client);
        self.client_speaks = speaks;
        self.by_proxy |= speaks;
    }

    /// `hops` in the order of the header, the one nearest to us last.
    fn walk(mut self, hops: &[IpAddr], trusted: &AddressSet) -> Self {
        for hop in hops.iter().rev() {
            if !self.client_speaks {
                break;
            }
            self.proxies.push(self.client.0);
            self.reach(*hop, trusted.contains_ip(*hop));
        }
        self
    }

    /// From the TCP peer outwards: each address and whether it was believed about the next. The last is the client.
    pub fn hops(&self) -> impl Iterator<Item = (IpAddr, Trust)> {
        let before = self.balancer.iter().chain(&self.proxies).map(|hop| (*hop, Trust::Trusted));
        let client = if self.client_speaks { Trust::Trusted } else { Trust::Untrusted };
        before.chain([(self.client.0, client)])
    }

    /// The TCP peer.
    pub fn peer(&self) -> IpAddr {
        self.hops().next().map_or(self.client.0, |(peer, _)| peer)
    }

    /// Did a trusted proxy speak HTTP for the client? Then how it speaks says nothing about how the client did.
    pub const fn by_trusted_proxy(&self) -> bool {
        self.by_proxy
    }
}

/// Is a hop believed?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// Listed under `trusted_proxies`, or under `proxy_protocol` and it did speak so.
    Trusted,
    /// Not listed: whatever it says about others is ignored.
    Untrusted,
}

/// Why the client's address could not be known. The request is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// A trusted proxy sent something that is no address; its first 64 characters.
    #[error("a trusted proxy sent {0:?}, which is no address")]
    Unparsable(String),
    /// `X-Forwarded-For` and `Forwarded` name different clients.
    #[error("X-Forwarded-For and Forwarded disagree")]
    Disagree,
    /// More than 32 hops in one header.
    #[error("more than 32 hops")]
    TooManyHops,
    /// A balancer that begins its connections with a PROXY header began without.
    #[error("the peer is listed under proxy_protocol, and there was no PROXY header")]
    HeaderMissing,
    /// A PROXY header from somebody who is not listed.
    #[error("there was a PROXY header, and the peer is not listed under proxy_protocol")]
    HeaderUnexpected,
    /// A balancer relays a connection and does not say whose.
    #[error("the PROXY header does not say whose connection it is")]
    SourceUnknown,
}

fn contains(set: Option<&AddressSet>, address: IpAddr) -> bool {
    set.is_some_and(|set| set.contains_ip(address))
}

#[cfg(test)]
mod tests;
