//! PROXY headers: whole, in pieces, with something behind.
#![no_main]

use access::network::proxy_protocol::{LONGEST, Source, Step, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let at_once = read(bytes);
    let mut end = 0;
    let in_pieces = loop {
        match read(&bytes[..end]) {
            Ok(Step::More) if end < bytes.len() => end += 1,
            step => break step,
        }
    };
    assert_eq!(in_pieces, at_once, "what comes byte by byte is read as what comes at once");
    match at_once {
        Ok(Step::Done { length, source }) => {
            assert!(length <= bytes.len() && length <= LONGEST);
            assert_eq!(end, length, "not a byte of the connection was needed");
            if let Source::Client(client) = source {
                assert_eq!(client, client.to_canonical());
            }
        }
        Ok(Step::More) => assert!(bytes.len() < LONGEST, "nobody waits for ever"),
        Err(_) => {}
    }
});
