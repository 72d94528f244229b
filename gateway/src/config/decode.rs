//! From the tree to the shapes of [`super::file`]: a serde deserializer that goes on after a fault.
//!
//! serde stops at the first error. So that one run tells all of them, a fault is written down where it is found and the
//! value replaced by its default; the page then knows that the file is not sound, and nobody reads the replacement.
//! The wrappers of [`super::written`] carry it: every value stands in an `At`.

mod edges;

use std::fmt;

use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use self::edges::{AbsentReader, KeyReader, Word};
use super::fault::{Page, Spot, listed, nearest, shown};
use super::file;
use super::meaning::Meaning;
use super::words::{SIZE, TEXT};
use super::written::{AT, ONE_OR_MANY};
use super::yaml::{Key, Kind, Node};

/// Reads the tree as a `T`. The faults are on the page; if there are any, what comes back is not to be used for anything
/// but finding other files.
pub(super) fn decode<'n, T: Deserialize<'n> + Default>(page: Page<'n>, root: &'n Node) -> T {
    let reader = Reader { node: root, page, path: &Path::Root, key: None, expected: MAPPING };
    T::deserialize(reader).unwrap_or_default()
}

/// Where in the settings: `apps.crm.paths[2]`.
enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

#[derive(Clone, Copy)]
struct Reader<'n, 'p> {
    node: &'n Node,
    page: Page<'n>,
    path: &'p Path<'p>,
    key: Option<&'n Key>,
    expected: &'static str,
}

/// Why a value could not be read.
#[derive(Debug)]
enum Trouble {
    /// It is on the page already.
    Told,
    /// serde's words, which no setting here causes.
    Words(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told => f.write_str("see the page"),
            Self::Words(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Trouble {}

impl de::Error for Trouble {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Words(message.to_string())
    }
}

impl<'n> Reader<'n, '_> {
    fn refuse(&self, code: &'static str, message: String, help: impl Into<String>) -> Trouble {
        self.page.refuse(code, self.spot(), message, help);
        Trouble::Told
    }

    /// Of the value; of its key where the value is nothing.
    fn spot(&self) -> Spot {
        match (&self.node.kind, self.key) {
            (Kind::Scalar { text, plain: true }, Some(key)) if Meaning::of(text) == Meaning::Nothing => key.spot,
            _ => self.node.spot,
        }
    }

    fn wrong_type(&self) -> Trouble {
        let expected = self.expected;
        let found = match &self.node.kind {
            Kind::Refused => return Trouble::Told,
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(entries) => {
                if let [(Key { text, plain: true, .. }, value)] = &entries[..]
                    && looks_like_ipv6(text)
                    && matches!(&value.kind, Kind::Scalar { text, plain: true } if Meaning::of(text) == Meaning::Nothing)
                {
                    return self.refuse(
                        "ipv6_quote",
                        format!("`{}:` was read as a key with an empty value, because it ends in a colon", shown(text)),
                        format!("put quotes around IPv6 addresses: \"{}:\"", shown(text)),
                    );
                }
                "a mapping (`key: value`)".to_owned()
            }
            Kind::Scalar { text, plain: false } => format!("the text \"{}\"", shown(text)),
            Kind::Scalar { text, plain: true } => match Meaning::of(text) {
                Meaning::Nothing => "nothing".to_owned(),
                Meaning::Boolean => format!("`{}`, which programs read as true or false", shown(text)),
                Meaning::Number => format!("the number {}", shown(text)),
                Meaning::Text => format!("`{}`", shown(text)),
            },
        };
        let help = self.fix();
        self.refuse("wrong_type", format!("{}expected {expected}, found {found}", self.in_path()), help)
    }

    fn fix(&self) -> String {
        let example = self
            .key
            .and_then(|key| file::example(&key.text, &[]).map(|example| format!("write `{}: {example}`", key.text)));
        let (text, meaning, plain) = match &self.node.kind {
            Kind::Scalar { text, plain } => (&**text, Meaning::of(text), *plain),
            _ => ("", Meaning::Text, true),
        };
        match self.expected {
            TEXT if plain && [Meaning::Boolean, Meaning::Number].contains(&meaning) => {
                format!("put quotes around it if the text is meant: \"{}\"", shown(text))
            }
            TRUE_OR_FALSE => "write true or false, without quotes".into(),
            WHOLE_NUMBER => "write digits alone, without quotes, sign and leading zero".into(),
            MAPPING | NAMES if plain && meaning == Meaning::Nothing => {
                "write `{}` if there is nothing to say, or delete the key".into()
            }
            LIST => "write a list: `[one, other]`, or `- one` on a line of its own".into(),
            _ if example.is_some() => example.unwrap_or_default(),
            MAPPING => "write settings below it, `key: value`, one a line, indented by two spaces".into(),
            NAMES => "write names below it, each with a colon and its settings, indented by two spaces".into(),
            _ if plain && meaning == Meaning::Nothing => "write a value behind the colon, or delete the key".into(),
            TEXT => "write a text, without brackets".into(),
            expected => format!("write {expected}"),
        }
    }

    fn in_path(&self) -> String {
        match self.path {
            Path::Root => String::new(),
            path => format!("`{path}`: "),
        }
    }

    fn text(&self) -> Result<&'n str, Trouble> {
        match &self.node.kind {
            Kind::Scalar { text, plain } if !plain || Meaning::of(text) == Meaning::Text => Ok(text),
            // Bytes need no unit.
            Kind::Scalar { text, .. } if self.expected == SIZE && is_whole_number(text) => Ok(text),
            _ => Err(self.wrong_type()),
        }
    }

