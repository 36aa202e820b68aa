//! The names that Git gives: of repositories and of branches. `app.is_repo_url` and
//! `app.is_branch` in the migrations say the same.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error};
use utoipa::ToSchema;

use crate::api::text::length;

/// `https://host/path`, `ssh://user@host/path` or `git@host:path`, at most 2,000 characters. No
/// password, no token, no query: everybody who reads the registry would read them.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 2000, pattern = r"^(https://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+|ssh://([A-Za-z0-9_][A-Za-z0-9._-]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+|git@[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?:[A-Za-z0-9._~!$&'()*+,;=@%/][A-Za-z0-9._~!$&'()*+,;=:@%/-]*)$", example = "https://github.com/acme/imagenet-loader")]
pub struct RepoUrl(String);

impl RepoUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        length(text, 1, 2000)?;
        let well_formed = if let Some(rest) = text.strip_prefix("https://") {
            if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
                return Err("Must not have credentials.".into());
            }
            is_host_and_path(rest)
        } else if let Some(rest) = text.strip_prefix("ssh://") {
            let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
            match authority.split_once('@') {
                Some((user, _)) if user.contains(':') => {
                    return Err("Must not have credentials.".into());
                }
                Some((user, _)) => is_user(user) && is_host_and_path(&rest[user.len() + 1..]),
                None => is_host_and_path(rest),
            }
        } else if let Some(rest) = text.strip_prefix("git@") {
            rest.split_once(':').is_some_and(|(host, path)| {
                is_host_name(host) && !path.starts_with(['-', ':']) && is_path(path)
            })
        } else {
            false
        };
        if !well_formed {
            return Err(
                "Must be https://host/path, ssh://user@host/path or git@host:path, without query, fragment or spaces."
                    .into(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for RepoUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// `host[:port]/path`
fn is_host_and_path(text: &str) -> bool {
    let Some((authority, path)) = text.split_once('/') else {
        return false;
    };
    // The brackets around an IPv6 address have colons inside.
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_address =
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|address| {
            let digits = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            !address.is_empty() && address.bytes().all(digits)
        });
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
        });
    (is_address || is_host_name(host)) && is_port && is_path(path)
}

fn is_host_name(host: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    ends(host.as_bytes().first())
        && ends(host.as_bytes().last())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_user(user: &str) -> bool {
    !user.is_empty()
        && !user.starts_with(['.', '-'])
        && user
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// RFC 3986 §3.3: what a path may have in it.
fn is_path(path: &str) -> bool {
    !path.is_empty()
        && path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~!$&'()*+,;=:@%/-".contains(&byte))
}

/// A branch, by the rules of `git check-ref-format --branch`; at most 255 characters.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 255, example = "main")]
pub struct Branch(String);

impl Branch {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        length(text, 1, 255)?;
        let forbidden = |c: char| c <= ' ' || c == '\u{7F}' || "~^:?*[\\".contains(c);
        if text.contains(forbidden) {
            return Err("Must not have spaces, control characters or any of ~ ^ : ? * [ \\.".into());
        }
        if text.contains("..") || text.contains("@{") || matches!(text, "@" | "HEAD") {
            return Err("Must not have .. or @{ in it, nor be @ or HEAD.".into());
        }
        if text.starts_with('-') || text.ends_with('.') {
            return Err("Must not begin with - or end with a dot.".into());
        }
        let unfit = |part: &str| {
            part.is_empty() || part.starts_with('.') || part.strip_suffix(".lock").is_some()
        };
        if text.split('/').any(unfit) {
            return Err(
                "Between slashes there must be something that neither begins with a dot nor ends with .lock."
                    .into(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Branch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}
