//! Our cookies: read strictly, set narrowly.
//!
//! All are `__Host-` cookies (RFC 6265bis §4.1.3.2): Secure, this host only, whole host. The one that is a session has the
//! same name on the portal and on every app host, and another value on each.

use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

/// The name of the session cookie. Its value never reaches an app; nor does any cookie whose name begins so.
pub const COOKIE_NAME: &str = "__Host-vestibule";

/// The value of one of our cookies, if it was sent exactly once. Two of a name are ambiguous and count as none (A22).
pub fn our_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = None;
    for field in headers.get_all(COOKIE) {
        for pair in field.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(value) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) else {
                continue;
            };
            if found.is_some() {
                return None;
            }
            found = Some(std::str::from_utf8(value).ok()?);
        }
    }
    found.filter(|value| !value.is_empty() && value.len() <= 128)
}

/// Sets one of our cookies: `__Host-` (RFC 6265bis §4.1.3.2), this host only, never for scripts.
pub(super) fn set_cookie(answer: &mut Response, name: &str, value: &str, seconds: u64) {
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Takes one of our cookies back.
pub(super) fn clear_cookie(answer: &mut Response, name: &str) {
    set_cookie(answer, name, "", 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_sent_twice_is_no_cookie() {
        let read = |fields: &[&str]| {
            let mut map = HeaderMap::new();
            for field in fields {
                map.append(COOKIE, HeaderValue::from_str(field).expect("visible"));
            }
            our_cookie(&map, COOKIE_NAME).map(str::to_owned)
        };
        assert_eq!(read(&["x=1; __Host-vestibule=abc"]), Some("abc".to_owned()));
        assert_eq!(read(&["__Host-vestibule=abc; __Host-vestibule=def"]), None);
        assert_eq!(read(&["__Host-vestibule=abc", "__Host-vestibule=abc"]), None);
        assert_eq!(read(&["__host-vestibule=abc"]), None, "the prefix guards only this spelling");
        assert_eq!(read(&["=__Host-vestibule=abc"]), None, "a nameless cookie");
        assert_eq!(read(&["__Host-vestibule="]), None);
        assert_eq!(read(&[&format!("__Host-vestibule={}", "a".repeat(129))]), None);
    }
}
