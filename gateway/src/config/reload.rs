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
}
