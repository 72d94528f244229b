//! Keys of a person: added, used, removed; and questions that are asked once.

use access::policy::{Method, Methods};
use access::secret::TypedSecret;
use access::totp::TotpSecret;

use super::scene::{Scene, done, entry, scenes};
use crate::store::Table;
use crate::store::vault::{Added, Ceremony, Digest, Force, NewPasskey, Outcome, PasskeyUse, Removed, Spend};

#[tokio::test]
async fn a_key_is_added_listed_renamed_and_removed() {
    for scene in scenes().await {
        let ana = scene.add("ana").await.person.id;
        let (_, session) = scene.sign_in(ana).await;
        let vault = &scene.vault;
        let added = vault.add_passkey(ana, session.id, &key(vault, "stick"), &codes(), entry()).await.unwrap();
        assert_eq!(added, Added::First);
        assert_eq!(enrolled(&scene, ana).await, Methods::NONE.with(Method::Passkey).with(Method::Recovery));
        assert_eq!(vault.recovery_left(ana).await.unwrap(), 10);
        scene.pass(1);
        let added = vault.add_passkey(ana, session.id, &key(vault, "phone"), &codes(), entry()).await.unwrap();
        assert_eq!(added, Added::Done, "the codes are those of the first one");
        let keys = vault.passkeys(ana).await.unwrap();
        assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["stick", "phone"]);
        assert_eq!(vault.passkey_owner(keys[0].id).await.unwrap(), Some(ana));

        assert!(vault.rename_passkey(ana, keys[0].id, "the blue one", entry()).await.unwrap());
        assert_eq!(vault.passkey(ana, keys[0].id).await.unwrap().unwrap().name, "the blue one");
        assert!(!vault.rename_passkey(ana, vault.passkey_id(b"none"), "x", entry()).await.unwrap());

        let demanded = Some(Methods::SECOND_STEPS);
        assert_eq!(vault.remove_passkey(ana, keys[0].id, demanded, entry()).await.unwrap(), Removed::Done);
        assert_eq!(vault.remove_passkey(ana, keys[0].id, demanded, entry()).await.unwrap(), Removed::Gone);
        assert_eq!(vault.passkey_owner(keys[0].id).await.unwrap(), None);
        assert_eq!(vault.remove_passkey(ana, keys[1].id, demanded, entry()).await.unwrap(), Removed::Last);
        assert_eq!(vault.passkeys(ana).await.unwrap().len(), 1);
        assert_eq!(vault.remove_passkey(ana, keys[1].id, None, entry()).await.unwrap(), Removed::Done);
        assert_eq!(enrolled(&scene, ana).await, Methods::NONE);
        assert_eq!(vault.recovery_left(ana).await.unwrap(), 0, "codes stand in for something");
    }
}

#[tokio::test]
async fn a_credential_is_one_persons_until_they_are_gone() {
    for scene in scenes().await {
        let (ana, bo) = (scene.add("ana").await.person.id, scene.add("bo").await.person.id);
        let ((_, hers), (_, his)) = (scene.sign_in(ana).await, scene.sign_in(bo).await);
        let vault = &scene.vault;
        let stick = key(vault, "stick");
        assert_eq!(vault.add_passkey(ana, hers.id, &stick, &[], entry()).await.unwrap(), Added::First);
        for (person, session) in [(bo, his.id), (ana, hers.id)] {
            assert_eq!(vault.add_passkey(person, session, &stick, &[], entry()).await.unwrap(), Added::Gone);
        }
        assert_eq!(enrolled(&scene, bo).await, Methods::NONE);

        vault.reset_two_step(ana, entry()).await.unwrap();
        assert!(vault.passkeys(ana).await.unwrap().is_empty());
        let (_, hers) = scene.sign_in(ana).await;
        assert_eq!(vault.add_passkey(ana, hers.id, &stick, &[], entry()).await.unwrap(), Added::First);
        vault.delete_person(ana, Force::No, entry()).await.unwrap();
        assert_eq!(vault.add_passkey(bo, his.id, &stick, &[], entry()).await.unwrap(), Added::First);
    }
}

