//! A TLS connection by another program, that stays open between requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// `openssl s_client`, connected. Dropping it hangs up.
#[derive(Debug)]
pub struct OpenSsl {
    process: Child,
    write: ChildStdin,
    read: BufReader<ChildStdout>,
}

impl OpenSsl {
    /// To a gateway's port, for a host, with whatever other arguments.
    pub fn connect(port: u16, host: &str, more: &[&str]) -> Self {
        let mut process = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}"), "-servername", host])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is there");
        let write = process.stdin.take().expect("piped");
        let read = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, write, read }
    }

    /// Asks for a path of a host: the status and the body. `None`: the connection has ended. Blocks.
    pub fn get(&mut self, host: &str, path: &str) -> Option<(u16, String)> {
        let status = self.begin(host, path)?;
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            self.read.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        self.read.read_exact(&mut body).ok()?;
        Some((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// Asks for a path of a host, and reads no more than the status. `None`: the connection has ended. Blocks.
    pub fn begin(&mut self, host: &str, path: &str) -> Option<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        // It may have been hung up on; then there is nothing to read.
        let _ = self.write.write_all(request.as_bytes()).and_then(|()| self.write.flush());
        let mut line = String::new();
        self.read.read_line(&mut line).ok()?;
        line.split(' ').nth(1)?.parse().ok()
    }

    /// Reads whatever comes until the connection has ended. Blocks.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // However it ends.
        let _ = self.read.read_to_end(&mut rest);
        rest
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
