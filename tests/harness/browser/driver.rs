//! chromedriver: who starts the browser, and who makes sure that it ends?
//!
//! A shell starts the driver in the background and then reads its own input, which is a pipe from this process. When the
//! pipe closes, because the [`Driver`] was dropped or because this process died however it did, the shell kills its
//! process group: itself, the driver and every process of Chromium. No process of anybody else can be hit.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running chromedriver with a folder of its own. Dropping it kills it and all its browsers, and removes the folder.
#[derive(Debug)]
pub(super) struct Driver {
    shell: Child,
    port: u16,
    chromium: PathBuf,
    /// Dropped last: the processes that write into it are gone by then.
    folder: TempDir,
}

impl Driver {
    /// Starts chromedriver on a port that the system picks, and waits until it listens.
    pub(super) async fn start() -> Self {
        let started = tokio::task::spawn_blocking(Self::start_blocking).await;
        started.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Where it takes commands.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Chromium's program.
    pub(super) fn chromium(&self) -> &Path {
        &self.chromium
    }

    /// Everything that the driver and the browser write is in here.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the driver and the browser complained about.
    pub(super) fn log(&self) -> String {
        log(self.folder.path())
    }

    fn start_blocking() -> Self {
        let chromium = installed("chromium");
        let chromedriver = installed("chromedriver");
        // A short name: Chromium puts a socket deep below it, and the path of a socket has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("browser-").tempdir().expect("the temporary folder is writable");
        for _ in 0..STARTS {
            if let Some((shell, port)) = run(&chromedriver, folder.path()) {
                return Self { shell, port, chromium, folder };
            }
        }
        panic!("chromedriver did not start\n{}", log(folder.path()));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell dies by the signal that it sends to its group, so that when it is gone, they all have been hit.
        let _ = self.shell.wait();
    }
}

/// A shell with chromedriver in it, and the port; `None` if that did not start.
fn run(chromedriver: &Path, folder: &Path) -> Option<(Child, u16)> {
    let log_file = File::create(folder.join(LOG)).expect("a folder just made is writable");
    let mut shell = Command::new("sh")
        .args(["-c", SHELL, "sh"])
        .arg(chromedriver)
        // Otherwise Chromium leaves its caches, crash reports and sockets in the home of whoever runs the tests.
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_CACHE_HOME", folder)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .spawn()
        .expect("every system has a shell");
    let said = BufReader::new(shell.stdout.take().expect("it was asked for as a pipe"));
    if let Some(port) = said.lines().map_while(Result::ok).find_map(|line| port_in(&line)) {
        return Some((shell, port));
    }
    drop(shell.stdin.take());
    let _ = shell.wait();
    None
}

/// `ChromeDriver was started successfully on port 41231.`
fn port_in(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(LOG)).unwrap_or_default()
}

fn installed(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{program} is missing: run sh deploy/setup.sh --tests"))
}

/// The driver takes a free port of IPv4 and then wants the same one of IPv6, which somebody else may have.
const STARTS: usize = 5;

const LOG: &str = "driver.log";

/// The shell gives its own output away, so that the pipe ends when chromedriver does not start.
const SHELL: &str = r#""$1" --port=0 --log-level=SEVERE & exec >/dev/null; read -r _; kill -KILL 0"#;
