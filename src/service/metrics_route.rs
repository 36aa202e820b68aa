//! `GET /metrics`: for this machine, and for who shows `METRICS_TOKEN`.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, get, web};
use subtle::ConstantTimeEq;

use crate::api::problem::Problem;
use crate::api::query::{NoParams, Query};
use crate::config::{Config, Secret};
use crate::perimeter::forwarding::is_passed_on;
use crate::telemetry::metrics::Metrics;

/// Who may read the metrics.
pub struct Readers {
    token: Option<Secret>,
}

impl Readers {
    pub fn new(config: &Config) -> Self {
        Self { token: config.metrics_token.clone() }
    }

    fn admit(&self, request: &HttpRequest) -> Result<(), Problem> {
        let is_local =
            request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        if is_local && !is_passed_on(request.head()) {
            return Ok(());
        }
        let Some(token) = &self.token else {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "metrics_are_local",
                "The metrics are shown to this machine only. With METRICS_TOKEN set, they are shown to who sends it as Authorization: Bearer.",
            ));
        };
        let shown = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
            .map(|(_, shown)| shown.trim_ascii());
        match shown {
            Some(shown) if bool::from(shown.ct_eq(token.as_bytes())) => Ok(()),
            Some(_) => Err(Problem::unauthorized("This is not the METRICS_TOKEN.")),
            None => Err(Problem::unauthorized("Send the METRICS_TOKEN as Authorization: Bearer.")),
        }
    }
}

/// What the service counts
///
/// For Prometheus. Shown to requests from the service's own machine, and to those that send
/// `METRICS_TOKEN` as `Authorization: Bearer`.
#[utoipa::path(
    operation_id = "get_metrics",
    responses(
        (status = 200, description = "Metrics in the text format of Prometheus", body = String, content_type = "text/plain; version=0.0.4"),
        (status = 401, description = "The token is missing or wrong", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Shown to the service's own machine only", body = Problem, content_type = "application/problem+json")
    )
)]
#[get("/metrics")]
pub async fn metrics(
    Query(NoParams): Query<NoParams>,
    request: HttpRequest,
    readers: web::Data<Readers>,
    metrics: web::Data<Metrics>,
) -> Result<HttpResponse, Problem> {
    readers.admit(&request)?;
    let text = metrics.text().map_err(|error| {
        tracing::error!(%error, "the metrics have no text form");
        Problem::internal()
    })?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn answer(
        peer: Option<&str>,
        token: Option<&str>,
        shown: Option<&str>,
    ) -> Option<&'static str> {
        let readers = Readers::new(&Config {
            metrics_token: token.map(|token| token.to_owned().into()),
            ..Config::default()
        });
        let mut request = TestRequest::default();
        if let Some(peer) = peer {
            request = request.peer_addr(peer.parse().expect("an address"));
        }
        if let Some(shown) = shown {
            request = request.insert_header(("Authorization", shown));
        }
        let outcome = readers.admit(&request.to_http_request());
        outcome.err().map(|problem| problem.code())
    }

    #[test]
    fn this_machine_is_the_loopback_and_nothing_else() {
        for here in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(answer(Some(here), None, None), None, "{here}");
        }
        for elsewhere in ["10.0.0.1:1", "[2001:db8::1]:1", "0.0.0.0:1"] {
            let refused = answer(Some(elsewhere), None, None);
            assert_eq!(refused, Some("metrics_are_local"), "{elsewhere}");
        }
        assert_eq!(answer(None, None, None), Some("metrics_are_local"));
    }

    #[test]
    fn the_token_opens_from_elsewhere() {
        let (peer, token) = (Some("10.0.0.1:1"), Some("0123456789abcdef"));
        assert_eq!(answer(peer, token, Some("Bearer 0123456789abcdef")), None);
        assert_eq!(answer(peer, token, Some("bEARER  0123456789abcdef ")), None);
        for wrong in [
            "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcdef0",
            "Bearer ",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
            "",
        ] {
            let refused = answer(peer, token, Some(wrong));
            assert_eq!(refused, Some("unauthorized"), "{wrong}");
        }
        assert_eq!(answer(peer, token, None), Some("unauthorized"));
    }
}
