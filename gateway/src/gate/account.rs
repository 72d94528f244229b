//! One's own account: what is signed in, which tokens there are, and what can be done about it (D1, D2, P6, S9, S11).

use std::time::Duration;

use access::identity::{AppName, SessionId, TokenId};
use access::login::{Flow, Stage};
use access::password::{Password, PasswordError, Verdict};
use access::policy::Method;
use access::secret::TypedSecret;
use access::totp::TotpSecret;
use access::{ClientAddr, Secret, Timestamp};

use super::login::{Caller, LoginError, PasswordFault, REAUTHENTICATION, actor, password_account};
use super::own::{Described, limited};
use super::{Gate, Visitor, random};
use crate::audit::Entry;
use crate::config::InForce;
use crate::store::StoreError;
use crate::store::vault::{
    AppPasswordRecord, Bearer, Ended, Ends, Ground, NewToken, SessionKind, SessionRecord, TokenRecord, token_name,
};

/// What a person's account page tells.
#[derive(Debug)]
pub struct Account {
    /// Sign-ins of browsers, the newest first.
    pub browsers: Vec<SignedIn>,
    /// Sign-ins of native apps.
    pub devices: Vec<SignedIn>,
    /// Bearer tokens.
    pub tokens: Vec<TokenRecord>,
    /// App passwords.
    pub app_passwords: Vec<AppPasswordRecord>,
    /// Recovery codes that are left.
    pub recovery_left: usize,
}

/// One sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// As stored.
    pub session: SessionRecord,
    /// When it was last used.
    pub used: Timestamp,
    /// Is it the one that asks?
    pub is_this: bool,
}

/// What became of a new password.
#[derive(Debug)]
#[must_use]
pub enum Changed {
    /// It is in force, and this has ended.
    Done(Ended),
    /// The present one was wrong.
    Wrong,
    /// Too many tries: welcome again from then on.
    Wait(Timestamp),
    /// The new one was not taken.
    Fault(PasswordFault),
    /// Something has to be proved again first (S9).
    Stale,
}

/// What became of a token to be made.
#[derive(Debug)]
#[must_use]
pub enum Made {
    /// It is there; its text is shown this once.
    Done(Box<TokenRecord>, Bearer),
    /// A name has 1 to 64 characters that can be read.
    Name,
    /// It would open nothing.
    NoApp,
    /// From where it counts is no list of addresses.
    Addresses,
    /// They have as many as one may have.
    TooMany,
    /// Something has to be proved again first (S9).
    Stale,
}

/// A change of password as it was typed.
#[derive(Debug)]
pub struct NewPassword {
    /// The present one.
    pub current: Secret<String>,
    /// The new one.
    pub new: Secret<String>,
    /// The new one once more.
    pub again: Secret<String>,
    /// What is to end with the present one.
    pub ends: Ends,
}

impl Gate {
    /// Everything that the account page of this visitor tells.
    pub async fn account(&self, visitor: &Visitor) -> Result<Account, StoreError> {
        // So that a use of a moment ago is told.
        self.tell_uses().await;
        let (id, this) = (visitor.person().id, visitor.session().map(|session| session.id));
        let mut account = Account {
            browsers: Vec::new(),
            devices: Vec::new(),
            tokens: self.vault.tokens(Some(id)).await?,
            app_passwords: self.vault.app_passwords(Some(id)).await?,
            recovery_left: self.vault.recovery_left(id).await?,
        };
        let now = self.clock.now();
        account.tokens.retain(|token| token.expires > now);
        account.tokens.sort_by(|one, other| one.name.cmp(&other.name));
        account.app_passwords.retain(|one| one.expires > now);
        account.app_passwords.sort_by(|one, other| one.name.cmp(&other.name));
        for session in self.vault.sessions(Some(id)).await? {
            let is_this = this == Some(session.id);
            let written = self.vault.session_used(session.id).await?.unwrap_or(session.opened);
            let used = self.facts.last_used(&session.id).map_or(written, |used| used.max(written));
            // Whoever asks does so now.
            let used = if is_this { now } else { used };
            let list = if session.kind == SessionKind::Device { &mut account.devices } else { &mut account.browsers };
            list.push(SignedIn { session, used, is_this });
        }
        Ok(account)
    }

