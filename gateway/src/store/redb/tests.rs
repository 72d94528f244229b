//! What only a file can suffer: being closed, opened twice, changed by others, and a disk that says no.

mod power;

use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use tempfile::TempDir;

use super::*;
use crate::store::chain::Walker;
use crate::store::{Guard, Notice, Write};

fn key() -> AuditKey {
    AuditKey::new([1; 32])
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_000_000))
}

fn open(folder: &TempDir) -> Result<RedbStore, StoreError> {
    RedbStore::open(&file(folder), clock(), key())
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("store.redb")
}

fn put(key: &[u8], value: &[u8]) -> Write {
    Write::Put { table: Table::Person, key: key.to_vec(), expires: None, value: value.to_vec() }
}

fn entry() -> Vec<Vec<u8>> {
    vec![br#"{"actor":"gateway","act":"test"}"#.to_vec()]
}

fn change(name: &[u8], value: &[u8]) -> Batch {
    Batch { writes: vec![put(name, value)], audit: entry(), notices: vec![Notice::All], ..Batch::default() }
}

async fn value(store: &RedbStore, name: &[u8]) -> Option<Vec<u8>> {
    store.get(Table::Person, name).await.unwrap().map(|row| row.value)
}

/// How many rows of the chain fit, and whether all do.
async fn verify(store: &RedbStore) -> Result<u64, (u64, String)> {
    let mut walker = Walker::new(key());
    for row in store.scan(Table::Audit, &[], &[255; 9], 10_000).await.unwrap() {
        walker.step(&row)?;
    }
    let head = store.get(Table::Meta, chain::HEAD).await.unwrap();
    match walker.finish(head.as_ref().map(|row| row.value.as_slice())) {
        Ok(true) => Ok(walker.rows()),
        Ok(false) => Err((walker.rows() + 1, "missing".to_owned())),
        Err(fault) => Err(fault),
    }
}

/// Changes the closed file behind the store's back.
fn tamper(folder: &TempDir, how: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(file(folder)).unwrap();
    let transaction = database.begin_write().unwrap();
    how(&transaction);
    transaction.commit().unwrap();
}

#[tokio::test]
async fn rows_versions_and_the_chain_survive_closing() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3_u64 {
        let store = open(&folder).unwrap();
        assert_eq!(verify(&store).await, Ok(round - 1));
        let _ = store.apply(change(b"a", b"1")).await.unwrap();
        assert_eq!(store.get(Table::Person, b"a").await.unwrap().unwrap().version, round);
    }
}

#[tokio::test]
async fn a_second_opener_is_told_that_the_store_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    assert_eq!(open(&folder).map(drop), Err(StoreError::InUse));
    drop(store);
    assert_eq!(open(&folder).map(drop), Ok(()));
}

#[test]
fn a_file_that_is_something_else_is_called_so_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(file(&folder), b"the works of Shakespeare").unwrap();
    assert!(matches!(open(&folder).map(drop), Err(StoreError::Corrupt(_))));
    assert_eq!(std::fs::read(file(&folder)).unwrap(), b"the works of Shakespeare");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = RedbStore::open(&folder.path().join("no/store"), clock(), key()).map(drop).unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("no/store")), "{error}");
}

#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    open(&folder).map(drop).unwrap();
    assert_eq!(file(&folder).metadata().unwrap().permissions().mode() & 0o077, 0);
}

#[tokio::test]
async fn a_changed_audit_row_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    for _ in 0..5 {
        let _ = store.apply(change(b"a", b"1")).await.unwrap();
    }
    drop(store);
    tamper(&folder, |transaction| {
        let mut rows = transaction.open_table(definition(Table::Audit)).unwrap();
        let mut row = rows.get(3_u64.to_be_bytes().as_slice()).unwrap().unwrap().value().to_vec();
        *row.last_mut().unwrap() ^= 1;
        rows.insert(3_u64.to_be_bytes().as_slice(), row.as_slice()).unwrap();
    });
    let store = open(&folder).unwrap();
    assert_eq!(verify(&store).await.unwrap_err().0, 3);
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_found_for_good() {
    for with_head in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        for _ in 0..5 {
            let _ = store.apply(change(b"a", b"1")).await.unwrap();
        }
        drop(store);
        tamper(&folder, |transaction| {
            let mut rows = transaction.open_table(definition(Table::Audit)).unwrap();
            for number in [4_u64, 5] {
                rows.remove(number.to_be_bytes().as_slice()).unwrap();
            }
            if with_head {
                transaction.open_table(definition(Table::Meta)).unwrap().remove(chain::HEAD).unwrap();
            }
        });
        let store = open(&folder).unwrap();
        assert_eq!(verify(&store).await.unwrap_err().0, 4, "with its head: {with_head}");
        let _ = store.apply(change(b"a", b"1")).await.unwrap();
        assert_eq!(verify(&store).await.unwrap_err().0, 4, "what follows is no excuse");
    }
}

