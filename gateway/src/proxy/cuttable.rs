//! How does an admitted request end early? Its connection, or its stream, waits on its own work and on a [`Cut`] at once.
//!
//! pingora has no handle on a running request. With HTTP/1.1 a connection serves one request at a time, so the connection's
//! own cut ends it: `server::listener` waits on that. With HTTP/2 each stream is a task of its own inside pingora; this
//! wraps its HTTP app and gives each a cut: whatever runs, a WebSocket for hours or a download, is dropped, with its
//! connection to the app, the moment the cut is fired.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::protocols::{Digest, Stream as IoStream};
use pingora::proxy::Session;
use pingora::server::ShutdownWatch;

use super::connection::{Facts, Stage};
use super::{Proxy, lane, websocket};
use crate::gate::{Cut, Hold};

tokio::task_local! {
    static STREAM: Arc<Stream>;
}

/// One HTTP/2 stream, as long as it is served.
#[derive(Default)]
struct Stream {
    cut: Arc<Cut>,
    /// Bytes of a body that came.
    came: AtomicU64,
    /// Bytes of a body that have to come a second; zero: none is expected.
    due: AtomicU64,
}

impl Stream {
    /// Ends it if a body is expected and does not move. An app that takes nothing for so long is no better.
    async fn watch(&self) {
        loop {
            // No timer before there is a body: this is asked again whenever the stream's task is.
            poll_fn(|_| if self.due.load(Ordering::Relaxed) > 0 { Poll::Ready(()) } else { Poll::Pending }).await;
            let (before, was_due) = (self.came.load(Ordering::Relaxed), self.due.load(Ordering::Relaxed));
            tokio::time::sleep(WAIT).await;
            let due = self.due.load(Ordering::Relaxed).min(was_due);
            let came = self.came.load(Ordering::Relaxed).wrapping_sub(before);
            if due > 0 && came < due.saturating_mul(WAIT.as_secs()) {
                self.cut.end();
            }
        }
    }
}

/// More of the body came over HTTP/2, perhaps its end.
pub(super) fn body_came(length: usize, end: bool) {
    let _ = STREAM.try_with(|stream| {
        stream.came.fetch_add(length as u64, Ordering::Relaxed);
        if end {
            stream.due.store(0, Ordering::Relaxed);
        }
    });
}

/// The hold on the request that this task serves, which begins now.
pub(super) fn hold(facts: Option<&Arc<Facts>>) -> Option<Hold> {
    let of_stream = STREAM.try_with(|stream| stream.cut.begin()).ok();
    of_stream.or_else(|| facts.map(|facts| facts.cut.begin()))
}

/// Does the work until it is done or the cut is fired; `None`: it was cut.
pub(crate) async fn until_cut<T>(cut: &Cut, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| match cut.poll_fired(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => work.as_mut().poll(cx).map(Some),
    })
    .await
}

/// An HTTP app whose requests can be cut.
pub(crate) struct Cuttable<A> {
    inner: Arc<A>,
    /// For what is so plain that it needs no more.
    lane: Proxy,
    options: HttpServerOptions,
}

impl<A> Cuttable<A> {
    /// Around pingora's, with a lane beside it.
    pub(super) fn around(inner: A, lane: Proxy) -> Self {
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(IDLE);
        Self { inner: Arc::new(inner), lane, options }
    }
}

