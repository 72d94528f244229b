//! How may an upstream read a path that programs read differently? In every one of these ways.
//!
//! An encoded slash separates segments or does not; a backslash is a slash or is not; what follows a semicolon is a
//! parameter of the segment, of the whole path, or part of the name; dot segments are resolved or kept, the encoded ones
//! with the others, after them or not at all; empty segments are kept, merged before dots are resolved, or after. What one
//! program leaves as it is, a second behind it may still read in another way: readings are read again until nothing new
//! comes. A policy decides once for all of them, or not at all ([`crate::policy::Reason::AmbiguousPath`]).
//!
//! An escape that nobody needs (`%70` for `p`, `%c3` for `%C3`) is resolved by most programs and compared as it is by some:
//! that makes two readings of every path with one, tolerated or not.
//!
//! Bounded: paths of at most 1 KiB, at most 32 readings; beyond that the request is refused. A double encoding (`%252F`) is
//! refused always: nobody means it.

use super::{TargetError, decode_byte};

/// What programs read differently in a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unusual {
    /// `%2F`.
    EncodedSlash,
    /// `\`, also encoded.
    Backslash,
    /// `;`, also encoded.
    Semicolon,
    /// `.` and `..` as segments, also encoded.
    DotSegments,
    /// `//`.
    EmptySegments,
}

/// A set of [`Unusual`]; empty by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UnusualPaths(u8);

impl UnusualPaths {
    /// Everything that can be tolerated.
    pub const ALL: Self = Self(0b1_1111);

    /// The set with one more.
    #[must_use]
    pub const fn with(self, unusual: Unusual) -> Self {
        Self(self.0 | 1 << unusual as u8)
    }

    /// Is it in the set?
    pub const fn has(self, unusual: Unusual) -> bool {
        self.0 & 1 << unusual as u8 != 0
    }

    /// Is nothing in the other set that is not in this one?
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Is there nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Why a path with all of `needs` is refused where only this set is tolerated.
    pub(super) const fn refuses(self, needs: Self) -> Option<TargetError> {
        if self.covers(needs) {
            None
        } else if needs.has(Unusual::DotSegments) && !self.has(Unusual::DotSegments) {
            Some(TargetError::DotSegment)
        } else if needs.has(Unusual::EmptySegments) && !self.has(Unusual::EmptySegments) {
            Some(TargetError::EmptySegment)
        } else {
            Some(TargetError::Separator)
        }
    }
}

/// Every reading of one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Readings {
    /// None twice.
    pub(super) all: Vec<String>,
    /// What the path contains, by whatever reading.
    pub(super) needs: UnusualPaths,
}

impl Readings {
    /// Of a path that is read alike but for its needless escapes.
    pub(super) fn two(decoded: String, literal: String) -> Self {
        Self { all: vec![decoded, literal], needs: UnusualPaths::default() }
    }

    /// Of a path as it came. Errors: what is refused always.
    pub(super) fn of(raw: &[u8]) -> Result<Self, TargetError> {
        if raw.len() > LENGTH {
            return Err(TargetError::TooLong);
        }
        let mut made = Self { all: Vec::new(), needs: UnusualPaths::default() };
        made.read(&spell(raw, Needless::Resolved)?)?;
        made.read(&spell(raw, Needless::Kept)?)?;
        let mut next = 0;
        while let Some(reading) = made.all.get(next) {
            let again = respell(reading);
            made.read(&again)?;
            next += 1;
        }
        Ok(made)
    }

    /// Adds each way to read this spelling.
    fn read(&mut self, spelling: &str) -> Result<(), TargetError> {
        let has = |marks: &[char]| spelling.contains(marks);
        self.needs = [
            (Unusual::EncodedSlash, has(&[ENCODED_SLASH])),
            (Unusual::Backslash, has(&['\\', ENCODED_BACKSLASH])),
            (Unusual::Semicolon, has(&[';', ENCODED_SEMICOLON])),
        ]
        .into_iter()
        .filter(|(_, there)| *there)
        .fold(self.needs, |needs, (unusual, _)| needs.with(unusual));
        for slash in either(has(&[ENCODED_SLASH])) {
            for backslash in first(&BACKSLASHES, has(&['\\', ENCODED_BACKSLASH])) {
                for parameters in first(&PARAMETERS, has(&[';', ENCODED_SEMICOLON])) {
                    let split = split(spelling, *slash, *backslash, *parameters);
                    self.segments(&split)?;
                }
            }
        }
        Ok(())
    }

