//! One sign-in, step by step (S1–S6, S13–S15).
//!
//! An attempt is counted, committed, before any secret is looked at; the password hash takes the same work for names that
//! don't exist; a code is spent in the transaction that opens the session. The order of things is `access::login`'s; this
//! file gathers for it and acts on what it says.

use std::time::Duration;

use access::identity::{LoginName, SessionId, UserId};
use access::login::{self, Flow, Input, Next, Proved, Situation, Stage};
use access::password::{Password, PasswordError, Verdict, Weakness};
use access::policy::{Certificate, Decision, Generations, Goal, Method, Methods, Proof, SessionFacts, Standing};
use access::secret::TypedSecret;
use access::totp::{Code, TotpSecret};
use access::{ClientAddr, Secret, Timestamp};

use super::passkeys::Answer;
use super::passwords::is_too_old;
use super::pool::Busy;
use super::{Ask, Cause, Denied, Gate, Shown, Visitor, random};
use crate::audit::{Actor, Entry};
use crate::config::InForce;
use crate::store::StoreError;
use crate::store::vault::{
    After, Bearer, Ground, HeldFlow, NOBODY, Opening, Outcome, PersonRecord, SessionKind, SessionRecord, Spend,
    VaultError,
};
use crate::words::Wish;

/// From where and with what somebody signs in.
#[derive(Clone, Debug)]
pub struct Caller<'a> {
    /// The configuration this request is served under.
    pub in_force: &'a InForce,
    /// From where.
    pub address: ClientAddr,
    /// The browser or device in words.
    pub device: String,
    /// What will hold the session.
    pub kind: SessionKind,
    /// What a person in a browser is spoken to in.
    pub wish: Option<Wish>,
}

/// What came of one step.
#[derive(Debug)]
#[must_use]
pub enum SignIn {
    /// Wrong name or password: which, nobody learns.
    WrongPassword,
    /// The password was right and is older than one may be; in a browser another can be chosen. Only devices hear it.
    PasswordTooOld,
    /// Wrong code: nothing of the sort is shown now.
    WrongCode,
    /// A right code that was used before.
    UsedCode,
    /// Too many tries: welcome again from then on.
    Wait(Timestamp),
    /// The sign-in took too long, or had too many wrong codes, or was never begun: start again.
    Over,
    /// A second step is asked for.
    SecondStep {
        /// The flow's secret, for the browser's cookie. `None`: the one it has goes on.
        flow: Option<Bearer>,
        /// By which methods.
        methods: Methods,
    },
    /// A method has to be set up.
    SetUp {
        /// The flow's secret, for the browser's cookie. `None`: the one it has goes on.
        flow: Option<Bearer>,
    },
    /// Signed in.
    Done(Box<Opened>),
    /// Both steps were right, and the address is not allowed.
    Refused(Denied),
}

/// An open session.
#[derive(Debug)]
pub struct Opened {
    /// For the cookie, or the device.
    pub secret: Bearer,
    /// As stored.
    pub session: SessionRecord,
    /// Until when at most.
    pub expires: Timestamp,
    /// Where to go, as it was given at the start.
    pub return_to: Option<String>,
    /// After a set-up: the ten codes, to be shown this once.
    pub recovery: Vec<TypedSecret>,
}

/// Why a step can't be taken at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoginError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hash pool is full.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl From<VaultError> for LoginError {
    /// Who is signed in is there; where they are gone by then, nothing can be done for them.
    fn from(error: VaultError) -> Self {
        Self::Store(match error {
            VaultError::Store(error) => error,
            gone => StoreError::Unavailable(gone.to_string()),
        })
    }
}

/// Why a new password was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordFault {
    /// Not a password at all.
    #[error(transparent)]
    Form(#[from] PasswordError),
    /// Not a good one.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// The two fields differ.
    #[error("The two passwords are not the same. Type them again.")]
    Differ,
    /// It is the present one.
    #[error("This is your password already. Choose another.")]
    Same,
}

/// What became of an invitation.
#[derive(Debug)]
#[must_use]
pub enum Invited {
    /// The password is set; the first sign-in can begin.
    Done(PersonRecord),
    /// Used, expired, or retired by a newer one.
    Gone,
    /// The password was not taken.
    Fault(PasswordFault),
}

