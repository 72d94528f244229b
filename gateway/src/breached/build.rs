//! How does a leak become such a file? Read line by line, in any order, of any size.
//!
//! Each input is either passwords, one a line, or SHA-1 hashes in hexadecimal, each perhaps with a colon and a count behind
//! it, as Have I Been Pwned gives them out; its first line says which. The result replaces what was there only when it is
//! whole and on the disk.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use access::Secret;
use access::password::Password;
use data_encoding::HEXLOWER_PERMISSIVE;

use super::sort::Sorter;
use super::{ENTRY, HEADER, Header, prefix};

/// What was built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Built {
    /// Lines that were read.
    pub lines: u64,
    /// Lines that are nobody's password here: fewer than eight characters, more than 1,024 bytes, or not UTF-8.
    pub left_out: u64,
    /// Passwords in the file, each once.
    pub passwords: u64,
    /// The file's length.
    pub bytes: u64,
}

/// Why nothing was built; what was there before still is.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An input.
    #[error("{}: it can't be read: {error}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// An input that began with hashes and went on with something else.
    #[error("{}:{line}: expected a SHA-1 in 40 hexadecimal digits, perhaps with a colon and a count behind it", .file.display())]
    NoHash {
        /// Which.
        file: PathBuf,
        /// From one.
        line: u64,
    },
    /// The result, or what is laid aside beside it.
    #[error("{}: it can't be written: {error}", .file.display())]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that says yes to nothing is no protection.
    #[error("there is no password in what was read")]
    Nothing,
}

/// Builds `out` of all inputs (`-` is standard input); `tell` hears how many lines were read, every ten million. Beside
/// `out` there must be room for as much again.
pub fn build(inputs: &[PathBuf], out: &Path, tell: impl FnMut(u64)) -> Result<Built, BuildError> {
    build_with(inputs, out, tell, AT_ONCE)
}

fn build_with(inputs: &[PathBuf], out: &Path, mut tell: impl FnMut(u64), at_once: usize) -> Result<Built, BuildError> {
    let unwritable = |error| BuildError::Unwritable { file: out.to_owned(), error };
    let mut sorter = Sorter::new(beside(out, "part"), at_once);
    let (mut lines, mut left_out) = (0, 0);
    for file in inputs {
        let unreadable = |error| BuildError::Unreadable { file: file.clone(), error };
        let mut input = opened(file).map_err(unreadable)?;
        let (mut line, mut kind, mut number) = (Vec::new(), None, 0);
        while let Some(length) = next(&mut input, &mut line).map_err(unreadable)? {
            number += 1;
            lines += 1;
            if lines % TELL_EVERY == 0 {
                tell(lines);
            }
            if line.is_empty() && length == Length::Fits {
                continue;
            }
            let sha1 = match kind.get_or_insert_with(|| Kind::of(&line)) {
                Kind::Hashes => {
                    Some(hash(&line).ok_or_else(|| BuildError::NoHash { file: file.clone(), line: number })?)
                }
                Kind::Passwords => Some(&line).filter(|_| length == Length::Fits).and_then(|line| password(line)),
            };
            match sha1 {
                Some(sha1) => sorter.push(prefix(&sha1)).map_err(unwritable)?,
                None => left_out += 1,
            }
        }
    }
    let new = beside(out, "new");
    let written = write(sorter, &new).and_then(|count| {
        if count > 0 {
            fs::rename(&new, out)?;
        }
        Ok(count)
    });
    match written {
        Ok(passwords @ 1..) => {
            Ok(Built { lines, left_out, passwords, bytes: HEADER as u64 + passwords * ENTRY as u64 })
        }
        failed => {
            // It may not even be there.
            let _ = fs::remove_file(&new);
            Err(failed.map_or_else(unwritable, |_| BuildError::Nothing))
        }
    }
}

/// Writes the whole file; returns how many entries it has.
fn write(sorter: Sorter, path: &Path) -> io::Result<u64> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&[0; HEADER])?;
    let (mut count, mut hasher) = (0, blake3::Hasher::new());
    sorter.each(|entry| {
        count += 1;
        hasher.update(entry);
        file.write_all(entry)
    })?;
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    file.write_all(&Header { count, digest: *hasher.finalize().as_bytes() }.bytes())?;
    file.sync_all()?;
    Ok(count)
}

/// What an input holds.
#[derive(Clone, Copy)]
enum Kind {
    Passwords,
    Hashes,
}

impl Kind {
    fn of(first: &[u8]) -> Self {
        if hash(first).is_some() { Self::Hashes } else { Self::Passwords }
    }
}

/// Forty hexadecimal digits, perhaps a colon and a count.
fn hash(line: &[u8]) -> Option<[u8; 20]> {
    let (digits, count) = match line.iter().position(|byte| *byte == b':') {
        Some(colon) => (&line[..colon], Some(&line[colon + 1..])),
        None => (line, None),
    };
    let is_count = |count: &[u8]| !count.is_empty() && count.iter().all(u8::is_ascii_digit);
    if digits.len() != 40 || count.is_some_and(|count| !is_count(count)) {
        return None;
    }
    HEXLOWER_PERMISSIVE.decode(digits).ok()?.try_into().ok()
}

