//! Keyset pages: a cursor names the last row that was seen, never an offset.

use std::str::FromStr;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use url::form_urlencoded;
use utoipa::ToSchema;
use uuid::Uuid;

use super::path;
use super::problem::Problem;
use super::time::DateTime;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` to get the next page; null on the last one.
    #[schema(value_type = Option<CursorText>)]
    pub next_cursor: Option<String>,
}

impl Page<Box<RawValue>> {
    pub fn new<T: Serialize>(rows: Rows<T>, cursor: impl Fn(&T) -> Cursor) -> Self {
        let (items, next) = rows.split(cursor);
        Self { items, next_cursor: next.map(|cursor| cursor.encode()) }
    }
}

/// No page is larger, unless by its first row: it ends before the row that would make it so.
const MOST_BYTES: usize = 8 << 20;

/// The rows of a page as they are answered, and whether there are more.
pub struct Rows<T> {
    items: Vec<Box<RawValue>>,
    /// The last of them, which a cursor names.
    last: Option<T>,
    more: bool,
    limit: Limit,
    bytes: usize,
}

impl<T: Serialize> Rows<T> {
    /// None so far. One more than `limit` is asked for, so that a full last page does not point to
    /// an empty one.
    pub fn none(limit: Limit) -> Self {
        Self { items: Vec::new(), last: None, more: false, limit, bytes: 0 }
    }

    /// Takes one more, unless the page is full.
    ///
    /// # Errors
    /// 500 when it has no JSON form.
    pub fn push(&mut self, row: T) -> Result<(), Problem> {
        self.more |= self.items.len() == self.limit.rows();
        if self.more {
            return Ok(());
        }
        let item = to_raw_value(&row).map_err(|_| Problem::internal())?;
        self.bytes += item.get().len();
        self.more = self.bytes > MOST_BYTES && !self.items.is_empty();
        if !self.more {
            self.items.push(item);
            self.last = Some(row);
        }
        Ok(())
    }

    /// Whether it is full before it has as many rows as were asked for.
    pub fn ends_early(&self) -> bool {
        self.more && self.items.len() < self.limit.rows()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn last(&self) -> Option<&T> {
        self.last.as_ref()
    }

    /// The rows, and the cursor behind them if there are more.
    pub fn split(self, cursor: impl Fn(&T) -> Cursor) -> (Vec<Box<RawValue>>, Option<Cursor>) {
        (self.items, self.last.filter(|_| self.more).map(|last| cursor(&last)))
    }

    /// The last, or the only one.
    pub fn into_last(self) -> Option<T> {
        self.last
    }
}

impl<T: Serialize> Page<T> {
    /// The page as an answer, with `Link: rel="next"` (RFC 8288).
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        respond(self, self.next_cursor.as_deref(), request)
    }
}

/// A page of whatever form as an answer, with `Link: rel="next"` (RFC 8288).
pub fn respond(
    page: &impl Serialize,
    next_cursor: Option<&str>,
    request: &HttpRequest,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next_cursor {
        response.insert_header((header::LINK, next_link(request, cursor)));
    }
    response.json(page)
}

/// The value of `Link` that leads from this request to the page behind `cursor`.
pub fn next_link(request: &HttpRequest, cursor: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(
            form_urlencoded::parse(request.query_string().as_bytes())
                .filter(|(name, _)| name != "cursor"),
        )
        .append_pair("cursor", cursor)
        .finish();
    format!("<{}?{query}>; rel=\"next\"", path::normalized(request.path()))
}

/// How many rows a page has: 1 to 200, 50 unless asked otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit(Option<u8>);

const ROWS: u8 = 50;
const MOST_ROWS: u8 = 200;

const NO_LIMIT: &str = "Must be a whole number from 1 to 200.";

impl Limit {
    /// The most that a page may have.
    pub const MOST: Self = Self(Some(MOST_ROWS));

    /// As many, or else the most.
    pub fn up_to(rows: usize) -> Self {
        Self(Some(u8::try_from(rows).map_or(MOST_ROWS, |rows| rows.min(MOST_ROWS))))
    }

    /// Whether somebody has asked for it.
    pub fn is_given(self) -> bool {
        self.0.is_some()
    }

    pub fn rows(self) -> usize {
        self.0.unwrap_or(ROWS).into()
    }

    /// What the statement asks for: one more, to see whether there is a next page.
    pub fn fetched(self) -> i64 {
        i64::from(self.0.unwrap_or(ROWS)) + 1
    }
}

impl From<Limit> for i32 {
    fn from(limit: Limit) -> Self {
        limit.0.unwrap_or(ROWS).into()
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer).ok().map(u8::try_from) {
            Some(Ok(rows @ 1..=MOST_ROWS)) => Ok(Self(Some(rows))),
            _ => Err(D::Error::custom(NO_LIMIT)),
        }
    }
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            // A sign is no part of a number here.
            Ok(rows @ 1..=MOST_ROWS) if !text.starts_with('+') => Ok(Self(Some(rows))),
            _ => Err(NO_LIMIT),
        }
    }
}

/// The last row of a page: in which order, its key in that order, its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    #[serde(rename = "s")]
    pub sort: String,
    #[serde(rename = "k")]
    pub key: String,
    #[serde(rename = "i")]
    pub id: Uuid,
}

/// A cursor as clients see it: one opaque word.
#[derive(ToSchema)]
#[schema(as = Cursor, value_type = String, pattern = "^[A-Za-z0-9_-]+$")]
#[allow(dead_code, reason = "the document only")]
pub struct CursorText(String);

impl Cursor {
    /// A cursor in an order by time.
    pub fn at(sort: &str, time: DateTime, id: Uuid) -> Self {
        Self { sort: sort.to_owned(), key: time.to_string(), id }
    }

    /// The key of an order by time.
    pub fn time(&self) -> Option<DateTime> {
        self.key.parse().ok()
    }

    /// Whether it is of a list in this order, which is one by time.
    pub fn is_at(&self, sort: &str) -> bool {
        self.sort == sort && self.time().is_some()
    }

    pub fn encode(&self) -> String {
        serde_json::to_vec(self).map(|json| URL_SAFE_NO_PAD.encode(json)).unwrap_or_default()
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|json| serde_json::from_slice::<Self>(&json).ok())
            .filter(|cursor| !cursor.key.contains('\0'))
            .ok_or("Is no cursor of this list.")
    }
}