impl Gate {
    /// First step: name and password.
    pub async fn sign_in(
        &self,
        caller: &Caller<'_>,
        name: &str,
        password: Secret<String>,
        return_to: Option<String>,
    ) -> Result<SignIn, LoginError> {
        // Before anything is done for it, and before anybody knows whose name it is: a guess beyond the bound costs no store.
        // It is not counted either, since nothing is looked at.
        let place = self.pool.place_or_patience().await?;
        // A name that can't exist shares one bucket and takes the same path to the same end.
        let login = LoginName::parse(name).ok();
        let person = match &login {
            Some(login) => self.vault.person_called(login).await?,
            None => None,
        };
        let account = account_key(login.as_ref(), person.as_ref());
        if let Err(until) = self.vault.reserve_attempt(&account, caller.address).await? {
            self.metrics.sign_in("password", "password", "wait");
            return Ok(SignIn::Wait(until));
        }
        let id = person.as_ref().map_or(NOBODY, |person| person.person.id);
        let stored = self.vault.password(id).await?;
        let verdict = match Password::parse(password) {
            Ok(password) => {
                let checked = stored.clone();
                let (password, verdict) = self
                    .pool
                    .run(place, move || {
                        let verdict = password.verify(checked.as_ref());
                        (password, verdict)
                    })
                    .await?;
                if verdict == Verdict::RightButOld
                    && let Some(person) = &person
                {
                    self.rehash(person.person.id, password);
                }
                verdict
            }
            Err(_) => Verdict::Wrong,
        };
        let person = person.filter(|person| {
            verdict != Verdict::Wrong && stored.is_some() && person.person.standing == Standing::Active
        });
        let Some(person) = person else {
            self.metrics.sign_in("password", "password", "wrong");
            let entry = Entry::new(Actor::Anonymous, "sign_in.wrong_password").from(caller.address.ip());
            // Only a name that exists is written down: people type passwords into the name field.
            self.vault.note(entry).await?;
            return Ok(SignIn::WrongPassword);
        };
        self.vault.forgive_attempt(&account, caller.address).await?;
        self.metrics.sign_in("password", "password", "right");
        if caller.kind == SessionKind::Device && is_too_old(caller.in_force, &person, self.clock.now()) {
            return Ok(SignIn::PasswordTooOld);
        }
        self.begin(caller, &person, return_to).await
    }

    /// What follows a right password, or a session that has to show more.
    async fn begin(
        &self,
        caller: &Caller<'_>,
        person: &PersonRecord,
        return_to: Option<String>,
    ) -> Result<SignIn, LoginError> {
        let demanded = caller.in_force.settings.policy.second_step(&person.person);
        let situation = Situation { enrolled: person.enrolled, demanded };
        match login::begin(person.person.id, situation, self.clock.now()) {
            Next::Ask(flow) => self.ask(flow, ground_for(person, demanded), return_to).await,
            Next::Done(proved) => {
                let after = After::Password(Ground::of(person));
                self.open_session(caller, person, proved, after, Spend::Nothing, return_to).await
            }
            Next::Over | Next::Misplaced => Ok(SignIn::Over),
        }
    }

    /// Begins a second step, or a set-up, for somebody whose session must show more (step-up, re-authentication). It ends
    /// with that session. [`SignIn::Over`]: the password is what has to be shown.
    pub async fn ask_again(
        &self,
        visitor: &Visitor,
        demanded: Option<Methods>,
        return_to: Option<String>,
    ) -> Result<SignIn, LoginError> {
        let (record, now) = (visitor.record(), self.clock.now());
        let Some(session) = visitor.session() else { return Ok(SignIn::Over) };
        let situation = Situation { enrolled: record.enrolled, demanded };
        match login::begin(record.person.id, situation, now) {
            // S9: whoever found an open browser must not make a second step of their own the owner's.
            Next::Ask(flow) if flow.stage == Stage::SetUp && now.since(session.proved) >= REAUTHENTICATION => {
                Ok(SignIn::Over)
            }
            Next::Ask(flow) => {
                let within = Some((session.id, session.opened));
                let generation = session.generations.person;
                let by_password = session.factors.has(Method::Password);
                let ground = Ground { generation, within, by_password, ..ground_for(record, demanded) };
                self.ask(flow, ground, return_to).await
            }
            // There is nothing to ask but the password.
            Next::Done(_) | Next::Over | Next::Misplaced => Ok(SignIn::Over),
        }
    }

