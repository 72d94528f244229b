//! To what? The host and the path of a request, read once (A09–A11).
//!
//! Whatever two programs could read differently is refused instead of repaired: the decision is taken on what is sent.

mod unusual;

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use unusual::Readings;
pub use unusual::{Unusual, UnusualPaths};

/// Why a request target is not understood in one way only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetError {
    /// No host, or one that is no host name.
    #[error("the Host is missing or is no host name")]
    Host,
    /// The path does not begin with `/`.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// `.` or `..` as a segment, also percent-encoded.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `//`.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `\`, `;`, or an encoded slash, backslash, semicolon or percent sign.
    #[error("the path has a separator that programs read differently")]
    Separator,
    /// A control character, a space, a raw byte above 0x7e, `#`, or a bad percent escape; not UTF-8 when decoded.
    #[error("the path has a character that can't stand in one")]
    Character,
    /// Longer than 8 KiB.
    #[error("the path is too long")]
    TooLong,
}

/// A host name as it is compared: lower case, without port and trailing dot; an ASCII DNS name (letters, digits, `-`,
/// labels of 1–63, 253 in all) or an address (IPv6 in brackets).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostName(std::sync::Arc<str>);

impl HostName {
    /// From a configuration: a name without port. Errors: [`TargetError::Host`].
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if let Some(bracketed) = text.strip_prefix('[') {
            let address = bracketed.strip_suffix(']').and_then(|v6| v6.parse::<Ipv6Addr>().ok());
            return address.map(|v6| Self(format!("[{v6}]").into())).ok_or(TargetError::Host);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        // What ends in a number is an IPv4 address to browsers (WHATWG URL §3.5), also `127.1` and `0x7f.1`.
        let fits = if ends_in_a_number(&name) { name.parse::<Ipv4Addr>().is_ok() } else { is_dns_name(&name) };
        if fits { Ok(Self(name.into())) } else { Err(TargetError::Host) }
    }

    /// From a `Host` field or `:authority`: a name with or without port (1–65535). Errors: [`TargetError::Host`].
    pub fn from_authority(bytes: &[u8]) -> Result<(Self, Option<u16>), TargetError> {
        let text = std::str::from_utf8(bytes).map_err(|_| TargetError::Host)?;
        // The colons within brackets belong to the address.
        let name_ends = text.rfind(']').map_or(0, |bracket| bracket + 1);
        match text[name_ends..].find(':').map(|colon| text.split_at(name_ends + colon)) {
            None => Ok((Self::parse(text)?, None)),
            Some((name, port)) => Ok((Self::parse(name)?, Some(parse_port(&port[1..])?))),
        }
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for HostName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path that every program reads alike, or every reading of one that they don't. Borrowed where nothing was escaped, so
/// the common request allocates nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CanonicalPath<'a> {
    /// Decoded once; as it was written where there are several readings.
    path: Cow<'a, str>,
    /// `None`: there is the one.
    readings: Option<Box<Readings>>,
}

impl<'a> CanonicalPath<'a> {
    /// From the path of a request target as it came, without the query. Errors: all of [`TargetError`] but `Host`.
    pub fn parse(raw: &'a [u8]) -> Result<Self, TargetError> {
        if raw.len() > PATH_LENGTH {
            return Err(TargetError::TooLong);
        }
        if raw.first() != Some(&b'/') {
            return Err(TargetError::NotAbsolute);
        }
        raw.iter().try_for_each(|byte| match byte {
            b'\\' | b';' => Err(TargetError::Separator),
            b'#' | b'?' | ..=b' ' | 0x7f.. => Err(TargetError::Character),
            _ => Ok(()),
        })?;
        let decoded = if raw.contains(&b'%') {
            Cow::Owned(decode(raw)?)
        } else {
            Cow::Borrowed(std::str::from_utf8(raw).map_err(|_| TargetError::Character)?)
        };
        // Escaped slashes were refused, so these are the segments of the raw path as well.
        let mut segments = decoded[1..].split('/').peekable();
        while let Some(segment) = segments.next() {
            match segment {
                "." | ".." => return Err(TargetError::DotSegment),
                "" if segments.peek().is_some() => return Err(TargetError::EmptySegment),
                _ => (),
            }
        }
        match unusual::with_needless_escapes(raw)? {
            None => Ok(Self { path: decoded, readings: None }),
            Some(literal) => Ok(Self {
                path: String::from_utf8_lossy(raw),
                readings: Some(Box::new(Readings::two(decoded.into_owned(), literal))),
            }),
        }
    }

