//! May this be let in?
//!
//! Everything that decides lives here and nothing else does. No clock, no randomness, no files, no sockets: the caller
//! brings the time, the salt and the facts, and acts on the answer. A [`policy::Grant`] is the only "yes" and only
//! [`decide`] makes one.

pub mod cookie;
pub mod identity;
pub mod jwt;
pub mod lockout;
pub mod login;
pub mod network;
pub mod password;
pub mod policy;
pub mod protocol;
pub mod rate;
pub mod secret;
pub mod target;
pub mod time;
pub mod token;
pub mod totp;

pub use network::ClientAddr;
pub use policy::{Decision, Grant, Policy, decide, explain};
pub use secret::Secret;
pub use time::Timestamp;
