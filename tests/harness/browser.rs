//! A browser: what does a person see, and what happens when they click?
//!
//! Chromium without a window, steered through Debian's chromedriver. Every [`Browser`] has its own driver, profile and
//! folder, and all of it is gone when the value is dropped. The processes also end when the test is killed.
//!
//! - *Names.* Every host name leads to 127.0.0.1, so that `http://crm.acme.test:4711/` needs no hosts file. Pages under
//!   `*.localhost` are secure contexts even over plain HTTP; passkeys need that.
//! - *Addresses.* [`BrowserOptions::from`] says from which address of 127.0.0.0/8 the browser comes; [`Browser::move_to`]
//!   takes it elsewhere, as a laptop is carried home.
//! - *Waiting.* `click`, `fill` and `wait_for` look again for half a minute until the element is there; `follow` and
//!   `submit` wait for the page that comes. Nothing sleeps.
//! - *Certificates* are not judged here: any is accepted.
//! - *How many.* Two browsers run at a time, whatever the test runner thinks; a test that starts a second one while it holds
//!   the first may wait for ever. Who needs two takes them at once: [`Browser::start_two`].
//!
//! A step that cannot be taken ends the test; the message holds the step, the address, the title and the text of the page.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::common::capabilities::desiredcapabilities::Capabilities;
use thirtyfour::error::{WebDriverError, WebDriverResult};
use thirtyfour::extensions::query::ElementPollerWithTimeout;
use thirtyfour::prelude::ElementQueryable;
use thirtyfour::{By, TimeoutConfiguration, WebDriver, WebElement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use keys::KeyKind;
pub use thirtyfour::{Cookie, Key};

mod driver;
mod keys;
mod route;

use driver::Driver;
use route::Route;

/// How the browser is set up; [`Default`] is a light desktop window of 1280 × 800 in English, coming from 127.0.0.1.
#[derive(Debug, Clone)]
pub struct BrowserOptions {
    /// The person prefers dark pages.
    pub dark: bool,
    /// CSS pixels. 480 or less is a telephone: touch, and `<meta name="viewport">` counts.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// Whether pages may run scripts. Without, everything here still works but [`Browser::axe`], which waits for timers.
    pub javascript: bool,
    /// `Accept-Language`, and the language of the browser's own words.
    pub language: &'static str,
    /// Where the browser comes from: an address of 127.0.0.0/8.
    pub from: IpAddr,
}

impl Default for BrowserOptions {
    fn default() -> Self {
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { dark: false, width: 1280, height: 800, javascript: true, language: "en", from }
    }
}

/// An accessibility fault of a page, as axe found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// axe's name of the rule, such as `color-contrast`.
    pub rule: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What is asked for, in a sentence.
    pub help: String,
    /// The elements at fault, each with what is wrong with it.
    pub elements: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.rule, self.impact, self.help)?;
        self.elements.iter().try_for_each(|element| write!(f, "\n  {element}"))
    }
}

/// A running browser with one page.
#[derive(Debug)]
pub struct Browser {
    /// `None` only while it is dropped.
    session: Option<WebDriver>,
    javascript: bool,
    route: Route,
    /// After the session, so that its end finds the processes still there.
    _driver: Driver,
    /// Last: the next browser starts when this one is gone.
    _turn: OwnedSemaphorePermit,
}

impl Browser {
    /// Starts chromedriver and Chromium. Ends the test, saying what to install, where either is missing.
    pub async fn start(options: BrowserOptions) -> Self {
        let turn = turns().acquire_owned().await.expect("never closed");
        Self::start_now(options, turn).await
    }

    /// Starts two browsers that know nothing of each other, once there is room for both: two tests that held one each and
    /// waited for another would wait for ever.
    pub async fn start_two(options: BrowserOptions) -> (Self, Self) {
        let mut both = turns().acquire_many_owned(2).await.expect("never closed");
        let one = both.split(1).expect("two were asked for");
        (Self::start_now(options.clone(), one).await, Self::start_now(options, both).await)
    }

