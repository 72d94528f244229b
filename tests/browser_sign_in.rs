//! Ana's mornings, good and bad ones, in a real browser (S1–S3, S11–S14).

use std::time::Duration;

use harness::browser::{Browser, BrowserOptions};
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};

#[tokio::test]
async fn two_steps_open_every_app_and_one_sign_out_closes_them_all() {
    a_morning(BrowserOptions::default()).await;
}

#[tokio::test]
async fn the_same_morning_works_without_scripts() {
    a_morning(BrowserOptions { javascript: false, ..BrowserOptions::default() }).await;
}

async fn a_morning(options: BrowserOptions) {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(options).await;
    let (crm, mail) = (gateway.app("crm", "/orders?open=1"), gateway.app("mail", "/"));

    browser.goto(&crm).await;
    browser.wait_for_text("h1", "Sign in").await;
    assert!(browser.url().await.starts_with(&gateway.portal("/sign-in?")));
    assert_eq!(browser.wait_for(".lead").await, "to continue to CRM");
    browser.sign_in(&gateway, "ana").await;

    assert_eq!(browser.url().await, crm, "where she wanted to go");
    let echo = browser.text().await;
    assert!(echo.contains(r#"["remote-user","ana"]"#), "{echo}");
    assert!(!echo.contains("__Host-vestibule"), "the app sees none of our cookies: {echo}");

    browser.goto(&mail).await;
    assert_eq!(browser.url().await, mail, "nothing is asked a second time");

    browser.goto(&gateway.portal("/")).await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;
    assert_eq!(browser.texts(".apps .name").await, ["CRM", "Mail"]);
    browser.follow(".apps li:first-child a").await;
    assert_eq!(browser.url().await, gateway.app("crm", "/"));

    browser.goto(&gateway.portal("/")).await;
    browser.follow("header button").await;
    browser.wait_for_text("h1", "You are signed out").await;
    for app in [crm, mail] {
        browser.goto(&app).await;
        browser.wait_for_text("h1", "Sign in").await;
    }
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test]
async fn a_wrong_password_is_told_like_a_wrong_name_and_then_the_right_one_goes_on() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    let mut told = Vec::new();
    for (name, password) in [("ana", "not her password"), ("anna", PASSWORD), ("no name at all", PASSWORD)] {
        browser.goto(&gateway.portal("/")).await;
        browser.enter_password(name, password).await;
        browser.wait_for("#problem").await;
        assert_eq!(browser.attribute("#username", "value").await.as_deref(), Some(name), "kept for the next try");
        assert_eq!(browser.focused().await, "password");
        told.push((browser.text().await, browser.title().await, browser.url().await));
    }
    assert!(told[0].0.contains("That user name and password don't match. Check both and try again."), "{}", told[0].0);
    assert!(told.iter().all(|other| *other == told[0]), "{told:#?}");

    browser.sign_in(&gateway, "ana").await;
    assert_eq!(browser.url().await, gateway.portal("/"));
}

#[tokio::test]
async fn a_wrong_and_a_used_code_say_what_to_do_next() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.enter_code(&wrong_code(&gateway)).await;
    let told = browser.wait_for("#problem").await;
    assert!(told.starts_with("That code isn't right. Enter the newest one."), "{told}");
    assert_eq!(browser.focused().await, "code");
    browser.enter_code("my code").await;
    browser.wait_for("#problem").await;
    let spaced = gateway.totp("ana");
    browser.enter_code(&format!(" {} {}", &spaced[..3], &spaced[3..])).await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;

    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.enter_code(&spaced).await;
    browser.wait_for_text("#problem", "This code was already used. Wait for the next one.").await;
    gateway.clock().advance(Duration::from_secs(30));
    browser.enter_code(&gateway.totp("ana")).await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_the_phone_once() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    let (first, second) = (gateway.recovery_code("ana", 0), gateway.recovery_code("ana", 1));
    browser.goto(&gateway.app("mail", "/inbox")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.follow("a[href$='method=recovery']").await;
    browser.wait_for_text("h1", "Enter a recovery code").await;
    assert_eq!(browser.focused().await, "code");
    browser.enter_code(&first.to_lowercase().replace('-', " ")).await;
    assert_eq!(browser.url().await, gateway.app("mail", "/inbox"));

    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.follow("a[href$='method=recovery']").await;
    browser.enter_code(&first).await;
    let told = browser.wait_for("#problem").await;
    assert!(told.contains("your list"), "{told}");
    assert_eq!(browser.title().await, "Enter a recovery code · Acme", "still the same question");
    browser.enter_code(&second).await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;
}

#[tokio::test]
async fn five_wrong_codes_a_second_thought_and_ten_minutes_each_begin_anew() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    let crm = gateway.app("crm", "/");

    browser.goto(&crm).await;
    browser.enter_password("ana", PASSWORD).await;
    for _ in 0..4 {
        browser.enter_code(&wrong_code(&gateway)).await;
        browser.wait_for_text("h1", "Enter your code").await;
    }
    browser.enter_code(&wrong_code(&gateway)).await;
    browser.wait_for_text("h1", "Sign in").await;
    browser.wait_for_text("#problem", "Too many wrong codes. Start again.").await;
    assert_eq!(browser.wait_for(".lead").await, "to continue to CRM");

    // Her right code has to wait a second for all the wrong ones.
    browser.enter_password("ana", PASSWORD).await;
    browser.enter_code(&gateway.totp("ana")).await;
    let told = browser.wait_for("#problem").await;
    assert!(told.starts_with("Too many tries. Try again in 1 second (at "), "{told}");
    gateway.clock().advance(Duration::from_secs(1));
    browser.enter_code(&gateway.totp("ana")).await;
    assert_eq!(browser.url().await, crm);

    browser.sign_out(&gateway).await;
    gateway.clock().advance(Duration::from_secs(30));
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.follow("a[href$='start=again']").await;
    browser.wait_for_text("h1", "Sign in").await;
    assert_eq!(browser.texts("#problem").await, [""; 0]);
    browser.goto(&gateway.portal("/second-step")).await;
    browser.wait_for_text("h1", "Sign in").await;

    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for_text("h1", "Enter your code").await;
    gateway.clock().advance(Duration::from_secs(11 * 60));
    browser.enter_code(&gateway.totp("ana")).await;
    browser.wait_for_text("#problem", "This sign-in took too long. Start again.").await;
    browser.sign_in(&gateway, "ana").await;
    browser.wait_for_text("h1", "Hello, ANA Example").await;
}

