//! A request that only reads goes to its app by a connection that is kept, past pingora's proxy (`proxy::straight`), and past
//! its sessions where it and its answer are plain (`proxy::lane`). Nobody can tell: neither the app, nor the client, nor
//! whoever ends it (Z1, Z3, O3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use harness::backend::{Script, Talk};
use harness::gateway::{Setup, TestGateway};
use harness::streams::{self, Streams};
use harness::wire::{CAFE, OFFICE, Request, Wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What an app is asked before, so that a connection to it is kept.
const FIRST: &str = "GET /first ";
const FINE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

#[tokio::test]
async fn the_app_is_told_the_same_both_ways() {
    let (said, mut heard) = tokio::sync::mpsc::channel(1);
    let script = Script::start(move |connection, mut talk: Talk| {
        let said = said.clone();
        async move {
            while let Some(header) = talk.header().await {
                let length = if header.starts_with("HEAD") { FINE.len() - 4 } else { FINE.len() };
                talk.write(&FINE[..length]).await;
                let _ = said.send((connection, header)).await;
            }
        }
    })
    .await;
    let gateway = before(&script, "").await;
    let request = |method, target| gateway.ask(method, "crm", target);
    let forged = [("Remote-User", "root"), ("X_Forwarded_For", "10.0.0.1"), ("Proxy", "http://evil.example")];
    // One connection of ours, so that all go by the same of the gateway's.
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    for request in [
        request("GET", "/?a=1&b=%20%2f"),
        request("HEAD", "/x"),
        request("OPTIONS", "/"),
        request("GET", "/").with("Cookie", "a=1; __Host-vestibule=x; b=2").with("Cookie", "c=3"),
        request("GET", "/").with("Connection", "keep-alive").with("Accept", "*/*").with("X-Empty", ""),
        request("GET", "/").with("Authorization", "Basic YTpi").with("X-Twice", "1").with("X-Twice", "2"),
        forged.iter().fold(request("GET", "/"), |request, (name, value)| request.with(name, value)),
    ] {
        let straight = request.bytes();
        // What is for the next hop sends a request the long way, and ends there.
        let long = request.with("TE", "trailers").bytes();
        let mut told = Vec::new();
        for bytes in [long, straight] {
            wire.send(&bytes).await;
            assert_eq!(wire.header().await.map(|answer| answer.status), Some(200));
            if !bytes.starts_with(b"HEAD") {
                assert_eq!(wire.more().await.as_deref(), Some(&b"fine"[..]));
            }
            let (connection, header) = heard.recv().await.expect("a header");
            assert_eq!(connection, 1, "all of them by the same connection");
            let mut lines = header.lines().map(str::to_ascii_lowercase).collect::<Vec<_>>();
            lines[1..].sort_unstable();
            told.push(lines);
        }
        assert_eq!(told[0], told[1]);
        let told = told[1].join("\n");
        assert!(!["root", "10.0.0.1", "evil", "__host"].iter().any(|word| told.contains(word)), "{told}");
    }
}

/// Answers of apps, whether the app hangs up behind them, and what was asked.
const ANSWERS: &[(&str, &str, bool)] = &[
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello", false),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
    ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", false),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
        false,
    ),
    ("GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", true),
    ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", true),
    ("GET", "HTTP/1.0 200 OK\r\n\r\nolder", true),
    ("GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast", true),
    ("GET", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", false),
    ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 7\r\n\r\n", false),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false),
    ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", false),
    ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nSet-Cookie: __Host-vestibule=evil\r\nSet-Cookie: b=2\r\nContent-Length: 1\r\n\r\nx",
        false,
    ),
    ("GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false),
    ("GET", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", false),
    ("GET", "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\noh", false),
    ("OPTIONS", "HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n", false),
    // What can't be forwarded as it is.
    ("GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", true),
    ("GET", "HTTP/1.1 abc\r\n\r\n", true),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", true),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true),
    ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", true),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", true),
];

#[tokio::test]
async fn the_client_hears_the_same_both_ways() {
    for (method, answer, hangs_up) in ANSWERS {
        let mut heard = Vec::new();
        for (by_kept, connections) in [(false, 1), (true, 1)] {
            let opened = Arc::new(AtomicUsize::new(0));
            let script = answers(answer, *hangs_up, &opened).await;
            let gateway = before(&script, "").await;
            let mut wire = Wire::open(gateway.port(), OFFICE).await;
            if by_kept {
                wire.send(&gateway.get("crm", "/first").bytes()).await;
                assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
            }
            wire.send(&gateway.ask(method, "crm", "/").with("Connection", "close").bytes()).await;
            let mut bytes = Vec::new();
            while let Some(piece) = wire.more().await {
                bytes.extend(piece);
            }
            assert_eq!(opened.load(Ordering::Acquire), connections, "{answer:?}");
            heard.push(without_what_differs(&String::from_utf8(bytes).expect("text")));
        }
        assert_eq!(heard[0], heard[1], "{method} {answer:?}");
        assert!(!heard[1].contains("evil"), "{}", heard[1]);
    }
}

#[tokio::test]
async fn the_client_hears_the_same_in_the_lane_and_beside_it() {
    for (_, answer, hangs_up) in ANSWERS.iter().filter(|(method, ..)| *method == "GET") {
        let mut heard = Vec::new();
        // What is for the next hop keeps a request out of the lane.
        for te in ["", "trailers"] {
            let script = answers(answer, *hangs_up, &Arc::default()).await;
            let gateway = before(&script, "").await;
            let mut wire = behind_a_first(&gateway).await;
            let request = said_to_next_hop(gateway.get("crm", "/"), te);
            wire.send(&request.bytes()).await;
            let mut bytes = wire.more().await.unwrap_or_default();
            // Whatever is left of it comes before this one's answer, if the connection is still open.
            wire.send(&gateway.get("crm", "/first").with("Connection", "close").bytes()).await;
            while let Some(piece) = wire.more().await {
                bytes.extend(piece);
            }
            heard.push(in_any_order(&without_what_differs(&in_one_chunk(&String::from_utf8(bytes).expect("text")))));
        }
        assert_eq!(heard[0], heard[1], "{answer:?}");
    }
}

/// pingora tells fields of one name together; in the lane they come as the app gave them.
const OUT_OF_ORDER: &str =
    "HTTP/1.1 200 OK\r\nX-B: 1\r\nX-A: 2\r\nX-B: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

#[tokio::test]
async fn what_is_plain_is_served_in_the_lane_also_over_tls() {
    let script = answers(OUT_OF_ORDER, false, &Arc::default()).await;
    let gateway = secured(&script).await;
    let mut stream = streams::lines(&gateway, "crm").await;
    let request = gateway.get("crm", "/").bytes();
    for in_the_lane in [false, true, true] {
        stream.write_all(&request).await.expect("the connection is open");
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok\r\n0\r\n\r\n") {
            assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0);
        }
        let answer = String::from_utf8(answer).expect("text").to_ascii_lowercase();
        let order = answer.lines().filter_map(|line| line.strip_prefix("x-")?.split_once(": "));
        let order = order.map(|(_, value)| value).collect::<String>();
        assert_eq!(order, if in_the_lane { "123" } else { "132" }, "{answer}");
    }
}

