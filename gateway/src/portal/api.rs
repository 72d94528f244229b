//! The JSON API for native apps (S10), and the public keys.
//!
//! `POST /api/v1/sign-in {"username","password","device"}` → `{"flow","next":[methods]}`;
//! `POST /api/v1/sign-in/{flow} {"method","code"}` → `{"token","device_id","expires_at"}`; without `code`, a code is sent by
//! this method (`sms`, `voice`, `email`): 202. Errors are problem documents.
//! The token is a bearer token of its own kind (`vsd_…`), listed and ended like a session.

use std::marker::PhantomData;
use std::sync::Arc;

use access::policy::{Certificate, Goal, Method, Methods};
use access::{Secret, Timestamp};
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, Json};
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::account::PASSWORD as CHANGE;
use super::respond::{Problem, json};
use super::sign_in::{caller, trouble};
use super::{Reader, Visit, codes, refusal};
use crate::gate::login::{Opened, SignIn, method_word};
use crate::gate::{Admission, Ask, DEVICE_PREFIX, Gate, Shown};
use crate::store::vault::{Sending, SessionKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    username: String,
    password: String,
    #[serde(default)]
    device: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proceed {
    method: String,
    #[serde(default)]
    code: String,
}

/// A JSON object and nothing else: what serde derives would also take an array of the fields in their order.
pub(super) struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

#[derive(Serialize)]
struct Asked<'a> {
    flow: &'a str,
    next: Vec<&'static str>,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
    device_id: String,
    /// Seconds since the epoch.
    expires_at: u64,
}

/// `POST /api/v1/sign-in`.
pub(super) async fn begin(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Result<Json<Object<Begin>>, JsonRejection>,
) -> Response {
    let visit = Visit { reader: Reader::Program, ..visit };
    let Json(Object(Begin { username, password, device })) = match body {
        Ok(body) => body,
        Err(rejected) => return malformed(&visit, &rejected, "{\"username\", \"password\", \"device\"}"),
    };
    let password = Secret::new(password);
    let mut caller = caller(&visit, &headers, SessionKind::Device);
    let device: String = device.chars().filter(|letter| !letter.is_control()).take(120).collect();
    if !device.trim().is_empty() {
        caller.device = device.trim().to_owned();
    }
    match gate.sign_in(&caller, &username, password, Some(caller.device.clone())).await {
        Ok(step) => answer(&gate, &visit, step),
        Err(error) => trouble(&gate, &visit, &error),
    }
}

/// `POST /api/v1/sign-in/{flow}`.
pub(super) async fn proceed(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    Path(flow): Path<String>,
    body: Result<Json<Object<Proceed>>, JsonRejection>,
) -> Response {
    let visit = Visit { reader: Reader::Program, ..visit };
    let Json(Object(Proceed { method, code })) = match body {
        Ok(body) => body,
        Err(rejected) => return malformed(&visit, &rejected, "{\"method\", \"code\"}"),
    };
    let method = match method.as_str() {
        "totp" => Method::Totp,
        "recovery" => Method::Recovery,
        "sms" => Method::Sms,
        "voice" => Method::Voice,
        "email" => Method::Email,
        _ => {
            let detail = "method is \"totp\", \"sms\", \"voice\", \"email\" or \"recovery\".";
            return problem(&visit, StatusCode::UNPROCESSABLE_ENTITY, "unknown_method", "Unknown method", detail);
        }
    };
    let mut caller = caller(&visit, &headers, SessionKind::Device);
    // What the device called itself at the first step.
    match gate.under_way(&flow).await {
        Ok(held) => {
            if let Some(device) = held.and_then(|(held, _)| held.return_to) {
                caller.device = device;
            }
        }
        Err(error) => return trouble(&gate, &visit, &error.into()),
    }
    if code.is_empty() && codes::way(method_word(method)).is_some() {
        return match gate.send_code(&caller, &flow, method, "").await {
            Ok(Some(sending)) => sent(&gate, &visit, sending),
            Ok(None) => {
                let detail = "No codes are sent to you by this method.";
                problem(&visit, StatusCode::UNPROCESSABLE_ENTITY, "unknown_method", "Unknown method", detail)
            }
            Err(error) => trouble(&gate, &visit, &error),
        };
    }
    match gate.second_step(&caller, &flow, method, &code).await {
        Ok(step) => answer(&gate, &visit, step),
        Err(error) => trouble(&gate, &visit, &error),
    }
}

