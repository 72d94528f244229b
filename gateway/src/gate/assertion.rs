//! Who is it, signed, for one app? `X-Vestibule-Assertion` and the keys that prove it (Z3; RFC 7519, RFC 7517).
//!
//! ES256, audience = the app's name, 60 seconds. Signing costs more than forwarding, so an assertion is used again for the
//! same person, app and proofs for three quarters of its life, and forgotten the moment the person changes. It is kept
//! with everything else that the app is told, in one piece. The last one of each person hangs on them, where whoever serves
//! them is already: most people use one app at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use access::identity::{AppName, UserId};
use access::policy::Methods;
use access::{Secret, Timestamp};
use data_encoding::BASE64URL_NOPAD;
use http::HeaderValue;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::DecodePrivateKey;
use quick_cache::sync::Cache;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde::Serialize;

use super::facts::{KnownPerson, Visitor};
use super::identity::Identity;
use super::login::method_word;
use crate::config::InForce;

/// Signs assertions.
pub(super) struct Assertions {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// The same for all of them, encoded, with its dot.
    header: String,
    jwks: serde_json::Value,
    /// A session by its proofs; `None`: a token, which is something else than a session without any.
    made: Cache<(UserId, AppName, Option<Methods>), Made>,
    /// The names of the apps they were made for: there once.
    apps: Mutex<BTreeSet<Arc<AppName>>>,
}

/// Who somebody is, signed for one app.
pub struct Introduction {
    app: Arc<AppName>,
    shown: Option<Methods>,
    generation: u64,
    at: Timestamp,
    identity: Identity,
}

/// One that is remembered, and whom it speaks of; after any change of theirs that is another value.
#[derive(Clone)]
struct Made {
    of: Weak<KnownPerson>,
    introduction: Arc<Introduction>,
}

impl Introduction {
    /// What the app is told.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    iat: u64,
    exp: u64,
    preferred_username: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    groups: Vec<&'a str>,
    roles: Vec<&'a str>,
    /// RFC 8176 has words for some; ours are plain.
    amr: Vec<&'static str>,
}

/// Why an assertion can't be made.
#[derive(Debug, thiserror::Error)]
#[error("the assertion key can't be used: {0}")]
pub struct AssertionError(String);

