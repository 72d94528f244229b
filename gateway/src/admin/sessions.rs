//! Sessions: who is signed in, where and since when?

use serde_json::{Value, json};

use super::{AdminError, Code, by_console, names, span};
use crate::store::vault::{PersonRecord, SessionKind, SessionRecord, Vault};

pub(super) async fn list(vault: &Vault, user: Option<&str>) -> Result<Value, AdminError> {
    if let Some(user) = user {
        return list_of(vault, &names::person(vault, user).await?).await;
    }
    let people = vault.people().await?;
    let mut listed = Vec::new();
    for session in vault.sessions(None).await? {
        let owner = people.iter().find(|person| person.person.id == session.user);
        listed.push(session_json(vault, &session, owner).await?);
    }
    Ok(Value::Array(listed))
}

pub(super) async fn list_of(vault: &Vault, person: &PersonRecord) -> Result<Value, AdminError> {
    let mut listed = Vec::new();
    for session in vault.sessions(Some(person.person.id)).await? {
        listed.push(session_json(vault, &session, Some(person)).await?);
    }
    Ok(Value::Array(listed))
}

pub(super) async fn end(vault: &Vault, typed: &str) -> Result<Value, AdminError> {
    let session = names::session(vault, typed).await?;
    let owner = vault.person(session.user).await?;
    let name = owner.as_ref().map_or("", |person| person.person.name.as_str());
    let entry = by_console("session.end", format!("session {}", session.id)).detail(format!("of {name}"));
    if !vault.end_session(session.id, entry).await? {
        return Err(AdminError::new(Code::Unknown, format!("session {} is over already", session.id)));
    }
    Ok(json!({ "ended": session.id.to_string(), "user": name }))
}

async fn session_json(
    vault: &Vault,
    session: &SessionRecord,
    owner: Option<&PersonRecord>,
) -> Result<Value, AdminError> {
    let used = vault.session_used(session.id).await?.unwrap_or(session.opened);
    Ok(json!({
        "id": session.id.to_string(),
        "user": owner.map(|person| person.person.name.as_str()),
        "kind": match &session.kind {
            SessionKind::Portal => "browser",
            SessionKind::App(app) => app.as_str(),
            SessionKind::Device => "device",
        },
        "shown": session.factors.to_string(),
        "opened": span::written(session.opened),
        "used": span::written(used),
        "from": session.address,
        "device": session.device,
    }))
}
