//! Forms that did not come from our own pages, and addresses that lead away from us (A19, A20, A21).

use std::time::Duration;

use access::password::Strength;
use harness::gateway::{Factor, PASSWORD, TestGateway};
use harness::wire::Answer;
use url::Url;
use vestibule::demo::visitor::{Form, Redirects, Visitor};

#[tokio::test]
async fn the_sign_in_form_counts_only_from_our_page_in_the_same_browser() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let page =
        Sent::from_page(&gateway, "/sign-in", &visitor(&gateway), &[("username", "ana"), ("password", PASSWORD)]).await;
    for (how, answer) in page.forged(&gateway).await {
        assert_eq!((answer.status, answer.cookie(FLOW)), (400, None), "{how}");
    }
    let tried = "vestibule_sign_ins_total{method=\"password\",result=\"right\",step=\"password\"}";
    assert_eq!(gateway.metric(tried).await, 0.0, "no password was looked at");
    let answer = page.send(&gateway).await;
    assert_eq!((answer.status, answer.cookie(FLOW).is_some()), (303, true), "{}", answer.text());
}

#[tokio::test]
async fn the_code_form_counts_only_from_our_page_in_the_same_browser() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    password(&gateway, &mut ana, "ana").await;
    let code = gateway.totp("ana");
    let page = Sent::from_page(&gateway, "/second-step", &ana, &[("code", &code), ("method", "totp")]).await;
    for (how, answer) in page.forged(&gateway).await {
        assert_eq!((answer.status, answer.cookie(SESSION)), (400, None), "{how}");
    }
    // A stolen flow secret without the form cookie is worth nothing either; and the code was not used up.
    let answer = page.send(&gateway).await;
    assert!(answer.cookie(SESSION).is_some(), "{}", answer.text());
    assert_eq!(sessions(&gateway, "ana").await, 1);
}

#[tokio::test]
async fn the_set_up_form_counts_only_from_our_page_in_the_same_browser() {
    let gateway = TestGateway::start().await.with_user("bo", Factor::None).await;
    let mut bo = visitor(&gateway);
    password(&gateway, &mut bo, "bo").await;
    let key = bo.page().expect("a page").text();
    let code = code_of(&gateway, &key);
    let page = Sent::from_page(&gateway, "/set-up", &bo, &[("code", &code)]).await;
    for (how, answer) in page.forged(&gateway).await {
        assert_eq!((answer.status, answer.cookie(SESSION)), (400, None), "{how}");
        assert!(gateway.record("bo").await.enrolled.is_empty(), "{how}");
    }
    let answer = page.send(&gateway).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!gateway.record("bo").await.enrolled.is_empty());
}

#[tokio::test]
async fn the_sign_out_form_counts_only_from_our_page_in_the_same_browser() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let ana = signed_in(&gateway, "ana").await;
    let page = Sent::from_page(&gateway, "/sign-out", &ana, &[]).await;
    for (how, answer) in page.forged(&gateway).await {
        assert_eq!((answer.status, sessions(&gateway, "ana").await), (400, 1), "{how}");
    }
    // A link is no form: opening it only asks.
    let asked = gateway.get("login", "/sign-out").by_browser().with("Cookie", &page.cookies).send().await;
    assert_eq!((asked.status, sessions(&gateway, "ana").await), (200, 1));
    assert_eq!((page.send(&gateway).await.status, sessions(&gateway, "ana").await), (303, 0));
    assert_eq!(page.send(&gateway).await.status, 303, "pressed twice");
}

#[tokio::test]
async fn the_invitation_form_counts_only_from_our_page_in_the_same_browser() {
    let gateway = TestGateway::start().await;
    let link = gateway.invite("zoe", "Zoe Example").await;
    let chosen = [("password", "seven green umbrellas"), ("again", "seven green umbrellas")];
    let mut page = Sent::from_page(&gateway, &link, &visitor(&gateway), &chosen).await;
    page.path = "/invitation".to_owned();
    for (how, answer) in page.forged(&gateway).await {
        assert_eq!(answer.status, 400, "{how}");
        assert!(!gateway.record("zoe").await.has_password, "{how}");
    }
    // Mail scanners open links and ask for headers: nothing is consumed.
    for method in ["GET", "HEAD", "OPTIONS"] {
        gateway.ask(method, "login", &link).send().await;
    }
    assert_eq!(page.send(&gateway).await.status, 303);
    assert!(gateway.record("zoe").await.has_password);
    assert_eq!(page.send(&gateway).await.status, 410);
}

