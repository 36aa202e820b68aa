//! Repositories of code that a source names, as they may stand in a registry.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::report::Report;
use crate::code_repos::{Branch, RepoUrl};

/// A repository of a version of a thing; `None` when its address may not stand here, which is told
/// without it.
pub(super) fn repo(
    url: &str,
    branch: Option<&str>,
    (name, version): (&str, Option<&str>),
    report: &mut Report,
) -> Option<Value> {
    let mut repo = json!({ "repo_url": url });
    if let Err(why) = fits::<RepoUrl>(url) {
        report.left_out("repository of", name, version, why);
        return None;
    }
    if let Some(branch) = branch {
        match fits::<Branch>(branch) {
            Ok(()) => repo["branch"] = branch.into(),
            Err(why) => report.left_out("branch of", name, version, why),
        }
    }
    Some(repo)
}

fn fits<T: DeserializeOwned>(text: &str) -> Result<(), String> {
    serde_json::from_value::<T>(text.into()).map(drop).map_err(|error| error.to_string())
}

/// An address as it may be told: without who asks and what they know. A query and a fragment may be
/// secrets as well.
pub(super) fn without_secrets(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        // `git@host:path` is nobody's secret, `name:word@host` is.
        return match address.rsplit_once('@') {
            Some((before, after)) if before.contains(':') => after.to_owned(),
            _ => address.to_owned(),
        };
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    match user.split(':').next() {
        Some(user) if scheme == "ssh" && !user.is_empty() => {
            format!("{scheme}://{user}@{host}{path}")
        }
        _ => format!("{scheme}://{host}{path}"),
    }
}

/// What two addresses of one repository have in common: host and path.
pub(super) fn place(address: &str) -> String {
    let address = without_secrets(address);
    let place = match address.split_once("://") {
        Some((_, rest)) => rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).to_owned(),
        None => address.rsplit_once('@').map_or(&*address, |(_, it)| it).replacen(':', "/", 1),
    };
    let place = place.trim_end_matches('/');
    place.strip_suffix(".git").unwrap_or(place).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_no_secrets() {
        for (address, told) in [
            ("https://github.com/acme/x.git", "https://github.com/acme/x.git"),
            ("https://ada:word@github.com/acme/x", "https://github.com/acme/x"),
            ("https://ghp_token@github.com/a@b/x", "https://github.com/a@b/x"),
            ("https://h/x?sig=secret#y", "https://h/x"),
            ("https://ada:p@ss@h/x", "https://h/x"),
            ("https://ada:word@h", "https://h"),
            ("ssh://git:word@h/x", "ssh://git@h/x"),
            ("git@h:x", "git@h:x"),
            ("ada:word@h:x", "h:x"),
            ("/srv/x", "/srv/x"),
        ] {
            assert_eq!(without_secrets(address), told);
        }
    }

    #[test]
    fn a_repository_is_one_by_whatever_way() {
        for address in [
            "https://github.com/acme/x.git",
            "https://ada:word@github.com/acme/x/",
            "ssh://git@github.com/acme/x.git",
            "git@github.com:acme/x.git",
        ] {
            assert_eq!(place(address), "github.com/acme/x", "{address}");
        }
        assert_eq!(place("/srv/x.git"), "/srv/x");
    }
}
