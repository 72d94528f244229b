//! What is in force on the data plane? The configuration with everything prepared that requests need of it.
//!
//! Built whole from an accepted configuration and swapped with one store; a request loads it once and keeps it.

use std::collections::HashMap;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use access::target::HostName;
use arc_swap::ArcSwapOption;
use http::HeaderValue;
use pingora::upstreams::peer::HttpPeer;

use super::slow::Pace;
use crate::config::{AppSettings, InForce, Scheme, Upstream};
use crate::gate::Permit;
use crate::metrics::{AppMetrics, Metrics};
use crate::tls::{self, Certificates};

/// Everything a request is served under.
#[derive(Debug)]
pub struct Snapshot {
    /// The configuration.
    pub in_force: Arc<InForce>,
    certificates: Arc<Certificates>,
    routes: HashMap<HostName, Arc<Route>>,
    portal_authority: HeaderValue,
    /// Hosts as browsers write them, with and without the port: found without being read.
    spellings: HashMap<Box<[u8]>, HostName>,
}

/// One app, prepared.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) app: Arc<AppSettings>,
    /// For metrics and logs, shared.
    pub(super) label: Arc<str>,
    /// Host and port as the browser sees them.
    pub(super) authority: HeaderValue,
    pub(super) metrics: AppMetrics,
    peer: ArcSwapOption<HttpPeer>,
}

impl Snapshot {
    /// Prepares an accepted configuration. Looks up the upstreams' names; one that can't be found now is a 502 until it
    /// can, not a fault of the configuration.
    pub fn prepare(in_force: Arc<InForce>, certificates: Certificates, metrics: &Metrics) -> Self {
        let routes = in_force.settings.apps.iter().map(|(host, app)| {
            let label: Arc<str> = app.name.as_str().into();
            let route = Route {
                authority: authority_of(&app.origin),
                metrics: metrics.of_app(&label),
                label,
                peer: ArcSwapOption::from(app.upstreams.first().and_then(find).map(Arc::new)),
                app: Arc::clone(app),
            };
            (host.clone(), Arc::new(route))
        });
        let settings = &in_force.settings;
        let portal = (settings.portal.host(), settings.portal.origin());
        let named = settings.apps.iter().map(|(host, app)| (host, app.origin.as_str())).chain([portal]);
        let spellings = named.flat_map(|(host, origin)| {
            let with_port = authority_of(origin).as_bytes().into();
            [(host.as_str().as_bytes().into(), host.clone()), (with_port, host.clone())]
        });
        Self {
            spellings: spellings.collect(),
            routes: routes.collect(),
            portal_authority: authority_of(in_force.settings.portal.origin()),
            certificates: Arc::new(certificates),
            in_force,
        }
    }

    /// The certificates in force.
    pub const fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// What clients are held to.
    pub(crate) fn pace(&self) -> Pace {
        let limits = self.in_force.settings.limits;
        Pace { header_time: limits.header_time, slowest: limits.slowest.get() }
    }

    /// The host that is written so, if it is one of ours in the usual spelling.
    pub(super) fn host(&self, authority: &[u8]) -> Option<HostName> {
        self.spellings.get(authority).cloned()
    }

    pub(super) fn route(&self, host: &HostName) -> Option<&Arc<Route>> {
        self.routes.get(host)
    }

    pub(super) const fn portal_authority(&self) -> &HeaderValue {
        &self.portal_authority
    }

    /// Looks the upstreams' names up again: addresses of names change. Blocks on the resolver.
    pub fn look_up_again(&self) {
        for route in self.routes.values() {
            if let Some(peer) = route.app.upstreams.first().and_then(find) {
                let same = route.peer.load().as_ref().is_some_and(|old| old._address == peer._address);
                if !same {
                    route.peer.store(Some(Arc::new(peer)));
                }
            }
        }
    }
}

impl Route {
    /// Where to connect, for whoever holds a permit; `None` while the upstream's name can't be found.
    pub(super) fn peer(&self, _permit: &Permit) -> Option<Box<HttpPeer>> {
        self.peer.load().as_ref().map(|peer| Box::new(HttpPeer::clone(peer)))
    }
}

fn find(upstream: &Upstream) -> Option<HttpPeer> {
    let host = upstream.host.trim_start_matches('[').trim_end_matches(']');
    let address = (host, upstream.port).to_socket_addrs().ok().and_then(|mut found| found.next());
    let Some(address) = address else {
        tracing::warn!(upstream = %upstream.host, "the upstream {} can't be found", upstream.host);
        return None;
    };
    let mut peer = HttpPeer::new(address, upstream.scheme == Scheme::Https, upstream.host.clone());
    if let Some(ca_file) = &upstream.ca_file
        && let Err(error) = tls::trust(&mut peer, ca_file)
    {
        tracing::error!("the upstream {} is not used: {error}", upstream.host);
        return None;
    }
    peer.options.connection_timeout = Some(Duration::from_secs(3));
    peer.options.total_connection_timeout = Some(Duration::from_secs(5));
    peer.options.idle_timeout = Some(Duration::from_secs(60));
    Some(peer)
}

fn authority_of(origin: &str) -> HeaderValue {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}
