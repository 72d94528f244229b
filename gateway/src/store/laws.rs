//! The laws of a store, over every implementation, and the implementations against each other.

use std::sync::Arc;
use std::time::Duration;

use access::Timestamp;
use access::identity::{SessionId, TokenId, UserId};
use proptest::prelude::*;
use tempfile::TempDir;

use super::feed::KEPT;
use super::*;
use crate::clock::Clock;

/// A store, its clock and where it lies.
struct Ground {
    store: AnyStore,
    clock: Clock,
    _folder: TempDir,
}

/// One of each implementation.
fn grounds() -> [Ground; 3] {
    let ground = |open: fn(&TempDir, Clock) -> AnyStore| {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(Timestamp::from_millis(1_000_000)));
        Ground { store: open(&folder, clock.clone()), clock, _folder: folder }
    };
    [
        ground(|_, clock| AnyStore::Memory(MemoryStore::new(clock, AuditKey::new([1; 32])).unwrap())),
        ground(|folder, clock| {
            let file = folder.path().join("store.redb");
            AnyStore::Redb(RedbStore::open(&file, clock, AuditKey::new([1; 32])).unwrap())
        }),
        ground(|_, clock| forwarded_to(AnyStore::Memory(MemoryStore::new(clock, AuditKey::new([1; 32])).unwrap()))),
    ]
}

/// The same store, as the process sees it that has handed it over. On the runtime of this test.
fn forwarded_to(store: AnyStore) -> AnyStore {
    let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    tokio::spawn(forwarded::serve(theirs, movable::Movable::new(store)));
    AnyStore::Forwarded(ForwardedStore::over(ours))
}

impl Ground {
    async fn apply(&self, batch: Batch) -> Applied {
        self.store.apply(batch).await.unwrap()
    }

    async fn write(&self, writes: impl IntoIterator<Item = Write>) -> Vec<i64> {
        match self.apply(Batch { writes: writes.into_iter().collect(), ..Batch::default() }).await {
            Applied::Done { sums } => sums,
            Applied::Refused { guard } => panic!("guard {guard} refused, and there is none"),
        }
    }

    async fn publish(&self, notices: Vec<Notice>) {
        let answer = self.apply(Batch { notices, ..Batch::default() }).await;
        assert_eq!(answer, Applied::Done { sums: vec![] });
    }

    /// Version and value of a row.
    async fn row(&self, key: &[u8]) -> Option<(u64, Vec<u8>)> {
        self.store.get(T, key).await.unwrap().map(|row| (row.version, row.value))
    }

    async fn keys(&self, from: &[u8], to: &[u8], max: usize) -> Vec<Vec<u8>> {
        self.store.scan(T, from, to, max).await.unwrap().into_iter().map(|row| row.key).collect()
    }
}

const T: Table = Table::Person;

fn put(key: &[u8], value: &[u8]) -> Write {
    Write::Put { table: T, key: key.to_vec(), expires: None, value: value.to_vec() }
}

fn put_until(key: &[u8], expires: Timestamp) -> Write {
    Write::Put { table: T, key: key.to_vec(), expires: Some(expires), value: b"x".to_vec() }
}

fn delete(key: &[u8]) -> Write {
    Write::Delete { table: T, key: key.to_vec() }
}

fn add(key: &[u8], by: i64, floor: i64, seconds: u64) -> Write {
    Write::Add { table: T, key: key.to_vec(), by, floor, window: Duration::from_secs(seconds) }
}

fn absent(key: &[u8]) -> Guard {
    Guard::Absent(T, key.to_vec())
}

fn version(key: &[u8], version: u64) -> Guard {
    Guard::Version(T, key.to_vec(), version)
}

fn person(number: u8) -> Notice {
    Notice::Person(UserId([number; 16]))
}

#[tokio::test]
async fn a_row_begins_at_version_one_and_each_write_adds_one() {
    for ground in grounds() {
        for expected in 1..=3 {
            ground.write([put(b"a", &[expected])]).await;
            assert_eq!(ground.row(b"a").await, Some((u64::from(expected), vec![expected])));
        }
        ground.write([delete(b"a")]).await;
        assert_eq!(ground.row(b"a").await, None);
        ground.write([put(b"a", b"again")]).await;
        assert_eq!(ground.row(b"a").await, Some((1, b"again".to_vec())));
        assert_eq!(ground.store.get(Table::Token, b"a").await.unwrap(), None, "another table");
    }
}

