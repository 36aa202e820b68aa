//! One function for each file in `sql/search/`.

use sqlx::types::Json;

use super::resolve::{ForeignHits, Resolved};
use super::{Facet, Kind, SearchAnswer, SearchRequest};
use crate::db::{Failure, Scope};

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

pub(super) async fn resolve(
    scope: &mut Scope<'_>,
    hits: &ForeignHits,
) -> Result<Resolved, Failure> {
    let query = sqlx::query_file_as!(
        Resolved,
        "sql/search/resolve.sql",
        scope.caller() as _,
        Json(&hits.hits) as _,
    );
    Ok(query.fetch_one(scope.connection()).await?)
}
