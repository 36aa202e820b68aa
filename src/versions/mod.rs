//! What blocks and edges have in common: they are listed in the same orders, archived and purged,
//! and each change of them appends a version. The database does the work
//! (`migrations/0005_versions.sql`); these are the words of its routes.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::api::etag::IfMatch;
use crate::api::page::{Cursor, Limit};
use crate::api::problem::Problem;
use crate::api::query::{FromParams, Params};
use crate::api::raw_json::RawJson;
use crate::db::Failure;

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

/// By what a listed thing is sorted.
pub struct SortKeys<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
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

    /// The cursor behind a thing in this order.
    pub fn cursor(self, keys: &SortKeys<'_>) -> Cursor {
        match self {
            Self::Newest | Self::Oldest => Cursor::at(self.as_str(), keys.created_at, keys.id),
            Self::LatestChanged | Self::EarliestChanged => {
                Cursor::at(self.as_str(), keys.updated_at, keys.id)
            }
            Self::Name | Self::NameReversed => Cursor {
                sort: self.as_str().to_owned(),
                key: keys.name.to_lowercase(),
                id: keys.id,
            },
        }
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
    #[param(value_type = Option<String>, default = "-created_at", example = "name")]
    pub sort: Sort,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl Position {
    /// Time of the last row seen, in an order by time.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        self.cursor
            .as_ref()
            .filter(|_| !self.sort.is_by_name())?
            .time()
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

impl FromParams for Position {
    fn from_params(params: &mut Params) -> Option<Self> {
        let sort = params.optional::<Sort>("sort");
        let limit = params.optional("limit");
        let cursor = params.optional::<Cursor>("cursor");
        let sort = sort?.unwrap_or_default();
        if let Some(Some(cursor)) = &cursor
            && (cursor.sort != sort.as_str() || !(sort.is_by_name() || cursor.time().is_some()))
        {
            params.fault("cursor", "Is no cursor of this list in this order.");
            return None;
        }
        Some(Self {
            sort,
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
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

/// Which version, in a path or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Number(i32),
    Latest,
    Active,
}

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "latest" => Ok(Self::Latest),
            "active" => Ok(Self::Active),
            number => match number.parse() {
                Ok(number @ 1..) => Ok(Self::Number(number)),
                _ => Err("Must be the number of a version, latest or active."),
            },
        }
    }
}

impl Which {
    pub fn number(self) -> Option<i32> {
        match self {
            Self::Number(number) => Some(number),
            Self::Latest | Self::Active => None,
        }
    }
}

/// Which page of the versions.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionList {
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

const BY_NUMBER: &str = "-version_number";

impl VersionList {
    /// The number of the last version seen.
    pub fn before(&self) -> Option<i32> {
        self.cursor.as_ref()?.key.parse().ok()
    }

    /// The cursor behind a version.
    pub fn cursor(version_id: Uuid, number: i32) -> Cursor {
        Cursor {
            sort: BY_NUMBER.to_owned(),
            key: number.to_string(),
            id: version_id,
        }
    }
}

impl FromParams for VersionList {
    fn from_params(params: &mut Params) -> Option<Self> {
        let limit = params.optional("limit");
        let cursor = params.optional::<Cursor>("cursor");
        if let Some(Some(cursor)) = &cursor
            && (cursor.sort != BY_NUMBER || cursor.key.parse::<i32>().is_err())
        {
            params.fault("cursor", "Is no cursor of this list.");
            return None;
        }
        Some(Self {
            limit: limit?.unwrap_or_default(),
            cursor: cursor?,
        })
    }
}

/// From which version to which.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Difference {
    /// A number, `latest` or `active`.
    #[param(value_type = String, example = "1")]
    pub from: Which,
    /// A number, `latest` or `active`; `active` when missing.
    #[param(value_type = Option<String>, example = "latest")]
    pub to: Which,
}

impl FromParams for Difference {
    fn from_params(params: &mut Params) -> Option<Self> {
        let from = params.required("from");
        let to = params.optional("to");
        Some(Self {
            from: from?,
            to: to?.unwrap_or(Which::Active),
        })
    }
}

/// Metadata as a tree, to be compared.
///
/// # Errors
/// 500 when the database holds what is no JSON.
pub fn tree(metadata: &RawJson) -> Result<Value, Problem> {
    serde_json::from_str(metadata.get()).map_err(|error| {
        tracing::error!(%error, "metadata that is no JSON");
        Problem::internal()
    })
}
