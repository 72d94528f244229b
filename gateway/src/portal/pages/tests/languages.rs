//! Is every page whole in every language?

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_page_says_which_language_it_is_in_and_offers_the_others() {
    for language in Language::ALL {
        for page in states_in(language, Style::Link, str::to_owned) {
            assert!(page.html.contains(&format!("<html lang=\"{language}\">")), "{}", page.name);
            assert!(!page.html.contains("hreflang"), "{}: it can't be asked for again", page.name);
        }
        let (organization, style) = ("Acme", Style::Link);
        let frame = Frame { organization, style, banner: None, language, can_switch: true };
        let page = State::new("signed-out", &SignedOut { frame });
        let others: Vec<_> = page.tags.iter().filter(|tag| tag.has("hreflang")).map(|tag| tag.value("href")).collect();
        let expected = Language::ALL.into_iter().filter(|one| *one != language);
        assert_eq!(others, expected.map(|one| Some(format!("?language={one}"))).collect::<Vec<_>>());
    }
}

#[test]
fn nothing_is_left_in_english() {
    // What people and the configuration say is digits here: all letters that are left are ours.
    let digits = |text: &str| text.chars().map(|letter| if letter.is_alphabetic() { '7' } else { letter }).collect();
    let english = states_in(Language::English, Style::Link, digits);
    let mut left = BTreeSet::new();
    for language in [Language::Spanish, Language::Japanese] {
        for (ours, theirs) in states_in(language, Style::Link, digits).iter().zip(&english) {
            let (ours_said, theirs_said) = (said(&ours.html), said(&theirs.html));
            for text in ours_said.intersection(&theirs_said) {
                let is_sentence = text.chars().filter(|letter| letter.is_alphabetic()).count() > 3;
                if is_sentence && !SAME.contains(&text.as_str()) {
                    left.insert(format!("{language} {}: {text}", ours.name));
                }
            }
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn whoever_is_turned_away_reads_the_same_heading_in_every_language_and_what_it_means() {
    for language in Language::ALL {
        for page in states_in(language, Style::Inline, str::to_owned) {
            if !page.name.starts_with("refused") {
                continue;
            }
            let marked = if language == Language::English { "" } else { " lang=\"en\"" };
            assert!(page.html.contains(&format!("<h1{marked}>{ADDRESS_REFUSED}</h1>")), "{}: {}", page.name, page.html);
            assert_eq!(page.title, ADDRESS_REFUSED);
            let meaning = language.say("refused-meaning").to_string();
            assert_eq!(page.html.contains(&meaning), language != Language::English, "{}", page.name);
        }
    }
}

#[test]
fn nobodys_text_changes_the_markup_in_any_language() {
    for language in [Language::Spanish, Language::Japanese] {
        let plain = states_in(language, Style::Link, str::to_owned);
        for (plain, hostile) in plain.into_iter().zip(states_in(language, Style::Link, |_| HOSTILE.to_owned())) {
            assert_eq!(skeleton(&plain.tags), skeleton(&hostile.tags), "{language} {}", plain.name);
            assert!(!hostile.html.contains("<b>"), "{language} {}", plain.name);
        }
    }
}

/// What stands between tags, and what screen readers read out of attributes.
fn said(html: &str) -> BTreeSet<String> {
    let body = html.split_once("<body").expect("every page has a body").1;
    let between = body.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text);
    let attributes = ["aria-label=\"", "data-label=\"", "data-levels=\"", "placeholder=\"", "alt=\"", "title=\""];
    let read_out =
        attributes.iter().flat_map(|name| body.split(name).skip(1)).filter_map(|rest| rest.split('"').next());
    between.chain(read_out).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The same in every language: its own names, the sentence that is compared byte for byte, what programs send, what these
/// pages are filled with, and the demo's banner.
const SAME: &[&str] = &[
    "English",
    "Español",
    "日本語",
    ADDRESS_REFUSED,
    "Authorization: Bearer …",
    "a•••@acme.example",
    "ana@acme.example",
    "2001:db8:10:aaaa:bbbb:cccc:dddd:eeee",
    "vst_00112233_ZmFjZQ",
    "Demo: people, apps and mail are made up, and are gone when it stops.",
];
