//! People and things for the tests to act on; see `fixture.sql`.

use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError};
use sqlx::{AssertSqlSafe, query_scalar, raw_sql};

use crate::support::{Database, connect};

/// Makes the functions of `fixture.sql` and returns a connection of the database's owner.
pub async fn create(database: &Database) -> PgConnection {
    let mut owner = database.connect().await;
    raw_sql(include_str!("fixture.sql")).execute(&mut owner).await.unwrap();
    owner
}

pub async fn person(owner: &mut PgConnection, username: &str, role: &str) -> String {
    query_scalar("select test.person($1, $2)::text")
        .bind(username)
        .bind(role)
        .fetch_one(owner)
        .await
        .unwrap()
}

/// One of everything, made by that user; the ids by name.
pub async fn furnish(owner: &mut PgConnection, user: Option<&str>) -> Value {
    query_scalar("select test.furnish($1::uuid)").bind(user).fetch_one(owner).await.unwrap()
}

/// Somebody at a database.
pub struct Client(PgConnection);

/// What the database says when it says no.
#[derive(Debug)]
pub struct Refusal {
    pub code: String,
    pub constraint: String,
    pub detail: String,
}

impl Client {
    pub async fn of(options: &PgConnectOptions) -> Self {
        Self(connect(options).await)
    }

    /// A user who comes through Supabase's REST API.
    pub async fn user(database: &Database, id: &str) -> Self {
        Self::claiming(database, &serde_json::json!({ "sub": id }).to_string()).await
    }

    pub async fn claiming(database: &Database, claims: &str) -> Self {
        let mut client = Self::owner(database).await;
        client.ok(&format!("set role authenticated; set request.jwt.claims = '{claims}'")).await;
        client
    }

    /// The service, in the name of a user or with whatever else is claimed.
    pub async fn service(database: &Database, claims: &str) -> Self {
        let mut client = Self::of(&database.service()).await;
        client.ok(&format!("set request.jwt.claims = '{claims}'")).await;
        client
    }

    /// The owner of the database: no policy binds them, the guards do.
    pub async fn owner(database: &Database) -> Self {
        Self(database.connect().await)
    }

    pub async fn superuser(database: &Database) -> Self {
        Self(connect(&database.superuser()).await)
    }

    /// The rows that were changed or read.
    pub async fn run(&mut self, statement: &str) -> Result<u64, Refusal> {
        let statement = raw_sql(AssertSqlSafe(statement.to_owned()));
        match statement.execute(&mut self.0).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(error) => {
                let error = error.into_database_error().expect("an answer");
                let error = error.downcast_ref::<PgDatabaseError>();
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                Err(Refusal {
                    code: error.code().to_owned(),
                    constraint: text(error.constraint()),
                    detail: text(error.detail()),
                })
            }
        }
    }

    #[track_caller]
    pub fn ok(&mut self, statement: &str) -> impl Future<Output = u64> {
        let place = std::panic::Location::caller();
        async move {
            match self.run(statement).await {
                Ok(rows) => rows,
                Err(refusal) => panic!("{place}: {statement}: {refusal:?}"),
            }
        }
    }

    /// Refused with that SQLSTATE.
    #[track_caller]
    pub fn refused(&mut self, statement: &str, code: &str) -> impl Future<Output = Refusal> {
        let place = std::panic::Location::caller();
        async move {
            match self.run(statement).await {
                Err(refusal) if refusal.code == code => refusal,
                outcome => panic!("{place}: {statement}: not {code} but {outcome:?}"),
            }
        }
    }

    /// The first column of the only row.
    #[track_caller]
    pub fn text(&mut self, statement: &str) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        async move {
            query_scalar(AssertSqlSafe(format!("select ({statement})::text")))
                .persistent(false)
                .fetch_one(&mut self.0)
                .await
                .unwrap_or_else(|error| panic!("{place}: {statement}: {error}"))
        }
    }
}
