//! What apps say and hear through the gateway: gRPC, streams, trailers, large bodies, by every version of HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use harness::backend::{self, Backend, Body, Script, Spoken, Talk, text};
use harness::gateway::{Setup, TestGateway};
use harness::streams::{self, Streams};
use harness::wire::{OFFICE, Wire};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

/// How apps of gRPC are reached.
const GRPC: [Spoken; 2] = [Spoken::H2c, Spoken::Tls("localhost")];

#[tokio::test]
async fn a_grpc_call_goes_through_with_its_trailers() {
    for spoken in GRPC {
        let app = Backend::start(spoken, echo_of_grpc).await;
        let gateway = before(&app, spoken, "").await;
        let mut client = Streams::open(&gateway, "crm").await;
        let request =
            grpc(&client, "/echo.Echo/Unary").body(streams::bytes("\0\0\0\0\u{5}hello")).expect("well-formed");
        let answer = client.whole(request).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"\0\0\0\0\x05hello"[..]), "{spoken:?}");
        assert_eq!(answer.headers["content-type"], "application/grpc");
        let trailers = answer.trailers.expect("trailers");
        assert_eq!(
            (trailers["grpc-status"].as_bytes(), trailers["grpc-message"].as_bytes()),
            (&b"0"[..], &b"fine"[..])
        );
        // An error has no body, and its status stands in the header.
        let request = grpc(&client, "/echo.Echo/Missing").body(streams::bytes("\0\0\0\0\0")).expect("well-formed");
        let answer = client.whole(request).await;
        let status = answer.trailers.as_ref().unwrap_or(&answer.headers).get("grpc-status");
        assert_eq!(status, Some(&HeaderValue::from_static("12")), "{spoken:?}");
        assert!(app.requests().iter().all(|(_, version)| *version == Version::HTTP_2));
    }
}

#[tokio::test]
async fn a_grpc_stream_goes_both_ways_at_once() {
    for spoken in GRPC {
        let app = Backend::start(spoken, echo_of_grpc).await;
        let gateway = before(&app, spoken, "").await;
        let mut client = Streams::open(&gateway, "crm").await;
        let (sender, body) = streams::frames();
        let request = grpc(&client, "/echo.Echo/Stream").body(body).expect("well-formed");
        let mut answer = client.send(request).await.into_body();
        for number in 0..20 {
            let said = Bytes::from(format!("message {number}"));
            sender.send(Frame::data(said.clone())).await.expect("the stream is open");
            // The next is only said when this one has come back.
            let heard = within(answer.frame()).await.expect("not the end").expect("no error");
            assert_eq!(heard.into_data().ok(), Some(said), "{spoken:?}");
        }
        drop(sender);
        let end = within(answer.frame()).await.expect("not the end").expect("no error");
        assert_eq!(end.into_trailers().expect("trailers")["grpc-status"], "0");
        assert!(within(answer.frame()).await.is_none());
    }
}

#[tokio::test]
async fn a_grpc_client_that_gives_up_is_noticed_by_the_app() {
    let (gone, mut noticed) = tokio::sync::mpsc::channel::<()>(1);
    let app = Backend::start(Spoken::H2c, move |request: Request<Incoming>| {
        let gone = gone.clone();
        async move {
            let (sender, body) = backend::frames();
            tokio::spawn(async move {
                let mut said = request.into_body();
                while let Some(Ok(_)) = said.frame().await {}
                sender.closed().await;
                let _ = gone.send(()).await;
            });
            Response::new(body)
        }
    })
    .await;
    let gateway = before(&app, Spoken::H2c, "").await;
    let mut client = Streams::open(&gateway, "crm").await;
    let request = grpc(&client, "/echo.Echo/Stream").body(streams::nothing()).expect("well-formed");
    let answer = client.send(request).await;
    drop(answer);
    assert_eq!(within(noticed.recv()).await, Some(()));
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    // The second time by a connection that is kept.
    for (spoken, before_that) in [(Spoken::Http1, 0), (Spoken::Http1, 1), (Spoken::H2c, 0)] {
        let (events, feed) = tokio::sync::mpsc::channel::<Bytes>(1);
        let feed = Arc::new(tokio::sync::Mutex::new(feed));
        let app = Backend::start(spoken, move |request: Request<Incoming>| {
            let feed = Arc::clone(&feed);
            async move {
                if request.uri().path() == "/" {
                    return text("ok");
                }
                let (sender, body) = backend::frames();
                tokio::spawn(async move {
                    let mut feed = feed.lock().await;
                    while let Some(event) = feed.recv().await {
                        if sender.send(Frame::data(event)).await.is_err() {
                            return;
                        }
                    }
                });
                let mut answer = Response::new(body);
                answer.headers_mut().insert("content-type", HeaderValue::from_static("text/event-stream"));
                answer
            }
        })
        .await;
        let gateway = before(&app, spoken, "").await;
        let mut client = Streams::open(&gateway, "crm").await;
        for _ in 0..before_that {
            let request = client.request("GET", "/").body(streams::nothing()).expect("well-formed");
            assert_eq!(client.whole(request).await.status, 200);
        }
        let request = client.request("GET", "/events").body(streams::nothing()).expect("well-formed");
        let answer = client.send(request).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut body = answer.into_body();
        for number in 0..10 {
            let event = Bytes::from(format!("data: {number}\n\n"));
            events.send(event.clone()).await.expect("the app waits for it");
            let heard = within(body.frame()).await.expect("not the end").expect("no error");
            assert_eq!(heard.into_data().ok(), Some(event), "{spoken:?}");
        }
    }
}

