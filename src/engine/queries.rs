//! One function for each file in `sql/engine/`: what the engine asks for nobody.

use serde_json::Value;
use uuid::Uuid;

use super::run_status::RunStatus;
use crate::api::problem::Problem;
use crate::db::Db;

/// Something that others are to be told.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "it is called as its column")]
pub(super) struct Task {
    pub(super) task_id: Uuid,
    pub(super) lease: Uuid,
    pub(super) run_id: Uuid,
    pub(super) attempts: i32,
    /// Of a launch: whether something may have come of an earlier try.
    pub(super) is_unknown: bool,
    pub(super) unknown_seconds: Option<f64>,
    pub(super) age_seconds: f64,
    pub(super) dagster_run_id: Option<String>,
    pub(super) event: Option<Value>,
    /// The span of the request that asked for it.
    pub(super) traceparent: Option<String>,
}

/// What the database learns of a try that did not end a task.
#[derive(Debug, Clone, Copy)]
pub(super) enum Certainty {
    /// Nothing came of it.
    Certain,
    /// Something may have.
    Unknown,
    /// As it was before.
    Waiting,
}

impl Certainty {
    fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Unknown => "unknown",
            Self::Waiting => "waiting",
        }
    }
}

/// What is to be launched.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) lock: Value,
    pub(super) lock_digest: String,
    pub(super) pipeline_id: Uuid,
    pub(super) parameters: Value,
}

/// A run that Dagster has.
#[derive(Debug, Clone)]
pub(super) struct OpenRun {
    pub(super) run_id: Uuid,
    pub(super) dagster_run_id: String,
    pub(super) status: RunStatus,
    pub(super) max_runtime_seconds: Option<i32>,
    pub(super) is_lost: bool,
    pub(super) is_to_be_canceled: bool,
    pub(super) started_seconds: Option<f64>,
}

/// What an event says of its run.
#[derive(Debug)]
pub(super) struct Lineage {
    pub(super) pipeline_name: String,
    pub(super) lock: Value,
    pub(super) lock_digest: String,
    pub(super) failure: Option<String>,
}

#[derive(Debug)]
pub(super) struct Figures {
    pub(super) open: i64,
    pub(super) queued: i64,
    pub(super) lost: i64,
    pub(super) waiting: i64,
    pub(super) oldest_queued: f64,
    pub(super) oldest_task: f64,
}

pub(super) async fn use_engine(
    db: &Db,
    locations: Option<&[String]>,
    sends_lineage: bool,
) -> Result<(), Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file!("sql/engine/use.sql", locations, sends_lineage);
        query.execute(connection).await?;
        Ok(())
    })
    .await
}

pub(super) async fn lead(db: &Db, who: Uuid, seconds: i32) -> Result<bool, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_scalar!("sql/engine/lead.sql", who, seconds);
        Ok(query.fetch_one(connection).await?)
    })
    .await
}

/// Notes that Dagster does not answer and why, or that it does.
pub(super) async fn note(db: &Db, trouble: Option<&str>) -> Result<(), Problem> {
    db.without_caller(async |connection| {
        sqlx::query_file!("sql/engine/note.sql", trouble).execute(connection).await?;
        Ok(())
    })
    .await
}

/// What is due first of these kinds, for so long. Not asked twice: whoever takes a thing and does not
/// hear of it has it.
pub(super) async fn take(db: &Db, tasks: &[String], seconds: i32) -> Result<Option<Task>, Problem> {
    db.once_without_caller(async |connection| {
        let query = sqlx::query_file_as!(Task, "sql/engine/take.sql", tasks, seconds);
        Ok(query.fetch_optional(connection).await?)
    })
    .await
}

pub(super) async fn put_off(
    db: &Db,
    task: &Task,
    seconds: f64,
    error: &str,
    certainty: Certainty,
) -> Result<(), Problem> {
    db.without_caller(async |connection| {
        sqlx::query_file!(
            "sql/engine/put_off.sql",
            task.task_id,
            task.lease,
            seconds,
            error,
            certainty.word()
        )
        .execute(connection)
        .await?;
        Ok(())
    })
    .await
}

pub(super) async fn finish(db: &Db, task: &Task) -> Result<(), Problem> {
    db.without_caller(async |connection| {
        sqlx::query_file!("sql/engine/finish.sql", task.task_id, task.lease)
            .execute(connection)
            .await?;
        Ok(())
    })
    .await
}

/// The last look before a launch, for which there are so many seconds; `None` when it shall not be.
pub(super) async fn admit(db: &Db, task: &Task, seconds: i32) -> Result<Option<Launch>, Problem> {
    db.without_caller(async |connection| {
        let query =
            sqlx::query_file_as!(Launch, "sql/engine/admit.sql", task.task_id, task.lease, seconds);
        Ok(query.fetch_optional(connection).await?)
    })
    .await
}

/// Which run of Dagster counts from now on.
pub(super) async fn note_launch(
    db: &Db,
    task: &Task,
    launched: &str,
) -> Result<Option<String>, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_scalar!("sql/engine/note_launch.sql", task.task_id, launched);
        Ok(query.fetch_one(connection).await?)
    })
    .await
}

pub(super) async fn refuse_launch(db: &Db, task: &Task, reason: &str) -> Result<(), Problem> {
    db.without_caller(async |connection| {
        sqlx::query_file!("sql/engine/refuse_launch.sql", task.task_id, task.lease, reason)
            .execute(connection)
            .await?;
        Ok(())
    })
    .await
}

pub(super) async fn open_runs(db: &Db) -> Result<Vec<OpenRun>, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_as!(OpenRun, "sql/engine/open_runs.sql");
        Ok(query.fetch_all(connection).await?)
    })
    .await
}

/// Whether what Dagster says of a run was new.
pub(super) async fn see_run(
    db: &Db,
    run: Uuid,
    dagster_run: &str,
    status: RunStatus,
    times: (Option<f64>, Option<f64>),
    why: Option<&str>,
) -> Result<bool, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_scalar!(
            "sql/engine/see_run.sql",
            run,
            dagster_run,
            status as _,
            times.0,
            times.1,
            why
        );
        Ok(query.fetch_one(connection).await?)
    })
    .await
}

pub(super) async fn lose_run(db: &Db, run: Uuid, why: &str) -> Result<bool, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_scalar!("sql/engine/lose_run.sql", run, why);
        Ok(query.fetch_one(connection).await?)
    })
    .await
}

pub(super) async fn end_overdue_run(db: &Db, run: Uuid) -> Result<bool, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_scalar!("sql/engine/end_overdue_run.sql", run);
        Ok(query.fetch_one(connection).await?)
    })
    .await
}

pub(super) async fn lineage(db: &Db, run: Uuid) -> Result<Option<Lineage>, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_as!(Lineage, "sql/engine/lineage.sql", run);
        Ok(query.fetch_optional(connection).await?)
    })
    .await
}

pub(super) async fn figures(db: &Db) -> Result<Figures, Problem> {
    db.without_caller(async |connection| {
        let query = sqlx::query_file_as!(Figures, "sql/engine/figures.sql");
        Ok(query.fetch_one(connection).await?)
    })
    .await
}
