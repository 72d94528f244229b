//! What can be typed? Every flag beside its help text.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An access gateway: it decides who may come in, from where, with which proof, to which app, and then forwards.
#[derive(Clone, PartialEq, Eq, Debug, Parser)]
#[command(name = "vestibule", version, propagate_version = true, max_term_width = 100, after_help = TOUR)]
pub struct Cli {
    /// The folder with gateway.yaml
    #[arg(long, global = true, env = "VESTIBULE_CONFIG", value_name = "DIR", default_value = "/etc/vestibule")]
    pub config: PathBuf,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The store, if the configuration can't be read: its gateway's socket lies beside it
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub store: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

const TOUR: &str = "\
First steps:
  vestibule demo                     # a whole gateway with two apps on this machine; nothing is kept
  vestibule init --dir ./config      # a commented configuration to begin with
  vestibule --config ./config check  # are the files right?

Commands that ask or change something reach the running gateway through the socket beside its store, and the store itself while none runs.

Exit codes: 0 done, 1 failed, 2 usage, 3 refused (explain), 69 store or gateway unavailable, 78 bad configuration.";

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Verb {
    /// Run the gateway
    #[command(after_help = SERVE)]
    Serve {
        /// Take over from the gateway that runs on this store, if one does: nobody notices
        #[arg(long)]
        take_over: bool,
    },
    /// Read the configuration, show everything that is wrong with it, and run the policy's cases
    #[command(after_help = "Exit code 78 if it is not right. Nothing is changed, and no gateway is asked.")]
    Check,
    /// What would the rules say to this person, from this address, at this app? And why?
    #[command(after_help = EXPLAIN)]
    Explain(Explain),
    /// The story behind the reference code that somebody was shown
    #[command(
        after_help = "Example:\n  vestibule why 7F3K-9QX2\n\nOnly a running gateway knows it, and only of the latest refusals."
    )]
    Why {
        /// As on the page; case and dash don't matter
        code: String,
    },
    /// Run a whole gateway with people and two apps on this machine, to look at
    #[command(after_help = DEMO)]
    Demo(Demo),
    /// Write a commented configuration to begin with
    #[command(after_help = "Example:\n  vestibule init --dir ./config\n\nNothing that exists is overwritten.")]
    Init {
        /// The folder to write into; made if it is not there. Without it: that of --config
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Is the gateway of this configuration ready? Asks its /readyz
    #[command(after_help = "Exit code 0 if it is, 1 if not: made for container health checks.")]
    Health,
    /// Have the running gateway read its files again, and wait for the outcome
    #[command(
        after_help = "It also does so by itself within seconds of an edit. What is wrong never comes into force: the old configuration stays."
    )]
    Reload {
        /// Also if no administrator could come in any more
        #[arg(long)]
        force: bool,
    },
    /// People
    #[command(subcommand)]
    User(User),
    /// Bearer tokens, for programs
    #[command(subcommand)]
    Token(Token),
    /// App passwords, for calendars and other programs that know only a user name and a password
    #[command(subcommand)]
    AppPassword(AppPassword),
    /// Who is signed in
    #[command(subcommand)]
    Session(Session),
    /// The audit trail
    #[command(subcommand)]
    Audit(Audit),
    /// Where does the configuration fall short of OWASP ASVS 5.0?
    #[command(after_help = POLICY_REPORT)]
    PolicyReport,
    /// Passwords that have leaked
    #[command(subcommand)]
    Breached(Breached),
    /// The configuration's schema, and what it amounts to
    #[command(subcommand)]
    Config(Config),
}

const SERVE: &str = "\
It reads its files again with SIGHUP. With SIGTERM or Ctrl-C it takes nobody new and lets what is under way end, for thirty
seconds at most; told again, it ends at once.

With --take-over it reads and checks everything first. Then it gets the open sockets and the store from the gateway that
runs, which lets its connections end and exits. If anything is wrong, that gateway goes on as if nothing had happened.";

const EXPLAIN: &str = "\
Examples:
  vestibule explain --user ana --app crm --ip 203.0.113.9
  vestibule explain --app crm --path /status --ip 192.0.2.1   # nobody signed in
  vestibule explain --token 5d41402abc4b --app crm --path /api/x --ip 10.8.0.7 --method POST

A person is taken as signed in this moment with every second step they have set up. Exit code 3 if refused.";

const DEMO: &str = "\
Examples:
  vestibule demo
  vestibule demo --keep ./demo       # keep the folder, to look at the files afterwards
  vestibule demo --smoke             # start, sign in by itself through every step, report, end

It listens on 127.0.0.1 only. Ctrl-C stops it and deletes everything.";

