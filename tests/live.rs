//! Who is inside stays inside only as long as they may (N12, D5): live connections are cut, on both sides, at once.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use harness::gateway::{Factor, POLICY, TestGateway, by_test};
use harness::wire::{OFFICE, Wire};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use vestibule::store::vault::{Force, PersonRecord};

type Socket = WebSocketStream<TcpStream>;

/// A way to end somebody's stay.
enum End {
    Session,
    Disable,
    LeaveGroup,
    TightenList,
    Absolute,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_and_a_stream_are_cut_when_their_ground_is_gone() {
    for end in [End::Session, End::Disable, End::LeaveGroup, End::TightenList, End::Absolute] {
        let gateway =
            TestGateway::start().await.with_user("ana", Factor::Totp).await.with_user("bo", Factor::Totp).await;
        let (ana, bo) = (gateway.device("ana").await, gateway.device("bo").await);
        let mut hers = web_socket(&gateway, &ana).await.expect("admitted");
        let mut his = web_socket(&gateway, &bo).await.expect("admitted");
        let mut stream = gateway.get("crm", "/stream").bearer(&ana).start().await;
        assert_eq!(stream.header().await.map(|answer| answer.status), Some(200));
        assert!(stream.more().await.is_some());
        echo(&mut hers).await;
        let others_stay = !matches!(end, End::TightenList | End::Absolute);
        bring_about(&gateway, end).await;
        // No sleep: the connection ends, or the test runs out of patience.
        assert!(ended(&mut hers).await);
        stream.ended().await;
        if others_stay {
            echo(&mut his).await;
        } else {
            assert!(ended(&mut his).await);
        }
        assert_eq!(
            gateway.metric("vestibule_live_connections{protocol=\"websocket\"}").await,
            if others_stay { 1.0 } else { 0.0 }
        );
    }
}

async fn bring_about(gateway: &TestGateway, end: End) {
    let vault = gateway.gate().vault();
    let ana = gateway.id("ana");
    match end {
        End::Session => {
            let session = vault.sessions(Some(ana)).await.expect("the store answers").pop().expect("hers");
            assert!(vault.end_session(session.id, by_test("session.end")).await.expect("the store answers"));
        }
        End::Disable => {
            vault.disable_person(ana, Force::No, by_test("user.disable")).await.expect("done");
        }
        End::LeaveGroup => {
            let leave = |record: &mut PersonRecord| record.person.groups = [].into();
            vault.change_person(ana, Force::No, leave, by_test("user.set_groups")).await.expect("done");
        }
        End::TightenList => gateway.set_policy(&POLICY.replace("127.0.0.1", "127.0.0.9")).await,
        End::Absolute => gateway.clock().advance(Duration::from_secs(24 * 60 * 60)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_limit_ends_a_stay_and_use_prolongs_it() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let ana = gateway.device("ana").await;
    for _ in 0..4 {
        gateway.clock().advance(Duration::from_secs(30 * 60));
        assert_eq!(gateway.get("mail", "/").bearer(&ana).send().await.status, 200);
    }
    let mut socket = web_socket(&gateway, &ana).await.expect("admitted");
    gateway.clock().advance(Duration::from_secs(60 * 60));
    assert!(ended(&mut socket).await);
    assert_eq!(gateway.get("mail", "/").bearer(&ana).send().await.problem(), "sign_in_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waiting_at_the_app_is_cut_as_well() {
    // The second goes by a connection that is kept.
    for before in [0, 1] {
        let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
        let ana = gateway.device("ana").await;
        for _ in 0..before {
            assert_eq!(gateway.get("mail", "/").bearer(&ana).send().await.status, 200);
        }
        let mut waiting = gateway.get("mail", "/slow").bearer(&ana).start().await;
        while gateway.mail().seen().len() == before {
            tokio::task::yield_now().await;
        }
        gateway.gate().vault().sign_out_person(gateway.id("ana"), by_test("user.sign_out")).await.expect("done");
        assert!(waiting.answer().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_stays_ended_through_a_restart() {
    let mut gateway =
        TestGateway::start().await.with_user("ana", Factor::Totp).await.with_user("bo", Factor::Totp).await;
    let (ana, bo) = (gateway.device("ana").await, gateway.device("bo").await);
    gateway.gate().vault().sign_out_person(gateway.id("ana"), by_test("user.sign_out")).await.expect("done");
    gateway.restart().await;
    assert_eq!(gateway.get("mail", "/").bearer(&ana).send().await.status, 401);
    assert_eq!(gateway.get("mail", "/").bearer(&bo).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_alive_is_no_way_to_stay() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let ana = gateway.device("ana").await;
    let request = gateway.get("mail", "/").bearer(&ana).bytes();
    let mut wire = Wire::open(gateway.port(), OFFICE).await;
    wire.send(&request).await;
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
    gateway.gate().vault().disable_person(gateway.id("ana"), Force::No, by_test("user.disable")).await.expect("done");
    gateway.catch_up().await;
    wire.send(&request).await;
    assert_eq!(wire.answer().await.map(|answer| answer.status), Some(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_to_an_app_that_answers_at_once_stays_open() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let ana = gateway.device("ana").await;
    for _ in 0..100 {
        let mut socket = web_socket(&gateway, &ana).await.expect("admitted");
        echo(&mut socket).await;
    }
}

async fn web_socket(gateway: &TestGateway, token: &str) -> Result<Socket, Error> {
    let stream = Wire::open(gateway.port(), OFFICE).await.into_stream();
    let mut request = format!("ws://crm.localhost:{}/ws", gateway.port()).into_client_request().expect("an address");
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("visible"));
    tokio_tungstenite::client_async(request, stream).await.map(|(socket, _)| socket)
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

const PATIENCE: Duration = Duration::from_secs(10);
