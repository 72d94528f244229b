//! A new process takes over from a running one, and nobody notices (O5; ARCHITECTURE "One hand-over").

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use harness::certificates;
use harness::gateway::{HOSTS, PASSWORD};
use harness::program::{Known, Program, Serving, free_port};
use harness::wire::{OFFICE, Request, Wire};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use vestibule::admin::wire::{self, socket_path};
use vestibule::clock::Clock;
use vestibule::server::hand_over::{TakeOverError, TakingOver};
use vestibule::store::vault::{Backing, Vault};

use crate::PROGRAM;

type Socket = WebSocketStream<TcpStream>;

#[tokio::test(flavor = "multi_thread")]
async fn under_load_and_with_fifty_websockets_open_no_request_fails_and_every_websocket_has_its_time() {
    let program = Arc::new(patient(60).await);
    let ana = program.with_people(&["ana"]).await.remove(0);
    let old = program.serve().await;
    let hers = device(&program, &ana, 0).await;
    let mut sockets = Vec::new();
    for _ in 0..50 {
        sockets.push(web_socket(&program, &hers).await);
    }
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::open(program.port(), OFFICE).await;
        wire.send(&program.request("GET", "crm", "/status").bytes()).await;
        assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
        idle.push(wire);
    }

    let load = Load::start(&program, &hers);
    load.served(300).await;
    let before = load.so_far();
    let new = program.take_over().await;
    old.said("has taken over").await;
    load.served(300).await;
    let (served, failed) = load.stop().await;
    println!("{before} requests answered before the hand-over, {served} in all, {failed} failed");
    assert_eq!(failed, 0);

    // Those that waited without a request get an answer to their next one, and are told that it is the last.
    for mut wire in idle {
        wire.send(&program.request("GET", "crm", "/status").bytes()).await;
        let answer = wire.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    }
    for socket in &mut sockets {
        echo(socket).await;
    }
    // They end by themselves, and then so does the process.
    for mut socket in sockets {
        socket.close(None).await.expect("open until now");
        assert!(ended(&mut socket).await);
    }
    let told = old.ended().await.ended(0);
    assert!(told.err.contains("everything that was open has ended"), "{}", told.err);
    assert_eq!(at_mail(&program, &hers).await, 200);
    program.run(&["health"]).await.ended(0);

    program.run(&["audit", "verify"]).await.ended(0);
    let acts = acts(&program).await;
    let order = ["gateway.start", "gateway.start", "gateway.hand_over", "gateway.stop"];
    let seen: Vec<_> = acts.iter().filter(|act| act.starts_with("gateway.")).map(String::as_str).collect();
    assert_eq!(seen, order);
    new.terminate();
    new.ended().await.ended(0);
    assert!(!program.file("store.redb.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_through_the_third_process_ends_its_websocket_on_the_first() {
    let program = patient(60).await;
    let people = program.with_people(&["ana", "bo"]).await;
    let first = program.serve().await;
    let (hers, his) = (device(&program, &people[0], 0).await, device(&program, &people[1], 0).await);
    let mut her_first = web_socket(&program, &hers).await;
    let mut his_first = web_socket(&program, &his).await;
    let second = program.take_over().await;
    first.said("has taken over").await;
    let mut her_second = web_socket(&program, &hers).await;
    let third = program.take_over().await;
    second.said("has taken over").await;
    for socket in [&mut her_first, &mut his_first, &mut her_second] {
        echo(socket).await;
    }

    let clock = Clock::system();
    let began = clock.moment();
    program.run(&["user", "sign-out", "ana"]).await.ended(0);
    assert!(ended(&mut her_first).await && ended(&mut her_second).await);
    println!("ended on the first and the second process after {:?}, the command included", clock.moment().since(began));
    assert_eq!(at_mail(&program, &hers).await, 401);
    echo(&mut his_first).await;

    // The second has no connection of its own any more, and stays for the first, which asks the store through it.
    his_first.close(None).await.expect("open until now");
    assert!(ended(&mut his_first).await);
    first.ended().await.ended(0);
    second.ended().await.ended(0);
    let acts = acts(&program).await;
    assert_eq!(acts.iter().filter(|act| *act == "gateway.hand_over").count(), 2, "{acts:?}");
    assert_eq!(acts.iter().filter(|act| *act == "gateway.stop").count(), 2, "{acts:?}");
    program.run(&["audit", "verify"]).await.ended(0);
    drop(third);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_ended_when_the_time_is_over_is_cut() {
    let program = patient(1).await;
    let ana = program.with_people(&["ana"]).await.remove(0);
    let old = program.serve().await;
    let hers = device(&program, &ana, 0).await;
    let mut socket = web_socket(&program, &hers).await;
    let mut stream = program.request("GET", "mail", "/stream").bearer(&hers).start().await;
    assert_eq!(stream.header().await.map(|answer| answer.status), Some(200));
    let _new = program.take_over().await;
    old.said("has taken over").await;
    echo(&mut socket).await;
    assert!(ended(&mut socket).await);
    stream.ended().await;
    let told = old.ended().await.ended(0);
    assert!(told.err.contains("still open and are cut"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_goes_on_across_the_hand_over_and_a_used_code_stays_used() {
    let program = patient(60).await;
    let people = program.with_people(&["ana", "bo", "cy"]).await;
    let [ana, bo, cy] = [&people[0], &people[1], &people[2]];
    let old = program.serve().await;
    // Good for this step and the next: thirty seconds at least.
    let now = Clock::system().now();
    let code = |person: &Known| json!({ "method": "totp", "code": person.totp.code_at(now) });
    let second_step = |flow: &str| program.request("POST", "login", &format!("/api/v1/sign-in/{flow}"));

    // Ana's code is used up before, Bo's sign-in is begun and Cy's on a connection that stays with the old process.
    let flow = begin(&program, ana).await;
    assert_eq!(second_step(&flow).json(&code(ana)).send().await.status, 200);
    let his = begin(&program, bo).await;
    let mut kept = Wire::open(program.port(), OFFICE).await;
    kept.send(&first_step(&program, cy).bytes()).await;
    let asked = kept.answer().await.expect("an answer").json();
    let _new = program.take_over().await;
    old.said("has taken over").await;

    let done = second_step(&his).json(&code(bo)).send().await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(at_mail(&program, done.json()["token"].as_str().expect("a token")).await, 200);
    // Through the old process: the code is consumed and the session opened in the new one's store.
    let flow = asked["flow"].as_str().expect("a flow");
    kept.send(&second_step(flow).json(&code(cy)).bytes()).await;
    let done = kept.answer().await.expect("an answer");
    assert_eq!((done.status, done.header("connection")), (200, Some("close")), "{}", done.text());
    assert_eq!(at_mail(&program, done.json()["token"].as_str().expect("a token")).await, 200);

    for person in [ana, bo, cy] {
        let flow = begin(&program, person).await;
        let again = second_step(&flow).json(&code(person)).send().await;
        assert_ne!(again.status, 200, "{}: {}", person.name, again.text());
    }
    old.ended().await.ended(0);
    program.run(&["audit", "verify"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_killed_while_it_has_the_store_changes_nothing() {
    let program = patient(60).await;
    let ana = program.with_people(&["ana"]).await.remove(0);
    let mut old = program.serve().await;
    let hers = device(&program, &ana, 0).await;
    let mut socket = web_socket(&program, &hers).await;

    let mut newcomer = Serving::start(newcomer(&program));
    newcomer.logged("the newcomer has the store").await;
    let refused = program.run(&["serve", "--take-over"]).await.ended(69);
    assert!(refused.err.contains("another process is taking over already"), "{}", refused.err);
    // What needs no store is served all the time; what needs it waits.
    assert_eq!(program.request("GET", "crm", "/status").send().await.status, 200);
    let mut waiting = first_step(&program, &ana).start().await;
    newcomer.kill();
    old.said("this gateway goes on").await;
    let answer = waiting.answer().await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(at_mail(&program, &hers).await, 200);
    echo(&mut socket).await;
    program.run(&["audit", "verify"]).await.ended(0);
    assert!(acts(&program).await.contains(&"gateway.take_back".to_owned()));
    assert!(old.runs());

    // And the next one succeeds.
    let _new = program.take_over().await;
    old.said("has taken over").await;
    echo(&mut socket).await;
    assert_eq!(at_mail(&program, &hers).await, 200);
}

/// Not a test: what the one above starts as a process of its own, to be killed in the middle.
#[tokio::test]
#[ignore = "started by a_newcomer_killed_while_it_has_the_store_changes_nothing"]
async fn newcomer_that_stops() {
    let Ok(store) = std::env::var("VESTIBULE_TEST_STORE") else { return };
    let _held = store_of(Path::new(&store)).await;
    println!("the newcomer has the store");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_that_falls_silent_must_not_serve_any_more_and_nobody_is_let_in_on_a_guess() {
    let program = patient(60).await;
    let ana = program.with_people(&["ana"]).await.remove(0);
    let mut old = program.serve().await;
    let (taking, vault) = with_the_store(&program).await;
    // It waits for the store as long as a request may, and is refused then.
    let refused = first_step(&program, &ana).send().await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"));
    old.said("has not taken over").await;
    let late = taking.ready().await.expect_err("too late");
    assert!(matches!(late, TakeOverError::GaveUp), "{late}");
    // Its lock keeps the old one waiting, whatever it says.
    assert!(!old.log().contains("this gateway goes on"));
    drop(vault);
    old.said("this gateway goes on").await;
    begin(&program, &ana).await;
    assert!(old.runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_whose_predecessor_dies_on_the_way_goes_on_alone() {
    let program = patient(60).await;
    let mut old = program.serve().await;
    let mut taking = TakingOver::ask(&socket_path(&program.file("store.redb"))).await.expect("asked").expect("it runs");
    let sockets = taking.sockets();
    old.kill();
    taking.release().await.expect("nobody holds the store any more");
    let vault = program.vault().await;
    assert!(taking.ready().await.expect("nobody says no").is_none());
    // Whoever connected meanwhile is in the queue of the sockets, which are ours.
    assert!(Wire::try_open(program.port(), OFFICE).await.is_some());
    drop((sockets, vault));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_client_over_tls_loses_no_request_with_either_version_of_http() {
    let program = patient(60).await;
    let plain = std::fs::read_to_string(program.file("gateway.yaml")).expect("readable");
    let tls = "tls: { certificates: [{ chain: chain.pem, key_file: key.pem }] }\napps:";
    let secure = plain.replace("portal: http:", "portal: https:").replace("{ http:", "{ https:").replace("apps:", tls);
    program.write("gateway.yaml", &secure);
    certificates::write(program.file("chain.pem"), program.file("key.pem"), HOSTS);
    let mut serving = program.serve().await;
    for version in ["--http1.1", "--http2"] {
        let host = format!("crm.localhost:{}", program.port());
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", version, "--resolve", &format!("{host}:127.0.0.1"), "--output", "/dev/null"]);
        curl.args(["--write-out", "%{stderr}%{http_code} %{num_connects}\n", "--cacert"]);
        curl.arg(program.file("chain.pem")).arg(format!("https://{host}/status?[1-1000000]"));
        let mut curl = Serving::start(curl);
        curl.more_lines(50).await;
        let next = program.take_over().await;
        serving.said("has taken over").await;
        curl.more_lines(100).await;
        curl.kill();
        let log = curl.log();
        let lines: Vec<_> = log.lines().filter_map(|line| line.split_once(' ')).collect();
        assert!(lines.iter().all(|(status, _)| *status == "200"), "{log}");
        let connections = lines.iter().filter(|(_, connects)| *connects == "1").count();
        println!("{version}: {} requests over {connections} connections", lines.len());
        // One to each process; at the moment of the change the old one may have accepted one more and sent it away again.
        assert!((2..=3).contains(&connections), "{connections} connections");
        serving.ended().await.ended(0);
        serving = next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_that_can_not_start_never_gets_as_far_as_the_store() {
    let program = patient(60).await;
    let mut old = program.serve().await;
    let usual = std::fs::read_to_string(program.file("gateway.yaml")).expect("readable");
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = somebody.local_addr().expect("bound").port();
    let elsewhere = usual.replace(&program.admin_port().to_string(), &taken.to_string());
    for (settings, code) in [("version: 1\n".to_owned(), 78), (usual.replace("apps:", "aps:"), 78), (elsewhere, 1)] {
        program.write("gateway.yaml", &settings);
        program.run(&["serve", "--take-over"]).await.ended(code);
        program.write("gateway.yaml", &usual);
        assert_eq!(program.request("GET", "crm", "/status").send().await.status, 200);
    }
    assert!(!old.log().contains("the store is closed") && old.runs(), "{}", old.log());
    program.run(&["user", "list"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_that_is_told_no_at_the_end_leaves_the_control_socket_where_it_was() {
    let program = patient(60).await;
    // This process is the one to take over from: it has no sockets to give, and takes its store back in the end.
    let control = socket_path(&program.file("store.redb"));
    let ours = UnixListener::bind(&control).expect("the store's folder is there");
    let identity = || std::fs::symlink_metadata(&control).map(|found| (found.dev(), found.ino())).ok();
    let before = identity();
    let newcomer = Serving::start(program.command(&["serve", "--take-over"]));
    let (stream, _) = ours.accept().await.expect("it asks");
    let asked = wire::hear(stream).await.expect("it is read").expect("it may ask");
    let mut stream = asked.answer(Ok(json!({ "process": 1, "version": "0" }))).await.expect("it listens");
    for (said, answer) in [(b'S', b"S"), (b'R', b"C"), (b'Y', b"G")] {
        assert_eq!(stream.read_u8().await.expect("a step"), said);
        assert_eq!(identity(), before, "at {}", char::from(said));
        stream.write_all(answer).await.expect("it listens");
    }
    newcomer.ended().await.ended(69);
    assert_eq!(identity(), before);
    let left = std::fs::read_dir(program.dir()).expect("readable").map(|found| found.expect("readable").file_name());
    assert_eq!(left.filter(|name| name.as_encoded_bytes().ends_with(b".sock")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_the_new_configuration_adds_are_bound_and_those_it_drops_are_closed() {
    let program = patient(60).await;
    // Where nobody runs there is nothing to take over.
    let old = program.take_over().await;
    let port = free_port();
    let usual = std::fs::read_to_string(program.file("gateway.yaml")).expect("readable");
    program.write("gateway.yaml", &usual.replace(&program.admin_port().to_string(), &port.to_string()));
    let _new = program.take_over().await;
    old.ended().await.ended(0);
    assert!(Wire::try_open(program.admin_port(), OFFICE).await.is_none(), "nobody listens there any more");
    assert!(Wire::try_open(port, OFFICE).await.is_some());
    program.run(&["health"]).await.ended(0);
    assert_eq!(program.request("GET", "crm", "/status").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_new_process_dies_the_old_one_lets_nobody_stay_whom_it_can_not_ask_for() {
    let program = patient(60).await;
    let ana = program.with_people(&["ana"]).await.remove(0);
    let old = program.serve().await;
    let hers = device(&program, &ana, 0).await;
    let mut socket = web_socket(&program, &hers).await;
    let mut new = program.take_over().await;
    old.said("has taken over").await;
    new.kill();
    assert!(ended(&mut socket).await);
    old.ended().await.ended(0);
    // Nothing is left behind that would hinder the next one.
    let next = program.serve().await;
    assert_eq!(at_mail(&program, &hers).await, 200);
    program.run(&["audit", "verify"]).await.ended(0);
    drop(next);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_it_gives_websockets_their_time_and_told_again_it_ends_at_once() {
    let program = patient(60).await;
    let ana = program.with_people(&["ana"]).await.remove(0);
    let serving = program.serve().await;
    let hers = device(&program, &ana, 0).await;
    let mut socket = web_socket(&program, &hers).await;
    serving.terminate();
    serving.said("ending: no new connections, 60 seconds").await;
    echo(&mut socket).await;
    let refused = program.run(&["serve", "--take-over"]).await.ended(69);
    assert!(refused.err.contains("this gateway is ending"), "{}", refused.err);
    echo(&mut socket).await;
    serving.terminate();
    assert!(ended(&mut socket).await);
    let told = serving.ended().await.ended(0);
    assert!(told.err.contains("told to end at once"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_it_does_not_wait_for_connections_that_ask_for_nothing() {
    let program = patient(60).await;
    let serving = program.serve().await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::open(program.port(), OFFICE).await;
        wire.send(&program.request("GET", "crm", "/status").bytes()).await;
        assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
        kept.push(wire);
    }
    serving.terminate();
    serving.said("ending: no new connections").await;
    // One asks once more and is answered; the other one says nothing.
    kept[0].send(&program.request("GET", "crm", "/status").bytes()).await;
    let answer = kept[0].answer().await.expect("an answer");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    kept[1].ended().await;
    let told = serving.ended().await.ended(0);
    assert!(told.err.contains("everything that was open has ended"), "{}", told.err);
}

#[tokio::test]
async fn told_to_end_it_does_not_wait_for_whoever_has_only_connected() {
    // Less than a header may take: as if one had begun, the connection would stay until the limit.
    let program = patient(6).await;
    let serving = program.serve().await;
    let mut silent = Wire::open(program.port(), OFFICE).await;
    // Whoever came later was served, so the silent one is inside.
    let mut later = Wire::open(program.port(), OFFICE).await;
    later.send(&program.request("GET", "crm", "/status").bytes()).await;
    assert_eq!(later.answer().await.map(|answer| answer.status), Some(200));
    serving.terminate();
    silent.ended().await;
    let told = serving.ended().await.ended(0);
    assert!(told.err.contains("everything that was open has ended"), "{}", told.err);
}

/// Requests without end: on connections that are kept, and on new ones; with a session and without.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(program: &Arc<Program>, bearer: &str) -> Self {
        let mut load =
            Self { stop: Arc::default(), served: Arc::default(), failed: Arc::default(), clients: JoinSet::new() };
        for number in 0..8 {
            let request = match number % 2 {
                0 => program.request("GET", "crm", "/status"),
                _ => program.request("POST", "mail", "/letters").bearer(bearer).body(b"Dear Bo"),
            };
            let (port, keeps) = (program.port(), number < 5);
            let (stop, served, failed) = (Arc::clone(&load.stop), Arc::clone(&load.served), Arc::clone(&load.failed));
            load.clients.spawn(async move {
                let mut kept = None;
                while !stop.load(Ordering::Acquire) {
                    let wire = match kept.take() {
                        Some(wire) => Some(wire),
                        None => Wire::try_open(port, OFFICE).await,
                    };
                    match ask(wire, &request).await {
                        Some((wire, Last::No)) if keeps => kept = Some(wire),
                        Some(_) => {}
                        None => drop(failed.fetch_add(1, Ordering::AcqRel)),
                    }
                    served.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        load
    }

    fn so_far(&self) -> usize {
        self.served.load(Ordering::Acquire)
    }

    /// Waits for so many more.
    async fn served(&self, more: usize) {
        let enough = self.so_far() + more;
        let serving = async {
            while self.so_far() < enough {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, serving).await.expect("the load is served");
    }

    /// How many were asked, and how many of them were not answered with 200.
    async fn stop(mut self) -> (usize, usize) {
        self.stop.store(true, Ordering::Release);
        while let Some(client) = self.clients.join_next().await {
            client.expect("no panic");
        }
        (self.so_far(), self.failed.load(Ordering::Acquire))
    }
}

/// Did the answer say that it is the last one on its connection?
enum Last {
    Yes,
    No,
}

/// Asks once and retries nothing; `None`: no connection, no answer, or another one than 200.
async fn ask(wire: Option<Wire>, request: &Request) -> Option<(Wire, Last)> {
    let mut wire = wire?;
    wire.send(&request.bytes()).await;
    let answer = wire.answer().await.filter(|answer| answer.status == 200)?;
    Some((wire, if answer.header("connection") == Some("close") { Last::Yes } else { Last::No }))
}

/// A program whose gateways drain for so many seconds.
async fn patient(seconds: u64) -> Program {
    let program = Program::new(PROGRAM).await;
    let drain = format!("policies: policies\nlimits: {{ drain: {seconds}s }}\n");
    program.write("gateway.yaml", &program.settings().replace("policies: policies\n", &drain));
    program
}

/// Asks for a hand-over and takes the store, as the program does; this process is the newcomer.
async fn with_the_store(program: &Program) -> (TakingOver, Vault) {
    store_of(&program.file("store.redb")).await
}

async fn store_of(store: &Path) -> (TakingOver, Vault) {
    let mut taking = TakingOver::ask(&socket_path(store)).await.expect("asked").expect("a gateway runs");
    assert_eq!(taking.sockets().len(), 2);
    taking.release().await.expect("released");
    let backing = Backing::Redb { file: store.to_owned(), key_file: store.with_extension("redb.key") };
    (taking, Vault::open(&backing, Clock::system()).await.expect("opened"))
}

fn newcomer(program: &Program) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", "hand_over::newcomer_that_stops", "--ignored", "--nocapture"]);
    command.env("VESTIBULE_TEST_STORE", program.file("store.redb"));
    command
}

fn first_step(program: &Program, person: &Known) -> Request {
    let first = json!({ "username": person.name, "password": PASSWORD, "device": "a phone" });
    program.request("POST", "login", "/api/v1/sign-in").json(&first)
}

async fn begin(program: &Program, person: &Known) -> String {
    let asked = first_step(program, person).send().await;
    asked.json()["flow"].as_str().unwrap_or_else(|| panic!("{}", asked.text())).to_owned()
}

/// Signs a person in as a native app does, with one of their recovery codes, and returns the device's token.
async fn device(program: &Program, person: &Known, code: usize) -> String {
    let flow = begin(program, person).await;
    let second = json!({ "method": "recovery", "code": person.recovery[code].grouped() });
    let done = program.request("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(&second).send().await;
    done.json()["token"].as_str().unwrap_or_else(|| panic!("{}", done.text())).to_owned()
}

async fn at_mail(program: &Program, bearer: &str) -> u16 {
    program.request("GET", "mail", "/").bearer(bearer).send().await.status
}

/// What the audit trail says was done, in order.
async fn acts(program: &Program) -> Vec<String> {
    let exported = program.run(&["audit", "export"]).await.ended(0).out;
    let act = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("a row");
        row["act"].as_str().expect("an act").to_owned()
    };
    exported.lines().map(act).collect()
}

async fn web_socket(program: &Program, bearer: &str) -> Socket {
    let stream = Wire::open(program.port(), OFFICE).await.into_stream();
    let mut request = format!("ws://crm.localhost:{}/ws", program.port()).into_client_request().expect("an address");
    request.headers_mut().insert("authorization", format!("Bearer {bearer}").parse().expect("visible"));
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("admitted");
    echo(&mut socket).await;
    socket
}

async fn echo(socket: &mut Socket) {
    socket.send(Message::text("still here?")).await.expect("open");
    let answer = tokio::time::timeout(PATIENCE, socket.next()).await.expect("an echo").expect("open");
    assert_eq!(answer.expect("a message"), Message::text("still here?"));
}

async fn ended(socket: &mut Socket) -> bool {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await {
            Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => return true,
            Ok(Some(Ok(_))) => {}
            Err(_still_open) => return false,
        }
    }
}

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);
