//! What Dagster does with a run: its steps, its log, its end, and what Dagster's side calls out.

use std::str::FromStr;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use tokio::time::sleep;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Run, queries};
use crate::api::body;
use crate::api::fields::{self, FromFields, NoBody};
use crate::api::id::Id;
use crate::api::page::Limit;
use crate::api::problem::Problem;
use crate::api::query::{FromParams, NoParams, Query};
use crate::api::reply::Reply;
use crate::api::router::Router;
use crate::api::time::DateTime;
use crate::auth::caller::Caller;
use crate::db::Db;
use crate::engine::{Engine, SeenLogs, SeenStep};
use crate::resource::change::Change;
use crate::resource::verbs::{self, Revision};

/// How often a log is read again that somebody waits for.
const AGAIN: Duration = Duration::from_secs(1);

/// The steps of a run, as Dagster has them.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunSteps {
    pub run_id: Uuid,
    pub dagster_run_id: Option<String>,
    /// Where a person looks at it in Dagster.
    #[schema(example = "http://localhost:3000/runs/60c7e1f7-e646-4eb7-bfe0-e35685346dc4")]
    pub dagster_url: Option<String>,
    /// None before Dagster has begun it, and of a run that is reported by hand.
    pub steps: Vec<RunStep>,
}

/// A step of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunStep {
    /// What Dagster calls it.
    #[schema(example = "block[raw_events_01a2057584d979dba493fbb455308177]")]
    pub step: String,
    /// The block that it runs, if it runs one.
    pub block_id: Option<Uuid>,
    /// In Dagster's words: `IN_PROGRESS`, `SUCCESS`, `FAILURE` or `SKIPPED`.
    pub status: Option<String>,
    pub started_at: Option<DateTime>,
    pub ended_at: Option<DateTime>,
    /// Why it failed.
    pub error: Option<String>,
}

impl RunStep {
    fn of(step: SeenStep, errors: &[(String, String)]) -> Self {
        let error = errors.iter().find(|(key, _)| *key == step.step_key);
        Self {
            block_id: block_of(&step.step_key),
            error: error.map(|(_, message)| message.clone()),
            step: step.step_key,
            status: step.status,
            started_at: step.start_time.and_then(time),
            ended_at: step.end_time.and_then(time),
        }
    }
}

/// A part of the log of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunLogs {
    pub items: Vec<RunLogLine>,
    /// Where it goes on: the next request's `cursor`, also when there is nothing yet.
    pub next_cursor: Option<String>,
    /// Whether there is more already.
    pub has_more: bool,
}

/// An event in the log of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunLogLine {
    pub at: Option<DateTime>,
    #[schema(example = "INFO")]
    pub level: Option<String>,
    /// The step that it is of.
    pub step: Option<String>,
    pub block_id: Option<Uuid>,
    /// What happened, in Dagster's words; none of what a step has logged itself.
    #[schema(example = "STEP_SUCCESS")]
    pub event: Option<String>,
    pub message: Option<String>,
    pub error: Option<String>,
}

/// Which part of a log.
#[derive(Debug, IntoParams, FromParams)]
#[into_params(parameter_in = Query)]
pub struct LogsWanted {
    /// `next_cursor` of the part before.
    #[param(value_type = Option<String>, max_length = 4000)]
    pub cursor: Option<LogCursor>,
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    #[read(default)]
    pub limit: Limit,
    /// Seconds to wait for something to come, while the run goes on.
    #[param(value_type = Option<i32>, minimum = 0, maximum = 30, default = 0)]
    #[read(default)]
    pub wait: Wait,
}

/// A place in a log, as Dagster names it.
#[derive(Debug, Clone)]
pub struct LogCursor(String);

impl FromStr for LogCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_one = (1..=4000).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte));
        if is_one { Ok(Self(text.to_owned())) } else { Err("Is no cursor of this list.") }
    }
}

/// Seconds to wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wait(Duration);

impl FromStr for Wait {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A sign is none of it.
        match text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>()) {
            Some(Ok(seconds @ 0..=30)) => Ok(Self(Duration::from_secs(seconds))),
            _ => Err("Must be a whole number from 0 to 30."),
        }
    }
}

