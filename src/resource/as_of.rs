//! Reads of what was so at an instant.

use std::ops::Deref;

use utoipa::IntoParams;

use crate::api::query::{FromParams, Params};
use crate::api::time::DateTime;

/// The parameters of a read, and the instant at which it looks; none is now.
#[derive(Debug)]
pub struct AsOf<T> {
    pub instant: Option<DateTime>,
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

impl<T: FromParams> FromParams for AsOf<T> {
    fn from_params(params: &mut Params) -> Option<Self> {
        let instant = params.optional("as_of");
        let wanted = T::from_params(params);
        Some(Self { instant: instant?, wanted: wanted? })
    }
}

impl<T> Deref for AsOf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.wanted
    }
}
