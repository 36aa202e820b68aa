//! Which tables are copied, in which order: from the catalogue, but for those that are named here as left out.

use sqlx::postgres::PgConnection;

use super::session::Error;
use crate::db::privileges;

/// What holds data and is not copied, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("app._sqlx_migrations", "belongs to the schema: both have to have the same"),
    ("app.console_sessions", "secrets do not travel: browsers sign in anew"),
    ("app.engine", "who follows the engine just now, and what it answered: found out anew"),
    ("app.guards", "rows to wait at; their numbers mean nothing"),
    ("app.histories", "belongs to the schema"),
    ("app.idempotency_keys", "answers to requests of today"),
    ("app.login_attempts", "who failed to log in just now"),
    ("app.outbox", "what is to be told to the engine: the original tells it"),
    ("app.refresh_tokens", "secrets do not travel: sessions end with the original"),
    ("public.api_keys", "secrets do not travel: keys are made anew"),
];

/// What a migration has put there, which the rows of the copy replace.
pub(super) const SEEDED: &[&str] = &["app.changes", "app.settings"];

/// A table of ours.
#[derive(Debug, Clone)]
pub struct Table {
    /// With its schema: `public.blocks`.
    pub name: String,
    /// Those that are written; what is generated is not.
    pub columns: Vec<String>,
    /// The columns that are UUIDs.
    pub ids: Vec<String>,
    /// The columns of the primary key.
    pub key: Vec<String>,
    /// The tables whose rows must be there before.
    pub needs: Vec<String>,
    /// The column that a sequence numbers.
    pub identity: Option<String>,
}

impl Table {
    /// The columns, as SQL names them.
    pub(super) fn list(&self, prefix: &str) -> String {
        let quoted: Vec<_> =
            self.columns.iter().map(|column| format!("{prefix}\"{column}\"")).collect();
        quoted.join(", ")
    }
}

/// The tables that are copied, each after those that it refers to.
///
/// # Errors
/// Those of the database.
pub async fn copied(connection: &mut PgConnection) -> Result<Vec<Table>, Error> {
    let names: Vec<_> = privileges::tables()
        .into_iter()
        .filter(|name| LEFT_OUT.iter().all(|(left_out, _)| left_out != name))
        .collect();
    let tables = sqlx::query_file_as!(Table, "sql/copying/tables.sql", &names)
        .fetch_all(connection)
        .await
        .map_err(Error::of)?;
    in_order(tables)
}

fn in_order(mut left: Vec<Table>) -> Result<Vec<Table>, Error> {
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    // The ids of users are mapped by what is said of them first.
    left.sort_by_key(|table| (table.name != "public.users", table.name.clone()));
    while !left.is_empty() {
        let is_ready = |table: &Table| {
            table.needs.iter().all(|needed| left.iter().all(|other| other.name != *needed))
        };
        let Some(place) = left.iter().position(is_ready) else {
            return Err(Error::Refused(format!(
                "the tables refer to one another in a circle: {}",
                left[0].name
            )));
        };
        ordered.push(left.remove(place));
    }
    Ok(ordered)
}
