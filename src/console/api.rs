//! The API, as pages and forms ask it: through the routes, without the network.

use actix_web::body::{self, BoxBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue, InvalidHeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse, error};
use futures_util::stream;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// What of a browser's request its requests within have as well: where it comes from, and how.
const KEPT: [&str; 6] = [
    "host",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-forwarded-proto",
];

/// No page has more of an answer.
const MOST_BYTES: usize = 32 << 20;

/// One browser's request, which becomes one request of the API after the other.
pub(super) struct Api {
    request: Option<ServiceRequest>,
    next: Next<BoxBody>,
    lost: Option<Error>,
    asked: Vec<String>,
}

/// What a route has answered.
pub(super) struct Answer {
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
}

impl Api {
    pub(super) fn new(request: ServiceRequest, next: Next<BoxBody>) -> Self {
        Self { request: Some(request), next, lost: None, asked: Vec::new() }
    }

    /// The request; missing when it went down with its handler.
    pub(super) fn request(&mut self) -> Result<&mut ServiceRequest, Refusal> {
        self.request.as_mut().ok_or_else(Refusal::internal)
    }

    /// What was read so far.
    pub(super) fn asked(&self) -> &[String] {
        &self.asked
    }

    /// Reads something.
    ///
    /// # Errors
    /// What the route refuses.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, target: &str) -> Result<T, Refusal> {
        let answer = self.call(Method::GET, target, "application/json", &[], Bytes::new()).await?;
        self.asked.push(target.to_owned());
        serde_json::from_slice(&answer.body).map_err(|error| {
            tracing::error!(%error, target, "the console reads an answer otherwise than it is");
            Refusal::internal()
        })
    }

    /// Reads a drawing.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(super) async fn drawing(&mut self, target: &str) -> Result<Bytes, Refusal> {
        let nothing = Bytes::new();
        Ok(self.call(Method::GET, target, "image/svg+xml", &[], nothing).await?.body)
    }

    /// Makes one request.
    ///
    /// # Errors
    /// What the route refuses.
    pub(super) async fn call(
        &mut self,
        method: Method,
        target: &str,
        accept: &'static str,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let uri: Uri = target.parse().map_err(|_| Refusal::not_found("Address"))?;
        let more =
            headers.iter().map(|(name, value)| Ok((name.clone(), HeaderValue::from_str(value)?)));
        let more: Result<Vec<_>, InvalidHeaderValue> = more.collect();
        let more = more.map_err(|_| Refusal::not_found("Form"))?;
        // Nothing goes wrong from here on, or the request would be gone.
        let mut request = self.request.take().ok_or_else(Refusal::internal)?;
        request.head_mut().method = method;
        request.match_info_mut().get_mut().update(&uri);
        request.match_info_mut().reset();
        request.head_mut().uri = uri;
        let others: Vec<HeaderName> = request.headers().keys().cloned().collect();
        let all = request.headers_mut();
        for name in others {
            if !KEPT.contains(&name.as_str()) {
                all.remove(name);
            }
        }
        all.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if !body.is_empty() {
            all.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in more {
            all.insert(name, value);
        }
        let body = Box::pin(stream::once(async { Ok(body) }));
        request.set_payload(Payload::Stream { payload: body });
        let response = match self.next.call(request).await {
            Ok(response) => response,
            Err(error) => {
                self.lost = Some(error);
                return Err(Refusal::internal());
            }
        };
        let (request, response) = response.into_parts();
        self.request = Some(ServiceRequest::from_request(request));
        let status = response.status();
        let location = response.headers().get(header::LOCATION);
        let location = location.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let Ok(Ok(body)) = body::to_bytes_limited(response.into_body(), MOST_BYTES).await else {
            return Err(Refusal::internal());
        };
        if status.is_success() {
            Ok(Answer { location, body })
        } else {
            Err(Refusal::read(status, &body))
        }
    }

    /// The answer to the browser.
    pub(super) fn end(self, response: HttpResponse) -> Result<ServiceResponse<BoxBody>, Error> {
        match (self.request, self.lost) {
            (Some(request), _) => Ok(request.into_response(response)),
            (None, Some(error)) => Err(error),
            (None, None) => {
                Err(error::ErrorInternalServerError("a request of the console is lost"))
            }
        }
    }
}
