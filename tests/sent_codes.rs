//! Codes by text message, by a call and by mail, at couriers that keep what they are given. (S1–S3, S6, S7, S10, S12; A28,
//! A29; ASVS 6.5.5, 6.6)

use std::time::Duration;

use data_encoding::BASE64;
use harness::app::TestApp;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway};
use http::StatusCode;
use serde_json::json;
use vestibule::demo::postbox::Received;
use vestibule::demo::visitor::{Form, Page, Visitor};

const NUMBER: &str = "+34600123456";

#[tokio::test]
async fn somebody_new_chooses_text_messages_and_signs_in_with_them() {
    let gateway = gateway("required").await.with_user("ana", Factor::None).await;
    let mut ana = Visitor::new(gateway.clock().clone());
    let page = with_password(&gateway, &mut ana).await;
    assert_eq!(heading(page), "Set up two-step sign-in");
    for offered in ["Authenticator app", "Text message", "Call", "E-mail"] {
        assert!(page.words().contains(offered), "{offered}: {}", page.words());
    }
    let page = ana.get(&gateway.portal("/set-up?method=sms")).await.expect("a page");
    assert!(page.words().contains("can be caught on their way"), "{}", page.words());
    let page = ana.submit(&[("phone", "600 123 456")]).await.expect("a page");
    assert!(page.words().contains("That is no number that can be reached"), "{}", page.words());
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = ana.submit(&[("phone", "+34 600-123-456")]).await.expect("a page");
    assert_eq!(heading(page), "Enter your code");
    assert!(page.words().contains("ending in ••• 56") && !page.text().contains("600"), "{}", page.words());
    let message = came(&gateway, "sms", NUMBER, 1).await;
    assert!(message.text.contains("is your sign-in code for Acme"), "{}", message.text);
    assert!(message.text.ends_with(&format!("@login.localhost #{}", code_of(&message))), "{}", message.text);
    let page = ana.submit(&[("code", &wrong(&message))]).await.expect("a page");
    assert!(page.words().contains("Only the newest one counts"), "{}", page.words());
    let page = ana.submit(&[("code", &code_of(&message))]).await.expect("a page");
    assert_eq!(heading(page), "Keep your recovery codes");
    let told =
        gateway.postbox().wait_for("ana@acme.example", "A telephone was set up for codes", 1).await.expect("a mail");
    assert!(told.text.contains("••• 56") && !told.text.contains("600123"), "{}", told.text);

    // The next morning the code is on its way as soon as the password was right.
    gateway.clock().advance(Duration::from_secs(86_400));
    let mut ana = Visitor::new(gateway.clock().clone());
    let page = with_password(&gateway, &mut ana).await;
    assert_eq!(heading(page), "Enter your code", "{}", page.words());
    let message = came(&gateway, "sms", NUMBER, 2).await;
    let page = ana.submit(&[("code", &code_of(&message))]).await.expect("a page");
    assert_eq!(heading(page), "Hello, ANA Example");
    // It is gone with its sign-in.
    let mut again = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut again).await;
    let page = again.submit(&[("code", &code_of(&message))]).await.expect("a page");
    assert!(page.words().contains("That code isn't right"), "{}", page.words());
}

