//! Which sockets are listened on, and how do they pass to another process?
//!
//! They stay open all the time: whoever connects in between waits in the kernel's queue, which belongs to the socket and
//! not to a process.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use tokio::io::Interest;
use tokio::net::{TcpSocket, UnixStream};

use super::Step;
use crate::config::Listen;
use crate::server::{Addresses, Bound, StartError};

/// The listening sockets, open for as long as this is kept.
#[derive(Debug)]
pub(in crate::server) struct Sockets {
    http: Option<TcpListener>,
    https: Option<TcpListener>,
    admin: TcpListener,
}

impl Sockets {
    /// Those that are open already, then those of `taken` with the right address; what is missing is bound. Errors:
    /// [`StartError::Listen`].
    pub(in crate::server) fn open(
        bound: Bound,
        mut taken: Vec<TcpListener>,
        listen: &Listen,
    ) -> Result<Self, StartError> {
        let Bound { http, https, admin } = bound;
        let http = open(http, &mut taken, listen.http)?;
        let https = open(https, &mut taken, listen.https)?;
        let admin = open(admin, &mut taken, Some(listen.admin))?;
        let admin = admin.ok_or_else(|| StartError::Io(ErrorKind::AddrNotAvailable.into()))?;
        Ok(Self { http, https, admin })
    }

    pub(in crate::server) fn addresses(&self) -> io::Result<Addresses> {
        Ok(Addresses {
            http: self.http.as_ref().map(TcpListener::local_addr).transpose()?,
            https: self.https.as_ref().map(TcpListener::local_addr).transpose()?,
            admin: self.admin.local_addr()?,
        })
    }

    /// To accept from, HTTP and HTTPS. Any number of handles share one queue.
    pub(in crate::server) fn for_people(&self) -> io::Result<(Option<TcpListener>, Option<TcpListener>)> {
        let Self { http, https, .. } = self.try_clone()?;
        Ok((http, https))
    }

    /// To accept from.
    pub(in crate::server) fn for_admin(&self) -> io::Result<TcpListener> {
        self.admin.try_clone()
    }

    /// Another set of handles on the same sockets.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        let again = |socket: &Option<TcpListener>| socket.as_ref().map(TcpListener::try_clone).transpose();
        Ok(Self { http: again(&self.http)?, https: again(&self.https)?, admin: self.admin.try_clone()? })
    }

    /// Sends them all, with one letter.
    pub(super) async fn send(&self, over: &UnixStream) -> io::Result<()> {
        let sockets = [self.http.as_ref(), self.https.as_ref(), Some(&self.admin)];
        let sockets: Vec<BorrowedFd<'_>> = sockets.into_iter().flatten().map(AsFd::as_fd).collect();
        send(over, &sockets).await
    }
}

/// A listening socket; not blocking.
fn open(
    bound: Option<TcpListener>,
    taken: &mut Vec<TcpListener>,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, StartError> {
    let is_there = |socket: &TcpListener| socket.local_addr().is_ok_and(|theirs| Some(theirs) == address);
    let socket = match (bound, address, taken.iter().position(is_there)) {
        (Some(socket), ..) => socket,
        (None, None, _) => return Ok(None),
        (None, Some(_), Some(place)) => taken.swap_remove(place),
        (None, Some(address), None) => bind(address).map_err(|error| StartError::Listen(address, error))?,
    };
    socket.set_nonblocking(true)?;
    Ok(Some(socket))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

async fn send(over: &UnixStream, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    let sent = over.async_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_MOST))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !beside.push(SendAncillaryMessage::ScmRights(sockets)) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "too many sockets"));
        }
        let letter = [Step::Sockets as u8];
        Ok(rustix::net::sendmsg(over, &[IoSlice::new(&letter)], &mut beside, SendFlags::NOSIGNAL)?)
    });
    sent.await.map(drop)
}

/// Receives what [`send`] sent. Errors: the connection ended, something else was said, or what came are no listening sockets.
pub(super) async fn receive(over: &UnixStream) -> io::Result<Vec<TcpListener>> {
    let (letter, sockets) = over
        .async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_MOST))];
            let mut beside = RecvAncillaryBuffer::new(&mut space);
            let mut letter = [0];
            let mut letters = [IoSliceMut::new(&mut letter)];
            let read = rustix::net::recvmsg(over, &mut letters, &mut beside, RecvFlags::CMSG_CLOEXEC)?;
            let mut sockets: Vec<OwnedFd> = Vec::new();
            for message in beside.drain() {
                if let RecvAncillaryMessage::ScmRights(received) = message {
                    sockets.extend(received);
                }
            }
            if read.bytes == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok((letter, sockets)) }
        })
        .await?;
    if Step::of(letter[0])? != Step::Sockets {
        return Err(io::Error::new(ErrorKind::InvalidData, "sockets were asked for, and something else came"));
    }
    let listening = |socket: OwnedFd| {
        if !rustix::net::sockopt::socket_acceptconn(&socket)? {
            return Err(io::Error::new(ErrorKind::InvalidData, "a socket came that does not listen"));
        }
        let socket = TcpListener::from(socket);
        socket.set_nonblocking(true)?;
        socket.local_addr().map(|_| socket)
    };
    sockets.into_iter().map(listening).collect()
}

/// Connections that may wait to be accepted; the system's own bound is `net.core.somaxconn`.
const BACKLOG: u32 = 4096;
/// Sockets of one gateway.
const AT_MOST: usize = 16;
