//! One function for each file in `sql/verifications/`.

use uuid::Uuid;

use super::{NewVerification, Verification, VerificationList, VerificationReport, VersionStatus};
use crate::api::etag::IfMatch;
use crate::api::page::Cursor;
use crate::api::page::Rows;
use crate::api::path::Reference;
use crate::api::time::DateTime;
use crate::db::{Failure, Scope};
use crate::versions::Which;

/// `None` when there is no such version.
pub(crate) async fn create(
    scope: &mut Scope<'_>,
    edge: &Reference,
    which: &Which,
    verification: &NewVerification,
) -> Result<Option<Verification>, Failure> {
    let query = sqlx::query_file_as!(
        Verification,
        "sql/verifications/create.sql",
        scope.caller() as _,
        edge.as_str(),
        which.to_string(),
        verification.verification_status as _,
        verification.verification_logs.as_ref().map(|text| text.as_str()),
        verification.activate_when_passed,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn report(
    scope: &mut Scope<'_>,
    verification: Uuid,
    report: &VerificationReport,
    if_match: &IfMatch,
) -> Result<Option<Verification>, Failure> {
    let (sets_logs, logs) = report.verification_logs.assignment();
    let query = sqlx::query_file_as!(
        Verification,
        "sql/verifications/report.sql",
        scope.caller() as _,
        verification,
        report.verification_status as _,
        sets_logs,
        logs.map(|text| text.as_str()),
        if_match.revisions(),
        report.activate_when_passed,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(super) async fn get(
    scope: &mut Scope<'_>,
    verification: Uuid,
) -> Result<Option<Verification>, Failure> {
    let query = sqlx::query_file_as!(
        Verification,
        "sql/verifications/get.sql",
        scope.caller() as _,
        verification,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

pub(crate) async fn revision(
    scope: &mut Scope<'_>,
    verification: Uuid,
) -> Result<Option<DateTime>, Failure> {
    let query = sqlx::query_file_scalar!(
        "sql/verifications/revision.sql",
        scope.caller() as _,
        verification,
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}

/// One row more than the page has.
pub(super) async fn list(
    scope: &mut Scope<'_>,
    list: &VerificationList,
) -> Result<Rows<Verification>, Failure> {
    let cursor = list.page.cursor.as_ref();
    let query = sqlx::query_file_as!(
        Verification,
        "sql/verifications/list.sql",
        scope.caller() as _,
        list.verification_status as _,
        list.edge.as_ref().map(Reference::as_str),
        list.version.as_ref().map(ToString::to_string),
        list.edge_version_id,
        list.verified_by.as_ref().map(Reference::as_str),
        list.created_after,
        list.created_before,
        list.page.sort.as_str(),
        cursor.and_then(Cursor::time),
        cursor.map(|cursor| cursor.id),
        list.page.limit.fetched(),
    );
    scope.rows(list.page.limit, |connection| query.fetch(connection)).await
}

/// `None` when there is no such version.
pub(super) async fn status(
    scope: &mut Scope<'_>,
    edge: &Reference,
    which: &Which,
) -> Result<Option<VersionStatus>, Failure> {
    let query = sqlx::query_file_as!(
        VersionStatus,
        "sql/verifications/status.sql",
        scope.caller() as _,
        edge.as_str(),
        which.to_string(),
    );
    Ok(query.fetch_optional(scope.connection()).await?)
}
