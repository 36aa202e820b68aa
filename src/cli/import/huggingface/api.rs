//! The API of the Hugging Face Hub, as far as a registry needs it.

use std::error::Error;

use serde_json::Value;
use url::Url;

use crate::cli::import::reader::{Page, Reader};

/// No hub has more; one that goes on and on is none.
const MOST_PAGES: usize = 10_000;

/// A repository is a model's or a dataset's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Dataset,
    Model,
}

impl Kind {
    /// The type of a block of it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Model => "model",
        }
    }

    fn segment(self) -> &'static str {
        match self {
            Self::Dataset => "datasets",
            Self::Model => "models",
        }
    }
}

/// What asks a hub.
pub(super) struct Api(pub Reader);

impl Api {
    /// The ids of what an author has, the most of them.
    pub async fn of_author(
        &self,
        kind: Kind,
        author: &str,
        limit: usize,
    ) -> Result<Vec<String>, Box<dyn Error>> {
        let per_page = limit.min(1000).to_string();
        let query = [("author", author), ("limit", &per_page)];
        let found = self.pages(self.0.of(&["api", kind.segment()], &query)?, limit).await?;
        let found = found.unwrap_or_default();
        Ok(found.iter().filter_map(|it| it["id"].as_str().map(str::to_owned)).collect())
    }

    /// A repository as it was at a revision, its last one when none is said.
    pub async fn repo(
        &self,
        kind: Kind,
        id: &str,
        revision: Option<&str>,
    ) -> Result<Option<Value>, Box<dyn Error>> {
        let mut path = repo_path(kind, id);
        if let Some(revision) = revision {
            path.extend(["revision", revision]);
        }
        let found = self.0.get_if_there(&path, &[]).await?;
        match found {
            Some(repo) if repo["id"].is_string() && repo["sha"].is_string() => Ok(Some(repo)),
            Some(_) => Err(self.misread(&path, "no id and sha")),
            None => Ok(None),
        }
    }

    /// Branches and tags.
    pub async fn refs(&self, kind: Kind, id: &str) -> Result<Value, Box<dyn Error>> {
        let mut path = repo_path(kind, id);
        path.push("refs");
        self.0.get(&path, &[]).await
    }

    /// The commits up to a revision, newest first, the most of them.
    pub async fn commits(
        &self,
        kind: Kind,
        id: &str,
        revision: &str,
        most: usize,
    ) -> Result<Vec<Value>, Box<dyn Error>> {
        let mut path = repo_path(kind, id);
        path.extend(["commits", revision]);
        let found = self.pages(self.0.of(&path, &[])?, most).await?;
        found.ok_or_else(|| self.misread(&path, "nothing (404)"))
    }

    /// The files at a revision.
    pub async fn tree(
        &self,
        kind: Kind,
        id: &str,
        revision: &str,
        most: usize,
    ) -> Result<Vec<Value>, Box<dyn Error>> {
        let mut path = repo_path(kind, id);
        path.extend(["tree", revision]);
        let found = self.pages(self.0.of(&path, &[("recursive", "true")])?, most).await?;
        found.ok_or_else(|| self.misread(&path, "nothing (404)"))
    }

    async fn pages(&self, first: Url, most: usize) -> Result<Option<Vec<Value>>, Box<dyn Error>> {
        let mut found = Vec::new();
        let mut address = first.clone();
        for _ in 0..MOST_PAGES {
            let Some(Page { value, next }) = self.0.page(address.clone()).await? else {
                return Ok(None);
            };
            let Value::Array(items) = value else {
                return Err(self.misread(&[first.path()], "no list"));
            };
            let is_empty = items.is_empty();
            found.extend(items);
            match next {
                Some(next) if found.len() < most && !is_empty && next != address => address = next,
                _ => {
                    found.truncate(most);
                    return Ok(Some(found));
                }
            }
        }
        Err(self.misread(&[first.path()], "a next page again and again"))
    }

    fn misread(&self, path: &[&str], words: &str) -> Box<dyn Error> {
        let path = path.join("/");
        format!("Hugging Face at {}: {path} answers {words}: is that a hub?", self.0.address())
            .into()
    }
}

/// An id is one or two segments.
fn repo_path(kind: Kind, id: &str) -> Vec<&str> {
    let mut path = vec!["api", kind.segment()];
    path.extend(id.split('/'));
    path
}
