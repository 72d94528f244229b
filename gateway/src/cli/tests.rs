//! What is typed becomes the verb that is meant.

use super::*;
use clap::Parser;

#[test]
fn every_administrative_line_becomes_its_verb() {
    let ana = || "ana".to_owned();
    for (line, expected) in [
        ("user list", Command::UserList {}),
        ("user show ana", Command::UserShow { user: ana() }),
        ("user disable ana --force", Command::UserDisable { user: ana(), force: true }),
        (
            "user set-roles ana admin auditor",
            Command::UserSetRoles { user: ana(), roles: vec!["admin".into(), "auditor".into()], force: false },
        ),
        ("user set-groups ana", Command::UserSetGroups { user: ana(), groups: Vec::new() }),
        ("user reset-two-step ana --reason lost", Command::UserResetTwoStep { user: ana(), reason: "lost".into() }),
        (
            "token add ana --name till --app crm --app mail --from vpn",
            Command::TokenAdd {
                user: ana(),
                name: "till".into(),
                apps: vec!["crm".into(), "mail".into()],
                scopes: Vec::new(),
                only_from: vec!["vpn".into()],
                expires: Until::default(),
            },
        ),
        ("token list --user ana", Command::TokenList { user: Some(ana()) }),
        (
            "app-password add ana --name phone --from vpn --expires 90d",
            Command::AppPasswordAdd {
                user: ana(),
                name: "phone".into(),
                only_from: vec!["vpn".into()],
                expires: Some(Until("90d".into())),
            },
        ),
        ("app-password list", Command::AppPasswordList { user: None }),
        ("app-password revoke 0011aabb", Command::AppPasswordRevoke { app_password: "0011aabb".into() }),
        ("session end 0011aabb", Command::SessionEnd { session: "0011aabb".into() }),
        ("audit verify", Command::AuditVerify {}),
        ("why 7F3K-9QX2", Command::Why { code: "7F3K-9QX2".into() }),
        ("reload --force", Command::Reload { force: true }),
        (
            "explain --user ana --app crm --ip 10.0.0.1",
            Command::Explain {
                user: Some(ana()),
                token: None,
                app_password: None,
                app: Some("crm".into()),
                ip: std::net::Ipv4Addr::new(10, 0, 0, 1).into(),
                path: "/".into(),
                method: "GET".into(),
            },
        ),
    ] {
        let typed = Cli::try_parse_from(std::iter::once("vestibule").chain(line.split(' '))).expect(line);
        assert_eq!(command(typed.verb), Some(expected), "{line}");
    }
}

#[test]
fn what_is_missing_is_asked_for() {
    for line in [
        "token add ana --name till",
        "token add ana --app crm",
        "app-password add ana",
        "explain --app crm",
        "user add",
        "",
        "why",
    ] {
        let words = std::iter::once("vestibule").chain(line.split_whitespace());
        assert!(Cli::try_parse_from(words).is_err(), "{line}");
    }
}

#[test]
fn refused_and_broken_are_told_by_the_exit_code() {
    let explain = command(Cli::try_parse_from(["vestibule", "explain", "--ip", "::1"]).expect("can be typed").verb)
        .expect("a verb");
    for (decision, code) in [("allow", 0), ("sign_in", 0), ("refuse", 3)] {
        assert_eq!(outcome(&explain, &json!({ "decision": decision })), code, "{decision}");
    }
    assert_eq!(outcome(&Command::AuditVerify {}, &json!({ "rows": 2 })), 0);
    assert_eq!(outcome(&Command::AuditVerify {}, &json!({ "rows": 2, "broken": [3, "x"] })), 1);
}
