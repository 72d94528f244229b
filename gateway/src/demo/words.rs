//! Passwords that can be read off a screen: four words and a number, other ones in every demo.

use access::Secret;
use zeroize::Zeroizing;

use crate::gate::random;

/// Four of 128 words and a number of two digits: 34 bits, plenty behind a lockout and for an afternoon.
pub(super) fn passphrase() -> Secret<String> {
    let dice = Zeroizing::new(random::<5>());
    let mut text = String::new();
    for die in &dice[..4] {
        text.push_str(WORDS[usize::from(die % 128)]);
        text.push('-');
    }
    text.push_str(&format!("{:02}", dice[4] % 100));
    Secret::new(text)
}

const WORDS: [&str; 128] = [
    "acorn", "amber", "anchor", "apple", "arrow", "aspen", "bacon", "badge", "basil", "beach", "berry", "birch",
    "bison", "blade", "bloom", "brick", "bridge", "brook", "cabin", "camel", "candle", "canyon", "carrot", "castle",
    "cedar", "chalk", "cherry", "cliff", "clover", "cobalt", "coral", "cotton", "crane", "cricket", "dawn", "denim",
    "desert", "dragon", "drum", "eagle", "elbow", "ember", "falcon", "feather", "fern", "fiddle", "flint", "forest",
    "fossil", "fox", "garden", "ginger", "glacier", "goose", "granite", "grape", "hammer", "harbor", "hazel", "heron",
    "honey", "ivory", "jade", "jasper", "kettle", "ladder", "lagoon", "lantern", "lemon", "lilac", "linen", "lobster",
    "maple", "marble", "meadow", "melon", "meteor", "mint", "mirror", "moss", "mountain", "nectar", "nutmeg", "oak",
    "ocean", "olive", "onion", "opal", "orchid", "otter", "oyster", "paddle", "pebble", "pepper", "pine", "planet",
    "plum", "pond", "poppy", "prairie", "quartz", "quill", "rabbit", "radish", "raven", "reef", "ribbon", "river",
    "robin", "saddle", "sage", "salmon", "sandal", "silver", "sparrow", "spruce", "stone", "summit", "sunset",
    "thistle", "thunder", "tiger", "timber", "tulip", "velvet", "walnut", "willow", "zephyr",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_word_is_there_once_and_can_be_typed() {
        assert_eq!(WORDS.iter().collect::<HashSet<_>>().len(), 128);
        assert!(WORDS.iter().all(|word| word.bytes().all(|letter| letter.is_ascii_lowercase())));
    }

    #[test]
    fn two_demos_have_other_passwords() {
        assert!(!passphrase().matches(passphrase().expose().as_bytes()));
        assert_eq!(passphrase().expose().split('-').count(), 5);
    }
}
