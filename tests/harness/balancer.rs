//! A load balancer in front of the gateway, which begins every connection with a PROXY header.
//!
//! [`Relay`] sends whatever header a test wants and then passes bytes on; [`HaProxy`] is the real program.

use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

/// The address that tests list under `listen.proxy_protocol`.
pub const BALANCER: &str = "127.0.5.9";

/// A balancer that says what it is told to. Dropping it closes everything.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    _running: JoinSet<()>,
}

impl Relay {
    /// In front of the port, from [`BALANCER`], with this header.
    pub async fn start(to: u16, header: Vec<u8>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = socket.local_addr().expect("bound").port();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut client, _)) = socket.accept().await {
                let header = header.clone();
                open.spawn(async move {
                    let from: IpAddr = BALANCER.parse().expect("an address");
                    let behind = TcpSocket::new_v4().expect("a socket");
                    behind.bind(SocketAddr::new(from, 0)).expect("a loopback address");
                    let Ok(mut behind) = behind.connect(SocketAddr::from(([127, 0, 0, 1], to))).await else { return };
                    use tokio::io::AsyncWriteExt;
                    // Who hangs up is what some tests are about.
                    let _ = behind.write_all(&header).await;
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut behind).await;
                });
            }
        });
        Self { port, _running: running }
    }

    /// Where clients reach it.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// HAProxy in front of the gateway. Dropping it ends the process.
#[derive(Debug)]
pub struct HaProxy {
    process: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl HaProxy {
    /// In front of the port, from [`BALANCER`]: `mode` is `tcp` or `http`, `server` what stands behind the server's address,
    /// such as `send-proxy-v2`.
    pub fn start(to: u16, mode: &str, server: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("bound").port();
        let file = dir.path().join("haproxy.cfg");
        let settings = format!(
            "defaults\n mode {mode}\n timeout client 10s\n timeout server 10s\n timeout connect 5s\n\
             listen front\n bind fd@0\n server gateway 127.0.0.1:{to} source {BALANCER} {server}\n"
        );
        std::fs::write(&file, settings).expect("writable");
        // The socket is open already, so that nobody can take its port and no one has to wait for it.
        let process = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(&file)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(socket)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy is there: sh deploy/setup.sh --tests installs it");
        Self { process, port, _dir: dir }
    }

    /// Where clients reach it.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A version 1 header: the client's address, and a destination that nobody looks at.
pub fn line(client: &str) -> Vec<u8> {
    let family = if client.contains(':') { "TCP6" } else { "TCP4" };
    let destination = if client.contains(':') { "2001:db8::1" } else { "192.0.2.1" };
    format!("PROXY {family} {client} {destination} 56324 443\r\n").into_bytes()
}

/// A version 2 header of any kind.
pub fn binary(kind: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("short enough").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[kind, family][..], &length, rest].concat()
}

/// A version 2 header for TCP over IPv4, with whatever extensions.
pub fn binary_for(client: [u8; 4], extensions: &[u8]) -> Vec<u8> {
    binary(0x21, 0x11, &[&client[..], &[192, 0, 2, 1, 0xdc, 4, 1, 0xbb], extensions].concat())
}
