//! Every page in every state that can be reached, looked at: is it whole, quiet and open to everybody?
//!
//! Each is judged by axe (WCAG 2.2 AA), must write no error to the console and must not be wider than its window. With
//! `SCREENSHOTS=folder` each also leaves a picture there, for people to look at.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use harness::browser::{Browser, BrowserOptions, KeyKind};
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use serde_json::json;
use vestibule::words::Language;

#[tokio::test]
async fn the_pages_of_a_sign_in_are_sound_in_the_light_in_the_dark_and_on_a_telephone() {
    for language in Language::ALL {
        let room = Room::open(language).await;
        room.two_steps().await;
        room.a_first_day().await;
        room.a_month_later().await;
        room.close();
    }
}

#[tokio::test]
async fn the_pages_behind_a_sign_in_are_sound_in_the_light_in_the_dark_and_on_a_telephone() {
    for language in Language::ALL {
        let room = Room::open(language).await;
        room.signed_in().await;
        room.no_way_in().await;
        room.close();
    }
}

#[tokio::test]
async fn the_pages_of_passkeys_are_sound_in_the_light_in_the_dark_and_on_a_telephone() {
    for language in Language::ALL {
        let room = Room::open(language).await;
        room.passkeys().await;
        room.close();
    }
}

struct Room {
    language: Language,
    gateway: TestGateway,
    browser: Browser,
    faults: Mutex<Vec<String>>,
}

impl Room {
    async fn open(language: Language) -> Self {
        let sign_in = Some(SIGN_IN.to_owned());
        let extra = "trusted_proxies: [127.0.0.1]".to_owned();
        let (policy, apps) = (Some(POLICY.to_owned()), Some(APPS.to_owned()));
        let gateway = TestGateway::with(Setup { policy, apps, extra, sign_in, mail: true, ..Setup::default() }).await;
        let gateway = gateway.with_user("ana", Factor::Totp).await.with_user("carla", Factor::None).await;
        gateway.add_user("bo", Factor::Totp, &[], &["guests"]).await;
        gateway.add_user("dora", Factor::Totp, &[], &[]).await;
        let browser = Browser::start(BrowserOptions { language: language.tag(), ..BrowserOptions::default() }).await;
        Self { language, gateway, browser, faults: Mutex::default() }
    }

    fn close(self) {
        let faults = self.faults.into_inner().expect("nothing panicked");
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    }

    async fn two_steps(&self) {
        let Self { gateway, browser, .. } = self;
        browser.goto(&gateway.portal("/sign-in")).await;
        self.look("sign-in", "Sign in").await;
        browser.enter_password("ana", "guess").await;
        self.look("sign-in-wrong", "Sign in").await;
        let guess = json!({ "username": "ana", "password": "guess" });
        for _ in 0..4 {
            gateway.ask("POST", "login", "/api/v1/sign-in").json(&guess).send().await;
        }
        browser.enter_password("ana", "guess").await;
        self.look("sign-in-wait", "Sign in").await;
        gateway.clock().advance(Duration::from_secs(60));
        browser.goto(&gateway.app("crm", "/")).await;
        self.look("sign-in-for-an-app", "Sign in").await;
        browser.enter_password("ana", PASSWORD).await;
        self.look("second-step", "Enter your code").await;
        browser.enter_code("12345").await;
        self.look("second-step-wrong", "Enter your code").await;
        browser.follow("a[href$='method=recovery']").await;
        self.look("recovery", "Enter a recovery code").await;
        browser.enter_code("wrong").await;
        self.look("recovery-wrong", "Enter a recovery code").await;
        browser.follow("a[href$='method=totp']").await;
        browser.enter_code(&gateway.totp("ana")).await;
        browser.sign_out(gateway).await;
        self.look("signed-out", "You are signed out").await;
        browser.follow("main .button").await;
        browser.enter_password("ana", PASSWORD).await;
        browser.enter_code(&gateway.totp("ana")).await;
        self.look("second-step-used", "Enter your code").await;
        for _ in 0..4 {
            browser.enter_code("12345").await;
        }
        self.look("sign-in-too-many-codes", "Sign in").await;
        gateway.clock().advance(Duration::from_secs(60));
        browser.enter_password("ana", PASSWORD).await;
        gateway.clock().advance(Duration::from_secs(11 * 60));
        browser.enter_code(&gateway.totp("ana")).await;
        self.look("sign-in-took-too-long", "Sign in").await;
    }

