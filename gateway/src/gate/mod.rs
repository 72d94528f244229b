//! May this request, this visitor, come in? Gather, decide, act.
//!
//! [`Gate::admit`] gathers (who showed this secret, from memory or from the store), asks `access::decide`, and acts on the
//! answer: a [`Permit`], or a refusal that says why to the right reader. Sign-ins are in [`login`]. Nothing here decides.

pub mod account;
mod ahead;
pub mod app_passwords;
mod assertion;
mod back;
mod basic;
mod codes;
mod cut;
mod denials;
mod facts;
mod foreign;
mod identity;
mod live;
pub mod login;
pub mod own;
pub mod passkeys;
mod passwords;
mod permit;
mod pool;
pub mod questions;
mod rate;
pub mod recovery;
mod relying_party;
mod rows;
mod shared;
mod shelf;
mod uses;

use std::sync::Arc;
use std::time::Duration;

use access::identity::AppName;
use access::network::{Believed, Claims};
use access::policy::{Attempt, Certificate, Decision, Goal, Need, Place, Proof, Reason, Walk};
use access::{ClientAddr, Secret};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

pub use ahead::Coming;
pub use assertion::{AssertionError, Introduction};
pub use back::BackRoom;
pub(crate) use back::standing_back;
#[cfg(test)]
pub(crate) use back::stands_back;
pub use cut::{Cut, Hold};
pub use denials::{Denial, Reference};
pub use facts::{SessionProof, Visitor};
pub use identity::Identity;
#[cfg(test)]
pub(crate) use identity::{REMOTE_EMAIL, REMOTE_GROUPS, REMOTE_NAME, REMOTE_USER, X_VESTIBULE_ASSERTION};
pub use permit::Permit;
pub use pool::Busy;

use crate::clock::Clock;
use crate::config::{AppLimits, InForce};
use crate::metrics::{ALLOW, ALLOWED, AppMetrics, Metrics, TokenKind};
use crate::store::vault::{Digest, SessionKind, Vault};
use crate::store::{Cursor, StoreError};
use facts::{FactCache, Facts};
use foreign::{Checked, ForeignTokens};
use live::{Inside, Live};

/// The two doors. One per gateway, shared by all who serve.
pub struct Gate {
    vault: Vault,
    clock: Clock,
    metrics: Arc<Metrics>,
    facts: FactCache,
    foreign: ForeignTokens,
    live: Arc<Live>,
    denials: denials::Denials,
    references: denials::References,
    uses: uses::Uses,
    guesses: basic::Guesses,
    pool: pool::HashPool,
    rates: rate::Rates,
    assertions: assertion::Assertions,
    read_up_to: Mutex<Cursor>,
}

/// Why a gate can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing key.
    #[error(transparent)]
    Assertion(#[from] AssertionError),
    /// The threads that hash passwords.
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// What was shown, as it came.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// Nothing.
    Nothing,
    /// The portal's cookie.
    PortalCookie(&'a str),
    /// The cookie of this app's host.
    AppCookie(&'a AppName, Coming),
    /// `Authorization: Bearer …`.
    Bearer(&'a str),
    /// `Authorization: Basic …`, to an app that takes app passwords.
    Basic {
        /// The base64.
        credentials: &'a str,
        /// What the program calls itself.
        client: &'a str,
    },
}

/// One request at the door.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The configuration this request is served under.
    pub in_force: &'a InForce,
    /// From where.
    pub address: ClientAddr,
    /// With which certificate.
    pub certificate: Certificate,
    /// To what.
    pub goal: Goal<'a>,
    /// With what.
    pub shown: Shown<'a>,
    /// What is kept for the app, if it is one.
    pub app: Option<OfApp<'a>>,
    /// How to end the request later, if it can be ended.
    pub hold: Option<Hold>,
}

/// What is kept for an app that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct OfApp<'a> {
    /// Where admissions are counted, without looking up their labels.
    pub counts: &'a AppMetrics,
    /// How often it may be asked.
    pub limits: &'a AppLimits,
}

/// Where a request comes from: all that is known before anybody has shown who they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// From where.
    pub address: ClientAddr,
    /// With which certificate.
    pub certificate: Certificate,
}

