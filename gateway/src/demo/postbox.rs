//! Where does everything go that the gateway sends? Here: a mail server and a telephone company that keep what they get.
//!
//! They speak what real ones speak, SMTP (RFC 5321) and HTTP, and deliver nothing. The demo shows on a page what came;
//! tests read it. The last hundred messages are kept.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A running one. Dropping it ends it.
pub struct Postbox {
    smtp: SocketAddr,
    page: SocketAddr,
    kept: Kept,
    _running: JoinSet<()>,
}

/// Something that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// By which way: `mail`, `sms` or `voice`.
    pub channel: &'static str,
    /// Who sent it, as it says.
    pub from: String,
    /// For whom, as the sender told the server.
    pub to: String,
    /// Its subject; of a mail alone.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same as HTML; of a mail alone.
    pub html: String,
    /// As it came.
    pub raw: String,
}

impl Received {
    /// The first address of a page in it.
    pub fn link(&self) -> Option<&str> {
        self.text.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"))
    }

    /// The first six digits in it that stand alone, or one by one as a call says them.
    pub fn code(&self) -> Option<String> {
        let spoken = self.text.replace(", ", "");
        let mut runs = spoken.split(|c: char| !c.is_ascii_digit());
        runs.find(|run| run.len() == 6).map(str::to_owned)
    }

    /// Its lines, each with the page it leads to, if it is one.
    fn lines(&self) -> impl Iterator<Item = (&str, bool)> {
        self.text.lines().map(|line| (line, line.starts_with("http://") || line.starts_with("https://")))
    }
}

