//! One's own account: what is signed in, a new password, new recovery codes (D1, D2, P6, S9, S11).

use std::time::Duration;

use access::totp::TotpSecret;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use harness::wire::Answer;
use http::StatusCode;
use vestibule::demo::visitor::{Form, Visitor};

#[tokio::test]
async fn the_account_page_tells_what_is_signed_in_and_ends_it() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let token = gateway.token("ana", &["crm"], &[], &[], DAY).await;
    gateway.clock().advance(Duration::from_secs(60));
    let mut other = signed_in(&gateway, "ana").await;
    gateway.clock().advance(Duration::from_secs(60));
    let mut ana = signed_in(&gateway, "ana").await;

    let page = ana.get(&gateway.portal("/account")).await.expect("an answer");
    let words = page.words();
    for told in ["This one", "1 minute ago", "2 minutes ago", "a phone", "a script", "crm", "never used", "10 left"] {
        assert!(words.contains(told), "{told}: {words}");
    }
    let ends = forms(&page.text(), "/account/sessions/end");
    assert_eq!(ends.len(), 3, "the other browser, all others, and the telephone");
    // Too soon after the last time to be written into the store.
    let phone = |words: &str| words.split_once("a phone").map(|(_, told)| told.chars().take(80).collect::<String>());
    assert!(phone(&words).is_some_and(|told| told.contains("last used 2 minutes ago")), "{words}");
    gateway.get("mail", "/").bearer(&device).send().await;
    let words = ana.get(&gateway.portal("/account")).await.expect("an answer").words();
    assert!(phone(&words).is_some_and(|told| told.contains("last used just now")), "{words}");

    // Whoever is in the list is out at once, and only they.
    let (status, words) = send(&gateway, &mut ana, &ends[0]).await;
    assert!(status == 200 && words.contains("That sign-in has ended."), "{words}");
    assert_eq!(other.get(&gateway.portal("/account")).await.expect("an answer").heading().as_deref(), Some("Sign in"));
    assert_eq!(gateway.get("mail", "/").bearer(&device).send().await.status, 200);
    let phone =
        ends.iter().find(|form| value(form, "session") != "others" && *form != &ends[0]).expect("the telephone");
    send(&gateway, &mut ana, phone).await;
    assert_eq!(gateway.get("mail", "/").bearer(&device).send().await.status, 401);
    assert_eq!(gateway.get("crm", "/").bearer(&token).send().await.status, 200);
    let page = ana.get(&gateway.portal("/account")).await.expect("an answer").text();
    let revoke = &forms(&page, "/account/tokens/revoke")[0];
    let (status, words) = send(&gateway, &mut ana, revoke).await;
    assert!(status == 200 && words.contains("revoked, for good"), "{words}");
    assert_eq!(gateway.get("crm", "/").bearer(&token).send().await.status, 401);
    // It is said once, and not because an address says so.
    for address in ["/account", "/account?done=password"] {
        let page = ana.get(&gateway.portal(address)).await.expect("an answer").words();
        assert!(!page.contains("for good.") || !page.contains("is revoked"), "{page}");
        assert!(!page.contains("is changed"), "{page}");
    }
    // Pressed twice, it is as it was.
    assert_eq!(send(&gateway, &mut ana, revoke).await.0, 200);
    assert_eq!(send(&gateway, &mut ana, &ends[0]).await.0, 200);
    assert_eq!(
        ana.get(&gateway.portal("/account")).await.expect("an answer").heading().as_deref(),
        Some("Your account")
    );
}

