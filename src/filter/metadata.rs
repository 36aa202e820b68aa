//! What metadata is to say, and how PostgreSQL is asked for it: as one path of SQL/JSON, a value of
//! the statement. Texts of the client stand in it as JSON writes them, and nowhere else.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::api::fields::Fields;

/// More in one filter than anybody means.
const MOST_CONDITIONS: usize = 100;
const MOST_LEVELS: usize = 8;
const MOST_VALUES: usize = 100;
const LONGEST_TEXT: usize = 1_000;
/// Each may be the name of a member or the place in a list: so many paths are there.
const MOST_NUMBERS: usize = 3;

/// What metadata is to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    None(Vec<Condition>),
    Is(Pointer, Test),
}

/// A place in JSON (RFC 6901): the names on the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

/// What stands there: scalars, texts without null characters.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Equal(Value),
    NotEqual(Value),
    In(Vec<Value>),
    Compares(&'static str, Value),
    Exists(bool),
    Contains(Value),
}

/// A fault, and where in the filter it is.
pub(super) struct Misfit {
    pub path: Vec<String>,
    pub detail: String,
}

impl Misfit {
    pub fn here(detail: impl Into<String>) -> Self {
        Self { path: Vec::new(), detail: detail.into() }
    }

    fn within(mut self, name: &str) -> Self {
        self.path.insert(0, name.to_owned());
        self
    }
}

impl Condition {
    /// Reads the member `metadata` of a filter; the outer `None` is a fault.
    pub fn from_member(fields: &mut Fields) -> Option<Option<Self>> {
        let Some(members) = fields.optional::<Map<String, Value>>("metadata")? else {
            return Some(None);
        };
        let read = Self::of_object(members, 0).and_then(Self::bounded);
        match read {
            Ok(condition) => Some(Some(condition)),
            Err(Misfit { path, detail }) => {
                let path: Vec<&str> =
                    std::iter::once("metadata").chain(path.iter().map(String::as_str)).collect();
                fields.fault_within(&path, &detail);
                None
            }
        }
    }

    /// What a whole filter may be.
    pub(super) fn bounded(self) -> Result<Self, Misfit> {
        if self.count() > MOST_CONDITIONS {
            return Err(Misfit::here(format!("Has more than {MOST_CONDITIONS} conditions.")));
        }
        Ok(self)
    }

    fn count(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::None(parts) => {
                parts.iter().map(Self::count).sum()
            }
            Self::Is(..) => 1,
        }
    }

    fn of_object(members: Map<String, Value>, level: usize) -> Result<Self, Misfit> {
        if level > MOST_LEVELS {
            return Err(Misfit::here("Is nested too deeply."));
        }
        let mut parts = Vec::new();
        for (name, value) in members {
            let part = match name.as_str() {
                "all" => Self::of_list(value, level).map(Self::All),
                "any" => Self::of_list(value, level).map(Self::Any),
                "none" => Self::of_list(value, level).map(Self::None),
                _ => Pointer::read(&name).and_then(|pointer| Self::at(&pointer, value)),
            };
            parts.push(part.map_err(|misfit| misfit.within(&name))?);
        }
        Self::all_of(parts)
    }

    /// All of these; one stands for itself.
    pub(super) fn all_of(mut parts: Vec<Self>) -> Result<Self, Misfit> {
        match parts.len() {
            0 => Err(Misfit::here("Must have a condition.")),
            1 => Ok(parts.remove(0)),
            _ => Ok(Self::All(parts)),
        }
    }

    fn of_list(value: Value, level: usize) -> Result<Vec<Self>, Misfit> {
        let Value::Array(objects) = value else {
            return Err(Misfit::here("Must be a list of conditions."));
        };
        if objects.is_empty() || objects.len() > MOST_CONDITIONS {
            return Err(Misfit::here(format!("Must have 1 to {MOST_CONDITIONS} conditions.")));
        }
        objects
            .into_iter()
            .enumerate()
            .map(|(at, object)| {
                let read = match object {
                    Value::Object(members) => Self::of_object(members, level + 1),
                    _ => Err(Misfit::here("Must be a JSON object.")),
                };
                read.map_err(|misfit| misfit.within(&at.to_string()))
            })
            .collect()
    }

    /// What is to be at a place: a value, or an object of tests.
    fn at(pointer: &Pointer, value: Value) -> Result<Self, Misfit> {
        let Value::Object(tests) = value else {
            return Ok(Self::Is(pointer.clone(), Test::Equal(scalar(value)?)));
        };
        let tests = tests.into_iter().map(|(name, value)| {
            Test::read(&name, value)
                .map(|test| Self::Is(pointer.clone(), test))
                .map_err(|misfit| misfit.within(&name))
        });
        Self::all_of(tests.collect::<Result<_, _>>()?)
    }

    /// Whether an index finds what it is so of: equality at a place, and what needs one.
    pub fn is_indexed(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::is_indexed),
            Self::Any(parts) => parts.iter().all(Self::is_indexed),
            Self::None(_) => false,
            Self::Is(pointer, Test::Equal(value)) => pointer.is_plain() && is_literal(value),
            Self::Is(pointer, Test::In(values)) => {
                pointer.is_plain() && values.iter().all(is_literal)
            }
            Self::Is(..) => false,
        }
    }

    /// The predicate of a path that says so. `exists(…)` is true or false and never unknown, so that
    /// it may be denied.
    pub fn path(&self) -> String {
        match self {
            Self::All(parts) => joined(parts, " && "),
            Self::Any(parts) => joined(parts, " || "),
            Self::None(parts) => format!("!({})", joined(parts, " || ")),
            Self::Is(pointer, Test::Exists(true)) => pointer.exists(""),
            Self::Is(pointer, Test::Exists(false)) => format!("!({})", pointer.exists("")),
            Self::Is(pointer, Test::NotEqual(value)) => {
                format!("!({})", pointer.exists(&format!(" ? (@ == {value})")))
            }
            Self::Is(pointer, test) => pointer.exists(&format!(" ? ({})", test.on_item())),
        }
    }
}

