//! A new password, and what ends with it (P6).

use access::policy::Method;
use access::totp::{Step, TotpSecret};

use super::scene::*;
use crate::store::vault::{After, Ended, Ends, SessionKind, Spend};

#[tokio::test]
async fn a_new_password_ends_what_was_chosen_and_nothing_else() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let others = scene.add("bob").await.person.id;
        let (_, of_others) = scene.sign_in(others).await;
        for number in 0..16 {
            let ends = Ends {
                browsers: number & 1 > 0,
                devices: number & 2 > 0,
                tokens: number & 4 > 0,
                app_passwords: number & 8 > 0,
            };
            let id = scene.add(&format!("ana{number}")).await.person.id;
            vault.set_password(id, cheap_hash(19_456, 'a'), entry()).await.unwrap();
            let ((_, this), (_, other)) = (scene.sign_in(id).await, scene.sign_in(id).await);
            let mut opening = scene.opening();
            opening.kind = SessionKind::Device;
            let after = After::Password(scene.ground(id).await);
            let device = vault.open_session(scene.proof(id), after, Spend::Nothing, opening, entry()).await.unwrap();
            let (_, device) = done(device);
            vault.add_token(new_token(&scene, id), entry()).await.unwrap();
            vault.add_app_password(new_app_password(id), entry()).await.unwrap();

            let audited = vault.verify_audit().await.unwrap().rows;
            let ended = vault.change_password(id, cheap_hash(19_456, 'b'), ends, this.id, entry()).await.unwrap();
            let sessions = usize::from(ends.browsers) + usize::from(ends.devices);
            let (tokens, app_passwords) = (usize::from(ends.tokens), usize::from(ends.app_passwords));
            assert_eq!(ended, Ended { sessions, tokens, app_passwords }, "{ends:?}");
            let told = 1 + u64::try_from(sessions + tokens + app_passwords).unwrap();
            assert_eq!(vault.verify_audit().await.unwrap().rows, audited + told);

            let left = vault.sessions(Some(id)).await.unwrap();
            let is_left = |session| left.iter().any(|left| left.id == session);
            assert!(is_left(this.id), "{ends:?}");
            assert_eq!((is_left(other.id), is_left(device.id)), (!ends.browsers, !ends.devices), "{ends:?}");
            assert_eq!(vault.tokens(Some(id)).await.unwrap().is_empty(), ends.tokens, "{ends:?}");
            assert_eq!(vault.app_passwords(Some(id)).await.unwrap().is_empty(), ends.app_passwords, "{ends:?}");
            assert_eq!(vault.password(id).await.unwrap().unwrap().as_phc(), cheap_hash(19_456, 'b').as_phc());
        }
        assert_eq!(vault.sessions(Some(others)).await.unwrap(), [of_others]);
    }
}

#[tokio::test]
async fn more_than_fits_into_one_batch_ends_as_well() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let (_, this) = scene.sign_in(id).await;
        for _ in 0..70 {
            scene.sign_in(id).await;
            vault.add_token(new_token(&scene, id), entry()).await.unwrap();
        }
        for _ in 0..50 {
            assert!(vault.add_app_password(new_app_password(id), entry()).await.unwrap().is_some());
        }
        let ends = Ends { browsers: true, devices: true, tokens: true, app_passwords: true };
        let ended = vault.change_password(id, cheap_hash(19_456, 'b'), ends, this.id, entry()).await.unwrap();
        assert_eq!(ended, Ended { sessions: 70, tokens: 70, app_passwords: 50 });
        assert_eq!(vault.sessions(Some(id)).await.unwrap(), [this]);
        assert_eq!(vault.tokens(Some(id)).await.unwrap(), []);
        assert_eq!(vault.app_passwords(Some(id)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_sign_in_with_the_old_password_opens_nothing_after_the_change() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        vault.set_password(id, cheap_hash(19_456, 'a'), entry()).await.unwrap();
        let (_, this) = scene.sign_in(id).await;
        // One is being hashed, the other waits for its second step.
        let before = scene.ground(id).await;
        let flow = vault.begin_flow(scene.flow(id), before, None, None).await.unwrap();
        vault.change_password(id, cheap_hash(19_456, 'b'), Ends::default(), this.id, entry()).await.unwrap();
        let after = After::Password(before);
        let opened = vault.open_session(scene.proof(id), after, Spend::Nothing, scene.opening(), entry()).await;
        assert!(is_gone(&opened.unwrap()));
        let held = vault.try_flow(flow.expose()).await.unwrap().unwrap();
        assert!(is_gone(&scene.pass_second(held, Method::Totp, Spend::Totp(Step(1))).await));
        assert_eq!(vault.sessions(Some(id)).await.unwrap(), [this]);
        scene.sign_in(id).await;
    }
}

#[tokio::test]
async fn new_recovery_codes_take_the_place_of_the_old_ones_and_need_a_key() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        assert!(vault.renew_recovery(id, entry()).await.unwrap().is_none());
        let old = vault.enrol_totp(id, &TotpSecret::from_random([7; 20]), entry()).await.unwrap();
        let new = vault.renew_recovery(id, entry()).await.unwrap().unwrap();
        assert_eq!((new.len(), vault.recovery_left(id).await.unwrap()), (10, 10));
        assert!(vault.has_recovery_code(id, &new[0]).await.unwrap());
        assert!(!vault.has_recovery_code(id, &old[0]).await.unwrap());
    }
}
