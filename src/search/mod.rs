//! Search: blocks, edges and pipelines by words, by what they are to be, by a vector, or by several of
//! these. What is found and in which order, `app.find` in the database says.

mod queries;
pub mod resolve;
pub mod routes;
pub mod stores;

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::entity::BlockType;
use crate::api::fields::{Fields, FromFields};
use crate::api::page::Limit;
use crate::api::path::Reference;
use crate::api::query::FromParams;
use crate::api::raw_json::RawJson;
use crate::api::time::DateTime;
use crate::api::word::{Word, Words};
use crate::filter::{Conditions, Where};

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FoundKind)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Block,
    Edge,
    Pipeline,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Block, Self::Edge, Self::Pipeline];

    fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Edge => "edge",
            Self::Pipeline => "pipeline",
        }
    }
}

/// By what hits are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    Kind,
    BlockType,
    Category,
    Verified,
    Pipeline,
}

impl Facet {
    const ALL: [Self; 5] =
        [Self::Kind, Self::BlockType, Self::Category, Self::Verified, Self::Pipeline];

    fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::BlockType => "block_type",
            Self::Category => "category",
            Self::Verified => "verified",
            Self::Pipeline => "pipeline",
        }
    }
}

/// What is looked for in names, descriptions and metadata: 1,000 characters at most, since a search
/// costs words times rows.
#[derive(Debug)]
pub struct Sought(String);

impl FromStr for Sought {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('\0') {
            return Err("Must not have null characters.");
        }
        if text.chars().count() > 1000 {
            return Err("Has more than 1,000 characters.");
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Sought {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What is searched for, in a query string.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// With these words in the name, the description or the metadata; `"…"`, `or` and `-` as in web
    /// searches. The last word need not be written to its end.
    #[param(value_type = Option<String>, max_length = 1000, example = "churn model")]
    q: Option<Sought>,
    /// `block`, `edge`, `pipeline`, or several with commas between; all when missing.
    #[param(value_type = Option<String>, pattern = r"^ *(block|edge|pipeline) *(, *(block|edge|pipeline) *)*$", example = "block,edge")]
    #[read(default)]
    kind: Words<Kind>,
    /// `kind`, `block_type`, `category`, `verified`, `pipeline`, or several with commas between: the
    /// values that what is found has most, and how often.
    #[param(value_type = Option<String>, pattern = r"^ *(kind|block_type|category|verified|pipeline) *(, *(kind|block_type|category|verified|pipeline) *)*$", example = "kind,category")]
    #[read(default)]
    facets: Words<Facet>,
    /// `true` says of each hit which words were found in which field.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    explain: bool,
    /// How many hits are shown, the best ones.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    #[read(default)]
    limit: Limit,
    #[param(ignore)]
    #[read(flatten)]
    conditions: Conditions,
}

impl From<Search> for SearchRequest {
    fn from(search: Search) -> Self {
        let has = |kind: &Kind| search.kind.is_empty() || search.kind.has(kind);
        Self {
            text: search.q,
            vector: None,
            kinds: Kind::ALL.into_iter().filter(has).collect(),
            condition: search.conditions.condition.unwrap_or_default(),
            facets: Facet::ALL.into_iter().filter(|facet| search.facets.has(facet)).collect(),
            explain: search.explain,
            fresh: false,
            limit: search.limit,
        }
    }
}

/// A vector by which things are found that have embeddings of the same model.
#[derive(Debug, FromFields, ToSchema)]
pub struct SearchVector {
    /// An embedding model: its id or its name.
    #[schema(value_type = Reference, example = "all-minilm-l6-v2")]
    model: Reference,
    /// As many numbers as the model has dimensions.
    #[schema(min_items = 1, max_items = 4000)]
    values: Vec<f32>,
}

/// What is searched for. Words and a vector together find what either does, best first by both
/// (reciprocal rank fusion).
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "text": "churn",
    "kinds": ["block"],
    "where": {"block_type": "model", "metadata": {"/accuracy": {"gte": 0.9}}},
    "facets": ["block_type", "category"],
    "limit": 20
}))]
pub struct SearchRequest {
    /// Words, as `q` of `GET /search`.
    #[schema(value_type = Option<String>, max_length = 1000)]
    text: Option<Sought>,
    #[schema(value_type = Option<SearchVector>)]
    vector: Option<SearchVector>,
    /// All when missing.
    #[schema(value_type = Option<Vec<Kind>>, min_items = 1, max_items = 3)]
    kinds: Vec<Kind>,
    #[schema(value_type = Option<Where>)]
    #[serde(rename = "where")]
    condition: Where,
    /// By what hits are counted.
    #[schema(value_type = Option<Vec<Facet>>, max_items = 5)]
    facets: Vec<Facet>,
    /// Whether each hit says which words were found in which field.
    #[schema(value_type = Option<bool>)]
    explain: bool,
    /// Whether stale embeddings are left out.
    #[schema(value_type = Option<bool>)]
    fresh: bool,
    /// How many hits are shown, the best ones; 50 when missing.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 200)]
    limit: Limit,
}

