//! To what? The host and the path of a request, read once (A09–A11).
//!
//! Whatever two programs could read differently is refused instead of repaired: the decision is taken on what is sent.

/// Why a request target is not understood in one way only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetError {
    /// No host, or one that is no host name.
    #[error("the Host is missing or is no host name")]
    Host,
    /// The path does not begin with `/`.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// `.` or `..` as a segment, also percent-encoded.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `//`.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `\`, `;`, or an encoded slash, backslash, semicolon or percent sign.
    #[error("the path has a separator that programs read differently")]
    Separator,
    /// A control character, a space, a raw byte above 0x7e, `#`, or a bad percent escape; not UTF-8 when decoded.
    #[error("the path has a character that can't stand in one")]
    Character,
    /// Longer than 8 KiB.
    #[error("the path is too long")]
    TooLong,
}

/// A host name as it is compared: lower case, without port and trailing dot; an ASCII DNS name (letters, digits, `-`,
/// labels of 1–63, 253 in all) or an address (IPv6 in brackets).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostName(std::sync::Arc<str>);

impl HostName {
    /// From a configuration: a name without port.
    pub fn parse(_text: &str) -> Result<Self, TargetError> {
        unimplemented!()
    }

    /// From a `Host` field or `:authority`: a name with or without port (1–65535).
    pub fn from_authority(_bytes: &[u8]) -> Result<(Self, Option<u16>), TargetError> {
        unimplemented!()
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for HostName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path that every program reads alike. Borrowed where nothing was escaped, so the common request allocates nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CanonicalPath<'a>(std::borrow::Cow<'a, str>);

impl<'a> CanonicalPath<'a> {
    /// From the path of a request target as it came, without the query.
    pub fn parse(_raw: &'a [u8]) -> Result<Self, TargetError> {
        unimplemented!()
    }

    /// Decoded once, for matching.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which paths a rule covers: `/status` is that path alone, `/api/*` everything below `/api/`, `/*` everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathPattern {
    /// Exactly this path.
    Exact(Box<str>),
    /// Everything that begins so; ends with `/`.
    Below(Box<str>),
}

impl PathPattern {
    /// From a configuration. Errors: [`TargetError`]; a `*` anywhere but as the last segment is [`TargetError::Character`].
    pub fn parse(_text: &str) -> Result<Self, TargetError> {
        unimplemented!()
    }

    /// Does the rule cover this path?
    pub fn matches(&self, _path: &CanonicalPath<'_>) -> bool {
        unimplemented!()
    }
}
