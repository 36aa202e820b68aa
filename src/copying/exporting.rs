//! What the registry holds, written down in one snapshot.

use std::io::Write;

use futures_util::TryStreamExt;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::form::{Counted, End, FORMAT, Head, Line, schema};
use super::session::{Error, Progress, prepare};
use super::tables::{Table, copied};
use crate::api::hex::hex;
use crate::db::{login_check, migrate};

/// How many rows go by between two words about them.
const STEP: u64 = 10_000;

/// What stands for a column when the accounts stay behind: nobody can log in by it.
const WITHOUT_ACCOUNTS: &[(&str, &str, &str)] = &[
    ("public.users", "email", "t.user_id || '@blockyard.invalid'"),
    ("public.users", "password_hash", "null"),
    ("public.users", "is_active", "false"),
    (
        "public.audit_logs",
        "details",
        "case t.entity_type when 'user' then t.details #- '{before,email}' #- '{after,email}' else t.details end",
    ),
];

/// Writes the whole registry; the number of its rows. `accounts`: with the addresses and password
/// digests of the users.
///
/// # Errors
/// See [`Error`]; what was written then has no end, and is refused wherever it is read.
pub async fn export(
    connection: &mut PgConnection,
    out: &mut (dyn Write + Send),
    accounts: bool,
    progress: Progress<'_>,
) -> Result<u64, Error> {
    prepare(connection).await?;
    login_check::check_schema(connection).await?;
    let mut snapshot = connection
        .begin_with("begin isolation level repeatable read, read only")
        .await
        .map_err(Error::of)?;
    let tables = copied(&mut snapshot).await?;
    let head = head(&mut snapshot, &tables, accounts).await?;
    write(out, &head, None)?;
    let mut digest = Sha256::new();
    let mut written = 0;
    for (table, counted) in tables.iter().zip(&head.tables) {
        let mut done = 0;
        let statement = selection(table, accounts);
        let mut rows =
            sqlx::query_scalar::<_, String>(AssertSqlSafe(statement)).fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await.map_err(Error::of)? {
            let row = RawValue::from_string(row)
                .map_err(|error| Error::Refused(format!("{}: {error}", table.name)))?;
            let line = Line { table: Some(table.name.clone()), row: Some(&row), end: None };
            write(out, &line, Some(&mut digest))?;
            done += 1;
            if done % STEP == 0 {
                progress(&table.name, done, counted.rows);
            }
        }
        written += done;
        progress(&table.name, done, counted.rows);
    }
    let end = End { rows: written, sha256: hex(&digest.finalize()) };
    write(out, &Line { table: None, row: None, end: Some(end) }, None)?;
    out.flush().map_err(Error::Write)?;
    snapshot.commit().await.map_err(Error::of)?;
    Ok(written)
}

async fn head(
    connection: &mut PgConnection,
    tables: &[Table],
    accounts: bool,
) -> Result<Head, Error> {
    let mut counted = Vec::with_capacity(tables.len());
    for table in tables {
        let statement = format!("select count(*) from {}", table.name);
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
            .fetch_one(&mut *connection)
            .await
            .map_err(Error::of)?;
        counted.push(Counted { name: table.name.clone(), rows: rows.unsigned_abs() });
    }
    let exported_at =
        sqlx::query_scalar("select to_json(now()) #>> '{}'").fetch_one(connection).await;
    Ok(Head {
        blockyard_copy: FORMAT,
        migration: migrate::newest(),
        schema: schema(),
        exported_at: exported_at.map_err(Error::of)?,
        accounts,
        tables: counted,
    })
}

/// The rows of a table, each as JSON, in the order of its key.
fn selection(table: &Table, accounts: bool) -> String {
    let instead = |column: &str| {
        let is_it = |(name, of, _): &&(&str, &str, &str)| *name == table.name && *of == column;
        WITHOUT_ACCOUNTS.iter().find(is_it).filter(|_| !accounts).map(|(.., instead)| *instead)
    };
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|column| match instead(column) {
            Some(instead) => format!("{instead} as \"{column}\""),
            None => format!("t.\"{column}\""),
        })
        .collect();
    let key: Vec<_> = table.key.iter().map(|column| format!("t.\"{column}\"")).collect();
    format!(
        "select row_to_json(r)::text from (select {} from {} as t order by {}) as r",
        columns.join(", "),
        table.name,
        if key.is_empty() { "1".to_owned() } else { key.join(", ") }
    )
}

fn write(
    out: &mut (dyn Write + Send),
    line: &impl serde::Serialize,
    digest: Option<&mut Sha256>,
) -> Result<(), Error> {
    let mut text = serde_json::to_vec(line).map_err(|error| Error::Write(error.into()))?;
    text.push(b'\n');
    if let Some(digest) = digest {
        digest.update(&text);
    }
    out.write_all(&text).map_err(Error::Write)
}