/// Runs that have changed.
#[derive(Debug, ToSchema, FromFields)]
pub struct DagsterEvents {
    #[read(max = 200)]
    #[schema(max_items = 200)]
    pub runs: Option<Vec<DagsterEvent>>,
}

/// That a run has changed. It is looked up in Dagster, and that is what counts.
#[derive(Debug, ToSchema, FromFields)]
pub struct DagsterEvent {
    /// The tag `blockyard/run_id`.
    #[schema(value_type = Uuid)]
    pub run_id: Id,
    pub dagster_run_id: Option<String>,
    pub status: Option<String>,
}

/// The block in a step's key: the 32 hex digits before its bracket closes.
fn block_of(step: &str) -> Option<Uuid> {
    let inside = step.strip_suffix(']')?;
    let digits = inside.get(inside.len().checked_sub(32)?..)?;
    Uuid::try_parse(digits).ok()
}

fn time(seconds: f64) -> Option<DateTime> {
    #[expect(clippy::cast_possible_truncation, reason = "years that are no years are refused")]
    DateTime::from_micros((seconds * 1_000_000.0).round() as i64)
}

/// What Dagster tells in milliseconds, as a text.
fn time_of_text(milliseconds: &str) -> Option<DateTime> {
    DateTime::from_micros(milliseconds.parse::<i64>().ok()?.checked_mul(1000)?)
}

async fn find(db: &Db, caller: &Caller, run_id: Uuid) -> Result<Run, Problem> {
    let caller = caller.clone();
    verbs::find(db, caller, &run_id.to_string(), async |scope| queries::get(scope, run_id).await)
        .await
}

/// Cancel a run
///
/// Dagster is asked to end it, and marks it as canceled by force when it has not ended in time: the run
/// is `canceled` once that is so. What was not launched yet, and what is reported by hand, is at once.
/// Of a run that has ended nothing changes.
#[utoipa::path(
    operation_id = "cancel_run",
    params(("run_id" = Uuid, Path)),
    responses((status = 200, description = "The run, canceled or to be canceled", body = Run))
)]
#[post("/runs/{run_id}/cancel")]
pub async fn cancel(
    db: web::Data<Db>,
    engine: web::Data<Engine>,
    run_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
    change: Change<NoBody>,
) -> Result<Reply, Problem> {
    let reply = verbs::update(
        &db,
        &change,
        async |scope| queries::cancel(scope, **run_id, &change.if_match).await,
        async |scope| Ok(Revision::of(queries::get(scope, **run_id).await?)),
    )
    .await?;
    engine.wake_canceler();
    Ok(reply)
}

