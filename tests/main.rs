//! The one test binary: what the program promises, told as tests that read like the promise.

mod ambiguous;
mod browser_smoke;
mod map;
mod tokens;
mod upstream;
mod wall;
