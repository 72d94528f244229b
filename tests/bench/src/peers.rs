//! The programs that are measured, and the upstream behind all of them. Each is a process of its own on free ports.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cpu::{LOAD_CORE, SERVER_CORE, go_first, go_with_others};

/// A running server; ends with this value.
pub(crate) struct Peer {
    /// As it stands in tables.
    pub(crate) name: &'static str,
    /// Plain HTTP.
    pub(crate) http: SocketAddr,
    /// HTTPS.
    pub(crate) https: SocketAddr,
    processes: Vec<Running>,
}

/// A process that is killed on drop.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts a program on one core; what it says on standard error goes to `said`.
    pub(crate) fn start(core: usize, program: &Path, arguments: &[&str], out: Stdio, said: &Path) -> Self {
        let said = fs::File::create(said).expect("a writable folder");
        // Whatever becomes of this process, it takes its servers along.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "taskset", "-c", &core.to_string()])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(said)
            .spawn();
        Self(
            child.unwrap_or_else(|error| {
                panic!("{} can't be started with setpriv and taskset: {error}", program.display())
            }),
        )
    }

    /// setpriv and taskset become what they start, so this is its number as well.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it listens. Panics if it ends instead.
    pub(crate) fn wait_for(&mut self, address: SocketAddr, said: &Path) {
        for _ in 0..12_000 {
            if let Some(ended) = self.0.try_wait().expect("our own child") {
                let said = fs::read_to_string(said).unwrap_or_default();
                panic!("a server ended at once, {ended}:\n{said}");
            }
            if TcpStream::connect(address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody listens on {address} after two minutes");
    }
}

impl Peer {
    /// Built from processes that run.
    pub(crate) fn new(name: &'static str, http: SocketAddr, https: SocketAddr, processes: Vec<Running>) -> Self {
        Self { name, http, https, processes }
    }

    /// Whose time counts.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.processes.iter().map(Running::id).collect()
    }

    /// pingora and nothing else.
    pub(crate) fn bare(ground: &Ground, steals: bool) -> Self {
        let (http, https) = (free(), free());
        let name = if steals { "bare pingora" } else { "bare pingora, no work stealing" };
        let said = ground.file(&format!("bare-{}.log", http.port()));
        let arguments = format!(
            "--http {http} --https {https} --certificate {} --key {} --upstream {}{}",
            ground.chain().display(),
            ground.key().display(),
            ground.upstream,
            if steals { "" } else { " --no-steal" },
        );
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut running = Running::start(SERVER_CORE, &ground.bare, &arguments, Stdio::null(), &said);
        running.wait_for(http, &said);
        running.wait_for(https, &said);
        Self::new(name, http, https, vec![running])
    }

    /// nginx with `proxy_pass`, and perhaps with `auth_request` to a second nginx that always says yes.
    pub(crate) fn nginx(ground: &Ground, asks: bool) -> Self {
        let (http, https, yes) = (free(), free(), free());
        let mut processes = Vec::new();
        let mut server = format!(
            "upstream app {{ server {}; keepalive 256; keepalive_requests 1000000000; }}
            upstream yes {{ server {yes}; keepalive 256; keepalive_requests 1000000000; }}
            server {{
                listen {http} backlog=4096; listen {https} ssl http2 backlog=4096; server_name _;
                ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.2 TLSv1.3;
                proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;\n",
            ground.upstream,
            ground.chain().display(),
            ground.key().display(),
        );
        if asks {
            server.push_str(
                "location = /ask { internal; proxy_pass http://yes; proxy_pass_request_body off; proxy_set_header Connection \"\"; proxy_set_header Content-Length \"\"; }
                location / { auth_request /ask; proxy_pass http://app; } }",
            );
            processes.push(nginx(ground, "yes", SERVER_CORE, &format!("server {{ listen {yes}; return 200; }}"), yes));
        } else {
            server.push_str("location / { proxy_pass http://app; } }");
        }
        let name = if asks { "nginx + auth_request" } else { "nginx" };
        processes.push(nginx(ground, if asks { "asks" } else { "plain" }, SERVER_CORE, &server, http));
        Self::new(name, http, https, processes)
    }

    /// HAProxy.
    pub(crate) fn haproxy(ground: &Ground) -> Self {
        let (http, https) = (free(), free());
        let both = ground.file(&format!("haproxy-{}.pem", http.port()));
        let pem = [ground.chain(), ground.key()].map(|file| fs::read_to_string(file).expect("ours"));
        fs::write(&both, pem.concat()).expect("a writable folder");
        let text = format!(
            "global
    nbthread 1
    maxconn 9000
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    option http-keep-alive
    http-reuse always
frontend people
    bind {http} backlog 4096
    bind {https} ssl crt {} alpn h2,http/1.1 backlog 4096
    default_backend app
backend app
    server app {}
",
            both.display(),
            ground.upstream,
        );
        let (file, said) = (
            ground.file(&format!("haproxy-{}.cfg", http.port())),
            ground.file(&format!("haproxy-{}.log", http.port())),
        );
        fs::write(&file, text).expect("a writable folder");
        let arguments = ["-db", "-f", file.to_str().expect("a plain path")];
        let mut running = Running::start(SERVER_CORE, Path::new("haproxy"), &arguments, Stdio::null(), &said);
        running.wait_for(http, &said);
        Self::new("HAProxy", http, https, vec![running])
    }
}

/// Where all peers of one run stand: a folder that goes away, a certificate, an upstream.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    /// The bare proxy's program.
    pub(crate) bare: PathBuf,
    /// The gateway's program.
    pub(crate) vestibule: PathBuf,
    /// Answers everything with 200: paths that end in `large` with 16 KiB, others with 100 bytes.
    pub(crate) upstream: SocketAddr,
    app: Option<Running>,
}

/// Given back on drop.
pub(crate) struct AppFirst(u32);

impl Drop for AppFirst {
    fn drop(&mut self) {
        go_with_others(self.0);
    }
}

impl Ground {
    /// Certificate and upstream.
    pub(crate) fn lay(bare: PathBuf, vestibule: PathBuf) -> Self {
        for program in [&bare, &vestibule] {
            assert!(program.exists(), "{} is not there; `sh tests/bench/run` builds it", program.display());
        }
        let folder = tempfile::Builder::new().prefix("vestibule-bench-").tempdir().expect("a temporary folder");
        let upstream = free();
        let mut ground = Self { folder, bare, vestibule, upstream, app: None };
        let names = [crate::ours::APP_HOST, crate::ours::PORTAL_HOST].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).expect("names are well formed");
        fs::write(ground.chain(), made.cert.pem()).expect("a writable folder");
        fs::write(ground.key(), made.signing_key.serialize_pem()).expect("a writable folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(ground.key(), mode).expect("our own file");
        // A configuration's word has at most 4 KiB; eight variables make the sixteen.
        let mut server = format!("server {{ listen {upstream} backlog=4096; default_type text/plain;\n");
        let _ = writeln!(server, "set $part \"{}\";", "vestibule bench ".repeat(128));
        let _ = writeln!(server, "location / {{ return 200 \"{}\"; }}", "x".repeat(100));
        let _ = writeln!(server, "location ~ large$ {{ return 200 \"{}\"; }} }}", "$part".repeat(8));
        ground.app = Some(nginx(&ground, "upstream", LOAD_CORE, &server, upstream));
        ground
    }

    /// While this is kept, the upstream goes before everything else on its core.
    pub(crate) fn app_goes_first(&self) -> AppFirst {
        let process = self.app.as_ref().expect("it was started").id();
        go_first(process);
        AppFirst(process)
    }

    /// Where everything of this run lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.file("chain.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.file("key.pem")
    }
}

/// One nginx worker, without a master, in a folder of its own.
fn nginx(ground: &Ground, name: &str, core: usize, server: &str, listens: SocketAddr) -> Running {
    let folder = ground.file(&format!("nginx-{name}-{}", listens.port()));
    fs::create_dir_all(&folder).expect("a writable folder");
    let mut temporary = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(temporary, "{kind}_temp_path {}/{kind};", folder.display());
    }
    let text = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr crit; worker_rlimit_nofile 20000;
        events {{ worker_connections 19000; }}
        http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; {temporary}\n{server} }}"
    );
    fs::write(folder.join("nginx.conf"), text).expect("a writable folder");
    let said = folder.join("said.log");
    let prefix = folder.to_str().expect("a plain path");
    let arguments = ["-p", prefix, "-c", "nginx.conf", "-e", "stderr"];
    let mut running = Running::start(core, Path::new("nginx"), &arguments, Stdio::null(), &said);
    running.wait_for(listens, &said);
    running
}

/// A port nobody has just now.
pub(crate) fn free() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("it is bound")
}
