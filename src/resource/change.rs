//! A request that changes something: who, under which precondition, with what body, and how often
//! it may come.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::idempotency::{self, IdempotencyKey};
use crate::api::body::{self, FromBody};
use crate::api::etag::IfMatch;
use crate::api::problem::Problem;
use crate::api::reply::Reply;
use crate::auth::caller::Caller;
use crate::db::{Db, Failure, Scope, Transaction};

/// A change that a caller asks for.
pub struct Change<T> {
    pub caller: Caller,
    pub if_match: IfMatch,
    pub body: T,
    key: Option<IdempotencyKey>,
}

impl<T: FromBody + 'static> FromRequest for Change<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let bytes = body::receive(request, payload, T::limit);
        let request = request.clone();
        Box::pin(async move {
            let caller = caller.await?;
            let if_match = IfMatch::of(&request)?;
            let bytes = bytes.await?;
            let body = T::from_body(&request, &bytes)?;
            let key = IdempotencyKey::of(&request, &caller, &bytes)?;
            Ok(Self { caller, if_match, body, key })
        })
    }
}

impl<T> Change<T> {
    /// Says that it writes API keys, as [`Caller::changing_api_keys`].
    #[must_use]
    pub fn of_api_keys(mut self) -> Self {
        self.caller = self.caller.changing_api_keys();
        self
    }

    /// Makes a change of one statement. With an `Idempotency-Key`, the key, the change and its answer
    /// are one transaction, and a repetition gets the first answer; without one it is [`Db::run`].
    ///
    /// # Errors
    /// As [`Db::run`], and 422 when the key came with another request before.
    pub async fn make(
        &self,
        db: &Db,
        work: impl AsyncFn(&mut Scope<'_>) -> Result<Reply, Failure>,
    ) -> Result<Reply, Problem> {
        if self.key.is_none() {
            return db.run(&self.caller, work).await;
        }
        self.make_together(db, async |transaction| work(transaction).await).await
    }

    /// Makes a change of several statements, as [`Change::make`], but in one transaction in any case.
    ///
    /// # Errors
    /// As [`Change::make`].
    pub async fn make_together(
        &self,
        db: &Db,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<Reply, Failure>,
    ) -> Result<Reply, Problem> {
        let Some(key) = &self.key else {
            return db.transaction(&self.caller, work).await;
        };
        db.repeatable_transaction(&self.caller, async |transaction| {
            if let Some(answer) = idempotency::claim(transaction, key).await? {
                return Ok(answer);
            }
            let reply = work(transaction).await?;
            idempotency::keep(transaction, key, &reply).await?;
            Ok(reply)
        })
        .await
    }

    /// The answer that the `Idempotency-Key` got before, if it was used: for a change that does
    /// something before it comes to [`Change::make`].
    ///
    /// # Errors
    /// As [`Change::make`].
    pub async fn earlier_answer(&self, db: &Db) -> Result<Option<Reply>, Problem> {
        match &self.key {
            None => Ok(None),
            Some(key) => {
                db.run(&self.caller, async |scope| idempotency::find(scope, key).await).await
            }
        }
    }
}
