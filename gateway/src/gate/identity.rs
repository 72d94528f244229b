//! What are apps told about a person? Header values, made once when the person's row is read (Z3).

use access::identity::GroupName;
use http::HeaderValue;

use crate::store::vault::PersonRecord;

/// The values of `Remote-User`, `-Groups`, `-Name` and `-Email`.
#[derive(Debug)]
pub struct Identity {
    /// What they are called.
    pub user: Option<HeaderValue>,
    /// Their groups, with commas between.
    pub groups: Option<HeaderValue>,
    /// Their full name, percent-encoded where it is not visible ASCII.
    pub name: Option<HeaderValue>,
    /// Their e-mail address, if there is one.
    pub email: Option<HeaderValue>,
}

impl Identity {
    /// Of a person as stored. What can't stand in a header is not said; names and addresses were checked when they were
    /// stored, so that does not happen.
    pub(super) fn of(record: &PersonRecord) -> Self {
        let value = |text: String| HeaderValue::try_from(text).ok();
        let groups: Vec<_> = record.person.groups.iter().map(GroupName::as_str).collect();
        Self {
            user: value(record.person.name.to_string()),
            groups: value(groups.join(",")),
            name: value(percent_encode(&record.full_name)),
            email: record.email.as_ref().and_then(|email| value(email.to_string())),
        }
    }
}

/// Header values are ASCII; names of people are not. RFC 3986 percent-encoding of everything but visible ASCII and space.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn names_are_ascii_and_read_back() {
        for (name, said) in [
            ("Ana Ruiz", "Ana Ruiz"),
            ("Ana Ru\u{ed}z", "Ana Ru%C3%ADz"),
            ("100%", "100%25"),
            ("a\r\nRemote-User: admin", "a%0D%0ARemote-User: admin"),
        ] {
            assert_eq!(percent_encode(name), said);
        }
    }
}
