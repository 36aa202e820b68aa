//! A category as the file gives it: by its path.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::api::name::{self, Name};
use crate::api::problem::{member, pointer};

/// The names of a category and of those above it, from the root on, with `/` between; in a name `~1` is
/// a `/`, and `~0` a `~`, as in a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryPath {
    above: Vec<Name>,
    name: Name,
}

impl CategoryPath {
    /// What two paths have in common when they are the same.
    pub fn key(&self) -> String {
        joined(self.names().map(|name| name::key(name.as_str())))
    }

    fn names(&self) -> impl Iterator<Item = &Name> {
        self.above.iter().chain([&self.name])
    }

    /// The name of the category itself.
    pub fn last(&self) -> &Name {
        &self.name
    }

    /// The category above it, unless it is a root.
    pub fn parent(&self) -> Option<Self> {
        let (name, above) = self.above.split_last()?;
        Some(Self { above: above.to_vec(), name: name.clone() })
    }
}

fn joined(names: impl Iterator<Item = String>) -> String {
    let steps: Vec<String> = names.map(|name| pointer(&name)).collect();
    steps.concat().chars().skip(1).collect()
}

impl fmt::Display for CategoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(self.names().map(|name| name.as_str().to_owned())))
    }
}

impl<'de> Deserialize<'de> for CategoryPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        let name = |step: &str| Name::parse(&member(step)).map_err(D::Error::custom);
        let (above, last) = match path.rsplit_once('/') {
            Some((above, last)) => (above.split('/').map(name).collect::<Result<_, _>>()?, last),
            None => (Vec::new(), path.as_str()),
        };
        Ok(Self { above, name: name(last)? })
    }
}

/// A category of the file: its path, or an object that also says where it was before.
#[derive(Debug)]
pub struct FileCategory {
    pub path: CategoryPath,
    pub renamed_from: Option<CategoryPath>,
}

impl<'de> Deserialize<'de> for FileCategory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            path: CategoryPath,
            renamed_from: Option<CategoryPath>,
        }
        let given = Value::deserialize(deserializer)?;
        if given.is_string() {
            let path = serde_json::from_value(given).map_err(D::Error::custom)?;
            return Ok(Self { path, renamed_from: None });
        }
        let words = "Must be the path of a category, or an object with path and renamed_from.";
        let Whole { path, renamed_from } =
            serde_json::from_value(given).map_err(|_| D::Error::custom(words))?;
        Ok(Self { path, renamed_from })
    }
}
