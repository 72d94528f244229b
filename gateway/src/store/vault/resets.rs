//! Who forgot their password, and how do they get another? By a link in a mail to the address of the account (P1, P2).
//!
//! What is asked for is written down as it was typed, whoever exists or not, and answered when whoever asked has long had
//! their page (S15). The link is good once and for half an hour; the next one, another password and another address each
//! retire it. It chooses a password and nothing else: it opens no session, and no second step is spared (ASVS 6.4.3).

use std::net::IpAddr;
use std::time::Duration;

use access::ClientAddr;
use access::identity::{Email, LoginName, UserId};
use access::password::PasswordHash;
use access::policy::Standing;

use super::account::{Ended, Ends};
use super::act::{Act, Read, Tries, bearer};
use super::budgets::Budget;
use super::issued::Issued;
use super::outbox::{Change, Destination, Errand, Letter, Waiting};
use super::records::{Hex, StoredSecret};
use super::secrets::{PASSWORD, factor};
use super::{Digest, Outcome, PersonRecord, Ticket, Vault, VaultError};
use crate::audit::{Actor, Entry};
use crate::store::{Applied, StoreError, Table};

impl Vault {
    /// Writes down that somebody forgot the password of the account with this address, whether there is one or not.
    pub async fn note_forgotten(&self, email: Email, from: ClientAddr) -> Result<(), StoreError> {
        let mut act = self.act();
        act.put_errand(&Errand::Forgotten { email, from: from.ip() }, FORGOTTEN_LIFE)?;
        act.commit().await.map(drop)
    }

