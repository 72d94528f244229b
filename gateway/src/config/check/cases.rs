//! Do the rules say what their author meant? Each case is a question with its answer (Z5).
//!
//! The person of a case exists for that case alone: active, with the roles and groups it names, and with a session that
//! was opened just now and, unless the case says otherwise, by both steps.

use access::identity::{AppName, GroupName, NameError, RoleName, Scope, UserId, UserName};
use access::network::{Believed, Claims, Network};
use access::policy::{
    AppPasswordFacts, Attempt, Certificate, Decision, Generations, Goal, Listed, Mark, Method, Methods, Need, Person,
    Policy, Proof, SessionFacts, Standing, TokenFacts, Unscoped, Walk,
};
use access::protocol::{Protocol, Protocols};
use access::target::{CanonicalPath, UnusualPaths};
use access::{ClientAddr, Timestamp, explain};

use super::{PolicyPage, scalars};
use crate::config::fault::{Page, nearest, shown};
use crate::config::file::{Case, Gateway};
use crate::config::words::{CertificateWord, Expect, SecondStepWord, Text};
use crate::config::written::{At, OneOrMany};

/// Are the cases well asked? Does not need the rules.
pub(super) fn check_names(policies: &[PolicyPage<'_>], gateway: &Gateway) {
    let apps: Vec<&str> =
        gateway.apps.iter().flat_map(|apps| &apps.value.0).map(|(name, _)| name.value.0.as_str()).collect();
    let known: Vec<AppName> = apps.iter().filter_map(|name| AppName::parse(name).ok()).collect();
    for (page, At { value: case, .. }) in all(policies) {
        Question::read(page, case);
        let token_apps = case.token.iter().filter_map(|token| token.value.apps.as_ref()).flat_map(|apps| &apps.value.0);
        for app in case.app.iter().chain(token_apps) {
            if AppName::parse(&app.value.0).is_ok_and(|name| !known.contains(&name)) {
                let help = match nearest(&app.value.0, apps.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name an app of gateway.yaml".into(),
                };
                page.refuse("unknown_app", app.spot, format!("unknown app `{}`", shown(&app.value.0)), help);
            }
        }
    }
}

/// Asks every case and writes down each wrong answer. Returns how many were asked.
pub(super) fn run(policies: &[PolicyPage<'_>], policy: &Policy, now: Timestamp) -> usize {
    let mut asked = 0;
    for (page, case) in all(policies) {
        let Some(question) = Question::read(page, &case.value) else { continue };
        let walk = question.ask(policy, now);
        asked += 1;
        let (decided, words) = in_words(&walk.decision);
        if decided != case.value.expect.value {
            let spot = case.value.expect.spot;
            let message = format!("expected {}, decided {words}{}", word(case.value.expect.value), because(&walk));
            page.refuse("case_failed", spot, message, "change the rule if the case is right, the case if the rule is");
        }
    }
    asked
}

fn all<'a>(policies: &'a [PolicyPage<'a>]) -> impl Iterator<Item = (Page<'a>, &'a At<Case>)> {
    policies
        .iter()
        .flat_map(|(page, policy)| policy.cases.iter().flat_map(|cases| &cases.value).map(|case| (*page, case)))
}

/// A case, ready to be asked.
struct Question<'c> {
    address: ClientAddr,
    person: Option<Person>,
    app: Option<AppName>,
    method: Box<str>,
    path: CanonicalPath<'c>,
    token: Option<(Vec<Scope>, Vec<AppName>)>,
    by_app_password: bool,
    second_step: SecondStepWord,
    certificate: Certificate,
}

impl<'c> Question<'c> {
    /// `None`: the page says why.
    fn read(page: Page<'_>, case: &'c Case) -> Option<Self> {
        let address = address(page, case);
        let user =
            case.user.as_ref().map(|user| scalars::name(page, "the user", &user.value.0, user.spot, UserName::parse));
        let roles = names(page, "the role", case.roles.as_ref(), RoleName::parse);
        let groups = names(page, "the group", case.groups.as_ref(), GroupName::parse);
        let app = case.app.as_ref().map(|app| scalars::name(page, "the app", &app.value.0, app.spot, AppName::parse));
        let method = match &case.method {
            Some(written) => scalars::http_method(page, written),
            None => Some("GET".into()),
        };
        let path = path(page, case);
        let token = token(page, case, app.as_ref());
        let needs_user = [
            case.roles.as_ref().map(|at| ("roles", at.spot)),
            case.groups.as_ref().map(|at| ("groups", at.spot)),
            case.token.as_ref().map(|at| ("token", at.spot)),
            case.basic.as_ref().map(|at| ("basic", at.spot)),
            case.second_step.as_ref().map(|at| ("second_step", at.spot)),
        ];
        if case.user.is_none()
            && let Some((key, spot)) = needs_user.into_iter().flatten().next()
        {
            page.refuse("missing_key", spot, format!("`{key}` needs a person to belong to"), "add `user: ana`");
        }
        if let (Some(_), Some(basic)) = (&case.token, &case.basic) {
            page.refuse(
                "two_proofs",
                basic.spot,
                "a case is asked with a token or with an app password, not with both",
                "delete one of them, or write two cases",
            );
        }
        let needs_app = [
            case.path.as_ref().map(|at| ("path", at.spot)),
            case.method.as_ref().map(|at| ("method", at.spot)),
            case.client_certificate.as_ref().map(|at| ("client_certificate", at.spot)),
        ];
        if case.app.is_none()
            && let Some((key, spot)) = needs_app.into_iter().flatten().next()
        {
            page.refuse("missing_key", spot, format!("`{key}` needs an app to belong to"), "add `app: …`");
        }
        let person = match user {
            Some(name) => Some(Person {
                id: UserId([0; 16]),
                name: name?,
                roles: roles?.into(),
                groups: groups?.into(),
                standing: Standing::Active,
            }),
            None => None,
        };
        Some(Self {
            address: address?,
            person,
            app: match app {
                Some(app) => Some(app?),
                None => None,
            },
            method: method?,
            path: path?,
            token: match token {
                Some(token) => Some(token?),
                None => None,
            },
            by_app_password: case.basic.is_some(),
            second_step: case.second_step.as_ref().map_or(SecondStepWord::Satisfied, |at| at.value),
            certificate: match case.client_certificate.as_ref().map(|at| at.value) {
                None | Some(CertificateWord::Shown) => Certificate::Shown,
                Some(CertificateWord::Missing) => Certificate::NotShown,
            },
        })
    }

    fn ask(&self, policy: &Policy, now: Timestamp) -> Walk {
        let generations = Generations::default();
        let factors = match self.second_step {
            SecondStepWord::Satisfied => Methods::NAMEABLE.with(Method::Password),
            SecondStepWord::Missing => Methods::NONE.with(Method::Password),
        };
        let session = SessionFacts { factors, opened: now, proved: now, used: now, generations };
        let token = self.token.as_ref().map(|(scopes, apps)| TokenFacts {
            apps: apps.clone(),
            scopes: scopes.clone(),
            unscoped: Unscoped::Owner,
            only_from: None::<Listed>,
            expires: Timestamp::NEVER,
            generations,
        });
        let app_password = AppPasswordFacts {
            protocols: Protocols::NONE.with(Protocol::Web),
            only_from: None,
            expires: Timestamp::NEVER,
            generations,
        };
        let proof = match (&self.person, &token) {
            (None, _) => Proof::Nobody,
            (Some(person), Some(token)) => Proof::Token { person, token },
            (Some(person), None) if self.by_app_password => Proof::AppPassword { person, password: &app_password },
            (Some(person), None) => Proof::Session { person, session: &session },
        };
        let goal = match &self.app {
            Some(app) => Goal::App { app, method: &self.method, path: &self.path },
            None => Goal::Portal,
        };
        explain(
            policy,
            &Attempt { address: self.address, certificate: self.certificate, goal, proof, generations },
            now,
        )
    }
}

fn address(page: Page<'_>, case: &Case) -> Option<ClientAddr> {
    let At { value, spot } = &case.from;
    match super::addresses::network(page, &value.0, *spot)? {
        Network::Prefix(prefix) if prefix.prefix_len() == prefix.max_prefix_len() => {
            let peer = ClientAddr::resolve(prefix.addr(), &Believed::default(), &Claims::default());
            peer.ok().map(|resolved| resolved.client)
        }
        _ => {
            page.refuse(
                "bad_address",
                *spot,
                format!("expected one address, found `{}`", shown(&value.0)),
                "a case comes from one address; write several cases for several",
            );
            None
        }
    }
}

fn path<'c>(page: Page<'_>, case: &'c Case) -> Option<CanonicalPath<'c>> {
    let (text, spot) = case.path.as_ref().map_or(("/", case.from.spot), |path| (path.value.0.as_str(), path.spot));
    // What the app does not take, the rules refuse: a case may say so.
    CanonicalPath::parse_unusual(text.as_bytes(), UnusualPaths::ALL)
        .map_err(|error| {
            let message = format!("`{}` is no path: {error}", shown(text));
            page.refuse("bad_path", spot, message, "write the path of a request, without a query: /api/customers");
        })
        .ok()
}

fn token(page: Page<'_>, case: &Case, app: Option<&Option<AppName>>) -> Option<Option<(Vec<Scope>, Vec<AppName>)>> {
    let written = &case.token.as_ref()?.value;
    let scopes = names(page, "the scope", written.scopes.as_ref(), Scope::parse);
    let apps = match &written.apps {
        Some(apps) => names(page, "the app", Some(apps), AppName::parse),
        None => Some(app.into_iter().flatten().cloned().collect()),
    };
    Some(scopes.zip(apps))
}

fn names<N>(
    page: Page<'_>,
    what: &str,
    written: Option<&At<OneOrMany<Text>>>,
    parse: fn(&str) -> Result<N, NameError>,
) -> Option<Vec<N>> {
    let entries: Vec<_> = written.into_iter().flat_map(|written| &written.value.0).collect();
    let names: Vec<_> =
        entries.iter().filter_map(|entry| scalars::name(page, what, &entry.value.0, entry.spot, parse)).collect();
    (names.len() == entries.len()).then_some(names)
}

fn in_words(decision: &Decision) -> (Expect, String) {
    match decision {
        Decision::Allow(_) => (Expect::Allow, "allow".into()),
        Decision::SignIn(need) => (Expect::SignIn, format!("sign_in ({})", needed(*need))),
        Decision::Refuse(refusal) => (Expect::Refuse, format!("refuse ({})", refusal.reason.code())),
    }
}

/// The rule that settled it, and where it stands.
fn because(walk: &Walk) -> String {
    let settled = match &walk.decision {
        Decision::Allow(_) => walk.steps.iter().rev().find(|step| step.mark == Mark::Pass),
        _ => walk.steps.iter().find(|step| step.mark == Mark::Fail),
    };
    let Some(step) = settled else { return String::new() };
    let place = step.place.as_ref().map(|place| format!(" ({}:{})", place.file, place.line)).unwrap_or_default();
    format!(": {}: {}{place}", step.name, step.text)
}

const fn needed(need: Need) -> &'static str {
    match need {
        Need::Credentials => "nobody has signed in",
        Need::SecondStep(_) => "a second step is missing",
        Need::Fresh => "the last proof is too old",
        Need::Token => "only tokens may come here",
    }
}

const fn word(expect: Expect) -> &'static str {
    match expect {
        Expect::Allow => "allow",
        Expect::Refuse => "refuse",
        Expect::SignIn => "sign_in",
    }
}
