//! Two apps to stand behind the gateway: a customer list and a mailbox.
//!
//! Neither knows passwords or sessions: each shows who the gateway says you are, and everything it received. Besides
//! pages there is a JSON API, a stream of events and a WebSocket, because these are what gateways get wrong.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use access::Timestamp;
use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Json, Router};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, StatusCode};
use hyper::body::Frame;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::claims;
use crate::admin::written;
use crate::clock::Clock;

/// Both apps, running. Dropping them ends them.
pub(super) struct Apps {
    pub(super) crm: SocketAddr,
    pub(super) mail: SocketAddr,
    _running: JoinSet<()>,
}

impl Apps {
    /// On two free ports of 127.0.0.1. `portal` is where their links to the keys lead.
    pub(super) async fn start(clock: &Clock, portal: &str) -> std::io::Result<Self> {
        let mut running = JoinSet::new();
        let mut addresses = Vec::new();
        for kind in [Kind::Crm, Kind::Mail] {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            addresses.push(listener.local_addr()?);
            let app = App { kind, clock: clock.clone(), portal: portal.into(), customers: first_customers() };
            running.spawn(async move {
                // It ends with the demo; there is nobody to tell.
                let _ = axum::serve(listener, app.router()).await;
            });
        }
        Ok(Self { crm: addresses[0], mail: addresses[1], _running: running })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Crm,
    Mail,
}

#[derive(Clone)]
struct App {
    kind: Kind,
    clock: Clock,
    portal: Arc<str>,
    customers: Arc<Mutex<Vec<Customer>>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Customer {
    name: String,
    city: String,
}

impl App {
    fn router(self) -> Router {
        let routes = Router::new()
            .route("/", get(front))
            .route("/status", get(|| async { Json(serde_json::json!({ "status": "ok" })) }))
            .route("/clock", get(events))
            .route("/ws", get(web_socket))
            .route("/app.css", get(|| async { ([(CONTENT_TYPE, "text/css")], include_str!("pages/demo_app.css")) }))
            .route(
                "/app.js",
                get(|| async { ([(CONTENT_TYPE, "text/javascript")], include_str!("pages/demo_app.js")) }),
            );
        let routes = match self.kind {
            Kind::Crm => routes
                .route("/customers", axum::routing::post(add_customer))
                .route("/api/customers", get(list_customers).post(post_customer)),
            Kind::Mail => routes,
        };
        routes.with_state(self)
    }

    /// Adds one at the end; of very many the oldest goes.
    fn add(&self, customer: Customer) {
        let mut customers = self.customers.lock().unwrap_or_else(PoisonError::into_inner);
        if customers.len() == MOST_CUSTOMERS {
            customers.remove(0);
        }
        customers.push(customer);
    }

