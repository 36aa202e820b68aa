//! `?purge=true`: removal for good, where a `DELETE` else only takes out of sight.

use utoipa::IntoParams;

use super::verbs::Reach;
use crate::api::query::{FromParams, Params};

/// Whether a thing is to be removed for good.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Removal {
    /// `true` removes it for good, with all that is part of it; for admins. The audit trail stays.
    #[param(value_type = Option<bool>)]
    pub purge: bool,
}

impl Removal {
    /// What is archived can still be purged.
    pub fn reach(&self) -> Reach {
        if self.purge { Reach::All } else { Reach::Live }
    }
}

impl FromParams for Removal {
    fn from_params(params: &mut Params) -> Option<Self> {
        let purge = params.optional("purge")?;
        Some(Self {
            purge: purge.unwrap_or(false),
        })
    }
}
