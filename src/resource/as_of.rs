//! Reads of what was so at an instant.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;

use crate::api::problem::Problem;
use crate::api::query::{FromParams, Params, Query};
use crate::api::time::DateTime;
use crate::auth::caller::Caller;

/// The caller of a read that looks at any instant, and its parameters but for that one, which the
/// caller has: so no route forgets it.
pub struct AsOf<T> {
    pub caller: Caller,
    pub wanted: T,
}

/// How the document says so.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "the document only")]
pub struct Instant {
    /// Shows what was so at this time, names included, by the same rules. An instant that open
    /// transactions can still change is refused with the newest that can be asked for, so the same
    /// question is answered alike for ever; what has been purged since says so.
    #[param(example = "2026-06-01T12:00:00Z")]
    as_of: Option<DateTime>,
}

/// The parameters, and the instant; none is now.
struct Looking<T> {
    instant: Option<DateTime>,
    wanted: T,
}

impl<T: FromParams> FromParams for Looking<T> {
    fn from_params(params: &mut Params) -> Option<Self> {
        let instant = params.optional("as_of");
        let wanted = T::from_params(params);
        Some(Self { instant: instant?, wanted: wanted? })
    }
}

impl<T: FromParams + 'static> FromRequest for AsOf<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let query = Query::<Looking<T>>::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            let Query(Looking { instant, wanted }) = query.await?;
            Ok(Self { caller: caller.at(instant), wanted })
        })
    }
}
