//! Paths that programs read differently: one rule for every reading, or no way in.

use super::attempts::*;
use super::*;
use crate::target::{CanonicalPath, Unusual, UnusualPaths};

fn tolerant(rules: &mut Rules) {
    crm(rules).paths_may_contain = UnusualPaths::ALL;
}

#[test]
fn every_reading_must_select_the_same_rule() {
    for (path, answer) in [
        ("/customers//4711", "allow ana by 14"),
        ("/customers/a%2Fb", "allow ana by 14"),
        ("/customers/x;jsessionid=1", "allow ana by 14"),
        ("/admin/a%2Fb", "allow ana by 13"),
        ("/admin/x/../y", "allow ana by 13"),
        ("/admin/../customers", "refuse ambiguous_path by 10"),
        ("/customers/../admin/x", "refuse ambiguous_path by 10"),
        ("/customers/..%2Fadmin/x", "refuse ambiguous_path by 10"),
        ("/customers%2F..%2Fadmin%2Fx", "refuse ambiguous_path by 10"),
        ("/x\\..\\admin\\x", "refuse ambiguous_path by 10"),
        ("/x%5c%2e%2e%5cadmin%5cx", "refuse ambiguous_path by 10"),
        ("/;x/admin/x", "refuse ambiguous_path by 10"),
        ("/admin;x/y", "refuse ambiguous_path by 10"),
        ("//admin/x", "refuse ambiguous_path by 10"),
        ("/./admin/x", "refuse ambiguous_path by 10"),
        ("/status/", "allow ana by 14"),
        ("/status//", "allow ana by 14"),
        ("/status/.", "refuse ambiguous_path by 10"),
        ("/status;x", "refuse ambiguous_path by 10"),
        ("/status/x/..", "refuse ambiguous_path by 10"),
    ] {
        assert_eq!(Try::get("crm", path).session("ana").under(tolerant).answer(), answer, "{path}");
    }
}

#[test]
fn an_escape_that_nobody_needs_may_not_choose_the_rule() {
    for (path, answer) in [
        ("/%73tatus", "refuse ambiguous_path by 10"),
        ("/%61dmin/x", "refuse ambiguous_path by 10"),
        ("/admin/%78", "allow ana by 13"),
        ("/customers/a%40b", "allow ana by 14"),
        ("/caf%C3%A9", "allow ana by 14"),
        ("/caf%c3%a9", "allow ana by 14"),
    ] {
        assert_eq!(Try::get("crm", path).session("ana").answer(), answer, "{path}");
    }
}

#[test]
fn what_is_ambiguous_is_told_to_those_who_signed_in_alone() {
    for path in ["/status;x", "/customers/../status", "//admin/x", "/customers//1"] {
        assert_eq!(Try::get("crm", path).under(tolerant).answer(), "sign in", "{path}");
    }
}

#[test]
fn what_an_app_does_not_take_is_refused_by_the_rules_as_well() {
    let only_empty = |rules: &mut Rules| {
        crm(rules).paths_may_contain = UnusualPaths::default().with(Unusual::EmptySegments);
    };
    let asked = |path| Try::get("crm", path).session("ana").under(only_empty).answer();
    assert_eq!(asked("/customers//1"), "allow ana by 14");
    assert_eq!(asked("/customers/a%2Fb"), "refuse ambiguous_path by 10");
    assert_eq!(asked("/customers/x/../y"), "refuse ambiguous_path by 10");
}

/// Programs as they are known to read, each written on its own.
mod programs {
    /// nginx: decodes once, merges slashes, resolves dots.
    pub(super) fn nginx(path: &str) -> String {
        clean(&decode(path))
    }

    /// Servlet containers: a parameter belongs to its segment, and goes before anything is decoded.
    pub(super) fn servlets(path: &str) -> String {
        let without: Vec<_> = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect();
        clean(&decode(&without.join("/")))
    }

    /// IIS: a backslash is a slash.
    pub(super) fn windows(path: &str) -> String {
        clean(&decode(path).replace('\\', "/"))
    }

    /// Whoever hands the decoded text on as it is.
    pub(super) fn naive(path: &str) -> String {
        decode(path)
    }

    /// A file server that splits first and lets the file system resolve what is left.
    pub(super) fn splits_first(path: &str) -> String {
        let mut segments: Vec<&str> = Vec::new();
        let count = path.split('/').count();
        for (index, segment) in path.split('/').enumerate() {
            match segment {
                "." => {}
                ".." => {
                    if segments.len() > 1 {
                        segments.pop();
                    }
                }
                other => segments.push(other),
            }
            if index + 1 == count && matches!(segment, "." | "..") {
                segments.push("");
            }
        }
        clean(&decode(&segments.join("/")))
    }

    fn clean(path: &str) -> String {
        let mut kept: Vec<&str> = Vec::new();
        let segments: Vec<_> = path.split('/').collect();
        for segment in &segments {
            match *segment {
                "" | "." => {}
                ".." => {
                    kept.pop();
                }
                other => kept.push(other),
            }
        }
        let is_folder = matches!(segments.last(), Some(&("" | "." | "..")));
        let end = if is_folder && !kept.is_empty() { "/" } else { "" };
        format!("/{}{end}", kept.join("/"))
    }

    fn decode(path: &str) -> String {
        let bytes = path.as_bytes();
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let escaped = path.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
            match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => {
                    decoded.push(byte);
                    at += 3;
                }
                None => {
                    decoded.push(bytes[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8(decoded).expect("only ASCII is escaped here")
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_program_reads_a_path_in_a_way_that_was_not_decided_on(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 1..9)
    ) {
        let raw = format!("/{}", pieces.concat());
        let Ok(path) = CanonicalPath::parse_unusual(raw.as_bytes(), UnusualPaths::ALL) else { return Ok(()) };
        let readings: Vec<_> = path.readings().collect();
        use programs::{naive, nginx, servlets, splits_first, windows};
        for program in [naive, nginx, servlets, windows, splits_first] {
            let read = program(&raw);
            proptest::prop_assert!(readings.contains(&read.as_str()), "{} is read as {}, not in {:?}", raw, read, readings);
        }
        // Whoever resolves no escapes compares the path as it came.
        let as_written = rules().apps[&app("crm")].paths.iter().find(|rule| rule.pattern.covers(&raw)).map(|rule| rule.place.line.to_string());
        let answer = Try::get("crm", leak(&raw)).session("ana").under(tolerant).answer();
        if let Some(line) = answer.strip_prefix("allow ana by ").or_else(|| answer.strip_prefix("allow nobody by ")) {
            proptest::prop_assert_eq!(as_written.as_deref(), Some(line), "{}", raw);
        }
        // And so the decision is the one on what the program reads.
        let decided = Try::get("crm", leak(&raw)).session("ana").under(tolerant).answer();
        if decided.starts_with("allow") {
            for program in [naive, nginx, servlets, windows, splits_first] {
                let alone = Try::get("crm", leak(&program(&raw))).session("ana").under(tolerant).answer();
                proptest::prop_assert_eq!(&alone, &decided, "{}", raw);
            }
        }
    }
}

/// The tables' attempts hold on to texts for ever.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

const PIECES: &[&str] = &[
    "/", "/", "a", "b", "admin", "status", "api", ".", "..", "/..", "/.", "//", "\\", "%5c", "%2f", "%2F", ";", ";x",
    "%3b", "%2e", "%2e%2e", ".%2e", "%61", "%73tatus", "/admin/", "/status",
];
