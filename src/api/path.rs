//! What a path names.

use std::fmt;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::error::PathError;
use actix_web::web::PathConfig;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::Problem;

/// An id or a name, in a path, a parameter or a body. Which of the two it is, `app.find_id` in the database decides.
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
        // The other forms of a UUID have other lengths, and may be names.
        (self.0.len() == 36).then(|| Uuid::try_parse(&self.0).ok()).flatten()
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
        // Nothing has such a name, and PostgreSQL would not take it for a text.
        if text.is_empty() || text.chars().any(char::is_control) || text.chars().count() > 1000 {
            return Err("Is neither an id nor a name.");
        }
        Ok(Self(text.to_owned()))
    }
}

/// A path that names nothing readable is a thing that is not there.
pub fn config() -> PathConfig {
    PathConfig::default()
        .error_handler(|_: PathError, _: &HttpRequest| Problem::not_found("Resource").into())
}
