//! Words of an enumeration in query strings, by the names that serde gives them.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

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
