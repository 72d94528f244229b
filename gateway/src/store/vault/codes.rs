//! Six digits by text message, by a call or by mail: sent, shown once, gone. (S1–S3; A28, A29; ASVS 6.5.5, 6.6.2, 6.6.3)
//!
//! A code belongs to the sign-in that it was sent for and lies in its row as a digest; with the sign-in it is used up, and the
//! next code takes its place without giving a try back. What is sent is counted in the batch that sends it: for the number,
//! the person, the source, and everybody within a day.

use std::num::NonZeroU32;
use std::time::Duration;

use access::identity::{Phone, UserId};
use access::login::{CODES_PER_FLOW, Stage};
use access::policy::{Method, Methods};
use access::secret::TypedSecret;
use access::totp::Code;
use access::{ClientAddr, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::act::{Act, Tries};
use super::budgets::Budget;
use super::issued::{Issued, IssuedFlow};
use super::outbox::{Change, Destination, Letter};
use super::passkeys::Removed;
use super::records::{Hex, Itself, Record, StoredSecret};
use super::secrets::{factor, without_recovery};
use super::{Digest, HeldFlow, PersonRecord, Vault, VaultError};
use crate::audit::Entry;
use crate::store::{Applied, StoreError, Table};
use crate::words::Wish;

/// A code that was sent for a sign-in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentCode {
    /// By which way.
    pub method: Method,
    /// Where to.
    pub to: Destination,
    /// When.
    pub at: Timestamp,
    /// Its digest, within this sign-in.
    digest: Digest,
}

/// A code that is to be sent.
#[derive(Clone, Debug)]
pub struct CodeToSend<'a> {
    /// Where to.
    pub to: &'a Destination,
    /// Six digits.
    pub code: Secret<String>,
    /// What whoever asks for it is spoken to in: it counts where nothing is known of the person.
    pub wish: Option<Wish>,
}

/// What became of a code to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Sending {
    /// It is on its way.
    Done,
    /// So many were sent already: welcome again from then on.
    Wait(Timestamp),
    /// The sign-in is over.
    Gone,
}

impl Vault {
    /// Sends a code for a sign-in, in the place of one that was sent before. `per_day`: to everybody, by this way.
    pub async fn send_code(
        &self,
        flow: &str,
        CodeToSend { to, code, wish }: CodeToSend<'_>,
        source: ClientAddr,
        per_day: Option<NonZeroU32>,
        entry: Entry,
    ) -> Result<Sending, StoreError> {
        let digest = self.flow_digest(flow);
        let mut tries = Tries::new();
        loop {
            let Some(read) = self.issued_flow(digest).await? else { return Ok(Sending::Gone) };
            let Some(mut person) = self.person(read.value.flow.person).await? else { return Ok(Sending::Gone) };
            // It also warns its reader of whoever may be asking.
            person.language = person.language.or(wish.map(Wish::language));
            if read.value.flow.wrong >= CODES_PER_FLOW {
                return Ok(Sending::Gone);
            }
            let mut act = self.act();
            act.unmoved(Table::Ticket, &digest.0, read.version);
            let address = match to {
                Destination::Mail(email) => email.as_str(),
                Destination::Sms(phone) | Destination::Voice(phone) => phone.as_str(),
            };
            let (id, source) = (person.person.id.0, source.source().to_string());
            // Nobody uses up what another person's sign-ins may have.
            let place = [&id, address.as_bytes()].concat();
            let channel = channel(to);
            let is_set_up = read.value.flow.stage == Stage::SetUp;
            let budgets = [
                Budget { what: "codes to a place, soon", whose: &place, most: 3, within: Duration::from_secs(600) },
                Budget { what: "codes to a place", whose: &place, most: 15, within: DAY },
                Budget { what: "codes to a person", whose: &id, most: 10, within: Duration::from_secs(3600) },
                Budget {
                    what: "codes by a channel",
                    whose: channel.as_bytes(),
                    most: per_day.map_or(u32::MAX, NonZeroU32::get),
                    within: DAY,
                },
            ];
            // Numbers that anybody may type are few: they cost money, and somebody's sleep.
            let of_set_ups = [
                Budget { what: "first codes of a person", whose: &id, most: 6, within: DAY },
                Budget { what: "first codes to a place", whose: address.as_bytes(), most: 6, within: DAY },
                Budget { what: "first codes from a source", whose: source.as_bytes(), most: 60, within: DAY },
            ];
            let of_set_ups = of_set_ups.into_iter().filter(|_| is_set_up);
            for budget in budgets.into_iter().chain(of_set_ups) {
                if let Err(until) = self.take(&mut act, budget).await? {
                    return Ok(Sending::Wait(until));
                }
            }
            let method = method_of(to);
            let sent = SentCode { method, to: to.clone(), at: self.now(), digest: self.code_digest(digest, &code) };
            let moved = IssuedFlow { sent: Some(sent), ..read.value };
            act.put(Table::Ticket, &digest.0, &Issued::Flow(moved), read.expires)?;
            act.send(&person, to.clone(), Letter::Code { code: code.clone() }, CODE_LIFE)?;
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Sending::Done),
                Applied::Refused { .. } => tries.again("the sign-in").await?,
            }
        }
    }

    /// Is this the code that was sent for this sign-in by this way, and not too long ago? In constant time.
    pub fn is_sent_code(&self, held: &HeldFlow, method: Method, typed: &str) -> bool {
        let (Some(sent), Some(code)) = (&held.sent, Code::parse(typed)) else { return false };
        let fresh = sent.method == method && self.now().since(sent.at) < CODE_LIFE;
        let Digest(shown) = self.code_digest(held.digest, code.digits());
        fresh & bool::from(subtle::ConstantTimeEq::ct_eq(&shown[..], &sent.digest.0[..]))
    }

    /// The number that codes go to by text message or call.
    pub async fn phone(&self, id: UserId, method: Method) -> Result<Option<Phone>, StoreError> {
        let Some(kind) = phone_kind(method) else { return Ok(None) };
        Ok(self.read::<Phone>(Table::Factor, &factor(id, kind)).await?.map(|read| read.value))
    }

    /// Sends codes by this way no more. The last second step stays where policy demands some.
    pub async fn end_codes(
        &self,
        id: UserId,
        method: Method,
        demanded: Option<Methods>,
        entry: Entry,
    ) -> Result<Removed, VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            if !read.value.enrolled.has(method) {
                return Ok(Removed::Gone);
            }
            let mut after = read.value.clone();
            after.enrolled = after.enrolled.without(method);
            if !access::login::may_go(after.enrolled, demanded) {
                return Ok(Removed::Last);
            }
            let mut act = self.act();
            if without_recovery(after.enrolled).is_empty() {
                after.enrolled = Methods::NONE;
                for key in self.recovery_keys(id).await? {
                    act.delete(Table::Factor, &key);
                }
            }
            if let Some(kind) = phone_kind(method) {
                act.delete(Table::Factor, &factor(id, kind));
            }
            act.change_person(&read, &after)?;
            act.audit(&entry)?;
            act.tell(&after, if after.enrolled.is_empty() { Change::TwoStepOff } else { Change::CodesOff }, &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Removed::Done),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Sends codes there from now on. The caller writes the person's row, guarded.
    pub(super) async fn set_up_codes(
        &self,
        act: &mut Act<'_>,
        record: &mut PersonRecord,
        to: &Destination,
        recovery: &[TypedSecret],
    ) -> Result<(), StoreError> {
        let method = method_of(to);
        record.enrolled = record.enrolled.with(method);
        if let (Some(kind), Destination::Sms(phone) | Destination::Voice(phone)) = (phone_kind(method), to) {
            act.put(Table::Factor, &factor(record.person.id, kind), phone, None)?;
        }
        if !recovery.is_empty() {
            self.put_recovery(act, record, recovery).await?;
        }
        Ok(())
    }

    fn code_digest(&self, flow: Digest, code: &Secret<String>) -> Digest {
        self.keys().digest("code", &[&flow.0, code.expose().as_bytes()])
    }
}