    /// The same, where some of what programs read differently is tolerated: with every reading. Errors: all of
    /// [`TargetError`] but `Host`.
    pub fn parse_unusual(raw: &'a [u8], tolerated: UnusualPaths) -> Result<Self, TargetError> {
        let strict = Self::parse(raw);
        let is_unusual = |error: &TargetError| {
            matches!(error, TargetError::DotSegment | TargetError::EmptySegment | TargetError::Separator)
        };
        if tolerated.is_empty() || !strict.as_ref().is_err_and(is_unusual) {
            return strict;
        }
        let readings = Readings::of(raw)?;
        match tolerated.refuses(readings.needs) {
            Some(error) => Err(error),
            None => Ok(Self { path: String::from_utf8_lossy(raw), readings: Some(Box::new(readings)) }),
        }
    }

    /// For people: decoded once, or as it was written where there are several readings.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Every way in which a program may read it, for matching. First the one that resolves every escape.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match &self.readings {
            None => (Some(&*self.path), &[][..]),
            Some(readings) => (None, &*readings.all),
        };
        one.into_iter().chain(several.iter().map(String::as_str))
    }

    /// What must be tolerated for it.
    pub fn needs(&self) -> UnusualPaths {
        self.readings.as_ref().map_or(UnusualPaths::default(), |readings| readings.needs)
    }

    /// The same path, to be kept for longer than the request's bytes.
    pub fn into_owned(self) -> CanonicalPath<'static> {
        CanonicalPath { path: Cow::Owned(self.path.into_owned()), readings: self.readings }
    }
}

/// Which paths a rule covers: `/status` is that path alone, `/api/*` everything below `/api/`, `/*` everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathPattern {
    /// Exactly this path.
    Exact(Box<str>),
    /// Everything that begins so; ends with `/`.
    Below(Box<str>),
}

impl PathPattern {
    /// From a configuration, written as in a URL: what needs an escape there needs it here. Errors: [`TargetError`]; a `*`
    /// anywhere but as the last segment is [`TargetError::Character`].
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let (path, below) = match text.strip_suffix("/*") {
            Some(parent) => (&text[..=parent.len()], true),
            None => (text, false),
        };
        if path.contains('*') {
            return Err(TargetError::Character);
        }
        let path = CanonicalPath::parse(path.as_bytes())?;
        let path = path.readings().next().unwrap_or_default().into();
        Ok(if below { Self::Below(path) } else { Self::Exact(path) })
    }

    /// Does the rule cover this path, however it is read?
    pub fn matches(&self, path: &CanonicalPath<'_>) -> bool {
        path.readings().all(|reading| self.covers(reading))
    }

    /// Does the rule cover this reading of a path?
    pub fn covers(&self, reading: &str) -> bool {
        match self {
            Self::Exact(exact) => reading == &**exact,
            Self::Below(prefix) => reading.starts_with(&**prefix),
        }
    }
}

/// For people: escapes are shown decoded.
impl std::fmt::Display for PathPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::Below(prefix) => write!(f, "{prefix}*"),
        }
    }
}

fn ends_in_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    is_hex || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

fn is_dns_name(name: &str) -> bool {
    // RFC 1123 §2.1: letters, digits and inner hyphens.
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn parse_port(digits: &str) -> Result<u16, TargetError> {
    // No leading zero, so neither 0 nor two ways of writing one port; `u16::from_str` would take a sign.
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(TargetError::Host);
    }
    digits.parse().map_err(|_| TargetError::Host)
}

/// Percent escapes resolved, once. What would be a separator afterwards is refused.
fn decode(raw: &[u8]) -> Result<String, TargetError> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        match decode_byte(&mut rest)? {
            b'/' | b'\\' | b';' | b'%' => return Err(TargetError::Separator),
            escaped => decoded.push(escaped),
        }
    }
    let decoded = String::from_utf8(decoded).map_err(|_| TargetError::Character)?;
    if decoded.contains(char::is_control) { Err(TargetError::Character) } else { Ok(decoded) }
}

/// The byte that two hexadecimal digits behind a percent sign stand for.
fn decode_byte(rest: &mut std::slice::Iter<'_, u8>) -> Result<u8, TargetError> {
    let mut digit = || rest.next().and_then(|b| char::from(*b).to_digit(16));
    let (Some(high), Some(low)) = (digit(), digit()) else { return Err(TargetError::Character) };
    Ok((high << 4 | low) as u8)
}

