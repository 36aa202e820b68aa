//! `blockyard export --full` and `blockyard import --full`: a whole registry, as the owner of the database.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Outcome;
use super::owner::Target;
use crate::config::Config;
use crate::copying;
use crate::db::connect;
use crate::db::pooler::{self, Pooling};

/// How often something is told.
const WORD: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(
    after_help = "The copy becomes a registry of its own: of a database that was migrated by the same program, and in which nothing \
                  was made yet, not even a user. It is there as a whole or not at all; stopped, it goes on where it was by the same command."
)]
pub(super) struct Import {
    /// A whole registry, as `blockyard export --full` has written it, as the owner of the database
    #[arg(long, required = true)]
    full: bool,
    /// The copy, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The id that a user of the copy has here, such as that of their account at Supabase; several by several options
    #[arg(long = "map-user", value_name = "USERNAME=UUID", value_parser = mapping)]
    users: Vec<(String, Uuid)>,
    /// Forget what an import that did not end has read
    #[arg(long)]
    restart: bool,
}

fn mapping(text: &str) -> Result<(String, Uuid), String> {
    let (name, id) = text.split_once('=').ok_or("is USERNAME=UUID")?;
    Ok((name.to_owned(), id.parse().map_err(|error| format!("{id}: {error}"))?))
}

pub(super) async fn import(config: &Config, wanted: &Import) -> Outcome {
    let import =
        copying::Import { users: wanted.users.iter().cloned().collect(), restart: wanted.restart };
    let mut source: Box<dyn BufRead + Send> = if wanted.file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let file = File::open(&wanted.file)
            .map_err(|error| format!("{}: {error}", wanted.file.display()))?;
        Box::new(BufReader::new(file))
    };
    let target = Target::of(config).await?;
    let outcome = async {
        let mut connection = connect(&target).await?;
        let mut telling = Telling::new();
        let mut tell = |table: &str, done, all| telling.tell(table, done, all);
        let done = copying::import(&mut connection, &mut source, &import, &mut tell).await?;
        let kept = match done.kept {
            0 => String::new(),
            kept => format!(", of which {kept} had been read before"),
        };
        eprintln!("{} rows{kept}: the registry is there.", done.rows);
        Ok(())
    }
    .await;
    target.release(outcome).await
}

pub(super) async fn export(config: &Config, out: Option<&Path>, accounts: bool) -> Outcome {
    let target = Target::of(config).await?;
    let outcome = async {
        let mut connection = connect(&target).await?;
        // Beside it, so that an earlier copy is there until this one is whole.
        let part = out.map(|path| path.with_added_extension("part"));
        let mut destination: Box<dyn Write + Send> = match &part {
            None => Box::new(BufWriter::new(std::io::stdout())),
            Some(path) => Box::new(BufWriter::new(create(path)?)),
        };
        let mut telling = Telling::new();
        let mut tell = |table: &str, done, all| telling.tell(table, done, all);
        let rows = copying::export(&mut connection, &mut destination, accounts, &mut tell).await?;
        if let (Some(part), Some(path)) = (part, out) {
            fs::rename(part, path)?;
        }
        eprintln!("{rows} rows.");
        Ok(())
    }
    .await;
    target.release(outcome).await
}

/// A session of its own: what is set for it must hold to its end.
async fn connect(target: &Target) -> Result<PgConnection, Box<dyn Error>> {
    if pooler::probe(&target.login).await? != Pooling::Session {
        return Err("this is a transaction pooler, behind which a copy has no session of its own.\n\
                    Give MIGRATE_DATABASE_URL the direct address or the session pooler (port 5432 on Supabase)"
            .into());
    }
    Ok(connect::open(&target.login).await?)
}

/// For nobody else: names, logs and perhaps password digests are in it.
fn create(path: &Path) -> Result<File, Box<dyn Error>> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    Ok(options.open(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Words about what goes on, on standard error: of what takes its time.
struct Telling {
    last: Instant,
}

impl Telling {
    fn new() -> Self {
        Self { last: Instant::now() }
    }

    fn tell(&mut self, table: &str, done: u64, all: u64) {
        if self.last.elapsed() >= WORD {
            eprintln!("{table}: {done} of {all}");
            self.last = Instant::now();
        }
    }
}
