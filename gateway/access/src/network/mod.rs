//! From where? The client's true address and the sets it may lie in (N1, N13).
//!
//! v4-mapped IPv6 (`::ffff:a.b.c.d`) is IPv4 everywhere; no other embedding is. Addresses in configuration are strict:
//! no leading zeros, no host bits, no zone ids; a bare address is one address; `a-b` is an inclusive range.

mod entry;
mod forwarded;
mod set;

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub use entry::{Network, NetworkError};
pub use set::AddressSet;

/// The address that counts, canonical. Rules, throttles and audit take this type, never an [`IpAddr`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientAddr(IpAddr);

impl ClientAddr {
    /// The only constructor: who is really at the other end, given the TCP peer, the proxies we trust and what their
    /// headers claim? Headers count only when the peer is trusted; hops are walked right to left and the first one that
    /// is not trusted is the client; if all are trusted it is the leftmost. Every element has to be an address, also left
    /// of the client. Errors: [`AddressError`]; the caller refuses.
    pub fn resolve(peer: IpAddr, trusted: &AddressSet, claims: &Claims<'_>) -> Result<Resolved, AddressError> {
        let peer = peer.to_canonical();
        if !trusted.contains_ip(peer) {
            return Ok(Resolved::walk(peer, &[], trusted));
        }
        let by_x_forwarded_for =
            forwarded::x_forwarded_for(&claims.x_forwarded_for)?.map(|hops| Resolved::walk(peer, &hops, trusted));
        let by_forwarded = forwarded::forwarded(&claims.forwarded)?.map(|hops| Resolved::walk(peer, &hops, trusted));
        match (by_x_forwarded_for, by_forwarded) {
            (Some(one), Some(other)) if one.client != other.client => Err(AddressError::Disagree),
            (Some(resolved), _) | (None, Some(resolved)) => Ok(resolved),
            (None, None) => Ok(Resolved::walk(peer, &[], trusted)),
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

/// The forwarding headers of one request as they came, one item a field line, in order.
#[derive(Default, Debug)]
pub struct Claims<'a> {
    /// `X-Forwarded-For`.
    pub x_forwarded_for: Vec<&'a [u8]>,
    /// `Forwarded` (RFC 7239).
    pub forwarded: Vec<&'a [u8]>,
}

/// The client and the way it came, for `/whoami` (N17).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// The address that counts.
    pub client: ClientAddr,
    /// From the TCP peer outwards: each address and whether it was trusted to speak for the next. The last is the client.
    pub hops: Vec<(IpAddr, Trust)>,
}

impl Resolved {
    /// `forwarded` in the order of the header, the hop nearest to us last.
    fn walk(peer: IpAddr, forwarded: &[IpAddr], trusted: &AddressSet) -> Self {
        let mut hops = Vec::with_capacity(1 + forwarded.len());
        let mut client = peer;
        for hop in std::iter::once(peer).chain(forwarded.iter().rev().copied()) {
            let trust = if trusted.contains_ip(hop) { Trust::Trusted } else { Trust::Untrusted };
            hops.push((hop, trust));
            client = hop;
            if trust == Trust::Untrusted {
                break;
            }
        }
        Self { client: ClientAddr(client), hops }
    }
}

/// Is a hop believed?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// Listed under `trusted_proxies`.
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
}

#[cfg(test)]
mod tests;
