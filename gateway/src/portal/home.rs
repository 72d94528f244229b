//! The portal's pages for people who are signed in, and `/whoami` for everybody inside the perimeter (N17).

use std::sync::Arc;

use access::policy::{Certificate, Goal};
use access::target::CanonicalPath;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::asking::{Filled, Inquiry, proven};
use super::cookies::{COOKIE_NAME, clear_cookie, our_cookie};
use super::pages::{AppLink, Home, Hop, SignOut, SignedOut, WhoAmI};
use super::respond::{json, page, see_other};
use super::return_to::ReturnTo;
use super::too_old::choose_first;
use super::{Reader, Visit, refusal};
use crate::config::AppSettings;
use crate::gate::{Admission, Ask, Gate, Prospect, Shown, Visitor};

/// Whoever's browser asks, by the portal's cookie.
pub(super) enum Known {
    /// Signed in.
    SignedIn(Arc<Visitor>),
    /// Once signed in, by a session that opens nothing any more.
    Once(Arc<Visitor>),
    /// Nobody, as far as is remembered.
    Nobody,
}

/// Who is this? `Err` is the answer for someone whom the rules refuse, or when the store is away.
pub(super) async fn known(gate: &Gate, visit: &Visit, headers: &HeaderMap) -> Result<Known, Response> {
    let Some(secret) = our_cookie(headers, COOKIE_NAME) else { return Ok(Known::Nobody) };
    let ask = Ask {
        in_force: &visit.in_force,
        address: visit.resolved.client,
        certificate: Certificate::NotShown,
        goal: Goal::Portal,
        shown: Shown::PortalCookie(secret),
        app: None,
        hold: None,
    };
    match gate.admit(ask).await {
        Admission::Enter(permit) => {
            Ok(permit.visitor().map_or(Known::Nobody, |visitor| Known::SignedIn(Arc::clone(visitor))))
        }
        Admission::SignIn { visitor, .. } => Ok(visitor.map_or(Known::Nobody, Known::Once)),
        Admission::Refuse(denied) => Err(refusal::denied(visit, None, &denied).map(Body::from)),
    }
}

/// Who is signed in at the portal? `Err` as in [`known`].
pub(super) async fn signed_in(
    gate: &Gate,
    visit: &Visit,
    headers: &HeaderMap,
) -> Result<Option<Arc<Visitor>>, Response> {
    Ok(match known(gate, visit, headers).await? {
        Known::SignedIn(visitor) => Some(visitor),
        Known::Once(_) | Known::Nobody => None,
    })
}

/// `GET /`: the apps that are open to this person from here.
pub(super) async fn home(inquiry: Inquiry) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let visitor = match signed_in(gate, visit, headers).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return inquiry.see("/sign-in"),
        Err(refused) => return refused,
    };
    if let Some(first) = choose_first(gate, visit, &visitor) {
        return see_other(&visit.in_force, &ReturnTo::Portal(first));
    }
    let apps: Vec<AppLink> = open_apps(gate, visit, &visitor)
        .iter()
        .map(|app| AppLink { title: app.title.clone(), url: app.origin.clone(), host: app.host.to_string() })
        .collect();
    let form = inquiry.form();
    let home = Home {
        frame: inquiry.frame(),
        full_name: &visitor.record().full_name,
        username: visitor.person().name.as_str(),
        apps: &apps,
        form: form.token(),
    };
    inquiry.show(&home, None, &form, None)
}

/// The apps that are open to this person from here, by title.
pub(super) fn open_apps(gate: &Gate, visit: &Visit, visitor: &Arc<Visitor>) -> Vec<Arc<AppSettings>> {
    let Ok(front) = CanonicalPath::parse(b"/") else { return Vec::new() };
    let open = |app: &&Arc<AppSettings>| {
        let prospect = gate.prospect(&visit.in_force, visit.resolved.client, &app.name, &front, visitor);
        !matches!(prospect, Prospect::Closed)
    };
    let mut apps: Vec<_> = visit.in_force.settings.apps.values().filter(open).cloned().collect();
    apps.sort_by(|one, other| one.title.cmp(&other.title));
    apps
}

