//! What is known about whoever shows this secret? Facts from memory, else from the store.
//!
//! Memory holds facts, never decisions, and is bounded. Each fact hangs on a [`Slot`] that a notice of the store marks
//! dead. A slot is taken *before* the store is read: if a revocation comes in between, the fact is filled into a dead
//! slot and is never believed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::identity::{SessionId, TokenId, UserId};
use access::policy::{Generations, Listed, Methods, Person, Place, SessionFacts, TokenFacts};
use access::{Secret, Timestamp};
use arc_swap::ArcSwapOption;
use quick_cache::sync::Cache;

use super::identity::Identity;
use crate::config::{self, InForce};
use crate::store::vault::{Digest, PersonRecord, SessionKind, SessionRecord, TokenRecord, Vault};
use crate::store::{Notice, StoreError};

/// Whoever showed a right secret, with everything rules and headers need.
#[derive(Debug)]
pub struct Visitor {
    person: Arc<Known<KnownPerson>>,
    proof: Held,
}

#[derive(Clone, Debug)]
enum Held {
    Session(Known<SessionProof>),
    Token(Arc<KnownToken>),
}

/// A session as far as requests need it: a million of them are in memory.
#[derive(Clone, Debug)]
pub struct SessionProof {
    /// As it is listed and ended.
    pub id: SessionId,
    /// What its row is for.
    kind: SessionKind,
    /// What was shown.
    pub factors: Methods,
    /// When the sign-in was completed.
    pub opened: Timestamp,
    /// When something was last proved.
    pub proved: Timestamp,
    /// As they were at that moment.
    pub generations: Generations,
}

#[derive(Debug)]
struct KnownPerson {
    record: PersonRecord,
    said: Identity,
}

/// What was shown, as rules take it; made for one decision.
#[derive(Debug)]
pub(super) enum Facts {
    Session(SessionFacts),
    Token(Arc<ResolvedToken>),
}

/// A token's facts under one configuration, which says what its networks' names mean.
#[derive(Debug)]
pub(super) struct ResolvedToken {
    generation: u64,
    pub(super) facts: TokenFacts,
}

#[derive(Debug)]
struct KnownToken {
    known: Known<TokenRecord>,
    resolved: ArcSwapOption<ResolvedToken>,
}

impl Visitor {
    /// The person, as rules know them.
    pub fn person(&self) -> &Person {
        &self.person.value.record.person
    }

    /// The person, as pages know them.
    pub fn record(&self) -> &PersonRecord {
        &self.person.value.record
    }

    /// The person, as apps are told.
    pub fn identity(&self) -> &Identity {
        &self.person.value.said
    }

    /// The session, if that is what was shown.
    pub fn session(&self) -> Option<&SessionProof> {
        match &self.proof {
            Held::Session(session) => Some(&session.value),
            Held::Token(_) => None,
        }
    }

    /// The token, if that is what was shown.
    pub fn token(&self) -> Option<&TokenRecord> {
        match &self.proof {
            Held::Session(_) => None,
            Held::Token(token) => Some(&token.known.value),
        }
    }

    /// Has nothing it stands on been changed since it was read?
    pub(super) fn is_current(&self) -> bool {
        let proof = match &self.proof {
            Held::Session(session) => session.slot.is_alive(),
            Held::Token(token) => token.known.slot.is_alive(),
        };
        proof && self.person.slot.is_alive()
    }

    /// Notes that it was used. Returns what is worth storing: five minutes since the last time for sessions (a twelfth of
    /// the idle limit if that is less), an hour for tokens.
    pub(super) fn used(&self, now: Timestamp, idle: Duration) -> Option<Use> {
        let (slot, grain) = match &self.proof {
            Held::Session(session) => (&session.slot, NOTED.min(idle / 12)),
            Held::Token(token) => (&token.known.slot, Duration::from_secs(60 * 60)),
        };
        if slot.used.load(Ordering::Relaxed) < now.millis() {
            slot.used.fetch_max(now.millis(), Ordering::AcqRel);
        }
        let noted = slot.noted.load(Ordering::Acquire);
        let due = now.since(Timestamp::from_millis(noted)) >= grain;
        // One of several parallel requests wins and notes it.
        let won = due && slot.noted.compare_exchange(noted, now.millis(), Ordering::AcqRel, Ordering::Acquire).is_ok();
        won.then(|| match &self.proof {
            Held::Session(session) => Use::Session(session.value.id),
            Held::Token(token) => Use::Token(token.known.value.id),
        })
    }

