//! A code by text message, by a call or by mail, for a sign-in under way. (S1–S3, S12; ASVS 6.6)
//!
//! Nobody is sent anything before their password was right. Where a code goes is what they have set up, or, while something
//! is being set up, what they typed just now.

use access::Secret;
use access::identity::Phone;
use access::login::Stage;
use access::policy::Method;

use super::login::{Caller, LoginError, actor, method_word};
use super::passkeys::StepRemoved;
use super::{Gate, Visitor, random};
use crate::audit::Entry;
use crate::config::InForce;
use crate::store::StoreError;
use crate::store::vault::{CodeToSend, Destination, HeldFlow, PersonRecord, Sending};

impl Gate {
    /// Sends a code for a sign-in under way. `typed`: the number of a telephone that is being set up. `None`: there is no
    /// such way, or what was typed is no number.
    pub async fn send_code(
        &self,
        caller: &Caller<'_>,
        flow: &str,
        method: Method,
        typed: &str,
    ) -> Result<Option<Sending>, LoginError> {
        let Some((held, person)) = self.under_way(flow).await? else { return Ok(Some(Sending::Gone)) };
        let Some(to) = self.destination(caller.in_force, &held, &person, method, typed).await? else {
            return Ok(None);
        };
        let couriers = &caller.in_force.settings.couriers;
        let per_day = match &to {
            Destination::Mail(_) => None,
            Destination::Sms(_) => couriers.sms.as_ref().map(|courier| courier.per_day),
            Destination::Voice(_) => couriers.voice.as_ref().map(|courier| courier.per_day),
        };
        let entry = Entry::new(actor(&person), "sign_in.send_code").from(caller.address.ip());
        let entry = entry.detail(format!("by {} to {}", method_word(method), to.masked()));
        let code = CodeToSend { to: &to, code: new_code(), wish: caller.wish };
        let sending = self.vault.send_code(flow, code, caller.address, per_day, entry).await?;
        let result = match sending {
            Sending::Done => "sent",
            Sending::Wait(_) => "wait",
            Sending::Gone => "over",
        };
        self.metrics.sign_in("send_code", method_word(method), result);
        Ok(Some(sending))
    }

    /// Where a code by this way goes, as a page may tell whoever knows the password. `None`: nowhere.
    pub async fn code_goes_to(&self, person: &PersonRecord, method: Method) -> Result<Option<String>, StoreError> {
        Ok(self.set_up_destination(person, method).await?.map(|to| to.masked()))
    }

    async fn destination(
        &self,
        in_force: &InForce,
        held: &HeldFlow,
        person: &PersonRecord,
        method: Method,
        typed: &str,
    ) -> Result<Option<Destination>, StoreError> {
        match held.flow.stage {
            Stage::SecondStep { methods } | Stage::SecondStepThenSetUp { methods } if methods.has(method) => {
                self.set_up_destination(person, method).await
            }
            Stage::SetUp if self.to_set_up(in_force, held).contains(&method) => Ok(match method {
                Method::Sms => Phone::parse(typed).map(Destination::Sms),
                Method::Voice => Phone::parse(typed).map(Destination::Voice),
                Method::Email => person.email.clone().map(Destination::Mail),
                _ => None,
            }),
            _ => Ok(None),
        }
    }

    async fn set_up_destination(
        &self,
        person: &PersonRecord,
        method: Method,
    ) -> Result<Option<Destination>, StoreError> {
        let phone = self.vault.phone(person.person.id, method).await?;
        Ok(match method {
            Method::Sms => phone.map(Destination::Sms),
            Method::Voice => phone.map(Destination::Voice),
            Method::Email if person.enrolled.has(Method::Email) => person.email.clone().map(Destination::Mail),
            _ => None,
        })
    }

    /// Sends the visitor codes by this way no more, unless something has to be proved first, or it is the last second step
    /// where a rule demands one (S7).
    pub async fn end_codes(
        &self,
        caller: &Caller<'_>,
        visitor: &Visitor,
        method: Method,
    ) -> Result<StepRemoved, LoginError> {
        if !self.is_fresh(visitor) {
            return Ok(StepRemoved::Stale);
        }
        let demanded = caller.in_force.settings.policy.second_step(visitor.person());
        let entry = Entry::new(actor(visitor.record()), "codes.end").from(caller.address.ip());
        let ended = self
            .vault
            .standing_on(visitor.record())
            .end_codes(visitor.person().id, method, demanded, entry.detail(method_word(method)))
            .await;
        self.catch_up(caller.in_force).await?;
        Ok(ended?.into())
    }
}

/// Six digits, each number of them as likely as the next.
fn new_code() -> Secret<String> {
    loop {
        let number = u32::from_be_bytes(random());
        // The last part of a range that a million does not divide is drawn again.
        if number < u32::MAX - u32::MAX % CODES {
            return Secret::new(format!("{:06}", number % CODES));
        }
    }
}

/// Of six digits.
const CODES: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits_and_seldom_the_same() {
        let codes: std::collections::HashSet<_> = (0..100).map(|_| new_code().expose().clone()).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())));
        assert!(codes.len() > 95, "{codes:?}");
    }
}
