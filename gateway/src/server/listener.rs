//! Our own accept loop: one socket, TLS or not, into pingora's HTTP app.
//!
//! Being ours, it can be handed a socket that is open already, bounds connections in number (all together, and from one
//! address), lets whoever is connected already go before those who come, and keeps a hand on each connection so that it can
//! be ended: by a revocation, or by the watch over slow clients.

use std::net::SocketAddr;
use std::sync::Arc;

use access::ClientAddr;
use access::network::{Believed, Claims};
use arc_swap::ArcSwap;
use bytes::BytesMut;
use pingora::apps::{HttpServerApp, ServerApp};
use pingora::protocols::{ALPN, IO, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::arrivals::{Arrival, Arrivals};
use super::newcomers::{self, Newcomer, Stay};
use super::proxy_header;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::proxy::{Connection, Cuttable, Facts, Kept, Next, Snapshot, Stage, TurnedAway, Watch, sieve, until_cut};
use crate::tls::Acceptor;

/// What one worker serves connections with.
pub(super) struct Listener<A> {
    pub(super) app: Arc<Cuttable<A>>,
    pub(super) door: TurnedAway,
    pub(super) current: Arc<ArcSwap<Snapshot>>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) watch: Arc<Watch>,
    pub(super) kept: Arc<Kept>,
    /// Shared by all workers.
    pub(super) arrivals: Arc<Arrivals>,
    /// Shared by all workers: connections at a time.
    pub(super) places: Arc<Semaphore>,
    pub(super) stopping: watch::Receiver<bool>,
    /// True: connections that wait for a request are to be closed.
    pub(super) idle: watch::Receiver<bool>,
}

impl<A: HttpServerApp + Send + Sync + 'static> Listener<A> {
    /// Serves until told to stop, then waits for what is under way.
    pub(super) async fn serve(self: Arc<Self>, socket: TcpListener, tls: Option<Arc<Acceptor>>) {
        let (arrived, arriving) = mpsc::channel(IN_A_ROW);
        tokio::spawn(Arc::clone(&self).accept(socket, tls.is_some(), arrived));
        // Nothing is ever sent: it closes when the last connection has ended.
        let (open, mut ended) = mpsc::channel::<()>(1);
        let mut served = std::pin::pin!(async {
            newcomers::in_turn(arriving, |newcomer| {
                let (listener, tls, open) = (Arc::clone(&self), tls.clone(), open.clone());
                tokio::spawn(async move {
                    listener.one(newcomer, tls.as_deref()).await;
                    drop(open);
                });
            })
            .await;
            drop(open);
            ended.recv().await;
        });
        // Connections that wait for a request are left alone for now: one may be on its way (see `drain`).
        let mut idle = self.idle.clone();
        tokio::select! {
            () = &mut served => return,
            _ = idle.wait_for(|idle| *idle) => {}
        }
        self.app.http_cleanup().await;
        self.watch.end_idle();
        served.await;
    }

    /// Takes whoever comes, until told to stop.
    async fn accept(self: Arc<Self>, socket: TcpListener, tls: bool, arrived: mpsc::Sender<Newcomer>) {
        let (mut stopping, mut idle) = (self.stopping.clone(), self.idle.clone());
        let mut in_a_row = 0;
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = stopping.changed() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or the peer went away meanwhile: neither is a reason to stop.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                }
            };
            let Ok(arrival) = self.arrive(peer) else {
                self.metrics.connections_refused.inc();
                continue;
            };
            // A place is taken for a connection and not for the wait for one: otherwise sockets that nobody comes to would
            // keep places from those that are full. What finds none waits, one here and all others in the kernel's queue,
            // which is bounded as well.
            let place = tokio::select! {
                place = Arc::clone(&self.places).acquire_owned() => place,
                _ = stopping.changed() => {
                    drop(socket);
                    // It is ours already, and no successor's: its turn comes while the others end, if they may.
                    let place = tokio::select! {
                        place = Arc::clone(&self.places).acquire_owned() => place,
                        _ = idle.wait_for(|idle| *idle) => return,
                    };
                    if let Ok(place) = place {
                        let _ = arrived.send(self.welcome(stream, peer, tls, arrival, place)).await;
                    }
                    return;
                }
            };
            let Ok(place) = place else { return };
            if arrived.send(self.welcome(stream, peer, tls, arrival, place)).await.is_err() {
                return;
            }
            in_a_row += 1;
            if in_a_row == IN_A_ROW {
                in_a_row = 0;
                // Five hundred that come at once don't come before those who are here already.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Looks after slow clients and connections nobody uses, for ever.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut tick = tokio::time::interval(crate::proxy::WATCH_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.kept.look();
            let pace = self.current.load().pace();
            let cut = self.watch.look(pace, self.clock.moment());
            if cut > 0 {
                self.metrics.slow_clients.inc_by(cut as u64);
            }
        }
    }

    /// Counts a connection for its address; `None` for a proxy, which brings everybody's. `Err`: it has too many.
    fn arrive(&self, peer: SocketAddr) -> Result<Option<Arrival>, TooMany> {
        let snapshot = self.current.load();
        let settings = &snapshot.in_force.settings;
        if settings.trusted_proxies.contains_ip(peer.ip()) || settings.proxy_protocol.contains_ip(peer.ip()) {
            return Ok(None);
        }
        let Ok(resolved) = ClientAddr::resolve(peer.ip(), &Believed::default(), &Claims::default()) else {
            return Err(TooMany);
        };
        let limit = settings.limits.connections_per_address.get();
        self.arrivals.one_more(resolved.client, limit).map(Some).ok_or(TooMany)
    }

    /// From now on it is watched.
    fn welcome(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        tls: bool,
        arrival: Option<Arrival>,
        place: OwnedSemaphorePermit,
    ) -> Newcomer {
        // Small answers should not wait for more (Nagle).
        let _ = socket.set_nodelay(true);
        let facts = Arc::new(Facts::default());
        if !tls && !self.current.load().in_force.settings.proxy_protocol.contains_ip(peer.ip()) {
            facts.pulse.enter(Stage::Idle);
        }
        let watched = self.watch.over(Arc::clone(&facts), self.clock.moment());
        Newcomer { socket, peer, facts, stay: Stay { _watched: watched, _arrival: arrival, _place: place } }
    }

    async fn one(&self, newcomer: Newcomer, tls: Option<&Acceptor>) {
        let Newcomer { socket, peer, facts, stay } = newcomer;
        let serving = async {
            // What comes first is over soon and needs much room: kept apart, it is given back before the first request.
            let Some(stream) = Box::pin(self.open(socket, peer, tls, &facts)).await else { return };
            if stream.selected_alpn_proto() == Some(ALPN::H2) {
                // It ends with the connection: there is nothing to be used again.
                let _ = ServerApp::process_new(&self.app, stream, &self.stopping).await;
            } else {
                self.app.serve_lines(stream, &facts, &self.stopping).await;
            }
        };
        until_cut(&facts.cut, serving).await;
        drop(stay);
    }
}

