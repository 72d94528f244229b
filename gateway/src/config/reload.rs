//! What is in force, and since when?

use super::Settings;

/// One accepted configuration. Immutable; replaced whole.
#[derive(Debug)]
pub struct InForce {
    /// What it says.
    pub settings: Settings,
    /// One at the start, one more with each accepted reload.
    pub generation: u64,
    /// The digest of the files it was read from.
    pub digest: [u8; 32],
    /// By whose signature clients' certificates are good, if anybody's.
    pub client_authority: Option<ClientAuthority>,
}

/// Which authority a client's certificate was held against: other certificates in `tls.client_ca`, another authority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientAuthority(pub [u8; 32]);
