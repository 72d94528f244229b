//! Apps: where they are, where their traffic goes, who may use which paths.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use access::identity::{AppName, GroupName, RoleName, Scope, UserName};
use access::policy::{Allowed, App, PathRule, Place};
use access::target::{HostName, PathPattern};

use super::addresses::{self, For, Networks, is_taken};
use super::{scalars, traffic};
use crate::config::fault::{Page, Spot, nearest, shown};
use crate::config::file::{self, Gateway};
use crate::config::words::{AllowText, HostText, HttpMethod, MethodWord, PathText, SyncWord, TimeSpan};
use crate::config::written::{At, OneOrMany};
use crate::config::{AppSettings, ClientCertificate, InStep, PublicUrl};

/// All apps, for the data plane and for the rules.
#[derive(Debug, Default)]
pub(super) struct Ready {
    pub(super) by_host: HashMap<HostName, Arc<AppSettings>>,
    pub(super) rules: HashMap<AppName, App>,
}

/// `None`: the page says why.
pub(super) fn check(page: Page<'_>, gateway: &Gateway, dir: &Path, networks: &Networks) -> Option<Ready> {
    // Its faults were told already; an app's origin needs it.
    let portal = quietly(page, |page| super::gateway::portal(page, &gateway.portal));
    let mut ready = Ready::default();
    let mut names = HashMap::new();
    let mut hosts: HashMap<HostName, (AppName, u32)> = HashMap::new();
    for (name, app) in gateway.apps.iter().flat_map(|apps| &apps.value.0) {
        let parsed = scalars::name(page, "the app", &name.value.0, name.spot, AppName::parse);
        let parsed = parsed.filter(|parsed| !is_taken(page, "app", parsed, name.spot, &mut names));
        let rules = rules(page, name.spot, &app.value, networks);
        let host = host(page, &app.value.host, portal.as_ref());
        warn_of_unused_limits(page, &app.value, &rules);
        warn_of_unused_basic(page, &app.value);
        let upstreams = traffic::upstreams(page, &app.value, dir);
        let health = app.value.health.as_ref().map(|written| traffic::health(page, written));
        let timeouts = traffic::timeouts(page, app.value.timeouts.as_ref());
        let limits = traffic::limits(page, app.value.limits.as_ref());
        let paths_may_contain = rules.paths_may_contain;
        let client_certificate = client_certificate(page, gateway, &app.value);
        let (Some(parsed), Some(host)) = (parsed, host) else { continue };
        if let Some((other, line)) = hosts.get(&host) {
            page.refuse(
                "same_host_twice",
                app.value.host.spot,
                format!("{host} belongs to the app `{other}` already, on line {line}"),
                "give each app a host of its own",
            );
        }
        hosts.insert(host.clone(), (parsed.clone(), app.value.host.spot.line));
        ready.rules.insert(parsed.clone(), rules);
        if let (Some(upstreams), Some(timeouts), Some(portal)) = (upstreams, timeouts, &portal) {
            let settings = AppSettings {
                title: app.value.title.as_ref().map_or_else(|| parsed.to_string(), |title| title.value.0.clone()),
                name: parsed,
                host: host.clone(),
                origin: portal.sibling(&host),
                upstreams,
                balance: traffic::balance(app.value.balance.as_ref()),
                health: health.flatten(),
                timeouts,
                client_certificate,
                limits,
                paths_may_contain,
                takes_app_passwords: app.value.basic.is_some(),
                syncs: syncs(page, &app.value),
                pass_authorization: app.value.pass_authorization.as_ref().is_some_and(|pass| pass.value),
            };
            ready.by_host.insert(host, Arc::new(settings));
        }
    }
    portal.map(|_| ready)
}