/// What a person is told when codes go there from now on.
pub(super) fn told(to: &Destination) -> Change {
    match to {
        Destination::Mail(_) => Change::EmailCodes,
        Destination::Sms(phone) | Destination::Voice(phone) => Change::Phone(phone.masked()),
    }
}

/// The way that leads there.
const fn method_of(to: &Destination) -> Method {
    match to {
        Destination::Mail(_) => Method::Email,
        Destination::Sms(_) => Method::Sms,
        Destination::Voice(_) => Method::Voice,
    }
}

const fn channel(to: &Destination) -> &'static str {
    match to {
        Destination::Mail(_) => "mail",
        Destination::Sms(_) => SMS,
        Destination::Voice(_) => VOICE,
    }
}

const fn phone_kind(method: Method) -> Option<&'static str> {
    match method {
        Method::Sms => Some(SMS),
        Method::Voice => Some(VOICE),
        _ => None,
    }
}

impl Record for Phone {
    type Stored = Itself<String>;

    fn to_stored(&self) -> Itself<String> {
        Itself(self.as_str().to_owned())
    }

    fn from_stored(_: &[u8], stored: Itself<String>) -> Option<Self> {
        Self::parse(&stored.0)
    }
}

/// A code as it lies in the row of its sign-in.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredCode {
    method: u8,
    to: StoredSecret,
    at: u64,
    digest: Hex<32>,
}

impl StoredCode {
    pub(super) fn of(sent: &SentCode) -> Self {
        let to = match &sent.to {
            Destination::Mail(email) => email.as_str(),
            Destination::Sms(phone) | Destination::Voice(phone) => phone.as_str(),
        };
        Self {
            method: sent.method as u8,
            to: StoredSecret::of_text(to),
            at: sent.at.millis(),
            digest: Hex(sent.digest.0),
        }
    }

    pub(super) fn into_sent(self) -> Option<SentCode> {
        let to = self.to.text();
        let to = to.expose();
        let (method, to) = match Methods::from_bits(self.method) {
            way if way.has(Method::Email) => {
                (Method::Email, Destination::Mail(access::identity::Email::parse(to).ok()?))
            }
            way if way.has(Method::Sms) => (Method::Sms, Destination::Sms(Phone::parse(to)?)),
            way if way.has(Method::Voice) => (Method::Voice, Destination::Voice(Phone::parse(to)?)),
            _ => return None,
        };
        Some(SentCode { method, to, at: Timestamp::from_millis(self.at), digest: Digest(self.digest.0) })
    }
}

pub(super) const SMS: &str = "sms";
pub(super) const VOICE: &str = "voice";
/// How long a code is good (ASVS 6.5.5).
pub const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