    fn customers(&self) -> Vec<Customer> {
        self.customers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who the gateway says it is.
struct You {
    user: Option<String>,
    name: String,
    email: String,
    groups: String,
    claims: String,
}

impl You {
    fn of(headers: &HeaderMap) -> Self {
        let read = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let name = read("remote-name").map(|name| decoded(&name));
        let claims = read("x-vestibule-assertion").as_deref().and_then(claims);
        Self {
            user: read("remote-user"),
            name: name.unwrap_or_else(|| "–".to_owned()),
            email: read("remote-email").unwrap_or_else(|| "–".to_owned()),
            groups: read("remote-groups").unwrap_or_else(|| "–".to_owned()),
            claims: claims.map_or_else(|| "–".to_owned(), |claims| format!("{claims:#}")),
        }
    }
}

#[derive(Template)]
#[template(path = "demo_crm.html")]
struct CrmPage<'a> {
    title: &'a str,
    kind: &'a str,
    portal: &'a str,
    you: You,
    headers: Vec<(String, String)>,
    customers: Vec<Customer>,
}

#[derive(Template)]
#[template(path = "demo_mail.html")]
struct MailPage<'a> {
    title: &'a str,
    kind: &'a str,
    portal: &'a str,
    you: You,
    headers: Vec<(String, String)>,
    letters: [(&'a str, &'a str); 3],
}

async fn front(State(app): State<App>, headers: HeaderMap) -> Response {
    let you = You::of(&headers);
    let all =
        headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let (portal, headers) = (&*app.portal, all.collect());
    let page = match app.kind {
        Kind::Crm => {
            let customers = app.customers();
            CrmPage { title: "Customers", kind: "crm", portal, you, headers, customers }.render()
        }
        Kind::Mail => MailPage { title: "Mail", kind: "mail", portal, you, headers, letters: LETTERS }.render(),
    };
    match page {
        Ok(page) => ([(CACHE_CONTROL, "no-store")], Html(page)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn add_customer(State(app): State<App>, Form(customer): Form<Customer>) -> Redirect {
    app.add(customer);
    Redirect::to("/")
}

async fn list_customers(State(app): State<App>) -> Json<Vec<Customer>> {
    Json(app.customers())
}

async fn post_customer(State(app): State<App>, Json(customer): Json<Customer>) -> (StatusCode, Json<Customer>) {
    app.add(customer.clone());
    (StatusCode::CREATED, Json(customer))
}

/// One event a second, for as long as anybody reads (WHATWG HTML §9.2).
async fn events(State(app): State<App>) -> Response {
    let (ticks, reading) = mpsc::channel(1);
    tokio::spawn(async move {
        while ticks.send(Bytes::from(format!("data: {}\n\n", time_of_day(app.clock.now())))).await.is_ok() {
            tokio::time::sleep(SECOND).await;
        }
    });
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], Body::new(Ticks(reading))).into_response()
}

/// A body that ends when nobody writes it any more.
struct Ticks(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Ticks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|tick| tick.map(|tick| Ok(Frame::data(tick))))
    }
}

/// The time every second, and an echo of what is sent (RFC 6455 §4.2.2).
async fn web_socket(State(app): State<App>, mut request: Request) -> Response {
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let (Some(accept), Some(upgrade)) = (key, upgrade) else { return StatusCode::UPGRADE_REQUIRED.into_response() };
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let (mut writing, mut reading) = socket.split();
        let mut tick = tokio::time::interval(SECOND);
        loop {
            let message = tokio::select! {
                _ = tick.tick() => Message::text(time_of_day(app.clock.now())),
                came = reading.next() => match came {
                    Some(Ok(Message::Text(text))) => Message::Text(text),
                    Some(Ok(Message::Binary(bytes))) => Message::Binary(bytes),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
            };
            if writing.send(message).await.is_err() {
                return;
            }
        }
    });
    let headers = [(CONNECTION, "Upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_ACCEPT, accept.as_str())];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

fn time_of_day(now: Timestamp) -> String {
    written(now).split('T').nth(1).unwrap_or_default().replace('Z', " UTC")
}

/// `Remote-Name` comes percent-encoded, because header fields are ASCII.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = (*first == b'%').then(|| behind.get(..2)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn first_customers() -> Arc<Mutex<Vec<Customer>>> {
    let customers = [("Harbour Bakery", "Lisbon"), ("Kestrel Bikes", "Leeds"), ("山田書店", "Kyoto")];
    let customers = customers.map(|(name, city)| Customer { name: name.to_owned(), city: city.to_owned() });
    Arc::new(Mutex::new(customers.into()))
}

const LETTERS: [(&str, &str); 3] = [
    ("Harbour Bakery", "Tomorrow's delivery"),
    ("Facilities", "The lift is mended"),
    ("Ana Ruiz", "Minutes of Monday"),
];
const SECOND: Duration = Duration::from_secs(1);
const MOST_CUSTOMERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_whatever_they_hold() {
        for (sent, name) in [("Ana Ruiz", "Ana Ruiz"), ("Bj%C3%B6rn", "Björn"), ("100%", "100%"), ("%zz%4", "%zz%4")] {
            assert_eq!(decoded(sent), name, "{sent}");
        }
    }

    #[test]
    fn what_an_app_received_is_shown_as_text() {
        let you =
            You { user: None, name: "<b>".into(), email: "–".into(), groups: "–".into(), claims: "–".into() };
        let headers = vec![("x".to_owned(), "<script>".to_owned())];
        let page = MailPage { title: "Mail", kind: "mail", portal: "", you, headers, letters: LETTERS };
        let page = page.render().expect("rendered");
        assert!(!page.contains("<b>") && !page.contains("<script>"), "{page}");
    }
}
