//! An upstream that writes down every byte that reaches it, and reads requests strictly.
//!
//! What a lenient server would repair is a fault here: a bare LF or CR, a folded line, a space before a colon, two lengths,
//! a chunk size that is not plain hexadecimal digits. So a test can say both "this is all that arrived" and "it could be
//! read in one way only". The query says how to answer (`answer=`): see `Manner`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One request as it stood on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// Which connection, counted from zero.
    pub connection: usize,
    /// `GET`.
    pub method: String,
    /// The request target, byte for byte.
    pub target: Vec<u8>,
    /// Names as written and values without the white space around them, in order.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body without its chunk sizes.
    pub body: Vec<u8>,
}

impl Recorded {
    /// The values of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| &**value).collect()
    }
}

/// Why bytes are no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault(pub &'static str);

/// How a request is answered: `/x?answer=early`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// 200 with the target as its body.
    Echo,
    /// 200 before the body was read.
    Early,
    /// 101, and then whatever comes is written down.
    Switch,
    /// 401.
    Unauthorized,
    /// 304.
    NotModified,
    /// 200 that says both how long it is and that it is chunked.
    TwoLengths,
    /// 200 with two `Content-Length` fields that differ.
    TwoDifferentLengths,
    /// 200 in HTTP/1.0, which ends with the connection.
    UntilClosed,
    /// Two hundred times 103, then 200.
    Hints,
    /// 200, and behind it an answer that nobody asked for.
    Extra,
    /// A status line and fields that end in bare LF.
    BareLf,
    /// A chunked 200 with trailer fields.
    Trailers,
    /// 100, then 200.
    Continue,
    /// A 204 that has a body all the same.
    BodyOf204,
}

/// A running recorder. Dropping it closes everything.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    _running: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Memory {
    streams: Vec<Vec<u8>>,
    requests: Vec<Recorded>,
    faults: Vec<(usize, Fault)>,
}

impl Recorder {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = socket.local_addr().expect("bound");
        let memory = Arc::new(Mutex::new(Memory::default()));
        let mut running = JoinSet::new();
        running.spawn(serve(socket, Arc::clone(&memory)));
        Self { address, memory, _running: running }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request that arrived whole, in order of its end.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    /// Everything that arrived and was no request, by connection.
    pub fn faults(&self) -> Vec<(usize, Fault)> {
        self.lock().faults.clone()
    }

    /// Every byte of every connection.
    pub fn streams(&self) -> Vec<Vec<u8>> {
        self.lock().streams.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(socket: TcpListener, memory: Arc<Mutex<Memory>>) {
    let mut open = JoinSet::new();
    loop {
        let Ok((stream, _)) = socket.accept().await else { return };
        let number = {
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.streams.push(Vec::new());
            memory.streams.len() - 1
        };
        open.spawn(Connection { stream, number, unread: Vec::new(), memory: Arc::clone(&memory) }.run());
    }
}

struct Connection {
    stream: TcpStream,
    number: usize,
    unread: Vec<u8>,
    memory: Arc<Mutex<Memory>>,
}

impl Connection {
    async fn run(mut self) {
        // Whatever goes wrong here ends the connection; what is no request was written down.
        while let Ok(true) = self.one().await {}
    }

    /// Reads and answers one request; `false` when the connection is over.
    async fn one(&mut self) -> Result<bool, Fault> {
        let end = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end + 4;
            }
            if !self.fill().await {
                let rest = std::mem::take(&mut self.unread);
                return if rest.is_empty() { Ok(false) } else { self.fault(Fault("a header without an end")) };
            }
        };
        let header: Vec<u8> = self.unread.drain(..end).collect();
        let mut request = match read_header(&header) {
            Ok(request) => request,
            Err(fault) => return self.fault(fault),
        };
        request.connection = self.number;
        let framing = match framing(&request) {
            Ok(framing) => framing,
            Err(fault) => return self.fault(fault),
        };
        let manner = manner(&request.target);
        let early = manner == Some(Manner::Early);
        if early {
            self.answer(Manner::Early, &request).await?;
        }
        if request.all("expect") == [b"100-continue"] && framing != Framing::None {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = match framing {
            Framing::None => Vec::new(),
            Framing::Length(length) => match self.take(length).await {
                Some(body) => body,
                None => return self.fault(Fault("a body that is cut off")),
            },
            Framing::Chunked => match self.chunks().await {
                Ok(body) => body,
                Err(fault) => return self.fault(fault),
            },
        };
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).requests.push(request.clone());
        let Some(manner) = manner else { return self.fault(Fault("an answer nobody knows")) };
        if !early {
            self.answer(manner, &request).await?;
        }
        match manner {
            Manner::UntilClosed => Ok(false),
            Manner::Switch => {
                while self.fill().await {}
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    async fn answer(&mut self, manner: Manner, request: &Recorded) -> Result<(), Fault> {
        let body = [request.method.as_bytes(), b" ", &request.target].concat();
        let whole = |status: &str| {
            let length = body.len();
            let head = request.method == "HEAD";
            let mut bytes = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
            bytes.extend_from_slice(if head { b"" } else { &body });
            bytes
        };
        let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n"].concat();
        let bytes = match manner {
            Manner::Echo | Manner::Early => whole("200 OK"),
            Manner::Switch => {
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".to_vec()
            }
            Manner::Unauthorized => whole("401 Unauthorized"),
            Manner::NotModified => b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
            Manner::TwoLengths => {
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
                [&head[..], &chunk, b"\r\n"].concat()
            }
            Manner::TwoDifferentLengths => {
                [&b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"[..], &body].concat()
            }
            Manner::UntilClosed => [&b"HTTP/1.0 200 OK\r\n\r\n"[..], &body].concat(),
            Manner::Hints => {
                let hint = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
                [hint.repeat(200), whole("200 OK")].concat()
            }
            Manner::Extra => {
                [whole("200 OK"), b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED".to_vec()].concat()
            }
            Manner::BareLf => {
                [format!("HTTP/1.1 200 OK\nContent-Length: {}\n\n", body.len()).as_bytes(), &body].concat()
            }
            Manner::Trailers => [
                &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"[..],
                &chunk,
                b"X-End: 1\r\nSet-Cookie: __Host-vestibule=stolen\r\n\r\n",
            ]
            .concat(),
            Manner::Continue => [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), whole("200 OK")].concat(),
            Manner::BodyOf204 => b"HTTP/1.1 204 No Content\r\nContent-Length: 8\r\n\r\nSMUGGLED".to_vec(),
        };
        self.write(&bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(bytes).await.map_err(|_| Fault("the gateway went away"))
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.unread.drain(..length).collect())
    }

    async fn line(&mut self) -> Result<Vec<u8>, Fault> {
        let end = loop {
            match self.unread.iter().position(|byte| *byte == b'\n') {
                Some(end) => break end,
                None if self.fill().await => {}
                None => return Err(Fault("a chunked body that is cut off")),
            }
        };
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        line.strip_suffix(b"\r\n").map(<[u8]>::to_vec).ok_or(Fault("a line of a chunked body that ends in a bare LF"))
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let plain = !line.is_empty() && line.len() <= 8 && line.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(&line).ok().filter(|_| plain);
            let size = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let size = size.ok_or(Fault("a chunk size that is no plain number"))?;
            if size == 0 {
                let last = self.line().await?;
                return if last.is_empty() { Ok(body) } else { Err(Fault("a trailer field")) };
            }
            body.extend(self.take(size).await.ok_or(Fault("a chunk that is cut off"))?);
            if !self.line().await?.is_empty() {
                return Err(Fault("a chunk that is longer than it said"));
            }
        }
    }

    async fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece).await {
            Ok(length) if length > 0 => {
                self.unread.extend_from_slice(&piece[..length]);
                let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
                memory.streams[self.number].extend_from_slice(&piece[..length]);
                true
            }
            _ => false,
        }
    }

    fn fault(&self, fault: Fault) -> Result<bool, Fault> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).faults.push((self.number, fault));
        Err(fault)
    }
}

