//! The ground floor: every way to the database.
//!
//! A handler asks for [`Db::run`] (statements on their own) or [`Db::transaction`] (several that
//! belong together); a change goes by way of `resource::change`. Each hands out a [`Scope`]: a
//! connection together with the caller it serves, and only [`crate::auth`] makes a [`Caller`]. What
//! is asked before there is one (`Db::without_caller`) a test of the schema lists statement by
//! statement.

pub(crate) mod back_off;
mod checks;
pub(crate) mod connect;
mod failure;
mod house;
mod installation;
mod journey;
mod login;
pub mod login_check;
mod metrics;
pub mod migrate;
mod past;
mod pool;
mod pool_metrics;
pub mod pooler;
pub mod privileges;
mod refusal;
mod replica;
mod replica_metrics;
mod replicated;
pub mod service_role;
mod shares;
mod trial;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use prometheus::core::Collector;
use rand::RngExt;
use serde::Serialize;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use tokio::time::timeout;

use crate::api::page::{Limit, Rows};
use crate::api::position::Position;
use crate::api::problem::Problem;
use crate::auth::caller::{Caller, Context};
use crate::telemetry::database_span::DatabaseSpan;

pub use checks::CHECKS;
pub use failure::Failure;
use failure::{Loss, SILENCE, state};
pub use journey::{after, travelling};
pub use login::Login;
use metrics::HouseMetrics;
use replica::Replica;
use shares::{Share, Shares};

/// How often a statement that lost against a concurrent one (SQLSTATE 40001, 40P01) is tried.
const TRIES: u32 = 4;

/// The database, as the service reaches it.
#[derive(Clone)]
pub struct Db {
    pool: pool::Pool,
    shares: Shares,
    replica: Option<Arc<Replica>>,
    house: HouseMetrics,
    /// How long a piece of work may take; its server is gone then.
    silence: Duration,
}

/// A connection and the caller that its statements serve.
pub struct Scope<'a> {
    caller: &'a Caller,
    connection: &'a mut PgConnection,
    /// Set when the connection has more to say than anybody listens to.
    is_spent: &'a AtomicBool,
}

impl<'a> Scope<'a> {
    /// The first parameter of every statement: see `app.as_caller` in the migrations.
    pub fn caller(&self) -> Json<&'a Context> {
        self.caller.context()
    }

    pub fn connection(&mut self) -> &mut PgConnection {
        self.connection
    }

    /// The rows of a page, of which `fetch` asks for one more than `limit`. They are not kept beyond
    /// what a page may have: with the first that is too much the connection is given up.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn rows<'c, T: Serialize>(
        &'c mut self,
        limit: Limit,
        fetch: impl FnOnce(&'c mut PgConnection) -> BoxStream<'c, sqlx::Result<T>>,
    ) -> Result<Rows<T>, Failure> {
        let mut rows = Rows::none(limit);
        let mut stream = fetch(self.connection);
        while let Some(row) = stream.try_next().await? {
            rows.push(row)?;
            // The row of the trail that says what was read is written when the statement ends.
            if rows.ends_early() && !self.caller.is_recorded() {
                self.is_spent.store(true, Ordering::Relaxed);
                break;
            }
        }
        Ok(rows)
    }
}

/// A [`Scope`] whose statements stand or fall together: a refusal undoes all that they did. A statement
/// that writes in several places takes one, since it may meet the row that decides only in some of them.
pub struct Transaction<'a>(Scope<'a>);

