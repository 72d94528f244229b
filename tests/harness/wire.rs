//! Requests as bytes, for tests that care what exactly is sent, from where, and what exactly comes back.
//!
//! [`Wire`] is one connection from a chosen loopback address; [`Request`] writes a well-formed request over one of its own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::gateway::TestGateway;

/// The office: listed by the usual policy.
pub const OFFICE: &str = "127.0.0.1";
/// A café: listed by nobody.
pub const CAFE: &str = "127.0.0.66";

/// One connection to a gateway.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    left: Vec<u8>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, values, in order.
    pub headers: Vec<(String, String)>,
    /// The body, without its chunk sizes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The one value of a field. Panics if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} came more than once: {:?}", self.headers);
        value
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Panics with the text if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A problem document's `code`, after checking that it is one.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let document = self.json();
        assert_eq!(document["status"], self.status);
        document["code"].as_str().expect("a code").to_owned()
    }

    /// The value of a cookie that this answer sets.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let set = self.headers.iter().filter(|(field, _)| field == "set-cookie");
        let mut values = set.filter_map(|(_, value)| value.split(';').next()?.strip_prefix(name)?.strip_prefix('='));
        values.next().map(str::to_owned)
    }
}

impl Wire {
    /// Connects from a loopback address.
    pub async fn open(to: u16, from: &str) -> Self {
        Self::try_open(to, from).await.expect("the gateway listens")
    }

    /// Connects from a loopback address; `None` if nobody listens.
    pub async fn try_open(to: u16, from: &str) -> Option<Self> {
        let from: IpAddr = from.parse().expect("an address");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(from, 0)).expect("a loopback address");
        let stream = socket.connect(SocketAddr::from(([127, 0, 0, 1], to))).await.ok()?;
        Some(Self { stream, left: Vec::new() })
    }

    /// Every write from here on is a packet of its own.
    pub fn no_delay(&self) {
        self.stream.set_nodelay(true).expect("a TCP socket");
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) {
        // The gateway may have hung up on us already; the answer says so.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads one answer; `None` if the connection ended without one. Panics after ten seconds.
    pub async fn answer(&mut self) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer()).await.expect("an answer within ten seconds")
    }

    /// Reads only the status line and header of an answer.
    pub async fn header(&mut self) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read_header()).await.expect("an answer within ten seconds")
    }

    /// Waits until some more bytes came; `None` once the connection has ended.
    pub async fn more(&mut self) -> Option<Vec<u8>> {
        if !self.left.is_empty() {
            return Some(std::mem::take(&mut self.left));
        }
        let mut piece = vec![0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await.expect("bytes or an end");
        match read {
            Ok(length) if length > 0 => Some(piece[..length].to_vec()),
            _ => None,
        }
    }

    /// Waits until the connection has ended, whatever else comes before. Panics after ten seconds.
    pub async fn ended(&mut self) {
        while self.more().await.is_some() {}
    }

    /// The stream itself, for a WebSocket.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn read_header(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.left.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if !self.fill().await {
                return None;
            }
        };
        let header = String::from_utf8_lossy(&self.left[..end]).into_owned();
        self.left.drain(..end + 4);
        let mut lines = header.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Answer { status, headers, body: Vec::new() })
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let mut answer = self.read_header().await?;
        if answer.status == 100 {
            answer = self.read_header().await?;
        }
        if let Some(length) = answer.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            while self.left.len() < length {
                // An answer that was cut off is none: whoever counts acknowledgements must not count it.
                if !self.fill().await {
                    return None;
                }
            }
            answer.body = self.left.drain(..length).collect();
        } else if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await {
                answer.body.extend(chunk);
            }
        }
        Some(answer)
    }

    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = loop {
            match self.left.windows(2).position(|window| window == b"\r\n") {
                Some(end) => break end,
                None if self.fill().await => {}
                None => return None,
            }
        };
        let size = usize::from_str_radix(std::str::from_utf8(&self.left[..end]).ok()?.trim(), 16).ok()?;
        while self.left.len() < end + 2 + size + 2 && self.fill().await {}
        let chunk = self.left.get(end + 2..end + 2 + size)?.to_vec();
        self.left.drain(..(end + 4 + size).min(self.left.len()));
        (size > 0).then_some(chunk)
    }

    async fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece).await {
            Ok(length) if length > 0 => {
                self.left.extend_from_slice(&piece[..length]);
                true
            }
            _ => false,
        }
    }
}

/// A well-formed request over a connection of its own.
#[derive(Clone, Debug)]
#[must_use]
pub struct Request {
    port: u16,
    from: String,
    method: String,
    target: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl TestGateway {
    /// A request to a host of this gateway: `crm`, `mail`, or `login` for the portal.
    pub fn ask(&self, method: &str, host: &str, target: &str) -> Request {
        Request::new(self.port(), method, host, target)
    }

    /// `GET`, from the office, by a program.
    pub fn get(&self, host: &str, target: &str) -> Request {
        self.ask("GET", host, target)
    }
}

impl Request {
    /// To a host of the gateway that listens on this port: `crm`, `mail`, or `login` for the portal.
    pub fn new(port: u16, method: &str, host: &str, target: &str) -> Self {
        Self {
            port,
            from: OFFICE.to_owned(),
            method: method.to_owned(),
            target: target.to_owned(),
            host: format!("{host}.localhost:{port}"),
            headers: Vec::new(),
            body: None,
        }
    }

    /// To a host of another name.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// From another address.
    pub fn from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.from);
        self
    }

    /// With a field more.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    /// As a browser navigates.
    pub fn by_browser(self) -> Self {
        self.with("Accept", "text/html,application/xhtml+xml,*/*;q=0.8").with("Sec-Fetch-Mode", "navigate")
    }

    /// With a JSON body.
    pub fn json(mut self, document: &serde_json::Value) -> Self {
        self.body = Some(document.to_string().into_bytes());
        self.with("Content-Type", "application/json")
    }

    /// With a form's fields as a body.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body(body.as_bytes()).with("Content-Type", "application/x-www-form-urlencoded")
    }

    /// With a body as it is.
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Opens a connection and sends it, without waiting for the answer.
    pub async fn start(&self) -> Wire {
        let mut wire = Wire::open(self.port, &self.from).await;
        wire.send(&self.bytes()).await;
        wire
    }

    /// Sends it and reads the answer. Panics if there is none.
    pub async fn send(&self) -> Answer {
        self.start().await.answer().await.unwrap_or_else(|| panic!("no answer to {self:?}"))
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
