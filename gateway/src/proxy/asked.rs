//! What is asked for, and by what kind of reader? Read once from the header; ambiguity is refused (A09–A16, A40).

use access::network::{Field, Headers};
use access::target::{CanonicalPath, HostName, TargetError, UnusualPaths};
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Version};
use pingora::http::RequestHeader;

use super::strict::{self, HEADER_LENGTH};

/// A request that can be understood in one way only.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) host: HostName,
    pub(super) path: CanonicalPath<'a>,
}

/// Why a request is not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Unclear {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("the request has no Host, or more than one")]
    Hosts,
    #[error("the Host and the request target name different hosts")]
    HostsDiffer,
    #[error("the length of the body is given in two ways")]
    Length,
    #[error("only 100-continue can be expected")]
    Expectation,
    #[error("there is more than one Authorization")]
    Authorizations,
    #[error("this method is not served here")]
    Method,
    #[error("the header is larger than 64 KiB")]
    Large,
}

impl<'a> Asked<'a> {
    /// `raw` is the header as it came, where the protocol has one: pingora drops a `Content-Length` beside a
    /// `Transfer-Encoding` before anybody can see that it was there.
    /// `known` tells a host by its usual spelling; any other is read. `tolerated` says what its app takes in paths although
    /// programs read it differently.
    pub(super) fn read(
        request: &'a RequestHeader,
        raw: Option<&[u8]>,
        known: impl Fn(&[u8]) -> Option<HostName>,
        tolerated: impl FnOnce(&HostName) -> UnusualPaths,
    ) -> Result<Self, Unclear> {
        let method = &request.method;
        if method == Method::CONNECT || method == Method::TRACE || method.as_str().len() > METHOD_LENGTH {
            return Err(Unclear::Method);
        }
        if raw.is_some_and(|raw| raw.len() > HEADER_LENGTH) {
            return Err(Unclear::Large);
        }
        if raw.is_none() {
            frames(request)?;
        }
        let fields = Fields::of(&request.headers);
        framing(&fields, request.version)?;
        expectation(&fields)?;
        if !fields.coding.is_absent() && raw.is_some_and(names_a_length) {
            return Err(Unclear::Length);
        }
        if fields.authorization.is_repeated {
            return Err(Unclear::Authorizations);
        }
        let host = host(request, &fields, known)?;
        let raw = request.raw_path();
        // pingora keeps the target as it came: also in absolute form, for HTTP/1.1.
        let target = match raw.iter().position(|byte| *byte == b'?') {
            Some(query) => &raw[..query],
            None => raw,
        };
        let path = CanonicalPath::parse_unusual(target, tolerated(&host))?;
        Ok(Self { host, path })
    }
}

/// HTTP/2 comes in frames, which leave out what `strict` looks for in lines.
fn frames(request: &RequestHeader) -> Result<(), Unclear> {
    if request.headers.keys().any(|name| strict::names_a_length(name.as_str())) {
        return Err(Unclear::Length);
    }
    let visible = request.raw_path().iter().all(|byte| matches!(byte, 0x21..0x7f));
    if visible { Ok(()) } else { Err(Unclear::Target(TargetError::Character)) }
}

/// The fields that say where a request ends and to whom it goes, found in one walk over the header.
#[derive(Default)]
struct Fields<'a> {
    length: AtMostOnce<'a>,
    coding: AtMostOnce<'a>,
    expectation: AtMostOnce<'a>,
    authorization: AtMostOnce<'a>,
    host: AtMostOnce<'a>,
}

/// A field that may be there once.
#[derive(Default)]
struct AtMostOnce<'a> {
    value: Option<&'a HeaderValue>,
    is_repeated: bool,
}

impl<'a> Fields<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            let field = match *name {
                CONTENT_LENGTH => &mut found.length,
                TRANSFER_ENCODING => &mut found.coding,
                EXPECT => &mut found.expectation,
                AUTHORIZATION => &mut found.authorization,
                HOST => &mut found.host,
                _ => continue,
            };
            field.is_repeated = field.value.is_some();
            field.value = Some(value);
        }
        found
    }
}

impl AtMostOnce<'_> {
    fn is_absent(&self) -> bool {
        self.value.is_none()
    }
}

