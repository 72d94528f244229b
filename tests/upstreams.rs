//! Which upstream gets a request, what is tried again, and what an app is spared.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::app::TestApp;
use harness::backend::{Backend, Script, Spoken, Talk, text};
use harness::gateway::{Setup, TestGateway};
use harness::wire::{OFFICE, Wire};
use http::{Response, StatusCode};
use vestibule::store::vault::Force;

#[tokio::test]
async fn upstreams_take_turns() {
    let gateway = with_crm("[\"http://{crm}\", \"http://{mail}\"]", "").await;
    for _ in 0..10 {
        assert_eq!(gateway.get("crm", "/").send().await.status, 200);
    }
    assert_eq!((gateway.crm().seen().len(), gateway.mail().seen().len()), (5, 5));
}

#[tokio::test]
async fn the_upstream_with_the_fewest_requests_under_way_is_next() {
    let gateway = with_crm("[\"http://{crm}\", \"http://{mail}\"]", "balance: least_connections").await;
    let mut slow = gateway.get("crm", "/slow").start().await;
    until("the slow request is at an app", || seen(&gateway) == 1).await;
    let (busy, idle) =
        if gateway.crm().seen().len() == 1 { (gateway.crm(), gateway.mail()) } else { (gateway.mail(), gateway.crm()) };
    for number in 1..=5 {
        let mut wire = gateway.get("crm", "/").with("Connection", "close").start().await;
        assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
        // The request has ended for the gateway as well.
        wire.ended().await;
        assert_eq!((busy.seen().len(), idle.seen().len()), (1, number));
    }
    busy.go_on();
    assert_eq!(slow.answer().await.map(|answer| answer.status), Some(200));
    // It is given back: both take part again.
    until_answered(&gateway, || busy.seen().len() > 1).await;
}

