//! Which language does this browser want? (RFC 9110 §12.5.4, RFC 4647 §3.4)

use super::Language;

/// The language of ours that an `Accept-Language` field likes best. `None`: none of ours is named. Of equals the first; what is
/// refused (`q=0`) counts as not named, and what comes after 32 languages is not looked at.
pub fn wanted(accepted: &str) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    for part in accepted.split(',').take(MOST) {
        let mut pieces = part.split(';').map(str::trim);
        let Some(language) = pieces.next().and_then(Language::of_tag) else { continue };
        let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).map_or(Some(1000), thousandths);
        match weight {
            Some(weight) if weight > best.map_or(0, |(best, _)| best) => best = Some((weight, language)),
            _ => {}
        }
    }
    best.map(|(_, language)| language)
}

/// RFC 9110 §12.4.2: `0`, `1`, or with up to three digits behind the point.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, digits) = weight.split_once('.').unwrap_or((weight, ""));
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{digits:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_of_ours_is_spoken() {
        use Language::{English, Japanese, Spanish};
        for (accepted, language) in [
            ("", None),
            ("*", None),
            ("de-CH, fr;q=0.9", None),
            ("es", Some(Spanish)),
            ("ES-mx", Some(Spanish)),
            ("es-419,es;q=0.9,en;q=0.8", Some(Spanish)),
            ("de, ja;q=0.7, en;q=0.6", Some(Japanese)),
            ("en;q=0.5, ja;q=0.5", Some(English)),
            ("en;q=0.1,ja-JP ; q=0.25", Some(Japanese)),
            ("ja;q=0, es;q=0.001", Some(Spanish)),
            ("ja;q=1.5, es;q=0.5", Some(Spanish)),
            ("ja;q=0.1234, es;q=0.1", Some(Spanish)),
            ("ja;q=-1", None),
            ("ja;q=", None),
            ("est", None),
            ("est, x-es, es;q=0.3", Some(Spanish)),
            (",,;;=,es", Some(Spanish)),
        ] {
            assert_eq!(wanted(accepted), language, "{accepted:?}");
        }
    }

    #[test]
    fn a_list_without_end_is_not_read_to_its_end() {
        let list = format!("{}es", "xx,".repeat(MOST));
        assert_eq!(wanted(&list), None);
    }
}