#[tokio::test]
async fn a_web_socket_reaches_an_app_by_http_1_also_where_requests_go_by_http_2() {
    let app = Backend::start(Spoken::Tls("localhost"), |request: Request<Incoming>| async move {
        if request.uri().path() == "/ws" { backend::web_socket(request).await } else { text("ok") }
    })
    .await;
    let apps = crm(&app, Spoken::Tls("localhost"), "");
    let files = vec![("ca.pem".to_owned(), app.authority())];
    let gateway = TestGateway::with(Setup { apps: Some(apps), files, ..Setup::default() }).await;
    assert_eq!(gateway.get("crm", "/").send().await.status, 200);
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    let ask = gateway
        .get("crm", "/ws")
        .with("Connection", "Upgrade")
        .with("Upgrade", "websocket")
        .with("Sec-WebSocket-Version", "13")
        .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    wire.send(&ask.bytes()).await;
    assert_eq!(wire.header().await.map(|answer| answer.status), Some(101));
    let mut socket = WebSocketStream::from_raw_socket(wire.into_stream(), Role::Client, None).await;
    for number in 0..5 {
        let said = Message::text(format!("hello {number}"));
        socket.send(said.clone()).await.expect("it is open");
        assert_eq!(within(socket.next()).await.expect("not the end").expect("no error"), said);
    }
    assert_eq!(app.requests(), [("GET /".to_owned(), Version::HTTP_2), ("GET /ws".to_owned(), Version::HTTP_11)]);
}

#[tokio::test]
async fn who_asks_first_whether_the_body_is_wanted_hears_it_from_the_app() {
    let app = Backend::start(Spoken::Http1, |request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        if head.uri.path() == "/refuse" {
            return status(StatusCode::FORBIDDEN);
        }
        text(&String::from_utf8_lossy(&body.collect().await.expect("the body").to_bytes()))
    })
    .await;
    let gateway = plain(&app.address().to_string(), "limits: { body: 1KiB }").await;
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    let ask = |path| gateway.ask("POST", "crm", path).with("Expect", "100-continue");
    wire.send(&ask("/").with("Content-Length", "5").bytes()).await;
    assert_eq!(wire.header().await.map(|answer| answer.status), Some(100));
    wire.send(b"hello").await;
    let answer = wire.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    for (path, length, status) in [("/refuse", "5", 403), ("/", "2000", 413)] {
        let mut wire = Wire::open(gateway.port(), OFFICE).await;
        wire.send(&ask(path).with("Content-Length", length).bytes()).await;
        assert_eq!(wire.header().await.map(|answer| answer.status), Some(status), "nobody asked for the body");
    }
}

