//! What does somebody say of a token or an app password that they make for themselves? A name, and from where
//! it counts (A4, A5).
//!
//! What they say only narrows what they may themselves. Scopes, which open what a rule names them for, are an administrator's
//! to give.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use crate::config;

/// As it was typed.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// From where alone it counts: addresses and prefixes, with commas or spaces between. Empty: from wherever its owner may
    /// come in.
    pub addresses: &'a str,
}

impl Described<'_> {
    /// The addresses one by one. `None`: that is no list of at most [`MOST`].
    pub(super) fn only_from(&self) -> Option<Vec<String>> {
        // Japanese keyboards write digits, commas and stops that only look like these (NFKC).
        let typed: String = self.addresses.nfkc().collect();
        let words = typed.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '、'));
        let entries: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).take(MOST + 1).collect();
        // Names of networks are the administrators'.
        let are_addresses = entries.iter().all(|entry| entry.contains(['.', ':']));
        let fit = entries.len() <= MOST && are_addresses && config::resolve_list(&HashMap::new(), &entries).is_ok();
        fit.then_some(entries)
    }
}

/// For the audit trail: from where alone.
pub(super) fn limited(only_from: &[String]) -> String {
    if only_from.is_empty() { String::new() } else { format!(" from {}", only_from.join(", ")) }
}

/// Addresses and prefixes that one token or app password may be limited to.
const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them_and_nothing_else_is() {
        for (typed, expected) in [
            ("", Some(&[][..])),
            (" \n", Some(&[])),
            ("203.0.113.7", Some(&["203.0.113.7"])),
            ("203.0.113.7, 2001:db8::/48", Some(&["203.0.113.7", "2001:db8::/48"])),
            ("203.0.113.7;198.51.100.0/24\n10.0.0.0/8", Some(&["203.0.113.7", "198.51.100.0/24", "10.0.0.0/8"])),
            ("２０３.0.113.7、2001:db8::/48", Some(&["203.0.113.7", "2001:db8::/48"])),
            ("office", None),
            ("anywhere", None),
            ("203.0.113.7/24", None),
            ("203.0.113", None),
            ("203.0.113.7, nonsense", None),
            ("::ffff:203.0.113.7", None),
        ] {
            let described = Described { name: "", addresses: typed };
            let expected = expected.map(|entries| entries.iter().map(|entry| (*entry).to_owned()).collect());
            assert_eq!(described.only_from(), expected, "{typed:?}");
        }
        for (count, fits) in [(MOST, true), (MOST + 1, false)] {
            let many = "10.0.0.1 ".repeat(count);
            assert_eq!(Described { name: "", addresses: &many }.only_from().is_some(), fits, "{count}");
        }
    }
}