    async fn a_first_day(&self) {
        let Self { gateway, browser, .. } = self;
        browser.goto(&gateway.portal(&gateway.invite("bea", "Bea Mora").await)).await;
        self.look("invitation", "Welcome, Bea Mora").await;
        for (name, password, again) in [
            ("invitation-differ", "quiet river stone", "quiet river stones"),
            ("invitation-easy", "password123", "password123"),
        ] {
            browser.fill("#password", password).await;
            browser.fill("#again", again).await;
            browser.follow("main button").await;
            self.look(name, "Welcome, Bea Mora").await;
        }
        for (name, password) in [("invitation-typing", "password"), ("invitation-typed", "a quiet river of stones")] {
            browser.fill("#password", password).await;
            self.look(name, "Welcome, Bea Mora").await;
        }
        browser.goto(&gateway.portal("/invitation/none-of-ours")).await;
        self.look("invitation-gone", "This invitation can't be used").await;

        browser.goto(&gateway.portal("/sign-in")).await;
        browser.follow("a[href='/forgot']").await;
        self.look("forgot", "Forgot your password?").await;
        browser.fill("#email", "carla@acme.example").await;
        browser.follow("main button").await;
        self.look("forgot-sent", "Look into your mail").await;
        let letter = gateway.postbox().wait_for("carla@acme.example", "Password reset", 1).await.expect("a mail");
        browser.goto(letter.link().expect("a link")).await;
        self.look("reset", "Choose a new password").await;
        browser.fill("#password", "quiet river stone").await;
        browser.fill("#again", "quiet river").await;
        browser.follow("main button").await;
        self.look("reset-differ", "Choose a new password").await;
        browser.fill("#password", PASSWORD).await;
        browser.fill("#again", PASSWORD).await;
        browser.follow("main button").await;
        self.look("sign-in-reset", "Sign in").await;
        browser.goto(letter.link().expect("a link")).await;
        self.look("reset-gone", "This link can't be used").await;
        browser.goto(&gateway.portal("/not-me/nothing-of-ours")).await;
        self.look("not-me-gone", "This link can't be used").await;

        browser.goto(&gateway.portal("/sign-in")).await;
        browser.enter_password("carla", PASSWORD).await;
        self.look("choose", "Set up two-step sign-in").await;
        browser.follow("a[href$='method=sms']").await;
        self.look("set-up-sms", "Codes by text message").await;
        browser.fill("#phone", "600 123 456").await;
        browser.follow("main form button").await;
        self.look("set-up-sms-wrong", "Codes by text message").await;
        browser.fill("#phone", "+34 600 123 456").await;
        browser.follow("main form button").await;
        self.look("sent-code", "Enter your code").await;
        browser.enter_code("12345").await;
        self.look("sent-code-wrong", "Enter your code").await;
        browser.follow("a[href$='again=yes']").await;
        self.look("send-code-again", "Codes by text message").await;
        browser.goto(&gateway.portal("/set-up")).await;
        browser.follow("a[href$='method=passkey']").await;
        self.look("set-up-passkey", "Set up a passkey or security key").await;
        browser.follow("a[href='/set-up']").await;
        browser.follow("a[href$='method=totp']").await;
        self.look("set-up", "Set up two-step sign-in").await;
        browser.enter_code("12345").await;
        self.look("set-up-wrong", "Set up two-step sign-in").await;
        browser.click("summary").await;
        self.look("set-up-by-hand", "Set up two-step sign-in").await;
        let typed: String = browser.wait_for(".secret").await.split_whitespace().collect();
        let bytes = data_encoding::BASE32_NOPAD.decode(typed.as_bytes()).expect("base32");
        let phone = access::totp::TotpSecret::from_random(bytes.try_into().expect("160 bits"));
        browser.enter_code(&phone.code_at(gateway.clock().now())).await;
        self.look("recovery-codes", "Keep your recovery codes").await;
        browser.sign_out(gateway).await;
    }