#[tokio::test]
async fn a_call_says_the_code_and_a_mail_brings_it() {
    let gateway = gateway("optional").await.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway).await;
    set_up(&gateway, &mut ana, "voice", &[("phone", NUMBER)]).await;
    let message = came(&gateway, "voice", NUMBER, 1).await;
    let spoken = code_of(&message).chars().map(String::from).collect::<Vec<_>>().join(", ");
    assert_eq!(message.text, format!("Your sign-in code for Acme is {spoken}. Once more: {spoken}."));
    let page = ana.submit(&[("code", &code_of(&message))]).await.expect("a page");
    assert_eq!(heading(page), "Your account");
    set_up(&gateway, &mut ana, "email", &[]).await;
    let message = gateway.postbox().wait_for("ana@acme.example", "Sign-in code for Acme", 1).await.expect("a mail");
    ana.submit(&[("code", &code_of(&message))]).await.expect("a page");
    let page = ana.get(&gateway.portal("/account")).await.expect("a page");
    assert!(page.words().contains("Call Codes go to ••• 56 Remove"), "{}", page.words());
    assert!(page.words().contains("Codes by mail Codes go to a•••@acme.example Remove"), "{}", page.words());

    // Another way, the last used first.
    let mut again = Visitor::new(gateway.clock().clone());
    let page = with_password(&gateway, &mut again).await;
    assert!(page.words().contains("on its way to a•••@acme.example"), "{}", page.words());
    let page = again.get(&gateway.portal("/second-step?method=voice")).await.expect("a page");
    assert!(page.words().contains("We call the number ending in ••• 56"), "{}", page.words());
    let page = again.submit(&[("method", "voice")]).await.expect("a page");
    assert!(page.words().contains("A call to the number ending in ••• 56"), "{}", page.words());
    let mail = gateway.postbox().wait_for("ana@acme.example", "Sign-in code for Acme", 2).await.expect("a mail");
    let page = again.submit(&[("code", &code_of(&mail))]).await.expect("a page");
    assert!(page.words().contains("That code isn't right"), "what came by mail is not what the call says");
    let call = came(&gateway, "voice", NUMBER, 2).await;
    let page = again.submit(&[("code", &code_of(&call))]).await.expect("a page");
    assert_eq!(heading(page), "Hello, ANA Example");

    // Removed, it is offered no more.
    gateway.clock().advance(Duration::from_secs(60));
    let mut ana = signed_in(&gateway).await;
    let page = post(&gateway, &mut ana, "/account/codes/end", &[("method", "voice")]).await;
    assert!(page.words().contains("No codes go there any more"), "{}", page.words());
    let mut again = Visitor::new(gateway.clock().clone());
    let page = with_password(&gateway, &mut again).await;
    assert!(!page.text().contains("method=voice") && page.text().contains("method=email"), "{}", page.text());
}

#[tokio::test]
async fn a_code_belongs_to_the_sign_in_it_was_sent_for_and_the_next_takes_its_place() {
    let gateway = gateway("required").await;
    let gateway = with_telephone(gateway).await;
    let (mut one, mut other) = (Visitor::new(gateway.clock().clone()), Visitor::new(gateway.clock().clone()));
    with_password(&gateway, &mut one).await;
    let first = came(&gateway, "sms", NUMBER, 2).await;
    with_password(&gateway, &mut other).await;
    let second = came(&gateway, "sms", NUMBER, 3).await;
    for (browser, code) in [(&mut one, &second), (&mut other, &first)] {
        let page = browser.submit(&[("code", &code_of(code))]).await.expect("a page");
        assert!(page.words().contains("That code isn't right"), "{}", page.words());
    }
    // Ten minutes are too long.
    gateway.clock().advance(Duration::from_secs(601));
    let page = one.submit(&[("code", &code_of(&first))]).await.expect("a page");
    assert_eq!(heading(page), "Sign in");

    let mut ana = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut ana).await;
    let first = came(&gateway, "sms", NUMBER, 4).await;
    let page = ana.get(&gateway.portal("/second-step?method=sms&again=yes")).await.expect("a page");
    assert_eq!(heading(page), "Get a code", "a link sends nothing");
    ana.submit(&[("method", "sms")]).await.expect("a page");
    let second = came(&gateway, "sms", NUMBER, 5).await;
    let page = ana.submit(&[("code", &code_of(&first))]).await.expect("a page");
    assert!(page.words().contains("That code isn't right"), "the older one counts no more");
    let page = ana.submit(&[("code", &code_of(&second))]).await.expect("a page");
    assert_eq!(heading(page), "Hello, ANA Example");
}

