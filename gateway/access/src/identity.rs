//! Who? Names and ids, each a type of its own.
//!
//! A name is canonical from the moment it exists (RFC 8265's aim, by a stricter rule): NFKC, lower case, trimmed, then
//! only `a-z 0-9 . _ -`, beginning with a letter or digit, at most 64 characters. So one person has one name, one
//! throttle bucket and one `Remote-User`. Up to 23 bytes of it lie where the name is, without memory of their own: most names
//! are so short, and with a million people in memory each further place costs a request more than its comparisons do.

use smol_str::SmolStr;
use unicode_normalization::UnicodeNormalization;

/// Why a text is not a name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing is left after trimming; of an e-mail address, nothing on one side of the `@`, or no `@`.
    #[error("a name can't be empty, nor either side of an e-mail address")]
    Empty,
    /// More than 64 characters, or 254 of an e-mail address.
    #[error("a name has at most 64 characters, an e-mail address 254")]
    TooLong,
    /// A character outside the alphabet, or a second `@`.
    #[error(
        "{0:?} can't stand there: a name has letters a-z, digits, '.', '_' and '-', beginning with a letter or digit; \
         an e-mail address has one '@' and no spaces, quotes, commas or brackets"
    )]
    Character(char),
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(SmolStr);

        impl $name {
            /// Canonicalises and checks. Errors: [`NameError`].
            pub fn parse(text: &str) -> Result<Self, NameError> {
                canonical(text).map(|name| Self(name.into()))
            }

            /// The canonical text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

name! {
    /// What a person is called: `ana`.
    UserName,
    /// A role: `admin`.
    RoleName,
    /// A group: `sales`.
    GroupName,
    /// Something behind the gateway: `crm`.
    AppName,
    /// A named set of addresses: `office`.
    NetworkName,
    /// What a bearer token may do: `crm.read`.
    Scope,
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Reads the 32 lower-case hexadecimal digits that `Display` writes, and nothing else: one id, one text.
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    return None;
                }
                u128::from_str_radix(text, 16).ok().map(|id| Self(id.to_be_bytes()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // Written with every request's log line: one piece, not sixteen.
                let mut digits = [0; 32];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
                    pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
                }
                f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
            }
        }
    )+};
}

id! {
    /// A person, for good: names may change, ids don't.
    UserId,
    /// A session as people and administrators see it in lists. Not the secret in the cookie.
    SessionId,
    /// A bearer token as it is listed and revoked. Not its secret.
    TokenId,
    /// An app password as it is listed and revoked. Not its secret.
    AppPasswordId,
}

/// What somebody typed into the user-name field: a name or an e-mail address, canonical either way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LoginName {
    /// A user name.
    Name(UserName),
    /// An e-mail address.
    Email(Email),
}

impl LoginName {
    /// An `@`, also a full-width one, makes it an address. Errors: [`NameError`] for either kind.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.nfkc().any(|c| c == '@') {
            Email::parse(text).map(Self::Email)
        } else {
            UserName::parse(text).map(Self::Name)
        }
    }
}

/// An e-mail address as a key: NFKC, lower case, trimmed, exactly one `@`, printable ASCII, at most 254 characters.
/// Either side is not empty and has only what may stand there without quotes (RFC 5322 §3.2.3 `atext` and `.`), so an
/// address can be written into a header field or a list as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Email(std::sync::Arc<str>);

