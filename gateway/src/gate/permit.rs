//! What reaches an upstream? Only what holds a [`Permit`].
//!
//! A permit is made from an [`access::Grant`], which only `access::decide` makes; it can't be copied, made up or kept in
//! a cache. While it lives it is in the [`Live`](super::live::Live) register and can be cut.

use std::sync::Arc;

use access::Grant;
use access::policy::Place;

use super::facts::Visitor;
use super::live::Registration;

/// A yes in force: who was admitted, by which rule, and the hold by which it can be taken back.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    grant: Grant,
    visitor: Option<Arc<Visitor>>,
    _registration: Option<Registration>,
}

impl Permit {
    pub(super) const fn new(grant: Grant, visitor: Option<Arc<Visitor>>, registration: Option<Registration>) -> Self {
        Self { grant, visitor, _registration: registration }
    }

    /// Who; `None` on a public path.
    pub fn visitor(&self) -> Option<&Arc<Visitor>> {
        self.visitor.as_ref()
    }

    /// The rule that admitted.
    pub const fn rule(&self) -> &Place {
        self.grant.rule()
    }
}