#[tokio::test]
async fn all_other_browsers_end_and_nothing_else() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let device = gateway.device("ana").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        gateway.clock().advance(Duration::from_secs(30));
        others.push(signed_in(&gateway, "ana").await);
    }
    gateway.clock().advance(Duration::from_secs(30));
    let mut ana = signed_in(&gateway, "ana").await;
    let page = ana.get(&gateway.portal("/account")).await.expect("an answer").text();
    let all = forms(&page, "/account/sessions/end").into_iter().find(|form| value(form, "session") == "others");
    let (_, words) = send(&gateway, &mut ana, &all.expect("a button for all others")).await;
    assert!(words.contains("All other browser sessions have ended."), "{words}");
    for other in &mut others {
        let page = other.get(&gateway.portal("/account")).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Sign in"));
    }
    assert_eq!(gateway.get("mail", "/").bearer(&device).send().await.status, 200);
}

#[tokio::test]
async fn nobody_ends_what_is_somebody_elses() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await.with_user("bo", Factor::Totp).await;
    let token = gateway.token("bo", &["crm"], &[], &[], DAY).await;
    let mut bo = signed_in(&gateway, "bo").await;
    let mut ana = signed_in(&gateway, "ana").await;
    let vault = gateway.gate().vault();
    let of_bo = vault.sessions(Some(gateway.id("bo"))).await.expect("the store answers")[0].id.to_string();
    let token_of_bo = vault.tokens(Some(gateway.id("bo"))).await.expect("the store answers")[0].id.to_string();
    ana.get(&gateway.portal("/account")).await.expect("an answer");
    for (path, name, id) in
        [("/account/sessions/end", "session", &of_bo), ("/account/tokens/revoke", "token", &token_of_bo)]
    {
        let form = form_token(&ana);
        let page = ana.post_form(&gateway.portal(path), &[("form", &form), (name, id)]).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Your account"));
        assert!(!page.text().contains("role=\"status\""), "nothing is said to be done: {}", page.words());
    }
    assert_eq!(
        bo.get(&gateway.portal("/account")).await.expect("an answer").heading().as_deref(),
        Some("Your account")
    );
    assert_eq!(gateway.get("crm", "/").bearer(&token).send().await.status, 200);
    for rubbish in ["", "x", "OTHERS", &"0".repeat(33)] {
        let form = form_token(&ana);
        let sent = [("form", form.as_str()), ("session", rubbish)];
        let answer = ana.post_form(&gateway.portal("/account/sessions/end"), &sent).await.expect("an answer");
        assert_eq!(answer.status, 400, "{rubbish:?}");
        ana.get(&gateway.portal("/account")).await.expect("an answer");
    }
}

#[tokio::test]
async fn a_new_password_leaves_integrations_alone_unless_a_box_says_otherwise() {
    for ticked in [&[][..], &["browsers"], &["devices"], &["tokens"], &["browsers", "devices", "tokens"]] {
        let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
        let device = gateway.device("ana").await;
        let token = gateway.token("ana", &["crm"], &[], &[], DAY).await;
        gateway.clock().advance(Duration::from_secs(30));
        let mut other = signed_in(&gateway, "ana").await;
        gateway.clock().advance(Duration::from_secs(30));
        let mut ana = signed_in(&gateway, "ana").await;
        let page = ana.get(&gateway.portal("/account/password")).await.expect("an answer");
        let (words, text) = (page.words(), page.text());
        for told in ["End other browser sessions", "a phone, last used", "a script, never used"] {
            assert!(words.contains(told), "{told}: {words}");
        }
        assert!(text.contains("value=\"yes\" aria-describedby=\"browsers-stops\" checked"), "the first is ticked");
        assert_eq!(text.matches(" checked").count(), 1, "and no other");

        let form = form_token(&ana);
        let mut fields = vec![("form", form.as_str()), ("current", PASSWORD), ("password", NEW), ("again", NEW)];
        fields.extend(ticked.iter().map(|name| (*name, "yes")));
        let page = ana.post_form(&gateway.portal("/account/password"), &fields).await.expect("an answer");
        assert!(page.words().contains("Your password is changed."), "{}", page.words());
        let stays = |name| !ticked.contains(&name);
        let browser = other.get(&gateway.portal("/account")).await.expect("an answer").heading();
        assert_eq!(browser.as_deref() == Some("Your account"), stays("browsers"), "{ticked:?}");
        let phone = gateway.get("mail", "/").bearer(&device).send().await.status;
        assert_eq!(phone == StatusCode::OK.as_u16(), stays("devices"), "{ticked:?}");
        let script = gateway.get("crm", "/").bearer(&token).send().await.status;
        assert_eq!(script == StatusCode::OK.as_u16(), stays("tokens"), "{ticked:?}");

        assert_eq!(api(&gateway, PASSWORD).await.problem(), "wrong_credentials");
        assert_eq!(api(&gateway, NEW).await.status, 200);
        assert!(!gateway.access_log().contains(NEW));
    }
}

