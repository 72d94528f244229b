//! One HTTP/1.1 answer as it arrives: its status, and where it ends.

use std::io;

/// What has arrived so far.
#[derive(Default)]
pub(crate) struct Answer {
    /// Known once the header is whole.
    pub(crate) status: u16,
    /// Does the server close afterwards?
    pub(crate) closes: bool,
    header: Vec<u8>,
    body: Body,
}

#[derive(Default, PartialEq, Eq)]
enum Body {
    #[default]
    HeaderFirst,
    Left(usize),
    /// The last bytes, to find the end by.
    Chunked(Vec<u8>),
}

/// Is there more to come?
#[derive(PartialEq, Eq)]
pub(crate) enum Read {
    More,
    Whole,
}

impl Answer {
    /// Awaits the next one; what was allocated stays.
    pub(crate) fn begin(&mut self) {
        self.header.clear();
        self.body = Body::HeaderFirst;
        self.status = 0;
        self.closes = false;
    }

    /// Takes bytes that came. Errors: it is no HTTP, or there is more than the answer.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> io::Result<Read> {
        if self.body == Body::HeaderFirst {
            let known = self.header.len();
            self.header.extend_from_slice(bytes);
            let from = known.saturating_sub(3);
            let Some(end) = self.header[from..].windows(4).position(|four| four == b"\r\n\r\n") else {
                return if self.header.len() > 64 * 1024 { Err(wrong("a header without end")) } else { Ok(Read::More) };
            };
            let end = from + end + 4;
            bytes = &bytes[end - known..];
            self.read_header(end)?;
        }
        match &mut self.body {
            Body::HeaderFirst => Ok(Read::More),
            Body::Left(left) => {
                *left = left.checked_sub(bytes.len()).ok_or_else(|| wrong("more than one answer"))?;
                Ok(if *left == 0 { Read::Whole } else { Read::More })
            }
            Body::Chunked(last) => {
                last.extend_from_slice(&bytes[bytes.len().saturating_sub(5)..]);
                let surplus = last.len().saturating_sub(5);
                last.drain(..surplus);
                Ok(if last.as_slice() == b"0\r\n\r\n" { Read::Whole } else { Read::More })
            }
        }
    }

    fn read_header(&mut self, end: usize) -> io::Result<()> {
        let header = &self.header[..end];
        let status = header.strip_prefix(b"HTTP/1.1 ").and_then(|rest| std::str::from_utf8(rest.get(..3)?).ok());
        self.status = status.and_then(|status| status.parse().ok()).ok_or_else(|| wrong("no status line"))?;
        self.body = Body::Left(0);
        for line in header.split(|byte| *byte == b'\n').skip(1) {
            if let Some(value) = field(line, b"content-length:") {
                self.body = Body::Left(value.parse().map_err(|_| wrong("no length"))?);
            } else if field(line, b"transfer-encoding:").is_some() {
                self.body = Body::Chunked(Vec::new());
            } else if let Some(value) = field(line, b"connection:") {
                self.closes = value.eq_ignore_ascii_case("close");
            }
        }
        Ok(())
    }
}

/// The value, if the line is this field.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| std::str::from_utf8(value).map_or("", str::trim))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
