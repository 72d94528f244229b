//! What does a person see? One struct per page, one template beside it, one stylesheet for all.
//!
//! The sentences live in the templates. A page knows no request, no store and no clock: the portal fills in the fields and
//! calls [`Page::html`]. Nothing here needs JavaScript, and nothing is styled or scripted inline, so that the strictest
//! Content-Security-Policy holds (every form works in a browser that loads nothing but `/assets/style-….css`).
//! Everything is escaped by the templates; the only text let through as it is are [`STYLE`] and the picture in [`Qr`],
//! both made here.

mod problem;
mod qr;
#[cfg(test)]
mod tests;
mod when;

use std::net::IpAddr;
use std::sync::LazyLock;

use askama::Template;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

pub use problem::Problem;
pub use qr::{Qr, TooLong};
pub use when::When;

/// A page that can be sent.
pub trait Page: Template {
    /// What the browser's tab says: the page and the organization.
    fn title(&self) -> String;

    /// The whole document.
    fn html(&self) -> String {
        // Writing into a String can't fail and no field's Display does; should that change, say nothing rather than half a page.
        self.render().unwrap_or_default()
    }
}

/// What surrounds every page.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The organization's name, as in `gateway.yaml`.
    pub organization: &'a str,
    /// How the stylesheet comes.
    pub style: Style,
    /// A line above everything, such as the demo's.
    pub banner: Option<&'a str>,
}

/// How the stylesheet comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// From [`style_href`] on the same host; needs `style-src 'self'`.
    Link,
    /// Within the page, for answers on hosts that serve no assets and for people who may fetch nothing;
    /// needs `style-src` with [`style_hash`].
    Inline,
}

/// The stylesheet, as served at [`style_href`].
pub const STYLE: &str = include_str!("style.css");

/// Where [`STYLE`] is served: `/assets/style-<16 hex digits of its BLAKE3>.css`, cacheable for ever.
pub fn style_href() -> &'static str {
    static HREF: LazyLock<String> =
        LazyLock::new(|| format!("/assets/style-{}.css", &blake3::hash(STYLE.as_bytes()).to_hex()[..16]));
    &HREF
}

/// The inlined stylesheet's name in a Content-Security-Policy, without quotes: `sha256-<base64>`.
pub fn style_hash() -> &'static str {
    static HASH: LazyLock<String> =
        LazyLock::new(|| format!("sha256-{}", BASE64.encode(&Sha256::digest(STYLE.as_bytes()))));
    &HASH
}

/// `/sign-in`: user name and password. Posts `username`, `password`, `form`, `return_to` to `/sign-in`.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The app's title, if one was asked for: "to continue to CRM".
    pub app: Option<&'a str>,
    /// Kept after an error; empty at first.
    pub username: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
    /// Where to go afterwards; empty for home.
    pub return_to: &'a str,
}

/// How the second step is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Six digits of an authenticator app.
    Totp,
    /// One of the recovery codes.
    Recovery,
}

impl Method {
    /// As in the form's `method` field and in `?method=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }
}

/// `/second-step`: a code. Posts `code`, `method`, `form` to `/second-step`; links to `/second-step?method=…` and
/// `/sign-in?start=again`.
#[derive(Template)]
#[template(path = "second_step.html")]
pub struct SecondStep<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The app's title, if one was asked for.
    pub app: Option<&'a str>,
    /// Which code is asked for.
    pub method: Method,
    /// Who is signing in.
    pub username: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// `/set-up`: an authenticator app is introduced. Posts `code`, `form` to `/set-up`.
#[derive(Template)]
#[template(path = "set_up.html")]
pub struct SetUp<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Who is setting up.
    pub username: &'a str,
    /// `uri` as a picture.
    pub qr: &'a Qr,
    /// The secret for typing, in groups of four: `JBSW Y3DP …`.
    pub secret: &'a str,
    /// The `otpauth://` link, for a phone that shows this page itself.
    pub uri: &'a str,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// Recovery codes, shown once, in the answer that made them.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
pub struct RecoveryCodes<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// As typed later.
    pub codes: &'a [String],
    /// Where the one button, a link, leads.
    pub continue_to: &'a str,
}

