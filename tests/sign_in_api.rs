//! Signing in as native apps do, and every way of abusing it (S10, S13; A26–A30, A34).

use std::time::Duration;

use futures_util::future::join_all;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway, by_test};
use harness::wire::Answer;
use serde_json::json;
use vestibule::store::vault::Force;

#[tokio::test(flavor = "multi_thread")]
async fn a_code_sent_many_times_at_once_opens_one_session() {
    for (flows, each) in [(1, 2), (1, 50), (5, 10)] {
        let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
        let code = gateway.totp("ana");
        let mut begun = Vec::new();
        for _ in 0..flows {
            begun.push(flow(&gateway, "ana").await);
        }
        let sent = begun.iter().flat_map(|flow| (0..each).map(|_| proceed(&gateway, flow, "totp", &code)));
        let answers = join_all(sent).await;
        let opened = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(opened, 1, "{flows} sign-ins, {each} times the code: {:?}", statuses(&answers));
        assert_eq!(sessions(&gateway, "ana").await, 1);
        assert!(
            answers.iter().all(|answer| matches!(answer.status, 200 | 410 | 422 | 429)),
            "{:?}",
            statuses(&answers)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_sent_many_times_at_once_opens_one_session() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let (code, flow) = (gateway.recovery_code("ana", 3), flow(&gateway, "ana").await);
    let answers = join_all((0..20).map(|_| proceed(&gateway, &flow, "recovery", &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{:?}", statuses(&answers));
    assert_eq!(sessions(&gateway, "ana").await, 1);
}

#[tokio::test]
async fn what_was_used_is_refused_in_every_later_sign_in() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let code = gateway.totp("ana");
    assert_eq!(proceed(&gateway, &flow(&gateway, "ana").await, "totp", &code).await.status, 200);
    for wait in [0, 29] {
        gateway.clock().advance(Duration::from_secs(wait));
        assert_eq!(proceed(&gateway, &flow(&gateway, "ana").await, "totp", &code).await.problem(), "used_code");
    }
    gateway.clock().advance(Duration::from_secs(60));
    assert_eq!(proceed(&gateway, &flow(&gateway, "ana").await, "totp", &code).await.problem(), "wrong_code");

    let recovery = gateway.recovery_code("ana", 0);
    assert_eq!(proceed(&gateway, &flow(&gateway, "ana").await, "recovery", &recovery).await.status, 200);
    assert_eq!(proceed(&gateway, &flow(&gateway, "ana").await, "recovery", &recovery).await.problem(), "wrong_code");
    // However it is typed.
    let other = gateway.recovery_code("ana", 1).to_lowercase().replace('-', " ");
    assert_eq!(proceed(&gateway, &flow(&gateway, "ana").await, "recovery", &other).await.status, 200);
}

#[tokio::test]
async fn a_code_is_good_for_its_own_moment_and_in_plain_digits() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let early = gateway.totp("ana");
    gateway.clock().advance(Duration::from_secs(60));
    let now = gateway.totp("ana");
    let first = flow(&gateway, "ana").await;
    let arabic: String = now.chars().filter_map(|digit| char::from_u32(digit as u32 - 48 + 0x660)).collect();
    for wrong in [early.as_str(), &arabic, &format!("{now}0")] {
        assert_eq!(proceed(&gateway, &first, "totp", wrong).await.problem(), "wrong_code", "{wrong}");
    }
    // As keyboards of Japanese telephones type them.
    let wide: String = now.chars().filter_map(|digit| char::from_u32(digit as u32 - 48 + 0xff10)).collect();
    assert_eq!(proceed(&gateway, &first, "totp", &wide).await.status, 200);
}

#[tokio::test]
async fn five_wrong_codes_end_a_sign_in_and_the_next_has_to_wait() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let first = flow(&gateway, "ana").await;
    for _ in 1..5 {
        assert_eq!(proceed(&gateway, &first, "totp", "000000").await.problem(), "wrong_code");
    }
    assert_eq!(proceed(&gateway, &first, "totp", "000000").await.problem(), "flow_over");
    assert_eq!(proceed(&gateway, &first, "totp", &gateway.totp("ana")).await.problem(), "flow_over");
    // The right password does not give new guesses (A28): the count is the account's, over all methods.
    let second = flow(&gateway, "ana").await;
    for method in ["totp", "recovery"] {
        let waiting = proceed(&gateway, &second, method, &gateway.totp("ana")).await;
        assert_eq!((waiting.status, waiting.problem().as_str()), (429, "wait"));
        assert!(waiting.header("retry-after").is_some_and(|seconds| seconds.parse().is_ok_and(|left: u64| left <= 2)));
    }
    gateway.clock().advance(Duration::from_secs(1));
    assert_eq!(proceed(&gateway, &second, "totp", &gateway.totp("ana")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_guesses_at_once_are_five_guesses() {
    let policy = "organization: { allow_from: [127.0.0.0/8] }\ngroups: { sales: {} }\n".to_owned();
    let gateway = TestGateway::with(Setup { policy: Some(policy), ..Setup::default() }).await;
    gateway.add_user("ana", Factor::Totp, &[], &[]).await;
    let begun = flow(&gateway, "ana").await;
    let guess = |n: usize| {
        let (gateway, flow) = (&gateway, &begun);
        let document = json!({ "method": "totp", "code": format!("{n:06}") });
        let request = gateway.ask("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(&document);
        async move { request.from(&format!("127.0.3.{}", 1 + n % 200)).send().await }
    };
    let answers = join_all((0..200).map(guess)).await;
    let mut evaluated = 0.0;
    for result in ["wrong", "over", "used", "right", "refused"] {
        let labels = format!("method=\"totp\",result=\"{result}\",step=\"second_step\"");
        evaluated += gateway.metric(&format!("vestibule_sign_ins_total{{{labels}}}")).await;
    }
    assert!(evaluated <= 5.0, "{evaluated} codes were compared: {:?}", statuses(&answers));

    let hashed = async || gateway.metric("vestibule_password_hash_seconds_count").await;
    let before = hashed().await;
    let guess = |n: usize| {
        let document = json!({ "username": "ana", "password": format!("guess {n}") });
        let request = gateway.ask("POST", "login", "/api/v1/sign-in").json(&document);
        async move { request.from(&format!("127.0.4.{}", 1 + n % 200)).send().await }
    };
    let answers = join_all((0..200).map(guess)).await;
    assert!(hashed().await - before <= 5.0, "{} passwords were compared", hashed().await - before);
    assert!(answers.iter().filter(|answer| answer.status == 401).count() <= 5, "{:?}", statuses(&answers));
}

#[tokio::test]
async fn who_exists_is_not_told_by_any_answer() {
    let gateway =
        TestGateway::start().await.with_user("anna", Factor::Totp).await.with_user("dina", Factor::Totp).await;
    gateway.gate().vault().disable_person(gateway.id("dina"), Force::No, by_test("user.disable")).await.expect("done");
    gateway.catch_up().await;
    gateway.invite("ivan", "Ivan").await;
    // Somebody with a wrong password, nobody, somebody disabled with the right one, somebody who has none yet.
    let cases = [("anna", "wrong"), ("nope", "wrong"), ("dina", PASSWORD), ("ivan", PASSWORD), ("nine", PASSWORD)];
    let mut told = Vec::new();
    for (name, password) in cases {
        let mut answers = Vec::new();
        for _ in 0..7 {
            answers.push(begin(&gateway, name, password).await);
        }
        // Locked by now: the right password changes nothing.
        answers.push(begin(&gateway, name, PASSWORD).await);
        told.push((name, answers));
    }
    let (_, first) = &told[0];
    assert_eq!(statuses(first), [401, 401, 401, 401, 401, 429, 429, 429]);
    for (name, answers) in &told {
        for (at, (answer, expected)) in answers.iter().zip(first).enumerate() {
            assert_eq!(answer.status, expected.status, "{name}, try {at}");
            assert_eq!(undated(answer), undated(expected), "{name}, try {at}");
            assert_eq!(answer.text(), expected.text(), "{name}, try {at}");
        }
    }
}

#[tokio::test]
async fn however_a_person_is_called_their_guesses_are_counted_together() {
    let gateway = TestGateway::start().await.with_user("anna", Factor::Totp).await;
    let names = ["anna", "ANNA", " anna ", "Anna@Acme.example", "ａｎｎａ"];
    for name in names {
        assert_eq!(begin(&gateway, name, "wrong").await.status, 401, "{name}");
    }
    for name in names {
        assert_eq!(begin(&gateway, name, PASSWORD).await.status, 429, "{name}");
    }
    // What can't be a name shares one bucket, however many there are.
    let nonsense = ["a@b@c", "an\u{200b}na", "\0", "../anna", "anna'--"];
    for name in nonsense {
        assert_eq!(begin(&gateway, name, "wrong").await.status, 401, "{name:?}");
    }
    assert_eq!(begin(&gateway, "%%%", "wrong").await.status, 429);
}

#[tokio::test]
async fn what_is_malformed_is_told_so_and_nothing_breaks() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let first = flow(&gateway, "ana").await;
    let second = format!("/api/v1/sign-in/{first}");
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let wide = format!("{{\"username\":\"ana\",\"password\":\"x\",\"device\":\"{}\"}}", "d".repeat(17 * 1024));
    for (path, body, status, code) in [
        ("/api/v1/sign-in", "", 422, "malformed"),
        ("/api/v1/sign-in", "{", 422, "malformed"),
        ("/api/v1/sign-in", "null", 422, "malformed"),
        ("/api/v1/sign-in", "[\"ana\",\"x\"]", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\"}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"password\":7}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":[\"ana\"],\"password\":\"x\"}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"password\":[\"x\"]}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"password\":{\"$ne\":\"\"}}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"password\":null}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"password\":\"x\",\"admin\":true}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"username\":\"bo\",\"password\":\"x\"}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"password\":\"\\ud800\"}", 422, "malformed"),
        ("/api/v1/sign-in", "{\"username\":\"ana\",\"password\":\"x\"} and more", 422, "malformed"),
        ("/api/v1/sign-in", &deep, 422, "malformed"),
        ("/api/v1/sign-in", &wide, 413, "too_large"),
        (&second, "{}", 422, "malformed"),
        (&second, "{\"method\":\"totp\",\"code\":123456}", 422, "malformed"),
        (&second, "{\"method\":[\"totp\"],\"code\":\"123456\"}", 422, "malformed"),
        (&second, "{\"method\":\"password\",\"code\":\"123456\"}", 422, "unknown_method"),
        (&second, "{\"method\":\"pigeon\",\"code\":\"123456\"}", 422, "unknown_method"),
        (&second, "{\"method\":\"TOTP\",\"code\":\"123456\"}", 422, "unknown_method"),
    ] {
        let request = gateway.ask("POST", "login", path).body(body.as_bytes()).with("Content-Type", "application/json");
        let answer = request.send().await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, code),
            "{path} {}",
            &body[..body.len().min(80)]
        );
    }
    let good = json!({ "username": "ana", "password": PASSWORD }).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let request = gateway.ask("POST", "login", "/api/v1/sign-in").body(good.as_bytes());
        assert_eq!(request.with("Content-Type", kind).send().await.problem(), "malformed", "{kind}");
    }
    let not_text = gateway.ask("POST", "login", "/api/v1/sign-in").with("Content-Type", "application/json");
    assert_eq!(not_text.body(b"{\"username\":\"\xff\",\"password\":\"x\"}").send().await.problem(), "malformed");
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(gateway.ask(method, "login", "/api/v1/sign-in").send().await.problem(), "not_found", "{method}");
    }
    for strange in ["x", "%00", &"f".repeat(1_900), "ana%20or%201=1"] {
        let answer = proceed(&gateway, strange, "totp", "000000").await;
        assert!(matches!(answer.status, 400 | 410), "{strange}: {}", answer.status);
    }
    // None of it was counted against Ana, and the sign-in that was begun goes on.
    assert_eq!(proceed(&gateway, &first, "totp", &gateway.totp("ana")).await.status, 200);
}

#[tokio::test]
async fn a_password_beyond_the_limit_is_never_hashed() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let hashed = async || gateway.metric("vestibule_password_hash_seconds_count").await;
    for (password, costs) in [
        ("x".repeat(1_025), 0.0),
        ("あ".repeat(342), 0.0),
        (String::new(), 0.0),
        ("x".repeat(1_024), 1.0),
        ("a\0b".to_owned(), 1.0),
    ] {
        let before = hashed().await;
        assert_eq!(begin(&gateway, "ana", &password).await.problem(), "wrong_credentials");
        assert_eq!(hashed().await - before, costs, "{} bytes", password.len());
        gateway.clock().advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn a_code_belongs_to_whoever_began_the_sign_in() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await.with_user("bo", Factor::Totp).await;
    let hers = flow(&gateway, "ana").await;
    assert_eq!(proceed(&gateway, &hers, "totp", &gateway.totp("bo")).await.problem(), "wrong_code");
    assert_eq!(proceed(&gateway, &hers, "recovery", &gateway.recovery_code("bo", 0)).await.problem(), "wrong_code");
    // And Bo's are still good for Bo.
    let his = flow(&gateway, "bo").await;
    assert_eq!(proceed(&gateway, &his, "recovery", &gateway.recovery_code("bo", 0)).await.status, 200);
}

#[tokio::test]
async fn a_finished_sign_in_takes_nothing_more() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let first = flow(&gateway, "ana").await;
    assert_eq!(proceed(&gateway, &first, "totp", &gateway.totp("ana")).await.status, 200);
    gateway.clock().advance(Duration::from_secs(30));
    assert_eq!(proceed(&gateway, &first, "totp", &gateway.totp("ana")).await.problem(), "flow_over");
    assert_eq!(proceed(&gateway, &first, "recovery", &gateway.recovery_code("ana", 0)).await.problem(), "flow_over");
    assert_eq!(sessions(&gateway, "ana").await, 1);
    assert_eq!(
        proceed(&gateway, &flow(&gateway, "ana").await, "recovery", &gateway.recovery_code("ana", 0)).await.status,
        200
    );
}

#[tokio::test]
async fn a_sign_in_lasts_ten_minutes_and_no_longer_than_its_ground() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let early = flow(&gateway, "ana").await;
    gateway.clock().advance(Duration::from_secs(599));
    let late = flow(&gateway, "ana").await;
    assert_eq!(proceed(&gateway, &early, "totp", "000000").await.problem(), "wrong_code");
    gateway.clock().advance(Duration::from_secs(1));
    assert_eq!(proceed(&gateway, &early, "totp", &gateway.totp("ana")).await.problem(), "flow_over");
    // Signed out everywhere, or disabled, between the steps: what was begun before leads nowhere.
    let vault = gateway.gate().vault();
    vault.sign_out_person(gateway.id("ana"), by_test("user.sign_out")).await.expect("done");
    gateway.catch_up().await;
    assert_ne!(proceed(&gateway, &late, "totp", &gateway.totp("ana")).await.status, 200);
    gateway.clock().advance(Duration::from_secs(30));
    let last = flow(&gateway, "ana").await;
    vault.disable_person(gateway.id("ana"), Force::No, by_test("user.disable")).await.expect("done");
    gateway.catch_up().await;
    assert_eq!(proceed(&gateway, &last, "totp", &gateway.totp("ana")).await.problem(), "flow_over");
    assert_eq!(sessions(&gateway, "ana").await, 0);
}

