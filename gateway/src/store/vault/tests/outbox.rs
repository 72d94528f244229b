//! What is sent, by whom, and how long; and the links that choose passwords.

use std::time::Duration;

use access::identity::Email;
use access::login::{self, Flow, Input, Next, Stage};
use access::policy::Method;
use access::totp::{Step, TotpSecret};

use super::scene::*;
use crate::store::vault::{After, By, Change, Ends, Errand, Letter, Message, Opening, Outcome, Spend, Waiting};

#[tokio::test]
async fn of_several_couriers_one_has_a_message() {
    for scene in scenes().await {
        let vault = &scene.vault;
        vault.note_forgotten(email("ana@acme.example"), address(1)).await.unwrap();
        let seen = vault.errands(By::Mail, 10).await.unwrap().remove(0);
        let soon = scene.clock.now() + Duration::from_secs(120);
        let (one, other) = tokio::join!(vault.claim(seen.clone(), soon), vault.claim(seen, soon));
        let mut claimed: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
        assert_eq!(claimed.len(), 1);
        let claimed = claimed.remove(0);
        assert_eq!(claimed.tries, 1);
        assert!(vault.errands(By::Mail, 10).await.unwrap().is_empty(), "it is somebody's");

        // Who claimed it does not come back: another takes over, and the first one's word counts no more.
        scene.clock.advance(Duration::from_secs(120));
        let again = vault.errands(By::Mail, 10).await.unwrap().remove(0);
        let again = vault.claim(again, scene.clock.now() + Duration::from_secs(120)).await.unwrap().unwrap();
        vault.settle(&claimed).await.unwrap();
        vault.put_off(claimed, scene.clock.now()).await.unwrap();
        assert!(vault.errands(By::Mail, 10).await.unwrap().is_empty());
        vault.settle(&again).await.unwrap();
        scene.clock.advance(Duration::from_secs(240));
        assert!(vault.errands(By::Mail, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_was_put_off_stands_behind_what_is_due_and_is_the_same_message_when_its_time_comes() {
    for scene in scenes().await {
        let vault = &scene.vault;
        for name in ["ana", "bo", "cai"] {
            vault.note_forgotten(email(&format!("{name}@acme.example")), address(1)).await.unwrap();
            scene.pass(1);
        }
        let first = vault.errands(By::Mail, 1).await.unwrap().remove(0);
        let id = first.id();
        let claimed = vault.claim(first, scene.clock.now() + Duration::from_secs(120)).await.unwrap().unwrap();
        vault.put_off(claimed, scene.clock.now() + Duration::from_secs(30)).await.unwrap();
        let ids = |waiting: &[Waiting]| waiting.iter().map(Waiting::id).collect::<Vec<_>>();
        let due = vault.errands(By::Mail, 10).await.unwrap();
        assert!(due.len() == 2 && !ids(&due).contains(&id), "{:?}", ids(&due));
        assert!(vault.errands(By::Telephone, 10).await.unwrap().is_empty());
        scene.pass(30);
        let due = vault.errands(By::Mail, 10).await.unwrap();
        assert_eq!(ids(&due).last(), Some(&id), "{:?}", ids(&due));
        assert_eq!((due.len(), due[2].tries), (3, 1));
        // And the last of them, which nobody else has claimed.
        let claimed = vault.claim(due[2].clone(), scene.clock.now()).await.unwrap().unwrap();
        assert!(vault.claim(due[2].clone(), scene.clock.now()).await.unwrap().is_none(), "it was claimed");
        vault.settle(&claimed).await.unwrap();
        assert_eq!(vault.errands(By::Mail, 10).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_message_that_has_lost_its_sense_is_not_there_any_more() {
    for scene in scenes().await {
        let vault = &scene.vault;
        vault.note_forgotten(email("ana@acme.example"), address(1)).await.unwrap();
        scene.clock.advance(Duration::from_secs(599));
        assert_eq!(vault.errands(By::Mail, 10).await.unwrap().len(), 1);
        scene.clock.advance(Duration::from_secs(1));
        assert!(vault.errands(By::Mail, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn changes_are_told_only_where_mails_can_be_sent() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        vault.add_token(new_token(&scene, id), entry()).await.unwrap();
        assert!(vault.errands(By::Mail, 10).await.unwrap().is_empty());
        vault.tell_changes(true);
        vault.add_token(new_token(&scene, id), entry()).await.unwrap();
        let told = vault.errands(By::Mail, 10).await.unwrap();
        let [waiting] = told.as_slice() else { panic!("{told:?}") };
        let Errand::Deliver(Message { letter: Letter::Changed { what, by_administrator, .. }, .. }) = &waiting.errand
        else {
            panic!("{waiting:?}")
        };
        assert!(matches!(what, Change::Token(_)) && *by_administrator);
    }
}

#[tokio::test]
async fn a_link_chooses_one_password_and_ends_every_session() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let ana = scene.add("ana").await;
        let id = ana.person.id;
        vault.set_password(id, cheap_hash(19_456, 'A'), entry()).await.unwrap();
        let (_, session) = scene.sign_in(id).await;
        let address = ana.email.clone().unwrap();
        vault.recover(id, &address, entry()).await.unwrap();
        let secret = link(&scene).await;
        assert_eq!(vault.resettable(&secret).await.unwrap().map(|person| person.person.id), Some(id));
        assert!(vault.resettable("another").await.unwrap().is_none());
        let (one, other) = tokio::join!(
            vault.reset_password(&secret, cheap_hash(19_456, 'B'), Ends::default(), entry()),
            vault.reset_password(&secret, cheap_hash(19_456, 'C'), Ends::default(), entry()),
        );
        let done = [one.unwrap(), other.unwrap()].into_iter().filter(|outcome| matches!(outcome, Outcome::Done(_)));
        assert_eq!(done.count(), 1);
        assert!(vault.sessions(Some(id)).await.unwrap().iter().all(|open| open.id != session.id));
        assert!(vault.resettable(&secret).await.unwrap().is_none());
    }
}

async fn link(scene: &Scene) -> String {
    let waiting = scene.vault.errands(By::Mail, 10).await.unwrap().remove(0);
    let Errand::Deliver(Message { letter: Letter::Reset { secret }, .. }) = waiting.errand else { panic!("a link") };
    secret.expose().clone()
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

#[tokio::test]
async fn whoever_was_signed_out_everywhere_changes_nothing_any_more() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        vault.set_password(id, cheap_hash(19_456, 'A'), entry()).await.unwrap();
        let (_, session) = scene.sign_in(id).await;
        let thief = vault.standing_on(&vault.person(id).await.unwrap().unwrap());
        thief.add_token(new_token(&scene, id), entry()).await.expect("while they are there");
        vault.sign_out_person(id, entry()).await.unwrap();
        assert!(thief.add_token(new_token(&scene, id), entry()).await.is_err());
        let changed = thief.change_password(id, cheap_hash(19_456, 'B'), Ends::default(), session.id, entry()).await;
        assert!(changed.is_err());
        assert_eq!(vault.password(id).await.unwrap().unwrap().as_phc(), cheap_hash(19_456, 'A').as_phc());
        assert!(matches!(thief.renew_recovery(id, entry()).await, Ok(None)));
    }
}

#[tokio::test]
async fn people_are_told_in_what_they_chose_or_first_signed_in_in() {
    use crate::words::Language::{English, Japanese, Spanish};
    use crate::words::Wish::{Browser, Chosen};
    for scene in scenes().await {
        let vault = &scene.vault;
        vault.tell_changes(true);
        let id = scene.add("ana").await.person.id;
        vault.add_token(new_token(&scene, id), entry()).await.unwrap();
        for wish in [Some(Browser(Spanish)), None, Some(Browser(Japanese)), Some(Chosen(Japanese))] {
            let after = After::Password(scene.ground(id).await);
            let opening = Opening { wish, ..scene.opening() };
            let opened = vault.open_session(scene.proof(id), after, Spend::Nothing, opening, entry()).await;
            assert!(matches!(opened, Ok(Outcome::Done(_))));
            scene.pass(1);
            vault.add_token(new_token(&scene, id), entry()).await.unwrap();
        }
        let told = vault.errands(By::Mail, 10).await.unwrap();
        let spoken = told.iter().filter_map(|waiting| match &waiting.errand {
            Errand::Deliver(message) => Some(message.language),
            Errand::Forgotten { .. } => None,
        });
        assert_eq!(spoken.collect::<Vec<_>>(), [English, Spanish, Spanish, Spanish, Japanese]);
    }
}

#[tokio::test]
async fn whoever_sets_something_up_in_another_language_does_not_choose_what_the_owner_is_told_in() {
    use crate::words::Language::{Japanese, Spanish};
    use crate::words::Wish::Chosen;
    for scene in scenes().await {
        let vault = &scene.vault;
        vault.tell_changes(true);
        let id = scene.add("ana").await.person.id;
        let opened = |wish, spend, after, proved| {
            vault.open_session(proved, after, spend, Opening { wish: Some(Chosen(wish)), ..scene.opening() }, entry())
        };
        let after = After::Password(scene.ground(id).await);
        assert!(matches!(opened(Spanish, Spend::Nothing, after, scene.proof(id)).await, Ok(Outcome::Done(_))));

        let secret = TotpSecret::from_random(*b"a secret of 20 bytes");
        let flow = Flow { stage: Stage::SetUp, ..scene.flow(id) };
        let flow = vault.begin_flow(flow, scene.ground(id).await, Some(secret.clone()), None).await.unwrap();
        let held = vault.try_flow(flow.expose()).await.unwrap().unwrap();
        let Next::Done(proved) = login::advance(&held.flow, Input::SetUpRight(Method::Totp), scene.clock.now()) else {
            panic!("not done")
        };
        let spend = Spend::SetUp { secret, step: Step(1), recovery: Vec::new(), replaces: false };
        assert!(matches!(opened(Japanese, spend, After::Flow(held), proved).await, Ok(Outcome::Done(_))));
        let told = vault.errands(By::Mail, 10).await.unwrap();
        let [waiting] = told.as_slice() else { panic!("{told:?}") };
        let Errand::Deliver(Message { language, letter, .. }) = &waiting.errand else { panic!("{waiting:?}") };
        assert!(matches!(letter, Letter::Changed { what: Change::Authenticator, .. }), "{letter:?}");
        assert_eq!(*language, Spanish, "what the owner had chosen before");
    }
}
