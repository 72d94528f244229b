//! Which files are there? `gateway.yaml`, every policy file, and the digest of all that they name.

use std::cell::RefCell;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::fault::{Page, Report, Source, Spot, shown, source_line};
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
#[derive(Debug)]
pub(super) struct Files {
    pub(super) gateway: Written<Gateway>,
    /// Sorted by name.
    pub(super) policies: Vec<Written<PolicyFile>>,
    /// All policy files could be read and are sound.
    pub(super) policies_sound: bool,
}

impl Files {
    /// Reads them all; what is wrong with their form is in the report.
    pub(super) fn read(dir: &Path, report: &RefCell<Report>) -> Self {
        let gateway: Written<Gateway> = read_one(&dir.join(GATEWAY_FILE), GATEWAY_FILE.to_owned(), report);
        let page = Page { source: &gateway.source, report };
        let before = report.borrow().count();
        let policies: Vec<_> = policy_files(page, dir, &gateway.content)
            .iter()
            .map(|(path, name)| read_one(path, name.clone(), report))
            .collect();
        let policies_sound = !policies.is_empty() && report.borrow().count() == before;
        Self { gateway, policies, policies_sound }
    }

    /// What [`digest`] says of the same content.
    pub(super) fn digest(&self, dir: &Path) -> [u8; 32] {
        let policies = self.policies.iter().map(|policy| (&*policy.source.name, &*policy.source.text));
        hash(dir, &self.gateway, policies)
    }
}

/// BLAKE3 over names and contents of all files: these, and the certificates, keys and CAs they name, so that a renewed
/// certificate is a change as well. Asked every two seconds: the policies, which may be long, are not parsed.
pub(super) fn digest(dir: &Path) -> [u8; 32] {
    let report = RefCell::default();
    let gateway: Written<Gateway> = read_one(&dir.join(GATEWAY_FILE), GATEWAY_FILE.to_owned(), &report);
    let page = Page { source: &gateway.source, report: &report };
    let policies: Vec<_> = policy_files(page, dir, &gateway.content)
        .into_iter()
        .map(|(path, name)| (name, read_text(&path).unwrap_or_default()))
        .collect();
    hash(dir, &gateway, policies.iter().map(|(name, text)| (&**name, &**text)))
}

fn hash<'a>(dir: &Path, gateway: &Written<Gateway>, policies: impl Iterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut add = |name: &str, content: &[u8]| {
        for part in [name.as_bytes(), content] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    };
    add(&gateway.source.name, gateway.source.text.as_bytes());
    for path in named_files(&gateway.content) {
        let mut content = Vec::new();
        let read = fs::File::open(dir.join(path)).and_then(|file| file.take(MAX_PEM).read_to_end(&mut content));
        add(path, read.map_or(&[], |_| &content));
    }
    policies.for_each(|(name, text)| add(name, text.as_bytes()));
    *hasher.finalize().as_bytes()
}

fn named_files(gateway: &Gateway) -> impl Iterator<Item = &str> {
    let certificates = gateway.tls.iter().flat_map(|tls| &tls.value.certificates.value);
    let client_ca = gateway.tls.iter().filter_map(|tls| tls.value.client_ca.as_ref());
    let passwords = gateway.sign_in.iter().filter_map(|sign_in| sign_in.value.passwords.as_ref());
    let breached = passwords.filter_map(|passwords| passwords.value.breached_file.as_ref());
    let issuers = gateway.issuers.iter().flat_map(|issuers| &issuers.value.0);
    let apps = gateway.apps.iter().flat_map(|apps| &apps.value.0);
    certificates
        .flat_map(|certificate| [&certificate.value.chain, &certificate.value.key_file])
        .chain(client_ca)
        .chain(breached)
        .chain(issuers.filter_map(|(_, issuer)| issuer.value.jwks_file.as_ref()))
        .chain(apps.filter_map(|(_, app)| app.value.ca_file.as_ref()))
        .map(|path| path.value.0.as_str())
}

/// The policy files with the names people find them by, sorted. None, if the folder can't be read or is empty: the page
/// says so.
fn policy_files(page: Page<'_>, dir: &Path, gateway: &Gateway) -> Vec<(PathBuf, String)> {
    let folder = &gateway.policies.value.0;
    let spot = gateway.policies.spot;
    if folder.is_empty() {
        // Either it was told as missing, or it was written as nothing.
        if spot != Spot::default() && page.report.borrow().is_clean() {
            page.refuse(
                "bad_path",
                spot,
                "expected the name of a folder, found an empty text",
                "write `policies: policies`",
            );
        }
        return Vec::new();
    }
    let listed = fs::read_dir(dir.join(folder)).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = match listed {
        Ok(paths) => paths,
        Err(error) => {
            page.refuse(
                "unreadable_file",
                spot,
                format!("the folder `{}` can't be read: {error}", shown(folder)),
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
            format!("no *.yaml in the folder `{}`, so nobody could come in", shown(folder)),
            "add a policy file; policies/organization.yaml is an example",
        );
    }
    paths
        .into_iter()
        .map(|path| {
            let name = relative_name(dir, folder, &file_name(&path));
            (path, name)
        })
        .collect()
}

/// Reads one file; one that can't be read is empty and not sound, and the report says why.
fn read_one<T>(path: &Path, name: String, report: &RefCell<Report>) -> Written<T>
where
    T: serde::de::DeserializeOwned + Default,
{
    let text = match read_text(path) {
        Ok(text) => text,
        Err(Unreadable { code, spot, source, message, help }) => {
            let Spot { line, column } = spot;
            let fault = Fault { code, file: name.clone(), line, column, source, message, help: Some(help.into()) };
            report.borrow_mut().refuse(fault);
            let source = Source { name: name.into(), text: String::new() };
            return Written { source, content: T::default(), sound: false };
        }
    };
    let source = Source { name: name.into(), text };
    let page = Page { source: &source, report };
    let before = report.borrow().count();
    let content = yaml::read(page).map(|root| decode::decode(page, &root)).unwrap_or_default();
    let sound = report.borrow().count() == before;
    Written { source, content, sound }
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

/// A link that leads nowhere counts: what it was meant to say must not be missed.
fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") && !path.is_dir()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// As people find it: relative to the configuration folder where it lies below, else as it was written.
fn relative_name(dir: &Path, folder: &str, file: &str) -> String {
    let folder = Path::new(folder);
    folder.strip_prefix(dir).unwrap_or(folder).join(file).to_string_lossy().into_owned()
}

/// Longer than any chain of certificates. Of a file of breached passwords it is the beginning, where the checksum of all of it
/// stands.
const MAX_PEM: u64 = 1 << 20;