fn host(page: Page<'_>, written: &At<HostText>, portal: Option<&PublicUrl>) -> Option<HostName> {
    let host = scalars::host(page, &written.value.0, written.spot)?;
    let portal = portal?;
    if host == *portal.host() {
        page.refuse(
            "host_is_portal",
            written.spot,
            format!("{host} is the portal's host"),
            "give the app a host of its own; cookies of the portal must not reach it",
        );
    } else if !portal.secure() && !scalars::is_localhost(&host) {
        page.refuse(
            "plain_http_portal",
            written.spot,
            format!("the portal is plain http, so {host} would be too"),
            "write https in `portal`; plain http is for localhost and *.localhost",
        );
    }
    Some(host)
}

/// A client can only show a certificate where there is TLS, and where somebody is believed to sign them.
fn client_certificate(page: Page<'_>, gateway: &Gateway, app: &file::App) -> ClientCertificate {
    let Some(written) = &app.client_certificate else { return ClientCertificate::NotAsked };
    let client_ca = gateway.tls.as_ref().and_then(|tls| tls.value.client_ca.as_ref());
    let (message, help) = if client_ca.is_none() {
        (
            "a client's certificate is demanded, and no CA is named that could have signed one",
            "add `tls: { client_ca: tls/clients.pem }`",
        )
    } else if gateway.listen.value.https.is_none() {
        (
            "a client's certificate is demanded, and without https none can be shown",
            "add `listen: { https: \"0.0.0.0:443\" }`",
        )
    } else {
        return ClientCertificate::Required;
    };
    page.refuse("client_certificate_without_ca", written.spot, message, help);
    ClientCertificate::Required
}

/// Who is asked for nothing is no person, and shows no token.
fn warn_of_unused_limits(page: Page<'_>, app: &file::App, rules: &App) {
    let limits = app.limits.as_ref().map(|limits| &limits.value);
    let asks_nobody = rules.paths.iter().all(|rule| rule.allow == [Allowed::Public]);
    let written = [
        ("person", limits.and_then(|limits| limits.person.as_ref())),
        ("token", limits.and_then(|limits| limits.token.as_ref())),
    ];
    for (key, spot) in written.into_iter().filter_map(|(key, limit)| Some((key, limit?.spot))).filter(|_| asks_nobody) {
        page.warn(
            "unused_limit",
            spot,
            format!("`{key}` counts those who signed in, and this app asks nobody: it is public"),
            "write `address`, or delete it",
        );
    }
}

/// Telephones show nothing but an app password.
fn syncs(page: Page<'_>, app: &file::App) -> Vec<InStep> {
    let Some(written) = &app.syncs else { return Vec::new() };
    if app.basic.is_none() {
        page.refuse(
            "syncs_without_basic",
            written.spot,
            "telephones keep in step by app password, and this app takes none",
            "add `basic: app_passwords`",
        );
    }
    let mut syncs = Vec::new();
    for word in &written.value.0 {
        let sync = match word.value {
            SyncWord::Caldav => InStep::Caldav,
            SyncWord::Carddav => InStep::Carddav,
            SyncWord::Activesync => InStep::ActiveSync,
        };
        if !syncs.contains(&sync) {
            syncs.push(sync);
        }
    }
    syncs
}

/// An app password is neither a second step nor a fresh proof.
fn warn_of_unused_basic(page: Page<'_>, app: &file::App) {
    let asks_for_more = [("second_step", app.second_step.is_some()), ("fresh", app.fresh.is_some())];
    if let (Some(basic), Some((key, _))) = (&app.basic, asks_for_more.into_iter().find(|(_, is_written)| *is_written)) {
        page.warn(
            "unused_basic",
            basic.spot,
            format!("no app password ever opens this app: `{key}` asks for what a program can't show"),
            format!("delete `{key}`, write it for some of the `paths`, or delete `basic`"),
        );
    }
}