    async fn ask(&self, flow: Flow, ground: Ground, return_to: Option<String>) -> Result<SignIn, LoginError> {
        let stage = flow.stage;
        let pending = matches!(stage, Stage::SetUp).then(|| TotpSecret::from_random(random()));
        let secret = self.vault.begin_flow(flow, ground, pending, return_to).await?;
        Ok(match stage {
            Stage::SecondStep { methods } => SignIn::SecondStep { flow: Some(secret), methods },
            Stage::SecondStepThenSetUp { methods } => SignIn::SecondStep { flow: Some(secret), methods },
            Stage::SetUp => SignIn::SetUp { flow: Some(secret) },
        })
    }

    /// A sign-in under way, to show its page. Nothing is counted.
    pub async fn under_way(&self, flow: &str) -> Result<Option<(HeldFlow, PersonRecord)>, StoreError> {
        let Some(held) = self.vault.peek_flow(flow).await? else { return Ok(None) };
        let person = self.vault.person(held.flow.person).await?;
        Ok(person.filter(|person| person.person.standing == Standing::Active).map(|person| (held, person)))
    }

    /// Second step: a code. Also the confirmation of a set-up.
    pub async fn second_step(
        &self,
        caller: &Caller<'_>,
        secret: &str,
        method: Method,
        typed: &str,
    ) -> Result<SignIn, LoginError> {
        self.step(caller, secret, method, Shows::Code(typed)).await
    }

    /// Second step: a passkey. Also the set-up of one.
    pub async fn second_step_with_passkey(
        &self,
        caller: &Caller<'_>,
        secret: &str,
        answer: Answer<'_>,
    ) -> Result<SignIn, LoginError> {
        self.step(caller, secret, Method::Passkey, Shows::Passkey(answer)).await
    }

    /// What can be set up in this sign-in, in the order in which it is offered: what counts, if any of that can.
    pub fn to_set_up(&self, in_force: &InForce, held: &HeldFlow) -> Vec<Method> {
        let offered = &in_force.settings.methods;
        let counted: Vec<Method> = offered.iter().copied().filter(|method| held.ground.counts.has(*method)).collect();
        if counted.is_empty() { offered.clone() } else { counted }
    }

    async fn step(
        &self,
        caller: &Caller<'_>,
        secret: &str,
        method: Method,
        shows: Shows<'_>,
    ) -> Result<SignIn, LoginError> {
        let Some((_, person)) = self.under_way(secret).await? else { return Ok(SignIn::Over) };
        // A flow that a browser began can be brought here too.
        if caller.kind == SessionKind::Device && is_too_old(caller.in_force, &person, self.clock.now()) {
            return Ok(SignIn::PasswordTooOld);
        }
        let account = code_account(&person);
        if let Err(until) = self.vault.reserve_attempt(&account, caller.address).await? {
            self.metrics.sign_in("second_step", method_word(method), "wait");
            return Ok(SignIn::Wait(until));
        }
        let Some(held) = self.vault.try_flow(secret).await? else { return Ok(SignIn::Over) };
        let (input, spend) = self.check(caller, &held, &person, method, shows).await?;
        let return_to = held.return_to.clone();
        let stage = held.flow.stage;
        match login::advance(&held.flow, input, self.clock.now()) {
            Next::Done(proved) => {
                let proved = if held.ground.by_password { proved } else { proved.without_password() };
                let done = self.open_session(caller, &person, proved, After::Flow(held), spend, return_to).await?;
                let result = match done {
                    SignIn::UsedCode => "used",
                    SignIn::Refused(_) => "refused",
                    _ => "right",
                };
                if result != "used" {
                    self.vault.forgive_attempt(&account, caller.address).await?;
                }
                if result == "right" {
                    // Only now: whoever knows the password alone must not be able to guess codes without end.
                    self.vault.forget_attempts(&account).await?;
                }
                self.metrics.sign_in("second_step", method_word(method), result);
                Ok(done)
            }
            Next::Over => {
                self.metrics.sign_in("second_step", method_word(method), "over");
                self.vault.drop_flow(secret).await?;
                Ok(SignIn::Over)
            }
            // A right code of a method that no longer counts: it is used up, and one that counts is set up.
            Next::Ask(flow) if flow.stage == Stage::SetUp && stage != Stage::SetUp => {
                let pending = TotpSecret::from_random(random());
                Ok(match self.vault.advance_flow(held, flow, Some(pending), spend).await? {
                    Outcome::Done(_) => SignIn::SetUp { flow: None },
                    Outcome::Gone => SignIn::UsedCode,
                })
            }
            Next::Ask(_) | Next::Misplaced => {
                self.metrics.sign_in("second_step", method_word(method), "wrong");
                let entry = Entry::new(actor(&person), "sign_in.wrong_code").from(caller.address.ip());
                self.vault.note(entry.detail(method_word(method))).await?;
                Ok(SignIn::WrongCode)
            }
        }
    }