#[tokio::test]
async fn a_password_alone_sets_nothing_up_through_the_api() {
    let gateway = TestGateway::start().await.with_user("bo", Factor::None).await;
    let answer = begin(&gateway, "bo", PASSWORD).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "set_up_required"));
    assert_eq!(answer.json()["sign_in"], gateway.portal("/sign-in"));
    assert!(answer.json()["flow"].is_null() && answer.json()["token"].is_null());
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(sessions(&gateway, "bo").await, 0);
}

#[tokio::test]
async fn a_device_signs_itself_out_and_its_token_is_worth_nothing_then() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let token = gateway.device("ana").await;
    let end = gateway.ask("DELETE", "login", "/api/v1/session");
    assert_eq!(end.clone().send().await.problem(), "sign_in_required");
    assert_eq!(end.clone().bearer(&token).send().await.status, 204);
    assert_eq!(gateway.get("mail", "/").bearer(&token).send().await.status, 401);
    assert_eq!(end.bearer(&token).send().await.status, 401);
    assert_eq!(sessions(&gateway, "ana").await, 0);
}

async fn begin(gateway: &TestGateway, name: &str, password: &str) -> Answer {
    let document = json!({ "username": name, "password": password, "device": "a phone" });
    gateway.ask("POST", "login", "/api/v1/sign-in").json(&document).send().await
}

/// The flow after a right password.
async fn flow(gateway: &TestGateway, name: &str) -> String {
    let answer = begin(gateway, name, PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["flow"].as_str().expect("a flow").to_owned()
}

async fn proceed(gateway: &TestGateway, flow: &str, method: &str, code: &str) -> Answer {
    let document = json!({ "method": method, "code": code });
    gateway.ask("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(&document).send().await
}

async fn sessions(gateway: &TestGateway, name: &str) -> usize {
    gateway.gate().vault().sessions(Some(gateway.id(name))).await.expect("the store answers").len()
}

/// All fields but the moment at which the answer was written.
fn undated(answer: &Answer) -> Vec<&(String, String)> {
    answer.headers.iter().filter(|(name, _)| name != "date").collect()
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}
