//! Which headers may pass? One function towards the app, one back (Z3; A12, A13, R10, R11).
//!
//! Towards the app every alias of a reserved name is removed first: names are folded (lower case, every character that is
//! neither letter nor digit becomes `-`), because upstreams read `Remote_User` and `Remote.User` as `Remote-User`. Then
//! ours are added. Whether it becomes pingora's header or the bytes themselves ([`Wire`]) makes no difference to what it says. Also for visitors about whom there is nothing to say: an absent header must stay absent.

use access::ClientAddr;
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, FORWARDED, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};

use crate::gate::Identity;
use crate::portal::COOKIE_NAME;

/// What we say to an app about one request.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// Who, signed for this app; `None` on a public path.
    pub(super) visitor: Option<&'a Identity>,
    /// From where, and how it came.
    pub(super) forwarding: &'a Forwarding,
    /// Is `Authorization: Basic` shown to us, and not to the app?
    pub(super) takes_app_passwords: bool,
    /// Does the app see what was shown to us?
    pub(super) pass_authorization: bool,
}

/// The forwarding headers, the same for all requests of one connection to one app: made once and kept with it.
#[derive(Debug)]
pub(super) struct Forwarding {
    address: ClientAddr,
    x_forwarded_for: HeaderValue,
    proto: HeaderValue,
    /// Host and port as the browser sees them.
    authority: HeaderValue,
    forwarded: HeaderValue,
}

impl Forwarding {
    /// RFC 7239 and its forerunners, rebuilt from what we know; what came in is removed.
    pub(super) fn new(address: ClientAddr, scheme: &'static str, authority: &HeaderValue) -> Self {
        let node = match address.ip() {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("\"[{v6}]\""),
        };
        let host = authority.to_str().unwrap_or_default();
        // Digits, dots, colons and a host name that was checked: always visible ASCII.
        let value = |text: String| HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Self {
            address,
            x_forwarded_for: value(address.to_string()),
            proto: HeaderValue::from_static(scheme),
            authority: authority.clone(),
            forwarded: value(format!("for={node};host=\"{host}\";proto={scheme}")),
        }
    }

    /// Does it say this?
    pub(super) fn says(&self, address: ClientAddr, scheme: &'static str, authority: &HeaderValue) -> bool {
        self.address == address && self.authority == *authority && self.proto == *scheme
    }
}

/// Where the fields of a header go.
pub(super) trait Fields {
    /// One more.
    fn add(&mut self, name: &HeaderName, value: &HeaderValue);

    /// Those that say who it is.
    fn introduce(&mut self, visitor: &Identity);
}

impl Fields for HeaderMap {
    fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.append(name, value.clone());
    }

    fn introduce(&mut self, visitor: &Identity) {
        for (name, value) in visitor.fields() {
            self.append(name, value);
        }
    }
}

/// A request's header as HTTP/1.1 writes it (RFC 9112 §§3, 5).
#[derive(Debug)]
pub(super) struct Wire(Vec<u8>);

impl Wire {
    /// Begins with the request line. Both parts were read by a parser that takes no space in them and no end of line.
    pub(super) fn begin(method: &Method, target: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(USUAL);
        for piece in [method.as_str().as_bytes(), b" ", target, b" HTTP/1.1\r\n"] {
            bytes.extend_from_slice(piece);
        }
        Self(bytes)
    }

    /// The whole header.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

impl Fields for Wire {
    /// A field line. What is said about the connection was meant for ours.
    fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        if *name == CONNECTION {
            return;
        }
        for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            self.0.extend_from_slice(piece);
        }
    }

    fn introduce(&mut self, visitor: &Identity) {
        self.0.extend_from_slice(visitor.lines());
    }
}

