//! Where to, after this? Only to addresses that were parsed and belong to us (A19, R22).
//!
//! Apps are recognised by comparing whole origins (scheme, host and port, parsed as browsers parse them), never by prefix or
//! suffix. What does not fit becomes the front page.

use std::sync::Arc;

use access::target::HostName;
use url::Url;

use crate::config::{AppSettings, PublicUrl, Settings};

/// An address we may redirect to.
#[derive(Clone, Debug)]
pub(super) enum ReturnTo {
    /// A page of the portal, by path.
    Portal(&'static str),
    /// Through `/go` to an app.
    Go(Go),
    /// An address on an app's own host.
    App(Target),
    /// An invitation's or sign-in's next page, on the portal.
    Query(String),
}

/// An address on an app's host.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) app: Arc<AppSettings>,
    /// Path and query, as browsers parse them.
    pub(super) path: String,
}

/// On the way to an app, by hand-off.
#[derive(Clone, Debug)]
pub(super) struct Go {
    pub(super) target: Target,
    /// The digest of the nonce in the browser's cookie on the app's host, 64 hexadecimal digits.
    pub(super) browser: String,
}

impl Target {
    /// An absolute address on the host of one of our apps.
    pub(super) fn parse(settings: &Settings, text: &str) -> Option<Self> {
        let url = parse(text)?;
        let host = HostName::parse(url.host_str()?).ok()?;
        let app = settings.apps.get(&host)?;
        let fits = Url::parse(&app.origin).is_ok_and(|origin| origin.origin() == url.origin());
        fits.then(|| Self { app: Arc::clone(app), path: path_of(&url) })
    }

    /// A path on this app's own host.
    pub(super) fn on(app: &Arc<AppSettings>, path: &str) -> Option<Self> {
        if !path.starts_with('/') {
            return None;
        }
        let base = Url::parse(&app.origin).ok()?;
        let url = base.join(path).ok()?;
        (url.origin() == base.origin()).then(|| Self { app: Arc::clone(app), path: path_of(&url) })
    }

    /// The whole address.
    pub(super) fn url(&self) -> String {
        format!("{}{}", self.app.origin, self.path)
    }
}

impl ReturnTo {
    /// From a form or a query of the portal; what is not ours becomes the front page.
    pub(super) fn parse(settings: &Settings, text: &str) -> Self {
        Self::known(settings, text).unwrap_or(Self::Portal("/"))
    }

    /// As a sign-in kept it, if it did.
    pub(super) fn of(settings: &Settings, kept: Option<&str>) -> Self {
        Self::parse(settings, kept.unwrap_or("/"))
    }

    fn known(settings: &Settings, text: &str) -> Option<Self> {
        if text.len() > 4096 || !text.starts_with('/') {
            return None;
        }
        let base = Url::parse(settings.portal.origin()).ok()?;
        let url = base.join(text).ok()?;
        if url.origin() != base.origin() {
            return None;
        }
        match url.path() {
            "/whoami" => Some(Self::Portal("/whoami")),
            "/account" => Some(Self::Portal("/account")),
            "/account/authenticator" => Some(Self::Portal("/account/authenticator")),
            "/account/tokens/new" => Some(Self::Portal("/account/tokens/new")),
            "/account/passkeys" => Some(Self::Portal("/account/passkeys")),
            "/account/passkeys/new" => Some(Self::Portal("/account/passkeys/new")),
            "/account/questions" => Some(Self::Portal("/account/questions")),
            "/account/app-passwords/new" => Some(Self::Portal("/account/app-passwords/new")),
            "/account/password" => Some(Self::Portal("/account/password")),
            "/account/recovery-codes" => Some(Self::Portal("/account/recovery-codes")),
            "/sign-out" => Some(Self::Portal("/sign-out")),
            "/go" => {
                let value =
                    |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
                Go::parse(settings, &value("to")?, &value("browser")?).map(Self::Go)
            }
            _ => None,
        }
    }

    /// As it travels in forms and flows; `parse` reads it back.
    pub(super) fn as_field(&self) -> String {
        match self {
            Self::Portal(path) => (*path).to_owned(),
            Self::Go(go) => go.path(),
            Self::App(_) => "/".to_owned(),
            Self::Query(path) => path.clone(),
        }
    }

    /// The value of a `Location` field.
    pub(super) fn location(&self, portal: &PublicUrl) -> String {
        match self {
            Self::App(target) => target.url(),
            other => portal.join(&other.as_field()),
        }
    }

    /// The app it leads to.
    pub(super) fn app(&self) -> Option<&Arc<AppSettings>> {
        match self {
            Self::Go(go) => Some(&go.target.app),
            Self::App(target) => Some(&target.app),
            Self::Portal(_) | Self::Query(_) => None,
        }
    }
}

impl Go {
    pub(super) fn parse(settings: &Settings, to: &str, browser: &str) -> Option<Self> {
        let hex = browser.len() == 64 && browser.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let target = Target::parse(settings, to)?;
        hex.then(|| Self { target, browser: browser.to_owned() })
    }

    /// Its address on the portal.
    pub(super) fn path(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("to", &self.target.url()).append_pair("browser", &self.browser);
        format!("/go?{}", query.finish())
    }
}

/// WHATWG parsing repairs; what needed repair is refused instead.
fn parse(text: &str) -> Option<Url> {
    let clean = text.len() <= 2048 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let url = Url::parse(text).ok().filter(|_| clean)?;
    let plain = url.username().is_empty() && url.password().is_none() && matches!(url.scheme(), "https" | "http");
    let absolute = text.get(..8).is_some_and(|start| start.starts_with("http://") || start == "https://");
    (plain && absolute).then_some(url)
}

fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
