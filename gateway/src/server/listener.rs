//! Our own accept loop: one socket, TLS or not, into pingora's HTTP app.
//!
//! Being ours, it can be handed a socket that is open already and will be where PROXY protocol is read. Connections are
//! bounded in number; handshakes in time.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use pingora::apps::{HttpServerApp, ServerApp};
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as TcpSide;
use pingora::protocols::{GetSocketDigest, SocketDigest, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Serves until told to stop, then waits for what is under way.
pub(super) async fn serve<A: HttpServerApp + Send + Sync + 'static>(
    socket: TcpListener,
    tls: Option<Arc<Acceptor>>,
    app: Arc<A>,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        // Wait for a place before accepting: what finds none waits in the kernel's queue, which is bounded as well.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopping.changed() => break,
            // Reap what has ended, so that the set stays small.
            Some(_) = open.join_next(), if !open.is_empty() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let (tls, app, stopping) = (tls.clone(), Arc::clone(&app), stopping.clone());
                open.spawn(async move {
                    one(stream, tls.as_deref(), &app, &stopping).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, or the peer went away meanwhile: neither is a reason to stop.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop(socket);
    // Connections that wait for a request are left alone: one may be on its way (see `drain`).
    while open.join_next().await.is_some() {}
}

async fn one<A: HttpServerApp + Send + Sync + 'static>(
    stream: TcpStream,
    tls: Option<&Acceptor>,
    app: &Arc<A>,
    stopping: &watch::Receiver<bool>,
) {
    let Ok(peer) = stream.peer_addr() else { return };
    // Small answers should not wait for more (Nagle).
    let _ = stream.set_nodelay(true);
    let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
    if digest.peer_addr.set(Some(peer.into())).is_err() {
        return;
    }
    let mut stream = TcpSide::from(stream);
    stream.set_socket_digest(digest);
    let stream: Stream = match tls {
        None => Box::new(stream),
        Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.tls_handshake(stream)).await {
            Ok(Ok(stream)) => Box::new(stream),
            // Scanners, old clients, wrong names: everyday.
            Ok(Err(_)) | Err(_) => return,
        },
    };
    let mut next = Some(stream);
    while let Some(stream) = next {
        next = ServerApp::process_new(app, stream, stopping).await;
    }
}

/// Connections of one listener at a time.
const CONNECTIONS: usize = 16_384;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
