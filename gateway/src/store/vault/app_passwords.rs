//! Which app passwords are there, for programs that know only a user name and a password (A1–A4)?
//!
//! A row lies under its owner and the keyed digest of its secret: whoever shows one is found with a single read, by that
//! digest, and whoever shows a wrong one with the same read. A secret is bound to its owner; nobody else's name goes with it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use access::Timestamp;
use access::identity::{AppPasswordId, LoginName, UserId};
use access::policy::Generations;
use access::protocol::Protocols;
use access::secret::TypedSecret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::act::{Act, Read, Tries};
use super::outbox::Change;
use super::records::{Hex, Record, StoredGenerations};
use super::{Digest, Vault, VaultError};
use crate::audit::Entry;
use crate::store::seal::random;
use crate::store::{Applied, Notice, StoreError, Table};

/// An app password as stored; its secret only as a digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppPasswordRecord {
    /// As it is listed and revoked.
    pub id: AppPasswordId,
    /// Whose.
    pub owner: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub protocols: Protocols,
    /// Networks and addresses as written; empty: wherever its owner may.
    pub only_from: Vec<String>,
    /// When it was made.
    pub made: Timestamp,
    /// Dead from then on; [`Timestamp::NEVER`] unless its owner wanted it otherwise.
    pub expires: Timestamp,
    /// As they were when it was made.
    pub generations: Generations,
    /// The digest of its owner and its secret.
    pub digest: Digest,
    /// When it was last used; kept to the hour.
    pub last_used: Option<LastUse>,
}

/// When, from where and by which program something was used (A4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub from: IpAddr,
    /// What the program calls itself, at most [`CLIENT_LENGTH`] characters; it may be a lie.
    pub client: String,
}

/// An app password to be made.
#[derive(Clone, Debug)]
pub struct NewAppPassword {
    /// Whose.
    pub owner: UserId,
    /// What its owner calls it, at most 64 characters.
    pub name: String,
    /// What it may be used for.
    pub protocols: Protocols,
    /// Networks and addresses as written; empty: wherever its owner may.
    pub only_from: Vec<String>,
    /// Dead from then on.
    pub expires: Timestamp,
}

/// Which row: whose, and the digest of what they show.
pub type AppPasswordKey = (UserId, Digest);

