//! Which service reaches telephones? One that we know, or one that the configuration describes; one, and not two.
//!
//! Looked at is the form of numbers, names and accounts, as each service documents it. Whether they are ours, it says itself.

use std::path::Path;

use access::identity::Phone;

use super::couriers::{PER_DAY, TIMEOUT, http, service_url};
use super::gateway::{is_private, is_readable};
use super::scalars;
use crate::config::fault::{Page, Spot, listed, shown};
use crate::config::file;
use crate::config::words::{FilePath, Text, TimeSpan, Url};
use crate::config::written::At;
use crate::config::{HttpCourier, Service, Twilio};

/// Who sends text messages. `None`: the page says why.
pub(super) fn sms(page: Page<'_>, written: &At<file::Sms>, dir: &Path) -> Option<HttpCourier> {
    let file::Sms { twilio, vonage, messagebird, http: described } = &written.value;
    let services = [
        ("twilio", spot(twilio.as_ref())),
        ("vonage", spot(vonage.as_ref())),
        ("messagebird", spot(messagebird.as_ref())),
        ("http", spot(described.as_ref())),
    ];
    let is_one = is_one(page, written.spot, &services);
    let twilio =
        twilio.as_ref().and_then(|at| self::twilio(page, &at.value, dir, (Sender::Any, Service::TwilioMessages)));
    let vonage = vonage.as_ref().and_then(|at| self::vonage(page, &at.value, dir));
    let messagebird = messagebird.as_ref().and_then(|at| self::messagebird(page, &at.value, dir));
    let described = described.as_ref().and_then(|at| http(page, at, dir));
    twilio.or(vonage).or(messagebird).or(described).filter(|_| is_one)
}

/// Who makes calls. `None`: the page says why.
pub(super) fn voice(page: Page<'_>, written: &At<file::Voice>, dir: &Path) -> Option<HttpCourier> {
    let file::Voice { twilio, http: described } = &written.value;
    let services = [("twilio", spot(twilio.as_ref())), ("http", spot(described.as_ref()))];
    let is_one = is_one(page, written.spot, &services);
    let twilio =
        twilio.as_ref().and_then(|at| self::twilio(page, &at.value, dir, (Sender::Number, Service::TwilioCalls)));
    let described = described.as_ref().and_then(|at| http(page, at, dir));
    twilio.or(described).filter(|_| is_one)
}

fn spot<T>(written: Option<&At<T>>) -> Option<Spot> {
    written.map(|at| at.spot)
}

/// Is one of them written, and no other? If not, the page says so.
fn is_one(page: Page<'_>, all: Spot, services: &[(&str, Option<Spot>)]) -> bool {
    let mut written = services.iter().filter_map(|(name, spot)| Some((*name, (*spot)?)));
    match (written.next(), written.next()) {
        (Some(_), None) => return true,
        (Some((one, _)), Some((other, spot))) => page.refuse(
            "one_of_two",
            spot,
            format!("messages can't leave by `{one}` and by `{other}`"),
            "delete one of them",
        ),
        (None, _) => {
            let names = listed(services.iter().map(|(name, _)| *name), "or");
            page.refuse("missing_key", all, "nobody is named who would bring messages", format!("add {names}"));
        }
    }
    false
}

fn twilio(
    page: Page<'_>,
    written: &file::Twilio,
    dir: &Path,
    (sender, service): (Sender, fn(Twilio) -> Service),
) -> Option<HttpCourier> {
    let account = sid(page, &written.account, "AC");
    let user = written.user.as_ref().map_or_else(|| account.clone(), |user| sid(page, user, "SK"));
    let from = self::sender(page, &written.from, sender);
    let api = written.url.as_ref().map_or_else(|| Some(TWILIO.to_owned()), |url| api(page, url));
    let rest = (&written.secret_file, written.timeout.as_ref(), written.per_day.as_ref());
    let twilio = api.zip(account).zip(user).zip(from);
    let twilio = twilio.map(|(((api, account), user), from)| service(Twilio { api, account, user, from }));
    courier(page, dir, rest, twilio)
}

