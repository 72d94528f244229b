//! The short way to an app: a request that only reads, over a connection that is kept.
//!
//! pingora's proxy serves whatever there is: bodies both ways at once, upgrades, HTTP/2, caches, other upstreams when one
//! fails. For that the two halves of a request talk over channels, which is half of what a small request costs. Most requests
//! need none of it. They are forwarded here: one loop, with pingora's sessions at both ends, so that reading, framing and
//! writing is what it is on the long way, and with the same header ([`Proxy::seal`]) and the same end ([`Journey::broken`]).
//!
//! Nothing is decided here. A request comes this way with its permit, and whatever is unusual about it, or about the app's
//! connections, sends it the long way before a byte has been written.
//!
//! [`Journey::broken`]: super::journey::Journey::broken

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::v1::client::HttpSession;
use pingora::proxy::Session;

use super::{Context, Proxy, headers, kept};

impl Proxy {
    /// Forwards an admitted request, if it is one that can go the short way. `Ok(false)`: nobody has heard of it yet.
    pub(super) async fn go_straight(&self, session: &mut Session, context: &mut Context) -> pingora::Result<bool> {
        if !is_plain(session) {
            return Ok(false);
        }
        let (Some(permit), Some(route)) = (&context.permit, &context.route) else { return Ok(false) };
        let (pool, limit) = (route.pool(permit), route.app.timeouts.response);
        let Some(stream) = context.journey.straight(pool, &self.kept) else { return Ok(false) };
        let mut request = Box::new(session.req_header().clone());
        request.set_version(Version::HTTP_11);
        request.remove_header(&CONNECTION);
        self.seal(session, &mut request, context)?;
        let mut app = HttpSession::new(stream);
        app.write_timeout = Some(limit);
        let forwarded = match app.write_request_header(request).await {
            Ok(_length) => bring(session, &mut app).await,
            Err(error) => Err(error.into_up()),
        };
        match forwarded {
            Ok(()) => {
                app.respect_keepalive();
                if let Some(stream) = app.reuse().await {
                    kept::give_back(stream);
                }
                Ok(true)
            }
            Err(error) => {
                let error = context.journey.broken(session, error, true);
                if error.retry() { Ok(false) } else { Err(error) }
            }
        }
    }
}

/// Does it only read, without a body, and say nothing that is meant for the next hop alone, except about the connection?
fn is_plain(session: &mut Session) -> bool {
    let request = session.req_header();
    // HTTP/2 tells the host beside the path; with HTTP/1.1, that is a form only proxies are asked in.
    let has_usual_form = match request.version {
        Version::HTTP_2 => true,
        Version::HTTP_11 => request.uri.authority().is_none(),
        _ => false,
    };
    has_usual_form
        && matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS)
        && says_nothing_to_the_next_hop(&request.headers)
        && session.as_downstream_mut().is_body_empty()
}

fn says_nothing_to_the_next_hop(headers: &HeaderMap) -> bool {
    let usual = |value: &HeaderValue| {
        [b"keep-alive".as_slice(), b"close"].iter().any(|usual| value.as_bytes().eq_ignore_ascii_case(usual))
    };
    let mut about_connection = headers.get_all(CONNECTION).iter();
    about_connection.next().is_none_or(usual)
        && about_connection.next().is_none()
        && !NOT_PLAIN.iter().any(|name| headers.contains_key(name))
}

/// Carries the answer to the client. What is there at once leaves together; what comes later leaves when it comes.
async fn bring(session: &mut Session, app: &mut HttpSession) -> pingora::Result<()> {
    let bodiless = session.req_header().method == Method::HEAD;
    loop {
        let mut pieces = Vec::with_capacity(PIECES);
        let first = tokio::select! {
            biased;
            piece = app.read_response_task() => piece.map_err(|error| error.into_up())?,
            // Whoever has gone away needs no answer, and the app need not make it.
            gone = session.as_downstream_mut().read_body_or_idle(true) => match gone {
                Ok(_) => continue,
                Err(error) => return Err(error.into_down()),
            },
        };
        pieces.push(answer(first, bodiless)?);
        while pieces.len() < PIECES && !pieces.last().is_some_and(HttpTask::is_end) {
            let more = at_once(app.read_response_task()).await;
            match more {
                None => break,
                Some(Ok(piece)) => pieces.push(answer(piece, bodiless)?),
                // Written behind what is there already.
                Some(Err(error)) => pieces.push(HttpTask::Failed(error.into_up())),
            }
        }
        if session.as_downstream_mut().response_duplex_vec(pieces).await? {
            return Ok(());
        }
    }
}

/// What the client gets to see of a piece of the answer.
fn answer(mut piece: HttpTask, bodiless: bool) -> pingora::Result<HttpTask> {
    if let HttpTask::Header(header, end) = &mut piece {
        headers::seal_answer(header, false)?;
        let bodiless = bodiless || matches!(header.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) || *end;
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
async fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
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
/// What pingora takes away or acts upon on the long way.
const NOT_PLAIN: [HeaderName; 10] = [
    UPGRADE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    CONTENT_LENGTH,
    EXPECT,
    PROXY_AUTHENTICATE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_next_hop_is_told_goes_the_long_way() {
        for (fields, plain) in [
            (&[][..], true),
            (&[("connection", "keep-alive")], true),
            (&[("connection", "Close")], true),
            (&[("connection", "close, x-mine")], false),
            (&[("connection", "x-forwarded-for")], false),
            (&[("connection", "close"), ("connection", "x-mine")], false),
            (&[("upgrade", "websocket")], false),
            (&[("te", "trailers")], false),
            (&[("content-length", "0")], false),
            (&[("expect", "100-continue")], false),
            (&[("keep-alive", "5")], false),
            (&[("http2-settings", "x")], false),
            (&[("accept", "*/*"), ("cookie", "a=1")], true),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(says_nothing_to_the_next_hop(&headers), plain, "{fields:?}");
        }
    }
}
