//! What a request is told that met no route.

use actix_web::dev::ResourceDef;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::problem::Problem;

/// The paths of the document and their methods, and what is read beside them.
pub struct KnownPaths(Vec<(ResourceDef, Vec<&'static str>)>);

impl KnownPaths {
    pub fn of(document: &utoipa::openapi::OpenApi, beside: &[&'static str]) -> Self {
        let mut known: Vec<_> = document
            .paths
            .paths
            .iter()
            .map(|(path, item)| {
                let mut methods = vec!["OPTIONS"];
                let operations = [
                    ("GET", &item.get),
                    ("POST", &item.post),
                    ("PUT", &item.put),
                    ("PATCH", &item.patch),
                    ("DELETE", &item.delete),
                ];
                methods.extend(
                    operations
                        .iter()
                        .filter(|(_, operation)| operation.is_some())
                        .map(|(name, _)| *name),
                );
                if item.get.is_some() {
                    methods.push("HEAD");
                }
                (ResourceDef::new(path.as_str()), methods)
            })
            .collect();
        for path in beside {
            known.push((ResourceDef::new(*path), vec!["OPTIONS", "GET", "HEAD"]));
        }
        Self(known)
    }

    /// 404, or which methods there are.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let methods: Vec<_> = self
            .0
            .iter()
            .filter(|(path, _)| path.is_match(request.path()))
            .flat_map(|(_, methods)| methods.iter().copied())
            .collect();
        if methods.is_empty() {
            return Problem::not_found("Resource").error_response();
        }
        let mut allowed = methods;
        allowed.sort_unstable();
        allowed.dedup();
        let allowed = allowed.join(", ");
        if request.method() == Method::OPTIONS {
            return HttpResponse::NoContent().insert_header((header::ALLOW, allowed)).finish();
        }
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("{} is not possible here; {allowed} are.", request.method()),
        )
        .with_header(header::ALLOW, allowed)
        .error_response()
    }
}
