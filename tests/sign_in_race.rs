//! One code, many hands: is it good exactly once? (S13)

use std::time::Duration;

use harness::gateway::{Factor, PASSWORD, TestGateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    assert_eq!((inside.len(), outside.len()), (1, 1), "round {round}: {answers:#?}");
    assert_eq!(inside[0].status, 303);
    let text = &outside[0].text;
    assert!(text.contains("already used") || text.contains("isn't right"), "round {round}: {answers:#?}");
    let sessions = gateway.gate().vault().sessions(Some(gateway.id("ana"))).await.expect("the store answers");
    assert_eq!(sessions.len(), round + 1, "round {round}");
}

/// Posts the same fields from every browser: all but the last byte, then all the last bytes together.
async fn at_once(gateway: &TestGateway, browsers: &[&PlainBrowser], fields: &[(&str, &str)]) -> Vec<Answer> {
    let mut sent = Vec::new();
    for browser in browsers {
        let request = browser.post("/second-step", fields);
        let (most, last) = request.split_at(request.len() - 1);
        let mut socket = connect(gateway).await;
        socket.write_all(most).await.expect("sent");
        socket.flush().await.expect("sent");
        sent.push((socket, last.to_vec()));
    }
    let answers = sent.into_iter().map(|(mut socket, last)| async move {
        socket.write_all(&last).await.expect("sent");
        Answer::read(socket).await
    });
    futures_util::future::join_all(answers).await
}

/// As much of a browser as a form needs: its cookies, and the token of the last page's form.
#[derive(Default)]
struct PlainBrowser {
    host: String,
    cookies: Vec<(String, String)>,
    form: String,
}

impl PlainBrowser {
    /// A browser that is asked for the person's code.
    async fn after_the_password(gateway: &TestGateway, name: &str) -> Self {
        let mut browser = Self { host: format!("login.localhost:{}", gateway.port()), ..Self::default() };
        let page = browser.get(gateway, "/sign-in").await;
        assert_eq!(page.status, 200, "{}", page.text);
        let request = browser.post("/sign-in", &[("username", name), ("password", PASSWORD), ("return_to", "/")]);
        let asked = browser.send(gateway, &request).await;
        assert_eq!(asked.status, 303, "{}", asked.text);
        browser.get(gateway, "/second-step").await;
        browser
    }

    async fn get(&mut self, gateway: &TestGateway, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.fields());
        let page = self.send(gateway, request.as_bytes()).await;
        if let Some((_, rest)) = page.text.split_once("name=\"form\" value=\"") {
            self.form = rest.split('"').next().unwrap_or_default().to_owned();
        }
        page
    }

    async fn send(&mut self, gateway: &TestGateway, request: &[u8]) -> Answer {
        let mut socket = connect(gateway).await;
        socket.write_all(request).await.expect("sent");
        let answer = Answer::read(socket).await;
        for (name, value) in answer.cookies() {
            self.cookies.retain(|(known, _)| *known != name);
            self.cookies.push((name, value));
        }
        answer
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut body = format!("form={}", self.form);
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", value.replace(' ', "+")));
        }
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}",
            self.fields()
        )
        .into_bytes()
    }

    fn fields(&self) -> String {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        format!("Host: {}\r\nAccept: text/html\r\nConnection: close\r\n{cookies}", self.host)
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    async fn read(mut socket: TcpStream) -> Self {
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).await.expect("an answer to its end");
        let text = String::from_utf8(bytes).expect("our pages are UTF-8");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Self { status, text }
    }

    fn cookies(&self) -> Vec<(String, String)> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let set = fields.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let pairs = set.filter_map(|(_, cookie)| cookie.split(';').next()?.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().into_iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value)
    }
}

async fn connect(gateway: &TestGateway) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("the gateway listens");
    socket.set_nodelay(true).expect("a TCP socket");
    socket
}
