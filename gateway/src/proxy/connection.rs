//! One connection of a client: its socket, what is known about it, and how it moves.
//!
//! This is what pingora's HTTP apps read from and write to. Small writes are gathered until they are flushed, so that a
//! header and its body leave in one packet. Every read and write leaves a trace in the connection's [`Pulse`], by which the
//! watch over slow clients ([`super::slow`]) judges without a timer a request.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use access::ClientAddr;
use async_trait::async_trait;
use http::HeaderValue;
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::net::TcpStream;

use super::headers::Forwarding;
use super::opening::Opening;
use crate::gate::Cut;

/// What is known about a connection, for every request on it.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Ends it.
    pub(crate) cut: Arc<Cut>,
    /// How it moves.
    pub(crate) pulse: Pulse,
    /// What came before HTTP.
    pub(crate) opening: Opening,
    /// What apps are told of it, once it was said.
    forwarding: Mutex<Option<Arc<Forwarding>>>,
}

impl Facts {
    /// What comes before HTTP is done.
    pub(crate) fn begin(&self, stream: &impl Ssl) {
        let streams = matches!(stream.selected_alpn_proto(), Some(ALPN::H2));
        self.pulse.enter(if streams { Stage::Streams } else { Stage::Idle });
    }

    /// What the app is told: as it was told last time, if that is still true.
    pub(super) fn forwarding(
        &self,
        address: ClientAddr,
        scheme: &'static str,
        authority: &HeaderValue,
    ) -> Arc<Forwarding> {
        let mut said = self.forwarding.lock().unwrap_or_else(PoisonError::into_inner);
        match said.as_ref().filter(|said| said.says(address, scheme, authority)) {
            Some(said) => Arc::clone(said),
            None => Arc::clone(said.insert(Arc::new(Forwarding::new(address, scheme, authority)))),
        }
    }

    /// Those of the connection that a request came on.
    pub(super) fn of(digest: Option<&Digest>) -> Option<&Arc<Self>> {
        digest?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }
}

/// How a connection moves. Written by its own task with plain stores, read by the watch.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    stage: AtomicU8,
    /// Bytes that came in.
    read: AtomicU64,
    /// Bytes that went out.
    written: AtomicU64,
    /// Do we wait for bytes of the client?
    reads: AtomicBool,
    /// Do we wait for the client to take bytes?
    writes: AtomicBool,
    /// Is a body expected of the client?
    uploads: AtomicBool,
    /// Requests that began.
    requests: AtomicU64,
}

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// What comes before HTTP: a PROXY header, TLS.
    Opening,
    /// Nothing of the next request has come yet.
    Idle,
    /// A request's header has begun and not ended.
    Header,
    /// A request is served.
    Serving,
    /// HTTP/2: many at once.
    Streams,
    /// Nothing of the next request has come yet, of somebody who is turned away.
    Outside,
}

impl Pulse {
    /// What it is doing.
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Opening,
            1 => Stage::Idle,
            2 => Stage::Header,
            3 => Stage::Serving,
            4 => Stage::Streams,
            _ => Stage::Outside,
        }
    }

    /// Bytes that came in so far.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes that went out so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Does the request's body wait for the client?
    pub(crate) fn awaits_body(&self) -> bool {
        self.uploads.load(Ordering::Relaxed) && self.reads.load(Ordering::Relaxed)
    }

    /// Does the answer wait for the client?
    pub(crate) fn awaits_taking(&self) -> bool {
        self.writes.load(Ordering::Relaxed)
    }

    /// Requests that began so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The next request on an HTTP/1.1 connection is waited for.
    pub(super) fn next_request(&self) {
        self.uploads.store(false, Ordering::Relaxed);
        add(&self.requests, 1);
        self.enter(Stage::Idle);
    }

    /// The next request is waited for, of somebody who is turned away.
    pub(super) fn next_outside(&self) {
        add(&self.requests, 1);
        self.enter(Stage::Outside);
    }

    /// A stream of an HTTP/2 connection began. Streams are tasks of one thread, so no two of them are here at once.
    pub(super) fn next_stream(&self) {
        add(&self.requests, 1);
        self.enter(Stage::Streams);
    }

    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// As if so many bytes had moved.
    #[cfg(test)]
    pub(super) fn move_for_test(&self, incoming: usize, outgoing: usize) {
        add(&self.read, incoming);
        add(&self.written, outgoing);
    }

    /// As if reads or writes had to wait.
    #[cfg(test)]
    pub(super) fn wait_for_test(&self, reads: bool, writes: bool) {
        self.reads.store(reads, Ordering::Relaxed);
        self.writes.store(writes, Ordering::Relaxed);
    }

    pub(super) fn expect_body(&self, expected: bool) {
        self.uploads.store(expected, Ordering::Relaxed);
    }
}

