//! What do dashboards see, and what do they never see? (A58)

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::gateway::{Factor, PASSWORD, TestGateway, by_test};
use harness::wire::{Answer, CAFE, Wire};
use vestibule::store::vault::Force;

#[tokio::test]
async fn promtool_finds_nothing_to_say_after_a_morning_of_traffic() {
    let gateway = after_a_morning().await;
    let text = scrape(&gateway, "/metrics").await;
    assert_eq!(text.status, 200);
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4"));
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().expect("promtool is missing: run sh deploy/setup.sh --tests");
    promtool.stdin.take().expect("a pipe").write_all(&text.body).expect("it reads");
    let said = promtool.wait_with_output().expect("it ends");
    let words = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success() && words.is_empty(), "{words}");
}

#[tokio::test]
async fn every_metric_of_the_design_is_there_and_has_been_counted() {
    let gateway = after_a_morning().await;
    let text = scrape(&gateway, "/metrics").await.text();
    for name in [
        "build_info{version=",
        "requests_total{app=\"crm\",code=\"200\"}",
        "requests_total{app=\"portal\",code=\"200\"}",
        "requests_total{app=\"none\",code=\"421\"}",
        "request_duration_seconds_count{app=\"crm\"}",
        "decisions_total{app=\"crm\",decision=\"allow\",reason=\"allowed\"}",
        "decisions_total{app=\"crm\",decision=\"sign_in\",reason=\"sign_in_required\"}",
        "decisions_total{app=\"crm\",decision=\"refuse\",reason=\"address_not_allowed\"}",
        "sign_ins_total{method=\"password\",result=\"right\",step=\"password\"}",
        "sign_ins_total{method=\"password\",result=\"wrong\",step=\"password\"}",
        "sign_ins_total{method=\"totp\",result=\"right\",step=\"second_step\"}",
        "sign_ins_total{method=\"totp\",result=\"wrong\",step=\"second_step\"}",
        "token_checks_total{kind=\"token\",result=\"allowed\"}",
        "token_checks_total{kind=\"token\",result=\"token_invalid\"}",
        "token_checks_total{kind=\"device\",result=\"allowed\"}",
        "revocation_seconds_count",
        "password_hash_seconds_count",
        "store_seconds_count{verb=\"get\"}",
        "store_seconds_count{verb=\"scan\"}",
        "store_seconds_count{verb=\"apply\"}",
        "store_seconds_count{verb=\"feed\"}",
        "config_last_reload_successful",
        "config_generation",
    ] {
        let line = text.lines().find(|line| line.starts_with(&format!("vestibule_{name}")));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value >= 1.0), "{name}: {line:?}\n{text}");
    }
    // What a quiet house has at zero.
    for name in ["sessions", "access_log_dropped_total", "store_seconds_count{verb=\"sweep\"}"] {
        assert!(text.contains(&format!("\nvestibule_{name} ")), "{name}\n{text}");
    }
    let names: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.iter().all(|name| name.starts_with("vestibule_")), "{names:?}");
}

#[tokio::test]
async fn the_store_is_timed_by_verb_as_it_is_used() {
    let gateway = TestGateway::start().await;
    let of = async |verb: &str| gateway.metric(&format!("vestibule_store_seconds_count{{verb=\"{verb}\"}}")).await;
    let before = [of("get").await, of("scan").await, of("apply").await, of("feed").await, of("sweep").await];
    let vault = gateway.gate().vault();
    vault.note(by_test("a.note")).await.expect("the store answers");
    assert_eq!(of("apply").await, before[2] + 1.0);
    vault.people().await.expect("the store answers");
    assert!(of("scan").await > before[1]);
    gateway.get("crm", "/api/x").bearer("vsd_nobodys").send().await;
    assert!(of("get").await > before[0]);
    gateway.catch_up().await;
    assert!(of("feed").await > before[3]);
    vault.sweep().await.expect("the store answers");
    assert!(of("sweep").await > before[4]);
}

#[tokio::test]
async fn no_user_path_host_or_address_makes_a_series() {
    let gateway = after_a_morning().await;
    // Every kind of answer once, so that what is new afterwards is new because of who asks and for what.
    for _ in 0..2 {
        crowd(&gateway, 0..4).await;
    }
    let before = series(&gateway).await;
    crowd(&gateway, 4..204).await;
    let after = series(&gateway).await;
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:#?}");
    for word in ["ana", "user-1", "page-1", "host-1", "127.0."] {
        assert!(!after.iter().any(|series| series.contains(word)), "{word}");
    }
}