fn joined(parts: &[Condition], between: &str) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("({})", part.path())).collect();
    parts.join(between)
}

/// PostgreSQL takes the sign of a number for an operation.
fn is_literal(value: &Value) -> bool {
    value.as_f64().is_none_or(|number| number >= 0.0)
}

impl Test {
    pub(super) fn read(name: &str, value: Value) -> Result<Self, Misfit> {
        Ok(match name {
            "eq" => Self::Equal(scalar(value)?),
            "ne" => Self::NotEqual(scalar(value)?),
            "in" => match value {
                Value::Array(values) if (1..=MOST_VALUES).contains(&values.len()) => {
                    Self::In(values.into_iter().map(scalar).collect::<Result<_, _>>()?)
                }
                _ => {
                    return Err(Misfit::here(format!(
                        "Must be a list of 1 to {MOST_VALUES} values."
                    )));
                }
            },
            "gt" => Self::Compares(">", ordered(value)?),
            "gte" => Self::Compares(">=", ordered(value)?),
            "lt" => Self::Compares("<", ordered(value)?),
            "lte" => Self::Compares("<=", ordered(value)?),
            "exists" => match value {
                Value::Bool(exists) => Self::Exists(exists),
                _ => return Err(Misfit::here("Must be true or false.")),
            },
            "contains" => match scalar(value)? {
                Value::String(text) if text.is_empty() => {
                    return Err(Misfit::here("Must not be empty."));
                }
                value => Self::Contains(value),
            },
            _ => {
                return Err(Misfit::here(
                    "Must be eq, ne, in, gt, gte, lt, lte, exists or contains.",
                ));
            }
        })
    }

    /// Of an item that is there.
    fn on_item(&self) -> String {
        match self {
            Self::Equal(value) | Self::NotEqual(value) => format!("@ == {value}"),
            Self::In(values) => {
                let values: Vec<String> =
                    values.iter().map(|value| format!("@ == {value}")).collect();
                values.join(" || ")
            }
            Self::Compares(sign, value) => format!("@ {sign} {value}"),
            Self::Exists(_) => "@ == @".to_owned(),
            // (`q`: as it stands, nothing in it is a pattern.)
            Self::Contains(text @ Value::String(_)) => format!(r#"@ like_regex {text} flag "iq""#),
            Self::Contains(value) => format!("@ == {value}"),
        }
    }
}

fn scalar(value: Value) -> Result<Value, Misfit> {
    match &value {
        Value::Array(_) | Value::Object(_) => {
            Err(Misfit::here("Must be a text, a number, true, false or null."))
        }
        Value::String(text) if text.contains('\0') => {
            Err(Misfit::here("Must not have null characters."))
        }
        Value::String(text) if text.chars().count() > LONGEST_TEXT => {
            Err(Misfit::here(format!("Has more than {LONGEST_TEXT} characters.")))
        }
        _ => Ok(value),
    }
}

fn ordered(value: Value) -> Result<Value, Misfit> {
    match scalar(value)? {
        value @ (Value::String(_) | Value::Number(_)) => Ok(value),
        _ => Err(Misfit::here("Must be a text or a number.")),
    }
}

impl Pointer {
    pub(super) fn read(text: &str) -> Result<Self, Misfit> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(Misfit::here(
                "Must be a JSON pointer, which begins with /, or all, any or none.",
            ));
        };
        if text.contains('\0') || text.chars().count() > LONGEST_TEXT {
            return Err(Misfit::here(format!(
                "A pointer has at most {LONGEST_TEXT} characters, no null characters among them."
            )));
        }
        let names: Vec<String> =
            rest.split('/').map(unescaped).collect::<Option<_>>().ok_or_else(|| {
                Misfit::here("Is no JSON pointer: after ~ stands 0 (for ~) or 1 (for /).")
            })?;
        let pointer = Self(names);
        if pointer.0.iter().filter(|name| place(name).is_some()).count() > MOST_NUMBERS {
            return Err(Misfit::here(format!("Has more than {MOST_NUMBERS} places in lists.")));
        }
        Ok(pointer)
    }

    /// Whether it has only names: a number may be a place in a list.
    fn is_plain(&self) -> bool {
        self.0.iter().all(|name| place(name).is_none())
    }

    /// That something is there of which `filter` is so.
    fn exists(&self, filter: &str) -> String {
        let mut ways = vec![(String::new(), "$".to_owned())];
        for name in &self.0 {
            let mut on = Vec::new();
            for (guard, path) in ways {
                if let Some(place) = place(name) {
                    // (Of an object, `[0]` would be the object itself.)
                    let guard = format!(r#"{guard}{path}.type() == "array" && "#);
                    on.push((guard, format!("{path}[{place}]")));
                }
                let mut named = path;
                _ = write!(named, ".{}", Value::from(name.as_str()));
                on.push((guard, named));
            }
            ways = on;
        }
        let ways: Vec<String> =
            ways.iter().map(|(guard, path)| format!("{guard}exists({path}{filter})")).collect();
        if let [way] = ways.as_slice() { way.clone() } else { format!("({})", ways.join(") || (")) }
    }
}

/// The place in a list that a name may be.
fn place(name: &str) -> Option<u32> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty()
        && name.len() <= 9
        && (name == "0" || !name.starts_with('0'));
    is_number.then(|| name.parse().ok())?
}

fn unescaped(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(character) = rest.next() {
        plain.push(match character {
            '~' => match rest.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}
