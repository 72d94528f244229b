//! What the house remembers, in its own words: people, secrets, sessions, tokens, one-time things, audit.
//!
//! Written once above [`Store`](super::Store). Each verb is one batch: the change, its audit entry and its notices happen
//! together or not at all. Secrets are sealed (XChaCha20-Poly1305, the row's table and key as associated data) or kept
//! only as keyed BLAKE3 digests; the key file lies outside the store.
//!
//! The types are here; the verbs lie by theme in `vault/`. A person's row is the lock on everything of theirs: each verb
//! that changes their secrets or opens a session writes it under a guard. A session lives as long as its row in
//! [`Table::SessionUse`](super::Table::SessionUse) and its person's generation.

mod account;
mod act;
mod app_passwords;
mod attempts;
mod budgets;
mod ceremonies;
mod codes;
mod decoy;
mod flows;
mod hand_offs;
mod hand_over;
mod house;
mod issued;
mod open;
mod outbox;
mod passkeys;
mod people;
mod places;
mod questions;
mod records;
mod resets;
mod secrets;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use access::identity::{AppName, Email, Scope, SessionId, TokenId, UserId, UserName};
use access::login::Flow;
use access::policy::{Generations, Methods, Person};
use access::secret::TypedSecret;
use access::totp::{Step, TotpSecret};
use access::{ClientAddr, Secret, Timestamp};
use tokio::sync::Notify;

use super::StoreError;
use super::seal::Keys;
use super::timed::Timed;
use crate::clock::Clock;
use crate::words::{Language, Wish};
pub use account::{Ended, Ends};
pub use app_passwords::{AppPasswordKey, AppPasswordRecord, CLIENT_LENGTH, LastUse, NewAppPassword};
pub use ceremonies::Ceremony;
pub use codes::{CODE_LIFE, CodeToSend, Sending, SentCode};
pub use decoy::NOBODY;
pub use hand_over::HandingOver;
pub use house::SWEPT_AT_ONCE;
pub use outbox::{By, Change, Destination, Errand, Letter, Message, Waiting};
pub use passkeys::{Added, NewPasskey, Passkey, PasskeyUse, Removed};
pub use people::ADMINISTRATOR;
pub use places::NewPlace;
pub use questions::{QUESTIONS, Question};
pub use resets::RESET_LIFE;
pub use tokens::token_name;

/// The keyed digest of a secret of at least 80 random bits, under a purpose of its own. All that is stored of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digest(pub [u8; 32]);

/// A person with what administrators see.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct PersonRecord {
    /// What rules care for.
    pub person: Person,
    /// For pages and `Remote-Name`.
    pub full_name: String,
    /// For `Remote-Email`, and to sign in with.
    pub email: Option<Email>,
    /// One increment ends every session of theirs.
    pub generation: u32,
    /// The second steps they have set up.
    pub enrolled: Methods,
    /// Have they chosen a password?
    pub has_password: bool,
    /// How many passwords they have chosen so far. A sign-in that began with an older one opens nothing.
    pub passwords: u32,
    /// When they chose the present one, if that was noted.
    pub password_chosen: Option<Timestamp>,
    /// When they were added.
    pub added: Timestamp,
    /// When and from where they last completed a sign-in.
    pub last_sign_in: Option<(Timestamp, IpAddr)>,
    /// What they showed at it.
    pub last_shown: Methods,
    /// Have they set security questions?
    pub has_questions: bool,
    /// What they chose to be spoken to in, or what the browser wanted that they first signed in with.
    pub language: Option<Language>,
}

/// Someone to be added.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// What they will be called.
    pub name: UserName,
    /// For pages.
    pub full_name: String,
    /// Where to reach them.
    pub email: Option<Email>,
    /// Their roles.
    pub roles: Vec<access::identity::RoleName>,
    /// Their groups.
    pub groups: Vec<access::identity::GroupName>,
}

/// What a session row is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionKind {
    /// The portal's cookie.
    Portal,
    /// One app host's cookie, a child of a portal session.
    App(AppName),
    /// A native app's device token.
    Device,
}

/// A session as stored. All rows of one sign-in share their id and end together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRecord {
    /// As it is listed and ended.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What this row is for.
    pub kind: SessionKind,
    /// What was shown.
    pub factors: Methods,
    /// When the sign-in was completed.
    pub opened: Timestamp,
    /// When something was last proved.
    pub proved: Timestamp,
    /// As they were at that moment.
    pub generations: Generations,
    /// From where.
    pub address: IpAddr,
    /// The browser or device in words, at most 120 characters.
    pub device: String,
}

