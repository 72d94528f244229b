//! What does a sentence look like with names and numbers in it? In a page: escaped, and apart from the words around it. In a
//! mail: as it is.

use std::borrow::Cow;
use std::fmt;

use askama::FastWritable;
use askama::filters::{Html, HtmlSafe, escape};
use fluent_bundle::{FluentArgs, FluentValue};

use super::{Language, catalog};

/// A sentence. Written into a page it is HTML; [`Said::plain`] is the same without markup.
#[derive(Clone)]
pub struct Said {
    language: Language,
    id: &'static str,
    with: Vec<(&'static str, Part)>,
}

/// What is filled in.
#[derive(Clone)]
enum Part {
    /// Words of somebody else, perhaps in another direction.
    Name(String),
    /// The same, and it matters.
    Strong(String),
    /// Letter by letter: an address, a code.
    Exact(String),
    /// Words of ours.
    Words(String),
    /// The same, and no line ends within.
    Whole(String),
    /// A moment in words, and exactly.
    Time {
        said: String,
        exact: String,
    },
    /// As a program writes it.
    Code(String),
    /// Where something begins or ends that words stand in: markup of ours.
    Mark(&'static str),
    Number(u64),
}

impl Said {
    pub(super) const fn new(language: Language, id: &'static str) -> Self {
        Self { language, id, with: Vec::new() }
    }

    /// With somebody's own words: a name, a title.
    #[must_use]
    pub fn name(self, variable: &'static str, name: &impl ToString) -> Self {
        self.with(variable, Part::Name(name.to_string()))
    }

    /// With somebody's own words, which matter here.
    #[must_use]
    pub fn strong(self, variable: &'static str, name: &impl ToString) -> Self {
        self.with(variable, Part::Strong(name.to_string()))
    }

    /// With something that is read letter by letter: an address, a code.
    #[must_use]
    pub fn exact(self, variable: &'static str, text: &impl ToString) -> Self {
        self.with(variable, Part::Exact(text.to_string()))
    }

    /// With words of ours, said in the same language.
    #[must_use]
    pub fn words(self, variable: &'static str, words: &Self) -> Self {
        self.with(variable, Part::Words(words.plain()))
    }

    /// With words of ours within which no line ends.
    #[must_use]
    pub fn whole(self, variable: &'static str, words: &Self) -> Self {
        self.with(variable, Part::Whole(words.plain()))
    }

    /// With something as a program writes it.
    #[must_use]
    pub fn code(self, variable: &'static str, code: &impl ToString) -> Self {
        self.with(variable, Part::Code(code.to_string()))
    }

    /// What stands between `{ $unseen }` and `{ $seen }` only screen readers say: they need more than a short button.
    #[must_use]
    pub fn unseen(self) -> Self {
        self.with("unseen", Part::Mark("<span class=\"unseen\">")).with("seen", Part::Mark("</span>"))
    }

    /// What stands between `{ $stressed }` and `{ $calm }` matters.
    #[must_use]
    pub fn stressed(self) -> Self {
        self.with("stressed", Part::Mark("<strong>")).with("calm", Part::Mark("</strong>"))
    }

    /// With a moment: in words, and exactly (RFC 3339).
    #[must_use]
    pub fn time(self, variable: &'static str, said: &impl ToString, exact: &impl ToString) -> Self {
        self.with(variable, Part::Time { said: said.to_string(), exact: exact.to_string() })
    }

    /// With a number, by which the words may change.
    #[must_use]
    pub fn number(self, variable: &'static str, number: &(impl Copy + TryInto<u64>)) -> Self {
        let number = (*number).try_into().unwrap_or(u64::MAX);
        self.with(variable, Part::Number(number))
    }

    /// Without markup, and with everything as it is: for titles, mails and text messages.
    pub fn plain(&self) -> String {
        self.text(Part::plain).into_owned()
    }

    fn with(mut self, variable: &'static str, part: Part) -> Self {
        self.with.push((variable, part));
        self
    }

    fn text(&self, form: impl Fn(&Part) -> FluentValue<'_>) -> Cow<'static, str> {
        let found = if self.with.is_empty() {
            self.known(|catalog| catalog.fixed(self.id).map(Cow::Borrowed))
        } else {
            let mut with = FluentArgs::with_capacity(self.with.len());
            for (variable, part) in &self.with {
                with.set(*variable, form(part));
            }
            self.known(|catalog| catalog.filled(self.id, &with).map(Cow::Owned))
        };
        // What is filled in may be a secret.
        let variables: Vec<_> = self.with.iter().map(|(variable, _)| *variable).collect();
        debug_assert!(found.is_some(), "nobody can say {:?} in {} with {variables:?}", self.id, self.language);
        found.unwrap_or(Cow::Borrowed(self.id))
    }

    /// In this language, or in English.
    fn known(
        &self,
        find: impl Fn(&'static catalog::Catalog) -> Option<Cow<'static, str>>,
    ) -> Option<Cow<'static, str>> {
        find(catalog::of(self.language)).or_else(|| find(catalog::of(Language::English)))
    }
}

impl Part {
    fn plain(&self) -> FluentValue<'_> {
        match self {
            Self::Name(text) | Self::Strong(text) | Self::Exact(text) | Self::Words(text) | Self::Whole(text) => {
                text.as_str().into()
            }
            Self::Time { said, .. } => said.as_str().into(),
            Self::Code(code) => code.as_str().into(),
            Self::Mark(_) => "".into(),
            Self::Number(number) => (*number).into(),
        }
    }

    fn html(&self) -> FluentValue<'_> {
        let html = match self {
            Self::Name(text) => format!("<bdi>{}</bdi>", escaped(text)),
            Self::Strong(text) => format!("<strong><bdi>{}</bdi></strong>", escaped(text)),
            Self::Exact(text) => format!("<bdi class=\"exact\">{}</bdi>", escaped(text)),
            Self::Words(text) => escaped(text).to_string(),
            Self::Whole(text) => format!("<span class=\"whole\">{}</span>", escaped(text)),
            Self::Time { said, exact } => format!("<time datetime=\"{}\">{}</time>", escaped(exact), escaped(said)),
            Self::Code(code) => format!("<code>{}</code>", escaped(code)),
            Self::Mark(mark) => return (*mark).into(),
            Self::Number(number) => return (*number).into(),
        };
        html.into()
    }
}

/// As HTML. Words of ours hold nothing to be escaped (a test sees to it), and what is filled in was.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Part::html))
    }
}

impl HtmlSafe for Said {}

impl FastWritable for Said {
    fn write_into(&self, dest: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        Ok(dest.write_str(&self.text(Part::html))?)
    }
}

fn escaped(text: &str) -> impl fmt::Display {
    let Ok(safe) = escape(text, Html);
    safe
}