    /// Answers a forgotten password: a mail with a link to the person of that address, if there is one who may sign in, and
    /// no more than three an hour. In one batch with the end of the errand. Was there one to be sent?
    pub async fn answer_forgotten(&self, claimed: &Waiting, email: &Email, from: IpAddr) -> Result<bool, StoreError> {
        let mut tries = Tries::new();
        loop {
            let person = self.person_called(&LoginName::Email(email.clone())).await?;
            let person = person.filter(|person| person.person.standing == Standing::Active);
            let mut act = self.act();
            let errand = act.unmoved(Table::Outbox, &claimed.key, claimed.version);
            act.delete(Table::Outbox, &claimed.key);
            let Some(person) = person else {
                act.commit().await.map(drop)?;
                return Ok(false);
            };
            let budget =
                Budget { what: "links to a person", whose: &person.person.id.0, most: RESETS_AN_HOUR, within: HOUR };
            if self.take(&mut act, budget).await?.is_err() {
                let mut act = self.act();
                act.unmoved(Table::Outbox, &claimed.key, claimed.version);
                act.delete(Table::Outbox, &claimed.key);
                act.audit(&told(&person, "password.reset_withheld", from))?;
                act.commit().await.map(drop)?;
                return Ok(false);
            }
            self.send_reset(&mut act, &person, email).await?;
            act.audit(&told(&person, "password.reset_asked", from))?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(true),
                // Somebody else has the errand by now.
                Applied::Refused { guard } if guard == errand => return Ok(false),
                Applied::Refused { .. } => tries.again("the links of a person").await?,
            }
        }
    }

    /// Sends a person the link by which they choose another password, because an administrator says so (P8).
    pub async fn recover(&self, id: UserId, email: &Email, entry: Entry) -> Result<(), VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut act = self.act();
            act.change_person(&read, &read.value)?;
            self.send_reset(&mut act, &read.value, email).await?;
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(()),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Whose link is this? Does not consume it: a mail scanner may look. `None`: used, too old, or retired.
    pub async fn resettable(&self, secret: &str) -> Result<Option<PersonRecord>, StoreError> {
        let digest = self.digest(RESET, secret.as_bytes());
        Ok(self.reset_of(digest).await?.map(|(_, person)| person.value))
    }

    /// Consumes a link and sets the password. Whoever was signed in is signed out everywhere; what was chosen of the rest
    /// ends as well, in the same transaction. `Gone`: used, too old, or retired, and nothing happened.
    pub async fn reset_password(
        &self,
        secret: &str,
        hash: PasswordHash,
        ends: Ends,
        entry: Entry,
    ) -> Result<Outcome<(PersonRecord, Ended)>, StoreError> {
        let digest = self.digest(RESET, secret.as_bytes());
        let mut ended = Ended::default();
        let mut tries = Tries::new();
        loop {
            let Some((version, read)) = self.reset_of(digest).await? else { return Ok(Outcome::Gone) };
            let user = read.value.person.id;
            let mut act = self.act();
            act.unmoved(Table::Ticket, &digest.0, version);
            act.delete(Table::Ticket, &digest.0);
            act.delete(Table::Factor, &factor(user, RESET));
            let mut after = read.value.clone();
            after.choose_password(self.now());
            after.generation = after.generation.saturating_add(1);
            act.change_person(&read, &after)?;
            act.put(Table::Factor, &factor(user, PASSWORD), &StoredSecret::of_text(hash.as_phc()), None)?;
            act.audit(&entry)?;
            act.tell(&after, Change::PasswordReset, &entry)?;
            // Sessions end with the generation.
            let ends = Ends { browsers: false, devices: false, ..ends };
            let Some(ending) = self.end_with(&mut act, user, ends, None, &entry, &mut ended).await? else {
                tries.again("what is open").await?;
                continue;
            };
            match act.commit().await? {
                Applied::Done { .. } => {
                    ended.add(&ending);
                    ended.sessions += self.forget_sessions(user, Some(after.generation)).await?;
                    return Ok(Outcome::Done((after, ended)));
                }
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Issues a link in the place of an older one, and the letter that brings it.
    async fn send_reset(&self, act: &mut Act<'_>, person: &PersonRecord, email: &Email) -> Result<(), StoreError> {
        let id = person.person.id;
        let current = self.read::<Hex<32>>(Table::Factor, &factor(id, RESET)).await?;
        act.as_read(Table::Factor, &factor(id, RESET), current.as_ref());
        if let Some(current) = current {
            act.delete(Table::Ticket, &current.value.0);
        }
        let secret = bearer()?;
        let Digest(digest) = self.digest(RESET, secret.expose().as_bytes());
        let expires = Some(self.now() + RESET_LIFE);
        let ticket = Ticket::Reset { user: id, email: email.clone(), passwords: person.passwords };
        act.put(Table::Ticket, &digest, &Issued::Ticket(ticket), expires)?;
        act.put(Table::Factor, &factor(id, RESET), &Hex(digest), expires)?;
        act.send(person, Destination::Mail(email.clone()), Letter::Reset { secret }, RESET_LIFE)
    }

    /// Whose link, as they are now, and its version.
    async fn reset_of(&self, digest: Digest) -> Result<Option<(u64, Read<PersonRecord>)>, StoreError> {
        let Some(Read { value: Issued::Ticket(Ticket::Reset { user, email, passwords }), version, .. }) =
            self.read::<Issued>(Table::Ticket, &digest.0).await?
        else {
            return Ok(None);
        };
        let person = self.person_row(user).await?;
        Ok(person.filter(|read| holds(&read.value, &email, passwords)).map(|read| (version, read)))
    }
}

/// Is a link that was sent to this address, when they had so many passwords, still theirs?
fn holds(person: &PersonRecord, email: &Email, passwords: u32) -> bool {
    person.person.standing == Standing::Active && person.passwords == passwords && person.email.as_ref() == Some(email)
}

fn told(person: &PersonRecord, act: &str, from: IpAddr) -> Entry {
    Entry::new(Actor::Anonymous, act).on(person.person.name.as_str()).from(from)
}

/// The purpose of a link's digest, and the kind of the row that says which one is good.
const RESET: &str = "reset";
/// How long the link of a mail is good (P2 asks for fifteen minutes at least).
pub const RESET_LIFE: Duration = Duration::from_secs(30 * 60);
/// How long somebody waits for a mail before they ask again.
const FORGOTTEN_LIFE: Duration = Duration::from_secs(10 * 60);
/// Links that one person is sent within an hour, whoever asks for them.
const RESETS_AN_HOUR: u32 = 3;
const HOUR: Duration = Duration::from_secs(60 * 60);
