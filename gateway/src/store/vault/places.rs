//! Has this person signed in from there before? A source and a browser, remembered for ninety days. (D4; ASVS 6.3.5)
//!
//! A sign-in from somewhere new is told by mail, in the batch that opens it, with a link by which it can be ended without
//! signing in: whoever did not do it may be locked out by whoever did. The link ends that one sign-in and does nothing else.

use std::time::Duration;

use access::identity::SessionId;

use super::act::{Act, bearer, of_person};
use super::issued::Issued;
use super::outbox::{Destination, Letter};
use super::{Digest, Opening, Outcome, PersonRecord, SessionRecord, Ticket, Vault};
use crate::audit::Entry;
use crate::store::{Applied, Store, StoreError, Table};

impl Vault {
    /// Notes where a sign-in comes from, and tells its person if that is new. Their very first one is not: nobody else has
    /// had the account before.
    pub(super) async fn note_place(
        &self,
        act: &mut Act<'_>,
        person: &PersonRecord,
        opening: &Opening,
        session: SessionId,
    ) -> Result<(), StoreError> {
        let id = person.person.id;
        let place = [opening.address.source().to_string().as_bytes(), &[0], opening.device.as_bytes()].concat();
        let key = of_person(id, PLACE, &self.keys().digest(PLACE, &[&id.0, &place]).0);
        let is_known = self.store().get(Table::Once, &key).await?.is_some();
        act.mark(Table::Once, &key, Some(self.now() + REMEMBERED));
        let (false, true, true, Some(email)) = (is_known, person.last_sign_in.is_some(), self.tells(), &person.email)
        else {
            return Ok(());
        };
        let secret = bearer()?;
        let Digest(digest) = self.digest(NOT_ME, secret.expose().as_bytes());
        act.put(Table::Ticket, &digest, &Issued::Ticket(Ticket::NotMe { session }), Some(self.now() + NOT_ME_LIFE))?;
        let letter = Letter::NewPlace { device: opening.device.clone(), from: opening.address.ip(), secret };
        act.send(person, Destination::Mail(email.clone()), letter, NOT_ME_LIFE)
    }

    /// Which sign-in does this link end? `None`: it has ended already, or the link is none.
    pub async fn not_me(&self, secret: &str) -> Result<Option<SessionRecord>, StoreError> {
        let Some((_, session)) = self.not_me_ticket(secret).await? else { return Ok(None) };
        let Some(used) = self.session_use(session).await? else { return Ok(None) };
        let sessions = self.sessions(Some(used.value.user)).await?;
        Ok(sessions.into_iter().find(|open| open.id == session))
    }

    /// Consumes the link and ends that sign-in. `Gone`: there is nothing to be ended by it.
    pub async fn end_not_me(&self, secret: &str, entry: Entry) -> Result<Outcome<()>, StoreError> {
        let Some((version, session)) = self.not_me_ticket(secret).await? else { return Ok(Outcome::Gone) };
        let Digest(digest) = self.digest(NOT_ME, secret.as_bytes());
        let mut act = self.act();
        act.unmoved(Table::Ticket, &digest, version);
        act.delete(Table::Ticket, &digest);
        match act.commit().await? {
            Applied::Done { .. } => {}
            Applied::Refused { .. } => return Ok(Outcome::Gone),
        }
        let ended = self.end_session(session, entry.on(format!("session {session}"))).await?;
        Ok(if ended { Outcome::Done(()) } else { Outcome::Gone })
    }

    async fn not_me_ticket(&self, secret: &str) -> Result<Option<(u64, SessionId)>, StoreError> {
        let Digest(digest) = self.digest(NOT_ME, secret.as_bytes());
        let read = self.read::<Issued>(Table::Ticket, &digest).await?;
        Ok(read.and_then(|read| match read.value {
            Issued::Ticket(Ticket::NotMe { session }) => Some((read.version, session)),
            _ => None,
        }))
    }
}

const PLACE: &str = "place";
const NOT_ME: &str = "not me";
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long the link is good; the sign-in itself seldom lives so long.
const NOT_ME_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
