//! `/account`: what is signed in and which tokens there are, and a new password (D1, D2, P6, S9, S11).

use std::sync::Arc;
use std::time::Duration;

use access::Secret;
use access::Timestamp;
use access::identity::{SessionId, TokenId};
use access::policy::Method;
use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::asking::{Asking, Inquiry, Posted, Proven, proven};
use super::cookies::{DONE_COOKIE, DONE_SECONDS, clear_cookie, our_cookie, set_cookie};
use super::home::open_apps;
use super::invitation::{least, problem};
use super::pages::{
    self, AppChoice, Authenticator, Done, Impact, NewCodes, NewPassword as NewPasswordPage, NewToken, Problem,
    RecoveryCodes, Thing, TokenMade, When,
};
use super::respond::{page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{FLOW_COOKIE, FLOW_SECONDS, left_until};
use super::{Visit, app_passwords, codes};
use crate::config::AppSettings;
use crate::gate::account::{Account, Changed, Made, NewPassword, SignedIn};
use crate::gate::own::Described;
use crate::store::vault::{Ends, TokenRecord};

impl Asking {
    pub(super) fn to_account(&self, done: Done) -> Response {
        self.to(ACCOUNT, done)
    }

    /// Back to the account, which says what was done, if anything was: not what somebody else's is, and what is over already.
    pub(super) fn back_to_account(&self, done: Option<Done>) -> Response {
        match done {
            Some(done) => self.to_account(done),
            None => see_other(&self.visit.in_force, &ReturnTo::Portal(ACCOUNT)),
        }
    }

    /// To the page that says what was done.
    pub(super) fn to(&self, page: &'static str, done: Done) -> Response {
        let mut answer = see_other(&self.visit.in_force, &ReturnTo::Portal(page));
        // Not in the address: a link from elsewhere must not make our page say that something was done.
        set_cookie(&mut answer, DONE_COOKIE, done.as_str(), DONE_SECONDS);
        answer
    }

    /// What was just done, if that was not said yet.
    pub(super) fn done(&self) -> Option<Done> {
        our_cookie(&self.headers, DONE_COOKIE).and_then(Done::of)
    }

    /// It is said.
    pub(super) fn forget_done(&self, answer: &mut Response) {
        if self.done().is_some() {
            clear_cookie(answer, DONE_COOKIE);
        }
    }

    fn now(&self) -> Timestamp {
        self.gate.clock().now()
    }
}

/// `GET /account`.
pub(super) async fn account(asking: Asking) -> Response {
    let done = asking.done();
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let Account { browsers, devices, tokens, app_passwords, recovery_left } = match gate.account(visitor).await {
        Ok(account) => account,
        Err(error) => return asking.trouble(error),
    };
    let passkeys = match gate.own_passkeys(visitor).await {
        Ok(passkeys) => passkeys.len(),
        Err(error) => return asking.trouble(error),
    };
    let (enrolled, methods) = (visitor.record().enrolled, &visit.in_force.settings.methods);
    let codes = match codes::ways(&asking).await {
        Ok(codes) => codes,
        Err(error) => return asking.trouble(error),
    };
    let now = asking.now();
    let things = |list: &[SignedIn]| list.iter().map(|one| sign_in(one, now)).collect::<Vec<_>>();
    let form = asking.form();
    let shown = pages::Account {
        frame: asking.frame(),
        username: visitor.person().name.as_str(),
        full_name: &visitor.record().full_name,
        has_authenticator: enrolled.has(Method::Totp),
        offers_authenticator: methods.contains(&Method::Totp),
        passkeys: (passkeys > 0 || methods.contains(&Method::Passkey)).then_some(passkeys),
        codes: &codes,
        questions: visit.in_force.settings.security_questions.then_some(visitor.record().has_questions),
        has_second_step: !enrolled.without(Method::Recovery).is_empty(),
        recovery_left,
        browsers: &things(&browsers),
        devices: &things(&devices),
        tokens: &tokens.iter().map(|token| bearer(token, now)).collect::<Vec<_>>(),
        app_passwords: &app_passwords.iter().map(|one| app_passwords::listed(one, now)).collect::<Vec<_>>(),
        takes_app_passwords: app_passwords::are_taken(&visit.in_force),
        done,
        form: form.token(),
    };
    let mut answer = asking.show(&shown, None, &form, None);
    asking.forget_done(&mut answer);
    answer
}

#[derive(Deserialize)]
pub(super) struct EndFields {
    form: String,
    #[serde(default)]
    session: String,
    #[serde(default)]
    token: String,
}

/// `POST /account/sessions/end`: one, or with `others` all in other browsers. What has ended already is no error.
pub(super) async fn end_session(Posted { asking, fields }: Posted<EndFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let client = visit.resolved.client;
    let ended = match SessionId::parse(&fields.session) {
        Some(id) => {
            gate.end_own(&visit.in_force, visitor, id, client).await.map(|ended| ended.then_some(Done::Session))
        }
        None if fields.session == "others" => {
            gate.end_others(&visit.in_force, visitor, client).await.map(|ended| (ended > 0).then_some(Done::Others))
        }
        None => return asking.not_ours(),
    };
    match ended {
        Ok(done) => asking.back_to_account(done),
        Err(error) => asking.trouble(error),
    }
}

/// `POST /account/tokens/revoke`.
pub(super) async fn revoke_token(Posted { asking, fields }: Posted<EndFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let Some(id) = TokenId::parse(&fields.token) else { return asking.not_ours() };
    match gate.revoke_own(&visit.in_force, visitor, id, visit.resolved.client).await {
        Ok(revoked) => asking.back_to_account(revoked.then_some(Done::Token)),
        Err(error) => asking.trouble(error),
    }
}

/// `GET /account/tokens/new`.
pub(super) async fn token_page(asking: Asking) -> Response {
    if !asking.gate.is_fresh(&asking.visitor) {
        return asking.again(NEW_TOKEN).await;
    }
    describe(&asking, &TokenForm { name: "", addresses: "", ticked: &[], days: LIVES[1] }, None)
}

/// `POST /account/tokens/new`: shows the token, this once.
pub(super) async fn make_token(Posted { asking, fields }: Posted<Vec<(String, String)>>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let (name, addresses) = (field(&fields, "name"), field(&fields, "addresses"));
    let days = field(&fields, "days").parse().ok().filter(|days| LIVES.contains(days));
    let Some(days) = days else { return asking.not_ours() };
    let ticked = fields.iter().filter(|(name, _)| name == "app").map(|(_, app)| app.as_str()).collect::<Vec<_>>();
    let offered = apps_of(&asking);
    let apps = offered.iter().filter(|app| ticked.contains(&app.name.as_str())).map(|app| app.name.clone()).collect();
    let life = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    let described = Described { name, addresses };
    let problem = match gate.make_token(&visit.in_force, visitor, visit.resolved.client, described, apps, life).await {
        Ok(Made::Done(token, text)) => {
            let frame = asking.frame();
            let shown = TokenMade { frame, name: &token.name, text: text.expose() };
            return answer_page(&visit.in_force, StatusCode::OK, &shown, None);
        }
        Ok(Made::Stale) => return asking.again(NEW_TOKEN).await,
        Ok(Made::Name) => Problem::TokenName,
        Ok(Made::Addresses) => Problem::BadAddresses,
        Ok(Made::NoApp) => Problem::TokenWithoutApps,
        Ok(Made::TooMany) => Problem::TooManyTokens,
        Err(error) => return asking.trouble(error),
    };
    describe(&asking, &TokenForm { name, addresses, ticked: &ticked, days }, Some(problem))
}

/// A new token as it was typed.
struct TokenForm<'a> {
    name: &'a str,
    addresses: &'a str,
    ticked: &'a [&'a str],
    days: u16,
}

