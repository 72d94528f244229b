//! Cookie fields, one a line.
#![no_main]

use access::cookie::only_value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let fields = || bytes.split(|byte| *byte == b'\n');
    let name = "__Host-v";
    let Some(value) = only_value(fields(), name) else { return };
    assert!(!value.is_empty() && value.len() <= 512 && !value.contains([';', '\n']));
    let alone = format!("{name}={value}");
    assert_eq!(only_value([alone.as_bytes()], name), Some(value), "a value is read as itself");
    let twice = fields().chain([alone.as_bytes()]);
    assert_eq!(only_value(twice, name), None, "a second one makes both of them none");
});
