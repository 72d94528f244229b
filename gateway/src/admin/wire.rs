//! How does a command reach a running gateway? One line of JSON each way, through the Unix socket beside the store.
//!
//! Request: `{"command": …}`, at most 1 MiB. Reply: `{"ok": …}` or `{"error": …}`, at most 16 MiB. Then both hang up.
//! The socket lies in the store's folder, which only the gateway's user may enter; besides, the kernel tells whose process
//! is at the other end, and only that user and root are answered.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{AdminError, Code, Command};

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The verb.
    pub command: Command,
}

/// What is answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// It was done, or found.
    Ok(Value),
    /// It was not.
    Error(AdminError),
}

/// Why nobody answered.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No gateway runs on this store.
    #[error("no gateway listens at {0}")]
    NobodyListens(String),
    /// There is a gateway, of another user.
    #[error("the gateway at {0} belongs to another user: run this as that user or as root")]
    NotPermitted(String),
    /// It hung up, took too long or said something else. The command may have been performed.
    #[error("the gateway did not answer properly: {0}")]
    Broken(String),
}

/// Where a running gateway listens for commands: beside its store.
pub fn socket_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}

/// Asks the gateway behind a socket. Outside: whether it could be asked. Inside: its answer.
pub async fn ask(socket: &Path, command: Command) -> Result<Result<Value, AdminError>, ConnectError> {
    Ok(begin(socket, command).await?.map(|(answer, _)| answer))
}

/// The same, and the connection with it: a command can be the beginning of a conversation, in which the gateway says
/// nothing until it is spoken to.
pub async fn begin(socket: &Path, command: Command) -> Result<Result<(Value, UnixStream), AdminError>, ConnectError> {
    let at = || socket.display().to_string();
    let mut stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ConnectError::NobodyListens(at()),
        ErrorKind::PermissionDenied => ConnectError::NotPermitted(at()),
        _ => ConnectError::Broken(error.to_string()),
    })?;
    let broken = |error: io::Error| ConnectError::Broken(error.to_string());
    let mut line = serde_json::to_vec(&Request { command }).map_err(|error| ConnectError::Broken(error.to_string()))?;
    line.push(b'\n');
    if line.len() > LONGEST_REQUEST {
        return Ok(Err(refused(format!("the command is longer than {LONGEST_REQUEST} bytes"))));
    }
    // It may refuse and hang up before it has read everything: then its refusal tells more than the broken pipe.
    let sent = stream.write_all(&line).await;
    let reply = timeout(ANSWERED_WITHIN, read_line(&mut stream, LONGEST_REPLY))
        .await
        .map_err(|_late| ConnectError::Broken("no answer within a minute".to_owned()))?;
    let reply = match (reply, sent) {
        (Ok(reply), _) => reply,
        (Err(_), Err(error)) | (Err(error), Ok(())) => return Err(broken(error)),
    };
    match serde_json::from_slice(&reply).map_err(|error| ConnectError::Broken(error.to_string()))? {
        Reply::Ok(value) => Ok(Ok((value, stream))),
        Reply::Error(error) => Ok(Err(error)),
    }
}

/// A command, of somebody who may give it, that waits for its answer.
#[derive(Debug)]
pub struct Asked {
    /// What.
    pub command: Command,
    /// The process that asks.
    pub process: u32,
    stream: UnixStream,
}

/// Reads the one command of a connection; looks who it is first. `None`: it was refused, and that was answered. Errors: the
/// connection's own.
pub async fn hear(mut stream: UnixStream) -> io::Result<Option<Asked>> {
    let why = if is_trusted(&stream)? {
        let read = timeout(ASKED_WITHIN, read_line(&mut stream, LONGEST_REQUEST)).await;
        match read.unwrap_or_else(|_late| Err(io::Error::from(ErrorKind::TimedOut))) {
            Ok(line) => match serde_json::from_slice(&line) {
                Ok(Request { command }) => {
                    let process =
                        stream.peer_cred()?.pid().and_then(|process| process.try_into().ok()).unwrap_or_default();
                    return Ok(Some(Asked { command, process, stream }));
                }
                Err(error) => refused(format!("this gateway does not understand the command: {error}"))
                    .help("command line and gateway should be of the same version"),
            },
            Err(error) => refused(format!("the command could not be read: {error}")),
        }
    } else {
        AdminError::new(Code::Unavailable, "the gateway answers only its own user and root")
    };
    say(&mut stream, Err(why)).await?;
    stream.shutdown().await?;
    Ok(None)
}

impl Asked {
    /// Answers; the connection comes back, for what may follow. Errors: the connection's own.
    pub async fn answer(mut self, reply: Result<Value, AdminError>) -> io::Result<UnixStream> {
        say(&mut self.stream, reply).await?;
        Ok(self.stream)
    }
}

/// Serves one connection: hears one command, has it handled, answers. Errors: the connection's own; a command that is
/// refused or fails is answered, and no error here.
pub async fn serve_one<Handle, Handling>(stream: UnixStream, handle: Handle) -> io::Result<()>
where
    Handle: FnOnce(Command) -> Handling,
    Handling: Future<Output = Result<Value, AdminError>>,
{
    let Some(mut asked) = hear(stream).await? else { return Ok(()) };
    let reply = handle(asked.command).await;
    say(&mut asked.stream, reply).await?;
    asked.stream.shutdown().await
}

