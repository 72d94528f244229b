//! What does the text say? YAML to a tree in which every value knows where it stood.
//!
//! The only module that names `serde_yaml`, and it uses that crate's parser alone, without its deserializer: that one
//! stops at the first fault of a file and turns words into other things. Here nothing is coerced: a scalar stays the
//! text that was written, and [`Meaning`] tells what other readers would make of it.
//!
//! Not understood, on purpose, each with a fault: anchors, aliases and merge keys (so nothing can be multiplied), tags,
//! a second document, keys that are no text, a key that stands twice. Limits: 16 MiB a file (a list of 100,000 networks
//! takes 3), 1,000,000 values (bounds the tree at about 100 MB), 32 levels (the deepest setting stands at seven).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_yaml::granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::fault::{Page, Spot, shown};

/// The largest file that is read.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// A value and where it stood.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) spot: Spot,
    pub(super) kind: Kind,
}

/// What kind of value?
#[derive(Debug)]
pub(super) enum Kind {
    /// A scalar as written; `plain` if without quotes.
    Scalar { text: Box<str>, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, each key once.
    Map(Vec<(Key, Node)>),
    /// Something whose fault was already told.
    Refused,
}

/// A key and where it stood.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) text: Box<str>,
    pub(super) plain: bool,
    pub(super) spot: Spot,
}

/// Reads one document. `None`: it can't be read, and the page says why. An empty file is an empty mapping.
pub(super) fn read(page: Page<'_>) -> Option<Node> {
    if has_tabs(page) {
        return None;
    }
    let mut tree = Tree { page, open: Vec::new(), root: None, nodes: 0, has_told_of_anchors: false };
    let mut parser = Parser::new_from_str_with_options(&page.source.text, options());
    let mut documents = 0;
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                refuse_syntax(page, &error);
                return None;
            }
        };
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
        }
        if documents > 1 {
            page.refuse(
                "two_documents",
                spot_of(&span),
                "a second document begins here, and a file holds one",
                "delete the `---`, or make it a file of its own",
            );
            return None;
        }
        tree.take(event, &span)?;
    }
    Some(tree.root.unwrap_or(Node { spot: Spot { line: 1, column: 1 }, kind: Kind::Map(Vec::new()) }))
}

/// The settings as text. Errors: a sentence; values that serialize never cause one.
pub(super) fn write<T: serde::Serialize>(value: &T) -> Result<String, String> {
    serde_yaml::to_string(value).map_err(|error| error.to_string())
}

/// A tree that grows by events.
struct Tree<'a> {
    page: Page<'a>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    has_told_of_anchors: bool,
}

/// A collection that has begun and not ended.
struct Open {
    spot: Spot,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    /// `key` waits for its value; one whose fault was told is dropped with its value.
    Map {
        entries: Vec<(Key, Node)>,
        seen: HashMap<Box<str>, Spot>,
        key: Option<Pending>,
    },
    /// Its content is read and dropped: a key that is a collection.
    Dropped {
        is_key: bool,
    },
}

enum Pending {
    Keep(Key),
    Drop,
}