    /// Is it right, and what does it use up?
    async fn check(
        &self,
        caller: &Caller<'_>,
        held: &HeldFlow,
        person: &PersonRecord,
        method: Method,
        shows: Shows<'_>,
    ) -> Result<(Input, Spend), StoreError> {
        let wrong = (Input::Wrong, Spend::Nothing);
        if held.flow.stage == Stage::SetUp && !self.to_set_up(caller.in_force, held).contains(&method) {
            return Ok(wrong);
        }
        let typed = match shows {
            Shows::Code(typed) => typed,
            Shows::Passkey(answer) if held.flow.stage == Stage::SetUp => {
                return self.check_new_passkey(caller, held, person, answer).await;
            }
            Shows::Passkey(answer) => return self.check_passkey(caller, held, person, answer).await,
        };
        match (held.flow.stage, method) {
            (Stage::SetUp, Method::Totp) => {
                let (Some(secret), Some(code)) = (&held.pending_totp, Code::parse(typed)) else { return Ok(wrong) };
                let Some(step) = secret.step_of(&code, self.clock.now()) else { return Ok(wrong) };
                let replaces = held.ground.has_authenticator;
                // The codes that stand in for a passkey stand in for this as well.
                let has_codes = !replaces && person.enrolled.has(Method::Recovery);
                let codes = if has_codes { 0 } else { RECOVERY_CODES };
                let recovery = (0..codes).map(|_| TypedSecret::from_random(random())).collect();
                Ok((Input::SetUpRight(Method::Totp), Spend::SetUp { secret: secret.clone(), step, recovery, replaces }))
            }
            (Stage::SetUp, Method::Sms | Method::Voice | Method::Email) => {
                let sent = held.sent.as_ref().filter(|_| self.vault.is_sent_code(held, method, typed));
                let Some(sent) = sent else { return Ok(wrong) };
                let codes = if person.enrolled.has(Method::Recovery) { 0 } else { RECOVERY_CODES };
                let recovery = (0..codes).map(|_| TypedSecret::from_random(random())).collect();
                Ok((Input::SetUpRight(method), Spend::SetUpCodes { to: sent.to.clone(), recovery }))
            }
            // It is used up with the sign-in that it was sent for.
            (
                Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. },
                Method::Sms | Method::Voice | Method::Email,
            ) if self.vault.is_sent_code(held, method, typed) => Ok((Input::SecondStepRight(method), Spend::Nothing)),
            (Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. }, Method::Totp) => {
                let secret = self.vault.totp(person.person.id).await?;
                let (Some(secret), Some(code)) = (secret, Code::parse(typed)) else { return Ok(wrong) };
                let Some(step) = secret.step_of(&code, self.clock.now()) else { return Ok(wrong) };
                Ok((Input::SecondStepRight(Method::Totp), Spend::Totp(step)))
            }
            (Stage::SecondStep { .. } | Stage::SecondStepThenSetUp { .. }, Method::Recovery) => {
                let Some(code) = TypedSecret::parse(typed) else { return Ok(wrong) };
                if !self.vault.has_recovery_code(person.person.id, &code).await? {
                    return Ok(wrong);
                }
                Ok((Input::SecondStepRight(Method::Recovery), Spend::Recovery(code)))
            }
            _ => Ok(wrong),
        }
    }

    /// Everything was shown. Whether the person may come in from here is asked now, with the session they would get; only
    /// then is it opened.
    pub(super) async fn open_session(
        &self,
        caller: &Caller<'_>,
        person: &PersonRecord,
        proved: Proved,
        after: After,
        spend: Spend,
        return_to: Option<String>,
    ) -> Result<SignIn, LoginError> {
        let settings = &caller.in_force.settings;
        let house = self.vault.generations();
        let generations = Generations { person: person.generation, ..house };
        let at = proved.at();
        let opened = match &after {
            After::Flow(HeldFlow { ground: Ground { within: Some((_, opened)), .. }, .. }) => *opened,
            After::Flow(_) | After::Password(_) => at,
        };
        let session = SessionFacts { factors: proved.factors(), opened, proved: at, used: at, generations };
        let attempt = access::policy::Attempt {
            address: caller.address,
            certificate: Certificate::NotShown,
            goal: Goal::Portal,
            proof: Proof::Session { person: &person.person, session: &session },
            generations,
        };
        let entry = Entry::new(actor(person), "session.open").from(caller.address.ip());
        match access::decide(&settings.policy, &attempt, at) {
            Decision::Allow(_) => {}
            Decision::Refuse(refusal) => {
                let denied = self.deny(&self.at_the_portal(caller), Cause::Rules(refusal.reason), refusal.rule, None);
                let entry = Entry::new(actor(person), "sign_in.refused").from(caller.address.ip());
                let entry = entry.detail(format!("{} {}", refusal.reason.code(), denied.reference));
                let After::Flow(held) = after else {
                    self.vault.note(entry).await?;
                    return Ok(SignIn::Refused(denied));
                };
                // RFC 6238 §5.2: a code that was found right is used, also where it opens nothing.
                return Ok(match self.vault.refuse_flow(held, spend, entry).await? {
                    Outcome::Done(()) => SignIn::Refused(denied),
                    Outcome::Gone => SignIn::UsedCode,
                });
            }
            Decision::SignIn(_) => return Ok(SignIn::Over),
        }
        let expires = opened + settings.policy.rules().organization.session.absolute;
        let opening = Opening {
            address: caller.address,
            device: caller.device.chars().take(120).collect(),
            kind: caller.kind.clone(),
            expires,
            wish: caller.wish,
        };
        let recovery = match &spend {
            Spend::SetUp { recovery, .. }
            | Spend::SetUpPasskey { recovery, .. }
            | Spend::SetUpCodes { recovery, .. } => recovery.clone(),
            Spend::Nothing | Spend::Totp(_) | Spend::Recovery(_) | Spend::Passkey(_) => Vec::new(),
        };
        let opened = self.vault.open_session(proved, after, spend, opening, entry).await?;
        if matches!(opened, Outcome::Done(_)) {
            for account in [password_account(person), code_account(person)] {
                self.vault.forget_attempts(&account).await?;
            }
        }
        self.catch_up(caller.in_force).await?;
        Ok(match opened {
            Outcome::Done((secret, session)) => {
                self.vault.forget_attempts(&account_key(None, Some(person))).await?;
                SignIn::Done(Box::new(Opened { secret, session, expires, return_to, recovery }))
            }
            Outcome::Gone => SignIn::UsedCode,
        })
    }

    /// The first sign-in of a new person: consumes the invitation and sets the password they chose.
    pub async fn accept_invitation(
        &self,
        caller: &Caller<'_>,
        invitation: &str,
        password: Secret<String>,
        again: &Secret<String>,
    ) -> Result<Invited, LoginError> {
        let place = self.pool.place_or_patience().await?;
        let Some(person) = self.vault.invited(invitation).await? else { return Ok(Invited::Gone) };
        let password = match self.fit_password(caller.in_force, &person, password, again).await? {
            Ok(password) => password,
            Err(fault) => return Ok(Invited::Fault(fault)),
        };
        let hash = self.pool.run(place, move || password.hash(random())).await?;
        let entry = Entry::new(actor(&person), "user.accept_invitation").from(caller.address.ip());
        let outcome = self.vault.accept_invitation(invitation, hash, entry).await?;
        self.catch_up(caller.in_force).await?;
        Ok(match outcome {
            Outcome::Done(person) => Invited::Done(person),
            Outcome::Gone => Invited::Gone,
        })
    }

    /// Ends a sign-in with everything that hangs on it.
    pub async fn sign_out(
        &self,
        in_force: &InForce,
        person: &PersonRecord,
        session: SessionId,
        address: ClientAddr,
    ) -> Result<bool, StoreError> {
        let entry = Entry::new(actor(person), "session.end").on(session.to_string()).from(address.ip());
        let ended = self.vault.end_session(session, entry).await?;
        self.catch_up(in_force).await?;
        Ok(ended)
    }

    fn rehash(&self, id: UserId, password: Password) {
        let vault = self.vault.clone();
        tokio::task::spawn_blocking(move || {
            let hash = password.hash(random());
            tokio::runtime::Handle::current().block_on(async move {
                if let Err(error) = vault.refresh_password(id, hash).await {
                    tracing::warn!(%error, "a password hash could not be refreshed");
                }
            });
        });
    }

    const fn at_the_portal<'a>(&self, caller: &Caller<'a>) -> Ask<'a> {
        Ask {
            in_force: caller.in_force,
            address: caller.address,
            certificate: Certificate::NotShown,
            goal: Goal::Portal,
            shown: Shown::Nothing,
            app: None,
            hold: None,
        }
    }
}

