//! People: who belongs to the house, and what may they be?

use std::time::Duration;

use access::identity::{Email, GroupName, RoleName, UserName};
use access::policy::{Allowed, Methods, Standing};
use serde_json::{Value, json};

use super::{AdminError, Code, app_passwords, by_console, names, sessions, span, tokens};
use crate::clock::Clock;
use crate::config::InForce;
use crate::store::vault::{Bearer, Force, NewPerson, PersonRecord, Vault};

/// Somebody to be added, as typed.
pub(super) struct Added {
    pub(super) user: String,
    pub(super) full_name: String,
    pub(super) email: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) groups: Vec<String>,
}

pub(super) async fn add(vault: &Vault, in_force: &InForce, clock: &Clock, added: Added) -> Result<Value, AdminError> {
    let name = UserName::parse(&added.user).map_err(|error| not_a("user name", &added.user, &error))?;
    let email = added.email.as_deref().map(|email| Email::parse(email).map_err(|e| not_a("e-mail address", email, &e)));
    let (roles, groups) = (parse_roles(&added.roles)?, parse_groups(&added.groups)?);
    let notes = unused(in_force, &roles, &groups);
    let full_name = match added.full_name.trim() {
        "" => name.as_str(),
        full_name => full_name,
    };
    let entry = by_console("user.add", name.as_str()).detail(memberships(&roles, &groups));
    let new = NewPerson { full_name: full_name.to_owned(), email: email.transpose()?, roles, groups, name };
    let (person, invitation) = vault.add_person(new, entry).await?;
    let mut answer = invitation_json(&person, in_force, clock, &invitation);
    answer["notes"] = json!(notes);
    Ok(answer)
}

pub(super) async fn list(vault: &Vault) -> Result<Value, AdminError> {
    Ok(vault.people().await?.iter().map(person_json).collect())
}

pub(super) async fn show(vault: &Vault, in_force: &InForce, user: &str) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let id = person.person.id;
    let policy = &in_force.settings.policy;
    let mut answer = json!({
        "user": person_json(&person),
        "recovery_codes_left": vault.recovery_left(id).await?,
        "may_come_from": policy.reach(&person.person).networks().map(|network| network.to_string()).collect::<Vec<_>>(),
        "second_step": policy.second_step(&person.person).map(|methods| match methods {
            Methods::SECOND_STEPS => "any second step".to_owned(),
            methods => methods.to_string(),
        }),
        "sessions": sessions::list_of(vault, &person).await?,
        "tokens": tokens::list_of(vault, &person).await?,
        "app_passwords": app_passwords::list_of(vault, &person).await?,
    });
    answer["notes"] = json!(unused(in_force, &person.person.roles, &person.person.groups));
    Ok(answer)
}

pub(super) async fn disable(vault: &Vault, user: &str, force: Force) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let entry = by_console("user.disable", person.person.name.as_str());
    changed(&vault.disable_person(person.person.id, force, entry).await?)
}

pub(super) async fn enable(vault: &Vault, user: &str) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let entry = by_console("user.enable", person.person.name.as_str());
    let enable = |person: &mut PersonRecord| person.person.standing = Standing::Active;
    changed(&vault.change_person(person.person.id, Force::No, enable, entry).await?)
}

pub(super) async fn set_roles(
    vault: &Vault,
    in_force: &InForce,
    user: &str,
    roles: &[String],
    force: Force,
) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let roles = parse_roles(roles)?;
    let notes = unused(in_force, &roles, &[]);
    let detail = format!("from {} to {}", listed(&person.person.roles), listed(&roles));
    let entry = by_console("user.set-roles", person.person.name.as_str()).detail(detail);
    let change = |person: &mut PersonRecord| person.person.roles = roles.as_slice().into();
    let person = vault.change_person(person.person.id, force, change, entry).await?;
    Ok(json!({ "user": person_json(&person), "notes": notes }))
}

pub(super) async fn set_groups(
    vault: &Vault,
    in_force: &InForce,
    user: &str,
    groups: &[String],
) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let groups = parse_groups(groups)?;
    let notes = unused(in_force, &[], &groups);
    let detail = format!("from {} to {}", listed(&person.person.groups), listed(&groups));
    let entry = by_console("user.set-groups", person.person.name.as_str()).detail(detail);
    let change = |person: &mut PersonRecord| person.person.groups = groups.as_slice().into();
    let person = vault.change_person(person.person.id, Force::No, change, entry).await?;
    Ok(json!({ "user": person_json(&person), "notes": notes }))
}

pub(super) async fn reset_two_step(vault: &Vault, user: &str, reason: &str) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let entry = by_console("user.reset-two-step", person.person.name.as_str()).detail(reason);
    changed(&vault.reset_two_step(person.person.id, entry).await?)
}

/// Nobody but its owner sees the link (ASVS 6.4.6).
pub(super) async fn recover(vault: &Vault, in_force: &InForce, user: &str) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let name = person.person.name.as_str();
    if in_force.settings.couriers.email.is_none() {
        let why = format!("no mail server is configured; `vestibule user invite {name}` prints a link instead");
        return Err(AdminError::new(Code::Failed, why));
    }
    let Some(email) = &person.email else {
        let why = format!("{name} has no address; give them one with `vestibule user set-email {name} ADDRESS`");
        return Err(AdminError::new(Code::Failed, why));
    };
    if person.person.standing == Standing::Disabled {
        return Err(AdminError::new(Code::Failed, format!("{name} is disabled; `vestibule user enable {name}` first")));
    }
    vault.recover(person.person.id, email, by_console("user.recover", name)).await?;
    Ok(json!({ "user": person_json(&person), "sent_to": email.as_str() }))
}

