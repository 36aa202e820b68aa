//! `/api-keys` and everything below it.

use actix_web::http::header;
use actix_web::{
    CustomizeResponder, HttpRequest, HttpResponse, Responder, delete, get, patch, post, web,
};

use super::queries::{self, Revision, Stored};
use super::{ApiKey, ApiKeyList, ApiKeyPatch, IssuedKey, KeptKey, NewApiKey, ORDER, Rotation};
use crate::api::entity::Entity;
use crate::api::etag::IfMatch;
use crate::api::fields::NoBody;
use crate::api::id::Id;
use crate::api::page::{Cursor, Page};
use crate::api::path;
use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::Gatekeeper;
use crate::auth::caller::Caller;
use crate::auth::keys::Seed;
use crate::db::{Db, Failure, Scope};
use crate::resource::change::Change;

/// Why a change met no key.
fn refusal(found: Option<Revision>, if_match: &IfMatch) -> Failure {
    let revision = found.map(|found| found.updated_at);
    if_match.refusal("API key", revision).into()
}

/// Makes a key and hands what is stored of it to `store`. What an `Idempotency-Key` keeps of the
/// answer has the seed in place of the key.
async fn issue(
    db: &Db,
    gatekeeper: &Gatekeeper,
    change: &Change<impl Sized>,
    store: impl AsyncFn(&mut Scope<'_>, &Stored) -> Result<ApiKey, Failure>,
) -> Result<CustomizeResponder<Reply>, Problem> {
    let keys = gatekeeper.keys();
    let kept = change
        .make(db, async |scope| {
            let seed = Seed::random();
            let key = keys.key(&seed);
            let stored = Stored { prefix: key.prefix(), digest: key.digest() };
            let api_key = store(scope, &stored).await?;
            let location = path::of(&[&"api-keys", &api_key.api_key_id]);
            let revision = api_key.updated_at;
            Ok(Reply::created(location, &KeptKey { api_key, seed })?.revision(revision))
        })
        .await?;
    let shown = kept.map_body(|KeptKey { api_key, seed }| {
        let key = keys.key_again(&seed, &api_key.key_prefix).ok_or_else(|| {
            // The repetition was known by its fingerprint, which is made under the same secret.
            tracing::error!("the key of a kept answer cannot be made again");
            Problem::internal()
        })?;
        Ok(IssuedKey { api_key, key: key.to_string() })
    })?;
    Ok(shown.customize().insert_header((header::CACHE_CONTROL, "no-store")))
}

/// Make an API key
///
/// The key itself is in this answer only. It is sent as `X-API-Key`, or as `Authorization:
/// Bearer`. A key that is made with another one does not outlive it.
#[utoipa::path(
    operation_id = "create_api_key",
    request_body = NewApiKey,
    responses((status = 201, description = "Made, and shown this once", body = IssuedKey))
)]
#[post("/api-keys")]
pub async fn create(
    db: web::Data<Db>,
    gatekeeper: web::Data<Gatekeeper>,
    Query(NoParams): Query<NoParams>,
    change: Change<NewApiKey>,
) -> Result<CustomizeResponder<Reply>, Problem> {
    issue(&db, &gatekeeper, &change, async |scope, stored| {
        queries::create(scope, &change.body, stored).await
    })
    .await
}

/// List API keys, newest first
///
/// Admins see all, everybody else their own.
#[utoipa::path(
    operation_id = "list_api_keys",
    params(ApiKeyList),
    responses((status = 200, description = "A page of API keys", body = Page<ApiKey>))
)]
#[get("/api-keys")]
pub async fn list(
    request: HttpRequest,
    db: web::Data<Db>,
    caller: Caller,
    Query(wanted): Query<ApiKeyList>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(Entity::ApiKey, None);
    let rows = db.run(&caller, async |scope| queries::list(scope, &wanted).await).await?;
    let page = Page::new(rows, |key| Cursor::at(ORDER, key.created_at, key.api_key_id));
    Ok(page.respond(&request))
}

