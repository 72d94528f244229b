//! From a configuration folder to a running gateway, and back to nothing.
//!
//! Everything that can fail happens before the first connection is taken: configuration, certificates, store, key, sockets.
//! Then small tasks run beside the listeners: the feed (what the store publishes), the review (who may still be inside),
//! what was used, the watch over the files, the sweep, and what is asked of the apps. Dropping a [`Server`] ends all of them.

mod admin;
mod arrivals;
mod control;
mod drain;
pub mod hand_over;
mod listener;
mod newcomers;
mod proxy_header;
mod reload;
mod workers;

use std::net::{SocketAddr, TcpListener as Socket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::audit::{Actor, Entry};
use crate::clock::Clock;
use crate::config::{self, Faults, InForce};
use crate::couriers::Couriers;
use crate::gate::{Gate, OpenError};
use crate::metrics::Metrics;
use crate::portal::Portal;
use crate::proxy::{AccessLog, CHECK_EVERY, Checks, Kept, Proxy, Snapshot, TurnedAway};
use crate::store::StoreError;
use crate::store::vault::{Backing, SWEPT_AT_ONCE, Vault};
use crate::tls::{Acceptor, Certificates};

pub use reload::{Reloaded, Reloader};

use arrivals::Arrivals;
use hand_over::{Giver, Sockets, TakeOverError, TakingOver};
use listener::Listener;
use workers::{Work, Workers};

/// What a gateway is started with.
pub struct Options {
    /// Holds `gateway.yaml`.
    pub config_dir: PathBuf,
    /// What time it is.
    pub clock: Clock,
    /// Sockets that are open already; what is missing is bound as the configuration says.
    pub bound: Bound,
    /// Is there a gateway to take over from?
    pub start: Start,
    /// Where access log lines go; `None`: nowhere.
    pub access_log: Option<Box<dyn std::io::Write + Send>>,
    /// A line above every page, such as the demo's.
    pub banner: Option<String>,
}

/// How a gateway begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// On a store that nobody holds.
    Alone,
    /// With the sockets and the store of the gateway that runs on this store, if one does.
    TakeOver,
}

/// Sockets that are open already: for tests on free ports.
#[derive(Debug, Default)]
pub struct Bound {
    /// For `listen.http`.
    pub http: Option<std::net::TcpListener>,
    /// For `listen.https`.
    pub https: Option<std::net::TcpListener>,
    /// For `listen.admin`.
    pub admin: Option<std::net::TcpListener>,
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error("{0}")]
    Config(Faults),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gate above it.
    #[error(transparent)]
    Gate(#[from] OpenError),
    /// The gateway that should have been taken over from; it goes on.
    #[error(transparent)]
    TakeOver(#[from] TakeOverError),
    /// A socket.
    #[error("can't listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// TLS.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The access log's thread, or another small thing of the system's.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl StartError {
    /// As for every command: 78 bad configuration, 69 store unavailable, 1 everything else.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 78,
            Self::Store(_) | Self::Gate(_) | Self::TakeOver(_) => 69,
            Self::Listen(..) | Self::Tls(_) | Self::Io(_) => 1,
        }
    }
}

/// A running gateway.
pub struct Server {
    gate: Arc<Gate>,
    reloader: Arc<Reloader>,
    current: Arc<ArcSwap<Snapshot>>,
    checks: Arc<Checks>,
    addresses: Addresses,
    giver: Arc<Giver>,
    _control: control::Path,
    /// True: connections that wait for a request are to be closed.
    idle: watch::Sender<bool>,
    workers: Workers,
    /// Answers the process that was taken over from, until it is gone.
    predecessor: JoinSet<()>,
    tasks: JoinSet<()>,
}

/// Where it listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// HTTPS.
    pub https: Option<SocketAddr>,
    /// Metrics and health.
    pub admin: SocketAddr,
}