/// A question to the rules.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Explain {
    /// Who, by name or e-mail address; without it nobody has signed in
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// By this bearer token: its id, or the beginning of it
    #[arg(long, value_name = "ID")]
    pub token: Option<String>,
    /// By this app password: its id, or the beginning of it; never its letters
    #[arg(id = "with", long = "app-password-id", value_name = "ID", conflicts_with = "token")]
    pub app_password: Option<String>,
    /// Which app; without it the portal
    #[arg(long, value_name = "APP")]
    pub app: Option<String>,
    /// From which address
    #[arg(long, value_name = "ADDRESS")]
    pub ip: IpAddr,
    /// Which path
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub path: String,
    /// By which method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub method: String,
}

/// How the demo runs.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Demo {
    /// The first port to try; the next free one is taken
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// Use this folder and keep it; it must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Try every step of signing in by itself, report and end
    #[arg(long)]
    pub smoke: bool,
}

/// People.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum User {
    /// Add a person; prints the link by which they choose a password
    #[command(
        after_help = "Example:\n  vestibule user add ana --name 'Ana Ruiz' --email ana@acme.example --role admin --group sales\n\nThe link works once and for 24 hours. Give it to nobody else."
    )]
    Add {
        /// What they will be called: a-z, 0-9, and . _ - inside
        user: String,
        /// Their name in full
        #[arg(long, value_name = "FULL NAME", default_value = "", hide_default_value = true)]
        name: String,
        /// Their e-mail address; they can sign in with it too
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// A role of theirs; can be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// A group of theirs; can be repeated
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Show everybody
    List,
    /// Show a person with their sessions, tokens and app passwords
    Show {
        /// Name or e-mail address
        user: String,
    },
    /// Let nothing open for them any more, and close what is open
    Disable {
        /// Name or e-mail address
        user: String,
        /// Also the last administrator
        #[arg(long)]
        force: bool,
    },
    /// Let them sign in again
    Enable {
        /// Name or e-mail address
        user: String,
    },
    /// Give them these roles and no others
    #[command(
        after_help = "Examples:\n  vestibule user set-roles ana admin auditor\n  vestibule user set-roles ana                 # none"
    )]
    SetRoles {
        /// Name or e-mail address
        user: String,
        /// All of them; none takes all away
        roles: Vec<String>,
        /// Also the last administrator
        #[arg(long)]
        force: bool,
    },
    /// Put them into these groups and no others
    #[command(
        after_help = "Examples:\n  vestibule user set-groups ana sales field\n  vestibule user set-groups ana                # none"
    )]
    SetGroups {
        /// Name or e-mail address
        user: String,
        /// All of them; none takes all away
        groups: Vec<String>,
    },
    /// Forget their second steps and recovery codes, for who lost their phone; ends their sessions
    #[command(
        after_help = "Example:\n  vestibule user reset-two-step ana --reason 'lost phone, ticket 812'\n\nMake sure that it is them who asks: afterwards the password alone leads to a new set-up."
    )]
    ResetTwoStep {
        /// Name or e-mail address
        user: String,
        /// For the audit trail
        #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Mail them a link by which they choose another password; nobody else sees it
    Recover {
        /// Name or e-mail address
        user: String,
    },
    /// Give them another e-mail address; the old and the new one are told
    #[command(
        after_help = "Examples:\n  vestibule user set-email ana ana@acme.example\n  vestibule user set-email ana                    # none"
    )]
    SetEmail {
        /// Name or e-mail address
        user: String,
        /// The new one; none takes it away
        email: Option<String>,
    },
    /// End all their sessions; tokens stay
    SignOut {
        /// Name or e-mail address
        user: String,
    },
    /// Remove them with everything of theirs; the audit trail stays
    Delete {
        /// Name or e-mail address
        user: String,
        /// Also the last administrator
        #[arg(long)]
        force: bool,
    },
    /// Make another link by which they choose a password; the older one is void
    Invite {
        /// Name or e-mail address
        user: String,
    },
}

/// Bearer tokens.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Token {
    /// Make a token; its text is printed once and kept nowhere
    #[command(
        after_help = "Examples:\n  vestibule token add ana --name 'nightly export' --app crm --scope crm.read --from vpn --expires 90d\n  vestibule token add ana --name till --app crm --expires 2027-03-31\n\nWithout --scope it may do what its owner may, where no second step and no fresh proof is asked for."
    )]
    Add {
        /// Its owner, by name or e-mail address
        user: String,
        /// What it is called in lists, at most 64 characters
        #[arg(long, value_name = "WORDS")]
        name: String,
        /// An app it opens; can be repeated
        #[arg(long = "app", value_name = "APP", required = true)]
        apps: Vec<String>,
        /// What it may do; can be repeated
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Only from this network, address or prefix; can be repeated
        #[arg(long = "from", value_name = "NETWORK")]
        only_from: Vec<String>,
        /// When it ends: 90d, 12h, 6w, or a date; a year at most
        #[arg(long, value_name = "WHEN", default_value = "90d")]
        expires: String,
    },
    /// Show tokens, those that end first at the top
    List {
        /// Only those of this person
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Revoke a token for good
    Revoke {
        /// Its id, or the beginning of it
        token: String,
    },
}

