//! What a block or an edge of the file has: its aliases, what it depends on, its images and vectors.
//! (A repository is given as its own operation takes it.)

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use super::given_category::CategoryPath;
use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::name::Name;
use crate::code_repos::NewCodeRepo;
use crate::dependencies::{Detail, VersionConstraint};
use crate::docker_images::{ImageDigest, ImageName, ImageTag};
use crate::resource::owner::EntityType;
use crate::vectors::{VectorDb, VectorKey};
use crate::versions::Which;

/// Where an alias points, and whether it is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAlias {
    pub version: Which,
    pub protected: Option<bool>,
}

impl<'de> Deserialize<'de> for FileAlias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            version: Value,
            protected: Option<bool>,
        }
        let given = Value::deserialize(deserializer)?;
        let Whole { version, protected } = match given {
            Value::Object(_) => serde_json::from_value(given).map_err(|_| {
                D::Error::custom("Must have a version, and may have protected, true or false.")
            })?,
            version => Whole { version, protected: None },
        };
        let version = match &version {
            Value::Number(number) => number.to_string().parse().ok(),
            Value::String(word) => word.parse().ok(),
            _ => None,
        };
        match version {
            Some(version @ (Which::Number(_) | Which::Latest | Which::Active)) => {
                Ok(Self { version, protected })
            }
            _ => Err(D::Error::custom("Must be the number of a version, latest or active.")),
        }
    }
}

/// What a block or an edge depends on.
#[derive(Debug, Clone)]
pub struct FileDependency {
    pub on: DependsOn,
    pub detail: Option<Detail>,
    pub version_constraint: Option<VersionConstraint>,
}

#[derive(Debug, Clone)]
pub enum DependsOn {
    Internal(EntityType, Name),
    /// The detail says what.
    External,
}

impl FromFields for FileDependency {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let block = fields.optional::<Name>("block");
        let edge = fields.optional::<Name>("edge");
        let external = fields.optional::<Detail>("external");
        let detail = fields.optional::<Detail>("detail");
        let version_constraint = fields.optional("version_constraint");
        let (block, edge, external, detail) = (block?, edge?, external?, detail?);
        let (on, detail) = match (block, edge, external, detail) {
            (Some(block), None, None, detail) => {
                (DependsOn::Internal(EntityType::Block, block), detail)
            }
            (None, Some(edge), None, detail) => {
                (DependsOn::Internal(EntityType::Edge, edge), detail)
            }
            (None, None, Some(external), None) if !external.as_str().trim().is_empty() => {
                (DependsOn::External, Some(external))
            }
            _ => {
                let words =
                    "Must have one of block, edge and external; detail goes with the first two.";
                fields.fault_at(String::new(), words);
                return None;
            }
        };
        Some(Self { on, detail, version_constraint: version_constraint? })
    }
}

/// An image. How its build went is not the file's to say.
#[derive(Debug, FromFields)]
pub struct FileImage {
    pub registry_url: ImageName,
    pub image_tag: ImageTag,
    pub image_digest: Patch<ImageDigest>,
}

/// Where an embedding lives.
#[derive(Debug, FromFields)]
pub struct FileVector {
    pub vector_db: VectorDb,
    pub vector_key: VectorKey,
    pub taxonomy_filter: Patch<FileFilter>,
}

/// An entry of a list, and where it stands: `/dependencies/0`.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub pointer: String,
    pub part: Part<'a>,
}

/// An entry of a list, as it is given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    Dependency(&'a FileDependency),
    CodeRepo(&'a NewCodeRepo),
    Image(&'a FileImage),
    Vector(&'a FileVector),
}

/// What a search is constrained to, as [`crate::filter::TaxonomyFilter`], with the paths of categories.
#[derive(Debug, Clone)]
pub struct FileFilter {
    /// Those of `any`, `all` and `none`.
    pub lists: [Vec<CategoryPath>; 3],
    pub recursive: bool,
}

impl FileFilter {
    /// The words of its lists.
    pub const LISTS: [&str; 3] = ["any", "all", "none"];
}

impl<'de> Deserialize<'de> for FileFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            any: Option<Vec<CategoryPath>>,
            all: Option<Vec<CategoryPath>>,
            none: Option<Vec<CategoryPath>>,
            recursive: Option<bool>,
        }
        let given = Value::deserialize(deserializer)?;
        let words = "Must be an object of any, all and none, lists of the paths of categories, and recursive, true or false.";
        let Whole { any, all, none, recursive } =
            serde_json::from_value(given).map_err(|_| D::Error::custom(words))?;
        let lists = [any, all, none].map(Option::unwrap_or_default);
        if lists.iter().all(Vec::is_empty) {
            return Err(D::Error::custom("Must name a category in any, all or none."));
        }
        if lists.iter().any(|list| list.len() > 100) {
            return Err(D::Error::custom("Must have at most 100 categories in a list."));
        }
        Ok(Self { lists, recursive: recursive == Some(true) })
    }
}
