//! How does a new process take over from a running one, so that nobody notices?
//!
//! The new process reads and checks everything that can be wrong, then asks over the running one's control socket. What
//! follows on that connection is a conversation of single letters (`Step`):
//!
//! ```text
//! new                                   old
//! gateway.hand-over           ─────▶
//!                             ◀─────    yes (or why not)
//! Sockets                     ─────▶
//!                             ◀─────    Sockets, and with it the listening sockets (SCM_RIGHTS)
//! binds what is missing
//! Release                     ─────▶    finishes what is queued, closes the store
//!                             ◀─────    Closed                              from here on its verbs wait
//! opens the store and the gate
//! Ready                       ─────▶
//!                             ◀─────    Handed                              from here on they are answered by the new one
//! moves the control socket, serves      takes nobody new, lets its connections end, exits
//! ```
//!
//! Until *Release* nothing has happened. Until *Ready* the old one takes the store back and goes on if the new one dies,
//! says nothing for `GAP`, or hangs up; then it says *`GaveUp`*, and the new one must not serve. A new one whose
//! predecessor dies on the way goes on alone: it has the sockets, and the lock of the file tells who holds the store. After
//! *Handed* the connection carries the old one's questions to the store ([`crate::store::vault::Vault::serve_predecessor`]).

mod give;
mod sockets;
mod take;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

pub(super) use give::{Giver, Successor};
pub(super) use sockets::Sockets;
pub use take::{TakeOverError, TakingOver};

/// What is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Step {
    Sockets = b'S',
    Release = b'R',
    Closed = b'C',
    Ready = b'Y',
    Handed = b'H',
    GaveUp = b'G',
}

impl Step {
    /// Errors: it is none of them.
    fn of(letter: u8) -> io::Result<Self> {
        let all = [Self::Sockets, Self::Release, Self::Closed, Self::Ready, Self::Handed, Self::GaveUp];
        let found = all.into_iter().find(|step| *step as u8 == letter);
        found.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, format!("no step of a hand-over: {letter:#04x}")))
    }
}

async fn say(stream: &mut UnixStream, step: Step) -> io::Result<()> {
    stream.write_all(&[step as u8]).await
}

/// Errors: [`ErrorKind::UnexpectedEof`] if the other one hung up, [`ErrorKind::TimedOut`] if it took too long.
async fn hear(stream: &mut UnixStream, within: Duration) -> io::Result<Step> {
    Step::of(tokio::time::timeout(within, stream.read_u8()).await??)
}

/// From one step to the next while nobody holds the store.
const GAP: Duration = Duration::from_secs(10);
/// From one step to the next while nothing has happened yet.
const PREPARING: Duration = Duration::from_secs(60);