    async fn a_month_later(&self) {
        let Self { gateway, browser, .. } = self;
        gateway.clock().advance(Duration::from_secs(30 * 24 * 60 * 60));
        browser.goto(&gateway.portal("/sign-in")).await;
        browser.enter_password("ana", PASSWORD).await;
        browser.enter_code(&gateway.totp("ana")).await;
        self.look("new-password-old", "Change your password").await;
    }

    async fn passkeys(&self) {
        let Self { gateway, browser, .. } = self;
        browser.goto(&gateway.portal("/account/passkeys")).await;
        browser.sign_in(gateway, "ana").await;
        self.look("passkeys-none", "Passkeys and security keys").await;
        browser.follow("a[href='/account/passkeys/new']").await;
        self.look("passkey-new", "Add a passkey or security key").await;
        browser.script("document.querySelector('[name=credential]').form.submit()").await;
        browser.wait_for("#problem").await;
        self.look("passkey-new-wrong", "Add a passkey or security key").await;
        let stick = browser.add_key(KeyKind::STICK).await;
        browser.follow("main form button").await;
        self.look("passkeys-added", "Passkeys and security keys").await;
        browser.take_key(&stick).await;
        let phone = browser.add_key(KeyKind::BUILT_IN).await;
        browser.goto(&gateway.portal("/account/passkeys/new")).await;
        browser.fill("#name", "the telephone that lies in the kitchen, mostly").await;
        browser.follow("main form button").await;
        browser.click("li:last-child summary").await;
        self.look("passkeys", "Passkeys and security keys").await;
        browser.goto(&gateway.portal("/account")).await;
        self.look("account-with-passkeys", "Your account").await;

        browser.sign_out(gateway).await;
        browser.right_finger(&phone, false).await;
        browser.goto(&gateway.app("crm", "/")).await;
        browser.follow("[data-with-passkeys] a").await;
        browser.wait_for(".told").await;
        self.look("passkey-cancelled", "Use your passkey").await;
        browser.script("document.querySelector('[name=credential]').form.submit()").await;
        browser.wait_for("#problem").await;
        self.look("passkey-refused", "Use your passkey").await;
        browser.follow("a[href^='/sign-in?']").await;
        browser.enter_password("ana", PASSWORD).await;
        browser.follow("a[href$='method=passkey']").await;
        browser.wait_for(".told").await;
        self.look("second-step-passkey", "Use your passkey or security key").await;
        browser.follow("a[href$='method=recovery']").await;
        self.look("recovery-beside-a-passkey", "Enter a recovery code").await;
        browser.follow("a[href$='method=totp']").await;
        self.look("second-step-beside-a-passkey", "Enter your code").await;
    }