impl Server {
    /// Starts a gateway on the runtime this is called on. Errors: [`StartError`]; nothing is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { config_dir, clock, bound, start, access_log, banner } = options;
        let metrics = Arc::new(Metrics::new());
        let loaded = config::load(&config_dir, clock.now()).map_err(StartError::Config)?;
        for warning in &loaded.warnings {
            tracing::warn!("{}:{}: {}", warning.file, warning.line, warning.message);
        }
        let certificates = Certificates::load(&loaded.settings).map_err(|faults| StartError::Config(Faults(faults)))?;
        loaded.settings.verify_breached(None).map_err(StartError::Config)?;
        let store = loaded.settings.store.clone();
        let backing = Backing::Redb { file: store.clone(), key_file: loaded.settings.store_key.clone() };
        let control = crate::admin::wire::socket_path(&store);
        let (listen, limits) = (loaded.settings.listen.clone(), loaded.settings.limits);
        let in_force = Arc::new(InForce {
            settings: loaded.settings,
            generation: 1,
            digest: loaded.digest,
            client_authority: certificates.authority(),
        });
        let snapshot = Snapshot::prepare(in_force, certificates, &metrics, None);
        let current = Arc::new(ArcSwap::from_pointee(snapshot));
        let log = match access_log {
            Some(out) => AccessLog::to(out, Arc::clone(&metrics))?,
            None => AccessLog::off(Arc::clone(&metrics)),
        };

        let mut taking = match start {
            Start::Alone => None,
            Start::TakeOver => TakingOver::ask(&control).await?,
        };
        let (sockets, vault) = match &mut taking {
            None => {
                let vault = Vault::open(&backing, clock.clone()).await?;
                (Sockets::open(bound, Vec::new(), &listen)?, vault)
            }
            // Everything else that can fail first: from the release on, the other one's requests wait for us.
            Some(taking) => {
                let sockets = Sockets::open(bound, taking.sockets(), &listen)?;
                taking.release().await?;
                (sockets, Vault::open(&backing, clock.clone()).await?)
            }
        };
        vault.time_into(&metrics.store);
        vault.tell_changes(current.load().in_force.settings.couriers.email.is_some());
        let gate = Arc::new(Gate::open(vault, clock.clone(), Arc::clone(&metrics)).await?);
        gate.know_issuers(&current.load().in_force);
        let reloader = Reloader::new(config_dir, Arc::clone(&gate), Arc::clone(&current));
        let addresses = sockets.addresses()?;
        let (http, https) = sockets.for_people()?;
        let admin = TcpListener::from_std(sockets.for_admin()?)?;

