//! Opening, closing, the audit trail, the feed and sweeping.

use std::time::Duration;

use access::identity::LoginName;
use access::totp::TotpSecret;

use super::scene::*;
use crate::audit::{Actor, Entry};
use crate::store::vault::{Backing, Vault};
use crate::store::{Batch, Cursor, Notice, Store, StoreError, Table, Write};

#[tokio::test]
async fn everything_is_there_again_after_closing() {
    let mut scene = Scene::redb().await;
    let ana = scene.add("ana").await;
    let id = ana.person.id;
    scene.vault.set_password(id, cheap_hash(19_456, 'a'), entry()).await.unwrap();
    let codes = scene.vault.enrol_totp(id, &TotpSecret::from_random([7; 20]), entry()).await.unwrap();
    let (secret, session) = scene.sign_in(id).await;
    let pem = scene.vault.assertion_key().await.unwrap();
    let generations = scene.vault.generations();
    let person = scene.vault.person(id).await.unwrap();

    scene.reopen().await;
    let vault = &scene.vault;
    assert_eq!(vault.person_called(&LoginName::parse("ana").unwrap()).await.unwrap(), person);
    let digest = vault.digest("session", secret.expose().as_bytes());
    assert_eq!(vault.session(digest).await.unwrap(), Some(session));
    assert_eq!(vault.password(id).await.unwrap().unwrap().as_phc(), cheap_hash(19_456, 'a').as_phc());
    assert_eq!((codes.len(), vault.recovery_left(id).await.unwrap()), (10, 10));
    assert_eq!(vault.assertion_key().await.unwrap().expose(), pem.expose());
    assert_eq!(vault.generations(), generations);
    assert_eq!(vault.verify_audit().await.unwrap().broken, None);
    assert!(generations.store != 0 && generations.person == 0);
}

#[tokio::test]
async fn a_store_that_is_open_is_in_use() {
    let scene = Scene::redb().await;
    let second = Vault::open(&scene.backing, scene.clock.clone()).await;
    assert_eq!(second.map(drop), Err(StoreError::InUse));
}

#[tokio::test]
async fn another_key_does_not_open_the_store_and_says_so() {
    let mut scene = Scene::redb().await;
    let ana = scene.add("ana").await;
    let Backing::Redb { key_file, .. } = scene.backing.clone() else { panic!("not a file") };
    scene.close().await;
    let right = std::fs::read(&key_file).unwrap();
    std::fs::write(&key_file, data_encoding::BASE64.encode(&[5; 32])).unwrap();
    let error = Vault::open(&scene.backing, scene.clock.clone()).await.map(drop).unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(why) if why.contains("another key")), "{error}");
    std::fs::remove_file(&key_file).unwrap();
    let error = Vault::open(&scene.backing, scene.clock.clone()).await.map(drop).unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(why) if why.contains("its key file")), "{error}");
    assert!(!key_file.exists(), "no new key is made");
    Scene::write_key(&key_file, &right);
    scene.reopen().await;
    assert_eq!(scene.vault.person(ana.person.id).await.unwrap(), Some(ana), "and nothing was harmed");
}

#[tokio::test]
async fn a_store_of_a_newer_program_is_left_alone() {
    let mut scene = Scene::redb().await;
    let value = 2_u32.to_be_bytes().to_vec();
    let newer = Write::Put { table: Table::Meta, key: b"schema".to_vec(), expires: None, value };
    let batch = Batch { writes: vec![newer], ..Batch::default() };
    let _ = scene.vault.store().apply(batch).await.unwrap();
    scene.close().await;
    let error = Vault::open(&scene.backing, scene.clock.clone()).await.map(drop).unwrap_err();
    assert_eq!(error, StoreError::TooNew { found: 2, known: 1 });
}

#[tokio::test]
async fn a_row_put_in_another_ones_place_does_not_open() {
    for scene in scenes().await {
        let (ana, bob) = (scene.add("ana").await.person.id, scene.add("bob").await.person.id);
        let stolen = scene.vault.store().get(Table::Person, &bob.0).await.unwrap().unwrap().value;
        let swap = Write::Put { table: Table::Person, key: ana.0.to_vec(), expires: None, value: stolen };
        let _ = scene.vault.store().apply(Batch { writes: vec![swap], ..Batch::default() }).await.unwrap();
        assert!(matches!(scene.vault.person(ana).await, Err(StoreError::Corrupt(_))));
    }
}

