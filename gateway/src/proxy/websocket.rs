//! A WebSocket over HTTP/2 (RFC 8441): how does it reach an app that knows only upgrades?
//!
//! A browser asks for it with an extended `CONNECT` on a connection it has already. Here the stream becomes the HTTP/1.1
//! upgrade it stands for, sent through a pipe to the same door as every other request: the same reading, the same decision,
//! the same headers. What comes back is told in HTTP/2's words, and the bytes of the WebSocket flow through.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use data_encoding::BASE64;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use pingora::apps::HttpServerApp;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

use super::sieve;
use crate::gate::random;

/// Is it asked for?
pub(super) fn is_asked_for(request: &RequestHeader) -> bool {
    let protocol = request.extensions.get::<h2::ext::Protocol>();
    request.method == Method::CONNECT && protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// Serves the stream as the upgrade it stands for, until either side ends it.
pub(super) async fn serve<A: HttpServerApp + Send + Sync>(
    app: &Arc<A>,
    mut stream: ServerSession,
    shutdown: &ShutdownWatch,
) {
    let Some(digest) = stream.digest().cloned() else { return };
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let mut upgrade = ServerSession::new_http1(sieve::lines(Through { pipe: theirs, digest }, BytesMut::new()));
    upgrade.set_keepalive(None);
    let mut serving = app.process_new_http(upgrade, shutdown);
    let mut relaying = pin!(relay(&mut stream, ours));
    let relayed = tokio::select! {
        relayed = &mut relaying => {
            // The pipe is closed: the request ends by itself, is logged and counted.
            let _ = tokio::time::timeout(ENDING, &mut serving).await;
            relayed
        }
        // The app has ended, or was never reached; what was written is in the pipe and is still told.
        reused = &mut serving => {
            drop(reused);
            relaying.await
        }
    };
    if let Err(error) = relayed {
        // The app, or the client, went away in the middle.
        tracing::debug!(%error, "a WebSocket over HTTP/2 ended before its end");
    }
}

/// The request in, the answer and the bytes back.
async fn relay(stream: &mut ServerSession, mut pipe: DuplexStream) -> pingora::Result<()> {
    let broken =
        |error: std::io::Error| pingora::Error::because(pingora::ErrorType::WriteError, "a WebSocket's pipe", error);
    pipe.write_all(&as_upgrade(stream.req_header())).await.map_err(broken)?;
    let mut read = BytesMut::with_capacity(4096);
    let answer = loop {
        if pipe.read_buf(&mut read).await.map_err(broken)? == 0 || read.len() > LARGEST_HEADER {
            break ResponseHeader::build(StatusCode::BAD_GATEWAY, Some(0))?;
        }
        if let Some(answer) = take_answer(&mut read) {
            break answer?;
        }
    };
    let accepted = answer.status == StatusCode::OK;
    stream.write_response_header(Box::new(answer)).await?;
    if !accepted {
        return stream.finish_body().await;
    }
    flow(stream, pipe, read.freeze()).await
}

/// The same request as HTTP/1.1 asks it. The key only has to be there: whoever accepts it is not the browser.
fn as_upgrade(request: &RequestHeader) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend_from_slice(b"GET ");
    bytes.extend_from_slice(request.raw_path());
    bytes.extend_from_slice(b" HTTP/1.1\r\n");
    let mut field = |name: &[u8], value: &[u8]| {
        for piece in [name, b": ", value, b"\r\n"] {
            bytes.extend_from_slice(piece);
        }
    };
    if let Some(authority) = request.uri.authority() {
        field(b"Host", authority.as_str().as_bytes());
    }
    field(b"Connection", b"Upgrade");
    field(b"Upgrade", b"websocket");
    field(b"Sec-WebSocket-Key", BASE64.encode(&random::<16>()).as_bytes());
    let replaced = [HOST, CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, CONTENT_LENGTH, TRANSFER_ENCODING];
    let has_authority = request.uri.authority().is_some();
    for (name, value) in &request.headers {
        // Without an authority the host stands in the field, as the door would have it.
        if !replaced.contains(name) || (*name == HOST && !has_authority) {
            field(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// The answer's header once it is complete, in HTTP/2's words (RFC 8441 §5: `200` accepts); interim answers are passed over.
fn take_answer(read: &mut BytesMut) -> Option<pingora::Result<ResponseHeader>> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        let length = match parsed.parse(read) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return None,
            Err(_) => return Some(ResponseHeader::build(StatusCode::BAD_GATEWAY, Some(0))),
        };
        let code = parsed.code.unwrap_or(502);
        if (100..200).contains(&code) && code != 101 {
            read.advance(length);
            continue;
        }
        let answer = told(code, parsed.headers);
        read.advance(length);
        return Some(answer);
    }
}

fn told(code: u16, fields: &[httparse::Header<'_>]) -> pingora::Result<ResponseHeader> {
    // RFC 8441 §5: a 2xx says that the WebSocket is open. An app that answered without switching has not opened it, and
    // what the client would send then must not reach it (A16).
    let status = match code {
        101 => 200,
        200..300 => 502,
        other => other,
    };
    let mut answer = ResponseHeader::build(status, Some(fields.len()))?;
    let of_the_hop = [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT, TRANSFER_ENCODING, CONTENT_LENGTH];
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        if let (Ok(name), Ok(value)) = (name, value)
            && !of_the_hop.contains(&name)
            && name.as_str() != "keep-alive"
        {
            answer.append_header(name, value)?;
        }
    }
    Ok(answer)
}

/// Bytes both ways. What waits to go up never keeps what comes down from going on, else an app that echoes and a client
/// that sends much would wait for each other.
async fn flow(stream: &mut ServerSession, pipe: DuplexStream, first: Bytes) -> pingora::Result<()> {
    let (mut down, mut up) = tokio::io::split(pipe);
    if !first.is_empty() {
        stream.write_response_body(first, false).await?;
    }
    let mut waiting = Bytes::new();
    let mut open = true;
    let mut read = BytesMut::with_capacity(PIECE);
    loop {
        tokio::select! {
            body = stream.read_request_body(), if open && waiting.is_empty() => match body? {
                Some(bytes) => waiting = bytes,
                // The client's half is closed; the app's may still speak.
                None => {
                    open = false;
                    let _ = up.shutdown().await;
                }
            },
            written = up.write_buf(&mut waiting), if !waiting.is_empty() => {
                if written.is_err() {
                    return stream.finish_body().await;
                }
            }
            length = down.read_buf(&mut read) => match length {
                Ok(length) if length > 0 => stream.write_response_body(read.split().freeze(), false).await?,
                _ => return stream.finish_body().await,
            },
        }
    }
}

/// The far end of the pipe, with everything that is known about the connection the stream came on.
#[derive(Debug)]
struct Through {
    pipe: DuplexStream,
    digest: Digest,
}

impl AsyncRead for Through {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, into)
    }
}

