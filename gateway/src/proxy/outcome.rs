//! What became of a request, in words for logs, metrics and clients.

use http::StatusCode;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};

use super::log::Line;
use super::{Context, Label, Proxy};
use crate::gate::Permit;

impl Proxy {
    /// The access log's line of a request.
    pub(super) fn line(&self, session: &Session, context: &Context, status: u16, error: Option<&Error>) -> Line {
        let request = session.req_header();
        let visitor = context.permit.as_ref().and_then(Permit::visitor);
        let path = request.raw_path().split(|byte| *byte == b'?').next().unwrap_or_default();
        Line {
            ts: self.gate.clock().now().millis(),
            app: context.label.as_str().into(),
            host: context.host.clone(),
            method: request.method.as_str().chars().take(LOGGED_METHOD).collect(),
            path: match context.label {
                // Nobody's, it may still be a link of ours with a slip in it, such as `//invitation/…`.
                Label::Portal | Label::None => without_secrets(&String::from_utf8_lossy(path)),
                Label::App(_) => String::from_utf8_lossy(&path[..path.len().min(500)]).into_owned(),
            },
            status,
            bytes: session.body_bytes_sent(),
            duration_ms: u64::try_from(self.gate.clock().moment().since(context.began).as_millis()).unwrap_or(u64::MAX),
            client: context.visit.as_ref().map(|visit| visit.resolved.client.ip()),
            user: visitor.map(|visitor| visitor.person().name.to_string()),
            session: visitor.and_then(|visitor| {
                let session = visitor.session().map(|session| session.id.to_string());
                session.or_else(|| visitor.token().map(|token| token.id.to_string()))
            }),
            decision: context.decision,
            rule: context.permit.as_ref().map(|permit| format!("{}:{}", permit.rule().file, permit.rule().line)),
            reference: context.reference.clone(),
            error: error.map(|error| error.etype().as_str().to_owned()),
        }
    }
}

/// What a failed request is answered with; `None`: the client is gone.
pub(super) fn failure(error: &Error) -> Option<StatusCode> {
    match (error.etype(), error.esource()) {
        (ErrorType::HTTPStatus(code), _) => StatusCode::from_u16(*code).ok(),
        (
            ErrorType::ConnectTimedout
            | ErrorType::ReadTimedout
            | ErrorType::WriteTimedout
            | ErrorType::TLSHandshakeTimedout,
            ErrorSource::Upstream,
        ) => Some(StatusCode::GATEWAY_TIMEOUT),
        (_, ErrorSource::Upstream) => Some(StatusCode::BAD_GATEWAY),
        (ErrorType::WriteError | ErrorType::ReadError | ErrorType::ConnectionClosed, ErrorSource::Downstream) => None,
        (_, ErrorSource::Downstream) => Some(StatusCode::BAD_REQUEST),
        (_, ErrorSource::Internal | ErrorSource::Unset) => Some(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Codes that apps make up don't make series.
pub(super) fn code_label(status: u16) -> &'static str {
    match status {
        0 => "none",
        101 => "101",
        200 => "200",
        204 => "204",
        206 => "206",
        301 => "301",
        302 => "302",
        303 => "303",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        413 => "413",
        421 => "421",
        429 => "429",
        431 => "431",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        other => match other / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
    }
}

/// Our own links carry secrets in their paths (invitations, flows): whatever is as long as one is not written down.
fn without_secrets(path: &str) -> String {
    let shown = path.split('/').map(|segment| if segment.len() > 32 { "…" } else { segment });
    shown.collect::<Vec<_>>().join("/").chars().take(200).collect()
}

/// As much of a method as is logged; what is longer was not served.
const LOGGED_METHOD: usize = 32;
