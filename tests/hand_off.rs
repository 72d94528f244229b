//! From the portal to an app's host, and what a cookie is worth elsewhere (A21, A22, A24).

use std::time::Duration;

use harness::gateway::{Factor, PASSWORD, TestGateway, by_test};
use harness::wire::{Answer, OFFICE, Wire};
use vestibule::demo::visitor::{Redirects, Visitor};

#[tokio::test]
async fn a_hand_off_opens_the_app_once_in_the_browser_that_asked() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let (mut ana, ticket) = with_ticket(&gateway).await;
    let go = ana.cookie(CRM, GO).expect("it was left at the app").to_owned();
    let inside = ana.get(&ticket).await.expect("an answer");
    assert_eq!(inside.header("location"), Some(gateway.app("crm", "/reports?x=1").as_str()));
    assert!(ana.cookie(CRM, SESSION).is_some() && ana.cookie(CRM, GO).is_none());
    assert_eq!(ana.get(&gateway.app("crm", "/reports?x=1")).await.expect("an answer").status, 200);
    assert_eq!(gateway.crm().last().header("remote-user"), Some("ana"));
    // The link once more, with the same nonce.
    let again = take(&gateway, "crm", &ticket, Some(&go)).await;
    assert_eq!((again.status, again.cookie(SESSION)), (303, None));
}

#[tokio::test]
async fn a_hand_off_is_worth_nothing_in_another_browser_at_another_app_or_too_late() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;

    let (_, ticket) = with_ticket(&gateway).await;
    let mut eve = visitor(&gateway).redirects(Redirects::Show);
    eve.get(&gateway.app("crm", "/")).await.expect("an answer");
    assert!(eve.cookie(CRM, GO).is_some());
    eve.get(&ticket).await.expect("an answer");
    assert_eq!(eve.cookie(CRM, SESSION), None, "another browser");

    let (_, ticket) = with_ticket(&gateway).await;
    assert_eq!(take(&gateway, "crm", &ticket, None).await.status, 400, "no cookie at all");

    let (ana, ticket) = with_ticket(&gateway).await;
    let go = ana.cookie(CRM, GO).expect("it was left at the app").to_owned();
    let elsewhere = take(&gateway, "mail", &ticket, Some(&go)).await;
    assert_eq!((elsewhere.status, elsewhere.cookie(SESSION)), (303, None), "another app");
    let burnt = take(&gateway, "crm", &ticket, Some(&go)).await;
    assert_eq!(burnt.cookie(SESSION), None, "shown in the wrong place, it is burnt");

    let (mut ana, ticket) = with_ticket(&gateway).await;
    gateway.clock().advance(Duration::from_secs(30));
    ana.get(&ticket).await.expect("an answer");
    assert_eq!(ana.cookie(CRM, SESSION), None, "half a minute later");

    let (mut ana, ticket) = with_ticket(&gateway).await;
    gateway.gate().vault().sign_out_person(gateway.id("ana"), by_test("user.sign_out")).await.expect("done");
    gateway.catch_up().await;
    ana.get(&ticket).await.expect("an answer");
    assert_eq!(ana.cookie(CRM, SESSION), None, "after she was signed out");
}

#[tokio::test]
async fn a_hand_off_taken_by_many_at_once_opens_one_session() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let (ana, ticket) = with_ticket(&gateway).await;
    let go = ana.cookie(CRM, GO).expect("it was left at the app").to_owned();
    let answers = futures_util::future::join_all((0..20).map(|_| take(&gateway, "crm", &ticket, Some(&go)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.cookie(SESSION).is_some()).count(), 1);
}

