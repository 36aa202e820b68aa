//! `?purge=true`: removal for good, where a `DELETE` else only takes out of sight.

use utoipa::IntoParams;

use super::verbs::Reach;
use crate::api::query::FromParams;

/// Whether a thing is removed for good.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct Removal {
    /// `true` removes it for good, with all that is part of it; for admins. The audit trail stays.
    #[param(value_type = Option<bool>)]
    #[read(default)]
    pub purge: bool,
}

impl Removal {
    /// What is archived can still be purged.
    pub fn reach(&self) -> Reach {
        if self.purge { Reach::All } else { Reach::Live }
    }
}
