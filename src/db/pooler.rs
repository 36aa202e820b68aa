//! Whether a pooler stands between us and PostgreSQL that gives each transaction another backend.
//!
//! Such a pooler (Supabase's port 6543, PgBouncer with `pool_mode = transaction`) breaks what
//! belongs to a session: the lock that keeps two migrations apart, and named statements.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};

use super::connect::{self, Unreachable};

/// An idle pooler hands out the backend that came back last, so once is nearly always enough.
const TRIES: usize = 5;

/// What stands between us and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing, or a pooler that keeps one backend for each client.
    Session,
    /// A pooler that changes backends between transactions.
    Transaction {
        /// Whether it carries named prepared statements along.
        carries_statements: bool,
    },
}

/// Finds out by trying: two connections that are open at the same time and report the same
/// backend share it, which without a transaction pooler is impossible.
///
/// # Errors
/// `Unreachable`. A connection that breaks meanwhile counts as no evidence.
pub async fn probe(login: &PgConnectOptions) -> Result<Pooling, Unreachable> {
    // Nothing is cached, so that no named statement is left on a shared backend.
    let mut one = connect::open(login).await?;
    let mut two = connect::open(login).await?;
    let mut pooling = Pooling::Session;
    for _ in 0..TRIES {
        match (backend(&mut one).await, backend(&mut two).await) {
            (Ok(first), Ok(second)) if first == second => {
                pooling = Pooling::Transaction {
                    carries_statements: carries_statements(&mut one, &mut two).await,
                };
                break;
            }
            (Ok(_), Ok(_)) => {}
            (first, second) => {
                tracing::debug!(?first, ?second, "probing for a pooler");
                break;
            }
        }
    }
    for connection in [one, two] {
        if let Err(error) = connection.close().await {
            tracing::debug!(%error, "closing a connection");
        }
    }
    Ok(pooling)
}

/// Which server process answers. The simple protocol: it names no statement.
async fn backend(connection: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}

/// Whether both connections can use their own statement of the same name on the one backend.
async fn carries_statements(one: &mut PgConnection, two: &mut PgConnection) -> bool {
    let outcome = async {
        // sqlx gives both the same name, for it counts in each connection from 1.
        for _ in 0..2 {
            sqlx::query("select 1").execute(&mut *one).await?;
            sqlx::query("select 1").execute(&mut *two).await?;
        }
        Ok::<_, sqlx::Error>(())
    }
    .await;
    if let Err(error) = sqlx::raw_sql("deallocate all").execute(&mut *two).await {
        tracing::debug!(%error, "forgetting the statements of the probe");
    }
    outcome.is_ok()
}
