//! The rules as they are in force, and the one function that says yes.
//!
//! `decide` walks, in this order, and the first no ends the walk (DESIGN: "The rules, each in one sentence"):
//!
//! 1. *Perimeter.* A blocked address, or one from which nobody at all could enter, is refused before anybody is asked
//!    anything (N1, N11). An app's or path rule's `only_from` belongs here too: it speaks of no person.
//! 2. *Goal.* The sign-in pages need no more than the perimeter. For an app the first path rule that matches counts; a
//!    `public` rule admits anonymously, if its methods allow. Everybody without a proof is asked to sign in, whether or
//!    not a rule would match, so that rules don't tell what exists.
//! 3. *Proof.* A session must be alive (idle, absolute, generations, owner active); a token alive, for this app.
//! 4. *Second step* (sessions only), where the organization, a role, a group, the person, the app or the path demands it
//!    or names methods; then `fresh`.
//! 5. *Address.* Listed for the organization, a role, a group or the person; and inside every `only_from` that applies.
//! 6. *Rule.* Someone the rule allows; a method it allows. No rule, no entry (Z1).
//!
//! Tokens carry no second step: they enter where a rule names one of their scopes, or, if they have no scopes, where
//! their owner may enter and the app and path ask neither for methods nor for freshness.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::{AppName, GroupName, RoleName, Scope, UserId, UserName};
use crate::network::AddressSet;
use crate::target::{CanonicalPath, PathPattern};
use crate::{ClientAddr, Timestamp};

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

/// One way of proving who one is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Method {
    /// What one knows. The first step, never the second.
    Password = 1,
    /// A code of an authenticator app.
    Totp = 2,
    /// One of the ten codes saved at set-up. A second step, but none that a rule naming methods accepts.
    Recovery = 4,
    /// A security key or passkey.
    Passkey = 8,
    /// A code by SMS.
    Sms = 16,
    /// A code by voice call.
    Voice = 32,
    /// A code by e-mail. Never accepted by a rule that names methods.
    Email = 64,
}

/// A set of [`Method`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Methods(u8);

impl Methods {
    /// None.
    pub const NONE: Self = Self(0);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | method as u8)
    }

    /// Is the method in the set?
    pub const fn has(self, method: Method) -> bool {
        self.0 & method as u8 != 0
    }

    /// What lies in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// For the store.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From the store.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Is any second step among them?
    pub const fn has_second_step(self) -> bool {
        self.0 & !(Method::Password as u8) != 0
    }
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
    /// Is a second step demanded?
    pub two_step: bool,
    /// Only these second steps count.
    pub second_step: Option<Methods>,
    /// The last proof must not be older.
    pub fresh: Option<Duration>,
    /// First match wins.
    pub paths: Vec<PathRule>,
    /// Where it stands.
    pub place: Place,
}

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

/// The rules in force, with what can be known beforehand. Immutable.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Rules,
    perimeter: AddressSet,
}

/// A person as far as rules care.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// For good.
    pub id: UserId,
    /// What they are called.
    pub name: UserName,
    /// Their roles.
    pub roles: Vec<RoleName>,
    /// Their groups.
    pub groups: Vec<GroupName>,
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
    /// What it may do; none: what its owner may.
    pub scopes: Vec<Scope>,
    /// Only from there.
    pub only_from: Option<Listed>,
    /// Dead from then on.
    pub expires: Timestamp,
    /// As they were when it was made. Signing a person out everywhere leaves tokens alone (D2): `person` is not compared.
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

/// Everything known about one request before deciding.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// From where.
    pub address: ClientAddr,
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

/// A yes. Only [`decide`] makes one; it can be neither copied nor made up.
#[derive(Debug)]
#[must_use]
pub struct Grant {
    person: Option<UserId>,
    rule: Place,
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
    /// No rule of the app admits this person or token here.
    NotAllowed,
    /// The rule does not allow this method.
    MethodNotAllowed,
    /// The token is past its date.
    TokenExpired,
    /// The token's owner is disabled, or the token is of another generation.
    TokenRevoked,
    /// The token does not open this app.
    TokenNotForApp,
}

impl Reason {
    /// All of them, for tests and documents.
    pub const ALL: [Self; 6] = [
        Self::AddressNotAllowed,
        Self::NotAllowed,
        Self::MethodNotAllowed,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::TokenNotForApp,
    ];

    /// The word in problem documents, logs and metrics: `address_not_allowed`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AddressNotAllowed => "address_not_allowed",
            Self::NotAllowed => "not_allowed",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::TokenNotForApp => "token_not_for_app",
        }
    }
}

impl Policy {
    /// Prepares the rules: the perimeter is everything anybody could enter from, less what is blocked.
    pub fn new(_rules: Rules) -> Self {
        unimplemented!()
    }

    /// The rules as given.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Every address from which anybody at all could enter.
    pub const fn perimeter(&self) -> &AddressSet {
        &self.perimeter
    }

    /// From where this person could enter the portal: listed for them, inside every `only_from`, not blocked.
    pub fn reach(&self, _person: &Person) -> AddressSet {
        unimplemented!()
    }

    /// What this person must show as a second step before anything opens: `None` if nothing demands one; else the
    /// methods that count (all second steps, or those that roles, groups and the person's own rule leave).
    pub fn second_step(&self, _person: &Person) -> Option<Methods> {
        unimplemented!()
    }
}

/// May this be let in? Pure; allocates nothing but a shared pointer to the rule's place.
pub fn decide(_policy: &Policy, _attempt: &Attempt<'_>, _now: Timestamp) -> Decision {
    unimplemented!()
}

/// The same walk as [`decide`], told step by step. Both run the same code; a property test holds them together.
pub fn explain(_policy: &Policy, _attempt: &Attempt<'_>, _now: Timestamp) -> Walk {
    unimplemented!()
}

/// A decision and how it came about (Z4).
#[derive(Debug)]
pub struct Walk {
    /// In order; what was not reached is there as [`Mark::NotReached`].
    pub steps: Vec<WalkStep>,
    /// The end of it.
    pub decision: Decision,
}

/// One rule that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalkStep {
    /// Which: `perimeter`, `app`, `session`, `token`, `second step`, `address`, `role admin`, `path rule`…
    pub name: String,
    /// How it went.
    pub mark: Mark,
    /// A sentence for an administrator: `10.8.3.4 is not in office`.
    pub text: String,
    /// Where the rule stands.
    pub place: Option<Place>,
}

/// How one rule went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It lets through.
    Pass,
    /// It ended the walk.
    Fail,
    /// The walk ended before.
    NotReached,
}

#[allow(dead_code, reason = "until the walk is written")]
fn used(path: &CanonicalPath<'_>, grant: Grant) -> (Grant, bool) {
    (Grant { person: grant.person, rule: grant.rule }, path.as_str().is_empty())
}
