//! Does the house work? One visitor after another through every door, over real sockets.

use std::time::Duration;

use access::totp::TotpSecret;
use http::{Method, StatusCode};

use super::house::{House, Person};
use super::screen::say;
use super::visitor::{Page, Reads, VisitError, Visitor};

/// Why it does not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// A page that was not the one expected.
    #[error("✗ {step}: expected {expected}, found {found}")]
    Otherwise { step: &'static str, expected: String, found: String },
    /// No page at all.
    #[error(transparent)]
    Visit(#[from] VisitError),
}

/// Walks through it, a line for each step. Errors: the first thing that was not as it should be.
pub(super) async fn walk(house: &House) -> Result<(), Failed> {
    let mut ana = browser(house);
    strangers(house).await?;
    let code = sign_in_with_code(house, &mut ana).await?;
    used_code(house, &code).await?;
    tokens(house).await?;
    first_sign_in(house).await?;
    forgotten_password(house).await?;
    stream_and_sign_out(house, &mut ana).await
}

/// What nobody in particular meets.
async fn strangers(house: &House) -> Result<(), Failed> {
    let mut visitor = browser(house);
    let page = visitor.get(&house.url("crm", "/status")).await?;
    Step("a public path needs no sign-in").status(page, StatusCode::OK)?;

    let mut outside = browser(house).from([127, 0, 0, 66]);
    let page = outside.get(&house.url("crm", "/")).await?;
    let step = Step("127.0.0.66 is refused with a page that says so");
    step.expect(page, page.status == StatusCode::FORBIDDEN && heading(page) == REFUSED, REFUSED)?;

    let mut outside = browser(house).from([127, 0, 0, 66]).reading(Reads::Json);
    let page = outside.get(&house.url("crm", "/")).await?;
    let title = page.json().map(|problem| problem["title"].clone());
    let step = Step("a program at 127.0.0.66 is refused with a problem document");
    step.expect(page, page.status == StatusCode::FORBIDDEN && title.is_some_and(|title| title == REFUSED), REFUSED)
}

/// Ana's morning: password, code, one app, the other app. Returns the code that was used.
async fn sign_in_with_code(house: &House, ana: &mut Visitor) -> Result<String, Failed> {
    let page = ana.get(&house.url("crm", "/")).await?;
    Step("the customers ask to sign in, at the portal").heading(page, "Sign in")?;
    let page = ana.submit(&[("username", "ana"), ("password", "not-hers")]).await?;
    Step("a wrong password is refused").words(page, "don't match")?;
    let page = ana.submit(&credentials(&house.ana)).await?;
    Step("ana's password leads to the second step").heading(page, "Enter your code")?;
    let code = house.ana.totp.as_ref().map(|totp| totp.code_at(house.clock.now())).unwrap_or_default();
    let page = ana.submit(&[("code", &code)]).await?;
    let step = Step("ana's code leads to the customers, who know her");
    step.expect(page, is_at(page, "crm") && page.words().contains("Ana Ruiz (ana)"), "the customers and Ana Ruiz")?;
    let claims = page.words().contains("\"preferred_username\": \"ana\"");
    Step("the app gets a signed assertion").expect(page, claims, "claims")?;
    let page = ana.submit(&[("name", "Smoke & Sons"), ("city", "Porto")]).await?;
    Step("a form of the app passes through").words(page, "Smoke & Sons")?;
    let page = ana.get(&house.url("mail", "/")).await?;
    let step = Step("the mail lets her in without asking again");
    step.expect(page, is_at(page, "mail") && page.words().contains("Inbox"), "the mail")?;
    Ok(code)
}

/// Somebody who looked over her shoulder.
async fn used_code(house: &House, code: &str) -> Result<(), Failed> {
    let mut thief = browser(house);
    thief.get(&house.url("login", "/sign-in")).await?;
    thief.submit(&credentials(&house.ana)).await?;
    let page = thief.submit(&[("code", code)]).await?;
    Step("the same code is refused the second time").words(page, "already used")
}

/// Programs.
async fn tokens(house: &House) -> Result<(), Failed> {
    let api = house.url("crm", "/api/customers");
    let program = || browser(house).reading(Reads::Json);
    let mut right = program().with_token(house.token.expose())?;
    let page = right.get(&api).await?;
    let listed = page.json().is_some_and(|customers| customers.as_array().is_some_and(|list| list.len() == 4));
    Step("a bearer token opens the API").expect(page, page.status == StatusCode::OK && listed, "four customers")?;
    let page = right.send(Method::POST, &api, "application/json", r#"{"name":"Api","city":"Oslo"}"#).await?;
    Step("a bearer token may write").status(page, StatusCode::CREATED)?;
    let page = right.get(&house.url("crm", "/")).await?;
    Step("a bearer token opens only what its scope names").status(page, StatusCode::FORBIDDEN)?;
    let page = right.get(&house.url("mail", "/")).await?;
    Step("a bearer token opens only its app").status(page, StatusCode::FORBIDDEN)?;

    let mut wrong = program().with_token(&house.token.expose().replace('_', "-"))?;
    let page = wrong.get(&api).await?;
    let challenged = page.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer"));
    let step = Step("a wrong token is refused with a challenge");
    step.expect(page, page.status == StatusCode::UNAUTHORIZED && challenged, "401 and WWW-Authenticate")?;
    let mut outside = program().with_token(house.token.expose())?.from([127, 0, 0, 66]);
    let page = outside.get(&api).await?;
    Step("the right token from 127.0.0.66 is refused").status(page, StatusCode::FORBIDDEN)
}

/// Bo again, who has forgotten his password.
async fn forgotten_password(house: &House) -> Result<(), Failed> {
    let mut bo = browser(house);
    bo.get(&house.url("login", "/forgot")).await?;
    let page = bo.submit(&[("email", "nobody@demo.localhost")]).await?;
    Step("an address that nobody has is answered like any other").heading(page, "Look into your mail")?;
    bo.get(&house.url("login", "/forgot")).await?;
    let page = bo.submit(&[("email", "bo@demo.localhost")]).await?;
    Step("bo asks for a new password").heading(page, "Look into your mail")?;
    let letter = house.postbox.wait_for("bo@demo.localhost", "Password reset", 1).await;
    let link = letter.as_ref().and_then(|letter| letter.link()).unwrap_or_default().to_owned();
    let strangers = house.postbox.received().iter().any(|received| received.to.starts_with("nobody"));
    let page = bo.get(&house.url("messages", "/")).await?;
    let shown = page.words().contains("Password reset for Demo") && !strangers;
    Step("bo's mail arrives, and nobody else's").expect(page, shown, "the mail on the page of messages")?;
    let page = bo.get(&link).await?;
    Step("its link leads to a new password").heading(page, "Choose a new password")?;
    let chosen = super::words::passphrase();
    let page = bo.submit(&[("password", chosen.expose()), ("again", chosen.expose())]).await?;
    Step("the new password is saved").words(page, "Your password is changed")?;
    let page = bo.submit(&[("username", "bo"), ("password", chosen.expose())]).await?;
    Step("bo signs in with it, and the second step is asked for all the same").heading(page, "Enter your code")
}

/// Bo, who has no second step yet.
async fn first_sign_in(house: &House) -> Result<(), Failed> {
    let mut bo = browser(house);
    bo.get(&house.url("mail", "/")).await?;
    let page = bo.submit(&credentials(&house.bo)).await?;
    Step("bo's password leads to the set-up of two-step sign-in").heading(page, "Set up two-step sign-in")?;
    Step("bo may choose how").words(page, "Text message")?;
    let page = bo.get(&house.url("login", "/set-up?method=totp")).await?;
    let secret = typed_secret(&page.text());
    Step("the page shows a key").expect(page, secret.is_some(), "a key in base32")?;
    let code = secret.map(|secret| secret.code_at(house.clock.now())).unwrap_or_default();
    let page = bo.submit(&[("code", &code)]).await?;
    let codes = page.text().matches("<li><code>").count();
    let step = Step("bo's first code is answered with ten recovery codes");
    step.expect(page, heading(page) == "Keep your recovery codes" && codes == 10, "ten recovery codes")?;
    let page = bo.get(&house.url("mail", "/")).await?;
    Step("bo reads mail").expect(
        page,
        is_at(page, "mail") && page.words().contains("Bo Lindström (bo)"),
        "bo's mail",
    )?;
    let page = bo.get(&house.url("crm", "/")).await?;
    Step("the customers are not for bo").status(page, StatusCode::FORBIDDEN)
}

/// A page that is open, and the end of the day.
async fn stream_and_sign_out(house: &House, ana: &mut Visitor) -> Result<(), Failed> {
    // A visitor waits for the end of a page. One without end, therefore, ends only if it is cut.
    let mut watching = ana.same_browser();
    let clock = house.url("crm", "/clock");
    let open = tokio::spawn(async move { watching.get(&clock).await.cloned() });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let still_open = !open.is_finished();
    let page = ana.get(&house.url("login", "/sign-out")).await?;
    Step("a stream of events stays open").expect(page, still_open, "an open stream")?;
    let page = ana.submit(&[]).await?;
    Step("ana signs out").words(page, "signed out")?;
    let ended = tokio::time::timeout(Duration::from_secs(3), open).await.is_ok();
    let page = ana.get(&house.url("crm", "/")).await?;
    Step("the stream is cut").expect(page, ended, "its end within three seconds")?;
    Step("the customers ask her to sign in again").heading(page, "Sign in")
}

fn browser(house: &House) -> Visitor {
    Visitor::new(house.clock.clone())
}

fn credentials(person: &Person) -> [(&'static str, &str); 2] {
    [("username", person.name), ("password", person.password.expose())]
}

fn heading(page: &Page) -> String {
    page.heading().unwrap_or_default()
}

fn is_at(page: &Page, app: &str) -> bool {
    page.status == StatusCode::OK && page.url.host_str() == Some(&format!("{app}.localhost"))
}

/// The key as it is shown for typing.
fn typed_secret(html: &str) -> Option<TotpSecret> {
    let (_, rest) = html.split_once("<code class=\"secret\">")?;
    let letters: String = rest.split_once("</code>")?.0.chars().filter(|letter| *letter != ' ').collect();
    let bytes = data_encoding::BASE32_NOPAD.decode(letters.as_bytes()).ok()?;
    Some(TotpSecret::from_random(bytes.try_into().ok()?))
}

/// What is tried, in words.
struct Step(&'static str);

impl Step {
    fn heading(&self, page: &Page, expected: &str) -> Result<(), Failed> {
        self.expect(page, heading(page) == expected, expected)
    }

    fn words(&self, page: &Page, expected: &str) -> Result<(), Failed> {
        self.expect(page, page.words().contains(expected), expected)
    }

    fn status(&self, page: &Page, expected: StatusCode) -> Result<(), Failed> {
        self.expect(page, page.status == expected, expected.as_str())
    }

    fn expect(&self, page: &Page, holds: bool, expected: &str) -> Result<(), Failed> {
        if holds {
            say(&format!("✓ {}\n", self.0));
            return Ok(());
        }
        let found: String = page.words().chars().take(300).collect();
        let found = format!("{} at {}: {found}", page.status, page.url);
        Err(Failed::Otherwise { step: self.0, expected: expected.to_owned(), found })
    }
}

/// N5: word for word.
const REFUSED: &str = "Access denied from this IP address";
