//! Which cookies go where? Per host, by path, until they run out (RFC 6265bis §5, for hosts without siblings).
//!
//! `Domain` is not honoured: a cookie stays with the host that set it. `Secure` ones are kept for localhost also over plain
//! http, as browsers do. A `__Host-` name is only kept for the whole host, `Secure` and without `Domain`.

use access::Timestamp;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use std::time::Duration;
use url::Url;

#[derive(Clone, Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Clone, Debug)]
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    /// `None`: as long as the browser runs.
    until: Option<Timestamp>,
    secure: bool,
}

impl Jar {
    /// Takes what an answer set.
    pub(super) fn take(&mut self, url: &Url, headers: &HeaderMap, now: Timestamp) {
        for line in headers.get_all(SET_COOKIE) {
            let Some(cookie) = line.to_str().ok().and_then(|line| Cookie::parse(line, url, now)) else { continue };
            self.0.retain(|kept| !kept.is_replaced_by(&cookie));
            if cookie.is_alive(now) {
                self.0.push(cookie);
            }
        }
    }

    /// What to send, if anything: longer paths first.
    pub(super) fn for_url(&self, url: &Url, now: Timestamp) -> Option<HeaderValue> {
        let mut fitting: Vec<_> = self.0.iter().filter(|cookie| cookie.is_alive(now) && cookie.fits(url)).collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = fitting.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        if pairs.is_empty() { None } else { HeaderValue::try_from(pairs.join("; ")).ok() }
    }

    pub(super) fn value(&self, host: &str, name: &str, now: Timestamp) -> Option<&str> {
        let mut cookies = self.0.iter().filter(|cookie| cookie.is_alive(now));
        cookies.find(|cookie| cookie.host == host && cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    pub(super) fn plant(&mut self, host: &str, name: &str, value: &str) {
        let cookie = Cookie {
            host: host.to_owned(),
            path: "/".to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            until: None,
            secure: false,
        };
        self.0.retain(|kept| !kept.is_replaced_by(&cookie));
        self.0.push(cookie);
    }
}

impl Cookie {
    /// `None` if a browser would not keep it.
    fn parse(line: &str, url: &Url, now: Timestamp) -> Option<Self> {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            host: url.host_str()?.to_owned(),
            path: default_path(url.path()),
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            until: None,
            secure: false,
        };
        let mut has_domain = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "max-age" => {
                    let seconds = value.parse::<i64>().ok()?;
                    cookie.until = Some(match u64::try_from(seconds) {
                        Ok(seconds) => now + Duration::from_secs(seconds),
                        Err(_) => Timestamp::default(),
                    });
                }
                "domain" => has_domain = true,
                "secure" => cookie.secure = true,
                _ => {}
            }
        }
        let strict = cookie.name.to_ascii_lowercase().starts_with("__host-");
        let fits = cookie.secure && cookie.path == "/" && !has_domain && trustworthy(url);
        (!strict || fits).then_some(cookie)
    }

    fn is_replaced_by(&self, other: &Self) -> bool {
        self.host == other.host && self.path == other.path && self.name == other.name
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    fn fits(&self, url: &Url) -> bool {
        let path = url.path();
        let below = path
            .strip_prefix(&self.path)
            .is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        url.host_str() == Some(&self.host) && below && (!self.secure || trustworthy(url))
    }
}

/// Where browsers keep `Secure` cookies: https, and this machine.
fn trustworthy(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https" || host == "localhost" || host.ends_with(".localhost")
}

/// The folder of the page that set it (RFC 6265bis §5.1.4).
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(last) => path[..last].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn jar(at: &str, lines: &[&'static str]) -> Jar {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(SET_COOKIE, HeaderValue::from_static(line));
        }
        let mut jar = Jar::default();
        jar.take(&url(at), &headers, NOW);
        jar
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect(text)
    }

    fn sent(jar: &Jar, to: &str) -> Option<String> {
        jar.for_url(&url(to), NOW).map(|value| value.to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn a_cookie_goes_to_its_host_and_below_its_path() {
        let jar = jar("http://a.localhost:8080/x/y", &["all=1; Path=/", "here=2", "deep=3; Path=/x/y"]);
        for (to, expected) in [
            ("http://a.localhost:8080/x/y", Some("deep=3; here=2; all=1")),
            ("http://a.localhost:9999/x/yz", Some("here=2; all=1")), // ports don't matter
            ("http://a.localhost:8080/xy", Some("all=1")),
            ("http://b.localhost:8080/x/y", None),
            ("http://localhost:8080/x/y", None),
        ] {
            assert_eq!(sent(&jar, to).as_deref(), expected, "{to}");
        }
    }

    #[test]
    fn a_host_cookie_is_kept_only_as_it_must_be_set() {
        for (line, kept) in [
            ("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60", true),
            ("__Host-a=1; Path=/", false),
            ("__Host-a=1; Secure; Path=/x", false),
            ("__Host-a=1; Secure; Path=/; Domain=localhost", false),
            ("__host-a=1; Path=/", false),
            ("other=1", true),
            ("no pair", false),
        ] {
            assert_eq!(sent(&jar("http://a.localhost/", &[line]), "http://a.localhost/").is_some(), kept, "{line}");
        }
        let elsewhere = jar("http://acme.example/", &["__Host-a=1; Path=/; Secure"]);
        assert_eq!(sent(&elsewhere, "http://acme.example/"), None, "not over plain http");
    }

    #[test]
    fn a_cookie_is_taken_back_and_runs_out() {
        let at = "http://a.localhost/";
        assert_eq!(sent(&jar(at, &["a=1; Path=/", "a=; Path=/; Max-Age=0"]), at), None);
        assert_eq!(sent(&jar(at, &["a=1; Path=/", "a=; Path=/; Max-Age=-1"]), at), None);
        assert_eq!(sent(&jar(at, &["a=1; Path=/", "a=2; Path=/"]), at).as_deref(), Some("a=2"));
        let jar = jar(at, &["a=1; Max-Age=60"]);
        assert!(jar.for_url(&url(at), NOW + Duration::from_secs(59)).is_some());
        assert!(jar.for_url(&url(at), NOW + Duration::from_secs(60)).is_none());
        assert_eq!(jar.value("a.localhost", "a", NOW), Some("1"));
    }
}
