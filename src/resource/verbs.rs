//! What the routes of every resource do, each given the statements of its own.
//!
//! A statement that changes a thing has its precondition in its own `where`, so one that meets no
//! row has to be told why: [`Revision`] is what is looked up then.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use uuid::Uuid;

use super::change::Change;
use crate::api::entity::Entity;
use crate::api::etag::IfMatch;
use crate::api::page::{Cursor, Page, Rows};
use crate::api::problem::Problem;
use crate::api::reply::Reply;
use crate::api::time::DateTime;
use crate::auth::caller::Caller;
use crate::db::{Db, Failure, Scope, Transaction};

/// A thing with an address and a revision, as its row shows it.
pub trait Resource: Serialize {
    /// What refusals call it.
    const WHAT: &'static str;
    /// What the audit trail calls it.
    const ENTITY: Entity;

    fn id(&self) -> Uuid;
    /// Where it is read.
    fn location(&self) -> String;
    fn created_at(&self) -> DateTime;
    /// When it last changed: what `ETag` and `If-Match` name.
    fn revision(&self) -> DateTime;
}

/// When a thing last changed, and since when it is archived.
pub struct Revision {
    pub updated_at: DateTime,
    pub archived_at: Option<DateTime>,
}

impl Revision {
    /// Of a thing that is never archived.
    pub fn of<T: Resource>(thing: Option<T>) -> Option<Self> {
        thing.map(|thing| thing.revision().into())
    }
}

impl From<DateTime> for Revision {
    fn from(updated_at: DateTime) -> Self {
        Self { updated_at, archived_at: None }
    }
}

/// Which things a change is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those that are not archived.
    Live,
    /// Archived ones as well.
    All,
}

/// A page of a list, in some order.
pub trait Paging<T> {
    /// The cursor behind a thing.
    fn cursor(&self, thing: &T) -> Cursor;
}

