//! `/locks`.

use std::str::FromStr;

use actix_web::{get, web};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

use super::{Lock, LockDiff, queries, summary};
use crate::api::entity::Entity;
use crate::api::id::Id;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::versions::tree;

/// The SHA-256 of a lock, in hex.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String,
    pattern = "^[0-9A-Fa-f]{64}$",
    example = "89358878025f80c275dc2f07d9c425b1b9192345269bd0f7e2b4cd99efeb3ef6"
)]
pub struct LockDigest(String);

impl LockDigest {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LockDigest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest
            .then(|| Self(text.to_ascii_lowercase()))
            .ok_or("Must be a SHA-256 in hex: 64 digits.")
    }
}

impl<'de> Deserialize<'de> for LockDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A lock: its digest, or a run that ran on it.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String,
    pattern = "^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$",
    example = "01a20575-84d9-79db-a493-fbb455308177"
)]
pub struct LockReference(String);

impl FromStr for LockReference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reference = match text.parse::<LockDigest>() {
            Ok(LockDigest(digest)) => digest,
            Err(_) => text
                .parse::<Id>()
                .map_err(|_| "Must be a SHA-256 in hex, 64 digits, or the id of a run.")?
                .to_string(),
        };
        Ok(Self(reference))
    }
}

/// Which two locks.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Pair {
    /// A digest, or the id of a run.
    pub a: LockReference,
    /// A digest, or the id of a run.
    pub b: LockReference,
}

/// What turns one lock into another
///
/// In words, a line for each difference, and as a JSON Patch. Locks are named by their digests, or by
/// runs: what differs between the locks of two runs is what changed between them.
#[utoipa::path(
    operation_id = "diff_locks",
    params(Pair),
    responses((status = 200, description = "The difference", body = LockDiff))
)]
#[get("/locks/diff")]
pub async fn diff(
    db: web::Data<Db>,
    caller: Caller,
    Query(Pair { a, b }): Query<Pair>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::PipelineLock, None);
    let [a, b]: [Lock; 2] = db
        .find(&caller, "Lock", async |scope| {
            Ok(queries::pair(scope, &a.0, &b.0).await?.try_into().ok())
        })
        .await?;
    let (from, to) = (tree(&a.lock)?, tree(&b.lock)?);
    Reply::ok(&LockDiff {
        same: a.lock_digest == b.lock_digest,
        summary: summary(&from, &to),
        patch: serde_json::to_value(json_patch::diff(&from, &to)).unwrap_or_default(),
        a: a.lock_digest,
        b: b.lock_digest,
    })
}

/// Read a lock
///
/// All that a run ran on: the exact version of each block and edge, the verification that cleared
/// each edge, repositories and images. It never changes.
#[utoipa::path(
    operation_id = "get_lock",
    params(("lock_digest" = LockDigest, Path, description = "SHA-256 in hex")),
    responses((status = 200, description = "What runs ran on", body = Lock))
)]
#[get("/locks/{lock_digest}")]
pub async fn get(
    db: web::Data<Db>,
    caller: Caller,
    digest: web::Path<LockDigest>,
    Query(NoParams): Query<NoParams>,
) -> Result<Reply, Problem> {
    let caller = caller.reading(Entity::PipelineLock, None);
    let lock = db.find(&caller, "Lock", async |scope| queries::get(scope, &digest.0).await).await?;
    Ok(Reply::ok(&lock)?.compound_revision(lock.created_at))
}

pub fn configure(config: &mut impl Router) {
    // Before the route whose parameter could be `diff`.
    config.service(diff).service(get);
}
