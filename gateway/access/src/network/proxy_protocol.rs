//! What does a load balancer say before the first byte of a connection? The PROXY protocol's header, versions 1 and 2.
//!
//! After HAProxy's `proxy-protocol.txt` (§2.1 text, §2.2 binary), strict: nothing is repaired, and a header that could be
//! read in two ways is an error. Bytes in, [`Step`] out: what was read of an unfinished header never changes the answer,
//! so it may come in any pieces. At most 107 bytes (version 1) or 16 + 2,048 (version 2). Of the extensions (TLVs) only the
//! checksum is looked at, and one that is there has to be right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far a header was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// All of it belongs to the header, and more of it has to come.
    More,
    /// A whole header.
    Done {
        /// Its length; what follows belongs to the connection.
        length: usize,
        /// Whom it speaks for.
        source: Source,
    },
}

/// Whom does the header speak for?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The balancer itself: `LOCAL`, as in its health checks.
    Itself,
    /// Somebody whose address it doesn't know or can't tell: `UNKNOWN`, `AF_UNSPEC`, `AF_UNIX`.
    Unknown,
    /// A client at this address, canonical.
    Client(IpAddr),
}

/// Why it is no header. The connection is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// It begins otherwise.
    #[error("no PROXY protocol header")]
    Absent,
    /// A version 1 line that does not follow the grammar.
    #[error("a malformed PROXY v1 line")]
    Line,
    /// Longer than the protocol, or we, allow.
    #[error("a PROXY header that is too long")]
    TooLong,
    /// A version 2 header of another version, command, family or transport.
    #[error("a PROXY v2 header of an unknown kind")]
    Kind,
    /// Shorter than its addresses, or an extension runs over its end.
    #[error("a PROXY v2 header whose lengths don't fit")]
    Lengths,
    /// It carries a checksum, and that is wrong.
    #[error("a PROXY v2 header with a wrong checksum")]
    Checksum,
}

/// The header at the beginning of `bytes`. Errors: [`HeaderError`], as soon as no continuation could mend it.
pub fn read(bytes: &[u8]) -> Result<Step, HeaderError> {
    match bytes.first() {
        None => Ok(Step::More),
        Some(b'P') => read_line(bytes),
        Some(_) => read_binary(bytes),
    }
}

/// The longest header there is: as much as a reader has to keep.
pub const LONGEST: usize = FIXED + LONGEST_REST;

fn read_line(bytes: &[u8]) -> Result<Step, HeaderError> {
    begins(bytes, LINE)?;
    let line = &bytes[..bytes.len().min(LONGEST_LINE)];
    match line.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = line[..end].strip_suffix(b"\r").and_then(|line| line.strip_prefix(LINE));
            let source = line.and_then(source_of_line).ok_or(HeaderError::Line)?;
            Ok(Step::Done { length: end + 1, source })
        }
        None if line.len() == LONGEST_LINE => Err(HeaderError::TooLong),
        None => Ok(Step::More),
    }
}

/// `TCP4 SOURCE DESTINATION PORT PORT`, `TCP6 …`, or `UNKNOWN` and whatever else (§2.1).
fn source_of_line(line: &[u8]) -> Option<Source> {
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        return Some(Source::Unknown);
    }
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let mut word = || words.next();
    // The parsers of `std` take neither leading zeros nor zones.
    let v4 = |text: &str| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    let v6 = |text: &str| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let address: fn(&str) -> Option<IpAddr> = match word()? {
        "TCP4" => v4,
        "TCP6" => v6,
        _ => return None,
    };
    let (source, _) = (address(word()?)?, address(word()?)?);
    let ports = is_port(word()?) && is_port(word()?);
    (ports && word().is_none()).then(|| Source::Client(source.to_canonical()))
}

/// 0 to 65535, without sign or leading zeros.
fn is_port(digits: &str) -> bool {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    plain && digits.parse::<u16>().is_ok()
}