const PATH_LENGTH: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_name_however_it_was_written() {
        for (text, expected) in [
            ("app.example.com", Some("app.example.com")),
            ("APP.Example.COM.", Some("app.example.com")),
            ("localhost", Some("localhost")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("3com.example", Some("3com.example")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("[2001:DB8:0::1]", Some("[2001:db8::1]")),
            ("", None),
            (".", None),
            ("a..b", None),
            (".a", None),
            ("a.b..", None),
            ("-a.example", None),
            ("a-.example", None),
            ("a_b.example", None),
            ("bücher.example", None),
            ("a b", None),
            ("a,b", None),
            ("a@b", None),
            ("a/b", None),
            ("a\0", None),
            ("a%2eb", None),
            ("a:443", None),
            ("127.1", None),
            ("0x7f.1", None),
            ("1.0x7f", None),
            ("010.0.0.1", None),
            ("1.2.3.256", None),
            ("2130706433", None),
            ("::1", None),
            ("[::1", None),
            ("[::1].", None),
            ("[fe80::1%eth0]", None),
            ("[fe80::1%25lo]", None),
            ("[1.2.3.4]", None),
            ("[]", None),
        ] {
            assert_eq!(HostName::parse(text).ok().as_ref().map(HostName::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn a_host_name_has_at_most_253_characters_and_a_label_63() {
        let label = "a".repeat(63);
        let long = [&label[..], &label, &label, &label[..61]].join(".");
        assert_eq!(long.len(), 253);
        assert!(HostName::parse(&long).is_ok());
        assert!(HostName::parse(&format!("{long}.")).is_ok());
        assert!(HostName::parse(&format!("{long}a")).is_err());
        assert!(HostName::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn an_authority_is_a_name_with_or_without_port() {
        for (bytes, expected) in [
            (&b"App.example"[..], Some(("app.example", None))),
            (b"app.example:443", Some(("app.example", Some(443)))),
            (b"app.example.:65535", Some(("app.example", Some(65_535)))),
            (b"192.0.2.1:8080", Some(("192.0.2.1", Some(8080)))),
            (b"[::1]", Some(("[::1]", None))),
            (b"[::1]:8443", Some(("[::1]", Some(8443)))),
            (b"", None),
            (b":443", None),
            (b"app:", None),
            (b"app:0", None),
            (b"app:0443", None),
            (b"app:+443", None),
            (b"app:65536", None),
            (b"app:99999", None),
            (b"app:443:443", None),
            (b"::1", None),
            (b"[::1]8443", None),
            (b"[::1]:", None),
            (b"[::1]]:1", None),
            (b"user@app", None),
            (b"user:pw@app", None),
            (b"app, app", None),
            (b"app app", None),
            (b"app\0", None),
            (b"app\xff", None),
            (b"b\xc3\xbccher.example", None),
        ] {
            let read = HostName::from_authority(bytes).ok();
            let read = read.as_ref().map(|(name, port)| (name.as_str(), *port));
            assert_eq!(read, expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_path_that_programs_read_differently_is_refused() {
        use TargetError::*;
        for (raw, expected) in [
            (&b"/"[..], Ok("/")),
            (b"/admin", Ok("/admin")),
            (b"/ADMIN", Ok("/ADMIN")),
            (b"/admin/", Ok("/admin/")),
            (b"/%61dmin", Ok("/admin")),
            (b"/a%20b", Ok("/a b")),
            (b"/caf%C3%A9", Ok("/café")),
            (b"/a,b:c@d!e$f&g'h(i)j*k+l=m~n", Ok("/a,b:c@d!e$f&g'h(i)j*k+l=m~n")),
            (b"/.well-known/x", Ok("/.well-known/x")),
            (b"/...", Ok("/...")),
            (b"", Err(NotAbsolute)),
            (b"*", Err(NotAbsolute)),
            (b"admin", Err(NotAbsolute)),
            (b"http://app.example/", Err(NotAbsolute)),
            (b"//admin", Err(EmptySegment)),
            (b"/x//admin", Err(EmptySegment)),
            (b"/admin//", Err(EmptySegment)),
            (b"/.", Err(DotSegment)),
            (b"/./admin", Err(DotSegment)),
            (b"/x/../admin", Err(DotSegment)),
            (b"/x/..", Err(DotSegment)),
            (b"/%2e%2e/admin", Err(DotSegment)),
            (b"/%2E./admin", Err(DotSegment)),
            (b"/x%2fadmin", Err(Separator)),
            (b"/x%2Fadmin", Err(Separator)),
            (b"/x%5cadmin", Err(Separator)),
            (b"/x\\admin", Err(Separator)),
            (b"/admin;x", Err(Separator)),
            (b"/..;/admin", Err(Separator)),
            (b"/admin%3bx", Err(Separator)),
            (b"/%2561dmin", Err(Separator)),
            (b"/%25%36%31dmin", Err(Separator)),
            (b"/admin%00", Err(Character)),
            (b"/admin%0d%0a", Err(Character)),
            (b"/admin%7f", Err(Character)),
            (b"/admin%c2%85", Err(Character)),
            (b"/admin#", Err(Character)),
            (b"/admin?x=/public", Err(Character)),
            (b"/ad min", Err(Character)),
            (b"/ad\tmin", Err(Character)),
            (b"/admin\0", Err(Character)),
            (b"/admin\x7f", Err(Character)),
            (b"/caf\xc3\xa9", Err(Character)),
            (b"/%c0%ae%c0%ae/admin", Err(Character)),
            (b"/%ff", Err(Character)),
            (b"/%", Err(Character)),
            (b"/%4", Err(Character)),
            (b"/%zz", Err(Character)),
            (b"/%+1", Err(Character)),
        ] {
            let read = CanonicalPath::parse(raw);
            assert_eq!(
                read.as_ref().map(|path| path.readings().next().unwrap_or_default()),
                expected.as_ref().copied(),
                "{:?}",
                String::from_utf8_lossy(raw)
            );
        }
    }

    #[test]
    fn a_path_has_at_most_8_kib() {
        let long = [b'/', b'a'].repeat(4 * 1024);
        assert!(CanonicalPath::parse(&long).is_ok());
        assert_eq!(CanonicalPath::parse(&[&long[..], b"a"].concat()), Err(TargetError::TooLong));
    }

    #[test]
    fn the_common_path_is_borrowed() {
        let borrows =
            |raw: &'static [u8]| matches!(CanonicalPath::parse(raw).map(|path| path.path), Ok(Cow::Borrowed(_)));
        assert!(borrows(b"/a/b"));
        assert!(!borrows(b"/a%20b"));
    }

    #[test]
    fn a_pattern_covers_one_path_or_all_below() {
        for (pattern, path, covered) in [
            ("/status", "/status", true),
            ("/status", "/status/", false),
            ("/status", "/Status", false),
            ("/status", "/statusx", false),
            ("/api/*", "/api/", true),
            ("/api/*", "/api/v1/x", true),
            ("/api/*", "/api", false),
            ("/api/*", "/apis/x", false),
            ("/*", "/", true),
            ("/*", "/anything/at/all", true),
            ("/", "/", true),
            ("/", "/x", false),
            ("/caf%C3%A9/*", "/caf%C3%A9/menu", true),
            ("/caf%C3%A9/*", "/caf%c3%a9/menu", false),
            ("/caf\u{65}/*", "/caf%65/menu", false),
            ("/cafe/*", "/cafe/men%75", true),
        ] {
            let rule = PathPattern::parse(pattern).expect(pattern);
            let path = CanonicalPath::parse(path.as_bytes()).expect(path);
            assert_eq!(rule.matches(&path), covered, "{rule} covers {path:?}");
        }
    }

    #[test]
    fn a_pattern_that_could_mean_two_things_is_refused() {
        use TargetError::*;
        for (pattern, expected) in [
            ("", NotAbsolute),
            ("*", Character),
            ("api/*", NotAbsolute),
            ("/api*", Character),
            ("/*/admin", Character),
            ("/**", Character),
            ("/*/*", Character),
            ("/api/*/", Character),
            ("/api//*", EmptySegment),
            ("/api/../*", DotSegment),
            ("/a;b", Separator),
            ("/a b", Character),
            ("/café", Character),
        ] {
            assert_eq!(PathPattern::parse(pattern), Err(expected), "{pattern:?}");
        }
    }

    #[test]
    fn a_pattern_is_shown_as_it_was_written() {
        for text in ["/", "/status", "/api/*", "/*"] {
            assert_eq!(PathPattern::parse(text).expect(text).to_string(), text);
        }
    }
}
