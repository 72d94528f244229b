//! App passwords in memory: programs show theirs with every request, and a calendar asks every few minutes (A4).
//!
//! Found by the digest of the name and the letters together, as they were shown. A row is read anew when a notice says that
//! it, or its owner, changed.

use std::sync::Arc;

use access::Timestamp;
use access::identity::LoginName;
use access::policy::AppPasswordFacts;
use arc_swap::ArcSwapOption;

use super::{FactCache, Held, Life, Visitor, named_networks};
use crate::config::InForce;
use crate::store::StoreError;
use crate::store::vault::{AppPasswordKey, AppPasswordRecord, Digest, PersonRecord};

/// An app password that was shown.
#[derive(Debug)]
pub(super) struct KnownAppPassword {
    pub(super) record: AppPasswordRecord,
    resolved: ArcSwapOption<ResolvedAppPassword>,
}

/// An app password's facts under one configuration, which says what its networks' names mean.
#[derive(Debug)]
pub(in crate::gate) struct ResolvedAppPassword {
    generation: u64,
    pub(in crate::gate) facts: AppPasswordFacts,
}

impl KnownAppPassword {
    /// Its facts with its networks as this configuration names them. A name that is gone admits from nowhere.
    pub(super) fn resolve(&self, in_force: &InForce) -> Arc<ResolvedAppPassword> {
        let of_this = |resolved: &Arc<ResolvedAppPassword>| resolved.generation == in_force.generation;
        if let Some(resolved) = self.resolved.load_full().filter(of_this) {
            return resolved;
        }
        let AppPasswordRecord { id, protocols, only_from, expires, generations, .. } = &self.record;
        let only_from = named_networks(in_force, only_from, &format!("app password {id}"));
        let facts = AppPasswordFacts { protocols: *protocols, only_from, expires: *expires, generations: *generations };
        let resolved = Arc::new(ResolvedAppPassword { generation: in_force.generation, facts });
        self.resolved.store(Some(Arc::clone(&resolved)));
        resolved
    }
}

impl FactCache {
    /// Whoever showed this name with these letters before, and was right then. What has changed since says
    /// `is_current()`.
    pub(in crate::gate) fn shown_before(&self, shown: Digest) -> Option<Arc<Visitor>> {
        self.app_passwords.get(&shown)
    }

    /// Who owns the app password with this key, read from the store, for whoever shows it with this name.
    pub(in crate::gate) async fn app_password(
        &self,
        key: AppPasswordKey,
        login: &LoginName,
        shown: Digest,
    ) -> Result<Option<Arc<Visitor>>, StoreError> {
        let visitor = self.read_app_password(key).await?;
        let visitor = visitor.filter(|visitor| is_called(visitor.record(), login));
        match &visitor {
            Some(visitor) => self.app_passwords.insert(shown, Arc::clone(visitor)),
            None => drop(self.app_passwords.remove(&shown)),
        }
        Ok(visitor)
    }

    pub(super) async fn read_app_password(&self, key: AppPasswordKey) -> Result<Option<Arc<Visitor>>, StoreError> {
        let Some(AppPasswordRecord { id, .. }) = self.vault.app_password(key).await? else { return Ok(None) };
        // The id, and with it the place, is known only after a first read; the second one, after the place was taken, counts.
        let place = self.living_app_passwords.place(&id.0);
        let Some(record) = self.vault.app_password(key).await? else { return Ok(None) };
        let Some(person) = self.person(record.owner).await? else { return Ok(None) };
        let visitor = self.living_app_passwords.put(&place, |known| match known {
            Some(known) if Arc::ptr_eq(&known.person, &person) => Arc::clone(known),
            _ => {
                let noted = record.last_used.as_ref().map(|last| last.at).unwrap_or_default();
                let life = known.map_or_else(|| Life::new(Timestamp::default(), noted), |known| known.life.again());
                let password = KnownAppPassword { record, resolved: ArcSwapOption::empty() };
                Arc::new(Visitor { person, proof: Held::AppPassword(Box::new(password)), life })
            }
        });
        Ok(Some(visitor))
    }
}

/// Is that how they are called, or one of their addresses? They may be called otherwise since the name was looked up.
fn is_called(person: &PersonRecord, login: &LoginName) -> bool {
    match login {
        LoginName::Name(name) => person.person.name == *name,
        LoginName::Email(email) => person.email.as_ref() == Some(email),
    }
}

/// App passwords in memory; what falls out is read again.
pub(super) const APP_PASSWORDS: usize = 100_000;