#[tokio::test]
async fn a_chain_that_was_removed_altogether_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let _ = store.apply(change(b"a", b"1")).await.unwrap();
    drop(store);
    tamper(&folder, |transaction| {
        transaction.open_table(definition(Table::Audit)).unwrap().pop_last().unwrap();
        transaction.open_table(definition(Table::Meta)).unwrap().remove(chain::HEAD).unwrap();
    });
    let store = open(&folder).unwrap();
    assert_eq!(verify(&store).await.unwrap_err().0, 1);
    let _ = store.apply(change(b"a", b"1")).await.unwrap();
    assert_eq!(verify(&store).await.unwrap_err().0, 1);
}

#[tokio::test]
async fn a_store_of_an_older_program_gets_the_tables_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let _ = store.apply(change(b"a", b"1")).await.unwrap();
    drop(store);
    tamper(&folder, |transaction| {
        assert!(transaction.delete_table(definition(Table::Outbox)).unwrap());
    });
    let store = open(&folder).unwrap();
    assert_eq!(store.get(Table::Outbox, b"x").await, Ok(None));
    assert_eq!(store.get(Table::Person, b"a").await.unwrap().unwrap().value, b"1");
}

#[tokio::test]
async fn a_row_cut_short_is_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder).map(drop).unwrap();
    tamper(&folder, |transaction| {
        transaction.open_table(definition(Table::Person)).unwrap().insert(&b"a"[..], &b"short"[..]).unwrap();
    });
    let store = open(&folder).unwrap();
    assert!(matches!(store.get(Table::Person, b"a").await, Err(StoreError::Corrupt(_))));
    let touched = Batch { writes: vec![put(b"a", b"1")], ..Batch::default() };
    assert!(matches!(store.apply(touched).await, Err(StoreError::Corrupt(_))));
    let _ = store.apply(change(b"b", b"1")).await.unwrap();
}

#[tokio::test]
async fn a_refused_batch_leaves_its_neighbours_in_the_group_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let taken = || Batch { guards: vec![Guard::Absent(Table::Person, b"once".to_vec())], ..change(b"once", b"1") };
    let (one, other, bystander, too_large) = tokio::join!(
        store.apply(taken()),
        store.apply(taken()),
        store.apply(change(b"b", b"1")),
        store.apply(Batch { writes: vec![put(b"x", b""); Batch::LIMIT + 1], ..Batch::default() }),
    );
    assert_eq!(one, Ok(Applied::Done { sums: vec![] }));
    assert_eq!(other, Ok(Applied::Refused { guard: 0 }));
    assert_eq!(bystander, Ok(Applied::Done { sums: vec![] }));
    assert!(too_large.is_err());
    assert_eq!(verify(&store).await, Ok(2));
}

#[tokio::test]
async fn what_waits_together_is_committed_together() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = flaky(&file(&folder), &disk);
    let alone = count_syncs(&disk, store.apply(change(b"a", b"1"))).await;
    let batches = (0..200_u8).map(|n| store.apply(change(&[n], b"1")));
    let together = count_syncs(&disk, all(batches)).await;
    assert!(together <= 4 * alone, "200 changes took {together} syncs, one takes {alone}");
    assert_eq!(verify(&store).await, Ok(201));
}

#[tokio::test]
async fn a_full_queue_says_unavailable_and_what_was_taken_is_still_done() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = flaky(&file(&folder), &disk);
    disk.is_stuck.store(true, Ordering::SeqCst);
    // However the writer takes the first ones, one group and a full queue are all that fits.
    let batches = (0..u32::try_from(QUEUE).unwrap() + 2_000)
        .map(|n| store.apply(Batch { writes: vec![put(&n.to_be_bytes(), b"")], ..Batch::default() }));
    let (answers, ()) = tokio::join!(all(batches), async { disk.is_stuck.store(false, Ordering::SeqCst) });
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    let full = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Unavailable(_)))).count();
    assert!(full > 0, "the queue is bounded");
    assert_eq!(done + full, answers.len());
    assert_eq!(store.scan(Table::Person, &[], &[255; 5], usize::MAX).await.unwrap().len(), done);
}

