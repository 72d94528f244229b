//! What do dashboards see? Every metric, its labels and its help text, in one place.
//!
//! Labels come from small enums and from the names of configured apps; never a user, an address or a path. Each gateway has
//! a registry of its own, so that several can live in one process.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

/// All metrics of one gateway. The doc comment of a field is its help text.
pub struct Metrics {
    registry: Registry,
    /// Requests answered, by app and status code; unknown hosts are "none".
    pub requests: IntCounterVec,
    /// Time from the end of the request's header to the end of the answer.
    pub request_duration: HistogramVec,
    /// Decisions, by app, kind (allow, sign_in, refuse) and reason.
    pub decisions: IntCounterVec,
    /// Sign-in steps, by step, method and result.
    pub sign_ins: IntCounterVec,
    /// Bearer tokens and app passwords checked, by kind and result.
    pub token_checks: IntCounterVec,
    /// Messages to people, by channel and result (sent, refused, failed).
    pub messages: IntCounterVec,
    /// Sign-ins that are alive.
    pub sessions: IntGauge,
    /// Connections that a permit holds open, by protocol.
    pub live_connections: IntGaugeVec,
    /// 1 if an upstream works, 0 if its checks say that it does not; by app, and host and port as configured.
    pub upstream_healthy: IntGaugeVec,
    /// Time from a committed change to the last live connection cut because of it.
    pub revocation: Histogram,
    /// Time one password hash takes.
    pub password_hash: Histogram,
    /// Access log lines dropped because the writer could not keep up.
    pub access_log_dropped: IntCounter,
    /// Connections refused because their address held too many.
    pub connections_refused: IntCounter,
    /// Connections ended because the client was too slow.
    pub slow_clients: IntCounter,
    /// 1 if the last reload of the configuration was accepted, 0 if it was refused.
    pub config_last_reload_successful: IntGauge,
    /// How many configurations have been in force since the start.
    pub config_generation: IntGauge,
    /// When a certificate runs out, seconds since the epoch, by host.
    pub certificate_expiry: prometheus::GaugeVec,
    /// Time the store takes, by verb; a failed call takes time too.
    pub store: HistogramVec,
}

impl Metrics {
    /// A new set, all at zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let made = Self::register(&registry).expect("names are unique and well formed: a test makes the set");
        made.config_last_reload_successful.set(1);
        made
    }

    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let build = Gauge::with_opts(
            Opts::new("vestibule_build_info", "Always 1; the version is in the label.")
                .const_label("version", env!("CARGO_PKG_VERSION")),
        )?;
        build.set(1.0);
        registry.register(Box::new(build))?;
        Ok(Self {
            requests: counters(registry, "requests_total", "Requests answered.", &["app", "code"])?,
            request_duration: histograms(
                registry,
                "request_duration_seconds",
                "Time from a request's header to the end of its answer.",
                &["app"],
                FAST,
            )?,
            decisions: counters(
                registry,
                "decisions_total",
                "Decisions by kind and reason.",
                &["app", "decision", "reason"],
            )?,
            sign_ins: counters(registry, "sign_ins_total", "Sign-in steps.", &["step", "method", "result"])?,
            token_checks: counters(
                registry,
                "token_checks_total",
                "Bearer tokens and app passwords checked.",
                &["kind", "result"],
            )?,
            messages: counters(
                registry,
                "messages_total",
                "Messages to people, by channel and result.",
                &["channel", "result"],
            )?,
            sessions: gauge(registry, "sessions", "Sign-ins that are alive.")?,
            live_connections: gauges(
                registry,
                "live_connections",
                "Connections that a permit holds open.",
                &["protocol"],
            )?,
            upstream_healthy: gauges(
                registry,
                "upstream_healthy",
                "1 if an upstream that is checked works, 0 if not.",
                &["app", "upstream"],
            )?,
            revocation: histogram(
                registry,
                "revocation_seconds",
                "Time from a committed change to the last live connection cut because of it.",
                FAST,
            )?,
            password_hash: histogram(registry, "password_hash_seconds", "Time one password hash takes.", SLOW)?,
            access_log_dropped: counter(
                registry,
                "access_log_dropped_total",
                "Access log lines dropped because the writer could not keep up.",
            )?,
            connections_refused: counter(
                registry,
                "connections_refused_total",
                "Connections refused because their address held too many.",
            )?,
            slow_clients: counter(
                registry,
                "slow_clients_total",
                "Connections ended because the client was too slow.",
            )?,
            config_last_reload_successful: gauge(
                registry,
                "config_last_reload_successful",
                "1 if the last reload was accepted, 0 if it was refused.",
            )?,
            config_generation: gauge(registry, "config_generation", "Configurations in force since the start.")?,
            certificate_expiry: {
                let opts = opts("certificate_expiry_timestamp_seconds", "When a certificate runs out.");
                let made = prometheus::GaugeVec::new(opts, &["host"])?;
                registry.register(Box::new(made.clone()))?;
                made
            },
            store: histograms(registry, "store_seconds", "Time the store takes.", &["verb"], FAST)?,
            registry: registry.clone(),
        })
    }

    /// The text format, version 0.0.4.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }

    /// Counts a decision, and the token that was shown.
    pub fn decided(&self, app: &str, kind: &str, reason: &str, token: Option<TokenKind>) {
        self.decisions.with_label_values(&[app, kind, reason]).inc();
        if let Some(token) = token {
            self.token_checks.with_label_values(&[token.label(), reason]).inc();
        }
    }

    /// What one app's requests count on, looked up once.
    pub fn of_app(&self, app: &str) -> AppMetrics {
        let token = |kind: TokenKind| self.token_checks.with_label_values(&[kind.label(), ALLOWED]);
        AppMetrics {
            app: app.into(),
            requests: self.requests.clone(),
            by_code: Default::default(),
            duration: self.request_duration.with_label_values(&[app]),
            allowed: self.decisions.with_label_values(&[app, ALLOW, ALLOWED]),
            address_refused: OnceLock::new(),
            decisions: self.decisions.clone(),
            allowed_token: token(TokenKind::Token),
            allowed_device: token(TokenKind::Device),
            allowed_jwt: token(TokenKind::Jwt),
            allowed_app_password: token(TokenKind::AppPassword),
        }
    }

    /// Counts one sign-in step.
    pub fn sign_in(&self, step: &str, method: &str, result: &str) {
        self.sign_ins.with_label_values(&[step, method, result]).inc();
    }
}

