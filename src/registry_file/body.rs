//! The file as a body: JSON, or blocks as CSV.

use actix_web::HttpRequest;

use super::csv::file;
use super::given::RegistryFile;
use crate::api::body::{BodyLimit, FromBody, is_of};
use crate::api::csv::MEDIA_TYPE;
use crate::api::fields;
use crate::api::problem::Problem;

/// A file, in whichever form it came.
#[derive(Debug)]
pub struct GivenFile(pub RegistryFile);

impl FromBody for GivenFile {
    fn limit(limit: &BodyLimit) -> usize {
        limit.file_bytes
    }

    fn from_body(request: &HttpRequest, bytes: &[u8]) -> Result<Self, Problem> {
        if !is_of(request, MEDIA_TYPE) {
            return RegistryFile::from_body(request, bytes).map(Self);
        }
        let file = serde_json::to_vec(&file(bytes)?).map_err(|error| {
            tracing::error!(%error, "a table has no JSON form");
            Problem::internal()
        })?;
        fields::read(&file).map(Self)
    }
}
