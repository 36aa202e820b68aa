//! Lists as tables: a page of JSON, or for who accepts that all of it as CSV or NDJSON.
//!
//! A table is read page by page, by the statement of the list, each page on its own: no connection
//! waits for a client who reads slowly, and no more than a page is kept. `as_of` makes it one moment.

use std::borrow::Cow;
use std::collections::HashMap;

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{StatusCode, Version};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::entity::Entity;
use crate::api::page::{Cursor, Limit, Page, Rows, next_link};
use crate::api::position::Position;
use crate::api::problem::Problem;
use crate::api::{accept, csv};
use crate::auth::caller::Caller;
use crate::db::{self, Db, Failure, Scope};
use crate::telemetry;

/// What is asked of a list that is a table as well.
pub trait Listed: 'static {
    type Row: Serialize;
    /// What the audit trail calls its rows.
    const ENTITY: Entity;
    /// What it is called, as a file.
    const NAME: &'static str;
    /// Every member that a row of it may have, in the order of the columns.
    const COLUMNS: &'static [&'static str];

    /// How much of it is asked for, and behind what.
    fn place(&mut self) -> (&mut Limit, &mut Option<Cursor>);
    /// The cursor behind a row.
    fn cursor(&self, row: &Self::Row) -> Cursor;
}

/// The statement of a list: one row more than the page has.
pub trait Select<L: Listed>:
    AsyncFn(&mut Scope<'_>, &L) -> Result<Rows<L::Row>, Failure> + 'static
{
}

impl<L: Listed, F> Select<L> for F where
    F: AsyncFn(&mut Scope<'_>, &L) -> Result<Rows<L::Row>, Failure> + 'static
{
}

/// As what a table is sent.
pub const MEDIA_TYPES: [&str; 2] = [csv::MEDIA_TYPE, NDJSON];

const NDJSON: &str = "application/x-ndjson";

/// In which form a list is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Ndjson,
}

impl Form {
    /// In the order of our own preference.
    const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Ndjson];

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => csv::MEDIA_TYPE,
            Self::Ndjson => NDJSON,
        }
    }

    /// JSON also for whoever accepts none of them: it always was.
    fn of(request: &HttpRequest) -> Self {
        accept::best(request, &Self::ALL, Self::media_type).unwrap_or(Self::Json)
    }

    /// What stands before the rows.
    fn head<L: Listed>(self) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Csv => csv::rows([L::COLUMNS]),
            _ => Ok(Vec::new()),
        }
    }

    fn rows<L: Listed>(self, items: &[Box<RawValue>]) -> Result<Vec<u8>, Problem> {
        if self == Self::Csv {
            let rows: Result<Vec<_>, _> = items.iter().map(|item| cells::<L>(item)).collect();
            return csv::rows(rows.map_err(|error| {
                tracing::error!(%error, "a row is no object");
                Problem::internal()
            })?);
        }
        let lines: String = items.iter().flat_map(|item| [item.get(), "\n"]).collect();
        Ok(lines.into_bytes())
    }
}

/// A row by its columns: texts, what is no text as JSON, and null as nothing.
fn cells<L: Listed>(item: &RawValue) -> serde_json::Result<Vec<Cow<'_, str>>> {
    let members: HashMap<&str, &RawValue> = serde_json::from_str(item.get())?;
    let cell = |column: &&str| match members.get(column).map(|value| value.get()) {
        None | Some("null") => Ok(Cow::Borrowed("")),
        Some(text) if text.starts_with('"') => {
            serde_json::from_str(text).map(|text: String| csv::cell(&text).into_owned().into())
        }
        Some(json) => Ok(json.into()),
    };
    L::COLUMNS.iter().map(cell).collect()
}

/// A list in the form that the client likes best: a page of it as JSON, or a table.
///
/// # Errors
/// Those of the database.
pub fn list<L: Listed>(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    wanted: L,
    select: impl Select<L>,
) -> impl Future<Output = Result<HttpResponse, Problem>> {
    list_with(request, db, caller, wanted, select, async move |rows, wanted: &L| {
        Ok(Page::new(rows, |row| wanted.cursor(row)).respond(request))
    })
}