#[tokio::test]
async fn who_fails_its_checks_is_left_out_until_it_passes_them_again() {
    let (sick, checked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let backend = async |number: usize| {
        let (sick, checked) = (Arc::clone(&sick), Arc::clone(&checked));
        Backend::start(Spoken::Http1, move |request| {
            let is_sick = sick.load(Ordering::Acquire) & number != 0;
            let is_check = request.uri() == "/healthz?deep";
            if is_check {
                checked.fetch_add(1, Ordering::AcqRel);
                assert_eq!(request.headers()["user-agent"], "vestibule-health");
            }
            async move {
                let mut answer = text(&number.to_string());
                if is_check && is_sick {
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
                answer
            }
        })
        .await
    };
    let (one, two) = (backend(1).await, backend(2).await);
    let upstreams = format!("[\"http://{}\", \"http://{}\"]", one.address(), two.address());
    let health = "health: { path: \"/healthz?deep\", every: 10s, timeout: 5s, fall: 2, rise: 2 }";
    let gateway = with_crm(&upstreams, health).await;
    let healthy = async |backend: &Backend| {
        gateway.metric(&format!("vestibule_upstream_healthy{{app=\"crm\",upstream=\"{}\"}}", backend.address())).await
    };
    let later = async || {
        gateway.clock().advance(Duration::from_secs(10));
        gateway.running().check_upstreams().await;
    };
    let served = async || {
        let mut served = Vec::new();
        for _ in 0..4 {
            served.push(gateway.get("crm", "/").send().await.text());
        }
        served.sort();
        served
    };
    gateway.running().check_upstreams().await;
    assert_eq!(served().await, ["1", "1", "2", "2"]);
    assert_eq!((healthy(&one).await, healthy(&two).await, checked.load(Ordering::Acquire)), (1.0, 1.0, 2));

    sick.store(1, Ordering::Release);
    later().await;
    assert_eq!(served().await, ["1", "1", "2", "2"], "one bad answer may be chance");
    later().await;
    assert_eq!(served().await, ["2", "2", "2", "2"]);
    assert_eq!((healthy(&one).await, healthy(&two).await), (0.0, 1.0));

    // What is known outlives a reload of the same upstreams.
    let settings = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("written");
    std::fs::write(gateway.file("gateway.yaml"), settings.replace("Acme", "Acme Inc")).expect("writable");
    gateway.running().reloader().reload(Force::No).await.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(served().await, ["2", "2", "2", "2"]);

    sick.store(3, Ordering::Release);
    later().await;
    later().await;
    let answer = gateway.get("crm", "/").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "app_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    let page = gateway.get("crm", "/").by_browser().send().await;
    assert!(page.status == 503 && page.text().contains("The CRM"), "{}", page.text());

    sick.store(0, Ordering::Release);
    later().await;
    assert_eq!(gateway.get("crm", "/").send().await.status, 503, "one good answer is not enough either");
    later().await;
    assert_eq!(served().await, ["1", "1", "2", "2"]);
    assert_eq!((healthy(&one).await, healthy(&two).await), (1.0, 1.0));

    // A metric of what is no longer checked would be a lie.
    let settings = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("written");
    std::fs::write(gateway.file("gateway.yaml"), settings.replace(health, "")).expect("writable");
    gateway.running().reloader().reload(Force::No).await.unwrap_or_else(|faults| panic!("{faults}"));
    assert!(!gateway.metrics().await.contains("vestibule_upstream_healthy{"));
}

#[tokio::test]
async fn an_upstream_that_is_down_costs_nobody_a_request_and_no_post_is_sent_twice() {
    let gone = TestApp::start().await;
    gone.stop().await;
    let upstreams = format!("[\"http://{}\", \"http://{{crm}}\", \"http://127.0.0.1:1\"]", gone.address());
    let gateway = with_crm(&upstreams, "").await;
    for number in 0..9 {
        let body = format!("order {number}");
        let answer = gateway.ask("POST", "crm", "/orders").body(body.as_bytes()).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let orders: Vec<_> =
        gateway.crm().seen().iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect();
    assert_eq!(orders, (0..9).map(|number| format!("order {number}")).collect::<Vec<_>>());
    gateway.crm().stop().await;
    let answer = gateway.get("crm", "/").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (502, "app_unavailable"));
}

/// An app that answers the first request of its first connection, and does `then` with the second.
async fn dies(then: &'static str, requests: &Arc<AtomicUsize>) -> Script {
    let requests = Arc::clone(requests);
    Script::start(move |number, mut talk: Talk| {
        let requests = Arc::clone(&requests);
        async move {
            let mut on_this_one = 0;
            while talk.header().await.is_some() {
                requests.fetch_add(1, Ordering::AcqRel);
                on_this_one += 1;
                if number == 1 && on_this_one == 2 {
                    talk.write(then.as_bytes()).await;
                    return;
                }
                talk.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_a_dead_connection_may_have_seen_is_repeated_only_if_it_reads() {
    for (method, then, status, sent) in [
        ("GET", "", 200, 3),
        ("HEAD", "", 200, 3),
        ("OPTIONS", "", 200, 3),
        ("POST", "", 502, 2),
        ("PUT", "", 502, 2),
        ("DELETE", "", 502, 2),
        ("PATCH", "", 502, 2),
        ("GET with a body", "", 502, 2),
        // The app began to answer, so it has acted.
        ("GET", "HTTP/1.1 20", 502, 2),
    ] {
        let requests = Arc::new(AtomicUsize::new(0));
        let script = dies(then, &requests).await;
        let gateway = with_crm(&format!("\"http://{}\"", script.address()), "").await;
        // One connection of ours, so that both go by the same of the gateway's.
        let mut wire = Wire::open(gateway.port(), OFFICE).await;
        wire.send(&gateway.get("crm", "/").bytes()).await;
        assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
        let (verb, body) = method.split_once(" with").map_or((method, None), |(verb, _)| (verb, Some(b"x")));
        let mut request = gateway.ask(verb, "crm", "/");
        if let Some(body) = body {
            request = request.body(body);
        }
        wire.send(&request.bytes()).await;
        assert_eq!(wire.header().await.map(|answer| answer.status), Some(status), "{method}, {then:?}");
        assert_eq!(requests.load(Ordering::Acquire), sent, "{method}, {then:?}");
    }
}

#[tokio::test]
async fn what_a_new_connection_may_have_seen_is_never_repeated() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let script = Script::start(move |_, mut talk: Talk| {
        let requests = Arc::clone(&counted);
        async move {
            talk.header().await;
            requests.fetch_add(1, Ordering::AcqRel);
        }
    })
    .await;
    let upstreams = format!("[\"http://{}\", \"http://{{crm}}\"]", script.address());
    let gateway = with_crm(&upstreams, "").await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(gateway.get("crm", "/").send().await.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502, 502]);
    assert_eq!((requests.load(Ordering::Acquire), gateway.crm().seen().len()), (2, 2));
}

#[tokio::test]
async fn an_app_that_is_too_slow_or_talks_rubbish_is_named() {
    let slow = Script::start(|_, mut talk: Talk| async move {
        talk.header().await;
        std::future::pending::<()>().await;
    })
    .await;
    let gateway = with_crm(&format!("\"http://{}\"", slow.address()), "timeouts: { response: 1s }").await;
    let answer = gateway.get("crm", "/").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (504, "app_unavailable"));
    let page = gateway.get("crm", "/").by_browser().send().await;
    assert!(page.status == 504 && page.text().contains("The CRM"), "{}", page.text());

    for rubbish in ["\0\u{1}\u{2}\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"] {
        let script = Script::start(move |_, mut talk: Talk| async move {
            talk.header().await;
            talk.write(rubbish.as_bytes()).await;
        })
        .await;
        let gateway = with_crm(&format!("\"http://{}\"", script.address()), "").await;
        let answer = gateway.get("crm", "/").send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (502, "app_unavailable"), "{rubbish:?}");
        assert!(answer.text().contains("The CRM"), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_app_that_takes_no_connection_is_too_slow_and_the_next_is_asked() {
    // A listener nobody accepts from: once its queue is full, the system answers nothing.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free loopback port");
    let address = socket.local_addr().expect("bound");
    let _listening = socket.listen(1).expect("it listens");
    let mut queued = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        queued.push(stream.expect("somebody listens"));
    }
    let gateway = with_crm(&format!("\"http://{address}\""), "timeouts: { connect: 1s }").await;
    let answer = gateway.get("crm", "/").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (504, "app_unavailable"));
    let both = format!("[\"http://{address}\", \"http://{{crm}}\"]");
    let gateway = with_crm(&both, "timeouts: { connect: 1s }").await;
    for _ in 0..2 {
        assert_eq!(gateway.ask("POST", "crm", "/").body(b"once").send().await.status, 200);
    }
    assert_eq!(gateway.crm().seen().len(), 2);
}

#[tokio::test]
async fn no_more_requests_than_its_limit_are_at_an_app_at_a_time() {
    let gateway = with_crm("\"http://{crm}\"", "limits: { concurrent: 2 }").await;
    let slow = gateway.get("crm", "/slow");
    let (mut one, other) = (slow.start().await, slow.start().await);
    until("both are at the app", || gateway.crm().seen().len() == 2).await;
    let answer = gateway.get("crm", "/").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "app_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert!(answer.text().contains("The CRM"), "{}", answer.text());
    assert_eq!(gateway.get("mail", "/").send().await.status, 200, "others are not meant");
    assert_eq!(gateway.crm().seen().len(), 2, "the app was spared");

    gateway.crm().go_on();
    drop(other);
    // One was answered, or its client went away: either place is free again.
    until_answered(&gateway, || true).await;
    gateway.crm().go_on();
    one.header().await;
    until_answered(&gateway, || true).await;
}

#[tokio::test]
async fn a_body_that_is_larger_than_the_app_takes_is_refused_whether_its_length_is_told_or_not() {
    let gateway = with_crm("\"http://{crm}\"", "limits: { body: 10KiB }").await;
    let fits = vec![b'a'; 10 * 1024];
    let answer = gateway.ask("POST", "crm", "/").body(&fits).send().await;
    assert_eq!((answer.status, gateway.crm().last().body.len()), (200, fits.len()));
    let answer = gateway.ask("POST", "crm", "/").body(&vec![b'a'; fits.len() + 1]).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "too_large"));

    let chunked = async |length: usize| {
        let mut wire = Wire::open(gateway.port(), OFFICE).await;
        let header = gateway.ask("POST", "crm", "/chunked").with("Transfer-Encoding", "chunked").bytes();
        wire.send(&header).await;
        for chunk in vec![b'a'; length].chunks(1000) {
            wire.send(format!("{:x}\r\n", chunk.len()).as_bytes()).await;
            wire.send(chunk).await;
            wire.send(b"\r\n").await;
        }
        wire.send(b"0\r\n\r\n").await;
        wire.header().await.map(|answer| answer.status)
    };
    assert_eq!(chunked(fits.len()).await, Some(200));
    assert_eq!(gateway.crm().last().body.len(), fits.len());
    let whole = |gateway: &TestGateway| gateway.crm().seen().iter().filter(|seen| seen.target == "/chunked").count();
    assert_eq!(whole(&gateway), 1);
    assert_eq!(chunked(fits.len() + 1).await, Some(413));
    // The app may have seen its beginning, and never an end that was not there.
    let sizes: Vec<_> = gateway.crm().seen().iter().map(|seen| seen.body.len()).collect();
    assert!(sizes.iter().all(|size| *size <= fits.len()), "{sizes:?}");
}

#[tokio::test]
async fn an_upstream_with_tls_is_believed_only_with_its_name_and_its_authority() {
    let ok = |_| async { text("ok") };
    let right = Backend::start(Spoken::Tls("localhost"), ok).await;
    let wrong_name = Backend::start(Spoken::Tls("elsewhere.example"), ok).await;
    let old = Backend::start(Spoken::TlsHttp1("localhost"), ok).await;
    for (backend, authority, status) in [
        (&right, right.authority(), 200),
        (&old, old.authority(), 200),
        (&wrong_name, wrong_name.authority(), 502),
        (&right, old.authority(), 502),
    ] {
        let apps = crm(&format!("\"https://localhost:{}\"", backend.address().port()), "ca_file: ca.pem");
        let files = vec![("ca.pem".to_owned(), authority)];
        let gateway = TestGateway::with(Setup { apps: Some(apps), files, ..Setup::default() }).await;
        let answer = gateway.get("crm", "/").send().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        if status == 502 {
            assert_eq!(answer.problem(), "app_unavailable");
        }
    }
    // The system's authorities know none of them.
    let gateway = with_crm(&format!("\"https://localhost:{}\"", right.address().port()), "").await;
    assert_eq!(gateway.get("crm", "/").send().await.status, 502);
    assert_eq!(right.requests().len() + wrong_name.requests().len() + old.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_that_one_app_verified_is_not_taken_for_another_that_trusts_somebody_else() {
    let backend = Backend::start(Spoken::Tls("localhost"), |_| async { text("ok") }).await;
    let other = Backend::start(Spoken::Tls("localhost"), |_| async { text("ok") }).await;
    let port = backend.address().port();
    let app = |name: &str| {
        format!(
            "  {name}: {{ host: {name}.localhost, upstream: \"https://localhost:{port}\", ca_file: {name}.pem, allow: public }}\n"
        )
    };
    let setup = Setup {
        apps: Some(format!("apps:\n{}{}", app("crm"), app("mail"))),
        files: vec![("crm.pem".to_owned(), backend.authority()), ("mail.pem".to_owned(), other.authority())],
        ..Setup::default()
    };
    let gateway = TestGateway::with(setup).await;
    // One connection of ours is served by one thread of the gateway's, which keeps its connections to apps.
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    for (app, status) in [("crm", 200), ("crm", 200), ("mail", 502)] {
        wire.send(&gateway.get(app, "/").bytes()).await;
        assert_eq!(wire.answer().await.map(|answer| answer.status), Some(status), "{app}");
    }
    assert_eq!(backend.requests().len(), 2);
}

#[tokio::test]
async fn checks_reach_apps_by_tls_and_by_http_2_without_it() {
    for spoken in [Spoken::Tls("localhost"), Spoken::TlsHttp1("localhost"), Spoken::H2c] {
        let backend = Backend::start(spoken, |request| {
            let fails = request.uri().path() == "/sick";
            async move {
                let status = if fails { 500 } else { 200 };
                Response::builder().status(status).body(harness::backend::full(String::new())).expect("well-formed")
            }
        })
        .await;
        let tls = spoken != Spoken::H2c;
        let scheme = if tls { "https" } else { "h2c" };
        let upstream = format!("\"{scheme}://localhost:{}\"", backend.address().port());
        let files = if tls { vec![("ca.pem".to_owned(), backend.authority())] } else { Vec::new() };
        for (path, status) in [("/fine", 200), ("/sick", 503)] {
            let ca_file = if tls { "ca_file: ca.pem\n    " } else { "" };
            let health = format!("{ca_file}health: {{ path: {path}, fall: 1, rise: 1 }}");
            let setup = Setup { apps: Some(crm(&upstream, &health)), files: files.clone(), ..Setup::default() };
            let gateway = TestGateway::with(setup).await;
            gateway.running().check_upstreams().await;
            assert_eq!(gateway.get("crm", "/").send().await.status, status, "{spoken:?} {path}");
        }
    }
}

/// The app `crm` with these upstreams and settings, open to everybody; and `mail`, the usual one.
fn crm(upstream: &str, settings: &str) -> String {
    format!(
        "apps:\n  crm:\n    title: The CRM\n    host: crm.localhost\n    upstream: {upstream}\n    allow: public\n    {settings}\n  \
         mail: {{ host: mail.localhost, upstream: \"http://{{mail}}\", allow: public }}\n"
    )
}

async fn with_crm(upstream: &str, settings: &str) -> TestGateway {
    TestGateway::with(Setup { apps: Some(crm(upstream, settings)), ..Setup::default() }).await
}

fn seen(gateway: &TestGateway) -> usize {
    gateway.crm().seen().len() + gateway.mail().seen().len()
}

/// Waits until something has happened elsewhere. Panics with its name after ten seconds.
async fn until(what: &str, happened: impl Fn() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("waited for: {what}"));
}

/// Asks again until the app has a place and `also` holds. Panics after ten seconds.
async fn until_answered(gateway: &TestGateway, also: impl Fn() -> bool) {
    let asking = async {
        loop {
            let status = gateway.get("crm", "/").send().await.status;
            assert!([200, 503].contains(&status), "{status}");
            if status == 200 && also() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asking).await.expect("a place within ten seconds");
}