#[tokio::test]
async fn twenty_are_enough_and_a_session_that_is_over_adds_none() {
    let scene = Scene::memory().await;
    let ana = scene.add("ana").await.person.id;
    let (_, session) = scene.sign_in(ana).await;
    let vault = &scene.vault;
    for number in 0..20 {
        let added = vault.add_passkey(ana, session.id, &key(vault, &format!("{number}")), &[], entry()).await.unwrap();
        assert!(matches!(added, Added::First | Added::Done), "{number}");
    }
    let one_more = key(vault, "one more");
    assert_eq!(vault.add_passkey(ana, session.id, &one_more, &[], entry()).await.unwrap(), Added::TooMany);
    let id = vault.passkeys(ana).await.unwrap()[0].id;
    assert_eq!(vault.remove_passkey(ana, id, None, entry()).await.unwrap(), Removed::Done);
    vault.end_session(session.id, entry()).await.unwrap();
    assert_eq!(vault.add_passkey(ana, session.id, &one_more, &[], entry()).await.unwrap(), Added::Gone);
    // All of it fits into one batch when its owner goes.
    vault.delete_person(ana, Force::No, entry()).await.unwrap();
}

#[tokio::test]
async fn a_use_counts_on_and_never_back() {
    for scene in scenes().await {
        let ana = scene.add("ana").await.person.id;
        let (_, session) = scene.sign_in(ana).await;
        let stick = key(&scene.vault, "stick");
        let _ = scene.vault.add_passkey(ana, session.id, &stick, &codes(), entry()).await.unwrap();
        for (counter, goes) in [(0, true), (0, true), (7, true), (7, false), (6, false), (0, false), (8, true)] {
            let before = scene.vault.passkey(ana, stick.id).await.unwrap().unwrap();
            let credential = format!("at {counter}");
            let used = PasskeyUse { id: stick.id, counter, credential: credential.clone() };
            let opened = with_key(&scene, ana, used).await;
            let after = scene.vault.passkey(ana, stick.id).await.unwrap().unwrap();
            assert_eq!(matches!(opened, Outcome::Done(_)), goes, "{counter} after {}", before.counter);
            if goes {
                assert_eq!((after.counter, after.credential), (counter, credential));
                assert_eq!(after.used, Some(scene.clock.now()));
            } else {
                assert_eq!(after, before, "nothing happened");
            }
            scene.pass(1);
        }
        let none = PasskeyUse { id: scene.vault.passkey_id(b"none"), counter: 0, credential: String::new() };
        assert!(matches!(with_key(&scene, ana, none).await, Outcome::Gone));
        let record = scene.vault.person(ana).await.unwrap().unwrap();
        assert!(record.last_shown.has(Method::Totp), "what was shown last is asked for first");
    }
}

#[tokio::test]
async fn of_sixteen_uses_with_one_count_one_comes_in() {
    for scene in scenes().await {
        let ana = scene.add("ana").await.person.id;
        let (_, session) = scene.sign_in(ana).await;
        let stick = key(&scene.vault, "stick");
        let _ = scene.vault.add_passkey(ana, session.id, &stick, &codes(), entry()).await.unwrap();
        let used = PasskeyUse { id: stick.id, counter: 1, credential: String::new() };
        let tries = (0..16).map(|_| with_key(&scene, ana, used.clone()));
        let came_in = futures_util::future::join_all(tries).await;
        assert_eq!(came_in.iter().filter(|opened| matches!(opened, Outcome::Done(_))).count(), 1);
    }
}

