//! What travels between two processes that share a store? Frames, and what is in them.
//!
//! A frame is its length (four bytes, big endian, at most [`LONGEST`]) and that many bytes: the number of the question it
//! belongs to, a kind, and the fields in order. Numbers are big endian and of fixed size; bytes and lists carry their
//! length in front. Everything is read with a bound and to its last byte: a frame that is too long, cut off, of an unknown
//! kind or longer than what it says is an error, and an error ends the connection. Values are what the store holds, so
//! secrets are sealed already.

use std::io::{self, ErrorKind};
use std::time::Duration;

use access::Timestamp;
use access::identity::{AppPasswordId, SessionId, TokenId, UserId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::store::{Applied, Batch, Cursor, Feed, Guard, Notice, Row, StoreError, Table, Write};

/// Of these frames. Two processes that differ here or in the layout of rows don't share a store.
pub(crate) const FORMAT: u32 = 2;

/// One of the five verbs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Question {
    Get(Table, Vec<u8>),
    Scan { table: Table, from: Vec<u8>, to: Vec<u8>, max: u64 },
    Apply(Batch),
    Feed(Cursor),
    Sweep { table: Table, before: Timestamp, max: u64 },
}

/// What is said to a question, or by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    Row(Option<Row>),
    Rows(Vec<Row>),
    Applied(Applied),
    Feed(Feed),
    Swept(u64),
    Failed(StoreError),
    /// By itself, under the number zero: the last notice is this one now.
    Latest(Cursor),
}

/// Reads a frame; `None` if the connection ended between two of them. Errors: it ended in the middle, or the frame is
/// empty or too long.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut seen = 0;
    while seen < length.len() {
        match from.read(&mut length[seen..]).await? {
            0 if seen == 0 => return Ok(None),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            more => seen += more,
        }
    }
    let length = u32::from_be_bytes(length) as usize;
    if length == 0 || length > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut frame = Vec::new();
    // What is announced is not reserved: it has to come first.
    from.take(length as u64).read_to_end(&mut frame).await?;
    if frame.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(frame))
}

/// Writes a frame. Errors: the connection's.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    let mut whole = Vec::with_capacity(frame.len() + 4);
    whole.extend_from_slice(&length.to_be_bytes());
    whole.extend_from_slice(frame);
    to.write_all(&whole).await
}

impl Question {
    /// `None`: it does not fit into a frame.
    pub(super) fn write(&self, number: u64) -> Option<Vec<u8>> {
        let mut out = Writing(number.to_be_bytes().to_vec());
        match self {
            Self::Get(table, key) => out.kind(1).table(*table).bytes(key),
            Self::Scan { table, from, to, max } => out.kind(2).table(*table).bytes(from).bytes(to).number(*max),
            Self::Apply(batch) => out.kind(3).batch(batch),
            Self::Feed(after) => out.kind(4).cursor(*after),
            Self::Sweep { table, before, max } => out.kind(5).table(*table).number(before.millis()).number(*max),
        };
        out.frame()
    }

    pub(super) fn read(frame: &[u8]) -> io::Result<(u64, Self)> {
        let mut from = Reading(frame);
        let number = from.number()?;
        let question = match from.byte()? {
            1 => Self::Get(from.table()?, from.bytes()?),
            2 => Self::Scan { table: from.table()?, from: from.bytes()?, to: from.bytes()?, max: from.number()? },
            3 => Self::Apply(from.batch()?),
            4 => Self::Feed(from.cursor()?),
            5 => Self::Sweep { table: from.table()?, before: from.moment()?, max: from.number()? },
            _ => return Err(strange("question")),
        };
        from.end()?;
        Ok((number, question))
    }
}

impl Reply {
    /// `None`: it does not fit into a frame.
    pub(super) fn write(&self, number: u64) -> Option<Vec<u8>> {
        let mut out = Writing(number.to_be_bytes().to_vec());
        match self {
            Self::Row(None) => out.kind(1),
            Self::Row(Some(row)) => out.kind(2).row(row),
            Self::Rows(rows) => out.kind(3).each(rows, Writing::row),
            Self::Applied(Applied::Done { sums }) => out.kind(4).each(sums, |out, sum| out.signed(*sum)),
            Self::Applied(Applied::Refused { guard }) => out.kind(5).number(*guard as u64),
            Self::Feed(Feed { cursor, notices, gap }) => {
                out.kind(6).cursor(*cursor).kind(u8::from(*gap)).each(notices, Writing::notice)
            }
            Self::Swept(rows) => out.kind(7).number(*rows),
            Self::Failed(error) => out.kind(8).error(error),
            Self::Latest(last) => out.kind(9).cursor(*last),
        };
        out.frame()
    }

