//! What would the rules say, and why? The walk for `explain`, and any walk as JSON.

use std::net::IpAddr;

use access::identity::UserId;
use access::network::{Believed, Claims};
use access::policy::{
    AppPasswordFacts, Attempt, Certificate, Decision, Generations, Goal, Mark, Method, Methods, Need, Place, Proof,
    SessionFacts, TokenFacts, Unscoped, Walk,
};
use access::target::CanonicalPath;
use access::{ClientAddr, Timestamp};
use serde_json::{Value, json};

use super::{AdminError, Code, names, tokens};
use crate::clock::Clock;
use crate::config::{self, InForce};
use crate::gate::need_code;
use crate::store::vault::{AppPasswordRecord, PersonRecord, TokenRecord, Vault};

/// A question, as typed.
pub(super) struct Asked {
    pub(super) user: Option<String>,
    pub(super) token: Option<String>,
    pub(super) app_password: Option<String>,
    pub(super) app: Option<String>,
    pub(super) ip: IpAddr,
    pub(super) path: String,
    pub(super) method: String,
}

pub(super) async fn explain(
    vault: &Vault,
    in_force: &InForce,
    clock: &Clock,
    asked: Asked,
) -> Result<Value, AdminError> {
    let usage = |sentence: String| AdminError::new(Code::Usage, sentence);
    let address = ClientAddr::resolve(asked.ip, &Believed::default(), &Claims::default())
        .map_err(|error| usage(error.to_string()))?
        .client;
    let app = asked.app.as_deref().map(|app| tokens::known_app(in_force, app)).transpose()?;
    let path = asked.path.split(['?', '#']).next().unwrap_or("/");
    let tolerated = app.as_ref().and_then(|app| in_force.settings.policy.rules().apps.get(app));
    let tolerated = tolerated.map(|app| app.paths_may_contain).unwrap_or_default();
    let path = CanonicalPath::parse_unusual(path.as_bytes(), tolerated)
        .map_err(|error| usage(format!("the gateway would not understand the path \"{}\": {error}", asked.path)))?;
    let method = asked.method.to_ascii_uppercase();
    let goal = match &app {
        Some(app) => Goal::App { app, method: &method, path: &path },
        None => Goal::Portal,
    };

    let question = Question { address, goal, vault, in_force, now: clock.now() };
    let mut notes = Vec::new();
    let rules = in_force.settings.policy.rules();
    if app.as_ref().and_then(|app| rules.apps.get(app)).is_some_and(|app| app.client_certificate.is_some()) {
        notes.push("this is asked as if the client had shown a certificate".to_owned());
    }
    let (walk, who) = match (&asked.user, &asked.token, &asked.app_password) {
        (None, None, None) => (question.walk(Proof::Nobody, Generations::default()), None),
        (Some(user), None, None) => {
            let person = names::person(vault, user).await?;
            (question.of_person(&person, &mut notes), Some(person))
        }
        (user, Some(token), None) => {
            let token = names::token(vault, token).await?;
            let owner = owner(vault, "token", token.owner, user.as_deref()).await?;
            (question.of_token(&owner, &token)?, Some(owner))
        }
        (user, None, Some(one)) => {
            let one = names::app_password(vault, one).await?;
            let owner = owner(vault, "app password", one.owner, user.as_deref()).await?;
            (question.of_app_password(&owner, &one)?, Some(owner))
        }
        (_, Some(_), Some(_)) => {
            return Err(usage("one asks with a token or with an app password, not with both".to_owned()));
        }
    };
    let mut answer = walk_json(&walk);
    answer["user"] = json!(who.as_ref().map(|person| person.person.name.as_str()));
    answer["app"] = json!(app.as_ref().map(access::identity::AppName::as_str));
    answer["ip"] = json!(address.ip());
    answer["path"] = json!(path.as_str());
    answer["method"] = json!(method);
    answer["notes"] = json!(notes);
    Ok(answer)
}

/// Whose it is; they must be `user`, if somebody was named.
async fn owner(vault: &Vault, kind: &str, id: UserId, user: Option<&str>) -> Result<PersonRecord, AdminError> {
    let owner = vault.person(id).await?;
    let owner = owner.ok_or_else(|| AdminError::new(Code::Unknown, format!("the {kind}'s owner is gone")))?;
    if let Some(user) = user
        && names::person(vault, user).await?.person.id != owner.person.id
    {
        let sentence = format!("the {kind} belongs to {}, not to {user}", owner.person.name);
        return Err(AdminError::new(Code::Usage, sentence));
    }
    Ok(owner)
}

