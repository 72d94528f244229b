//! Servers that people really run, each from its package, in a folder of its own, on a free loopback port.
//!
//! Each answers `PUBLIC` where its own idea of the path lies below `/public/`, and `SECRET` everywhere else. Nothing that
//! was started outlives its value.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::program::free_port;

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// What it is called in tables: `nginx`.
    pub name: &'static str,
    port: u16,
    child: Child,
    _dir: tempfile::TempDir,
}

impl Server {
    /// Every one of them.
    pub fn all() -> Vec<Self> {
        vec![
            Self::start("nginx", nginx),
            Self::start("apache", apache),
            Self::start("lighttpd", lighttpd),
            Self::start("haproxy", |dir, port| haproxy(dir, port, "")),
            Self::start("haproxy-tidy", |dir, port| haproxy(dir, port, TIDY)),
            Self::start("node", node),
            Self::start("gunicorn", gunicorn),
        ]
    }

    /// Radicale, a server of calendars and contacts, which keeps them in this folder and believes `Remote-User`.
    pub fn radicale(kept: &Path) -> Self {
        Self::start("radicale", |dir, port| radicale(dir, port, kept))
    }

    fn start(name: &'static str, prepare: impl FnOnce(&Path, u16) -> Command) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        // Apache gives up its rights before it looks at its folder.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("ours");
        // None that the system gives to somebody who connects, before the server has taken it.
        let port = free_port();
        let mut command = prepare(dir.path(), port);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}: run sh deploy/setup.sh --tests"));
        let mut server = Self { name, port, child, _dir: dir };
        server.wait_until_it_listens();
        server
    }

    fn wait_until_it_listens(&mut self) {
        for _ in 0..LOOKS {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                let mut said = String::new();
                if let Some(mut errors) = self.child.stderr.take() {
                    let _ = std::io::Read::read_to_string(&mut errors, &mut said);
                }
                panic!("{} ended with {status}: {said}", self.name);
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{} does not listen", self.name);
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gunicorn's worker and the like end with the process that started them, if that is asked rather than killed.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, text).expect("writable");
    file
}

fn nginx(dir: &Path, port: u16) -> Command {
    let at = dir.display();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ return 200 SECRET; }}
    location /public/ {{ return 200 PUBLIC; }}
  }}
}}"
    );
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(dir).arg("-c").arg(write(dir, "nginx.conf", &config)).args(["-e", "stderr"]);
    command
}

fn apache(dir: &Path, port: u16) -> Command {
    let at = dir.display();
    let modules = ["mpm_event", "authz_core"];
    let load: String =
        modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")).concat();
    let config = format!(
        "{load}ServerName localhost\nListen 127.0.0.1:{port}\nPidFile {at}/pid\nErrorLog {at}/error.log\nUser www-data\nGroup www-data
DocumentRoot {at}/empty\nAllowEncodedSlashes On\nErrorDocument 404 SECRET\nErrorDocument 403 SECRET
<Location /public/>\nErrorDocument 404 PUBLIC\nErrorDocument 403 PUBLIC\n</Location>\n"
    );
    std::fs::create_dir(dir.join("empty")).expect("writable");
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-d").arg(dir).arg("-f").arg(write(dir, "apache.conf", &config)).arg("-DFOREGROUND");
    command
}

fn lighttpd(dir: &Path, port: u16) -> Command {
    let at = dir.display();
    std::fs::create_dir(dir.join("empty")).expect("writable");
    for word in ["PUBLIC", "SECRET"] {
        for status in ["403", "404"] {
            write(dir, &format!("{word}-{status}.html"), word);
        }
    }
    let config = format!(
        "server.port = {port}\nserver.bind = \"127.0.0.1\"\nserver.document-root = \"{at}/empty\"\nserver.errorlog = \"{at}/error.log\"
server.errorfile-prefix = \"{at}/SECRET-\"\n$HTTP[\"url\"] =~ \"^/public/\" {{ server.errorfile-prefix = \"{at}/PUBLIC-\" }}\n"
    );
    let mut command = Command::new("/usr/sbin/lighttpd");
    command.arg("-D").arg("-f").arg(write(dir, "lighttpd.conf", &config));
    command
}