#[tokio::test]
async fn no_more_codes_are_sent_than_the_budgets_allow_and_a_new_one_gives_no_try_back() {
    let gateway = with_telephone(gateway("required").await).await;
    let mut ana = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut ana).await;
    for count in 3..=4 {
        came(&gateway, "sms", NUMBER, count - 1).await;
        let page = ana.submit(&[("code", "000000")]).await.expect("a page");
        assert!(page.words().contains("That code isn't right"), "{}", page.words());
        ana.get(&gateway.portal("/second-step?method=sms&again=yes")).await.expect("a page");
        ana.submit(&[("method", "sms")]).await.expect("a page");
    }
    came(&gateway, "sms", NUMBER, 4).await;
    ana.get(&gateway.portal("/second-step?method=sms&again=yes")).await.expect("a page");
    let page = ana.submit(&[("method", "sms")]).await.expect("a page");
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.words().contains("So many codes were sent already"), "{}", page.words());
    assert_eq!(telephones(&gateway), 4, "the first of all was a day before");
    // Two tries are gone, three are left.
    ana.get(&gateway.portal("/second-step?method=sms")).await.expect("a page");
    for _ in 0..2 {
        let page = ana.submit(&[("code", "000000")]).await.expect("a page");
        assert_eq!(heading(page), "Enter your code");
    }
    let page = ana.submit(&[("code", "000000")]).await.expect("a page");
    assert!(page.words().contains("Too many wrong codes"), "{}", page.words());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_guesses_at_once_are_five_and_a_right_one_opens_one_session() {
    let gateway = with_telephone(gateway("required").await).await;
    let flow = begin(&gateway).await;
    let asked = api(&gateway, &flow, &json!({ "method": "sms" })).await;
    assert_eq!(asked, (202, "sent".to_owned()));
    let code = code_of(&came(&gateway, "sms", NUMBER, 2).await);
    let guesses = (0..200).map(|guess| {
        let (gateway, flow) = (&gateway, &flow);
        let guess = json!({ "method": "sms", "code": format!("{:06}", (code.parse::<u32>().expect("digits") + 1 + guess) % 1_000_000) });
        async move { api(gateway, flow, &guess).await }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|(_, code)| code == "wrong_code").count();
    assert!(looked_at <= 5, "{looked_at} guesses were looked at");
    assert!(answers.iter().all(|(status, _)| *status != 200));
    assert_eq!(api(&gateway, &flow, &json!({ "method": "sms", "code": code })).await.0, 410, "it is over");

    gateway.clock().advance(Duration::from_secs(86_400));
    let flow = begin(&gateway).await;
    api(&gateway, &flow, &json!({ "method": "sms" })).await;
    let right = json!({ "method": "sms", "code": code_of(&came(&gateway, "sms", NUMBER, 3).await) });
    let answers = futures_util::future::join_all((0..20).map(|_| api(&gateway, &flow, &right))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_service_that_is_away_is_asked_again_and_its_no_is_final() {
    let gateway = with_telephone(gateway("required").await).await;
    gateway.postbox().refuse_next(StatusCode::SERVICE_UNAVAILABLE);
    let mut ana = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut ana).await;
    until(&gateway, "sms", "failed").await;
    gateway.clock().advance(Duration::from_secs(6));
    let message = came(&gateway, "sms", NUMBER, 2).await;
    let page = ana.submit(&[("code", &code_of(&message))]).await.expect("a page");
    assert_eq!(heading(page), "Hello, ANA Example");
    gateway.postbox().refuse_next(StatusCode::BAD_REQUEST);
    let mut again = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut again).await;
    until(&gateway, "sms", "refused").await;
    assert!(
        gateway.gate().vault().errands(vestibule::store::vault::By::Telephone, 10).await.expect("readable").is_empty()
    );
}

#[tokio::test]
async fn a_service_that_is_known_needs_an_account_and_a_sender_and_nothing_else_written() {
    const SID: &str = "AC0123456789abcdef0123456789abcdef";
    let twilio = TestApp::start().await;
    let account = format!(
        "{{ twilio: {{ account: {SID}, from: \"+15005550006\", secret_file: twilio, url: \"http://{}\" }} }}",
        twilio.address()
    );
    let setup = Setup {
        sign_in: Some("sign_in: { two_step: required, methods: [totp, sms, voice] }".to_owned()),
        extra: format!("couriers: {{ sms: {account}, voice: {account} }}"),
        files: vec![("twilio".to_owned(), "correct-horse\n".to_owned())],
        private: vec!["twilio".to_owned()],
        ..Setup::default()
    };
    let gateway = TestGateway::with(setup).await.with_user("ana", Factor::None).await;
    let mut ana = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut ana).await;
    let basic = format!("Basic {}", BASE64.encode(format!("{SID}:correct-horse").as_bytes()));
    let mut text = String::new();
    for (count, method, resource, field) in [(1, "voice", "Calls", "Twiml"), (2, "sms", "Messages", "Body")] {
        ana.get(&gateway.portal(&format!("/set-up?method={method}"))).await.expect("a page");
        ana.submit(&[("phone", NUMBER)]).await.expect("a page");
        until(&gateway, method, "sent").await;
        let seen = twilio.last();
        assert_eq!((&*seen.method, twilio.seen().len()), ("POST", count));
        assert_eq!(seen.target, format!("/2010-04-01/Accounts/{SID}/{resource}.json"));
        assert_eq!(seen.header("authorization"), Some(&*basic));
        assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
        let fields: Vec<_> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
        let names: Vec<_> = fields.iter().map(|(name, _)| &**name).collect();
        assert_eq!((&names[..], &*fields[0].1, &*fields[1].1), (&["To", "From", field][..], NUMBER, "+15005550006"));
        text.clone_from(&fields[2].1);
        if method == "voice" {
            let begin = "<Response><Say language=\"en-US\">Your sign-in code for Acme is ";
            assert!(text.starts_with(begin) && text.ends_with(".</Say></Response>"), "{text}");
        }
    }
    let (_, code) = text.rsplit_once('#').expect("a code");
    let page = ana.submit(&[("code", code)]).await.expect("a page");
    assert_eq!(heading(page), "Keep your recovery codes");
}

