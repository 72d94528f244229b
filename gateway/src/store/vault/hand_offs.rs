//! From the portal to an app host: a ticket for one app and one browser, for 30 seconds, and the session it becomes.

use std::time::Duration;

use access::identity::AppName;

use super::act::{Tries, bearer};
use super::issued::Issued;
use super::records::SessionUse;
use super::sessions::SESSION;
use super::{Bearer, Digest, Outcome, SessionKind, SessionRecord, Ticket, Vault};
use crate::store::{Applied, StoreError, Table};

impl Vault {
    /// A ticket from a portal session to an app host, for one browser, for 30 seconds.
    pub async fn issue_hand_off(&self, session: Digest, app: AppName, browser: Digest) -> Result<Bearer, StoreError> {
        let secret = bearer()?;
        let digest = self.digest(HAND_OFF, secret.expose().as_bytes());
        let ticket = Issued::Ticket(Ticket::HandOff { session, app, browser });
        let mut act = self.act();
        act.absent(Table::Ticket, &digest.0);
        act.put(Table::Ticket, &digest.0, &ticket, Some(self.now() + HAND_OFF_LIFE))?;
        match act.commit().await? {
            Applied::Done { .. } => Ok(secret),
            Applied::Refused { .. } => Err(StoreError::Unavailable("a random secret came twice".to_owned())),
        }
    }

    /// Consumes it and opens the app host's session, a child of the portal's, in one transaction. `Gone`: used, expired,
    /// another app, another browser, or the portal session is over. A ticket that was shown in the wrong place is burnt.
    pub async fn take_hand_off(
        &self,
        secret: &str,
        app: &AppName,
        browser: Digest,
    ) -> Result<Outcome<(Bearer, SessionRecord)>, StoreError> {
        let ticket = self.digest(HAND_OFF, secret.as_bytes());
        let child_secret = bearer()?;
        let child_digest = self.digest(SESSION, child_secret.expose().as_bytes());
        let mut tries = Tries::new();
        loop {
            let Some(read) = self.read::<Issued>(Table::Ticket, &ticket.0).await? else {
                return Ok(Outcome::Gone);
            };
            let Issued::Ticket(Ticket::HandOff { session: parent_digest, app: wanted, browser: expected }) = read.value
            else {
                return Ok(Outcome::Gone);
            };
            let mut act = self.act();
            let ticket_guard = act.unmoved(Table::Ticket, &ticket.0, read.version);
            act.delete(Table::Ticket, &ticket.0);

            let is_ours = wanted == *app && bool::from(subtle::ConstantTimeEq::ct_eq(&expected.0[..], &browser.0[..]));
            let parent = if is_ours { self.parent(parent_digest).await? } else { None };
            let Some(Parent { session: parent, used, expires, guards }) = parent else {
                act.commit().await.map(drop)?;
                return Ok(Outcome::Gone);
            };
            for (table, key, version) in guards {
                act.unmoved(table, &key, version);
            }
            let child = SessionRecord { kind: SessionKind::App(app.clone()), ..parent };
            act.put_session(child_digest, &child, expires)?;
            // Moves the row that whoever ends the session guards, so that this child can't be overlooked.
            act.put(Table::SessionUse, &child.id.0, &SessionUse { used: self.now().max(used.used), ..used }, expires)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Outcome::Done((child_secret, child))),
                Applied::Refused { guard } if guard == ticket_guard => return Ok(Outcome::Gone),
                Applied::Refused { .. } => tries.again("the session").await?,
            }
        }
    }

    /// The portal session behind a ticket, if it is alive and its person may still come in.
    async fn parent(&self, digest: Digest) -> Result<Option<Parent>, StoreError> {
        let Some(session) = self.session_row(digest).await? else {
            return Ok(None);
        };
        let (id, user) = (session.value.id, session.value.user);
        let (Some(used), Some(person)) = (self.session_use(id).await?, self.person_row(user).await?) else {
            return Ok(None);
        };
        if session.value.kind != SessionKind::Portal || !self.is_current(&session.value, &person.value) {
            return Ok(None);
        }
        Ok(Some(Parent {
            guards: [
                (Table::Session, digest.0.to_vec(), session.version),
                (Table::SessionUse, id.0.to_vec(), used.version),
                (Table::Person, user.0.to_vec(), person.version),
            ],
            session: session.value,
            used: used.value,
            expires: session.expires,
        }))
    }
}

/// A portal session with what must not move while a child is opened.
struct Parent {
    session: SessionRecord,
    used: SessionUse,
    expires: Option<access::Timestamp>,
    guards: [(Table, Vec<u8>, u64); 3],
}

const HAND_OFF: &str = "hand-off";
const HAND_OFF_LIFE: Duration = Duration::from_secs(30);