/// As [`list`], for one whose page of JSON says more than others: `page` makes it.
///
/// # Errors
/// As [`list`], and those of `page`.
pub fn list_with<L: Listed>(
    request: &HttpRequest,
    db: &Db,
    caller: Caller,
    wanted: L,
    select: impl Select<L>,
    page: impl AsyncFnOnce(Rows<L::Row>, &L) -> Result<HttpResponse, Problem>,
) -> impl Future<Output = Result<HttpResponse, Problem>> {
    let form = Form::of(request);
    // The trail says once what was read, however many pages it has.
    let reading = caller.clone().reading(L::ENTITY, None);
    let mut walk = Walk { db: db.clone(), caller, wanted, select, after: db::after() };
    let is_whole = form != Form::Json && !walk.wanted.place().0.is_given();
    if is_whole {
        *walk.wanted.place().0 = Limit::MOST;
    }
    async move {
        let rows = walk.rows(&reading).await?;
        let mut response = match form {
            Form::Json => page(rows, &walk.wanted).await?,
            _ => table(request, form, walk, rows, is_whole)?,
        };
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
        Ok(response)
    }
}

fn table<L: Listed>(
    request: &HttpRequest,
    form: Form,
    walk: Walk<L, impl Select<L>>,
    rows: Rows<L::Row>,
    is_whole: bool,
) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::Ok();
    match form {
        Form::Csv => {
            let name = format!("attachment; filename=\"{}.csv\"", L::NAME);
            response.content_type("text/csv; charset=utf-8; header=present");
            response.insert_header((header::CONTENT_DISPOSITION, name))
        }
        _ => response.content_type(form.media_type()),
    };
    let mut begun = form.head::<L>()?;
    let (items, next) = walk.split(rows);
    begun.append(&mut form.rows::<L>(&items)?);
    let Some(cursor) = next else { return Ok(response.body(begun)) };
    if !is_whole {
        let link = next_link(request, &cursor.encode());
        return Ok(response.insert_header((header::LINK, link)).body(begun));
    }
    if request.version() < Version::HTTP_11 {
        return Err(Problem::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "http_version",
            "Over HTTP/1.0 nobody sees whether a list has come to its end: ask with `limit`, page by page, or over HTTP/1.1.",
        ));
    }
    let walk = walk.behind(cursor, items.len());
    let whose = telemetry::request_id().unwrap_or_default();
    let rest = stream::try_unfold(Some(walk), move |walk| {
        let request_id = whose.clone();
        async move {
            let Some(walk) = walk else { return Ok(None) };
            walk.step(form).await.map(Some).inspect_err(|problem| {
                let list = L::NAME;
                tracing::error!(request_id, list, %problem, "a list was cut off before its end");
            })
        }
    });
    let begun = stream::iter([Ok::<_, Problem>(Bytes::from(begun))]);
    Ok(response.streaming(begun.chain(rest)))
}

/// On the way through a list.
struct Walk<L, S> {
    db: Db,
    caller: Caller,
    wanted: L,
    select: S,
    /// Up to where the client has written.
    after: Position,
}

impl<L: Listed, S: Select<L>> Walk<L, S> {
    async fn rows(&self, caller: &Caller) -> Result<Rows<L::Row>, Problem> {
        self.db.run(caller, async |scope| (self.select)(scope, &self.wanted).await).await
    }

    fn split(&self, rows: Rows<L::Row>) -> (Vec<Box<RawValue>>, Option<Cursor>) {
        rows.split(|row| self.wanted.cursor(row))
    }

    /// The next page, and the way on from it if there is one.
    async fn step(self, form: Form) -> Result<(Bytes, Option<Self>), Problem> {
        let (rows, _) = db::travelling(self.after, self.rows(&self.caller)).await;
        let (items, next) = self.split(rows?);
        let sent = form.rows::<L>(&items)?;
        Ok((sent.into(), next.map(|cursor| self.behind(cursor, items.len()))))
    }

    /// On behind the page with that cursor. One that was full with `rows` before it had as many as
    /// were asked for has cost its connection: so fewer are asked for, until that is too few again.
    fn behind(mut self, cursor: Cursor, rows: usize) -> Self {
        let (limit, behind) = self.wanted.place();
        let was_full = rows < limit.rows();
        *limit = Limit::up_to(if was_full { rows } else { rows * 2 });
        *behind = Some(cursor);
        self
    }
}
