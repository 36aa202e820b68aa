//! What comes from a browser, and what goes back to it.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpResponse, HttpResponseBuilder};

use super::refusal::Refusal;
use crate::api::body;

/// A page is whoever's it was: nothing keeps it, also not on a machine that several use.
pub(super) const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// What somebody has entered into a form.
pub(super) struct Entered(pub(super) Vec<(String, String)>);

impl Entered {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An address below the console, as a browser has said it; nothing, unless it is one.
pub(super) fn below(place: &str) -> &str {
    let is_plain = place.starts_with('/') && place.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { place } else { "" }
}

/// 303: what there is to see is elsewhere.
pub(super) fn see_other(path: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, path)).insert_header(NO_STORE);
    response
}

/// The whole text of a request's body.
pub(super) async fn received(
    request: &mut ServiceRequest,
) -> Result<Vec<(String, String)>, Refusal> {
    let mut payload = request.take_payload();
    let bytes = body::receive(request.request(), &mut payload, |limit| limit.bytes).await?;
    let pairs = url::form_urlencoded::parse(&bytes);
    Ok(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}
