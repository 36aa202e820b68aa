//! The page of the documentation: Swagger UI with our own beginning (`page/`).

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

const PAGE: &str = include_str!("page/index.html");
const INITIALIZER: &str = include_str!("page/swagger-initializer.js");

/// What is below `/docs/`: of Swagger UI, which is a part of the program, whatever is not ours.
pub async fn file(path: web::Path<String>) -> HttpResponse {
    match path.as_str() {
        "" | "index.html" => HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE),
        "swagger-initializer.js" => {
            HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(INITIALIZER)
        }
        path => match utoipa_swagger_ui::serve(path, Arc::new(Config::default())) {
            Ok(Some(file)) => {
                HttpResponse::Ok().content_type(file.content_type).body(file.bytes.into_owned())
            }
            Ok(None) | Err(_) => HttpResponse::NotFound().finish(),
        },
    }
}
