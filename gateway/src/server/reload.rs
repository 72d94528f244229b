//! How does an edited file come into force? Read, checked, its cases run, certificates read, one swap.
//! ARCHITECTURE.md tells it whole ("One reload").
//!
//! Any failure leaves the old configuration in force and says so: log, audit, metric. A change that would lock out the last
//! administrator is refused too, and can be forced (N15). Everything that takes long with a million networks is done on
//! threads that stand back, giving back the memory of what was replaced included.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use access::Policy;
use access::policy::Standing;
use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::audit::{Actor, Entry};
use crate::config::{self, Fault, Faults, InForce, Loaded};
use crate::gate::{Gate, standing_back};
use crate::proxy::Snapshot;
use crate::store::vault::{ADMINISTRATOR, Force, PersonRecord};
use crate::tls::Certificates;

/// Brings edited files into force. One reload at a time.
pub struct Reloader {
    dir: PathBuf,
    gate: Arc<Gate>,
    current: Arc<ArcSwap<Snapshot>>,
    /// The digest of the files that were last read, accepted or not.
    seen: Mutex<[u8; 32]>,
    retired: Retired<Snapshot>,
}

/// What was in force, until nobody is served under it any more. Whoever was the last to let go would have to give back its
/// memory, and that could be a worker.
struct Retired<T> {
    old: std::sync::Mutex<Vec<Arc<T>>>,
    is_unused: fn(&mut T) -> bool,
}

/// An accepted reload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reloaded {
    /// Its number.
    pub generation: u64,
    /// How many cases held.
    pub cases: usize,
    /// How many live connections were cut because of it.
    pub cut: usize,
    /// What is allowed and perhaps not meant.
    pub warnings: Vec<Fault>,
    /// Settings that changed and wait for a restart.
    pub needs_restart: Vec<&'static str>,
}

impl Reloader {
    pub(super) fn new(dir: PathBuf, gate: Arc<Gate>, current: Arc<ArcSwap<Snapshot>>) -> Arc<Self> {
        let seen = Mutex::new(current.load().in_force.digest);
        Arc::new(Self { dir, gate, current, seen, retired: Retired::of(Snapshot::is_in_no_use) })
    }

    /// What is in force.
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.current.load().in_force)
    }

    /// Reads the files and brings them into force, or leaves everything as it is. Errors: every fault found.
    pub async fn reload(&self, force: Force) -> Result<Reloaded, Faults> {
        let mut seen = self.seen.lock().await;
        let outcome = self.attempt(force).await;
        let metrics = self.gate.metrics();
        metrics.config_last_reload_successful.set(i64::from(outcome.is_ok()));
        let entry = match &outcome {
            Ok((digest, reloaded)) => {
                *seen = *digest;
                tracing::info!(
                    generation = reloaded.generation,
                    "configuration {} is in force; {} cases held",
                    reloaded.generation,
                    reloaded.cases
                );
                Entry::new(Actor::Gateway, "config.reload").detail(format!("generation {}", reloaded.generation))
            }
            Err(faults) => {
                *seen = self.digest().await;
                tracing::error!("the edited configuration is refused, the old one stays in force:\n{faults}");
                let first = faults.0.first().map(|fault| format!("{}:{}: {}", fault.file, fault.line, fault.code));
                Entry::new(Actor::Gateway, "config.refused").detail(first.unwrap_or_default())
            }
        };
        if let Err(error) = self.gate.vault().note(entry).await {
            tracing::error!(%error, "a reload could not be noted in the audit");
        }
        outcome.map(|(_, reloaded)| reloaded)
    }

    async fn attempt(&self, force: Force) -> Result<([u8; 32], Reloaded), Faults> {
        let old = self.current.load_full();
        let (dir, now, before) = (self.dir.clone(), self.gate.clock().now(), Arc::clone(&old));
        // A million networks are a second of work: people's requests go first.
        let (loaded, certificates) = standing_back(move || {
            let loaded = config::load(&dir, now)?;
            let certificates = Certificates::load(&loaded.settings).map_err(Faults)?;
            loaded.settings.verify_breached(Some(&before.in_force.settings))?;
            Ok((loaded, certificates))
        })
        .await
        .map_err(|panicked| whole("internal", format!("reading the configuration failed: {panicked}"), None))??;
        let people = self
            .gate
            .vault()
            .people()
            .await
            .map_err(|error| whole("unavailable", format!("the store can't say who administers: {error}"), None))?;
        let (metrics, before) = (Arc::clone(self.gate.metrics()), Arc::clone(&old));
        let (snapshot, reloaded) = standing_back(move || {
            let Loaded { settings, warnings, digest, cases } = loaded;
            if force == Force::No && locks_out(&before.in_force.settings.policy, &settings.policy, &people) {
                return Err(whole(
                    "admin_locked_out",
                    "no administrator could come in any more from where they last signed in".to_owned(),
                    Some("list an administrator's address, or use vestibule reload --force".to_owned()),
                ));
            }
            let needs_restart = config::needs_restart(&before.in_force.settings, &settings);
            let generation = before.in_force.generation + 1;
            let client_authority = certificates.authority();
            let in_force = Arc::new(InForce { settings, generation, digest, client_authority });
            let snapshot = Snapshot::prepare(in_force, certificates, &metrics, Some(&before));
            Ok((Arc::new(snapshot), Reloaded { generation, cases, cut: 0, warnings, needs_restart }))
        })
        .await
        .map_err(|panicked| whole("internal", format!("preparing the configuration failed: {panicked}"), None))??;
        let in_force = Arc::clone(&snapshot.in_force);
        self.gate.know_issuers(&in_force);
        self.retired.keep(old);
        drop(self.current.swap(snapshot));
        self.gate.vault().tell_changes(in_force.settings.couriers.email.is_some());
        let cut = self.gate.review(&in_force).await;
        Ok((in_force.digest, Reloaded { cut, ..reloaded }))
    }

    /// Looks at the files every two seconds; acts when their content differs from what was last read and two readings in a
    /// row agree. Content, not events: inotify misses `ConfigMap` swaps and editors' renames.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut tick = tokio::time::interval(Duration::from_secs(2));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.retired.give_back().await;
            let first = self.digest().await;
            if first == *self.seen.lock().await {
                continue;
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
            if self.digest().await == first {
                // The outcome was logged, counted and noted; the next edit is the next try.
                let _ = self.reload(Force::No).await;
            }
        }
    }

    async fn digest(&self) -> [u8; 32] {
        let dir = self.dir.clone();
        standing_back(move || config::digest(&dir)).await.unwrap_or_default()
    }
}

