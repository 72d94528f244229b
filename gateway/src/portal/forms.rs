//! Is this form ours? (A20, ASVS 3.5)
//!
//! A cookie of 256 random bits, and in each form its keyed digest, which no other origin can know. Browsers also say where
//! a request comes from (`Sec-Fetch-Site`, else `Origin`); what says "elsewhere" is refused before the token is looked at.

use axum::Form as Fields;
use axum::extract::Query;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::response::Response;
use http::HeaderMap;
use http::header::ORIGIN;

use super::cookies::{our_cookie, set_cookie};
use crate::gate::{Gate, random_secret};
use crate::store::vault::Digest;

/// A form's fields, or what is wrong with them.
pub(super) type Sent<T> = Result<Fields<T>, FormRejection>;

/// A query's fields, or what is wrong with them.
pub(super) type Asked<T> = Result<Query<T>, QueryRejection>;

/// A browser's form cookie, old or new.
pub(super) struct Form {
    secret: String,
    fresh: bool,
    token: String,
}

impl Form {
    /// Of the browser that sent these headers; a new one if it has none.
    pub(super) fn of(gate: &Gate, headers: &HeaderMap) -> Self {
        let known = our_cookie(headers, FORM_COOKIE).map(str::to_owned);
        let fresh = known.is_none();
        let secret = known.unwrap_or_else(|| random_secret().expose().clone());
        let token = token(gate, &secret);
        Self { secret, fresh, token }
    }

    /// For the form's hidden field.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Gives the browser its cookie, if it has none.
    pub(super) fn keep(&self, answer: &mut Response) {
        if self.fresh {
            set_cookie(answer, FORM_COOKIE, &self.secret, 24 * 60 * 60);
        }
    }
}

/// Did this form come from a page of ours, in this browser?
pub(super) fn is_ours(gate: &Gate, headers: &HeaderMap, portal: &str, sent: &str) -> bool {
    let elsewhere = match headers.get("sec-fetch-site") {
        Some(site) => site != "same-origin" && site != "none",
        None => headers.get(ORIGIN).is_some_and(|origin| !origin.as_bytes().eq_ignore_ascii_case(portal.as_bytes())),
    };
    if elsewhere {
        return false;
    }
    our_cookie(headers, FORM_COOKIE)
        .is_some_and(|secret| access::Secret::new(token(gate, secret)).matches(sent.as_bytes()))
}

fn token(gate: &Gate, secret: &str) -> String {
    let Digest(digest) = gate.vault().digest("form", secret.as_bytes());
    data_encoding::BASE64URL_NOPAD.encode(&digest)
}

const FORM_COOKIE: &str = "__Host-vestibule-form";
