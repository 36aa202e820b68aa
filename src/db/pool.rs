//! The connections: a pool that never hands on one whose last statement was cut off.
//!
//! sqlx's own pool pings the server on every release, which costs a third of PostgreSQL's CPU
//! for a point read and cannot be switched off; `deadpool` leaves the choice to us.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, Object, RecycleError, RecycleResult};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

use super::login::Login;
use super::metrics::DatabaseMetrics;

/// A connection that was idle for longer than this is tried before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// A server that is out of reach says nothing; there must be time left to try another connection.
const PING: Duration = Duration::from_millis(500);
/// How long a new connection may take.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) type Pool = managed::Pool<Manager>;

pub(super) struct Manager {
    login: Login,
    database: Option<String>,
    /// Connections die together: when one is lost, those of its generation are replaced, not
    /// tried one by one at the expense of as many requests.
    generation: AtomicU64,
    pub(super) metrics: DatabaseMetrics,
}

impl Manager {
    /// The name of the database.
    pub(super) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    fn end_generation(&self, of: &Pooled) {
        let next = of.generation + 1;
        // Whoever comes second finds it ended already.
        self.generation
            .compare_exchange(of.generation, next, Ordering::Relaxed, Ordering::Relaxed)
            .ok();
    }
}

/// A pooled connection, and whether it may be used again.
pub(super) struct Pooled {
    pub(super) connection: PgConnection,
    /// Set while a caller works on it. Still set when it comes back: the work was cut off
    /// (the client left, the handler panicked), and its answer may yet arrive.
    busy: bool,
    idle_since: Instant,
    generation: u64,
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Pooled, sqlx::Error> {
        // What ends while this one is made may be its end as well.
        let generation = self.generation.load(Ordering::Relaxed);
        let connection = self.login.connect().await?;
        self.metrics.opened.inc();
        Ok(Pooled { connection, busy: false, idle_since: Instant::now(), generation })
    }

    async fn recycle(&self, pooled: &mut Pooled, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if pooled.busy {
            return Err(RecycleError::message("cut off in the middle of its work"));
        }
        if pooled.generation != self.generation.load(Ordering::Relaxed) {
            return Err(RecycleError::message("others of its time are lost"));
        }
        if pooled.idle_since.elapsed() > TRUSTED_FOR
            && !matches!(timeout(PING, pooled.connection.ping()).await, Ok(Ok(())))
        {
            self.end_generation(pooled);
            return Err(RecycleError::message("lost while it was idle"));
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

    /// Whether nobody has used it before.
    pub(super) fn is_new(&self) -> bool {
        self.0.as_ref().is_some_and(|object| Object::metrics(object).recycle_count == 0)
    }

    /// Returns the connection for others to use.
    ///
    /// Without the room that a large row took, which it would keep for good. (The last of it goes when the
    /// connection is used next, or closed.)
    pub(super) fn give_back(mut self) {
        if let Some(mut object) = self.0.take() {
            object.connection.shrink_buffers();
            object.busy = false;
            object.idle_since = Instant::now();
        }
    }

    /// The server has ended the connection, or cannot be reached: the others need not be tried.
    pub(super) fn count_as_lost(mut self, pool: &Pool) {
        if let Some(object) = self.0.take() {
            pool.manager().end_generation(&object);
            drop(Object::take(object));
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
    #[error("none of the {0} connections could be had within {1:?}")]
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
    login: Login,
    size: usize,
    wait: Duration,
    metrics: DatabaseMetrics,
) -> Result<Pool, managed::BuildError> {
    let (generation, database) = (AtomicU64::new(0), login.database());
    Pool::builder(Manager { login, database, generation, metrics })
        .max_size(size)
        .wait_timeout(Some(wait))
        .create_timeout(Some(CONNECT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
}

/// Closes what was not needed for so long, and gives back what it takes here and in PostgreSQL.
pub(super) fn close_idle(pool: &Pool, longest: Duration) {
    pool.retain(|pooled, _| pooled.idle_since.elapsed() < longest);
}

pub(super) async fn borrow(pool: &Pool) -> Result<Loan, Unavailable> {
    let begun = Instant::now();
    // Waiting for a turn, trying old connections and making a new one: all of it together.
    let wait = pool.timeouts().wait.unwrap_or_default();
    let status = pool.status();
    let outcome = if status.available == 0 && status.size < status.max_size {
        // A connection that is being made outlives whoever gave up waiting for it: on a busy
        // server, just back, each would begin anew otherwise, and none would get one.
        let pool = pool.clone();
        let made = tokio::spawn(async move { pool.get().await });
        timeout(wait, made).await.ok().and_then(Result::ok)
    } else {
        timeout(wait, pool.get()).await.ok()
    };
    let metrics = &pool.manager().metrics;
    metrics.wait.observe(begun.elapsed().as_secs_f64());
    let unavailable = match outcome {
        Some(Ok(mut object)) => {
            object.busy = true;
            return Ok(Loan(Some(object)));
        }
        Some(Err(managed::PoolError::Backend(error))) => Unavailable::Connect(error),
        _ => Unavailable::Exhausted(pool.status().max_size, wait),
    };
    match &unavailable {
        Unavailable::Connect(_) => metrics.unreachable(),
        Unavailable::Exhausted(..) => metrics.exhausted(),
    }
    Err(unavailable)
}
