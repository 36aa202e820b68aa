//! `/changes`.

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::{BY_CHANGE, Between, Change, queries};
use crate::api::entity::Entity;
use crate::api::page::{Cursor, Page};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;

/// List what differs between two instants
///
/// Of all that has a history and that you may see: each thing once, in the order of its last change.
/// What was changed and changed back does not differ. The same question is answered alike for ever.
#[utoipa::path(
    operation_id = "list_changes",
    params(Between),
    responses((status = 200, description = "A page of what differs", body = Page<Change>))
)]
#[get("/changes")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(between): Query<Between>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Metadata, None);
    let rows = db.run(&caller, async |scope| queries::between(scope, &between).await).await?;
    let page = Page::new(rows, |change| Cursor::at(BY_CHANGE, change.changed_at, change.id));
    Ok(page.respond(&request))
}

pub fn configure(config: &mut impl Router) {
    config.service(list);
}
