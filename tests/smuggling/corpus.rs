//! Bytes that two HTTP/1.1 parsers could read differently, and what must become of each.
//!
//! `{id}` is the case's own number; `{inner}` a request for a path that nobody may ask for, so that it can reach the app
//! only by slipping through; `{long}` 70,000 letters.

/// What must become of an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    /// An error of ours, the connection closed, nothing at the app.
    Refused,
    /// The header may have been forwarded; the body can't be read. No whole request at the app, the connection closed.
    Cut,
    /// Exactly one request at the app: this one.
    Forwarded,
    /// 421: clear, but not for here. Nothing at the app.
    Elsewhere,
    /// Asked to sign in; nothing at the app, the connection closed.
    Denied,
}

/// One input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) bytes: &'static [u8],
    pub(super) expected: Expected,
}

use Expected::{Cut, Denied, Elsewhere, Forwarded, Refused};

/// A request line and `Host`, then whatever is given, as it is.
macro_rules! post {
    ($rest:literal) => {
        concat!("POST /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n", $rest).as_bytes()
    };
}

macro_rules! get {
    ($rest:literal) => {
        concat!("GET /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n", $rest).as_bytes()
    };
}

/// A request line, then `Host` and the end.
macro_rules! line {
    ($line:literal) => {
        concat!($line, "\r\nHost: crm.localhost\r\n\r\n").as_bytes()
    };
}

macro_rules! cases {
    ($($expected:ident $name:literal $bytes:expr;)*) => {
        &[$(Case { name: $name, bytes: $bytes, expected: $expected },)*]
    };
}

