//! What two processes say to each other about one store, and what happens when one of them talks nonsense or falls silent.

use std::time::Duration;

use access::identity::{AppPasswordId, SessionId, TokenId, UserId};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::LONGEST;
use super::*;
use crate::clock::Clock;
use crate::store::{AnyStore, AuditKey, Guard, MemoryStore, Notice, RedbStore, Write};

const T: Table = Table::Person;

fn batch() -> Batch {
    let key = || b"key".to_vec();
    Batch {
        guards: vec![Guard::Absent(T, key()), Guard::Version(Table::Once, Vec::new(), 7)],
        writes: vec![
            Write::Put { table: T, key: key(), expires: Some(Timestamp::from_millis(9)), value: vec![0; 300] },
            Write::Put { table: T, key: key(), expires: None, value: Vec::new() },
            Write::Delete { table: Table::Audit, key: key() },
            Write::Add { table: Table::Counter, key: key(), by: -3, floor: i64::MIN, window: Duration::from_secs(60) },
        ],
        audit: vec![b"{}".to_vec(), Vec::new()],
        notices: notices(),
    }
}

fn notices() -> Vec<Notice> {
    let id = [9; 16];
    vec![
        Notice::Person(UserId(id)),
        Notice::Session(SessionId(id)),
        Notice::Token(TokenId(id)),
        Notice::AppPassword(AppPasswordId(id)),
        Notice::All,
    ]
}

fn put(key: &[u8]) -> Batch {
    let write = Write::Put { table: T, key: key.to_vec(), expires: None, value: b"x".to_vec() };
    Batch { writes: vec![write], ..Batch::default() }
}

fn questions() -> Vec<Question> {
    vec![
        Question::Get(T, b"ana".to_vec()),
        Question::Scan { table: Table::Audit, from: Vec::new(), to: vec![255; 9], max: u64::MAX },
        Question::Apply(batch()),
        Question::Apply(Batch::default()),
        Question::Feed(Cursor { stream: 1, number: u64::MAX }),
        Question::Sweep { table: Table::Once, before: Timestamp::NEVER, max: 3 },
    ]
}

fn replies() -> Vec<Reply> {
    let row = |expires| Row { key: b"ana".to_vec(), version: 3, expires, value: vec![7; 40] };
    let failures = [
        StoreError::Unavailable("why".to_owned()),
        StoreError::Unknown(String::new()),
        StoreError::Corrupt("é".to_owned()),
        StoreError::TooNew { found: 2, known: 1 },
        StoreError::InUse,
    ];
    let mut replies = vec![
        Reply::Row(None),
        Reply::Row(Some(row(None))),
        Reply::Rows(vec![row(Some(Timestamp::from_millis(5))), row(None)]),
        Reply::Applied(Applied::Done { sums: vec![-1, i64::MAX] }),
        Reply::Applied(Applied::Refused { guard: 255 }),
        Reply::Feed(Feed { cursor: Cursor { stream: 4, number: 5 }, notices: notices(), gap: true }),
        Reply::Swept(12),
        Reply::Latest(Cursor { stream: 1, number: 2 }),
    ];
    replies.extend(failures.map(Reply::Failed));
    replies
}

#[test]
fn everything_that_is_said_arrives_as_it_was_said_and_nothing_shorter_or_longer_does() {
    for question in questions() {
        let mut frame = question.write(77).unwrap();
        assert_eq!(Question::read(&frame).unwrap(), (77, question));
        for shorter in 0..frame.len() {
            assert!(Question::read(&frame[..shorter]).is_err(), "{shorter} of {frame:?}");
        }
        frame.push(0);
        assert!(Question::read(&frame).is_err(), "{frame:?}");
    }
    for reply in replies() {
        let mut frame = reply.write(u64::MAX).unwrap();
        assert_eq!(Reply::read(&frame).unwrap(), (u64::MAX, reply));
        for shorter in 0..frame.len() {
            assert!(Reply::read(&frame[..shorter]).is_err(), "{shorter} of {frame:?}");
        }
        frame.push(0);
        assert!(Reply::read(&frame).is_err(), "{frame:?}");
    }
}

#[test]
fn a_length_that_is_only_claimed_reserves_nothing() {
    let mut rows = 1_u64.to_be_bytes().to_vec();
    rows.push(3);
    rows.extend(u64::MAX.to_be_bytes());
    assert!(Reply::read(&rows).is_err());
    let mut key = 1_u64.to_be_bytes().to_vec();
    key.extend([1, 1]);
    key.extend((u64::MAX - 1).to_be_bytes());
    assert!(Question::read(&key).is_err());
}

