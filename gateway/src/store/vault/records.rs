//! How do the house's things lie in rows? As JSON of the private structs below, sealed.
//!
//! The structs are the format: fields are added with `#[serde(default)]`, never renamed or given another meaning. What was
//! written is parsed again when it is read, so that a name in the store is as canonical as one in memory.

use std::net::IpAddr;

use access::identity::{AppName, Email, GroupName, RoleName, Scope, SessionId, TokenId, UserId, UserName};
use access::policy::{Generations, Methods, Person, Standing};
use access::totp::TotpSecret;
use access::{Secret, Timestamp};
use data_encoding::HEXLOWER;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Digest, PersonRecord, SessionKind, SessionRecord, TokenRecord};
use crate::words::Language;

/// Something that has a stored form. `key` is the row's, which is not repeated in the value.
pub(super) trait Record: Sized {
    /// The stored form.
    type Stored: Serialize + DeserializeOwned;

    fn to_stored(&self) -> Self::Stored;

    /// `None`: it is none, whatever the AEAD says.
    fn from_stored(key: &[u8], stored: Self::Stored) -> Option<Self>;
}

/// Bytes as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hex<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("not the right number of hexadecimal digits"))
    }
}

/// Whose a name is.
impl Record for UserId {
    type Stored = Hex<16>;

    fn to_stored(&self) -> Hex<16> {
        Hex(self.0)
    }

