use access::ClientAddr;
use access::identity::{AppName, UserName};
use access::login::{self, Next, Situation};
use access::network::{Believed, Claims};

use super::ahead::Coming;
use super::*;
use crate::audit::{Actor, Entry};
use crate::clock::Clock;
use crate::store::vault::{After, Backing, Ground, NewPerson, Opening, Outcome, Spend};

#[test]
fn a_session_takes_little_memory() {
    // With the two counters of its Arc: 96 bytes. A row with the half of its digest: 32.
    assert_eq!(size_of::<Visitor>(), 80);
    assert_eq!(size_of::<Option<([u8; 16], Row)>>(), 32);
    // What a shard begins with, and doubles: sizes that requests are not served with (`rows::LEAST`).
    assert_eq!(super::super::rows::LEAST * 32, 3 << 8);
}

#[test]
fn what_is_dead_is_never_noted_and_never_alive_again() {
    let life = Life::new(Timestamp::from_millis(1), Timestamp::from_millis(1));
    assert!(life.used(Timestamp::from_millis(2), Duration::ZERO));
    life.end();
    assert!(!life.used(Timestamp::NEVER, Duration::ZERO) && !life.is_alive());
}

#[test]
fn what_a_request_asks_of_a_person_lies_in_the_first_half_of_256_bytes() {
    let counters = 2 * size_of::<usize>();
    assert_eq!(counters + size_of::<KnownPerson>(), 256);
    let person = std::mem::offset_of!(KnownPerson, record) + std::mem::offset_of!(PersonRecord, person);
    assert!(counters + person + size_of::<Person>() <= 128);
}

#[tokio::test]
async fn all_rows_of_a_sign_in_are_one_visitor_and_end_together() {
    let house = House::new().await;
    let (portal, id) = house.sign_in().await;
    let child = house.child(portal).await;
    let by_portal = house.facts.session(portal, |kind| *kind == SessionKind::Portal).await.unwrap().unwrap();
    let by_app = house.facts.session(child, |kind| matches!(kind, SessionKind::App(_))).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&by_portal, &by_app));
    assert_eq!(by_app.shown(), &id.0, "what the access log tells");
    assert!(house.facts.session(child, |kind| *kind == SessionKind::Portal).await.unwrap().is_none());

    house.clock.advance(Duration::from_secs(60));
    assert_eq!(
        by_app.used(house.clock.now(), Duration::from_secs(3600)),
        None,
        "noted less than a twelfth of an hour ago"
    );
    assert_eq!(by_portal.last_used(), house.clock.now());

    assert!(house.facts.vault.end_session(id, entry()).await.unwrap());
    house.facts.forget(&Notice::Session(id));
    assert!(!by_portal.is_current());
    for digest in [portal, child] {
        assert!(house.facts.session(digest, |_| true).await.unwrap().is_none());
    }
    assert!(house.facts.again(&by_app, Some(child)).await.unwrap().is_none());
}

#[tokio::test]
async fn to_be_drawn_near_changes_nothing_for_those_who_are_inside_nor_for_strangers() {
    let house = House::new().await;
    let (portal, _) = house.sign_in().await;
    let known = house.visitor(portal).await;
    for (digest, inside) in [(portal, Some(known)), (Digest([0; 32]), None), (Digest([0xff; 32]), None)] {
        let mut coming = Coming::begin(&house.facts, digest);
        for _ in 0..4 {
            coming.draw_nearer(&house.facts);
        }
        let found = house.facts.session(coming.digest, |_| true).await.unwrap();
        assert_eq!(found.as_ref().map(Arc::as_ptr), inside.as_ref().map(Arc::as_ptr));
    }
    // Any address will do.
    ahead::fetch(std::ptr::null::<Visitor>());
    ahead::fetch_all([].as_ptr_range());
}

#[tokio::test]
async fn a_use_is_noted_each_twelfth_of_the_idle_limit_and_each_quarter_of_an_hour_at_the_latest() {
    let house = House::new().await;
    let (portal, id) = house.sign_in().await;
    let visitor = house.visitor(portal).await;
    for (idle, grain) in [(60_u64, 5_u64), (24 * 60, 15)] {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        house.clock.advance(minutes(grain) - Duration::from_millis(1));
        assert_eq!(visitor.used(house.clock.now(), minutes(idle)), None, "{idle}");
        house.clock.advance(Duration::from_millis(1));
        assert_eq!(visitor.used(house.clock.now(), minutes(idle)), Some(Use::Session(id)), "{idle}");
    }
}

