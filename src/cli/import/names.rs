//! Names of a source that are to be names here: each once, and in the form that names have.

use std::collections::HashMap;

use super::report::Report;
use crate::api::name::{self, Name};

/// Those that are taken, by their keys.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    /// Whether a thing may have its name here; why not is told.
    pub fn take(&mut self, what: &'static str, name: &str, report: &mut Report) -> bool {
        if let Err(why) = Name::parse(name) {
            report.left_out(what, name, None, why);
            return false;
        }
        if name::tidy(name) != name {
            let why = "its name begins or ends with white space, or is not in Unicode's form NFC";
            report.left_out(what, name, None, why);
            return false;
        }
        match self.0.insert(name::key(name), name.to_owned()) {
            None => true,
            Some(same) => {
                let why = if same == name {
                    "something else there has its name".to_owned()
                } else {
                    format!("its name differs from that of {same} by the case of letters alone")
                };
                report.left_out(what, name, None, why);
                self.0.insert(name::key(name), same);
                false
            }
        }
    }
}