/// `GET /sign-out`: asks first.
pub(super) async fn sign_out_page(inquiry: Inquiry) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let visitor = match signed_in(gate, visit, headers).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return inquiry.see("/signed-out"),
        Err(refused) => return refused,
    };
    let form = inquiry.form();
    let username = visitor.person().name.as_str();
    let asked = SignOut { frame: inquiry.frame(), username, form: form.token() };
    inquiry.show(&asked, None, &form, None)
}

#[derive(Deserialize)]
pub(super) struct SignOutFields {
    form: String,
}

/// `POST /sign-out`: ends the sign-in everywhere it reached. Pressed twice, the second time there is nothing left to end.
pub(super) async fn sign_out(Filled { inquiry, .. }: Filled<SignOutFields>) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let visitor = match signed_in(gate, visit, headers).await {
        Ok(visitor) => visitor,
        Err(refused) => return refused,
    };
    if let Some(session) = visitor.as_ref().and_then(|visitor| visitor.session()) {
        let person = visitor.as_ref().map(|visitor| visitor.record());
        if let Some(person) = person
            && let Err(error) = gate.sign_out(&visit.in_force, person, session.id, visit.resolved.client).await
        {
            return inquiry.trouble(error);
        }
    }
    let mut answer = inquiry.see("/signed-out");
    clear_cookie(&mut answer, COOKIE_NAME);
    answer
}

/// `GET /signed-out`.
pub(super) async fn signed_out(inquiry: Inquiry) -> Response {
    let Inquiry { visit, .. } = &inquiry;
    let mut answer = page(&visit.in_force, StatusCode::OK, &SignedOut { frame: inquiry.frame() }, None);
    // What the back button could still show (A23).
    answer.headers_mut().insert("clear-site-data", http::HeaderValue::from_static("\"cache\""));
    answer
}

/// `GET /whoami`: the TCP peer, each hop, the address that counts, and what it matches for those who are signed in.
pub(super) async fn whoami(inquiry: Inquiry) -> Response {
    let Inquiry { gate, visit, headers, .. } = &inquiry;
    let visitor = match signed_in(gate, visit, headers).await {
        Ok(visitor) => visitor,
        Err(refused) => return refused,
    };
    let client = visit.resolved.client;
    let names = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let person = visitor.as_ref().map(|visitor| visitor.person());
    let roles = names(person.map_or_else(Vec::new, |person| person.roles.iter().map(|role| role.as_str()).collect()));
    let groups =
        names(person.map_or_else(Vec::new, |person| person.groups.iter().map(|group| group.as_str()).collect()));
    let mut networks: Vec<String> = match person {
        Some(_) => {
            let named = visit.in_force.settings.networks.iter();
            named.filter(|(_, set)| set.contains(client)).map(|(name, _)| name.to_string()).collect()
        }
        None => Vec::new(),
    };
    networks.sort();
    let hops: Vec<Hop> = visit
        .resolved
        .hops()
        .map(|(address, trust)| Hop { address: address.to_string(), trusted: trust == access::network::Trust::Trusted })
        .collect();
    let peer = visit.resolved.peer();
    let signed_in_as = person.map(|person| person.name.as_str());
    if visit.reader == Reader::Program {
        let document = serde_json::json!({
            "peer": peer,
            "hops": hops.iter().map(|hop| serde_json::json!({ "address": hop.address, "trusted": hop.trusted })).collect::<Vec<_>>(),
            "client": client.ip(),
            "user": signed_in_as,
            "roles": roles,
            "groups": groups,
            "networks": networks,
        });
        return json(&visit.in_force.settings.portal, StatusCode::OK, &document);
    }
    let who = WhoAmI {
        frame: inquiry.frame(),
        peer,
        hops: if hops.len() > 1 { &hops } else { &[] },
        client: client.ip(),
        signed_in_as,
        roles: &roles,
        groups: &groups,
        networks: &networks,
    };
    page(&visit.in_force, StatusCode::OK, &who, None)
}

proven!(SignOutFields);
