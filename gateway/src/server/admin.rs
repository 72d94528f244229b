//! `/metrics`, `/healthz`, `/readyz` and the public keys, on a listener of their own that is not for the world.

use std::future::IntoFuture;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::hand_over::Successor;
use crate::gate::Gate;
use crate::proxy::Snapshot;

#[derive(Clone)]
struct Seen {
    gate: Arc<Gate>,
    current: Arc<ArcSwap<Snapshot>>,
    stopping: watch::Receiver<bool>,
}

pub(super) async fn serve(
    socket: TcpListener,
    gate: Arc<Gate>,
    current: Arc<ArcSwap<Snapshot>>,
    stopping: watch::Receiver<bool>,
    mut handed: watch::Receiver<Option<Successor>>,
) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/.well-known/jwks.json", get(jwks))
        .with_state(Seen { gate, current, stopping });
    tokio::select! {
        ended = axum::serve(socket, router).into_future() => {
            if let Err(error) = ended {
                tracing::error!(%error, "the admin listener ended");
            }
        }
        // The socket is the other process' now. Connections that are open go on, and are told that we are stopping.
        _ = handed.wait_for(Option::is_some) => {}
    }
}

async fn metrics(State(seen): State<Seen>) -> Response {
    let snapshot = seen.current.load();
    let metrics = seen.gate.metrics();
    metrics.config_generation.set(i64::try_from(snapshot.in_force.generation).unwrap_or(i64::MAX));
    metrics.certificate_expiry.reset();
    for (host, ends) in snapshot.certificates().expiry() {
        // Seconds since the epoch fit a float's 53 bits for a while.
        #[expect(clippy::cast_precision_loss, reason = "dates are far below 2^53 seconds")]
        metrics.certificate_expiry.with_label_values(&[host]).set(*ends as f64);
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.text()).into_response()
}

/// Ready: not stopping, and the store answers. While stopping it says so first, so that balancers look elsewhere.
async fn ready(State(seen): State<Seen>) -> Response {
    let stopping = *seen.stopping.borrow();
    let store = seen.gate.vault().answers().await;
    let ready = !stopping && store.is_ok();
    let document = serde_json::json!({
        "ready": ready,
        "stopping": stopping,
        "store": store.err().map_or_else(|| "ok".to_owned(), |error| error.to_string()),
        "config_generation": seen.current.load().in_force.generation,
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(document)).into_response()
}

async fn jwks(State(seen): State<Seen>) -> Response {
    Json(seen.gate.jwks().clone()).into_response()
}
