//! What waits to be sent, and to whom?
//!
//! A message is written in the batch of the act that it tells of, sealed like every row, and is gone when it has been
//! handed over. It says what happened and not in which words: those are the couriers', who also make its links, from the
//! configuration. Whoever sends it claims it first, by a guarded write, so that of several only one does. Each has an end,
//! after which nobody is to receive it any more.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use access::identity::{Email, Phone};
use access::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::records::{Record, StoredSecret};
use super::{Bearer, PersonRecord, Vault};
use crate::audit::{Actor, Entry};
use crate::store::seal::random;
use crate::store::{Applied, Row, StoreError, Table};
use crate::words::Language;

/// Where a message goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// To a mailbox.
    Mail(Email),
    /// As a text message.
    Sms(Phone),
    /// By a call.
    Voice(Phone),
}

impl Destination {
    /// For those who know it, and are told by a page where something went.
    pub fn masked(&self) -> String {
        match self {
            Self::Mail(email) => {
                let (local, domain) = email.as_str().split_once('@').unwrap_or_default();
                let first: String = local.chars().take(1).collect();
                format!("{first}\u{2022}\u{2022}\u{2022}@{domain}")
            }
            Self::Sms(phone) | Self::Voice(phone) => phone.masked(),
        }
    }
}

/// What somebody is told.
#[derive(Clone, Debug)]
pub enum Letter {
    /// By this they choose another password.
    Reset {
        /// The link's secret.
        secret: Bearer,
    },
    /// The second step of a sign-in.
    Code {
        /// Six digits.
        code: Secret<String>,
    },
    /// Somebody signed in from where nobody did before, perhaps they.
    NewPlace {
        /// With what.
        device: String,
        /// From where.
        from: IpAddr,
        /// The secret of the link that ends it.
        secret: Bearer,
    },
    /// Something that they sign in with changed.
    Changed {
        /// What.
        what: Change,
        /// From where.
        from: Option<IpAddr>,
        /// Did an administrator do it?
        by_administrator: bool,
    },
}

/// What changed (ASVS 6.3.7).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The password, by somebody who knew it.
    Password,
    /// The password, by a link from a mail.
    PasswordReset,
    /// An authenticator app was set up, perhaps in the place of another.
    Authenticator,
    /// A passkey or security key was added, of this name.
    Passkey(String),
    /// A passkey or security key of this name was removed.
    PasskeyRemoved(String),
    /// Two-step sign-in is off.
    TwoStepOff,
    /// Codes go to a telephone number from now on, which is shown in part.
    Phone(String),
    /// Codes go to the address of the account from now on.
    EmailCodes,
    /// Codes are sent no more by one of these ways.
    CodesOff,
    /// Other security questions.
    Questions,
    /// New recovery codes.
    RecoveryCodes,
    /// A token was made.
    Token(String),
    /// An app password was made.
    AppPassword(String),
    /// This is no longer the address of the account, or it is so from now on.
    Email(String),
}

/// A message in the outbox.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where it goes.
    pub to: Destination,
    /// How whoever receives it is called.
    pub name: String,
    /// What it says.
    pub letter: Letter,
    /// What it says that in.
    pub language: Language,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Errand {
    /// To be handed over.
    Deliver(Message),
    /// Somebody said that they forgot their password; perhaps nobody has this address.
    Forgotten {
        /// The address that they typed.
        email: Email,
        /// From where.
        from: IpAddr,
    },
}

/// By which way something goes: a mail server that hangs must not keep telephones from ringing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Mail, and what becomes one.
    Mail,
    /// Text messages and calls.
    Telephone,
}

impl By {
    /// What the keys of its errands begin with.
    const fn letter(self) -> u8 {
        match self {
            Self::Mail => b'm',
            Self::Telephone => b't',
        }
    }
}

impl Errand {
    const fn by(&self) -> By {
        match self {
            Self::Deliver(Message { to: Destination::Sms(_) | Destination::Voice(_), .. }) => By::Telephone,
            Self::Deliver(Message { to: Destination::Mail(_), .. }) | Self::Forgotten { .. } => By::Mail,
        }
    }
}

/// An errand that was claimed, or could be.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What is to be done.
    pub errand: Errand,
    /// When it was written down.
    pub made: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// When it is to be tried next.
    due: Timestamp,
    /// After that nobody is to receive it.
    expires: Option<Timestamp>,
    pub(super) key: Vec<u8>,
    pub(super) version: u64,
}

impl Waiting {
    /// The same for each try, and told to nobody but the receiver: 32 hexadecimal digits.
    pub fn id(&self) -> String {
        data_encoding::HEXLOWER.encode(identity(&self.key))
    }
}

impl Vault {
    /// Are changes of credentials told by mail from now on? Off until it is said.
    pub fn tell_changes(&self, tells: bool) {
        self.0.tells_changes.store(tells, Ordering::Relaxed);
    }