#[tokio::test]
async fn what_is_plain_is_served_in_the_lane_also_behind_what_is_not() {
    let script = answers(OUT_OF_ORDER, false, &Arc::default()).await;
    let gateway = before(&script, "").await;
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    let get = || gateway.get("crm", "/");
    for (request, in_the_lane) in [
        // No connection is kept yet.
        (get(), false),
        (get(), true),
        (get().with("TE", "trailers"), false),
        (get().with("Cookie", "a=1").with("Accept", "*/*"), true),
        (gateway.ask("POST", "crm", "/").body(b"hello"), false),
        (gateway.ask("OPTIONS", "crm", "/"), true),
        (get().with("X-Large", &"x".repeat(20_000)), false),
        (get().with("Connection", "keep-alive"), true),
    ] {
        wire.send(&request.bytes()).await;
        let answer = wire.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
        let fields = answer.headers.iter().filter(|(name, _)| name.starts_with("x-"));
        let order = fields.map(|(_, value)| value.as_str()).collect::<String>();
        assert_eq!(order, if in_the_lane { "123" } else { "132" }, "{request:?}");
    }
}

#[tokio::test]
async fn whoever_says_more_than_was_asked_is_not_asked_again_on_this_connection() {
    for end in ["2\r\nok\r\n0\r\n\r\n", "2\r\nok\r\n0\r\nX: y\r\n\r\n"] {
        let (go_on, heard) = tokio::sync::watch::channel(());
        let script = Script::start(move |connection, mut talk: Talk| {
            let mut heard = heard.clone();
            async move {
                while let Some(header) = talk.header().await {
                    if header.starts_with(FIRST) {
                        talk.write(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{connection}").as_bytes())
                            .await;
                        continue;
                    }
                    talk.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
                    if heard.changed().await.is_ok() {
                        talk.write(format!("{end}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").as_bytes()).await;
                    }
                }
            }
        })
        .await;
        let gateway = before(&script, "").await;
        let mut wire = Wire::open(gateway.port(), OFFICE).await;
        for (request, connection) in [("/first", "1"), ("/", ""), ("/first", "2")] {
            wire.send(&gateway.get("crm", request).bytes()).await;
            if request == "/" {
                assert_eq!(wire.header().await.map(|answer| answer.status), Some(200));
                go_on.send(()).expect("the app waits for it");
                assert_eq!(wire.more().await.as_deref(), Some(&b"2\r\nok\r\n0\r\n\r\n"[..]));
            } else {
                assert_eq!(wire.answer().await.map(|answer| answer.text()).as_deref(), Some(connection));
            }
        }
    }
}

#[tokio::test]
async fn large_answers_come_whole_through_the_lane() {
    for size in [0, 1, 4095, 4096, 17 * 1024 - 60, 17 * 1024, 64 * 1024, 300_000, 3 << 20] {
        let body = Arc::new((0..size).map(|at: usize| (at / 7) as u8).collect::<Vec<_>>());
        let sent = Arc::clone(&body);
        let script = Script::start(move |_, mut talk: Talk| {
            let body = Arc::clone(&sent);
            async move {
                while talk.header().await.is_some() {
                    talk.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).await;
                    talk.write(&body).await;
                }
            }
        })
        .await;
        let gateway = before(&script, "").await;
        let mut wire = Wire::open(gateway.port(), OFFICE).await;
        for time in 1..=3 {
            wire.send(&gateway.get("crm", "/").bytes()).await;
            let answer = wire.answer().await.expect("an answer");
            assert_eq!(answer.status, 200);
            assert!(answer.body == *body, "{size} bytes, for the {time}. time: {} came", answer.body.len());
        }
        assert_eq!(gateway.logged(3).await.matches(&format!("\"bytes\":{size},")).count(), 3);
    }
}

