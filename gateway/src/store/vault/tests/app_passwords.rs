//! App passwords and their rows.

use std::time::Duration;

use access::Timestamp;
use access::identity::{LoginName, UserId};
use access::secret::TypedSecret;

use super::scene::*;
use crate::store::vault::{AppPasswordRecord, Force, LastUse, NewAppPassword, Vault, VaultError};
use crate::store::{Cursor, Notice};

#[tokio::test]
async fn its_letters_lead_to_it_with_its_owners_name_and_with_no_other() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, bob) = (scene.add("ana").await.person.id, scene.add("bob").await.person.id);
        let (record, secret) = made(vault, ana).await;
        let (other, _) = made(vault, ana).await;
        assert_ne!(record.digest, other.digest);
        assert_eq!(shown(vault, ana, &secret).await, Some(record));
        assert_eq!(shown(vault, bob, &secret).await, None, "bound to its owner");
        assert_eq!(shown(vault, ana, &TypedSecret::from_random([0; 10])).await, None);
        let typed = TypedSecret::parse(&secret.grouped().to_lowercase()).unwrap();
        assert!(shown(vault, ana, &typed).await.is_some(), "as it was typed");
    }
}

#[tokio::test]
async fn a_revoked_one_is_gone_for_good_and_the_feed_tells_of_it() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let ana = scene.add("ana").await.person.id;
        let ((record, secret), (kept, _)) = (made(vault, ana).await, made(vault, ana).await);
        let (cursor, rows) = (vault.feed(Cursor::START).await.unwrap().cursor, audited(vault).await);
        assert!(vault.revoke_app_password((ana, record.digest), entry()).await.unwrap());
        assert_eq!(vault.feed(cursor).await.unwrap().notices, [Notice::AppPassword(record.id)]);
        assert_eq!(audited(vault).await, rows + 1);
        let used = LastUse { at: scene.clock.now(), from: address(1).ip(), client: String::new() };
        vault.touch_app_passwords(vec![((ana, record.digest), used)]).await.unwrap();
        assert_eq!(shown(vault, ana, &secret).await, None);
        assert_eq!(vault.app_passwords(Some(ana)).await.unwrap(), [kept]);
        assert!(!vault.revoke_app_password((ana, record.digest), entry()).await.unwrap());
        assert_eq!(audited(vault).await, rows + 1, "nothing happened");
    }
}

#[tokio::test]
async fn a_person_has_fifty_at_most_and_others_have_their_own() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, bob) = (scene.add("ana").await.person.id, scene.add("bob").await.person.id);
        for _ in 0..50 {
            made(vault, ana).await;
        }
        assert!(vault.add_app_password(new_app_password(ana), entry()).await.unwrap().is_none());
        made(vault, bob).await;
        assert_eq!(vault.app_passwords(Some(ana)).await.unwrap().len(), 50);
        assert_eq!(vault.app_passwords(None).await.unwrap().len(), 51);
    }
}

#[tokio::test]
async fn it_outlives_a_new_password_and_a_sign_out_and_goes_with_its_owner() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, bob) = (scene.add("ana").await.person.id, scene.add("bob").await.person.id);
        let ((record, secret), (of_bob, _)) = (made(vault, ana).await, made(vault, bob).await);
        vault.set_password(ana, cheap_hash(19_456, 'b'), entry()).await.unwrap();
        vault.sign_out_person(ana, entry()).await.unwrap();
        assert_eq!(shown(vault, ana, &secret).await, Some(record.clone()));
        let cursor = vault.feed(Cursor::START).await.unwrap().cursor;
        vault.delete_person(ana, Force::Yes, entry()).await.unwrap();
        assert!(vault.feed(cursor).await.unwrap().notices.contains(&Notice::AppPassword(record.id)));
        assert_eq!(vault.app_passwords(None).await.unwrap(), [of_bob]);
        let nobody = vault.add_app_password(new_app_password(ana), entry()).await;
        assert!(matches!(nobody, Err(VaultError::Unknown(_))));
    }
}

#[tokio::test]
async fn uses_are_noted_together_and_never_go_back() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let mut keys = Vec::new();
        for name in ["ana", "bob", "eve"] {
            let id = scene.add(name).await.person.id;
            for _ in 0..50 {
                keys.push((id, made(vault, id).await.0.digest));
            }
        }
        let now = scene.clock.now();
        let used = |seconds, last, client: &str| LastUse {
            at: now + Duration::from_secs(seconds),
            from: address(last).ip(),
            client: client.to_owned(),
        };
        let later = used(60, 3, &"DAVx5".repeat(100));
        let mut all = keys.iter().map(|key| (*key, later.clone())).collect::<Vec<_>>();
        all.push((keys[1], used(0, 4, "earlier")));
        vault.touch_app_passwords(all).await.unwrap();
        vault.touch_app_passwords(vec![(keys[0], used(0, 4, "earlier"))]).await.unwrap();
        for key in keys {
            let last = vault.app_password(key).await.unwrap().unwrap().last_used.unwrap();
            assert_eq!((last.at, last.from), (later.at, later.from));
            assert_eq!(last.client, "DAVx5".repeat(16), "eighty characters of it");
        }
    }
}

#[tokio::test]
async fn an_expired_one_can_still_be_called_expired_for_thirty_days_and_others_never_go() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let ana = scene.add("ana").await.person.id;
        let (_, lasting) = made(vault, ana).await;
        let brief = NewAppPassword { expires: scene.clock.now() + Duration::from_secs(60), ..new_app_password(ana) };
        let (_, brief) = vault.add_app_password(brief, entry()).await.unwrap().unwrap();
        scene.pass(60 + 30 * 24 * 60 * 60 - 1);
        vault.sweep().await.unwrap();
        assert!(shown(vault, ana, &brief).await.unwrap().expires < scene.clock.now());
        scene.pass(1);
        assert_eq!(shown(vault, ana, &brief).await, None);
        scene.pass(100 * 365 * 24 * 60 * 60);
        vault.sweep().await.unwrap();
        assert_eq!(shown(vault, ana, &lasting).await.unwrap().expires, Timestamp::NEVER);
    }
}

#[tokio::test]
async fn name_and_letters_have_one_digest_together_that_no_other_pair_has() {
    let vault = Scene::memory().await.vault;
    let digest =
        |login: &str, bytes| vault.basic_digest(&LoginName::parse(login).unwrap(), &TypedSecret::from_random(bytes));
    assert_eq!(digest("Ana", [7; 10]), digest(" ana", [7; 10]));
    for (login, bytes) in [("anna", [7; 10]), ("ana", [8; 10]), ("ana@acme.example", [7; 10])] {
        assert_ne!(digest("ana", [7; 10]), digest(login, bytes), "{login}");
    }
}

async fn made(vault: &Vault, owner: UserId) -> (AppPasswordRecord, TypedSecret) {
    vault.add_app_password(new_app_password(owner), entry()).await.unwrap().expect("there is room")
}

async fn shown(vault: &Vault, owner: UserId, secret: &TypedSecret) -> Option<AppPasswordRecord> {
    vault.app_password((owner, vault.app_password_digest(owner, secret))).await.unwrap()
}

async fn audited(vault: &Vault) -> u64 {
    vault.verify_audit().await.unwrap().rows
}
