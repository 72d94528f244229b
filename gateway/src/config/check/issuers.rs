//! Whose bearer tokens are taken beside ours? What can't be understood is refused: half an issuer would let in the wrong half.

use std::path::Path;
use std::sync::Arc;

use access::identity::{AppName, UserName};
use access::jwt::{Algorithm, Scopes, Subject, Trust};

use super::couriers::is_here;
use super::gateway::is_readable;
use super::scalars;
use crate::config::fault::{Page, listed, nearest, shown};
use crate::config::file::{self, Gateway};
use crate::config::words::{AlgorithmWord, Text, Url};
use crate::config::written::{At, OneOrMany};
use crate::config::{Issuer, Issuers, KeySource};

/// What stands under `issuers`. What can't be used is missing, and the page says why.
pub(super) fn check(page: Page<'_>, gateway: &Gateway, dir: &Path) -> Issuers {
    let mut issuers = Issuers::new();
    for (name, written) in gateway.issuers.iter().flat_map(|issuers| &issuers.value.0) {
        // It is like an app's: it stands in logs.
        let named = scalars::name(page, "the issuer", &name.value.0, name.spot, AppName::parse);
        let issuer = issuer(page, gateway, name, written, dir);
        let (Some(_), Some(issuer)) = (named, issuer) else { continue };
        let iss = issuer.trust.issuer.clone();
        if issuers.insert(iss, Arc::new(issuer)).is_some() {
            page.refuse(
                "one_issuer_twice",
                written.value.issuer.spot,
                format!("`{}` is the `issuer` of two entries", shown(&written.value.issuer.value.0)),
                "which of them a token is for could not be said; leave one",
            );
        }
    }
    issuers
}

fn issuer(
    page: Page<'_>,
    gateway: &Gateway,
    name: &At<Text>,
    At { value: written, .. }: &At<file::Issuer>,
    dir: &Path,
) -> Option<Issuer> {
    let iss = iss(page, &written.issuer);
    let keys = keys(page, name, written, dir);
    let audience = texts(page, &written.audience, "audience", "write what the issuer puts into `aud` for this gateway");
    let algorithms = written.algorithms.as_ref().map_or_else(|| Some(DEFAULT.to_vec()), |list| algorithms(page, list));
    let claims = written.claims.iter().flat_map(|claims| &claims.value.0);
    let claims: Vec<_> = claims.map(|(name, text)| (name.value.0.clone(), text.value.0.clone())).collect();
    let subject = subject(page, name, written, claims.is_empty());
    let scopes = match written.scopes.as_ref().map(|scopes| scopes.value.0.as_str()) {
        None => Scopes::Claim(SCOPE.to_owned()),
        Some(EVERYTHING) => Scopes::Everything,
        Some(claim) => Scopes::Claim(claim.to_owned()),
    };
    let apps = apps(page, gateway, &written.apps);
    let trust = Trust { issuer: iss?, audience: audience?, algorithms: algorithms?, claims, subject: subject?, scopes };
    Some(Issuer { name: name.value.0.trim().to_owned(), trust, keys: keys?, apps: apps? })
}

/// As it stands in `iss`: compared letter by letter, so nothing of it is changed. `None`: the page says why.
fn iss(page: Page<'_>, written: &At<Url>) -> Option<String> {
    let text = &written.value.0;
    let is_https = url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some());
    if !is_https || text.chars().any(char::is_whitespace) {
        page.refuse(
            "bad_url",
            written.spot,
            format!("expected the `iss` of its tokens, an https URL, found `{}`", shown(text)),
            "write it letter by letter as it stands in the tokens, like https://id.acme.example",
        );
        return None;
    }
    Some(text.clone())
}

fn keys(page: Page<'_>, name: &At<Text>, written: &file::Issuer, dir: &Path) -> Option<KeySource> {
    let ca_file = written.ca_file.as_ref().map(|ca_file| (ca_file, is_readable(page, ca_file, dir)));
    match (&written.jwks_url, &written.jwks_file) {
        (Some(url), None) => {
            let url = jwks_url(page, url);
            let ca_file = match ca_file {
                None => None,
                Some((ca_file, true)) => Some(dir.join(&ca_file.value.0)),
                Some((_, false)) => return None,
            };
            Some(KeySource::Url { url: url?, ca_file })
        }
        (None, Some(file)) => {
            if let Some((ca_file, _)) = ca_file {
                page.refuse(
                    "ca_without_tls",
                    ca_file.spot,
                    "a CA is given, and the keys are read from a file",
                    "delete `ca_file`",
                );
            }
            is_readable(page, file, dir).then(|| KeySource::File(dir.join(&file.value.0)))
        }
        (Some(_), Some(file)) => {
            page.refuse(
                "one_of_two",
                file.spot,
                "the keys can't come from `jwks_url` and from `jwks_file`",
                "delete one of them",
            );
            None
        }
        (None, None) => {
            page.refuse(
                "missing_key",
                name.spot,
                format!("`{}` has no keys to check its tokens with", shown(&name.value.0)),
                "add `jwks_url: https://id.acme.example/jwks.json`, or `jwks_file:`",
            );
            None
        }
    }
}

