//! What a caller reads of himself, in `sql/auth/`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account::Role;
use crate::db::{Failure, Scope};

/// The caller: his account, and how he is here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": "01a20575-84d9-79db-a493-fbb455308177",
    "username": "ada",
    "email": "ada@example.org",
    "role": "developer",
    "is_active": true,
    "created_at": "2026-11-22T10:00:00Z",
    "updated_at": "2026-11-22T10:00:00Z",
    "effective_role": "viewer",
    "api_key_id": "01a20575-9b1f-7c3a-8d52-6e0f4a7b1c2d"
}))]
pub struct Me {
    pub user_id: Uuid,
    pub username: String,
    pub email: String,
    pub role: Role,
    pub is_active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// What this request may do: `role`, or the lower one of the API key.
    pub effective_role: Role,
    /// The API key of this request, if it came with one.
    pub api_key_id: Option<Uuid>,
}

pub(super) async fn me(scope: &mut Scope<'_>) -> Result<Option<Me>, Failure> {
    let query = sqlx::query_file_as!(Me, "sql/auth/me.sql", scope.caller() as _);
    Ok(query.fetch_optional(scope.connection()).await?)
}