/// Read an API key
///
/// Shows whose it is, what it may do, when it expires and when it was last used: everything but the
/// key itself, which is shown once, when it is made.
#[utoipa::path(
    operation_id = "get_api_key",
    params(("api_key_id" = Uuid, Path, description = "Id")),
    responses((status = 200, description = "The API key, without the key itself", body = ApiKey))
)]
#[get("/api-keys/{api_key_id}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::ApiKey, Some(&id.to_string()));
    let found = db.find(&caller, "API key", async |scope| queries::get(scope, **id).await).await?;
    // `last_used_at` moves on its own.
    Ok(Reply::ok(&found)?.compound_revision(found.updated_at))
}

/// Change an API key
///
/// Its name, and when it expires: earlier than it would have.
#[utoipa::path(
    operation_id = "update_api_key",
    params(("api_key_id" = Uuid, Path, description = "Id")),
    request_body = ApiKeyPatch,
    responses((status = 200, description = "The API key after the change", body = ApiKey))
)]
#[patch("/api-keys/{api_key_id}")]
pub async fn update(
    db: web::Data<Db>,
    id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<ApiKeyPatch>,
) -> Result<Reply, Problem> {
    let change = change.of_api_keys();
    change
        .make(&db, async |scope| {
            match queries::update(scope, **id, &change.body, &change.if_match).await? {
                Some(key) => Ok(Reply::ok(&key)?.compound_revision(key.updated_at)),
                None => {
                    let found = queries::revision(scope, **id).await?;
                    Err(refusal(found, &change.if_match))
                }
            }
        })
        .await
}

/// Revoke an API key
///
/// From the next request on it is not accepted, and never again.
#[utoipa::path(
    operation_id = "revoke_api_key",
    params(("api_key_id" = Uuid, Path, description = "Id")),
    responses((status = 204, description = "It is revoked"))
)]
#[delete("/api-keys/{api_key_id}")]
pub async fn revoke(
    db: web::Data<Db>,
    id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let change = change.of_api_keys();
    change
        .make(&db, async |scope| match queries::revoke(scope, **id, &change.if_match).await? {
            Some(_) => Ok(Reply::no_content()),
            None => {
                let found = queries::revision(scope, **id).await?;
                Err(refusal(found, &change.if_match))
            }
        })
        .await
}

/// Replace an API key
///
/// Makes a key with the same name, role and user, and lets the old one expire after the time of
/// grace. A key may replace itself; with some grace, an answer that got lost can be repeated
/// (`Idempotency-Key`).
#[utoipa::path(
    operation_id = "rotate_api_key",
    params(("api_key_id" = Uuid, Path, description = "Id of the old key")),
    request_body = Option<Rotation>,
    responses((status = 201, description = "The new key, shown this once", body = IssuedKey))
)]
#[post("/api-keys/{api_key_id}/rotate")]
pub async fn rotate(
    db: web::Data<Db>,
    gatekeeper: web::Data<Gatekeeper>,
    id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<Rotation>,
) -> Result<CustomizeResponder<Reply>, Problem> {
    let change = change.of_api_keys();
    let (body, if_match) = (&change.body, &change.if_match);
    issue(&db, &gatekeeper, &change, async |scope, stored| {
        if let Some(key) = queries::rotate(scope, **id, body, stored, if_match).await? {
            return Ok(key);
        }
        match queries::revision(scope, **id).await? {
            Some(found) if !found.is_usable && if_match.admits(found.updated_at) => {
                Err(Problem::conflict("key_ended", "The key is revoked or has expired.").into())
            }
            found => Err(refusal(found, if_match)),
        }
    })
    .await
}

pub fn configure(config: &mut impl Router) {
    config
        .service(create)
        .service(list)
        .service(get)
        .service(update)
        .service(revoke)
        .service(rotate);
}
