//! An app behind the gateway whose answers a test writes itself, by HTTP/1.1, HTTP/2 or TLS; and one that speaks bytes.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response, Version};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use crate::app::{Body, full};

/// How an app is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spoken {
    /// HTTP/1.1 without TLS.
    Http1,
    /// HTTP/2 without TLS.
    H2c,
    /// TLS with a certificate for this name; HTTP/2 if it is asked for.
    Tls(&'static str),
    /// TLS, and HTTP/1.1 whatever is asked for.
    TlsHttp1(&'static str),
}

/// A running app. Dropping it closes everything.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    authority: Option<String>,
    seen: Arc<Seen>,
    running: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<(String, Version)>>,
}

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl Backend {
    /// Starts one on a free port. It answers every request with what `answer` says.
    pub async fn start<F, A>(spoken: Spoken, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let answer: Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync> =
            Arc::new(move |request| Box::pin(answer(request)));
        let (acceptor, authority) = match spoken {
            Spoken::Http1 | Spoken::H2c => (None, None),
            Spoken::Tls(name) | Spoken::TlsHttp1(name) => {
                let (acceptor, authority) = acceptor(name, spoken);
                (Some(acceptor), Some(authority))
            }
        };
        let socket = small_buffers();
        let address = socket.local_addr().expect("bound");
        let seen = Arc::new(Seen::default());
        let memory = Arc::clone(&seen);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let Ok((stream, _)) = socket.accept().await else { return };
                memory.connections.fetch_add(1, Ordering::AcqRel);
                let (answer, memory, acceptor) = (Arc::clone(&answer), Arc::clone(&memory), acceptor.clone());
                open.spawn(async move {
                    let Some(acceptor) = acceptor else {
                        return serve(stream, spoken == Spoken::H2c, answer, memory).await;
                    };
                    // A client that does not trust us is what some tests are about.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let streams = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    serve(stream, streams, answer, memory).await;
                });
            }
        });
        Self { address, authority, seen, running }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate by which it is trusted, PEM. Panics if it speaks no TLS.
    pub fn authority(&self) -> String {
        self.authority.clone().expect("it speaks TLS")
    }

    /// How many connections were ever opened to it.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Acquire)
    }

    /// Method and target of everything that reached it, and by which version of HTTP.
    pub fn requests(&self) -> Vec<(String, Version)> {
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops it: open connections end, new ones are refused.
    pub async fn stop(&mut self) {
        self.running.shutdown().await;
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    streams: bool,
    answer: Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>,
    seen: Arc<Seen>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let told = format!("{} {}", request.method(), request.uri().path());
        seen.requests.lock().unwrap_or_else(PoisonError::into_inner).push((told, request.version()));
        let answer = answer(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let io = TokioIo::new(stream);
    // A cut connection is what some tests are about.
    if streams {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await;
    }
}

/// A WebSocket that echoes.
pub async fn web_socket(mut request: Request<Incoming>) -> Response<Body> {
    crate::app::web_socket(&mut request)
}

/// An answer with this text.
pub fn text(text: &str) -> Response<Body> {
    Response::new(full(text.to_owned()))
}

/// An app that speaks bytes: `script` is given each connection with its number, from one.
#[derive(Debug)]
pub struct Script {
    address: SocketAddr,
    _running: JoinSet<()>,
}

impl Script {
    /// Starts one on a free port.
    pub async fn start<F, A>(script: F) -> Self
    where
        F: Fn(usize, Talk) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let socket = small_buffers();
        let address = socket.local_addr().expect("bound");
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut open = JoinSet::new();
            for number in 1.. {
                let Ok((stream, _)) = socket.accept().await else { return };
                open.spawn(script(number, Talk { stream, left: Vec::new() }));
            }
        });
        Self { address, _running: running }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One connection of a [`Script`].
#[derive(Debug)]
pub struct Talk {
    stream: TcpStream,
    left: Vec<u8>,
}

impl Talk {
    /// Reads up to the end of the next header; `None` if the connection has ended.
    pub async fn header(&mut self) -> Option<String> {
        self.until(b"\r\n\r\n").await
    }

    /// Reads up to and with these bytes; `None` if the connection has ended before.
    pub async fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.left.windows(end.len()).position(|window| window == end) {
                let read: Vec<u8> = self.left.drain(..at + end.len()).collect();
                return Some(String::from_utf8_lossy(&read).into_owned());
            }
            let mut piece = [0; 16 * 1024];
            match self.stream.read(&mut piece).await {
                Ok(length) if length > 0 => self.left.extend_from_slice(&piece[..length]),
                _ => return None,
            }
        }
    }

    /// Writes bytes. Is the other side still there?
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }
}

/// A listener whose connections hold little in the kernel, so that a test sees what the gateway holds.
fn small_buffers() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a size the system takes");
    socket.set_send_buffer_size(64 * 1024).expect("a size the system takes");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free loopback port");
    socket.listen(1024).expect("it listens")
}

fn acceptor(name: &str, spoken: Spoken) -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a name");
    let pem = made.cert.pem();
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).expect("PEM");
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the defaults are safe")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together");
    config.alpn_protocols = match spoken {
        Spoken::Tls(_) => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        _ => vec![b"http/1.1".to_vec()],
    };
    (TlsAcceptor::from(Arc::new(config)), pem)
}

/// A body that a test sends frame by frame; it ends when the sender is dropped.
pub fn frames() -> (mpsc::Sender<Frame<Bytes>>, Body) {
    let (sender, mut receiver) = mpsc::channel(1);
    let stream = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|frame: Option<Frame<Bytes>>| frame.map(Ok))
    });
    (sender, Body::new(http_body_util::StreamBody::new(stream)))
}