/// What may pass of a client's header, and what we say.
pub(super) fn seal(from: &HeaderMap, said: Said<'_>, to: &mut impl Fields) {
    let Said { visitor, forwarding, takes_app_passwords, pass_authorization } = said;
    let is_ours = |value: &HeaderValue| is_of(value, "bearer") || takes_app_passwords && is_of(value, "basic");
    let Forwarding { address: _, x_forwarded_for, proto, authority, forwarded } = forwarding;
    to.add(&HOST, authority);
    for (name, value) in from {
        let passes = match *name {
            // Said already, and below.
            HOST | COOKIE => false,
            AUTHORIZATION => pass_authorization || !from.get_all(AUTHORIZATION).iter().any(is_ours),
            _ => !is_reserved(name.as_str()),
        };
        if passes {
            to.add(name, value);
        }
    }
    pass_cookies(from, to);
    // All of them are reserved, so none is there any more.
    if let Some(identity) = visitor {
        to.introduce(identity);
    }
    to.add(&X_FORWARDED_FOR, x_forwarded_for);
    to.add(&X_FORWARDED_PROTO, proto);
    to.add(&X_FORWARDED_HOST, authority);
    to.add(&FORWARDED, forwarded);
}

/// Removes from an app's answer what is not its to say: our cookie. Errors: it switches to another protocol, and was not asked
/// to; whoever waits for HTTP would take what follows for the next answer.
pub(super) fn seal_answer(answer: &mut ResponseHeader, may_switch: bool) -> pingora::Result<()> {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS && !may_switch {
        return Err(Error::explain(ErrorType::InvalidHTTPHeader, "101 to a request that asks for none").into_up());
    }
    let is_ours = |value: &HeaderValue| sets_our_cookie(value.as_bytes());
    let cookies = answer.headers.get_all(SET_COOKIE);
    if !cookies.iter().any(is_ours) {
        return Ok(());
    }
    let kept = cookies.iter().filter(|value| !is_ours(value)).cloned().collect::<Vec<_>>();
    answer.remove_header(&SET_COOKIE);
    for cookie in kept {
        answer.append_header(SET_COOKIE, cookie)?;
    }
    Ok(())
}

/// Does a `Set-Cookie` of this value set our cookie?
pub(super) fn sets_our_cookie(value: &[u8]) -> bool {
    is_our_cookie(cookie_name(value))
}

