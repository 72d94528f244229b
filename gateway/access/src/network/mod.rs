//! From where? The client's true address and the sets it may lie in (N1, N13).
//!
//! v4-mapped IPv6 (`::ffff:a.b.c.d`) is IPv4 everywhere; no other embedding is. Addresses in configuration are strict:
//! no leading zeros, no host bits, no zone ids; a bare address is one address; `a-b` is an inclusive range.

use std::net::IpAddr;

/// The address that counts, canonical. Rules, throttles and audit take this type, never an [`IpAddr`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientAddr(IpAddr);

impl ClientAddr {
    /// The only constructor: who is really at the other end, given the TCP peer, the proxies we trust and what their
    /// headers claim? Headers count only when the peer is trusted; hops are walked right to left and the first one that
    /// is not trusted is the client. Errors: [`AddressError`]; the caller refuses.
    pub fn resolve(_peer: IpAddr, _trusted: &AddressSet, _claims: &Claims<'_>) -> Result<Resolved, AddressError> {
        unimplemented!()
    }

    /// The address, for sockets and output.
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// The network that counts as one source for throttling: the address itself for IPv4, its /64 for IPv6.
    pub fn source(self) -> ipnet::IpNet {
        unimplemented!()
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
    /// A trusted proxy sent something that is no address.
    #[error("a trusted proxy sent {0:?}, which is no address")]
    Unparsable(String),
    /// `X-Forwarded-For` and `Forwarded` name different clients.
    #[error("X-Forwarded-For and Forwarded disagree")]
    Disagree,
    /// More than 32 hops.
    #[error("more than 32 hops")]
    TooManyHops,
}

/// A set of addresses, IPv4 and IPv6. Immutable, merged, sorted; a look-up among a million prefixes takes well under
/// 100 ns and does not allocate.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddressSet {
    _filled_in: (),
}

impl AddressSet {
    /// Every address there is: what `anywhere` means.
    pub fn everything() -> Self {
        unimplemented!()
    }

    /// Is the address in the set?
    pub fn contains(&self, _address: ClientAddr) -> bool {
        unimplemented!()
    }

    /// Is the address in the set, canonicalised first? For proxies' addresses, which are not clients.
    pub fn contains_ip(&self, _address: IpAddr) -> bool {
        unimplemented!()
    }

    /// Nothing in it?
    pub fn is_empty(&self) -> bool {
        unimplemented!()
    }

    /// How many merged ranges it holds.
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Both together.
    pub fn union(&self, _other: &Self) -> Self {
        unimplemented!()
    }

    /// What lies in both.
    pub fn intersection(&self, _other: &Self) -> Self {
        unimplemented!()
    }

    /// What lies in this one only.
    pub fn difference(&self, _other: &Self) -> Self {
        unimplemented!()
    }
}

impl FromIterator<Network> for AddressSet {
    fn from_iter<I: IntoIterator<Item = Network>>(_networks: I) -> Self {
        unimplemented!()
    }
}

/// One entry of a list as written: a prefix or an inclusive range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// `203.0.113.0/24`, `2001:db8::/48`, or one address.
    Prefix(ipnet::IpNet),
    /// `203.0.113.10-203.0.113.20`, both ends of one family, first ≤ last.
    Range(IpAddr, IpAddr),
}

impl std::str::FromStr for Network {
    type Err = NetworkError;

    fn from_str(_text: &str) -> Result<Self, NetworkError> {
        unimplemented!()
    }
}

/// Why a text is no network; the sentence says what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetworkError {
    /// Not an address at all.
    #[error("{0:?} is no address")]
    NotAnAddress(String),
    /// `010.0.0.1`: some read it as octal.
    #[error("{0:?} has a leading zero; write it without")]
    LeadingZero(String),
    /// `10.0.0.1/8`.
    #[error("{written} has host bits; write {network}, or {address} for one address")]
    HostBits {
        /// As found.
        written: String,
        /// The prefix that was probably meant.
        network: ipnet::IpNet,
        /// The one address that was perhaps meant.
        address: IpAddr,
    },
    /// `/33`, `/129`, `/x`.
    #[error("{0:?} has no valid prefix length")]
    PrefixLength(String),
    /// `fe80::1%eth0`.
    #[error("{0:?} has a zone; addresses in lists have none")]
    Zone(String),
    /// `::ffff:10.0.0.1`: written as IPv6, means IPv4.
    #[error("{0:?} is an IPv4 address in IPv6 clothes; write it as IPv4")]
    Mapped(String),
    /// The ends of a range are of two families or in the wrong order.
    #[error("{0:?} is no range: both ends of one family, the lower first")]
    Range(String),
}