#[tokio::test]
async fn a_password_is_changed_only_with_the_present_one_and_to_a_good_one() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana").await;
    for (current, password, again, told) in [
        (PASSWORD, "short", "short", "too short"),
        (PASSWORD, "password1234", "password1234", "easy to guess"),
        (PASSWORD, "ana example 1", "ana example 1", "easy to guess"),
        (PASSWORD, NEW, "something else", "differ"),
        (PASSWORD, PASSWORD, PASSWORD, "your password already"),
        ("not hers", NEW, NEW, "present password isn't right"),
        ("", NEW, NEW, "present password isn't right"),
    ] {
        ana.get(&gateway.portal("/account/password")).await.expect("an answer");
        let form = form_token(&ana);
        let fields = [("form", form.as_str()), ("current", current), ("password", password), ("again", again)];
        let page = ana.post_form(&gateway.portal("/account/password"), &fields).await.expect("an answer");
        assert_eq!(page.status, 422, "{told}: {}", page.words());
        assert!(page.words().contains(told), "{told}: {}", page.words());
        assert_eq!(page.text().matches(" checked").count(), 0, "what was not ticked is not ticked by itself");
    }
    // An open browser is no place to guess: the tries are those of the sign-in.
    let mut waits = false;
    for _ in 0..8 {
        ana.get(&gateway.portal("/account/password")).await.expect("an answer");
        let form = form_token(&ana);
        let fields = [("form", form.as_str()), ("current", "a guess"), ("password", NEW), ("again", NEW)];
        let page = ana.post_form(&gateway.portal("/account/password"), &fields).await.expect("an answer");
        waits |= page.status == 429;
    }
    assert!(waits);
    gateway.clock().advance(Duration::from_secs(60 * 60));
    assert_eq!(api(&gateway, PASSWORD).await.status, 200, "nothing has changed");
}

#[tokio::test]
async fn credentials_change_only_within_five_minutes_of_a_proof() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    for (path, heading) in
        [("/account/password", "Change your password"), ("/account/recovery-codes", "Make new recovery codes?")]
    {
        gateway.clock().advance(Duration::from_secs(30));
        let mut ana = signed_in(&gateway, "ana").await;
        let page = ana.get(&gateway.portal(path)).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some(heading), "just signed in");
        let form = form_token(&ana);
        gateway.clock().advance(Duration::from_secs(5 * 60));
        // What was on the screen is not done; the second step is asked for, and leads back.
        let fields = [("form", form.as_str()), ("current", PASSWORD), ("password", NEW), ("again", NEW)];
        let page = ana.post_form(&gateway.portal(path), &fields).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Enter your code"));
        assert_eq!(api(&gateway, PASSWORD).await.status, 200);
        let page = ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some(heading), "{}", page.words());
    }
}