#[tokio::test]
async fn the_guards_hold_for_the_whole_batch_or_nothing_of_it_happens() {
    for ground in grounds() {
        ground.write([put(b"a", b"1"), put(b"b", b"1")]).await;
        for (guards, refused) in [
            (vec![absent(b"a")], 0),
            (vec![version(b"a", 2)], 0),
            (vec![version(b"c", 1)], 0),
            (vec![version(b"a", 1), absent(b"c"), version(b"b", 7), absent(b"a")], 2),
        ] {
            let batch = Batch {
                guards,
                writes: vec![put(b"new", b"1"), delete(b"a"), add(b"n", 1, 0, 60)],
                audit: vec![b"{}".to_vec()],
                notices: vec![person(1)],
            };
            assert_eq!(ground.apply(batch).await, Applied::Refused { guard: refused });
        }
        assert_eq!(ground.keys(b"", b"zz", 10).await, [b"a", b"b"]);
        assert_eq!(ground.store.feed(Cursor::START).await.unwrap().notices, []);
        assert!(ground.store.scan(Table::Audit, b"", &[255; 9], 1).await.unwrap().is_empty());

        let guards = vec![version(b"a", 1), absent(b"c"), version(b"b", 1)];
        let batch = Batch { guards, writes: vec![put(b"c", b"1"), delete(b"a")], ..Batch::default() };
        assert_eq!(ground.apply(batch).await, Applied::Done { sums: vec![] });
        assert_eq!(ground.keys(b"", b"zz", 10).await, [b"b", b"c"]);
    }
}

#[tokio::test]
async fn guards_see_what_was_before_the_batch_and_writes_see_the_writes_before_them() {
    for ground in grounds() {
        let batch = Batch {
            guards: vec![absent(b"a")],
            writes: vec![put(b"a", b"1"), put(b"a", b"2"), delete(b"b"), put(b"b", b"1"), delete(b"b")],
            ..Batch::default()
        };
        assert_eq!(ground.apply(batch).await, Applied::Done { sums: vec![] });
        assert_eq!(ground.row(b"a").await, Some((2, b"2".to_vec())));
        assert_eq!(ground.row(b"b").await, None);
    }
}

#[tokio::test]
async fn an_expired_row_counts_as_absent_everywhere() {
    for ground in grounds() {
        let expires = ground.clock.now() + Duration::from_secs(10);
        ground.write([put_until(b"a", expires), put_until(b"b", Timestamp::NEVER), put(b"c", b"1")]).await;
        ground.write([put_until(b"a", expires)]).await;
        ground.clock.advance(Duration::from_millis(9_999));
        assert_eq!(ground.row(b"a").await.map(|(version, _)| version), Some(2), "a moment before");
        ground.clock.advance(Duration::from_millis(1));
        assert_eq!(ground.row(b"a").await, None);
        assert_eq!(ground.keys(b"", b"zz", 10).await, [b"b", b"c"]);
        assert_eq!(ground.keys(b"", b"zz", 1).await, [b"b"], "it does not count against the limit");
        let refused = Batch { guards: vec![version(b"a", 2)], ..Batch::default() };
        assert_eq!(ground.apply(refused).await, Applied::Refused { guard: 0 });
        let held = Batch { guards: vec![absent(b"a")], writes: vec![put(b"a", b"new")], ..Batch::default() };
        assert_eq!(ground.apply(held).await, Applied::Done { sums: vec![] });
        assert_eq!(ground.row(b"a").await, Some((1, b"new".to_vec())));
        assert_eq!(ground.store.get(T, b"b").await.unwrap().unwrap().expires, None, "never is never");
    }
}

#[tokio::test]
async fn a_counter_adds_up_to_its_floor_and_starts_again_when_its_window_has_passed() {
    for ground in grounds() {
        assert_eq!(ground.write([add(b"n", 2, 0, 60), add(b"n", 3, 0, 60), add(b"m", -1, -5, 60)]).await, [2, 5, -1]);
        ground.clock.advance(Duration::from_secs(59));
        assert_eq!(ground.write([add(b"n", -9, 0, 60)]).await, [0], "never below the floor");
        assert_eq!(ground.write([add(b"n", 4, 0, 60)]).await, [4]);
        ground.clock.advance(Duration::from_secs(1));
        assert_eq!(
            ground.row(b"n").await,
            None,
            "its window has passed since it was started, not since it was changed"
        );
        assert_eq!(ground.write([add(b"n", 7, 0, 60), add(b"n", i64::MAX, 0, 60)]).await, [7, i64::MAX]);
    }
}

