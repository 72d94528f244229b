//! May this become somebody's password, and has theirs grown too old?
//!
//! Every way to a new password goes through [`Gate::fit_password`]: an invitation, a change, whatever comes later. A password
//! is held against the file of breached ones on this machine; if that can't be read, no password is taken on a guess.

use std::sync::Arc;

use access::password::{Password, Strength, Weakness};
use access::policy::TwoStep;
use access::{Secret, Timestamp};

use super::login::{LoginError, PasswordFault, words_of};
use super::{Gate, Visitor};
use crate::config::InForce;
use crate::store::StoreError;
use crate::store::vault::PersonRecord;

impl Gate {
    /// The password that was typed twice, if it may become this person's. Errors: the file of breached ones can't be read.
    pub(super) async fn fit_password(
        &self,
        in_force: &InForce,
        person: &PersonRecord,
        typed: Secret<String>,
        again: &Secret<String>,
    ) -> Result<Result<Password, PasswordFault>, LoginError> {
        if !again.matches(typed.expose().as_bytes()) {
            return Ok(Err(PasswordFault::Differ));
        }
        let password = match Password::parse(typed) {
            Ok(password) => password,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let words = words_of(in_force, person);
        if let Err(weakness) = password.accept(self.least_strength(in_force, person), &words) {
            return Ok(Err(weakness.into()));
        }
        match has_leaked(in_force, &password).await? {
            true => Ok(Err(Weakness::Breached.into())),
            false => Ok(Ok(password)),
        }
    }

    /// How long must this person's password be?
    pub fn least_strength(&self, in_force: &InForce, person: &PersonRecord) -> Strength {
        let everybody = in_force.settings.policy.rules().organization.two_step == TwoStep::Required;
        let theirs = in_force.settings.policy.second_step(&person.person).is_some();
        if everybody || theirs { Strength::WithSecondStep } else { Strength::Alone }
    }

    /// Must this visitor choose another password before anything opens? Their present one was too old when they signed in;
    /// who is inside when it grows too old stays.
    pub fn has_to_choose(&self, in_force: &InForce, visitor: &Visitor) -> bool {
        visitor.session().is_some_and(|session| is_too_old(in_force, visitor.record(), session.opened))
    }
}

/// Is their password older than one may be? Of one that was chosen before that was noted, the person's first day counts.
pub(super) fn is_too_old(in_force: &InForce, person: &PersonRecord, now: Timestamp) -> bool {
    let chosen = person.password_chosen.unwrap_or(person.added);
    let limit = in_force.settings.passwords.max_age.filter(|_| person.has_password);
    limit.is_some_and(|limit| now.since(chosen) >= limit)
}

async fn has_leaked(in_force: &InForce, password: &Password) -> Result<bool, LoginError> {
    let Some(file) = &in_force.settings.passwords.breached else { return Ok(false) };
    let (known, sha1) = (Arc::clone(&file.known), password.sha1());
    let asked = tokio::task::spawn_blocking(move || known.contains(&sha1)).await;
    let path = file.path.display();
    match asked {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(StoreError::Unavailable(format!("{path} can't be read: {error}")).into()),
        Err(panicked) => Err(StoreError::Unavailable(format!("{path} can't be asked: {panicked}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use access::identity::{UserId, UserName};
    use access::policy::{Methods, Person, Standing};

    use super::*;
    use crate::config;

    #[test]
    fn a_password_is_as_old_as_its_choice_or_where_that_was_not_noted_as_the_person() {
        let day = |days: u64| Timestamp::from_millis(days * 86_400_000);
        for (max_age, has_password, chosen, expected) in [
            (None, true, Some(0), false),
            (Some(30), true, Some(70), true),
            (Some(30), true, Some(71), false),
            // Chosen after the sign-in that is asked about.
            (Some(30), true, Some(200), false),
            (Some(30), true, None, true),
            (Some(60), true, None, false),
            // Who has none has none to change.
            (Some(30), false, None, false),
        ] {
            let person = PersonRecord {
                person: Person {
                    id: UserId([7; 16]),
                    name: UserName::parse("ana").unwrap(),
                    roles: [].into(),
                    groups: [].into(),
                    standing: Standing::Active,
                },
                full_name: String::new(),
                email: None,
                generation: 1,
                enrolled: Methods::NONE,
                has_password,
                passwords: 1,
                password_chosen: chosen.map(day),
                added: day(50),
                last_sign_in: None,
                last_shown: Methods::NONE,
                has_questions: false,
                language: None,
            };
            let mut in_force = starter();
            in_force.settings.passwords.max_age = max_age.map(|days| Duration::from_secs(days * 86_400));
            assert_eq!(is_too_old(&in_force, &person, day(100)), expected, "{max_age:?} {chosen:?}");
        }
    }

    fn starter() -> InForce {
        let files = tempfile::tempdir().unwrap();
        std::fs::create_dir(files.path().join("policies")).unwrap();
        for (name, text) in [
            ("gateway.yaml", include_str!("../cli/starter/gateway.yaml")),
            ("policies/organization.yaml", include_str!("../cli/starter/policies/organization.yaml")),
        ] {
            std::fs::write(files.path().join(name), text).unwrap();
        }
        let loaded = config::load(files.path(), Timestamp::default()).unwrap();
        InForce { settings: loaded.settings, generation: 1, digest: loaded.digest, client_authority: None }
    }
}
