//! What became of a request, in words for logs, metrics and clients.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};

use super::log::{Line, PATH};
use super::{Context, Label, Proxy};

impl Proxy {
    /// The access log's line of a request, which takes from its context what it tells.
    pub(super) fn line(
        &self,
        session: &Session,
        context: &mut Context,
        status: u16,
        error: Option<&Error>,
        took: Duration,
    ) -> Line {
        let request = session.req_header();
        let path = request.raw_path().split(|byte| *byte == b'?').next().unwrap_or_default();
        Line {
            at: context.at + took,
            app: std::mem::replace(&mut context.label, Label::None),
            host: context.host.take(),
            method: request.method.clone(),
            path: path[..path.len().min(PATH)].into(),
            status,
            bytes: session.body_bytes_sent(),
            took,
            client: context.seen.as_ref().map(|seen| seen.resolved.client),
            who: context.who.take(),
            decision: context.decision,
            rule: context.permit.as_ref().map(|permit| permit.rule().clone()),
            reference: context.reference.take(),
            error: error.map(|error| match error.etype() {
                ErrorType::Custom(word) => Cow::Borrowed(*word),
                other => Cow::Owned(other.as_str().to_owned()),
            }),
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
