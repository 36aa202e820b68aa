//! Cut off, failing, panicking: the next caller acts as themselves, at once, on the only connection.

use std::time::{Duration, Instant};

use actix_web::body::to_bytes;
use actix_web::{App, HttpResponse, test, web};
use blockyard::api::problem::Problem;
use blockyard::auth::Gatekeeper;
use blockyard::auth::caller::Caller;
use blockyard::config::Config;
use blockyard::db::{Db, Scope};
use blockyard::server;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::postgres::PgConnection;

use crate::service::{Service, Setup};

/// Who the database takes the caller for.
async fn whoami(scope: &mut Scope<'_>) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select app.caller_id()::text || ' ' || app.caller_role() from users where (select app.as_caller($1)) limit 1")
        .bind(scope.caller())
        .fetch_one(scope.connection())
        .await
}

async fn me(db: web::Data<Db>, caller: Caller) -> Result<HttpResponse, Problem> {
    let me = db.run(&caller, async |scope| Ok(whoami(scope).await?)).await?;
    Ok(HttpResponse::Ok().json(me))
}

/// What a statement in progress leaves behind that the next one must not see.
async fn pollute(scope: &mut Scope<'_>) -> Result<(), sqlx::Error> {
    whoami(scope).await?;
    Ok(())
}

async fn panics(db: web::Data<Db>, caller: Caller) -> Result<HttpResponse, Problem> {
    db.transaction(&caller, async |scope| -> Result<(), blockyard::db::Failure> {
        pollute(scope).await?;
        panic!("a fault in a handler");
    })
    .await?;
    Ok(HttpResponse::Ok().finish())
}

async fn fails(db: web::Data<Db>, caller: Caller) -> Result<HttpResponse, Problem> {
    db.transaction(&caller, async |scope| {
        pollute(scope).await?;
        sqlx::query("select 1 / 0").execute(scope.connection()).await?;
        Ok(())
    })
    .await?;
    Ok(HttpResponse::Ok().finish())
}

async fn sleeps(db: web::Data<Db>, caller: Caller) -> Result<HttpResponse, Problem> {
    db.transaction(&caller, async |scope| {
        pollute(scope).await?;
        sqlx::query("select pg_sleep(30)").execute(scope.connection()).await?;
        Ok(())
    })
    .await?;
    Ok(HttpResponse::Ok().finish())
}

/// A service for a test of the ground floor: one connection, handlers that misbehave.
macro_rules! misbehaving {
    ($service:expr, $config:expr) => {{
        let db = Db::new($service.database.service(), 1, Duration::from_secs(10)).expect("a pool");
        let gatekeeper = Gatekeeper::new(&$config).expect("a gatekeeper");
        test::init_service(
            App::new()
                .app_data(web::Data::new(db))
                .app_data(web::Data::new(gatekeeper))
                .route("/me", web::get().to(me))
                .route("/panics", web::get().to(panics))
                .route("/fails", web::get().to(fails))
                .route("/sleeps", web::get().to(sleeps))
                .wrap(actix_web::middleware::from_fn(server::around)),
        )
        .await
    }};
}

