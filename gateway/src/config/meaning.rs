//! What would others read? Readers of YAML disagree about words without quotes; here none of them is turned into
//! anything, and where a text is expected, a word that some reader takes for something else has to stand in quotes.

/// What readers of YAML make of a plain scalar; they disagree about most of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// Nothing at all: empty, `~`, `null`.
    Nothing,
    /// `true`, `no`, `On`…
    Boolean,
    /// `1`, `0777`, `1e3`, `22:22`…
    Number,
    /// Words.
    Text,
}

impl Meaning {
    /// Of a plain scalar, by YAML 1.1 and 1.2 together.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Nothing,
            _ if ["true", "false", "yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word)) => {
                Self::Boolean
            }
            _ if is_number(text) => Self::Number,
            _ => Self::Text,
        }
    }
}

/// Would any reader of YAML 1.1 or 1.2 take this for a number?
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if [".inf", ".nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
        return true;
    }
    let in_base = |prefix: &str, base: u32| {
        unsigned
            .strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c == '_' || c.is_digit(base)))
    };
    if in_base("0x", 16) || in_base("0o", 8) || in_base("0b", 2) {
        return true;
    }
    let begins_right = unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit());
    if !begins_right {
        return false;
    }
    let digits = unsigned.replace('_', "");
    // Base sixty: `22:22` was 1342 in YAML 1.1.
    let mut parts = digits.split(':');
    let is_sixty = parts.next().is_some_and(|first| first.bytes().all(|b| b.is_ascii_digit()))
        && parts.all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    is_sixty || digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::Meaning;

    #[test]
    fn what_any_reader_takes_for_something_else_is_no_text() {
        for nothing in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(Meaning::of(nothing), Meaning::Nothing, "{nothing:?}");
        }
        for boolean in ["true", "True", "FALSE", "yes", "No", "ON", "off"] {
            assert_eq!(Meaning::of(boolean), Meaning::Boolean, "{boolean:?}");
        }
        for number in [
            "0",
            "1",
            "-1",
            "+1",
            "007",
            "0777",
            "0o17",
            "0x1F",
            "0b11",
            "1_000",
            "1.5",
            "1.",
            ".5",
            "10.8",
            "1e3",
            "1E-3",
            "22:22",
            "190:20:30",
            "-1:30",
            ".inf",
            "-.Inf",
            ".NaN",
        ] {
            assert_eq!(Meaning::of(number), Meaning::Number, "{number:?}");
        }
        for text in [
            "acme",
            "10.0.0.1",
            "10.0.0.0/8",
            "2001:db8::1",
            "::1",
            "30m",
            "1h30m",
            "a1",
            "1a",
            "v1.2",
            "1.2.3",
            "e3",
            "-",
            ".",
            "0x",
            "0xg",
            "yes please",
            "null object",
            "nan",
            "inf",
            "127.0.0.1:8080",
            "2026-11-22",
            "１",
        ] {
            assert_eq!(Meaning::of(text), Meaning::Text, "{text:?}");
        }
    }
}
