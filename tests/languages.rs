//! English, Spanish, Japanese: which one somebody reads, and which one their mails and codes are in.

use std::time::Duration;

use harness::browser::{Browser, BrowserOptions};
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use http::StatusCode;
use vestibule::demo::visitor::{Page, Redirects, Visitor};
use vestibule::words::Language;

const CHOSEN: &str = "__Host-vestibule-language";

#[tokio::test]
async fn a_page_is_in_the_language_that_the_browser_wants_until_another_is_chosen() {
    let gateway = TestGateway::start().await;
    let sign_in = gateway.portal("/sign-in");
    let mut ana = Visitor::new(gateway.clock().clone()).speaking("ja-JP, en;q=0.5");
    assert_eq!(heading(ana.get(&sign_in).await.expect("a page")), "サインイン");

    // The others are links to the same page, and stay chosen for a year.
    let page = ana.get(&format!("{sign_in}?language=es")).await.expect("a page");
    assert_eq!((heading(page), page.url.as_str()), ("Iniciar sesión".to_owned(), sign_in.as_str()));
    assert!(page.text().contains("<html lang=\"es\">"));
    gateway.clock().advance(Duration::from_secs(364 * 86_400));
    assert_eq!(heading(ana.get(&sign_in).await.expect("a page")), "Iniciar sesión");

    // What we don't speak is no choice; what the browser wants and we don't speak is English.
    let page = ana.get(&format!("{sign_in}?language=tlh")).await.expect("a page");
    assert_eq!(heading(page), "Iniciar sesión");
    let mut bo = Visitor::new(gateway.clock().clone()).speaking("tlh");
    assert_eq!(heading(bo.get(&sign_in).await.expect("a page")), "Sign in");
}

#[tokio::test]
async fn in_a_browser_the_choice_leads_back_to_the_page_with_all_it_was_asked_with() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&gateway.app("crm", "/deals?sort=new")).await;
    browser.wait_for_text("h1", "Sign in").await;
    let before = browser.url().await;
    browser.follow("a[hreflang='ja']").await;
    browser.wait_for_text("h1", "サインイン").await;
    assert_eq!(browser.url().await, before);
    browser.follow("a[hreflang='es']").await;
    browser.wait_for_text("h1", "Iniciar sesión").await;
    browser.sign_in(&gateway, "ana").await;
    assert_eq!(browser.url().await, gateway.app("crm", "/deals?sort=new"));
    browser.goto(&gateway.portal("/account")).await;
    browser.wait_for_text("h1", "Su cuenta").await;
}

#[tokio::test]
async fn choosing_a_language_leads_nowhere_else_and_only_a_page_can_be_chosen_for() {
    let gateway = TestGateway::start().await;
    let mut visitor = Visitor::new(gateway.clock().clone()).redirects(Redirects::Show);
    for (asked, leads_to) in [
        ("//evil.example/?language=es", "/evil.example/"),
        ("/%5Cevil.example?language=es", "/%5Cevil.example"),
        ("/?language=es&x=%0d%0aSet-Cookie:a=b", "/"),
    ] {
        let page = visitor.get(&gateway.portal(asked)).await.expect("an answer");
        // What is no path of ours is refused before.
        if page.status == StatusCode::SEE_OTHER {
            assert_eq!(page.header("location"), Some(gateway.portal(leads_to).as_str()), "{asked}");
        } else {
            assert!(page.status.is_client_error(), "{asked}: {}", page.status);
        }
    }
    // A link on another site, a program, and what a page loads are answered as if nothing had been said.
    for (path, fields) in [
        ("/sign-in", &[("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site")][..]),
        ("/sign-in", &[("accept", "application/json")]),
        ("/.well-known/jwks.json", &[("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin")]),
    ] {
        let mut ask = gateway.ask("GET", "login", &format!("{path}?language=es"));
        for (name, value) in fields {
            ask = ask.with(name, value);
        }
        let answer = ask.send().await;
        assert_eq!(answer.status, 200, "{path} {fields:?}");
        assert!(!answer.header("set-cookie").unwrap_or_default().contains(CHOSEN), "{path} {fields:?}");
    }
    let form =
        gateway.ask("POST", "login", "/sign-in?language=es").by_browser().form(&[("username", "ana")]).send().await;
    assert!(!form.header("set-cookie").unwrap_or_default().contains(CHOSEN));
}

