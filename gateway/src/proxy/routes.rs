//! What is in force on the data plane? The configuration with everything prepared that requests need of it.
//!
//! Built whole from an accepted configuration and swapped with one store; a request loads it once and keeps it.

use std::collections::HashMap;
use std::sync::Arc;

use access::identity::AppName;
use access::target::HostName;
use http::HeaderValue;

use super::pool::{self, Pool};
use super::slow::Pace;
use crate::config::{AppSettings, InForce};
use crate::gate::Permit;
use crate::metrics::{AppMetrics, Metrics};
use crate::tls::Certificates;

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
    pub(super) pool: Pool,
}

impl Snapshot {
    /// Prepares an accepted configuration. Looks up the upstreams' names; one that can't be found now is a 502 until it
    /// can, not a fault of the configuration. What is known about upstreams is taken over from `before`.
    pub fn prepare(
        in_force: Arc<InForce>,
        certificates: Certificates,
        metrics: &Metrics,
        before: Option<&Self>,
    ) -> Self {
        let routes = in_force.settings.apps.iter().map(|(host, app)| {
            let known = before.and_then(|before| before.app(host, &app.name));
            let label: Arc<str> = app.name.as_str().into();
            let route = Route {
                authority: authority_of(&app.origin),
                metrics: metrics.of_app(&label),
                label,
                pool: Pool::prepare(app, metrics, known.map(|known| &known.pool)),
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
        let made = Self {
            spellings: spellings.collect(),
            routes: routes.collect(),
            portal_authority: authority_of(in_force.settings.portal.origin()),
            certificates: Arc::new(certificates),
            in_force: Arc::clone(&in_force),
        };
        for (host, known) in before.iter().flat_map(|before| &before.routes) {
            pool::forget(&known.app, made.app(host, &known.app.name).map(|route| &*route.app), metrics);
        }
        made
    }

    /// Is nobody served under its configuration, or asked about by it?
    pub(crate) fn is_in_no_use(&mut self) -> bool {
        Arc::get_mut(&mut self.in_force).is_some()
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
        self.routes.values().for_each(|route| route.pool.look_up_again());
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.values()
    }

    /// The app of this name; it is most likely where it was.
    fn app(&self, host: &HostName, name: &AppName) -> Option<&Arc<Route>> {
        let here = self.routes.get(host).filter(|route| route.app.name == *name);
        here.or_else(|| self.routes.values().find(|route| route.app.name == *name))
    }
}

impl Route {
    /// Where to connect, for whoever holds a permit.
    pub(super) const fn pool(&self, _permit: &Permit) -> &Pool {
        &self.pool
    }
}

fn authority_of(origin: &str) -> HeaderValue {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}
