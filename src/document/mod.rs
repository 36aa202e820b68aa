//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them, said
//! once here.

mod file_schema;
mod operations;
pub mod page;
mod schemas;
pub mod served;
mod tables;
mod v3_0;

use serde::Serialize;
use serde_json::Value;
use utoipa::OpenApi;

use crate::api::page::CursorText;
use crate::api::path::Reference;
use crate::api::problem::{Fault, Problem};
use crate::api::thing::{BlockCategory, Blocker, Thing};
use crate::blocks::BlockVersion;
use crate::dependencies::Step;
use crate::edges::EdgeVersion;
use crate::filter::TaxonomyFilter;
use crate::lineage::{NodeReferenceText, ReachedStep};
use crate::locks::routes::{LockDigest, LockReference};
use crate::pipelines::GraphFormat;
use crate::resource::chronology::ChronologicalSort;
use crate::resource::listing::NamedSort;
use crate::taxonomy::CategoryTree;
use crate::users::UserSort;
use crate::verifications::{Standing, Verification};
use crate::versions::{Metadata, PatchOperation, VersionReference};

pub use operations::complete;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Blockyard",
        description = "A registry of ML blocks (datasets, models), versioned edges that are verified before use, and pipelines that run on Dagster.\n\nLog in at `POST /auth/login` and send the token as `Authorization: Bearer`, or send an API key as `X-API-Key`. Refusals are `application/problem+json` (RFC 9457) with a stable `code`.",
        contact(name = "Whoever runs this instance"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    // Who serves the document is the service: behind a prefix it says so, see [`served`].
    servers((url = "/", description = "The service that this document comes from")),
    tags(
        (name = "auth", description = "Log in, stay logged in, log out"),
        (name = "users", description = "Who interacts with the registry"),
        (name = "api keys", description = "Machine access"),
        (name = "blocks", description = "Datasets and models, and every version of them"),
        (name = "edges", description = "Connections between blocks, and every version of them"),
        (name = "aliases", description = "Movable names for versions of blocks and edges, and where each has pointed"),
        (name = "verifications", description = "Proof that an edge version works, before pipelines use it"),
        (name = "taxonomy", description = "Categories as a tree, and which blocks are in them"),
        (name = "code repos", description = "Where the source of a block or an edge is"),
        (name = "docker images", description = "The container images of a block or an edge, and how their builds went"),
        (name = "dependencies", description = "What a block or an edge depends on, and what depends on it"),
        (name = "vectors", description = "Where the embedding of a block or an edge lives"),
        (name = "embeddings", description = "Vectors of blocks and edges, by which a search finds them"),
        (name = "search", description = "Blocks, edges and pipelines by words, by filters and by vectors"),
        (name = "pipelines", description = "Blocks joined by edges, and whether they may run"),
        (name = "runs", description = "Executions of pipelines"),
        (name = "locks", description = "What runs ran on, word for word"),
        (name = "files", description = "The registry as a file: applied in one transaction, and written down"),
        (name = "lineage", description = "What feeds a thing, what it feeds, and what a change reaches"),
        (name = "changes", description = "What differs between two instants"),
        (name = "audit", description = "Who did what"),
        (name = "service", description = "The service itself")
    ),
    components(schemas(
        Problem,
        Fault,
        Thing,
        BlockVersion,
        BlockCategory,
        EdgeVersion,
        Verification,
        CategoryTree,
        Step,
        TaxonomyFilter,
        Blocker,
        Reference,
        VersionReference,
        NodeReferenceText,
        ReachedStep,
        LockDigest,
        LockReference,
        CursorText,
        ChronologicalSort,
        NamedSort,
        GraphFormat,
        UserSort,
        Metadata,
        PatchOperation,
        Standing
    ))
)]
struct Ground;

/// What there is before any route: title, tags, schemas of refusals.
pub fn ground() -> utoipa::openapi::OpenApi {
    Ground::openapi()
}

/// Of which version of OpenAPI a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    V3_1,
    V3_0,
}

/// A document as it is written: in the order in which people read.
#[derive(Debug, Serialize)]
pub struct Written {
    openapi: Value,
    info: Value,
    servers: Value,
    tags: Value,
    paths: Value,
    components: Value,
}

impl Written {
    /// The completed document of an edition.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn of(document: &utoipa::openapi::OpenApi, edition: Edition) -> serde_json::Result<Self> {
        let mut json = serde_json::to_value(document)?;
        schemas::tidy(&mut json);
        if edition == Edition::V3_0 {
            v3_0::downgrade(&mut json);
        }
        let mut take = |name: &str| json.get_mut(name).map(Value::take).unwrap_or_default();
        Ok(Self {
            openapi: take("openapi"),
            info: take("info"),
            servers: take("servers"),
            tags: take("tags"),
            paths: take("paths"),
            components: take("components"),
        })
    }

    /// The text for people and diffs.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn pretty(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}