#[tokio::test]
async fn what_is_no_counter_is_not_counted_on_and_nothing_else_happens() {
    for ground in grounds() {
        ground.write([put(b"n", b"not a counter")]).await;
        let writes = vec![put(b"a", b"1"), add(b"n", 1, 0, 60)];
        let error = ground.store.apply(Batch { writes, ..Batch::default() }).await;
        assert!(matches!(error, Err(StoreError::Corrupt(_))), "{error:?}");
        assert_eq!(ground.row(b"a").await, None);
        ground.write([put(b"b", b"1")]).await;
    }
}

#[tokio::test]
async fn a_scan_is_in_order_from_the_first_key_to_before_the_second_and_at_most_so_many() {
    for ground in grounds() {
        let keys: [&[u8]; 6] = [b"b", b"a", b"ab", b"c", b"a\0", b""];
        ground.write(keys.map(|key| put(key, b"1"))).await;
        assert_eq!(ground.keys(b"", b"zz", 10).await, [&b""[..], b"a", b"a\0", b"ab", b"b", b"c"]);
        assert_eq!(ground.keys(b"a", b"b", 10).await, [&b"a"[..], b"a\0", b"ab"]);
        assert_eq!(ground.keys(b"a\0", b"b", 1).await, [&b"a\0"[..]]);
        assert_eq!(ground.keys(b"a", b"z", 0).await, [&b""[..]; 0]);
        for (from, to) in [(&b"b"[..], &b"a"[..]), (b"a", b"a"), (b"x", b"z")] {
            assert_eq!(ground.keys(from, to, 10).await, [&b""[..]; 0]);
        }
    }
}

#[tokio::test]
async fn the_feed_tells_everything_in_the_order_of_the_commits() {
    for ground in grounds() {
        let all = [person(1), Notice::Session(SessionId([2; 16])), Notice::Token(TokenId([3; 16])), Notice::All];
        for some in all.chunks(2) {
            ground.publish(some.to_vec()).await;
        }
        let feed = ground.store.feed(Cursor::START).await.unwrap();
        assert_eq!((feed.notices.as_slice(), feed.gap), (&all[..], false));
        let later = ground.store.feed(feed.cursor).await.unwrap();
        assert_eq!(later, Feed { cursor: feed.cursor, notices: vec![], gap: false });
        ground.publish(vec![person(9)]).await;
        let later = ground.store.feed(feed.cursor).await.unwrap();
        assert_eq!((later.notices, later.gap), (vec![person(9)], false));
    }
}

#[tokio::test]
async fn who_fell_behind_the_feed_is_told_of_the_gap() {
    for ground in grounds() {
        let before = ground.store.feed(Cursor::START).await.unwrap().cursor;
        ground.publish(vec![person(1)]).await;
        let inside = ground.store.feed(before).await.unwrap().cursor;
        ground.publish(vec![Notice::All; KEPT]).await;
        assert!(ground.store.feed(before).await.unwrap().gap);
        let feed = ground.store.feed(inside).await.unwrap();
        assert_eq!((feed.notices.len(), feed.gap), (KEPT, false));
        let ahead = ground.store.feed(Cursor { number: feed.cursor.number + 1, ..feed.cursor }).await.unwrap();
        assert!(ahead.gap, "a cursor of another process");
        assert_eq!(ahead.cursor, feed.cursor);
    }
}

#[tokio::test]
async fn who_waits_for_a_change_wakes_and_never_misses_one() {
    for ground in grounds() {
        let ground = Arc::new(ground);
        let waiting = tokio::spawn({
            let ground = Arc::clone(&ground);
            async move { ground.store.changed_after(Cursor::START).await }
        });
        ground.publish(vec![person(1)]).await;
        waiting.await.unwrap();
        // It was published before this one asked.
        ground.store.changed_after(Cursor::START).await;
        let latest = ground.store.latest();
        let patience = tokio::time::timeout(Duration::from_millis(20), ground.store.changed_after(latest));
        assert!(patience.await.is_err(), "there is nothing new");
    }
}

