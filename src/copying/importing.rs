//! A copy, read and laid beside the registry; nobody sees any of it before all of it is there.
//!
//! Lines are kept in `app.incoming` as they come, so that a copy which takes an hour does not begin anew. What was
//! kept is known by its digest to be of the same file.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::form::{Counted, End, FORMAT, Head, Line, schema};
use super::placing;
use super::session::{Error, Progress, prepare};
use super::tables::{Table, copied};
use crate::api::hex::hex;
use crate::db::login_check;

/// A row is far smaller: the logs of a build are bounded by 10 MiB, and escaping can make 60 of them.
const LONGEST_LINE: u64 = 128 * 1024 * 1024;
/// What is kept at once.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
const BATCH_ROWS: usize = 5_000;

/// How a copy is taken in.
#[derive(Debug, Default)]
pub struct Import {
    /// The ids that users have here, by their usernames; others keep theirs.
    pub users: BTreeMap<String, Uuid>,
    /// Forget what an import before has kept.
    pub restart: bool,
}

/// What an import has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    pub rows: u64,
    /// Of these, those that an import before had read already.
    pub kept: u64,
}

/// What makes one import the continuation of another.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    head: Head,
    users: BTreeMap<String, Uuid>,
}

/// Makes the empty registry of this database the one of the copy.
///
/// # Errors
/// See [`Error`]. The registry is then as it was.
pub async fn import(
    connection: &mut PgConnection,
    source: &mut (dyn BufRead + Send),
    wanted: &Import,
    progress: Progress<'_>,
) -> Result<Imported, Error> {
    prepare(connection).await?;
    login_check::check_schema(connection).await?;
    let tables = copied(connection).await?;
    placing::refuse_unless_empty(connection, &tables).await?;
    let mut lines = Lines { source, number: 0, text: Vec::new() };
    let head = read_head(&mut lines, &tables)?;
    let origin = Origin { head, users: wanted.users.clone() };
    let kept = Kept::of(connection, &origin, wanted.restart).await?;
    // Beside the head.
    let before = kept.as_ref().map_or(0, |kept| kept.line - 1);
    let rows = take_in(connection, &mut lines, &tables, &origin, kept, progress).await?;
    placing::place(connection, &tables, &origin.head.tables, progress).await?;
    Ok(Imported { rows, kept: before })
}

/// The lines of a copy, one at a time.
struct Lines<'a> {
    source: &'a mut (dyn BufRead + Send),
    number: u64,
    text: Vec<u8>,
}

impl Lines<'_> {
    /// The next one, with what ends it; nothing after the last one.
    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        self.number += 1;
        self.text.clear();
        let mut limited = (&mut *self.source).take(LONGEST_LINE + 1);
        limited.read_until(b'\n', &mut self.text).map_err(Error::Read)?;
        if self.text.is_empty() {
            return Ok(None);
        }
        if self.text.len() as u64 > LONGEST_LINE {
            return Err(Error::at(
                self.number,
                format!("is longer than {} MiB, as no row is", LONGEST_LINE >> 20),
            ));
        }
        if self.text.last() != Some(&b'\n') {
            return Err(cut(self.number));
        }
        Ok(Some(&self.text))
    }
}

fn cut(line: u64) -> Error {
    Error::at(line, "the copy is cut: it has no end")
}

fn read_head(lines: &mut Lines<'_>, tables: &[Table]) -> Result<Head, Error> {
    let text = lines.next()?.ok_or_else(|| cut(1))?;
    let head: Head = serde_json::from_slice(text).map_err(|error| {
        Error::at(1, format!("is not the head of a copy by `blockyard export --full`: {error}"))
    })?;
    if head.blockyard_copy != FORMAT {
        let found = head.blockyard_copy;
        return Err(Error::at(1, format!("form {found}; this program reads form {FORMAT}")));
    }
    if head.schema != schema() {
        return Err(Error::at(
            1,
            format!(
                "was made from another schema (migration {}): export and import with the same program, \
                 then migrate",
                head.migration
            ),
        ));
    }
    let named: Vec<_> = head.tables.iter().map(|counted| &counted.name).collect();
    if named != tables.iter().map(|table| &table.name).collect::<Vec<_>>() {
        return Err(Error::at(1, "does not have the tables of this schema in their order"));
    }
    Ok(head)
}

