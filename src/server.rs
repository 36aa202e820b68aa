//! The HTTP server: all routes in one list, and what surrounds each request.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::dev::{ResponseHead, Server, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::Bytes;
use actix_web::{App, Error, HttpRequest, HttpServer, ResponseError, web};
use futures_util::{FutureExt, stream};
use opentelemetry::trace::TraceId;
use tokio::time::timeout;
use utoipa_actix_web::{AppExt, UtoipaApp};
use uuid::Uuid;

use crate::api::body::BodyLimit;
use crate::api::known_paths::KnownPaths;
use crate::api::path;
use crate::api::position::Position;
use crate::api::problem::{CONTENT_TYPE, Problem};
use crate::api::router::Router;
use crate::api::unread::Unread;
use crate::auth::Gatekeeper;
use crate::config::Config;
use crate::db::{self, Db};
use crate::document::{page, served};
use crate::engine::Engine;
use crate::perimeter::{self, Perimeter, Visit};
use crate::search::stores::Stores;
use crate::service::drain::Drain;
use crate::service::metrics_route::Readers;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::served::Served;
use crate::telemetry::traces::{RequestSpan, TraceParent};
use crate::{
    aliases, api_keys, audit, blocks, changes, code_repos, console, dependencies, docker_images,
    document, edges, embeddings, lineage, locks, pipelines, preview, registry_file, runs, search,
    service, sessions, taxonomy, telemetry, users, vectors, verifications,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every route of the service, and so of its document.
fn routes(config: &mut impl Router) {
    // What is asked for most comes first: a path is tried against one route after the other.
    blocks::routes::configure(config);
    blocks::version_routes::configure(config);
    edges::routes::configure(config);
    edges::version_routes::configure(config);
    pipelines::routes::configure(config);
    pipelines::graph_routes::configure(config);
    pipelines::part_routes::configure(config);
    pipelines::gate_routes::configure(config);
    service::routes::configure(config);
    sessions::routes::configure(config);
    users::routes::configure(config);
    users::password_route::configure(config);
    api_keys::routes::configure(config);
    verifications::routes::configure(config);
    verifications::version_routes::configure(config);
    taxonomy::routes::configure(config);
    taxonomy::tree_routes::configure(config);
    taxonomy::link_routes::configure(config);
    aliases::routes::configure(config);
    preview::routes::configure(config);
    registry_file::routes::configure(config);
    code_repos::routes::configure(config);
    docker_images::routes::configure(config);
    docker_images::log_routes::configure(config);
    dependencies::routes::configure(config);
    dependencies::dependent_routes::configure(config);
    vectors::block_routes::configure(config);
    vectors::edge_routes::configure(config);
    embeddings::model_routes::configure(config);
    embeddings::routes::configure(config);
    runs::routes::configure(config);
    runs::engine_routes::configure(config);
    locks::routes::configure(config);
    lineage::routes::configure(config);
    changes::routes::configure(config);
    search::routes::configure(config);
    audit::routes::configure(config);
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    let app: UtoipaApp<_> =
        App::new().into_utoipa_app().openapi(document::ground()).configure(|config| routes(config));
    let (_, mut document) = app.split_for_parts();
    document::complete(&mut document);
    document
}

/// Makes the database hold the rules that the configuration asks for: before the first request.
///
/// # Errors
/// When the database does not answer.
pub async fn prepare(config: &Config, db: &Db) -> Result<(), Problem> {
    if config.require_independent_verifier {
        db.require_independent_verifier().await?;
    }
    Engine::prepare(config, db).await
}

/// Starts to serve on `listener`; the returned server runs until it is told to stop. The engine is that of
/// [`Engine::start`], which whoever stops the server lets resign.
///
/// # Errors
/// When the listener cannot be used.
pub fn start(
    listener: TcpListener,
    config: &Config,
    db: Db,
    gatekeeper: Gatekeeper,
    drain: &Drain,
    engine: web::Data<Engine>,
) -> io::Result<Server> {
    let drain = web::Data::new(drain.clone());
    let gatekeeper = web::Data::new(gatekeeper);
    let document = document();
    let known = Arc::new(KnownPaths::of(&document, &served::PATHS));
    let beside = served::PATHS.into_iter().chain([console::PATTERN]);
    let patterns = document.paths.paths.keys().map(String::as_str).chain(beside);
    let stores = web::Data::new(Stores::new(config).map_err(io::Error::other)?);
    let metrics = db
        .collectors()
        .and_then(|mut others| {
            others.extend(engine.collectors());
            others.extend(stores.collectors());
            Metrics::new(patterns, others)
        })
        .map_err(io::Error::other)?;
    let metrics = web::Data::new(metrics);
    let readers = web::Data::new(Readers::new(config));
    let texts = served::all();
    let perimeter = web::Data::new(Perimeter::new(config));
    let origins = config.cors_allowed_origins.clone();
    let body_limit = BodyLimit {
        bytes: config.body_limit,
        file_bytes: config.apply_body_limit,
        time: seconds(config.body_seconds),
    };
    let rules = console::Rules { independent_verifier: config.require_independent_verifier };
    let rules = web::Data::new(rules);
    let workers = match usize::from(config.workers) {
        0 => std::thread::available_parallelism()?.get(),
        workers => workers,
    };
    let server = HttpServer::new(move || {
        let known = Arc::clone(&known);
        let texts = texts.clone();
        App::new()
            .app_data(web::Data::new(db.clone()))
            .app_data(gatekeeper.clone())
            .app_data(perimeter.clone())
            .app_data(drain.clone())
            .app_data(metrics.clone())
            .app_data(readers.clone())
            .app_data(engine.clone())
            .app_data(stores.clone())
            .app_data(rules.clone())
            .app_data(body_limit)
            .app_data(path::config())
            .configure(routes)
            .configure(|config| served::configure(&texts, self::document, config))
            .service(web::redirect("/docs", "/docs/"))
            .route("/docs/{_:.*}", web::get().to(page::file))
            .default_service(web::to(move |request: HttpRequest| {
                let answer = known.answer(&request);
                async move { answer }
            }))
            .wrap(from_fn(console::serve))
            .wrap(from_fn(around))
            .wrap(perimeter::cors(&origins))
    })
    .workers(workers)
    .max_connections((config.max_connections as usize).div_ceil(workers))
    .client_request_timeout(seconds(config.header_seconds))
    .client_disconnect_timeout(Duration::from_secs(2))
    .keep_alive(seconds(config.keep_alive_seconds))
    .shutdown_timeout(config.shutdown_seconds)
    // Whoever starts it also stops it: see `cli::serve`.
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

/// What surrounds each request: its id, a log line, what the perimeter asks for, and that whatever
/// happens inside ends in an answer.
pub async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let within = TraceParent::of(&request);
    let span = RequestSpan::begin(&request, within);
    let id = request_id(&request, span.trace().or(within.map(|within| within.trace)));
    let mut served = Served::begin(&request);
    let method = request.method().clone();
    if method == Method::HEAD {
        // Routed as GET; the body of the answer is left out at the end.
        request.head_mut().method = Method::GET;
    }
    trim_trailing_slash(&mut request);
    let unread = Unread::of(&mut request);
    // Java's client offers HTTP/2 with each first request of a connection. actix would answer as if it
    // accepted, and close the connection without a word.
    let offers_upgrade = request.head().upgrade();
    let drain = request.app_data::<web::Data<Drain>>().cloned();
    let mut visit = Visit::of(&request);
    // A browser does not tell what it has seen.
    let after = if console::is_below(request.path()) {
        Ok(Position::BEYOND)
    } else {
        Position::shown(request.headers())
    };
    let up_to = *after.as_ref().unwrap_or(&Position::BEYOND);
    let work = async {
        if let Err(refusal) = visit.admit().and(after) {
            return Ok(request.error_response(refusal).map_into_boxed_body());
        }
        let work = AssertUnwindSafe(next.call(request)).catch_unwind();
        match timeout(visit.time(), work).await {
            Ok(Ok(Ok(response))) => Ok(as_problem(response).map_into_boxed_body()),
            Ok(Ok(Err(error))) => Err(answered(&error)),
            Ok(Err(_)) => {
                tracing::error!(%method, path = served.path(), "a handler panicked");
                let response = Problem::internal().error_response();
                Err(InternalError::from_response("panic", response).into())
            }
            Err(_) => {
                tracing::error!(%method, path = served.path(), "a request took too long and was cut off");
                // The change may be made already, or be made yet.
                let problem = if method.is_safe() {
                    Problem::unavailable()
                } else {
                    Problem::unknown_outcome()
                };
                let response = problem.error_response();
                Err(InternalError::from_response("too long", response).into())
            }
        }
    };
    let work = db::travelling(up_to, work);
    let (outcome, wrote) = telemetry::within_request(id.clone(), span.clone(), work).await;
    let (status, route) = match &outcome {
        Ok(response) => (response.status(), console::pattern(response.request())),
        Err(error) => (error.as_response_error().status_code(), None),
    };
    span.end(&id, route.as_deref(), status);
    let duration = served.end(route.as_deref(), status);
    tracing::info!(
        request_id = id,
        %method,
        path = served.path(),
        status = status.as_u16(),
        milliseconds = duration.as_secs_f64() * 1000.0,
        "served"
    );
    let id = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"));
    let is_last = drain.is_some_and(|drain| drain.closes_connections());
    let decorate = |request: Option<&HttpRequest>, head: &mut ResponseHead| {
        if is_last || offers_upgrade {
            head.set_connection_type(ConnectionType::Close);
        }
        let headers = head.headers_mut();
        headers.insert(REQUEST_ID, id.clone());
        if let Some(position) = wrote {
            position.show(headers);
        }
        visit.sign(request, headers);
        // What is shown depends on who asks: kept by nobody else, and asked for anew by its ETag.
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        }
    };
    let finish = |head: &mut ResponseHead, body| {
        let body = if method == Method::HEAD { bodiless(head, body) } else { body };
        match unread {
            Some(unread) => unread.until_sent(body),
            None => body,
        }
    };
    match outcome {
        Ok(response) => {
            let (request, mut response) = response.into_parts();
            decorate(Some(&request), response.head_mut());
            let response = response.map_body(|head, body| finish(head, body.boxed()));
            Ok(ServiceResponse::new(request, response))
        }
        Err(error) => {
            let mut response = error.as_response_error().error_response();
            decorate(None, response.head_mut());
            let response = response.map_body(finish);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// The answer to HEAD: it says how long the body would be. (actix leaves the body out by itself, but
/// not when the client has sent its next request already, which it takes for the one it answers.)
fn bodiless(head: &mut ResponseHead, body: BoxBody) -> BoxBody {
    match body.size() {
        BodySize::None | BodySize::Sized(0) => return body,
        BodySize::Sized(length) => {
            head.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        BodySize::Stream => {}
    }
    head.no_chunking(true);
    BoxBody::new(BodyStream::new(stream::empty::<Result<Bytes, Infallible>>()))
}

/// The id that the client gave the request, or its trace, or a new one.
fn request_id(request: &ServiceRequest, trace: Option<TraceId>) -> String {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let given = header("x-request-id").filter(|id| {
        (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    });
    given
        .map(str::to_owned)
        .or_else(|| trace.map(|trace| trace.to_string()))
        .unwrap_or_else(|| Uuid::now_v7().to_string())
}

/// `/blocks/` is `/blocks`; below `/docs/` relative links depend on the slash.
fn trim_trailing_slash(request: &mut ServiceRequest) {
    let path = request.path();
    if path.len() < 2 || !path.ends_with('/') || path.starts_with("/docs/") {
        return;
    }
    let trimmed = match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    };
    let target = match request.query_string() {
        "" => trimmed.to_owned(),
        query => format!("{trimmed}?{query}"),
    };
    if let Ok(uri) = target.parse::<Uri>() {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// A refusal that actix made on its own gets the form of all others.
fn as_problem(
    response: ServiceResponse<impl MessageBody + 'static>,
) -> ServiceResponse<impl MessageBody> {
    let status = response.status();
    let is_told = is_problem(response.headers()) || console::is_answered(response.request());
    if status.as_u16() < 400 || is_told {
        return response.map_into_boxed_body();
    }
    let response = response.map_into_boxed_body();
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, plain(status).error_response())
}

fn answered(error: &Error) -> Error {
    let response = error.as_response_error().error_response();
    let response = if is_problem(response.headers()) {
        response
    } else {
        plain(response.status()).error_response()
    };
    InternalError::from_response(error.to_string(), response).into()
}

fn is_problem(headers: &header::HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes() == CONTENT_TYPE.as_bytes())
}

fn plain(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("Resource"),
        status if status.is_server_error() => {
            tracing::error!(status = status.as_u16(), "a failure without a problem");
            Problem::internal()
        }
        status => Problem::new(
            status,
            "refused",
            format!("{}.", status.canonical_reason().unwrap_or("The request is refused")),
        ),
    }
}
