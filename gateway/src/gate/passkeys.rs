//! Passkeys and security keys: alone at the door, as the second step, and one's own (S4, S6, S9).
//!
//! An attempt is counted before anything of it is looked at; the question it answers is used up before the answer is checked;
//! a right answer is spent in the transaction that opens the session. At the door every no is the same: an unknown key, a
//! wrong signature, somebody else's key and one that did not verify its user.

use access::ClientAddr;
use access::identity::UserId;
use access::login::{self, Input, Next, Situation};
use access::policy::{Method, Standing};
use access::secret::TypedSecret;
use data_encoding::HEXLOWER;
use webauthn_rs::prelude::WebauthnError;

use super::login::{Caller, LoginError, RECOVERY_CODES, SignIn, actor};
use super::relying_party::{Claim, Kind, Question, RelyingParty, Right, Unfit};
use super::{Gate, Visitor, random};
use crate::audit::{Actor, Entry};
use crate::config::{InForce, Settings};
use crate::store::StoreError;
use crate::store::vault::{
    Added, After, Bearer, Ceremony, Digest, Ground, HeldFlow, NewPasskey, Passkey, PasskeyUse, PersonRecord, Removed,
    Spend, token_name,
};

/// A question to a passkey on its way to the browser.
#[derive(Debug)]
pub struct Asked {
    /// What `navigator.credentials` takes, as JSON.
    pub options: String,
    /// For the browser's cookie: leads to what the answer will be checked against.
    pub secret: Bearer,
}

/// An answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// From the browser's cookie.
    pub ceremony: &'a str,
    /// What `navigator.credentials` gave, as JSON.
    pub sent: &'a str,
    /// What its owner wants a new one to be called; empty: what it is.
    pub name: &'a str,
}

/// What became of a passkey to be added.
#[derive(Debug)]
#[must_use]
pub enum NewKey {
    /// It is there. If it is the first second step: the ten codes, to be shown this once.
    Done(Vec<TypedSecret>),
    /// The answer was not right, or came too late, or somebody has that key already.
    Wrong,
    /// They have as many as one may have.
    TooMany,
    /// Something has to be proved again first (S9).
    Stale,
}

/// What became of a second step to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum StepRemoved {
    /// It opens nothing any more.
    Done,
    /// They have none such, any more or at all.
    Gone,
    /// It is the last second step of somebody who has to have one (S7).
    Last,
    /// Something has to be proved again first (S9).
    Stale,
}

impl From<Removed> for StepRemoved {
    fn from(removed: Removed) -> Self {
        match removed {
            Removed::Done => Self::Done,
            Removed::Gone => Self::Gone,
            Removed::Last => Self::Last,
        }
    }
}

impl Gate {
    /// Asks whoever is at the door; the same for everybody.
    pub async fn ask_at_the_door(&self, in_force: &InForce) -> Result<Asked, LoginError> {
        let question = RelyingParty::of(&in_force.settings).and_then(|portal| portal.ask_anybody());
        self.asked(question, Ceremony::SignIn).await
    }

