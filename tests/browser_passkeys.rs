//! Passkeys and security keys in a real browser, with keys that are touched by themselves (S4, S6, S12).

use harness::browser::{Browser, BrowserOptions, KeyKind};
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};

#[tokio::test]
async fn a_passkey_is_added_signs_in_alone_and_is_removed() {
    let gateway = gateway("required").await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    let key = browser.add_key(KeyKind::BUILT_IN).await;
    browser.goto(&gateway.portal("/account/passkeys")).await;
    browser.sign_in(&gateway, "ana").await;
    browser.wait_for_text("h1", "Passkeys and security keys").await;
    browser.follow("a[href='/account/passkeys/new']").await;
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Passkeys and security keys").await;
    assert_eq!(browser.texts(".things .name").await, ["Chrome (Linux)"]);
    assert_eq!(browser.credentials(&key).await.len(), 1);

    browser.sign_out(&gateway).await;
    let mail = gateway.app("mail", "/inbox");
    browser.goto(&mail).await;
    browser.follow("[data-with-passkeys] a").await;
    browser.wait_until_gone("main").await;
    assert_eq!(browser.url().await, mail, "both steps at once, and on to where she wanted to go");

    browser.goto(&gateway.portal("/account/passkeys")).await;
    let told = browser.wait_for(".things .meta").await;
    assert!(told.contains("last used"), "{told}");
    browser.click("summary").await;
    browser.fill("#name-1", "my laptop").await;
    browser.follow("form[action='/account/passkeys/rename'] button").await;
    assert_eq!(browser.texts(".things .name").await, ["my laptop"]);
    browser.follow("form[action='/account/passkeys/remove'] button").await;
    assert_eq!(browser.texts(".things .name").await, [""; 0]);

    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/sign-in")).await;
    browser.follow("[data-with-passkeys] a").await;
    browser.wait_for_text("h1", "Use your passkey").await;
    let told = browser.wait_for("#problem").await;
    assert!(told.contains("couldn't be used here"), "what the key still holds opens nothing: {told}");
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test]
async fn a_stick_without_a_pin_is_a_second_step_and_no_more() {
    let gateway = gateway("required").await.with_user("ana", Factor::None).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.add_key(KeyKind::STICK).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for_text("h1", "Set up two-step sign-in").await;
    browser.follow("a[href$='method=passkey']").await;
    browser.fill("#name", "blue stick").await;
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Keep your recovery codes").await;
    assert_eq!(browser.texts(".codes li").await.len(), 10);
    browser.follow("main .button").await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;

    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;

    // It shows nothing about who holds it: alone it isn't even asked.
    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/sign-in")).await;
    browser.follow("[data-with-passkeys] a").await;
    browser.wait_for_text("h1", "Use your passkey").await;
    let told = browser.wait_for(".told").await;
    assert!(told.contains("Press the button to try again."), "{told}");
}

#[tokio::test]
async fn the_wrong_finger_opens_nothing_and_another_way_is_there() {
    let gateway = gateway("required").await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    let key = browser.add_key(KeyKind::BUILT_IN).await;
    browser.goto(&gateway.portal("/account/passkeys/new")).await;
    browser.sign_in(&gateway, "ana").await;
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Passkeys and security keys").await;
    browser.sign_out(&gateway).await;

    browser.right_finger(&key, false).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    // What she used last is asked for first.
    browser.wait_for_text("h1", "Enter your code").await;
    browser.follow("a[href$='method=passkey']").await;
    browser.wait_for_text("h1", "Use your passkey or security key").await;
    browser.wait_for(".told").await;
    browser.right_finger(&key, true).await;
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;

    browser.sign_out(&gateway).await;
    browser.take_key(&key).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for_text("h1", "Use your passkey or security key").await;
    browser.follow("a[href$='method=recovery']").await;
    browser.enter_code(&gateway.recovery_code("ana", 0)).await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;
}

#[tokio::test]
async fn without_scripts_nothing_of_it_is_in_the_way() {
    let gateway = gateway("required").await.with_user("ana", Factor::None).await;
    let browser = Browser::start(BrowserOptions { javascript: false, ..BrowserOptions::default() }).await;
    browser.goto(&gateway.portal("/sign-in")).await;
    assert!(!browser.text().await.contains("passkey"));
    browser.enter_password("ana", PASSWORD).await;
    browser.follow("a[href$='method=passkey']").await;
    let text = browser.text().await;
    assert!(text.contains("Passkeys need JavaScript") && !text.contains("Continue"), "{text}");
    browser.follow("a[href='/set-up']").await;
    browser.follow("a[href$='method=totp']").await;
    browser.wait_for_text("h2", "Scan this picture with it").await;
}

async fn gateway(two_step: &str) -> TestGateway {
    let sign_in = Some(format!("sign_in: {{ two_step: {two_step}, methods: [passkey, totp] }}"));
    TestGateway::with(Setup { sign_in, ..Setup::default() }).await
}
