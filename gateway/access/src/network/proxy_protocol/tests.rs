//! Every kind of header, whole, cut, and wrong (A06).

use proptest::prelude::*;

use super::*;

#[test]
fn a_text_line_is_taken_only_as_the_grammar_has_it() {
    let client = |text: &str| Ok(Source::Client(text.parse().expect("an address")));
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    for (line, expected) in [
        ("TCP4 203.0.113.9 192.0.2.1 56324 443\r\n", client("203.0.113.9")),
        ("TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", client("0.0.0.0")),
        ("TCP6 2001:db8::9 2001:db8::1 56324 443\r\n", client("2001:db8::9")),
        ("TCP6 2001:DB8::9 ::1 1 2\r\n", client("2001:db8::9")),
        ("TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n", client("203.0.113.9")),
        ("TCP6 ::203.0.113.9 ::1 1 2\r\n", client("::203.0.113.9")),
        (&format!("TCP6 {longest} {longest} 65535 65535\r\n"), client(longest)),
        ("UNKNOWN\r\n", Ok(Source::Unknown)),
        (&format!("UNKNOWN {longest} {longest} 65535 65535\r\n"), Ok(Source::Unknown)),
        ("UNKNOWN what ever \0\u{fffd}\r\n", Ok(Source::Unknown)),
        ("UNKNOWNS\r\n", Err(HeaderError::Line)),
        ("\r\n", Err(HeaderError::Line)),
        ("TCP4\r\n", Err(HeaderError::Line)),
        ("TCP5 203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("tcp4 203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("UDP4 203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 1 2\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 1 2 \r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 1 2 3\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 1\r\n", Err(HeaderError::Line)),
        ("TCP4  203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4\t203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        (" TCP4 203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.09 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 0xcb.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 2001:db8::9 2001:db8::1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 ::ffff:203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 2001:db8::1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP6 203.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP6 [2001:db8::9] ::1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP6 fe80::1%eth0 ::1 1 2\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 65536 443\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 1 99999\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 080 443\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 00 443\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 +80 443\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 -1 443\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1  443\r\n", Err(HeaderError::Line)),
        ("TCP4 203.0.113.9 192.0.2.1 1 2\r\r\n", Err(HeaderError::Line)),
        ("TCP4 ２03.0.113.9 192.0.2.1 1 2\r\n", Err(HeaderError::Line)),
    ] {
        let bytes = format!("PROXY {line}").into_bytes();
        let length = bytes.len();
        let behind = [&bytes[..], b"PROXY TCP4 10.0.0.1 10.0.0.1 1 1\r\nGET / HTTP/1.1\r\n"].concat();
        let expected = expected.map(|source| Step::Done { length, source });
        assert_eq!(read(&bytes), expected, "{line:?}");
        assert_eq!(read(&behind), expected, "{line:?} and more");
    }
}

#[test]
fn a_text_line_has_at_most_107_bytes_and_one_beginning() {
    let line = |filler: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(filler)).into_bytes();
    assert_eq!(line(91).len(), 107);
    assert_eq!(read(&line(91)), Ok(Step::Done { length: 107, source: Source::Unknown }));
    assert_eq!(read(&line(92)), Err(HeaderError::TooLong));
    assert_eq!(read(&line(92)[..107]), Err(HeaderError::TooLong));
    assert_eq!(read(&line(92)[..106]), Ok(Step::More));
    for other in
        ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "PROXYS", "P ", "POST", "\u{16}\u{3}\u{1}", "\0", "proxy "]
    {
        assert_eq!(read(other.as_bytes()), Err(HeaderError::Absent), "{other:?}");
    }
}

