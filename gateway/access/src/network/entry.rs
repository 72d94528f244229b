//! One entry of an address list, strictly read.

use std::net::IpAddr;

use ipnet::IpNet;

/// One entry of a list as written: a prefix or an inclusive range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// `203.0.113.0/24`, `2001:db8::/48`, or one address.
    Prefix(IpNet),
    /// `203.0.113.10-203.0.113.20`, both ends of one family, first ≤ last.
    Range(IpAddr, IpAddr),
}

impl std::str::FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (parse_address(first)?, parse_address(last)?);
            // Across families the order says nothing: IPv4 sorts before IPv6.
            return if first.is_ipv4() == last.is_ipv4() && first <= last {
                Ok(Self::Range(first, last))
            } else {
                Err(NetworkError::Range(text.to_owned()))
            };
        }
        let Some((address, length)) = text.split_once('/') else {
            return parse_address(text).map(|address| Self::Prefix(address.into()));
        };
        let address = parse_address(address)?;
        let network = parse_length(length)
            .and_then(|length| IpNet::new(address, length).ok())
            .ok_or_else(|| NetworkError::PrefixLength(text.to_owned()))?;
        if network.trunc() == network {
            Ok(Self::Prefix(network))
        } else {
            Err(NetworkError::HostBits { written: text.to_owned(), network: network.trunc(), address })
        }
    }
}

/// As it would be written in a list; a prefix of full length as one address.
impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prefix(network) if network.prefix_len() == network.max_prefix_len() => network.addr().fmt(f),
            Self::Prefix(network) => network.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
        }
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
        network: IpNet,
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

fn parse_address(text: &str) -> Result<IpAddr, NetworkError> {
    if text.contains('%') {
        return Err(NetworkError::Zone(text.to_owned()));
    }
    if has_leading_zero(text) {
        return Err(NetworkError::LeadingZero(text.to_owned()));
    }
    match text.parse() {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => Err(NetworkError::Mapped(text.to_owned())),
        Ok(address) => Ok(address),
        Err(_) => Err(NetworkError::NotAnAddress(text.to_owned())),
    }
}

/// Of a dotted quad, alone or at the end of an IPv6 address.
fn has_leading_zero(text: &str) -> bool {
    let quad = text.rsplit(':').next().unwrap_or(text);
    quad.split('.').count() == 4
        && quad.split('.').all(|part| part.bytes().all(|b| b.is_ascii_digit()))
        && quad.split('.').any(|part| part.len() > 1 && part.starts_with('0'))
}

fn parse_length(digits: &str) -> Option<u8> {
    // `u8::from_str` would take a sign and leading zeros.
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_may_hold_is_shown_as_it_was_written() {
        for text in [
            "203.0.113.0/24",
            "203.0.113.7",
            "0.0.0.0/0",
            "10.0.0.0/31",
            "::/0",
            "2001:db8::/48",
            "2001:db8::7",
            "::10.0.0.1",
            "203.0.113.10-203.0.113.20",
            "203.0.113.10-203.0.113.10",
            "2001:db8::1-2001:db8::ff",
        ] {
            // `::10.0.0.1` is shown as `::a00:1`, which is the same address.
            let network: Network = text.parse().expect(text);
            let shown = network.to_string();
            assert_eq!(shown.parse(), Ok(network), "{text}");
            assert!(shown == text || text == "::10.0.0.1", "{shown} is not {text}");
        }
    }

    #[test]
    fn one_address_may_be_written_with_its_full_length() {
        assert_eq!("203.0.113.7/32".parse::<Network>(), "203.0.113.7".parse());
        assert_eq!("2001:db8::7/128".parse::<Network>(), "2001:db8::7".parse());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_network() {
        use NetworkError::*;
        let not_an_address = |part: &str| NotAnAddress(part.to_owned());
        let leading_zero = |part: &str| LeadingZero(part.to_owned());
        let length = |text: &str| PrefixLength(text.to_owned());
        let zone = |part: &str| Zone(part.to_owned());
        let mapped = |part: &str| Mapped(part.to_owned());
        let range = |text: &str| Range(text.to_owned());
        for (text, expected) in [
            ("", not_an_address("")),
            ("office", not_an_address("office")),
            (" 10.0.0.1", not_an_address(" 10.0.0.1")),
            ("10.0.0", not_an_address("10.0.0")),
            ("10.0.0.256", not_an_address("10.0.0.256")),
            ("0x7f.0.0.1", not_an_address("0x7f.0.0.1")),
            ("[::1]", not_an_address("[::1]")),
            ("10.0.0.1:80", not_an_address("10.0.0.1:80")),
            ("１0.0.0.1", not_an_address("１0.0.0.1")),
            ("010.0.0.1", leading_zero("010.0.0.1")),
            ("10.0.0.01/32", leading_zero("10.0.0.01")),
            ("10.0.0.00", leading_zero("10.0.0.00")),
            ("::010.0.0.1", leading_zero("::010.0.0.1")),
            ("10.0.0.0/33", length("10.0.0.0/33")),
            ("10.0.0.0/", length("10.0.0.0/")),
            ("10.0.0.0/x", length("10.0.0.0/x")),
            ("10.0.0.0/+8", length("10.0.0.0/+8")),
            ("10.0.0.0/08", length("10.0.0.0/08")),
            ("10.0.0.0/8/8", length("10.0.0.0/8/8")),
            ("10.0.0.0/255.0.0.0", length("10.0.0.0/255.0.0.0")),
            ("10.0.0.0/264", length("10.0.0.0/264")),
            ("2001:db8::/129", length("2001:db8::/129")),
            ("fe80::1%eth0", zone("fe80::1%eth0")),
            ("fe80::1%25lo/64", zone("fe80::1%25lo")),
            ("::ffff:10.0.0.1", mapped("::ffff:10.0.0.1")),
            ("::ffff:0:0/96", mapped("::ffff:0:0")),
            ("::ffff:a00:1-::ffff:a00:2", mapped("::ffff:a00:1")),
            ("10.0.0.9-10.0.0.1", range("10.0.0.9-10.0.0.1")),
            ("10.0.0.1-2001:db8::1", range("10.0.0.1-2001:db8::1")),
            ("2001:db8::1-10.0.0.1", range("2001:db8::1-10.0.0.1")),
            ("10.0.0.1-", not_an_address("")),
            ("10.0.0.0/24-10.0.1.0/24", not_an_address("10.0.0.0/24")),
        ] {
            assert_eq!(text.parse::<Network>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn host_bits_are_refused_with_both_likely_meanings() {
        for (text, sentence) in [
            ("10.1.2.3/8", "10.1.2.3/8 has host bits; write 10.0.0.0/8, or 10.1.2.3 for one address"),
            ("2001:db8::1/32", "2001:db8::1/32 has host bits; write 2001:db8::/32, or 2001:db8::1 for one address"),
            ("10.0.0.1/0", "10.0.0.1/0 has host bits; write 0.0.0.0/0, or 10.0.0.1 for one address"),
        ] {
            let error = text.parse::<Network>().expect_err(text);
            assert_eq!(error.to_string(), sentence);
        }
    }
}