/// A body has one length (RFC 9112 §6).
pub(super) const LENGTHS: &[Case] = cases! {
    Forwarded "a plain body" post!("Content-Length: 5\r\n\r\nhello");
    Forwarded "no body, length zero" post!("Content-Length: 0\r\n\r\n");
    Forwarded "a length with leading zeros is the same number to everybody who reads digits" post!("Content-Length: 005\r\n\r\nhello");
    Forwarded "a chunked body" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    Forwarded "chunked in other letters" post!("Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    Refused "length and chunks, CL.TE" post!("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunks and length, TE.CL" post!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n{inner}\r\n0\r\n\r\n");
    Refused "length zero and chunks" post!("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "length in capitals and chunks" post!("CONTENT-LENGTH: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "a bad length and chunks" post!("Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "an empty length and chunks" post!("Content-Length:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "the same length twice" post!("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello{inner}");
    Refused "two lengths" post!("Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello{inner}");
    Refused "two lengths, the other order" post!("Content-Length: 50\r\nContent-Length: 5\r\n\r\nhello{inner}");
    Refused "a list of the same length" post!("Content-Length: 5,5\r\n\r\nhello{inner}");
    Refused "a list of the same length with a space" post!("Content-Length: 5, 5\r\n\r\nhello{inner}");
    Refused "a list of lengths" post!("Content-Length: 5, 50\r\n\r\nhello{inner}");
    Refused "a length and a comma" post!("Content-Length: 5,\r\n\r\nhello{inner}");
    Refused "a length with a sign" post!("Content-Length: +5\r\n\r\nhello{inner}");
    Refused "a negative length" post!("Content-Length: -5\r\n\r\nhello{inner}");
    Refused "minus zero" post!("Content-Length: -0\r\n\r\n{inner}");
    Refused "a hexadecimal length" post!("Content-Length: 0x5\r\n\r\nhello{inner}");
    Refused "an octal length" post!("Content-Length: 0o5\r\n\r\nhello{inner}");
    Refused "a length with an underscore" post!("Content-Length: 5_0\r\n\r\nhello{inner}");
    Refused "a length with a fraction" post!("Content-Length: 5.0\r\n\r\nhello{inner}");
    Refused "a length with an exponent" post!("Content-Length: 5e0\r\n\r\nhello{inner}");
    Refused "a length with a semicolon" post!("Content-Length: 5;\r\n\r\nhello{inner}");
    Refused "a length with a space inside" post!("Content-Length: 5 0\r\n\r\nhello{inner}");
    Refused "a length with a vertical tab" post!("Content-Length: \x0b5\r\n\r\nhello{inner}");
    Refused "a length with a form feed" post!("Content-Length: 5\x0c\r\n\r\nhello{inner}");
    Refused "a length in full-width digits" post!("Content-Length: \u{ff15}\r\n\r\nhello{inner}");
    Refused "an empty length" post!("Content-Length:\r\n\r\nhello{inner}");
    Refused "a quoted length" post!("Content-Length: \"5\"\r\n\r\nhello{inner}");
    Refused "a length of 2^63" post!("Content-Length: 9223372036854775808\r\n\r\nhello{inner}");
    Refused "a length of 2^64" post!("Content-Length: 18446744073709551616\r\n\r\nhello{inner}");
    Refused "a length of 2^64 + 5" post!("Content-Length: 18446744073709551621\r\n\r\nhello{inner}");
    Refused "a length of forty digits" post!("Content-Length: 0000000000000000000000000000000000000005\r\n\r\nhello{inner}");
    Forwarded "white space around a length is no part of it" post!("Content-Length: \t5 \t\r\n\r\nhello");
    Refused "an alias of the length" post!("Content_Length: 5\r\n\r\nhello{inner}");
    Refused "an alias of the length beside it" post!("Content-Length: 5\r\ncontent.length: 50\r\n\r\nhello{inner}");
    Refused "an alias of the transfer coding" post!("Content-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
};

/// Only `chunked`, once, in HTTP/1.1.
pub(super) const CODINGS: &[Case] = cases! {
    Refused "chunked, then identity" post!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}");
    Refused "identity, then chunked" post!("Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "identity" post!("Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello{inner}");
    Refused "gzip, then chunked" post!("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked twice in a list" post!("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked twice" post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "two codings on two lines" post!("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked, then another on a line of its own" post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n{inner}");
    Refused "xchunked" post!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunkedx" post!("Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked in quotes" post!("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n{inner}");
    Refused "a list with nothing in it but chunked" post!("Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked and a comma" post!("Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked with a parameter" post!("Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked behind a vertical tab" post!("Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked before a form feed" post!("Transfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked behind a NUL" post!("Transfer-Encoding: \0chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked behind a no-break space" post!("Transfer-Encoding: \u{a0}chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked with a long s" post!("Transfer-Encoding: chun\u{212a}ed\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked on a folded line" post!("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked behind a bare CR" post!("X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "chunked behind a bare LF" post!("X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "an empty coding" post!("Transfer-Encoding:\r\n\r\n0\r\n\r\n{inner}");
    Refused "a space before the colon" post!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "a tab before the colon" post!("Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "a control character before the colon" post!("Transfer-Encoding\x01: chunked\r\n\r\n0\r\n\r\n{inner}");
    Refused "a space before the name" b"POST /status?id={id} HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: crm.localhost\r\n\r\n0\r\n\r\n{inner}";
    Refused "chunks in HTTP/1.0" b"POST /status?id={id} HTTP/1.0\r\nHost: crm.localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}";
    Refused "chunks and a length in HTTP/1.0" b"POST /status?id={id} HTTP/1.0\r\nHost: crm.localhost\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}";
    Forwarded "a length nominated by Connection is still the length" post!("Connection: content-length\r\nContent-Length: 5\r\n\r\nhello");
    Forwarded "a coding nominated by Connection is still the coding" post!("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    Forwarded "a body of GET" get!("Content-Length: 5\r\n\r\nhello");
    Forwarded "a chunked body of GET" get!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    Forwarded "a body of HEAD" b"HEAD /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: 5\r\n\r\nhello";
};

/// Chunks are read strictly and written anew (RFC 9112 §7.1).
pub(super) const CHUNKS: &[Case] = cases! {
    Forwarded "a chunk of size 05" post!("Transfer-Encoding: chunked\r\n\r\n05\r\nhello\r\n0\r\n\r\n");
    Forwarded "an extension" post!("Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n");
    Forwarded "capital digits" post!("Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n");
    Forwarded "several chunks" post!("Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n4\r\nello\r\n0\r\n\r\n");
    Cut "a size of 0x5" post!("Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size of 5_0" post!("Transfer-Encoding: chunked\r\n\r\n5_0\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size of +5" post!("Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a negative size" post!("Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size of 2^64" post!("Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size of 2^64 + 5" post!("Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "no size" post!("Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "only an extension" post!("Transfer-Encoding: chunked\r\n\r\n;a=b\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size that is a word" post!("Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size behind a space" post!("Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size that ends in a bare LF" post!("Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n{inner}");
    Cut "a size that ends in a bare CR" post!("Transfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n{inner}");
    Cut "an extension that ends in a bare LF" post!("Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n{inner}");
    Cut "an extension with a bare CR" post!("Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "an extension with a bare LF that hides a chunk" post!("Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n4c\r\n0\r\n\r\n{inner}\r\n0\r\n\r\n");
    Cut "an extension of 70,000 letters" post!("Transfer-Encoding: chunked\r\n\r\n5;{long}\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "a chunk that ends in a bare LF" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n{inner}");
    Cut "a chunk that ends in two letters" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n{inner}");
    Cut "a chunk that is longer than it said" post!("Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n{inner}");
    Cut "an end in bare LF" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\n\n{inner}");
    Cut "a last chunk that ends in a bare LF" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\n{inner}");
    Forwarded "trailers with reserved names are dropped" post!("Transfer-Encoding: chunked\r\nTrailer: Remote-User\r\n\r\n5\r\nhello\r\n0\r\nRemote-User: smuggled\r\nX-Forwarded-For: smuggled\r\nContent-Length: 50\r\n\r\n");
    Forwarded "a trailer with our cookie is dropped" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nCookie: __Host-vestibule=smuggled\r\n\r\n");
    Cut "trailers of 70,000 letters" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: {long}\r\n\r\n{inner}");
    Cut "a trailer that ends in a bare LF" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\n\r\n{inner}");
    Cut "a trailer with a bare CR" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\rz\r\n\r\n{inner}");
    Forwarded "what comes behind a chunked body is another request" post!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n{inner}");
    Forwarded "what comes behind a counted body is another request" post!("Content-Length: 5\r\n\r\nhello{inner}");
};

/// Lines end in CRLF, names are words (RFC 9112 §§2.2, 5).
pub(super) const LINES: &[Case] = cases! {
    Refused "all lines end in bare LF" b"GET /status?id={id} HTTP/1.1\nHost: crm.localhost\n\n";
    Refused "the request line ends in a bare LF" b"GET /status?id={id} HTTP/1.1\nHost: crm.localhost\r\n\r\n";
    Refused "a field ends in a bare LF" get!("X: y\nZ: 1\r\n\r\n");
    Refused "the header ends in bare LF" get!("X: y\r\n\n");
    Refused "the header ends in CRLF LF CRLF" get!("X: y\n\r\n");
    Refused "a bare CR in a value" get!("X: y\rz\r\n\r\n");
    Refused "a bare CR behind a value" get!("X: y\r\r\n\r\n");
    Refused "a bare CR in a name" get!("X\ry: z\r\n\r\n");
    Refused "a bare CR in the request line" b"GET /status?id={id}\rx HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Refused "a bare CR behind the version" b"GET /status?id={id} HTTP/1.1\rHost: crm.localhost\r\n\r\n";
    Refused "a NUL in a value" get!("X: y\0z\r\n\r\n");
    Refused "a NUL in a name" get!("X\0: z\r\n\r\n");
    Refused "a NUL in the path" b"GET /status\0?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Refused "a NUL before everything" b"\0GET /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Refused "a folded line" get!("X: y\r\n z\r\n\r\n");
    Refused "a line folded with a tab" get!("X: y\r\n\tz\r\n\r\n");
    Refused "a folded line that hides a field" get!("X: y\r\n Remote-User: smuggled\r\n\r\n");
    Refused "a space before the colon" get!("Remote-User : smuggled\r\n\r\n");
    Refused "a space in a name" get!("Remote User: smuggled\r\n\r\n");
    Refused "no colon" get!("X\r\n\r\n");
    Refused "no name" get!(": y\r\n\r\n");
    Refused "a name with a slash" get!("X/y: z\r\n\r\n");
    Refused "a name with a bracket" get!("X[y]: z\r\n\r\n");
    Refused "a name outside ASCII" get!("R\u{e9}mote-User: smuggled\r\n\r\n");
    Refused "an escape character in a value" get!("X: \x1b[2J\r\n\r\n");
    Refused "a delete in a value" get!("X: \x7f\r\n\r\n");
    Forwarded "one empty line before the request" b"\r\nGET /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Refused "two empty lines before the request" b"\r\n\r\nGET /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Refused "a bare LF before the request" b"\nGET /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Refused "a space before the request" b" GET /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Refused "a header of 70,000 letters" get!("X: {long}\r\n\r\n");
    Refused "a target of 70,000 letters" b"GET /status?id={id}&{long} HTTP/1.1\r\nHost: crm.localhost\r\n\r\n";
    Forwarded "an empty value" get!("X:\r\n\r\n");
    Forwarded "a tab in a value" get!("X: a\tb\r\n\r\n");
    Forwarded "reserved names with an underscore are dropped" get!("Remote_User: smuggled\r\nX_Forwarded_For: smuggled\r\nx.forwarded.for: smuggled\r\n\r\n");
    Forwarded "a value that looks like a line" get!("X: GET /private HTTP/1.1\r\n\r\n");
};

/// The request line: method, target, version (RFC 9112 §3).
pub(super) const TARGETS: &[Case] = cases! {
    Refused "HTTP/0.9" b"GET /status?id={id}\r\n\r\n";
    Refused "HTTP/0.9 with a field" b"GET /status?id={id}\r\nHost: crm.localhost\r\n\r\n";
    Forwarded "HTTP/1.0" line!("GET /status?id={id} HTTP/1.0");
    Refused "HTTP/1.2" line!("GET /status?id={id} HTTP/1.2");
    Refused "HTTP/2.0" line!("GET /status?id={id} HTTP/2.0");
    Refused "HTTP/1.10" line!("GET /status?id={id} HTTP/1.10");
    Refused "HTTP/01.1" line!("GET /status?id={id} HTTP/01.1");
    Refused "http/1.1" line!("GET /status?id={id} http/1.1");
    Refused "HTTP/ 1.1" line!("GET /status?id={id} HTTP/ 1.1");
    Refused "HTTP 1.1" line!("GET /status?id={id} HTTP 1.1");
    Refused "ICY" line!("GET /status?id={id} ICY");
    Refused "something behind the version" line!("GET /status?id={id} HTTP/1.1 x");
    Refused "a space behind the version" line!("GET /status?id={id} HTTP/1.1 ");
    Refused "two spaces before the target" line!("GET  /status?id={id} HTTP/1.1");
    Refused "two spaces behind the target" line!("GET /status?id={id}  HTTP/1.1");
    Refused "a tab before the target" line!("GET\t/status?id={id} HTTP/1.1");
    Refused "a tab behind the target" line!("GET /status?id={id}\tHTTP/1.1");
    Refused "a form feed behind the target" line!("GET /status?id={id}\x0cHTTP/1.1");
    Refused "a space in the path" line!("GET /status x?id={id} HTTP/1.1");
    Refused "a space in the query" line!("GET /status?id={id}&q=a b HTTP/1.1");
    Refused "a request line in the target" line!("GET /status?id={id} HTTP/1.1 /private HTTP/1.1");
    Refused "a version in the target" line!("GET /status?id={id}&x= HTTP/1.1 HTTP/1.1");
    Refused "a tab in the query" line!("GET /status?id={id}&q=a\tb HTTP/1.1");
    Refused "a control character in the query" line!("GET /status?id={id}&q=\x01 HTTP/1.1");
    Refused "a byte outside ASCII in the query" line!("GET /status?id={id}&q=\u{e9} HTTP/1.1");
    Refused "a byte outside ASCII in the path" line!("GET /statu\u{161}?id={id} HTTP/1.1");
    Refused "a fragment" line!("GET /status?id={id}#x HTTP/1.1");
    Refused "no target" line!("GET  HTTP/1.1");
    Refused "no slash" line!("GET status?id={id} HTTP/1.1");
    Refused "only a query" line!("GET ?id={id} HTTP/1.1");
    Refused "an asterisk" line!("OPTIONS * HTTP/1.1");
    Refused "an asterisk for GET" line!("GET * HTTP/1.1");
    Refused "absolute form" line!("GET http://crm.localhost/status?id={id} HTTP/1.1");
    Refused "absolute form of another host" line!("GET http://login.localhost/status?id={id} HTTP/1.1");
    Refused "absolute form with a user" line!("GET http://crm.localhost@evil.example/status?id={id} HTTP/1.1");
    Refused "absolute form of another scheme" line!("GET file:///status?id={id} HTTP/1.1");
    Refused "a host without a scheme" line!("GET //crm.localhost/status?id={id} HTTP/1.1");
    Refused "authority form" line!("GET crm.localhost:80 HTTP/1.1");
    Refused "CONNECT" line!("CONNECT crm.localhost:443 HTTP/1.1");
    Refused "CONNECT with a path" line!("CONNECT /status?id={id} HTTP/1.1");
    Refused "CONNECT with a body that is a request" b"CONNECT crm.localhost:443 HTTP/1.1\r\nHost: crm.localhost\r\n\r\n{inner}";
    Refused "TRACE" line!("TRACE /status?id={id} HTTP/1.1");
    Refused "TRACK with no space" line!("TRACK/status?id={id} HTTP/1.1");
    Refused "a method with a colon" line!("GE:T /status?id={id} HTTP/1.1");
    Refused "no method" line!(" /status?id={id} HTTP/1.1");
    Refused "a method outside ASCII" line!("G\u{c9}T /status?id={id} HTTP/1.1");
    Forwarded "a method in small letters is another method" line!("get /status?id={id} HTTP/1.1");
    Refused "the preface of HTTP/2" b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    Refused "the preface of HTTP/2 and a request" b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{inner}";
    Refused "a dot segment in absolute form" line!("GET http://crm.localhost/x/../status?id={id} HTTP/1.1");
};

/// One host, one credential.
pub(super) const HOSTS: &[Case] = cases! {
    Refused "no Host" b"GET /status?id={id} HTTP/1.1\r\n\r\n";
    Refused "no Host in HTTP/1.0" b"GET /status?id={id} HTTP/1.0\r\n\r\n";
    Refused "the same Host twice" get!("Host: crm.localhost\r\n\r\n");
    Refused "two Hosts" get!("Host: login.localhost\r\n\r\n");
    Refused "two Hosts, the second empty" get!("Host:\r\n\r\n");
    Refused "a list of Hosts" b"GET /status?id={id} HTTP/1.1\r\nHost: crm.localhost, login.localhost\r\n\r\n";
    Refused "a Host with a user" b"GET /status?id={id} HTTP/1.1\r\nHost: login.localhost@crm.localhost\r\n\r\n";
    Refused "a Host with a path" b"GET /status?id={id} HTTP/1.1\r\nHost: crm.localhost/private\r\n\r\n";
    Refused "a Host with a space" b"GET /status?id={id} HTTP/1.1\r\nHost: crm.localhost x\r\n\r\n";
    Refused "a Host behind a folded line" b"GET /status?id={id} HTTP/1.1\r\nHost:\r\n crm.localhost\r\n\r\n";
    Elsewhere "a Host nobody has" b"GET /status?id={id} HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    Refused "a space before the colon of Host" b"GET /status?id={id} HTTP/1.1\r\nHost : crm.localhost\r\n\r\n";
    Refused "two credentials" get!("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n");
    Refused "Host nominated by Connection" get!("Connection: host\r\n\r\n");
    Refused "X-Forwarded-For nominated by Connection" get!("Connection: X-Forwarded-For\r\n\r\n");
    Refused "a pseudo-field nominated by Connection" get!("Connection: :authority\r\n\r\n");
    Refused "a bad token in Connection" get!("Connection: \"close\"\r\n\r\n");
    Forwarded "Remote-User nominated by Connection" get!("Connection: Remote-User\r\nRemote-User: smuggled\r\n\r\n");
};

/// Bodies that nobody reads, upgrades that nobody grants, answers that come too early.
pub(super) const LEFT_OVERS: &[Case] = cases! {
    Denied "a denied request whose body is a request" b"POST /private HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: 69\r\n\r\n{inner}";
    Denied "a denied request with chunks that are requests" b"POST /private HTTP/1.1\r\nHost: crm.localhost\r\nTransfer-Encoding: chunked\r\n\r\n45\r\n{inner}\r\n0\r\n\r\n";
    Denied "a denied request whose body never comes" b"POST /private HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: 100000\r\n\r\n{inner}";
    Denied "a denied request that waits for 100" b"POST /private HTTP/1.1\r\nHost: crm.localhost\r\nExpect: 100-continue\r\nContent-Length: 69\r\n\r\n{inner}";
    Denied "a denied upgrade with bytes behind it" b"GET /private HTTP/1.1\r\nHost: crm.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 69\r\n\r\n{inner}";
    Forwarded "an app that answers before the body came" b"POST /status?id={id}&answer=early HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: 69\r\n\r\n{inner}";
    Forwarded "an app that answers before the chunks came" b"POST /status?id={id}&answer=early HTTP/1.1\r\nHost: crm.localhost\r\nTransfer-Encoding: chunked\r\n\r\n45\r\n{inner}\r\n0\r\n\r\n";
    Forwarded "Expect" post!("Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    Forwarded "Expect in other letters" post!("Expect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello");
    Forwarded "Expect without a body" get!("Expect: 100-continue\r\n\r\n");
    Refused "Expect what nobody knows" post!("Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello");
    Refused "Expect twice" post!("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    Refused "Expect with something behind it" post!("Expect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello");
    Forwarded "an upgrade that is answered with 200" b"GET /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n{inner}";
    Forwarded "an upgrade that is answered with 401" b"GET /status?id={id}&answer=unauthorized HTTP/1.1\r\nHost: crm.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n{inner}";
    Forwarded "an upgrade that is answered with 304" b"GET /status?id={id}&answer=not_modified HTTP/1.1\r\nHost: crm.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n{inner}";
    Forwarded "an upgrade with a body that is a request" b"POST /status?id={id} HTTP/1.1\r\nHost: crm.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 69\r\n\r\n{inner}";
    Forwarded "an upgrade in HTTP/1.0 is none" b"GET /status?id={id} HTTP/1.0\r\nHost: crm.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{inner}";
    Forwarded "an upgrade to h2c is none" get!("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n{inner}");
    Forwarded "an upgrade to h2c without a nomination is none" get!("Upgrade: h2c\r\n\r\n{inner}");
    Forwarded "an upgrade to h2c or WebSocket is none" get!("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n{inner}");
    Forwarded "an upgrade to TLS is none" get!("Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n{inner}");
    Forwarded "101 that nobody asked for" get!("X: y\r\n\r\n");
    Forwarded "requests in one packet" get!("\r\n{inner}{inner}{inner}");
    Forwarded "TE and Trailer are for the hop" get!("TE: trailers, chunked\r\nTrailer: X\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\n\r\n");
};

/// What the app answers must not become somebody else's answer either.
pub(super) const ANSWERS: &[Case] = cases! {
    Forwarded "with two lengths" line!("GET /status?id={id}&answer=two_lengths HTTP/1.1");
    Forwarded "with two different lengths" line!("GET /status?id={id}&answer=two_different_lengths HTTP/1.1");
    Forwarded "until it closes" line!("GET /status?id={id}&answer=until_closed HTTP/1.1");
    Forwarded "with two hundred hints" line!("GET /status?id={id}&answer=hints HTTP/1.1");
    Forwarded "with one more than was asked for" line!("GET /status?id={id}&answer=extra HTTP/1.1");
    Forwarded "with bare LF" line!("GET /status?id={id}&answer=bare_lf HTTP/1.1");
    Forwarded "with trailers" line!("GET /status?id={id}&answer=trailers HTTP/1.1");
    Forwarded "with 100 first" line!("GET /status?id={id}&answer=continue HTTP/1.1");
    Forwarded "with 204 and a body" line!("GET /status?id={id}&answer=body_of_204 HTTP/1.1");
    Forwarded "with 101 to a plain request" line!("GET /status?id={id}&answer=switch HTTP/1.1");
    Forwarded "to HEAD" line!("HEAD /status?id={id} HTTP/1.1");
    Forwarded "to HEAD with two lengths" line!("HEAD /status?id={id}&answer=two_lengths HTTP/1.1");
    Forwarded "to HEAD with one more" line!("HEAD /status?id={id}&answer=extra HTTP/1.1");
};

/// What `{inner}` stands for: 69 bytes.
pub(super) const INNER: &str = "GET /private?smuggled=yes HTTP/1.1\r\nHost: crm.localhost\r\nX-In: 11\r\n\r\n";
