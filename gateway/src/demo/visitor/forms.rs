//! What can be filled in, and what can be read? Just enough HTML for pages that were written by us.

/// A form of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// Where it is sent, as written.
    pub action: String,
    /// By POST, else by GET.
    pub is_post: bool,
    /// Its fields with what stands in them.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// All forms of a page, in order.
    pub fn all(html: &str) -> Vec<Self> {
        let mut forms = Vec::new();
        let mut open: Option<Self> = None;
        for tag in Tags(html) {
            match tag.name {
                "form" => {
                    open = Some(Self {
                        action: tag.attribute("action").unwrap_or_default(),
                        is_post: tag.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
                        fields: Vec::new(),
                    });
                }
                "/form" => forms.extend(open.take()),
                "input" | "textarea" | "select" => {
                    // What is not ticked is not sent.
                    let is_box = tag.attribute("type").is_some_and(|kind| kind == "checkbox");
                    let is_sent = !is_box || tag.attribute("checked").is_some();
                    if let (Some(form), Some(name), true) = (&mut open, tag.attribute("name"), is_sent) {
                        form.fields.push((name, tag.attribute("value").unwrap_or_default()));
                    }
                }
                _ => {}
            }
        }
        forms
    }

    /// Is there a field of that name?
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// All fields, some of them filled in.
    pub fn filled<'a>(&'a self, values: &'a [(&str, &str)]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().map(|(name, value)| {
            let typed = values.iter().find(|(field, _)| field == name);
            (name.as_str(), typed.map_or(value.as_str(), |(_, typed)| typed))
        })
    }
}

/// What a person reads of some HTML: no tags, no head, no styles or scripts, single spaces.
pub(super) fn words(html: &str) -> String {
    let mut text = String::new();
    let mut hidden = None;
    let mut tags = Tags(html);
    for tag in tags.by_ref() {
        if hidden.is_none() {
            text.push_str(tag.before);
            // Within a line nothing stands between words and tags such as <bdi>.
            if !matches!(tag.name.trim_start_matches('/'), "bdi" | "strong" | "code" | "a" | "time" | "span") {
                text.push(' ');
            }
        }
        match (hidden, tag.name) {
            (None, "head" | "style" | "script") => hidden = Some(tag.name),
            (Some(name), closing) if closing.strip_prefix('/') == Some(name) => hidden = None,
            _ => {}
        }
    }
    if hidden.is_none() {
        text.push_str(tags.0.split('<').next().unwrap_or_default());
    }
    unescaped(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Character references resolved: the five named ones that pages need, and numbers.
pub fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = rest.find(';').filter(|end| *end < 12).and_then(|end| Some((reference(&rest[1..end])?, end + 1)));
        let (character, length) = found.unwrap_or(('&', 1));
        plain.push(character);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

/// The tags of a page, in order.
struct Tags<'a>(&'a str);

struct Tag<'a> {
    before: &'a str,
    name: &'a str,
    inside: &'a str,
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let (before, behind) = self.0.split_once('<')?;
        // A `>` within quotes is not the end.
        let mut quote = None;
        let end = behind.find(|c| {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                _ => {}
            }
            quote.is_none() && c == '>'
        })?;
        self.0 = &behind[end + 1..];
        let inside = &behind[..end];
        Some(Tag { before, name: tag_name(inside), inside })
    }
}

impl Tag<'_> {
    /// The value of an attribute in double quotes; empty if it has none.
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.inside[self.name.len()..].trim_start();
        while !rest.is_empty() {
            let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let name = &rest[..end];
            rest = rest[end..].trim_start();
            let mut value = "";
            if let Some(behind) = rest.strip_prefix('=') {
                let behind = behind.trim_start();
                (value, rest) = match behind.strip_prefix('"') {
                    Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                    None => behind.split_once(char::is_whitespace).unwrap_or((behind, "")),
                };
                rest = rest.trim_start();
            }
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescaped(value));
            }
        }
        None
    }
}

fn tag_name(inside: &str) -> &str {
    let end = inside.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(inside.len());
    &inside[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html><html><head><title>x</title><style>p{}</style></head><body>
<form action="/search"><input name=q value=plain></form>
<h1>Hello, <bdi>Ana &amp; Bo</bdi></h1>
<form method="post" action="/sign-in?a=1&amp;b=2">
<input type="hidden" name="form" value="a&quot;&#x3c;b&#62;">
<input id="username" name="username" type="text" required value=""{% autofocus>
<input name="password" type="password" title="1 > 0">
<button type="submit">Continue</button>
</form></body></html>"#;

    #[test]
    fn forms_are_found_with_what_stands_in_them() {
        let forms = Form::all(PAGE);
        assert_eq!(forms.len(), 2);
        assert_eq!(forms[0].fields, [("q".to_owned(), "plain".to_owned())]);
        assert!(!forms[0].is_post && forms[1].is_post);
        assert_eq!(forms[1].action, "/sign-in?a=1&b=2");
        let values = [("username", "ana"), ("password", "p")];
        assert!(values.iter().all(|(name, _)| forms[1].has(name)) && !forms[1].has("code"));
        let filled: Vec<_> = forms[1].filled(&values).collect();
        assert_eq!(filled, [("form", "a\"<b>"), ("username", "ana"), ("password", "p")]);
    }

    #[test]
    fn a_person_reads_words() {
        assert_eq!(words(PAGE), "Hello, Ana & Bo Continue");
        assert_eq!(words("<p>a</p><p>b"), "a b");
        assert_eq!(words("a<b"), "a");
    }

    #[test]
    fn references_are_resolved_once() {
        for (text, plain) in [
            ("&amp;lt;", "&lt;"),
            ("a&b;c", "a&b;c"),
            ("&", "&"),
            ("&#39;&#x27;&apos;", "'''"),
            ("&#xd800;", "&#xd800;"),
            ("&é;", "&é;"),
        ] {
            assert_eq!(unescaped(text), plain, "{text}");
        }
    }
}
