//! `/docker-images`, and the same below blocks and edges.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use utoipa::IntoParams;

use super::{DockerImage, DockerImageFilter, DockerImagePatch, NewDockerImage, queries};
use crate::api::entity::Entity;
use crate::api::fields::NoBody;
use crate::api::id::Id;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Params, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::owner::{Flat, Owned, Owner, OwnerMembers, Owners};
use crate::resource::verbs::{self, Reach, Revision};

/// How one image is shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DockerImageShown {
    /// `build_logs`: all of them, which may be megabytes.
    #[param(rename = "include", value_type = Option<String>, pattern = "^build_logs$", example = "build_logs")]
    pub logs: bool,
}

impl FromParams for DockerImageShown {
    fn from_params(params: &mut Params) -> Option<Self> {
        let include = params.optional::<String>("include")?;
        if include.as_ref().is_some_and(|word| word != "build_logs") {
            params.fault("include", "Must be build_logs.");
            return None;
        }
        Some(Self { logs: include.is_some() })
    }
}

async fn page(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    owners: &Owners,
    filter: &DockerImageFilter,
) -> Result<HttpResponse, Problem> {
    verbs::page(request, db, caller, &filter.position, async |scope| {
        queries::list(scope, owners, filter).await
    })
    .await
}

async fn add(
    db: &Db,
    change: &Change<impl Sized>,
    owner: &Owner,
    image: &NewDockerImage,
) -> Result<Reply, Problem> {
    verbs::create(db, change, async |scope| queries::create(scope, owner, image).await).await
}

/// A new image, and whose it is.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct NewDockerImageOfEntity {
    #[serde(flatten)]
    owner: OwnerMembers,
    #[serde(flatten)]
    image: NewDockerImage,
}

/// Add an image to a block or an edge
///
/// Names the owner in the body; the routes below `/blocks` and `/edges` do the same with the owner
/// in the path.
#[utoipa::path(
    operation_id = "create_docker_image",
    request_body = NewDockerImageOfEntity,
    responses((status = 201, description = "Added", body = DockerImage))
)]
#[post("/docker-images")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<Owned<NewDockerImage>>,
) -> Result<Reply, Problem> {
    add(&db, &change, &change.body.owner, &change.body.part).await
}

/// List the images of blocks and edges
///
/// Those of everything, of all blocks or edges with `entity_type`, or of one thing with `entity_id`
/// beside it; without their logs.
#[utoipa::path(
    operation_id = "list_docker_images",
    params(Owners, DockerImageFilter, Chronology),
    responses((status = 200, description = "A page of the images", body = Page<DockerImage>))
)]
#[get("/docker-images")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<Flat<DockerImageFilter>>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &wanted.owners, &wanted.filter).await
}

/// Add an image to a block
///
/// The image is noted, not fetched. Its build may still be `pending`; later reports change
/// `build_status` and append to its logs.
#[utoipa::path(
    operation_id = "create_block_docker_image",
    params(("block" = Reference, Path, description = "Id or name")),
    request_body = NewDockerImage,
    responses((status = 201, description = "Added", body = DockerImage))
)]
#[post("/blocks/{block}/docker-images")]
pub async fn create_of_block(
    db: web::Data<Db>,
    block: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewDockerImage>,
) -> Result<Reply, Problem> {
    add(&db, &change, &Owner::block(block), &change.body).await
}

/// List the images of a block
///
/// The container images of the block and how their builds went, without the logs. The filters ask
/// for exactly this tag, registry or status.
#[utoipa::path(
    operation_id = "list_block_docker_images",
    params(("block" = Reference, Path, description = "Id or name"), DockerImageFilter, Chronology),
    responses((status = 200, description = "A page of the images", body = Page<DockerImage>))
)]
#[get("/blocks/{block}/docker-images")]
pub async fn list_of_block(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    block: web::Path<Reference>,
    Query(filter): Query<DockerImageFilter>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::block(block).into(), &filter).await
}

/// Add an image to an edge
///
/// The image is noted, not fetched. Its build may still be `pending`; later reports change
/// `build_status` and append to its logs.
#[utoipa::path(
    operation_id = "create_edge_docker_image",
    params(("edge" = Reference, Path, description = "Id or name")),
    request_body = NewDockerImage,
    responses((status = 201, description = "Added", body = DockerImage))
)]
#[post("/edges/{edge}/docker-images")]
pub async fn create_of_edge(
    db: web::Data<Db>,
    edge: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewDockerImage>,
) -> Result<Reply, Problem> {
    add(&db, &change, &Owner::edge(edge), &change.body).await
}

/// List the images of an edge
///
/// The container images of the edge and how their builds went, without the logs. The filters ask
/// for exactly this tag, registry or status.
#[utoipa::path(
    operation_id = "list_edge_docker_images",
    params(("edge" = Reference, Path, description = "Id or name"), DockerImageFilter, Chronology),
    responses((status = 200, description = "A page of the images", body = Page<DockerImage>))
)]
#[get("/edges/{edge}/docker-images")]
pub async fn list_of_edge(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    edge: web::Path<Reference>,
    Query(filter): Query<DockerImageFilter>,
) -> Result<HttpResponse, Problem> {
    page(&request, &db, caller, &Owner::edge(edge).into(), &filter).await
}

/// Read an image
///
/// How its build went and how long its logs are. `include=build_logs` adds the logs; on their own
/// they are at `GET /docker-images/{image_id}/logs`.
#[utoipa::path(
    operation_id = "get_docker_image",
    params(("image_id" = Uuid, Path), DockerImageShown),
    responses((status = 200, description = "The image", body = DockerImage))
)]
#[get("/docker-images/{image_id}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    image_id: web::Path<Id>,
    Query(shown): Query<DockerImageShown>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::DockerImage, Some(&image_id.to_string()));
    let image = db
        .find(&caller, "Docker image", async |scope| {
            queries::get(scope, **image_id, shown.logs).await
        })
        .await?;
    verbs::shown(&image)
}

/// Change an image
///
/// A build moves from `pending` to `success` or `failed`, and back to `pending` for a rebuild
/// (otherwise 409 `wrong_step`).
#[utoipa::path(
    operation_id = "update_docker_image",
    params(("image_id" = Uuid, Path)),
    request_body = DockerImagePatch,
    responses((status = 200, description = "After the change", body = DockerImage))
)]
#[patch("/docker-images/{image_id}")]
pub async fn update(
    db: web::Data<Db>,
    image_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<DockerImagePatch>,
) -> Result<Reply, Problem> {
    let Id(image_id) = image_id.into_inner();
    verbs::update(
        &db,
        &change,
        async |scope| queries::update(scope, image_id, &change.body, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, image_id, false).await?)),
    )
    .await
}

/// Remove an image
///
/// The registry forgets the image and its logs for good; the registry that holds the image is not
/// asked. Locks of earlier runs still name it.
#[utoipa::path(
    operation_id = "delete_docker_image",
    params(("image_id" = Uuid, Path)),
    responses((status = 204, description = "Removed"))
)]
#[delete("/docker-images/{image_id}")]
pub async fn remove(
    db: web::Data<Db>,
    image_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let Id(image_id) = image_id.into_inner();
    verbs::write::<DockerImage>(
        &db,
        &change,
        Reach::Live,
        async |scope| queries::delete(scope, image_id, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, image_id, false).await?)),
    )
    .await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(create_of_block)
        .service(list_of_block)
        .service(create_of_edge)
        .service(list_of_edge)
        .service(get)
        .service(update)
        .service(remove);
}