    async fn signed_in(&self) {
        let Self { gateway, browser, .. } = self;
        browser.goto(&gateway.portal("/whoami")).await;
        self.look("whoami-anonymous", "Who am I?").await;
        // Bo is a guest: mail is open to him, the CRM isn't.
        browser.goto(&gateway.app("crm", "/")).await;
        browser.sign_in(gateway, "bo").await;
        self.look("not-allowed", "CRM is not open to you").await;
        browser.follow("a[href$='start=again']").await;
        self.look("sign-in-as-somebody-else", "Sign in").await;
        browser.sign_in(gateway, "ana").await;
        self.look("home", "Hello, ANA Example").await;
        self.account().await;
        browser.goto(&gateway.portal("/sign-out")).await;
        self.look("sign-out", "Sign out?").await;
        browser.goto(&gateway.portal("/whoami")).await;
        self.look("whoami", "Who am I?").await;
        self.forwarded_for("2001:db8:10:aaaa:bbbb:cccc:dddd:1, 198.51.100.7").await;
        browser.goto(&gateway.portal("/whoami")).await;
        self.look("whoami-forwarded", "Who am I?").await;
        self.forwarded_for("2001:db8:10:aaaa:bbbb:cccc:dddd:1").await;
        browser.goto(&gateway.portal("/")).await;
        self.look("refused-ipv6", "Access denied from this IP address").await;
        browser.cdp("Network.setExtraHTTPHeaders", json!({ "headers": {} })).await;

        browser.goto(&gateway.app("crm", "/api/orders")).await;
        self.look("token-only", "This address is for programs").await;
        browser.goto(&gateway.portal("/nothing-here")).await;
        self.look("not-found", "Page not found").await;
        browser.goto(&gateway.app("crm", "/.vestibule/nothing-here")).await;
        self.look("not-found-at-an-app", "Page not found").await;
        gateway.mail().stop().await;
        browser.goto(&gateway.app("mail", "/")).await;
        self.look("app-down", "Mail doesn't answer").await;
        browser.goto(&gateway.app("nobody", "/")).await;
        self.look("no-such-host", "We couldn't use that request").await;
        browser.goto(&gateway.portal("/sign-out")).await;
        browser.session().delete_all_cookies().await.expect("the driver forgets them");
        browser.follow("main button").await;
        self.look("form-too-old", "We couldn't use that request").await;

        browser.goto(&gateway.portal("/sign-in")).await;
        gateway.clock().advance(Duration::from_secs(60));
        browser.sign_in(gateway, "ana").await;
        gateway.clock().advance(Duration::from_secs(2 * 60 * 60));
        browser.goto(&gateway.app("crm", "/")).await;
        self.look("sign-in-after-a-pause", "Sign in").await;
    }

