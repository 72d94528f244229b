//! `init`: a configuration to begin with. What it writes passes `check` as it is.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Style, print, trouble};
use crate::admin::{AdminError, Code};

/// Writes the starter files into a folder; nothing that exists is touched.
pub(super) fn init(dir: &Path, style: Style) -> u8 {
    let existing = FILES.iter().map(|(name, _)| dir.join(name)).find(|path| path.exists());
    if let Some(path) = existing {
        let error = AdminError::new(Code::Failed, format!("{} is there already; nothing was written", path.display()));
        return trouble(&error.help("another folder: `vestibule init --dir DIR`"), style);
    }
    match write(dir) {
        Ok(written) if style == Style::Json => {
            print::out(&format!("{:#}", json!({ "written": written })));
            0
        }
        Ok(written) => {
            let written: Vec<_> = written.iter().map(|path| format!("  {}", path.display())).collect();
            let dir = dir.display();
            print::out(&format!(
                "Written:\n{}\n\nNext:\n  \
                 1. Read both files and change what is not yours: the organization, the hosts, the addresses.\n  \
                 2. vestibule --config {dir} check\n  \
                 3. vestibule --config {dir} user add YOU --role admin      prints the link to your first password\n  \
                 4. vestibule --config {dir} serve",
                written.join("\n")
            ));
            0
        }
        Err((path, error)) => {
            trouble(&AdminError::new(Code::Failed, format!("can't write {}: {error}", path.display())), style)
        }
    }
}

fn write(dir: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut written = Vec::new();
    for (name, content) in FILES {
        let path = dir.join(name);
        let done = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            // Not even one that appeared just now.
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            file.write_all(content.as_bytes())
        });
        match done {
            Ok(()) => written.push(path),
            Err(error) => return Err((path, error)),
        }
    }
    Ok(written)
}

const FILES: [(&str, &str); 2] = [
    ("gateway.yaml", include_str!("starter/gateway.yaml")),
    ("policies/organization.yaml", include_str!("starter/policies/organization.yaml")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use access::Timestamp;

    #[test]
    fn what_it_writes_passes_the_check_without_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("new");
        assert_eq!(init(&dir, Style::Json), 0);
        let loaded = crate::config::load(&dir, Timestamp::default()).expect("a sound configuration");
        assert_eq!(loaded.warnings, []);
        assert!(loaded.cases >= 4);
    }

    #[test]
    fn nothing_that_exists_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("policies")).expect("made");
        fs::write(folder.path().join("policies/organization.yaml"), "mine").expect("written");
        assert_eq!(init(folder.path(), Style::Json), 1);
        assert!(!folder.path().join("gateway.yaml").exists());
        let mine = fs::read_to_string(folder.path().join("policies/organization.yaml")).expect("there");
        assert_eq!(mine, "mine");
    }
}
