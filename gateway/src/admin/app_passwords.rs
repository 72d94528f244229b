//! App passwords: what do calendars show, and who has which?

use access::Timestamp;
use access::protocol::{Protocol, Protocols};
use serde_json::{Value, json};

use super::{AdminError, Code, Until, by_console, names, span};
use crate::clock::Clock;
use crate::config::{self, InForce};
use crate::store::vault::{AppPasswordRecord, NewAppPassword, PersonRecord, Vault, token_name};

/// An app password to be made, as typed.
pub(super) struct Asked {
    pub(super) user: String,
    pub(super) name: String,
    pub(super) only_from: Vec<String>,
    pub(super) expires: Option<Until>,
}

pub(super) async fn add(vault: &Vault, in_force: &InForce, clock: &Clock, asked: Asked) -> Result<Value, AdminError> {
    let usage = |sentence: String| AdminError::new(Code::Usage, sentence);
    let owner = names::person(vault, &asked.user).await?;
    let Some(name) = token_name(&asked.name) else {
        return Err(usage("an app password's name has 1 to 64 characters".to_owned()));
    };
    config::resolve_list(&in_force.settings.networks, &asked.only_from).map_err(usage)?;
    let expires = match &asked.expires {
        Some(until) => until.from(clock.now()).map_err(usage)?,
        None => Timestamp::NEVER,
    };
    let detail = format!("\"{name}\" of {}, until {}", owner.person.name, span::written(expires));
    // The id is added by the vault, which makes it.
    let entry = crate::audit::Entry::new(crate::audit::Actor::Console, "app_password.add").detail(detail);
    let new = NewAppPassword {
        owner: owner.person.id,
        name: name.to_owned(),
        protocols: Protocols::NONE.with(Protocol::Web),
        only_from: asked.only_from,
        expires,
    };
    let Some((record, letters)) = vault.add_app_password(new, entry).await? else {
        let sentence = format!("{} has as many app passwords as one may have", owner.person.name);
        return Err(AdminError::new(Code::Failed, sentence).help("revoke one: `vestibule app-password list`"));
    };
    Ok(json!({ "app_password": app_password_json(&record, Some(&owner)), "secret": letters.grouped() }))
}

pub(super) async fn list(vault: &Vault, user: Option<&str>) -> Result<Value, AdminError> {
    if let Some(user) = user {
        return list_of(vault, &names::person(vault, user).await?).await;
    }
    let people = vault.people().await?;
    let owner = |one: &AppPasswordRecord| people.iter().find(|person| person.person.id == one.owner);
    let mut all = vault.app_passwords(None).await?;
    all.sort_by_cached_key(|one| (owner(one).map(|person| person.person.name.clone()), one.name.clone()));
    Ok(all.iter().map(|one| app_password_json(one, owner(one))).collect())
}

pub(super) async fn list_of(vault: &Vault, person: &PersonRecord) -> Result<Value, AdminError> {
    let all = vault.app_passwords(Some(person.person.id)).await?;
    Ok(all.iter().map(|one| app_password_json(one, Some(person))).collect())
}

pub(super) async fn revoke(vault: &Vault, typed: &str) -> Result<Value, AdminError> {
    let one = names::app_password(vault, typed).await?;
    let entry =
        by_console("app_password.revoke", format!("app password {}", one.id)).detail(format!("\"{}\"", one.name));
    if !vault.revoke_app_password((one.owner, one.digest), entry).await? {
        return Err(AdminError::new(Code::Unknown, format!("app password {} is gone already", one.id)));
    }
    Ok(json!({ "revoked": one.id.to_string(), "name": one.name }))
}

fn app_password_json(one: &AppPasswordRecord, owner: Option<&PersonRecord>) -> Value {
    let last = one.last_used.as_ref();
    json!({
        "id": one.id.to_string(),
        "name": one.name,
        "user": owner.map(|person| person.person.name.as_str()),
        "for": one.protocols.iter().map(Protocol::as_str).collect::<Vec<_>>(),
        "only_from": one.only_from,
        "made": span::written(one.made),
        "expires": (one.expires != Timestamp::NEVER).then(|| span::written(one.expires)),
        "last_used": last.map(|last| json!({ "at": span::written(last.at), "from": last.from, "by": last.client })),
    })
}