#[actix_web::test]
async fn the_next_caller_acts_as_himself_at_once() {
    let service = Service::start().await;
    let config: Config = Setup::default().config;
    let app = misbehaving!(service, config);
    let mut people = Vec::new();
    for person in ["dan", "vera"] {
        let answer = service
            .nobody()
            .post(
                "/auth/login",
                json!({ "username": person, "password": crate::service::PASSWORD }),
            )
            .await;
        people.push((answer.id("access_token"), answer.body["user"].clone()));
    }
    let ask = async |path: &str, token: &str| {
        let request = test::TestRequest::get()
            .uri(path)
            .insert_header(("Authorization", format!("Bearer {token}")));
        match test::try_call_service(&app, request.to_request()).await {
            Ok(response) => response.map_into_boxed_body().into_parts().1,
            Err(error) => error.error_response(),
        }
    };
    for (path, status) in [("/panics", 500), ("/fails", 500), ("/sleeps", 0)] {
        let begun = Instant::now();
        if status == 0 {
            let cut_off =
                tokio::time::timeout(Duration::from_millis(200), ask(path, &people[0].0)).await;
            assert!(cut_off.is_err(), "it was still asleep");
        } else {
            let answer = ask(path, &people[0].0).await;
            assert_eq!(answer.status().as_u16(), status, "{path}");
            assert_eq!(
                answer.headers().get("content-type").map(|value| value.as_bytes()),
                Some(&b"application/problem+json"[..])
            );
        }
        let answer = ask("/me", &people[1].0).await;
        assert_eq!(answer.status(), 200, "after {path}");
        let body = to_bytes(answer.into_body()).await.expect("a body");
        let me: String = serde_json::from_slice(&body).expect("a text");
        let expected = format!("{} viewer", people[1].1["user_id"].as_str().expect("an id"));
        assert_eq!(me, expected, "after {path}");
        assert!(begun.elapsed() < Duration::from_secs(10), "after {path}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_pool_of_one_serves_many_and_a_full_one_says_so() {
    let mut setup = Setup::default();
    setup.config.database_connections = 1;
    setup.config.database_wait_seconds = 1;
    let service = Service::with(setup).await;
    let dan = service.developer().await;
    let id = crate::blocks::register(&dan, "b").await;
    let path = format!("/blocks/{id}");
    let answers = futures_util::future::join_all((0..50).map(|_| dan.get(&path))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));

    // Somebody else holds the row: whoever wants the connection meanwhile is told to come again.
    let mut owner = service.database.connect().await;
    sqlx::raw_sql("begin; select from blocks for update")
        .execute(&mut owner)
        .await
        .expect("a lock");
    let dora = service.colleague().await;
    let (blocked, refused) = tokio::join!(dan.patch(&path, json!({ "description": "x" })), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        dora.get(&path).await
    });
    let refused = refused.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert_eq!(refused.header("retry-after"), "1");
    blocked.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    sqlx::raw_sql("rollback").execute(&mut owner).await.expect("the lock goes");
    dan.get(&path).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let service = Service::start().await;
    let dan = service.developer().await;
    let id = crate::blocks::register(&dan, "b").await;
    let mut superuser = crate::support::connect(&service.database.superuser()).await;
    terminate_sessions(&mut superuser).await;
    // A read, and a change that bears a key, are done again on another connection.
    dan.get(&format!("/blocks/{id}")).await.expect(StatusCode::OK);
    for n in 0..20 {
        terminate_sessions(&mut superuser).await;
        let request = dan
            .request(Method::PATCH, &format!("/blocks/{id}"))
            .header("Idempotency-Key", format!("k{n}"));
        let answer =
            request.json(json!({ "metadata": { "n": n } })).send().await.expect(StatusCode::OK);
        assert_eq!(answer.body["version_number"], n + 2);
        terminate_sessions(&mut superuser).await;
        dan.get(&format!("/blocks/{id}")).await.expect(StatusCode::OK);
    }
    // Without one only the client knows whether it may be done again.
    terminate_sessions(&mut superuser).await;
    let body = json!({ "metadata": { "n": 20 } });
    let answer = dan.patch(&format!("/blocks/{id}"), body.clone()).await;
    let made = match answer.status {
        StatusCode::OK => 23,
        _ => {
            let answer = answer.refused(StatusCode::SERVICE_UNAVAILABLE, "unknown_outcome");
            assert_eq!(answer.header("retry-after"), "1");
            22
        }
    };
    let answer = dan.patch(&format!("/blocks/{id}"), body).await;
    assert_eq!(answer.expect(StatusCode::OK).body["version_number"], made);
}

async fn terminate_sessions(superuser: &mut PgConnection) {
    sqlx::query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'blockyard_api' and datname = current_database()")
        .execute(superuser)
        .await
        .expect("ended");
}

#[tokio::test]
async fn a_change_that_is_refused_keeps_nothing_locked() {
    let service = Service::start().await;
    let dan = service.developer().await;
    crate::blocks::register(&dan, "taken").await;
    let request = dan.request(Method::POST, "/blocks").header("Idempotency-Key", "k");
    let body = json!({ "name": "taken", "block_type": "model" });
    request.json(body).send().await.refused(StatusCode::CONFLICT, "name_taken");
    let mut superuser = crate::support::connect(&service.database.superuser()).await;
    let states: Vec<String> = sqlx::query_scalar(
        "select state from pg_stat_activity where usename = 'blockyard_api' and datname = current_database()",
    )
    .fetch_all(&mut superuser)
    .await
    .expect("the sessions");
    assert!(!states.is_empty());
    assert!(states.iter().all(|state| state == "idle"), "{states:?}");
}
