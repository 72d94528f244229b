//! What went wrong with a form? Each answer says what to do next (S13); the sentences are in `problems.ftl`.

use std::time::Duration;

use jiff::Zoned;

use super::Frame;
use crate::words::Said;

/// What went wrong, or what a person should know before they try again. Shown above the form, and tied to its field.
#[derive(Clone, Copy, Debug)]
pub enum Problem<'a> {
    /// User name and password don't match; never says which.
    Wrong,
    /// Too many tries.
    Wait {
        /// From now on; shown rounded up to seconds or minutes.
        left: Duration,
        /// The same moment on the clock, with its time zone's name.
        until: &'a Zoned,
    },
    /// As many codes were sent as may be.
    SentEnough {
        /// From now on.
        left: Duration,
        /// The same moment on the clock.
        until: &'a Zoned,
    },
    /// A code that was sent, and is not the newest, or too old, or none.
    WrongSentCode,
    /// What should be a telephone number is none.
    NoPhone,
    /// An answer to a security question isn't right.
    WrongAnswer,
    /// A security question that can't be one.
    BadQuestion,
    /// An answer that can't be one.
    BadAnswer,
    /// The session ended because it was idle.
    SessionOver,
    /// The session ended for another reason: its longest time was over, or somebody ended it.
    SessionEnded,
    /// The password is another one: time to sign in with it.
    PasswordReset,
    /// The bounded pool that checks passwords is full.
    Busy,
    /// A code of the authenticator app that isn't right.
    WrongCode,
    /// A code of the authenticator app that was right and was used before.
    UsedCode,
    /// A recovery code that isn't right.
    WrongRecoveryCode,
    /// A recovery code that was used before.
    UsedRecoveryCode,
    /// The sign-in, or the form, is too old.
    TookTooLong,
    /// The sign-in had as many wrong codes as it may have.
    TooManyCodes,
    /// A new password with too few characters.
    TooShort {
        /// Characters.
        least: usize,
    },
    /// A new password beyond what is accepted.
    PasswordTooLong,
    /// A new password that is on the list of common ones, or is the user name.
    TooCommon,
    /// A new password that is in the file of breached ones.
    Breached,
    /// The password they signed in with is older than one may be; a notice, not an error.
    PasswordTooOld,
    /// The new password and its repetition differ.
    Differ,
    /// The present password, asked for with a new one, isn't right.
    WrongCurrent,
    /// The new password is the present one.
    SamePassword,
    /// A passkey that could not be used, whatever the reason.
    PasskeyRefused,
    /// A passkey that could not be added.
    PasskeyNotAdded,
    /// As many passkeys as one may have.
    TooManyPasskeys,
    /// A name for a passkey that can't be shown.
    PasskeyName,
    /// The last second step of somebody who has to have one.
    LastSecondStep,
    /// A token without a name, or with one that can't be shown.
    TokenName,
    /// A token that would open nothing.
    TokenWithoutApps,
    /// From where a token or an app password is to count is no list of addresses.
    BadAddresses,
    /// As many tokens as one may have.
    TooManyTokens,
    /// An app password without a name, or with one that can't be shown.
    AppPasswordName,
    /// As many app passwords as one may have.
    TooManyAppPasswords,
}

impl Problem<'_> {
    /// Is it about the addresses, and not about the first field?
    pub(super) fn blames_addresses(problem: Option<&Self>) -> bool {
        matches!(problem, Some(Self::BadAddresses))
    }

    /// Nothing was done wrong: it is told calmly.
    pub(super) fn is_notice(&self) -> bool {
        matches!(self, Self::SessionOver | Self::SessionEnded | Self::PasswordReset | Self::PasswordTooOld | Self::Busy)
    }

    /// What was typed is at fault, not the moment.
    pub(super) fn blames_input(&self) -> bool {
        !self.is_notice()
            && !matches!(self, Self::Wait { .. } | Self::SentEnough { .. } | Self::TookTooLong | Self::TooManyCodes)
    }

    /// `2 minutes`, `1 minute`, `20 seconds`: rounded up, for it must not be tried a moment too early.
    pub(super) fn span(left: &Duration, frame: &Frame<'_>) -> Said {
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let (count, words) =
            if seconds < 60 { (seconds.max(1), "span-seconds") } else { (seconds.div_ceil(60), "span-minutes") };
        frame.say(words).number("count", &count)
    }
}
