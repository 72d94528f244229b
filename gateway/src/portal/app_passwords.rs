//! `/account/app-passwords/…`: sixteen letters for a calendar or another program that knows only a name and a password
//! (A2–A4).

use std::sync::Arc;
use std::time::Duration;

use access::Timestamp;
use access::identity::{AppPasswordId, Email};
use access::secret::TypedSecret;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;

use super::asking::{Asking, Inquiry, Posted, proven};
use super::home::open_apps;
use super::pages::{AppPassword, AppPasswordMade as MadePage, Done, NewAppPassword, Problem, Qr, UsedBy, When};
use super::profile::{self, Owner};
use super::respond::protect;
use crate::config::{AppSettings, InForce};
use crate::gate::app_passwords::AppPasswordMade;
use crate::gate::own::Described;
use crate::store::vault::AppPasswordRecord;

/// `GET /account/app-passwords/new`.
pub(super) async fn page(asking: Asking) -> Response {
    if !asking.gate.is_fresh(&asking.visitor) {
        return asking.again(NEW).await;
    }
    describe(&asking, "", "", LIVES[0].0, None)
}

#[derive(Deserialize)]
pub(super) struct NewFields {
    form: String,
    name: String,
    #[serde(default)]
    addresses: String,
    life: String,
}

/// `POST /account/app-passwords/new`: shows the letters, this once.
pub(super) async fn make(Posted { asking, fields }: Posted<NewFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let Some((word, days)) = LIVES.into_iter().find(|(word, _)| *word == fields.life) else {
        return asking.not_ours();
    };
    let life = days.map(|days| Duration::from_secs(days * 24 * 60 * 60));
    let described = Described { name: &fields.name, addresses: &fields.addresses };
    let made = gate.make_app_password(&visit.in_force, visitor, visit.resolved.client, described, life).await;
    let problem = match made {
        Ok(AppPasswordMade::Done(record, letters)) => return show(&asking, &record, &letters),
        Ok(AppPasswordMade::Stale) => return asking.again(NEW).await,
        Ok(AppPasswordMade::Name) => Problem::AppPasswordName,
        Ok(AppPasswordMade::Addresses) => Problem::BadAddresses,
        Ok(AppPasswordMade::TooMany) => Problem::TooManyAppPasswords,
        Err(error) => return asking.trouble(error),
    };
    describe(&asking, &fields.name, &fields.addresses, word, Some(problem))
}

#[derive(Deserialize)]
pub(super) struct RevokeFields {
    form: String,
    app_password: String,
}

/// `POST /account/app-passwords/revoke`. What is revoked already is no error.
pub(super) async fn revoke(Posted { asking, fields }: Posted<RevokeFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let Some(id) = AppPasswordId::parse(&fields.app_password) else { return asking.not_ours() };
    match gate.revoke_own_app_password(&visit.in_force, visitor, id, visit.resolved.client).await {
        Ok(revoked) => asking.back_to_account(revoked.then_some(Done::AppPassword)),
        Err(error) => asking.trouble(error),
    }
}

#[derive(Deserialize)]
pub(super) struct ProfileFields {
    form: String,
    app_password: String,
}

/// `POST /account/app-passwords/profile`: what the page with the letters sends back, for Apple's systems. Nothing is looked up
/// by it and nothing kept: whoever sends other letters is given other letters.
pub(super) async fn profile(Posted { asking, fields }: Posted<ProfileFields>) -> Response {
    let Inquiry { visit, .. } = asking.parts().0;
    let Some(password) = TypedSecret::parse(&fields.app_password) else { return asking.not_ours() };
    let (owner, apps) = (owner(&asking), taking(&asking));
    let Some(xml) = profile::written(owner, apps.iter().map(AsRef::as_ref), &password) else {
        return asking.not_ours();
    };
    let settings = &visit.in_force.settings;
    let mut answer = Response::new(xml.into());
    protect(answer.headers_mut(), &settings.portal);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(profile::KIND));
    let name = HeaderValue::from_static("attachment; filename=\"vestibule.mobileconfig\"");
    answer.headers_mut().insert(CONTENT_DISPOSITION, name);
    answer
}

/// As the account page lists them.
pub(super) fn listed(one: &AppPasswordRecord, now: Timestamp) -> AppPassword {
    AppPassword {
        id: one.id.to_string(),
        name: one.name.clone(),
        only_from: one.only_from.join(", "),
        used: one.last_used.as_ref().map(|last| UsedBy {
            when: When::of(last.at, now),
            from: last.from,
            client: last.client.clone(),
        }),
        expires: (one.expires != Timestamp::NEVER).then(|| When::of(one.expires, now)),
    }
}

/// Is there anything that takes one?
pub(super) fn are_taken(in_force: &InForce) -> bool {
    in_force.settings.apps.values().any(|app| app.takes_app_passwords)
}

/// The form for a new one.
fn describe(asking: &Asking, name: &str, addresses: &str, life: &str, error: Option<Problem<'_>>) -> Response {
    let form = asking.form();
    let client = asking.visit.resolved.client.ip();
    let shown = NewAppPassword { frame: asking.frame(), name, addresses, client, life, error, form: form.token() };
    asking.show(&shown, error, &form, None)
}

/// Whose telephones are set up.
fn owner(asking: &Asking) -> Owner<'_> {
    let (Inquiry { visit, .. }, visitor) = asking.parts();
    Owner {
        organization: &visit.in_force.settings.organization,
        portal: visit.in_force.settings.portal.host().as_str(),
        username: visitor.person().name.as_str(),
        email: visitor.record().email.as_ref().map(Email::as_str),
    }
}

/// The apps that take app passwords and are open to whoever asks.
fn taking(asking: &Asking) -> Vec<Arc<AppSettings>> {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    open_apps(gate, visit, visitor).into_iter().filter(|app| app.takes_app_passwords).collect()
}

/// The letters, with everything else that has to be typed.
fn show(asking: &Asking, record: &AppPasswordRecord, password: &TypedSecret) -> Response {
    let letters = password.grouped();
    let apps = taking(asking);
    let servers: Vec<_> = apps.iter().map(|app| (app.title.clone(), format!("{}/", app.origin))).collect();
    let owner = owner(asking);
    let form = asking.form();
    // Nineteen letters and dashes always fit.
    let qr = Qr::of(&letters).ok();
    let shown = MadePage {
        frame: asking.frame(),
        name: &record.name,
        username: owner.username,
        letters: &letters,
        servers: &servers,
        qr: qr.as_ref(),
        has_profile: profile::written(owner, apps.iter().map(AsRef::as_ref), password).is_some(),
        form: form.token(),
    };
    asking.show(&shown, None, &form, None)
}

proven!(NewFields, RevokeFields, ProfileFields);

const NEW: &str = "/account/app-passwords/new";
/// How long one may be good, as forms say it, and in days.
const LIVES: [(&str, Option<u64>); 3] = [("never", None), ("90", Some(90)), ("365", Some(365))];
