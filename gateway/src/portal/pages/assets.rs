//! What do pages load? A stylesheet and small scripts, each under a name that changes with its content.

use std::sync::LazyLock;

use super::STYLE;

/// Something that pages load from the portal, cacheable for ever.
#[derive(Debug)]
pub struct Asset {
    /// Where: `/assets/<name>-<16 hex digits of its BLAKE3>.<ending>`.
    pub href: String,
    /// What.
    pub content: &'static str,
    /// Its media type.
    pub kind: &'static str,
}

/// The asset of this name, the part behind `/assets/`.
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.href.strip_prefix("/assets/") == Some(name))
}

/// The stylesheet.
pub fn style_href() -> &'static str {
    href(STYLE)
}

/// The script that tells how good a password is while it is typed.
pub fn strength_href() -> &'static str {
    href(STRENGTH)
}

/// The script that asks the browser for a passkey.
pub fn passkey_href() -> &'static str {
    href(PASSKEY)
}

fn href(content: &str) -> &'static str {
    // Every content that is asked for stands in the table; the page does without what does not.
    ASSETS.iter().find(|asset| asset.content == content).map_or("", |asset| &asset.href)
}

/// A row for each: name, ending, media type, content.
static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    [("style", "css", CSS, STYLE), ("strength", "js", SCRIPT, STRENGTH), ("passkey", "js", SCRIPT, PASSKEY)]
        .into_iter()
        .map(|(name, ending, kind, content)| {
            let digest = blake3::hash(content.as_bytes()).to_hex();
            Asset { href: format!("/assets/{name}-{}.{ending}", &digest[..16]), content, kind }
        })
        .collect()
});

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STRENGTH: &str = include_str!("strength.js");
const PASSKEY: &str = include_str!("passkey.js");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_by_its_name_and_small() {
        for asset in ASSETS.iter() {
            let name = asset.href.strip_prefix("/assets/").unwrap();
            assert_eq!(super::asset(name).unwrap().content, asset.content);
            let most = if asset.kind == SCRIPT { 4 * 1024 } else { 14 * 1024 };
            assert!(asset.content.len() <= most, "{name} has {} bytes", asset.content.len());
        }
        assert!(strength_href().starts_with("/assets/strength-") && strength_href().ends_with(".js"));
        for absent in ["", "style.css", "strength.js", "../style.css"] {
            assert!(asset(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn no_script_asks_the_network_keeps_anything_or_writes_markup() {
        for asset in ASSETS.iter().filter(|asset| asset.kind == SCRIPT) {
            for word in [
                "fetch",
                "XMLHttp",
                "sendBeacon",
                "WebSocket",
                "EventSource",
                "import",
                "src",
                "innerHTML",
                "eval",
                "Storage",
                "cookie",
                "location",
                "http",
            ] {
                assert!(!asset.content.contains(word), "{}: {word}", asset.href);
            }
        }
    }
}
