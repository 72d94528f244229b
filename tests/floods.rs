//! Who sends more than anybody needs, or slower than anybody is: does the program stay small, and do others get in?
//! (A17, A51; CVE-2023-44487, CVE-2024-27316, CVE-2025-8671). The program runs as a process of its own, so that its memory
//! is its own. All loops are bounded.

use std::process::{Command, Stdio};
use std::time::Duration;

use harness::certificates;
use harness::frames::{Frame, Frames, Outcome, block, flag, kind, literal, request, setting};
use harness::gateway::HOSTS;
use harness::program::{Program, Serving};
use harness::wire::Request;

use crate::PROGRAM;

/// A flood: what is sent, and what must have become of it.
struct Flood {
    name: &'static str,
    bytes: Vec<u8>,
    /// Must the connection end, or may it go on?
    ends: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_leave_the_program_small_and_others_served() {
    let program = secure().await;
    let serving = program.serve().await;
    // Whatever is set up once is set up now.
    for _ in 0..50 {
        assert!(open(&program).await.is_served(1).await);
    }
    let before = memory(&serving, "VmRSS");
    println!("{:<34} {:>10} {:<24} {:>9}", "flood", "bytes", "outcome", "RSS, KiB");
    for flood in floods() {
        let mut frames = open(&program).await;
        // A peer that stops reading is one way to end a flood.
        let sent = tokio::time::timeout(Duration::from_secs(5), frames.send_bytes(&flood.bytes)).await;
        let served = open(&program).await.is_served(1).await;
        assert!(served, "{}: others are served meanwhile", flood.name);
        let outcome = tokio::time::timeout(Duration::from_secs(5), frames.outcome(0x7fff_fffe)).await;
        let now = memory(&serving, "VmRSS");
        let shown = match (&sent, &outcome) {
            (Err(_), Err(_)) => "no longer read".to_owned(),
            (Ok(()), Err(_)) => "taken".to_owned(),
            (_, Ok(outcome)) => format!("{outcome:?}"),
        };
        println!("{:<34} {:>10} {shown:<24} {now:>9}", flood.name, flood.bytes.len());
        if flood.ends {
            assert!(matches!(outcome, Ok(Outcome::GoAway(_) | Outcome::Closed)), "{}: {shown}", flood.name);
        }
        assert!(now < before + GROWTH, "{}: {before} KiB before, {now} KiB after", flood.name);
    }
    let most = memory(&serving, "VmHWM");
    println!("{before} KiB before, {most} KiB at most");
    assert!(most < before + 2 * GROWTH, "{before} KiB before, {most} KiB at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_list_that_unpacks_to_hundreds_of_megabytes_is_never_unpacked() {
    let program = secure().await;
    let serving = program.serve().await;
    assert!(open(&program).await.is_served(1).await);
    let before = memory(&serving, "VmHWM");
    let mut frames = open(&program).await;
    // One entry of 4,000 bytes in the dynamic table, then 15,000 times one byte that names it: 60 MB.
    let mut bomb = block(&request("GET", "/status", &[]));
    bomb.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    bomb.extend([b'y'; 4000]);
    let mut fields = bomb.clone();
    fields.extend(vec![0x80 | 62; 10_000]);
    frames.send(&Frame::new(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, fields)).await;
    let outcome = frames.outcome(1).await;
    assert!(!matches!(outcome, Outcome::Answered(200..400)), "{outcome:?}");
    let most = memory(&serving, "VmHWM");
    assert!(most < before + GROWTH, "{before} KiB before, {most} KiB at most");
    assert!(open(&program).await.is_served(1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_leave_the_service_available() {
    let program = Program::new(PROGRAM).await;
    let crm = program.crm().address();
    let settings = program.settings();
    let apps = settings.find("apps:").expect("there are apps");
    // slowhttptest can't name another host than the one it connects to.
    program.write(
        "gateway.yaml",
        &format!(
            "{}apps:\n  crm: {{ host: localhost, upstream: \"http://{crm}\", allow: everyone, paths: [{{ path: /status, allow: public }}] }}\n",
            &settings[..apps]
        ),
    );
    let serving = program.serve().await;
    let url = format!("http://localhost:{}/status", program.port());
    for (mode, more) in [
        ("-H", &["-i", "1"][..]),
        ("-B", &["-i", "1", "-s", "8192"]),
        ("-R", &["-a", "10", "-b", "3000"]),
        ("-X", &["-w", "1", "-y", "8", "-z", "4", "-k", "3"]),
    ] {
        let mut attack = Command::new("slowhttptest")
            .args([mode, "-c", "200", "-r", "100", "-l", "4", "-p", "2", "-u", &url])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("slowhttptest is there: sh deploy/setup.sh --tests installs it");
        let mut answers = 0;
        while attack.try_wait().expect("a child of ours").is_none() {
            let request = Request::new(program.port(), "GET", "crm", "/status").host("localhost");
            assert_eq!(request.send().await.status, 200, "{mode}");
            answers += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let output = attack.wait_with_output().expect("a child of ours");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("slowhttptest {mode}: {answers} others were answered");
        assert!(answers > 0, "{said}");
        assert!(!said.contains("service available:   NO"), "{said}");
    }
    assert!(memory(&serving, "VmRSS") > 0, "it still runs");
}

fn floods() -> Vec<Flood> {
    let frame = |kind, flags, stream, payload: Vec<u8>| Frame::new(kind, flags, stream, payload).bytes();
    let whole = |method| block(&request(method, "/status", &[]));
    let open_headers = frame(kind::HEADERS, flag::END_STREAM, 1, whole("GET"));
    let mut continuations = open_headers.clone();
    let mut piece = Vec::new();
    literal(&mut piece, b"x-flood", &[b'x'; 900]);
    continuations.extend(frame(kind::CONTINUATION, 0, 1, piece).repeat(10_000));
    let mut empty_continuations = open_headers;
    empty_continuations.extend(frame(kind::CONTINUATION, 0, 1, Vec::new()).repeat(100_000));
    let streams = |count: u32| (0..count).map(|n| 2 * n + 1);
    let rapid = streams(20_000).flat_map(|stream| {
        let headers = frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, whole("GET"));
        [headers, frame(kind::RST_STREAM, 0, stream, vec![0, 0, 0, 8])].concat()
    });
    let made_you = streams(5_000).flat_map(|stream| {
        let headers = frame(kind::HEADERS, flag::END_HEADERS, stream, whole("POST"));
        [headers, frame(kind::WINDOW_UPDATE, 0, stream, vec![0; 4])].concat()
    });
    let malformed = streams(5_000).flat_map(|stream| {
        frame(
            kind::HEADERS,
            flag::END_HEADERS | flag::END_STREAM,
            stream,
            block(&request("GET", "/status", &[("connection", "x")])),
        )
    });
    let mut empty_data = frame(kind::HEADERS, flag::END_HEADERS, 1, whole("POST"));
    empty_data.extend(frame(kind::DATA, 0, 1, Vec::new()).repeat(50_000));
    let mut stalled = frame(kind::SETTINGS, 0, 0, setting(4, 0));
    stalled.extend(
        streams(100)
            .flat_map(|stream| frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, whole("GET"))),
    );
    let flood = |name, bytes, ends| Flood { name, bytes, ends };
    vec![
        flood("CONTINUATION", continuations, true),
        flood("empty CONTINUATION", empty_continuations, true),
        flood("rapid reset", rapid.collect(), true),
        flood("MadeYouReset", made_you.collect(), true),
        flood("malformed requests", malformed.collect(), true),
        flood("PING", frame(kind::PING, 0, 0, vec![0; 8]).repeat(100_000), false),
        flood("SETTINGS", frame(kind::SETTINGS, 0, 0, setting(3, 100)).repeat(50_000), false),
        flood("PRIORITY", frame(kind::PRIORITY, 0, 1, vec![0, 0, 0, 0, 1]).repeat(50_000), false),
        flood("WINDOW_UPDATE", frame(kind::WINDOW_UPDATE, 0, 0, vec![0, 0, 0, 1]).repeat(50_000), false),
        flood("empty DATA", empty_data, false),
        flood("answers that nobody takes", stalled, false),
    ]
}

async fn secure() -> Program {
    let program = Program::new(PROGRAM).await;
    std::fs::create_dir(program.file("tls")).expect("writable");
    certificates::write(program.file("tls/chain.pem"), program.file("tls/key.pem"), HOSTS);
    let settings = program
        .settings()
        .replace("portal: http:", "portal: https:")
        .replace("listen: { http:", "listen: { https:")
        .replace(
            "policies: policies",
            "policies: policies\ntls: { certificates: [{ chain: tls/chain.pem, key_file: tls/key.pem }] }",
        );
    program.write("gateway.yaml", &settings);
    program
}

async fn open(program: &Program) -> Frames {
    Frames::open(program.port(), "crm.localhost", &program.file("tls/chain.pem")).await
}

/// A line of `/proc/…/status`, in KiB.
fn memory(serving: &Serving, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(what)).expect("the kernel counts");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// By how much it may have grown, KiB.
const GROWTH: u64 = 48 * 1024;