/// What an import before has kept: up to which line, and the digest up to there.
struct Kept {
    line: u64,
    sha256: String,
}

impl Kept {
    async fn of(
        connection: &mut PgConnection,
        origin: &Origin,
        restart: bool,
    ) -> Result<Option<Self>, Error> {
        if restart {
            let forget = "drop table if exists app.incoming";
            sqlx::raw_sql(forget).execute(&mut *connection).await.map_err(Error::of)?;
        }
        let said =
            serde_json::to_string(origin).map_err(|error| Error::Refused(error.to_string()))?;
        // Unlogged: what a crash of the server takes is read again.
        sqlx::raw_sql(
            "create unlogged table if not exists app.incoming ( \
                 line bigint not null constraint incoming_pkey primary key, row json not null, sha256 text); \
             comment on table app.incoming is 'What `blockyard import --full` has read so far; it goes when all of it is there.'; \
             revoke all on app.incoming from public, anon, authenticated, service_role",
        )
        .execute(&mut *connection)
        .await
        .map_err(Error::of)?;
        let begun: Option<String> =
            sqlx::query_scalar("select i.row::text from app.incoming i where i.line = 1")
                .fetch_optional(&mut *connection)
                .await
                .map_err(Error::of)?;
        let Some(begun) = begun else {
            sqlx::query("insert into app.incoming (line, row) values (1, $1::text::json)")
                .bind(&said)
                .execute(connection)
                .await
                .map_err(Error::of)?;
            return Ok(None);
        };
        if begun != said {
            return Err(another_file());
        }
        let last: Option<(i64, String)> = sqlx::query_as(
            "select i.line, i.sha256 from app.incoming i where i.sha256 is not null order by i.line desc limit 1",
        )
        .fetch_optional(connection)
        .await
        .map_err(Error::of)?;
        Ok(last.map(|(line, sha256)| Self { line: line.unsigned_abs(), sha256 }))
    }
}

fn another_file() -> Error {
    Error::Refused(
        "the import of another copy, or with other users, was begun here and did not end: \
         go on with that one, or forget it with --restart"
            .to_owned(),
    )
}

/// Reads to the end, and keeps what is not kept yet.
async fn take_in(
    connection: &mut PgConnection,
    lines: &mut Lines<'_>,
    tables: &[Table],
    origin: &Origin,
    kept: Option<Kept>,
    progress: Progress<'_>,
) -> Result<u64, Error> {
    let mut digest = Sha256::new();
    let mut ids = Ids { wanted: &origin.users, found: BTreeMap::new() };
    let mut batch = Batch::default();
    for (table, counted) in tables.iter().zip(&origin.head.tables) {
        for done in 0..counted.rows {
            let text = lines.next()?.map(<[u8]>::to_vec);
            let number = lines.number;
            let text = text.ok_or_else(|| cut(number))?;
            let row = row_of(&text, number, counted)?;
            let row = ids.map(table, row).map_err(|what| Error::at(number, what))?;
            digest.update(&text);
            match &kept {
                Some(kept) if number < kept.line => continue,
                Some(kept) if number == kept.line => {
                    if hex(&digest.clone().finalize()) != kept.sha256 {
                        return Err(another_file());
                    }
                }
                _ => batch.add(number, row),
            }
            if batch.is_full() {
                batch.keep(connection, &digest).await?;
                progress(&format!("{} read", counted.name), done + 1, counted.rows);
            }
        }
        progress(&format!("{} read", counted.name), counted.rows, counted.rows);
    }
    batch.keep(connection, &digest).await?;
    let rows = origin.head.tables.iter().map(|counted| counted.rows).sum();
    read_end(lines, &End { rows, sha256: hex(&digest.finalize()) })?;
    ids.refuse_unknown()?;
    Ok(rows)
}

fn row_of<'a>(text: &'a [u8], number: u64, expected: &Counted) -> Result<&'a str, Error> {
    let line: Line<'_> = serde_json::from_slice(text)
        .map_err(|error| Error::at(number, format!("is not a line of a copy: {error}")))?;
    match (line.table, line.row) {
        (Some(table), Some(row)) if table == expected.name => Ok(row.get()),
        (Some(table), Some(_)) => Err(Error::at(
            number,
            format!("has a row of {table} where one of {} has to be", expected.name),
        )),
        _ => Err(Error::at(number, format!("has no row of {}", expected.name))),
    }
}

