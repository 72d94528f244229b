//! The lane for what is plain: HTTP/1.1 requests that only read, one after the other, and answers that tell where they end.
//!
//! pingora makes a session for each request, with room for whatever may come, and takes it apart again: a third of
//! what a small request costs. Most are plain ([`super::plain`]), and are served here between two buffers. They come through
//! the same [`Proxy::enter`] as every other, are sealed and sent as on the short way ([`super::straight`]), counted and
//! logged alike.
//!
//! Nothing is decided here, and nothing that is unusual is handled here. A request that is not plain goes to pingora with
//! every byte; one that is for the portal, finds no connection to its app, or whose app answers in an unusual way, goes there
//! too, with its context: what was decided about it stays decided, and what was sent is not sent again.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{Response, StatusCode};
use pingora::http::RequestHeader;
use pingora::protocols::http::date::get_cached_date;
use pingora::protocols::{Digest, Stream};
use pingora::proxy::ProxyHttp;
use pingora::server::ShutdownWatch;
use pingora::{Error, ErrorSource, ErrorType};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use super::connection::{Facts, Stage};
use super::door::{Came, Entered};
use super::kept::Lent;
use super::plain::Answer;
use super::straight::{Sent, at_once};
use super::{Context, Handed, Proxy, answer, plain};

/// How a connection goes on.
pub(super) enum Next {
    /// It is over.
    Over,
    /// It is pingora's turn with the request that begins with these bytes.
    Pingora { read: BytesMut, context: Option<Box<Context>> },
}

/// What became of a request.
enum Became {
    Answered,
    /// So did the connection.
    Ended,
    /// It goes on with pingora.
    Unusual(Box<Context>),
}

impl Proxy {
    /// Serves a connection for as long as requests are plain.
    pub(super) async fn serve_plain(
        &self,
        stream: &mut Stream,
        facts: &Arc<Facts>,
        digest: &Digest,
        shutdown: &ShutdownWatch,
    ) -> Next {
        let mut read = BytesMut::new();
        loop {
            facts.pulse.next_request();
            // Once told to stop, pingora says of an answer that it is the last, and ends whoever asks for none.
            let mut whole = false;
            if !*shutdown.borrow() {
                read.reserve(HEADER);
                match stream.read_buf(&mut read).await {
                    Ok(length) if length > 0 => whole = read.ends_with(b"\r\n\r\n") && !*shutdown.borrow(),
                    _ => return Next::Over,
                }
            }
            if !whole {
                return Next::Pingora { read, context: None };
            }
            let header = read.split().freeze();
            let Some(request) = plain::request(&header) else {
                return Next::Pingora { read: header.into(), context: None };
            };
            match self.forward(stream, facts, digest, &request, &header).await {
                Became::Answered => {}
                Became::Ended => return Next::Over,
                Became::Unusual(context) => {
                    drop(request);
                    return Next::Pingora { read: header.into(), context: Some(context) };
                }
            }
        }
    }

    /// Everything about one request. Whatever is unusual about it is left to pingora.
    async fn forward(
        &self,
        stream: &mut Stream,
        facts: &Arc<Facts>,
        digest: &Digest,
        request: &RequestHeader,
        header: &[u8],
    ) -> Became {
        facts.pulse.enter(Stage::Serving);
        let mut context = self.new_ctx();
        let came = Came { header: request, raw: Some(header), digest: Some(digest) };
        let handed = match self.enter(came, &mut context).await {
            Ok(Entered::In) => match self.beyond(request, &mut context) {
                Some(answer) => return self.tell(stream, request, context, &answer).await,
                None => match self.ask(stream, facts, request, &mut context).await {
                    Ok(brought) => return self.end(request, context, brought),
                    Err(handed) => handed,
                },
            },
            Ok(Entered::Answered { answer, last: false }) => {
                return self.tell(stream, request, context, &answer).await;
            }
            Ok(entered) => Box::new(Handed::Entered(entered)),
            Err(error) => Box::new(Handed::Failed(error)),
        };
        context.handed = Some(handed);
        Became::Unusual(Box::new(context))
    }

    /// Asks the app, and brings its answer if that is plain.
    async fn ask(
        &self,
        stream: &mut Stream,
        facts: &Arc<Facts>,
        request: &RequestHeader,
        context: &mut Context,
    ) -> Result<Brought, Box<Handed>> {
        let sent = self.send(request, Some(facts), context).await.map_err(Handed::Failed)?;
        let Sent { app, peer } = sent.ok_or(Handed::Admitted)?;
        let failed = |error| Handed::Sent(Sent { app: Err(error), peer: Arc::clone(&peer) });
        let mut app = app.map_err(failed)?;
        let bytes = hear(stream, &mut app).await.map_err(failed)?;
        let mut out = Vec::with_capacity(OUT);
        let Some(answer) = plain::answer(&bytes, &mut out) else {
            app.unread(bytes.freeze());
            return Err(Box::new(Handed::Sent(Sent { app: Ok(app), peer })));
        };
        plain::finish(&mut out, &get_cached_date());
        let mut brought = Brought { status: answer.status, content: 0, said_more: false, failed: None };
        brought.failed = carry(stream, &mut app, answer, out, bytes, &mut brought).await.err();
        match brought.failed.take() {
            None if brought.said_more => {}
            None => app.give_back(),
            Some(error) => {
                // What the app said before it failed is still told.
                let _ = stream.flush().await;
                brought.failed = Some(error.more_context(peer.to_string()));
            }
        }
        Ok(brought)
    }

