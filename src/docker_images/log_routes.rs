//! `/docker-images/{image_id}/logs`: the logs of a build, as plain text.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use utoipa::ToSchema;

use super::{BuildLogs, DockerImage, queries};
use crate::api::body::{FromBody, PlainText, is_json};
use crate::api::entity::Entity;
use crate::api::etag;
use crate::api::fields::FromFields;
use crate::api::id::Id;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::resource::change::Change;
use crate::resource::verbs::{self, Revision};

/// Read the logs of a build
///
/// As plain text, empty while there are none.
#[utoipa::path(
    operation_id = "get_docker_image_logs",
    params(("image_id" = Uuid, Path)),
    responses((status = 200, description = "The logs so far", content_type = "text/plain", body = String))
)]
#[get("/docker-images/{image_id}/logs")]
pub async fn read_logs(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    image_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::DockerImage, Some(&image_id.to_string()));
    let image = db
        .find(&caller, "Docker image", async |scope| queries::get(scope, **image_id, true).await)
        .await?;
    let tag = etag::of(image.updated_at);
    if etag::is_known(&request, &tag) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish());
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::ETAG, tag))
        .body(image.build_logs.unwrap_or_default()))
}

/// What is appended to the logs of a build.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "text": "Step 3/9: RUN pip install torch\n" }))]
pub struct AppendedLogs {
    #[schema(value_type = String, max_length = 10_485_760)]
    pub text: BuildLogs,
}

/// The same in either form.
pub enum MoreLogs {
    Plain(PlainText),
    Json(AppendedLogs),
}

impl MoreLogs {
    fn text(&self) -> &str {
        match self {
            Self::Plain(PlainText(text)) => text,
            Self::Json(logs) => logs.text.as_str(),
        }
    }
}

impl FromBody for MoreLogs {
    fn from_body(request: &HttpRequest, bytes: &[u8]) -> Result<Self, Problem> {
        if is_json(request) {
            return AppendedLogs::from_body(request, bytes).map(Self::Json);
        }
        PlainText::from_body(request, bytes).map(Self::Plain)
    }
}

/// Append to the logs of a build
///
/// As they are, no line break between: as plain text, or as `text` in a JSON object. All together at
/// most 10 MiB.
#[utoipa::path(
    operation_id = "append_docker_image_logs",
    params(("image_id" = Uuid, Path)),
    request_body(content((AppendedLogs = "application/json"), (String = "text/plain"))),
    responses((status = 200, description = "The image after the change", body = DockerImage))
)]
#[post("/docker-images/{image_id}/logs")]
pub async fn append_logs(
    db: web::Data<Db>,
    image_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<MoreLogs>,
) -> Result<Reply, Problem> {
    let Id(image_id) = image_id.into_inner();
    verbs::update(
        &db,
        &change,
        async |scope| {
            queries::append_logs(scope, image_id, change.body.text(), &change.if_match).await
        },
        async |scope| Ok(Revision::of(queries::get(scope, image_id, false).await?)),
    )
    .await
}

pub fn configure(config: &mut impl Router) {
    config.service(read_logs).service(append_logs);
}
