//! Which requests and answers leave nothing to negotiate? Most: a header that came in one piece, and no body or one that tells
//! where it ends.
//!
//! Both are read here off the bytes, by the parser that pingora itself uses, and only their plainest forms. Whatever is not
//! plain is `None`, and goes to pingora byte by byte as if nobody had looked. Pure: no socket, no clock.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, request};
use httparse::{Header, Status};
use pingora::http::RequestHeader;

use super::headers;
use super::strict::{self, Ambiguous, Chunks, Piece};

/// A request of HTTP/1.1 that only reads and has no body, on a connection that stays open. `header` is all that came: from
/// the request line to the empty line, and nothing behind it.
pub(super) fn request(header: &Bytes) -> Option<RequestHeader> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut read = httparse::Request::new(&mut []);
    let complete = read.parse_with_uninit_headers(header, &mut fields).ok()?;
    if complete != Status::Complete(header.len()) || read.version != Some(1) {
        return None;
    }
    let method = match read.method? {
        "GET" => Method::GET,
        "OPTIONS" => Method::OPTIONS,
        _ => return None,
    };
    let target = read.path?;
    let uri = Uri::from_maybe_shared(header.slice_ref(target.as_bytes())).ok()?;
    // It is written again from there. With an authority it would be a form that only proxies are asked in.
    if uri.authority().is_some() || uri.path_and_query()?.as_str() != target {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(read.headers.len());
    for Header { name, value } in read.headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(header.slice_ref(value)).ok()?;
        headers.try_append(name, value).ok()?;
    }
    let stays_open = headers.get(CONNECTION).is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(b"keep-alive"));
    if !stays_open || !says_nothing_to_the_next_hop(&headers) {
        return None;
    }
    let (mut parts, ()): (request::Parts, ()) = http::Request::new(()).into_parts();
    (parts.method, parts.uri, parts.version, parts.headers) = (method, uri, Version::HTTP_11, headers);
    Some(parts.into())
}

/// Does it say nothing that is meant for the next hop alone, except about the connection?
pub(super) fn says_nothing_to_the_next_hop(headers: &HeaderMap) -> bool {
    let mut about_connection = 0;
    headers.iter().all(|(name, value)| match name.as_str() {
        "connection" => {
            about_connection += 1;
            let value = value.as_bytes();
            about_connection == 1 && (value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close"))
        }
        // What pingora takes away or acts upon on the long way.
        "upgrade" | "te" | "trailer" | "transfer-encoding" | "content-length" | "expect" | "proxy-authenticate"
        | "keep-alive" | "proxy-connection" | "http2-settings" => false,
        _ => true,
    })
}

/// An app's answer that tells where it ends, on a connection that stays open.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Bytes of its header.
    pub(super) header: usize,
    pub(super) body: Body,
}

/// What is still to come of an answer's body.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    Chunks(Chunks),
}

/// How far a body has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Come {
    pub(super) ended: bool,
    /// There was more behind its end.
    pub(super) said_more: bool,
}

impl Body {
    /// Leaves of the next bytes what is content. Errors: what follows it means different things to different readers.
    pub(super) fn come(&mut self, bytes: &mut BytesMut) -> Result<Come, Ambiguous> {
        let came = bytes.len();
        let (taken, ended) = match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(came);
                *left -= taken as u64;
                bytes.truncate(taken);
                (taken, *left == 0)
            }
            Self::Chunks(chunks) => {
                let (mut at, mut content) = (0, 0);
                while at < came && !chunks.ended() {
                    match chunks.step(&bytes[at..]) {
                        Some(Piece::Frame(taken)) => at += taken,
                        Some(Piece::Content(taken)) => {
                            bytes.copy_within(at..at + taken, content);
                            (at, content) = (at + taken, content + taken);
                        }
                        None => {
                            bytes.truncate(content);
                            return Err(Ambiguous { at });
                        }
                    }
                }
                bytes.truncate(content);
                (at, chunks.ended())
            }
        };
        Ok(Come { ended, said_more: taken < came })
    }

    /// No more than so many bytes are still to come, as far as is known.
    pub(super) fn most(&self) -> usize {
        match self {
            Self::Length(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            Self::Chunks(_) => usize::MAX,
        }
    }

    /// What the client gets to see in front of this much content, and behind it. Chunks are written anew (RFC 9112 §7.1).
    pub(super) fn frame(&self, content: usize, ended: bool, before: &mut Vec<u8>) -> &'static [u8] {
        if matches!(self, Self::Length(_)) {
            return b"";
        }
        if content > 0 {
            before.extend_from_slice(format!("{content:x}\r\n").as_bytes());
        }
        match (content > 0, ended) {
            (true, true) => b"\r\n0\r\n\r\n",
            (true, false) => b"\r\n",
            (false, true) => b"0\r\n\r\n",
            (false, false) => b"",
        }
    }

    /// Does it, up to where these bytes reach, mean one thing, and does nothing follow it?
    fn is_plain(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Length(length) => bytes.len() as u64 <= *length,
            Self::Chunks(_) => {
                let (mut chunks, mut at) = (Chunks::new(), 0);
                while at < bytes.len() && !chunks.ended() {
                    match chunks.step(&bytes[at..]) {
                        Some(Piece::Content(taken) | Piece::Frame(taken)) => at += taken,
                        None => return false,
                    }
                }
                at == bytes.len()
            }
        }
    }
}