#[tokio::test]
async fn nothing_is_set_up_beside_what_came_after_the_password() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let ana = scene.add("ana").await.person.id;
        let ground = scene.ground(ana).await;
        vault.enrol_totp(ana, &TotpSecret::from_random([1; 20]), entry()).await.unwrap();
        let spend = Spend::SetUpPasskey { passkey: key(vault, "a thief's"), recovery: codes() };
        let flow = scene.flow(ana);
        let secret = vault.begin_flow(flow, ground, None, None).await.unwrap();
        let held = vault.try_flow(secret.expose()).await.unwrap().unwrap();
        assert!(matches!(scene.pass_second(held, Method::Totp, spend.clone()).await, Outcome::Gone));
        assert!(vault.passkeys(ana).await.unwrap().is_empty());

        // A sign-in that knew of it may.
        let held = scene.tried(ana).await;
        done(scene.pass_second(held, Method::Totp, spend).await);
        assert_eq!(vault.passkeys(ana).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_question_is_answered_once_in_its_place_within_five_minutes() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (_, session) = scene.sign_in(scene.add("ana").await.person.id).await;
        let flow = vault.digest("flow", b"one");
        let places = [
            Ceremony::SignIn,
            Ceremony::SecondStep(flow),
            Ceremony::SecondStep(vault.digest("flow", b"two")),
            Ceremony::SetUp(flow),
            Ceremony::Addition(session.id),
        ];
        for place in places {
            for other in places {
                let state = format!("{place:?} at {other:?}");
                let secret = vault.begin_ceremony(place, state.clone()).await.unwrap();
                let answer = vault.end_ceremony(secret.expose(), other).await.unwrap();
                assert_eq!(answer, (place == other).then_some(state), "{place:?} at {other:?}");
                assert_eq!(vault.end_ceremony(secret.expose(), place).await.unwrap(), None, "it is used up");
            }
        }
        let secret = vault.begin_ceremony(Ceremony::SignIn, "soon".to_owned()).await.unwrap();
        scene.pass(299);
        let late = vault.begin_ceremony(Ceremony::SignIn, "late".to_owned()).await.unwrap();
        assert!(vault.end_ceremony(secret.expose(), Ceremony::SignIn).await.unwrap().is_some());
        scene.pass(300);
        assert!(vault.end_ceremony(late.expose(), Ceremony::SignIn).await.unwrap().is_none());
        assert!(vault.end_ceremony("nothing", Ceremony::SignIn).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn asking_at_the_door_writes_nothing_and_only_what_we_wrote_is_read_back() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let before = vault.count(Table::Ticket).await.unwrap();
        let mut asked = Vec::new();
        for number in 0..50 {
            asked.push(vault.begin_ceremony(Ceremony::SignIn, format!("question {number}")).await.unwrap());
        }
        assert_eq!(vault.count(Table::Ticket).await.unwrap(), before, "whoever asks leaves no rows behind");
        let written = asked[0].expose();
        for at in 0..written.len() {
            let mut forged = written.clone();
            let other = if &forged[at..=at] == "A" { "B" } else { "A" };
            forged.replace_range(at..=at, other);
            assert_eq!(vault.end_ceremony(&forged, Ceremony::SignIn).await.unwrap(), None, "letter {at} is another");
        }
        for broken in ["", "AA", &written[..written.len() - 1], &format!("{written}AA")] {
            assert_eq!(vault.end_ceremony(broken, Ceremony::SignIn).await.unwrap(), None, "{broken}");
        }
        let answer = vault.end_ceremony(written, Ceremony::SignIn).await.unwrap();
        assert_eq!(answer.as_deref(), Some("question 0"));
    }
}

/// A sign-in by password and this use of a key.
async fn with_key(
    scene: &Scene,
    user: access::identity::UserId,
    used: PasskeyUse,
) -> Outcome<(crate::store::vault::Bearer, crate::store::vault::SessionRecord)> {
    let held = scene.tried(user).await;
    scene.pass_second(held, Method::Totp, Spend::Passkey(used)).await
}

async fn enrolled(scene: &Scene, user: access::identity::UserId) -> Methods {
    scene.vault.person(user).await.unwrap().unwrap().enrolled
}

fn key(vault: &crate::store::vault::Vault, name: &str) -> NewPasskey {
    let id: Digest = vault.passkey_id(name.as_bytes());
    NewPasskey { id, name: name.to_owned(), verifies: true, counter: 0, credential: "{}".to_owned() }
}

fn codes() -> Vec<TypedSecret> {
    (0..10).map(|number| TypedSecret::from_random([number; 10])).collect()
}
