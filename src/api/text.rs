//! Texts that may be stored: the same rules as the constraints in `migrations/`, so that a
//! request hears of all its faults at once.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

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