impl<'a> Deref for Transaction<'a> {
    type Target = Scope<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Db {
    /// A pool of at most `size` connections, of which one caller holds half, or a tenth when they are slow; a
    /// request waits no longer than `wait` for its caller's turn, and for a connection.
    ///
    /// # Errors
    /// When the pool cannot be built; nothing is connected yet.
    pub fn new(login: impl Into<Login>, size: usize, wait: Duration) -> Result<Self, String> {
        let house = HouseMetrics::new().map_err(|error| error.to_string())?;
        let metrics =
            metrics::DatabaseMetrics::new("database").map_err(|error| error.to_string())?;
        let pool =
            pool::build(login.into(), size, wait, metrics).map_err(|error| error.to_string())?;
        Ok(Self { pool, shares: Shares::of(size), replica: None, house, silence: SILENCE })
    }

    /// The same, for work of so many statements that it takes longer than any other.
    #[must_use]
    pub fn for_long_work(&self, longest: Duration) -> Self {
        Self { silence: longest, ..self.clone() }
    }

    /// What is counted of the database.
    ///
    /// # Errors
    /// When a metric cannot be made.
    pub(crate) fn collectors(&self) -> prometheus::Result<Vec<Box<dyn Collector>>> {
        let mut all = self.pool.manager().metrics.collectors();
        all.push(Box::new(pool_metrics::PoolMetrics::new(&self.pool, "database")?));
        all.extend(self.house.collectors());
        if let Some(replica) = &self.replica {
            all.extend(replica.collectors()?);
        }
        Ok(all)
    }

    /// Runs `work` for `caller`, each statement its own transaction. `work` holds at most one
    /// statement that writes, and that in one place: what it has written stays, though `work` refuses
    /// afterwards. It is run again when that one lost against a concurrent one, and
    /// when the connection was lost under a request that only reads. Such a request a replica may answer.
    ///
    /// # Errors
    /// What `work` refuses; 503 when there is no connection, or the caller's other requests hold all
    /// that one caller may.
    pub async fn run<T>(
        &self,
        caller: &Caller,
        work: impl AsyncFn(&mut Scope<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        if let Some(instant) = caller.instant() {
            return self.looking_back(caller, instant, work).await;
        }
        let loss = if caller.only_reads() { Loss::Harmless } else { Loss::Doubtful };
        let is_spent = &AtomicBool::new(false);
        let work =
            async |connection: &mut _| work(&mut Scope { caller, connection, is_spent }).await;
        // Where a read is recorded it is a change.
        if let Some(replica) = &self.replica
            && caller.only_reads()
            && !caller.is_recorded()
        {
            let _share = self.share(caller).await?;
            if let Some(answer) = replica.read(is_spent, &work).await {
                return Ok(answer);
            }
        }
        self.attempting(Some(caller), loss, is_spent, work).await
    }

    /// Runs `work`, which only reads, as [`Db::run`], and refuses with 404 when there is no such `what`.
    ///
    /// # Errors
    /// As [`Db::run`], and 404.
    pub async fn find<T>(
        &self,
        caller: &Caller,
        what: &str,
        work: impl AsyncFn(&mut Scope<'_>) -> Result<Option<T>, Failure>,
    ) -> Result<T, Problem> {
        // A refusal of the work, so that nobody but the primary says it.
        let work = async |scope: &mut Scope<'_>| {
            work(scope).await?.ok_or_else(|| Problem::not_found(what).into())
        };
        self.run(caller, work).await
    }

    /// Runs `work` in one transaction, which commits when it returns `Ok` and rolls back
    /// otherwise; it is run again when it lost against a concurrent one, and when the connection
    /// was lost before the commit.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn transaction<T>(
        &self,
        caller: &Caller,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        self.committing(caller, Loss::DoubtfulAtCommit, work).await
    }

    /// Runs `work` in one transaction, as [`Db::transaction`]. `work` finds out by itself whether it
    /// was done before, so it is run again also when the connection was lost in the commit.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn repeatable_transaction<T>(
        &self,
        caller: &Caller,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        self.committing(caller, Loss::Resolved, work).await
    }

