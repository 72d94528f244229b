//! Who is too slow? The watch over one worker's connections (A51).
//!
//! Every quarter of a second each connection's [`Pulse`](super::connection::Pulse) is looked at: what comes before HTTP and
//! each request's header have to be done within `limits.header_time`, however many bytes come in between; a body that waits
//! for the client, and an answer that waits to be taken, have to move by `limits.slowest` bytes a second over half a
//! minute. What only waits for the app is left alone, as are WebSockets and streams with nothing to say. Whoever is too slow
//! is cut. No timer a request, no cost on the path.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use slab::Slab;

use super::connection::{Facts, Stage};
use crate::clock::Moment;

/// What clients are held to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pace {
    /// For a header, or what comes before HTTP.
    pub(crate) header_time: Duration,
    /// Bytes a second.
    pub(crate) slowest: u64,
}

/// The connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    watched: Mutex<Slab<Watched>>,
}

#[derive(Debug)]
struct Watched {
    facts: Arc<Facts>,
    stage: Stage,
    requests: u64,
    /// When this stage of this request was first seen.
    since: Moment,
    incoming: Course,
    outgoing: Course,
    looked: Moment,
}

/// How far something got while it waited for the client.
#[derive(Clone, Copy, Default, Debug)]
struct Course {
    waited: Duration,
    from: u64,
    was_waiting: bool,
}

/// A place in the watch, given up on drop.
pub(crate) struct Place {
    watch: Arc<Watch>,
    at: usize,
}

impl Watch {
    /// Watches a connection for as long as the place is kept.
    pub(crate) fn over(self: &Arc<Self>, facts: Arc<Facts>, now: Moment) -> Place {
        let new = Watched {
            stage: facts.pulse.stage(),
            requests: facts.pulse.requests(),
            facts,
            since: now,
            incoming: Course::default(),
            outgoing: Course::default(),
            looked: now,
        };
        let at = self.lock().insert(new);
        Place { watch: Arc::clone(self), at }
    }

    /// Looks at everyone and cuts who is too slow; returns how many.
    pub(crate) fn look(&self, pace: Pace, now: Moment) -> usize {
        let mut watched = self.lock();
        let slow = watched.iter_mut().filter_map(|(_, one)| one.is_slow(pace, now).then_some(&one.facts));
        slow.map(|facts| facts.cut.end()).count()
    }

    /// Ends the connections that wait for a request.
    pub(crate) fn end_idle(&self) {
        let watched = self.lock();
        let idle = watched.iter().filter(|(_, one)| matches!(one.facts.pulse.stage(), Stage::Idle | Stage::Outside));
        idle.for_each(|(_, one)| one.facts.cut.end());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slab<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn is_slow(&mut self, pace: Pace, now: Moment) -> bool {
        let pulse = &self.facts.pulse;
        let (stage, requests) = (pulse.stage(), pulse.requests());
        if (stage, requests) != (self.stage, self.requests) {
            (self.stage, self.requests) = (stage, requests);
            self.since = now;
        }
        let passed = now.since(self.looked);
        self.looked = now;
        let bound = match stage {
            Stage::Opening | Stage::Header => Some(pace.header_time),
            // HTTP/2 that never asks for anything; browsers open connections a little ahead.
            Stage::Streams if requests == 0 => Some(pace.header_time * 3),
            // Inside, pingora waits a minute.
            Stage::Outside => Some(OUTSIDE),
            Stage::Idle | Stage::Serving | Stage::Streams => None,
        };
        if bound.is_some_and(|bound| now.since(self.since) > bound) {
            return true;
        }
        let uploads = self.incoming.crawls(pulse.awaits_body(), pulse.read(), passed, pace.slowest);
        let downloads = self.outgoing.crawls(pulse.awaits_taking(), pulse.written(), passed, pace.slowest);
        uploads || downloads
    }
}

impl Course {
    /// Counts the time in which we waited at both ends of it; judges when half a minute has come together.
    fn crawls(&mut self, waiting: bool, moved: u64, passed: Duration, slowest: u64) -> bool {
        if !waiting {
            *self = Self { waited: Duration::ZERO, from: moved, was_waiting: false };
            return false;
        }
        if !self.was_waiting {
            *self = Self { waited: Duration::ZERO, from: moved, was_waiting: true };
            return false;
        }
        self.waited += passed;
        if self.waited < JUDGED {
            return false;
        }
        let enough = slowest.saturating_mul(self.waited.as_secs());
        let crawls = moved.saturating_sub(self.from) < enough;
        *self = Self { waited: Duration::ZERO, from: moved, was_waiting: true };
        crawls
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let left = self.watch.lock().remove(self.at);
        drop(left);
    }
}

/// How often the watch looks.
pub(crate) const EVERY: Duration = Duration::from_millis(250);
/// How long somebody who is turned away may keep a connection between two requests.
const OUTSIDE: Duration = Duration::from_secs(60);
/// The span over which a rate is judged.
const JUDGED: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use access::Timestamp;

