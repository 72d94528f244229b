//! The conversation, where one side says something else than it should.

use tokio::net::UnixStream;

use super::*;

#[tokio::test]
async fn what_is_no_step_is_an_error_and_so_is_silence() {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    for step in [Step::Sockets, Step::Release, Step::Closed, Step::Ready, Step::Handed, Step::GaveUp] {
        say(&mut ours, step).await.unwrap();
        assert_eq!(hear(&mut theirs, GAP).await.unwrap(), step);
    }
    ours.write_all(b"?").await.unwrap();
    assert_eq!(hear(&mut theirs, GAP).await.unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(hear(&mut theirs, Duration::ZERO).await.unwrap_err().kind(), ErrorKind::TimedOut);
    drop(ours);
    assert_eq!(hear(&mut theirs, GAP).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn listening_sockets_pass_with_their_queue_and_nothing_else_passes_for_one() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let bound = || Some(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let bound = crate::server::Bound { http: bound(), https: None, admin: bound() };
    let sockets = Sockets::open(bound, Vec::new(), &listen(None)).unwrap();
    let address = sockets.addresses().unwrap().http.unwrap();
    // It connects before anybody accepts, and before the socket has passed.
    let waiting = tokio::net::TcpStream::connect(address).await.unwrap();
    sockets.send(&ours).await.unwrap();
    drop(sockets);
    let received = sockets::receive(&theirs).await.unwrap();
    assert_eq!(received.len(), 2);
    let taken = Sockets::open(crate::server::Bound::default(), received, &listen(Some(address))).unwrap();
    let (http, _) = taken.for_people().unwrap();
    let http = tokio::net::TcpListener::from_std(http.unwrap()).unwrap();
    let (accepted, peer) = http.accept().await.unwrap();
    assert_eq!(peer, waiting.local_addr().unwrap());
    drop(accepted);

    say(&mut ours, Step::Closed).await.unwrap();
    assert_eq!(sockets::receive(&theirs).await.unwrap_err().kind(), ErrorKind::InvalidData, "another letter");
    drop(ours);
    assert_eq!(sockets::receive(&theirs).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

fn listen(http: Option<std::net::SocketAddr>) -> crate::config::Listen {
    let workers = std::num::NonZeroU32::MIN;
    crate::config::Listen { http, https: None, admin: "127.0.0.1:0".parse().unwrap(), workers }
}
