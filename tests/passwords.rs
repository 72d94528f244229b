//! Which passwords are taken, and for how long: leaks, age, and the report on what is discouraged (P4; ASVS 6.2).

use std::time::Duration;

use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use harness::program::Program;
use harness::wire::Answer;
use vestibule::breached;
use vestibule::demo::visitor::{Form, Page, Visitor};
use vestibule::store::vault::Force;

use crate::PROGRAM;

#[tokio::test]
async fn a_password_that_has_leaked_is_taken_on_no_way_and_one_that_has_not_is() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    breach(&gateway, &["purple bicycles", LEAKED]).await;
    let told = "has appeared in a leak";

    let mut bea = Visitor::new(gateway.clock().clone());
    bea.get(&gateway.portal(&gateway.invite("bea", "Bea Mora").await)).await.expect("an answer");
    let page = bea.submit(&[("password", LEAKED), ("again", LEAKED)]).await.expect("an answer");
    assert!(page.status == 422 && page.words().contains(told), "{}", page.words());
    let page = bea.submit(&[("password", NEW), ("again", NEW)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Sign in"), "{}", page.words());

    let mut ana = signed_in(&gateway, "ana").await;
    let page = change(&gateway, &mut ana, PASSWORD, LEAKED).await;
    assert!(page.status == 422 && page.words().contains(told), "{}", page.words());
    assert_eq!(api(&gateway, PASSWORD).await.status, 200, "nothing has changed");
    // Who has it already is let in: only a new one is held against the file.
    breach(&gateway, &[PASSWORD]).await;
    assert_eq!(api(&gateway, PASSWORD).await.status, 200);
    let page = change(&gateway, &mut ana, PASSWORD, LEAKED).await;
    assert!(page.words().contains("Your password is changed."), "{}", page.words());
    assert_eq!(api(&gateway, LEAKED).await.status, 200);
    assert!(!gateway.access_log().contains(LEAKED));
}

#[tokio::test]
async fn a_damaged_file_of_breached_passwords_never_comes_into_force_and_one_that_goes_away_lets_no_password_through() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    breach(&gateway, &[LEAKED]).await;
    let path = gateway.file("breached.bin");
    let sound = std::fs::read(&path).expect("readable");

    let mut damaged = sound.clone();
    *damaged.last_mut().expect("an entry") ^= 1;
    // As `breached build` does it: what is open stays what it was.
    std::fs::write(gateway.file("new"), damaged)
        .and_then(|()| std::fs::rename(gateway.file("new"), &path))
        .expect("writable");
    let faults = gateway.running().reloader().reload(Force::No).await.expect_err("refused");
    let fault = &faults.0[0];
    assert_eq!((fault.code, fault.file.as_str()), ("bad_breached_file", "gateway.yaml"), "{faults}");
    let line = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("readable");
    assert!(line.lines().nth(fault.line as usize - 1).expect("a line").contains("breached.bin"));
    let mut ana = signed_in(&gateway, "ana").await;
    assert_eq!(change(&gateway, &mut ana, PASSWORD, LEAKED).await.status, 422, "the old one is in force");

    std::fs::write(gateway.file("new"), &sound)
        .and_then(|()| std::fs::rename(gateway.file("new"), &path))
        .expect("writable");
    gateway.running().reloader().reload(Force::No).await.expect("accepted");
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_len(64)).expect("writable");
    let page = change(&gateway, &mut ana, PASSWORD, NEW).await;
    assert_eq!(page.status, 503, "{}", page.words());
    assert_eq!(api(&gateway, PASSWORD).await.status, 200, "nothing has changed");
}

