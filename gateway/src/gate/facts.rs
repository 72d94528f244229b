//! What is known about whoever shows this secret? Facts from memory, else from the store.
//!
//! Memory holds facts, never decisions, and is bounded. Each fact lies on a [`Shelf`] where a notice of the store kills it.
//! Its place is taken *before* the store is read: if a revocation comes in between, the fact is dead from the start and is
//! never believed.
//!
//! A million sessions are in memory, each shown once in a while: what they take and how many places of memory a request
//! has to fetch is what they cost. So all rows of one sign-in share one [`Visitor`], 96 bytes that hold everything about
//! it; a row is its digest, where that is, and what it is for.

mod app_passwords;

use std::hash::Hash;
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use access::identity::{LoginName, SessionId, TokenId, UserId};
use access::policy::{Generations, Listed, Methods, Person, Place, SessionFacts, TokenFacts, Unscoped};
use access::{Secret, Timestamp};
use arc_swap::{ArcSwapOption, ArcSwapWeak};
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;

use self::app_passwords::{APP_PASSWORDS, KnownAppPassword, ResolvedAppPassword};
use super::ahead;
use super::assertion::Introduction;
use super::foreign::ForeignToken;
use super::rows::{Kept, Rows};
use super::shared::{Kinds, Lists};
use super::shelf::{Fact, Shelf};
use crate::config::{self, InForce};
use crate::store::vault::{
    AppPasswordKey, AppPasswordRecord, Digest, PersonRecord, SessionKind, SessionRecord, TokenRecord, Vault,
};
use crate::store::{Notice, StoreError};

/// Whoever showed a right secret, with everything rules and headers need.
#[derive(Debug)]
pub struct Visitor {
    person: Arc<KnownPerson>,
    proof: Held,
    life: Life,
}

/// What was shown. The session's fields are here and not in a struct of their own, which would take eight bytes more.
#[derive(Debug)]
enum Held {
    /// As [`SessionProof`] has them. They never change: another proof is another session.
    Session {
        id: SessionId,
        factors: Methods,
        opened: Timestamp,
        proved: Timestamp,
        generations: Generations,
    },
    Token(Box<KnownToken>),
    Foreign(Arc<ForeignToken>),
    AppPassword(Box<KnownAppPassword>),
}

/// A session as far as requests need it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionProof {
    /// As it is listed and ended.
    pub id: SessionId,
    /// What was shown.
    pub factors: Methods,
    /// When the sign-in was completed.
    pub opened: Timestamp,
    /// When something was last proved.
    pub proved: Timestamp,
    /// As they were at that moment.
    pub generations: Generations,
}

/// When a session or token was used, for as long as it is believed.
#[derive(Debug)]
struct Life {
    used: AtomicU64,
    /// When the store was last told of a use; [`DEAD`] once the row changed.
    noted: AtomicU64,
}

/// A person as they are in memory; after any change another one. What a request asks for stands first and together, in the
/// first half of 256 bytes: two lines of memory that come as one.
#[derive(Debug)]
#[repr(C)]
pub(super) struct KnownPerson {
    dead: AtomicBool,
    /// As in the record, which is too long to be near as a whole.
    generation: u32,
    /// What was signed about them last.
    pub(super) introduced: ArcSwapWeak<Introduction>,
    record: PersonRecord,
    /// The allocator aligns what takes 256 bytes, and with fewer that would be three lines as often as two.
    _room: [u8; ROOM],
}

/// What was shown, as rules take it; made for one decision.
#[derive(Debug)]
pub(super) enum Facts {
    Session(SessionFacts),
    Token(Arc<ResolvedToken>),
    Foreign(Arc<TokenFacts>),
    AppPassword(Arc<ResolvedAppPassword>),
}

/// A token's facts under one configuration, which says what its networks' names mean.
#[derive(Debug)]
pub(super) struct ResolvedToken {
    generation: u64,
    pub(super) facts: TokenFacts,
}

#[derive(Debug)]
struct KnownToken {
    record: TokenRecord,
    resolved: ArcSwapOption<ResolvedToken>,
}

/// One row of a sign-in.
#[derive(Clone)]
struct Row {
    visitor: Arc<Visitor>,
    kind: &'static SessionKind,
}

impl Kept for Row {
    fn last_of_use(&self) -> Timestamp {
        if self.visitor.is_current() { self.visitor.last_used() } else { Timestamp::default() }
    }
}