#[derive(Clone)]
struct Kept {
    /// What telephones are answered with, before all goes well.
    noes: Arc<Mutex<VecDeque<StatusCode>>>,
    received: Arc<Mutex<VecDeque<Received>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Kept {
    fn keep(&self, received: Received) {
        let mut all = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == MOST {
            all.pop_back();
        }
        all.push_front(received);
        drop(all);
        self.count.send_modify(|count| *count += 1);
    }

    fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Postbox {
    /// On free ports of 127.0.0.1.
    pub async fn start() -> std::io::Result<Self> {
        let (mail, pages) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let (smtp, page) = (mail.local_addr()?, pages.local_addr()?);
        let kept = Kept { noes: Arc::default(), received: Arc::default(), count: Arc::new(watch::Sender::new(0)) };
        let mut running = JoinSet::new();
        running.spawn(serve_mail(mail, kept.clone()));
        let routes = Router::new()
            .route("/", get(messages))
            .route("/sms", post(sms))
            .route("/voice", post(voice))
            .route("/app.css", get(|| async { ([(CONTENT_TYPE, "text/css")], include_str!("pages/demo_app.css")) }))
            .with_state(kept.clone());
        running.spawn(async move {
            // It ends with the demo; there is nobody to tell.
            let _ = axum::serve(pages, routes).await;
        });
        Ok(Self { smtp, page, kept, _running: running })
    }

    /// The mail server.
    pub const fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// The page that shows what came.
    pub const fn page(&self) -> SocketAddr {
        self.page
    }

    /// The next message to a telephone is answered so, and not kept.
    pub fn refuse_next(&self, status: StatusCode) {
        self.kept.noes.lock().unwrap_or_else(PoisonError::into_inner).push_back(status);
    }

    /// What came so far, the newest first.
    pub fn received(&self) -> Vec<Received> {
        self.kept.all()
    }

    /// The newest of `count` for this address with this in their subjects, as soon as there are so many. `None`: there are not
    /// after ten seconds.
    pub async fn wait_for(&self, to: &str, subject: &str, count: usize) -> Option<Received> {
        let mut changes = self.kept.count.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                let mut found = self.received();
                found.retain(|received| received.to == to && received.subject.contains(subject));
                if found.len() >= count {
                    return found.into_iter().next();
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.ok().flatten()
    }
}

#[derive(Template)]
#[template(path = "demo_messages.html")]
struct MessagesPage {
    received: Vec<Received>,
}

async fn messages(State(kept): State<Kept>) -> Response {
    match (MessagesPage { received: kept.all() }).render() {
        Ok(page) => ([(CACHE_CONTROL, "no-store")], Html(page)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What a telephone company is sent.
#[derive(Deserialize)]
struct Telephone {
    to: String,
    text: String,
}

async fn sms(State(kept): State<Kept>, message: Json<Telephone>) -> StatusCode {
    ring(&kept, "sms", message)
}

async fn voice(State(kept): State<Kept>, message: Json<Telephone>) -> StatusCode {
    ring(&kept, "voice", message)
}

fn ring(kept: &Kept, channel: &'static str, Json(Telephone { to, text }): Json<Telephone>) -> StatusCode {
    if let Some(no) = kept.noes.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
        return no;
    }
    let (from, subject, html, raw) = (String::new(), String::new(), String::new(), String::new());
    kept.keep(Received { channel, from, to, subject, text, html, raw });
    StatusCode::ACCEPTED
}

async fn serve_mail(listener: TcpListener, kept: Kept) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let (Ok(place), Ok((stream, _))) = (Arc::clone(&places).acquire_owned().await, listener.accept().await) else {
            return;
        };
        let kept = kept.clone();
        tokio::spawn(async move {
            // Whoever breaks off has said nothing.
            let _ = tokio::time::timeout(CONVERSATION, converse(stream, &kept)).await;
            drop(place);
        });
    }
}

/// One connection of a mail client, from greeting to QUIT.
async fn converse(stream: TcpStream, kept: &Kept) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    writing.write_all(b"220 postbox.localhost ESMTP\r\n").await?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let Some(line) = line(&mut reading).await? else { return Ok(()) };
        let (verb, rest) = line.split_at(line.find([' ', ':']).unwrap_or(line.len()));
        let address =
            || rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address.to_owned());
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-postbox.localhost\r\n250-8BITMIME\r\n250 SIZE 1048576\r\n",
            "HELO" | "NOOP" => "250 OK\r\n",
            "RSET" => {
                to.clear();
                "250 OK\r\n"
            }
            "MAIL" => {
                from = address().unwrap_or_default();
                to.clear();
                "250 OK\r\n"
            }
            "RCPT" => match address() {
                Some(address) if to.len() < RECEIVERS => {
                    to.push(address);
                    "250 OK\r\n"
                }
                _ => "550 5.1.1 No such mailbox\r\n",
            },
            "DATA" if to.is_empty() => "503 5.5.1 For whom?\r\n",
            "DATA" => {
                writing.write_all(b"354 Go on\r\n").await?;
                let mut raw = String::new();
                loop {
                    let Some(line) = self::line(&mut reading).await? else { return Ok(()) };
                    if line == "." {
                        break;
                    }
                    // RFC 5321 §4.5.2: a dot in front was doubled.
                    raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    raw.push_str("\r\n");
                    if raw.len() > LONGEST_MAIL {
                        return Ok(());
                    }
                }
                for to in to.drain(..) {
                    kept.keep(read(&from, to, &raw));
                }
                "250 2.0.0 Kept\r\n"
            }
            "QUIT" => {
                writing.write_all(b"221 2.0.0 Bye\r\n").await?;
                return Ok(());
            }
            _ => "502 5.5.1 Not here\r\n",
        };
        writing.write_all(answer.as_bytes()).await?;
    }
}

/// One line without its end; `None`: there is no more, or it is too long.
async fn line(reading: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = reading.take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
    if read == 0 || line.last() != Some(&b'\n') {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

fn read(from: &str, to: String, raw: &str) -> Received {
    let mail = mail_parser::MessageParser::default().parse(raw.as_bytes());
    let part =
        |part: Option<std::borrow::Cow<'_, str>>| part.map(|text| text.replace("\r\n", "\n")).unwrap_or_default();
    Received {
        channel: "mail",
        from: from.to_owned(),
        to,
        subject: mail.as_ref().and_then(|mail| mail.subject()).unwrap_or_default().to_owned(),
        text: part(mail.as_ref().and_then(|mail| mail.body_text(0))),
        html: part(mail.as_ref().and_then(|mail| mail.body_html(0))),
        raw: raw.to_owned(),
    }
}

/// Messages that are kept.
const MOST: usize = 100;
const CONNECTIONS: usize = 32;
const RECEIVERS: usize = 10;
/// RFC 5321 §4.5.3.1.6 allows a thousand; long header fields are folded.
const LONGEST_LINE: u64 = 2_000;
const LONGEST_MAIL: usize = 1 << 20;
const CONVERSATION: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