        let portal = Portal::new(Arc::clone(&gate), banner.as_deref())?;
        let acceptor = match &https {
            None => None,
            Some(_) => {
                let in_force = Arc::clone(&current);
                Some(Arc::new(Acceptor::new(move || Arc::clone(in_force.load().certificates()))?))
            }
        };
        let entry = Entry::new(Actor::Gateway, "gateway.start").detail(match &taking {
            None => env!("CARGO_PKG_VERSION").to_owned(),
            Some(taking) => format!("{}, takes over from process {}", env!("CARGO_PKG_VERSION"), taking.process()),
        });
        gate.vault().note(entry).await?;
        let (control_socket, control) = control::bind(control)?;
        let (stop, stopping) = watch::channel(false);
        let idle = watch::Sender::new(false);
        // Threads and all are there before anybody is told that we are ready.
        let (begin, beginning) = watch::channel(false);
        let plan = Plan {
            gate: Arc::clone(&gate),
            portal,
            current: Arc::clone(&current),
            log,
            http,
            https,
            acceptor,
            stopping: stopping.clone(),
            idle: idle.subscribe(),
            begin: beginning,
        };
        let workers = plan.start(listen.workers.get(), limits.connections.get())?;
        // Only then is the control socket ours: until it has handed over, the other one is to be asked, and may go on.
        let asking = match taking {
            None => {
                control.publish()?;
                None
            }
            Some(taking) => {
                let asking = taking.ready().await?;
                if let Err(error) = control.publish() {
                    // Nobody else serves any more.
                    tracing::error!(%error, "the control socket can't be put in its place; no command is heard");
                }
                asking
            }
        };
        begin.send_replace(true);
        let giver = Giver::new(Arc::clone(&gate), sockets, stop);
        let mut predecessor = JoinSet::new();
        if let Some(asking) = asking {
            predecessor.spawn(answer_predecessor(gate.vault().clone(), asking));
        }
        let mut tasks = JoinSet::new();
        let handed = giver.successor();
        tasks.spawn(admin::serve(admin, Arc::clone(&gate), Arc::clone(&current), stopping, handed));
        tasks.spawn(control::serve(control_socket, Arc::clone(&gate), Arc::clone(&reloader), Arc::clone(&giver)));
        tasks.spawn(follow(Arc::clone(&gate), Arc::clone(&current)));
        tasks.spawn(review(Arc::clone(&gate), Arc::clone(&current)));
        tasks.spawn(tell(Arc::clone(&gate)));
        tasks.spawn(ask_issuers(Arc::clone(&gate)));
        let couriers = Couriers::new(gate.vault().clone(), clock.clone(), metrics);
        let for_couriers = Arc::clone(&current);
        tasks.spawn(couriers.run(move || Arc::clone(&for_couriers.load().in_force)));
        tasks.spawn(Arc::clone(&reloader).watch());
        tasks.spawn(sweep(Arc::clone(&gate)));
        tasks.spawn(look_up(Arc::clone(&current)));
        let checks = Checks::new(clock);
        tasks.spawn(check(Arc::clone(&checks), Arc::clone(&current)));
        Ok(Self {
            gate,
            reloader,
            current,
            checks,
            addresses,
            giver,
            _control: control,
            idle,
            workers,
            predecessor,
            tasks,
        })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The gate, for those who hold the server: the demo and tests.
    pub const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Reads the configuration again.
    pub const fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// Asks the issuers whose time has come for their keys, and waits for their answers: for tests, which move time.
    pub async fn ask_issuers(&self) {
        let mut rounds = JoinSet::new();
        self.gate.ask_issuers(&mut rounds);
        rounds.join_all().await;
    }

    /// Asks the upstreams whose time has come whether they work, and waits for their answers: for tests, which move time.
    pub async fn check_upstreams(&self) {
        self.checks.round(&self.current.load_full()).await;
    }
}

/// What every worker is made from.
struct Plan {
    gate: Arc<Gate>,
    portal: Portal,
    current: Arc<ArcSwap<Snapshot>>,
    log: AccessLog,
    http: Option<Socket>,
    https: Option<Socket>,
    acceptor: Option<Arc<Acceptor>>,
    stopping: watch::Receiver<bool>,
    idle: watch::Receiver<bool>,
    begin: watch::Receiver<bool>,
}

impl Plan {
    /// Starts so many workers; each accepts from the same sockets.
    fn start(self, workers: u32, connections: u32) -> std::io::Result<Workers> {
        let arrivals = Arc::new(Arrivals::default());
        let places = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(usize::MAX)));
        let works = (0..workers).map(|_| self.work(&arrivals, &places)).collect::<std::io::Result<_>>()?;
        Workers::start(works)
    }

    fn work(&self, arrivals: &Arc<Arrivals>, places: &Arc<Semaphore>) -> std::io::Result<Work> {
        let (gate, current) = (Arc::clone(&self.gate), Arc::clone(&self.current));
        let (portal, log, acceptor) = (self.portal.clone(), self.log.clone(), self.acceptor.clone());
        let (arrivals, places) = (Arc::clone(arrivals), Arc::clone(places));
        let (stopping, idle, mut begin) = (self.stopping.clone(), self.idle.clone(), self.begin.clone());
        let http = self.http.as_ref().map(Socket::try_clone).transpose()?;
        let https = self.https.as_ref().map(Socket::try_clone).transpose()?;
        Ok(Box::new(move || {
            Box::pin(async move {
                if begin.wait_for(|begin| *begin).await.is_err() {
                    return;
                }
                let (clock, metrics) = (gate.clock().clone(), Arc::clone(gate.metrics()));
                let door = TurnedAway::new(Arc::clone(&gate), Arc::clone(&current), log.clone());
                let kept = Arc::<Kept>::default();
                let app = Proxy::new(gate, portal, Arc::clone(&current), log, Arc::clone(&kept)).into_app();
                let watch = Arc::default();
                let listener = Arc::new(Listener {
                    app,
                    door,
                    current,
                    clock,
                    metrics,
                    watch,
                    kept,
                    arrivals,
                    places,
                    stopping,
                    idle,
                });
                let watching = tokio::spawn(Arc::clone(&listener).watch());
                let mut serving = JoinSet::new();
                for (socket, tls) in [(http, None), (https, acceptor)] {
                    match socket.map(TcpListener::from_std).transpose() {
                        Ok(None) => {}
                        Ok(Some(socket)) => drop(serving.spawn(Arc::clone(&listener).serve(socket, tls))),
                        Err(error) => tracing::error!(%error, "a worker can't listen"),
                    }
                }
                while serving.join_next().await.is_some() {}
                watching.abort();
            })
        }))
    }
}

