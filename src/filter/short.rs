//! The short form of a filter, for a query string: `metadata/accuracy>=0.9 and block_type=model`.
//!
//! ```text
//! filter    = condition *(" and " condition)
//! condition = field operator value | field " in (" value *("," value) ")" | field " exists" | field " missing"
//! field     = "metadata" pointer | "block_type" | "category" | "recursive" | "verified" | "used_by" | "alias" | "author"
//!           | "created" | "updated"
//! pointer   = a JSON pointer, in quotes as a JSON text when it has blanks or operators
//! operator  = "=" | "!=" | ">" | ">=" | "<" | "<=" | "*=" (contains)
//! value     = a JSON scalar, or a word that stands for itself
//! ```

use std::str::FromStr;

use serde_json::Value;

use super::metadata::{Condition, Misfit, Pointer, Test};
use super::{TaxonomyFilter, Where};
use crate::api::path::Reference;
use crate::api::word::Word;

const LONGEST: usize = 2_000;

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() > LONGEST {
            return Err(format!("Has more than {LONGEST} characters."));
        }
        let mut reader = Reader { rest: text.trim() };
        let mut read = Self::default();
        let mut metadata = Vec::new();
        loop {
            reader.condition(&mut read, &mut metadata)?;
            reader.rest = reader.rest.trim_start();
            if reader.rest.is_empty() {
                break;
            }
            if !reader.word("and") {
                return Err(format!("Must have `and` before `{}`.", shown(reader.rest)));
            }
        }
        if !metadata.is_empty() {
            let all = Condition::all_of(metadata).and_then(Condition::bounded);
            read.metadata = Some(all.map_err(|misfit| misfit.detail)?);
        }
        if let Some(TaxonomyFilter { any: None, all: None, none: None, .. }) = read.taxonomy {
            return Err("recursive is said of a category.".to_owned());
        }
        Ok(read)
    }
}

/// The beginning of what was not understood.
fn shown(text: &str) -> String {
    text.chars().take(30).collect()
}

enum Operator {
    Is(&'static str),
    In,
    Exists(bool),
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn condition(&mut self, read: &mut Where, metadata: &mut Vec<Condition>) -> Result<(), String> {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|at: char| at.is_whitespace() || matches!(at, '=' | '!' | '<' | '>' | '*' | '"'))
            .unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at(end);
        self.rest = rest;
        if let Some(pointer) = field.strip_prefix("metadata") {
            let pointer = if pointer.is_empty() && self.rest.starts_with('"') {
                self.quoted()?
            } else {
                pointer.to_owned()
            };
            let told = |misfit: Misfit| format!("metadata{}: {}", shown(&pointer), misfit.detail);
            let at = Pointer::read(&pointer).map_err(told)?;
            let test = match self.operator()? {
                Operator::Exists(exists) => Test::Exists(exists),
                Operator::In => Test::read("in", Value::Array(self.values()?)).map_err(told)?,
                Operator::Is(name) => Test::read(name, self.value()?).map_err(told)?,
            };
            metadata.push(Condition::Is(at, test));
            return Ok(());
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In => self.values()?,
            Operator::Is(_) => vec![self.value()?],
            Operator::Exists(_) => return Err(format!("`{}` takes a value.", shown(field))),
        };
        let mut values: Vec<String> = values
            .into_iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        if field == "category" {
            return categories(read, &operator, &values);
        }
        if values.len() != 1 {
            return Err(format!("`{}` takes one value.", shown(field)));
        }
        let value = values.remove(0);
        match (field, operator) {
            ("block_type", Operator::Is("eq")) => {
                let Word(kind) = value.parse()?;
                once(field, &mut read.block_type, kind)
            }
            ("recursive", Operator::Is("eq")) => {
                let recursive = boolean(field, &value)?;
                once(field, &mut read.taxonomy.get_or_insert_default().recursive, recursive)
            }
            ("verified", Operator::Is("eq")) => {
                once(field, &mut read.verified, boolean(field, &value)?)
            }
            ("used_by", Operator::Is("eq")) => once(field, &mut read.used_by, reference(&value)?),
            ("alias", Operator::Is("eq")) => once(field, &mut read.alias, value.parse()?),
            ("author", Operator::Is("eq")) => once(field, &mut read.author, reference(&value)?),
            ("created", Operator::Is("gte")) => {
                once(field, &mut read.created_after, value.parse()?)
            }
            ("created", Operator::Is("lt")) => {
                once(field, &mut read.created_before, value.parse()?)
            }
            ("updated", Operator::Is("gte")) => {
                once(field, &mut read.updated_after, value.parse()?)
            }
            ("updated", Operator::Is("lt")) => {
                once(field, &mut read.updated_before, value.parse()?)
            }
            ("created" | "updated", _) => Err(format!("`{field}` is compared by >= and <.")),
            ("block_type" | "recursive" | "verified" | "used_by" | "alias" | "author", _) => {
                Err(format!("`{field}` is compared by =."))
            }
            _ => Err(format!(
                "`{}` is no field: there are metadata with a JSON pointer, block_type, category, recursive, \
                 verified, used_by, alias, author, created and updated.",
                shown(field)
            )),
        }
    }

