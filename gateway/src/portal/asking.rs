//! What does a request of the portal ask from, is it a form of ours, and who sent it? Each as part of the request, so that a
//! handler begins with the answer: [`Inquiry`] for everybody, [`Filled`] for a form, [`Asking`] and [`Posted`] for whoever is
//! signed in.

use std::ops::Deref;
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
use super::pages::{Frame, Page, Problem};
use super::respond::{frame, page as answer_page, see_other};
use super::return_to::ReturnTo;
use super::sign_in::{asked_again, caller, not_ours, status_of, trouble};
use super::too_old::choose_first;
use super::{Banner, Visit};
use crate::gate::login::{Caller, LoginError};
use crate::gate::{Gate, Visitor};
use crate::store::vault::SessionKind;

/// A request: from where it comes, and with what around it.
pub(super) struct Inquiry {
    pub(super) gate: Arc<Gate>,
    pub(super) visit: Visit,
    pub(super) banner: Banner,
    pub(super) headers: HeaderMap,
    /// Is a page asked for? The answer to a form can't be asked for again.
    is_page: bool,
}

/// A form of ours that anybody sent. For others there is an answer already.
pub(super) struct Filled<F> {
    pub(super) inquiry: Inquiry,
    pub(super) fields: F,
}

/// Whoever is signed in and asks. For others there is an answer already.
pub(super) struct Asking {
    pub(super) inquiry: Inquiry,
    pub(super) visitor: Arc<Visitor>,
}

/// A form of ours that they sent.
pub(super) struct Posted<F> {
    pub(super) asking: Asking,
    pub(super) fields: F,
}

/// A form with the token that proves it ours. See [`proven`].
pub(super) trait Proven: DeserializeOwned + Send {
    /// The token.
    fn form_token(&self) -> &str;
}

impl FromRequestParts<Arc<Gate>> for Inquiry {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, gate: &Arc<Gate>) -> Result<Self, Response> {
        // What the portal gives each request on its way. Without it nothing is answered.
        let (visit, banner) = (parts.extensions.get::<Visit>(), parts.extensions.get::<Banner>());
        let around = visit.cloned().zip(banner.cloned());
        let (visit, banner) = around.ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let is_page = parts.method == Method::GET;
        Ok(Self { gate: Arc::clone(gate), visit, banner, headers: parts.headers.clone(), is_page })
    }
}

impl<F: Proven> FromRequest<Arc<Gate>> for Filled<F> {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, gate: &Arc<Gate>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let inquiry = Inquiry::from_request_parts(&mut parts, gate).await?;
        let sent = Fields::<F>::from_request(Request::from_parts(parts, body), gate).await;
        match sent {
            Ok(Fields(fields)) if inquiry.is_ours(fields.form_token()) => Ok(Self { inquiry, fields }),
            _ => Err(inquiry.not_ours()),
        }
    }
}

impl FromRequestParts<Arc<Gate>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, gate: &Arc<Gate>) -> Result<Self, Response> {
        let inquiry = Inquiry::from_request_parts(parts, gate).await?;
        // A form is not sent again by itself.
        let back = if parts.method == Method::GET { parts.uri.path() } else { "/account" };
        Self::of(inquiry, parts.uri.path(), back).await
    }
}

impl<F: Proven> FromRequest<Arc<Gate>> for Posted<F> {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, gate: &Arc<Gate>) -> Result<Self, Response> {
        let path = request.uri().path().to_owned();
        let Filled { inquiry, fields } = Filled::from_request(request, gate).await?;
        Ok(Self { asking: Asking::of(inquiry, &path, "/account").await?, fields })
    }
}

impl Inquiry {
    /// What surrounds the pages it is answered with.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame { can_switch: self.is_page, ..frame(&self.visit, &self.banner) }
    }

    /// From where and with what somebody signs in at the portal.
    pub(super) fn caller(&self) -> Caller<'_> {
        caller(&self.visit, &self.headers, SessionKind::Portal)
    }

    /// The form that a page carries back.
    pub(super) fn form(&self) -> Form {
        Form::of(&self.gate, &self.headers)
    }

    /// A page with this form of ours on it. `form_to` is the one foreign origin that its form may lead to.
    pub(super) fn show(
        &self,
        page: &impl Page,
        error: Option<Problem<'_>>,
        form: &Form,
        form_to: Option<&str>,
    ) -> Response {
        let mut answer = answer_page(&self.visit.in_force, status_of(error), page, form_to);
        form.keep(&mut answer);
        answer
    }

    /// On, to this address of the portal.
    pub(super) fn see(&self, path: impl Into<String>) -> Response {
        see_other(&self.visit.in_force, &ReturnTo::Query(path.into()))
    }

    /// Did a form with this token come from a page of ours, in this browser?
    pub(super) fn is_ours(&self, form_token: &str) -> bool {
        forms::is_ours(&self.gate, &self.headers, self.visit.in_force.settings.portal.origin(), form_token)
    }

    /// The answer to a form that is not ours.
    pub(super) fn not_ours(&self) -> Response {
        not_ours(&self.gate, &self.visit)
    }

    /// The answer when the store is away, or too many sign in at once.
    pub(super) fn trouble(&self, error: impl Into<LoginError>) -> Response {
        trouble(&self.gate, &self.visit, &error.into())
    }
}

impl Asking {
    async fn of(inquiry: Inquiry, here: &str, back: &str) -> Result<Self, Response> {
        let Inquiry { gate, visit, headers, .. } = &inquiry;
        match signed_in(gate, visit, headers).await? {
            Some(visitor) => match choose_first(gate, visit, &visitor).filter(|first| here != *first) {
                Some(first) => Err(see_other(&visit.in_force, &ReturnTo::Portal(first))),
                None => Ok(Self { inquiry, visitor }),
            },
            None => Err(inquiry.see(format!("/sign-in?return_to={back}"))),
        }
    }

    /// From where, with what around it, and who.
    pub(super) const fn parts(&self) -> (&Inquiry, &Arc<Visitor>) {
        (&self.inquiry, &self.visitor)
    }

    /// Something has to be proved again before this page is shown.
    pub(super) async fn again(&self, here: &'static str) -> Response {
        asked_again(&self.inquiry, &self.visitor, Need::Fresh, &ReturnTo::Portal(here)).await
    }
}

impl Deref for Asking {
    type Target = Inquiry;

    fn deref(&self) -> &Inquiry {
        &self.inquiry
    }
}

/// For forms whose token is the field `form`, as it is on every page.
macro_rules! proven {
    ($($form:ty),+) => {$(
        impl crate::portal::asking::Proven for $form {
            fn form_token(&self) -> &str {
                &self.form
            }
        }
    )+};
}

pub(super) use proven;
