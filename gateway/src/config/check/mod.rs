//! What do the settings mean together? Every fault is written down; nothing is in force unless there is none.
//!
//! A file whose form is wrong is left out here, and what it would have named is not missed: one fault, one message.

pub(super) mod addresses;
mod apps;
mod cases;
mod couriers;
mod gateway;
pub(super) mod issuers;
mod levels;
mod offered;
mod passwords;
mod scalars;
mod telephones;
mod traffic;

pub(super) use gateway::default_workers;
pub(super) use passwords::NEVER;
pub(super) use scalars::time_span;

use std::cell::RefCell;
use std::path::Path;

use access::policy::{Organization, Rules};
use access::{Policy, Timestamp};

use super::Settings;
use super::fault::{Page, Report};
use super::file::PolicyFile;
use super::read::Files;

/// A configuration without faults.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) settings: Settings,
    /// How many cases were run.
    pub(super) cases: usize,
}

/// A policy file and the page for its faults.
type PolicyPage<'a> = (Page<'a>, &'a PolicyFile);

/// Checks everything and runs the cases. `None`: the report says why.
pub(super) fn check(files: &Files, dir: &Path, now: Timestamp, report: &RefCell<Report>) -> Option<Checked> {
    let settings = check_without_cases(files, dir, report)?;
    let cases = cases::run(&sound_policies(files, report), &settings.policy, now);
    report.borrow().is_clean().then_some(Checked { settings, cases })
}

/// Checks everything but the cases' outcome. `None`: the report says why.
pub(super) fn check_without_cases(files: &Files, dir: &Path, report: &RefCell<Report>) -> Option<Settings> {
    let policies = sound_policies(files, report);
    let networks = addresses::gather(&policies, files.policies_sound);
    let levels = levels::gather(&policies, &networks);
    let written = &files.gateway;
    let page = Page { source: &written.source, report };
    let gateway = written.sound.then(|| gateway::check(page, &written.content, dir, &networks));
    let couriers = if written.sound { couriers::check(page, &written.content, dir) } else { Default::default() };
    let issuers = if written.sound { issuers::check(page, &written.content, dir) } else { Default::default() };
    let passwords = written.sound.then(|| passwords::check(page, &written.content, dir));
    let apps = written.sound.then(|| apps::check(page, &written.content, dir, &networks));
    if written.sound && files.policies_sound {
        cases::check_names(&policies, &written.content);
    }
    if !report.borrow().is_clean() {
        return None;
    }
    let (gateway, passwords, apps) = (gateway??, passwords??, apps??);
    offered::check(&policies, page, &written.content, &gateway.methods);
    let place = levels.place.unwrap_or_else(|| page.place(written.content.policies.spot));
    let organization = Organization {
        allow_from: levels.allow_from,
        blocked: levels.blocked,
        two_step: gateway.two_step,
        session: gateway.session,
        place,
    };
    let rules =
        Rules { organization, roles: levels.roles, groups: levels.groups, users: levels.users, apps: apps.rules };
    let policy = Policy::new(rules);
    if policy.perimeter().is_empty() {
        page.warn(
            "nobody_can_enter",
            written.content.policies.spot,
            "no policy file lists an address from where anybody could come, so everybody is refused",
            "write `organization: { allow_from: [203.0.113.0/24] }` with your own addresses",
        );
    }
    Some(Settings {
        organization: gateway.organization,
        portal: gateway.portal,
        listen: gateway.listen,
        proxy_protocol: gateway.proxy_protocol,
        limits: gateway.limits,
        certificates: gateway.certificates,
        client_ca: gateway.client_ca,
        trusted_proxies: gateway.trusted_proxies,
        store: gateway.store,
        store_key: gateway.store_key,
        couriers,
        issuers,
        apps: apps.by_host,
        networks: networks.by_name,
        methods: gateway.methods,
        passwords,
        security_questions: gateway.security_questions,
        policy,
    })
}

fn sound_policies<'a>(files: &'a Files, report: &'a RefCell<Report>) -> Vec<PolicyPage<'a>> {
    let page = |source| Page { source, report };
    files.policies.iter().filter(|file| file.sound).map(|file| (page(&file.source), &file.content)).collect()
}
