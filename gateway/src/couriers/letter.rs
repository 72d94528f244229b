//! In which words are people told? In their language: one letter, as text and as HTML.
//!
//! Nothing in it comes from a request but the address that somebody acted from, and what their program calls itself, plainly;
//! links begin with the portal's configured address. Names are inert in both forms.

use std::net::IpAddr;

use access::Timestamp;
use askama::Template;
use jiff::tz::TimeZone;

use crate::config::Settings;
use crate::store::vault::{CODE_LIFE, Change, Letter, Message, RESET_LIFE};
use crate::words::{Language, Said};

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
    facts: Vec<Said>,
    after: Vec<String>,
}

/// The one link.
struct Action {
    label: Said,
    url: String,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    language: Language,
    organization: &'a str,
    name: &'a str,
    subject: &'a str,
    before: &'a [String],
    action: Option<&'a Action>,
    facts: &'a [Said],
    after: &'a [String],
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'a> {
    language: Language,
    organization: &'a str,
    name: &'a str,
    before: &'a [String],
    action: Option<&'a Action>,
    facts: &'a [Said],
    after: &'a [String],
}

/// Puts a letter into words; `at` is when it was written down.
pub(super) fn write(settings: &Settings, message: &Message, at: Timestamp) -> Written {
    let language = message.language;
    let writer = Writer { settings, language, at };
    let content = match &message.letter {
        Letter::Reset { secret } => writer.reset(secret.expose()),
        Letter::Code { code } => writer.code(code.expose()),
        Letter::NewPlace { device, from, secret } => writer.new_place(device, *from, secret.expose()),
        Letter::Changed { what, from, by_administrator } => writer.changed(what, *from, *by_administrator),
    };
    let Content { subject, before, action, facts, after } = &content;
    let (organization, name, action) = (settings.organization.as_str(), one_line(&message.name), action.as_ref());
    let text = Text { language, organization, name: &name, before, action, facts, after }.render();
    let html = Html { language, organization, name: &name, subject, before, action, facts, after }.render();
    // Writing into a String can't fail and no field's Display does.
    Written { subject: subject.clone(), text: text.unwrap_or_default(), html: html.unwrap_or_default() }
}

/// A code as a text message. Its last line ties it to our host: telephones fill it in there and nowhere else (WICG,
/// Origin-bound one-time codes).
pub(super) fn code_by_sms(settings: &Settings, language: Language, code: &str) -> String {
    let (organization, host) = (one_line(&settings.organization), settings.portal.host());
    let said = language.say("text-message-code").exact("code", &code).name("organization", &organization).plain();
    format!("{said}\n\n@{host} #{code}")
}

/// A code as it is said, digit by digit and twice.
pub(super) fn code_by_voice(settings: &Settings, language: Language, code: &str) -> String {
    // A voice pauses at its language's comma.
    let pause = match language {
        Language::English | Language::Spanish => ", ",
        Language::Japanese => "\u{3001}",
    };
    let digits = code.chars().map(String::from).collect::<Vec<_>>().join(pause);
    let said = language.say("call-code").name("organization", &one_line(&settings.organization));
    said.exact("digits", &digits).plain()
}

/// Who puts letters into words, for one reader.
#[derive(Clone, Copy)]
struct Writer<'a> {
    settings: &'a Settings,
    language: Language,
    at: Timestamp,
}