/// The form for a new token.
fn describe(asking: &Asking, typed: &TokenForm<'_>, error: Option<Problem<'_>>) -> Response {
    let offered = apps_of(asking);
    let choice = |app: &Arc<AppSettings>| AppChoice {
        name: app.name.to_string(),
        title: app.title.clone(),
        ticked: typed.ticked.contains(&app.name.as_str()),
    };
    let form = asking.form();
    let shown = NewToken {
        frame: asking.frame(),
        name: typed.name,
        addresses: typed.addresses,
        client: asking.visit.resolved.client.ip(),
        apps: &offered.iter().map(choice).collect::<Vec<_>>(),
        days: typed.days,
        error,
        form: form.token(),
    };
    asking.show(&shown, error, &form, None)
}

/// The apps that are open to whoever asks, from here, by title.
fn apps_of(asking: &Asking) -> Vec<Arc<AppSettings>> {
    open_apps(&asking.gate, &asking.visit, &asking.visitor)
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

/// `GET /account/password`.
pub(super) async fn password_page(asking: Asking) -> Response {
    if !asking.gate.is_fresh(&asking.visitor) {
        return asking.again(PASSWORD).await;
    }
    choose(&asking, Ends { browsers: true, ..Ends::default() }, None).await
}

#[derive(Deserialize)]
pub(super) struct PasswordFields {
    form: String,
    current: String,
    password: String,
    again: String,
    browsers: Option<String>,
    devices: Option<String>,
    tokens: Option<String>,
    app_passwords: Option<String>,
}

/// `POST /account/password`.
pub(super) async fn password(Posted { asking, fields }: Posted<PasswordFields>) -> Response {
    let PasswordFields { form: _, current, password, again, browsers, devices, tokens, app_passwords } = fields;
    let ends = Ends {
        browsers: browsers.is_some(),
        devices: devices.is_some(),
        tokens: tokens.is_some(),
        app_passwords: app_passwords.is_some(),
    };
    let (current, new, again) = (Secret::new(current), Secret::new(password), Secret::new(again));
    let caller = asking.caller();
    let typed = NewPassword { current, new, again, ends };
    let (left, until);
    let problem = match asking.gate.change_password(&caller, &asking.visitor, typed).await {
        Ok(Changed::Done(_)) => return asking.to_account(Done::Password),
        Ok(Changed::Stale) => return asking.again(PASSWORD).await,
        Ok(Changed::Wrong) => Problem::WrongCurrent,
        Ok(Changed::Fault(fault)) => problem(fault),
        Ok(Changed::Wait(welcome)) => {
            (left, until) = left_until(&asking.gate, welcome);
            Problem::Wait { left, until: &until }
        }
        Err(error) => return asking.trouble(error),
    };
    choose(&asking, ends, Some(problem)).await
}

/// `GET /.well-known/change-password`, on the portal and on the host of every app: password managers ask there.
pub(super) async fn where_passwords_change(Extension(visit): Extension<Visit>) -> Response {
    see_other(&visit.in_force, &ReturnTo::Portal(PASSWORD))
}

/// The form for a new password, with what would end.
async fn choose(asking: &Asking, ends: Ends, error: Option<Problem<'_>>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let account = match gate.account(visitor).await {
        Ok(account) => account,
        Err(error) => return asking.trouble(error),
    };
    let now = asking.now();
    let sign_ins = |list: &[SignedIn]| {
        let others = list.iter().filter(|one| !one.is_this);
        others.map(|one| Impact { name: one.session.device.clone(), used: Some(When::of(one.used, now)) }).collect()
    };
    let tokens = account
        .tokens
        .iter()
        .map(|token| Impact { name: token.name.clone(), used: token.last_used.map(|(at, _)| When::of(at, now)) });
    let error = error.or_else(|| gate.has_to_choose(&visit.in_force, visitor).then_some(Problem::PasswordTooOld));
    let app_passwords = account
        .app_passwords
        .iter()
        .map(|one| Impact { name: one.name.clone(), used: one.last_used.as_ref().map(|last| When::of(last.at, now)) });
    let form = asking.form();
    let shown = NewPasswordPage {
        frame: asking.frame(),
        username: visitor.person().name.as_str(),
        least: least(gate, visit, visitor.record()),
        boxes: &[
            pages::EndBox { name: "browsers", ticked: ends.browsers, stops: sign_ins(&account.browsers) },
            pages::EndBox { name: "devices", ticked: ends.devices, stops: sign_ins(&account.devices) },
            pages::EndBox { name: "tokens", ticked: ends.tokens, stops: tokens.collect() },
            pages::EndBox { name: "app_passwords", ticked: ends.app_passwords, stops: app_passwords.collect() },
        ],
        error,
        form: form.token(),
    };
    asking.show(&shown, error, &form, None)
}