impl Assertions {
    /// From the PKCS#8 PEM in the store.
    pub(super) fn new(pem: &Secret<String>) -> Result<Self, AssertionError> {
        let fault = |error: &dyn std::fmt::Display| AssertionError(error.to_string());
        let secret = p256::SecretKey::from_pkcs8_pem(pem.expose()).map_err(|error| fault(&error))?;
        let point = secret.public_key().to_encoded_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(fault(&"the point at infinity")) };
        let base64 = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        // RFC 7638: the thumbprint's members in this order, then hashed; any stable digest serves as a key id.
        let thumb = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, base64(x), base64(y));
        let key_id = base64(&blake3::hash(thumb.as_bytes()).as_bytes()[..16]);
        let jwks = serde_json::json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key_id, "x": base64(x), "y": base64(y),
        }]});
        let random = SystemRandom::new();
        let (scalar, whole) = (secret.to_bytes(), point.as_bytes());
        let key =
            EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &scalar, whole, &random);
        let key = key.map_err(|error| fault(&error))?;
        let header = serde_json::json!({ "typ": "JWT", "alg": "ES256", "kid": key_id }).to_string();
        let header = format!("{}.", base64(header.as_bytes()));
        Ok(Self {
            key,
            random,
            header,
            jwks,
            made: Cache::with_weighter(1024, KEPT, quick_cache::UnitWeighter),
            apps: Mutex::default(),
        })
    }

    /// The public keys.
    pub(super) const fn jwks(&self) -> &serde_json::Value {
        &self.jwks
    }

    /// This visitor to that app, from memory if it is fresh enough.
    pub(super) fn introduce(
        &self,
        in_force: &InForce,
        visitor: &Arc<Visitor>,
        app: &AppName,
        now: Timestamp,
    ) -> Result<Arc<Introduction>, AssertionError> {
        // What it says is the same for all sessions of a person that were opened with the same proofs.
        let shown = visitor.session().map(|session| session.factors);
        let person = visitor.known_person();
        let is_fresh =
            |made: &Introduction| made.generation == in_force.generation && now.since(made.at) < USED && now >= made.at;
        let last = person.introduced.load().upgrade();
        if let Some(made) = last.filter(|made| made.shown == shown && *made.app == *app && is_fresh(made)) {
            return Ok(made);
        }
        let key = (visitor.person().id, app.clone(), shown);
        let is_theirs = |made: &Made| std::ptr::eq(made.of.as_ptr(), Arc::as_ptr(person));
        if let Some(made) = self.made.get(&key).filter(|made| is_theirs(made) && is_fresh(&made.introduction)) {
            return Ok(made.introduction);
        }
        let signed = self.sign(in_force, visitor, app, now)?;
        let introduction = Arc::new(Introduction {
            app: self.kept(app),
            shown,
            generation: in_force.generation,
            at: now,
            identity: Identity::of(visitor.record(), &signed),
        });
        // It hangs there for as long as it is kept here, where all of them together are bounded.
        person.introduced.store(Arc::downgrade(&introduction));
        self.made.insert(key, Made { of: Arc::downgrade(person), introduction: Arc::clone(&introduction) });
        Ok(introduction)
    }

    /// The app's name as all introductions to it have it. There are as many as there are apps.
    fn kept(&self, app: &AppName) -> Arc<AppName> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = apps.get(app) {
            return Arc::clone(kept);
        }
        let kept = Arc::new(app.clone());
        apps.insert(Arc::clone(&kept));
        kept
    }

    fn sign(
        &self,
        in_force: &InForce,
        visitor: &Visitor,
        app: &AppName,
        now: Timestamp,
    ) -> Result<HeaderValue, AssertionError> {
        let record = visitor.record();
        let factors = visitor.session().map(|session| session.factors);
        let claims = Claims {
            iss: in_force.settings.portal.origin(),
            aud: app.as_str(),
            sub: record.person.id.to_string(),
            iat: now.seconds(),
            exp: (now + LIFE).seconds(),
            preferred_username: record.person.name.as_str(),
            name: &record.full_name,
            email: record.email.as_ref().map(access::identity::Email::as_str),
            groups: record.person.groups.iter().map(access::identity::GroupName::as_str).collect(),
            roles: record.person.roles.iter().map(access::identity::RoleName::as_str).collect(),
            amr: factors.map_or_else(
                || vec!["token"],
                |factors| METHODS.into_iter().filter(|method| factors.has(*method)).map(method_word).collect(),
            ),
        };
        let claims = serde_json::to_vec(&claims).map_err(|error| AssertionError(error.to_string()))?;
        let mut text = self.header.clone();
        BASE64URL_NOPAD.encode_append(&claims, &mut text);
        // RFC 7518 §3.4: r and s, 32 bytes each, one behind the other.
        let signature = self.key.sign(&self.random, text.as_bytes());
        let signature = signature.map_err(|_| AssertionError("the system has no random numbers".to_owned()))?;
        text.push('.');
        BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut text);
        HeaderValue::try_from(text).map_err(|error| AssertionError(error.to_string()))
    }
}

use access::policy::Method;

const METHODS: [Method; 7] =
    [Method::Password, Method::Totp, Method::Recovery, Method::Passkey, Method::Sms, Method::Voice, Method::Email];
/// How long an app may believe it.
const LIFE: Duration = Duration::from_secs(60);
/// How long it is used; what is left then is for apps whose clock is ahead of ours.
const USED: Duration = Duration::from_secs(45);
/// Introductions in memory, about 900 bytes each.
const KEPT: u64 = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_an_introduction_lies_in_one_line_of_memory() {
        assert_eq!(2 * size_of::<usize>() + size_of::<Introduction>(), 64);
    }
}
