//! What can an administrator do? Every verb once, whichever way it is reached.
//!
//! A [`Command`] comes from the command line. While a gateway runs it travels through the Unix socket beside the store
//! ([`wire`]) and is performed there; while none runs, the command line opens the store and performs it itself. Either way
//! it is [`perform`] that does it, and the answer is JSON: the command line prints it as it is, or as tables and sentences.
//! Each change is written down in the audit trail in the same transaction, by [`Actor::Console`].

mod app_passwords;
mod ask;
mod names;
mod people;
mod sessions;
mod span;
mod tokens;
pub mod wire;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use ask::walk_json;
pub use span::{LONGEST_TOKEN, Until, written};

use crate::audit::{Actor, Entry};
use crate::clock::Clock;
use crate::config::{Faults, InForce};
use crate::store::StoreError;
use crate::store::vault::{Force, Vault, VaultError};

/// One verb with everything it needs. Written as JSON with its name under `verb`: `{"verb": "user.show", "user": "ana"}`.
///
/// An unknown member is an error: a gateway that does not know how to narrow a token must not make a wide one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "verb", deny_unknown_fields)]
pub enum Command {
    /// Adds a person and answers with the invitation by which they choose a password.
    #[serde(rename = "user.add")]
    UserAdd {
        /// What they will be called.
        user: String,
        /// Their name in full; empty: the user name.
        #[serde(default)]
        full_name: String,
        /// Where to reach them.
        #[serde(default)]
        email: Option<String>,
        /// Their roles.
        #[serde(default)]
        roles: Vec<String>,
        /// Their groups.
        #[serde(default)]
        groups: Vec<String>,
    },
    /// Everybody.
    #[serde(rename = "user.list")]
    UserList {},
    /// One person with their sessions, tokens and app passwords.
    #[serde(rename = "user.show")]
    UserShow {
        /// Name or e-mail address.
        user: String,
    },
    /// Nothing opens for them any more, and what is open is closed.
    #[serde(rename = "user.disable")]
    UserDisable {
        /// Name or e-mail address.
        user: String,
        /// Also the last administrator.
        #[serde(default)]
        force: bool,
    },
    /// They may sign in again.
    #[serde(rename = "user.enable")]
    UserEnable {
        /// Name or e-mail address.
        user: String,
    },
    /// Replaces their roles.
    #[serde(rename = "user.set-roles")]
    UserSetRoles {
        /// Name or e-mail address.
        user: String,
        /// All of them, from now on.
        roles: Vec<String>,
        /// Also the last administrator.
        #[serde(default)]
        force: bool,
    },
    /// Replaces their groups.
    #[serde(rename = "user.set-groups")]
    UserSetGroups {
        /// Name or e-mail address.
        user: String,
        /// All of them, from now on.
        groups: Vec<String>,
    },
    /// Forgets their second steps; they set one up at the next sign-in.
    #[serde(rename = "user.reset-two-step")]
    UserResetTwoStep {
        /// Name or e-mail address.
        user: String,
        /// For the audit trail: "lost phone, ticket 812".
        #[serde(default)]
        reason: String,
    },
    /// Mails them a link by which they choose another password.
    #[serde(rename = "user.recover")]
    UserRecover {
        /// Name or e-mail address.
        user: String,
    },
    /// Another e-mail address; both are told.
    #[serde(rename = "user.set-email")]
    UserSetEmail {
        /// Name or e-mail address.
        user: String,
        /// The new one; `None`: none.
        #[serde(default)]
        email: Option<String>,
    },
    /// Ends all their sessions; tokens stay.
    #[serde(rename = "user.sign-out")]
    UserSignOut {
        /// Name or e-mail address.
        user: String,
    },
    /// Removes them with everything of theirs but the audit trail.
    #[serde(rename = "user.delete")]
    UserDelete {
        /// Name or e-mail address.
        user: String,
        /// Also the last administrator.
        #[serde(default)]
        force: bool,
    },
    /// A new invitation; the older one is void.
    #[serde(rename = "user.invite")]
    UserInvite {
        /// Name or e-mail address.
        user: String,
    },
    /// Makes a bearer token. Its text is in the answer and nowhere else.
    #[serde(rename = "token.add")]
    TokenAdd {
        /// Its owner, by name or e-mail address.
        user: String,
        /// What it is called.
        name: String,
        /// The apps it opens.
        apps: Vec<String>,
        /// What it may do; none: what its owner may.
        #[serde(default)]
        scopes: Vec<String>,
        /// Networks and addresses; none: wherever its owner may.
        #[serde(default)]
        only_from: Vec<String>,
        /// When it dies: see [`Until`].
        #[serde(default)]
        expires: Until,
    },
    /// All tokens, or those of one person.
    #[serde(rename = "token.list")]
    TokenList {
        /// Name or e-mail address.
        #[serde(default)]
        user: Option<String>,
    },
    /// Revokes a token for good.
    #[serde(rename = "token.revoke")]
    TokenRevoke {
        /// Its id, or enough of its beginning.
        token: String,
    },
    /// Makes an app password, for a program that knows only a user name and a password. Its letters are in the answer and
    /// nowhere else.
    #[serde(rename = "app-password.add")]
    AppPasswordAdd {
        /// Its owner, by name or e-mail address.
        user: String,
        /// What it is called.
        name: String,
        /// Networks and addresses; none: wherever its owner may.
        #[serde(default)]
        only_from: Vec<String>,
        /// When it dies; absent: when it is revoked.
        #[serde(default)]
        expires: Option<Until>,
    },
    /// All app passwords, or those of one person.
    #[serde(rename = "app-password.list")]
    AppPasswordList {
        /// Name or e-mail address.
        #[serde(default)]
        user: Option<String>,
    },
    /// Revokes an app password for good.
    #[serde(rename = "app-password.revoke")]
    AppPasswordRevoke {
        /// Its id, or enough of its beginning.
        app_password: String,
    },
    /// All sessions, or those of one person.
    #[serde(rename = "session.list")]
    SessionList {
        /// Name or e-mail address.
        #[serde(default)]
        user: Option<String>,
    },
    /// Ends one sign-in everywhere.
    #[serde(rename = "session.end")]
    SessionEnd {
        /// Its id, or enough of its beginning.
        session: String,
    },
    /// Rows of the audit trail.
    #[serde(rename = "audit.rows")]
    AuditRows {
        /// The first number.
        #[serde(default)]
        from: u64,
        /// At most so many, and never more than [`AUDIT_PAGE`].
        #[serde(default)]
        max: Option<usize>,
    },
    /// Does the whole chain hold?
    #[serde(rename = "audit.verify")]
    AuditVerify {},
    /// What would the rules say, and why?
    #[serde(rename = "explain")]
    Explain {
        /// Who, by name or e-mail address; absent: nobody signed in.
        #[serde(default)]
        user: Option<String>,
        /// By which token: its id, or enough of its beginning.
        #[serde(default)]
        token: Option<String>,
        /// By which app password: its id, or enough of its beginning.
        #[serde(default)]
        app_password: Option<String>,
        /// Which app; absent: the portal itself.
        #[serde(default)]
        app: Option<String>,
        /// From which address.
        ip: std::net::IpAddr,
        /// Which path.
        #[serde(default = "root")]
        path: String,
        /// By which method.
        #[serde(default = "get")]
        method: String,
    },
    /// The story behind a reference code. Only a running gateway remembers it.
    #[serde(rename = "why")]
    Why {
        /// As shown on the page.
        code: String,
    },
    /// Reads the files again. Only a running gateway can.
    #[serde(rename = "reload")]
    Reload {
        /// Also if administrators would lose their way in.
        #[serde(default)]
        force: bool,
    },
    /// Gives its sockets and its store to the process that asks (`vestibule serve --take-over`). Only a running gateway can.
    #[serde(rename = "gateway.hand-over")]
    HandOver {
        /// How that process lays out rows.
        schema: u32,
        /// How it is asked for them.
        frames: u32,
        /// Its version, for people.
        version: String,
    },
    /// How is the store?
    #[serde(rename = "health")]
    Health {},
}