/// A client's socket, as pingora takes it.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: BufWriter<TcpStream>,
    facts: Arc<Facts>,
    peer: Arc<SocketDigest>,
    carries: Arc<ProxyDigest>,
}

impl Connection {
    /// Over an accepted socket. Errors: there is no answer header to be made, which can't be.
    pub(crate) fn new(socket: TcpStream, peer: SocketAddr, facts: Arc<Facts>) -> pingora::Result<Self> {
        let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
        // It was made a line above: nobody has set it before.
        let _ = digest.peer_addr.set(Some(peer.into()));
        // pingora's place for what a connection carries; the header in it is never looked at.
        let carries =
            ProxyDigest::new(Box::new(ResponseHeader::build(200, Some(0))?), Some(Box::new(Arc::clone(&facts))));
        Ok(Self {
            socket: BufWriter::with_capacity(GATHERED, socket),
            facts,
            peer: Arc::new(digest),
            carries: Arc::new(carries),
        })
    }

    fn note_write(&self, moved: &Poll<std::io::Result<usize>>) {
        let pulse = &self.facts.pulse;
        if let Poll::Ready(Ok(length)) = moved {
            add(&pulse.written, *length);
        }
        pulse.writes.store(moved.is_pending(), Ordering::Relaxed);
    }
}

/// Only the connection's own task writes, so nothing is lost between the two.
fn add(sum: &AtomicU64, length: usize) {
    sum.store(sum.load(Ordering::Relaxed).wrapping_add(length as u64), Ordering::Relaxed);
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let moved = Pin::new(self.socket.get_mut()).poll_read(cx, into);
        let pulse = &self.facts.pulse;
        pulse.reads.store(moved.is_pending(), Ordering::Relaxed);
        let length = into.filled().len() - before;
        if length > 0 {
            add(&pulse.read, length);
            if matches!(pulse.stage(), Stage::Idle | Stage::Outside) {
                pulse.enter(Stage::Header);
            }
        }
        if moved.is_pending() && !self.socket.buffer().is_empty() {
            // Whoever waits has written all there is. pingora flushes a body whose length was told when all of it is there.
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
        }
        moved
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let moved = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.note_write(&moved);
        moved
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let moved = Pin::new(&mut self.socket).poll_flush(cx);
        self.facts.pulse.writes.store(moved.is_pending(), Ordering::Relaxed);
        moved
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(self.socket.get_mut()).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let moved = Pin::new(&mut self.socket).poll_write_vectored(cx, pieces);
        self.note_write(&moved);
        moved
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl UniqueID for Connection {
    fn id(&self) -> UniqueIDType {
        self.socket.get_ref().as_raw_fd()
    }
}

impl Ssl for Connection {}

impl GetTimingDigest for Connection {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Connection {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.carries))
    }
}

impl GetSocketDigest for Connection {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.peer))
    }
}

#[async_trait]
impl Peek for Connection {}

#[async_trait]
impl Shutdown for Connection {
    async fn shutdown(&mut self) {
        // The other side may be gone already.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

/// What is gathered before it is flushed: a small answer with its header.
const GATHERED: usize = 4 * 1024;