async fn say(stream: &mut UnixStream, reply: Result<Value, AdminError>) -> io::Result<()> {
    let reply = reply.map_or_else(Reply::Error, Reply::Ok);
    let mut line = serde_json::to_vec(&reply)?;
    if line.len() >= LONGEST_REPLY {
        let error = AdminError::new(Code::Failed, "the answer is too long to be sent").help("ask for less at once");
        line = serde_json::to_vec(&Reply::Error(error))?;
    }
    line.push(b'\n');
    timeout(ANSWERED_WITHIN, stream.write_all(&line)).await?
}

fn refused(message: String) -> AdminError {
    AdminError::new(Code::Usage, message)
}

/// Up to the first line feed, without it. Errors: too long, or the end came first.
async fn read_line(reading: impl AsyncRead + Unpin, longest: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(longest).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    BufReader::new(reading.take(limit)).read_until(b'\n', &mut line).await?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(line);
    }
    if line.len() >= longest {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("longer than {longest} bytes")));
    }
    Err(ErrorKind::UnexpectedEof.into())
}

/// Is this one we would also give everything to: a process of root or of our own user? Errors: the system's.
pub fn is_trusted(stream: &UnixStream) -> io::Result<bool> {
    let peer = stream.peer_cred()?.uid();
    Ok(peer == 0 || peer == our_uid()?)
}

/// Of this process: the kernel gives `/proc/self` to the effective user.
fn our_uid() -> io::Result<u32> {
    Ok(std::fs::metadata("/proc/self")?.uid())
}

/// Of a request with its line feed.
const LONGEST_REQUEST: usize = 1 << 20;
/// Of a reply with its line feed.
const LONGEST_REPLY: usize = 16 << 20;
/// Whoever connects says at once what they want.
const ASKED_WITHIN: Duration = Duration::from_secs(10);
/// A reload may read certificates and run many cases.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::net::UnixListener;

    #[tokio::test]
    async fn a_command_comes_back_as_its_answer() {
        let answer = exchange(|command| async move {
            assert_eq!(command, Command::UserShow { user: "ana".to_owned() });
            Ok(json!({ "user": "ana" }))
        });
        assert_eq!(answer.await.expect("answered"), Ok(json!({ "user": "ana" })));
    }

    #[tokio::test]
    async fn an_error_comes_back_as_it_was() {
        let error = AdminError::new(Code::Unknown, "there is nobody called \"anna\"").help("did you mean `ana`?");
        let theirs = error.clone();
        let answer = exchange(|_| async move { Err(theirs) });
        assert_eq!(answer.await.expect("answered"), Err(error));
    }

    #[tokio::test]
    async fn an_answer_beyond_the_limit_becomes_an_error() {
        let answer = exchange(|_| async { Ok(json!("x".repeat(LONGEST_REPLY))) });
        let error = answer.await.expect("answered").expect_err("too long");
        assert_eq!((error.code, error.message.as_str()), (Code::Failed, "the answer is too long to be sent"));
    }

    #[tokio::test]
    async fn what_is_too_long_is_neither_sent_nor_handled() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("s");
        let _listener = UnixListener::bind(&socket).expect("bound");
        let answer = ask(&socket, Command::Why { code: "x".repeat(LONGEST_REQUEST) }).await;
        assert_eq!(answer.expect("not asked").expect_err("too long").code, Code::Usage);

        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let serving = tokio::spawn(serve_one(theirs, |_| async { panic!("handled") }));
        let _ = ours.write_all(&b"{\"command\": ".repeat(LONGEST_REQUEST / 10)).await;
        let _ = serving.await.expect("not handled");
    }

    #[tokio::test]
    async fn what_is_broken_or_unknown_is_told_and_never_handled() {
        for (sent, part) in [
            (b"{\"command\": {\"verb\": \"user.show\"".to_vec(), "end of file"),
            (b"{}\n".to_vec(), "missing field `command`"),
            (b"{\"command\": {\"verb\": \"user.drop\"}}\n".to_vec(), "unknown variant `user.drop`"),
            (b"{\"command\": {\"verb\": \"user.show\", \"user\": \"a\", \"as\": 1}}\n".to_vec(), "unknown field `as`"),
        ] {
            let (mut ours, theirs) = UnixStream::pair().expect("a pair");
            let serving = tokio::spawn(serve_one(theirs, |_| async { panic!("handled") }));
            // The other side may hang up before it has read everything.
            let _ = ours.write_all(&sent).await;
            let _ = ours.shutdown().await;
            let mut reply = String::new();
            let _ = ours.read_to_string(&mut reply).await;
            serving.await.expect("no panic").expect("answered");
            assert!(reply.starts_with("{\"error\":") && reply.contains(part), "{part}: {reply}");
        }
    }

    #[tokio::test]
    async fn nobody_listening_is_told_from_an_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("vestibule.redb.sock");
        let answer = ask(&socket, Command::Health {}).await;
        assert!(matches!(answer, Err(ConnectError::NobodyListens(_))), "{answer:?}");
        drop(UnixListener::bind(&socket).expect("bound"));
        let answer = ask(&socket, Command::Health {}).await;
        assert!(matches!(answer, Err(ConnectError::NobodyListens(_))), "a socket left behind: {answer:?}");
    }

    async fn exchange<Handling>(
        handle: impl FnOnce(Command) -> Handling + Send + 'static,
    ) -> Result<Result<Value, AdminError>, ConnectError>
    where
        Handling: Future<Output = Result<Value, AdminError>> + Send + 'static,
    {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("s");
        let listener = UnixListener::bind(&socket).expect("bound");
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("accepted");
            serve_one(stream, handle).await
        });
        let answer = ask(&socket, Command::UserShow { user: "ana".to_owned() }).await;
        serving.await.expect("no panic").expect("answered");
        answer
    }
}