    fn whole_number(&self) -> Result<u32, Trouble> {
        match &self.node.kind {
            Kind::Scalar { text, plain: true } if is_whole_number(text) => text.parse().map_err(|_| self.wrong_type()),
            _ => Err(self.wrong_type()),
        }
    }

    /// Writes down serde's own words, should it have any.
    fn told<T>(&self, result: Result<T, Trouble>) -> Result<T, Trouble> {
        result.map_err(|trouble| match trouble {
            Trouble::Told => Trouble::Told,
            Trouble::Words(words) => self.refuse(
                "wrong_type",
                format!("{}{words}", self.in_path()),
                "see gateway.schema.json for what can stand here",
            ),
        })
    }

    fn unknown_key(&self, key: &Key, value: &Node, known: &'static [&'static str]) {
        let path = match self.path {
            Path::Root => String::new(),
            path => format!(" in `{path}`"),
        };
        let name = shown(&key.text);
        if file::is_secret(&key.text) && matches!(value.kind, Kind::Scalar { .. }) {
            let meant = format!("{}_file", key.text);
            let meant =
                known.iter().find(|known| **known == meant || (**known == "key_file" && key.text.ends_with("key")));
            let help = meant.map_or_else(
                || "delete it and change the secret, it was readable; secrets are kept in files of their own".to_owned(),
                |meant| format!("save it in a file of its own and write `{meant}:` with that file's name; then change the secret, it was readable"),
            );
            self.page.refuse_secret(key.spot, format!("`{name}`{path}: a secret stands in the file"), help);
            return;
        }
        let keys = listed(known.iter().copied(), "and");
        let help = match (file::elsewhere(&key.text, known), nearest(&key.text, known.iter().copied())) {
            (Some(elsewhere), _) => elsewhere.to_owned(),
            (None, Some(near)) if known.len() == 1 => format!("did you mean `{near}`?"),
            (None, Some(near)) => format!("did you mean `{near}`? The keys here are {keys}"),
            (None, None) => format!("the keys here are {keys}"),
        };
        self.page.refuse("unknown_key", key.spot, format!("unknown key `{name}`{path}"), help);
    }
}

impl<'n> de::Deserializer<'n> for Reader<'n, '_> {
    type Error = Trouble;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'n>>(mut self, visitor: V) -> Result<V::Value, Trouble> {
        self.expected = TRUE_OR_FALSE;
        match &self.node.kind {
            Kind::Scalar { text, plain: true } if **text == *"true" => visitor.visit_bool(true),
            Kind::Scalar { text, plain: true } if **text == *"false" => visitor.visit_bool(false),
            _ => Err(self.wrong_type()),
        }
    }

    fn deserialize_u32<V: Visitor<'n>>(mut self, visitor: V) -> Result<V::Value, Trouble> {
        self.expected = WHOLE_NUMBER;
        let number = self.whole_number()?;
        self.told(visitor.visit_u32(number))
    }

    fn deserialize_str<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let text = self.text()?;
        self.told(visitor.visit_borrowed_str(text))
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Trouble> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        match name {
            AT => visitor.visit_seq(AtParts { reader: self, part: 0 }),
            ONE_OR_MANY => match &self.node.kind {
                Kind::List(items) => visitor.visit_seq(Items { reader: self, items: items.iter().enumerate() }),
                _ => {
                    visitor.visit_seq(Items { reader: self, items: std::slice::from_ref(self.node).iter().enumerate() })
                }
            },
            expected => {
                self.expected = expected;
                visitor.visit_newtype_struct(self)
            }
        }
    }

    fn deserialize_seq<V: Visitor<'n>>(mut self, visitor: V) -> Result<V::Value, Trouble> {
        self.expected = LIST;
        match &self.node.kind {
            Kind::List(items) => self.told(visitor.visit_seq(Items { reader: self, items: items.iter().enumerate() })),
            _ => Err(self.wrong_type()),
        }
    }

    fn deserialize_map<V: Visitor<'n>>(mut self, visitor: V) -> Result<V::Value, Trouble> {
        self.expected = NAMES;
        match &self.node.kind {
            Kind::Map(entries) => {
                let entries =
                    entries.iter().map(|(key, value)| (&*key.text, key, value)).collect::<Vec<_>>().into_iter();
                self.told(visitor.visit_map(Entries {
                    reader: self,
                    entries,
                    value: None,
                    fields: &[],
                    absent: [].iter(),
                }))
            }
            _ => Err(self.wrong_type()),
        }
    }

    fn deserialize_struct<V: Visitor<'n>>(
        mut self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        self.expected = MAPPING;
        let Kind::Map(entries) = &self.node.kind else { return Err(self.wrong_type()) };
        let mut known = Vec::new();
        for (key, value) in entries {
            if fields.contains(&&*key.text) {
                known.push((&*key.text, key, value));
            } else {
                self.unknown_key(key, value, fields);
            }
        }
        // The derived code asks for what is missing only once; here every missing key is told.
        let absent = fields.iter();
        self.told(visitor.visit_map(Entries { reader: self, entries: known.into_iter(), value: None, fields, absent }))
    }

    fn deserialize_enum<V: Visitor<'n>>(
        mut self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        self.expected = "a word";
        let words = listed(variants.iter().copied(), "or");
        let word = match &self.node.kind {
            Kind::Scalar { text, plain } if !plain || Meaning::of(text) != Meaning::Nothing => text,
            _ => return Err(self.wrong_type()),
        };
        if !variants.contains(&&**word) {
            let help = match nearest(word, variants.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write {words}"),
            };
            let message = format!("{}expected {words}, found `{}`", self.in_path(), shown(word));
            return Err(self.refuse("unknown_word", message, help));
        }
        self.told(visitor.visit_enum(Word(word)))
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'n>>
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char string bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