impl<A: HttpServerApp + Send + Sync + 'static> Cuttable<A> {
    /// Serves an HTTP/1.1 connection: one request after the other, plain ones in the lane and the others with nothing
    /// between them and pingora's proxy. Whoever holds the connection cuts it, also when the next request does not come: the
    /// watch waits without a timer a request.
    pub(crate) async fn serve_lines(&self, mut stream: IoStream, facts: &Arc<Facts>, shutdown: &ShutdownWatch) {
        let digest = Digest {
            ssl_digest: stream.get_ssl_digest(),
            timing_digest: stream.get_timing_digest(),
            proxy_digest: stream.get_proxy_digest(),
            socket_digest: stream.get_socket_digest(),
        };
        let mut settings: Option<HttpPersistentSettings> = None;
        loop {
            let next = self.lane.serve_plain(&mut stream, facts, &digest, shutdown).await;
            let lane::Next::Pingora { read, context } = next else { return };
            // Kilobytes: made where it is given away, so that it is not moved once more for each request.
            let mut session = ServerSession::new_http1(stream);
            match settings.take() {
                Some(settings) => settings.apply_to_session(&mut session),
                // Once told to stop, pingora says so itself when the header is here.
                None => session.set_keepalive(Some(NO_TIMER)),
            }
            if let ServerSession::H1(lines) = &mut session {
                lines.set_pipelined_prefix(read);
                lines.set_connection_user_context(context.map(|context| context as Box<dyn Any + Send + Sync>));
            }
            let Some(reused) = self.inner.process_new_http(session, shutdown).await else { return };
            let (kept, left) = reused.consume();
            (stream, settings) = (kept, left);
        }
    }
}

/// What pingora's own loop over a connection calls: for HTTP/2, a stream at a time.
#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> HttpServerApp for Cuttable<A> {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if let Some(facts) = Facts::of(session.digest()) {
            facts.pulse.next_stream();
        }
        let stream = Arc::<Stream>::default();
        let work = STREAM.scope(Arc::clone(&stream), async {
            if websocket::is_asked_for(session.req_header()) {
                websocket::serve(&self.inner, session, shutdown).await;
            } else {
                // A stream leaves nothing behind that could be used again.
                let _ = self.inner.process_new_http(session, shutdown).await;
            }
        });
        let watched = async {
            tokio::select! {
                biased;
                () = work => {}
                () = stream.watch() => {}
            }
        };
        until_cut(&stream.cut, watched).await;
        None
    }

    /// pingora's bounds, and fewer streams: RFC 9113 §6.5.2 recommends no less than 100.
    fn h2_options(&self) -> Option<H2Options> {
        let mut options = default_h2_options();
        options.enable_connect_protocol();
        options.max_concurrent_streams(STREAMS).max_header_list_size(HEADER_LIST);
        // Resets that a client causes and we have to account for (CVE-2023-44487, CVE-2025-8671).
        options.max_concurrent_reset_streams(RESETS).max_local_error_reset_streams(Some(ERRORS));
        Some(options)
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }

    async fn http_cleanup(&self) {
        self.inner.http_cleanup().await;
    }
}

/// Marks the connection as being served: its header is complete. Says how long its client may be waited for.
pub(super) fn header_is_here(session: &mut Session, has_body: bool, slowest: u64) {
    if session.is_http2() {
        // Flow control is HTTP/2's own: a window that stays closed is an answer nobody takes.
        session.set_write_timeout(Some(WAIT));
        let is_call = session.req_header().headers.get(CONTENT_TYPE);
        // gRPC keeps a request open for as long as the call lasts.
        let is_call = is_call.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let _ = STREAM.try_with(|stream| {
            stream.due.store(if has_body && !is_call { slowest } else { 0 }, Ordering::Relaxed);
        });
        return;
    }
    if let Some(facts) = Facts::of(session.digest()).filter(|facts| facts.pulse.stage() != Stage::Streams) {
        facts.pulse.enter(Stage::Serving);
        facts.pulse.expect_body(has_body);
    }
}

/// Streams at a time on one HTTP/2 connection.
const STREAMS: u32 = 100;
/// Decoded header bytes of one request, as for HTTP/1.1.
const HEADER_LIST: u32 = 64 * 1024;
/// Streams that were reset and are remembered.
const RESETS: usize = 20;
/// Streams that we had to reset because of the client before the connection ends.
const ERRORS: usize = 200;
/// How long a stream may wait for its client; also the span over which its rate is judged.
const WAIT: Duration = Duration::from_secs(30);
/// pingora's word for waiting without a timer.
const NO_TIMER: u64 = 0;
/// How long an HTTP/2 connection may have nothing to do.
const IDLE: Duration = Duration::from_secs(60);
