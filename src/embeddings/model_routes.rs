//! `/embedding-models`.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};

use super::{EmbeddingModel, EmbeddingModelList, NewEmbeddingModel, queries};
use crate::api::fields::NoBody;
use crate::api::page::Page;
use crate::api::path::Reference;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::chronology::Chronology;
use crate::resource::verbs::{self, Reach, Revision};

/// Add an embedding model
///
/// Its dimensions and its distance are fixed for all vectors of it.
#[utoipa::path(
    operation_id = "create_embedding_model",
    request_body = NewEmbeddingModel,
    responses((status = 201, description = "Added", body = EmbeddingModel))
)]
#[post("/embedding-models")]
pub async fn create(
    db: web::Data<Db>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewEmbeddingModel>,
) -> Result<Reply, Problem> {
    verbs::create(&db, &change, async |scope| queries::create_model(scope, &change.body).await)
        .await
}

/// List the embedding models
///
/// By which of them a thing has been embedded, its embeddings say.
#[utoipa::path(
    operation_id = "list_embedding_models",
    params(EmbeddingModelList, Chronology),
    responses((status = 200, description = "A page of models", body = Page<EmbeddingModel>))
)]
#[get("/embedding-models")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<EmbeddingModelList>,
) -> Result<HttpResponse, Problem> {
    verbs::page(&request, &db, caller, &wanted.position, async |scope| {
        queries::models(scope, &wanted).await
    })
    .await
}

/// Read an embedding model
///
/// What is fixed for all vectors of it.
#[utoipa::path(
    operation_id = "get_embedding_model",
    params(("model" = Reference, Path, description = "Id or name")),
    responses((status = 200, description = "The model", body = EmbeddingModel))
)]
#[get("/embedding-models/{model}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    model: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    verbs::read(&db, caller, model.as_str(), async |scope| queries::model(scope, &model).await)
        .await
}

/// Remove an embedding model
///
/// By an admin, and refused with 409 while there are embeddings by it.
#[utoipa::path(
    operation_id = "delete_embedding_model",
    params(("model" = Reference, Path, description = "Id or name")),
    responses((status = 204, description = "Removed"))
)]
#[delete("/embedding-models/{model}")]
pub async fn remove(
    db: web::Data<Db>,
    model: web::Path<Reference>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    verbs::write::<EmbeddingModel>(
        &db,
        &change,
        Reach::Live,
        async |scope| queries::delete_model(scope, &model, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::model(scope, &model).await?)),
    )
    .await
}

pub fn configure(config: &mut impl Router) {
    config.service(create).service(list).service(get).service(remove);
}