/// The cookies without ours, several `Cookie` fields as one, as HTTP/1.1 upstreams expect (RFC 9113 §8.2.3).
fn pass_cookies(from: &HeaderMap, to: &mut impl Fields) {
    let fields = from.get_all(COOKIE);
    let mut each = fields.iter();
    let ours = |field: &HeaderValue| {
        let mut pairs = field.as_bytes().split(|byte| *byte == b';');
        pairs.any(|pair| is_our_cookie(cookie_name(pair)))
    };
    match (each.next(), each.next()) {
        (None, _) => return,
        (Some(one), None) if !ours(one) => return to.add(&COOKIE, one),
        _ => {}
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
    if !kept.is_empty()
        && let Ok(value) = HeaderValue::from_bytes(&kept)
    {
        to.add(&COOKIE, &value);
    }
}

fn cookie_name(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii()
}

fn is_our_cookie(name: &[u8]) -> bool {
    name.len() >= COOKIE_NAME.len() && name[..COOKIE_NAME.len()].eq_ignore_ascii_case(COOKIE_NAME.as_bytes())
}

/// Does it begin with this scheme, in any case (RFC 9110 §11.1)?
fn is_of(value: &HeaderValue, scheme: &str) -> bool {
    let bytes = value.as_bytes().trim_ascii_start();
    bytes.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
}

/// Is the name, however it is spelled, one that only we may use? Most names are told by their first letter and length.
fn is_reserved(name: &str) -> bool {
    let Some(first @ b'a'..=b'z') = name.as_bytes().first() else { return false };
    let lengths = LENGTHS[usize::from(first - b'a')];
    (*first == b'x' || name.len() < 64 && lengths >> name.len() & 1 == 1)
        && (RESERVED.iter().any(|reserved| folds_to(name, reserved))
            || RESERVED_PREFIXES
                .iter()
                .any(|prefix| name.get(..prefix.len()).is_some_and(|start| folds_to(start, prefix))))
}

fn folds_to(name: &str, reserved: &str) -> bool {
    name.len() == reserved.len()
        && name.bytes().zip(reserved.bytes()).all(|(byte, other)| {
            let folded = if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
            folded == other
        })
}

/// Fields that are added at most.
pub(super) const OURS: usize = 9;
/// Most headers are shorter, with what we say.
const USUAL: usize = 1536;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Removed in every spelling. Besides ours: what other gateways and frameworks believe about the client's address, the
/// path (gunicorn cuts `Script-Name` off the front of it) or the method, and `Proxy`, which CGI turns into a setting (httpoxy).
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
    "x-original-path",
    "x-envoy-original-path",
    "x-rewrite-url",
    "x-script-name",
    "script-name",
    "path-info",
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
/// By first letter: a bit for each length that a reserved name has.
const LENGTHS: [u64; 26] = {
    let mut lengths = [0; 26];
    let mut at = 0;
    while at < RESERVED.len() {
        let name = RESERVED[at].as_bytes();
        lengths[(name[0] - b'a') as usize] |= 1 << name.len();
        at += 1;
    }
    lengths
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{REMOTE_EMAIL, REMOTE_GROUPS, REMOTE_NAME, REMOTE_USER, X_VESTIBULE_ASSERTION};
    use access::network::{Believed, Claims};

    fn sealed(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a token");
            map.append(name, HeaderValue::from_str(value).expect("visible"));
        }
        let peer = std::net::IpAddr::from([203, 0, 113, 9]);
        let address = ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).expect("no headers").client;
        let forwarding = Forwarding::new(address, "https", &HeaderValue::from_static("crm.acme.example"));
        let said =
            Said { visitor: None, forwarding: &forwarding, takes_app_passwords: false, pass_authorization: false };
        let mut left = HeaderMap::new();
        seal(&map, said, &mut left);
        let mut wire = Wire::begin(&Method::GET, b"/");
        let said =
            Said { visitor: None, forwarding: &forwarding, takes_app_passwords: false, pass_authorization: false };
        seal(&map, said, &mut wire);
        let written = String::from_utf8(wire.end()).expect("visible");
        let lines = left.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("visible")));
        assert_eq!(written, format!("GET / HTTP/1.1\r\n{}\r\n", lines.collect::<String>()));
        left
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
    fn every_reserved_name_is_found_by_its_first_letter() {
        for name in RESERVED.iter().chain(RESERVED_PREFIXES) {
            assert!(is_reserved(name), "{name}");
        }
        // They are added to what is left without a look whether they are there.
        let added = [REMOTE_USER, REMOTE_GROUPS, REMOTE_NAME, REMOTE_EMAIL, X_VESTIBULE_ASSERTION, FORWARDED];
        let added = added.into_iter().chain([X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST]);
        assert_eq!(added.map(|name| assert!(is_reserved(name.as_str()), "{name}")).count(), OURS);
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
        let mut answer = ResponseHeader::build(200, None).expect("a status");
        answer.append_header(SET_COOKIE, "a=1").expect("a field");
        answer.append_header(SET_COOKIE, " __HOST-vestibule=stolen; Path=/").expect("a field");
        answer.append_header(SET_COOKIE, "b=2").expect("a field");
        seal_answer(&mut answer, false).expect("it may pass");
        assert_eq!(answer.headers.get_all(SET_COOKIE).iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    }

    #[test]
    fn an_app_switches_protocols_only_if_it_was_asked_to() {
        for (may_switch, passes) in [(true, true), (false, false)] {
            let mut answer = ResponseHeader::build(101, None).expect("a status");
            assert_eq!(seal_answer(&mut answer, may_switch).is_ok(), passes);
        }
    }
}
