//! Whose turn is it when five hundred come at the same moment? That of those who are here already.
//!
//! A connection's first bytes cost the most, with TLS many times what a request costs, and whoever sends them has not
//! shown anything. A worker therefore begins with two of them, then looks after everybody else who is ready, then with the
//! next two.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// The turns of one worker.
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    /// Waits until something comes, and then for a turn: first come, first served. Whoever only connects has none. Errors:
    /// nothing will come any more.
    pub(super) async fn next(&self, comes: impl Future<Output = io::Result<()>>) -> io::Result<()> {
        comes.await?;
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
        // It is given back once the runtime has looked for what has become ready meanwhile, whatever comes of this one.
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            drop(turn);
        });
        Ok(())
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(IN_A_ROW)))
    }
}

/// So many begin before everybody else has had a turn.
const IN_A_ROW: usize = 2;

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::proxy::Connection;

    /// More than begin in a row.
    const SILENT: usize = IN_A_ROW + 1;

    #[tokio::test]
    async fn between_two_who_come_and_the_next_two_those_who_are_here_have_a_turn() {
        let door = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (turns, order) = (Arc::new(Turns::default()), Arc::new(Mutex::new(String::new())));
        let note = |order: &Mutex<String>, who| order.lock().unwrap_or_else(PoisonError::into_inner).push(who);
        let read = || order.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut clients, mut coming) = (Vec::new(), tokio::task::JoinSet::new());
        for _ in 0..SILENT + 20 {
            clients.push(TcpStream::connect(door.local_addr().expect("bound")).await.expect("it listens"));
            let (socket, peer) = door.accept().await.expect("somebody has come");
            let connection = Connection::new(socket, peer, Arc::default()).expect("an empty answer header");
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            coming.spawn(async move {
                turns.next(connection.readable()).await.expect("it is open");
                note(&order, 'n');
            });
        }
        let seen = Arc::clone(&order);
        let here = tokio::spawn(async move {
            loop {
                note(&seen, 'h');
                tokio::task::yield_now().await;
            }
        });
        // They have connected, and nothing more: nobody had a turn.
        while read().len() < 100 {
            tokio::task::yield_now().await;
        }
        assert!(!read().contains('n'), "{}", read());
        // All of them at once, but for the first, who hold no turn that others wait for.
        for client in clients.iter_mut().skip(SILENT) {
            client.write_all(b"GET").await.expect("it is open");
        }
        let others = async {
            for _ in 0..20 {
                coming.join_next().await.expect("one of them").expect("it had its turn");
            }
        };
        tokio::time::timeout(Duration::from_secs(10), others).await.expect("each has a turn");
        here.abort();
        let order = read();
        assert_eq!(order.matches('n').count(), 20, "{order}");
        assert!(!order.contains("nnn"), "{order}");
    }
}
