//! Which headers may pass? One function towards the app, one back (Z3; A12, A13, R10, R11).
//!
//! Towards the app every alias of a reserved name is removed first: names are folded (lower case, every character that is
//! neither letter nor digit becomes `-`), because upstreams read `Remote_User` and `Remote.User` as `Remote-User`. Then
//! ours are added. Also for visitors about whom there is nothing to say: an absent header must stay absent.

use access::ClientAddr;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::gate::Visitor;
use crate::portal::COOKIE_NAME;

/// What we say to an app about one request.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// Who; `None` on a public path.
    pub(super) visitor: Option<&'a Visitor>,
    /// Signed, for this app.
    pub(super) assertion: Option<HeaderValue>,
    /// From where.
    pub(super) address: ClientAddr,
    /// `https` or `http`, as the browser sees it.
    pub(super) scheme: &'static str,
    /// Host and port as the browser sees them.
    pub(super) authority: &'a HeaderValue,
    /// Does the app see `Authorization: Bearer`?
    pub(super) pass_authorization: bool,
}

/// Where headers are removed and added: pingora's request header, or a plain map in tests.
pub(super) trait Headers {
    fn map(&self) -> &HeaderMap;
    fn remove(&mut self, name: &HeaderName);
    fn set(&mut self, name: HeaderName, value: HeaderValue);
}

/// Removes what a client may not say and adds what we say.
pub(super) fn seal(headers: &mut impl Headers, said: &Said<'_>) {
    let reserved: Vec<HeaderName> = headers.map().keys().filter(|name| is_reserved(name.as_str())).cloned().collect();
    for name in &reserved {
        headers.remove(name);
    }
    if !said.pass_authorization && headers.map().get_all(AUTHORIZATION).iter().any(is_bearer) {
        headers.remove(&AUTHORIZATION);
    }
    strip_our_cookies(headers);
    if let Some(visitor) = said.visitor {
        identify(headers, visitor);
    }
    if let Some(assertion) = &said.assertion {
        headers.set(X_VESTIBULE_ASSERTION, assertion.clone());
    }
    forward(headers, said);
}

/// Removes from an app's answer what is not its to say: our cookie.
pub(super) fn seal_answer(headers: &HeaderMap) -> Option<Vec<HeaderValue>> {
    let is_ours = |value: &HeaderValue| {
        let name = value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
        is_our_cookie(name.trim_ascii())
    };
    let cookies = headers.get_all(SET_COOKIE);
    cookies.iter().any(is_ours).then(|| cookies.iter().filter(|value| !is_ours(value)).cloned().collect())
}

fn identify(headers: &mut impl Headers, visitor: &Visitor) {
    let record = visitor.record();
    let person = &record.person;
    let groups = person.groups.iter().map(access::identity::GroupName::as_str).collect::<Vec<_>>().join(",");
    let email = record.email.as_ref().map(ToString::to_string);
    for (name, value) in [
        (REMOTE_USER, Some(person.name.to_string())),
        (REMOTE_GROUPS, Some(groups)),
        (REMOTE_NAME, Some(percent_encode(&record.full_name))),
        (REMOTE_EMAIL, email),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.set(name, value);
        }
    }
}

/// RFC 7239 and its forerunners, rebuilt from what we know; what came in was removed.
fn forward(headers: &mut impl Headers, said: &Said<'_>) {
    let address = said.address.ip();
    let node = match address {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("\"[{v6}]\""),
    };
    let host = said.authority.to_str().unwrap_or_default();
    if let Ok(value) = HeaderValue::try_from(address.to_string()) {
        headers.set(X_FORWARDED_FOR, value);
    }
    headers.set(X_FORWARDED_PROTO, HeaderValue::from_static(said.scheme));
    headers.set(X_FORWARDED_HOST, said.authority.clone());
    if let Ok(value) = HeaderValue::try_from(format!("for={node};host=\"{host}\";proto={}", said.scheme)) {
        headers.set(http::header::FORWARDED, value);
    }
}

/// Joins several `Cookie` fields to one, as HTTP/1.1 upstreams expect (RFC 9113 §8.2.3), without ours.
fn strip_our_cookies(headers: &mut impl Headers) {
    let fields = headers.map().get_all(COOKIE);
    let count = fields.iter().count();
    let ours = |field: &HeaderValue| {
        let mut pairs = field.as_bytes().split(|byte| *byte == b';');
        pairs.any(|pair| is_our_cookie(cookie_name(pair)))
    };
    if count == 0 || count == 1 && !fields.iter().any(ours) {
        return;
    }
    let mut kept = Vec::new();
    for pair in fields.iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b';')) {
        let pair = pair.trim_ascii();
        if !pair.is_empty() && !is_our_cookie(cookie_name(pair)) {
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    headers.remove(&COOKIE);
    if !kept.is_empty()
        && let Ok(value) = HeaderValue::from_bytes(&kept)
    {
        headers.set(COOKIE, value);
    }
}

fn cookie_name(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii()
}

fn is_our_cookie(name: &[u8]) -> bool {
    name.len() >= COOKIE_NAME.len() && name[..COOKIE_NAME.len()].eq_ignore_ascii_case(COOKIE_NAME.as_bytes())
}

/// Is it `Bearer`, in any case (RFC 9110 §11.1)?
fn is_bearer(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes().trim_ascii_start();
    bytes.len() >= 6 && bytes[..6].eq_ignore_ascii_case(b"bearer")
}

/// Is the name, however it is spelled, one that only we may use?
fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| folds_to(name, reserved))
        || RESERVED_PREFIXES.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| folds_to(start, prefix)))
}

