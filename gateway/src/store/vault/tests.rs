//! The vault's promises, on every backing.

mod people;
mod scene;
