//! `/account/passkeys`: one's own passkeys and security keys (S7, S9).
//!
//! Whatever changes here demands a proof of the last five minutes, in this session.

use access::secret::TypedSecret;
use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::asking::{Asking, Inquiry, Posted, proven};
use super::pages::{Done, Key, PasskeySetUp, Passkeys, Problem, RecoveryCodes, When};
use super::passkeys::{KeyFields, answer_of, is_offered, keep};
use super::respond::{json, not_found, page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::{Banner, Visit};
use crate::gate::passkeys::{NewKey, StepRemoved};
use crate::store::vault::Digest;

/// `GET /account/passkeys`.
pub(super) async fn list(asking: Asking) -> Response {
    if !asking.gate.is_fresh(&asking.visitor) {
        return asking.again(PASSKEYS).await;
    }
    show(&asking, None).await
}

async fn show(asking: &Asking, error: Option<Problem<'_>>) -> Response {
    let (Inquiry { gate, .. }, visitor) = asking.parts();
    let passkeys = match gate.own_passkeys(visitor).await {
        Ok(passkeys) => passkeys,
        Err(error) => return asking.trouble(error),
    };
    let now = gate.clock().now();
    let keys = passkeys.into_iter().map(|passkey| Key {
        id: data_encoding::HEXLOWER.encode(&passkey.id.0),
        name: passkey.name,
        since: When::of(passkey.made, now),
        used: passkey.used.map(|used| When::of(used, now)),
    });
    let done = asking.done();
    let form = asking.form();
    let shown = Passkeys { frame: asking.frame(), keys: &keys.collect::<Vec<_>>(), done, error, form: form.token() };
    let mut answer = asking.show(&shown, error, &form, None);
    asking.forget_done(&mut answer);
    answer
}

/// `GET /account/passkeys/new`.
pub(super) async fn new_page(asking: Asking) -> Response {
    ask_for_new(&asking, "", None).await
}

async fn ask_for_new(asking: &Asking, name: &str, error: Option<Problem<'_>>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    if !is_offered(visit) {
        return see_other(&visit.in_force, &ReturnTo::Portal(PASSKEYS));
    }
    let asked = match gate.ask_to_add_passkey(&visit.in_force, visitor).await {
        Ok(Some(asked)) => asked,
        Ok(None) => return asking.again(NEW_PASSKEY).await,
        Err(error) => return asking.trouble(error),
    };
    let form = asking.form();
    let shown = PasskeySetUp {
        frame: asking.frame(),
        is_first_day: false,
        has_choice: false,
        name,
        error,
        options: &asked.options,
        form: form.token(),
    };
    let mut answer = asking.show(&shown, error, &form, None);
    keep(&mut answer, &asked);
    answer
}

/// `POST /account/passkeys/new`. The first second step brings the recovery codes.
pub(super) async fn add(Posted { asking, fields }: Posted<KeyFields>) -> Response {
    let (Inquiry { gate, visit, headers, .. }, visitor) = asking.parts();
    if !is_offered(visit) {
        return see_other(&visit.in_force, &ReturnTo::Portal(PASSKEYS));
    }
    let caller = asking.caller();
    match gate.add_passkey(&caller, visitor, answer_of(headers, &fields)).await {
        Ok(NewKey::Done(codes)) if codes.is_empty() => asking.to(PASSKEYS, Done::PasskeyAdded),
        Ok(NewKey::Done(codes)) => {
            let codes: Vec<String> = codes.iter().map(TypedSecret::grouped).collect();
            let continue_to = visit.in_force.settings.portal.join(PASSKEYS);
            let shown = RecoveryCodes { frame: asking.frame(), codes: &codes, continue_to: &continue_to };
            answer_page(&visit.in_force, StatusCode::OK, &shown, None)
        }
        Ok(NewKey::Wrong) => ask_for_new(&asking, &fields.name, Some(Problem::PasskeyNotAdded)).await,
        Ok(NewKey::TooMany) => show(&asking, Some(Problem::TooManyPasskeys)).await,
        Ok(NewKey::Stale) => asking.again(NEW_PASSKEY).await,
        Err(error) => asking.trouble(error),
    }
}

/// `GET /.well-known/passkey-endpoints`: where password managers send people (W3C, Passkey Endpoints).
pub(super) async fn endpoints(visit: Extension<Visit>, banner: Extension<Banner>) -> Response {
    if !is_offered(&visit) {
        return not_found(visit, banner).await;
    }
    let portal = &visit.in_force.settings.portal;
    let places = serde_json::json!({ "enroll": portal.join(NEW_PASSKEY), "manage": portal.join(PASSKEYS) });
    json(portal, StatusCode::OK, &places)
}

#[derive(Deserialize)]
pub(super) struct OneFields {
    form: String,
    passkey: String,
    #[serde(default)]
    name: String,
}

/// `POST /account/passkeys/rename`.
pub(super) async fn rename(Posted { asking, fields }: Posted<OneFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let Some(id) = id_of(&fields.passkey) else { return asking.not_ours() };
    if !gate.is_fresh(visitor) {
        return asking.again(PASSKEYS).await;
    }
    match gate.rename_passkey(visitor, visit.resolved.client, id, &fields.name).await {
        Ok(true) => asking.to(PASSKEYS, Done::PasskeyRenamed),
        Ok(false) => show(&asking, Some(Problem::PasskeyName)).await,
        Err(error) => asking.trouble(error),
    }
}

/// `POST /account/passkeys/remove`. What is gone already is no error.
pub(super) async fn remove(Posted { asking, fields }: Posted<OneFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let Some(id) = id_of(&fields.passkey) else { return asking.not_ours() };
    match gate.remove_passkey(&visit.in_force, visitor, visit.resolved.client, id).await {
        Ok(StepRemoved::Done) => asking.to(PASSKEYS, Done::PasskeyRemoved),
        Ok(StepRemoved::Gone) => asking.see(PASSKEYS),
        Ok(StepRemoved::Last) => show(&asking, Some(Problem::LastSecondStep)).await,
        Ok(StepRemoved::Stale) => asking.again(PASSKEYS).await,
        Err(error) => asking.trouble(error),
    }
}

fn id_of(text: &str) -> Option<Digest> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok().map(Digest)
}

proven!(OneFields);

const PASSKEYS: &str = "/account/passkeys";
const NEW_PASSKEY: &str = "/account/passkeys/new";
