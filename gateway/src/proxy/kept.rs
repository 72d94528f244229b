//! Which connections to apps wait for the next request?
//!
//! pingora keeps connections with a task for each that waits for its end, and hands them over between that task and the next
//! request: a tenth of what a forwarded request costs. A worker's plain connections are kept here instead, on a list by
//! address: the last one back is the first one out, whoever has ended meanwhile is found when it is taken or at the next
//! look, a quarter of a second later. TLS and HTTP/2 stay with pingora.
//!
//! *Whether* a connection may serve another request is whoever's to say who has read the answer. The lane gives it back
//! ([`Lent::give_back`]). pingora, before it keeps one, looks whether the app has said anything unasked, in the name of no
//! task: that look is how [`Lent`] knows. It takes the connection, and tells pingora that this one has ended.
//!
//! The same looks tell which app has not answered in time, without a timer for each request: a [`Line`] that waits and does
//! not move for as many looks as its limit has quarters of a second is late.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr as Address;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::task::AtomicWaker;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream as IoStream,
    TimingDigest, UniqueID, UniqueIDType,
};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::slow::EVERY;
use super::upgrade;

/// The connections that one worker keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    by_address: BTreeMap<Address, Vec<Idle>>,
    count: usize,
    /// All that are open, also those that serve.
    lines: Vec<Watched>,
}

#[derive(Debug)]
struct Idle {
    socket: TcpStream,
    line: Arc<Line>,
    /// How often it was looked at since it came back.
    looks: u32,
}

/// How a connection moves. Written by the task that serves, read by the looks.
#[derive(Debug, Default)]
struct Line {
    /// Pieces that were read or written.
    moved: AtomicU32,
    /// Does the task wait for the app?
    waits: AtomicBool,
    /// Looks it may wait.
    patience: AtomicU32,
    /// It waited longer.
    late: AtomicBool,
    task: AtomicWaker,
}

#[derive(Debug)]
struct Watched {
    line: Arc<Line>,
    moved: u32,
    /// Looks in a row that found it waiting and unmoved.
    looks: u32,
}

/// One request's way to its app.
#[derive(Debug)]
pub(super) struct Way {
    kept: Arc<Kept>,
    /// How long a new connection may take.
    limit: Duration,
    /// Looks that the app may take for the next piece of its answer.
    patience: u32,
    reused: AtomicBool,
    line: OnceLock<Arc<Line>>,
}

impl Kept {
    /// Lets a request go to this upstream over connections that are kept here; `None`: they are pingora's.
    pub(super) fn lead(self: &Arc<Self>, peer: &mut HttpPeer) -> Option<Arc<Way>> {
        if peer.is_tls() || peer.options.alpn != ALPN::H1 {
            return None;
        }
        // pingora would hold also what is here already to a limit.
        let limit = peer.options.total_connection_timeout.take().unwrap_or(Duration::MAX);
        let patience = peer.options.read_timeout.take().map_or(u32::MAX, looks_in);
        let way =
            Way { kept: Arc::clone(self), limit, patience, reused: AtomicBool::new(false), line: OnceLock::new() };
        let way = Arc::new(way);
        peer.options.custom_l4 = Some(Arc::<Way>::clone(&way));
        Some(way)
    }

    /// A connection that is kept to this upstream, and its way; `None`: there is none, or they are pingora's.
    pub(super) fn ready(self: &Arc<Self>, peer: &HttpPeer) -> Option<(Lent, Arc<Way>)> {
        let SocketAddr::Inet(address) = peer._address else { return None };
        if peer.is_tls() || peer.options.alpn != ALPN::H1 {
            return None;
        }
        let Idle { socket, line, .. } = self.take(address)?;
        let patience = peer.options.read_timeout.map_or(u32::MAX, looks_in);
        line.patience.store(patience, Ordering::Relaxed);
        let way = Way {
            kept: Arc::clone(self),
            limit: Duration::ZERO,
            patience,
            reused: AtomicBool::new(true),
            line: OnceLock::from(Arc::clone(&line)),
        };
        Some((Lent::new(socket, line, address, Arc::clone(self)), Arc::new(way)))
    }

