//! The power fails: writes that were not synced are lost, or half of them, or torn.

use std::sync::Mutex;

use super::*;

/// A disk in memory that knows what a power cut would leave.
#[derive(Default)]
struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// Changes and syncs until the power fails.
    left: u64,
    is_dark: bool,
    random: u64,
}

#[derive(Clone)]
enum Change {
    Length(u64),
    Bytes(u64, Vec<u8>),
}

type Shared = Arc<Mutex<Image>>;

impl Image {
    /// From what the last cut left; the power fails after so many changes and syncs.
    fn after(durable: &[u8], left: u64, random: u64) -> Shared {
        let (live, durable) = (durable.to_vec(), durable.to_vec());
        Arc::new(Mutex::new(Self { live, durable, left, random: random | 1, ..Self::default() }))
    }

    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn step(&mut self) -> io::Result<()> {
        if self.left == 0 && !self.is_dark {
            self.is_dark = true;
            for change in std::mem::take(&mut self.unsynced) {
                match self.draw() % 3 {
                    0 => {}
                    1 => change.apply(&mut self.durable),
                    _ => change.torn(self.draw()).apply(&mut self.durable),
                }
            }
        }
        self.left = self.left.saturating_sub(1);
        if self.is_dark { Err(io::Error::other("the power is gone")) } else { Ok(()) }
    }
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(usize::try_from(*length).unwrap(), 0),
            Self::Bytes(offset, bytes) => {
                let start = usize::try_from(*offset).unwrap();
                if image.len() < start + bytes.len() {
                    image.resize(start + bytes.len(), 0);
                }
                image[start..start + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    /// Only its first sectors of 512 bytes.
    fn torn(self, random: u64) -> Self {
        match self {
            Self::Bytes(offset, mut bytes) => {
                let sectors = u64::try_from(bytes.len() / 512 + 1).unwrap();
                bytes.truncate(512 * usize::try_from(random % sectors).unwrap());
                Self::Bytes(offset, bytes)
            }
            length @ Self::Length(_) => length,
        }
    }
}

#[derive(Debug)]
struct Volatile(Shared2);

/// Without the image in `Debug`.
struct Shared2(Shared);

impl Debug for Shared2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Image")
    }
}

impl Volatile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut image = self.0.0.lock().unwrap();
        image.step()?;
        change.apply(&mut image.live);
        image.unsynced.push(change);
        Ok(())
    }
}

impl StorageBackend for Volatile {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.0.0.lock().unwrap().live.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let image = self.0.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let found = image.live.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(len))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Bytes(offset, data.to_vec()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut image = self.0.0.lock().unwrap();
        image.step()?;
        let synced = std::mem::take(&mut image.unsynced);
        for change in synced {
            change.apply(&mut image.durable);
        }
        Ok(())
    }
}

fn open_on(image: &Shared) -> Result<RedbStore, StoreError> {
    let image = Arc::clone(image);
    let open = move || {
        if image.lock().unwrap().is_dark {
            return Err(io::Error::other("the power is gone").into());
        }
        Database::builder().create_with_backend(Volatile(Shared2(Arc::clone(&image))))
    };
    RedbStore::open_with(Box::new(open), clock(), key())
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_and_nothing_is_there_by_halves_when_the_power_fails() {
    for seed in 1..=60_u64 {
        let mut durable = Vec::new();
        let mut acknowledged: Vec<u8> = Vec::new();
        let mut asked = 0_u8;
        // Several cuts in a row, some of them while the last one is being repaired.
        for cut in 0..6_u64 {
            let random = (seed * 1_000_003 + cut).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let image = Image::after(&durable, 3 + random % 97, random);
            if let Ok(store) = open_on(&image) {
                while !image.lock().unwrap().is_dark && asked < 200 {
                    // Two in one group, each of two rows and one entry.
                    let batches = [asked, asked + 1].map(|n| Batch {
                        writes: vec![put(&[n, 0], &[n; 700]), put(&[n, 1], &[n; 700])],
                        audit: entry(),
                        ..Batch::default()
                    });
                    let answers = all(batches.into_iter().map(|batch| store.apply(batch))).await;
                    acknowledged.extend((asked..).zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(n, _)| n));
                    asked += 2;
                }
            }
            let image = image.lock().unwrap();
            durable = if image.is_dark { image.durable.clone() } else { image.live.clone() };
        }

        let image = Image::after(&durable, u64::MAX, 1);
        let store = open_on(&image).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let rows = store.scan(Table::Person, &[], &[255; 3], 1_000).await.unwrap();
        let keys: Vec<_> = rows.iter().map(|row| row.key.as_slice()).collect();
        for n in &acknowledged {
            assert!(keys.contains(&&[*n, 0][..]), "seed {seed}: {n} was answered and is lost");
        }
        for n in 0..asked {
            let halves = [0, 1].map(|half| keys.contains(&&[n, half][..]));
            assert_eq!(halves[0], halves[1], "seed {seed}: {n} is there by halves");
        }
        assert_eq!(verify(&store).await, Ok(rows.len() as u64 / 2), "seed {seed}: one entry for each change");
        assert!(asked > 2, "seed {seed}: the power failed too early to tell anything");
    }
}