#[tokio::test]
async fn answers_without_a_body_have_none_and_the_connection_goes_on() {
    let app = Backend::start(Spoken::Http1, |request: Request<Incoming>| async move {
        match request.uri().path() {
            "/204" => status(StatusCode::NO_CONTENT),
            "/304" => {
                let mut answer = status(StatusCode::NOT_MODIFIED);
                answer.headers_mut().insert("etag", HeaderValue::from_static("\"1\""));
                answer
            }
            _ => text("0123456789"),
        }
    })
    .await;
    let gateway = plain(&app.address().to_string(), "").await;
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    for _ in 0..3 {
        for (method, path, expected) in [("HEAD", "/", 200), ("GET", "/204", 204), ("GET", "/304", 304)] {
            wire.send(&gateway.ask(method, "crm", path).bytes()).await;
            let answer = wire.header().await.expect("an answer");
            assert_eq!(answer.status, expected);
            let length = answer.header("content-length");
            assert_eq!(length, (method == "HEAD").then_some("10"), "{method} {path}");
        }
        wire.send(&gateway.get("crm", "/").bytes()).await;
        // Had any of them had a body, it would be read as the beginning of this.
        assert_eq!(wire.answer().await.map(|answer| answer.text()).as_deref(), Some("0123456789"));
    }
    assert_eq!(app.connections(), 1, "the app's connection went on as well");
}

#[tokio::test]
async fn trailers_of_http_1_end_at_the_gateway_and_are_never_taken_for_the_next_request() {
    let (said, mut heard) = tokio::sync::mpsc::channel(1);
    let script = Script::start(move |_, mut talk: Talk| {
        let said = said.clone();
        async move {
            while talk.header().await.is_some() {
                // Whatever is left out here would stand before the next header.
                let Some(body) = talk.until(b"0\r\n\r\n").await else { return };
                let _ = said.send(body).await;
                let header = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
                talk.write(format!("{header}2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n").as_bytes()).await;
            }
        }
    })
    .await;
    let gateway = plain(&script.address().to_string(), "").await;
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    let header = gateway.ask("POST", "crm", "/").with("Transfer-Encoding", "chunked").with("Trailer", "X-Sum").bytes();
    for _ in 0..3 {
        wire.send(&header).await;
        wire.send(b"5\r\nhello\r\n0\r\nX-Sum: 9\r\nHost: evil.example\r\n\r\n").await;
        assert_eq!(within(heard.recv()).await.as_deref(), Some("5\r\nhello\r\n0\r\n\r\n"));
        assert_eq!(wire.header().await.map(|answer| answer.status), Some(200));
        let mut body = Vec::new();
        while !body.ends_with(b"0\r\n\r\n") {
            body.extend(wire.more().await.expect("not the end"));
        }
        assert_eq!(String::from_utf8_lossy(&body), "2\r\nok\r\n0\r\n\r\n");
    }
}

#[tokio::test]
async fn an_upload_that_goes_on_is_not_too_late_however_long_it_takes() {
    for spoken in [Spoken::Http1, Spoken::Tls("localhost")] {
        let app = Backend::start(spoken, |request: Request<Incoming>| async move {
            let body = request.into_body().collect().await.map(|body| body.to_bytes().len());
            text(&format!("{body:?}"))
        })
        .await;
        let gateway = before(&app, spoken, "timeouts: { response: 1s }").await;
        let mut client = Streams::open(&gateway, "crm").await;
        let (sender, body) = streams::frames();
        tokio::spawn(async move {
            for _ in 0..6 {
                // Longer in all than the answer may take, and never silent for as long.
                tokio::time::sleep(Duration::from_millis(400)).await;
                if sender.send(Frame::data(Bytes::from_static(b"piece"))).await.is_err() {
                    return;
                }
            }
        });
        let request = client.request("PUT", "/").body(body).expect("well-formed");
        let answer = client.whole(request).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"Ok(30)"[..]), "{spoken:?}");
    }
}

#[tokio::test]
async fn a_large_upload_waits_for_the_app_to_take_it() {
    let (read, go_on) = (Arc::new(AtomicU64::new(0)), Arc::new(tokio::sync::Notify::new()));
    let (counted, told) = (Arc::clone(&read), Arc::clone(&go_on));
    let app = Backend::start(Spoken::Http1, move |request: Request<Incoming>| {
        let (read, go_on) = (Arc::clone(&counted), Arc::clone(&told));
        async move {
            go_on.notified().await;
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                read.fetch_add(length as u64, Ordering::AcqRel);
            }
            text("taken")
        }
    })
    .await;
    let gateway = plain(&app.address().to_string(), "").await;
    let mut stream = narrow(gateway.port()).await;
    let header = gateway.ask("PUT", "crm", "/").with("Content-Length", &LARGE.to_string()).bytes();
    stream.write_all(&header).await.expect("it is open");
    let (mut reading, mut writing) = stream.into_split();
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        while counted.load(Ordering::Acquire) < LARGE {
            writing.write_all(&[b'x'; PIECE]).await.expect("it is open");
            counted.fetch_add(PIECE as u64, Ordering::AcqRel);
        }
        writing
    });
    let held = at_rest(&sent).await;
    assert!(held > 0 && held < HELD, "{held} bytes are somewhere between client and app");
    go_on.notify_one();
    let mut answer = vec![0; 12];
    within(reading.read_exact(&mut answer)).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!((sent.load(Ordering::Acquire), read.load(Ordering::Acquire)), (LARGE, LARGE));
    drop(sending.await);
}

