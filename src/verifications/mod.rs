//! Verifications: proof that an edge version works. One is opened (`pending`), reported once
//! (`passed` or `failed`), and kept as it is from then on; of several the newest report counts. The
//! database holds these rules (`migrations/0013_verifications.sql`).

pub(crate) mod queries;
pub mod routes;
pub mod version_routes;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::IntoParams;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::entity::Entity;
use crate::api::fields::{FromFields, Patch};
use crate::api::id::Id;
use crate::api::page::Limit;
use crate::api::page::{Cursor, CursorText};
use crate::api::page::{Page, Rows};
use crate::api::path::{self, Reference};
use crate::api::query::FromParams;
use crate::api::query::Params;
use crate::api::text::Text;
use crate::api::time::DateTime;
use crate::api::word::Word;
use crate::resource::chronology::ChronologicalSort;
use crate::resource::verbs::Resource;
use crate::versions::{VersionReference, Which};

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
#[schema(as = VerificationStanding)]
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
    #[schema(value_type = String, required = false)]
    pub verification_logs: Option<String>,
    /// When it was reported.
    pub verified_at: Option<DateTime>,
    /// Who reported it.
    pub verified_by: Option<Uuid>,
    pub verified_by_username: Option<String>,
    /// The API key it was reported with; null when it was an access token.
    pub verified_with: Option<Uuid>,
    pub created_at: DateTime,
    /// When it last changed; `ETag` is made of it.
    pub updated_at: DateTime,
    /// Who opened it.
    pub created_by: Option<Uuid>,
    pub created_by_username: Option<String>,
    /// The edge of the version.
    pub edge_id: Uuid,
    /// Whether the version is activated once it is reported as passed, on behalf of whoever reports it.
    pub activate_when_passed: bool,
    /// The number of the version.
    pub version_number: i32,
}

impl Resource for Verification {
    const WHAT: &'static str = "Verification";
    const ENTITY: Entity = Entity::Verification;

    fn id(&self) -> Uuid {
        self.verification_id
    }

    fn location(&self) -> String {
        path::of(&[&"verifications", &self.verification_id])
    }

    fn created_at(&self) -> DateTime {
        self.created_at
    }

    fn revision(&self) -> DateTime {
        self.updated_at
    }
}

/// Whether pipelines may run on an edge version, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionStatus {
    pub edge_id: Uuid,
    pub version_id: Uuid,
    pub version_number: i32,
    pub status: Standing,
    /// The reason, for people.
    #[schema(example = "Its newest report says passed.")]
    pub why: String,
    /// The verification that counts: the newest that is reported.
    pub verification_id: Option<Uuid>,
    pub verified_by: Option<Uuid>,
    pub verified_by_username: Option<String>,
    pub verified_at: Option<DateTime>,
    /// Of the version.
    #[serde(skip)]
    pub created_at: DateTime,
}

/// Body of a new verification: opened as `pending`, or reported at once.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "verification_status": "passed", "verification_logs": "12 checks, 0 failures" }))]
#[read(body_optional)]
pub struct NewVerification {
    /// `pending` when missing.
    #[schema(value_type = Option<VerificationStatus>)]
    #[read(with = Word, default)]
    pub verification_status: VerificationStatus,
    #[schema(value_type = Option<String>, max_length = 10_485_760)]
    pub verification_logs: Option<Logs>,
    /// Activates the version in the transaction that reports it as passed.
    #[schema(value_type = Option<bool>)]
    #[read(default)]
    pub activate_when_passed: bool,
}

/// The outcome of a pending verification, or what is known of it so far.
#[derive(Debug, ToSchema, FromFields)]
#[schema(example = json!({ "verification_status": "failed", "verification_logs": "12 checks, 1 failure" }))]
pub struct VerificationReport {
    #[schema(value_type = VerificationStatus, required = false)]
    #[read(changed, with = Word)]
    pub verification_status: Option<VerificationStatus>,
    /// Replaced as a whole; `null` clears them.
    #[schema(value_type = Option<String>, max_length = 10_485_760)]
    pub verification_logs: Patch<Logs>,
    /// Activates the version in the transaction that reports it as passed.
    #[schema(value_type = bool, required = false)]
    #[read(changed)]
    pub activate_when_passed: Option<bool>,
}

/// Which page, in which order.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerificationPage {
    /// `-created_at`, or `created_at` for the oldest first.
    #[param(value_type = Option<ChronologicalSort>, example = "created_at")]
    pub sort: Order,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    pub cursor: Option<Cursor>,
}

impl VerificationPage {
    fn of(&self, rows: Rows<Verification>) -> Page<Box<RawValue>> {
        Page::new(rows, |row| Cursor::at(self.sort.as_str(), row.created_at, row.verification_id))
    }
}

impl FromParams for VerificationPage {
    fn from_params(params: &mut Params) -> Option<Self> {
        let sort = params.optional::<Word<Order>>("sort");
        let limit = params.optional("limit");
        let in_order = sort.flatten().map(|Word(order)| order).unwrap_or_default();
        let cursor = params.cursor_by_time(in_order.as_str());
        sort?;
        Some(Self { sort: in_order, limit: limit?.unwrap_or_default(), cursor: cursor? })
    }
}

/// Which verifications.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerificationList {
    /// Also as `status`.
    pub verification_status: Option<VerificationStatus>,
    /// Of this edge: its id or its name.
    #[param(value_type = Option<String>)]
    pub edge: Option<Reference>,
    /// Of this version of the edge: a number, `latest`, `active` or an alias.
    #[param(value_type = Option<VersionReference>, example = "latest")]
    pub version: Option<Which>,
    pub edge_version_id: Option<Uuid>,
    /// Reported by this user: their id, their username or `me`.
    #[param(value_type = Option<String>)]
    pub verified_by: Option<Reference>,
    /// Opened at this time or later.
    pub created_after: Option<DateTime>,
    /// Opened before this time.
    pub created_before: Option<DateTime>,
    #[param(ignore)]
    pub page: VerificationPage,
}

impl FromParams for VerificationList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let status = params.optional("verification_status");
        let short = params.optional("status");
        if let (Some(Some(_)), Some(Some(_))) = (&status, &short) {
            params.fault("status", "Is given more than once.");
        }
        let edge = params.optional::<Reference>("edge");
        let version = params.optional::<Which>("version");
        if let (Some(None), Some(Some(_))) = (&edge, &version) {
            params.fault("version", "Needs the edge.");
        }
        let edge_version_id = params.optional::<Id>("edge_version_id");
        let verified_by = params.optional::<Reference>("verified_by");
        let created_after = params.optional::<DateTime>("created_after");
        let created_before = params.optional::<DateTime>("created_before");
        let page = VerificationPage::from_params(params);
        let status: Option<Word<_>> = status?;
        Some(Self {
            verification_status: status.or(short?).map(|Word(status)| status),
            edge: edge?,
            version: version?,
            edge_version_id: edge_version_id?.map(|Id(id)| id),
            verified_by: verified_by?,
            created_after: created_after?,
            created_before: created_before?,
            page: page?,
        })
    }
}

/// In which order verifications are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Order {
    #[default]
    #[serde(rename = "-created_at")]
    Newest,
    #[serde(rename = "created_at")]
    Oldest,
}

impl Order {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "-created_at",
            Self::Oldest => "created_at",
        }
    }
}
