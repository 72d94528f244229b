//! Behind load balancers that speak the PROXY protocol: whose connection is it, and who may say so? (N13, A06)

use std::time::Duration;

use harness::balancer::{BALANCER, HaProxy, Relay, binary, binary_for, line};
use harness::gateway::{Setup, TestGateway};
use harness::wire::{Answer, CAFE, OFFICE, Request, Wire};

use crate::tls::curl_at;

#[tokio::test]
async fn the_header_says_who_the_client_is_in_either_version() {
    let gateway = behind_balancer(false).await;
    for (header, status) in [
        (line("127.0.0.1"), 200),
        (line("127.0.0.66"), 403),
        (line("2001:db8::9"), 403),
        (line("::ffff:127.0.0.1"), 200),
        (binary_for([127, 0, 0, 1], &[]), 200),
        (binary_for([127, 0, 0, 66], &[]), 403),
        (binary_for([127, 0, 0, 1], &[4, 0, 3, 1, 2, 3]), 200),
        // The balancer itself, which asks whether the gateway is well: from where it stands.
        (binary(0x20, 0x00, &[]), 403),
        (binary(0x20, 0x11, &[127, 0, 0, 1, 127, 0, 0, 1, 0, 1, 0, 1]), 403),
    ] {
        let answer = through(&gateway, &header, &gateway.get("crm", "/status")).await.expect("an answer");
        assert_eq!(answer.status, status, "{header:?}");
    }
}

