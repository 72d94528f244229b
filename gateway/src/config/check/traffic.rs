//! An app's traffic: to which upstreams, how long it may take, how much of it may come.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use super::gateway::is_readable;
use super::scalars::{self, Origin};
use crate::config::fault::{Page, shown};
use crate::config::file;
use access::target::{Unusual, UnusualPaths};

use crate::config::words::{BalanceWord, TargetText, UnusualWord};
use crate::config::written::{At, OneOrMany};
use crate::config::{AppLimits, Balance, Health, Scheme, Timeouts, Upstream};

/// All upstreams of an app. `None`: the page says why.
pub(super) fn upstreams(page: Page<'_>, app: &file::App, dir: &Path) -> Option<Vec<Upstream>> {
    let written = &app.upstream.value.0;
    if written.is_empty() {
        page.refuse(
            "empty_list",
            app.upstream.spot,
            "the list is empty, so no request could go anywhere",
            "name an upstream: http://10.0.3.7:8080",
        );
    }
    let ca_file = app.ca_file.as_ref().filter(|written| is_readable(page, written, dir));
    let ca_file = ca_file.map(|written| dir.join(&written.value.0));
    let mut upstreams: Vec<Upstream> = Vec::new();
    for url in written {
        let Some(upstream) = upstream(page, url) else { continue };
        if let Some(first) = upstreams.first().filter(|first| first.scheme != upstream.scheme) {
            page.refuse(
                "mixed_schemes",
                url.spot,
                format!(
                    "the upstreams of an app are reached alike: the first by {}, this one by {}",
                    first.scheme.as_str(),
                    upstream.scheme.as_str()
                ),
                format!("write {} for all of them, or make two apps", first.scheme.as_str()),
            );
        } else if upstreams.iter().any(|other| other.host == upstream.host && other.port == upstream.port) {
            page.refuse(
                "same_upstream_twice",
                url.spot,
                format!("{upstream} is in the list already"),
                "delete one of the two",
            );
        }
        upstreams.push(Upstream { ca_file: ca_file.clone(), ..upstream });
    }
    if let (Some(ca_file), Some(upstream)) = (&app.ca_file, upstreams.first())
        && upstream.scheme != Scheme::Https
    {
        page.refuse(
            "ca_without_tls",
            ca_file.spot,
            "a CA is given, and the upstream is plain http",
            "write https in `upstream`, or delete `ca_file`",
        );
    }
    (upstreams.len() == written.len()).then_some(upstreams)
}

fn upstream(page: Page<'_>, written: &At<crate::config::words::Url>) -> Option<Upstream> {
    let origin = Origin::of_upstream(page, written, "http://10.0.3.7:8080")?;
    let host = match origin.host {
        url::Host::Domain(name) => name,
        url::Host::Ipv4(v4) => v4.to_string(),
        url::Host::Ipv6(v6) => v6.to_string(),
    };
    if is_metadata(&host) {
        page.refuse(
            "bad_url",
            written.spot,
            format!("{host} is where clouds hand out credentials of this machine"),
            "name the app's own address",
        );
    }
    let port = origin.port.unwrap_or(if origin.scheme == Scheme::Https { 443 } else { 80 });
    Some(Upstream { scheme: origin.scheme, host, port, ca_file: None })
}

pub(super) fn balance(written: Option<&At<BalanceWord>>) -> Balance {
    match written.map(|written| written.value) {
        Some(BalanceWord::LeastConnections) => Balance::LeastConnections,
        Some(BalanceWord::RoundRobin) | None => Balance::RoundRobin,
    }
}

/// `None`: a value could not be read, and the page says why.
pub(super) fn health(page: Page<'_>, written: &At<file::Health>) -> Option<Health> {
    let At { value: file::Health { path, every, timeout, fall, rise }, .. } = written;
    let path = path.as_ref().map_or(Some("/".to_owned()), |written| target(page, written));
    let every = scalars::time_span_or(page, every.as_ref(), EVERY);
    let timeout = scalars::time_span_or(page, timeout.as_ref(), TIMEOUT);
    let fall = scalars::limit_or(page, fall.as_ref(), FALL);
    let rise = scalars::limit_or(page, rise.as_ref(), RISE);
    Some(Health { path: path?, every: every?, timeout: timeout?, fall: fall?, rise: rise? })
}

fn target(page: Page<'_>, written: &At<TargetText>) -> Option<String> {
    let text = &written.value.0;
    let fits = text.starts_with('/') && text.len() <= 1000 && text.parse::<http::uri::PathAndQuery>().is_ok();
    if !fits {
        let message = format!("expected a path such as /healthz, found `{}`", shown(text));
        page.refuse("bad_path", written.spot, message, "write the path alone, perhaps with a query: /healthz");
    }
    fits.then(|| text.clone())
}

/// `None`: a value could not be read, and the page says why.
pub(super) fn timeouts(page: Page<'_>, written: Option<&At<file::Timeouts>>) -> Option<Timeouts> {
    let written = written.map(|written| &written.value);
    let connect = scalars::time_span_or(page, written.and_then(|written| written.connect.as_ref()), CONNECT);
    let response = scalars::time_span_or(page, written.and_then(|written| written.response.as_ref()), RESPONSE);
    Some(Timeouts { connect: connect?, response: response? })
}

pub(super) fn limits(page: Page<'_>, written: Option<&At<file::AppLimits>>) -> AppLimits {
    let Some(At { value: file::AppLimits { body, concurrent, requests, person, token, address }, .. }) = written else {
        return AppLimits::default();
    };
    AppLimits {
        body: body.as_ref().and_then(|written| scalars::size(page, written)),
        concurrent: concurrent.as_ref().and_then(|written| scalars::limit(page, written)),
        requests: requests.as_ref().and_then(|written| scalars::rate(page, written)),
        person: person.as_ref().and_then(|written| scalars::rate(page, written)),
        token: token.as_ref().and_then(|written| scalars::rate(page, written)),
        address: address.as_ref().and_then(|written| scalars::rate(page, written)),
    }
}

pub(super) fn paths_may_contain(page: Page<'_>, written: Option<&At<OneOrMany<UnusualWord>>>) -> UnusualPaths {
    let Some(written) = written else { return UnusualPaths::default() };
    if written.value.0.is_empty() {
        page.refuse(
            "empty_list",
            written.spot,
            "the list is empty and says nothing",
            "delete the key; unusual paths are refused then",
        );
    }
    written.value.0.iter().fold(UnusualPaths::default(), |set, word| {
        set.with(match word.value {
            UnusualWord::EncodedSlash => Unusual::EncodedSlash,
            UnusualWord::Backslash => Unusual::Backslash,
            UnusualWord::Semicolon => Unusual::Semicolon,
            UnusualWord::DotSegments => Unusual::DotSegments,
            UnusualWord::EmptySegments => Unusual::EmptySegments,
        })
    })
}

fn is_metadata(host: &str) -> bool {
    ["169.254.169.254", "fd00:ec2::254", "metadata.google.internal"].contains(&host)
}

const EVERY: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);
const FALL: NonZeroU32 = NonZeroU32::new(3).expect("three");
const RISE: NonZeroU32 = NonZeroU32::new(2).expect("two");
const CONNECT: Duration = Duration::from_secs(3);
const RESPONSE: Duration = Duration::from_secs(60);
