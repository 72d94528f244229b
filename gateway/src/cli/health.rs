//! `health`: is the gateway of this configuration ready?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Style, misconfigured, print, trouble};
use crate::admin::{AdminError, Code};
use crate::clock::Clock;
use crate::config;

/// Asks `/readyz` on `listen.admin`.
pub(super) async fn health(dir: &Path, style: Style) -> u8 {
    let admin = match config::load(dir, Clock::system().now()) {
        Ok(loaded) => reachable(loaded.settings.listen.admin),
        Err(faults) => return trouble(&misconfigured(dir, &faults), style),
    };
    let answered = tokio::time::timeout(WITHIN, ask(admin)).await;
    let answered = answered.unwrap_or_else(|_late| Err(std::io::Error::from(std::io::ErrorKind::TimedOut)));
    match (answered, style) {
        (Ok((ready, body)), Style::Json) => {
            print::out(&body);
            u8::from(!ready)
        }
        (Ok((true, _)), Style::Words) => {
            print::out("ready");
            0
        }
        (Ok((false, body)), Style::Words) => {
            print::out(&format!("not ready: {body}"));
            1
        }
        (Err(error), _) => {
            let error = AdminError::new(Code::Failed, format!("no gateway answers at {admin}: {error}"));
            trouble(&error, style)
        }
    }
}

/// Ready or not, and what it says.
async fn ask(admin: SocketAddr) -> std::io::Result<(bool, String)> {
    let mut stream = TcpStream::connect(admin).await?;
    // HTTP/1.0: the answer ends with the connection.
    stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {admin}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let ready = answer.split(' ').nth(1) == Some("200");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((ready, body.trim().to_owned()))
}

/// Who listens everywhere is asked on this machine.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

const WITHIN: Duration = Duration::from_secs(5);
const LONGEST: u64 = 64 << 10;
