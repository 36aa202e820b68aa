//! A PostgreSQL of one's own gets what every Supabase project has: the roles to which the tables are granted.

use sqlx::postgres::PgConnectOptions;

use super::{Error, Owner};
use crate::db::migrate;

/// Makes what is missing, and returns what it was.
///
/// # Errors
/// [`Error::MayNotCreateRoles`]; nothing is made then.
pub async fn create(login: &PgConnectOptions) -> Result<Vec<String>, Error> {
    let mut owner = Owner::connect(login).await?;
    let missing = migrate::missing_of_project(&mut owner.connection).await.map_err(Error::of)?;
    if !missing.is_empty() {
        let names = || missing.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ");
        sqlx::raw_sql(include_str!("roles.sql")).execute(&mut owner.connection).await.map_err(
            |error| match error.as_database_error().and_then(|refusal| refusal.code()).as_deref() {
                Some("42501") => Error::MayNotCreateRoles { missing: names(), source: error },
                _ => Error::Sql(error),
            },
        )?;
    }
    owner.close().await;
    Ok(missing.into_iter().map(|part| part.name).collect())
}