#[tokio::test]
async fn the_admin_listener_says_how_it_is_and_nothing_else() {
    let gateway = TestGateway::start().await;
    let healthy = scrape(&gateway, "/healthz").await;
    assert_eq!((healthy.status, healthy.text().as_str()), (200, "ok\n"));
    let ready = scrape(&gateway, "/readyz").await;
    assert_eq!((ready.status, ready.json()["ready"].clone()), (200, true.into()), "{}", ready.text());
    assert_eq!(ready.json()["config_generation"], 1);
    assert_eq!(scrape(&gateway, "/.well-known/jwks.json").await.json()["keys"].as_array().map(Vec::len), Some(1));
    for path in ["/", "/metrics/", "/sign-in", "/debug/pprof", "/api/v1/sign-in"] {
        assert_eq!(scrape(&gateway, path).await.status, 404, "{path}");
    }
    // And on the way people come, none of it.
    for host in ["login", "crm", "elsewhere"] {
        for path in ["/metrics", "/healthz", "/readyz"] {
            let answer = gateway.get(host, path).send().await;
            assert!(!answer.text().contains("vestibule_") && answer.status != 200, "{host}{path}: {}", answer.status);
        }
    }
}

/// Sign-ins, tokens, refusals, a revocation and a reload: something of everything.
async fn after_a_morning() -> TestGateway {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await.with_user("bo", Factor::None).await;
    let device = gateway.device("ana").await;
    let token = gateway.token("ana", &["crm"], &["crm.read"], &[], Duration::from_secs(3600)).await;
    for answer in [
        gateway.get("crm", "/").bearer(&device).send().await,
        gateway.get("crm", "/api/x").bearer(&token).send().await,
        gateway.get("login", "/whoami").send().await,
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for request in [
        gateway.get("crm", "/").by_browser(),
        gateway.get("crm", "/").from(CAFE),
        gateway.get("crm", "/api/x").bearer("wrong"),
        gateway.get("crm", "/api/x").bearer("vsd_wrong"),
        gateway.get("elsewhere", "/"),
        gateway.get("login", "/sign-in").by_browser(),
    ] {
        request.send().await;
    }
    let wrong = serde_json::json!({ "username": "ana", "password": "wrong" });
    assert_eq!(gateway.ask("POST", "login", "/api/v1/sign-in").json(&wrong).send().await.status, 401);
    let right = serde_json::json!({ "username": "ana", "password": PASSWORD });
    let flow = gateway.ask("POST", "login", "/api/v1/sign-in").json(&right).send().await.json()["flow"].clone();
    let code = serde_json::json!({ "method": "totp", "code": "000000" });
    let path = format!("/api/v1/sign-in/{}", flow.as_str().expect("a flow"));
    assert_eq!(gateway.ask("POST", "login", &path).json(&code).send().await.problem(), "wrong_code");
    // Somebody is inside, and then may not be any more.
    let mut inside = gateway.get("crm", "/stream").bearer(&device).start().await;
    assert_eq!(inside.header().await.map(|answer| answer.status), Some(200));
    gateway.gate().vault().disable_person(gateway.id("ana"), Force::No, by_test("user.disable")).await.expect("done");
    gateway.catch_up().await;
    inside.ended().await;
    gateway.running().reloader().reload(Force::No).await.expect("accepted");
    gateway
}

/// Requests of people, for paths and from addresses that are all different.
async fn crowd(gateway: &TestGateway, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let from = format!("127.0.{}.{}", 20 + n / 200, 1 + n % 200);
        let wrong = serde_json::json!({ "method": "totp", "code": format!("{n:06}") });
        for request in [
            gateway.get("crm", &format!("/status/page-{n}?user=user-{n}")).from(&from),
            gateway.get("crm", &format!("/page-{n}")),
            gateway.get("mail", &format!("/page-{n}")).by_browser(),
            gateway.get("crm", "/api/x").bearer(&format!("vst_{n}")),
            gateway.get("login", &format!("/page-{n}")),
            gateway.get(&format!("host-{n}"), "/"),
            gateway.ask("POST", "login", &format!("/api/v1/sign-in/flow-{n}")).json(&wrong),
            gateway.ask(&format!("METHOD{n}"), "crm", "/"),
        ] {
            request.send().await;
        }
    }
}

/// Names with their labels, without values.
async fn series(gateway: &TestGateway) -> BTreeSet<String> {
    let text = scrape(gateway, "/metrics").await.text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series.to_owned()).collect()
}

async fn scrape(gateway: &TestGateway, path: &str) -> Answer {
    let mut wire = Wire::open(gateway.admin_address().port(), "127.0.0.1").await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.admin_address());
    wire.send(request.as_bytes()).await;
    wire.answer().await.expect("an answer")
}
