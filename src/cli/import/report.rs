//! What an import has done, and what it has not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::file::plain;

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub source: String,
    /// What the source has, of what was asked for.
    pub found: Count,
    /// What the registry had of it.
    pub present: Count,
    /// What has come, or would.
    pub imported: Count,
    pub aliases_changed: usize,
    /// Nothing was written.
    pub is_dry_run: bool,
    /// Numbers that the source has given away no more: versions that were deleted there.
    pub gaps: Vec<Gap>,
    /// What has not come over, each with its reason.
    pub left_out: Vec<LeftOut>,
    /// Members of the source's answers that are not known here, and how often they were there.
    pub unknown_members: BTreeMap<String, usize>,
    /// What no import from there brings.
    pub never_carried: &'static [&'static str],
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Count {
    pub things: usize,
    pub versions: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Gap {
    pub name: String,
    pub missing: Vec<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    pub what: &'static str,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub why: String,
}

impl Report {
    pub fn left_out(
        &mut self,
        what: &'static str,
        name: &str,
        version: Option<&str>,
        why: impl Into<String>,
    ) {
        let (name, version) = (name.to_owned(), version.map(str::to_owned));
        self.left_out.push(LeftOut { what, name, version, why: why.into() });
    }

    /// Notes the members of an object that are not known.
    pub fn unknown(&mut self, what: &str, members: impl IntoIterator<Item = String>) {
        for member in members {
            *self.unknown_members.entry(format!("{what}.{member}")).or_default() += 1;
        }
    }

    pub fn text(&self) -> String {
        let Count { things, versions } = self.imported;
        let would = if self.is_dry_run { "would come" } else { "imported" };
        let mut text = format!(
            "{would}: {versions} versions, {things} new blocks, {} aliases; the registry had {} of the source's {} versions\n",
            self.aliases_changed, self.present.versions, self.found.versions,
        );
        for Gap { name, missing } in &self.gaps {
            let missing: Vec<String> = missing.iter().map(u64::to_string).collect();
            let _ = writeln!(text, "gap: {} has no version {}", plain(name), missing.join(", "));
        }
        for LeftOut { what, name, version, why } in &self.left_out {
            let version = version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "left out: {what} {}{}: {}",
                plain(name),
                plain(&version),
                plain(why)
            );
        }
        for (member, times) in &self.unknown_members {
            let _ = writeln!(text, "not known, left out: {} ({times} times)", plain(member));
        }
        if !self.never_carried.is_empty() {
            let _ = writeln!(text, "never carried over: {}", self.never_carried.join("; "));
        }
        text
    }
}
