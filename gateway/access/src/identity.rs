//! Who? Names and ids, each a type of its own.
//!
//! A name is canonical from the moment it exists (RFC 8265's aim, by a stricter rule): NFKC, lower case, trimmed, then
//! only `a-z 0-9 . _ -`, beginning with a letter or digit, at most 64 characters. So one person has one name, one
//! throttle bucket and one `Remote-User`.

/// Why a text is not a name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing is left after trimming.
    #[error("a name can't be empty")]
    Empty,
    /// More than 64 characters.
    #[error("a name has at most 64 characters")]
    TooLong,
    /// A character outside the alphabet.
    #[error(
        "{0:?} can't stand in a name: letters a-z, digits, '.', '_' and '-' only, beginning with a letter or digit"
    )]
    Character(char),
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(std::sync::Arc<str>);

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

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Reads the 32 hexadecimal digits that `Display` writes.
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != 32 || !text.is_ascii() {
                    return None;
                }
                let mut id = [0; 16];
                for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let pair = std::str::from_utf8(pair).ok()?;
                    *byte = u8::from_str_radix(pair, 16).ok()?;
                }
                Some(Self(id))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
    /// An `@` makes it an address. Errors: [`NameError`] for either kind.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.contains('@') { Email::parse(text).map(Self::Email) } else { UserName::parse(text).map(Self::Name) }
    }
}

/// An e-mail address as a key: NFKC, lower case, trimmed, exactly one `@`, printable ASCII, at most 254 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Email(std::sync::Arc<str>);

impl Email {
    /// Canonicalises and checks. Errors: [`NameError`].
    pub fn parse(_text: &str) -> Result<Self, NameError> {
        unimplemented!()
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

fn canonical(_text: &str) -> Result<String, NameError> {
    unimplemented!()
}
