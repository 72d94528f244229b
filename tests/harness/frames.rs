//! HTTP/2 by hand: frames as bytes, over TLS, for tests that send what no library would.
//!
//! Header blocks are written as literals that are never indexed (RFC 7541 §6.2.3), without Huffman; of answers only the
//! status is decoded, which is what tests ask for. Settings ask the peer not to use a dynamic table.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Frame types (RFC 9113 §6).
pub mod kind {
    /// DATA.
    pub const DATA: u8 = 0;
    /// HEADERS.
    pub const HEADERS: u8 = 1;
    /// PRIORITY.
    pub const PRIORITY: u8 = 2;
    /// RST_STREAM.
    pub const RST_STREAM: u8 = 3;
    /// SETTINGS.
    pub const SETTINGS: u8 = 4;
    /// PUSH_PROMISE.
    pub const PUSH_PROMISE: u8 = 5;
    /// PING.
    pub const PING: u8 = 6;
    /// GOAWAY.
    pub const GOAWAY: u8 = 7;
    /// WINDOW_UPDATE.
    pub const WINDOW_UPDATE: u8 = 8;
    /// CONTINUATION.
    pub const CONTINUATION: u8 = 9;
}

/// Frame flags.
pub mod flag {
    /// Of SETTINGS and PING.
    pub const ACK: u8 = 1;
    /// Of DATA and HEADERS.
    pub const END_STREAM: u8 = 1;
    /// Of HEADERS and CONTINUATION.
    pub const END_HEADERS: u8 = 4;
    /// Of DATA and HEADERS.
    pub const PADDED: u8 = 8;
    /// Of HEADERS.
    pub const PRIORITY: u8 = 0x20;
}

/// Error codes (RFC 9113 §7).
pub mod code {
    /// PROTOCOL_ERROR.
    pub const PROTOCOL: u32 = 1;
    /// FLOW_CONTROL_ERROR.
    pub const FLOW_CONTROL: u32 = 3;
    /// STREAM_CLOSED.
    pub const STREAM_CLOSED: u32 = 5;
    /// FRAME_SIZE_ERROR.
    pub const FRAME_SIZE: u32 = 6;
    /// REFUSED_STREAM.
    pub const REFUSED: u32 = 7;
    /// COMPRESSION_ERROR.
    pub const COMPRESSION: u32 = 9;
    /// ENHANCE_YOUR_CALM.
    pub const CALM: u32 = 11;
}

/// What a connection begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// The stream, zero for the connection.
    pub stream: u32,
    /// Everything behind the nine bytes.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame of these parts.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a frame is small");
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// The error code of RST_STREAM and GOAWAY.
    pub fn code(&self) -> Option<u32> {
        let at = match self.kind {
            kind::RST_STREAM => 0,
            kind::GOAWAY => 4,
            _ => return None,
        };
        Some(u32::from_be_bytes(self.payload.get(at..at + 4)?.try_into().expect("four")))
    }
}

/// A header block of literals.
pub fn block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        literal(&mut block, name.as_ref(), value.as_ref());
    }
    block
}

/// One field as a literal that is never indexed.
pub fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0x10);
    for text in [name, value] {
        integer(block, 7, 0, text.len());
        block.extend_from_slice(text);
    }
}

/// An integer with a prefix of so many bits (RFC 7541 §5.1).
pub fn integer(block: &mut Vec<u8>, bits: u8, first: u8, mut value: usize) {
    let most = (1_usize << bits) - 1;
    if value < most {
        block.push(first | u8::try_from(value).expect("fits"));
        return;
    }
    block.push(first | u8::try_from(most).expect("fits"));
    value -= most;
    while value >= 128 {
        block.push(u8::try_from(value % 128).expect("fits") | 0x80);
        value /= 128;
    }
    block.push(u8::try_from(value).expect("fits"));
}

/// One setting of a SETTINGS frame.
pub fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// The usual pseudo-fields of a request for `/status` at the CRM, then more.
pub fn request<'a>(method: &'a str, path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![(":method", method), (":scheme", "https"), (":authority", "crm.localhost"), (":path", path)];
    fields.extend_from_slice(more);
    fields
}

