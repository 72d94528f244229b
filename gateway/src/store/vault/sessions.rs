//! Who is signed in? Opening, listing and ending sessions.
//!
//! Rows: the session by digest of its secret; the digest by person and session id; and the use of a session by its id,
//! which is its life: when that row is gone, no other row of the sign-in counts any more.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::time::Duration;

use access::Timestamp;
use access::identity::{SessionId, UserId};
use access::login::Proved;
use access::policy::{Generations, Standing};
use futures_util::future::try_join_all;

use super::act::{Act, Read, Tries, bearer, of_person, of_session, session_of};
use super::codes;
use super::outbox::Change;
use super::records::SessionUse;
use super::secrets::{TOTP, without_recovery};
use super::{After, Bearer, Digest, Opening, Outcome, PersonRecord, SessionKind, SessionRecord, Spend, Vault};
use crate::audit::Entry;
use crate::store::seal::random;
use crate::store::{Applied, Notice, Store, StoreError, Table};
use crate::words::Wish;

impl Vault {
    /// Opens a session from a completed sign-in: consumes the flow (if there was one) and what was spent, stores the
    /// session, notes the person's last sign-in, and the audit entry (on the session, if it names nothing else), in one
    /// transaction. One within another session counts from that one's opening. `Gone`: the code was used, the flow moved
    /// on, its ground is gone, or the person may not sign in any more; nothing happened.
    pub async fn open_session(
        &self,
        proved: Proved,
        after: After,
        spend: Spend,
        opening: Opening,
        entry: Entry,
    ) -> Result<Outcome<(Bearer, SessionRecord)>, StoreError> {
        let user = proved.person();
        let device: String = opening.device.chars().take(DEVICE_LENGTH).collect();
        let opening = Opening { device: device.clone(), ..opening };
        let Opening { address, kind, expires, wish, .. } = opening.clone();
        let (flow, ground) = match after {
            After::Password(ground) => (None, ground),
            After::Flow(held) => {
                let ground = held.ground;
                (Some(held), ground)
            }
        };
        if flow.as_ref().is_some_and(|held| held.flow.person != user) {
            debug_assert!(false, "a proof of {user} came with the sign-in of somebody else");
            return Ok(Outcome::Gone);
        }
        let secret = bearer()?;
        let digest = self.digest(SESSION, secret.expose().as_bytes());
        let id = SessionId(random()?);
        let entry = if entry.on.is_none() { entry.on(format!("session {id}")) } else { entry };

        let mut tries = Tries::new();
        loop {
            let Some(read) = self.person_row(user).await? else {
                return Ok(Outcome::Gone);
            };
            // A password that was changed while it was hashed opens nothing.
            if read.value.person.standing != Standing::Active || !ground.holds_for(&read.value) {
                return Ok(Outcome::Gone);
            }
            // Somebody else may have set something up since this sign-in began; nothing is put beside it.
            if spend.is_set_up() && !without_recovery(read.value.enrolled).is_within(ground.enrolled) {
                return Ok(Outcome::Gone);
            }
            let mut act = self.act();
            if let Some(held) = &flow {
                act.unmoved(Table::Ticket, &held.digest.0, held.version);
                act.delete(Table::Ticket, &held.digest.0);
            }
            let mut after = read.value.clone();
            after.last_sign_in = Some((proved.at(), address.ip()));
            after.last_shown = proved.factors();
            after.language = Wish::remembered(wish, after.language);
            if !self.spend(&mut act, &mut after, &spend).await? {
                return Ok(Outcome::Gone);
            }
            // What stands before this guard decides between "gone" and "once more".
            let person_guard = act.change_person(&read, &after)?;
            if let Some((parent, _)) = ground.within {
                let Some(used) = self.session_use(parent).await? else { return Ok(Outcome::Gone) };
                act.unmoved(Table::SessionUse, &parent.0, used.version);
            }
            let session = SessionRecord {
                id,
                user,
                kind: kind.clone(),
                factors: proved.factors(),
                opened: ground.within.map_or(proved.at(), |(_, opened)| opened),
                proved: proved.at(),
                generations: Generations { person: after.generation, ..self.generations() },
                address: address.ip(),
                device: device.clone(),
            };
            act.put_session(digest, &session, Some(expires))?;
            act.put(Table::SessionUse, &id.0, &SessionUse { user, used: self.now() }, Some(expires))?;
            act.notice(Notice::Session(id));
            act.audit(&entry)?;
            if ground.within.is_none() {
                self.note_place(&mut act, &read.value, &opening).await?;
            }
            match &spend {
                Spend::SetUp { .. } => act.tell(&read.value, Change::Authenticator, &entry)?,
                Spend::SetUpPasskey { passkey, .. } => {
                    act.tell(&read.value, Change::Passkey(passkey.name.clone()), &entry)?;
                }
                Spend::SetUpCodes { to, .. } => act.tell(&read.value, codes::told(to), &entry)?,
                Spend::Nothing | Spend::Totp(_) | Spend::Recovery(_) | Spend::Passkey(_) => {}
            }
            match act.commit().await? {
                Applied::Done { .. } => return Ok(Outcome::Done((secret, session))),
                Applied::Refused { guard } if guard < person_guard => return Ok(Outcome::Gone),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// By digest of the cookie. Expired rows are absent.
    pub async fn session(&self, digest: Digest) -> Result<Option<SessionRecord>, StoreError> {
        let Some(read) = self.session_row(digest).await? else {
            return Ok(None);
        };
        let lives = self.store().get(Table::SessionUse, &read.value.id.0).await?.is_some();
        Ok(lives.then_some(read.value))
    }

    /// When a session was last used.
    pub async fn session_used(&self, id: SessionId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.session_use(id).await?.map(|read| read.value.used))
    }

    /// All of a person, or of everybody; one entry a sign-in (portal and device rows), newest first, at most 10,000.
    /// Those that a generation has ended are left out.
    pub async fn sessions(&self, user: Option<UserId>) -> Result<Vec<SessionRecord>, StoreError> {
        let mut found = Vec::new();
        match user {
            Some(user) => {
                for row in self.rows(Table::PersonSession, &user.0, LISTED).await? {
                    let Some((_, digest)) = session_of(&row.key) else { continue };
                    found.extend(self.session(digest).await?);
                }
            }
            None => {
                for row in self.rows(Table::Session, &[], LISTED).await? {
                    found.push(self.opened::<SessionRecord>(Table::Session, &row)?.value);
                }
            }
        }
        found.retain(|session| !matches!(session.kind, SessionKind::App(_)));

        let mut people: BTreeMap<UserId, Option<PersonRecord>> = BTreeMap::new();
        let mut alive = Vec::with_capacity(found.len());
        for session in found {
            let person = match people.entry(session.user) {
                btree_map::Entry::Occupied(known) => known.into_mut(),
                btree_map::Entry::Vacant(unknown) => unknown.insert(self.person(session.user).await?),
            };
            let current = person.as_ref().is_some_and(|person| self.is_current(&session, person));
            if current && (user.is_some() || self.session_use(session.id).await?.is_some()) {
                alive.push(session);
            }
        }
        alive.sort_by_key(|session| std::cmp::Reverse(session.opened));
        Ok(alive)
    }

    /// Ends one sign-in with all its rows; false if there was none.
    pub async fn end_session(&self, id: SessionId, entry: Entry) -> Result<bool, StoreError> {
        let mut tries = Tries::new();
        loop {
            let mut act = self.act();
            let Some(user) = self.end_life(&mut act, id).await? else { return Ok(false) };
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Refused { .. } => tries.again("the session").await?,
                Applied::Done { .. } => {
                    self.forget_rows(user, id).await?;
                    return Ok(true);
                }
            }
        }
    }

    /// Ends a sign-in within an act: without this row none of its others counts. Whose it is; `None`: it has ended already.
    pub(super) async fn end_life(&self, act: &mut Act<'_>, id: SessionId) -> Result<Option<UserId>, StoreError> {
        let Some(used) = self.session_use(id).await? else { return Ok(None) };
        // A hand-off that adds a row meanwhile moves this one.
        act.unmoved(Table::SessionUse, &id.0, used.version);
        act.delete(Table::SessionUse, &id.0);
        act.notice(Notice::Session(id));
        Ok(Some(used.value.user))
    }

    /// Removes the rows of a sign-in whose life has ended.
    pub(super) async fn forget_rows(&self, user: UserId, id: SessionId) -> Result<(), StoreError> {
        let prefix = [user.0, id.0].concat();
        for rows in self.rows(Table::PersonSession, &prefix, usize::MAX).await?.chunks(ROWS_AT_ONCE) {
            let mut act = self.act();
            act.delete_sessions(rows.iter().map(|row| row.key.as_slice()));
            act.commit().await.map(drop)?;
        }
        Ok(())
    }

    /// Notes when sessions were last used, many at once. A session that has ended stays ended. Errors: the store's; it is not
    /// asked for the rest then.
    pub async fn touch_sessions(&self, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let mut latest: BTreeMap<SessionId, Timestamp> = BTreeMap::new();
        for (id, at) in used {
            let known = latest.entry(*id).or_insert(*at);
            *known = (*known).max(*at);
        }
        // Neighbours lie on one page. Batches that wait together are one commit, and most of what a batch costs is that.
        let latest: Vec<_> = latest.into_iter().collect();
        for some in latest.chunks(ROWS_AT_ONCE * BATCHES_AT_ONCE) {
            let mut left: Vec<_> = some.chunks(ROWS_AT_ONCE).collect();
            let mut tries = Tries::new();
            loop {
                let mut acts = Vec::with_capacity(left.len());
                for batch in &left {
                    acts.push(self.touching(batch).await?);
                    // Whoever else is served by this thread has a turn.
                    tokio::task::yield_now().await;
                }
                let applied = try_join_all(acts.into_iter().map(Act::commit)).await?;
                let refused = applied.iter().map(|applied| matches!(applied, Applied::Refused { .. }));
                left = left.into_iter().zip(refused).filter_map(|(batch, again)| again.then_some(batch)).collect();
                if left.is_empty() {
                    break;
                }
                tries.again("a session's last use").await?;
            }
        }
        Ok(())
    }

    /// One batch of them.
    async fn touching(&self, used: &[(SessionId, Timestamp)]) -> Result<Act<'_>, StoreError> {
        let mut act = self.act();
        for (id, at) in used {
            let Some(Read { mut value, version, expires }) = self.session_use(*id).await? else { continue };
            value.used = value.used.max(*at);
            act.unmoved(Table::SessionUse, &id.0, version);
            act.put(Table::SessionUse, &id.0, &value, expires)?;
        }
        Ok(act)
    }