/// Why a command was not performed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct AdminError {
    /// A stable word.
    pub code: Code,
    /// A sentence, with the value.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Each fault of the files, for programs; `message` has them for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Value>,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// What was asked for can't be asked so.
    Usage,
    /// Nobody or nothing of that name.
    Unknown,
    /// Somebody has that name already.
    Taken,
    /// Nobody could administer afterwards.
    LastAdministrator,
    /// Only a running gateway can answer this.
    NeedsGateway,
    /// The store can't be asked.
    Unavailable,
    /// Another process has the store open.
    InUse,
    /// The files have faults.
    BadConfiguration,
    /// Anything else.
    Failed,
}

impl Code {
    /// The exit code of the command line (0 ok, 1 failed, 2 usage, 69 store or server unavailable, 78 bad
    /// configuration).
    pub const fn exit(self) -> u8 {
        match self {
            Self::Unknown | Self::Taken | Self::LastAdministrator | Self::Failed => 1,
            Self::Usage => 2,
            Self::NeedsGateway | Self::Unavailable | Self::InUse => 69,
            Self::BadConfiguration => 78,
        }
    }
}

impl AdminError {
    /// Of this kind, in these words.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, faults: None }
    }

    /// The files have faults.
    pub fn config(faults: &Faults) -> Self {
        Self { faults: Some(json!(faults.0)), ..Self::new(Code::BadConfiguration, faults.to_string()) }
    }

    /// There is none of that kind and name.
    pub fn unknown(kind: &str, name: &str) -> Self {
        Self::new(Code::Unknown, format!("there is no {kind} {name}"))
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The verbs that look into a running gateway's memory.
    pub fn needs_gateway(verb: &str) -> Self {
        Self::new(Code::NeedsGateway, format!("`{verb}` asks a running gateway, and none runs on this store"))
            .help("start it with `vestibule serve`")
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::InUse => Self::new(Code::InUse, error.to_string()).help(
                "a gateway has it open but does not answer at its socket: is it starting or stopping, or of another user?",
            ),
            StoreError::Unavailable(_) | StoreError::Corrupt(_) | StoreError::TooNew { .. } => {
                Self::new(Code::Unavailable, error.to_string())
            }
            StoreError::Unknown(_) => {
                Self::new(Code::Unavailable, error.to_string()).help("look whether it happened before repeating it")
            }
        }
    }
}