pub(super) async fn set_email(vault: &Vault, user: &str, email: Option<&str>) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let email = email.map(|email| Email::parse(email).map_err(|error| not_a("e-mail address", email, &error)));
    let email = email.transpose()?;
    let entry = by_console("user.set-email", person.person.name.as_str());
    let change = |person: &mut PersonRecord| person.email.clone_from(&email);
    changed(&vault.change_person(person.person.id, Force::No, change, entry).await?)
}

pub(super) async fn sign_out(vault: &Vault, user: &str) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let name = person.person.name.as_str();
    let ended = vault.sign_out_person(person.person.id, by_console("user.sign-out", name)).await?;
    Ok(json!({ "user": name, "ended": ended }))
}

pub(super) async fn delete(vault: &Vault, user: &str, force: Force) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let name = person.person.name.as_str();
    vault.delete_person(person.person.id, force, by_console("user.delete", name)).await?;
    Ok(json!({ "deleted": name }))
}

pub(super) async fn invite(vault: &Vault, in_force: &InForce, clock: &Clock, user: &str) -> Result<Value, AdminError> {
    let person = names::person(vault, user).await?;
    let entry = by_console("user.invite", person.person.name.as_str());
    let invitation = vault.invite(person.person.id, entry).await?;
    Ok(invitation_json(&person, in_force, clock, &invitation))
}

/// A person as answers show them.
fn person_json(record: &PersonRecord) -> Value {
    json!({
        "id": record.person.id.to_string(),
        "name": record.person.name.as_str(),
        "full_name": record.full_name,
        "email": record.email.as_ref().map(Email::as_str),
        "roles": record.person.roles.iter().map(RoleName::as_str).collect::<Vec<_>>(),
        "groups": record.person.groups.iter().map(GroupName::as_str).collect::<Vec<_>>(),
        "standing": match record.person.standing {
            Standing::Active => "active",
            Standing::Disabled => "disabled",
        },
        "has_password": record.has_password,
        "two_step": record.enrolled.to_string(),
        "added": span::written(record.added),
        "last_sign_in": record.last_sign_in.map(|(at, from)| json!({ "at": span::written(at), "from": from })),
    })
}

fn changed(record: &PersonRecord) -> Result<Value, AdminError> {
    Ok(json!({ "user": person_json(record) }))
}

/// The link is a secret like a password, good once and for a day; it leaves here and is stored nowhere.
fn invitation_json(person: &PersonRecord, in_force: &InForce, clock: &Clock, invitation: &Bearer) -> Value {
    json!({
        "user": person_json(person),
        "invitation": in_force.settings.portal.join(&format!("/invitation/{}", invitation.expose())),
        "expires": span::written(clock.now() + INVITATION),
    })
}

fn parse_roles(typed: &[String]) -> Result<Vec<RoleName>, AdminError> {
    distinct(typed.iter().map(|role| RoleName::parse(role).map_err(|error| not_a("role", role, &error))))
}

fn parse_groups(typed: &[String]) -> Result<Vec<GroupName>, AdminError> {
    distinct(typed.iter().map(|group| GroupName::parse(group).map_err(|error| not_a("group", group, &error))))
}

fn distinct<T: Ord>(names: impl Iterator<Item = Result<T, AdminError>>) -> Result<Vec<T>, AdminError> {
    let mut names = names.collect::<Result<Vec<_>, _>>()?;
    names.sort();
    names.dedup();
    Ok(names)
}

fn not_a(kind: &str, typed: &str, error: &dyn std::fmt::Display) -> AdminError {
    AdminError::new(Code::Usage, format!("\"{typed}\" is no {kind}: {error}"))
}

/// Roles and groups that no rule speaks of: allowed, and probably a slip of the finger.
fn unused(in_force: &InForce, roles: &[RoleName], groups: &[GroupName]) -> Vec<String> {
    let rules = in_force.settings.policy.rules();
    let allowed: Vec<_> = rules.apps.values().flat_map(|app| &app.paths).flat_map(|path| &path.allow).collect();
    let known_roles =
        rules.roles.keys().map(RoleName::as_str).chain(allowed.iter().filter_map(|allowed| match allowed {
            Allowed::Role(role) => Some(role.as_str()),
            _ => None,
        }));
    let known_roles: Vec<_> = known_roles.chain(["admin"]).collect();
    let known_groups = rules.groups.keys().map(GroupName::as_str);
    let known_groups = known_groups.chain(allowed.iter().filter_map(|allowed| match allowed {
        Allowed::Group(group) => Some(group.as_str()),
        _ => None,
    }));
    let known_groups: Vec<_> = known_groups.collect();
    let unused = |kind: &str, name: &str, known: &[&str]| {
        let meant = names::nearest(name, known.iter().copied());
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        (!known.contains(&name)).then(|| format!("no rule speaks of the {kind} {name}{meant}"))
    };
    let roles = roles.iter().filter_map(|role| unused("role", role.as_str(), &known_roles));
    roles.chain(groups.iter().filter_map(|group| unused("group", group.as_str(), &known_groups))).collect()
}

fn memberships(roles: &[RoleName], groups: &[GroupName]) -> String {
    format!("roles: {}; groups: {}", listed(roles), listed(groups))
}

fn listed<T: std::fmt::Display>(names: &[T]) -> String {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// How long the vault keeps an invitation.
const INVITATION: Duration = Duration::from_secs(24 * 60 * 60);
