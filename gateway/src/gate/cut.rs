//! How does an admitted request end early? By its connection's cut, which the data plane waits on beside its work.
//!
//! One cut serves a connection for as long as it lives; requests on it are numbered. Pulling it names the request that is
//! meant, so that a no to one request never ends the next one on the same connection. Nothing is allocated for a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// The end of one connection, or of one HTTP/2 stream, waiting to be pulled.
#[derive(Debug, Default)]
pub struct Cut {
    /// The number of the request that is served.
    serving: AtomicU64,
    /// The highest number that is to end.
    ends: AtomicU64,
    wake: AtomicWaker,
}

impl Cut {
    /// A new request begins; the hold on it.
    pub fn begin(self: &Arc<Self>) -> Hold {
        let number = self.serving.fetch_add(1, Ordering::AcqRel) + 1;
        Hold { cut: Arc::clone(self), number }
    }

    /// Ends the connection, whatever is served on it; again is harmless.
    pub fn end(&self) {
        self.fire(u64::MAX);
    }

    /// Ready once the request that is served, or the whole connection, is to end. Asked by one task at a time.
    pub fn poll_fired(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_fired() {
            return Poll::Ready(());
        }
        self.wake.register(cx.waker());
        // It may have been pulled while the waker was put down.
        if self.is_fired() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn is_fired(&self) -> bool {
        let ends = self.ends.load(Ordering::Acquire);
        ends != 0 && ends >= self.serving.load(Ordering::Acquire)
    }

    fn fire(&self, number: u64) {
        self.ends.fetch_max(number, Ordering::AcqRel);
        self.wake.wake();
    }
}

/// What ends one request.
#[derive(Clone, Debug)]
pub struct Hold {
    cut: Arc<Cut>,
    number: u64,
}

impl Hold {
    /// Ends the request, if it is still served; again is harmless.
    pub fn fire(&self) {
        self.cut.fire(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fired(cut: &Cut) -> bool {
        cut.poll_fired(&Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn a_cut_that_was_fired_before_anyone_waited_is_not_lost() {
        let cut = Arc::new(Cut::default());
        let hold = cut.begin();
        assert!(!is_fired(&cut));
        hold.fire();
        hold.fire();
        assert!(is_fired(&cut) && is_fired(&cut));
    }

    #[test]
    fn a_no_to_one_request_never_ends_the_next_one_on_the_same_connection() {
        let cut = Arc::new(Cut::default());
        let first = cut.begin();
        let second = cut.begin();
        first.fire();
        assert!(!is_fired(&cut));
        second.fire();
        assert!(is_fired(&cut));
    }

    #[test]
    fn a_connection_can_be_ended_before_its_first_request_and_between_two() {
        let cut = Arc::new(Cut::default());
        cut.end();
        assert!(is_fired(&cut));
        let _later = cut.begin();
        assert!(is_fired(&cut), "whatever comes then");
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let cut = Arc::new(Cut::default());
        let hold = cut.begin();
        let waiting = Arc::clone(&cut);
        let waiting = tokio::spawn(std::future::poll_fn(move |cx| waiting.poll_fired(cx)));
        tokio::task::yield_now().await;
        hold.fire();
        waiting.await.expect("it ended");
    }
}