#[tokio::test]
async fn a_large_upload_by_http_2_waits_as_well() {
    for spoken in [Spoken::Http1, Spoken::H2c, Spoken::Tls("localhost")] {
        let (read, go_on) = (Arc::new(AtomicU64::new(0)), Arc::new(tokio::sync::Notify::new()));
        let (counted, told) = (Arc::clone(&read), Arc::clone(&go_on));
        let app = Backend::start(spoken, move |request: Request<Incoming>| {
            let (read, go_on) = (Arc::clone(&counted), Arc::clone(&told));
            async move {
                go_on.notified().await;
                let mut body = request.into_body();
                while let Some(Ok(frame)) = body.frame().await {
                    read.fetch_add(frame.data_ref().map_or(0, Bytes::len) as u64, Ordering::AcqRel);
                }
                text("taken")
            }
        })
        .await;
        let gateway = before(&app, spoken, "").await;
        let mut client = Streams::open(&gateway, "crm").await;
        let (sender, body) = streams::frames();
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        tokio::spawn(async move {
            let piece = Bytes::from_static(&[b'x'; PIECE]);
            for _ in 0..LARGE / PIECE as u64 {
                if sender.send(Frame::data(piece.clone())).await.is_err() {
                    return;
                }
                counted.fetch_add(PIECE as u64, Ordering::AcqRel);
            }
        });
        let request = client.request("PUT", "/").body(body).expect("well-formed");
        let mut answering = Box::pin(client.whole(request));
        let held = tokio::select! {
            held = at_rest(&sent) => held,
            answer = &mut answering => panic!("{spoken:?}: {answer:?} before the body was read"),
        };
        assert!(held > 0 && held < HELD, "{spoken:?}: {held} bytes are somewhere between client and app");
        go_on.notify_one();
        let answer = within(answering).await;
        assert_eq!((answer.status, read.load(Ordering::Acquire)), (200, LARGE), "{spoken:?}");
    }
}

#[tokio::test]
async fn a_large_download_waits_for_the_client_to_take_it() {
    for spoken in [Spoken::Http1, Spoken::H2c] {
        let written = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&written);
        let app = Backend::start(spoken, move |_| {
            let written = Arc::clone(&counted);
            async move {
                let (sender, body) = backend::frames();
                tokio::spawn(async move {
                    let piece = Bytes::from_static(&[b'x'; PIECE]);
                    for _ in 0..LARGE / PIECE as u64 {
                        if sender.send(Frame::data(piece.clone())).await.is_err() {
                            return;
                        }
                        written.fetch_add(PIECE as u64, Ordering::AcqRel);
                    }
                });
                Response::new(body)
            }
        })
        .await;
        let gateway = before(&app, spoken, "").await;
        let mut client = Streams::open(&gateway, "crm").await;
        let request = client.request("GET", "/").body(streams::nothing()).expect("well-formed");
        let mut body = client.send(request).await.into_body();
        let held = at_rest(&written).await;
        assert!(held > 0 && held < HELD, "{spoken:?}: {held} bytes are somewhere between app and client");
        let mut taken = 0;
        while let Some(frame) = within(body.frame()).await {
            taken += frame.expect("no error").data_ref().map_or(0, Bytes::len) as u64;
        }
        assert_eq!((taken, written.load(Ordering::Acquire)), (LARGE, LARGE), "{spoken:?}");
    }
}

#[tokio::test]
async fn a_body_of_a_stream_is_bounded_like_any_other() {
    let app = Backend::start(Spoken::H2c, echo_of_grpc).await;
    let gateway = before(&app, Spoken::H2c, "limits: { body: 10KiB }").await;
    let mut client = Streams::open(&gateway, "crm").await;
    for (length, status) in [(10 * 1024, 200), (10 * 1024 + 1, 413)] {
        let (sender, body) = streams::frames();
        tokio::spawn(async move {
            for piece in vec![b'x'; length].chunks(1000) {
                if sender.send(Frame::data(Bytes::copy_from_slice(piece))).await.is_err() {
                    return;
                }
            }
        });
        let request = grpc(&client, "/echo.Echo/Unary").body(body).expect("well-formed");
        assert_eq!(client.send(request).await.status(), status, "{length} bytes");
    }
}

