//! The sets against plain lists of networks.

use proptest::prelude::*;

use super::*;

#[test]
fn ipv4_and_ipv6_are_two_worlds_but_for_mapped_addresses() {
    for (networks, address, contained) in [
        (&["0.0.0.0/0"][..], "10.0.0.1", true),
        (&["0.0.0.0/0"], "::ffff:10.0.0.1", true),
        (&["0.0.0.0/0"], "::10.0.0.1", false),
        (&["0.0.0.0/0"], "2001:db8::1", false),
        (&["::/0"], "10.0.0.1", false),
        (&["::/0"], "::ffff:10.0.0.1", false),
        (&["::/0"], "::10.0.0.1", true),
        // Their last address is a mapped one; they are IPv6 all the same.
        (&["::/80"], "::1", true),
        (&["::/80"], "255.255.255.255", false),
        (&["::5-::fffe:ffff:ffff"], "::6", true),
        (&["10.0.0.0/8"], "64:ff9b::10.0.0.1", false),
        (&["10.0.0.0/8"], "2002:a00:1::", false),
        (&[], "10.0.0.1", false),
    ] {
        assert_eq!(set(networks).contains_ip(ip(address)), contained, "{address} in {networks:?}");
    }
    assert!(AddressSet::everything().contains_ip(ip("255.255.255.255")));
    assert!(AddressSet::everything().contains_ip(ip("ffff::ffff")));
}

#[test]
fn a_mapped_network_that_nobody_could_write_means_ipv4() {
    let mapped = Network::Prefix("::ffff:10.0.0.0/104".parse().expect("ipnet takes it"));
    assert_eq!(AddressSet::from_iter([mapped]), set(&["10.0.0.0/8"]));
}

#[test]
fn a_range_that_nobody_could_write_holds_nothing() {
    for (first, last) in [("10.0.0.9", "10.0.0.1"), ("10.0.0.1", "2001:db8::1"), ("2001:db8::1", "10.0.0.1")] {
        assert!(AddressSet::from_iter([Network::Range(ip(first), ip(last))]).is_empty());
    }
}

