//! What the house remembers, in its own words: people, secrets, sessions, tokens, one-time things, audit.
//!
//! Written once above [`Store`](super::Store). Each verb is one batch: the change, its audit entry and its notices happen
//! together or not at all. Secrets are sealed (XChaCha20-Poly1305, the row's table and key as associated data) or kept
//! only as keyed BLAKE3 digests; the key file lies outside the store.

use std::net::IpAddr;
use std::sync::Arc;

use access::identity::{AppName, Email, LoginName, Scope, SessionId, TokenId, UserId, UserName};
use access::login::{Flow, Proved};
use access::password::PasswordHash;
use access::policy::{Generations, Methods, Person};
use access::secret::TypedSecret;
use access::totp::{Step, TotpSecret};
use access::{ClientAddr, Secret, Timestamp};

use super::{Cursor, Feed, StoreError};
use crate::audit::Entry;
use crate::clock::Clock;

/// The keyed digest of a secret of at least 80 random bits, under a purpose of its own. All that is stored of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digest(pub [u8; 32]);

/// A person with what administrators see.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// When they were added.
    pub added: Timestamp,
    /// When and from where they last completed a sign-in.
    pub last_sign_in: Option<(Timestamp, IpAddr)>,
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
    /// The sign-in.
    pub flow: Flow,
    /// The key being set up, if the stage is set-up.
    pub pending_totp: Option<TotpSecret>,
    /// Where to go when done: as it was given at the start.
    pub return_to: Option<String>,
    /// Its row.
    pub digest: Digest,
    /// Its version.
    pub version: u64,
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
    /// A set-up: stores the key, its first step as used, and the digests of ten recovery codes.
    SetUp {
        /// The confirmed key.
        secret: TotpSecret,
        /// The step of the confirming code.
        step: Step,
        /// Ten codes, shown once by the caller after this was committed.
        recovery: Vec<TypedSecret>,
    },
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
pub struct Vault {
    _inner: Arc<()>,
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

#[expect(unused_variables, reason = "filled in next")]
impl Vault {
    /// Opens or makes the store. Errors: [`StoreError::InUse`], [`StoreError::Corrupt`] for a wrong key, `TooNew`.
    pub async fn open(backing: &Backing, clock: Clock) -> Result<Self, StoreError> {
        unimplemented!()
    }

    /// The digest of a secret under a purpose ("session", "ticket", "token", "browser"), never comparable across them.
    pub fn digest(&self, purpose: &'static str, secret: &[u8]) -> Digest {
        unimplemented!()
    }

    // ---- people

    /// All, by name.
    pub async fn people(&self) -> Result<Vec<PersonRecord>, StoreError> {
        unimplemented!()
    }

    /// By id.
    pub async fn person(&self, id: UserId) -> Result<Option<PersonRecord>, StoreError> {
        unimplemented!()
    }

    /// By name or e-mail address.
    pub async fn person_called(&self, name: &LoginName) -> Result<Option<PersonRecord>, StoreError> {
        unimplemented!()
    }

    /// Adds a person without password, and the invitation by which they choose one.
    pub async fn add_person(&self, new: NewPerson, entry: Entry) -> Result<(PersonRecord, Bearer), VaultError> {
        unimplemented!()
    }

    /// Changes a person in one guarded write: `change` is applied to the row as it is, repeated if it moved meanwhile.
    /// Ids and enrolment can't be changed here. Publishes [`Notice::Person`](super::Notice::Person).
    pub async fn change_person(
        &self,
        id: UserId,
        force: Force,
        change: impl Fn(&mut PersonRecord) + Send + Sync,
        entry: Entry,
    ) -> Result<PersonRecord, VaultError> {
        unimplemented!()
    }

    /// Disables: standing, and one generation on, so that every session is over.
    pub async fn disable_person(&self, id: UserId, force: Force, entry: Entry) -> Result<PersonRecord, VaultError> {
        unimplemented!()
    }

    /// Ends every session of a person (one generation on); returns how many sign-ins there were.
    pub async fn sign_out_person(&self, id: UserId, entry: Entry) -> Result<usize, VaultError> {
        unimplemented!()
    }