/// A gRPC service that says what it hears: `Unary` at the end, `Stream` at once.
async fn echo_of_grpc(request: Request<Incoming>) -> Response<Body> {
    assert_eq!(request.headers().get("te"), Some(&HeaderValue::from_static("trailers")), "{:?}", request.headers());
    let path = request.uri().path().to_owned();
    let (sender, body) = backend::frames();
    let mut answer = Response::new(body);
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut said = request.into_body();
    match path.as_str() {
        "/echo.Echo/Unary" => {
            let Ok(whole) = said.collect().await else { return answer };
            tokio::spawn(async move {
                drop(sender.send(Frame::data(whole.to_bytes())).await);
                drop(sender.send(Frame::trailers(fine())).await);
            });
        }
        "/echo.Echo/Stream" => {
            tokio::spawn(async move {
                while let Some(Ok(frame)) = said.frame().await {
                    if sender.send(frame).await.is_err() {
                        return;
                    }
                }
                drop(sender.send(Frame::trailers(fine())).await);
            });
        }
        _ => {
            answer.headers_mut().insert("grpc-status", HeaderValue::from_static("12"));
        }
    }
    answer
}

fn fine() -> HeaderMap {
    HeaderMap::from_iter([
        (http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0")),
        (http::HeaderName::from_static("grpc-message"), HeaderValue::from_static("fine")),
    ])
}

fn grpc(client: &Streams, path: &str) -> http::request::Builder {
    client.request("POST", path).header("content-type", "application/grpc").header("te", "trailers")
}

fn status(status: StatusCode) -> Response<Body> {
    let mut answer = text("");
    *answer.status_mut() = status;
    answer
}

/// A gateway that speaks TLS before this app, which is open to everybody.
async fn before(app: &Backend, spoken: Spoken, settings: &str) -> TestGateway {
    let files = match spoken {
        Spoken::Tls(_) => vec![("ca.pem".to_owned(), app.authority())],
        _ => Vec::new(),
    };
    TestGateway::with(Setup { apps: Some(crm(app, spoken, settings)), files, https: true, ..Setup::default() }).await
}

fn crm(app: &Backend, spoken: Spoken, settings: &str) -> String {
    let (scheme, ca_file) = match spoken {
        Spoken::Http1 => ("http", ""),
        Spoken::H2c => ("h2c", ""),
        Spoken::Tls(_) | Spoken::TlsHttp1(_) => ("https", "ca_file: ca.pem"),
    };
    let upstream = format!("{scheme}://localhost:{}", app.address().port());
    of_one(&upstream, &format!("{ca_file}\n    {settings}"))
}

/// A gateway without TLS before an app without TLS.
async fn plain(address: &str, settings: &str) -> TestGateway {
    let apps = of_one(&format!("http://{address}"), settings);
    TestGateway::with(Setup { apps: Some(apps), ..Setup::default() }).await
}

fn of_one(upstream: &str, settings: &str) -> String {
    format!("apps:\n  crm:\n    host: crm.localhost\n    upstream: {upstream}\n    allow: public\n    {settings}\n")
}

/// A connection that holds little in the kernel.
async fn narrow(port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_send_buffer_size(64 * 1024).expect("a size the system takes");
    socket.connect(([127, 0, 0, 1], port).into()).await.expect("the gateway listens")
}

/// Where a count stands once it has stopped growing.
async fn at_rest(count: &AtomicU64) -> u64 {
    let mut before = count.load(Ordering::Acquire);
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = count.load(Ordering::Acquire);
        if now == before && now > 0 {
            return now;
        }
        before = now;
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("within thirty seconds")
}

/// 64 MiB.
const LARGE: u64 = 64 << 20;
const PIECE: usize = 64 * 1024;
/// What may be between the two ends while one of them waits: the windows of HTTP/2, and what the system gathers on its sockets,
/// up to 4 MiB on their way out and 32 MiB on their way in where they fill fast. Not the body.
const HELD: u64 = 40 << 20;
