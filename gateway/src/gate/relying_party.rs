//! Is this answer of a passkey right? WebAuthn's ceremonies, with the portal as the relying party (A43).
//!
//! The relying party's id is the portal's host and its only origin the portal's own. What browsers get is the options that
//! `navigator.credentials` takes, as JSON; what is kept meanwhile is a text that only this file reads. A key is asked to
//! verify its user if it can, and must if it did when it was added; one that can't is a second step all the same. Nothing is
//! asked about its maker: whom that would keep out is the organization's people.

use access::identity::UserId;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, PublicKeyCredential, RegisterPublicKeyCredential, SecurityKey,
    SecurityKeyAuthentication, SecurityKeyRegistration, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::config::Settings;

/// The portal, as keys know it.
#[derive(Debug)]
pub(super) struct RelyingParty(Webauthn);

/// A question to a browser, and what its answer will be checked against.
#[derive(Debug)]
pub(super) struct Question {
    /// For the browser.
    pub(super) options: String,
    /// For the store.
    pub(super) state: String,
}

/// Why a question can't be asked or an answer not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    /// It is none, or not for us, or not right.
    #[error("{0}")]
    Standard(#[from] WebauthnError),
    /// It can't be read, or was written by another version.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// It comes from within a page of somebody else's (WebAuthn §13.4.9).
    #[error("the page was framed")]
    Framed,
    /// It names somebody else as its owner.
    #[error("it belongs to somebody else")]
    NotTheirs,
}

/// A credential that was made for us.
#[derive(Debug)]
pub(super) struct Made {
    /// Its id.
    pub(super) id: Vec<u8>,
    /// Did the key verify its user?
    pub(super) verifies: bool,
    /// Its own count.
    pub(super) counter: u32,
    /// For the store.
    pub(super) credential: String,
    /// How it is connected, as the browser says.
    pub(super) kind: Kind,
}

/// What a key is, as far as its name goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Part of the device, or kept by its browser.
    Built,
    /// On a telephone beside it.
    Phone,
    /// One that is plugged in or held against it.
    Key,
}

/// A right answer.
#[derive(Debug)]
pub(super) struct Right {
    /// The key's own count by now.
    pub(super) counter: u32,
    /// For the store from now on.
    pub(super) credential: String,
}

/// An answer to who is there, before it is checked: nothing of it is believed yet.
#[derive(Debug)]
pub(super) struct Claim(PublicKeyCredential);

impl Claim {
    /// Reads it.
    pub(super) fn parse(sent: &str) -> Result<Self, Unfit> {
        let claim: PublicKeyCredential = serde_json::from_str(sent)?;
        not_framed(&claim.response.client_data_json)?;
        Ok(Self(claim))
    }

    /// The credential's id.
    pub(super) fn credential(&self) -> &[u8] {
        &self.0.raw_id
    }

    /// Whose it says it is; keys that keep nothing say nothing.
    fn owner(&self) -> Option<&[u8]> {
        self.0.response.user_handle.as_deref().filter(|owner| !owner.is_empty())
    }
}

impl RelyingParty {
    /// The portal's. Errors: its address has no host name, which the configuration's check refuses.
    pub(super) fn of(settings: &Settings) -> Result<Self, Unfit> {
        let origin = Url::parse(settings.portal.origin()).map_err(|_| WebauthnError::Configuration)?;
        let builder = WebauthnBuilder::new(settings.portal.host().as_str(), &origin)?;
        Ok(Self(builder.rp_name(&settings.organization).build()?))
    }

    /// Asks for a new credential of this person, on a key that has none of these.
    pub(super) fn ask_for_new(
        &self,
        person: UserId,
        name: &str,
        full_name: &str,
        known: &[String],
    ) -> Result<Question, Unfit> {
        let known = known.iter().map(|text| Ok(credential_of(text)?.cred_id)).collect::<Result<Vec<_>, Unfit>>()?;
        let shown = if full_name.is_empty() { name } else { full_name };
        let person = Uuid::from_bytes(person.0);
        let (asked, state) = self.0.start_securitykey_registration(person, name, shown, Some(known), None, None)?;
        let mut options = serde_json::to_value(asked)?["publicKey"].take();
        // Kept on the key where there is room, so that it signs in alone; and protected as the key does by itself: what asks
        // for more makes one without a PIN unusable.
        options["authenticatorSelection"]["residentKey"] = json!("preferred");
        options["extensions"] = json!({ "credProps": true });
        without_hints(&mut options);
        Ok(Question { options: options.to_string(), state: serde_json::to_string(&state)? })
    }

