//! Somebody else who issues tokens: keys, a server that publishes them, and JWTs of every kind.

use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use http::{Response, StatusCode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::backend::{Backend, Body, Spoken, frames, full};

/// What the server says when it is asked for keys.
#[derive(Clone, Debug)]
pub enum Says {
    /// The keys.
    Keys,
    /// Nothing, for ever.
    Nothing,
    /// Its keys, a byte, and never the rest.
    Slowly,
    /// Its keys after ten million spaces.
    Much,
    /// That they are at `/elsewhere`, where they are.
    Elsewhere,
    /// This, with this status.
    Text(u16, String),
}

/// A server that publishes keys.
#[derive(Debug)]
pub struct TestIssuer {
    backend: Backend,
    state: Arc<Mutex<(Says, Value)>>,
}

impl TestIssuer {
    /// Starts one that publishes these keys.
    pub async fn start(keys: &[&Signer]) -> Self {
        Self::speaking(Spoken::Http1, keys).await
    }

    /// Starts one that speaks so.
    pub async fn speaking(spoken: Spoken, keys: &[&Signer]) -> Self {
        let state = Arc::new(Mutex::new((Says::Keys, set_of(keys))));
        let memory = Arc::clone(&state);
        let backend = Backend::start(spoken, move |request| {
            let (says, keys) = memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let is_elsewhere = request.uri().path() == "/elsewhere";
            async move { if is_elsewhere { Response::new(full(keys.to_string())) } else { answer(says, &keys).await } }
        });
        Self { backend: backend.await, state }
    }

    /// What it says from now on.
    pub fn says(&self, says: Says) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = says;
    }

    /// The keys it publishes from now on.
    pub fn publishes(&self, keys: &[&Signer]) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = set_of(keys);
    }

    /// Where the keys are.
    pub fn url(&self) -> String {
        format!("http://{}/keys", self.backend.address())
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.backend.address().port()
    }

    /// The certificate by which it is trusted, PEM.
    pub fn authority(&self) -> String {
        self.backend.authority()
    }

    /// How often it was asked, for whatever.
    pub fn asked(&self) -> usize {
        self.backend.requests().len()
    }

    /// Was it ever asked for `/elsewhere`?
    pub fn was_followed(&self) -> bool {
        self.backend.requests().iter().any(|(told, _)| told.contains("/elsewhere"))
    }
}

async fn answer(says: Says, keys: &Value) -> Response<Body> {
    match says {
        Says::Keys => Response::new(full(keys.to_string())),
        Says::Nothing => std::future::pending().await,
        Says::Slowly => {
            let (sender, body) = frames();
            tokio::spawn(async move {
                let _ = sender.send(hyper::body::Frame::data(bytes::Bytes::from_static(b"{"))).await;
                std::future::pending::<()>().await;
                drop(sender);
            });
            Response::new(body)
        }
        Says::Much => Response::new(full(format!("{}{keys}", " ".repeat(10_000_000)))),
        Says::Elsewhere => {
            let redirect = Response::builder().status(StatusCode::FOUND).header("location", "/elsewhere");
            redirect.body(full(String::new())).expect("well-formed")
        }
        Says::Text(status, text) => Response::builder().status(status).body(full(text)).expect("a status"),
    }
}

/// A key that signs with ES256.
pub struct Signer {
    id: String,
    pair: EcdsaKeyPair,
}

impl Signer {
    /// A new one of this name.
    pub fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("random");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self { id: id.to_owned(), pair: pair.expect("a key") }
    }

    /// The public half.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let base64 = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id, "x": base64(x), "y": base64(y) })
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.with(&json!({ "alg": "ES256", "typ": "JWT", "kid": self.id }), claims)
    }

    /// A token with this header, signed with ES256 whatever it says.
    pub fn with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("random");
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

/// What is signed.
pub fn message(header: &Value, claims: &Value) -> String {
    let base64 = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", base64(header), base64(claims))
}

/// A JWK set.
pub fn set_of(keys: &[&Signer]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}