#[tokio::test]
async fn new_recovery_codes_are_shown_once_and_the_old_ones_are_worth_nothing() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let old = gateway.recovery_code("ana", 0);
    let mut ana = signed_in(&gateway, "ana").await;
    let page = ana.get(&gateway.portal("/account/recovery-codes")).await.expect("an answer");
    assert!(page.words().contains("The 10 that are left stop working."), "{}", page.words());
    let form = form_token(&ana);
    let page = ana.post_form(&gateway.portal("/account/recovery-codes"), &[("form", &form)]).await.expect("an answer");
    let text = page.text();
    let codes = text.split("<code>").skip(1).filter_map(|piece| piece.split("</code>").next()).collect::<Vec<_>>();
    assert_eq!(codes.len(), 10, "{text}");
    for (code, works) in [(old.as_str(), false), (codes[3], true)] {
        let mut visitor = Visitor::new(gateway.clock().clone());
        visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
        visitor.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
        visitor.get(&gateway.portal("/second-step?method=recovery")).await.expect("an answer");
        let page = visitor.submit(&[("code", code)]).await.expect("an answer");
        assert_eq!(page.status == 200, works, "{}", page.words());
    }
    let audit = gateway.gate().vault().audit_rows(1, 1000).await.expect("the store answers");
    assert!(audit.iter().any(|row| row.entry.act == "recovery.renew"));
}

#[tokio::test]
async fn another_authenticator_app_takes_the_place_of_the_old_one_once_it_is_confirmed() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let old_recovery = gateway.recovery_code("ana", 0);
    let mut ana = signed_in(&gateway, "ana").await;
    let before = ana.cookie("login.localhost", "__Host-vestibule").expect("signed in").to_owned();
    for confirmed in [false, true] {
        ana.get(&gateway.portal("/account/authenticator")).await.expect("an answer");
        let form = form_token(&ana);
        let page =
            ana.post_form(&gateway.portal("/account/authenticator"), &[("form", &form)]).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Set up two-step sign-in"));
        let key = key_on(&page.text());
        gateway.clock().advance(Duration::from_secs(30));
        if !confirmed {
            // Given up: the old one goes on.
            signed_in(&gateway, "ana").await;
            continue;
        }
        let page = ana.submit(&[("code", &key.code_at(gateway.clock().now()))]).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Keep your recovery codes"), "{}", page.words());
        gateway.clock().advance(Duration::from_secs(30));
        let code = |code: String| {
            let gateway = &gateway;
            async move {
                let mut visitor = Visitor::new(gateway.clock().clone());
                visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
                visitor.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
                visitor.submit(&[("code", &code)]).await.expect("an answer").status.as_u16()
            }
        };
        assert_eq!(code(gateway.totp("ana")).await, 422, "the old one's code");
        assert_eq!(code(key.code_at(gateway.clock().now())).await, 200);
    }
    assert_ne!(ana.cookie("login.localhost", "__Host-vestibule"), Some(before.as_str()), "a new session (D3)");
    let login = gateway.get("login", "/account").by_browser().with("Cookie", &format!("__Host-vestibule={before}"));
    assert_eq!(login.send().await.status, 303, "and the old one has ended");
    let code = access::secret::TypedSecret::parse(&old_recovery).expect("a code");
    assert!(!gateway.gate().vault().has_recovery_code(gateway.id("ana"), &code).await.expect("the store answers"));
}

