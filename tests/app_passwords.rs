//! App passwords: a calendar knows only a user name and a password, and comes in all the same (A1–A4, A37–A40, A44, S14, S15).

use std::time::Duration;

use access::Timestamp;
use access::protocol::{Protocol, Protocols};
use data_encoding::BASE64;
use harness::gateway::{Factor, PASSWORD, POLICY, Setup, TestGateway, by_test};
use harness::wire::{Answer, CAFE, Request};
use vestibule::store::vault::{AppPasswordRecord, Force, NewAppPassword};

#[tokio::test]
async fn name_and_letters_open_the_app_which_learns_whose_they_are_but_not_the_letters() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    let plain = letters.replace('-', "");
    for (name, typed) in [
        ("ana", letters.as_str()),
        ("ANA", &letters.to_lowercase()),
        ("ana@acme.example", &letters.replace('-', " ")),
        ("Ana@Acme.example", &plain),
    ] {
        let answer = dav(&gateway, "/").with("Authorization", &basic(name, typed)).send().await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let seen = gateway.crm().last();
        assert_eq!((seen.header("remote-user"), seen.header("authorization")), (Some("ana"), None));
    }
    for scheme in ["basic", "BASIC"] {
        let header = basic("ana", &letters).replacen("Basic", scheme, 1);
        assert_eq!(dav(&gateway, "/").with("Authorization", &header).send().await.status, 200, "{scheme}");
    }
    // An app that wants to see it does.
    let header = basic("ana", &letters);
    assert_eq!(gateway.get("mail", "/").with("Authorization", &header).send().await.status, 200);
    assert_eq!(gateway.mail().last().header("authorization"), Some(header.as_str()));
    assert!(!gateway.access_log().contains(&plain) && !gateway.access_log().contains(&letters));
}

#[tokio::test]
async fn every_method_of_webdav_passes_with_its_body_and_its_fields() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    for method in [
        "OPTIONS",
        "PROPFIND",
        "PROPPATCH",
        "REPORT",
        "MKCALENDAR",
        "MKCOL",
        "PUT",
        "DELETE",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "ACL",
        "SEARCH",
        "POST",
        "PATCH",
    ] {
        let request = gateway.ask(method, "crm", "/dav/ana/home/").with("Authorization", &basic("ana", &letters));
        let request = request.with("Depth", "1").with("Destination", "/dav/ana/there/").body(b"<d:propfind/>");
        let answer = request.send().await;
        assert_eq!(answer.status, 200, "{method}");
        let seen = gateway.crm().last();
        assert_eq!((seen.method.as_str(), seen.header("depth")), (method, Some("1")));
        assert_eq!(seen.header("destination"), Some("/dav/ana/there/"));
        assert_eq!(seen.body.as_ref(), b"<d:propfind/>", "{method}");
    }
}

