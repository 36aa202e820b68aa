//! What the service does for the database itself, not for a caller.

use super::Db;
use crate::api::problem::Problem;

impl Db {
    /// Whether the database answers.
    ///
    /// # Errors
    /// 503 when it does not.
    pub async fn ready(&self) -> Result<(), Problem> {
        self.without_caller(async |connection| {
            sqlx::query_file_scalar!("sql/service/ready.sql").fetch_one(connection).await?;
            Ok(())
        })
        .await
    }

    /// Does what falls due with time; the service calls it at its start and once a day.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub async fn keep_house(&self) -> Result<(), Problem> {
        let done = self
            .without_caller(async |connection| {
                let query = sqlx::query_file!("sql/service/keep_house.sql");
                Ok(query.fetch_one(connection).await?)
            })
            .await?;
        self.house.unpartitioned_rows.set(done.unpartitioned);
        self.house.kept_at.set(seconds_since_1970());
        tracing::debug!(
            partitions = done.partitions,
            idempotency_keys = done.keys,
            login_attempts = done.attempts,
            unpartitioned_audit_rows = done.unpartitioned,
            "kept house"
        );
        Ok(())
    }

    /// Keeps authors from passing their own edge versions, from now on and for every client. Only
    /// the owner of the database can take it back.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub async fn require_independent_verifier(&self) -> Result<(), Problem> {
        self.without_caller(async |connection| {
            sqlx::query_file!("sql/service/require_independent_verifier.sql")
                .execute(connection)
                .await?;
            Ok(())
        })
        .await
    }
}

fn seconds_since_1970() -> f64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64())
}
