//! How does a gateway end without ending anybody's request?
//!
//! It takes nobody new, says on `/readyz` that it is stopping, and lets what is under way end: requests get their answers,
//! WebSockets and streams go on, HTTP/2 connections are told to open no more streams (GOAWAY), HTTP/1 connections that the
//! next answer is the last one (`Connection: close`). What is still open when the limit is reached is cut.
//!
//! An HTTP/1 connection that is idle can't be told anything. Closing it could cross a request that is on its way, so after
//! a hand-over it stays open until its next request was answered, or until the limit. When nobody has taken over, that
//! client would be turned away by its next connection anyhow, and idle ones are closed after [`IDLE`].
//!
//! If the process that took over dies meanwhile, the store is gone: nobody could be asked again whether they may stay, so
//! everybody is cut.

use std::time::Duration;

use super::Server;
use crate::audit::{Actor, Entry};

impl Server {
    /// Returns once another process has taken over; this one takes nobody new since then. Never, if none does.
    pub async fn handed_over(&self) {
        // The sender lives as long as the server.
        let _ = self.giver.successor().wait_for(Option::is_some).await;
    }

    /// From now on nobody new is taken, and each HTTP/1 connection hears with its next answer that it is the last.
    pub fn take_nobody_new(&self) {
        self.giver.stop();
    }

    /// Takes nobody new and lets what is under way end, for at most `limit`. Then [`Server::end`]. Dropped before, it can
    /// be called again.
    pub async fn drain(&mut self, limit: Duration) {
        self.take_nobody_new();
        let successor = self.giver.successor().borrow().clone();
        let (close_idle, is_alone) = (&self.idle, successor.is_none());
        let idle = async {
            if is_alone {
                tokio::time::sleep(IDLE.min(limit)).await;
                close_idle.send_replace(true);
            }
            std::future::pending::<()>().await;
        };
        let deserted = async {
            match successor {
                Some(mut successor) => {
                    // Its sender gone means the same.
                    let _ = successor.gone.wait_for(|gone| *gone).await;
                    successor.process
                }
                None => std::future::pending().await,
            }
        };
        let (workers, predecessor) = (&mut self.workers, &mut self.predecessor);
        let ended = async {
            workers.ended().await;
            // It asks the store through us as long as it has connections.
            while predecessor.join_next().await.is_some() {}
        };
        tokio::select! {
            () = ended => tracing::info!("everything that was open has ended"),
            () = tokio::time::sleep(limit) => tracing::info!("some connections are still open and are cut"),
            process = deserted => tracing::error!("process {process}, which took over, is gone; what is open is cut"),
            () = idle => {}
        }
    }

    /// Cuts what is still open, notes the end, and closes the store.
    pub async fn end(mut self) {
        self.giver.stop();
        self.workers.shutdown().await;
        self.predecessor.shutdown().await;
        self.gate.tell_uses().await;
        let entry = Entry::new(Actor::Gateway, "gateway.stop");
        if let Err(error) = self.gate.vault().note(entry).await {
            tracing::warn!(%error, "the stop could not be noted in the audit");
        }
        self.tasks.shutdown().await;
    }

    /// [`Server::drain`], then [`Server::end`].
    pub async fn stop(mut self, limit: Duration) {
        self.drain(limit).await;
        self.end().await;
    }
}

/// How long a connection without a request may stay when nobody has taken over: balancers look at `/readyz` meanwhile.
const IDLE: Duration = Duration::from_secs(2);
