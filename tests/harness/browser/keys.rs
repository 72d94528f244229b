//! Keys that a browser finds: authenticators of the DevTools protocol, which are touched by themselves.

use serde_json::{Value, json};

use super::Browser;

/// What a key can do.
#[derive(Debug, Clone, Copy)]
pub struct KeyKind {
    /// `internal`: part of the device; `usb`: plugged in.
    pub transport: &'static str,
    /// Verifies its user, and keeps credentials by itself.
    pub verifies: bool,
}

impl KeyKind {
    /// A telephone's or laptop's own, with a fingerprint.
    pub const BUILT_IN: Self = Self { transport: "internal", verifies: true };
    /// A stick without a PIN.
    pub const STICK: Self = Self { transport: "usb", verifies: false };
}

impl Browser {
    /// Gives the browser a key. The key's name, to take it away again.
    pub async fn add_key(&self, kind: KeyKind) -> String {
        self.cdp("WebAuthn.enable", json!({ "enableUI": false })).await;
        let options = json!({
            "protocol": "ctap2",
            "transport": kind.transport,
            "hasResidentKey": kind.verifies,
            "hasUserVerification": kind.verifies,
            "isUserVerified": kind.verifies,
            "automaticPresenceSimulation": true,
        });
        let added = self.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
        added["authenticatorId"].as_str().expect("a name").to_owned()
    }

    /// Takes a key away.
    pub async fn take_key(&self, key: &str) {
        self.cdp("WebAuthn.removeVirtualAuthenticator", json!({ "authenticatorId": key })).await;
    }

    /// Whether the right finger is on it from now on.
    pub async fn right_finger(&self, key: &str, right: bool) {
        let what = json!({ "authenticatorId": key, "isUserVerified": right });
        self.cdp("WebAuthn.setUserVerified", what).await;
    }

    /// What a key holds.
    pub async fn credentials(&self, key: &str) -> Vec<Value> {
        let held = self.cdp("WebAuthn.getCredentials", json!({ "authenticatorId": key })).await;
        held["credentials"].as_array().cloned().unwrap_or_default()
    }
}