impl Tree<'_> {
    /// `None`: nothing after this can be read; the page says why.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Option<()> {
        let spot = spot_of(span);
        match event {
            Event::Scalar(text, style, _, tag) => {
                self.count(spot)?;
                let plain = style == ScalarStyle::Plain;
                let sound = self.is_sound(tag.as_deref(), span);
                if sound && !plain && text.contains("-----BEGIN") {
                    self.page.refuse_secret(
                        spot,
                        "a key or certificate stands in the file",
                        "save it as a file of its own and write that file's name here",
                    );
                    self.value(Node { spot, kind: Kind::Refused });
                } else if self.wants_key() {
                    self.key(Key { text: text.into(), plain, spot }, sound);
                } else if sound {
                    self.value(Node { spot, kind: Kind::Scalar { text: text.into(), plain } });
                } else {
                    self.value(Node { spot, kind: Kind::Refused });
                }
            }
            Event::SequenceStart(_, _, tag) => self.begin(span, tag.as_deref(), OpenKind::List(Vec::new()))?,
            Event::MappingStart(_, _, tag) => {
                let map = OpenKind::Map { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.begin(span, tag.as_deref(), map)?;
            }
            Event::Anchor(..) => self.tell_of_anchors(spot),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.tell_of_anchors(spot);
                if self.wants_key() {
                    self.key(Key { text: "*".into(), plain: true, spot }, false);
                } else {
                    self.value(Node { spot, kind: Kind::Refused });
                }
            }
            _ => (),
        }
        Some(())
    }

    fn begin(&mut self, span: &Span, tag: Option<&Tag>, kind: OpenKind) -> Option<()> {
        let spot = spot_of(span);
        self.count(spot)?;
        if self.open.len() >= MAX_DEPTH {
            self.page.refuse(
                "too_deep",
                spot,
                format!("lists and mappings stand in each other more than {MAX_DEPTH} deep"),
                "look for brackets or indentation that were not meant",
            );
            return None;
        }
        let sound = self.is_sound(tag, span);
        let dropped = |is_key| OpenKind::Dropped { is_key };
        let kind = match self.open.last() {
            Some(Open { kind: OpenKind::Dropped { .. }, .. }) => dropped(false),
            _ if self.wants_key() => {
                self.page.refuse(
                    "wrong_type",
                    spot,
                    "a list or mapping stands where a key belongs",
                    "write a word and a colon; a value that begins with [ or { needs a key before it",
                );
                dropped(true)
            }
            _ if !sound => dropped(false),
            _ => kind,
        };
        self.open.push(Open { spot, kind });
        Some(())
    }

    fn end(&mut self) {
        let Some(Open { spot, kind }) = self.open.pop() else { return };
        match kind {
            OpenKind::List(items) => self.value(Node { spot, kind: Kind::List(items) }),
            OpenKind::Map { entries, .. } => self.value(Node { spot, kind: Kind::Map(entries) }),
            OpenKind::Dropped { is_key: true } => self.key(Key { text: "?".into(), plain: true, spot }, false),
            OpenKind::Dropped { is_key: false } => self.value(Node { spot, kind: Kind::Refused }),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { kind: OpenKind::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, key: Key, sound: bool) {
        let page = self.page;
        let Some(Open { kind: OpenKind::Map { seen, key: next, .. }, .. }) = self.open.last_mut() else { return };
        if !sound {
            *next = Some(Pending::Drop);
            return;
        }
        if key.plain && *key.text == *"<<" {
            page.refuse(
                "merge_key",
                key.spot,
                "merge keys (`<<`) are not used here: what is in force has to be readable where it stands",
                "write the entries out",
            );
            *next = Some(Pending::Drop);
            return;
        }
        *next = Some(match seen.entry(key.text.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(key.spot);
                Pending::Keep(key)
            }
            Entry::Occupied(first) => {
                let Spot { line, column } = *first.get();
                page.refuse(
                    "duplicate_key",
                    key.spot,
                    format!("`{}` stands here a second time; the first is at {line}:{column}", shown(&key.text)),
                    "keep one of the two, or bring both together under one",
                );
                Pending::Drop
            }
        });
    }

    fn value(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { kind: OpenKind::List(items), .. }) => items.push(node),
            Some(Open { kind: OpenKind::Map { entries, key, .. }, .. }) => {
                if let Some(Pending::Keep(key)) = key.take() {
                    entries.push((key, node));
                }
            }
            Some(Open { kind: OpenKind::Dropped { .. }, .. }) => (),
        }
    }

    fn is_sound(&self, tag: Option<&Tag>, span: &Span) -> bool {
        if let Some(tag) = tag {
            let spot = span.tag_start().map_or_else(|| spot_of(span), |start| spot_of(&Span::empty(start)));
            self.page.refuse(
                "tag",
                spot,
                format!("the tag `{}` is not used here: values are read as they are written", shown(&tag.original())),
                "delete the tag",
            );
        }
        tag.is_none()
    }

    /// Once a file: who uses one uses many.
    fn tell_of_anchors(&mut self, spot: Spot) {
        if !std::mem::replace(&mut self.has_told_of_anchors, true) {
            self.page.refuse(
                "alias",
                spot,
                "anchors (`&name`) and aliases (`*name`) are not used here: what is in force has to be readable where it stands",
                "write the value out; a list of addresses gets a name under `networks:`; a text that begins with & or * needs quotes",
            );
        }
    }

    fn count(&mut self, spot: Spot) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.page.refuse(
                "too_large",
                spot,
                format!("more than {MAX_NODES} values in one file"),
                "bring neighbouring addresses together into prefixes",
            );
            return None;
        }
        Some(())
    }
}

fn options() -> Options {
    serde_yaml::granit_parser::options! {
        emit_comments: false,
        // An alias without its anchor is told like every other.
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        // Above our own limit, so that ours speaks.
        flow_nesting_limit: MAX_DEPTH + 8,
        block_nesting_limit: MAX_DEPTH + 8,
    }
}