    /// Whether this word comes next, and only then it is read.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(word) {
            Some(after) if after.is_empty() || after.starts_with([' ', '(', '\t']) => {
                self.rest = after;
                true
            }
            _ => false,
        }
    }

    fn operator(&mut self) -> Result<Operator, String> {
        const SIGNS: [(&str, &str); 7] = [
            ("!=", "ne"),
            (">=", "gte"),
            ("<=", "lte"),
            ("*=", "contains"),
            ("=", "eq"),
            (">", "gt"),
            ("<", "lt"),
        ];
        self.rest = self.rest.trim_start();
        for (sign, name) in SIGNS {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                return Ok(Operator::Is(name));
            }
        }
        if self.word("in") {
            Ok(Operator::In)
        } else if self.word("exists") {
            Ok(Operator::Exists(true))
        } else if self.word("missing") {
            Ok(Operator::Exists(false))
        } else {
            Err(format!(
                "Must have =, !=, >, >=, <, <=, *=, in (…), exists or missing before `{}`.",
                shown(self.rest)
            ))
        }
    }

    fn values(&mut self) -> Result<Vec<Value>, String> {
        const FORM: &str = "After `in` comes a list, such as (mit, \"apache 2\").";
        self.rest = self.rest.trim_start().strip_prefix('(').ok_or(FORM)?;
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
            } else {
                self.rest = self.rest.strip_prefix(')').ok_or(FORM)?;
                return Ok(values);
            }
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('"') {
            return self.quoted().map(Value::String);
        }
        let end = self
            .rest
            .find(|at: char| at.is_whitespace() || matches!(at, ',' | '(' | ')'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(format!("Must have a value before `{}`.", shown(rest)));
        }
        self.rest = rest;
        let scalar = serde_json::from_str(word).ok();
        let scalar = scalar.filter(|value: &Value| !value.is_array() && !value.is_object());
        Ok(scalar.unwrap_or_else(|| word.into()))
    }

    /// A text in quotes, as JSON has it.
    fn quoted(&mut self) -> Result<String, String> {
        let mut texts = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        match texts.next() {
            Some(Ok(text)) => {
                self.rest = &self.rest[texts.byte_offset()..];
                Ok(text)
            }
            _ => Err(format!(
                "Has a text that does not end, or is not as in JSON: `{}`.",
                shown(self.rest)
            )),
        }
    }
}

fn categories(read: &mut Where, operator: &Operator, values: &[String]) -> Result<(), String> {
    let categories =
        values.iter().map(|value| reference(value)).collect::<Result<Vec<_>, String>>()?;
    let taxonomy = read.taxonomy.get_or_insert_default();
    let list = match operator {
        Operator::Is("eq") => &mut taxonomy.all,
        Operator::Is("ne") => &mut taxonomy.none,
        Operator::In if taxonomy.any.is_none() => &mut taxonomy.any,
        Operator::In => return Err("`category in` is said twice.".to_owned()),
        _ => return Err("`category` is compared by =, != and in (…).".to_owned()),
    };
    let list = list.get_or_insert_default();
    list.extend(categories);
    if list.len() > 100 {
        return Err("Has more than 100 categories.".to_owned());
    }
    Ok(())
}

fn once<T>(field: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("`{field}` is said twice.")),
    }
}

fn boolean(field: &str, value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("`{field}` is true or false."))
}

fn reference(value: &str) -> Result<Reference, String> {
    value.parse().map_err(|error| format!("`{}`: {error}", shown(value)))
}