fn read_binary(bytes: &[u8]) -> Result<Step, HeaderError> {
    begins(bytes, SIGNATURE)?;
    let Some(kind) = bytes.get(SIGNATURE.len()) else { return Ok(Step::More) };
    let local = match kind {
        0x20 => true,
        0x21 => false,
        _ => return Err(HeaderError::Kind),
    };
    let Some(family) = bytes.get(SIGNATURE.len() + 1) else { return Ok(Step::More) };
    // §2.2: for LOCAL the receiver ignores the family and what follows.
    let least = match family {
        _ if local => 0,
        0x00 => 0,
        0x11 | 0x12 => 12,
        0x21 | 0x22 => 36,
        0x31 | 0x32 => 216,
        _ => return Err(HeaderError::Kind),
    };
    let Some(rest) = bytes.get(SIGNATURE.len() + 2..FIXED) else { return Ok(Step::More) };
    let rest = usize::from(rest[0]) << 8 | usize::from(rest[1]);
    if rest > LONGEST_REST {
        return Err(HeaderError::TooLong);
    }
    if rest < least {
        return Err(HeaderError::Lengths);
    }
    let Some(header) = bytes.get(..FIXED + rest) else { return Ok(Step::More) };
    let length = header.len();
    if local {
        return Ok(Step::Done { length, source: Source::Itself });
    }
    // What follows the family 0x00 has no meaning, not even that of extensions.
    if least > 0 {
        extensions(header, FIXED + least)?;
    }
    let source = match (family >> 4, &header[FIXED..]) {
        (1, &[a, b, c, d, ..]) => Source::Client(IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
        (2, addresses) => match addresses.first_chunk::<16>() {
            Some(source) => Source::Client(IpAddr::from(*source).to_canonical()),
            None => return Err(HeaderError::Lengths),
        },
        _ => Source::Unknown,
    };
    Ok(Step::Done { length, source })
}

/// Walks over the extensions (§2.2: type, two bytes of length, value), which begin at `at` and fill the header exactly.
fn extensions(header: &[u8], mut at: usize) -> Result<(), HeaderError> {
    let mut sums = 0;
    while at < header.len() {
        let Some(&[kind, high, low]) = header.get(at..at + 3) else { return Err(HeaderError::Lengths) };
        let value = at + 3..at + 3 + (usize::from(high) << 8 | usize::from(low));
        let Some(written) = header.get(value.clone()) else { return Err(HeaderError::Lengths) };
        if kind == CHECKSUM {
            sums += 1;
            // Two could not both be right, and each costs a pass over the header.
            let right = sums == 1 && *written == crc32c(header, value.clone()).to_be_bytes();
            if !right {
                return Err(HeaderError::Checksum);
            }
        }
        at = value.end;
    }
    Ok(())
}

/// CRC-32C (RFC 3720 §B.4), with the bytes of `zeroed` taken as zero. Bit by bit: two kilobytes once a connection.
fn crc32c(bytes: &[u8], zeroed: std::ops::Range<usize>) -> u32 {
    let sum = bytes.iter().enumerate().fold(u32::MAX, |sum, (at, byte)| {
        let byte = if zeroed.contains(&at) { 0 } else { *byte };
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 })
    });
    !sum
}

fn begins(bytes: &[u8], with: &[u8]) -> Result<(), HeaderError> {
    let length = bytes.len().min(with.len());
    if bytes[..length] == with[..length] { Ok(()) } else { Err(HeaderError::Absent) }
}

const LINE: &[u8] = b"PROXY ";
/// With its line end (§2.1).
const LONGEST_LINE: usize = 107;
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;
/// Addresses and extensions. The protocol would allow 64 KiB; balancers send a few hundred bytes.
const LONGEST_REST: usize = 2048;
/// `PP2_TYPE_CRC32C`.
const CHECKSUM: u8 = 0x03;

#[cfg(test)]
mod tests;