    /// Wakes when something was put into the outbox since the last time; for one who waits by each way.
    pub async fn outgoing(&self, by: By) {
        self.0.outgoing[by as usize].notified().await;
    }

    pub(super) fn tells(&self) -> bool {
        self.0.tells_changes.load(Ordering::Relaxed)
    }

    pub(super) fn wake_couriers(&self) {
        for by in &self.0.outgoing {
            by.notify_one();
        }
    }

    /// What is to be done now by this way, what has been due for longest first, at most `max`.
    pub async fn errands(&self, by: By, max: usize) -> Result<Vec<Waiting>, StoreError> {
        let now = self.now();
        // In the order in which they are due: however many are put off, only these are looked at.
        let first = self.rows(Table::Outbox, &[by.letter()], max).await?;
        let waiting = first.iter().map(|row| self.waiting(row)).collect::<Result<Vec<_>, _>>()?;
        Ok(waiting.into_iter().take_while(|waiting| waiting.due <= now).collect())
    }

    /// Takes one for itself until then; who does not come back is followed by another. `None`: somebody else has it.
    pub async fn claim(&self, waiting: Waiting, until: Timestamp) -> Result<Option<Waiting>, StoreError> {
        let claimed = Waiting { tries: waiting.tries.saturating_add(1), due: until, ..waiting };
        self.rewrite(claimed).await
    }

    /// It did not work; it is tried again then, if it still has a sense.
    pub async fn put_off(&self, claimed: Waiting, due: Timestamp) -> Result<(), StoreError> {
        self.rewrite(Waiting { due, ..claimed }).await.map(drop)
    }

    /// It was handed over, or never will be.
    pub async fn settle(&self, claimed: &Waiting) -> Result<(), StoreError> {
        let mut act = self.act();
        act.unmoved(Table::Outbox, &claimed.key, claimed.version);
        act.delete(Table::Outbox, &claimed.key);
        act.commit().await.map(drop)
    }

    async fn rewrite(&self, waiting: Waiting) -> Result<Option<Waiting>, StoreError> {
        let mut act = self.act();
        let key = key(waiting.errand.by(), waiting.due, identity(&waiting.key));
        act.unmoved(Table::Outbox, &waiting.key, waiting.version);
        // Due when it was: its row is written over and counts on; otherwise it is another one.
        let version = if key == waiting.key {
            waiting.version + 1
        } else {
            act.delete(Table::Outbox, &waiting.key);
            act.absent(Table::Outbox, &key);
            1
        };
        act.put(Table::Outbox, &key, &Held::of(&waiting), waiting.expires)?;
        Ok(match act.commit().await? {
            Applied::Done { .. } => Some(Waiting { key, version, ..waiting }),
            Applied::Refused { .. } => None,
        })
    }

    fn waiting(&self, row: &Row) -> Result<Waiting, StoreError> {
        let Held { errand, made, tries, due } = self.opened::<Held>(Table::Outbox, row)?.value;
        Ok(Waiting { errand, made, tries, due, expires: row.expires, key: row.key.clone(), version: row.version })
    }
}

impl Act<'_> {
    /// Tells a person that something they sign in with changed, if they can be reached.
    pub(super) fn tell(&mut self, person: &PersonRecord, what: Change, entry: &Entry) -> Result<(), StoreError> {
        match &person.email {
            Some(email) => self.tell_at(person, email, what, entry),
            None => Ok(()),
        }
    }

    /// As [`tell`](Self::tell), at an address that need not be theirs any more.
    pub(super) fn tell_at(
        &mut self,
        person: &PersonRecord,
        email: &Email,
        what: Change,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        if !self.vault().tells() {
            return Ok(());
        }
        let by_administrator = !matches!(entry.actor, Actor::Person { .. } | Actor::Anonymous);
        let to = Destination::Mail(email.clone());
        self.send(person, to, Letter::Changed { what, from: entry.from, by_administrator }, CHANGE_LIFE)
    }

    /// Sends a person something, while it has a sense.
    pub(super) fn send(
        &mut self,
        person: &PersonRecord,
        to: Destination,
        letter: Letter,
        life: Duration,
    ) -> Result<(), StoreError> {
        let language = person.language.unwrap_or_default();
        let message = Message { to, name: person.full_name.clone(), letter, language };
        self.put_errand(&Errand::Deliver(message), life)
    }

    pub(super) fn put_errand(&mut self, errand: &Errand, life: Duration) -> Result<(), StoreError> {
        let now = self.vault().now();
        let key = key(errand.by(), now, &[now.millis().to_be_bytes(), random::<8>()?].concat());
        let held = Held { errand: errand.clone(), made: now, tries: 0, due: now };
        self.absent(Table::Outbox, &key);
        self.put(Table::Outbox, &key, &held, Some(now + life))?;
        self.wakes_couriers();
        Ok(())
    }
}

