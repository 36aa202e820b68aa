//! The file as the document and editors know it.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::given::ApiVersion;
use crate::api::name::Name;
use crate::blocks::BlockType;
use crate::code_repos::NewCodeRepo;
use crate::docker_images::{ImageDigest, ImageName, ImageTag};
use crate::versions::{Activation, AliasName, Metadata};

/// What should be there, by names only. What is missing is not the file's to say, and stays as it is.
#[derive(ToSchema)]
#[schema(as = RegistryFile)]
#[schema(example = json!({
    "apiVersion": "blockyard/v1",
    "owner": "team-fraud",
    "taxonomy": ["tabular", "tabular/transport"],
    "blocks": [
        { "name": "passengers", "type": "dataset", "metadata": { "rows": 891 }, "categories": ["tabular/transport"] },
        { "name": "survival", "type": "model", "dependencies": [{ "block": "passengers" }], "aliases": { "champion": 1 } }
    ],
    "edges": [{ "name": "train-survival", "metadata": { "batch_size": 32 } }],
    "pipelines": [{
        "name": "nightly",
        "blocks": ["passengers", { "name": "survival", "alias": "champion" }],
        "edges": [{ "edge": "train-survival", "from": "passengers", "to": "survival" }]
    }]
}))]
#[allow(dead_code, reason = "the document only")]
pub struct RegistryFileMembers {
    #[schema(rename = "apiVersion")]
    api_version: ApiVersion,
    /// Whose file it is: a word of your own.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    owner: Option<String>,
    taxonomy: Option<Vec<FileCategoryMembers>>,
    blocks: Option<Vec<FileBlock>>,
    edges: Option<Vec<FileEdge>>,
    pipelines: Option<Vec<FilePipelineMembers>>,
}

/// The names of a category and of those above it, from the root on, with `/` between; in a name `~1` is
/// a `/`, and `~0` a `~`.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, min_length = 1, example = "tabular/transport")]
#[allow(dead_code, reason = "the document only")]
pub struct FileCategoryPath(String);

/// A category: its path, or an object that also says where it was.
#[derive(Serialize, ToSchema)]
#[schema(as = FileCategory)]
#[serde(untagged)]
#[allow(dead_code, reason = "the document only")]
pub enum FileCategoryMembers {
    Path(FileCategoryPath),
    Whole {
        path: FileCategoryPath,
        /// The path that it had before: one that is there gets the new name and place, with all that is
        /// below it, if there is none of the new path.
        renamed_from: Option<FileCategoryPath>,
    },
}

/// A block of a file.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct FileBlock {
    name: Name,
    /// What it was called before: a block of that name gets the new one, if there is none of the new name.
    renamed_from: Option<Name>,
    /// Required of a block that is new.
    r#type: Option<BlockType>,
    /// `null` clears it.
    #[schema(max_length = 10000)]
    description: Option<String>,
    metadata: Option<Metadata>,
    activation: Option<Activation>,
    /// The number of the version to be in use; goes without type, description and metadata.
    #[schema(minimum = 1)]
    active: Option<i32>,
    categories: Option<Vec<FileCategoryPath>>,
    /// By their names; `null` removes one.
    aliases: Option<HashMap<String, FileAliasOrNone>>,
    #[schema(max_items = 2000)]
    dependencies: Option<Vec<FileDependencyMembers>>,
    #[schema(max_items = 2000)]
    code_repos: Option<Vec<NewCodeRepo>>,
    #[schema(max_items = 2000)]
    docker_images: Option<Vec<FileImageMembers>>,
    #[schema(max_items = 2000)]
    vectors: Option<Vec<FileVectorMembers>>,
}

/// An edge of a file.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct FileEdge {
    name: Name,
    /// What it was called before: an edge of that name gets the new one, if there is none of the new name.
    renamed_from: Option<Name>,
    /// `null` clears it.
    #[schema(max_length = 10000)]
    description: Option<String>,
    metadata: Option<Metadata>,
    activation: Option<Activation>,
    /// The number of the version to be in use; goes without description and metadata.
    #[schema(minimum = 1)]
    active: Option<i32>,
    /// By their names; `null` removes one.
    aliases: Option<HashMap<String, FileAliasOrNone>>,
    #[schema(max_items = 2000)]
    dependencies: Option<Vec<FileDependencyMembers>>,
    #[schema(max_items = 2000)]
    code_repos: Option<Vec<NewCodeRepo>>,
    #[schema(max_items = 2000)]
    docker_images: Option<Vec<FileImageMembers>>,
    #[schema(max_items = 2000)]
    vectors: Option<Vec<FileVectorMembers>>,
}

/// The number of a version.
#[derive(Serialize, ToSchema)]
#[schema(value_type = i32, minimum = 1, maximum = 999_999_999)]
#[allow(dead_code, reason = "the document only")]
pub struct FileVersionNumber(i32);

