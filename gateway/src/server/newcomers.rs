//! Whose turn is it when five hundred come at the same moment? That of those who are here already.
//!
//! Whoever has connected and said nothing yet costs a socket and a few hundred bytes. A connection's first bytes cost the
//! most, in time and in memory never touched before, with TLS many times what a request costs, and whoever sends them has
//! not shown anything. A worker therefore begins with one of them, then looks after everybody else who is ready, then
//! begins with the next.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::arrivals::Arrival;
use crate::proxy::{Facts, WatchPlace};

/// A connection whose first byte has not been taken yet.
pub(super) struct Newcomer {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) facts: Arc<Facts>,
    pub(super) stay: Stay,
}

/// What a connection holds for as long as it is open, given back on drop.
pub(super) struct Stay {
    /// Under the eyes of the watch over slow clients.
    pub(super) _watched: WatchPlace,
    /// Counted for its address; `None`: everybody's, a proxy's.
    pub(super) _arrival: Option<Arrival>,
    /// Counted for all of us.
    pub(super) _place: OwnedSemaphorePermit,
}

/// Begins with each that arrives once it says something, first come, first served. Returns when nobody arrives any more
/// and nobody is waited for.
pub(super) async fn in_turn(mut arriving: mpsc::Receiver<Newcomer>, mut begin: impl FnMut(Newcomer)) {
    let mut silent = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(newcomer) = arriving.recv() => silent.push(Silent(Some(newcomer))),
            Some(spoke) = silent.next(), if !silent.is_empty() => {
                if let Some(newcomer) = spoke {
                    begin(newcomer);
                    // The runtime looks first for what has become ready meanwhile.
                    tokio::task::yield_now().await;
                }
            }
            else => return,
        }
    }
}

/// Waits for a first byte and takes nothing. `None`: none will come, or it took too long.
struct Silent(Option<Newcomer>);

impl Future for Silent {
    type Output = Option<Newcomer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(newcomer) = &self.0 else { return Poll::Ready(None) };
        if newcomer.facts.cut.poll_fired(cx).is_ready() {
            return Poll::Ready(None);
        }
        // tokio's readiness is not enough: a socket just accepted counts as ready, whatever has come.
        let came = ready!(newcomer.socket.poll_peek(cx, &mut ReadBuf::new(&mut [0])));
        Poll::Ready(self.0.take().filter(|_| came.is_ok_and(|length| length > 0)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use access::Timestamp;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::clock::Clock;
    use crate::proxy::Watch;

    /// A worker's door, and who is begun with.
    struct Door {
        socket: TcpListener,
        arrived: mpsc::Sender<Newcomer>,
        places: Arc<Semaphore>,
        watch: Arc<Watch>,
    }

    const PLACES: usize = 100;

    impl Door {
        async fn open() -> (Self, mpsc::Receiver<Newcomer>) {
            let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let (arrived, arriving) = mpsc::channel(PLACES);
            let (places, watch) = (Arc::new(Semaphore::new(PLACES)), Arc::default());
            (Self { socket, arrived, places, watch }, arriving)
        }

        /// Somebody has come; their end, and what ends them.
        async fn comes(&self) -> (TcpStream, Arc<Facts>) {
            let client = TcpStream::connect(self.socket.local_addr().expect("bound")).await.expect("it listens");
            let (socket, peer) = self.socket.accept().await.expect("somebody has come");
            let facts = Arc::<Facts>::default();
            let clock = Clock::manual(Timestamp::default());
            let stay = Stay {
                _watched: self.watch.over(Arc::clone(&facts), clock.moment()),
                _arrival: None,
                _place: Arc::clone(&self.places).try_acquire_owned().expect("a free place"),
            };
            let newcomer = Newcomer { socket, peer, facts: Arc::clone(&facts), stay };
            assert!(self.arrived.send(newcomer).await.is_ok());
            (client, facts)
        }

        async fn settles_at(&self, free: usize) {
            let settled = async {
                while self.places.available_permits() != free {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), settled).await.expect("places are given back");
        }
    }

    #[tokio::test]
    async fn whoever_speaks_is_begun_with_and_what_they_said_is_left_to_be_read() {
        let (door, arriving) = Door::open().await;
        let (begun, mut begins) = mpsc::unbounded_channel();
        let turns = tokio::spawn(in_turn(arriving, move |newcomer| assert!(begun.send(newcomer).is_ok())));
        let (_silent, _facts) = door.comes().await;
        let (mut speaks, _facts) = door.comes().await;
        speaks.write_all(b"G").await.expect("it is open");
        let mut newcomer = begins.recv().await.expect("one has spoken");
        assert_eq!(newcomer.peer, speaks.local_addr().expect("bound"));
        assert_eq!(newcomer.socket.read_u8().await.expect("one byte has come"), b'G');
        assert!(begins.try_recv().is_err(), "the other one has only connected");
        assert_eq!(door.places.available_permits(), PLACES - 2);
        turns.abort();
    }

    #[tokio::test]
    async fn whoever_goes_away_or_is_ended_before_a_word_leaves_a_place_and_it_ends_when_nobody_can_come() {
        let (door, arriving) = Door::open().await;
        let turns = tokio::spawn(in_turn(arriving, |_| panic!("nobody has spoken")));
        let (leaves, _facts) = door.comes().await;
        let (_ended, facts) = door.comes().await;
        let (_stays, last) = door.comes().await;
        drop(leaves);
        door.settles_at(PLACES - 2).await;
        facts.cut.end();
        door.settles_at(PLACES - 1).await;
        let Door { arrived, places, .. } = door;
        drop(arrived);
        assert!(!turns.is_finished(), "one is still waited for");
        last.cut.end();
        turns.await.expect("nobody was begun with");
        assert_eq!(places.available_permits(), PLACES);
    }

    #[tokio::test]
    async fn between_one_who_comes_and_the_next_those_who_are_here_have_a_turn() {
        let (door, arriving) = Door::open().await;
        let order = Arc::<Mutex<String>>::default();
        let note = |order: &Mutex<String>, who| order.lock().unwrap_or_else(PoisonError::into_inner).push(who);
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(door.comes().await);
        }
        for (client, _facts) in &mut clients {
            client.write_all(b"GET").await.expect("it is open");
        }
        let seen = Arc::clone(&order);
        let here = tokio::spawn(async move {
            loop {
                note(&seen, 'h');
                tokio::task::yield_now().await;
            }
        });
        // What they say has arrived before anybody listens.
        drop(door);
        let seen = Arc::clone(&order);
        let turns = in_turn(arriving, move |_newcomer| note(&seen, 'n'));
        tokio::time::timeout(Duration::from_secs(10), turns).await.expect("each has a turn");
        here.abort();
        let order = order.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(order.matches('n').count(), 20, "{order}");
        assert!(!order.contains("nn"), "{order}");
    }
}
