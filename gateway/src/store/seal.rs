//! What may lie in the store as it is, and what only under a key?
//!
//! One key of 32 bytes lies in a file outside the store; everything else is derived from it (BLAKE3 `derive_key`, one
//! context each). Rows are sealed with XChaCha20-Poly1305: `format ‖ key id ‖ nonce ‖ ciphertext`, with table, row key and
//! schema as associated data, so that a row moved to another place does not open. Of secrets that nobody has to read back
//! only keyed digests are kept. The key file is made once, for its owner alone, and never made anew for a store that exists.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use access::Secret;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, HEXLOWER};
use zeroize::{Zeroize, Zeroizing};

use super::chain::AuditKey;
use super::vault::Digest;
use super::{StoreError, Table};

/// The purpose of what sessions are found by.
const SESSION: &str = "session";
/// The purpose of what tokens are compared by.
const TOKEN: &str = "token";

fn of_purpose(digests: &Secret<[u8; 32]>, purpose: &str) -> [u8; 32] {
    blake3::keyed_hash(digests.expose(), purpose.as_bytes()).into()
}

/// The key that all others are derived from.
pub(super) type RootKey = Secret<[u8; 32]>;

/// The keys of one store, derived.
pub(super) struct Keys {
    id: [u8; 4],
    cipher: XChaCha20Poly1305,
    digests: Secret<[u8; 32]>,
    /// The keys of the purposes that requests have.
    sessions: Secret<[u8; 32]>,
    tokens: Secret<[u8; 32]>,
    audit: AuditKey,
}

impl Keys {
    pub(super) fn derive(root: &RootKey) -> Self {
        let derive = |context| blake3::derive_key(context, root.expose());
        let mut seal = derive("vestibule 2026-11 sealed rows");
        let cipher = XChaCha20Poly1305::new(&seal.into());
        seal.zeroize();
        let [a, b, c, d, ..] = derive("vestibule 2026-11 key id");
        let digests = Secret::new(derive("vestibule 2026-11 digests of secrets"));
        Self {
            id: [a, b, c, d],
            cipher,
            sessions: Secret::new(of_purpose(&digests, SESSION)),
            tokens: Secret::new(of_purpose(&digests, TOKEN)),
            digests,
            audit: AuditKey::new(derive("vestibule 2026-11 audit chain")),
        }
    }

    pub(super) fn audit(&self) -> AuditKey {
        self.audit.clone()
    }

    /// The digest of the parts together, under a key of this purpose alone. Parts must be of fixed length but the last.
    pub(super) fn digest(&self, purpose: &'static str, parts: &[&[u8]]) -> Digest {
        let mut key = match purpose {
            SESSION => *self.sessions.expose(),
            TOKEN => *self.tokens.expose(),
            other => of_purpose(&self.digests, other),
        };
        if let [secret] = parts {
            let digest = Digest(blake3::keyed_hash(&key, secret).into());
            key.zeroize();
            return digest;
        }
        let mut hasher = blake3::Hasher::new_keyed(&key);
        key.zeroize();
        for part in parts {
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }

    /// Seals a value for one place.
    pub(super) fn seal(&self, table: Table, key: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; 24] = random()?;
        let payload = Payload { msg: plain, aad: &place(table, key) };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Unavailable("the value is too large to be sealed".to_owned()))?;
        Ok([[FORMAT].as_slice(), &self.id, &nonce, &sealed].concat())
    }

    /// Opens what was sealed for this place. Errors: [`StoreError::Corrupt`].
    pub(super) fn open(&self, table: Table, key: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let broken = |why: &str| {
            let key = HEXLOWER.encode(key);
            StoreError::Corrupt(format!("table {table:?}, row {key}: {why}"))
        };
        let (&[format], rest) = sealed.split_first_chunk().ok_or_else(|| broken("the value is empty"))?;
        if format != FORMAT {
            return Err(broken(&format!("sealed in format {format}; this program knows {FORMAT}")));
        }
        let (id, rest) = rest.split_first_chunk::<4>().ok_or_else(|| broken("the value is cut off"))?;
        if *id != self.id {
            let (found, ours) = (HEXLOWER.encode(id), HEXLOWER.encode(&self.id));
            return Err(broken(&format!("sealed under key {found}, but the key file holds key {ours}")));
        }
        let (nonce, sealed) = rest.split_first_chunk::<24>().ok_or_else(|| broken("the value is cut off"))?;
        let payload = Payload { msg: sealed, aad: &place(table, key) };
        self.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| broken("the value was changed, or belongs to another row"))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({}…)", HEXLOWER.encode(&self.id))
    }
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unavailable(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

/// The key of a store that lies at `store`; made if neither it nor the store is there yet. Errors:
/// [`StoreError::Corrupt`] if the store is there without its key, or the key can't be read as one;
/// [`StoreError::Unavailable`] if others could read it too, or the system says no.
pub(super) fn key_of(store: &Path, key_file: &Path) -> Result<RootKey, StoreError> {
    let failed = |error: std::io::Error| StoreError::Unavailable(format!("key file {}: {error}", key_file.display()));
    match File::open(key_file) {
        Ok(file) => read_key(file, key_file),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
        Err(_) if store.try_exists().map_err(failed)? => Err(StoreError::Corrupt(format!(
            "{} is there, but its key file {} is not; without it nothing in the store can be read, so bring it back from \
             where it is kept",
            store.display(),
            key_file.display(),
        ))),
        Err(_) => make_key(key_file).map_err(failed)?,
    }
}

fn read_key(mut file: File, path: &Path) -> Result<RootKey, StoreError> {
    let failed = |error: std::io::Error| StoreError::Unavailable(format!("key file {}: {error}", path.display()));
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(StoreError::Unavailable(format!(
            "key file {path} is open to others than its owner (mode {mode:04o}); run: chmod 600 {path}"
        )));
    }
    // A key is 44 characters long; whatever is longer is something else and not read to its end.
    let mut text = Zeroizing::new(String::with_capacity(1_024));
    let read = (&mut file).take(1_024).read_to_string(&mut text);
    let decoded = read.ok().and_then(|_| BASE64.decode(text.trim().as_bytes()).ok()).map(Zeroizing::new);
    let key = decoded.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(Secret::new)
        .ok_or_else(|| StoreError::Corrupt(format!("key file {} does not hold 32 bytes in base64", path.display())))
}

