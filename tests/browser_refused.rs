//! From elsewhere: one sentence, the address, a reference, and nothing else (N1, N5, N10–N12).

use std::net::{IpAddr, Ipv4Addr};

use harness::browser::{Browser, BrowserOptions};
use harness::gateway::{Factor, TestGateway};

#[tokio::test]
async fn from_elsewhere_every_address_says_the_same_and_no_app_is_reached() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions { from: CAFE, ..BrowserOptions::default() }).await;
    for url in [
        gateway.app("crm", "/"),
        gateway.app("crm", "/status"),
        gateway.app("mail", "/inbox?x=1"),
        gateway.portal("/"),
        gateway.portal("/sign-in"),
        gateway.portal("/whoami"),
        gateway.portal("/invitation/x"),
        gateway.portal("/no-such-page"),
        gateway.app("nobody", "/"),
    ] {
        browser.goto(&url).await;
        assert_refused(&browser).await;
        assert_eq!(browser.url().await, url, "nobody is led anywhere");
        assert_eq!(browser.cookies().await.len(), 0);
        assert_eq!(browser.console_errors().await, [""; 0]);
    }
    assert_eq!((gateway.crm().connections(), gateway.mail().connections()), (0, 0));
}

#[tokio::test]
async fn a_session_that_is_carried_elsewhere_opens_nothing_there_and_everything_at_home_again() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    let crm = gateway.app("crm", "/");
    browser.goto(&crm).await;
    browser.sign_in(&gateway, "ana").await;
    browser.goto(&gateway.app("mail", "/")).await;
    let before = pages_served(&gateway);

    browser.move_to(CAFE);
    for url in [crm.clone(), gateway.app("mail", "/"), gateway.portal("/")] {
        browser.goto(&url).await;
        assert_refused(&browser).await;
    }
    assert_eq!(pages_served(&gateway), before);

    browser.move_to(IpAddr::V4(Ipv4Addr::LOCALHOST));
    browser.goto(&crm).await;
    assert_eq!(browser.url().await, crm);
}

#[tokio::test]
async fn whoever_passed_both_steps_and_may_not_come_from_here_reads_the_same_page() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    gateway
        .set_policy(
            "networks: { office: [127.0.0.1], home: [127.0.0.77] }
organization: { allow_from: [office] }
groups: { sales: {} }
roles: { admin: {} }
users: { ana: { only_from: [home] } }
",
        )
        .await;
    browser.goto(&gateway.app("crm", "/")).await;
    browser.wait_for_text("h1", "Sign in").await;
    browser.sign_in(&gateway, "ana").await;
    browser.wait_for_text("h1", "Access denied from this IP address").await;
    let lines = browser.texts("dd").await;
    assert_eq!(lines[0], "127.0.0.1");
    assert!(browser.cookies().await.iter().all(|cookie| cookie.name != "__Host-vestibule"), "no session was opened");
    assert_eq!(gateway.crm().connections(), 0);
}

/// How many requests reached the apps, but for the icon, which a browser asks for when it likes.
fn pages_served(gateway: &TestGateway) -> usize {
    let seen = gateway.crm().seen().into_iter().chain(gateway.mail().seen());
    seen.filter(|seen| seen.target != "/favicon.ico").count()
}

async fn assert_refused(browser: &Browser) {
    assert_eq!(browser.title().await, "Access denied from this IP address");
    browser.wait_for_text("h1", "Access denied from this IP address").await;
    let [address, reference] = <[String; 2]>::try_from(browser.texts("dd").await).expect("two facts");
    assert_eq!(address, "127.0.0.66");
    let (first, second) = reference.split_once('-').expect("a reference code");
    assert!(first.len() == 4 && second.len() == 4, "{reference}");
    let text = browser.text().await;
    let words: Vec<&str> = text.split_whitespace().collect();
    let expected = format!(
        "Acme Access denied from this IP address Address we saw 127.0.0.66 Reference code {reference} \
         Tell these two lines to your administrator."
    );
    assert_eq!(words.join(" "), expected, "and nothing else");
}

const CAFE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));
