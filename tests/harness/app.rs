//! An app behind the gateway that remembers what reached it.
//!
//! Counts connections, keeps every request with its headers, and answers with what the test needs: `/` and anything else
//! echo the request as JSON, `/ws` is a WebSocket that echoes, `/stream` sends a line a tick until it is cut, `/slow` waits
//! until it is told to go on, `/set-cookie` tries to set the gateway's cookie.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SET_COOKIE, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// One request as it reached the app.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET`.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// All fields, in order.
    pub headers: HeaderMap,
    /// The body, if it was read.
    pub body: Bytes,
}

impl Seen {
    /// The one value of a field; `None` if there is none. Panics if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} came more than once: {:?}", self.headers);
        Some(value.to_str().expect("visible ASCII"))
    }
}

/// A running app. Dropping it closes everything.
#[derive(Debug)]
pub struct TestApp {
    address: SocketAddr,
    memory: Arc<Memory>,
    running: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Memory {
    connections: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
    go_on: tokio::sync::Notify,
}

impl TestApp {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = socket.local_addr().expect("bound");
        let memory = Arc::new(Memory::default());
        let mut running = JoinSet::new();
        running.spawn(serve(socket, Arc::clone(&memory)));
        Self { address, memory, running: Mutex::new(running) }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were ever opened to it.
    pub fn connections(&self) -> usize {
        self.memory.connections.load(Ordering::Acquire)
    }

    /// Everything that reached it, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.memory.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The latest request. Panics if there was none.
    pub fn last(&self) -> Seen {
        self.seen().pop().expect("a request reached the app")
    }

    /// Stops it: open connections end, new ones are refused.
    pub async fn stop(&self) {
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        running.shutdown().await;
    }

    /// Lets one request to `/slow` go on.
    pub fn go_on(&self) {
        self.memory.go_on.notify_one();
    }
}

/// A body of a test's app.
pub type Body = BoxBody<Bytes, Infallible>;

async fn serve(socket: TcpListener, memory: Arc<Memory>) {
    let mut open = JoinSet::new();
    loop {
        let Ok((stream, _)) = socket.accept().await else { return };
        memory.connections.fetch_add(1, Ordering::AcqRel);
        let memory = Arc::clone(&memory);
        open.spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&memory)));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A cut connection is what some tests are about.
            let _ = connection.with_upgrades().await;
        });
    }
}

async fn answer(mut request: Request<Incoming>, memory: Arc<Memory>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    if path == "/ws" {
        remember(&memory, &request, Bytes::new());
        return Ok(web_socket(&mut request));
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let request = Request::from_parts(parts, ());
    remember(&memory, &request, body.clone());
    match path.as_str() {
        "/stream" => return Ok(stream()),
        "/slow" => memory.go_on.notified().await,
        _ => {}
    }
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let echo = serde_json::json!({
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let mut response = Response::new(full(echo.to_string()));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    if path == "/set-cookie" {
        for cookie in ["app=1; Path=/", "__Host-vestibule=stolen; Path=/; Secure"] {
            response.headers_mut().append(SET_COOKIE, http::HeaderValue::from_static(cookie));
        }
    }
    Ok(response)
}

fn remember<B>(memory: &Memory, request: &Request<B>, body: Bytes) {
    memory.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: request.headers().clone(),
        body,
    });
}

pub(crate) fn web_socket(request: &mut Request<Incoming>) -> Response<Body> {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).cloned() else {
        let mut refused = Response::new(full("not a WebSocket".to_owned()));
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return refused;
    };
    let upgraded = hyper::upgrade::on(request);
    tokio::spawn(async move {
        use futures_util::{SinkExt, StreamExt};
        let Ok(io) = upgraded.await else { return };
        let socket = tokio_tungstenite::WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, None).await;
        let (mut out, mut incoming) = socket.split();
        while let Some(Ok(message)) = incoming.next().await {
            if (message.is_text() || message.is_binary()) && out.send(message).await.is_err() {
                return;
            }
        }
    });
    let accept = derive_accept_key(key.as_bytes());
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(full(String::new()))
        .expect("well-formed")
}

/// A line every 20 ms, for ever.
fn stream() -> Response<Body> {
    let ticks = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok(Frame::data(Bytes::from_static(b"tick\n"))), ()))
    });
    Response::new(BoxBody::new(StreamBody::new(ticks)))
}

/// A body that is there already.
pub fn full(text: String) -> Body {
    BoxBody::new(Full::new(Bytes::from(text)))
}