impl AsyncWrite for Through {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

impl UniqueID for Through {
    fn id(&self) -> UniqueIDType {
        // It is no socket.
        -1
    }
}

impl Ssl for Through {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.digest.ssl_digest.clone()
    }
}

impl GetTimingDigest for Through {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Through {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.digest.proxy_digest.clone()
    }
}

impl GetSocketDigest for Through {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.digest.socket_digest.clone()
    }
}

#[async_trait]
impl Peek for Through {}

#[async_trait]
impl Shutdown for Through {
    async fn shutdown(&mut self) {
        // The other end may be gone already.
        let _ = AsyncWriteExt::shutdown(&mut self.pipe).await;
    }
}

/// How long the request may take to notice that its client is gone.
const ENDING: Duration = Duration::from_secs(5);
/// Bytes that may be in the pipe in one direction.
const PIPE: usize = 64 * 1024;
/// Bytes that are passed on at once.
const PIECE: usize = 16 * 1024;
/// Of the app's answer.
const LARGEST_HEADER: usize = 64 * 1024;
const FIELDS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extended_connect_becomes_one_upgrade() {
        let mut request = RequestHeader::build("CONNECT", b"/ws?x=1", None).expect("well formed");
        request.set_uri("https://crm.localhost/ws?x=1".parse().expect("an address"));
        for (name, value) in [("origin", "https://crm.localhost"), ("cookie", "a=1"), ("sec-websocket-version", "13")] {
            request.append_header(name, value).expect("well formed");
        }
        for (name, value) in [("upgrade", "h2c"), ("connection", "close"), ("host", "other"), ("content-length", "5")] {
            request.append_header(name, value).expect("well formed");
        }
        let text = String::from_utf8(as_upgrade(&request)).expect("ASCII");
        let lines: Vec<_> = text.trim_end().lines().collect();
        assert_eq!(
            lines[..4],
            ["GET /ws?x=1 HTTP/1.1", "Host: crm.localhost", "Connection: Upgrade", "Upgrade: websocket"]
        );
        assert!(lines[4].starts_with("Sec-WebSocket-Key: ") && lines[4].ends_with("=="), "{text}");
        assert_eq!(lines[5..], ["origin: https://crm.localhost", "cookie: a=1", "sec-websocket-version: 13"]);
    }

    #[test]
    fn the_answer_is_told_in_http_2s_words() {
        for (bytes, expected, rest) in [
            (&b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n\x81\x00"[..], Some((200, 1)), &b"\x81\x00"[..]),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nX-A: 1\r\n\r\nno!", Some((403, 1)), b"no!"),
            (b"HTTP/1.1 101 Swi", None, b"HTTP/1.1 101 Swi"),
            (b"garbage\r\n\r\n", Some((502, 0)), b"garbage\r\n\r\n"),
        ] {
            let mut read = BytesMut::from(bytes);
            let answer = take_answer(&mut read).map(|answer| answer.expect("well formed"));
            assert_eq!(answer.map(|answer| (answer.status.as_u16(), answer.headers.len())), expected);
            assert_eq!(&read[..], rest);
        }
    }
}
