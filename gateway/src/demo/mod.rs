//! A whole gateway to look at.

use std::path::PathBuf;

/// Runs the demo.
pub async fn run(_port: u16, _keep: Option<PathBuf>, _smoke: bool) -> u8 {
    1
}