impl<T: Send + Sync + 'static> Retired<T> {
    /// `is_unused`: does nobody hold a part of it?
    fn of(is_unused: fn(&mut T) -> bool) -> Self {
        Self { old: std::sync::Mutex::default(), is_unused }
    }

    fn keep(&self, old: Arc<T>) {
        self.lock().push(old);
    }

    /// Drops what nobody else holds. What is still in use is looked at again the next time.
    async fn give_back(&self) {
        let is_unused = |old: &mut Arc<T>| Arc::get_mut(old).is_some_and(self.is_unused);
        let unused: Vec<_> = self.lock().extract_if(.., |old| is_unused(old)).collect();
        if !unused.is_empty() {
            // A panic there has nothing to do with what is in force.
            let _ = standing_back(move || drop(unused)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<T>>> {
        self.old.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Could an administrator come in before, and none afterwards? Each is taken where they last signed in; who never did, from
/// anywhere the lists give them.
fn locks_out(old: &Policy, new: &Policy, people: &[PersonRecord]) -> bool {
    let administrators: Vec<_> = people
        .iter()
        .filter(|record| record.person.standing == Standing::Active)
        .filter(|record| record.person.roles.iter().any(|role| role.as_str() == ADMINISTRATOR))
        .collect();
    let enters = |policy: &Policy| {
        administrators.iter().any(|record| {
            let reach = policy.reach(&record.person);
            record.last_sign_in.map_or_else(|| !reach.is_empty(), |(_, from)| reach.contains_ip(from))
        })
    };
    enters(old) && !enters(new)
}

/// A fault of the configuration as a whole.
fn whole(code: &'static str, message: String, help: Option<String>) -> Faults {
    let file = "gateway.yaml".to_owned();
    Faults(vec![Fault { code, file, line: 0, column: 0, source: String::new(), message, help }])
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::gate::stands_back;

    /// Tells whether the thread stood back on which it was dropped.
    struct Old(mpsc::Sender<bool>);

    impl Drop for Old {
        fn drop(&mut self) {
            let _ = self.0.send(stands_back());
        }
    }

    #[tokio::test]
    async fn what_was_in_force_is_kept_while_somebody_is_served_under_it_and_then_given_back_by_a_thread_that_stands_back()
     {
        let (tell, told) = mpsc::channel();
        let retired = Retired::of(|_| true);
        let old = Arc::new(Old(tell));
        retired.keep(Arc::clone(&old));
        retired.give_back().await;
        drop(old);
        assert!(told.try_recv().is_err(), "whoever lets go gives nothing back");
        retired.give_back().await;
        assert_eq!(told.recv(), Ok(true));
    }
}