#[test]
fn a_binary_header_is_taken_only_as_it_is_defined() {
    let v4 = [203, 0, 113, 9, 192, 0, 2, 1, 0xdc, 4, 1, 0xbb];
    let v6 = |address: &str| {
        let address: Ipv6Addr = address.parse().expect("an address");
        [&address.octets()[..], &[0; 16], &[0xdc, 4, 1, 0xbb]].concat()
    };
    let tlv = |kind: u8, value: &[u8]| [&[kind, 0, value.len() as u8], value].concat();
    let client = |text: &str| Ok(Source::Client(text.parse().expect("an address")));
    for (name, kind, family, rest, expected) in [
        ("TCP over IPv4", 0x21, 0x11, v4.to_vec(), client("203.0.113.9")),
        ("UDP over IPv4, as for HTTP/3", 0x21, 0x12, v4.to_vec(), client("203.0.113.9")),
        ("TCP over IPv6", 0x21, 0x21, v6("2001:db8::9"), client("2001:db8::9")),
        ("v4-mapped", 0x21, 0x21, v6("::ffff:203.0.113.9"), client("203.0.113.9")),
        ("v4-compatible", 0x21, 0x22, v6("::203.0.113.9"), client("::203.0.113.9")),
        ("AF_UNIX", 0x21, 0x31, vec![b'/'; 216], Ok(Source::Unknown)),
        ("AF_UNIX datagrams", 0x21, 0x32, vec![0; 216], Ok(Source::Unknown)),
        ("AF_UNSPEC", 0x21, 0x00, vec![], Ok(Source::Unknown)),
        ("AF_UNSPEC with something", 0x21, 0x00, vec![1; 30], Ok(Source::Unknown)),
        ("LOCAL", 0x20, 0x00, vec![], Ok(Source::Itself)),
        ("LOCAL with addresses", 0x20, 0x11, v4.to_vec(), Ok(Source::Itself)),
        ("LOCAL with garbage", 0x20, 0xff, vec![255; 2048], Ok(Source::Itself)),
        ("extensions", 0x21, 0x11, [&v4[..], &tlv(1, b"h2"), &tlv(4, b"")].concat(), client("203.0.113.9")),
        ("the longest", 0x21, 0x11, [&v4[..], &[4, 0x07, 0xf1], &[0; 2033]].concat(), client("203.0.113.9")),
        ("one byte beyond", 0x21, 0x11, [&v4[..], &[4, 0x07, 0xf2], &[0; 2034]].concat(), Err(HeaderError::TooLong)),
        ("64 KiB", 0x20, 0x00, vec![0; 65535], Err(HeaderError::TooLong)),
        ("version 1", 0x11, 0x11, v4.to_vec(), Err(HeaderError::Kind)),
        ("version 3", 0x31, 0x11, v4.to_vec(), Err(HeaderError::Kind)),
        ("command 2", 0x22, 0x11, v4.to_vec(), Err(HeaderError::Kind)),
        ("command 15", 0x2f, 0x11, v4.to_vec(), Err(HeaderError::Kind)),
        ("family 4", 0x21, 0x41, v4.to_vec(), Err(HeaderError::Kind)),
        ("transport 3", 0x21, 0x13, v4.to_vec(), Err(HeaderError::Kind)),
        ("IPv4 over nothing", 0x21, 0x10, v4.to_vec(), Err(HeaderError::Kind)),
        ("nothing over TCP", 0x21, 0x01, v4.to_vec(), Err(HeaderError::Kind)),
        ("IPv4 cut short", 0x21, 0x11, v4[..11].to_vec(), Err(HeaderError::Lengths)),
        ("IPv6 with the length of IPv4", 0x21, 0x21, v4.to_vec(), Err(HeaderError::Lengths)),
        ("AF_UNIX cut short", 0x21, 0x31, vec![0; 215], Err(HeaderError::Lengths)),
        ("no addresses", 0x21, 0x11, vec![], Err(HeaderError::Lengths)),
        ("an extension of two bytes", 0x21, 0x11, [&v4[..], &[4, 0]].concat(), Err(HeaderError::Lengths)),
        ("an extension beyond the end", 0x21, 0x11, [&v4[..], &[4, 0, 2, 0]].concat(), Err(HeaderError::Lengths)),
        ("an extension of 64 KiB", 0x21, 0x11, [&v4[..], &[4, 255, 255, 0]].concat(), Err(HeaderError::Lengths)),
        ("a wrong checksum", 0x21, 0x11, [&v4[..], &tlv(3, &[0; 4])].concat(), Err(HeaderError::Checksum)),
        ("a checksum of three bytes", 0x21, 0x11, [&v4[..], &tlv(3, &[0; 3])].concat(), Err(HeaderError::Checksum)),
    ] {
        let bytes = binary(kind, family, &rest);
        let length = bytes.len();
        let expected = expected.map(|source| Step::Done { length, source });
        assert_eq!(read(&bytes), expected, "{name}");
        assert_eq!(read(&[&bytes[..], &bytes[..]].concat()), expected, "{name}, twice");
    }
}

