//! The one test binary.

mod browser_smoke;