    /// Was something proved so lately in this session that credentials may be changed in it (S9)? By a second step where
    /// there is one: whoever signed in by password before it was set up has shown too little, however lately.
    pub fn is_fresh(&self, visitor: &Visitor) -> bool {
        let is_needed = visitor.record().enrolled.has_second_step();
        visitor.session().is_some_and(|session| {
            let lately = self.clock.now().since(session.proved) < REAUTHENTICATION;
            lately && (!is_needed || session.factors.has_second_step())
        })
    }

    /// Ends one of the visitor's own sign-ins; false if there is none.
    pub async fn end_own(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        id: SessionId,
        address: ClientAddr,
    ) -> Result<bool, StoreError> {
        let own = self.vault.sessions(Some(visitor.person().id)).await?;
        if !own.iter().any(|session| session.id == id) {
            return Ok(false);
        }
        self.sign_out(in_force, visitor.record(), id, address).await
    }

    /// Ends all the visitor's sign-ins in other browsers; returns how many.
    pub async fn end_others(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        address: ClientAddr,
    ) -> Result<usize, StoreError> {
        let this = visitor.session().map(|session| session.id);
        let mut ended = 0;
        for session in self.vault.sessions(Some(visitor.person().id)).await? {
            if session.kind != SessionKind::Device && Some(session.id) != this {
                ended += usize::from(self.sign_out(in_force, visitor.record(), session.id, address).await?);
            }
        }
        Ok(ended)
    }

    /// Revokes one of the visitor's own tokens, for good; false if there is none.
    pub async fn revoke_own(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        id: TokenId,
        address: ClientAddr,
    ) -> Result<bool, StoreError> {
        let token = self.vault.token(id).await?;
        if token.is_none_or(|token| token.owner != visitor.person().id) {
            return Ok(false);
        }
        let entry = Entry::new(actor(visitor.record()), "token.revoke").on(format!("token {id}")).from(address.ip());
        let revoked = self.vault.revoke_token(id, entry).await?;
        self.catch_up(in_force).await?;
        Ok(revoked)
    }

    /// Makes a token of the visitor's own, which may do what they may in these apps.
    pub async fn make_token(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        address: ClientAddr,
        described: Described<'_>,
        apps: Vec<AppName>,
        life: Duration,
    ) -> Result<Made, LoginError> {
        if !self.is_fresh(visitor) {
            return Ok(Made::Stale);
        }
        let Some(name) = token_name(described.name) else { return Ok(Made::Name) };
        let Some(only_from) = described.only_from() else { return Ok(Made::Addresses) };
        if apps.is_empty() {
            return Ok(Made::NoApp);
        }
        let person = visitor.record();
        if self.vault.tokens(Some(person.person.id)).await?.len() >= TOKENS {
            return Ok(Made::TooMany);
        }
        let expires = self.clock.now() + life;
        let opens = apps.iter().map(AppName::as_str).collect::<Vec<_>>().join(", ");
        let entry = Entry::new(actor(person), "token.add")
            .from(address.ip())
            .detail(format!("\"{name}\" for {opens}{}", limited(&only_from)));
        let new =
            NewToken { owner: person.person.id, name: name.to_owned(), apps, scopes: Vec::new(), only_from, expires };
        let made = self.vault.standing_on(visitor.record()).add_token(new, entry).await;
        self.catch_up(in_force).await?;
        let (token, text) = made?;
        Ok(Made::Done(Box::new(token), text))
    }

    /// Begins to set up an authenticator app, in the place of the one there may be; the secret goes into the browser's
    /// cookie. The old one works until the new one has shown its first code. `None`: something has to be proved again first.
    pub async fn begin_authenticator(
        &self,
        visitor: &Visitor,
        return_to: String,
    ) -> Result<Option<Bearer>, StoreError> {
        let (Some(session), true) = (visitor.session(), self.is_fresh(visitor)) else { return Ok(None) };
        let person = visitor.record();
        let flow = Flow { person: person.person.id, started: self.clock.now(), stage: Stage::SetUp, wrong: 0 };
        let within = Some((session.id, session.opened));
        let by_password = session.factors.has(Method::Password);
        let generation = session.generations.person;
        let ground = Ground { generation, within, by_password, ..Ground::of(person) };
        let pending = TotpSecret::from_random(random());
        self.vault.begin_flow(flow, ground, Some(pending), Some(return_to)).await.map(Some)
    }

