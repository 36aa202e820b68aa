//! The connections: a pool that never hands on one whose last statement was cut off.
//!
//! sqlx's own pool pings the server on every release, which costs a third of PostgreSQL's CPU
//! for a point read and cannot be switched off; `deadpool` leaves the choice to us.

use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, Object, RecycleError, RecycleResult};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use super::metrics::DatabaseMetrics;

/// A connection that was idle for longer than this is tried before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

pub(super) type Pool = managed::Pool<Manager>;

pub(super) struct Manager {
    options: PgConnectOptions,
    pub(super) metrics: DatabaseMetrics,
}

impl Manager {
    /// The name of the database.
    pub(super) fn database(&self) -> Option<&str> {
        self.options.get_database()
    }
}

/// A pooled connection, and whether it may be used again.
pub(super) struct Pooled {
    pub(super) connection: PgConnection,
    /// Set while a caller works on it. Still set when it comes back: the work was cut off
    /// (the client left, the handler panicked), and its answer may yet arrive.
    busy: bool,
    idle_since: Instant,
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Pooled, sqlx::Error> {
        let connection = self.options.connect().await?;
        self.metrics.opened.inc();
        Ok(Pooled {
            connection,
            busy: false,
            idle_since: Instant::now(),
        })
    }

    async fn recycle(&self, pooled: &mut Pooled, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if pooled.busy {
            return Err(RecycleError::message("cut off in the middle of its work"));
        }
        if pooled.idle_since.elapsed() > TRUSTED_FOR {
            pooled.connection.ping().await?;
        }
        Ok(())
    }
}

/// A connection on loan. Dropped without [`Loan::give_back`], it is closed, not reused.
pub(super) struct Loan(Option<Object<Manager>>);

impl Loan {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match &mut self.0 {
            Some(object) => &mut object.connection,
            None => unreachable!("a loan is taken back only by consuming it"),
        }
    }

    /// Returns the connection for others to use.
    pub(super) fn give_back(mut self) {
        if let Some(mut object) = self.0.take() {
            object.busy = false;
            object.idle_since = Instant::now();
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// Why no connection could be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    #[error("all {0} connections stayed in use for {1:?}")]
    Exhausted(usize, Duration),
    #[error(transparent)]
    Connect(#[from] sqlx::Error),
}

impl Unavailable {
    /// The same in a word, for metrics and traces.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Exhausted(..) => "exhausted",
            Self::Connect(_) => "unreachable",
        }
    }
}

pub(super) fn build(
    options: PgConnectOptions,
    size: usize,
    wait: Duration,
    metrics: DatabaseMetrics,
) -> Result<Pool, managed::BuildError> {
    Pool::builder(Manager { options, metrics })
        .max_size(size)
        .wait_timeout(Some(wait))
        .create_timeout(Some(wait))
        .recycle_timeout(Some(wait))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
}

pub(super) async fn borrow(pool: &Pool) -> Result<Loan, Unavailable> {
    let begun = Instant::now();
    let got = pool.get().await;
    let metrics = &pool.manager().metrics;
    metrics.wait.observe(begun.elapsed().as_secs_f64());
    let unavailable = match got {
        Ok(mut object) => {
            object.busy = true;
            return Ok(Loan(Some(object)));
        }
        Err(managed::PoolError::Backend(error)) => Unavailable::Connect(error),
        Err(_) => {
            let wait = pool.timeouts().wait.unwrap_or_default();
            Unavailable::Exhausted(pool.status().max_size, wait)
        }
    };
    metrics.refused(&unavailable);
    Err(unavailable)
}
