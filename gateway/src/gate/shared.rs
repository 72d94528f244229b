//! What do many rows say alike? The kinds of sessions, and which groups and roles somebody has: there once, and pointed to.
//!
//! A million people in one group are a million lists of one name, each as far away as memory is. Different lists are few,
//! because administrators make them; of more than [`LISTS`] the rest stay as they are.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

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

/// Lists of groups and of roles, as people have them.
#[derive(Debug, Default)]
pub(super) struct Lists {
    groups: Mutex<HashSet<Arc<[GroupName]>>>,
    roles: Mutex<HashSet<Arc<[RoleName]>>>,
}

impl Lists {
    /// Lets a person have the lists of groups and roles that are there already.
    pub(super) fn share(&self, person: &mut Person) {
        share(&self.groups, &mut person.groups);
        share(&self.roles, &mut person.roles);
    }
}

fn share<N: Eq + Hash>(known: &Mutex<HashSet<Arc<[N]>>>, names: &mut Arc<[N]>) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get(names) {
        Some(kept) => *names = Arc::clone(kept),
        None if known.len() < LISTS => drop(known.insert(Arc::clone(names))),
        None => {}
    }
}

/// Lists of each sort that are kept.
const LISTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use access::identity::{UserId, UserName};
    use access::policy::Standing;

    use super::*;

    fn person(groups: &[&str]) -> Person {
        Person {
            id: UserId([1; 16]),
            name: UserName::parse("ana").expect("a name"),
            roles: [RoleName::parse("admin").expect("a name")].into(),
            groups: groups.iter().map(|group| GroupName::parse(group).expect("a name")).collect(),
            standing: Standing::Active,
        }
    }

    #[test]
    fn a_list_is_there_once_however_many_have_it() {
        let lists = Lists::default();
        let [mut one, mut other, mut third] = [&["sales", "field"][..], &["sales", "field"], &["field"]].map(person);
        let before = [one.clone(), other.clone(), third.clone()];
        for person in [&mut one, &mut other, &mut third] {
            lists.share(person);
        }
        assert_eq!([&one, &other, &third], before.each_ref(), "they say the same");
        assert!(Arc::ptr_eq(&one.groups, &other.groups) && !Arc::ptr_eq(&one.groups, &third.groups));
        assert!(Arc::ptr_eq(&one.roles, &third.roles));
    }

    #[test]
    fn only_so_many_are_kept() {
        let lists = Lists::default();
        for number in 0..LISTS + 3 {
            lists.share(&mut person(&[&format!("group{number}")]));
        }
        assert_eq!(lists.groups.lock().expect("nothing panicked").len(), LISTS);
        let mut last = person(&["one-more"]);
        lists.share(&mut last);
        assert_eq!(last.groups[0].as_str(), "one-more");
    }
}
