//! Which bearer tokens are there? Their text, and the rows behind it.
//!
//! `vst_<id>_<secret>_<check>`: 32 hexadecimal digits, 43 characters of base64url (256 bits), 6 hexadecimal digits of
//! an unkeyed BLAKE3 over what stands before them. The check tells a mistyped or cut-off token from a revoked one without
//! a look-up, and lets secret scanners be sure. Exactly one text stands for one token.

use std::net::IpAddr;
use std::time::Duration;

use access::identity::{TokenId, UserId};
use access::policy::Generations;
use access::{Secret, Timestamp};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

use super::act::Tries;
use super::{Bearer, Digest, NewToken, TokenRecord, Vault, VaultError};
use crate::audit::Entry;
use crate::store::seal::random;
use crate::store::{Applied, Notice, StoreError, Table};

/// A bearer token's text.
#[derive(Clone, Copy, Debug)]
pub struct TokenText;

impl TokenText {
    /// The id and the secret, from exactly the text that was handed out; anything else is `None`.
    pub fn parse(text: &str) -> Option<(TokenId, Secret<[u8; 32]>)> {
        if text.len() != LENGTH || !text.is_ascii() {
            return None;
        }
        let (body, check) = text.rsplit_once('_')?;
        if check != checksum(body) {
            return None;
        }
        let rest = body.strip_prefix(PREFIX)?;
        let (id, secret) = rest.split_at_checked(ID_LENGTH)?;
        let secret = secret.strip_prefix('_')?;
        // Strict: no padding, and no bits beyond the thirty-two bytes.
        let secret = Zeroizing::new(BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?);
        Some((TokenId::parse(id)?, Secret::new(secret.as_slice().try_into().ok()?)))
    }

    fn write(id: TokenId, secret: &[u8; 32]) -> Bearer {
        let secret = Zeroizing::new(BASE64URL_NOPAD.encode(secret));
        let body = Zeroizing::new(format!("{PREFIX}{id}_{}", *secret));
        Secret::new(format!("{}_{}", *body, checksum(&body)))
    }
}

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
            match act.commit().await? {
                Applied::Done { .. } => return Ok((record, TokenText::write(id, &secret))),
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
            act.unmoved(Table::Token, &id.0, read.version);
            act.delete(Table::Token, &id.0);
            act.delete(Table::PersonToken, &of_owner(read.value.owner, id));
            act.notice(Notice::Token(id));
            act.audit(&entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(true),
                Applied::Refused { .. } => tries.again("the token").await?,
            }
        }
    }

    /// Notes a token's use; the caller does so at most hourly.
    pub async fn touch_token(&self, id: TokenId, at: Timestamp, from: IpAddr) -> Result<(), StoreError> {
        let mut tries = Tries::new();
        loop {
            let Some(mut read) = self.read::<TokenRecord>(Table::Token, &id.0).await? else {
                return Ok(());
            };
            if read.value.last_used.is_some_and(|(last, _)| last >= at) {
                return Ok(());
            }
            read.value.last_used = Some((at, from));
            let mut act = self.act();
            act.unmoved(Table::Token, &id.0, read.version);
            act.put(Table::Token, &id.0, &read.value, read.expires)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(()),
                Applied::Refused { .. } => tries.again("the token").await?,
            }
        }
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
        self.keys().digest("token", &[&id.0, secret])
    }
}

/// Until when the row is there.
fn kept(token: &TokenRecord) -> Option<Timestamp> {
    Some(token.expires + KEPT)
}

fn of_owner(owner: UserId, id: TokenId) -> Vec<u8> {
    [owner.0, id.0].concat()
}

fn token_of(key: &[u8]) -> Option<TokenId> {
    Some(TokenId(key.get(16..)?.try_into().ok()?))
}

fn checksum(body: &str) -> String {
    HEXLOWER.encode(&blake3::hash(body.as_bytes()).as_bytes()[..3])
}

const PREFIX: &str = "vst_";
const ID_LENGTH: usize = 32;
/// Prefix, id, secret, check, and the two lines between them.
const LENGTH: usize = PREFIX.len() + ID_LENGTH + 1 + 43 + 1 + 6;
/// Characters of a token's name that are kept.
const NAME_LENGTH: usize = 64;
/// How long an expired token is still called expired instead of unknown.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Tokens in one list.
const LISTED: usize = 10_000;
/// So many, with two writes each, stay well under the limit of a batch.
const TOKENS_AT_ONCE: usize = 64;