    /// When the session was last used, as far as this process knows.
    pub fn last_used(&self) -> Timestamp {
        let slot = match &self.proof {
            Held::Session(session) => &session.slot,
            Held::Token(token) => &token.known.slot,
        };
        Timestamp::from_millis(slot.used.load(Ordering::Acquire))
    }

    /// As rules take it, under this configuration.
    pub(super) fn facts(&self, in_force: &InForce) -> Facts {
        match &self.proof {
            Held::Session(session) => Facts::Session(SessionFacts {
                factors: session.value.factors,
                opened: session.value.opened,
                proved: session.value.proved,
                used: self.last_used(),
                generations: session.value.generations,
            }),
            Held::Token(token) => Facts::Token(token.resolve(in_force)),
        }
    }

    /// In force now for this person.
    pub(super) fn generations(&self, house: Generations) -> Generations {
        Generations { person: self.record().generation, ..house }
    }
}

/// Something was used and its row should say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    Session(SessionId),
    Token(TokenId),
}

#[derive(Clone, Debug)]
struct Known<T> {
    value: T,
    slot: Arc<Slot>,
}

impl KnownToken {
    fn new(value: TokenRecord, slot: Arc<Slot>) -> Arc<Self> {
        Arc::new(Self { known: Known { value, slot }, resolved: ArcSwapOption::empty() })
    }

    /// The token's facts with its networks as this configuration names them. A name that is gone admits from nowhere.
    fn resolve(&self, in_force: &InForce) -> Arc<ResolvedToken> {
        if let Some(resolved) = self.resolved.load_full().filter(|resolved| resolved.generation == in_force.generation)
        {
            return resolved;
        }
        let token = &self.known.value;
        let only_from = config::resolve_list(&in_force.settings.networks, &token.only_from).unwrap_or_else(|reason| {
            tracing::warn!(token = %token.id, "token {}: {reason}; it opens nothing until that is mended", token.id);
            Some(Listed {
                set: Arc::default(),
                names: token.only_from.join(", ").into(),
                place: Place { file: format!("token {}", token.id).into(), line: 0 },
            })
        });
        let facts = TokenFacts {
            apps: token.apps.clone(),
            scopes: token.scopes.clone(),
            only_from,
            expires: token.expires,
            generations: token.generations,
        };
        let resolved = Arc::new(ResolvedToken { generation: in_force.generation, facts });
        self.resolved.store(Some(Arc::clone(&resolved)));
        resolved
    }
}

/// Shared by everything that was read of one row; dead once the row changed.
#[derive(Debug, Default)]
struct Slot {
    dead: AtomicBool,
    used: AtomicU64,
    noted: AtomicU64,
}

impl Slot {
    fn is_alive(&self) -> bool {
        !self.dead.load(Ordering::Acquire)
    }
}

/// The slots of one kind of row.
#[derive(Debug)]
struct Slots<K>(Mutex<HashMap<K, Arc<Slot>>>);

impl<K: Eq + Hash + Copy> Slots<K> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn take(&self, key: K) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= PRUNE_AT && slots.len().is_power_of_two() {
            // Nothing remembers these any more: their entries were evicted.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key).or_default())
    }

    fn kill(&self, key: K) {
        if let Some(slot) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key) {
            slot.dead.store(true, Ordering::Release);
        }
    }

    fn kill_all(&self) {
        for (_, slot) in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            slot.dead.store(true, Ordering::Release);
        }
    }
}

/// The facts in memory.
pub(super) struct FactCache {
    vault: Vault,
    /// Whole visitors, so that a request finds everything with one look.
    sessions: Cache<Digest, Arc<Visitor>>,
    tokens: Cache<TokenId, Arc<Visitor>>,
    people: Cache<UserId, Arc<Known<KnownPerson>>>,
    session_slots: Slots<SessionId>,
    token_slots: Slots<TokenId>,
    person_slots: Slots<UserId>,
}

impl FactCache {
    pub(super) fn new(vault: Vault) -> Self {
        Self {
            vault,
            sessions: bounded(SESSIONS),
            tokens: bounded(TOKENS),
            people: bounded(PEOPLE),
            session_slots: Slots::new(),
            token_slots: Slots::new(),
            person_slots: Slots::new(),
        }
    }

