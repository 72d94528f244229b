//! Which passkeys and security keys does a person have?
//!
//! Rows: the passkey by person and digest of its credential id, sealed; and whose it is by that digest alone, so that nobody
//! can put another's credential under their own name (WebAuthn §7.1, step 26). What the standard has to remember of a
//! credential is a text that is not read here; its counter lies beside it, because a use and the session that it opens are
//! one transaction. A person's row is the lock on all of it.

use access::Timestamp;
use access::identity::{SessionId, UserId};
use access::login;
use access::policy::{Method, Methods};
use access::secret::TypedSecret;
use serde::{Deserialize, Serialize};

use super::act::{Act, Tries, of_person};
use super::outbox::Change;
use super::records::Record;
use super::secrets::{factor, without_recovery};
use super::{Digest, PersonRecord, Vault};
use crate::audit::Entry;
use crate::store::{Applied, StoreError, Table};

/// A passkey or security key of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passkey {
    /// As it is listed and removed: the digest of its credential id.
    pub id: Digest,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub made: Timestamp,
    /// When it was last used.
    pub used: Option<Timestamp>,
    /// Did it verify its user when it was added?
    pub verifies: bool,
    /// How often it was used, by its own count; always 0 for one that does not count.
    pub counter: u32,
    /// What the standard has to remember of it.
    pub credential: String,
}

/// One to be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPasskey {
    /// The digest of its credential id.
    pub id: Digest,
    /// What its owner calls it.
    pub name: String,
    /// Did it verify its user?
    pub verifies: bool,
    /// Its own count.
    pub counter: u32,
    /// What the standard has to remember of it.
    pub credential: String,
}

/// A use of one, which was found right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyUse {
    /// Which.
    pub id: Digest,
    /// Its own count by now.
    pub counter: u32,
    /// What the standard has to remember of it from now on.
    pub credential: String,
}

/// What became of a passkey to be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Added {
    /// It is there.
    Done,
    /// It is there, and is the first second step: the recovery codes came with it.
    First,
    /// They have as many as one may have.
    TooMany,
    /// Somebody has it already, or the session is over.
    Gone,
}

/// What became of a second step to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Removed {
    /// It is no more.
    Done,
    /// It is the last second step of somebody who has to have one.
    Last,
    /// There was none.
    Gone,
}

impl Vault {
    /// What stands for a credential id in the store.
    pub fn passkey_id(&self, credential: &[u8]) -> Digest {
        self.digest(PASSKEY, credential)
    }

