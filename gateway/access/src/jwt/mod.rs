//! Is this token of another issuer good for us? JSON Web Tokens (RFC 7519, RFC 8725), all but the arithmetic of signatures.
//!
//! [`Unverified::parse`] reads the form: at most 8 KiB, three parts of strict base64url, no member twice. [`accept`] then
//! asks in this order, and the first no is the answer: is the algorithm one that we chose for this issuer; is it signed (the
//! caller knows the keys); is it from this issuer, for us, of the right kind, with every claim we ask for; is it its time
//! already? Whether its time is *over* the rules say, as of every token. Keys and addresses that a token brings itself
//! (`jwk`, `jku`, `x5u`, `x5c`) are not looked at.
//!
//! Names and scopes must be written as we write them: what an issuer takes for two people must not become one here.
//!
//! [`accept`]: Unverified::accept

mod json;

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

pub use json::{Json, Members};

use crate::Timestamp;
use crate::identity::{Email, LoginName, Scope, UserName};
use crate::policy::Unscoped;

/// A way to sign (RFC 7518 §3.1, RFC 8037). There is no `none`, and none whose key the verifier could sign with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    /// ECDSA, P-256, SHA-256.
    Es256,
    /// ECDSA, P-384, SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// As it stands in headers and settings: `ES256`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// By exactly this name. RFC 9864 calls EdDSA with Ed25519 `Ed25519`.
    pub fn parse(word: &str) -> Option<Self> {
        if word == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == word)
    }
}

/// What is asked of one issuer's tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trust {
    /// `iss`, letter by letter.
    pub issuer: String,
    /// `aud` must name one of them.
    pub audience: Vec<String>,
    /// Signed in one of these ways.
    pub algorithms: Vec<Algorithm>,
    /// Claims that must have this text.
    pub claims: Vec<(String, String)>,
    /// Who comes with it.
    pub subject: Subject,
    /// What it may do.
    pub scopes: Scopes,
}

/// Who comes with a token?
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Whom this claim names: a user name; of the claim `email`, whose address it is, if the issuer verified it.
    Claim(String),
    /// Always the same one: a service.
    Service(UserName),
}

/// What may a token do?
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scopes {
    /// What this claim lists: a text with spaces, or a list.
    Claim(String),
    /// What its person may.
    Everything,
}

/// A token that was read and not believed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unverified<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    is_access_token: bool,
    signed: &'a [u8],
    signature: Vec<u8>,
    claims: Members,
}

/// A token that was signed by its issuer, for us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// Whose it is.
    pub person: LoginName,
    /// Whom it speaks of in its issuer's words; empty if it does not say.
    pub subject: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// And if that is nothing?
    pub unscoped: Unscoped,
    /// Dead from then on.
    pub expires: Timestamp,
}

/// Why a token is not accepted. Never told to whoever sent it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It is no JWT, or one that could be read in two ways.
    #[error("it is not well formed")]
    Form,
    /// Its algorithm is none of those that were chosen for its issuer.
    #[error("its algorithm is not one of the issuer's")]
    Algorithm,
    /// It is not signed by a key of its issuer.
    #[error("its signature is not right, or its key is unknown")]
    Signature,
    /// `iss`.
    #[error("it is from another issuer")]
    Issuer,
    /// `aud`.
    #[error("it is for somebody else")]
    Audience,
    /// It is an ID token, a logout token, or bound to a key that nobody showed.
    #[error("it is not a bearer access token")]
    Kind,
    /// `exp`, `nbf` or `iat` is missing, or not a whole number of seconds.
    #[error("its times are not right")]
    Times,
    /// Not before a later time.
    #[error("its time is not yet")]
    Early,
    /// A claim that was asked for.
    #[error("a claim is missing or not right")]
    Claim,
    /// It names nobody as we write names.
    #[error("it names nobody")]
    Subject,
}

