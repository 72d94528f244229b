//! Where do secrets turn up? Nowhere but where they belong. (A35, A40, A57)
//!
//! A gateway in its own process, its log as talkative as it gets. People come in by an invitation, set up their second
//! step, sign in, open apps, make tokens; then each secret that came about is sent to every address of ours in every place
//! a request has. Afterwards all that the gateway wrote is searched for all of them, also in their raw bytes.

use std::collections::{BTreeMap, BTreeSet};

use access::totp::TotpSecret;
use harness::program::Program;
use harness::wire::{Answer, CAFE, Wire};
use serde_json::{Value, json};
use vestibule::clock::Clock;
use vestibule::demo::visitor::{Form, Redirects, Visitor};

use crate::PROGRAM;

#[tokio::test]
async fn no_secret_turns_up_in_what_the_gateway_writes() {
    let program = Program::new(PROGRAM).await;
    let settings =
        program.settings().replace("    allow: everyone\n", "    allow: everyone\n    basic: app_passwords\n");
    program.write("gateway.yaml", &settings);
    let serving = program.serve_with(&[("VESTIBULE_LOG", LOUDEST)]).await;
    let mut secrets = Secrets::default();
    a_life(&program, &mut secrets).await;
    assert!(secrets.0.len() >= 25, "{:?}", secrets.0.iter().map(|secret| secret.name).collect::<Vec<_>>());
    let pages = everywhere(&program, &secrets).await;
    assert!(pages.iter().filter(|(_, answer)| answer.status >= 400).count() > 100);

    let mut written = vec![("metrics", metrics(&program).await)];
    for (name, line) in [
        ("user show", &["user", "show", "ana"][..]),
        ("user list", &["--json", "user", "list"]),
        ("token list", &["--json", "token", "list"]),
        ("app-password list", &["--json", "app-password", "list"]),
        ("session list", &["--json", "session", "list"]),
        ("audit export", &["audit", "export"]),
        ("config show", &["config", "show"]),
    ] {
        written.push((name, program.run(line).await.ended(0).out.into_bytes()));
    }
    for (how, answer) in &pages {
        if answer.status >= 400 {
            written.push((how, answer.body.clone()));
            written.push((how, format!("{:?}", answer.headers).into_bytes()));
        }
    }
    serving.terminate();
    let ended = serving.ended().await.ended(0);
    assert!(ended.out.lines().count() > 500, "the access log has {} lines", ended.out.lines().count());
    assert!(ended.err.contains("is ready"), "{}", ended.err);
    written.push(("access log", ended.out.into_bytes()));
    written.push(("log", ended.err.into_bytes()));
    written.push(("store", std::fs::read(program.file("store.redb")).expect("readable")));
    let key = std::fs::read_to_string(program.file("store.redb.key")).expect("readable");
    let raw = data_encoding::BASE64.decode(key.trim().as_bytes()).expect("base64");
    secrets.add_bytes("the store's key", key.trim(), raw);

    let search = Search::of(&secrets);
    let mut found = BTreeSet::new();
    for (place, bytes) in &written {
        for (name, around) in search.found_in(bytes) {
            found.insert(format!("{name} in {place}: …{around}…"));
        }
    }
    let shown: Vec<_> = found.iter().map(String::as_str).take(40).collect();
    assert!(found.is_empty(), "{} times:\n{}", found.len(), shown.join("\n"));
}

/// A secret in the forms in which it could be written.
#[derive(Debug)]
struct Canary {
    name: &'static str,
    text: String,
    forms: Vec<Vec<u8>>,
}

/// All forms of all secrets, by the two bytes they begin with: what was written is walked through once.
struct Search<'a>(Vec<Vec<(&'static str, &'a [u8])>>);

impl<'a> Search<'a> {
    fn of(secrets: &'a Secrets) -> Self {
        let mut by_beginning = vec![Vec::new(); 1 << 16];
        for secret in &secrets.0 {
            for form in &secret.forms {
                by_beginning[usize::from(form[0]) << 8 | usize::from(form[1])].push((secret.name, form.as_slice()));
            }
        }
        Self(by_beginning)
    }