/// `None`: nobody could choose it anyway.
fn password(line: &[u8]) -> Option<[u8; 20]> {
    let text = std::str::from_utf8(line).ok().filter(|text| text.chars().count() >= SHORTEST)?;
    Password::parse(Secret::new(text.to_owned())).ok().map(|password| password.sha1())
}

fn opened(file: &Path) -> io::Result<Box<dyn BufRead>> {
    Ok(match file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::with_capacity(1 << 20, File::open(file)?)),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Fits,
    TooLong,
}

/// The next line without its end; `None` at the end. Of one that is longer than a password can be, the rest is read past.
fn next(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Option<Length>> {
    line.clear();
    let read = Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && read as u64 == LONGEST_LINE {
        input.skip_until(b'\n')?;
        return Ok(Some(Length::TooLong));
    }
    line.pop_if(|last| *last == b'\r');
    Ok(Some(Length::Fits))
}

/// `breached.bin` and `new` are `breached.bin.new`.
fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Entries in memory: 96 MiB.
const AT_ONCE: usize = 1 << 24;
const TELL_EVERY: u64 = 10_000_000;
/// No password has fewer characters.
const SHORTEST: usize = 8;
/// Longer than 1,024 bytes in any normal form.
const LONGEST_LINE: u64 = 4_096;

#[cfg(test)]
mod tests {
    use super::super::Breached;
    use super::*;

    #[test]
    fn passwords_and_hashes_become_one_file_of_which_each_is_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let given = [folder.path().join("words.txt"), folder.path().join("hashes.txt")];
        fs::write(&given[0], "correct horse\r\nshort\n\nopen sesame\ncorrect horse\ncafe\u{301} latte\n").unwrap();
        // The SHA-1 of "password" and of "12345678", as the dump and as people write them.
        let hashes = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n7c222fb2927d828af22f592134e8932480637c0d\n";
        fs::write(&given[1], hashes).unwrap();
        let out = folder.path().join("breached.bin");
        for at_once in [2, AT_ONCE] {
            let built = build_with(&given, &out, |_| (), at_once).unwrap();
            assert_eq!(built, Built { lines: 8, left_out: 1, passwords: 5, bytes: 64 + 5 * 6 });
            let breached = Breached::open(&out).unwrap();
            breached.verify().unwrap();
            for (text, expected) in [
                ("correct horse", true),
                ("open sesame", true),
                ("caf\u{e9} latte", true),
                ("password", true),
                ("12345678", true),
                ("short", false),
                ("correct horse\r", false),
            ] {
                assert_eq!(breached.contains(&password_sha1(text)).unwrap(), expected, "{text:?}");
            }
        }
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "nothing is left behind: {names:?}");
    }

    #[test]
    fn what_can_be_nobodys_password_is_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (given, out) = (folder.path().join("words.txt"), folder.path().join("breached.bin"));
        let long = "x".repeat(1_025);
        let longest = "y".repeat(1_024);
        let huge = "z".repeat(3 * 4_096);
        let text = [
            b"caf\xe9 au lait\n",
            long.as_bytes(),
            b"\n",
            longest.as_bytes(),
            b"\n",
            huge.as_bytes(),
            b"\nlast one here",
        ];
        fs::write(&given, text.concat()).unwrap();
        let built = build(&[given], &out, |_| ()).unwrap();
        assert_eq!((built.lines, built.left_out, built.passwords), (5, 3, 2));
        let breached = Breached::open(&out).unwrap();
        assert!(breached.contains(&password_sha1(&longest)).unwrap());
        assert!(breached.contains(&password_sha1("last one here")).unwrap());
    }

    #[test]
    fn what_can_not_be_built_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (given, out) = (folder.path().join("words.txt"), folder.path().join("breached.bin"));
        fs::write(&given, "correct horse\n").unwrap();
        build(std::slice::from_ref(&given), &out, |_| ()).unwrap();
        let before = fs::read(&out).unwrap();
        let fails = |text: &str| {
            fs::write(&given, text).unwrap();
            let error = build(std::slice::from_ref(&given), &out, |_| ()).expect_err("not built").to_string();
            assert_eq!(fs::read(&out).unwrap(), before);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
            error
        };
        assert!(fails("").contains("no password"));
        let hash = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        assert!(fails(&format!("{hash}:1\ncorrect horse\n")).contains("words.txt:2:"));
        assert!(fails(&format!("{hash}:1\n{hash}:\n")).contains("words.txt:2:"));
        let absent = folder.path().join("absent");
        assert!(build(&[absent], &out, |_| ()).expect_err("not there").to_string().contains("can't be read"));
    }

    fn password_sha1(text: &str) -> [u8; 20] {
        Password::parse(Secret::new(text.to_owned())).unwrap().sha1()
    }
}
