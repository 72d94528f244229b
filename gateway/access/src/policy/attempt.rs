//! What is known about one request before deciding, and what can be the answer?

use std::sync::Arc;

use super::{Listed, Methods, Place};
use crate::identity::{AppName, GroupName, RoleName, Scope, UserId, UserName};
use crate::protocol::Protocols;
use crate::target::CanonicalPath;
use crate::{ClientAddr, Timestamp};

/// A person as far as rules care. Many have the same roles and groups: whoever keeps many people can keep those once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// For good.
    pub id: UserId,
    /// What they are called.
    pub name: UserName,
    /// Their roles.
    pub roles: Arc<[RoleName]>,
    /// Their groups.
    pub groups: Arc<[GroupName]>,
    /// May they sign in at all?
    pub standing: Standing,
}

/// May a person sign in at all?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Yes.
    Active,
    /// Not until an administrator says so.
    Disabled,
}

/// Counters that end everything older than they are: "sign out everywhere" is one increment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Generations {
    /// Of the person.
    pub person: u32,
    /// Of the organization.
    pub organization: u32,
    /// Of the store: another after a restored backup.
    pub store: u64,
}

/// What a session is worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionFacts {
    /// What was shown.
    pub factors: Methods,
    /// When the session was opened.
    pub opened: Timestamp,
    /// When something was last proved in it.
    pub proved: Timestamp,
    /// When it was last used.
    pub used: Timestamp,
    /// As they were when it was opened.
    pub generations: Generations,
}

/// What a bearer token is worth.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// The apps it opens; none opens nothing.
    pub apps: Vec<AppName>,
    /// What it may do; if there are none, `unscoped` says it.
    pub scopes: Vec<Scope>,
    /// What it may do without any scope.
    pub unscoped: Unscoped,
    /// Only from there.
    pub only_from: Option<Listed>,
    /// Dead from then on.
    pub expires: Timestamp,
    /// As they were when it was made. Signing a person out everywhere leaves tokens alone (D2): `person` is not compared.
    pub generations: Generations,
}

/// What may a token do that has no scopes?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unscoped {
    /// What its owner may: who made it wanted it so.
    Owner,
    /// Nothing: somebody else made it and gave it none.
    #[default]
    Nothing,
}

/// What an app password is worth.
#[derive(Clone, Debug)]
pub struct AppPasswordFacts {
    /// What it may be used for.
    pub protocols: Protocols,
    /// Only from there.
    pub only_from: Option<Listed>,
    /// Dead from then on; [`Timestamp::NEVER`] unless its owner wanted it otherwise (A3).
    pub expires: Timestamp,
    /// As they were when it was made. As with tokens, `person` is not compared.
    pub generations: Generations,
}

/// What was shown, and by whom. Its secret was checked by the caller.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// Nothing.
    Nobody,
    /// A session's cookie, or a native app's device token.
    Session {
        /// Whose.
        person: &'a Person,
        /// What it is worth.
        session: &'a SessionFacts,
    },
    /// A bearer token.
    Token {
        /// Whose.
        person: &'a Person,
        /// What it is worth.
        token: &'a TokenFacts,
    },
    /// An app password, by HTTP Basic.
    AppPassword {
        /// Whose.
        person: &'a Person,
        /// What it is worth.
        password: &'a AppPasswordFacts,
    },
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// The pages before and during the sign-in, `/whoami`, a hand-off.
    SignIn,
    /// The portal's own pages for people who are signed in; also asked before a session is opened.
    Portal,
    /// An app.
    App {
        /// Which.
        app: &'a AppName,
        /// The method, as sent.
        method: &'a str,
        /// The path.
        path: &'a CanonicalPath<'a>,
    },
}

/// Was the connection opened with a certificate of the client's?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Certificate {
    /// With none, or with none that could be verified.
    #[default]
    NotShown,
    /// With one whose key the client holds, by an authority whom the configuration names.
    Shown,
}

/// Everything known about one request before deciding.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// From where.
    pub address: ClientAddr,
    /// With which certificate the connection was opened.
    pub certificate: Certificate,
    /// To what.
    pub goal: Goal<'a>,
    /// With what.
    pub proof: Proof<'a>,
    /// In force now; `person` is that of the proof's person.
    pub generations: Generations,
}

/// The answer.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// Yes.
    Allow(Grant),
    /// Not yet: show something more.
    SignIn(Need),
    /// No.
    Refuse(Refusal),
}

/// A yes. Only the walk behind [`decide`](super::decide) makes one; it can be neither copied nor made up.
#[derive(Debug)]
#[must_use]
pub struct Grant {
    pub(super) person: Option<UserId>,
    pub(super) rule: Place,
}

impl Grant {
    /// Who was admitted; `None` on a public path and before the sign-in.
    pub const fn person(&self) -> Option<UserId> {
        self.person
    }

    /// The rule that admitted.
    pub const fn rule(&self) -> &Place {
        &self.rule
    }
}

/// What has to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// A sign-in: there is no session, or it is over.
    Credentials,
    /// A second step, by one of these methods.
    SecondStep(Methods),
    /// Proof once more: the last one is older than the rule allows.
    Fresh,
    /// A bearer token: only tokens may come here.
    Token,
}

/// A no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The rule that refused, for administrators.
    pub rule: Option<Place>,
}

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// N5.
    AddressNotAllowed,
    /// The app demands a client's certificate, and none was shown.
    ClientCertificateRequired,
    /// No rule of the app admits this person or token here.
    NotAllowed,
    /// The rule does not allow this method.
    MethodNotAllowed,
    /// The path can be read in several ways, and not all of them select the same rule.
    AmbiguousPath,
    /// The token is past its date.
    TokenExpired,
    /// The token's owner is disabled, or the token is of another generation.
    TokenRevoked,
    /// The token does not open this app.
    TokenNotForApp,
    /// The app password is past its date.
    AppPasswordExpired,
    /// The app password's owner is disabled, or it is of another generation.
    AppPasswordRevoked,
    /// The app takes no app passwords, or this one is for other things.
    AppPasswordNotForApp,
}

impl Reason {
    /// All of them, for tests and documents.
    pub const ALL: [Self; 11] = [
        Self::AddressNotAllowed,
        Self::ClientCertificateRequired,
        Self::NotAllowed,
        Self::MethodNotAllowed,
        Self::AmbiguousPath,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::TokenNotForApp,
        Self::AppPasswordExpired,
        Self::AppPasswordRevoked,
        Self::AppPasswordNotForApp,
    ];

    /// The word in problem documents, logs and metrics: `address_not_allowed`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AddressNotAllowed => "address_not_allowed",
            Self::ClientCertificateRequired => "client_certificate_required",
            Self::NotAllowed => "not_allowed",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::AmbiguousPath => "ambiguous_path",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::TokenNotForApp => "token_not_for_app",
            Self::AppPasswordExpired => "app_password_expired",
            Self::AppPasswordRevoked => "app_password_revoked",
            Self::AppPasswordNotForApp => "app_password_not_for_app",
        }
    }
}
