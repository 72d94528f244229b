//! Who exists? At every door the answers are the same for names that exist, that nobody has, that are disabled and that are
//! locked, to the byte and in time (S14, S15; A30).
//!
//! All names ask once a round, in an order that is drawn, each over a connection that is drawn: connections that stay open, from
//! an address each, since which of the gateway's threads has a connection shows in its times.
//! A locked name is compared with one that nobody has and that was tried as often: trying too often is answered alike.
//!
//! Times are compared by Welch's t. Sixty samples a name in everyday runs; with `VESTIBULE_SAMPLES=500` the bound is 4.5,
//! which is that of leakage assessments (ISO/IEC 17825). The slowest tenth of all is left out: it is what else the machine did.

use std::time::Duration;

use harness::dice::Dice;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway, by_test};
use harness::wire::{Answer, Request, Wire};
use serde_json::json;
use vestibule::clock::Clock;
use vestibule::demo::visitor::{Form, Visitor};
use vestibule::store::vault::Force;

#[tokio::test(flavor = "multi_thread")]
async fn no_door_tells_who_exists_by_what_it_says_or_how_long_it_takes() {
    let samples = std::env::var("VESTIBULE_SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let bound = if samples < 500 { 6.0 } else { 4.5 };
    for door in DOORS {
        let mut measured = measure(door, samples).await;
        // The machine is shared with others: what holds once more is the gateway's.
        if measured.iter().any(|(_, t)| t.abs() >= bound) {
            println!("{door:?}: {measured:?}, once more");
            measured = measure(door, samples).await;
        }
        println!("{door:?}: {measured:?}");
        for (who, t) in measured {
            assert!(t.abs() < bound, "{door:?}: {who}: |t| = {t:.2}");
        }
    }
}

#[test]
fn welchs_t_tells_two_means_apart() {
    assert_eq!(welch(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0.0);
    // By hand: means 2 and 4, variances 1 and 4, three samples each.
    let t = welch(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]);
    assert!((t + 2.0 / (5.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{t}");
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Door {
    SignIn,
    App,
    Forgot,
    SendCode,
    Passkey,
    Basic,
}

const DOORS: [Door; 6] = [Door::SignIn, Door::App, Door::Forgot, Door::SendCode, Door::Passkey, Door::Basic];

/// Names of one length that no page says by itself, and what is the matter with them.
const NAMES: [(&str, Is); 6] = [
    ("qann", Is::Existing),
    ("qnew", Is::WithoutSecondStep),
    ("qnop", Is::Absent),
    ("qdor", Is::Disabled),
    ("qloc", Is::Locked),
    ("qlac", Is::LockedAndAbsent),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    Existing,
    WithoutSecondStep,
    Absent,
    Disabled,
    Locked,
    LockedAndAbsent,
}

impl Is {
    const fn is_locked(self) -> bool {
        matches!(self, Self::Locked | Self::LockedAndAbsent)
    }
}

/// Who asks at a door.
struct Seat {
    name: &'static str,
    is: Is,
    bytes: Vec<u8>,
    times: Vec<f64>,
}

/// A connection that stays open.
struct Line {
    from: String,
    wire: Wire,
}

impl Line {
    async fn open(port: u16, from: String) -> Self {
        let wire = Wire::open(port, &from).await;
        wire.no_delay();
        Self { from, wire }
    }

    /// The answer, and how many microseconds it took.
    async fn ask(&mut self, port: u16, bytes: &[u8], watch: &Clock) -> (Answer, f64) {
        for _ in 0..2 {
            let begun = watch.moment();
            self.wire.send(bytes).await;
            if let Some(answer) = self.wire.answer().await {
                return (answer, watch.moment().since(begun).as_nanos() as f64 / 1e3);
            }
            // A connection has an end.
            *self = Self::open(port, self.from.clone()).await;
        }
        panic!("no answer to {}", String::from_utf8_lossy(bytes));
    }
}

impl Seat {
    /// With whom it must agree. Too many tries are answered otherwise than few, where tries are counted.
    const fn peers(&self, door: Door) -> bool {
        self.is.is_locked() && matches!(door, Door::SignIn | Door::App)
    }
}

/// Asks so many times for each name, and compares each with the first of those that it must agree with.
async fn measure(door: Door, samples: usize) -> Vec<(String, f64)> {
    let gateway = house().await;
    let mut seats = seats(&gateway, door).await;
    let mut lines = Vec::new();
    for at in 0..seats.len() {
        lines.push(Line::open(gateway.port(), format!("127.0.1.{}", at + 1)).await);
    }
    let (mut dice, watch) = (Dice::new(samples as u64, door as u64), Clock::system());
    for round in 0..samples + WARM_UP {
        // Nobody waits any more for what was tried in the round before, nor is it forgotten.
        if door != Door::SendCode {
            gateway.clock().advance(Duration::from_secs(16 * 60));
            lock(&gateway, door).await;
        }
        let mut answers: Vec<Option<(bool, String)>> = vec![None; seats.len()];
        let over = drawn(&mut dice, seats.len());
        for at in drawn(&mut dice, seats.len()) {
            let (answer, took) = lines[over[at]].ask(gateway.port(), &seats[at].bytes, &watch).await;
            if round >= WARM_UP {
                seats[at].times.push(took);
            }
            answers[at] = Some((seats[at].peers(door), masked(&answer, seats[at].name)));
        }
        for (seat, answer) in seats.iter().zip(&answers) {
            let first = answers.iter().find(|other| other.as_ref().map(|(peers, _)| *peers) == Some(seat.peers(door)));
            assert_eq!(Some(answer), first, "{door:?}, {:?}, in round {round}", seat.is);
        }
    }
    compared(&seats, door)
}

/// The numbers below `n`, in an order that is drawn.
fn drawn(dice: &mut Dice, n: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    for at in (1..n).rev() {
        order.swap(at, dice.below(at + 1));
    }
    order
}

fn compared(seats: &[Seat], door: Door) -> Vec<(String, f64)> {
    let mut results = Vec::new();
    for locked in [false, true] {
        let peers: Vec<_> = seats.iter().filter(|seat| seat.peers(door) == locked).collect();
        let mut all: Vec<f64> = peers.iter().flat_map(|seat| seat.times.iter().copied()).collect();
        all.sort_by(f64::total_cmp);
        let Some(longest) = all.get(all.len() * 9 / 10).copied() else { continue };
        let kept = |seat: &Seat| seat.times.iter().copied().filter(|took| *took <= longest).collect::<Vec<_>>();
        let first = kept(peers[0]);
        for seat in &peers[1..] {
            results.push((format!("{:?} and {:?}", peers[0].is, seat.is), welch(&first, &kept(seat))));
        }
    }
    results
}

/// Welch's t for two samples.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let mean = |sample: &[f64]| sample.iter().sum::<f64>() / sample.len() as f64;
    let error = |sample: &[f64], mean: f64| {
        let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (sample.len() as f64 - 1.0) / sample.len() as f64
    };
    let (a, b) = (mean(one), mean(other));
    (a - b) / (error(one, a) + error(other, b)).sqrt()
}

async fn house() -> TestGateway {
    let policy = "organization: { allow_from: [127.0.0.0/8] }\ngroups: { sales: {} }\nroles: { admin: {} }\n";
    let sign_in = "sign_in: { two_step: optional, methods: [passkey, totp, sms, email] }";
    let (policy, sign_in) = (Some(policy.to_owned()), Some(sign_in.to_owned()));
    let apps = Some(APPS.to_owned());
    let gateway = TestGateway::with(Setup { mail: true, policy, sign_in, apps, ..Setup::default() }).await;
    for (name, is) in NAMES {
        match is {
            Is::Absent | Is::LockedAndAbsent => continue,
            Is::WithoutSecondStep => gateway.add_user(name, Factor::None, &[], &["sales"]).await,
            Is::Existing | Is::Disabled | Is::Locked => gateway.add_user(name, Factor::Totp, &[], &["sales"]).await,
        };
    }
    gateway
}

async fn seats(gateway: &TestGateway, door: Door) -> Vec<Seat> {
    let mut flows = Vec::new();
    for (name, is) in NAMES {
        flows.push(match is {
            // Begun, and over by the time it is shown.
            Is::Existing | Is::Disabled | Is::Locked if door == Door::SendCode => flow(gateway, name).await,
            _ => "A".repeat(43),
        });
    }
    gateway.clock().advance(access::login::FLOW_LIFE);
    let vault = gateway.gate().vault();
    vault.disable_person(gateway.id("qdor"), Force::No, by_test("user.disable")).await.expect("disabled");
    gateway.catch_up().await;
    let mut page = Visitor::new(gateway.clock().clone());
    let form = Form::all(&page.get(&gateway.portal("/sign-in")).await.expect("a page").text());
    let token = form.iter().flat_map(|form| &form.fields).find(|(name, _)| name == "form").expect("a token").1.clone();
    let cookie = format!("{FORM}={}", page.cookie("login.localhost", FORM).expect("a cookie"));
    let mut seats = Vec::new();
    for (at, (name, is)) in NAMES.into_iter().enumerate() {
        let post = |path: &str, fields: &[(&str, &str)], cookies: &str| {
            let fields = [&[("form", token.as_str())], fields].concat();
            gateway.ask("POST", "login", path).by_browser().with("Cookie", cookies).form(&fields)
        };
        let request: Request = match door {
            Door::SignIn => post("/sign-in", &[("username", name), ("password", shown(is))], &cookie),
            Door::App => gateway.ask("POST", "login", "/api/v1/sign-in").json(&by_app(name, shown(is))),
            Door::Forgot => post("/forgot", &[("email", &format!("{name}@acme.example"))], &cookie),
            Door::SendCode => {
                let cookies = format!("{cookie}; {FLOW}={}", flows[at]);
                post("/second-step/send", &[("method", "sms")], &cookies)
            }
            Door::Passkey => {
                let path = format!("/sign-in/passkey?username={name}");
                gateway.ask("GET", "login", &path).by_browser().with("Cookie", &cookie)
            }
            Door::Basic => {
                let shown = data_encoding::BASE64.encode(format!("{name}:0123456789ABCDEF").as_bytes());
                gateway.ask("PROPFIND", "mail", "/").with("Authorization", &format!("Basic {shown}"))
            }
        };
        seats.push(Seat { name, is, bytes: request.bytes(), times: Vec::new() });
    }
    seats
}

/// Whoever is disabled knows the right password all the same.
const fn shown(is: Is) -> &'static str {
    match is {
        Is::Disabled => PASSWORD,
        _ => "incorrect horse battery stapl",
    }
}

fn by_app(name: &str, password: &str) -> serde_json::Value {
    json!({ "username": name, "password": password, "device": "a phone" })
}

/// A sign-in under way.
async fn flow(gateway: &TestGateway, name: &str) -> String {
    let asked = gateway.ask("POST", "login", "/api/v1/sign-in").json(&by_app(name, PASSWORD)).send().await;
    asked.json()["flow"].as_str().unwrap_or_else(|| panic!("{}", asked.text())).to_owned()
}

/// Somebody elsewhere tries the names that are to be locked: the next one who tries has to wait.
async fn lock(gateway: &TestGateway, door: Door) {
    if matches!(door, Door::Passkey | Door::Basic) {
        return;
    }
    for (at, (name, _)) in NAMES.iter().enumerate().filter(|(_, (_, is))| is.is_locked()) {
        let request = gateway.ask("POST", "login", "/api/v1/sign-in").from(&format!("127.0.2.{}", at + 1));
        request.json(&by_app(name, "a guess of somebody")).send().await;
    }
}

/// An answer without what is drawn for each, and without the name that was typed.
fn masked(answer: &Answer, name: &str) -> String {
    let headers = answer.headers.iter().filter(|(field, _)| field != "date");
    let mut text = format!("{}\n", answer.status);
    for (field, value) in headers {
        text.push_str(&format!("{field}: {value}\n"));
    }
    text.push_str(&answer.text());
    let is_apart = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let mut plain = text.clone();
    for drawn in text.split(is_apart).filter(|piece| piece.len() >= 43) {
        plain = plain.replace(drawn, "DRAWN");
    }
    for reference in text.split(is_apart).filter(|piece| is_reference(piece)) {
        plain = plain.replace(reference, "REFERENCE");
    }
    plain.replace(name, "NAME")
}

/// Whether this is what a person quotes to the help desk, as `J5KV-C1Y8`:
/// drawn for every answer.
fn is_reference(piece: &str) -> bool {
    let is_drawn = |c: u8| c.is_ascii_digit() || c.is_ascii_uppercase();
    piece.len() == 9 && piece.bytes().enumerate().all(|(at, c)| if at == 4 { c == b'-' } else { is_drawn(c) })
}

const APPS: &str = "apps:
  crm: { host: crm.localhost, upstream: \"http://{crm}\", allow: [group sales] }
  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, basic: app_passwords }
";
/// Rounds before anything is measured: caches fill, and names get locked.
const WARM_UP: usize = 10;
const FORM: &str = "__Host-vestibule-form";
const FLOW: &str = "__Host-vestibule-flow";
