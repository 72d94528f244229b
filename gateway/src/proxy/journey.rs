//! One request's way to its app: where it is, where it has been, what may be tried once more, and how much it brought.
//!
//! Tried again is only what can't have been seen. Where no connection could be had nothing was sent, so the next upstream is
//! asked, each once. Where a connection that was kept turned out dead before any byte of the answer, a request that only
//! reads and has no body is sent once more. Anything else ends with its error: a POST may have been acted upon.

use std::sync::Arc;

use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use super::kept::{Kept, Lent, Way};
use super::pool::{NoUpstream, Place, Pool, Tried, UnderWay};

/// How far a request has come.
#[derive(Debug, Default)]
pub(super) struct Journey {
    place: Option<Place>,
    at: Option<UnderWay>,
    /// Chosen and not gone to yet.
    chosen: Option<(Arc<HttpPeer>, UnderWay)>,
    way: Option<Arc<Way>>,
    tried: Tried,
    repeated: bool,
    uploaded: u64,
}

impl Journey {
    /// Takes a place among the app's requests. Is there none?
    pub(super) fn begin(&mut self, pool: &Pool) -> bool {
        self.place = pool.enter();
        self.place.is_some()
    }

    /// The next upstream, if a connection to it is kept. If not, it stays the next one.
    pub(super) fn straight(&mut self, pool: &Pool, kept: &Arc<Kept>) -> Option<(Lent, Arc<HttpPeer>)> {
        let (peer, at) = pool.next(self.tried).ok()?;
        let Some((app, way)) = kept.ready(&peer) else {
            self.chosen = Some((peer, at));
            return None;
        };
        (self.at, self.way) = (Some(at), Some(way));
        Some((app, peer))
    }

    /// The upstream to go to now.
    pub(super) fn next(&mut self, pool: &Pool, session: &mut Session) -> pingora::Result<Box<HttpPeer>> {
        // Leaves the one before first: it must not count against itself.
        self.at = None;
        self.way = None;
        self.uploaded = 0;
        match self.chosen.take().map_or_else(|| pool.next(self.tried), Ok) {
            Ok((peer, at)) => {
                self.at = Some(at);
                let mut peer = Box::new(HttpPeer::clone(&peer));
                if peer.is_tls() && is_long_upload(session) {
                    peer.options.set_http_version(1, 1);
                }
                Ok(peer)
            }
            Err(NoUpstream::NoneWorks) => Err(unavailable("no upstream works")),
            Err(NoUpstream::NotFound) => {
                Err(Error::explain(ErrorType::ConnectError, "the upstream's name can't be found").into_up())
            }
        }
    }

    /// Goes there over a connection that is kept, if there is one.
    pub(super) fn over(&mut self, kept: &Arc<Kept>, mut peer: Box<HttpPeer>) -> Box<HttpPeer> {
        self.way = kept.lead(&mut peer);
        peer
    }

    /// There was no connection, so nothing was sent: on to the next upstream, if there is one.
    pub(super) fn not_connected(&mut self, pool: &Pool, mut error: Box<Error>) -> Box<Error> {
        if let Some(at) = &self.at {
            self.tried.add(at.index());
        }
        error.set_retry(pool.has_another(self.tried));
        error
    }

    /// Something went wrong on a connection; `kept`: it had served others before.
    pub(super) fn broken(&mut self, session: &mut Session, mut error: Box<Error>, kept: bool) -> Box<Error> {
        if self.way.as_ref().is_some_and(|way| way.was_late()) {
            error.etype = ErrorType::ReadTimedout;
            error.set_retry(false);
            return error;
        }
        let kept = kept || self.way.as_ref().is_some_and(|way| way.was_kept());
        let reads = matches!(session.req_header().method, Method::GET | Method::HEAD | Method::OPTIONS);
        let again = !self.repeated
            && reads
            && session.as_downstream_mut().is_body_empty()
            && session.response_written().is_none()
            && died_unheard(&mut error, kept);
        self.repeated |= again;
        error.set_retry(again);
        error
    }

    /// Counts a piece of the request's body. Errors: it is more than the app takes.
    pub(super) fn upload(&mut self, length: usize, most: Option<u64>) -> pingora::Result<()> {
        self.uploaded = self.uploaded.saturating_add(length as u64);
        match most {
            Some(most) if self.uploaded > most => {
                Err(Error::explain(ErrorType::HTTPStatus(413), "more body than the app takes").into_down())
            }
            _ => Ok(()),
        }
    }
}

/// Did the connection end before any byte of the answer? pingora marks what looks like it, and says only in words how many
/// bytes had come.
fn died_unheard(error: &mut Error, kept: bool) -> bool {
    error.retry.decide_reuse(kept);
    let marked = error.retry() || (kept && *error.etype() == ErrorType::WriteError);
    let heard = || {
        let words = error.to_string();
        words.contains("bytes already read") && !words.contains("bytes already read: 0")
    };
    *error.esource() == ErrorSource::Upstream && marked && !heard()
}

/// Is the body one that may take long to bring? Over HTTP/2, pingora waits for the answer from the end of the header on; over
/// HTTP/1.1 from the last piece that was brought.
fn is_long_upload(session: &mut Session) -> bool {
    if session.as_downstream_mut().is_body_empty() {
        return false;
    }
    let headers = &session.req_header().headers;
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) => length > LONG,
        // Its trailers need HTTP/2.
        None => !headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")),
    }
}

/// Not now, perhaps later.
fn unavailable(why: &'static str) -> Box<Error> {
    Error::explain(ErrorType::HTTPStatus(503), why).into_up()
}

/// A body of more bytes than this may take long.
const LONG: u64 = 1 << 20;
