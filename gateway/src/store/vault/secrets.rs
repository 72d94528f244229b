//! What do people prove themselves with? Passwords, TOTP keys, recovery codes, and the invitation before all of them.
//!
//! Rows of [`Table::Factor`]: person ‖ kind ‖ rest. Recovery codes are rows whose key is their digest.

use std::time::Duration;

use access::Timestamp;
use access::identity::UserId;
use access::password::PasswordHash;
use access::policy::{Method, Methods, Standing};
use access::secret::TypedSecret;
use access::totp::TotpSecret;

use super::act::{Act, Tries, bearer, of_person};
use super::issued::Issued;
use super::outbox::Change;
use super::records::{Hex, StoredSecret};
use super::{Bearer, Digest, Outcome, PersonRecord, Ticket, Vault, VaultError};
use crate::audit::Entry;
use crate::store::seal::random;
use crate::store::{Applied, StoreError, Table};

impl Vault {
    /// The stored password hash. Finding none is the same work.
    pub async fn password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        let Some(read) = self.read::<StoredSecret>(Table::Factor, &factor(id, PASSWORD)).await? else {
            self.find_no_password()?;
            return Ok(None);
        };
        hash_of(id, &read.value).map(Some)
    }

    /// The stored TOTP key.
    pub async fn totp(&self, id: UserId) -> Result<Option<TotpSecret>, StoreError> {
        let Some(read) = self.read::<StoredSecret>(Table::Factor, &factor(id, TOTP)).await? else {
            return Ok(None);
        };
        let damaged = || StoreError::Corrupt(format!("the TOTP key of person {id} can't be read"));
        read.value.totp().ok_or_else(damaged).map(Some)
    }

    /// Is this one of the recovery codes that are left? Using it up is part of opening the session.
    pub async fn has_recovery_code(&self, id: UserId, code: &TypedSecret) -> Result<bool, StoreError> {
        Ok(self.recovery_keys(id).await?.contains(&self.recovery_key(id, code)))
    }

    /// How many recovery codes are left.
    pub async fn recovery_left(&self, id: UserId) -> Result<usize, StoreError> {
        Ok(self.recovery_keys(id).await?.len())
    }

    /// Replaces a hash that has grown old by one with today's parameters; nothing if the password changed meanwhile,
    /// which shows in that its hash has today's parameters already.
    pub async fn refresh_password(&self, id: UserId, hash: PasswordHash) -> Result<(), StoreError> {
        let key = factor(id, PASSWORD);
        let Some(read) = self.read::<StoredSecret>(Table::Factor, &key).await? else {
            return Ok(());
        };
        if parameters(hash_of(id, &read.value)?.as_phc()) == parameters(hash.as_phc()) {
            return Ok(());
        }
        let mut act = self.act();
        act.unmoved(Table::Factor, &key, read.version);
        act.put(Table::Factor, &key, &StoredSecret::of_text(hash.as_phc()), None)?;
        // Refused: the password changed meanwhile, and the new one is the right one.
        act.commit().await.map(drop)
    }

    /// A new invitation; the older ones of that person are gone.
    pub async fn invite(&self, id: UserId, entry: Entry) -> Result<Bearer, VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut act = self.act();
            act.change_person(&read, &read.value)?;
            self.withdraw_invitation(&mut act, id).await?;
            let invitation = self.put_invitation(&mut act, id)?;
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(invitation),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Whose invitation is this? Does not consume it: a mail scanner may look.
    pub async fn invited(&self, secret: &str) -> Result<Option<PersonRecord>, StoreError> {
        match self.invitation(self.digest(INVITATION, secret.as_bytes())).await? {
            Some((user, _)) => self.person(user).await,
            None => Ok(None),
        }
    }

    /// Consumes an invitation and sets the first password. `Gone`: used, expired or retired by a newer one; or the
    /// person is disabled, and then it is not consumed. Whoever had a password already is signed out everywhere.
    pub async fn accept_invitation(
        &self,
        secret: &str,
        hash: PasswordHash,
        entry: Entry,
    ) -> Result<Outcome<PersonRecord>, StoreError> {
        let digest = self.digest(INVITATION, secret.as_bytes());
        let mut tries = Tries::new();
        loop {
            let Some((user, version)) = self.invitation(digest).await? else {
                return Ok(Outcome::Gone);
            };
            let Some(read) = self.person_row(user).await? else {
                return Ok(Outcome::Gone);
            };
            if read.value.person.standing != Standing::Active {
                return Ok(Outcome::Gone);
            }
            let mut after = read.value.clone();
            after.choose_password(self.now());
            after.generation = after.generation.saturating_add(u32::from(read.value.has_password));
            let mut act = self.act();
            act.unmoved(Table::Ticket, &digest.0, version);
            act.change_person(&read, &after)?;
            act.delete(Table::Ticket, &digest.0);
            act.delete(Table::Factor, &factor(user, INVITATION));
            act.put(Table::Factor, &factor(user, PASSWORD), &StoredSecret::of_text(hash.as_phc()), None)?;
            act.audit(&entry)?;
            if read.value.has_password {
                act.tell(&after, Change::Password, &entry)?;
            }
            match act.commit().await? {
                Applied::Done { .. } => {
                    if after.generation > read.value.generation {
                        self.forget_sessions(user, Some(after.generation)).await?;
                    }
                    return Ok(Outcome::Done(after));
                }
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Stores a TOTP key directly, for the demo and tests; returns ten recovery codes.
    pub async fn enrol_totp(
        &self,
        id: UserId,
        secret: &TotpSecret,
        entry: Entry,
    ) -> Result<Vec<TypedSecret>, VaultError> {
        let codes = new_codes()?;
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut after = read.value.clone();
            let mut act = self.act();
            self.set_up_totp(&mut act, &mut after, secret, &codes).await?;
            act.change_person(&read, &after)?;
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(codes),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Ten new recovery codes in the place of those that are left. `None`: there is nothing that they could stand in for.
    pub async fn renew_recovery(&self, id: UserId, entry: Entry) -> Result<Option<Vec<TypedSecret>>, StoreError> {
        let codes = new_codes()?;
        let mut tries = Tries::new();
        loop {
            let Some(read) = self.person_row(id).await? else { return Ok(None) };
            if without_recovery(read.value.enrolled).is_empty() {
                return Ok(None);
            }
            let mut after = read.value.clone();
            let mut act = self.act();
            self.put_recovery(&mut act, &mut after, &codes).await?;
            act.change_person(&read, &after)?;
            act.audit(&entry)?;
            act.tell(&after, Change::RecoveryCodes, &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Some(codes)),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Stores a password hash directly, for the demo and tests. Whoever had a password already is signed out everywhere.
    pub async fn set_password(&self, id: UserId, hash: PasswordHash, entry: Entry) -> Result<(), VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut after = read.value.clone();
            after.choose_password(self.now());
            after.generation = after.generation.saturating_add(u32::from(read.value.has_password));
            let mut act = self.act();
            act.change_person(&read, &after)?;
            act.put(Table::Factor, &factor(id, PASSWORD), &StoredSecret::of_text(hash.as_phc()), None)?;
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => {
                    if after.generation > read.value.generation {
                        self.forget_sessions(id, Some(after.generation)).await?;
                    }
                    return Ok(());
                }
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Puts a TOTP key and its recovery codes in the place of older ones. The caller writes the person's row, guarded.
    pub(super) async fn set_up_totp(
        &self,
        act: &mut Act<'_>,
        record: &mut PersonRecord,
        secret: &TotpSecret,
        codes: &[TypedSecret],
    ) -> Result<(), StoreError> {
        let id = record.person.id;
        record.enrolled = record.enrolled.with(Method::Totp);
        act.put(Table::Factor, &factor(id, TOTP), &StoredSecret::of(secret.bytes()), None)?;
        // None come with it where there are some that stand in for a passkey already.
        if codes.is_empty() { Ok(()) } else { self.put_recovery(act, record, codes).await }
    }

    /// Puts recovery codes in the place of older ones. The caller writes the person's row, guarded.
    pub(super) async fn put_recovery(
        &self,
        act: &mut Act<'_>,
        record: &mut PersonRecord,
        codes: &[TypedSecret],
    ) -> Result<(), StoreError> {
        let id = record.person.id;
        if !codes.is_empty() {
            record.enrolled = record.enrolled.with(Method::Recovery);
        }
        for key in self.recovery_keys(id).await? {
            act.delete(Table::Factor, &key);
        }
        for code in codes {
            act.mark(Table::Factor, &self.recovery_key(id, code), None);
        }
        Ok(())
    }

    /// The row of one recovery code.
    pub(super) fn recovery_key(&self, id: UserId, code: &TypedSecret) -> Vec<u8> {
        of_person(id, RECOVERY, &self.keys().digest(RECOVERY, &[&id.0, code.bytes()]).0)
    }

    /// The rows of all recovery codes that are left.
    pub(super) async fn recovery_keys(&self, id: UserId) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.rows(Table::Factor, &factor(id, RECOVERY), 2 * RECOVERY_CODES).await?;
        Ok(rows.into_iter().map(|row| row.key).collect())
    }

    /// Issues an invitation. The caller guards the person's row and withdraws the older one.
    pub(super) fn put_invitation(&self, act: &mut Act<'_>, id: UserId) -> Result<Bearer, StoreError> {
        let secret = bearer()?;
        let digest = self.digest(INVITATION, secret.expose().as_bytes());
        let expires = Some(self.now() + INVITATION_LIFE);
        act.put(Table::Ticket, &digest.0, &Issued::Ticket(Ticket::Invitation { user: id }), expires)?;
        act.put(Table::Factor, &factor(id, INVITATION), &Hex(digest.0), expires)?;
        Ok(secret)
    }

    /// Removes the invitation a person may have.
    pub(super) async fn withdraw_invitation(&self, act: &mut Act<'_>, id: UserId) -> Result<(), StoreError> {
        if let Some(current) = self.read::<Hex<32>>(Table::Factor, &factor(id, INVITATION)).await? {
            act.delete(Table::Ticket, &current.value.0);
        }
        Ok(())
    }

    /// Whose invitation, and its version.
    async fn invitation(&self, digest: Digest) -> Result<Option<(UserId, u64)>, StoreError> {
        let read = self.read::<Issued>(Table::Ticket, &digest.0).await?;
        Ok(read.and_then(|read| match read.value {
            Issued::Ticket(Ticket::Invitation { user }) => Some((user, read.version)),
            _ => None,
        }))
    }
}

fn new_codes() -> Result<Vec<TypedSecret>, StoreError> {
    (0..RECOVERY_CODES).map(|_| Ok(TypedSecret::from_random(random()?))).collect()
}

impl PersonRecord {
    /// They have another password from now on.
    pub(super) const fn choose_password(&mut self, now: Timestamp) {
        self.has_password = true;
        self.password_chosen = Some(now);
        self.passwords = self.passwords.saturating_add(1);
    }
}

/// The row of a secret of which a person has one.
pub(super) fn factor(id: UserId, kind: &str) -> Vec<u8> {
    of_person(id, kind, &[])
}

/// The enrolled methods less the recovery codes.
pub(super) const fn without_recovery(enrolled: Methods) -> Methods {
    Methods::from_bits(enrolled.bits() & !(Method::Recovery as u8))
}

fn hash_of(id: UserId, stored: &StoredSecret) -> Result<PasswordHash, StoreError> {
    let hash = PasswordHash::from_phc(stored.text().expose().clone());
    hash.ok_or_else(|| StoreError::Corrupt(format!("the password hash of person {id} can't be read")))
}

/// `$argon2id$v=19$m=…,t=…,p=…` of a PHC string: what stands before salt and hash.
fn parameters(phc: &str) -> &str {
    phc.rsplitn(3, '$').last().unwrap_or(phc)
}

pub(super) const PASSWORD: &str = "password";
pub(super) const TOTP: &str = "totp";
pub(super) const RECOVERY: &str = "recovery";
const INVITATION: &str = "invitation";
/// How long an invitation can be accepted.
const INVITATION_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How many recovery codes come with a set-up.
const RECOVERY_CODES: usize = 10;