impl Visitor {
    /// The person, as rules know them.
    pub fn person(&self) -> &Person {
        &self.person.record.person
    }

    /// The person, as pages know them.
    pub fn record(&self) -> &PersonRecord {
        &self.person.record
    }

    pub(super) fn known_person(&self) -> &Arc<KnownPerson> {
        &self.person
    }

    /// The session, if that is what was shown.
    pub fn session(&self) -> Option<SessionProof> {
        match self.proof {
            Held::Session { id, factors, opened, proved, generations } => {
                Some(SessionProof { id, factors, opened, proved, generations })
            }
            Held::Token(_) | Held::Foreign(_) | Held::AppPassword(_) => None,
        }
    }

    /// The token, if one of ours is what was shown.
    pub fn token(&self) -> Option<&TokenRecord> {
        match &self.proof {
            Held::Session { .. } | Held::Foreign(_) | Held::AppPassword(_) => None,
            Held::Token(token) => Some(&token.record),
        }
    }

    /// The token's id, if one is what was shown; of another issuer's, whom it speaks of.
    pub fn token_id(&self) -> Option<TokenId> {
        match &self.proof {
            Held::Session { .. } | Held::AppPassword(_) => None,
            Held::Token(token) => Some(token.record.id),
            Held::Foreign(token) => Some(token.id),
        }
    }

    /// The public id of what was shown: of the session, the token or the app password.
    pub fn shown(&self) -> &[u8; 16] {
        match &self.proof {
            Held::Session { id, .. } => &id.0,
            Held::Token(token) => &token.record.id.0,
            Held::Foreign(token) => &token.id.0,
            Held::AppPassword(password) => &password.record.id.0,
        }
    }

    pub(super) fn foreign(&self) -> Option<&ForeignToken> {
        match &self.proof {
            Held::Session { .. } | Held::Token(_) | Held::AppPassword(_) => None,
            Held::Foreign(token) => Some(token),
        }
    }

    /// The app password, if that is what was shown.
    pub fn app_password(&self) -> Option<&AppPasswordRecord> {
        match &self.proof {
            Held::Session { .. } | Held::Token(_) | Held::Foreign(_) => None,
            Held::AppPassword(password) => Some(&password.record),
        }
    }

    /// Has nothing it stands on been changed since it was read?
    pub(super) fn is_current(&self) -> bool {
        self.life.is_alive() && self.person.is_alive()
    }

    /// Notes that it was used. Returns what is worth storing: a twelfth of the idle limit since the last time for
    /// sessions, a quarter of an hour at most; an hour for tokens and app passwords.
    pub(super) fn used(&self, now: Timestamp, idle: Duration) -> Option<Use> {
        let (used, grain) = match &self.proof {
            Held::Session { id, .. } => (Use::Session(*id), NOTED.min(idle / 12)),
            Held::Token(token) => (Use::Token(token.record.id), Duration::from_secs(60 * 60)),
            // There is no row to say it.
            Held::Foreign(_) => return None,
            Held::AppPassword(password) => {
                let AppPasswordRecord { owner, digest, .. } = password.record;
                (Use::AppPassword((owner, digest)), Duration::from_secs(60 * 60))
            }
        };
        self.life.used(now, grain).then_some(used)
    }

    /// When the session was last used, as far as this process knows.
    pub fn last_used(&self) -> Timestamp {
        Timestamp::from_millis(self.life.used.load(Ordering::Acquire))
    }

    /// As rules take it, under this configuration.
    pub(super) fn facts(&self, in_force: &InForce, house: Generations) -> Facts {
        match &self.proof {
            Held::Session { factors, opened, proved, generations, .. } => Facts::Session(SessionFacts {
                factors: *factors,
                opened: *opened,
                proved: *proved,
                used: self.last_used(),
                generations: *generations,
            }),
            Held::Token(token) => Facts::Token(token.resolve(in_force)),
            Held::Foreign(token) => Facts::Foreign(token.facts(house)),
            Held::AppPassword(password) => Facts::AppPassword(password.resolve(in_force)),
        }
    }

    /// In force now for this person.
    pub(super) fn generations(&self, house: Generations) -> Generations {
        Generations { person: self.person.generation, ..house }
    }
}

/// Something was used and its row should say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    Session(SessionId),
    Token(TokenId),
    AppPassword(AppPasswordKey),
}

impl Life {
    fn new(used: Timestamp, noted: Timestamp) -> Self {
        Self { used: AtomicU64::new(used.millis()), noted: AtomicU64::new(noted.millis()) }
    }

