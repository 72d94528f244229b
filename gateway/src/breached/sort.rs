//! How are more entries brought into order than memory holds? Parts are sorted and laid aside in files, then merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;

use super::ENTRY;

type Entry = [u8; ENTRY];

/// Takes entries in any order.
pub(super) struct Sorter {
    /// Where a part's file is made; its name is taken away at once, so that nothing is left behind.
    aside: PathBuf,
    at_once: usize,
    part: Vec<Entry>,
    parts: Vec<File>,
}

impl Sorter {
    /// Keeps `at_once` entries in memory.
    pub(super) const fn new(aside: PathBuf, at_once: usize) -> Self {
        Self { aside, at_once, part: Vec::new(), parts: Vec::new() }
    }

    pub(super) fn push(&mut self, entry: Entry) -> io::Result<()> {
        if self.part.len() == self.at_once {
            self.lay_aside()?;
        }
        self.part.push(entry);
        Ok(())
    }

    /// Gives each entry once, in order.
    pub(super) fn each(mut self, mut take: impl FnMut(&Entry) -> io::Result<()>) -> io::Result<()> {
        self.sort();
        let mut sources: Vec<Box<dyn Iterator<Item = io::Result<Entry>>>> =
            vec![Box::new(self.part.into_iter().map(Ok))];
        for mut part in self.parts {
            part.rewind()?;
            let mut entries = BufReader::with_capacity(1 << 18, part);
            sources.push(Box::new(std::iter::from_fn(move || next(&mut entries).transpose())));
        }
        let mut heads = BinaryHeap::new();
        for (source, entries) in sources.iter_mut().enumerate() {
            heads.extend(entries.next().transpose()?.map(|entry| Reverse((entry, source))));
        }
        let mut before = None;
        while let Some(Reverse((entry, source))) = heads.pop() {
            if before != Some(entry) {
                take(&entry)?;
                before = Some(entry);
            }
            heads.extend(sources[source].next().transpose()?.map(|entry| Reverse((entry, source))));
        }
        Ok(())
    }

    fn sort(&mut self) {
        self.part.sort_unstable();
        self.part.dedup();
    }

    fn lay_aside(&mut self) -> io::Result<()> {
        self.sort();
        let file = File::options().read(true).write(true).create_new(true).open(&self.aside)?;
        fs::remove_file(&self.aside)?;
        let mut writer = BufWriter::with_capacity(1 << 18, file);
        for entry in self.part.drain(..) {
            writer.write_all(&entry)?;
        }
        self.parts.push(writer.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }
}

fn next(entries: &mut impl Read) -> io::Result<Option<Entry>> {
    let mut entry = [0; ENTRY];
    match entries.read_exact(&mut entry) {
        Ok(()) => Ok(Some(entry)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_any_order_leaves_once_and_in_order_however_little_fits_into_memory() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |number: u32| [number.to_be_bytes().as_slice(), b"\0\0"].concat().try_into().unwrap();
        // Every number below 500 twice, far from where it belongs.
        let mixed: Vec<Entry> = (0..1_000).map(|number| entry(number * 37 % 500)).collect();
        let expected: Vec<Entry> = (0..500).map(entry).collect();
        for at_once in [1, 3, 100, 999, 1_000, 5_000] {
            let mut sorter = Sorter::new(folder.path().join("part"), at_once);
            for entry in &mixed {
                sorter.push(*entry).unwrap();
            }
            let mut found = Vec::new();
            sorter
                .each(|entry| {
                    found.push(*entry);
                    Ok(())
                })
                .unwrap();
            assert!(found == expected, "{at_once} at once");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }
}