impl Email {
    /// Canonicalises and checks. Errors: [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let email = fold(text, EMAIL_LENGTH)?;
        let (local, domain) = email.split_once('@').ok_or(NameError::Empty)?;
        if let Some(c) = local.chars().chain(domain.chars()).find(|c| !is_atext(*c)) {
            return Err(NameError::Character(c));
        }
        if local.is_empty() || domain.is_empty() {
            return Err(NameError::Empty);
        }
        Ok(Self(email.into()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn canonical(text: &str) -> Result<String, NameError> {
    let name = fold(text, NAME_LENGTH)?;
    let mut first = true;
    for c in name.chars() {
        let fits = c.is_ascii_lowercase() || c.is_ascii_digit() || (!first && matches!(c, '.' | '_' | '-'));
        if !fits {
            return Err(NameError::Character(c));
        }
        first = false;
    }
    Ok(name)
}

/// NFKC, lower case, trimmed; 1 to `longest` characters.
fn fold(text: &str, longest: usize) -> Result<String, NameError> {
    let text = text.trim();
    // No ASCII text is the NFKC of more than four times its bytes: what is longer need not be folded to be refused.
    if text.len() > 4 * longest {
        return Err(NameError::TooLong);
    }
    let folded = text.nfkc().collect::<String>().to_lowercase();
    match folded.chars().count() {
        0 => Err(NameError::Empty),
        n if n > longest => Err(NameError::TooLong),
        _ => Ok(folded),
    }
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

const NAME_LENGTH: usize = 64;
const EMAIL_LENGTH: usize = 254;

/// A telephone number with its country (ITU-T E.164): a plus and eight to fifteen digits, written without anything between.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads what people type: spaces, dashes, dots, brackets and full-width digits do no harm; without the plus of its
    /// country it is none. `None`: no number.
    pub fn parse(text: &str) -> Option<Self> {
        let mut number = String::with_capacity(LONGEST_NUMBER + 1);
        for c in text.trim().nfkc() {
            match c {
                '+' if number.is_empty() => number.push('+'),
                '0'..='9' if number.is_empty() || number.len() > LONGEST_NUMBER => return None,
                '0'..='9' => number.push(c),
                ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2010}'..='\u{2015}' if !number.is_empty() => {}
                _ => return None,
            }
        }
        let fits = number.len() > SHORTEST_NUMBER && !number.starts_with("+0");
        fits.then_some(Self(number))
    }

    /// `+34600123456`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For those who know it: its last two digits, `••• 56`.
    pub fn masked(&self) -> String {
        format!("\u{2022}\u{2022}\u{2022} {}", &self.0[self.0.len() - 2..])
    }
}

/// Digits of a number with its country.
const LONGEST_NUMBER: usize = 15;
const SHORTEST_NUMBER: usize = 8;

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_however_it_was_typed_and_only_with_its_country() {
        for (typed, number) in [
            ("+34600123456", Some("+34600123456")),
            (" +34 600 12-34.56 ", Some("+34600123456")),
            ("+1 (555) 010-9999", Some("+15550109999")),
            ("\u{ff0b}\u{ff18}\u{ff11}90 1234 5678", Some("+819012345678")),
            ("+123456789012345", Some("+123456789012345")),
            ("+1234567890123456", None),
            ("+1234567", None),
            ("600123456", None),
            ("0034600123456", None),
            ("+0123456789", None),
            ("+34600123456;ext=1", None),
            ("+34+600123456", None),
            ("+3460012345\r\n6", None),
            ("+\u{663}\u{664}600123456", None),
            ("", None),
            ("+", None),
        ] {
            let read = Phone::parse(typed);
            assert_eq!(read.as_ref().map(Phone::as_str), number, "{typed:?}");
        }
        assert_eq!(format!("{:?}", Phone::parse("+34600123456")), "Some(Phone(\u{2022}\u{2022}\u{2022} 56))");
    }

    #[test]
    fn names_that_look_alike_are_one_name_or_none() {
        for (typed, expected) in [
            ("ana", Ok("ana")),
            ("Ana", Ok("ana")),
            (" ana ", Ok("ana")),
            ("\u{3000}ana\u{a0}", Ok("ana")),
            ("ＡＮＡ", Ok("ana")),
            ("ana.b_c-9", Ok("ana.b_c-9")),
            ("9lives", Ok("9lives")),
            ("\u{212a}im", Ok("kim")), // the Kelvin sign
            ("ﬁona", Ok("fiona")),
            ("", Err(NameError::Empty)),
            (" \t ", Err(NameError::Empty)),
            (".ana", Err(NameError::Character('.'))),
            ("_ana", Err(NameError::Character('_'))),
            ("-ana", Err(NameError::Character('-'))),
            ("an a", Err(NameError::Character(' '))),
            ("ana@x", Err(NameError::Character('@'))),
            ("ana/x", Err(NameError::Character('/'))),
            ("ana\0", Err(NameError::Character('\0'))),
            ("a\u{200b}na", Err(NameError::Character('\u{200b}'))),
            ("аna", Err(NameError::Character('а'))), // Cyrillic
            ("José", Err(NameError::Character('é'))),
            ("Jose\u{301}", Err(NameError::Character('é'))),
            ("İna", Err(NameError::Character('\u{307}'))),
        ] {
            assert_eq!(canonical(typed).as_deref(), expected.as_deref(), "{typed:?}");
        }
    }

    #[test]
    fn a_name_has_at_most_sixty_four_characters() {
        assert!(UserName::parse(&"a".repeat(64)).is_ok());
        assert_eq!(UserName::parse(&"a".repeat(65)), Err(NameError::TooLong));
        assert_eq!(UserName::parse(&"a".repeat(1 << 20)), Err(NameError::TooLong));
        // Eighteen letters come out of this one character.
        assert!(UserName::parse(&"\u{fdfa}".repeat(64)).is_err());
    }

    #[test]
    fn an_email_address_is_one_key_however_it_was_typed() {
        for (typed, expected) in [
            ("Ana@Acme.Example", Ok("ana@acme.example")),
            (" ana@acme.example\n", Ok("ana@acme.example")),
            ("ana＠acme.example", Ok("ana@acme.example")),
            ("o'brien+crm@acme.example", Ok("o'brien+crm@acme.example")),
            ("", Err(NameError::Empty)),
            ("ana", Err(NameError::Empty)),
            ("@acme.example", Err(NameError::Empty)),
            ("ana@", Err(NameError::Empty)),
            ("@", Err(NameError::Empty)),
            ("a@b@c", Err(NameError::Character('@'))),
            ("a b@c", Err(NameError::Character(' '))),
            ("a,b@c", Err(NameError::Character(','))),
            ("a;b@c", Err(NameError::Character(';'))),
            ("\"a\"@c", Err(NameError::Character('"'))),
            ("<a@c>", Err(NameError::Character('<'))),
            ("a@c\r\nBcc: d", Err(NameError::Character('\r'))),
            ("a@c\u{7f}", Err(NameError::Character('\u{7f}'))),
            ("josé@acme.example", Err(NameError::Character('é'))),
        ] {
            assert_eq!(Email::parse(typed).as_ref().map(Email::as_str), expected.as_ref().copied(), "{typed:?}");
        }
    }

    #[test]
    fn an_email_address_has_at_most_254_characters() {
        assert!(Email::parse(&format!("a@{}", "b".repeat(252))).is_ok());
        assert_eq!(Email::parse(&format!("a@{}", "b".repeat(253))), Err(NameError::TooLong));
    }

    #[test]
    fn what_is_typed_into_the_user_name_field_is_a_name_or_an_address() {
        let name = |text| LoginName::Name(UserName::parse(text).expect("a name"));
        let email = |text| LoginName::Email(Email::parse(text).expect("an address"));
        for (typed, expected) in [
            ("Ana", Ok(name("ana"))),
            ("ANA@acme.example", Ok(email("ana@acme.example"))),
            ("ana＠acme.example", Ok(email("ana@acme.example"))),
            ("a@b@c", Err(NameError::Character('@'))),
            ("ana!", Err(NameError::Character('!'))),
        ] {
            assert_eq!(LoginName::parse(typed), expected, "{typed:?}");
        }
    }

    #[test]
    fn an_id_reads_only_what_it_writes() {
        let id = SessionId(*b"\x00\x01\x02\x03\x04\x05\x06\x07\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff");
        assert_eq!(id.to_string(), "0001020304050607f8f9fafbfcfdfeff");
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        for text in ["", "00", "0001020304050607F8F9FAFBFCFDFEFF", "+001020304050607f8f9fafbfcfdfeff", &"é".repeat(16)]
        {
            assert_eq!(SessionId::parse(text), None, "{text:?}");
        }
    }
}
