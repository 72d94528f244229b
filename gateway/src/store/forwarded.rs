//! The store lies with the process that took over: how is it asked?
//!
//! After a hand-over the old process still serves the connections it has, and everything it asks of the store goes over
//! one Unix socket to its successor ([`ForwardedStore`]), which answers from the store it holds ([`serve`]). Questions are
//! numbered and may overtake each other. The successor tells by itself when something was published, before it answers
//! the change that published it.
//!
//! Fails closed: once the connection has ended nothing is answered any more; a change that was under way is
//! [`StoreError::Unknown`]. Bounded: questions under way, the length of a frame, and the time an answer may take.

pub(crate) mod frame;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::Timestamp;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::feed::Bell;
use super::movable::Movable;
use super::{Applied, Batch, Cursor, Feed, Row, Store, StoreError, Table};
use frame::{Question, Reply};

/// A store that another process holds.
#[derive(Debug)]
pub struct ForwardedStore {
    shared: Arc<Shared>,
    out: mpsc::Sender<Vec<u8>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    /// Who waits for which answer; `None` once the connection has ended.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Reply>>>>,
    next: AtomicU64,
    bell: Bell,
    ended: watch::Sender<bool>,
}

impl ForwardedStore {
    /// Asks over this connection from now on. To be called on a runtime.
    pub fn over(stream: UnixStream) -> Self {
        let (reading, writing) = stream.into_split();
        let (out, frames) = mpsc::channel(UNDER_WAY);
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Some(HashMap::new())),
            next: AtomicU64::new(1),
            bell: Bell::new(Cursor::START),
            ended: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(send(writing, frames));
        tasks.spawn(receive(reading, Arc::clone(&shared)));
        Self { shared, out, _tasks: tasks }
    }

    /// Rings when something is published over there.
    pub(super) fn bell(&self) -> Bell {
        self.shared.bell.clone()
    }

    /// Becomes true when the other process is gone, and stays so.
    pub(super) fn ended(&self) -> watch::Receiver<bool> {
        self.shared.ended.subscribe()
    }

    /// Errors beside those of the other side: it is gone, too much is under way, or the answer takes too long. `lost` is
    /// what it means that an answer does not come.
    async fn ask(&self, question: Question, lost: fn(String) -> StoreError) -> Result<Reply, StoreError> {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let too_long = || StoreError::Unavailable("the question is too long to be forwarded".to_owned());
        let frame = question.write(number).ok_or_else(too_long)?;
        let (reply, answer) = oneshot::channel();
        {
            let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting = waiting.as_mut().ok_or_else(gone)?;
            if waiting.len() >= UNDER_WAY {
                return Err(StoreError::Unavailable(format!("{UNDER_WAY} questions are under way already")));
            }
            waiting.insert(number, reply);
        }
        // Also if the asker stops waiting: then nobody is there to be answered.
        let _place = Place { shared: &self.shared, number };
        self.out.try_send(frame).map_err(|_| gone())?;
        match tokio::time::timeout(ANSWERED_WITHIN, answer).await {
            Ok(Ok(Reply::Failed(error))) => Err(error),
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_ended)) => Err(lost("the process that took over is gone".to_owned())),
            Err(_late) => Err(lost("the process that took over does not answer".to_owned())),
        }
    }
}

impl Store for ForwardedStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        match self.ask(Question::Get(table, key.to_vec()), StoreError::Unavailable).await? {
            Reply::Row(row) => Ok(row),
            other => Err(unexpected(&other)),
        }
    }

    async fn scan(&self, table: Table, from: &[u8], to: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        let question = Question::Scan { table, from: from.to_vec(), to: to.to_vec(), max: max as u64 };
        match self.ask(question, StoreError::Unavailable).await? {
            Reply::Rows(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }

    async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        match self.ask(Question::Apply(batch), StoreError::Unknown).await? {
            Reply::Applied(applied) => Ok(applied),
            other => Err(unexpected(&other)),
        }
    }

    async fn feed(&self, after: Cursor) -> Result<Feed, StoreError> {
        match self.ask(Question::Feed(after), StoreError::Unavailable).await? {
            Reply::Feed(feed) => {
                self.shared.bell.ring(feed.cursor);
                Ok(feed)
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn sweep(&self, table: Table, before: Timestamp, max: usize) -> Result<usize, StoreError> {
        match self.ask(Question::Sweep { table, before, max: max as u64 }, StoreError::Unavailable).await? {
            Reply::Swept(rows) => Ok(usize::try_from(rows).unwrap_or(usize::MAX)),
            other => Err(unexpected(&other)),
        }
    }
}

/// A place among those who wait, given up on drop.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            waiting.remove(&self.number);
        }
    }
}

