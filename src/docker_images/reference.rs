//! How container registries name images: the grammar of
//! <https://github.com/distribution/reference>, and digests by OCI's image specification.
//! `app.is_image_name`, `app.is_image_tag` and `app.is_image_digest` in the migrations say the same.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error};
use utoipa::ToSchema;

use crate::api::text::length;

/// A registry, or a repository in one: `ghcr.io/acme/imagenet`, `localhost:5000/imagenet`,
/// `acme/imagenet`; `https://` may stand before it.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 263, pattern = r"^((https://)?(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)(:[0-9]+)?|[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$", example = "ghcr.io/acme/imagenet-loader")]
pub struct ImageName(String);

impl ImageName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        length(text, 1, 263)?;
        let (name, has_scheme) = match text.strip_prefix("https://") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let mut components = name.split('/');
        let first = components.next().unwrap_or_default();
        let well_formed = (is_domain(first) || (!has_scheme && is_path_component(first)))
            && components.all(is_path_component);
        if !well_formed {
            return Err(
                "Must be a registry or a repository in one, as registry.example.org:5000/team/name, in lower case, without credentials, tag (image_tag) and digest (image_digest)."
                    .into(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for ImageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// `domain := host [":" port]`
fn is_domain(text: &str) -> bool {
    // The brackets around an IPv6 address have colons inside.
    let (host, port) = match text.rfind(']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_address =
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|address| {
            let digits = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
            !address.is_empty() && address.bytes().all(digits)
        });
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    (is_address || host.split('.').all(is_domain_component)) && is_port
}

fn is_domain_component(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(is_inner)
}

/// `path-component := alpha-numeric [separator alpha-numeric]*`, where a separator is a dot, one
/// or two underscores, or any number of hyphens.
fn is_path_component(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separators = text.split(is_plain).filter(|part| !part.is_empty());
    text.starts_with(is_plain)
        && text.ends_with(is_plain)
        && separators
            .all(|part| matches!(part, "." | "_" | "__") || part.bytes().all(|byte| byte == b'-'))
}

/// A tag: letters, digits, `_`, `.` and `-`, at most 128, the first neither `.` nor `-`.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", example = "v1.0.0")]
pub struct ImageTag(String);

impl ImageTag {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        length(text, 1, 128)?;
        let is_inner =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if text.starts_with(['.', '-']) || !text.bytes().all(is_inner) {
            return Err(
                "Must have only letters, digits, _ . and -, and begin with neither . nor -; a digest is image_digest."
                    .into(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for ImageTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// The digest of an image, of an algorithm that OCI's image specification registers.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 71, max_length = 135, pattern = "^((sha256|blake3):[0-9a-f]{64}|sha512:[0-9a-f]{128})$", example = "sha256:9b2a9a1c3c5bbd0c9e5b5a2d35fbd4ea1b1d6a4c4ff1e0f2b2ab3e7c9d7d1f00")]
pub struct ImageDigest(String);

impl ImageDigest {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let digits = match text.split_once(':') {
            Some(("sha256" | "blake3", hex)) if hex.len() == 64 => hex,
            Some(("sha512", hex)) if hex.len() == 128 => hex,
            _ => "",
        };
        if digits.is_empty()
            || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(
                "Must be sha256: or blake3: and 64, or sha512: and 128 of the digits 0 to 9 and a to f."
                    .into(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for ImageDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}