    /// Which secrets are in there, each once, with what stands around it.
    fn found_in(&self, bytes: &[u8]) -> BTreeMap<&'static str, String> {
        let mut found = BTreeMap::new();
        for (at, pair) in bytes.windows(2).enumerate() {
            for (name, form) in &self.0[usize::from(pair[0]) << 8 | usize::from(pair[1])] {
                if bytes[at..].starts_with(form) && (form.len() > 8 || stands_alone(bytes, at, form.len())) {
                    let around = &bytes[at.saturating_sub(160)..bytes.len().min(at + 80)];
                    found.entry(*name).or_insert_with(|| String::from_utf8_lossy(around).into_owned());
                }
            }
        }
        found
    }
}

/// Six digits are in many numbers: a code is only what is six digits and no more, and no fraction of a second.
fn stands_alone(bytes: &[u8], at: usize, length: usize) -> bool {
    let before = at.checked_sub(1).map(|at| bytes[at]);
    let after = bytes.get(at + length);
    !before.is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b'.') && !after.is_some_and(u8::is_ascii_hexdigit)
}

#[derive(Default)]
struct Secrets(Vec<Canary>);

impl Secrets {
    fn add(&mut self, name: &'static str, text: &str) {
        assert!(text.len() >= 6, "{name} is no secret: \"{text}\"");
        let encoded = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let mut forms = vec![text.as_bytes().to_vec(), encoded.into_bytes()];
        forms.push(data_encoding::BASE64.encode(text.as_bytes()).trim_end_matches('=').as_bytes().to_vec());
        // What we make is base64url of random bytes.
        let raw = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok().filter(|raw| raw.len() >= 16);
        forms.extend(raw);
        self.0.push(Canary { name, text: text.to_owned(), forms });
    }

    fn add_bytes(&mut self, name: &'static str, text: &str, raw: Vec<u8>) {
        self.add(name, text);
        let hexadecimal = data_encoding::HEXLOWER.encode(&raw).into_bytes();
        self.0.last_mut().expect("just added").forms.extend([raw, hexadecimal]);
    }
}