    /// Gives an answer of ours.
    async fn tell(
        &self,
        stream: &mut Stream,
        request: &RequestHeader,
        mut context: Context,
        answer: &Response<Bytes>,
    ) -> Became {
        let lines = answer::to_lines(answer);
        // Counted first, and as a whole: whoever has read the answer finds it counted.
        self.account(request, &mut context, answer.status().as_u16(), answer.body().len(), None);
        let told = async {
            stream.write_all(&lines).await?;
            stream.flush().await
        };
        // Whoever has gone away needs no answer.
        if told.await.is_ok() { Became::Answered } else { Became::Ended }
    }

    /// Counts and logs a request that was answered, perhaps in part.
    fn end(&self, request: &RequestHeader, mut context: Context, brought: Brought) -> Became {
        let Brought { status, content, said_more: _, failed } = brought;
        if let Some(error) = failed.as_ref().filter(|error| *error.esource() != ErrorSource::Downstream) {
            tracing::error!("an answer ended before its end: {error}, {}", self.summary(request, &context));
        }
        self.account(request, &mut context, status.as_u16(), content, failed.as_deref());
        if failed.is_none() { Became::Answered } else { Became::Ended }
    }
}

/// The beginning of an app's answer. Without a byte it is none, and pingora reads again what became of it.
async fn hear(stream: &mut Stream, app: &mut Lent) -> pingora::Result<BytesMut> {
    loop {
        until_heard(stream, app).await?;
        let mut bytes = BytesMut::with_capacity(PIECE);
        if at_once(app.read_buf(&mut bytes)).await.is_some() {
            return Ok(bytes);
        }
    }
}

/// Waits for the app, and for the client to give up: whoever has gone away needs no answer, and the app need not make it.
async fn until_heard(stream: &mut Stream, app: &mut Lent) -> pingora::Result<()> {
    poll_fn(|cx| {
        if app.poll_heard(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut byte = [0];
        let mut read = ReadBuf::new(&mut byte);
        let error = match ready!(Pin::new(&mut *stream).poll_read(cx, &mut read)) {
            Ok(()) if read.filled().is_empty() => {
                Error::explain(ErrorType::ConnectionClosed, "before the answer was whole")
            }
            Ok(()) => Error::explain(ErrorType::ConnectError, "more came before the answer was whole"),
            Err(error) => Error::because(ErrorType::ReadError, "while the app was waited for", error),
        };
        Poll::Ready(Err(error.into_down()))
    })
    .await
}

/// How far an answer got.
struct Brought {
    status: StatusCode,
    /// Bytes of its content that were written.
    content: usize,
    /// The app said more than it was asked.
    said_more: bool,
    failed: Option<Box<Error>>,
}

/// Carries the answer to the client: `out` is its header, and `bytes` what the app has said so far.
async fn carry(
    stream: &mut Stream,
    app: &mut Lent,
    answer: Answer,
    mut out: Vec<u8>,
    mut bytes: BytesMut,
    brought: &mut Brought,
) -> pingora::Result<()> {
    let broken = |error| Error::because(ErrorType::WriteError, "while writing the answer", error).into_down();
    let Answer { header, mut body, .. } = answer;
    bytes.advance(header);
    loop {
        let come = body.come(&mut bytes);
        let behind = body.frame(bytes.len(), come.is_ok_and(|come| come.ended), &mut out);
        write(stream, [&out, &bytes, behind]).await.map_err(broken)?;
        out.clear();
        brought.content += bytes.len();
        let Ok(come) = come else {
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, "chunks that can be read in two ways").into_up());
        };
        if come.ended {
            brought.said_more = come.said_more;
            return stream.flush().await.map_err(broken);
        }
        let read = loop {
            bytes.clear();
            bytes.reserve(body.most().min(LARGE));
            let more = (&mut bytes).limit(body.most());
            if let Some(read) = at_once(app.read_buf(&mut { more })).await {
                break read;
            }
            // What is there already leaves before anybody waits, and nobody waits with room for more. The app is not late
            // for as long as the client takes.
            bytes = BytesMut::new();
            app.pause();
            stream.flush().await.map_err(broken)?;
            until_heard(stream, app).await?;
        };
        let failed = match read {
            Ok(length) if length > 0 => continue,
            Ok(_) => Error::explain(ErrorType::ConnectionClosed, "the app closed the connection before the end"),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                Error::explain(ErrorType::ReadTimedout, "while reading the answer")
            }
            Err(error) => Error::because(ErrorType::ReadError, "while reading the answer", error),
        };
        return Err(failed.into_up());
    }
}

/// Writes all of it, with as few calls as possible.
async fn write(stream: &mut Stream, pieces: [&[u8]; 3]) -> std::io::Result<()> {
    let mut pieces = pieces.map(IoSlice::new);
    let mut left = &mut pieces[..];
    // Those without a byte are passed over.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let written = stream.write_vectored(left).await?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}

/// Headers up to this size may be plain.
const HEADER: usize = 4 * 1024;
/// Most answers' headers are shorter.
const OUT: usize = 1024;
/// Read of an answer at first: of what the apps' pages and scripts are, most of one.
const PIECE: usize = 17 * 1024;
/// Read of an answer at a time.
const LARGE: usize = 64 * 1024;
