//! The way from the browser to the servers under test: from which address does it come, and where do names lead?
//!
//! A SOCKS proxy (RFC 1928; CONNECT without authentication, which is all that a browser asks for). Every name leads to
//! 127.0.0.1, and an address outside this machine is refused, so that a test cannot depend on the network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// A listening proxy. When it is dropped, it stops and its connections are cut.
#[derive(Debug)]
pub(super) struct Route {
    proxy: SocketAddr,
    from: watch::Sender<IpAddr>,
}

impl Route {
    /// Listens on a port that the system picks; connections go out from `from`.
    pub(super) async fn open(from: IpAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("the system has a free port");
        let proxy = listener.local_addr().expect("it listens");
        let (from, mut follow) = watch::channel(from);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Ok((browser, _)) = listener.accept() => drop(tokio::spawn(carry(browser, follow.clone()))),
                    moved = follow.changed() => if moved.is_err() { return },
                }
            }
        });
        Self { proxy, from }
    }

    pub(super) fn proxy(&self) -> SocketAddr {
        self.proxy
    }

    /// Connections go out from `from` now; those that are open are cut.
    pub(super) fn move_to(&self, from: IpAddr) {
        self.from.send_replace(from);
    }
}

/// One connection, until either side ends it, the address changes or the route is dropped.
async fn carry(mut browser: TcpStream, mut follow: watch::Receiver<IpAddr>) {
    let from = *follow.borrow_and_update();
    let carried = async {
        let to = requested(&mut browser).await?;
        let answer = match connect(from, to).await {
            Ok(mut server) => {
                browser.write_all(&reply(SUCCEEDED)).await?;
                return copy_bidirectional(&mut browser, &mut server).await.map(drop);
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => NOT_ALLOWED,
            Err(_) => REFUSED,
        };
        browser.write_all(&reply(answer)).await
    };
    tokio::select! {
        // A connection that breaks is the browser's to notice.
        _ = carried => {}
        _ = follow.changed() => {}
    }
}

/// Reads the greeting and the request, and says where the browser wants to go.
async fn requested(browser: &mut TcpStream) -> io::Result<SocketAddr> {
    let [_version, methods] = read(browser).await?;
    browser.read_exact(&mut vec![0; usize::from(methods)]).await?;
    browser.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let [_version, _connect, _reserved, kind] = read(browser).await?;
    let address = match kind {
        IPV4 => IpAddr::V4(Ipv4Addr::from(read::<4>(browser).await?)),
        IPV6 => IpAddr::V6(Ipv6Addr::from(read::<16>(browser).await?)),
        _name => {
            let [length] = read(browser).await?;
            browser.read_exact(&mut vec![0; usize::from(length)]).await?;
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
    };
    Ok(SocketAddr::new(address, u16::from_be_bytes(read(browser).await?)))
}

async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    if !to.ip().is_loopback() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    match to {
        SocketAddr::V4(_) => {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(from, 0))?;
            socket.connect(to).await
        }
        // IPv6 has one address of its own machine: nothing to choose from.
        SocketAddr::V6(_) => TcpSocket::new_v6()?.connect(to).await,
    }
}

async fn read<const N: usize>(browser: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    browser.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn reply(code: u8) -> [u8; 10] {
    [VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0]
}

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const IPV4: u8 = 1;
const IPV6: u8 = 4;
const SUCCEEDED: u8 = 0;
const NOT_ALLOWED: u8 = 2;
const REFUSED: u8 = 5;
