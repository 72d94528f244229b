//! How are answers shown to people? JSON in, sentences and tables out.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::table::{facts, table};
use crate::admin::Command;

/// An answer to this command, in words. What is not understood is shown as it is.
pub(super) fn told(command: &Command, answer: &Value) -> String {
    match command {
        Command::UserAdd { .. } | Command::UserInvite { .. } => invitation(answer),
        Command::UserList {} => people(answer),
        Command::UserShow { .. } => person(answer),
        Command::UserDisable { .. } => {
            format!("{} is disabled: nothing opens for them, and what was open is closed.", name(answer))
        }
        Command::UserEnable { .. } => format!("{} may sign in again.", name(answer)),
        Command::UserSetRoles { .. } => {
            with_notes(format!("{} has these roles now: {}.", name(answer), words(&answer["user"]["roles"])), answer)
        }
        Command::UserSetGroups { .. } => with_notes(
            format!("{} is in these groups now: {}.", name(answer), words(&answer["user"]["groups"])),
            answer,
        ),
        Command::UserResetTwoStep { .. } => format!(
            "{} has no second step any more and is signed out everywhere. They set one up at the next sign-in.",
            name(answer)
        ),
        Command::UserRecover { .. } => format!(
            "A link by which {} chooses another password is on its way to {}. It works once and for half an hour.",
            name(answer),
            text(&answer["sent_to"])
        ),
        Command::UserSetEmail { .. } => match answer["user"]["email"].as_str() {
            Some(email) => format!("The address of {} is {email} now.", name(answer)),
            None => format!("{} has no address any more.", name(answer)),
        },
        Command::UserSignOut { .. } => {
            let ended = match answer["ended"].as_u64() {
                Some(0) => "no session was open",
                Some(1) => "one session ended",
                _ => return format!("{}: {} sessions ended.", text(&answer["user"]), answer["ended"]),
            };
            format!("{}: {ended}.", text(&answer["user"]))
        }
        Command::UserDelete { .. } => format!("{} is deleted.", text(&answer["deleted"])),
        Command::TokenAdd { .. } => token_made(answer),
        Command::TokenList { .. } => tokens(answer),
        Command::TokenRevoke { .. } => {
            format!("Token {} (\"{}\") is revoked.", text(&answer["revoked"]), text(&answer["name"]))
        }
        Command::AppPasswordAdd { .. } => app_password_made(answer),
        Command::AppPasswordList { .. } => app_passwords(answer),
        Command::AppPasswordRevoke { .. } => {
            format!("App password {} (\"{}\") is revoked.", text(&answer["revoked"]), text(&answer["name"]))
        }
        Command::SessionList { .. } => sessions(answer),
        Command::SessionEnd { .. } => {
            format!("Session {} of {} is over.", text(&answer["ended"]), text(&answer["user"]))
        }
        Command::AuditVerify {} => match answer["broken"].as_array().map(Vec::as_slice) {
            Some([number, why]) => {
                format!("BROKEN at row {number}: {}. {} rows before it fit.", text(why), answer["rows"])
            }
            _ => format!("The chain holds: {} rows.", answer["rows"]),
        },
        Command::Explain { .. } => super::explain::walk(answer),
        Command::Why { .. } => super::explain::denial(answer),
        Command::Reload { .. } => reloaded(answer),
        Command::AuditRows { .. } | Command::HandOver { .. } | Command::Health {} => format!("{answer:#}"),
    }
}

fn invitation(answer: &Value) -> String {
    let told = format!(
        "{} can choose a password here, once, until {}:\n\n  {}\n\nThe link is as good as a password: give it to nobody else.",
        name(answer),
        time(&answer["expires"]),
        text(&answer["invitation"])
    );
    with_notes(told, answer)
}