impl Vault {
    /// Makes an app password; its sixteen letters are returned once. `None`: they have as many as one may have. The audit
    /// entry is on the app password, if it names nothing else.
    pub async fn add_app_password(
        &self,
        new: NewAppPassword,
        entry: Entry,
    ) -> Result<Option<(AppPasswordRecord, TypedSecret)>, VaultError> {
        let NewAppPassword { owner, name, protocols, only_from, expires } = new;
        let id = AppPasswordId(random()?);
        let secret = TypedSecret::from_random(random()?);
        let entry = if entry.on.is_none() { entry.on(named(id)) } else { entry };
        let mut record = AppPasswordRecord {
            id,
            owner,
            name: name.chars().take(NAME_LENGTH).collect(),
            protocols,
            only_from,
            made: self.now(),
            expires,
            generations: Generations::default(),
            digest: self.app_password_digest(owner, &secret),
            last_used: None,
        };
        let mut tries = Tries::new();
        loop {
            let person = self.known_person(owner).await?;
            // Two at the same moment may both find room: the bound is against heaps, not a promise to the last one.
            if self.rows(Table::AppPassword, &owner.0, MOST).await?.len() >= MOST {
                return Ok(None);
            }
            record.generations = Generations { person: person.value.generation, ..self.generations() };
            let key = row_key((owner, record.digest));
            let mut act = self.act();
            act.unmoved(Table::Person, &owner.0, person.version);
            act.absent(Table::AppPassword, &key);
            act.put(Table::AppPassword, &key, &record, kept(&record))?;
            act.notice(Notice::AppPassword(id));
            act.audit(&entry)?;
            act.tell(&person.value, Change::AppPassword(record.name.clone()), &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Some((record, secret))),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// The row behind what somebody shows. One that has expired is found for another thirty days, so that it can be called
    /// expired.
    pub async fn app_password(&self, (owner, digest): AppPasswordKey) -> Result<Option<AppPasswordRecord>, StoreError> {
        Ok(self.read(Table::AppPassword, &row_key((owner, digest))).await?.map(|read| read.value))
    }

    /// All of a person, or of everybody, at most 10,000.
    pub async fn app_passwords(&self, owner: Option<UserId>) -> Result<Vec<AppPasswordRecord>, StoreError> {
        let prefix = owner.as_ref().map_or(&[][..], |owner| &owner.0);
        let rows = self.rows(Table::AppPassword, prefix, LISTED).await?;
        rows.iter().map(|row| Ok(self.opened(Table::AppPassword, row)?.value)).collect()
    }

    /// Revokes for good; false if there was none.
    pub async fn revoke_app_password(&self, key: AppPasswordKey, entry: Entry) -> Result<bool, StoreError> {
        let mut tries = Tries::new();
        loop {
            let mut act = self.act();
            if !self.end_app_password(&mut act, key).await? {
                return Ok(false);
            }
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(true),
                Applied::Refused { .. } => tries.again("the app password").await?,
            }
        }
    }

    /// Revokes an app password within an act. False: it was revoked already.
    pub(super) async fn end_app_password(&self, act: &mut Act<'_>, key: AppPasswordKey) -> Result<bool, StoreError> {
        let row = row_key(key);
        let Some(read) = self.read::<AppPasswordRecord>(Table::AppPassword, &row).await? else { return Ok(false) };
        act.unmoved(Table::AppPassword, &row, read.version);
        act.delete(Table::AppPassword, &row);
        act.notice(Notice::AppPassword(read.value.id));
        Ok(true)
    }

    /// Notes when app passwords were last used, several at once; the caller does so at most hourly for each. One that was
    /// revoked stays revoked.
    pub async fn touch_app_passwords(&self, used: Vec<(AppPasswordKey, LastUse)>) -> Result<(), StoreError> {
        let mut latest: BTreeMap<Vec<u8>, LastUse> = BTreeMap::new();
        for (key, one) in used {
            let known = latest.entry(row_key(key)).or_insert_with(|| one.clone());
            if known.at < one.at {
                *known = one;
            }
        }
        let mut left = latest.into_iter().collect::<Vec<_>>();
        while !left.is_empty() {
            let some = left.split_off(left.len().saturating_sub(AT_ONCE));
            let mut tries = Tries::new();
            loop {
                let mut act = self.act();
                let mut is_any = false;
                for (key, one) in &some {
                    let read: Option<Read<AppPasswordRecord>> = self.read(Table::AppPassword, key).await?;
                    let newer = |read: &Read<AppPasswordRecord>| {
                        read.value.last_used.as_ref().is_none_or(|last| last.at < one.at)
                    };
                    let Some(mut read) = read.filter(newer) else { continue };
                    read.value.last_used =
                        Some(LastUse { client: one.client.chars().take(CLIENT_LENGTH).collect(), ..one.clone() });
                    act.unmoved(Table::AppPassword, key, read.version);
                    act.put(Table::AppPassword, key, &read.value, read.expires)?;
                    is_any = true;
                }
                if !is_any {
                    break;
                }
                match act.commit().await? {
                    Applied::Done { .. } => break,
                    Applied::Refused { .. } => tries.again("an app password's last use").await?,
                }
            }
        }
        Ok(())
    }

    /// Removes all app passwords of a person who is gone.
    pub(super) async fn forget_app_passwords(&self, owner: UserId) -> Result<(), StoreError> {
        for rows in self.rows(Table::AppPassword, &owner.0, usize::MAX).await?.chunks(AT_ONCE) {
            let mut act = self.act();
            for row in rows {
                act.delete(Table::AppPassword, &row.key);
                act.notice(Notice::AppPassword(self.opened::<AppPasswordRecord>(Table::AppPassword, row)?.value.id));
            }
            act.commit().await.map(drop)?;
        }
        Ok(())
    }

    /// All that is stored of an app password's letters.
    pub fn app_password_digest(&self, owner: UserId, secret: &TypedSecret) -> Digest {
        self.keys().digest("app password", &[&owner.0, secret.bytes()])
    }

    /// What stands in memory for a name and the letters that were shown with it.
    pub fn basic_digest(&self, login: &LoginName, secret: &TypedSecret) -> Digest {
        let login = match login {
            LoginName::Name(name) => name.as_str(),
            LoginName::Email(email) => email.as_str(),
        };
        // In one piece: it is made for every request with an app password.
        let whole = Zeroizing::new([secret.bytes().as_slice(), login.as_bytes()].concat());
        self.keys().digest("basic", &[&whole])
    }
}

/// As the audit trail names one.
pub(super) fn named(id: AppPasswordId) -> String {
    format!("app password {id}")
}

/// What lies in a row.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredAppPassword {
    id: Hex<16>,
    owner: Hex<16>,
    name: String,
    protocols: u8,
    only_from: Vec<String>,
    made: u64,
    expires: u64,
    generations: StoredGenerations,
    last_used: Option<(u64, IpAddr, String)>,
}

impl Record for AppPasswordRecord {
    type Stored = StoredAppPassword;

    fn to_stored(&self) -> StoredAppPassword {
        StoredAppPassword {
            id: Hex(self.id.0),
            owner: Hex(self.owner.0),
            name: self.name.clone(),
            protocols: self.protocols.bits(),
            only_from: self.only_from.clone(),
            made: self.made.millis(),
            expires: self.expires.millis(),
            generations: self.generations.into(),
            last_used: self.last_used.as_ref().map(|last| (last.at.millis(), last.from, last.client.clone())),
        }
    }

    fn from_stored(key: &[u8], stored: StoredAppPassword) -> Option<Self> {
        let digest = key.strip_prefix(&stored.owner.0)?;
        Some(Self {
            id: AppPasswordId(stored.id.0),
            owner: UserId(stored.owner.0),
            name: stored.name,
            protocols: Protocols::from_bits(stored.protocols),
            only_from: stored.only_from,
            made: Timestamp::from_millis(stored.made),
            expires: Timestamp::from_millis(stored.expires),
            generations: stored.generations.into(),
            digest: Digest(digest.try_into().ok()?),
            last_used: stored.last_used.map(|(at, from, client)| LastUse {
                at: Timestamp::from_millis(at),
                from,
                client,
            }),
        })
    }
}

fn row_key((owner, Digest(digest)): AppPasswordKey) -> Vec<u8> {
    [owner.0.as_slice(), &digest].concat()
}

/// Until when the row is there.
fn kept(record: &AppPasswordRecord) -> Option<Timestamp> {
    (record.expires != Timestamp::NEVER).then(|| record.expires + KEPT)
}

/// App passwords that one person may have.
const MOST: usize = 50;
/// Characters of a program's own name that are kept.
pub const CLIENT_LENGTH: usize = 80;
/// Characters of an app password's name that are kept.
const NAME_LENGTH: usize = 64;
/// How long an expired one is still called expired instead of wrong.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// App passwords in one list.
const LISTED: usize = 10_000;
/// So many, with two guards and writes each, stay well under the limit of a batch.
const AT_ONCE: usize = 64;
