//! One code, many hands: is it good exactly once? (S13)

use std::time::Duration;

use harness::gateway::{Factor, PASSWORD, TestGateway};
use harness::wire::{Answer, OFFICE, Request, Wire};

#[tokio::test]
async fn a_code_sent_twice_at_once_from_one_sign_in_opens_one_session() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    for round in 0..5 {
        gateway.clock().advance(Duration::from_secs(30));
        let browser = PlainBrowser::after_the_password(&gateway, "ana").await;
        one_gets_in(&gateway, &[&browser, &browser], round).await;
    }
}

#[tokio::test]
async fn a_code_sent_at_once_from_two_browsers_opens_one_session() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    for round in 0..5 {
        gateway.clock().advance(Duration::from_secs(30));
        let one = PlainBrowser::after_the_password(&gateway, "ana").await;
        let other = PlainBrowser::after_the_password(&gateway, "ana").await;
        one_gets_in(&gateway, &[&one, &other], round).await;
    }
}

#[tokio::test]
async fn a_recovery_code_sent_at_once_from_two_browsers_opens_one_session() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    for round in 0..5 {
        let one = PlainBrowser::after_the_password(&gateway, "ana").await;
        let other = PlainBrowser::after_the_password(&gateway, "ana").await;
        let code = gateway.recovery_code("ana", round);
        let fields = [("method", "recovery"), ("code", code.as_str())];
        let answers = at_once(&gateway, &[&one, &other], &fields).await;
        assert_one(&gateway, &answers, round).await;
    }
}

/// Each sends Ana's code of this moment, all in the same instant.
async fn one_gets_in(gateway: &TestGateway, browsers: &[&PlainBrowser], round: usize) {
    let code = gateway.totp("ana");
    let answers = at_once(gateway, browsers, &[("method", "totp"), ("code", &code)]).await;
    assert_one(gateway, &answers, round).await;
}

async fn assert_one(gateway: &TestGateway, answers: &[Answer], round: usize) {
    let (inside, outside): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.cookie("__Host-vestibule").is_some());
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!((inside.len(), outside.len()), (1, 1), "round {round}: {statuses:?}");
    assert_eq!((inside[0].status, outside[0].status), (303, 422), "round {round}");
    assert!(outside[0].text().contains("id=\"problem\""), "the other learns what to do: {}", outside[0].text());
    let sessions = gateway.gate().vault().sessions(Some(gateway.id("ana"))).await.expect("the store answers");
    assert_eq!(sessions.len(), round + 1, "round {round}");
}

/// Posts the same fields from every browser: all but the last byte, then all the last bytes together.
async fn at_once(gateway: &TestGateway, browsers: &[&PlainBrowser], fields: &[(&str, &str)]) -> Vec<Answer> {
    let mut sent = Vec::new();
    for browser in browsers {
        let request = browser.post(gateway, "/second-step", fields).bytes();
        let (most, last) = request.split_at(request.len() - 1);
        let mut wire = Wire::open(gateway.port(), OFFICE).await;
        wire.send(most).await;
        sent.push((wire, last.to_vec()));
    }
    let answers = sent.into_iter().map(|(mut wire, last)| async move {
        wire.send(&last).await;
        wire.answer().await.expect("an answer")
    });
    futures_util::future::join_all(answers).await
}

/// As much of a browser as a form needs: its cookies, and the token of its last page's form.
#[derive(Default)]
struct PlainBrowser {
    cookies: Vec<(String, String)>,
    form: String,
}

impl PlainBrowser {
    /// A browser that is asked for the person's code.
    async fn after_the_password(gateway: &TestGateway, name: &str) -> Self {
        let mut browser = Self::default();
        browser.open(gateway, "/sign-in").await;
        let fields = [("username", name), ("password", PASSWORD), ("return_to", "/")];
        let asked = browser.post(gateway, "/sign-in", &fields).send().await;
        assert_eq!(
            (asked.status, asked.header("location").is_some_and(|to| to.ends_with("/second-step"))),
            (303, true)
        );
        browser.keep(&asked);
        browser.open(gateway, "/second-step").await;
        browser
    }

    async fn open(&mut self, gateway: &TestGateway, path: &str) {
        let page = self.with_cookies(gateway.get("login", path)).send().await;
        self.keep(&page);
        let text = page.text();
        let (_, token) = text.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("no form: {text}"));
        self.form = token.split('"').next().unwrap_or_default().to_owned();
    }

    fn post(&self, gateway: &TestGateway, path: &str, fields: &[(&str, &str)]) -> Request {
        let mut body = format!("form={}", self.form);
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", value.replace(' ', "+")));
        }
        let request = gateway.ask("POST", "login", path).with("Content-Type", "application/x-www-form-urlencoded");
        self.with_cookies(request).body(body.as_bytes())
    }

    fn with_cookies(&self, request: Request) -> Request {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.by_browser();
        if cookies.is_empty() { request } else { request.with("Cookie", &cookies.join("; ")) }
    }

    fn keep(&mut self, answer: &Answer) {
        for name in ["__Host-vestibule-form", "__Host-vestibule-flow"] {
            self.cookies.extend(answer.cookie(name).map(|value| (name.to_owned(), value)));
        }
    }
}