#[test]
fn what_does_not_fit_into_a_frame_is_not_written() {
    assert!(Question::Get(T, vec![0; LONGEST]).write(1).is_none());
    let row = Row { key: Vec::new(), version: 1, expires: None, value: vec![0; LONGEST] };
    assert!(Reply::Row(Some(row)).write(1).is_none());
}

proptest! {
    #[test]
    fn whatever_bytes_come_they_are_refused_or_mean_one_thing(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((number, question)) = Question::read(&frame) {
            prop_assert_eq!(question.write(number), Some(frame.clone()));
        }
        if let Ok((number, reply)) = Reply::read(&frame) {
            prop_assert_eq!(reply.write(number), Some(frame));
        }
    }

    #[test]
    fn a_frame_with_one_byte_changed_is_refused_or_means_one_thing(which in 0..6_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut frame = questions()[which].write(5).unwrap();
        let at = at.index(frame.len());
        frame[at] = byte;
        if let Ok((number, question)) = Question::read(&frame) {
            prop_assert_eq!(question.write(number), Some(frame));
        }
    }
}

#[tokio::test]
async fn a_frame_that_is_empty_too_long_or_cut_off_ends_the_reading() {
    let read = async |bytes: &[u8]| frame::read(&mut &bytes[..]).await;
    assert_eq!(read(b"").await.unwrap(), None, "an end between two frames is none of these");
    assert_eq!(read(&[0, 0, 0, 2, 8, 9]).await.unwrap(), Some(vec![8, 9]));
    for (bytes, kind) in [
        (vec![0, 0, 0, 0], io::ErrorKind::InvalidData),
        ((u32::try_from(LONGEST).unwrap() + 1).to_be_bytes().to_vec(), io::ErrorKind::InvalidData),
        (vec![255; 4], io::ErrorKind::InvalidData),
        (vec![0, 0], io::ErrorKind::UnexpectedEof),
        (vec![0, 0, 0, 9], io::ErrorKind::UnexpectedEof),
        (vec![0, 0, 0, 9, 1, 2, 3], io::ErrorKind::UnexpectedEof),
    ] {
        assert_eq!(read(&bytes).await.unwrap_err().kind(), kind, "{bytes:?}");
    }
}

fn memory() -> Movable {
    Movable::new(AnyStore::Memory(MemoryStore::new(Clock::system(), AuditKey::new([1; 32])).unwrap()))
}

#[tokio::test]
async fn who_asks_nonsense_is_not_answered_any_more() {
    for nonsense in [&[0, 0, 0, 3, 1, 2, 3][..], &[255; 64]] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let serving = tokio::spawn(serve(theirs, memory()));
        let _ = ours.write_all(nonsense).await;
        assert_eq!(serving.await.unwrap().unwrap_err().kind(), io::ErrorKind::InvalidData);
        // The connection has ended: without an answer, beyond where the notices are.
        let mut said = Vec::new();
        let _ = ours.read_to_end(&mut said).await;
        if let Some(frame) = frame::read(&mut &said[..]).await.unwrap() {
            assert!(matches!(Reply::read(&frame), Ok((0, Reply::Latest(_)))));
        }
    }
}

#[tokio::test]
async fn who_answers_nonsense_is_not_asked_any_more() {
    for nonsense in [&[0, 0, 0, 3, 1, 2, 3][..], &[255; 64], &[0, 0, 0, 200, 1]] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let store = ForwardedStore::over(ours);
        let _ = theirs.write_all(nonsense).await;
        drop(theirs);
        store.ended().wait_for(|ended| *ended).await.unwrap();
        assert!(matches!(store.get(T, b"a").await, Err(StoreError::Unavailable(_))));
    }
}

