//! Which upstream serves this request? One of the app's that work: in turn, or the one with the least to do.
//!
//! A request holds a place of the app ([`Place`]) and one of the upstream it is at ([`UnderWay`]); both are given back when
//! they are dropped, however the request ends. Counts and health live in a [`State`] that outlives a reload. Nothing here
//! locks or waits.

use std::net::ToSocketAddrs;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use pingora::upstreams::peer::HttpPeer;
use prometheus::IntGauge;

use super::health::Record;
use crate::config::{AppSettings, Balance, Scheme, Timeouts, Upstream};
use crate::metrics::Metrics;
use crate::tls;

/// The upstreams of one app.
#[derive(Debug)]
pub(super) struct Pool {
    members: Box<[Member]>,
    balance: Balance,
    turn: AtomicUsize,
    requests: Arc<AtomicU32>,
    most: Option<NonZeroU32>,
}

/// One upstream.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) upstream: Upstream,
    pub(super) state: Arc<State>,
    timeouts: Timeouts,
    /// `None` while its name can't be found.
    peer: ArcSwapOption<HttpPeer>,
}

/// What is known about an upstream, for as long as it is configured.
#[derive(Debug)]
pub(super) struct State {
    works: AtomicBool,
    requests: AtomicUsize,
    /// What the checks found; only they look at it.
    pub(super) record: Arc<tokio::sync::Mutex<Record>>,
    gauge: Option<IntGauge>,
}

/// A place among the app's requests.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicU32>);

/// A request that is at an upstream.
#[derive(Debug)]
pub(super) struct UnderWay {
    state: Arc<State>,
    index: usize,
}

/// Upstreams that were tried for a request. Of so many that they don't fit, the last are tried once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tried(u64);

/// Why there is no upstream for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoUpstream {
    /// None works.
    NoneWorks,
    /// The name of none can be found.
    NotFound,
}

impl Pool {
    /// Prepares the upstreams of an app; `before` is its pool so far. Looks up their names.
    pub(super) fn prepare(app: &AppSettings, metrics: &Metrics, before: Option<&Self>) -> Self {
        let member = |upstream: &Upstream| {
            let known = before.and_then(|before| before.members.iter().find(|member| member.upstream == *upstream));
            let gauge = app.health.as_ref().map(|_| gauge(app, upstream, metrics));
            let state = match known {
                // Whoever is no longer checked, or checked for the first time, is taken to work.
                Some(known) if known.state.gauge.is_some() == gauge.is_some() => Arc::clone(&known.state),
                _ => Arc::new(State::new(gauge)),
            };
            let peer = find(upstream, app.timeouts).map(Arc::new);
            Member { upstream: upstream.clone(), state, timeouts: app.timeouts, peer: ArcSwapOption::from(peer) }
        };
        Self {
            members: app.upstreams.iter().map(member).collect(),
            balance: app.balance,
            turn: AtomicUsize::new(0),
            requests: before.map_or_else(Arc::default, |before| Arc::clone(&before.requests)),
            most: app.limits.concurrent,
        }
    }

    /// A place for one more request; `None`: there are as many as there may be.
    pub(super) fn enter(&self) -> Option<Place> {
        let most = self.most.map_or(u32::MAX, NonZeroU32::get);
        let one_more = |others: u32| (others < most).then(|| others + 1);
        let entered = self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        entered.is_ok().then(|| Place(Arc::clone(&self.requests)))
    }

    /// The next upstream for a request that has tried these.
    pub(super) fn next(&self, tried: Tried) -> Result<(Arc<HttpPeer>, UnderWay), NoUpstream> {
        let works = |member: &Member| member.state.works();
        let usable = |(index, member): &(usize, &Member)| works(member) && !tried.has(*index);
        let count = self.members.iter().enumerate().filter(usable).count();
        let turn = if count < 2 { 0 } else { self.turn.fetch_add(1, Ordering::Relaxed) % count };
        let in_turn = || self.members.iter().enumerate().filter(usable).cycle().skip(turn).take(count);
        let found = in_turn().filter_map(|(index, member)| Some((index, member, member.peer.load_full()?)));
        let chosen = match self.balance {
            Balance::RoundRobin => { found }.next(),
            // The first of equals, so that they take turns.
            Balance::LeastConnections => found.min_by_key(|(_, member, _)| member.state.requests()),
        };
        match chosen {
            Some((index, member, peer)) => Ok((peer, member.state.begin(index))),
            None if self.members.iter().any(works) => Err(NoUpstream::NotFound),
            None => Err(NoUpstream::NoneWorks),
        }
    }

    /// Is there another upstream for a request that has tried these?
    pub(super) fn has_another(&self, tried: Tried) -> bool {
        let mut members = self.members.iter().enumerate();
        members.any(|(index, member)| !tried.has(index) && member.state.works() && member.peer.load().is_some())
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Looks the names up again. Blocks on the resolver.
    pub(super) fn look_up_again(&self) {
        for member in &self.members {
            if let Some(peer) = find(&member.upstream, member.timeouts) {
                let same = member.peer.load().as_ref().is_some_and(|old| old._address == peer._address);
                if !same {
                    member.peer.store(Some(Arc::new(peer)));
                }
            }
        }
    }
}

impl Member {
    pub(super) fn peer(&self) -> Option<Arc<HttpPeer>> {
        self.peer.load_full()
    }
}

impl State {
    fn new(gauge: Option<IntGauge>) -> Self {
        if let Some(gauge) = &gauge {
            gauge.set(1);
        }
        Self { works: AtomicBool::new(true), requests: AtomicUsize::default(), record: Default::default(), gauge }
    }

