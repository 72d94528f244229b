//! pingora alone, with TLS and HTTP/2, in front of one upstream: what the gateway is compared with.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream;
use pingora::proxy::{HttpProxy, ProxyHttp, Session};
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A running proxy. Dropping it closes everything.
#[derive(Debug)]
pub struct Bare {
    address: SocketAddr,
    _stop: watch::Sender<bool>,
    _running: JoinSet<()>,
}

struct Forward(SocketAddr);

#[async_trait]
impl ProxyHttp for Forward {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

impl Bare {
    /// Starts one on a free port, with the gateway's certificate.
    pub async fn start(upstream: SocketAddr, chain: &Path, key: &Path) -> Self {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(chain).expect("readable").collect();
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(certificates.expect("PEM"), key)
            .expect("they fit");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = Arc::new(Acceptor::from_server_config(Arc::new(config)));
        let mut app = HttpProxy::new(Forward(upstream), Arc::new(ServerConf::default()));
        app.handle_init_modules();
        let app = Arc::new(app);
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = socket.local_addr().expect("bound");
        let (stop, stopping) = watch::channel(false);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                let (acceptor, app, stopping) = (Arc::clone(&acceptor), Arc::clone(&app), stopping.clone());
                open.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    if let Ok(stream) = acceptor.tls_handshake(Stream::from(stream)).await {
                        ServerApp::process_new(&app, Box::new(stream), &stopping).await;
                    }
                });
            }
        });
        Self { address, _stop: stop, _running: running }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }
}
