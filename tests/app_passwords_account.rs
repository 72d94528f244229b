//! App passwords on one's own account page: made with a fresh proof, shown once, listed with their last use, revoked (A2–A4, P6, A37, A38).

use std::time::Duration;

use data_encoding::BASE64;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use harness::wire::Answer;
use vestibule::demo::visitor::{Form, Visitor};

#[tokio::test]
async fn one_is_made_shown_once_used_listed_and_revoked() {
    let gateway = with_ana().await;
    let mut ana = signed_in(&gateway, "ana").await;
    let page = look(&gateway, &mut ana, "/account").await;
    assert!(page.contains("App passwords") && page.contains("your own password is not taken there"), "{page}");
    let offered = look(&gateway, &mut ana, NEW).await;
    assert!(offered.contains("Until you revoke it"), "{offered}");
    let (status, text) = make(&gateway, &mut ana, " Calendar on my phone ", "never").await;
    assert_eq!(status, 200);
    let letters = letters_on(&text);
    let groups = letters.split('-').map(str::len).collect::<Vec<_>>();
    assert_eq!(groups, [4, 4, 4, 4], "{letters}");
    let address = gateway.app("mail", "/");
    for told in ["“<bdi>Calendar on my phone</bdi>”", "<bdi>ana</bdi>", "<svg xmlns", address.as_str()] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains(&gateway.app("crm", "/")), "the CRM takes none");

    let page = look(&gateway, &mut ana, "/account").await;
    assert!(page.contains("Calendar on my phone never used"), "{page}");
    assert_eq!(ask(&gateway, &letters, "DAVx5/4.3.10-ose").await.status, 200);
    gateway.clock().advance(Duration::from_secs(120));
    let page = look(&gateway, &mut ana, "/account").await;
    assert!(page.contains("last used 2 minutes ago from 127.0.0.1 by DAVx5/4.3.10-ose"), "{page}");
    let text = ana.page().expect("a page").text();
    assert!(!text.contains(&letters) && !gateway.access_log().contains(&letters), "shown once");

    let revoke = form(&text, "/account/app-passwords/revoke").expect("a bin");
    let (status, words) = send(&gateway, &mut ana, &revoke).await;
    assert!(status == 200 && words.contains("That app password is revoked, for good."), "{words}");
    assert_eq!(ask(&gateway, &letters, "DAVx5").await.problem(), "app_password_invalid");
    assert_eq!(send(&gateway, &mut ana, &revoke).await.0, 200, "pressed twice it is as it was");
    let acts = acts(&gateway).await;
    for act in ["app_password.add", "app_password.revoke"] {
        assert_eq!(acts.iter().filter(|known| known.contains(act)).count(), 1, "{act}: {acts:?}");
    }
}

#[tokio::test]
async fn it_is_as_good_as_was_asked_for_and_no_longer() {
    let gateway = with_ana().await;
    let mut ana = signed_in(&gateway, "ana").await;
    let day = Duration::from_secs(24 * 60 * 60);
    let (_, brief) = make(&gateway, &mut ana, "brief", "90").await;
    let (_, lasting) = make(&gateway, &mut ana, "lasting", "never").await;
    let (brief, lasting) = (letters_on(&brief), letters_on(&lasting));
    gateway.clock().advance(day * 90 - Duration::from_secs(1));
    assert_eq!(ask(&gateway, &brief, "x").await.status, 200);
    gateway.clock().advance(Duration::from_secs(1));
    let answer = ask(&gateway, &brief, "x").await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "app_password_expired"));
    gateway.clock().advance(day * 3650);
    assert_eq!(ask(&gateway, &lasting, "x").await.status, 200);
    let mut ana = signed_in(&gateway, "ana").await;
    let page = look(&gateway, &mut ana, "/account").await;
    assert!(page.contains("lasting") && !page.contains("brief"), "{page}");
}

