//! Which bearer tokens are there? The rows behind their text ([`access::token`]).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use zeroize::Zeroize;

use access::identity::{TokenId, UserId};
use access::policy::Generations;
use access::{Secret, Timestamp, token};
use zeroize::Zeroizing;

use super::act::Tries;
use super::outbox::Change;
use super::{Bearer, Digest, NewToken, TokenRecord, Vault, VaultError};
use crate::audit::Entry;
use crate::store::seal::random;
use crate::store::{Applied, Notice, StoreError, Table};

impl Vault {
    /// Makes a bearer token; its text (`vst_<id>_<secret>_<check>`) is returned once. The audit entry is on the token, if
    /// it names nothing else.
    pub async fn add_token(&self, new: NewToken, entry: Entry) -> Result<(TokenRecord, Bearer), VaultError> {
        let NewToken { owner, name, apps, scopes, only_from, expires } = new;
        let id = TokenId(random()?);
        let secret = Zeroizing::new(random::<32>()?);
        let entry = if entry.on.is_none() { entry.on(format!("token {id}")) } else { entry };
        let mut record = TokenRecord {
            id,
            owner,
            name: name.chars().take(NAME_LENGTH).collect(),
            apps,
            scopes,
            only_from,
            made: self.now(),
            expires,
            generations: Generations::default(),
            digest: self.token_digest(id, &secret),
            last_used: None,
        };
        let mut tries = Tries::new();
        loop {
            let person = self.known_person(owner).await?;
            record.generations = Generations { person: person.value.generation, ..self.generations() };
            let mut act = self.act();
            act.unmoved(Table::Person, &owner.0, person.version);
            act.absent(Table::Token, &id.0);
            act.put(Table::Token, &id.0, &record, kept(&record))?;
            act.mark(Table::PersonToken, &of_owner(owner, id), kept(&record));
            act.notice(Notice::Token(id));
            act.audit(&entry)?;
            act.tell(&person.value, Change::Token(record.name.clone()), &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok((record, token::write(id, &secret))),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }

    /// By id. One that has expired is found for another thirty days, so that it can be called expired.
    pub async fn token(&self, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        Ok(self.read(Table::Token, &id.0).await?.map(|read| read.value))
    }

    /// Is this the token's secret? In constant time.
    pub fn check_token_secret(&self, token: &TokenRecord, secret: &Secret<[u8; 32]>) -> bool {
        let Digest(shown) = self.token_digest(token.id, secret.expose());
        subtle::ConstantTimeEq::ct_eq(&shown[..], &token.digest.0[..]).into()
    }

    /// All of a person, or of everybody, at most 10,000.
    pub async fn tokens(&self, owner: Option<UserId>) -> Result<Vec<TokenRecord>, StoreError> {
        let mut tokens = Vec::new();
        match owner {
            Some(owner) => {
                for row in self.rows(Table::PersonToken, &owner.0, LISTED).await? {
                    let Some(id) = token_of(&row.key) else { continue };
                    tokens.extend(self.token(id).await?);
                }
            }
            None => {
                for row in self.rows(Table::Token, &[], LISTED).await? {
                    tokens.push(self.opened(Table::Token, &row)?.value);
                }
            }
        }
        Ok(tokens)
    }

    /// Revokes for good; false if there was none.
    pub async fn revoke_token(&self, id: TokenId, entry: Entry) -> Result<bool, StoreError> {
        let mut tries = Tries::new();
        loop {
            let Some(read) = self.read::<TokenRecord>(Table::Token, &id.0).await? else {
                return Ok(false);
            };
            let mut act = self.act();
            act.delete_token(id, &read);
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(true),
                Applied::Refused { .. } => tries.again("the token").await?,
            }
        }
    }

    /// Notes when tokens were last used and from where, several at once; the caller does so at most hourly for each. A token
    /// that was revoked stays revoked.
    pub async fn touch_tokens(&self, used: &[(TokenId, Timestamp, IpAddr)]) -> Result<(), StoreError> {
        for some in used.chunks(TOKENS_AT_ONCE) {
            let mut left: BTreeMap<TokenId, (Timestamp, IpAddr)> = BTreeMap::new();
            for (id, at, from) in some {
                let latest = left.entry(*id).or_insert((*at, *from));
                if latest.0 < *at {
                    *latest = (*at, *from);
                }
            }
            let mut tries = Tries::new();
            while !left.is_empty() {
                let mut act = self.act();
                let mut ids = Vec::new();
                for (id, latest) in &left {
                    let Some(mut read) = self.read::<TokenRecord>(Table::Token, &id.0).await? else { continue };
                    if read.value.last_used.is_some_and(|(last, _)| last >= latest.0) {
                        continue;
                    }
                    read.value.last_used = Some(*latest);
                    act.unmoved(Table::Token, &id.0, read.version);
                    act.put(Table::Token, &id.0, &read.value, read.expires)?;
                    ids.push(*id);
                }
                left.retain(|id, _| ids.contains(id));
                if left.is_empty() {
                    break;
                }
                match act.commit().await? {
                    Applied::Done { .. } => break,
                    Applied::Refused { .. } => tries.again("a token's last use").await?,
                }
            }
        }
        Ok(())
    }

    /// Removes all tokens of a person who is gone.
    pub(super) async fn forget_tokens(&self, owner: UserId) -> Result<(), StoreError> {
        for rows in self.rows(Table::PersonToken, &owner.0, usize::MAX).await?.chunks(TOKENS_AT_ONCE) {
            let mut act = self.act();
            for row in rows {
                act.delete(Table::PersonToken, &row.key);
                if let Some(id) = token_of(&row.key) {
                    act.delete(Table::Token, &id.0);
                    act.notice(Notice::Token(id));
                }
            }
            act.commit().await.map(drop)?;
        }
        Ok(())
    }

    fn token_digest(&self, id: TokenId, secret: &[u8; 32]) -> Digest {
        // The same as of the two parts, in one piece: it is made for every request with a token.
        let mut whole = [0; 48];
        whole[..16].copy_from_slice(&id.0);
        whole[16..].copy_from_slice(secret);
        let digest = self.keys().digest("token", &[&whole]);
        whole.zeroize();
        digest
    }
}

/// Until when the row is there.
fn kept(token: &TokenRecord) -> Option<Timestamp> {
    Some(token.expires + KEPT)
}

/// What a token may be called: 1 to 64 characters that can be read.
pub fn token_name(typed: &str) -> Option<&str> {
    let name = typed.trim();
    let fits = !name.is_empty() && name.chars().count() <= NAME_LENGTH && !name.chars().any(char::is_control);
    fits.then_some(name)
}

fn of_owner(owner: UserId, id: TokenId) -> Vec<u8> {
    [owner.0, id.0].concat()
}

fn token_of(key: &[u8]) -> Option<TokenId> {
    Some(TokenId(key.get(16..)?.try_into().ok()?))
}

/// Characters of a token's name that are kept.
const NAME_LENGTH: usize = 64;
/// How long an expired token is still called expired instead of unknown.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Tokens in one list.
const LISTED: usize = 10_000;
/// So many, with two writes each, stay well under the limit of a batch.
const TOKENS_AT_ONCE: usize = 64;
