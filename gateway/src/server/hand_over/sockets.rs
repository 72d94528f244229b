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
use tokio::net::UnixStream;

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
    pub(in crate::server) async fn open(
        bound: Bound,
        mut taken: Vec<TcpListener>,
        listen: &Listen,
    ) -> Result<Self, StartError> {
        let Bound { http, https, admin } = bound;
        let http = open(http, &mut taken, listen.http).await?;
        let https = open(https, &mut taken, listen.https).await?;
        let admin = open(admin, &mut taken, Some(listen.admin)).await?;
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

    /// To accept from. Any number of them share one queue.
    pub(in crate::server) fn http(&self) -> io::Result<Option<tokio::net::TcpListener>> {
        self.http.as_ref().map(to_accept_from).transpose()
    }

    /// To accept from.
    pub(in crate::server) fn https(&self) -> io::Result<Option<tokio::net::TcpListener>> {
        self.https.as_ref().map(to_accept_from).transpose()
    }

    /// To accept from.
    pub(in crate::server) fn admin(&self) -> io::Result<tokio::net::TcpListener> {
        to_accept_from(&self.admin)
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

async fn open(
    bound: Option<TcpListener>,
    taken: &mut Vec<TcpListener>,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, StartError> {
    if let Some(socket) = bound {
        socket.set_nonblocking(true)?;
        return Ok(Some(socket));
    }
    let Some(address) = address else { return Ok(None) };
    if let Some(place) = taken.iter().position(|socket| socket.local_addr().is_ok_and(|theirs| theirs == address)) {
        return Ok(Some(taken.swap_remove(place)));
    }
    let failed = |error| StartError::Listen(address, error);
    let socket = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    socket.into_std().map(Some).map_err(failed)
}

fn to_accept_from(socket: &TcpListener) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(socket.try_clone()?)
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

/// Sockets of one gateway.
const AT_MOST: usize = 16;
