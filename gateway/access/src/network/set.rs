//! Which addresses? A set, IPv4 and IPv6, for look-ups on every request.
//!
//! Sorted ranges that neither touch nor overlap, and above them an index by the leading bits of an address: it leaves a
//! handful of ranges, which lie side by side in memory. So a look-up costs about two cache misses however long the list:
//! among a million prefixes 20 to 25 ns for IPv4 and 80 to 105 ns for IPv6, measured on a shared virtual machine
//! (`benches/lookup.rs`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{ClientAddr, Network};

/// A set of addresses, IPv4 and IPv6. Immutable, merged, sorted; a look-up among a million prefixes takes about
/// 20 ns (IPv4) or 90 ns (IPv6) and does not allocate. No IPv6 prefix covers an IPv4 address, not even `::/0`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddressSet {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    /// The networks of 64 bits and less within `v6`, by their upper halves: half the memory to miss, and as a rule all.
    v6_networks: Ranges<u64>,
    /// Does `v6` hold more than those?
    v6_hosts: bool,
}

impl AddressSet {
    /// Every address there is: what `anywhere` means.
    pub fn everything() -> Self {
        Self::new(Ranges::merge(vec![(0, u32::MAX)]), Ranges::merge(vec![(0, u128::MAX)]))
    }

    /// Is the address in the set?
    pub fn contains(&self, address: ClientAddr) -> bool {
        match address.0 {
            IpAddr::V4(v4) => self.v4.contains(v4.to_bits()),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                self.v6_networks.contains((bits >> 64) as u64) || (self.v6_hosts && self.v6.contains(bits))
            }
        }
    }

    /// Is the address in the set, canonicalised first? For proxies' addresses, which are not clients.
    pub fn contains_ip(&self, address: IpAddr) -> bool {
        self.contains(ClientAddr(address.to_canonical()))
    }

    /// Nothing in it?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many merged ranges it holds.
    pub fn len(&self) -> usize {
        self.v4.ranges.len() + self.v6.ranges.len()
    }

    /// Both together.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        [self, other].into_iter().collect()
    }

    /// What lies in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self::new(self.v4.intersection(&other.v4), self.v6.intersection(&other.v6))
    }

    /// What lies in this one only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self::new(self.v4.difference(&other.v4), self.v6.difference(&other.v6))
    }

    /// The merged ranges in ascending order, IPv4 first, as they would be written: what a comparison shows to people.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        let v4 = self.v4.ranges.iter().map(|&(first, last)| {
            let (address, end) = (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last));
            match first.prefix_length(last).map(|length| Ipv4Net::new(address, length)) {
                Some(Ok(network)) => Network::Prefix(IpNet::V4(network)),
                _ => Network::Range(address.into(), end.into()),
            }
        });
        let v6 = self.v6.ranges.iter().map(|&(first, last)| {
            let (address, end) = (Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(last));
            match first.prefix_length(last).map(|length| Ipv6Net::new(address, length)) {
                Some(Ok(network)) => Network::Prefix(IpNet::V6(network)),
                _ => Network::Range(address.into(), end.into()),
            }
        });
        v4.chain(v6)
    }

    fn new(v4: Ranges<u32>, v6: Ranges<u128>) -> Self {
        const HOST: u128 = u64::MAX as u128;
        let is_whole = |first: u128, last: u128| first & HOST == 0 && last & HOST == HOST;
        let v6_hosts = !v6.ranges.iter().all(|(first, last)| is_whole(*first, *last));
        let whole = v6.ranges.iter().filter_map(|(first, last)| {
            // The first network that begins within the range, and the last that ends within it.
            let first = first.checked_add(HOST)? >> 64;
            let last = ((last >> 64) + u128::from(last & HOST == HOST)).checked_sub(1)?;
            (first <= last).then_some((first as u64, last as u64))
        });
        let v6_networks = Ranges::merge(whole.collect());
        Self { v4, v6, v6_networks, v6_hosts }
    }
}

impl FromIterator<Network> for AddressSet {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            let (first, last) = match network {
                Network::Prefix(prefix) => (prefix.network(), prefix.broadcast()),
                Network::Range(first, last) => (first, last),
            };
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => match (first.to_ipv4_mapped(), last.to_ipv4_mapped()) {
                    // What lies within ::ffff:0:0/96 can't be written in a list, but it can be made; it means IPv4.
                    (Some(first), Some(last)) => v4.push((first.to_bits(), last.to_bits())),
                    _ => v6.push((first.to_bits(), last.to_bits())),
                },
                _ => (),
            }
        }
        Self::new(Ranges::merge(v4), Ranges::merge(v6))
    }
}

/// The union of any number of sets, at the cost of sorting once.
impl<'a> FromIterator<&'a AddressSet> for AddressSet {
    fn from_iter<I: IntoIterator<Item = &'a Self>>(sets: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for set in sets {
            v4.extend_from_slice(&set.v4.ranges);
            v6.extend_from_slice(&set.v6.ranges);
        }
        Self::new(Ranges::merge(v4), Ranges::merge(v6))
    }
}