/// Reads a request's header strictly (RFC 9112 §§3, 5), up to and with the empty line.
pub fn read_header(bytes: &[u8]) -> Result<Recorded, Fault> {
    let text = bytes.strip_suffix(b"\r\n\r\n").ok_or(Fault("a header without an end"))?;
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = find(rest, b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    if lines.iter().any(|line| line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))) {
        return Err(Fault("a bare CR or LF, or a NUL"));
    }
    let mut words = lines[0].split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Fault("a request line that has not three words"));
    };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err(Fault("a method that is no word"));
    }
    if target.is_empty() || !target.iter().all(|byte| (0x21..0x7f).contains(byte)) {
        return Err(Fault("a target with a byte that can't stand in one"));
    }
    if version != b"HTTP/1.1" {
        return Err(Fault("another version than HTTP/1.1"));
    }
    let mut fields = Vec::new();
    for line in &lines[1..] {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault("a field without a colon"))?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Fault("a field name that is no word, or a folded line"));
        }
        if value.iter().any(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f) {
            return Err(Fault("a control character in a field"));
        }
        let name = String::from_utf8_lossy(name).into_owned();
        fields.push((name, value.trim_ascii().to_vec()));
    }
    let method = String::from_utf8_lossy(method).into_owned();
    let request = Recorded { connection: 0, method, target: target.to_vec(), fields, body: Vec::new() };
    match request.all("host").len() {
        1 => Ok(request),
        _ => Err(Fault("no Host, or more than one")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    None,
    Length(usize),
    Chunked,
}

fn framing(request: &Recorded) -> Result<Framing, Fault> {
    match (request.all("content-length").as_slice(), request.all("transfer-encoding").as_slice()) {
        ([], []) => Ok(Framing::None),
        ([length], []) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            let digits = std::str::from_utf8(length).map_err(|_| Fault("a length that is no number"))?;
            digits.parse().map(Framing::Length).map_err(|_| Fault("a length that is too large"))
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        _ => Err(Fault("a length that can be read in two ways")),
    }
}

fn manner(target: &[u8]) -> Option<Manner> {
    let target = String::from_utf8_lossy(target);
    let Some((_, answer)) = target.split_once("answer=") else { return Some(Manner::Echo) };
    Some(match answer.split('&').next().unwrap_or_default() {
        "early" => Manner::Early,
        "switch" => Manner::Switch,
        "unauthorized" => Manner::Unauthorized,
        "not_modified" => Manner::NotModified,
        "two_lengths" => Manner::TwoLengths,
        "two_different_lengths" => Manner::TwoDifferentLengths,
        "until_closed" => Manner::UntilClosed,
        "hints" => Manner::Hints,
        "extra" => Manner::Extra,
        "bare_lf" => Manner::BareLf,
        "trailers" => Manner::Trailers,
        "continue" => Manner::Continue,
        "body_of_204" => Manner::BodyOf204,
        _ => return None,
    })
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
