//! Vestibule: an access gateway. See ARCHITECTURE.md for the map.

pub mod audit;
pub mod clock;
pub mod config;
pub mod portal;
pub mod store;
