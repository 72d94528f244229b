//! What do the files say? The rules, checked and ready for the walk.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Methods;
use crate::identity::{AppName, GroupName, RoleName, Scope, UserName};
use crate::network::AddressSet;
use crate::target::{PathPattern, UnusualPaths};

/// Everything the files say, checked and ready.
#[derive(Clone, Debug)]
pub struct Rules {
    /// For everybody.
    pub organization: Organization,
    /// By role.
    pub roles: HashMap<RoleName, Level>,
    /// By group.
    pub groups: HashMap<GroupName, Level>,
    /// By person.
    pub users: HashMap<UserName, Level>,
    /// By app.
    pub apps: HashMap<AppName, App>,
}

/// Must everybody have a second step?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TwoStep {
    /// Everybody, everywhere.
    Required,
    /// Who has one uses it; roles, groups and apps may demand it.
    Optional,
}

/// How long a session lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    /// Without any request.
    pub idle: Duration,
    /// In all, from the sign-in.
    pub absolute: Duration,
}

/// What holds for everybody.
#[derive(Clone, Debug)]
pub struct Organization {
    /// From where everybody may come; `None`: from nowhere, unless listed elsewhere.
    pub allow_from: Option<Listed>,
    /// From where nobody may come, whatever else is listed.
    pub blocked: Option<Listed>,
    /// Must everybody have a second step?
    pub two_step: TwoStep,
    /// How long a session lives.
    pub session: SessionLimits,
    /// Where it stands.
    pub place: Place,
}

/// What holds for a role, a group or one person.
#[derive(Clone, Debug)]
pub struct Level {
    /// More addresses they may come from.
    pub allow_from: Option<Listed>,
    /// They may come from nowhere else.
    pub only_from: Option<Listed>,
    /// Must they have a second step?
    pub two_step: bool,
    /// Only these methods count for them.
    pub second_step: Option<Methods>,
    /// Where it stands.
    pub place: Place,
}

/// What a rule of an app allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// Anybody, without signing in.
    Public,
    /// Anybody who signed in.
    Everyone,
    /// One person.
    User(UserName),
    /// Who has a role.
    Role(RoleName),
    /// Who is in a group.
    Group(GroupName),
    /// A bearer token with this scope.
    Token(Scope),
}

/// Who may use some paths of an app, and how.
#[derive(Clone, Debug)]
pub struct PathRule {
    /// Which paths.
    pub pattern: PathPattern,
    /// Any one of these suffices.
    pub allow: Vec<Allowed>,
    /// Only these methods, upper case; `None`: all.
    pub methods: Option<Vec<Box<str>>>,
    /// Only from there.
    pub only_from: Option<Listed>,
    /// Only these second steps count.
    pub second_step: Option<Methods>,
    /// The last proof must not be older.
    pub fresh: Option<Duration>,
    /// Where it stands.
    pub place: Place,
}

/// An app's rules. The app's own `allow:` is the last of `paths`, with the pattern `/*`.
#[derive(Clone, Debug)]
pub struct App {
    /// Only from there, whoever it is.
    pub only_from: Option<Listed>,
    /// Where it is written that the connection needs a client's certificate, if it does: also for what is public.
    pub client_certificate: Option<Place>,
    /// Does it take app passwords, by HTTP Basic?
    pub takes_app_passwords: bool,
    /// Is a second step demanded?
    pub two_step: bool,
    /// Only these second steps count.
    pub second_step: Option<Methods>,
    /// The last proof must not be older.
    pub fresh: Option<Duration>,
    /// First match wins.
    pub paths: Vec<PathRule>,
    /// What paths may contain although programs read it differently; every reading must select the same rule.
    pub paths_may_contain: UnusualPaths,
    /// Where it stands.
    pub place: Place,
}

/// Where a rule stands: shown to administrators, never to the refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// As it was found, relative to the configuration folder.
    pub file: Arc<str>,
    /// Counted from one.
    pub line: u32,
}

/// A list of addresses as it stands in a file.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The addresses.
    pub set: Arc<AddressSet>,
    /// As written, for explanations: `office, vpn` or `anywhere`.
    pub names: Arc<str>,
    /// Where.
    pub place: Place,
}

impl Organization {
    pub(super) fn less_blocked(&self, addresses: AddressSet) -> AddressSet {
        match &self.blocked {
            Some(blocked) => addresses.difference(&blocked.set),
            None => addresses,
        }
    }
}

/// As it is written in a file: `group sales`.
impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Everyone => f.write_str("everyone"),
            Self::User(name) => write!(f, "user {name}"),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Token(scope) => write!(f, "token {scope}"),
        }
    }
}

/// Whose rule is it?
#[derive(Clone, Copy)]
pub(super) enum Holder<'a> {
    Organization,
    Role(&'a RoleName),
    Group(&'a GroupName),
    User(&'a UserName),
}

impl std::fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Organization => f.write_str("organization"),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::User(name) => write!(f, "user {name}"),
        }
    }
}
