//! A forgotten password, as its owner and as others meet it. (P1–P3, P7, P8; A36; ASVS 6.3.7, 6.4.3)

use std::time::Duration;

use access::secret::TypedSecret;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use http::StatusCode;
use vestibule::demo::postbox::Received;
use vestibule::demo::visitor::{Form, Page, Visitor};

const NEW: &str = "a quiet river under old stone";

#[tokio::test]
async fn a_link_from_a_mail_chooses_a_password_and_signs_nobody_in() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let token = gateway.token("ana", &["crm"], &[], &[], Duration::from_secs(86_400)).await;
    gateway.clock().advance(Duration::from_secs(60));
    let mut elsewhere = signed_in(&gateway, "ana", PASSWORD).await;

    let mut ana = visitor(&gateway);
    let page = ana.get(&gateway.portal("/sign-in")).await.expect("a page");
    assert!(page.text().contains("href=\"/forgot\""), "{}", page.words());
    let letter = ask(&gateway, &mut ana, "ana@acme.example", 1).await.expect("a mail");
    assert_eq!(letter.from, "login@acme.example");
    assert!(letter.subject.contains("Password reset"), "{}", letter.subject);
    assert!(letter.text.contains("Hello ANA Example,") && letter.html.contains("Choose a new password"), "{letter:?}");
    assert!(letter.raw.contains("Auto-Submitted: auto-generated"), "{}", letter.raw);
    let link = letter.link().expect("a link").to_owned();
    assert!(link.starts_with(&gateway.portal("/reset/")), "{link}");

    let page = ana.get(&link).await.expect("a page");
    assert_eq!(
        (heading(page), page.url.path()),
        ("Choose a new password".into(), "/reset"),
        "the secret is out of the address"
    );
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    let page = ana.submit(&[("password", NEW), ("again", "something else")]).await.expect("a page");
    assert!(page.words().contains("The two passwords differ"), "{}", page.words());
    let page = ana.submit(&[("password", "short"), ("again", "short")]).await.expect("a page");
    assert!(page.words().contains("too short"), "{}", page.words());
    let page = ana.submit(&[("password", NEW), ("again", NEW)]).await.expect("a page");
    assert!(page.words().contains("Your password is changed. Sign in with it."), "{}", page.words());
    let page = ana.get(&gateway.portal("/account")).await.expect("a page");
    assert_eq!(heading(page), "Sign in", "nobody is signed in by a link");

    let page = elsewhere.get(&gateway.app("mail", "/")).await.expect("a page");
    assert_eq!(heading(page), "Sign in", "whoever was signed in is signed out");
    assert_eq!(gateway.ask("GET", "mail", "/").bearer(&device).send().await.status, 401);
    assert_eq!(gateway.ask("GET", "crm", "/").bearer(&token).send().await.status, 200, "what nobody ticked goes on");

    let page = with_password(&gateway, &mut ana, "ana", PASSWORD).await;
    assert!(page.words().contains("don't match"), "{}", page.words());
    let page = with_password(&gateway, &mut ana, "ana", NEW).await;
    assert_eq!(heading(page), "Enter your code", "the second step is asked for as ever");

    let told = gateway.postbox().wait_for("ana@acme.example", "Your password was reset", 1).await.expect("a mail");
    assert!(
        told.text.contains("From: 127.0.0.1") && told.text.contains("23 November 2026, 08:01 UTC"),
        "{}",
        told.text
    );
    assert!(told.link().is_some_and(|link| link == gateway.portal("/account")), "{}", told.text);
}

#[tokio::test]
async fn what_is_ticked_at_a_reset_ends_for_good() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let token = gateway.token("ana", &["crm"], &[], &[], Duration::from_secs(86_400)).await;
    let mut ana = visitor(&gateway);
    let letter = ask(&gateway, &mut ana, "ana@acme.example", 1).await.expect("a mail");
    let page = ana.get(letter.link().expect("a link")).await.expect("a page");
    assert!(
        page.words().contains("Revoke API tokens") && page.words().contains("a script, never used"),
        "{}",
        page.words()
    );
    let page = send(&mut ana, "/reset", &[("password", NEW), ("again", NEW), ("tokens", "yes")]).await;
    assert_eq!(heading(page), "Sign in");
    assert_eq!(gateway.ask("GET", "crm", "/").bearer(&token).send().await.status, 401);
}