    /// Forgets all second steps and recovery codes of a person and ends their sessions (S8).
    pub async fn reset_two_step(&self, id: UserId, entry: Entry) -> Result<PersonRecord, VaultError> {
        unimplemented!()
    }

    /// Deletes a person, their secrets, sessions and tokens; their entries in the audit stay.
    pub async fn delete_person(&self, id: UserId, force: Force, entry: Entry) -> Result<(), VaultError> {
        unimplemented!()
    }

    /// A new invitation; the older ones of that person are gone.
    pub async fn invite(&self, id: UserId, entry: Entry) -> Result<Bearer, VaultError> {
        unimplemented!()
    }

    // ---- secrets of people

    /// The stored password hash.
    pub async fn password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        unimplemented!()
    }

    /// The stored TOTP key.
    pub async fn totp(&self, id: UserId) -> Result<Option<TotpSecret>, StoreError> {
        unimplemented!()
    }

    /// How many recovery codes are left.
    pub async fn recovery_left(&self, id: UserId) -> Result<usize, StoreError> {
        unimplemented!()
    }

    /// Replaces a hash that has grown old by one with today's parameters; nothing if the password changed meanwhile.
    pub async fn refresh_password(&self, id: UserId, hash: PasswordHash) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Consumes an invitation and sets the first password. `Gone`: used, expired or retired by a newer one.
    pub async fn accept_invitation(
        &self,
        secret: &str,
        hash: PasswordHash,
        entry: Entry,
    ) -> Result<Outcome<PersonRecord>, StoreError> {
        unimplemented!()
    }

    /// Whose invitation is this? Does not consume it: a mail scanner may look.
    pub async fn invited(&self, secret: &str) -> Result<Option<PersonRecord>, StoreError> {
        unimplemented!()
    }

    /// Stores a TOTP key directly, for the demo and tests; returns ten recovery codes.
    pub async fn enrol_totp(
        &self,
        id: UserId,
        secret: &TotpSecret,
        entry: Entry,
    ) -> Result<Vec<TypedSecret>, VaultError> {
        unimplemented!()
    }

    /// Stores a password hash directly, for the demo and tests.
    pub async fn set_password(&self, id: UserId, hash: PasswordHash, entry: Entry) -> Result<(), VaultError> {
        unimplemented!()
    }

    // ---- attempts

    /// Counts one attempt for the account (a canonical name, also of nobody) and one for the source, both or neither,
    /// before any secret is looked at. `Err(until)`: too many; wait.
    pub async fn reserve_attempt(
        &self,
        account: &str,
        source: ClientAddr,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        unimplemented!()
    }

    /// Gives it back: the secret was right.
    pub async fn forgive_attempt(&self, account: &str, source: ClientAddr) -> Result<(), StoreError> {
        unimplemented!()
    }

    // ---- sign-ins under way

    /// Stores a flow; its secret goes into the browser's cookie.
    pub async fn begin_flow(
        &self,
        flow: Flow,
        pending_totp: Option<TotpSecret>,
        return_to: Option<String>,
    ) -> Result<Bearer, StoreError> {
        unimplemented!()
    }

    /// Reads a flow without counting, to show its page. `None`: unknown, expired, over.
    pub async fn peek_flow(&self, secret: &str) -> Result<Option<HeldFlow>, StoreError> {
        unimplemented!()
    }

    /// Counts a try at the flow's code (`wrong` + 1, committed) and hands the flow over as it is after that. `None`:
    /// unknown, expired, or its tries are used up.
    pub async fn try_flow(&self, secret: &str) -> Result<Option<HeldFlow>, StoreError> {
        unimplemented!()
    }

    /// Forgets a flow, because it is over or the person gave up.
    pub async fn drop_flow(&self, secret: &str) -> Result<(), StoreError> {
        unimplemented!()
    }

    // ---- sessions

    /// Opens a session from a completed sign-in: consumes the flow (if there was one) and what was spent, stores the
    /// session, notes the person's last sign-in, and the audit entry, in one transaction. `Gone`: the code was used or
    /// the flow moved on; nothing happened.
    pub async fn open_session(
        &self,
        proved: Proved,
        flow: Option<HeldFlow>,
        spend: Spend,
        opening: Opening,
        entry: Entry,
    ) -> Result<Outcome<(Bearer, SessionRecord)>, StoreError> {
        unimplemented!()
    }

