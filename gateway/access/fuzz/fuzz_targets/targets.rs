//! Hosts, paths and patterns.
#![no_main]

use access::target::{CanonicalPath, HostName, PathPattern, UnusualPaths};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((host, port)) = HostName::from_authority(bytes) {
        let text = port.map_or(host.to_string(), |port| format!("{host}:{port}"));
        assert_eq!(HostName::from_authority(text.as_bytes()), Ok((host.clone(), port)), "one text a host");
        assert_eq!(HostName::parse(host.as_str()), Ok(host));
    }
    if let Ok(path) = CanonicalPath::parse(bytes) {
        let path = path.readings().next().expect("there is one");
        assert!(path.starts_with('/') && !path.contains("//") && !path.contains(['\\', ';', '%']));
        assert!(!path.contains(char::is_control));
        assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")));
        let slashes = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'/').count();
        assert_eq!(slashes(path.as_bytes()), slashes(bytes), "segments as every other program counts them");
    }
    if let Ok(path) = CanonicalPath::parse_unusual(bytes, UnusualPaths::ALL) {
        let readings: Vec<_> = path.readings().collect();
        assert!(!readings.is_empty() && readings.len() <= 32, "bounded");
        assert!(readings.iter().all(|reading| reading.starts_with('/') && !reading.contains(char::is_control)));
        assert_eq!(CanonicalPath::parse(bytes).is_ok(), path.needs().is_empty(), "the strict parser takes what needs nothing");
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(pattern) = PathPattern::parse(text)
    {
        let own = CanonicalPath::parse(text.strip_suffix('*').unwrap_or(text).as_bytes()).expect("a pattern is a path");
        assert!(own.readings().next().is_some_and(|path| pattern.covers(path)), "a pattern covers its own path");
    }
});
