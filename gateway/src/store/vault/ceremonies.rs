//! Which questions to a passkey are open? Each is asked once, in one browser, for five minutes.
//!
//! What the answer will be checked against stays here; the browser holds a secret that leads to it (A43). A question belongs
//! to the place where it was asked, and an answer that comes to another place uses it up all the same.

use std::time::Duration;

use access::identity::SessionId;
use serde::{Deserialize, Serialize};

use super::act::bearer;
use super::records::{Hex, Record};
use super::{Bearer, Digest, Vault};
use crate::store::{Applied, StoreError, Table};

/// Where a passkey is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ceremony {
    /// At the door, of nobody in particular.
    SignIn,
    /// As the second step of this sign-in.
    SecondStep(Digest),
    /// To be set up in this sign-in.
    SetUp(Digest),
    /// To be added in this session.
    Addition(SessionId),
}

impl Vault {
    /// Keeps what the answer will be checked against. The secret goes into the browser's cookie.
    pub async fn begin_ceremony(&self, ceremony: Ceremony, state: String) -> Result<Bearer, StoreError> {
        let secret = bearer()?;
        let key = self.ceremony_key(secret.expose());
        let mut act = self.act();
        act.absent(Table::Ticket, &key.0);
        act.put(Table::Ticket, &key.0, &Open { ceremony, state }, Some(self.now() + CEREMONY_LIFE))?;
        match act.commit().await? {
            Applied::Done { .. } => Ok(secret),
            Applied::Refused { .. } => Err(StoreError::Unavailable("a random secret came twice".to_owned())),
        }
    }

    /// Uses a question up, before its answer is looked at. `None`: it was answered, is too old, or was asked elsewhere.
    pub async fn end_ceremony(&self, secret: &str, ceremony: Ceremony) -> Result<Option<String>, StoreError> {
        let key = self.ceremony_key(secret);
        let Some(read) = self.read::<Open>(Table::Ticket, &key.0).await? else { return Ok(None) };
        let mut act = self.act();
        act.unmoved(Table::Ticket, &key.0, read.version);
        act.delete(Table::Ticket, &key.0);
        let is_ours = matches!(act.commit().await?, Applied::Done { .. });
        Ok((is_ours && read.value.ceremony == ceremony).then_some(read.value.state))
    }

    fn ceremony_key(&self, secret: &str) -> Digest {
        self.digest("ceremony", secret.as_bytes())
    }
}

/// A question that is open.
#[derive(Clone)]
struct Open {
    ceremony: Ceremony,
    state: String,
}

#[derive(Serialize, Deserialize)]
struct StoredOpen {
    place: StoredPlace,
    state: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPlace {
    SignIn,
    SecondStep(Hex<32>),
    SetUp(Hex<32>),
    Addition(Hex<16>),
}

impl Record for Open {
    type Stored = StoredOpen;

    fn to_stored(&self) -> StoredOpen {
        let place = match self.ceremony {
            Ceremony::SignIn => StoredPlace::SignIn,
            Ceremony::SecondStep(flow) => StoredPlace::SecondStep(Hex(flow.0)),
            Ceremony::SetUp(flow) => StoredPlace::SetUp(Hex(flow.0)),
            Ceremony::Addition(session) => StoredPlace::Addition(Hex(session.0)),
        };
        StoredOpen { place, state: self.state.clone() }
    }

    fn from_stored(_: &[u8], stored: StoredOpen) -> Option<Self> {
        let ceremony = match stored.place {
            StoredPlace::SignIn => Ceremony::SignIn,
            StoredPlace::SecondStep(flow) => Ceremony::SecondStep(Digest(flow.0)),
            StoredPlace::SetUp(flow) => Ceremony::SetUp(Digest(flow.0)),
            StoredPlace::Addition(session) => Ceremony::Addition(SessionId(session.0)),
        };
        Some(Self { ceremony, state: stored.state })
    }
}

/// As long as browsers give people to find their key.
const CEREMONY_LIFE: Duration = Duration::from_secs(5 * 60);
