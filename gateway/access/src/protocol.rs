//! How does a program come in? The protocols that an app password may be used for.

/// A protocol that programs speak with an app password.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Protocol {
    /// HTTP Basic: calendars, contacts, files.
    Web = 1,
    /// Reading mail.
    Imap = 2,
    /// Fetching mail.
    Pop3 = 4,
    /// Sending mail.
    Smtp = 8,
}

/// A set of [`Protocol`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Protocols(u8);

impl Protocol {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Web, Self::Imap, Self::Pop3, Self::Smtp];

    /// As it is typed and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Smtp => "smtp",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == word)
    }
}

impl Protocols {
    /// None.
    pub const NONE: Self = Self(0);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, protocol: Protocol) -> Self {
        Self(self.0 | protocol as u8)
    }

    /// Is it among them?
    pub const fn has(self, protocol: Protocol) -> bool {
        self.0 & protocol as u8 != 0
    }

    /// Nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.into_iter().filter(move |protocol| self.has(*protocol))
    }

    /// For the store.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From the store. A bit that means nothing here opens nothing.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it_and_nothing_else() {
        for protocol in Protocol::ALL {
            let set = Protocols::NONE.with(protocol);
            assert_eq!(set.iter().collect::<Vec<_>>(), [protocol]);
            assert_eq!(Protocols::from_bits(set.bits()), set);
            assert_eq!(Protocol::parse(protocol.as_str()), Some(protocol));
        }
        assert!(Protocols::NONE.is_empty() && Protocols::from_bits(128).iter().next().is_none());
        assert_eq!(Protocol::parse("WEB"), None);
    }
}