/// Where an errand lies: by the way it takes, then in the order in which they are due, and never two of a key.
fn key(by: By, due: Timestamp, identity: &[u8]) -> Vec<u8> {
    [&[by.letter()], &due.millis().to_be_bytes()[..], identity].concat()
}

/// What is the same of an errand whenever it is due.
fn identity(key: &[u8]) -> &[u8] {
    &key[key.len().saturating_sub(IDENTITY)..]
}

/// An errand as it lies in its row.
struct Held {
    errand: Errand,
    made: Timestamp,
    tries: u32,
    due: Timestamp,
}

impl Held {
    fn of(waiting: &Waiting) -> Self {
        Self { errand: waiting.errand.clone(), made: waiting.made, tries: waiting.tries, due: waiting.due }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredHeld {
    errand: StoredErrand,
    made: u64,
    tries: u32,
    due: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredErrand {
    Mail {
        to: String,
        name: String,
        letter: StoredLetter,
        #[serde(default)]
        language: String,
    },
    Sms {
        to: String,
        name: String,
        letter: StoredLetter,
        #[serde(default)]
        language: String,
    },
    Voice {
        to: String,
        name: String,
        letter: StoredLetter,
        #[serde(default)]
        language: String,
    },
    Forgotten {
        email: String,
        from: IpAddr,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredLetter {
    Reset { secret: StoredSecret },
    Code { code: StoredSecret },
    NewPlace { device: String, from: IpAddr, secret: StoredSecret },
    Changed { what: Change, from: Option<IpAddr>, by_administrator: bool },
}

impl Record for Held {
    type Stored = StoredHeld;

    fn to_stored(&self) -> StoredHeld {
        let errand = match &self.errand {
            Errand::Forgotten { email, from } => StoredErrand::Forgotten { email: email.to_string(), from: *from },
            Errand::Deliver(Message { to, name, letter, language }) => {
                let (name, letter, language) = (name.clone(), StoredLetter::of(letter), language.to_string());
                match to {
                    Destination::Mail(to) => StoredErrand::Mail { to: to.to_string(), name, letter, language },
                    Destination::Sms(to) => StoredErrand::Sms { to: to.as_str().to_owned(), name, letter, language },
                    Destination::Voice(to) => {
                        StoredErrand::Voice { to: to.as_str().to_owned(), name, letter, language }
                    }
                }
            }
        };
        StoredHeld { errand, made: self.made.millis(), tries: self.tries, due: self.due.millis() }
    }

    fn from_stored(_: &[u8], stored: StoredHeld) -> Option<Self> {
        let deliver = |to, name, letter: StoredLetter, language: String| {
            let language = Language::of_tag(&language).unwrap_or_default();
            Errand::Deliver(Message { to, name, letter: letter.into_letter(), language })
        };
        let errand = match stored.errand {
            StoredErrand::Forgotten { email, from } => Errand::Forgotten { email: Email::parse(&email).ok()?, from },
            StoredErrand::Mail { to, name, letter, language } => {
                deliver(Destination::Mail(Email::parse(&to).ok()?), name, letter, language)
            }
            StoredErrand::Sms { to, name, letter, language } => {
                deliver(Destination::Sms(Phone::parse(&to)?), name, letter, language)
            }
            StoredErrand::Voice { to, name, letter, language } => {
                deliver(Destination::Voice(Phone::parse(&to)?), name, letter, language)
            }
        };
        let at = Timestamp::from_millis;
        Some(Self { errand, made: at(stored.made), tries: stored.tries, due: at(stored.due) })
    }
}

impl StoredLetter {
    fn of(letter: &Letter) -> Self {
        match letter {
            Letter::Reset { secret } => Self::Reset { secret: StoredSecret::of_text(secret.expose()) },
            Letter::Code { code } => Self::Code { code: StoredSecret::of_text(code.expose()) },
            Letter::NewPlace { device, from, secret } => {
                Self::NewPlace { device: device.clone(), from: *from, secret: StoredSecret::of_text(secret.expose()) }
            }
            Letter::Changed { what, from, by_administrator } => {
                Self::Changed { what: what.clone(), from: *from, by_administrator: *by_administrator }
            }
        }
    }

    fn into_letter(self) -> Letter {
        match self {
            Self::Reset { secret } => Letter::Reset { secret: secret.text() },
            Self::Code { code } => Letter::Code { code: code.text() },
            Self::NewPlace { device, from, secret } => Letter::NewPlace { device, from, secret: secret.text() },
            Self::Changed { what, from, by_administrator } => Letter::Changed { what, from, by_administrator },
        }
    }
}

/// How long it is tried to tell of a change.
const CHANGE_LIFE: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// Of an errand, whenever it is due.
const IDENTITY: usize = 16;
