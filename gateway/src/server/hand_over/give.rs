//! The running process: how does it give what it has, and go on if nobody takes it?

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::{GAP, PREPARING, Sockets, Step, hear, say};
use crate::admin::wire::Asked;
use crate::admin::{AdminError, Code, Command};
use crate::audit::{Actor, Entry};
use crate::gate::Gate;
use crate::store::vault::{HandingOver, Vault};

/// What there is to give, until it is given or closed.
pub(in crate::server) struct Giver {
    gate: Arc<Gate>,
    sockets: Mutex<Option<Sockets>>,
    /// True: nobody new is taken.
    stop: watch::Sender<bool>,
    successor: watch::Sender<Option<Successor>>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

/// Who has taken over.
#[derive(Clone, Debug)]
pub(in crate::server) struct Successor {
    /// Its number.
    pub(in crate::server) process: u32,
    /// Becomes true when it is gone, and the store with it.
    pub(in crate::server) gone: watch::Receiver<bool>,
}

impl Giver {
    pub(in crate::server) fn new(gate: Arc<Gate>, sockets: Sockets, stop: watch::Sender<bool>) -> Arc<Self> {
        Arc::new(Self {
            gate,
            sockets: Mutex::new(Some(sockets)),
            stop,
            successor: watch::Sender::new(None),
            one_at_a_time: tokio::sync::Mutex::new(()),
        })
    }

    /// Takes nobody new from now on, and gives nothing away any more.
    pub(in crate::server) fn stop(&self) {
        self.stop.send_replace(true);
        drop(self.sockets.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Who has taken over, if somebody has.
    pub(in crate::server) fn successor(&self) -> watch::Receiver<Option<Successor>> {
        self.successor.subscribe()
    }

    /// Talks a hand-over through with the process that asked. Errors: the connection's; then nothing has happened.
    pub(in crate::server) async fn give(&self, asked: Asked) -> io::Result<()> {
        let Ok(_only) = self.one_at_a_time.try_lock() else {
            return asked.answer(Err(no("another process is taking over already"))).await.map(drop);
        };
        if let Some(refusal) = self.refusal(&asked.command) {
            return asked.answer(Err(refusal)).await.map(drop);
        }
        let process = asked.process;
        let answer = json!({ "process": std::process::id(), "version": env!("CARGO_PKG_VERSION") });
        let mut stream = asked.answer(Ok(answer)).await?;
        if let Err(error) = self.prepare(&mut stream).await {
            tracing::info!(process, "process {process} does not take over after all: {error}");
            return Ok(());
        }
        let handing = if *self.stop.borrow() { None } else { self.gate.vault().hand_over().await.ok() };
        let Some(handing) = handing else { return say(&mut stream, Step::GaveUp).await };
        tracing::info!(process, "the store is closed, for process {process} to open");
        match accepted(&mut stream).await {
            Ok(()) => self.settle(handing, stream, process).await,
            Err(why) => {
                // It may be gone already.
                let _ = say(&mut stream, Step::GaveUp).await;
                drop(stream);
                self.take_back(handing, process, &why).await;
            }
        }
        Ok(())
    }

    /// Gives the sockets and waits for what the other one has to get ready; nothing has happened until then.
    async fn prepare(&self, stream: &mut UnixStream) -> io::Result<()> {
        expect(stream, Step::Sockets, PREPARING).await?;
        if let Some(sockets) = self.handles()? {
            sockets.send(stream).await?;
        }
        expect(stream, Step::Release, PREPARING).await
    }

    fn refusal(&self, command: &Command) -> Option<AdminError> {
        let Command::HandOver { schema, frames, version } = command else { return Some(no("that is no hand-over")) };
        if *self.stop.borrow() {
            return Some(no("this gateway is ending"));
        }
        if (*schema, *frames) != Vault::LAYOUT {
            let ours = env!("CARGO_PKG_VERSION");
            return Some(
                no(&format!("versions {ours} and {version} can't share a store, not even for a moment"))
                    .help("end the running one first"),
            );
        }
        None
    }

    fn handles(&self) -> io::Result<Option<Sockets>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Sockets::try_clone).transpose()
    }

    /// It serves. Nobody new is taken here, and the store is asked over there.
    async fn settle(&self, handing: HandingOver, stream: UnixStream, process: u32) {
        let gone = handing.settle_there(stream);
        self.stop();
        self.successor.send_replace(Some(Successor { process, gone }));
        tracing::info!(process, "process {process} has taken over");
        let entry = Entry::new(Actor::Gateway, "gateway.hand_over").on(format!("process {process}"));
        if let Err(error) = self.gate.vault().note(entry).await {
            tracing::warn!(%error, "the hand-over could not be noted in the audit");
        }
    }

    async fn take_back(&self, handing: HandingOver, process: u32, why: &io::Error) {
        tracing::warn!(process, "process {process} has not taken over: {why}");
        if let Err(error) = handing.take_back().await {
            tracing::error!(%error, "the store is not the one that was closed: {error}; nobody is let in");
            return;
        }
        tracing::info!("the store is open again; this gateway goes on");
        let entry = Entry::new(Actor::Gateway, "gateway.take_back").on(format!("process {process}"));
        if let Err(error) = self.gate.vault().note(entry.detail(why.to_string())).await {
            tracing::warn!(%error, "the broken hand-over could not be noted in the audit");
        }
    }
}

/// Errors: it will not serve, and that is certain, or it will be told that it must not.
async fn accepted(stream: &mut UnixStream) -> io::Result<()> {
    say(stream, Step::Closed).await?;
    expect(stream, Step::Ready, GAP).await?;
    say(stream, Step::Handed).await
}

async fn expect(stream: &mut UnixStream, expected: Step, within: Duration) -> io::Result<()> {
    match hear(stream, within).await? {
        heard if heard == expected => Ok(()),
        other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("it said {other:?} instead of {expected:?}"))),
    }
}

fn no(why: &str) -> AdminError {
    AdminError::new(Code::Unavailable, why)
}
