//! What do we say, by message and language? Read once, at the first sentence of a language.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use super::Language;

/// The sentences of one language.
pub(super) struct Catalog {
    bundle: FluentBundle<Arc<FluentResource>>,
    /// Those that are always the same, so that saying them is looking them up.
    fixed: HashMap<String, String>,
}

/// All that we say in a language.
pub(super) fn of(language: Language) -> &'static Catalog {
    static CATALOGS: LazyLock<[LazyLock<Catalog>; 3]> = LazyLock::new(|| {
        [
            LazyLock::new(|| Catalog::read(Language::English)),
            LazyLock::new(|| Catalog::read(Language::Spanish)),
            LazyLock::new(|| Catalog::read(Language::Japanese)),
        ]
    });
    &CATALOGS[language as usize]
}

impl Catalog {
    fn read(language: Language) -> Self {
        let tag: LanguageIdentifier = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Names stand in elements that keep directions apart; mails and text messages would show the marks.
        bundle.set_use_isolating(false);
        let mut fixed = HashMap::new();
        for (_, text) in files(language) {
            // What is wrong in a file is left out, and a test finds it.
            let resource = FluentResource::try_new((*text).to_owned()).unwrap_or_else(|(resource, _)| resource);
            let resource = Arc::new(resource);
            bundle.add_resource_overriding(Arc::clone(&resource));
            for entry in resource.entries() {
                let fluent_syntax::ast::Entry::Message(message) = entry else { continue };
                let Some(pattern) = &message.value else { continue };
                let mut errors = Vec::new();
                let text = bundle.format_pattern(pattern, None, &mut errors);
                if errors.is_empty() {
                    fixed.insert(message.id.name.to_owned(), text.into_owned());
                }
            }
        }
        Self { bundle, fixed }
    }

    /// A sentence that is always the same.
    pub(super) fn fixed(&self, id: &str) -> Option<&str> {
        self.fixed.get(id).map(String::as_str)
    }

    /// A sentence with that filled in, as it is. `None`: there is none, or something is missing in it.
    pub(super) fn filled(&self, id: &str, with: &FluentArgs<'_>) -> Option<String> {
        let pattern = self.bundle.get_message(id)?.value()?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(with), &mut errors);
        errors.is_empty().then(|| text.into_owned())
    }
}

/// By name and content.
pub(super) const fn files(language: Language) -> &'static [(&'static str, &'static str)] {
    macro_rules! files {
        ($language:literal: $($name:literal),+) => {
            &[$(($name, include_str!(concat!($language, "/", $name, ".ftl")))),+]
        };
    }
    macro_rules! of {
        ($language:literal) => {
            files!($language: "account", "app-passwords", "letters", "passkeys", "portal", "problems", "recovery", "refusals", "sign-in")
        };
    }
    match language {
        Language::English => of!("en"),
        Language::Spanish => of!("es"),
        Language::Japanese => of!("ja"),
    }
}
