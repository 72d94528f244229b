//! A security key without a browser: it answers what a page would ask `navigator.credentials` for (WebAuthn Level 3).
//!
//! ES256, attestation `none`. It verifies its user, keeps who that is, and counts its uses.

use data_encoding::BASE64URL_NOPAD as BASE64URL;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use vestibule::demo::visitor::{Page, unescaped};

/// A credential on a key.
#[derive(Debug)]
pub struct Passkey {
    pair: EcdsaKeyPair,
    id: [u8; 16],
    owner: String,
    uses: u32,
}

/// What a page asks for.
#[derive(Clone, Debug)]
pub struct Question {
    origin: String,
    options: Value,
}

impl Question {
    /// Of this page. Panics if it asks for none.
    pub fn on(page: &Page) -> Self {
        let text = page.text();
        let (_, options) = text.split_once("data-options value=\"").unwrap_or_else(|| panic!("{}", page.words()));
        let options = unescaped(options.split('"').next().unwrap_or_default());
        let options = serde_json::from_str(&options).expect("options as JSON");
        Self { origin: page.url.origin().ascii_serialization(), options }
    }

    fn client_data(&self, kind: &str) -> Vec<u8> {
        let challenge = &self.options["challenge"];
        let data = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }
}

impl Passkey {
    /// Makes a credential for whoever is asked to have one; the answer as the page's form carries it.
    pub fn create(question: &Question) -> (Self, String) {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("random");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).expect("a key");
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("random");
        let owner = text(&question.options["user"]["id"]);
        let made = Self { pair, id, owner, uses: 0 };
        let mut data = made.data(&text(&question.options["rp"]["id"]), PRESENT | VERIFIED | WITH_CREDENTIAL);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(made.id);
        data.extend(made.public_key());
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": data}.
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        attestation.push(u8::try_from(data.len()).expect("a short one"));
        attestation.extend(data);
        let said = json!({
            "clientDataJSON": BASE64URL.encode(&question.client_data("webauthn.create")),
            "attestationObject": BASE64URL.encode(&attestation),
            "transports": ["usb"],
        });
        let answer = made.answer(&said);
        (made, answer)
    }

    /// Shows it; the answer as the page's form carries it.
    pub fn show(&mut self, question: &Question) -> String {
        self.uses += 1;
        let data = self.data(&text(&question.options["rpId"]), PRESENT | VERIFIED);
        let client_data = question.client_data("webauthn.get");
        let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("random");
        self.answer(&json!({
            "clientDataJSON": BASE64URL.encode(&client_data),
            "authenticatorData": BASE64URL.encode(&data),
            "signature": BASE64URL.encode(signature.as_ref()),
            "userHandle": self.owner,
        }))
    }

    fn answer(&self, said: &Value) -> String {
        let id = BASE64URL.encode(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": said }).to_string()
    }

    /// WebAuthn §6.1, as far as the count.
    fn data(&self, party: &str, flags: u8) -> Vec<u8> {
        let party = digest(&SHA256, party.as_bytes());
        [party.as_ref(), &[flags], &self.uses.to_be_bytes()].concat()
    }

    /// RFC 9053 §7.1.1: {1: EC2, 3: ES256, -1: P-256, -2: x, -3: y}.
    fn public_key(&self) -> Vec<u8> {
        // 4, x, y.
        let point = self.pair.public_key().as_ref();
        let head = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice();
        [head, &point[1..33], b"\x22\x58\x20", &point[33..]].concat()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const WITH_CREDENTIAL: u8 = 0x40;
