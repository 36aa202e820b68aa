//! How things with a name are listed: which of them, in which order, which page.

use std::str::FromStr;

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::verbs::{Paging, Resource};
use crate::api::page::{Cursor, CursorText, Limit};
use crate::api::query::{FromParams, Params, SearchText};
use crate::api::time::DateTime;

/// Which things with a name are listed.
#[derive(Debug, Default, PartialEq, Eq, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Exactly this name, without regard to case.
    pub name: Option<String>,
    /// With these words in the name or the description; `"…"`, `or` and `-` as in web searches. Words
    /// end at punctuation and numbers, in names also within camel case: `llama` finds `acme/llama-8b`
    /// and `LlamaForCausalLM`.
    #[param(max_length = 200)]
    #[read(with = SearchText)]
    pub q: Option<String>,
    /// Created at this time or later.
    pub created_after: Option<DateTime>,
    /// Created before this time.
    pub created_before: Option<DateTime>,
    /// `true` lists what is archived instead (yours, or all for admins).
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub archived: bool,
}

impl Filter {
    /// Whether all that is not archived is listed.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// In which order things with a name are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    Newest,
    Oldest,
    LatestChanged,
    EarliestChanged,
    Name,
    NameReversed,
}

/// `name`, `created_at` or `updated_at`, with `-` before it for the reverse.
#[derive(ToSchema)]
#[schema(as = Sort, value_type = String, pattern = "^-?(name|created_at|updated_at)$", default = "-created_at")]
#[allow(dead_code, reason = "the document only")]
pub struct NamedSort(String);

/// A thing with a name.
pub trait Named: Resource {
    fn name(&self) -> &str;
}

impl Sort {
    const ALL: [Self; 6] = [
        Self::Newest,
        Self::Oldest,
        Self::LatestChanged,
        Self::EarliestChanged,
        Self::Name,
        Self::NameReversed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "-created_at",
            Self::Oldest => "created_at",
            Self::LatestChanged => "-updated_at",
            Self::EarliestChanged => "updated_at",
            Self::Name => "name",
            Self::NameReversed => "-name",
        }
    }

    fn is_by_name(self) -> bool {
        matches!(self, Self::Name | Self::NameReversed)
    }
}

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|sort| sort.as_str() == text)
            .ok_or("Must be name, created_at or updated_at, with - before it for the reverse.")
    }
}

/// Which page, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Position {
    /// `name`, `created_at` or `updated_at`, with `-` before it for the reverse.
    #[param(value_type = Option<NamedSort>, example = "name")]
    pub sort: Sort,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<CursorText>)]
    pub cursor: Option<Cursor>,
}

impl Position {
    /// Time of the last row seen, in an order by time.
    pub fn time(&self) -> Option<DateTime> {
        self.cursor.as_ref().filter(|_| !self.sort.is_by_name())?.time()
    }

    /// Name of the last row seen, in an order by name.
    pub fn name(&self) -> Option<&str> {
        let cursor = self.cursor.as_ref().filter(|_| self.sort.is_by_name())?;
        Some(&cursor.key)
    }

    /// Id of the last row seen.
    pub fn id(&self) -> Option<Uuid> {
        self.cursor.as_ref().map(|cursor| cursor.id)
    }
}

impl<T: Named> Paging<T> for Position {
    fn cursor(&self, thing: &T) -> Cursor {
        let order = self.sort.as_str();
        match self.sort {
            Sort::Newest | Sort::Oldest => Cursor::at(order, thing.created_at(), thing.id()),
            Sort::LatestChanged | Sort::EarliestChanged => {
                Cursor::at(order, thing.revision(), thing.id())
            }
            Sort::Name | Sort::NameReversed => {
                Cursor { sort: order.to_owned(), key: thing.name().to_owned(), id: thing.id() }
            }
        }
    }
}

impl FromParams for Position {
    fn from_params(params: &mut Params) -> Option<Self> {
        let sort = params.optional::<Sort>("sort");
        let limit = params.optional("limit");
        let in_order = sort.flatten().unwrap_or_default();
        let cursor = params.cursor(|cursor| {
            if in_order.is_by_name() {
                cursor.sort == in_order.as_str()
            } else {
                cursor.is_at(in_order.as_str())
            }
        });
        Some(Self {
            sort: sort?.unwrap_or_default(),
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}