/// One connection that speaks HTTP/2 over TLS.
#[derive(Debug)]
pub struct Frames {
    stream: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

impl Frames {
    /// Connects, with TLS and ALPN `h2`, and sends nothing yet. Panics if the peer speaks no HTTP/2.
    pub async fn connect(port: u16, host: &str, chain: &Path) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(chain).expect("readable") {
            roots.add(certificate.expect("PEM")).expect("a certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("the peer listens");
        tcp.set_nodelay(true).expect("a socket");
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the peer speaks HTTP/2");
        Self { stream, unread: Vec::new() }
    }

    /// Connects and exchanges settings.
    pub async fn open(port: u16, host: &str, chain: &Path) -> Self {
        let mut made = Self::connect(port, host, chain).await;
        made.send_bytes(PREFACE).await;
        made.send(&Frame::new(kind::SETTINGS, 0, 0, setting(1, 0))).await;
        loop {
            let frame = made.frame().await.expect("the peer's settings");
            if frame.kind == kind::SETTINGS && frame.flags & flag::ACK == 0 {
                made.send(&Frame::new(kind::SETTINGS, flag::ACK, 0, [])).await;
                return made;
            }
        }
    }

    /// Sends bytes as they are; that the peer has hung up shows when reading.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        // What is written into a connection that is over shows as its end when reading.
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// Sends one frame.
    pub async fn send(&mut self, frame: &Frame) {
        self.send_bytes(&frame.bytes()).await;
    }

    /// Sends a whole request without a body.
    pub async fn ask(&mut self, stream: u32, fields: &[(&str, &str)]) {
        let flags = flag::END_HEADERS | flag::END_STREAM;
        self.send(&Frame::new(kind::HEADERS, flags, stream, block(fields))).await;
    }

    /// The next frame; `None` once the connection is over. Panics after ten seconds.
    pub async fn frame(&mut self) -> Option<Frame> {
        tokio::time::timeout(PATIENCE, self.read_frame()).await.expect("a frame or the end within ten seconds")
    }

    async fn read_frame(&mut self) -> Option<Frame> {
        while self.unread.len() < 9 {
            self.fill().await?;
        }
        let length = u32::from_be_bytes([0, self.unread[0], self.unread[1], self.unread[2]]) as usize;
        while self.unread.len() < 9 + length {
            self.fill().await?;
        }
        let bytes: Vec<u8> = self.unread.drain(..9 + length).collect();
        let stream = u32::from_be_bytes(bytes[5..9].try_into().expect("four")) & 0x7fff_ffff;
        Some(Frame { kind: bytes[3], flags: bytes[4], stream, payload: bytes[9..].to_vec() })
    }

    async fn fill(&mut self) -> Option<()> {
        let mut piece = [0; 16 * 1024];
        let read = self.stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        self.unread.extend_from_slice(&piece[..read]);
        Some(())
    }

    /// What becomes of a stream. Panics after ten seconds.
    pub async fn outcome(&mut self, stream: u32) -> Outcome {
        let mut status = None;
        while let Some(frame) = self.frame().await {
            match frame.kind {
                kind::GOAWAY if frame.code() != Some(0) => return Outcome::GoAway(frame.code().unwrap_or_default()),
                kind::RST_STREAM if frame.stream == stream => {
                    // RFC 9113 §8.1: an answer that is whole may be followed by NO_ERROR.
                    return match (status, frame.code().unwrap_or_default()) {
                        (Some(status), 0) => Outcome::Answered(status),
                        (_, code) => Outcome::Reset(code),
                    };
                }
                kind::HEADERS if frame.stream == stream => {
                    status = status.or_else(|| status_of(&frame.payload));
                    if frame.flags & flag::END_STREAM != 0 {
                        return Outcome::Answered(status.unwrap_or_default());
                    }
                }
                kind::DATA if frame.stream == stream && frame.flags & flag::END_STREAM != 0 => {
                    return Outcome::Answered(status.unwrap_or_default());
                }
                _ => {}
            }
        }
        Outcome::Closed
    }

    /// Asks for a public path: is the connection still served?
    pub async fn is_served(&mut self, stream: u32) -> bool {
        self.ask(stream, &request("GET", "/status?still=here", &[])).await;
        self.outcome(stream).await == Outcome::Answered(200)
    }
}

/// What became of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A whole answer with this status.
    Answered(u16),
    /// RST_STREAM with this code.
    Reset(u32),
    /// GOAWAY with this code.
    GoAway(u32),
    /// The connection ended without a word.
    Closed,
}

impl Outcome {
    /// Is it a connection error with one of these codes? To hang up is one as well (RFC 9113 §5.4.1).
    pub fn ends_connection(self, codes: &[u32]) -> bool {
        matches!(self, Self::Closed) || matches!(self, Self::GoAway(code) if codes.contains(&code))
    }

    /// Is it a stream error with one of these codes? A connection error is always allowed instead (§5.4.2).
    pub fn ends_stream(self, codes: &[u32]) -> bool {
        matches!(self, Self::Reset(code) if codes.contains(&code)) || self.ends_connection(codes)
    }
}

/// The status at the beginning of an answer's header block: from the static table, or a literal of three digits.
fn status_of(block: &[u8]) -> Option<u16> {
    // A change of the dynamic table's size may stand first (RFC 7541 §6.3).
    let block = if block.first().is_some_and(|byte| byte & 0xe0 == 0x20) { &block[1..] } else { block };
    match *block.first()? {
        indexed @ 0x88..=0x8e => Some([200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)]),
        _ => {
            let length = block.get(1)?;
            let text = block.get(2..2 + usize::from(length & 0x7f))?;
            let digits = if length & 0x80 == 0 { text.to_vec() } else { huffman_digits(text) };
            std::str::from_utf8(&digits).ok()?.parse().ok()
        }
    }
}

/// Three digits in Huffman's code (RFC 7541 appendix B): 0 to 2 have five bits, 3 to 9 have six.
fn huffman_digits(bytes: &[u8]) -> Vec<u8> {
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let mut digits = Vec::new();
    while digits.len() < 3 {
        let five = bits.by_ref().take(5).fold(0, |all, bit| all << 1 | bit);
        digits.push(match five {
            0..=2 => b'0' + five,
            _ => match bits.next() {
                // 011001 is 3, up to 011111, which is 9.
                Some(last) => b'3' + ((five << 1 | last).wrapping_sub(0b01_1001)),
                None => break,
            },
        });
    }
    digits
}

const PATIENCE: Duration = Duration::from_secs(10);
