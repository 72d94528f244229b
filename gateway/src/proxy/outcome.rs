//! What became of a request, in words for logs, metrics and clients.

use std::borrow::Cow;

use access::target::HostName;
use http::StatusCode;
use pingora::http::RequestHeader;
use pingora::{Error, ErrorSource, ErrorType};

use super::log::{self, Line, PATH};
use super::{Context, Label, Proxy};
use crate::metrics::code_label;

impl Proxy {
    /// Counts a request that is over, and logs it with what its context tells; `bytes`: of the answer's body.
    pub(super) fn account(
        &self,
        request: &RequestHeader,
        context: &mut Context,
        status: u16,
        bytes: usize,
        error: Option<&Error>,
    ) {
        let took = self.gate.clock().moment().since(context.began);
        match &context.route {
            Some(route) => route.metrics.answered(status, took),
            None => {
                let (metrics, app) = (self.gate.metrics(), context.label.as_str());
                metrics.requests.with_label_values(&[app, code_label(status)]).inc();
                metrics.request_duration.with_label_values(&[app]).observe(took.as_secs_f64());
            }
        }
        self.log.write(|| {
            let path = request.raw_path().split(|byte| *byte == b'?').next().unwrap_or_default();
            Line {
                at: context.at + took,
                app: std::mem::replace(&mut context.label, Label::None),
                host: context.host.take(),
                method: request.method.clone(),
                path: path[..path.len().min(PATH)].into(),
                status,
                bytes,
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
        });
    }

    /// For error lines. Without the query, which holds secrets of apps, and without paths of ours.
    pub(super) fn summary(&self, request: &RequestHeader, context: &Context) -> String {
        let host = context.host.as_ref().map_or("", HostName::as_str);
        format!("{}, Host: {host}", log::asked(request, &context.label))
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