/// The parts of an [`At`]: line, column, value.
struct AtParts<'n, 'p> {
    reader: Reader<'n, 'p>,
    part: u8,
}

impl<'n> SeqAccess<'n> for AtParts<'n, '_> {
    type Error = Trouble;

    fn next_element_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<Option<S::Value>, Trouble> {
        self.part += 1;
        let number = |n: u32| -> U32Deserializer<Trouble> { n.into_deserializer() };
        match self.part {
            1 => seed.deserialize(number(self.reader.node.spot.line)),
            2 => seed.deserialize(number(self.reader.node.spot.column)),
            _ => seed.deserialize(self.reader),
        }
        .map(Some)
    }
}

struct Items<'n, 'p> {
    reader: Reader<'n, 'p>,
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
}

impl<'n> SeqAccess<'n> for Items<'n, '_> {
    type Error = Trouble;

    fn next_element_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<Option<S::Value>, Trouble> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let path = Path::Item(self.reader.path, index);
        // A single value that stands for a list has no index.
        let is_alone = std::ptr::eq(node, self.reader.node);
        let path = if is_alone { self.reader.path } else { &path };
        let key = if is_alone { self.reader.key } else { None };
        seed.deserialize(Reader { node, path, key, ..self.reader }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'n, 'p> {
    reader: Reader<'n, 'p>,
    entries: std::vec::IntoIter<(&'n str, &'n Key, &'n Node)>,
    value: Option<Next<'n>>,
    fields: &'static [&'static str],
    absent: std::slice::Iter<'static, &'static str>,
}

enum Next<'n> {
    Present(&'n Key, &'n Node),
    Absent(&'static str),
}

impl<'n> MapAccess<'n> for Entries<'n, '_> {
    type Error = Trouble;

    fn next_key_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<Option<S::Value>, Trouble> {
        if let Some((_, key, value)) = self.entries.next() {
            self.value = Some(Next::Present(key, value));
            return seed.deserialize(KeyReader { key, page: self.reader.page }).map(Some);
        }
        let Kind::Map(present) = &self.reader.node.kind else { return Ok(None) };
        let Some(absent) = self.absent.find(|field| !present.iter().any(|(key, _)| *key.text == ***field)) else {
            return Ok(None);
        };
        self.value = Some(Next::Absent(absent));
        seed.deserialize::<StrDeserializer<'_, Trouble>>(absent.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<S::Value, Trouble> {
        match self.value.take() {
            Some(Next::Present(key, node)) => {
                let path = Path::Key(self.reader.path, &key.text);
                seed.deserialize(Reader { node, path: &path, key: Some(key), ..self.reader })
            }
            Some(Next::Absent(field)) => {
                seed.deserialize(AbsentReader { field, fields: self.fields, map: self.reader })
            }
            None => Err(Trouble::Words("a value was asked for before its key".into())),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(&shown(key)),
            Self::Key(above, key) => write!(f, "{above}.{}", shown(key)),
            Self::Item(above, index) => write!(f, "{above}[{}]", index + 1),
        }
    }
}

const TRUE_OR_FALSE: &str = "true or false";
const WHOLE_NUMBER: &str = "a whole number";
const LIST: &str = "a list";
const NAMES: &str = "names with their settings";
const MAPPING: &str = "settings (`key: value`)";

/// As people write numbers: no sign, no leading zero, no base.
fn is_whole_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (!text.starts_with('0') || text == "0")
}

fn looks_like_ipv6(text: &str) -> bool {
    text.contains(':') && text.chars().all(|c| c == ':' || c.is_ascii_hexdigit())
}