    /// The same, for what is read anew.
    fn again(&self) -> Self {
        let of = |moment: &AtomicU64| AtomicU64::new(moment.load(Ordering::Acquire));
        Self { used: of(&self.used), noted: of(&self.noted) }
    }

    fn is_alive(&self) -> bool {
        self.noted.load(Ordering::Acquire) != DEAD
    }

    fn end(&self) {
        self.noted.store(DEAD, Ordering::Release);
    }

    /// It was used. Is that to be noted, after `grain` without a note?
    fn used(&self, now: Timestamp, grain: Duration) -> bool {
        if self.used.load(Ordering::Relaxed) < now.millis() {
            self.used.fetch_max(now.millis(), Ordering::AcqRel);
        }
        let noted = self.noted.load(Ordering::Acquire);
        let due = noted != DEAD && now.since(Timestamp::from_millis(noted)) >= grain;
        // One of several parallel requests wins and notes it. What has died meanwhile stays dead.
        due && self.noted.compare_exchange(noted, now.millis(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Fact for Visitor {
    fn key(&self) -> &[u8; 16] {
        self.shown()
    }

    fn kill(&self) {
        self.life.end();
    }
}

impl KnownPerson {
    fn of(record: PersonRecord) -> Self {
        let (dead, introduced) = (AtomicBool::new(false), ArcSwapWeak::default());
        Self { dead, generation: record.generation, introduced, record, _room: [0; ROOM] }
    }

    fn is_alive(&self) -> bool {
        !self.dead.load(Ordering::Acquire)
    }
}

impl Fact for KnownPerson {
    fn key(&self) -> &[u8; 16] {
        &self.record.person.id.0
    }

    fn kill(&self) {
        self.dead.store(true, Ordering::Release);
    }
}

impl KnownToken {
    /// The token's facts with its networks as this configuration names them. A name that is gone admits from nowhere.
    fn resolve(&self, in_force: &InForce) -> Arc<ResolvedToken> {
        if let Some(resolved) = self.resolved.load_full().filter(|resolved| resolved.generation == in_force.generation)
        {
            return resolved;
        }
        let token = &self.record;
        let only_from = named_networks(in_force, &token.only_from, &format!("token {}", token.id));
        let facts = TokenFacts {
            apps: token.apps.clone(),
            scopes: token.scopes.clone(),
            unscoped: Unscoped::Owner,
            only_from,
            expires: token.expires,
            generations: token.generations,
        };
        let resolved = Arc::new(ResolvedToken { generation: in_force.generation, facts });
        self.resolved.store(Some(Arc::clone(&resolved)));
        resolved
    }
}

/// The networks that `whose` names, under this configuration. A name that is gone admits from nowhere.
fn named_networks(in_force: &InForce, only_from: &[String], whose: &str) -> Option<Listed> {
    config::resolve_list(&in_force.settings.networks, only_from).unwrap_or_else(|reason| {
        tracing::warn!("{whose}: {reason}; it opens nothing until that is mended");
        Some(Listed {
            set: Arc::default(),
            names: only_from.join(", ").into(),
            place: Place { file: whose.into(), line: 0 },
        })
    })
}

/// The facts in memory.
pub(super) struct FactCache {
    vault: Vault,
    /// Whole visitors, so that a request finds everything with one look.
    rows: Rows<Row>,
    tokens: Cache<TokenId, Arc<Visitor>>,
    /// By the digest of what is shown.
    app_passwords: Cache<Digest, Arc<Visitor>>,
    people: Cache<UserId, Arc<KnownPerson>>,
    kinds: Kinds,
    lists: Lists,
    living_sessions: Shelf<Visitor>,
    living_tokens: Shelf<Visitor>,
    living_app_passwords: Shelf<Visitor>,
    living_people: Shelf<KnownPerson>,
}

impl FactCache {
    pub(super) fn new(vault: Vault) -> Self {
        Self {
            vault,
            rows: Rows::new(SESSIONS),
            tokens: bounded(TOKENS),
            app_passwords: bounded(APP_PASSWORDS),
            people: bounded(PEOPLE),
            kinds: Kinds::default(),
            lists: Lists::default(),
            living_sessions: Shelf::new(SESSIONS),
            living_tokens: Shelf::new(TOKENS),
            living_app_passwords: Shelf::new(APP_PASSWORDS),
            living_people: Shelf::new(PEOPLE),
        }
    }

    /// Who holds the session with this digest, if it is of a kind that `fits`.
    pub(super) async fn session(
        &self,
        digest: Digest,
        fits: impl Fn(&SessionKind) -> bool,
    ) -> Result<Option<Arc<Visitor>>, StoreError> {
        // Whether it is current is looked at before the clone is counted: what is far away then comes at once, not one after
        // the other.
        let known = self.rows.find(&digest, |row| row.visitor.is_current().then(|| row.clone())).flatten();
        let row = match known {
            Some(row) => Some(row),
            None => self.read_session(digest).await?,
        };
        Ok(row.filter(|row| fits(row.kind)).map(|row| row.visitor))
    }

    /// Has the place fetched where the row of this digest is, if there is one.
    pub(super) fn fetch_row(&self, digest: &Digest) {
        self.rows.fetch(digest);
    }

    /// Has the visitor fetched to whom this digest belongs: both ends, which lie in two lines of memory.
    pub(super) fn fetch_visitor(&self, digest: &Digest) {
        if let Some(visitor) = self.rows.find(digest, |row| Arc::as_ptr(&row.visitor)) {
            ahead::fetch(visitor);
            ahead::fetch(visitor.wrapping_byte_add(offset_of!(Visitor, life)));
        }
    }

    /// Has the person fetched whose digest this is: what a request asks of them lies in two lines.
    pub(super) fn fetch_person(&self, digest: &Digest) {
        if let Some(person) = self.rows.find(digest, |row| Arc::as_ptr(&row.visitor.person)) {
            ahead::fetch(person);
            ahead::fetch(person.wrapping_byte_add(offset_of!(KnownPerson, record.person.standing)));
        }
    }

    async fn read_session(&self, digest: Digest) -> Result<Option<Row>, StoreError> {
        let Some(SessionRecord { id, .. }) = self.vault.session(digest).await? else { return Ok(None) };
        // The id, and with it the place, is known only after a first read; the second one, after the place was taken, counts.
        let place = self.living_sessions.place(&id.0);
        let Some(value) = self.vault.session(digest).await? else { return Ok(None) };
        let SessionRecord { user, factors, opened, proved, generations, ref kind, .. } = value;
        let used = match self.living_sessions.get(&id.0) {
            Some(known) => known.last_used(),
            None => self.vault.session_used(id).await?.unwrap_or(opened),
        };
        let Some(person) = self.person(user).await? else { return Ok(None) };
        let proof = SessionProof { id, factors, opened, proved, generations };
        let visitor = self.living_sessions.put(&place, |known| match known {
            // Another row of the same sign-in.
            Some(known) if Arc::ptr_eq(&known.person, &person) && known.session() == Some(proof) => Arc::clone(known),
            _ => Arc::new(Visitor {
                person,
                proof: Held::Session { id, factors, opened, proved, generations },
                life: known.map_or_else(|| Life::new(used, used), |known| known.life.again()),
            }),
        });
        let row = Row { visitor, kind: self.kinds.kept(kind) };
        self.rows.insert(&digest, row.clone());
        Ok(Some(row))
    }

    /// Who owns the token with this id and secret.
    pub(super) async fn token(
        &self,
        id: TokenId,
        secret: &Secret<[u8; 32]>,
    ) -> Result<Option<Arc<Visitor>>, StoreError> {
        let visitor = match self.tokens.get(&id) {
            Some(visitor) if visitor.is_current() => Some(visitor),
            _ => self.read_token(id).await?,
        };
        let is_right = |visitor: &Arc<Visitor>| {
            visitor.token().is_some_and(|record| self.vault.check_token_secret(record, secret))
        };
        Ok(visitor.filter(is_right))
    }

    async fn read_token(&self, id: TokenId) -> Result<Option<Arc<Visitor>>, StoreError> {
        let place = self.living_tokens.place(&id.0);
        let Some(record) = self.vault.token(id).await? else { return Ok(None) };
        let Some(person) = self.person(record.owner).await? else { return Ok(None) };
        let visitor = self.living_tokens.put(&place, |known| match known {
            Some(known) if Arc::ptr_eq(&known.person, &person) => Arc::clone(known),
            _ => {
                let noted = record.last_used.map(|(at, _)| at).unwrap_or_default();
                let life = known.map_or_else(|| Life::new(Timestamp::default(), noted), |known| known.life.again());
                let token = KnownToken { record, resolved: ArcSwapOption::empty() };
                Arc::new(Visitor { person, proof: Held::Token(Box::new(token)), life })
            }
        });
        self.tokens.insert(id, Arc::clone(&visitor));
        Ok(Some(visitor))
    }

    /// Whose this token of another issuer is. Nothing is kept here: with the person's row, what is read ends.
    pub(super) async fn foreign(&self, token: Arc<ForeignToken>) -> Result<Option<Arc<Visitor>>, StoreError> {
        let called = &token.accepted.person;
        let Some(found) = self.vault.person_called(called).await? else { return Ok(None) };
        let Some(person) = self.person(found.person.id).await? else { return Ok(None) };
        let is_called_so = match called {
            LoginName::Name(name) => person.record.person.name == *name,
            LoginName::Email(email) => person.record.email.as_ref() == Some(email),
        };
        let life = Life::new(Timestamp::default(), Timestamp::default());
        Ok(is_called_so.then(|| Arc::new(Visitor { person, proof: Held::Foreign(token), life })))
    }

    /// The same visitor with facts as they are now; `None` if the session, token or person is gone.
    pub(super) async fn again(
        &self,
        visitor: &Arc<Visitor>,
        digest: Option<Digest>,
    ) -> Result<Option<Arc<Visitor>>, StoreError> {
        if visitor.is_current() {
            return Ok(Some(Arc::clone(visitor)));
        }
        match (&visitor.proof, digest) {
            (Held::Session { .. }, Some(digest)) => Ok(self.read_session(digest).await?.map(|row| row.visitor)),
            (Held::Session { .. }, None) => Ok(None),
            (Held::Token(token), _) => self.read_token(token.record.id).await,
            (Held::Foreign(token), _) => self.foreign(Arc::clone(token)).await,
            (Held::AppPassword(password), _) => {
                self.read_app_password((password.record.owner, password.record.digest)).await
            }
        }
    }

    async fn person(&self, id: UserId) -> Result<Option<Arc<KnownPerson>>, StoreError> {
        if let Some(known) = self.people.get(&id).filter(|known| known.is_alive()) {
            return Ok(Some(known));
        }
        let place = self.living_people.place(&id.0);
        let Some(mut record) = self.vault.person(id).await? else { return Ok(None) };
        self.lists.share(&mut record.person);
        let known = self.living_people.put(&place, |known| match known {
            // Their sessions remember them still, or somebody was quicker.
            Some(known) => Arc::clone(known),
            None => Arc::new(KnownPerson::of(record)),
        });
        self.people.insert(id, Arc::clone(&known));
        Ok(Some(known))
    }

    /// When a session was last used, if it was since this program began: the store hears of it now and then only.
    pub(super) fn last_used(&self, id: &SessionId) -> Option<Timestamp> {
        self.living_sessions.get(&id.0).map(|known| known.last_used())
    }

    /// Forgets what a notice speaks of.
    pub(super) fn forget(&self, notice: &Notice) {
        match notice {
            Notice::Person(id) => self.living_people.kill(&id.0),
            Notice::Session(id) => self.living_sessions.kill(&id.0),
            Notice::Token(id) => self.living_tokens.kill(&id.0),
            Notice::AppPassword(id) => self.living_app_passwords.kill(&id.0),
            Notice::All => self.forget_all(),
        }
    }

    /// Forgets everything: notices were missed.
    pub(super) fn forget_all(&self) {
        self.living_people.kill_all();
        self.living_sessions.kill_all();
        self.living_tokens.kill_all();
        self.living_app_passwords.kill_all();
    }
}

/// A cache of at most `entries`, which grows as it is filled.
fn bounded<K: Eq + Hash, V: Clone>(entries: usize) -> Cache<K, V> {
    Cache::with_weighter(FEW, entries as u64, UnitWeighter)
}

/// A session's use is noted after so long at the latest: as much of it is forgotten when the program ends.
const NOTED: Duration = Duration::from_secs(15 * 60);
/// With the counters of an `Arc`, what stands before the record, and the record: 256 bytes.
const ROOM: usize = 256 - 32 - size_of::<PersonRecord>();
/// Later than every moment: nothing is noted any more.
const DEAD: u64 = u64::MAX;
/// A cache begins with room for so many.
const FEW: usize = 1024;
/// Sessions in memory; what falls out is read again.
const SESSIONS: usize = 1_000_000;
/// Tokens in memory.
const TOKENS: usize = 100_000;
/// People in memory.
const PEOPLE: usize = 200_000;

#[cfg(test)]
mod tests;