#[tokio::test]
async fn codes_by_mail_open_nothing_where_a_rule_names_methods() {
    let apps = "apps:\n  crm: { host: crm.localhost, upstream: \"http://{crm}\", allow: everyone, second_step: [totp] }\n  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: everyone }\n";
    let gateway = TestGateway::with(Setup { apps: Some(apps.to_owned()), ..setup("optional") }).await;
    let gateway = gateway.with_user("ana", Factor::Totp).await;
    let mut ana = signed_in(&gateway).await;
    set_up(&gateway, &mut ana, "email", &[]).await;
    let message = gateway.postbox().wait_for("ana@acme.example", "Sign-in code for Acme", 1).await.expect("a mail");
    ana.submit(&[("code", &code_of(&message))]).await.expect("a page");
    let mut again = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut again).await;
    let message = gateway.postbox().wait_for("ana@acme.example", "Sign-in code for Acme", 2).await.expect("a mail");
    again.submit(&[("code", &code_of(&message))]).await.expect("a page");
    let page = again.get(&gateway.app("mail", "/")).await.expect("a page");
    assert_eq!(page.status, StatusCode::OK, "{}", page.words());
    let page = again.get(&gateway.app("crm", "/")).await.expect("a page");
    assert!(page.words().contains("authenticator app"), "{}", page.words());
    assert!(!page.text().contains("method=email"), "{}", page.text());
}

#[tokio::test]
async fn nobody_is_sent_anything_before_their_password_was_right_or_by_a_way_that_is_not_theirs() {
    let gateway = with_telephone(gateway("required").await).await;
    let sent = telephones(&gateway);
    let mut stranger = Visitor::new(gateway.clock().clone());
    stranger.get(&gateway.portal("/sign-in")).await.expect("a page");
    let page = post(&gateway, &mut stranger, "/second-step/send", &[("method", "sms")]).await;
    assert_eq!(heading(page), "Sign in");
    stranger.get(&gateway.portal("/sign-in")).await.expect("a page");
    stranger.submit(&[("username", "ana"), ("password", "a guess")]).await.expect("a page");
    let page = post(&gateway, &mut stranger, "/second-step/send", &[("method", "sms")]).await;
    assert_eq!(heading(page), "Sign in");
    let mut ana = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut ana).await;
    came(&gateway, "sms", NUMBER, sent + 1).await;
    // Another number is not set up by the way.
    post(&gateway, &mut ana, "/set-up/send", &[("method", "sms"), ("phone", "+34999999999")]).await;
    post(&gateway, &mut ana, "/second-step/send", &[("method", "voice"), ("phone", "+34999999999")]).await;
    assert!(gateway.postbox().received().iter().all(|message| message.channel == "mail" || message.to == NUMBER));
    let flow = begin(&gateway).await;
    assert_eq!(api(&gateway, &flow, &json!({ "method": "voice" })).await, (422, "unknown_method".to_owned()));
}

fn setup(two_step: &str) -> Setup {
    let sign_in = format!("sign_in: {{ two_step: {two_step}, methods: [totp, sms, voice, email] }}");
    Setup { mail: true, sign_in: Some(sign_in), ..Setup::default() }
}

async fn gateway(two_step: &str) -> TestGateway {
    TestGateway::with(setup(two_step)).await
}

