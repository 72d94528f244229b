//! The pages of passkeys and security keys. Only these run a script, and a sign-in that leads to one of them.

use askama::Template;

use super::{Done, Frame, Method, Page, Problem, STYLE, Style, When, passkey_href, style_href};

/// `/sign-in/passkey`: a passkey alone. Posts `form`, `return_to`, `credential` there.
#[derive(Template)]
#[template(path = "passkey_sign_in.html")]
pub struct PasskeySignIn<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The app's title, if one was asked for.
    pub app: Option<&'a str>,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// What the browser is asked for, as JSON.
    pub options: &'a str,
    /// The token that proves the form is ours.
    pub form: &'a str,
    /// Where to go afterwards.
    pub return_to: &'a str,
    /// To the sign-in by password.
    pub back: &'a str,
}

/// `/set-up?method=passkey` and `/account/passkeys/new`: a new key. Posts `form`, `name`, `credential` to `/set-up/passkey`,
/// or there.
#[derive(Template)]
#[template(path = "passkey_set_up.html")]
pub struct PasskeySetUp<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Is it part of a sign-in?
    pub is_first_day: bool,
    /// Can something else be set up?
    pub has_choice: bool,
    /// Kept after an error; empty at first.
    pub name: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// What the browser is asked for, as JSON.
    pub options: &'a str,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// `/set-up`, where there is a choice.
#[derive(Template)]
#[template(path = "choose_method.html")]
pub struct ChooseMethod<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// In the order in which they are offered.
    pub methods: &'a [Method],
}

/// A passkey or security key of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// As the forms send it.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub since: When,
    /// When it was last used.
    pub used: Option<When>,
}

/// `/account/passkeys`: one's own. Posts `form`, `passkey` to `/account/passkeys/remove`, and with `name` to
/// `/account/passkeys/rename`.
#[derive(Template)]
#[template(path = "passkeys.html")]
pub struct Passkeys<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The oldest first.
    pub keys: &'a [Key],
    /// What was just done.
    pub done: Option<Done>,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the forms are ours.
    pub form: &'a str,
}

impl Page for PasskeySignIn<'_> {
    fn title(&self) -> String {
        self.frame.title("use-passkey-title")
    }

    fn script(&self) -> Option<&'static str> {
        Some(passkey_href())
    }
}

impl Page for PasskeySetUp<'_> {
    fn title(&self) -> String {
        self.frame.title("add-passkey-title")
    }

    fn script(&self) -> Option<&'static str> {
        Some(passkey_href())
    }
}
