//! One function for each file in `sql/search/`.

use sqlx::types::Json;

use super::resolve::{ForeignHit, Resolved};
use super::{Facet, Kind, SearchAnswer, SearchRequest};
use crate::api::raw_json::RawJson;
use crate::db::{Failure, Scope};
use crate::filter::TaxonomyFilter;

pub(super) async fn search(
    scope: &mut Scope<'_>,
    request: &SearchRequest,
) -> Result<SearchAnswer, Failure> {
    let kinds: Vec<&str> = request.kinds.iter().copied().map(Kind::as_str).collect();
    let facets: Vec<&str> = request.facets.iter().copied().map(Facet::as_str).collect();
    let query = sqlx::query_file_as!(
        SearchAnswer,
        "sql/search/search.sql",
        scope.caller() as _,
        &kinds as _,
        request.condition.looked_up() as _,
        request.text.as_ref().map(|text| text.0.as_str()),
        request.vector.as_ref().map(|vector| vector.model.as_str()),
        request.vector.as_ref().map(|vector| vector.values.as_slice()),
        request.fresh,
        i32::from(request.limit),
        &facets as _,
        request.explain,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

/// What a filter of categories comes to.
pub(super) struct Named {
    /// By ids.
    pub filter: Option<RawJson>,
    /// With the categories below.
    pub written: Option<RawJson>,
    /// The JSON pointers to what names none.
    pub unknown: Vec<String>,
}

/// Without a filter it only finds out that the caller is somebody.
pub(super) async fn named(
    scope: &mut Scope<'_>,
    taxonomy: Option<&TaxonomyFilter>,
) -> Result<Named, Failure> {
    let query = sqlx::query_file_as!(
        Named,
        "sql/search/named.sql",
        scope.caller() as _,
        taxonomy.map(TaxonomyFilter::as_json) as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}

pub(super) async fn resolve(
    scope: &mut Scope<'_>,
    hits: &[ForeignHit],
    filter: Option<&RawJson>,
) -> Result<Resolved, Failure> {
    let query = sqlx::query_file_as!(
        Resolved,
        "sql/search/resolve.sql",
        scope.caller() as _,
        Json(hits) as _,
        filter as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}
