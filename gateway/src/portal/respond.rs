//! How are pages, redirects, cookies and problems written? Every answer of ours goes through here.

use axum::Extension;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::pages::{self, Frame, NotFound, Page, Style};
use super::return_to::ReturnTo;
use super::{Banner, Reader, Visit};
use crate::config::{InForce, PublicUrl};

/// What surrounds a page of the portal.
pub(super) fn frame<'a>(visit: &'a Visit, banner: &'a Banner) -> Frame<'a> {
    Frame {
        organization: &visit.in_force.settings.organization,
        style: Style::Link,
        banner: banner.0.as_deref(),
        language: visit.language,
        can_switch: false,
    }
}

/// A page of the portal. `form_to` is the one foreign origin that the page's form may lead to after its redirects.
pub(super) fn page(in_force: &InForce, status: StatusCode, page: &impl Page, form_to: Option<&str>) -> Response {
    let mut answer = Response::new(page.html().into());
    *answer.status_mut() = status;
    dress(answer.headers_mut(), &in_force.settings.portal, Style::Link, form_to);
    if page.script().is_some() {
        allow_script(answer.headers_mut());
    }
    answer
}

/// Lets our own scripts run on this page, and nothing that they write be read as markup or run.
fn allow_script(headers: &mut HeaderMap) {
    let Some(policy) = headers.get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok()) else { return };
    let policy = format!("{policy}; script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'");
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
}

/// Headers of every page of ours (ASVS 3.4; Chromium walks all of them in `tests/browser_*.rs`).
pub(super) fn dress(headers: &mut HeaderMap, portal: &PublicUrl, style: Style, form_to: Option<&str>) {
    let style = match style {
        Style::Link => "'self'".to_owned(),
        Style::Inline => format!("'{}'", pages::style_hash()),
    };
    // Chromium applies form-action to the redirects after a POST too: the app we return to has to be named.
    let form_to = form_to.map(|origin| format!(" {origin}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src {style}; img-src 'self' data:; form-action 'self'{form_to}; base-uri 'none'; frame-ancestors 'none'"
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    protect(headers, portal);
}

/// Headers of every answer of ours, page or not.
pub(super) fn protect(headers: &mut HeaderMap, portal: &PublicUrl) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        // `no-referrer` would make browsers send `Origin: null` with our own forms.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if portal.secure() {
        headers.insert("strict-transport-security", HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
}

/// 303, to an address that was parsed and is ours; never 307, which would repeat the password (RFC 9700 §4.12).
pub(super) fn see_other(in_force: &InForce, to: &ReturnTo) -> Response {
    let mut answer = Response::new(axum::body::Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let location = to.location(&in_force.settings.portal);
    answer.headers_mut().insert(LOCATION, HeaderValue::try_from(location).unwrap_or(HeaderValue::from_static("/")));
    protect(answer.headers_mut(), &in_force.settings.portal);
    answer
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize)]
pub(super) struct Problem<'a> {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) detail: &'a str,
    pub(super) code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<&'a str>,
    /// Where a person could sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sign_in: Option<String>,
    /// Seconds since the epoch from which a next try is welcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_at: Option<u64>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(status: StatusCode, code: &'a str, title: &'a str, detail: &'a str) -> Self {
        Self {
            kind: format!("urn:vestibule:problem:{code}"),
            title,
            status: status.as_u16(),
            detail,
            code,
            reference: None,
            sign_in: None,
            retry_at: None,
        }
    }

    pub(super) fn answer(&self, portal: &PublicUrl) -> http::Response<Bytes> {
        let mut answer = http::Response::new(serde_json::to_vec(self).unwrap_or_default().into());
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::FORBIDDEN);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        protect(answer.headers_mut(), portal);
        answer
    }
}

/// JSON of ours.
pub(super) fn json(portal: &PublicUrl, status: StatusCode, value: &impl Serialize) -> Response {
    let mut answer = (status, serde_json::to_vec(value).unwrap_or_default()).into_response();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    protect(answer.headers_mut(), portal);
    answer
}

/// What pages load; its name changes with its content.
pub(super) async fn asset(
    Extension(visit): Extension<Visit>,
    banner: Extension<Banner>,
    Path(name): Path<String>,
) -> Response {
    let Some(asset) = pages::asset(&name) else { return not_found(Extension(visit), banner).await };
    let mut answer = Response::new(asset.content.into());
    protect(answer.headers_mut(), &visit.in_force.settings.portal);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    answer
}

/// No such page of ours, or not with this method.
pub(super) async fn not_found(Extension(visit): Extension<Visit>, Extension(banner): Extension<Banner>) -> Response {
    let portal = &visit.in_force.settings.portal;
    match visit.reader {
        Reader::Browser => {
            // Inline: the page also stands on app hosts, which serve no stylesheet of ours.
            let frame = Frame { style: Style::Inline, ..frame(&visit, &banner) };
            let mut answer = Response::new(NotFound { frame, home: &portal.join("/") }.html().into());
            *answer.status_mut() = StatusCode::NOT_FOUND;
            dress(answer.headers_mut(), portal, Style::Inline, None);
            answer
        }
        Reader::Program => {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "Not found", "There is nothing at this address.")
                .answer(portal)
                .map(axum::body::Body::from)
        }
    }
}
