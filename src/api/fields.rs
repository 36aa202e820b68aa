//! Reading the members of a JSON object so that all faults are told at once.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::i_json;
use super::problem::{Fault, Problem, pointer};
use super::told;

pub use blockyard_derive::FromFields;

/// A request body that is read member by member.
pub trait FromFields: Sized {
    /// Whether a request may come without a body.
    const BODY_OPTIONAL: bool = false;

    /// Reads every member; `None` when one of them has a fault, which `fields` has noted.
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// The body of a request that has none.
#[derive(Debug, Clone, Copy)]
pub struct NoBody;

impl FromFields for NoBody {
    const BODY_OPTIONAL: bool = true;

    fn from_fields(_: &mut Fields) -> Option<Self> {
        Some(Self)
    }
}

/// A member of a `PATCH`: absent, `null`, or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch<T> {
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// The same of another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }

    /// The same, unless it is to stay as it is.
    #[must_use]
    pub fn only_if(self, is_changed: bool) -> Self {
        if is_changed { self } else { Self::Keep }
    }

    /// Whether the column is written, and what with.
    pub fn assignment(&self) -> (bool, Option<&T>) {
        match self {
            Self::Keep => (false, None),
            Self::Clear => (true, None),
            Self::Set(value) => (true, Some(value)),
        }
    }
}

/// The members of an object that have not been read yet, and the faults so far.
pub struct Fields {
    members: Vec<(String, Box<RawValue>)>,
    faults: Vec<Fault>,
}

/// Reads a whole body.
///
/// # Errors
/// 400 when it is no JSON, 422 with every fault when it is not what `T` wants.
pub fn read<T: FromFields>(body: &[u8]) -> Result<T, Problem> {
    let mut fields =
        if body.is_empty() && T::BODY_OPTIONAL { Fields::empty() } else { Fields::parse(body)? };
    let value = T::from_fields(&mut fields);
    fields.finish()?;
    value.ok_or_else(Problem::internal)
}

impl Fields {
    fn empty() -> Self {
        Self { members: Vec::new(), faults: Vec::new() }
    }

    fn parse(body: &[u8]) -> Result<Self, Problem> {
        let text =
            std::str::from_utf8(body).map_err(|_| Problem::malformed("The body is not UTF-8."))?;
        if text.trim().is_empty() {
            return Err(Problem::malformed("The body is empty; it must be a JSON object."));
        }
        let mut fields = Self::of(text).map_err(|error| {
            if error.is_data() {
                Problem::invalid_field("", "Must be a JSON object.")
            } else {
                Problem::malformed(told::of_body(&error))
            }
        })?;
        fields.faults.extend(i_json::faults(text));
        Ok(fields)
    }

    fn of(object: &str) -> Result<Self, serde_json::Error> {
        let Members { read, too_many } = serde_json::from_str(object)?;
        let mut fields = Self::empty();
        if too_many {
            fields.fault_at(
                String::new(),
                &format!("Must have at most {MOST_MEMBERS} members; only those were read."),
            );
        }
        for (name, value) in read {
            // That it is repeated is a fault already, at whatever depth.
            if !fields.members.iter().any(|(known, _)| *known == name) {
                fields.members.push((name, value));
            }
        }
        Ok(fields)
    }

