//! The file as it is given: what should be there, by names only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Kind;
use super::given_category::{CategoryPath, FileCategory};
use super::given_parts::{FileAlias, FileDependency, FileImage, FileVector};
use super::given_pipeline::FilePipeline;
use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::name::{self, Name};
use crate::api::raw_json::JsonObject;
use crate::api::text::{Description, Line};
use crate::api::word::Word;
use crate::blocks::BlockType;
use crate::code_repos::NewCodeRepo;
use crate::resource::owner::EntityType;
use crate::versions::{Activation, AliasName};

/// So many things are applied together.
pub(super) const MOST_ITEMS: u16 = 5000;
/// So many of each list of one thing.
const MOST_PARTS: usize = 2000;

/// Whose file it is.
pub type FileOwner = Line<100>;

/// Which form the file has: one that is released stays readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ApiVersion {
    #[serde(rename = "blockyard/v1")]
    V1,
}

/// What a file says should be there.
#[derive(Debug)]
pub struct RegistryFile {
    pub owner: Option<FileOwner>,
    pub items: Vec<Given>,
}

/// One thing of the file, and where it stands in it.
#[derive(Debug)]
pub struct Given {
    pub pointer: String,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    Category(FileCategory),
    Versioned(Box<Versioned>),
    Pipeline(FilePipeline),
}

impl Given {
    pub fn kind(&self) -> Kind {
        match &self.content {
            Content::Category(_) => Kind::Taxonomy,
            Content::Versioned(it) => it.kind.into(),
            Content::Pipeline(_) => Kind::Pipeline,
        }
    }

    /// As it is called in the file.
    pub fn name(&self) -> String {
        match &self.content {
            Content::Category(it) => it.path.to_string(),
            Content::Versioned(it) => it.name.as_str().to_owned(),
            Content::Pipeline(it) => it.name.as_str().to_owned(),
        }
    }

    /// What two names have in common when they are the same.
    pub fn key(&self) -> String {
        match &self.content {
            Content::Category(it) => it.path.key(),
            Content::Versioned(it) => name::key(it.name.as_str()),
            Content::Pipeline(it) => name::key(it.name.as_str()),
        }
    }

    /// The key of what it was called before.
    pub fn former_key(&self) -> Option<String> {
        let former = match &self.content {
            Content::Category(it) => return it.renamed_from.as_ref().map(CategoryPath::key),
            Content::Versioned(it) => it.renamed_from.as_ref(),
            Content::Pipeline(it) => it.renamed_from.as_ref(),
        };
        former.map(|former| name::key(former.as_str()))
    }
}

/// A block or an edge of the file. What is missing is not the file's to say.
#[derive(Debug)]
pub struct Versioned {
    pub kind: EntityType,
    pub name: Name,
    pub renamed_from: Option<Name>,
    /// Of a block.
    pub block_type: Option<BlockType>,
    pub description: Patch<Description>,
    pub metadata: Option<JsonObject>,
    pub activation: Option<Activation>,
    /// The number of the version to be in use.
    pub active: Option<i32>,
    /// Of a block.
    pub categories: Option<Vec<CategoryPath>>,
    pub aliases: Option<BTreeMap<AliasName, Option<FileAlias>>>,
    pub dependencies: Option<Vec<FileDependency>>,
    pub code_repos: Option<Vec<NewCodeRepo>>,
    pub docker_images: Option<Vec<FileImage>>,
    pub vectors: Option<Vec<FileVector>>,
}

