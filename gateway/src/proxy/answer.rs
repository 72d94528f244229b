//! How do our own answers get out, and bodies in? Between pingora's session and plain HTTP values.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::date::get_cached_date;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use super::plain;

/// A form or JSON document for the portal was larger than [`BODY_LIMIT`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TooMuch;

/// Reads a whole body, as long as it stays small and comes in time.
pub(super) async fn read_body(session: &mut Session) -> pingora::Result<Result<Bytes, TooMuch>> {
    let declared = session.req_header().headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > BODY_LIMIT) {
        return Ok(Err(TooMuch));
    }
    if session.req_header().headers.contains_key(EXPECT) {
        session.as_downstream_mut().write_continue_response().await?;
    }
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(piece) = session.as_downstream_mut().read_request_body().await? {
            if body.len() + piece.len() > BODY_LIMIT {
                return Ok(Err(TooMuch));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Ok(body.freeze()))
    };
    match tokio::time::timeout(BODY_TIME, reading).await {
        Ok(read) => read,
        Err(_late) => Err(Error::explain(ErrorType::ReadTimedout, "the body took too long").into_down()),
    }
}

/// The request as the portal's router takes it. Only what pages may read is carried over.
pub(super) fn to_http(request: &RequestHeader, authority: &HeaderValue, body: Bytes) -> Request<Bytes> {
    let target = std::str::from_utf8(request.raw_path()).unwrap_or("/");
    let uri = target.parse::<http::Uri>().unwrap_or_default();
    let mut made = Request::new(body);
    *made.method_mut() = request.method.clone();
    *made.uri_mut() = uri;
    *made.headers_mut() = request.headers.clone();
    made.headers_mut().insert(HOST, authority.clone());
    made
}

/// Writes an answer. What is left of the request's body is not read: the connection ends with it.
pub(super) async fn write(session: &mut Session, answer: Response<Bytes>) -> pingora::Result<()> {
    let (parts, body) = answer.into_parts();
    let mut header = ResponseHeader::build(parts.status, Some(parts.headers.len() + 2))?;
    for (name, value) in &parts.headers {
        header.append_header(name, value)?;
    }
    let bodiless = is_bodiless(parts.status);
    if !bodiless {
        header.insert_header(CONTENT_LENGTH, body.len())?;
    }
    if !session.as_downstream_mut().is_body_done() {
        session.set_keepalive(None);
        header.insert_header(CONNECTION, "close")?;
    }
    let head = session.req_header().method == Method::HEAD;
    let only_header = head || bodiless || body.is_empty();
    session.write_response_header(Box::new(header), only_header).await?;
    if !only_header {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}

/// The same answer as HTTP/1.1 writes it to a request that only reads, on a connection that stays open.
pub(super) fn to_lines(answer: &Response<Bytes>) -> Vec<u8> {
    let (status, body) = (answer.status(), answer.body());
    let mut out = Vec::with_capacity(HEADER + body.len());
    let reason = status.canonical_reason().unwrap_or_default();
    for piece in [b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"] {
        out.extend_from_slice(piece);
    }
    for (name, value) in answer.headers() {
        for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    let bodiless = is_bodiless(status);
    if !bodiless {
        out.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    plain::finish(&mut out, &get_cached_date());
    if !bodiless {
        out.extend_from_slice(body);
    }
    out
}

/// RFC 9110 §§15.3.5, 15.4.5.
fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The largest form or JSON document the portal takes (A26, A32).
const BODY_LIMIT: usize = 16 * 1024;
/// How long it may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);
/// The headers of our answers are shorter.
const HEADER: usize = 1024;