/// `DELETE /api/v1/session`: a device signs itself out.
pub(super) async fn end(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Response {
    let visit = Visit { reader: Reader::Program, ..visit };
    let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    let shown = match text {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Shown::Bearer(token.trim_start()),
        _ => Shown::Nothing,
    };
    let ask = Ask {
        in_force: &visit.in_force,
        address: visit.resolved.client,
        certificate: Certificate::NotShown,
        goal: Goal::Portal,
        shown,
        app: None,
        hold: None,
    };
    match gate.admit(ask).await {
        Admission::Enter(permit) => {
            let Some((visitor, session)) = permit.visitor().and_then(|visitor| Some((visitor, visitor.session()?)))
            else {
                return needs_sign_in(&visit);
            };
            match gate.sign_out(&visit.in_force, visitor.record(), session.id, visit.resolved.client).await {
                Ok(_) => {
                    let mut answer = Response::new(Body::empty());
                    *answer.status_mut() = StatusCode::NO_CONTENT;
                    answer
                }
                Err(error) => trouble(&gate, &visit, &error.into()),
            }
        }
        Admission::SignIn { .. } => needs_sign_in(&visit),
        Admission::Refuse(denied) => refusal::denied(&visit, None, &denied).map(Body::from),
    }
}

/// `GET /.well-known/jwks.json`.
pub(super) async fn jwks(State(gate): State<Arc<Gate>>, Extension(visit): Extension<Visit>) -> Response {
    json(&visit.in_force.settings.portal, StatusCode::OK, gate.jwks())
}

/// What became of a code to be sent.
fn sent(gate: &Gate, visit: &Visit, sending: Sending) -> Response {
    match sending {
        Sending::Done => {
            json(&visit.in_force.settings.portal, StatusCode::ACCEPTED, &serde_json::json!({ "sent": true }))
        }
        Sending::Wait(until) => wait(gate, visit, until, "Too many codes were sent. Try again later."),
        Sending::Gone => answer(gate, visit, SignIn::Over),
    }
}

fn wait(gate: &Gate, visit: &Visit, until: Timestamp, detail: &str) -> Response {
    let mut waiting = Problem::new(StatusCode::TOO_MANY_REQUESTS, "wait", "Too many tries", detail);
    waiting.retry_at = Some(until.seconds() + 1);
    let mut answer = waiting.answer(&visit.in_force.settings.portal);
    let left = until.since(gate.clock().now()).as_secs() + 1;
    answer.headers_mut().insert(RETRY_AFTER, left.into());
    answer.map(Body::from)
}

fn answer(gate: &Gate, visit: &Visit, step: SignIn) -> Response {
    let portal = &visit.in_force.settings.portal;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    match step {
        SignIn::WrongPassword => {
            let detail = "That user name and password don't match.";
            problem(visit, StatusCode::UNAUTHORIZED, "wrong_credentials", "Wrong user name or password", detail)
        }
        SignIn::PasswordTooOld => {
            let detail = format!("Choose a new password in a browser first, at {}.", portal.join(CHANGE));
            let mut old = Problem::new(StatusCode::FORBIDDEN, "password_too_old", "Password too old", &detail);
            old.sign_in = Some(portal.join(CHANGE));
            old.answer(portal).map(Body::from)
        }
        SignIn::WrongCode => problem(
            visit,
            unprocessable,
            "wrong_code",
            "Wrong code",
            "That code is not right. Check the device's clock.",
        ),
        SignIn::UsedCode => problem(
            visit,
            unprocessable,
            "used_code",
            "Used code",
            "This code was already used. Wait for the next one.",
        ),
        SignIn::Over => {
            problem(visit, StatusCode::GONE, "flow_over", "Sign-in over", "This sign-in is over. Begin a new one.")
        }
        SignIn::Wait(until) => wait(gate, visit, until, "Too many tries. Try again later."),
        SignIn::SecondStep { flow, methods } => {
            let flow = flow.as_ref().map_or("", |flow| flow.expose().as_str());
            json(portal, StatusCode::OK, &Asked { flow, next: words(methods) })
        }
        SignIn::SetUp { .. } => {
            let detail = format!("Set up a second step in a browser first, at {}.", portal.join("/sign-in"));
            let mut needed = Problem::new(StatusCode::FORBIDDEN, "set_up_required", "Set-up required", &detail);
            needed.sign_in = Some(portal.join("/sign-in"));
            needed.answer(portal).map(Body::from)
        }
        SignIn::Done(opened) => {
            let Opened { secret, session, expires, .. } = *opened;
            let token = Secret::new(format!("{DEVICE_PREFIX}{}", secret.expose()));
            let made =
                Token { token: token.expose(), device_id: session.id.to_string(), expires_at: expires.seconds() };
            json(portal, StatusCode::OK, &made)
        }
        SignIn::Refused(denied) => refusal::denied(visit, None, &denied).map(Body::from),
    }
}

fn words(methods: Methods) -> Vec<&'static str> {
    // Not passkeys: those answer a page of ours, in a browser.
    [Method::Totp, Method::Sms, Method::Voice, Method::Email, Method::Recovery]
        .into_iter()
        .filter(|method| methods.has(*method))
        .map(method_word)
        .collect()
}

fn problem(visit: &Visit, status: StatusCode, code: &str, title: &str, detail: &str) -> Response {
    let mut answer = Problem::new(status, code, title, detail).answer(&visit.in_force.settings.portal);
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110 §11.6.1: a 401 carries a challenge, though this one was no bearer token.
        answer.headers_mut().insert(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    }
    answer.map(Body::from)
}

fn needs_sign_in(visit: &Visit) -> Response {
    problem(visit, StatusCode::UNAUTHORIZED, "sign_in_required", "Sign-in required", "Send the device's bearer token.")
}

fn malformed(visit: &Visit, rejected: &JsonRejection, expected: &str) -> Response {
    let detail = match rejected {
        JsonRejection::MissingJsonContentType(_) => format!("Send {expected} as application/json."),
        _ => format!("The body is not the JSON object expected here: {expected}."),
    };
    problem(visit, StatusCode::UNPROCESSABLE_ENTITY, "malformed", "Malformed request", &detail)
}