fn rules(page: Page<'_>, name: Spot, app: &file::App, networks: &Networks) -> App {
    let mut paths: Vec<(PathRule, Spot)> = Vec::new();
    for At { value: entry, spot } in app.paths.iter().flat_map(|paths| &paths.value) {
        let allow = allow(page, &entry.allow);
        forbid_proof_on_public(page, &allow, &entry.second_step, &entry.fresh);
        let methods = entry.methods.as_ref().and_then(|written| http_methods(page, written));
        let only_from = entry.only_from.as_ref().and_then(|list| addresses::list(page, networks, list, For::OnlyFrom));
        let second_step = entry.second_step.as_ref().and_then(|written| scalars::methods(page, written));
        let fresh = entry.fresh.as_ref().and_then(|written| scalars::time_span(page, written));
        let Some(pattern) = pattern(page, &entry.path) else { continue };
        let place = page.place(*spot);
        paths.push((PathRule { pattern, allow, methods, only_from, second_step, fresh, place }, entry.path.spot));
    }
    match &app.allow {
        Some(written) => {
            let allow = allow(page, written);
            forbid_proof_on_public(page, &allow, &app.second_step, &app.fresh);
            let place = page.place(written.spot);
            paths.push((everything(allow, place), written.spot));
        }
        None if app.paths.as_ref().is_none_or(|paths| paths.value.is_empty()) => page.refuse(
            "missing_key",
            name,
            "nobody may use this app: it has neither `allow` nor `paths`",
            "add `allow: [group sales]`, or `allow: everyone` for all who signed in",
        ),
        None => (),
    }
    warn_of_unreachable(page, &paths);
    App {
        only_from: app.only_from.as_ref().and_then(|list| addresses::list(page, networks, list, For::OnlyFrom)),
        client_certificate: app.client_certificate.as_ref().map(|written| page.place(written.spot)),
        takes_app_passwords: app.basic.is_some(),
        two_step: app.two_step.is_some(),
        second_step: app.second_step.as_ref().and_then(|written| scalars::methods(page, written)),
        fresh: app.fresh.as_ref().and_then(|written| scalars::time_span(page, written)),
        paths: paths.into_iter().map(|(rule, _)| rule).collect(),
        paths_may_contain: traffic::paths_may_contain(page, app.paths_may_contain.as_ref()),
        place: page.place(name),
    }
}

fn everything(allow: Vec<Allowed>, place: Place) -> PathRule {
    let pattern = PathPattern::Below("/".into());
    PathRule { pattern, allow, methods: None, only_from: None, second_step: None, fresh: None, place }
}

fn allow(page: Page<'_>, written: &At<OneOrMany<AllowText>>) -> Vec<Allowed> {
    let entries = &written.value.0;
    if entries.is_empty() {
        page.refuse(
            "empty_list",
            written.spot,
            "the list is empty, so nobody could enter",
            "delete the key, or allow someone: `allow: [group sales]`",
        );
    }
    let allowed: Vec<_> = entries.iter().filter_map(|entry| one_allowed(page, entry)).collect();
    if allowed.contains(&Allowed::Public) && entries.len() > 1 {
        page.refuse(
            "public_not_alone",
            written.spot,
            "`public` stands beside others, which then mean nothing: anybody may enter, without signing in",
            "write `allow: public` alone, or delete `public`",
        );
    }
    allowed
}

fn one_allowed(page: Page<'_>, entry: &At<AllowText>) -> Option<Allowed> {
    let text = entry.value.0.as_str();
    let (kind, name) = text.split_once(' ').map_or((text, ""), |(kind, name)| (kind, name.trim()));
    let spot = entry.spot;
    match (kind, name) {
        ("public", "") => Some(Allowed::Public),
        ("everyone", "") => Some(Allowed::Everyone),
        ("user", name) if !name.is_empty() => {
            scalars::name(page, "the user", name, spot, UserName::parse).map(Allowed::User)
        }
        ("role", name) if !name.is_empty() => {
            scalars::name(page, "the role", name, spot, RoleName::parse).map(Allowed::Role)
        }
        ("group", name) if !name.is_empty() => {
            scalars::name(page, "the group", name, spot, GroupName::parse).map(Allowed::Group)
        }
        ("token", name) if !name.is_empty() => {
            scalars::name(page, "the scope", name, spot, Scope::parse).map(Allowed::Token)
        }
        _ => {
            let help = match (nearest(kind, ALLOW_WORDS), name) {
                (Some(near @ ("public" | "everyone")), "") => format!("did you mean `{near}`?"),
                (Some(near), _) if near == kind => format!("write a name behind it: `{kind} …`"),
                (Some(near), name) if !name.is_empty() => format!("did you mean `{near} {}`?", shown(name)),
                _ => format!(
                    "write `user {0}`, `group {0}` or `role {0}`; or `token …` with a scope, `everyone`, `public`",
                    shown(text)
                ),
            };
            page.refuse("unknown_word", spot, format!("`{}` says not whom to allow", shown(text)), help);
            None
        }
    }
}