impl Ask<'_> {
    const fn origin(&self) -> Origin {
        Origin { address: self.address, certificate: self.certificate }
    }
}

/// The answer at the door.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// Come in.
    Enter(Permit),
    /// Not yet.
    SignIn {
        /// What has to be shown.
        need: Need,
        /// Who it is, as far as is known.
        visitor: Option<Arc<Visitor>>,
    },
    /// No.
    Refuse(Denied),
}

/// What an app would say. Opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prospect {
    /// Come in.
    Open,
    /// Show something more first.
    Asks(Need),
    /// No.
    Closed,
}

/// A no, with what each reader may learn.
#[derive(Clone, Debug)]
pub struct Denied {
    /// Why, for the one who is refused.
    pub cause: Cause,
    /// Leads an administrator to the whole story.
    pub reference: Reference,
    /// The rule that refused, for the log.
    pub rule: Option<Place>,
    /// Who it is, as far as a right secret said.
    pub visitor: Option<Arc<Visitor>>,
}

/// Why not, as far as anybody outside may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The rules say no.
    Rules(Reason),
    /// The bearer token is malformed, unknown or revoked: which of them is nobody's business.
    TokenInvalid,
    /// User name and app password don't belong together: which of them is wrong is nobody's business either.
    AppPasswordInvalid,
    /// Too many wrong app passwords: the next one is looked at after so long.
    TooManyTries(Duration),
    /// The store can't be asked. Nobody is let in on a guess.
    Unavailable,
    /// More requests than the app's limits allow: not before so long.
    TooMany(Duration),
}

impl Cause {
    /// The word in problem documents, logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rules(reason) => reason.code(),
            Self::TokenInvalid => "token_invalid",
            Self::AppPasswordInvalid => "app_password_invalid",
            Self::TooManyTries(_) => "too_many_tries",
            Self::Unavailable => "unavailable",
            Self::TooMany(_) => "too_many_requests",
        }
    }
}

impl Gate {
    /// A gate above a store. Errors: the store, or a signing key that can't be read.
    pub async fn open(vault: Vault, clock: Clock, metrics: Arc<Metrics>) -> Result<Self, OpenError> {
        // Before anything is read: nothing that is kept in memory is older.
        let read_up_to = Mutex::new(vault.latest());
        Ok(Self {
            assertions: assertion::Assertions::new(&vault.assertion_key().await?)?,
            facts: FactCache::new(vault.clone()),
            foreign: ForeignTokens::new(),
            live: Live::new(),
            denials: denials::Denials::default(),
            references: denials::References::new(Secret::new(random())),
            uses: uses::Uses::default(),
            guesses: basic::Guesses::default(),
            pool: pool::HashPool::new(clock.clone(), Arc::clone(&metrics))?,
            rates: rate::Rates::new(),
            read_up_to,
            vault,
            clock,
            metrics,
        })
    }

    /// Who it is, signed, for one app.
    pub fn introduce(
        &self,
        in_force: &InForce,
        visitor: &Arc<Visitor>,
        app: &AppName,
    ) -> Result<Arc<Introduction>, AssertionError> {
        self.assertions.introduce(in_force, visitor, app, self.clock.now())
    }

    /// The keys by which apps verify assertions, as a JWK set (RFC 7517).
    pub const fn jwks(&self) -> &serde_json::Value {
        self.assertions.jwks()
    }