#[tokio::test]
async fn after_five_wrong_passwords_the_page_says_how_long_to_wait_and_a_sign_in_forgets_them() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&gateway.portal("/")).await;
    for _ in 0..5 {
        browser.enter_password("ana", "guess").await;
        browser.wait_for_text("#problem", "That user name and password don't match. Check both and try again.").await;
    }
    browser.enter_password("ana", PASSWORD).await;
    let told = browser.wait_for("#problem").await;
    assert!(told.starts_with("Too many tries. Try again in 1 second (at "), "{told}");
    gateway.clock().advance(Duration::from_secs(1));
    browser.sign_in(&gateway, "ana").await;
    browser.sign_out(&gateway).await;

    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", "guess").await;
    browser.wait_for_text("#problem", "That user name and password don't match. Check both and try again.").await;
    browser.enter_password("ana", "guess").await;
    browser.wait_for_text("#problem", "That user name and password don't match. Check both and try again.").await;
}

#[tokio::test]
async fn an_idle_hour_signs_out_everywhere_and_work_in_one_app_keeps_the_others_open() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    let (crm, mail) = (gateway.app("crm", "/"), gateway.app("mail", "/"));
    browser.goto(&crm).await;
    browser.sign_in(&gateway, "ana").await;
    for _ in 0..3 {
        gateway.clock().advance(Duration::from_secs(50 * 60));
        browser.goto(&crm).await;
        assert_eq!(browser.url().await, crm);
    }
    browser.goto(&mail).await;
    assert_eq!(browser.url().await, mail);

    gateway.clock().advance(Duration::from_secs(61 * 60));
    browser.goto(&mail).await;
    browser.wait_for_text("h1", "Sign in").await;
    browser.wait_for_text("#problem", "You were signed out because of inactivity.").await;
    browser.sign_in(&gateway, "ana").await;
    assert_eq!(browser.url().await, mail);

    let entry = harness::gateway::by_test("session.end");
    gateway.gate().vault().sign_out_person(gateway.id("ana"), entry).await.expect("ended");
    gateway.catch_up().await;
    browser.goto(&mail).await;
    browser.wait_for_text("#problem", "You were signed out. Sign in again to go on.").await;
}

#[tokio::test]
async fn an_app_that_wants_a_fresh_proof_asks_for_the_second_step_alone() {
    let apps = "apps:
  crm: { title: CRM, host: crm.localhost, upstream: \"http://{crm}\", allow: everyone }
  mail: { title: Mail, host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, fresh: 5m }
";
    let gateway = TestGateway::with(Setup { apps: Some(apps.to_owned()), ..Setup::default() }).await;
    let gateway = gateway.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&gateway.app("mail", "/")).await;
    browser.sign_in(&gateway, "ana").await;
    assert_eq!(browser.url().await, gateway.app("mail", "/"), "just proved");

    gateway.clock().advance(Duration::from_secs(6 * 60));
    browser.goto(&gateway.app("crm", "/")).await;
    assert_eq!(browser.url().await, gateway.app("crm", "/"), "an app that doesn't ask");
    browser.goto(&gateway.app("mail", "/")).await;
    browser.wait_for_text("h1", "Enter your code").await;
    browser.enter_code(&gateway.totp("ana")).await;
    assert_eq!(browser.url().await, gateway.app("mail", "/"));
    browser.goto(&gateway.app("crm", "/")).await;
    assert_eq!(browser.url().await, gateway.app("crm", "/"), "still signed in");
}

/// Six digits that Ana's app doesn't show now.
fn wrong_code(gateway: &TestGateway) -> String {
    let right = gateway.totp("ana");
    let last = if right.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &right[..5])
}
