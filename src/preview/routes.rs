//! `/impact/preview`.

use std::time::Duration;

use actix_web::{post, web};
use tokio::time::timeout;

use super::{Preview, PreviewRequest, Refusal, queries, verdict};
use crate::api::body::Body;
use crate::api::entity::Entity;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::{Db, Failure, Transaction};

/// While the changes are made, whoever wants to change the same things waits, for 5 s at most.
const PATIENCE: Duration = Duration::from_secs(4);

/// What changes would break
///
/// Makes them for real, in the order in which they stand, in a transaction that never commits: with
/// the caller's rights, against every rule. Tells which pipelines would be blocked or run on something
/// else, and which changes would be refused. A change names the operation that would make it and has
/// its parameters and its body.
#[utoipa::path(
    operation_id = "preview_impact",
    request_body = PreviewRequest,
    responses((status = 200, description = "What they would come to", body = Preview))
)]
#[post("/impact/preview")]
pub async fn preview(
    db: web::Data<Db>,
    caller: Caller,
    Query(NoParams): Query<NoParams>,
    Body(request): Body<PreviewRequest>,
) -> Result<Reply, Problem> {
    let asking = caller.clone().reading(Entity::Pipeline, None);
    if asking.is_recorded() {
        db.run(&asking, async |scope| queries::asked(scope).await).await?;
    }
    let trial = db.trial(&caller, async |transaction| try_out(transaction, &request).await);
    // Dropped, it is rolled back.
    let preview = timeout(PATIENCE, trial).await.map_err(|_| Problem::busy())??;
    Reply::ok(&preview)
}

async fn try_out(
    transaction: &mut Transaction<'_>,
    request: &PreviewRequest,
) -> Result<Preview, Failure> {
    let (reached, all_asked, after, refused) = transaction
        .undone(async |transaction| {
            let mut refused = Vec::new();
            for (change, proposal) in request.changes.iter().enumerate() {
                let made = transaction.part(async |part| proposal.make(part).await).await?;
                if let Err(problem) = made {
                    refused.push(Refusal { change, problem });
                }
            }
            let (reached, all_asked) = queries::affected(transaction, &[]).await?;
            let after = queries::states(transaction, &reached).await?;
            Ok((reached, all_asked, after, refused))
        })
        .await?;
    let before = queries::states(transaction, &reached).await?;
    Ok(verdict::of(&before, &after, reached.len(), all_asked, refused)?)
}

pub fn configure(config: &mut impl Router) {
    config.service(preview);
}
