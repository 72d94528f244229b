//! Do these bytes mean one thing to everybody? HTTP/1.1 as it comes off the wire, read strictly beside the parser (A12–A15).
//!
//! The parser below us is lenient in places: it takes a bare LF for the end of a line, escapes what can't stand in a target
//! instead of refusing it, reads an empty chunk size as zero, skips a bare LF in a chunk's extension, and drops a length
//! beside a transfer coding. Another program on the way may read each of these differently, and where two programs differ on
//! where a request ends, a second one hides. So every byte of a connection passes here first (RFC 9112 §§2–7).
//!
//! Bodies are skipped over, lines that arrive whole are looked at where they lie, parts of lines are kept: at most
//! [`HEADER_LENGTH`] bytes. Pure: no socket, no clock.

/// The largest header that is looked at (A32); pingora alone would take a mebibyte and 256 fields.
pub(super) const HEADER_LENGTH: usize = 64 * 1024;

/// Bytes that two programs could read differently, and where they begin in what was fed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ambiguous {
    pub(super) at: usize,
}

/// Is this name, in HTTP/2, one that an upstream could fold to a length of the body?
pub(super) fn names_a_length(name: &str) -> bool {
    let is = |length: &[u8]| name.len() == length.len() && is_alias(&[name.as_bytes(), b":"].concat(), length);
    name.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        && (is(CONTENT_LENGTH) || is(TRANSFER_ENCODING))
}

/// Follows one connection from request to request.
#[derive(Debug)]
pub(super) struct Framer {
    expects: Expects,
    /// The beginning of a line that has not ended yet.
    part: Vec<u8>,
    /// Bytes of this header so far.
    header: usize,
    /// What the fields of this header said.
    said: Said,
    /// How the size of a chunk is read.
    size: fn(&[u8]) -> Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expects {
    /// A request line, or one empty line before it.
    Request {
        skipped: bool,
    },
    Field,
    /// So many bytes of a body.
    Body(u64),
    /// A line with a chunk's size.
    Size,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The empty line behind a chunk.
    ChunkEnd,
    Trailer,
    /// Nothing that is HTTP: another protocol took over, or a header is so large that it is refused unread.
    Anything,
}

#[derive(Clone, Copy, Default, Debug)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

impl Framer {
    /// At the beginning of a connection.
    pub(super) fn new() -> Self {
        Self {
            expects: Expects::Request { skipped: false },
            part: Vec::new(),
            header: 0,
            said: Said::default(),
            size: chunk_size,
        }
    }

    /// The next bytes, in pieces as they come. After an error the connection is over.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Ambiguous> {
        let mut at = 0;
        while at < bytes.len() {
            at += self.step(&bytes[at..]).ok_or(Ambiguous { at })?;
        }
        Ok(())
    }

    /// Takes some of these bytes, which are not none: a line, a part of a body. `None`: they mean different things to
    /// different readers.
    fn step(&mut self, rest: &[u8]) -> Option<usize> {
        match self.expects {
            Expects::Anything => Some(rest.len()),
            Expects::Body(left) => {
                let (taken, left) = skip(rest, left);
                self.expects = if left == 0 { Expects::Request { skipped: false } } else { Expects::Body(left) };
                Some(taken)
            }
            Expects::Chunk(left) => {
                let (taken, left) = skip(rest, left);
                self.expects = if left == 0 { Expects::ChunkEnd } else { Expects::Chunk(left) };
                Some(taken)
            }
            Expects::Request { .. } | Expects::Field | Expects::Size | Expects::ChunkEnd | Expects::Trailer => {
                self.line(rest)
            }
        }
    }

    /// Takes one line, or the part of it that is there; `None`: it means different things to different readers.
    fn line(&mut self, rest: &[u8]) -> Option<usize> {
        let end = memchr::memchr(b'\n', rest);
        let piece = end.map_or(rest, |end| &rest[..=end]);
        self.header += piece.len();
        if self.header > HEADER_LENGTH {
            self.part = Vec::new();
            // A header is refused for it with words; a chunk's extension or a trailer is not worth any.
            let in_header = matches!(self.expects, Expects::Request { .. } | Expects::Field);
            self.expects = Expects::Anything;
            return in_header.then_some(piece.len());
        }
        if end.is_none() {
            self.part.extend_from_slice(piece);
        } else if self.part.is_empty() {
            self.expects = self.next(piece)?;
        } else {
            let mut line = std::mem::take(&mut self.part);
            line.extend_from_slice(piece);
            self.expects = self.next(&line)?;
        }
        Some(piece.len())
    }

