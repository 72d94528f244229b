//! Stub until merged.
#![allow(missing_docs)]
use crate::config::Faults;
use crate::store::StoreError;
#[derive(Debug)]
pub enum Command { Reload { force: bool }, Why { code: String }, Other }
#[derive(Debug)]
pub struct AdminError(pub String);
impl AdminError {
    pub fn config(f: &Faults) -> Self { Self(f.to_string()) }
    pub fn unknown(k: &str, n: &str) -> Self { Self(format!("{k} {n}")) }
}
impl From<StoreError> for AdminError { fn from(e: StoreError) -> Self { Self(e.to_string()) } }
pub async fn perform(_v: &crate::store::vault::Vault, _i: &crate::config::InForce, _c: &crate::clock::Clock, _cmd: Command) -> Result<serde_json::Value, AdminError> { Err(AdminError(String::new())) }
pub fn walk_json(_w: &access::policy::Walk) -> serde_json::Value { serde_json::Value::Null }
pub mod wire {
    use super::*;
    pub fn socket_path(store: &std::path::Path) -> std::path::PathBuf { store.with_extension("sock") }
    pub async fn serve_one<F, Fut>(_s: tokio::net::UnixStream, f: F) -> std::io::Result<()> where F: FnOnce(Command) -> Fut, Fut: Future<Output = Result<serde_json::Value, AdminError>> { let _ = f(Command::Other).await; Ok(()) }
}