#[tokio::test]
async fn whoever_knows_the_password_alone_can_not_replace_a_second_step_that_was_set_up_meanwhile() {
    let sign_in = Some("sign_in: { two_step: optional }".to_owned());
    let gateway = TestGateway::with(Setup { sign_in, ..Setup::default() }).await.with_user("ana", Factor::None).await;
    let (mut ana, mut thief) = (Visitor::new(gateway.clock().clone()), Visitor::new(gateway.clock().clone()));
    for visitor in [&mut ana, &mut thief] {
        visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
        visitor.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
        let page = visitor.get(&gateway.portal("/account/authenticator")).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Set up two-step sign-in?"));
    }
    let held = form_token(&thief);
    let form = form_token(&ana);
    let page = ana.post_form(&gateway.portal("/account/authenticator"), &[("form", &form)]).await.expect("an answer");
    let key = key_on(&page.text());
    let page = ana.submit(&[("code", &key.code_at(gateway.clock().now()))]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Keep your recovery codes"));

    // Their sign-in is as fresh as hers was, and has shown no second step.
    for path in
        ["/account/authenticator", "/account/authenticator/off", "/account/recovery-codes", "/account/tokens/new"]
    {
        let fields = [("form", held.as_str()), ("name", "x"), ("app", "mail"), ("days", "30")];
        let page = thief.post_form(&gateway.portal(path), &fields).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Enter your code"), "{path}: {}", page.words());
        if path != "/account/authenticator/off" {
            let page = thief.get(&gateway.portal(path)).await.expect("an answer");
            assert_eq!(page.heading().as_deref(), Some("Enter your code"), "{path}");
        }
    }
    let vault = gateway.gate().vault();
    let kept = vault.totp(gateway.id("ana")).await.expect("the store answers").expect("it is set up");
    assert_eq!(kept.bytes(), key.bytes());
    assert_eq!(vault.tokens(None).await.expect("the store answers"), []);
}

#[tokio::test]
async fn two_step_is_switched_on_and_off_by_oneself_only_where_nobody_demands_it() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana").await;
    let page = ana.get(&gateway.portal("/account/authenticator")).await.expect("an answer");
    assert!(!page.text().contains("/account/authenticator/off"), "the organization demands it");
    let form = form_token(&ana);
    let off = gateway.portal("/account/authenticator/off");
    ana.post_form(&off, &[("form", &form)]).await.expect("an answer");
    assert!(!gateway.record("ana").await.enrolled.is_empty());

    let sign_in = Some("sign_in: { two_step: optional }".to_owned());
    let gateway = TestGateway::with(Setup { sign_in, ..Setup::default() }).await;
    let gateway = gateway.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana").await;
    ana.get(&gateway.portal("/account/authenticator")).await.expect("an answer");
    let form = form_token(&ana);
    let page =
        ana.post_form(&gateway.portal("/account/authenticator/off"), &[("form", &form)]).await.expect("an answer");
    assert!(page.words().contains("Two-step sign-in is off."), "{}", page.words());
    assert!(gateway.record("ana").await.enrolled.is_empty());
    let mut again = Visitor::new(gateway.clock().clone());
    again.get(&gateway.portal("/sign-in")).await.expect("an answer");
    let page = again.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Hello, ANA Example"), "the password alone");
    // And on again, from the same page.
    again.get(&gateway.portal("/account/authenticator")).await.expect("an answer");
    let form = form_token(&again);
    let page = again.post_form(&gateway.portal("/account/authenticator"), &[("form", &form)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Set up two-step sign-in"));
}

#[tokio::test]
async fn a_token_of_ones_own_opens_what_it_says_and_is_shown_once() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana").await;
    let offered = ana.get(&gateway.portal("/account/tokens/new")).await.expect("an answer").text();
    assert!(offered.contains("value=\"crm\"") && offered.contains("value=\"mail\""), "{offered}");
    let long = "x".repeat(65);
    for (name, app, days, status) in [
        ("", "mail", "30", 422),
        (long.as_str(), "mail", "30", 422),
        ("export", "", "30", 422),
        ("export", "elsewhere", "30", 422),
        ("export", "mail", "3650", 400),
        ("export", "mail", "", 400),
    ] {
        ana.get(&gateway.portal("/account/tokens/new")).await.expect("an answer");
        let form = form_token(&ana);
        let fields = [("form", form.as_str()), ("name", name), ("app", app), ("days", days)];
        let page = ana.post_form(&gateway.portal("/account/tokens/new"), &fields).await.expect("an answer");
        assert_eq!(page.status, status, "{name} {app} {days}: {}", page.words());
    }
    ana.get(&gateway.portal("/account/tokens/new")).await.expect("an answer");
    let form = form_token(&ana);
    let fields = [("form", form.as_str()), ("name", " export "), ("app", "mail"), ("days", "30")];
    let page = ana.post_form(&gateway.portal("/account/tokens/new"), &fields).await.expect("an answer").text();
    let token =
        page.split_once("<code class=\"secret\">").and_then(|(_, rest)| rest.split_once('<')).expect("a token").0;
    assert_eq!(gateway.get("mail", "/").bearer(token).send().await.status, 200);
    assert_eq!(gateway.mail().last().header("remote-user"), Some("ana"));
    assert_eq!(gateway.get("crm", "/").bearer(token).send().await.status, 403);
    let page = ana.get(&gateway.portal("/account")).await.expect("an answer");
    assert!(page.words().contains("export mail · last used") && !page.text().contains(token), "{}", page.words());
    assert!(!gateway.access_log().contains(token));
    gateway.clock().advance(Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(gateway.get("mail", "/").bearer(token).send().await.problem(), "token_expired");
}

#[tokio::test]
async fn what_somebody_makes_for_themselves_counts_only_from_where_they_said() {
    let policy =
        "networks: { office: [127.0.0.1, 127.0.0.9] }\norganization: { allow_from: [office] }\ngroups: { sales: {} }\n";
    let apps =
        "apps:\n  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, basic: app_passwords }\n";
    let setup = Setup { policy: Some(policy.to_owned()), apps: Some(apps.to_owned()), ..Setup::default() };
    let gateway = TestGateway::with(setup).await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana").await;
    let tokens = gateway.portal("/account/tokens/new");
    let app_passwords = gateway.portal("/account/app-passwords/new");
    for (page, kind) in [(&tokens, ("days", "30")), (&app_passwords, ("life", "never"))] {
        for nonsense in ["office", "127.0.0.1/8", "here"] {
            let asked = ana.get(page).await.expect("a page").words();
            assert!(asked.contains("You are at 127.0.0.1."), "{asked}");
            let form = form_token(&ana);
            let fields = [("form", form.as_str()), ("name", "x"), ("app", "mail"), ("addresses", nonsense), kind];
            let answer = ana.post_form(page, &fields).await.expect("an answer");
            assert_eq!(answer.status, 422, "{nonsense}");
            assert!(answer.words().contains("That is no list of addresses."), "{}", answer.words());
            assert!(answer.text().contains(&format!("value=\"{nonsense}\"")), "it stays to be mended");
        }
        ana.get(page).await.expect("a page");
        let form = form_token(&ana);
        let from = ("addresses", "127.0.0.9, 203.0.113.0/24");
        let fields = [("form", form.as_str()), ("name", "x"), ("app", "mail"), from, kind];
        let made = ana.post_form(page, &fields).await.expect("an answer").text();
        let secret = made.split_once("<code class=\"secret\">").and_then(|(_, rest)| rest.split_once('<'));
        let secret = secret.expect("shown once").0;
        let shown = if kind.0 == "days" {
            format!("Bearer {secret}")
        } else {
            format!("Basic {}", data_encoding::BASE64.encode(format!("ana:{secret}").as_bytes()))
        };
        let ask = async |from| gateway.get("mail", "/").from(from).with("authorization", &shown).send().await.status;
        assert_eq!((ask("127.0.0.9").await, ask("127.0.0.1").await), (200, 403), "{}", kind.0);
    }
    let audit = gateway.gate().vault().audit_rows(0, 1_000).await.expect("the store answers");
    let made = audit.iter().map(|row| serde_json::to_string(row).expect("JSON"));
    let told = made.filter(|row| row.contains(".add\"") && row.contains("from 127.0.0.9, 203.0.113.0/24"));
    assert_eq!(told.count(), 2, "the audit trail says from where");
    let listed = ana.get(&gateway.portal("/account")).await.expect("a page").words();
    assert_eq!(listed.matches("only from 127.0.0.9, 203.0.113.0/24").count(), 2, "{listed}");
}

#[tokio::test]
async fn password_managers_find_the_page_from_every_host() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    for host in ["login", "crm", "mail"] {
        let answer = gateway.get(host, "/.well-known/change-password").by_browser().send().await;
        let there = gateway.portal("/account/password");
        assert_eq!((answer.status, answer.header("location")), (303, Some(there.as_str())), "{host}");
        // Written otherwise it is nobody's.
        assert_eq!(gateway.get(host, "/.well-known/change%2Dpassword").send().await.status, 404, "{host}");
        let absent = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
        assert_ne!(gateway.get(host, absent).send().await.status, 200, "{host}");
    }
    assert!(gateway.crm().seen().is_empty() && gateway.mail().seen().is_empty(), "it is never the app's");
}

#[tokio::test]
async fn nobody_gets_there_without_signing_in_or_by_a_form_from_elsewhere() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    for path in ["/account", "/account/password", "/account/recovery-codes", "/account/tokens/new"] {
        let answer = gateway.get("login", path).by_browser().send().await;
        let to = format!("{}?return_to={path}", gateway.portal("/sign-in"));
        assert_eq!((answer.status, answer.header("location")), (303, Some(to.as_str())));
    }
    let ana = signed_in(&gateway, "ana").await;
    let cookie = ana.cookie("login.localhost", "__Host-vestibule").expect("signed in");
    for path in [
        "/account/sessions/end",
        "/account/tokens/revoke",
        "/account/tokens/new",
        "/account/password",
        "/account/recovery-codes",
        "/account/authenticator",
        "/account/authenticator/off",
    ] {
        let (password, token) =
            ([("current", PASSWORD), ("password", NEW), ("again", NEW)], [("name", "x"), ("app", "mail")]);
        let fields = [&[("form", "x"), ("session", "others"), ("days", "30")][..], &password, &token].concat();
        let request = gateway.ask("POST", "login", path).form(&fields).by_browser();
        let answer = request.with("Cookie", &format!("__Host-vestibule={cookie}")).send().await;
        assert_eq!(answer.status, 400, "{path}");
    }
    assert_eq!(api(&gateway, PASSWORD).await.status, 200);
    assert_eq!(gateway.gate().vault().tokens(None).await.expect("the store answers"), []);
}

