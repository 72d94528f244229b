//! Where do bytes go that mean two things? Nowhere: a connection whose every byte passes the [`Framer`] first.
//!
//! From the line on that could be read in two ways, pingora is given zeros, which no part of HTTP/1.1 may hold, and then the
//! end: a header becomes a 400, a chunked body is cut off. It never sees what it would have repaired.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::BytesMut;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, IO, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType, raw_connect::ProxyDigest,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::strict::Framer;

/// The connection as pingora may read it, beginning with what was read of it already. HTTP/2 has a framing of its own and
/// passes as it is; nothing of it was read.
pub(crate) fn sieve(stream: impl IO + 'static, first: BytesMut) -> Stream {
    if stream.selected_alpn_proto() == Some(ALPN::H2) {
        return Box::new(stream);
    }
    lines(stream, first)
}

/// HTTP/1.1 whatever the connection below speaks: a stream of HTTP/2 that is told in lines.
pub(super) fn lines(stream: impl IO + 'static, first: BytesMut) -> Stream {
    Box::new(Sieve { stream, first, framer: Framer::new(), ended: false })
}

#[derive(Debug)]
struct Sieve<S> {
    stream: S,
    /// Was read before, and is read again first.
    first: BytesMut,
    framer: Framer,
    ended: bool,
}

impl<S: IO> AsyncRead for Sieve<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        if this.first.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        } else {
            let some = this.first.len().min(into.remaining());
            into.put_slice(&this.first.split_to(some));
        }
        let came = &mut into.filled_mut()[before..];
        if let Err(ambiguous) = this.framer.feed(came) {
            came[ambiguous.at..].fill(0);
            this.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: IO> AsyncWrite for Sieve<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[async_trait]
impl<S: IO> Shutdown for Sieve<S> {
    async fn shutdown(&mut self) {
        self.stream.shutdown().await;
    }
}

impl<S: IO> UniqueID for Sieve<S> {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl<S: IO> Ssl for Sieve<S> {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl<S: IO> GetTimingDigest for Sieve<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }
}

impl<S: IO> GetProxyDigest for Sieve<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }
}

impl<S: IO> GetSocketDigest for Sieve<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }
}

impl<S: IO> Peek for Sieve<S> {}
