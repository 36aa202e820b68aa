//! Work that reads what was so at one instant: an earlier one, or its own.

use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::{Connection, Postgres, Transaction};

use super::failure::Loss;
use super::{Db, Failure, Scope};
use crate::api::problem::Problem;
use crate::api::time::DateTime;
use crate::auth::caller::Caller;

const SNAPSHOT: &str = "begin isolation level repeatable read";

impl Db {
    /// Runs `work` in one transaction, in which tables, views and functions that are named without
    /// their schema are those of schema `past`. It is run again when its connection was lost.
    ///
    /// # Errors
    /// As [`Db::run`]; 422 for an instant that open transactions can still change, or before the
    /// history begins.
    pub(super) async fn looking_back<T>(
        &self,
        caller: &Caller,
        instant: DateTime,
        work: impl AsyncFn(&mut Scope<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let is_spent = &AtomicBool::new(false);
        self.attempting(Some(caller), Loss::Harmless, is_spent, async |connection| {
            let mut transaction = connection.begin().await?;
            let connection = &mut *transaction;
            let context = caller.context();
            let look = sqlx::query_file!("sql/db/look_back.sql", context as _, instant as _);
            look.fetch_one(&mut *connection).await?;
            let outcome = work(&mut Scope { caller, connection, is_spent }).await;
            ended(transaction, is_spent, outcome).await
        })
        .await
    }

    /// Runs `work`, which only reads, in one transaction whose statements all see what was there when
    /// its first one began. It is run again when its connection was lost, or when it lost against another
    /// use of the same key or session at the same time.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn snapshot<T>(
        &self,
        caller: &Caller,
        work: impl AsyncFn(&mut Scope<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let is_spent = &AtomicBool::new(false);
        self.attempting(Some(caller), Loss::Harmless, is_spent, async |connection| {
            let mut transaction = connection.begin_with(SNAPSHOT).await?;
            let connection = &mut *transaction;
            let outcome = work(&mut Scope { caller, connection, is_spent }).await;
            ended(transaction, is_spent, outcome).await
        })
        .await
    }
}

/// A transaction that has read, after its work.
async fn ended<T>(
    transaction: Transaction<'_, Postgres>,
    is_spent: &AtomicBool,
    outcome: Result<T, Failure>,
) -> Result<T, Failure> {
    match &outcome {
        // The connection still has rows to send: it is given up, and the transaction with it.
        Ok(_) if is_spent.load(Ordering::Relaxed) => {}
        // What was read may be in the trail.
        Ok(_) => transaction.commit().await?,
        Err(failure) if failure.leaves_connection_usable() => transaction.rollback().await?,
        Err(_) => {}
    }
    outcome
}