    async fn start_now(options: BrowserOptions, turn: OwnedSemaphorePermit) -> Self {
        let driver = Driver::start().await;
        let route = Route::open(options.from).await;
        let session = match open_session(&driver, &route, &options).await {
            Ok(session) => session,
            Err(error) => panic!("the browser did not start: {error}\n{}", driver.log()),
        };
        let browser =
            Self { session: Some(session), javascript: options.javascript, route, _driver: driver, _turn: turn };
        // There is no desktop that could give the window its focus, and give it back after a change of process.
        browser.cdp("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await;
        browser.resize(options.width, options.height).await;
        browser.prefer_dark(options.dark).await;
        browser
    }

    /// Makes the window as large as this, or the browser a telephone; see [`BrowserOptions::width`]. The page stays.
    pub async fn resize(&self, width: u32, height: u32) {
        let phone = width <= 480;
        // The window itself cannot be made narrower than about 500 pixels.
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.cdp("Emulation.setDeviceMetricsOverride", screen).await;
        self.cdp("Emulation.setTouchEmulationEnabled", json!({"enabled": phone})).await;
    }

    /// Whether the person prefers dark pages. The page stays.
    pub async fn prefer_dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.cdp("Emulation.setEmulatedMedia", media).await;
    }

    /// Opens `url` and waits until it has loaded.
    pub async fn goto(&self, url: &str) {
        let opened = self.session().goto(url).await;
        self.must(&format!("open {url}"), opened).await;
    }

    /// Replaces what stands in the field `css` by `text`.
    pub async fn fill(&self, css: &str, text: &str) {
        let step = format!("fill {css}");
        let field = self.find(&step, css, Need::Present).await;
        if self.must(&step, field.prop("value").await).await.is_some_and(|value| !value.is_empty()) {
            self.must(&step, field.clear().await).await;
        }
        self.must(&step, field.focus().await).await;
        // All at once, as a password manager or a pasting hand does: key by key takes as long as the rest of the test.
        self.cdp("Input.insertText", json!({ "text": text })).await;
    }

    /// Clicks `css` once it can be clicked.
    pub async fn click(&self, css: &str) {
        let step = format!("click {css}");
        let element = self.find(&step, css, Need::Clickable).await;
        self.must(&step, element.click().await).await;
    }

    /// Clicks `css`, which leads to another page or to this one anew, and waits until that has loaded.
    pub async fn follow(&self, css: &str) {
        self.script(MARK_PAGE).await;
        self.click(css).await;
        self.next_page(&format!("follow {css}")).await;
    }

    /// Sends the form with the Enter key, from the field that has the focus, and waits until its answer has loaded.
    pub async fn submit(&self) {
        self.script(MARK_PAGE).await;
        self.press(Key::Enter).await;
        self.next_page("send the form").await;
    }

    /// Presses and releases one key where the focus is; with [`Key::Tab`] a page can be walked without a mouse.
    pub async fn press(&self, key: Key) {
        let step = format!("press {key:?}");
        let focused = self.session().active_element().await;
        let focused = self.must(&step, focused).await;
        self.must(&step, focused.send_keys(key).await).await;
    }

    /// Waits until `css` is shown, and returns its text.
    pub async fn wait_for(&self, css: &str) -> String {
        let step = format!("wait for {css}");
        let element = self.find(&step, css, Need::Shown).await;
        self.must(&step, element.text().await).await
    }

    /// Waits until an element `css` is shown whose text is exactly `text`.
    pub async fn wait_for_text(&self, css: &str, text: &str) {
        let found = self.session().query(By::Css(css)).with_text(text.to_owned()).first().await;
        self.must(&format!("see \u{201c}{text}\u{201d} in {css}"), found).await;
    }

