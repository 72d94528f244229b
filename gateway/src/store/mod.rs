//! What is remembered, and how is it changed? Five verbs over ordered tables.
//!
//! A [`Batch`] of guards, writes, audit rows and notices happens whole or not at all; there is no transaction that reads
//! in the middle, so "check, then act" can't be written. An answer means the batch is durable. One suite of laws
//! (`laws.rs`) holds for every implementation. The domain's verbs (`open_session`, `consume_ticket`, …) are written once
//! above it, in [`vault`].

mod chain;
mod feed;
mod forwarded;
#[cfg(test)]
mod laws;
mod memory;
mod movable;
mod plan;
mod redb;
mod seal;
mod timed;
pub mod vault;

pub use chain::AuditKey;
pub use forwarded::ForwardedStore;
pub use memory::MemoryStore;
pub use redb::RedbStore;

use std::future::Future;
use std::time::Duration;

use access::Timestamp;

/// The ordered tables. Their numbers are on disk: append, never renumber.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Table {
    /// Schema version, store generation, the known-plaintext row that proves the key.
    Meta = 0,
    /// Person by id.
    Person = 1,
    /// Id by canonical name, by e-mail address (`n:ana`, `e:ana@acme.example`) and by the digest of a passkey (`k:…`).
    PersonName = 2,
    /// Password hash, TOTP secret, recovery codes, passkeys: person id ‖ kind ‖ …
    Factor = 3,
    /// Session by digest of its secret.
    Session = 4,
    /// Person id ‖ session id ‖ digest: which rows make up a session.
    PersonSession = 5,
    /// When a session was last used, by session id.
    SessionUse = 6,
    /// Bearer token by id.
    Token = 7,
    /// Person id ‖ token id.
    PersonToken = 8,
    /// What may happen once: the presence of the row says that it has.
    Once = 9,
    /// Issued and not yet consumed: flows, invitations, hand-offs, questions to passkeys; by digest.
    Ticket = 10,
    /// Failed attempts, by account and by source.
    Counter = 11,
    /// Signing keys, sealed.
    Key = 12,
    /// The audit chain, by sequence number. Written only through [`Batch::audit`].
    Audit = 13,
    /// Messages that wait for their courier, the oldest first.
    Outbox = 14,
    /// App password by person id ‖ digest of its secret.
    AppPassword = 15,
}

impl Table {
    /// All of them, by number.
    pub const ALL: [Self; 16] = [
        Self::Meta,
        Self::Person,
        Self::PersonName,
        Self::Factor,
        Self::Session,
        Self::PersonSession,
        Self::SessionUse,
        Self::Token,
        Self::PersonToken,
        Self::Once,
        Self::Ticket,
        Self::Counter,
        Self::Key,
        Self::Audit,
        Self::Outbox,
        Self::AppPassword,
    ];
}

/// One row as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its key.
    pub key: Vec<u8>,
    /// One at the first write, one more with each further one.
    pub version: u64,
    /// From then on the row counts as absent; `None`: never.
    pub expires: Option<Timestamp>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Row {
    /// Has it not expired yet?
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Holds for the whole batch, or nothing of it happens. An expired row counts as absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Guard {
    /// No live row has this key.
    Absent(Table, Vec<u8>),
    /// The live row with this key has this version.
    Version(Table, Vec<u8>, u64),
}

/// A change of one row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// Stores the row; its version becomes the old one's plus one (one, if there was none).
    Put {
        /// Where.
        table: Table,
        /// Under which key.
        key: Vec<u8>,
        /// Until when.
        expires: Option<Timestamp>,
        /// What.
        value: Vec<u8>,
    },
    /// Removes the row if it is there.
    Delete {
        /// Where.
        table: Table,
        /// Which.
        key: Vec<u8>,
    },
    /// Adds to a counter, which starts again from zero when its window has passed since it was started.
    Add {
        /// Where.
        table: Table,
        /// Which.
        key: Vec<u8>,
        /// By how much.
        by: i64,
        /// The sum is never less.
        floor: i64,
        /// How long the counter runs.
        window: Duration,
    },
}

/// What others must forget or look at again, published after the commit, in commit order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Notice {
    /// A person's row changed: standing, roles, groups, generation.
    Person(access::identity::UserId),
    /// A session ended or changed.
    Session(access::identity::SessionId),
    /// A token was revoked or changed.
    Token(access::identity::TokenId),
    /// An app password was revoked or made.
    AppPassword(access::identity::AppPasswordId),
    /// Everything: a generation of the organization or the store changed.
    All,
}

/// Several changes that happen together. At most [`Batch::LIMIT`] guards and writes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Batch {
    /// All must hold.
    pub guards: Vec<Guard>,
    /// Happen in order.
    pub writes: Vec<Write>,
    /// Appended to the chain, each a JSON object.
    pub audit: Vec<Vec<u8>>,
    /// Published after the commit.
    pub notices: Vec<Notice>,
}