#[tokio::test]
async fn an_invitation_takes_a_good_password_once_and_for_a_day() {
    let gateway = TestGateway::start().await;
    let link = gateway.invite("zoe", "Zoe Example").await;
    let mut zoe = visitor(&gateway);
    zoe.get(&gateway.portal(&link)).await.expect("an answer");
    for (password, again) in [
        ("short", "short"),
        ("password1234", "password1234"),
        ("zoe example 1", "zoe example 1"),
        ("seven green umbrellas", "seven green"),
    ] {
        let page = zoe.submit(&[("password", password), ("again", again)]).await.expect("an answer");
        assert_eq!(page.status, 422, "{password}: {}", page.words());
        assert!(!gateway.record("zoe").await.has_password);
    }
    let least = gateway.gate().least_strength(&gateway.running().reloader().in_force(), &gateway.record("zoe").await);
    assert_eq!(least, Strength::WithSecondStep);
    let late = gateway.invite("yan", "Yan Example").await;
    gateway.clock().advance(Duration::from_secs(24 * 60 * 60));
    let mut yan = visitor(&gateway);
    assert_eq!(yan.get(&gateway.portal(&late)).await.expect("an answer").status, 410);
    for cut in [&link[..link.len() - 1], &format!("{link}A"), "/invitation/x"] {
        assert_eq!(yan.get(&gateway.portal(cut)).await.expect("an answer").status, 410, "{cut}");
    }
}

#[tokio::test]
async fn no_address_leads_away_from_the_configured_hosts() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway, "ana").await.redirects(Redirects::Show);
    let nonce = "0".repeat(64);
    for evil in elsewhere(&gateway) {
        let go_inside = format!("/go?{}", query(&[("to", &evil), ("browser", &nonce)]));
        for path in [
            format!("/sign-in?{}", query(&[("return_to", &evil)])),
            format!("/sign-in?{}", query(&[("return_to", &go_inside)])),
            go_inside.clone(),
        ] {
            let answer = ana.get(&gateway.portal(&path)).await.expect("an answer").clone();
            let to = answer.header("location").unwrap_or_else(|| panic!("{path}: {}", answer.status));
            assert_eq!(to, gateway.portal("/"), "{path}");
        }
        let ticket = format!("/.vestibule/hand-off?{}", query(&[("ticket", "x"), ("to", &evil)]));
        let answer = gateway.get("crm", &ticket).by_browser().with("Cookie", "__Host-vestibule-go=x").send().await;
        let to = answer.header("location").unwrap_or_else(|| panic!("{ticket}: {}", answer.status));
        let to = Url::parse(to).expect("an address");
        assert_eq!(to.origin(), Url::parse(&gateway.app("crm", "/")).expect("an address").origin(), "{ticket}");
    }
}

#[tokio::test]
async fn a_planted_return_address_is_forgotten_through_both_steps() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    for evil in ["https://evil.example/", "//evil.example/", "/go?to=https%3A%2F%2Fevil.example&browser=0"] {
        let mut ana = visitor(&gateway);
        let page =
            ana.get(&gateway.portal(&format!("/sign-in?{}", query(&[("return_to", evil)])))).await.expect("an answer");
        assert!(!page.text().contains("evil.example"), "{evil}: not even in the form");
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("form-action 'self';"), "{policy}");
        // And put into the form by hand.
        let fields = [("username", "ana"), ("password", PASSWORD), ("return_to", evil)];
        ana.submit(&fields).await.expect("an answer");
        let mut ana = ana.redirects(Redirects::Show);
        let done = ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("an answer");
        assert_eq!(done.header("location"), Some(gateway.portal("/").as_str()), "{evil}");
        gateway.clock().advance(Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_sign_in_that_somebody_else_began_opens_nothing_here() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await.with_user("eve", Factor::Totp).await;
    // Eve shares the address of her own second step: in Ana's browser there is no sign-in under way.
    let mut eve = visitor(&gateway);
    password(&gateway, &mut eve, "eve").await;
    let shared = eve.page().expect("a page").url.to_string();
    let mut ana = visitor(&gateway);
    assert_eq!(ana.get(&shared).await.expect("an answer").heading().as_deref(), Some("Sign in"));
    // Eve plants her session in Ana's browser: Ana's sign-in gives a new one, and Eve's is over.
    let eve = signed_in(&gateway, "eve").await;
    let planted = eve.cookie(PORTAL, SESSION).expect("signed in").to_owned();
    let mut ana = visitor(&gateway);
    ana.plant_cookie(PORTAL, SESSION, &planted);
    ana.get(&gateway.portal("/sign-in?start=again")).await.expect("an answer");
    ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    ana.submit(&[("code", &gateway.totp("ana"))]).await.expect("an answer");
    assert_ne!(ana.cookie(PORTAL, SESSION), Some(planted.as_str()));
    let front = gateway.get("login", "/").by_browser().with("Cookie", &format!("{SESSION}={planted}")).send().await;
    assert_eq!(front.header("location"), Some(gateway.portal("/sign-in").as_str()));
}