/// `/invitation/…`: a first password. Posts `password`, `again`, `form`, `invitation` to `/invitation`.
#[derive(Template)]
#[template(path = "invitation.html")]
pub struct Invitation<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Who was invited.
    pub username: &'a str,
    /// How they are greeted.
    pub full_name: &'a str,
    /// Characters a password must have.
    pub least: usize,
    /// What went wrong.
    pub error: Option<Problem<'a>>,
    /// The token that proves the form is ours.
    pub form: &'a str,
    /// The invitation's secret, handed back with the form.
    pub invitation: &'a str,
}

/// An invitation that is used, over or unknown; which of them isn't told.
#[derive(Template)]
#[template(path = "invitation_gone.html")]
pub struct InvitationGone<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
}

/// An app a person may open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppLink {
    /// How people call it.
    pub title: String,
    /// Where it opens.
    pub url: String,
    /// Its host name, shown below the title.
    pub host: String,
}

impl AppLink {
    /// The letter in front of the title.
    fn initial(&self) -> String {
        self.title.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_default()
    }
}

/// `/`: the apps that are open to a person from here. The header's button posts `form` to `/sign-out`.
#[derive(Template)]
#[template(path = "home.html")]
pub struct Home<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// How they are greeted.
    pub full_name: &'a str,
    /// Who is signed in.
    pub username: &'a str,
    /// In the order shown; may be empty.
    pub apps: &'a [AppLink],
    /// The token that proves the form is ours.
    pub form: &'a str,
}

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
    /// Since when it is there.
    pub since: When,
    /// When it was last used.
    pub used: Option<When>,
    /// Until when it is good.
    pub expires: Option<When>,
    /// Is it the one that asks?
    pub is_this: bool,
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
    /// Two-step sign-in is off.
    TwoStepOff,
}

impl Done {
    /// As in the cookie.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Session => "session",
            Self::Others => "others",
            Self::Token => "token",
            Self::TwoStepOff => "two-step-off",
        }
    }

    /// Reads it back; what is none of them says nothing.
    pub fn of(word: &str) -> Option<Self> {
        let all = [Self::Password, Self::Session, Self::Others, Self::Token, Self::TwoStepOff];
        all.into_iter().find(|done| done.as_str() == word)
    }
}

/// `/account`: what is signed in, and which tokens there are. Posts `form` and `session` (an id, or `others`) to
/// `/account/sessions/end`, `form` and `token` to `/account/tokens/revoke`; the header's button posts `form` to `/sign-out`.
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
    /// Recovery codes that are left.
    pub recovery_left: usize,
    /// Sign-ins of browsers.
    pub browsers: &'a [Thing],
    /// Sign-ins of native apps.
    pub devices: &'a [Thing],
    /// Bearer tokens.
    pub tokens: &'a [Thing],
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
    /// The field's name: `browsers`, `devices` or `tokens`.
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

impl NewPassword<'_> {
    fn anything_stops(&self) -> bool {
        self.boxes.iter().any(|one| !one.stops.is_empty())
    }
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

/// `/account/tokens/new`: a token is described. Posts `form`, `name`, `app` for each that is ticked, and `days` there.
#[derive(Template)]
#[template(path = "new_token.html")]
pub struct NewToken<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Kept after an error; empty at first.
    pub name: &'a str,
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

/// `GET /sign-out`: asks first, for a link must not sign anybody out. Posts `form` to `/sign-out`.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOut<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Who is signed in.
    pub username: &'a str,
    /// The token that proves the form is ours.
    pub form: &'a str,
}

/// After signing out.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
}

/// One address a request is said to have come through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    /// As written in the header, which may be anything.
    pub address: String,
    /// Listed in `trusted_proxies`.
    pub trusted: bool,
}

/// `/whoami`: the address that counts, and why (N17).
#[derive(Template)]
#[template(path = "whoami.html")]
pub struct WhoAmI<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The other end of the TCP connection.
    pub peer: IpAddr,
    /// From the peer outwards, as they were looked at; empty if nothing was forwarded.
    pub hops: &'a [Hop],
    /// The address that counts.
    pub client: IpAddr,
    /// The user name; what follows is shown only if there is one.
    pub signed_in_as: Option<&'a str>,
    /// Their roles.
    pub roles: &'a [String],
    /// Their groups.
    pub groups: &'a [String],
    /// The named networks that contain `client`.
    pub networks: &'a [String],
}

