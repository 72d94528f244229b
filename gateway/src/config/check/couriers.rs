//! How do messages leave? The mail server, and the services that reach telephones.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use access::identity::Email;

use super::gateway::{is_private, is_readable};
use super::{scalars, telephones};
use crate::config::fault::{Page, Spot, shown};
use crate::config::file::{self, Gateway};
use crate::config::words::{MailTlsWord, MailboxText, ServerText, Text, Url};
use crate::config::written::At;
use crate::config::{BodyForm, CourierSettings, HttpCourier, MailServer, MailTls, Service, Template};

/// What stands under `couriers`. What can't be used is missing, and the page says why.
pub(super) fn check(page: Page<'_>, gateway: &Gateway, dir: &Path) -> CourierSettings {
    let written = gateway.couriers.as_ref().map(|couriers| &couriers.value);
    let email = written.and_then(|couriers| couriers.email.as_ref());
    CourierSettings {
        email: email.and_then(|email| mail_server(page, email, dir)),
        sms: written.and_then(|couriers| telephones::sms(page, couriers.sms.as_ref()?, dir)),
        voice: written.and_then(|couriers| telephones::voice(page, couriers.voice.as_ref()?, dir)),
    }
}

/// A service that the configuration describes. `None`: the page says why.
pub(super) fn http(page: Page<'_>, written: &At<file::HttpCourier>, dir: &Path) -> Option<HttpCourier> {
    let courier = &written.value;
    let url = service_url(page, &courier.url);
    let body = courier.body.value.0.trim();
    let form = if body.starts_with(['{', '[']) { BodyForm::Json } else { BodyForm::Form };
    for marker in ["{to}", "{text}"] {
        let says_code = marker == "{text}" && body.contains("{code}");
        let stands = says_code || body.contains(marker) || courier.url.value.0.contains(marker);
        if !stands {
            page.refuse(
                "missing_marker",
                courier.body.spot,
                format!("`{marker}` stands nowhere in the body, so every message would be the same"),
                "write it like '{\"to\":\"{to}\",\"text\":\"{text}\"}', or like to={to}&text={text}",
            );
        }
    }
    let json = |body: &str| serde_json::from_str::<serde_json::Value>(body).is_ok();
    if form == BodyForm::Json && !json(&filled_in(body)) {
        page.refuse(
            "bad_body",
            courier.body.spot,
            "the body begins like JSON, and is none",
            "write it like '{\"to\":\"{to}\",\"text\":\"{text}\"}', with double quotes around each marker",
        );
    }
    let headers = courier.headers.iter().flat_map(|headers| &headers.value.0);
    let headers = headers.filter_map(|(name, value)| header(page, name, value)).collect();
    if let (None, Some(spot)) = (&courier.secret_file, secret_spot(courier)) {
        page.refuse(
            "missing_key",
            spot,
            "`{secret}` stands here, and no file says what it is",
            "add `secret_file:` with the name of the file that it stands in",
        );
    }
    let secret = courier.secret_file.as_ref().filter(|written| is_readable(page, written, dir));
    if let Some(secret) = secret {
        is_private(page, secret, dir);
    }
    let ca_file = courier.ca_file.as_ref().filter(|written| is_readable(page, written, dir));
    let timeout = scalars::time_span_or(page, courier.timeout.as_ref(), TIMEOUT);
    let per_day = scalars::limit_or(page, courier.per_day.as_ref(), PER_DAY);
    Some(HttpCourier {
        service: Service::Described(Template { url: url?, headers, body: body.to_owned(), form }),
        secret_file: secret.map(|written| dir.join(&written.value.0)),
        ca_file: ca_file.map(|written| dir.join(&written.value.0)),
        timeout: timeout?,
        per_day: per_day?,
    })
}

/// Where `{secret}` stands.
fn secret_spot(courier: &file::HttpCourier) -> Option<Spot> {
    let headers =
        courier.headers.iter().flat_map(|headers| &headers.value.0).map(|(_, value)| (&value.value.0, value.spot));
    let others = [(&courier.body.value.0, courier.body.spot), (&courier.url.value.0, courier.url.spot)];
    others.into_iter().chain(headers).find(|(text, _)| text.contains("{secret}")).map(|(_, spot)| spot)
}

/// https, or http to this machine. `None`: the page says why.
pub(super) fn service_url(page: Page<'_>, written: &At<Url>) -> Option<String> {
    let text = written.value.0.trim();
    let refuse = |message: String, help: &str| {
        page.refuse("bad_url", written.spot, message, help.to_owned());
        None
    };
    if text.contains('@') {
        page.refuse_secret(
            written.spot,
            "a user name or password stands in the URL",
            "delete what stands before the @; secrets go into `secret_file`, and `{secret}` stands for them",
        );
        return None;
    }
    let example = "write it like https://sms.example/messages";
    let Ok(url) = url::Url::parse(&filled_in(text)) else {
        return refuse(format!("expected a URL, found `{}`", shown(text)), example);
    };
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Some(text.to_owned()),
        ("http", Some(host)) if is_here(host.trim_matches(['[', ']'])) => Some(text.to_owned()),
        ("http", Some(host)) => refuse(
            format!("codes would go to {} without encryption", shown(host)),
            "write https; http is for a service on this machine",
        ),
        _ => refuse(format!("expected https, found `{}`", shown(text)), example),
    }
}