    /// A person's, the oldest first.
    pub async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        let mut passkeys = Vec::new();
        for row in self.rows(Table::Factor, &factor(user, PASSKEY), 2 * PASSKEYS).await? {
            passkeys.push(self.opened::<Passkey>(Table::Factor, &row)?.value);
        }
        passkeys.sort_by_key(|passkey| passkey.made);
        Ok(passkeys)
    }

    /// One of a person's.
    pub async fn passkey(&self, user: UserId, id: Digest) -> Result<Option<Passkey>, StoreError> {
        Ok(self.read::<Passkey>(Table::Factor, &row_of(user, id)).await?.map(|read| read.value))
    }

    /// Whose is it?
    pub async fn passkey_owner(&self, id: Digest) -> Result<Option<UserId>, StoreError> {
        Ok(self.read::<UserId>(Table::PersonName, &owner_key(id)).await?.map(|read| read.value))
    }

    /// Adds one within a session. If it is the first second step, `recovery` are the codes that stand in for it.
    pub async fn add_passkey(
        &self,
        user: UserId,
        session: SessionId,
        new: &NewPasskey,
        recovery: &[TypedSecret],
        entry: Entry,
    ) -> Result<Added, StoreError> {
        let mut tries = Tries::new();
        loop {
            let (Some(read), Some(used)) = (self.person_row(user).await?, self.session_use(session).await?) else {
                return Ok(Added::Gone);
            };
            let is_first = without_recovery(read.value.enrolled).is_empty();
            let mut act = self.act();
            let mut after = read.value.clone();
            if !self.put_passkey(&mut act, &mut after, new).await? {
                return Ok(Added::TooMany);
            }
            if is_first {
                self.put_recovery(&mut act, &mut after, recovery).await?;
            }
            let person_guard = act.change_person(&read, &after)?;
            act.unmoved(Table::SessionUse, &session.0, used.version);
            act.audit(&entry)?;
            act.tell(&after, Change::Passkey(new.name.clone()), &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(if is_first { Added::First } else { Added::Done }),
                Applied::Refused { guard } if guard < person_guard => return Ok(Added::Gone),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Gives one another name; false if there is none.
    pub async fn rename_passkey(&self, user: UserId, id: Digest, name: &str, entry: Entry) -> Result<bool, StoreError> {
        let key = row_of(user, id);
        let mut tries = Tries::new();
        loop {
            let Some(mut read) = self.read::<Passkey>(Table::Factor, &key).await? else { return Ok(false) };
            name.clone_into(&mut read.value.name);
            let mut act = self.act();
            act.unmoved(Table::Factor, &key, read.version);
            act.put(Table::Factor, &key, &read.value, None)?;
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(true),
                Applied::Refused { .. } => tries.again("the passkey").await?,
            }
        }
    }

    /// Removes one. The last second step stays where policy demands some; without any, the recovery codes go as well.
    pub async fn remove_passkey(
        &self,
        user: UserId,
        id: Digest,
        demanded: Option<Methods>,
        entry: Entry,
    ) -> Result<Removed, StoreError> {
        let mut tries = Tries::new();
        loop {
            let Some(read) = self.person_row(user).await? else { return Ok(Removed::Gone) };
            let passkeys = self.passkeys(user).await?;
            if !passkeys.iter().any(|passkey| passkey.id == id) {
                return Ok(Removed::Gone);
            }
            let mut act = self.act();
            let mut after = read.value.clone();
            if passkeys.len() == 1 {
                after.enrolled = after.enrolled.without(Method::Passkey);
                if !login::may_go(after.enrolled, demanded) {
                    return Ok(Removed::Last);
                }
            }
            if without_recovery(after.enrolled).is_empty() {
                after.enrolled = Methods::NONE;
                for key in self.recovery_keys(user).await? {
                    act.delete(Table::Factor, &key);
                }
            }
            act.delete_passkey(user, id);
            act.change_person(&read, &after)?;
            act.audit(&entry)?;
            let name = passkeys.into_iter().find(|passkey| passkey.id == id).map(|passkey| passkey.name);
            let off = after.enrolled.is_empty();
            let what = if off { Change::TwoStepOff } else { Change::PasskeyRemoved(name.unwrap_or_default()) };
            act.tell(&after, what, &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Removed::Done),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Puts one beside those that are there; false if they are as many as one may have. The caller writes the person's row,
    /// guarded: whoever has this credential already refuses the batch before that guard.
    pub(super) async fn put_passkey(
        &self,
        act: &mut Act<'_>,
        record: &mut PersonRecord,
        new: &NewPasskey,
    ) -> Result<bool, StoreError> {
        let user = record.person.id;
        if self.passkeys(user).await?.len() >= PASSKEYS {
            return Ok(false);
        }
        let NewPasskey { id, name, verifies, counter, credential } = new.clone();
        let passkey = Passkey { id, name, made: self.now(), used: None, verifies, counter, credential };
        act.absent(Table::PersonName, &owner_key(id));
        act.put(Table::PersonName, &owner_key(id), &user, None)?;
        act.put(Table::Factor, &row_of(user, id), &passkey, None)?;
        record.enrolled = record.enrolled.with(Method::Passkey);
        Ok(true)
    }

    /// Notes a use. False: it is gone, or its count did not go on, as that of a copy wouldn't (WebAuthn §6.1.1). The caller
    /// writes the person's row, guarded.
    pub(super) async fn use_passkey(
        &self,
        act: &mut Act<'_>,
        user: UserId,
        used: &PasskeyUse,
    ) -> Result<bool, StoreError> {
        let key = row_of(user, used.id);
        let Some(read) = self.read::<Passkey>(Table::Factor, &key).await? else { return Ok(false) };
        let before = read.value;
        if (used.counter, before.counter) != (0, 0) && used.counter <= before.counter {
            return Ok(false);
        }
        let PasskeyUse { counter, credential, .. } = used.clone();
        let after = Passkey { counter, credential, used: Some(self.now()), ..before };
        act.put(Table::Factor, &key, &after, None)?;
        Ok(true)
    }

    /// Removes all of a person's. The caller writes the person's row, guarded.
    pub(super) async fn forget_passkeys(&self, act: &mut Act<'_>, user: UserId) -> Result<(), StoreError> {
        for passkey in self.passkeys(user).await? {
            act.delete_passkey(user, passkey.id);
        }
        Ok(())
    }
}

impl Act<'_> {
    fn delete_passkey(&mut self, user: UserId, id: Digest) {
        self.delete(Table::Factor, &row_of(user, id));
        self.delete(Table::PersonName, &owner_key(id));
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPasskey {
    name: String,
    made: u64,
    used: Option<u64>,
    verifies: bool,
    counter: u32,
    credential: String,
}

impl Record for Passkey {
    type Stored = StoredPasskey;

    fn to_stored(&self) -> StoredPasskey {
        StoredPasskey {
            name: self.name.clone(),
            made: self.made.millis(),
            used: self.used.map(Timestamp::millis),
            verifies: self.verifies,
            counter: self.counter,
            credential: self.credential.clone(),
        }
    }

    fn from_stored(key: &[u8], stored: StoredPasskey) -> Option<Self> {
        let StoredPasskey { name, made, used, verifies, counter, credential } = stored;
        Some(Self {
            id: Digest(*key.last_chunk()?),
            name,
            made: Timestamp::from_millis(made),
            used: used.map(Timestamp::from_millis),
            verifies,
            counter,
            credential,
        })
    }
}

fn row_of(user: UserId, id: Digest) -> Vec<u8> {
    of_person(user, PASSKEY, &id.0)
}

fn owner_key(id: Digest) -> Vec<u8> {
    [b"k:".as_slice(), &id.0].concat()
}

const PASSKEY: &str = "passkey";
/// That one person may have.
pub(super) const PASSKEYS: usize = 20;
