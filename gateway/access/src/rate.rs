//! Rate: may one more request pass now?
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A): of what came before, one number is kept, the moment at which
//! everything admitted so far would have been worked off at the allowed pace. As many requests as the rate names may come
//! at once, then one at a time at its pace; so no span as long as the rate's own sees twice as many. Pure: the caller
//! brings `now` and keeps what comes back, for each rate by itself. Microseconds of a clock that never goes back; zero is "nothing came yet".

use std::num::NonZeroU32;
use std::time::Duration;

/// So many requests in such a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rate {
    /// Microseconds that one request takes up, at least one: no rate is faster than a million a second.
    pace: u64,
    /// Microseconds that all of them take up.
    span: u64,
}

impl Rate {
    /// `requests` in every `per`.
    pub fn new(requests: NonZeroU32, per: Duration) -> Self {
        let requests = u64::from(requests.get());
        let per = u64::try_from(per.as_micros()).unwrap_or(u64::MAX);
        let pace = (per / requests).max(1);
        Self { pace, span: pace.saturating_mul(requests) }
    }
}

/// One more request at `now`, after `worked_off` came back from the one before (0: there was none). `Ok`: it may pass, and
/// this is what to keep. `Err`: not before so long has passed, and what was kept stays.
pub fn admit(worked_off: u64, now: u64, rate: Rate) -> Result<u64, Duration> {
    let next = worked_off.max(now).saturating_add(rate.pace);
    let latest = now.saturating_add(rate.span);
    if next <= latest { Ok(next) } else { Err(Duration::from_micros(next - latest)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn as_many_as_the_rate_names_pass_at_once_and_then_one_at_its_pace() {
        for (requests, per, burst, then) in [
            (1, 1, 1, SECOND),
            (2, 1, 2, SECOND / 2),
            (1000, 1, 1000, 1000),
            (3, 1, 3, 333_333),
            (5, 60, 5, 12 * SECOND),
            (1, 3600, 1, 3600 * SECOND),
            (1_000_000, 1, 1_000_000, 1),
            // Faster than the clock ticks: as fast as it ticks.
            (4_000_000, 1, 4_000_000, 1),
        ] {
            let rate = per_seconds(requests, per);
            let mut kept = 0;
            for already in 0..burst {
                kept = admit(kept, 7, rate).unwrap_or_else(|_| panic!("{requests} in {per} s: only {already}"));
            }
            assert_eq!(admit(kept, 7, rate), Err(Duration::from_micros(then)), "{requests} in {per} s");
            assert!(admit(kept, 7 + then - 1, rate).is_err());
            assert!(admit(kept, 7 + then, rate).is_ok());
        }
    }

    #[test]
    fn whoever_pauses_for_a_whole_span_starts_afresh_and_saves_nothing_up() {
        let rate = per_seconds(3, 1);
        for pause in [SECOND, 1000 * SECOND, u64::MAX / 2] {
            let kept = (0..3).fold(0, |kept, _| admit(kept, 5, rate).expect("a burst"));
            let kept = (0..3).fold(kept, |kept, _| admit(kept, 5 + pause, rate).expect("another"));
            assert!(admit(kept, 5 + pause, rate).is_err(), "after {pause} µs");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

        #[test]
        fn no_window_sees_more_than_the_burst_and_the_pace(
            requests in 1_u32..50,
            per in 1_u64..100,
            pauses in prop::collection::vec(0_u64..3_000_000, 1..200),
        ) {
            let rate = per_seconds(requests, per);
            let (mut now, mut kept) = (0, 0);
            let mut passed = Vec::new();
            for pause in pauses {
                now += pause;
                match admit(kept, now, rate) {
                    Ok(next) => {
                        kept = next;
                        passed.push(now);
                    }
                    Err(wait) => {
                        let wait = u64::try_from(wait.as_micros()).expect("short");
                        prop_assert!(wait > 0 && wait <= rate.pace, "the wait is {} µs", wait);
                        prop_assert!(admit(kept, now + wait, rate).is_ok(), "the wait was honest");
                        prop_assert!(admit(kept, now + wait - 1, rate).is_err(), "and no longer than needed");
                    }
                }
            }
            for (at, from) in passed.iter().enumerate() {
                for (to_at, to) in passed.iter().enumerate().skip(at) {
                    let seen = u64::try_from(to_at - at + 1).expect("few");
                    prop_assert!(seen <= u64::from(requests) + (to - from) / rate.pace, "{} in {} µs", seen, to - from);
                }
            }
        }

        #[test]
        fn no_number_is_too_large(kept in any::<u64>(), now in any::<u64>(), requests in 1_u32.., per in any::<u64>()) {
            let rate = per_seconds(requests, per);
            if let Ok(next) = admit(kept, now, rate) {
                prop_assert!(next >= now);
            }
        }
    }

    fn per_seconds(requests: u32, per: u64) -> Rate {
        Rate::new(NonZeroU32::new(requests).expect("some"), Duration::from_secs(per))
    }
}