impl Batch {
    /// Guards and writes together.
    pub const LIMIT: usize = 256;
}

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Applied {
    /// It happened and is durable. The sums are those of its `Add`s, in order.
    Done {
        /// The counters after the batch.
        sums: Vec<i64>,
    },
    /// Nothing happened: this guard did not hold.
    Refused {
        /// Its place in `guards`.
        guard: usize,
    },
}

/// Why the store can't answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached or its queue is full; nothing happened.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The batch may or may not have happened; treat codes as used and repeat only what can be repeated.
    #[error("the store did not say whether the change was made: {0}")]
    Unknown(String),
    /// What was read is not what was written, or the key does not fit.
    #[error("the store is damaged or its key does not fit: {0}")]
    Corrupt(String),
    /// Written by a newer program.
    #[error("the store was written by a newer version (schema {found}, this program knows {known})")]
    TooNew {
        /// In the file.
        found: u32,
        /// By this program.
        known: u32,
    },
    /// Another process has the store open.
    #[error("the store is open in another process")]
    InUse,
}

/// A position in the stream of notices. The stream ends with the store that published it: one that is opened again, here
/// or by another process, has a stream of its own, and what is left of the old one is a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    /// Random: which stream. Zero: whichever there is, from its beginning.
    pub stream: u64,
    /// How many notices of it.
    pub number: u64,
}

impl Cursor {
    /// Before the first notice of whichever stream there is.
    pub const START: Self = Self { stream: 0, number: 0 };
}

/// What was published after a cursor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feed {
    /// Continue from here.
    pub cursor: Cursor,
    /// In commit order.
    pub notices: Vec<Notice>,
    /// Some were forgotten before they were read: drop everything that was cached.
    pub gap: bool,
}

/// Five verbs. Implementations: in memory, redb, and forwarded to the process that took over.
pub trait Store: Send + Sync + 'static {
    /// The live row with this key.
    fn get(&self, table: Table, key: &[u8]) -> impl Future<Output = Result<Option<Row>, StoreError>> + Send;

    /// The live rows with `from ≤ key < to`, in order, at most `max`.
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        max: usize,
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// All of it or nothing; durable before it answers.
    fn apply(&self, batch: Batch) -> impl Future<Output = Result<Applied, StoreError>> + Send;

    /// What was published after `after`. Never waits.
    fn feed(&self, after: Cursor) -> impl Future<Output = Result<Feed, StoreError>> + Send;

    /// Removes at most `max` rows that expired before `before`; returns how many.
    fn sweep(
        &self,
        table: Table,
        before: Timestamp,
        max: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// One of the implementations, chosen at start-up; calls are dispatched statically.
#[derive(Debug)]
pub enum AnyStore {
    /// Gone with the process.
    Memory(MemoryStore),
    /// A file of this machine.
    Redb(RedbStore),
    /// The process that took over has the file.
    Forwarded(ForwardedStore),
}

impl AnyStore {
    /// Waits until something after `cursor` was published; at once if it was already. Never misses a notice.
    pub async fn changed_after(&self, cursor: Cursor) {
        self.bell().changed_after(cursor).await;
    }

    /// The number of the last notice.
    pub fn latest(&self) -> Cursor {
        self.bell().latest()
    }

    fn bell(&self) -> feed::Bell {
        match self {
            Self::Memory(store) => store.bell(),
            Self::Redb(store) => store.bell(),
            Self::Forwarded(store) => store.bell(),
        }
    }
}

impl Store for AnyStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Memory(store) => store.get(table, key).await,
            Self::Redb(store) => store.get(table, key).await,
            Self::Forwarded(store) => store.get(table, key).await,
        }
    }

    async fn scan(&self, table: Table, from: &[u8], to: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Memory(store) => store.scan(table, from, to, max).await,
            Self::Redb(store) => store.scan(table, from, to, max).await,
            Self::Forwarded(store) => store.scan(table, from, to, max).await,
        }
    }

    async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        match self {
            Self::Memory(store) => store.apply(batch).await,
            Self::Redb(store) => store.apply(batch).await,
            Self::Forwarded(store) => store.apply(batch).await,
        }
    }

    async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        match self {
            Self::Memory(store) => store.feed(after).await,
            Self::Redb(store) => store.feed(after).await,
            Self::Forwarded(store) => store.feed(after).await,
        }
    }

    async fn sweep(&self, table: Table, before: Timestamp, max: usize) -> Result<usize, StoreError> {
        match self {
            Self::Memory(store) => store.sweep(table, before, max).await,
            Self::Redb(store) => store.sweep(table, before, max).await,
            Self::Forwarded(store) => store.sweep(table, before, max).await,
        }
    }
}
