//! The short way to an app: a request that only reads, over a connection that is kept.
//!
//! pingora's proxy serves whatever there is: bodies both ways at once, upgrades, HTTP/2, caches, other upstreams when one
//! fails. For that the two halves of a request talk over channels, which is a quarter of what a small request costs. Most
//! requests need none of it. They are forwarded here: one loop, with pingora's sessions at both ends, so that the answer is
//! read, framed and written as on the long way, with the same header ([`Proxy::seal`]) and the same end ([`Journey::broken`]).
//!
//! Nothing is decided here. A request comes this way with its permit, and whatever is unusual about it, or about the app's
//! connections, sends it the long way before a byte has been written.
//!
//! [`Journey::broken`]: super::journey::Journey::broken

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};
use pingora::http::RequestHeader;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::v1::client::HttpSession;
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};
use tokio::io::AsyncWriteExt;

use super::headers::{self, Wire};
use super::kept::{self, Lent};
use super::plain::says_nothing_to_the_next_hop;
use super::{Context, Facts, Proxy};

impl Proxy {
    /// Forwards an admitted request, if it is one that can go the short way. `Ok(false)`: nobody has heard of it yet.
    pub(super) async fn go_straight(&self, session: &mut Session, context: &mut Context) -> pingora::Result<bool> {
        if !is_plain(session) {
            return Ok(false);
        }
        match self.send(session.req_header(), Facts::of(session.digest()), context).await? {
            Some(sent) => self.bring_back(session, context, sent).await,
            None => Ok(false),
        }
    }

    /// Sends an admitted request over a connection that is kept. `None`: there is none. Errors: it can't be introduced.
    pub(super) async fn send(
        &self,
        request: &RequestHeader,
        facts: Option<&Arc<Facts>>,
        context: &mut Context,
    ) -> pingora::Result<Option<Sent>> {
        let (Some(permit), Some(route)) = (&context.permit, &context.route) else { return Ok(None) };
        if let Some(visitor) = permit.visitor() {
            self.gate.expect_identity(visitor);
        }
        let (pool, limit) = (route.pool(permit), route.app.timeouts.response);
        let Some((mut app, peer)) = context.journey.straight(pool, &self.kept) else { return Ok(None) };
        let mut wire = Wire::begin(&request.method, request.raw_path());
        self.seal(facts, &request.headers, context, &mut wire)?;
        let written = write(&mut app, &wire.end(), limit).await;
        Ok(Some(Sent { app: written.map(|()| app), peer }))
    }

    /// Brings the answer, or tells what became of it. `Ok(false)`: it is to be sent once more.
    pub(super) async fn bring_back(
        &self,
        session: &mut Session,
        context: &mut Context,
        Sent { app, peer }: Sent,
    ) -> pingora::Result<bool> {
        let brought = match app {
            Ok(app) => {
                let mut app = HttpSession::new(Box::new(app));
                bring(session, &mut app).await.map(|()| app)
            }
            Err(error) => Err(error),
        };
        match brought {
            Ok(mut app) => {
                app.respect_keepalive();
                if let Some(stream) = app.reuse().await {
                    kept::give_back(stream);
                }
                Ok(true)
            }
            Err(error) => {
                let error = context.journey.broken(session, error, true);
                if error.retry() { Ok(false) } else { Err(error.more_context(peer.to_string())) }
            }
        }
    }
}

/// A request that was sent, and whose answer is still to come.
pub(super) struct Sent {
    /// Errors: it could not be sent after all, or its client gave up.
    pub(super) app: pingora::Result<Lent>,
    pub(super) peer: Arc<HttpPeer>,
}

