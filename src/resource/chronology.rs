//! Lists in the order in which their rows were made.

use std::str::FromStr;

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::verbs::{Paging, Resource};
use crate::api::page::{Cursor, CursorText, Limit};
use crate::api::query::{FromParams, Params};
use crate::api::time::DateTime;

/// Whether the newest or the oldest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    Newest,
    Oldest,
}

/// `created_at`, the oldest first, or `-created_at`, the newest first.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^-?created_at$", default = "-created_at")]
#[allow(dead_code, reason = "the document only")]
pub struct ChronologicalSort(String);

impl Order {
    fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "-created_at",
            Self::Oldest => "created_at",
        }
    }
}

impl FromStr for Order {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Newest, Self::Oldest]
            .into_iter()
            .find(|order| order.as_str() == text)
            .ok_or("Must be -created_at or created_at.")
    }
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Chronology {
    /// `-created_at` or `created_at`.
    #[param(value_type = Option<ChronologicalSort>)]
    sort: Order,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    cursor: Option<Cursor>,
}

impl Chronology {
    pub fn oldest_first(&self) -> bool {
        self.sort == Order::Oldest
    }

    /// Time of the last row seen.
    pub fn time(&self) -> Option<DateTime> {
        self.cursor.as_ref()?.time()
    }

    /// Id of the last row seen.
    pub fn id(&self) -> Option<Uuid> {
        self.cursor.as_ref().map(|cursor| cursor.id)
    }

    /// The cursor behind a row.
    pub fn after(&self, created_at: DateTime, id: Uuid) -> Cursor {
        Cursor::at(self.sort.as_str(), created_at, id)
    }
}

impl<T: Resource> Paging<T> for Chronology {
    fn cursor(&self, thing: &T) -> Cursor {
        self.after(thing.created_at(), thing.id())
    }
}

impl FromParams for Chronology {
    fn from_params(params: &mut Params) -> Option<Self> {
        let sort = params.optional::<Order>("sort");
        let limit = params.optional("limit");
        let order = sort.flatten().unwrap_or_default();
        let cursor = params.cursor_by_time(order.as_str());
        let sort = sort?.unwrap_or_default();
        Some(Self { sort, limit: limit?.unwrap_or_default(), cursor: cursor? })
    }
}
