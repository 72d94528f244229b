//! Whole configurations, from files in a folder to settings or faults.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::breached;

mod documents;
mod faults;
mod settings;

/// A configuration folder of its own.
struct Folder(TempDir);

impl Folder {
    /// With `testdata/sound`: a gateway on localhost with one app.
    fn sound() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.copy(&testdata().join("sound"));
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file; keys are readable by their owner alone.
    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        if name.ends_with(".key") || name.starts_with("secrets/") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        self
    }

    /// Makes a file of these breached passwords.
    fn with_breached(self, name: &str, passwords: &str) -> Self {
        let folder = self.with("leaked.txt", passwords);
        breached::build(&[folder.path().join("leaked.txt")], &folder.path().join(name), |_| ()).unwrap();
        folder
    }

    fn copy(&self, from: &Path) {
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = self.path().join(entry.path().strip_prefix(from).unwrap());
            if entry.path().is_dir() {
                fs::create_dir_all(&to).unwrap();
                for file in fs::read_dir(entry.path()).unwrap().map(Result::unwrap) {
                    copy_file(&file.path(), &to.join(file.file_name()));
                }
            } else {
                copy_file(&entry.path(), &to);
            }
        }
    }

    fn load(&self) -> Result<Loaded, Faults> {
        load(self.path(), NOW)
    }

    /// The codes of its faults, in order.
    fn codes(&self) -> Vec<&'static str> {
        self.load().map_or_else(|faults| faults.0.iter().map(|fault| fault.code).collect(), |_| Vec::new())
    }
}

/// The mode of a file is part of what is tested, and git keeps none: keys are private, but for `readable.key`.
fn copy_file(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mode = if name.ends_with(".key") && name != "readable.key" { 0o600 } else { 0o644 };
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).unwrap();
}

/// What `work` gives, if it gives it in time; generous, for busy machines.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(limit).expect("it takes too long, or failed")
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// 22 November 2026.
const NOW: Timestamp = Timestamp::from_millis(1_795_305_600_000);
