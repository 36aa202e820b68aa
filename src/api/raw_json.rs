//! JSON that passes through: neither parsed into a tree nor printed again between the client and
//! PostgreSQL's `jsonb`.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::value::RawValue;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

use super::problem::Problem;

/// Version byte of `jsonb`'s binary format (`jsonb_recv` in PostgreSQL's jsonb.c).
const JSONB_VERSION: u8 = 1;

/// Any JSON value, as text.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// What the database holds, as a value.
    ///
    /// # Errors
    /// 500 when it is none of that kind.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        serde_json::from_str(self.get()).map_err(|error| {
            let kind = std::any::type_name::<T>();
            tracing::error!(%error, kind, "the database holds JSON of another form");
            Problem::internal()
        })
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// 500 when it has no JSON form.
    pub fn of(value: &impl Serialize) -> Result<Self, Problem> {
        serde_json::value::to_raw_value(value).map(Self).map_err(|error| {
            tracing::error!(%error, "a value has no JSON form");
            Problem::internal()
        })
    }
}

impl From<Box<RawValue>> for RawJson {
    fn from(value: Box<RawValue>) -> Self {
        Self(value)
    }
}

impl Type<Postgres> for RawJson {
    fn type_info() -> PgTypeInfo {
        <serde_json::Value as Type<Postgres>>::type_info()
    }

    /// With `json` as well.
    fn compatible(of: &PgTypeInfo) -> bool {
        <serde_json::Value as Type<Postgres>>::compatible(of)
    }
}

impl Decode<'_, Postgres> for RawJson {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let bytes = match (value.format(), value.as_bytes()?) {
            (PgValueFormat::Binary, [JSONB_VERSION, text @ ..]) => text,
            // `json` has no such byte, and no JSON begins with one.
            (_, text) => text,
        };
        let text = String::from_utf8(bytes.to_vec())?;
        Ok(Self(RawValue::from_string(text)?))
    }
}

impl Encode<'_, Postgres> for RawJson {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.push(JSONB_VERSION);
        buffer.extend_from_slice(self.get().as_bytes());
        Ok(IsNull::No)
    }
}

/// A JSON object out of a request body.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct JsonObject(RawJson);

impl JsonObject {
    pub fn as_json(&self) -> &RawJson {
        &self.0
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(D::Error::custom("Must be a JSON object."));
        }
        Ok(Self(RawJson(raw)))
    }
}
