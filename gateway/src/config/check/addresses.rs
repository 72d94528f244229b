//! From where? Networks by name, and lists that name them.

use std::collections::HashMap;
use std::sync::Arc;

use access::identity::NetworkName;
use access::network::{AddressSet, Network, NetworkError};
use access::policy::{Listed, Place};

use super::{PolicyPage, scalars};
use crate::config::fault::{Page, Spot, nearest, shown};
use crate::config::words::Address;
use crate::config::written::{At, OneOrMany};

/// The networks of all policy files.
#[derive(Debug, Default)]
pub(super) struct Networks {
    pub(super) by_name: HashMap<NetworkName, Arc<AddressSet>>,
    /// No file is missing: an unknown name is a fault.
    complete: bool,
}

/// What is a list for?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum For {
    /// `allow_from`: may say `anywhere`.
    AllowFrom,
    /// `only_from`.
    OnlyFrom,
    /// `blocked`: may be empty.
    Blocked,
    /// `trusted_proxies`: may be empty.
    Proxies,
}

/// Reads `networks:` of all files. `complete`: there are no others.
pub(super) fn gather(policies: &[PolicyPage<'_>], complete: bool) -> Networks {
    let mut networks = Networks { by_name: HashMap::new(), complete };
    let mut places: HashMap<NetworkName, Place> = HashMap::new();
    for (page, policy) in policies {
        for (name, entries) in policy.networks.iter().flat_map(|networks| &networks.value.0) {
            let Some(parsed) = network_name(*page, &name.value.0, name.spot) else {
                networks.complete = false;
                continue;
            };
            if is_taken(*page, "network", &parsed, name.spot, &mut places) {
                continue;
            }
            if entries.value.0.is_empty() {
                page.refuse(
                    "empty_list",
                    entries.spot,
                    format!("the network `{parsed}` has no addresses"),
                    "write its addresses, or delete it",
                );
            }
            let set = entries.value.0.iter().filter_map(|entry| network(*page, &entry.value.0, entry.spot)).collect();
            networks.by_name.insert(parsed, Arc::new(set));
        }
    }
    networks
}

/// Is the name written twice, in one file or in two? Says so, with both places.
pub(super) fn is_taken<N: std::hash::Hash + Eq + Clone + std::fmt::Display>(
    page: Page<'_>,
    what: &str,
    name: &N,
    spot: Spot,
    places: &mut HashMap<N, Place>,
) -> bool {
    let Some(Place { file, line }) = places.get(name) else {
        places.insert(name.clone(), page.place(spot));
        return false;
    };
    page.refuse(
        "duplicate_name",
        spot,
        format!("the {what} `{name}` is already defined at {file}:{line}"),
        "keep one of the two; large and small letters make no difference in names",
    );
    true
}

/// What a list of a file means. `None`: it is empty and may be, or the page says what is wrong.
pub(super) fn list(page: Page<'_>, networks: &Networks, written: &At<OneOrMany<Address>>, use_: For) -> Option<Listed> {
    let entries = &written.value.0;
    if entries.is_empty() {
        if matches!(use_, For::AllowFrom | For::OnlyFrom) {
            page.refuse(
                "empty_list",
                written.spot,
                "the list is empty, so nobody could enter",
                "delete the key, or list an address or a network",
            );
        }
        return None;
    }
    if let Some(word) = entries.iter().find(|entry| entry.value.0 == ANYWHERE) {
        return anywhere(page, word.spot, entries.len(), use_).then(|| Listed {
            set: Arc::new(AddressSet::everything()),
            names: ANYWHERE.into(),
            place: page.place(written.spot),
        });
    }
    let (mut sets, mut loose) = (Vec::new(), Vec::new());
    for entry in entries {
        match resolve(page, networks, &entry.value.0, entry.spot) {
            Resolved::Named(set) => sets.push(set),
            Resolved::Loose(network) => loose.push(network),
            Resolved::Refused => (),
        }
    }
    let names = entries.iter().map(|entry| entry.value.0.as_str()).collect::<Vec<_>>().join(", ");
    Some(Listed { set: union(sets, loose), names: names.into(), place: page.place(written.spot) })
}

/// Resolves the `only_from` of a token. Errors: a sentence.
pub(in crate::config) fn resolve_words(
    networks: &HashMap<NetworkName, Arc<AddressSet>>,
    entries: &[String],
) -> Result<Option<Listed>, String> {
    let (mut sets, mut loose) = (Vec::new(), Vec::new());
    for entry in entries {
        let known = NetworkName::parse(entry).ok().and_then(|name| networks.get(&name));
        match known {
            Some(set) => sets.push(set.clone()),
            None if looks_like_address(entry) => {
                let network = entry.parse().map_err(|error: NetworkError| error.to_string())?;
                if is_everything(&network) {
                    return Err(format!("{:?} is every address there is and narrows nothing", shown(entry)));
                }
                loose.push(network);
            }
            None => {
                let near = nearest(entry, networks.keys().map(NetworkName::as_str));
                let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
                return Err(format!("unknown network {:?}{hint}", shown(entry)));
            }
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let place = Place { file: "token".into(), line: 0 };
    Ok(Some(Listed { set: union(sets, loose), names: entries.join(", ").into(), place }))
}

/// One address, prefix or range.
pub(super) fn network(page: Page<'_>, text: &str, spot: Spot) -> Option<Network> {
    let (code, message, help) = match text.parse::<Network>() {
        Ok(network) if is_everything(&network) => (
            "open_to_world",
            format!("`{text}` is every address there is"),
            "write `allow_from: anywhere` where that is meant; nothing else needs it".to_owned(),
        ),
        Ok(network) => return Some(network),
        Err(NetworkError::HostBits { network, address, .. }) => (
            "host_bits",
            format!("`{}` has host bits", shown(text)),
            format!("write {network}, or {address} for one address"),
        ),
        Err(NetworkError::LeadingZero(_)) => (
            "leading_zero",
            format!("`{}` has a leading zero; some programs read such numbers as octal", shown(text)),
            "write it without the zero".to_owned(),
        ),
        Err(NetworkError::Mapped(_)) => (
            "bad_address",
            format!("`{}` is an IPv4 address in IPv6 clothes", shown(text)),
            match text.parse::<std::net::Ipv6Addr>().ok().and_then(|v6| v6.to_ipv4_mapped()) {
                Some(v4) => format!("write {v4}"),
                None => "write it as IPv4".to_owned(),
            },
        ),
        Err(NetworkError::Zone(_)) => (
            "bad_address",
            format!("`{}` has a zone, and clients' addresses have none", shown(text)),
            "delete the % and what follows".to_owned(),
        ),
        Err(NetworkError::PrefixLength(_)) => (
            "bad_address",
            format!("`{}` has no valid prefix length", shown(text)),
            "behind the slash stands a number: at most 32 for IPv4, 128 for IPv6".to_owned(),
        ),
        Err(NetworkError::Range(_)) => (
            "bad_address",
            format!("`{}` is no range", shown(text)),
            "write both ends in full, of one family, the lower first: 203.0.113.10-203.0.113.20".to_owned(),
        ),
        Err(NetworkError::NotAnAddress(_)) if text == ANYWHERE => (
            "bad_address",
            "`anywhere` is no network".to_owned(),
            "it can stand alone in `allow_from`".to_owned(),
        ),
        Err(NetworkError::NotAnAddress(_)) => (
            "bad_address",
            format!("`{}` is no address", shown(text)),
            "write an address, a prefix such as 203.0.113.0/24 or a range; networks don't contain other networks, lists do".to_owned(),
        ),
    };
    page.refuse(code, spot, message, help);
    None
}

/// What an entry of a list is.
enum Resolved {
    Named(Arc<AddressSet>),
    Loose(Network),
    /// The page says why, or it can't be known because a file is missing.
    Refused,
}

fn resolve(page: Page<'_>, networks: &Networks, text: &str, spot: Spot) -> Resolved {
    if let Some(set) = NetworkName::parse(text).ok().and_then(|name| networks.by_name.get(&name)) {
        return Resolved::Named(set.clone());
    }
    if looks_like_address(text) {
        return network(page, text, spot).map_or(Resolved::Refused, Resolved::Loose);
    }
    if networks.complete {
        let near = nearest(text, networks.by_name.keys().map(NetworkName::as_str).chain([ANYWHERE]));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "define it under `networks:` in a policy file, or write an address".into(),
        };
        page.refuse("unknown_network", spot, format!("unknown network `{}`", shown(text)), help);
    }
    Resolved::Refused
}

/// Does `anywhere` make sense there? Says so if not.
fn anywhere(page: Page<'_>, spot: Spot, entries: usize, use_: For) -> bool {
    let (message, help) = match use_ {
        For::AllowFrom if entries > 1 => {
            ("`anywhere` stands beside other entries, which then mean nothing", "write `anywhere` alone, or delete it")
        }
        For::AllowFrom => {
            page.warn(
                "open_to_world",
                spot,
                "people may come from every address there is",
                "list the networks people come from, if that was not meant",
            );
            return true;
        }
        For::OnlyFrom => ("`anywhere` narrows nothing", "delete the key"),
        For::Blocked => ("`anywhere` would refuse everybody", "list the addresses that are refused"),
        For::Proxies => {
            ("everybody could claim any address", "list the addresses of the proxies in front of the gateway")
        }
    };
    page.refuse("open_to_world", spot, message, help);
    false
}

fn network_name(page: Page<'_>, text: &str, spot: Spot) -> Option<NetworkName> {
    let name = scalars::name(page, "the network", text, spot, NetworkName::parse)?;
    if name.as_str() == ANYWHERE || looks_like_address(name.as_str()) {
        page.refuse(
            "bad_name",
            spot,
            format!("a network can't be called `{name}`: in a list that is something else"),
            "give it a name of words: `office`",
        );
        return None;
    }
    Some(name)
}

/// Is it meant as an address? Names with a digit in front and words behind, `2nd-floor`, are not.
fn looks_like_address(text: &str) -> bool {
    let is_of_addresses = |c: char| c.is_ascii_digit() || matches!(c, '.' | '/' | '-' | ' ');
    text.contains([':', '/', '%']) || text.chars().all(is_of_addresses) || text.starts_with("0x")
}

fn is_everything(network: &Network) -> bool {
    match network {
        Network::Prefix(prefix) => prefix.prefix_len() == 0,
        Network::Range(first, last) => {
            let all_ones = match last {
                std::net::IpAddr::V4(last) => last.to_bits() == u32::MAX,
                std::net::IpAddr::V6(last) => last.to_bits() == u128::MAX,
            };
            first.is_unspecified() && all_ones
        }
    }
}

fn union(mut sets: Vec<Arc<AddressSet>>, loose: Vec<Network>) -> Arc<AddressSet> {
    if !loose.is_empty() {
        sets.push(Arc::new(loose.into_iter().collect()));
    }
    match sets.len() {
        1 => sets.swap_remove(0),
        _ => Arc::new(sets.iter().map(|set| &**set).collect()),
    }
}

const ANYWHERE: &str = "anywhere";
