//! Which connections to apps wait for the next request?
//!
//! pingora keeps connections with a task for each that waits for its end, and hands them over between that task and the next
//! request: a tenth of what a forwarded request costs. A worker's plain connections are kept here instead, on a list by
//! address: the last one back is the first one out, whoever has ended meanwhile is found when it is taken or at the next
//! look, a quarter of a second later. TLS and HTTP/2 stay with pingora.
//!
//! *Whether* a connection may serve another request is still pingora's to say. Before it keeps one it looks whether the app
//! has said anything unasked, in the name of no task: that look is how [`Lent`] knows. It takes the connection, and tells
//! pingora that this one has ended.

use std::collections::BTreeMap;
use std::net::SocketAddr as Address;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::protocols::ALPN;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, OrErr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The connections that one worker keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    by_address: BTreeMap<Address, Vec<Idle>>,
    count: usize,
}

#[derive(Debug)]
struct Idle {
    socket: TcpStream,
    /// How often it was looked at since it came back.
    looks: u32,
}

/// One request's way to its app.
#[derive(Debug)]
pub(super) struct Way {
    kept: Arc<Kept>,
    reused: AtomicBool,
}

impl Kept {
    /// Lets a request go to this upstream over connections that are kept here; `None`: they are pingora's.
    pub(super) fn lead(self: &Arc<Self>, peer: &mut HttpPeer) -> Option<Arc<Way>> {
        if peer.is_tls() || peer.options.alpn != ALPN::H1 {
            return None;
        }
        let way = Arc::new(Way { kept: Arc::clone(self), reused: AtomicBool::new(false) });
        peer.options.custom_l4 = Some(Arc::<Way>::clone(&way));
        Some(way)
    }

    /// Closes what has ended, and what nobody has used for a minute.
    pub(crate) fn look(&self) {
        let mut lists = self.lock();
        let Lists { by_address, count } = &mut *lists;
        by_address.retain(|_, list| {
            list.retain_mut(|idle| {
                idle.looks += 1;
                idle.looks <= LOOKS && is_silent(&idle.socket)
            });
            !list.is_empty()
        });
        *count = by_address.values().map(Vec::len).sum();
    }

    fn take(&self, address: Address) -> Option<TcpStream> {
        let mut lists = self.lock();
        let Lists { by_address, count } = &mut *lists;
        let list = by_address.get_mut(&address)?;
        while let Some(idle) = list.pop() {
            *count -= 1;
            if is_silent(&idle.socket) {
                return Some(idle.socket);
            }
        }
        None
    }

    fn keep(&self, address: Address, socket: TcpStream) {
        let mut lists = self.lock();
        if lists.count < MOST {
            lists.count += 1;
            lists.by_address.entry(address).or_default().push(Idle { socket, looks: 0 });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the app neither closed it nor said anything that nobody asked for? No call to the system as long as it is so.
fn is_silent(socket: &TcpStream) -> bool {
    matches!(socket.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

impl Way {
    /// Had the connection served others before?
    pub(super) fn was_kept(&self) -> bool {
        self.reused.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Connect for Way {
    /// Without a limit of its own: pingora holds it to the peer's.
    async fn connect(&self, address: &SocketAddr) -> pingora::Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Err(Error::explain(ErrorType::ConnectError, "upstreams are reached by TCP"));
        };
        let kept = self.kept.take(*address);
        self.reused.store(kept.is_some(), Ordering::Relaxed);
        let socket = match kept {
            Some(socket) => socket,
            None => {
                let socket = TcpStream::connect(address).await;
                let socket = socket.or_err(ErrorType::ConnectError, "the upstream can't be reached")?;
                // Small requests should not wait for more (Nagle).
                let _ = socket.set_nodelay(true);
                socket
            }
        };
        let lent = Lent { socket: Some(socket), address: *address, kept: Arc::clone(&self.kept) };
        Ok(VirtualSocketStream::new(Box::new(lent)).into())
    }
}

/// A connection that serves a request.
#[derive(Debug)]
struct Lent {
    /// `None` once it is back on the list.
    socket: Option<TcpStream>,
    address: Address,
    kept: Arc<Kept>,
}

impl Lent {
    fn socket(&mut self) -> std::io::Result<Pin<&mut TcpStream>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Lent {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let read = self.socket()?.poll_read(cx, into);
        // A task's waker leads to the task; this one leads nowhere.
        let only_looks = into.capacity() == 1 && cx.waker().data().is_null();
        if read.is_pending() && only_looks && let Some(socket) = self.socket.take() {
            self.kept.keep(self.address, socket);
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.socket()?.poll_write(cx, bytes)
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
        self.socket()?.poll_write_vectored(cx, pieces)
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
                    socket.read(&mut request).await.expect("a request");
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
                kept.keep(address, socket);
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
        scene.kept.keep(address, TcpStream::connect(address).await.expect("it listens"));
        assert_eq!(scene.count(), MOST);
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
