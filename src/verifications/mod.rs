//! Verifications: proof that an edge version works. One is opened (`pending`), reported once
//! (`passed` or `failed`), and kept as it is from then on; of several the newest report counts. The
//! database holds these rules (`migrations/0011_verifications.sql`).

mod queries;
pub mod routes;
mod version_routes;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::fields::{Fields, FromFields, Patch};
use crate::api::text::Text;
use crate::api::word::Word;

/// How far a verification is, or what it came to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, sqlx::Type, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "verification_status", rename_all = "snake_case")]
pub enum VerificationStatus {
    #[default]
    Pending,
    Passed,
    Failed,
}

/// What the verifications of a version come to. Pipelines run on `passed` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Standing {
    /// The newest report says so.
    Passed,
    /// The newest report says so; it revokes whatever was said before.
    Failed,
    /// Nothing is reported yet.
    Pending,
    /// It was never verified.
    None,
}

/// What was tried, at most 10 MiB; `BODY_LIMIT` may allow less.
pub type Logs = Text<10_485_760>;

/// A check of one edge version.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verification {
    pub verification_id: Uuid,
    pub edge_version_id: Uuid,
    pub verification_status: VerificationStatus,
    /// Missing when there are none, and in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_logs: Option<String>,
    /// When it was reported.
    pub verified_at: Option<DateTime<Utc>>,
    /// Who reported it.
    pub verified_by: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime<Utc>,
    /// Who opened it.
    pub created_by: Option<Uuid>,
    /// The edge of the version.
    pub edge_id: Uuid,
    /// The number of the version.
    pub version_number: i32,
}

/// Whether pipelines may run on an edge version, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionStatus {
    pub edge_id: Uuid,
    pub version_id: Uuid,
    pub version_number: i32,
    #[schema(inline)]
    pub status: Standing,
    /// The reason, for people.
    #[schema(example = "Its newest report says passed.")]
    pub why: String,
    /// The verification that counts: the newest that is reported.
    pub verification_id: Option<Uuid>,
    pub verified_by: Option<Uuid>,
    pub verified_at: Option<DateTime<Utc>>,
    /// Of the version.
    #[serde(skip)]
    pub created_at: DateTime<Utc>,
}

/// A verification to be: opened as `pending`, or reported at once.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "verification_status": "passed", "verification_logs": "12 checks, 0 failures" }))]
pub struct NewVerification {
    /// `pending` when missing.
    #[schema(value_type = Option<VerificationStatus>)]
    pub verification_status: VerificationStatus,
    #[schema(value_type = Option<String>, max_length = 10485760)]
    pub verification_logs: Option<Logs>,
}

impl FromFields for NewVerification {
    const BODY_OPTIONAL: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let verification_status = fields.optional::<Word<_>>("verification_status");
        let verification_logs = fields.optional("verification_logs");
        Some(Self {
            verification_status: verification_status?
                .map_or_else(Default::default, |Word(status)| status),
            verification_logs: verification_logs?,
        })
    }
}

/// The outcome of a pending verification, or what is known of it so far.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "verification_status": "failed", "verification_logs": "12 checks, 1 failure" }))]
pub struct VerificationReport {
    pub verification_status: Option<VerificationStatus>,
    /// Replaced as a whole; `null` clears them.
    #[schema(value_type = Option<String>, max_length = 10485760)]
    pub verification_logs: Patch<Logs>,
}

impl FromFields for VerificationReport {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let verification_status = fields.changed::<Word<_>>("verification_status");
        let verification_logs = fields.patched("verification_logs");
        Some(Self {
            verification_status: verification_status?.map(|Word(status)| status),
            verification_logs: verification_logs?,
        })
    }
}
