//! Which value did a cookie come with? Read strictly: what could be two values is none (A22).

/// The value of the cookie of this name in all `Cookie` fields of a request, if it came exactly once: 1 to 512 bytes of
/// UTF-8. Names are compared byte by byte: the prefix `__Host-` guards no other spelling. A cookie without a name has none.
pub fn only_value<'a>(fields: impl IntoIterator<Item = &'a [u8]>, name: &str) -> Option<&'a str> {
    let mut found = None;
    for pair in fields.into_iter().flat_map(|field| field.split(|byte| *byte == b';')) {
        let pair = pair.trim_ascii();
        let Some(value) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) else {
            continue;
        };
        if found.is_some() {
            return None;
        }
        found = Some(std::str::from_utf8(value).ok()?);
    }
    found.filter(|value| !value.is_empty() && value.len() <= LONGEST)
}

/// A question at the door has some 300 letters, all others 43 and less.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_if_it_came_exactly_once() {
        fn read<'a>(fields: &[&'a str]) -> Option<&'a str> {
            only_value(fields.iter().map(|field| field.as_bytes()), "__Host-vestibule")
        }
        for (fields, expected) in [
            (&["__Host-vestibule=abc"][..], Some("abc")),
            (&["x=1; __Host-vestibule=abc"], Some("abc")),
            (&["x=1;__Host-vestibule=abc ;y=2"], Some("abc")),
            (&["x=1", "__Host-vestibule=abc"], Some("abc")),
            (&["__Host-vestibule=a=b"], Some("a=b")),
            (&["__Host-vestibule=\"abc\""], Some("\"abc\"")),
            (&["x=__Host-vestibule=abc"], None),
            (&["__Host-vestibule=abc; __Host-vestibule=def"], None),
            (&["__Host-vestibule=abc; __Host-vestibule="], None),
            (&["__Host-vestibule=abc", "__Host-vestibule=abc"], None),
            (&["__host-vestibule=abc"], None),
            (&["__Host-vestibule-go=abc"], None),
            (&["__Host-vestibule =abc"], None),
            (&["=__Host-vestibule=abc"], None),
            (&["__Host-vestibule="], None),
            (&["__Host-vestibule"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(read(fields), expected, "{fields:?}");
        }
        let long = |length: usize| format!("__Host-vestibule={}", "a".repeat(length));
        assert!(only_value([long(512).as_bytes()], "__Host-vestibule").is_some());
        assert!(only_value([long(513).as_bytes()], "__Host-vestibule").is_none());
        assert!(only_value([&b"__Host-vestibule=\xff"[..]], "__Host-vestibule").is_none());
    }
}