/// RFC 9112 §6.1: both lengths, or several, are a smuggling attempt or a broken client.
fn framing(Fields { length, coding, .. }: &Fields<'_>, version: Version) -> Result<(), Unclear> {
    let clear = match (length.value, coding.value) {
        (None, None) => true,
        (Some(value), None) => !length.is_repeated && is_length(value),
        (None, Some(value)) => {
            !coding.is_repeated && value.as_bytes().eq_ignore_ascii_case(b"chunked") && version == Version::HTTP_11
        }
        (Some(_), Some(_)) => false,
    };
    if clear { Ok(()) } else { Err(Unclear::Length) }
}

/// RFC 9110 §8.6: digits and nothing else; no more than every program counts in.
fn is_length(value: &HeaderValue) -> bool {
    let digits = value.as_bytes();
    (1..=LENGTH_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

/// Below 2^63.
const LENGTH_DIGITS: usize = 18;

/// RFC 9110 §10.1.1 knows one expectation. What an app behind us would make of another, or of two, is anybody's guess.
fn expectation(Fields { expectation, .. }: &Fields<'_>) -> Result<(), Unclear> {
    match expectation.value {
        None => Ok(()),
        Some(one) if !expectation.is_repeated && one.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(()),
        Some(_) => Err(Unclear::Expectation),
    }
}

/// Is there a field line `Content-Length`, in any case?
fn names_a_length(raw: &[u8]) -> bool {
    let name = b"content-length";
    raw.split(|byte| *byte == b'\n')
        .any(|line| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name))
}

/// RFC 9112 §3.2, RFC 9113 §8.3.1: exactly one host, however it is given.
fn host(
    request: &RequestHeader,
    Fields { host, .. }: &Fields<'_>,
    known: impl Fn(&[u8]) -> Option<HostName>,
) -> Result<HostName, Unclear> {
    if host.is_repeated {
        return Err(Unclear::Hosts);
    }
    let named = |bytes: &[u8]| match known(bytes) {
        Some(host) => Ok(host),
        None => HostName::from_authority(bytes).map(|(host, _)| host),
    };
    let from_target = request.uri.authority().map(|authority| named(authority.as_str().as_bytes())).transpose()?;
    let from_field = host.value.map(|value| named(value.as_bytes())).transpose()?;
    match (from_target, from_field) {
        (Some(target), Some(field)) if target != field => Err(Unclear::HostsDiffer),
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(Unclear::Hosts),
    }
}

/// The forwarding headers, for the address rules.
pub(super) struct Claimed<'a>(pub(super) &'a HeaderMap);

impl Headers for Claimed<'_> {
    fn lines(&self, field: Field) -> Vec<&[u8]> {
        let lines = match field {
            Field::XForwardedFor => self.0.get_all("x-forwarded-for"),
            Field::Forwarded => self.0.get_all(FORWARDED),
        };
        lines.iter().map(HeaderValue::as_bytes).collect()
    }
}

/// The bearer token, if that is what `Authorization` holds.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer")
}

/// The user name and the password, encoded, if they are what `Authorization` holds.
pub(super) fn basic(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "basic")
}

/// RFC 9110 §11.4: the scheme, in any case, and what stands behind it.
fn credentials<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, shown) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| shown.trim_start())
}

/// What the program calls itself, if it can be read.
pub(super) fn client(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Does a browser ask, for a page's script or picture? It says so itself (Fetch Metadata §2).
pub(super) fn is_of_a_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-mode")
}

/// Is a WebSocket, or anything else, asked to take over the connection?
pub(super) fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
}

/// Does a person read the answer, or a program? A navigation says so itself (Fetch §3.7); older browsers prefer HTML.
pub(super) fn reader(headers: &HeaderMap) -> crate::portal::Reader {
    use crate::portal::Reader;
    if wants_upgrade(headers) || headers.contains_key(AUTHORIZATION) {
        return Reader::Program;
    }
    if let Some(mode) = headers.get("sec-fetch-mode") {
        return if mode == "navigate" { Reader::Browser } else { Reader::Program };
    }
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if prefers_html(accepted) { Reader::Browser } else { Reader::Program }
}

/// RFC 9110 §12.5.1: HTML is named, and nothing else named is liked better.
pub(super) fn prefers_html(accepted: &str) -> bool {
    let mut html = 0;
    let mut json = 0;
    for part in accepted.split(',') {
        let mut pieces = part.split(';').map(str::trim);
        let kind = pieces.next().unwrap_or_default();
        let quality = pieces.find_map(|piece| piece.strip_prefix("q=")).map_or(1000, |q| {
            q.parse::<f32>().map_or(0, |q| if (0.0..=1.0).contains(&q) { (q * 1000.0) as u32 } else { 0 })
        });
        match kind {
            "text/html" | "application/xhtml+xml" => html = html.max(quality),
            "application/json" | "application/problem+json" => json = json.max(quality),
            _ => {}
        }
    }
    html > 0 && html >= json
}

