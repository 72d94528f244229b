//! People's pages and the JSON API for native apps: `http::Request` in, `http::Response` out. Knows no pingora.
//!
//! One router for the portal's host, one for the few addresses of ours on app hosts (`/.vestibule/…`). Both are called in
//! this process, with the visit (true address, configuration) in the request's extensions, on threads that stand back: no
//! number of guesses keeps the core from those who are inside. Every page but those of passkeys works without JavaScript; every form carries a
//! token; redirects are 303 to addresses that were parsed and belong to us.

mod account;
mod api;
mod app_host;
mod app_passwords;
mod asking;
mod codes;
mod cookies;
mod device;
mod forgot;
mod forms;
mod home;
mod invitation;
pub mod language;
mod not_me;
mod own_passkeys;
pub mod pages;
mod passkeys;
mod profile;
mod questions;
pub mod refusal;
mod respond;
mod return_to;
mod sign_in;
mod too_old;

use std::sync::Arc;

use access::network::Resolved;
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::ServiceExt;

pub use account::CHANGE_PASSWORD;
pub use app_host::GO_COOKIE;
pub use cookies::{COOKIE_NAME, our_cookie};

use pages::Pause;

use crate::config::{AppSettings, InForce};
use crate::gate::{BackRoom, Busy, Gate};
use crate::words::Language;

/// Who reads the answer?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// A person, in a browser that navigates: pages and redirects.
    Browser,
    /// A program: problem documents (RFC 9457), never a redirect (A7).
    Program,
}

/// One request's circumstances.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The configuration it is served under, from beginning to end.
    pub in_force: Arc<InForce>,
    /// The true address and the way it came.
    pub resolved: Resolved,
    /// Who reads the answer.
    pub reader: Reader,
    /// What they want it to be said in.
    pub language: Language,
}

/// The portal of one gateway. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    on_portal: Router,
    on_apps: Router,
    demo: Option<Arc<str>>,
    gate: Arc<Gate>,
    back: Arc<BackRoom>,
}

/// A line above every page, such as the demo's.
#[derive(Clone, Debug)]
struct Banner(Option<Arc<str>>);

impl Portal {
    /// The pages above a gate. `banner` is shown above each of them. Errors: the system gives no threads.
    pub fn new(gate: Arc<Gate>, banner: Option<&str>) -> std::io::Result<Self> {
        let on_portal = Router::new()
            .route("/", get(home::home))
            .route("/sign-in", get(sign_in::page).post(sign_in::submit))
            .route("/second-step", get(sign_in::second_step_page).post(sign_in::code))
            .route("/sign-in/passkey", get(passkeys::door_page).post(passkeys::door))
            .route("/second-step/passkey", post(passkeys::step))
            .route("/set-up/passkey", post(passkeys::step))
            .route("/second-step/send", post(codes::send))
            .route("/set-up/send", post(codes::send))
            .route("/account/codes/set-up", post(codes::begin))
            .route("/account/codes/end", post(codes::end))
            .route("/set-up", get(sign_in::set_up_page).post(sign_in::code))
            .route("/forgot", get(forgot::page).post(forgot::submit))
            .route("/reset", get(forgot::reset_page).post(forgot::reset))
            .route("/reset/{secret}", get(forgot::open))
            .route("/not-me/{secret}", get(not_me::page))
            .route("/not-me", post(not_me::end))
            .route("/sign-out", get(home::sign_out_page).post(home::sign_out))
            .route("/signed-out", get(home::signed_out))
            .route("/go", get(app_host::go))
            .route("/whoami", get(home::whoami))
            .route("/account", get(account::account))
            .route("/account/sessions/end", post(account::end_session))
            .route("/account/tokens/revoke", post(account::revoke_token))
            .route("/account/authenticator", get(account::authenticator_page).post(account::authenticator))
            .route("/account/authenticator/off", post(account::end_two_step))
            .route("/account/tokens/new", get(account::token_page).post(account::make_token))
            .route("/account/app-passwords/new", get(app_passwords::page).post(app_passwords::make))
            .route("/account/app-passwords/revoke", post(app_passwords::revoke))
            .route("/account/app-passwords/profile", post(app_passwords::profile))
            .route("/account/password", get(account::password_page).post(account::password))
            .route(CHANGE_PASSWORD, get(account::where_passwords_change))
            .route("/.well-known/passkey-endpoints", get(own_passkeys::endpoints))
            .route("/account/passkeys", get(own_passkeys::list))
            .route("/account/passkeys/new", get(own_passkeys::new_page).post(own_passkeys::add))
            .route("/account/passkeys/rename", post(own_passkeys::rename))
            .route("/account/passkeys/remove", post(own_passkeys::remove))
            .route("/account/questions", get(questions::page).post(questions::set))
            .route("/account/recovery-codes", get(account::recovery_page).post(account::recovery))
            .route("/invitation/{secret}", get(invitation::page))
            .route("/invitation", post(invitation::submit))
            .route("/api/v1/sign-in", post(api::begin))
            .route("/api/v1/sign-in/{flow}", post(api::proceed))
            .route("/api/v1/session", axum::routing::delete(api::end))
            .route("/.well-known/jwks.json", get(api::jwks))
            .route("/assets/{name}", get(respond::asset))
            .fallback(respond::not_found)
            .method_not_allowed_fallback(respond::not_found)
            .layer(axum::middleware::from_fn(language::choose))
            .with_state(Arc::clone(&gate));
        let on_apps = Router::new()
            .route("/.vestibule/hand-off", get(app_host::take))
            .route("/.vestibule/sign-out", get(app_host::sign_out))
            .route(CHANGE_PASSWORD, get(account::where_passwords_change))
            .fallback(respond::not_found)
            .method_not_allowed_fallback(respond::not_found)
            .with_state(Arc::clone(&gate));
        let back = Arc::new(BackRoom::new("portal", AT_ONCE)?);
        Ok(Self { on_portal, on_apps, demo: banner.map(Into::into), gate, back })
    }

