//! Whose is this token of another issuer? JWTs, checked with keys that are here already (A6; RFC 8725).
//!
//! A request never waits for the network: keys are fetched beside it, every [`EVERY`], and [`AT_MOST`] once a minute for a key
//! that is not known yet. The last good ones hold for [`HOLD`]; then nobody comes in until there are others. A token that was
//! checked is remembered by the digest of its whole text for [`REMEMBERED`], under the same keys and the same settings. That
//! is a fact, not a decision: the person's standing, the lists and the rules are asked with every request.

mod fetch;
mod keys;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::identity::TokenId;
use access::jwt::{Accepted, Fault, Unverified};
use access::policy::{Generations, TokenFacts};
use arc_swap::{ArcSwap, ArcSwapOption};
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;
use tokio::task::JoinSet;

use super::facts::Visitor;
use crate::clock::{Clock, Moment};
use crate::config::{InForce, Issuer, KeySource};
use keys::{Key, KeySet};

/// A token that its issuer signed for us.
#[derive(Debug)]
pub(super) struct ForeignToken {
    /// Of whom it speaks, not of its text: the same for all tokens that the issuer makes for them.
    pub(super) id: TokenId,
    pub(super) accepted: Accepted,
    issuer: Arc<Issuer>,
    key: Key,
    facts: ArcSwapOption<TokenFacts>,
}

/// The issuers' keys, and the tokens that were checked with them.
pub(super) struct ForeignTokens {
    rings: ArcSwap<Vec<Arc<Ring>>>,
    remembered: Cache<[u8; 32], Remembered>,
}

/// One issuer's keys.
struct Ring {
    issuer: Arc<Issuer>,
    /// The last good ones.
    keys: ArcSwapOption<KeySet>,
    /// When they were seen last, in microseconds of the clock.
    seen: AtomicU64,
    /// A token came with a key that is not known.
    is_wanted: AtomicBool,
    /// The last try.
    tried: Mutex<Option<Try>>,
}

#[derive(Clone, Copy)]
struct Try {
    at: Moment,
    worked: bool,
}

#[derive(Clone)]
struct Remembered {
    visitor: Arc<Visitor>,
    ring: Arc<Ring>,
    keys: Arc<KeySet>,
    checked: Moment,
}

/// What was found of a text.
pub(super) enum Checked {
    /// It was checked a moment ago, and nothing it stands on has changed.
    Known(Arc<Visitor>),
    /// It is good. Whose it is, the store has to say; then [`ForeignTokens::remember`].
    Good(Arc<ForeignToken>, Mark),
    /// No.
    Bad,
    /// There are no keys to check it with.
    NoKeys,
}

/// What a token was checked with.
pub(super) struct Mark {
    digest: [u8; 32],
    ring: Arc<Ring>,
    keys: Arc<KeySet>,
    checked: Moment,
}

impl ForeignToken {
    /// As rules take it. What ends all tokens of ours at once is nothing to it: its issuer made it.
    pub(super) fn facts(&self, house: Generations) -> Arc<TokenFacts> {
        if let Some(facts) = self.facts.load_full().filter(|facts| facts.generations == house) {
            return facts;
        }
        let facts = Arc::new(TokenFacts {
            apps: self.issuer.apps.clone(),
            scopes: self.accepted.scopes.clone(),
            unscoped: self.accepted.unscoped,
            only_from: None,
            expires: self.accepted.expires,
            generations: house,
        });
        self.facts.store(Some(Arc::clone(&facts)));
        facts
    }
}

impl ForeignTokens {
    pub(super) fn new() -> Self {
        Self { rings: ArcSwap::default(), remembered: Cache::with_weighter(64, TOKENS, UnitWeighter) }
    }

    /// Makes room for the issuers in force. What came from the same place is kept; all are asked anew.
    pub(super) fn align(&self, in_force: &InForce) {
        let before = self.rings.load();
        let rings = in_force.settings.issuers.values().map(|issuer| {
            let ring = match before.iter().find(|ring| ring.issuer.keys == issuer.keys) {
                Some(known) if known.issuer == *issuer => Arc::clone(known),
                Some(known) => Arc::new(known.of(Arc::clone(issuer))),
                None => Arc::new(Ring::new(Arc::clone(issuer))),
            };
            ring.is_wanted.store(true, Ordering::Release);
            if matches!(issuer.keys, KeySource::File(_)) {
                *ring.tried() = None;
            }
            ring
        });
        self.rings.store(Arc::new(rings.collect()));
    }