fn make_key(path: &Path) -> std::io::Result<Result<RootKey, StoreError>> {
    let key: [u8; 32] = match random() {
        Ok(key) => key,
        Err(error) => return Ok(Err(error)),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let text = Zeroizing::new(BASE64.encode(&key) + "\n");
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Before anything is sealed under the key.
    sync_name(path)?;
    Ok(Ok(Secret::new(key)))
}

/// A new file's name survives a power cut only if its folder was synced too.
pub(super) fn sync_name(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// What a sealed value is bound to.
fn place(table: Table, key: &[u8]) -> Vec<u8> {
    [[table as u8].as_slice(), key, &SCHEMA.to_be_bytes()].concat()
}

/// Of the sealed form.
const FORMAT: u8 = 1;
/// The schema that sealed values are bound to.
const SCHEMA: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> Keys {
        Keys::derive(&Secret::new([byte; 32]))
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_under_its_key() {
        let sealed = keys(1).seal(Table::Factor, b"ana", b"secret").unwrap();
        assert_eq!(*keys(1).open(Table::Factor, b"ana", &sealed).unwrap(), b"secret");
        for (keys, table, key) in
            [(keys(2), Table::Factor, b"ana"), (keys(1), Table::Person, b"ana"), (keys(1), Table::Factor, b"bob")]
        {
            assert!(matches!(keys.open(table, key, &sealed), Err(StoreError::Corrupt(_))));
        }
    }

    #[test]
    fn every_changed_or_missing_byte_of_a_sealed_value_is_noticed() {
        let keys = keys(1);
        let sealed = keys.seal(Table::Factor, b"ana", b"secret").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(keys.open(Table::Factor, b"ana", &changed).is_err(), "byte {place}");
            assert!(keys.open(Table::Factor, b"ana", &sealed[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let keys = keys(1);
        let seal = || keys.seal(Table::Factor, b"ana", b"secret").unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn a_sessions_digest_is_made_like_every_other() {
        let key = of_purpose(&keys(1).digests, SESSION);
        let whole = blake3::Hasher::new_keyed(&key).update(b"secret").finalize();
        assert_eq!(keys(1).digest("session", &[b"secret"]), Digest(whole.into()));
        assert_eq!(keys(1).digest("session", &[b"sec", b"ret"]), Digest(whole.into()));
    }

    #[test]
    fn digests_of_different_purposes_can_not_be_compared() {
        assert_ne!(keys(1).digest("session", &[b"x"]), keys(1).digest("token", &[b"x"]));
        assert_ne!(keys(1).digest("session", &[b"x"]), keys(2).digest("session", &[b"x"]));
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key_file) = (folder.path().join("store"), folder.path().join("key"));
        let made = key_of(&store, &key_file).unwrap();
        assert_eq!(key_file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(key_of(&store, &key_file).unwrap().expose(), made.expose());
    }

    #[test]
    fn a_key_file_that_others_could_read_is_refused_with_the_command_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key_file) = (folder.path().join("store"), folder.path().join("key"));
        key_of(&store, &key_file).map(drop).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = key_of(&store, &key_file).map(drop).unwrap_err().to_string();
            assert!(error.contains(&format!("chmod 600 {}", key_file.display())), "{error}");
        }
    }

    #[test]
    fn a_store_without_its_key_file_gets_no_new_key() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key_file) = (folder.path().join("store"), folder.path().join("key"));
        std::fs::write(&store, b"").unwrap();
        let error = key_of(&store, &key_file).map(drop).unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt(why) if why.contains("its key file")), "{error}");
        assert!(!key_file.exists());
    }

    #[test]
    fn a_key_file_with_something_else_in_it_is_refused_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key_file) = (folder.path().join("store"), folder.path().join("key"));
        for text in ["", "hunter2", &"A".repeat(44), &"A".repeat(4_000)] {
            std::fs::write(&key_file, text).unwrap();
            std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600)).unwrap();
            let error = key_of(&store, &key_file).map(drop).unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt(why) if !why.contains("hunter2")), "{error}");
        }
    }
}