    async fn no_way_in(&self) {
        let Self { gateway, browser, .. } = self;
        browser.goto(&gateway.portal("/sign-in")).await;
        browser.sign_in(gateway, "dora").await;
        self.look("home-without-apps", "Hello, DORA Example").await;
        browser.move_to(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66)));
        browser.goto(&gateway.app("crm", "/")).await;
        self.look("refused", "Access denied from this IP address").await;
    }

    async fn account(&self) {
        let Self { gateway, browser, .. } = self;
        browser.follow("header a.who").await;
        self.look("account-alone", "Your account").await;
        gateway.clock().advance(Duration::from_secs(30));
        gateway.device("ana").await;
        gateway.token("ana", &["crm"], &[], &[], Duration::from_secs(60 * 60)).await;
        gateway.clock().advance(Duration::from_secs(30));
        let mut other = vestibule::demo::visitor::Visitor::new(gateway.clock().clone());
        other.get(&gateway.portal("/sign-in")).await.expect("an answer");
        other.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
        other.submit(&[("code", &gateway.totp("ana"))]).await.expect("an answer");
        browser.reload().await;
        self.look("account", "Your account").await;
        browser.follow("a[href='/account/password']").await;
        self.look("new-password", "Change your password").await;
        browser.fill("#current", "not hers").await;
        browser.fill("#password", "nine purple bicycles").await;
        browser.fill("#again", "nine purple bicycles").await;
        browser.submit().await;
        self.look("new-password-wrong", "Change your password").await;
        browser.goto(&gateway.portal("/account/authenticator")).await;
        self.look("authenticator", "Replace your authenticator app?").await;
        browser.goto(&gateway.portal("/account/tokens/new")).await;
        self.look("new-token", "Make an API token").await;
        browser.fill("#name", "nightly export").await;
        browser.submit().await;
        self.look("new-token-without-apps", "Make an API token").await;
        browser.click("#app-1").await;
        browser.follow("main form button").await;
        self.look("token-made", "Your new token").await;
        browser.goto(&gateway.portal("/account/app-passwords/new")).await;
        self.look("new-app-password", "Make an app password").await;
        browser.fill("#name", " ").await;
        browser.submit().await;
        self.look("new-app-password-name", "Make an app password").await;
        browser.fill("#name", "Calendar on my phone").await;
        browser.follow("main form button").await;
        self.look("app-password-made", "Your new app password").await;
        browser.click("summary").await;
        self.look("app-password-made-picture", "Your new app password").await;
        browser.goto(&gateway.portal("/account")).await;
        self.look("account-app-passwords", "Your account").await;
        browser.goto(&gateway.portal("/account/recovery-codes")).await;
        self.look("new-codes", "Make new recovery codes?").await;
        browser.goto(&gateway.portal("/account")).await;
        browser.follow("form[action='/account/tokens/revoke'] button").await;
        self.look("account-done", "Your account").await;
        browser.goto(&gateway.portal("/")).await;
    }

    async fn forwarded_for(&self, list: &str) {
        self.browser.cdp("Network.enable", json!({})).await;
        self.browser.cdp("Network.setExtraHTTPHeaders", json!({ "headers": { "X-Forwarded-For": list } })).await;
    }

    /// Judges the page that is shown, which has this heading, as it is seen in three ways. In other languages than English
    /// words have other lengths: there it is seen where that matters most, on a telephone.
    async fn look(&self, name: &str, heading: &str) {
        let browser = &self.browser;
        if self.language != Language::English {
            let name = format!("{}-{name}", self.language);
            browser.wait_for(&format!("html[lang='{}'] h1", self.language)).await;
            browser.resize(360, 640).await;
            self.judge("phone", &name).await;
            browser.resize(1280, 800).await;
            self.note(&name, browser.console_errors().await);
            return;
        }
        browser.wait_for_text("h1", heading).await;
        self.judge("light", name).await;
        browser.prefer_dark(true).await;
        self.judge("dark", name).await;
        browser.prefer_dark(false).await;
        browser.resize(360, 640).await;
        self.judge("phone", name).await;
        browser.resize(1280, 800).await;
        self.note(name, browser.console_errors().await);
    }

    async fn judge(&self, way: &str, name: &str) {
        let browser = &self.browser;
        let mut faults: Vec<String> = browser.axe().await.iter().map(ToString::to_string).collect();
        let [wide, window] = ["scrollWidth", "clientWidth"].map(|of| format!("return document.documentElement.{of}"));
        let (wide, window) = (browser.script(&wide).await, browser.script(&window).await);
        if wide != window {
            faults.push(format!("{wide} pixels wide in a window of {window}"));
        }
        if way != "phone" && browser.script(PROBLEM_IS_BELOW_OR_ABOVE).await == true {
            faults.push("what went wrong is not in the window".to_owned());
        }
        self.note(&format!("{name}, {way}"), faults);
        if let Some(folder) = std::env::var_os("SCREENSHOTS") {
            let folder = PathBuf::from(folder).join(way);
            std::fs::create_dir_all(&folder).expect("the folder for pictures is writable");
            browser.screenshot(&folder.join(format!("{name}.png"))).await;
        }
    }

    fn note(&self, page: &str, faults: Vec<String>) {
        let faults = faults.into_iter().map(|fault| format!("{page}: {fault}"));
        self.faults.lock().expect("nothing panicked").extend(faults);
    }
}

const PROBLEM_IS_BELOW_OR_ABOVE: &str = "
    const told = document.querySelector('#problem')?.getBoundingClientRect();
    return !!told && (told.top < 0 || told.bottom > window.innerHeight);
";

const SIGN_IN: &str =
    "sign_in: { two_step: required, methods: [passkey, totp, sms, email], passwords: { max_age: 30d } }";
const POLICY: &str = "networks:
  office: [127.0.0.1, 198.51.100.7]
organization: { allow_from: [office] }
groups: { sales: {}, guests: {} }
roles: { admin: {} }
";

const APPS: &str = "apps:
  crm:
    title: CRM
    host: crm.localhost
    upstream: http://{crm}
    allow: group sales
    paths:
      - { path: /api/*, allow: [token crm.read], methods: [GET] }
  mail: { title: Mail, host: mail.localhost, upstream: \"http://{mail}\", allow: [group sales, group guests], basic: app_passwords, syncs: [caldav] }
";
