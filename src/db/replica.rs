//! Reads that a replica answers: never older than what the client has written, nor older than a second.
//!
//! Whatever the replica does not answer the primary is asked: what the replica has not yet, what it refuses, and
//! what would write. So a refusal is always the primary's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use prometheus::core::Collector;
use sqlx::postgres::PgConnection;
use tokio::time::{sleep, timeout};

use super::back_off::BackOff;
use super::failure::{Failure, SILENCE, state};
use super::login::Login;
use super::metrics::DatabaseMetrics;
use super::pool::{self, Loan, Pool};
use super::pool_metrics::PoolMetrics;
use super::replica_metrics::ReplicaMetrics;
use super::{journey, refusal};
use crate::api::position::Position;
use crate::telemetry::database_span::DatabaseSpan;

/// How long what the primary said of its log counts: no answer of the replica is older.
const COUNTS_FOR: Duration = Duration::from_secs(1);
/// How often the primary is asked anew, by a read that goes there.
const RENEWED_AFTER: Duration = Duration::from_millis(500);
/// How long a read waits for the replica to get as far as it must be.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long the replica may take to say how far it is, and how long a connection to it.
const LOOK: Duration = Duration::from_millis(500);

/// The replica, as the service reaches it.
pub(super) struct Replica {
    pool: Pool,
    horizon: Mutex<Option<Horizon>>,
    /// Whose replica it is; the primary says it.
    primary: OnceLock<Identity>,
    back_off: BackOff,
    metrics: ReplicaMetrics,
}

/// How far the primary was when it was asked.
#[derive(Clone, Copy)]
struct Horizon {
    position: Position,
    asked: Instant,
    /// When a read was last sent to ask anew.
    sent: Instant,
}

/// Which data, and as whom.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    system: i64,
    database: String,
    role: String,
}

/// What a look at the replica has shown.
enum Sight {
    There,
    Behind,
    /// It takes writes, or has other data.
    Stranger(String),
}

impl Replica {
    pub(super) fn new(login: Login, size: usize, wait: Duration) -> Result<Self, String> {
        let metrics = DatabaseMetrics::new("replica").map_err(|error| error.to_string())?;
        let pool = pool::build(login, size, wait.min(LOOK), metrics);
        Ok(Self {
            pool: pool.map_err(|error| error.to_string())?,
            horizon: Mutex::default(),
            primary: OnceLock::new(),
            back_off: BackOff::default(),
            metrics: ReplicaMetrics::new().map_err(|error| error.to_string())?,
        })
    }

    pub(super) fn collectors(&self) -> prometheus::Result<Vec<Box<dyn Collector>>> {
        let mut all = self.pool.manager().metrics.collectors();
        all.push(Box::new(PoolMetrics::new(&self.pool, "replica")?));
        all.extend(self.metrics.collectors());
        Ok(all)
    }

    pub(super) fn close_idle(&self, longest: Duration) {
        pool::close_idle(&self.pool, longest);
    }

    /// Runs `work`, which changes nothing, on the replica; `None` when the primary is to be asked. `is_spent` as
    /// in a scope.
    pub(super) async fn read<T>(
        &self,
        is_spent: &AtomicBool,
        work: impl AsyncFn(&mut PgConnection) -> Result<T, Failure>,
    ) -> Option<T> {
        let after = journey::after();
        if after == Position::BEYOND {
            return self.primary("behind");
        }
        let Some(horizon) = self.horizon() else { return self.primary("renewing") };
        if let Err(why) = self.back_off.allows() {
            return self.primary(why);
        }
        let mut span = DatabaseSpan::begin(self.pool.manager().database());
        let mut loan = match pool::borrow(&self.pool).await {
            Ok(loan) => loan,
            Err(unavailable) => {
                span.failed(unavailable.reason());
                self.back_off.failed("down");
                return self.primary("down");
            }
        };
        let sight = timeout(LOOK + PATIENCE, self.look(&mut loan, horizon, after)).await;
        let failure = match sight.unwrap_or_else(|_| Err(Failure::silence())) {
            Ok(Sight::There) => {
                span.event("connected");
                match timeout(SILENCE, work(loan.connection())).await {
                    Ok(Ok(value)) => {
                        if !is_spent.load(Ordering::Relaxed) {
                            loan.give_back();
                        }
                        self.back_off.succeeded();
                        self.pool.manager().metrics.answered();
                        self.metrics.count("answered");
                        return Some(value);
                    }
                    Ok(Err(failure)) => failure,
                    Err(_) => Failure::silence(),
                }
            }
            Ok(Sight::Behind) => {
                loan.give_back();
                return self.primary("behind");
            }
            Ok(Sight::Stranger(what)) => {
                self.retire(&what);
                return self.primary("retired");
            }
            Err(failure) => failure,
        };
        if let Failure::Database(error) = &failure {
            self.pool.manager().metrics.failed(error);
            span.failed(state(error));
        }
        is_spent.store(false, Ordering::Relaxed);
        if failure.leaves_connection_usable() {
            loan.give_back();
            return self.primary("asked_again");
        }
        if failure.lost_the_connection() {
            self.back_off.failed("down");
            loan.count_as_lost(&self.pool);
        }
        self.primary("down")
    }

