//! What do people change about themselves, and what ends with it? A new password, and what is signed in.
//!
//! By itself a new password ends nothing: integrations and telephones go on (P6). What its owner ticks ends with it, in the
//! same transaction, for good. A sign-in that began with the old password finds its [`Ground`](super::Ground) gone.

use access::identity::{SessionId, TokenId, UserId};
use access::password::PasswordHash;

use super::act::{Act, Read, Tries};
use super::app_passwords::named;
use super::outbox::Change;
use super::records::StoredSecret;
use super::secrets::{PASSWORD, factor};
use super::{SessionKind, SessionRecord, TokenRecord, Vault, VaultError};
use crate::audit::Entry;
use crate::store::{Applied, Notice, StoreError, Table};

/// What ends with a password.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ends {
    /// Sign-ins of other browsers.
    pub browsers: bool,
    /// Sign-ins of native apps.
    pub devices: bool,
    /// Bearer tokens.
    pub tokens: bool,
    /// App passwords.
    pub app_passwords: bool,
}

/// What has ended.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ended {
    /// Sign-ins.
    pub sessions: usize,
    /// Bearer tokens.
    pub tokens: usize,
    /// App passwords.
    pub app_passwords: usize,
}

/// What ends with an act that is not committed yet.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) sessions: Vec<SessionId>,
    pub(super) tokens: usize,
    pub(super) app_passwords: usize,
}

impl Ended {
    pub(super) fn add(&mut self, ending: &Ending) {
        self.sessions += ending.sessions.len();
        self.tokens += ending.tokens;
        self.app_passwords += ending.app_passwords;
    }
}

impl Vault {
    /// Replaces the password and ends what was chosen, except the sign-in `kept`, in one transaction; of more than fit into
    /// one, the rest is ended before. Each that ends has an audit entry of its own.
    pub async fn change_password(
        &self,
        user: UserId,
        hash: PasswordHash,
        ends: Ends,
        kept: SessionId,
        entry: Entry,
    ) -> Result<Ended, VaultError> {
        let mut ended = Ended::default();
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(user).await?;
            let mut after = read.value.clone();
            after.choose_password(self.now());
            let mut act = self.act();
            act.change_person(&read, &after)?;
            act.put(Table::Factor, &factor(user, PASSWORD), &StoredSecret::of_text(hash.as_phc()), None)?;
            act.audit(&entry)?;
            act.tell(&after, Change::Password, &entry)?;
            let Some(ending) = self.end_with(&mut act, user, ends, Some(kept), &entry, &mut ended).await? else {
                tries.again("what is open").await?;
                continue;
            };
            match act.commit().await? {
                Applied::Done { .. } => {
                    // They are over already; their rows only have to go.
                    for session in &ending.sessions {
                        self.forget_rows(user, *session).await?;
                    }
                    ended.add(&ending);
                    return Ok(ended);
                }
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// Ends what was chosen within an act, except the sign-in `kept`. `None`: there was more than fits into one; the rest
    /// has ended, which `ended` says, and the act is to be built again.
    pub(super) async fn end_with(
        &self,
        act: &mut Act<'_>,
        user: UserId,
        ends: Ends,
        kept: Option<SessionId>,
        entry: &Entry,
        ended: &mut Ended,
    ) -> Result<Option<Ending>, StoreError> {
        let (sessions, tokens) = self.ended_with(user, ends, kept).await?;
        let app_passwords = if ends.app_passwords { self.app_passwords(Some(user)).await? } else { Vec::new() };
        if sessions.len() > SESSIONS_AT_ONCE
            || tokens.len() > TOKENS_AT_ONCE
            || app_passwords.len() > APP_PASSWORDS_AT_ONCE
        {
            for session in sessions.iter().skip(SESSIONS_AT_ONCE) {
                let entry = like(entry, "session.end", format!("session {}", session.id));
                ended.sessions += usize::from(self.end_session(session.id, entry).await?);
            }
            for token in tokens.iter().skip(TOKENS_AT_ONCE) {
                let entry = like(entry, "token.revoke", format!("token {}", token.id));
                ended.tokens += usize::from(self.revoke_token(token.id, entry).await?);
            }
            for one in app_passwords.iter().skip(APP_PASSWORDS_AT_ONCE) {
                let entry = like(entry, "app_password.revoke", named(one.id));
                ended.app_passwords += usize::from(self.revoke_app_password((user, one.digest), entry).await?);
            }
            return Ok(None);
        }
        let mut ending = Ending::default();
        for session in &sessions {
            if self.end_life(act, session.id).await?.is_some() {
                act.audit(&like(entry, "session.end", format!("session {}", session.id)))?;
                ending.sessions.push(session.id);
            }
        }
        for token in &tokens {
            if self.end_token(act, token.id).await? {
                act.audit(&like(entry, "token.revoke", format!("token {}", token.id)))?;
                ending.tokens += 1;
            }
        }
        for one in &app_passwords {
            if self.end_app_password(act, (user, one.digest)).await? {
                act.audit(&like(entry, "app_password.revoke", named(one.id)))?;
                ending.app_passwords += 1;
            }
        }
        Ok(Some(ending))
    }

    /// What would end with the password of this person, the oldest last.
    async fn ended_with(
        &self,
        user: UserId,
        ends: Ends,
        kept: Option<SessionId>,
    ) -> Result<(Vec<SessionRecord>, Vec<TokenRecord>), StoreError> {
        let mut sessions = if ends.browsers || ends.devices { self.sessions(Some(user)).await? } else { Vec::new() };
        sessions.retain(|session| {
            let chosen = if session.kind == SessionKind::Device { ends.devices } else { ends.browsers };
            chosen && Some(session.id) != kept
        });
        let tokens = if ends.tokens { self.tokens(Some(user)).await? } else { Vec::new() };
        Ok((sessions, tokens))
    }

    /// Revokes a token within an act. False: it was revoked already.
    async fn end_token(&self, act: &mut Act<'_>, id: TokenId) -> Result<bool, StoreError> {
        let Some(read) = self.read::<TokenRecord>(Table::Token, &id.0).await? else { return Ok(false) };
        act.delete_token(id, &read);
        Ok(true)
    }
}

impl Act<'_> {
    /// Removes a token, if it is still as it was read, and tells everybody.
    pub(super) fn delete_token(&mut self, id: TokenId, read: &Read<TokenRecord>) {
        self.unmoved(Table::Token, &id.0, read.version);
        self.delete(Table::Token, &id.0);
        self.delete(Table::PersonToken, &[read.value.owner.0, id.0].concat());
        self.notice(Notice::Token(id));
    }
}

/// By the same actor, from the same place.
fn like(entry: &Entry, act: &str, on: String) -> Entry {
    Entry { act: act.to_owned(), on: Some(on), detail: "with the password".to_owned(), ..entry.clone() }
}

/// So many, with two guards and writes each…
const SESSIONS_AT_ONCE: usize = 32;
/// …so many tokens, with three each…
const TOKENS_AT_ONCE: usize = 32;
/// …and so many app passwords, with two each, fit into one batch.
const APP_PASSWORDS_AT_ONCE: usize = 32;