#[tokio::test]
async fn a_link_works_once_for_half_an_hour_and_until_the_next() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    let first = ask(&gateway, &mut ana, "ana@acme.example", 1).await.expect("a mail");
    let second = ask(&gateway, &mut ana, "ana@acme.example", 2).await.expect("a mail");
    let (first, second) = (first.link().expect("a link").to_owned(), second.link().expect("a link").to_owned());
    assert_ne!(first, second);
    assert_gone(&gateway, &first, "a newer one took its place").await;

    gateway.clock().advance(Duration::from_secs(29 * 60));
    // A scanner opens it; nothing is used up by that.
    visitor(&gateway).get(&second).await.expect("a page");
    let (mut one, mut other) = (visitor(&gateway), visitor(&gateway));
    one.get(&second).await.expect("a page");
    other.get(&second).await.expect("a page");
    let fields = [("password", NEW), ("again", NEW)];
    let (one, other) = tokio::join!(one.submit(&fields), other.submit(&fields));
    let statuses = [one.expect("a page").status, other.expect("a page").status];
    assert!(statuses.contains(&StatusCode::OK) && statuses.contains(&StatusCode::GONE), "{statuses:?}");
    assert_gone(&gateway, &second, "it was used").await;

    gateway.clock().advance(Duration::from_secs(31 * 60));
    let third = ask(&gateway, &mut ana, "ana@acme.example", 3).await.expect("a mail");
    let third = third.link().expect("a link").to_owned();
    let (cut, longer) = (&third[..third.len() - 1], format!("{third}A"));
    assert_gone(&gateway, cut, "a part is missing").await;
    assert_gone(&gateway, &longer, "there is too much").await;
    gateway.clock().advance(Duration::from_secs(30 * 60));
    assert_gone(&gateway, &third, "it is too old").await;
}

#[tokio::test]
async fn another_password_or_another_address_retires_a_link() {
    let gateway = gateway().await.with_user("ana", Factor::None).await.with_user("bo", Factor::None).await;
    let mut someone = visitor(&gateway);
    let anas = ask(&gateway, &mut someone, "ana@acme.example", 1).await.expect("a mail");
    let bos = ask(&gateway, &mut someone, "bo@acme.example", 1).await.expect("a mail");
    let vault = gateway.gate().vault();
    let hash = access::password::Password::parse(access::Secret::new(NEW.to_owned())).expect("one").hash([9; 16]);
    vault.set_password(gateway.id("ana"), hash, harness::gateway::by_test("password.set")).await.expect("set");
    let moved = access::identity::Email::parse("bo@elsewhere.example").expect("an address");
    let change = |person: &mut vestibule::store::vault::PersonRecord| person.email = Some(moved.clone());
    let entry = harness::gateway::by_test("user.set-email");
    vault.change_person(gateway.id("bo"), vestibule::store::vault::Force::No, change, entry).await.expect("changed");
    assert_gone(&gateway, anas.link().expect("a link"), "the password is another one").await;
    assert_gone(&gateway, bos.link().expect("a link"), "the address is another one").await;
    for address in ["bo@acme.example", "bo@elsewhere.example"] {
        let told = gateway.postbox().wait_for(address, "The address of your account was changed", 1).await;
        let told = told.expect("both addresses are told");
        assert!(
            told.text.contains("bo@elsewhere.example") && told.text.contains("By: an administrator"),
            "{}",
            told.text
        );
    }
}

#[tokio::test]
async fn whoever_asks_learns_nothing_about_who_exists() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await.with_user("bo", Factor::Totp).await;
    gateway
        .gate()
        .vault()
        .disable_person(gateway.id("bo"), vestibule::store::vault::Force::No, harness::gateway::by_test("user.disable"))
        .await
        .expect("disabled");
    let mut pages = Vec::new();
    for address in ["ana@acme.example", "bo@acme.example", "xy@acme.example", "no address"] {
        let mut visitor = visitor(&gateway);
        visitor.get(&gateway.portal("/forgot")).await.expect("a page");
        let page = visitor.submit(&[("email", address)]).await.expect("a page");
        let headers =
            ["content-security-policy", "cache-control", "set-cookie"].map(|name| page.header(name).map(str::to_owned));
        pages.push((page.status, page.text().replace(address, "…"), headers));
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:#?}");
    let letter = gateway.postbox().wait_for("ana@acme.example", "", 1).await;
    assert!(letter.is_some());
    assert_eq!(gateway.postbox().received().len(), 1, "nobody else is written to");
}