/// What everybody reads whose address is refused, word for word (N5).
pub const ADDRESS_REFUSED: &str = "Access denied from this IP address";

/// Access denied from this IP address: the address we saw and a reference, and nothing else about the rules.
#[derive(Template)]
#[template(path = "refused.html")]
pub struct Refused<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The address we saw.
    pub address: IpAddr,
    /// Finds the decision in the audit trail.
    pub reference: &'a str,
}

/// Signed in, and this app is not open to them.
#[derive(Template)]
#[template(path = "not_allowed.html")]
pub struct NotAllowed<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Who is signed in.
    pub username: &'a str,
    /// The app's title.
    pub app: &'a str,
    /// Finds the decision in the audit trail.
    pub reference: &'a str,
    /// Where to sign in as somebody else.
    pub switch: &'a str,
    /// The portal's first page.
    pub home: &'a str,
}

/// This address of an app is open to tokens only, not to people.
#[derive(Template)]
#[template(path = "token_only.html")]
pub struct TokenOnly<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The app's title.
    pub app: &'a str,
    /// Finds the decision in the audit trail.
    pub reference: &'a str,
}

/// The app opens only to clients that show a certificate.
#[derive(Template)]
#[template(path = "certificate_required.html")]
pub struct CertificateRequired<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The app's title.
    pub app: &'a str,
    /// Finds the decision in the audit trail.
    pub reference: &'a str,
}

/// A request that could be read in two ways, or a form that is not ours.
#[derive(Template)]
#[template(path = "bad_request.html")]
pub struct BadRequest<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// What is wrong with it, and what to do.
    pub sentence: &'a str,
    /// Finds it in the log.
    pub reference: &'a str,
}

/// No such page.
#[derive(Template)]
#[template(path = "not_found.html")]
pub struct NotFound<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The portal's first page.
    pub home: &'a str,
}

/// The app behind the gateway doesn't answer.
#[derive(Template)]
#[template(path = "app_down.html")]
pub struct AppDown<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The app's title.
    pub app: &'a str,
    /// 502, 503 or 504.
    pub status: u16,
    /// Finds it in the log.
    pub reference: &'a str,
}

/// Why the gateway itself can't serve now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// The store is away.
    Store,
    /// More people than it serves at once.
    Busy,
    /// More requests than the app's limits allow.
    TooMany {
        /// Not before so many.
        seconds: u64,
    },
}

/// The gateway itself can't serve now; nobody is let in meanwhile.
#[derive(Template)]
#[template(path = "unavailable.html")]
pub struct Unavailable<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// Why.
    pub why: Pause,
    /// Finds it in the log.
    pub reference: &'a str,
}

/// `impl Page` for pages whose title is a few words and the organization.
macro_rules! titled {
    ($($page:ident: $words:expr),+ $(,)?) => {$(
        impl Page for $page<'_> {
            fn title(&self) -> String {
                format!("{} · {}", $words, self.frame.organization)
            }
        }
    )+};
}

titled! {
    SignIn: "Sign in",
    SetUp: "Set up two-step sign-in",
    RecoveryCodes: "Your recovery codes",
    Invitation: "Choose a password",
    InvitationGone: "Invitation not valid",
    Home: "Your apps",
    Account: "Your account",
    NewPassword: "Change your password",
    NewCodes: "New recovery codes",
    Authenticator: "Authenticator app",
    NewToken: "Make an API token",
    TokenMade: "Your new token",
    SignOut: "Sign out",
    SignedOut: "Signed out",
    WhoAmI: "Who am I?",
    NotAllowed: "Not open to you",
    TokenOnly: "For programs only",
    CertificateRequired: "Certificate missing",
    BadRequest: "Request not understood",
    NotFound: "Page not found",
    AppDown: "App not available",
    Unavailable: "Try again in a moment",
}

impl Page for SecondStep<'_> {
    fn title(&self) -> String {
        let words = match self.method {
            Method::Totp => "Enter your code",
            Method::Recovery => "Enter a recovery code",
        };
        format!("{words} · {}", self.frame.organization)
    }
}

impl Page for Refused<'_> {
    fn title(&self) -> String {
        ADDRESS_REFUSED.to_owned()
    }
}