/// `GET /account/authenticator`: asks before an app is set up, or another in its place, or two-step sign-in switched off.
pub(super) async fn authenticator_page(asking: Asking) -> Response {
    if !asking.gate.is_fresh(&asking.visitor) {
        return asking.again(AUTHENTICATOR).await;
    }
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let is_set_up = visitor.record().enrolled.has(Method::Totp);
    let form = asking.form();
    let shown = Authenticator {
        frame: asking.frame(),
        is_set_up,
        may_end: is_set_up && gate.may_end_two_step(&visit.in_force, visitor),
        form: form.token(),
    };
    asking.show(&shown, None, &form, None)
}

/// `POST /account/authenticator`: on to the picture. What is there works until the new one is confirmed.
pub(super) async fn authenticator(Posted { asking, .. }: Posted<OnlyForm>) -> Response {
    match asking.gate.begin_authenticator(&asking.visitor, ACCOUNT.to_owned()).await {
        Ok(Some(flow)) => {
            let mut answer = see_other(&asking.visit.in_force, &ReturnTo::Query("/set-up?method=totp".to_owned()));
            set_cookie(&mut answer, FLOW_COOKIE, flow.expose(), FLOW_SECONDS);
            answer
        }
        Ok(None) => asking.again(AUTHENTICATOR).await,
        Err(error) => asking.trouble(error),
    }
}

