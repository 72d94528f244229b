//! One's own app passwords: made and revoked on the account page (A2, A3).

use std::time::Duration;

use access::identity::AppPasswordId;
use access::protocol::{Protocol, Protocols};
use access::secret::TypedSecret;
use access::{ClientAddr, Timestamp};

use super::login::{LoginError, actor};
use super::own::{Described, limited};
use super::{Gate, Visitor};
use crate::audit::Entry;
use crate::config::InForce;
use crate::store::StoreError;
use crate::store::vault::{AppPasswordRecord, NewAppPassword, token_name};

/// What became of an app password to be made.
#[derive(Debug)]
#[must_use]
pub enum AppPasswordMade {
    /// It is there; its letters are shown this once.
    Done(Box<AppPasswordRecord>, TypedSecret),
    /// A name has 1 to 64 characters that can be read.
    Name,
    /// From where it counts is no list of addresses.
    Addresses,
    /// They have as many as one may have.
    TooMany,
    /// Something has to be proved again first (S9, A37).
    Stale,
}

impl Gate {
    /// Makes an app password of the visitor's own, for programs on the web. It never expires unless that is asked for.
    pub async fn make_app_password(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        address: ClientAddr,
        described: Described<'_>,
        life: Option<Duration>,
    ) -> Result<AppPasswordMade, LoginError> {
        if !self.is_fresh(visitor) {
            return Ok(AppPasswordMade::Stale);
        }
        let Some(name) = token_name(described.name) else { return Ok(AppPasswordMade::Name) };
        let Some(only_from) = described.only_from() else { return Ok(AppPasswordMade::Addresses) };
        let person = visitor.record();
        let entry = Entry::new(actor(person), "app_password.add")
            .from(address.ip())
            .detail(format!("\"{name}\"{}", limited(&only_from)));
        let new = NewAppPassword {
            owner: person.person.id,
            name: name.to_owned(),
            protocols: Protocols::NONE.with(Protocol::Web),
            only_from,
            expires: life.map_or(Timestamp::NEVER, |life| self.clock.now() + life),
        };
        let made = self.vault.standing_on(visitor.record()).add_app_password(new, entry).await;
        self.catch_up(in_force).await?;
        Ok(match made? {
            Some((record, letters)) => AppPasswordMade::Done(Box::new(record), letters),
            None => AppPasswordMade::TooMany,
        })
    }

    /// Revokes one of the visitor's own app passwords, for good and at once; false if there is none.
    pub async fn revoke_own_app_password(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        id: AppPasswordId,
        address: ClientAddr,
    ) -> Result<bool, StoreError> {
        let own = self.vault.app_passwords(Some(visitor.person().id)).await?;
        let Some(one) = own.into_iter().find(|one| one.id == id) else { return Ok(false) };
        let entry = Entry::new(actor(visitor.record()), "app_password.revoke")
            .on(format!("app password {id}"))
            .from(address.ip())
            .detail(format!("\"{}\"", one.name));
        let revoked = self.vault.revoke_app_password((one.owner, one.digest), entry).await?;
        self.catch_up(in_force).await?;
        Ok(revoked)
    }
}