fn read_end(lines: &mut Lines<'_>, expected: &End) -> Result<(), Error> {
    let text = lines.next()?.map(<[u8]>::to_vec);
    let number = lines.number;
    let text = text.ok_or_else(|| cut(number))?;
    let line: Line<'_> = serde_json::from_slice(&text)
        .map_err(|error| Error::at(number, format!("is not the end of a copy: {error}")))?;
    match line.end {
        None => Err(Error::at(number, "there are more rows than the head of the copy says")),
        Some(end) if end != *expected => Err(Error::at(
            number,
            format!(
                "the copy was changed: its rows have the digest {}, and its end says {}",
                expected.sha256, end.sha256
            ),
        )),
        Some(_) if lines.next()?.is_some() => {
            Err(Error::at(number + 1, "something stands after the end of the copy"))
        }
        Some(_) => Ok(()),
    }
}

/// The users who have other ids here.
struct Ids<'a> {
    wanted: &'a BTreeMap<String, Uuid>,
    /// By how the ids of the copy are written.
    found: BTreeMap<String, Uuid>,
}

#[derive(Deserialize)]
struct User {
    user_id: Uuid,
    username: String,
}

impl Ids<'_> {
    /// The row, with the ids that its users have here.
    fn map(&mut self, table: &Table, row: &str) -> Result<String, String> {
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_str(row).map_err(|error| format!("has no row: {error}"))?;
        if !members.keys().eq(table.columns.iter().collect::<std::collections::BTreeSet<_>>()) {
            return Err(format!("does not have the columns of {}", table.name));
        }
        if self.wanted.is_empty() {
            return Ok(row.to_owned());
        }
        if table.name == "public.users" {
            let user: User = serde_json::from_str(row).map_err(|error| error.to_string())?;
            if let Some(id) = self.wanted.get(&user.username) {
                self.found.insert(format!("\"{}\"", user.user_id), *id);
            }
        }
        let mapped: Result<BTreeMap<_, _>, _> = members
            .into_iter()
            .map(|(column, value)| match self.found.get(value.get()) {
                Some(id) if table.ids.contains(&column) => {
                    RawValue::from_string(format!("\"{id}\"")).map(|id| (column, id))
                }
                _ => Ok((column, value.to_owned())),
            })
            .collect();
        mapped.and_then(|row| serde_json::to_string(&row)).map_err(|error| error.to_string())
    }

    fn refuse_unknown(&self) -> Result<(), Error> {
        let is_found = |id: &Uuid| self.found.values().any(|found| found == id);
        match self.wanted.iter().find(|(_, id)| !is_found(id)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(Error::Refused(format!("--map-user {name}: the copy has no user of this name")))
            }
        }
    }
}

/// Rows that are kept at once.
#[derive(Default)]
struct Batch {
    numbers: Vec<i64>,
    rows: Vec<String>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, number: u64, row: String) {
        self.numbers.push(i64::try_from(number).unwrap_or(i64::MAX));
        self.bytes += row.len();
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.rows.len() >= BATCH_ROWS
    }

    async fn keep(&mut self, connection: &mut PgConnection, digest: &Sha256) -> Result<(), Error> {
        let batch = std::mem::take(self);
        let Some(last) = batch.numbers.last() else { return Ok(()) };
        let statement = "insert into app.incoming (line, row, sha256) \
             select b.line, b.row::json, case b.line when $3 then $4 end \
             from unnest($1::bigint[], $2::text[]) as b (line, row)";
        let outcome = sqlx::query(statement)
            .bind(&batch.numbers)
            .bind(&batch.rows)
            .bind(last)
            .bind(hex(&digest.clone().finalize()))
            .execute(connection)
            .await;
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if is_doubled(&error) => {
                Err(Error::Refused("another import into this database is under way".to_owned()))
            }
            Err(error) => Err(match error.as_database_error() {
                Some(refusal) => Error::Refused(format!(
                    "lines {} to {last}: the database refused: {refusal}",
                    batch.numbers[0]
                )),
                None => Error::Sql(error),
            }),
        }
    }
}

fn is_doubled(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|refusal| refusal.is_unique_violation())
}