/// What programs show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// Made for a script.
    Token,
    /// A native app's.
    Device,
    /// Another issuer's.
    Jwt,
    /// No bearer token: letters typed into a calendar, by HTTP Basic.
    AppPassword,
}

impl TokenKind {
    const fn label(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Device => "device",
            Self::Jwt => "jwt",
            Self::AppPassword => "app_password",
        }
    }
}

/// One app's counters, ready to be counted on: no look-up by label for a request.
pub struct AppMetrics {
    app: Box<str>,
    requests: IntCounterVec,
    /// By [`CODES`], each made when it first occurs: a code that never occurs makes no series.
    by_code: [OnceLock<IntCounter>; CODES.len()],
    duration: Histogram,
    allowed: IntCounter,
    decisions: IntCounterVec,
    /// Made when it first occurs.
    address_refused: OnceLock<IntCounter>,
    allowed_token: IntCounter,
    allowed_device: IntCounter,
    allowed_jwt: IntCounter,
    allowed_app_password: IntCounter,
}

impl AppMetrics {
    /// Counts a request that was answered with this status (zero: not at all) after so long.
    pub fn answered(&self, status: u16, took: Duration) {
        let at = code_at(status);
        let counter = self.by_code[at].get_or_init(|| self.requests.with_label_values(&[&self.app, CODES[at]]));
        counter.inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts a refusal of somebody's address who showed no token.
    pub fn address_refused(&self) {
        let made = || self.decisions.with_label_values(&[&self.app, "refuse", "address_not_allowed"]);
        self.address_refused.get_or_init(made).inc();
    }

    /// Counts an admission, by this kind of token if it was one.
    pub fn allowed(&self, token: Option<TokenKind>) {
        self.allowed.inc();
        match token {
            None => {}
            Some(TokenKind::Token) => self.allowed_token.inc(),
            Some(TokenKind::Device) => self.allowed_device.inc(),
            Some(TokenKind::Jwt) => self.allowed_jwt.inc(),
            Some(TokenKind::AppPassword) => self.allowed_app_password.inc(),
        }
    }
}

impl std::fmt::Debug for AppMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AppMetrics({})", self.app)
    }
}

/// The label of a status. Codes that apps make up don't make series.
pub fn code_label(status: u16) -> &'static str {
    CODES[code_at(status)]
}

fn code_at(status: u16) -> usize {
    match status {
        0 => 0,
        101 => 1,
        200 => 2,
        204 => 3,
        206 => 4,
        301 => 5,
        302 => 6,
        303 => 7,
        304 => 8,
        400 => 9,
        401 => 10,
        403 => 11,
        404 => 12,
        405 => 13,
        413 => 14,
        421 => 15,
        429 => 16,
        431 => 17,
        500 => 18,
        502 => 19,
        503 => 20,
        504 => 21,
        other => match other / 100 {
            1 => 22,
            2 => 23,
            3 => 24,
            4 => 25,
            _ => 26,
        },
    }
}

const CODES: [&str; 27] = [
    "none", "101", "200", "204", "206", "301", "302", "303", "304", "400", "401", "403", "404", "405", "413", "421",
    "429", "431", "500", "502", "503", "504", "1xx", "2xx", "3xx", "4xx", "5xx",
];
/// The kind and the reason of every admission.
pub(crate) const ALLOW: &str = "allow";
/// Its reason.
pub(crate) const ALLOWED: &str = "allowed";

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Seconds of a span, as histograms take them.
pub fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("vestibule_{name}"), help)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    let made = IntGauge::with_opts(opts(name, help))?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    let made = IntGaugeVec::new(opts(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    let made = IntCounter::with_opts(opts(name, help))?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    let made = IntCounterVec::new(opts(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> prometheus::Result<Histogram> {
    let opts = HistogramOpts::new(format!("vestibule_{name}"), help).buckets(buckets.to_vec());
    let made = Histogram::with_opts(opts)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> prometheus::Result<HistogramVec> {
    let opts = HistogramOpts::new(format!("vestibule_{name}"), help).buckets(buckets.to_vec());
    let made = HistogramVec::new(opts, labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

/// Half a millisecond to ten seconds.
const FAST: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Ten milliseconds to five seconds.
const SLOW: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_label_that_says_so() {
        for status in 0..1000_u16 {
            let label = code_label(status);
            let class = format!("{}xx", (status / 100).clamp(1, 5));
            let fits = match status {
                0 => label == "none",
                1..100 | 600.. => label == "5xx",
                _ => label == status.to_string() || label == class,
            };
            assert!(fits, "{status} is {label}");
        }
    }
}