#[tokio::test]
async fn a_change_that_was_under_way_when_the_other_side_died_may_have_happened_and_a_look_has_not() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let store = Arc::new(ForwardedStore::over(ours));
    let (of_change, of_look) = (Arc::clone(&store), Arc::clone(&store));
    let change = tokio::spawn(async move { of_change.apply(put(b"a")).await });
    let look = tokio::spawn(async move { of_look.get(T, b"a").await });
    for _ in 0..2 {
        frame::read(&mut theirs).await.unwrap().expect("a question");
    }
    drop(theirs);
    assert!(matches!(change.await.unwrap(), Err(StoreError::Unknown(_))));
    assert!(matches!(look.await.unwrap(), Err(StoreError::Unavailable(_))));
    assert!(matches!(store.apply(put(b"a")).await, Err(StoreError::Unavailable(_))), "it was not even sent");
    assert!(matches!(store.feed(Cursor::START).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_is_an_error_and_who_stops_waiting_leaves_nothing_behind() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let store = Arc::new(ForwardedStore::over(ours));
    let of_look = Arc::clone(&store);
    let look = tokio::spawn(async move { of_look.get(T, b"a").await });
    let frame = frame::read(&mut theirs).await.unwrap().expect("a question");
    let (number, _) = Question::read(&frame).unwrap();
    frame::write(&mut theirs, &Reply::Swept(1).write(number).unwrap()).await.unwrap();
    assert!(matches!(look.await.unwrap(), Err(StoreError::Unknown(_))));

    let of_look = Arc::clone(&store);
    let look = tokio::spawn(async move { of_look.get(T, b"a").await });
    frame::read(&mut theirs).await.unwrap().expect("a question");
    look.abort();
    assert!(look.await.unwrap_err().is_cancelled());
    assert_eq!(store.shared.waiting.lock().unwrap().as_ref().unwrap().len(), 0);
}

#[tokio::test]
async fn a_change_and_its_notice_arrive_in_this_order_notice_first() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    tokio::spawn(serve(theirs, memory()));
    let store = ForwardedStore::over(ours);
    for number in 1..=50 {
        let batch = Batch { notices: vec![Notice::All], ..Batch::default() };
        assert!(matches!(store.apply(batch).await, Ok(Applied::Done { .. })));
        assert_eq!(store.bell().latest().number, number, "before the answer");
    }
}

fn redb(folder: &TempDir) -> AnyStore {
    let file = folder.path().join("store.redb");
    AnyStore::Redb(RedbStore::open(&file, Clock::system(), AuditKey::new([1; 32])).unwrap())
}

#[tokio::test]
async fn while_nobody_holds_the_store_verbs_wait_and_then_find_it_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = Movable::new(redb(&folder));
    assert!(store.apply(put(b"before")).await.is_ok());
    let cursor = store.feed(Cursor::START).await.unwrap().cursor;
    let waits_for_change = tokio::spawn({
        let store = store.clone();
        async move { store.changed_after(cursor).await }
    });
    let between = store.leave().await;
    // The lock is released: another process could open it now. This one stands for it.
    let theirs = Movable::new(redb(&folder));
    let waiting: Vec<_> = (0..20_u8)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.apply(put(&[number])).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(waiting.iter().all(|verb| !verb.is_finished()));

    let (our_side, their_side) = UnixStream::pair().unwrap();
    tokio::spawn(serve(their_side, theirs.clone()));
    between.settle(AnyStore::Forwarded(ForwardedStore::over(our_side)));
    for verb in waiting {
        assert!(matches!(verb.await.unwrap(), Ok(Applied::Done { .. })));
    }
    assert_eq!(theirs.scan(T, b"", &[255; 9], 100).await.unwrap().len(), 21);
    assert!(store.get(T, b"before").await.unwrap().is_some());
    waits_for_change.await.unwrap();
    assert!(store.feed(cursor).await.unwrap().gap, "what was published meanwhile is not known");

    // The other one hands it over in its turn, and gets it back: who asks through it notices nothing but a gap.
    let cursor = store.feed(Cursor::START).await.unwrap().cursor;
    let between = theirs.leave().await;
    let asked = tokio::spawn({
        let store = store.clone();
        async move { store.get(T, b"before").await }
    });
    tokio::task::yield_now().await;
    between.settle(redb(&folder));
    assert!(asked.await.unwrap().unwrap().is_some());
    store.changed_after(cursor).await;
    let feed = store.feed(cursor).await.unwrap();
    assert!(feed.gap);
    let quiet = tokio::time::timeout(Duration::from_millis(20), store.changed_after(feed.cursor)).await;
    assert!(quiet.is_err(), "once it was read, the gap is over");
}

#[tokio::test]
async fn a_store_that_nobody_opened_again_answers_nobody() {
    let store = memory();
    drop(store.leave().await);
    assert!(matches!(store.get(T, b"a").await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.apply(put(b"a")).await, Err(StoreError::Unavailable(_))));
}