    /// A passkey alone, which is both steps at once. [`SignIn::WrongCode`] is every no.
    pub async fn sign_in_with_passkey(
        &self,
        caller: &Caller<'_>,
        answer: Answer<'_>,
        return_to: Option<String>,
    ) -> Result<SignIn, LoginError> {
        let claim = Claim::parse(answer.sent);
        let id = self.vault.passkey_id(claim.as_ref().map_or(&[], Claim::credential));
        // One bucket a key, known or not, so that waiting tells nothing either.
        let account = format!("passkey:{}", HEXLOWER.encode(&id.0));
        if let Err(until) = self.vault.reserve_attempt(&account, caller.address).await? {
            self.metrics.sign_in("passkey", "passkey", "wait");
            return Ok(SignIn::Wait(until));
        }
        let settings = &caller.in_force.settings;
        let state = self.vault.end_ceremony(answer.ceremony, Ceremony::SignIn).await?;
        let found = match (state, claim) {
            (Some(state), Ok(claim)) if settings.methods.contains(&Method::Passkey) => {
                self.found_at_the_door(caller, id, &state, &claim).await?
            }
            _ => None,
        };
        let Some((person, used)) = found else {
            self.metrics.sign_in("passkey", "passkey", "wrong");
            let entry = Entry::new(Actor::Anonymous, "sign_in.wrong_passkey").from(caller.address.ip());
            self.vault.note(entry).await?;
            return Ok(SignIn::WrongCode);
        };
        self.vault.forgive_attempt(&account, caller.address).await?;
        let demanded = settings.policy.second_step(&person.person);
        let situation = Situation { enrolled: person.enrolled, demanded };
        let Next::Done(proved) = login::begin_with_passkey(person.person.id, situation, self.clock.now()) else {
            self.metrics.sign_in("passkey", "passkey", "misplaced");
            return Ok(SignIn::WrongCode);
        };
        let after = After::Password(Ground::of(&person));
        let done = self.open_session(caller, &person, proved, after, Spend::Passkey(used), return_to).await?;
        let result = match done {
            SignIn::Done(_) => "right",
            SignIn::Refused(_) => "refused",
            _ => "used",
        };
        self.metrics.sign_in("passkey", "passkey", result);
        Ok(done)
    }

    /// Whose it is, if all of it is right.
    async fn found_at_the_door(
        &self,
        caller: &Caller<'_>,
        id: Digest,
        state: &str,
        claim: &Claim,
    ) -> Result<Option<(PersonRecord, PasskeyUse)>, StoreError> {
        let Some(owner) = self.vault.passkey_owner(id).await? else { return Ok(None) };
        // The person first: whatever ends their sign-ins after this moment ends this one.
        let person = self.vault.person(owner).await?.filter(|person| person.person.standing == Standing::Active);
        let (Some(person), Some(known)) = (person, self.vault.passkey(owner, id).await?) else { return Ok(None) };
        let right = RelyingParty::of(&caller.in_force.settings)
            .and_then(|portal| portal.check_anybody(state, claim, owner, &known.credential));
        let used = self.used(caller.address, &person, id, right).await?;
        Ok(used.map(|used| (person, used)))
    }

    /// Asks for one of the person's, as the second step of this sign-in.
    pub async fn ask_for_passkey(&self, in_force: &InForce, held: &HeldFlow) -> Result<Asked, LoginError> {
        let known = credentials(&self.vault.passkeys(held.flow.person).await?);
        let question = RelyingParty::of(&in_force.settings).and_then(|portal| portal.ask_for(&known));
        self.asked(question, Ceremony::SecondStep(held.digest)).await
    }

    /// Asks for a new one, to be set up in this sign-in.
    pub async fn ask_to_set_up_passkey(
        &self,
        in_force: &InForce,
        held: &HeldFlow,
        person: &PersonRecord,
    ) -> Result<Asked, LoginError> {
        self.ask_for_new(&in_force.settings, person, Ceremony::SetUp(held.digest)).await
    }

    /// Asks for a new one, to be added in the visitor's session. `None`: something has to be proved again first.
    pub async fn ask_to_add_passkey(&self, in_force: &InForce, visitor: &Visitor) -> Result<Option<Asked>, LoginError> {
        let (Some(session), true) = (visitor.session(), self.is_fresh(visitor)) else { return Ok(None) };
        self.ask_for_new(&in_force.settings, visitor.record(), Ceremony::Addition(session.id)).await.map(Some)
    }

    /// The visitor's, the oldest first.
    pub async fn own_passkeys(&self, visitor: &Visitor) -> Result<Vec<Passkey>, StoreError> {
        self.vault.passkeys(visitor.person().id).await
    }

