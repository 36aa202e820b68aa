//! API keys: machine access in the name of a user.

mod queries;
pub mod routes;

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields};
use crate::api::id::Id;
use crate::api::name::Name;
use crate::api::page::Limit;
use crate::api::page::{Cursor, CursorText};
use crate::api::path::Reference;
use crate::api::query::FromParams;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::auth::account::Role;
use crate::auth::keys::Seed;

/// The longest time, in seconds, that an old key lives on beside the new one.
const LONGEST_GRACE: u32 = 7 * 24 * 3600;

/// An API key, without the key itself, which is shown once and stored nowhere.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "api_key_id": "01a20575-9b1f-7c3a-8d52-6e0f4a7b1c2d",
    "user_id": "01a20575-84d9-79db-a493-fbb455308177",
    "username": "ada",
    "name": "nightly build",
    "key_prefix": "by_5f3a90c1",
    "role": "viewer",
    "created_at": "2026-11-22T10:00:00Z",
    "expires_at": "2027-11-22T10:00:00Z",
    "is_active": true,
    "last_used_at": null,
    "updated_at": "2026-11-22T10:00:00Z"
}))]
pub struct ApiKey {
    pub api_key_id: Uuid,
    /// In whose name it acts.
    pub user_id: Uuid,
    pub username: String,
    pub name: String,
    /// What the key begins with.
    pub key_prefix: String,
    /// Narrows the key to a lower role than its user's; null is the user's own.
    pub role: Option<Role>,
    pub created_at: DateTime,
    pub expires_at: Option<DateTime>,
    /// `false` when revoked.
    pub is_active: bool,
    /// To the minute.
    pub last_used_at: Option<DateTime>,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
}

/// A new API key. Nobody can show it again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedApiKey)]
#[schema(example = json!({
    "api_key_id": "01a20575-9b1f-7c3a-8d52-6e0f4a7b1c2d",
    "user_id": "01a20575-84d9-79db-a493-fbb455308177",
    "username": "ada",
    "name": "nightly build",
    "key_prefix": "by_5f3a90c1",
    "role": "viewer",
    "created_at": "2026-11-22T10:00:00Z",
    "expires_at": "2027-11-22T10:00:00Z",
    "is_active": true,
    "last_used_at": null,
    "updated_at": "2026-11-22T10:00:00Z",
    "key": "by_5f3a90c1_pZ3lq8Qw1nR5vT7yU2iO4aS6dF8gH0jK9xC1vB3nM5s"
}))]
pub struct IssuedKey {
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// Send it as `X-API-Key`, or as `Authorization: Bearer`.
    pub key: String,
}

/// A new API key as an `Idempotency-Key` keeps it: with what the key is made from instead of the
/// key, so that a repetition shows it again although it is stored nowhere.
#[derive(Debug, Serialize, Deserialize)]
struct KeptKey {
    #[serde(flatten)]
    api_key: ApiKey,
    seed: Seed,
}

/// Body of `POST /api-keys`.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "name": "nightly build", "role": "viewer", "expires_at": "2027-11-22T10:00:00Z" }))]
pub struct NewApiKey {
    /// What it is for.
    pub name: Name,
    /// A lower role than the user's; the user's own when missing.
    #[read(with = Word)]
    pub role: Option<Role>,
    /// Never, when missing.
    pub expires_at: Option<DateTime>,
    /// For whom, when not for oneself; for admins.
    #[read(with = Id)]
    pub user_id: Option<Uuid>,
}

/// What to change of an API key. What is missing stays.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "name": "nightly build (old)", "expires_at": "2026-12-01T00:00:00Z" }))]
pub struct ApiKeyPatch {
    #[schema(value_type = Name, required = false)]
    #[read(changed)]
    pub name: Option<Name>,
    /// Earlier than it is: a key can be shortened, not prolonged.
    #[schema(value_type = DateTime<Utc>, required = false)]
    #[read(changed)]
    pub expires_at: Option<DateTime>,
}

/// How a key is replaced.
#[derive(Debug, ToSchema)]
#[schema(as = ApiKeyRotation)]
#[schema(example = json!({ "grace_seconds": 3600 }))]
pub struct Rotation {
    /// How long the old key lives on: at most a week, not at all when missing.
    #[schema(value_type = Option<u32>, maximum = 604800, default = 0)]
    pub grace_seconds: u32,
    /// When the new key expires; when the old one would have, if missing.
    pub expires_at: Option<DateTime>,
}

impl FromFields for Rotation {
    const BODY_OPTIONAL: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let grace_seconds = fields.optional::<u32>("grace_seconds");
        let expires_at = fields.optional::<DateTime>("expires_at");
        let grace_seconds = grace_seconds?.unwrap_or(0);
        if grace_seconds > LONGEST_GRACE {
            fields.fault("grace_seconds", "Must be at most 604800, which is a week.");
            return None;
        }
        Some(Self { grace_seconds, expires_at: expires_at? })
    }
}

/// Which API keys.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct ApiKeyList {
    /// Of this user: their id, their username or `me`.
    #[param(value_type = Option<String>)]
    pub user_id: Option<Reference>,
    /// `false` lists the revoked ones.
    pub is_active: Option<bool>,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    #[read(default)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    #[read(cursor = ORDER)]
    pub cursor: Option<Cursor>,
}

const ORDER: &str = "-created_at";
