//! Whom does a load balancer speak for? Its PROXY header, read from the socket before TLS (N13).
//!
//! Not a byte behind the header is taken: what has arrived is looked at first, and then only the header is read. From peers
//! that are listed under `listen.proxy_protocol` the header is required, within `limits.header_time`; from all others
//! nothing is read here, and what they send as one is no HTTP and no TLS either.

use std::net::IpAddr;

use access::network::proxy_protocol::{self, HeaderError, LONGEST, Source, Step};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::config::Settings;
use crate::proxy::Arrival;

/// What the peer says before its first byte of HTTP or TLS. `None`: the connection is to be closed, and the log says why.
pub(super) async fn read(stream: &mut TcpStream, peer: IpAddr, settings: &Settings) -> Option<Arrival> {
    if !settings.proxy_protocol.contains_ip(peer) {
        return Some(Arrival::new(None));
    }
    let time = settings.limits.header_time;
    let why = match tokio::time::timeout(time, header(stream)).await {
        // Whose it is stays unknown for all of its requests: better said once.
        Ok(Ok(Source::Unknown)) => "it does not say whose connection it is".to_owned(),
        Ok(Ok(source)) => return Some(Arrival::new(Some(source))),
        Ok(Err(Broken::Header(error))) => error.to_string(),
        // Checks whether the port is open, without a word: everyday.
        Ok(Err(Broken::Gone)) => return None,
        Err(_late) => format!("no whole PROXY header within {} s", time.as_secs_f32()),
    };
    tracing::warn!(%peer, "a connection from {peer}, listed under listen.proxy_protocol, is closed: {why}");
    None
}

enum Broken {
    Header(HeaderError),
    Gone,
}

async fn header(stream: &mut TcpStream) -> Result<Source, Broken> {
    let mut bytes = [0; LONGEST];
    let mut kept = 0;
    loop {
        // Every step of an unfinished header was taken off the socket, so this waits for something new.
        let arrived = stream.peek(&mut bytes[kept..]).await.map_err(|_| Broken::Gone)?;
        if arrived == 0 {
            return Err(Broken::Gone);
        }
        let step = proxy_protocol::read(&bytes[..kept + arrived]).map_err(Broken::Header)?;
        let end = match step {
            Step::More => kept + arrived,
            Step::Done { length, .. } => length,
        };
        stream.read_exact(&mut bytes[kept..end]).await.map_err(|_| Broken::Gone)?;
        kept = end;
        if let Step::Done { source, .. } = step {
            return Ok(source);
        }
    }
}