    /// Is this a token that one of the issuers made for us, by its own words?
    pub(super) fn is_meant_for_us(in_force: &InForce, text: &str) -> bool {
        let issuers = &in_force.settings.issuers;
        is_jwt(in_force, text)
            && Unverified::parse(text).is_ok_and(|token| {
                let issuer = token.issuer().and_then(|iss| issuers.get(iss));
                issuer.is_some_and(|issuer| token.is_meant_for(&issuer.trust))
            })
    }

    /// Is it good? Waits for nothing.
    pub(super) fn check(&self, in_force: &InForce, text: &str, clock: &Clock) -> Checked {
        let (moment, digest) = (clock.moment(), *blake3::hash(text.as_bytes()).as_bytes());
        if let Some(known) = self.remembered.get(&digest)
            && moment.since(known.checked) < REMEMBERED
            && known.visitor.is_current()
            && in_force.settings.issuers.get(&known.ring.issuer.trust.issuer) == Some(&known.ring.issuer)
            && known.ring.usable(moment).is_some_and(|keys| Arc::ptr_eq(&keys, &known.keys))
        {
            return Checked::Known(known.visitor);
        }
        let Ok(token) = Unverified::parse(text) else { return Checked::Bad };
        let Some(ring) = token.issuer().and_then(|iss| self.ring(in_force, iss)) else { return Checked::Bad };
        let Some(keys) = ring.usable(moment) else {
            ring.is_wanted.store(true, Ordering::Release);
            return Checked::NoKeys;
        };
        let id = token.key_id().map(str::to_owned);
        let mut signer = None;
        let accepted = token.accept(&ring.issuer.trust, clock.now(), |algorithm, message, signature| {
            let key = keys.find(id.as_deref(), algorithm);
            signer = key.filter(|key| key.has_signed(algorithm, message, signature)).cloned();
            if signer.is_none() {
                // A new key, perhaps; some issuers give theirs no ids.
                ring.is_wanted.store(true, Ordering::Release);
            }
            signer.is_some()
        });
        match (accepted, signer) {
            (Ok(accepted), Some(key)) => {
                let issuer = Arc::clone(&ring.issuer);
                let id = token_id(&issuer.trust.issuer, &accepted);
                let token = ForeignToken { id, accepted, issuer, key, facts: ArcSwapOption::empty() };
                Checked::Good(Arc::new(token), Mark { digest, ring, keys, checked: moment })
            }
            (Ok(_), None) => Checked::Bad,
            (Err(fault), _) => {
                told(&ring.issuer, fault);
                Checked::Bad
            }
        }
    }

    /// Whose the token is, for the next minute.
    pub(super) fn remember(&self, mark: Mark, visitor: &Arc<Visitor>) {
        let Mark { digest, ring, keys, checked } = mark;
        self.remembered.insert(digest, Remembered { visitor: Arc::clone(visitor), ring, keys, checked });
    }

    /// Would the token be good today? Its issuer is in force as it was, and has not given up the key.
    pub(super) fn holds(&self, in_force: &InForce, token: &ForeignToken, clock: &Clock) -> bool {
        let ring = self.ring(in_force, &token.issuer.trust.issuer).filter(|ring| ring.issuer == token.issuer);
        ring.and_then(|ring| ring.usable(clock.moment())).is_some_and(|keys| keys.has(&token.key))
    }

    fn ring(&self, in_force: &InForce, iss: &str) -> Option<Arc<Ring>> {
        let issuer = in_force.settings.issuers.get(iss)?;
        self.rings.load().iter().find(|ring| ring.issuer == *issuer).map(Arc::clone)
    }

