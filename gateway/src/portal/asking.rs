//! Who asks for a page that only they may see? As part of a request, so that a handler begins with the answer.

use std::sync::Arc;

use access::policy::Need;
use axum::Form as Fields;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use serde::de::DeserializeOwned;

use super::forms::{self, Form};
use super::home::signed_in;
use super::pages::{Page, Problem};
use super::respond::{page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{asked_again, not_ours, status_of};
use super::too_old::choose_first;
use super::{Banner, Visit};
use crate::gate::{Gate, Visitor};

/// Whoever is signed in and asks, from where and with what. As part of a request: for others there is an answer already.
pub(super) struct Asking {
    pub(super) gate: Arc<Gate>,
    pub(super) visit: Visit,
    pub(super) banner: Banner,
    pub(super) headers: HeaderMap,
    pub(super) visitor: Arc<Visitor>,
}

/// A form of ours that they sent.
pub(super) struct Posted<F> {
    pub(super) asking: Asking,
    pub(super) fields: F,
}

/// A form with the token that proves it ours.
pub(super) trait Proven: DeserializeOwned + Send {
    /// The token.
    fn form_token(&self) -> &str;
}

impl FromRequestParts<Arc<Gate>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, gate: &Arc<Gate>) -> Result<Self, Response> {
        let (gate, headers) = (Arc::clone(gate), parts.headers.clone());
        let (visit, banner) = circumstances(parts)?;
        match signed_in(&gate, &visit, &headers).await? {
            Some(visitor) => match choose_first(&gate, &visit, &visitor).filter(|first| parts.uri.path() != *first) {
                Some(first) => Err(see_other(&visit.in_force, &ReturnTo::Portal(first))),
                None => Ok(Self { gate, visit, banner, headers, visitor }),
            },
            None => {
                // A form is not sent again by itself.
                let here = if parts.method == Method::GET { parts.uri.path() } else { "/account" };
                Err(see_other(&visit.in_force, &ReturnTo::Query(format!("/sign-in?return_to={here}"))))
            }
        }
    }
}

impl<F: Proven> FromRequest<Arc<Gate>> for Posted<F> {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, gate: &Arc<Gate>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let (visit, _) = circumstances(&parts)?;
        let sent = Fields::<F>::from_request(Request::from_parts(parts.clone(), body), gate).await;
        let Ok(Fields(fields)) = sent else { return Err(not_ours(gate, &visit)) };
        if !forms::is_ours(gate, &parts.headers, visit.in_force.settings.portal.origin(), fields.form_token()) {
            return Err(not_ours(gate, &visit));
        }
        Ok(Self { asking: Asking::from_request_parts(&mut parts, gate).await?, fields })
    }
}

/// What the portal gives each request on its way. Without it nothing is answered.
fn circumstances(parts: &Parts) -> Result<(Visit, Banner), Response> {
    let (visit, banner) = (parts.extensions.get::<Visit>(), parts.extensions.get::<Banner>());
    visit.cloned().zip(banner.cloned()).ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Asking {
    /// Something has to be proved again before this page is shown.
    pub(super) async fn again(&self, here: &'static str) -> Response {
        let Self { gate, visit, banner, headers, visitor } = self;
        asked_again(gate, visit, banner, headers, visitor, Need::Fresh, &ReturnTo::Portal(here)).await
    }

    /// A page with this form of ours on it.
    pub(super) fn show(&self, page: &impl Page, error: Option<Problem<'_>>, form: &Form) -> Response {
        let mut answer = answer_page(&self.visit.in_force, status_of(error), page, None);
        form.keep(&mut answer);
        answer
    }
}
