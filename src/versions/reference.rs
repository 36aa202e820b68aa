//! How a version is named: by its number, as `latest` or `active`, or by an alias.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A movable name for a version: neither `latest` nor `active` (`app.is_alias`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^([a-uw-z][a-z0-9_-]{0,62}|v([a-z_-][a-z0-9_-]{0,61})?)$", example = "champion")]
pub struct AliasName(String);

impl AliasName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AliasName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() <= 63
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        let is_number = text
            .strip_prefix('v')
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        if !fits || is_number || matches!(text, "latest" | "active") {
            return Err("Must be 1 to 63 small letters, digits, `_` and `-`, a letter first, and \
                        neither latest, active nor v with a digit behind it.");
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for AliasName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which version: its number, `latest`, `active` or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    Number(i32),
    Latest,
    Active,
    Alias(AliasName),
}

/// Which version: its number, `latest`, `active` or an alias.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^([1-9][0-9]{0,8}|[a-uw-z][a-z0-9_-]{0,62}|v([a-z_-][a-z0-9_-]{0,61})?)$", example = "latest")]
#[allow(dead_code, reason = "the document only")]
pub struct VersionReference(String);

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "latest" => return Ok(Self::Latest),
            "active" => return Ok(Self::Active),
            _ => {}
        }
        if let Ok(alias) = text.parse() {
            return Ok(Self::Alias(alias));
        }
        Some(text)
            .filter(|text| text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .filter(|text| !text.starts_with('0'))
            .and_then(|text| text.parse().ok())
            .map(Self::Number)
            .ok_or("Must be the number of a version, latest, active or an alias.")
    }
}

/// As it is written, which is how `app.find_version` in the database takes it.
impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Latest => f.write_str("latest"),
            Self::Active => f.write_str("active"),
            Self::Alias(alias) => f.write_str(alias.as_str()),
        }
    }
}
