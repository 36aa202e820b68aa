//! `/pipelines/{pipeline}/readiness` and `/lock`: may it run now, and on exactly what?

use std::collections::HashSet;

use actix_web::{get, web};
use serde_json::{Value, json};

use super::Readiness;
use super::queries::{self, Prospect};
use crate::api::entity::Entity;
use crate::api::path::Reference;
use crate::api::problem::{Problem, with_impact};
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::locks::{LockContent, ProspectiveLock};

impl Prospect {
    fn is_ready(&self) -> bool {
        self.blockers.as_array().is_some_and(Vec::is_empty)
    }
}

/// Of each image without a digest, in the order of the lock; an edge may stand in a pipeline more than once.
fn images_without_digest(content: &LockContent) -> Vec<Value> {
    let blocks = content.blocks.iter().map(|block| {
        let version = (block.version_id, block.version_number);
        ("block", block.block_id, &block.name, version, block.images.as_slice())
    });
    let edges = content.edges.iter().map(|edge| {
        let version = (edge.version_id, edge.version_number);
        ("edge", edge.edge_id, &edge.name, version, edge.images.as_slice())
    });
    let mut seen = HashSet::new();
    let once = blocks.chain(edges).filter(|(_, id, ..)| seen.insert(*id));
    once.flat_map(|(entity_type, entity_id, name, (version_id, version_number), images)| {
        let unsure = images.iter().filter(|image| image.image_digest.is_none());
        unsure.map(move |image| {
            json!({
                "code": "image_without_digest", "entity_type": entity_type, "entity_id": entity_id, "name": name,
                "version_id": version_id, "version_number": version_number,
                "detail": format!(
                    "The image {}:{} has no digest, and its tag can be moved: give its image_digest.",
                    image.registry_url, image.image_tag
                ),
            })
        })
    })
    .collect()
}

/// What the database warns of, and the images.
fn warnings(mut told: Value, content: &LockContent) -> Value {
    if let Some(told) = told.as_array_mut() {
        told.extend(images_without_digest(content));
    }
    with_impact(told)
}

async fn prospect(db: &Db, caller: Caller, pipeline: &Reference) -> Result<Prospect, Problem> {
    let caller = caller.reading(Entity::Pipeline, Some(pipeline.as_str()));
    db.find(&caller, "Pipeline", async |scope| queries::readiness(scope, pipeline).await).await
}

/// Whether a pipeline may run now
///
/// Lists the exact versions it would run on, the verification that clears each edge, whatever
/// is in the way, and of what a lock cannot be sure (images without a digest). A run asks the same question once more, in its own transaction.
#[utoipa::path(
    operation_id = "get_pipeline_readiness",
    params(("pipeline" = Reference, Path, description = "Id or name")),
    responses((status = 200, description = "Whether it may", body = Readiness))
)]
#[get("/pipelines/{pipeline}/readiness")]
pub async fn readiness(
    db: web::Data<Db>,
    caller: Caller,
    pipeline: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let prospect = prospect(&db, caller, &pipeline).await?;
    let content: LockContent = serde_json::from_str(prospect.lock.get()).map_err(|error| {
        tracing::error!(%error, "not a lock");
        Problem::internal()
    })?;
    Reply::ok(&Readiness {
        ready: prospect.is_ready(),
        pipeline_id: prospect.pipeline_id,
        name: prospect.name,
        lock_digest: prospect.lock_digest,
        warnings: warnings(prospect.warnings, &content),
        blocks: content.blocks,
        edges: content.edges,
        blockers: with_impact(prospect.blockers),
        usernames: prospect.usernames,
    })
}

/// What a pipeline would run on now
///
/// The lock that a run would get: versions, verifications, sources and configuration, and the
/// SHA-256 of its canonical form (RFC 8785). Shown whether or not the pipeline is ready.
#[utoipa::path(
    operation_id = "get_pipeline_lock",
    params(("pipeline" = Reference, Path, description = "Id or name")),
    responses((status = 200, description = "The lock", body = ProspectiveLock))
)]
#[get("/pipelines/{pipeline}/lock")]
pub async fn lock(
    db: web::Data<Db>,
    caller: Caller,
    pipeline: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let prospect = prospect(&db, caller, &pipeline).await?;
    Reply::ok(&ProspectiveLock {
        ready: prospect.is_ready(),
        lock_digest: prospect.lock_digest,
        lock: prospect.lock,
        usernames: prospect.usernames,
    })
}

pub fn configure(config: &mut impl Router) {
    config.service(readiness).service(lock);
}
