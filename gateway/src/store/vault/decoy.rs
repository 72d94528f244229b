//! Looking for somebody who does not exist: the same work as finding them. (S15; A30)
//!
//! Whoever is found costs rows that are opened and read; whoever is not would be answered sooner, by so much that it shows
//! where no password is hashed, as for names that have to wait. So the rows of nobody lie in memory, sealed, and are opened
//! in the place of those that are not there. The store never holds them.

use std::hint::black_box;

use access::Timestamp;
use access::identity::{UserId, UserName};
use access::policy::{Methods, Person, Standing};

use super::records::{Record, StoredSecret};
use super::{PersonRecord, Vault};
use crate::store::seal::Keys;
use crate::store::{Row, Store, StoreError, Table};

/// Nobody's rows.
pub(super) struct Decoy {
    name: Row,
    person: Row,
    password: Row,
}

/// Whom nobody is. Ids are drawn, and this one never.
pub const NOBODY: UserId = UserId([0; 16]);

impl Decoy {
    /// Sealed like all rows.
    pub(super) fn sealed(keys: &Keys) -> Result<Self, StoreError> {
        let name = UserName::parse("nobody").map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let person = PersonRecord {
            person: Person { id: NOBODY, name, roles: [].into(), groups: [].into(), standing: Standing::Disabled },
            full_name: "Nobody at All".to_owned(),
            email: access::identity::Email::parse("nobody@nowhere.example").ok(),
            generation: 1,
            enrolled: Methods::NONE,
            has_password: true,
            passwords: 1,
            password_chosen: Some(Timestamp::from_millis(1_795_420_800_000)),
            added: Timestamp::from_millis(1_795_420_800_000),
            last_sign_in: None,
            last_shown: Methods::NONE,
            has_questions: false,
            language: None,
        };
        Ok(Self {
            name: row(keys, Table::PersonName, b"n:nobody", &NOBODY)?,
            person: row(keys, Table::Person, &NOBODY.0, &person)?,
            password: row(keys, Table::Factor, &NOBODY.0, &StoredSecret::of_text(HASH))?,
        })
    }
}

impl Vault {
    /// Does what finding a name does beyond looking for it.
    pub(super) fn find_no_name(&self) -> Result<(), StoreError> {
        black_box(self.opened::<UserId>(Table::PersonName, &self.decoy().name)?.value);
        Ok(())
    }

    /// Does what reading a person does.
    pub(super) async fn find_no_person(&self) -> Result<(), StoreError> {
        black_box(self.store().get(Table::Person, &NOBODY.0).await?);
        black_box(self.opened::<PersonRecord>(Table::Person, &self.decoy().person)?.value);
        Ok(())
    }

    /// Does what finding a password hash does beyond looking for it.
    pub(super) fn find_no_password(&self) -> Result<(), StoreError> {
        let stored = self.opened::<StoredSecret>(Table::Factor, &self.decoy().password)?.value;
        black_box(access::password::PasswordHash::from_phc(stored.text().expose().clone()));
        Ok(())
    }
}

fn row<T: Record>(keys: &Keys, table: Table, key: &[u8], value: &T) -> Result<Row, StoreError> {
    let json = serde_json::to_vec(&value.to_stored())
        .map_err(|error| StoreError::Unavailable(format!("table {table:?}: a value has no JSON: {error}")))?;
    Ok(Row { key: key.to_vec(), version: 1, expires: None, value: keys.seal(table, key, &json)? })
}

/// As long as everybody's. The one that passwords are compared with is `access`'s own.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$VmVzdGlidWxlIGRlY295IQ$Tm9ib2R5J3MgcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXM";
