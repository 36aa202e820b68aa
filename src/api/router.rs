//! Where a resource registers its routes: once for the document, and once for each worker.

use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use utoipa_actix_web::{OpenApiFactory, service_config};

/// What takes routes. The document takes their descriptions as well; a worker does without them,
/// which would cost it a good part of its start and of its memory.
pub trait Router: Sized {
    fn service(&mut self, route: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self;

    /// Takes the routes of a part.
    fn configure(&mut self, part: impl FnOnce(&mut Self)) -> &mut Self {
        part(self);
        self
    }
}

impl Router for service_config::ServiceConfig<'_> {
    fn service(&mut self, route: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self {
        service_config::ServiceConfig::service(self, route)
    }
}

impl Router for web::ServiceConfig {
    fn service(&mut self, route: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self {
        web::ServiceConfig::service(self, route)
    }
}
