//! Who is ended for being slow, and who never is (A51): the watch looks four times a second and reads the test's clock.

use std::time::Duration;

use harness::gateway::{Factor, Setup, TestGateway};
use harness::wire::{OFFICE, Wire};

/// Speaks for others, so its connections begin with a PROXY header, or they are late.
const BALANCER: &str = "127.0.0.55";

async fn gateway() -> TestGateway {
    let listen = format!(", workers: 1, proxy_protocol: [\"{BALANCER}\"]");
    TestGateway::with(Setup { listen, ..Setup::default() }).await.with_user("ana", Factor::Totp).await
}

/// Moves the clock on, a little at a time, until the watch has looked: by then it has ended somebody who was silent.
async fn pass(gateway: &TestGateway, span: Duration) {
    let mut silent = Wire::open(gateway.port(), BALANCER).await;
    let mut passed = Duration::ZERO;
    loop {
        let ended = tokio::time::timeout(Duration::from_millis(600), silent.ended()).await.is_ok();
        if ended && passed >= span {
            return;
        }
        if ended {
            silent = Wire::open(gateway.port(), BALANCER).await;
        }
        gateway.clock().advance(Duration::from_secs(11));
        passed += Duration::from_secs(11);
    }
}

async fn reached(gateway: &TestGateway, before: usize) {
    while gateway.mail().seen().len() == before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_that_waits_for_its_app_is_never_slow_also_if_it_had_a_body() {
    let gateway = gateway().await;
    let device = gateway.device("ana").await;
    let before = gateway.mail().seen().len();
    let mut wire = gateway.ask("POST", "mail", "/slow").bearer(&device).body(b"hello").start().await;
    reached(&gateway, before).await;
    pass(&gateway, Duration::from_secs(100)).await;
    gateway.mail().go_on();
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_not_waited_for() {
    let gateway = gateway().await;
    let device = gateway.device("ana").await;
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    let header = format!(
        "POST /x HTTP/1.1\r\nHost: mail.localhost\r\nAuthorization: Bearer {device}\r\nContent-Length: 100000\r\n\r\n"
    );
    wire.send(header.as_bytes()).await;
    wire.send(&[b'x'; 1000]).await;
    pass(&gateway, Duration::from_secs(100)).await;
    wire.ended().await;
    assert!(gateway.metric("vestibule_slow_clients_total").await >= 1.0);
}
