//! From the portal to an app host.

use access::identity::AppName;

use super::scene::*;
use crate::store::vault::{Digest, Force, Outcome, SessionKind};

fn crm() -> AppName {
    AppName::parse("crm").unwrap()
}

fn browser(scene: &Scene) -> Digest {
    scene.vault.digest("browser", b"a nonce in a cookie")
}

async fn portal(scene: &Scene) -> (Digest, super::super::SessionRecord) {
    let id = scene.add("ana").await.person.id;
    let (secret, session) = scene.sign_in(id).await;
    (scene.vault.digest("session", secret.expose().as_bytes()), session)
}

#[tokio::test]
async fn a_hand_off_opens_a_child_of_the_portal_session_once() {
    for scene in scenes().await {
        let (parent, session) = portal(&scene).await;
        scene.pass(10);
        let ticket = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
        let app = crm();
        let take = || scene.vault.take_hand_off(ticket.expose(), &app, browser(&scene));
        let (secret, child) = done(take().await.unwrap());
        let expected = super::super::SessionRecord { kind: SessionKind::App(crm()), ..session.clone() };
        assert_eq!(child, expected, "it is what its parent is");
        let digest = scene.vault.digest("session", secret.expose().as_bytes());
        assert_eq!(scene.vault.session(digest).await.unwrap(), Some(child));
        assert!(is_gone(&take().await.unwrap()));
        assert_eq!(scene.vault.sessions(None).await.unwrap(), [session], "it is no sign-in of its own");
        scene.pass(24 * 60 * 60 - 10);
        assert_eq!(scene.vault.session(digest).await.unwrap(), None, "it ends when its parent does");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_take_one_hand_off_at_the_same_time_one_gets_it() {
    for scene in scenes().await {
        let (parent, _) = portal(&scene).await;
        let ticket = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
        let answers = together(32, |_| {
            let (vault, ticket, browser) = (scene.vault.clone(), ticket.clone(), browser(&scene));
            async move { vault.take_hand_off(ticket.expose(), &crm(), browser).await.unwrap() }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| !is_gone(answer)).count(), 1);
    }
}

#[tokio::test]
async fn the_wrong_app_or_browser_burns_the_ticket() {
    for scene in scenes().await {
        let (parent, _) = portal(&scene).await;
        let wiki = AppName::parse("wiki").unwrap();
        let stranger = scene.vault.digest("browser", b"another nonce");
        for (app, shown) in [(&wiki, browser(&scene)), (&crm(), stranger)] {
            let ticket = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
            assert!(is_gone(&scene.vault.take_hand_off(ticket.expose(), app, shown).await.unwrap()));
            let rightly = scene.vault.take_hand_off(ticket.expose(), &crm(), browser(&scene)).await.unwrap();
            assert!(is_gone(&rightly), "it is burnt");
        }
    }
}

#[tokio::test]
async fn a_hand_off_is_gone_after_thirty_seconds() {
    for scene in scenes().await {
        let (parent, _) = portal(&scene).await;
        let [early, late] = [29, 1];
        let first = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
        let second = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
        scene.pass(early);
        let _ = done(scene.vault.take_hand_off(first.expose(), &crm(), browser(&scene)).await.unwrap());
        scene.pass(late);
        assert!(is_gone(&scene.vault.take_hand_off(second.expose(), &crm(), browser(&scene)).await.unwrap()));
    }
}

#[tokio::test]
async fn a_hand_off_is_gone_when_its_portal_session_is_over() {
    for scene in scenes().await {
        for how in ["ended", "signed out", "disabled", "never there"] {
            let id = scene.add(&how.replace(' ', ".")).await.person.id;
            let (secret, session) = scene.sign_in(id).await;
            let mut parent = scene.vault.digest("session", secret.expose().as_bytes());
            match how {
                "ended" => assert!(scene.vault.end_session(session.id, entry()).await.unwrap()),
                "signed out" => assert_eq!(scene.vault.sign_out_person(id, entry()).await.unwrap(), 1),
                "disabled" => drop(scene.vault.disable_person(id, Force::No, entry()).await.unwrap()),
                _ => parent = Digest([0; 32]),
            }
            let ticket = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
            let taken = scene.vault.take_hand_off(ticket.expose(), &crm(), browser(&scene)).await.unwrap();
            assert!(is_gone(&taken), "{how}");
        }
    }
}

#[tokio::test]
async fn an_app_session_hands_nothing_off() {
    for scene in scenes().await {
        let (parent, _) = portal(&scene).await;
        let ticket = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
        let (child, _) = done(scene.vault.take_hand_off(ticket.expose(), &crm(), browser(&scene)).await.unwrap());
        let child = scene.vault.digest("session", child.expose().as_bytes());
        let ticket = scene.vault.issue_hand_off(child, crm(), browser(&scene)).await.unwrap();
        assert!(is_gone(&scene.vault.take_hand_off(ticket.expose(), &crm(), browser(&scene)).await.unwrap()));
    }
}

#[tokio::test]
async fn with_the_portal_session_its_app_sessions_end() {
    for scene in scenes().await {
        let (parent, session) = portal(&scene).await;
        let ticket = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
        let (child, _) = done(scene.vault.take_hand_off(ticket.expose(), &crm(), browser(&scene)).await.unwrap());
        let child = scene.vault.digest("session", child.expose().as_bytes());
        assert!(scene.vault.end_session(session.id, entry()).await.unwrap());
        assert_eq!(scene.vault.session(child).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_app_session_outlives_an_end_that_races_with_its_hand_off() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        for _ in 0..20 {
            let (secret, session) = scene.sign_in(id).await;
            let parent = scene.vault.digest("session", secret.expose().as_bytes());
            let ticket = scene.vault.issue_hand_off(parent, crm(), browser(&scene)).await.unwrap();
            let taking = tokio::spawn({
                let (vault, browser) = (scene.vault.clone(), browser(&scene));
                async move { vault.take_hand_off(ticket.expose(), &crm(), browser).await.unwrap() }
            });
            let ending = tokio::spawn({
                let vault = scene.vault.clone();
                async move { vault.end_session(session.id, entry()).await.unwrap() }
            });
            assert!(ending.await.unwrap());
            if let Outcome::Done((secret, _)) = taking.await.unwrap() {
                let child = scene.vault.digest("session", secret.expose().as_bytes());
                assert_eq!(scene.vault.session(child).await.unwrap(), None);
            }
        }
    }
}
