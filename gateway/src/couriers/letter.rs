//! In which words are people told? One letter, as text and as HTML.
//!
//! Nothing in it comes from a request but the address that somebody acted from; links begin with the portal's configured
//! address. Names are inert in both forms.

use std::net::IpAddr;

use access::Timestamp;
use askama::Template;
use jiff::tz::TimeZone;

use crate::config::Settings;
use crate::store::vault::{CODE_LIFE, Change, Letter, Message, RESET_LIFE};

/// A letter in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// What is said, before it has a form.
#[derive(Default)]
struct Content {
    subject: String,
    before: Vec<String>,
    action: Option<Action>,
    facts: Vec<(&'static str, String)>,
    after: Vec<String>,
}

/// The one link.
struct Action {
    label: &'static str,
    url: String,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    organization: &'a str,
    name: &'a str,
    subject: &'a str,
    before: &'a [String],
    action: Option<&'a Action>,
    facts: &'a [(&'static str, String)],
    after: &'a [String],
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'a> {
    organization: &'a str,
    name: &'a str,
    before: &'a [String],
    action: Option<&'a Action>,
    facts: &'a [(&'static str, String)],
    after: &'a [String],
}

/// Puts a letter into words; `at` is when it was written down.
pub(super) fn write(settings: &Settings, message: &Message, at: Timestamp) -> Written {
    let content = match &message.letter {
        Letter::Reset { secret } => reset(settings, secret.expose()),
        Letter::Code { code } => code_by_mail(settings, code.expose()),
        Letter::NewPlace { device, from, secret } => new_place(settings, device, *from, secret.expose(), at),
        Letter::Changed { what, from, by_administrator } => changed(settings, what, *from, *by_administrator, at),
    };
    let Content { subject, before, action, facts, after } = &content;
    let (organization, name, action) = (settings.organization.as_str(), one_line(&message.name), action.as_ref());
    let text = Text { organization, name: &name, before, action, facts, after }.render();
    let html = Html { organization, name: &name, subject, before, action, facts, after }.render();
    // Writing into a String can't fail and no field's Display does.
    Written { subject: subject.clone(), text: text.unwrap_or_default(), html: html.unwrap_or_default() }
}

fn new_place(settings: &Settings, device: &str, from: IpAddr, secret: &str, at: Timestamp) -> Content {
    let organization = &settings.organization;
    Content {
        subject: format!("New sign-in to your account at {organization}"),
        before: vec![
            "Somebody signed in to your account from where nobody did before. If that was you, all is well.".to_owned(),
        ],
        facts: vec![("When", said(at)), ("From", from.to_string()), ("With", one_line(device))],
        action: Some(Action {
            label: "It was not me: end this session",
            url: settings.portal.join(&format!("/not-me/{secret}")),
        }),
        after: vec!["If it was not you, choose another password as well: somebody knows this one.".to_owned()],
    }
}

/// A code as a text message. Its last line ties it to our host: telephones fill it in there and nowhere else (WICG,
/// Origin-bound one-time codes).
pub(super) fn code_by_sms(settings: &Settings, code: &str) -> String {
    let (organization, host) = (one_line(&settings.organization), settings.portal.host());
    format!(
        "{code} is your sign-in code for {organization}. Nobody from there ever asks you for it.\n\n@{host} #{code}"
    )
}

/// A code as it is said, digit by digit and twice.
pub(super) fn code_by_voice(settings: &Settings, code: &str) -> String {
    let digits = code.chars().map(String::from).collect::<Vec<_>>().join(", ");
    format!("Your sign-in code for {} is {digits}. Once more: {digits}.", one_line(&settings.organization))
}

fn code_by_mail(settings: &Settings, code: &str) -> Content {
    let organization = &settings.organization;
    let minutes = CODE_LIFE.as_secs() / 60;
    Content {
        subject: format!("Sign-in code for {organization}"),
        before: vec![format!("Your sign-in code is {code}. It is good once and for {minutes} minutes.")],
        after: vec![
            "Nobody ever asks you for it but the page on which you are signing in. If you are not: somebody knows your \
             password. Change it at once."
                .to_owned(),
        ],
        ..Content::default()
    }
}