    /// How many sign-ins are alive (portal and device rows that have not expired).
    pub async fn count_sessions(&self) -> Result<usize, StoreError> {
        self.count(Table::SessionUse).await
    }

    /// Removes a person's session rows, those of an older generation or (with `None`) all; returns how many sign-ins there
    /// were. Only tidies up: they count no more since the person's row changed.
    pub(super) async fn forget_sessions(&self, user: UserId, below: Option<u32>) -> Result<usize, StoreError> {
        let mut ended = BTreeSet::new();
        for rows in self.rows(Table::PersonSession, &user.0, usize::MAX).await?.chunks(ROWS_AT_ONCE) {
            let mut act = self.act();
            for row in rows {
                let Some((id, digest)) = session_of(&row.key) else { continue };
                let session = self.session_row(digest).await?;
                let is_newer = |below| session.is_some_and(|read| read.value.generations.person >= below);
                if below.is_some_and(is_newer) {
                    continue;
                }
                act.delete_sessions([row.key.as_slice()]);
                if ended.insert(id) {
                    act.delete(Table::SessionUse, &id.0);
                    act.notice(Notice::Session(id));
                }
            }
            act.commit().await.map(drop)?;
        }
        Ok(ended.len())
    }

    /// Is the session of the generations in force, and its person active?
    pub(super) fn is_current(&self, session: &SessionRecord, person: &PersonRecord) -> bool {
        let in_force = Generations { person: person.generation, ..self.generations() };
        session.generations == in_force && person.person.standing == Standing::Active
    }

