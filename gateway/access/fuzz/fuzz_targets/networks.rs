//! A list of addresses, one network a line.
#![no_main]

use access::network::{AddressSet, Network};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let networks: Vec<Network> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for network in &networks {
        assert_eq!(network.to_string().parse(), Ok(*network), "shown as it can be read");
    }
    let set: AddressSet = networks.iter().copied().collect();
    for network in networks {
        let (first, last) = match network {
            Network::Prefix(prefix) => (prefix.network(), prefix.broadcast()),
            Network::Range(first, last) => (first, last),
        };
        assert!(set.contains_ip(first), "the first address of {network}");
        // ::/80 ends with an address that means IPv4.
        assert!(set.contains_ip(last) || last.to_canonical() != last, "the last address of {network}");
    }
    assert_eq!(set.networks().collect::<AddressSet>(), set, "merged once and for all");
    assert_eq!(set.difference(&set), AddressSet::default());
    assert_eq!(set.intersection(&AddressSet::everything()), set);
    let rest = AddressSet::everything().difference(&set);
    assert_eq!(rest.union(&set), AddressSet::everything());
});