/// `latest` or `active`, each as it is once the file is applied, or a number as a text.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^([1-9][0-9]{0,8}|latest|active)$", example = "latest")]
#[allow(dead_code, reason = "the document only")]
pub struct FileVersionWord(String);

/// A version, as a number or a word.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the document only")]
pub enum FileVersion {
    Number(FileVersionNumber),
    Word(FileVersionWord),
}

/// Where an alias points: a version, or an object that also says whether the alias is protected.
#[derive(Serialize, ToSchema)]
#[schema(as = FileAlias)]
#[serde(untagged)]
#[allow(dead_code, reason = "the document only")]
pub enum FileAliasMembers {
    Version(FileVersion),
    Whole { version: FileVersion, protected: Option<bool> },
}

/// Where an alias points; null where there is to be none.
#[allow(dead_code, reason = "the document only")]
pub struct FileAliasOrNone(Option<FileAliasMembers>);

impl PartialSchema for FileAliasOrNone {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name(FileAliasMembers::name()))
            .item(ObjectBuilder::new().schema_type(Type::Null))
            .description(Some("Where an alias points; `null` removes it."))
            .into()
    }
}

impl ToSchema for FileAliasOrNone {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((FileAliasMembers::name().into_owned(), FileAliasMembers::schema()));
        FileAliasMembers::schemas(schemas);
    }
}

/// What a block or an edge depends on: one of `block`, `edge` and `external`.
#[derive(ToSchema)]
#[schema(as = FileDependency)]
#[schema(example = json!({ "block": "passengers", "version_constraint": ">=2" }))]
#[allow(dead_code, reason = "the document only")]
pub struct FileDependencyMembers {
    block: Option<Name>,
    edge: Option<Name>,
    /// What it is that is outside.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S")]
    external: Option<String>,
    /// Of a block or an edge.
    #[schema(max_length = 2000)]
    detail: Option<String>,
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    version_constraint: Option<String>,
}

/// An image of a block or an edge. How its build went is not the file's to say.
#[derive(ToSchema)]
#[schema(as = FileImage)]
#[allow(dead_code, reason = "the document only")]
pub struct FileImageMembers {
    registry_url: ImageName,
    image_tag: ImageTag,
    /// Stays as it is when it is missing; `null` clears it.
    image_digest: Option<ImageDigest>,
}

/// Where an embedding of a block or an edge lives.
#[derive(ToSchema)]
#[schema(as = FileVector)]
#[allow(dead_code, reason = "the document only")]
pub struct FileVectorMembers {
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    vector_db: String,
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    vector_key: String,
    /// Stays as it is when it is missing; `null` clears it.
    taxonomy_filter: Option<FileFilterMembers>,
}

/// What a search is constrained to, as `TaxonomyFilter`, with the paths of categories. At least one is
/// named.
#[derive(ToSchema)]
#[schema(as = FileFilter)]
#[allow(dead_code, reason = "the document only")]
pub struct FileFilterMembers {
    #[schema(max_items = 100)]
    any: Option<Vec<FileCategoryPath>>,
    #[schema(max_items = 100)]
    all: Option<Vec<FileCategoryPath>>,
    #[schema(max_items = 100)]
    none: Option<Vec<FileCategoryPath>>,
    /// Whether what is in a category below counts as in it; `false` when missing.
    recursive: Option<bool>,
}

/// A pipeline of a file. The graph is said as a whole, by `blocks` and `edges`.
#[derive(ToSchema)]
#[schema(as = FilePipeline)]
#[allow(dead_code, reason = "the document only")]
pub struct FilePipelineMembers {
    name: Name,
    /// What it was called before: a pipeline of that name gets the new one, if there is none of the new name.
    renamed_from: Option<Name>,
    /// `null` clears it.
    #[schema(max_length = 10000)]
    description: Option<String>,
    /// `dagster_pipeline_config`.
    #[schema(value_type = Option<crate::pipelines::DagsterConfig>)]
    config: Option<Metadata>,
    /// What the parameters of a run have to be; `null` lets in any object.
    #[schema(value_type = Option<crate::pipelines::ParametersSchema>)]
    parameters_schema: Option<Metadata>,
    #[schema(max_items = 500)]
    blocks: Option<Vec<FilePipelineBlock>>,
    #[schema(max_items = 2000)]
    edges: Option<Vec<FilePipelineEdge>>,
}

/// A block of a pipeline: its name, or an object that also says which version it takes.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the document only")]
pub enum FilePipelineBlock {
    Name(Name),
    Whole {
        name: Name,
        /// The number of a version.
        #[schema(minimum = 1)]
        pin: Option<i32>,
        /// Goes without a pin.
        alias: Option<AliasName>,
    },
}

/// An edge of a pipeline, from one of its blocks to another.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct FilePipelineEdge {
    edge: Name,
    from: Name,
    to: Name,
    /// The number of a version.
    #[schema(minimum = 1)]
    pin: Option<i32>,
    /// Goes without a pin.
    alias: Option<AliasName>,
}
