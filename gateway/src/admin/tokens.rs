//! Bearer tokens: what opens an app without a person?

use access::Timestamp;
use access::identity::{AppName, Scope};
use access::policy::Allowed;
use serde_json::{Value, json};

use super::{AdminError, Code, Until, by_console, names, span};
use crate::clock::Clock;
use crate::config::{self, InForce};
use crate::store::vault::{NewToken, PersonRecord, TokenRecord, Vault, token_name};

/// A token to be made, as typed.
pub(super) struct Asked {
    pub(super) user: String,
    pub(super) name: String,
    pub(super) apps: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) only_from: Vec<String>,
    pub(super) expires: Until,
}

pub(super) async fn add(vault: &Vault, in_force: &InForce, clock: &Clock, asked: Asked) -> Result<Value, AdminError> {
    let usage = |sentence: String| AdminError::new(Code::Usage, sentence);
    let owner = names::person(vault, &asked.user).await?;
    if asked.apps.is_empty() {
        return Err(usage("a token opens the apps it names, and this one names none".to_owned()));
    }
    let Some(name) = token_name(&asked.name) else {
        return Err(usage("a token's name has 1 to 64 characters".to_owned()));
    };
    let apps = asked.apps.iter().map(|app| known_app(in_force, app)).collect::<Result<Vec<_>, _>>()?;
    let scopes = asked.scopes.iter().map(|scope| known_scope(in_force, &apps, scope)).collect::<Result<_, _>>()?;
    config::resolve_list(&in_force.settings.networks, &asked.only_from).map_err(usage)?;
    let expires = asked.expires.from(clock.now()).map_err(usage)?;
    let detail = format!(
        "\"{name}\" of {} for {}, {}, until {}",
        owner.person.name,
        asked.apps.join(", "),
        if asked.scopes.is_empty() { "all its owner may".to_owned() } else { asked.scopes.join(", ") },
        span::written(expires)
    );
    // The token's id is added by the vault, which makes it.
    let entry = crate::audit::Entry::new(crate::audit::Actor::Console, "token.add").detail(detail);
    let new =
        NewToken { owner: owner.person.id, name: name.to_owned(), apps, scopes, only_from: asked.only_from, expires };
    let (token, text) = vault.add_token(new, entry).await?;
    Ok(json!({ "token": token_json(&token, Some(&owner)), "secret": text.expose() }))
}

pub(super) async fn list(vault: &Vault, clock: &Clock, user: Option<&str>) -> Result<Value, AdminError> {
    let now = clock.now();
    if let Some(user) = user {
        return list_of(vault, &names::person(vault, user).await?).await;
    }
    let people = vault.people().await?;
    let mut tokens = vault.tokens(None).await?;
    tokens.sort_by_key(|token| (token.expires <= now, token.expires));
    let owner = |token: &TokenRecord| people.iter().find(|person| person.person.id == token.owner);
    Ok(tokens.iter().map(|token| token_json(token, owner(token))).collect())
}

pub(super) async fn list_of(vault: &Vault, person: &PersonRecord) -> Result<Value, AdminError> {
    let tokens = vault.tokens(Some(person.person.id)).await?;
    Ok(tokens.iter().map(|token| token_json(token, Some(person))).collect())
}

pub(super) async fn revoke(vault: &Vault, typed: &str) -> Result<Value, AdminError> {
    let token = names::token(vault, typed).await?;
    let entry = by_console("token.revoke", format!("token {}", token.id)).detail(format!("\"{}\"", token.name));
    if !vault.revoke_token(token.id, entry).await? {
        return Err(AdminError::new(Code::Unknown, format!("token {} is gone already", token.id)));
    }
    Ok(json!({ "revoked": token.id.to_string(), "name": token.name }))
}

fn token_json(token: &TokenRecord, owner: Option<&PersonRecord>) -> Value {
    let never = token.expires == Timestamp::NEVER;
    json!({
        "id": token.id.to_string(),
        "name": token.name,
        "user": owner.map(|person| person.person.name.as_str()),
        "apps": token.apps.iter().map(AppName::as_str).collect::<Vec<_>>(),
        "scopes": token.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "only_from": token.only_from,
        "made": span::written(token.made),
        "expires": (!never).then(|| span::written(token.expires)),
        "last_used": token.last_used.map(|(at, from)| json!({ "at": span::written(at), "from": from })),
    })
}

/// The app of that name. Errors: [`Code::Unknown`] with the nearest.
pub(super) fn known_app(in_force: &InForce, typed: &str) -> Result<AppName, AdminError> {
    let apps = in_force.settings.apps.values().map(|app| &app.name);
    if let Some(app) = AppName::parse(typed).ok().and_then(|name| apps.clone().find(|app| **app == name)) {
        return Ok(app.clone());
    }
    let advice = names::advice(typed, apps.map(AppName::as_str));
    Err(AdminError::new(Code::Unknown, format!("there is no app called \"{typed}\"")).help(advice))
}

/// A scope that some rule of these apps names: another would open nothing, so it is a slip of the finger.
fn known_scope(in_force: &InForce, apps: &[AppName], typed: &str) -> Result<Scope, AdminError> {
    let rules = &in_force.settings.policy.rules().apps;
    let rules = apps.iter().filter_map(|app| rules.get(app)).flat_map(|app| &app.paths).flat_map(|path| &path.allow);
    let scopes = rules.filter_map(|allowed| match allowed {
        Allowed::Token(scope) => Some(scope),
        _ => None,
    });
    if let Some(scope) = Scope::parse(typed).ok().and_then(|name| scopes.clone().find(|scope| **scope == name)) {
        return Ok(scope.clone());
    }
    let advice = names::advice(typed, scopes.map(Scope::as_str));
    Err(AdminError::new(Code::Unknown, format!("no rule of these apps names the scope \"{typed}\"")).help(advice))
}
