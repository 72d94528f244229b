//! Which browser or device is this, in words a person recognises? Never used to decide anything.

/// `Firefox (Windows)`, which reads the same in every language; the product token of programs; `Unknown device` for nothing.
pub(super) fn words(user_agent: Option<&http::HeaderValue>) -> String {
    let Some(text) = user_agent.and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty()) else {
        return "Unknown device".to_owned();
    };
    let find =
        |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name);
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} ({system})"),
        (Some(browser), None) => browser.to_owned(),
        // A program: its first word, without what could be mistaken for markup or another line.
        (None, _) => text
            .split([' ', '/'])
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(40)
            .collect(),
    }
}

/// In this order: each later browser calls itself by the earlier ones' names too.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_called_as_people_call_them() {
        let say = |text: &str| words(http::HeaderValue::from_str(text).ok().as_ref());
        assert_eq!(say("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox (Linux)");
        assert_eq!(
            say(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36 Edg/150.0"
            ),
            "Edge (Windows)"
        );
        assert_eq!(
            say(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari (iPhone)"
        );
        assert_eq!(say("curl/8.5.0"), "curl");
        assert_eq!(say("<script>alert(1)</script>"), "<script>alert(1)<");
        assert_eq!(words(None), "Unknown device");
    }
}