/// The first step by password, as a native app asks for it.
async fn api(gateway: &TestGateway, password: &str) -> Answer {
    let document = serde_json::json!({ "username": "ana", "password": password, "device": "a test" });
    gateway.ask("POST", "login", "/api/v1/sign-in").json(&document).send().await
}

async fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = Visitor::new(gateway.clock().clone());
    visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
    visitor.submit(&[("username", name), ("password", PASSWORD)]).await.expect("an answer");
    let inside = visitor.submit(&[("code", &gateway.totp(name))]).await.expect("an answer");
    assert_eq!(inside.status, 200, "{}", inside.words());
    visitor
}

/// The forms of a page that lead there.
fn forms(page: &str, action: &str) -> Vec<Form> {
    Form::all(page).into_iter().filter(|form| form.action == action).collect()
}

fn value<'a>(form: &'a Form, name: &str) -> &'a str {
    form.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

/// Sends a form as it is; the status and words of what follows.
async fn send(gateway: &TestGateway, visitor: &mut Visitor, form: &Form) -> (u16, String) {
    let fields = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
    let page = visitor.post_form(&gateway.portal(&form.action), &fields).await.expect("an answer");
    (page.status.as_u16(), page.words())
}

/// The key that a set-up page shows.
fn key_on(page: &str) -> TotpSecret {
    let (_, key) = page.split_once("<code class=\"secret\">").expect("the key for the app");
    let key: String = key.split("</code>").next().unwrap_or_default().split_whitespace().collect();
    let key = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("base32");
    TotpSecret::from_random(key.try_into().expect("twenty bytes"))
}

/// The token of the page that a visitor looks at.
fn form_token(visitor: &Visitor) -> String {
    let page = visitor.page().expect("a page").text();
    let form = Form::all(&page).into_iter().find(|form| form.has("form")).expect("a form of ours");
    value(&form, "form").to_owned()
}

const NEW: &str = "nine purple bicycles";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
