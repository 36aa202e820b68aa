//! What surrounds a request at the network's edge: where it comes from, how many there may be,
//! and what a browser may do with the answer.

mod cors;
pub(crate) mod forwarding;
mod rate_limit;
mod security_headers;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderValue, LINK, LOCATION, WWW_AUTHENTICATE};
use actix_web::{HttpMessage, HttpRequest, web};

pub use cors::cors;
pub use forwarding::{Forwarding, Network};
use rate_limit::{RateLimits, Standing};
use security_headers::Audience;

use crate::api::problem::Problem;
use crate::config::Config;

const ASK_FOR_A_KEY: HeaderValue = HeaderValue::from_static(
    r#"Basic realm="Blockyard: an API key as the password", charset="UTF-8""#,
);

/// A whole request, unless the application has a perimeter.
const DEFAULT_TIME: Duration = Duration::from_mins(1);

/// What the configuration says of the perimeter. The application holds one, as `web::Data<Perimeter>`.
pub struct Perimeter {
    forwarding: Forwarding,
    limits: Arc<RateLimits>,
    time: Duration,
}

impl Perimeter {
    /// Has to be called within a runtime: what has been counted is forgotten by a task.
    pub fn new(config: &Config) -> Self {
        let limits = Arc::new(RateLimits::new(config));
        RateLimits::forget_regularly(&limits);
        Self {
            forwarding: Forwarding::new(config),
            limits,
            time: Duration::from_secs(config.request_seconds.into()),
        }
    }
}

/// One request, from its arrival to the headers of its answer.
pub struct Visit {
    perimeter: Option<web::Data<Perimeter>>,
    network: Network,
    audience: Audience,
    is_https: bool,
    is_limited: bool,
    standing: Option<Standing>,
    /// Below which path the client finds the service.
    prefix: Option<String>,
}

impl Visit {
    pub fn of(request: &ServiceRequest) -> Self {
        let perimeter = request.app_data::<web::Data<Perimeter>>().cloned();
        let forwarding =
            perimeter.as_ref().map_or_else(Forwarding::default, |perimeter| perimeter.forwarding);
        let path = request.path();
        Self {
            network: forwarding.network(request.head()),
            audience: Audience::of(path),
            is_https: forwarding.is_https(request.head()),
            is_limited: is_limited(path),
            standing: None,
            prefix: forwarding.prefix(request.head()).map(str::to_owned),
            perimeter,
        }
    }

    /// Counts the request for the address that it comes from.
    ///
    /// # Errors
    /// 429 when there were too many.
    pub fn admit(&mut self) -> Result<(), Problem> {
        if let Some(perimeter) = self.perimeter.as_ref().filter(|_| self.is_limited) {
            self.standing = perimeter.limits.admit_address(self.network)?;
        }
        Ok(())
    }

    /// How long the request may take.
    pub fn time(&self) -> Duration {
        self.perimeter.as_ref().map_or(DEFAULT_TIME, |perimeter| perimeter.time)
    }

    /// Adds to an answer what a browser may do with it, and how many requests are left. `request`
    /// is missing when it went down with its handler.
    pub fn sign(&self, request: Option<&HttpRequest>, headers: &mut HeaderMap) {
        self.audience.tell(self.is_https, headers);
        if headers.contains_key(WWW_AUTHENTICATE) && request.is_some_and(is_opened) {
            headers.append(WWW_AUTHENTICATE, ASK_FOR_A_KEY);
        }
        if let Some(prefix) = &self.prefix {
            put_below(prefix, headers);
        }
        if let Some(perimeter) = self.perimeter.as_ref().filter(|_| self.is_limited) {
            let caller = request.and_then(|request| request.extensions().get().copied());
            perimeter.limits.tell(Standing::tighter(caller, self.standing), headers);
        }
    }
}

/// Whether somebody has opened the address in a browser, which then asks for an API key, as a password.
/// (Where it does not trust the connection, a browser does not say what it fetches for; only pages are
/// asked for as HTML.)
fn is_opened(request: &HttpRequest) -> bool {
    let header =
        |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match header("Sec-Fetch-Mode") {
        Some(mode) => mode == "navigate",
        None => header("Accept").is_some_and(|accepted| accepted.starts_with("text/html")),
    }
}

/// Leads what an answer refers to below the path where the client finds the service.
fn put_below(prefix: &str, headers: &mut HeaderMap) {
    for (name, before) in [(LOCATION, ""), (LINK, "<")] {
        let path = headers.get(&name).and_then(|value| value.to_str().ok()?.strip_prefix(before));
        if let Some(path) = path.filter(|path| path.starts_with('/'))
            && let Ok(value) = HeaderValue::try_from(format!("{before}{prefix}{path}"))
        {
            headers.insert(name, value);
        }
    }
}

/// Below which path the client finds the service: nothing, or as `/registry`.
pub fn prefix(request: &HttpRequest) -> &str {
    let perimeter = request.app_data::<web::Data<Perimeter>>();
    perimeter.and_then(|perimeter| perimeter.forwarding.prefix(request.head())).unwrap_or_default()
}

/// Whether the client itself spoke TLS.
pub fn is_https(request: &HttpRequest) -> bool {
    let perimeter = request.app_data::<web::Data<Perimeter>>();
    perimeter.is_some_and(|perimeter| perimeter.forwarding.is_https(request.head()))
}

/// Whether requests of a path are counted. Who watches over the service always gets an answer.
pub fn is_limited(path: &str) -> bool {
    !path.starts_with("/health/") && path != "/metrics"
}

/// Counts the request for its verified caller, whoever shows the same number.
///
/// # Errors
/// 429 when there were too many.
pub fn admit_caller(request: &HttpRequest, caller: u128) -> Result<(), Problem> {
    let Some(perimeter) = request.app_data::<web::Data<Perimeter>>() else {
        return Ok(());
    };
    if let Some(standing) = perimeter.limits.admit_caller(caller)? {
        request.extensions_mut().insert(standing);
    }
    Ok(())
}