/// https, or http to this machine. `None`: the page says why.
fn jwks_url(page: Page<'_>, written: &At<Url>) -> Option<String> {
    let text = written.value.0.trim();
    if text.contains('@') {
        page.refuse_secret(
            written.spot,
            "a user name or password stands in the URL",
            "delete what stands before the @: public keys are for everybody",
        );
        return None;
    }
    let url = url::Url::parse(text).ok();
    let (message, help) = match url.as_ref().and_then(|url| Some((url.scheme(), url.host_str()?))) {
        Some(("https", _)) => return Some(text.to_owned()),
        Some(("http", host)) if is_here(host.trim_matches(['[', ']'])) => return Some(text.to_owned()),
        Some(("http", host)) => (
            format!("whoever stands between here and {} could send keys of their own", shown(host)),
            "write https; http is for an issuer on this machine",
        ),
        _ => (
            format!("expected an https URL, found `{}`", shown(text)),
            "write it like https://id.acme.example/jwks.json",
        ),
    };
    page.refuse("bad_url", written.spot, message, help);
    None
}

fn texts(page: Page<'_>, written: &At<OneOrMany<Text>>, key: &str, help: &str) -> Option<Vec<String>> {
    let texts: Vec<_> = written.value.0.iter().map(|text| text.value.0.clone()).collect();
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        page.refuse("empty_list", written.spot, format!("`{key}` names nothing, so no token would fit"), help);
        return None;
    }
    Some(texts)
}

fn algorithms(page: Page<'_>, written: &At<OneOrMany<AlgorithmWord>>) -> Option<Vec<Algorithm>> {
    if written.value.0.is_empty() {
        let help = "delete the key, or write `[ES256]`";
        page.refuse("empty_list", written.spot, "no algorithm at all, so no token would fit", help);
        return None;
    }
    let algorithms: Vec<_> = written.value.0.iter().filter_map(|word| algorithm(page, word)).collect();
    (algorithms.len() == written.value.0.len()).then_some(algorithms)
}

fn algorithm(page: Page<'_>, word: &At<AlgorithmWord>) -> Option<Algorithm> {
    let text = word.value.0.as_str();
    let algorithm = Algorithm::parse(text);
    if algorithm.is_some() {
        return algorithm;
    }
    let known = || Algorithm::ALL.map(Algorithm::as_str);
    let (code, message, help) = match text.to_ascii_uppercase().as_str() {
        "NONE" => (
            "weak_algorithm",
            "`none` is no signature: anybody could write such a token".to_owned(),
            "name the algorithms that the issuer signs with, such as ES256".to_owned(),
        ),
        symmetric if symmetric.starts_with("HS") => (
            "weak_algorithm",
            format!(
                "with `{}` whoever checks tokens can make them as well, and public keys would be secrets",
                shown(text)
            ),
            "let the issuer sign with ES256, EdDSA or RS256".to_owned(),
        ),
        _ => (
            "unknown_word",
            format!("unknown algorithm `{}`", shown(text)),
            nearest(text, known()).map_or_else(
                || format!("write one of {}", listed(known(), "or")),
                |near| format!("did you mean `{near}`?"),
            ),
        ),
    };
    page.refuse(code, word.spot, message, help);
    None
}

fn subject(page: Page<'_>, name: &At<Text>, written: &file::Issuer, no_claims: bool) -> Option<Subject> {
    match (&written.user, &written.service) {
        (Some(claim), None) if !claim.value.0.is_empty() => Some(Subject::Claim(claim.value.0.clone())),
        (None, Some(service)) => {
            if no_claims {
                page.refuse(
                    "missing_key",
                    service.spot,
                    format!(
                        "every token of this issuer would be `{}`, whoever it was made for",
                        shown(&service.value.0)
                    ),
                    "add `claims:` that only the service's own tokens have, such as `claims: { sub: ci-bot }`",
                );
                return None;
            }
            scalars::name(page, "the service", &service.value.0, service.spot, UserName::parse).map(Subject::Service)
        }
        (Some(_), Some(service)) => {
            page.refuse(
                "one_of_two",
                service.spot,
                "a token is somebody's by `user`, or it is a `service`'s; not both",
                "delete one of them",
            );
            None
        }
        (Some(_), None) | (None, None) => {
            page.refuse(
                "missing_key",
                written.user.as_ref().map_or(name.spot, |claim| claim.spot),
                format!("nobody would know whose the tokens of `{}` are", shown(&name.value.0)),
                "add `user: preferred_username`, the claim that holds a user name of ours; or `service:` with the name of one",
            );
            None
        }
    }
}

fn apps(page: Page<'_>, gateway: &Gateway, written: &At<OneOrMany<Text>>) -> Option<Vec<AppName>> {
    let known = gateway.apps.iter().flat_map(|apps| &apps.value.0).map(|(name, _)| name.value.0.trim());
    let known: Vec<_> = known.collect();
    texts(page, written, "apps", "write the apps that its tokens open")?;
    let apps = written.value.0.iter().filter_map(|word| {
        let app = scalars::name(page, "the app", &word.value.0, word.spot, AppName::parse)?;
        if known.iter().any(|name| AppName::parse(name).is_ok_and(|name| name == app)) {
            return Some(app);
        }
        let help = nearest(app.as_str(), known.iter().copied())
            .map_or_else(|| "write the name of one under `apps:`".to_owned(), |near| format!("did you mean `{near}`?"));
        page.refuse("unknown_app", word.spot, format!("there is no app `{app}`"), help);
        None
    });
    let apps: Vec<_> = apps.collect();
    (apps.len() == written.value.0.len()).then_some(apps)
}

/// What issuers sign with.
pub(in crate::config) const DEFAULT: [Algorithm; 5] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256];
/// RFC 8693 §4.2, RFC 9068 §2.2.3.
pub(in crate::config) const SCOPE: &str = "scope";
/// Instead of a claim: whatever the person may do.
const EVERYTHING: &str = "everything";