#[tokio::test]
async fn a_cookie_is_worth_something_only_where_it_was_given() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway).await;
    for app in ["crm", "mail"] {
        assert_eq!(ana.get(&gateway.app(app, "/")).await.expect("an answer").status, 200);
    }
    let of = |host: &str| ana.cookie(host, SESSION).expect("signed in there").to_owned();
    let (portal, crm, mail) = (of("login.localhost"), of(CRM), of("mail.localhost"));
    assert!(portal != crm && crm != mail && mail != portal);
    for (host, path, cookie, welcome) in [
        ("login", "/", &portal, true),
        ("crm", "/", &crm, true),
        ("mail", "/", &mail, true),
        ("login", "/", &crm, false),
        ("login", "/", &mail, false),
        ("crm", "/", &portal, false),
        ("crm", "/", &mail, false),
        ("mail", "/", &portal, false),
        ("mail", "/", &crm, false),
    ] {
        let answer = with_cookie(&gateway, host, path, &format!("{SESSION}={cookie}")).await;
        assert_eq!(answer.status, if welcome { 200 } else { 303 }, "{host} with {cookie}");
        // Nor is it a bearer token, under any prefix.
        for bearer in [cookie.clone(), format!("vsd_{cookie}"), format!("vst_{cookie}")] {
            assert_eq!(gateway.get(host, "/api/v1/session").bearer(&bearer).send().await.status / 100, 4, "{host}");
            assert_ne!(gateway.get("mail", "/").bearer(&bearer).send().await.status, 200);
        }
    }
    // And a device's token is no cookie.
    gateway.clock().advance(Duration::from_secs(30));
    let device = gateway.device("ana").await;
    for value in [device.as_str(), device.trim_start_matches("vsd_")] {
        assert_eq!(with_cookie(&gateway, "mail", "/", &format!("{SESSION}={value}")).await.status, 303);
        assert_eq!(with_cookie(&gateway, "login", "/", &format!("{SESSION}={value}")).await.status, 303);
    }
}

#[tokio::test]
async fn a_cookie_that_came_twice_or_under_a_name_like_ours_is_none() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway).await;
    assert_eq!(ana.get(&gateway.app("crm", "/")).await.expect("an answer").status, 200);
    let good = ana.cookie(CRM, SESSION).expect("signed in there").to_owned();
    for cookies in [
        format!("{SESSION}={good}; {SESSION}={good}"),
        format!("{SESSION}=x; {SESSION}={good}"),
        format!("{SESSION}={good}; other=1; {SESSION}=x"),
        format!("__host-vestibule={good}"),
        format!("__HOST-vestibule={good}"),
        format!("vestibule={good}"),
        format!("=__Host-vestibule={good}"),
        format!("__Host-vestibule2={good}"),
        format!("\"{SESSION}\"={good}"),
        format!("{SESSION}=\"{good}\""),
        format!("{SESSION}={good} x"),
        format!("{SESSION}={}", &good[..good.len() - 1]),
        format!("{SESSION}={good}A"),
        format!("{SESSION}={}", good.to_lowercase()),
        format!("{SESSION}="),
        SESSION.to_owned(),
        format!("{SESSION}={}", "a".repeat(4_000)),
    ] {
        let answer = with_cookie(&gateway, "crm", "/", &cookies).await;
        assert_eq!(answer.status, 303, "{cookies}");
    }
    // On two lines, as some proxies write them.
    let request = gateway.get("crm", "/").by_browser().with("Cookie", &format!("{SESSION}={good}"));
    assert_eq!(request.with("Cookie", &format!("{SESSION}={good}")).send().await.status, 303);
    // Among two hundred others it is found, and none of ours reaches the app.
    let many: String = (0..200).map(|n| format!("c{n}={n}; ")).collect();
    let answer = with_cookie(&gateway, "crm", "/", &format!("{many}{SESSION}={good}")).await;
    assert_eq!(answer.status, 200);
    let seen = gateway.crm().last();
    let seen = seen.header("cookie").expect("the app's own");
    assert!(seen.contains("c199=199") && !seen.contains("vestibule"), "{seen}");
}

#[tokio::test]
async fn after_the_sign_out_no_host_lets_the_browser_in() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway).await;
    for app in ["crm", "mail"] {
        ana.get(&gateway.app(app, "/")).await.expect("an answer");
    }
    let of = |host: &str| ana.cookie(host, SESSION).expect("signed in there").to_owned();
    let held = [("login", of("login.localhost")), ("crm", of(CRM)), ("mail", of("mail.localhost"))];
    ana.get(&gateway.app("crm", "/.vestibule/sign-out")).await.expect("an answer");
    ana.submit(&[]).await.expect("an answer");
    for (host, cookie) in held {
        assert_eq!(with_cookie(&gateway, host, "/", &format!("{SESSION}={cookie}")).await.status, 303, "{host}");
    }
    // R23: a cookie that is dead does not survive the page that asks to sign in.
    let page = with_cookie(&gateway, "login", "/sign-in", &format!("{SESSION}=dead")).await;
    assert_eq!(page.cookie(SESSION).as_deref(), Some(""));
}

