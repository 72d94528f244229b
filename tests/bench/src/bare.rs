//! A proxy that decides nothing: what every figure of ours is divided by.
//!
//! pingora's own server and listeners, one thread, one upstream, the same allocator and profile as the gateway. Header
//! filters, metrics and logs: none.

use async_trait::async_trait;
use clap::Parser;
use pingora::listeners::tls::TlsSettings;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

/// The gateway's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    /// Where to listen for plain HTTP
    #[arg(long)]
    http: String,
    /// Where to listen for HTTPS
    #[arg(long)]
    https: String,
    #[arg(long)]
    certificate: String,
    #[arg(long)]
    key: String,
    #[arg(long)]
    upstream: String,
    /// pingora's runtime without work stealing
    #[arg(long)]
    no_steal: bool,
}

struct Bare(HttpPeer);

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, _context: &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(self.0.clone()))
    }
}

fn main() -> pingora::Result<()> {
    let options = Options::parse();
    let conf = ServerConf { threads: 1, work_stealing: !options.no_steal, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let upstream = HttpPeer::new(options.upstream.as_str(), false, String::new());
    let mut service = http_proxy_service(&server.configuration, Bare(upstream));
    service.add_tcp(&options.http);
    let mut tls = TlsSettings::intermediate(&options.certificate, &options.key)?;
    tls.enable_h2();
    service.add_tls_with_settings(&options.https, None, tls);
    server.add_service(service);
    server.run_forever()
}
