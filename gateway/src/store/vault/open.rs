//! Is this our store, and does our key fit it? What happens before the first verb.
//!
//! A new store gets its schema version, a row of known text that proves the key, its generations and the row that
//! administrators' changes meet at, in one batch.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use access::Secret;
use access::policy::Generations;
use data_encoding::HEXLOWER;
use tokio::sync::Notify;

use super::records::StoredGenerations;
use super::{Backing, Inner, Vault};
use crate::clock::Clock;
use crate::store::movable::Movable;
use crate::store::seal::{self, Keys, RootKey};
use crate::store::timed::Timed;
use crate::store::{AnyStore, Applied, Batch, Guard, MemoryStore, RedbStore, Store, StoreError, Table, Write};

impl Vault {
    /// Opens or makes the store. Errors: [`StoreError::InUse`], [`StoreError::Corrupt`] for a wrong key, `TooNew`.
    pub async fn open(backing: &Backing, clock: Clock) -> Result<Self, StoreError> {
        let (store, keys) = match backing {
            Backing::Memory => {
                let keys = Keys::derive(&RootKey::new(seal::random()?));
                (AnyStore::Memory(MemoryStore::new(clock.clone(), keys.audit())?), keys)
            }
            Backing::Redb { file, key_file } => {
                let keys = Keys::derive(&seal::key_of(file, key_file)?);
                (AnyStore::Redb(RedbStore::open(file, clock.clone(), keys.audit())?), keys)
            }
        };
        Self::over(store, keys, clock, backing.clone()).await
    }

    async fn over(store: AnyStore, keys: Keys, clock: Clock, backing: Backing) -> Result<Self, StoreError> {
        if !is_ours(&store, &keys).await? {
            initialise(&store, &keys).await?;
        }
        let generations = generations(&store, &keys).await?;
        let store = Timed::new(Movable::new(store), clock.clone());
        Ok(Self(Arc::new(Inner {
            store,
            keys,
            clock,
            generations,
            backing,
            tells_changes: AtomicBool::new(false),
            outgoing: Notify::new(),
            nobody: OnceLock::new(),
        })))
    }
}

/// Was it made before, by a program that we understand and with our key? `Ok(false)`: it is new.
pub(super) async fn is_ours(store: &AnyStore, keys: &Keys) -> Result<bool, StoreError> {
    let Some(row) = store.get(Table::Meta, SCHEMA_ROW).await? else { return Ok(false) };
    let found = row.value.try_into().map(u32::from_be_bytes);
    let found = found.map_err(|_| StoreError::Corrupt("the schema version can't be read".to_owned()))?;
    if found > SCHEMA {
        return Err(StoreError::TooNew { found, known: SCHEMA });
    }
    prove(store, keys).await?;
    Ok(true)
}

/// The first rows of a new store.
async fn initialise(store: &AnyStore, keys: &Keys) -> Result<(), StoreError> {
    for table in [Table::Person, Table::Session, Table::Token, Table::Audit] {
        if !store.scan(table, &[], &[u8::MAX; 64], 1).await?.is_empty() {
            return Err(StoreError::Corrupt("it holds rows but no schema version".to_owned()));
        }
    }
    let generations = Generations { person: 0, organization: 1, store: u64::from_be_bytes(seal::random()?) };
    let stored = serde_json::to_vec(&StoredGenerations::from(generations))
        .map_err(|error| StoreError::Unavailable(format!("the generations have no JSON: {error}")))?;
    let put = |key: &[u8], value| Write::Put { table: Table::Meta, key: key.to_vec(), expires: None, value };
    let batch = Batch {
        guards: vec![Guard::Absent(Table::Meta, SCHEMA_ROW.to_vec())],
        writes: vec![
            put(SCHEMA_ROW, SCHEMA.to_be_bytes().to_vec()),
            put(PROOF_ROW, keys.seal(Table::Meta, PROOF_ROW, PROOF)?),
            put(GENERATIONS_ROW, keys.seal(Table::Meta, GENERATIONS_ROW, &stored)?),
            put(ADMINS_ROW, Vec::new()),
        ],
        ..Batch::default()
    };
    match store.apply(batch).await? {
        Applied::Done { .. } => Ok(()),
        Applied::Refused { .. } => Err(StoreError::Unavailable("another program is making the same store".to_owned())),
    }
}

/// Does the key open the row of known text?
async fn prove(store: &AnyStore, keys: &Keys) -> Result<(), StoreError> {
    let row = store.get(Table::Meta, PROOF_ROW).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt("the row that proves the key is missing".to_owned()))?;
    let plain = keys.open(Table::Meta, PROOF_ROW, &row.value).map_err(|error| match error {
        StoreError::Corrupt(_) => {
            let id = row.value.get(1..5).map(|id| HEXLOWER.encode(id)).unwrap_or_default();
            StoreError::Corrupt(format!("the key file holds another key than the one ({id}) this store was made with"))
        }
        other => other,
    })?;
    if !Secret::new(plain.to_vec()).matches(PROOF) {
        return Err(StoreError::Corrupt("the row that proves the key says something else".to_owned()));
    }
    Ok(())
}

async fn generations(store: &AnyStore, keys: &Keys) -> Result<Generations, StoreError> {
    let damaged = || StoreError::Corrupt("the row with the generations is missing or can't be read".to_owned());
    let row = store.get(Table::Meta, GENERATIONS_ROW).await?.ok_or_else(damaged)?;
    let plain = keys.open(Table::Meta, GENERATIONS_ROW, &row.value)?;
    serde_json::from_slice::<StoredGenerations>(&plain).map(Into::into).map_err(|_| damaged())
}

/// Of the rows and their keys; goes up by one with each migration.
pub(super) const SCHEMA: u32 = 1;
/// Four bytes, in the clear, so that every version of the program can read them.
pub(super) const SCHEMA_ROW: &[u8] = b"schema";
/// What administrators' changes meet at: who takes an administrator away writes it under a guard.
pub(super) const ADMINS_ROW: &[u8] = b"admins";
const PROOF_ROW: &[u8] = b"proof";
const PROOF: &[u8] = b"this key fits this store";
const GENERATIONS_ROW: &[u8] = b"generations";