/// What HAProxy can tidy up in a path.
const TIDY: &str = "http-request normalize-uri percent-decode-unreserved
  http-request normalize-uri path-merge-slashes
  http-request normalize-uri path-strip-dot
  http-request normalize-uri path-strip-dotdot full
";

fn haproxy(dir: &Path, port: u16, tidy: &str) -> Command {
    let config = format!(
        "global\n  expose-experimental-directives\ndefaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 1s
frontend all\n  bind 127.0.0.1:{port}\n  {tidy}
  http-request return status 200 content-type text/plain string PUBLIC if {{ path_beg /public/ }}
  http-request return status 200 content-type text/plain string SECRET\n"
    );
    let mut command = Command::new("/usr/sbin/haproxy");
    command.args(["-db", "-f"]).arg(write(dir, "haproxy.cfg", &config));
    command
}

/// Two ways in which programs on Node come to a path; a secret in either is a secret.
fn node(dir: &Path, port: u16) -> Command {
    let script = format!(
        "const http = require('http'), path = require('path');
http.createServer((request, response) => {{
  const raw = request.url.split('?')[0];
  let read = [];
  try {{ read = [raw, new URL(request.url, 'http://localhost').pathname, path.posix.normalize(decodeURIComponent(raw))]; }} catch {{}}
  response.end(read.length && read.every(p => p.startsWith('/public/')) ? 'PUBLIC' : 'SECRET');
}}).listen({port}, '127.0.0.1');"
    );
    let mut command = Command::new("node");
    command.arg(write(dir, "server.js", &script));
    command
}

/// What WSGI hands over, and what a file name becomes of it; a secret in either is a secret.
fn gunicorn(dir: &Path, port: u16) -> Command {
    let app = "import posixpath
def app(environ, start):
    path = environ['PATH_INFO']
    names = [path, posixpath.normpath('/' + path.lstrip('/')) + '/', posixpath.normpath(path.replace('\\\\', '/').split(';')[0]) + '/']
    start('200 OK', [('Content-Type', 'text/plain')])
    return [b'PUBLIC' if all(name.startswith('/public/') for name in names) else b'SECRET']
";
    write(dir, "served.py", app);
    let mut command = Command::new("/usr/bin/gunicorn");
    command.current_dir(dir).args(["--bind", &format!("127.0.0.1:{port}"), "--workers", "1", "--threads", "4"]);
    command.args(["--log-level", "error", "--worker-tmp-dir", "/dev/shm", "served:app"]);
    command
}

fn radicale(dir: &Path, port: u16, kept: &Path) -> Command {
    let config = format!(
        "[auth]\ntype = remote_user\n[rights]\ntype = owner_only\n[storage]\nfilesystem_folder = {}\n[web]\ntype = none\n",
        kept.display()
    );
    let config = write(dir, "radicale.conf", &config);
    // WSGI has the user in a variable of the server's own, which no header of a client can set.
    let app = "import radicale
def app(environ, start):
    environ['REMOTE_USER'] = environ.get('HTTP_REMOTE_USER', '')
    return radicale.application(environ, start)
";
    write(dir, "calendars.py", app);
    let mut command = Command::new("/usr/bin/gunicorn");
    command.current_dir(dir).env("RADICALE_CONFIG", config);
    command.args(["--bind", &format!("127.0.0.1:{port}"), "--workers", "1", "--threads", "4"]);
    command.args(["--log-level", "error", "--worker-tmp-dir", "/dev/shm", "calendars:app"]);
    command
}

/// Between two looks, and how many of them.
const PAUSE: Duration = Duration::from_millis(20);
const LOOKS: usize = 1000;
