//! Times in query strings.

use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// RFC 3339, or a date alone, which is its midnight in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub DateTime<Utc>);

impl FromStr for Timestamp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `+` of an offset arrives as a space when it was not escaped.
        DateTime::parse_from_rfc3339(&text.replace(' ', "+"))
            .map(|time| time.to_utc())
            .or_else(|_| {
                text.parse::<NaiveDate>()
                    .map(|date| date.and_time(chrono::NaiveTime::MIN).and_utc())
            })
            .ok()
            // Within what PostgreSQL can store.
            .filter(|time| (-4000..=200_000).contains(&time.year()))
            .map(Self)
            .ok_or("Must be a time as in RFC 3339, such as 2026-11-22T10:00:00Z, or a date.")
    }
}
