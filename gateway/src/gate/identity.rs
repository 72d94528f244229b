//! What is an app told about whoever comes in? Field lines, made when they are signed (Z3).

use access::identity::GroupName;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::store::vault::PersonRecord;

/// `Remote-User`, `-Groups`, `-Name`, `-Email` and `X-Vestibule-Assertion` as HTTP/1.1 writes them. One piece of memory: with
/// a million people inside, each further one is as far away as the store of a slow machine.
pub struct Identity(Box<[u8]>);

impl Identity {
    /// Of a person as stored, with what was signed about them. What can't stand in a header is not said; names and addresses
    /// were checked when they were stored, so that does not happen.
    pub(super) fn of(record: &PersonRecord, assertion: &HeaderValue) -> Self {
        let groups = record.person.groups.iter().map(GroupName::as_str).collect::<Vec<_>>().join(",");
        let said = [
            (REMOTE_USER, Some(record.person.name.to_string())),
            (REMOTE_GROUPS, Some(groups)),
            (REMOTE_NAME, Some(percent_encode(&record.full_name))),
            (REMOTE_EMAIL, record.email.as_ref().map(ToString::to_string)),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?)));
        let mut lines = Vec::new();
        for (name, value) in said.chain([(X_VESTIBULE_ASSERTION, assertion.clone())]) {
            for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                lines.extend_from_slice(piece);
            }
        }
        Self(lines.into_boxed_slice())
    }

    /// As HTTP/1.1 writes them.
    pub fn lines(&self) -> &[u8] {
        &self.0
    }

    /// As fields; the values share one copy.
    pub fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let whole = Bytes::copy_from_slice(&self.0);
        let mut end = 0;
        let lines = self.0.split_inclusive(|byte| *byte == b'\n');
        lines.filter_map(move |line| {
            let begin = end;
            end += line.len();
            let name = line.split(|byte| *byte == b':').next()?;
            // Between `: ` and the line's end.
            let value = whole.slice(begin + name.len() + 2..end - 2);
            Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_maybe_shared(value).ok()?))
        })
    }
}

impl std::fmt::Debug for Identity {
    /// Without what is signed: whoever has it may say it to the app.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Who it is.
pub(crate) const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
/// Their groups, with commas between.
pub(crate) const REMOTE_GROUPS: HeaderName = HeaderName::from_static("remote-groups");
/// Their full name, percent-encoded where it is not visible ASCII.
pub(crate) const REMOTE_NAME: HeaderName = HeaderName::from_static("remote-name");
/// Their e-mail address, if there is one.
pub(crate) const REMOTE_EMAIL: HeaderName = HeaderName::from_static("remote-email");

/// All of that, signed, for one app.
pub(crate) const X_VESTIBULE_ASSERTION: HeaderName = HeaderName::from_static("x-vestibule-assertion");

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