    /// Begins to ask those whose time has come, each on its own: whoever does not answer keeps the others from nothing.
    pub(super) fn begin_refresh(&self, clock: &Clock, rounds: &mut JoinSet<()>) {
        let now = clock.moment();
        for ring in self.rings.load().iter().filter(|ring| ring.begin(now)) {
            let (ring, clock) = (Arc::clone(ring), clock.clone());
            rounds.spawn(async move { ring.refresh(&clock).await });
        }
    }
}

impl Ring {
    fn new(issuer: Arc<Issuer>) -> Self {
        Self {
            issuer,
            keys: ArcSwapOption::empty(),
            seen: AtomicU64::default(),
            is_wanted: AtomicBool::default(),
            tried: Mutex::default(),
        }
    }

    /// The same keys, asked for at the same place, under other settings.
    fn of(&self, issuer: Arc<Issuer>) -> Self {
        Self {
            issuer,
            keys: ArcSwapOption::new(self.keys.load_full()),
            seen: AtomicU64::new(self.seen.load(Ordering::Acquire)),
            is_wanted: AtomicBool::default(),
            tried: Mutex::new(*self.tried()),
        }
    }

    /// The keys, unless they are too old to be believed.
    fn usable(&self, now: Moment) -> Option<Arc<KeySet>> {
        let age = Duration::from_micros(now.micros().saturating_sub(self.seen.load(Ordering::Acquire)));
        if age < HOLD { self.keys.load_full() } else { None }
    }

    /// Has its time come? Then this is a try.
    fn begin(&self, now: Moment) -> bool {
        let mut tried = self.tried();
        let is_due = tried.is_none_or(|last| {
            let since = now.since(last.at);
            since >= EVERY || (since >= AT_MOST && (!last.worked || self.is_wanted.load(Ordering::Acquire)))
        });
        if is_due {
            self.is_wanted.store(false, Ordering::Release);
            *tried = Some(Try { at: now, worked: false });
        }
        is_due
    }

    async fn refresh(&self, clock: &Clock) {
        let name = &self.issuer.name;
        let keys = match fetch::keys(&self.issuer.keys).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(issuer = %name, "the keys of {name} can't be read: {error}; the last ones hold");
                return;
            }
        };
        if let Some(last) = &mut *self.tried() {
            last.worked = true;
        }
        self.seen.store(clock.moment().micros(), Ordering::Release);
        if self.keys.load().as_deref() != Some(&keys) {
            let (count, left_out) = (keys.count(), keys.left_out);
            tracing::info!(issuer = %name, count, left_out, "{name} has {count} keys; {left_out} more can't be used");
            self.keys.store(Some(Arc::new(keys)));
        }
    }

    fn tried(&self) -> std::sync::MutexGuard<'_, Option<Try>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Could it be one, and is there anybody whose it could be?
pub(super) fn is_jwt(in_force: &InForce, text: &str) -> bool {
    !in_force.settings.issuers.is_empty() && text.starts_with(OBJECT) && text.len() <= access::jwt::LONGEST
}

/// Why not, for administrators who look for it; strangers could fill a log with it.
fn told(issuer: &Issuer, fault: Fault) {
    tracing::debug!(issuer = %issuer.name, "a token of {} is not accepted: {fault}", issuer.name);
}

/// The same for all tokens of one issuer that speak of the same one. Each part with its length, so that no two meet.
fn token_id(iss: &str, accepted: &Accepted) -> TokenId {
    let mut hasher = blake3::Hasher::new();
    let person = match &accepted.person {
        access::identity::LoginName::Name(name) => name.as_str(),
        access::identity::LoginName::Email(email) => email.as_str(),
    };
    for part in [iss, &accepted.subject, person] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    TokenId(id)
}

/// How a JSON object begins in base64: `{"`.
const OBJECT: &str = "eyJ";
/// From one look at an issuer's keys to the next.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// After a failure, and for a key that is not known yet.
const AT_MOST: Duration = Duration::from_secs(60);
/// Keys that could not be read again are believed for so long.
const HOLD: Duration = Duration::from_secs(24 * 60 * 60);
/// A token that was checked is not checked again for so long.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Tokens in memory.
const TOKENS: u64 = 50_000;