#[tokio::test]
async fn three_mails_an_hour_are_enough_and_a_source_has_to_wait_at_last() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    for count in 1..=3 {
        ask(&gateway, &mut ana, "ana@acme.example", count).await.expect("a mail");
    }
    let page = asked(&gateway, &mut ana, "ana@acme.example").await;
    assert_eq!(heading(page), "Look into your mail", "the same answer");
    let count = async |act: &str| {
        let audit = gateway.gate().vault().audit_rows(0, 1_000).await.expect("readable");
        audit.iter().filter(|row| row.entry.act == act).count()
    };
    while count("password.reset_withheld").await == 0 {
        tokio::task::yield_now().await;
    }
    gateway.clock().advance(Duration::from_secs(3_601));
    ask(&gateway, &mut ana, "ana@acme.example", 4).await.expect("the fourth mail is that of the next hour");
    assert_eq!((count("password.reset_asked").await, count("password.reset_withheld").await), (4, 1));

    for _ in 5..50 {
        asked(&gateway, &mut ana, "nobody@acme.example").await;
    }
    let page = asked(&gateway, &mut ana, "nobody@acme.example").await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.words().contains("Too many tries. Try again in"), "{}", page.words());
}

#[tokio::test]
async fn the_link_leads_to_the_configured_portal_whatever_a_request_says() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    let token = form_token(ana.get(&gateway.portal("/forgot")).await.expect("a page"), "/forgot");
    let cookie = ana.cookie("login.localhost", "__Host-vestibule-form").expect("a cookie").to_owned();
    let answer = gateway
        .ask("POST", "login", "/forgot")
        .by_browser()
        .with("cookie", &format!("__Host-vestibule-form={cookie}"))
        .with("x-forwarded-host", "evil.example")
        .with("x-forwarded-proto", "gopher")
        .with("forwarded", "host=evil.example;proto=gopher")
        .form(&[("email", "ana@acme.example"), ("form", &token)])
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let letter = gateway.postbox().wait_for("ana@acme.example", "Password reset", 1).await.expect("a mail");
    assert!(letter.link().expect("a link").starts_with(&gateway.portal("/reset/")), "{}", letter.text);
    assert!(!letter.raw.contains("evil"), "{}", letter.raw);
}

#[tokio::test]
async fn a_locked_account_gets_in_again_by_a_new_password() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    for _ in 0..7 {
        with_password(&gateway, &mut ana, "ana", "a guess of somebody").await;
    }
    let page = with_password(&gateway, &mut ana, "ana", PASSWORD).await;
    assert!(page.words().contains("Too many tries"), "{}", page.words());
    let letter = ask(&gateway, &mut ana, "ana@acme.example", 1).await.expect("a mail");
    ana.get(letter.link().expect("a link")).await.expect("a page");
    ana.submit(&[("password", NEW), ("again", NEW)]).await.expect("a page");
    assert_eq!(heading(with_password(&gateway, &mut ana, "ana", NEW).await), "Enter your code");
}

#[tokio::test]
async fn without_a_mail_server_the_page_says_whom_to_ask() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    let page = ana.get(&gateway.portal("/forgot")).await.expect("a page");
    assert!(page.words().contains("Your administrator can give you a link"), "{}", page.words());
    assert!(!page.text().contains("<form"), "{}", page.text());
}

#[tokio::test]
async fn changes_of_credentials_are_told_by_mail() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana", PASSWORD).await;
    ana.get(&gateway.portal("/account/tokens/new")).await.expect("a page");
    let page = send(&mut ana, "/account/tokens/new", &[("name", "a backup"), ("app", "crm"), ("days", "30")]).await;
    assert!(page.words().contains("Your new token"), "{}", page.words());
    let told = gateway.postbox().wait_for("ana@acme.example", "An API token was made", 1).await.expect("a mail");
    assert!(told.subject.ends_with(" · Acme") && told.text.contains("a backup"), "{told:?}");

    ana.get(&gateway.portal("/account/recovery-codes")).await.expect("a page");
    let page = send(&mut ana, "/account/recovery-codes", &[]).await;
    let shown = page.text().split("<code>").filter_map(|piece| TypedSecret::parse(piece.split('<').next()?)).count();
    assert_eq!(shown, 10, "{}", page.words());
    let told = gateway.postbox().wait_for("ana@acme.example", "New recovery codes were made", 1).await.expect("a mail");
    assert!(told.subject.ends_with(" · Acme"), "{}", told.subject);

    ana.get(&gateway.portal("/account/password")).await.expect("a page");
    ana.submit(&[("current", PASSWORD), ("password", NEW), ("again", NEW)]).await.expect("a page");
    let told = gateway.postbox().wait_for("ana@acme.example", "Your password was changed", 1).await.expect("a mail");
    assert!(told.subject.ends_with(" · Acme"), "{}", told.subject);

    gateway
        .gate()
        .vault()
        .reset_two_step(gateway.id("ana"), harness::gateway::by_test("user.reset-two-step"))
        .await
        .expect("reset");
    let told =
        gateway.postbox().wait_for("ana@acme.example", "Two-step sign-in was switched off", 1).await.expect("a mail");
    assert!(told.subject.ends_with(" · Acme"), "{}", told.subject);
    assert!(told.text.contains("By: an administrator"), "{}", told.text);
}

