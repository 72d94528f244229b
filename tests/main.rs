//! The one test binary: what the program promises, told as tests that read like the promise.

mod account;
mod ambiguous;
mod app_passwords;
mod app_passwords_account;
mod attacks;
mod browser_first_day;
mod browser_gallery;
mod browser_keyboard;
mod browser_refused;
mod browser_sign_in;
mod browser_smoke;
mod calendars;
mod canaries;
mod client_certificates;
mod crash;
mod decisions;
mod differential;
mod documents;
mod downgrade;
mod floods;
mod forms;
mod h2_conformance;
mod hand_off;
mod hand_over;
mod live;
mod map;
mod metrics;
mod program;
mod protocols;
mod proxy_protocol;
mod rates;
mod reload;
mod sign_in_api;
mod sign_in_race;
mod slow_clients;
mod smuggling;
mod straight;
mod tls;
mod tokens;
mod turned_away;
mod upstream;
mod upstreams;
mod wall;

/// The program, built with these tests and from the same `main.rs` as the one that is shipped.
const PROGRAM: &str = env!("CARGO_BIN_EXE_vestibule-under-test");
