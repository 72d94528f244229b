//! No mouse: is the focus where the work is, visible, and in the order of the page? (WCAG 2.2: 2.1.1, 2.4.3, 2.4.7)

use harness::browser::{Browser, BrowserOptions, Key};
use harness::gateway::{Factor, PASSWORD, TestGateway};

#[tokio::test]
async fn a_sign_in_takes_a_keyboard_and_nothing_else() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&gateway.app("crm", "/")).await;
    browser.wait_for_text("h1", "Sign in").await;
    assert_eq!(walk(&browser).await, ["username", "password", "Continue", "Forgot password?", "Español", "日本語"]);

    browser.reload().await;
    assert_eq!(browser.focused().await, "username");
    browser.type_text("ana").await;
    browser.press(Key::Tab).await;
    browser.type_text("not her password").await;
    browser.submit().await;
    browser.wait_for("#problem").await;
    assert_eq!(browser.focused().await, "password", "straight on to the next try");
    browser.type_text(PASSWORD).await;
    browser.submit().await;

    browser.wait_for_text("h1", "Enter your code").await;
    let order = ["code", "Continue", "Use a recovery code instead", "Not ana? Start again", "Español", "日本語"];
    assert_eq!(walk(&browser).await, order);
    browser.reload().await;
    browser.type_text(&gateway.totp("ana")).await;
    browser.submit().await;
    assert_eq!(browser.url().await, gateway.app("crm", "/"));

    browser.goto(&gateway.portal("/")).await;
    browser.wait_for(".apps").await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await, "ana", "the way to her account");
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await, "Sign out");
    browser.submit().await;
    browser.wait_for_text("h1", "You are signed out").await;
}

#[tokio::test]
async fn a_first_sign_in_takes_a_keyboard_and_nothing_else() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::None).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&gateway.portal("/")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for_text("h1", "Set up two-step sign-in").await;
    let order = ["On this phone? Open the app", "Can't scan it? Type this key instead", "code", "Continue"];
    assert_eq!(walk(&browser).await, [&order[..], &["Español", "日本語"]].concat());
    browser.reload().await;
    browser.press(Key::Tab).await;
    browser.press(Key::Tab).await;
    browser.press(Key::Enter).await;
    let secret: String = browser.wait_for(".secret").await.split_whitespace().collect();
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    let phone = access::totp::TotpSecret::from_random(bytes.try_into().expect("160 bits"));
    browser.press(Key::Tab).await;
    browser.type_text(&phone.code_at(gateway.clock().now())).await;
    browser.submit().await;
    browser.wait_for_text("h1", "Keep your recovery codes").await;
    assert_eq!(walk(&browser).await, ["I have kept them, continue"]);
}

/// From where the focus is, every stop of the Tab key to the end of the page, each with a visible focus.
async fn walk(browser: &Browser) -> Vec<String> {
    let mut stops = Vec::new();
    loop {
        let stop = browser.focused().await;
        let past_the_end = stop == "body" && !stops.is_empty();
        if past_the_end || stops.contains(&stop) {
            return stops;
        }
        if stop != "body" {
            let seen = browser.script(FOCUS_IS_SEEN).await;
            assert_eq!(seen, "seen", "the focus on {stop}");
            stops.push(stop);
        }
        browser.press(Key::Tab).await;
    }
}

/// At least two pixels of an outline, in a colour that isn't the ground's.
const FOCUS_IS_SEEN: &str = "
    const style = getComputedStyle(document.activeElement);
    const seen = document.activeElement.matches(':focus-visible') && style.outlineStyle !== 'none'
        && parseFloat(style.outlineWidth) >= 2 && style.outlineColor !== getComputedStyle(document.body).backgroundColor;
    return seen ? 'seen' : `outline: ${style.outline}`;
";