/// A bearer token as stored; its secret only as a digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRecord {
    /// As it is listed and revoked.
    pub id: TokenId,
    /// Whose.
    pub owner: UserId,
    /// What its owner calls it.
    pub name: String,
    /// The apps it opens.
    pub apps: Vec<AppName>,
    /// What it may do; none: what its owner may.
    pub scopes: Vec<Scope>,
    /// Networks and addresses as written; empty: wherever its owner may.
    pub only_from: Vec<String>,
    /// When it was made.
    pub made: Timestamp,
    /// Dead from then on.
    pub expires: Timestamp,
    /// As they were when it was made.
    pub generations: Generations,
    /// The digest of its secret.
    pub digest: Digest,
    /// When and from where it was last used; kept to the hour.
    pub last_used: Option<(Timestamp, IpAddr)>,
}

/// Something that can be consumed once, and what it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ticket {
    /// The first sign-in of a new person: they choose a password. 24 hours.
    Invitation {
        /// Whose.
        user: UserId,
    },
    /// From a mail: they choose another password. Half an hour, and only while they have no other since.
    Reset {
        /// Whose.
        user: UserId,
        /// The address it was sent to; worth nothing when it is not theirs any more.
        email: Email,
        /// How many passwords they had chosen by then.
        passwords: u32,
    },
    /// From a mail: signs a person out everywhere who did not make the sign-in that it told of. Seven days.
    NotMe(NewPlace),
    /// From the portal to an app host. 30 seconds.
    HandOff {
        /// The portal session it came from.
        session: Digest,
        /// The only app that may consume it.
        app: AppName,
        /// Digest of the nonce in the browser's cookie: another browser can't consume it.
        browser: Digest,
    },
}

/// A ticket's or session's secret on its way to the browser: 43 characters of base64url, 256 bits.
pub type Bearer = Secret<String>;

/// A flow that was read, counted and not yet moved on. Acting on it consumes exactly this version.
#[derive(Clone, Debug)]
pub struct HeldFlow {
    /// The sign-in. `wrong` counts the tries before this one, as [`access::login::advance`] does.
    pub flow: Flow,
    /// The key being set up, if the stage is set-up.
    pub pending_totp: Option<TotpSecret>,
    /// Where to go when done: as it was given at the start.
    pub return_to: Option<String>,
    /// The code that was sent for it, if one was.
    pub sent: Option<SentCode>,
    /// What it stands on.
    pub ground: Ground,
    /// Its row.
    pub digest: Digest,
    /// Its version.
    pub version: u64,
}

/// What a sign-in under way stands on: when either is gone, so is the sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ground {
    /// The person's generation, read before any secret of theirs was looked at.
    pub generation: u32,
    /// How many passwords they had chosen by then.
    pub passwords: u32,
    /// Had they an authenticator app by then? Then a set-up replaces that one.
    pub has_authenticator: bool,
    /// What they had set up by then. Whoever sets up something beside what came later may be somebody else.
    pub enrolled: Methods,
    /// What counts, if something has to be set up.
    pub counts: Methods,
    /// Was the password shown before? Not where the session was opened by a passkey alone.
    pub by_password: bool,
    /// The session that has to show more, and when it was opened; `None` after a password.
    pub within: Option<(SessionId, Timestamp)>,
}

impl Ground {
    /// Of a sign-in by password of this person, as they were before it was looked at.
    pub const fn of(person: &PersonRecord) -> Self {
        let has_authenticator = person.enrolled.has(access::policy::Method::Totp);
        Self {
            generation: person.generation,
            passwords: person.passwords,
            has_authenticator,
            enrolled: person.enrolled,
            counts: Methods::SECOND_STEPS,
            by_password: true,
            within: None,
        }
    }

    /// Does it still hold for this person?
    const fn holds_for(self, person: &PersonRecord) -> bool {
        self.generation == person.generation && self.passwords == person.passwords
    }
}

/// What a session is opened after.
#[derive(Clone, Debug)]
pub enum After {
    /// A right password alone, on this ground.
    Password(Ground),
    /// A sign-in under way.
    Flow(HeldFlow),
}

/// What a completed sign-in uses up, in the same transaction that opens the session.
#[derive(Clone)]
pub enum Spend {
    /// Nothing but the flow: there was no second step.
    Nothing,
    /// This step of the person's TOTP key.
    Totp(Step),
    /// One of the recovery codes.
    Recovery(TypedSecret),
    /// A use of one of the passkeys.
    Passkey(PasskeyUse),
    /// A set-up: codes go there from now on, and the digests of recovery codes if some come with it.
    SetUpCodes {
        /// Where the confirming code was sent.
        to: Destination,
        /// Ten codes, shown once by the caller after this was committed; or none.
        recovery: Vec<TypedSecret>,
    },
    /// A set-up: stores the passkey, and the digests of recovery codes if some come with it.
    SetUpPasskey {
        /// The passkey.
        passkey: NewPasskey,
        /// Ten codes, shown once by the caller after this was committed; or none.
        recovery: Vec<TypedSecret>,
    },
    /// A set-up: stores the key, its first step as used, and the digests of ten recovery codes.
    SetUp {
        /// The confirmed key.
        secret: TotpSecret,
        /// The step of the confirming code.
        step: Step,
        /// Ten codes, shown once by the caller after this was committed.
        recovery: Vec<TypedSecret>,
        /// May it take the place of a key that is there?
        replaces: bool,
    },
}