/// Everything that people do, with each secret noted as it comes about.
async fn a_life(program: &Program, secrets: &mut Secrets) {
    let chosen = "canary chosen password 4711";
    secrets.add("the password", chosen);
    let link = |told: &Value| told["invitation"].as_str().expect("a link").to_owned();
    let old = link(&program.json(&["user", "add", "ana", "--group", "sales"]).await);
    let link = link(&program.json(&["user", "invite", "ana"]).await);
    secrets.add("an invitation that was replaced", secret_of(&old));
    secrets.add("an invitation that was accepted", secret_of(&link));

    let mut ana = program.visitor();
    ana.get(&link).await.expect("an answer");
    note_form(&ana, secrets);
    ana.submit(&[("password", "canary short"), ("again", "canary differs")]).await.expect("an answer");
    secrets.add("a password that was not taken", "canary short");
    secrets.add("its repetition", "canary differs");
    ana.submit(&[("password", chosen), ("again", chosen)]).await.expect("an answer");
    ana.submit(&[("username", "ana"), ("password", "canary wrong password")]).await.expect("an answer");
    secrets.add("a wrong password", "canary wrong password");
    // People type passwords into the field above.
    ana.submit(&[("username", "canary-as-a-name-7"), ("password", "x")]).await.expect("an answer");
    secrets.add("a password typed as a name", "canary-as-a-name-7");
    ana.submit(&[("username", "ana"), ("password", chosen)]).await.expect("an answer");
    secrets.add("a flow of the browser's", cookie(&ana, "login.localhost", "__Host-vestibule-flow"));

    let page = ana.page().expect("a page").text();
    let grouped = between(&page, "<code class=\"secret\">", "</code>");
    let plain: String = grouped.split_whitespace().collect();
    let raw = data_encoding::BASE32_NOPAD.decode(plain.as_bytes()).expect("base32");
    secrets.add("the key of the app as it is shown", grouped);
    secrets.add_bytes("the key of the app", &plain, raw.clone());
    let key = TotpSecret::from_random(raw.try_into().expect("twenty bytes"));
    let code = key.code_at(Clock::system().now());
    ana.submit(&[("code", "canary-no-code")]).await.expect("an answer");
    secrets.add("what was typed as a code", "canary-no-code");
    let codes = ana.submit(&[("code", &code)]).await.expect("an answer").text();
    secrets.add("a code", &code);
    let codes: Vec<String> =
        codes.split("<li><code>").skip(1).filter_map(|item| item.split("</code>").next()).map(str::to_owned).collect();
    assert_eq!(codes.len(), 10, "{}", ana.page().expect("a page").words());
    for code in &codes[..2] {
        secrets.add("a recovery code", code);
        let typed = access::secret::TypedSecret::parse(code).expect("a code");
        let plain: String = code.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
        secrets.add_bytes("a recovery code as it is kept", &plain, typed.bytes().to_vec());
    }
    secrets.add("the portal's session", cookie(&ana, "login.localhost", SESSION));

    // To an app, step by step.
    let mut ana = ana.redirects(Redirects::Show);
    let mut at = program.url("crm", "/reports?q=canary-in-a-query-of-the-apps");
    secrets.add("an app's query", "canary-in-a-query-of-the-apps");
    for _ in 0..2 {
        at = ana.get(&at).await.expect("an answer").header("location").expect("a redirect").to_owned();
    }
    secrets.add("the nonce at the app", cookie(&ana, "crm.localhost", "__Host-vestibule-go"));
    secrets.add("a hand-off", between(&at, "ticket=", "&"));
    ana.get(&at).await.expect("an answer");
    secrets.add("the app's session", cookie(&ana, "crm.localhost", SESSION));
    assert_eq!(ana.get(&program.url("crm", "/reports")).await.expect("an answer").status, 200);
    let seen = program.crm().last();
    secrets.add("the assertion", seen.header("x-vestibule-assertion").expect("it was added"));

    // As programs do.
    let first = json!({ "username": "ana", "password": chosen, "device": "a phone" });
    let asked = program.request("POST", "login", "/api/v1/sign-in").json(&first).send().await;
    let flow = asked.json()["flow"].as_str().unwrap_or_else(|| panic!("{}", asked.text())).to_owned();
    secrets.add("a flow of a program's", &flow);
    let second = json!({ "method": "recovery", "code": codes[0] });
    let done = program.request("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(&second).send().await;
    let device = done.json()["token"].as_str().unwrap_or_else(|| panic!("{}", done.text())).to_owned();
    secrets.add("a device's token", &device);
    secrets.add("the device's secret", device.trim_start_matches("vsd_"));
    assert_eq!(program.request("GET", "mail", "/").bearer(&device).send().await.status, 200);
    let made = program.json(&["token", "add", "ana", "--name", "till", "--app", "crm", "--scope", "crm.read"]).await;
    let token = made["secret"].as_str().expect("a token").to_owned();
    secrets.add("a bearer token", &token);
    // vst_, 32 digits, another _, and then the secret.
    secrets.add("the token's secret", &token[37..80]);
    assert_eq!(program.request("GET", "crm", "/api/x").bearer(&token).send().await.status, 200);
    let basic = data_encoding::BASE64.encode(b"ana:canary-of-basic-authentication");
    program.request("GET", "crm", "/").with("Authorization", &format!("Basic {basic}")).send().await;
    secrets.add("a password by Basic authentication", &basic);
    let made = program.json(&["app-password", "add", "ana", "--name", "phone"]).await;
    let letters = made["secret"].as_str().expect("letters").to_owned();
    secrets.add("an app password", &letters);
    let typed = access::secret::TypedSecret::parse(&letters).expect("sixteen letters");
    secrets.add_bytes("an app password as it is kept", &letters.replace('-', ""), typed.bytes().to_vec());
    let basic = data_encoding::BASE64.encode(format!("ana:{letters}").as_bytes());
    secrets.add("an app password on its way", &basic);
    let wrong = data_encoding::BASE64.encode(b"ana:CNRY-CNRY-CNRY-CNRY");
    secrets.add("a wrong app password", &wrong);
    secrets.add("its letters", "CNRY-CNRY-CNRY-CNRY");
    for (basic, status) in [(&basic, 200), (&wrong, 401), (&basic, 200)] {
        let request = program.request("PROPFIND", "mail", "/").with("Authorization", &format!("Basic {basic}"));
        assert_eq!(request.send().await.status, status);
    }
    let body = json!({ "card": "canary-in-a-body-of-the-apps" });
    program.request("POST", "mail", "/pay").bearer(&device).json(&body).send().await;
    secrets.add("a body of the app's", "canary-in-a-body-of-the-apps");
    for cookie in ["canary-as-a-cookie-value-of-theirs"] {
        program.request("GET", "crm", "/").with("Cookie", &format!("{SESSION}={cookie}")).send().await;
        secrets.add("a cookie that was made up", cookie);
    }
}

/// Each secret to each address of ours, in each place of a request. All answers, with where the secret was.
async fn everywhere(program: &Program, secrets: &Secrets) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for secret in &secrets.0 {
        let text = url::form_urlencoded::byte_serialize(secret.text.as_bytes()).collect::<String>();
        let (in_a_header, long) = (secret.text.replace(' ', "-"), secret.text.len() > 32);
        let document =
            json!({ "username": "ana", "password": secret.text, "device": "x", "method": "totp", "code": secret.text });
        let fields = ["password", "again", "code", "form", "invitation", "return_to", "method"];
        let fields: Vec<_> =
            fields.iter().map(|field| (*field, secret.text.as_str())).chain([("username", "ana")]).collect();
        for (method, host, path) in ADDRESSES {
            let ask = |target: &str| program.request(method, host, target);
            answers.push(("a query", ask(&format!("{path}?to={text}&ticket={text}&return_to={text}")).send().await));
            if *method == "POST" {
                answers.push(("a document", ask(path).json(&document).send().await));
                answers.push(("a form", ask(path).form(&fields).by_browser().send().await));
            } else {
                let cookies = ["", "-flow", "-form", "-go"].map(|kind| format!("{SESSION}{kind}={in_a_header}"));
                answers.push(("a cookie", ask(path).with("Cookie", &cookies.join("; ")).by_browser().send().await));
                answers.push(("a bearer token", ask(path).bearer(&in_a_header).send().await));
                answers.push(("elsewhere", ask(path).from(CAFE).bearer(&in_a_header).send().await));
            }
        }
        // In a path only what we put there: short words there are addresses like any other.
        if long && *secret.name != *"the assertion" {
            for (host, path) in [
                ("login", format!("/invitation/{text}")),
                ("login", format!("/api/v1/sign-in/{text}")),
                ("login", format!("//invitation/{text}")),
                ("login", format!("/invitation/../{text}")),
                ("nobodys", format!("/invitation/{text}")),
                ("crm", format!("/.vestibule/{text}")),
            ] {
                answers.push(("a path", program.request("GET", host, &path).by_browser().send().await));
                answers.push(("a path", program.request("POST", host, &path).json(&document).send().await));
                answers.push(("a path from elsewhere", program.request("GET", host, &path).from(CAFE).send().await));
            }
        }
    }
    answers
}