/// One field of a request's header. `None`: the page says why.
fn header(page: Page<'_>, name: &At<Text>, value: &At<Text>) -> Option<(String, String)> {
    let (field, text) = (name.value.0.trim(), value.value.0.trim());
    let lower = field.to_ascii_lowercase();
    if ["authorization", "token", "key", "secret"].iter().any(|word| lower.contains(word)) && !text.contains("{secret}")
    {
        page.refuse_secret(
            value.spot,
            format!("a secret stands in the header `{}`", shown(field)),
            "save it in a file of its own, name that in `secret_file`, and write {secret} here; then change the secret, it was readable",
        );
        return None;
    }
    let fits = http::HeaderName::try_from(field).is_ok() && http::HeaderValue::try_from(filled_in(text)).is_ok();
    if !fits {
        page.refuse(
            "bad_header",
            name.spot,
            format!("`{}` can't be a field of a header", shown(field)),
            "write its name and its value, in ASCII",
        );
    }
    fits.then(|| (field.to_owned(), text.to_owned()))
}

/// With something harmless for every marker.
fn filled_in(text: &str) -> String {
    let markers = ["{to}", "{text}", "{code}", "{language}", "{secret}"];
    markers.iter().fold(text.to_owned(), |text, marker| text.replace(marker, "x"))
}

fn mail_server(page: Page<'_>, written: &At<file::Email>, dir: &Path) -> Option<MailServer> {
    let At { value: email, spot } = written;
    let server = server(page, &email.smtp);
    let from = mailbox(page, &email.from);
    let account = match (&email.user, &email.password_file) {
        (None, None) => Some(None),
        (Some(user), Some(file)) => {
            let usable = is_readable(page, file, dir);
            if usable {
                is_private(page, file, dir);
            }
            usable.then(|| Some((user.value.0.clone(), dir.join(&file.value.0))))
        }
        (Some(user), None) => {
            page.refuse(
                "missing_key",
                user.spot,
                "a user name is given, and no password",
                "add `password_file:` with the name of the file that it stands in",
            );
            None
        }
        (None, Some(file)) => {
            page.refuse(
                "missing_key",
                file.spot,
                "a password is given, and no user name",
                "add `user:` with the name that we sign in with at the mail server",
            );
            None
        }
    };
    let ca_file = email.ca_file.as_ref().filter(|written| is_readable(page, written, dir));
    let (host, port) = server?;
    let tls = match email.tls.as_ref().map(|at| at.value) {
        None if port == IMPLICIT => MailTls::Implicit,
        None | Some(MailTlsWord::Starttls) => MailTls::Starttls,
        Some(MailTlsWord::Implicit) => MailTls::Implicit,
        Some(MailTlsWord::None) => MailTls::None,
    };
    if tls == MailTls::None && !is_here(&host) {
        page.refuse(
            "plain_smtp",
            email.tls.as_ref().map_or(*spot, |at| at.spot),
            format!("links that choose passwords would go to {} without encryption", shown(&host)),
            "write `tls: starttls` or `tls: implicit`; `none` is for a server on this machine: 127.0.0.1, ::1, localhost",
        );
    }
    if let (MailTls::None, Some(ca_file)) = (tls, ca_file) {
        page.refuse(
            "ca_without_tls",
            ca_file.spot,
            "a CA is given, and there is no TLS",
            "delete `ca_file`, or `tls: none`",
        );
    }
    Some(MailServer {
        host,
        port,
        tls,
        from: from?,
        account: account?,
        ca_file: ca_file.map(|written| dir.join(&written.value.0)),
    })
}

/// A host and a port. `None`: the page says why.
fn server(page: Page<'_>, written: &At<ServerText>) -> Option<(String, u16)> {
    let text = written.value.0.trim();
    let parts =
        text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok().filter(|port| *port > 0)?)));
    let host_of = |host: &str| {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_address = bare.parse::<IpAddr>().is_ok();
        let is_name = access::target::HostName::parse(bare).is_ok() && !bare.contains(':');
        (is_address || is_name).then(|| bare.to_owned())
    };
    let server = parts.and_then(|(host, port)| Some((host_of(host)?, port)));
    if server.is_none() {
        page.refuse(
            "bad_address",
            written.spot,
            format!("expected a mail server and its port, found `{}`", shown(text)),
            "write it like smtp.acme.example:587, without a scheme; 587 is for STARTTLS, 465 for TLS from the first byte",
        );
    }
    server
}

/// `Name <address>` or an address alone, as it goes into `From`. `None`: the page says why.
fn mailbox(page: Page<'_>, written: &At<MailboxText>) -> Option<String> {
    let text = written.value.0.trim();
    let address = match text.rsplit_once('<') {
        Some((_, address)) => address.strip_suffix('>'),
        None => Some(text),
    };
    let fits = !text.chars().any(char::is_control)
        && address.is_some_and(|address| Email::parse(address).is_ok())
        && text.parse::<lettre::message::Mailbox>().is_ok();
    if !fits {
        page.refuse(
            "bad_mailbox",
            written.spot,
            format!("expected the address of a sender, found `{}`", shown(text)),
            "write it like \"Acme sign-in <login@acme.example>\"",
        );
    }
    fits.then(|| text.to_owned())
}

/// Does what is sent there stay on this machine?
pub(super) fn is_here(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Of TLS from the first byte (RFC 8314 §3.3).
const IMPLICIT: u16 = 465;
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const PER_DAY: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");
