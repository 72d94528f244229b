//! One request, taken apart: what of it is the browser's, and what is typed or carried along.

use access::totp::TotpSecret;
use harness::gateway::TestGateway;
use harness::wire::Answer;
use serde_json::Value;
use vestibule::demo::visitor::{Form, Visitor};

/// A request that a step takes, or one like it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) bearer: Option<String>,
    pub(super) code: Code,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Form(Vec<(String, String)>),
    Json(Value),
    Nothing,
}

/// Is there a code in it that changes with the time?
#[derive(Clone, Debug)]
pub(super) enum Code {
    None,
    /// Of this person's authenticator app.
    Theirs(&'static str),
    /// Of an app that is being set up.
    Of(TotpSecret),
}

impl Call {
    /// The form of the page that a visitor looks at, filled in. What it has no field for is added: boxes that are ticked.
    pub(super) fn of(visitor: &Visitor, action: &str, typed: &[(&str, &str)]) -> Self {
        let fields = filled(visitor, action, typed);
        // What leads to a question is of use only with its answer.
        let answers = fields.iter().any(|(name, _)| name == "credential");
        let cookies = [FORM, FLOW, SESSION, RESET, KEY].into_iter().filter(|name| answers || *name != KEY);
        let held = cookies.filter_map(|name| Some((name.to_owned(), visitor.cookie(PORTAL, name)?.to_owned())));
        Self {
            method: "POST",
            path: action.to_owned(),
            cookies: held.collect(),
            body: Body::Form(fields),
            bearer: None,
            code: Code::None,
        }
    }

    /// What a native app sends.
    pub(super) fn json(path: &str, document: Value) -> Self {
        let body = Body::Json(document);
        Self { method: "POST", path: path.to_owned(), cookies: Vec::new(), body, bearer: None, code: Code::None }
    }

    #[must_use]
    pub(super) fn with_code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// With the code that is right now.
    pub(super) fn in_time(&self, gateway: &TestGateway) -> Self {
        let code = match &self.code {
            Code::None => return self.clone(),
            Code::Theirs(name) => gateway.totp(name),
            Code::Of(secret) => secret.code_at(gateway.clock().now()),
        };
        self.with_field("code", &code)
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        match &self.body {
            Body::Form(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()),
            Body::Json(document) => document[name].as_str(),
            Body::Nothing => None,
        }
    }

    #[must_use]
    pub(super) fn with_field(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        match &mut changed.body {
            Body::Form(fields) => {
                fields.retain(|(field, _)| field != name);
                fields.push((name.to_owned(), value.to_owned()));
            }
            Body::Json(document) => document[name] = value.into(),
            Body::Nothing => {}
        }
        changed
    }

    #[must_use]
    pub(super) fn without_field(&self, name: &str) -> Self {
        let mut changed = self.clone();
        if let Body::Form(fields) = &mut changed.body {
            fields.retain(|(field, _)| field != name);
        }
        changed
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(cookie, _)| cookie == name).map(|(_, value)| value.as_str())
    }

    /// With this cookie; `None`: without it.
    #[must_use]
    pub(super) fn with_cookie(&self, name: &str, value: Option<&str>) -> Self {
        let mut changed = self.clone();
        changed.cookies.retain(|(cookie, _)| cookie != name);
        changed.cookies.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        changed
    }

    /// This browser and where it stands, with what somebody else would have sent.
    #[must_use]
    pub(super) fn carrying(&self, other: &Self) -> Self {
        let carried = Self { body: other.body.clone(), ..self.clone() };
        match (&self.body, self.field("form")) {
            (Body::Form(_), Some(token)) => carried.with_field("form", token),
            _ => carried,
        }
    }

    /// As its own page, or its own app, sends it.
    pub(super) async fn send(&self, gateway: &TestGateway) -> Answer {
        let origin = gateway.portal("");
        self.send_with(gateway, &[("Sec-Fetch-Site", "same-origin"), ("Origin", &origin)]).await
    }

    /// With other fields in its header.
    pub(super) async fn send_with(&self, gateway: &TestGateway, headers: &[(&str, &str)]) -> Answer {
        let request = gateway.ask(self.method, "login", &self.path);
        let request = match &self.body {
            Body::Form(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                headers
                    .iter()
                    .fold(request.by_browser().form(&fields), |request, (name, value)| request.with(name, value))
            }
            Body::Json(document) => request.json(document),
            Body::Nothing => request,
        };
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.with("Cookie", &cookies.join("; ")) };
        match &self.bearer {
            Some(token) => request.bearer(token).send().await,
            None => request.send().await,
        }
    }
}

/// The fields of a form of the present page, some typed.
pub(super) fn filled(visitor: &Visitor, action: &str, typed: &[(&str, &str)]) -> Vec<(String, String)> {
    let page = visitor.page().expect("a page");
    let form = Form::all(&page.text()).into_iter().find(|form| form.action == action);
    let form = form.unwrap_or_else(|| panic!("{} has no form for {action}: {}", page.url, page.words()));
    let added = typed.iter().filter(|(name, _)| !form.has(name)).copied();
    let fields: Vec<_> = form.filled(typed).chain(added).collect();
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(super) const PORTAL: &str = "login.localhost";
pub(super) const SESSION: &str = "__Host-vestibule";
pub(super) const FORM: &str = "__Host-vestibule-form";
pub(super) const FLOW: &str = "__Host-vestibule-flow";
/// What the next page says was just done.
pub(super) const DONE: &str = "__Host-vestibule-done";
pub(super) const RESET: &str = "__Host-vestibule-reset";
pub(super) const KEY: &str = "__Host-vestibule-key";
