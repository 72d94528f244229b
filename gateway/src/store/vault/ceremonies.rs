//! Which questions to a passkey are open? Each is asked once, in one browser, for five minutes.
//!
//! What the answer will be checked against stays here; the browser holds a secret that leads to it (A43). A question belongs
//! to the place where it was asked, and an answer that comes to another place uses it up all the same.
//!
//! At the door anybody may ask, as often as they like: that must cost the store nothing. There the browser keeps the question
//! itself, which names nobody and holds no more than the page does, under a digest that only we can make; a row is written
//! when it is answered, which is counted as an attempt.

use std::time::Duration;

use access::identity::SessionId;
use access::{Secret, Timestamp};
use data_encoding::BASE64URL_NOPAD;
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
    /// Keeps what the answer will be checked against. What comes back goes into the browser's cookie.
    pub async fn begin_ceremony(&self, ceremony: Ceremony, state: String) -> Result<Bearer, StoreError> {
        let expires = self.now() + CEREMONY_LIFE;
        if ceremony == Ceremony::SignIn {
            return Ok(self.written_out(&state, expires));
        }
        let secret = bearer()?;
        let key = self.ceremony_key(secret.expose());
        let mut act = self.act();
        act.absent(Table::Ticket, &key.0);
        act.put(Table::Ticket, &key.0, &Open { ceremony, state }, Some(expires))?;
        match act.commit().await? {
            Applied::Done { .. } => Ok(secret),
            Applied::Refused { .. } => Err(StoreError::Unavailable("a random secret came twice".to_owned())),
        }
    }

    /// Uses a question up, before its answer is looked at. `None`: it was answered, is too old, or was asked elsewhere.
    pub async fn end_ceremony(&self, secret: &str, ceremony: Ceremony) -> Result<Option<String>, StoreError> {
        let key = self.ceremony_key(secret);
        let mut act = self.act();
        let open = match self.read_back(secret) {
            Some((_, expires)) if expires <= self.now() => return Ok(None),
            Some((open, expires)) => {
                act.absent(Table::Ticket, &key.0);
                act.put(Table::Ticket, &key.0, &Open { state: String::new(), ..open }, Some(expires))?;
                open
            }
            None => {
                let Some(read) = self.read::<Open>(Table::Ticket, &key.0).await? else { return Ok(None) };
                act.unmoved(Table::Ticket, &key.0, read.version);
                act.delete(Table::Ticket, &key.0);
                read.value
            }
        };
        let is_ours = matches!(act.commit().await?, Applied::Done { .. });
        Ok((is_ours && open.ceremony == ceremony).then_some(open.state))
    }

    /// A question at the door, as the browser keeps it: the digest, the moment of its end, and what its answer will be
    /// checked against.
    fn written_out(&self, state: &str, expires: Timestamp) -> Bearer {
        let expires = expires.millis().to_be_bytes();
        let Digest(mark) = self.door_mark(expires, state);
        Secret::new(BASE64URL_NOPAD.encode(&[&mark, expires.as_slice(), state.as_bytes()].concat()))
    }

    /// `None`: we never wrote this.
    fn read_back(&self, written: &str) -> Option<(Open, Timestamp)> {
        let bytes = BASE64URL_NOPAD.decode(written.as_bytes()).ok()?;
        let (mark, rest) = bytes.split_first_chunk::<32>()?;
        let (expires, state) = rest.split_first_chunk::<8>()?;
        let state = String::from_utf8(state.to_vec()).ok()?;
        let Digest(ours) = self.door_mark(*expires, &state);
        let is_ours = bool::from(subtle::ConstantTimeEq::ct_eq(&ours[..], &mark[..]));
        let expires = Timestamp::from_millis(u64::from_be_bytes(*expires));
        is_ours.then_some((Open { ceremony: Ceremony::SignIn, state }, expires))
    }

    fn door_mark(&self, expires: [u8; 8], state: &str) -> Digest {
        self.keys().digest("question at the door", &[&expires, state.as_bytes()])
    }

    fn ceremony_key(&self, secret: &str) -> Digest {
        self.digest("ceremony", secret.as_bytes())
    }
}

/// A question that is open; at the door, one that was answered.
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
