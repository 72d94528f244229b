//! Which sign-ins are under way? Issued after the right password, counted at each code, used up by the session.
//!
//! A flow is read to show its page, or tried; a try is counted before the code is looked at, and whoever acts on what a
//! try handed over acts on exactly that version of the row.

use access::login::{CODES_PER_FLOW, FLOW_LIFE, Flow};
use access::totp::TotpSecret;

use super::act::{Read, Tries, bearer};
use super::issued::{Issued, IssuedFlow};
use super::{Bearer, Digest, Ground, HeldFlow, Outcome, Spend, Vault};
use crate::audit::Entry;
use crate::store::{Applied, StoreError, Table};

impl Vault {
    /// Stores a flow; its secret goes into the browser's cookie. It lives ten minutes from its start, if its ground holds
    /// so long.
    pub async fn begin_flow(
        &self,
        flow: Flow,
        ground: Ground,
        pending_totp: Option<TotpSecret>,
        return_to: Option<String>,
    ) -> Result<Bearer, StoreError> {
        let secret = bearer()?;
        let digest = self.flow_digest(secret.expose());
        let expires = Some(flow.started + FLOW_LIFE);
        let issued = Issued::Flow(IssuedFlow { flow, ground, pending_totp, return_to, sent: None });
        let mut act = self.act();
        act.absent(Table::Ticket, &digest.0);
        act.put(Table::Ticket, &digest.0, &issued, expires)?;
        match act.commit().await? {
            Applied::Done { .. } => Ok(secret),
            Applied::Refused { .. } => Err(StoreError::Unavailable("a random secret came twice".to_owned())),
        }
    }

    /// Reads a flow without counting, to show its page. `None`: unknown, expired, over.
    pub async fn peek_flow(&self, secret: &str) -> Result<Option<HeldFlow>, StoreError> {
        let digest = self.flow_digest(secret);
        let read = self.issued_flow(digest).await?;
        Ok(read.map(|Read { value, version, .. }| held(value, digest, version)))
    }

    /// Counts a try at the flow's code (`wrong` + 1, committed) and hands the flow over: the row's version is that after
    /// the count, `wrong` the number of tries before this one, which is what [`advance`](access::login::advance) goes by.
    /// `None`: unknown, expired, or its tries are used up.
    pub async fn try_flow(&self, secret: &str) -> Result<Option<HeldFlow>, StoreError> {
        let digest = self.flow_digest(secret);
        let mut tries = Tries::new();
        loop {
            let Some(read) = self.issued_flow(digest).await? else {
                return Ok(None);
            };
            if read.value.flow.wrong >= CODES_PER_FLOW {
                return Ok(None);
            }
            let mut counted = read.value.clone();
            counted.flow.wrong += 1;
            let mut act = self.act();
            act.unmoved(Table::Ticket, &digest.0, read.version);
            act.put(Table::Ticket, &digest.0, &Issued::Flow(counted), read.expires)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Some(held(read.value, digest, read.version + 1))),
                Applied::Refused { .. } => tries.again("the sign-in").await?,
            }
        }
    }

    /// Moves a flow on to its next stage and uses up what the last one was passed with, in one transaction; the browser's
    /// secret stays the same. `Gone`: the code was used or the flow moved on meanwhile; nothing happened.
    pub async fn advance_flow(
        &self,
        held: HeldFlow,
        next: Flow,
        pending_totp: Option<TotpSecret>,
        spend: Spend,
    ) -> Result<Outcome<HeldFlow>, StoreError> {
        let digest = held.digest;
        let mut tries = Tries::new();
        loop {
            let (Some(issued), Some(person)) = (self.issued_flow(digest).await?, self.person_row(next.person).await?)
            else {
                return Ok(Outcome::Gone);
            };
            let is_its_own = next.person == issued.value.flow.person;
            if !is_its_own || !issued.value.ground.holds_for(&person.value) {
                return Ok(Outcome::Gone);
            }
            let moved =
                IssuedFlow { flow: next.clone(), pending_totp: pending_totp.clone(), sent: None, ..issued.value };
            let mut act = self.act();
            act.unmoved(Table::Ticket, &digest.0, held.version);
            act.put(Table::Ticket, &digest.0, &Issued::Flow(moved.clone()), issued.expires)?;
            let mut after = person.value.clone();
            if !self.spend(&mut act, &mut after, &spend).await? {
                return Ok(Outcome::Gone);
            }
            let person_guard = act.change_person(&person, &after)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Outcome::Done(self::held(moved, digest, held.version + 1))),
                Applied::Refused { guard } if guard < person_guard => return Ok(Outcome::Gone),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Uses up a flow and what it was passed with, and opens nothing: the code was right, and its owner is refused. A
    /// set-up is not carried out. `Gone`: the code was used or the flow moved on meanwhile; nothing happened.
    pub async fn refuse_flow(&self, held: HeldFlow, spend: Spend, entry: Entry) -> Result<Outcome<()>, StoreError> {
        let mut tries = Tries::new();
        loop {
            let Some(person) = self.person_row(held.flow.person).await? else {
                return Ok(Outcome::Gone);
            };
            let mut act = self.act();
            act.unmoved(Table::Ticket, &held.digest.0, held.version);
            act.delete(Table::Ticket, &held.digest.0);
            let mut after = person.value.clone();
            if !spend.is_set_up() && !self.spend(&mut act, &mut after, &spend).await? {
                return Ok(Outcome::Gone);
            }
            let person_guard = act.change_person(&person, &after)?;
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Outcome::Done(())),
                Applied::Refused { guard } if guard < person_guard => return Ok(Outcome::Gone),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Forgets a flow, because it is over or the person gave up.
    pub async fn drop_flow(&self, secret: &str) -> Result<(), StoreError> {
        let digest = self.flow_digest(secret);
        if self.issued_flow(digest).await?.is_some() {
            let mut act = self.act();
            act.delete(Table::Ticket, &digest.0);
            act.commit().await.map(drop)?;
        }
        Ok(())
    }

    pub(super) async fn issued_flow(&self, digest: Digest) -> Result<Option<Read<IssuedFlow>>, StoreError> {
        let Some(Read { value: Issued::Flow(value), version, expires }) =
            self.read::<Issued>(Table::Ticket, &digest.0).await?
        else {
            return Ok(None);
        };
        if let Some((session, _)) = value.ground.within
            && self.session_use(session).await?.is_none()
        {
            return Ok(None);
        }
        Ok(Some(Read { value, version, expires }))
    }

    pub(super) fn flow_digest(&self, secret: &str) -> Digest {
        self.digest("flow", secret.as_bytes())
    }
}

fn held(issued: IssuedFlow, digest: Digest, version: u64) -> HeldFlow {
    let IssuedFlow { flow, ground, pending_totp, return_to, sent } = issued;
    HeldFlow { flow, pending_totp, return_to, sent, ground, digest, version }
}
