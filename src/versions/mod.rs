//! What blocks and edges have in common: they are listed in the same orders, archived and purged,
//! and each change of them appends a version. The database does the work
//! (`migrations/0005_versions.sql`); these are the words of its routes.

mod snapshots;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::api::etag::IfMatch;
use crate::api::page::Page;
use crate::api::problem::Problem;
use crate::api::reply::Reply;
use crate::db::Failure;

pub use crate::resource::listing::{Filter, Position, Sort, SortKeys};
pub use snapshots::{Difference, Version, VersionList, Which, tree};

/// A block or an edge, as its row shows it.
pub trait Versioned: Serialize {
    /// What refusals call it.
    const WHAT: &'static str;
    /// Where its list is.
    const PATH: &'static str;

    fn keys(&self) -> SortKeys<'_>;
}

/// 201 with a thing that is new.
///
/// # Errors
/// 500 when it has no JSON form.
pub fn created<T: Versioned>(thing: &T) -> Result<Reply, Problem> {
    let keys = thing.keys();
    let location = format!("{}/{}", T::PATH, keys.id);
    Ok(Reply::created(location, thing)?.revision(keys.updated_at))
}

/// 200 with a thing on its own, without what changes beside it.
///
/// # Errors
/// 500 when it has no JSON form.
pub fn shown<T: Versioned>(thing: &T) -> Result<Reply, Problem> {
    Ok(Reply::ok(thing)?.revision(thing.keys().updated_at))
}

/// A page of things, of whose rows one more was asked for.
pub fn page<T: Versioned>(
    rows: Vec<T>,
    position: &Position,
    request: &HttpRequest,
) -> HttpResponse {
    Page::new(rows, position.limit, |thing| {
        position.sort.cursor(&thing.keys())
    })
    .respond(request)
}

/// When a thing last changed, and since when it is archived.
pub struct Revision {
    pub updated_at: DateTime<Utc>,
    pub archived_at: Option<DateTime<Utc>>,
}

/// Why a change met no row: there is none, it has another revision, or the caller may not.
/// `archived` says whether the change was meant for archived things as well.
pub fn refusal(what: &str, found: Option<Revision>, if_match: &IfMatch, archived: bool) -> Failure {
    let found = found.filter(|found| archived || found.archived_at.is_none());
    if_match
        .refusal(what, found.map(|found| found.updated_at))
        .into()
}