impl Spend {
    /// Is something set up with it?
    const fn is_set_up(&self) -> bool {
        matches!(self, Self::SetUp { .. } | Self::SetUpPasskey { .. } | Self::SetUpCodes { .. })
    }
}

/// Where and with what a session is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// From where.
    pub address: ClientAddr,
    /// The browser or device.
    pub device: String,
    /// A portal or device session.
    pub kind: SessionKind,
    /// Until when, whatever happens.
    pub expires: Timestamp,
    /// What they want to be spoken to in.
    pub wish: Option<Wish>,
}

/// What became of an act that can find its ground gone.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome<T> {
    /// Committed.
    Done(T),
    /// The code, ticket or flow was used or gone; nothing happened.
    Gone,
}

/// Why an administrative change was not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VaultError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is somebody of that name or address already.
    #[error("{0} is taken")]
    Taken(String),
    /// Nobody or nothing of that name.
    #[error("there is no {0}")]
    Unknown(String),
    /// It would leave nobody who can administer. Can be forced.
    #[error("{0} is the last administrator; nobody could administer afterwards (--force overrides)")]
    LastAdministrator(UserName),
}

/// May an act leave no administrator?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Force {
    /// Refuse it.
    No,
    /// Do it.
    Yes,
}

/// The memory of the house. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>, Option<Footing>);

/// On whose account, as it was when somebody was admitted, does what follows stand?
#[derive(Clone, Copy)]
struct Footing {
    user: UserId,
    ground: Ground,
}

struct Inner {
    store: Timed,
    keys: Keys,
    clock: Clock,
    generations: Generations,
    decoy: decoy::Decoy,
    backing: Backing,
    /// Are changes of credentials told by mail?
    tells_changes: AtomicBool,
    /// Something was put into the outbox, for mail and for telephones.
    outgoing: [Notify; 2],
}

/// Where a vault keeps its rows.
#[derive(Clone, Debug)]
pub enum Backing {
    /// Gone with the process.
    Memory,
    /// A redb file and its key file. Both are made if absent, the key with mode 0600.
    Redb {
        /// The store.
        file: std::path::PathBuf,
        /// Its key, 32 bytes, base64.
        key_file: std::path::PathBuf,
    },
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose.
    pub owner: UserId,
    /// What its owner calls it, at most 64 characters.
    pub name: String,
    /// The apps it opens.
    pub apps: Vec<AppName>,
    /// What it may do; none: what its owner may.
    pub scopes: Vec<Scope>,
    /// Networks and addresses as written; empty: wherever its owner may.
    pub only_from: Vec<String>,
    /// Dead from then on.
    pub expires: Timestamp,
}

impl Vault {
    /// The digest of a secret under a purpose ("session", "ticket", "token", "browser"), never comparable across them.
    /// Bearers are digested as the text that the browser holds.
    pub fn digest(&self, purpose: &'static str, secret: &[u8]) -> Digest {
        self.keys().digest(purpose, &[secret])
    }

    /// Of the organization and the store, with `person` zero. Read at opening and kept in memory.
    pub fn generations(&self) -> Generations {
        self.0.generations
    }

    /// From now on the time of every call to the store goes into this metric, by verb: `get`, `scan`, `apply`, `feed`,
    /// `sweep`.
    pub fn time_into(&self, seconds: &prometheus::HistogramVec) {
        self.store().time_into(seconds);
    }

    /// The same, for what somebody does who was admitted as this person: whoever is signed out everywhere meanwhile, or has
    /// another password by then, is not there any more for it, however long it had to wait.
    #[must_use]
    pub fn standing_on(&self, person: &PersonRecord) -> Self {
        Self(Arc::clone(&self.0), Some(Footing { user: person.person.id, ground: Ground::of(person) }))
    }

    fn store(&self) -> &Timed {
        &self.0.store
    }

    fn decoy(&self) -> &decoy::Decoy {
        &self.0.decoy
    }

    fn keys(&self) -> &Keys {
        &self.0.keys
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl std::fmt::Debug for Spend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Totp(_) => "Totp(…)",
            Self::Recovery(_) => "Recovery(…)",
            Self::Passkey(_) => "Passkey(…)",
            Self::SetUpPasskey { .. } => "SetUpPasskey(…)",
            Self::SetUpCodes { .. } => "SetUpCodes(…)",
            Self::SetUp { .. } => "SetUp(…)",
        })
    }
}