#[tokio::test]
async fn nobody_makes_one_without_a_fresh_proof_or_by_a_form_from_elsewhere() {
    let gateway = with_ana().await;
    for path in [NEW, "/account"] {
        let answer = gateway.get("login", path).by_browser().send().await;
        let to = format!("{}?return_to={path}", gateway.portal("/sign-in"));
        assert_eq!((answer.status, answer.header("location")), (303, Some(to.as_str())));
    }
    let mut ana = signed_in(&gateway, "ana").await;
    let cookie = ana.cookie("login.localhost", "__Host-vestibule").expect("signed in").to_owned();
    for path in [NEW, "/account/app-passwords/revoke"] {
        let fields = [("form", "x"), ("name", "x"), ("life", "never"), ("app_password", "00")];
        let request = gateway.ask("POST", "login", path).form(&fields).by_browser();
        let answer = request.with("Cookie", &format!("__Host-vestibule={cookie}")).send().await;
        assert_eq!(answer.status, 400, "{path}");
    }
    look(&gateway, &mut ana, NEW).await;
    let held = form_token(&ana);
    gateway.clock().advance(Duration::from_secs(5 * 60));
    let fields = [("form", held.as_str()), ("name", "x"), ("life", "never")];
    let page = ana.post_form(&gateway.portal(NEW), &fields).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Enter your code"), "{}", page.words());
    let page = ana.get(&gateway.portal(NEW)).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Enter your code"));
    assert_eq!(gateway.gate().vault().app_passwords(None).await.expect("the store answers"), []);
    // And back to where they wanted to go.
    let page = ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Make an app password"));
}

#[tokio::test]
async fn what_is_typed_wrong_is_said_and_there_is_an_end_to_it() {
    let gateway = with_ana().await;
    let mut ana = signed_in(&gateway, "ana").await;
    let long = "x".repeat(65);
    for (name, life, status) in [
        ("", "never", 422),
        (" ", "90", 422),
        (long.as_str(), "365", 422),
        ("x", "", 400),
        ("x", "0", 400),
        ("x", "3650", 400),
    ] {
        assert_eq!(make(&gateway, &mut ana, name, life).await.0, status, "{name:?} {life:?}");
    }
    for number in 0..50 {
        assert_eq!(make(&gateway, &mut ana, &format!("device {number}"), "never").await.0, 200);
    }
    let (status, text) = make(&gateway, &mut ana, "one more", "never").await;
    assert!(status == 422 && text.contains("as many app passwords as one may have"), "{text}");
}

