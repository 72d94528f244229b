//! How does a WebSocket reach an app that answers faster than we look?
//!
//! pingora 0.9.1 sends a request's header, then waits at once for the answer and for the end of the (empty) body, whichever
//! comes first, by chance if both are there. An app on the same machine may have answered `101` by then; the end of the body,
//! read after it, is taken for the end of the upgraded connection, and the WebSocket closes as soon as it has opened. Here
//! the first read after a write waits one turn: the body's end, which is there already, is always taken first.
//!
//! Only requests that ask for an upgrade go this way, each on a connection of its own.

use std::net::SocketAddr as InetAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, OrErr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The same upstream by HTTP/1.1, for one request that asks for an upgrade; HTTP/2 knows none (RFC 9113 §8.6).
pub(super) fn for_upgrade(mut peer: Box<HttpPeer>, connect: Duration) -> Box<HttpPeer> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // A group of one: nobody else's connection is taken, and nobody takes this one.
    peer.group_key = NEXT.fetch_add(1, Ordering::Relaxed);
    peer.options.idle_timeout = Some(Duration::from_secs(1));
    peer.options.set_http_version(1, 1);
    // The answer's time limit would end every WebSocket that is silent for a while.
    peer.options.read_timeout = Some(QUIET);
    peer.options.custom_l4 = Some(Arc::new(OneTurnLater { connect }));
    peer
}

#[derive(Debug)]
struct OneTurnLater {
    connect: Duration,
}

#[async_trait]
impl Connect for OneTurnLater {
    async fn connect(&self, address: &SocketAddr) -> pingora::Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Err(Error::explain(ErrorType::ConnectError, "upstreams are reached by TCP"));
        };
        let socket = within(*address, self.connect).await?;
        // Small frames should not wait for more (Nagle).
        let _ = socket.set_nodelay(true);
        Ok(VirtualSocketStream::new(Box::new(Turn { socket, wrote: false })).into())
    }
}

/// A new connection, if there is one in time.
pub(super) async fn within(address: InetAddr, limit: Duration) -> pingora::Result<TcpStream> {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(connected) => connected.or_err(ErrorType::ConnectError, "the upstream refused"),
        Err(_late) => Err(Error::explain(ErrorType::ConnectTimedout, "the upstream did not answer")),
    }
}

/// A socket whose first read after a write waits one turn.
#[derive(Debug)]
struct Turn {
    socket: TcpStream,
    wrote: bool,
}

impl AsyncRead for Turn {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if std::mem::take(&mut self.wrote) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_read(cx, into)
    }
}

impl AsyncWrite for Turn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote |= written.is_ready();
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl VirtualSocket for Turn {
    fn set_socket_option(&self, option: VirtualSockOpt) -> std::io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.socket.set_nodelay(true),
            // Live connections end by the cut or by either side; the kernel's probes add nothing here.
            _ => Ok(()),
        }
    }
}

/// How long an app may say nothing on a WebSocket.
pub(super) const QUIET: Duration = Duration::from_secs(3600);
