//! With what? The ways of proving who one is.

/// One way of proving who one is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Method {
    /// What one knows. The first step, never the second.
    Password = 1,
    /// A code of an authenticator app.
    Totp = 2,
    /// One of the ten codes saved at set-up. A second step, but none that a rule naming methods accepts.
    Recovery = 4,
    /// A security key or passkey.
    Passkey = 8,
    /// A code by SMS.
    Sms = 16,
    /// A code by voice call.
    Voice = 32,
    /// A code by e-mail. Never accepted by a rule that names methods.
    Email = 64,
}

/// A set of [`Method`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Methods(u8);

impl Methods {
    /// None.
    pub const NONE: Self = Self(0);

    /// Everything that can be a second step: all but the password.
    pub const SECOND_STEPS: Self = Self::NONE
        .with(Method::Totp)
        .with(Method::Recovery)
        .with(Method::Passkey)
        .with(Method::Sms)
        .with(Method::Voice)
        .with(Method::Email);

    /// What a rule that names methods can accept: neither recovery codes nor codes by e-mail.
    pub const NAMEABLE: Self =
        Self::NONE.with(Method::Totp).with(Method::Passkey).with(Method::Sms).with(Method::Voice);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | method as u8)
    }

    /// This set and one less.
    #[must_use]
    pub const fn without(self, method: Method) -> Self {
        Self(self.0 & !(method as u8))
    }

    /// Is all of it in the other?
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Is the method in the set?
    pub const fn has(self, method: Method) -> bool {
        self.0 & method as u8 != 0
    }

    /// What lies in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// For the store.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From the store.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Is any second step among them?
    pub const fn has_second_step(self) -> bool {
        !self.and(Self::SECOND_STEPS).is_empty()
    }
}

/// What has to be shown as a second step, as far as it is known.
#[derive(Clone, Copy)]
pub(super) struct Demand(Option<Methods>);

impl Demand {
    pub(super) const NOTHING: Self = Self(None);

    /// And any second step at all, if so.
    pub(super) fn any_if(self, demanded: bool) -> Self {
        if demanded { Self(Some(self.0.unwrap_or(Methods::SECOND_STEPS))) } else { self }
    }

    /// And one of these, if a rule names some.
    pub(super) fn one_of(self, named: Option<Methods>) -> Self {
        match named {
            Some(named) => Self(Some(self.0.unwrap_or(Methods::NAMEABLE).and(named).and(Methods::NAMEABLE))),
            None => self,
        }
    }

    /// What counts; `None` if nothing is demanded.
    pub(super) fn methods(self) -> Option<Methods> {
        self.0
    }

    pub(super) fn is_met_by(self, shown: Methods) -> bool {
        self.0.is_none_or(|methods| !methods.and(shown).is_empty())
    }
}

/// For administrators: `totp, passkey`, or `none`.
impl std::fmt::Display for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for (method, name) in NAMES {
            if self.has(method) {
                write!(f, "{separator}{name}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

const NAMES: [(Method, &str); 7] = [
    (Method::Password, "password"),
    (Method::Passkey, "passkey"),
    (Method::Totp, "totp"),
    (Method::Sms, "sms"),
    (Method::Voice, "voice"),
    (Method::Email, "email"),
    (Method::Recovery, "recovery"),
];