    /// Takes a new credential.
    pub(super) fn take_new(&self, state: &str, sent: &str) -> Result<Made, Unfit> {
        let state: SecurityKeyRegistration = serde_json::from_str(state)?;
        let answer: RegisterPublicKeyCredential = serde_json::from_str(sent)?;
        not_framed(&answer.response.client_data_json)?;
        let mut credential = Credential::from(self.0.finish_securitykey_registration(&answer, &state)?);
        if credential.cred_id != answer.raw_id {
            return Err(WebauthnError::CredentialNotFound.into());
        }
        // Only a hint, by which the browser finds the key sooner.
        credential.transports = answer.response.transports;
        let reached_by = serde_json::to_value(&credential.transports)?;
        let by = |way: &str| reached_by.as_array().is_some_and(|ways| ways.iter().any(|one| one == way));
        let kind = match () {
            () if by("internal") => Kind::Built,
            () if by("hybrid") => Kind::Phone,
            () if by("usb") || by("nfc") || by("ble") => Kind::Key,
            () => Kind::Built,
        };
        Ok(Made {
            id: credential.cred_id.clone(),
            verifies: credential.user_verified,
            counter: credential.counter,
            credential: serde_json::to_string(&credential)?,
            kind,
        })
    }

    /// Asks for one of these.
    pub(super) fn ask_for(&self, known: &[String]) -> Result<Question, Unfit> {
        let known = known.iter().map(|text| Ok(credential_of(text)?.into())).collect::<Result<Vec<_>, Unfit>>()?;
        let (asked, state) = self.0.start_securitykey_authentication(&known)?;
        let mut options = serde_json::to_value(asked)?["publicKey"].take();
        without_hints(&mut options);
        Ok(Question { options: options.to_string(), state: serde_json::to_string(&state)? })
    }

    /// Is this the answer of one of those that were asked for, and this person's?
    pub(super) fn check(&self, state: &str, claim: &Claim, person: UserId, known: &str) -> Result<Right, Unfit> {
        if claim.owner().is_some_and(|owner| owner != person.0) {
            return Err(Unfit::NotTheirs);
        }
        let state: SecurityKeyAuthentication = serde_json::from_str(state)?;
        let answer = self.0.finish_securitykey_authentication(&claim.0, &state)?;
        right(known, &answer)
    }

    /// Asks whoever is there for any credential of ours, and that the key verify them. The same for everybody.
    pub(super) fn ask_anybody(&self) -> Result<Question, Unfit> {
        let (asked, state) = self.0.start_discoverable_authentication()?;
        let mut options = serde_json::to_value(asked)?["publicKey"].take();
        options["extensions"] = json!({});
        Ok(Question { options: options.to_string(), state: serde_json::to_string(&state)? })
    }

    /// Is this the answer of this credential, which verified its user, and is it this person's?
    pub(super) fn check_anybody(
        &self,
        state: &str,
        claim: &Claim,
        person: UserId,
        known: &str,
    ) -> Result<Right, Unfit> {
        if claim.owner() != Some(person.0.as_slice()) {
            return Err(Unfit::NotTheirs);
        }
        let state: DiscoverableAuthentication = serde_json::from_str(state)?;
        let answer = self.0.finish_discoverable_authentication_v2(&claim.0, state, credential_of(known)?)?;
        if !answer.user_verified() {
            return Err(WebauthnError::UserNotVerified.into());
        }
        right(known, &answer)
    }
}

/// The credential as it is from now on.
fn right(known: &str, answer: &webauthn_rs::prelude::AuthenticationResult) -> Result<Right, Unfit> {
    let mut key = SecurityKey::from(credential_of(known)?);
    if key.update_credential(answer).is_none() {
        return Err(WebauthnError::CredentialNotFound.into());
    }
    Ok(Right { counter: answer.counter(), credential: serde_json::to_string(&Credential::from(key))? })
}

fn credential_of(text: &str) -> Result<Credential, Unfit> {
    Ok(serde_json::from_str(text)?)
}

/// webauthn-rs looks at `crossOrigin` only when a credential is made, and never at `topOrigin`.
fn not_framed(client_data: &[u8]) -> Result<(), Unfit> {
    let data: Value = serde_json::from_slice(client_data)?;
    let framed = !matches!(data.get("crossOrigin"), None | Some(Value::Null | Value::Bool(false)));
    if framed || data.get("topOrigin").is_some() { Err(Unfit::Framed) } else { Ok(()) }
}

/// Any kind of key will do.
fn without_hints(options: &mut Value) {
    if let Some(options) = options.as_object_mut() {
        options.remove("hints");
    }
}