#[tokio::test]
async fn who_shows_nothing_is_told_what_would_do_and_browsers_are_sent_to_sign_in() {
    let gateway = with_ana().await;
    let answer = gateway.ask("PROPFIND", "crm", "/").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "sign_in_required"));
    assert_eq!(challenges(&answer), [BASIC, "Bearer realm=\"Acme\""]);
    let detail = answer.json()["detail"].as_str().expect("a sentence").to_owned();
    assert!(detail.contains(&gateway.portal("/account/app-passwords/new")), "{detail}");
    assert_eq!(answer.header("location"), None);
    // A person navigates, a page's script fetches: neither is shown the browser's own window for passwords.
    let page = gateway.get("crm", "/").by_browser().send().await;
    assert!(page.status == 303 && challenges(&page).is_empty(), "{}", page.status);
    let script = gateway.get("crm", "/").with("Sec-Fetch-Mode", "cors").send().await;
    assert_eq!((script.status, challenges(&script)), (401, vec!["Bearer realm=\"Acme\""]));
    // Where the app has not said so, Basic is between its client and it: as ever, a sign-in is asked for, and not by Basic.
    let (_, letters) = made(&gateway, "ana").await;
    let answer = gateway.get("crm2", "/").with("Authorization", &basic("ana", &letters)).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "sign_in_required"));
    assert_eq!(challenges(&answer), ["Bearer realm=\"Acme\""]);
    let public = gateway.get("crm2", "/status").with("Authorization", "Basic YTpi").send().await;
    assert_eq!(public.status, 200);
    assert_eq!(gateway.mail().last().header("authorization"), Some("Basic YTpi"));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_a_problem_and_a_challenge() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    let day = gateway.clock().now() + Duration::from_secs(60);
    let (_, brief) = make(&gateway, "ana", Protocols::NONE.with(Protocol::Web), &[], day).await;
    let (_, for_mail) = make(&gateway, "ana", Protocols::NONE.with(Protocol::Imap), &[], Timestamp::NEVER).await;
    let (_, from_afar) = make(&gateway, "ana", WEB, &["127.0.7.7"], Timestamp::NEVER).await;
    let (_, at_the_office) = make(&gateway, "ana", WEB, &["office"], Timestamp::NEVER).await;
    gateway.clock().advance(Duration::from_secs(61));
    let whole = basic("ana", &letters);
    for (header, status, code) in [
        (basic("ana", &brief), 401, "app_password_expired"),
        (basic("ana", &for_mail), 403, "app_password_not_for_app"),
        (basic("ana", &from_afar), 403, "address_not_allowed"),
        (basic("ana", PASSWORD), 401, "app_password_invalid"),
        (basic("ana", ""), 401, "app_password_invalid"),
        (basic("", &letters), 401, "app_password_invalid"),
        (basic("ana", &letters[..18]), 401, "app_password_invalid"),
        (basic("ana", &format!("{letters}0")), 401, "app_password_invalid"),
        ("Basic".to_owned(), 401, "sign_in_required"),
        ("Basic ".to_owned(), 401, "sign_in_required"),
        ("Basic x".to_owned(), 401, "app_password_invalid"),
        (whole[..whole.len() - 1].to_owned(), 401, "app_password_invalid"),
        (format!("{whole}="), 401, "app_password_invalid"),
        (format!("Basic {}", BASE64.encode(b"ana\xff:0123456789abcdef")), 401, "app_password_invalid"),
        (format!("Basic {}", BASE64.encode(&[b'x'; 9_000])), 401, "app_password_invalid"),
    ] {
        let answer = dav(&gateway, "/").with("Authorization", &header).send().await;
        let shown = header.chars().take(60).collect::<String>();
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{shown}");
        let offered = challenges(&answer).contains(&BASIC);
        assert_eq!(offered, status == 401, "{shown}");
        assert_eq!(answer.header("location"), None);
    }
    // The words say what to do instead (A1).
    let answer = shown(&gateway, "ana", PASSWORD).await;
    let detail = answer.json()["detail"].as_str().expect("a sentence").to_owned();
    assert!(detail.contains("Your own password is not taken here."), "{detail}");
    assert!(detail.contains(&gateway.portal("/account/app-passwords/new")), "{detail}");
    // In a browser's clothes it is a program's request (A7).
    let answer = dav(&gateway, "/").with("Authorization", &basic("ana", "x")).by_browser().send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "app_password_invalid"));
    // Its own list, and everybody's.
    assert_eq!(shown(&gateway, "ana", &at_the_office).await.status, 200);
    let answer = dav(&gateway, "/").from(CAFE).with("Authorization", &whole).send().await;
    assert_eq!(answer.json()["title"], "Access denied from this IP address");
    // A path that asks for more, a rule for tokens, somebody who is in no group, and the public path.
    for (path, status, code) in
        [("/strict", 403, "not_allowed"), ("/api/x", 403, "not_allowed"), ("/status", 200, ""), ("/x", 200, "")]
    {
        let answer = dav(&gateway, path).with("Authorization", &whole).send().await;
        assert_eq!(answer.status, status, "{path}");
        assert!(code.is_empty() || answer.problem() == code, "{path}");
    }
    gateway.add_user("bo", Factor::None, &[], &["field"]).await;
    let (_, his) = made(&gateway, "bo").await;
    assert_eq!(shown(&gateway, "bo", &his).await.problem(), "not_allowed");
    assert_eq!(shown(&gateway, "ana", &his).await.problem(), "app_password_invalid", "bound to its owner");
    assert_eq!(shown(&gateway, "bo", &letters).await.problem(), "app_password_invalid");
    // Two ways at once, or one way twice.
    let answer = dav(&gateway, "/").with("Authorization", &whole).with("Authorization", &whole).send().await;
    assert_eq!(answer.problem(), "bad_request");
    let answer = dav(&gateway, &format!("/?password={letters}")).send().await;
    assert_eq!(answer.problem(), "sign_in_required");
    // On a public path it is nobody's business.
    assert_eq!(dav(&gateway, "/status").with("Authorization", &basic("ana", "x")).send().await.status, 200);
    assert_eq!(gateway.crm().last().header("authorization"), None);
}

