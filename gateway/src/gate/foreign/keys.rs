//! Which keys does an issuer publish, and did one of them sign this? JWK sets (RFC 7517, RFC 7518 §6, RFC 8037).
//!
//! A key that can't be used for checking signatures is left out: another purpose, an unknown kind, a shared secret, a
//! private key that should not be there, RSA below 2048 bits or of the broken generator behind CVE-2017-15361. What is left
//! must be something, at most [`MOST`] of them. The arithmetic is ring's.

use access::jwt::{Algorithm, Json, Members};
use data_encoding::BASE64URL_NOPAD;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

/// A key that checks signatures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Material {
    /// A point, uncompressed (SEC 1 §2.3.3).
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// What a set of keys says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// So many could not be used.
    pub(super) left_out: usize,
}

/// Why a set of keys can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum KeysFault {
    #[error("it is not a JWK set, or a member stands twice in it")]
    Form,
    #[error("it has more than {MOST} keys")]
    TooMany,
    #[error("it has no key that could check a signature")]
    Empty,
}

impl KeySet {
    /// Reads a JWK set. Errors: [`KeysFault`].
    pub(super) fn read(bytes: &[u8]) -> Result<Self, KeysFault> {
        let set = Json::object(bytes).ok_or(KeysFault::Form)?;
        let Some(Json::List(written)) = set.get("keys") else { return Err(KeysFault::Form) };
        if written.len() > MOST {
            return Err(KeysFault::TooMany);
        }
        let keys: Vec<_> = written.iter().filter_map(Key::read).collect();
        let left_out = written.len() - keys.len();
        if keys.is_empty() { Err(KeysFault::Empty) } else { Ok(Self { keys, left_out }) }
    }

    /// The key that a token with this header was signed with. Without an id there must be only one that could be it: nobody
    /// tries one after the other.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(algorithm));
        match id {
            Some(_) => fitting.find(|key| key.id.as_deref() == id),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }

    /// Is it still there, by whatever id?
    pub(super) fn has(&self, key: &Key) -> bool {
        self.keys.iter().any(|known| known.material == key.material)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }
}

impl Key {
    fn read(written: &Json) -> Option<Self> {
        let Json::Object(key) = written else { return None };
        let text = |name: &str| key.get(name).map(|value| value.text().ok_or(()));
        let id = text("kid").transpose().ok()?.map(str::to_owned);
        let is_for_signatures = text("use").is_none_or(|purpose| purpose == Ok("sig"));
        let verifies = key.get("key_ops").is_none_or(|uses| uses.texts().is_some_and(|uses| uses.contains(&"verify")));
        if !is_for_signatures || !verifies || key.contains_key("d") {
            return None;
        }
        let material = Material::read(key)?;
        let algorithm = match text("alg") {
            None => None,
            // One that we don't know, or that is no text, fits nothing.
            Some(word) => Some(Algorithm::parse(word.ok()?)?),
        };
        algorithm.is_none_or(|algorithm| material.fits(algorithm)).then_some(Self { id, algorithm, material })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm) && self.material.fits(algorithm)
    }

    /// Did it sign this, in this way?
    pub(super) fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (&self.material, algorithm) {
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Material::P384(point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            (Material::Ed25519(point), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signature)
            }
            (Material::Rsa { n, e }, algorithm) => match rsa(algorithm) {
                Some(parameters) => RsaPublicKeyComponents { n, e }.verify(parameters, message, signature),
                None => return false,
            },
            _ => return false,
        };
        verified.is_ok()
    }
}

impl Material {
    fn read(key: &Members) -> Option<Self> {
        let bytes = |name: &str| BASE64URL_NOPAD.decode(key.get(name)?.text()?.as_bytes()).ok();
        let word = |name: &str| key.get(name).and_then(Json::text);
        match (word("kty")?, word("crv")) {
            ("EC", Some("P-256")) => Some(Self::P256(point(&bytes("x")?, &bytes("y")?, 32)?)),
            ("EC", Some("P-384")) => Some(Self::P384(point(&bytes("x")?, &bytes("y")?, 48)?)),
            ("OKP", Some("Ed25519")) => bytes("x").filter(|x| x.len() == 32).map(Self::Ed25519),
            ("RSA", _) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                let (n, e) = (without_zeros(&n), without_zeros(&e));
                let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
                let is_sound = (2048..=8192).contains(&bits) && is_odd(n) && is_odd(e) && !is_roca(n);
                is_sound.then(|| Self::Rsa { n: n.to_vec(), e: e.to_vec() })
            }
            _ => None,
        }
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::P256(_) => algorithm == Algorithm::Es256,
            Self::P384(_) => algorithm == Algorithm::Es384,
            Self::Ed25519(_) => algorithm == Algorithm::EdDsa,
            Self::Rsa { .. } => rsa(algorithm).is_some(),
        }
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

/// RFC 7518 §6.2.1.2: as long as the field, leading zeros and all. Whether it lies on the curve ring asks.
fn point(x: &[u8], y: &[u8], length: usize) -> Option<Vec<u8>> {
    (x.len() == length && y.len() == length).then(|| [&[4], x, y].concat())
}

/// Some issuers write one in front, for the sign.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}

/// Was the modulus made by the generator whose keys can be factored (CVE-2017-15361)? Its primes are powers of 65537 modulo
/// each small prime, and so is their product; of other numbers one in 2^150 is.
fn is_roca(n: &[u8]) -> bool {
    SMALL_PRIMES.iter().all(|prime| {
        let rest = n.iter().fold(0, |rest: u32, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        (0..*prime).any(|_| {
            power = power * 65_537 % prime;
            power == rest
        })
    })
}

const SMALL_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Keys in a set. An issuer has a handful.
pub(super) const MOST: usize = 100;

#[cfg(test)]
mod tests;