    /// What comes behind this line, which ends in LF.
    fn next(&mut self, line: &[u8]) -> Option<Expects> {
        let line = line.strip_suffix(b"\r\n")?;
        match self.expects {
            Expects::Request { skipped: false } if line.is_empty() => Some(Expects::Request { skipped: true }),
            Expects::Request { .. } => {
                self.said = Said::default();
                is_request_line(line).then_some(Expects::Field)
            }
            Expects::Field if line.is_empty() => self.body(),
            Expects::Field => self.field(line).then_some(Expects::Field),
            Expects::Size => {
                let size = (self.size)(line)?;
                self.header = 0;
                Some(if size == 0 { Expects::Trailer } else { Expects::Chunk(size) })
            }
            Expects::ChunkEnd => line.is_empty().then_some(Expects::Size),
            Expects::Trailer if line.is_empty() => {
                self.header = 0;
                Some(Expects::Request { skipped: false })
            }
            Expects::Trailer => is_field(line).then_some(Expects::Trailer),
            Expects::Body(_) | Expects::Chunk(_) | Expects::Anything => None,
        }
    }

    fn field(&mut self, line: &[u8]) -> bool {
        let name = |name: &[u8]| line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name);
        let value = |name: &[u8]| trim(&line[name.len() + 1..]);
        if name(CONTENT_LENGTH) {
            let Some(length) = length(value(CONTENT_LENGTH)) else { return false };
            return self.said.length.replace(length).is_none() && !self.said.chunked;
        }
        if name(TRANSFER_ENCODING) {
            let is_only = !std::mem::replace(&mut self.said.chunked, true) && self.said.length.is_none();
            return is_only && value(TRANSFER_ENCODING).eq_ignore_ascii_case(b"chunked");
        }
        self.said.upgrade |= name(b"upgrade");
        // Control characters, folded lines and spaces before the colon the parser refuses itself.
        !is_alias(line, CONTENT_LENGTH) && !is_alias(line, TRANSFER_ENCODING)
    }

    fn body(&mut self) -> Option<Expects> {
        self.header = 0;
        Some(match self.said {
            // Whatever an app makes of it, the connection is not used for another request.
            Said { upgrade: true, .. } => Expects::Anything,
            Said { chunked: true, .. } => Expects::Size,
            Said { length: Some(length), .. } if length > 0 => Expects::Body(length),
            Said { .. } => Expects::Request { skipped: false },
        })
    }
}

/// Follows the body of an app's answer in chunks to its end. Their sizes are read as tolerantly as pingora reads them: they
/// are written anew.
#[derive(Debug)]
pub(super) struct Chunks(Framer);

/// A piece of a body in chunks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    Content(usize),
    /// Sizes, ends of lines, and trailers, which end with whoever reads them (RFC 9110 §6.5.1).
    Frame(usize),
}

impl Chunks {
    /// At the beginning of a body.
    pub(super) fn new() -> Self {
        Self(Framer { expects: Expects::Size, size: chunk_size_of_app, ..Framer::new() })
    }

    /// Takes some of the next bytes, which are not none. `None`: they mean different things to different readers.
    pub(super) fn step(&mut self, rest: &[u8]) -> Option<Piece> {
        let is_content = matches!(self.0.expects, Expects::Chunk(_));
        let taken = self.0.step(rest)?;
        Some(if is_content { Piece::Content(taken) } else { Piece::Frame(taken) })
    }

    /// Was that all of it?
    pub(super) const fn ended(&self) -> bool {
        matches!(self.0.expects, Expects::Request { .. })
    }
}

fn skip(rest: &[u8], left: u64) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
    (taken, left - taken as u64)
}

/// RFC 9112 §3: three words with one space between them, visible ASCII, and a version that is spoken here.
fn is_request_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0")) else { return false };
    let mut words = rest.split(|byte| *byte == b' ');
    let is_word = |word: Option<&[u8]>| {
        word.is_some_and(|word| !word.is_empty() && word.iter().all(|byte| matches!(byte, 0x21..0x7f)))
    };
    let (method, target) = (words.next(), words.next());
    // A fragment is for the browser alone; who strips it sees another target than who doesn't.
    is_word(method) && is_word(target) && words.next().is_none() && target.is_some_and(|target| !target.contains(&b'#'))
}

/// RFC 9112 §5: a name, a colon at once, and no control characters.
fn is_field(line: &[u8]) -> bool {
    let named = memchr::memchr(b':', line)
        .is_some_and(|colon| colon > 0 && line[..colon].iter().all(|byte| matches!(byte, 0x21..0x7f)));
    named && line.iter().all(|byte| *byte >= b' ' && *byte != 0x7f || *byte == b'\t')
}

