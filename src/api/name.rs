//! What a name is, and when two are the same. Unicode's own properties say so, here and in the
//! database (`app.is_name`, `app.tidy`, `app.name_key` in `migrations/0001_ground.sql`, whose sets
//! are generated from what stands here and held equal by `tests/schema/names.rs`).

use std::borrow::Cow;
use std::sync::LazyLock;

use icu_casemap::CaseMapper;
use regex::{Regex, RegexSet};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::id::Id;
use super::text::length;

/// The characters that no name has: each a class of Unicode, and what is wrong with it.
///
/// The last one makes that Rust and every PostgreSQL from 15 on see the same text. How a text is
/// normalized is settled for characters that Unicode knows, and PostgreSQL 15 knows those of Unicode
/// 14. Newer symbols, numbers and ideographs may come along, for they never join with what stands
/// beside them.
pub const UNFIT: [(&str, &str); 8] = [
    (r"\p{Cc}", "it is a control character"),
    (r"[\p{Zl}\p{Zp}]", "it ends a line"),
    (r"\p{Noncharacter_Code_Point}", "Unicode has set it aside as no character"),
    // Bytes of a path or a query that are no UTF-8 are read as this one.
    (r"\x{FFFD}", "it stands for what could not be read"),
    (r"\p{Bidi_Control}", "it is invisible and turns the text around it"),
    (r"\p{Default_Ignorable_Code_Point}", "it is invisible"),
    (
        r"[\p{Cf}--\p{Prepended_Concatenation_Mark}]",
        "it is invisible and formats the text around it",
    ),
    (
        r"[^\p{Age:14.0}[\p{Age:16.0}&&[\p{So}\p{N}\p{Han}]]]",
        "no character, or a letter or mark that Unicode has only since version 15",
    ),
];

/// The characters that a username has: letters with their marks, numbers, and three more.
pub const OF_USERNAMES: &str = r"[\p{L}\p{M}\p{N}._-]";

/// A text as it is stored and compared: trimmed of white space, Unicode NFC (`app.tidy`).
pub fn tidy(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

/// What two names have in common when they are the same but for their case: canonical caseless
/// matching, by the full case folding (`app.name_key`; Unicode, section 3.13, D145).
pub fn key(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed: String = text.nfd().collect();
    CaseMapper::new().fold_string(&decomposed).nfc().collect()
}

/// What is wrong with the first character of a text that no name may have, as a sentence.
pub fn unfit(text: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "a test compiles them")]
    static CLASSES: LazyLock<RegexSet> =
        LazyLock::new(|| RegexSet::new(UNFIT.map(|(class, _)| class)).unwrap());
    if text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return None;
    }
    text.chars().zip(1..).find_map(|(character, at)| {
        let class = CLASSES.matches(character.encode_utf8(&mut [0; 4])).iter().next()?;
        let code = u32::from(character);
        Some(format!(
            "Must not have U+{code:04X}, which is its character {at}: {}.",
            UNFIT[class].1
        ))
    })
}

/// Whether all of it is what usernames are made of.
pub fn is_of_usernames(text: &str) -> bool {
    #[expect(clippy::unwrap_used, reason = "a test compiles it")]
    static WHOLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!("^{OF_USERNAMES}*$")).unwrap());
    WHOLE.is_match(text)
}

/// Whether a text has the form of an id (`app.is_uuid`). The other forms of a UUID have other
/// lengths, and may be names.
pub fn is_id(text: &str) -> bool {
    text.parse::<Id>().is_ok()
}

/// What may name a block, an edge, a pipeline, a category or a key: 1 to 200 characters, trimmed,
/// Unicode NFC, nothing invisible, not in the form of a UUID, and nothing that a path loses, such
/// as `..` (`app.is_name`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 200, pattern = r"\S", example = "imagenet-1k")]
pub struct Name(String);

impl Name {
    /// Reads a name in whatever form it was sent.
    ///
    /// # Errors
    /// A sentence for the client: what is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let name = tidy(text);
        length(&name, 1, 200)?;
        if let Some(refusal) = unfit(&name) {
            return Err(refusal.into());
        }
        if is_lost_in_a_path(&name) {
            let refusal =
                format!("Must not be `{name}`: in a path that is a direction, not a name.");
            return Err(refusal.into());
        }
        if is_id(&name) {
            return Err("Must not look like an id.".into());
        }
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// A text of at most `MAX` characters, made tidy: what somebody is called, in whatever form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tidy<const MAX: usize>(String);

impl<const MAX: usize> Tidy<MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Tidy<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = tidy(&String::deserialize(deserializer)?);
        length(&text, 0, MAX).map_err(D::Error::custom)?;
        if text.contains('\0') {
            return Err(D::Error::custom("Must not have null characters."));
        }
        Ok(Self(text))
    }
}

/// `.` and `..`, which RFC 3986 and browsers take out of a path, also where they are written `%2e`.
fn is_lost_in_a_path(name: &str) -> bool {
    name.len() <= 6 && matches!(&*name.to_ascii_lowercase().replace("%2e", "."), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_character_and_why() {
        for (name, refusal) in [
            ("", "Must not be empty."),
            (" \u{3000}\n", "Must not be empty."),
            ("a\tb", "Must not have U+0009, which is its character 2: it is a control character."),
            ("llama\u{200B}-x", "Must not have U+200B, which is its character 6: it is invisible."),
            ("..", "Must not be `..`: in a path that is a direction, not a name."),
            (".%2E", "Must not be `.%2E`: in a path that is a direction, not a name."),
            ("01a20575-84d9-79db-a493-fbb455308177", "Must not look like an id."),
        ] {
            let refused = Name::parse(name).expect_err(name);
            assert_eq!(refused, refusal);
        }
        let long = "n".repeat(201);
        assert_eq!(
            Name::parse(&long).expect_err("too long"),
            "Must have at most 200 characters; it has 201."
        );
    }

    #[test]
    fn names_are_the_same_without_regard_to_case_and_form() {
        for (one, other) in [
            ("Llama", "lLAMA"),
            ("cafe\u{301}-x", " CAF\u{C9}-X\u{A0}"),
            ("straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("ﬁle", "FILE"),
            ("Ꭰ", "ꭰ"),
            ("\u{212A}", "k"),
        ] {
            assert_eq!(key(one), key(other));
        }
        for (one, other) in [("i", "ı"), ("İ", "i"), ("a b", "ab"), ("ａ", "a")] {
            assert_ne!(key(one), key(other));
        }
    }
}