/// List the steps of a run
///
/// Which block each runs, how far it is, and why it failed; and where the run is in Dagster. 503
/// `engine_unreachable` while Dagster does not answer.
#[utoipa::path(
    operation_id = "list_run_steps",
    params(("run_id" = Uuid, Path)),
    responses((status = 200, description = "The steps", body = RunSteps))
)]
#[get("/runs/{run_id}/steps")]
pub async fn steps(
    db: web::Data<Db>,
    engine: web::Data<Engine>,
    caller: Caller,
    run_id: web::Path<Id>,
    Query(NoParams): Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let run = find(&db, &caller, **run_id).await?;
    let mut answer = RunSteps {
        run_id: run.run_id,
        dagster_url: run.dagster_run_id.as_deref().and_then(|id| engine.page_of(id)),
        dagster_run_id: run.dagster_run_id,
        steps: Vec::new(),
    };
    if let Some(id) = &answer.dagster_run_id {
        let seen = engine.steps(id).await?;
        let any_failed = seen.iter().any(|step| step.status.as_deref() == Some("FAILURE"));
        let errors = if any_failed { engine.failed_steps(id).await? } else { Vec::new() };
        answer.steps = seen.into_iter().map(|step| RunStep::of(step, &errors)).collect();
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// Read the log of a run
///
/// From its beginning, a part at a time. With `wait` the answer comes when there is something to read,
/// or the run has ended, or the time is over. 503 `engine_unreachable` while Dagster does not answer.
#[utoipa::path(
    operation_id = "get_run_logs",
    params(("run_id" = Uuid, Path), LogsWanted),
    responses((status = 200, description = "A part of the log", body = RunLogs))
)]
#[get("/runs/{run_id}/logs")]
pub async fn logs(
    db: web::Data<Db>,
    engine: web::Data<Engine>,
    caller: Caller,
    run_id: web::Path<Id>,
    Query(wanted): Query<LogsWanted>,
) -> Result<HttpResponse, Problem> {
    let until = Instant::now() + wanted.wait.0;
    let after = wanted.cursor.map(|LogCursor(text)| text);
    let limit = i32::try_from(wanted.limit.fetched() - 1).unwrap_or(1);
    loop {
        // Before the log: what a run has logged that was over is in it.
        let run = find(&db, &caller, **run_id).await?;
        let is_over = run.status.is_outcome() || !run.launch;
        let seen = match &run.dagster_run_id {
            Some(id) => engine.logs(id, after.as_deref(), limit).await?,
            None => None,
        };
        let is_empty = seen.as_ref().is_none_or(|logs| logs.events.is_empty());
        if !is_empty || is_over || Instant::now() >= until {
            return Ok(HttpResponse::Ok().json(answer(seen, after)));
        }
        sleep(AGAIN.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

fn answer(seen: Option<SeenLogs>, after: Option<String>) -> RunLogs {
    let Some(seen) = seen else {
        return RunLogs { items: Vec::new(), next_cursor: after, has_more: false };
    };
    let items = seen.events.into_iter().map(|event| RunLogLine {
        at: event.timestamp.as_deref().and_then(time_of_text),
        level: event.level,
        block_id: event.step_key.as_deref().and_then(block_of),
        step: event.step_key,
        event: event.event_type,
        message: event.message,
        error: event.error.map(|error| error.message.trim().to_owned()),
    });
    RunLogs { items: items.collect(), next_cursor: Some(seen.cursor), has_more: seen.has_more }
}

/// Hear of runs that have changed
///
/// For the code location: signed with `DAGSTER_EVENTS_SECRET`, as `Blockyard-Signature: t=<unix
/// seconds>,v1=<hex HMAC-SHA256 of "<t>." and the body>`, within five minutes. A hint, by which these
/// runs are looked at in Dagster at once; the same answer for runs that are not known.
#[utoipa::path(
    operation_id = "hear_dagster_events",
    params(("Blockyard-Signature" = String, Header)),
    request_body = DagsterEvents,
    responses((status = 202, description = "They are looked at"))
)]
#[post("/dagster/events")]
pub async fn events(
    engine: web::Data<Engine>,
    request: HttpRequest,
    Query(NoParams): Query<NoParams>,
    payload: Signed,
) -> Result<HttpResponse, Problem> {
    let signature = request.headers().get("Blockyard-Signature");
    let signature = signature.and_then(|value| value.to_str().ok());
    engine.check_hint(signature, &payload.0)?;
    let events: DagsterEvents = fields::read(&payload.0)?;
    let runs = events.runs.unwrap_or_default();
    if !runs.is_empty() {
        engine.look_at(runs.into_iter().map(|event| event.run_id.0).collect());
    }
    Ok(HttpResponse::Accepted().finish())
}

/// The bytes that were signed.
pub struct Signed(web::Bytes);

impl FromRequest for Signed {
    type Error = Problem;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::receive(request, payload, |limit| limit.bytes);
        Box::pin(async move { bytes.await.map(Self) })
    }
}

pub fn configure(config: &mut impl Router) {
    config.service(cancel).service(steps).service(logs).service(events);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_names_its_block() {
        let id: Uuid = "01a20575-84d9-79db-a493-fbb455308177".parse().expect("an id");
        assert_eq!(block_of("block[raw_events_01a2057584d979dba493fbb455308177]"), Some(id));
        assert_eq!(block_of("block_3[é_01a2057584d979dba493fbb455308177]"), Some(id));
        for other in ["plan", "]", "gather[x]", "block[éé1a2057584d979dba493fbb455308177]"] {
            assert_eq!(block_of(other), None, "{other}");
        }
    }
}
