//! What holds for everybody, for a role, for a group, for one person.

use std::collections::HashMap;
use std::hash::Hash;

use access::identity::{GroupName, NameError, RoleName, UserName};
use access::policy::{Level, Listed, Place};

use super::addresses::{self, For, Networks, is_taken};
use super::{PolicyPage, scalars};
use crate::config::fault::{Page, Spot};
use crate::config::file;
use crate::config::written::{At, Named};

/// The levels of all policy files.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// Of the organization.
    pub(super) allow_from: Option<Listed>,
    /// Of the organization.
    pub(super) blocked: Option<Listed>,
    /// Of the organization; `None`: no file speaks of it.
    pub(super) place: Option<Place>,
    pub(super) roles: HashMap<RoleName, Level>,
    pub(super) groups: HashMap<GroupName, Level>,
    pub(super) users: HashMap<UserName, Level>,
}

/// Reads the levels of all files.
pub(super) fn gather(policies: &[PolicyPage<'_>], networks: &Networks) -> Levels {
    let mut levels = Levels::default();
    for (page, policy) in policies {
        if let Some(everybody) = &policy.organization {
            organization(*page, everybody, networks, &mut levels);
        }
    }
    levels.roles = of_kind(policies, networks, "role", |policy| policy.roles.as_ref(), RoleName::parse);
    levels.groups = of_kind(policies, networks, "group", |policy| policy.groups.as_ref(), GroupName::parse);
    levels.users = of_kind(policies, networks, "user", |policy| policy.users.as_ref(), UserName::parse);
    levels
}

fn organization(page: Page<'_>, written: &At<file::Everybody>, networks: &Networks, levels: &mut Levels) {
    if let Some(Place { file, line }) = &levels.place {
        page.refuse(
            "duplicate_name",
            written.spot,
            format!("`organization` is already defined at {file}:{line}"),
            "bring both together in one file",
        );
        return;
    }
    let At { value: file::Everybody { allow_from, blocked }, spot } = written;
    let list = |written, use_| addresses::list(page, networks, written, use_);
    levels.allow_from = allow_from.as_ref().and_then(|written| list(written, For::AllowFrom));
    levels.blocked = blocked.as_ref().and_then(|written| list(written, For::Blocked));
    levels.place = Some(page.place(*spot));
}

fn of_kind<N: Hash + Eq + Clone + std::fmt::Display>(
    policies: &[PolicyPage<'_>],
    networks: &Networks,
    what: &str,
    pick: fn(&file::PolicyFile) -> Option<&At<Named<file::Level>>>,
    parse: fn(&str) -> Result<N, NameError>,
) -> HashMap<N, Level> {
    let mut levels = HashMap::new();
    let mut places = HashMap::new();
    for (page, policy) in policies {
        for (name, written) in pick(policy).iter().flat_map(|named| &named.value.0) {
            let level = level(*page, name.spot, &written.value, networks);
            let parsed = scalars::name(*page, &format!("the {what}"), &name.value.0, name.spot, parse);
            if let Some(parsed) = parsed.filter(|parsed| !is_taken(*page, what, parsed, name.spot, &mut places)) {
                levels.insert(parsed, level);
            }
        }
    }
    levels
}

fn level(page: Page<'_>, name: Spot, written: &file::Level, networks: &Networks) -> Level {
    let list = |written, use_| addresses::list(page, networks, written, use_);
    Level {
        allow_from: written.allow_from.as_ref().and_then(|written| list(written, For::AllowFrom)),
        only_from: written.only_from.as_ref().and_then(|written| list(written, For::OnlyFrom)),
        two_step: written.two_step.is_some(),
        second_step: written.second_step.as_ref().and_then(|written| scalars::methods(page, written)),
        place: page.place(name),
    }
}