    /// Answers one request: on the portal's host, or on that of an app. The perimeter was checked by the caller.
    /// Whoever goes away meanwhile is not worked for any longer.
    pub async fn answer(&self, request: Request<Bytes>, visit: Visit, on: Option<Arc<AppSettings>>) -> Response<Bytes> {
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(visit.clone());
        request.extensions_mut().insert(Banner(self.demo.clone()));
        let router = match on {
            None => self.on_portal.clone(),
            Some(app) => {
                request.extensions_mut().insert(app);
                self.on_apps.clone()
            }
        };
        let answering = async move {
            let Ok(answer) = router.oneshot(request).await;
            let (parts, body) = answer.into_parts();
            // Our own bodies are in memory: collecting them can't fail.
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Response::from_parts(parts, body)
        };
        match self.back.run(answering).await {
            Ok(answer) => answer,
            Err(Busy) => refusal::unavailable(&visit, Pause::Busy, &self.gate.reference()),
        }
    }
}

/// Answers under way; each holds a form of 16 KiB at most.
const AT_ONCE: usize = 1_024;

#[cfg(test)]
mod tests {
    use access::network::{Believed, Claims};
    use access::{ClientAddr, Timestamp};

    use super::*;
    use crate::clock::Clock;
    use crate::config;
    use crate::gate::stands_back;
    use crate::metrics::Metrics;
    use crate::store::vault::{Backing, Vault};

    #[tokio::test]
    async fn a_page_is_made_on_a_thread_that_stands_back() {
        let clock = Clock::manual(Timestamp::from_millis(1_795_420_800_000));
        let vault = Vault::open(&Backing::Memory, clock.clone()).await.expect("a store in memory");
        let gate = Gate::open(vault, clock.clone(), Arc::new(Metrics::new())).await.expect("a key");
        let mut portal = Portal::new(Arc::new(gate), None).expect("threads");
        portal.on_portal = Router::new().route("/", get(async || stands_back().to_string()));
        let files = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(files.path().join("policies")).expect("made");
        for (name, text) in [
            ("gateway.yaml", include_str!("../cli/starter/gateway.yaml")),
            ("policies/organization.yaml", include_str!("../cli/starter/policies/organization.yaml")),
        ] {
            std::fs::write(files.path().join(name), text).expect("written");
        }
        let loaded = config::load(files.path(), clock.now()).expect("the starter files");
        let (settings, digest) = (loaded.settings, loaded.digest);
        let in_force = Arc::new(InForce { settings, generation: 1, digest, client_authority: None });
        let peer = "192.0.2.1".parse().expect("an address");
        let resolved = ClientAddr::resolve(peer, &Believed::default(), &Claims::default()).expect("nothing is claimed");
        let visit = Visit { in_force, resolved, reader: Reader::Browser, language: Language::English };
        let answer = portal.answer(Request::new(Bytes::new()), visit, None).await;
        assert_eq!(answer.body().as_ref(), b"true");
        assert!(!stands_back(), "only there");
    }
}
