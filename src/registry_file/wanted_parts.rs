//! The lists of a block or an edge of the file, beside what is there of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::given::Versioned;
use super::given_category::CategoryPath;
use super::given_parts::{DependsOn, Entry, FileDependency, FileFilter, Part};
use super::parts::Member;
use super::wanted::{Looking, Planned};
use super::{Kind, at, parts};
use crate::api::fields::Patch;
use crate::api::name;
use crate::docker_images::ImageDigest;

impl<'a> Looking<'_, 'a> {
    pub fn parts(&mut self, planned: &mut Planned<'a>, it: &'a Versioned) {
        for (place, path) in it.categories.iter().flatten().enumerate() {
            let within = format!("/categories/{place}");
            if let Some(path) = self.known(Kind::Taxonomy, path.key(), &within) {
                planned.wanted.insert(at(&["categories", &path]), Some(path.into()));
            }
        }
        self.dependencies(planned, it);
        for (place, repo) in it.code_repos.iter().flatten().enumerate() {
            let branch = repo.branch.as_ref().map_or("main", |branch| branch.as_str());
            let member = parts::code_repo(repo.repo_url.as_str(), branch);
            self.note(planned, &format!("/code_repos/{place}"), member, Part::CodeRepo(repo));
        }
        for (place, image) in it.docker_images.iter().flatten().enumerate() {
            let (name, tag) = (image.registry_url.as_str(), image.image_tag.as_str());
            let (pointer, value) = parts::image(name, tag, None);
            let digest = match image.image_digest.assignment() {
                (true, digest) => digest.map(|digest| ImageDigest::as_str(digest).to_owned()),
                (false, _) => planned
                    .now(&pointer)
                    .and_then(|now| now["image_digest"].as_str())
                    .map(str::to_owned),
            };
            let member = match digest {
                Some(digest) => parts::image(name, tag, Some(&digest)),
                None => (pointer, value),
            };
            self.note(planned, &format!("/docker_images/{place}"), member, Part::Image(image));
        }
        for (place, vector) in it.vectors.iter().flatten().enumerate() {
            let within = format!("/vectors/{place}");
            let (vector_db, key) = (vector.vector_db.as_str(), vector.vector_key.as_str());
            let (pointer, _) = parts::vector(vector_db, key, None);
            let filter = match &vector.taxonomy_filter {
                Patch::Set(filter) => Some(self.filter(filter, &within)),
                Patch::Clear => None,
                Patch::Keep => {
                    planned.now(&pointer).and_then(|now| now.get("taxonomy_filter")).cloned()
                }
            };
            let member = parts::vector(vector_db, key, filter);
            self.note(planned, &within, member, Part::Vector(vector));
        }
    }

    fn note(
        &mut self,
        planned: &mut Planned<'a>,
        within: &str,
        (pointer, value): Member,
        part: Part<'a>,
    ) {
        let entry = Entry { pointer: within.to_owned(), part };
        if planned.parts.insert(pointer.clone(), entry).is_some() {
            self.fault(within, "Is in the list already.");
        }
        planned.wanted.insert(pointer, Some(value));
    }

    fn dependencies(&mut self, planned: &mut Planned<'a>, it: &'a Versioned) {
        let mut outside = Vec::new();
        for (place, dependency) in it.dependencies.iter().flatten().enumerate() {
            let within = format!("/dependencies/{place}");
            match &dependency.on {
                DependsOn::External => outside.push((within, dependency)),
                DependsOn::Internal(kind, name) => {
                    let key = name::key(name.as_str());
                    let Some(name) = self.known((*kind).into(), key, &within) else { continue };
                    let (detail, constraint) = said(dependency);
                    let member = parts::dependency(Some(*kind), &name, 0, detail, constraint);
                    self.note(planned, &within, member, Part::Dependency(dependency));
                }
            }
        }
        let mut there = Outside::of(planned);
        let mut others = Vec::new();
        for (within, dependency) in outside {
            match there.same(dependency) {
                Some(pointer) => outside_noted(planned, pointer, within, dependency),
                None => others.push((within, dependency)),
            }
        }
        for (within, dependency) in others {
            let pointer = there.another(dependency);
            outside_noted(planned, pointer, within, dependency);
        }
    }

    fn filter(&mut self, given: &FileFilter, within: &str) -> Value {
        let mut lists: [Vec<String>; 3] = Default::default();
        for ((word, list), paths) in FileFilter::LISTS.iter().zip(&given.lists).zip(&mut lists) {
            for (place, path) in list.iter().enumerate() {
                let within = format!("{within}/taxonomy_filter/{word}/{place}");
                paths.extend(self.known(Kind::Taxonomy, CategoryPath::key(path), &within));
            }
        }
        parts::filter(lists, given.recursive)
    }
}

/// Detail and constraint.
fn said(dependency: &FileDependency) -> (Option<&str>, Option<&str>) {
    let detail = dependency.detail.as_ref().map(|detail| detail.as_str());
    (detail, dependency.version_constraint.as_ref().map(|constraint| constraint.as_str()))
}

fn outside_noted<'a>(
    planned: &mut Planned<'a>,
    pointer: String,
    within: String,
    dependency: &'a FileDependency,
) {
    let (words, constraint) = said(dependency);
    let (_, value) = parts::dependency(None, words.unwrap_or_default(), 0, None, constraint);
    let entry = Entry { pointer: within, part: Part::Dependency(dependency) };
    planned.parts.insert(pointer.clone(), entry);
    planned.wanted.insert(pointer, Some(value));
}

/// What a thing depends on outside, by the words. Several may have the same: those with the same
/// constraint are meant by one another, and only then the others.
#[derive(Default)]
struct Outside {
    there: BTreeMap<String, BTreeMap<Option<String>, Vec<String>>>,
    /// How many there are of the words.
    counts: BTreeMap<String, usize>,
}

impl Outside {
    fn of(planned: &Planned<'_>) -> Self {
        let mut outside = Self::default();
        for (pointer, value) in planned.thing.iter().flat_map(|thing| &thing.members) {
            if let (true, Some(words)) =
                (pointer.starts_with("/dependencies/"), value["external"].as_str())
            {
                let constraint = value["version_constraint"].as_str().map(str::to_owned);
                let there = outside.there.entry(words.to_owned()).or_default();
                there.entry(constraint).or_default().push(pointer.clone());
                *outside.counts.entry(words.to_owned()).or_default() += 1;
            }
        }
        outside
    }

    fn same(&mut self, dependency: &FileDependency) -> Option<String> {
        let (words, constraint) = said(dependency);
        let there = self.there.get_mut(words.unwrap_or_default())?;
        there.get_mut(&constraint.map(str::to_owned))?.pop()
    }

    /// One that is there with another constraint, or a new one.
    fn another(&mut self, dependency: &FileDependency) -> String {
        let words = said(dependency).0.unwrap_or_default();
        let mut there = self.there.get_mut(words).into_iter().flat_map(BTreeMap::values_mut);
        if let Some(pointer) = there.find_map(Vec::pop) {
            return pointer;
        }
        let count = self.counts.entry(words.to_owned()).or_default();
        *count += 1;
        parts::dependency(None, words, *count - 1, None, None).0
    }
}
