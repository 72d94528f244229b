//! A new person's first day: invitation, password, authenticator app, recovery codes (S6, S11; ASVS 6.4.1).

use std::path::Path;
use std::process::Command;

use access::totp::TotpSecret;
use harness::browser::{Browser, BrowserOptions};
use harness::gateway::{Factor, PASSWORD, TestGateway};

#[tokio::test]
async fn an_invited_person_chooses_a_password_sets_up_a_phone_and_is_where_they_wanted_to_go() {
    let gateway = TestGateway::start().await;
    let invitation = gateway.portal(&gateway.invite("bea", "Bea Mora").await);
    let browser = Browser::start(BrowserOptions::default()).await;

    browser.goto(&invitation).await;
    browser.wait_for_text("h1", "Welcome, Bea Mora").await;
    assert_eq!(browser.focused().await, "password");
    choose(&browser, "quiet river stone", "quiet river stones").await;
    browser.wait_for_text("#problem", "The two passwords differ. Enter the same password twice.").await;
    choose(&browser, "password123", "password123").await;
    let easy = "That password is easy to guess. Choose one that few others would think of.";
    browser.wait_for_text("#problem", easy).await;
    choose(&browser, "bea mora acme", "bea mora acme").await;
    browser.wait_for_text("#problem", easy).await;
    browser.fill("#password", "river").await;
    browser.fill("#again", "river").await;
    browser.click("main button").await;
    assert_eq!(browser.texts("input:invalid").await.len(), 2, "the browser itself holds it back");
    browser.script("document.querySelector('form').noValidate = true").await;
    browser.follow("main button").await;
    browser.wait_for_text("#problem", "That password is too short. Use at least 8 characters.").await;
    choose(&browser, "quiet river stone", "quiet river stone").await;
    browser.wait_for_text("h1", "Sign in").await;

    // Nobody reaches an app before the second step is set up.
    browser.goto(&gateway.app("crm", "/orders")).await;
    browser.enter_password("bea", "quiet river stone").await;
    browser.wait_for_text("h1", "Set up two-step sign-in").await;
    browser.goto(&gateway.app("crm", "/orders")).await;
    browser.wait_for_text("h1", "Sign in").await;
    assert_eq!(gateway.crm().connections(), 0);

    browser.enter_password("bea", "quiet river stone").await;
    browser.click("summary").await;
    let phone = authenticator(&browser.wait_for(".secret").await);
    assert_eq!(scanned(&browser).await, phone.uri("Acme", "bea"), "what a phone reads off the screen");
    assert_eq!(browser.attribute(".tap", "href").await, Some(phone.uri("Acme", "bea")));
    browser.enter_code("123").await;
    assert!(browser.wait_for("#problem").await.starts_with("That code isn't right."));
    assert_eq!(browser.focused().await, "code");
    browser.click("summary").await;
    let again = authenticator(&browser.wait_for(".secret").await);
    assert_eq!(again.bytes(), phone.bytes(), "a wrong code doesn't change the key in the phone");
    browser.enter_code(&phone.code_at(gateway.clock().now())).await;

    browser.wait_for_text("h1", "Keep your recovery codes").await;
    let codes = browser.texts(".codes li").await;
    assert_eq!(codes.len(), 10);
    browser.follow("main .button").await;
    browser.wait_for("pre").await;
    assert_eq!(browser.url().await, gateway.app("crm", "/orders"));
    assert!(browser.text().await.contains(r#"["remote-user","bea"]"#));

    browser.goto(&invitation).await;
    browser.wait_for_text("h1", "This invitation can't be used").await;

    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("bea", "quiet river stone").await;
    browser.follow("a[href$='method=recovery']").await;
    browser.enter_code(&codes[9]).await;
    browser.wait_for_text("h1", "Hello, Bea Mora").await;
}

#[tokio::test]
async fn recovery_codes_are_shown_once_whatever_button_is_pressed() {
    let gateway = TestGateway::start().await;
    let browser = Browser::start(BrowserOptions::default()).await;
    for (name, button) in [("ana", "reload"), ("bea", "back"), ("carla", "back after continuing")] {
        gateway.add_user(name, Factor::None, &[], &["sales"]).await;
        browser.goto(&gateway.portal("/sign-in")).await;
        browser.enter_password(name, PASSWORD).await;
        browser.click("summary").await;
        let phone = authenticator(&browser.wait_for(".secret").await);
        browser.enter_code(&phone.code_at(gateway.clock().now())).await;
        browser.wait_for_text("h1", "Keep your recovery codes").await;
        let code = browser.texts(".codes li").await.remove(0);
        match button {
            "reload" => browser.reload().await,
            "back" => browser.back().await,
            _ => {
                browser.follow("main .button").await;
                browser.wait_for(".apps").await;
                browser.back().await;
            }
        }
        let text = browser.text().await;
        assert!(!text.contains(&code) && !text.contains("recovery codes"), "{button}: {text}");
        browser.goto(&gateway.portal("/set-up")).await;
        browser.wait_for(".apps").await;
        browser.sign_out(&gateway).await;
    }
}

async fn choose(browser: &Browser, password: &str, again: &str) {
    browser.fill("#password", password).await;
    browser.fill("#again", again).await;
    browser.follow("main button").await;
}

/// The phone into which somebody typed the key.
fn authenticator(typed: &str) -> TotpSecret {
    let letters: String = typed.split_whitespace().collect();
    let bytes = data_encoding::BASE32_NOPAD.decode(letters.as_bytes()).expect("base32");
    TotpSecret::from_random(bytes.try_into().expect("160 bits"))
}

/// What zbarimg reads off a picture of the page.
async fn scanned(browser: &Browser) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let picture = folder.path().join("page.png");
    browser.screenshot(&picture).await;
    let read = tokio::task::spawn_blocking(move || zbarimg(&picture)).await.expect("it doesn't panic elsewhere");
    drop(folder);
    read
}

fn zbarimg(picture: &Path) -> String {
    let ran = Command::new("zbarimg").args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]).arg(picture).output();
    let ran = ran.unwrap_or_else(|error| panic!("zbarimg: {error}: run sh deploy/setup.sh --tests"));
    String::from_utf8_lossy(&ran.stdout).trim_end().to_owned()
}
