//! Times: how they are read in bodies and query strings, kept, and written in answers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// The years that RFC 3339 can write.
const YEARS: std::ops::RangeInclusive<i32> = 0..=9999;

/// The first moment of 2000, from which PostgreSQL counts, in microseconds since 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A moment, to the microsecond, in a year that RFC 3339 can write. PostgreSQL keeps more, infinity
/// among it, none of which a table of ours takes; should one come all the same, it is an error and no
/// panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(chrono::DateTime<Utc>);

impl DateTime {
    /// From microseconds since 1970.
    pub fn from_micros(micros: i64) -> Option<Self> {
        let time = chrono::DateTime::from_timestamp_micros(micros)?;
        YEARS.contains(&time.year()).then_some(Self(time))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The one form in which times are written: RFC 3339 in UTC with six digits. Not by chrono's
    /// machinery: three times stand in every row of a list, and took a fifth of what a page costs.
    fn text(self) -> [u8; 27] {
        let naive = self.0.naive_utc();
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |at: std::ops::Range<usize>, mut number: u32| {
            for digit in text[at].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0..4, naive.year().unsigned_abs());
        put(5..7, naive.month());
        put(8..10, naive.day());
        put(11..13, naive.hour());
        put(14..16, naive.minute());
        put(17..19, naive.second());
        put(20..26, naive.nanosecond() / 1000);
        text
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let time = match chrono::DateTime::parse_from_rfc3339(text) {
            Ok(time) => time.naive_utc(),
            Err(_) => date(text)
                .ok_or("Must be a time as in RFC 3339, such as 2026-11-22T10:00:00Z, or a date.")?
                .and_time(NaiveTime::MIN),
        };
        // What is finer than a microsecond counts as the next one: so what was created from then on,
        // or before then, is the same whoever compares. (A leap second is the second after it.)
        let second = time.and_utc().timestamp();
        let micros = i64::from(time.nanosecond().div_ceil(1000));
        if time.year() < *YEARS.start() {
            return Err("Lies too far back.");
        }
        Self::from_micros(second * 1_000_000 + micros)
            .ok_or("Lies too far ahead: at most 9999-12-31T23:59:59.999999Z.")
    }
}

/// `YYYY-MM-DD`, and nothing else that chrono would take for a date.
fn date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10 && text.starts_with(|first: char| first.is_ascii_digit()))
        .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

impl FromStr for DateTime {
    type Err = &'static str;

    /// Of a query string, in which the `+` of an offset arrives as a space when it was not escaped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_at_checked(19) {
            Some((time, rest)) if rest.contains(' ') => {
                Self::read(&format!("{time}{}", rest.replace(' ', "+")))
            }
            _ => Self::read(text),
        }
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Cow::<'de, str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

impl Type<Postgres> for DateTime {
    fn type_info() -> PgTypeInfo {
        <chrono::DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for DateTime {
    fn array_type_info() -> PgTypeInfo {
        <chrono::DateTime<Utc> as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for DateTime {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.micros() - POSTGRES_EPOCH, buffer)
    }
}

impl Decode<'_, Postgres> for DateTime {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Err("a time came as text".into());
        }
        <i64 as Decode<Postgres>>::decode(value)?
            .checked_add(POSTGRES_EPOCH)
            .and_then(Self::from_micros)
            .ok_or_else(|| "the time is in no year that can be written".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_one_form_whatever_form_it_was_read_in() {
        for (read, written) in [
            ("2026-11-23T01:42:11.266087Z", "2026-11-23T01:42:11.266087Z"),
            ("2026-11-23T01:42:11.26608Z", "2026-11-23T01:42:11.266080Z"),
            ("2026-11-23t01:42:11z", "2026-11-23T01:42:11.000000Z"),
            ("2026-11-23 01:42:11Z", "2026-11-23T01:42:11.000000Z"),
            ("2026-11-23T01:42:11+05:30", "2026-11-22T20:12:11.000000Z"),
            ("2026-11-23", "2026-11-23T00:00:00.000000Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000000Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"),
            ("0000-01-01T00:00:00.123456Z", "0000-01-01T00:00:00.123456Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            // Leap seconds, and what is finer than PostgreSQL: never before what was meant.
            ("2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.250000Z"),
            ("2026-01-02T03:04:05.000000006Z", "2026-01-02T03:04:05.000001Z"),
            ("2026-12-31T23:59:59.9999999Z", "2027-01-01T00:00:00.000000Z"),
        ] {
            let time: DateTime = read.parse().expect(read);
            assert_eq!(time.to_string(), written, "{read}");
            assert_eq!(serde_json::to_string(&time).expect("JSON"), format!("\"{written}\""));
            let in_a_body: DateTime = serde_json::from_str(&format!("\"{read}\"")).expect(read);
            assert_eq!(in_a_body, time, "{read}");
            assert_eq!(DateTime::from_micros(time.micros()), Some(time), "{read}");
        }
        let unescaped: DateTime = "2026-11-23T01:42:11 05:30".parse().expect("a time");
        assert_eq!(unescaped.to_string(), "2026-11-22T20:12:11.000000Z");
    }

    #[test]
    fn what_is_no_time_is_told_why() {
        for (text, why) in [
            ("9999-12-31T23:59:59-01:00", "Lies too far ahead"),
            ("9999-12-31T23:59:59.9999999Z", "Lies too far ahead"),
            ("0000-01-01T00:00:00+01:00", "Lies too far back"),
            ("+10000-01-01T00:00:00Z", "Must be a time"),
            ("+10000-01-01", "Must be a time"),
            ("2026-1-5", "Must be a time"),
            ("2026-02-30", "Must be a time"),
            ("2026-11-23T01:42:11", "Must be a time"),
            ("2026-11-23T24:00:00Z", "Must be a time"),
            ("infinity", "Must be a time"),
            ("1790000000", "Must be a time"),
            ("", "Must be a time"),
        ] {
            let refusal = text.parse::<DateTime>().expect_err(text);
            assert!(refusal.starts_with(why), "{text}: {refusal}");
            let body = serde_json::from_value::<DateTime>(text.into()).expect_err(text);
            assert!(body.to_string().starts_with(why), "{text}: {body}");
        }
    }

    #[test]
    fn no_number_of_microseconds_is_a_panic() {
        for micros in [i64::MIN, i64::MIN + 1, -1 << 60, 1 << 60, i64::MAX - 1, i64::MAX] {
            assert_eq!(DateTime::from_micros(micros), None, "{micros}");
        }
    }
}