#[tokio::test]
async fn whoever_is_turned_away_reads_the_exact_sentence_and_what_it_means() {
    let gateway = TestGateway::start().await;
    let mut visitor = Visitor::new(gateway.clock().clone()).from([127, 0, 0, 66]).speaking("ja");
    let page = visitor.get(&gateway.app("crm", "/")).await.expect("a page");
    assert_eq!((page.status, heading(page)), (StatusCode::FORBIDDEN, "Access denied from this IP address".to_owned()));
    assert!(page.text().contains("<title lang=\"en\">Access denied from this IP address</title>"));
    assert!(page.words().contains("このIPアドレス"), "{}", page.words());
    // Programs are told what they were told before.
    let program = gateway.ask("GET", "crm", "/").from("127.0.0.66").with("accept-language", "ja").send().await;
    assert_eq!(program.json()["title"], "Access denied from this IP address");
}

#[tokio::test]
async fn mails_are_in_the_language_that_somebody_chose_or_first_signed_in_in() {
    let setup = Setup { mail: true, sign_in: Some(SIGN_IN.to_owned()), ..Setup::default() };
    let gateway = TestGateway::with(setup).await.with_user("ana", Factor::Totp).await;
    let mut ana = Visitor::new(gateway.clock().clone()).speaking("es-ES");
    ana.get(&gateway.portal("/sign-in")).await.expect("a page");
    ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("a page");
    let page = ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("a page");
    assert!(page.text().contains("<html lang=\"es\">") && page.words().contains("Hola"), "{}", page.words());

    // The owner's language, whoever asks and in whatever language.
    let mut somebody = Visitor::new(gateway.clock().clone()).speaking("ja");
    somebody.get(&gateway.portal("/forgot")).await.expect("a page");
    let page = somebody.submit(&[("email", "ana@acme.example")]).await.expect("a page");
    assert!(page.text().contains("<html lang=\"ja\">"));
    let letter = gateway.postbox().wait_for("ana@acme.example", "Password reset", 1).await.expect("a mail");
    assert!(letter.text.contains("contraseña") && letter.html.contains("lang=\"es\""), "{}", letter.text);
    assert!(letter.subject.contains("contraseña"), "{}", letter.subject);

    // With a browser that nobody had there before, and which speaks Japanese: it may be a thief's.
    gateway.clock().advance(Duration::from_secs(60));
    let mut thief = Visitor::new(gateway.clock().clone()).speaking("ja").with_agent("curl/8.5.0");
    thief.get(&gateway.portal("/sign-in")).await.expect("a page");
    thief.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("a page");
    thief.submit(&[("code", &gateway.totp("ana"))]).await.expect("a page");
    let told = gateway.postbox().wait_for("ana@acme.example", "inicio de sesión", 1).await.expect("a mail");
    assert!(told.text.contains("127.0.0.1"), "{}", told.text);

    assert_eq!(gateway.record("ana").await.language, Some(Language::Spanish), "hers, and not the browser's");

    // What is chosen on a page is kept with the next sign-in.
    gateway.clock().advance(Duration::from_secs(60));
    let mut again = Visitor::new(gateway.clock().clone()).speaking("de");
    again.get(&gateway.portal("/sign-in?language=ja")).await.expect("a page");
    again.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("a page");
    again.submit(&[("code", &gateway.totp("ana"))]).await.expect("a page");
    assert_eq!(gateway.record("ana").await.language, Some(Language::Japanese));
}

#[tokio::test]
async fn a_code_is_in_its_owners_language_and_the_first_one_in_the_browsers() {
    let sign_in = "sign_in: { two_step: required, methods: [totp, sms] }".to_owned();
    let setup = Setup { mail: true, sign_in: Some(sign_in), ..Setup::default() };
    let gateway = TestGateway::with(setup).await.with_user("ana", Factor::None).await;
    for (count, speaks) in [(1, "ja"), (2, "en")] {
        let mut ana = Visitor::new(gateway.clock().clone()).speaking(speaks);
        ana.get(&gateway.portal("/sign-in")).await.expect("a page");
        ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("a page");
        if count == 1 {
            ana.get(&gateway.portal("/set-up?method=sms")).await.expect("a page");
            ana.submit(&[("phone", "+34600123456")]).await.expect("a page");
        }
        let message = gateway.postbox().wait_for("+34600123456", "", count).await.expect("a message");
        assert!(message.text.contains("サインイン"), "{}", message.text);
        let code = message.text.rsplit_once('#').expect("the code at the end").1;
        ana.submit(&[("code", code)]).await.expect("a page");
        gateway.clock().advance(Duration::from_secs(86_400));
    }
}

fn heading(page: &Page) -> String {
    page.heading().expect("a heading")
}

const SIGN_IN: &str = "sign_in: { two_step: required, methods: [totp] }";