    /// Whether the primary should say how far it is, when it is spoken with anyway.
    pub(super) fn wants_to_know(&self) -> bool {
        self.horizon_now().is_none_or(|horizon| horizon.asked.elapsed() > RENEWED_AFTER)
    }

    /// Asks the primary how far it is: whatever was committed before is before that.
    ///
    /// # Errors
    /// When it does not say it; it then stays as it was.
    pub(super) async fn ask_primary(
        &self,
        primary: &mut PgConnection,
    ) -> Result<Position, Failure> {
        let asked = Instant::now();
        let answer = timeout(LOOK, async {
            if self.primary.get().is_none() {
                self.primary.set(identity(primary).await?).ok();
            }
            sqlx::query_file_scalar!("sql/db/position.sql").fetch_one(primary).await
        });
        let position = match answer.await {
            Ok(Ok(position)) => Position::from(position),
            Ok(Err(error)) => {
                if matches!(error, sqlx::Error::Database(_)) && !refusal::is_loss(&error) {
                    self.retire(&format!("cannot be compared with that of DATABASE_URL ({error})"));
                }
                return Err(error.into());
            }
            Err(_) => return Err(Failure::silence()),
        };
        let mut horizon = self.horizon_now();
        // Others may have asked later, and be here first.
        if horizon.is_none_or(|known| known.asked < asked) {
            *horizon = Some(Horizon { position, asked, sent: asked });
        }
        Ok(position)
    }

    /// How far the replica must be at least; `None` when that is not known, or this read is to find out.
    fn horizon(&self) -> Option<Position> {
        let mut horizon = self.horizon_now();
        let known = horizon.as_mut()?;
        if known.asked.elapsed() >= COUNTS_FOR {
            return None;
        }
        if known.asked.elapsed() > RENEWED_AFTER && known.sent.elapsed() > RENEWED_AFTER {
            known.sent = Instant::now();
            return None;
        }
        Some(known.position)
    }

    fn horizon_now(&self) -> MutexGuard<'_, Option<Horizon>> {
        self.horizon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before each read, on its own connection: so it holds whoever answers at that address.
    async fn look(
        &self,
        loan: &mut Loan,
        horizon: Position,
        after: Position,
    ) -> Result<Sight, Failure> {
        if loan.is_new()
            && let Some(what) = self.greet(loan.connection()).await?
        {
            return Ok(Sight::Stranger(what));
        }
        let begun = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            let query = sqlx::query_file!("sql/db/replayed.sql");
            let found = query.fetch_one(loan.connection()).await?;
            if !found.is_replica {
                return Ok(Sight::Stranger(
                    "takes writes: it was promoted, or never was one".to_owned(),
                ));
            }
            let position = Position::from(found.position);
            self.metrics.lag(horizon.since(position));
            if position >= horizon.max(after) {
                return Ok(Sight::There);
            }
            if begun.elapsed() >= PATIENCE {
                if position < horizon {
                    // Not only for this client, so the others need not wait as long to learn it.
                    self.back_off.failed("behind");
                }
                return Ok(Sight::Behind);
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// What is wrong with a server that a new connection leads to.
    async fn greet(&self, connection: &mut PgConnection) -> sqlx::Result<Option<String>> {
        sqlx::query_file_scalar!("sql/db/greet_replica.sql").fetch_one(&mut *connection).await?;
        let found = identity(connection).await?;
        let Some(primary) = self.primary.get() else { return Ok(None) };
        Ok(if found.system != primary.system {
            Some("is no copy of the server of DATABASE_URL".to_owned())
        } else if found != *primary {
            Some(format!(
                "shows the database {} as {}, and DATABASE_URL {} as {}",
                found.database, found.role, primary.database, primary.role
            ))
        } else {
            None
        })
    }

    /// Asks it no more. Only a new start does: somebody has looked at it then.
    fn retire(&self, what: &str) {
        if self.back_off.end() {
            self.metrics.retired();
            tracing::error!(
                "the server of DATABASE_REPLICA_URL {what}. It gets no reads until this service is started again"
            );
        }
        self.close_idle(Duration::ZERO);
    }

    fn primary<T>(&self, why: &str) -> Option<T> {
        self.metrics.count(why);
        None
    }
}

async fn identity(connection: &mut PgConnection) -> sqlx::Result<Identity> {
    sqlx::query_file_as!(Identity, "sql/db/identity.sql").fetch_one(connection).await
}
