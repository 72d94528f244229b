//! Is the decision the one on what the upstream reads? Servers from packages behind one gateway, and paths that they read
//! differently (A11, R06).
//!
//! Below `/public/` everybody may come, everywhere else only who signed in, and nobody signs in here. So `SECRET` may never
//! come back: neither where unusual paths are refused, nor where the app takes all of them.

use std::collections::BTreeMap;

use harness::dice::Dice;
use harness::gateway::{Setup, TestGateway};
use harness::servers::Server;
use harness::wire::{OFFICE, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn no_server_answers_with_what_was_not_decided_on() {
    let servers = tokio::task::spawn_blocking(Server::all).await.expect("they start");
    let gateway = in_front_of(&servers).await;
    let targets = targets();
    for server in &servers {
        // Otherwise nothing here would mean anything.
        assert_eq!(direct(server, "/public/x").await, Came::Public, "{}", server.name);
        assert_eq!(direct(server, "/x").await, Came::Secret, "{}", server.name);
    }
    println!("{} targets, seed {SEED}", targets.len());
    println!(
        "{:<14} {:<9} {:>7} {:>7} {:>7} {:>7} {:>9}",
        "server", "unusual", "refused", "PUBLIC", "SECRET", "other", "too much"
    );
    let mut let_through = Vec::new();
    for server in &servers {
        for tolerance in ["off", "on"] {
            let mut counts = BTreeMap::new();
            for (target, field) in &targets {
                let came = ask(gateway.port(), &format!("{}-{tolerance}.localhost", server.name), target, field).await;
                *counts.entry(came).or_insert(0) += 1;
                match came {
                    Came::Secret => let_through.push(format!("{} {tolerance}: {target} {field}", server.name)),
                    Came::Refused if direct(server, target).await == Came::Public => {
                        *counts.entry(Came::TooMuch).or_insert(0) += 1;
                    }
                    _ => {}
                }
            }
            let count = |came| counts.get(&came).copied().unwrap_or(0);
            println!(
                "{:<14} {tolerance:<9} {:>7} {:>7} {:>7} {:>7} {:>9}",
                server.name,
                count(Came::Refused),
                count(Came::Public),
                count(Came::Secret),
                count(Came::Other),
                count(Came::TooMuch)
            );
            assert!(count(Came::Public) > 0, "{} {tolerance}: something is let through", server.name);
        }
    }
    assert!(let_through.is_empty(), "{} let through:\n{}", let_through.len(), let_through.join("\n"));
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Came {
    /// By the gateway.
    Refused,
    Public,
    Secret,
    /// The server itself refused.
    Other,
    /// Refused, though the server alone would have read it as public. Only counted.
    TooMuch,
}

async fn in_front_of(servers: &[Server]) -> TestGateway {
    let mut apps = "apps:\n".to_owned();
    for server in servers {
        for (tolerance, may) in [
            ("off", ""),
            ("on", ", paths_may_contain: [encoded_slash, backslash, semicolon, dot_segments, empty_segments]"),
        ] {
            let (name, port) = (server.name, server.port());
            apps.push_str(&format!(
                "  {name}-{tolerance}: {{ host: {name}-{tolerance}.localhost, upstream: \"http://127.0.0.1:{port}\", allow: everyone, paths: [{{ path: /public/*, allow: public }}]{may} }}\n"
            ));
        }
    }
    TestGateway::with(Setup { apps: Some(apps), ..Setup::default() }).await
}

async fn direct(server: &Server, target: &str) -> Came {
    ask(server.port(), "localhost", target, "").await
}

async fn ask(port: u16, host: &str, target: &str, field: &str) -> Came {
    let mut wire = Wire::open(port, OFFICE).await;
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{field}\r\n").as_bytes()).await;
    let Some(answer) = wire.answer().await else { return Came::Refused };
    let text = answer.text();
    // A server's own page for an error says neither word, except where the error is the page (Apache, lighttpd).
    match () {
        () if answer.header("content-type") == Some("application/problem+json") || answer.status == 401 => {
            Came::Refused
        }
        () if text.contains("SECRET") => Came::Secret,
        () if text.contains("PUBLIC") => Came::Public,
        () => Came::Other,
    }
}

/// Targets, each with a header field that some program lets speak for the path; the same ones for the same seed.
fn targets() -> Vec<(String, String)> {
    let mut dice = Dice::new(SEED, 0);
    let mut targets: Vec<(String, String)> = KNOWN.iter().map(|target| ((*target).to_owned(), String::new())).collect();
    // gunicorn cuts what this field names off the front of the path, and hands on the rest.
    targets.extend(
        ["Script_Name: /public\r\n", "SCRIPT_NAME: /public\r\n", "Path_Info: /x\r\n"]
            .map(|field| ("/public/x".to_owned(), field.to_owned())),
    );
    while targets.len() < COUNT {
        // Half of them stay close to what is public, so that much is let through; the others go anywhere.
        let (start, pieces) = match dice.below(4) {
            0 => ("", PIECES),
            1 => ("/public", PIECES),
            _ => ("/public/", MILD),
        };
        let mut target = start.to_owned();
        for _ in 0..1 + dice.below(6) {
            target.push_str(pieces[dice.below(pieces.len())]);
        }
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        let field = if dice.rarely(4) { (*dice.one_of(FIELDS)).to_owned() } else { String::new() };
        targets.push((target, field));
    }
    targets
}

const SEED: u64 = 20_261_125;
const COUNT: usize = 500;

const KNOWN: &[&str] = &[
    "/public/",
    "/public/x",
    "/public",
    "/public/x?y=/../z",
    "/public/..",
    "/public/../x",
    "/public/./x",
    "/public/%2e%2e/x",
    "/public/..%2fx",
    "/public%2f..%2fx",
    "/public/..%5cx",
    "/public\\..\\x",
    "/public/..\\x",
    "/public/..;/x",
    "/public/..;x/x",
    "/public/%2e%2e;/x",
    "/public;x/../x",
    "//public/x",
    "/public//../x",
    "/public//../../x",
    "/public/x//../../../x",
    "/x/../public/y",
    "/./public/x",
    "/%70ublic/x",
    "/public%2fx",
    "/PUBLIC/x",
    "/public/%00/../x",
    "/public/%252e%252e/x",
    "/public/%c0%ae%c0%ae/x",
    "/public/x%0a",
    "/public/x#/../y",
    "/public/a/%2e%2e/..%2f%2e%2e/x",
    "/x%2f..%2fpublic%2fy",
    "/public/%2e/%2e%2e/%2e%2e/x",
    "http://localhost/public/x",
    "http://localhost/x",
    "public/x",
];

const PIECES: &[&str] = &[
    "/", "/", "/", "x", "y", "public", "/public/", "..", ".", "/..", "/../", "/./", "//", "\\", "..\\", "%5c", "%2f",
    "%2F", ";", ";x", ";x=/..", "%3b", "%2e", "%2e%2e", ".%2e", "%2e.", "/%2e%2e/", "..;", "%70", "%41", "?", "?x=",
    "%3f", "%23", "%20", "+", "~", "*", "$", "%c3%a9", "%25", "%252f", "%09", "%00", ":", "@", "'", "|", "&",
];

const MILD: &[&str] = &[
    "/", "x", "y/", "public/", "%2f", "//", "/./", ";x", "\\", "%5c", "z/../", "%20", "%41", "%c3%a9", "%40", "+",
    "?x=/../y", "%3b", ".", "a/..;/",
];

const FIELDS: &[&str] = &[
    "X-Original-URL: /x\r\n",
    "X-Rewrite-URL: /x\r\n",
    "X_Rewrite_Url: /x\r\n",
    "X-Forwarded-Prefix: /x\r\n",
    "X-Forwarded-Path: /x\r\n",
    "X-HTTP-Method-Override: DELETE\r\n",
    "Script_Name: /x\r\n",
    "Path-Info: /x\r\n",
    "Remote-User: admin\r\n",
    "Forwarded: host=localhost\r\n",
];
