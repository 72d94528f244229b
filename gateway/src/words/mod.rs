//! How is it said to people? In their language, out of one catalog a language: English, Spanish, Japanese.
//!
//! The sentences stand beside this file, in `en/`, `es/` and `ja/`, in Project Fluent's format, one file a room of pages with
//! the same names in each. All have the same messages with the same variables, and what is asked for exists: tests see to it.
//! Should a message be missing all the same, English is said.
//!
//! A message holds no markup and nothing that HTML reads as such. What is filled in is escaped ([`Said`]), so that a sentence
//! can stand in a page as it is.

mod catalog;
mod said;
#[cfg(test)]
mod tests;
mod wanted;

use std::fmt;

pub use said::Said;
pub use wanted::wanted;

/// A language that we speak.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Language {
    /// What is said if nobody wants anything else.
    #[default]
    English,
    /// As it is understood in Spain and America alike, and said with "usted".
    Spanish,
    /// In the polite form.
    Japanese,
}

/// What somebody wants to be spoken to in, and how we know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// They chose it on a page.
    Chosen(Language),
    /// Their browser says so.
    Browser(Language),
}

impl Wish {
    /// What it is.
    pub const fn language(self) -> Language {
        match self {
            Self::Chosen(language) | Self::Browser(language) => language,
        }
    }

    /// What is to be remembered of them: what they chose, or the first that is known. Whoever has their password and another
    /// browser does not change by that what they are warned in.
    pub fn remembered(wish: Option<Self>, known: Option<Language>) -> Option<Language> {
        match wish {
            Some(Self::Chosen(language)) => Some(language),
            Some(Self::Browser(language)) => known.or(Some(language)),
            None => known,
        }
    }
}

impl Language {
    /// In the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::English, Self::Spanish, Self::Japanese];

    /// As in `<html lang>` (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
            Self::Japanese => "ja",
        }
    }

    /// As it calls itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Español",
            Self::Japanese => "日本語",
        }
    }

    /// By tag; a region or script behind it makes no difference (RFC 4647 §3.4).
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// A sentence, into which more can be filled.
    pub fn say(self, id: &'static str) -> Said {
        Said::new(self, id)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}
