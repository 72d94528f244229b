//! Whose turn is it when five hundred come at the same moment? That of those who are here already.
//!
//! A connection's first bytes cost the most, with TLS many times what a request costs, and whoever sends them has not
//! shown anything. A worker therefore begins with two of them, then looks after everybody else who is ready, then with the
//! next two.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// The turns of one worker.
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    /// Waits for a turn: first come, first served.
    pub(super) async fn next(&self) {
        let Ok(turn) = Arc::clone(&self.0).acquire_owned().await else { return };
        // It is given back once the runtime has looked for what has become ready meanwhile, whatever comes of this one.
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            drop(turn);
        });
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

    use super::*;

    #[tokio::test]
    async fn between_two_who_come_and_the_next_two_those_who_are_here_have_a_turn() {
        let (turns, order) = (Arc::new(Turns::default()), Arc::new(Mutex::new(String::new())));
        let note = |order: &Mutex<String>, who| order.lock().unwrap_or_else(PoisonError::into_inner).push(who);
        let mut coming = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            coming.spawn(async move {
                turns.next().await;
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
        while coming.join_next().await.is_some() {}
        here.abort();
        let order = order.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert_eq!(order.matches('n').count(), 20, "{order}");
        assert!(!order.contains("nnn"), "{order}");
    }
}