#[test]
fn a_checksum_that_is_there_has_to_be_right() {
    // RFC 3720 §B.4: 32 bytes of zeros, and of ones.
    assert_eq!(crc32c(&[0; 32], 0..0), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32], 0..0), 0x62a8_ab43);
    let rest = [&[203, 0, 113, 9, 192, 0, 2, 1, 0xdc, 4, 1, 0xbb][..], &[3, 0, 4, 0, 0, 0, 0], &[4, 0, 1, 7]].concat();
    let mut bytes = binary(0x21, 0x11, &rest);
    let sum = crc32c(&bytes, 31..35).to_be_bytes();
    bytes[31..35].copy_from_slice(&sum);
    let source = Source::Client(IpAddr::from([203, 0, 113, 9]));
    assert_eq!(read(&bytes), Ok(Step::Done { length: bytes.len(), source }));
    // Whether there is a checksum at all stands in the type of the extension, byte 28.
    for at in (16..28).chain(29..bytes.len()) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(read(&flipped).is_err(), "bit 0 of byte {at} was flipped");
    }
}

#[test]
fn no_header_is_decided_before_it_is_there_and_none_waits_longer_than_it_must() {
    let line = b"PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n".to_vec();
    let binary = binary(0x21, 0x11, &[203, 0, 113, 9, 192, 0, 2, 1, 0xdc, 4, 1, 0xbb]);
    for header in [line, binary] {
        for end in 0..header.len() {
            assert_eq!(read(&header[..end]), Ok(Step::More), "{end} bytes of {header:?}");
        }
        let source = Source::Client(IpAddr::from([203, 0, 113, 9]));
        assert_eq!(read(&header), Ok(Step::Done { length: header.len(), source }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn byte_by_byte_is_read_as_all_at_once(bytes in something_like_a_header()) {
        let at_once = read(&bytes);
        for end in 0..=bytes.len() {
            let step = read(&bytes[..end]);
            if step != Ok(Step::More) {
                prop_assert_eq!(step, at_once, "after {} bytes", end);
                break;
            }
            prop_assert!(end <= LONGEST, "a reader would wait for ever");
        }
        if let Ok(Step::Done { length, source }) = at_once {
            prop_assert!(length <= bytes.len() && length <= LONGEST);
            if let Source::Client(address) = source {
                prop_assert_eq!(address, address.to_canonical());
            }
        }
    }
}

fn something_like_a_header() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(any::<u8>(), 0..300);
    let line = "PROXY (TCP4|TCP6|UNKNOWN|[A-Z]{3}) [0-9a-f.:]{0,15} [0-9a-f.:]{0,15} [0-9]{1,6} [0-9]{1,6}\r?\n.{0,9}";
    let binary = (
        proptest::sample::select(vec![0x20, 0x21, 0x11, 0x2f]),
        proptest::sample::select(vec![0x00, 0x11, 0x12, 0x21, 0x31, 0x41]),
        noise.clone(),
    )
        .prop_map(|(kind, family, rest)| binary(kind, family, &rest));
    prop_oneof![noise, proptest::string::string_regex(line).expect("a pattern").prop_map(String::into_bytes), binary]
}

fn binary(kind: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("short enough").to_be_bytes();
    [SIGNATURE, &[kind, family], &length, rest].concat()
}