/// Ana has a telephone for text messages; she set it up a day ago.
async fn with_telephone(gateway: TestGateway) -> TestGateway {
    let gateway = gateway.with_user("ana", Factor::None).await;
    let mut ana = Visitor::new(gateway.clock().clone());
    with_password(&gateway, &mut ana).await;
    ana.get(&gateway.portal("/set-up?method=sms")).await.expect("a page");
    ana.submit(&[("phone", NUMBER)]).await.expect("a page");
    let message = came(&gateway, "sms", NUMBER, 1).await;
    let page = ana.submit(&[("code", &code_of(&message))]).await.expect("a page");
    assert_eq!(heading(page), "Keep your recovery codes");
    gateway.clock().advance(Duration::from_secs(86_400));
    gateway
}

async fn with_password<'v>(gateway: &TestGateway, visitor: &'v mut Visitor) -> &'v Page {
    visitor.get(&gateway.portal("/sign-in?start=again")).await.expect("a page");
    visitor.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("a page")
}

async fn signed_in(gateway: &TestGateway) -> Visitor {
    let mut visitor = Visitor::new(gateway.clock().clone());
    with_password(gateway, &mut visitor).await;
    visitor.get(&gateway.portal("/second-step?method=totp")).await.expect("a page");
    let page = visitor.submit(&[("code", &gateway.totp("ana"))]).await.expect("a page");
    assert_eq!(heading(page), "Hello, ANA Example");
    visitor
}

/// From the account page to the page that asks for the first code.
async fn set_up(gateway: &TestGateway, visitor: &mut Visitor, method: &str, fields: &[(&str, &str)]) {
    post(gateway, visitor, "/account/codes/set-up", &[("method", method)]).await;
    let fields = [&[("method", method)], fields].concat();
    let page = visitor.submit(&fields).await.expect("a page");
    assert_eq!(heading(page), "Enter your code", "{}", page.words());
}

/// Sends a form of ours, whatever page is open.
async fn post<'v>(gateway: &TestGateway, visitor: &'v mut Visitor, to: &str, fields: &[(&str, &str)]) -> &'v Page {
    let page = visitor.page().expect("a page").text();
    let mut tokens = Form::all(&page)
        .into_iter()
        .filter_map(|form| form.filled(&[]).find(|(name, _)| *name == "form").map(|(_, value)| value.to_owned()));
    let token = tokens.next().expect("a form of ours");
    let fields = [&[("form", token.as_str())], fields].concat();
    visitor.post_form(&gateway.portal(to), &fields).await.expect("a page")
}

async fn begin(gateway: &TestGateway) -> String {
    let first = json!({ "username": "ana", "password": PASSWORD, "device": "a phone" });
    let asked = gateway.ask("POST", "login", "/api/v1/sign-in").json(&first).send().await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    assert!(asked.text().contains("sms"), "{}", asked.text());
    asked.json()["flow"].as_str().expect("a flow").to_owned()
}

/// The status, and the problem's code or what else it says.
async fn api(gateway: &TestGateway, flow: &str, step: &serde_json::Value) -> (u16, String) {
    let answer = gateway.ask("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(step).send().await;
    let said = answer.json();
    let code = said["code"].as_str().map(str::to_owned);
    (
        answer.status,
        code.unwrap_or_else(|| said.as_object().and_then(|said| said.keys().next().cloned()).unwrap_or_default()),
    )
}

/// The newest of so many messages to a telephone.
async fn came(gateway: &TestGateway, channel: &str, to: &str, count: usize) -> Received {
    let message = gateway.postbox().wait_for(to, "", count).await.expect("a message");
    assert_eq!(message.channel, channel);
    message
}

fn telephones(gateway: &TestGateway) -> usize {
    gateway.postbox().received().iter().filter(|message| message.channel != "mail").count()
}

fn code_of(message: &Received) -> String {
    message.code().expect("a code")
}

/// A code that was not sent.
fn wrong(message: &Received) -> String {
    if code_of(message) == "000000" { "000001".to_owned() } else { "000000".to_owned() }
}

async fn until(gateway: &TestGateway, channel: &str, result: &str) {
    let name = format!("vestibule_messages_total{{channel=\"{channel}\",result=\"{result}\"}}");
    for _ in 0..500 {
        if gateway.metric(&name).await >= 1.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no message was {result}");
}

fn heading(page: &Page) -> String {
    page.heading().unwrap_or_default()
}
