//! Which files are there? `gateway.yaml`, every policy file, and the digest of all that they name.

use std::cell::RefCell;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::fault::{Page, Report, Source, Spot, source_line};
use super::file::{Gateway, PolicyFile};
use super::{Fault, GATEWAY_FILE, decode, yaml};

/// A file that was read.
#[derive(Debug)]
pub(super) struct Written<T> {
    pub(super) source: Source,
    /// What it says; unusable unless `sound`.
    pub(super) content: T,
    /// Nothing is wrong with its form.
    pub(super) sound: bool,
}

/// All files that are read.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) gateway: Option<Written<Gateway>>,
    /// Sorted by name.
    pub(super) policies: Vec<Written<PolicyFile>>,
    /// All policy files could be read and are sound.
    pub(super) policies_sound: bool,
}

impl Files {
    /// Reads them all; what is wrong with their form is in the report.
    pub(super) fn read(dir: &Path, report: &RefCell<Report>) -> Self {
        let mut files = Self::default();
        let Some(gateway) = read_one::<Gateway>(&dir.join(GATEWAY_FILE), GATEWAY_FILE.to_owned(), report) else {
            return files;
        };
        let folder = gateway.content.policies.value.0.clone();
        if !folder.is_empty() {
            let before = report.borrow().count();
            let page = Page { source: &gateway.source, report };
            files.policies = read_policies(dir, &folder, page, gateway.content.policies.spot);
            files.policies_sound = report.borrow().count() == before;
        }
        files.gateway = Some(gateway);
        files
    }

    /// BLAKE3 over names and contents of all files: these, and the certificates, keys and CAs they name, so that a renewed
    /// certificate is a change as well.
    pub(super) fn digest(&self, dir: &Path) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut add = |name: &str, content: &[u8]| {
            for part in [name.as_bytes(), content] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        };
        if let Some(gateway) = &self.gateway {
            add(&gateway.source.name, gateway.source.text.as_bytes());
            for path in named_files(&gateway.content) {
                add(path, &fs::read(dir.join(path)).unwrap_or_default());
            }
        }
        for policy in &self.policies {
            add(&policy.source.name, policy.source.text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

fn named_files(gateway: &Gateway) -> impl Iterator<Item = &str> {
    let certificates = gateway.tls.iter().flat_map(|tls| &tls.value.certificates.value);
    let apps = gateway.apps.iter().flat_map(|apps| &apps.value.0);
    certificates
        .flat_map(|certificate| [&certificate.value.chain, &certificate.value.key_file])
        .chain(apps.filter_map(|(_, app)| app.value.ca_file.as_ref()))
        .map(|path| path.value.0.as_str())
}

fn read_policies(dir: &Path, folder: &str, page: Page<'_>, spot: Spot) -> Vec<Written<PolicyFile>> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(dir.join(folder)) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
        Err(error) => {
            page.refuse(
                "unreadable_file",
                spot,
                format!("the folder `{folder}` can't be read: {error}"),
                "name the folder with the policy files; a relative name begins at the folder of gateway.yaml",
            );
            return Vec::new();
        }
    };
    // Editors leave `.#name.yaml`, ConfigMaps `..data`.
    paths.retain(|path| is_yaml(path) && !file_name(path).starts_with('.'));
    paths.sort();
    if paths.is_empty() {
        page.refuse(
            "no_policy_file",
            spot,
            format!("no *.yaml in the folder `{folder}`, so nobody could come in"),
            "add a policy file; policies/organization.yaml is an example",
        );
    }
    paths.iter().filter_map(|path| read_one(path, relative_name(dir, folder, &file_name(path)), page.report)).collect()
}

fn read_one<T>(path: &Path, name: String, report: &RefCell<Report>) -> Option<Written<T>>
where
    T: serde::de::DeserializeOwned + Default,
{
    let text = match read_text(path) {
        Ok(text) => text,
        Err(Unreadable { code, spot, source, message, help }) => {
            let Spot { line, column } = spot;
            let fault = Fault { code, file: name, line, column, source, message, help: Some(help.into()) };
            report.borrow_mut().refuse(fault);
            return None;
        }
    };
    let source = Source { name: name.into(), text };
    let page = Page { source: &source, report };
    let before = report.borrow().count();
    let content = yaml::read(page).map(|root| decode::decode(page, &root)).unwrap_or_default();
    let sound = report.borrow().count() == before;
    Some(Written { source, content, sound })
}

struct Unreadable {
    code: &'static str,
    spot: Spot,
    source: String,
    message: String,
    help: &'static str,
}

fn read_text(path: &Path) -> Result<String, Unreadable> {
    let unreadable = |error: std::io::Error| Unreadable {
        code: "unreadable_file",
        spot: Spot::default(),
        source: String::new(),
        message: format!("the file can't be read: {error}"),
        help: "it must exist and be readable by the user the gateway runs as",
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > yaml::MAX_BYTES {
        return Err(Unreadable {
            code: "too_large",
            spot: Spot::default(),
            source: String::new(),
            message: format!("the file is larger than {} MiB", yaml::MAX_BYTES >> 20),
            help: "bring neighbouring addresses together into prefixes, or divide it into several files",
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let spot = Spot {
            line: number(good.matches('\n').count() + 1),
            column: number(good.rsplit('\n').next().unwrap_or_default().chars().count() + 1),
        };
        Unreadable {
            code: "not_utf8",
            source: source_line(&String::from_utf8_lossy(error.as_bytes()), spot),
            spot,
            message: "a byte here is not UTF-8".into(),
            help: "save the file as UTF-8",
        }
    })?;
    // Some editors begin a file with a byte-order mark.
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") && path.is_file()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// As people find it: relative to the configuration folder where it lies below, else as it was written.
fn relative_name(dir: &Path, folder: &str, file: &str) -> String {
    let folder = Path::new(folder);
    folder.strip_prefix(dir).unwrap_or(folder).join(file).to_string_lossy().into_owned()
}
