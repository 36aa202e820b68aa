//! How far the database's log was when something was written.

use std::fmt;
use std::str::FromStr;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::problem::Problem;

/// The header in which an answer tells it, and in which a request shows the last that it was told.
pub const HEADER: &str = "blockyard-position";

/// A place in the write-ahead log, written as PostgreSQL writes a `pg_lsn`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl Position {
    /// Where no replica ever is: whoever shows it reads from the primary.
    pub const BEYOND: Self = Self(u64::MAX);

    /// What a request shows: the start of everything, if nothing.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub fn shown(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(HEADER) else { return Ok(Self::default()) };
        value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Problem::malformed(
                "Blockyard-Position must be what an answer had in that header, such as 0/16B3748.",
            )
        })
    }

    /// Shows it in an answer.
    pub fn show(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.to_string()) {
            headers.insert(HeaderName::from_static(HEADER), value);
        }
    }

    /// The bytes between this and an earlier one; none, if that is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<i64> for Position {
    /// As the database counts it; less than nothing is nothing.
    fn from(bytes: i64) -> Self {
        Self(u64::try_from(bytes).unwrap_or_default())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (high, low) = text.split_once('/').ok_or(())?;
        let half = |text: &str| {
            let is_hex =
                (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
            if is_hex { u64::from_str_radix(text, 16).map_err(|_| ()) } else { Err(()) }
        };
        Ok(Self(half(high)? << 32 | half(low)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_written_as_it_is_read() {
        for (text, bytes) in
            [("0/0", 0), ("0/16B3748", 0x16B_3748), ("1A/FFFFFFFF", 0x1A_FFFF_FFFF)]
        {
            let position: Position = text.parse().expect(text);
            assert_eq!(position, Position::from(bytes));
            assert_eq!(position.to_string(), text);
        }
        assert_eq!("FFFFFFFF/ffffffff".parse(), Ok(Position::BEYOND));
        for none in
            ["", "/", "0", "0/", "/0", "0/0/0", "0/+1", "-1/0", "0/123456789", "g/0", " 0/0"]
        {
            assert_eq!(none.parse::<Position>(), Err(()), "{none}");
        }
    }
}
