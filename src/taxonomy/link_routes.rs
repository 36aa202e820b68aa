//! Which block is in which category.

use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use utoipa::IntoParams;

use super::{BlockTaxonomy, Category, CategoryList, LinkList, queries};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::{self, Reference};
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::blocks::{self, Block, BlockList};
use crate::db::Db;
use crate::resource::as_of::{AsOf, Instant};
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::listing::Position;
use crate::resource::verbs::{self, Resource};

/// Which blocks of a category.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct BlocksInCategory {
    /// `true` counts what is in the categories below it as well.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    recursive: bool,
    #[param(ignore)]
    #[read(flatten)]
    position: Position,
}

/// Put a block into a category
///
/// However often: 201 the first time, 200 when it is in it already.
#[utoipa::path(
    operation_id = "link_block_to_category",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("category" = Reference, Path, description = "Id, or a name that no other has")
    ),
    responses(
        (status = 201, description = "It is in it now", body = BlockTaxonomy),
        (status = 200, description = "It was in it already", body = BlockTaxonomy)
    )
)]
#[put("/blocks/{block}/categories/{category}")]
pub async fn link(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (block, category) = path.into_inner();
    change
        .make(&db, async |scope| {
            let Some(made) = queries::link(scope, &block, &category).await? else {
                let there = queries::find_link(scope, &block, &category).await?;
                let there = there.ok_or_else(|| Problem::not_found("Link"))?;
                return Ok(Reply::ok(&there)?.revision(there.created_at));
            };
            let location = path::of(&[&"blocks", &made.block_id, &"categories"]);
            Ok(Reply::created(location, &made)?.revision(made.created_at))
        })
        .await
}

/// Take a block out of a category
///
/// However often: 204 also when it is not in it.
#[utoipa::path(
    operation_id = "unlink_block_from_category",
    params(
        ("block" = Reference, Path, description = "Id or name"),
        ("category" = Reference, Path, description = "Id, or a name that no other has")
    ),
    responses((status = 204, description = "It is not in it"))
)]
#[delete("/blocks/{block}/categories/{category}")]
pub async fn unlink(
    db: web::Data<Db>,
    path: web::Path<(Reference, Reference)>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let (block, category) = path.into_inner();
    change
        .make(&db, async |scope| {
            if queries::unlink(scope, &block, &category).await? {
                Ok(Reply::no_content())
            } else {
                Err(Problem::forbidden().into())
            }
        })
        .await
}

/// List the categories of a block
///
/// The categories that the block itself is in, not those above them; `GET
/// /taxonomy-categories/{category}/ancestors` has those.
#[utoipa::path(
    operation_id = "list_block_categories",
    params(("block" = Reference, Path, description = "Id or name"), Position, Instant),
    responses((status = 200, description = "A page of categories", body = Page<Category>))
)]
#[get("/blocks/{block}/categories")]
pub async fn categories_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted: position }: AsOf<Position>,
    block: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Taxonomy, None);
    let wanted = CategoryList { position, ..CategoryList::default() };
    verbs::page(&request, &db, caller, &wanted.position, async |scope| {
        queries::list(scope, &wanted, Some(&block)).await
    })
    .await
}

/// List the blocks in a category
///
/// With `recursive=true` also those in the categories below it; a block that is in several is
/// listed once.
#[utoipa::path(
    operation_id = "list_blocks_in_category",
    params(("category" = Reference, Path, description = "Id, or a name that no other has"), BlocksInCategory, Position, Instant),
    responses((status = 200, description = "A page of blocks", body = Page<Block>))
)]
#[get("/taxonomy-categories/{category}/blocks")]
pub async fn blocks_in_category(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<BlocksInCategory>,
    category: web::Path<Reference>,
) -> Result<HttpResponse, Problem> {
    let wanted = BlockList {
        category: Some(category.clone()),
        recursive: wanted.recursive,
        position: wanted.position,
        ..BlockList::default()
    };
    verbs::page(&request, &db, caller, &wanted.position, async |scope| {
        let rows = blocks::queries::list(scope, &wanted).await?;
        // An empty category, or none?
        if rows.is_empty() && queries::get(scope, &category).await?.is_none() {
            return Err(Problem::not_found(Category::WHAT).into());
        }
        Ok(rows)
    })
    .await
}

/// List which block is in which category
///
/// Each item is one link, oldest or newest first. `block_id` and `category_id` narrow it to the
/// categories of one block, the blocks of one category, or one link.
#[utoipa::path(
    operation_id = "list_block_taxonomies",
    params(LinkList, Chronology, Instant),
    responses((status = 200, description = "A page of links", body = Page<BlockTaxonomy>))
)]
#[get("/block-taxonomies")]
pub async fn links(
    request: HttpRequest,
    db: web::Data<Db>,
    AsOf { caller, wanted }: AsOf<LinkList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::Taxonomy, None);
    let rows = db.run(&caller, async |scope| queries::links(scope, &wanted).await).await?;
    let page = Page::new(rows, |row| {
        let position = &wanted.position;
        position.after(row.created_at, row.block_taxonomy_id)
    });
    Ok(page.respond(&request))
}

pub fn configure(config: &mut impl Router) {
    config
        .service(link)
        .service(unlink)
        .service(categories_of_block)
        .service(blocks_in_category)
        .service(links);
}