fn people(answer: &Value) -> String {
    let rows: Vec<_> = array(answer)
        .iter()
        .map(|person| {
            let state = match (text(&person["standing"]).as_str(), person["has_password"].as_bool()) {
                ("active", Some(false)) => "invited".to_owned(),
                (standing, _) => standing.to_owned(),
            };
            [
                text(&person["name"]),
                text(&person["full_name"]),
                words(&person["roles"]),
                words(&person["groups"]),
                text(&person["two_step"]),
                state,
                time(&person["last_sign_in"]["at"]),
            ]
        })
        .collect();
    let headings = ["user", "name", "roles", "groups", "two-step", "state", "last sign-in"];
    table(headings, &rows, "Nobody yet. `vestibule user add NAME` adds somebody.")
}

fn person(answer: &Value) -> String {
    let user = &answer["user"];
    let last = &user["last_sign_in"];
    let last = match time(&last["at"]).as_str() {
        "–" => "never".to_owned(),
        at => format!("{at} from {}", text(&last["from"])),
    };
    let mut told = facts(&[
        ("user", text(&user["name"])),
        ("name", text(&user["full_name"])),
        ("e-mail", text(&user["email"])),
        ("state", text(&user["standing"])),
        ("roles", words(&user["roles"])),
        ("groups", words(&user["groups"])),
        ("password", if user["has_password"] == true { "chosen" } else { "not chosen yet" }.to_owned()),
        ("two-step", format!("{}; {} recovery codes left", text(&user["two_step"]), answer["recovery_codes_left"])),
        ("must show", text(&answer["second_step"])),
        ("comes from", words(&answer["may_come_from"])),
        ("added", time(&user["added"])),
        ("last sign-in", last),
        ("id", text(&user["id"])),
    ]);
    if !array(&answer["sessions"]).is_empty() {
        told.push_str(&format!("\n\nSessions\n{}", sessions(&answer["sessions"])));
    }
    if !array(&answer["tokens"]).is_empty() {
        told.push_str(&format!("\n\nTokens\n{}", tokens(&answer["tokens"])));
    }
    if !array(&answer["app_passwords"]).is_empty() {
        told.push_str(&format!("\n\nApp passwords\n{}", app_passwords(&answer["app_passwords"])));
    }
    with_notes(told, answer)
}

fn app_password_made(answer: &Value) -> String {
    let one = &answer["app_password"];
    let until = if one["expires"].is_null() { "it is revoked".to_owned() } else { time(&one["expires"]) };
    format!(
        "App password {} of {}, until {until}. This is the only time it is shown:\n\n  {}\n\nTyped with the user name {}; with or without dashes, in capitals or not.",
        short(&one["id"]),
        text(&one["user"]),
        text(&answer["secret"]),
        text(&one["user"]),
    )
}

fn app_passwords(answer: &Value) -> String {
    let rows: Vec<_> = array(answer)
        .iter()
        .map(|one| {
            [
                short(&one["id"]),
                text(&one["name"]),
                text(&one["user"]),
                words(&one["for"]),
                if array(&one["only_from"]).is_empty() { "as owner".to_owned() } else { words(&one["only_from"]) },
                time(&one["expires"]),
                time(&one["last_used"]["at"]),
                text(&one["last_used"]["by"]),
            ]
        })
        .collect();
    table(["id", "name", "owner", "for", "from", "ends", "last used", "by"], &rows, "No app passwords.")
}

fn token_made(answer: &Value) -> String {
    let token = &answer["token"];
    format!(
        "Token {} of {}, until {}. This is the only time it is shown:\n\n  {}\n\nSend it as: Authorization: Bearer …",
        short(&token["id"]),
        text(&token["user"]),
        time(&token["expires"]),
        text(&answer["secret"])
    )
}

fn tokens(answer: &Value) -> String {
    let rows: Vec<_> = array(answer)
        .iter()
        .map(|token| {
            [
                short(&token["id"]),
                text(&token["name"]),
                text(&token["user"]),
                words(&token["apps"]),
                if array(&token["scopes"]).is_empty() { "as owner".to_owned() } else { words(&token["scopes"]) },
                if array(&token["only_from"]).is_empty() { "as owner".to_owned() } else { words(&token["only_from"]) },
                time(&token["expires"]),
                time(&token["last_used"]["at"]),
            ]
        })
        .collect();
    table(["id", "name", "owner", "apps", "may", "from", "ends", "last used"], &rows, "No tokens.")
}

