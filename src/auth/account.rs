//! An account as everybody sees it who may see it at all.

use crate::api::time::DateTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a token is refused that is right, and names nobody who is here.
pub(crate) const NO_USER: &str = "There is no active user behind this token.";

/// What an account may do: a viewer reads, a developer also writes, an admin also manages users.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Role {
    Viewer,
    Developer,
    Admin,
}

/// Who interacts with the registry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": "01a20575-84d9-79db-a493-fbb455308177",
    "username": "ada",
    "email": "ada@example.org",
    "role": "developer",
    "is_active": true,
    "created_at": "2026-11-22T10:00:00Z",
    "updated_at": "2026-11-22T10:00:00Z"
}))]
pub struct User {
    pub user_id: Uuid,
    pub username: String,
    pub email: String,
    pub role: Role,
    /// `false` while deactivated: no token and no key of the account is accepted.
    pub is_active: bool,
    pub created_at: DateTime,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
}
