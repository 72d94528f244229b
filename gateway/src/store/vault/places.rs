//! Has this person signed in from there before? A source and a browser, remembered for ninety days. (D4; ASVS 6.3.5)
//!
//! A sign-in from somewhere new is told by mail, in the batch that opens it, with a link for whoever did not do it: they may
//! be locked out by whoever did. It signs the person out everywhere, since an intruder who signs in once more has another
//! session by then, and forgets the place, so that the next sign-in from there is told again.

use std::net::IpAddr;
use std::time::Duration;

use access::Timestamp;
use access::identity::UserId;

use super::act::{Act, Read, Tries, bearer, of_person};
use super::issued::Issued;
use super::outbox::{Destination, Letter};
use super::{Digest, Opening, Outcome, PersonRecord, Ticket, Vault};
use crate::audit::Entry;
use crate::store::{Applied, Store, StoreError, Table};

/// A sign-in that a mail told of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPlace {
    /// Whose.
    pub user: UserId,
    /// From where.
    pub address: IpAddr,
    /// With what.
    pub device: String,
    /// When.
    pub at: Timestamp,
    /// The place, as it is remembered.
    pub(super) place: Digest,
}

impl Vault {
    /// Notes where a sign-in comes from, and tells its person if that is new. Their very first one is not: nobody else has
    /// had the account before.
    pub(super) async fn note_place(
        &self,
        act: &mut Act<'_>,
        person: &PersonRecord,
        opening: &Opening,
    ) -> Result<(), StoreError> {
        let user = person.person.id;
        let place = [opening.address.source().to_string().as_bytes(), &[0], opening.device.as_bytes()].concat();
        let place = self.keys().digest(PLACE, &[&user.0, &place]);
        let key = of_person(user, PLACE, &place.0);
        let is_known = self.store().get(Table::Once, &key).await?.is_some();
        act.mark(Table::Once, &key, Some(self.now() + REMEMBERED));
        let (false, true, true, Some(email)) = (is_known, person.last_sign_in.is_some(), self.tells(), &person.email)
        else {
            return Ok(());
        };
        let secret = bearer()?;
        let Digest(digest) = self.digest(NOT_ME, secret.expose().as_bytes());
        let (address, device) = (opening.address.ip(), opening.device.clone());
        let told = NewPlace { user, address, device: device.clone(), at: self.now(), place };
        act.put(Table::Ticket, &digest, &Issued::Ticket(Ticket::NotMe(told)), Some(self.now() + NOT_ME_LIFE))?;
        let letter = Letter::NewPlace { device, from: address, secret };
        act.send(person, Destination::Mail(email.clone()), letter, NOT_ME_LIFE)
    }

    /// Which sign-in does this link tell of? `None`: it was used, or is none.
    pub async fn not_me(&self, secret: &str) -> Result<Option<NewPlace>, StoreError> {
        Ok(self.not_me_ticket(secret).await?.map(|(_, told)| told))
    }

    /// Consumes the link, signs its person out everywhere and forgets the place, in one transaction. `Gone`: it was used.
    pub async fn end_not_me(&self, secret: &str, entry: Entry) -> Result<Outcome<()>, StoreError> {
        let Digest(digest) = self.digest(NOT_ME, secret.as_bytes());
        let mut tries = Tries::new();
        loop {
            let Some((version, told)) = self.not_me_ticket(secret).await? else { return Ok(Outcome::Gone) };
            let Some(read) = self.person_row(told.user).await? else { return Ok(Outcome::Gone) };
            let mut after = read.value.clone();
            after.generation = after.generation.saturating_add(1);
            let mut act = self.act();
            act.unmoved(Table::Ticket, &digest, version);
            act.delete(Table::Ticket, &digest);
            act.change_person(&read, &after)?;
            act.delete(Table::Once, &of_person(told.user, PLACE, &told.place.0));
            act.audit(&entry.clone().on(after.person.name.as_str()))?;
            match act.commit().await? {
                Applied::Done { .. } => {
                    self.forget_sessions(told.user, Some(after.generation)).await?;
                    return Ok(Outcome::Done(()));
                }
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    async fn not_me_ticket(&self, secret: &str) -> Result<Option<(u64, NewPlace)>, StoreError> {
        let Digest(digest) = self.digest(NOT_ME, secret.as_bytes());
        let read = self.read::<Issued>(Table::Ticket, &digest).await?;
        Ok(read.and_then(|Read { value, version, .. }| match value {
            Issued::Ticket(Ticket::NotMe(told)) => Some((version, told)),
            _ => None,
        }))
    }
}

const PLACE: &str = "place";
const NOT_ME: &str = "not me";
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long the link is good.
const NOT_ME_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