fn sessions(answer: &Value) -> String {
    let rows: Vec<_> = array(answer)
        .iter()
        .map(|session| {
            [
                short(&session["id"]),
                text(&session["user"]),
                text(&session["kind"]),
                text(&session["from"]),
                time(&session["opened"]),
                time(&session["used"]),
                text(&session["shown"]),
                text(&session["device"]),
            ]
        })
        .collect();
    table(["id", "user", "kind", "from", "since", "last used", "shown", "device"], &rows, "Nobody is signed in.")
}

fn reloaded(answer: &Value) -> String {
    let mut told = format!(
        "Configuration {} is in force; {} cases held; {} connections were cut.",
        answer["generation"], answer["cases"], answer["cut"]
    );
    for warning in array(&answer["warnings"]) {
        told.push_str(&format!(
            "\nwarning: {}:{}: {}",
            text(&warning["file"]),
            warning["line"],
            text(&warning["message"])
        ));
    }
    if !array(&answer["needs_restart"]).is_empty() {
        told.push_str(&format!("\nOnly a restart brings these into force: {}.", words(&answer["needs_restart"])));
    }
    told
}

fn with_notes(mut told: String, answer: &Value) -> String {
    for note in array(&answer["notes"]) {
        told.push_str(&format!("\nnote: {}", text(note)));
    }
    told
}

fn name(answer: &Value) -> String {
    text(&answer["user"]["name"])
}

pub(super) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text or another simple value; a dash where there is none.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn words(value: &Value) -> String {
    let words: Vec<_> = array(value).iter().map(text).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

/// Enough of an id to be known by.
fn short(value: &Value) -> String {
    text(value).chars().take(12).collect()
}

/// A moment as this machine's clock would show it.
pub(super) fn time(value: &Value) -> String {
    let Some(at) = value.as_str() else { return text(value) };
    match at.parse::<jiff::Timestamp>() {
        Ok(at) => at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => at.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_tables_and_empty_lists_are_sentences() {
        let listed = json!([
            { "id": "0123456789abcdef", "name": "till", "user": "ana", "apps": ["crm"], "scopes": [], "only_from": ["vpn"],
              "expires": "never", "last_used": null }
        ]);
        let command = Command::TokenList { user: None };
        let expected = "\
ID            NAME  OWNER  APPS  MAY       FROM  ENDS   LAST USED
0123456789ab  till  ana    crm   as owner  vpn   never  –";
        assert_eq!(told(&command, &listed), expected);
        assert_eq!(told(&command, &json!([])), "No tokens.");
    }

    #[test]
    fn changes_are_sentences_with_their_notes() {
        let answer =
            json!({ "user": { "name": "ana", "roles": ["admn"] }, "notes": ["no rule speaks of the role admn"] });
        let command = Command::UserSetRoles { user: "ana".to_owned(), roles: Vec::new(), force: false };
        assert_eq!(told(&command, &answer), "ana has these roles now: admn.\nnote: no rule speaks of the role admn");
        let command = Command::UserSignOut { user: "ana".to_owned() };
        assert_eq!(told(&command, &json!({ "user": "ana", "ended": 1 })), "ana: one session ended.");
        assert_eq!(told(&command, &json!({ "user": "ana", "ended": 3 })), "ana: 3 sessions ended.");
    }

    #[test]
    fn a_broken_chain_is_told_with_its_place() {
        let broken = json!({ "rows": 7, "broken": [8, "the hash does not fit"] });
        let expected = "BROKEN at row 8: the hash does not fit. 7 rows before it fit.";
        assert_eq!(told(&Command::AuditVerify {}, &broken), expected);
        assert_eq!(told(&Command::AuditVerify {}, &json!({ "rows": 7 })), "The chain holds: 7 rows.");
    }
}