    /// Closes what has ended and what nobody has used for a minute; tells who waits in vain. To be called every
    /// [`EVERY`](super::slow::EVERY).
    pub(crate) fn look(&self) {
        let mut lists = self.lock();
        let Lists { by_address, count, lines } = &mut *lists;
        lines.retain_mut(|watched| {
            watched.look();
            Arc::strong_count(&watched.line) > 1
        });
        by_address.retain(|_, list| {
            list.retain_mut(|idle| {
                idle.looks += 1;
                idle.looks <= LOOKS && is_silent(&idle.socket)
            });
            !list.is_empty()
        });
        *count = by_address.values().map(Vec::len).sum();
    }

    fn take(&self, address: Address) -> Option<Idle> {
        let mut lists = self.lock();
        let Lists { by_address, count, .. } = &mut *lists;
        let list = by_address.get_mut(&address)?;
        while let Some(idle) = list.pop() {
            *count -= 1;
            if is_silent(&idle.socket) {
                return Some(idle);
            }
        }
        None
    }

    fn keep(&self, address: Address, socket: TcpStream, line: Arc<Line>) {
        let mut lists = self.lock();
        if lists.count < MOST {
            lists.count += 1;
            lists.by_address.entry(address).or_default().push(Idle { socket, line, looks: 0 });
        }
    }

