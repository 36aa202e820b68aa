//! Texts that may be stored: the same rules as the constraints in `migrations/`, so that a
//! request hears of all its faults at once.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

/// What may name a block, an edge, a pipeline, a category or a key: 1 to 200 characters,
/// trimmed, Unicode NFC, nothing invisible, not in the form of a UUID (`app.is_name`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 200, pattern = r"\S", example = "imagenet-1k")]
pub struct Name(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let name: String = text.trim().nfc().collect();
        length(&name, 1, 200)?;
        if name.chars().any(is_invisible) {
            return Err("Must not have control or invisible characters.".into());
        }
        if name.len() == 36 && Uuid::try_parse(&name).is_ok() {
            return Err("Must not look like an id.".into());
        }
        Ok(Self(name))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// Free text of at most `MAX` characters; no null character, which PostgreSQL cannot store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text<const MAX: usize>(String);

/// What a thing is for: at most 10,000 characters.
pub type Description = Text<10_000>;

impl<const MAX: usize> Text<MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        length(&text, 0, MAX).map_err(D::Error::custom)?;
        if text.contains('\0') {
            return Err(D::Error::custom("Must not have null characters."));
        }
        Ok(Self(text))
    }
}

/// One line of 1 to `MAX` characters, trimmed, without control characters (`app.is_line`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Line<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let line = text.trim();
        length(line, 1, MAX).map_err(D::Error::custom)?;
        if line.chars().any(char::is_control) {
            return Err(D::Error::custom("Must not have control characters."));
        }
        Ok(Self(line.to_owned()))
    }
}

/// Checks a length in characters.
///
/// # Errors
/// A sentence for the client.
pub fn length(text: &str, min: usize, max: usize) -> Result<(), Cow<'static, str>> {
    let characters = text.chars().count();
    if characters < min {
        return Err(match min {
            1 => "Must not be empty.".into(),
            _ => format!("Must have at least {min} characters.").into(),
        });
    }
    if characters > max {
        return Err(format!("Must have at most {max} characters; it has {characters}.").into());
    }
    Ok(())
}

/// Controls, zero-width and bidirectional marks: two names that look alike.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}
