//! Who belongs to the house? Adding, changing, disabling and deleting people.
//!
//! Names and addresses are rows of their own, so that two people can't take one at the same time. Who takes the last
//! administrator away is refused; two who each take one of the last two meet at one row, and the second is refused.

use access::identity::{Email, LoginName, RoleName, UserId};
use access::policy::{Methods, Person, Standing};

use super::act::{Act, Read, Tries};
use super::codes::{SMS, VOICE};
use super::open::ADMINS_ROW;
use super::outbox::Change;
use super::secrets::{TOTP, factor};
use super::{Bearer, Force, NewPerson, PersonRecord, Vault, VaultError};
use crate::audit::Entry;
use crate::store::seal::random;
use crate::store::{Applied, Notice, Store, StoreError, Table};

impl Vault {
    /// All, by name.
    pub async fn people(&self) -> Result<Vec<PersonRecord>, StoreError> {
        let mut people = Vec::new();
        for row in self.rows(Table::Person, &[], usize::MAX).await? {
            people.push(self.opened::<PersonRecord>(Table::Person, &row)?.value);
        }
        people.sort_by(|a, b| a.person.name.cmp(&b.person.name));
        Ok(people)
    }

    /// By id.
    pub async fn person(&self, id: UserId) -> Result<Option<PersonRecord>, StoreError> {
        Ok(self.person_row(id).await?.map(|read| read.value))
    }

    /// By name or e-mail address. Looking for nobody is the same work.
    pub async fn person_called(&self, name: &LoginName) -> Result<Option<PersonRecord>, StoreError> {
        match self.id_called(name).await? {
            Some(id) => self.person(id).await,
            None => self.find_no_person().await.map(|()| None),
        }
    }

    /// Whose name or e-mail address it is, without reading anything of theirs. A name that nobody has takes the same work.
    pub async fn id_called(&self, name: &LoginName) -> Result<Option<UserId>, StoreError> {
        let key = match name {
            LoginName::Name(name) => name_key(name.as_str()),
            LoginName::Email(email) => email_key(email.as_str()),
        };
        match self.read::<UserId>(Table::PersonName, &key).await? {
            Some(read) => Ok(Some(read.value)),
            None => self.find_no_name().map(|()| None),
        }
    }

    /// Adds a person without password, and the invitation by which they choose one.
    pub async fn add_person(&self, new: NewPerson, entry: Entry) -> Result<(PersonRecord, Bearer), VaultError> {
        let NewPerson { name, full_name, email, roles, groups } = new;
        let record = PersonRecord {
            person: Person {
                id: UserId(random()?),
                name,
                roles: roles.into(),
                groups: groups.into(),
                standing: Standing::Active,
            },
            full_name,
            email,
            generation: 1,
            enrolled: Methods::NONE,
            has_password: false,
            passwords: 0,
            password_chosen: None,
            added: self.now(),
            last_sign_in: None,
            has_questions: false,
            language: None,
            last_shown: Methods::NONE,
        };
        let id = record.person.id;

        let mut act = self.act();
        let names = act.take_names(None, &record)?;
        act.absent(Table::Person, &id.0);
        act.put(Table::Person, &id.0, &record, None)?;
        let invitation = self.put_invitation(&mut act, id)?;
        act.notice(Notice::Person(id));
        act.audit(&entry)?;
        match act.commit().await? {
            Applied::Done { .. } => Ok((record, invitation)),
            Applied::Refused { guard } => Err(names.taken(guard).unwrap_or_else(|| {
                StoreError::Unavailable("two people were given the same random id".to_owned()).into()
            })),
        }
    }

