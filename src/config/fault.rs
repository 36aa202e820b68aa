//! What is wrong with a variable, in words that name it and say what it must be.

use std::fmt;

use super::settings;

/// One variable that cannot be used. Never shows its value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {what}")]
pub struct Fault {
    variable: String,
    what: String,
}

impl Fault {
    pub(super) fn new(variable: &str, what: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), what: what.into() }
    }

    /// The value is not what the variable's description asks for.
    pub(super) fn unusable(variable: &str) -> Self {
        Self::new(variable, format!("must be {}", must_be(variable)))
    }

    pub(super) fn missing(variable: &str) -> Self {
        Self::new(variable, format!("is not set; it must be {}", must_be(variable)))
    }
}

fn must_be(variable: &str) -> &'static str {
    settings::find(variable).map_or("something else", |setting| setting.must_be)
}

/// All variables that cannot be used, so that they can be mended in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl Faults {
    pub(super) fn none_of(faults: impl IntoIterator<Item = Fault>) -> Result<(), Self> {
        let lines: Vec<_> = faults.into_iter().map(|fault| fault.to_string()).collect();
        if lines.is_empty() { Ok(()) } else { Err(Self(lines)) }
    }

    /// The faults; if there is none, the error that led to the search for them.
    pub(super) fn some(faults: Vec<Fault>, error: &impl fmt::Display) -> Self {
        Self::none_of(faults)
            .err()
            .unwrap_or_else(|| Self(vec![format!("the environment: {error}")]))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration cannot be used")?;
        for line in &self.0 {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