    /// A connection that was just made.
    fn begin(&self, socket: TcpStream) -> Idle {
        let line = Arc::<Line>::default();
        self.lock().lines.push(Watched { line: Arc::clone(&line), moved: 0, looks: 0 });
        Idle { socket, line, looks: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of ours that pingora would use again goes back on the list, as pingora itself does it.
pub(super) fn give_back(mut stream: IoStream) {
    let _ = stream.read(&mut [0]).now_or_never();
}

/// Has the app neither closed it nor said anything that nobody asked for? No call to the system as long as it is so.
fn is_silent(socket: &TcpStream) -> bool {
    matches!(socket.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// In whole looks; the one under way does not count.
fn looks_in(limit: Duration) -> u32 {
    u32::try_from(limit.as_millis().div_ceil(EVERY.as_millis())).unwrap_or(u32::MAX).saturating_add(1)
}

impl Watched {
    fn look(&mut self) {
        let moved = self.line.moved.load(Ordering::Relaxed);
        if !self.line.waits.load(Ordering::Relaxed) || moved != self.moved {
            (self.moved, self.looks) = (moved, 0);
            return;
        }
        self.looks = self.looks.saturating_add(1);
        if self.looks > self.line.patience.load(Ordering::Relaxed) {
            self.line.late.store(true, Ordering::Release);
            self.line.task.wake();
        }
    }
}

impl Line {
    /// A piece was read or written. Only the task that serves does so: nothing is lost between the two.
    fn note_moved(&self) {
        self.moved.store(self.moved.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

impl Way {
    /// Had the connection served others before?
    pub(super) fn was_kept(&self) -> bool {
        self.reused.load(Ordering::Relaxed)
    }

    /// Did the app not answer in time?
    pub(super) fn was_late(&self) -> bool {
        self.line.get().is_some_and(|line| line.late.load(Ordering::Acquire))
    }
}

#[async_trait]
impl Connect for Way {
    async fn connect(&self, address: &SocketAddr) -> pingora::Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Err(Error::explain(ErrorType::ConnectError, "upstreams are reached by TCP"));
        };
        let kept = self.kept.take(*address);
        self.reused.store(kept.is_some(), Ordering::Relaxed);
        let Idle { socket, line, .. } = match kept {
            Some(kept) => kept,
            None => {
                let socket = upgrade::within(*address, self.limit).await?;
                // Small requests should not wait for more (Nagle).
                let _ = socket.set_nodelay(true);
                self.kept.begin(socket)
            }
        };
        line.patience.store(self.patience, Ordering::Relaxed);
        // Another try has a way of its own.
        let _ = self.line.set(Arc::clone(&line));
        let lent = Lent::new(socket, line, *address, Arc::clone(&self.kept));
        Ok(VirtualSocketStream::new(Box::new(lent)).into())
    }
}

/// A connection that serves a request.
#[derive(Debug)]
pub(super) struct Lent {
    /// `None` once it is back on the list.
    socket: Option<TcpStream>,
    /// Was read before, and is read again first.
    first: Bytes,
    line: Arc<Line>,
    address: Address,
    kept: Arc<Kept>,
}

impl Lent {
    const fn new(socket: TcpStream, line: Arc<Line>, address: Address, kept: Arc<Kept>) -> Self {
        Self { socket: Some(socket), first: Bytes::new(), line, address, kept }
    }

    /// As if these bytes had not been read yet.
    pub(super) fn unread(&mut self, bytes: Bytes) {
        self.first = bytes;
    }

    /// Waits until the app has said something, or has ended, or is late: reading tells which.
    pub(super) fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(socket) = &self.socket else { return Poll::Ready(()) };
        let heard = socket.poll_read_ready(cx).is_ready();
        self.line.waits.store(!heard, Ordering::Relaxed);
        if heard { Poll::Ready(()) } else { self.until_late(cx) }
    }

    /// For now, nobody waits for the app.
    pub(super) fn pause(&self) {
        self.line.waits.store(false, Ordering::Relaxed);
    }

    /// Registers to be woken when the app is late; ready: it is.
    fn until_late(&self, cx: &Context<'_>) -> Poll<()> {
        self.line.task.register(cx.waker());
        if self.line.late.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The request is over. The connection waits for the next one, unless the app has said more than it was asked.
    pub(super) fn give_back(mut self) {
        if let Some(socket) = self.socket.take()
            && is_silent(&socket)
        {
            self.keep(socket);
        }
    }

    fn keep(&self, socket: TcpStream) {
        self.pause();
        if !self.line.late.load(Ordering::Acquire) {
            self.kept.keep(self.address, socket, Arc::clone(&self.line));
        }
    }

    fn socket(&mut self) -> std::io::Result<Pin<&mut TcpStream>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Lent {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if !self.first.is_empty() {
            let some = self.first.len().min(into.remaining());
            into.put_slice(&self.first.split_to(some));
            return Poll::Ready(Ok(()));
        }
        let read = self.socket()?.poll_read(cx, into);
        self.line.waits.store(read.is_pending(), Ordering::Relaxed);
        if read.is_ready() {
            self.line.note_moved();
            return read;
        }
        // A task's waker leads to the task; this one leads nowhere.
        let only_looks = into.capacity() == 1 && cx.waker().data().is_null();
        if only_looks && let Some(socket) = self.socket.take() {
            self.keep(socket);
            return Poll::Ready(Ok(()));
        }
        self.until_late(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = self.socket()?.poll_write(cx, bytes);
        // The limit counts from the last piece of the request that was brought.
        if written.is_ready() {
            self.line.note_moved();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.socket()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = self.socket()?.poll_write_vectored(cx, pieces);
        if written.is_ready() {
            self.line.note_moved();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl VirtualSocket for Lent {
    /// It was set when the connection was made.
    fn set_socket_option(&self, _option: VirtualSockOpt) -> std::io::Result<()> {
        Ok(())
    }
}

impl UniqueID for Lent {
    fn id(&self) -> UniqueIDType {
        self.socket.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }
}

impl Ssl for Lent {}

impl GetTimingDigest for Lent {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Lent {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Lent {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

#[async_trait]
impl Peek for Lent {}

#[async_trait]
impl Shutdown for Lent {
    async fn shutdown(&mut self) {
        // The other side may be gone already.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

/// Connections that a worker keeps: churning them doubles the cost of a request.
const MOST: usize = 1024;
/// Looks at a connection that nobody uses: a minute of them.
const LOOKS: u32 = 240;

#[cfg(test)]
mod tests {
    use super::*;
    use pingora::connectors::http::Connector;
    use pingora::http::RequestHeader;
    use pingora::protocols::http::client::HttpSession;
    use tokio::net::TcpListener;

    /// An app that gives these answers, one connection after the other, each answer to one request.
    async fn app(connections: Vec<Vec<&'static str>>) -> Address {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            let mut open = Vec::new();
            for answers in connections {
                let (mut socket, _) = listener.accept().await.expect("a client");
                for answer in answers {
                    let mut request = [0; 1024];
                    assert!(socket.read(&mut request).await.expect("a request") > 0);
                    socket.write_all(answer.as_bytes()).await.expect("a client that reads");
                }
                open.push(socket);
            }
            std::future::pending::<()>().await;
        });
        address
    }

    struct Scene {
        connector: Connector,
        kept: Arc<Kept>,
        address: Address,
    }

    impl Scene {
        async fn with(connections: Vec<Vec<&'static str>>) -> Self {
            Self { connector: Connector::new(None), kept: Arc::default(), address: app(connections).await }
        }

        /// Asks as pingora's proxy does; the whole body, and whether the connection had served before.
        async fn ask(&self) -> (String, bool) {
            let mut peer = HttpPeer::new(self.address, false, String::new());
            let way = self.kept.lead(&mut peer).expect("a plain upstream");
            let (mut session, _) = self.connector.get_http_session(&peer).await.expect("a connection");
            let mut request = Box::new(RequestHeader::build("GET", b"/", None).expect("a request"));
            request.insert_header("host", "app").expect("a header");
            let mut body = Vec::new();
            let HttpSession::H1(h1) = &mut session else { panic!("HTTP/1.1") };
            h1.write_request_header(request).await.expect("sent");
            h1.read_response().await.expect("an answer");
            while let Some(piece) = h1.read_body_bytes().await.expect("a body") {
                body.extend_from_slice(&piece);
            }
            self.connector.release_http_session(session, &peer, None).await;
            (String::from_utf8(body).expect("text"), way.was_kept())
        }

        fn count(&self) -> usize {
            self.kept.lock().count
        }
    }

    const ONE_BYTE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na";
    const NONE: &str = "HTTP/1.1 204 No Content\r\n\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na";
    const TOO_MUCH: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nabc";

    #[tokio::test]
    async fn a_connection_serves_one_request_after_the_other() {
        let scene = Scene::with(vec![vec![ONE_BYTE, NONE, CHUNKED, ONE_BYTE]]).await;
        let asked = [scene.ask().await, scene.ask().await, scene.ask().await, scene.ask().await];
        let bodies_and_kept = asked.iter().map(|(body, kept)| (body.as_str(), *kept)).collect::<Vec<_>>();
        assert_eq!(bodies_and_kept, [("a", false), ("", true), ("a", true), ("a", true)]);
        assert_eq!(scene.count(), 1);
    }

    #[tokio::test]
    async fn the_short_way_takes_what_is_kept_and_gives_it_back() {
        let scene = Scene::with(vec![vec![ONE_BYTE]]).await;
        let peer = HttpPeer::new(scene.address, false, String::new());
        assert!(scene.kept.ready(&peer).is_none(), "it makes none itself");
        scene.ask().await;
        let (stream, way) = scene.kept.ready(&peer).expect("the one that was asked by");
        assert!(way.was_kept() && scene.kept.ready(&peer).is_none(), "it serves one at a time");
        give_back(Box::new(stream));
        assert_eq!(scene.count(), 1);
        assert!(scene.kept.ready(&HttpPeer::new(scene.address, true, "app".to_owned())).is_none(), "TLS is pingora's");
    }

    #[tokio::test]
    async fn what_pingora_would_not_keep_is_not_kept() {
        for last in [LAST, TOO_MUCH] {
            let scene = Scene::with(vec![vec![last], vec![ONE_BYTE]]).await;
            assert_eq!(scene.ask().await, ("a".to_owned(), false));
            assert_eq!(scene.count(), 0, "{last}");
            assert_eq!(scene.ask().await, ("a".to_owned(), false));
        }
    }

    #[tokio::test]
    async fn whoever_has_ended_or_spoken_unasked_is_not_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        for speaks in [true, false] {
            for looked_at in [true, false] {
                let kept = Kept::default();
                let socket = TcpStream::connect(address).await.expect("it listens");
                let (mut app, _) = listener.accept().await.expect("a client");
                kept.keep(address, socket, Arc::default());
                assert!(is_silent(&kept.lock().by_address[&address][0].socket));
                if speaks {
                    app.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.expect("an open connection");
                } else {
                    drop(app);
                }
                while is_silent(&kept.lock().by_address[&address][0].socket) {
                    tokio::task::yield_now().await;
                }
                if looked_at {
                    kept.look();
                    assert_eq!(kept.lock().count, 0);
                }
                assert!(kept.take(address).is_none());
                assert_eq!(kept.lock().count, 0);
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_for_ever_and_not_more_than_there_is_room_for() {
        let scene = Scene::with(vec![vec![ONE_BYTE, ONE_BYTE]]).await;
        scene.ask().await;
        (0..LOOKS).for_each(|_| scene.kept.look());
        assert_eq!(scene.ask().await, ("a".to_owned(), true));
        (0..=LOOKS).for_each(|_| scene.kept.look());
        assert_eq!(scene.count(), 0);
        scene.kept.lock().count = MOST;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        scene.kept.keep(address, TcpStream::connect(address).await.expect("it listens"), Arc::default());
        assert_eq!(scene.count(), MOST);
    }

    /// A connection that waits for an app that says nothing.
    async fn waiting(kept: &Arc<Kept>, limit: Duration) -> (tokio::task::JoinHandle<ErrorKind>, Arc<Way>) {
        let address = app(vec![vec![]]).await;
        let mut peer = HttpPeer::new(address, false, String::new());
        peer.options.read_timeout = Some(limit);
        let way = kept.lead(&mut peer).expect("a plain upstream");
        let mut stream = way.connect(&SocketAddr::Inet(address)).await.expect("it listens");
        let reading = tokio::spawn(async move { stream.read(&mut [0; 64]).await.expect_err("it is late").kind() });
        while !kept.lock().lines.iter().any(|watched| watched.line.waits.load(Ordering::Relaxed)) {
            tokio::task::yield_now().await;
        }
        (reading, way)
    }

    #[tokio::test]
    async fn an_app_that_does_not_answer_in_time_is_not_waited_for() {
        let kept = Arc::<Kept>::default();
        let limit = Duration::from_secs(2);
        let (reading, way) = waiting(&kept, limit).await;
        (0..looks_in(limit)).for_each(|_| kept.look());
        assert!(!way.was_late());
        let line = Arc::clone(way.line.get().expect("connected"));
        line.note_moved();
        (0..=looks_in(limit)).for_each(|_| kept.look());
        assert!(!way.was_late(), "it brought something meanwhile");
        kept.look();
        assert!(way.was_late());
        assert_eq!(reading.await.expect("no panic"), ErrorKind::TimedOut);
        drop((way, line));
        kept.look();
        assert!(kept.lock().lines.is_empty(), "nothing is left of it");
    }

    #[test]
    fn tls_and_http_2_stay_with_pingora() {
        let kept = Arc::<Kept>::default();
        let address = Address::from(([127, 0, 0, 1], 1));
        assert!(kept.lead(&mut HttpPeer::new(address, true, "app".to_owned())).is_none());
        let mut h2c = HttpPeer::new(address, false, String::new());
        h2c.options.set_http_version(2, 2);
        assert!(kept.lead(&mut h2c).is_none());
    }
}