impl Shared {
    fn end(&self) {
        // Dropping their senders wakes everybody who waits.
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.ended.send_replace(true);
    }
}

async fn send(mut writing: OwnedWriteHalf, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if frame::write(&mut writing, &frame).await.is_err() {
            // The reading side learns it as well and tells everybody.
            return;
        }
    }
}

async fn receive(mut reading: OwnedReadHalf, shared: Arc<Shared>) {
    loop {
        let said = frame::read(&mut reading).await;
        match said.and_then(|frame| frame.map(|frame| Reply::read(&frame)).transpose()) {
            Ok(Some((_, Reply::Latest(cursor)))) => shared.bell.ring(cursor),
            Ok(Some((number, reply))) => {
                let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(asker) = waiting.as_mut().and_then(|waiting| waiting.remove(&number)) {
                    // Who has stopped waiting needs no answer.
                    let _ = asker.send(reply);
                }
            }
            Ok(None) => break,
            Err(error) => {
                tracing::error!(%error, "the process that took over can't be understood: {error}");
                break;
            }
        }
    }
    shared.end();
}

/// Answers the one process at the other end until it is gone. Errors: it can't be understood, or the connection's own.
pub(super) async fn serve(stream: UnixStream, store: Movable) -> io::Result<()> {
    let (mut reading, mut writing) = stream.into_split();
    let (out, mut frames) = mpsc::channel::<Vec<u8>>(AT_A_TIME);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(frame) = frames.recv().await {
            if frame::write(&mut writing, &frame).await.is_err() {
                return;
            }
        }
    });
    tasks.spawn(tell(store.clone(), out.clone()));
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    while let Some(frame) = frame::read(&mut reading).await? {
        let (number, question) = Question::read(&frame)?;
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (store, out) = (store.clone(), out.clone());
        tasks.spawn(async move {
            for frame in answer(&store, number, question).await {
                // Nobody listens any more: then nobody has to be told.
                let _ = out.send(frame).await;
            }
            drop(place);
        });
        while tasks.try_join_next().is_some() {}
    }
    Ok(())
}

/// Says where the stream of notices is: at once, whenever something was published, and when another stream begins.
async fn tell(store: Movable, out: mpsc::Sender<Vec<u8>>) {
    loop {
        let told = store.latest();
        let Some(frame) = Reply::Latest(told).write(0) else { return };
        if out.send(frame).await.is_err() {
            return;
        }
        store.changed_after(told).await;
    }
}

async fn answer(store: &Movable, number: u64, question: Question) -> Vec<Vec<u8>> {
    let many = |max: u64| usize::try_from(max).unwrap_or(usize::MAX);
    let mut frames = Vec::new();
    let reply = match question {
        Question::Get(table, key) => store.get(table, &key).await.map(Reply::Row),
        Question::Scan { table, from, to, max } => store.scan(table, &from, &to, many(max)).await.map(Reply::Rows),
        Question::Apply(batch) => {
            let publishes = !batch.notices.is_empty();
            let applied = store.apply(batch).await.map(Reply::Applied);
            if publishes {
                // Before the answer: who made the change and looks at the feed afterwards finds it there.
                frames.extend(Reply::Latest(store.latest()).write(0));
            }
            applied
        }
        Question::Feed(after) => store.feed(after).await.map(Reply::Feed),
        Question::Sweep { table, before, max } => {
            store.sweep(table, before, many(max)).await.map(|rows| Reply::Swept(rows as u64))
        }
    };
    let reply = reply.unwrap_or_else(Reply::Failed);
    let too_long = || Reply::Failed(StoreError::Unavailable("the answer is too long to be forwarded".to_owned()));
    frames.extend(reply.write(number).or_else(|| too_long().write(number)));
    frames
}

fn gone() -> StoreError {
    StoreError::Unavailable("the process that took over is gone".to_owned())
}

fn unexpected(reply: &Reply) -> StoreError {
    let kind = match reply {
        Reply::Row(_) => "a row",
        Reply::Rows(_) => "rows",
        Reply::Applied(_) => "an outcome",
        Reply::Feed(_) => "a feed",
        Reply::Swept(_) => "a count",
        Reply::Failed(_) => "a failure",
        Reply::Latest(_) => "a number",
    };
    StoreError::Unknown(format!("the process that took over answered with {kind}, which was not asked for"))
}

/// Questions of one process under way.
const UNDER_WAY: usize = 4_096;
/// Questions answered at a time.
const AT_A_TIME: usize = 256;
/// Longer than a hand-over of the other process lets its own verbs wait.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
