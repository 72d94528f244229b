//! A forgotten password: asked for by anybody, answered by mail, and chosen anew by whoever has the mailbox (P1–P3, P7).
//!
//! Asking is the same work for every address, whether an account has it or not. The link chooses a password; it signs
//! nobody in, and the second step is asked for as ever (ASVS 6.4.3).

use access::identity::Email;
use access::{ClientAddr, Secret, Timestamp};

use super::login::{Caller, LoginError, PasswordFault, actor, password_account};
use super::questions::Answered;
use super::{Gate, random};
use crate::audit::Entry;
use crate::config::InForce;
use crate::store::StoreError;
use crate::store::vault::{AppPasswordRecord, Ended, Ends, Outcome, PersonRecord, TokenRecord};

/// What became of asking for a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Asked {
    /// If an account has this address, a mail is on its way.
    Noted,
    /// Too many were asked for from here: welcome again from then on.
    Wait(Timestamp),
}

/// What became of a link.
#[derive(Debug)]
#[must_use]
pub enum Reset {
    /// The password is another one, and this has ended.
    Done(Ended),
    /// Used, too old, or retired.
    Gone,
    /// The password was not taken.
    Fault(PasswordFault),
    /// An answer to a security question is not right.
    WrongAnswer,
    /// Too many answers: welcome again from then on.
    Wait(Timestamp),
}

/// A new password as it was typed.
#[derive(Debug)]
pub struct Chosen {
    /// The new one.
    pub new: Secret<String>,
    /// Once more.
    pub again: Secret<String>,
    /// What is to end with the old one, beside everything that is signed in.
    pub ends: Ends,
    /// Answers to the security questions, if there are some.
    pub answers: Vec<Secret<String>>,
}

/// Whose password can be chosen anew.
#[derive(Debug)]
pub struct Resettable {
    /// Theirs.
    pub person: PersonRecord,
    /// Their tokens.
    pub tokens: Vec<TokenRecord>,
    /// Their app passwords.
    pub app_passwords: Vec<AppPasswordRecord>,
}

impl Gate {
    /// Can people be sent a mail?
    pub fn sends_mail(&self, in_force: &InForce) -> bool {
        in_force.settings.couriers.email.is_some()
    }

    /// Asks for a link to the account with this address.
    pub async fn forgot_password(&self, typed: &str, address: ClientAddr) -> Result<Asked, StoreError> {
        if let Err(until) = self.vault.reserve_request(address).await? {
            return Ok(Asked::Wait(until));
        }
        if let Ok(email) = Email::parse(typed) {
            self.vault.note_forgotten(email, address).await?;
        }
        Ok(Asked::Noted)
    }

    /// Ends a sign-in by the link of a mail that told of it.
    pub async fn end_not_me(&self, in_force: &InForce, secret: &str, entry: Entry) -> Result<Outcome<()>, StoreError> {
        let ended = self.vault.end_not_me(secret, entry).await;
        self.catch_up(in_force).await?;
        ended
    }

    /// Whose link, and what could end with the old password (P7). Consumes nothing.
    pub async fn resettable(&self, secret: &str) -> Result<Option<Resettable>, StoreError> {
        let Some(person) = self.vault.resettable(secret).await? else { return Ok(None) };
        let (id, now) = (person.person.id, self.clock.now());
        let mut tokens = self.vault.tokens(Some(id)).await?;
        tokens.retain(|token| token.expires > now);
        let app_passwords = self.vault.app_passwords(Some(id)).await?;
        Ok(Some(Resettable { person, tokens, app_passwords }))
    }

    /// Consumes a link and sets the password that was chosen.
    pub async fn reset_password(&self, caller: &Caller<'_>, secret: &str, chosen: Chosen) -> Result<Reset, LoginError> {
        let Chosen { new, again, ends, answers } = chosen;
        let place = self.pool.place_or_patience().await?;
        let Some(person) = self.vault.resettable(secret).await? else { return Ok(Reset::Gone) };
        let new = match self.fit_password(caller.in_force, &person, new, &again).await? {
            Ok(new) => new,
            Err(fault) => return Ok(Reset::Fault(fault)),
        };
        match self.answered(caller.in_force, &person, caller.address, &answers).await? {
            Answered::Right => {}
            Answered::Wrong => return Ok(Reset::WrongAnswer),
            Answered::Wait(until) => return Ok(Reset::Wait(until)),
        }
        let hash = self.pool.run(place, move || new.hash(random())).await?;
        let entry = Entry::new(actor(&person), "password.reset").from(caller.address.ip());
        let outcome = self.vault.reset_password(secret, hash, ends, entry).await;
        self.catch_up(caller.in_force).await?;
        Ok(match outcome? {
            Outcome::Done((person, ended)) => {
                // Whoever has the mailbox need not wait for what others guessed.
                self.vault.forget_attempts(&password_account(&person)).await?;
                Reset::Done(ended)
            }
            Outcome::Gone => Reset::Gone,
        })
    }
}
