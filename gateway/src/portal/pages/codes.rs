//! The pages of codes that are sent: by text message, by a call, by mail.

use askama::Template;

use super::{Frame, Method, Page, Problem, STYLE, Style, style_href};

/// Before a code is sent. Posts `form`, `method`, and `phone` where a telephone is set up, to `/second-step/send` or
/// `/set-up/send`.
#[derive(Template)]
#[template(path = "send_code.html")]
pub struct SendCode<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// By which way.
    pub method: Method,
    /// Where it goes, in part; none where that is set up just now.
    pub to: Option<&'a str>,
    /// The number as it was typed, after an error.
    pub phone: &'a str,
    /// The other ways; none while something is set up.
    pub others: &'a [Method],
    /// Is there something else that could be set up?
    pub has_choice: bool,
    /// Who is signing in.
    pub username: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// After a code was sent. Posts `form`, `method`, `code` to `/second-step` or `/set-up`.
#[derive(Template)]
#[template(path = "sent_code.html")]
pub struct SentCode<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// By which way.
    pub method: Method,
    /// Where it went, in part.
    pub to: &'a str,
    /// Is something set up with it?
    pub is_set_up: bool,
    /// The other ways; none while something is set up.
    pub others: &'a [Method],
    /// Who is signing in.
    pub username: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

super::titled! {
    SendCode: "send-code-title",
    SentCode: "sent-code-title",
}