#[tokio::test]
async fn a_page_elsewhere_opens_no_websocket_with_a_password_that_a_browser_keeps() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    let own = gateway.app("crm", "");
    for (origin, status) in [(None, 101), (Some(own.as_str()), 101), (Some("https://evil.example"), 403)] {
        let request = dav(&gateway, "/ws").with("Authorization", &basic("ana", &letters));
        let request = request.with("Connection", "Upgrade").with("Upgrade", "websocket");
        let mut request =
            request.with("Sec-WebSocket-Version", "13").with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        if let Some(origin) = origin {
            request = request.with("Origin", origin);
        }
        let answer = request.start().await.header().await.expect("an answer");
        assert_eq!(answer.status, status, "{origin:?}");
    }
}

#[tokio::test]
async fn an_app_password_beside_a_cookie_is_what_counts() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    for (header, cookie, status) in [
        (basic("ana", &letters), "nonsense", 200),
        (basic("ana", &guess(1)), "nonsense", 401),
        (basic("ana", &letters), &letters, 200),
    ] {
        let request = dav(&gateway, "/").with("Authorization", &header);
        let answer = request.with("Cookie", &format!("__Host-vestibule={cookie}")).send().await;
        assert_eq!(answer.status, status, "{cookie}");
    }
    assert_eq!(gateway.crm().last().header("remote-user"), Some("ana"));
    // The portal is for people: there it opens nothing.
    let answer =
        gateway.get("login", "/account").with("Authorization", &basic("ana", &letters)).by_browser().send().await;
    assert_eq!(answer.status, 303);
    let device = gateway.ask("DELETE", "login", "/api/v1/session").with("Authorization", &basic("ana", &letters));
    assert_eq!(device.send().await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_or_disabled_is_over_at_once_and_cuts_what_it_holds_open() {
    for end in ["revoke", "disable", "group", "list", "expiry", "delete"] {
        let gateway = with_ana().await;
        let soon = gateway.clock().now() + Duration::from_secs(60);
        let (record, letters) = make(&gateway, "ana", WEB, &[], soon).await;
        let (_, other) = made(&gateway, "ana").await;
        let mut stream = dav(&gateway, "/stream").with("Authorization", &basic("ana", &letters)).start().await;
        assert_eq!(stream.header().await.map(|answer| answer.status), Some(200));
        assert_eq!(shown(&gateway, "ana", &letters).await.status, 200);
        assert_eq!(shown(&gateway, "ana", &other).await.status, 200);
        let (vault, ana) = (gateway.gate().vault(), gateway.id("ana"));
        match end {
            "revoke" => {
                let key = (ana, record.digest);
                assert!(vault.revoke_app_password(key, by_test("app_password.revoke")).await.expect("done"));
            }
            "disable" => drop(vault.disable_person(ana, Force::Yes, by_test("user.disable")).await.expect("done")),
            "group" => {
                let leave = |record: &mut vestibule::store::vault::PersonRecord| record.person.groups = [].into();
                vault.change_person(ana, Force::Yes, leave, by_test("user.set_groups")).await.expect("done");
            }
            "list" => gateway.set_policy(&POLICY.replace("127.0.0.1", "127.0.0.9")).await,
            "expiry" => gateway.clock().advance(Duration::from_secs(60)),
            _ => vault.delete_person(ana, Force::Yes, by_test("user.delete")).await.expect("done"),
        }
        gateway.catch_up().await;
        // No sleep: the connection ends, or the test runs out of patience.
        stream.ended().await;
        let (code, others) = match end {
            "revoke" => ("app_password_invalid", 200),
            "disable" => ("app_password_revoked", 401),
            "group" => ("not_allowed", 403),
            "list" => ("address_not_allowed", 403),
            "expiry" => ("app_password_expired", 200),
            _ => ("app_password_invalid", 401),
        };
        assert_eq!(shown(&gateway, "ana", &letters).await.problem(), code, "{end}");
        assert_eq!(shown(&gateway, "ana", &other).await.status, others, "{end}");
    }
}

#[tokio::test]
async fn it_outlives_a_new_password_a_sign_out_and_a_restart() {
    let mut gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    assert_eq!(shown(&gateway, "ana", &letters).await.status, 200);
    let vault = gateway.gate().vault();
    let hash = access::password::Password::parse(access::Secret::new("nine purple bicycles".to_owned()));
    let hash = hash.expect("a password").hash([8; 16]);
    vault.set_password(gateway.id("ana"), hash, by_test("password.set")).await.expect("set");
    vault.sign_out_person(gateway.id("ana"), by_test("user.sign_out")).await.expect("done");
    gateway.catch_up().await;
    assert_eq!(shown(&gateway, "ana", &letters).await.status, 200);
    gateway.restart().await;
    gateway.clock().advance(Duration::from_secs(10 * 365 * 24 * 60 * 60));
    assert_eq!(shown(&gateway, "ana", &letters).await.status, 200);
}

#[tokio::test]
async fn wrong_ones_are_counted_and_the_same_wrong_one_of_one_client_once() {
    for name in ["ana", "ana@acme.example", "nobody", "nobody@acme.example"] {
        let gateway = with_ana().await;
        let (_, letters) = made(&gateway, "ana").await;
        assert_eq!(shown(&gateway, "ana", &letters).await.status, 200);
        // A calendar with a password of yesterday asks all day long.
        for _ in 0..60 {
            assert_eq!(shown(&gateway, name, &guess(0)).await.problem(), "app_password_invalid");
        }
        for number in 1..5 {
            assert_eq!(
                shown(&gateway, name, &guess(number)).await.problem(),
                "app_password_invalid",
                "{name} {number}"
            );
        }
        let answer = shown(&gateway, name, &guess(5)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (429, "too_many_tries"), "{name}");
        assert_eq!(answer.header("retry-after"), Some("1"));
        // What was counted already, and what is known to be right, goes on.
        assert_eq!(shown(&gateway, name, &guess(0)).await.problem(), "app_password_invalid");
        assert_eq!(shown(&gateway, "ana", &letters).await.status, 200);
        let first = serde_json::json!({ "username": "ana", "password": PASSWORD, "device": "a phone" });
        let asked = gateway.ask("POST", "login", "/api/v1/sign-in").json(&first).send().await;
        assert_eq!(asked.status, 200, "the web password is counted apart: {}", asked.text());
        gateway.clock().advance(Duration::from_secs(1));
        assert_eq!(shown(&gateway, name, &guess(5)).await.problem(), "app_password_invalid");
        let wait = shown(&gateway, name, &guess(6)).await;
        assert_eq!((wait.status, wait.header("retry-after")), (429, Some("2")));
        // Elsewhere it is counted apart: whoever guesses keeps nobody else's programs out.
        gateway.set_policy(&POLICY.replace("127.0.0.1", "127.0.0.1, 127.0.0.2")).await;
        let elsewhere = dav(&gateway, "/").from("127.0.0.2").with("Authorization", &basic(name, &guess(0)));
        assert_eq!(elsewhere.send().await.problem(), "app_password_invalid", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_shows_on_twenty_connections_at_once_is_one_guess() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    for (letters, expected) in [(letters.as_str(), 200), (&guess(0), 401)] {
        let request = dav(&gateway, "/").with("Authorization", &basic("ana", letters));
        let asked = futures_util::future::join_all((0..20).map(|_| request.send())).await;
        let answers = asked.iter().map(|answer| answer.status).collect::<Vec<_>>();
        assert_eq!(answers, [expected; 20]);
    }
    for number in 1..5 {
        assert_eq!(shown(&gateway, "ana", &guess(number)).await.status, 401, "the wrong one was counted once");
    }
    assert_eq!(shown(&gateway, "ana", &guess(5)).await.status, 429);
}

#[tokio::test]
async fn a_source_that_guesses_at_many_names_waits_too() {
    let gateway = with_ana().await;
    for number in 0..50 {
        assert_eq!(shown(&gateway, &format!("user{number}"), &guess(number)).await.problem(), "app_password_invalid");
    }
    assert_eq!(shown(&gateway, "ana", &guess(99)).await.problem(), "too_many_tries");
}

#[tokio::test]
async fn a_name_that_exists_and_one_that_does_not_get_the_same_answer() {
    let gateway = with_ana().await;
    gateway.add_user("bo", Factor::None, &[], &["sales"]).await;
    made(&gateway, "ana").await;
    let vault = gateway.gate().vault();
    vault.disable_person(gateway.id("bo"), Force::Yes, by_test("user.disable")).await.expect("done");
    gateway.catch_up().await;
    let mut answers = Vec::new();
    for name in ["ana", "bob", "bo", "eve"] {
        let answer = shown(&gateway, name, &guess(7)).await;
        let mut document = answer.json();
        document["reference"] = "".into();
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "date");
        answers.push((answer.status, headers, document.to_string(), answer.body.len()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test]
async fn a_known_one_is_answered_from_memory_and_its_use_is_noted_once_an_hour() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    let ask = async |client: &str| {
        let request = dav(&gateway, "/").with("Authorization", &basic("ana", &letters)).with("User-Agent", client);
        assert_eq!(request.send().await.status, 200);
    };
    ask("DAVx5/4.3.10-ose").await;
    gateway.gate().tell_uses().await;
    let work = async || {
        let verbs = ["get", "scan", "apply"].map(|verb| format!("vestibule_store_seconds_count{{verb=\"{verb}\"}}"));
        let mut sum = 0.0;
        for verb in verbs {
            sum += gateway.metric(&verb).await;
        }
        sum
    };
    let before = work().await;
    for _ in 0..20 {
        ask("another").await;
    }
    // The gateway counts the sessions once when it has begun, which may be now.
    let asked = work().await - before;
    assert!(asked <= 1.0, "the store was asked {asked} times");
    let last = async || {
        gateway.gate().tell_uses().await;
        let all = gateway.gate().vault().app_passwords(Some(gateway.id("ana"))).await.expect("the store answers");
        let last = all[0].last_used.clone().expect("it was used");
        (last.at, last.from.to_string(), last.client)
    };
    let first = gateway.clock().now();
    assert_eq!(last().await, (first, "127.0.0.1".to_owned(), "DAVx5/4.3.10-ose".to_owned()));
    gateway.clock().advance(Duration::from_secs(60 * 60));
    ask("Thunderbird").await;
    assert_eq!(last().await, (gateway.clock().now(), "127.0.0.1".to_owned(), "Thunderbird".to_owned()));
    assert_eq!(gateway.metric("vestibule_token_checks_total{kind=\"app_password\",result=\"allowed\"}").await, 22.0);
    shown(&gateway, "ana", &guess(1)).await;
    let wrong = "vestibule_token_checks_total{kind=\"app_password\",result=\"app_password_invalid\"}";
    assert_eq!(gateway.metric(wrong).await, 1.0);
}

#[tokio::test]
async fn beside_https_no_app_password_is_taken_in_the_clear() {
    let gateway = with_ana().await;
    let (_, letters) = made(&gateway, "ana").await;
    harness::certificates::write(
        gateway.file("chain.pem"),
        gateway.file("key.pem"),
        &["login.localhost", "crm.localhost", "crm2.localhost", "mail.localhost"],
    );
    let written = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("readable");
    let https = written
        .replace("portal: http://", "portal: https://")
        .replace("listen: { http:", "listen: { https: \"127.0.0.1:1\", http:")
        .replace("policies:", "tls: { certificates: [{ chain: chain.pem, key_file: key.pem }] }\npolicies:");
    std::fs::write(gateway.file("gateway.yaml"), https).expect("writable");
    gateway.running().reloader().reload(Force::No).await.unwrap_or_else(|faults| panic!("{faults}"));
    let answer = shown(&gateway, "ana", &letters).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "https_required"));
    assert!(challenges(&answer).is_empty() && gateway.crm().seen().is_empty());
}

async fn with_ana() -> TestGateway {
    let gateway = TestGateway::with(Setup { apps: Some(APPS.to_owned()), ..Setup::default() }).await;
    gateway.with_user("ana", Factor::Totp).await
}

/// An app password for the web, for ever.
async fn made(gateway: &TestGateway, owner: &str) -> (AppPasswordRecord, String) {
    make(gateway, owner, WEB, &[], Timestamp::NEVER).await
}

async fn make(
    gateway: &TestGateway,
    owner: &str,
    protocols: Protocols,
    only_from: &[&str],
    expires: Timestamp,
) -> (AppPasswordRecord, String) {
    let new = NewAppPassword {
        owner: gateway.id(owner),
        name: "calendar".to_owned(),
        protocols,
        only_from: only_from.iter().map(|entry| (*entry).to_owned()).collect(),
        expires,
    };
    let made = gateway.gate().vault().add_app_password(new, by_test("app_password.add")).await.expect("made");
    gateway.catch_up().await;
    let (record, letters) = made.expect("there is room");
    (record, letters.grouped())
}

fn dav(gateway: &TestGateway, path: &str) -> Request {
    gateway.get("crm", path)
}

async fn shown(gateway: &TestGateway, name: &str, letters: &str) -> Answer {
    dav(gateway, "/").with("Authorization", &basic(name, letters)).send().await
}

fn basic(name: &str, letters: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{name}:{letters}").as_bytes()))
}

fn challenges(answer: &Answer) -> Vec<&str> {
    let fields = answer.headers.iter().filter(|(name, _)| name == "www-authenticate");
    fields.map(|(_, value)| value.as_str()).collect()
}

/// Sixteen letters that are nobody's.
fn guess(number: usize) -> String {
    format!("0000-0000-0000-{number:04}")
}

const BASIC: &str = "Basic realm=\"Acme\", charset=\"UTF-8\"";
const WEB: Protocols = Protocols::NONE.with(Protocol::Web);
const APPS: &str = "apps:
  crm:
    title: Calendar
    host: crm.localhost
    upstream: http://{crm}
    basic: app_passwords
    allow: group sales
    paths:
      - { path: /status, allow: public }
      - { path: /api/*, allow: [token crm.read] }
      - { path: /strict, allow: everyone, second_step: [totp] }
  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, basic: app_passwords, pass_authorization: true }
  crm2:
    host: crm2.localhost
    upstream: http://{mail}
    allow: everyone
    paths:
      - { path: /status, allow: public }
";