fn folds_to(name: &str, reserved: &str) -> bool {
    name.len() == reserved.len()
        && name.bytes().zip(reserved.bytes()).all(|(byte, other)| {
            let folded = if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
            folded == other
        })
}

/// Header values are ASCII; names of people are not. RFC 3986 percent-encoding of everything but visible ASCII and space.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
const REMOTE_GROUPS: HeaderName = HeaderName::from_static("remote-groups");
const REMOTE_NAME: HeaderName = HeaderName::from_static("remote-name");
const REMOTE_EMAIL: HeaderName = HeaderName::from_static("remote-email");
const X_VESTIBULE_ASSERTION: HeaderName = HeaderName::from_static("x-vestibule-assertion");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Removed in every spelling. Besides ours: what other gateways and frameworks believe about the client's address, the
/// path or the method, and `Proxy`, which CGI turns into a setting (httpoxy).
const RESERVED: &[&str] = &[
    "remote-user",
    "remote-groups",
    "remote-name",
    "remote-email",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-remote-user",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-rewrite-url",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "proxy",
    "proxy-authorization",
];
const RESERVED_PREFIXES: &[&str] = &["x-vestibule-", "x-forwarded-"];

#[cfg(test)]
mod tests {
    use super::*;
    use access::network::{Believed, Claims};

    struct Plain(HeaderMap);

    impl Headers for Plain {
        fn map(&self) -> &HeaderMap {
            &self.0
        }
        fn remove(&mut self, name: &HeaderName) {
            self.0.remove(name);
        }
        fn set(&mut self, name: HeaderName, value: HeaderValue) {
            self.0.insert(name, value);
        }
    }

    fn sealed(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a token");
            map.append(name, HeaderValue::from_str(value).expect("visible"));
        }
        let mut headers = Plain(map);
        let peer = std::net::IpAddr::from([203, 0, 113, 9]);
        let address = ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).expect("no headers").client;
        let authority = HeaderValue::from_static("crm.acme.example");
        let said = Said {
            visitor: None,
            assertion: None,
            address,
            scheme: "https",
            authority: &authority,
            pass_authorization: false,
        };
        seal(&mut headers, &said);
        headers.0
    }

    #[test]
    fn no_spelling_of_a_reserved_name_reaches_an_app() {
        let spellings = [
            "Remote-User",
            "REMOTE-USER",
            "remote_user",
            "Remote.User",
            "remote~user",
            "Remote|User",
            "remote!user",
            "Remote-Groups",
            "remote_email",
            "REMOTE.NAME",
            "X-Vestibule-Assertion",
            "x_vestibule_assertion",
            "x.vestibule.anything",
            "X-Forwarded-User",
            "x_forwarded_email",
            "X-Original-URL",
            "X_Rewrite_Url",
            "X-Real-IP",
            "true_client_ip",
            "CF-Connecting-IP",
            "Proxy",
            "X-HTTP-Method-Override",
        ];
        for name in spellings {
            let left = sealed(&[(name, "admin"), ("accept", "*/*")]);
            assert!(left.values().all(|value| value != "admin"), "{name} passed: {left:?}");
            assert_eq!(left.get("accept").map(HeaderValue::as_bytes), Some(&b"*/*"[..]));
        }
    }

    #[test]
    fn names_that_merely_resemble_are_left_alone() {
        for name in ["remote-username", "x-remote", "user", "x-request-id", "forwarded-by", "proxy-x"] {
            assert_eq!(sealed(&[(name, "kept")]).get(name).map(HeaderValue::as_bytes), Some(&b"kept"[..]), "{name}");
        }
    }

    #[test]
    fn forwarding_headers_are_rebuilt_from_what_we_know() {
        let left =
            sealed(&[("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.2"), ("Forwarded", "for=10.0.0.3")]);
        assert_eq!(left.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["203.0.113.9"]);
        let forwarded: Vec<_> = left.get_all("forwarded").iter().collect();
        assert_eq!(forwarded, ["for=203.0.113.9;host=\"crm.acme.example\";proto=https"]);
    }

    #[test]
    fn our_cookies_are_taken_out_and_the_others_stay_in_order() {
        let left = sealed(&[("Cookie", "a=1; __Host-vestibule=secret; b=2"), ("Cookie", "__host-VESTIBULE-go=x; c=3")]);
        assert_eq!(left.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
        let left = sealed(&[("Cookie", "__Host-vestibule=secret")]);
        assert!(left.get(COOKIE).is_none());
    }

    #[test]
    fn a_bearer_token_is_ours_and_basic_is_the_apps() {
        for ours in ["Bearer vst_x", "bearer  x", "BEARER x"] {
            assert!(sealed(&[("Authorization", ours)]).get(AUTHORIZATION).is_none(), "{ours}");
        }
        assert!(sealed(&[("Authorization", "Basic YTpi")]).get(AUTHORIZATION).is_some());
    }

    #[test]
    fn an_app_can_not_set_our_cookie() {
        let mut answer = HeaderMap::new();
        answer.append(SET_COOKIE, HeaderValue::from_static("a=1"));
        assert!(seal_answer(&answer).is_none());
        answer.append(SET_COOKIE, HeaderValue::from_static(" __HOST-vestibule=stolen; Path=/"));
        assert_eq!(seal_answer(&answer), Some(vec![HeaderValue::from_static("a=1")]));
    }
}