    pub(super) fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    pub(super) fn set_works(&self, works: bool) {
        self.works.store(works, Ordering::Relaxed);
        if let Some(gauge) = &self.gauge {
            gauge.set(i64::from(works));
        }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    fn begin(self: &Arc<Self>, index: usize) -> UnderWay {
        self.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay { state: Arc::clone(self), index }
    }
}

impl UnderWay {
    /// Which upstream it is at.
    pub(super) const fn index(&self) -> usize {
        self.index
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.state.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tried {
    pub(super) const fn has(self, index: usize) -> bool {
        self.0 & Self::bit(index) != 0
    }

    pub(super) const fn add(&mut self, index: usize) {
        self.0 |= Self::bit(index);
    }

    const fn bit(index: usize) -> u64 {
        1 << if index < 63 { index } else { 63 }
    }
}

/// The gauge of an upstream; both labels stand in the configuration.
fn gauge(app: &AppSettings, upstream: &Upstream, metrics: &Metrics) -> IntGauge {
    metrics.upstream_healthy.with_label_values(&[app.name.as_str(), &upstream.to_string()])
}

/// Takes the gauges away of upstreams that are checked no more.
pub(super) fn forget(before: &AppSettings, now: Option<&AppSettings>, metrics: &Metrics) {
    let checked = |app: &AppSettings, upstream| app.health.is_some() && app.upstreams.contains(upstream);
    for upstream in before.upstreams.iter().filter(|_| before.health.is_some()) {
        if !now.is_some_and(|now| checked(now, upstream)) {
            // It is there: whoever is checked has one.
            let _ = metrics.upstream_healthy.remove_label_values(&[before.name.as_str(), &upstream.to_string()]);
        }
    }
}

/// Everything that connecting to it needs. `None`, with a line in the log: its name can't be found, or its CA not be read.
fn find(upstream: &Upstream, timeouts: Timeouts) -> Option<HttpPeer> {
    let host = upstream.host.trim_start_matches('[').trim_end_matches(']');
    let address = (host, upstream.port).to_socket_addrs().ok().and_then(|mut found| found.next());
    let Some(address) = address else {
        tracing::warn!(upstream = %upstream.host, "the upstream {} can't be found", upstream.host);
        return None;
    };
    // The name is TLS's; without it every request would copy one for nothing.
    let name = if upstream.scheme == Scheme::Https { upstream.host.clone() } else { String::new() };
    let mut peer = HttpPeer::new(address, upstream.scheme == Scheme::Https, name);
    if let Some(ca_file) = &upstream.ca_file
        && let Err(error) = tls::trust(&mut peer, ca_file)
    {
        tracing::error!("the upstream {} is not used: {error}", upstream.host);
        return None;
    }
    match upstream.scheme {
        Scheme::Http => {}
        Scheme::Https => peer.options.set_http_version(2, 1),
        Scheme::H2c => peer.options.set_http_version(2, 2),
    }
    peer.options.max_h2_streams = STREAMS;
    peer.options.h2_stream_window_size = Some(STREAM_WINDOW);
    peer.options.h2_connection_window_size = Some(CONNECTION_WINDOW);
    peer.options.connection_timeout = Some(timeouts.connect);
    peer.options.total_connection_timeout = Some(timeouts.connect);
    peer.options.read_timeout = Some(timeouts.response);
    peer.options.write_timeout = Some(timeouts.response);
    peer.options.idle_timeout = Some(IDLE);
    Some(peer)
}

/// Streams at a time on one HTTP/2 connection; beyond them there is another connection.
const STREAMS: usize = 100;
/// What one answer over HTTP/2 may have on its way, for people who read slowly.
const STREAM_WINDOW: u32 = 1 << 20;
/// What all answers of a connection may.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// How long a connection nobody uses is kept.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AppLimits, ClientCertificate, Health};
    use access::identity::AppName;
    use access::target::HostName;
    use access::target::UnusualPaths;
    use std::time::Duration;

    #[test]
    fn in_turn_each_gets_as_much_also_when_one_does_not_work() {
        let pool = pool(4, Balance::RoundRobin, None);
        assert_eq!(served(&pool, 40), [10, 10, 10, 10]);
        pool.members[1].state.set_works(false);
        assert_eq!(served(&pool, 30), [10, 0, 10, 10]);
    }

    #[test]
    fn the_one_with_the_least_to_do_is_next_and_equals_take_turns() {
        let pool = pool(3, Balance::LeastConnections, None);
        let held: Vec<_> = (0..7).map(|_| pool.next(Tried::default()).unwrap().1).collect();
        let counts = |pool: &Pool| pool.members.iter().map(|member| member.state.requests()).collect::<Vec<_>>();
        let mut now = counts(&pool);
        now.sort_unstable();
        assert_eq!(now, [2, 2, 3]);
        drop(held);
        assert_eq!(counts(&pool), [0, 0, 0]);
        let _long = [pool.members[0].state.begin(0), pool.members[2].state.begin(2)];
        assert_eq!(served(&pool, 10), [0, 10, 0]);
    }

    #[test]
    fn who_was_tried_is_not_tried_again_and_none_is_told_from_none_found() {
        let pool = pool(2, Balance::RoundRobin, None);
        let mut tried = Tried::default();
        tried.add(0);
        assert!((0..5).all(|_| pool.next(tried).unwrap().1.index() == 1));
        assert!(pool.has_another(tried));
        tried.add(1);
        assert!(!pool.has_another(tried));
        assert_eq!(pool.next(tried).unwrap_err(), NoUpstream::NotFound);
        pool.members.iter().for_each(|member| member.state.set_works(false));
        assert_eq!(pool.next(Tried::default()).unwrap_err(), NoUpstream::NoneWorks);
        let mut many = Tried::default();
        many.add(70);
        assert!(many.has(63) && many.has(1000) && !many.has(62));
    }

    #[test]
    fn places_are_given_back_however_a_request_ends_and_are_the_same_after_a_reload() {
        let first = pool(1, Balance::RoundRobin, Some(2));
        let places = [first.enter().unwrap(), first.enter().unwrap()];
        assert!(first.enter().is_none() && first.enter().is_none());
        let again = Pool::prepare(&app(1, Balance::RoundRobin, Some(2)), &Metrics::new(), Some(&first));
        assert!(again.enter().is_none());
        let [one, _other] = places;
        drop(one);
        let _place = again.enter().unwrap();
        assert!(first.enter().is_none());
    }

    #[test]
    fn an_upstream_keeps_its_health_over_a_reload_and_a_new_one_is_taken_to_work() {
        let first = pool(2, Balance::RoundRobin, None);
        first.members[0].state.set_works(false);
        let again = Pool::prepare(&app(3, Balance::RoundRobin, None), &Metrics::new(), Some(&first));
        let works: Vec<_> = again.members.iter().map(|member| member.state.works()).collect();
        assert_eq!(works, [false, true, true]);
        let unchecked = AppSettings { health: None, ..app(3, Balance::RoundRobin, None) };
        let unchecked = Pool::prepare(&unchecked, &Metrics::new(), Some(&again));
        assert!(unchecked.members.iter().all(|member| member.state.works()));
    }

    #[test]
    fn connections_are_never_shared_between_upstreams_that_trust_differently() {
        use pingora::upstreams::peer::Peer;
        let dir = tempfile::tempdir().unwrap();
        let upstream = |name: &str| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            let file = dir.path().join(name);
            std::fs::write(&file, made.cert.pem()).unwrap();
            Upstream { scheme: Scheme::Https, host: "127.0.0.1".into(), port: 1, ca_file: Some(file) }
        };
        let timeouts = app(1, Balance::RoundRobin, None).timeouts;
        let (one, other) = (upstream("one"), upstream("other"));
        let nobodys = Upstream { ca_file: None, ..one.clone() };
        let hash = |upstream: &Upstream| find(upstream, timeouts).unwrap().reuse_hash();
        assert_eq!(hash(&one), hash(&one));
        assert!(hash(&one) != hash(&other) && hash(&one) != hash(&nobodys));
    }

