//! The harness: everything a test needs to be about the gateway and not about its own scaffolding.
//!
//! Each part starts on ports that the system picks, keeps its files in a folder of its own and is gone when it is dropped,
//! so that tests run side by side. What goes wrong in here ends the test with a sentence that says what was missing; a test
//! never has to ask.

pub mod app;
pub mod backend;
pub mod balancer;
pub mod bare;
pub mod browser;
pub mod certificates;
pub mod dice;
pub mod frames;
pub mod gateway;
pub mod issuer;
pub mod openssl;
pub mod passkey;
pub mod program;
pub mod recorder;
pub mod servers;
pub mod software_key;
pub mod streams;
pub mod walk;
pub mod wire;