    /// Changes a person in one guarded write: `change` is applied to the row as it is, repeated if it moved meanwhile.
    /// Ids, enrolment and what the house itself notes can't be changed here; the generation only goes up, and does when
    /// the person becomes disabled. Publishes [`Notice::Person`].
    pub async fn change_person(
        &self,
        id: UserId,
        force: Force,
        change: impl Fn(&mut PersonRecord) + Send + Sync,
        entry: Entry,
    ) -> Result<PersonRecord, VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut changed = read.value.clone();
            change(&mut changed);
            let after = settled(&read.value, changed);
            let mut act = self.act();
            let names = act.take_names(Some(&read.value), &after)?;
            act.change_person(&read, &after)?;
            self.keep_an_administrator(&mut act, &read.value, Some(&after), force).await?;
            act.audit(&entry)?;
            if after.email != read.value.email {
                let now = after.email.as_ref().map_or_else(String::new, Email::to_string);
                for email in read.value.email.iter().chain(&after.email) {
                    act.tell_at(&after, email, Change::Email(now.clone()), &entry)?;
                }
            }
            match act.commit().await? {
                Applied::Done { .. } => {
                    if after.generation > read.value.generation {
                        self.forget_sessions(id, Some(after.generation)).await?;
                    }
                    return Ok(after);
                }
                Applied::Refused { guard } => {
                    if let Some(taken) = names.taken(guard) {
                        return Err(taken);
                    }
                    tries.again("the person").await?;
                }
            }
        }
    }

    /// Disables: standing, and one generation on, so that every session is over.
    pub async fn disable_person(&self, id: UserId, force: Force, entry: Entry) -> Result<PersonRecord, VaultError> {
        let disable = |record: &mut PersonRecord| {
            record.person.standing = Standing::Disabled;
            record.generation = record.generation.saturating_add(1);
        };
        self.change_person(id, force, disable, entry).await
    }

    /// Ends every session of a person (one generation on); returns how many sign-ins there were.
    pub async fn sign_out_person(&self, id: UserId, entry: Entry) -> Result<usize, VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut after = read.value.clone();
            after.generation = after.generation.saturating_add(1);
            let mut act = self.act();
            act.change_person(&read, &after)?;
            act.audit(&entry)?;
            match act.commit().await? {
                // Over already; the rows only have to go.
                Applied::Done { .. } => return Ok(self.forget_sessions(id, Some(after.generation)).await?),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Forgets all second steps and recovery codes of a person and ends their sessions (S8).
    pub async fn reset_two_step(&self, id: UserId, entry: Entry) -> Result<PersonRecord, VaultError> {
        self.forget_two_step(id, true, entry).await
    }

    /// Forgets all second steps and recovery codes of a person, who wants none any more; whoever is signed in stays.
    pub async fn end_two_step(&self, id: UserId, entry: Entry) -> Result<PersonRecord, VaultError> {
        self.forget_two_step(id, false, entry).await
    }

    async fn forget_two_step(&self, id: UserId, ends: bool, entry: Entry) -> Result<PersonRecord, VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut after = read.value.clone();
            after.enrolled = Methods::NONE;
            after.generation = after.generation.saturating_add(u32::from(ends));
            let mut act = self.act();
            act.change_person(&read, &after)?;
            for kind in [TOTP, SMS, VOICE] {
                act.delete(Table::Factor, &factor(id, kind));
            }
            self.forget_passkeys(&mut act, id).await?;
            for key in self.recovery_keys(id).await? {
                act.delete(Table::Factor, &key);
            }
            act.audit(&entry)?;
            act.tell(&after, Change::TwoStepOff, &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => {
                    if ends {
                        self.forget_sessions(id, Some(after.generation)).await?;
                    }
                    return Ok(after);
                }
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Deletes a person, their secrets, sessions, tokens and app passwords; their entries in the audit stay. The person's own row goes
    /// first, in one batch with name and secrets: without it nothing else of theirs opens anything.
    pub async fn delete_person(&self, id: UserId, force: Force, entry: Entry) -> Result<(), VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut act = self.act();
            act.unmoved(Table::Person, &id.0, read.version);
            act.delete(Table::Person, &id.0);
            for key in names_of(&read.value) {
                act.delete(Table::PersonName, &key);
            }
            self.withdraw_invitation(&mut act, id).await?;
            self.forget_passkeys(&mut act, id).await?;
            for row in self.rows(Table::Factor, &id.0, FACTORS).await? {
                act.delete(Table::Factor, &row.key);
            }
            self.keep_an_administrator(&mut act, &read.value, None, force).await?;
            act.notice(Notice::Person(id));
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => break,
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
        self.forget_sessions(id, None).await?;
        self.forget_tokens(id).await?;
        self.forget_app_passwords(id).await?;
        Ok(())
    }

    /// The row of a person.
    pub(super) async fn person_row(&self, id: UserId) -> Result<Option<Read<PersonRecord>>, StoreError> {
        let read: Option<Read<PersonRecord>> = self.read(Table::Person, &id.0).await?;
        let stands =
            |person: &PersonRecord| self.1.is_none_or(|footing| footing.user != id || footing.ground.holds_for(person));
        Ok(read.filter(|read| stands(&read.value)))
    }

    /// The row of a person who must exist.
    pub(super) async fn known_person(&self, id: UserId) -> Result<Read<PersonRecord>, VaultError> {
        self.person_row(id).await?.ok_or_else(|| VaultError::Unknown(format!("person {id}")))
    }

    /// If this act takes an administrator away, there must be another, and nobody may take that one away meanwhile.
    async fn keep_an_administrator(
        &self,
        act: &mut Act<'_>,
        before: &PersonRecord,
        after: Option<&PersonRecord>,
        force: Force,
    ) -> Result<(), VaultError> {
        if !is_administrator(before) || after.is_some_and(is_administrator) {
            return Ok(());
        }
        let missing = || StoreError::Corrupt("the row that administrators' changes meet at is missing".to_owned());
        let meeting = self.store().get(Table::Meta, ADMINS_ROW).await?.ok_or_else(missing)?;
        act.unmoved(Table::Meta, ADMINS_ROW, meeting.version);
        act.mark(Table::Meta, ADMINS_ROW, None);
        if force == Force::Yes {
            return Ok(());
        }
        let others = self.people().await?;
        let others = others.iter().filter(|other| other.person.id != before.person.id);
        if others.into_iter().any(is_administrator) {
            Ok(())
        } else {
            Err(VaultError::LastAdministrator(before.person.name.clone()))
        }
    }
}