/// `POST /account/authenticator/off`.
pub(super) async fn end_two_step(Posted { asking, .. }: Posted<OnlyForm>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    match gate.end_two_step(&visit.in_force, visitor, visit.resolved.client).await {
        Ok(true) => asking.to_account(Done::TwoStepOff),
        // The page says what can be done, or asks for a proof.
        Ok(false) => see_other(&visit.in_force, &ReturnTo::Portal(AUTHENTICATOR)),
        Err(error) => asking.trouble(error),
    }
}

/// `GET /account/recovery-codes`: asks first, for the old ones are lost with it.
pub(super) async fn recovery_page(asking: Asking) -> Response {
    if asking.visitor.record().enrolled.without(Method::Recovery).is_empty() {
        return see_other(&asking.visit.in_force, &ReturnTo::Portal(ACCOUNT));
    }
    if !asking.gate.is_fresh(&asking.visitor) {
        return asking.again(RECOVERY).await;
    }
    let (Inquiry { gate, .. }, visitor) = asking.parts();
    let left = match gate.vault().recovery_left(visitor.person().id).await {
        Ok(left) => left,
        Err(error) => return asking.trouble(error),
    };
    let form = asking.form();
    let shown = NewCodes { frame: asking.frame(), left, form: form.token() };
    asking.show(&shown, None, &form, None)
}

#[derive(Deserialize)]
pub(super) struct OnlyForm {
    form: String,
}

/// `POST /account/recovery-codes`: shows the new ones, this once.
pub(super) async fn recovery(Posted { asking, .. }: Posted<OnlyForm>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    let codes = match gate.renew_recovery(&visit.in_force, visitor, visit.resolved.client).await {
        Ok(Some(codes)) => codes.iter().map(access::secret::TypedSecret::grouped).collect::<Vec<_>>(),
        Ok(None) => return asking.again(RECOVERY).await,
        Err(error) => return asking.trouble(error),
    };
    let continue_to = visit.in_force.settings.portal.join(ACCOUNT);
    let shown = RecoveryCodes { frame: asking.frame(), codes: &codes, continue_to: &continue_to };
    answer_page(&visit.in_force, StatusCode::OK, &shown, None)
}

fn sign_in(one: &SignedIn, now: Timestamp) -> Thing {
    let SignedIn { session, used, is_this } = one;
    Thing {
        id: session.id.to_string(),
        name: session.device.clone(),
        from: Some(session.address),
        opens: String::new(),
        only_from: String::new(),
        since: When::of(session.opened, now),
        used: Some(When::of(*used, now)),
        expires: None,
        is_this: *is_this,
    }
}

fn bearer(token: &TokenRecord, now: Timestamp) -> Thing {
    Thing {
        id: token.id.to_string(),
        name: token.name.clone(),
        from: token.last_used.map(|(_, from)| from),
        opens: token.apps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        only_from: token.only_from.join(", "),
        since: When::of(token.made, now),
        used: token.last_used.map(|(at, _)| When::of(at, now)),
        expires: (token.expires != Timestamp::NEVER).then(|| When::of(token.expires, now)),
        is_this: false,
    }
}

/// With a field for each box that is ticked.
impl Proven for Vec<(String, String)> {
    fn form_token(&self) -> &str {
        field(self, "form")
    }
}

proven!(EndFields, PasswordFields, OnlyForm);

/// Where a password manager looks for the page that changes a password (W3C, A Well-Known URL for Changing Passwords).
pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";
const ACCOUNT: &str = "/account";
const NEW_TOKEN: &str = "/account/tokens/new";
/// Days that a token may be good.
const LIVES: [u16; 3] = [30, 90, 365];
pub(super) const PASSWORD: &str = "/account/password";
const AUTHENTICATOR: &str = "/account/authenticator";
const RECOVERY: &str = "/account/recovery-codes";