impl<'a> Unverified<'a> {
    /// Reads the form. Errors: [`Fault::Form`], or [`Fault::Algorithm`] for one that nobody may choose.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err(Fault::Form);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Fault::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Fault::Form)?;
        // A fourth part is no letter of base64url.
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Fault::Form);
        let object = |part: &str| Json::object(&decode(part)?).ok_or(Fault::Form);
        let header = object(header)?;
        if NOT_UNDERSTOOD.iter().any(|name| header.contains_key(*name)) {
            return Err(Fault::Form);
        }
        let text_of = |name: &str| header.get(name).map(|value| value.text().ok_or(Fault::Form)).transpose();
        let algorithm = text_of("alg")?.and_then(Algorithm::parse).ok_or(Fault::Algorithm)?;
        let key_id = text_of("kid")?;
        if key_id.is_some_and(|id| id.len() > LONGEST_KEY_ID) {
            return Err(Fault::Form);
        }
        // RFC 7515 §4.1.9: media types, in any case, `application/` may be left out. None at all is a JWT's.
        let kind = text_of("typ")?.unwrap_or("JWT").to_ascii_lowercase();
        let is_access_token = match kind.strip_prefix("application/").unwrap_or(&kind) {
            "jwt" => false,
            "at+jwt" => true,
            _ => return Err(Fault::Kind),
        };
        Ok(Self {
            algorithm,
            key_id: key_id.map(str::to_owned),
            is_access_token,
            signature: decode(signature)?,
            claims: object(claims)?,
            signed: signed.as_bytes(),
        })
    }

    /// Who it says has issued it: only to know whose keys to ask.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.text()
    }

    /// Does it say that it is from this issuer and for us? Only to tell whom it is meant for.
    pub fn is_meant_for(&self, trust: &Trust) -> bool {
        self.issuer() == Some(&trust.issuer) && self.names_audience(trust)
    }

    /// Which key it says it was signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Is it good? `is_signed` is given the algorithm, what was signed, and the signature. Errors: the first [`Fault`].
    pub fn accept(
        self,
        trust: &Trust,
        now: Timestamp,
        is_signed: impl FnOnce(Algorithm, &[u8], &[u8]) -> bool,
    ) -> Result<Accepted, Fault> {
        if !trust.algorithms.contains(&self.algorithm) {
            return Err(Fault::Algorithm);
        }
        if !is_signed(self.algorithm, self.signed, &self.signature) {
            return Err(Fault::Signature);
        }
        if self.issuer() != Some(&trust.issuer) {
            return Err(Fault::Issuer);
        }
        if !self.names_audience(trust) {
            return Err(Fault::Audience);
        }
        self.is_for_bearers()?;
        let expires = self.seconds("exp")?.ok_or(Fault::Times)?;
        let latest = now + LEEWAY;
        let begins = [self.seconds("nbf")?, self.seconds("iat")?];
        if begins.into_iter().flatten().any(|begin| begin > latest) {
            return Err(Fault::Early);
        }
        let has = |(name, text): &(String, String)| self.claims.get(name).and_then(Json::text) == Some(text);
        if !trust.claims.iter().all(has) {
            return Err(Fault::Claim);
        }
        let (scopes, unscoped) = self.scopes(&trust.scopes)?;
        let person = self.person(&trust.subject).ok_or(Fault::Subject)?;
        let subject = self.claims.get("sub").and_then(Json::text).unwrap_or_default().to_owned();
        Ok(Accepted { person, subject, scopes, unscoped, expires })
    }

    fn names_audience(&self, trust: &Trust) -> bool {
        let ours = |name: &str| trust.audience.iter().any(|audience| audience == name);
        match self.claims.get("aud") {
            Some(Json::Text(name)) => ours(name),
            Some(list) => list.texts().is_some_and(|names| names.into_iter().any(ours)),
            None => false,
        }
    }

    /// RFC 8725 §3.12: one kind of token must not pass for another.
    fn is_for_bearers(&self) -> Result<(), Fault> {
        // `events`: a logout token (OpenID Connect Back-Channel Logout §2.4); `cnf`: bound to a key (RFC 7800).
        let is_other = ["events", "cnf"].iter().any(|name| self.claims.contains_key(*name));
        // OpenID Connect Core §2, §3.3.2.11: ID tokens.
        let is_identity = ["nonce", "at_hash", "c_hash"].iter().any(|name| self.claims.contains_key(*name));
        // Keycloak says it there.
        let is_named = self.claims.get("typ").is_some_and(|kind| kind.text() != Some("Bearer"));
        if is_other || (!self.is_access_token && (is_identity || is_named)) { Err(Fault::Kind) } else { Ok(()) }
    }

    /// A NumericDate (RFC 7519 §2), whole and not beyond the year 9999.
    fn seconds(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        match self.claims.get(name) {
            None => Ok(None),
            Some(Json::Whole(seconds)) if *seconds <= LAST_SECOND => Ok(Some(Timestamp::from_millis(seconds * 1000))),
            Some(_) => Err(Fault::Times),
        }
    }

    fn scopes(&self, scopes: &Scopes) -> Result<(Vec<Scope>, Unscoped), Fault> {
        let Scopes::Claim(name) = scopes else { return Ok((Vec::new(), Unscoped::Owner)) };
        let words = match self.claims.get(name) {
            None => Vec::new(),
            Some(Json::Text(words)) => words.split(' ').collect(),
            Some(list) => list.texts().ok_or(Fault::Claim)?,
        };
        // Others, such as `openid` or a URL, are for others.
        let ours = |word: &str| Scope::parse(word).ok().filter(|scope| scope.as_str() == word);
        Ok((words.into_iter().filter_map(ours).collect(), Unscoped::Nothing))
    }

    fn person(&self, subject: &Subject) -> Option<LoginName> {
        let claim = match subject {
            Subject::Service(name) => return Some(LoginName::Name(name.clone())),
            Subject::Claim(claim) => claim,
        };
        let text = self.claims.get(claim)?.text()?;
        if claim == EMAIL {
            // Who may write any address into their own account would be anybody here.
            let is_verified = self.claims.get("email_verified") == Some(&Json::Bool(true));
            let email = Email::parse(text).ok().filter(|email| email.as_str().eq_ignore_ascii_case(text));
            return email.filter(|_| is_verified).map(LoginName::Email);
        }
        UserName::parse(text).ok().filter(|name| name.as_str() == text).map(LoginName::Name)
    }
}

/// The claim that holds an address.
const EMAIL: &str = "email";
/// A token's text; larger ones have no place in a header either.
pub const LONGEST: usize = 8 * 1024;
const LONGEST_KEY_ID: usize = 256;
/// Clocks may differ by so much where a token begins. Where it ends they may not: that costs its last minute, no more.
pub const LEEWAY: Duration = Duration::from_secs(60);
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;
/// Members of a header that change what the rest means (RFC 7515 §4.1.11, RFC 7516, RFC 7797), or say that there is another
/// token inside. Who does not know them must refuse.
const NOT_UNDERSTOOD: [&str; 5] = ["crit", "b64", "enc", "zip", "cty"];

#[cfg(test)]
mod tests;