    fn served(pool: &Pool, requests: usize) -> Vec<usize> {
        let mut served = vec![0; pool.members.len()];
        (0..requests).for_each(|_| served[pool.next(Tried::default()).unwrap().1.index()] += 1);
        served
    }

    fn pool(upstreams: u16, balance: Balance, most: Option<u32>) -> Pool {
        Pool::prepare(&app(upstreams, balance, most), &Metrics::new(), None)
    }

    fn app(upstreams: u16, balance: Balance, most: Option<u32>) -> AppSettings {
        let upstream = |port| Upstream { scheme: Scheme::Http, host: "127.0.0.1".into(), port, ca_file: None };
        let number = |n| NonZeroU32::new(n).unwrap();
        let (every, timeout) = (Duration::from_secs(5), Duration::from_secs(2));
        AppSettings {
            name: AppName::parse("crm").unwrap(),
            title: "CRM".into(),
            host: HostName::parse("crm.localhost").unwrap(),
            origin: "http://crm.localhost".into(),
            upstreams: (1..=upstreams).map(upstream).collect(),
            balance,
            health: Some(Health { path: "/".into(), every, timeout, fall: number(3), rise: number(2) }),
            timeouts: Timeouts { connect: timeout, response: every },
            takes_app_passwords: false,
            syncs: Vec::new(),
            pass_authorization: false,
            client_certificate: ClientCertificate::NotAsked,
            limits: AppLimits { concurrent: most.map(number), ..AppLimits::default() },
            paths_may_contain: UnusualPaths::default(),
        }
    }
}