    fn from_stored(_: &[u8], stored: Hex<16>) -> Option<Self> {
        Some(Self(stored.0))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPerson {
    name: String,
    full_name: String,
    email: Option<String>,
    roles: Vec<String>,
    groups: Vec<String>,
    disabled: bool,
    generation: u32,
    enrolled: u8,
    has_password: bool,
    #[serde(default)]
    passwords: u32,
    #[serde(default)]
    password_chosen: Option<u64>,
    added: u64,
    last_sign_in: Option<(u64, IpAddr)>,
    #[serde(default)]
    has_questions: bool,
    #[serde(default)]
    last_shown: u8,
    #[serde(default)]
    language: Option<String>,
}

impl Record for PersonRecord {
    type Stored = StoredPerson;

    fn to_stored(&self) -> StoredPerson {
        StoredPerson {
            name: self.person.name.to_string(),
            full_name: self.full_name.clone(),
            email: self.email.as_ref().map(ToString::to_string),
            roles: texts(&self.person.roles),
            groups: texts(&self.person.groups),
            disabled: self.person.standing == Standing::Disabled,
            generation: self.generation,
            enrolled: self.enrolled.bits(),
            has_password: self.has_password,
            passwords: self.passwords,
            password_chosen: self.password_chosen.map(Timestamp::millis),
            added: self.added.millis(),
            last_sign_in: self.last_sign_in.map(|(at, from)| (at.millis(), from)),
            has_questions: self.has_questions,
            last_shown: self.last_shown.bits(),
            language: self.language.map(|language| language.tag().to_owned()),
        }
    }

    fn from_stored(key: &[u8], stored: StoredPerson) -> Option<Self> {
        let email = stored.email.map(|email| Email::parse(&email)).transpose().ok()?;
        Some(Self {
            person: Person {
                id: UserId(key.try_into().ok()?),
                name: UserName::parse(&stored.name).ok()?,
                roles: parsed(&stored.roles, RoleName::parse)?,
                groups: parsed(&stored.groups, GroupName::parse)?,
                standing: if stored.disabled { Standing::Disabled } else { Standing::Active },
            },
            full_name: stored.full_name,
            email,
            generation: stored.generation,
            enrolled: Methods::from_bits(stored.enrolled),
            has_password: stored.has_password,
            passwords: stored.passwords,
            password_chosen: stored.password_chosen.map(Timestamp::from_millis),
            added: Timestamp::from_millis(stored.added),
            last_sign_in: stored.last_sign_in.map(|(at, from)| (Timestamp::from_millis(at), from)),
            has_questions: stored.has_questions,
            last_shown: Methods::from_bits(stored.last_shown),
            language: stored.language.as_deref().and_then(Language::of_tag),
        })
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredGenerations {
    pub(super) person: u32,
    pub(super) organization: u32,
    pub(super) store: u64,
}

impl From<Generations> for StoredGenerations {
    fn from(Generations { person, organization, store }: Generations) -> Self {
        Self { person, organization, store }
    }
}

impl From<StoredGenerations> for Generations {
    fn from(StoredGenerations { person, organization, store }: StoredGenerations) -> Self {
        Self { person, organization, store }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredSession {
    id: Hex<16>,
    user: Hex<16>,
    kind: StoredKind,
    factors: u8,
    opened: u64,
    proved: u64,
    generations: StoredGenerations,
    address: IpAddr,
    device: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredKind {
    Portal,
    App(String),
    Device,
}

impl Record for SessionRecord {
    type Stored = StoredSession;

    fn to_stored(&self) -> StoredSession {
        StoredSession {
            id: Hex(self.id.0),
            user: Hex(self.user.0),
            kind: match &self.kind {
                SessionKind::Portal => StoredKind::Portal,
                SessionKind::App(app) => StoredKind::App(app.to_string()),
                SessionKind::Device => StoredKind::Device,
            },
            factors: self.factors.bits(),
            opened: self.opened.millis(),
            proved: self.proved.millis(),
            generations: self.generations.into(),
            address: self.address,
            device: self.device.clone(),
        }
    }

    fn from_stored(_: &[u8], stored: StoredSession) -> Option<Self> {
        Some(Self {
            id: SessionId(stored.id.0),
            user: UserId(stored.user.0),
            kind: match stored.kind {
                StoredKind::Portal => SessionKind::Portal,
                StoredKind::App(app) => SessionKind::App(AppName::parse(&app).ok()?),
                StoredKind::Device => SessionKind::Device,
            },
            factors: Methods::from_bits(stored.factors),
            opened: Timestamp::from_millis(stored.opened),
            proved: Timestamp::from_millis(stored.proved),
            generations: stored.generations.into(),
            address: stored.address,
            device: stored.device,
        })
    }
}

/// The life of one sign-in: whose it is and when it was last used. Without this row none of its sessions counts.
#[derive(Clone, Copy)]
pub(super) struct SessionUse {
    pub(super) user: UserId,
    pub(super) used: Timestamp,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredUse {
    user: Hex<16>,
    used: u64,
}

impl Record for SessionUse {
    type Stored = StoredUse;

    fn to_stored(&self) -> StoredUse {
        StoredUse { user: Hex(self.user.0), used: self.used.millis() }
    }

    fn from_stored(_: &[u8], stored: StoredUse) -> Option<Self> {
        Some(Self { user: UserId(stored.user.0), used: Timestamp::from_millis(stored.used) })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredToken {
    owner: Hex<16>,
    name: String,
    apps: Vec<String>,
    scopes: Vec<String>,
    only_from: Vec<String>,
    made: u64,
    expires: u64,
    generations: StoredGenerations,
    digest: Hex<32>,
    last_used: Option<(u64, IpAddr)>,
}

impl Record for TokenRecord {
    type Stored = StoredToken;

    fn to_stored(&self) -> StoredToken {
        StoredToken {
            owner: Hex(self.owner.0),
            name: self.name.clone(),
            apps: texts(&self.apps),
            scopes: texts(&self.scopes),
            only_from: self.only_from.clone(),
            made: self.made.millis(),
            expires: self.expires.millis(),
            generations: self.generations.into(),
            digest: Hex(self.digest.0),
            last_used: self.last_used.map(|(at, from)| (at.millis(), from)),
        }
    }

    fn from_stored(key: &[u8], stored: StoredToken) -> Option<Self> {
        Some(Self {
            id: TokenId(key.try_into().ok()?),
            owner: UserId(stored.owner.0),
            name: stored.name,
            apps: parsed(&stored.apps, AppName::parse)?,
            scopes: parsed(&stored.scopes, Scope::parse)?,
            only_from: stored.only_from,
            made: Timestamp::from_millis(stored.made),
            expires: Timestamp::from_millis(stored.expires),
            generations: stored.generations.into(),
            digest: Digest(stored.digest.0),
            last_used: stored.last_used.map(|(at, from)| (Timestamp::from_millis(at), from)),
        })
    }
}

/// A secret in its stored form, wiped when dropped. Only ever inside a sealed row.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(super) struct StoredSecret(String);

impl StoredSecret {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(HEXLOWER.encode(bytes))
    }

    pub(super) fn of_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn totp(&self) -> Option<TotpSecret> {
        let mut bytes = [0; 20];
        let length = HEXLOWER.decode_mut(self.0.as_bytes(), &mut bytes).ok()?;
        (length == bytes.len()).then(|| TotpSecret::from_random(bytes))
    }

    pub(super) fn text(&self) -> Secret<String> {
        Secret::new(self.0.clone())
    }
}

/// Values that are their own stored form.
macro_rules! as_it_is {
    ($($type:ty),+) => {$(
        impl Record for $type {
            type Stored = Itself<Self>;

            fn to_stored(&self) -> Self::Stored {
                Itself(self.clone())
            }

            fn from_stored(_: &[u8], stored: Self::Stored) -> Option<Self> {
                Some(stored.0)
            }
        }
    )+};
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Itself<T>(pub(super) T);

as_it_is!(StoredGenerations, Hex<32>, StoredSecret, StoredCount);

/// Failed attempts.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredCount {
    pub(super) failures: u32,
    pub(super) last: u64,
}

fn texts<T: ToString>(names: &[T]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn parsed<T, E, All: FromIterator<T>>(texts: &[String], parse: impl Fn(&str) -> Result<T, E>) -> Option<All> {
    texts.iter().map(|text| parse(text).ok()).collect()
}