fn vonage(page: Page<'_>, written: &file::Vonage, dir: &Path) -> Option<HttpCourier> {
    let account = written.account.value.0.trim();
    // It goes in front of a colon (RFC 7617 §2).
    let fits = !account.is_empty() && account.len() <= 32 && account.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if account.contains(':') {
        page.refuse_secret(
            written.account.spot,
            "the secret of an API stands in the file",
            "delete it from the colon on, save it in a file of its own, and name that in `secret_file`; then change it, it was readable",
        );
    } else if !fits {
        page.refuse(
            "bad_account",
            written.account.spot,
            format!("expected the key of Vonage's API, found `{}`", shown(account)),
            "write it as Vonage's dashboard shows it, like abcd1234; its secret goes into `secret_file`",
        );
    }
    let from = sender(page, &written.from, Sender::Any);
    let rest = (&written.secret_file, written.timeout.as_ref(), written.per_day.as_ref());
    let vonage = from.filter(|_| fits).map(|from| Service::Vonage { account: account.to_owned(), from });
    courier(page, dir, rest, vonage)
}

fn messagebird(page: Page<'_>, written: &file::Messagebird, dir: &Path) -> Option<HttpCourier> {
    let from = sender(page, &written.from, Sender::Any);
    let rest = (&written.secret_file, written.timeout.as_ref(), written.per_day.as_ref());
    courier(page, dir, rest, from.map(|from| Service::Messagebird { from }))
}

/// A courier of a service that we know. `None`: the page says why.
fn courier(
    page: Page<'_>,
    dir: &Path,
    (secret_file, timeout, per_day): (&At<FilePath>, Option<&At<TimeSpan>>, Option<&At<u32>>),
    service: Option<Service>,
) -> Option<HttpCourier> {
    let is_readable = is_readable(page, secret_file, dir);
    if is_readable {
        is_private(page, secret_file, dir);
    }
    let timeout = scalars::time_span_or(page, timeout, TIMEOUT);
    let per_day = scalars::limit_or(page, per_day, PER_DAY);
    Some(HttpCourier {
        service: service?,
        secret_file: Some(is_readable.then(|| dir.join(&secret_file.value.0))?),
        ca_file: None,
        timeout: timeout?,
        per_day: per_day?,
    })
}

/// A SID: the two letters of its kind and 32 hexadecimal digits. `None`: the page says why.
fn sid(page: Page<'_>, written: &At<Text>, kind: &str) -> Option<String> {
    let text = written.value.0.trim();
    let is_hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = text.strip_prefix(kind).is_some_and(is_hex);
    // As long are their auth tokens and the secrets of keys.
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        page.refuse_secret(
            written.spot,
            format!("expected {kind} and 32 hexadecimal digits; what stands here looks like a token"),
            "save the token in a file of its own, name that in `secret_file`, and write the SID here; then change the token, it was readable",
        );
    } else if !fits {
        page.refuse(
            "bad_account",
            written.spot,
            format!("expected {kind} and 32 hexadecimal digits, found `{}`", shown(text)),
            "write the SID as Twilio's console shows it",
        );
    }
    fits.then(|| text.to_owned())
}

/// What a sender may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// A number with its country.
    Number,
    /// That, a short code, or a name, where telephones show names.
    Any,
}

/// `None`: the page says why.
fn sender(page: Page<'_>, written: &At<Text>, kind: Sender) -> Option<String> {
    let text = written.value.0.trim();
    let number = Phone::parse(text).map(|number| number.as_str().to_owned());
    let is_short_code = (3..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    // https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id; MessageBird says eleven, too.
    let is_name = (1..=11).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let found = number.or_else(|| (kind == Sender::Any && (is_short_code || is_name)).then(|| text.to_owned()));
    if found.is_none() {
        let (expected, help) = match kind {
            Sender::Number => ("a number with its country", "write it like \"+34600123456\""),
            Sender::Any => (
                "a number with its country, a short code or a name",
                "write a number like \"+34600123456\", or a name of at most eleven letters, digits and spaces",
            ),
        };
        page.refuse("bad_sender", written.spot, format!("expected {expected}, found `{}`", shown(text)), help);
    }
    found
}

/// Scheme and host of an API. `None`: the page says why.
fn api(page: Page<'_>, written: &At<Url>) -> Option<String> {
    let text = service_url(page, written)?;
    let parsed = url::Url::parse(&text).ok();
    let api = parsed.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    if api.is_none() {
        page.refuse(
            "bad_url",
            written.spot,
            format!("expected a scheme and a host alone, found `{}`", shown(&text)),
            "write it like https://api.dublin.ie1.twilio.com; its paths are known",
        );
    }
    Some(api?.as_str().trim_end_matches('/').to_owned())
}

/// <https://www.twilio.com/docs/iam/api>
const TWILIO: &str = "https://api.twilio.com";
