//! Is a person's account in their own hands? Walked in a real browser, by what its pages offer and nothing else: every way to
//! sign in, the ways back, what is signed in, and what a new password ends (S4, S9, S11, P1, P6, D1, D2, A1, A2).

use std::time::Duration;

use access::Timestamp;
use access::protocol::{Protocol, Protocols};
use data_encoding::BASE64;
use harness::browser::{Browser, BrowserOptions, KeyKind};
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway, by_test};
use harness::servers::Server;
use vestibule::demo::visitor::Visitor;
use vestibule::store::vault::NewAppPassword;

use crate::calendars::{Calendar, appointment, apps as calendar_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_keeps_their_whole_account_in_their_own_hands() {
    let kept = tempfile::tempdir().expect("a temporary folder");
    let radicale = Server::radicale(kept.path());
    let mail = "  mail: { title: Mail, host: mail.localhost, upstream: \"http://{mail}\", allow: everyone }\n";
    let apps = Some(calendar_of(radicale.port()) + mail);
    let sign_in = Some("sign_in: { two_step: required, methods: [passkey, totp] }".to_owned());
    let gateway = TestGateway::with(Setup { apps, sign_in, mail: true, ..Setup::default() }).await;
    let gateway = gateway.with_user("ana", Factor::Totp).await;
    let (browser, elsewhere) = Browser::start_two(BrowserOptions::default()).await;

    // A passkey of her laptop's, which from then on is enough by itself (S4).
    let laptop = browser.add_key(KeyKind::BUILT_IN).await;
    browser.goto(&gateway.portal("/account")).await;
    browser.sign_in(&gateway, "ana").await;
    browser.wait_for_text("h1", "Your account").await;
    add_passkey(&browser, "my laptop").await;
    assert_eq!(browser.texts(".things .name").await, ["my laptop"]);
    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/account")).await;
    browser.wait_for_text("h1", "Sign in").await;
    browser.follow("[data-with-passkeys] a").await;
    browser.wait_for_text("h1", "Your account").await;

    // A security key, which is her second step after the password. Keys are listed by when they were added.
    gateway.clock().advance(Duration::from_secs(60));
    browser.take_key(&laptop).await;
    let stick = browser.add_key(KeyKind::STICK).await;
    add_passkey(&browser, "blue stick").await;
    assert_eq!(browser.texts(".things .name").await, ["my laptop", "blue stick"]);
    let before = uses(&browser, &stick).await;
    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/account")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for_text("h1", "Your account").await;
    assert!(uses(&browser, &stick).await > before, "it was the stick that signed");

    // New recovery codes, for which she shows the stick again after five minutes (S9, S11).
    gateway.clock().advance(FIVE_MINUTES);
    let before = uses(&browser, &stick).await;
    browser.follow("a[href='/account/recovery-codes']").await;
    browser.wait_for_text("h1", "Make new recovery codes?").await;
    assert!(uses(&browser, &stick).await > before, "it was asked for");
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Keep your recovery codes").await;
    let codes = browser.texts(".codes li").await;
    assert_eq!(codes.len(), 10);
    browser.follow("main .button").await;
    browser.wait_for_text("h1", "Your account").await;
    browser.sign_out(&gateway).await;

    // The stick is lost: one of the codes lets her in, once, and none of the ten before.
    browser.take_key(&stick).await;
    browser.goto(&gateway.portal("/account")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for_text("h1", "Use your passkey or security key").await;
    browser.follow("a[href$='method=recovery']").await;
    browser.enter_code(&gateway.recovery_code("ana", 0)).await;
    browser.wait_for("#problem").await;
    browser.enter_code(&codes[4]).await;
    browser.wait_for_text("h1", "Your account").await;
    assert!(browser.text().await.contains("9 left"), "{}", browser.text().await);
    browser.sign_out(&gateway).await;
    browser.goto(&gateway.portal("/account")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.follow("a[href$='method=recovery']").await;
    browser.enter_code(&codes[4]).await;
    browser.wait_for("#problem").await;

    // The password is forgotten: another by a link from a mail, which signs nobody in (P1).
    browser.follow("a[href='/sign-in?start=again']").await;
    browser.follow("a[href='/forgot']").await;
    browser.fill("#email", "ana@acme.example").await;
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Look into your mail").await;
    let letter = gateway.postbox().wait_for("ana@acme.example", "Password reset", 1).await.expect("a mail");
    browser.goto(letter.link().expect("a link")).await;
    browser.wait_for_text("h1", "Choose a new password").await;
    browser.fill("#password", NEW).await;
    browser.fill("#again", NEW).await;
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Sign in").await;
    browser.goto(&gateway.portal("/account")).await;
    browser.enter_password("ana", PASSWORD).await;
    browser.wait_for("#problem").await;
    browser.enter_password("ana", NEW).await;
    // The keys are gone; the second step is asked for all the same.
    browser.wait_for_text("h1", "Use your passkey or security key").await;
    browser.follow("a[href$='method=totp']").await;
    enter_fresh_code(&browser, &gateway).await;

    // Somebody is signed in elsewhere, until she ends it (D1, D2).
    elsewhere.goto(&gateway.portal("/account")).await;
    elsewhere.enter_password("ana", NEW).await;
    enter_fresh_code(&elsewhere, &gateway).await;
    elsewhere.goto(&gateway.app("mail", "/inbox")).await;
    assert_eq!(elsewhere.url().await, gateway.app("mail", "/inbox"));
    browser.reload().await;
    let sessions = browser.texts("[aria-labelledby='browsers'] li").await;
    let these = sessions.iter().filter(|told| told.contains("This one")).count();
    assert_eq!((sessions.len(), these), (2, 1), "{sessions:?}");
    browser.follow("[aria-labelledby='browsers'] li form button").await;
    browser.wait_for_text("[role='status'] p", "That sign-in has ended.").await;
    assert_eq!(browser.texts("[aria-labelledby='browsers'] li").await.len(), 1);
    for address in [gateway.app("mail", "/inbox"), gateway.portal("/account")] {
        elsewhere.goto(&address).await;
        elsewhere.wait_for_text("h1", "Sign in").await;
    }

    // A calendar takes exactly the letters that the page shows, and her own password never (A1, A2).
    browser.follow("a[href='/account/app-passwords/new']").await;
    browser.fill("#name", "my calendar").await;
    browser.follow("main form button").await;
    let letters = browser.wait_for("code.secret").await;
    browser.follow("main a.button").await;
    browser.wait_for_text("h1", "Your account").await;
    let said = Calendar::of(&gateway, "ana", NEW).run("discover", "y\n").await.expect_err("a person's password");
    assert!(said.contains("401"), "{said}");
    let (telephone, computer) = (Calendar::of(&gateway, "ana", &letters), Calendar::of(&gateway, "ana", &letters));
    telephone.write("lunch.ics", &appointment("lunch", "Lunch with Bo"));
    for calendar in [&telephone, &computer] {
        calendar.run("discover", "y\n").await.expect("discovered");
        calendar.run("sync", "").await.expect("in step");
    }
    assert!(computer.holds("Lunch with Bo"), "it went through the gateway to Radicale and back");
    browser.reload().await;
    let told = browser.wait_for("[aria-labelledby='app-passwords'] li .meta").await;
    assert!(told.contains("by vdirsyncer/"), "{told}");
    assert!(!browser.text().await.contains(&letters), "they are shown once");
    browser.follow("[aria-labelledby='app-passwords'] li form button").await;
    browser.wait_for_text("[role='status'] p", "That app password is revoked, for good.").await;
    let said = telephone.run("sync", "").await.expect_err("revoked");
    assert!(said.contains("401"), "{said}");

    // What she typed wrong is all that was written to the console: no policy was broken.
    let errors = browser.console_errors().await;
    assert!(errors.iter().all(|error| error.contains("422")), "{errors:?}");
}

#[tokio::test]
async fn changing_the_password_ends_what_was_ticked_and_nothing_else_in_every_combination() {
    let gateway = TestGateway::with(Setup { apps: Some(APPS.to_owned()), ..Setup::default() }).await;
    let browser = Browser::start(BrowserOptions::default()).await;
    for combination in 0..1 << BOXES.len() {
        let ticked = BOXES.into_iter().zip(0..).filter(|(_, bit)| combination >> bit & 1 == 1);
        let ticked = ticked.map(|(name, _)| name).collect::<Vec<_>>();
        let left = BOXES.into_iter().filter(|name| !ticked.contains(name)).collect::<Vec<_>>();
        // A person each, so that what one combination leaves alive is not there for the next.
        let name = format!("ana{combination}");
        gateway.add_user(&name, Factor::Totp, &[], &["sales"]).await;
        let mut held = Held::by(&gateway, &name).await;
        assert_eq!(held.working(&gateway).await, BOXES, "all of them work before");

        browser.goto(&gateway.portal("/account")).await;
        browser.sign_in(&gateway, &name).await;
        // Signed in too long ago: her second step comes before the form (S9).
        gateway.clock().advance(FIVE_MINUTES);
        browser.follow("a[href='/account/password']").await;
        browser.wait_for_text("h1", "Enter your code").await;
        browser.enter_code(&gateway.totp(&name)).await;
        browser.wait_for_text("h1", "Change your password").await;
        assert_eq!(ticked_on(&browser).await, ["browsers"], "all unticked but the first (P6)");
        browser.wait_for_text("fieldset p", "The rest goes on as before. What ends here ends for good.").await;
        let stops = browser.texts("fieldset li").await;
        for (told, what) in stops.iter().zip([
            "Firefox (Linux), last used",
            "a phone, last used",
            "a script, last used",
            "a calendar, last used",
        ]) {
            assert!(told.contains(what), "{what}: {stops:?}");
        }
        assert_eq!(stops.len(), BOXES.len(), "each is named: {stops:?}");
        browser.fill("#current", PASSWORD).await;
        browser.fill("#password", NEW).await;
        browser.fill("#again", NEW).await;
        // Where the first alone is wanted, nothing is touched: scripts and telephones go on unless somebody says otherwise.
        for name in BOXES.into_iter().filter(|name| ticked.contains(name) != (*name == "browsers")) {
            browser.click(&format!("#{name}")).await;
        }
        assert_eq!(ticked_on(&browser).await, ticked);
        browser.follow("main form button").await;
        browser.wait_for_text("[role='status'] p", "Your password is changed.").await;

        assert_eq!(held.working(&gateway).await, left, "ticked: {ticked:?}");
        browser.sign_out(&gateway).await;
    }
}

/// From the account page or that of the passkeys: a key under this name, of what is plugged in.
async fn add_passkey(browser: &Browser, name: &str) {
    browser.follow("a[href='/account/passkeys']").await;
    browser.follow("a[href='/account/passkeys/new']").await;
    browser.fill("#name", name).await;
    browser.follow("main form button").await;
    browser.wait_for_text("h1", "Passkeys and security keys").await;
}

/// With a code of the authenticator app that nobody has used, on to the account page.
async fn enter_fresh_code(browser: &Browser, gateway: &TestGateway) {
    gateway.clock().advance(Duration::from_secs(30));
    browser.wait_for_text("h1", "Enter your code").await;
    browser.enter_code(&gateway.totp("ana")).await;
    browser.wait_for_text("h1", "Your account").await;
}

/// How often a key has signed.
async fn uses(browser: &Browser, key: &str) -> u64 {
    browser.credentials(key).await.iter().filter_map(|held| held["signCount"].as_u64()).sum()
}

/// The boxes of the page that are ticked.
async fn ticked_on(browser: &Browser) -> Vec<String> {
    let names = "return [...document.querySelectorAll('[type=checkbox]:checked')].map(box => box.name)";
    serde_json::from_value(browser.script(names).await).expect("names")
}

/// One of everything that a new password can end.
struct Held {
    name: String,
    browser: Visitor,
    device: String,
    token: String,
    letters: String,
}

impl Held {
    async fn by(gateway: &TestGateway, name: &str) -> Self {
        let new = NewAppPassword {
            owner: gateway.id(name),
            name: "a calendar".to_owned(),
            protocols: Protocols::NONE.with(Protocol::Web),
            only_from: Vec::new(),
            expires: Timestamp::NEVER,
        };
        let made = gateway.gate().vault().add_app_password(new, by_test("app_password.add")).await.expect("made");
        let letters = made.expect("there is room").1.grouped();
        let token = gateway.token(name, &["crm"], &[], &[], Duration::from_secs(24 * 60 * 60)).await;
        let device = gateway.device(name).await;
        // Each sign-in takes a code of its own.
        gateway.clock().advance(Duration::from_secs(30));
        let mut browser = Visitor::new(gateway.clock().clone()).with_agent(FIREFOX);
        browser.get(&gateway.portal("/sign-in")).await.expect("a page");
        browser.submit(&[("username", name), ("password", PASSWORD)]).await.expect("a page");
        browser.submit(&[("code", &gateway.totp(name))]).await.expect("a page");
        gateway.clock().advance(Duration::from_secs(30));
        Self { name: name.to_owned(), browser, device, token, letters }
    }

    /// Which of them still open an app, named as the boxes are. What doesn't is refused as a stranger is.
    async fn working(&mut self, gateway: &TestGateway) -> Vec<&'static str> {
        let page = self.browser.get(&gateway.app("crm", "/")).await.expect("a page");
        let browser = match page.heading().as_deref() {
            None => 200,
            Some("Sign in") => 401,
            Some(other) => panic!("neither the app nor the sign-in: {other}"),
        };
        let device = gateway.get("crm", "/").bearer(&self.device).send().await.status;
        let token = gateway.get("crm", "/").bearer(&self.token).send().await.status;
        let basic = format!("Basic {}", BASE64.encode(format!("{}:{}", self.name, self.letters).as_bytes()));
        let app_password = gateway.get("mail", "/").with("Authorization", &basic).send().await.status;
        let answers = [browser, device, token, app_password];
        assert!(answers.iter().all(|status| [200, 401].contains(status)), "{answers:?}");
        BOXES.into_iter().zip(answers).filter(|(_, status)| *status == 200).map(|(name, _)| name).collect()
    }
}

/// The boxes below a new password, as the page names them and in its order.
const BOXES: [&str; 4] = ["browsers", "devices", "tokens", "app_passwords"];
const NEW: &str = "a quiet river under old stone";
/// How long a proof is good for changes of credentials (S9).
const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const APPS: &str = "apps:
  crm: { host: crm.localhost, upstream: \"http://{crm}\", allow: everyone }
  mail: { title: Calendars, host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, basic: app_passwords }
";