    /// May this request come in? Never an error: what can't be known is a refusal.
    pub async fn admit(&self, ask: Ask<'_>) -> Admission {
        let found = match self.identify(&ask).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "a request was refused because the store could not be asked");
                return Admission::Refuse(self.deny(&ask, Cause::Unavailable, None, None));
            }
        };
        let now = self.clock.now();
        let (visitor, digest, wrong) = match found {
            Found::Visitor(visitor, digest) => (Some(visitor), digest, None),
            Found::Nobody => (None, None, None),
            Found::Wrong(cause) => (None, None, Some(cause)),
        };
        let decision = self.ask_rules(ask.in_force, ask.origin(), ask.goal, visitor.as_ref(), now);
        let too_many = match &decision {
            Decision::Allow(grant) => self.too_many(&ask, visitor.as_ref().filter(|_| grant.person().is_some())),
            Decision::SignIn(_) | Decision::Refuse(_) => None,
        };
        self.count(&ask, &decision, wrong, too_many);
        if let Some(wait) = too_many {
            return Admission::Refuse(self.deny(&ask, Cause::TooMany(wait), None, visitor));
        }
        match decision {
            Decision::Allow(grant) => {
                let visitor = visitor.filter(|_| grant.person().is_some());
                if let Some(visitor) = &visitor
                    && let Some(used) =
                        visitor.used(now, ask.in_force.settings.policy.rules().organization.session.idle)
                {
                    let client = if let Shown::Basic { client, .. } = ask.shown { client } else { "" };
                    self.uses.note(used, now, ask.address.ip(), client);
                }
                let registration = self.register(&ask, visitor.as_ref(), digest);
                Admission::Enter(Permit::new(grant, visitor, registration))
            }
            // Where a proof is needed, one that means nothing is the sender's error; on a public path it is ignored.
            Decision::SignIn(need) => match wrong {
                Some(cause) => Admission::Refuse(self.deny(&ask, cause, None, None)),
                None => Admission::SignIn { need, visitor },
            },
            Decision::Refuse(refusal) => {
                Admission::Refuse(self.deny(&ask, Cause::Rules(refusal.reason), refusal.rule, visitor))
            }
        }
    }

    /// Do the app's limits keep out who was just admitted? Then for how long.
    fn too_many(&self, ask: &Ask<'_>, visitor: Option<&Arc<Visitor>>) -> Option<Duration> {
        let (Some(of_app), Goal::App { app, .. }) = (ask.app, ask.goal) else { return None };
        let asker = rate::Asker {
            address: ask.address,
            person: visitor.map(|visitor| visitor.person().id),
            token: visitor.and_then(|visitor| visitor.token_id()),
        };
        self.rates.admit(app, of_app.limits, asker, &self.clock).err()
    }

    /// Who showed this? A cookie that means nothing is as good as none; a bearer token or an app password that means nothing
    /// is an error of the one who sent it.
    async fn identify(&self, ask: &Ask<'_>) -> Result<Found, StoreError> {
        let (digest, visitor) = match ask.shown {
            Shown::Nothing => return Ok(Found::Nobody),
            Shown::PortalCookie(secret) => {
                let digest = self.session_digest(secret);
                (digest, self.facts.session(digest, |kind| *kind == SessionKind::Portal).await?)
            }
            Shown::AppCookie(app, Coming { digest, .. }) => {
                let fits = |kind: &SessionKind| matches!(kind, SessionKind::App(of) if of == app);
                (digest, self.facts.session(digest, fits).await?)
            }
            Shown::Bearer(text) => return self.identify_bearer(ask.in_force, text).await,
            Shown::Basic { credentials, .. } => return self.identify_basic(credentials, ask.address).await,
        };
        Ok(visitor.map_or(Found::Nobody, |visitor| Found::Visitor(visitor, Some(digest))))
    }

    async fn identify_bearer(&self, in_force: &InForce, text: &str) -> Result<Found, StoreError> {
        if let Some(secret) = text.strip_prefix(DEVICE_PREFIX) {
            let digest = self.session_digest(secret);
            let visitor = self.facts.session(digest, |kind| *kind == SessionKind::Device).await?;
            return Ok(
                visitor.map_or(Found::Wrong(Cause::TokenInvalid), |visitor| Found::Visitor(visitor, Some(digest)))
            );
        }
        if foreign::is_jwt(in_force, text) {
            return self.identify_foreign(in_force, text).await;
        }
        let Some((id, secret)) = access::token::parse(text) else {
            return Ok(Found::Wrong(Cause::TokenInvalid));
        };
        let visitor = self.facts.token(id, &secret).await?;
        Ok(visitor.map_or(Found::Wrong(Cause::TokenInvalid), |visitor| Found::Visitor(visitor, None)))
    }

    async fn identify_foreign(&self, in_force: &InForce, text: &str) -> Result<Found, StoreError> {
        let (token, mark) = match self.foreign.check(in_force, text, &self.clock) {
            Checked::Known(visitor) => return Ok(Found::Visitor(visitor, None)),
            Checked::Good(token, mark) => (token, mark),
            Checked::Bad => return Ok(Found::Wrong(Cause::TokenInvalid)),
            Checked::NoKeys => return Ok(Found::Wrong(Cause::Unavailable)),
        };
        let Some(visitor) = self.facts.foreign(token).await? else {
            return Ok(Found::Wrong(Cause::TokenInvalid));
        };
        self.foreign.remember(mark, &visitor);
        Ok(Found::Visitor(visitor, None))
    }

    /// Is this bearer token one that we should judge? Ours by its look, or made for us by an issuer in force.
    pub fn is_for_us(in_force: &InForce, text: &str) -> bool {
        text.starts_with(access::token::PREFIX)
            || text.starts_with(DEVICE_PREFIX)
            || ForeignTokens::is_meant_for_us(in_force, text)
    }

    /// Takes over the issuers of a configuration that comes into force.
    pub fn know_issuers(&self, in_force: &InForce) {
        self.foreign.align(in_force);
    }

    /// Begins to ask the issuers whose time has come for their keys.
    pub fn ask_issuers(&self, rounds: &mut JoinSet<()>) {
        self.foreign.begin_refresh(&self.clock, rounds);
    }

    fn ask_rules(
        &self,
        in_force: &InForce,
        origin: Origin,
        goal: Goal<'_>,
        visitor: Option<&Arc<Visitor>>,
        now: access::Timestamp,
    ) -> Decision {
        self.with_attempt(in_force, origin, goal, visitor, |attempt| {
            access::decide(&in_force.settings.policy, attempt, now)
        })
    }

    fn with_attempt<T>(
        &self,
        in_force: &InForce,
        origin: Origin,
        goal: Goal<'_>,
        visitor: Option<&Arc<Visitor>>,
        then: impl FnOnce(&Attempt<'_>) -> T,
    ) -> T {
        let house = self.vault.generations();
        let Origin { address, certificate } = origin;
        let Some(visitor) = visitor else {
            return then(&Attempt { address, certificate, goal, proof: Proof::Nobody, generations: house });
        };
        let facts = visitor.facts(in_force, house);
        let proof = match &facts {
            Facts::Session(session) => Proof::Session { person: visitor.person(), session },
            Facts::Token(token) => Proof::Token { person: visitor.person(), token: &token.facts },
            Facts::Foreign(token) => Proof::Token { person: visitor.person(), token },
            Facts::AppPassword(password) => Proof::AppPassword { person: visitor.person(), password: &password.facts },
        };
        then(&Attempt { address, certificate, goal, proof, generations: visitor.generations(house) })
    }

    fn register(
        &self,
        ask: &Ask<'_>,
        visitor: Option<&Arc<Visitor>>,
        digest: Option<Digest>,
    ) -> Option<live::Registration> {
        let (Some(hold), Goal::App { app, method, path }) = (&ask.hold, ask.goal) else { return None };
        Some(self.live.register(Inside {
            origin: ask.origin(),
            client_authority: ask.in_force.client_authority,
            app: app.clone(),
            method: live::kept(method),
            path: path.clone().into_owned(),
            visitor: visitor.cloned(),
            digest,
            hold: hold.clone(),
        }))
    }

    fn count(&self, ask: &Ask<'_>, decision: &Decision, wrong: Option<Cause>, too_many: Option<Duration>) {
        let (kind, reason) = match (decision, wrong) {
            (Decision::Allow(_), _) if too_many.is_some() => ("refuse", "rate_limited"),
            (Decision::Allow(_), _) => (ALLOW, ALLOWED),
            (Decision::SignIn(_), Some(cause)) => ("refuse", cause.code()),
            (Decision::SignIn(need), None) => ("sign_in", need_code(*need)),
            (Decision::Refuse(refusal), _) => ("refuse", refusal.reason.code()),
        };
        let token = match ask.shown {
            Shown::Bearer(text) if text.starts_with(DEVICE_PREFIX) => Some(TokenKind::Device),
            Shown::Bearer(text) if foreign::is_jwt(ask.in_force, text) => Some(TokenKind::Jwt),
            Shown::Bearer(_) => Some(TokenKind::Token),
            Shown::Basic { .. } => Some(TokenKind::AppPassword),
            Shown::Nothing | Shown::PortalCookie(_) | Shown::AppCookie(..) => None,
        };
        match (decision, ask.app) {
            (Decision::Allow(_), Some(of_app)) if too_many.is_none() => of_app.counts.allowed(token),
            (Decision::Refuse(refusal), Some(of_app))
                if refusal.reason == Reason::AddressNotAllowed && token.is_none() =>
            {
                of_app.counts.address_refused();
            }
            _ => self.metrics.decided(goal_label(&ask.goal), kind, reason, token),
        }
    }

    /// Could nobody come in from there, whoever it is? What is refused then is refused by the rules, request by request.
    pub fn turns_away(&self, in_force: &InForce, address: ClientAddr) -> bool {
        let origin = Origin { address, certificate: Certificate::NotShown };
        let decision = self.ask_rules(in_force, origin, Goal::SignIn, None, self.clock.now());
        matches!(decision, Decision::Refuse(refusal) if refusal.reason == Reason::AddressNotAllowed)
    }

    /// The refusal of a request that shows nothing, if its address is refused there. Otherwise nothing is counted, charged or
    /// remembered: it is [`Self::admit`]'s.
    pub fn refuse_address(&self, ask: &Ask<'_>) -> Option<Denied> {
        debug_assert!(matches!(ask.shown, Shown::Nothing), "who shows something is somebody, perhaps");
        let decision = self.ask_rules(ask.in_force, ask.origin(), ask.goal, None, self.clock.now());
        let Decision::Refuse(refusal) = &decision else { return None };
        if refusal.reason != Reason::AddressNotAllowed {
            return None;
        }
        self.count(ask, &decision, None, None);
        Some(self.deny(ask, Cause::Rules(refusal.reason), refusal.rule.clone(), None))
    }

    /// Remembers a refusal and gives it its reference code.
    pub fn deny(&self, ask: &Ask<'_>, cause: Cause, rule: Option<Place>, visitor: Option<Arc<Visitor>>) -> Denied {
        let reference = self.reference();
        let (app, method, path) = match ask.goal {
            Goal::App { app, method, path } => (Some(app.clone()), method, path.as_str()),
            Goal::SignIn | Goal::Portal => (None, "", ""),
        };
        self.denials.remember(path, |path| Denial {
            reference,
            at: self.clock.now(),
            code: cause.code(),
            origin: ask.origin(),
            app,
            method: live::kept(method),
            path,
            visitor: visitor.clone(),
        });
        Denied { cause, reference, rule, visitor }
    }

    /// A fresh reference code, for pages that are no refusal by the rules.
    pub fn reference(&self) -> Reference {
        self.references.next()
    }

    /// The refusal behind a reference code, if it is among the latest.
    pub fn denial(&self, reference: &Reference) -> Option<Denial> {
        self.denials.find(reference)
    }

    /// The walk for a visitor as they are now, for `explain` and `/whoami`.
    pub fn explain(&self, in_force: &InForce, origin: Origin, goal: Goal<'_>, visitor: Option<&Arc<Visitor>>) -> Walk {
        let now = self.clock.now();
        self.with_attempt(in_force, origin, goal, visitor, |attempt| {
            access::explain(&in_force.settings.policy, attempt, now)
        })
    }

    /// What would an app say to this visitor? For lists of apps and the way to a sign-in; opens nothing.
    pub fn prospect(
        &self,
        in_force: &InForce,
        address: ClientAddr,
        app: &AppName,
        path: &access::target::CanonicalPath<'_>,
        visitor: &Arc<Visitor>,
    ) -> Prospect {
        let goal = Goal::App { app, method: "GET", path };
        // Whether the browser holds a certificate shows when it goes there: on the portal nobody asks for one.
        let origin = Origin { address, certificate: Certificate::Shown };
        match self.ask_rules(in_force, origin, goal, Some(visitor), self.clock.now()) {
            Decision::Allow(_) => Prospect::Open,
            Decision::SignIn(need) => Prospect::Asks(need),
            Decision::Refuse(_) => Prospect::Closed,
        }
    }

    /// Reads what the store published, forgets what it speaks of, and asks everyone inside again if there was anything.
    /// Whoever changes something calls this before answering, so that an acknowledged change is in force.
    pub async fn catch_up(&self, in_force: &InForce) -> Result<(), StoreError> {
        let began = self.clock.moment();
        let mut read_up_to = self.read_up_to.lock().await;
        let feed = self.vault.feed(*read_up_to).await?;
        if feed.gap {
            self.facts.forget_all();
        }
        for notice in &feed.notices {
            self.facts.forget(notice);
        }
        *read_up_to = feed.cursor;
        drop(read_up_to);
        if (feed.gap || !feed.notices.is_empty()) && self.review(in_force).await > 0 {
            self.metrics.revocation.observe(self.clock.moment().since(began).as_secs_f64());
        }
        Ok(())
    }

    /// Returns as soon as the store has published something that was not read yet.
    pub async fn something_changed(&self) {
        let read_up_to = *self.read_up_to.lock().await;
        self.vault.changed_after(read_up_to).await;
    }

    /// Tells the store what was used since the last time.
    pub async fn tell_uses(&self) {
        self.uses.tell(&self.vault).await;
    }

    /// Asks everyone inside again and cuts those who may no longer be; returns how many. What can't be asked is cut.
    pub async fn review(&self, in_force: &InForce) -> usize {
        let mut cut = 0;
        for inside in self.live.everyone() {
            if !self.may_stay(in_force, &inside).await {
                inside.hold.fire();
                cut += 1;
            }
        }
        cut
    }

    async fn may_stay(&self, in_force: &InForce, inside: &Inside) -> bool {
        let foreign = inside.visitor.as_ref().and_then(|visitor| visitor.foreign());
        if foreign.is_some_and(|token| !self.foreign.holds(in_force, token, &self.clock)) {
            return false;
        }
        let visitor = match &inside.visitor {
            None => None,
            Some(visitor) => match self.facts.again(visitor, inside.digest).await {
                Ok(Some(visitor)) => Some(visitor),
                Ok(None) | Err(_) => return false,
            },
        };
        let goal = Goal::App { app: &inside.app, method: &inside.method, path: &inside.path };
        let mut origin = inside.origin;
        if inside.client_authority != in_force.client_authority {
            // It was signed by somebody whose word counts no more. Where none is demanded, that changes nothing.
            origin.certificate = Certificate::NotShown;
        }
        let now = self.clock.now();
        matches!(self.ask_rules(in_force, origin, goal, visitor.as_ref(), now), Decision::Allow(_))
    }

    /// The true address of a client, the one function for every protocol (N13). Errors: a refusal.
    pub fn client(
        peer: std::net::IpAddr,
        believed: &Believed<'_>,
        claims: &Claims<'_>,
    ) -> Result<access::network::Resolved, access::network::AddressError> {
        ClientAddr::resolve(peer, believed, claims)
    }

    /// The memory below, for reading lists and for the administrators' verbs.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// What time it is.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The metrics.
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    fn session_digest(&self, secret: &str) -> Digest {
        self.vault.digest("session", secret.as_bytes())
    }
}

enum Found {
    Nobody,
    /// Something was shown that means nothing.
    Wrong(Cause),
    Visitor(Arc<Visitor>, Option<Digest>),
}

/// The word for what has to be shown, in problem documents, logs and metrics.
pub const fn need_code(need: Need) -> &'static str {
    match need {
        Need::Credentials => "sign_in_required",
        Need::SecondStep(_) => "second_step_required",
        Need::Fresh => "fresh_proof_required",
        Need::Token => "token_required",
    }
}

fn goal_label<'a>(goal: &Goal<'a>) -> &'a str {
    match goal {
        Goal::App { app, .. } => app.as_str(),
        Goal::SignIn | Goal::Portal => "portal",
    }
}

/// Fresh random bytes from the system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has a random source: without one nothing here can be safe");
    bytes
}

/// A secret of 256 random bits as 43 letters of base64url, for cookies that name no session.
pub(crate) fn random_secret() -> Secret<String> {
    Secret::new(data_encoding::BASE64URL_NOPAD.encode(&random::<32>()))
}

/// What a native app's device token begins with, for people and secret scanners to recognise.
pub(crate) const DEVICE_PREFIX: &str = "vsd_";
