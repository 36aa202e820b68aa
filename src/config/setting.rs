//! How a variable is described.

/// What one variable is called, what it may be and what it does.
pub struct Setting {
    pub name: &'static str,
    /// What holds without it; empty when there is nothing.
    pub default: &'static str,
    /// Completes "NAME must be …".
    pub must_be: &'static str,
    pub meaning: &'static str,
    /// Whether nobody may see it; it may stand in a file then, which `<NAME>_FILE` names.
    pub is_secret: bool,
}

impl Setting {
    /// What its value must be, and how else it may be given.
    pub fn rule(&self) -> String {
        let file = if self.is_secret {
            format!(" {}_FILE names a file that holds it.", self.name)
        } else {
            String::new()
        };
        format!("Must be {}.{file}", self.must_be)
    }
}

/// Variables that belong together.
pub struct Group {
    pub title: &'static str,
    pub settings: &'static [Setting],
}

pub(super) const fn setting(
    name: &'static str,
    default: &'static str,
    must_be: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, default, must_be, meaning, is_secret: false }
}

pub(super) const fn secret(
    name: &'static str,
    default: &'static str,
    must_be: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, default, must_be, meaning, is_secret: true }
}
