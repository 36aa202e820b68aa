//! `Idempotency-Key`: the key, the change and its answer stand or fall together, so that a client
//! that repeats a request after a failure gets every change exactly once.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::api::problem::Problem;
use crate::api::raw_json::RawJson;
use crate::api::reply::Reply;
use crate::auth::Gatekeeper;
use crate::auth::caller::Caller;
use crate::db::{Failure, Scope};

/// The key of a request, and what the request was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    /// Keyed digest of method, target and body: the body may have a password, which a plain
    /// digest would give away to whoever tries enough of them. One for each secret of the service: the
    /// request may have come before the newest did. The first is kept.
    fingerprints: Vec<Vec<u8>>,
}

impl IdempotencyKey {
    /// # Errors
    /// 400 when the header is not 1 to 255 visible ASCII characters.
    pub fn of(
        request: &HttpRequest,
        caller: &Caller,
        body: &[u8],
    ) -> Result<Option<Self>, Problem> {
        let Some(value) = request.headers().get("Idempotency-Key") else {
            return Ok(None);
        };
        let key = value
            .to_str()
            .ok()
            .filter(|key| {
                (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
            })
            .ok_or_else(|| {
                Problem::malformed("Idempotency-Key must be 1 to 255 visible ASCII characters.")
            })?;
        let target = request.uri().to_string();
        let fingerprints = Gatekeeper::of(request)?.fingerprints().each(&[
            // What a narrow API key asks for is not what its user asked for.
            caller.credential().as_bytes(),
            b"\n",
            request.method().as_str().as_bytes(),
            b"\n",
            target.as_bytes(),
            b"\n",
            body,
        ]);
        let fingerprints = fingerprints.iter().map(|digest| digest.to_vec()).collect();
        Ok(Some(Self { key: key.to_owned(), fingerprints }))
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct KeptHeaders {
    location: Option<String>,
    etag: Option<String>,
}

/// Takes the key for this transaction, or finds the answer that it got before. A concurrent
/// request with the same key is waited for.
///
/// # Errors
/// 422 when the key came with another request.
pub async fn claim(scope: &mut Scope<'_>, key: &IdempotencyKey) -> Result<Option<Reply>, Failure> {
    let caller = scope.caller();
    let claim = sqlx::query_file!(
        "sql/resource/claim_idempotency_key.sql",
        caller as _,
        key.key,
        &key.fingerprints
    );
    let claim = claim.fetch_one(scope.connection()).await?;
    if claim.claimed == Some(true) {
        return Ok(None);
    }
    let kept = KeptAnswer {
        same_request: claim.same_request,
        status: claim.status,
        headers: claim.headers,
        body: claim.body,
    };
    kept.reply().map(Some)
}

/// The answer that the key got before, without taking it.
///
/// # Errors
/// 422 when the key came with another request.
pub async fn find(scope: &mut Scope<'_>, key: &IdempotencyKey) -> Result<Option<Reply>, Failure> {
    let query = sqlx::query_file_as!(
        KeptAnswer,
        "sql/resource/kept_answer.sql",
        scope.caller() as _,
        key.key,
        &key.fingerprints
    );
    let kept = query.fetch_optional(scope.connection()).await?;
    kept.map(KeptAnswer::reply).transpose()
}

struct KeptAnswer {
    same_request: Option<bool>,
    status: Option<i16>,
    headers: Option<RawJson>,
    body: Option<String>,
}

impl KeptAnswer {
    fn reply(self) -> Result<Reply, Failure> {
        if self.same_request != Some(true) {
            return Err(
                Problem::invalid("This Idempotency-Key came with another request before.").into()
            );
        }
        let headers: KeptHeaders =
            self.headers.and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default();
        Ok(Reply {
            status: self.status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
            location: headers.location,
            etag: headers.etag,
            body: self.body,
            replayed: true,
        })
    }
}

/// Keeps the answer beside the change that it tells of.
///
/// # Errors
/// Those of the database.
pub async fn keep(
    scope: &mut Scope<'_>,
    key: &IdempotencyKey,
    reply: &Reply,
) -> Result<(), Failure> {
    let headers = KeptHeaders { location: reply.location.clone(), etag: reply.etag.clone() };
    let status = i16::try_from(reply.status).unwrap_or(200);
    let keep = sqlx::query_file!(
        "sql/resource/keep_answer.sql",
        key.key,
        status,
        Json(headers) as _,
        reply.body
    );
    keep.execute(scope.connection()).await?;
    Ok(())
}