/// Inclusive ranges of one family, ascending, with at least one number between any two.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Ranges<N> {
    ranges: Box<[(N, N)]>,
    /// The numbers from the first range's start on fall into buckets of `2^shift`; `index[b]` ranges start before bucket
    /// `b`. The last entry is the number of ranges. Empty if there are none.
    index: Box<[u32]>,
    shift: u32,
}

impl<N: Number> Ranges<N> {
    /// From ranges in any order. One that ends before it begins holds nothing.
    fn merge(mut ranges: Vec<(N, N)>) -> Self {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let touches = kept.1.successor().is_none_or(|successor| next.0 <= successor);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        Self::index(ranges)
    }

    fn index(ranges: Vec<(N, N)>) -> Self {
        let (Some((base, _)), Some((top, _))) = (ranges.first(), ranges.last()) else { return Self::default() };
        let buckets = (ranges.len() / RANGES_PER_BUCKET).next_power_of_two();
        let shift = top.distance_bits(*base).saturating_sub(buckets.ilog2());
        let mut index = vec![0; top.bucket(*base, shift) + 2];
        for (first, _) in &ranges {
            index[first.bucket(*base, shift) + 1] += 1;
        }
        let mut before = 0;
        for entry in &mut index {
            before += *entry;
            *entry = before;
        }
        Self { ranges: ranges.into(), index: index.into(), shift }
    }

    fn contains(&self, number: N) -> bool {
        let Some(&(base, _)) = self.ranges.first() else { return false };
        if number < base {
            return false;
        }
        let bucket = number.bucket(base, self.shift);
        // Past the last bucket only the last range can hold it.
        let (from, to) = match self.index.get(bucket..bucket.saturating_add(2)) {
            Some(&[from, to]) => (from as usize, to as usize),
            _ => (self.ranges.len(), self.ranges.len()),
        };
        let bucket = &self.ranges[from..to];
        let starts_before = from
            + if bucket.len() <= FULL_BUCKET {
                // Every comparison can be under way before the first one's memory has come: no jump depends on it.
                bucket.iter().filter(|(first, _)| *first <= number).count()
            } else {
                bucket.partition_point(|(first, _)| *first <= number)
            };
        // The range in question may begin in an earlier bucket; there is one, because `base` does not lie behind.
        starts_before.checked_sub(1).is_some_and(|at| number <= self.ranges[at].1)
    }

    fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut both = Vec::new();
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            let (first, last) = (one.0.max(two.0), one.1.min(two.1));
            if first <= last {
                both.push((first, last));
            }
            if one.1 < two.1 {
                left.next()
            } else {
                right.next()
            };
        }
        Self::index(both)
    }

    fn difference(&self, other: &Self) -> Self {
        let mut holes = other.ranges.iter().peekable();
        let mut rest = Vec::new();
        for &(mut first, last) in &self.ranges {
            // What remains of the range after each hole; nothing, once a hole reaches its end.
            let mut remains = true;
            while let Some(&&(hole, hole_ends)) = holes.peek()
                && remains
                && hole <= last
            {
                if let Some(before) = hole.predecessor()
                    && first <= before
                {
                    rest.push((first, before));
                }
                match hole_ends.successor() {
                    Some(next) if hole_ends < last => first = first.max(next),
                    _ => remains = false,
                }
                if hole_ends <= last {
                    holes.next();
                }
            }
            if remains {
                rest.push((first, last));
            }
        }
        Self::index(rest)
    }
}

impl<N> Default for Ranges<N> {
    fn default() -> Self {
        Self { ranges: Box::default(), index: Box::default(), shift: 0 }
    }
}

/// What an address is to its ranges.
trait Number: Copy + Ord {
    fn successor(self) -> Option<Self>;
    fn predecessor(self) -> Option<Self>;
    /// How many bits the distance from `base` has. `base` is not greater.
    fn distance_bits(self, base: Self) -> u32;
    /// The distance from `base` in steps of `2^shift`. `base` is not greater.
    fn bucket(self, base: Self, shift: u32) -> usize;
    /// If the range from `self` to `last` is a prefix: its length.
    fn prefix_length(self, last: Self) -> Option<u8>;
}

macro_rules! number {
    ($($kind:ty),+) => {$(
        impl Number for $kind {
            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn predecessor(self) -> Option<Self> {
                self.checked_sub(1)
            }

            fn distance_bits(self, base: Self) -> u32 {
                Self::BITS - (self - base).leading_zeros()
            }

            fn bucket(self, base: Self, shift: u32) -> usize {
                // A shift of all bits: there is one bucket.
                (self - base).checked_shr(shift).map_or(0, |bucket| usize::try_from(bucket).unwrap_or(usize::MAX))
            }

            fn prefix_length(self, last: Self) -> Option<u8> {
                let host_bits = self ^ last;
                let is_prefix = host_bits & host_bits.wrapping_add(1) == 0 && self & host_bits == 0;
                if is_prefix { u8::try_from(host_bits.leading_zeros()).ok() } else { None }
            }
        }
    )+};
}

number!(u32, u64, u128);

/// More makes the index smaller, fewer the search shorter; measured in `benches/lookup.rs`.
const RANGES_PER_BUCKET: usize = 4;
/// Buckets up to here are compared as a whole; fuller ones, where ranges crowd, are searched.
const FULL_BUCKET: usize = 16;

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
