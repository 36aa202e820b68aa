//! `/pipelines/{pipeline}/readiness` and `/lock`: may it run now, and on exactly what?

use std::borrow::Cow;
use std::collections::HashSet;

use actix_web::{get, web};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Readiness;
use super::queries::{self, Prospect};
use crate::api::entity::Entity;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::NoParams;
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::thing::with_impact;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::locks::ProspectiveLock;
use crate::resource::as_of::{AsOf, Instant};

impl Prospect {
    fn is_ready(&self) -> bool {
        self.blockers.as_array().is_some_and(Vec::is_empty)
    }
}

/// What readiness tells of a lock. It has megabytes, so its parts are handed on as they are.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    blocks: &'a RawValue,
    #[serde(borrow)]
    edges: &'a RawValue,
}

/// Of a block or an edge in a lock what a warning names.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(alias = "block_id", alias = "edge_id")]
    entity_id: Uuid,
    #[serde(borrow)]
    name: Cow<'a, str>,
    version_id: Uuid,
    version_number: i32,
    #[serde(borrow)]
    images: Vec<Source<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    registry_url: Cow<'a, str>,
    #[serde(borrow)]
    image_tag: Cow<'a, str>,
    image_digest: Option<IgnoredAny>,
}

/// Of each image without a digest, in the order of the lock; an edge may stand in a pipeline more than once.
fn images_without_digest(entity_type: &str, parts: &RawValue) -> serde_json::Result<Vec<Value>> {
    let mut seen = HashSet::new();
    let parts: Vec<Part<'_>> = serde_json::from_str(parts.get())?;
    let once = parts.iter().filter(|part| seen.insert(part.entity_id));
    Ok(once
        .flat_map(|part| {
            let unsure = part.images.iter().filter(|image| image.image_digest.is_none());
            unsure.map(move |image| {
                json!({
                    "code": "image_without_digest", "entity_type": entity_type, "entity_id": part.entity_id, "name": part.name,
                    "version_id": part.version_id, "version_number": part.version_number,
                    "detail": format!(
                        "The image {}:{} has no digest, and its tag can be moved: give its image_digest.",
                        image.registry_url, image.image_tag
                    ),
                })
            })
        })
        .collect())
}

/// What the database warns of, and the images.
fn warnings(mut told: Value, parts: &Parts<'_>) -> serde_json::Result<Value> {
    if let Some(told) = told.as_array_mut() {
        told.extend(images_without_digest("block", parts.blocks)?);
        told.extend(images_without_digest("edge", parts.edges)?);
    }
    Ok(with_impact(told))
}

fn readiness_of(prospect: Prospect) -> serde_json::Result<Readiness> {
    let parts: Parts<'_> = serde_json::from_str(prospect.lock.get())?;
    Ok(Readiness {
        ready: prospect.is_ready(),
        pipeline_id: prospect.pipeline_id,
        name: prospect.name,
        lock_digest: prospect.lock_digest,
        warnings: warnings(prospect.warnings, &parts)?,
        blocks: parts.blocks.to_owned().into(),
        edges: parts.edges.to_owned().into(),
        blockers: with_impact(prospect.blockers),
        usernames: prospect.usernames,
    })
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
    params(("pipeline" = Reference, Path, description = "Id or name"), Instant),
    responses((status = 200, description = "Whether it may", body = Readiness))
)]
#[get("/pipelines/{pipeline}/readiness")]
pub async fn readiness(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    pipeline: web::Path<Reference>,
) -> Result<Reply, Problem> {
    let prospect = prospect(&db, caller, &pipeline).await?;
    let readiness = readiness_of(prospect).map_err(|error| {
        tracing::error!(%error, "not a lock");
        Problem::internal()
    })?;
    Reply::ok(&readiness)
}

/// What a pipeline would run on now
///
/// The lock that a run would get: versions, verifications, sources and configuration, and the
/// SHA-256 of its canonical form (RFC 8785). Shown whether or not the pipeline is ready.
#[utoipa::path(
    operation_id = "get_pipeline_lock",
    params(("pipeline" = Reference, Path, description = "Id or name"), Instant),
    responses((status = 200, description = "The lock", body = ProspectiveLock))
)]
#[get("/pipelines/{pipeline}/lock")]
pub async fn lock(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    pipeline: web::Path<Reference>,
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
