//! Who did what, when, from where, how? The words of the audit trail (Z7).
//!
//! Entries are written in the same transaction as the change they tell of, and chained: each row's hash is a keyed BLAKE3
//! over the hash before it and the row's bytes. No secrets, no passwords, no codes; a wrong user name is not repeated,
//! because people type passwords into that field.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Who acted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Nobody known yet.
    Anonymous,
    /// A person, by id and the name they had.
    Person {
        /// Hexadecimal.
        id: String,
        /// At that time.
        name: String,
    },
    /// An administrator at the machine's own command line.
    Console,
    /// The gateway itself: a reload, a sweep.
    Gateway,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Who.
    pub actor: Actor,
    /// What: `user.add`, `session.open`, `sign_in.refused`, `config.reload`…
    pub act: String,
    /// To whom or what, if it is not the actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// How and why, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Entry {
    /// By this actor, this act; the rest empty.
    pub fn new(actor: Actor, act: &str) -> Self {
        Self { actor, act: act.to_owned(), on: None, from: None, detail: String::new() }
    }

    /// To whom or what.
    #[must_use]
    pub fn on(mut self, on: impl Into<String>) -> Self {
        self.on = Some(on.into());
        self
    }

    /// From where.
    #[must_use]
    pub fn from(mut self, from: IpAddr) -> Self {
        self.from = Some(from);
        self
    }

    /// How and why.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// A row of the chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Counted from one, without gaps.
    pub number: u64,
    /// When it was committed, milliseconds since the epoch.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
    /// Keyed BLAKE3 over the previous hash and this row, hexadecimal.
    pub hash: String,
}

/// What a walk along the chain found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Verified {
    /// How many rows fit.
    pub rows: u64,
    /// The first that does not, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<(u64, String)>,
}
