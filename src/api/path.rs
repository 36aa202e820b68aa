//! What a path names.

use std::fmt;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::error::PathError;
use actix_web::web::PathConfig;
use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::ToSchema;
use uuid::Uuid;

use super::id::Id;
use super::name;
use super::problem::Problem;

/// What stands for itself in a segment of a path (RFC 3986, `unreserved`).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of these segments, each percent-encoded, so that it stays the one segment that it is
/// whatever it consists of. Every address that the service gives is made here.
pub fn of(segments: &[&dyn fmt::Display]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(&segment.to_string(), RESERVED));
    }
    path
}

/// A path as it came, which clients may have encoded more or less than needed, in the form of
/// [`of`].
pub fn normalized(path: &str) -> String {
    let mut normalized = String::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            normalized.push('/');
        }
        let bytes: Vec<u8> = percent_decode_str(segment).collect();
        normalized.extend(percent_encode(&bytes, RESERVED));
    }
    normalized
}

/// An id or a name in whatever form it was sent, in a path, a parameter or a body. Which of the two
/// it is, `app.find_id` in the database decides, and whose name, `app.name_key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 1000, example = "imagenet-1k")]
pub struct Reference(String);

impl Reference {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id, if it is one (as `app.is_uuid` sees it): statements that are asked for most take it
    /// as it is and spare the database the question.
    pub fn id(&self) -> Option<Uuid> {
        self.0.parse().ok().map(|Id(id)| id)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Uuid> for Reference {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl FromStr for Reference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reference = name::tidy(text);
        // Nothing has such a name, and PostgreSQL would not take it for a text.
        if reference.is_empty()
            || reference.chars().count() > 1000
            || reference.chars().any(char::is_control)
        {
            return Err("Is neither an id nor a name.");
        }
        Ok(Self(reference))
    }
}

/// A path that names nothing readable is a thing that is not there.
pub fn config() -> PathConfig {
    PathConfig::default()
        .error_handler(|_: PathError, _: &HttpRequest| Problem::not_found("Resource").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(of(&[&"blocks", &"../a b"]), "/blocks/..%2Fa%20b");
        assert_eq!(of(&[&"é", &"%2F?#;"]), "/%C3%A9/%252F%3F%23%3B");
        assert_eq!(normalized("/a%2fb/c\"d/%7e"), "/a%2Fb/c%22d/~");
        assert_eq!(normalized(&of(&[&"a/b%", &"<ü>"])), of(&[&"a/b%", &"<ü>"]));
    }
}
