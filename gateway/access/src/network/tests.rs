//! Who is the client? Every way of lying about it (A01–A05).

use super::*;

#[test]
fn the_client_is_the_first_hop_from_the_right_that_is_not_trusted() {
    for (headers, expected) in [
        (&[][..], Ok("10.0.0.1")),
        (&["X: 203.0.113.9"], Ok("203.0.113.9")),
        (&["X: 10.0.0.1, 203.0.113.9, 10.0.0.2"], Ok("203.0.113.9")),
        (&["X: 10.0.0.1", "X: 203.0.113.9", "X: 10.0.0.2"], Ok("203.0.113.9")),
        (&["X: 198.51.100.1,203.0.113.9\t, 10.0.0.2 "], Ok("203.0.113.9")),
        (&["X: 10.0.0.3, 10.0.0.2"], Ok("10.0.0.3")),
        (&["X: 203.0.113.9:55"], Ok("203.0.113.9")),
        (&["X: 203.0.113.9:65535"], Ok("203.0.113.9")),
        (&["X: 2001:db8::9"], Ok("2001:db8::9")),
        (&["X: [2001:db8::9]"], Ok("2001:db8::9")),
        (&["X: [2001:db8::9]:55"], Ok("2001:db8::9")),
        (&["X: ::ffff:203.0.113.9"], Ok("203.0.113.9")),
        (&["X: [::ffff:cb00:7109]:55"], Ok("203.0.113.9")),
        (&["X: 203.0.113.9, ::ffff:10.0.0.2"], Ok("203.0.113.9")),
        (&["X: ::203.0.113.9"], Ok("::cb00:7109")),
        (&["F: for=203.0.113.9"], Ok("203.0.113.9")),
        (&["F: For=203.0.113.9;proto=https;by=10.0.0.1"], Ok("203.0.113.9")),
        (&["F: proto=https; for=\"203.0.113.9:55\" ;host=\"a,b;c\""], Ok("203.0.113.9")),
        (&["F: for=\"[2001:db8::9]\""], Ok("2001:db8::9")),
        (&["F: for=\"[2001:db8::9]:55\""], Ok("2001:db8::9")),
        (&["F: for=\"203.0.113\\.9\""], Ok("203.0.113.9")),
        (&["F: for=\"[::ffff:203.0.113.9]\""], Ok("203.0.113.9")),
        (&["F: host=\"a\\\"b,\";for=198.51.100.1, for=203.0.113.9", "F: for=10.0.0.2"], Ok("203.0.113.9")),
        (&["X: 203.0.113.9", "F: for=203.0.113.9"], Ok("203.0.113.9")),
        (&["X: 198.51.100.1, 203.0.113.9", "F: for=203.0.113.9, for=10.0.0.2"], Ok("203.0.113.9")),
        (&["X: 203.0.113.9", "F: for=203.0.113.8"], Err(AddressError::Disagree)),
        (&["X: 203.0.113.9", "F: for=10.0.0.2"], Err(AddressError::Disagree)),
    ] {
        assert_eq!(client_behind("10.0.0.1", headers), expected.map(str::to_owned), "{headers:?}");
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
fn nothing_an_untrusted_peer_says_counts() {
    let many = vec!["10.0.0.1"; 100].join(",");
    for line in ["10.0.0.1", "garbage", "", &many] {
        for (peer, client) in [("203.0.113.9", "203.0.113.9"), ("::ffff:203.0.113.9", "203.0.113.9"), ("::1", "::1")] {
            let found = client_behind(peer, &[&format!("X: {line}"), &format!("F: for={line}")]);
            assert_eq!(found, Ok(client.to_owned()), "{peer} says {line:?}");
        }
    }
}

#[test]
fn a_trusted_peer_is_recognised_in_ipv6_clothes_and_by_no_other_embedding() {
    let told = |peer| client_behind(peer, &["X: 203.0.113.9"]);
    assert_eq!(told("::ffff:10.0.0.1"), Ok("203.0.113.9".to_owned()));
    // IPv4-compatible, 6to4, Teredo, NAT64 (A04).
    for peer in ["::a00:1", "2002:a00:1::", "2001:0:a00:1::", "64:ff9b::a00:1"] {
        assert_eq!(told(peer), Ok(peer.to_owned()));
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
    ] {
        let resolved = resolve(peer, &[line]).expect(line);
        let expected: Vec<_> = expected.iter().map(|(hop, trust)| (ip(hop), *trust)).collect();
        assert_eq!(resolved.hops, expected, "{line}");
        assert_eq!(resolved.hops.last().map(|(hop, _)| *hop), Some(resolved.client.ip()));
    }
    let alone = resolve("10.0.0.1", &[]).expect("no header, no fault");
    assert_eq!(alone.hops, [(ip("10.0.0.1"), t)]);
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

/// Behind `10.0.0.0/8` as trusted proxies. A line is `X: ` for `X-Forwarded-For` or `F: ` for `Forwarded`.
fn resolve(peer: &str, lines: &[&str]) -> Result<Resolved, AddressError> {
    let trusted = ["10.0.0.0/8".parse::<Network>().expect("a network")].into_iter().collect();
    let lines_of = |name| lines.iter().filter_map(move |line| line.strip_prefix(name)).map(str::as_bytes).collect();
    let claims = Claims { x_forwarded_for: lines_of("X: "), forwarded: lines_of("F: ") };
    ClientAddr::resolve(ip(peer), &trusted, &claims)
}

fn client_behind(peer: &str, lines: &[&str]) -> Result<String, AddressError> {
    resolve(peer, lines).map(|resolved| resolved.client.to_string())
}