    /// Runs one statement that serves no caller: there is none yet. It changes nothing that may
    /// not be changed twice.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub(crate) async fn without_caller<T>(
        &self,
        work: impl AsyncFn(&mut PgConnection) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        self.attempting(None, Loss::Harmless, &AtomicBool::new(false), work).await
    }

    /// As [`Db::without_caller`], for a statement that must not be made twice.
    ///
    /// # Errors
    /// As there, and 503 `unknown_outcome` when the connection is lost under it.
    pub(crate) async fn once_without_caller<T>(
        &self,
        work: impl AsyncFn(&mut PgConnection) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        self.attempting(None, Loss::Doubtful, &AtomicBool::new(false), work).await
    }

    /// Closes the connections that nobody has needed for so long.
    pub fn close_idle(&self, longest: Duration) {
        pool::close_idle(&self.pool, longest);
        if let Some(replica) = &self.replica {
            replica.close_idle(longest);
        }
    }

    async fn committing<T>(
        &self,
        caller: &Caller,
        loss: Loss,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let is_spent = &AtomicBool::new(false);
        self.attempting(Some(caller), loss, is_spent, async |connection| {
            let mut transaction = connection.begin().await?;
            let connection = &mut *transaction;
            match work(&mut Transaction(Scope { caller, connection, is_spent })).await {
                Ok(outcome) => {
                    let committed = transaction.commit().await;
                    committed.map_err(|error| Failure::from(error).in_doubt())?;
                    Ok(outcome)
                }
                Err(failure) => {
                    // Dropped, it would end with the next use of the connection, and keep its
                    // locks until then.
                    if failure.leaves_connection_usable() {
                        transaction.rollback().await?;
                    }
                    Err(failure)
                }
            }
        })
        .await
    }

    /// The caller's turn.
    async fn share(&self, caller: &Caller) -> Result<Share, Problem> {
        let wait = self.pool.timeouts().wait.unwrap_or_default();
        let share = self.shares.take(caller.number(), wait).await;
        share.ok_or_else(Problem::too_many_at_once)
    }

    async fn attempting<T>(
        &self,
        caller: Option<&Caller>,
        loss: Loss,
        is_spent: &AtomicBool,
        work: impl AsyncFn(&mut PgConnection) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let manager = self.pool.manager();
        let metrics = &manager.metrics;
        let mut span = DatabaseSpan::begin(manager.database());
        let mut share = match caller {
            Some(caller) => Some(self.share(caller).await.inspect_err(|_| span.failed("share"))?),
            None => None,
        };
        let mut tried = 1;
        let mut doubtful = false;
        loop {
            let mut loan = match pool::borrow(&self.pool).await {
                Ok(loan) => loan,
                Err(unavailable) => {
                    span.failed(unavailable.reason());
                    tracing::warn!(%unavailable, "no database connection");
                    return Err(if doubtful {
                        Problem::unknown_outcome()
                    } else {
                        Problem::unavailable()
                    });
                }
            };
            span.event("connected");
            if let Some(share) = &mut share {
                share.begin();
            }
            let outcome = timeout(self.silence, work(loan.connection())).await;
            let is_silent = outcome.is_err();
            let failure = match outcome {
                Ok(Ok(value)) => {
                    let is_whole = !is_spent.load(Ordering::Relaxed);
                    if is_whole && self.note_position(caller, loan.connection()).await {
                        loan.give_back();
                    }
                    metrics.answered();
                    return Ok(value);
                }
                Ok(Err(failure)) if loss == Loss::Doubtful => failure.in_doubt(),
                Ok(Err(failure)) => failure,
                Err(_) if loss == Loss::Harmless => Failure::silence(),
                Err(_) => Failure::silence().in_doubt(),
            };
            if let Failure::Database(error) | Failure::InDoubt(error) = &failure {
                metrics.failed(error);
                span.failed(state(error));
            }
            if failure.leaves_connection_usable() {
                loan.give_back();
            } else if failure.lost_the_connection() {
                loan.count_as_lost(&self.pool);
            }
            if matches!(failure, Failure::InDoubt(_)) {
                doubtful = true;
                if self.replica.is_some() {
                    journey::wrote(Position::BEYOND);
                }
            }
            // After a silence the client has waited long enough.
            if is_silent || tried == TRIES || !failure.allows_another_try(loss) {
                return Err(failure.into_problem());
            }
            let jitter = rand::rng().random_range(1..=10);
            tokio::time::sleep(Duration::from_millis(jitter << tried)).await;
            metrics.retries.inc();
            tried += 1;
        }
    }
}