    /// Adds one to the visitor's.
    pub async fn add_passkey(
        &self,
        caller: &Caller<'_>,
        visitor: &Visitor,
        answer: Answer<'_>,
    ) -> Result<NewKey, LoginError> {
        let (Some(session), true) = (visitor.session(), self.is_fresh(visitor)) else { return Ok(NewKey::Stale) };
        let place = Ceremony::Addition(session.id);
        let Some(passkey) = self.new_passkey(caller, visitor.record(), answer, place).await? else {
            return Ok(NewKey::Wrong);
        };
        let codes = recovery_codes();
        let entry = Entry::new(actor(visitor.record()), "passkey.add").from(caller.address.ip());
        let entry = entry.detail(format!("\"{}\"", passkey.name));
        let added = self
            .vault
            .standing_on(visitor.record())
            .add_passkey(visitor.person().id, session.id, &passkey, &codes, entry)
            .await?;
        self.catch_up(caller.in_force).await?;
        Ok(match added {
            Added::First => NewKey::Done(codes),
            Added::Done => NewKey::Done(Vec::new()),
            Added::TooMany => NewKey::TooMany,
            Added::Gone => NewKey::Wrong,
        })
    }

    /// Gives one of the visitor's another name. False: that is no name, or there is no such passkey, or something has to be
    /// proved again first.
    pub async fn rename_passkey(
        &self,
        visitor: &Visitor,
        address: ClientAddr,
        id: Digest,
        name: &str,
    ) -> Result<bool, LoginError> {
        let Some(name) = token_name(name).filter(|_| self.is_fresh(visitor)) else { return Ok(false) };
        let entry = Entry::new(actor(visitor.record()), "passkey.rename").from(address.ip());
        let entry = entry.detail(format!("\"{name}\""));
        Ok(self.vault.rename_passkey(visitor.person().id, id, name, entry).await?)
    }

    /// Removes one of the visitor's.
    pub async fn remove_passkey(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        address: ClientAddr,
        id: Digest,
    ) -> Result<StepRemoved, LoginError> {
        if !self.is_fresh(visitor) {
            return Ok(StepRemoved::Stale);
        }
        let demanded = in_force.settings.policy.second_step(visitor.person());
        let entry = Entry::new(actor(visitor.record()), "passkey.remove").from(address.ip());
        let removed =
            self.vault.standing_on(visitor.record()).remove_passkey(visitor.person().id, id, demanded, entry).await?;
        self.catch_up(in_force).await?;
        Ok(removed.into())
    }

    /// Is it one of the person's, and right? What it uses up is spent with the session.
    pub(super) async fn check_passkey(
        &self,
        caller: &Caller<'_>,
        held: &HeldFlow,
        person: &PersonRecord,
        answer: Answer<'_>,
    ) -> Result<(Input, Spend), StoreError> {
        let wrong = (Input::Wrong, Spend::Nothing);
        let state = self.vault.end_ceremony(answer.ceremony, Ceremony::SecondStep(held.digest)).await?;
        let (Some(state), Ok(claim)) = (state, Claim::parse(answer.sent)) else { return Ok(wrong) };
        let (user, id) = (person.person.id, self.vault.passkey_id(claim.credential()));
        let Some(known) = self.vault.passkey(user, id).await? else { return Ok(wrong) };
        let right = RelyingParty::of(&caller.in_force.settings)
            .and_then(|portal| portal.check(&state, &claim, user, &known.credential));
        let used = self.used(caller.address, person, id, right).await?;
        Ok(used.map_or(wrong, |used| (Input::SecondStepRight(Method::Passkey), Spend::Passkey(used))))
    }

    /// Is it a new one, made for this sign-in? It is stored with the session.
    pub(super) async fn check_new_passkey(
        &self,
        caller: &Caller<'_>,
        held: &HeldFlow,
        person: &PersonRecord,
        answer: Answer<'_>,
    ) -> Result<(Input, Spend), StoreError> {
        let Some(passkey) = self.new_passkey(caller, person, answer, Ceremony::SetUp(held.digest)).await? else {
            return Ok((Input::Wrong, Spend::Nothing));
        };
        let is_first = person.enrolled.without(Method::Recovery).is_empty();
        let recovery = if is_first { recovery_codes() } else { Vec::new() };
        Ok((Input::SetUpRight(Method::Passkey), Spend::SetUpPasskey { passkey, recovery }))
    }

