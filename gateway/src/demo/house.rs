//! The demo's house: a folder with a configuration to edit, a gateway, two people, a token.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::Secret;
use access::identity::{AppName, Email, GroupName, NameError, RoleName, Scope, UserName};
use access::password::Password;
use access::totp::TotpSecret;

use super::apps::Apps;
use super::postbox::Postbox;
use super::words::passphrase;
use crate::audit::{Actor, Entry};
use crate::clock::Clock;
use crate::gate::random;
use crate::server::{Bound, Options, Server, Start, StartError};
use crate::store::StoreError;
use crate::store::vault::{Bearer, NewPerson, NewToken, VaultError};

/// Everything the demo consists of. Dropping it ends the apps and removes the folder, unless that is kept.
pub(super) struct House {
    pub(super) server: Server,
    pub(super) folder: Folder,
    pub(super) port: u16,
    pub(super) admin: u16,
    pub(super) ana: Person,
    pub(super) bo: Person,
    pub(super) token: Bearer,
    pub(super) clock: Clock,
    pub(super) postbox: Postbox,
    _apps: Apps,
}

/// Somebody who can sign in.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) password: Secret<String>,
    pub(super) totp: Option<TotpSecret>,
}

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    #[error("{0}: {1}")]
    File(String, io::Error),
    #[error("{0} is not empty; nothing was written")]
    NotEmpty(String),
    #[error("no free port from {0} on")]
    NoPort(u16),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the demo's own names: {0}")]
    Name(#[from] NameError),
    #[error("the demo's own passwords: {0}")]
    Password(#[from] access::password::PasswordError),
}

impl House {
    /// Builds and opens it, on 127.0.0.1 and nowhere else. Port 0: any free ports.
    pub(super) async fn open(first_port: u16, keep: Option<PathBuf>) -> Result<Self, DemoError> {
        let clock = Clock::system();
        let folder = Folder::make(keep)?;
        let (http, port) = listen(first_port)?;
        let (admin_socket, admin) = listen(if first_port == 0 { 0 } else { FIRST_ADMIN_PORT })?;
        let apps = Apps::start(&clock, &format!("http://login.localhost:{port}")).await?;
        let postbox = Postbox::start().await?;
        let filled = |text: &str| {
            text.replace("{port}", &port.to_string())
                .replace("{admin}", &admin.to_string())
                .replace("{crm}", &apps.crm.to_string())
                .replace("{mail}", &apps.mail.to_string())
                .replace("{messages}", &postbox.page().to_string())
                .replace("{smtp}", &postbox.smtp().to_string())
        };
        folder.write("gateway.yaml", &filled(include_str!("files/gateway.yaml")))?;
        folder.write("policies/organization.yaml", include_str!("files/organization.yaml"))?;
        let server = Server::start(Options {
            config_dir: folder.path.clone(),
            clock: clock.clone(),
            bound: Bound { http: Some(http), https: None, admin: Some(admin_socket) },
            start: Start::Alone,
            access_log: None,
            banner: Some(format!("Demo: everything here is made up. Edit {}", folder.path.display())),
        })
        .await?;
        let ana = settle(&server, "ana", "Ana Ruiz", &["admin"], &["sales"], TwoStep::SetUp).await?;
        let bo = settle(&server, "bo", "Bo Lindström", &[], &["support"], TwoStep::NotYet).await?;
        let token = make_token(&server, &clock, &ana).await?;
        Ok(Self { server, folder, port, admin, ana, bo, token, clock, postbox, _apps: apps })
    }

    /// An address on the portal or in an app: `url("crm", "/")`.
    pub(super) fn url(&self, name: &str, path: &str) -> String {
        format!("http://{name}.localhost:{}{path}", self.port)
    }

    /// Ends the gateway and removes the folder.
    pub(super) async fn close(self) {
        self.server.stop(Duration::from_secs(1)).await;
    }
}

#[derive(PartialEq, Eq)]
enum TwoStep {
    SetUp,
    NotYet,
}

/// Adds somebody with a password of their own.
async fn settle(
    server: &Server,
    name: &'static str,
    full_name: &str,
    roles: &[&str],
    groups: &[&str],
    two_step: TwoStep,
) -> Result<Person, DemoError> {
    let vault = server.gate().vault();
    let entry = |act: &str| Entry::new(Actor::Console, act).on(name).detail("for the demo");
    let new = NewPerson {
        name: UserName::parse(name)?,
        full_name: full_name.to_owned(),
        email: Some(Email::parse(&format!("{name}@demo.localhost"))?),
        roles: roles.iter().map(|role| RoleName::parse(role)).collect::<Result<_, _>>()?,
        groups: groups.iter().map(|group| GroupName::parse(group)).collect::<Result<_, _>>()?,
    };
    let (record, _invitation) = vault.add_person(new, entry("user.add")).await?;
    let id = record.person.id;
    let password = passphrase();
    let hashed = Password::parse(password.clone())?.hash(random());
    vault.set_password(id, hashed, entry("password.set")).await?;
    let totp = (two_step == TwoStep::SetUp).then(|| TotpSecret::from_random(random()));
    if let Some(secret) = &totp {
        // The recovery codes are thrown away: who loses the demo's phone starts another demo.
        vault.enrol_totp(id, secret, entry("two_step.set_up")).await?;
    }
    Ok(Person { name, password, totp })
}

async fn make_token(server: &Server, clock: &Clock, owner: &Person) -> Result<Bearer, DemoError> {
    let vault = server.gate().vault();
    let name = access::identity::LoginName::parse(owner.name)?;
    let missing = || VaultError::Unknown(owner.name.to_owned());
    let owner = vault.person_called(&name).await?.ok_or_else(missing)?;
    let new = NewToken {
        owner: owner.person.id,
        name: "demo".to_owned(),
        apps: vec![AppName::parse("crm")?],
        scopes: vec![Scope::parse("crm.api")?],
        only_from: Vec::new(),
        expires: clock.now() + Duration::from_secs(24 * 60 * 60),
    };
    let (_record, text) = vault.add_token(new, Entry::new(Actor::Console, "token.add").detail("for the demo")).await?;
    Ok(text)
}

/// The demo's files.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) kept: bool,
}