#[test]
fn what_touches_or_overlaps_is_merged() {
    for (networks, merged) in [
        (&["10.0.0.0/25", "10.0.0.128/25"][..], "10.0.0.0/24"),
        (&["10.0.0.128/25", "10.0.0.0/24", "10.0.0.7"], "10.0.0.0/24"),
        (&["10.0.0.1", "10.0.0.3"], "10.0.0.1 10.0.0.3"),
        (&["10.0.0.1", "10.0.0.2", "10.0.0.3"], "10.0.0.1-10.0.0.3"),
        (&["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/0"),
        (&["255.255.255.255", "0.0.0.0"], "0.0.0.0 255.255.255.255"),
        (&["::/1", "8000::/1", "10.0.0.1"], "10.0.0.1 ::/0"),
        (&["255.255.255.255", "::"], "255.255.255.255 ::"),
    ] {
        assert_eq!(shown(&set(networks)), merged, "{networks:?}");
        assert_eq!(set(networks).len(), merged.split(' ').count());
    }
}

#[test]
fn sets_are_added_cut_and_subtracted() {
    let (everything, nothing) = (AddressSet::everything(), AddressSet::default());
    let office = set(&["10.0.0.0/24", "2001:db8::/32"]);
    assert_eq!(office.union(&nothing), office);
    assert_eq!(office.union(&everything), everything);
    assert_eq!(office.intersection(&everything), office);
    assert_eq!(office.intersection(&nothing), nothing);
    assert_eq!(office.difference(&nothing), office);
    assert_eq!(office.difference(&everything), nothing);
    assert_eq!(everything.difference(&everything.difference(&office)), office);
    let holes = set(&["10.0.0.0", "10.0.0.9-10.0.0.19", "10.0.0.255", "2001:db8::/33"]);
    assert_eq!(shown(&office.difference(&holes)), "10.0.0.1-10.0.0.8 10.0.0.20-10.0.0.254 2001:db8:8000::/33");
    assert_eq!(shown(&office.intersection(&set(&["10.0.0.200-10.0.1.9"]))), "10.0.0.200-10.0.0.255");
    assert!(nothing.is_empty() && !everything.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_set_contains_what_one_of_its_networks_contains(
        networks in prop::collection::vec(network(), 0..40),
        addresses in prop::collection::vec(address(), 20),
    ) {
        let set: AddressSet = networks.iter().copied().collect();
        for address in addresses.into_iter().chain(edges(&networks)) {
            prop_assert_eq!(set.contains_ip(address), is_in(&networks, address), "{}", address);
        }
        // Merged: no range could be left out or joined to another.
        let merged: Vec<_> = set.networks().collect();
        prop_assert_eq!(merged.len(), set.len());
        prop_assert_eq!(merged.into_iter().collect::<AddressSet>(), set);
    }

    #[test]
    fn sets_are_combined_as_their_members_are(
        one in prop::collection::vec(network(), 0..20),
        other in prop::collection::vec(network(), 0..20),
        addresses in prop::collection::vec(address(), 20),
    ) {
        let (left, right): (AddressSet, AddressSet) = (one.iter().copied().collect(), other.iter().copied().collect());
        let (both, common, rest) = (left.union(&right), left.intersection(&right), left.difference(&right));
        for address in addresses.into_iter().chain(edges(&one)).chain(edges(&other)) {
            let (in_one, in_other) = (is_in(&one, address), is_in(&other, address));
            prop_assert_eq!(both.contains_ip(address), in_one || in_other, "{}", address);
            prop_assert_eq!(common.contains_ip(address), in_one && in_other, "{}", address);
            prop_assert_eq!(rest.contains_ip(address), in_one && !in_other, "{}", address);
        }
        prop_assert_eq!(rest.union(&common), left.clone());
        prop_assert_eq!(both.difference(&right), rest);
        prop_assert_eq!(left.union(&right), right.union(&left));
    }

    #[test]
    fn a_long_list_is_indexed_rightly(seed in any::<u64>(), bits in 0..=32_u32) {
        // Many ranges in a span of `bits` bits: few and many to a bucket of the index.
        let mut state = seed | 1;
        let mut number = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u32
        };
        let mut members: Vec<u32> =
            (0..400).map(|_| number().checked_shr(32 - bits).unwrap_or(0).saturating_add(1 << 20)).collect();
        let set: AddressSet =
            members.iter().map(|member| Network::Prefix(IpAddr::from(Ipv4Addr::from_bits(*member)).into())).collect();
        members.sort_unstable();
        let probes: Vec<u32> = members.iter().flat_map(|member| [member - 1, *member, member.saturating_add(1)]).collect();
        for probe in probes.into_iter().chain([0, u32::MAX]) {
            let contained = set.contains_ip(Ipv4Addr::from_bits(probe).into());
            prop_assert_eq!(contained, members.binary_search(&probe).is_ok());
        }
    }
}

/// Few leading bits, so that networks touch, overlap and contain one another.
fn address() -> impl Strategy<Value = IpAddr> {
    let byte = prop::sample::select(&[0_u8, 1, 2, 127, 128, 254, 255][..]);
    prop_oneof![
        (byte.clone(), byte.clone()).prop_map(|(a, b)| IpAddr::from([a, 0, 0, b])),
        (byte.clone(), byte).prop_map(|(a, b)| IpAddr::from([a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b])),
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        (address(), 0..=128_u8).prop_map(|(address, length)| {
            let address = address.to_canonical();
            let longest = if address.is_ipv4() { 32 } else { 128 };
            Network::Prefix(IpNet::new_assert(address, length.min(longest)).trunc())
        }),
        (address(), address()).prop_filter_map("of two families", |(one, other)| {
            let (one, other) = (one.to_canonical(), other.to_canonical());
            (one.is_ipv4() == other.is_ipv4()).then(|| Network::Range(one.min(other), one.max(other)))
        }),
    ]
}

/// The naive model: a list, looked through from its beginning.
fn is_in(networks: &[Network], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| match network {
        Network::Prefix(prefix) => prefix.contains(&address),
        Network::Range(first, last) => first.is_ipv4() == address.is_ipv4() && *first <= address && address <= *last,
    })
}

/// The first and last address of each network and their neighbours, where faults would be.
fn edges(networks: &[Network]) -> Vec<IpAddr> {
    let ends = networks.iter().flat_map(|network| match network {
        Network::Prefix(prefix) => [prefix.network(), prefix.broadcast()],
        Network::Range(first, last) => [*first, *last],
    });
    ends.flat_map(|end| match end {
        IpAddr::V4(v4) => [-1_i32, 0, 1].map(|d| Ipv4Addr::from_bits(v4.to_bits().wrapping_add_signed(d)).into()),
        IpAddr::V6(v6) => [-1_i128, 0, 1].map(|d| Ipv6Addr::from_bits(v6.to_bits().wrapping_add_signed(d)).into()),
    })
    .collect()
}

fn set(networks: &[&str]) -> AddressSet {
    networks.iter().map(|network| network.parse::<Network>().expect(network)).collect()
}

fn shown(set: &AddressSet) -> String {
    set.networks().map(|network| network.to_string()).collect::<Vec<_>>().join(" ")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}