#[tokio::test]
async fn a_sign_in_from_somewhere_new_is_told_with_a_link_that_ends_it() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let sign_in = async |agent: &'static str| {
        gateway.clock().advance(Duration::from_secs(60));
        let mut visitor = visitor(&gateway).with_agent(agent);
        with_password(&gateway, &mut visitor, "ana", PASSWORD).await;
        visitor.submit(&[("code", &gateway.totp("ana"))]).await.expect("a page");
        visitor
    };
    // The first one of all is told to nobody, nor is the same again.
    sign_in(firefox).await;
    let mut known = sign_in(firefox).await;
    assert!(gateway.gate().vault().errands(10).await.expect("readable").is_empty());
    let mut thief = sign_in("curl/8.5.0").await;
    let told = gateway.postbox().wait_for("ana@acme.example", "New sign-in to your account", 1).await.expect("a mail");
    assert!(told.text.contains("From: 127.0.0.1") && told.text.contains("With: "), "{}", told.text);
    let link = told.link().expect("a link");

    let mut someone = visitor(&gateway);
    let page = someone.get(link).await.expect("a page");
    assert_eq!(heading(page), "Was it not you?");
    let page = thief.get(&gateway.portal("/account")).await.expect("a page");
    assert_eq!(heading(page), "Your account", "opening the link ends nothing");
    let page = someone.submit(&[]).await.expect("a page");
    assert_eq!(heading(page), "That session has ended");
    assert_eq!(heading(thief.get(&gateway.portal("/account")).await.expect("a page")), "Sign in");
    assert_eq!(heading(known.get(&gateway.portal("/account")).await.expect("a page")), "Your account");
    let page = someone.get(link).await.expect("a page");
    assert_eq!((page.status, heading(page)), (StatusCode::GONE, "There is nothing to end".into()));
    // It is known from then on.
    sign_in("curl/8.5.0").await;
    assert!(gateway.gate().vault().errands(10).await.expect("readable").is_empty());
}

#[tokio::test]
async fn an_administrator_starts_a_recovery_and_sees_no_link() {
    let gateway = gateway().await.with_user("ana", Factor::Totp).await;
    let in_force = gateway.running().reloader().in_force();
    let command = vestibule::admin::Command::UserRecover { user: "ana".to_owned() };
    let answer = vestibule::admin::perform(gateway.gate().vault(), &in_force, gateway.clock(), command).await;
    let answer = answer.expect("done").to_string();
    let letter = gateway.postbox().wait_for("ana@acme.example", "Password reset", 1).await.expect("a mail");
    let link = letter.link().expect("a link");
    let secret = link.rsplit('/').next().expect("a secret");
    assert!(answer.contains("ana@acme.example") && !answer.contains(secret), "{answer}");
    let mut ana = visitor(&gateway);
    let page = ana.get(link).await.expect("a page");
    assert_eq!(heading(page), "Choose a new password");
}