impl Act<'_> {
    /// Writes a person's row, if it is still as it was read, and tells everybody.
    pub(super) fn change_person(
        &mut self,
        read: &Read<PersonRecord>,
        after: &PersonRecord,
    ) -> Result<usize, StoreError> {
        let id = after.person.id;
        let guard = self.unmoved(Table::Person, &id.0, read.version);
        self.put(Table::Person, &id.0, after, None)?;
        self.notice(Notice::Person(id));
        Ok(guard)
    }

    /// Gives up names that are not wanted any more and takes those that are new.
    fn take_names(&mut self, before: Option<&PersonRecord>, after: &PersonRecord) -> Result<Names, StoreError> {
        let old = before.map(names_of).unwrap_or_default();
        let new = names_of(after);
        for key in old.iter().filter(|key| !new.contains(key)) {
            self.delete(Table::PersonName, key);
        }
        let mut names = Names(Vec::new());
        for key in new.into_iter().filter(|key| !old.contains(key)) {
            names.0.push((self.absent(Table::PersonName, &key), String::from_utf8_lossy(&key[2..]).into_owned()));
            self.put(Table::PersonName, &key, &after.person.id, None)?;
        }
        Ok(names)
    }
}

/// The guards that watch over new names.
struct Names(Vec<(usize, String)>);

impl Names {
    fn taken(&self, guard: usize) -> Option<VaultError> {
        let taken = self.0.iter().find(|(place, _)| *place == guard);
        taken.map(|(_, name)| VaultError::Taken(name.clone()))
    }
}

/// What a change may not touch is as it was.
fn settled(before: &PersonRecord, changed: PersonRecord) -> PersonRecord {
    let was_active = before.person.standing == Standing::Active;
    let ends = was_active && changed.person.standing == Standing::Disabled;
    let least = before.generation.saturating_add(u32::from(ends));
    PersonRecord {
        person: Person { id: before.person.id, ..changed.person },
        generation: changed.generation.max(least),
        enrolled: before.enrolled,
        has_password: before.has_password,
        passwords: before.passwords,
        password_chosen: before.password_chosen,
        added: before.added,
        last_sign_in: before.last_sign_in,
        has_questions: before.has_questions,
        last_shown: before.last_shown,
        language: before.language,
        ..changed
    }
}

/// The role whose holders administer.
pub const ADMINISTRATOR: &str = "admin";

fn is_administrator(record: &PersonRecord) -> bool {
    record.person.standing == Standing::Active
        && record.person.roles.iter().map(RoleName::as_str).any(|role| role == ADMINISTRATOR)
}

fn names_of(record: &PersonRecord) -> Vec<Vec<u8>> {
    let email = record.email.as_ref().map(|email| email_key(email.as_str()));
    std::iter::once(name_key(record.person.name.as_str())).chain(email).collect()
}

fn name_key(name: &str) -> Vec<u8> {
    format!("n:{name}").into_bytes()
}

fn email_key(email: &str) -> Vec<u8> {
    format!("e:{email}").into_bytes()
}

/// More secrets than anybody has: password, TOTP key, invitation, ten recovery codes and twenty passkeys.
const FACTORS: usize = 128;