#[tokio::test]
async fn a_sweep_removes_what_has_expired_and_never_a_live_row() {
    for ground in grounds() {
        let now = ground.clock.now();
        let at = |seconds| now + Duration::from_secs(seconds);
        for n in 0..10 {
            ground.write([put_until(&[b'x', n], at(10)), put_until(&[b'y', n], at(20)), put(&[b'z', n], b"")]).await;
        }
        assert_eq!(ground.store.sweep(T, Timestamp::NEVER, 100).await.unwrap(), 0);
        ground.clock.advance(Duration::from_secs(15));
        assert_eq!(ground.store.sweep(T, at(10), 100).await.unwrap(), 0, "not before that moment");
        assert_eq!(ground.store.sweep(T, at(11), 4).await.unwrap(), 4);
        assert_eq!(ground.store.sweep(Table::Token, Timestamp::NEVER, 100).await.unwrap(), 0);
        assert_eq!(ground.store.sweep(T, Timestamp::NEVER, 100).await.unwrap(), 6);
        assert_eq!(ground.store.sweep(T, Timestamp::NEVER, 100).await.unwrap(), 0);
        assert_eq!(ground.keys(b"", b"zz", 100).await.len(), 20);
    }
}

#[tokio::test]
async fn a_batch_beyond_the_limit_is_an_error_and_nothing_of_it_happens() {
    for ground in grounds() {
        let batch = |size: u16| Batch {
            guards: vec![absent(b"a"), absent(b"b")],
            writes: (2..size).map(|n| put(&n.to_be_bytes(), b"1")).collect(),
            audit: vec![b"{}".to_vec()],
            notices: vec![Notice::All],
        };
        let limit = u16::try_from(Batch::LIMIT).unwrap();
        assert!(ground.store.apply(batch(limit + 1)).await.is_err());
        assert_eq!(ground.keys(b"", &[255; 3], 1_000).await.len(), 0);
        assert_eq!(ground.store.latest().number, 0);
        assert_eq!(ground.apply(batch(limit)).await, Applied::Done { sums: vec![] });
        assert_eq!(ground.keys(b"", &[255; 3], 1_000).await.len(), Batch::LIMIT - 2);
    }
}

