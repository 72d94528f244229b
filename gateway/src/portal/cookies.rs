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
    access::cookie::only_value(headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes), name)
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

/// The language that somebody chose, by tag. Of the portal's host only; app hosts go by what the browser wants.
pub(super) const LANGUAGE_COOKIE: &str = "__Host-vestibule-language";
pub(super) const LANGUAGE_SECONDS: u64 = 400 * 24 * 60 * 60;

/// What the next page says was just done, once. Not in an address: a link from elsewhere must not make our page say so.
pub(super) const DONE_COOKIE: &str = "__Host-vestibule-done";
pub(super) const DONE_SECONDS: u64 = 60;
/// In [`DONE_COOKIE`]: a forgotten password was replaced.
pub(super) const PASSWORD_RESET: &str = "reset";
