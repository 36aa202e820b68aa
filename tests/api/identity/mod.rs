//! Who is calling: sessions, users, passwords and API keys.

mod keys;
mod sessions;
mod users;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::service::{Answer, Person, Service, Setup};
use crate::support::connect;
use blockyard::config::Config;

const ANOTHER: &str = "wrong donkey accumulator clip";

async fn login(service: &Service, username: &str, password: &str) -> Answer {
    let body = json!({ "username": username, "password": password });
    service.nobody().post("/auth/login", body).await
}

async fn refresh(service: &Service, token: &str) -> Answer {
    let body = json!({ "refresh_token": token });
    service.nobody().post("/auth/refresh", body).await
}

fn with_limits(account: u32, address: u32) -> Setup {
    let mut setup = Setup::default();
    setup.config =
        Config { login_account_limit: account, login_address_limit: address, ..setup.config };
    setup
}

async fn issue(person: &Person<'_>, body: Value) -> Answer {
    person.post("/api-keys", body).await.expect(StatusCode::CREATED)
}

async fn owner(service: &Service, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(&mut connect(&service.database.owner()).await)
        .await
        .expect("a statement");
}