impl Versioned {
    fn from_fields(fields: &mut Fields, kind: EntityType) -> Option<Self> {
        let name = fields.required("name");
        let renamed_from = fields.optional("renamed_from");
        let (block_type, categories) = match kind {
            EntityType::Block => (fields.optional("type"), fields.optional("categories")),
            EntityType::Edge => (Some(None), Some(None)),
        };
        let description = fields.patched("description");
        let metadata = fields.optional("metadata");
        let activation = fields.optional("activation");
        let active: Option<Option<i32>> = fields.optional("active");
        let aliases = fields.optional("aliases");
        let dependencies = fields.items("dependencies", MOST_PARTS);
        let code_repos = fields.items("code_repos", MOST_PARTS);
        let docker_images = fields.items("docker_images", MOST_PARTS);
        let vectors = fields.items("vectors", MOST_PARTS);
        if matches!(active, Some(Some(..1))) {
            fields.fault("active", "Must be the number of a version.");
            return None;
        }
        if matches!(active, Some(Some(_))) {
            let says_content = matches!(metadata, Some(Some(_)))
                || matches!(block_type, Some(Some(_)))
                || !matches!(description, Some(Patch::Keep));
            if says_content {
                fields.fault(
                    "active",
                    "Goes without type, description and metadata: the version has them.",
                );
                return None;
            }
        }
        Some(Self {
            kind,
            name: name?,
            renamed_from: renamed_from?,
            block_type: block_type?.map(|Word(kind)| kind),
            description: description?,
            metadata: metadata?,
            activation: activation?.map(|Word(activation)| activation),
            active: active?,
            categories: categories?,
            aliases: aliases?,
            dependencies: dependencies?,
            code_repos: code_repos?,
            docker_images: docker_images?,
            vectors: vectors?,
        })
    }
}

struct GivenBlock(Versioned);

impl FromFields for GivenBlock {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Versioned::from_fields(fields, EntityType::Block).map(Self)
    }
}

struct GivenEdge(Versioned);

impl FromFields for GivenEdge {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Versioned::from_fields(fields, EntityType::Edge).map(Self)
    }
}

impl FromFields for RegistryFile {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let most = usize::from(MOST_ITEMS);
        let version = fields.required::<Word<ApiVersion>>("apiVersion");
        let owner = fields.optional("owner");
        let taxonomy = fields.optional::<Vec<FileCategory>>("taxonomy");
        let blocks = fields.items::<GivenBlock>("blocks", most);
        let edges = fields.items::<GivenEdge>("edges", most);
        let pipelines = fields.items::<FilePipeline>("pipelines", most);
        let taxonomy = taxonomy?.unwrap_or_default().into_iter().map(Content::Category);
        let versioned = |it: Versioned| Content::Versioned(Box::new(it));
        let blocks = blocks?.unwrap_or_default().into_iter().map(|GivenBlock(it)| versioned(it));
        let edges = edges?.unwrap_or_default().into_iter().map(|GivenEdge(it)| versioned(it));
        let pipelines = pipelines?.unwrap_or_default().into_iter().map(Content::Pipeline);
        let items: Vec<Given> = placed("taxonomy", taxonomy)
            .chain(placed("blocks", blocks))
            .chain(placed("edges", edges))
            .chain(placed("pipelines", pipelines))
            .collect();
        if items.len() > most {
            let words =
                format!("Has {} things; at most {MOST_ITEMS} are applied at once.", items.len());
            fields.fault_at(String::new(), &words);
        }
        let mut seen = BTreeSet::new();
        for item in &items {
            if !seen.insert((item.kind(), item.key())) {
                fields.fault_at(item.pointer.clone(), "Is in the file already.");
            }
        }
        let mut left = BTreeSet::new();
        for item in &items {
            if let Some(former) = item.former_key()
                && !left.insert((item.kind(), former))
            {
                let pointer = format!("{}/renamed_from", item.pointer);
                fields.fault_at(pointer, "Something else of the file was called so before.");
            }
        }
        version?;
        Some(Self { owner: owner?, items })
    }
}

fn placed(
    member: &'static str,
    contents: impl Iterator<Item = Content>,
) -> impl Iterator<Item = Given> {
    contents
        .enumerate()
        .map(move |(at, content)| Given { pointer: format!("/{member}/{at}"), content })
}
