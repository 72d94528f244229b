//! One value: a name, a time span, a socket, a URL, a method.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use access::identity::NameError;
use access::policy::{Method, Methods};
use access::target::{HostName, TargetError};
use url::Url;

use crate::config::fault::{Page, Spot, listed, nearest, shown};
use crate::config::words::{HttpMethod, MethodWord, RateText, SizeText, SocketText, TimeSpan};
use crate::config::written::{At, OneOrMany};
use crate::config::{Rate, Scheme};

/// A name of people, groups, apps… `what` begins the message: `the group`.
pub(super) fn name<N>(
    page: Page<'_>,
    what: &str,
    text: &str,
    spot: Spot,
    parse: fn(&str) -> Result<N, NameError>,
) -> Option<N> {
    let message = match parse(text) {
        Ok(name) => return Some(name),
        Err(NameError::Empty) => format!("{what} has no name"),
        Err(NameError::TooLong) => format!("{what} `{}` has more than 64 characters", shown(text)),
        Err(NameError::Character(c)) => format!("{what} `{}`: `{c}` can't stand in a name", shown(text)),
    };
    page.refuse(
        "bad_name",
        spot,
        message,
        "a name has letters a-z, digits, `.`, `_` and `-`, and begins with a letter or digit",
    );
    None
}

/// `90s`, `30m`, `12h`, `7d`, also `1h30m`: at least a second, at most 366 days.
pub(in crate::config) fn time_span(page: Page<'_>, written: &At<TimeSpan>) -> Option<Duration> {
    let text = &written.value.0;
    let refuse = |message: String| {
        page.refuse("bad_duration", written.spot, message, "write a number and a unit: 90s, 30m, 12h or 7d");
        None
    };
    let Some(seconds) = seconds(text) else {
        return refuse(format!("expected a time span such as 30m, found `{}`", shown(text)));
    };
    match seconds {
        0 => refuse(format!("`{}` is no time at all", shown(text))),
        LONGEST.. => refuse(format!("`{}` is longer than a year", shown(text))),
        _ => Some(Duration::from_secs(seconds)),
    }
}

/// As [`time_span`], with a default for what is not written.
pub(super) fn time_span_or(page: Page<'_>, written: Option<&At<TimeSpan>>, default: Duration) -> Option<Duration> {
    written.map_or(Some(default), |written| time_span(page, written))
}

/// `64KiB`, `1MiB`, `1GiB`, or a number of bytes: at least one, at most an exbibyte.
pub(super) fn size(page: Page<'_>, written: &At<SizeText>) -> Option<u64> {
    let text = &written.value.0;
    let refuse = |message: String| {
        page.refuse("bad_size", written.spot, message, "write a number and a unit: 64KiB, 1MiB, 1GiB, or bytes alone");
        None
    };
    match bytes(text) {
        None => refuse(format!("expected a size such as 1MiB, found `{}`", shown(text))),
        Some(0) => refuse(format!("`{}` is no size at all", shown(text))),
        Some(LARGEST..) => refuse(format!("`{}` is more than an exbibyte", shown(text))),
        Some(bytes) => Some(bytes),
    }
}

/// `50/s`, `100/m`, `1000/h`: at least one.
pub(super) fn rate(page: Page<'_>, written: &At<RateText>) -> Option<Rate> {
    let text = &written.value.0;
    let parsed = text.split_once('/').and_then(|(count, per)| {
        let count = count.bytes().all(|byte| byte.is_ascii_digit()).then(|| count.parse().ok()).flatten()?;
        let per = match per {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        Some(Rate { count, per: Duration::from_secs(per) })
    });
    if parsed.is_none() {
        page.refuse(
            "bad_rate",
            written.spot,
            format!("expected a rate such as 50/s, found `{}`", shown(text)),
            "write how many, a slash and a unit: 50/s, 100/m or 1000/h; at least one, at most 4294967295",
        );
    }
    parsed
}

/// A number of things that may be at a time, or in a row: at least one.
pub(super) fn limit(page: Page<'_>, written: &At<u32>) -> Option<NonZeroU32> {
    let limit = NonZeroU32::new(written.value);
    if limit.is_none() {
        page.refuse("bad_limit", written.spot, "zero is no limit that anything could keep", "write 1 or more");
    }
    limit
}

/// As [`limit`], with a default for what is not written.
pub(super) fn limit_or(page: Page<'_>, written: Option<&At<u32>>, default: NonZeroU32) -> Option<NonZeroU32> {
    written.map_or(Some(default), |written| limit(page, written))
}

/// An address with a port.
pub(super) fn socket(page: Page<'_>, written: &At<SocketText>) -> Option<SocketAddr> {
    let text = &written.value.0;
    let parsed: Option<SocketAddr> = text.parse().ok();
    if let Some(socket) = parsed {
        // Port 0: the system chooses one; tests and `demo` use it.
        return Some(socket);
    }
    let port = text.rsplit(':').next().filter(|port| port.parse::<u16>().is_ok()).unwrap_or("443");
    let help = match text.strip_prefix(':') {
        Some(_) => format!(
            "write the address before the colon: \"0.0.0.0:{port}\" for every one, \"[::]:{port}\" for IPv6 too"
        ),
        None if text.starts_with("localhost") => format!("write \"127.0.0.1:{port}\""),
        None => format!("write an address, a colon and a port, in quotes: \"0.0.0.0:{port}\" or \"[::]:{port}\""),
    };
    page.refuse("bad_address", written.spot, format!("expected an address with a port, found `{}`", shown(text)), help);
    None
}

/// A URL of http, https or (upstreams alone) h2c with a host and perhaps a port, nothing else.
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) host: url::Host<String>,
    /// `None`: the scheme's own.
    pub(super) port: Option<u16>,
}

