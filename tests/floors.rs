//! The plan of the house: every import in `src/` goes down, and none goes in a circle.
//!
//! A module stands on one floor, and uses what stands below it or beside it. What is wanted from
//! above belongs further down, or whoever wants it further up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/`, lowest floor first.
const FLOORS: &[&[&str]] = &[
    &["config"],
    &["telemetry"],
    &["api"],
    &["perimeter"],
    &["auth"],
    &["db"],
    &["resource"],
    &["engine"],
    &["audit", "sessions", "versions"],
    &["aliases", "filter"],
    &[
        "api_keys",
        "blocks",
        "changes",
        "code_repos",
        "dependencies",
        "docker_images",
        "edges",
        "embeddings",
        "locks",
        "pipelines",
        "runs",
        "service",
        "taxonomy",
        "users",
        "vectors",
        "verifications",
        "development",
        "owner",
    ],
    &["lineage", "preview", "search"],
    &["registry_file"],
    &["document"],
    &["console"],
    &["server"],
    &["cli"],
    &["lib", "main"],
];

/// That a file names something of another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    line: usize,
    to: String,
    /// What is named, from the root of the crate.
    path: Vec<String>,
}

/// Files by their module path (`blocks::queries`; the root is empty), without those of unit tests.
struct House {
    files: BTreeMap<Vec<String>, String>,
}

impl House {
    fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![PathBuf::from(root)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let inside = path.strip_prefix(root).unwrap().with_extension("");
                    let mut module: Vec<String> = inside
                        .components()
                        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
                        .collect();
                    if module.last().is_some_and(|name| name == "mod") {
                        module.pop();
                    }
                    if module.last().is_none_or(|name| name != "tests") {
                        files.insert(module, fs::read_to_string(&path).unwrap());
                    }
                }
            }
        }
        Self { files }
    }

    /// Every arrow between two files.
    fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (module, text) in &self.files {
            for (line, path) in paths(text, module) {
                let Some(to) = self.home(&path) else { continue };
                if to != module.as_slice() {
                    arrows.push(Arrow { from: module.join("::"), line, to: to.join("::"), path });
                }
            }
        }
        arrows.sort();
        arrows.dedup();
        arrows
    }

    /// The file in which what a path names is written.
    fn home<'a>(&self, path: &'a [String]) -> Option<&'a [String]> {
        (1..=path.len())
            .rev()
            .map(|length| &path[..length])
            .find(|module| self.files.contains_key(*module))
    }
}

/// The paths of this crate that a file names, each with its line, from the root of the crate.
fn paths(text: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for (word, base) in
        [("crate::", Vec::new()), ("super::", parent(module)), ("use ", module.to_vec())]
    {
        for (at, _) in code.match_indices(word) {
            let before = code[..at].chars().next_back();
            if before
                .is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':')
            {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            let rest = &code[at + word.len()..];
            if word == "use "
                && ["crate::", "super::", "std::"].iter().any(|root| rest.starts_with(root))
            {
                continue;
            }
            let mut tree = Tree { rest, base: base.clone(), found: Vec::new() };
            tree.read();
            found.extend(tree.found.into_iter().map(|path| (line, path)));
        }
    }
    found
}

/// What `super` is. A file is a module, whether it is called after itself or `mod.rs`.
fn parent(module: &[String]) -> Vec<String> {
    module.split_last().map(|(_, above)| above.to_vec()).unwrap_or_default()
}

/// A path, with or without braces: `a::{b, c::d}`.
struct Tree<'a> {
    rest: &'a str,
    base: Vec<String>,
    found: Vec<Vec<String>>,
}

impl Tree<'_> {
    fn read(&mut self) {
        let depth = self.base.len();
        loop {
            self.rest = self.rest.trim_start();
            if let Some(inside) = self.rest.strip_prefix('{') {
                self.rest = inside;
                while !self.rest.is_empty() && !self.rest.starts_with('}') {
                    self.read();
                    self.rest = self.rest.trim_start().trim_start_matches(',').trim_start();
                }
                self.rest = self.rest.strip_prefix('}').unwrap_or_default();
                break;
            }
            let name = self
                .rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default();
            self.rest = &self.rest[name.len()..];
            match name {
                "" => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    break;
                }
                "super" => drop(self.base.pop()),
                "self" => {}
                name => self.base.push(name.to_owned()),
            }
            if let Some(further) = self.rest.strip_prefix("::") {
                self.rest = further;
                continue;
            }
            if let Some(renamed) = self.rest.trim_start().strip_prefix("as ") {
                self.rest = renamed.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
            }
            self.found.push(self.base.clone());
            break;
        }
        self.base.truncate(depth);
    }
}