    /// Who holds the session with this digest, if it is of a kind that `fits`.
    pub(super) async fn session(
        &self,
        digest: Digest,
        fits: impl Fn(&SessionKind) -> bool,
    ) -> Result<Option<Arc<Visitor>>, StoreError> {
        let visitor = match self.sessions.get(&digest) {
            Some(visitor) if visitor.is_current() => Some(visitor),
            _ => self.read_session(digest).await?,
        };
        let fits = |visitor: &Arc<Visitor>| matches!(&visitor.proof, Held::Session(known) if fits(&known.value.kind));
        Ok(visitor.filter(fits))
    }

    async fn read_session(&self, digest: Digest) -> Result<Option<Arc<Visitor>>, StoreError> {
        let Some(first) = self.vault.session(digest).await? else { return Ok(None) };
        // The id, and with it the slot, is known only after a first read; the second one, after the slot was taken, counts.
        let slot = self.session_slots.take(first.id);
        let Some(value) = self.vault.session(digest).await? else { return Ok(None) };
        if slot.used.load(Ordering::Acquire) == 0 {
            let used = self.vault.session_used(value.id).await?.unwrap_or(value.opened);
            slot.used.fetch_max(used.millis(), Ordering::AcqRel);
            slot.noted.fetch_max(used.millis(), Ordering::AcqRel);
        }
        let Some(person) = self.person(value.user).await? else { return Ok(None) };
        let SessionRecord { id, kind, factors, opened, proved, generations, .. } = value;
        let value = SessionProof { id, kind, factors, opened, proved, generations };
        let visitor = Arc::new(Visitor { person, proof: Held::Session(Known { value, slot }) });
        self.sessions.insert(digest, Arc::clone(&visitor));
        Ok(Some(visitor))
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
        let slot = self.token_slots.take(id);
        let Some(value) = self.vault.token(id).await? else { return Ok(None) };
        if let Some((at, _)) = value.last_used {
            slot.noted.fetch_max(at.millis(), Ordering::AcqRel);
        }
        let Some(person) = self.person(value.owner).await? else { return Ok(None) };
        let visitor = Arc::new(Visitor { person, proof: Held::Token(KnownToken::new(value, slot)) });
        self.tokens.insert(id, Arc::clone(&visitor));
        Ok(Some(visitor))
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
            (Held::Session(_), Some(digest)) => self.read_session(digest).await,
            (Held::Session(_), None) => Ok(None),
            (Held::Token(token), _) => self.read_token(token.known.value.id).await,
        }
    }

    async fn person(&self, id: UserId) -> Result<Option<Arc<Known<KnownPerson>>>, StoreError> {
        if let Some(known) = self.people.get(&id).filter(|known| known.slot.is_alive()) {
            return Ok(Some(known));
        }
        let slot = self.person_slots.take(id);
        let Some(record) = self.vault.person(id).await? else { return Ok(None) };
        let said = Identity::of(&record);
        let known = Arc::new(Known { value: KnownPerson { record, said }, slot });
        self.people.insert(id, Arc::clone(&known));
        Ok(Some(known))
    }

    /// Forgets what a notice speaks of.
    pub(super) fn forget(&self, notice: &Notice) {
        match notice {
            Notice::Person(id) => self.person_slots.kill(*id),
            Notice::Session(id) => self.session_slots.kill(*id),
            Notice::Token(id) => self.token_slots.kill(*id),
            Notice::All => self.forget_all(),
        }
    }

    /// Forgets everything: notices were missed.
    pub(super) fn forget_all(&self) {
        self.person_slots.kill_all();
        self.session_slots.kill_all();
        self.token_slots.kill_all();
    }
}

/// A cache of at most `entries`, which grows as it is filled.
fn bounded<K: Eq + Hash, V: Clone>(entries: u64) -> Cache<K, V> {
    Cache::with_weighter(1024, entries, quick_cache::UnitWeighter)
}

/// A session's use is noted after so long.
const NOTED: Duration = Duration::from_secs(5 * 60);
/// Sessions in memory; what falls out is read again.
const SESSIONS: u64 = 1_000_000;
/// Tokens in memory.
const TOKENS: u64 = 100_000;
/// People in memory.
const PEOPLE: u64 = 200_000;
/// Slots are pruned at this many and at every doubling.
const PRUNE_AT: usize = 1 << 16;
