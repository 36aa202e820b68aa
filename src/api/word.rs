//! Words of an enumeration, in bodies and query strings, by the names that serde gives them.

use std::str::FromStr;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};

/// One word of the enumeration `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: DeserializeOwned> FromStr for Word<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let deserializer: StrDeserializer<'_, Error> = text.into_deserializer();
        // serde's own message lists the words there are: "unknown variant `x`, expected `a` or `b`".
        T::deserialize(deserializer).map(Self).map_err(|error| {
            let message = error.to_string();
            match message.split_once(", expected ") {
                Some((_, words)) => format!("Must be {words}."),
                None => format!("{message}."),
            }
        })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Word<T> {
    // serde itself would take `{"word": null}` for the word as well.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