fn spot_of(span: &Span) -> Spot {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Spot { line: number(span.start.line()), column: number(span.start.col() + 1) }
}

/// Tabs in front of a value: YAML allows some of them, and nobody can see which. No setting needs one.
fn has_tabs(page: Page<'_>) -> bool {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let is_empty = |line: &str| line.trim_start().is_empty() || line.trim_start().starts_with('#');
    let mut tabbed = (1..).zip(page.source.text.lines()).filter_map(|(number, line)| {
        let tab = line[..indentation(line)].chars().position(|c| c == '\t').filter(|_| !is_empty(line))?;
        Some(Spot { line: number, column: u32::try_from(tab + 1).unwrap_or(u32::MAX) })
    });
    let Some(first) = tabbed.next() else { return false };
    let others = match tabbed.count() {
        0 => String::new(),
        count => format!(", and in {count} more lines"),
    };
    page.refuse(
        "tab_indent",
        first,
        format!("a tab in the indentation{others}; YAML counts spaces only"),
        "replace each by spaces, as many as the lines beside it have",
    );
    true
}

fn refuse_syntax(page: Page<'_>, error: &ScanError) {
    let mut spot = spot_of(&Span::empty(*error.marker()));
    let lines = page.source.text.lines().count();
    // At the end of the text the parser stands on a line that is not there.
    if spot.line as usize > lines.max(1) {
        let last = page.source.text.lines().last().map_or(0, |last| last.chars().count());
        spot = Spot {
            line: u32::try_from(lines.max(1)).unwrap_or(u32::MAX),
            column: u32::try_from(last + 1).unwrap_or(1),
        };
    }
    let line = |number: u32| page.source.text.lines().nth((number as usize).saturating_sub(1)).unwrap_or_default();
    if let Some(address) = unquoted_ipv6(line(spot.line)) {
        page.refuse(
            "ipv6_quote",
            spot,
            format!("`{}` can't be read: a colon at its end makes it a key", shown(address)),
            format!("put quotes around IPv6 addresses: \"{}\"", shown(address)),
        );
        return;
    }
    let (message, help) = in_words(error.kind());
    let code = if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) { "too_deep" } else { "syntax" };
    page.refuse(code, spot, message, help);
}

/// An address such as `2001:db8::` that ends in a colon and stands without quotes.
fn unquoted_ipv6(line: &str) -> Option<&str> {
    line.split([' ', ',', '[', ']', '{', '}'])
        .find(|word| word.ends_with("::") && word.len() > 2 && word.chars().all(|c| c == ':' || c.is_ascii_hexdigit()))
}

/// What the parser found, for people who write YAML and no parsers.
fn in_words(kind: &ErrorKind) -> (String, &'static str) {
    let quotes = "put quotes around the value if these characters are meant";
    match kind {
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            ("a bracket is opened and never closed".into(), "close it with ] or }")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => (
            "expected `,` or `]`".into(),
            "separate the entries by commas; close the list with ], perhaps on a line above",
        ),
        ErrorKind::ExpectedFlowMappingSeparator => (
            "expected `,` or `}`".into(),
            "separate the entries by commas; close the mapping with }, perhaps on a line above",
        ),
        ErrorKind::MisplacedFlowCollectionEnd | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            ("this bracket closes nothing that is open".into(), "[ is closed by ], { by }")
        }
        ErrorKind::UnclosedQuotedScalar => {
            ("a quote is opened and never closed".into(), "close it; inside double quotes write \\\" for a quote")
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a second `: ` on the line, or a key at the wrong indentation".into(),
            "one key a line; put quotes around a value that contains `: `",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("expected `key: value`, and there is no colon".into(), "write a colon and a space after the key")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => (
            "this line is indented differently from its neighbours".into(),
            "indent entries of one mapping alike, by spaces",
        ),
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::BlockSequenceEntryNotAllowed => (
            "a list entry (`- `) stands where none can".into(),
            "begin the list on the line below its key, one entry a line",
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => (
            "a text goes on behind its closing quote; or a quote above was never closed".into(),
            "close every quote on the line where it is opened; inside double quotes write \\\" for a quote",
        ),
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("`{}` can't begin a value", shown(&character.to_string())), quotes)
        }
        ErrorKind::RecursionLimitExceeded => (
            format!("lists and mappings stand in each other more than {MAX_DEPTH} deep"),
            "look for brackets or indentation that were not meant",
        ),
        _ => (format!("this is not YAML: {kind}"), quotes),
    }
}

const MAX_NODES: usize = 1_000_000;
const MAX_DEPTH: usize = 32;
