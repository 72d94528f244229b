//! How does an admitted request end early? The HTTP app waits on its own work and on a [`Cut`] at once.
//!
//! pingora has no handle on a running request. This wraps its HTTP app: whatever runs inside `process_new_http`, a
//! WebSocket for hours or a download, is dropped, with both of its connections, the moment the cut is fired.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;

use crate::gate::Cut;

tokio::task_local! {
    static CUT: Arc<Cut>;
}

/// The cut of the request that this task serves.
pub(super) fn current() -> Option<Arc<Cut>> {
    CUT.try_with(Arc::clone).ok()
}

/// An HTTP app whose requests can be cut.
pub(crate) struct Cuttable<A>(pub(crate) Arc<A>);

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> HttpServerApp for Cuttable<A> {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let cut = Arc::new(Cut::default());
        let work = CUT.scope(Arc::clone(&cut), self.0.process_new_http(session, shutdown));
        tokio::select! {
            reused = work => reused,
            () = cut.fired() => None,
        }
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.0.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.0.server_options()
    }

    async fn http_cleanup(&self) {
        self.0.http_cleanup().await;
    }
}
