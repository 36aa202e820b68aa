//! `/pipelines/{pipeline}/readiness` and `/lock`: may it run now, and on exactly what?

use actix_web::{get, web};

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

async fn prospect(db: &Db, caller: Caller, pipeline: &Reference) -> Result<Prospect, Problem> {
    let caller = caller.reading(Entity::Pipeline, Some(pipeline.as_str()));
    db.run(&caller, async |scope| queries::readiness(scope, pipeline).await)
        .await?
        .ok_or_else(|| Problem::not_found("Pipeline"))
}

/// Whether a pipeline may run now
///
/// Lists the exact versions it would run on, the verification that clears each edge, and whatever
/// is in the way. A run asks the same question once more, in its own transaction.
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
        blocks: content.blocks,
        edges: content.edges,
        blockers: with_impact(prospect.blockers),
        warnings: with_impact(prospect.warnings),
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
    })
}

pub fn configure(config: &mut impl Router) {
    config.service(readiness).service(lock);
}
