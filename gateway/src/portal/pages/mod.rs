//! What does a person see? One struct per page, one template beside it, one stylesheet for all.
//!
//! The sentences stand in `words`, the templates ask for them by name. A page knows no request, no store and no clock: the
//! portal fills in the fields and calls [`Page::html`]. Nothing but passkeys needs JavaScript, and nothing is styled or
//! scripted inline, so that the strictest Content-Security-Policy holds (every form works in a browser that loads nothing
//! but `/assets/style-….css`). A page that does more with a script names it ([`Page::script`]), and only its answer lets that one run.
//! Everything is escaped by the templates; the only text let through as it is are [`STYLE`] and the picture in [`Qr`],
//! both made here.

/// `impl Page` for pages whose title is a sentence of ours and the organization; behind an arrow, where the page's script is.
macro_rules! titled {
    ($($page:ident: $words:expr $(=> $script:expr)?),+ $(,)?) => {$(
        impl Page for $page<'_> {
            fn title(&self) -> String {
                self.frame.title($words)
            }

            $(fn script(&self) -> Option<&'static str> {
                Some($script)
            })?
        }
    )+};
}
use titled;

mod account;
mod app_passwords;
mod assets;
mod codes;
mod passkeys;
mod problem;
mod qr;
mod recovery;
#[cfg(test)]
mod tests;
mod when;

use std::net::IpAddr;
use std::sync::LazyLock;

use access::policy;
use askama::Template;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

pub use account::{
    Account, AppChoice, Authenticator, CodeWay, Done, EndBox, Impact, NewCodes, NewPassword, NewToken, Questions,
    Thing, TokenMade,
};
pub use app_passwords::{AppPassword, AppPasswordMade, NewAppPassword, UsedBy};
pub use assets::{Asset, asset, passkey_href, strength_href, style_href};
pub use codes::{SendCode, SentCode};
pub use passkeys::{ChooseMethod, Key, PasskeySetUp, PasskeySignIn, Passkeys};
pub use problem::Problem;
pub use qr::{Qr, TooLong};
pub use recovery::{Forgot, LinkSent, NotMe, NotMeDone, ResetGone, ResetPassword};
pub use when::When;

use crate::words::{Language, Said};

/// A page that can be sent.
pub trait Page: Template {
    /// What the browser's tab says: the page and the organization.
    fn title(&self) -> String;

    /// Where the one script of this page is served. Without it the page does all the same, but for passkeys.
    fn script(&self) -> Option<&'static str> {
        None
    }

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
    /// What everything is said in.
    pub language: Language,
    /// Can the same page be asked for in another language?
    pub can_switch: bool,
}

impl Frame<'_> {
    /// A sentence in the page's language.
    pub fn say(&self, id: &'static str) -> Said {
        self.language.say(id)
    }

    /// What it can be said in.
    fn languages(&self) -> [Language; 3] {
        Language::ALL
    }

    /// A sentence and the organization, for the browser's tab.
    fn title(&self, id: &'static str) -> String {
        format!("{} · {}", self.say(id).plain(), self.organization)
    }
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

/// The stylesheet, as served at [`style_href`] or inlined.
pub const STYLE: &str = include_str!("style.css");

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
    /// Where to sign in with a passkey, if that is offered.
    pub passkey: Option<&'a str>,
}

/// How the second step is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Six digits of an authenticator app.
    Totp,
    /// One of the recovery codes.
    Recovery,
    /// A passkey or security key.
    Passkey,
    /// A code by text message.
    Sms,
    /// A code that a call says.
    Voice,
    /// A code by mail.
    Email,
}

impl Method {
    /// As in the form's `method` field and in `?method=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
            Self::Passkey => "passkey",
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Email => "email",
        }
    }

    /// As a page names it; a password is no second step.
    pub const fn of(method: policy::Method) -> Option<Self> {
        Some(match method {
            policy::Method::Totp => Self::Totp,
            policy::Method::Recovery => Self::Recovery,
            policy::Method::Passkey => Self::Passkey,
            policy::Method::Sms => Self::Sms,
            policy::Method::Voice => Self::Voice,
            policy::Method::Email => Self::Email,
            policy::Method::Password => return None,
        })
    }
}

impl From<Method> for policy::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Totp => Self::Totp,
            Method::Recovery => Self::Recovery,
            Method::Passkey => Self::Passkey,
            Method::Sms => Self::Sms,
            Method::Voice => Self::Voice,
            Method::Email => Self::Email,
        }
    }
}

/// `/second-step`: a code or a key. Posts `code`, `method`, `form` to `/second-step`, or `credential`, `form` to
/// `/second-step/passkey`; links to `/second-step?method=…` and
/// `/sign-in?start=again`.
#[derive(Template)]
#[template(path = "second_step.html")]
pub struct SecondStep<'a> {
    /// What surrounds it.
    pub frame: Frame<'a>,
    /// The app's title, if one was asked for.
    pub app: Option<&'a str>,
    /// What is asked for.
    pub method: Method,
    /// The other ways.
    pub others: &'a [Method],
    /// What the browser is asked for, as JSON; empty for a code.
    pub options: &'a str,
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
    /// Can something else be set up?
    pub has_choice: bool,
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
    /// What the sentence is said in: what programs read of a request they say in English.
    pub said_in: Language,
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

titled! {
    ChooseMethod: "set-up-title",
    Passkeys: "passkeys-title",
    SetUp: "set-up-title",
    RecoveryCodes: "recovery-codes-title",
    Invitation: "invitation-title" => strength_href(),
    InvitationGone: "invitation-gone-title",
    Home: "home-title",
    Account: "account-title",
    NewPassword: "new-password-title" => strength_href(),
    NewCodes: "new-codes-title",
    Questions: "questions-title",
    Authenticator: "authenticator-title",
    NewToken: "new-token-title",
    TokenMade: "token-made-title",
    NewAppPassword: "new-app-password-title",
    AppPasswordMade: "app-password-made-title",
    SignOut: "sign-out-title",
    SignedOut: "signed-out-title",
    WhoAmI: "whoami-title",
    NotAllowed: "not-allowed-title",
    TokenOnly: "token-only-title",
    CertificateRequired: "certificate-required-title",
    BadRequest: "bad-request-title",
    NotFound: "not-found-title",
    AppDown: "app-down-title",
    Unavailable: "unavailable-title",
}

impl Page for SecondStep<'_> {
    fn title(&self) -> String {
        let words = match self.method {
            Method::Totp | Method::Sms | Method::Voice | Method::Email => "enter-code-title",
            Method::Recovery => "recovery-code-title",
            Method::Passkey => "use-passkey-or-key-title",
        };
        self.frame.title(words)
    }

    fn script(&self) -> Option<&'static str> {
        (self.method == Method::Passkey).then(passkey_href)
    }
}

impl Page for SignIn<'_> {
    fn title(&self) -> String {
        self.frame.title("sign-in-title")
    }

    fn script(&self) -> Option<&'static str> {
        self.passkey.map(|_| passkey_href())
    }
}

impl Page for Refused<'_> {
    fn title(&self) -> String {
        ADDRESS_REFUSED.to_owned()
    }
}
