//! `/taxonomy-categories`: their life.

use actix_web::{HttpRequest, HttpResponse, Responder, delete, get, patch, post, web};

use super::{Category, CategoryList, CategoryPatch, CategoryRemoval, NewCategory, queries};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::audit::routes::history as audit_history;
use crate::audit::{PageOfLogs, Trail};
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::listing::Position;
use crate::resource::verbs::{self};

/// Make a category
///
/// Without `parent_id` it is a root. Below one parent each name is there once, without regard to
/// case; the tree is at most 64 levels deep.
#[utoipa::path(
    operation_id = "create_category",
    request_body = NewCategory,
    responses((status = 201, description = "Made", body = Category))
)]
#[post("/taxonomy-categories")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewCategory>,
) -> Result<Reply, Problem> {
    verbs::create(&db, &change, async |scope| queries::create(scope, &change.body).await).await
}

/// List categories
///
/// A flat page of them; with `tree=true` instead the whole tree, as `items` that are
/// `CategoryTree`s, refused with 422 `too_many` when it has more than 10,000 categories.
#[utoipa::path(
    operation_id = "list_categories",
    params(CategoryList, Position, Instant),
    responses((status = 200, description = "A page of categories", body = Page<Category>))
)]
#[get("/taxonomy-categories")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<CategoryList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Taxonomy, None);
    if wanted.tree {
        let items = super::tree_routes::read(&db, &caller, None).await?;
        let next_cursor = None;
        return Ok(Page { items, next_cursor }.respond(&request));
    }
    verbs::page(&request, &db, caller, &wanted.position, async |scope| {
        queries::list(scope, &wanted, None).await
    })
    .await
}

/// Read a category
///
/// By its id, or by its name as long as no other category has that name; otherwise 409 `ambiguous`
/// lists the candidates.
#[utoipa::path(
    operation_id = "get_category",
    params(("category" = Reference, Path, description = "Id, or a name that no other has"), Instant),
    responses((status = 200, description = "The category", body = Category))
)]
#[get("/taxonomy-categories/{category}")]
pub async fn get(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    category: web::Path<Reference>,
) -> Result<Reply, Problem> {
    verbs::read(&db, caller, category.as_str(), async |scope| queries::get(scope, &category).await)
        .await
}

/// Rename or move a category
///
/// What is below it moves along. It cannot come below itself (409 `cycle`).
#[utoipa::path(
    operation_id = "update_category",
    params(("category" = Reference, Path, description = "Id, or a name that no other has")),
    request_body = CategoryPatch,
    responses((status = 200, description = "The category after the change", body = Category))
)]
#[patch("/taxonomy-categories/{category}")]
pub async fn update(
    db: web::Data<Db>,
    category: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<CategoryPatch>,
) -> Result<Reply, Problem> {
    verbs::update(
        &db,
        &change,
        async |scope| queries::update(scope, &category, &change.body, &change.if_match).await,
        async |scope| queries::revision(scope, &category).await,
    )
    .await
}

/// Archive a category
///
/// It leaves every list and read; its name is free again. Refused with 409 `in_use` while a block
/// is in it, a taxonomy filter names it, or a category is below it, unless `reparent=true`.
#[utoipa::path(
    operation_id = "archive_category",
    params(("category" = Reference, Path, description = "Id, or a name that no other has; of an archived category its id"), CategoryRemoval),
    responses((status = 204, description = "Archived, or purged"))
)]
#[delete("/taxonomy-categories/{category}")]
pub async fn archive(
    db: web::Data<Db>,
    category: web::Path<Reference>,
    Query(removal): Query<CategoryRemoval>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::write_together::<Category>(
        &db,
        &change,
        removal.reach(),
        async |transaction| {
            queries::remove(transaction, &category, removal, &change.if_match).await
        },
        async |scope| queries::revision(scope, &category).await,
    )
    .await
}

/// Restore an archived category
///
/// Back where it was, with the blocks that it had. Refused while what it was below is archived.
#[utoipa::path(
    operation_id = "restore_category",
    params(("category" = Reference, Path, description = "Id; the name may be another's by now")),
    responses((status = 200, description = "The category, back again", body = Category))
)]
#[post("/taxonomy-categories/{category}/restore")]
pub async fn restore(
    db: web::Data<Db>,
    category: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::restore(
        &db,
        &change,
        async |scope| queries::restore(scope, &category, &change.if_match).await,
        async |scope| queries::revision(scope, &category).await,
    )
    .await
}

/// Who did what to a category, newest first
///
/// Admins see every row, everybody else what they did themselves.
#[utoipa::path(
    operation_id = "list_category_history",
    params(("category" = Reference, Path, description = "Id, or a name that no other has; of an archived or purged category its id"), PageOfLogs),
    responses((status = 200, description = "A page of the audit trail", body = Trail))
)]
#[get("/taxonomy-categories/{category}/history")]
pub async fn history(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    category: web::Path<Reference>,
    Query(page): Query<PageOfLogs>,
) -> Result<impl Responder, Problem> {
    audit_history(&request, &db, caller, "taxonomy", &category, &page).await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(get)
        .service(update)
        .service(archive)
        .service(restore)
        .service(history);
}
