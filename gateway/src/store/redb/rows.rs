//! How does a row lie in a redb table? Key → version ‖ expires ‖ value, both numbers eight bytes, big endian.

use access::Timestamp;
use redb::{StorageError, TableDefinition};

use crate::store::{Row, Table};

/// A redb table of ours.
pub(super) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Names are on disk: append, never rename.
pub(super) const fn definition(table: Table) -> Definition {
    TableDefinition::new(match table {
        Table::Meta => "meta",
        Table::Person => "person",
        Table::PersonName => "person_name",
        Table::Factor => "factor",
        Table::Session => "session",
        Table::PersonSession => "person_session",
        Table::SessionUse => "session_use",
        Table::Token => "token",
        Table::PersonToken => "person_token",
        Table::Once => "once",
        Table::Ticket => "ticket",
        Table::Counter => "counter",
        Table::Key => "key",
        Table::Audit => "audit",
        Table::Outbox => "outbox",
        Table::AppPassword => "app_password",
    })
}

/// Errors: the value is shorter than its header.
pub(super) fn read_row(key: &[u8], stored: &[u8]) -> Result<Row, redb::Error> {
    let (version, rest) = stored.split_first_chunk::<8>().ok_or_else(too_short)?;
    let (expires, value) = rest.split_first_chunk::<8>().ok_or_else(too_short)?;
    let expires = Timestamp::from_millis(u64::from_be_bytes(*expires));
    Ok(Row {
        key: key.to_vec(),
        version: u64::from_be_bytes(*version),
        expires: (expires != Timestamp::NEVER).then_some(expires),
        value: value.to_vec(),
    })
}

pub(super) fn write_row(version: u64, expires: Option<Timestamp>, value: &[u8]) -> Vec<u8> {
    let expires = expires.unwrap_or(Timestamp::NEVER);
    [version.to_be_bytes().as_slice(), &expires.millis().to_be_bytes(), value].concat()
}

/// When a stored row expires, without reading the rest of it.
pub(super) fn expiry(stored: &[u8]) -> Option<Timestamp> {
    let (expires, _) = stored.get(8..)?.split_first_chunk::<8>()?;
    Some(Timestamp::from_millis(u64::from_be_bytes(*expires))).filter(|expires| *expires != Timestamp::NEVER)
}

fn too_short() -> redb::Error {
    StorageError::Corrupted("a row is shorter than its header".to_owned()).into()
}
