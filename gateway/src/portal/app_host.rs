//! From the portal to an app, without the app ever seeing the portal's cookie (R21, A21, A22).
//!
//! An app host that knows nobody sends the browser to the portal's `/go`, with the digest of a nonce it left in a cookie of
//! its own. The portal, once somebody is signed in, answers with a ticket for this app and this nonce, good once and for 30
//! seconds. The app host consumes it and opens a session of its own. A stolen or planted link is of no use: the nonce is in
//! the other browser.

use std::sync::Arc;

use access::policy::Need;
use access::target::CanonicalPath;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use super::Visit;
use super::asking::Inquiry;
use super::cookies::{COOKIE_NAME, clear_cookie, our_cookie, set_cookie};
use super::forms::Asked;
use super::home::signed_in;
use super::refusal::{self, Addressee};
use super::respond::see_other;
use super::return_to::{Go, ReturnTo, Target};
use super::sign_in::{asked_again, trouble};
use super::too_old::choose_first;
use crate::config::AppSettings;
use crate::gate::{Gate, Prospect};
use crate::store::vault::{Digest, Outcome};
use crate::words::Said;

/// The cookie on an app's host that ties a hand-off to this browser.
pub const GO_COOKIE: &str = "__Host-vestibule-go";

#[derive(Deserialize)]
pub(super) struct GoQuery {
    to: String,
    browser: String,
}

/// `GET /go` on the portal: on with it, if somebody is signed in and has shown what this app asks for.
pub(super) async fn go(inquiry: Inquiry, query: Asked<GoQuery>) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let settings = &visit.in_force.settings;
    let Some(go) = query.ok().and_then(|Query(query)| Go::parse(settings, &query.to, &query.browser)) else {
        return see_other(&visit.in_force, &ReturnTo::Portal("/"));
    };
    let visitor = match signed_in(gate, visit, headers).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return to_sign_in(visit, &go),
        Err(refused) => return refused,
    };
    if let Some(first) = choose_first(gate, visit, &visitor) {
        return see_other(&visit.in_force, &ReturnTo::Portal(first));
    }
    let path = go.target.path.split('?').next().unwrap_or("/").to_owned();
    let Ok(path) = CanonicalPath::parse(path.as_bytes()) else {
        return see_other(&visit.in_force, &ReturnTo::App(Target { path: "/".to_owned(), ..go.target }));
    };
    let app = &go.target.app;
    match gate.prospect(&visit.in_force, visit.resolved.client, &app.name, &path, &visitor) {
        Prospect::Asks(need @ (Need::SecondStep(_) | Need::Fresh)) => {
            return asked_again(&inquiry, &visitor, need, &ReturnTo::Go(go)).await;
        }
        Prospect::Asks(Need::Credentials) => return to_sign_in(visit, &go),
        // Whether it is open to them or not, the app's own host says.
        Prospect::Asks(Need::Token) | Prospect::Open | Prospect::Closed => {}
    }
    let Some(secret) = our_cookie(headers, COOKIE_NAME) else { return to_sign_in(visit, &go) };
    let session = gate.vault().digest("session", secret.as_bytes());
    let Some(browser) = decode(&go.browser) else { return see_other(&visit.in_force, &ReturnTo::Portal("/")) };
    let ticket = match gate.vault().issue_hand_off(session, app.name.clone(), browser).await {
        Ok(ticket) => ticket,
        Err(error) => return trouble(gate, visit, &error.into()),
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("ticket", ticket.expose()).append_pair("to", &go.target.path);
    let path = format!("/.vestibule/hand-off?{}", query.finish());
    see_other(&visit.in_force, &ReturnTo::App(Target { app: Arc::clone(app), path }))
}

fn to_sign_in(visit: &Visit, go: &Go) -> Response {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("return_to", &go.path());
    see_other(&visit.in_force, &ReturnTo::Query(format!("/sign-in?{}", query.finish())))
}

#[derive(Deserialize)]
pub(super) struct TakeQuery {
    ticket: String,
    to: String,
}

/// `GET /.vestibule/hand-off` on an app's host: consumes the ticket and opens this host's session.
pub(super) async fn take(
    State(gate): State<Arc<Gate>>,
    Extension(visit): Extension<Visit>,
    Extension(app): Extension<Arc<AppSettings>>,
    query: Asked<TakeQuery>,
    headers: HeaderMap,
) -> Response {
    let to = Addressee::from(&visit);
    let bad = |sentence: &Said| refusal::bad_request(to, sentence, &gate.reference()).map(axum::body::Body::from);
    let Ok(Query(query)) = query else { return bad(&to.say("app-link-incomplete")) };
    let target = Target::on(&app, &query.to).unwrap_or_else(|| Target { app: Arc::clone(&app), path: "/".to_owned() });
    let nonce = our_cookie(&headers, GO_COOKIE);
    // No browser has an empty nonce: without one the ticket is burnt, as in every other browser but its own.
    let browser = gate.vault().digest("browser", nonce.unwrap_or_default().as_bytes());
    match gate.vault().take_hand_off(&query.ticket, &app.name, browser).await {
        Ok(_) if nonce.is_none() => bad(&to.say("cookie-not-kept")),
        Ok(Outcome::Done((secret, _session))) => {
            let mut answer = see_other(&visit.in_force, &ReturnTo::App(target));
            let life = visit.in_force.settings.policy.rules().organization.session.absolute;
            set_cookie(&mut answer, COOKIE_NAME, secret.expose(), life.as_secs());
            clear_cookie(&mut answer, GO_COOKIE);
            answer
        }
        // Used, late, or another browser's: the app asks again, and the portal knows who is signed in.
        Ok(Outcome::Gone) => see_other(&visit.in_force, &ReturnTo::App(target)),
        Err(error) => trouble(&gate, &visit, &error.into()),
    }
}

/// `GET /.vestibule/sign-out` on an app's host: to the portal, which asks and ends the whole sign-in.
pub(super) async fn sign_out(Extension(visit): Extension<Visit>) -> Response {
    see_other(&visit.in_force, &ReturnTo::Portal("/sign-out"))
}

fn decode(hex: &str) -> Option<Digest> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok().map(Digest)
}