/// Answers the process that was taken over from.
async fn answer_predecessor(vault: Vault, asking: UnixStream) {
    if let Err(error) = vault.serve_predecessor(asking).await {
        tracing::warn!(%error, "the process that was taken over from can't be answered: {error}");
    }
}

/// Follows what the store publishes.
async fn follow(gate: Arc<Gate>, current: Arc<ArcSwap<Snapshot>>) {
    loop {
        gate.something_changed().await;
        let in_force = Arc::clone(&current.load().in_force);
        if let Err(error) = gate.catch_up(&in_force).await {
            tracing::error!(%error, "the store's changes can't be read");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Asks everyone inside again, for what ends by time alone: idle and absolute limits, expiry.
async fn review(gate: Arc<Gate>, current: Arc<ArcSwap<Snapshot>>) {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let in_force = Arc::clone(&current.load().in_force);
        gate.review(&in_force).await;
    }
}

/// Tells the store what was used. Apart from the review: a slow store must not keep anybody inside for longer.
async fn tell(gate: Arc<Gate>) {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        gate.tell_uses().await;
    }
}

/// Asks other issuers for their keys, those whose time has come.
async fn ask_issuers(gate: Arc<Gate>) {
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut rounds = JoinSet::new();
    loop {
        tick.tick().await;
        while rounds.try_join_next().is_some() {}
        gate.ask_issuers(&mut rounds);
    }
}

/// Removes what has expired, and counts what is alive. Takes at most a two-hundredth of a core, however much there is.
async fn sweep(gate: Arc<Gate>) {
    loop {
        let began = gate.clock().moment();
        let swept = gate.vault().sweep().await;
        match &swept {
            Ok(0) => {}
            Ok(rows) => tracing::debug!("swept {rows} expired rows"),
            Err(error) => tracing::warn!(%error, "expired rows could not be swept"),
        }
        if let Ok(alive) = gate.vault().count_sessions().await {
            gate.metrics().sessions.set(i64::try_from(alive).unwrap_or(i64::MAX));
        }
        let took = gate.clock().moment().since(began);
        // Where there is more than a round takes, the next one comes as soon as the core's share allows.
        let pause = Duration::from_secs(if swept.is_ok_and(|rows| rows >= SWEPT_AT_ONCE) { 1 } else { 30 });
        tokio::time::sleep(pause.max(took * 200)).await;
    }
}

/// Looks upstreams' names up again, for those whose addresses move.
async fn look_up(current: Arc<ArcSwap<Snapshot>>) {
    let mut tick = tokio::time::interval(Duration::from_secs(30));
    tick.tick().await;
    loop {
        tick.tick().await;
        let snapshot = current.load_full();
        if let Err(error) = tokio::task::spawn_blocking(move || snapshot.look_up_again()).await {
            tracing::error!(%error, "looking up the upstreams failed");
        }
    }
}

/// Asks upstreams whether they work. Whoever does not answer keeps the others from nothing.
async fn check(checks: Arc<Checks>, current: Arc<ArcSwap<Snapshot>>) {
    let mut tick = tokio::time::interval(CHECK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut rounds = JoinSet::new();
    loop {
        tick.tick().await;
        while rounds.try_join_next().is_some() {}
        checks.begin(&current.load_full(), &mut rounds);
    }
}
