//! Who asked for what, and what became of it? One JSON line a request, written off the path.
//!
//! Lines go through a bounded channel to a thread of their own. When it can't keep up, lines are dropped and counted;
//! requests never wait for a log. The query is not logged: it holds secrets of apps.

use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::metrics::Metrics;

/// One request, as it is logged.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// Milliseconds since the epoch, UTC.
    pub(super) ts: u64,
    pub(super) app: Arc<str>,
    pub(super) host: String,
    pub(super) method: String,
    /// Without the query, cut at 500 bytes.
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) bytes: usize,
    pub(super) duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    /// The public id of the session or token, never its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
    /// `allow`, `sign_in`, or the code of the refusal.
    pub(super) decision: &'static str,
    /// `file:line` of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<mpsc::Sender<Line>>,
    metrics: Arc<Metrics>,
}

impl AccessLog {
    /// Lines go to `out`, from a thread that ends with the last clone.
    pub fn to(out: impl Write + Send + 'static, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (lines, waiting) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || write_all(waiting, out))?;
        Ok(Self { lines: Some(lines), metrics })
    }

    /// Lines go nowhere.
    pub const fn off(metrics: Arc<Metrics>) -> Self {
        Self { lines: None, metrics }
    }

    pub(super) fn write(&self, line: impl FnOnce() -> Line) {
        let Some(lines) = &self.lines else { return };
        match lines.try_reserve() {
            Ok(place) => place.send(line()),
            Err(_) => self.metrics.access_log_dropped.inc(),
        }
    }
}

fn write_all(mut waiting: mpsc::Receiver<Line>, out: impl Write) {
    let mut out = std::io::BufWriter::new(out);
    while let Some(line) = waiting.blocking_recv() {
        let mut next = Some(line);
        while let Some(line) = next {
            // A pipe that nobody reads any more is no reason to stop serving.
            let written = serde_json::to_writer(&mut out, &line).is_ok() && out.write_all(b"\n").is_ok();
            next = if written { waiting.try_recv().ok() } else { None };
        }
        let _ = out.flush();
    }
}

/// Lines in flight: a few megabytes at most.
const QUEUE: usize = 8192;