impl From<VaultError> for AdminError {
    fn from(error: VaultError) -> Self {
        let code = match error {
            VaultError::Store(error) => return error.into(),
            VaultError::Taken(_) => Code::Taken,
            VaultError::Unknown(_) => Code::Unknown,
            VaultError::LastAdministrator(_) => Code::LastAdministrator,
        };
        Self::new(code, error.to_string())
    }
}

/// Does it, if it needs no running gateway; returns what is to be shown. Errors: [`Code::NeedsGateway`] for `why` and
/// `reload`, which a running gateway handles before it comes here; else what went wrong, in words.
///
/// Inside a gateway the caller catches up with the store's notices before it answers, so that what was done is in force.
pub async fn perform(vault: &Vault, in_force: &InForce, clock: &Clock, command: Command) -> Result<Value, AdminError> {
    match command {
        Command::UserAdd { user, full_name, email, roles, groups } => {
            let new = people::Added { user, full_name, email, roles, groups };
            people::add(vault, in_force, clock, new).await
        }
        Command::UserList {} => people::list(vault).await,
        Command::UserShow { user } => people::show(vault, in_force, &user).await,
        Command::UserDisable { user, force } => people::disable(vault, &user, forced(force)).await,
        Command::UserEnable { user } => people::enable(vault, &user).await,
        Command::UserSetRoles { user, roles, force } => {
            people::set_roles(vault, in_force, &user, &roles, forced(force)).await
        }
        Command::UserSetGroups { user, groups } => people::set_groups(vault, in_force, &user, &groups).await,
        Command::UserResetTwoStep { user, reason } => people::reset_two_step(vault, &user, &reason).await,
        Command::UserRecover { user } => people::recover(vault, in_force, &user).await,
        Command::UserSetEmail { user, email } => people::set_email(vault, &user, email.as_deref()).await,
        Command::UserSignOut { user } => people::sign_out(vault, &user).await,
        Command::UserDelete { user, force } => people::delete(vault, &user, forced(force)).await,
        Command::UserInvite { user } => people::invite(vault, in_force, clock, &user).await,
        Command::TokenAdd { user, name, apps, scopes, only_from, expires } => {
            let asked = tokens::Asked { user, name, apps, scopes, only_from, expires };
            tokens::add(vault, in_force, clock, asked).await
        }
        Command::TokenList { user } => tokens::list(vault, clock, user.as_deref()).await,
        Command::TokenRevoke { token } => tokens::revoke(vault, &token).await,
        Command::AppPasswordAdd { user, name, only_from, expires } => {
            let asked = app_passwords::Asked { user, name, only_from, expires };
            app_passwords::add(vault, in_force, clock, asked).await
        }
        Command::AppPasswordList { user } => app_passwords::list(vault, user.as_deref()).await,
        Command::AppPasswordRevoke { app_password } => app_passwords::revoke(vault, &app_password).await,
        Command::SessionList { user } => sessions::list(vault, user.as_deref()).await,
        Command::SessionEnd { session } => sessions::end(vault, &session).await,
        Command::AuditRows { from, max } => {
            let rows = vault.audit_rows(from, max.unwrap_or(AUDIT_PAGE).min(AUDIT_PAGE)).await?;
            Ok(json!(rows))
        }
        Command::AuditVerify {} => Ok(json!(vault.verify_audit().await?)),
        Command::Explain { user, token, app_password, app, ip, path, method } => {
            let asked = ask::Asked { user, token, app_password, app, ip, path, method };
            ask::explain(vault, in_force, clock, asked).await
        }
        Command::Why { .. } => Err(AdminError::needs_gateway("why")),
        Command::Reload { .. } => Err(AdminError::needs_gateway("reload")),
        Command::HandOver { .. } => Err(AdminError::needs_gateway("serve --take-over")),
        Command::Health {} => Ok(json!({
            "status": "ok",
            "generation": in_force.generation,
            "people": vault.people().await?.len(),
            "sessions": vault.count_sessions().await?,
        })),
    }
}

fn by_console(act: &str, on: impl Into<String>) -> Entry {
    Entry::new(Actor::Console, act).on(on)
}

const fn forced(force: bool) -> Force {
    if force { Force::Yes } else { Force::No }
}

fn root() -> String {
    "/".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

/// Rows of the audit trail in one answer: at most about 500 bytes each, far below what the wire carries.
pub const AUDIT_PAGE: usize = 1_000;

#[cfg(test)]
mod tests;