/// An upstream that folds names (CGI turns `-` and `_` into one) would read a length here that others don't see.
fn is_alias(line: &[u8], name: &[u8]) -> bool {
    line.get(name.len()) == Some(&b':')
        && line.iter().zip(name).all(|(byte, letter)| match letter {
            b'-' => !byte.is_ascii_alphanumeric(),
            letter => byte.eq_ignore_ascii_case(letter),
        })
}

/// RFC 9110 §8.6: digits and nothing else, fewer than 2^63.
pub(super) fn length(value: &[u8]) -> Option<u64> {
    let plain = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| plain)?.parse().ok()
}

/// RFC 9112 §7.1: hexadecimal digits at once, perhaps an extension, which is visible ASCII.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = memchr::memchr(b';', line).map_or(line, |semicolon| line[..semicolon].trim_ascii_end());
    let plain = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let extension = line.iter().all(|byte| matches!(byte, b' '..0x7f | b'\t'));
    let digits = std::str::from_utf8(digits).ok().filter(|_| plain && extension)?;
    u64::from_str_radix(digits, 16).ok()
}

/// The same with the parser that pingora uses: it takes white space behind the digits, and anything in an extension. It also
/// reads no digits as zero, which is the end to one reader and nothing to another.
fn chunk_size_of_app(line: &[u8]) -> Option<u64> {
    line.first().filter(|first| first.is_ascii_hexdigit())?;
    match httparse::parse_chunk_size(&[line, b"\r\n"].concat()) {
        Ok(httparse::Status::Complete((length, size))) if length == line.len() + 2 => Some(size),
        _ => None,
    }
}

/// Without the white space around a value: RFC 9110 §5.6.3 knows two kinds of it.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

#[cfg(test)]
mod tests {
    use super::*;

    /// Fed whole, and byte by byte: the same answer.
    fn passes(bytes: &[u8]) -> bool {
        let whole = Framer::new().feed(bytes).is_ok();
        let mut framer = Framer::new();
        let pieces = bytes.iter().all(|byte| framer.feed(std::slice::from_ref(byte)).is_ok());
        assert_eq!(whole, pieces, "{}", bytes.escape_ascii());
        whole
    }

    #[test]
    fn what_is_well_formed_passes() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"\r\nGET / HTTP/1.0\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\n\n\nGET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length:\t4 \r\n\r\n\r\n\0\0GET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=\"b\"\r\n\n\n\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x05\n\n\n",
            b"GET / HTTP/1.1\r\nX: caf\xc3\xa9\tx\r\n\r\n",
        ] {
            assert!(passes(bytes), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_means_two_things_does_not() {
        for bytes in [
            &b"\n"[..],
            b"\r\n\r\n",
            b"GET / HTTP/1.1\n",
            b"GET /\n",
            b"GET /a b HTTP/1.1\r\n",
            b"GET  / HTTP/1.1\r\n",
            b"GET /\xe9 HTTP/1.1\r\n",
            b"GET /a?b#c HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\r\n",
            b"GET / HTTP/2.0\r\n",
            b"GET / HTTP/1.1\r\nX: y\n",
            b"GET / HTTP/1.1\r\nContent-Length: +4\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 4,4\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n",
            b"GET / HTTP/1.1\r\nContent_Length: 4\r\n",
            b"GET / HTTP/1.1\r\ntransfer.encoding: chunked\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n 2;a\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxxx",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\rz\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx\n",
        ] {
            // A chunk that is too long shows with the end of the line behind it.
            assert!(!passes(&[bytes, b"\r\n"].concat()), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_ambiguity_is_found_where_its_line_begins() {
        let fine = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
        let fed = Framer::new().feed(&[&fine[..], b"x\r\n"].concat());
        assert_eq!(fed, Err(Ambiguous { at: fine.len() }));
    }

    #[test]
    fn no_more_than_a_header_is_kept() {
        let mut framer = Framer::new();
        assert_eq!(framer.feed(&vec![b'x'; 2 * HEADER_LENGTH]), Ok(()), "refused by its size, with words");
        let mut framer = Framer::new();
        framer.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;").expect("well formed");
        for _ in 0..HEADER_LENGTH / 1024 {
            if framer.feed(&[b'x'; 1024]).is_err() {
                return;
            }
            assert!(framer.part.len() <= HEADER_LENGTH);
        }
        panic!("an extension of 64 KiB is none");
    }
}