    /// By digest of the cookie. Expired rows are absent.
    pub async fn session(&self, digest: Digest) -> Result<Option<SessionRecord>, StoreError> {
        unimplemented!()
    }

    /// When a session was last used.
    pub async fn session_used(&self, id: SessionId) -> Result<Option<Timestamp>, StoreError> {
        unimplemented!()
    }

    /// All of a person, or of everybody; one entry a sign-in (portal and device rows), newest first, at most 10,000.
    pub async fn sessions(&self, user: Option<UserId>) -> Result<Vec<SessionRecord>, StoreError> {
        unimplemented!()
    }

    /// Ends one sign-in with all its rows; false if there was none.
    pub async fn end_session(&self, id: SessionId, entry: Entry) -> Result<bool, StoreError> {
        unimplemented!()
    }

    /// Notes when sessions were last used, several at once.
    pub async fn touch_sessions(&self, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// How many sign-ins are alive (portal and device rows that have not expired).
    pub async fn count_sessions(&self) -> Result<usize, StoreError> {
        unimplemented!()
    }

    // ---- hand-off

    /// A ticket from a portal session to an app host, for one browser, for 30 seconds.
    pub async fn issue_hand_off(&self, session: Digest, app: AppName, browser: Digest) -> Result<Bearer, StoreError> {
        unimplemented!()
    }

    /// Consumes it and opens the app host's session, a child of the portal's, in one transaction. `Gone`: used, expired,
    /// another app, another browser, or the portal session is over.
    pub async fn take_hand_off(
        &self,
        secret: &str,
        app: &AppName,
        browser: Digest,
    ) -> Result<Outcome<(Bearer, SessionRecord)>, StoreError> {
        unimplemented!()
    }

    // ---- tokens

    /// Makes a bearer token; its text (`vst_<id>_<secret>_<check>`) is returned once.
    pub async fn add_token(&self, new: NewToken, entry: Entry) -> Result<(TokenRecord, Bearer), VaultError> {
        unimplemented!()
    }

    /// By id.
    pub async fn token(&self, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        unimplemented!()
    }

    /// All of a person, or of everybody, at most 10,000.
    pub async fn tokens(&self, owner: Option<UserId>) -> Result<Vec<TokenRecord>, StoreError> {
        unimplemented!()
    }

    /// Revokes for good; false if there was none.
    pub async fn revoke_token(&self, id: TokenId, entry: Entry) -> Result<bool, StoreError> {
        unimplemented!()
    }

    /// Notes a token's use; the caller does so at most hourly.
    pub async fn touch_token(&self, id: TokenId, at: Timestamp, from: IpAddr) -> Result<(), StoreError> {
        unimplemented!()
    }

    // ---- keys, generations, audit, feed

    /// The ES256 key that signs assertions, as PKCS#8 PEM; made at first use.
    pub async fn assertion_key(&self) -> Result<Secret<String>, StoreError> {
        unimplemented!()
    }

    /// Of the organization and the store, with `person` zero. Read at opening and kept in memory.
    pub fn generations(&self) -> Generations {
        unimplemented!()
    }

    /// Appends an entry that belongs to no other change.
    pub async fn note(&self, entry: Entry) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Audit rows from a sequence number on, at most `max`: number, and the stored JSON with its chain hash.
    pub async fn audit_rows(&self, from: u64, max: usize) -> Result<Vec<crate::audit::Stored>, StoreError> {
        unimplemented!()
    }

    /// Walks the whole chain. `Err`: the store; inside: the first number that does not fit.
    pub async fn verify_audit(&self) -> Result<crate::audit::Verified, StoreError> {
        unimplemented!()
    }

    /// What changed after a cursor. Never waits.
    pub async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        unimplemented!()
    }

    /// Wakes whenever something was published.
    pub async fn changed(&self) {
        unimplemented!()
    }

    /// Removes what has expired, a little of each table; returns how many rows.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        unimplemented!()
    }
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