#[tokio::test]
async fn a_header_in_pieces_or_a_large_one_is_served_as_well() {
    let script = answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, &Arc::default()).await;
    let gateway = before(&script, "").await;
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    wire.no_delay();
    let plain = gateway.get("crm", "/").bytes();
    let large = gateway.get("crm", "/").with("X-Large", &"x".repeat(20_000)).bytes();
    for request in [&plain, &large, &plain] {
        for pieces in
            [vec![&request[..]], vec![&request[..3], &request[3..]], vec![&request[..request.len() - 1], b"\n"]]
        {
            for piece in pieces {
                wire.send(piece).await;
                tokio::task::yield_now().await;
            }
            let answer = wire.answer().await.expect("an answer");
            assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
        }
    }
}

#[tokio::test]
async fn whoever_says_more_before_being_answered_hears_the_same_both_ways() {
    for te in ["", "trailers"] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let script = Script::start(move |_, mut talk: Talk| {
            let asked = Arc::clone(&counted);
            async move {
                while let Some(header) = talk.header().await {
                    asked.fetch_add(1, Ordering::AcqRel);
                    if header.starts_with(FIRST) {
                        talk.write(FINE).await;
                    }
                }
            }
        })
        .await;
        let gateway = before(&script, "").await;
        let mut wire = behind_a_first(&gateway).await;
        let request = said_to_next_hop(gateway.get("crm", "/"), te);
        wire.send(&request.bytes()).await;
        // Behind a whole header, and before its answer.
        let once = async {
            while asked.load(Ordering::Acquire) < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), once).await.expect("the app is asked");
        wire.send(&gateway.get("crm", "/smuggled").bytes()).await;
        let answer = wire.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad_request"), "TE: {te}");
        wire.ended().await;
        assert_eq!(asked.load(Ordering::Acquire), 2, "nobody hears of what came behind");
    }
}