/// Does it only read, without a body, and say nothing that is meant for the next hop alone, except about the connection?
/// Whether an answer to `HEAD` has a body is something that pingora remembers of the header it wrote: the long way.
fn is_plain(session: &mut Session) -> bool {
    let request = session.req_header();
    // HTTP/2 tells the host beside the path; with HTTP/1.1, that is a form only proxies are asked in.
    let has_usual_form = match request.version {
        Version::HTTP_2 => true,
        Version::HTTP_11 => request.uri.authority().is_none(),
        _ => false,
    };
    has_usual_form
        && matches!(request.method, Method::GET | Method::OPTIONS)
        // Refused before, and by pingora on the long way: here it would end the line too early.
        && request.raw_path().iter().all(|byte| *byte > b' ' && *byte != 0x7f)
        && says_nothing_to_the_next_hop(&request.headers)
        && session.as_downstream_mut().is_body_empty()
}

/// Writes the whole header. A timer runs only if it does not go out at once.
async fn write(app: &mut Lent, wire: &[u8], limit: Duration) -> pingora::Result<()> {
    let mut writing = pin!(async {
        app.write_all(wire).await?;
        app.flush().await
    });
    let written = match at_once(writing.as_mut()).await {
        Some(written) => written,
        None => match tokio::time::timeout(limit, writing).await {
            Ok(written) => written,
            Err(_late) => return Err(Error::explain(ErrorType::WriteTimedout, "while writing the header").into_up()),
        },
    };
    written.map_err(|error| Error::because(ErrorType::WriteError, "while writing the header", error).into_up())
}

/// Carries the answer to the client. What is there at once leaves together; what comes later leaves when it comes.
async fn bring(session: &mut Session, app: &mut HttpSession) -> pingora::Result<()> {
    loop {
        let mut pieces = Vec::with_capacity(PIECES);
        let first = tokio::select! {
            biased;
            piece = app.read_response_task() => piece.map_err(|error| error.into_up()),
            // Whoever has gone away needs no answer, and the app need not make it.
            gone = session.as_downstream_mut().read_body_or_idle(true) => match gone {
                Ok(_) => return Err(Error::explain(ErrorType::ReadError, "a body that nobody told of").into_down()),
                Err(error) => return Err(error.into_down()),
            },
        };
        match first {
            Ok(piece) => pieces.push(answer(piece)?),
            Err(error) if session.response_written().is_some() => {
                // What was written before leaves first; pingora sees to that unless the failure is alone.
                pieces.extend([HttpTask::Body(None, false), HttpTask::Failed(error)]);
            }
            Err(error) => return Err(error),
        }
        while pieces.len() < PIECES && !pieces.last().is_some_and(is_last) {
            let more = at_once(app.read_response_task()).await;
            match more {
                None => break,
                Some(Ok(piece)) => pieces.push(answer(piece)?),
                // Written behind what is there already.
                Some(Err(error)) => pieces.push(HttpTask::Failed(error.into_up())),
            }
        }
        if session.as_downstream_mut().response_duplex_vec(pieces).await? {
            return Ok(());
        }
    }
}

fn is_last(piece: &HttpTask) -> bool {
    piece.is_end() || matches!(piece, HttpTask::Failed(_))
}

/// What the client gets to see of a piece of the answer.
fn answer(mut piece: HttpTask) -> pingora::Result<HttpTask> {
    if let HttpTask::Header(header, end) = &mut piece {
        headers::seal_answer(header, false)?;
        let bodiless = matches!(header.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) || *end;
        let is_framed = || [TRANSFER_ENCODING, CONTENT_LENGTH].iter().any(|name| header.headers.contains_key(name));
        if !bodiless && !header.status.is_informational() && !is_framed() {
            // It ends when the app closes the connection; the client's stays open.
            header.set_version(Version::HTTP_11);
            header.insert_header(TRANSFER_ENCODING, "chunked")?;
        }
    }
    Ok(piece)
}

/// What is there already.
pub(super) async fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        Poll::Ready(match work.as_mut().poll(cx) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })
    })
    .await
}

/// Pieces of an answer that are written at once.
const PIECES: usize = 4;