impl Origin {
    /// Reads one of http or https. `example` is the fix for what is no URL.
    pub(super) fn parse(page: Page<'_>, written: &At<crate::config::words::Url>, example: &str) -> Option<Self> {
        Self::of(page, written, example, &[Scheme::Http, Scheme::Https])
    }

    /// As [`Origin::parse`], also of h2c.
    pub(super) fn of_upstream(page: Page<'_>, written: &At<crate::config::words::Url>, example: &str) -> Option<Self> {
        Self::of(page, written, example, &[Scheme::Http, Scheme::Https, Scheme::H2c])
    }

    fn of(page: Page<'_>, written: &At<crate::config::words::Url>, example: &str, schemes: &[Scheme]) -> Option<Self> {
        let text = &written.value.0;
        let refuse = |message: String, help: String| {
            page.refuse("bad_url", written.spot, message, help);
            None
        };
        let like = || format!("write it like {example}");
        // Looked for before all else: no message may show it.
        if text.contains('@') {
            page.refuse_secret(
                written.spot,
                "a user name or password stands in the URL",
                "delete what stands before the @",
            );
            return None;
        }
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return refuse(format!("expected a URL, found `{}`: {error}", shown(text)), like()),
        };
        let Some(scheme) = schemes.iter().copied().find(|scheme| scheme.as_str() == url.scheme()) else {
            let known = listed(schemes.iter().map(|scheme| scheme.as_str()), "or");
            return refuse(format!("expected {known}, found `{}`", shown(url.scheme())), like());
        };
        // To the parser h2c is a scheme like any other: no path is none, not `/`, and the host is not looked at closely.
        if scheme == Scheme::H2c {
            let as_http = text.get(..3).filter(|scheme| scheme.eq_ignore_ascii_case("h2c")).map(|_| &text[3..]);
            let as_http = At { value: crate::config::words::Url(format!("http{}", as_http?)), spot: written.spot };
            return Some(Self {
                scheme,
                ..Self::of(page, &as_http, &example.replacen("http", "h2c", 1), &[Scheme::Http])?
            });
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            let end = format!(
                "{}{}{}",
                url.path(),
                if url.query().is_some() { "?…" } else { "" },
                if url.fragment().is_some() { "#…" } else { "" }
            );
            return refuse(
                format!("`{}` stands behind the host, and only a host and a port can be used here", shown(&end)),
                "delete it; paths are forwarded as they come".into(),
            );
        }
        // The parser repairs much; what it repaired was not meant.
        if text.contains(['\\', '\t', ' ']) || !text.contains("://") {
            return refuse(format!("expected a URL, found `{}`", shown(text)), like());
        }
        let Some(host) = url.host().map(|host| host.to_owned()) else {
            return refuse(format!("`{}` has no host", shown(text)), like());
        };
        if url.port() == Some(0) {
            return refuse("port 0 is no port".into(), like());
        }
        Some(Self { scheme, host, port: url.port() })
    }
}

/// A host name without scheme, port and path.
pub(super) fn host(page: Page<'_>, text: &str, spot: Spot) -> Option<HostName> {
    let refuse = |message: String, help: String| {
        page.refuse("bad_host", spot, message, help);
        None
    };
    let bare = text.split("://").last().unwrap_or(text).split('/').next().unwrap_or(text);
    let bare = bare.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(bare, |(host, _)| host);
    match HostName::parse(text) {
        Ok(host) if text.parse::<std::net::Ipv4Addr>().is_ok() || text.starts_with('[') => refuse(
            format!("expected a host name, found the address {host}; apps are told apart by name"),
            "give it a name in DNS and write that name".into(),
        ),
        Ok(host) => Some(host),
        Err(TargetError::Host) if bare != text && HostName::parse(bare).is_ok() => refuse(
            format!("expected a host name alone, found `{}`", shown(text)),
            format!("write `{bare}`; the scheme and the port are those of `portal`"),
        ),
        Err(_) => refuse(
            format!("expected a host name, found `{}`", shown(text)),
            "write letters, digits, hyphens and dots; no wildcard; a name in another script in its xn-- form".into(),
        ),
    }
}

/// `localhost` or below it: browsers keep secure cookies there without TLS.
pub(super) fn is_localhost(host: &HostName) -> bool {
    host.as_str() == "localhost" || host.as_str().ends_with(".localhost")
}