#[tokio::test]
async fn who_is_refused_hears_the_same_in_the_lane_and_beside_it() {
    let gateway = TestGateway::start().await;
    for from in [CAFE, OFFICE] {
        for cookie in ["__Host-vestibule=nonsense", "a=1"] {
            let mut heard = Vec::new();
            for te in ["", "trailers"] {
                let mut wire = Wire::open(gateway.port(), from).await;
                // Twice: the connection stays open.
                for _ in 0..2 {
                    let request = said_to_next_hop(gateway.get("crm", "/x?y").with("Cookie", cookie), te);
                    wire.send(&request.bytes()).await;
                    let mut answer = wire.answer().await.expect("an answer");
                    answer.headers.retain(|(name, _)| name != "date");
                    answer.headers.sort_unstable();
                    let body = without_what_differs(&answer.text());
                    heard.push((answer.status, answer.headers, body));
                }
            }
            let first = heard[0].clone();
            assert!(first.0 >= 400, "{first:?}");
            assert!(heard.iter().all(|one| *one == first), "{heard:#?}");
        }
    }
}

#[tokio::test]
async fn what_comes_slowly_is_heard_as_it_comes_both_ways() {
    for by_kept in [false, true] {
        let (go_on, heard) = tokio::sync::watch::channel(());
        let script = Script::start(move |_, mut talk: Talk| {
            let mut heard = heard.clone();
            async move {
                while let Some(header) = talk.header().await {
                    if header.starts_with(FIRST) {
                        talk.write(FINE).await;
                        continue;
                    }
                    talk.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
                    if heard.changed().await.is_ok() {
                        talk.write(b" whole").await;
                    }
                }
            }
        })
        .await;
        let gateway = before(&script, "").await;
        let mut wire = Wire::open(gateway.port(), OFFICE).await;
        if by_kept {
            wire.send(&gateway.get("crm", "/first").bytes()).await;
            assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
        }
        wire.send(&gateway.get("crm", "/").bytes()).await;
        assert_eq!(wire.header().await.map(|answer| answer.status), Some(200), "by a kept connection: {by_kept}");
        assert_eq!(wire.more().await.as_deref(), Some(&b"half"[..]), "by a kept connection: {by_kept}");
        go_on.send(()).expect("the app waits for it");
        assert_eq!(wire.more().await.as_deref(), Some(&b" whole"[..]), "by a kept connection: {by_kept}");
    }
}

#[tokio::test]
async fn an_event_leaves_the_lane_when_it_is_said() {
    let (say, said) = tokio::sync::watch::channel(0);
    let script = Script::start(move |_, mut talk: Talk| {
        let mut said = said.clone();
        async move {
            while let Some(header) = talk.header().await {
                if header.starts_with(FIRST) {
                    talk.write(FINE).await;
                    continue;
                }
                talk.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
                while said.changed().await.is_ok() {
                    let number = *said.borrow_and_update();
                    let event: &[u8] = if number == 3 { b"0\r\n\r\n" } else { b"2 ;x=\xe9\r\nhi\r\n" };
                    talk.write(event).await;
                }
            }
        }
    })
    .await;
    let gateway = before(&script, "").await;
    let mut wire = behind_a_first(&gateway).await;
    wire.send(&gateway.get("crm", "/events").bytes()).await;
    assert_eq!(wire.header().await.map(|answer| answer.status), Some(200), "before anything is said");
    for (number, heard) in [(1, "2\r\nhi\r\n"), (2, "2\r\nhi\r\n"), (3, "0\r\n\r\n")] {
        say.send(number).expect("the app listens");
        assert_eq!(wire.more().await.as_deref(), Some(heard.as_bytes()));
    }
    assert!(gateway.logged(2).await.contains("\"bytes\":4,"), "of content: {}", gateway.access_log());
}

#[tokio::test]
async fn a_stream_hears_the_same_both_ways() {
    for (method, answer, hangs_up) in ANSWERS.iter().filter(|(_, answer, _)| !answer.contains("half")) {
        let mut heard = Vec::new();
        for by_kept in [false, true] {
            let script = answers(answer, *hangs_up, &Arc::default()).await;
            let gateway = secured(&script).await;
            let mut client = Streams::open(&gateway, "crm").await;
            if by_kept {
                let request = client.request("GET", "/first").body(streams::nothing()).expect("well-formed");
                assert_eq!(client.whole(request).await.status, 200);
            }
            let request = client.request(method, "/").body(streams::nothing()).expect("well-formed");
            let answer = client.try_whole(request).await;
            heard.push(answer.map(|answer| {
                let mut fields = answer.headers;
                fields.remove("date");
                (answer.status, fields, without_what_differs(&String::from_utf8_lossy(&answer.body)))
            }));
        }
        assert_eq!(heard[0], heard[1], "{method} {answer:?}");
    }
}

