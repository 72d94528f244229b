//! Reading Rust: which paths does a file name, and on which line?
//!
//! No parser. Comments, strings and character literals fall away, words and `::` stay, and from these the paths that begin
//! at the root of the crate are put together: `crate::a`, `use crate::{a, b::c}`, and `super::a` where it climbs that far.

/// A word or a sign of the code, with the line it stands on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// The words and signs of `code`, without comments, strings, character literals and lifetimes.
pub(super) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(next) = code[at..].chars().next() {
        let rest = &code[at..];
        let (length, kept) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (block_comment(rest), false)
        } else if let Some(length) = string(rest) {
            (length, false)
        } else if next == '\'' {
            (quote(rest), false)
        } else if is_word(next) {
            (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), true)
        } else if rest.starts_with("::") {
            (2, true)
        } else {
            (next.len_utf8(), !next.is_whitespace())
        };
        if kept {
            found.push(Token { text: &rest[..length], line });
        }
        line += rest[..length].matches('\n').count();
        at += length;
    }
    found
}

/// The first words after the crate's root in all paths of `tokens`, with their lines; `*` where everything is taken.
///
/// `depth` is how many modules lie between the file and the root: 0 for `lib.rs`, 1 for `gate/mod.rs`, 2 for `gate/live.rs`.
pub(super) fn paths_from_the_root<'a>(tokens: &[Token<'a>], depth: usize) -> Vec<Token<'a>> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut found = Vec::new();
    let mut braces = 0_usize;
    // How deep in braces each `mod name {` that is open here began.
    let mut inline = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = at == 0 || text(at - 1) != "::" || (at > 1 && text(at - 2) == "self");
        match text(at) {
            "{" => {
                braces += 1;
                if at > 1 && text(at - 2) == "mod" {
                    inline.push(braces);
                }
            }
            "}" => {
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
                braces = braces.saturating_sub(1);
            }
            "crate" | "vestibule" if begins && text(at + 1) == "::" => first_words(tokens, at + 2, &mut found),
            "super" if begins && text(at + 1) == "::" => {
                let mut climbed = 1;
                while text(at + 2) == "super" && text(at + 3) == "::" {
                    climbed += 1;
                    at += 2;
                }
                if climbed == depth + inline.len() {
                    first_words(tokens, at + 2, &mut found);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// What stands at `at`: a word, `*`, or a group in braces of which each part gives its first.
fn first_words<'a>(tokens: &[Token<'a>], at: usize, found: &mut Vec<Token<'a>>) {
    match tokens.get(at) {
        Some(token) if token.text != "{" => found.push(token.clone()),
        Some(_) => {
            let (mut depth, mut begins) = (1, true);
            for token in &tokens[at + 1..] {
                match token.text {
                    "{" => depth += 1,
                    "}" if depth == 1 => return,
                    "}" => depth -= 1,
                    "," if depth == 1 => begins = true,
                    _ if begins => {
                        found.push(token.clone());
                        begins = false;
                    }
                    _ => {}
                }
            }
        }
        None => {}
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while let Some(next) = rest[at..].chars().next() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += next.len_utf8();
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of the string literal that `rest` begins with, its prefix and its quotes included.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["", "b", "c", "r", "br", "cr"].into_iter().rfind(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|body| body.trim_start_matches('#').starts_with('"') && !body.is_empty())
    })?;
    let body = &rest[prefix.len()..];
    let hashes = body.len() - body.trim_start_matches('#').len();
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = prefix.len() + hashes + 1;
        return Some(rest[inside..].find(&end).map_or(rest.len(), |length| inside + length + end.len()));
    }
    if hashes > 0 {
        return None;
    }
    let mut escaped = false;
    for (at, next) in body.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// The length of a character literal, or of the quote and name of a lifetime.
fn quote(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), Some(escaped)) => {
            let begin = 2 + escaped.len_utf8();
            rest[begin..].find('\'').map_or(rest.len(), |length| begin + length + 1)
        }
        (Some(one), Some('\'')) => one.len_utf8() + 2,
        _ => 1 + rest[1..].find(|c| !is_word(c)).unwrap_or(rest.len() - 1),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn words_survive_and_what_is_quoted_or_commented_does_not() {
    let code = r##"
        // crate::a
        /* one /* two */ crate::b */ let r = "crate::c \" crate::d";
        let c = '"'; let d = '\''; fn f<'a>(x: &'a str) { r#type(br#"crate::e " "#, b'x', '\u{1F600}') } // "
        crate::kept"##;
    let words: Vec<&str> = tokens(code).iter().map(|token| token.text).filter(|text| text.len() > 3).collect();
    assert_eq!(words, ["type", "crate", "kept"]);
    assert_eq!(tokens(code).last().map(|token| token.line), Some(5));
}

#[test]
fn paths_are_followed_to_the_root() {
    let cases = [
        (1, "use crate::store::Vault;", "store@1"),
        (1, "use crate::{\n  a::{b, c},\n  d as e,\n};", "a@2 d@3"),
        (1, "pub(crate) fn f() -> vestibule::gate::Permit {}", "gate@1"),
        (1, "use super::*; use self::super::b;", "*@1 b@1"),
        (2, "use super::sibling; use super::super::upper::Thing;", "upper@1"),
        (2, "mod tests { use super::*; use super::super::super::upper; } use super::super::after;", "upper@1 after@1"),
        (1, "let other = access::crate_name; other::crate::no();", ""),
        (0, "super::nowhere(); pub use crate::config::*;", "config@1"),
    ];
    for (depth, code, expected) in cases {
        let found = paths_from_the_root(&tokens(code), depth);
        let found: Vec<String> = found.iter().map(|token| format!("{}@{}", token.text, token.line)).collect();
        assert_eq!(found.join(" "), expected, "{code}");
    }
}