struct Question<'a> {
    address: ClientAddr,
    goal: Goal<'a>,
    vault: &'a Vault,
    in_force: &'a InForce,
    now: Timestamp,
}

impl Question<'_> {
    /// As if they had signed in this moment and shown everything they have set up.
    fn of_person(&self, person: &PersonRecord, notes: &mut Vec<String>) -> Walk {
        let name = &person.person.name;
        let enrolled = if person.enrolled.is_empty() {
            notes.push(format!(
                "{name} has no second step yet; this is asked as if they had set up one of those that count"
            ));
            Methods::NAMEABLE
        } else {
            person.enrolled
        };
        let generations = Generations { person: person.generation, ..self.vault.generations() };
        let session = SessionFacts {
            factors: enrolled.with(Method::Password),
            opened: self.now,
            proved: self.now,
            used: self.now,
            generations,
        };
        self.walk(Proof::Session { person: &person.person, session: &session }, generations)
    }

    fn of_token(&self, owner: &PersonRecord, token: &TokenRecord) -> Result<Walk, AdminError> {
        let only_from = config::resolve_list(&self.in_force.settings.networks, &token.only_from)
            .map_err(|reason| AdminError::new(Code::Failed, format!("token {}: {reason}", token.id)))?;
        let facts = TokenFacts {
            apps: token.apps.clone(),
            scopes: token.scopes.clone(),
            unscoped: Unscoped::Owner,
            only_from,
            expires: token.expires,
            generations: token.generations,
        };
        let generations = Generations { person: owner.generation, ..self.vault.generations() };
        Ok(self.walk(Proof::Token { person: &owner.person, token: &facts }, generations))
    }

    fn of_app_password(&self, owner: &PersonRecord, one: &AppPasswordRecord) -> Result<Walk, AdminError> {
        let only_from = config::resolve_list(&self.in_force.settings.networks, &one.only_from)
            .map_err(|reason| AdminError::new(Code::Failed, format!("app password {}: {reason}", one.id)))?;
        let facts = AppPasswordFacts {
            protocols: one.protocols,
            only_from,
            expires: one.expires,
            generations: one.generations,
        };
        let generations = Generations { person: owner.generation, ..self.vault.generations() };
        Ok(self.walk(Proof::AppPassword { person: &owner.person, password: &facts }, generations))
    }

    fn walk(&self, proof: Proof<'_>, generations: Generations) -> Walk {
        let attempt =
            Attempt { address: self.address, certificate: Certificate::Shown, goal: self.goal, proof, generations };
        access::explain(&self.in_force.settings.policy, &attempt, self.now)
    }
}

/// A walk as answers show it: `decision` (`allow`, `sign_in`, `refuse`), `reason` (the word of problem documents), `rule`
/// (where the rule stands that decided), and each step with its mark (`pass`, `fail`, `not_reached`).
pub fn walk_json(walk: &Walk) -> Value {
    let (decision, reason, rule) = match &walk.decision {
        Decision::Allow(grant) => ("allow", "allowed", Some(grant.rule())),
        Decision::SignIn(need) => ("sign_in", need_code(*need), None),
        Decision::Refuse(refusal) => ("refuse", refusal.reason.code(), refusal.rule.as_ref()),
    };
    let methods = match &walk.decision {
        Decision::SignIn(Need::SecondStep(methods)) => Some(methods.to_string()),
        _ => None,
    };
    let steps = walk.steps.iter().map(|step| {
        json!({
            "name": step.name,
            "mark": match step.mark {
                Mark::Pass => "pass",
                Mark::Fail => "fail",
                Mark::NotReached => "not_reached",
            },
            "text": step.text,
            "place": step.place.as_ref().map(place_json),
        })
    });
    json!({
        "decision": decision,
        "reason": reason,
        "methods": methods,
        "rule": rule.map(place_json),
        "steps": steps.collect::<Vec<_>>(),
    })
}

fn place_json(place: &Place) -> Value {
    json!({ "file": &*place.file, "line": place.line })
}
