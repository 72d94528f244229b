//! The edges of the reader: keys, keys that are missing, and words of a fixed few.

use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess, Visitor};

use super::{Path, Reader, Trouble};
use crate::config::fault::{Page, nearest, shown};
use crate::config::file;
use crate::config::meaning::Meaning;
use crate::config::written::AT;
use crate::config::yaml::{Key, Kind};

/// A key: a text with a spot.
#[derive(Clone, Copy)]
pub(super) struct KeyReader<'n> {
    pub(super) key: &'n Key,
    pub(super) page: Page<'n>,
}

impl<'n> de::Deserializer<'n> for KeyReader<'n> {
    type Error = Trouble;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let Key { text, plain, spot } = self.key;
        if *plain && Meaning::of(text) != Meaning::Text {
            self.page.refuse(
                "wrong_type",
                *spot,
                format!("expected a name, found `{}`, which some programs read as something else", shown(text)),
                format!("put quotes around it if the name is meant: \"{}\"", shown(text)),
            );
            return Err(Trouble::Told);
        }
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(self, name: &'static str, visitor: V) -> Result<V::Value, Trouble> {
        match name {
            AT => visitor.visit_seq(KeyParts { reader: self, part: 0 }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct KeyParts<'n> {
    reader: KeyReader<'n>,
    part: u8,
}

impl<'n> SeqAccess<'n> for KeyParts<'n> {
    type Error = Trouble;

    fn next_element_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<Option<S::Value>, Trouble> {
        self.part += 1;
        let number = |n: u32| -> U32Deserializer<Trouble> { n.into_deserializer() };
        match self.part {
            1 => seed.deserialize(number(self.reader.key.spot.line)),
            2 => seed.deserialize(number(self.reader.key.spot.column)),
            _ => seed.deserialize(self.reader),
        }
        .map(Some)
    }
}

/// A key that is not there: nothing, if it may be absent; else a fault.
pub(super) struct AbsentReader<'n, 'p> {
    pub(super) field: &'static str,
    pub(super) fields: &'static [&'static str],
    pub(super) map: Reader<'n, 'p>,
}

impl AbsentReader<'_, '_> {
    /// Is it there under a name that was told as unknown, "did you mean"?
    fn is_misspelt(&self) -> bool {
        let Kind::Map(entries) = &self.map.node.kind else { return false };
        let mut unknown = entries.iter().map(|(key, _)| &*key.text).filter(|key| !self.fields.contains(key));
        unknown.any(|key| nearest(key, self.fields.iter().copied()) == Some(self.field))
    }
}

impl<'n> de::Deserializer<'n> for AbsentReader<'n, '_> {
    type Error = Trouble;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Trouble> {
        // Whatever the visitor is, it can't be satisfied; its At takes the default.
        drop(visitor);
        if self.is_misspelt() {
            return Err(Trouble::Told);
        }
        let spot = self.map.key.map_or(self.map.node.spot, |key| key.spot);
        let path = match self.map.path {
            Path::Root => String::new(),
            path => format!(" in `{path}`"),
        };
        let help = file::example(self.field, self.fields)
            .map_or_else(|| format!("add `{}:`", self.field), |example| format!("add `{}: {example}`", self.field));
        self.map.page.refuse("missing_key", spot, format!("the key `{}` is missing{path}", self.field), help);
        Err(Trouble::Told)
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Trouble> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(self, name: &'static str, visitor: V) -> Result<V::Value, Trouble> {
        match name {
            AT => visitor.visit_seq(AbsentParts { reader: Some(self), part: 0 }),
            _ => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct AbsentParts<'n, 'p> {
    reader: Option<AbsentReader<'n, 'p>>,
    part: u8,
}

impl<'n> SeqAccess<'n> for AbsentParts<'n, '_> {
    type Error = Trouble;

    fn next_element_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<Option<S::Value>, Trouble> {
        self.part += 1;
        let nowhere: U32Deserializer<Trouble> = 0u32.into_deserializer();
        match self.reader.take_if(|_| self.part > 2) {
            Some(reader) => seed.deserialize(reader),
            None => seed.deserialize(nowhere),
        }
        .map(Some)
    }
}

/// A word of a fixed few.
pub(super) struct Word<'n>(pub(super) &'n str);

impl<'n> EnumAccess<'n> for Word<'n> {
    type Error = Trouble;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'n>>(self, seed: S) -> Result<(S::Value, Self), Trouble> {
        let word: StrDeserializer<'n, Trouble> = self.0.into_deserializer();
        seed.deserialize(word).map(|variant| (variant, self))
    }
}

impl<'n> VariantAccess<'n> for Word<'n> {
    type Error = Trouble;

    fn unit_variant(self) -> Result<(), Trouble> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'n>>(self, _seed: S) -> Result<S::Value, Trouble> {
        Err(de::Error::custom("words have no content"))
    }

    fn tuple_variant<V: Visitor<'n>>(self, _len: usize, _visitor: V) -> Result<V::Value, Trouble> {
        Err(de::Error::custom("words have no content"))
    }

    fn struct_variant<V: Visitor<'n>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Trouble> {
        Err(de::Error::custom("words have no content"))
    }
}