    const PACE: Pace = Pace { header_time: Duration::from_secs(10), slowest: 500 };

    struct Scene {
        watch: Arc<Watch>,
        clock: Clock,
        facts: Arc<Facts>,
        _place: Place,
    }

    impl Scene {
        fn new(stage: Stage) -> Self {
            let (watch, clock, facts) = (Arc::<Watch>::default(), Clock::manual(Timestamp::default()), Arc::default());
            let place = watch.over(Arc::clone(&facts), clock.moment());
            facts.pulse.enter(stage);
            let scene = Self { watch, clock, facts, _place: place };
            assert_eq!(scene.look_after(0), 0);
            scene
        }

        fn look_after(&self, seconds: u64) -> usize {
            self.clock.advance(Duration::from_secs(seconds));
            self.watch.look(PACE, self.clock.moment())
        }
    }

    #[test]
    fn a_header_has_its_time_in_all_however_its_bytes_come() {
        let scene = Scene::new(Stage::Header);
        for _ in 0..10 {
            scene.facts.pulse.move_for_test(1, 0);
            assert_eq!(scene.look_after(1), 0);
        }
        assert_eq!(scene.look_after(1), 1);
    }

    #[test]
    fn each_request_has_a_time_of_its_own_and_waiting_for_the_next_has_none() {
        let scene = Scene::new(Stage::Header);
        for _ in 0..5 {
            assert_eq!(scene.look_after(9), 0);
            scene.facts.pulse.next_request();
            scene.facts.pulse.enter(Stage::Header);
            assert_eq!(scene.look_after(9), 0);
        }
        scene.facts.pulse.next_request();
        assert_eq!(scene.look_after(3600), 0);
        assert_eq!(scene.look_after(3600), 0);
    }

    #[test]
    fn a_body_that_crawls_is_ended_and_one_that_walks_is_not() {
        for (bytes, ended) in [(499, 1), (500, 0)] {
            let scene = Scene::new(Stage::Serving);
            scene.facts.pulse.expect_body(true);
            scene.facts.pulse.wait_for_test(true, false);
            assert_eq!(scene.look_after(1), 0);
            for _ in 0..29 {
                scene.facts.pulse.move_for_test(bytes, 0);
                assert_eq!(scene.look_after(1), 0);
            }
            scene.facts.pulse.move_for_test(bytes, 0);
            assert_eq!(scene.look_after(1), ended, "{bytes} bytes a second");
        }
    }

    #[test]
    fn an_answer_nobody_takes_is_ended() {
        let scene = Scene::new(Stage::Serving);
        scene.facts.pulse.wait_for_test(false, true);
        assert_eq!(scene.look_after(1), 0);
        assert_eq!(scene.look_after(31), 1);
    }

    #[test]
    fn what_waits_for_the_app_has_all_the_time() {
        let scene = Scene::new(Stage::Serving);
        scene.facts.pulse.expect_body(true);
        for _ in 0..100 {
            assert_eq!(scene.look_after(60), 0, "we read nothing: the app takes nothing");
        }
    }

    #[test]
    fn http_2_that_never_asks_is_ended_and_one_that_asked_is_not() {
        let scene = Scene::new(Stage::Streams);
        assert_eq!(scene.look_after(29), 0);
        assert_eq!(scene.look_after(2), 1);
        let scene = Scene::new(Stage::Streams);
        scene.facts.pulse.next_stream();
        assert_eq!(scene.look_after(1), 0);
        assert_eq!(scene.look_after(3600), 0);
    }

    #[test]
    fn whoever_left_is_not_looked_at() {
        let Scene { watch, clock, facts: _, _place } = Scene::new(Stage::Opening);
        drop(_place);
        clock.advance(Duration::from_secs(60));
        assert_eq!(watch.look(PACE, clock.moment()), 0);
    }
}
