//! A passkey in software: what a key and its browser send, and everything about it that could be wrong.
//!
//! It answers the questions that our pages put, with a key of its own on the curve P-256 and no attestation. Every field can
//! be changed before it answers, so that a test shows one lie at a time.

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Somebody touched it.
pub const PRESENT: u8 = 0x01;
/// It verified who they are.
pub const VERIFIED: u8 = 0x04;
/// It may be kept elsewhere as well.
pub const MAY_BE_KEPT: u8 = 0x08;
/// It is kept elsewhere as well.
pub const IS_KEPT: u8 = 0x10;

/// A key that holds one credential.
#[derive(Clone)]
pub struct SoftwareKey {
    /// The credential's id.
    pub id: Vec<u8>,
    /// Whose it says it is: learnt when it was made.
    pub owner: Option<Vec<u8>>,
    /// Where the browser says it is.
    pub origin: String,
    /// Whom the key answers.
    pub relying_party: String,
    /// [`PRESENT`] and the others.
    pub flags: u8,
    /// How often it was used; a key that doesn't count stays at 0.
    pub counter: u32,
    /// What it says its algorithm is, as COSE numbers them.
    pub algorithm: i8,
    /// What the browser says was done, instead of the truth.
    pub ceremony: Option<&'static str>,
    /// More of what the browser says.
    pub says: Vec<(&'static str, Value)>,
    /// What it signs with.
    pub secret: SigningKey,
}

impl SoftwareKey {
    /// A new one that verifies its user, for the portal at this origin.
    pub fn new(origin: &str) -> Self {
        let mut bytes = [0; 48];
        getrandom::fill(&mut bytes).expect("random");
        let host = origin.split("://").nth(1).and_then(|rest| rest.split([':', '/']).next()).expect("an origin");
        Self {
            id: bytes[32..].to_vec(),
            owner: None,
            origin: origin.to_owned(),
            relying_party: host.to_owned(),
            flags: PRESENT | VERIFIED,
            counter: 0,
            algorithm: -7,
            ceremony: None,
            says: Vec::new(),
            secret: SigningKey::from_slice(&bytes[..32]).expect("nearly every number is a key"),
        }
    }

    /// Makes the credential that is asked for. The answer as the form carries it.
    pub fn create(&mut self, options: &Value) -> String {
        let owner = options["user"]["id"].as_str().expect("whose it will be");
        self.owner = Some(BASE64URL_NOPAD.decode(owner.as_bytes()).expect("base64url"));
        let client = self.client_data("webauthn.create", options);
        let mut data = self.authenticator_data(0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        // {"fmt": "none", "attStmt": {}, "authData": …}
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        attestation.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        attestation.extend(data);
        self.sent(json!({
            "clientDataJSON": BASE64URL_NOPAD.encode(&client),
            "attestationObject": BASE64URL_NOPAD.encode(&attestation),
            "transports": ["usb"],
        }))
    }

    /// Answers the question. The answer as the form carries it.
    pub fn get(&mut self, options: &Value) -> String {
        if self.counter > 0 {
            self.counter += 1;
        }
        let client = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(0);
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature: Signature = self.secret.sign(&signed);
        self.sent(json!({
            "clientDataJSON": BASE64URL_NOPAD.encode(&client),
            "authenticatorData": BASE64URL_NOPAD.encode(&data),
            "signature": BASE64URL_NOPAD.encode(signature.to_der().as_bytes()),
            "userHandle": self.owner.as_ref().map(|owner| BASE64URL_NOPAD.encode(owner)),
        }))
    }

    fn sent(&self, response: Value) -> String {
        let id = BASE64URL_NOPAD.encode(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }

    fn client_data(&self, ceremony: &str, options: &Value) -> Vec<u8> {
        let mut data = json!({
            "type": self.ceremony.unwrap_or(ceremony),
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": false,
        });
        for (name, value) in &self.says {
            data[*name] = value.clone();
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, more: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.relying_party.as_bytes()).to_vec();
        data.push(self.flags | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// {1: 2, 3: algorithm, -1: 1, -2: x, -3: y}
    fn cose(&self) -> Vec<u8> {
        let point = self.secret.verifying_key().to_encoded_point(false);
        let algorithm = (-1 - self.algorithm).to_be_bytes()[0];
        let mut key = vec![0xa5, 0x01, 0x02, 0x03];
        // Negative numbers below 24 lie in their first byte.
        if algorithm < 24 {
            key.push(0x20 | algorithm)
        } else {
            key.extend([0x38, algorithm])
        }
        key.extend([0x20, 0x01, 0x21, 0x58, 0x20]);
        key.extend(point.x().expect("not the point at infinity"));
        key.extend([0x22, 0x58, 0x20]);
        key.extend(point.y().expect("not compressed"));
        key
    }
}