#[tokio::test]
async fn every_change_is_in_the_trail_in_order_and_the_trail_fits() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let act = |act: &str| Entry::new(Actor::Console, act).from(address(1).ip()).detail("why not");
        let (ana, _) = vault.add_person(someone("ana", &[]), act("user.add").on("ana")).await.unwrap();
        scene.pass(1);
        let (_, session) = scene.sign_in(ana.person.id).await;
        vault.note(act("config.reload")).await.unwrap();
        let (token, _) = vault.add_token(new_token(&scene, ana.person.id), act("token.add")).await.unwrap();
        let rows = vault.audit_rows(1, 100).await.unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.number, row.entry.act.as_str(), row.entry.on.clone())).collect();
        let expected = [
            (1, "user.add", Some("ana".to_owned())),
            (2, "test", Some(format!("session {}", session.id))),
            (3, "config.reload", None),
            (4, "token.add", Some(format!("token {}", token.id))),
        ];
        assert_eq!(told, expected);
        assert_eq!(rows[1].at, scene.clock.now().millis());
        assert_eq!(rows[1].at - rows[0].at, 1_000);
        assert_eq!(vault.audit_rows(3, 1).await.unwrap(), rows[2..3]);
        let verified = vault.verify_audit().await.unwrap();
        assert_eq!((verified.rows, verified.broken), (4, None));
    }
}

#[tokio::test]
async fn a_trail_longer_than_a_page_is_walked_to_its_end() {
    let scene = Scene::memory().await;
    for _ in 0..1_234 {
        scene.vault.note(entry()).await.unwrap();
    }
    let verified = scene.vault.verify_audit().await.unwrap();
    assert_eq!((verified.rows, verified.broken), (1_234, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trail_is_verified_while_it_grows() {
    for scene in scenes().await {
        let writing = tokio::spawn({
            let vault = scene.vault.clone();
            async move {
                for _ in 0..200 {
                    vault.note(entry()).await.unwrap();
                }
            }
        });
        while !writing.is_finished() {
            assert_eq!(scene.vault.verify_audit().await.unwrap().broken, None);
        }
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn what_a_refused_act_would_have_said_is_not_in_the_trail() {
    for scene in scenes().await {
        scene.add("ana").await;
        let before = scene.vault.audit_rows(1, 100).await.unwrap();
        assert!(scene.vault.add_person(someone("ana", &[]), entry()).await.is_err());
        assert_eq!(scene.vault.audit_rows(1, 100).await.unwrap(), before);
    }
}

#[tokio::test]
async fn who_follows_the_feed_is_woken_by_a_change() {
    for scene in scenes().await {
        let cursor = scene.vault.feed(Cursor::START).await.unwrap().cursor;
        let vault = scene.vault.clone();
        let woken = tokio::spawn(async move { vault.changed_after(cursor).await });
        let ana = scene.add("ana").await;
        woken.await.unwrap();
        assert_eq!(scene.vault.feed(cursor).await.unwrap().notices, [Notice::Person(ana.person.id)]);
        let (bob, ()) = tokio::join!(biased; async { tokio::task::yield_now().await; scene.add("bob").await }, scene.vault.changed());
        assert_eq!(bob.full_name, "bob of the house");
        let quiet = tokio::time::timeout(Duration::from_millis(20), scene.vault.changed());
        assert!(quiet.await.is_err());
    }
}

#[tokio::test]
async fn a_sweep_removes_what_is_over_and_nothing_else() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, invitation) = vault.add_person(someone("ana", &[]), entry()).await.unwrap();
        let id = ana.person.id;
        vault.begin_flow(scene.flow(id), scene.ground(id).await, None, None).await.unwrap();
        assert!(vault.reserve_attempt("ana", address(1)).await.unwrap().is_ok());
        let (secret, _) = scene.sign_in(id).await;
        assert_eq!(vault.sweep().await.unwrap(), 0);
        scene.pass(10 * 60);
        assert_eq!(vault.sweep().await.unwrap(), 0, "what expires this very moment is left");
        scene.pass(1);
        assert_eq!(vault.sweep().await.unwrap(), 1, "the flow");
        assert!(vault.invited(invitation.expose()).await.unwrap().is_some());
        let digest = vault.digest("session", secret.expose().as_bytes());
        assert!(vault.session(digest).await.unwrap().is_some());
        scene.pass(24 * 60 * 60);
        assert_eq!(vault.sweep().await.unwrap(), 7, "invitation and its index, session rows, counters");
        assert_eq!(vault.people().await.unwrap().len(), 1);
        assert_eq!(vault.verify_audit().await.unwrap().broken, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_assertion_key_is_made_once() {
    for scene in scenes().await {
        let keys = together(8, |_| {
            let vault = scene.vault.clone();
            async move { vault.assertion_key().await.unwrap().expose().clone() }
        })
        .await;
        assert!(keys.iter().all(|key| *key == keys[0] && key.starts_with("-----BEGIN PRIVATE KEY-----\n")));
    }
}