/// App passwords.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum AppPassword {
    /// Make an app password; its letters are printed once and kept nowhere
    #[command(
        after_help = "Examples:\n  vestibule app-password add ana --name 'meeting room display' --from office\n  vestibule app-password add ana --name phone --expires 90d\n\nIt opens the apps that take app passwords (`basic: app_passwords`), as far as its owner may enter them. People make their own on their account page."
    )]
    Add {
        /// Its owner, by name or e-mail address
        user: String,
        /// What it is called in lists, at most 64 characters
        #[arg(long, value_name = "WORDS")]
        name: String,
        /// Only from this network, address or prefix; can be repeated
        #[arg(long = "from", value_name = "NETWORK")]
        only_from: Vec<String>,
        /// When it ends: 90d, 12h, 6w, or a date; a year at most. Without it: when it is revoked
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// Show app passwords, when they were last used and by which program
    List {
        /// Only those of this person
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Revoke an app password for good
    Revoke {
        /// Its id, or the beginning of it; never its letters
        id: String,
    },
}

/// Who is signed in.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Session {
    /// Show sessions, the newest first
    List {
        /// Only those of this person
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// End one sign-in, on the portal and in every app
    End {
        /// Its id, or the beginning of it
        session: String,
    },
}

/// The audit trail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Subcommand)]
pub enum Audit {
    /// Walk the whole chain: was anything changed or taken out?
    #[command(after_help = "Exit code 1 if something does not fit.")]
    Verify,
    /// Write all of it, one JSON object a line
    #[command(
        after_help = "Examples:\n  vestibule audit export > audit.jsonl\n  vestibule audit export --from 10412 | jq 'select(.act == \"user.add\")'"
    )]
    Export {
        /// The first number
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        from: u64,
    },
}

/// Passwords that have leaked.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Breached {
    /// Make a file for `sign_in: { passwords: { breached_file: … } }`, so that nobody chooses one of these
    #[command(after_help = BREACHED_BUILD)]
    Build {
        /// Passwords, one a line, or SHA-1 hashes in hexadecimal, each perhaps with a colon and a count; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The file to write; one that is there is replaced when the new one is whole
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
    },
}

const BREACHED_BUILD: &str = "\
Examples:
  vestibule breached build pwned-passwords-sha1-ordered.txt --out /etc/vestibule/breached.bin
  vestibule breached build leaked.txt our-own-words.txt --out ./breached.bin

The first line of each file says whether it holds passwords or hashes. The dump of Have I Been
Pwned is read as it is. The result has six bytes a password, the beginning of its SHA-1: of a
billion passwords 6 GB, and one good password in 280,000 is then refused by chance; of a million,
one in 280 million. While it is made there has to be room for as much again beside it.

A running gateway notices a new file by itself. Nothing is ever asked on the network.";

const POLICY_REPORT: &str = "\
Each deviation names the requirement, its level, and where the setting stands; below it, why that
is discouraged and what to do. It is about what a configuration can turn on or off, read from the
files as `check` reads them. Nothing is refused: some of it may be right for you, and then this is
the list of what to give reasons for. Exit code 0 whatever it says.";

/// The configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Subcommand)]
pub enum Config {
    /// The JSON Schemas of gateway.yaml and of policy files, for editors
    Schema,
    /// The configuration with all defaults filled in; no secrets
    Show,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_the_help_texts_show_can_be_typed() {
        let mut shown = 0;
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines().filter_map(|line| line.trim().strip_prefix("vestibule ")) {
                // A remark, and a shell's own signs, are the shell's.
                let line = line.split(['#', '>', '|']).next().unwrap_or(line);
                let words = line.split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
                    0 => part.split_whitespace().map(str::to_owned).collect(),
                    _ => vec![part.to_owned()],
                });
                let typed = Cli::try_parse_from(std::iter::once("vestibule".to_owned()).chain(words));
                assert!(typed.is_ok(), "{line}: {}", typed.err().map(|error| error.to_string()).unwrap_or_default());
                shown += 1;
            }
        }
        assert!(shown > 15, "{shown}");
    }
}