impl<A> Listener<A> {
    /// What comes before HTTP, and whoever is turned away. `None`: there is nothing more to serve.
    async fn open(
        &self,
        mut socket: TcpStream,
        peer: SocketAddr,
        tls: Option<&Acceptor>,
        facts: &Arc<Facts>,
    ) -> Option<Stream> {
        if self.current.load().in_force.settings.proxy_protocol.contains_ip(peer.ip()) {
            let source = proxy_header::read(&mut socket, peer.ip()).await?;
            facts.opening.note_source(source);
        }
        let connection = Connection::new(socket, peer, Arc::clone(facts)).ok()?;
        let Some(acceptor) = tls else { return self.turned_away(connection, peer, facts).await };
        // Scanners, old clients, wrong names: everyday.
        let (stream, asked) = acceptor.handshake(connection).await.ok()?;
        facts.opening.note_handshake(&stream, asked);
        self.turned_away(stream, peer, facts).await
    }

    /// The connection as the proxy takes it; `None`: everything on it was refused before it came so far.
    async fn turned_away(&self, mut stream: impl IO + 'static, peer: SocketAddr, facts: &Facts) -> Option<Stream> {
        facts.begin(&stream);
        // HTTP/2 is nothing that could be answered in passing.
        if stream.selected_alpn_proto() == Some(ALPN::H2) {
            return Some(sieve(stream, BytesMut::new()));
        }
        let stopping = || *self.stopping.borrow();
        match self.door.serve(&mut stream, peer.ip(), facts, stopping).await {
            Next::Over => None,
            Next::Proxy(first) => Some(sieve(stream, first)),
        }
    }
}

/// So many are accepted before everybody else has had a turn.
const IN_A_ROW: usize = 4;

/// The address holds as many connections as it may.
struct TooMany;