#[tokio::test]
async fn a_disk_that_fails_is_told_to_everybody_and_when_it_works_again_so_does_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = flaky(&file(&folder), &disk);
    let _ = store.apply(change(b"a", b"1")).await.unwrap();
    let cursor = store.bell().latest();

    disk.fails.store(true, Ordering::SeqCst);
    let (one, other) = tokio::join!(store.apply(change(b"a", b"2")), store.apply(change(b"b", b"2")));
    for answer in [one, other, store.apply(change(b"c", b"2")).await] {
        assert!(matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Unknown(_))), "{answer:?}");
    }
    disk.fails.store(false, Ordering::SeqCst);

    let _ = store.apply(change(b"d", b"3")).await.unwrap();
    assert_eq!(value(&store, b"d").await, Some(b"3".to_vec()));
    // Unknown means: all of a change or nothing of it.
    let stored = store.scan(Table::Person, &[], &[255; 2], 10).await.unwrap();
    let writes: u64 = stored.iter().map(|row| row.version).sum();
    assert_eq!(verify(&store).await, Ok(writes));
    assert!(store.feed(cursor).await.unwrap().notices.contains(&Notice::All));
}

#[tokio::test]
async fn a_full_disk_stops_writing_but_not_reading_and_space_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = flaky(&file(&folder), &disk);
    let _ = store.apply(change(b"a", b"1")).await.unwrap();

    disk.is_full.store(true, Ordering::SeqCst);
    let large = vec![7; 16 << 20];
    assert!(store.apply(change(b"large", &large)).await.is_err());
    assert_eq!(value(&store, b"a").await, Some(b"1".to_vec()));
    assert_eq!(value(&store, b"large").await, None);

    disk.is_full.store(false, Ordering::SeqCst);
    let _ = store.apply(change(b"large", &large)).await.unwrap();
    assert_eq!(value(&store, b"large").await, Some(large));
    assert_eq!(verify(&store).await, Ok(2));
}

#[tokio::test]
async fn a_read_that_fails_has_the_file_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = flaky(&file(&folder), &disk);
    let _ = store.apply(change(b"a", b"1")).await.unwrap();
    disk.fails.store(true, Ordering::SeqCst);
    assert!(store.apply(change(b"a", b"2")).await.is_err());
    assert!(store.get(Table::Person, b"a").await.is_err());
    disk.fails.store(false, Ordering::SeqCst);
    for _ in 0..200 {
        if store.get(Table::Person, b"a").await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody opened it again");
}

// ---- a disk that fails when it is told to

#[derive(Default)]
struct Disk {
    /// Every write fails.
    fails: AtomicBool,
    /// The file can't grow.
    is_full: AtomicBool,
    /// Nothing is written until it moves again.
    is_stuck: AtomicBool,
    syncs: AtomicU64,
}

fn flaky(file: &Path, disk: &Arc<Disk>) -> RedbStore {
    let (file, disk) = (file.to_owned(), Arc::clone(disk));
    let open = move || {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&file)?;
        let backend = FlakyFile { file: FileBackend::new(opened)?, disk: Arc::clone(&disk) };
        Database::builder().create_with_backend(backend)
    };
    RedbStore::open_with(Box::new(open), clock(), key()).unwrap()
}

async fn count_syncs<T>(disk: &Disk, work: impl Future<Output = T>) -> u64 {
    let before = disk.syncs.load(Ordering::SeqCst);
    work.await;
    disk.syncs.load(Ordering::SeqCst) - before
}

/// Polls them all in one task, so that they wait for the writer together.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}

struct FlakyFile {
    file: FileBackend,
    disk: Arc<Disk>,
}

impl Debug for FlakyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FlakyFile")
    }
}

impl FlakyFile {
    fn check(&self) -> io::Result<()> {
        if self.disk.fails.load(Ordering::SeqCst) { Err(io::Error::other("the disk is broken")) } else { Ok(()) }
    }
}

impl StorageBackend for FlakyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        if self.disk.is_full.load(Ordering::SeqCst) && len > self.file.len()? {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        while self.disk.is_stuck.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.disk.syncs.fetch_add(1, Ordering::SeqCst);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
