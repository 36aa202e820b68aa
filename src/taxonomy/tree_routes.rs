//! The tree around a category: what is below it, what is above it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};

use super::{Category, CategoryTree, queries};
use crate::api::entity::Entity;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::NoParams;
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::verbs::Resource;

/// How many categories one answer nests.
const MOST: u16 = 10_000;

/// The tree below a category, or everything.
pub(super) async fn read(
    db: &Db,
    caller: &Caller,
    category: Option<&Reference>,
) -> Result<Vec<CategoryTree>, Problem> {
    let rows = db
        .find(caller, Category::WHAT, async |scope| {
            let rows = queries::tree(scope, category, i64::from(MOST) + 1).await?;
            Ok((category.is_none() || !rows.is_empty()).then_some(rows))
        })
        .await?;
    if rows.len() > usize::from(MOST) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_many",
            format!("The tree has more than {MOST} categories: read a part of it, or the list."),
        ));
    }
    Ok(CategoryTree::grow(rows))
}

/// Read a category with all that is below it
///
/// Refused with 422 `too_many` when that is more than 10,000 categories.
#[utoipa::path(
    operation_id = "get_category_subtree",
    params(("category" = Reference, Path, description = "Id, or a name that no other has"), Instant),
    responses((status = 200, description = "The tree that begins with it", body = CategoryTree))
)]
#[get("/taxonomy-categories/{category}/subtree")]
pub async fn subtree(
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    category: web::Path<Reference>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::Taxonomy, Some(category.as_str()));
    let trees = read(&db, &caller, Some(&category)).await?;
    let tree = trees.first().ok_or_else(|| Problem::not_found(Category::WHAT))?;
    Ok(Reply::ok(tree)?.compound_revision(tree.category.updated_at))
}

/// List what a category is below, from the root on
///
/// The way from the root to the category, on one page; empty for a root. The category itself is not
/// part of it.
#[utoipa::path(
    operation_id = "list_category_ancestors",
    params(("category" = Reference, Path, description = "Id, or a name that no other has"), Instant),
    responses((status = 200, description = "All of them; none for a root", body = Page<Category>))
)]
#[get("/taxonomy-categories/{category}/ancestors")]
pub async fn ancestors(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, .. }: AsOf<NoParams>,
    category: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Taxonomy, Some(category.as_str()));
    let items = db.run(&caller, async |scope| queries::ancestors(scope, &category).await).await?;
    let next_cursor = None;
    Ok(Page { items, next_cursor }.respond(&request))
}

pub fn configure(config: &mut impl Router) {
    config.service(subtree).service(ancestors);
}
