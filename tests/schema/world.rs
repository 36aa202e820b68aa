//! People and things for the tests to act on; see `fixture.sql`.

use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{query_scalar, raw_sql};

use crate::support::Database;

/// Makes the functions of `fixture.sql` and returns a connection of the database's owner.
pub async fn create(database: &Database) -> PgConnection {
    let mut owner = database.connect().await;
    raw_sql(include_str!("fixture.sql"))
        .execute(&mut owner)
        .await
        .unwrap();
    owner
}

pub async fn person(owner: &mut PgConnection, username: &str, role: &str) -> String {
    query_scalar("select test.person($1, $2)::text")
        .bind(username)
        .bind(role)
        .fetch_one(owner)
        .await
        .unwrap()
}

/// One of everything, made by that user; the ids by name.
pub async fn furnish(owner: &mut PgConnection, user: Option<&str>) -> Value {
    query_scalar("select test.furnish($1::uuid)")
        .bind(user)
        .fetch_one(owner)
        .await
        .unwrap()
}
