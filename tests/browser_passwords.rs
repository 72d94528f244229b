//! How good a password is, told while it is typed, and nothing lost without scripts (P4).

use harness::browser::{Browser, BrowserOptions};
use harness::gateway::TestGateway;

#[tokio::test]
async fn a_person_reads_how_good_a_password_is_while_they_type_it() {
    let gateway = TestGateway::start().await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&gateway.portal(&gateway.invite("bea.mora", "Bea Mora").await)).await;
    assert_eq!(browser.script(SHOWN).await, false, "nothing was typed yet");
    for (typed, said, value) in [
        ("short", "Too short", 0),
        ("password", "Easy to guess", 1),
        ("12345678", "Easy to guess", 1),
        ("aaaaaaaaaaaaaaaa", "Easy to guess", 1),
        ("abcdefghijklmnop", "Easy to guess", 1),
        ("qwertyuiopqwertyuiop", "Easy to guess", 1),
        ("BeaMoraAcme2026", "Easy to guess", 1),
        ("xkqzvwpj", "Could be better", 2),
        ("9f3k2lq8x0zm", "Good", 3),
        ("quiet river stone walk", "Very good", 4),
        ("\u{6771}\u{4eac}\u{7279}\u{8a31}\u{8a31}\u{53ef}\u{5c40}\u{5c40}\u{9577}", "Could be better", 2),
    ] {
        browser.fill("#password", typed).await;
        assert_eq!(browser.wait_for("#strength p").await, said, "{typed}");
        assert_eq!(browser.script("return document.querySelector('#strength meter').value").await, value, "{typed}");
    }
    // A hint and no more: what is easy can still be sent, and the server says no.
    browser.fill("#password", "password123").await;
    browser.fill("#again", "password123").await;
    browser.follow("main button").await;
    browser
        .wait_for_text("#problem", "That password is easy to guess. Choose one that few others would think of.")
        .await;
    // The 422 itself is all that was written to the console: no policy was broken.
    let errors = browser.console_errors().await;
    assert!(errors.iter().all(|error| error.contains("422")), "{errors:?}");
}

#[tokio::test]
async fn without_scripts_nothing_is_told_and_nothing_is_missing() {
    let gateway = TestGateway::start().await;
    let browser = Browser::start(BrowserOptions { javascript: false, ..BrowserOptions::default() }).await;
    browser.goto(&gateway.portal(&gateway.invite("bea", "Bea Mora").await)).await;
    browser.fill("#password", "quiet river stone").await;
    assert!(!browser.text().await.contains("Good"), "{}", browser.text().await);
    browser.fill("#again", "quiet river stone").await;
    browser.follow("main button").await;
    browser.wait_for_text("h1", "Sign in").await;
}

const SHOWN: &str = "return document.querySelector('#strength').checkVisibility()";