/// Reads the answer that begins with these bytes, and writes into `out` the header that the client gets to see, up to
/// where our own fields follow ([`finish`]). After `None`, `out` is to be thrown away.
pub(super) fn answer(bytes: &[u8], out: &mut Vec<u8>) -> Option<Answer> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut read = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let Ok(Status::Complete(header)) = parser.parse_response_with_uninit_headers(&mut read, bytes, &mut fields) else {
        return None;
    };
    let (status, line) = (StatusCode::from_u16(read.code?).ok()?, read.reason?);
    let may_have_body = status.as_u16() >= 200 && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if read.version != Some(1) || !may_have_body {
        return None;
    }
    for piece in [b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", line.as_bytes(), b"\r\n"] {
        out.extend_from_slice(piece);
    }
    let mut body = None;
    for Header { name, value } in read.headers.iter() {
        match Known::of(name) {
            // More than one is pingora's to judge.
            Some(Known::Length) if body.is_none() => body = Some(Body::Length(strict::length(value)?)),
            Some(Known::Coding) if body.is_none() && value.eq_ignore_ascii_case(b"chunked") => {
                body = Some(Body::Chunks(Chunks::new()));
            }
            Some(Known::Connection) if value.eq_ignore_ascii_case(b"keep-alive") => continue,
            Some(Known::Length | Known::Coding | Known::Connection | Known::NextHop) => return None,
            Some(Known::Date) => continue,
            Some(Known::SetCookie) if headers::sets_our_cookie(value) => continue,
            Some(Known::SetCookie) | None => {}
        }
        for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    let body = body.filter(|body| body.is_plain(&bytes[header..]))?;
    Some(Answer { status, header, body })
}

/// What every answer says of us: when it was given, and that the connection stays open.
pub(super) fn finish(out: &mut Vec<u8>, date: &HeaderValue) {
    for piece in [b"Date: ", date.as_bytes(), b"\r\nConnection: keep-alive\r\n\r\n"] {
        out.extend_from_slice(piece);
    }
}

/// Fields of an answer that are not simply passed on.
enum Known {
    Length,
    Coding,
    Connection,
    /// For us, and nothing that is plain.
    NextHop,
    Date,
    SetCookie,
}

impl Known {
    /// By its length first: of most names that is all that is looked at.
    fn of(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is("date") => Some(Self::Date),
            7 if is("trailer") || is("upgrade") => Some(Self::NextHop),
            10 if is("set-cookie") => Some(Self::SetCookie),
            10 if is("connection") => Some(Self::Connection),
            14 if is("content-length") => Some(Self::Length),
            17 if is("transfer-encoding") => Some(Self::Coding),
            _ => None,
        }
    }
}

