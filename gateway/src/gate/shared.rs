//! What do many rows say alike? The kinds of sessions, and the names of groups and roles: there once, and pointed to.
//!
//! A million people in one group are a million copies of its name, each as far away as memory is. Names are few, because
//! administrators make them; of more than [`NAMES`] the rest stay as they are.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use access::identity::{AppName, GroupName, RoleName};
use access::policy::Person;

use crate::store::vault::SessionKind;

/// What rows are for: each kind once, and for good, so that a row only points to it. There are as many as there are apps.
#[derive(Debug, Default)]
pub(super) struct Kinds(Mutex<BTreeMap<AppName, &'static SessionKind>>);

impl Kinds {
    /// The one that is kept of this kind.
    pub(super) fn kept(&self, kind: &SessionKind) -> &'static SessionKind {
        static PORTAL: SessionKind = SessionKind::Portal;
        static DEVICE: SessionKind = SessionKind::Device;
        match kind {
            SessionKind::Portal => &PORTAL,
            SessionKind::Device => &DEVICE,
            SessionKind::App(app) => {
                let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                apps.entry(app.clone()).or_insert_with(|| Box::leak(Box::new(kind.clone())))
            }
        }
    }
}

/// The names of groups and roles.
#[derive(Debug, Default)]
pub(super) struct Names {
    groups: Mutex<HashSet<GroupName>>,
    roles: Mutex<HashSet<RoleName>>,
}

impl Names {
    /// Lets a person's groups and roles be called by the names that are there already.
    pub(super) fn share(&self, person: &mut Person) {
        share(&self.groups, &mut person.groups);
        share(&self.roles, &mut person.roles);
    }
}

fn share<N: Clone + Eq + Hash>(known: &Mutex<HashSet<N>>, names: &mut [N]) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    for name in names {
        match known.get(name) {
            Some(kept) => *name = kept.clone(),
            None if known.len() < NAMES => drop(known.insert(name.clone())),
            None => {}
        }
    }
}

/// Names of each sort that are kept.
const NAMES: usize = 10_000;

#[cfg(test)]
mod tests {
    use access::identity::{UserId, UserName};
    use access::policy::Standing;

    use super::*;

    fn person(groups: &[&str]) -> Person {
        Person {
            id: UserId([1; 16]),
            name: UserName::parse("ana").expect("a name"),
            roles: vec![RoleName::parse("admin").expect("a name")],
            groups: groups.iter().map(|group| GroupName::parse(group).expect("a name")).collect(),
            standing: Standing::Active,
        }
    }

    #[test]
    fn a_name_is_there_once_however_many_are_called_so() {
        let names = Names::default();
        let (mut one, mut other) = (person(&["sales", "field"]), person(&["field"]));
        let before = (one.clone(), other.clone());
        names.share(&mut one);
        names.share(&mut other);
        assert_eq!((&one, &other), (&before.0, &before.1), "they say the same");
        assert!(std::ptr::eq(one.groups[1].as_str(), other.groups[0].as_str()));
        assert!(std::ptr::eq(one.roles[0].as_str(), other.roles[0].as_str()));
    }

    #[test]
    fn only_so_many_are_kept() {
        let names = Names::default();
        for number in 0..NAMES + 3 {
            names.share(&mut person(&[&format!("group{number}")]));
        }
        assert_eq!(names.groups.lock().expect("nothing panicked").len(), NAMES);
        let mut last = person(&["one-more"]);
        names.share(&mut last);
        assert_eq!(last.groups[0].as_str(), "one-more");
    }
}
