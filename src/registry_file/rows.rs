//! The rows of things: made, rewritten, put to use and archived by the statements of their operations.

use uuid::Uuid;

use super::Kind;
use super::found::Thing;
use super::given::Versioned;
use super::given_pipeline::FilePipeline;
use super::wanted::Planned;
use crate::api::etag::IfMatch;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::blocks::{self, BlockPatch, NewBlock};
use crate::db::{Failure, Scope, Transaction};
use crate::edges::{self, EdgePatch, NewEdge};
use crate::pipelines::{self, PipelinePatch};
use crate::resource::owner::{EntityType, Owner};
use crate::taxonomy::{self, CategoryRemoval};
use crate::versions::Which;

/// What a thing is once its own row is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub id: Uuid,
    pub version_number: i32,
}

/// A statement that met no row, though the thing is there: the caller may not.
pub(super) fn may_not<T>(met: Option<T>) -> Result<T, Failure> {
    met.ok_or_else(|| Problem::forbidden().into())
}

pub(super) fn owner(kind: EntityType, id: Uuid) -> Owner {
    Owner { kind, reference: id.into(), in_path: true }
}

pub(super) fn as_found(item: &Planned<'_>, thing: &Thing) -> Written {
    let version_number =
        if item.waits { thing.latest_version_number } else { thing.version_number };
    Written { id: thing.id, version_number }
}

pub(super) async fn create(scope: &mut Scope<'_>, it: &Versioned) -> Result<Written, Failure> {
    let description = it.description.assignment().1.cloned();
    let (name, metadata, activation) = (it.name.clone(), it.metadata.clone(), it.activation);
    match (it.kind, it.block_type) {
        (EntityType::Block, Some(block_type)) => {
            let block = NewBlock { name, block_type, description, metadata, activation };
            let made = blocks::queries::create(scope, &block).await?;
            Ok(Written { id: made.block_id, version_number: made.version_number })
        }
        (EntityType::Block, None) => Err(Problem::invalid_field("/type", "Is required.").into()),
        (EntityType::Edge, _) => {
            let edge = NewEdge { name, description, metadata, activation };
            let made = edges::queries::create(scope, &edge).await?;
            Ok(Written { id: made.edge_id, version_number: made.version_number })
        }
    }
}

pub(super) async fn update(
    scope: &mut Scope<'_>,
    item: &Planned<'_>,
    thing: &Thing,
    it: &Versioned,
) -> Result<Written, Failure> {
    let is_changed = |member: &str| item.changes.contains_key(member);
    let name = is_changed("/name").then(|| it.name.clone());
    let description = it.description.clone().only_if(is_changed("/description"));
    let metadata = it.metadata.clone().filter(|_| is_changed("/metadata"));
    let activation = it.activation.filter(|_| is_changed("/activation"));
    let (reference, any) = (Reference::from(thing.id), &IfMatch::default());
    let (version_number, latest) = match it.kind {
        EntityType::Block => {
            let block_type = it.block_type.filter(|_| is_changed("/type"));
            let patch = BlockPatch { name, block_type, description, metadata, activation };
            let made = may_not(blocks::queries::update(scope, &reference, &patch, any).await?)?;
            (made.version_number, made.latest_version_number)
        }
        EntityType::Edge => {
            let patch = EdgePatch { name, description, metadata, activation };
            let made = may_not(edges::queries::update(scope, &reference, &patch, any).await?)?;
            (made.version_number, made.latest_version_number)
        }
    };
    let is_candidate = item.is_reviewed && item.changes_content();
    let version_number = if is_candidate { latest } else { version_number };
    Ok(Written { id: thing.id, version_number })
}

pub(super) async fn activate(
    scope: &mut Scope<'_>,
    kind: EntityType,
    id: Uuid,
    active: i32,
) -> Result<Written, Failure> {
    let (reference, which, any) = (Reference::from(id), Which::Number(active), &IfMatch::default());
    let is_met = match kind {
        EntityType::Block => {
            blocks::queries::activate(scope, &reference, &which, any).await?.is_some()
        }
        EntityType::Edge => {
            edges::queries::activate(scope, &reference, &which, any).await?.is_some()
        }
    };
    if is_met {
        return Ok(Written { id, version_number: active });
    }
    let is_there = match kind {
        EntityType::Block => blocks::queries::version(scope, &reference, &which).await?.is_some(),
        EntityType::Edge => edges::queries::version(scope, &reference, &which).await?.is_some(),
    };
    Err(if is_there {
        Problem::forbidden().into()
    } else {
        Problem::invalid_field("/active", "Names no version that is there.").into()
    })
}

pub(super) async fn rewrite(
    scope: &mut Scope<'_>,
    item: &Planned<'_>,
    id: Uuid,
    it: &FilePipeline,
) -> Result<(), Failure> {
    let is_changed = |member: &str| item.changes.contains_key(member);
    if !["/name", "/description", "/config", "/parameters_schema"].into_iter().any(is_changed) {
        return Ok(());
    }
    let patch = PipelinePatch {
        name: is_changed("/name").then(|| it.name.clone()),
        description: it.description.clone().only_if(is_changed("/description")),
        dagster_pipeline_config: it.config.clone().filter(|_| is_changed("/config")),
        parameters_schema: it.parameters_schema.clone().only_if(is_changed("/parameters_schema")),
    };
    may_not(pipelines::queries::update(scope, &id.into(), &patch, &IfMatch::default()).await?)?;
    Ok(())
}

pub(super) async fn archive_one(
    transaction: &mut Transaction<'_>,
    thing: &Thing,
) -> Result<(), Failure> {
    let (reference, any) = (Reference::from(thing.id), &IfMatch::default());
    let removal = CategoryRemoval { purge: false, reparent: false };
    let met = match thing.kind {
        Kind::Taxonomy => taxonomy::queries::remove(transaction, &reference, removal, any).await?,
        Kind::Block => blocks::queries::archive(transaction, &reference, any).await?,
        Kind::Edge => edges::queries::archive(transaction, &reference, any).await?,
        Kind::Pipeline => pipelines::queries::archive(transaction, &reference, any).await?,
    };
    may_not(met).map(|_| ())
}
