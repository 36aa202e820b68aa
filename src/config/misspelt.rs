//! Variables that nobody reads, and that look like one of ours.

use strsim::damerau_levenshtein;

use super::{files, settings};

/// Shorter names are near to too many others.
const SHORTEST: usize = 8;
/// So many letters too many, too few, wrong or in each other's place.
const SLIPS: usize = 2;

/// Which of these names somebody may have meant as which of ours.
pub(super) fn among(names: impl Iterator<Item = String>) -> Vec<(String, &'static str)> {
    names
        .filter(|name| {
            name.len() >= SHORTEST
                && settings::find(name).is_none()
                && files::secret_of(name).is_none()
                // OpenTelemetry's own, of which we read few.
                && !name.starts_with("OTEL_")
        })
        .filter_map(|name| {
            let near = settings::SETTINGS
                .iter()
                .flat_map(|group| group.settings)
                .map(|setting| (damerau_levenshtein(&name, setting.name), setting.name))
                .filter(|(slips, known)| *slips <= SLIPS && known.len() >= SHORTEST)
                .min()?;
            Some((name, near.1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::among;

    #[test]
    fn a_slip_is_told_and_what_others_read_is_not() {
        let names = [
            "DATABSE_URL",
            "JWT_SECRETS",
            "DATABASE_CONNECTION",
            "PORTS",
            "JWT_SECRET",
            "JWT_SECRET_FILE",
            "OTEL_EXPORTER_OTLP_HEADER",
            "BLOCKYARD_SERVICE_HOST",
            "HOSTNAME",
            "DATABASE_NAME",
            "LOG_FILES",
        ];
        assert_eq!(
            among(names.into_iter().map(str::to_owned)),
            [
                ("DATABSE_URL".to_owned(), "DATABASE_URL"),
                ("JWT_SECRETS".to_owned(), "JWT_SECRET"),
                ("DATABASE_CONNECTION".to_owned(), "DATABASE_CONNECTIONS"),
                ("LOG_FILES".to_owned(), "LOG_FILE"),
            ]
        );
    }
}
