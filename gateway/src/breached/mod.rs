//! Has this password appeared in a leak? Asked of a file on this machine, and of nobody else (ASVS 6.2.12).
//!
//! The file holds the first 48 bits of each password's SHA-1, sorted, six bytes an entry: a billion passwords are 6 GB, and
//! one good password in 280,000 is then taken for one of them by chance (a million: one in 280 million). Nothing of it is
//! kept in memory; a question reads as many entries as halving takes, thirty of a billion.
//!
//! Before the entries stand 64 bytes: magic and version (16), the number of entries (8, little-endian), the BLAKE3 of all
//! entries (32), the first bytes of the BLAKE3 of what stands before them (8).

mod build;
mod sort;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

pub use build::{BuildError, Built, build};

/// A file of breached passwords, open and with a sound header.
#[derive(Debug)]
pub struct Breached {
    file: File,
    header: Header,
}

/// Why a file is none, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum BreachedError {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It begins as something else.
    #[error("it was not made by `vestibule breached build`, or by another version of it")]
    Foreign,
    /// It is longer or shorter than it says, or not what it was.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

impl Breached {
    /// Opens it and looks at its header and length. Errors: it can't be read, or isn't such a file.
    pub fn open(path: &Path) -> Result<Self, BreachedError> {
        let file = File::open(path)?;
        let mut bytes = [0; HEADER];
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(BreachedError::Foreign),
            read => read?,
        }
        let header = Header::parse(&bytes)?;
        if Some(file.metadata()?.len()) != header.length() {
            return Err(BreachedError::Damaged("its length is not that of its entries"));
        }
        Ok(Self { file, header })
    }

    /// Is it what it was when it was made? Reads all of it: a second or two a gigabyte.
    pub fn verify(&self) -> Result<(), BreachedError> {
        let mut entries = BufReader::with_capacity(1 << 20, At { file: &self.file, at: HEADER as u64 });
        let (mut hasher, mut entry, mut before) = (blake3::Hasher::new(), [0; ENTRY], None);
        for _ in 0..self.header.count {
            entries.read_exact(&mut entry)?;
            hasher.update(&entry);
            if before.is_some_and(|before| before >= entry) {
                return Err(BreachedError::Damaged("its entries are not in order"));
            }
            before = Some(entry);
        }
        match *hasher.finalize().as_bytes() == self.header.digest {
            true => Ok(()),
            false => Err(BreachedError::Damaged("its checksum is another one")),
        }
    }

    /// Is a password with this SHA-1 in it? Blocks for a few reads. Errors: it can't be read any more.
    pub fn contains(&self, sha1: &[u8; 20]) -> io::Result<bool> {
        let wanted = prefix(sha1);
        let (mut low, mut high) = (0, self.header.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut entry = [0; ENTRY];
            self.file.read_exact_at(&mut entry, HEADER as u64 + middle * ENTRY as u64)?;
            match entry.cmp(&wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }

    /// How many passwords are in it.
    pub const fn count(&self) -> u64 {
        self.header.count
    }

    /// Is it the very same file, not written to since? Then what was verified once holds.
    pub fn is_same(&self, other: &Self) -> bool {
        let identity = |file: &File| {
            let metadata = file.metadata().ok()?;
            Some((metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
        };
        let this = identity(&self.file);
        this.is_some() && this == identity(&other.file) && self.header == other.header
    }
}

/// What stands before the entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Header {
    count: u64,
    digest: [u8; 32],
}

impl Header {
    fn parse(bytes: &[u8; HEADER]) -> Result<Self, BreachedError> {
        if bytes[..16] != *MAGIC {
            return Err(BreachedError::Foreign);
        }
        let header = Self {
            count: u64::from_le_bytes(bytes[16..24].try_into().expect("eight bytes")),
            digest: bytes[24..56].try_into().expect("thirty-two bytes"),
        };
        match header.bytes() == *bytes {
            true => Ok(header),
            false => Err(BreachedError::Damaged("its header has another checksum")),
        }
    }

    fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..24].copy_from_slice(&self.count.to_le_bytes());
        bytes[24..56].copy_from_slice(&self.digest);
        let check = blake3::hash(&bytes[..56]);
        bytes[56..].copy_from_slice(&check.as_bytes()[..8]);
        bytes
    }

    /// Of the whole file; `None`: of no file there could be.
    fn length(&self) -> Option<u64> {
        self.count.checked_mul(ENTRY as u64)?.checked_add(HEADER as u64)
    }
}

/// Reads from a place on, without moving the file's own.
struct At<'f> {
    file: &'f File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The part of a SHA-1 that is kept.
fn prefix(sha1: &[u8; 20]) -> [u8; ENTRY] {
    *sha1.first_chunk().expect("a SHA-1 is longer")
}

const MAGIC: &[u8; 16] = b"vestibule leak\n\x01";
const HEADER: usize = 64;
const ENTRY: usize = 6;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use access::Secret;
    use access::password::Password;

    use super::*;

    #[test]
    fn what_was_put_in_is_found_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let passwords: Vec<String> = (0..1_000).map(|number| format!("leaked-{number}")).collect();
        for some in [&passwords[..1], &passwords[..2], &passwords[..7], &passwords[..]] {
            let breached = Breached::open(&made(folder.path(), &some.join("\n"))).unwrap();
            breached.verify().unwrap();
            assert_eq!(breached.count(), some.len() as u64);
            for password in &passwords {
                assert_eq!(breached.contains(&sha1(password)).unwrap(), some.contains(password), "{password}");
            }
        }
    }

    #[test]
    fn a_file_that_is_none_or_was_changed_is_told_from_a_sound_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path(), "correct horse\nbattery staple\nopen sesame\n");
        let sound = std::fs::read(&path).unwrap();
        let damaged = |bytes: Vec<u8>| {
            std::fs::write(&path, bytes).unwrap();
            Breached::open(&path).and_then(|breached| breached.verify()).expect_err("not sound").to_string()
        };
        assert!(damaged(Vec::new()).contains("was not made by"));
        assert!(damaged(b"correct horse battery staple\n".repeat(9)).contains("was not made by"));
        assert!(damaged(sound[..sound.len() - 1].to_vec()).contains("length"));
        assert!(damaged([&sound[..], b"x"].concat()).contains("length"));
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            damaged(bytes);
        }
        // Two entries changed places.
        let mut bytes = sound.clone();
        bytes[HEADER..HEADER + 2 * ENTRY].rotate_left(ENTRY);
        assert!(damaged(bytes).contains("not in order"));
    }

    #[test]
    fn the_same_file_is_known_again_and_a_new_one_in_its_place_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path(), "correct horse\n");
        let (one, other) = (Breached::open(&path).unwrap(), Breached::open(&path).unwrap());
        assert!(one.is_same(&other));
        made(folder.path(), "battery staple\n");
        let new = Breached::open(&path).unwrap();
        assert!(!one.is_same(&new) && one.contains(&sha1("correct horse")).unwrap(), "the old one stays open");
        assert!(new.contains(&sha1("battery staple")).unwrap());
    }

    fn made(folder: &Path, passwords: &str) -> PathBuf {
        let (input, out) = (folder.join("leaked.txt"), folder.join("breached.bin"));
        std::fs::write(&input, passwords).unwrap();
        build(&[input], &out, |_| ()).unwrap();
        out
    }

    fn sha1(password: &str) -> [u8; 20] {
        Password::parse(Secret::new(password.to_owned())).unwrap().sha1()
    }
}