#[tokio::test]
async fn the_header_may_come_byte_by_byte_and_ends_where_it_ends() {
    let gateway = behind_balancer(false).await;
    let request = gateway.get("crm", "/status");
    for header in [line("127.0.0.1"), binary_for([127, 0, 0, 1], &[4, 0, 1, 7])] {
        // Every byte alone, header and request alike; one connection serves several requests.
        let mut wire = Wire::open(gateway.port(), BALANCER).await;
        wire.no_delay();
        for byte in [&header[..], &request.bytes()].concat() {
            wire.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(wire.answer().await.expect("an answer").status, 200);
        wire.send(&request.bytes()).await;
        assert_eq!(wire.answer().await.expect("a second answer").status, 200);
    }
}

#[tokio::test]
async fn whoever_may_not_speak_so_or_speaks_it_badly_is_hung_up_on() {
    let gateway = behind_balancer(false).await;
    let request = gateway.get("crm", "/status");
    let claims_office = line("127.0.0.1");
    let tlv_overflow = binary_for([127, 0, 0, 1], &[4, 0xff, 0xff, 0]);
    for (name, from, header) in [
        ("an unlisted peer, version 1", CAFE, claims_office.clone()),
        ("an unlisted peer, version 2", CAFE, binary_for([127, 0, 0, 1], &[])),
        ("an unlisted peer in the office", OFFICE, claims_office.clone()),
        ("two headers", BALANCER, [&line("127.0.0.66")[..], &claims_office].concat()),
        (
            "two headers, one of each kind",
            BALANCER,
            [&line("127.0.0.66")[..], &binary_for([127, 0, 0, 1], &[])].concat(),
        ),
        ("no header", BALANCER, Vec::new()),
        ("a leading zero", BALANCER, b"PROXY TCP4 127.0.0.01 127.0.0.1 1 1\r\n".to_vec()),
        ("a line without end", BALANCER, [b"PROXY TCP4 ", &[b'1'; 200][..]].concat()),
        ("UNKNOWN", BALANCER, b"PROXY UNKNOWN\r\n".to_vec()),
        ("AF_UNSPEC", BALANCER, binary(0x21, 0x00, &[])),
        ("AF_UNIX", BALANCER, binary(0x21, 0x31, &[b'/'; 216])),
        ("an extension beyond the end", BALANCER, tlv_overflow),
        ("64 KiB of extensions", BALANCER, binary(0x21, 0x11, &[0; 65535])),
    ] {
        let mut wire = Wire::open(gateway.port(), from).await;
        wire.send(&[&header[..], &request.bytes()].concat()).await;
        // HTTP/1.1 knows a word for what makes no sense, and an unlisted peer may hear it; nothing else comes.
        let answer = wire.answer().await;
        assert!(answer.is_none_or(|answer| answer.status == 400), "{name}");
        wire.ended().await;
    }
    assert_eq!(gateway.crm().connections(), 0, "nothing reached the app");
}

#[tokio::test]
async fn a_balancer_that_says_nothing_is_hung_up_on_when_its_time_is_over() {
    let gateway = behind_balancer(false).await;
    let mut silent = Wire::open(gateway.port(), BALANCER).await;
    let mut halting = Wire::open(gateway.port(), BALANCER).await;
    halting.send(b"PROXY TCP4 127.0.0.1 ").await;
    let mut prompt = Wire::open(gateway.port(), BALANCER).await;
    prompt.send(&[line("127.0.0.1"), gateway.get("crm", "/status").bytes()].concat()).await;
    assert_eq!(prompt.answer().await.expect("an answer").status, 200);

    // The watch looks four times a second, and reads the test's clock.
    gateway.clock().advance(Duration::from_secs(11));
    silent.ended().await;
    halting.ended().await;
    prompt.send(&gateway.get("crm", "/status").bytes()).await;
    assert_eq!(prompt.answer().await.expect("an answer").status, 200, "between requests there is no deadline");
}

#[tokio::test]
async fn the_balancers_client_is_believed_about_others_only_if_it_is_a_trusted_proxy() {
    let gateway = behind_balancer(false).await;
    for (client, forwarded_for, status) in [
        // From outside, whatever it writes.
        ("127.0.0.66", "127.0.0.1", 403),
        ("127.0.0.1", "127.0.0.66", 200),
        ("127.0.0.1", "garbage", 200),
        // 127.0.5.5 is a proxy that we trust.
        ("127.0.5.5", "127.0.0.1", 200),
        ("127.0.5.5", "127.0.0.66", 403),
        ("127.0.5.5", "127.0.0.1, 127.0.0.66", 403),
        ("127.0.5.5", "garbage", 400),
    ] {
        let request = gateway.get("crm", "/status").with("X-Forwarded-For", forwarded_for);
        let answer = through(&gateway, &line(client), &request).await.expect("an answer");
        assert_eq!(answer.status, status, "{client} says {forwarded_for}");
    }
    let request = gateway.get("login", "/whoami").with("X-Forwarded-For", "127.0.0.1");
    let answer = through(&gateway, &line("127.0.5.5"), &request).await.expect("an answer");
    let hops = serde_json::json!([
        { "address": BALANCER, "trusted": true },
        { "address": "127.0.5.5", "trusted": true },
        { "address": "127.0.0.1", "trusted": false },
    ]);
    assert_eq!(answer.json()["hops"], hops);
    assert_eq!((&answer.json()["peer"], &answer.json()["client"]), (&BALANCER.into(), &OFFICE.into()));
    // What the app is told of the way is ours.
    through(&gateway, &line(OFFICE), &gateway.get("crm", "/status")).await.expect("an answer");
    assert_eq!(gateway.crm().last().header("x-forwarded-for"), Some(OFFICE));
}

#[tokio::test]
async fn a_connection_is_judged_by_the_list_that_is_in_force_when_it_asks() {
    let gateway = behind_balancer(false).await;
    let request = gateway.get("crm", "/status").bytes();
    let mut before = Wire::open(gateway.port(), BALANCER).await;
    before.send(&[&line(OFFICE)[..], &request].concat()).await;
    assert_eq!(before.answer().await.expect("an answer").status, 200);

    let written = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("readable");
    std::fs::write(gateway.file("gateway.yaml"), written.replace(BALANCER, "127.0.5.10")).expect("writable");
    gateway
        .running()
        .reloader()
        .reload(vestibule::store::vault::Force::No)
        .await
        .unwrap_or_else(|faults| panic!("{faults}"));
    before.send(&request).await;
    assert_eq!(before.answer().await.expect("an answer").status, 400, "it is no balancer of ours any more");
    let now = Wire::open(gateway.port(), "127.0.5.10").await;
    let answer = ask(now, &[&line(OFFICE)[..], &request].concat()).await;
    assert_eq!(answer.expect("an answer").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_comes_before_tls_and_counts_for_every_stream_within() {
    let gateway = behind_balancer(true).await;
    let chain = gateway.file("tls/chain.pem");
    for (header, expected) in [(line("127.0.0.1"), "200"), (binary_for([127, 0, 0, 66], &[]), "403")] {
        let relay = Relay::start(gateway.port(), header).await;
        for version in ["--http1.1", "--http2"] {
            let answer = curl_at(relay.port(), "crm", "/status", &chain, &[version]);
            assert!(answer.contains(expected), "{answer}");
        }
    }
    let silent = Relay::start(gateway.port(), Vec::new()).await;
    assert_eq!(curl_at(silent.port(), "crm", "/status", &chain, &[]), "", "the header is required");
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_is_understood_in_both_versions() {
    let gateway = behind_balancer(true).await;
    let chain = gateway.file("tls/chain.pem");
    for server in ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2 proxy-v2-options crc32c"] {
        let haproxy = HaProxy::start(gateway.port(), "tcp", server);
        for (from, status) in [(OFFICE, "HTTP/2 200"), (CAFE, "HTTP/2 403")] {
            let answer = curl_at(haproxy.port(), "crm", "/status", &chain, &["--interface", from]);
            assert!(answer.starts_with(status), "{server} from {from}: {answer}");
        }
        let whoami = curl_at(haproxy.port(), "login", "/whoami", &chain, &[]);
        let hops =
            format!("[{{\"address\":\"{BALANCER}\",\"trusted\":true}},{{\"address\":\"{OFFICE}\",\"trusted\":false}}]");
        assert!(whoami.contains(&hops), "{whoami}");
    }
}

/// One listed balancer, [`BALANCER`], and one trusted proxy, 127.0.5.5.
async fn behind_balancer(https: bool) -> TestGateway {
    let listen = format!(", proxy_protocol: [{BALANCER}, 127.0.5.11]");
    let extra = "trusted_proxies: [127.0.5.5]".to_owned();
    TestGateway::with(Setup { https, listen, extra, ..Setup::default() }).await
}

/// The answer to a request over a connection of the balancer's that begins with this header.
async fn through(gateway: &TestGateway, header: &[u8], request: &Request) -> Option<Answer> {
    let wire = Wire::open(gateway.port(), BALANCER).await;
    ask(wire, &[header, &request.bytes()].concat()).await
}

async fn ask(mut wire: Wire, bytes: &[u8]) -> Option<Answer> {
    wire.send(bytes).await;
    wire.answer().await
}
