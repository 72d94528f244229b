//! Has this app, person, token or address asked too often? What [`access::rate`] needs to be remembered, bounded.
//!
//! Asked only after the rules said yes: before that, the throttle of sign-ins holds. One table of atomics for all limits of
//! all apps, without a lock: a key is known by a 64-bit hash under random keys, so that nobody can make two meet, and may
//! lie in one of the eight places of its row. A key that was not used for as long as its rate's span is as good as new, so
//! its place is free; when all eight are in use, the one that is nearest to being free is given up. The table takes
//! 8 MiB, and no memory before the first limited request.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use access::ClientAddr;
use access::identity::{AppName, TokenId, UserId};
use access::rate::{Rate, admit};
use ipnet::IpNet;

use crate::clock::Clock;
use crate::config::AppLimits;

/// What is remembered of whoever is limited.
#[derive(Debug)]
pub(super) struct Rates {
    hasher: RandomState,
    rows: OnceLock<Box<[Row]>>,
}

/// Who is asking, as far as limits care.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) address: ClientAddr,
    pub(super) person: Option<UserId>,
    pub(super) token: Option<TokenId>,
}

type Row = [Place; WIDTH];

#[derive(Debug, Default)]
struct Place {
    /// The key's hash; zero while nobody has it.
    key: AtomicU64,
    /// When all that was admitted is worked off, microseconds.
    worked_off: AtomicU64,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Whose {
    Everybody,
    Person(UserId),
    Token(TokenId),
    Source(IpNet),
}

impl Rates {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), rows: OnceLock::new() }
    }

    /// May one more request pass? `Err`: not before so long. A request that is refused by one limit counts for none.
    pub(super) fn admit(&self, app: &AppName, limits: &AppLimits, asker: Asker, clock: &Clock) -> Result<(), Duration> {
        let whose = [
            limits.requests.map(|rate| (Whose::Everybody, rate)),
            limits.person.zip(asker.person).map(|(rate, person)| (Whose::Person(person), rate)),
            limits.token.zip(asker.token).map(|(rate, token)| (Whose::Token(token), rate)),
            limits.address.map(|rate| (Whose::Source(asker.address.source()), rate)),
        ];
        if whose.iter().all(Option::is_none) {
            return Ok(());
        }
        let now = clock.moment().micros();
        let asked = whose.map(|whose| {
            whose.map(|(whose, rate)| {
                let rate = Rate::new(rate.count, rate.per);
                // With the rate: what a slower one left behind before a reload does not bind a faster one.
                (self.place(self.hasher.hash_one((app, whose, rate)), now), rate)
            })
        });
        let waits = asked
            .iter()
            .flatten()
            .filter_map(|(place, rate)| admit(place.worked_off.load(Ordering::Acquire), now, *rate).err());
        if let Some(wait) = waits.max() {
            return Err(wait);
        }
        // Several may have got this far at once; each still takes its own turn.
        asked.iter().flatten().try_for_each(|(place, rate)| place.take(now, *rate))
    }

    fn place(&self, hash: u64, now: u64) -> &Place {
        let rows = self.rows.get_or_init(|| (0..ROWS).map(|_| Row::default()).collect());
        let row = &rows[usize::try_from(hash).unwrap_or_default() % ROWS];
        // The row says the lower bits already; zero means that nobody is there.
        let key = hash.max(1);
        if let Some(place) = row.iter().find(|place| place.key.load(Ordering::Acquire) == key) {
            return place;
        }
        let mut freest = &row[0];
        let mut free_at = u64::MAX;
        for place in row {
            let at = place.worked_off.load(Ordering::Acquire);
            if at < free_at {
                (freest, free_at) = (place, at);
            }
        }
        let before = freest.key.load(Ordering::Acquire);
        // Whoever comes second when two want the same place shares it for once.
        if freest.key.compare_exchange(before, key, Ordering::AcqRel, Ordering::Acquire).is_ok() && free_at > now {
            freest.worked_off.store(now, Ordering::Release);
        }
        freest
    }
}

impl Place {
    fn take(&self, now: u64, rate: Rate) -> Result<(), Duration> {
        let mut before = self.worked_off.load(Ordering::Acquire);
        loop {
            let after = admit(before, now, rate)?;
            match self.worked_off.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(changed) => before = changed,
            }
        }
    }
}

const WIDTH: usize = 8;
const ROWS: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;

    use access::Timestamp;
    use access::network::{Believed, Claims};

    use super::*;
    use crate::config;

    #[test]
    fn each_kind_counts_by_itself_and_a_refused_request_counts_for_none() {
        let (rates, clock) = (Rates::new(), Clock::manual(Timestamp::default()));
        let limits = AppLimits { requests: rate(3), address: rate(1), ..AppLimits::default() };
        let ask = |address| rates.admit(&app("crm"), &limits, from(address), &clock);
        assert_eq!(ask(1), Ok(()));
        for _ in 0..5 {
            assert_eq!(ask(1), Err(Duration::from_secs(1)), "this address was here already");
        }
        assert_eq!((ask(2), ask(3)), (Ok(()), Ok(())), "the others have what is left of three");
        assert!(ask(4).is_err(), "three in all");
        assert_eq!(rates.admit(&app("mail"), &limits, from(4), &clock), Ok(()), "another app");
        clock.advance(Duration::from_millis(999));
        assert!(ask(1).is_err());
        clock.advance(Duration::from_millis(1));
        assert_eq!(ask(1), Ok(()));
    }

    #[test]
    fn a_million_keys_take_no_more_room_than_one_and_nobody_who_is_limited_is_forgotten_in_time() {
        let (rates, clock) = (Rates::new(), Clock::manual(Timestamp::default()));
        let limits = AppLimits { address: rate(1), ..AppLimits::default() };
        let ask = |address| rates.admit(&app("crm"), &limits, from(address), &clock);
        for address in 0..1_000_000 {
            let _ = ask(address);
            if address % 1000 == 0 {
                clock.advance(Duration::from_millis(10));
            }
        }
        let rows = rates.rows.get().expect("it was used");
        assert_eq!((rows.len() * WIDTH, std::mem::size_of::<Place>()), (524_288, 16));
        // A hundred thousand a second, each limited for a second: about a fifth of the table.
        let latest = (999_900..1_000_000).filter(|address| ask(*address).is_err()).count();
        assert_eq!(latest, 100);
    }

    #[test]
    fn many_at_once_get_exactly_what_the_rate_allows() {
        let (rates, clock) = (Rates::new(), Clock::manual(Timestamp::default()));
        let limits = AppLimits { requests: rate(100), ..AppLimits::default() };
        let passed: usize = std::thread::scope(|scope| {
            let ask = || (0..200).filter(|_| rates.admit(&app("crm"), &limits, from(1), &clock).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 100);
    }

    #[test]
    fn an_app_without_limits_costs_no_memory() {
        let (rates, clock) = (Rates::new(), Clock::manual(Timestamp::default()));
        assert_eq!(rates.admit(&app("crm"), &AppLimits::default(), from(1), &clock), Ok(()));
        assert!(rates.rows.get().is_none());
    }

    fn app(name: &str) -> AppName {
        AppName::parse(name).unwrap()
    }

    fn rate(count: u32) -> Option<config::Rate> {
        Some(config::Rate { count: NonZeroU32::new(count).unwrap(), per: Duration::from_secs(1) })
    }

    fn from(number: u32) -> Asker {
        let peer = IpAddr::V4(Ipv4Addr::from_bits(number));
        let address = ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).unwrap().client;
        Asker { address, person: None, token: None }
    }
}