    fn segments(&mut self, path: &str) -> Result<(), TargetError> {
        let segments: Vec<&str> = path[1..].split('/').collect();
        let (last, inner) = segments.split_last().unwrap_or((&"", &[]));
        let empties = inner.iter().any(|segment| segment.is_empty());
        let dots = inner.iter().chain([last]).any(|segment| is_dots(segment, Dots::All));
        if empties {
            self.needs = self.needs.with(Unusual::EmptySegments);
        }
        if dots {
            self.needs = self.needs.with(Unusual::DotSegments);
        }
        for dots in first(&[Dots::None, Dots::Plain, Dots::All], dots) {
            for empties in first(&[Empties::Kept, Empties::MergedFirst, Empties::MergedLast], empties) {
                let mut read = segments.clone();
                if *empties == Empties::MergedFirst {
                    merge(&mut read);
                }
                read = resolve(read, *dots);
                if *empties == Empties::MergedLast {
                    merge(&mut read);
                }
                let reading = format!("/{}", read.join("/"));
                if let Some(file) = reading.strip_suffix('/').filter(|file| is_dots(last, *dots) && !file.is_empty()) {
                    // File names, unlike URLs, end in no slash.
                    self.add(file.to_owned())?;
                }
                self.add(reading)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, spelling: String) -> Result<(), TargetError> {
        let reading = plain(&spelling);
        if !self.all.contains(&reading) {
            if self.all.len() == READINGS {
                return Err(TargetError::Separator);
            }
            self.all.push(reading);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parameters {
    Kept,
    OfSegment { encoded: bool },
    OfPath { encoded: bool },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslashes {
    Kept,
    Plain,
    All,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dots {
    None,
    Plain,
    All,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Empties {
    Kept,
    MergedFirst,
    MergedLast,
}

/// All the choices where there is something to choose, else the first.
fn first<T>(choices: &[T], there: bool) -> &[T] {
    if there { choices } else { &choices[..1] }
}

fn either(there: bool) -> &'static [bool] {
    first(&[false, true], there)
}

/// The path with its needless escapes as they are and the others resolved; `None`: it has none.
pub(super) fn with_needless_escapes(raw: &[u8]) -> Result<Option<String>, TargetError> {
    if !raw.contains(&b'%') {
        return Ok(None);
    }
    let literal = plain(&spell(raw, Needless::Kept)?);
    Ok((literal != plain(&spell(raw, Needless::Resolved)?)).then_some(literal))
}

/// What becomes of an escape that nobody needs?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needless {
    Resolved,
    Kept,
}

/// RFC 3986 §§2.1, 3.3: may the character stand in a path as it is, or is the escape written in small letters?
fn is_needless(byte: u8, written: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,:=@".contains(&byte) || written.iter().any(u8::is_ascii_lowercase)
}

/// Escapes resolved once; of what programs read differently, the encoded form becomes a mark.
fn spell(raw: &[u8], needless: Needless) -> Result<String, TargetError> {
    if raw.first() != Some(&b'/') {
        return Err(TargetError::NotAbsolute);
    }
    let mut spelling = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&byte) = rest.next() {
        let mark = match byte {
            b'#' | b'?' | ..=b' ' | 0x7f.. => return Err(TargetError::Character),
            b'%' => match decode_byte(&mut rest)? {
                b'%' => return Err(TargetError::Separator),
                b'/' => ENCODED_SLASH,
                b'\\' => ENCODED_BACKSLASH,
                b';' => ENCODED_SEMICOLON,
                b'.' => ENCODED_DOT,
                ..b' ' | 0x7f => return Err(TargetError::Character),
                other => {
                    let written = &raw[raw.len() - rest.len() - 3..raw.len() - rest.len()];
                    if needless == Needless::Kept && is_needless(other, written) {
                        spelling.extend_from_slice(written);
                    } else {
                        spelling.push(other);
                    }
                    continue;
                }
            },
            other => {
                spelling.push(other);
                continue;
            }
        };
        spelling.extend_from_slice(mark.encode_utf8(&mut [0; 4]).as_bytes());
    }
    // Some bytes of a letter may have been kept as escapes; that the whole is UTF-8 shows when all are resolved.
    let spelling = match needless {
        Needless::Resolved => String::from_utf8(spelling).map_err(|_| TargetError::Character)?,
        Needless::Kept => String::from_utf8_lossy(&spelling).into_owned(),
    };
    let is_mark = |letter: char| MARKS.iter().any(|(mark, _)| *mark == letter);
    if spelling.chars().any(|letter| letter.is_control() && !is_mark(letter)) {
        return Err(TargetError::Character);
    }
    Ok(spelling)
}

/// A reading, to be read by the next program.
fn respell(reading: &str) -> String {
    reading.replace("%2F", ENCODED_SLASH.encode_utf8(&mut [0; 4]))
}

/// What was decoded without meaning anything. Only a slash that separates nothing can't be shown decoded.
fn plain(spelling: &str) -> String {
    MARKS.iter().fold(spelling.to_owned(), |reading, (mark, text)| reading.replace(*mark, text))
}

/// With the separators chosen and the parameters dropped.
fn split(spelling: &str, slash: bool, backslash: Backslashes, parameters: Parameters) -> String {
    let mut path = spelling.to_owned();
    if slash {
        path = path.replace(ENCODED_SLASH, "/");
    }
    path = match backslash {
        Backslashes::Kept => path,
        Backslashes::Plain => path.replace('\\', "/"),
        Backslashes::All => path.replace(['\\', ENCODED_BACKSLASH], "/"),
    };
    let marks: &[char] = match parameters {
        Parameters::Kept => return path,
        Parameters::OfSegment { encoded: false } | Parameters::OfPath { encoded: false } => &[';'],
        Parameters::OfSegment { encoded: true } | Parameters::OfPath { encoded: true } => &[';', ENCODED_SEMICOLON],
    };
    let without = |text: &str| text.split(marks).next().unwrap_or_default().to_owned();
    match parameters {
        Parameters::OfPath { .. } => without(&path),
        _ => path.split('/').map(without).collect::<Vec<_>>().join("/"),
    }
}

fn is_dots(segment: &str, dots: Dots) -> bool {
    let is_dot = |letter: char| letter == '.' || dots == Dots::All && letter == ENCODED_DOT;
    dots != Dots::None && matches!(segment.chars().count(), 1 | 2) && segment.chars().all(is_dot)
}

fn resolve(segments: Vec<&str>, dots: Dots) -> Vec<&str> {
    let mut resolved = Vec::with_capacity(segments.len());
    let count = segments.len();
    for (index, segment) in segments.into_iter().enumerate() {
        if !is_dots(segment, dots) {
            resolved.push(segment);
            continue;
        }
        if segment.chars().count() == 2 {
            resolved.pop();
        }
        // RFC 3986 §5.2.4: what ends in dots ends in a slash.
        if index + 1 == count {
            resolved.push("");
        }
    }
    resolved
}

fn merge(segments: &mut Vec<&str>) {
    let last = segments.pop();
    segments.retain(|segment| !segment.is_empty());
    segments.extend(last);
}

const BACKSLASHES: [Backslashes; 3] = [Backslashes::Kept, Backslashes::Plain, Backslashes::All];
const PARAMETERS: [Parameters; 5] = [
    Parameters::Kept,
    Parameters::OfSegment { encoded: false },
    Parameters::OfSegment { encoded: true },
    Parameters::OfPath { encoded: false },
    Parameters::OfPath { encoded: true },
];

// Control characters are refused, so these can't come from outside.
const ENCODED_SLASH: char = '\u{1}';
const ENCODED_BACKSLASH: char = '\u{2}';
const ENCODED_SEMICOLON: char = '\u{3}';
const ENCODED_DOT: char = '\u{4}';
const MARKS: [(char, &str); 4] =
    [(ENCODED_SLASH, "%2F"), (ENCODED_BACKSLASH, "\\"), (ENCODED_SEMICOLON, ";"), (ENCODED_DOT, ".")];

const LENGTH: usize = 1024;
const READINGS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> Vec<String> {
        let mut all = Readings::of(raw.as_bytes()).expect(raw).all;
        all.sort();
        all
    }

    #[test]
    fn a_path_is_read_in_every_way_that_is_known() {
        for (raw, expected) in [
            ("/a/b", &["/a/b"][..]),
            ("/a%2Fb", &["/a%2Fb", "/a/b"]),
            ("/a%2fb", &["/a%2Fb", "/a/b"]),
            ("/a\\b", &["/a/b", "/a\\b"]),
            ("/a%5Cb", &["/a/b", "/a\\b"]),
            ("/a;x/b", &["/a", "/a/b", "/a;x/b"]),
            ("/a%3bx/b", &["/a", "/a/b", "/a;x/b"]),
            ("/a/../b", &["/a/../b", "/b"]),
            ("/a/./b", &["/a/./b", "/a/b"]),
            ("/a/%2e%2e/b", &["/a/../b", "/b"]),
            ("/a/.%2e/b", &["/a/../b", "/b"]),
            ("/../b", &["/../b", "/b"]),
            ("/a/..", &["/", "/a/.."]),
            ("/a/.", &["/a", "/a/", "/a/."]),
            ("/a//b", &["/a//b", "/a/b"]),
            ("//a", &["//a", "/a"]),
            ("/file%2etxt", &["/file.txt"]),
            ("/%70ublic//x", &["/%70ublic//x", "/%70ublic/x", "/public//x", "/public/x"]),
            ("/caf%C3%A9", &["/café"]),
            ("/a%20b", &["/a b"]),
            ("/a/..;x/b", &["/", "/a/..", "/a/../b", "/a/..;x/b", "/b"]),
        ] {
            let mut expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
            expected.sort();
            assert_eq!(of(raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_one_program_leaves_the_next_one_reads() {
        // The first resolves the plain dots, the second decodes and resolves the others.
        assert!(of("/s/t/%2e%2e/../%2e%2e/b").contains(&"/s/b".to_owned()));
        assert!(of("/p/q%2F../../r%2F../z").contains(&"/p/z".to_owned()));
        // Dots first, slashes merged afterwards.
        assert!(of("/a//x/../../b//c").contains(&"/a/b/c".to_owned()));
    }

    #[test]
    fn what_nobody_means_is_refused_always() {
        for (raw, why) in [
            ("/a%252Fb", TargetError::Separator),
            ("/a%00", TargetError::Character),
            ("/a%01", TargetError::Character),
            ("/a%7f", TargetError::Character),
            ("/a%c2%85", TargetError::Character),
            ("/a%ff", TargetError::Character),
            ("/a%", TargetError::Character),
            ("/a b", TargetError::Character),
            ("a//b", TargetError::NotAbsolute),
        ] {
            assert_eq!(Readings::of(raw.as_bytes()), Err(why), "{raw}");
        }
        let many = "/a%2F..;x//b%5C%2e%2e%3B/..\\c".repeat(8);
        assert_eq!(Readings::of(many.as_bytes()), Err(TargetError::Separator), "too many readings");
        assert_eq!(Readings::of("/a".repeat(600).as_bytes()), Err(TargetError::TooLong));
    }

    #[test]
    fn a_path_needs_whatever_any_reading_of_it_contains() {
        use Unusual::{DotSegments, EmptySegments, EncodedSlash, Semicolon};
        let needs = |raw: &str| Readings::of(raw.as_bytes()).expect(raw).needs;
        assert_eq!(needs("/a"), UnusualPaths::default());
        assert_eq!(needs("/a;x"), UnusualPaths::default().with(Semicolon));
        assert_eq!(needs("/a/;x/b"), UnusualPaths::default().with(Semicolon).with(EmptySegments));
        assert_eq!(needs("/a/..;x/b"), UnusualPaths::default().with(Semicolon).with(DotSegments));
        assert_eq!(needs("/a%2F%2Fb"), UnusualPaths::default().with(EncodedSlash).with(EmptySegments));
        assert_eq!(UnusualPaths::ALL.refuses(needs("/a/..;x/b")), None);
        let only = UnusualPaths::default().with(Semicolon);
        assert_eq!(only.refuses(needs("/a/..;x/b")), Some(TargetError::DotSegment));
        assert_eq!(only.refuses(needs("/a%2Fb")), Some(TargetError::Separator));
    }
}