impl Folder {
    /// A new one that only we may enter, or the one that is to be kept, which must be empty.
    fn make(keep: Option<PathBuf>) -> Result<Self, DemoError> {
        let failed = |path: &Path| {
            let name = path.display().to_string();
            move |error| DemoError::File(name, error)
        };
        let (path, kept) = match keep {
            Some(path) => (path, true),
            None => {
                let name = data_encoding::HEXLOWER.encode(&random::<6>());
                (std::env::temp_dir().join(format!("vestibule-demo-{name}")), false)
            }
        };
        match fs::read_dir(&path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(DemoError::NotEmpty(path.display().to_string()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(kept).mode(0o700).create(&path).map_err(failed(&path))?;
            }
            Err(error) => return Err(failed(&path)(error)),
        }
        Ok(Self { path, kept })
    }

    fn write(&self, name: &str, content: &str) -> Result<(), DemoError> {
        let path = self.path.join(name);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.map_err(|error| DemoError::File(path.display().to_string(), error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // Best effort: it lies in the folder for temporary things.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The first free port of 127.0.0.1 from there on.
fn listen(first: u16) -> Result<(TcpListener, u16), DemoError> {
    for port in (first..=u16::MAX).take(PORTS_TRIED) {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Ok(listener) => {
                let port = listener.local_addr()?.port();
                return Ok((listener, port));
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(DemoError::NoPort(first))
}

const FIRST_ADMIN_PORT: u16 = 9400;
const PORTS_TRIED: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_leads_to_the_next() {
        let (held, port) = listen(18_080).expect("a free port");
        let (_other, next) = listen(port).expect("another");
        assert!(next > port);
        assert!(held.local_addr().expect("bound").ip().is_loopback());
    }

    #[test]
    fn a_folder_that_is_not_empty_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("mine"), "mine").expect("written");
        assert!(matches!(Folder::make(Some(folder.path().to_owned())), Err(DemoError::NotEmpty(_))));
        assert!(folder.path().join("mine").exists());
    }

    #[test]
    fn a_folder_of_our_own_goes_with_the_demo_and_one_to_keep_stays() {
        let own = Folder::make(None).expect("made");
        own.write("policies/x.yaml", "").expect("written");
        let path = own.path.clone();
        drop(own);
        assert!(!path.exists());
        let parent = tempfile::tempdir().expect("a folder");
        let kept = parent.path().join("kept");
        drop(Folder::make(Some(kept.clone())).expect("made"));
        assert!(kept.exists());
    }
}
