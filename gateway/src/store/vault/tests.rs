//! The vault's promises, on every backing.

mod account;
mod app_passwords;
mod hand_offs;
mod house;
mod outbox;
mod passkeys;
mod people;
mod scene;
mod secrecy;
mod sign_ins;
mod tokens;