#[tokio::test]
async fn nobody_writes_to_the_audit_table_but_the_chain() {
    for ground in grounds() {
        let key = 1_u64.to_be_bytes().to_vec();
        let forged = Write::Put { table: Table::Audit, key: key.clone(), expires: None, value: vec![] };
        assert!(ground.store.apply(Batch { writes: vec![forged], ..Batch::default() }).await.is_err());
        let _ = ground.apply(Batch { audit: vec![b"{}".to_vec()], ..Batch::default() }).await;
        let erased = Write::Delete { table: Table::Audit, key };
        assert!(ground.store.apply(Batch { writes: vec![erased], ..Batch::default() }).await.is_err());
        assert_eq!(ground.store.scan(Table::Audit, b"", &[255; 9], 9).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn audit_rows_are_numbered_from_one_without_gaps_and_chained() {
    for ground in grounds() {
        for number in 0..5_u8 {
            let entry = |n: u8| format!(r#"{{"n":{n}}}"#).into_bytes();
            let batch = Batch { audit: vec![entry(number), entry(number + 100)], ..Batch::default() };
            let _ = ground.apply(batch).await;
            ground.clock.advance(Duration::from_secs(1));
        }
        let rows = ground.store.scan(Table::Audit, b"", &[255; 9], 100).await.unwrap();
        let head = ground.store.get(Table::Meta, chain::HEAD).await.unwrap().unwrap();
        let mut walker = chain::Walker::new(AuditKey::new([1; 32]));
        for (row, number) in rows.iter().zip(1_u64..) {
            assert_eq!(row.key, number.to_be_bytes());
            walker.step(row).unwrap();
        }
        assert_eq!((rows.len(), walker.finish(Some(&head.value))), (10, Ok(true)));
        let mut stranger = chain::Walker::new(AuditKey::new([2; 32]));
        assert!(stranger.step(&rows[0]).is_err(), "another key");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_changes_of_one_row_under_guards_are_all_kept() {
    for ground in grounds() {
        let ground = Arc::new(ground);
        ground.write([put(b"n", &[0])]).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let ground = Arc::clone(&ground);
            tasks.spawn(async move {
                loop {
                    let (at, value) = ground.row(b"n").await.unwrap();
                    let batch = Batch {
                        guards: vec![version(b"n", at)],
                        writes: vec![put(b"n", &[value[0] + 1])],
                        notices: vec![person(value[0])],
                        ..Batch::default()
                    };
                    if matches!(ground.apply(batch).await, Applied::Done { .. }) {
                        break;
                    }
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(ground.row(b"n").await, Some((41, vec![40])));
        let expected: Vec<_> = (0..40).map(person).collect();
        assert_eq!(ground.store.feed(Cursor::START).await.unwrap().notices, expected, "in the order of the commits");
    }
}

// ---- the implementations against each other

#[derive(Clone, Debug)]
enum Step {
    Apply(Batch),
    Advance(u64),
    Sweep(u64, usize),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), b"d".to_vec()])
}

fn table() -> impl Strategy<Value = Table> {
    prop::sample::select(vec![Table::Person, Table::Counter])
}

fn guard() -> impl Strategy<Value = Guard> {
    prop_oneof![
        (table(), key()).prop_map(|(table, key)| Guard::Absent(table, key)),
        (table(), key(), 1..4_u64).prop_map(|(table, key, version)| Guard::Version(table, key, version)),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let expires = prop::option::of((1_000..1_060_u64).prop_map(|seconds| Timestamp::from_millis(seconds * 1_000)));
    prop_oneof![
        3 => (key(), expires, any::<u8>()).prop_map(|(key, expires, value)| Write::Put {
            table: Table::Person,
            key,
            expires,
            value: vec![value]
        }),
        1 => (table(), key()).prop_map(|(table, key)| Write::Delete { table, key }),
        2 => (key(), -3..5_i64, -1..2_i64, 1..40_u64).prop_map(|(key, by, floor, seconds)| Write::Add {
            table: Table::Counter,
            key,
            by,
            floor,
            window: Duration::from_secs(seconds)
        }),
        // Refused, since what lies there is no counter; nothing of the batch may remain.
        1 => key().prop_map(|key| Write::Add { table: Table::Person, key, by: 1, floor: 0, window: Duration::ZERO }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let batch = (prop::collection::vec(guard(), 0..3), prop::collection::vec(write(), 0..5), 0..3_usize, 0..3_u8);
    prop_oneof![
        6 => batch.prop_map(|(guards, writes, entries, notices)| Step::Apply(Batch {
            guards,
            writes,
            audit: vec![b"{}".to_vec(); entries],
            notices: (0..notices).map(person).collect()
        })),
        1 => (0..20_u64).prop_map(Step::Advance),
        1 => (990..1_060_u64, 0..3_usize).prop_map(|(before, max)| Step::Sweep(before, max)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_program_has_the_same_outcome_on_every_store(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(steps));
    }
}

async fn compare(steps: Vec<Step>) {
    let clock = Clock::manual(Timestamp::from_millis(1_000_000));
    let key = || AuditKey::new([1; 32]);
    let memory = MemoryStore::new(clock.clone(), key()).unwrap();
    let on_no_disk = || ::redb::Builder::new().create_with_backend(::redb::backends::InMemoryBackend::new());
    let redb = RedbStore::open_with(Box::new(on_no_disk), clock.clone(), key()).unwrap();
    let over_there = forwarded_to(AnyStore::Memory(MemoryStore::new(clock.clone(), key()).unwrap()));
    let stores = [AnyStore::Memory(memory), AnyStore::Redb(redb), over_there];
    for step in steps {
        match step {
            Step::Advance(seconds) => clock.advance(Duration::from_secs(seconds)),
            Step::Apply(batch) => {
                let first = stores[0].apply(batch.clone()).await;
                for other in &stores[1..] {
                    assert_eq!(first, other.apply(batch.clone()).await, "{batch:?}");
                }
            }
            Step::Sweep(before, max) => {
                // Which of several is left to each; that none remains at last is not.
                let before = Timestamp::from_millis(before * 1_000);
                for store in &stores {
                    assert!(store.sweep(Table::Person, before, max).await.unwrap() <= max);
                    while store.sweep(Table::Counter, before, 100).await.unwrap() > 0 {}
                }
            }
        }
    }
    for table in Table::ALL {
        let first = stores[0].scan(table, b"", &[255; 9], 1_000).await.unwrap();
        for other in &stores[1..] {
            assert_eq!(first, other.scan(table, b"", &[255; 9], 1_000).await.unwrap(), "{table:?}");
        }
    }
    let said = async |store: &AnyStore| {
        store.feed(Cursor::START).await.map(|feed| (feed.cursor.number, feed.notices, feed.gap))
    };
    for other in &stores[1..] {
        assert_eq!(said(&stores[0]).await, said(other).await);
    }
}
