//! Vestibule: an access gateway. See ARCHITECTURE.md for the map.

pub mod admin;
pub mod audit;
pub mod breached;
pub mod cli;
pub mod clock;
pub mod config;
pub mod couriers;
pub mod demo;
pub mod gate;
pub mod metrics;
pub mod outgoing;
pub mod portal;
pub mod proxy;
pub mod server;
pub mod store;
pub mod tls;
pub mod words;