/// The longest registered method has 17 letters (RFC 4437's `UPDATEREDIRECTREF`), and refusals remember theirs: a
/// megabyte of letters is a token to the parser.
const METHOD_LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_from_a_program_by_what_it_accepts() {
        for (accepted, html) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("application/json, text/html;q=0.5", false),
            ("text/html;q=0", false),
            ("text/html;q=nonsense", false),
            ("text/html", true),
        ] {
            assert_eq!(prefers_html(accepted), html, "{accepted}");
        }
    }

    fn request(version: Version, fields: &[(&str, &str)]) -> RequestHeader {
        let mut request = RequestHeader::build("POST", b"/x", None).expect("a method and a path");
        request.set_version(version);
        for (name, value) in fields {
            request.append_header((*name).to_owned(), *value).expect("a field");
        }
        request
    }

    #[test]
    fn a_body_has_one_length_and_a_request_one_host() {
        let ok: &[&[(&str, &str)]] = &[
            &[("host", "a.example")],
            &[("host", "a.example"), ("content-length", "5")],
            &[("host", "a.example:8080"), ("transfer-encoding", "chunked")],
        ];
        for fields in ok {
            assert!(
                Asked::read(&request(Version::HTTP_11, fields), None, |_| None, |_| UnusualPaths::default()).is_ok(),
                "{fields:?}"
            );
        }
        let bad: &[(&[(&str, &str)], Unclear)] = &[
            (&[], Unclear::Hosts),
            (&[("host", "a.example"), ("host", "a.example")], Unclear::Hosts),
            (&[("host", "a b")], Unclear::Target(TargetError::Host)),
            (&[("host", "a.example, b.example")], Unclear::Target(TargetError::Host)),
            (&[("host", "x@a.example")], Unclear::Target(TargetError::Host)),
            (&[("host", "a.example"), ("content-length", "5"), ("content-length", "5")], Unclear::Length),
            (&[("host", "a.example"), ("content-length", "5"), ("transfer-encoding", "chunked")], Unclear::Length),
            (&[("host", "a.example"), ("transfer-encoding", "chunked, identity")], Unclear::Length),
            (&[("host", "a.example"), ("transfer-encoding", "xchunked")], Unclear::Length),
            (
                &[("host", "a.example"), ("authorization", "Bearer a"), ("authorization", "Bearer b")],
                Unclear::Authorizations,
            ),
        ];
        for (fields, why) in bad {
            assert_eq!(
                Asked::read(&request(Version::HTTP_11, fields), None, |_| None, |_| UnusualPaths::default()).err(),
                Some(*why),
                "{fields:?}"
            );
        }
        let old = [("host", "a.example"), ("transfer-encoding", "chunked")];
        assert_eq!(
            Asked::read(&request(Version::HTTP_10, &old), None, |_| None, |_| UnusualPaths::default()).err(),
            Some(Unclear::Length),
            "HTTP/1.0 knows no chunks"
        );
    }

    #[test]
    fn a_method_is_a_word() {
        let read = |method: String| {
            let mut request = request(Version::HTTP_11, &[("host", "a.example")]);
            request.set_method(Method::from_bytes(method.as_bytes()).expect("a token"));
            Asked::read(&request, None, |_| None, |_| UnusualPaths::default()).err()
        };
        assert_eq!(read("UPDATEREDIRECTREF".to_owned()), None);
        assert_eq!(read("M".repeat(METHOD_LENGTH)), None);
        assert_eq!(read("M".repeat(METHOD_LENGTH + 1)), Some(Unclear::Method));
        assert_eq!(read("TRACE".to_owned()), Some(Unclear::Method));
    }

    #[test]
    fn only_bearer_is_a_bearer_token() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().expect("visible"));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read("Bearer abc"), Some("abc".to_owned()));
        assert_eq!(read("bEARER  abc"), Some("abc".to_owned()));
        assert_eq!(read("Bearer"), None);
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("Bearerabc"), None);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "bASIC  YTpi".parse().expect("visible"));
        assert_eq!((basic(&headers), bearer(&headers)), (Some("YTpi"), None));
    }
}
