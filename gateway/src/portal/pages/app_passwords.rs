//! The pages for app passwords.

use std::net::IpAddr;

use askama::Template;

use super::{Frame, Page, Problem, Qr, STYLE, Style, When, style_href};

/// An app password in the list of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppPassword {
    /// As the form sends it.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// From where alone it counts; empty: from wherever its owner may come in.
    pub only_from: String,
    /// How it was last used.
    pub used: Option<UsedBy>,
    /// Until when it is good; `None`: always.
    pub expires: Option<When>,
}

/// When, from where and by which program something was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsedBy {
    /// When.
    pub when: When,
    /// From where.
    pub from: IpAddr,
    /// What the program calls itself; may be empty, and may be a lie.
    pub client: String,
}

/// `/account/app-passwords/new`: an app password is described. Posts `form`, `name`, `addresses` and
/// `life` there.
#[derive(Template)]
#[template(path = "new_app_password.html")]
pub struct NewAppPassword<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Kept after an error; empty at first.
    pub name: &'a str,
    /// The addresses from which alone it is to count, kept after an error; empty at first.
    pub addresses: &'a str,
    /// The address that its owner has now.
    pub client: IpAddr,
    /// How long it is good: `never` (it does not expire), `90` or `365` days.
    pub life: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// A new app password, shown once, in the answer that made it.
#[derive(Template)]
#[template(path = "app_password_made.html")]
pub struct AppPasswordMade<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// What its owner calls it.
    pub name: &'a str,
    /// What goes with it.
    pub username: &'a str,
    /// In groups of four.
    pub letters: &'a str,
    /// The apps that take it, with their addresses.
    pub servers: &'a [(String, String)],
    /// The letters for a telephone's camera.
    pub qr: Option<&'a Qr>,
    /// Is there something that Apple's systems could be set up for? Posts `form`, `app_password` to
    /// `/account/app-passwords/profile`.
    pub has_profile: bool,
    /// The token that proves the form is ours.
    pub form: &'a str,
}