    /// May this person do without a second step? Not where a rule demands one of them (S7).
    pub fn may_end_two_step(&self, in_force: &InForce, visitor: &Visitor) -> bool {
        in_force.settings.policy.second_step(visitor.person()).is_none()
    }

    /// Takes the visitor's second step away; false if it may not be.
    pub async fn end_two_step(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        address: ClientAddr,
    ) -> Result<bool, LoginError> {
        let has_one = !visitor.record().enrolled.is_empty();
        if !has_one || !self.is_fresh(visitor) || !self.may_end_two_step(in_force, visitor) {
            return Ok(false);
        }
        let entry = Entry::new(actor(visitor.record()), "two_step.end").from(address.ip());
        let ended = self.vault.standing_on(visitor.record()).end_two_step(visitor.person().id, entry).await;
        self.catch_up(in_force).await?;
        ended?;
        Ok(true)
    }

    /// Ten new recovery codes in the place of those that are left. `None`: something has to be proved again first, or there
    /// is no second step that they could stand in for.
    pub async fn renew_recovery(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        address: ClientAddr,
    ) -> Result<Option<Vec<TypedSecret>>, StoreError> {
        let has_method = !visitor.record().enrolled.without(Method::Recovery).is_empty();
        if !self.is_fresh(visitor) || !has_method {
            return Ok(None);
        }
        let entry = Entry::new(actor(visitor.record()), "recovery.renew").from(address.ip());
        let codes = self.vault.standing_on(visitor.record()).renew_recovery(visitor.person().id, entry).await?;
        self.catch_up(in_force).await?;
        Ok(codes)
    }

    /// Replaces the visitor's password. The present one is asked for as well: who finds an open browser has not shown it.
    pub async fn change_password(
        &self,
        caller: &Caller<'_>,
        visitor: &Visitor,
        typed: NewPassword,
    ) -> Result<Changed, LoginError> {
        let NewPassword { current, new, again, ends } = typed;
        let (Some(session), true) = (visitor.session(), self.is_fresh(visitor)) else { return Ok(Changed::Stale) };
        let place = self.pool.place_or_patience().await?;
        let is_the_same = current.matches(new.expose().as_bytes());
        let person = visitor.record();
        let new = match self.fit_password(caller.in_force, person, new, &again).await? {
            Ok(new) => new,
            Err(fault) => return Ok(Changed::Fault(fault)),
        };
        let account = password_account(person);
        if let Err(until) = self.vault.reserve_attempt(&account, caller.address).await? {
            return Ok(Changed::Wait(until));
        }
        let stored = self.vault.password(person.person.id).await?;
        let current = match Password::parse(current) {
            Ok(current) => current,
            Err(PasswordError::Empty | PasswordError::TooLong) => return Ok(Changed::Wrong),
        };
        let work = move || match current.verify(stored.as_ref()) {
            Verdict::Wrong => None,
            Verdict::Right | Verdict::RightButOld => Some((!is_the_same).then(|| new.hash(random()))),
        };
        let Some(hashed) = self.pool.run(place, work).await? else {
            let entry = Entry::new(actor(person), "password.wrong").from(caller.address.ip());
            self.vault.note(entry).await?;
            return Ok(Changed::Wrong);
        };
        self.vault.forgive_attempt(&account, caller.address).await?;
        let Some(hash) = hashed else { return Ok(Changed::Fault(PasswordFault::Same)) };
        let entry = Entry::new(actor(person), "password.change").from(caller.address.ip());
        let ended = self
            .vault
            .standing_on(visitor.record())
            .change_password(person.person.id, hash, ends, session.id, entry)
            .await;
        self.catch_up(caller.in_force).await?;
        Ok(Changed::Done(ended?))
    }
}

/// Tokens that one person may have.
const TOKENS: usize = 50;