    pub(super) fn read(frame: &[u8]) -> io::Result<(u64, Self)> {
        let mut from = Reading(frame);
        let number = from.number()?;
        let reply = match from.byte()? {
            1 => Self::Row(None),
            2 => Self::Row(Some(from.row()?)),
            3 => Self::Rows(from.each(Reading::row)?),
            4 => Self::Applied(Applied::Done { sums: from.each(Reading::signed)? }),
            5 => Self::Applied(Applied::Refused { guard: from.place()? }),
            6 => {
                let cursor = from.cursor()?;
                let gap = from.flag()?;
                Self::Feed(Feed { cursor, notices: from.each(Reading::notice)?, gap })
            }
            7 => Self::Swept(from.number()?),
            8 => Self::Failed(from.error()?),
            9 => Self::Latest(from.cursor()?),
            _ => return Err(strange("reply")),
        };
        from.end()?;
        Ok((number, reply))
    }
}

struct Writing(Vec<u8>);

impl Writing {
    fn frame(self) -> Option<Vec<u8>> {
        (self.0.len() <= LONGEST).then_some(self.0)
    }

    fn kind(&mut self, kind: u8) -> &mut Self {
        self.0.push(kind);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn signed(&mut self, number: i64) -> &mut Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn cursor(&mut self, cursor: Cursor) -> &mut Self {
        self.number(cursor.stream).number(cursor.number)
    }

    fn table(&mut self, table: Table) -> &mut Self {
        self.kind(table as u8)
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn each<T>(&mut self, all: &[T], one: impl for<'a> Fn(&'a mut Self, &T) -> &'a mut Self) -> &mut Self {
        self.number(all.len() as u64);
        for item in all {
            one(self, item);
        }
        self
    }

    fn expires(&mut self, expires: Option<Timestamp>) -> &mut Self {
        // "Never" is written in one way only, here as in the store.
        self.number(expires.unwrap_or(Timestamp::NEVER).millis())
    }

    fn row(&mut self, row: &Row) -> &mut Self {
        self.bytes(&row.key).number(row.version).expires(row.expires).bytes(&row.value)
    }

    fn batch(&mut self, batch: &Batch) -> &mut Self {
        self.each(&batch.guards, |out, guard| match guard {
            Guard::Absent(table, key) => out.kind(1).table(*table).bytes(key),
            Guard::Version(table, key, version) => out.kind(2).table(*table).bytes(key).number(*version),
        });
        self.each(&batch.writes, |out, write| match write {
            Write::Put { table, key, expires, value } => {
                out.kind(1).table(*table).bytes(key).expires(*expires).bytes(value)
            }
            Write::Delete { table, key } => out.kind(2).table(*table).bytes(key),
            Write::Add { table, key, by, floor, window } => {
                let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
                out.kind(3).table(*table).bytes(key).signed(*by).signed(*floor).number(window)
            }
        });
        self.each(&batch.audit, |out, entry| out.bytes(entry)).each(&batch.notices, Self::notice)
    }

    fn notice(&mut self, notice: &Notice) -> &mut Self {
        let (kind, id) = match notice {
            Notice::Person(id) => (1, id.0),
            Notice::Session(id) => (2, id.0),
            Notice::Token(id) => (3, id.0),
            Notice::All => (4, [0; 16]),
            Notice::AppPassword(id) => (5, id.0),
        };
        self.kind(kind).0.extend_from_slice(&id);
        self
    }

    fn error(&mut self, error: &StoreError) -> &mut Self {
        match error {
            StoreError::Unavailable(why) => self.kind(1).bytes(why.as_bytes()),
            StoreError::Unknown(why) => self.kind(2).bytes(why.as_bytes()),
            StoreError::Corrupt(why) => self.kind(3).bytes(why.as_bytes()),
            StoreError::TooNew { found, known } => self.kind(4).number((*found).into()).number((*known).into()),
            StoreError::InUse => self.kind(5),
        }
    }
}

struct Reading<'a>(&'a [u8]);

