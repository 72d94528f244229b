//! The pages of one's own account.

use std::net::IpAddr;

use askama::Template;

use super::{AppPassword, Frame, Method, Page, Problem, STYLE, Style, When, style_href};

/// Something of a person's that can be ended: a sign-in or a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thing {
    /// As the forms send it.
    pub id: String,
    /// The browser or device in words, or the token's name.
    pub name: String,
    /// From where.
    pub from: Option<IpAddr>,
    /// What a token opens.
    pub opens: String,
    /// From where alone it counts; empty: from wherever its owner may come in.
    pub only_from: String,
    /// Since when it is there.
    pub since: When,
    /// When it was last used.
    pub used: Option<When>,
    /// Until when it is good.
    pub expires: Option<When>,
    /// Is it the one that asks?
    pub is_this: bool,
}

/// A way by which codes are sent, or could be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeWay {
    /// Which.
    pub method: Method,
    /// Where they go, in part; none if it is not set up.
    pub to: Option<String>,
    /// May it be removed?
    pub may_go: bool,
}

/// What was just done on the account page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// The password is another one.
    Password,
    /// One sign-in has ended.
    Session,
    /// All other browsers' sign-ins have ended.
    Others,
    /// A token was revoked.
    Token,
    /// Codes are sent no more by one of the ways.
    Codes,
    /// The security questions are others.
    Questions,
    /// An app password was revoked.
    AppPassword,
    /// Two-step sign-in is off.
    TwoStepOff,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey has another name.
    PasskeyRenamed,
    /// A passkey was removed.
    PasskeyRemoved,
}

impl Done {
    /// As in the cookie.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Session => "session",
            Self::Others => "others",
            Self::Token => "token",
            Self::Codes => "codes",
            Self::Questions => "questions",
            Self::AppPassword => "app-password",
            Self::TwoStepOff => "two-step-off",
            Self::PasskeyAdded => "passkey-added",
            Self::PasskeyRenamed => "passkey-renamed",
            Self::PasskeyRemoved => "passkey-removed",
        }
    }

    /// Reads it back; what is none of them says nothing.
    pub fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Password,
            Self::Session,
            Self::Others,
            Self::Token,
            Self::AppPassword,
            Self::Codes,
            Self::Questions,
            Self::TwoStepOff,
            Self::PasskeyAdded,
            Self::PasskeyRenamed,
            Self::PasskeyRemoved,
        ];
        all.into_iter().find(|done| done.as_str() == word)
    }
}

/// `/account`: what is signed in, and which tokens there are. Posts `form` and `session` (an id, or `others`) to
/// `/account/sessions/end`, `form` and `token` to `/account/tokens/revoke`, `form` and
/// `app_password` to `/account/app-passwords/revoke`; the header's button posts `form` to `/sign-out`.
#[derive(Template)]
#[template(path = "account.html")]
pub struct Account<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Who is signed in.
    pub username: &'a str,
    /// How they are called.
    pub full_name: &'a str,
    /// Is an authenticator app set up?
    pub has_authenticator: bool,
    /// Can one be set up?
    pub offers_authenticator: bool,
    /// How many passkeys there are; `None` where there is nothing to say about them.
    pub passkeys: Option<usize>,
    /// Is any second step set up?
    pub has_second_step: bool,
    /// The ways by which codes are sent, or could be.
    pub codes: &'a [CodeWay],
    /// Are there security questions, and are they set?
    pub questions: Option<bool>,
    /// Recovery codes that are left.
    pub recovery_left: usize,
    /// Sign-ins of browsers.
    pub browsers: &'a [Thing],
    /// Sign-ins of native apps.
    pub devices: &'a [Thing],
    /// Bearer tokens.
    pub tokens: &'a [Thing],
    /// App passwords.
    pub app_passwords: &'a [AppPassword],
    /// Does any app take one? Where none does and there is none, nothing is said of them.
    pub takes_app_passwords: bool,
    /// What was just done.
    pub done: Option<Done>,
    /// The token that proves the forms are ours.
    pub form: &'a str,
}

/// Something that stops working with a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Impact {
    /// The browser or device in words, or the token's name.
    pub name: String,
    /// When it was last used.
    pub used: Option<When>,
}

/// One box of what may end with a password (P6). Without anything that would stop it is not shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndBox {
    /// The field's name: `browsers`, `devices`, `tokens` or `app_passwords`.
    pub name: &'static str,
    /// Is it ticked?
    pub ticked: bool,
    /// What would stop.
    pub stops: Vec<Impact>,
}

/// `/account/password`: a new password. Posts `form`, `current`, `password`, `again` and the ticked boxes there.
#[derive(Template)]
#[template(path = "new_password.html")]
pub struct NewPassword<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Whose.
    pub username: &'a str,
    /// Characters a password must have.
    pub least: usize,
    /// What may end with the present one.
    pub boxes: &'a [EndBox],
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

impl EndBox {
    /// Is there a box to be shown?
    pub(super) fn anything_stops(boxes: &[Self]) -> bool {
        boxes.iter().any(|one| !one.stops.is_empty())
    }
}

/// `/account/questions`: security questions. Posts `form`, `question1`, `answer1`, `question2`, `answer2` there.
#[derive(Template)]
#[template(path = "questions.html")]
pub struct Questions<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The first question, as it is or was typed.
    pub first: &'a str,
    /// The second one.
    pub second: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// `/account/authenticator`: asks before an app is set up or replaced. Posts `form` there, or to
/// `/account/authenticator/off`.
#[derive(Template)]
#[template(path = "authenticator.html")]
pub struct Authenticator<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Is one set up?
    pub is_set_up: bool,
    /// May they do without?
    pub may_end: bool,
    /// The token that proves the forms are ours.
    pub form: &'a str,
}

/// An app that a token may open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppChoice {
    /// As the form sends it.
    pub name: String,
    /// How people call it.
    pub title: String,
    /// Is it chosen?
    pub ticked: bool,
}

/// `/account/tokens/new`: a token is described. Posts `form`, `name`, `app` for each that is ticked, `addresses`
/// and `days` there.
#[derive(Template)]
#[template(path = "new_token.html")]
pub struct NewToken<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Kept after an error; empty at first.
    pub name: &'a str,
    /// The addresses from which alone it is to count, kept after an error; empty at first.
    pub addresses: &'a str,
    /// The address that its owner has now.
    pub client: IpAddr,
    /// The apps that are open to its owner.
    pub apps: &'a [AppChoice],
    /// How long it is good: 30, 90 or 365.
    pub days: u16,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// A new token, shown once, in the answer that made it.
#[derive(Template)]
#[template(path = "token_made.html")]
pub struct TokenMade<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// What its owner calls it.
    pub name: &'a str,
    /// As it is sent.
    pub text: &'a str,
}

/// `/account/recovery-codes`: asks before it makes new ones. Posts `form` there.
#[derive(Template)]
#[template(path = "new_codes.html")]
pub struct NewCodes<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Codes that are left and will stop working.
    pub left: usize,
    /// The token that proves the form is ours.
    pub form: &'a str,
}