#[tokio::test]
async fn security_questions_are_set_first_and_asked_beside_the_link_where_an_organization_wants_them() {
    let sign_in = Some("sign_in: { two_step: required, security_questions: true }".to_owned());
    let gateway = TestGateway::with(Setup { mail: true, sign_in, ..Setup::default() }).await;
    let gateway = gateway.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    with_password(&gateway, &mut ana, "ana", PASSWORD).await;
    let page = ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("a page");
    assert_eq!(heading(page), "Security questions");
    let page = ana.get(&gateway.app("crm", "/")).await.expect("a page");
    assert_eq!(heading(page), "Security questions", "nothing opens before");
    let (one, other) = ("Who had the blue boat?", "What was under the stairs?");
    let set = async |ana: &mut Visitor, answers: [&str; 2]| {
        let fields = [("question1", one), ("answer1", answers[0]), ("question2", other), ("answer2", answers[1])];
        let page = ana.submit(&fields).await.expect("a page");
        (page.status, page.words())
    };
    let (status, words) = set(&mut ana, ["The Stairs", "a boat"]).await;
    assert!(status == 200 && words.contains("are set"), "{words}");
    ana.get(&gateway.portal("/account/questions")).await.expect("a page");
    for answers in [["the boat", "x"], ["Marta", " marta "], ["blue boat", "the cat"]] {
        let (status, words) = set(&mut ana, answers).await;
        assert!(status == 422 && words.contains("Give two different answers"), "{answers:?}: {words}");
    }
    set(&mut ana, ["Marta Ruiz", "the grey cat"]).await;
    assert_eq!(ana.get(&gateway.app("crm", "/")).await.expect("a page").status, StatusCode::OK);

    let mut ana = visitor(&gateway);
    let letter = ask(&gateway, &mut ana, "ana@acme.example", 1).await.expect("a mail");
    let page = ana.get(letter.link().expect("a link")).await.expect("a page");
    assert!(page.words().contains(one) && page.words().contains(other), "{}", page.words());
    for answers in [["", ""], ["Marta Ruiz", "the black cat"], ["the grey cat", "Marta Ruiz"]] {
        let fields = [("password", NEW), ("again", NEW), ("answer1", answers[0]), ("answer2", answers[1])];
        let page = ana.submit(&fields).await.expect("a page");
        assert!(page.words().contains("One of the answers isn't right"), "{}", page.words());
    }
    let right = [("password", NEW), ("again", NEW), ("answer1", "MARTA  ruiz."), ("answer2", "The grey cat")];
    let page = ana.submit(&right).await.expect("a page");
    assert!(page.words().contains("Your password is changed"), "{}", page.words());
    let page = with_password(&gateway, &mut ana, "ana", NEW).await;
    assert_eq!(heading(page), "Enter your code", "they spare no second step");

    // Guesses are few.
    let letter = ask(&gateway, &mut ana, "ana@acme.example", 2).await.expect("a mail");
    ana.get(letter.link().expect("a link")).await.expect("a page");
    let wrong = [("password", PASSWORD), ("again", PASSWORD), ("answer1", "Marta"), ("answer2", "a dog")];
    for _ in 0..5 {
        ana.submit(&wrong).await.expect("a page");
    }
    let page = ana.submit(&right).await.expect("a page");
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "{}", page.words());
}

async fn gateway() -> TestGateway {
    TestGateway::with(Setup { mail: true, ..Setup::default() }).await
}

fn visitor(gateway: &TestGateway) -> Visitor {
    Visitor::new(gateway.clock().clone())
}

async fn asked<'v>(gateway: &TestGateway, visitor: &'v mut Visitor, address: &str) -> &'v Page {
    visitor.get(&gateway.portal("/forgot")).await.expect("a page");
    visitor.submit(&[("email", address)]).await.expect("a page")
}

/// Asks for a link and waits for the mail; there are so many for this address then.
async fn ask(gateway: &TestGateway, visitor: &mut Visitor, address: &str, count: usize) -> Option<Received> {
    let page = asked(gateway, visitor, address).await;
    assert_eq!(heading(page), "Look into your mail");
    gateway.postbox().wait_for(address, "Password reset", count).await
}

async fn with_password<'v>(gateway: &TestGateway, visitor: &'v mut Visitor, name: &str, password: &str) -> &'v Page {
    visitor.get(&gateway.portal("/sign-in?start=again")).await.expect("a page");
    visitor.submit(&[("username", name), ("password", password)]).await.expect("a page")
}

async fn signed_in(gateway: &TestGateway, name: &str, password: &str) -> Visitor {
    let mut visitor = visitor(gateway);
    with_password(gateway, &mut visitor, name, password).await;
    let page = visitor.submit(&[("code", &gateway.totp(name))]).await.expect("a page");
    assert!(heading(page).starts_with("Hello, "), "{}", page.words());
    visitor
}

async fn assert_gone(gateway: &TestGateway, link: &str, why: &str) {
    let mut visitor = visitor(gateway);
    let page = visitor.get(link).await.expect("a page");
    assert_eq!((page.status, heading(page)), (StatusCode::GONE, "This link can't be used".into()), "{why}");
}

fn heading(page: &Page) -> String {
    page.heading().unwrap_or_default()
}

/// Sends a form of the present page with these fields, also those that it has no value for yet.
async fn send<'v>(visitor: &'v mut Visitor, action: &str, fields: &[(&str, &str)]) -> &'v Page {
    let token = form_token(visitor.page().expect("a page"), action);
    let fields = [&[("form", token.as_str())], fields].concat();
    visitor.post_form(action, &fields).await.expect("a page")
}

/// The token of the form that is sent there.
fn form_token(page: &Page, action: &str) -> String {
    let forms = Form::all(&page.text());
    let form = forms.iter().find(|form| form.action == action).expect("a form");
    let token = form.filled(&[]).find(|(name, _)| *name == "form").map(|(_, value)| value.to_owned());
    token.expect("a form of ours")
}