    /// The texts of all elements `css`, in the page's order; none is an empty list.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let step = format!("read {css}");
        let found = self.session().find_all(By::Css(css)).await;
        let mut texts = Vec::new();
        for element in self.must(&step, found).await {
            texts.push(self.must(&step, element.text().await).await);
        }
        texts
    }

    /// Types where the focus is, key by key.
    pub async fn type_text(&self, text: &str) {
        let step = format!("type {text}");
        let focused = self.session().active_element().await;
        let focused = self.must(&step, focused).await;
        self.must(&step, focused.send_keys(text).await).await;
    }

    /// What has the focus: its id, or else its text; `body` where nothing has it.
    pub async fn focused(&self) -> String {
        let name = "const at = document.activeElement;
            return at === document.body ? 'body' : at.id || at.textContent.trim()";
        self.script(name).await.as_str().unwrap_or_default().to_owned()
    }

    /// Loads the page again, sending a form again if that is how the page came.
    pub async fn reload(&self) {
        let reloaded = self.session().refresh().await;
        self.must("reload", reloaded).await;
    }

    /// Goes back, as with the browser's button.
    pub async fn back(&self) {
        let gone = self.session().back().await;
        self.must("go back", gone).await;
    }

    /// What a script returns that runs past the page's own policy, also where pages may not run any.
    pub async fn script(&self, script: &str) -> Value {
        let returned = self.session().execute(script, Vec::new()).await;
        self.must("run a script", returned).await.json().clone()
    }

    /// Waits until no element matches `css` any more.
    pub async fn wait_until_gone(&self, css: &str) {
        let gone = self.session().query(By::Css(css)).wait_until_gone().await;
        self.must(&format!("wait until {css} is gone"), gone).await;
    }

    /// The text of the page as it is shown: what is hidden is not in it, what `<noscript>` shows without scripts is.
    pub async fn text(&self) -> String {
        // The driver's own reading of an element's text leaves `<noscript>` out.
        self.script("return document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// The attribute `name` of `css`, `None` where it has none.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let step = format!("read {name} of {css}");
        let element = self.find(&step, css, Need::Present).await;
        self.must(&step, element.attr(name).await).await
    }

    /// The page's title.
    pub async fn title(&self) -> String {
        let title = self.session().title().await;
        self.must("read the title", title).await
    }

    /// The page's address, as it would stand in the address bar.
    pub async fn url(&self) -> String {
        let url = self.session().current_url().await;
        self.must("read the address", url).await.into()
    }

    /// The cookies the current page's host would get, those hidden from scripts included.
    pub async fn cookies(&self) -> Vec<Cookie> {
        let cookies = self.session().get_all_cookies().await;
        self.must("read the cookies", cookies).await
    }

    /// Writes a PNG of the whole page, also of what lies below the window's edge.
    pub async fn screenshot(&self, path: &Path) {
        let shot = self.cdp("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
        let image = data_encoding::BASE64.decode(shot["data"].as_str().unwrap_or_default().as_bytes());
        let image = image.expect("Chromium sends pictures as base64");
        std::fs::write(path, image).unwrap_or_else(|error| panic!("could not write {}: {error}", path.display()));
    }

    /// What axe finds against WCAG 2.0, 2.1 and 2.2, levels A and AA. None found is an empty list. Needs scripts.
    pub async fn axe(&self) -> Vec<Violation> {
        assert!(self.javascript, "axe needs scripts: start this browser with `javascript: true`");
        // The driver runs scripts past the page's Content-Security-Policy and Trusted Types, as a person's tools would.
        if self.script("return typeof window.axe").await == "undefined" {
            self.script(AXE).await;
        }
        let found = self.session().execute_async(RUN_AXE, Vec::new()).await;
        match self.must("run axe", found).await.json() {
            Value::Array(violations) => violations.iter().map(violation).collect(),
            other => panic!("axe failed: {other}"),
        }
    }

    /// The errors the page has written to the console since the last call: scripts that failed, what the page's policy
    /// blocked, parts that could not be loaded. That the page itself came with a status such as 403 is not among them.
    pub async fn console_errors(&self) -> Vec<String> {
        let page = self.url().await;
        let log = self.session().browser_log().await;
        let entries = self.must("read the console", log).await.into_iter();
        let errors = entries.filter(|entry| entry.level == "SEVERE");
        let own_status = format!("{page} - Failed to load resource: the server responded with a status of");
        errors.map(|entry| entry.message).filter(|message| !message.starts_with(&own_status)).collect()
    }

    /// From now on the browser comes from `address`. Open connections are cut: they belonged to the old one.
    pub fn move_to(&self, address: IpAddr) {
        self.route.move_to(address);
    }

    /// Runs a command of the Chrome DevTools Protocol, for what has no method here; returns its result.
    pub async fn cdp(&self, method: &str, params: Value) -> Value {
        let answer = self.session().cdp().send_raw(method, params).await;
        self.must(method, answer).await
    }

    /// The WebDriver session, for what has no method here.
    pub fn session(&self) -> &WebDriver {
        self.session.as_ref().expect("only drop takes it")
    }

    /// The driver takes a click for done before the page begins to go: what is looked for next may be found on the old one.
    async fn next_page(&self, step: &str) {
        let loaded = async {
            // While one page gives way to the other there may be none to ask.
            let asked = || self.session().execute(IS_NEXT_PAGE, Vec::new());
            while !asked().await.is_ok_and(|answer| answer.json() == true) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let loaded = tokio::time::timeout(PATIENCE, loaded).await;
        self.must(step, loaded.map_err(|_| WebDriverError::Timeout("no other page came".into()))).await;
    }

    async fn find(&self, step: &str, css: &str, need: Need) -> WebElement {
        let query = self.session().query(By::Css(css));
        let query = match need {
            Need::Present => query,
            Need::Shown => query.and_displayed(),
            Need::Clickable => query.and_clickable(),
        };
        let found = query.first().await;
        self.must(step, found).await
    }

    async fn must<T>(&self, step: &str, result: WebDriverResult<T>) -> T {
        let error = match result {
            Ok(value) => return value,
            Err(error) => error,
        };
        // Asked directly: if these fail as well, there is nothing to tell about the page.
        let url = self.session().current_url().await.map(String::from).unwrap_or_default();
        let title = self.session().title().await.unwrap_or_default();
        let text = match self.session().find(By::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        // The driver's errors go on with a stack trace of its own.
        let error = error.to_string();
        let error = error.split("Stacktrace:").next().unwrap_or_default().trim_end();
        panic!("could not {step}: {error}\n--- {url} \u{201c}{title}\u{201d}\n{text}\n---");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Not ended politely: that would block the runtime, and the processes are killed right after this.
        if let Some(session) = self.session.take() {
            let _ = session.leak();
        }
    }
}

/// What an element must be before a step goes on with it.
enum Need {
    Present,
    Shown,
    Clickable,
}

async fn open_session(driver: &Driver, route: &Route, options: &BrowserOptions) -> WebDriverResult<WebDriver> {
    let mut arguments: Vec<String> = QUIET.iter().map(|argument| argument.to_string()).collect();
    arguments.push(format!("--user-data-dir={}", driver.folder().join("profile").display()));
    arguments.push(format!("--window-size={},{}", options.width.max(500), options.height));
    arguments.push(format!("--lang={}", options.language));
    arguments.push(format!("--proxy-server=socks5://{}", route.proxy()));
    // Without this, names and addresses of the own machine would go past the proxy.
    arguments.push("--proxy-bypass-list=<-loopback>".to_owned());
    let scripts = if options.javascript { 1 } else { 2 };
    let mut capabilities = Capabilities::new();
    capabilities.set("browserName", "chrome")?;
    capabilities.set("acceptInsecureCerts", true)?;
    capabilities.set("goog:loggingPrefs", json!({"browser": "ALL"}))?;
    capabilities.set(
        "goog:chromeOptions",
        json!({
            "binary": driver.chromium(),
            "args": arguments,
            "prefs": {
                "credentials_enable_service": false,
                "profile.password_manager_leak_detection": false,
                "profile.managed_default_content_settings.javascript": scripts,
                "intl.accept_languages": options.language,
            },
        }),
    )?;
    let session = WebDriver::builder(driver.url(), capabilities)
        .poller(Arc::new(ElementPollerWithTimeout::new(PATIENCE, Duration::from_millis(50))))
        .await?;
    session.update_timeouts(TimeoutConfiguration::new(Some(PATIENCE), Some(PATIENCE), None)).await?;
    Ok(session)
}

fn violation(found: &Value) -> Violation {
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let elements = found["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
    let elements = elements.iter().filter_map(|element| element.as_str().map(str::to_owned)).collect();
    Violation { rule: text("rule"), impact: text("impact"), help: text("help"), elements }
}

/// Two in one process: more don't end sooner, for each of them takes a core when it paints.
fn turns() -> Arc<Semaphore> {
    static TURNS: OnceLock<Arc<Semaphore>> = OnceLock::new();
    Arc::clone(TURNS.get_or_init(|| Arc::new(Semaphore::new(2))))
}

/// How long a page or an element may take to appear. Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(30);

const MARK_PAGE: &str = "window.isOld = true";
const IS_NEXT_PAGE: &str = "return !window.isOld && document.readyState === 'complete'";

const AXE: &str = include_str!("../vendor/axe.min.js");

const RUN_AXE: &str = r#"
    const done = arguments[arguments.length - 1];
    const only = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] };
    window.axe.run(document, { runOnly: only, resultTypes: ["violations"] }).then(
        result => done(result.violations.map(found => ({
            rule: found.id,
            impact: found.impact,
            help: found.help,
            elements: found.nodes.map(node => node.html + " " + node.failureSummary.replace(/\s+/g, " ")),
        }))),
        error => done(String(error)),
    );
"#;

/// No window, no sandbox (tests run as root), and none of what a browser asks its makers on its own.
const QUIET: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // One process for the pages of all sites, which are all ours here: a sign-in that crosses hosts starts no other.
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
    // A page under http:// is wanted as it is; translation and hints would ask the network.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,OptimizationHints,MediaRouter",
];