impl Writer<'_> {
    fn new_place(self, device: &str, from: IpAddr, secret: &str) -> Content {
        Content {
            subject: self.with_organization("letter-new-place-subject").plain(),
            before: vec![self.say("letter-new-place").plain()],
            facts: vec![self.when(), self.from(from), self.say("letter-with").name("device", &plain(device))],
            action: Some(Action {
                label: self.say("letter-not-me"),
                url: self.settings.portal.join(&format!("/not-me/{secret}")),
            }),
            after: vec![self.say("letter-new-place-otherwise").plain()],
        }
    }

    fn code(self, code: &str) -> Content {
        let minutes = CODE_LIFE.as_secs() / 60;
        Content {
            subject: self.with_organization("letter-code-subject").plain(),
            before: vec![self.say("letter-code").exact("code", &code).number("minutes", &minutes).plain()],
            after: vec![self.say("letter-code-otherwise").plain()],
            ..Content::default()
        }
    }

    fn reset(self, secret: &str) -> Content {
        let minutes = RESET_LIFE.as_secs() / 60;
        Content {
            subject: self.with_organization("letter-reset-subject").plain(),
            before: vec![self.with_organization("letter-reset").number("minutes", &minutes).plain()],
            action: Some(Action {
                label: self.say("letter-choose-password"),
                url: self.settings.portal.join(&format!("/reset/{secret}")),
            }),
            after: vec![self.say("letter-reset-otherwise").plain()],
            ..Content::default()
        }
    }

    fn changed(self, what: &Change, from: Option<IpAddr>, by_administrator: bool) -> Content {
        let (subject, line) = self.change(what);
        let mut facts = vec![self.when()];
        facts.extend(from.map(|from| self.from(from)));
        if by_administrator {
            facts.push(self.say("letter-by").name("who", &self.say("letter-administrator").plain()));
        }
        let account = self.settings.portal.join("/account");
        Content {
            subject: self.with_organization("letter-change-subject").words("what", &subject).plain(),
            before: vec![line.plain()],
            facts,
            action: None,
            after: vec![self.say("letter-change-unexpected").exact("account", &account).plain()],
        }
    }

    /// What changed: the subject, and the sentence.
    fn change(self, what: &Change) -> (Said, Said) {
        let named = |line: Said, name: &str| line.name("name", &one_line(name));
        let (subject, line) = match what {
            Change::Password => ("letter-password-subject", self.say("letter-password")),
            Change::PasswordReset => ("letter-password-reset-subject", self.say("letter-password-reset")),
            Change::Authenticator => ("letter-authenticator-subject", self.say("letter-authenticator")),
            Change::Passkey(name) => ("letter-passkey-subject", named(self.say("letter-passkey"), name)),
            Change::PasskeyRemoved(name) => {
                ("letter-passkey-removed-subject", named(self.say("letter-passkey-removed"), name))
            }
            Change::TwoStepOff => ("letter-two-step-off-subject", self.say("letter-two-step-off")),
            Change::Phone(number) => ("letter-telephone-subject", self.say("letter-telephone").exact("number", number)),
            Change::EmailCodes => ("letter-codes-by-mail-subject", self.say("letter-codes-by-mail")),
            Change::CodesOff => ("letter-codes-off-subject", self.say("letter-codes-off")),
            Change::Questions => ("letter-questions-subject", self.say("letter-questions")),
            Change::RecoveryCodes => ("letter-recovery-codes-subject", self.say("letter-recovery-codes")),
            Change::Token(name) => ("letter-token-subject", named(self.say("letter-token"), name)),
            Change::AppPassword(name) => ("letter-app-password-subject", named(self.say("letter-app-password"), name)),
            Change::Email(email) if email.is_empty() => ("letter-address-subject", self.say("letter-no-address")),
            Change::Email(email) => ("letter-address-subject", self.say("letter-address").exact("address", email)),
        };
        (self.say(subject), line)
    }

    fn say(self, id: &'static str) -> Said {
        self.language.say(id)
    }

    fn with_organization(self, id: &'static str) -> Said {
        self.say(id).name("organization", &self.settings.organization)
    }

    fn when(self) -> Said {
        self.say("letter-when").name("when", &said(self.language, self.at))
    }

    fn from(self, address: IpAddr) -> Said {
        self.say("letter-from").name("address", &address)
    }
}

/// A moment for a reader who may be anywhere.
fn said(language: Language, at: Timestamp) -> String {
    let moment = i64::try_from(at.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let moment = moment.unwrap_or_default().to_zoned(TimeZone::UTC);
    let time = match language {
        Language::English => "%H:%M UTC",
        Language::Spanish | Language::Japanese => "%-H:%M UTC",
    };
    let date = language.say("when-date").number("year", &moment.year());
    let date = date.number("month", &moment.month()).number("day", &moment.day());
    language.say("letter-moment").words("date", &date).exact("time", &moment.strftime(time)).plain()
}

/// What a program says of itself, of which no mail program makes a link.
fn plain(words: &str) -> String {
    let harmless = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '(' | ')');
    let words: String = words.chars().map(|letter| if harmless(letter) { letter } else { ' ' }).take(60).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name that stays where it is put.
fn one_line(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_as_its_reader_says_it() {
        let at = Timestamp::from_millis(1_792_828_800_000);
        for (language, expected) in [
            (Language::English, "24 October 2026, 08:00 UTC"),
            (Language::Spanish, "24 de octubre de 2026, 8:00 UTC"),
            (Language::Japanese, "2026年10月24日 8:00 UTC"),
        ] {
            assert_eq!(said(language, at), expected);
        }
    }
}