    async fn ask_for_new(
        &self,
        settings: &Settings,
        person: &PersonRecord,
        place: Ceremony,
    ) -> Result<Asked, LoginError> {
        let (user, name) = (person.person.id, person.person.name.as_str());
        let known = credentials(&self.vault.passkeys(user).await?);
        let question =
            RelyingParty::of(settings).and_then(|portal| portal.ask_for_new(user, name, &person.full_name, &known));
        self.asked(question, place).await
    }

    async fn new_passkey(
        &self,
        caller: &Caller<'_>,
        person: &PersonRecord,
        answer: Answer<'_>,
        place: Ceremony,
    ) -> Result<Option<NewPasskey>, StoreError> {
        let Some(state) = self.vault.end_ceremony(answer.ceremony, place).await? else { return Ok(None) };
        let made = RelyingParty::of(&caller.in_force.settings).and_then(|portal| portal.take_new(&state, answer.sent));
        let made = match made {
            Ok(made) => made,
            Err(unfit) => {
                tell(person.person.id, &unfit);
                return Ok(None);
            }
        };
        let what_it_is = match made.kind {
            Kind::Built => caller.device.as_str(),
            Kind::Phone => "Phone",
            Kind::Key => "Security key",
        };
        let name = match token_name(answer.name) {
            Some(name) => name.to_owned(),
            None => free_name(what_it_is, &self.vault.passkeys(person.person.id).await?),
        };
        Ok(Some(NewPasskey {
            id: self.vault.passkey_id(&made.id),
            name,
            verifies: made.verifies,
            counter: made.counter,
            credential: made.credential,
        }))
    }

    /// Keeps what the answer to a question will be checked against.
    async fn asked(&self, question: Result<Question, Unfit>, place: Ceremony) -> Result<Asked, LoginError> {
        let Question { options, state } =
            question.map_err(|unfit| StoreError::Corrupt(format!("no passkey can be asked for: {unfit}")))?;
        let secret = self.vault.begin_ceremony(place, state).await?;
        Ok(Asked { options, secret })
    }

    /// What a right answer uses up. A count that goes back is written down: there may be a copy of that key.
    async fn used(
        &self,
        address: ClientAddr,
        person: &PersonRecord,
        id: Digest,
        right: Result<Right, Unfit>,
    ) -> Result<Option<PasskeyUse>, StoreError> {
        match right {
            Ok(Right { counter, credential }) => Ok(Some(PasskeyUse { id, counter, credential })),
            Err(unfit) => {
                tell(person.person.id, &unfit);
                if matches!(unfit, Unfit::Standard(WebauthnError::CredentialPossibleCompromise)) {
                    self.vault.note(Entry::new(actor(person), "passkey.count_went_back").from(address.ip())).await?;
                }
                Ok(None)
            }
        }
    }
}

/// For whoever helps somebody whose key does not work; the caller hears nothing of it.
fn tell(person: UserId, unfit: &Unfit) {
    tracing::info!(person = %person, reason = %unfit, "a passkey was refused");
}

fn credentials(passkeys: &[Passkey]) -> Vec<String> {
    passkeys.iter().map(|passkey| passkey.credential.clone()).collect()
}

/// The name, with a number if another has it already.
fn free_name(name: &str, others: &[Passkey]) -> String {
    let is_taken = |name: &str| others.iter().any(|other| other.name == name);
    let numbered = (2..).map(|number| format!("{name} {number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

fn recovery_codes() -> Vec<TypedSecret> {
    (0..RECOVERY_CODES).map(|_| TypedSecret::from_random(random())).collect()
}