#[tokio::test]
async fn a_websocket_with_a_cookie_is_opened_by_the_apps_own_page_alone() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway).await;
    assert_eq!(ana.get(&gateway.app("crm", "/")).await.expect("an answer").status, 200);
    let cookie = format!("{SESSION}={}", ana.cookie(CRM, SESSION).expect("signed in there"));
    let own = gateway.app("crm", "");
    let before = gateway.crm().seen().len();
    for origin in [
        None,
        Some("null".to_owned()),
        Some(String::new()),
        Some("https://evil.example".to_owned()),
        Some(gateway.app("mail", "")),
        Some(gateway.portal("")),
        Some(format!("{own}.evil.example")),
        Some(format!("{own}/")),
        Some("http://crm.localhost".to_owned()),
        Some(own.replace("http:", "https:")),
    ] {
        let answer = web_socket(&gateway, &cookie, origin.as_deref()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "cross_site"), "{origin:?}");
    }
    assert_eq!(gateway.crm().seen().len(), before, "the app heard of none of them");
    let answer = web_socket(&gateway, &cookie, Some(&own)).await;
    assert_eq!(answer.status, 101);
}

/// Ana, signed in at the portal, and the link that will open `crm` to her.
async fn with_ticket(gateway: &TestGateway) -> (Visitor, String) {
    let mut ana = signed_in(gateway).await.redirects(Redirects::Show);
    let mut at = gateway.app("crm", "/reports?x=1");
    for host in ["login", "crm"] {
        let page = ana.get(&at).await.expect("an answer");
        at = page.header("location").unwrap_or_else(|| panic!("{at}: {}", page.words())).to_owned();
        assert!(at.starts_with(&format!("http://{host}.localhost:")), "{at}");
    }
    assert!(at.contains("/.vestibule/hand-off?ticket="), "{at}");
    (ana, at)
}

/// Opens a hand-off's link at an app, with this nonce.
async fn take(gateway: &TestGateway, app: &str, link: &str, nonce: Option<&str>) -> Answer {
    let (_, path) = link.split_once(&format!(":{}", gateway.port())).expect("an address of ours");
    let request = gateway.get(app, path).by_browser();
    match nonce {
        Some(nonce) => request.with("Cookie", &format!("{GO}={nonce}")).send().await,
        None => request.send().await,
    }
}

async fn with_cookie(gateway: &TestGateway, host: &str, path: &str, cookie: &str) -> Answer {
    gateway.get(host, path).by_browser().with("Cookie", cookie).send().await
}

async fn web_socket(gateway: &TestGateway, cookie: &str, origin: Option<&str>) -> Answer {
    let mut request = gateway
        .get("crm", "/ws")
        .with("Cookie", cookie)
        .with("Connection", "Upgrade")
        .with("Upgrade", "websocket")
        .with("Sec-WebSocket-Version", "13")
        .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    if let Some(origin) = origin {
        request = request.with("Origin", origin);
    }
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    wire.send(&request.bytes()).await;
    wire.answer().await.expect("an answer")
}

async fn signed_in(gateway: &TestGateway) -> Visitor {
    // Each sign-in takes a code of its own.
    gateway.clock().advance(Duration::from_secs(30));
    let mut ana = visitor(gateway);
    ana.get(&gateway.portal("/sign-in")).await.expect("an answer");
    ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    let inside = ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("an answer");
    assert_eq!(inside.status, 200, "{}", inside.words());
    ana
}

fn visitor(gateway: &TestGateway) -> Visitor {
    Visitor::new(gateway.clock().clone())
}

const CRM: &str = "crm.localhost";
const SESSION: &str = "__Host-vestibule";
const GO: &str = "__Host-vestibule-go";