impl FromFields for SearchRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let text = fields.optional("text");
        let vector = fields.optional_object("vector");
        let kinds = fields.optional::<Vec<Word<Kind>>>("kinds");
        let condition = fields.object("where");
        let facets = fields.optional::<Vec<Word<Facet>>>("facets");
        let explain = fields.optional("explain");
        let fresh = fields.optional("fresh");
        let limit = fields.optional("limit");
        let kinds = match kinds? {
            None => Kind::ALL.to_vec(),
            Some(kinds) if (1..=3).contains(&kinds.len()) => {
                kinds.into_iter().map(|Word(kind)| kind).collect()
            }
            Some(_) => {
                fields.fault("kinds", "Must have 1 to 3 kinds.");
                return None;
            }
        };
        let facets = facets?.unwrap_or_default();
        if facets.len() > Facet::ALL.len() {
            fields.fault("facets", "Must have at most 5 facets.");
            return None;
        }
        Some(Self {
            text: text?,
            vector: vector?,
            kinds,
            condition: condition?,
            facets: facets.into_iter().map(|Word(facet)| facet).collect(),
            explain: explain?.unwrap_or_default(),
            fresh: fresh?.unwrap_or_default(),
            limit: limit?.unwrap_or_default(),
        })
    }
}

/// What is found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchAnswer {
    /// The best ones, best first. What has exactly this name or id comes before all others.
    #[schema(value_type = Vec<Hit>)]
    pub hits: RawJson,
    /// How many there are; with a vector, how many were near enough to be ranked.
    pub total: i32,
    /// Whether all were looked at. If not, `total` is what was ranked, or what is so of the newest
    /// 100,000 blocks and edges that a filter of metadata had to be asked of one by one.
    pub is_complete: bool,
    /// How the words were mended, when nothing had those that were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub spelling: Option<String>,
    /// With a vector: whether it was compared with all others, and not only with those that an index
    /// finds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub exact: Option<bool>,
    /// Of each facet that was asked for, the 20 most frequent values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false, example = json!({"block_type": [{"value": "model", "count": 12}]}))]
    pub facets: Option<RawJson>,
}

/// A block, an edge or a pipeline that is found.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct Hit {
    kind: Kind,
    id: Uuid,
    name: String,
    updated_at: DateTime,
    /// Of a block.
    #[schema(value_type = BlockType, required = false)]
    block_type: Option<BlockType>,
    /// Of an edge: `passed`, `failed`, `pending` or `none`.
    #[schema(value_type = String, required = false)]
    verification_status: Option<String>,
    /// Of a block or an edge.
    #[schema(value_type = Uuid, required = false)]
    current_version_id: Option<Uuid>,
    /// Of the active version of a block or an edge.
    #[schema(value_type = i32, required = false)]
    version_number: Option<i32>,
    /// Of the description, and of metadata if need be, the parts with the words that were found, each
    /// between `**`. Plain text.
    snippet: Option<String>,
    /// What it is ranked by: higher is better, within one answer. Null when only a filter found it.
    score: Option<f32>,
    matched_by: Vec<Match>,
    /// With `explain`: which words were found in which field.
    #[schema(value_type = Vec<FoundWords>, required = false)]
    explain: Option<Vec<FoundWords>>,
}

/// How something was found.
#[derive(ToSchema)]
#[schema(as = SearchMatch)]
#[allow(dead_code, reason = "the document only")]
pub struct Match {
    mode: MatchMode,
    /// Its place by this mode alone.
    rank: i32,
    /// By words.
    #[schema(value_type = Option<f32>, required = false)]
    score: Option<f32>,
    /// By a vector: how far away, by the distance of the model.
    #[schema(value_type = f64, required = false)]
    distance: Option<f64>,
    /// By a vector: whether the embedding is of another version, or another text, than today's.
    #[schema(value_type = bool, required = false)]
    stale: Option<bool>,
}

/// `exact` name or id; `words`; `spelling`: words after mending; `vector`; `filter` alone.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "the document only")]
pub enum MatchMode {
    Exact,
    Words,
    Spelling,
    Vector,
    Filter,
}

/// Words that were found in a field.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the document only")]
pub struct FoundWords {
    /// `name`, `description` or `metadata`.
    field: String,
    /// Without their endings.
    words: Vec<String>,
}