/// What is shown as a second step.
#[derive(Clone, Copy)]
enum Shows<'a> {
    /// A code, as it was typed.
    Code(&'a str),
    /// A passkey's answer.
    Passkey(Answer<'a>),
}

/// What a sign-in stands on that begins now, and what counts if something has to be set up in it.
fn ground_for(person: &PersonRecord, demanded: Option<Methods>) -> Ground {
    Ground { counts: demanded.unwrap_or(Methods::SECOND_STEPS), ..Ground::of(person) }
}

/// Words that a password of theirs may not be made of.
pub(super) fn words_of<'a>(in_force: &'a InForce, person: &'a PersonRecord) -> Vec<&'a str> {
    let mut words = vec![person.person.name.as_str(), in_force.settings.organization.as_str()];
    words.extend(person.full_name.split_whitespace());
    words.extend(person.email.iter().flat_map(|email| email.as_str().split('@')));
    words
}

/// As the audit names a person.
pub fn actor(person: &PersonRecord) -> Actor {
    Actor::Person { id: person.person.id.to_string(), name: person.person.name.to_string() }
}

/// One bucket a person, however they are called; one for each name that nobody has; one for all that are no names.
fn account_key(login: Option<&LoginName>, person: Option<&PersonRecord>) -> String {
    match (person, login) {
        (Some(person), _) => password_account(person),
        (None, Some(LoginName::Name(name))) => format!("user:{name}"),
        (None, Some(LoginName::Email(email))) => format!("email:{email}"),
        (None, None) => "no name".to_owned(),
    }
}

pub(super) fn password_account(person: &PersonRecord) -> String {
    format!("user:{}", person.person.name)
}

fn code_account(person: &PersonRecord) -> String {
    format!("code:{}", person.person.id)
}

/// The word for a method in metrics, audit and the JSON API.
pub const fn method_word(method: Method) -> &'static str {
    match method {
        Method::Password => "password",
        Method::Totp => "totp",
        Method::Recovery => "recovery",
        Method::Passkey => "passkey",
        Method::Sms => "sms",
        Method::Voice => "voice",
        Method::Email => "email",
    }
}

/// S11.
pub(super) const RECOVERY_CODES: usize = 10;
/// S9: so long a proof suffices for a change of second steps.
pub(super) const REAUTHENTICATION: Duration = Duration::from_secs(5 * 60);