fn reset(settings: &Settings, secret: &str) -> Content {
    let organization = &settings.organization;
    let minutes = RESET_LIFE.as_secs() / 60;
    Content {
        subject: format!("Password reset for {organization}"),
        before: vec![format!(
            "Somebody asked to reset the password of your account at {organization}. If that was you, choose a new one. \
             The link works once and for {minutes} minutes."
        )],
        action: Some(Action { label: "Choose a new password", url: settings.portal.join(&format!("/reset/{secret}")) }),
        after: vec!["If it was not you, there is nothing to do: your password stays as it is.".to_owned()],
        ..Content::default()
    }
}

fn changed(settings: &Settings, what: &Change, from: Option<IpAddr>, by_administrator: bool, at: Timestamp) -> Content {
    let organization = &settings.organization;
    let (subject, line) = match what {
        Change::Password => ("Your password was changed", "The password of your account was changed.".to_owned()),
        Change::PasswordReset => (
            "Your password was reset",
            "The password of your account was changed by a link from a mail. You were signed out everywhere."
                .to_owned(),
        ),
        Change::Authenticator => (
            "An authenticator app was set up",
            "An authenticator app was set up for your account. From now on its codes are your second step.".to_owned(),
        ),
        Change::Passkey(name) => {
            ("A passkey was added", format!("A passkey or security key called {} opens your account.", quoted(name)))
        }
        Change::PasskeyRemoved(name) => (
            "A passkey was removed",
            format!("The passkey or security key called {} opens nothing any more.", quoted(name)),
        ),
        Change::TwoStepOff => (
            "Two-step sign-in was switched off",
            "The second step of your account was taken away, with its recovery codes.".to_owned(),
        ),
        Change::Phone(number) => (
            "A telephone was set up for codes",
            format!("Codes for signing in go to the number {number} from now on, if you choose so."),
        ),
        Change::EmailCodes => (
            "Codes by mail were set up",
            "Codes for signing in go to this address from now on, if you choose so.".to_owned(),
        ),
        Change::CodesOff => (
            "A way to receive codes was removed",
            "One of the ways by which codes for signing in reach you was removed.".to_owned(),
        ),
        Change::Questions => (
            "Security questions were set",
            "Security questions were set for your account, in the place of those that were there.".to_owned(),
        ),
        Change::RecoveryCodes => (
            "New recovery codes were made",
            "New recovery codes were made for your account. The old ones are worth nothing any more.".to_owned(),
        ),
        Change::Token(name) => {
            ("An API token was made", format!("A token called {} acts for you from now on.", quoted(name)))
        }
        Change::AppPassword(name) => (
            "An app password was made",
            format!("A program that you call {} signs in as you from now on.", quoted(name)),
        ),
        Change::Email(email) => (
            "The address of your account was changed",
            format!("From now on the address of your account is {}.", if email.is_empty() { "none" } else { email }),
        ),
    };
    let mut facts = vec![("When", said(at))];
    facts.extend(from.map(|from| ("From", from.to_string())));
    if by_administrator {
        facts.push(("By", "an administrator".to_owned()));
    }
    Content {
        subject: format!("{subject} \u{b7} {organization}"),
        before: vec![line],
        facts,
        action: None,
        after: vec![format!(
            "If you did not expect this, tell your administrator at once, and look at what is signed in: {}",
            settings.portal.join("/account")
        )],
    }
}

/// A moment for a reader who may be anywhere.
fn said(at: Timestamp) -> String {
    let moment = i64::try_from(at.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    moment.unwrap_or_default().to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn quoted(name: &str) -> String {
    format!("\u{201c}{}\u{201d}", one_line(name))
}

/// A name that stays where it is put.
fn one_line(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
