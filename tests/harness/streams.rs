//! A client that speaks HTTP/2 with the gateway over TLS, as gRPC clients do; and one that speaks in lines.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::gateway::TestGateway;

pub use crate::backend::{Body, frames};

/// A connection to a gateway, over TLS, by HTTP/2.
#[derive(Debug)]
pub struct Streams {
    sender: SendRequest<Body>,
    authority: String,
    _driving: JoinSet<()>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Whole {
    /// The status code.
    pub status: u16,
    /// The header.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What came behind it.
    pub trailers: Option<HeaderMap>,
}

impl Streams {
    /// Connects to an app of a gateway that speaks TLS with the certificate `tls/chain.pem`.
    pub async fn open(gateway: &TestGateway, app: &str) -> Self {
        let host = format!("{app}.localhost");
        let stream = secured(gateway, &host, b"h2").await;
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(Some(64 * 1024))
            .initial_connection_window_size(Some(64 * 1024))
            .handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        let mut driving = JoinSet::new();
        // However it ends, the test sees it at its requests.
        driving.spawn(async move { drop(connection.await) });
        Self { sender, authority: format!("{host}:{}", gateway.port()), _driving: driving }
    }

    /// A request to a path of the app.
    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("https://{}{path}", self.authority))
    }

    /// Sends a request and waits for the answer's header.
    pub async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        self.sender.ready().await.expect("the connection is open");
        let answer = tokio::time::timeout(PATIENCE, self.sender.send_request(request));
        answer.await.expect("an answer within thirty seconds").expect("an answer")
    }

    /// Sends a request and reads the whole answer.
    pub async fn whole(&mut self, request: Request<Body>) -> Whole {
        self.try_whole(request).await.expect("the whole answer")
    }

    /// Sends a request and reads the whole answer; `None` if it ends before.
    pub async fn try_whole(&mut self, request: Request<Body>) -> Option<Whole> {
        self.sender.ready().await.expect("the connection is open");
        let answer = tokio::time::timeout(PATIENCE, self.sender.send_request(request));
        let (head, body) = answer.await.expect("an answer within thirty seconds").ok()?.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.expect("an end within thirty seconds").ok()?;
        let trailers = body.trailers().cloned();
        Some(Whole { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes(), trailers })
    }
}

/// No body.
pub fn nothing() -> Body {
    Body::new(Empty::new())
}

/// A body that is there already.
pub fn bytes(bytes: impl Into<Bytes>) -> Body {
    Body::new(Full::new(bytes.into()))
}

/// A connection to an app of a gateway that speaks TLS, over which HTTP/1.1 is spoken.
pub async fn lines(gateway: &TestGateway, app: &str) -> TlsStream<TcpStream> {
    secured(gateway, &format!("{app}.localhost"), b"http/1.1").await
}

async fn secured(gateway: &TestGateway, host: &str, protocol: &[u8]) -> TlsStream<TcpStream> {
    let config = config(&gateway.file("tls/chain.pem"), protocol);
    let address = SocketAddr::from(([127, 0, 0, 1], gateway.port()));
    let stream = TcpStream::connect(address).await.expect("the gateway listens");
    // As every client of HTTP/2 does: otherwise the end of each window waits for the system's delayed answer.
    stream.set_nodelay(true).expect("it is open");
    let name = ServerName::try_from(host.to_owned()).expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol), "the gateway offers it");
    stream
}

fn config(authority: &Path, protocol: &[u8]) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the defaults are safe")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

const PATIENCE: Duration = Duration::from_secs(30);
