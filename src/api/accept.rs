//! Which form of an answer a client likes best, by its `Accept` (RFC 9110 §12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};

/// The form that is liked best: of several the first of ours, which also is sent to whoever says
/// nothing. None when none is accepted.
pub fn best<F: Copy>(
    request: &HttpRequest,
    ours: &[F],
    media_type: impl Fn(F) -> &'static str,
) -> Option<F> {
    let ranges = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
    if ranges.is_empty() {
        return ours.first().copied();
    }
    let quality = |form: F| {
        let essence = media_type(form);
        let whole_type = essence.split('/').next().map(|top| format!("{top}/*"));
        // The most specific range decides.
        [Some(essence.to_owned()), whole_type, Some("*/*".to_owned())]
            .into_iter()
            .flatten()
            .find_map(|pattern| {
                ranges
                    .iter()
                    .find(|range| range.item.essence_str() == pattern)
                    .map(|range| range.quality)
            })
    };
    let mut best = None;
    for &form in ours {
        if let Some(quality) = quality(form)
            && quality > Quality::ZERO
            && best.is_none_or(|(_, highest)| quality > highest)
        {
            best = Some((form, quality));
        }
    }
    best.map(|(form, _)| form)
}
