//! Which requests and answers leave nothing to negotiate? Most: a header that came in one piece, and no body or one whose
//! length was told.
//!
//! Both are read here off the bytes, by the parser that pingora itself uses, and only their plainest forms. Whatever is not
//! plain is `None`, and goes to pingora byte by byte as if nobody had looked. Pure: no socket, no clock.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, request};
use httparse::{Header, Status};
use pingora::http::RequestHeader;

use super::headers;

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

/// An app's answer whose end is known from its beginning, on a connection that stays open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Bytes of its header.
    pub(super) header: usize,
    /// Bytes of its body.
    pub(super) body: u64,
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
    let mut length = None;
    for Header { name, value } in read.headers.iter() {
        match Known::of(name) {
            // More than one is pingora's to judge.
            Some(Known::Length) if length.is_none() => length = Some(decimal(value)?),
            Some(Known::Connection) if value.eq_ignore_ascii_case(b"keep-alive") => continue,
            Some(Known::Length | Known::Connection | Known::Framing) => return None,
            Some(Known::Date) => continue,
            Some(Known::SetCookie) if headers::sets_our_cookie(value) => continue,
            Some(Known::SetCookie) | None => {}
        }
        for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    let body = length?;
    // What comes behind it was not asked for.
    ((bytes.len() - header) as u64 <= body).then_some(Answer { status, header, body })
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
    Connection,
    /// It says something else about where the answer ends, or what comes behind it.
    Framing,
    Date,
    SetCookie,
}

impl Known {
    /// By its length first: of most names that is all that is looked at.
    fn of(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is("date") => Some(Self::Date),
            7 if is("trailer") || is("upgrade") => Some(Self::Framing),
            10 if is("set-cookie") => Some(Self::SetCookie),
            10 if is("connection") => Some(Self::Connection),
            14 if is("content-length") => Some(Self::Length),
            17 if is("transfer-encoding") => Some(Self::Framing),
            _ => None,
        }
    }
}

/// RFC 9110 §8.6: digits and nothing else; no more than every program counts in.
fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
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
        assert_eq!((answer.status, answer.body), (StatusCode::NOT_FOUND, 5));
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
        for unusual in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456789\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
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

    fn wait<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
    }

    const REQUEST: &[u8] =
        b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nConnection: keep-alive\r\nCookie: a=1\r\n\r\n";
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
        fn whatever_is_taken_for_an_answer_is_the_same_to_pingora(bytes in almost(ANSWER)) {
            let mut out = Vec::new();
            if let Some(read) = answer(&bytes, &mut out) {
                let (theirs, reused) = wait(async {
                    let mut session = ClientSession::new(as_if_it_came(&bytes).await);
                    session.read_response().await.expect("pingora takes it");
                    session.respect_keepalive();
                    (session.resp_header().cloned().expect("read"), session.will_keepalive())
                });
                prop_assert!(reused, "it stays open");
                prop_assert_eq!(read.status, theirs.status);
                let told = theirs.headers.get("content-length").and_then(|told| told.to_str().ok()?.parse().ok());
                prop_assert_eq!(told, Some(read.body));
                prop_assert!(!theirs.headers.contains_key("transfer-encoding"));
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
