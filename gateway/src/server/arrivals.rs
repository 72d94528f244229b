//! How many connections does one address hold? (A52)
//!
//! Ten thousand idle connections from one place must not keep everybody else out. IPv6 counts by /64. Asked once when a
//! connection is accepted and once when it ends, never for a request.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use access::ClientAddr;
use ipnet::IpNet;

/// The open connections by source, of all workers together. As large as there are connections.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<HashMap<IpNet, u32>>);

/// One of them, given back on drop.
#[derive(Debug)]
pub(super) struct Arrival {
    arrivals: Arc<Arrivals>,
    source: IpNet,
}

impl Arrivals {
    /// One more from there; `None`: it has `limit` already.
    pub(super) fn one_more(self: &Arc<Self>, address: ClientAddr, limit: u32) -> Option<Arrival> {
        let source = address.source();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.entry(source) {
            Entry::Occupied(mut count) if *count.get() < limit => *count.get_mut() += 1,
            Entry::Occupied(_) => return None,
            Entry::Vacant(_) if limit == 0 => return None,
            Entry::Vacant(place) => {
                place.insert(1);
            }
        }
        drop(counts);
        Some(Arrival { arrivals: Arc::clone(self), source })
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut counts = self.arrivals.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::network::{Believed, Claims};

    fn from(address: &str) -> ClientAddr {
        let peer = address.parse().expect("an address");
        ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).expect("nothing is claimed").client
    }

    #[test]
    fn the_third_of_two_has_to_wait_until_one_ends_and_others_don_t() {
        let arrivals = Arc::new(Arrivals::default());
        let first = arrivals.one_more(from("192.0.2.1"), 2).expect("one");
        let _second = arrivals.one_more(from("192.0.2.1"), 2).expect("two");
        assert!(arrivals.one_more(from("192.0.2.1"), 2).is_none());
        assert!(arrivals.one_more(from("192.0.2.2"), 2).is_some());
        drop(first);
        assert!(arrivals.one_more(from("192.0.2.1"), 2).is_some());
    }

    #[test]
    fn a_household_is_one_source_and_nothing_is_left_when_all_have_gone() {
        let arrivals = Arc::new(Arrivals::default());
        let one = arrivals.one_more(from("2001:db8:1:2::1"), 1).expect("one");
        assert!(arrivals.one_more(from("2001:db8:1:2:ffff::2"), 1).is_none());
        assert!(arrivals.one_more(from("2001:db8:1:3::1"), 1).is_some());
        drop(one);
        assert!(arrivals.0.lock().expect("no panic").is_empty());
    }
}