/// 201 with a thing that is new.
///
/// # Errors
/// What `insert` refuses.
pub async fn create<T: Resource>(
    db: &Db,
    change: &Change<impl Sized>,
    insert: impl AsyncFn(&mut Scope<'_>) -> Result<T, Failure>,
) -> Result<Reply, Problem> {
    change
        .make(db, async |scope| {
            let thing = insert(scope).await?;
            Ok(Reply::created(thing.location(), &thing)?.compound_revision(thing.revision()))
        })
        .await
}

/// A thing; that it is read goes into the audit trail where reads do.
///
/// # Errors
/// 404 when there is none, or none that the caller may see.
pub async fn find<T: Resource>(
    db: &Db,
    caller: Caller,
    reference: &str,
    select: impl AsyncFn(&mut Scope<'_>) -> Result<Option<T>, Failure>,
) -> Result<T, Problem> {
    let caller = caller.reading(T::ENTITY, Some(reference));
    db.find(&caller, T::WHAT, select).await
}

/// 200 with a thing on its own, without what changes beside it.
///
/// # Errors
/// As [`find`].
pub async fn read<T: Resource>(
    db: &Db,
    caller: Caller,
    reference: &str,
    select: impl AsyncFn(&mut Scope<'_>) -> Result<Option<T>, Failure>,
) -> Result<Reply, Problem> {
    shown(&find(db, caller, reference, select).await?)
}

/// 200 with the thing after a change of it, while it is not archived.
///
/// # Errors
/// What `write` refuses; that of [`why`] when it met no row.
pub async fn update<T: Resource>(
    db: &Db,
    change: &Change<impl Sized>,
    write: impl AsyncFn(&mut Scope<'_>) -> Result<Option<T>, Failure>,
    revision: impl AsyncFn(&mut Scope<'_>) -> Result<Option<Revision>, Failure>,
) -> Result<Reply, Problem> {
    write_to(db, change, Reach::Live, write, revision).await
}

/// 200 with a thing that is back from where it was archived.
///
/// # Errors
/// As [`update`].
pub async fn restore<T: Resource>(
    db: &Db,
    change: &Change<impl Sized>,
    write: impl AsyncFn(&mut Scope<'_>) -> Result<Option<T>, Failure>,
    revision: impl AsyncFn(&mut Scope<'_>) -> Result<Option<Revision>, Failure>,
) -> Result<Reply, Problem> {
    write_to(db, change, Reach::All, write, revision).await
}

async fn write_to<T: Resource>(
    db: &Db,
    change: &Change<impl Sized>,
    reach: Reach,
    write: impl AsyncFn(&mut Scope<'_>) -> Result<Option<T>, Failure>,
    revision: impl AsyncFn(&mut Scope<'_>) -> Result<Option<Revision>, Failure>,
) -> Result<Reply, Problem> {
    change
        .make(db, async |scope| match write(scope).await? {
            Some(thing) => Ok(shown(&thing)?),
            None => Err(why::<T>(revision(scope).await?, &change.if_match, reach)),
        })
        .await
}

/// 204 after a change of which there is nothing to show, such as a removal; `write` says the id of
/// what it met.
///
/// # Errors
/// As [`update`].
pub async fn write<T: Resource>(
    db: &Db,
    change: &Change<impl Sized>,
    reach: Reach,
    write: impl AsyncFn(&mut Scope<'_>) -> Result<Option<Uuid>, Failure>,
    revision: impl AsyncFn(&mut Scope<'_>) -> Result<Option<Revision>, Failure>,
) -> Result<Reply, Problem> {
    change
        .make(db, async |scope| match write(scope).await? {
            Some(_) => Ok(Reply::no_content()),
            None => Err(why::<T>(revision(scope).await?, &change.if_match, reach)),
        })
        .await
}

/// As [`write()`], for a statement that writes in several places.
///
/// # Errors
/// As [`update`].
pub async fn write_together<T: Resource>(
    db: &Db,
    change: &Change<impl Sized>,
    reach: Reach,
    write: impl AsyncFn(&mut Transaction<'_>) -> Result<Option<Uuid>, Failure>,
    revision: impl AsyncFn(&mut Scope<'_>) -> Result<Option<Revision>, Failure>,
) -> Result<Reply, Problem> {
    change
        .make_together(db, async |transaction| match write(transaction).await? {
            Some(_) => Ok(Reply::no_content()),
            None => Err(why::<T>(revision(transaction).await?, &change.if_match, reach)),
        })
        .await
}

/// 200 with a page of things, of whose rows `select` gets one more than the page has.
///
/// # Errors
/// Those of the database.
pub async fn page<T: Resource>(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    paging: &impl Paging<T>,
    select: impl AsyncFn(&mut Scope<'_>) -> Result<Rows<T>, Failure>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.reading(T::ENTITY, None);
    let rows = db.run(&caller, select).await?;
    Ok(paged(rows, paging, request))
}

/// 200 with a page of the things in `rows`, which are one more than it has when there is a next.
pub fn paged<T: Resource>(
    rows: Rows<T>,
    paging: &impl Paging<T>,
    request: &HttpRequest,
) -> HttpResponse {
    Page::new(rows, |thing| paging.cursor(thing)).respond(request)
}

/// 200 with a thing on its own.
///
/// # Errors
/// 500 when it has no JSON form.
pub fn shown<T: Resource>(thing: &T) -> Result<Reply, Problem> {
    Ok(Reply::ok(thing)?.compound_revision(thing.revision()))
}

/// Explains why no row was changed: 404 when there is no such thing, 412 when it has another
/// revision, and else 403, the caller may not.
pub fn why<T: Resource>(found: Option<Revision>, if_match: &IfMatch, reach: Reach) -> Failure {
    let found = found.filter(|found| reach == Reach::All || found.archived_at.is_none());
    if_match.refusal(T::WHAT, found.map(|found| found.updated_at)).into()
}