fn floor_of(module: &str) -> Option<usize> {
    let room = module.split("::").next().filter(|room| !room.is_empty()).unwrap_or("lib");
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// The groups of names that reach one another.
fn circles(arrows: &BTreeSet<(String, String)>) -> Vec<BTreeSet<String>> {
    let mut beyond: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in arrows {
        beyond.entry(from).or_default().insert(to);
    }
    let reach = |start: &str| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = beyond.get(start).into_iter().flatten().copied().collect();
        while let Some(name) = next.pop() {
            if seen.insert(name.to_owned()) {
                next.extend(beyond.get(name).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        beyond.keys().map(|name| (*name, reach(name))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (name, seen) in &reached {
        if seen.contains(*name) && !found.iter().any(|circle| circle.contains(*name)) {
            found.push(
                seen.iter()
                    .filter(|other| {
                        reached.get(other.as_str()).is_some_and(|back| back.contains(*name))
                    })
                    .cloned()
                    .collect(),
            );
        }
    }
    found
}

fn house() -> House {
    House::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn every_module_has_its_floor() {
    let house = house();
    let homeless: BTreeSet<&String> = house
        .files
        .keys()
        .filter_map(|module| module.first())
        .filter(|room| floor_of(room).is_none())
        .collect();
    assert!(homeless.is_empty(), "on no floor of {}: {homeless:?}", file!());
    for room in FLOORS.iter().copied().flatten() {
        let known =
            house.files.keys().any(|module| module.first().is_some_and(|first| first == room));
        assert!(known, "there is no src/{room}, though {} gives it a floor", file!());
    }
}

#[test]
fn every_import_goes_down() {
    let upward: Vec<String> = house()
        .arrows()
        .into_iter()
        .filter(|arrow| floor_of(&arrow.from) < floor_of(&arrow.to))
        .map(|Arrow { from, line, to, path }| {
            let room = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
            format!(
                "{from}, line {line}: uses {} of `{}`, which stands above `{}`: it belongs in `{}` or \
                 below, or what uses it in `{}` or above",
                path.join("::"),
                room(&to),
                room(&from),
                room(&from),
                room(&to),
            )
        })
        .collect();
    assert!(upward.is_empty(), "{} imports go up:\n{}", upward.len(), upward.join("\n"));
}

#[test]
fn no_import_goes_in_a_circle() {
    let arrows = house().arrows();
    let mut found = Vec::new();
    let room = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let rooms = arrows
        .iter()
        .map(|arrow| (room(&arrow.from), room(&arrow.to)))
        .filter(|(from, to)| from != to)
        .collect();
    found.extend(circles(&rooms));
    let files = arrows.iter().map(|arrow| (arrow.from.clone(), arrow.to.clone())).collect();
    found.extend(circles(&files));
    let told: Vec<String> = found
        .iter()
        .map(|circle| {
            let lines: Vec<String> = arrows
                .iter()
                .filter(|arrow| circle.contains(&arrow.from) && circle.contains(&arrow.to))
                .map(|arrow| {
                    format!("  {}, line {}: {}", arrow.from, arrow.line, arrow.path.join("::"))
                })
                .collect();
            format!("{circle:?}\n{}", lines.join("\n"))
        })
        .collect();
    assert!(
        told.is_empty(),
        "{} circles; what two of them want of each other belongs in a third, below both:\n{}",
        told.len(),
        told.join("\n")
    );
}

#[test]
fn paths_are_read_with_their_braces() {
    let module = ["blocks".to_owned(), "queries".to_owned()];
    let text = "use super::{Block, routes::BlockList};\n\
                use crate::api::{\n    etag::IfMatch,\n    page::{Cursor as Place, Page},\n};\n\
                // use crate::cli;\n\
                fn f() -> crate::db::Scope {}\n";
    let read: Vec<String> = paths(text, &module)
        .iter()
        .map(|(line, path)| format!("{line} {}", path.join("::")))
        .collect();
    assert_eq!(
        read,
        [
            "2 api::etag::IfMatch",
            "2 api::page::Cursor",
            "2 api::page::Page",
            "7 db::Scope",
            "1 blocks::Block",
            "1 blocks::routes::BlockList",
        ]
    );
}