/// A form as its page would send it.
#[derive(Clone, Debug)]
struct Sent {
    path: String,
    fields: Vec<(String, String)>,
    cookies: String,
}

impl Sent {
    /// The form of a page, filled in, with the cookies of the browser that looks at it.
    async fn from_page(gateway: &TestGateway, path: &str, visitor: &Visitor, fields: &[(&str, &str)]) -> Self {
        let known = [FORM, FLOW, SESSION].map(|name| (name, visitor.cookie(PORTAL, name).map(str::to_owned)));
        let mut browser = Visitor::new(gateway.clock().clone());
        for (name, value) in known {
            if let Some(value) = value {
                browser.plant_cookie(PORTAL, name, &value);
            }
        }
        let page = browser.get(&gateway.portal(path)).await.expect("an answer");
        assert_eq!(page.status, 200, "{path}: {}", page.words());
        let form = Form::all(&page.text())
            .into_iter()
            .find(|form| form.has("form") && fields.iter().all(|(name, _)| form.has(name)));
        let form = form.unwrap_or_else(|| panic!("{path} has no such form"));
        let fields = form.filled(fields).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let held = [FORM, FLOW, SESSION].into_iter().filter_map(|name| Some((name, browser.cookie(PORTAL, name)?)));
        let cookies = held.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        Self { path: path.to_owned(), fields, cookies }
    }

    /// As the page's own browser sends it.
    async fn send(&self, gateway: &TestGateway) -> Answer {
        let origin = gateway.portal("");
        self.with(gateway, &[("Sec-Fetch-Site", "same-origin"), ("Origin", &origin)]).await
    }

    async fn with(&self, gateway: &TestGateway, headers: &[(&str, &str)]) -> Answer {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = gateway.ask("POST", "login", &self.path).form(&fields).by_browser().with("Cookie", &self.cookies);
        headers.iter().fold(request, |request, (name, value)| request.with(name, value)).send().await
    }

    /// Every way in which somebody else's page, or another browser, would send it.
    async fn forged(&self, gateway: &TestGateway) -> Vec<(&'static str, Answer)> {
        let other = Self::from_page(gateway, "/sign-in", &visitor(gateway), &[("username", "x")]).await;
        let with_token = |token: Option<&str>| {
            let mut sent = self.clone();
            sent.fields.retain(|(name, _)| name != "form");
            sent.fields.extend(token.map(|token| ("form".to_owned(), token.to_owned())));
            sent
        };
        let own = self.token();
        let without_cookie = Self { cookies: self.without_form_cookie(), ..self.clone() };
        let twice = Self { cookies: format!("{}; {}", self.cookies, other.cookies), ..self.clone() };
        let others_cookie =
            Self { cookies: format!("{}; {}", self.without_form_cookie(), other.cookies), ..self.clone() };
        let mut longer = own.to_owned();
        longer.push('A');
        let mut answers = vec![
            ("no token", with_token(None).send(gateway).await),
            ("an empty token", with_token(Some("")).send(gateway).await),
            ("another browser's token", with_token(Some(other.token())).send(gateway).await),
            ("a token cut short", with_token(Some(&own[..own.len() - 1])).send(gateway).await),
            ("a token with more", with_token(Some(&longer)).send(gateway).await),
            ("no form cookie", without_cookie.send(gateway).await),
            ("two form cookies", twice.send(gateway).await),
            ("another browser's form cookie", others_cookie.send(gateway).await),
        ];
        for (how, headers) in [
            ("from another site", &[("Sec-Fetch-Site", "cross-site")][..]),
            ("from a sibling site", &[("Sec-Fetch-Site", "same-site")]),
            (
                "from another site that claims our origin",
                &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://login.localhost")],
            ),
            ("from nowhere", &[("Origin", "null")]),
            ("from another origin", &[("Origin", "https://evil.example")]),
            ("from our name and another port", &[("Origin", "http://login.localhost:1")]),
            ("from an app", &[("Origin", "http://crm.localhost")]),
        ] {
            answers.push((how, self.with(gateway, headers).await));
        }
        let json = serde_json::to_string(&self.fields.iter().cloned().collect::<std::collections::BTreeMap<_, _>>())
            .expect("JSON");
        for (how, kind) in [
            ("as JSON", "application/json"),
            ("as plain text", "text/plain"),
            ("as parts", "multipart/form-data; boundary=x"),
        ] {
            let request = gateway.ask("POST", "login", &self.path).by_browser().with("Cookie", &self.cookies);
            answers.push((how, request.with("Content-Type", kind).body(json.as_bytes()).send().await));
        }
        answers
    }