#[tokio::test]
async fn another_session_of_the_same_person_lives_on() {
    let house = House::new().await;
    let ((one, id), (other, _)) = (house.sign_in().await, house.sign_in().await);
    let visitors = (house.visitor(one).await, house.visitor(other).await);
    house.facts.forget(&Notice::Session(id));
    assert_eq!((visitors.0.is_current(), visitors.1.is_current()), (false, true));
    assert!(Arc::ptr_eq(&house.visitor(other).await, &visitors.1));
}

#[tokio::test]
async fn a_changed_person_is_read_anew_and_the_last_use_is_not_forgotten() {
    let house = House::new().await;
    let (portal, _) = house.sign_in().await;
    let child = house.child(portal).await;
    let before = house.visitor(portal).await;
    house.clock.advance(Duration::from_secs(60));
    before.used(house.clock.now(), Duration::from_secs(3600));

    house.facts.forget(&Notice::Person(before.person().id));
    assert!(!before.is_current());
    let (after, by_app) = (house.visitor(portal).await, house.visitor(child).await);
    assert!(after.is_current() && Arc::ptr_eq(&after, &by_app) && !Arc::ptr_eq(&after, &before));
    assert_eq!(after.last_used(), house.clock.now());

    house.facts.forget_all();
    assert!(!after.is_current() && house.visitor(portal).await.is_current());
}

#[tokio::test]
async fn a_session_that_ends_while_it_is_read_is_never_believed() {
    let house = House::new().await;
    for _ in 0..200 {
        let (portal, id) = house.sign_in().await;
        let read = house.facts.session(portal, |_| true);
        let end = async {
            assert!(house.facts.vault.end_session(id, entry()).await.unwrap());
            house.facts.forget(&Notice::Session(id));
        };
        let (read, ()) = tokio::join!(read, end);
        assert!(read.unwrap().is_none_or(|visitor| !visitor.is_current()));
        assert!(house.facts.session(portal, |_| true).await.unwrap().is_none());
    }
}

struct House {
    facts: FactCache,
    clock: Clock,
    user: UserId,
}

impl House {
    async fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let vault = Vault::open(&Backing::Memory, clock.clone()).await.unwrap();
        let ana = NewPerson {
            name: UserName::parse("ana").unwrap(),
            full_name: "Ana Ruiz".to_owned(),
            email: None,
            roles: Vec::new(),
            groups: Vec::new(),
        };
        let user = vault.add_person(ana, entry()).await.unwrap().0.person.id;
        Self { facts: FactCache::new(vault), clock, user }
    }

    async fn sign_in(&self) -> (Digest, SessionId) {
        let situation = Situation { enrolled: Methods::NONE, demanded: None };
        let Next::Done(proved) = login::begin(self.user, situation, self.clock.now()) else {
            panic!("nobody demands a second step");
        };
        let opening = Opening {
            address: ClientAddr::resolve([127, 0, 0, 1].into(), &Believed::default(), &Claims::default())
                .unwrap()
                .client,
            device: "a browser".to_owned(),
            kind: SessionKind::Portal,
            expires: self.clock.now() + Duration::from_secs(24 * 60 * 60),
            wish: None,
        };
        let vault = &self.facts.vault;
        let ground = Ground::of(&vault.person(self.user).await.unwrap().unwrap());
        let opened = vault.open_session(proved, After::Password(ground), Spend::Nothing, opening, entry()).await;
        let Outcome::Done((secret, session)) = opened.unwrap() else { panic!("the person may sign in") };
        (self.digest(secret.expose()), session.id)
    }

    /// The session of an app host within that one.
    async fn child(&self, portal: Digest) -> Digest {
        let (vault, browser) = (&self.facts.vault, Digest([7; 32]));
        let crm = AppName::parse("crm").unwrap();
        let ticket = vault.issue_hand_off(portal, crm.clone(), browser).await.unwrap();
        let Outcome::Done((secret, _)) = vault.take_hand_off(ticket.expose(), &crm, browser).await.unwrap() else {
            panic!("the ticket is good");
        };
        self.digest(secret.expose())
    }

    async fn visitor(&self, digest: Digest) -> Arc<Visitor> {
        self.facts.session(digest, |_| true).await.unwrap().unwrap()
    }

    fn digest(&self, secret: &str) -> Digest {
        self.facts.vault.digest("session", secret.as_bytes())
    }
}

fn entry() -> Entry {
    Entry::new(Actor::Console, "test")
}