    /// A member that must be there and not `null`.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.take(name) {
            Some(raw) => self.value(name, &raw),
            None => {
                self.fault(name, "Is required.");
                None
            }
        }
    }

    /// A member that may be missing or `null`; the outer `None` is a fault.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<Option<T>> {
        match self.take(name) {
            Some(raw) if raw.get() != "null" => self.value(name, &raw).map(Some),
            _ => Some(None),
        }
    }

    /// A member of a `PATCH` that cannot be cleared; the outer `None` is a fault.
    pub fn changed<T: DeserializeOwned>(&mut self, name: &str) -> Option<Option<T>> {
        match self.take(name) {
            Some(raw) if raw.get() == "null" => {
                self.fault(name, "Must not be null.");
                None
            }
            Some(raw) => self.value(name, &raw).map(Some),
            None => Some(None),
        }
    }

    /// A member of a `PATCH` that `null` clears; `None` is a fault.
    pub fn patched<T: DeserializeOwned>(&mut self, name: &str) -> Option<Patch<T>> {
        match self.take(name) {
            None => Some(Patch::Keep),
            Some(raw) if raw.get() == "null" => Some(Patch::Clear),
            Some(raw) => self.value(name, &raw).map(Patch::Set),
        }
    }

    /// A member that is an object, read member by member; one that is missing or `null` is read as an
    /// empty one where the body of a request may be.
    pub fn object<T: FromFields>(&mut self, name: &str) -> Option<T> {
        let raw = self.take(name).filter(|raw| raw.get() != "null");
        let mut fields = match &raw {
            None if T::BODY_OPTIONAL => Self::empty(),
            None => {
                self.fault(name, "Is required.");
                return None;
            }
            Some(raw) => match Self::of(raw.get()) {
                Ok(fields) => fields,
                Err(_) => {
                    self.fault(name, "Must be a JSON object.");
                    return None;
                }
            },
        };
        let value = T::from_fields(&mut fields);
        let faults = fields.close();
        let is_sound = faults.is_empty();
        for fault in faults {
            self.fault_at(format!("{}{}", pointer(name), fault.pointer), &fault.detail);
        }
        value.filter(|_| is_sound)
    }

    /// As [`Self::object`], of a member that may be missing or `null`; the outer `None` is a fault.
    pub fn optional_object<T: FromFields>(&mut self, name: &str) -> Option<Option<T>> {
        let is_there = self.members.iter().any(|(known, raw)| known == name && raw.get() != "null");
        if is_there {
            return self.object(name).map(Some);
        }
        self.take(name);
        Some(None)
    }

    /// A member that is an array of objects, each read member by member; `Some(None)` when it is
    /// missing or `null`, `None` when there is a fault.
    pub fn items<T: FromFields>(&mut self, name: &str, max: usize) -> Option<Option<Vec<T>>> {
        let Some(raw) = self.take(name).filter(|raw| raw.get() != "null") else {
            return Some(None);
        };
        let objects: Vec<Box<RawValue>> = self.value(name, &raw)?;
        if objects.len() > max {
            self.fault(name, &format!("Must have at most {max} items."));
            return None;
        }
        let mut items = Vec::with_capacity(objects.len());
        for (at, object) in objects.iter().enumerate() {
            let place = format!("{}/{at}", pointer(name));
            let Ok(mut fields) = Self::of(object.get()) else {
                self.fault_at(place, "Must be a JSON object.");
                continue;
            };
            items.extend(T::from_fields(&mut fields));
            for fault in fields.close() {
                self.fault_at(format!("{place}{}", fault.pointer), &fault.detail);
            }
        }
        (items.len() == objects.len()).then_some(Some(items))
    }

    /// Notes a fault that only several members together show.
    pub fn fault(&mut self, name: &str, detail: &str) {
        self.fault_at(pointer(name), detail);
    }

    /// Notes a fault at a JSON pointer into the body, unless one is noted there.
    pub fn fault_at(&mut self, pointer: String, detail: &str) {
        if self.faults.iter().any(|fault| fault.pointer == pointer) {
            return;
        }
        self.faults.push(Fault { pointer, detail: detail.to_owned() });
    }

    /// Notes a fault inside a member: a path of names and indices.
    pub fn fault_within(&mut self, path: &[&str], detail: &str) {
        self.fault_at(path.iter().copied().map(pointer).collect(), detail);
    }

    fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.members.iter().position(|(known, _)| known == name)?;
        Some(self.members.swap_remove(at).1)
    }

    fn value<T: DeserializeOwned>(&mut self, name: &str, raw: &RawValue) -> Option<T> {
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        match serde_path_to_error::deserialize(&mut deserializer) {
            Ok(value) => Some(value),
            Err(error) => {
                let inner: String = error
                    .path()
                    .iter()
                    .filter_map(|segment| match segment {
                        serde_path_to_error::Segment::Seq { index } => {
                            Some(pointer(&index.to_string()))
                        }
                        serde_path_to_error::Segment::Map { key } => Some(pointer(key)),
                        _ => None,
                    })
                    .collect();
                self.fault_at(pointer(name) + &inner, &told::of_member(&error.into_inner()));
                None
            }
        }
    }

    /// The faults, those of members that nobody asked for included.
    fn close(mut self) -> Vec<Fault> {
        for (name, _) in std::mem::take(&mut self.members) {
            self.fault(&name, "Is not known here.");
        }
        self.faults
    }

    fn finish(self) -> Result<(), Problem> {
        let faults = self.close();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Problem::faults(faults))
    }
}

/// Far more than any object of the API has: each is compared with each.
const MOST_MEMBERS: usize = 100;

struct Members {
    read: Vec<(String, Box<RawValue>)>,
    too_many: bool,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut read = Vec::new();
                while read.len() < MOST_MEMBERS
                    && let Some(member) = map.next_entry()?
                {
                    read.push(member);
                }
                let mut too_many = false;
                // At the end of the object it answers so as often as it is asked.
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    too_many = true;
                }
                Ok(Members { read, too_many })
            }
        }

        deserializer.deserialize_map(Object)
    }
}