    pub(super) async fn session_row(&self, digest: Digest) -> Result<Option<Read<SessionRecord>>, StoreError> {
        self.read(Table::Session, &digest.0).await
    }

    pub(super) async fn session_use(&self, id: SessionId) -> Result<Option<Read<SessionUse>>, StoreError> {
        self.read(Table::SessionUse, &id.0).await
    }

    /// Uses up what the sign-in was completed with. False: it is used already.
    pub(super) async fn spend(
        &self,
        act: &mut Act<'_>,
        record: &mut PersonRecord,
        spend: &Spend,
    ) -> Result<bool, StoreError> {
        let user = record.person.id;
        match spend {
            Spend::Nothing => {}
            Spend::Totp(step) => self.spend_step(act, user, step.0),
            Spend::Recovery(code) => {
                let key = self.recovery_key(user, code);
                let Some(row) = self.store().get(Table::Factor, &key).await? else {
                    return Ok(false);
                };
                act.unmoved(Table::Factor, &key, row.version);
                act.delete(Table::Factor, &key);
                if self.recovery_left(user).await? <= 1 {
                    record.enrolled = without_recovery(record.enrolled);
                }
            }
            Spend::Passkey(used) => return self.use_passkey(act, user, used).await,
            Spend::SetUpPasskey { passkey, recovery } => {
                if !self.put_passkey(act, record, passkey).await? {
                    return Ok(false);
                }
                if !recovery.is_empty() {
                    self.put_recovery(act, record, recovery).await?;
                }
            }
            Spend::SetUpCodes { to, recovery } => self.set_up_codes(act, record, to, recovery).await?,
            Spend::SetUp { secret, step, recovery, replaces } => {
                // Somebody else may have set one up since this sign-in began; theirs is not replaced.
                if record.enrolled.has(access::policy::Method::Totp) && !replaces {
                    return Ok(false);
                }
                self.spend_step(act, user, step.0);
                self.set_up_totp(act, record, secret, recovery).await?;
            }
        }
        Ok(true)
    }

