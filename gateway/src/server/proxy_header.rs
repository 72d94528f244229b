//! Whom does a load balancer speak for? Its PROXY header, read from the socket before TLS (N13).
//!
//! Not a byte behind the header is taken: what has arrived is looked at first, and then only the header is read. It has the
//! time that everything before HTTP has together, `limits.header_time`, by the watch over slow clients. From peers that are
//! not listed under `listen.proxy_protocol` nothing is read here, and what they send as a header is no HTTP and no TLS.

use std::net::IpAddr;

use access::network::proxy_protocol::{self, HeaderError, LONGEST, Source, Step};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// What a listed peer says before anything else. `None`: the connection is to be closed, and the log says why.
pub(super) async fn read(socket: &mut TcpStream, peer: IpAddr) -> Option<Source> {
    let why = match header(socket).await {
        // No request on it could be judged: better closed at once.
        Ok(Source::Unknown) => "its PROXY header does not say whose connection it is".to_owned(),
        Ok(source) => return Some(source),
        Err(Broken::Header(error)) => error.to_string(),
        // Whoever only looks whether the port is open: everyday.
        Err(Broken::Gone) => return None,
    };
    tracing::warn!(%peer, "a connection of {peer}, which listen.proxy_protocol lists, was closed: {why}");
    None
}

enum Broken {
    Header(HeaderError),
    Gone,
}

async fn header(socket: &mut TcpStream) -> Result<Source, Broken> {
    let mut bytes = [0; LONGEST];
    let mut kept = 0;
    loop {
        // Whatever belongs to an unfinished header was taken off the socket, so this waits for something new.
        let arrived = socket.peek(&mut bytes[kept..]).await.map_err(|_| Broken::Gone)?;
        if arrived == 0 {
            return Err(Broken::Gone);
        }
        let step = proxy_protocol::read(&bytes[..kept + arrived]).map_err(Broken::Header)?;
        let end = match step {
            Step::More => kept + arrived,
            Step::Done { length, .. } => length,
        };
        socket.read_exact(&mut bytes[kept..end]).await.map_err(|_| Broken::Gone)?;
        kept = end;
        if let Step::Done { source, .. } = step {
            return Ok(source);
        }
    }
}