/// A public rule asks nobody for anything; a proof beside it would be a wish.
fn forbid_proof_on_public(
    page: Page<'_>,
    allow: &[Allowed],
    second_step: &Option<At<OneOrMany<MethodWord>>>,
    fresh: &Option<At<TimeSpan>>,
) {
    let spots = [second_step.as_ref().map(|at| ("second_step", at.spot)), fresh.as_ref().map(|at| ("fresh", at.spot))];
    for (key, spot) in spots.into_iter().flatten().filter(|_| allow.contains(&Allowed::Public)) {
        page.refuse(
            "public_with_proof",
            spot,
            format!("`{key}` asks for a proof, and `allow: public` asks nobody for anything"),
            "delete the one that is not meant",
        );
    }
}

fn http_methods(page: Page<'_>, written: &At<OneOrMany<HttpMethod>>) -> Option<Vec<Box<str>>> {
    if written.value.0.is_empty() {
        page.refuse(
            "empty_list",
            written.spot,
            "the list is empty, so no request could pass",
            "delete the key for all methods, or write some: [GET, HEAD]",
        );
    }
    Some(written.value.0.iter().filter_map(|word| scalars::http_method(page, word)).collect())
}

fn pattern(page: Page<'_>, written: &At<PathText>) -> Option<PathPattern> {
    let text = &written.value.0;
    PathPattern::parse(text)
        .map_err(|error| {
            let help = if text.contains('*') {
                "`*` stands alone behind the last slash: /api/*".to_owned()
            } else if !text.starts_with('/') {
                format!("begin it with a slash: /{}", shown(text))
            } else {
                "write the path as it stands in the address bar, without a query: /status or /api/*".to_owned()
            };
            page.refuse("bad_path", written.spot, format!("`{}` is no path: {error}", shown(text)), help);
        })
        .ok()
}

fn warn_of_unreachable(page: Page<'_>, paths: &[(PathRule, Spot)]) {
    for (index, (rule, spot)) in paths.iter().enumerate() {
        let hides = paths[..index].iter().find(|(earlier, _)| covers(&earlier.pattern, &rule.pattern));
        if let Some((earlier, _)) = hides {
            page.warn(
                "unreachable_rule",
                *spot,
                format!("this rule is never reached: `{}` on line {} comes first", earlier.pattern, earlier.place.line),
                "the first rule that matches counts; put the narrower one before the wider one",
            );
        }
    }
}

fn covers(wide: &PathPattern, narrow: &PathPattern) -> bool {
    match (wide, narrow) {
        (PathPattern::Exact(wide), PathPattern::Exact(narrow)) => wide == narrow,
        (PathPattern::Exact(_), PathPattern::Below(_)) => false,
        (PathPattern::Below(wide), PathPattern::Exact(narrow) | PathPattern::Below(narrow)) => {
            narrow.starts_with(&**wide)
        }
    }
}

fn quietly<'a, T>(page: Page<'a>, ask: impl FnOnce(Page<'_>) -> T) -> T {
    ask(Page { source: page.source, report: &std::cell::RefCell::default() })
}

const ALLOW_WORDS: [&str; 6] = ["user", "role", "group", "token", "everyone", "public"];
