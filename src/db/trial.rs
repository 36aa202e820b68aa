//! Work that is done for real, looked at, and undone.

use std::sync::atomic::AtomicBool;

use sqlx::Connection;

use super::failure::Loss;
use super::{Db, Failure, Scope, Transaction};
use crate::api::problem::Problem;
use crate::auth::caller::Caller;

impl Db {
    /// Runs `work` in one transaction that never commits; it is run again when it lost against a
    /// concurrent one, or its connection.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn trial<T>(
        &self,
        caller: &Caller,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let is_spent = &AtomicBool::new(false);
        self.attempting(Some(caller), Loss::Harmless, is_spent, async |connection| {
            let mut transaction = connection.begin().await?;
            let connection = &mut *transaction;
            let outcome = work(&mut Transaction(Scope { caller, connection, is_spent })).await;
            // Not left to the next use of the connection, until when its locks would stay.
            if outcome.as_ref().err().is_none_or(Failure::leaves_connection_usable) {
                transaction.rollback().await?;
            }
            outcome
        })
        .await
    }
}

impl Transaction<'_> {
    /// Runs a part of the work, of which nothing stays when it is refused: the rest may go on.
    ///
    /// # Errors
    /// Those after which nothing goes on: a lost connection, or a lost race.
    pub async fn part<T>(
        &mut self,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<Result<T, Problem>, Failure> {
        let mut savepoint = self.0.connection.begin().await?;
        let (caller, is_spent) = (self.0.caller, self.0.is_spent);
        let connection = &mut *savepoint;
        match work(&mut Transaction(Scope { caller, connection, is_spent })).await {
            Ok(outcome) => {
                savepoint.commit().await?;
                Ok(Ok(outcome))
            }
            Err(failure) if failure.is_refusal() => {
                savepoint.rollback().await?;
                Ok(Err(failure.into_problem()))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Runs `work`, looks at what it did, and undoes it.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn undone<T>(
        &mut self,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut savepoint = self.0.connection.begin().await?;
        let (caller, is_spent) = (self.0.caller, self.0.is_spent);
        let connection = &mut *savepoint;
        let outcome = work(&mut Transaction(Scope { caller, connection, is_spent })).await?;
        savepoint.rollback().await?;
        Ok(outcome)
    }
}