    fn token(&self) -> &str {
        let token = self.fields.iter().find(|(name, _)| name == "form");
        token.map(|(_, token)| token.as_str()).expect("a form of ours has a token")
    }

    fn without_form_cookie(&self) -> String {
        let others = self.cookies.split("; ").filter(|cookie| !cookie.starts_with(FORM));
        others.collect::<Vec<_>>().join("; ")
    }
}

/// What an attacker would like to be an address of ours (A19).
fn elsewhere(gateway: &TestGateway) -> Vec<String> {
    let (port, crm) = (gateway.port(), gateway.app("crm", ""));
    let mut all: Vec<String> = [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "ftp://crm.localhost/",
        "#//evil.example",
        "?//evil.example",
        ".evil.example",
        "@evil.example",
        "https://crm.localhost.evil.example/",
        "https://evil.example#crm.localhost",
        "https://evil.example?crm.localhost",
        "https://evil.example/crm.localhost",
        "https://evilcrm.localhost/",
        "https://crm\u{ff0e}localhost/",
        "http://crm\u{3002}localhost/",
        "http://[::1]/",
        "http://2130706433/",
        "",
    ]
    .map(str::to_owned)
    .into();
    all.extend([
        format!("{crm}@evil.example/"),
        format!("http://user:password@crm.localhost:{port}/"),
        format!("http://evil.example\\@crm.localhost:{port}/"),
        format!("https://crm.localhost:{port}/"),
        format!("http://crm.localhost:{}/", port ^ 1),
        format!("http://crm.localhost.:{port}.evil.example/"),
        format!("{crm}.evil.example/"),
        format!("{crm}\r\nSet-Cookie: x=1"),
        format!("{crm}/{}", "a".repeat(8 * 1024)),
    ]);
    all
}

fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn visitor(gateway: &TestGateway) -> Visitor {
    Visitor::new(gateway.clock().clone())
}

async fn password(gateway: &TestGateway, visitor: &mut Visitor, name: &str) {
    visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
    let asked = visitor.submit(&[("username", name), ("password", PASSWORD)]).await.expect("an answer");
    assert_eq!(asked.status, 200, "{}", asked.words());
}

async fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = visitor(gateway);
    password(gateway, &mut visitor, name).await;
    let inside = visitor.submit(&[("code", &gateway.totp(name))]).await.expect("an answer");
    assert_eq!(inside.status, 200, "{}", inside.words());
    visitor
}

/// The code that an authenticator app shows for the key on a set-up page.
fn code_of(gateway: &TestGateway, page: &str) -> String {
    let (_, key) = page.split_once("<code class=\"secret\">").expect("the key for the app");
    let key: String = key.split("</code>").next().unwrap_or_default().split_whitespace().collect();
    let key = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("base32");
    access::totp::TotpSecret::from_random(key.try_into().expect("twenty bytes")).code_at(gateway.clock().now())
}

async fn sessions(gateway: &TestGateway, name: &str) -> usize {
    gateway.gate().vault().sessions(Some(gateway.id(name))).await.expect("the store answers").len()
}

const PORTAL: &str = "login.localhost";
const SESSION: &str = "__Host-vestibule";
const FORM: &str = "__Host-vestibule-form";
const FLOW: &str = "__Host-vestibule-flow";
