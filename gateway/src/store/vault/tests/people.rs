//! Who belongs to the house.

use access::identity::{GroupName, LoginName, RoleName, UserName};
use access::policy::{Method, Methods, Standing};
use access::totp::TotpSecret;

use super::scene::*;
use crate::store::vault::{After, Force, Outcome, PersonRecord, Spend, VaultError};
use crate::store::{Cursor, Notice};

#[tokio::test]
async fn whoever_was_added_is_found_by_id_name_and_address() {
    for scene in scenes().await {
        let ana = scene.add("ana").await;
        assert_eq!(scene.vault.person(ana.person.id).await.unwrap(), Some(ana.clone()));
        for called in ["ana", "ANA", " ａｎａ ", "ana@acme.example", "Ana@ACME.example"] {
            let name = LoginName::parse(called).unwrap();
            assert_eq!(scene.vault.person_called(&name).await.unwrap(), Some(ana.clone()), "{called}");
        }
        for called in ["ann", "n:ana", "ana@acme.examples"] {
            if let Ok(name) = LoginName::parse(called) {
                assert_eq!(scene.vault.person_called(&name).await.unwrap(), None, "{called}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_or_address_that_is_taken_is_refused_in_any_case_and_width() {
    for scene in scenes().await {
        scene.add("ana").await;
        for name in ["ana", "Ana", "ａｎａ"] {
            let mut again = someone(name, &[]);
            again.email = None;
            let error = scene.vault.add_person(again, entry()).await.unwrap_err();
            assert_eq!(error, VaultError::Taken("ana".to_owned()), "{name}");
        }
        let mut other = someone("anabel", &[]);
        other.email = someone("ANA", &[]).email;
        let error = scene.vault.add_person(other, entry()).await.unwrap_err();
        assert_eq!(error.to_string(), "ana@acme.example is taken");
        assert_eq!(scene.vault.people().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_one_name_at_the_same_time_one_gets_it() {
    for scene in scenes().await {
        let answers = together(20, |_| {
            let vault = scene.vault.clone();
            async move { vault.add_person(someone("ana", &[]), entry()).await.map(drop) }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(answers.iter().filter_map(|a| a.as_ref().err()).all(|error| matches!(error, VaultError::Taken(_))));
    }
}

#[tokio::test]
async fn people_are_listed_by_name() {
    for scene in scenes().await {
        for name in ["zoe", "ana", "mio"] {
            scene.add(name).await;
        }
        let people = scene.vault.people().await.unwrap();
        let names: Vec<_> = people.iter().map(|record| record.person.name.as_str()).collect();
        assert_eq!(names, ["ana", "mio", "zoe"]);
    }
}

#[tokio::test]
async fn a_renamed_person_gives_up_the_old_name_and_takes_the_new_one() {
    for scene in scenes().await {
        let (ana, _) = (scene.add("ana").await, scene.add("bob").await);
        let rename = |to: &'static str| {
            let vault = scene.vault.clone();
            async move {
                let change = |record: &mut PersonRecord| record.person.name = UserName::parse(to).unwrap();
                vault.change_person(ana.person.id, Force::No, change, entry()).await
            }
        };
        assert_eq!(rename("bob").await.unwrap_err(), VaultError::Taken("bob".to_owned()));
        rename("anna").await.unwrap();
        assert!(scene.vault.person_called(&LoginName::parse("ana").unwrap()).await.unwrap().is_none());
        assert!(scene.vault.person_called(&LoginName::parse("anna").unwrap()).await.unwrap().is_some());
        let mut other = someone("ana", &[]);
        other.email = None;
        scene.vault.add_person(other, entry()).await.unwrap();
    }
}

#[tokio::test]
async fn what_the_house_notes_itself_can_not_be_changed_from_outside() {
    for scene in scenes().await {
        let ana = scene.add("ana").await;
        let bob = scene.add("bob").await;
        let change = |record: &mut PersonRecord| {
            record.person.id = bob.person.id;
            record.enrolled = Methods::NONE.with(Method::Totp);
            record.has_password = true;
            record.passwords = 7;
            record.generation = 0;
            record.full_name = "Ana A.".to_owned();
            record.person.groups = [GroupName::parse("sales").unwrap()].into();
        };
        let after = scene.vault.change_person(ana.person.id, Force::No, change, entry()).await.unwrap();
        assert_eq!((after.person.id, after.enrolled, after.has_password), (ana.person.id, Methods::NONE, false));
        assert_eq!(after.generation, ana.generation);
        assert_eq!((after.full_name.as_str(), after.person.groups.len()), ("Ana A.", 1));
        assert_eq!(scene.vault.person(ana.person.id).await.unwrap(), Some(after));
        assert_eq!(scene.vault.person(bob.person.id).await.unwrap(), Some(bob));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_changes_of_one_person_are_all_kept() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let answers = together(20, |n| {
            let vault = scene.vault.clone();
            async move {
                let group = GroupName::parse(&format!("g{n}")).unwrap();
                let change = |record: &mut PersonRecord| {
                    record.person.groups = record.person.groups.iter().chain([&group]).cloned().collect();
                };
                vault.change_person(id, Force::No, change, entry()).await
            }
        })
        .await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(scene.vault.person(id).await.unwrap().unwrap().person.groups.len(), 20);
    }
}

#[tokio::test]
async fn disabling_ends_every_session_and_the_feed_tells_of_it() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let (secret, session) = scene.sign_in(id).await;
        let cursor = scene.vault.feed(Cursor::START).await.unwrap().cursor;
        let after = scene.vault.disable_person(id, Force::No, entry()).await.unwrap();
        assert_eq!((after.person.standing, after.generation), (Standing::Disabled, 2));
        let digest = scene.vault.digest("session", secret.expose().as_bytes());
        assert_eq!(scene.vault.session(digest).await.unwrap(), None);
        assert_eq!(scene.vault.sessions(None).await.unwrap(), []);
        let notices = scene.vault.feed(cursor).await.unwrap().notices;
        assert_eq!(notices, [Notice::Person(id), Notice::Session(session.id)]);

        let proved = scene.proof(id);
        let after = After::Password(scene.ground(id).await);
        let opened = scene.vault.open_session(proved, after, Spend::Nothing, scene.opening(), entry()).await;
        assert!(is_gone(&opened.unwrap()), "a disabled person signs in no more");
    }
}

#[tokio::test]
async fn disabling_by_a_change_ends_every_session_too() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        scene.sign_in(id).await;
        let change = |record: &mut PersonRecord| record.person.standing = Standing::Disabled;
        let after = scene.vault.change_person(id, Force::No, change, entry()).await.unwrap();
        assert_eq!(after.generation, 2);
        assert_eq!(scene.vault.count_sessions().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn the_last_administrator_stays_unless_forced() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let ana = scene.add_administrator("ana").await.person.id;
        let demote = |record: &mut PersonRecord| record.person.roles = [].into();
        let last = VaultError::LastAdministrator(UserName::parse("ana").unwrap());
        assert_eq!(vault.disable_person(ana, Force::No, entry()).await.unwrap_err(), last);
        assert_eq!(vault.delete_person(ana, Force::No, entry()).await.unwrap_err(), last);
        assert_eq!(vault.change_person(ana, Force::No, demote, entry()).await.unwrap_err(), last);
        assert!(last.to_string().contains("--force"));

        let bob = scene.add_administrator("bob").await.person.id;
        vault.disable_person(bob, Force::No, entry()).await.unwrap();
        assert_eq!(
            vault.delete_person(ana, Force::No, entry()).await.unwrap_err(),
            last,
            "a disabled one does not count"
        );
        vault.delete_person(bob, Force::No, entry()).await.unwrap();
        vault.disable_person(ana, Force::Yes, entry()).await.unwrap();
        // Where there was none before, nothing is taken away.
        vault.delete_person(ana, Force::No, entry()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_last_administrators_who_disable_each_other_at_the_same_time_one_stays() {
    for scene in scenes().await {
        let mut ids = Vec::new();
        for name in ["ana", "bob", "eve", "kim"] {
            ids.push(scene.add_administrator(name).await.person.id);
        }
        let answers = together(4, |n| {
            let (vault, id) = (scene.vault.clone(), ids[n]);
            async move { vault.disable_person(id, Force::No, entry()).await }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
        let people = scene.vault.people().await.unwrap();
        let admin = RoleName::parse("admin").unwrap();
        let active = people.iter().filter(|record| record.person.standing == Standing::Active);
        assert_eq!(active.filter(|record| record.person.roles.contains(&admin)).count(), 1);
    }
}

#[tokio::test]
async fn nothing_of_a_deleted_person_is_left_but_their_audit_entries() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, invitation) = vault.add_person(someone("ana", &[]), entry()).await.unwrap();
        let id = ana.person.id;
        vault.set_password(id, cheap_hash(19_456, 'a'), entry()).await.unwrap();
        vault.enrol_totp(id, &TotpSecret::from_random([7; 20]), entry()).await.unwrap();
        let mut bearers = Vec::new();
        for _ in 0..100 {
            bearers.push(scene.sign_in(id).await.0);
        }
        let token = vault.add_token(new_token(&scene, id), entry()).await.unwrap().0;
        let entries = vault.audit_rows(1, 1_000).await.unwrap().len();

        vault.delete_person(id, Force::No, entry()).await.unwrap();
        assert_eq!(vault.person(id).await.unwrap(), None);
        assert!(vault.person_called(&LoginName::parse("ana").unwrap()).await.unwrap().is_none());
        assert!(vault.password(id).await.unwrap().is_none());
        assert!(vault.totp(id).await.unwrap().is_none());
        assert_eq!(vault.recovery_left(id).await.unwrap(), 0);
        assert_eq!(vault.invited(invitation.expose()).await.unwrap(), None);
        for bearer in &bearers {
            let digest = vault.digest("session", bearer.expose().as_bytes());
            assert_eq!(vault.session(digest).await.unwrap(), None);
        }
        assert_eq!((vault.count_sessions().await.unwrap(), vault.token(token.id).await.unwrap()), (0, None));
        assert_eq!(vault.audit_rows(1, 1_000).await.unwrap().len(), entries + 1);
        assert_eq!(vault.delete_person(id, Force::No, entry()).await, Err(VaultError::Unknown(format!("person {id}"))));
        scene.add("ana").await;
    }
}

#[tokio::test]
async fn an_invitation_is_accepted_once() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, secret) = vault.add_person(someone("ana", &[]), entry()).await.unwrap();
        assert_eq!(vault.invited(secret.expose()).await.unwrap(), Some(ana.clone()));
        assert_eq!(vault.invited(secret.expose()).await.unwrap(), Some(ana), "looking does not consume it");
        let accept = || vault.accept_invitation(secret.expose(), cheap_hash(19_456, 'a'), entry());
        assert!(done(accept().await.unwrap()).has_password);
        assert_eq!(accept().await.unwrap(), Outcome::Gone);
        assert_eq!(vault.invited(secret.expose()).await.unwrap(), None);
        assert_eq!(vault.invited("").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_newer_invitation_retires_the_older_one_and_a_day_retires_both() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, first) = vault.add_person(someone("ana", &[]), entry()).await.unwrap();
        let second = vault.invite(ana.person.id, entry()).await.unwrap();
        let third = vault.invite(ana.person.id, entry()).await.unwrap();
        for older in [&first, &second] {
            let answer = vault.accept_invitation(older.expose(), cheap_hash(19_456, 'a'), entry()).await;
            assert_eq!(answer.unwrap(), Outcome::Gone);
        }
        scene.pass(24 * 60 * 60 - 1);
        assert!(vault.invited(third.expose()).await.unwrap().is_some());
        scene.pass(1);
        assert!(vault.invited(third.expose()).await.unwrap().is_none());
        let answer = vault.accept_invitation(third.expose(), cheap_hash(19_456, 'a'), entry()).await;
        assert_eq!(answer.unwrap(), Outcome::Gone);
    }
}

#[tokio::test]
async fn resetting_two_step_forgets_keys_and_codes_and_ends_the_sessions() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let codes = vault.enrol_totp(id, &TotpSecret::from_random([7; 20]), entry()).await.unwrap();
        assert_eq!((codes.len(), vault.recovery_left(id).await.unwrap()), (10, 10));
        scene.sign_in(id).await;
        let after = vault.reset_two_step(id, entry()).await.unwrap();
        assert!(after.enrolled.is_empty());
        assert!(vault.totp(id).await.unwrap().is_none());
        assert_eq!(vault.recovery_left(id).await.unwrap(), 0);
        assert_eq!(vault.sessions(Some(id)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_old_hash_is_refreshed_and_a_changed_password_is_not_undone_by_it() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let stored = || async { vault.password(id).await.unwrap().unwrap().as_phc().to_owned() };
        let (old, todays, changed) = (cheap_hash(4_096, 'a'), cheap_hash(19_456, 'a'), cheap_hash(19_456, 'b'));
        vault.refresh_password(id, todays.clone()).await.unwrap();
        assert!(vault.password(id).await.unwrap().is_none(), "there is nothing to refresh");
        vault.set_password(id, old, entry()).await.unwrap();
        vault.refresh_password(id, todays.clone()).await.unwrap();
        assert_eq!(stored().await, todays.as_phc());
        vault.set_password(id, changed.clone(), entry()).await.unwrap();
        vault.refresh_password(id, todays).await.unwrap();
        assert_eq!(stored().await, changed.as_phc());
    }
}

#[tokio::test]
async fn a_password_that_replaces_another_signs_out_everywhere() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        vault.set_password(id, cheap_hash(19_456, 'a'), entry()).await.unwrap();
        scene.sign_in(id).await;
        vault.set_password(id, cheap_hash(19_456, 'b'), entry()).await.unwrap();
        assert_eq!(vault.count_sessions().await.unwrap(), 0);
        scene.sign_in(id).await;
        let invitation = vault.invite(id, entry()).await.unwrap();
        let _ = done(vault.accept_invitation(invitation.expose(), cheap_hash(19_456, 'c'), entry()).await.unwrap());
        assert_eq!(vault.count_sessions().await.unwrap(), 0);
    }
}