#[tokio::test]
async fn nobody_revokes_what_is_somebody_elses() {
    let gateway = with_ana().await.with_user("bo", Factor::Totp).await;
    let mut bo = signed_in(&gateway, "bo").await;
    let (_, text) = make(&gateway, &mut bo, "his", "never").await;
    let letters = letters_on(&text);
    let of_bo = gateway.gate().vault().app_passwords(Some(gateway.id("bo"))).await.expect("the store answers");
    let id = of_bo[0].id.to_string();
    let mut ana = signed_in(&gateway, "ana").await;
    for id in [id.as_str(), &"0".repeat(32)] {
        look(&gateway, &mut ana, "/account").await;
        let fields = [("form", form_token(&ana)), ("app_password", id.to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let page = ana.post_form(&gateway.portal("/account/app-passwords/revoke"), &fields).await;
        assert_eq!(page.expect("an answer").status, 200);
    }
    let header = format!("Basic {}", BASE64.encode(format!("bo:{letters}").as_bytes()));
    assert_eq!(gateway.get("mail", "/").with("Authorization", &header).send().await.status, 200);
}

#[tokio::test]
async fn a_new_password_ends_them_only_if_its_box_is_ticked() {
    for ticked in [false, true] {
        let gateway = with_ana().await;
        let mut ana = signed_in(&gateway, "ana").await;
        let (_, text) = make(&gateway, &mut ana, "Calendar", "never").await;
        let letters = letters_on(&text);
        assert_eq!(ask(&gateway, &letters, "x").await.status, 200);
        let words = look(&gateway, &mut ana, "/account/password").await;
        assert!(words.contains("Revoke app passwords Calendar, last used"), "{words}");
        let form = form_token(&ana);
        let new = "nine purple bicycles";
        let mut fields = vec![("form", form.as_str()), ("current", PASSWORD), ("password", new), ("again", new)];
        fields.extend(ticked.then_some(("app_passwords", "yes")));
        let page = ana.post_form(&gateway.portal("/account/password"), &fields).await.expect("an answer");
        assert!(page.words().contains("Your password is changed."), "{}", page.words());
        let answer = ask(&gateway, &letters, "x").await;
        assert_eq!(answer.status, if ticked { 401 } else { 200 });
    }
}

#[tokio::test]
async fn where_no_app_takes_one_nothing_is_said_of_them() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana").await;
    let page = look(&gateway, &mut ana, "/account").await;
    assert!(page.contains("API tokens") && !page.contains("App passwords"), "{page}");
}

async fn with_ana() -> TestGateway {
    let gateway = TestGateway::with(Setup { apps: Some(APPS.to_owned()), ..Setup::default() }).await;
    gateway.with_user("ana", Factor::Totp).await
}

/// As a calendar of hers asks.
async fn ask(gateway: &TestGateway, letters: &str, client: &str) -> Answer {
    let header = format!("Basic {}", BASE64.encode(format!("ana:{letters}").as_bytes()));
    gateway.get("mail", "/").with("Authorization", &header).with("User-Agent", client).send().await
}

/// Fills in the form for a new one; the status and the page that follows.
async fn make(gateway: &TestGateway, visitor: &mut Visitor, name: &str, life: &str) -> (u16, String) {
    look(gateway, visitor, NEW).await;
    let form = form_token(visitor);
    let fields = [("form", form.as_str()), ("name", name), ("life", life)];
    let page = visitor.post_form(&gateway.portal(NEW), &fields).await.expect("an answer");
    (page.status.as_u16(), page.text())
}

fn letters_on(page: &str) -> String {
    let (_, rest) = page.split_once("<code class=\"secret\">").expect("the letters");
    rest.split('<').next().unwrap_or_default().to_owned()
}

/// The words of a page.
async fn look(gateway: &TestGateway, visitor: &mut Visitor, path: &str) -> String {
    visitor.get(&gateway.portal(path)).await.expect("an answer").words()
}

async fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = Visitor::new(gateway.clock().clone());
    visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
    visitor.submit(&[("username", name), ("password", PASSWORD)]).await.expect("an answer");
    let inside = visitor.submit(&[("code", &gateway.totp(name))]).await.expect("an answer");
    assert_eq!(inside.status, 200, "{}", inside.words());
    visitor
}

fn form(page: &str, action: &str) -> Option<Form> {
    Form::all(page).into_iter().find(|form| form.action == action)
}

/// Sends a form as it is; the status and words of what follows.
async fn send(gateway: &TestGateway, visitor: &mut Visitor, form: &Form) -> (u16, String) {
    let fields = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
    let page = visitor.post_form(&gateway.portal(&form.action), &fields).await.expect("an answer");
    (page.status.as_u16(), page.words())
}

/// The token of the page that a visitor looks at.
fn form_token(visitor: &Visitor) -> String {
    let page = visitor.page().expect("a page").text();
    let form = Form::all(&page).into_iter().find(|form| form.has("form")).expect("a form of ours");
    form.fields.iter().find(|(name, _)| name == "form").expect("its token").1.clone()
}

/// Everything in the audit trail.
async fn acts(gateway: &TestGateway) -> Vec<String> {
    let rows = gateway.gate().vault().audit_rows(0, 1_000).await.expect("the store answers");
    rows.iter().map(|row| serde_json::to_string(row).expect("JSON")).collect()
}

const NEW: &str = "/account/app-passwords/new";
const APPS: &str = "apps:
  crm: { host: crm.localhost, upstream: \"http://{crm}\", allow: everyone }
  mail: { title: Calendars, host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, basic: app_passwords }
";
