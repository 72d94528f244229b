//! Who is the client? Every way of lying about it (A01–A05).

use super::*;

#[test]
fn the_client_is_found_in_every_shape_of_claim() {
    // `P:` is the PROXY header, `X:` a line of X-Forwarded-For, `F:` one of Forwarded. 10.* are trusted proxies; 192.0.2.*
    // are balancers that begin with a PROXY header, of which those from .128 on are trusted proxies as well.
    const UNPARSABLE: &str = "refused: a trusted proxy sent";
    const DISAGREE: &str = "refused: X-Forwarded-For and Forwarded disagree";
    const HOPS: &str = "refused: more than 32 hops";
    const MISSING: &str = "refused: the peer is listed under proxy_protocol, and there was no PROXY header";
    const UNEXPECTED: &str = "refused: there was a PROXY header, and the peer is not listed under proxy_protocol";
    const UNKNOWN: &str = "refused: the PROXY header does not say whose connection it is";
    let hops = |count: usize| format!("X: {}203.0.113.9", "10.0.0.2, ".repeat(count - 1));
    let (fifty, twice) = (hops(50), hops(20));
    for (peer, claims, expected) in [
        // Nobody in between.
        ("203.0.113.9", &[][..], "203.0.113.9"),
        ("2001:db8::9", &[], "2001:db8::9"),
        ("::ffff:203.0.113.9", &[], "203.0.113.9"),
        ("::203.0.113.9", &[], "::cb00:7109"),
        ("10.0.0.1", &[], "10.0.0.1"),
        // What an untrusted peer says does not count, whatever it is (A01).
        ("203.0.113.9", &["X: 10.0.0.1"], "203.0.113.9"),
        ("203.0.113.9", &["F: for=10.0.0.1"], "203.0.113.9"),
        ("203.0.113.9", &["X: garbage", "F: garbage"], "203.0.113.9"),
        ("203.0.113.9", &["X: 10.0.0.1", "F: for=198.51.100.1"], "203.0.113.9"),
        ("203.0.113.9", &[&fifty], "203.0.113.9"),
        ("2002:a00:1::", &["X: 198.51.100.1"], "2002:a00:1::"),
        ("2001:0:a00:1::", &["X: 198.51.100.1"], "2001:0:a00:1::"),
        ("64:ff9b::a00:1", &["X: 198.51.100.1"], "64:ff9b::a00:1"),
        // One hop, in every way to write an address.
        ("10.0.0.1", &["X: 203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", &["X: 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["X: \t203.0.113.9 "], "203.0.113.9"),
        ("10.0.0.1", &["X: 203.0.113.9:55"], "203.0.113.9"),
        ("10.0.0.1", &["X: 203.0.113.9:65535"], "203.0.113.9"),
        ("10.0.0.1", &["X: 203.0.113.9:0"], "203.0.113.9"),
        ("10.0.0.1", &["X: 2001:db8::9"], "2001:db8::9"),
        ("10.0.0.1", &["X: 2001:DB8:0:0::9"], "2001:db8::9"),
        ("10.0.0.1", &["X: [2001:db8::9]"], "2001:db8::9"),
        ("10.0.0.1", &["X: [2001:db8::9]:55"], "2001:db8::9"),
        ("10.0.0.1", &["X: ::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["X: [::ffff:cb00:7109]:55"], "203.0.113.9"),
        ("10.0.0.1", &["X: ::203.0.113.9"], "::cb00:7109"),
        ("10.0.0.1", &["F: for=203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["F: For=203.0.113.9;proto=https;by=10.0.0.1"], "203.0.113.9"),
        ("10.0.0.1", &["F: proto=https; for=\"203.0.113.9:55\" ;host=\"a,b;c\""], "203.0.113.9"),
        ("10.0.0.1", &["F: for=\"[2001:db8::9]\""], "2001:db8::9"),
        ("10.0.0.1", &["F: for=\"[2001:db8::9]:55\""], "2001:db8::9"),
        ("10.0.0.1", &["F: for=\"203.0.113\\.9\""], "203.0.113.9"),
        ("10.0.0.1", &["F: for=\"[::ffff:203.0.113.9]\""], "203.0.113.9"),
        // Several hops, right to left, until the first that is not trusted (A02).
        ("10.0.0.1", &["X: 10.0.0.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["X: 198.51.100.1,203.0.113.9\t, 10.0.0.2 "], "203.0.113.9"),
        ("10.0.0.1", &["X: 198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["X: 10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", &["X: 203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["X: 203.0.113.9, [::ffff:10.0.0.2]:443"], "203.0.113.9"),
        ("10.0.0.1", &["X: 10.0.0.9, ::10.0.0.2"], "::a00:2"),
        ("10.0.0.1", &["F: for=198.51.100.1, for=203.0.113.9, for=10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &[&hops(32)], "203.0.113.9"),
        ("10.0.0.1", &[&hops(33)], HOPS),
        ("10.0.0.1", &[&fifty], HOPS),
        // Several field lines are one list.
        ("10.0.0.1", &["X: 10.0.0.1", "X: 203.0.113.9", "X: 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["X: 203.0.113.9", "X: 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["X: 203.0.113.9, 10.0.0.3", "X: 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["F: host=\"a\\\"b,\";for=198.51.100.1, for=203.0.113.9", "F: for=10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &[&twice, &twice], HOPS),
        ("10.0.0.1", &["X: 203.0.113.9", "X: "], UNPARSABLE),
        ("10.0.0.1", &["X: garbage", "X: 203.0.113.9"], UNPARSABLE),
        // Both headers have to mean the same client.
        ("10.0.0.1", &["X: 203.0.113.9", "F: for=203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["X: 198.51.100.1, 203.0.113.9", "F: for=203.0.113.9, for=10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["X: ::ffff:203.0.113.9", "F: for=203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["X: 203.0.113.9", "F: for=203.0.113.8"], DISAGREE),
        ("10.0.0.1", &["X: 203.0.113.9", "F: for=10.0.0.2"], DISAGREE),
        ("10.0.0.1", &["F: for=203.0.113.9", "X: 203.0.113.9, 198.51.100.1"], DISAGREE),
        ("10.0.0.1", &["X: 203.0.113.9", "F: for=unknown"], UNPARSABLE),
        ("10.0.0.1", &["X: unknown", "F: for=203.0.113.9"], UNPARSABLE),
        // No repair of what a trusted proxy sends, wherever it stands (A03, A05).
        ("10.0.0.1", &["X: "], UNPARSABLE),
        ("10.0.0.1", &["X: ,"], UNPARSABLE),
        ("10.0.0.1", &["X: unknown"], UNPARSABLE),
        ("10.0.0.1", &["X: _hidden"], UNPARSABLE),
        ("10.0.0.1", &["X: 010.0.0.1"], UNPARSABLE),
        ("10.0.0.1", &["X: 0x7f.1"], UNPARSABLE),
        ("10.0.0.1", &["X: 3405803785"], UNPARSABLE),
        ("10.0.0.1", &["X: 203.0.113.9:99999"], UNPARSABLE),
        ("10.0.0.1", &["X: 203.0.113.9:"], UNPARSABLE),
        ("10.0.0.1", &["X: [::1"], UNPARSABLE),
        ("10.0.0.1", &["X: [203.0.113.9]"], UNPARSABLE),
        ("10.0.0.1", &["X: fe80::1%eth0"], UNPARSABLE),
        ("10.0.0.1", &["X: \"203.0.113.9\""], UNPARSABLE),
        ("10.0.0.1", &["X: 203.0.113.9;10.0.0.2"], UNPARSABLE),
        ("10.0.0.1", &["X: garbage, 203.0.113.9"], UNPARSABLE),
        ("10.0.0.1", &["X: 203.0.113.9, garbage"], UNPARSABLE),
        ("10.0.0.1", &["F: "], UNPARSABLE),
        ("10.0.0.1", &["F: proto=https"], UNPARSABLE),
        ("10.0.0.1", &["F: for=203.0.113.9:55"], UNPARSABLE),
        ("10.0.0.1", &["F: for=[2001:db8::9]"], UNPARSABLE),
        ("10.0.0.1", &["F: for=203.0.113.9;for=10.0.0.2"], UNPARSABLE),
        ("10.0.0.1", &["F: for=203.0.113.9,"], UNPARSABLE),
        // A balancer in front, which speaks the PROXY protocol.
        ("192.0.2.1", &["P: 203.0.113.9"], "203.0.113.9"),
        ("192.0.2.1", &["P: 2001:db8::9"], "2001:db8::9"),
        ("192.0.2.1", &["P: ::ffff:203.0.113.9"], "203.0.113.9"),
        ("::ffff:192.0.2.1", &["P: 203.0.113.9"], "203.0.113.9"),
        ("192.0.2.1", &["P: itself"], "192.0.2.1"),
        ("192.0.2.1", &["P: unknown"], UNKNOWN),
        ("192.0.2.1", &[], MISSING),
        ("192.0.2.1", &["X: 203.0.113.9"], MISSING),
        ("192.0.2.200", &["X: 203.0.113.9"], MISSING),
        ("203.0.113.9", &["P: 198.51.100.1"], UNEXPECTED),
        ("203.0.113.9", &["P: itself"], UNEXPECTED),
        ("10.0.0.1", &["P: 203.0.113.9"], UNEXPECTED),
        // It is no witness of what its client writes, unless that one is trusted as well.
        ("192.0.2.1", &["P: 203.0.113.9", "X: 10.0.0.1"], "203.0.113.9"),
        ("192.0.2.1", &["P: 203.0.113.9", "X: garbage"], "203.0.113.9"),
        ("192.0.2.200", &["P: 203.0.113.9", "X: 198.51.100.1"], "203.0.113.9"),
        ("192.0.2.1", &["P: 10.0.0.1"], "10.0.0.1"),
        ("192.0.2.1", &["P: 10.0.0.1", "X: 203.0.113.9"], "203.0.113.9"),
        ("192.0.2.1", &["P: ::ffff:10.0.0.1", "X: 198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("192.0.2.1", &["P: 10.0.0.1", "F: for=203.0.113.9"], "203.0.113.9"),
        ("192.0.2.1", &["P: 10.0.0.1", "X: 203.0.113.9", "F: for=198.51.100.1"], DISAGREE),
        ("192.0.2.1", &["P: 10.0.0.1", "X: unknown"], UNPARSABLE),
        ("192.0.2.1", &["P: 10.0.0.1", &fifty], HOPS),
        ("192.0.2.1", &["P: itself", "X: 203.0.113.9"], "192.0.2.1"),
        ("192.0.2.200", &["P: itself", "X: 203.0.113.9"], "203.0.113.9"),
    ] {
        let found = match resolve(peer, claims) {
            Ok(resolved) => resolved.client.to_string(),
            Err(error) => format!("refused: {error}"),
        };
        let as_expected = if expected == UNPARSABLE { found.starts_with(UNPARSABLE) } else { found == expected };
        assert!(as_expected, "{peer} with {claims:?}: {found}, expected {expected}");
    }
}

#[test]
fn what_a_trusted_hop_sends_and_is_no_address_refuses() {
    for element in [
        "",
        "a",
        "unknown",
        "_x",
        "010.0.0.1",
        "0x7f.1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4:",
        "1.2.3.4:99999",
        "1.2.3.4:65536",
        "1.2.3.4:000080",
        "1.2.3.4:+80",
        "1.2.3.4:80:80",
        "[::1",
        "::1]",
        "[::1]80",
        "[::1]:",
        "[::1]:65536",
        "[1.2.3.4]",
        "fe80::1%eth0",
        "[fe80::1%25lo]:80",
        "\"1.2.3.4\"",
        "1.2.3.4 5.6.7.8",
        "1.2.3.4;5.6.7.8",
        "１.2.3.4",
    ] {
        // At both ends: also what stands left of the client has to be an address.
        for line in [element.to_owned(), format!("{element}, 203.0.113.9"), format!("203.0.113.9, {element}")] {
            let refused = client_behind("10.0.0.1", &[&format!("X: {line}")]);
            assert_eq!(refused, Err(AddressError::Unparsable(element.to_owned())), "{line:?}");
        }
    }
}

#[test]
fn a_forwarded_element_that_rfc_7239_does_not_know_refuses() {
    for line in [
        "",
        ",",
        "for=203.0.113.9,",
        "for=203.0.113.9,,for=10.0.0.2",
        "for=",
        "for",
        "=203.0.113.9",
        "proto=https",
        "for=unknown",
        "for=_hidden",
        "for=\"_hidden\"",
        "for=\"203.0.113.9:_x\"",
        "for=203.0.113.9:55",
        "for=[2001:db8::9]",
        "for=2001:db8::9",
        "for=\"2001:db8::9\"",
        "for=\"203.0.113.9",
        "for=\"203.0.113.9\\\"",
        "for=203.0.113.9\"",
        "for=\"203.0.113.9\"x",
        "for=\"203.\"0.113.9\"",
        "for=010.0.0.1",
        "for=\"fe80::1%eth0\"",
        "for=203.0.113.9;for=203.0.113.9",
        "for=203.0.113.9;FOR=10.0.0.2",
        "for =203.0.113.9",
        "for= 203.0.113.9",
        "f√r=1;for=203.0.113.9",
        "for=\"203.0.113.9é\"",
    ] {
        let refused = client_behind("10.0.0.1", &[&format!("F: {line}")]);
        assert!(matches!(refused, Err(AddressError::Unparsable(_))), "{line:?} gave {refused:?}");
    }
}

#[test]
fn thirty_two_hops_are_enough() {
    let hops = |count| vec!["10.0.0.2"; count].join(", ");
    for (header, item) in [("X", ""), ("F", "for=")] {
        let line = |count| format!("{header}: {item}{}", hops(count).replace(' ', item));
        assert_eq!(client_behind("10.0.0.1", &[&line(32)]), Ok("10.0.0.2".to_owned()));
        assert_eq!(client_behind("10.0.0.1", &[&line(33)]), Err(AddressError::TooManyHops));
        assert_eq!(client_behind("10.0.0.1", &[&line(20), &line(20)]), Err(AddressError::TooManyHops));
    }
}

#[test]
fn the_hops_are_told_from_the_peer_outwards_and_end_with_the_client() {
    let (t, u) = (Trust::Trusted, Trust::Untrusted);
    for (peer, line, expected) in [
        ("203.0.113.9", "X: 10.0.0.2", &[("203.0.113.9", u)][..]),
        ("10.0.0.1", "X: 198.51.100.1, 203.0.113.9, 10.0.0.2", &[("10.0.0.1", t), ("10.0.0.2", t), ("203.0.113.9", u)]),
        ("10.0.0.1", "X: 10.0.0.3, 10.0.0.2", &[("10.0.0.1", t), ("10.0.0.2", t), ("10.0.0.3", t)]),
        ("10.0.0.1", "F: for=\"[2001:db8::9]:1\"", &[("10.0.0.1", t), ("2001:db8::9", u)]),
        ("192.0.2.1", "P: 203.0.113.9", &[("192.0.2.1", t), ("203.0.113.9", u)]),
        ("192.0.2.1", "P: 10.0.0.1|X: 203.0.113.9", &[("192.0.2.1", t), ("10.0.0.1", t), ("203.0.113.9", u)]),
        ("192.0.2.1", "P: itself", &[("192.0.2.1", u)]),
    ] {
        let resolved = resolve(peer, &line.split('|').collect::<Vec<_>>()).expect(line);
        let expected: Vec<_> = expected.iter().map(|(hop, trust)| (ip(hop), *trust)).collect();
        assert_eq!(resolved.hops().collect::<Vec<_>>(), expected, "{line}");
        assert_eq!(resolved.hops().last().map(|(hop, _)| hop), Some(resolved.client.ip()));
        assert_eq!(resolved.peer(), ip(peer));
    }
    let alone = resolve("10.0.0.1", &[]).expect("no header, no fault");
    assert_eq!(alone.hops().collect::<Vec<_>>(), [(ip("10.0.0.1"), t)]);
}

#[test]
fn only_a_trusted_proxy_speaks_http_for_others() {
    for (peer, claims, expected) in [
        ("203.0.113.9", &[][..], false),
        ("203.0.113.9", &["X: 10.0.0.1"], false),
        ("10.0.0.1", &[], true),
        ("10.0.0.1", &["X: 203.0.113.9"], true),
        // A balancer relays bytes: how they speak is up to its client.
        ("192.0.2.1", &["P: 203.0.113.9"], false),
        ("192.0.2.1", &["P: itself"], false),
        ("192.0.2.1", &["P: 10.0.0.1", "X: 203.0.113.9"], true),
        ("192.0.2.200", &["P: 203.0.113.9"], true),
    ] {
        let resolved = resolve(peer, claims).expect("well-formed claims");
        assert_eq!(resolved.by_trusted_proxy(), expected, "{peer} with {claims:?}");
    }
}

#[test]
fn only_the_beginning_of_a_bad_element_is_kept() {
    let Err(AddressError::Unparsable(kept)) = client_behind("10.0.0.1", &[&format!("X: {}", "é".repeat(4096))]) else {
        panic!("this is no address");
    };
    assert_eq!(kept, "é".repeat(64));
}

#[test]
fn one_source_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
    for (address, source) in [
        ("203.0.113.9", "203.0.113.9/32"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
    ] {
        let client = resolve(address, &[]).expect(address).client;
        assert_eq!(client.source().to_string(), source);
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

/// Behind `10.0.0.0/8` and `192.0.2.128/25` as trusted proxies, and `192.0.2.0/24` as balancers that speak the PROXY
/// protocol. A claim is `X: ` for `X-Forwarded-For`, `F: ` for `Forwarded`, or `P: ` for the PROXY header.
fn resolve(peer: &str, claims: &[&str]) -> Result<Resolved, AddressError> {
    let set = |networks: &[&str]| -> AddressSet {
        networks.iter().map(|network| network.parse::<Network>().expect("a network")).collect()
    };
    let (proxies, balancers) = (set(&["10.0.0.0/8", "192.0.2.128/25"]), set(&["192.0.2.0/24"]));
    let believed = Believed { proxy_protocol: Some(&balancers), trusted_proxies: Some(&proxies) };
    let proxied = claims.iter().find_map(|claim| claim.strip_prefix("P: ")).map(|source| match source {
        "itself" => Source::Itself,
        "unknown" => Source::Unknown,
        client => Source::Client(ip(client)),
    });
    ClientAddr::resolve(ip(peer), &believed, &Claims { proxied, headers: Some(&Written(claims)) })
}

struct Written<'a>(&'a [&'a str]);

impl Headers for Written<'_> {
    fn lines(&self, field: Field) -> Vec<&[u8]> {
        let name = match field {
            Field::XForwardedFor => "X: ",
            Field::Forwarded => "F: ",
        };
        self.0.iter().filter_map(|line| line.strip_prefix(name)).map(str::as_bytes).collect()
    }
}

fn client_behind(peer: &str, lines: &[&str]) -> Result<String, AddressError> {
    resolve(peer, lines).map(|resolved| resolved.client.to_string())
}
