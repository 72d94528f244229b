//! Bearer tokens and their text.

use std::time::Duration;

use access::identity::UserId;
use access::{Secret, token};

use super::scene::*;
use crate::store::vault::VaultError;
use crate::store::{Cursor, Notice};

#[tokio::test]
async fn a_tokens_text_leads_to_it_and_its_secret_fits_no_other() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let owner = scene.add("ana").await.person.id;
        let (record, text) = vault.add_token(new_token(&scene, owner), entry()).await.unwrap();
        let (other, _) = vault.add_token(new_token(&scene, owner), entry()).await.unwrap();
        let (id, secret) = token::parse(text.expose()).unwrap();
        assert_eq!(vault.token(id).await.unwrap(), Some(record.clone()));
        assert!(vault.check_token_secret(&record, &secret));
        assert!(!vault.check_token_secret(&other, &secret));
        assert!(!vault.check_token_secret(&record, &Secret::new([0; 32])));
    }
}

#[tokio::test]
async fn a_revoked_token_is_gone_for_good_and_the_feed_tells_of_it() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let owner = scene.add("ana").await.person.id;
        let (record, _) = vault.add_token(new_token(&scene, owner), entry()).await.unwrap();
        let cursor = vault.feed(Cursor::START).await.unwrap().cursor;
        assert!(vault.revoke_token(record.id, entry()).await.unwrap());
        assert_eq!(vault.feed(cursor).await.unwrap().notices, [Notice::Token(record.id)]);
        vault.touch_tokens(&[(record.id, scene.clock.now(), address(1).ip())]).await.unwrap();
        assert_eq!(vault.token(record.id).await.unwrap(), None);
        assert_eq!((vault.tokens(Some(owner)).await.unwrap(), vault.tokens(None).await.unwrap()), (vec![], vec![]));
        assert!(!vault.revoke_token(record.id, entry()).await.unwrap());
    }
}

#[tokio::test]
async fn tokens_are_listed_for_one_owner_and_for_all() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, bob) = (scene.add("ana").await.person.id, scene.add("bob").await.person.id);
        let (one, _) = vault.add_token(new_token(&scene, ana), entry()).await.unwrap();
        vault.add_token(new_token(&scene, bob), entry()).await.unwrap();
        assert_eq!(vault.tokens(Some(ana)).await.unwrap(), std::slice::from_ref(&one));
        assert_eq!(vault.tokens(None).await.unwrap().len(), 2);
        let at = scene.clock.now();
        vault.touch_tokens(&[(one.id, at, address(3).ip())]).await.unwrap();
        assert_eq!(vault.token(one.id).await.unwrap().unwrap().last_used, Some((at, address(3).ip())));
    }
}

#[tokio::test]
async fn uses_of_many_tokens_are_noted_together_and_never_go_back() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let owner = scene.add("ana").await.person.id;
        let mut ids = Vec::new();
        for _ in 0..150 {
            ids.push(vault.add_token(new_token(&scene, owner), entry()).await.unwrap().0.id);
        }
        let (now, gone) = (scene.clock.now(), ids.remove(70));
        assert!(vault.revoke_token(gone, entry()).await.unwrap());
        let later = now + Duration::from_secs(60);
        let (here, there) = (address(3).ip(), address(4).ip());
        // The same token twice, and the later use first.
        let mut used: Vec<_> = ids.iter().map(|id| (*id, later, here)).collect();
        used.extend([(ids[1], now, there), (gone, later, here)]);
        vault.touch_tokens(&used).await.unwrap();
        vault.touch_tokens(&[(ids[0], now, there)]).await.unwrap();
        for id in ids {
            assert_eq!(vault.token(id).await.unwrap().unwrap().last_used, Some((later, here)));
        }
        assert_eq!(vault.token(gone).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_expired_token_can_still_be_called_expired_for_thirty_days() {
    for scene in scenes().await {
        let owner = scene.add("ana").await.person.id;
        let (record, _) = scene.vault.add_token(new_token(&scene, owner), entry()).await.unwrap();
        scene.pass(60 + 30 * 24 * 60 * 60 - 1);
        scene.vault.sweep().await.unwrap();
        assert!(scene.vault.token(record.id).await.unwrap().unwrap().expires < scene.clock.now());
        scene.pass(1);
        assert_eq!(scene.vault.token(record.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn nobody_gets_no_token() {
    let scene = Scene::memory().await;
    let answer = scene.vault.add_token(new_token(&scene, UserId([1; 16])), entry()).await;
    assert!(matches!(answer, Err(VaultError::Unknown(_))));
}