    /// RFC 6238 §5.2: a code is accepted once. The mark outlives the moments at which its code could be accepted.
    fn spend_step(&self, act: &mut Act<'_>, user: UserId, step: u64) {
        let key = of_person(user, TOTP, &step.to_be_bytes());
        act.absent(Table::Once, &key);
        act.mark(Table::Once, &key, Some(self.now() + STEP_KEPT));
    }
}

impl Act<'_> {
    /// Stores a session under its digest and makes it known to its person.
    pub(super) fn put_session(
        &mut self,
        digest: Digest,
        session: &SessionRecord,
        expires: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.put(Table::Session, &digest.0, session, expires)?;
        self.mark(Table::PersonSession, &of_session(session.user, session.id, digest), expires);
        Ok(())
    }

    /// Removes sessions and what makes them known, by the latter's keys.
    fn delete_sessions<'k>(&mut self, keys: impl IntoIterator<Item = &'k [u8]>) {
        for key in keys {
            if let Some((_, digest)) = session_of(key) {
                self.delete(Table::Session, &digest.0);
            }
            self.delete(Table::PersonSession, key);
        }
    }
}

pub(super) const SESSION: &str = "session";
/// Characters of the browser or device that are kept.
const DEVICE_LENGTH: usize = 120;
/// Longer than the present step and the one before it.
const STEP_KEPT: Duration = Duration::from_secs(5 * 60);
/// Sessions in one list.
const LISTED: usize = 10_000;
/// So many rows, with three writes each, stay well under the limit of a batch.
const ROWS_AT_ONCE: usize = 64;
/// So many batches of last uses wait for the store together: a thousand rows, whose commit takes milliseconds.
const BATCHES_AT_ONCE: usize = 16;
