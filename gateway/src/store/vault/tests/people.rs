//! People.

use super::scene::*;

#[tokio::test]
async fn whoever_was_added_is_found_by_id_name_and_address() {
    let scene = Scene::memory().await;
    let ana = scene.add("ana").await;
    assert_eq!(scene.vault.person(ana.person.id).await.unwrap(), Some(ana.clone()));
    let (secret, session) = scene.sign_in(ana.person.id).await;
    let digest = scene.vault.digest("session", secret.expose().as_bytes());
    assert_eq!(scene.vault.session(digest).await.unwrap(), Some(session.clone()));
    assert!(scene.vault.end_session(session.id, entry()).await.unwrap());
    assert_eq!(scene.vault.session(digest).await.unwrap(), None);
    assert_eq!(scene.vault.verify_audit().await.unwrap().broken, None);
    assert!(scene.vault.assertion_key().await.unwrap().expose().contains("BEGIN PRIVATE KEY"));
}