/// With more than these, a header is not plain.
const FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use access::target::UnusualPaths;
    use pingora::protocols::Stream as IoStream;
    use pingora::protocols::http::v1::client::HttpSession as ClientSession;
    use pingora::protocols::http::v1::server::HttpSession as ServerSession;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::super::asked::Asked;
    use super::*;

    fn read(header: &str) -> Option<RequestHeader> {
        request(&Bytes::copy_from_slice(header.as_bytes()))
    }

    #[test]
    fn a_plain_request_is_read_as_it_came() {
        let read =
            read("GET /a%20b/?c=d HTTP/1.1\r\nHost: app.example\r\nX-Mine:  1 \r\nx-mine: 2\r\n\r\n").expect("plain");
        assert_eq!((&read.method, read.raw_path()), (&Method::GET, b"/a%20b/?c=d".as_slice()));
        let fields: Vec<_> = read.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(fields, [("host", b"app.example".as_slice()), ("x-mine", b"1"), ("x-mine", b"2")]);
    }

    #[test]
    fn whatever_is_not_plain_is_left_to_pingora() {
        let plain = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        assert!(read(plain).is_some());
        for unusual in [
            "POST / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n",
            "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET /a#b HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive\r\nConnection: keep-alive\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, x-mine\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\n folded\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\n",
            "",
        ] {
            assert!(read(unusual).is_none(), "{unusual:?}");
        }
        assert!(read(&format!("{plain}G")).is_none(), "something came behind it");
        let many = "X-Mine: 1\r\n".repeat(FIELDS);
        assert!(read(&format!("GET / HTTP/1.1\r\nHost: a.example\r\n{many}\r\n")).is_none());
    }

    fn told(bytes: &str) -> Option<(Answer, String)> {
        let mut out = Vec::new();
        let answer = answer(bytes.as_bytes(), &mut out)?;
        finish(&mut out, &HeaderValue::from_static("now"));
        Some((answer, String::from_utf8(out).expect("visible")))
    }

    #[test]
    fn an_answer_is_told_as_the_app_gave_it_but_for_what_is_ours_to_say() {
        let (answer, told) = told(concat!(
            "HTTP/1.1 404 No Such Thing\r\nDate: then\r\ncontent-Length: 5\r\nSet-Cookie: theirs=1\r\n",
            "set-cookie: __Host-vestibule=mine\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n\r\nhello"
        ))
        .expect("plain");
        assert_eq!((answer.status, answer.body.most()), (StatusCode::NOT_FOUND, 5));
        assert_eq!(
            told,
            concat!(
                "HTTP/1.1 404 No Such Thing\r\ncontent-Length: 5\r\nSet-Cookie: theirs=1\r\nKeep-Alive: timeout=5\r\n",
                "Date: now\r\nConnection: keep-alive\r\n\r\n"
            )
        );
    }

    #[test]
    fn an_answer_whose_end_is_not_known_from_its_beginning_is_left_to_pingora() {
        assert!(told("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").is_some());
        assert!(told("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\no").is_some());
        for unusual in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456789\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nUpgrade: h2c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Mine: a\r\n b\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
        ] {
            assert!(told(unusual).is_none(), "{unusual:?}");
        }
    }

    #[test]
    fn what_the_next_hop_is_told_goes_the_long_way() {
        for (fields, plain) in [
            (&[][..], true),
            (&[("connection", "keep-alive")], true),
            (&[("connection", "Close")], true),
            (&[("connection", "close, x-mine")], false),
            (&[("connection", "x-forwarded-for")], false),
            (&[("connection", "close"), ("connection", "x-mine")], false),
            (&[("upgrade", "websocket")], false),
            (&[("te", "trailers")], false),
            (&[("content-length", "0")], false),
            (&[("expect", "100-continue")], false),
            (&[("keep-alive", "5")], false),
            (&[("http2-settings", "x")], false),
            (&[("accept", "*/*"), ("cookie", "a=1")], true),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(says_nothing_to_the_next_hop(&headers), plain, "{fields:?}");
        }
    }

    /// These bytes, some of them exchanged, left out or put in.
    fn almost(bytes: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
        const PIECES: &[&[u8]] = &[b"\r\n", b"\r\n ", b": ", b" ", b"\t", b"0", b"Connection", b"close", b"x"];
        let known = proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec);
        let piece = prop_oneof![any::<u8>().prop_map(|byte| vec![byte]), known];
        let change = (0..bytes.len(), 0..3_usize, piece);
        proptest::collection::vec(change, 0..4).prop_map(move |changes| {
            let mut bytes = bytes.to_vec();
            for (at, over, piece) in changes {
                let at = at.min(bytes.len());
                bytes.splice(at..(at + over).min(bytes.len()), piece);
            }
            bytes
        })
    }

    /// What pingora reads when exactly these bytes come.
    async fn as_if_it_came(bytes: &[u8]) -> IoStream {
        let (mut ours, theirs) = tokio::io::duplex(bytes.len().max(1));
        ours.write_all(bytes).await.expect("it has room");
        Box::new(theirs)
    }

    /// The content of a body that comes in two pieces, and whether that was all of it.
    fn content(mut body: Body, bytes: &[u8], cut: usize) -> (Vec<u8>, bool) {
        let (mut content, mut ended) = (Vec::new(), body.most() == 0);
        for piece in [&bytes[..cut.min(bytes.len())], &bytes[cut.min(bytes.len())..]] {
            let mut piece = BytesMut::from(piece);
            let come = body.come(&mut piece).expect("it was looked at");
            assert!(!come.said_more);
            ended |= come.ended;
            content.extend_from_slice(&piece);
        }
        (content, ended)
    }

    #[test]
    fn a_body_in_chunks_is_written_anew_and_without_its_trailers() {
        for (bytes, written, said_more) in [
            ("5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", false),
            ("0\r\n\r\n", "0\r\n\r\n", false),
            (
                "5;a=b\r\nhello\r\n0c\r\n wide\r\nworld\r\n0\r\nX: y\r\n\r\n",
                "11\r\nhello wide\r\nworld\r\n0\r\n\r\n",
                false,
            ),
            ("2\r\nok\r\n0\r\n\r\nHTTP/1.1", "2\r\nok\r\n0\r\n\r\n", true),
            ("2\r\nok\r\n0\r\nX: y\r\n", "2\r\nok\r\n", false),
            ("a\r\nhal", "3\r\nhal\r\n", false),
            ("a\r", "", false),
        ] {
            let (mut body, mut piece, mut out) = (Body::Chunks(Chunks::new()), BytesMut::from(bytes), Vec::new());
            let come = body.come(&mut piece).expect("well-formed");
            let behind = body.frame(piece.len(), come.ended, &mut out);
            out.extend_from_slice(&piece);
            out.extend_from_slice(behind);
            assert_eq!(String::from_utf8(out).expect("text"), written, "{bytes:?}");
            assert_eq!((come.ended, come.said_more), (written.ends_with("0\r\n\r\n"), said_more), "{bytes:?}");
        }
        for wrong in ["x\r\n", "5\r\nhello!\r\n", "5\nhello\r\n0\r\n\r\n", "\r\n", "0\r\n\n", "-1\r\n", " 1\r\n"] {
            assert!(Body::Chunks(Chunks::new()).come(&mut BytesMut::from(wrong)).is_err(), "{wrong:?}");
            let mut bytes = BytesMut::from(format!("2 \r\nok\r\n{wrong}").as_str());
            assert!(Body::Chunks(Chunks::new()).come(&mut bytes).is_err(), "{wrong:?}");
            assert!(bytes.starts_with(b"ok"), "what came before is told: {wrong:?}");
        }
    }

    fn wait<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
    }

    const REQUEST: &[u8] =
        b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nConnection: keep-alive\r\nCookie: a=1\r\n\r\n";
    const IN_CHUNKS: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\nX: y\r\n\r\n";
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\nSet-Cookie: a=1\r\nX-A:  b \r\n\r\nhello";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn whatever_is_taken_for_a_request_is_the_same_to_pingora(bytes in almost(REQUEST)) {
            if let Some(read) = request(&Bytes::copy_from_slice(&bytes)) {
                let theirs = wait(async {
                    let mut session = ServerSession::new(as_if_it_came(&bytes).await);
                    let whole = session.read_request().await;
                    whole.map(|length| (length, session.is_body_empty(), session.req_header().clone()))
                });
                let Ok((length, is_empty, theirs)) = theirs else {
                    // A host that is none. The door would say so.
                    let asked = Asked::read(&read, Some(&bytes), |_| None, |_| UnusualPaths::default());
                    prop_assert!(asked.is_err(), "{:?}", theirs.err());
                    return Ok(());
                };
                prop_assert_eq!((length, is_empty), (Some(bytes.len()), true));
                prop_assert_eq!(&read.method, &theirs.method);
                prop_assert_eq!(read.raw_path(), theirs.raw_path());
                prop_assert_eq!(read.version, theirs.version);
                prop_assert_eq!(&read.headers, &theirs.headers);
            }
        }

        #[test]
        fn whatever_is_taken_for_an_answer_is_the_same_to_pingora(
            bytes in prop_oneof![almost(ANSWER), almost(IN_CHUNKS)],
            cut in 0..40_usize,
        ) {
            let mut out = Vec::new();
            if let Some(read) = answer(&bytes, &mut out) {
                let (theirs, reused, theirs_content) = wait(async {
                    let mut session = ClientSession::new(as_if_it_came(&bytes).await);
                    session.read_response().await.expect("pingora takes it");
                    session.respect_keepalive();
                    let mut content = Vec::new();
                    let whole = loop {
                        match session.read_body_bytes().await {
                            Ok(Some(piece)) => content.extend_from_slice(&piece),
                            ended => break ended.is_ok() && session.is_body_done(),
                        }
                    };
                    (session.resp_header().cloned().expect("read"), session.will_keepalive(), whole.then_some(content))
                });
                prop_assert!(reused, "it stays open");
                prop_assert_eq!(read.status, theirs.status);
                let (content, ended) = content(read.body, &bytes[read.header..], cut);
                prop_assert_eq!(theirs_content, ended.then_some(content));
                finish(&mut out, &HeaderValue::from_static("now"));
                let mut fields = [httparse::EMPTY_HEADER; FIELDS];
                let mut told = httparse::Response::new(&mut fields);
                prop_assert_eq!(told.parse(&out), Ok(Status::Complete(out.len())), "what is written is one header");
                let mut theirs = theirs.headers.clone();
                theirs.remove("connection");
                theirs.remove("date");
                let mut ours = HeaderMap::new();
                for field in told.headers.iter().filter(|field| !matches!(field.name, "Date" | "Connection")) {
                    ours.append(
                        HeaderName::from_bytes(field.name.as_bytes()).expect("a name"),
                        HeaderValue::from_bytes(field.value).expect("a value"),
                    );
                }
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
