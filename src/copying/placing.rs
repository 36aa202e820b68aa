//! What has been read becomes the registry, in one transaction.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::form::Counted;
use super::session::{Error, Progress};
use super::tables::{SEEDED, Table};

/// What is done and what undoes it.
struct Trigger {
    disable: String,
    enable: String,
}

/// Whether nothing has been made in this registry yet, nor anybody.
pub(super) async fn refuse_unless_empty(
    connection: &mut PgConnection,
    tables: &[Table],
) -> Result<(), Error> {
    for table in tables.iter().filter(|table| !SEEDED.contains(&table.name.as_str())) {
        let statement = format!("select exists (select from {})", table.name);
        let is_there: bool = sqlx::query_scalar(AssertSqlSafe(statement))
            .fetch_one(&mut *connection)
            .await
            .map_err(Error::of)?;
        if is_there {
            return Err(Error::Refused(format!(
                "this registry is not empty: {} has rows. A copy becomes a registry of its own: give it a database \
                 that was migrated and nothing else; users come with it",
                table.name
            )));
        }
    }
    Ok(())
}

/// Puts the rows where they belong. The triggers that write versions, the audit trail and the history of
/// what is done do not fire, since all of that is in the copy; foreign keys and CHECKs hold as always.
pub(super) async fn place(
    connection: &mut PgConnection,
    tables: &[Table],
    expected: &[Counted],
    progress: Progress<'_>,
) -> Result<(), Error> {
    let mut all = connection.begin().await.map_err(Error::of)?;
    let names: Vec<_> = tables.iter().map(|table| table.name.clone()).collect();
    let triggers = sqlx::query_file_as!(Trigger, "sql/copying/triggers.sql", &names)
        .fetch_all(&mut *all)
        .await
        .map_err(Error::of)?;
    // From here on nobody else writes these tables; reading goes on.
    run(&mut all, format!("lock table {} in share row exclusive mode", names.join(", "))).await?;
    for trigger in &triggers {
        run(&mut all, trigger.disable.clone()).await?;
    }
    refuse_unless_empty(&mut all, tables).await?;
    for seeded in SEEDED {
        run(&mut all, format!("delete from {seeded}")).await?;
    }
    let mut first = 2;
    for (table, counted) in tables.iter().zip(expected) {
        let done = fill(&mut all, table, first, counted.rows).await?;
        if done != counted.rows {
            return Err(Error::Refused(format!(
                "{}: {done} of {} rows were kept; begin anew with --restart",
                table.name, counted.rows
            )));
        }
        first += counted.rows;
        progress(&table.name, done, counted.rows);
    }
    // Now, since a table with checks to come cannot have its triggers back.
    run(&mut all, "set constraints all immediate".to_owned()).await?;
    let tampered = sqlx::query_file_scalar!("sql/copying/tampered.sql")
        .fetch_all(&mut *all)
        .await
        .map_err(Error::of)?;
    if !tampered.is_empty() {
        return Err(Error::Refused(format!(
            "what the copy says does not have the digest that it is known by: {}",
            tampered.join(", ")
        )));
    }
    for trigger in triggers {
        run(&mut all, trigger.enable).await?;
    }
    run(&mut all, "drop table app.incoming".to_owned()).await?;
    all.commit().await.map_err(Error::of)?;
    // So that the first lists are planned by what is there.
    run(connection, format!("analyze {}", names.join(", "))).await
}

/// The rows of one table, and the numbers that its sequence has given.
async fn fill(
    connection: &mut PgConnection,
    table: &Table,
    first: u64,
    rows: u64,
) -> Result<u64, Error> {
    let name = &table.name;
    let statement = format!(
        "insert into {name} ({}) overriding system value select {} \
         from app.incoming i, json_populate_record(null::{name}, i.row) as r where i.line >= {first} and i.line < {} order by i.line",
        table.list(""),
        table.list("r."),
        first + rows
    );
    let done = sqlx::query(AssertSqlSafe(statement))
        .execute(&mut *connection)
        .await
        .map_err(|error| refused(name, error))?
        .rows_affected();
    if let Some(column) = &table.identity {
        let statement = format!(
            "select setval(pg_get_serial_sequence('{name}', '{column}'), max(\"{column}\")) from {name} having count(*) > 0"
        );
        run(connection, statement).await?;
    }
    Ok(done)
}

/// A rule of the database, in its words.
fn refused(table: &str, error: sqlx::Error) -> Error {
    match error
        .as_database_error()
        .and_then(|refusal| refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>())
    {
        Some(refusal) => {
            let detail = refusal.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            let said = format!("{}{detail}", refusal.message());
            Error::Row { table: table.to_owned(), said }
        }
        None => Error::of(error),
    }
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map_err(Error::of)?;
    Ok(())
}