const ADDRESSES: &[(&str, &str, &str)] = &[
    ("GET", "login", "/"),
    ("GET", "login", "/sign-in"),
    ("POST", "login", "/sign-in"),
    ("GET", "login", "/second-step"),
    ("POST", "login", "/second-step"),
    ("POST", "login", "/set-up"),
    ("POST", "login", "/sign-out"),
    ("GET", "login", "/go"),
    ("GET", "login", "/whoami"),
    ("POST", "login", "/invitation"),
    ("POST", "login", "/api/v1/sign-in"),
    ("POST", "login", "/api/v1/sign-in/unknown"),
    ("DELETE", "login", "/api/v1/session"),
    ("GET", "login", "/nowhere"),
    ("GET", "crm", "/"),
    ("GET", "crm", "/api/x"),
    ("GET", "crm", "/.vestibule/hand-off"),
    ("GET", "nobodys", "/"),
];

async fn metrics(program: &Program) -> Vec<u8> {
    let mut wire = Wire::open(program.admin_port(), "127.0.0.1").await;
    wire.send(b"GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n").await;
    wire.answer().await.expect("an answer").body
}

/// The form's cookie and the token that goes with it.
fn note_form(visitor: &Visitor, secrets: &mut Secrets) {
    secrets.add("a form's cookie", cookie(visitor, "login.localhost", "__Host-vestibule-form"));
    let forms = Form::all(&visitor.page().expect("a page").text());
    let token = forms.iter().flat_map(|form| &form.fields).find(|(name, _)| name == "form");
    secrets.add("a form's token", token.map(|(_, token)| token.as_str()).expect("a token"));
}

fn cookie<'a>(visitor: &'a Visitor, host: &str, name: &str) -> &'a str {
    visitor.cookie(host, name).unwrap_or_else(|| panic!("{host} set no {name}"))
}

fn secret_of(link: &str) -> &str {
    link.rsplit('/').next().expect("a path")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split(end).next().unwrap_or_default()
}

const SESSION: &str = "__Host-vestibule";
const LOUDEST: &str = "trace";