#[tokio::test]
async fn who_goes_away_lets_the_app_go_as_well() {
    let ended = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&ended);
    let script = Script::start(move |_, mut talk: Talk| {
        let ended = Arc::clone(&noted);
        async move {
            while let Some(header) = talk.header().await {
                if header.starts_with(FIRST) {
                    talk.write(FINE).await;
                }
            }
            ended.store(true, Ordering::Release);
        }
    })
    .await;
    let gateway = before(&script, "").await;
    let mut wire = behind_a_first(&gateway).await;
    wire.send(&gateway.get("crm", "/").bytes()).await;
    assert!(!ended.load(Ordering::Acquire));
    drop(wire);
    let gone = async {
        while !ended.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the app hears of it");
}

#[tokio::test]
async fn an_app_that_says_nothing_on_a_connection_that_is_kept_is_too_slow() {
    let script = Script::start(|_, mut talk: Talk| async move {
        while let Some(header) = talk.header().await {
            if header.starts_with(FIRST) {
                talk.write(FINE).await;
            }
        }
    })
    .await;
    let gateway = before(&script, "timeouts: { response: 1s }").await;
    let mut wire = behind_a_first(&gateway).await;
    wire.send(&gateway.get("crm", "/").bytes()).await;
    let answer = wire.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.problem().as_str()), (504, "app_unavailable"));
}

/// A connection over which an app was asked already, so that one to the app is kept.
async fn behind_a_first(gateway: &TestGateway) -> Wire {
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    wire.send(&gateway.get("crm", "/first").bytes()).await;
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
    wire
}

/// With this for the next hop, if it is anything.
fn said_to_next_hop(request: Request, te: &str) -> Request {
    if te.is_empty() { request } else { request.with("TE", te) }
}

/// An app that answers the request it is sent after [`FIRST`] so.
async fn answers(answer: &'static str, hangs_up: bool, opened: &Arc<AtomicUsize>) -> Script {
    let opened = Arc::clone(opened);
    Script::start(move |_, mut talk: Talk| {
        opened.fetch_add(1, Ordering::AcqRel);
        async move {
            while let Some(header) = talk.header().await {
                if header.starts_with(FIRST) {
                    talk.write(FINE).await;
                    continue;
                }
                talk.write(answer.as_bytes()).await;
                if hangs_up {
                    return;
                }
            }
        }
    })
    .await
}

/// References and times are not the same twice.
fn without_what_differs(heard: &str) -> String {
    let told = heard.split_inclusive("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
    let text = told.collect::<String>();
    match text.split_once("\"reference\"") {
        Some((before, rest)) => format!("{before}{}", rest.split_once(',').map_or("", |(_, rest)| rest)),
        None => text,
    }
}

/// An answer's chunks as one: where they are cut says nothing.
fn in_one_chunk(heard: &str) -> String {
    let Some((header, mut rest)) = heard.split_once("\r\n\r\n") else { return heard.to_owned() };
    let mut content = String::new();
    while let Some((size, more)) = rest.split_once("\r\n").filter(|_| header.contains("chunked")) {
        let Ok(size) = usize::from_str_radix(size, 16) else { break };
        let Some(chunk) = more.get(..size) else { break };
        content.push_str(chunk);
        rest = more[size..].trim_start_matches("\r\n");
    }
    format!("{header}\r\n\r\n{content}\r\n{rest}")
}

/// The lines of each header in alphabetical order, names in lower case: pingora writes what is there twice together. A body
/// stays in front of the header that follows it.
fn in_any_order(heard: &str) -> Vec<Vec<String>> {
    let lower = |line: &str| match line.split_once(':') {
        Some((name, rest)) => format!("{}:{rest}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    };
    let sorted = |header: &str| {
        let mut lines = header.split("\r\n").map(lower).collect::<Vec<_>>();
        lines[1..].sort_unstable();
        lines
    };
    heard.split("\r\n\r\n").map(sorted).collect()
}

async fn before(script: &Script, settings: &str) -> TestGateway {
    TestGateway::with(Setup { apps: Some(open_to_everybody(script, settings)), ..Setup::default() }).await
}

async fn secured(script: &Script) -> TestGateway {
    TestGateway::with(Setup { apps: Some(open_to_everybody(script, "")), https: true, ..Setup::default() }).await
}

fn open_to_everybody(script: &Script, settings: &str) -> String {
    let upstream = format!("http://{}", script.address());
    format!("apps:\n  crm:\n    host: crm.localhost\n    upstream: {upstream}\n    allow: public\n    {settings}\n")
}
