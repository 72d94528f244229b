//! The pages for whoever forgot their password.

use std::net::IpAddr;

use askama::Template;

use super::{EndBox, Frame, Page, Problem, STYLE, Style, When, strength_href, style_href};

/// `/forgot`: asks for the address of the account. Posts `email`, `form` there.
#[derive(Template)]
#[template(path = "forgot.html")]
pub struct Forgot<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Can a mail be sent at all?
    pub sends: bool,
    /// Kept after an error; empty at first.
    pub email: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// After `/forgot`: the same whether an account has the address or not.
#[derive(Template)]
#[template(path = "link_sent.html")]
pub struct LinkSent<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// As it was typed.
    pub email: &'a str,
    /// How long the link is good.
    pub minutes: u64,
}

/// `/reset`: another password. Posts `form`, `password`, `again` and the ticked boxes there.
#[derive(Template)]
#[template(path = "reset_password.html")]
pub struct ResetPassword<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Whose.
    pub username: &'a str,
    /// Characters a password must have.
    pub least: usize,
    /// Security questions that are asked; mostly none.
    pub questions: &'a [String],
    /// What may end with the old one.
    pub boxes: &'a [EndBox],
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// A link that is used, too old or retired; which of them isn't told.
#[derive(Template)]
#[template(path = "reset_gone.html")]
pub struct ResetGone<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
}

/// `/not-me/…`: asks before a sign-in ends. Posts `form`, `secret` to `/not-me`.
#[derive(Template)]
#[template(path = "not_me.html")]
pub struct NotMe<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The browser or device in words.
    pub device: &'a str,
    /// From where.
    pub address: IpAddr,
    /// Since when.
    pub since: &'a When,
    /// The link's secret, handed back with the form.
    pub secret: &'a str,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// After it.
#[derive(Template)]
#[template(path = "not_me_done.html")]
pub struct NotMeDone<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// By this link, or before.
    pub has_ended: bool,
}

super::titled! {
    NotMe: "not-me-title",
    NotMeDone: "not-me-done-title",
    Forgot: "forgot-title",
    LinkSent: "link-sent-title",
    ResetPassword: "reset-title" => strength_href(),
    ResetGone: "reset-gone-title",
}
