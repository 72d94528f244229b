//! What do the forwarding headers claim? `X-Forwarded-For` and `Forwarded` (RFC 7239 §4), read into addresses.
//!
//! Several field lines are one list, in their order (RFC 9110 §5.3). There is no repair: an empty element, `unknown`, an
//! obfuscated name (`_x`) or anything else that is no address refuses the whole header, wherever it stands in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::AddressError;

/// The addresses of `X-Forwarded-For`, canonical and in order; `None` without a field line. An element is an IPv4 or bare
/// IPv6 address, or `v4:port`, `[v6]`, `[v6]:port`. Errors: [`AddressError`].
pub(super) fn x_forwarded_for(lines: &[&[u8]]) -> Result<Option<Vec<IpAddr>>, AddressError> {
    read(
        lines,
        |line| line.split(|byte| *byte == b','),
        |element| {
            let text = std::str::from_utf8(element).ok()?;
            text.parse::<Ipv6Addr>().map(IpAddr::V6).ok().or_else(|| parse_node(text))
        },
    )
}

/// The addresses of `Forwarded`, canonical and in order; `None` without a field line. Every element has exactly one
/// `for`, an IPv4 address, or quoted `"v4:port"`, `"[v6]"`, `"[v6]:port"`. Errors: [`AddressError`].
pub(super) fn forwarded(lines: &[&[u8]]) -> Result<Option<Vec<IpAddr>>, AddressError> {
    read(
        lines,
        |line| split_unquoted(line, b','),
        |element| {
            let mut node = None;
            for pair in split_unquoted(element, b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()) {
                let equals = pair.iter().position(|byte| *byte == b'=')?;
                let (name, value) = (&pair[..equals], unquote(&pair[equals + 1..])?);
                if name.is_empty() || !name.iter().all(is_token) {
                    return None;
                }
                if name.eq_ignore_ascii_case(b"for") && node.replace(value).is_some() {
                    return None;
                }
            }
            parse_node(&node?)
        },
    )
}

fn read<'a, I: Iterator<Item = &'a [u8]>>(
    lines: &[&'a [u8]],
    elements: impl Fn(&'a [u8]) -> I,
    parse: impl Fn(&'a [u8]) -> Option<IpAddr>,
) -> Result<Option<Vec<IpAddr>>, AddressError> {
    if lines.is_empty() {
        return Ok(None);
    }
    let mut hops = Vec::new();
    for element in lines.iter().flat_map(|line| elements(line)) {
        if hops.len() == HOPS {
            return Err(AddressError::TooManyHops);
        }
        let element = trim(element);
        let hop = parse(element).ok_or_else(|| AddressError::Unparsable(quote(element)))?;
        hops.push(hop.to_canonical());
    }
    Ok(Some(hops))
}

/// `v4`, `v4:port`, `[v6]`, `[v6]:port`.
fn parse_node(text: &str) -> Option<IpAddr> {
    let (address, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        (address.parse::<Ipv6Addr>().ok()?.into(), port)
    } else {
        let (address, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        (address.parse::<Ipv4Addr>().ok()?.into(), port)
    };
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(address)
}

fn is_port(digits: &str) -> bool {
    // RFC 7239 §6: one to five digits; `u16::from_str` would take a sign.
    digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok()
}

/// Parts between separators that stand outside quoted strings.
fn split_unquoted(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    bytes.split(move |byte| {
        if quoted {
            (quoted, escaped) = (escaped || *byte != b'"', !escaped && *byte == b'\\');
            false
        } else {
            quoted = *byte == b'"';
            *byte == separator
        }
    })
}

/// A token as it is, or the inside of a quoted string (RFC 9110 §5.6.4).
fn unquote(value: &[u8]) -> Option<String> {
    let Some(inside) = value.strip_prefix(b"\"") else {
        let plain = !value.is_empty() && value.iter().all(is_token);
        return plain.then(|| String::from_utf8_lossy(value).into_owned());
    };
    let mut inside = inside.strip_suffix(b"\"")?.iter();
    let mut text = String::new();
    while let Some(byte) = inside.next() {
        let byte = match byte {
            b'\\' => inside.next()?,
            b'"' => return None,
            plain => plain,
        };
        if !byte.is_ascii() {
            return None;
        }
        text.push(char::from(*byte));
    }
    Some(text)
}

fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// Optional white space is space and tab only (RFC 9110 §5.6.3).
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Enough of a bad element to find the proxy that sent it, without letting a stranger fill the log.
fn quote(element: &[u8]) -> String {
    String::from_utf8_lossy(element).chars().take(64).collect()
}

const HOPS: usize = 32;