impl Reading<'_> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(|| strange("end"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn end(&self) -> io::Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(strange("rest")) }
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.take().map(|[byte]| byte)
    }

    fn flag(&mut self) -> io::Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(strange("flag")),
        }
    }

    fn number(&mut self) -> io::Result<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn signed(&mut self) -> io::Result<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn small(&mut self) -> io::Result<u32> {
        self.number()?.try_into().map_err(|_| strange("number"))
    }

    fn place(&mut self) -> io::Result<usize> {
        self.number()?.try_into().map_err(|_| strange("place"))
    }

    fn cursor(&mut self) -> io::Result<Cursor> {
        Ok(Cursor { stream: self.number()?, number: self.number()? })
    }

    fn moment(&mut self) -> io::Result<Timestamp> {
        self.number().map(Timestamp::from_millis)
    }

    fn expires(&mut self) -> io::Result<Option<Timestamp>> {
        Ok(Some(self.moment()?).filter(|expires| *expires != Timestamp::NEVER))
    }

    fn table(&mut self) -> io::Result<Table> {
        Table::ALL.get(usize::from(self.byte()?)).copied().ok_or_else(|| strange("table"))
    }

    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let length = self.place()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(|| strange("length"))?;
        self.0 = rest;
        Ok(bytes.to_vec())
    }

    fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.bytes()?).map_err(|_| strange("text"))
    }

    /// Nothing is reserved for what is only announced, and every item takes at least a byte.
    fn each<T>(&mut self, one: impl Fn(&mut Self) -> io::Result<T>) -> io::Result<Vec<T>> {
        let many = self.place()?;
        if many > self.0.len() {
            return Err(strange("length"));
        }
        (0..many).map(|_| one(self)).collect()
    }

    fn row(&mut self) -> io::Result<Row> {
        Ok(Row { key: self.bytes()?, version: self.number()?, expires: self.expires()?, value: self.bytes()? })
    }

    fn batch(&mut self) -> io::Result<Batch> {
        let guards = self.each(|from| {
            Ok(match from.byte()? {
                1 => Guard::Absent(from.table()?, from.bytes()?),
                2 => Guard::Version(from.table()?, from.bytes()?, from.number()?),
                _ => return Err(strange("guard")),
            })
        })?;
        let writes = self.each(|from| {
            let kind = from.byte()?;
            let (table, key) = (from.table()?, from.bytes()?);
            Ok(match kind {
                1 => Write::Put { table, key, expires: from.expires()?, value: from.bytes()? },
                2 => Write::Delete { table, key },
                3 => {
                    let (by, floor) = (from.signed()?, from.signed()?);
                    Write::Add { table, key, by, floor, window: Duration::from_millis(from.number()?) }
                }
                _ => return Err(strange("write")),
            })
        })?;
        Ok(Batch { guards, writes, audit: self.each(Self::bytes)?, notices: self.each(Self::notice)? })
    }

    fn notice(&mut self) -> io::Result<Notice> {
        let (kind, id) = (self.byte()?, self.take()?);
        match kind {
            1 => Ok(Notice::Person(UserId(id))),
            2 => Ok(Notice::Session(SessionId(id))),
            3 => Ok(Notice::Token(TokenId(id))),
            4 if id == [0; 16] => Ok(Notice::All),
            5 => Ok(Notice::AppPassword(AppPasswordId(id))),
            _ => Err(strange("notice")),
        }
    }

    fn error(&mut self) -> io::Result<StoreError> {
        match self.byte()? {
            1 => self.text().map(StoreError::Unavailable),
            2 => self.text().map(StoreError::Unknown),
            3 => self.text().map(StoreError::Corrupt),
            4 => Ok(StoreError::TooNew { found: self.small()?, known: self.small()? }),
            5 => Ok(StoreError::InUse),
            _ => Err(strange("error")),
        }
    }
}

fn strange(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("a frame with a strange {what}"))
}

/// Bytes of one frame: what a page of the largest rows comes to, many times over.
pub(super) const LONGEST: usize = 16 << 20;