#[tokio::test]
async fn who_signs_in_with_a_password_that_is_too_old_chooses_another_before_anything_opens() {
    let sign_in = Some("sign_in: { two_step: required, passwords: { max_age: 30d } }".to_owned());
    let gateway = TestGateway::with(Setup { sign_in, ..Setup::default() }).await.with_user("ana", Factor::Totp).await;
    gateway.clock().advance(30 * DAY - Duration::from_secs(60));
    let mut before = signed_in(&gateway, "ana").await;
    assert_eq!(before.get(&gateway.app("crm", "/")).await.expect("an answer").status, 200);
    gateway.clock().advance(Duration::from_secs(60));

    // Whoever was inside when it grew too old goes on.
    let heading = before.get(&gateway.portal("/account")).await.expect("an answer").heading();
    assert_eq!(heading.as_deref(), Some("Your account"));
    assert_eq!(before.get(&gateway.app("mail", "/")).await.expect("an answer").status, 200);

    let mut ana = signed_in(&gateway, "ana").await;
    let page = ana.page().expect("a page");
    let old = "Your password is older than your organization allows.";
    assert!(page.words().contains(old) && page.url.path() == "/account/password", "{}", page.words());
    let seen = gateway.crm().seen().len();
    for address in [
        gateway.portal("/"),
        gateway.portal("/account"),
        gateway.portal("/account/tokens/new"),
        gateway.app("crm", "/"),
        gateway.app("mail", "/"),
    ] {
        let page = ana.get(&address).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Change your password"), "{address}");
    }
    let form = form_token(&ana);
    let fields = [("form", form.as_str()), ("name", "x"), ("app", "mail"), ("days", "30")];
    ana.post_form(&gateway.portal("/account/tokens/new"), &fields).await.expect("an answer");
    assert_eq!(gateway.gate().vault().tokens(None).await.expect("the store answers"), []);
    assert_eq!(gateway.crm().seen().len(), seen, "nothing reached the app");
    let device = api(&gateway, PASSWORD).await;
    assert_eq!((device.status, device.problem().as_str()), (403, "password_too_old"));
    // Nor does a sign-in that a browser began become a device's.
    let mut phone = Visitor::new(gateway.clock().clone());
    phone.get(&gateway.portal("/sign-in")).await.expect("an answer");
    phone.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    let flow = phone.cookie("login.localhost", "__Host-vestibule-flow").expect("a sign-in under way").to_owned();
    gateway.clock().advance(Duration::from_secs(30));
    let second = serde_json::json!({ "method": "totp", "code": gateway.totp("ana") });
    let device = gateway.ask("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(&second).send().await;
    assert_eq!((device.status, device.problem().as_str()), (403, "password_too_old"));
    assert_eq!(api(&gateway, "a guess").await.problem(), "wrong_credentials", "only who knows it hears that it is old");

    // What is wrong with a new one is told instead.
    let page = change(&gateway, &mut ana, PASSWORD, "short").await;
    assert!(page.words().contains("too short") && !page.words().contains(old), "{}", page.words());
    let page = change(&gateway, &mut ana, PASSWORD, NEW).await;
    assert!(page.words().contains("Your password is changed."), "{}", page.words());
    assert_eq!(ana.get(&gateway.app("crm", "/")).await.expect("an answer").heading(), None);
    assert!(gateway.crm().seen().len() > seen);
    assert_eq!(api(&gateway, NEW).await.status, 200);
}

#[tokio::test]
async fn by_itself_no_password_is_ever_too_old() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    gateway.clock().advance(400 * DAY);
    let ana = signed_in(&gateway, "ana").await;
    assert_eq!(ana.page().expect("a page").heading().as_deref(), Some("Hello, ANA Example"));
    assert_eq!(api(&gateway, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn only_pages_on_which_a_password_is_chosen_may_run_a_script() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let invitation = gateway.invite("bea", "Bea Mora").await;
    let mut ana = signed_in(&gateway, "ana").await;
    for (path, chooses) in [
        (invitation.as_str(), true),
        ("/account/password", true),
        ("/account", false),
        ("/account/tokens/new", false),
        ("/", false),
        ("/whoami", false),
    ] {
        let page = ana.get(&gateway.portal(path)).await.expect("an answer");
        let policy = page.header("content-security-policy").expect("a policy").to_owned();
        assert_eq!(policy.contains("script-src 'self'"), chooses, "{path}: {policy}");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let script = page.text().split_once("src=\"").map(|(_, rest)| rest.split('"').next().unwrap_or("").to_owned());
        assert_eq!(script.is_some(), chooses, "{path}");
        if let Some(script) = script {
            let answer = gateway.get("login", &script).send().await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(gateway.get("login", &script.replace("strength-", "strength-0")).send().await.status, 404);
        }
    }
}

#[tokio::test]
async fn breached_build_makes_what_the_configuration_takes() {
    let program = Program::new(PROGRAM).await;
    program.write("leaked.txt", &format!("{LEAKED}\nshort\n"));
    let path = |name: &str| program.file(name).to_str().expect("UTF-8").to_owned();
    let (leaked, out) = (path("leaked.txt"), path("breached.bin"));
    let built = program.run(&["breached", "build", &leaked, "--out", &out]).await.ended(0);
    assert!(built.out.contains("holds 1 password in 70 bytes."), "{}", built.out);
    let built = program.json(&["breached", "build", &leaked, "--out", &out]).await;
    assert_eq!((built["passwords"].as_u64(), built["left_out"].as_u64()), (Some(1), Some(1)), "{built}");
    program.write("gateway.yaml", &with_breached(&program.settings()));
    program.run(&["check"]).await.ended(0);
    program.write("breached.bin", "something else");
    for verb in ["check", "serve"] {
        let told = program.run(&[verb]).await.ended(78);
        assert!(told.err.contains("error[bad_breached_file]") && told.err.contains("gateway.yaml:"), "{}", told.err);
    }
    let told = program.run(&["breached", "build", &path("absent"), "--out", &out]).await.ended(1);
    assert!(told.err.contains("can't be read"), "{}", told.err);
    program.run(&["breached", "build", "--out", &out]).await.ended(2);
}

#[tokio::test]
async fn policy_report_lists_what_is_discouraged_and_is_no_failure() {
    let program = Program::new(PROGRAM).await;
    let told = program.run(&["policy-report"]).await.ended(0);
    assert!(
        told.out.contains("6.2.12  level 2  gateway.yaml:7  sign_in.passwords.breached_file: not written"),
        "{}",
        told.out
    );
    assert!(told.out.ends_with("1 deviation from OWASP ASVS 5.0.\n"), "{}", told.out);
    breached::build(&[leaked(program.dir(), &[LEAKED])], &program.file("breached.bin"), |_| ()).expect("built");
    program.write("gateway.yaml", &with_breached(&program.settings()));
    let told = program.run(&["policy-report"]).await.ended(0);
    assert_eq!(told.out, "The configuration turns on nothing that OWASP ASVS 5.0 discourages.\n");
    program
        .write("gateway.yaml", &with_breached(&program.settings()).replace("two_step: required", "two_step: optional"));
    let report = program.json(&["policy-report"]).await;
    let deviations = report["deviations"].as_array().expect("a list");
    assert_eq!(deviations.len(), 1, "{report}");
    assert_eq!((&deviations[0]["requirement"], &deviations[0]["line"]), (&"6.3.3".into(), &7.into()), "{report}");
    program.write("gateway.yaml", "version: 1\n");
    program.run(&["policy-report"]).await.ended(78);
}

/// Brings a file of these breached passwords into force.
async fn breach(gateway: &TestGateway, passwords: &[&str]) {
    let input = leaked(gateway.config_dir(), passwords);
    breached::build(&[input], &gateway.file("breached.bin"), |_| ()).expect("built");
    let settings = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("readable");
    if !settings.contains("breached.bin") {
        std::fs::write(gateway.file("gateway.yaml"), with_breached(&settings)).expect("writable");
    }
    gateway.running().reloader().reload(Force::No).await.unwrap_or_else(|faults| panic!("{faults}"));
}

fn with_breached(settings: &str) -> String {
    settings.replace("two_step: required", "two_step: required, passwords: { breached_file: breached.bin }")
}

fn leaked(folder: &std::path::Path, passwords: &[&str]) -> std::path::PathBuf {
    let path = folder.join("leaked.txt");
    std::fs::write(&path, passwords.join("\n")).expect("writable");
    path
}

/// Sends the form for a new password.
async fn change<'v>(gateway: &TestGateway, visitor: &'v mut Visitor, current: &str, new: &str) -> &'v Page {
    visitor.get(&gateway.portal("/account/password")).await.expect("an answer");
    let form = form_token(visitor);
    let fields = [("form", form.as_str()), ("current", current), ("password", new), ("again", new)];
    visitor.post_form(&gateway.portal("/account/password"), &fields).await.expect("an answer")
}

async fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = Visitor::new(gateway.clock().clone());
    gateway.clock().advance(Duration::from_secs(30));
    visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
    visitor.submit(&[("username", name), ("password", PASSWORD)]).await.expect("an answer");
    let inside = visitor.submit(&[("code", &gateway.totp(name))]).await.expect("an answer");
    assert_eq!(inside.status, 200, "{}", inside.words());
    visitor
}

/// The first step by password, as a native app asks for it.
async fn api(gateway: &TestGateway, password: &str) -> Answer {
    let document = serde_json::json!({ "username": "ana", "password": password, "device": "a test" });
    gateway.ask("POST", "login", "/api/v1/sign-in").json(&document).send().await
}

/// The token of the page that a visitor looks at.
fn form_token(visitor: &Visitor) -> String {
    let page = visitor.page().expect("a page").text();
    let form = Form::all(&page).into_iter().find(|form| form.has("form")).expect("a form of ours");
    form.fields.iter().find(|(name, _)| name == "form").map_or_else(String::new, |(_, value)| value.clone())
}

const LEAKED: &str = "seven yellow tractors";
const NEW: &str = "nine purple bicycles";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
