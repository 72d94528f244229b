//! Does each upstream work? Asked again and again, on connections of their own, beside the requests of people.
//!
//! A good answer is 200 to 399 in time. So many bad ones in a row take an upstream out, so many good ones bring it back; it
//! is taken to work until then, and what is known outlives a reload.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Uri};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinSet;

use super::pool::Member;
use super::routes::{Route, Snapshot};
use crate::clock::{Clock, Moment};
use crate::config::{Health, Scheme};

/// Asks the upstreams of all apps that want it.
pub(crate) struct Checks {
    /// Made when it is first needed: it reads the system's authorities.
    connector: OnceLock<Connector>,
    clock: Clock,
}

/// What the checks of one upstream found so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// When it was last asked.
    asked: Option<Moment>,
    /// Answers in a row that speak against what it is taken for.
    against: u32,
}

/// Why an answer is a bad one.
type Bad = String;

impl Checks {
    /// With a connector of its own: what people use is not measured, and not used up.
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { connector: OnceLock::new(), clock })
    }

    /// Asks every upstream whose time has come, without waiting for the answers.
    pub(crate) fn begin(self: &Arc<Self>, snapshot: &Snapshot, asking: &mut JoinSet<()>) {
        for (route, index) in checked(snapshot) {
            let Ok(record) = Arc::clone(&route.pool.members()[index].state.record).try_lock_owned() else { continue };
            if record.is_due(&self.clock, &route) {
                let checks = Arc::clone(self);
                asking.spawn(async move { checks.ask(&route, index, record).await });
            }
        }
    }

    /// Asks every upstream whose time has come, and waits for all answers, also of questions that were under way.
    pub(crate) async fn round(&self, snapshot: &Snapshot) {
        for (route, index) in checked(snapshot) {
            let record = Arc::clone(&route.pool.members()[index].state.record).lock_owned().await;
            if record.is_due(&self.clock, &route) {
                self.ask(&route, index, record).await;
            }
        }
    }

    async fn ask(&self, route: &Route, index: usize, mut record: OwnedMutexGuard<Record>) {
        let (Some(health), Some(member)) = (&route.app.health, route.pool.members().get(index)) else { return };
        record.asked = Some(self.clock.moment());
        let answered = match tokio::time::timeout(health.timeout, self.answer(route, member, health)).await {
            Ok(answered) => answered,
            Err(_late) => Err(format!("no answer within {:?}", health.timeout)),
        };
        let (app, upstream) = (&route.app.name, &member.upstream);
        let works = member.state.works();
        let Some(bound) = record.count(works, answered.is_ok(), health) else { return };
        member.state.set_works(!works);
        match answered {
            Ok(()) => tracing::info!(%app, %upstream, "{upstream} of {app} works again: {bound} good answers in a row"),
            Err(bad) => tracing::warn!(%app, %upstream, "{upstream} of {app} is left out: {bad}, {bound} in a row"),
        }
    }

    async fn answer(&self, route: &Route, member: &Member, health: &Health) -> Result<(), Bad> {
        let Some(peer) = member.peer() else { return Err("its name can't be found".to_owned()) };
        // A connection of its own each time: that it can be had is a part of the question.
        let mut peer = HttpPeer::clone(&peer);
        peer.options.max_h2_streams = 1;
        let connector = self.connector.get_or_init(|| Connector::new(Some(ConnectorOptions::new(1))));
        let asked: pingora::Result<u16> = async {
            let (mut session, _) = connector.get_http_session(&peer).await?;
            let streams = matches!(session, HttpSession::H2(_));
            let request = request(&health.path, &route.authority, member.upstream.scheme, streams)?;
            session.write_request_header(Box::new(request)).await?;
            session.finish_request_body().await?;
            session.read_response_header().await?;
            let status = session.response_header().map_or(0, |header| header.status.as_u16());
            session.shutdown().await;
            Ok(status)
        }
        .await;
        match asked {
            Ok(200..=399) => Ok(()),
            Ok(status) => Err(format!("it answers {status}")),
            Err(error) => Err(error.etype().as_str().to_owned()),
        }
    }
}

fn checked(snapshot: &Snapshot) -> impl Iterator<Item = (Arc<Route>, usize)> {
    let routes = snapshot.routes().filter(|route| route.app.health.is_some());
    routes.flat_map(|route| (0..route.pool.members().len()).map(|index| (Arc::clone(route), index)))
}

impl Record {
    fn is_due(&self, clock: &Clock, route: &Route) -> bool {
        let every = route.app.health.as_ref().map(|health| health.every);
        self.asked.zip(every).is_none_or(|(asked, every)| clock.moment().since(asked) >= every)
    }

    /// Counts an answer; if it turns what the upstream is taken for, how many it took.
    fn count(&mut self, works: bool, good: bool, health: &Health) -> Option<u32> {
        if works == good {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let bound = if works { health.fall } else { health.rise }.get();
        let turns = self.against >= bound;
        if turns {
            self.against = 0;
        }
        turns.then_some(bound)
    }
}

/// As the app's own host, so that a server of several finds the right one.
fn request(path: &str, authority: &HeaderValue, scheme: Scheme, streams: bool) -> pingora::Result<RequestHeader> {
    let mut request = RequestHeader::build("GET", path.as_bytes(), Some(2))?;
    request.insert_header(USER_AGENT, "vestibule-health")?;
    if streams {
        let scheme = if scheme == Scheme::Https { "https" } else { "http" };
        let authority = authority.to_str().unwrap_or("invalid");
        if let Ok(uri) = format!("{scheme}://{authority}{path}").parse::<Uri>() {
            request.set_uri(uri);
        }
    } else {
        request.insert_header(HOST, authority)?;
    }
    Ok(request)
}

/// How often the checks look whose time has come.
pub(crate) const EVERY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn so_many_bad_answers_in_a_row_take_it_out_and_so_many_good_ones_bring_it_back() {
        let number = |n| NonZeroU32::new(n).unwrap();
        let second = Duration::from_secs(1);
        let health = Health { path: "/".into(), every: second, timeout: second, fall: number(3), rise: number(2) };
        let (mut record, mut works) = (Record::default(), true);
        let mut seen = Vec::new();
        for good in [false, false, true, false, false, false, false, true, false, true, true, false] {
            if record.count(works, good, &health).is_some() {
                works = !works;
            }
            seen.push(works);
        }
        let yes = true;
        assert_eq!(seen, [yes, yes, yes, yes, yes, false, false, false, false, false, yes, yes]);
    }
}
