//! Ids, as requests write them.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error};
use uuid::Uuid;

pub(super) const NO_UUID: &str = "Must be a UUID, such as 01a20575-9b1f-7c3a-8d52-6e0f4a7b1c2d.";

/// A UUID in the notation of RFC 9562, in which answers write it as well. What else `uuid` reads
/// (without hyphens, in braces, as a URN) would be a second name of the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub Uuid);

impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The other notations have other lengths.
        (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten().map(Self).ok_or(NO_UUID)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Deref for Id {
    type Target = Uuid;

    fn deref(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_one_notation() {
        let id = "01a20575-84d9-79db-a493-fbb455308177";
        assert_eq!(id.parse::<Id>().map(|id| id.to_string()), Ok(id.to_owned()));
        assert_eq!(id.to_uppercase().parse::<Id>().map(|id| id.to_string()), Ok(id.to_owned()));
        let bare = id.replace('-', "");
        for other in
            ["", "x", &bare, &format!("{{{id}}}"), &format!("urn:uuid:{id}"), &format!(" {id}")]
        {
            assert!(other.parse::<Id>().is_err(), "{other}");
        }
    }
}