/// The second steps of a rule.
pub(super) fn methods(page: Page<'_>, written: &At<OneOrMany<MethodWord>>) -> Option<Methods> {
    let methods = method_list(page, written)?;
    if methods.contains(&Method::Email) {
        page.refuse(
            "weak_method",
            written.spot,
            "a code by e-mail shows who can read the mailbox, which is no second step (NIST SP 800-63B-4 §3.1.3.1)",
            "name others: passkey, totp, sms, voice",
        );
        return None;
    }
    Some(methods.into_iter().fold(Methods::NONE, Methods::with))
}

/// The second steps of a rule or of the sign-in, as they are written.
pub(super) fn method_list(page: Page<'_>, written: &At<OneOrMany<MethodWord>>) -> Option<Vec<Method>> {
    if written.value.0.is_empty() {
        page.refuse(
            "empty_list",
            written.spot,
            "no second step at all, so nobody could pass",
            "delete the key, or write `[totp]`",
        );
        return None;
    }
    let methods: Vec<_> = written.value.0.iter().filter_map(|word| method(page, word)).collect();
    (methods.len() == written.value.0.len()).then_some(methods)
}

fn method(page: Page<'_>, word: &At<MethodWord>) -> Option<Method> {
    let text = word.value.0.as_str();
    let (code, message, help) = match text {
        "totp" => return Some(Method::Totp),
        "passkey" => return Some(Method::Passkey),
        "sms" => return Some(Method::Sms),
        "voice" => return Some(Method::Voice),
        "email" => return Some(Method::Email),
        "password" => (
            "unknown_word",
            "`password` is the first step and never the second".to_owned(),
            "the second steps are `passkey`, `totp`, `sms`, `voice` and `email`".to_owned(),
        ),
        "recovery" => (
            "unknown_word",
            "recovery codes satisfy no rule that names second steps".to_owned(),
            "delete it; where no rule names second steps they work by themselves".to_owned(),
        ),
        _ => (
            "unknown_word",
            format!("unknown second step `{}`", shown(text)),
            nearest(text, ["passkey", "totp", "sms", "voice", "email"])
                .map_or_else(|| "write `passkey` or `totp`".into(), |near| format!("did you mean `{near}`?")),
        ),
    };
    page.refuse(code, word.spot, message, help);
    None
}

/// A method of HTTP, upper case.
pub(super) fn http_method(page: Page<'_>, word: &At<HttpMethod>) -> Option<Box<str>> {
    let text = word.value.0.as_str();
    if HTTP_METHODS.contains(&text) {
        return Some(text.into());
    }
    let help = match nearest(&text.to_ascii_uppercase(), HTTP_METHODS.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the methods are {}", listed(HTTP_METHODS.iter().copied(), "and")),
    };
    page.refuse("unknown_method", word.spot, format!("unknown method `{}`", shown(text)), help);
    None
}

/// `None`: not understood, or more than fits.
fn seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    let mut largest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return None,
        };
        // Each unit once, the larger first: 1h30m.
        if unit >= largest {
            return None;
        }
        largest = unit;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (largest != u64::MAX).then_some(total)
}

/// `None`: not understood, or more than fits.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match &text[digits..] {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(factor)
}

/// An exbibyte and a byte.
const LARGEST: u64 = (1 << 60) + 1;

/// 366 days and a second.
const LONGEST: u64 = 366 * 86_400 + 1;

/// RFC 9110, RFC 5789, WebDAV (RFC 4918, 3253, 3744, 5323), CalDAV (RFC 4791). Not TRACE and CONNECT, which no app is sent.
const HTTP_METHODS: [&str; 20] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "ACL",
    "MKCALENDAR",
    "VERSION-CONTROL",
    "CHECKOUT",
];

#[cfg(test)]
mod tests {
    use super::{bytes, seconds};

    #[test]
    fn a_size_is_one_number_with_a_unit_or_bytes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("500", Some(500)),
            ("64KiB", Some(65_536)),
            ("1MiB", Some(1 << 20)),
            ("3GiB", Some(3 << 30)),
            ("", None),
            ("KiB", None),
            ("1kib", None),
            ("1 MiB", None),
            ("1MB", None),
            ("1M", None),
            ("1.5GiB", None),
            ("-1", None),
            ("1 gigabyte", None),
            ("99999999999999999999", None),
            ("18446744073709551615KiB", None),
            ("６4KiB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_time_span_is_numbers_with_units_the_larger_first() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("12h", Some(43_200)),
            ("7d", Some(604_800)),
            ("1h30m", Some(5400)),
            ("1d12h", Some(129_600)),
            ("0s", Some(0)),
            ("007m", Some(420)),
            ("", None),
            ("30", None),
            ("m", None),
            ("30m1h", None),
            ("1h1h", None),
            ("1 h", None),
            (" 1h", None),
            ("-1h", None),
            ("1.5h", None),
            ("1H", None),
            ("1w", None),
            ("1ms", None),
            ("thirty", None),
            ("1h30", None),
            ("18446744073709551615d", None),
            ("99999999999999999999s", None),
            ("３0m", None),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }
}
