//! The new process: how does it get what the running one has?

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;

use super::{GAP, PREPARING, Step, hear, say, sockets};
use crate::admin::wire::{self, ConnectError};
use crate::admin::{AdminError, Command};
use crate::store::vault::Vault;

/// A hand-over, seen by the one who takes. Dropped on the way, the other one goes on as if nothing had happened.
#[derive(Debug)]
pub struct TakingOver {
    stream: UnixStream,
    sockets: Vec<TcpListener>,
    process: u64,
}

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// The running gateway can't be asked.
    #[error(transparent)]
    Connect(ConnectError),
    /// It says no.
    #[error("the running gateway says: {0}")]
    Refused(AdminError),
    /// It is another user's.
    #[error("the running gateway belongs to another user")]
    Stranger,
    /// It was lost on the way.
    #[error("the hand-over broke off: {0}")]
    BrokeOff(io::Error),
    /// It has taken its store back.
    #[error("the running gateway gave the hand-over up and goes on")]
    GaveUp,
}

impl TakingOver {
    /// Asks the gateway behind a control socket for its sockets. `None`: nobody listens there.
    pub async fn ask(control: &Path) -> Result<Option<Self>, TakeOverError> {
        let (schema, frames) = Vault::LAYOUT;
        let command = Command::HandOver { schema, frames, version: env!("CARGO_PKG_VERSION").to_owned() };
        let (answer, mut stream) = match wire::begin(control, command).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return Err(TakeOverError::Refused(error)),
            Err(ConnectError::NobodyListens(_)) => return Ok(None),
            Err(error) => return Err(TakeOverError::Connect(error)),
        };
        // It gets the store's questions answered afterwards, and we serve on its sockets.
        if !wire::is_trusted(&stream).map_err(TakeOverError::BrokeOff)? {
            return Err(TakeOverError::Stranger);
        }
        say(&mut stream, Step::Sockets).await.map_err(TakeOverError::BrokeOff)?;
        let received = tokio::time::timeout(GAP, sockets::receive(&stream)).await;
        let sockets = received.map_err(io::Error::from).flatten().map_err(TakeOverError::BrokeOff)?;
        Ok(Some(Self { stream, sockets, process: answer["process"].as_u64().unwrap_or_default() }))
    }

    /// The number of the process that is taken over from.
    pub const fn process(&self) -> u64 {
        self.process
    }

    /// The listening sockets. What is not kept is closed.
    pub fn sockets(&mut self) -> Vec<TcpListener> {
        std::mem::take(&mut self.sockets)
    }

    /// Has the store closed over there. If the other one is gone, so is its lock: whoever opens the store then sees.
    pub async fn release(&mut self) -> Result<(), TakeOverError> {
        self.exchange(Step::Release, Step::Closed, PREPARING).await.map(drop)
    }

    /// Everything is open here. What comes back is the connection over which the other one asks the store from now on;
    /// `None` if it is gone. Errors: this process must not serve.
    pub async fn ready(mut self) -> Result<Option<UnixStream>, TakeOverError> {
        let is_there = self.exchange(Step::Ready, Step::Handed, GAP).await?;
        Ok(is_there.then_some(self.stream))
    }

    /// Says one thing and hears another; false if the other one is gone.
    async fn exchange(&mut self, said: Step, expected: Step, within: Duration) -> Result<bool, TakeOverError> {
        // If it is gone, hearing tells.
        let _ = say(&mut self.stream, said).await;
        match hear(&mut self.stream, within).await {
            Ok(heard) if heard == expected => Ok(true),
            Ok(_) => Err(TakeOverError::GaveUp),
            Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
                tracing::warn!("process {} is gone in the middle of the hand-over", self.process);
                Ok(false)
            }
            Err(error) => Err(TakeOverError::BrokeOff(error)),
        }
    }
}
