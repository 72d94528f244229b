//! What was asked for at the command line, and how is it answered?
//!
//! Answers go to standard output, troubles to standard error; with `--json` both are JSON. The exit codes
//! are 0 ok, 1 failed, 2 usage, 3 the decision is "refused", 69 store or server unavailable, 78 bad configuration.
//! Secrets are never arguments: other users of the machine can read those.

mod args;
mod breached;
mod explain;
mod files;
mod health;
mod init;
mod print;
mod reach;
mod report;
mod serve;
mod show;
mod table;

use std::path::Path;

use serde_json::{Value, json};

pub use args::{Cli, Demo, Verb};

use crate::admin::{AUDIT_PAGE, AdminError, Code, Command, Until};
use crate::config::Faults;
use crate::server::Start;
use args::{AppPassword, Audit, Breached, Config, Session, Token, User};
use reach::Reach;

/// Does what was asked; returns the exit code.
pub async fn run(cli: Cli) -> u8 {
    let Cli { config, json, store, verb } = cli;
    let style = if json { Style::Json } else { Style::Words };
    let command = match verb {
        Verb::Serve { take_over } => {
            let start = if take_over { Start::TakeOver } else { Start::Alone };
            return serve::serve(config, start, style).await;
        }
        Verb::Check => return files::check(&config, style),
        Verb::PolicyReport => return report::report(&config, style),
        Verb::Breached(Breached::Build { files, out }) => return breached::build(&files, &out, style),
        Verb::Config(Config::Show) => return files::show(&config, style),
        Verb::Config(Config::Schema) => {
            print::out(&format!("{:#}", crate::config::schema()));
            return 0;
        }
        Verb::Init { dir } => return init::init(&dir.unwrap_or(config), style),
        Verb::Health => return health::health(&config, style).await,
        Verb::Demo(demo) => return crate::demo::run(demo.port, demo.keep, demo.smoke).await,
        Verb::Audit(Audit::Export { from }) => {
            return match export(Reach::find(&config, store.as_deref()), from).await {
                Ok(()) => 0,
                Err(error) => trouble(&error, style),
            };
        }
        other => command(other),
    };
    let Some(command) = command else { return 0 };
    let answer = match Reach::find(&config, store.as_deref()) {
        Ok(mut reach) => reach.perform(command.clone()).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => {
            print::out(&match style {
                Style::Json => format!("{answer:#}"),
                Style::Words => show::told(&command, &answer),
            });
            outcome(&command, &answer)
        }
        Err(error) => trouble(&error, style),
    }
}

/// How answers are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// For people.
    Words,
    /// For programs.
    Json,
}

/// The administrators' verb behind what was typed; `None` for what is no such verb.
fn command(verb: Verb) -> Option<Command> {
    Some(match verb {
        Verb::Explain(asked) => {
            let args::Explain { user, token, app_password, app, ip, path, method } = asked;
            Command::Explain { user, token, app_password, app, ip, path, method }
        }
        Verb::Why { code } => Command::Why { code },
        Verb::Reload { force } => Command::Reload { force },
        Verb::User(user) => match user {
            User::Add { user, name, email, roles, groups } => {
                Command::UserAdd { user, full_name: name, email, roles, groups }
            }
            User::List => Command::UserList {},
            User::Show { user } => Command::UserShow { user },
            User::Disable { user, force } => Command::UserDisable { user, force },
            User::Enable { user } => Command::UserEnable { user },
            User::SetRoles { user, roles, force } => Command::UserSetRoles { user, roles, force },
            User::SetGroups { user, groups } => Command::UserSetGroups { user, groups },
            User::ResetTwoStep { user, reason } => Command::UserResetTwoStep { user, reason },
            User::Recover { user } => Command::UserRecover { user },
            User::SetEmail { user, email } => Command::UserSetEmail { user, email },
            User::SignOut { user } => Command::UserSignOut { user },
            User::Delete { user, force } => Command::UserDelete { user, force },
            User::Invite { user } => Command::UserInvite { user },
        },
        Verb::Token(token) => match token {
            Token::Add { user, name, apps, scopes, only_from, expires } => {
                Command::TokenAdd { user, name, apps, scopes, only_from, expires: Until(expires) }
            }
            Token::List { user } => Command::TokenList { user },
            Token::Revoke { token } => Command::TokenRevoke { token },
        },
        Verb::AppPassword(app_password) => match app_password {
            AppPassword::Add { user, name, only_from, expires } => {
                Command::AppPasswordAdd { user, name, only_from, expires: expires.map(Until) }
            }
            AppPassword::List { user } => Command::AppPasswordList { user },
            AppPassword::Revoke { id } => Command::AppPasswordRevoke { app_password: id },
        },
        Verb::Session(session) => match session {
            Session::List { user } => Command::SessionList { user },
            Session::End { session } => Command::SessionEnd { session },
        },
        Verb::Audit(Audit::Verify) => Command::AuditVerify {},
        Verb::Serve { .. }
        | Verb::Check
        | Verb::PolicyReport
        | Verb::Breached(_)
        | Verb::Demo(_)
        | Verb::Init { .. }
        | Verb::Health
        | Verb::Audit(Audit::Export { .. })
        | Verb::Config(_) => return None,
    })
}

/// An answer can be a bad one: refused, or broken.
fn outcome(command: &Command, answer: &Value) -> u8 {
    match command {
        Command::Explain { .. } if answer["decision"] == "refuse" => 3,
        Command::AuditVerify {} if !answer["broken"].is_null() => 1,
        _ => 0,
    }
}

/// The faults of a folder; where there is no configuration at all, also where it was looked for.
fn misconfigured(dir: &Path, faults: &Faults) -> AdminError {
    let error = AdminError::config(faults);
    if dir.join("gateway.yaml").exists() {
        return error;
    }
    let dir = dir.display();
    error.help(format!(
        "The folder is {dir}; another one: --config DIR. A configuration to begin with: `vestibule init --dir DIR`"
    ))
}

/// Says what went wrong; returns the exit code.
fn trouble(error: &AdminError, style: Style) -> u8 {
    match style {
        Style::Json => print::err(&format!("{:#}", json!({ "error": error }))),
        Style::Words => {
            // A configuration's faults speak for themselves.
            let prefix = if error.code == Code::BadConfiguration { "" } else { "vestibule: " };
            let help = error.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
            print::err(&format!("{prefix}{}{help}", error.message));
        }
    }
    error.code.exit()
}

/// All rows of the audit trail, a page at a time, one a line.
async fn export(reach: Result<Reach, AdminError>, mut from: u64) -> Result<(), AdminError> {
    let mut reach = reach?;
    let mut out = std::io::stdout().lock();
    loop {
        let page = reach.perform(Command::AuditRows { from, max: Some(AUDIT_PAGE) }).await?;
        let rows = show::array(&page);
        for row in rows {
            if print::write_line(&mut out, &row.to_string()).is_err() {
                return Ok(());
            }
        }
        match rows.last().and_then(|row| row["number"].as_u64()) {
            Some(last) => from = last + 1,
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
