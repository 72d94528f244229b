//! Is everything said in every language, and nothing that nobody says?

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;

use super::{Language, catalog};

/// What a message is filled with, and what it says.
type Messages = BTreeMap<String, (BTreeSet<String>, Vec<String>)>;

#[test]
fn all_languages_have_the_same_messages_with_the_same_variables_in_the_same_files() {
    for language in Language::ALL {
        for ((name, text), (_, english)) in catalog::files(language).iter().zip(catalog::files(Language::English)) {
            let (ours, theirs) = (read(language, name, text), read(Language::English, name, english));
            let ids = |messages: &Messages| messages.keys().cloned().collect::<BTreeSet<_>>();
            let apart: Vec<_> = ids(&ours).symmetric_difference(&ids(&theirs)).cloned().collect();
            assert!(apart.is_empty(), "{language}/{name}.ftl and en/{name}.ftl differ in {apart:?}");
            for (id, (variables, _)) in &ours {
                assert_eq!(variables, &theirs[id].0, "{language}/{name}.ftl: {id}");
            }
        }
    }
}

#[test]
fn no_message_stands_twice_is_markup_or_was_left_in_english() {
    for language in Language::ALL {
        let mut all: Messages = BTreeMap::new();
        for (name, text) in catalog::files(language) {
            for (id, message) in read(language, name, text) {
                for piece in &message.1 {
                    assert!(!piece.contains(['<', '>', '&', '"']), "{language}/{name}.ftl: {id} holds markup: {piece}");
                }
                assert!(all.insert(id.clone(), message).is_none(), "{language}: {id} stands twice");
            }
        }
        if language == Language::English {
            continue;
        }
        for (name, english) in catalog::files(Language::English) {
            for (id, (_, said)) in read(Language::English, name, english) {
                let words = said.concat();
                // A short word can be the same in two languages; a sentence is not.
                let is_sentence = words.trim().contains(' ');
                assert!(!is_sentence || all[&id].1.concat() != words, "{language}: {id} is English: {words}");
            }
        }
    }
}

#[test]
fn japanese_is_written_in_japanese() {
    for (name, text) in catalog::files(Language::Japanese) {
        for (id, (_, said)) in read(Language::Japanese, name, text) {
            let words = said.concat();
            let is_japanese =
                words.chars().any(|letter| matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'));
            let has_letters = words.chars().filter(char::is_ascii_alphabetic).count() > 3;
            assert!(is_japanese || !has_letters, "ja/{name}.ftl: {id}: {words}");
        }
    }
}

#[test]
fn what_is_asked_for_can_be_said_and_what_can_be_said_is_asked_for() {
    let mut known = BTreeSet::new();
    for (name, text) in catalog::files(Language::English) {
        known.extend(read(Language::English, name, text).into_keys());
    }
    // Ids stand in quotes, in a template or in Rust, and nothing else that is in quotes has a message's name by chance.
    let mut quoted = BTreeSet::new();
    let mut asked = BTreeSet::new();
    for file in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        let text = std::fs::read_to_string(&file).expect("a file of ours");
        quoted.extend(text.split('"').map(str::to_owned));
        for rest in text.split(".say(\"").skip(1) {
            asked.extend(rest.split_once('"').map(|(id, _)| id.to_owned()));
        }
    }
    let silent: Vec<_> = known.difference(&quoted).collect();
    assert!(silent.is_empty(), "nobody says {silent:?}");
    let unknown: Vec<_> = asked.difference(&known).filter(|id| !id.is_empty()).collect();
    assert!(unknown.is_empty(), "nobody knows how to say {unknown:?}");
}

#[test]
fn what_is_filled_in_is_escaped_in_a_page_and_as_it_is_in_a_mail() {
    let said = Language::Spanish.say("sign-in-to").strong("app", &"<CRM> & \"Wiki\"");
    assert_eq!(said.to_string(), "para continuar a <strong><bdi>&#60;CRM&#62; &#38; &#34;Wiki&#34;</bdi></strong>");
    assert_eq!(said.plain(), "para continuar a <CRM> & \"Wiki\"");
    // What looks like a variable is none.
    let said = Language::English.say("sign-in-to").strong("app", &"{ $app }");
    assert_eq!(said.plain(), "to continue to { $app }");
}

fn read(language: Language, name: &str, text: &str) -> Messages {
    let resource =
        parser::parse(text).unwrap_or_else(|(_, errors)| panic!("{language}/{name}.ftl can't be read: {errors:?}"));
    let messages = resource.body.iter().filter_map(|entry| match entry {
        Entry::Message(message) => {
            let pattern = message.value.as_ref().unwrap_or_else(|| panic!("{} says nothing", message.id.name));
            let mut read = (BTreeSet::new(), Vec::new());
            walk(pattern, &mut read);
            Some((message.id.name.to_owned(), read))
        }
        Entry::Junk { content } => panic!("{language}/{name}.ftl can't be read: {content}"),
        _ => None,
    });
    messages.collect()
}

fn walk(pattern: &Pattern<&str>, read: &mut (BTreeSet<String>, Vec<String>)) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => read.1.push((*value).to_owned()),
            PatternElement::Placeable { expression: Expression::Inline(inline) } => variable(inline, read),
            PatternElement::Placeable { expression: Expression::Select { selector, variants } } => {
                variable(selector, read);
                variants.iter().for_each(|variant| walk(&variant.value, read));
            }
        }
    }
}

fn variable(inline: &InlineExpression<&str>, read: &mut (BTreeSet<String>, Vec<String>)) {
    match inline {
        InlineExpression::VariableReference { id } => drop(read.0.insert(id.name.to_owned())),
        InlineExpression::StringLiteral { value } => read.1.push((*value).to_owned()),
        other => panic!("our messages know variables and literals, and not {other:?}"),
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if matches!(path.extension().and_then(|end| end.to_str()), Some("rs" | "html" | "txt")) {
            found.push(path);
        }
    }
    found
}
